"""How Baken itself is: the time it takes, what it costs the sites, what it could not measure."""

import psutil

from baken.metrics.catalogue import FIVE_MINUTES, MINUTE, MonitorSubject, RunSubject, Values, metric
from baken.sites.problems import NotAvailable


@metric(
    "monitor_collect_seconds",
    unit="seconds",
    help="Time that the last run over the site took",
    scope="run",
    good="down",
)
def collect_seconds(run: RunSubject) -> Values:
    yield (run.seconds,)


@metric(
    "monitor_site_query_seconds",
    unit="seconds",
    help="Query time that the last run cost the site's database",
    scope="run",
    good="down",
)
def site_query_seconds(run: RunSubject) -> Values:
    yield (run.query_seconds,)


@metric(
    "monitor_metrics_absent",
    unit="metrics",
    help="Metrics that the last run asked for and could not measure, each with its reason beside it",
    scope="run",
    good="down",
)
def metrics_absent(run: RunSubject) -> Values:
    yield (run.absent,)


@metric(
    "monitor_collect_failures_total",
    unit="runs",
    help="Runs over the site in which its database could not be read",
    scope="run",
    kind="counter",
    good="down",
)
def collect_failures(run: RunSubject) -> Values:
    yield (run.failures,)


@metric(
    "monitor_missed_runs_total",
    unit="runs",
    help="Runs that did not take place in time, because the one before still ran or Baken stood still",
    scope="run",
    kind="counter",
    good="down",
)
def missed_runs(run: RunSubject) -> Values:
    yield (run.missed,)


@metric(
    "monitor_lag_seconds",
    unit="seconds",
    help="By how much the most belated run is late",
    scope="monitor",
    every=MINUTE,
    good="down",
)
def lag(monitor: MonitorSubject) -> Values:
    yield (monitor.lag,)


@metric(
    "monitor_store_bytes", unit="bytes", help="Size of Baken's store", scope="monitor", every=FIVE_MINUTES, good="down"
)
def store_bytes(monitor: MonitorSubject) -> Values:
    if monitor.store_bytes is None:
        raise NotAvailable("the store's database does not tell its size")
    yield (monitor.store_bytes,)


@metric(
    "monitor_memory_bytes",
    unit="bytes",
    help="Resident memory of Baken's processes",
    labels=("process",),
    scope="monitor",
    every=MINUTE,
    good="down",
)
def memory_bytes(monitor: MonitorSubject) -> Values:
    for role, pid in sorted(monitor.processes.items()):
        try:
            yield role, psutil.Process(pid).memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it is being restarted; its figure is missing for this run


@metric(
    "monitor_notification_failing_seconds",
    unit="seconds",
    help="For how long a channel of notifications has been failing; 0 while it works",
    labels=("channel",),
    scope="monitor",
    every=MINUTE,
    good="down",
)
def notification_failing_seconds(monitor: MonitorSubject) -> Values:
    yield from sorted(monitor.channels.items())


@metric(
    "monitor_notifications_waiting",
    unit="notifications",
    help="Notifications that are due and were not sent yet",
    scope="monitor",
    every=MINUTE,
    good="down",
)
def notifications_waiting(monitor: MonitorSubject) -> Values:
    if monitor.waiting is None:
        raise NotAvailable("the notifications that wait cannot be counted: the store does not answer")
    yield (monitor.waiting,)


@metric(
    "monitor_alert_lag_seconds",
    unit="seconds",
    help="By how much judging the alert rules is behind what was measured",
    scope="monitor",
    every=MINUTE,
    good="down",
)
def alert_lag_seconds(monitor: MonitorSubject) -> Values:
    if monitor.alert_lag is None:
        raise NotAvailable("no alert rule has been judged yet")
    yield (monitor.alert_lag,)

"""How Baken itself is: the time it takes, what it costs the sites, what it could not measure."""

import psutil

from baken.metrics.catalogue import FIVE_MINUTES, MINUTE, MonitorSubject, RunSubject, Values, metric
from baken.sites.problems import NotAvailable


@metric(
    "monitor_collect_seconds",
    unit="seconds",
    title="Measuring time",
    help="Time that the last run over the site took",
    nl=("Duur van de meting", "Tijd die de laatste meetronde over de site duurde"),
    scope="run",
    good="down",
)
def collect_seconds(run: RunSubject) -> Values:
    yield (run.seconds,)


@metric(
    "monitor_site_query_seconds",
    unit="seconds",
    title="Load on site's database",
    help="Query time that the last run cost the site's database",
    nl=("Belasting van de sitedatabase", "Querytijd die de laatste meetronde de database van de site kostte"),
    scope="run",
    good="down",
)
def site_query_seconds(run: RunSubject) -> Values:
    yield (run.query_seconds,)


@metric(
    "monitor_metrics_absent",
    unit="metrics",
    title="Figures not measured",
    help="Metrics that the last run asked for and could not measure, each with its reason beside it",
    nl=("Niet-gemeten cijfers", "Metingen die in de laatste ronde nodig waren en niet lukten; bij elk staat de reden"),
    scope="run",
    good="down",
)
def metrics_absent(run: RunSubject) -> Values:
    yield (run.absent,)


@metric(
    "monitor_collect_failures_total",
    unit="runs",
    title="Failed measuring runs",
    help="Runs over the site in which its database could not be read",
    nl=("Mislukte meetrondes", "Meetrondes waarin de database van de site niet kon worden gelezen"),
    scope="run",
    kind="counter",
    good="down",
)
def collect_failures(run: RunSubject) -> Values:
    yield (run.failures,)


@metric(
    "monitor_missed_runs_total",
    unit="runs",
    title="Missed measuring runs",
    help="Runs that did not take place in time, because the one before still ran or Baken stood still",
    nl=("Gemiste meetrondes", "Meetrondes die niet op tijd plaatsvonden, omdat de vorige nog liep of Baken stilstond"),
    scope="run",
    kind="counter",
    good="down",
)
def missed_runs(run: RunSubject) -> Values:
    yield (run.missed,)


@metric(
    "monitor_lag_seconds",
    unit="seconds",
    title="Measuring delay",
    help="By how much the most belated run is late",
    nl=("Achterstand van de meting", "Hoeveel de meest verlate meetronde te laat is"),
    scope="monitor",
    every=MINUTE,
    good="down",
)
def lag(monitor: MonitorSubject) -> Values:
    yield (monitor.lag,)


@metric(
    "monitor_store_bytes",
    unit="bytes",
    title="Size of Baken's store",
    help="Size of Baken's store",
    nl=("Omvang van Bakens opslag", "Omvang van de opslag van Baken"),
    scope="monitor",
    every=FIVE_MINUTES,
    good="down",
)
def store_bytes(monitor: MonitorSubject) -> Values:
    if monitor.store_bytes is None:
        raise NotAvailable("the store's database does not tell its size")
    yield (monitor.store_bytes,)


@metric(
    "monitor_memory_bytes",
    unit="bytes",
    title="Baken's memory",
    help="Resident memory of Baken's processes",
    nl=("Geheugen van Baken", "Geheugen van de processen van Baken"),
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
    title="Channel out of order",
    help="For how long a channel of notifications has been failing; 0 while it works",
    nl=("Kanaal in storing", "Hoe lang een kanaal voor berichten al niet werkt; 0 zolang het werkt"),
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
    title="Notifications waiting",
    help="Notifications that are due and were not sent yet",
    nl=("Wachtende berichten", "Berichten die al verstuurd hadden moeten zijn en nog wachten"),
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
    title="Delay of alert rules",
    help="By how much judging the alert rules is behind what was measured",
    nl=("Achterstand van de regels", "Hoeveel het beoordelen van de regels achterloopt op wat er gemeten is"),
    scope="monitor",
    every=MINUTE,
    good="down",
)
def alert_lag_seconds(monitor: MonitorSubject) -> Values:
    if monitor.alert_lag is None:
        raise NotAvailable("no alert rule has been judged yet")
    yield (monitor.alert_lag,)


@metric(
    "monitor_export_failing_seconds",
    unit="seconds",
    title="Export out of order",
    help="For how long another monitoring system has not taken what Baken sends it; 0 while it does",
    nl=("Export in storing", "Hoe lang een ander monitoringsysteem niet aanneemt wat Baken stuurt; 0 zolang dat lukt"),
    labels=("target",),
    scope="monitor",
    every=MINUTE,
    good="down",
)
def export_failing_seconds(monitor: MonitorSubject) -> Values:
    yield from ((target, figures.failing) for target, figures in sorted(monitor.exports.items()))


@metric(
    "monitor_export_rejected",
    unit="figures",
    title="Figures refused",
    help="Figures of the last delivery that another monitoring system refused for good",
    nl=("Geweigerde cijfers", "Cijfers uit de laatste levering die een ander monitoringsysteem definitief weigerde"),
    labels=("target",),
    scope="monitor",
    every=MINUTE,
    good="down",
)
def export_rejected(monitor: MonitorSubject) -> Values:
    yield from ((target, figures.rejected) for target, figures in sorted(monitor.exports.items()))


@metric(
    "monitor_export_waiting",
    unit="figures",
    title="Figures waiting",
    help="Figures that wait until another monitoring system takes them",
    nl=("Wachtende cijfers", "Cijfers die wachten tot een ander monitoringsysteem ze aanneemt"),
    labels=("target",),
    scope="monitor",
    every=MINUTE,
    good="down",
)
def export_waiting(monitor: MonitorSubject) -> Values:
    yield from ((target, figures.waiting) for target, figures in sorted(monitor.exports.items()))

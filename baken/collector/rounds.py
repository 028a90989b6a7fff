"""Rounds over one site, for a host that has a scheduler but no process of its own that could collect all the time.

A round measures what has become due since the rounds before, reads new errors, judges the rules, and sends. Nothing is
remembered between two rounds but what the store holds. A collector that watches the site into the same store goes
before: rounds stand by as long as it does.
"""

import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select

from baken import clock
from baken.alerts.watch import AlertWatch
from baken.clock import to_ms
from baken.collector.buffer import Buffer, Gap
from baken.collector.cycle import Run, add_run_metrics, run_site, run_subject
from baken.errors.collect import collect as collect_errors
from baken.exporters.pushing import Exports
from baken.history import kept_retention, leases, present, requests, retention
from baken.history.samples import Cycle
from baken.history.store import Store, StoreError
from baken.history.tables import marks
from baken.history.upserts import upsert
from baken.metrics import catalogue, job_log
from baken.metrics.catalogue import HostSubject, MonitorSubject
from baken.privacy import Pseudonyms, installation_key
from baken.settings import Settings
from baken.sites.reading import Reading
from baken.sites.site import Site

log = structlog.get_logger(__name__)

LIMIT = timedelta(seconds=50)
"""No round lasts longer: what runs rounds has to see to it that one which does not end is left."""

WATCH_TTL = timedelta(seconds=150)
"""For so long after a round the site counts as watched."""

_SILENT = timedelta(minutes=3)
_POLL = 0.25
# A minute's schedule is never exact: what is due within so many seconds is measured now.
_SLACK = timedelta(seconds=10)
_MOST_STEPS = 20
_FAILURES = "monitor_collect_failures_total"
# What was read of a long log goes on from round to round.
_JOB_LOG = "round_job_log"
_PROCESSES = ("host_cpu_ratio",)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round did.

    Attributes:
        reason: why it did nothing; None where it did.
        run: what was measured; None where no figure was due.
        errors: how many were read.
        waiting: notifications that are still to be sent.
        seconds: how long it took.
        stands_by: whether it did nothing because a collector watches the site.
    """

    reason: str | None
    run: Run | None = None
    errors: int = 0
    waiting: int = 0
    seconds: float = 0.0
    stands_by: bool = False


def make_round(
    settings: Settings,
    store: Store,
    site: Site,
    *,
    figures: bool = True,
    fresh: bool = False,
    patience: float = 15.0,
    wait: float = 20.0,
    begun: Callable[[], None] | None = None,
) -> Round:
    """One round over a site.

    Args:
        settings: all settings.
        store: the store, migrated.
        site: the site.
        figures: whether figures are measured; False: only errors are read, and the rules judged.
        fresh: whether all figures are measured, and nothing may be used that another look found out a moment ago.
        patience: seconds that sending may take; what is not sent by then is sent by a later round.
        wait: seconds to wait for another round over the site to end.
        begun: is called when no other round over the site has to be waited for any more.

    Raises:
        StoreError: the store cannot be used.
        SettingsError: what the settings say about alerts cannot be used.
    """
    began = time.monotonic()
    # A number of a process may be there twice: in another container, or in the thread of a round that was left behind.
    name, holder = lease_of(site.name), f"round of process {os.getpid()} {secrets.token_hex(4)}"
    reason, stands_by = _begin(store, site.name, name, holder, began + wait)
    if reason is not None:
        return Round(reason, seconds=time.monotonic() - began, stands_by=stands_by)
    try:
        if begun is not None:
            begun()
        done = _work(settings, store, site, holder, figures=figures, fresh=fresh, patience=patience)
    finally:
        with store.write() as conn:
            leases.release(conn, name, holder)
    return Round(None, done.run, done.errors, done.waiting, time.monotonic() - began)


def maintain(settings: Settings, store: Store, budget: timedelta) -> bool:
    """Clean the store up (packing, roll-ups, retention) for about `budget`; whether all is done. Raises StoreError."""
    with store.read() as conn:
        limits = kept_retention.limits(conn, settings)
    return retention.maintain(store, clock.now(), limits, alerts=limits, budget=budget).complete


def try_again(settings: Settings, store: Store, site: Site) -> None:
    """Use channels again that were stopped: whoever reads of it may have mended them. Raises StoreError."""
    AlertWatch(settings, store, "", lambda: [site.name], site_of=lambda _name: site).try_again()


def lease_of(site: str) -> str:
    """Name of the lease of the round over a site."""
    return f"round {site}"[:140]


def _begin(store: Store, site: str, name: str, holder: str, until: float) -> tuple[str | None, bool]:
    """Take the round's lease; why there is to be no round (None: there is), and whether a collector goes before."""
    while True:
        now = clock.now()
        with store.write() as conn:
            other = _collector(conn, site, now)
            if other is not None:
                return other, True
            if leases.take(conn, name, holder, LIMIT + timedelta(seconds=10), now):
                return None, False
        if time.monotonic() >= until:
            return "another round over the site has not ended", False
        time.sleep(_POLL)


def _collector(conn: Connection, site: str, now: datetime) -> str | None:
    """That a collector measures this site into the store, where one does."""
    lease = leases.holder(conn, leases.COLLECTOR)
    if lease is None or lease.expires <= now:
        return None
    state = present.site_states(conn).get(site)
    own = conn.execute(select(marks.c.value).where(marks.c.name == lease_of(site))).scalar()
    # A collector of other sites only leaves this one to the rounds.
    if state is None or to_ms(state.at) <= (own or 0) or now - state.at > _SILENT:
        return None
    return f"the collector {lease.holder} watches the site"


@dataclass(slots=True)
class _Work:
    run: Run | None = None
    errors: int = 0
    waiting: int = 0
    behind: bool = False


def _work(
    settings: Settings, store: Store, site: Site, holder: str, *, figures: bool, fresh: bool, patience: float
) -> _Work:
    done = _Work()
    watch = AlertWatch(settings, store, holder, lambda: [site.name], site_of=lambda _name: site)
    pseudonyms = Pseudonyms(installation_key(settings.data_dir))
    exports = Exports(settings, store, lambda: [site.name], strict=False)

    def stored(cycles: Sequence[Cycle]) -> None:
        watch.stored(cycles)
        exports.stored(cycles)

    buffer = Buffer(store, settings.collector.buffer_cycles, stored)
    if figures:
        # The processor is measured between two looks, and the first one of this process is now.
        _measure_own("host", HostSubject((site,)), set(_PROCESSES))

    def read_errors(reading: Reading) -> None:
        for _ in range(_MOST_STEPS):
            collected = collect_errors(reading, store, reading.now, pseudonyms)
            done.errors += collected.rows
            done.behind = collected.behind
            if not collected.behind or time.monotonic() > ends:
                break

    ends = time.monotonic() + settings.collector.deadline
    with store.read() as conn:
        asked = any(request.site == site.name for request in requests.asked(conn))
    fresh = fresh or asked
    now = clock.now() if fresh else clock.now().replace(microsecond=0)
    with store.read() as conn:
        kept = present.observation(conn, site.name, _JOB_LOG)
    if kept is not None and isinstance(kept.body, dict):
        job_log.remember(site, kept.body)
    due = _due(store, "site", site.name, now, everything=fresh) if figures or asked else set()
    run = run_site(site, due, now, settings.collector.deadline, read_errors, fresh=fresh)
    if due:
        add_run_metrics(run, failures=_failures(store, site.name) + (run.unreachable is not None), missed=0)
        read_so_far = job_log.remembered(site)
        if read_so_far is not None:
            run.observations[_JOB_LOG] = read_so_far
        _note_absence(store, site.name, now, buffer)
        buffer.add(run.cycle(site.name))
        own = _own(store, site, watch, exports, now)
        if own is not None:
            buffer.add(own.cycle(""))
        done.run = run
    if not buffer.flush(time.monotonic()):
        raise StoreError(buffer.trouble or "the store did not take what was measured")
    with store.write() as conn:
        for request in requests.asked(conn):
            # One that was asked for after the measuring began waits for the next round.
            if due and request.site == site.name and request.at <= now:
                requests.take(conn, request)
        if due:
            upsert(conn, marks, [{"name": lease_of(site.name), "value": to_ms(now)}])
        leases.take(conn, leases.watch_of(site.name), leases.ROUNDS, WATCH_TTL, clock.now())
    done.waiting = watch.turn(patience, [site.name, ""])
    exports.turn(patience)
    exports.close()
    return done


def _due(store: Store, scope: catalogue.Scope, site: str, now: datetime, *, everything: bool) -> set[str]:
    """The metrics and observations whose time has come since they were tried last."""
    every = {entry.name: entry.every for entry in catalogue.metrics(scope)}
    if scope == "site":
        every |= {entry.kind: entry.every for entry in catalogue.observations()}
    if everything:
        return set(every)
    with store.read() as conn:
        last = present.tried_at(conn, site)
    # One that was measured in the future was so before the clock was set back.
    return {name for name, span in every.items() if name not in last or not now - span + _SLACK < last[name] <= now}


def _measure_own(scope: catalogue.Scope, subject: object, due: set[str], run: Run | None = None) -> Run:
    run = run or Run(clock.now().replace(microsecond=0))
    run_subject(subject, [entry for entry in catalogue.metrics(scope) if entry.name in due], run)
    return run


def _own(store: Store, site: Site, watch: AlertWatch, exports: Exports, now: datetime) -> Run | None:
    """The figures of the machine and of Baken itself that are due."""
    host, monitor = (_due(store, scope, "", now, everything=False) for scope in ("host", "monitor"))
    if not host and not monitor:
        return None
    run = _measure_own("host", HostSubject((site,)), host)
    channels, waiting = watch.figures()
    subject = MonitorSubject(
        {"worker": os.getpid()},
        0.0,
        store.size_bytes(),
        channels=channels,
        waiting=waiting,
        alert_lag=watch.lag,
        exports=exports.figures(),
    )
    return _measure_own("monitor", subject, monitor, run)


def _failures(store: Store, site: str) -> int:
    with store.read() as conn:
        return int(sum(each.value for each in present.latest(conn, site, [_FAILURES])))


def _note_absence(store: Store, site: str, now: datetime, buffer: Buffer) -> None:
    with store.read() as conn:
        state = present.site_states(conn).get(site)
    if state is not None and now - state.at > _SILENT:
        buffer.add_gap(Gap(site, state.at, now, "Baken was not collecting"))

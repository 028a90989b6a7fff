"""The collector: runs over every site when it is due, each site on its own, and hands what it saw to the store."""

import contextlib
import heapq
import os
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from baken import clock
from baken.alerts.watch import AlertWatch
from baken.collector.buffer import Buffer, Gap
from baken.collector.cycle import Run, add_run_metrics, run_site, run_subject
from baken.collector.schedule import Schedule
from baken.errors.collect import collect as collect_errors
from baken.exporters.pushing import Exports
from baken.history import future, kept_retention, leases, requests, retention, samples
from baken.history.samples import Cycle
from baken.history.store import Store, StoreError
from baken.metrics import catalogue
from baken.metrics.catalogue import HostSubject, MonitorSubject
from baken.privacy import Pseudonyms, installation_key, mask, masked_trace
from baken.settings import Settings
from baken.sites.reading import Reading
from baken.sites.site import Site
from baken.sites.watched import WatchedSites

log = structlog.get_logger(__name__)

_LEASE_TTL = timedelta(seconds=15)
_LEASE_EVERY = 5.0
_REQUESTS_EVERY = 0.5
_SITES_EVERY = 30.0
# Errors are looked for so often; where many sites are watched, only when their figures are measured.
_ERRORS_EVERY, _ERRORS_EVERY_MANY, _MANY = 5.0, 10.0, 100
# A run over figures takes the errors with it when they are due so soon.
_ERRORS_EARLY = 3.0
# Where there are more errors to read than one step takes.
_ERRORS_PAUSE = 0.1
_MAINTENANCE_EVERY = 60.0
_TICK = 0.25
_CLOCK_JUMP = timedelta(seconds=30)
_STANDSTILL = 180.0
_FAREWELL = 3.0
# What a single run gives other monitoring systems to take its figures.
_EXPORTING = 30.0
_OWN: tuple[catalogue.Scope, ...] = ("host", "monitor")


@dataclass(slots=True)
class _Watch:
    """What the collector knows of one site between its runs. Times are seconds on the monotonic clock."""

    site: Site
    schedule: Schedule
    last: float | None = None
    running_since: float | None = None
    overrun: bool = False
    late_since: datetime | None = None
    failures: int = 0
    missed: int = 0
    missed_before: int = 0
    errors_due: float = 0.0
    asked: bool = False
    lost: bool = False
    version: int = 0

    @property
    def next_due(self) -> float:
        """When the next figure or the next look for errors is due."""
        return min(self.schedule.next_due, self.errors_due)


@dataclass(slots=True)
class _Finished:
    """A run that has ended; `errors_only`: no figure was due."""

    watch: _Watch
    run: Run
    errors_only: bool


@dataclass(slots=True)
class _Every:
    """Something to do at fixed intervals of the monotonic clock."""

    seconds: float
    do: Callable[[], None]
    due: float = 0.0


class Collector:
    """Watches sites until it is told to stop. One per store collects; others stand by."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        sites: WatchedSites,
        processes: Callable[[], Mapping[str, int]] = dict,
        holder: str | None = None,
    ) -> None:
        """Prepare a collector.

        Args:
            settings: all settings.
            store: the migrated store.
            sites: the sites to watch.
            processes: gives the process ids of Baken's other processes by role.
            holder: under which name it holds the lease; the one that is started in the place of a dead one goes on
                under the dead one's name and need not wait for its lease to end. None: a name of its own.

        Raises:
            SettingsError: what the settings say about alerts or exports cannot be used.
        """
        self.settings = settings
        self.store = store
        self.sites = sites
        self.holder = holder or new_holder()
        self._pseudonyms = Pseudonyms(installation_key(settings.data_dir))
        self._processes = processes
        self._standing_by = False
        self.alerts = AlertWatch(
            settings,
            store,
            self.holder,
            lambda: sorted({*self.sites, *self.sites.troubles}),
            site_of=lambda name: self.sites.get(name),
        )
        self.exports = Exports(settings, store, lambda: sorted({*self.sites, *self.sites.troubles}))
        self._buffer = Buffer(store, settings.collector.buffer_cycles, self._stored)
        self._finished: queue.SimpleQueue[_Finished] = queue.SimpleQueue()
        self._watches: dict[str, _Watch] = {}
        self._heap: list[tuple[float, str, int]] = []
        self._collecting = False
        self._maintenance: threading.Thread | None = None
        self._maintenance_due = 0.0
        self._own: dict[catalogue.Scope, Schedule] = {
            scope: Schedule(scope, _intervals(scope), cost_share=1.0, now=time.monotonic()) for scope in _OWN
        }
        self._wall = (clock.now(), time.monotonic())
        self._lag = 0.0

    def run(self, stop: threading.Event) -> None:
        """Collect until `stop` is set; then write what is there and give the lease back."""
        chores = [
            _Every(_LEASE_EVERY, self._renew),
            _Every(_REQUESTS_EVERY, self._take_requests),
            _Every(_SITES_EVERY, self._refresh_sites),
            _Every(_MAINTENANCE_EVERY, self._maintain),
        ]
        log.info("collector started", sites=len(self.sites), store=self.store.name)
        while not stop.is_set():
            now = time.monotonic()
            for chore in chores:
                if now >= chore.due:
                    chore.due = now + chore.seconds
                    chore.do()
            if self._collecting:
                self._look_at_clock()
                self._start_due(time.monotonic())
                self._measure_own(time.monotonic())
            self._gather()
            self._buffer.flush(time.monotonic())
            stop.wait(min(_TICK, max(0.01, self._next_due() - time.monotonic())))
        self._stop()

    def run_once(self) -> dict[str, Run]:
        """Measure everything once on every site, and write it. For the command line."""
        runs = {}
        for name, site in self.sites.items():
            watch = self._watch(site)
            runs[name] = self._run(watch, set(_intervals("site")), _moment(), also_errors=True)
            self._buffer.add(self._cycle(watch, runs[name]))
        self._measure_own(time.monotonic())
        if not self._buffer.flush(time.monotonic()):
            raise StoreError(self._buffer.trouble or "the store did not take what was measured")
        self.alerts.once()
        self._export_once()
        return runs

    def _export_once(self) -> None:
        """Send what there is to other systems, unless a collector runs, which does."""
        with self.store.read() as connection:
            lease = leases.holder(connection, leases.COLLECTOR)
        if lease is None or lease.expires <= clock.now():
            self.exports.turn(_EXPORTING)
            self.exports.close()

    def _stored(self, cycles: Sequence[Cycle]) -> None:
        """The store has taken these: what follows from them may be told."""
        self.alerts.stored(cycles)
        self.exports.stored(cycles)

    def _renew(self) -> None:
        try:
            with self.store.write() as connection:
                held = leases.take(connection, leases.COLLECTOR, self.holder, _LEASE_TTL, clock.now())
                other = None if held else leases.holder(connection, leases.COLLECTOR)
        except StoreError as error:
            # Nobody else can take the lease from a store that does not answer: go on, runs wait in memory.
            log.debug("lease not renewed", reason=str(error))
            return
        if held and not self._collecting:
            log.info("collecting", holder=self.holder)
            self._bring_back(clock.now())
            self._collecting = True
            self._refresh_sites()
            self.alerts.start()
            self.exports.start()
        elif not held and (self._collecting or other is not None):
            if self._collecting or not self._standing_by:
                log.warning(
                    "another Baken collects into this store; this one stands by and takes over when it stops",
                    holder=other.holder if other else "unknown",
                    store=self.store.name,
                )
            self.alerts.stop()
            self.exports.stop()
            self._collecting, self._standing_by = False, True
        if held:
            self._standing_by = False

    def _refresh_sites(self) -> None:
        self.sites.refresh()
        if not self._collecting:
            return
        for name in set(self._watches) - set(self.sites):
            del self._watches[name]
        known = self._watches
        new = [site for name, site in self.sites.items() if name not in known or known[name].site is not site]
        for site in new:
            watch = self._watch(site)
            heapq.heappush(self._heap, (watch.next_due, site.name, watch.version))
        if new:
            self._after_absence(new)
        for name, trouble in self.sites.troubles.items():
            if name not in self.sites:
                self._buffer.add(_unwatched(name, trouble))

    def _watch(self, site: Site) -> _Watch:
        share = self.settings.collector.cost_share
        schedule = Schedule(site.name, _intervals("site"), cost_share=share, now=time.monotonic())
        watch = _Watch(site, schedule)
        self._watches[site.name] = watch
        return watch

    def _after_absence(self, sites: list[Site]) -> None:
        """Say in the history that nobody looked at `sites`, where the last run was long ago."""
        with contextlib.suppress(StoreError), self.store.read() as connection:
            states = samples.site_states(connection)
            now = clock.now()
            for state, name in ((states[site.name], site.name) for site in sites if site.name in states):
                if (now - state.at).total_seconds() > _STANDSTILL:
                    self._buffer.add_gap(Gap(name, state.at, now, "Baken was not collecting"))

    def _start_due(self, now: float) -> None:
        self._lag = 0.0
        for each in self._watches.values():
            # A run that overstays keeps its thread but not its place: it delays no other site.
            if each.running_since is not None and now - each.running_since > self.settings.collector.deadline:
                if not each.overrun:
                    log.warning("a site hangs", site=each.site.name, seconds=round(now - each.running_since))
                each.overrun = True
        free = self.settings.collector.workers - sum(
            1 for watch in self._watches.values() if watch.running_since is not None and not watch.overrun
        )
        while self._heap and self._heap[0][0] <= now:
            due, name, version = self._heap[0]
            known = self._watches.get(name)
            if known is None or known.version != version:
                heapq.heappop(self._heap)
                continue
            watch = known
            if watch.running_since is None and free <= 0:
                self._lag = now - due
                return
            heapq.heappop(self._heap)
            if watch.running_since is not None:
                self._missed(watch, now)
            else:
                self._start(watch, now)
                free -= 1
            watch.version += 1
            heapq.heappush(self._heap, (watch.next_due, name, watch.version))

    def _missed(self, watch: _Watch, now: float) -> None:
        if now >= watch.errors_due:
            watch.errors_due = now + _ERRORS_EVERY
        if not watch.schedule.due(now):
            # Errors are not late: the run that is under way, or the next one, reads them all.
            return
        watch.missed += 1
        watch.late_since = watch.late_since or clock.now()
        watch.schedule.ran(watch.schedule.due(now), now)

    def _start(self, watch: _Watch, now: float) -> None:
        due = watch.schedule.due(now)
        watch.schedule.ran(due, now)
        watch.running_since, watch.overrun = now, False
        # Who asked waits for a run that began after the asking: its moment is not rounded down to before it.
        asked, watch.asked = watch.asked, False
        moment = clock.now() if asked else _moment()
        also_errors = now >= watch.errors_due - (_ERRORS_EARLY if due else 0.0)
        if also_errors:
            watch.errors_due = now + (_ERRORS_EVERY if len(self._watches) <= _MANY else _ERRORS_EVERY_MANY)

        def work() -> None:
            try:
                run = self._run(watch, set(due), moment, also_errors=also_errors, fresh=asked)
            except Exception as error:  # noqa: BLE001
                # Whatever happens, the site's next run must be able to begin.
                log.error("a run failed", site=watch.site.name, error=masked_trace(error))
                run = Run(_moment(), unreachable=mask(f"the run failed inside Baken: {type(error).__name__}: {error}"))
            self._finished.put(_Finished(watch, run, not due))

        threading.Thread(target=work, name=f"site {watch.site.name}", daemon=True).start()

    def _run(self, watch: _Watch, due: set[str], moment: datetime, *, also_errors: bool, fresh: bool = False) -> Run:
        also = (lambda reading: self._read_errors(watch, reading)) if also_errors else None
        run = run_site(watch.site, due, moment, self.settings.collector.deadline, also, fresh=fresh)
        if due:
            watch.failures += run.unreachable is not None
            add_run_metrics(run, failures=watch.failures, missed=watch.missed)
        return run

    def _read_errors(self, watch: _Watch, reading: Reading) -> None:
        try:
            collected = collect_errors(reading, self.store, reading.now, self._pseudonyms)
        except StoreError as error:
            # The watermark stands where it stood: the same rows are read again when the store is back.
            log.debug("errors not counted", site=reading.site.name, reason=str(error))
        else:
            if collected.rows or collected.new_patterns or collected.regressed:
                self.alerts.errors_changed(reading.site.name)
            if collected.behind:
                watch.errors_due = time.monotonic() + _ERRORS_PAUSE

    def _gather(self) -> None:
        while True:
            try:
                done = self._finished.get_nowait()
            except queue.Empty:
                return
            watch = done.watch
            watch.running_since, watch.overrun, watch.last = None, False, time.monotonic()
            watch.schedule.cost(done.run.costs)
            # A database that is back is read at once, not when each metric is due again in up to an hour.
            back = watch.lost and done.run.unreachable is None and done.run.queries > 0
            watch.lost = done.run.unreachable is not None or (watch.lost and not back)
            if watch.asked or back:
                self._hurry(watch, watch.last)
            if watch.late_since is not None:
                reason = "the run before took longer than the time between two runs"
                self._buffer.add_gap(Gap(watch.site.name, watch.late_since, clock.now(), reason))
                watch.late_since = None
            if self._watches.get(watch.site.name) is not watch:
                continue
            if not done.errors_only:
                # Whether errors could be read is kept with the figures, which are never long in coming.
                self._buffer.add(self._cycle(watch, done.run))
            if watch.next_due < watch.last + _ERRORS_EVERY:
                # More errors are to be read: not only when the next figure is due.
                watch.version += 1
                heapq.heappush(self._heap, (watch.next_due, watch.site.name, watch.version))

    def _cycle(self, watch: _Watch, run: Run) -> Cycle:
        missed, watch.missed_before = watch.missed - watch.missed_before, watch.missed
        return run.cycle(watch.site.name, missed)

    def _measure_own(self, now: float) -> None:
        """Measure what is due of the host and of Baken itself: one run, kept under the empty name."""
        run: Run | None = None
        for scope, schedule in self._own.items():
            due = schedule.due(now)
            if due:
                run = run or Run(_moment())
                schedule.ran(due, now)
                subject = self._host() if scope == "host" else self._monitor()
                run_subject(subject, [entry for entry in catalogue.metrics(scope) if entry.name in due], run)
        if run is not None:
            self._buffer.add(run.cycle(""))

    def _host(self) -> HostSubject:
        return HostSubject(tuple(site for site in self.sites.values() if site.config.bench is not None))

    def _monitor(self) -> MonitorSubject:
        size: int | None = None
        with contextlib.suppress(StoreError):
            size = self.store.size_bytes()
        channels, waiting = self.alerts.figures()
        processes = {"collector": os.getpid(), **self._processes()}
        return MonitorSubject(
            processes,
            self._lag,
            size,
            channels=channels,
            waiting=waiting,
            alert_lag=self.alerts.lag,
            exports=self.exports.figures(),
        )

    def _look_at_clock(self) -> None:
        wall, steady = clock.now(), time.monotonic()
        then_wall, then_steady = self._wall
        self._wall = (wall, steady)
        jump = (wall - then_wall) - timedelta(seconds=steady - then_steady)
        if abs(jump) > _CLOCK_JUMP:
            seconds = round(jump.total_seconds())
            log.warning("the machine's clock jumped", seconds=seconds)
            if seconds < 0:
                self._bring_back(wall)
            for name in self._watches:
                # Set back, the time up to the old present will be lived through again.
                starts, ends = sorted((then_wall, wall))
                self._buffer.add_gap(Gap(name, starts, ends, f"the machine's clock jumped by {seconds} s"))
        elif steady - then_steady > _STANDSTILL:
            for name in self._watches:
                self._buffer.add_gap(Gap(name, then_wall, wall, "Baken stood still"))

    def _bring_back(self, now: datetime) -> None:
        """Make what was recorded under a clock that was ahead give way to what is measured from `now` on."""
        with contextlib.suppress(StoreError), self.store.write() as connection:
            future.bring_back(connection, now)
        self.alerts.clock_set_back()

    def _take_requests(self) -> None:
        if not self._collecting:
            return
        try:
            with self.store.read() as connection:
                asked = requests.asked(connection)
            if not asked:
                return
            with self.store.write() as connection:
                taken = [request.site for request in asked if requests.take(connection, request)]
        except StoreError as error:
            log.debug("requests not read", reason=str(error))
            return
        now = time.monotonic()
        for watch in (self._watches[name] for name in taken if name in self._watches):
            watch.asked = True
            # A run that is under way began before the asking; another one follows it.
            if watch.running_since is None:
                self._hurry(watch, now)
        self._own["host"].everything_now(now)

    def _hurry(self, watch: _Watch, now: float) -> None:
        """Make a run over everything of a site due now."""
        watch.schedule.everything_now(now)
        watch.errors_due = now
        watch.version += 1
        heapq.heappush(self._heap, (now, watch.site.name, watch.version))

    def _maintain(self) -> None:
        busy = self._maintenance is not None and self._maintenance.is_alive()
        if busy or not self._collecting or time.monotonic() < self._maintenance_due:
            return

        def work() -> None:
            try:
                with self.store.read() as connection:
                    limits = kept_retention.limits(connection, self.settings)
                done = retention.maintain(self.store, clock.now(), limits, alerts=limits)
            except StoreError as error:
                log.warning("the store was not cleaned up; it is tried again", reason=str(error))
            else:
                log.debug("the store was cleaned up", result=str(done))
                if done.complete:
                    interval = self.settings.optimizer.resources.cleanup_interval
                    self._maintenance_due = time.monotonic() + interval

        self._maintenance = threading.Thread(target=work, name="maintenance", daemon=True)
        self._maintenance.start()

    def _next_due(self) -> float:
        own = min(schedule.next_due for schedule in self._own.values())
        return min(own, self._heap[0][0] if self._heap else float("inf"))

    def _stop(self) -> None:
        ends = time.monotonic() + _FAREWELL
        while time.monotonic() < ends and any(watch.running_since is not None for watch in self._watches.values()):
            time.sleep(0.02)
            self._gather()
        if not self._buffer.flush(float("inf")):
            log.error("runs were lost, for the store cannot be written", runs=len(self._buffer))
        self.alerts.stop()
        self.exports.close()
        with contextlib.suppress(StoreError), self.store.write() as connection:
            leases.release(connection, leases.COLLECTOR, self.holder)
        log.info("collector stopped")


def new_holder() -> str:
    """A name for a lease that no other process uses."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def _intervals(scope: catalogue.Scope) -> dict[str, float]:
    found = {entry.name: entry.every.total_seconds() for entry in catalogue.metrics(scope)}
    if scope == "site":
        found |= {entry.kind: entry.every.total_seconds() for entry in catalogue.observations()}
    return found


def _unwatched(name: str, trouble: str) -> Cycle:
    return Run(_moment(), unreachable=trouble).cycle(name)


def _moment() -> datetime:
    # Whole seconds pack well: a year of samples takes half the room.
    return clock.now().replace(microsecond=0)

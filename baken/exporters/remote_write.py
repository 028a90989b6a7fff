"""Prometheus' remote write: every figure that the store has taken goes to Prometheus, VictoriaMetrics, Mimir or Thanos.

What was stored goes into a queue on the disk at once and from there to the target, in the order of time, until it says
that it has it. What the queue could not take (a full disk, a process that was killed between the store and the queue)
is read from the store: the queue's marks tell up to where it came. A series that ends gets Prometheus' mark for that,
so that a chart ends there too.
"""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from baken import clock
from baken.alerts.channels.http import parsed
from baken.alerts.message import Undelivered
from baken.clock import to_ms
from baken.exporters import write_request
from baken.exporters.catching_up import fill
from baken.exporters.disk_queue import Begun, DiskQueue, Entry, QueueBusy, prepare
from baken.exporters.pushing import NotTaken, Pushed, seconds_left
from baken.exporters.write_delivery import Delivery
from baken.history import after
from baken.history.after import Moment, Series
from baken.history.samples import Cycle
from baken.history.series import labels_text
from baken.history.store import Store, StoreError
from baken.settings import RemoteWrite as Target
from baken.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

FOLDER = "remote-write"
"""Where in `data_dir` the queues are, each in a folder of its own."""

MOST_FIGURES, MOST_BYTES = 2_000, 1_000_000
"""Figures of one request, and its bytes before they are packed; a single run over a large site may have more."""

_EVERY = 1.0
_FAREWELL = 2.0
# One push does not go on for longer, so that what it did is seen; the next follows soon.
_TURN = 10.0
# What has been caught up so quickly is caught up once more while nothing new is taken in; then all is there.
_QUICK = 1.0
# So long after catching up the collector may still tell of a run that was among what was caught up.
_ECHO = 60.0
# A figure beyond is not stored either.
_LARGEST = 1e300
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def exporters(settings: Settings, store: Store, _sites: Callable[[], Collection[str]]) -> list["RemoteWrite"]:
    """The targets of the settings. Raises SettingsError for one that cannot be used."""
    try:
        import cramjam  # noqa: F401
    except ImportError:
        raise SettingsError(
            "exporters.remote_write needs a library that is not installed: pip install cramjam"
        ) from None
    return [RemoteWrite(settings, store, target, name) for name, target in named(settings).items()]


def named(settings: Settings) -> dict[str, Target]:
    """The targets of the settings by name. Raises SettingsError: two have the same one, or one cannot be used."""
    for label in settings.exporters.labels:
        if not _LABEL.fullmatch(label) or label.startswith("__"):
            raise SettingsError(f"exporters.labels: {label!r} cannot be a label; it has letters, digits and _")
    found: dict[str, Target] = {}
    for target in settings.exporters.remote_write:
        try:
            host = parsed(target.url.get_secret_value(), "remote write").netloc.decode("ascii")
        except Undelivered as problem:
            raise SettingsError(f"exporters.remote_write: {problem}") from None
        name = target.name or host
        if name in found:
            raise SettingsError(f"exporters.remote_write: two targets are called {name}; give each a name of its own")
        found[name] = target
    return found


def folder_of(data_dir: Path, name: str) -> Path:
    """The folder of the queue of the target with that name."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return data_dir / FOLDER / f"{re.sub(r'[^a-zA-Z0-9.-]+', '-', name)[:60]}-{digest}"


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at one site showed when the newest about it was of `at`: its series, and those that have ended."""

    at: int
    live: dict[tuple[str, str], set[bytes]]
    ended: list[Entry]


class RemoteWrite:
    """One target. `stored` fills the queue where the collecting goes on, `push` empties it in a thread of its own."""

    every = _EVERY

    def __init__(self, settings: Settings, store: Store, target: Target, name: str) -> None:
        """`name`: how the target is called, unique among those of the settings."""
        self.target = f"Remote write {name}"
        self._store = store
        self._folder = folder_of(settings.data_dir, name)
        self._most_bytes = target.queue_megabytes * 2**20
        self._delivery = Delivery(target, settings.exporters.labels)
        # Whoever has both holds `_pushing` first.
        self._pushing, self._guard = threading.Lock(), threading.RLock()
        self._queue: DiskQueue | None = None
        # The queue lacks something that the store has: what is stored meanwhile need not be told to it.
        self._behind = True
        self._trouble = ""
        self._leaving = False
        self._caught_up: dict[str, int] = {}
        self._echoes_until = 0.0
        # Up to where it was known which series there are, and the series of (site, metric) that have not ended.
        self._known: dict[str, int] = {}
        self._live: dict[tuple[str, str], set[bytes]] = {}
        try:
            self._prepare()
        except (StoreError, OSError) as problem:
            log.info("a queue will be made later", target=self.target, reason=str(problem))

    def stored(self, cycles: Sequence[Cycle]) -> None:
        """Put what the store has taken into the queue."""
        with self._guard:
            queue = self._queue
            if queue is None or self._behind:
                return
            if time.monotonic() > self._echoes_until:
                self._caught_up.clear()
            try:
                for cycle in sorted(cycles, key=lambda cycle: cycle.at):
                    at = to_ms(cycle.at)
                    if at > self._caught_up.get(cycle.site, at - 1):
                        self._take(queue, cycle, at)
            except OSError as problem:
                self._fall_behind(queue, problem)

    def push(self) -> Pushed:
        """Send what waits, for some seconds at most. Raises NotTaken, StoreError."""
        with self._pushing:
            self._leaving = False
            ends = time.monotonic() + seconds_left(_TURN)
            try:
                queue = self._open()
                try:
                    self._catch_up(queue, ends)
                except StoreError:
                    # What is in the queue needs no store.
                    pushed = self._send(queue, ends)
                    if not pushed.sent and not pushed.rejected:
                        raise
                    return pushed
                return self._send(queue, ends)
            except NotTaken as problem:
                with self._guard:
                    problem.waiting = None if self._queue is None else self._queue.waiting
                raise
            finally:
                if self._leaving:
                    self._give_back()

    def close(self) -> None:
        """Let another process use the queue, at the latest when what is being sent has ended; a push opens it again."""
        self._leaving = True
        if self._pushing.acquire(timeout=_FAREWELL):
            try:
                self._give_back()
            finally:
                self._pushing.release()

    def _give_back(self) -> None:
        with self._guard:
            if self._queue is not None:
                self._queue.close()
            self._queue, self._behind = None, True

    def _prepare(self) -> None:
        with self._store.read() as conn:
            marks = after.newest(conn)
        prepare(self._folder, Begun(marks, max(marks.values(), default=0)))

    def _open(self) -> DiskQueue:
        with self._guard:
            if self._queue is not None:
                return self._queue
        try:
            self._prepare()
            queue = DiskQueue(self._folder, self._most_bytes)
        except QueueBusy as busy:
            raise NotTaken(
                f"the queue of {self.target} is in use by another Baken, {busy}; stop one of the two"
            ) from None
        except (OSError, ValueError, KeyError) as problem:
            raise NotTaken(
                f"the queue of {self.target} cannot be opened ({_why(problem)}); look at the folder "
                f"{FOLDER}/{self._folder.name} in data_dir"
            ) from None
        queue.bring_back(to_ms(clock.now()))
        with self._guard:
            self._queue, self._behind, self._known = queue, True, dict(queue.marks)
        self._delivery.repeats = True
        return queue

    def _take(self, queue: DiskQueue, cycle: Cycle, at: int) -> None:
        """Put a run into the queue, with the ends of the series that it shows to have ended. Raises OSError."""
        figures: dict[str, dict[bytes, float]] = {}
        for sample in cycle.samples:
            # Also false for NaN.
            if -_LARGEST < sample.value < _LARGEST:
                series = self._delivery.series(cycle.site, sample.metric, labels_text(sample.labels))
                figures.setdefault(sample.metric, {})[series] = float(sample.value)
        values: list[tuple[bytes, float | None]] = []
        live: dict[tuple[str, str], set[bytes]] = {}
        for metric in {*figures, *cycle.measured, *cycle.absences}:
            given = figures.get(metric, {})
            before = self._live.get((cycle.site, metric), set())
            values += given.items()
            if metric in cycle.measured or metric in cycle.absences:
                values += [(series, None) for series in before - given.keys()]
                before = set()
            live[cycle.site, metric] = before | given.keys()
        if values:
            queue.append([Entry(cycle.site, at, len(values), write_request.figures(at, values))])
        queue.advance({cycle.site: at})
        self._live |= live

    def _fall_behind(self, queue: DiskQueue, problem: OSError) -> None:
        """The queue cannot be written: what it lacks is read from the store as soon as it can."""
        if not self._behind:
            self._known = dict(queue.marks)
        self._behind = True
        trouble = f"the queue of {self.target} cannot be written ({_why(problem)}); figures wait in the store"
        if trouble != self._trouble:
            log.error("a queue cannot be written", target=self.target, reason=trouble)
        self._trouble = trouble

    def _catch_up(self, queue: DiskQueue, ends: float) -> None:
        """Put into the queue what the store has and it lacks, until `ends`. Raises StoreError."""

        def go_on() -> bool:
            # What is caught up must not make older figures give way.
            return time.monotonic() < ends and not self._leaving and queue.room

        looks: dict[str, _Look] = {}
        try:
            while self._behind:
                began = time.monotonic()
                upto = self._newest()
                if not fill(self._store, queue, upto, self._entry, go_on):
                    return
                if time.monotonic() - began < _QUICK:
                    self._look(queue, upto, looks)
                    with self._guard:
                        self._finish(queue, looks)
        except OSError as problem:
            with self._guard:
                self._fall_behind(queue, problem)

    def _finish(self, queue: DiskQueue, looks: dict[str, "_Look"]) -> None:
        """Catch up the last of it while nothing is taken in: from here on every run is told. Raises OSError."""
        upto = self._newest()
        fill(self._store, queue, upto, self._entry, lambda: True)
        # Those of the sites about which there is nothing new stand.
        self._look(queue, upto, looks)
        ended = [entry for look in looks.values() for entry in look.ended]
        queue.append(sorted(ended, key=lambda entry: entry.at))
        self._live = {key: series for look in looks.values() for key, series in look.live.items()}
        self._caught_up = upto
        self._echoes_until = time.monotonic() + _ECHO
        self._behind, self._trouble = False, ""

    def _look(self, queue: DiskQueue, upto: Mapping[str, int], looks: dict[str, "_Look"]) -> None:
        """See which series of each site there are, and which ended while nobody told."""
        begun = queue.begun
        for site, at in upto.items():
            if site in looks and looks[site].at == at:
                continue
            since = self._known.get(site, begun.marks.get(site, begun.otherwise))
            ended: dict[int, list[tuple[Series, float | None]]] = {}
            live: dict[tuple[str, str], set[bytes]] = {}
            with self._store.read() as conn:
                for moment, series in after.ended(conn, site, since):
                    ended.setdefault(moment, []).append((series, None))
                for series in after.present(conn, site):
                    name = self._delivery.series(site, series.metric, series.labels)
                    live.setdefault((site, series.metric), set()).add(name)
            entries = [self._entry(Moment(site, moment, values)) for moment, values in ended.items()]
            looks[site] = _Look(at, live, entries)

    def _newest(self) -> dict[str, int]:
        # What lies ahead was stored before the clock was set back.
        now = to_ms(clock.now())
        with self._store.read() as conn:
            return {site: min(at, now) for site, at in after.newest(conn).items()}

    def _entry(self, moment: Moment) -> Entry:
        content = self._delivery.figures(moment.site, moment.at, moment.values)
        return Entry(moment.site, moment.at, len(moment.values), content)

    def _send(self, queue: DiskQueue, ends: float) -> Pushed:
        sent = rejected = 0
        problem = ""
        try:
            while True:
                batch = queue.oldest(MOST_FIGURES, MOST_BYTES)
                if batch is None:
                    break
                count = sum(entry.count for entry in batch.entries)
                done = self._delivery.send([entry.content for entry in batch.entries], count)
                queue.taken(batch)
                sent, rejected, problem = sent + done.sent, rejected + done.rejected, done.problem or problem
                if time.monotonic() > ends or self._leaving:
                    break
            gave_way = queue.gave_way()
        except NotTaken:
            # What went before it counts; the next push says what is wrong.
            if not sent and not rejected:
                raise
            gave_way = 0
        except OSError as error:
            raise NotTaken(f"the queue of {self.target} cannot be read or written: {_why(error)}") from None
        if gave_way:
            problem = (
                f"{gave_way} figures gave way unsent: the queue of {self.target} was full; make queue_megabytes larger"
            )
        if self._trouble and not sent:
            raise NotTaken(self._trouble)
        return Pushed(sent, rejected + gave_way, queue.waiting, problem)


def _why(problem: Exception) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or type(problem).__name__

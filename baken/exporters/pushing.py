"""What Baken sends to other systems by itself: each target in a thread of its own, tried again until it takes it.

A target that is away or hangs holds up no other, nor the collecting. How each fares is kept in the store, shown, and
alerted on: an export that fails in silence is the one that is missed when it is needed.
"""

import contextlib
import importlib
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import delete, select

from baken import clock
from baken.clock import to_ms
from baken.history.samples import Cycle
from baken.history.store import Store, StoreError
from baken.history.tables import export_states as table
from baken.history.upserts import upsert
from baken.metrics.catalogue import ExportFigures
from baken.privacy import masked_trace
from baken.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

KINDS = {"remote_write": "remote_write", "alertmanagers": "alertmanager", "zabbix": "zabbix", "otlp": "otlp"}
"""Lists of targets in the settings, and the module of this room that has `exporters(settings, store, sites)` for it."""

Sites = Callable[[], Collection[str]]
"""Gives the names of the sites that are watched at this moment."""

_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 60.0
_FAREWELL = 5.0
_KEEP_EVERY = 30.0
# A host that calls every minute is never exact.
_SLACK = 10.0
_LEAST_SECONDS = 0.5

# Until when (monotonic seconds) the push of this moment may go on; None: for as long as its target's settings say.
_until: ContextVar[float | None] = ContextVar("until", default=None)


def seconds_left(wanted: float) -> float:
    """How many of the `wanted` seconds something may take that a push does: fewer where a host waits for it."""
    until = _until.get()
    return wanted if until is None else min(wanted, round(max(_LEAST_SECONDS, until - time.monotonic()), 1))


class NotTaken(Exception):
    """The other side did not take what was sent. The text says what happened, to which target, and what to do.

    `waiting`: how many figures wait to be sent, where that is known.
    """

    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Pushed:
    """What one push did.

    Attributes:
        sent: figures or alerts that the other side took.
        rejected: those that it refused for good.
        waiting: those that still wait to be sent.
        problem: why some were refused; empty when none were.
    """

    sent: int = 0
    rejected: int = 0
    waiting: int = 0
    problem: str = ""


class Exporter(Protocol):
    """One target that things are sent to.

    Attributes:
        target: what it is called, unique and for people: "Zabbix zbx.example.org".
        every: seconds between two pushes.
    """

    target: str
    every: float

    def stored(self, cycles: Sequence[Cycle]) -> None:
        """The store has taken these; called where the collecting goes on: quick, and never raises."""

    def push(self) -> Pushed:
        """Send what there is to send. Raises NotTaken to be called again soon, and StoreError."""

    def close(self) -> None:
        """Give back what it holds; a later push takes it again."""


@dataclass(slots=True)
class State:
    """How one target fares, since this process began. Times are aware UTC."""

    sent: int = 0
    rejected: int = 0
    last_rejected: int = 0
    waiting: int = 0
    last_ok: datetime | None = None
    failing_since: datetime | None = None
    problem: str = ""
    kept: float = field(default=0.0)


def exporters_of(settings: Settings, store: Store, sites: Sites) -> list[Exporter]:
    """All targets of the settings. Raises SettingsError for one that cannot be used."""
    found: list[Exporter] = []
    for name, module in KINDS.items():
        # Only what is used is loaded: some of it takes a second.
        if getattr(settings.exporters, name):
            found += importlib.import_module(f"baken.exporters.{module}").exporters(settings, store, sites)
    names = [each.target for each in found]
    # How a target fares is kept under its name.
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"exporters: {twice} is there twice; name it once")
    return found


class _Unusable:
    """Stands for the targets where what the settings say of them cannot be used: they fail, with the reason."""

    target = "exporters"
    every = 60.0

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def stored(self, cycles: Sequence[Cycle]) -> None:
        """Nothing."""

    def push(self) -> Pushed:
        """Raises NotTaken with what is wrong with the settings."""
        raise NotTaken(self._problem)

    def close(self) -> None:
        """Nothing."""


class Exports:
    """All targets. One process per store sends: the one that collects."""

    def __init__(self, settings: Settings, store: Store, sites: Sites, *, strict: bool = True) -> None:
        """Prepare the targets of the settings.

        Without `strict`, targets that cannot be used fail for as long as the settings say what they say: for a host
        that has nobody to tell so at its start, and must measure all the same.

        Raises SettingsError for one that cannot be used.
        """
        self._store = store
        try:
            self.exporters = exporters_of(settings, store, sites)
        except SettingsError as problem:
            if strict:
                raise
            self.exporters = [_Unusable(str(problem))]
        self._states = {each.target: State() for each in self.exporters}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._recalled = False

    def stored(self, cycles: Sequence[Cycle]) -> None:
        """Figures have been stored."""
        for each in self.exporters:
            try:
                each.stored(cycles)
            except Exception as error:  # noqa: BLE001
                # Whatever goes wrong with an export, the collecting goes on.
                log.error("an export could not take note of new figures", target=each.target, error=masked_trace(error))

    def start(self) -> None:
        """Begin to send."""
        if self._threads or not self.exporters:
            return
        self._stopping = threading.Event()
        self._recall()
        for each in self.exporters:
            thread = threading.Thread(
                target=self._loop, args=(each, self._stopping), name=f"export {each.target}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Begin nothing new and wait a little for what is being sent; another process may take over then."""
        self._stopping.set()
        ends = time.monotonic() + _FAREWELL
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        self._threads = []
        for each in self.exporters:
            each.close()

    def close(self) -> None:
        """Stop for good."""
        self.stop()

    def turn(self, patience: float) -> None:
        """Push once to every target, for a host that calls again and again and waits about `patience` seconds.

        One that hangs has its share of them, so that the others have theirs.
        """
        ends = time.monotonic() + patience
        if not self._recalled:
            self._recall()
        due = [each for each in self.exporters if self._is_due(each)]
        for place, each in enumerate(due):
            now = time.monotonic()
            token = _until.set(now + max(0.0, ends - now) / (len(due) - place))
            try:
                self.push(each)
            finally:
                _until.reset(token)

    def _is_due(self, exporter: Exporter) -> bool:
        state = self._states[exporter.target]
        if state.failing_since is not None or state.last_ok is None:
            return True
        # One that lies ahead was before the clock was set back.
        return not 0 <= (clock.now() - state.last_ok).total_seconds() < exporter.every - _SLACK

    def figures(self) -> dict[str, ExportFigures]:
        """How each target fares, for the metrics about Baken itself."""
        if not self._recalled:
            self._recall()
        now = clock.now()
        with self._lock:
            return {
                target: ExportFigures(
                    failing=max(0.0, (now - (state.failing_since or now)).total_seconds()),
                    rejected=state.last_rejected,
                    waiting=state.waiting,
                )
                for target, state in self._states.items()
            }

    def push(self, exporter: Exporter) -> bool:
        """Push to one target and note how it went; whether it went well."""
        state = self._states[exporter.target]
        now = clock.now()
        try:
            pushed = exporter.push()
        except StoreError as problem:
            log.debug("an export waits for the store", target=exporter.target, reason=str(problem))
            return False
        except Exception as error:  # noqa: BLE001
            # One target that trips over something takes no other with it, and goes on.
            expected = isinstance(error, NotTaken)
            text = str(error) if expected else f"failed inside Baken: {type(error).__name__}"
            news = text != state.problem or state.failing_since is None
            if news and expected:
                log.warning("an export was not taken", target=exporter.target, reason=text)
            elif news:
                log.error("an export failed inside Baken", target=exporter.target, error=masked_trace(error))
            with self._lock:
                # Not later than now: the clock may have been set back.
                state.failing_since = min(state.failing_since or now, now)
                state.problem = text
                if isinstance(error, NotTaken) and error.waiting is not None:
                    state.waiting = error.waiting
            self._keep(exporter.target, news=news)
            return False
        with self._lock:
            # One that had nothing to say leaves standing what was said last.
            told = bool(pushed.sent or pushed.rejected or pushed.problem)
            news = state.failing_since is not None or state.last_ok is None
            news = news or (told and pushed.problem != state.problem)
            if state.failing_since is not None:
                log.info("an export is taken again", target=exporter.target)
            if pushed.problem and pushed.problem != state.problem:
                log.warning("part of an export was refused", target=exporter.target, reason=pushed.problem)
            state.sent += pushed.sent
            state.rejected += pushed.rejected
            if pushed.sent or pushed.rejected:
                state.last_rejected = pushed.rejected
                state.problem = pushed.problem
            elif told or state.failing_since is not None:
                state.problem = pushed.problem
            state.waiting = pushed.waiting
            state.failing_since, state.last_ok = None, now
        self._keep(exporter.target, news=news)
        return True

    def _loop(self, exporter: Exporter, stopping: threading.Event) -> None:
        pause, again = 0.0, _FIRST_PAUSE
        while not stopping.wait(pause):
            if self.push(exporter):
                pause, again = exporter.every, _FIRST_PAUSE
            else:
                pause, again = again, min(_LONGEST_PAUSE, again * 2)

    def _recall(self) -> None:
        """Take up how each target fared before this process began, and forget those that are gone."""
        with contextlib.suppress(StoreError), self._store.write() as conn:
            for row in conn.execute(select(table)).all():
                state = self._states.get(row.target)
                if state is None:
                    conn.execute(delete(table).where(table.c.target == row.target))
                    continue
                state.sent, state.rejected, state.waiting = row.sent, row.rejected, row.waiting
                state.last_rejected, state.problem = row.last_rejected, row.problem
                state.last_ok = None if row.last_ok is None else clock.from_ms(row.last_ok)
                state.failing_since = None if row.failing_since is None else clock.from_ms(row.failing_since)
            self._recalled = True

    def _keep(self, target: str, *, news: bool) -> None:
        """Write a target's state into the store, when there is news or now and then."""
        state = self._states[target]
        if not news and time.monotonic() - state.kept < _KEEP_EVERY:
            return
        with self._lock:
            row = {
                "target": target[:140],
                "at": to_ms(clock.now()),
                "last_ok": None if state.last_ok is None else to_ms(state.last_ok),
                "failing_since": None if state.failing_since is None else to_ms(state.failing_since),
                "problem": state.problem[:1000],
                "sent": state.sent,
                "rejected": state.rejected,
                "last_rejected": state.last_rejected,
                "waiting": state.waiting,
            }
        try:
            with self._store.write() as conn:
                upsert(conn, table, [row])
        except StoreError as problem:
            log.debug("the state of an export was not kept", target=target, reason=str(problem))
        else:
            state.kept = time.monotonic()

"""Runs that wait to be written: while the store is full or away nothing is lost, and it is written when it is back."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from baken.history import releases, samples
from baken.history.gaps import record_gap
from baken.history.samples import Cycle
from baken.history.store import Store, StoreError

log = structlog.get_logger(__name__)

_BATCH = 500
_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time without runs over a site, and why."""

    site: str
    starts: datetime
    ends: datetime
    reason: str


class Buffer:
    """Holds finished runs and gaps in order until the store took them, at most `limit` runs.

    Beyond the limit the oldest run gives way; a gap with the reason takes its place in the history. `stored` is told
    of the runs that the store took.
    """

    def __init__(
        self, store: Store, limit: int, stored: Callable[[Sequence[Cycle]], None] = lambda _cycles: None
    ) -> None:
        self._store = store
        self._limit = limit
        self._stored = stored
        self._cycles: deque[Cycle] = deque()
        self._gaps: list[Gap] = []
        self._overflown: dict[str, Gap] = {}
        self._trouble: str | None = None
        self._pause = _PAUSE
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._cycles)

    @property
    def trouble(self) -> str | None:
        """Why the store cannot be written now; None when it can."""
        return self._trouble

    def add(self, cycle: Cycle) -> None:
        """Put a finished run at the end."""
        self._cycles.append(cycle)
        while len(self._cycles) > self._limit:
            gone = self._cycles.popleft()
            first = self._overflown.get(gone.site)
            starts = first.starts if first else gone.at
            reason = "the store could not be written for so long that memory ran out"
            self._overflown[gone.site] = Gap(gone.site, starts, gone.at, reason)

    def add_gap(self, gap: Gap) -> None:
        """Put a gap beside the runs."""
        self._gaps.append(gap)

    def flush(self, now: float) -> bool:
        """Write what waits; False when the store did not take it.

        `now` is the present on a monotonic clock in seconds: after a failure the next try waits, ever longer up to
        half a minute.
        """
        if now < self._not_before:
            return False
        while self._cycles or self._gaps or self._overflown:
            batch = [self._cycles[index] for index in range(min(_BATCH, len(self._cycles)))]
            gaps = [*self._gaps, *self._overflown.values()]
            try:
                with self._store.write() as connection:
                    samples.record(connection, batch)
                    _note_releases(connection, batch)
                    for gap in gaps:
                        record_gap(connection, gap.site, gap.starts, gap.ends, gap.reason)
            except StoreError as error:
                self._failed(str(error), now)
                return False
            for _ in batch:
                self._cycles.popleft()
            self._gaps.clear()
            self._overflown.clear()
            self._stored(batch)
        if self._trouble is not None:
            log.info("the store can be written again", store=self._store.name)
        self._trouble, self._pause, self._not_before = None, _PAUSE, 0.0
        return True

    def _failed(self, reason: str, now: float) -> None:
        if reason != self._trouble:
            log.error("the store cannot be written; runs wait in memory", reason=reason, waiting=len(self._cycles))
        self._trouble = reason
        self._not_before = now + self._pause
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)


def _note_releases(connection: Connection, batch: Sequence[Cycle]) -> None:
    """Remember which versions of its apps each site had: what is new after a release may come from it."""
    for cycle in batch:
        facts = cycle.observations.get("site_facts")
        if facts is not None:
            releases.note(connection, cycle.site, facts.get("apps") or {}, cycle.at)

"""Stretches of time that answers cover, in whole hours of UTC, and what day and hour they are at the site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, case

from baken.clock import from_ms, to_ms
from baken.errors.counts import DAY_MS, HOUR_MS, hour_of

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to before `end`, in ms; both are whole hours."""

    start: int
    end: int

    @property
    def hours(self) -> int:
        """How many hours it consists of."""
        return (self.end - self.start) // HOUR_MS

    @property
    def before(self) -> "Window":
        """The window of the same length that ends where this one begins."""
        return Window(2 * self.start - self.end, self.start)

    def grid(self) -> list[int]:
        """The beginning of each of its hours."""
        return list(range(self.start, self.end, HOUR_MS))


@dataclass(frozen=True, slots=True)
class Places:
    """The site's wall clock within a window: (from which moment, ms that it is ahead of UTC), in order."""

    steps: Sequence[tuple[int, int]]

    def local(self, at: int) -> int:
        """Wall-clock time of the moment `at`, as if it were UTC, in ms."""
        ahead = self.steps[0][1]
        for since, offset in self.steps[1:]:
            if at < since:
                break
            ahead = offset
        return at + ahead

    def day(self, at: int) -> int:
        """The site's day of the moment `at`, as days since 1970."""
        return self.local(at) // DAY_MS

    def day_of(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The site's day as SQL, as days since 1970."""
        ahead: Any = self.steps[0][1]
        if len(self.steps) > 1:
            bounds = list(zip(self.steps[1:], self.steps, strict=False))
            ahead = case(*((column < since, earlier[1]) for (since, _), earlier in bounds), else_=self.steps[-1][1])
        day: ColumnElement[Any] = (column + ahead) // DAY_MS
        return day

    def midnights(self, window: Window) -> list[int]:
        """The beginning of each of the site's days after the first in a window: the first whole hour of it."""
        hours = window.grid()
        return [at for before, at in pairwise(hours) if self.day(before) != self.day(at)]


def last_hours(hours: int, now: datetime) -> Window:
    """The last `hours` whole hours, the present one included."""
    end = hour_of(to_ms(now)) + HOUR_MS
    return Window(end - hours * HOUR_MS, end)


def last_days(days: int, now: datetime) -> Window:
    """The last `days` times 24 hours, and what has passed of the present hour: no error of these days is left out."""
    present = hour_of(to_ms(now))
    return Window(present - days * DAY_MS, present + HOUR_MS)


def places(window: Window, zone: tzinfo) -> Places:
    """The site's wall clock within a window."""
    at = window.start
    steps = [(at, _ahead(at, zone))]
    while at < window.end:
        then = min(at + DAY_MS, window.end)
        if _ahead(then, zone) != steps[-1][1]:
            then = at + HOUR_MS
            if _ahead(then, zone) != steps[-1][1]:
                steps.append((then, _ahead(then, zone)))
        at = then
    return Places(steps)


def _ahead(at: int, zone: tzinfo) -> int:
    offset = from_ms(at).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(milliseconds=1)


def date_of(day: int) -> str:
    """The date of a day since 1970: "2026-11-01"."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def midnight_of(day: int, zone: tzinfo) -> datetime:
    """The moment at which a day (since 1970) of the site begins, in UTC."""
    return datetime.combine(_EPOCH + timedelta(days=day), time(), zone).astimezone(UTC)

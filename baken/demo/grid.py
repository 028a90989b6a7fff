"""The moments of the demo's past, and how to count rows at all of them at once."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from baken.demo import rhythm

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000
# Beyond every moment: a state that has not ended.
OPEN = 9 * 10**15
_COARSE, _FINE, _FINE_DAYS = 15 * MINUTE, 5 * MINUTE, 7


@dataclass(frozen=True, slots=True)
class Series:
    """A series of the past: one value per moment of the grid. `every` is its interval in seconds."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    values: Floats
    every: int = 300
    of_host: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """`at`: the moments (ms), ascending. `midnight`: when the site's day began at each. `busy`: activity there."""

    now: datetime
    at: Ints
    midnight: Ints
    busy: Floats

    @classmethod
    def until(cls, now: datetime, days: int) -> "Grid":
        """Every 15 minutes of the last `days` days before the aware `now`, every 5 in the last seven."""
        end = int(now.timestamp() * 1000)
        fine = end - min(days, _FINE_DAYS) * DAY
        coarse = np.arange((end - days * DAY) // _COARSE * _COARSE + _COARSE, fine + _COARSE, _COARSE)
        dense = np.arange(fine // _FINE * _FINE + _FINE, end + 1, _FINE)
        at = np.unique(np.concatenate([coarse, dense]).astype(np.int64))
        offsets = np.array([_offset(int(moment)) for moment in at], dtype=np.int64)
        local = at + offsets
        # The offset at midnight differs from the one now on the two days when clocks change; an hour off then.
        midnight = local // DAY * DAY - offsets
        busy = np.array([rhythm.activity(datetime.fromtimestamp(int(moment) / 1000, UTC)) for moment in at])
        return cls(now, at, midnight, busy)

    def count(self, starts: Ints, ends: Ints | None = None, weights: Floats | None = None) -> Floats:
        """How many stretches [start, end) cover each moment, or what they weigh together."""
        since = _reached(self.at, starts, weights)
        return since if ends is None else since - _reached(self.at, np.maximum(starts, ends), weights)

    def within(self, moments: Ints, span: int) -> Floats:
        """How many of `moments` lie in the `span` ms before each moment of the grid, itself included."""
        return _reached(self.at, moments) - _reached(self.at - span, moments)

    def today(self, moments: Ints, days: int = 1) -> Floats:
        """How many of `moments` lie in the site's day so far, or in the last `days` days with it."""
        first = self.midnight - (days - 1) * DAY
        return _reached(self.at, moments) - _reached(first - 1, moments)


def _reached(at: Ints, moments: Ints, weights: Floats | None = None) -> Floats:
    if weights is None:
        return np.searchsorted(np.sort(moments), at, side="right").astype(np.float64)
    order = np.argsort(moments, kind="stable")
    totals = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.asarray(totals[np.searchsorted(moments[order], at, side="right")], dtype=np.float64)


def _offset(moment: int) -> int:
    difference = datetime.fromtimestamp(moment / 1000, UTC).astimezone(rhythm.ZONE).utcoffset()
    return int((difference or timedelta()).total_seconds() * 1000)


def epochs(texts: Sequence[Any]) -> Ints:
    """Naive times (or dates) of the site's clock as ms since 1970; None is OPEN."""
    filled = np.array([text or "1970-01-01" for text in texts], dtype="datetime64[ms]").astype(np.int64)
    days, places = np.unique(filled // (DAY // 24), return_inverse=True)
    offsets = np.array([_zone_offset(int(day) * (DAY // 24)) for day in days], dtype=np.int64)
    known = np.array([text is not None and text != "" for text in texts], dtype=bool)
    return np.where(known, filled - (offsets[places] if len(offsets) else 0), OPEN)


def _zone_offset(local: int) -> int:
    naive = datetime.fromtimestamp(local / 1000, UTC).replace(tzinfo=rhythm.ZONE)
    return int((naive.utcoffset() or timedelta()).total_seconds() * 1000)


def columns(conn: sqlite3.Connection, statement: str) -> list[list[Any]]:
    """The columns of a query's answer; empty lists, one per column, without rows."""
    cursor = conn.execute(statement)
    rows = cursor.fetchall()
    width = len(cursor.description)
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]

"""Ninety days of metric history for the demo: what Baken would have measured, had it watched all along.

What the site's rows tell is computed from them: each row is a stretch of time in a state, and a figure at a moment
is the
number (or sum) of stretches that cover it. The rest (host, queues, response times) is invented
with the same daily rhythm and
the same incidents as the errors.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from baken.demo import rhythm, state
from baken.demo.ambience import ambience
from baken.demo.error_log import RELEASE_AGE
from baken.demo.grid import Grid, Series
from baken.history import releases
from baken.history.past import write_past as write_samples
from baken.history.store import Store

_BATCH = 12
# The release that the association had before the last one.
_RELEASED, _BEFORE = "verenigingen", "0.8.7"


@dataclass(frozen=True, slots=True)
class PastWritten:
    """How much was written."""

    series: int
    samples: int


def write_past(
    store: Store,
    site: str,
    database_path: Path,
    *,
    now: datetime,
    days: int = 90,
    seed: int = 2026,
    progress: Callable[[str, float], None],
) -> PastWritten:
    """Write `days` of history of the demo site `site` into a migrated `store`.

    `now` is the aware moment up to which the past goes: the one the bench was made with. Every 15 minutes, and every
    5 in the
    last week. Figures of the host go under site "". Writing the same past again changes nothing.

    Raises sqlite3.OperationalError when the database cannot be read, StoreError when the store cannot be written.
    """
    grid = Grid.until(now, days)
    conn = sqlite3.connect(f"file:{database_path}?mode=ro", uri=True)
    try:
        progress("Reading the site", 0.0)
        series = [*state.from_rows(conn, grid), *ambience(conn, grid, rhythm.incidents(seed, now), seed)]
        apps = dict(conn.execute('SELECT app_name, app_version FROM "tabInstalled Application" ORDER BY idx'))
    finally:
        conn.close()
    samples = 0
    for start in range(0, len(series), _BATCH):
        progress("History", 0.1 + 0.9 * start / len(series))
        with store.write() as target:
            for one in series[start : start + _BATCH]:
                at, values = _thinned(grid, one)
                samples += len(at)
                place = "" if one.of_host else site
                write_samples(target, place, one.metric, dict(one.labels), at, values, now=now)
    with store.write() as target:
        releases.note(target, site, {**apps, _RELEASED: _BEFORE}, now - timedelta(days=days))
        releases.note(target, site, apps, now - RELEASE_AGE)
    progress("History", 1.0)
    return PastWritten(len(series), samples)


def _thinned(grid: Grid, one: Series) -> tuple[list[int], list[float]]:
    """The series' samples, at its own interval: a figure that is measured hourly is not there every five minutes."""
    keep = slice(None) if one.every <= 300 else grid.at % (one.every * 1000) == 0
    at: npt.NDArray[np.int64] = grid.at[keep]
    return at.tolist(), np.round(one.values[keep], 4).tolist()

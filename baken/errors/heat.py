"""When errors come: by day of the week and hour of the day, as people at the site see the clock."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection

from baken.clock import from_ms, iso
from baken.errors import facts
from baken.errors.counts import DAY_MS, HOUR_MS
from baken.errors.looked import Looked, look
from baken.errors.windows import Places, Window, last_days, places

# 1970 began on a Thursday; weeks begin on Monday.
_THURSDAY = 3


def cell(at: int, clock: Places) -> tuple[int, int]:
    """(day of the week from Monday = 0, hour of the day) of the moment `at` (ms) at the site."""
    local = clock.local(at)
    return (local // DAY_MS + _THURSDAY) % 7, local % DAY_MS // HOUR_MS


def grid(hours: Mapping[int, int], clock: Places) -> list[list[int]]:
    """Seven days, Monday first, of 24 counts each, from counts per hour (ms)."""
    out = [[0] * 24 for _ in range(7)]
    for at, count in hours.items():
        weekday, hour = cell(at, clock)
        out[weekday][hour] += count
    return out


def known_grid(
    hours: Mapping[int, int], window: Window, clock: Places, looked: Looked
) -> list[list[int | None]] | None:
    """`grid`, with None where Baken has looked at no such hour within the window; None when it never looked."""
    if looked.since is None:
        return None
    counted = grid(hours, clock)
    begins = looked.since // HOUR_MS * HOUR_MS
    seen = {cell(at, clock) for at in window.grid() if at >= begins}
    return [[counted[day][hour] if (day, hour) in seen else None for hour in range(24)] for day in range(7)]


def heatmap(
    conn: Connection, site: str, *, days: int, now: datetime, zone: tzinfo, pattern: str = ""
) -> dict[str, Any]:
    """Errors of the last `days` days per weekday and hour, of one pattern or of all.

    Returns heatmap (7 x 24 counts, Monday first; None where nothing is known), weeks (how many weeks of the window
    were looked at), maximum, since, measured_at, absent. Raises KeyError when there is no such pattern.
    """
    window = last_days(days, now)
    clock = places(window, zone)
    looked = look(conn, site)
    numbers = None
    if pattern:
        numbers = facts.numbers_of(conn, site, pattern)
        if not numbers:
            raise KeyError(pattern)
    counted = facts.by_hour(conn, site, window, numbers)
    found = known_grid(counted, window, clock, looked)
    known = 0 if looked.since is None else max(0, window.end - max(window.start, looked.since))
    return {
        "heatmap": found,
        "weeks": round(known / (7 * DAY_MS), 1),
        "maximum": max((count or 0 for row in found for count in row), default=0) if found else None,
        "since": iso(from_ms(window.start)),
        "measured_at": iso(looked.read_at),
        "absent": looked.absent(window.start),
    }

"""Answers questions about error patterns from their counts; the cost does not grow with the number of errors."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from baken.clock import HOUR, from_ms, iso, to_ms
from baken.errors import watermarks
from baken.errors.counts import hour_of
from baken.errors.reader import Watermark
from baken.history.tables import error_counts, error_patterns

MAX_HOURS = 24 * 92
_SUMMARY = 140


def recent(conn: Connection, site: str, *, hours: int = 24, limit: int | None = 10, now: datetime) -> dict[str, Any]:
    """The errors of the last `hours` as patterns, the most frequent first.

    The window consists of whole hours of UTC, the present one included, so that its bars add up to its total.

    Args:
        conn: a connection to the store.
        site: name of the site.
        hours: length of the window, 1 to MAX_HOURS.
        limit: so many patterns at most; None: all.
        now: the present moment.

    Returns:
        total (None when the log was never read), since, hours (beginning of each), by_hour, patterns_total,
        measured_at, absent ({} or {"errors": reason}), and patterns: pattern, exception, template, error_summary,
        area, category, severity, count, share (of total), first_occurrence and latest (within the window), first_seen,
        new (seen for the first time within the window, while Baken has looked further back), hours (count per hour).
    """
    hours = max(1, min(hours, MAX_HOURS))
    grid = _grid(hours, now)
    mark = watermarks.load(conn, site)
    counted = _counts(conn, site, grid)
    total = sum(sum(row.values()) for row in counted.values())
    chosen = sorted(counted, key=lambda name: (-sum(counted[name].values()), name))
    shown = chosen if limit is None else chosen[: max(0, limit)]
    known = _known(conn, site, shown)
    return {
        "total": total if mark else None,
        "since": iso(from_ms(grid[0])),
        "patterns": [_described(known[name], counted[name], grid, total, mark) for name in shown if name in known],
        "patterns_total": len(chosen),
        "hours": [iso(from_ms(hour)) for hour in grid],
        "by_hour": [sum(row.get(hour, 0) for row in counted.values()) for hour in grid] if mark else [None] * hours,
        "measured_at": iso(mark.read_at) if mark else None,
        "absent": _absent(mark, grid[0]),
    }


def _grid(hours: int, now: datetime) -> list[int]:
    step = HOUR // timedelta(milliseconds=1)
    last = hour_of(to_ms(now))
    return [last - step * back for back in range(hours - 1, -1, -1)]


def _counts(conn: Connection, site: str, grid: list[int]) -> dict[str, dict[int, int]]:
    table = error_counts
    query = (
        select(error_patterns.c.id.label("pattern"), table.c.hour, table.c.count)
        .join(error_patterns, error_patterns.c.number == table.c.pattern)
        .where(error_patterns.c.site == site, table.c.hour.between(grid[0], grid[-1]))
    )
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for row in conn.execute(query):
        found[row.pattern][row.hour] = row[2]
    return found


def _known(conn: Connection, site: str, names: list[str]) -> dict[str, Any]:
    table = error_patterns
    found: dict[str, Any] = {}
    for start in range(0, len(names), 500):
        query = select(table).where(table.c.site == site, table.c.id.in_(names[start : start + 500]))
        found |= {row.id: row for row in conn.execute(query)}
    return found


def _described(
    row: Any, counted: dict[int, int], grid: list[int], total: int, mark: Watermark | None
) -> dict[str, Any]:
    count = sum(counted.values())
    began = row.first_seen >= grid[0]
    return {
        "pattern": row.id,
        "exception": row.exception,
        "template": row.template,
        "error_summary": _summary(row.exception, row.template),
        "area": row.area,
        "category": row.category,
        "severity": row.severity,
        "count": count,
        "share": count / total if total else 0.0,
        # Counts know the hour only; the very first occurrence is known to the moment.
        "first_occurrence": iso(from_ms(row.first_seen if began else min(counted))),
        "latest": iso(from_ms(row.last_seen)),
        "first_seen": iso(from_ms(row.first_seen)),
        "new": bool(began and mark and to_ms(mark.since) < grid[0]),
        "hours": [counted.get(hour, 0) for hour in grid],
    }


def _summary(exception: str, template: str) -> str:
    name = exception.rsplit(".", 1)[-1]
    text = f"{name}: {template}" if name and template else name or template
    return text if len(text) <= _SUMMARY else text[: _SUMMARY - 1].rstrip() + "…"


def _absent(mark: Watermark | None, start: int) -> dict[str, str]:
    if mark is None:
        return {"errors": "the site's Error Log has not been read yet"}
    if mark.behind:
        return {"errors": f"the Error Log is still being read; it has been read up to {iso(mark.until)}"}
    if to_ms(mark.since) > start:
        return {"errors": f"Baken has looked at the Error Log since {iso(mark.since)} only"}
    return {}

"""Finished days: packed samples and their hourly and daily sums, written together.

A day of a series is folded from all samples that there are of it: what was packed before and what came since.
So folding again, or folding a late sample, gives the same sums as if everything had come in time.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select

from baken.history import tables
from baken.history.packing import decode, encode
from baken.history.series import batches
from baken.history.upserts import upsert

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# A day is folded this long after its end: what a collector had to buffer for a while still comes in time.
GRACE_MS = 2 * HOUR_MS

# (series number, UTC midnight in milliseconds) -> samples of that day: moment in milliseconds -> value.
Days = Mapping[tuple[int, int], Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Rollup:
    """What happened in one hour or day: `at` is its beginning in milliseconds, `last` its last value."""

    at: int
    count: int
    min: float
    max: float
    sum: float
    last: float


def day_of(at: int) -> int:
    """UTC midnight (milliseconds) of the day in which the moment `at` lies."""
    return at - at % DAY_MS


def fold_until(now: int) -> int:
    """The UTC midnight up to which days are finished at the moment `now` (milliseconds)."""
    return day_of(now - GRACE_MS)


def summarise(at: Sequence[int], value: Sequence[float], width: int) -> list[Rollup]:
    """Sums over stretches of `width` milliseconds of samples in the order of their time."""
    groups: dict[int, list[float]] = {}
    for moment, figure in zip(at, value, strict=True):
        groups.setdefault(moment - moment % width, []).append(figure)
    return [Rollup(start, len(some), min(some), max(some), math.fsum(some), some[-1]) for start, some in groups.items()]


def lock_series(conn: Connection, numbers: Iterable[int]) -> None:
    """Let no other process fold these series until this transaction ends. SQLite has one writer anyhow."""
    ids = tables.series.c.id
    for some in batches(sorted(numbers)):
        conn.execute(select(ids).where(ids.in_(some)).order_by(ids).with_for_update()).all()


def read_chunks(
    conn: Connection, numbers: Sequence[int], start: int, end: int
) -> dict[tuple[int, int], dict[int, float]]:
    """The packed days of some series from `start` (included) to `end` (excluded), both midnights."""
    chunks = tables.chunks.c
    found: dict[tuple[int, int], dict[int, float]] = {}
    for some in batches(numbers):
        for number, day, data in conn.execute(
            select(chunks.series_id, chunks.day, chunks.data).where(
                chunks.series_id.in_(some), chunks.day >= start, chunks.day < end
            )
        ):
            at, value = decode(data)
            found[number, day] = dict(zip(at, value, strict=True))
    return found


def fold(conn: Connection, days: Days, *, raw_from: int | None = None) -> int:
    """Pack `days` together with what is packed of them, and write their hours and days.

    Days before `raw_from` (milliseconds) keep their sums only. Where the packed day is gone already and its
    sums know more samples than came now, the sums stay. The caller holds `lock_series`. Returns how many
    samples the days have now.
    """
    if not days:
        return 0
    numbers = sorted({number for number, _ in days})
    first, last = min(day for _, day in days), max(day for _, day in days)
    packed = read_chunks(conn, numbers, first, last + 1)
    bare = sorted({number for number, day in days if (number, day) not in packed})
    known = {
        table: _counts(conn, table, bare, first, last + DAY_MS) if bare else {}
        for table in (tables.hourly, tables.daily)
    }
    chunks: list[dict[str, int | bytes]] = []
    rows: dict[Table, list[dict[str, int | float]]] = {tables.hourly: [], tables.daily: []}
    total = 0
    for (number, day), samples in days.items():
        old = packed.get((number, day), {})
        merged = sorted({**old, **samples}.items())
        at, value = [moment for moment, _ in merged], [figure for _, figure in merged]
        total += len(at)
        if raw_from is None or day >= raw_from:
            chunks.append({"series_id": number, "day": day, "count": len(at), "data": encode(at, value)})
        for table, width in ((tables.hourly, HOUR_MS), (tables.daily, DAY_MS)):
            for part in summarise(at, value, width):
                if old or part.count >= known[table].get((number, part.at), 0):
                    rows[table].append(
                        {
                            "series_id": number,
                            "at": part.at,
                            "count": part.count,
                            "min": part.min,
                            "max": part.max,
                            "sum": part.sum,
                            "last": part.last,
                        }
                    )
    upsert(conn, tables.chunks, chunks)
    for table, some in rows.items():
        upsert(conn, table, some)
    return total


def _counts(conn: Connection, table: Table, numbers: Sequence[int], start: int, end: int) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for some in batches(numbers):
        for number, at, count in conn.execute(
            select(table.c.series_id, table.c.at, table.c.count).where(
                table.c.series_id.in_(some), table.c.at >= start, table.c.at < end
            )
        ):
            found[number, at] = count
    return found

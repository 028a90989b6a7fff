"""Reading a stretch of history: samples, packed days, hours and days come together as one line.

Of every stretch the finest that is there, and that the asked step can use, is taken; a moment comes from one
source only. Where nothing was measured there is no point: a gap stays a gap.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, select

from baken.clock import to_ms
from baken.history import tables
from baken.history.rollups import DAY_MS, HOUR_MS, Rollup, day_of, read_chunks, summarise
from baken.history.series import batches, series_of


@dataclass(slots=True)
class Points:
    """One series: `value[i]` at the moment `at[i]` (milliseconds, rising).

    With a step, or where only hours or days are left, a point stands for the stretch that begins at `at`:
    `value` is its mean (of a counter: its last), `minimum` and `maximum` its extremes. These two are None when
    every point is a single sample.
    """

    labels: dict[str, str]
    at: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    minimum: list[float] | None = None
    maximum: list[float] | None = None


# Everything of one series in a range: single samples, and sums that stand for hours or days.
_Samples = dict[int, float]
_Sums = dict[int, Rollup]


def read_range(
    conn: Connection,
    site: str,
    metric: str,
    start: datetime,
    end: datetime,
    *,
    step: timedelta | None = None,
    labels: Mapping[str, str] | None = None,
    counter: bool = False,
) -> list[Points]:
    """The series of `metric` from `start` (included) to `end` (excluded), ordered by labels.

    With `step` (at least 1 ms; counted from 1970 in UTC) both ends widen to whole steps and each step with
    samples gives one point: the mean, or with `counter` the last value. Without it: the samples, and hours or
    days where the samples are gone. Only series whose labels contain `labels`; those without points are left
    out.
    """
    width = None if step is None else max(1, step // timedelta(milliseconds=1))
    first, last = to_ms(start), to_ms(end)
    if width is not None:
        first, last = first - first % width, -(-last // width) * width
    if first >= last:
        return []
    found = dict(series_of(conn, site, metric, labels or {}))
    if not found:
        return []
    samples, sums = _collect(conn, sorted(found), first, last, _finest(width))
    lines = []
    for number, own in found.items():
        points = _line(samples.get(number, {}), sums.get(number, {}), width, counter)
        if points.at:
            points.labels = own
            lines.append(points)
    return lines


def _finest(width: int | None) -> int:
    """The length of the stretches (milliseconds; 0 = samples) that steps of `width` can be made of."""
    if width is None or width % HOUR_MS:
        return 0
    return HOUR_MS if width % DAY_MS else DAY_MS


def _collect(
    conn: Connection, numbers: list[int], first: int, last: int, finest: int
) -> tuple[dict[int, _Samples], dict[int, _Sums]]:
    samples = _read_samples(conn, numbers, first, last)
    sums: dict[int, _Sums] = {}
    covered: dict[int, set[int]] = {number: set() for number in numbers}
    if finest == 0:
        packed = read_chunks(conn, numbers, day_of(first), last)
    else:
        # Samples of a day that is packed already came late: this day is counted from its samples.
        packed = {}
        for number, own in samples.items():
            days = sorted({day_of(at) for at in own})
            packed |= read_chunks(conn, [number], days[0], days[-1] + 1)
    for (number, day), those in packed.items():
        covered[number].add(day)
        merged = {at: value for at, value in those.items() if first <= at < last}
        samples[number] = merged | samples.get(number, {})
    # What the samples do not cover: hours, and days where the hours are gone as well.
    for table, length in ((tables.hourly, HOUR_MS), (tables.daily, DAY_MS)):
        if length < finest:
            continue
        until = _uncovered_until(covered, first, last) if length > finest else last
        for number, parts in _read_sums(conn, table, numbers, first, until).items():
            done = covered[number]
            fresh = {part.at: part for part in parts if day_of(part.at) not in done}
            sums.setdefault(number, {}).update(fresh)
            done.update(day_of(at) for at in fresh)
    for number, its_sums in sums.items():
        _leave_counted(samples.get(number, {}), its_sums, finest)
    return samples, sums


def _uncovered_until(covered: Mapping[int, set[int]], first: int, last: int) -> int:
    """Retention takes the oldest first: coarser sums are needed only before the oldest finer day.

    That is the latest of the series' oldest days, and the whole range for a series that has none.
    """
    oldest = [min(days) for days in covered.values() if days]
    if len(oldest) < len(covered):
        return last
    return max(oldest, default=last)


def _leave_counted(samples: _Samples, sums: _Sums, finest: int) -> None:
    """Take single samples away that a sum of their stretch counts already (its packed day is gone)."""
    lengths = (HOUR_MS, DAY_MS) if finest < DAY_MS else (DAY_MS,)
    for at in [at for at in samples if any(at - at % length in sums for length in lengths)]:
        del samples[at]


def _read_samples(conn: Connection, numbers: list[int], first: int, last: int) -> dict[int, _Samples]:
    table = tables.samples.c
    found: dict[int, _Samples] = {}
    for some in batches(numbers):
        for number, at, value in conn.execute(
            select(table.series_id, table.at, table.value).where(
                table.series_id.in_(some), table.at >= first, table.at < last
            )
        ):
            found.setdefault(number, {})[at] = value
    return found


def _read_sums(conn: Connection, table: Table, numbers: list[int], first: int, last: int) -> dict[int, list[Rollup]]:
    found: dict[int, list[Rollup]] = {}
    if first >= last:
        return found
    columns = (table.c.at, table.c.count, table.c.min, table.c.max, table.c.sum, table.c.last)
    for some in batches(numbers):
        for number, *rest in conn.execute(
            select(table.c.series_id, *columns).where(
                table.c.series_id.in_(some), table.c.at >= first, table.c.at < last
            )
        ):
            found.setdefault(number, []).append(Rollup(*rest))
    return found


def _line(samples: _Samples, sums: _Sums, width: int | None, counter: bool) -> Points:
    points = Points({})
    if width is None and not sums:
        points.at = sorted(samples)
        points.value = [samples[at] for at in points.at]
        return points
    parts = list(sums.values())
    at = sorted(samples)
    # Not longer than an hour, so that samples and the hours of other days keep their order within a step.
    parts += summarise(at, [samples[moment] for moment in at], math.gcd(width or 1, HOUR_MS))
    parts.sort(key=lambda part: part.at)
    points.minimum, points.maximum = [], []
    groups: dict[int, list[Rollup]] = {}
    for part in parts:
        groups.setdefault(part.at - part.at % (width or 1), []).append(part)
    for start, some in groups.items():
        points.at.append(start)
        if counter:
            points.value.append(some[-1].last)
        else:
            points.value.append(math.fsum(part.sum for part in some) / sum(part.count for part in some))
        points.minimum.append(min(part.min for part in some))
        points.maximum.append(max(part.max for part in some))
    return points

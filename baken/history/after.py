"""What the store has that came after certain moments, in the order of time: for whoever takes figures elsewhere.

The store is the only place that has everything: who fell behind, was killed, or had no room, begins again from the
moment up to which it came.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, func, select

from baken.history import tables
from baken.history.rollups import DAY_MS, read_chunks
from baken.history.series import batches


@dataclass(frozen=True, slots=True)
class Series:
    """A series: its number in the store, its metric, and its labels as the store writes them."""

    number: int
    metric: str
    labels: str


@dataclass(frozen=True, slots=True)
class Moment:
    """All figures of one site at one moment (milliseconds); None for a series that has ended by then."""

    site: str
    at: int
    values: Sequence[tuple[Series, float | None]]


def newest(conn: Connection) -> dict[str, int]:
    """Up to which moment (milliseconds) the store knows each site; the host and Baken itself under the empty name."""
    states, runs = tables.site_states.c, tables.measurements.c
    found = {row.site: row.at for row in conn.execute(select(states.site, states.at))}
    # A past that was written as one has no run.
    for site, at in conn.execute(select(runs.site, func.max(runs.at)).group_by(runs.site)):
        found[site] = max(at, found.get(site, at))
    return found


def series_of_sites(conn: Connection, sites: Collection[str]) -> dict[str, list[Series]]:
    """All series that the store knows of these sites, by site."""
    table = tables.series.c
    found: dict[str, list[Series]] = {}
    for some in batches(sorted(sites)):
        for number, site, metric, labels in conn.execute(
            select(table.id, table.site, table.metric, table.labels).where(table.site.in_(some))
        ):
            found.setdefault(site, []).append(Series(number, metric, labels))
    return found


def moments(conn: Connection, site: str, series: Sequence[Series], start: int, end: int) -> list[Moment]:
    """The figures of a site after `start` and up to `end` (milliseconds), oldest first, packed days included."""
    known = {each.number: each for each in series}
    numbers = sorted(known)
    found: dict[int, dict[int, float]] = {}
    first = start + 1
    for (number, _day), samples in read_chunks(conn, numbers, first - first % DAY_MS, end + 1).items():
        for at, value in samples.items():
            if start < at <= end:
                found.setdefault(at, {})[number] = value
    table = tables.samples.c
    for some in batches(numbers):
        for number, at, value in conn.execute(
            select(table.series_id, table.at, table.value).where(
                table.series_id.in_(some), table.at > start, table.at <= end
            )
        ):
            found.setdefault(at, {})[number] = value
    return [Moment(site, at, [(known[number], value) for number, value in found[at].items()]) for at in sorted(found)]


def next_at(conn: Connection, after: int) -> int | None:
    """The moment (milliseconds) of the oldest figure after `after`, or a little before it; None when there is none."""
    samples, chunks = tables.samples.c, tables.chunks.c
    first = after + 1
    single = conn.execute(select(func.min(samples.at)).where(samples.at >= first)).scalar()
    day = conn.execute(select(func.min(chunks.day)).where(chunks.day >= first - first % DAY_MS)).scalar()
    known = [at for at in (single, None if day is None else max(day, first)) if at is not None]
    return min(known, default=None)


def ended(conn: Connection, site: str, since: int) -> Iterator[tuple[int, Series]]:
    """The series of a site that have ended after `since` (milliseconds): when that was seen, and which.

    A label set that the newest measurement of its metric did not have, or a metric that cannot be measured any more.
    Only what is not packed yet is looked at: after a day nobody takes an old figure for the present.
    """
    series, last, samples = tables.series.c, tables.latest.c, tables.samples.c
    runs = _moments_of(conn, tables.measurements.c.metric, tables.measurements.c.at, site)
    absent = _moments_of(conn, tables.absences.c.metric, tables.absences.c.since, site)
    gone: dict[int, tuple[int, Series]] = {}
    metrics: dict[str, list[int]] = {}
    for number, metric, labels, at in conn.execute(
        select(series.id, series.metric, series.labels, last.at)
        .select_from(tables.series.outerjoin(tables.latest, last.series_id == series.id))
        .where(series.site == site)
    ):
        metrics.setdefault(metric, []).append(number)
        if at is None and runs.get(metric, since) > since:
            gone[number] = (runs[metric], Series(number, metric, labels))
        elif at is not None and absent.get(metric, since) > since and at < absent[metric]:
            gone[number] = (absent[metric], Series(number, metric, labels))
    if not gone:
        return
    wanted = [number for metric in {each.metric for _, each in gone.values()} for number in metrics[metric]]
    before: dict[int, int] = {}
    for some in batches(sorted(wanted)):
        for number, at in conn.execute(
            select(samples.series_id, func.max(samples.at))
            .where(samples.series_id.in_(some), samples.at <= since)
            .group_by(samples.series_id)
        ):
            before[number] = at
    for number, (at, each) in gone.items():
        # It was there when its metric was measured last before `since`: what was not had ended earlier.
        if number in before and before[number] == max(before.get(other, 0) for other in metrics[each.metric]):
            yield at, each


def present(conn: Connection, site: str) -> list[Series]:
    """The series of a site that have a figure now: of metrics that can be measured."""
    series, last = tables.series.c, tables.latest.c
    absent = _moments_of(conn, tables.absences.c.metric, tables.absences.c.since, site)
    rows = conn.execute(
        select(series.id, series.metric, series.labels, last.at)
        .select_from(tables.series.join(tables.latest, last.series_id == series.id))
        .where(series.site == site)
    )
    return [
        Series(number, metric, labels)
        for number, metric, labels, at in rows
        if metric not in absent or at >= absent[metric]
    ]


def _moments_of(conn: Connection, name: Column[Any], at: Column[Any], site: str) -> dict[str, int]:
    return {row[0]: row[1] for row in conn.execute(select(name, at).where(name.table.c.site == site))}

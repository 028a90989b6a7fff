"""The present of a site: its last figures, what has no figure and why, and how its last cycle went."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from baken.clock import from_ms
from baken.history import tables
from baken.history.series import batches, labels_of


@dataclass(frozen=True, slots=True)
class Latest:
    """The last figure of a series and the one before it (for the rate of a counter)."""

    metric: str
    labels: dict[str, str]
    at: datetime
    value: float
    previous_at: datetime | None
    previous_value: float | None


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a metric has no figure: `since` when without a break, `at` when last found so."""

    reason: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """A small document about a site, and when it was made."""

    at: datetime
    body: Any


@dataclass(frozen=True, slots=True)
class SiteState:
    """How the last cycle of a site went; `missed` and `failures` count from the site's first cycle on."""

    at: datetime
    ok: bool
    reason: str | None
    seconds: float
    query_seconds: float
    queries: int
    missed: int
    failures: int


def latest(conn: Connection, site: str, metrics: Collection[str] | None = None) -> list[Latest]:
    """The last figures of `site` (of `metrics` only, when given), by metric and labels.

    A metric that cannot be measured at this moment keeps its last figure here: `absences` says so, and `at`
    how old it is.
    """
    series, last = tables.series.c, tables.latest.c
    statement = (
        select(
            series.metric,
            series.labels,
            last.at,
            last.value,
            last.previous_at,
            last.previous_value,
        )
        .select_from(tables.series.join(tables.latest, last.series_id == series.id))
        .where(series.site == site)
        .order_by(series.metric, series.labels)
    )
    if metrics is not None:
        statement = statement.where(series.metric.in_(sorted(metrics)))
    return [
        Latest(
            metric,
            labels_of(labels),
            from_ms(at),
            value,
            None if previous_at is None else from_ms(previous_at),
            previous_value,
        )
        for metric, labels, at, value, previous_at, previous_value in conn.execute(statement)
    ]


def each_latest(conn: Connection, sites: Collection[str]) -> Iterator[tuple[str, str, str, int, float, int | None]]:
    """The last figures of many sites, as the store has them: for who reads a hundred thousand at once.

    Yields (site, metric, labels as the store writes them, at, value, when it was measured before), moments in
    milliseconds. In no particular order.
    """
    series, last = tables.series.c, tables.latest.c
    for some in batches(sorted(sites)):
        statement = (
            select(series.site, series.metric, series.labels, last.at, last.value, last.previous_at)
            .select_from(tables.series.join(tables.latest, last.series_id == series.id))
            .where(series.site.in_(some))
        )
        # All of a batch at once: one by one takes three times as long.
        yield from conn.execute(statement).all()


def each_measured(conn: Connection, sites: Collection[str]) -> Iterator[tuple[str, str, int]]:
    """(site, metric, when it was last measured in milliseconds) of many sites, also where that gave no rows."""
    table = tables.measurements.c
    for some in batches(sorted(sites)):
        yield from conn.execute(select(table.site, table.metric, table.at).where(table.site.in_(some))).all()


def each_absence(conn: Connection, sites: Collection[str]) -> Iterator[tuple[str, str]]:
    """(site, metric) of all that has no figure now, of many sites."""
    table = tables.absences.c
    for some in batches(sorted(sites)):
        yield from conn.execute(select(table.site, table.metric).where(table.site.in_(some))).all()


def measured_at(conn: Connection, site: str) -> dict[str, datetime]:
    """When each metric of `site` was last measured, also when that gave no rows."""
    table = tables.measurements.c
    rows = conn.execute(select(table.metric, table.at).where(table.site == site))
    return {metric: from_ms(at) for metric, at in rows}


def tried_at(conn: Connection, site: str) -> dict[str, datetime]:
    """When each metric and each kind of observation of `site` was last tried, also when that failed."""
    found: dict[str, int] = {}
    for table, name in (
        (tables.measurements, tables.measurements.c.metric),
        (tables.absences, tables.absences.c.metric),
        (tables.observations, tables.observations.c.kind),
    ):
        for what, at in conn.execute(select(name, table.c.at).where(table.c.site == site)):
            found[what] = max(at, found.get(what, at))
    return {what: from_ms(at) for what, at in found.items()}


def absences(conn: Connection, site: str) -> dict[str, Absence]:
    """The metrics of `site` that have no figure now, with the reason."""
    table = tables.absences.c
    rows = conn.execute(
        select(table.metric, table.reason, table.since, table.at).where(table.site == site).order_by(table.metric)
    )
    return {metric: Absence(reason, from_ms(since), from_ms(at)) for metric, reason, since, at in rows}


def observation(conn: Connection, site: str, kind: str) -> Observation | None:
    """The newest document of that kind about `site`, or None."""
    table = tables.observations.c
    row = conn.execute(select(table.at, table.body).where(table.site == site, table.kind == kind)).one_or_none()
    return Observation(from_ms(row.at), json.loads(row.body)) if row else None


def site_states(conn: Connection) -> dict[str, SiteState]:
    """How the last cycle of each site went."""
    rows = conn.execute(select(tables.site_states).order_by(tables.site_states.c.site))
    return {
        row.site: SiteState(
            from_ms(row.at),
            bool(row.ok),
            row.reason,
            row.seconds,
            row.query_seconds,
            row.queries,
            row.missed,
            row.failures,
        )
        for row in rows
    }

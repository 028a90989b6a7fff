"""What was measured: recording a cycle of the collector, and the answers that need the last figures only.

A cycle is one round of measuring one site. Everything it brought is written in one transaction, and writing
it again changes nothing: after a commit of which nobody heard whether it succeeded, the same cycles are
simply recorded again. Cycles may also arrive late and out of order; what they bring goes into the history,
but an older cycle never overrules what a newer one said about the present.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from baken.clock import to_ms
from baken.history import tables
from baken.history.gaps import Gap, gaps, record_gap
from baken.history.past import write_past
from baken.history.present import (
    Absence,
    Latest,
    Observation,
    SiteState,
    absences,
    latest,
    measured_at,
    observation,
    site_states,
)
from baken.history.ranges import Points, read_range
from baken.history.series import Labels, batches, check_names, create_series, labels_text
from baken.history.upserts import insert_missing, upsert

__all__ = [
    "Absence",
    "Cycle",
    "Gap",
    "Latest",
    "Observation",
    "Points",
    "Sample",
    "SiteState",
    "absences",
    "gaps",
    "latest",
    "measured_at",
    "observation",
    "read_range",
    "record",
    "record_gap",
    "site_states",
    "write_past",
]

# Sums of a day have to stay finite as well.
_LARGEST = 1e300
NOT_A_FIGURE = "the measurement gave no finite number"


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of a cycle. `labels` are sorted by name."""

    metric: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Cycle:
    """One round of measuring one site (or the host or the monitor itself: site "").

    - `absences`: metric -> why there is no figure now.
    - `measured`: the metrics that ran. Their older absences end, and their label sets that did not come back
      leave `latest`.
    - `observations`: kind -> small JSON document.
    - `seconds` the whole cycle took, `query_seconds` and `queries` of it on the site's database.
    - `ok` and `reason`: whether the site could be measured at all.
    - `missed`: how many cycles were missed since the one before.
    """

    site: str
    at: datetime
    samples: Sequence[Sample]
    absences: Mapping[str, str] = field(default_factory=dict)
    measured: Collection[str] = ()
    observations: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    query_seconds: float = 0.0
    queries: int = 0
    ok: bool = True
    reason: str | None = None
    missed: int = 0


@dataclass(slots=True)
class _Last:
    """A row of `latest` while cycles are applied to it."""

    series_id: int
    at: int
    value: float
    previous_at: int | None
    previous_value: float | None


_Key = tuple[str, str, str]


def record(conn: Connection, cycles: Sequence[Cycle]) -> None:
    """Write `cycles` in the caller's transaction; writing a cycle again changes nothing.

    A figure that is not a finite number is not stored; a metric that has no other gets an absence. Raises
    ValueError for a name that does not fit, and the driver's errors (StoreError through `Store.write`).
    """
    ordered = sorted(cycles, key=lambda cycle: cycle.at)
    if not ordered:
        return
    for site, metrics in _names(ordered).items():
        check_names(site, metrics)
    sites = sorted({cycle.site for cycle in ordered})
    _lock_sites(conn, sites)
    book = _Book.read(conn, sites)
    rows: dict[tuple[int, int], float] = {}
    moments = [to_ms(cycle.at) for cycle in ordered]
    keys = [[(cycle.site, sample.metric, labels_text(sample.labels)) for sample in cycle.samples] for cycle in ordered]
    missing = {key for some in keys for key in some} - book.numbers.keys()
    if missing:
        book.numbers |= create_series(conn, missing, moments[0])
    for cycle, at, its_keys in zip(ordered, moments, keys, strict=True):
        figures = {
            key: float(sample.value)
            for key, sample in zip(its_keys, cycle.samples, strict=True)
            # Also false for NaN.
            if -_LARGEST < sample.value < _LARGEST
        }
        for key, value in figures.items():
            rows[book.numbers[key], at] = value
        book.apply(cycle, at, figures)
    upsert(
        conn,
        tables.samples,
        [{"series_id": number, "at": at, "value": value} for (number, at), value in rows.items()],
    )
    book.write(conn)


def _lock_sites(conn: Connection, sites: Sequence[str]) -> None:
    """Let nobody else change the present of these sites until this transaction ends.

    SQLite has one writer anyhow. On a server the row of a site that is new is made first, to have a lock.
    """
    if conn.dialect.name == "sqlite":
        return
    table = tables.site_states
    for some in batches(sites):
        locking = select(table.c.site).where(table.c.site.in_(some)).order_by(table.c.site).with_for_update()
        unknown = set(some) - set(conn.execute(locking).scalars())
        if unknown:
            empty = {"at": 0, "ok": False, "seconds": 0, "query_seconds": 0, "queries": 0}
            insert_missing(conn, table, [{"site": site, "missed": 0, "failures": 0, **empty} for site in unknown])
            conn.execute(locking).all()


def _names(cycles: Sequence[Cycle]) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for cycle in cycles:
        own = names.setdefault(cycle.site, set())
        own.update(sample.metric for sample in cycle.samples)
        own.update(cycle.absences, cycle.measured, cycle.observations)
    return names


class _Book:
    """The present of some sites as the store knows it, and what cycles change about it."""

    def __init__(self) -> None:
        self.numbers: dict[_Key, int] = {}
        self.last: dict[_Key, _Last] = {}
        self.by_metric: dict[tuple[str, str], set[_Key]] = {}
        self.measured: dict[tuple[str, str], int] = {}
        self.absences: dict[tuple[str, str], dict[str, Any]] = {}
        self.observed: dict[tuple[str, str], int] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.changed: set[_Key] = set()
        self.dropped: dict[_Key, int] = {}
        self.new_measured: set[tuple[str, str]] = set()
        self.new_absences: set[tuple[str, str]] = set()
        self.ended_absences: set[tuple[str, str]] = set()
        self.new_observations: dict[tuple[str, str], str] = {}
        self.new_states: set[str] = set()

    @classmethod
    def read(cls, conn: Connection, sites: Sequence[str]) -> "_Book":
        book = cls()
        series, last = tables.series.c, tables.latest.c
        for some in batches(sites):
            for site, metric, labels, number, at, value, previous_at, previous_value in conn.execute(
                select(
                    series.site,
                    series.metric,
                    series.labels,
                    series.id,
                    last.at,
                    last.value,
                    last.previous_at,
                    last.previous_value,
                )
                .select_from(tables.series.outerjoin(tables.latest, last.series_id == series.id))
                .where(series.site.in_(some))
            ):
                key = (site, metric, labels)
                book.numbers[key] = number
                if at is not None:
                    book.last[key] = _Last(number, at, value, previous_at, previous_value)
                    book.by_metric.setdefault((site, metric), set()).add(key)
            for row in conn.execute(select(tables.measurements).where(tables.measurements.c.site.in_(some))).mappings():
                book.measured[row["site"], row["metric"]] = row["at"]
            for row in conn.execute(select(tables.absences).where(tables.absences.c.site.in_(some))).mappings():
                book.absences[row["site"], row["metric"]] = dict(row)
            kinds = tables.observations.c
            for site, kind, at in conn.execute(select(kinds.site, kinds.kind, kinds.at).where(kinds.site.in_(some))):
                book.observed[site, kind] = at
            for row in conn.execute(select(tables.site_states).where(tables.site_states.c.site.in_(some))).mappings():
                book.states[row["site"]] = dict(row)
        return book

    def apply(self, cycle: Cycle, at: int, figures: Mapping[_Key, float]) -> None:
        """Let one cycle change the present; cycles come in the order of their time."""
        reasons = dict(cycle.absences)
        given = {key[1] for key in figures}
        for sample in cycle.samples:
            if sample.metric not in given:
                reasons.setdefault(sample.metric, NOT_A_FIGURE)
        for key, value in figures.items():
            self._figure(cycle.site, key, at, value)
        for metric in cycle.measured:
            if metric not in reasons:
                self._ran(cycle.site, metric, at, figures)
        for metric, reason in reasons.items():
            self._absent(cycle.site, metric, at, reason)
        for kind, body in cycle.observations.items():
            if at >= self.observed.get((cycle.site, kind), at):
                self.observed[cycle.site, kind] = at
                self.new_observations[cycle.site, kind] = json.dumps(body, default=str)
        self._state(cycle, at)

    def _figure(self, site: str, key: _Key, at: int, value: float) -> None:
        before = self.last.get(key)
        if before is None:
            if at < self.measured.get((site, key[1]), at):
                # A newer cycle measured this metric and did not see this label set: it is gone by now.
                return
            self.last[key] = _Last(self.numbers[key], at, value, None, None)
            self.by_metric.setdefault((site, key[1]), set()).add(key)
            self.dropped.pop(key, None)
        elif at > before.at:
            self.last[key] = _Last(before.series_id, at, value, before.at, before.value)
        elif at == before.at:
            before.value = value
        elif before.previous_at is None or at >= before.previous_at:
            before.previous_at, before.previous_value = at, value
        else:
            return
        self.changed.add(key)

    def _ran(self, site: str, metric: str, at: int, figures: Mapping[_Key, float]) -> None:
        if at < self.measured.get((site, metric), at):
            return
        self.measured[site, metric] = at
        self.new_measured.add((site, metric))
        absence = self.absences.get((site, metric))
        if absence is not None and absence["at"] <= at:
            del self.absences[site, metric]
            self.new_absences.discard((site, metric))
            self.ended_absences.add((site, metric))
        for key in list(self.by_metric.get((site, metric), ())):
            if key not in figures and self.last[key].at < at:
                self.dropped[key] = self.last.pop(key).series_id
                self.by_metric[site, metric].discard(key)
                self.changed.discard(key)

    def _absent(self, site: str, metric: str, at: int, reason: str) -> None:
        if at < self.measured.get((site, metric), at):
            return
        before = self.absences.get((site, metric))
        if before is not None and at < before["at"]:
            return
        self.absences[site, metric] = {
            "site": site,
            "metric": metric,
            # PostgreSQL takes no NUL in a text.
            "reason": reason.replace("\x00", "")[:4000],
            "since": before["since"] if before else at,
            "at": at,
        }
        self.new_absences.add((site, metric))
        self.ended_absences.discard((site, metric))

    def _state(self, cycle: Cycle, at: int) -> None:
        before = self.states.get(cycle.site)
        if before is not None and at < before["at"]:
            return
        # The same moment again is the same cycle again: it counts once.
        counts = before is None or at > before["at"]
        self.states[cycle.site] = {
            "site": cycle.site,
            "at": at,
            "ok": cycle.ok,
            "reason": cycle.reason.replace("\x00", "")[:4000] if cycle.reason else None,
            "seconds": cycle.seconds,
            "query_seconds": cycle.query_seconds,
            "queries": cycle.queries,
            "missed": (before["missed"] if before else 0) + (cycle.missed if counts else 0),
            "failures": (before["failures"] if before else 0) + (int(counts and not cycle.ok)),
        }
        self.new_states.add(cycle.site)

    def write(self, conn: Connection) -> None:
        """Write what changed."""
        upsert(
            conn,
            tables.latest,
            [
                {
                    "series_id": last.series_id,
                    "at": last.at,
                    "value": last.value,
                    "previous_at": last.previous_at,
                    "previous_value": last.previous_value,
                }
                for last in (self.last[key] for key in self.changed)
            ],
        )
        for some in batches(sorted(self.dropped.values())):
            conn.execute(delete(tables.latest).where(tables.latest.c.series_id.in_(some)))
        upsert(
            conn,
            tables.measurements,
            [{"site": site, "metric": metric, "at": self.measured[site, metric]} for site, metric in self.new_measured],
        )
        upsert(conn, tables.absences, [self.absences[key] for key in self.new_absences])
        for site, metric in sorted(self.ended_absences):
            conn.execute(
                delete(tables.absences).where(tables.absences.c.site == site, tables.absences.c.metric == metric)
            )
        upsert(
            conn,
            tables.observations,
            [
                {"site": site, "kind": kind, "at": self.observed[site, kind], "body": body}
                for (site, kind), body in self.new_observations.items()
            ],
        )
        upsert(conn, tables.site_states, [self.states[site] for site in self.new_states])

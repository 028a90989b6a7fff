"""Keeping the store small: finished days are packed and summed up, and what is old enough goes.

The work is cut into short transactions that each leave everything right: samples leave their table in the
transaction that packs them and writes their sums, together with the mark that says how far this came. A
process that is killed at any moment loses nothing and counts nothing twice; the next call goes on.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, func, select, true

from baken.clock import to_ms
from baken.history import tables, websessions
from baken.history.rollups import DAY_MS, HOUR_MS, day_of, fold, fold_until, lock_series
from baken.history.series import batches
from baken.history.store import Store
from baken.history.upserts import upsert

# Series per transaction: some 50,000 samples at one a minute, well under a second.
_SERIES = 40
_ROWS = 2000
_PATTERNS = 100
# Old roll-ups that go in one transaction per series, when a limit was shortened by years.
_SPAN = 31 * DAY_MS
# How often all series are looked at for late samples when no new day is finished.
_AGAIN = HOUR_MS
# Alerts per transaction: each takes a dozen lines of its trail along.
_ALERTS = 100
# Days that notifications which were sent or given up are kept, and links that were used.
_OUTBOX_DAYS, _LINK_DAYS = 90, 30


class Limits(Protocol):
    """How many days each kind of row is kept (`Settings.history` has these)."""

    @property
    def raw_days(self) -> int: ...
    @property
    def hourly_days(self) -> int: ...
    @property
    def daily_days(self) -> int: ...
    @property
    def audit_days(self) -> int: ...


class AlertLimits(Protocol):
    """How many days alerts that are over are kept (`Settings.alerts` has it)."""

    @property
    def closed_days(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Retention:
    """The limits that apply when nothing else is set: 90 days, 2 years, 7 years, 7 years; alerts 2 years."""

    raw_days: int = 90
    hourly_days: int = 730
    daily_days: int = 2557
    audit_days: int = 2557
    closed_days: int = 730


@dataclass(slots=True)
class Maintenance:
    """What one call of `maintain` did.

    `packed` samples left their table for packed days; `deleted` is table -> rows; `complete` is False when the
    time ran out and the next call goes on.
    """

    packed: int = 0
    deleted: dict[str, int] = field(default_factory=dict)
    complete: bool = False
    seconds: float = 0.0

    def gone(self, table: Table, rows: int) -> None:
        """Count deleted rows."""
        if rows:
            name = table.name.removeprefix(tables.PREFIX)
            self.deleted[name] = self.deleted.get(name, 0) + rows


def maintain(
    store: Store,
    now: datetime,
    limits: Limits | None = None,
    *,
    alerts: AlertLimits | None = None,
    budget: timedelta = timedelta(seconds=20),
) -> Maintenance:
    """Pack finished days, sum them up, and delete what is older than `limits` and `alerts` (default: `Retention()`).

    Stops after about `budget`; call it every minute or so, it costs next to nothing when there is nothing to
    do. Several processes may call it at once. Raises StoreError.
    """
    limits = limits or Retention()
    began = time.monotonic()
    present = to_ms(now)
    done = Maintenance()

    def in_time() -> bool:
        return time.monotonic() - began < budget.total_seconds()

    swept = _sweep(store, present, limits, done, in_time)
    if swept is None:
        done.complete = True
    elif swept:
        closed = to_ms(now - timedelta(days=(alerts or Retention()).closed_days))
        done.complete = _purge(store, now, limits, done, in_time) and _purge_alerts(store, now, closed, done, in_time)
        if done.complete:
            with store.write() as conn:
                _mark(conn, {"swept": present})
            _give_back(store)
    done.seconds = time.monotonic() - began
    return done


def _marks(conn: Connection) -> dict[str, int]:
    return {row.name: row.value for row in conn.execute(select(tables.marks))}


def _mark(conn: Connection, values: dict[str, int]) -> None:
    upsert(conn, tables.marks, [{"name": name, "value": value} for name, value in values.items()])


def _sweep(store: Store, present: int, limits: Limits, done: Maintenance, in_time: Callable[[], bool]) -> bool | None:
    """Go through the series from where the last call stopped.

    True when it came to the end, False when the time ran out, None when there was nothing to do.
    """
    until = fold_until(present)
    with store.read() as conn:
        marks = _marks(conn)
    cursor = marks.get("sweep.series", 0)
    if cursor == 0 and marks.get("sweep.until", -1) >= until and present - marks.get("swept", -_AGAIN) < _AGAIN:
        return None
    while True:
        with store.write() as conn:
            # Read again: another process may have gone on meanwhile.
            cursor = _marks(conn).get("sweep.series", 0)
            ids = tables.series.c.id
            numbers = list(conn.execute(select(ids).where(ids > cursor).order_by(ids).limit(_SERIES)).scalars())
            if not numbers:
                _mark(conn, {"sweep.series": 0, "sweep.until": until})
                return True
            lock_series(conn, numbers)
            packed = _pack_oldest(conn, numbers, until, day_of(present - limits.raw_days * DAY_MS))
            done.packed += packed
            if not packed and _expire(conn, numbers, present, limits, done):
                _mark(conn, {"sweep.series": numbers[-1]})
        if not in_time():
            return False


def _pack_oldest(conn: Connection, numbers: Sequence[int], until: int, raw_from: int) -> int:
    """Fold the oldest finished day that any of these series has samples of; returns how many there were."""
    table = tables.samples.c
    oldest = conn.execute(select(func.min(table.at)).where(table.series_id.in_(numbers), table.at < until)).scalar()
    if oldest is None:
        return 0
    day = day_of(oldest)
    days: dict[tuple[int, int], dict[int, float]] = {}
    count = 0
    # What is deleted is what is folded, to the row: a sample that arrives in between stays for the next time.
    for number, at, value in conn.execute(
        delete(tables.samples)
        .where(table.series_id.in_(numbers), table.at >= day, table.at < day + DAY_MS)
        .returning(table.series_id, table.at, table.value)
    ):
        days.setdefault((number, day), {})[at] = value
        count += 1
    fold(conn, days, raw_from=raw_from)
    return count


def _expire(conn: Connection, numbers: Sequence[int], present: int, limits: Limits, done: Maintenance) -> bool:
    """Delete packed days, hours and days of these series that are too old; False when there are more."""
    finished = True
    for table, name, days in (
        (tables.chunks, "day", limits.raw_days),
        (tables.hourly, "at", limits.hourly_days),
        (tables.daily, "at", limits.daily_days),
    ):
        moment: Column[int] = table.c[name]
        horizon = day_of(present - days * DAY_MS)
        oldest = conn.execute(select(func.min(moment)).where(table.c.series_id.in_(numbers), moment < horizon)).scalar()
        if oldest is None:
            continue
        upto = min(horizon, oldest + _SPAN)
        finished = finished and upto == horizon
        gone = conn.execute(delete(table).where(table.c.series_id.in_(numbers), moment < upto))
        done.gone(table, gone.rowcount)
    return finished


def _purge(store: Store, now: datetime, limits: Limits, done: Maintenance, in_time: Callable[[], bool]) -> bool:
    """Delete old rows of everything that is not a series; False when the time ran out."""
    old = to_ms(now - timedelta(days=limits.daily_days))
    if not _purge_errors(store, now, limits, done, in_time):
        return False
    for table, moment, before in (
        (tables.audit, tables.audit.c.at, to_ms(now - timedelta(days=limits.audit_days))),
        (tables.gaps, tables.gaps.c.ends, old),
        (tables.latest, tables.latest.c.at, old),
    ):
        for some in _old_rows(store, table, moment, before):
            with store.write() as conn:
                key = next(iter(table.primary_key))
                # The moment again: the row may have been renewed since it was found.
                gone = conn.execute(delete(table).where(key.in_(some), moment < before))
                done.gone(table, gone.rowcount)
            if not in_time():
                return False
    with store.write() as conn:
        for table, moment, before in (
            (tables.error_findings, tables.error_findings.c.last_seen, old),
            (tables.absences, tables.absences.c.at, old),
            (tables.observations, tables.observations.c.at, old),
            (tables.measurements, tables.measurements.c.at, old),
            # A request to measure now that nobody took for a day is not one for now any more.
            (tables.collect_requests, tables.collect_requests.c.at, to_ms(now) - DAY_MS),
        ):
            done.gone(table, conn.execute(delete(table).where(moment < before)).rowcount)
        done.gone(tables.web_sessions, websessions.purge(conn, now))
    return True


def _purge_errors(store: Store, now: datetime, limits: Limits, done: Maintenance, in_time: Callable[[], bool]) -> bool:
    """Delete old counts of errors, and patterns that were last seen long ago; False when the time ran out.

    Counts are found by their pattern, which their keys begin with: no table is read as a whole.
    """
    old, hourly, raw = (
        to_ms(now - timedelta(days=days)) for days in (limits.daily_days, limits.hourly_days, limits.raw_days)
    )
    counted = (
        (tables.error_counts, tables.error_counts.c.hour, hourly),
        (tables.error_hits, tables.error_hits.c.hour, raw),
        (tables.error_hit_days, tables.error_hit_days.c.day, hourly),
    )
    table = tables.error_patterns
    with store.read() as conn:
        numbers = list(conn.execute(select(table.c.number).order_by(table.c.number)).scalars())
    for some in batches(numbers, _PATTERNS):
        with store.write() as conn:
            for counts, moment, before in counted:
                gone = conn.execute(delete(counts).where(counts.c.pattern.in_(some), moment < before))
                done.gone(counts, gone.rowcount)
        if not in_time():
            return False
    with store.write() as conn:
        # One that others are merged into or split from stands for them.
        held = {
            number
            for column in (table.c.merged_into, table.c.split_of)
            for number in conn.execute(select(column).where(column.is_not(None)).distinct()).scalars()
        }
        seen = list(conn.execute(select(table.c.number).where(table.c.last_seen < old)).scalars())
        for some in batches([number for number in seen if number not in held], _PATTERNS):
            for counts, _moment, _before in counted:
                done.gone(counts, conn.execute(delete(counts).where(counts.c.pattern.in_(some))).rowcount)
            done.gone(table, conn.execute(delete(table).where(table.c.number.in_(some))).rowcount)
    return True


def _purge_alerts(store: Store, now: datetime, closed: int, done: Maintenance, in_time: Callable[[], bool]) -> bool:
    """Delete alerts that were over before `closed` (ms), and what is left of telling people; False when time ran out.

    An alert of which a notification still waits to be sent stays, and so does the notification.
    """
    table, outbox, silences = tables.alerts, tables.outbox, tables.silences
    waits = select(outbox.c.id).where(outbox.c.alert == table.c.number, outbox.c.state == "waiting").exists()
    over = and_(table.c.open_key.is_(None), table.c.resolved_at < closed, ~waits)
    for some in batches(_closed_alerts(store, over, closed), _ALERTS):
        with store.write() as conn:
            # Asked again: an alert may have been opened again since it was found. What is deleted takes its trail.
            gone = list(
                conn.execute(delete(table).where(table.c.number.in_(some), over).returning(table.c.number)).scalars()
            )
            done.gone(table, len(gone))
            for of_it in (tables.alert_events, tables.alert_mirrors):
                done.gone(of_it, conn.execute(delete(of_it).where(of_it.c.alert.in_(gone))).rowcount)
        if not in_time():
            return False
    told, used, ago = (to_ms(now - timedelta(days=days)) for days in (_OUTBOX_DAYS, _LINK_DAYS, 1))
    requests = tables.alert_requests
    for each, moment, before, where in (
        (outbox, outbox.c.sent_at, told, outbox.c.state == "sent"),
        (outbox, outbox.c.due, told, outbox.c.state == "dropped"),
        (silences, silences.c.ended_at, closed, true()),
        (silences, silences.c.ends, closed, true()),
        (tables.alert_links, tables.alert_links.c.at, used, true()),
        (requests, requests.c.done_at, ago, true()),
        # One that nobody took for a day is not one for now any more.
        (requests, requests.c.at, ago, requests.c.done_at.is_(None)),
    ):
        for some in _old_rows(store, each, moment, before, where):
            with store.write() as conn:
                key = next(iter(each.primary_key))
                gone_now = conn.execute(delete(each).where(key.in_(some), moment < before, where))
                done.gone(each, gone_now.rowcount)
            if not in_time():
                return False
    return True


def _closed_alerts(store: Store, over: ColumnElement[bool], closed: int) -> Sequence[int]:
    """Numbers of the alerts that are `over`. Later ones have larger numbers: those of the last years are not read."""
    number, fired = tables.alerts.c.number, tables.alerts.c.fired
    with store.read() as conn:
        first = conn.execute(select(number).where(fired >= closed).order_by(number).limit(1)).scalar()
        query = select(number).where(over).order_by(number)
        return list(conn.execute(query if first is None else query.where(number < first)).scalars())


def _old_rows(
    store: Store, table: Table, moment: Column[Any], before: int, where: ColumnElement[bool] | None = None
) -> Iterator[Sequence[Any]]:
    """Keys of the rows of `table` from before a moment, some at a time, until there are none; `where`: only those."""
    key = next(iter(table.primary_key))
    query = select(key).where(moment < before, true() if where is None else where).order_by(key)
    with store.read() as conn:
        keys = list(conn.execute(query).scalars())
    yield from batches(keys, _ROWS if store.dialect != "sqlite" else 500)


def _give_back(store: Store) -> None:
    """Let an SQLite file shrink when a good part of it is empty, a few megabytes at a time."""
    if store.dialect != "sqlite":
        return
    with store.write() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        free = conn.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        # A day's samples come and go every day: that much room stays.
        if free > 2000 and free > pages // 4:
            conn.exec_driver_sql(f"PRAGMA incremental_vacuum({min(free - pages // 8, 5000)})").all()
        conn.exec_driver_sql("PRAGMA optimize")

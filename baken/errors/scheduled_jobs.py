"""Scheduled jobs that failed, from the table Scheduled Job Log.

Frappe catches what a scheduled job raises: no row in the Error Log, no failed job in RQ, no line in a file. It leaves a
row here, with the status Failed and the traceback, for jobs whose type keeps a log.

Guarantee: each failed run is seen once. A row is put there when its job starts and changed when it ends, which moves
`modified` and leaves `creation` where it is. Where `modified` has an index, failures are found by it. Where only
`creation` has one (Frappe 16), runs are found as they begin, and those that have not ended are looked up again by
their names until they have, for OPEN_FOR at most. Every reading begins OVERLAP before the place where the last one
ended, and recognises failures by their names; a row that commits later than that is not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, TableClause, and_, bindparam, or_, select

from baken.errors.event import SCHEDULED_JOBS, Event
from baken.errors.reader import FIRST_READING, texts
from baken.errors.seen import hashed
from baken.errors.sources import Gathered
from baken.sites.problems import SiteProblem
from baken.sites.reading import Reading
from baken.sites.rows import CREATION, MODIFIED, as_names, require_indexed_time

LOG, TYPE = "Scheduled Job Log", "Scheduled Job Type"
EVERY = timedelta(seconds=30)
"""The site is asked so often at most, unless there is more to read."""
OVERLAP = timedelta(minutes=10)
ROWS_AT_ONCE = 1000
FAILURES_AT_ONCE = 100
KEPT_NAMES = 1000
"""So many failures are recognised when somebody touches their rows, and all of the overlap."""
LONGEST_RUN = timedelta(days=1)
"""The first reading by `creation` begins so much earlier: what ended since may have begun then. RQ ends a run after 5
or 25 minutes, unless the bench gives its workers more time."""
OPEN_FOR = timedelta(days=7)
"""For so long a run that has not ended is looked up again; one whose worker was killed never ends."""
MOST_OPEN = 500
"""So many of them at most, the newest. A bench runs as many at a time as it has workers."""
ENDED = ("Complete", "Failed")
# Without failures the place is stored when it has moved so far.
_MOVED = timedelta(minutes=5)
_TEXTS_AT_ONCE = 25
_NAME_LENGTH = 8
_TICK = timedelta(microseconds=1)
_NEEDED = ("name", "creation", "modified", "status", "scheduled_job_type", "details")


def read(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    """Runs of scheduled jobs that failed and were not seen yet, oldest first, at most FAILURES_AT_ONCE.

    `body` is {"floor": the moment before which nothing is read, "by": by which time the log is read, "until": the
    moment up to which all has been read, "at": the row to go on behind, as [the site's time, name], null unless there
    is more, "seen": names of failures as hashes, "open": {name of a run that has not ended: when it began}}. The first
    reading goes FIRST_READING back. What an earlier version wrote has no "by" (it is MODIFIED) and no "open".

    Raises SiteProblem when the log cannot be read, NotAvailable when reading it would burden the site.
    """
    memory = reading.site.memory
    asked: tuple[datetime, SiteProblem | None, bool] | None = memory.get("scheduled_jobs")
    if asked is not None and timedelta() <= now - asked[0] < EVERY:
        if asked[1] is not None:
            raise asked[1]
        if body and not asked[2]:
            return Gathered((), body)
    try:
        found = _read(reading, body, now)
    except SiteProblem as problem:
        memory["scheduled_jobs"] = (now, problem, False)
        raise
    memory["scheduled_jobs"] = (now, None, found.behind)
    return found


@dataclass(slots=True)
class _Place:
    """How far the log has been read; the parts of `body`."""

    by: str
    floor: datetime
    until: datetime
    at: Sequence[Any] | None
    seen: dict[str, None]
    open: dict[str, str]

    @classmethod
    def of(cls, body: dict[str, Any], by: str, now: datetime) -> "_Place":
        if not body:
            floor = now - FIRST_READING
            return cls(by, floor, _begin(by, floor), None, {}, {})
        floor, until = (datetime.fromisoformat(body[name]) for name in ("floor", "until"))
        seen, begun = _names(body.get("seen", "")), dict(body.get("open", {}))
        if body.get("by", MODIFIED) != by:
            # The site has another index since. All that ended up to `until` has been told, and a place by the one time
            # is none by the other: what ended since is read anew, and what was told is recognised.
            floor = max(floor, until - OVERLAP)
            return cls(by, floor, _begin(by, floor), None, seen, begun)
        return cls(by, floor, until, body["at"], seen, begun)


def _begin(by: str, floor: datetime) -> datetime:
    """From when on the log has to be read to find what ended at `floor` or later."""
    return floor - LONGEST_RUN if by == CREATION else floor


def _read(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    log = reading.require(LOG, *_NEEDED)
    by = require_indexed_time(reading, LOG)
    place = _Place.of(body, by, now)
    rows = _rows(reading, log, by, max(place.until - OVERLAP, _begin(by, place.floor)), place.at)
    paged = {str(row.name) for row in rows}
    again = [row for row in _open_rows(reading, log, place.open) if str(row.name) not in paged]
    # What began before the floor and ended before it as well was over before the first look.
    first = reading.local(place.floor)
    met: list[str] = []
    fresh: list[Any] = []

    def take(row: Any) -> bool:
        """Whether there was room for a row; a failure that was not seen takes some."""
        if row.status == "Failed" and row.modified is not None and row.modified >= first:
            short = hashed(str(row.name))
            if short not in place.seen:
                if len(fresh) >= FAILURES_AT_ONCE:
                    return False
                fresh.append(row)
            met.append(short)
        return True

    left = [row for row in again if not take(row)]
    taken = next((number for number, row in enumerate(rows) if not take(row)), len(rows))
    more = taken < len(rows) or len(rows) >= ROWS_AT_ONCE
    last = rows[taken - 1] if taken else None
    reached = place.until
    if last is not None:
        # A row from the future must not hide those that come before it, nor may a clock set back move the place back.
        reached = max(reached, min(reading.utc(last.at) or reached, now))
    at = place.at if more else None
    if more and last is not None:
        at = [last.at.isoformat(), last.name]
    told = set(met)
    names = [*(name for name in place.seen if name not in told), *met]
    unended = [*again, *rows[:taken]] if by == CREATION else []
    found = {
        "floor": place.floor.astimezone(UTC).isoformat(),
        "by": by,
        "until": reached.astimezone(UTC).isoformat(),
        "at": at,
        "seen": "".join(names[-max(KEPT_NAMES, len(met)) :]),
        "open": _still_open(reading, unended, {str(row.name) for row in left}, now),
    }
    moved = (
        not body
        or bool(fresh)
        or any(found[name] != body.get(name) for name in ("at", "by", "open"))
        or reached - place.until >= _MOVED
    )
    fresh.sort(key=lambda row: row.modified)
    return Gathered(_events(reading, log, fresh, now), found, moved, more or bool(left))


def _still_open(reading: Reading, rows: Sequence[Any], left: set[str], now: datetime) -> dict[str, str]:
    """The runs among `rows` that have not ended, and those that `left` names: by name, when they began (ISO, UTC)."""
    begun: dict[str, datetime] = {}
    for row in rows:
        if row.status not in ENDED or str(row.name) in left:
            began = reading.utc(row.creation) or now
            if now - began < OPEN_FOR:
                begun[str(row.name)] = began
    newest = sorted(begun, key=lambda name: begun[name])[-MOST_OPEN:]
    return {name: begun[name].astimezone(UTC).isoformat(timespec="seconds") for name in newest}


def _open_rows(reading: Reading, log: TableClause, begun: Mapping[str, str]) -> list[Any]:
    """The rows called as the keys of `begun`, those that began first at the head; what was deleted is left out."""
    names = as_names(log.c.name, begun)
    if not names:
        return []
    query = select(*_columns(log, log.c.creation)).where(log.c.name.in_(bindparam("names", expanding=True)))
    found = {str(row.name): row for row in reading.rows(query, {"names": names})}
    return [found[name] for name in sorted(begun, key=lambda name: begun[name]) if name in found]


def _columns(log: Any, at: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [log.c.name, at.label("at"), log.c.creation, log.c.modified, log.c.status, log.c.scheduled_job_type]


def _rows(reading: Reading, log: TableClause, by: str, since: datetime, at: Sequence[Any] | None) -> Sequence[Any]:
    """The next ROWS_AT_ONCE rows along the index: from `since` on, or behind the row `at` (the site's time, name)."""
    bound = reading.local(since)
    column = log.c[by]
    # Names come from the index alone, and what is behind a name by its key: a long log is never walked through.
    query = select(log.c.name, column.label("at"))
    behind = as_names(log.c.name, [at[1]]) if at is not None else []
    # SQLite compares times as texts, and 10:00:00 comes before 10:00:00.000000.
    if at is None:
        query = query.where(column > bound - _TICK)
    else:
        bound = datetime.fromisoformat(at[0])
        # A name of another layout orders nothing: all of that instant is read again, and recognised.
        tied = and_(column > bound - _TICK, log.c.name > behind[0]) if behind else column > bound - _TICK
        query = query.where(column > bound - _TICK, or_(column > bound, tied))
    page = query.order_by(column, log.c.name).limit(ROWS_AT_ONCE).subquery("page")
    run = log.alias("run")
    whole = select(*_columns(run, page.c.at))
    return reading.rows(whole.join_from(page, run, page.c.name == run.c.name).order_by(page.c.at, page.c.name))


def _events(reading: Reading, log: TableClause, failed: Sequence[Any], now: datetime) -> list[Event]:
    if not failed:
        return []
    methods = _methods(reading, sorted({row.scheduled_job_type for row in failed if row.scheduled_job_type}))
    # The columns as an Error Log has them. Its owner is who runs the scheduler, and was not hit.
    columns = (log.c.name, log.c.scheduled_job_type.label("method"), log.c.details.label("error"))
    as_errors = cast("TableClause", select(*columns).subquery("failed"))
    places = [(str(row.name), row.modified, row.modified) for row in failed]
    events: list[Event] = []
    for event in texts(reading, as_errors, places, _TEXTS_AT_ONCE, now):
        method = methods.get(event.method or "") or event.method
        events.append(replace(event, source=SCHEDULED_JOBS, method=method or None, job=method or ""))
    return events


def _methods(reading: Reading, types: Sequence[str]) -> dict[str, str]:
    """The methods of the Scheduled Job Types that have one; those of server scripts have none."""
    if not types or not reading.has(TYPE, "name", "method"):
        return {}
    table = reading.table(TYPE)
    query = select(table.c.name, table.c.method).where(table.c.name.in_(bindparam("names", expanding=True)))
    return {row.name: row.method for row in reading.rows(query, {"names": list(types)}) if row.method}


def _names(text: str) -> dict[str, None]:
    """Hashes that were joined, in their order."""
    return dict.fromkeys(text[at : at + _NAME_LENGTH] for at in range(0, len(text), _NAME_LENGTH))

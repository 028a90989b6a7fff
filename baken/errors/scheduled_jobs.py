"""Scheduled jobs that failed, from the table Scheduled Job Log.

Frappe catches what a scheduled job raises: no row in the Error Log, no failed job in RQ, no line in a file. It leaves a
row here, with the status Failed and the traceback, for jobs whose type keeps a log.

Guarantee: each failed run is seen once. A row is put there when its job starts and changed when it ends, which moves
`modified`, the indexed time by which it is found. Every reading begins OVERLAP before the place where the last one
ended, and recognises failures by their names; a row that commits later than that is not seen.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import TableClause, and_, bindparam, or_, select

from baken.errors.event import SCHEDULED_JOBS, Event
from baken.errors.reader import FIRST_READING, texts
from baken.errors.seen import hashed
from baken.errors.sources import Gathered
from baken.sites.problems import NotAvailable, SiteProblem
from baken.sites.reading import Reading

LOG, TYPE = "Scheduled Job Log", "Scheduled Job Type"
EVERY = timedelta(seconds=30)
"""The site is asked so often at most, unless there is more to read."""
OVERLAP = timedelta(minutes=10)
ROWS_AT_ONCE = 1000
FAILURES_AT_ONCE = 100
KEPT_NAMES = 1000
"""So many failures are recognised when somebody touches their rows, and all of the overlap."""
# Without failures the place is stored when it has moved so far.
_MOVED = timedelta(minutes=5)
_TEXTS_AT_ONCE = 25
_NAME_LENGTH = 8
_TICK = timedelta(microseconds=1)
_NEEDED = ("name", "modified", "status", "scheduled_job_type", "details")


def read(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    """Runs of scheduled jobs that failed and were not seen yet, oldest first, at most FAILURES_AT_ONCE.

    `body` is {"floor": the moment before which nothing is read, "until": the moment up to which all has been read,
    "at": the row to go on behind, as [the site's time, name], null unless there is more, "seen": names of failures as
    hashes}. The first reading goes FIRST_READING back.

    Raises SiteProblem when the log cannot be read, NotAvailable when reading it would burden the site.
    """
    memory = reading.site.memory
    asked: tuple[datetime, SiteProblem | None] | None = memory.get("scheduled_jobs")
    if asked is not None and timedelta() <= now - asked[0] < EVERY:
        if asked[1] is not None:
            raise asked[1]
        if body and body["at"] is None:
            return Gathered((), body)
    try:
        found = _read(reading, body, now)
    except SiteProblem as problem:
        memory["scheduled_jobs"] = (now, problem)
        raise
    memory["scheduled_jobs"] = (now, None)
    return found


def _read(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    log = reading.require(LOG, *_NEEDED)
    if not reading.indexed(LOG, "modified"):
        raise NotAvailable(
            f"the {LOG} of site {reading.site.name} has no index on modified; reading it would burden the site: add one"
        )
    floor = datetime.fromisoformat(body["floor"]) if body else now - FIRST_READING
    until = datetime.fromisoformat(body["until"]) if body else floor
    rows = _rows(reading, log, max(until - OVERLAP, floor), body.get("at"))
    seen = _names(body.get("seen", ""))
    met: list[str] = []
    fresh: list[Any] = []
    taken = 0
    for row in rows:
        if row.status == "Failed":
            short = hashed(row.name)
            if short not in seen:
                if len(fresh) >= FAILURES_AT_ONCE:
                    break
                fresh.append(row)
            met.append(short)
        taken += 1
    behind = taken < len(rows) or len(rows) >= ROWS_AT_ONCE
    last = rows[taken - 1] if taken else None
    # A row from the future must not hide those that come before it, nor may a clock set back move the place back.
    reached = max(until, min(reading.utc(last.modified) or until, now)) if last else until
    place = [last.modified.isoformat(), last.name] if last and behind else None
    again = set(met)
    names = [*(name for name in seen if name not in again), *met]
    found = {
        "floor": floor.astimezone(UTC).isoformat(),
        "until": reached.astimezone(UTC).isoformat(),
        "at": place,
        "seen": "".join(names[-max(KEPT_NAMES, len(met)) :]),
    }
    moved = not body or bool(fresh) or place != body["at"] or reached - until >= _MOVED
    return Gathered(_events(reading, log, fresh, now), found, moved, behind)


def _rows(reading: Reading, log: TableClause, since: datetime, at: Sequence[str] | None) -> Sequence[Any]:
    """The next ROWS_AT_ONCE rows along the index: from `since` on, or behind the row `at` (the site's time, name)."""
    bound = reading.local(since)
    # Names come from the index alone, and what is behind a name by its key: a long log is never walked through.
    query = select(log.c.name, log.c.modified)
    # SQLite compares times as texts, and 10:00:00 comes before 10:00:00.000000.
    if at is None:
        query = query.where(log.c.modified > bound - _TICK)
    else:
        bound = datetime.fromisoformat(at[0])
        tied = and_(log.c.modified > bound - _TICK, log.c.name > at[1])
        query = query.where(log.c.modified > bound - _TICK, or_(log.c.modified > bound, tied))
    page = query.order_by(log.c.modified, log.c.name).limit(ROWS_AT_ONCE).subquery("page")
    run = log.alias("run")
    whole = select(page.c.name, page.c.modified, run.c.status, run.c.scheduled_job_type)
    return reading.rows(whole.join_from(page, run, page.c.name == run.c.name).order_by(page.c.modified, page.c.name))


def _events(reading: Reading, log: TableClause, failed: Sequence[Any], now: datetime) -> list[Event]:
    if not failed:
        return []
    methods = _methods(reading, sorted({row.scheduled_job_type for row in failed if row.scheduled_job_type}))
    # The columns as an Error Log has them. Its owner is who runs the scheduler, and was not hit.
    columns = (log.c.name, log.c.scheduled_job_type.label("method"), log.c.details.label("error"))
    as_errors = cast("TableClause", select(*columns).subquery("failed"))
    places = [(row.name, row.modified, row.modified) for row in failed]
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

"""How each scheduled job ended last, from the table Scheduled Job Log.

A row is put there when a run begins, and changed when it ends. Where `modified` has an index the log is read by it:
what ends comes anew. Where only `creation` has one (Frappe 16), rows are met as runs begin, and those that have not
ended are looked up again by their names until they have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, literal, select

from baken.sites import zone
from baken.sites.problems import NotAvailable
from baken.sites.reading import Reading
from baken.sites.rows import CREATION, as_names, require_indexed_time
from baken.sites.site import Site

LOG = "Scheduled Job Log"
_MEMORY = "job_log"
# "Scheduled" and "Start" are runs that have begun and not ended.
_ENDED = ("Complete", "Failed")
_PAGE = 1000
_PAGES_SECONDS = 0.015
_OVERLAP = timedelta(minutes=2)
# A monthly job's last outcome lies at most so far back.
_LOOK_BACK = timedelta(days=35)
# A run whose worker was killed never ends: it is looked up again for so long, and the newest of them only.
_OPEN_FOR = timedelta(days=7)
_MOST_OPEN = 500


@dataclass
class _JobLog:
    """What was read so far: the latest outcome per job, from `down` to `up`, and when runs began that have not ended.

    `by` is the time by which it was read.
    """

    by: str
    outcomes: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    up: datetime | None = None
    down: datetime | None = None
    complete: bool = False
    open: dict[Any, datetime] = field(default_factory=dict)


def remembered(site: Site) -> dict[str, Any] | None:
    """What was read so far of a site's log, as plain JSON values, for who cannot keep it in memory; None: nothing."""
    log: _JobLog | None = site.memory.get(_MEMORY)
    if log is None:
        return None
    return {
        "by": log.by,
        "outcomes": {name: [at.isoformat(), status] for name, (at, status) in log.outcomes.items()},
        "up": log.up.isoformat() if log.up else None,
        "down": log.down.isoformat() if log.down else None,
        "complete": log.complete,
        # Names may be numbers, which JSON has no keys of.
        "open": [[name, at.isoformat()] for name, at in log.open.items()],
    }


def remember(site: Site, kept: Mapping[str, Any]) -> None:
    """Go on from what `remembered` gave; what cannot be understood is read anew."""
    try:
        site.memory[_MEMORY] = _JobLog(
            by=str(kept["by"]),
            outcomes={
                str(name): (datetime.fromisoformat(at), str(status)) for name, (at, status) in kept["outcomes"].items()
            },
            up=datetime.fromisoformat(kept["up"]) if kept["up"] else None,
            down=datetime.fromisoformat(kept["down"]) if kept["down"] else None,
            complete=bool(kept["complete"]),
            open={name: datetime.fromisoformat(at) for name, at in kept["open"]},
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        site.memory.pop(_MEMORY, None)


def failing(r: Reading) -> list[str]:
    """Names of the jobs that are not stopped and whose latest run that ended has failed, in order.

    A job is called by the last two parts of its method, which are the name of its Scheduled Job Type before Frappe 16,
    and a job without a method by the name of its type.

    Raises NotAvailable while the log is read for the first time, or when reading it would burden the site.
    """

    def find() -> list[str]:
        outcomes = _outcomes(r)
        types = r.table("Scheduled Job Type")
        method = types.c.method if "method" in types.c else literal("")
        running = r.rows(select(types.c.name, method.label("method")).where(types.c.stopped == 0))
        failed = (row for row in running if outcomes.get(str(row.name)) == "Failed")
        # Types of one method, with times of their own, have one name.
        return sorted({".".join((row.method or str(row.name)).split(".")[-2:]) for row in failed})

    return r.once("failing jobs", find)


def _outcomes(r: Reading) -> dict[str, str]:
    """Latest ended status per Scheduled Job Type. The log is read once, newest first, and from then on what is new.

    Raises NotAvailable while the first reading goes on: it takes as many runs as it needs to cost little in each.
    """
    by = require_indexed_time(r, LOG)
    log: _JobLog = r.site.memory.setdefault(_MEMORY, _JobLog(by))
    if log.by != by:
        log = r.site.memory[_MEMORY] = _JobLog(by)
    column = r.table(LOG).c[by]
    if log.open:
        _look_again(r, log)
    if log.up is not None:
        # The second bound goes back when the clock does, so that runs of the repeated hour are seen.
        recent = min(log.up - _OVERLAP, r.local(r.now - _OVERLAP))
        _take(r, log, _page(r, by, column >= recent))
    spent = r.seconds
    oldest = zone.to_naive(r.now - _LOOK_BACK, r.site.zone(r))
    while not log.complete:
        bound = log.down
        rows = _page(r, by, column.is_not(None) if bound is None else column <= bound)
        _take(r, log, rows)
        # A page that begins and ends at one moment would come again for ever.
        stuck = bound is not None and log.down == bound
        log.complete = len(rows) < _PAGE or stuck or (log.down is not None and log.down < oldest)
        if r.seconds - spent > _PAGES_SECONDS:
            break
    if not log.complete:
        raise NotAvailable(f"Scheduled Job Log is being read for the first time, so far back to {log.down}")
    return {name: status for name, (_, status) in log.outcomes.items()}


def _columns(r: Reading, by: str) -> list[Any]:
    table = r.table(LOG)
    return [table.c.name, table.c.scheduled_job_type, table.c.status, table.c.modified, table.c[by].label("at")]


def _page(r: Reading, by: str, which: Any) -> Sequence[Any]:
    return r.rows(select(*_columns(r, by)).where(which).order_by(r.table(LOG).c[by].desc()).limit(_PAGE))


def _look_again(r: Reading, log: _JobLog) -> None:
    """Look up by their names the runs that had not ended."""
    table = r.table(LOG)
    query = select(*_columns(r, log.by)).where(table.c.name.in_(bindparam("names", expanding=True)))
    rows = r.rows(query, {"names": as_names(table.c.name, log.open)})
    log.open.clear()
    _note(r, log, rows)


def _take(r: Reading, log: _JobLog, rows: Sequence[Any]) -> None:
    _note(r, log, rows)
    if rows:
        newest, oldest = rows[0].at, rows[-1].at
        log.up = newest if log.up is None else max(log.up, newest)
        log.down = oldest if log.down is None else min(log.down, oldest)


def _note(r: Reading, log: _JobLog, rows: Sequence[Any]) -> None:
    """Remember how the runs in `rows` ended, and which have not."""
    for row in rows:
        name = str(row.scheduled_job_type)
        if row.status not in _ENDED:
            _keep_open(r, log, row)
            continue
        log.open.pop(row.name, None)
        moment = r.utc(row.modified)
        if moment is not None and (name not in log.outcomes or moment >= log.outcomes[name][0]):
            log.outcomes[name] = (moment, str(row.status))


def _keep_open(r: Reading, log: _JobLog, row: Any) -> None:
    began = r.utc(row.at) if log.by == CREATION else None
    if began is None or r.now - began >= _OPEN_FOR:
        return
    log.open[row.name] = began
    if len(log.open) > _MOST_OPEN:
        del log.open[min(log.open, key=lambda name: log.open[name])]

"""The Error Log: how many rows came in of late, and how big it has become.

All questions go by the one of `modified` and `creation` that has an index: Frappe writes both once, at one moment.
Hours that are over are counted once and remembered; each run counts the present hours, and as many old ones as cost
little.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select

from baken.metrics import database
from baken.metrics.catalogue import FIVE_MINUTES, Values, metric
from baken.sites.problems import NotAvailable
from baken.sites.reading import Reading
from baken.sites.rows import require_indexed_time

_HOUR = timedelta(hours=1)
_WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
# Query time in seconds that a run spends on hours that were not counted yet (the first run, a later one), and hours
# per statement.
_SPEND_FIRST, _SPEND = 0.02, 0.01
_BATCH = 12


@metric(
    "frappe_errors",
    unit="errors",
    title="Errors",
    help="Rows of the Error Log that were written within the window; a window appears when its hours are counted",
    nl=(
        "Fouten",
        "Regels die binnen het tijdvak in het foutenlogboek (Error Log) zijn geschreven; een tijdvak "
        "verschijnt zodra zijn uren zijn geteld",
    ),
    labels=("window",),
    needs={"Error Log": ("creation", "modified")},
    good="down",
)
def errors(r: Reading) -> Values:
    table = r.table("Error Log")
    at = table.c[require_indexed_time(r, "Error Log")]
    hours: _Hours = r.site.memory.setdefault("error_hours", _Hours())
    since = {window: r.local(r.now - span) for window, span in _WINDOWS.items()}
    # The last two hours are counted anew each time: rows of a long transaction come into them late.
    open_from = _floor(r.local(r.now - 2 * _HOUR))
    parts = [
        _count(at, since["1h"]),
        _count(at, open_from),
        *(_count(at, since[window], _floor(since[window]) + _HOUR) for window in ("24h", "7d")),
        select(func.min(at)).scalar_subquery(),
    ]
    found = r.row(select(*parts))
    if found is None:
        raise NotAvailable("the database gave no answer")
    latest, present, first_of_day, first_of_week, oldest = found
    yield "1h", latest
    hours.keep(since["7d"], open_from, oldest)
    _count_old_hours(r, at, hours, open_from)
    for window, first in (("24h", first_of_day), ("7d", first_of_week)):
        closed = hours.sum(_floor(since[window]) + _HOUR, open_from)
        if closed is None:
            raise NotAvailable(f"the errors of {window} are being counted for the first time, an hour after the other")
        yield window, present + closed + first


@metric(
    "frappe_error_log_rows",
    unit="rows",
    title="Error log rows",
    help="Rows of the Error Log as the database estimates them, without counting",
    nl=(
        "Regels in het foutenlogboek",
        "Regels van het foutenlogboek (Error Log) zoals de database ze schat, zonder te tellen",
    ),
    needs={"Error Log": ()},
    every=FIVE_MINUTES,
    good="down",
)
def error_log_rows(r: Reading) -> Values:
    yield (r.once("error log size", lambda: database.estimate(r, "tabError Log")).rows,)


@metric(
    "frappe_error_log_bytes",
    unit="bytes",
    title="Error log size",
    help="Size of the Error Log with its indexes by the database's own figures",
    nl=(
        "Omvang van het foutenlogboek",
        "Omvang van het foutenlogboek (Error Log) met zijn indexen, volgens de database zelf",
    ),
    needs={"Error Log": ()},
    every=FIVE_MINUTES,
    good="down",
)
def error_log_bytes(r: Reading) -> Values:
    size = r.once("error log size", lambda: database.estimate(r, "tabError Log")).bytes
    if size is None:
        raise NotAvailable("SQLite does not tell the size of one table")
    yield (size,)


@dataclass
class _Hours:
    """Errors per hour of the site's own clock: hours that are over, each counted once.

    Wall-clock hours, not hours of UTC: rows carry nothing else. The hour that comes twice holds both.
    """

    counts: dict[datetime, int] = field(default_factory=dict)
    recheck: deque[datetime] = field(default_factory=deque)
    started: bool = False

    def keep(self, since: datetime, until: datetime, oldest: datetime | None) -> None:
        """Forget hours outside the week; hours before the oldest row are empty, whatever they once held."""
        first = _floor(since)
        self.counts = {hour: count for hour, count in self.counts.items() if first <= hour < until}
        hour = first
        while hour < until:
            # Log Settings delete from the oldest on, so what is before the oldest row is gone.
            if oldest is None or hour + _HOUR <= oldest:
                self.counts[hour] = 0
            hour += _HOUR

    def missing(self, since: datetime, until: datetime) -> list[datetime]:
        """Hours from `since` until before `until` that were not counted yet, newest first."""
        found, hour = [], until - _HOUR
        while hour >= since:
            if hour not in self.counts:
                found.append(hour)
            hour -= _HOUR
        return found

    def sum(self, since: datetime, until: datetime) -> int | None:
        """Rows of the hours from `since` until before `until`; None while one of them was not counted yet."""
        return (
            None if self.missing(since, until) else sum(n for hour, n in self.counts.items() if since <= hour < until)
        )


def _count_old_hours(r: Reading, at: ColumnElement[Any], hours: _Hours, until: datetime) -> None:
    wanted = hours.missing(_floor(r.local(r.now - _WINDOWS["7d"])) + _HOUR, until)
    if not wanted:
        # Rows may have been deleted by hand: one known hour is counted anew in each run.
        if not hours.recheck:
            hours.recheck.extend(sorted(hour for hour, count in hours.counts.items() if count))
        wanted = [hours.recheck.popleft()] if hours.recheck else []
    before, limit = r.seconds, _SPEND if hours.started else _SPEND_FIRST
    hours.started = True
    while wanted and r.seconds - before < limit:
        batch, wanted = wanted[:_BATCH], wanted[_BATCH:]
        found: Sequence[int] = r.row(select(*(_count(at, hour, hour + _HOUR) for hour in batch))) or ()
        hours.counts.update(zip(batch, found, strict=True))


def _count(at: ColumnElement[Any], since: datetime, until: datetime | None = None) -> ScalarSelect[int]:
    query = select(func.count()).where(at >= since)
    return (query if until is None else query.where(at < until)).scalar_subquery()


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)

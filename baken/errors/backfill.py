"""Reads what a site's Error Log already held before Baken's first look, at once instead of in the background.

Guarantee: a row counts once, whether this, the collector's own steps in the background, or the reader meets it. What
has been read is in the store after every few thousand rows: killed and started again, it goes on from there, and it
may run while the collector does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from baken.errors import counts, groupings, older, watermarks
from baken.errors.collect import Step, collect, write
from baken.errors.older import Filling
from baken.errors.people import resolve
from baken.errors.reader import index_column
from baken.history.store import Store
from baken.privacy import Pseudonyms
from baken.sites.problems import QueryTimeout, SiteProblem
from baken.sites.reading import Reading
from baken.sites.site import Site

ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it has come.

    Attributes:
        rows: rows that this call has counted.
        estimated: rows that it will have counted in the end, about; None when the site could not count them in time.
        day: the site's own day down to which everything has been read; None before the first row.
        finished: whether all that was asked for has been read.
    """

    rows: int
    estimated: int | None
    day: date | None
    finished: bool


def backfill(
    site: Site,
    store: Store,
    now: datetime,
    days: int,
    pseudonyms: Pseudonyms,
    tell: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Read the Error Log back to `days` before `now`, the newest day first.

    Args:
        site: the site.
        store: the migrated store.
        now: the present moment.
        days: how far to go back; what an earlier call has read is not read again.
        pseudonyms: makes users unrecognisable.
        tell: called after every step.

    Raises:
        SiteProblem: the log cannot be read; what was read is stored.
        StoreError: the store cannot be written; likewise.
    """
    _begin(site, store, now, pseudonyms)
    rows, estimated = 0, None
    asked = False
    while True:
        with site.reading(now) as reading:
            with store.read() as conn:
                base = watermarks.load_all(conn, site.name)
                grouping = groupings.load(conn, site.name, now)
            if base.filling is None or base.mark is None:
                raise SiteProblem(f"the errors of site {site.name} have been removed while they were read; start again")
            target = min(base.filling.target, reading.local(now - timedelta(days=days)))
            filling = replace(base.filling, target=target)
            if not asked:
                estimated, asked = _estimate(reading, filling), True
            size = site.settings.optimizer.database.batch_size
            events, done = older.read_older(reading, filling, now, batch_size=size, max_rows=ROWS_AT_ONCE)
            reached = reading.utc(done.before) or base.mark.since
            people = resolve(reading, {event.user for event in events if event.user}, pseudonyms)
        found = counts.digest(events, people, grouping)
        step = Step(base, older=events, filling=(done, min(reached, base.mark.since)))
        with store.write() as conn:
            stored = write(conn, site, step, (), found, now=now)
        if stored is None:
            # The collector has stored a step of its own meanwhile.
            continue
        rows += len(events)
        progress = Progress(
            rows, None if estimated is None else max(rows, estimated), done.before.date(), done.finished
        )
        tell(progress)
        if done.finished:
            return progress


def _begin(site: Site, store: Store, now: datetime, pseudonyms: Pseudonyms) -> None:
    """Let the reader draw the line before which backfill reads."""
    while True:
        with store.read() as conn:
            known = watermarks.load_all(conn, site.name)
        if known.mark is not None and known.filling is not None:
            return
        with site.reading(now) as reading:
            collect(reading, store, now, pseudonyms)


def _estimate(reading: Reading, filling: Filling) -> int | None:
    """How many rows are still to be read; None when the site takes too long to count them."""
    table = reading.require("Error Log", "name", "creation", "modified", "method", "error")
    column = index_column(reading, table)
    query = select(func.count()).select_from(table).where(column >= filling.target, column < filling.before)
    try:
        return int(reading.scalar(query) or 0)
    except QueryTimeout:
        return None

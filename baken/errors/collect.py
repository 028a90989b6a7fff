"""One step of the Error Log's way into the store, as the collector takes it for each site every few seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from baken.clock import to_ms
from baken.errors import counts, groupings, reader, watermarks
from baken.errors.people import resolve
from baken.history.store import Store
from baken.privacy import Pseudonyms
from baken.sites.reading import Reading

ROWS_AT_ONCE = 2000
# Without new errors the store is told at this interval that the log was read.
_QUIET = timedelta(seconds=55)


@dataclass(frozen=True, slots=True)
class Collected:
    """What one step did.

    Attributes:
        rows: errors that were counted.
        new_patterns: ids of patterns that this site had not shown before.
        regressed: ids of patterns that were resolved and came back.
        touched: old rows that were met again and not counted.
        behind: there is more to read; the next step goes on.
        until: the moment up to which the log has been read.
    """

    rows: int
    new_patterns: tuple[str, ...]
    regressed: tuple[str, ...]
    touched: int
    behind: bool
    until: datetime


def collect(
    reading: Reading, store: Store, now: datetime, pseudonyms: Pseudonyms, *, max_rows: int = ROWS_AT_ONCE
) -> Collected:
    """Read what is new in the site's Error Log and store its counts.

    What it costs the site is in `reading.seconds`. No transaction of the store is open while the site is read.

    Raises:
        SiteProblem: the log cannot be read; nothing was stored, the next step begins at the same place.
        StoreError: the store cannot be written; likewise.
    """
    site = reading.site
    with store.read() as conn:
        state = watermarks.load(conn, site.name)
        grouping = groupings.load(conn, site.name, now)
    batch = reader.read_new(
        reading, state, batch_size=site.settings.optimizer.database.batch_size, now=now, max_rows=max_rows
    )
    quiet = state is not None and not batch.rows and not (state.behind or batch.watermark.behind)
    if state is not None and quiet and timedelta() <= now - state.read_at < _QUIET:
        # Nothing happened: hundreds of quiet sites need not write that down every few seconds.
        return Collected(0, (), (), batch.late, False, state.until)
    people = resolve(reading, {row.user for row in batch.rows if row.user}, pseudonyms)
    found = counts.digest(batch.rows, people, grouping)
    most = site.settings.analytics.error_analysis.max_patterns
    with store.write() as conn:
        applied = write(conn, site.name, batch, found, most_patterns=most, now=now)
    if applied is None:
        return Collected(0, (), (), batch.late, True, batch.watermark.until)
    return Collected(
        applied.rows,
        applied.new_patterns,
        applied.regressed,
        batch.late,
        batch.watermark.behind,
        batch.watermark.until,
    )


def write(
    conn: Connection,
    site: str,
    batch: reader.Batch,
    found: Sequence[counts.Occurrence],
    *,
    most_patterns: int,
    now: datetime,
) -> counts.Applied | None:
    """Store what a batch held together with its watermark, in the caller's transaction.

    None when the stored watermark is not the one that the batch began from: another process has been there first, and
    nothing is stored.
    """
    stored = watermarks.load(conn, site, lock=True)
    if (stored.serial if stored else 0) != batch.base:
        return None
    applied = counts.apply(conn, site, found, most_patterns=most_patterns, now=to_ms(now))
    watermarks.save(conn, site, batch.watermark, known=stored is not None)
    return applied

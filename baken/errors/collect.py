"""One step of the Error Log's way into the store, as the collector takes it for each site every few seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from baken.errors import counts, reader
from baken.history.store import Store
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
        touched: old rows that were met again and not counted.
        behind: there is more to read; the next step goes on.
        until: the moment up to which the log has been read.
    """

    rows: int
    new_patterns: tuple[str, ...]
    touched: int
    behind: bool
    until: datetime


def collect(reading: Reading, store: Store, now: datetime, *, max_rows: int = ROWS_AT_ONCE) -> Collected:
    """Read what is new in the site's Error Log and store its counts.

    What it costs the site is in `reading.seconds`. No transaction of the store is open while the site is read.

    Raises:
        SiteProblem: the log cannot be read; nothing was stored, the next step begins at the same place.
        StoreError: the store cannot be written; likewise.
    """
    site = reading.site
    with store.read() as conn:
        state = counts.load(conn, site.name)
    batch = reader.read_new(
        reading, state, batch_size=site.settings.optimizer.database.batch_size, now=now, max_rows=max_rows
    )
    quiet = state is not None and not batch.rows and not (state.behind or batch.watermark.behind)
    if state is not None and quiet and timedelta() <= now - state.read_at < _QUIET:
        # Nothing happened: hundreds of quiet sites need not write that down every few seconds.
        return Collected(0, (), batch.late, False, state.until)
    found = counts.digest(batch)
    with store.write() as conn:
        applied = counts.apply(conn, site.name, found)
    return Collected(applied.rows, applied.new_patterns, batch.late, batch.watermark.behind, batch.watermark.until)

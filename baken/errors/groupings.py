"""By which rules a site's errors are grouped: the version that was adopted, and what people have split."""

from datetime import datetime

from sqlalchemy import Connection, select

from baken.clock import to_ms
from baken.errors.counts import Grouping
from baken.history.tables import error_groupings, error_patterns


def load(conn: Connection, site: str, now: datetime) -> Grouping:
    """The rules that apply to a site's errors at the moment `now`."""
    table, patterns = error_groupings, error_patterns
    row = conn.execute(select(table).where(table.c.site == site)).first()
    query = select(patterns.c.id, patterns.c.split_by).where(patterns.c.site == site, patterns.c.split_by.is_not(None))
    splits = {found.id: found.split_by for found in conn.execute(query)}
    if row is None:
        return Grouping(splits=splits)
    previous = row.previous if row.until > to_ms(now) else None
    return Grouping(row.version, previous, splits)

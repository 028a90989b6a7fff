"""How far each source of a site's errors has been read, in the store."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from baken.errors.event import ERROR_LOG
from baken.errors.reader import Watermark
from baken.history.tables import error_watermarks


def load(conn: Connection, site: str, *, lock: bool = False) -> Watermark | None:
    """How far the site's Error Log has been read; None before the first reading."""
    table = error_watermarks
    query = select(table.c.modified, table.c.seen).where(table.c.site == site, table.c.source == ERROR_LOG)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return Watermark.load(row.modified, row.seen) if row else None


def save(conn: Connection, site: str, mark: Watermark, *, known: bool) -> None:
    """Store a watermark in the caller's transaction; `known` tells whether there is one already."""
    table = error_watermarks
    values = {"modified": _stamp(mark.until), "seen": mark.document()}
    if known:
        conn.execute(update(table).where(table.c.site == site, table.c.source == ERROR_LOG).values(**values))
    else:
        conn.execute(insert(table), {"site": site, "source": ERROR_LOG, **values})


def _stamp(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

"""How far each source of a site's errors has been read, in the store."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from baken.errors.event import DEFERRED, ERROR_LOG, FAILED_JOBS, FRAPPE_LOG, SCHEDULED_JOBS, SENTRY, WORKER_LOG
from baken.errors.older import Filling
from baken.errors.reader import Watermark
from baken.errors.sources import SourceState
from baken.history.series import batches
from baken.history.tables import error_watermarks
from baken.history.upserts import insert_missing, upsert

OLDER = "Error Log before Baken"
"""Under this name stands how far backfill has come."""
FURTHER = (DEFERRED, FAILED_JOBS, FRAPPE_LOG, WORKER_LOG, SCHEDULED_JOBS, SENTRY)
"""Sources beside the table."""
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Known:
    """All that is stored of how far a site's errors have been read. None and missing: never."""

    mark: Watermark | None = None
    filling: Filling | None = None
    sources: dict[str, SourceState] = field(default_factory=dict)

    def serials(self) -> dict[str, int]:
        """By source, how often its state was stored."""
        found = {name: state.serial for name, state in self.sources.items()}
        if self.mark:
            found[ERROR_LOG] = self.mark.serial
        if self.filling:
            found[OLDER] = self.filling.serial
        return found


def load(conn: Connection, site: str) -> Watermark | None:
    """How far the site's Error Log has been read; None before the first reading.

    Its `since` is the moment from which on everything has been read, backfill included.
    """
    return load_all(conn, site).mark


def load_all(conn: Connection, site: str, *, lock: bool = False) -> Known:
    """How far all sources of a site have been read; `lock`: nobody else may change it in this transaction."""
    if lock:
        _lock(conn, site)
    table = error_watermarks
    query = select(table.c.source, table.c.modified, table.c.seen).where(table.c.site == site)
    rows = {row.source: row for row in conn.execute(query)}
    mark = Watermark.load(rows[ERROR_LOG].modified, rows[ERROR_LOG].seen) if ERROR_LOG in rows else None
    filling = Filling.load(rows[OLDER].seen) if OLDER in rows else None
    if mark and filling:
        mark = replace(mark, since=min(mark.since, datetime.fromisoformat(rows[OLDER].modified)))
    sources = {name: _state(name, rows[name].modified, rows[name].seen) for name in FURTHER if name in rows}
    return Known(mark, filling, sources)


def load_source(conn: Connection, site: str, source: str, *, lock: bool = False) -> SourceState | None:
    """How far one of the FURTHER sources has been read; `lock` as for `load_all`."""
    if lock:
        _lock(conn, site)
    table = error_watermarks
    query = select(table.c.modified, table.c.seen).where(table.c.site == site, table.c.source == source)
    row = conn.execute(query).first()
    return _state(source, row.modified, row.seen) if row else None


def moments(conn: Connection, source: str, sites: Collection[str]) -> dict[str, str]:
    """By site, when its `source` was last read: a text that is another one after each reading that was stored."""
    table = error_watermarks
    query = select(table.c.site, table.c.modified).where(table.c.source == source)
    # By its key: what else stands in these rows is long.
    parts = (conn.execute(query.where(table.c.site.in_(some))) for some in batches(sorted(sites)))
    return {row.site: row.modified for part in parts for row in part}


def save(
    conn: Connection,
    site: str,
    *,
    mark: Watermark | None = None,
    filling: tuple[Filling, datetime] | None = None,
    sources: Sequence[SourceState] = (),
) -> None:
    """Store what is given in the caller's transaction.

    `filling` comes with the moment from which on everything has been read.
    """
    rows = [
        {"site": site, "source": each.source, "modified": _stamp(each.read_at), "seen": _document(each)}
        for each in sources
    ]
    if mark:
        rows.append({"site": site, "source": ERROR_LOG, "modified": _stamp(mark.until), "seen": mark.document()})
    if filling:
        rows.append({"site": site, "source": OLDER, "modified": _stamp(filling[1]), "seen": filling[0].document()})
    upsert(conn, error_watermarks, rows)


def _lock(conn: Connection, site: str) -> None:
    """Wait until nobody else changes the site's state. SQLite lets one transaction write at a time anyway."""
    if conn.dialect.name == "sqlite":
        return
    table = error_watermarks
    # A row of its own: before the first reading there is no other, and one that is new would not be locked.
    query = select(table.c.source).where(table.c.site == site, table.c.source == _LOCK).with_for_update()
    if conn.execute(query).first() is None:
        insert_missing(conn, table, [{"site": site, "source": _LOCK, "modified": "", "seen": ""}])
        conn.execute(query).first()


def _state(source: str, modified: str, document: str) -> SourceState:
    body = json.loads(document)
    complete = body["complete_at"]
    return SourceState(
        source,
        datetime.fromisoformat(modified),
        body["absent"],
        body["behind"],
        datetime.fromisoformat(complete) if complete else None,
        body["body"],
        body["serial"],
    )


def _document(state: SourceState) -> str:
    return json.dumps(
        {
            "absent": state.absent,
            "behind": state.behind,
            "complete_at": state.complete_at.isoformat() if state.complete_at else None,
            "body": state.body,
            "serial": state.serial,
        },
        separators=(",", ":"),
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

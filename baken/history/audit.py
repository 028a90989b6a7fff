"""The audit trail: who did or looked at what, and when. Rows are only ever added, and purged when old."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from baken.clock import from_ms, to_ms
from baken.history.tables import SITE
from baken.history.tables import audit as table


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit trail."""

    id: int
    at: datetime
    site: str
    user: str
    action: str
    target: str
    detail: dict[str, Any]


def write(
    conn: Connection,
    *,
    at: datetime,
    site: str,
    user: str,
    action: str,
    target: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line: at the moment `at`, `user` of `site` did `action` to `target`.

    `detail` is a small JSON document; the caller keeps personal data and secrets out of it.
    """
    conn.execute(
        insert(table).values(
            at=to_ms(at),
            site=site[:SITE],
            user=user[:SITE],
            action=action[:SITE],
            target=target[:255],
            detail=json.dumps(detail or {}, sort_keys=True, default=str),
        )
    )


def entries(
    conn: Connection,
    *,
    site: str | None = None,
    user: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """The newest `limit` lines that fit, newest first; `before_id` continues after a page's last line.

    `since` is included, `until` is not.
    """
    statement = select(table).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
    for name, wanted in (("site", site), ("user", user), ("action", action)):
        if wanted is not None:
            statement = statement.where(table.c[name] == wanted)
    if since is not None:
        statement = statement.where(table.c.at >= to_ms(since))
    if until is not None:
        statement = statement.where(table.c.at < to_ms(until))
    if before_id is not None:
        statement = statement.where(table.c.id < before_id)
    return [
        Entry(row.id, from_ms(row.at), row.site, row.user, row.action, row.target, json.loads(row.detail))
        for row in conn.execute(statement)
    ]

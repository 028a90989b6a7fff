"""What people set on the page: kept per site, with who and when, beside what the files say.

Every change raises a version in its own transaction, so that whoever works by these settings sees for the price of
one row whether to read them again. Who changed what from what to what is in the audit trail.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, select

from baken.clock import from_ms, to_ms
from baken.history import audit
from baken.history.tables import SITE, kept_settings, marks, profiles
from baken.history.upserts import add_up, upsert

Kind = Literal["rule", "recipient", "retention"]

EVERYWHERE = ""
"""The site of what concerns the whole installation."""

_VERSION = "kept.version"
_NO_ADDRESS = "to"


@dataclass(frozen=True, slots=True)
class Kept:
    """One setting that was made on the page: by whom and when, and what it says.

    `readable` is False where the store holds something else than Baken wrote; the body then says nothing. One such row
    must not take the settings of all others with it.
    """

    site: str
    kind: str
    name: str
    at: datetime
    by: str
    body: dict[str, Any]
    readable: bool = True


def version(conn: Connection) -> int:
    """A number that is another one after every change."""
    return int(conn.execute(select(marks.c.value).where(marks.c.name == _VERSION)).scalar() or 0)


def load(conn: Connection, kind: Kind, site: str | None = None) -> list[Kept]:
    """All kept settings of a kind, by site and name; `site`: those of this site alone."""
    query = select(kept_settings).where(kept_settings.c.kind == kind)
    if site is not None:
        query = query.where(kept_settings.c.site == site)
    rows = conn.execute(query.order_by(kept_settings.c.site, kept_settings.c.name))
    return [_kept(row, kind) for row in rows]


def _kept(row: Row[Any], kind: Kind) -> Kept:
    body = _object(row.body)
    if body is None or (kind == "rule" and not isinstance(body.get("values"), dict)):
        nothing: dict[str, Any] = {"values": {}} if kind == "rule" else {}
        return Kept(row.site, row.kind, row.name, from_ms(row.at), row.by, nothing, readable=False)
    return Kept(row.site, row.kind, row.name, from_ms(row.at), row.by, body)


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text holds, or None."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def hold(conn: Connection) -> None:
    """Let nobody else change settings of the page before this transaction has ended: for who looks, then writes."""
    _changed(conn)


def find(conn: Connection, kind: Kind, site: str, name: str) -> Kept | None:
    """One kept setting, or None."""
    return next((each for each in load(conn, kind, site) if each.name == name), None)


def put(
    conn: Connection,
    kind: Kind,
    site: str,
    name: str,
    body: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    acting_on: str | None = None,
) -> None:
    """Keep a setting instead of what was kept under its name before.

    Args:
        conn: a connection that writes.
        kind: what it is.
        site: whose it is; EVERYWHERE for the installation.
        name: its name, up to 140 characters.
        body: what it says, as JSON values; an address under "to" is encrypted already.
        by: who sets it.
        now: the moment.
        acting_on: the site in whose audit trail it stands; None: `site`.
    """
    before = find(conn, kind, site, name)
    row = {
        "site": site[:SITE],
        "kind": kind,
        "name": name[:SITE],
        "at": to_ms(now),
        "by": by[:SITE],
        "body": json.dumps(body, ensure_ascii=False, sort_keys=True),
    }
    upsert(conn, kept_settings, [row])
    _changed(conn)
    detail = {"before": _told(before.body) if before is not None else None, "after": _told(body)}
    audit.write(
        conn,
        at=now,
        site=site if acting_on is None else acting_on,
        user=by,
        action=f"{kind} changed" if before is not None or kind != "recipient" else f"{kind} added",
        target=name,
        detail=detail,
    )


def drop(
    conn: Connection, kind: Kind, site: str, name: str, *, by: str, now: datetime, acting_on: str | None = None
) -> bool:
    """Put a setting back to what the files say; False when nothing was kept."""
    before = find(conn, kind, site, name)
    if before is None:
        return False
    conn.execute(
        delete(kept_settings).where(
            kept_settings.c.site == site, kept_settings.c.kind == kind, kept_settings.c.name == name
        )
    )
    _changed(conn)
    audit.write(
        conn,
        at=now,
        site=site if acting_on is None else acting_on,
        user=by,
        action=f"{kind} removed" if kind == "recipient" else f"{kind} put back",
        target=name,
        detail={"before": _told(before.body)},
    )
    return True


def count(conn: Connection, kind: Kind, site: str) -> int:
    """How many settings of a kind a site keeps."""
    query = select(func.count()).where(kept_settings.c.kind == kind, kept_settings.c.site == site)
    return int(conn.execute(query).scalar_one())


def _changed(conn: Connection) -> None:
    add_up(conn, marks, [{"name": _VERSION, "value": 1}], "value")


def _told(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit trail may hold: addresses are somebody's own, also when they are encrypted."""
    return {key: value for key, value in body.items() if key != _NO_ADDRESS}


def profile(conn: Connection, site: str, user: str) -> tuple[dict[str, Any], datetime | None]:
    """How a user likes the dashboard, and since when that is kept; ({}, None): nothing is kept."""
    row = conn.execute(select(profiles).where(profiles.c.site == site, profiles.c.user == user)).one_or_none()
    found = None if row is None else _object(row.body)
    # What cannot be read says nothing: the page is then as it is for somebody who has chosen nothing.
    return ({}, None) if row is None or found is None else (found, from_ms(row.at))


def put_profile(conn: Connection, site: str, user: str, body: Mapping[str, Any], now: datetime) -> None:
    """Keep how a user likes the dashboard."""
    row = {"site": site[:SITE], "user": user[:SITE], "at": to_ms(now), "body": json.dumps(body, sort_keys=True)}
    upsert(conn, profiles, [row])


def drop_profile(conn: Connection, site: str, user: str) -> bool:
    """Forget what is kept of a user's likes; False when that was nothing."""
    return bool(conn.execute(delete(profiles).where(profiles.c.site == site, profiles.c.user == user)).rowcount)

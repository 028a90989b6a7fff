"""The dashboards that people put together: whose they are, who may see and change them, and that nobody overwrites
what another saved meanwhile without knowing it."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from baken.clock import from_ms, to_ms
from baken.history import audit
from baken.history.dashboard_body import Body, dump
from baken.history.tables import dashboards as table

MOST_OWN = 100
"""So many dashboards one person keeps per site: more than a list shows at a glance, few enough for any store."""

KEPT_DELETED = timedelta(days=1)
"""A deleted dashboard can be brought back for so long."""

MOST_DELETED = 20
"""Of a person's deleted dashboards so many are kept, the newest."""


class Refused(Exception):
    """It was not done. `str()` of it is a sentence for whoever wanted it."""


class Missing(Refused):
    """There is no such dashboard, or it is somebody else's own."""


class Overtaken(Exception):
    """Somebody else saved meanwhile; `now` is what stands there."""

    def __init__(self, now: "Dashboard") -> None:
        super().__init__(f"{now.updated_by} saved it meanwhile")
        self.now = now


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard of a site: `body` is the JSON that `dashboard_body` describes; moments are aware UTC."""

    id: str
    site: str
    owner: str
    title: str
    shared: bool
    locked: bool
    version: int
    created: datetime
    updated: datetime
    updated_by: str
    deleted: bool
    body: dict[str, Any]
    readable: bool = True
    """False where the store holds something else than Baken wrote: the body then has no panels."""

    def seen_by(self, user: str) -> bool:
        """Whether the user may look at it."""
        return self.owner == user or (self.shared and not self.deleted)

    def changed_by(self, user: str) -> bool:
        """Whether the user may change it."""
        return self.owner == user or (self.shared and not self.locked)


def of_site(conn: Connection, site: str, user: str) -> list[Dashboard]:
    """The user's own dashboards of the site and those that are shared there, by title."""
    rows = conn.execute(
        select(table)
        .where(table.c.site == site, table.c.deleted.is_(None))
        .where(or_(table.c.owner == user, table.c.shared))
    )
    return sorted(map(_read, rows), key=lambda each: (each.title.casefold(), each.id))


def get(conn: Connection, site: str, user: str, id: str) -> Dashboard:
    """The dashboard that the user may look at. Raises Missing, which does not tell whether it is another's own."""
    found = _find(conn, site, id)
    if found is None or found.deleted or not found.seen_by(user):
        raise Missing(f"there is no dashboard {id[:32]!r} that you may see")
    return found


def create(
    conn: Connection, *, site: str, user: str, title: str, body: Body, shared: bool, locked: bool, now: datetime
) -> Dashboard:
    """A new dashboard of the user's. Raises Refused when the user has as many as one person keeps."""
    _clear(conn, site, user, now)
    held = select(func.count()).where(table.c.site == site, table.c.owner == user, table.c.deleted.is_(None))
    if conn.execute(held).scalar_one() >= MOST_OWN:
        raise Refused(f"you have {MOST_OWN} dashboards already; delete one first")
    moment = to_ms(now)
    id = secrets.token_hex(8)
    conn.execute(
        insert(table).values(
            id=id,
            site=site,
            owner=user,
            title=title,
            shared=shared,
            locked=locked,
            version=1,
            created=moment,
            updated=moment,
            updated_by=user,
            deleted=None,
            body=dump(body),
        )
    )
    made = get(conn, site, user, id)
    _write_down(conn, made, user, "dashboard made", now)
    return made


def save(
    conn: Connection,
    *,
    site: str,
    user: str,
    id: str,
    version: int,
    title: str,
    body: Body,
    shared: bool | None,
    locked: bool | None,
    now: datetime,
) -> Dashboard:
    """Write a dashboard over its `version`; one that was deleted is brought back by it. None leaves as it is.

    Raises:
        Missing: there is no such dashboard that the user may see.
        Refused: the user may not change it, or not who sees it.
        Overtaken: another version stands there by now.
    """
    _clear(conn, site, user, now)
    before = _find(conn, site, id)
    if before is None or not (before.seen_by(user) or before.updated_by == user):
        raise Missing(f"there is no dashboard {id[:32]!r} that you may see")
    if not before.changed_by(user):
        raise Refused(f"{before.owner} has locked this dashboard; make a copy to change it")
    wanted = (before.shared if shared is None else shared, before.locked if locked is None else locked)
    if wanted != (before.shared, before.locked) and before.owner != user:
        raise Refused(f"only {before.owner}, whose dashboard it is, decides who sees and changes it")
    if before.deleted and before.version == version:
        _check_room(conn, before)
    changed = conn.execute(
        update(table)
        .where(table.c.id == id, table.c.site == site, table.c.version == version)
        .values(
            title=title,
            body=dump(body),
            shared=wanted[0],
            locked=wanted[1],
            version=version + 1,
            updated=to_ms(now),
            updated_by=user,
            deleted=None,
        )
    ).rowcount
    if not changed:
        current = _find(conn, site, id)
        raise Overtaken(before if current is None else current)
    after = get(conn, site, user, id)
    for action, happened in (
        ("dashboard restored", before.deleted),
        ("dashboard shared", after.shared and not before.shared),
        ("dashboard no longer shared", before.shared and not after.shared),
        ("dashboard locked", after.locked and not before.locked),
        ("dashboard unlocked", before.locked and not after.locked),
        ("dashboard saved", (after.title, after.body) != (before.title, before.body)),
    ):
        if happened:
            _write_down(conn, after, user, action, now)
    return after


def remove(conn: Connection, *, site: str, user: str, id: str, version: int, now: datetime) -> Dashboard:
    """Delete a dashboard in its `version`; saving it over the version of the answer brings it back.

    Raises Missing, Refused and Overtaken as `save` does.
    """
    before = get(conn, site, user, id)
    if not before.changed_by(user):
        raise Refused(f"{before.owner} has locked this dashboard; only {before.owner} deletes it")
    changed = conn.execute(
        update(table)
        .where(table.c.id == id, table.c.site == site, table.c.version == version, table.c.deleted.is_(None))
        .values(version=version + 1, updated=to_ms(now), updated_by=user, deleted=to_ms(now))
    ).rowcount
    gone = _find(conn, site, id)
    if not changed:
        raise Overtaken(before if gone is None else gone)
    _write_down(conn, before, user, "dashboard deleted", now)
    _clear(conn, site, before.owner, now)
    return before if gone is None else gone


def _check_room(conn: Connection, back: Dashboard) -> None:
    held = select(func.count()).where(table.c.site == back.site, table.c.owner == back.owner, table.c.deleted.is_(None))
    if conn.execute(held).scalar_one() >= MOST_OWN:
        raise Refused(f"{back.owner} has {MOST_OWN} dashboards already; one has to go before this one comes back")


def _clear(conn: Connection, site: str, owner: str, now: datetime) -> None:
    """Remove for good what was deleted long ago, and all but the newest of what the owner has deleted."""
    conn.execute(delete(table).where(table.c.site == site, table.c.deleted < to_ms(now - KEPT_DELETED)))
    of_owner = table.c.site == site, table.c.owner == owner, table.c.deleted.is_not(None)
    surplus = conn.execute(
        select(table.c.id).where(*of_owner).order_by(table.c.deleted.desc(), table.c.id).offset(MOST_DELETED).limit(500)
    ).scalars()
    ids = list(surplus)
    if ids:
        conn.execute(delete(table).where(*of_owner, table.c.id.in_(ids)))


def _write_down(conn: Connection, one: Dashboard, user: str, action: str, now: datetime) -> None:
    # The title is the user's own words, which the trail has no business to keep.
    detail = {"version": one.version, "panels": len(one.body["panels"])}
    audit.write(conn, at=now, site=one.site, user=user, action=action, target=one.id, detail=detail)


def _find(conn: Connection, site: str, id: str) -> Dashboard | None:
    row = conn.execute(select(table).where(table.c.id == id, table.c.site == site)).first()
    return None if row is None else _read(row)


_EVERY_PANEL = {"id", "kind", "x", "y", "w", "h"}


def _body(text: str) -> dict[str, Any] | None:
    """The body as it was kept, or None where one panel or the whole is nothing that Baken wrote."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    panels = found.get("panels") if isinstance(found, dict) else None
    if not isinstance(panels, list) or not all(isinstance(one, dict) and one.keys() >= _EVERY_PANEL for one in panels):
        return None
    return dict(found)


def _read(row: Row[Any]) -> Dashboard:
    body = _body(row.body)
    return Dashboard(
        row.id,
        row.site,
        row.owner,
        row.title,
        row.shared,
        row.locked,
        row.version,
        from_ms(row.created),
        from_ms(row.updated),
        row.updated_by,
        row.deleted is not None,
        {"panels": []} if body is None else body,
        body is not None,
    )

"""Sessions of people in the dashboard, and the sign-in attempts that a rate limit counts.

Sessions that one cookie reaches, at most one a site, are a group. The cookie's token is never stored: a group's id is
the token's SHA-256, so that nobody joins a group without the cookie.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy import delete as remove

from baken.clock import from_ms, to_ms
from baken.history.tables import sign_in_attempts, web_sessions


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session that is still valid: whose it is, with which roles, and until when (aware UTC).

    `csrf` is the same for all sessions of the group.
    """

    id: str
    group: str
    site: str
    user: str
    full_name: str
    roles: frozenset[str]
    csrf: str
    language: str
    created: datetime
    expires: datetime
    seen: datetime


def group_of(token: str) -> str:
    """The group of the sessions that a cookie's `token` reaches (64 hexadecimal digits)."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(
    conn: Connection,
    *,
    id: str,
    group: str,
    site: str,
    user: str,
    full_name: str,
    roles: Collection[str],
    csrf: str,
    language: str,
    now: datetime,
    ttl: timedelta,
) -> WebSession:
    """Store a new session `id` in `group` (see `group_of`), valid for `ttl` from `now`."""
    conn.execute(
        insert(web_sessions).values(
            id=id,
            group_id=group,
            site=site,
            user=user,
            full_name=full_name[:255],
            roles=json.dumps(sorted(roles)),
            csrf=csrf,
            language=language[:20],
            created=to_ms(now),
            expires=to_ms(now + ttl),
            seen=to_ms(now),
        )
    )
    return WebSession(
        id, group, site, user, full_name[:255], frozenset(roles), csrf, language[:20], now, now + ttl, now
    )


def of_group(conn: Connection, group: str, now: datetime) -> list[WebSession]:
    """The sessions of `group` that have not expired by `now`, the one that began last first."""
    table = web_sessions.c
    rows = conn.execute(
        select(web_sessions)
        .where(table.group_id == group, table.expires > to_ms(now))
        .order_by(table.created.desc(), table.expires.desc(), table.id)
    )
    return [
        WebSession(
            id=row.id,
            group=row.group_id,
            site=row.site,
            user=row.user,
            full_name=row.full_name,
            roles=frozenset(json.loads(row.roles)),
            csrf=row.csrf,
            language=row.language,
            created=from_ms(row.created),
            expires=from_ms(row.expires),
            seen=from_ms(row.seen),
        )
        for row in rows
    ]


def regroup(conn: Connection, group: str, new: str, csrf: str) -> None:
    """Move the sessions of `group` to the group `new` and give them its `csrf`: the old cookie reaches nothing then."""
    conn.execute(update(web_sessions).where(web_sessions.c.group_id == group).values(group_id=new, csrf=csrf))


def touch(
    conn: Connection,
    id: str,
    now: datetime,
    *,
    expires: datetime | None = None,
    roles: Collection[str] | None = None,
) -> bool:
    """Note that the session was used at `now`; optionally move its end or renew its roles.

    False when the session does not exist any more.
    """
    values: dict[str, int | str] = {"seen": to_ms(now)}
    if expires is not None:
        values["expires"] = to_ms(expires)
    if roles is not None:
        values["roles"] = json.dumps(sorted(roles))
    found = conn.execute(update(web_sessions).where(web_sessions.c.id == id).values(values))
    return bool(found.rowcount)


def delete(conn: Connection, id: str) -> bool:
    """End the session `id`; False when there was none."""
    return bool(conn.execute(remove(web_sessions).where(web_sessions.c.id == id)).rowcount)


def delete_group(conn: Connection, group: str) -> int:
    """End all sessions of `group`; returns how many there were."""
    return int(conn.execute(remove(web_sessions).where(web_sessions.c.group_id == group)).rowcount)


def purge(conn: Connection, now: datetime, *, attempts_kept: timedelta = timedelta(days=1)) -> int:
    """Remove the sessions that ended before `now` and the attempts older than `attempts_kept`.

    Returns how many rows went.
    """
    sessions = conn.execute(remove(web_sessions).where(web_sessions.c.expires <= to_ms(now)))
    attempts = conn.execute(remove(sign_in_attempts).where(sign_in_attempts.c.at < to_ms(now - attempts_kept)))
    return sessions.rowcount + attempts.rowcount


def record_attempt(conn: Connection, key: str, at: datetime) -> None:
    """Note a failed sign-in of `key` (a keyed hash of address or user; never the thing itself)."""
    conn.execute(insert(sign_in_attempts).values(at=to_ms(at), key=key))


def attempts_since(conn: Connection, key: str, since: datetime) -> int:
    """How many attempts `key` made from `since` on."""
    statement = select(func.count()).where(sign_in_attempts.c.key == key, sign_in_attempts.c.at >= to_ms(since))
    return int(conn.execute(statement).scalar_one())


def forget_attempts(conn: Connection, key: str) -> None:
    """Start counting anew for `key`, after it signed in."""
    conn.execute(remove(sign_in_attempts).where(sign_in_attempts.c.key == key))

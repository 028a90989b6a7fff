"""Browsers that get push messages: whose they are, where they are reached, and from which severity on."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from baken.clock import from_ms, to_ms
from baken.history.tables import SITE
from baken.history.tables import push_subscriptions as table
from baken.history.upserts import upsert

MOST_PER_USER = 10
"""Browsers that one user of a site may have; with a further one the one that was silent longest goes."""

LONGEST_ENDPOINT = 2000
"""Characters of an endpoint; what push services give out has some 200 to 700."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser that gets push messages.

    Attributes:
        id: its number.
        site, user: whose browser it is.
        key: SHA-256 of the endpoint, by which the browser knows itself.
        endpoint: address at its push service.
        p256dh, auth: what messages to it are encrypted with, base64url without padding.
        language: "en" or "nl".
        at_least: least severity that is told.
        browser: what kind of browser it is, in words.
        origin: Baken's address as this browser reaches it.
        created, checked, last_ok: since when; when the user's role was last seen; when a message was last taken.
        failures: messages in a row that were not taken.
    """

    id: int
    site: str
    user: str
    key: str
    endpoint: str
    p256dh: str
    auth: str
    language: str
    at_least: str
    browser: str
    origin: str
    created: datetime
    checked: datetime
    last_ok: datetime | None
    failures: int


def key_of(endpoint: str) -> str:
    """What tells one browser from another: the SHA-256 of its endpoint, in hexadecimal digits."""
    return hashlib.sha256(endpoint.encode()).hexdigest()


def put(
    conn: Connection,
    *,
    site: str,
    user: str,
    endpoint: str,
    p256dh: str,
    auth: str,
    language: str,
    at_least: str,
    browser: str,
    origin: str,
    now: datetime,
) -> Subscription:
    """Keep a subscription. One with the same endpoint is that browser again, whoever had it before.

    Beyond MOST_PER_USER the user's browser that was silent for longest is given up.
    """
    before = by_key(conn, key_of(endpoint))
    if before is not None and (before.site, before.user) != (site, user):
        # Somebody else sits at this browser now: a number of its own, so that nothing of the other one's arrives here.
        remove(conn, before.id)
        before = None
    row: dict[str, Any] = {
        "site": site[:SITE],
        "user": user[:SITE],
        "key": key_of(endpoint),
        "endpoint": endpoint,
        "p256dh": p256dh,
        "auth": auth,
        "language": language,
        "at_least": at_least,
        "browser": browser[:60],
        "origin": origin[:255],
        "created": to_ms(before.created if before is not None else now),
        "checked": to_ms(now),
        "last_ok": to_ms(before.last_ok) if before is not None and before.last_ok is not None else None,
        "failures": 0,
    }
    upsert(conn, table, [row], key=("key",))
    made = by_key(conn, row["key"])
    assert made is not None  # noqa: S101 - written in this very transaction
    own = of_user(conn, site, user)
    by_life = sorted(own, key=lambda each: (each.id == made.id, each.last_ok or each.created))
    for each in by_life[: max(0, len(own) - MOST_PER_USER)]:
        remove(conn, each.id)
    return made


def every(conn: Connection) -> list[Subscription]:
    """All subscriptions, by number."""
    return [_subscription(row) for row in conn.execute(select(table).order_by(table.c.id))]


def of_user(conn: Connection, site: str, user: str) -> list[Subscription]:
    """The subscriptions of one user of a site, by number."""
    query = select(table).where(table.c.site == site, table.c.user == user).order_by(table.c.id)
    return [_subscription(row) for row in conn.execute(query)]


def find(conn: Connection, number: int) -> Subscription | None:
    """The subscription of that number, or None."""
    row = conn.execute(select(table).where(table.c.id == number)).one_or_none()
    return None if row is None else _subscription(row)


def by_key(conn: Connection, key: str) -> Subscription | None:
    """The subscription of the browser with that key, or None."""
    row = conn.execute(select(table).where(table.c.key == key)).one_or_none()
    return None if row is None else _subscription(row)


def anybody(conn: Connection, site: str | None = None) -> bool:
    """Whether any browser, or any of a site, gets push messages."""
    query = select(func.count()).select_from(table)
    if site is not None:
        query = query.where(table.c.site == site)
    return bool(conn.execute(query).scalar_one())


def remove(conn: Connection, number: int) -> bool:
    """Give a subscription up; False when there was none of that number."""
    return bool(conn.execute(delete(table).where(table.c.id == number)).rowcount)


def worked(conn: Connection, number: int, now: datetime) -> None:
    """Note that the push service took a message."""
    conn.execute(update(table).where(table.c.id == number).values(last_ok=to_ms(now), failures=0))


def failed(conn: Connection, number: int) -> None:
    """Note that a message was not taken."""
    conn.execute(update(table).where(table.c.id == number).values(failures=table.c.failures + 1))


def confirmed(conn: Connection, site: str, user: str, now: datetime) -> None:
    """Note that the site says that this user may see the dashboard."""
    conn.execute(update(table).where(table.c.site == site, table.c.user == user).values(checked=to_ms(now)))


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.id,
        site=row.site,
        user=row.user,
        key=row.key,
        endpoint=row.endpoint,
        p256dh=row.p256dh,
        auth=row.auth,
        language=row.language,
        at_least=row.at_least,
        browser=row.browser,
        origin=row.origin,
        created=from_ms(row.created),
        checked=from_ms(row.checked),
        last_ok=None if row.last_ok is None else from_ms(row.last_ok),
        failures=row.failures,
    )

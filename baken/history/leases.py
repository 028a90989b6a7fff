"""Leases: one process at a time does a job, and another takes over when it stays away.

A lease has a name, a holder and an end. The holder renews it by taking it again before it ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select, update

from baken.clock import from_ms, to_ms
from baken.history.tables import leases
from baken.history.upserts import insert_missing

# Two machines that share a store may disagree about the time by some of these.
_LONGEST = 4

COLLECTOR = "collector"
"""The lease of the process that collects."""

ROUNDS = "rounds of a scheduler"
"""Who holds the lease on a site that a scheduler's rounds watch over."""

_WATCH = "watch "


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a lease, and until when (aware UTC)."""

    holder: str
    expires: datetime


def take(conn: Connection, name: str, holder: str, ttl: timedelta, now: datetime) -> bool:
    """Take or renew the lease `name` for `ttl` from `now`; False when somebody else holds it still.

    A lease that ends further ahead than anybody may have taken it was taken before the clock was set back: it is over.
    """
    moment, expires = to_ms(now), to_ms(now + ttl)
    taken = conn.execute(
        update(leases)
        .where(
            leases.c.name == name,
            or_(leases.c.holder == holder, leases.c.expires <= moment, leases.c.expires > to_ms(now + _LONGEST * ttl)),
        )
        .values(holder=holder, expires=expires)
    )
    if taken.rowcount:
        return True
    insert_missing(conn, leases, [{"name": name, "holder": holder, "expires": expires}])
    return conn.execute(select(leases.c.holder).where(leases.c.name == name)).scalar() == holder


def release(conn: Connection, name: str, holder: str) -> bool:
    """Give the lease `name` back; False when `holder` does not hold it (any more)."""
    gone = conn.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
    return bool(gone.rowcount)


def holder(conn: Connection, name: str) -> Lease | None:
    """Who took the lease `name` last, or None; it may have ended meanwhile: see `expires`."""
    row = conn.execute(select(leases.c.holder, leases.c.expires).where(leases.c.name == name)).one_or_none()
    return Lease(row.holder, from_ms(row.expires)) if row else None


def watch_of(site: str) -> str:
    """Name of the lease that tells that rounds watch over a site."""
    return f"{_WATCH}{site}"[:140]


def collecting(conn: Connection, now: datetime) -> Lease | None:
    """The lease of whoever collects into the store: the collector's, else that of rounds over some site; or None."""
    found = holder(conn, COLLECTOR)
    if found is not None and found.expires > now:
        return found
    row = conn.execute(
        select(leases.c.holder, leases.c.expires)
        .where(leases.c.name.startswith(_WATCH), leases.c.expires > to_ms(now))
        .order_by(leases.c.expires.desc())
        .limit(1)
    ).one_or_none()
    return Lease(row.holder, from_ms(row.expires)) if row else None

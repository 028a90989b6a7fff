"""Requests to measure a site now: the web process asks, the collector takes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from baken.clock import from_ms, to_ms
from baken.history.tables import SITE, collect_requests
from baken.history.upserts import upsert


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody (`by`) asked at `at` to measure `site` now."""

    site: str
    at: datetime
    by: str


def ask(conn: Connection, site: str, by: str, at: datetime) -> None:
    """Ask the collector to measure `site` now; asking again before it did only renews the moment."""
    upsert(conn, collect_requests, [{"site": site, "at": to_ms(at), "by": by[:SITE]}])


def asked(conn: Connection) -> list[Request]:
    """The requests that nobody took yet, oldest first. Cheap: reads one small table."""
    rows = conn.execute(select(collect_requests).order_by(collect_requests.c.at))
    return [Request(row.site, from_ms(row.at), row.by) for row in rows]


def take(conn: Connection, request: Request) -> bool:
    """Take `request` off the list; False when it was taken or asked anew meanwhile."""
    gone = conn.execute(
        delete(collect_requests).where(
            collect_requests.c.site == request.site, collect_requests.c.at == to_ms(request.at)
        )
    )
    return bool(gone.rowcount)

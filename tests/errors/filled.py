"""Errors in a store as the collector counts them, without a site."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from baken.clock import to_ms
from baken.errors import watermarks
from baken.errors.counts import Applied, Grouping, apply, digest
from baken.errors.event import DEFERRED, Event
from baken.errors.people import Person
from baken.errors.reader import Watermark
from baken.history.store import Store
from baken.history.tables import error_patterns
from tests.errors.logs import NAME, traceback

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 7, 1, 12, 20, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PEOPLE = {
    "els@vereniging.example": Person("user-e", "manager"),
    "lid@leden.example": Person("user-l", "member"),
    "lea@leden.example": Person("user-m", "member"),
}


def failure(kind: str = "KeyError", at: datetime = NOW, **more: Any) -> Event:
    """An error of an exception of its own, in a web request."""
    text = traceback(f"builtins.{kind}", more.pop("message", "'iban'"), **more.pop("place", {}))
    given = {"source": DEFERRED, "name": "n", "at": at, "method": "m.n", "error": text, "size": 1000}
    return Event(**{**given, **more})


def put(store: Store, events: Iterable[Event], *, site: str = NAME, now: datetime = NOW, **grouping: Any) -> Applied:
    """Count events."""
    found = digest(list(events), PEOPLE, Grouping(**grouping))
    with store.write() as conn:
        return apply(conn, site, found, most_patterns=1000, now=to_ms(now))


def looked(store: Store, days: float = 120, *, site: str = NAME, now: datetime = NOW, behind: bool = False) -> None:
    """Say that the Error Log was read for the last `days` days."""
    with store.write() as conn:
        mark = Watermark(now, now - timedelta(days=days), now, behind=behind, serial=1)
        watermarks.save(conn, site, mark=mark)


def ids(store: Store) -> dict[str, str]:
    """Exception -> id of its pattern; the last one where there are several."""
    with store.read() as conn:
        query = select(error_patterns.c.exception, error_patterns.c.id).order_by(error_patterns.c.number)
        return {row.exception: row.id for row in conn.execute(query)}


def change(store: Store, pattern: str, **values: Any) -> None:
    """Change a pattern behind everybody's back."""
    with store.write() as conn:
        conn.execute(update(error_patterns).where(error_patterns.c.id == pattern).values(**values))


def every(step: timedelta, times: int, *, until: datetime = NOW) -> Sequence[datetime]:
    """Moments that end with `until`."""
    return [until - step * back for back in range(times)]

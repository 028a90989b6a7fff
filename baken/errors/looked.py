"""What Baken has looked at: since when a site's errors are read, from which sources, and how far."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from baken.clock import from_ms, iso, to_ms
from baken.errors.event import ERROR_LOG, SOURCES
from baken.history.tables import error_watermarks


@dataclass(frozen=True, slots=True)
class Source:
    """How a source of errors was read last.

    Attributes:
        source: one of `event.SOURCES`.
        since: the moment at which the first reading began; None when it does not say.
        read_at: when it was last read; None when it never was.
        until: the text of the position up to which it was read.
        absent: why it cannot be read; None when it can.
        behind: whether there is more to read.
    """

    source: str
    since: datetime | None
    read_at: datetime | None
    until: str
    absent: str | None
    behind: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of the reading of a site's errors."""

    sources: tuple[Source, ...]

    @property
    def main(self) -> Source | None:
        """The Error Log when it is read, else the source that was read last."""
        read = [(each.source == ERROR_LOG, each.read_at, each) for each in self.sources if each.read_at is not None]
        return max(read, key=lambda entry: entry[:2])[2] if read else None

    @property
    def since(self) -> int | None:
        """The moment (ms) from which on errors are known; None when nothing was read."""
        main = self.main
        return to_ms(main.since) if main and main.since else None

    @property
    def read_at(self) -> datetime | None:
        """When the errors were last read."""
        return self.main.read_at if self.main else None

    @property
    def behind(self) -> bool:
        """Whether there is more to read, so that the newest figures are too small."""
        return bool(self.main and self.main.behind)

    def knew(self, at: int) -> bool:
        """Whether errors from before the moment `at` (ms) are known."""
        return self.since is not None and self.since < at

    def absent(self, start: int) -> dict[str, str]:
        """Why figures from `start` (ms) on are not whole: {} or {"errors": reason}."""
        main = self.main
        if main is None:
            reasons = [each.absent for each in self.sources if each.absent]
            return {"errors": reasons[0] if reasons else "the site's Error Log has not been read yet"}
        if main.behind:
            return {"errors": f"the {main.source} is still being read; it has been read up to {main.until}"}
        if main.source == ERROR_LOG and main.absent:
            return {"errors": main.absent}
        if self.since is not None and self.since > start:
            return {"errors": f"Baken has looked at the Error Log since {iso(from_ms(self.since))} only"}
        return {}


def look(conn: Connection, site: str) -> Looked:
    """How the sources of a site's errors were read."""
    table = error_watermarks
    query = select(table.c.source, table.c.modified, table.c.seen).where(table.c.site == site)
    found = {row.source: _source(row.source, row.modified, row.seen) for row in conn.execute(query)}
    order = {name: place for place, name in enumerate(SOURCES)}
    return Looked(tuple(sorted(found.values(), key=lambda each: (order.get(each.source, 99), each.source))))


def _source(name: str, until: str, document: str) -> Source:
    body: dict[str, Any] = json.loads(document or "{}")
    reason = body.get("absent")
    return Source(
        name,
        _moment(body.get("since")),
        _moment(body.get("read_at")),
        _second(until),
        str(reason) if reason else None,
        bool(body.get("behind")),
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _second(text: str) -> str:
    try:
        return iso(datetime.fromisoformat(text)) or text
    except ValueError:
        return text

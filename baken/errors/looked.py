"""What Baken has looked at: since when a site's errors are read, from which sources, and how far."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from baken.clock import from_ms, iso, to_ms
from baken.errors import watermarks
from baken.errors.event import ERROR_LOG, SOURCES


@dataclass(frozen=True, slots=True)
class Source:
    """How a source of errors was read last.

    Attributes:
        source: one of `event.SOURCES`.
        since: the moment from which on everything was read; None when it keeps nothing from before.
        read_at: when it was last read, or tried.
        until: the moment up to which it was read, as text; "" when it was never read to its end.
        absent: why it cannot be read; None when it can.
        behind: whether there is more to read.
    """

    source: str
    since: datetime | None
    read_at: datetime
    until: str
    absent: str | None
    behind: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of the reading of a site's errors.

    Attributes:
        sources: those that were read, in the order of `event.SOURCES`.
        main: the Error Log: the source that has everything, and the only one that tells of earlier days; None: it was
            never read.
        since: the moment (ms) from which on errors are known; None when nothing was read.
    """

    sources: tuple[Source, ...]
    main: Source | None
    since: int | None

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
            return {"errors": "the site's Error Log has not been read yet"}
        if main.behind:
            return {"errors": f"the Error Log is still being read; it has been read up to {main.until}"}
        if self.since is not None and self.since > start:
            return {"errors": f"Baken has looked at the Error Log since {iso(from_ms(self.since))} only"}
        return {}


def look(conn: Connection, site: str) -> Looked:
    """How the sources of a site's errors were read."""
    known = watermarks.load_all(conn, site)
    found = [
        Source(each.source, None, each.read_at, iso(each.complete_at) or "", each.absent or None, each.behind)
        for each in known.sources.values()
    ]
    if (mark := known.mark) is not None:
        found.append(Source(ERROR_LOG, mark.since, mark.read_at, iso(mark.until) or "", None, mark.behind))
    order = {name: place for place, name in enumerate(SOURCES)}
    found.sort(key=lambda each: (order.get(each.source, len(order)), each.source))
    main = next((each for each in found if each.source == ERROR_LOG), None)
    return Looked(tuple(found), main, to_ms(main.since) if main and main.since else None)

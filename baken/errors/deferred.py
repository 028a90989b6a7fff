"""Errors of web requests while they wait in the cache Redis to become rows of the Error Log.

Guarantee: an entry is seen once, however the list grows at its tail and is taken from at its head; an entry that
cannot be told from one that was seen is left to the row that it becomes. A quiet look costs one round trip. An entry
tells who was hit and when; the row that it becomes bears the flush's user and time, and is dropped as its echo.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baken.errors.event import DEFERRED, Event
from baken.errors.scrub import TEXT_LIMIT
from baken.errors.sources import Gathered
from baken.sites import deferred
from baken.sites.problems import SiteProblem, SiteUnreachable
from baken.sites.reading import Reading

MOST_ENTRIES = 500
_MOST_BYTES = 4_000_000
_TRIES = 3
# So many entries, and by their mean size about so many bytes, are fetched with one round trip.
_AT_ONCE = 50
_AT_FIRST = 4
_BYTES_AT_ONCE = 500_000


@dataclass(slots=True)
class _Seen:
    """How many rows each entry holds that was seen and is still in the list: runs of [rows, entries]."""

    runs: list[list[int]] = field(default_factory=list)

    @classmethod
    def of(cls, body: dict[str, Any]) -> "_Seen":
        """What `read` wrote into `body`; a list without runs holds the rows of each entry."""
        found = cls([list(run) for run in body.get("runs", ())])
        for rows in body.get("rows", ()) if "runs" not in body else ():
            found.add(int(rows))
        return found

    @property
    def entries(self) -> int:
        return sum(entries for _, entries in self.runs)

    def add(self, rows: int) -> None:
        if self.runs and self.runs[-1][0] == rows:
            self.runs[-1][1] += 1
        else:
            self.runs.append([rows, 1])

    def last(self, entries: int) -> "_Seen":
        """The last so many entries."""
        found: list[list[int]] = []
        for rows, there in reversed(self.runs):
            if entries > 0:
                found.append([rows, min(there, entries)])
                entries -= there
        return _Seen(found[::-1])

    def body(self, head: str, tail: str) -> dict[str, Any]:
        rows = sum(rows * entries for rows, entries in self.runs)
        return {"rows": [rows], "runs": self.runs, "head": head, "tail": tail}


class _Pace:
    """How many entries to fetch with the next round trip, so that big ones do not come by the dozen."""

    def __init__(self, ends: deferred.Ends) -> None:
        biggest = max(len(ends.head or b""), len(ends.tail or b""), 1)
        self.entries = min(_AT_FIRST, max(1, _BYTES_AT_ONCE // biggest))

    def came(self, entries: Sequence[bytes]) -> None:
        mean = sum(map(len, entries)) / max(1, len(entries))
        self.entries = int(max(1, min(_AT_ONCE, 2 * self.entries, _BYTES_AT_ONCE / max(1.0, mean))))


def read(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    """What waits in the list and was not seen yet.

    `body` is {"rows": [how many rows were seen and are still in the list], "runs": [[rows of an entry, how many entries
    in sequence hold so many]], "head", "tail": hashes of the first and the last entry of them}.

    Raises SiteProblem when the list cannot be read.
    """
    site = reading.site
    known = _Seen.of(body)
    entries = known.entries
    ends = deferred.ends(site)
    head, tail = _hash(ends.head), _hash(ends.tail)
    if ends.length == entries and (not entries or (head == body.get("head") and tail == body.get("tail"))):
        return Gathered((), body)
    if not ends.length:
        return Gathered((), {}, changed=True)
    for _ in range(_TRIES):
        found = _go_on(reading, body, known, ends, now)
        if found is not None:
            return found
        # The list was taken from while it was read.
        ends = deferred.ends(site)
    return Gathered((), body, behind=True)


def _go_on(reading: Reading, body: dict[str, Any], known: _Seen, ends: deferred.Ends, now: datetime) -> Gathered | None:
    """The new entries, given what the list's ends were; None when it was taken from since."""
    site, head, seen = reading.site, _hash(ends.head), known.entries
    start, pace = 0, _Pace(ends)
    if seen and head == body.get("head") and ends.length >= seen:
        before, last = deferred.part(site, seen - 1, seen - 1)
        if _hash(before) != head:
            return None
        if last and _hash(last[0]) == body.get("tail"):
            start = seen
    if seen and not start:
        place = _find(reading, str(body.get("tail")), min(seen, ends.length), head, _Pace(ends))
        if place is None:
            return None
        start = place
    still = known.last(start)
    events: list[Event] = []
    size, tail, at = 0, str(body.get("tail", "")) if start else "", start
    while at < ends.length and at - start < MOST_ENTRIES and size < _MOST_BYTES:
        before, entries = deferred.part(site, at, min(at + pace.entries, ends.length, start + MOST_ENTRIES) - 1)
        if _hash(before) != head or not entries:
            return None
        for entry in entries:
            rows = [row for row in deferred.rows(entry) if row.get("doctype", "Error Log") == "Error Log"]
            events += [_event(reading, row, entry, now) for row in rows]
            still.add(len(rows))
            tail = _hash(entry)
            size += len(entry)
        at += len(entries)
        pace.came(entries)
    return Gathered(events, still.body(head, tail), changed=True, behind=at < ends.length)


def _find(reading: Reading, tail: str, places: int, head: str, pace: _Pace) -> int | None:
    """The place behind the entry `tail`, looked for from place `places` - 1 downwards; 0 when it has gone.

    None when the list changed meanwhile.
    """
    end = places
    while end > 0:
        begin = max(0, end - pace.entries)
        before, entries = deferred.part(reading.site, begin, end - 1)
        if _hash(before) != head:
            return None
        for index in range(len(entries) - 1, -1, -1):
            if _hash(entries[index]) == tail:
                return begin + index + 1
        end = begin
        pace.came(entries)
    return 0


def _event(reading: Reading, row: dict[str, Any], entry: bytes, now: datetime) -> Event:
    method, error = _text(row.get("method")), _text(row.get("error"))
    # Frappe gives a row its owner and creation at the insertion; what waits for it says who and when as a change.
    user, written = _text(row.get("owner") or row.get("modified_by")), row.get("creation") or row.get("modified")
    size = len((method or "").encode("utf-8", "replace")) + len((error or "").encode("utf-8", "replace"))
    at = _moment(reading, written, now)
    return Event(DEFERRED, _hash(entry), at, _shortened(method), _shortened(error), user, size)


def _moment(reading: Reading, written: Any, now: datetime) -> datetime:
    if not isinstance(written, str) or not written:
        return now
    try:
        at = reading.utc(written)
    except SiteUnreachable:
        # The site's time zone is not known yet: another look will know.
        raise
    except (SiteProblem, OverflowError):
        return now
    return min(at or now, now)


def _shortened(text: str | None) -> str | None:
    """A text without its middle when it is longer than the TEXT_LIMIT characters that are looked at."""
    if text is None or len(text) <= TEXT_LIMIT:
        return text
    head = TEXT_LIMIT // 5
    return f"{text[:head]}\n…\n{text[head - TEXT_LIMIT :]}"


def _text(value: Any) -> str | None:
    # JSON may hold half of a surrogate pair, which no database takes.
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _hash(entry: bytes | None) -> str:
    return hashlib.blake2b(entry, digest_size=8).hexdigest() if entry is not None else ""

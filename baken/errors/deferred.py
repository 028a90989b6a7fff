"""Errors of web requests while they wait in the cache Redis to become rows of the Error Log.

Guarantee: an entry is seen once, however the list grows at its tail and is taken from at its head; an entry that
cannot be told from one that was seen is left to the row that it becomes. A quiet look costs one round trip. An entry
tells who was hit and when; the row that it becomes bears the flush's user and time, and is dropped as its echo.
"""

import hashlib
from datetime import datetime
from typing import Any

from baken.errors.event import DEFERRED, Event
from baken.errors.sources import Gathered
from baken.sites import deferred
from baken.sites.problems import SiteProblem, SiteUnreachable
from baken.sites.reading import Reading

MOST_ENTRIES = 500
_MOST_BYTES = 4_000_000
_AT_ONCE = 50
_TRIES = 3


def read(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    """What waits in the list and was not seen yet.

    `body` is {"rows": [rows of each entry that was seen and is still in the list], "head", "tail": hashes of the first
    and the last of them}.

    Raises SiteProblem when the list cannot be read.
    """
    site = reading.site
    known: list[int] = list(body.get("rows", ()))
    ends = deferred.ends(site)
    head, tail = _hash(ends.head), _hash(ends.tail)
    if ends.length == len(known) and (not known or (head == body.get("head") and tail == body.get("tail"))):
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


def _go_on(
    reading: Reading, body: dict[str, Any], known: list[int], ends: deferred.Ends, now: datetime
) -> Gathered | None:
    """The new entries, given what the list's ends were; None when it was taken from since."""
    site, head = reading.site, _hash(ends.head)
    start = 0
    if known and head == body.get("head") and ends.length >= len(known):
        before, last = deferred.part(site, len(known) - 1, len(known) - 1)
        if _hash(before) != head:
            return None
        if last and _hash(last[0]) == body.get("tail"):
            start = len(known)
    if known and not start:
        place = _find(reading, str(body.get("tail")), min(len(known), ends.length), head)
        if place is None:
            return None
        start = place
        known = known[len(known) - start :] if start else []
    events: list[Event] = []
    size, tail, at = 0, str(body.get("tail", "")) if start else "", start
    while at < ends.length and at - start < MOST_ENTRIES and size < _MOST_BYTES:
        before, entries = deferred.part(site, at, min(at + _AT_ONCE, ends.length, start + MOST_ENTRIES) - 1)
        if _hash(before) != head or not entries:
            return None
        for entry in entries:
            rows = [row for row in deferred.rows(entry) if row.get("doctype", "Error Log") == "Error Log"]
            events += [_event(reading, row, entry, now) for row in rows]
            known.append(len(rows))
            tail = _hash(entry)
            size += len(entry)
        at += len(entries)
    return Gathered(events, {"rows": known, "head": head, "tail": tail}, changed=True, behind=at < ends.length)


def _find(reading: Reading, tail: str, places: int, head: str) -> int | None:
    """The place behind the entry `tail`, looked for from place `places` - 1 downwards; 0 when it has gone.

    None when the list changed meanwhile.
    """
    end = places
    while end > 0:
        begin = max(0, end - _AT_ONCE)
        before, entries = deferred.part(reading.site, begin, end - 1)
        if _hash(before) != head:
            return None
        for index in range(len(entries) - 1, -1, -1):
            if _hash(entries[index]) == tail:
                return begin + index + 1
        end = begin
    return 0


def _event(reading: Reading, row: dict[str, Any], entry: bytes, now: datetime) -> Event:
    method, error = _text(row.get("method")), _text(row.get("error"))
    # Frappe gives a row its owner and creation at the insertion; what waits for it says who and when as a change.
    user, written = _text(row.get("owner") or row.get("modified_by")), row.get("creation") or row.get("modified")
    size = len((method or "").encode("utf-8", "replace")) + len((error or "").encode("utf-8", "replace"))
    return Event(DEFERRED, _hash(entry), _moment(reading, written, now), method, error, user, size)


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


def _text(value: Any) -> str | None:
    # JSON may hold half of a surrogate pair, which no database takes.
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _hash(entry: bytes | None) -> str:
    return hashlib.blake2b(entry, digest_size=8).hexdigest() if entry is not None else ""

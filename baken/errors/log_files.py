"""Errors in the bench's log files: what Frappe could not file, and what brought workers down.

`frappe.log` is read from the site's own folder, or from the bench's where the site has none; `worker.error.log` from
the bench's. Guarantee: a record is read once, whole, across rotation and restarts; of a file that is written for the
first time to Baken's eyes, its last 64 KB of the last hour. A record counts when its level is ERROR or CRITICAL or it
holds a traceback, and when it belongs to the site. Times in these files are the machine's own.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from baken.errors.event import FRAPPE_LOG, WORKER_LOG, Event
from baken.errors.sources import Gathered
from baken.sites import job_ids, log_tail
from baken.sites.bench import site_names
from baken.sites.problems import BenchProblem, NotAvailable
from baken.sites.reading import Reading

_FIRST = timedelta(hours=1)
_HEADER = re.compile(rb"(?m)^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3} )")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[,.](\d{3}) ")
_LEVEL = re.compile(r"(?:(DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S{1,80}) )?")
_SITE_LINE = re.compile(r"(?m)^Site: (.*)$\n?")
_FORM_LINE = re.compile(r"(?m)^Form Dict: .*$\n?")
# RQ 1 and RQ 2, as far as Frappe's workers let them write.
_JOB = re.compile(
    r"(?:\[Job (?P<old>[^\]\n]{1,300})\]|Worker [^\n]{1,200}?: job (?P<new>[^\n]{1,300}?))"
    r": exception raised while executing \([^)\n]{0,300}\)\n?"
)
_DEFERRED = re.compile(r"Error while inserting deferred Error Log record: (.*)", re.DOTALL)
# «{DocType} {name}: '{field}' ({value}) will get truncated, as max characters allowed is {number}», in any language.
_TOO_LONG = re.compile(r"[^\n(]{0,300}'[^'\n]{1,120}' \((.*)\)[^()]{0,200}\b140\b", re.DOTALL)
_SNAPSHOT = "Could not take error snapshot: "
_TRACEBACK = "(most recent call last):"
# While the cache Redis is down Frappe takes each field of a row for a row, and says this as often as it has fields.
_PER_FIELD = "Error while inserting deferred Error Log record: 'str' object has no attribute 'update'"
# It does so at this one exception; the header has the text read as one.
_UNREACHED = (
    f"Traceback {_TRACEBACK}\nredis.exceptions.ConnectionError: Error Log row could not be put into the cache Redis"
)
_PUTS = "frappe.deferred_insert.deferred_insert"
_BURST = timedelta(seconds=2)
# Of the Error Log in Frappe 15, and of what any version's has at least.
_FIELDS, _FEWEST_FIELDS = 13, 10
# Frappe files such an error elsewhere; the line says only that.
_SAID_ELSEWHERE = ("New Exception collected in error log", "New Exception collected with id")

TOO_LONG, REFUSED, NOT_TAKEN = "title too long", "deferred record refused", "error not recorded"
"""What became of an error that Frappe could not file."""


def read_frappe_log(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    """What is new in the site's frappe.log. Raises NotAvailable when there is none to read."""
    bench = _bench(reading)
    own = bench / "sites" / reading.site.name / "logs" / "frappe.log"
    try:
        there = own.exists()
    except OSError as error:
        raise NotAvailable(f"{own} cannot be read ({error.strerror}); let the user that runs Baken read it") from None
    path, owned = (own, True) if there else (bench / "logs" / "frappe.log", _alone(reading))
    burst = _Burst(body.get("burst"))
    found = _read(path, body, now, lambda text, at, name: burst.of(text, at, name, reading.site.name, owned))
    if burst.last is not None and (found.behind or now - burst.last <= _BURST):
        found.body["burst"] = [burst.last.isoformat(), burst.lines, burst.told]
    found.changed = found.body != body
    return found


def read_worker_log(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    """What is new in the bench's worker.error.log. Raises NotAvailable when there is none to read."""
    path = _bench(reading) / "logs" / "worker.error.log"
    alone = _alone(reading)
    return _read(path, body, now, lambda text, at, name: _of_worker(text, at, name, reading.site.name, alone))


def lost_title(error: str) -> str | None:
    """The title for whose length Frappe refused an Error Log row, from its exception's text; None: it says no such."""
    found = _TOO_LONG.match(error)
    return found.group(1) if found else None


def _bench(reading: Reading) -> Path:
    bench = reading.site.config.bench
    if bench is None:
        raise NotAvailable(
            f"the log files of site {reading.site.name} are on another machine: name its bench in baken.toml"
        )
    return bench


def _alone(reading: Reading) -> bool:
    """Whether the bench has this site only, so that what names no site is this site's."""
    bench = reading.site.config.bench

    def count() -> int:
        try:
            return len(site_names(bench)) if bench else 0
        except BenchProblem:
            return 0

    return reading.shared(f"sites of {bench}", 600.0, count) == 1


def _read(
    path: Path, body: dict[str, Any], now: datetime, event: Callable[[str, datetime, str], Event | None]
) -> Gathered:
    seen = log_tail.place(body) if body.get("path") == str(path) else None
    piece = log_tail.read(path, seen)
    records, rest = _records(piece)
    place = log_tail.back(piece, rest)
    events = []
    for offset, text in records:
        moment = _moment(text, now)
        if moment is None or (seen is None and moment < now - _FIRST):
            continue
        found = event(text[_head_length(text) :], moment, f"{place.inode}:{offset}")
        if found is not None:
            events.append(found)
    document = {"path": str(path), **place.document()}
    return Gathered(events, document, changed=document != body, behind=piece.more)


def _records(piece: log_tail.Piece) -> tuple[Iterator[tuple[int, str]], int]:
    """The whole records of a piece with their places, and how many bytes at its end are to be read again."""
    data = piece.data
    starts = [found.start() for found in _HEADER.finditer(data)]
    if starts and starts[0] == 0 and not piece.begins:
        del starts[0]
    ends = [*starts[1:], len(data)] if starts else []
    rest = 0
    if not piece.ended and starts:
        # One that fills all that is read at once is not waited for.
        if starts[-1] > 0 or len(data) < log_tail.MOST:
            rest = len(data) - starts[-1]
            starts, ends = starts[:-1], ends[:-1]
    elif not piece.ended:
        # The beginning of a header may be all that is there yet.
        rest = len(data) - (data.rfind(b"\n") + 1)
        rest = rest if rest < len(data) or piece.begins else 0
        rest = min(rest, 64)
    first = piece.place.offset - len(data)
    parts = zip(starts, ends, strict=True)
    return ((first + start, data[start:end].decode("utf-8", "replace")) for start, end in parts), rest


def _head_length(text: str) -> int:
    found = _TIME.match(text)
    return found.end() if found else 0


def _moment(text: str, now: datetime) -> datetime | None:
    found = _TIME.match(text)
    if found is None:
        return None
    try:
        return min(datetime.fromisoformat(f"{found[1]}.{found[2]}").astimezone(UTC), now)
    except (ValueError, OverflowError):
        # No time, or one that no clock of this machine can show.
        return None


class _Burst:
    """Makes one event of the lines that Frappe writes, one per field, about one row; the others pass as they are.

    "New Exception collected" ends the lines of a row. Processes write at the same time: what stands in between may be
    of several rows, of which each is told by its end. Where no end comes, two seconds of silence are one.

    Attributes:
        last: when the last such line was written.
        lines: how many there were of rows that have not ended.
        told: whether the event of the row that ends next has been given.
    """

    def __init__(self, state: Sequence[Any] | None) -> None:
        last, lines, told = state or ("", 0, False)
        self.last = datetime.fromisoformat(last) if last else None
        self.lines, self.told = int(lines), bool(told)

    def of(self, text: str, at: datetime, name: str, site: str, owned: bool) -> Event | None:
        """The event of a record of frappe.log; None when it is none, or belongs to one that was given."""
        level = _LEVEL.match(text)
        said = text[level.end() :] if level else text
        event = _of_frappe(text, at, name, site, owned)
        if self.last is not None and abs(at - self.last) > _BURST:
            self.last, self.lines, self.told = None, 0, False
        if event is not None and said.startswith(_PER_FIELD):
            self.lines += 1
            self.last = at
            begins, self.told = self.lines == 1, self.told or self.lines == 1
            return _untaken(name, at, event.size) if begins else None
        if self.lines and said.startswith(_SAID_ELSEWHERE) and _is_of(said, site, owned):
            missed = not self.told and self.lines >= _FEWEST_FIELDS
            self.lines, self.told = max(0, self.lines - _FIELDS), False
            return _untaken(name, at, len(_PER_FIELD)) if missed else None
        return event


def _untaken(name: str, at: datetime, size: int) -> Event:
    return Event(FRAPPE_LOG, name, at, _PUTS, _UNREACHED, None, size, lost=True)


def _of_frappe(text: str, at: datetime, name: str, site: str, owned: bool) -> Event | None:
    level = _LEVEL.match(text)
    word = level[1] if level else None
    if word not in ("ERROR", "CRITICAL") and _TRACEBACK not in text:
        return None
    text = text[level.end() :] if level else text
    if not _is_of(text, site, owned):
        return None
    text = _FORM_LINE.sub("", _SITE_LINE.sub("", text)).strip()
    if text.startswith(_SAID_ELSEWHERE):
        return None
    size = len(text.encode("utf-8", "replace"))
    refused = _DEFERRED.match(text)
    if refused:
        title = lost_title(refused[1])
        if title is not None:
            return Event(FRAPPE_LOG, name, at, title, None, None, size, lost=True)
        return Event(FRAPPE_LOG, name, at, "Error while inserting deferred Error Log record", refused[1], None, size,
                     lost=True)  # fmt: skip
    return Event(FRAPPE_LOG, name, at, None, text, None, size, lost=text.startswith(_SNAPSHOT))


def _is_of(text: str, site: str, owned: bool) -> bool:
    """Whether a record of frappe.log belongs to the site; `owned`: what names no site does."""
    named = _SITE_LINE.findall(text)[-1:]
    return owned if named in ([], ["None"]) else named[0] == site


def _of_worker(text: str, at: datetime, name: str, site: str, alone: bool) -> Event | None:
    job = _JOB.match(text)
    if job is None:
        if not alone or _TRACEBACK not in text:
            return None
        return Event(WORKER_LOG, name, at, None, text.strip(), None, len(text.encode("utf-8", "replace")))
    id = job["old"] or job["new"]
    owner = job_ids.owner(id)
    if not alone if owner is None else owner != site:
        return None
    trace = text[job.end() :].strip()
    return Event(WORKER_LOG, id, at, None, trace or None, None, len(trace.encode("utf-8", "replace")), "")


def what_was_lost(event: Event) -> str:
    """What became of an error that Frappe could not file: TOO_LONG, REFUSED or NOT_TAKEN."""
    if event.error is None:
        return TOO_LONG
    return NOT_TAKEN if event.method in (None, _PUTS) else REFUSED

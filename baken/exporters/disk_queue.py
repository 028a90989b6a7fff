"""A queue in a folder: what is to be sent waits there in order, through the end of the process and of the machine.

Records are appended to segments, files of some megabytes; a segment goes when all of it was taken. A process may be
killed at any moment: a record that was written in part is cut off when the queue is opened again, and what was taken
is noted in place, in two slots that are written in turn, so that one of them is always whole. Nothing is lost so, and
the last delivery at most is repeated. A power cut may in addition cost records that the disk had not got yet: the
marks, which tell per site up to which moment it was queued, then tell less, and whoever fills the queue begins again
from there.

    lock        locked by the one process that uses the queue
    state       JSON: the marks as of the last whole segment, from where the queue began, figures that gave way
    position    how far the records were taken
    *.segment   records: CRC-32 of the rest, length, moment, figures, length of the site's name, name, figures packed
"""

import fcntl
import json
import os
import struct
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from baken.exporters.write_request import packed, unpacked

log = structlog.get_logger(__name__)

_VERSION = 1
_HEAD = struct.Struct("<IIqIH")
_SLOT = struct.Struct("<IQQQ")
_LEAST_SEGMENT, _MOST_SEGMENT = 64 * 1024, 16 * 2**20
# A header with the longest name of a site.
_GLANCE = _HEAD.size + 4 * 140


class QueueBusy(Exception):
    """Another process uses the queue."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Figures of one site and moment (milliseconds): `count` of them in `content`."""

    site: str
    at: int
    count: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Begun:
    """Figures after these moments (milliseconds) go into the queue; `otherwise` is that of the other sites."""

    marks: Mapping[str, int]
    otherwise: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place between two records: the segment's number and the byte in it."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The oldest entries that wait, for `DiskQueue.taken`: the place behind them, and how many figures by segment."""

    entries: list[Entry]
    end: Place
    figures: Mapping[int, int]


@dataclass(slots=True)
class _Segment:
    """A file of records: its bytes, and how many of its figures wait."""

    number: int
    size: int = 0
    figures: int = 0


def prepare(folder: Path, begun: Begun) -> None:
    """Make the queue in `folder`, if there is none yet; it then begins at `begun`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = folder / "state"
    if state.exists():
        return
    try:
        lock = _locked(folder / "lock")
    except QueueBusy:
        # Whoever has it open has made it.
        return
    try:
        if not state.exists():
            _replace(state, _state(begun.marks, begun, 0))
    finally:
        os.close(lock)


def begun_of(folder: Path) -> Begun:
    """From where the queue in a folder began, also while another process has it open. Raises OSError, ValueError."""
    state = json.loads((folder / "state").read_bytes())
    return Begun(state["begun"], state["otherwise"])


class DiskQueue:
    """An open queue. Threads may share it; only one process at a time has it open.

    Attributes:
        marks: up to which moment (milliseconds) each site was queued.
        begun: from where it began.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Open the queue that `prepare` made.

        Args:
            folder: where it is.
            most_bytes: beyond that the oldest records give way.

        Raises:
            QueueBusy: another process has it open.
            OSError: it cannot be read or written.
        """
        self._folder = folder
        self._most = most_bytes
        self._segment_bytes = min(_MOST_SEGMENT, max(_LEAST_SEGMENT, most_bytes // 16))
        self._guard = threading.RLock()
        self._lock: int | None = _locked(folder / "lock")
        self._readers: dict[int, int] = {}
        self._writer: int | None = None
        self._slots: int | None = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        state = json.loads((self._folder / "state").read_bytes())
        self.begun = Begun(state["begun"], state["otherwise"])
        self.marks: dict[str, int] = dict(state["marks"])
        self._gave_way = int(state["gave_way"])
        numbers = sorted(int(file.stem) for file in self._folder.glob("*.segment"))
        self._segments = [self._scan(number, last=number == numbers[-1]) for number in numbers] or [_Segment(1)]
        self._slots = os.open(self._folder / "position", os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._slots).st_size < 2 * _SLOT.size:
            # Their room is taken now, so that a full disk cannot hinder noting what was taken.
            os.pwrite(self._slots, bytes(2 * _SLOT.size), 0)
        self._turn, place = self._read_position()
        self._place = self._found(place)
        if self._place != place and self._turn:
            # The next records may grow beyond the old place, which would then lie in the middle of one of them.
            self._write_position()
        for segment in self._segments:
            if segment.number < self._place.segment:
                segment.figures = 0
            elif segment.number == self._place.segment:
                segment.figures -= self._figures_before(self._place)
        self._forget()

    @property
    def waiting(self) -> int:
        """How many figures wait."""
        with self._guard:
            return sum(segment.figures for segment in self._segments)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        with self._guard:
            return sum(segment.size for segment in self._segments)

    @property
    def room(self) -> bool:
        """Whether less than half of the room is used, so that nothing gives way soon."""
        return self.size < self._most // 2

    def append(self, entries: Sequence[Entry]) -> None:
        """Put entries at the end; the oldest records give way where there is no room. Raises OSError.

        After an error those before the one that failed are in the queue, and the marks tell of them.
        """
        with self._guard:
            for entry in entries:
                name = entry.site.encode()
                body = name + packed(entry.content)
                rest = _HEAD.pack(0, len(body), entry.at, entry.count, len(name))[4:] + body
                self._write(struct.pack("<I", zlib.crc32(rest)) + rest)
                self._segments[-1].figures += entry.count
                self.advance({entry.site: entry.at})

    def advance(self, marks: Mapping[str, int]) -> None:
        """Note that everything of these sites up to these moments (milliseconds) is in the queue, or was nothing."""
        with self._guard:
            for site, at in marks.items():
                self.marks[site] = max(at, self.marks.get(site, at))

    def bring_back(self, now: int) -> None:
        """Let no mark lie after the present moment (milliseconds): the machine's clock was set back."""
        with self._guard:
            self.marks = {site: min(at, now) for site, at in self.marks.items()}

    def mark(self, site: str) -> int:
        """Up to which moment (milliseconds) a site was queued."""
        return self.marks.get(site, self.begun.marks.get(site, self.begun.otherwise))

    def oldest(self, figures: int, most_bytes: int) -> Batch | None:
        """The oldest entries, about so many figures or bytes; None when nothing waits. They stay until `taken`."""
        with self._guard:
            entries: list[Entry] = []
            found: dict[int, int] = {}
            place, count, size = self._place, 0, 0
            while count < figures and size < most_bytes:
                entry, after = self._read(place, found.get(place.segment, 0))
                if entry is None and after is not None:
                    place = after
                    continue
                if entry is None or after is None:
                    break
                if entries and (count + entry.count > figures or size + len(entry.content) > most_bytes):
                    break
                entries.append(entry)
                found[place.segment] = found.get(place.segment, 0) + entry.count
                count, size, place = count + entry.count, size + len(entry.content), after
            return Batch(entries, place, found) if entries else None

    def taken(self, batch: Batch) -> None:
        """Forget the entries of a batch: the other side has them. Raises OSError."""
        with self._guard:
            for segment in self._segments:
                segment.figures -= batch.figures.get(segment.number, 0)
            # Where all of it gave way meanwhile, the place is farther already.
            if (batch.end.segment, batch.end.offset) > (self._place.segment, self._place.offset):
                self._place = batch.end
                self._write_position()
                self._forget()

    def gave_way(self) -> int:
        """How many figures gave way for want of room, or were damaged, since this was asked last. Raises OSError."""
        with self._guard:
            found = self._gave_way
            if found:
                self._gave_way = 0
                self._write_state()
            return found

    def close(self) -> None:
        """Keep the marks and let another process use the queue."""
        with self._guard:
            if self._lock is None:
                return
            if self._slots is not None:
                try:
                    self._write_state()
                except OSError as problem:
                    # They are found again from the records.
                    log.debug("marks of a queue not kept", folder=str(self._folder), reason=str(problem))
            for descriptor in (*self._readers.values(), self._writer, self._slots, self._lock):
                if descriptor is not None:
                    os.close(descriptor)
            self._readers, self._writer, self._slots, self._lock = {}, None, None, None

    # Writing

    def _write(self, record: bytes) -> None:
        segment = self._segments[-1]
        if segment.size and segment.size + len(record) > self._segment_bytes:
            segment = self._next()
        self._make_room(len(record))
        if self._writer is None:
            self._writer = os.open(self._file(segment.number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            done = 0
            while done < len(record):
                done += os.write(self._writer, record[done:])
        except OSError:
            # Half a record in the middle would hide all that follow it.
            os.ftruncate(self._writer, segment.size)
            raise
        segment.size += len(record)

    def _next(self) -> _Segment:
        """Begin a new segment. The marks are kept first: they can no longer be found from a segment that is gone."""
        if self._writer is not None:
            os.fsync(self._writer)
        self._write_state()
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None
        self._segments.append(_Segment(self._segments[-1].number + 1))
        self._forget()
        return self._segments[-1]

    def _make_room(self, needed: int) -> None:
        before = self._gave_way
        while len(self._segments) > 1 and self.size + needed > self._most:
            oldest = self._segments[0]
            self._gave_way += oldest.figures
            if self._place.segment <= oldest.number:
                self._place = Place(oldest.number + 1, 0)
                self._write_position()
            self._remove(oldest)
        if self._gave_way != before:
            log.warning("figures that wait to be sent gave way: the queue is full", folder=self._folder.name)
            self._write_state()

    def _forget(self) -> None:
        """Remove the segments that were taken; the last one is still written."""
        while len(self._segments) > 1 and self._segments[0].number < self._place.segment:
            self._remove(self._segments[0])

    def _remove(self, segment: _Segment) -> None:
        descriptor = self._readers.pop(segment.number, None)
        if descriptor is not None:
            os.close(descriptor)
        self._file(segment.number).unlink(missing_ok=True)
        self._segments.remove(segment)

    def _write_state(self) -> None:
        _replace(self._folder / "state", _state(self.marks, self.begun, self._gave_way))

    def _write_position(self) -> None:
        self._turn += 1
        rest = _SLOT.pack(0, self._turn, self._place.segment, self._place.offset)[4:]
        assert self._slots is not None  # noqa: S101 - it is open
        os.pwrite(self._slots, struct.pack("<I", zlib.crc32(rest)) + rest, self._turn % 2 * _SLOT.size)

    # Reading

    def _read(self, place: Place, before: int) -> tuple[Entry | None, Place | None]:
        """The record at a place and the place behind it. Without a record: where to go on, or None at the end.

        `before`: how many figures that wait are in the same segment before that place.
        """
        segment = next((each for each in self._segments if each.number == place.segment), None)
        following = next((each.number for each in self._segments if each.number > place.segment), None)
        onward = None if following is None else Place(following, 0)
        if segment is None or place.offset >= segment.size:
            return None, onward
        descriptor = self._reader(segment.number)
        head = os.pread(descriptor, _HEAD.size, place.offset)
        if len(head) == _HEAD.size:
            check, length, at, count, name = _HEAD.unpack(head)
            body = os.pread(descriptor, length, place.offset + _HEAD.size) if length <= segment.size else b""
            if len(body) == length and zlib.crc32(head[4:] + body) == check:
                entry = Entry(body[:name].decode(), at, count, unpacked(body[name:]))
                return entry, Place(place.segment, place.offset + _HEAD.size + length)
        self._damaged(segment, place.offset, before)
        return None, onward

    def _damaged(self, segment: _Segment, offset: int, before: int) -> None:
        """Leave the rest of a segment that the disk did not give back as it was written."""
        log.error("a part of the queue is damaged and is left out", file=str(self._file(segment.number)), at=offset)
        self._gave_way += segment.figures - before
        segment.figures, segment.size = before, offset
        if segment is self._segments[-1]:
            os.truncate(self._file(segment.number), offset)

    def _reader(self, number: int) -> int:
        found = self._readers.get(number)
        if found is None:
            found = self._readers[number] = os.open(self._file(number), os.O_RDONLY)
        return found

    def _scan(self, number: int, *, last: bool) -> _Segment:
        """What is in a segment, with the marks that its records tell. What was written in part is cut off the last."""
        segment = _Segment(number)
        file = self._file(number)
        with file.open("rb", buffering=0) as source:
            size = os.fstat(source.fileno()).st_size
            while segment.size + _HEAD.size <= size:
                head = os.pread(source.fileno(), _GLANCE, segment.size)
                check, length, at, count, name = _HEAD.unpack_from(head)
                end = segment.size + _HEAD.size + length
                if end > size or name > length:
                    break
                if last:
                    rest = os.pread(source.fileno(), _HEAD.size - 4 + length, segment.size + 4)
                    if zlib.crc32(rest) != check:
                        break
                site = head[_HEAD.size : _HEAD.size + name].decode("utf-8", "replace")
                self.advance({site: at})
                segment.figures += count
                segment.size = end
        if segment.size < size and last:
            os.truncate(file, segment.size)
        return segment

    def _figures_before(self, place: Place) -> int:
        """How many figures the records of a segment before a place have."""
        count = offset = 0
        while offset < place.offset:
            head = os.pread(self._reader(place.segment), _HEAD.size, offset)
            _, length, _, figures, _ = _HEAD.unpack(head)
            count, offset = count + figures, offset + _HEAD.size + length
        return count

    def _read_position(self) -> tuple[int, Place]:
        assert self._slots is not None  # noqa: S101 - it is open
        best = (0, Place(0, 0))
        for start in (0, _SLOT.size):
            slot = os.pread(self._slots, _SLOT.size, start)
            if len(slot) == _SLOT.size:
                check, turn, number, offset = _SLOT.unpack(slot)
                if zlib.crc32(slot[4:]) == check and turn > best[0]:
                    best = (turn, Place(number, offset))
        return best

    def _found(self, place: Place) -> Place:
        """A place that was noted, brought within what is there."""
        first, last = self._segments[0], self._segments[-1]
        if place.segment < first.number:
            place = Place(first.number, 0)
        if (place.segment, place.offset) > (last.number, last.size):
            place = Place(last.number, last.size)
        own = next((each for each in self._segments if each.number == place.segment), None)
        if own is None or place.offset > own.size:
            # A segment in the middle that somebody took away.
            following = next(each.number for each in self._segments if each.number > place.segment)
            place = Place(following, 0)
        return place

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:012d}.segment"


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise QueueBusy(f"process {holder}") from None
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _replace(file: Path, content: bytes) -> None:
    """Write a file so that it is always there as a whole, before or after."""
    new = file.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        done = 0
        while done < len(content):
            done += os.write(descriptor, content[done:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(file)


def _state(marks: Mapping[str, int], begun: Begun, gave_way: int) -> bytes:
    return json.dumps(
        {
            "version": _VERSION,
            "begun": dict(begun.marks),
            "otherwise": begun.otherwise,
            "marks": dict(marks),
            "gave_way": gave_way,
        }
    ).encode()

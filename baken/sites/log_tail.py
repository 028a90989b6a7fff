"""Follows a log file over its growth, its rotation and its truncation, in bounded steps.

A place is an inode, an offset, and a hash of the file's first bytes: a file that was cut and has grown again beyond
the offset is recognised as another one. What stood at the end of a file that was rotated away in the meantime is read
from there first, as long as the file lies beside the new one with a number (`frappe.log.1`) at its end.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baken.sites.problems import NotAvailable

WINDOW = 64 * 1024
"""The first look begins so many bytes before the end."""
MOST = 256 * 1024
"""Bytes that one look reads at most."""
_HEAD = 64
_ROTATED = 5
# Who writes a record writes all of it at once; after so many seconds nothing is added to it any more.
_SETTLED = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """How far a file was read; `head` tells its first bytes, at most `_HEAD`: how many, and a hash of them."""

    inode: int
    offset: int
    head: str

    def document(self) -> dict[str, Any]:
        """The place as JSON holds it."""
        return {"inode": self.inode, "offset": self.offset, "head": self.head}


def place(document: dict[str, Any]) -> Place | None:
    """The place that `Place.document` gave; None when there is none."""
    if "inode" not in document:
        return None
    return Place(int(document["inode"]), int(document["offset"]), str(document["head"]))


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read of a file.

    Attributes:
        data: bytes from `place.offset - len(data)` on.
        begins: whether `data` begins where a line begins.
        ended: nothing will be added to it: its last record is whole.
        place: where it ends.
        more: there is more to read.
    """

    data: bytes
    begins: bool
    ended: bool
    place: Place
    more: bool


def read(path: Path, seen: Place | None, *, most: int = MOST) -> Piece:
    """What stands in the file behind `seen`; None: the last WINDOW bytes of it.

    Raises NotAvailable when there is no such file or it cannot be read.
    """
    if seen is not None and _inode(path) != seen.inode:
        number = next((n for n in range(1, _ROTATED + 1) if _inode(_rotated(path, n)) == seen.inode), 0)
        if number:
            return _finish(path, number, seen, most)
    return _read_file(path, seen, most, at_end=False)


def back(piece: Piece, length: int) -> Place:
    """The place `length` bytes before the end of `piece`: those are read again."""
    return Place(piece.place.inode, piece.place.offset - length, piece.place.head)


def _finish(path: Path, number: int, seen: Place, most: int) -> Piece:
    """The rest of the file that was rotated away; at its end the place is the beginning of the next younger one."""
    piece = _read_file(_rotated(path, number), seen, most, at_end=True)
    # Whoever still had it open may be writing to it at this moment.
    if piece.more or not piece.ended:
        return piece
    younger = _rotated(path, number - 1) if number > 1 else path
    try:
        first = _read_file(younger, Place(_inode(younger) or 0, 0, ""), 1, at_end=True)
    except NotAvailable:
        return piece
    return Piece(piece.data, piece.begins, True, Place(first.place.inode, 0, first.place.head), True)


def _read_file(path: Path, seen: Place | None, most: int, *, at_end: bool) -> Piece:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            head = file.read(_HEAD)
            offset = max(0, found.st_size - WINDOW) if seen is None else _offset(seen, found, head)
            file.seek(max(0, offset - 1))
            before = file.read(1) if offset else b"\n"
            data = file.read(most)
    except FileNotFoundError:
        raise NotAvailable(f"there is no file {path}") from None
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read ({error.strerror}); let the user that runs Baken read it") from None
    end = offset + len(data)
    more = end < found.st_size
    # What was added since the file was looked at may be half a record: a write is not seen as a whole, and the time of
    # the last change is that of an older one. Taken for whole, half a traceback would be another failure than RQ shows.
    grown = end > found.st_size
    ended = not more and not grown and (at_end or time.time() - found.st_mtime > _SETTLED)
    return Piece(data, before == b"\n", ended, Place(found.st_ino, end, _mark(head)), more)


def _offset(seen: Place, found: os.stat_result, head: bytes) -> int:
    """Where to go on in a file; at its beginning when it is not the one that was read, or was cut."""
    if seen.inode != found.st_ino or found.st_size < seen.offset:
        return 0
    length = int(seen.head.partition(":")[0] or 0)
    return seen.offset if _mark(head[:length]) == seen.head or not length else 0


def _mark(head: bytes) -> str:
    return f"{len(head)}:{hashlib.sha256(head).hexdigest()[:16]}"


def _rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None

"""The file of a backup: a gzip-compressed tar of the store's rows, of files beside it, and of a manifest.

    tables/baken_series/000001.jsonl    one row a line, a JSON array in the order of the manifest's columns
    files/installation.key              what lies beside the store
    manifest.json                       last: an archive without it was cut off

The rows are written without regard to the database that they came from, so that a store can move from one kind of
database to another. Bytes are in base64.
"""

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = 1
MANIFEST = "manifest.json"

_PART_BYTES = 4_000_000
_MOST = 512_000_000
"""No part is larger: a row holds some ten million bytes at most."""
_LEVEL = 6
# What the program writes itself. Whatever else there is would become a file somewhere.
_NAMES = re.compile(r"tables/[a-z0-9_]+/[0-9]+\.jsonl|files/[a-z]+\.(?:key|toml)|" + re.escape(MANIFEST))


class ArchiveProblem(Exception):
    """A backup cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `binary` says that its values are bytes."""

    name: str
    binary: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A file within the archive."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds.

    Attributes:
        format: of the archive itself.
        baken: version of the program that wrote it.
        schema: revision of the store's tables.
        made: when the moment was taken that it shows, ISO 8601 in UTC.
        source: kind of database that it came from.
        tables: columns by table.
        rows: number of rows by table.
        members: every file but this one.
    """

    format: int
    baken: str
    schema: str
    made: str
    source: str
    tables: Mapping[str, Sequence[Column]]
    rows: Mapping[str, int]
    members: Mapping[str, Member]


@dataclass(slots=True)
class Writer:
    """Writes an archive into an open file, from the beginning to the end, without keeping it in memory."""

    target: BinaryIO
    members: dict[str, Member] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    tables: dict[str, Sequence[Column]] = field(default_factory=dict)
    _tar: tarfile.TarFile | None = None

    def __enter__(self) -> "Writer":
        self._tar = tarfile.open(fileobj=self.target, mode="w:gz", compresslevel=_LEVEL)
        return self

    def __exit__(self, *_problem: object) -> None:
        if self._tar is not None:
            self._tar.close()

    def table(self, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> int:
        """Write all rows of a table; their number."""
        self.tables[name] = tuple(columns)
        binary = [at for at, column in enumerate(columns) if column.binary]
        part, size, count, number = [], 0, 0, 0
        for row in rows:
            line = _line(row, binary)
            part.append(line)
            size += len(line)
            count += 1
            if size >= _PART_BYTES:
                number += 1
                self._add(f"tables/{name}/{number:06}.jsonl", b"".join(part))
                part, size = [], 0
        if part:
            self._add(f"tables/{name}/{number + 1:06}.jsonl", b"".join(part))
        self.rows[name] = count
        return count

    def file(self, name: str, content: bytes) -> None:
        """Write a file that lies beside the store."""
        self._add(f"files/{name}", content)

    def finish(self, *, baken: str, schema: str, made: str, source: str) -> Manifest:
        """Write the manifest, after which nothing else comes."""
        manifest = Manifest(FORMAT, baken, schema, made, source, self.tables, self.rows, dict(self.members))
        self._add(MANIFEST, json.dumps(asdict(manifest), indent=1).encode() + b"\n")
        return manifest

    def _add(self, name: str, content: bytes) -> None:
        if self._tar is None:
            raise ValueError("the archive is not open")
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
        self._tar.addfile(entry, io.BytesIO(content))
        self.members[name] = Member(len(content), hashlib.sha256(content).hexdigest())


def check(file: Path) -> Manifest:
    """Read an archive from the beginning to the end and hold everything in it against its manifest.

    Raises ArchiveProblem when it is none, or anything in it is missing, changed or cut off.
    """
    found: dict[str, Member] = {}
    lines: dict[str, int] = {}
    manifest: Manifest | None = None
    for name, content in _members(file):
        if manifest is not None or name in found or not _NAMES.fullmatch(name):
            raise ArchiveProblem(f"{file} is no backup of Baken: {name} should not be there")
        if name == MANIFEST:
            manifest = _manifest(file, content)
            continue
        found[name] = Member(len(content), hashlib.sha256(content).hexdigest())
        if name.startswith("tables/"):
            table = name.split("/")[1]
            lines[table] = lines.get(table, 0) + content.count(b"\n")
    if manifest is None:
        raise ArchiveProblem(f"{file} was cut off, or is no backup of Baken: it has no {MANIFEST}; take another one")
    for name in sorted(found.keys() | manifest.members.keys()):
        if found.get(name) != manifest.members.get(name):
            raise ArchiveProblem(f"{file} is damaged: {name} is not what was written; take another backup")
    for table in sorted(lines.keys() | manifest.rows.keys()):
        if table not in manifest.tables or lines.get(table, 0) != manifest.rows.get(table):
            raise ArchiveProblem(f"{file} is damaged: table {table} lacks rows; take another backup")
    return manifest


def parts(file: Path, manifest: Manifest) -> Iterator[tuple[str, list[list[Any]]]]:
    """The rows of all tables, in parts: table and rows. The archive was checked.

    Raises ArchiveProblem for a row that is not as the manifest says, although it is as it was written.
    """
    for name, content in _members(file):
        if not name.startswith("tables/"):
            continue
        table = name.split("/")[1]
        binary = [at for at, column in enumerate(manifest.tables[table]) if column.binary]
        try:
            rows = [_row(line, binary) for line in content.splitlines()]
            if any(len(row) != len(manifest.tables[table]) for row in rows):
                raise ValueError("another number of columns")
        except (ValueError, TypeError, IndexError, RecursionError) as problem:
            raise ArchiveProblem(f"{file} is no backup of Baken: {name} cannot be read ({problem})") from None
        yield table, rows


def files(file: Path) -> dict[str, bytes]:
    """The files that lay beside the store, by name. The archive was checked."""
    return {name.removeprefix("files/"): content for name, content in _members(file) if name.startswith("files/")}


def _line(row: Sequence[Any], binary: Sequence[int]) -> bytes:
    values = list(row)
    for at in binary:
        if values[at] is not None:
            values[at] = base64.b64encode(values[at]).decode()
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _row(line: bytes, binary: Sequence[int]) -> list[Any]:
    values: list[Any] = json.loads(line)
    for at in binary:
        if values[at] is not None:
            values[at] = base64.b64decode(values[at])
    return values


def _members(file: Path) -> Iterator[tuple[str, bytes]]:
    try:
        # As a stream: nothing but the next member is ever held.
        with gzip.open(file) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
            for entry in tar:
                content = tar.extractfile(entry) if entry.isreg() else None
                if content is None or entry.size > _MOST:
                    raise ArchiveProblem(f"{file} is no backup of Baken: {entry.name} should not be there")
                yield entry.name, content.read()
            # The checksum of all of it comes last, and is looked at by who reads to the end.
            while raw.read(_PART_BYTES):
                pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise ArchiveProblem(f"{file} cannot be read: {problem.strerror}") from None
        raise ArchiveProblem(f"{file} was cut off, or is no backup of Baken ({problem}); take another one") from None


def _manifest(file: Path, content: bytes) -> Manifest:
    try:
        told = json.loads(content)
        if told["format"] != FORMAT:
            raise ArchiveProblem(
                f"{file} has format {told['format']}, this Baken knows {FORMAT}: restore it with the newer Baken"
            )
        return Manifest(
            format=int(told["format"]),
            baken=str(told["baken"]),
            schema=str(told["schema"]),
            made=str(told["made"]),
            source=str(told["source"]),
            tables={name: tuple(Column(**column) for column in columns) for name, columns in told["tables"].items()},
            rows={name: int(number) for name, number in told["rows"].items()},
            members={name: Member(**member) for name, member in told["members"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise ArchiveProblem(f"{file} is no backup of Baken: its {MANIFEST} cannot be read ({problem})") from None

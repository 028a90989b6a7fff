"""Backup and restore of the store, with what lies beside it, into and out of one file (see `archive`).

A backup shows one moment, also while Baken goes on writing, and appears under its name only when it is whole. A restore
reads all of it first, and changes everything or nothing.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    LargeBinary,
    MetaData,
    Table,
    delete,
    func,
    insert,
    inspect,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import CompileError, DataError, IntegrityError, InterfaceError, ProgrammingError

from baken import __version__
from baken.clock import iso
from baken.history import archive, leases, migrate, tables
from baken.history.archive import ArchiveProblem, Column, Manifest
from baken.history.migrations import HEAD, KNOWN
from baken.history.store import Store, StoreError, open_store

__all__ = ["ArchiveProblem", "Manifest", "back_up", "check", "name_for", "old_ones", "restore"]

_LEASES = tables.leases.name
"""What is held at this moment means nothing later."""

_UNFIT = (CompileError, DataError, IntegrityError, InterfaceError, ProgrammingError)
_ROWS = 5000
_BATCH_ROWS, _BATCH_BYTES = 2000, 2_000_000
_PREFIX, _SUFFIX = "baken-", ".tar.gz"


@dataclass(frozen=True, slots=True)
class Beside:
    """A file that lies beside the store: under which `name` the backup has it, and where it is."""

    name: str
    path: Path


def name_for(moment: datetime) -> str:
    """The name of a backup of this moment within a folder of backups."""
    return f"{_PREFIX}{moment:%Y%m%d-%H%M%S}{_SUFFIX}"


def old_ones(folder: Path, keep: int) -> list[Path]:
    """The backups in a folder beyond the newest `keep`, by the moment in their names."""
    found = sorted(folder.glob(f"{_PREFIX}[0-9]*-[0-9]*{_SUFFIX}"), reverse=True)
    return found[keep:]


def back_up(store: Store, file: Path, beside: Sequence[Beside], now: datetime) -> Manifest:
    """Write all that the store knows into `file`, in place of one that is there.

    Args:
        store: a store of this program's version; it may be in use.
        file: the backup. Until it is whole it bears another name.
        beside: files to take along; one that is not there is left out.
        now: the present, for the manifest.

    Raises:
        StoreError: the store cannot be read, is damaged, or is not of this version.
        OSError: the file cannot be written.
    """
    with _partial(file) as target:
        copied = file.with_name(f".{file.name}.copy")
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(_moment(store, copied))
            _refuse_other_version(source, store.name)
            writer = stack.enter_context(archive.Writer(target))
            for table in tables.metadata.sorted_tables:
                if table.name != _LEASES:
                    writer.table(table.name, _columns(table), _rows(source, table))
            for each in beside:
                with contextlib.suppress(FileNotFoundError):
                    writer.file(each.name, each.path.read_bytes())
            return writer.finish(baken=__version__, schema=HEAD, made=iso(now) or "", source=store.dialect)


@contextlib.contextmanager
def _partial(file: Path) -> Iterator[Any]:
    """A file that takes the name of `file` when the block ends well, and of which nothing stays when it does not."""
    partial = file.with_name(f".{file.name}.partial")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b") as target:
        if os.fstat(descriptor).st_uid != os.geteuid():
            # In a folder of everybody, somebody else could read what is written into a file of theirs.
            raise StoreError(f"{partial} is another user's: delete it, or write the backup into another folder")
        os.fchmod(descriptor, 0o600)
        try:
            # Of one that was killed the lock is gone and the rest is overwritten.
            fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(f"another backup is writing {file} at this moment") from None
        try:
            target.truncate(0)
            yield target
            target.flush()
            os.fsync(target.fileno())
            partial.replace(file)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _moment(store: Store, copied: Path) -> Iterator[Connection]:
    """A connection that sees one moment of the store.

    Of SQLite a copy is made, by its own means and whole at once, and looked through for damage: reading the store
    itself for so long would keep its log from being cut.
    """
    if store.dialect != "sqlite":
        with store.read() as connection:
            yield connection
        return
    place = Path(make_url(store.url).database or "")
    if not place.is_file():
        raise StoreError(f"there is no store at {place}; is data_dir or history.url right?")
    copied.unlink(missing_ok=True)
    try:
        os.close(os.open(copied, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(place, copied)
        copy = open_store(f"sqlite:///{copied}", pool_size=1)
        try:
            with copy.read() as connection:
                yield connection
        finally:
            copy.close()
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            copied.with_name(copied.name + suffix).unlink(missing_ok=True)


def _copy(place: Path, copied: Path) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(place, timeout=60)) as source,
            contextlib.closing(sqlite3.connect(copied)) as target,
        ):
            source.backup(target, pages=-1)
            # A copy in the log's mode would need the log's files beside it.
            target.execute("PRAGMA journal_mode = DELETE")
            found = [row[0] for row in target.execute("PRAGMA integrity_check(3)")]
    except sqlite3.Error as problem:
        raise StoreError(f"the store {place} cannot be copied: {problem}") from problem
    if found != ["ok"]:
        raise StoreError(
            f"the store {place} is damaged ({'; '.join(found)}); keep the last good backup and put it back"
        )


def _refuse_other_version(source: Connection, name: str) -> None:
    version = migrate.version_of(source)
    if version is None:
        raise StoreError(f"the store {name} has no tables of Baken yet; there is nothing to back up")
    if version != HEAD:
        known = "an older" if version in KNOWN else "a newer"
        raise StoreError(
            f"the store {name} is that of {known} Baken (tables {version}, this one knows {HEAD}): back it up with "
            "that Baken, before the upgrade"
        )


def _columns(table: Table) -> list[Column]:
    return [Column(column.name, isinstance(column.type, LargeBinary)) for column in table.columns]


def _rows(source: Connection, table: Table) -> Iterator[Sequence[Any]]:
    rows = source.execution_options(stream_results=True, max_row_buffer=_ROWS).execute(select(table))
    try:
        while part := rows.fetchmany(_ROWS):
            for row in part:
                yield tuple(row)
    finally:
        rows.close()


def check(file: Path) -> Manifest:
    """Read a backup through and see whether it is whole and can be restored here. Raises ArchiveProblem."""
    manifest = archive.check(file)
    if manifest.schema not in KNOWN:
        raise ArchiveProblem(
            f"{file} is of a newer Baken (tables {manifest.schema}, this one knows {HEAD}): restore it with Baken "
            f"{manifest.baken} or newer"
        )
    return manifest


def restore(store: Store, file: Path, data_dir: Path, now: datetime, *, replace: bool = False) -> Manifest:
    """Put a backup into a store that is empty, or, with `replace`, in the place of what is there.

    An older backup is brought to this program's version. The files that lay beside the store go into `data_dir`; of one
    that is there already and differs, the old one is kept with `.before` behind its name.

    Raises:
        ArchiveProblem: the file is no whole backup, or of a newer Baken.
        StoreError: somebody collects into the store, it is not empty, or it cannot be written.
        OSError: `data_dir` cannot be written.
    """
    manifest = check(file)
    _refuse_in_use(store, now, replace=replace)
    kept = archive.files(file)
    if not replace:
        _refuse_other_files(kept, data_dir)
    if store.dialect == "sqlite":
        _restore_file(store, file, manifest, now)
    else:
        _restore_server(store, file, manifest, now)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in kept.items():
        _put_back(data_dir / Path(name).name, content)
    return manifest


def _refuse_in_use(store: Store, now: datetime, *, replace: bool) -> None:
    if store.dialect == "sqlite" and not Path(make_url(store.url).database or "").exists():
        return
    with store.read() as connection:
        if migrate.version_of(connection) is None:
            return
        _refuse_collected(connection, store.name, now)
        present = set(inspect(connection).get_table_names())
        full = [table.name for table in tables.metadata.sorted_tables if _has_rows(connection, table, present)]
    if full and not replace:
        raise StoreError(
            f"the store {store.name} is not empty ({', '.join(full[:3])}{' …' if len(full) > 3 else ''}): give another "
            "one, or say --replace, which throws away what is there"
        )


def _refuse_collected(connection: Connection, name: str, now: datetime) -> None:
    if not inspect(connection).has_table(_LEASES):
        return
    held = leases.collecting(connection, now)
    if held is not None:
        raise StoreError(
            f"{held.holder} collects into the store {name} at this moment: stop Baken first (or wait until "
            f"{iso(held.expires)}, when one that was killed counts as gone)"
        )


def _has_rows(connection: Connection, table: Table, present: set[str]) -> bool:
    if table.name == _LEASES or table.name not in present:
        return False
    return connection.execute(select(literal(1)).select_from(table).limit(1)).first() is not None


def _refuse_other_files(kept: dict[str, bytes], data_dir: Path) -> None:
    for name, content in kept.items():
        place = data_dir / Path(name).name
        if place.is_file() and place.read_bytes() != content:
            raise StoreError(f"{place} is there and differs from the backup's: give another data_dir, or say --replace")


def _restore_file(store: Store, file: Path, manifest: Manifest, now: datetime) -> None:
    """Make a new file beside the store's, and put it in its place when it is whole."""
    place = Path(make_url(store.url).database or "")
    place.parent.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f".{place.name}.restored")
    for suffix in ("", "-wal", "-shm"):
        made.with_name(made.name + suffix).unlink(missing_ok=True)
    fresh = open_store(f"sqlite:///{made}", pool_size=1)
    try:
        _fill(fresh, file, manifest)
        with fresh.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        fresh.close()
        for suffix in ("", "-wal", "-shm"):
            made.with_name(made.name + suffix).unlink(missing_ok=True)
        raise
    fresh.close()
    with contextlib.closing(sqlite3.connect(made)) as connection_:
        found = [row[0] for row in connection_.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise StoreError(f"the store that was restored is damaged ({'; '.join(found)}); is the disk sound?")
    for suffix in ("-wal", "-shm"):
        made.with_name(made.name + suffix).unlink(missing_ok=True)
    if place.exists():
        with store.read() as connection:
            if migrate.version_of(connection) is not None:
                _refuse_collected(connection, store.name, now)
    store.close()
    # What the log of the old store holds does not belong to the new one.
    for suffix in ("-wal", "-shm"):
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    made.replace(place)
    _sync_folder(place.parent)


def _restore_server(store: Store, file: Path, manifest: Manifest, now: datetime) -> None:
    with store.read() as connection:
        present = migrate.version_of(connection)
    if present is not None and present != manifest.schema:
        raise StoreError(
            f"the store {store.name} has tables {present}, the backup {manifest.schema}: restore into an empty database"
        )
    _fill(store, file, manifest, now)


def _fill(store: Store, file: Path, manifest: Manifest, now: datetime | None = None) -> None:
    """Make the tables as the backup has them, put its rows in, all at once, and bring them to this version."""
    store.migrate(manifest.schema)
    with store.write() as connection:
        wanted = _tables(connection, manifest)
        if now is not None:
            _refuse_collected(connection, store.name, now)
        for table in wanted.values():
            connection.execute(delete(table))
        for name, rows in archive.parts(file, manifest):
            names = [column.name for column in manifest.tables[name]]
            for batch in _batches(rows):
                found = [dict(zip(names, row, strict=True)) for row in batch]
                try:
                    connection.execute(insert(wanted[name]), found)
                except (*_UNFIT, OverflowError) as problem:
                    # What the driver says may hold the row.
                    raise ArchiveProblem(
                        f"{file} cannot be put back: rows of table {name} do not fit ({type(problem).__name__})"
                    ) from None
        if store.dialect == "postgresql":
            _follow_numbers(connection, wanted.values())
    store.migrate()


def _tables(connection: Connection, manifest: Manifest) -> dict[str, Table]:
    if manifest.schema == HEAD:
        known = {table.name: table for table in tables.metadata.sorted_tables}
    else:
        older = MetaData()
        older.reflect(bind=connection, only=lambda name, _: name in manifest.tables)
        known = dict(older.tables)
    missing = [name for name in manifest.tables if name not in known]
    if missing:
        raise StoreError(f"the backup has a table that tables {manifest.schema} do not have: {missing[0]}")
    return {name: known[name] for name in manifest.tables}


def _batches(rows: list[list[Any]]) -> Iterator[list[list[Any]]]:
    batch: list[list[Any]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _follow_numbers(connection: Connection, filled: Iterable[Table]) -> None:
    """Let the numbers of new rows follow those that were put in; the other databases do so by themselves."""
    for table in filled:
        number = table.autoincrement_column
        if number is None:
            continue
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :number)"), {"table": table.name, "number": number.name}
        ).scalar()
        if sequence is not None:
            last = connection.execute(select(func.coalesce(func.max(number), 0) + 1)).scalar_one()
            connection.execute(text("SELECT setval(:sequence, :last, false)"), {"sequence": sequence, "last": last})


def _put_back(place: Path, content: bytes) -> None:
    if place.is_file():
        if place.read_bytes() == content:
            return
        place.replace(place.with_name(f"{place.name}.before"))
    new = place.with_name(f".{place.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    new.replace(place)

"""What can go wrong with the store, said so that somebody who runs Baken can act on it."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class StoreError(Exception):
    """The store cannot do what was asked. `message` says what happened, to which store, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StoreFull(StoreError):
    """There is no room left where the store lives; works again by itself when there is."""


class StoreUnavailable(StoreError):
    """The store is locked, gone or overloaded at this moment; the same call may work later."""


# Less than this is "full", whatever code the operating system gave to SQLite.
_NO_ROOM = 2 * 1024 * 1024

_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_MYSQL_GONE = {0, 1040, 1053, 1079, 1152, 1159, 1161, 1184, 1203, 1226, 1927, 2002, 2003, 2006, 2013, 2055}
_MYSQL_LOCKED = {1205, 1213}
_MYSQL_FULL = {3, 20, 28, 1021, 1041, 1114}
_MYSQL_REFUSED = {1044, 1045, 1049, 1130, 1142, 1698}
_MYSQL_READ_ONLY = {1290, 1792, 1836}


def describe(url: URL) -> str:
    """A store's address without a password and without parameters, for messages."""
    if url.get_backend_name() == "sqlite":
        return url.database or "memory"
    place = f"{url.host or 'localhost'}{f':{url.port}' if url.port else ''}"
    return f"{url.get_backend_name()}://{place}/{url.database or ''}"


def translate(problem: SQLAlchemyError | OSError, url: URL) -> StoreError | None:
    """The StoreError that a driver's error means, or None when it is a fault in the program.

    `problem` is what SQLAlchemy or the operating system raised, `url` where the store lives.
    """
    where = describe(url)
    if isinstance(problem, PoolTimeoutError):
        return StoreUnavailable(f"all connections to the store {where} are in use; trying again helps")
    if isinstance(problem, OSError):
        return StoreError(f"the store {where} cannot be used: {problem.strerror or type(problem).__name__}")
    if not isinstance(problem, DBAPIError) or problem.orig is None:
        return None
    cause = problem.orig
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause, url)
    if url.get_backend_name() == "mysql":
        return _mysql(cause, where)
    return _postgres(cause, where, problem)


def _full(where: str) -> StoreFull:
    return StoreFull(f"the disk that holds the store is full: {where}; free some space, Baken goes on by itself")


def _sqlite(cause: sqlite3.Error, url: URL) -> StoreError | None:
    path = url.database or ""
    # Extended codes carry the primary code in their lowest byte.
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_room(path)):
        return _full(path)
    if code in _SQLITE_BUSY:
        return StoreUnavailable(f"the store {path} is locked by another process; trying again helps")
    if code == sqlite3.SQLITE_READONLY:
        return StoreError(f"the store {path} cannot be written: give Baken's user write access to it")
    if code == sqlite3.SQLITE_CANTOPEN:
        if _no_room(path):
            return _full(path)
        return StoreError(f"the store {path} cannot be opened: check that its folder exists and is writable")
    if code in _SQLITE_DAMAGED:
        return StoreError(f"{path} is damaged or not a store of Baken: put back a backup, or move it away")
    if code == sqlite3.SQLITE_IOERR:
        return StoreUnavailable(f"the disk refuses to read or write the store {path}: {cause}")
    if "no such table" in str(cause):
        return _no_tables(path)
    return None


def lack_of_room(url: URL) -> str | None:
    """That the disk of an SQLite store is full, before anybody writes; None when there is room or it is a server."""
    path = url.database or ""
    return str(_full(path)) if url.get_backend_name() == "sqlite" and _no_room(path) else None


def _no_room(path: str) -> bool:
    folder = Path(path).absolute().parent
    return folder.is_dir() and shutil.disk_usage(folder).free < _NO_ROOM


def _no_tables(where: str) -> StoreError:
    return StoreError(f"the store {where} has no tables yet: let Baken prepare it first (migrate)")


def _mysql(cause: BaseException, where: str) -> StoreError | None:
    code = cause.args[0] if cause.args and isinstance(cause.args[0], int) else None
    if code in _MYSQL_GONE:
        return StoreUnavailable(f"the database server of the store {where} does not answer; is it running?")
    if code in _MYSQL_LOCKED:
        return StoreUnavailable(f"the store {where} is locked by another transaction; trying again helps")
    if code in _MYSQL_FULL:
        return _full(where)
    if code in _MYSQL_READ_ONLY:
        return StoreError(f"the store {where} cannot be written: its server is read-only")
    if code in _MYSQL_REFUSED:
        return StoreError(f"the store {where} refuses Baken: check its user, password, database and rights")
    if code == 1146:
        return _no_tables(where)
    return None


def _postgres(cause: Any, where: str, problem: DBAPIError) -> StoreError | None:
    code: str | None = getattr(cause, "pgcode", None)
    text = str(cause)
    if code is None:
        # A connection that was refused or lost has no code of its own.
        if any(word in text for word in ("authentication failed", "does not exist", "no pg_hba.conf entry")):
            return StoreError(f"the store {where} refuses Baken: check its user, password, database and rights")
        if problem.connection_invalidated or type(cause).__name__ in {"OperationalError", "InterfaceError"}:
            return StoreUnavailable(f"the database server of the store {where} does not answer; is it running?")
        return None
    if code.startswith("08") or code in {"53300", "57P01", "57P02", "57P03", "57P05"}:
        return StoreUnavailable(f"the database server of the store {where} does not answer; is it running?")
    if code in {"40001", "40P01", "55P03"}:
        return StoreUnavailable(f"the store {where} is locked by another transaction; trying again helps")
    if code == "53100":
        return _full(where)
    if code == "25006":
        return StoreError(f"the store {where} cannot be written: its server is read-only")
    if code.startswith("28") or code in {"3D000", "42501"}:
        return StoreError(f"the store {where} refuses Baken: check its user, password, database and rights")
    if code == "42P01" and isinstance(problem, ProgrammingError):
        return _no_tables(where)
    return None

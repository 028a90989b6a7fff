"""The store: one database that remembers, in a file (SQLite) or on a server (MariaDB, PostgreSQL).

`open_store(url)` connects to nothing yet; `store.migrate()` prepares the tables. `store.read()` gives a
connection that sees one consistent moment, `store.write()` one transaction that is kept or undone as a whole.
Errors of the drivers arrive as StoreError with a text for people.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from baken.history.problems import StoreError, StoreFull, StoreUnavailable, describe, lack_of_room, translate

__all__ = ["Store", "StoreError", "StoreFull", "StoreUnavailable", "open_store"]

_LOCK_SECONDS = 5
_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 60

_DRIVERS = {
    "sqlite": "sqlite",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "postgresql": "postgresql+psycopg2",
    "postgres": "postgresql+psycopg2",
}


class Store:
    """An open store. Threads may share it; a process that forks opens its own."""

    def __init__(self, url: str, address: URL, engine: Engine) -> None:
        self.url = url
        self.engine = engine
        self._address = address
        # Options make a copy of the engine that shares its connections.
        self._writer = engine.execution_options(baken_write=True)
        self._reader = engine
        if self.dialect != "sqlite":
            # A reader sees one moment, so that what maintenance moves in between is seen exactly once.
            self._reader = engine.execution_options(
                isolation_level="REPEATABLE READ",
                **({"postgresql_readonly": True} if self.dialect == "postgresql" else {}),
            )

    def __repr__(self) -> str:
        return f"Store({self.name})"

    @property
    def dialect(self) -> str:
        """ "sqlite", "mysql" (which MariaDB is as well) or "postgresql"."""
        return self.engine.dialect.name

    @property
    def name(self) -> str:
        """The store's address without a password: the file, or server and database."""
        return describe(self._address)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as problem:
            told = translate(problem, self._address) if isinstance(problem, SQLAlchemyError) else None
            if told is None:
                raise
            raise told from problem

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading that sees one consistent moment. Raises StoreError."""
        with self._translated(), self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: kept when the block ends, undone when it raises. Raises StoreError.

        On SQLite it takes the write lock at once (waiting up to 5 s), so that nothing that was read in it
        can be outdated when it writes.
        """
        with self._translated(), self._writer.begin() as connection:
            yield connection

    def migrate(self, to: str | None = None) -> None:
        """Bring the tables to this program's version, or to an older one. Two processes may call it at the same time.

        Raises StoreError, also when a newer Baken has been here already.
        """
        from baken.history.migrate import upgrade
        from baken.history.migrations import HEAD

        with self._translated():
            self._prepare_file()
            upgrade(self, to or HEAD)

    def _prepare_file(self) -> None:
        """Make the file of an SQLite store, readable for its owner alone, and its folder."""
        if self.dialect != "sqlite":
            return
        path = Path(self._address.database or "")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # It holds the hashes of sessions and who looked at what.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as problem:
            raise StoreError(
                f"the store {path} cannot be made or written: {problem.strerror}; "
                "choose another place or give Baken's user write access to it"
            ) from problem

    def size_bytes(self) -> int:
        """Bytes that the store's tables take on disk (MariaDB: the server's own estimate). Raises StoreError."""
        if self.dialect == "sqlite":
            path = self._address.database or ""
            files = (Path(path), Path(f"{path}-wal"))
            return sum(file.stat().st_size for file in files if file.exists())
        statement = (
            "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r' "
            "AND relname LIKE 'baken\\_%' AND relnamespace = current_schema()::regnamespace"
            if self.dialect == "postgresql"
            else "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name LIKE 'baken\\_%'"
        )
        with self.read() as connection:
            return int(connection.execute(text(statement)).scalar_one())

    def lack_of_room(self) -> str | None:
        """Why the store cannot grow, when its disk is seen to be full; a server is not asked."""
        return lack_of_room(self._address)

    def close(self) -> None:
        """Close all connections; the store can be used again and then opens new ones."""
        self.engine.dispose()


def open_store(url: str, *, pool_size: int = 5, seconds: int = 2 * _STATEMENT_SECONDS) -> Store:
    """The store at `url`: `sqlite:////path/baken.db`, `mysql://…`, `mariadb://…` or `postgresql://…`.

    `pool_size` is how many connections stay open; twice as many more open under load. 0: none stays open, for one of
    many processes that seldom need one. `seconds`: for how long MariaDB may be silent before it counts as away.
    Nothing is connected yet. Raises StoreError when the URL cannot be understood or its driver is not installed.
    """
    try:
        address = make_url(url)
    except ArgumentError as problem:
        raise StoreError(
            "the store's URL cannot be understood; it looks like sqlite:////var/lib/baken/baken.db "
            "or postgresql://user:password@host/database"
        ) from problem
    backend = address.get_backend_name()
    if backend not in _DRIVERS:
        raise StoreError(f"a store cannot live in {backend!r}: use sqlite, mysql, mariadb or postgresql")
    if "+" not in address.drivername or backend == "mariadb":
        address = address.set(drivername=_DRIVERS[backend])
    if backend == "sqlite" and address.database in (None, "", ":memory:"):
        raise StoreError("the store needs a file: sqlite:////path/baken.db")
    options: dict[str, Any] = {
        # Values may be somebody's name; they do not belong in an error's text.
        "hide_parameters": True,
    }
    if pool_size:
        options |= {"pool_size": pool_size, "max_overflow": 2 * pool_size, "pool_timeout": 10}
    else:
        options["poolclass"] = NullPool
    kept: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 1800} if pool_size else {}
    if backend == "sqlite":
        options["connect_args"] = {"timeout": _LOCK_SECONDS, "isolation_level": None}
    elif backend in ("mysql", "mariadb"):
        options |= {**kept, "isolation_level": "READ COMMITTED"}
        options["connect_args"] = {
            "charset": "utf8mb4",
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": seconds,
            "write_timeout": seconds,
            "init_command": (
                f"SET SESSION sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', "
                f"innodb_lock_wait_timeout={2 * _LOCK_SECONDS}"
            ),
        }
    else:
        options |= kept
        options["connect_args"] = {
            "connect_timeout": _CONNECT_SECONDS,
            "options": f"-c lock_timeout={2 * _LOCK_SECONDS}s",
            "application_name": "baken",
        }
    try:
        engine = create_engine(address, **options)
    except (ImportError, NoSuchModuleError) as problem:
        raise StoreError(f"the driver for {address.drivername} is not installed: {problem}") from problem
    if backend == "sqlite":
        _tune_sqlite(engine)
    return Store(url, address, engine)


def _tune_sqlite(engine: Engine) -> None:
    """Let SQLite write ahead and begin its transactions the way `read` and `write` ask for."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        # The lock time first: switching to WAL may have to wait for another process that does the same.
        cursor.execute(f"PRAGMA busy_timeout = {_LOCK_SECONDS * 1000}")
        # In a new file only, where it takes effect: elsewhere it would wait for whoever writes. Space that retention
        # frees can then go back to the disk.
        if cursor.execute("PRAGMA page_count").fetchone()[0] == 0:
            cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        cursor.execute("PRAGMA journal_mode = WAL")
        # A power cut may cost the last transactions but never the file's health.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA journal_size_limit = 67108864")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        patience = options.get("baken_patience", _LOCK_SECONDS)
        if patience != connection.info.get("baken_patience", _LOCK_SECONDS):
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience * 1000}")
            connection.info["baken_patience"] = patience
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("baken_write") else "BEGIN")

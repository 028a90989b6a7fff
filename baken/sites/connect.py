"""Connections to sites' databases: read-only, limited in time, made when needed and not kept.

Connections are not kept between two runs: hundreds of sites would otherwise hold hundreds of places on the database
server, while making a new one on a socket or loopback costs a third of a millisecond. All sites on one server share
one engine: what SQLAlchemy has learned of the server and compiled for it takes 2 MB and a second the first time.
"""

import sqlite3
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

LOCK_SECONDS = 2
"""How long a statement waits for a lock at most."""

_LOOPBACK = (None, "", "localhost", "127.0.0.1", "::1")

_wanted: ContextVar[URL] = ContextVar("_wanted")
_engines: dict[tuple[str, str, float, float], Engine] = {}
_lock = threading.Lock()


def server_of(url: URL) -> str:
    """The database server's address: the same for all sites that share it."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:{url.database}"
    where = url.query.get("unix_socket") or url.query.get("host") or f"{url.host}:{url.port or 'default'}"
    return f"{url.get_backend_name()}:{where}"


def connect(url: URL, *, limit: float, patience: float) -> Connection:
    """A connection to the database at `url` that can only read.

    Args:
        url: the database with user and password.
        limit: time limit of a statement, in seconds.
        patience: time limit for connecting, in seconds.

    Raises SQLAlchemyError when the database cannot be reached or refuses the user.
    """
    backend = url.get_backend_name()
    # Every SQLite file is a server of its own that behaves like all others.
    key = (backend, "" if backend == "sqlite" else server_of(url), limit, patience)
    with _lock:
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = _MAKERS[backend](limit, patience)
    given = _wanted.set(url)
    try:
        return engine.connect()
    finally:
        _wanted.reset(given)


def _mariadb(limit: float, patience: float) -> Engine:
    engine = create_engine("mysql+pymysql://", poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def arguments(dialect: Any, _record: Any, _positional: Any, named: dict[str, Any]) -> None:
        url = _wanted.get()
        named.clear()
        named.update(dialect.create_connect_args(url)[1])
        named.update(
            connect_timeout=patience, read_timeout=limit + LOCK_SECONDS, write_timeout=limit, charset="utf8mb4"
        )
        local = "unix_socket" in url.query or url.host in _LOOPBACK
        if local and not any(name.startswith("ssl") for name in url.query):
            # Setting up TLS where nobody listens in costs 50 ms of processor time with PyMySQL 1.2 and newer.
            named["ssl_disabled"] = True

    event.listen(engine, "do_connect", arguments)
    event.listen(engine, "connect", lambda raw, _record: _limit_mariadb(raw, limit))
    return engine


def _limit_mariadb(raw: Any, limit: float) -> None:
    with raw.cursor() as cursor:
        if "mariadb" in raw.get_server_info().lower():
            cursor.execute(
                "SET SESSION max_statement_time = %s, tx_read_only = 1, lock_wait_timeout = %s, "
                "innodb_lock_wait_timeout = %s, time_zone = '+00:00'",
                (limit, LOCK_SECONDS, LOCK_SECONDS),
            )
        else:
            cursor.execute(
                "SET SESSION max_execution_time = %s, transaction_read_only = 1, lock_wait_timeout = %s, "
                "innodb_lock_wait_timeout = %s, time_zone = '+00:00'",
                (int(limit * 1000), LOCK_SECONDS, LOCK_SECONDS),
            )


def _postgres(limit: float, patience: float) -> Engine:
    engine = create_engine("postgresql+psycopg2://", poolclass=NullPool, isolation_level="AUTOCOMMIT")
    options = (
        f"-c default_transaction_read_only=on -c statement_timeout={int(limit * 1000)} "
        f"-c lock_timeout={LOCK_SECONDS * 1000} -c timezone=UTC"
    )

    def arguments(dialect: Any, _record: Any, _positional: Any, named: dict[str, Any]) -> None:
        named.clear()
        named.update(dialect.create_connect_args(_wanted.get())[1])
        named.update(connect_timeout=max(1, int(patience)), options=options, application_name="baken")

    event.listen(engine, "do_connect", arguments)
    return engine


def _sqlite(_limit: float, patience: float) -> Engine:
    return create_engine(
        "sqlite://", poolclass=NullPool, creator=lambda: _open_sqlite(str(_wanted.get().database), patience)
    )


def _open_sqlite(path: str, patience: float) -> sqlite3.Connection:
    if not Path(path).is_file():
        # Where it should lie is nobody's business but the host's; the name tells which one is meant.
        raise sqlite3.OperationalError(f"unable to open database file {Path(path).name}: it does not exist")
    connection = sqlite3.connect(
        f"file:{Path(path).resolve()}?mode=ro", uri=True, timeout=patience, check_same_thread=False
    )
    # A row that was written in another encoding must not hide all others.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.execute("PRAGMA query_only = 1")
    return connection


_MAKERS = {"mysql": _mariadb, "mariadb": _mariadb, "postgresql": _postgres, "sqlite": _sqlite}

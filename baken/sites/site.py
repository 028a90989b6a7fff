"""A site as Baken reads it: where it is, and read-only, time-limited connections to its database."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from baken import clock
from baken.settings import Settings
from baken.sites import problems
from baken.sites.layout import Layouts
from baken.sites.reading import Reading
from baken.sites.zone import zone

_LOCK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """Where a site lives. Secrets are kept out of `repr`."""

    name: str
    database_url: URL = field(repr=False)
    bench: Path | None = None
    redis_cache: str | None = field(default=None, repr=False)
    redis_queue: str | None = field(default=None, repr=False)
    bench_id: str | None = None
    url: str | None = None
    host: str | None = None
    encryption_key: str | None = field(default=None, repr=False)
    time_zone: str | None = None
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        """The site's folder within its bench; None for a site that is read from elsewhere."""
        return self.bench / "sites" / self.name if self.bench else None

    @property
    def server(self) -> str:
        """The database server's address: the same for all sites that share it."""
        url = self.database_url
        if url.get_backend_name() == "sqlite":
            return f"sqlite:{url.database}"
        where = url.query.get("unix_socket") or url.query.get("host") or f"{url.host}:{url.port or 'default'}"
        return f"{url.get_backend_name()}:{where}"


class Site:
    """One watched site. Safe to use from several threads."""

    def __init__(self, config: SiteConfig, settings: Settings) -> None:
        self.config = config
        self.name = config.name
        self.settings = settings
        self.statement_seconds = settings.statement_seconds
        self.layouts = Layouts(settings.site_access.reflect_seconds)
        # What a measure learned in an earlier run and need not ask again; lost at a restart.
        self.memory: dict[str, Any] = {}
        self._engine: Engine | None = None
        self._zone: tuple[float, ZoneInfo] | None = None
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(settings.optimizer.database.connection_pool_size)

    @property
    def dialect(self) -> str:
        """mariadb, postgres or sqlite."""
        backend = self.config.database_url.get_backend_name()
        return {"mysql": "mariadb", "mariadb": "mariadb", "postgresql": "postgres"}.get(backend, backend)

    @contextmanager
    def reading(self, now: datetime | None = None, *, fresh: bool = False) -> Iterator[Reading]:
        """A read-only, time-limited look at the site.

        The connection is made at the first query: what is asked of Redis, the URL or the disk can be had while the
        database is down.

        Args:
            now: the moment that counts as the present; default: the clock's.
            fresh: whether nothing may be used that another look found out a moment ago.
        """
        reading = Reading(self, now or clock.now(), fresh=fresh)
        try:
            yield reading
        finally:
            reading.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection to the site's database that can only read and whose statements are limited in time.

        Raises SiteProblem when the database cannot be reached or refuses Baken, or when all of
        `optimizer.database.connection_pool_size` connections are in use.
        """
        if not self._places.acquire(timeout=self.settings.site_access.connect_seconds):
            raise problems.SiteUnreachable(
                f"all {self.settings.optimizer.database.connection_pool_size} connections that Baken may make to "
                f"the database of site {self.name} are in use (optimizer.database.connection_pool_size)"
            )
        try:
            try:
                connection = self._connect()
            except SQLAlchemyError as error:
                raise problems.explain(error, self.name, self.statement_seconds) from None
            with connection:
                yield connection
        finally:
            self._places.release()

    def zone(self, reading: Reading) -> ZoneInfo:
        """The site's time zone, remembered for `site_access.reflect_seconds`."""
        kept = self._zone
        if kept and time.monotonic() - kept[0] < self.settings.site_access.reflect_seconds:
            return kept[1]
        name = self.config.time_zone or reading.single("System Settings", "time_zone")
        if not name:
            raise problems.SiteProblem(
                f"site {self.name} has no time zone; set System Settings > Time Zone, or time_zone in baken.toml"
            )
        found = zone(name)
        self._zone = (time.monotonic(), found)
        return found

    def close(self) -> None:
        """Give back what the site's engine holds."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _connect(self) -> Connection:
        with self._lock:
            if self._engine is None:
                self._engine = _engine(self.config, self.settings)
            engine = self._engine
        return engine.connect()


def _engine(config: SiteConfig, settings: Settings) -> Engine:
    # Connections are not kept between two runs: hundreds of sites would otherwise hold hundreds of places on the
    # database server, while making a new one on a socket or loopback costs a third of a millisecond.
    limit, patience = settings.statement_seconds, settings.site_access.connect_seconds
    url = config.database_url
    backend = url.get_backend_name()
    if backend in ("mysql", "mariadb"):
        local = "unix_socket" in url.query or url.host in (None, "", "localhost", "127.0.0.1", "::1")
        arguments: dict[str, Any] = {
            "connect_timeout": patience,
            "read_timeout": limit + _LOCK_SECONDS,
            "write_timeout": limit,
            "charset": "utf8mb4",
        }
        if local and not any(name.startswith("ssl") for name in url.query):
            arguments["ssl_disabled"] = True
        engine = create_engine(
            url.set(drivername="mysql+pymysql"),
            poolclass=NullPool,
            connect_args=arguments,
            isolation_level="AUTOCOMMIT",
        )
        event.listen(engine, "connect", lambda raw, _record: _limit_mariadb(raw, limit))
        return engine
    if backend == "postgresql":
        options = (
            f"-c default_transaction_read_only=on -c statement_timeout={int(limit * 1000)} "
            f"-c lock_timeout={_LOCK_SECONDS * 1000} -c timezone=UTC"
        )
        arguments = {
            "connect_timeout": max(1, int(patience)),
            "options": options,
            "application_name": "baken",
        }
        return create_engine(
            url.set(drivername="postgresql+psycopg2"),
            poolclass=NullPool,
            connect_args=arguments,
            isolation_level="AUTOCOMMIT",
        )
    return create_engine("sqlite://", poolclass=NullPool, creator=lambda: _open_sqlite(str(url.database), patience))


def _limit_mariadb(raw: Any, limit: float) -> None:
    with raw.cursor() as cursor:
        if "mariadb" in raw.get_server_info().lower():
            cursor.execute(
                "SET SESSION max_statement_time = %s, tx_read_only = 1, lock_wait_timeout = %s, "
                "innodb_lock_wait_timeout = %s, time_zone = '+00:00'",
                (limit, _LOCK_SECONDS, _LOCK_SECONDS),
            )
        else:
            cursor.execute(
                "SET SESSION max_execution_time = %s, transaction_read_only = 1, lock_wait_timeout = %s, "
                "innodb_lock_wait_timeout = %s, time_zone = '+00:00'",
                (int(limit * 1000), _LOCK_SECONDS, _LOCK_SECONDS),
            )


def _open_sqlite(path: str, patience: float) -> sqlite3.Connection:
    if not Path(path).is_file():
        raise sqlite3.OperationalError(f"unable to open database file {path}: it does not exist")
    connection = sqlite3.connect(
        f"file:{Path(path).resolve()}?mode=ro", uri=True, timeout=patience, check_same_thread=False
    )
    # A row that was written in another encoding must not hide all others.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.execute("PRAGMA query_only = 1")
    return connection

"""A site as Baken reads it: where it is, and read-only, time-limited connections to its database."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from baken import clock
from baken.settings import Settings
from baken.sites import problems
from baken.sites.connect import connect, server_of
from baken.sites.layout import Layouts
from baken.sites.reading import Reading
from baken.sites.zone import zone

UNSET_ZONE = "Asia/Kolkata"
"""In which time zone Frappe writes while System Settings names none (`frappe.utils.data.get_system_timezone`)."""


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
        return server_of(self.database_url)

    def reads_as(self, other: "SiteConfig") -> bool:
        """Whether what was read with `other` was read from the same place: they differ in flags and the like alone."""
        names = ("name", "database_url", "bench", "bench_id", "redis_cache", "redis_queue", "time_zone")
        return all(getattr(self, name) == getattr(other, name) for name in names)


class Site:
    """One watched site. Safe to use from several threads."""

    def __init__(self, config: SiteConfig, settings: Settings, before: "Site | None" = None) -> None:
        """Make it from its configuration; `before` is the same site under the configuration that it had until now."""
        self.config = config
        self.name = config.name
        self.settings = settings
        self.statement_seconds = settings.statement_seconds
        self.layouts = Layouts(settings.site_access.reflect_seconds)
        # What a measure learned in an earlier run and need not ask again; lost at a restart.
        self.memory: dict[str, Any] = before.memory if before is not None and before.config.reads_as(config) else {}
        self._zone: tuple[float, ZoneInfo] | None = None
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
                connection = connect(
                    self.config.database_url,
                    limit=self.statement_seconds,
                    patience=self.settings.site_access.connect_seconds,
                )
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
        name = self.config.time_zone or reading.single("System Settings", "time_zone") or UNSET_ZONE
        found = zone(name)
        self._zone = (time.monotonic(), found)
        return found

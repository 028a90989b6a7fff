"""One look at a site: tables by DocType, queries that are timed, times in the site's zone."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import Connection, Executable, TableClause, select
from sqlalchemy.exc import SQLAlchemyError

from baken.sites import problems, zone

if TYPE_CHECKING:
    from baken.sites.site import Site

T = TypeVar("T")

_shared: dict[tuple[str, str], tuple[float, Any]] = {}
_shared_lock = threading.Lock()

# How many virtual machine steps SQLite makes between two looks at the clock.
_STEPS = 20_000
# A layout that was remembered costs the site nothing; it returns within this time in seconds.
_UNCOUNTED = 1e-5


class Reading:
    """A read-only look at a site together with what it has cost so far.

    `queries`, `seconds` and `slowest` (text, seconds) count every statement sent to the site.
    """

    def __init__(self, site: "Site", now: datetime, *, fresh: bool = False) -> None:
        self.site = site
        self.now = now
        self._oldest_shared = time.monotonic() if fresh else 0.0
        self.queries = 0
        self.seconds = 0.0
        self.slowest: tuple[str, float] = ("", 0.0)
        self._open = ExitStack()
        self._connected: Connection | None = None
        self._lost: problems.SiteUnreachable | None = None
        self._memo: dict[str, Any] = {}

    def close(self) -> None:
        """Give the connection back."""
        self._open.close()
        self._connected = None

    @property
    def dialect(self) -> str:
        """mariadb, postgres or sqlite."""
        return self.site.dialect

    def table(self, doctype: str) -> TableClause:
        """The table of a DocType; raises MissingTable when the site has none."""
        found = self._timed(lambda: self.site.layouts.table(self._connection, f"tab{doctype}"), "layout")
        if found is None:
            raise problems.MissingTable(doctype)
        return cast("TableClause", found)

    def raw_table(self, name: str) -> TableClause:
        """A table that belongs to no DocType, such as __Auth or tabSessions."""
        found = self._timed(lambda: self.site.layouts.table(self._connection, name), "layout")
        if found is None:
            raise problems.MissingTable(name.removeprefix("tab"))
        return cast("TableClause", found)

    def has(self, doctype: str, *fields: str) -> bool:
        """Whether the site has the DocType with all these fields."""
        found = self._timed(lambda: self.site.layouts.table(self._connection, f"tab{doctype}"), "layout")
        return found is not None and all(field in found.c for field in fields)

    def require(self, doctype: str, *fields: str) -> TableClause:
        """The DocType's table; raises MissingTable or MissingField naming what the site lacks."""
        found = self.table(doctype)
        missing = [field for field in fields if field not in found.c]
        if missing:
            raise problems.MissingField(doctype, *missing)
        return found

    def indexed(self, doctype: str, field: str) -> bool:
        """Whether an index of the DocType's table begins with `field`."""
        names = self._timed(lambda: self.site.layouts.indexed(self._connection, f"tab{doctype}"), "layout")
        return field in names

    def rows(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """All rows of a SELECT, each by position or by column name.

        Raises SiteProblem; QueryTimeout beyond the statement time limit.
        """
        return cast(
            "Sequence[Any]",
            self._timed(lambda: self._connection.execute(statement, dict(params or {})).all(), statement),
        )

    def row(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Any:
        """The first row of a SELECT, or None."""
        found = self.rows(statement, params)
        return found[0] if found else None

    def scalar(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Any:
        """The first value of the first row of a SELECT, or None."""
        found = self.row(statement, params)
        return None if found is None else found[0]

    def single(self, doctype: str, field: str) -> str | None:
        """A value of a Single DocType, as text, or None when it is not set."""
        values = self.once(f"single:{doctype}", lambda: self._singles(doctype))
        return values.get(field)

    def once(self, key: str, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed once within this look; its problem is remembered as well."""
        if key not in self._memo:
            try:
                self._memo[key] = compute()
            except problems.SiteProblem as problem:
                self._memo[key] = problem
        kept = self._memo[key]
        if isinstance(kept, problems.SiteProblem):
            raise kept
        return cast("T", kept)

    def shared(self, key: str, seconds: float, compute: Callable[[], T]) -> T:
        """What `compute` gives, kept for `seconds` for all sites on the same database server.

        A fresh look takes nothing that was found out before it began.
        """
        place = (self.site.config.server, key)
        with _shared_lock:
            kept = _shared.get(place)
        if kept is None or kept[0] < max(self._oldest_shared, time.monotonic() - seconds):
            kept = (time.monotonic(), compute())
            with _shared_lock:
                _shared[place] = kept
        return cast("T", kept[1])

    def utc(self, value: datetime | str | None) -> datetime | None:
        """The moment that a naive time of this site means; None for None or an empty text.

        Raises SiteProblem for a text that is no time.
        """
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise problems.SiteProblem(f"site {self.site.name} holds {value!r} where a time belongs") from None
        return zone.to_utc(value, self.site.zone(self), seen=self.now)

    def local(self, moment: datetime) -> datetime:
        """The naive time with which to ask the database for rows since `moment`: none of them is missed."""
        return zone.naive_since(moment, self.now, self.site.zone(self))

    def today(self) -> date:
        """The present date in the site's zone."""
        return zone.to_naive(self.now, self.site.zone(self)).date()

    def _singles(self, doctype: str) -> dict[str, str | None]:
        singles = self.raw_table("tabSingles")
        query = select(singles.c.field, singles.c.value).where(singles.c.doctype == doctype)
        return {str(row[0]): row[1] for row in self.rows(query)}

    @property
    def lost(self) -> problems.SiteUnreachable | None:
        """What keeps the database from being read, when that was found in this look."""
        return self._lost

    @property
    def _connection(self) -> Connection:
        # A server that is gone is not asked again and again within one look.
        if self._lost is not None:
            raise self._lost
        if self._connected is None:
            try:
                self._connected = self._open.enter_context(self.site.connection())
            except problems.SiteUnreachable as problem:
                self._lost = problem
                raise
        return self._connected

    def _timed(self, run: Callable[[], Any], what: Any) -> Any:
        connection = self._connection
        started = time.perf_counter()
        if self.dialect == "sqlite":
            self._limit_sqlite(connection, time.monotonic() + self.site.statement_seconds)
        try:
            return run()
        except SQLAlchemyError as error:
            problem = problems.explain(error, self.site.name, self.site.statement_seconds)
            if isinstance(problem, problems.SiteUnreachable):
                self._lost = problem
            elif isinstance(problem, problems.MissingTable) or "no column" in str(problem):
                self.site.layouts.forget()
            raise problem from None
        except ValueError as error:
            # SQLite keeps times as text; a malformed one is refused only when it is read.
            raise problems.SiteProblem(f"site {self.site.name} holds a malformed value: {error}") from None
        finally:
            taken = time.perf_counter() - started
            if taken > _UNCOUNTED:
                self.queries += 1
                self.seconds += taken
                if taken > self.slowest[1]:
                    self.slowest = (str(what)[:200], taken)

    def _limit_sqlite(self, connection: Connection, deadline: float) -> None:
        raw = cast("sqlite3.Connection", connection.connection.dbapi_connection)
        raw.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)

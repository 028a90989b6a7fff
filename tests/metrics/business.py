"""What the tests of the business domains share: changing a copy of the reference site, and sites that lack things."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from baken.settings import Settings
from baken.sites.bench import read_site
from baken.sites.problems import SiteProblem
from baken.sites.site import Site
from tests.conftest import FrappeSite
from tests.metrics.conftest import NOW, Subject, measure


@dataclass(frozen=True)
class Copy:
    """A copy of the reference site whose listed tables are as they were when the block ends."""

    subject: Subject
    ran: list[str] = field(default_factory=list)

    def run(self, *statements: str) -> None:
        """Run statements as Frappe would."""
        for statement in statements:
            self.ran.append(statement)
            self.subject.execute(statement)
        self.subject.site.layouts.forget()

    def value(self, metric: str, now: datetime = NOW) -> Any:
        """The only figure of a metric without labels."""
        found = self.values(metric, now)
        assert list(found) == [()], found
        return found[()]

    def values(self, metric: str, now: datetime = NOW) -> dict[Any, Any]:
        """What a metric yields: label value (or a tuple of several) -> number."""
        with self.subject.reading(now) as reading:
            return figures(measure(metric, reading))

    def problem(self, metric: str) -> str:
        """Why a metric cannot be measured."""
        with self.subject.reading() as reading:
            try:
                found = measure(metric, reading)
            except SiteProblem as problem:
                return str(problem)
        raise AssertionError(f"{metric} was measured: {found}")


@contextlib.contextmanager
def restoring(subject: Subject, reference: FrappeSite, *doctypes: str) -> Iterator[Copy]:
    """A copy to change; of `doctypes`, the tables that a statement named are brought back afterwards."""
    copy = Copy(subject)
    try:
        yield copy
    finally:
        changed = [doctype for doctype in doctypes if any(f"tab{doctype}" in statement for statement in copy.ran)]
        for doctype in changed:
            table = f"`tab{doctype}`"
            copy.run(
                f"DROP TABLE IF EXISTS {table}",
                f"CREATE TABLE {table} LIKE `{reference.database}`.{table}",
                f"INSERT INTO {table} SELECT * FROM `{reference.database}`.{table}",
            )


def figures(rows: list[tuple[Any, ...]]) -> dict[Any, Any]:
    """Yielded rows as {label value, or a tuple of none or several: number}; every label set occurs once."""
    found = {row[0] if len(row) == 2 else row[:-1]: row[-1] for row in rows}
    assert len(found) == len(rows), f"a label set occurs twice: {rows}"
    for number in found.values():
        assert type(number) in (int, float), f"{number!r} is no plain number"
    return found


@contextlib.contextmanager
def sqlite_copy(
    frappe_site: FrappeSite, database: Path, folder: Path, change: Callable[[sqlite3.Connection], None]
) -> Iterator[Copy]:
    """The reference site in SQLite after `change`."""
    file = folder / "changed.db"
    shutil.copy(database, file)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        change(connection)
        connection.commit()
    config = replace(read_site(frappe_site.bench, frappe_site.name), database_url=make_url(f"sqlite:///{file}"))
    site = Site(config, Settings())

    def execute(sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            return list(connection.execute(sql).fetchall())

    yield Copy(Subject(site, execute))


def empty_all(connection: sqlite3.Connection) -> None:
    """Remove every row but those of the Single DocTypes and of the companies."""
    for (table,) in list(connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
        if table not in ("tabSingles", "tabCompany"):
            connection.execute(f'DELETE FROM "{table}"')


def drop(*prefixes: str) -> Callable[[sqlite3.Connection], None]:
    """A change that removes every table whose DocType begins with one of `prefixes`."""

    def change(connection: sqlite3.Connection) -> None:
        for (table,) in list(connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
            if table.removeprefix("tab").startswith(prefixes):
                connection.execute(f'DROP TABLE "{table}"')

    return change

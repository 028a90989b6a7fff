"""Sites to read: the reference site in MariaDB, and the same rows as Frappe lays them out in PostgreSQL and SQLite.

`site` is shared by all tests and is left as it was found. A test that changes something takes `own_site`, a copy
in MariaDB that its module owns, and puts back what it changed (see `changed`).
"""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
from sqlalchemy import make_url

from baken.settings import Settings
from baken.sites.bench import read_site
from baken.sites.reading import Reading
from baken.sites.site import Site
from tests.conftest import FrappeSite, reference_folder
from tests.servers import MariaDB, Postgres

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
"""A moment shortly after the youngest row of the reference site."""

OWNER = "baken_site"
"""The PostgreSQL role that owns the copy, as a bench makes one for a site."""


@dataclass(frozen=True)
class Subject:
    """A site to read together with a connection that may change it, as Frappe does."""

    site: Site
    execute: Callable[..., list[tuple[Any, ...]]]

    @contextlib.contextmanager
    def reading(self, now: datetime = NOW) -> Iterator[Reading]:
        """A look at the site at `now`."""
        with self.site.reading(now) as found:
            yield found


def measure(name: str, reading: Reading) -> list[tuple[Any, ...]]:
    """What the metric called `name` yields on a reading."""
    from baken.metrics import catalogue

    found = catalogue.get(name)
    assert found is not None, f"no metric {name}"
    for doctype, fields in found.needs.items():
        reading.require(doctype, *fields)
    return list(found.measure(reading))


@pytest.fixture
def frappe_subject(frappe_site: FrappeSite) -> Iterator[Subject]:
    """The reference site, with a fresh memory, read as its own user. Leave it as it is."""
    site = Site(read_site(frappe_site.bench, frappe_site.name), Settings())
    yield Subject(site, lambda sql: frappe_site.mariadb.execute(sql, database=frappe_site.database))


@pytest.fixture
def site(frappe_subject: Subject) -> Site:
    """The reference site in MariaDB, with a fresh memory. Leave it as it is."""
    return frappe_subject.site


@pytest.fixture
def reading(site: Site) -> Iterator[Reading]:
    """A look at `site` at NOW."""
    with site.reading(NOW) as found:
        yield found


@pytest.fixture(scope="module")
def own_database(frappe_site: FrappeSite, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of a copy of the reference site's database that the test's module may change."""
    name = f"own_{request.module.__name__.rsplit('.', 1)[-1]}"
    mariadb = frappe_site.mariadb
    mariadb.create_database(name)
    with contextlib.closing(mariadb.connect(name)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SHOW TABLES FROM `{frappe_site.database}`")
        for (table,) in cursor.fetchall():
            cursor.execute(f"CREATE TABLE `{table}` LIKE `{frappe_site.database}`.`{table}`")
            cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `{frappe_site.database}`.`{table}`")
        cursor.execute(f"GRANT ALL PRIVILEGES ON `{name}`.* TO '{frappe_site.database}'@'%'")
        cursor.execute("ANALYZE TABLE `tabError Log`")
    yield name
    mariadb.execute(f"DROP DATABASE `{name}`")


@pytest.fixture
def own_site(frappe_site: FrappeSite, own_database: str) -> Iterator[Subject]:
    """A copy of the reference site that the test may change, if it puts back what it changed."""
    config = read_site(frappe_site.bench, frappe_site.name)
    config = replace(config, database_url=config.database_url.set(database=own_database))
    site = Site(config, Settings())
    yield Subject(site, lambda sql: frappe_site.mariadb.execute(sql, database=own_database))


@contextlib.contextmanager
def changed(subject: Subject, do: str | Sequence[str], undo: str | Sequence[str]) -> Iterator[None]:
    """Run `do` on the subject, and `undo` afterwards, whatever happens."""
    try:
        for statement in [do] if isinstance(do, str) else do:
            subject.execute(statement)
        yield
    finally:
        for statement in [undo] if isinstance(undo, str) else undo:
            subject.execute(statement)
        subject.site.layouts.forget()


@pytest.fixture(scope="session")
def postgres_database(frappe_site: FrappeSite, postgres: Postgres) -> str:
    """SQLAlchemy URL of the reference site's rows in PostgreSQL, owned by a role without further rights."""
    name = "frappe_site_copy"
    postgres.create_database(name)
    postgres.execute(f"DROP ROLE IF EXISTS {OWNER}")
    postgres.execute(f"CREATE ROLE {OWNER} LOGIN")
    postgres.execute(f'ALTER DATABASE "{name}" OWNER TO {OWNER}')
    connection = psycopg2.connect(host="127.0.0.1", port=postgres.port, user=OWNER, dbname=name)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        cursor.execute("ALTER DATABASE frappe_site_copy SET search_path TO public; SET search_path TO public")
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS public AUTHORIZATION {OWNER}")
        for table, columns, rows in _tables(frappe_site):
            cursor.execute(
                f'CREATE TABLE public."{table}" ('
                + ", ".join(f'"{column}" {_postgres_type(kind)}' for column, kind in columns)
                + ")"
            )
            psycopg2.extras.execute_values(
                cursor,
                f'INSERT INTO public."{table}" VALUES %s',
                [tuple(map(_plain, row)) for row in rows],
                page_size=500,
            )
        for number, (table, fields) in enumerate(_indexes(frappe_site)):
            cursor.execute(f'CREATE INDEX i{number} ON public."{table}" ({", ".join(fields)})')
    postgres.execute("ANALYZE", database=name)
    return f"postgresql+psycopg2://{OWNER}@127.0.0.1:{postgres.port}/{name}"


@pytest.fixture(scope="session")
def sqlite_database(frappe_site: FrappeSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the reference site's rows as Frappe lays them out in SQLite: times as text."""
    file = tmp_path_factory.mktemp("sqlite") / "site.db"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table, columns, rows in _tables(frappe_site):
            connection.execute(
                f'CREATE TABLE "{table}" ('
                + ", ".join(f'"{name}" {_sqlite_type(kind)}' for name, kind in columns)
                + ")"
            )
            marks = ", ".join("?" for _ in columns)
            connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', [tuple(map(_text, row)) for row in rows])
        for number, (table, fields) in enumerate(_indexes(frappe_site)):
            connection.execute(f'CREATE INDEX i{number} ON "{table}" ({", ".join(fields)})')
    return file


@pytest.fixture
def postgres_site(frappe_site: FrappeSite, postgres_database: str, postgres: Postgres) -> Iterator[Subject]:
    """The reference site in PostgreSQL. Leave it as it is."""
    config = replace(read_site(frappe_site.bench, frappe_site.name), database_url=make_url(postgres_database))
    site = Site(config, Settings())
    yield Subject(site, lambda sql: postgres.execute(sql, database="frappe_site_copy"))


@pytest.fixture
def sqlite_site(frappe_site: FrappeSite, sqlite_database: Path) -> Iterator[Subject]:
    """The reference site in SQLite. Leave it as it is."""
    url = make_url(f"sqlite:///{sqlite_database}")
    site = Site(replace(read_site(frappe_site.bench, frappe_site.name), database_url=url), Settings())

    def execute(sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(sqlite_database)) as connection, connection:
            return list(connection.execute(sql).fetchall())

    yield Subject(site, execute)


@pytest.fixture(params=["mariadb", "postgres", "sqlite"])
def any_site(request: pytest.FixtureRequest) -> Subject:
    """The reference site on each of the three databases in turn. Leave it as it is."""
    fixtures = {"mariadb": "frappe_subject", "postgres": "postgres_site", "sqlite": "sqlite_site"}
    found: Subject = request.getfixturevalue(fixtures[request.param])
    return found


def _tables(frappe_site: FrappeSite) -> Iterator[tuple[str, list[tuple[str, str]], list[tuple[Any, ...]]]]:
    mariadb: MariaDB = frappe_site.mariadb
    with contextlib.closing(mariadb.connect(frappe_site.database)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        for (table,) in list(cursor.fetchall()):
            cursor.execute(f"SHOW COLUMNS FROM `{table}`")
            columns = [(row[0], row[1]) for row in cursor.fetchall()]
            cursor.execute(f"SELECT * FROM `{table}`")
            yield table, columns, list(cursor.fetchall())


def _indexes(frappe_site: FrappeSite) -> Iterator[tuple[str, list[str]]]:
    schema: dict[str, dict[str, Any]] = json.loads((reference_folder() / "schema.json").read_text())
    present = {row[0] for row in frappe_site.mariadb.execute("SHOW TABLES", database=frappe_site.database)}
    for table, described in schema.items():
        if table in present:
            for index in described.get("indexes", []):
                yield table, [f'"{field}"' for field in index["columns"]]


def _postgres_type(kind: str) -> str:
    word = kind.split("(")[0]
    if word == "int":
        return "smallint" if kind == "int(1)" else "bigint"
    return {"datetime": "timestamp(6)", "longtext": "text", "decimal": "numeric(21,9)"}.get(word, kind)


def _sqlite_type(kind: str) -> str:
    word = kind.split("(")[0]
    return {"int": "INTEGER", "decimal": "REAL", "datetime": "DATETIME", "date": "DATE"}.get(word, "TEXT")


def _plain(value: Any) -> Any:
    # PostgreSQL refuses the character NUL in a text.
    return value.replace("\0", "") if isinstance(value, str) else value


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return value

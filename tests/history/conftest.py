"""Stores for the tests of this room: each of the three databases, empty and prepared."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, exists, literal, select, text, union_all

from baken.history import migrations
from baken.history.store import Store, open_store
from baken.history.tables import metadata

_numbers = itertools.count()
# Databases on the servers of this run that are prepared already; each test finds them empty.
_prepared: dict[str, str] = {}


def _new_url(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/store.db"
    server = request.getfixturevalue(kind)
    url: str = server.create_database(f"store_{next(_numbers)}")
    return url


@pytest.fixture(params=["sqlite", "mariadb", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    name: str = request.param
    return name


@pytest.fixture
def store_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database without tables, of each kind in turn."""
    return _new_url(kind, request, tmp_path)


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A prepared store without rows, of each kind in turn."""
    if kind == "sqlite":
        url = _new_url(kind, request, tmp_path)
    else:
        request.getfixturevalue(kind)
        if kind not in _prepared:
            _prepared[kind] = _new_url(kind, request, tmp_path)
            first = open_store(_prepared[kind])
            first.migrate()
            first.close()
        url = _prepared[kind]
    opened = open_store(url)
    if kind == "sqlite":
        opened.migrate()
    yield opened
    if kind != "sqlite":
        with opened.write() as conn:
            # Most tests leave rows in a few of the tables only: asking for those takes one statement.
            every = metadata.tables.items()
            one = literal(1)
            asked = union_all(
                *(select(literal(name)).where(exists(select(one).select_from(table))) for name, table in every)
            )
            used = set(conn.execute(asked).scalars())
            for name, table in every:
                if name in used:
                    conn.execute(delete(table))
            conn.execute(text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '{migrations.HEAD}'"))
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A prepared SQLite store, for what does not depend on the database."""
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    opened.migrate()
    yield opened
    opened.close()

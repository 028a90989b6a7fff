"""Stores for the tests of this room: each of the three databases, empty and prepared."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from baken.history.store import Store, open_store

_numbers = itertools.count()


def new_url(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty database of that kind."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/store.db"
    server = request.getfixturevalue(kind)
    url: str = server.create_database(f"store_{next(_numbers)}")
    return url


@pytest.fixture(params=["sqlite", "mariadb", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    return new_url(request.param, request, tmp_path)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A prepared store, of each kind in turn."""
    opened = open_store(store_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A prepared SQLite store, for what does not depend on the database."""
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    opened.migrate()
    yield opened
    opened.close()

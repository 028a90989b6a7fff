"""A log and a store for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from baken.history.store import Store
from tests.errors.logs import Log, store_at


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = store_at(tmp_path / "store.db")
    yield found
    found.close()

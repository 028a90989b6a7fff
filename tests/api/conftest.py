"""Stores for the tests of this room: `store` of each of the three databases in turn."""

from collections.abc import Iterator

import pytest

from tests.history.conftest import kind, store
from tests.server.world import nested

__all__ = ["kind", "store"]


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No method holds a connection to the store while it asks for another: under load all would wait for ever."""
    twice = nested(monkeypatch)
    yield
    assert twice == []

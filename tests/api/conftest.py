"""Stores for the tests of this room: `store` of each of the three databases in turn."""

from tests.history.conftest import kind, store

__all__ = ["kind", "store"]

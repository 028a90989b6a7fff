"""Stores for the tests of this room: `store` of each of the three databases in turn, `sqlite_store` of one."""

from tests.history.conftest import kind, sqlite_store, store

__all__ = ["kind", "sqlite_store", "store"]

"""Which tables and columns a site has: read from the database, never assumed."""

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Connection,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    String,
    TableClause,
    Time,
    column,
    table,
    text,
)
from sqlalchemy.types import TypeEngine

T = TypeVar("T")

_COLUMNS = {
    "mysql": "SELECT column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name = :name ORDER BY ordinal_position",
    "postgresql": "SELECT column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND table_name = :name ORDER BY ordinal_position",
    "sqlite": "SELECT name, type FROM pragma_table_info(:name)",
}
_LEADING_INDEX_COLUMNS = {
    "mysql": "SELECT DISTINCT column_name FROM information_schema.statistics "
    "WHERE table_schema = DATABASE() AND table_name = :name AND seq_in_index = 1",
    "postgresql": "SELECT DISTINCT a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] "
    "WHERE c.relname = :name AND n.nspname = current_schema()",
    "sqlite": "SELECT DISTINCT x.name FROM pragma_index_list(:name) l, pragma_index_info(l.name) x WHERE x.seqno = 0",
}

_KINDS: dict[str, TypeEngine[Any]] = {
    "datetime": DateTime(),
    "timestamp": DateTime(),
    "date": Date(),
    "time": Time(),
    "decimal": Numeric(),
    "numeric": Numeric(),
    "double": Numeric(),
    "float": Numeric(),
    "real": Numeric(),
    "int": Integer(),
    "integer": Integer(),
    "bigint": Integer(),
    "smallint": Integer(),
    "tinyint": Integer(),
    "blob": LargeBinary(),
    "longblob": LargeBinary(),
    "bytea": LargeBinary(),
}


class Layouts:
    """A site's tables, each read when it is first asked for and again after `seconds`.

    What comes back is shared between sites with the same layout, so that a thousand sites of one version take
    the memory of one.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[tuple[str, str], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def table(self, connection: Connection, name: str) -> TableClause | None:
        """The table called `name` with its columns; None when the site has no such table."""
        return self._remembered("table", name, lambda: _read_table(connection, name))

    def indexed(self, connection: Connection, name: str) -> frozenset[str]:
        """Columns that lead an index of the table `name`."""
        return self._remembered("index", name, lambda: _read_index_columns(connection, name))

    def forget(self) -> None:
        """Read every table anew: something was not as remembered."""
        with self._lock:
            self._kept.clear()

    def _remembered(self, kind: str, name: str, read: Callable[[], T]) -> T:
        key, now = (kind, name), time.monotonic()
        kept = self._kept.get(key)
        if kept is None or now - kept[0] > self._seconds:
            kept = (now, read())
            with self._lock:
                self._kept[key] = kept
        return cast("T", kept[1])


def _read_table(connection: Connection, name: str) -> TableClause | None:
    found = connection.execute(text(_COLUMNS[connection.dialect.name]), {"name": name}).all()
    return _shared(name, tuple((str(row[0]), str(row[1]).lower()) for row in found)) if found else None


def _read_index_columns(connection: Connection, name: str) -> frozenset[str]:
    query = text(_LEADING_INDEX_COLUMNS[connection.dialect.name])
    return frozenset(row[0] for row in connection.execute(query, {"name": name}))


@functools.lru_cache(maxsize=4096)
def _shared(name: str, columns: tuple[tuple[str, str], ...]) -> TableClause:
    return table(name, *(column(field, _kind(declared)) for field, declared in columns))


def _kind(declared: str) -> TypeEngine[Any]:
    word = declared.split("(")[0].split()[0] if declared else ""
    return _KINDS.get(word, String())

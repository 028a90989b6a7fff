"""Writing rows that may be there already, in the way each database offers and in few round trips."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, cast, func, select
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

Row = Mapping[str, Any]

# Rows in one statement for PostgreSQL; bounds the memory of a large import.
_PAGE = 10_000


def upsert(connection: Connection, table: Table, rows: Sequence[Row], *, key: Sequence[str] = ()) -> None:
    """Insert `rows`; a row whose `key` (default: the primary key) is there gets the new values.

    All rows have the same columns, and no two of them the same key. Rows go in the order of their key, so
    that two writers meet the same locks in the same order.
    """
    if not rows:
        return
    keys = list(key) or [column.name for column in table.primary_key]
    _insert(connection, table, rows, keys, [name for name in rows[0] if name not in keys])


def add_up(connection: Connection, table: Table, rows: Sequence[Row], column: str) -> None:
    """Insert `rows`; where the primary key is there, the number in `column` is added to what stands there.

    All rows have the same columns, and no two of them the same key.
    """
    if not rows:
        return
    keys = [each.name for each in table.primary_key]
    _insert(connection, table, rows, keys, [column], add=True)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row], *, key: Sequence[str] = ()) -> None:
    """Insert those of `rows` whose `key` (default: the primary key) is not there yet; leave the others."""
    if not rows:
        return
    keys = list(key) or [column.name for column in table.primary_key]
    _insert(connection, table, rows, keys, [])


def _insert(
    connection: Connection, table: Table, rows: Sequence[Row], keys: list[str], changed: list[str], *, add: bool = False
) -> None:
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in keys))
    dialect = connection.dialect.name
    if dialect == "postgresql":
        _insert_arrays(connection, table, ordered, keys, changed, add=add)
    elif dialect == "sqlite":
        lite = sqlite_insert(table)
        if changed:
            values = {name: _value(table, lite.excluded, name, add) for name in changed}
            lite = lite.on_conflict_do_update(index_elements=keys, set_=values)
        else:
            lite = lite.on_conflict_do_nothing(index_elements=keys)
        connection.execute(lite, ordered)
    else:
        mysql = mysql_insert(table)
        # INSERT IGNORE would also swallow values that do not fit; an update that changes nothing does not.
        changes = {name: _value(table, mysql.inserted, name, add) for name in changed}
        values = changes or {keys[0]: table.c[keys[0]]}
        connection.execute(mysql.on_duplicate_key_update(values), ordered)


def _value(table: Table, new: Any, name: str, add: bool) -> ColumnElement[Any]:
    value: ColumnElement[Any] = new[name]
    return table.c[name] + value if add else value


def _insert_arrays(
    connection: Connection, table: Table, ordered: Sequence[Row], keys: list[str], changed: list[str], *, add: bool
) -> None:
    """One statement for many rows: an array for each column. Row by row would be a round trip each."""
    names = list(ordered[0])
    columns = [
        func.unnest(cast(bindparam(name, type_=ARRAY(table.c[name].type)), ARRAY(table.c[name].type))) for name in names
    ]
    insert = postgresql_insert(table).from_select(names, select(*columns))
    if changed:
        statement = insert.on_conflict_do_update(
            index_elements=keys, set_={name: _value(table, insert.excluded, name, add) for name in changed}
        )
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    for start in range(0, len(ordered), _PAGE):
        page = ordered[start : start + _PAGE]
        connection.execute(statement, {name: [row[name] for row in page] for name in names})

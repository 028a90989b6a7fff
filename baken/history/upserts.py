"""Writing rows that may be there already, in the way each database offers."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

Row = Mapping[str, Any]


def upsert(connection: Connection, table: Table, rows: Sequence[Row], *, key: Sequence[str] = ()) -> None:
    """Insert `rows`; a row whose `key` (default: the primary key) is there gets the new values.

    All rows have the same columns, and no two of them the same key. Rows go in the order of their key, so
    that two writers meet the same locks in the same order.
    """
    if not rows:
        return
    keys = list(key) or [column.name for column in table.primary_key]
    changed = [name for name in rows[0] if name not in keys]
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in keys))
    dialect = connection.dialect.name
    if dialect == "mysql":
        mysql = mysql_insert(table)
        connection.execute(
            mysql.on_duplicate_key_update({name: mysql.inserted[name] for name in changed or keys}), ordered
        )
        return
    insert = sqlite_insert(table) if dialect == "sqlite" else postgresql_insert(table)
    if changed:
        statement = insert.on_conflict_do_update(
            index_elements=keys, set_={name: insert.excluded[name] for name in changed}
        )
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, ordered)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row], *, key: Sequence[str] = ()) -> None:
    """Insert those of `rows` whose `key` (default: the primary key) is not there yet; leave the others."""
    if not rows:
        return
    keys = list(key) or [column.name for column in table.primary_key]
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in keys))
    dialect = connection.dialect.name
    if dialect == "mysql":
        # INSERT IGNORE would also swallow values that do not fit; an update that changes nothing does not.
        connection.execute(mysql_insert(table).on_duplicate_key_update({keys[0]: table.c[keys[0]]}), ordered)
        return
    insert = sqlite_insert(table) if dialect == "sqlite" else postgresql_insert(table)
    connection.execute(insert.on_conflict_do_nothing(index_elements=keys), ordered)

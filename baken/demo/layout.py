"""The tables of a Frappe 15 site with ERPNext and verenigingen, as Frappe lays them out in SQLite.

`layout.json` holds columns, types, defaults, indexes and select options as `information_schema` and the DocType meta
of a
running site gave them. A column is written `name type`, `!` for NOT NULL, `=value` for its default.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_COLUMN = re.compile(r"(?P<name>\w+) (?P<type>\w+)(?:\((?P<size>[\d,]+)\))?(?P<required>!?)(?:=(?P<default>.*))?$")
_INDEX = re.compile(r"(?P<name>\w+)(?P<unique>!?)\((?P<columns>[\w,]+)\)$")

# SQLite keeps what it is told; these names are the ones SQLAlchemy reflects into the fitting Python types.
_TYPES = {
    "int": "INTEGER",
    "decimal": "DECIMAL(21, 9)",
    "datetime": "DATETIME",
    "date": "DATE",
    "time": "TIME",
    "text": "TEXT",
    "longtext": "TEXT",
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    declared: str
    required: bool
    default: str | None


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    unique: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableLayout:
    """One table: its DocType is the name without `tab`; `module` is empty for Frappe's raw tables."""

    name: str
    module: str
    autoname: str
    istable: bool
    submittable: bool
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]
    selects: Mapping[str, tuple[str, ...]]

    @property
    def doctype(self) -> str:
        return self.name.removeprefix("tab")


@cache
def _document() -> dict[str, Any]:
    text = Path(__file__).with_name("layout.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _column(text: str) -> Column:
    match = _COLUMN.match(text)
    if match is None:
        raise ValueError(f"layout.json: {text!r} is not a column")
    kind, size = match["type"], match["size"]
    declared = f"VARCHAR({size})" if kind == "varchar" else _TYPES[kind]
    return Column(match["name"], declared, bool(match["required"]), match["default"])


def _index(text: str) -> Index:
    match = _INDEX.match(text)
    if match is None:
        raise ValueError(f"layout.json: {text!r} is not an index")
    return Index(match["name"], bool(match["unique"]), tuple(match["columns"].split(",")))


@cache
def tables() -> Mapping[str, TableLayout]:
    """Every table of the demo site by its name in the database (`tabMember`)."""
    return {
        name: TableLayout(
            name=name,
            module=entry.get("module") or "",
            autoname=entry.get("autoname") or "",
            istable=bool(entry.get("istable")),
            submittable=bool(entry.get("submittable")),
            columns=tuple(_column(text) for text in entry["columns"].split("|")),
            indexes=tuple(_index(text) for text in entry["indexes"]),
            selects={field: tuple(options) for field, options in entry.get("selects", {}).items()},
        )
        for name, entry in _document()["tables"].items()
    }


def singles() -> list[tuple[str, str]]:
    """(DocType, module) of DocTypes kept in tabSingles: they have no table."""
    return [(name, module) for name, module in _document()["singles"]]


def virtual() -> list[tuple[str, str]]:
    """(DocType, module) of virtual DocTypes, such as RQ Job: they have no table either."""
    return [(name, module) for name, module in _document()["virtual"]]


def roles() -> list[str]:
    """The roles of such a site."""
    return list(_document()["roles"])


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """One Scheduled Job Type. Its document's name is the last two parts of `method`."""

    method: str
    frequency: str
    cron: str
    create_log: bool

    @property
    def name(self) -> str:
        return ".".join(self.method.split(".")[-2:])


@cache
def scheduled_jobs() -> tuple[ScheduledJob, ...]:
    """The scheduled jobs of Frappe, ERPNext, HRMS and verenigingen."""
    return tuple(ScheduledJob(m, frequency, cron, bool(log)) for m, frequency, cron, log in _document()["jobs"])


def _quote(name: str) -> str:
    return f'"{name}"'


def create_tables(conn: sqlite3.Connection) -> None:
    """Create all tables, without their secondary indexes: `create_indexes` after the rows is faster."""
    for table in tables().values():
        primary = next((i.columns for i in table.indexes if i.name == "PRIMARY"), ())
        parts = []
        for column in table.columns:
            text = f"{_quote(column.name)} {column.declared}"
            if column.required:
                text += " NOT NULL"
            if column.default is not None:
                text += f" DEFAULT {column.default}"
            parts.append(text)
        if primary:
            parts.append(f"PRIMARY KEY ({', '.join(map(_quote, primary))})")
        conn.execute(f"CREATE TABLE {_quote(table.name)} ({', '.join(parts)})")


def create_indexes(conn: sqlite3.Connection) -> None:
    """Create the indexes Frappe has. In SQLite an index's name is unique per database, so the table goes before it."""
    for table in tables().values():
        for index in table.indexes:
            if index.name == "PRIMARY":
                continue
            kind = "UNIQUE INDEX" if index.unique else "INDEX"
            name = _quote(f"{table.name}_{index.name}".replace(" ", "_"))
            columns = ", ".join(map(_quote, index.columns))
            conn.execute(f"CREATE {kind} {name} ON {_quote(table.name)} ({columns})")


def insert(
    conn: sqlite3.Connection,
    table: str,
    columns: str,
    rows: Iterable[Sequence[object]],
    **constants: str | int | float | None,
) -> None:
    """Insert `rows` into `table` with one prepared statement.

    `columns` are the names of a row's values, separated by blanks; `constants` are columns that are the same in
    every row.
    Columns that are neither get the table's default, as in Frappe.
    """
    names = columns.split()
    every = ", ".join(map(_quote, [*names, *constants]))
    marks = ", ".join(["?"] * len(names) + [_literal(value) for value in constants.values()])
    conn.executemany(f"INSERT INTO {_quote(table)} ({every}) VALUES ({marks})", rows)  # noqa: S608 - own names


def _literal(value: str | int | float | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)

"""Bringing a store's tables to this program's version, one process at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, table, text
from sqlalchemy.sql import column
from sqlalchemy.sql.expression import ColumnClause

from baken.history.migrations import HEAD, KNOWN, VERSION_TABLE
from baken.history.problems import StoreError, StoreUnavailable
from baken.history.tables import metadata

if TYPE_CHECKING:
    from baken.history.store import Store

_WAIT_SECONDS = 60
# Any number will do, as long as every Baken uses the same.
_ADVISORY_LOCK = 0x62616B656E


def upgrade(store: "Store", to: str = HEAD) -> None:
    """Run the migrations that `store` has not seen, under a lock. Raises StoreError and driver errors.

    `to` is where to stop: an older version for a backup of one, which is brought up to date when its rows are in.
    SQLite and PostgreSQL change everything or nothing; MariaDB commits every statement, so each migration can
    be run again after it was cut off.
    """
    with store.read() as connection:
        version = version_of(connection)
    if version == to:
        return
    if store.dialect == "mysql":
        with store.engine.connect() as connection:
            # The lock belongs to the connection, not to a transaction: DDL does not release it.
            name = "baken.migrate"
            taken = connection.execute(
                text("SELECT GET_LOCK(CONCAT(:name, DATABASE()), :wait)"), {"name": name, "wait": _WAIT_SECONDS}
            ).scalar()
            if taken != 1:
                raise StoreUnavailable(f"another process is preparing the store {store.name}; try again")
            try:
                _run(connection, store.name, to)
                connection.commit()
            finally:
                connection.execute(text("SELECT RELEASE_LOCK(CONCAT(:name, DATABASE()))"), {"name": name})
                connection.commit()
        return
    # On SQLite the transaction itself is the lock; it waits as long as another migration may take.
    engine = store.engine.execution_options(baken_write=True, baken_patience=_WAIT_SECONDS)
    with engine.begin() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        _run(connection, store.name, to)


def version_of(connection: Connection) -> str | None:
    """The version that the store's tables have, or None for a store without tables."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    number: ColumnClause[str] = column("version_num")
    return connection.execute(select(number).select_from(table(VERSION_TABLE))).scalar()


def _make(connection: Connection) -> None:
    """Make all tables of a new store, and last the mark that they are there: it can be done again after a cut."""
    metadata.create_all(connection)
    version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
    version.create(connection, checkfirst=True)
    connection.execute(insert(version).values(version_num=HEAD))


def _run(connection: Connection, name: str, to: str) -> None:
    version = version_of(connection)
    if version == to:
        return
    if version is not None and version not in KNOWN:
        raise StoreError(
            f"the store {name} was used by a newer Baken (tables {version}, this one knows {HEAD}): "
            "start the newer Baken, or give this one another store"
        )
    if version is not None and KNOWN.index(version) > KNOWN.index(to):
        raise StoreError(f"the store {name} has tables {version}, which do not go back to {to}: give an empty one")
    if version is None and to == HEAD:
        _make(connection)
        return
    # Only here: a start that finds everything in place does not pay for loading it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)

"""For how long what is remembered is kept: as the settings say, or as somebody set it on the page.

It concerns the whole installation. Also what keeping it costs, and what a shorter time would delete.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Table, func, select, text

from baken.clock import from_ms, to_ms
from baken.history import kept, tables
from baken.history.kept import EVERYWHERE, Kept
from baken.history.retention import Retention
from baken.history.store import Store
from baken.settings import Settings

NAME = "days"
"""Under which name it is kept."""

LEAST = {"raw_days": 1, "hourly_days": 1, "daily_days": 1, "audit_days": 1, "closed_days": 1}
MOST = 36_500
LAW = {"audit_days": 2557}
"""Days below which what is documented as the time of keeping is not met: the audit trail 7 years."""

# A larger file is not read through while somebody waits for it.
_MOST_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Part:
    """What one limit is about: the moment by which rows of its table are old, and what else goes with it."""

    limit: str
    moment: Column[Any]
    tables: tuple[Table, ...]


PARTS: tuple[Part, ...] = (
    Part("raw_days", tables.chunks.c.day, (tables.chunks, tables.samples, tables.error_hits)),
    Part("hourly_days", tables.hourly.c.at, (tables.hourly, tables.error_counts, tables.error_hit_days)),
    Part("daily_days", tables.daily.c.at, (tables.daily, tables.gaps, tables.error_patterns)),
    Part("audit_days", tables.audit.c.at, (tables.audit,)),
    Part("closed_days", tables.alerts.c.resolved_at, (tables.alerts, tables.alert_events, tables.outbox)),
)


def filed(settings: Settings) -> Retention:
    """As the settings say."""
    history = settings.history
    return Retention(
        history.raw_days, history.hourly_days, history.daily_days, history.audit_days, settings.alerts.closed_days
    )


def limits(conn: Connection, settings: Settings) -> Retention:
    """The limits that apply: those of the page where some were set there, else those of the settings."""
    row = row_of(conn)
    given = {} if row is None else {name: row.body[name] for name in LEAST if name in row.body}
    # A row that somebody wrote past Baken must neither stop the clean-up nor let it delete everything.
    whole = all(isinstance(days, int) and not isinstance(days, bool) for days in given.values())
    if not whole or check(given):
        given = {}
    return Retention(**{**asdict(filed(settings)), **given})


def row_of(conn: Connection) -> Kept | None:
    """What was set on the page, or None."""
    return kept.find(conn, "retention", EVERYWHERE, NAME)


def check(given: Mapping[str, int]) -> list[tuple[str, str]]:
    """What is wrong with limits in days: (name, text)."""
    wrong = [(name, f"there is no limit {name}") for name in given if name not in LEAST]
    wrong += [
        (name, f"it is a number of days from {LEAST[name]} to {MOST}")
        for name, days in given.items()
        if name in LEAST and not LEAST[name] <= days <= MOST
    ]
    if not wrong and given.get("hourly_days", MOST) < given.get("raw_days", 0):
        wrong.append(("hourly_days", "hourly figures are kept at least as long as every single sample"))
    if not wrong and given.get("daily_days", MOST) < given.get("hourly_days", 0):
        wrong.append(("daily_days", "daily figures are kept at least as long as hourly ones"))
    return wrong


def deleted(store: Store, now: datetime, new: Retention) -> dict[str, dict[str, Any]]:
    """What these limits would delete: by limit, {rows, oldest}; only limits by which something goes."""
    found: dict[str, dict[str, Any]] = {}
    with store.read() as conn:
        for part in PARTS:
            days = getattr(new, part.limit)
            before = to_ms(now - timedelta(days=days))
            rows, oldest = conn.execute(select(func.count(), func.min(part.moment)).where(part.moment < before)).one()
            if rows:
                found[part.limit] = {"rows": int(rows), "oldest": from_ms(oldest)}
    return found


def costs(store: Store) -> dict[str, dict[str, Any]]:
    """What keeping costs: by limit, {rows, bytes (or None), oldest (or None), why (of a None)}.

    Rows of packed days are days of a series, not samples. Raises StoreError.
    """
    sizes, why = _sizes(store)
    found: dict[str, dict[str, Any]] = {}
    with store.read() as conn:
        for part in PARTS:
            oldest = conn.execute(select(func.min(part.moment))).scalar()
            found[part.limit] = {
                "rows": sum(_rows(conn, table) for table in part.tables),
                "bytes": None if why else sum(sizes.get(table.name, 0) for table in part.tables),
                "oldest": None if oldest is None else from_ms(oldest),
                "why": why,
            }
    return found


def _rows(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def _sizes(store: Store) -> tuple[dict[str, int], str | None]:
    """Bytes by table with its indexes, or why they are not known."""
    if store.dialect == "sqlite":
        return _sqlite_sizes(store)
    return _asked(store, _POSTGRES if store.dialect == "postgresql" else _MARIADB), None


_POSTGRES = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' "
    "AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
)
_MARIADB = (
    "SELECT table_name, data_length + index_length FROM information_schema.tables WHERE table_schema = DATABASE()"
)
_SQLITE = (
    "SELECT m.tbl_name, SUM(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name "
    "WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
)


def _asked(store: Store, statement: str) -> dict[str, int]:
    with store.read() as conn:
        return {str(name): int(size or 0) for name, size in conn.execute(text(statement))}


def _sqlite_sizes(store: Store) -> tuple[dict[str, int], str | None]:
    if store.size_bytes() > _MOST_BYTES:
        return {}, "the store's file is too large to be measured table by table while you wait"
    with store.read() as conn:
        known = conn.exec_driver_sql("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'").scalar()
    if not known:
        return {}, "this SQLite was built without the table that tells sizes"
    return _asked(store, _SQLITE), None

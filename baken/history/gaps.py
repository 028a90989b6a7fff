"""Gaps: stretches of time in which nobody measured, with the reason. A missed run is never drawn as a figure."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from baken.clock import from_ms, to_ms
from baken.history import tables
from baken.history.upserts import upsert


@dataclass(frozen=True, slots=True)
class Gap:
    """From `starts` (included) to `ends` (excluded) nothing was measured."""

    starts: datetime
    ends: datetime
    reason: str


def record_gap(conn: Connection, site: str, starts: datetime, ends: datetime, reason: str) -> None:
    """Note a gap; one that started at the same moment gets the new end and reason."""
    row = {"site": site, "starts": to_ms(starts), "ends": to_ms(ends), "reason": reason[:4000]}
    upsert(conn, tables.gaps, [row], key=("site", "starts"))


def gaps(conn: Connection, site: str, start: datetime, end: datetime) -> list[Gap]:
    """The gaps of `site` that touch [start, end), oldest first."""
    table = tables.gaps.c
    rows = conn.execute(
        select(table.starts, table.ends, table.reason)
        .where(table.site == site, table.starts < to_ms(end), table.ends > to_ms(start))
        .order_by(table.starts)
    )
    return [Gap(from_ms(row.starts), from_ms(row.ends), row.reason) for row in rows]

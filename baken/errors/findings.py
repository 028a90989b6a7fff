"""What the reading of errors brought to light beside the errors: credentials, lost errors, sources that fail."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from baken.clock import from_ms, iso, to_ms
from baken.errors.event import SOURCES
from baken.errors.looked import look
from baken.history.tables import error_echoes, error_findings, error_patterns

SILENT = timedelta(minutes=10)
"""A source that was not read for so long is behind."""

_ADVICE = (
    "replace it: whoever may read the Error Log has it. Then delete the rows, and upgrade Frappe or keep it out of "
    "what is logged."
)
_LOST = (
    "Frappe could not file it, mostly because its title is longer than 140 characters: shorten the title where "
    "frappe.log_error is called; Baken counts it from the log file."
)


def found(conn: Connection, site: str, now: datetime) -> dict[str, Any]:
    """Everything that was found, the newest first.

    Returns leaks and lost: kind, label, pattern (id, or None when it is not known), template, count, first_seen,
    last_seen, advice; and sources: source, state ("ok", "absent" or "behind"), read_at, detail, events_24h (None when
    it is not known).
    """
    return {"leaks": leaks(conn, site), "lost": _rows(conn, site, "lost"), "sources": sources(conn, site, now)}


def leaks(conn: Connection, site: str) -> list[dict[str, Any]]:
    """Kinds of credentials that stand in the site's errors, per pattern, the newest first."""
    return _rows(conn, site, "leak")


def _rows(conn: Connection, site: str, kind: str) -> list[dict[str, Any]]:
    table, pattern = error_findings, error_patterns
    query = (
        select(table.c.key, table.c.first_seen, table.c.last_seen, table.c.count, table.c.detail, pattern.c.id,
               pattern.c.template, pattern.c.merged_into)
        .join_from(table, pattern, pattern.c.number == table.c.pattern, isouter=True)
        .where(table.c.site == site, table.c.kind == kind)
        .order_by(table.c.last_seen.desc(), table.c.key)
    )  # fmt: skip
    rows = conn.execute(query).all()
    heads = _heads(conn, site, {row.merged_into for row in rows if row.merged_into is not None})
    out = []
    for row in rows:
        detail: Mapping[str, Any] = json.loads(row.detail)
        name = str(detail.get("kind") or row.key.partition(":")[0])
        out.append(
            {
                "kind": name,
                "label": str(detail.get("label") or name.replace("_", " ")),
                "pattern": heads.get(row.merged_into, row.id),
                "template": row.template,
                "count": row.count,
                "first_seen": iso(from_ms(row.first_seen)),
                "last_seen": iso(from_ms(row.last_seen)),
                "advice": str(detail.get("advice") or (_ADVICE if kind == "leak" else _LOST)),
            }
        )
    return out


def _heads(conn: Connection, site: str, numbers: set[int]) -> dict[int | None, str]:
    if not numbers:
        return {}
    table = error_patterns
    query = select(table.c.number, table.c.id).where(table.c.site == site, table.c.number.in_(sorted(numbers)))
    return {row.number: row.id for row in conn.execute(query)}


def sources(conn: Connection, site: str, now: datetime) -> list[dict[str, Any]]:
    """Where errors come from, and whether they still do, in the order of `event.SOURCES`."""
    counted = _events(conn, site, now)
    out = []
    for each in look(conn, site).sources:
        state, detail = "ok", None
        if each.absent:
            state, detail = "absent", each.absent
        elif each.read_at is None:
            state, detail = "absent", "it has not been read yet"
        elif each.behind:
            state, detail = "behind", f"still being read; read up to {each.until}"
        elif now - each.read_at > SILENT:
            state, detail = "behind", f"last read {iso(each.read_at)}; check that the collector runs"
        out.append(
            {
                "source": each.source,
                "state": state,
                "read_at": iso(each.read_at),
                "detail": detail,
                "events_24h": counted.get(each.source, 0) if counted is not None else None,
            }
        )
    known = {each["source"] for each in out}
    for name in SOURCES:
        if name not in known:
            out.append(
                {"source": name, "state": "absent", "read_at": None, "detail": "it has not been read yet",
                 "events_24h": None}
            )  # fmt: skip
    return out


def _events(conn: Connection, site: str, now: datetime) -> dict[str, int] | None:
    """Errors of the last day by the source that showed them first; None where that is not written down."""
    table = error_echoes
    query = (
        select(table.c.source, func.count())
        .where(table.c.site == site, table.c.at >= to_ms(now - timedelta(hours=24)))
        .group_by(table.c.source)
    )
    counted: dict[str, int] = {row[0]: row[1] for row in conn.execute(query)}
    return counted or None

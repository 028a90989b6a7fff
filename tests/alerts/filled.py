"""Alerts, their trail and their notifications in a store, written as rows without the engine that makes them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert

from baken.clock import to_ms
from baken.history.series import labels_text
from baken.history.tables import alert_events, alerts, outbox

SITE = "leden.example"
OTHER = "ander.example"
NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def alert_row(**given: Any) -> dict[str, Any]:
    """A row of `alerts`; moments are datetimes, `labels`, `texts` and `details` mappings. Open unless it says else."""
    fired = given.get("fired", NOW - HOUR)
    status = given.get("status", "Active")
    rule, site = given.get("rule", "HIGH_ERROR_RATE"), given.get("site", SITE)
    title = given.pop("title", "Many errors")
    labels: Mapping[str, str] = given.pop("labels", {})
    key = f"{rule}|{site}|{labels_text(tuple(sorted(labels.items())))}"[-32:]
    resolved = given.get("resolved_at", fired + 30 * MINUTE if status == "Resolved" else None)
    row: dict[str, Any] = {
        "site": site,
        "rule": rule,
        "key": key,
        "open_key": None if status == "Resolved" else key,
        "labels": labels_text(tuple(sorted(labels.items()))),
        "severity": "HIGH",
        "area": "errors",
        "status": status,
        "began": fired - 5 * MINUTE,
        "fired": fired,
        "last_seen": fired,
        "occurrences": 1,
        "value": 12.0,
        "step": 1,
        "step_due": None,
        "suppressed": None,
        "told": True,
        "flapping": False,
        "assigned_to": "",
        "acknowledged_at": None,
        "acknowledged_by": "",
        "resolved_at": resolved,
        "resolved_by": "",
        "feedback": "",
        "texts": json.dumps({"title": {"en": title, "nl": f"{title} (nl)"}}),
        "details": json.dumps(given.pop("details", {})),
    }
    return _stored(row | given)


def put(conn: Connection, *rows: Mapping[str, Any]) -> list[int]:
    """Insert rows of `alert_row`; returns their numbers."""
    return [_insert(conn, alerts, row) for row in rows]


def put_many(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert many rows of `alert_row` at once."""
    conn.execute(insert(alerts), rows)


def put_event(conn: Connection, alert: int, kind: str, at: datetime, user: str = "") -> int:
    """A line of an alert's trail."""
    row = {"alert": alert, "at": to_ms(at), "kind": kind, "user": user, "text": "", "detail": "{}"}
    return _insert(conn, alert_events, row)


def outbox_row(key: str, **given: Any) -> dict[str, Any]:
    """A row of `outbox`; waiting unless it says else."""
    created = given.get("created", NOW - HOUR)
    row: dict[str, Any] = {
        "key": key,
        "site": SITE,
        "kind": "alert",
        "alert": None,
        "event": None,
        "channel": "mail",
        "recipient": "els",
        "severity": "HIGH",
        "created": created,
        "due": created,
        "state": "waiting",
        "held": "",
        "holder": None,
        "leased_until": None,
        "attempts": 0,
        "sent_at": None,
        "message": "",
        "problem": "",
        "body": "{}",
    }
    return _stored(row | given)


def put_outbox(conn: Connection, *rows: Mapping[str, Any]) -> None:
    """Insert rows of `outbox_row`."""
    conn.execute(insert(outbox), [dict(row) for row in rows])


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    return {name: to_ms(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _insert(conn: Connection, table: Table, row: Mapping[str, Any]) -> int:
    key = conn.execute(insert(table).values(**row)).inserted_primary_key
    assert key is not None
    return int(key[0])

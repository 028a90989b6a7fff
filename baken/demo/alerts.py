"""The System Alerts that the site raised itself."""

import json
import sqlite3
from datetime import timedelta

from baken.demo.layout import insert
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import World

_ALERTS = (
    ("HIGH_ERROR_RATE", "CRITICAL", "High error rate detected: {n} errors in the last hour", (21, 130)),
    ("STUCK_DUES_SCHEDULES", "MEDIUM", "Found {n} dues schedules that appear stuck", (8, 19)),
    ("SEPA_COMPLIANCE", "HIGH", "SEPA compliance issues detected: {n} failed processes", (6, 40)),
    ("HIGH_JOB_QUEUE", "MEDIUM", "High background job queue: {n} jobs pending", (31, 75)),
    ("ORPHANED_PAYMENTS", "MEDIUM", "Found {n} payment entries without proper references", (9, 30)),
    ("DATA_QUALITY_ISSUE", "LOW", "Found {n} active members without customer records", (10, 24)),
)


def write_alerts(world: World, conn: sqlite3.Connection) -> None:
    """Insert the site's own System Alerts: most resolved, the last few still open."""
    rng = world.stream("alerts")
    moments = sorted(world.now - timedelta(days=90 * rng.random() ** 1.3, hours=0.3) for _ in range(64))
    rows: list[tuple[object, ...]] = []
    for place, moment in enumerate(moments):
        kind, severity, message, bounds = rng.choice(_ALERTS)
        status = "Resolved" if place < 58 else ("Acknowledged", "Active", "Active")[place % 3]
        raised = stamp(local(moment))
        solved = stamp(local(min(moment + timedelta(hours=rng.uniform(0.5, 30)), world.now)))
        n = rng.randint(*bounds)
        rows.append(
            (
                document_name(rng),
                raised,
                solved if status != "Active" else raised,
                kind,
                severity,
                message.format(n=n),
                status,
                raised,
                json.dumps({"n": n}),
                "board@example.test" if status == "Acknowledged" else None,
                solved if status == "Acknowledged" else None,
                "admin@example.test" if status == "Resolved" else None,
                solved if status == "Resolved" else None,
            )
        )
    insert(
        conn,
        "tabSystem Alert",
        "name creation modified alert_type severity message status timestamp details acknowledged_by acknowledged_at "
        "resolved_by resolved_at",
        rows,
        owner="Administrator",
        modified_by="Administrator",
        source="alert_manager",
    )

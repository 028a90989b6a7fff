"""The SEPA Audit Log: what happened to mandates, batches and payments."""

import random
import sqlite3
from datetime import datetime, timedelta

from baken.demo.layout import insert
from baken.demo.rhythm import stamp
from baken.demo.world import STAFF, World


def _verdict(rng: random.Random) -> str:
    draw = rng.random()
    return "Compliant" if draw < 0.93 else "Exception" if draw < 0.965 else "Pending Review"


def write_audit(world: World, conn: sqlite3.Connection) -> None:
    """Insert the SEPA Audit Log of three years, from the mandates, batches and payments that are there."""
    rng = world.stream("audit")
    events: list[tuple[str, str, str, str, str, str | None, str]] = []
    for name, created, modified, status in conn.execute(
        'SELECT name, creation, modified, status FROM "tabSEPA Mandate" ORDER BY name'
    ).fetchall():
        events.append((created, "Mandate Creation", "mandate_created", _verdict(rng), "SEPA Mandate", name, STAFF[1]))
        if status == "Cancelled":
            events.append(
                (modified, "Mandate Creation", "mandate_cancelled", _verdict(rng), "SEPA Mandate", name, STAFF[1])
            )
        elif rng.random() < 0.04:
            failed = ("Mandate Creation", "mandate_creation_failed", "Failed")
            events.append((created, *failed, "SEPA Mandate", name, STAFF[1]))
    for name, created, generated, modified, status in conn.execute(
        'SELECT name, creation, sepa_generation_date, modified, status FROM "tabDirect Debit Batch" ORDER BY name'
    ).fetchall():
        batch = ("Direct Debit Batch", name, STAFF[1])
        events.append((created, "Batch Generation", "batch_validated", _verdict(rng), *batch))
        if generated:
            events.append((generated, "Batch Generation", "batch_generated", _verdict(rng), *batch))
        if status == "Failed":
            events.append((modified, "Bank Submission", "file_rejected", "Failed", *batch))
        elif status in ("Submitted", "Processed"):
            sent = datetime.fromisoformat(created) + timedelta(hours=25)
            events.append((stamp(sent), "Bank Submission", "file_submitted", _verdict(rng), *batch))
            events.append((stamp(sent + timedelta(hours=2)), "Bank Submission", "file_accepted", _verdict(rng), *batch))
    for created, name in conn.execute(
        "SELECT creation, name FROM \"tabPayment Entry\" WHERE mode_of_payment = 'Direct Debit' AND docstatus = 1 "
        "AND creation > ? ORDER BY name",
        (stamp(world.here - timedelta(days=365)),),
    ).fetchall():
        events.append(
            (
                created,
                "Payment Processing",
                "processing_completed",
                _verdict(rng),
                "Payment Entry",
                name,
                "Administrator",
            )
        )
    for modified, invoice in conn.execute(
        "SELECT modified, invoice FROM \"tabDirect Debit Batch Invoice\" WHERE status = 'Failed' "
        "ORDER BY modified, name"
    ).fetchall():
        events.append(
            (modified, "Payment Processing", "payment_returned", "Failed", "Sales Invoice", invoice, "Administrator")
        )
    events.sort()
    rows = []
    for at, process, action, verdict, doctype, name, user in events:
        event = f"{rng.getrandbits(48):012x}"
        rows.append(
            (
                event,
                at,
                at,
                user,
                event,
                at,
                process,
                action,
                process,
                verdict,
                doctype,
                name,
                user,
                f"{rng.getrandbits(40):010x}",
            )
        )
    insert(
        conn,
        "tabSEPA Audit Log",
        "name creation modified owner event_id timestamp process_type action entity_name compliance_status "
        "reference_doctype reference_name user trace_id",
        rows,
        modified_by="Administrator",
        sensitive_data=1,
        details='{"source": "sepa"}',
    )

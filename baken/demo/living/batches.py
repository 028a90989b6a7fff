"""Direct debit batches are made, sent and answered by the bank."""

from datetime import datetime, timedelta

from baken.demo import mishaps
from baken.demo.layout import insert
from baken.demo.living import money
from baken.demo.living.stage import Stage
from baken.demo.money import RETURNS
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import STAFF

# When the dues of the month are collected, and what the bank returned is tried again.
_COLLECTING_DAYS = (12, 27, 28, 29)


def start_batch(stage: Stage, now: datetime) -> None:
    """The treasurer puts open invoices of members with a mandate into a new batch."""
    here = local(now)
    collecting = here.day in _COLLECTING_DAYS
    if not collecting and stage.rng.random() > 0.1:
        return
    rows = stage.conn.execute(
        "SELECT i.name, i.outstanding_amount, i.membership, i.member, i.title, m.iban, m.bic, m.mandate_id "
        'FROM "tabSales Invoice" i JOIN "tabSEPA Mandate" m ON m.member = i.member AND m.status = \'Active\' '
        "WHERE i.modified > ? AND i.docstatus = 1 AND i.outstanding_amount > 0 AND NOT EXISTS "
        '(SELECT 1 FROM "tabDirect Debit Batch Invoice" l WHERE l.invoice = i.name AND l.creation > ?) LIMIT ?',
        (stamp(here - timedelta(days=45)), stamp(here - timedelta(days=2)), 600 if collecting else 25),
    ).fetchall()
    if len(rows) < 2:
        return
    stage.number += 1
    name = f"BATCH-{here:%y-%m}-L{stage.number}"
    when = stamp(here)
    insert(
        stage.conn,
        "tabDirect Debit Batch",
        "name creation modified batch_date batch_description total_amount entry_count",
        [
            (
                name,
                when,
                when,
                (here.date() + timedelta(days=1)).isoformat(),
                f"Incasso {here:%d-%m-%Y %H:%M}",
                round(sum(row[1] for row in rows), 2),
                len(rows),
            )
        ],
        owner=STAFF[1],
        modified_by=STAFF[1],
        status="Draft",
        batch_type="RCUR",
        currency="EUR",
        validation_status="Passed",
    )
    insert(
        stage.conn,
        "tabDirect Debit Batch Invoice",
        "name creation modified idx invoice amount membership member member_name iban bic mandate_reference parent",
        [(document_name(stage.rng), when, when, i, *row, name) for i, row in enumerate(rows, start=1)],
        owner=STAFF[1],
        modified_by=STAFF[1],
        status="Pending",
        currency="EUR",
        parentfield="invoices",
        parenttype="Direct Debit Batch",
    )
    stage.audit(now, "Batch Generation", "batch_validated", "Direct Debit Batch", name)
    stage.cast.batches = [*stage.cast.batches[-200:], name]


def move_batch(stage: Stage, now: datetime) -> None:
    """A batch that this life started gets one step further; one in seven the bank refuses."""
    found = stage.pick(
        "SELECT name, status FROM \"tabDirect Debit Batch\" WHERE name LIKE 'BATCH-%-L%' "
        "AND modified > ? AND status IN ('Draft', 'Generated', 'Submitted') ORDER BY creation LIMIT 3",
        stamp(local(now) - timedelta(days=3)),
    )
    if found is None:
        return
    name, status = str(found[0]), str(found[1])
    when = stamp(local(now))
    if status == "Submitted":
        _answer(stage, name, now)
        following = "Processed"
    elif status == "Draft":
        following = "Generated"
        stage.audit(now, "Batch Generation", "batch_generated", "Direct Debit Batch", name)
        stage.queues.enqueue(
            "verenigingen.verenigingen_payments.doctype.direct_debit_batch.direct_debit_batch.generate_sepa_xml",
            "long",
            now,
            stage.rng.uniform(4, 25),
        )
    elif stage.rng.random() < 0.15:
        following = "Failed"
        stage.audit(now, "Bank Submission", "file_rejected", "Direct Debit Batch", name, "Failed")
        stage.error(mishaps.BY_KEY["bank_unreachable"], now)
    else:
        following = "Submitted"
        stage.audit(now, "Bank Submission", "file_submitted", "Direct Debit Batch", name)
    stage.conn.execute(
        'UPDATE "tabDirect Debit Batch" SET status = ?, docstatus = 1, modified = ?, '
        "sepa_file_generated = 1, sepa_generation_date = COALESCE(sepa_generation_date, ?) WHERE name = ?",
        (following, when, when, name),
    )


def _answer(stage: Stage, batch: str, now: datetime) -> None:
    when = stamp(local(now))
    for line, invoice in stage.conn.execute(
        'SELECT name, invoice FROM "tabDirect Debit Batch Invoice" WHERE parent = ? ORDER BY idx', (batch,)
    ).fetchall():
        status, code, text = "Successful", None, None
        row = stage.conn.execute(
            "SELECT name, customer, customer_name, outstanding_amount, grand_total, due_date, member "
            'FROM "tabSales Invoice" WHERE name = ? AND outstanding_amount > 0',
            (invoice,),
        ).fetchone()
        if stage.rng.random() < 0.06:
            status = "Failed"
            code, text, _ = stage.rng.choices(RETURNS, [share for _, _, share in RETURNS])[0]
            stage.audit(now, "Payment Processing", "payment_returned", "Sales Invoice", invoice, "Failed")
        elif row is not None:
            money.settle(stage, row, now, draft=False, batch=batch)
        stage.conn.execute(
            'UPDATE "tabDirect Debit Batch Invoice" SET status = ?, result_code = ?, result_message = ?, '
            "docstatus = 1, modified = ? WHERE name = ?",
            (status, code, text, when, line),
        )

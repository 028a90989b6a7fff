"""Write direct debit batches with their lines, the use of mandates, and retries."""

import random
import sqlite3
from datetime import timedelta

from baken.demo.layout import insert
from baken.demo.money import Books
from baken.demo.rhythm import document_name, stamp
from baken.demo.world import World


def write_batches(world: World, books: Books, rng: random.Random, conn: sqlite3.Connection) -> None:
    rows: list[tuple[object, ...]] = []
    lines: list[tuple[object, ...]] = []
    usage: list[tuple[object, ...]] = []
    for b in books.batches:
        rows.append(
            (
                b.name,
                stamp(b.created),
                stamp(b.changed or b.created),
                0 if b.status == "Draft" else 1,
                b.date.isoformat(),
                b.description,
                b.kind,
                round(sum(line.invoice.amount for line in b.lines), 2),
                len(b.lines),
                b.status,
                "Critical Errors" if b.trouble else "Passed",
                b.trouble or None,
                int(b.generated is not None),
                f"/private/files/sepa-{b.name}.xml" if b.generated else None,
                f"DB-{b.name}" if b.generated else None,
                stamp(b.generated) if b.generated else None,
            )
        )
        for number, line in enumerate(b.lines, start=1):
            i, m = line.invoice, line.invoice.life
            lines.append(
                (
                    document_name(rng),
                    stamp(b.created),
                    stamp(line.changed),
                    0 if b.status == "Draft" else 1,
                    number,
                    i.name,
                    m.membership,
                    m.name,
                    m.person.full,
                    i.amount,
                    m.person.iban,
                    m.person.bic,
                    m.mandate_id,
                    line.status,
                    line.code or None,
                    line.text or None,
                    b.name,
                )
            )
            if b.status in ("Submitted", "Processed"):
                status = {"Successful": "Collected", "Failed": "Returned"}.get(line.status, "Processing")
                usage.append(
                    (
                        document_name(rng),
                        stamp(b.created),
                        stamp(line.changed),
                        b.date.isoformat(),
                        i.name,
                        b.kind,
                        b.name,
                        i.amount,
                        status,
                        line.code or None,
                        m.mandate,
                    )
                )
    insert(
        conn,
        "tabDirect Debit Batch",
        "name creation modified docstatus batch_date batch_description batch_type total_amount entry_count status "
        "validation_status validation_errors sepa_file_generated sepa_file sepa_message_id sepa_generation_date",
        rows,
        owner="board@example.test",
        modified_by="board@example.test",
        currency="EUR",
    )
    insert(
        conn,
        "tabDirect Debit Batch Invoice",
        "name creation modified docstatus idx invoice membership member member_name amount iban bic mandate_reference "
        "status result_code result_message parent",
        lines,
        owner="board@example.test",
        modified_by="Administrator",
        currency="EUR",
        parentfield="invoices",
        parenttype="Direct Debit Batch",
    )
    insert(
        conn,
        "tabSEPA Mandate Usage",
        "name creation modified usage_date reference_name sequence_type batch_reference amount status failure_reason "
        "parent",
        usage,
        owner="Administrator",
        modified_by="Administrator",
        reference_doctype="Sales Invoice",
        idx=1,
        parentfield="usage_history",
        parenttype="SEPA Mandate",
    )


def write_retries(world: World, books: Books, rng: random.Random, conn: sqlite3.Connection) -> None:
    recent = [r for r in books.retries if r.at > world.here - timedelta(days=365)]
    insert(
        conn,
        "tabSEPA Payment Retry",
        "name creation modified invoice membership member original_amount status retry_count next_retry_date "
        "last_failure_reason last_failure_message escalated_on",
        [
            (
                document_name(rng),
                stamp(r.at),
                stamp(r.changed),
                r.line.invoice.name,
                r.line.invoice.life.membership,
                r.line.invoice.life.name,
                r.line.invoice.amount,
                r.status,
                r.count,
                r.upcoming.isoformat() if r.upcoming and r.status == "Scheduled" else None,
                r.line.code,
                r.line.text,
                stamp(r.changed) if r.status == "Escalated" else None,
            )
            for r in recent
        ],
        owner="Administrator",
        modified_by="Administrator",
    )

"""Invoices are made and paid."""

from datetime import date, datetime, timedelta

from baken.demo import rhythm
from baken.demo.layout import insert
from baken.demo.living.stage import Stage
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import ABBREVIATION, COMPANY

_DUES_PER_STEP = 60


def bill(stage: Stage, now: datetime) -> None:
    """An invoice that is not dues: a donation, an event."""
    found = stage.pick(
        "SELECT name FROM tabMember WHERE status = 'Active' AND customer IS NOT NULL ORDER BY modified DESC LIMIT 600"
    )
    if found is not None:
        invoice(stage, str(found[0]), now, stage.rng.choice((7.5, 12.5, 15.0, 25.0, 40.0)))


def invoice(stage: Stage, member: str, now: datetime, amount: float) -> None:
    here = local(now)
    row = stage.conn.execute(
        "SELECT full_name, customer, email, current_membership_details FROM tabMember WHERE name = ?", (member,)
    ).fetchone()
    if row is None or row[1] is None:
        return
    stage.number += 1
    name = f"ACC-SINV-{here.year}-L{stage.number}"
    when, due = stamp(here), (here.date() + timedelta(days=14)).isoformat()
    insert(
        stage.conn,
        "tabSales Invoice",
        "name creation modified title customer customer_name posting_date posting_time due_date total net_total "
        "base_total base_net_total base_grand_total grand_total rounded_total outstanding_amount member membership "
        "contact_email",
        [
            (
                name,
                when,
                when,
                row[0],
                row[1],
                row[0],
                when[:10],
                when[11:],
                due,
                *[amount] * 8,
                member,
                row[3],
                row[2],
            )
        ],
        owner="Administrator",
        modified_by="Administrator",
        docstatus=1,
        status="Unpaid",
        company=COMPANY,
        naming_series="ACC-SINV-.YYYY.-",
        currency="EUR",
        conversion_rate=1,
        debit_to=f"Debtors - {ABBREVIATION}",
        party_account_currency="EUR",
        total_qty=1,
        is_membership_invoice=1,
        is_opening="No",
    )
    stage.cast.invoices = [*stage.cast.invoices[-2000:], name]
    stage.mail_to(str(row[2]), here)


def pay(stage: Stage, now: datetime) -> None:
    """Somebody pays an open invoice; now and then the payment waits to be submitted."""
    found = stage.pick(
        "SELECT name, customer, customer_name, outstanding_amount, grand_total, due_date, member "
        'FROM "tabSales Invoice" WHERE modified > ? AND docstatus = 1 AND outstanding_amount > 0 '
        "ORDER BY modified DESC LIMIT 60",
        stamp(local(now) - timedelta(days=60)),
    )
    if found is None:
        return
    settle(stage, found, now, draft=stage.rng.random() < 0.08, batch=None)


def settle(stage: Stage, invoice: tuple[object, ...], now: datetime, *, draft: bool, batch: str | None) -> None:
    name, customer, title, amount, total, due, _ = invoice
    here = local(now)
    when, day = stamp(here), here.date().isoformat()
    stage.number += 1
    entry = f"ACC-PAY-{here.year}-L{stage.number}"
    reference = None if stage.rng.random() < 0.02 else f"{'SEPA' if batch else 'NL'}{stage.rng.randrange(10**11):011d}"
    mode = "Direct Debit" if batch else "Wire Transfer"
    insert(
        stage.conn,
        "tabPayment Entry",
        "name creation modified docstatus status posting_date party party_name mode_of_payment paid_amount "
        "base_paid_amount received_amount base_received_amount total_allocated_amount reference_no reference_date "
        "title custom_sepa_batch",
        [
            (
                entry,
                when,
                when,
                0 if draft else 1,
                "Draft" if draft else "Submitted",
                day,
                customer,
                title,
                mode,
                amount,
                amount,
                amount,
                amount,
                amount,
                reference,
                day if reference else None,
                title,
                batch,
            )
        ],
        owner="Administrator",
        modified_by="Administrator",
        company=COMPANY,
        naming_series="ACC-PAY-.YYYY.-",
        payment_type="Receive",
        party_type="Customer",
        paid_from=f"Debtors - {ABBREVIATION}",
        paid_to=f"Bank Nergens - {ABBREVIATION}",
        source_exchange_rate=1,
        target_exchange_rate=1,
    )
    insert(
        stage.conn,
        "tabPayment Entry Reference",
        "name creation modified docstatus reference_name due_date total_amount outstanding_amount allocated_amount "
        "parent",
        [(document_name(stage.rng), when, when, 0 if draft else 1, name, due, total, 0, amount, entry)],
        owner="Administrator",
        modified_by="Administrator",
        idx=1,
        reference_doctype="Sales Invoice",
        exchange_rate=1,
        parentfield="references",
        parenttype="Payment Entry",
    )
    stage.cast.payments = [*stage.cast.payments[-2000:], entry]
    if draft:
        return
    _close(stage, str(name), when)
    stage.audit(now, "Payment Processing", "processing_completed", "Payment Entry", entry)
    stage.queues.enqueue(
        "verenigingen.utils.background_jobs.execute_member_payment_history_update",
        "short",
        now,
        stage.rng.uniform(0.4, 6),
    )


def _close(stage: Stage, invoice: str, when: str) -> None:
    stage.conn.execute(
        "UPDATE \"tabSales Invoice\" SET status = 'Paid', outstanding_amount = 0, modified = ? WHERE name = ?",
        (when, invoice),
    )


def submit_draft(stage: Stage, now: datetime) -> None:
    """The treasurer submits a payment that waited, if its invoice is still open."""
    found = stage.pick(
        'SELECT p.name, r.reference_name, r.allocated_amount FROM "tabPayment Entry" p '
        'JOIN "tabPayment Entry Reference" r ON r.parent = p.name '
        "WHERE p.modified > ? AND p.docstatus = 0 AND p.modified < ? LIMIT 30",
        stamp(local(now) - timedelta(days=30)),
        stamp(local(now) - timedelta(minutes=4)),
    )
    if found is None:
        return
    when = stamp(local(now))
    open_amount = stage.one(
        'SELECT outstanding_amount FROM "tabSales Invoice" WHERE name = ? AND docstatus = 1', found[1]
    )
    accepted = open_amount == found[2]
    docstatus, status = (1, "Submitted") if accepted else (2, "Cancelled")
    stage.conn.execute(
        'UPDATE "tabPayment Entry" SET docstatus = ?, status = ?, modified = ? WHERE name = ?',
        (docstatus, status, when, found[0]),
    )
    stage.conn.execute(
        'UPDATE "tabPayment Entry Reference" SET docstatus = ?, modified = ? WHERE parent = ?',
        (docstatus, when, found[0]),
    )
    if accepted:
        _close(stage, str(found[1]), when)


def invoice_dues(stage: Stage, now: datetime) -> None:
    """The dues run: on the 25th the schedules that are due are invoiced, some at each step; the stuck ones stay
    stuck.
    """
    today = local(now).date()
    due = stage.conn.execute(
        "SELECT s.name, s.member, s.dues_rate, s.billing_frequency, s.next_invoice_date FROM "
        "\"tabMembership Dues Schedule\" s WHERE s.status = 'Active' AND s.is_template = 0 AND "
        "s.next_invoice_date <= ? "
        "AND s.next_invoice_date > ? LIMIT ?",
        (today.isoformat(), (today - timedelta(days=20)).isoformat(), _DUES_PER_STEP),
    ).fetchall()
    for schedule, member, rate, frequency, planned in due:
        day = date.fromisoformat(planned)
        months = day.month - 1 + {"Monthly": 1, "Quarterly": 3}.get(frequency, 12)
        following = day.replace(year=day.year + months // 12, month=months % 12 + 1, day=rhythm.DUES_DAY).isoformat()
        invoice(stage, member, now, rate)
        when = stamp(local(now))
        stage.conn.execute(
            'UPDATE "tabMembership Dues Schedule" SET next_invoice_date = ?, last_invoice_date = ?, '
            "modified = ? WHERE name = ?",
            (following, today.isoformat(), when, schedule),
        )
        stage.conn.execute("UPDATE tabMember SET next_invoice_date = ? WHERE name = ?", (following, member))

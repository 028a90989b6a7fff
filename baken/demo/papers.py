"""Write the books the demo keeps as documents: invoices, payments and the members' payment history."""

import random
import sqlite3
from datetime import timedelta

from baken.demo import batches
from baken.demo.layout import insert
from baken.demo.money import PAYMENT_TERM, Books
from baken.demo.rhythm import document_name, stamp
from baken.demo.world import ABBREVIATION, COMPANY, World


def write_books(world: World, books: Books, conn: sqlite3.Connection) -> None:
    """Insert invoices, payments, payment history, batches, retries."""
    rng = world.stream("papers")
    _write_payments(world, books, rng, conn)
    _write_invoices(world, books, rng, conn)
    batches.write_batches(world, books, rng, conn)
    batches.write_retries(world, books, rng, conn)
    world.invoices = [invoice.name for invoice in books.invoices[-4000:]]
    world.batches = [batch.name for batch in books.batches]


def _write_invoices(world: World, books: Books, rng: random.Random, conn: sqlite3.Connection) -> None:
    debit = f"Debtors - {ABBREVIATION}"
    rows: list[tuple[object, ...]] = []
    history: dict[str, list[tuple[object, ...]]] = {}
    for i in books.invoices:
        m, amount = i.life, i.amount
        status, docstatus = i.state, 2 if i.state == "Cancelled" else 1
        rows.append(
            (
                i.name,
                stamp(i.at),
                stamp(i.changed or i.at),
                docstatus,
                m.person.full,
                m.customer,
                m.person.full,
                i.at.date().isoformat(),
                i.at.time().isoformat("microseconds"),
                i.due.isoformat(),
                amount,
                amount,
                amount,
                amount,
                amount,
                amount,
                amount,
                amount,
                i.outstanding,
                status,
                f"Contributie {m.membership_type}",
                m.name,
                m.membership,
                i.period[0].isoformat(),
                i.period[1].isoformat(),
                m.person.email,
            )
        )
        paid = next((p for p in reversed(i.payments) if p.state == "Submitted"), None)
        entries = history.setdefault(m.name, [])
        entries.append(
            (
                document_name(rng),
                stamp(i.at),
                stamp(i.changed or i.at),
                i.name,
                i.at.date().isoformat(),
                i.due.isoformat(),
                i.period[0].isoformat(),
                i.period[1].isoformat(),
                m.membership,
                amount,
                i.outstanding,
                status,
                {"Partly Paid": "Partially Paid"}.get(status, status),
                paid.at.date().isoformat() if paid else None,
                paid.name if paid else None,
                paid.mode if paid else None,
                round(amount - i.outstanding, 2) if docstatus == 1 else 0,
                int(paid is not None),
                int(m.mandate is not None),
                m.mandate,
                m.mandate_id,
                m.name,
                len(entries) + 1,
            )
        )
    for number, life in enumerate(
        [m for m in world.members if m.status == "Active" and m.customer][: max(4, world.count // 400)]
    ):
        moment = world.here - timedelta(hours=3 + 7 * number)
        rows.append(
            (
                books.invoice_names.next(f"ACC-SINV-{moment.year}-"),
                stamp(moment),
                stamp(moment),
                0,
                life.person.full,
                life.customer,
                life.person.full,
                moment.date().isoformat(),
                moment.time().isoformat("microseconds"),
                (moment.date() + PAYMENT_TERM).isoformat(),
                *[life.rate] * 9,
                "Draft",
                "Donatie",
                life.name,
                life.membership,
                None,
                None,
                life.person.email,
            )
        )
    insert(
        conn,
        "tabSales Invoice",
        "name creation modified docstatus title customer customer_name posting_date posting_time due_date total_qty "
        "base_total base_net_total total net_total base_grand_total grand_total rounded_total "
        "outstanding_amount status "
        "remarks member membership custom_coverage_start_date custom_coverage_end_date contact_email",
        [(*r[:10], 1, *r[11:]) for r in rows],
        owner="Administrator",
        modified_by="Administrator",
        company=COMPANY,
        naming_series="ACC-SINV-.YYYY.-",
        currency="EUR",
        conversion_rate=1,
        price_list_currency="EUR",
        plc_conversion_rate=1,
        debit_to=debit,
        party_account_currency="EUR",
        is_opening="No",
        language="nl",
        is_membership_invoice=1,
        against_income_account=f"Contributie - {ABBREVIATION}",
        btw_exemption_type="EXEMPT_MEMBERSHIP",
        selling_price_list="Standard Selling",
    )
    insert(
        conn,
        "tabMember Payment History",
        "name creation modified invoice posting_date due_date coverage_start_date coverage_end_date "
        "reference_name amount "
        "outstanding_amount status payment_status payment_date payment_entry payment_method paid_amount reconciled "
        "has_mandate sepa_mandate mandate_reference parent idx",
        # The app keeps the latest twenty of each member.
        (row for entries in history.values() for row in entries[-20:]),
        owner="Administrator",
        modified_by="Administrator",
        transaction_type="Membership Invoice",
        reference_doctype="Membership",
        parentfield="payment_history",
        parenttype="Member",
    )


def _write_payments(world: World, books: Books, rng: random.Random, conn: sqlite3.Connection) -> None:
    pairs = [(payment, invoice) for invoice in books.invoices for payment in invoice.payments]
    pairs.sort(key=lambda pair: (pair[0].at, pair[1].name))
    rows: list[tuple[object, ...]] = []
    references: list[tuple[object, ...]] = []
    for p, i in pairs:
        p.name = books.payment_names.next(f"ACC-PAY-{p.at.year}-")
        day = p.at.date().isoformat()
        # Every sixth transfer waited as a draft for up to a day before somebody submitted it.
        waited = (
            rng.random() * 24 if p.mode == "Wire Transfer" and p.state == "Submitted" and rng.random() < 0.16 else 0.0
        )
        created = stamp(max(p.at - timedelta(hours=waited), i.at))
        docstatus = {"Draft": 0, "Submitted": 1, "Cancelled": 2}[p.state]
        modified = stamp(p.at if docstatus < 2 else min(p.at + timedelta(hours=5), world.here))
        m = i.life
        rows.append(
            (
                p.name,
                created,
                modified,
                docstatus,
                p.state,
                day,
                m.customer,
                m.person.full,
                p.mode,
                p.amount,
                p.amount,
                p.amount,
                p.amount,
                p.amount,
                p.amount,
                p.reference,
                day if p.reference else None,
                m.person.full,
                p.batch,
                m.person.email,
            )
        )
        references.append(
            (
                document_name(rng),
                created,
                modified,
                docstatus,
                i.name,
                i.due.isoformat(),
                i.amount,
                i.outstanding,
                p.amount,
                p.name,
            )
        )
    insert(
        conn,
        "tabPayment Entry",
        "name creation modified docstatus status posting_date party party_name mode_of_payment paid_amount "
        "base_paid_amount received_amount base_received_amount total_allocated_amount base_total_allocated_amount "
        "reference_no reference_date title custom_sepa_batch contact_email",
        rows,
        owner="Administrator",
        modified_by="Administrator",
        company=COMPANY,
        naming_series="ACC-PAY-.YYYY.-",
        payment_type="Receive",
        payment_order_status="Initiated",
        party_type="Customer",
        paid_from=f"Debtors - {ABBREVIATION}",
        paid_from_account_type="Receivable",
        paid_from_account_currency="EUR",
        paid_to=f"Bank Nergens - {ABBREVIATION}",
        paid_to_account_type="Bank",
        paid_to_account_currency="EUR",
        source_exchange_rate=1,
        target_exchange_rate=1,
        is_opening="No",
    )
    insert(
        conn,
        "tabPayment Entry Reference",
        "name creation modified docstatus reference_name due_date total_amount outstanding_amount "
        "allocated_amount parent",
        references,
        owner="Administrator",
        modified_by="Administrator",
        idx=1,
        reference_doctype="Sales Invoice",
        exchange_rate=1,
        account=f"Debtors - {ABBREVIATION}",
        parentfield="references",
        parenttype="Payment Entry",
    )
    _write_unassigned(world, books, rng, conn)
    world.payments = [p.name for p, _ in pairs[-4000:]]


def _write_unassigned(world: World, books: Books, rng: random.Random, conn: sqlite3.Connection) -> None:
    """Insert transfers that were submitted without anybody having told which invoice they pay."""
    known = [m for m in world.members if m.customer]
    rows: list[tuple[object, ...]] = []
    for number in range(max(4, world.count // 130)):
        life, moment = rng.choice(known), world.here - timedelta(days=rng.uniform(0.2, 180))
        when, day = stamp(moment), moment.date().isoformat()
        rows.append(
            (
                books.payment_names.next(f"ACC-PAY-{moment.year}-"),
                when,
                when,
                day,
                life.customer,
                life.person.full,
                *[life.rate] * 5,
                f"NL{rng.randrange(10**11):011d}" if number % 3 else None,
                life.person.full,
            )
        )
    insert(
        conn,
        "tabPayment Entry",
        "name creation modified posting_date party party_name paid_amount base_paid_amount received_amount "
        "base_received_amount unallocated_amount reference_no title",
        rows,
        owner="Administrator",
        modified_by="Administrator",
        docstatus=1,
        status="Submitted",
        company=COMPANY,
        naming_series="ACC-PAY-.YYYY.-",
        payment_type="Receive",
        party_type="Customer",
        mode_of_payment="Wire Transfer",
        source_exchange_rate=1,
        target_exchange_rate=1,
    )

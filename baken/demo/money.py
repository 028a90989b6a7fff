"""The money's side of the demo: dues invoices, payments, direct debit batches with their returns, retries, the audit
trail.

Dues are invoiced on the 25th, collected on the 1st, and what the bank returned is tried once more on the 15th.
"""

import random
import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from baken.demo import rhythm
from baken.demo.layout import insert
from baken.demo.rhythm import at, document_name, stamp
from baken.demo.world import ABBREVIATION, COMPANY, MemberLife, World

# The bank's reasons (EPC135-08), with their shares of all returns.
RETURNS = (
    ("AM04", "InsufficientFunds", 0.56),
    ("MD06", "RefundRequestByEndCustomer", 0.12),
    ("AC04", "ClosedAccountNumber", 0.10),
    ("MD01", "NoMandate", 0.08),
    ("AC01", "IncorrectAccountNumber", 0.06),
    ("MS03", "NotSpecifiedReasonAgentGenerated", 0.05),
    ("AC06", "BlockedAccount", 0.03),
)
_RETURN_SHARES = [share for _, _, share in RETURNS]
_BATCH_SIZE = 600
_PAYMENT_TERM = timedelta(days=14)


@dataclass(slots=True)
class Payment:
    """Money that came in for an invoice. `draft` has not been submitted, `cancelled` was taken back."""

    at: datetime
    amount: float
    mode: str
    reference: str | None
    batch: str | None
    state: str = "Submitted"
    name: str = ""


@dataclass(slots=True)
class Invoice:
    """One invoice; amounts in euros. `changed` is when it got its present state."""

    life: MemberLife
    at: datetime
    due: date
    amount: float
    period: tuple[date, date]
    state: str = "Unpaid"
    outstanding: float = 0.0
    changed: datetime | None = None
    payments: tuple[Payment, ...] = ()
    name: str = ""


@dataclass(slots=True)
class Line:
    """One collection in a batch."""

    invoice: Invoice
    status: str
    changed: datetime
    code: str = ""
    text: str = ""


@dataclass(slots=True)
class Batch:
    kind: str
    date: date
    created: datetime
    lines: list[Line]
    status: str = "Draft"
    generated: datetime | None = None
    submitted: datetime | None = None
    changed: datetime | None = None
    description: str = ""
    name: str = ""
    trouble: str = ""


@dataclass(slots=True)
class Retry:
    line: Line
    at: datetime
    changed: datetime
    status: str
    count: int
    upcoming: date | None


class Books:
    """What `keep_books` found out, before it is written."""

    def __init__(self) -> None:
        self.invoices: list[Invoice] = []
        self.batches: list[Batch] = []
        self.retries: list[Retry] = []


def _next_day(day: date, day_of_month: int) -> date:
    """The first `day_of_month` after `day`."""
    if day.day < day_of_month:
        return day.replace(day=day_of_month)
    return date(day.year + day.month // 12, day.month % 12 + 1, day_of_month)


def keep_books(world: World) -> Books:
    """Invoice three years of dues and decide what became of each invoice."""
    rng = world.stream("money")
    books = Books()
    _invoice_dues(world, rng, books)
    collections: dict[date, list[tuple[Invoice, bool]]] = {}
    for invoice in books.invoices:
        if rng.random() < 0.004 and invoice.at < world.here - timedelta(days=5):
            invoice.state, invoice.changed = "Cancelled", invoice.at + timedelta(days=rng.uniform(0.2, 4.5))
        elif invoice.life.mandate is not None and not invoice.life.dormant:
            earliest = invoice.at.date() + timedelta(days=4)
            collect = _next_day(earliest - timedelta(days=1), rhythm.COLLECTION_DAY)
            collections.setdefault(collect, []).append((invoice, True))
        else:
            _pay_by_hand(world, rng, invoice, invoice.at, reluctant=0.025)
    # A retry is put into the batch of a later day, so days are taken oldest first until none is left.
    while collections:
        day = min(collections)
        if day - timedelta(days=3) >= world.today:
            break
        _collect(world, rng, books, day, collections.pop(day), collections)
    for invoice in books.invoices:
        _settle(world, rng, invoice)
    _odd_ones(world, rng, books)
    return books


def _invoice_dues(world: World, rng: random.Random, books: Books) -> None:
    invoices = books.invoices
    for life in world.members:
        if life.approved is None or life.customer is None:
            continue
        first = life.approved.date()
        left = life.left or world.here
        # The member's own rate: most pay the type's, some more.
        amount = life.rate if life.number % 6 else life.rate * 1.5
        if not life.imported:
            period = (first, first + timedelta(days=30 * life.months - 1))
            invoices.append(Invoice(life, life.approved + timedelta(minutes=6), first + _PAYMENT_TERM, amount, period))
        stuck_since = world.today - timedelta(days=21 + life.number % 45) if life.stuck else None
        anchor = (first.year * 12 + first.month) if not life.imported else life.number % 12
        for year, month in rhythm.months_between(first, world.today):
            day = date(year, month, rhythm.DUES_DAY)
            if (year * 12 + month - anchor) % life.months or day <= first or day > left.date():
                continue
            if stuck_since is not None and day >= stuck_since:
                break
            moment = at(day, 4.5) + timedelta(seconds=0.55 * (life.number % 2600) + rng.random())
            if moment > left:
                continue
            starts = _next_day(day, 1)
            period = (starts, starts + timedelta(days=30 * life.months - 1))
            invoices.append(Invoice(life, moment, day + _PAYMENT_TERM, amount, period))
    invoices.sort(key=lambda invoice: (invoice.at, invoice.life.number))
    numbers: Counter[int] = Counter()
    for invoice in invoices:
        numbers[invoice.at.year] += 1
        invoice.name = f"ACC-SINV-{invoice.at.year}-{numbers[invoice.at.year]:05d}"


def _pay_by_hand(world: World, rng: random.Random, invoice: Invoice, since: datetime, *, reluctant: float) -> None:
    """The member transfers the money, or pays through Mollie, or does not pay at all (`reluctant`: 0..1)."""
    if rng.random() < reluctant:
        return
    mollie = invoice.life.method == "Mollie"
    days = rng.uniform(0.05, 2) if mollie else min(75.0, rng.lognormvariate(2.1, 0.75))
    moment = rhythm.moment_of_day(rng, (since + timedelta(days=days)).date())
    if moment <= invoice.at:
        moment = invoice.at + timedelta(hours=rng.uniform(1, 20))
    if moment > world.here:
        return
    amount = invoice.amount
    if rng.random() < 0.002:
        amount = round(amount / 2, 2)
    reference: str | None = f"tr_{rng.getrandbits(40):010x}" if mollie else f"NL{rng.randrange(10**11):011d}"
    if not mollie and rng.random() < 0.006:
        reference = None
    mode = "Mollie" if mollie else "Wire Transfer"
    invoice.payments = (*invoice.payments, Payment(moment, amount, mode, reference, None))


def _collect(
    world: World,
    rng: random.Random,
    books: Books,
    day: date,
    due: list[tuple[Invoice, bool]],
    later: dict[date, list[tuple[Invoice, bool]]],
) -> None:
    """Put what is due on `day` into batches and let the bank answer. `first` tries that fail come back on the 15th."""
    first_ever = [pair for pair in due if pair[0].life.mandate_first and _is_first(pair[0])]
    others = [pair for pair in due if not _is_first(pair[0])]
    groups = [("FRST", first_ever)] if first_ever else []
    groups += [("RCUR", others[i : i + _BATCH_SIZE]) for i in range(0, len(others), _BATCH_SIZE)]
    created = at(day - timedelta(days=3), 10.2)
    if created > world.here:
        return
    for number, (kind, pairs) in enumerate(groups):
        if not pairs:
            continue
        batch = Batch(kind, day, created + timedelta(minutes=4 * number), [])
        batch.description = f"{'Incasso' if day.day == 1 else 'Herincasso'} contributie {day:%m-%Y}"
        steps = [
            ("Generated", created + timedelta(hours=3.4, minutes=number)),
            ("Submitted", created + timedelta(hours=25, minutes=3 * number)),
            ("Processed", at(day + timedelta(days=5), 8.5) + timedelta(minutes=2 * number)),
        ]
        batch.changed = batch.created
        for status, moment in steps:
            if moment > world.here:
                break
            batch.status, batch.changed = status, moment
            if status == "Generated":
                batch.generated = moment
            elif status == "Submitted":
                batch.submitted = moment
        books.batches.append(batch)
        for invoice, fresh in pairs:
            _ask_bank(world, rng, books, batch, invoice, fresh, later)


def _is_first(invoice: Invoice) -> bool:
    life = invoice.life
    return not life.imported and life.approved is not None and invoice.at - life.approved < timedelta(hours=1)


def _ask_bank(
    world: World,
    rng: random.Random,
    books: Books,
    batch: Batch,
    invoice: Invoice,
    fresh: bool,
    later: dict[date, list[tuple[Invoice, bool]]],
) -> None:
    line = Line(invoice, "Pending", batch.created)
    batch.lines.append(line)
    day = batch.date
    if world.here < at(day, 6):
        return
    refused = rng.random() < (0.029 if fresh else 0.36)
    answered = rhythm.moment_of_day(rng, day + timedelta(days=1 + int(5 * rng.random())))
    if not refused:
        booked = at(day + timedelta(days=2), 9) + timedelta(seconds=1.3 * len(batch.lines))
        if booked > world.here:
            line.status, line.changed = "Processed", at(day, 6)
            return
        line.status, line.changed = "Successful", booked
        reference = f"SEPA{day:%y%m%d}{len(batch.lines):05d}"
        invoice.payments = (*invoice.payments, Payment(booked, invoice.amount, "Direct Debit", reference, "batch"))
        return
    if answered > world.here:
        line.status, line.changed = "Processed", at(day, 6)
        return
    code, text, _ = rng.choices(RETURNS, _RETURN_SHARES)[0]
    line.status, line.changed, line.code, line.text = "Failed", answered, code, text
    retry_day = _next_day(answered.date() + timedelta(days=3), rhythm.RETRY_DAY)
    if fresh and code in ("AM04", "MS03"):
        later.setdefault(retry_day, []).append((invoice, False))
        books.retries.append(Retry(line, answered, answered, "Scheduled", 0, retry_day))
    else:
        status = "Escalated" if not fresh else rng.choice(("Failed", "Escalated", "Pending"))
        books.retries.append(Retry(line, answered, answered, status, 0 if fresh else 1, None))
        _pay_by_hand(world, rng, invoice, answered, reluctant=0.4)


def _settle(world: World, rng: random.Random, invoice: Invoice) -> None:
    """The invoice's status, outstanding amount and last change, from what was paid."""
    if invoice.state == "Cancelled":
        return
    paid = round(sum(p.amount for p in invoice.payments), 2)
    invoice.outstanding = round(max(0.0, invoice.amount - paid), 2)
    invoice.changed = max((p.at for p in invoice.payments), default=invoice.at)
    if not invoice.outstanding:
        invoice.state = "Paid"
    elif paid:
        invoice.state = "Partly Paid"
    elif invoice.due < world.today:
        if invoice.at < world.here - timedelta(days=270) and rng.random() < 0.8:
            # Given up after nine months.
            invoice.state, invoice.outstanding = "Cancelled", 0.0
            invoice.changed = invoice.at + timedelta(days=rng.uniform(200, 265))
        else:
            invoice.state, invoice.changed = "Overdue", at(invoice.due + timedelta(days=1), 0.1)


def _odd_ones(world: World, rng: random.Random, books: Books) -> None:
    """Drafts, batches that failed or got stuck, payments not yet submitted: what a monitor is there to find."""
    here = world.here
    by_retry = {id(r.line.invoice): r for r in books.retries if r.status == "Scheduled"}
    for batch in books.batches:
        for line in batch.lines:
            retry = by_retry.get(id(line.invoice))
            if retry is not None and batch.date.day == rhythm.RETRY_DAY and line.status in ("Successful", "Failed"):
                retry.status = "Resolved" if line.status == "Successful" else "Escalated"
                retry.count, retry.changed = 1, line.changed
    unpaid = [i for i in books.invoices if i.state in ("Overdue", "Unpaid") and i.life.mandate]
    unpaid = unpaid[-max(24, world.count // 60) :]
    for days, status, size in (
        (0.3, "Draft", 9),
        (8.0, "Generated", 14),
        (2.1, "Submitted", 16),
        (1.4, "Failed", 11),
        (24.2, "Failed", 17),
    ):
        created = here - timedelta(days=days)
        created = created.replace(hour=11 if days > 1 else max(0, here.hour - 1), minute=12)
        chosen = [i for i in unpaid if i.at < created]
        lines = [Line(i, "Pending", created) for i in rng.sample(chosen, min(size, len(chosen)))]
        if not lines or created > here:
            continue
        batch = Batch("RCUR", created.date() + timedelta(days=5), created, lines, status, changed=created)
        batch.description = f"Incasso achterstand {created:%d-%m-%Y}"
        if status != "Draft":
            batch.generated = batch.changed = created + timedelta(minutes=25)
        if status == "Submitted":
            batch.submitted = batch.changed = created + timedelta(hours=3)
        if status == "Failed":
            batch.changed = created + timedelta(hours=2)
            batch.trouble = "bank.example.test: verbinding geweigerd, bestand niet ingeleverd"
        books.batches.append(batch)
    books.batches.sort(key=lambda batch: batch.created)
    numbers: Counter[str] = Counter()
    for batch in books.batches:
        prefix = f"BATCH-{batch.created:%y-%m}-"
        numbers[prefix] += 1
        batch.name = f"{prefix}{numbers[prefix]:04d}"
        for line in batch.lines:
            for payment in line.invoice.payments:
                if payment.batch == "batch" and line.status == "Successful" and payment.at == line.changed:
                    payment.batch = batch.name
    # Transfers booked by the bank import that nobody has submitted yet, and a few that were taken back.
    open_now = [i for i in books.invoices if i.state in ("Unpaid", "Overdue") and i.at < here - timedelta(days=2)]
    for i, invoice in enumerate(rng.sample(open_now, min(len(open_now), max(6, world.count // 260)))):
        moment = max(invoice.at + timedelta(hours=1), here - timedelta(hours=rng.uniform(1, 90)))
        state = "Cancelled" if i % 4 == 3 else "Draft"
        reference = None if i % 5 == 0 else f"NL{rng.randrange(10**11):011d}"
        invoice.payments = (*invoice.payments, Payment(moment, invoice.amount, "Wire Transfer", reference, None, state))


def write_books(world: World, books: Books, conn: sqlite3.Connection) -> None:
    """Insert invoices, payments, payment history, batches, retries."""
    rng = world.stream("papers")
    _write_payments(world, books, rng, conn)
    _write_invoices(world, books, rng, conn)
    _write_batches(world, books, rng, conn)
    _write_retries(world, books, rng, conn)
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
                f"ACC-SINV-{moment.year}-9{number:04d}",
                stamp(moment),
                stamp(moment),
                0,
                life.person.full,
                life.customer,
                life.person.full,
                moment.date().isoformat(),
                moment.time().isoformat("microseconds"),
                (moment.date() + _PAYMENT_TERM).isoformat(),
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
    numbers: Counter[int] = Counter()
    rows: list[tuple[object, ...]] = []
    references: list[tuple[object, ...]] = []
    for p, i in pairs:
        numbers[p.at.year] += 1
        p.name = f"ACC-PAY-{p.at.year}-{numbers[p.at.year]:05d}"
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
    _write_unassigned(world, rng, conn)
    world.payments = [p.name for p, _ in pairs[-4000:]]


def _write_unassigned(world: World, rng: random.Random, conn: sqlite3.Connection) -> None:
    """Insert transfers that were submitted without anybody having told which invoice they pay."""
    known = [m for m in world.members if m.customer]
    rows: list[tuple[object, ...]] = []
    for number in range(max(4, world.count // 130)):
        life, moment = rng.choice(known), world.here - timedelta(days=rng.uniform(0.2, 180))
        when, day = stamp(moment), moment.date().isoformat()
        rows.append(
            (
                f"ACC-PAY-{moment.year}-8{number:04d}",
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


def _write_batches(world: World, books: Books, rng: random.Random, conn: sqlite3.Connection) -> None:
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


def _write_retries(world: World, books: Books, rng: random.Random, conn: sqlite3.Connection) -> None:
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

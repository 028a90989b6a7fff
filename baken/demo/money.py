"""The money's side of the demo: dues invoices, payments, direct debit batches with their returns, retries, the audit
trail.

Dues are invoiced on the 25th, collected on the 1st, and what the bank returned is tried once more on the 15th.
"""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from baken.demo import rhythm
from baken.demo.naming import NamingSeries
from baken.demo.rhythm import at
from baken.demo.world import MemberLife, World

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
PAYMENT_TERM = timedelta(days=14)


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
        self.invoice_names = NamingSeries(5)
        self.payment_names = NamingSeries(5)


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
            invoices.append(Invoice(life, life.approved + timedelta(minutes=6), first + PAYMENT_TERM, amount, period))
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
            invoices.append(Invoice(life, moment, day + PAYMENT_TERM, amount, period))
    invoices.sort(key=lambda invoice: (invoice.at, invoice.life.number))
    for invoice in invoices:
        invoice.name = books.invoice_names.next(f"ACC-SINV-{invoice.at.year}-")


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
    names = NamingSeries(4)
    for batch in books.batches:
        batch.name = names.next(f"BATCH-{batch.created:%y-%m}-")
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

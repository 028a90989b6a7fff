"""Metrics of the domain erpnext: invoices, payments, and whether collecting money succeeds.

Sales Invoice and Payment Entry have no index on `docstatus` or `status`; each is therefore passed once per run, and
that one pass answers all questions about it.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select

from baken.metrics.catalogue import FIVE_MINUTES, QUARTER, Values, metric
from baken.metrics.statuses import label, number_where, tally
from baken.sites.problems import NotAvailable
from baken.sites.reading import Reading

INVOICE_STATUSES = (
    "Draft",
    "Return",
    "Credit Note Issued",
    "Submitted",
    "Paid",
    "Partly Paid",
    "Unpaid",
    "Unpaid and Discounted",
    "Partly Paid and Discounted",
    "Overdue and Discounted",
    "Overdue",
    "Cancelled",
    "Internal Transfer",
)
PAYMENT_STATUSES = {0: "Draft", 1: "Submitted", 2: "Cancelled"}
CURRENCY = "EUR"
"""What amounts are given in."""

ATTEMPT_DAYS = 30
"""How many days back a payment attempt counts."""

"""How often is measured what joins tables that grow with every collection."""

_AMOUNT_NEEDS = {"Sales Invoice": ("docstatus", "outstanding_amount")}
_ATTEMPT_NEEDS = {"Direct Debit Batch": ("batch_date",), "Direct Debit Batch Invoice": ("parent", "status")}


@metric(
    "erpnext_invoices",
    unit="invoices",
    title="Invoices by status",
    help="Sales invoices per status; those that are not submitted count as Draft, whatever their status says",
    nl=(
        "Facturen per status",
        "Verkoopfacturen per status; wat niet is ingediend telt als concept, wat de status ook zegt",
    ),
    labels=("status",),
    needs={"Sales Invoice": ("docstatus", "status")},
    every=FIVE_MINUTES,
)
def invoices(r: Reading) -> Values:
    """Sales Invoice by docstatus and status."""
    return tally(((_invoice_status(row), row.number) for row in _invoices(r)), INVOICE_STATUSES)


@metric(
    "erpnext_invoices_submitted",
    unit="invoices",
    title="Submitted invoices",
    help="Sales invoices that are submitted and not cancelled",
    nl=("Ingediende facturen", "Verkoopfacturen die zijn ingediend en niet geannuleerd"),
    needs={"Sales Invoice": ("docstatus",)},
    every=FIVE_MINUTES,
)
def invoices_submitted(r: Reading) -> Values:
    """Sales Invoice with docstatus 1."""
    yield (sum(row.number for row in _invoices(r) if row.docstatus == 1),)


@metric(
    "erpnext_outstanding_amount",
    unit=CURRENCY,
    title="Outstanding amount",
    help="What submitted sales invoices still bring in, in the company's currency",
    nl=("Openstaand bedrag", "Wat ingediende verkoopfacturen nog moeten opbrengen, in de valuta van de organisatie"),
    needs=_AMOUNT_NEEDS,
    every=FIVE_MINUTES,
    good="down",
)
def outstanding_amount(r: Reading) -> Values:
    """Sum of Sales Invoice.outstanding_amount above 0, docstatus 1."""
    yield (_amount(r, "outstanding"),)


@metric(
    "erpnext_overdue_amount",
    unit=CURRENCY,
    title="Overdue amount",
    help="What submitted sales invoices still bring in whose due date lies before today, in the company's currency",
    nl=(
        "Achterstallig bedrag",
        "Wat ingediende verkoopfacturen nog moeten opbrengen waarvan de vervaldatum voor vandaag ligt, in de "
        "valuta van de organisatie",
    ),
    needs={"Sales Invoice": ("docstatus", "outstanding_amount", "due_date")},
    every=FIVE_MINUTES,
    good="down",
)
def overdue_amount(r: Reading) -> Values:
    """Sum of Sales Invoice.outstanding_amount above 0, docstatus 1, due before today in the site's zone."""
    yield (_amount(r, "overdue"),)


@metric(
    "erpnext_payments",
    unit="payments",
    title="Payments by state",
    help="Payment entries per state",
    nl=("Betalingen per status", "Betalingen (Payment Entry) per status"),
    labels=("status",),
    needs={"Payment Entry": ("docstatus",)},
    every=FIVE_MINUTES,
)
def payments(r: Reading) -> Values:
    """Payment Entry by docstatus; all payment types."""
    counted = ((PAYMENT_STATUSES.get(row.docstatus), row.number) for row in payment_totals(r))
    return tally(counted, PAYMENT_STATUSES.values())


@metric(
    "erpnext_transactions_today",
    unit="documents",
    title="Transactions today",
    help="Submitted payments, sales invoices and journal entries that are posted today in the site's zone",
    nl=(
        "Transacties vandaag",
        "Ingediende betalingen, verkoopfacturen en journaalposten die vandaag zijn geboekt, in de tijdzone van de site",
    ),
    labels=("kind",),
    needs={
        "Payment Entry": ("docstatus", "posting_date"),
        "Sales Invoice": ("docstatus", "posting_date"),
        "Journal Entry": ("docstatus", "posting_date"),
    },
    every=FIVE_MINUTES,
)
def transactions_today(r: Reading) -> Values:
    """Documents with docstatus 1 and posting_date today."""
    for kind, doctype in (
        ("payments", "Payment Entry"),
        ("invoices", "Sales Invoice"),
        ("journal_entries", "Journal Entry"),
    ):
        table = r.table(doctype)
        if doctype == "Payment Entry" and not r.indexed(doctype, "posting_date"):
            # ERPNext gives it no index on its date: the pass that is made anyway answers this as well.
            yield kind, sum(int(row.posted_today) for row in payment_totals(r) if row.docstatus == 1)
            continue
        yield kind, r.scalar(select(func.count()).where(table.c.posting_date == r.today(), table.c.docstatus == 1))


@metric(
    "erpnext_payment_attempts",
    unit="attempts",
    title="Direct debit results",
    help="Direct debits that got their final result, by that result; collection date within 30 days",
    nl=(
        "Uitkomst van incasso's",
        "Incasso's die hun definitieve uitkomst kregen, per uitkomst; incassodatum in de laatste 30 dagen",
    ),
    labels=("result",),
    needs=_ATTEMPT_NEEDS,
    every=QUARTER,
)
def payment_attempts(r: Reading) -> Values:
    """Lines of direct debit batches and uses of mandates outside a batch; see `attempts`."""
    successful, failed = r.once("erpnext.attempts", lambda: attempts(r))
    yield "successful", successful
    yield "failed", failed


@metric(
    "erpnext_payment_success_ratio",
    unit="ratio",
    title="Successful direct debits",
    help="Share of the direct debits with a final result that succeeded; collection date within 30 days",
    nl=(
        "Geslaagde incasso's",
        "Deel van de incasso's met een definitieve uitkomst dat is gelukt; incassodatum in de laatste 30 dagen",
    ),
    needs=_ATTEMPT_NEEDS,
    every=QUARTER,
    good="up",
)
def payment_success_ratio(r: Reading) -> Values:
    """successful / (successful + failed) of `attempts`; absent when there was no attempt."""
    successful, failed = r.once("erpnext.attempts", lambda: attempts(r))
    if not successful + failed:
        raise NotAvailable(f"no payment attempt got its final result within {ATTEMPT_DAYS} days")
    yield (successful / (successful + failed),)


def attempts(r: Reading) -> tuple[int, int]:
    """How many payment attempts of the last 30 days succeeded and how many failed.

    An attempt is one line of a direct debit batch that is not cancelled, Successful or Failed, by the batch's
    batch_date: an invoice that is collected again in a later batch is another attempt, and Pending or Processed
    lines have no result yet. Where the site keeps SEPA Mandate Usage, its rows Collected (successful), Failed and
    Returned (failed) count as well, by usage_date, unless they tell of an attempt that a batch's line has told:
    their batch, or the batch or invoice that they refer to, has lines. Transfers, cards and cash are no attempts:
    ERPNext knows them only once they have succeeded.

    Returns:
        Numbers of successful and of failed attempts.
    """
    lines = collection_lines(r)
    successful = sum(row.number for row in lines if row.status == "Successful")
    failed = sum(row.number for row in lines if row.status == "Failed")
    if r.has("SEPA Mandate Usage", "status", "usage_date"):
        for row in r.rows(_uses_outside_batches(r)):
            if row.status == "Collected":
                successful += row.number
            else:
                failed += row.number
    return successful, failed


def collection_lines(r: Reading) -> list[Any]:
    """Lines of direct debit batches collected within 30 days: rows (status, result_code, number).

    result_code is None on a site without that field. Batches that were cancelled do not count.
    """

    def read() -> list[Any]:
        batch, line = r.require("Direct Debit Batch", "batch_date"), r.require("Direct Debit Batch Invoice", "status")
        fields: list[Any] = [line.c.status]
        if "result_code" in line.c:
            fields.append(line.c.result_code)
        query = (
            select(*fields, func.count().label("number"))
            .select_from(batch.join(line, line.c.parent == batch.c.name))
            .where(batch.c.batch_date >= _first_day(r))
            .group_by(*fields)
        )
        if "docstatus" in batch.c:
            query = query.where(batch.c.docstatus != 2)
        return list(r.rows(query))

    return r.once("erpnext.collection_lines", read)


def payment_totals(r: Reading) -> list[Any]:
    """All payment entries in one pass: rows (docstatus, payment_type, number, amount, posted_today).

    payment_type is not in the rows where the site lacks it; amount (in the company's currency, of what was received)
    and posted_today (how many are dated today in the site's zone) are None then.
    """

    def read() -> list[Any]:
        entry = r.require("Payment Entry", "docstatus")
        fields: list[Any] = [entry.c.docstatus]
        if "payment_type" in entry.c:
            fields.append(entry.c.payment_type)
        known = [entry.c[name] for name in ("base_received_amount", "paid_amount") if name in entry.c]
        amount = func.sum(known[0]) if known else literal(None)
        today = number_where(entry.c.posting_date == r.today()) if "posting_date" in entry.c else literal(None)
        totals = [func.count().label("number"), amount.label("amount"), today.label("posted_today")]
        query = select(*fields, *totals).group_by(*fields)
        return list(r.rows(query))

    return r.once("erpnext.payment_totals", read)


def _invoices(r: Reading) -> list[Any]:
    """All sales invoices in one pass: rows (docstatus, status, default_currency, number, outstanding, overdue).

    What the site lacks is not in the rows. default_currency is the company's.
    """

    def read() -> list[Any]:
        invoice = r.require("Sales Invoice", "docstatus")
        fields: list[Any] = [invoice.c.docstatus]
        if "status" in invoice.c:
            fields.append(invoice.c.status)
        source: Any = invoice
        home: ColumnElement[Any] | None = None
        sums: list[Any] = [func.count().label("number")]
        if "company" in invoice.c and r.has("Company", "default_currency"):
            company = r.table("Company")
            known = [row[0] for row in r.rows(select(company.c.default_currency).distinct().limit(2))]
            if len(known) == 1 and known[0]:
                # As a rule all companies keep their books in one currency, and a join per invoice can be saved.
                home = literal(known[0])
                sums.append(home.label("default_currency"))
            else:
                source = invoice.outerjoin(company, company.c.name == invoice.c.company)
                home = company.c.default_currency
                fields.append(home)
        if "outstanding_amount" in invoice.c:
            open_amount = _in_home_currency(invoice, home)
            is_open = and_(invoice.c.docstatus == 1, invoice.c.outstanding_amount > 0)
            sums.append(func.sum(case((is_open, open_amount), else_=0)).label("outstanding"))
            if "due_date" in invoice.c:
                late = and_(is_open, invoice.c.due_date < r.today())
                sums.append(func.sum(case((late, open_amount), else_=0)).label("overdue"))
        return list(r.rows(select(*fields, *sums).select_from(source).group_by(*fields)))

    return r.once("erpnext.invoices", read)


def _in_home_currency(invoice: Any, home: ColumnElement[Any] | None) -> Any:
    """An invoice's outstanding amount in the company's currency.

    ERPNext keeps it in the currency of the receivable account: the company's, as a rule, else the invoice's own.
    """
    amount = invoice.c.outstanding_amount
    if home is None or not all(name in invoice.c for name in ("party_account_currency", "conversion_rate")):
        return amount
    foreign = and_(invoice.c.party_account_currency != "", invoice.c.party_account_currency != home)
    return case((foreign, amount * invoice.c.conversion_rate), else_=amount)


def _amount(r: Reading, which: str) -> float:
    rows = _invoices(r)
    total = Decimal(0)
    for row in rows:
        part = Decimal(str(row._mapping[which] or 0))
        home = row._mapping.get("default_currency")
        if part and home not in (None, "", CURRENCY):
            raise NotAvailable(f"a company of this site keeps its books in {home}; amounts are added up in {CURRENCY}")
        total += part
    return float(round(total, 2))


def _invoice_status(row: Any) -> str:
    return PAYMENT_STATUSES[row.docstatus] if row.docstatus in (0, 2) else label(row.status or "Submitted")


def _uses_outside_batches(r: Reading) -> Any:
    use = r.table("SEPA Mandate Usage")
    line, batch = r.table("Direct Debit Batch Invoice"), r.table("Direct Debit Batch")
    query = (
        select(use.c.status, func.count().label("number"))
        .where(use.c.usage_date >= _first_day(r), use.c.status.in_(("Collected", "Failed", "Returned")))
        .group_by(use.c.status)
    )
    for name in ("batch_reference", "reference_name"):
        if name in use.c:
            in_batch = select(line.c.name).where(line.c.parent == use.c[name]).exists()
            query = query.where(~in_batch)
    if "reference_name" in use.c and "invoice" in line.c:
        collected = (
            select(line.c.invoice)
            .join(batch, batch.c.name == line.c.parent)
            .where(batch.c.batch_date >= _first_day(r), line.c.invoice.is_not(None))
        )
        query = query.where(or_(use.c.reference_name.is_(None), use.c.reference_name.not_in(collected)))
    return query


def _first_day(r: Reading) -> date:
    return r.today() - timedelta(days=ATTEMPT_DAYS)

"""Metrics of the domain sepa: mandates, direct debit batches, what the bank returned, and the audit log."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

from sqlalchemy import and_, func, select

from baken.clock import iso
from baken.metrics.catalogue import FIVE_MINUTES, QUARTER, Values, metric, observation
from baken.metrics.erpnext import collection_lines, payment_totals
from baken.metrics.statuses import NONE_GIVEN, label, not_before, number_where, tally, windows
from baken.sites.reading import Reading
from baken.sites.rows import MODIFIED, indexed_time

MANDATE_STATUSES = ("Draft", "Active", "Cancelled", "Expired", "Suspended")
BATCH_STATUSES = ("Draft", "Generated", "Submitted", "Processed", "Failed")
LINE_STATUSES = ("Pending", "Processed", "Successful", "Failed")
PROCESSES = ("Mandate Creation", "Batch Generation", "Bank Submission", "Payment Processing")
COMPLIANCE_STATUSES = ("Compliant", "Exception", "Failed", "Pending Review")

AUDIT_WINDOW = timedelta(days=7)
FAILURE_WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24)}
EXPIRES_WITHIN = timedelta(days=30)
RECENT = timedelta(days=7)

_AUDIT_NEEDS = ("process_type", "compliance_status", "timestamp", "creation", "modified")


@metric(
    "sepa_mandates",
    unit="mandates",
    title="Mandates by status",
    help="SEPA mandates per status",
    nl=("Machtigingen per status", "SEPA-machtigingen per status"),
    labels=("status",),
    needs={"SEPA Mandate": ("status",)},
    every=FIVE_MINUTES,
)
def mandates(r: Reading) -> Values:
    """SEPA Mandate by status."""
    return tally(((row.status, row.number) for row in _mandates(r)), MANDATE_STATUSES)


@metric(
    "sepa_mandates_new",
    unit="mandates",
    title="New mandates",
    help="SEPA mandates recorded today (day) and within 30 days with today (month), in the site's zone",
    nl=(
        "Nieuwe machtigingen",
        "SEPA-machtigingen die vandaag (dag) en in de laatste 30 dagen met vandaag (maand) zijn vastgelegd, "
        "in de tijdzone van de site",
    ),
    labels=("window",),
    needs={"SEPA Mandate": ("creation",)},
    every=FIVE_MINUTES,
    good="up",
)
def mandates_new(r: Reading) -> Values:
    """SEPA Mandate by creation; sign_date may be long before."""
    for window in windows(r):
        yield window, sum(int(row._mapping[window]) for row in _mandates(r))


@metric(
    "sepa_mandates_expiring",
    unit="mandates",
    title="Expiring mandates",
    help="Active SEPA mandates that expire today or within 30 days",
    nl=("Verlopende machtigingen", "Actieve SEPA-machtigingen die vandaag of binnen 30 dagen verlopen"),
    needs={"SEPA Mandate": ("status", "expiry_date")},
    every=FIVE_MINUTES,
    good="down",
)
def mandates_expiring(r: Reading) -> Values:
    """SEPA Mandate, Active, expiry_date from today to 30 days ahead."""
    yield (sum(int(row.expiring) for row in _mandates(r) if row.status == "Active"),)


@metric(
    "sepa_batches",
    unit="batches",
    title="Direct debit batches",
    help="Direct debit batches per status",
    nl=("Incassobatches", "Incassobatches per status"),
    labels=("status",),
    needs={"Direct Debit Batch": ("status",)},
    every=FIVE_MINUTES,
)
def batches(r: Reading) -> Values:
    """Direct Debit Batch by status; a cancelled document is Cancelled, whatever its status says."""
    return tally(((_batch_status(row), row.number) for row in _batches(r)), BATCH_STATUSES)


@metric(
    "sepa_batch_amount",
    unit="EUR",
    title="Batch amount by status",
    help="Total amount of the direct debit batches per status",
    nl=("Batchbedrag per status", "Totaalbedrag van de incassobatches per status"),
    labels=("status",),
    needs={"Direct Debit Batch": ("status", "total_amount")},
    every=FIVE_MINUTES,
)
def batch_amount(r: Reading) -> Values:
    """Sum of Direct Debit Batch.total_amount by status. SEPA knows the euro only."""
    for status, amount in tally(((_batch_status(row), row.amount) for row in _batches(r)), BATCH_STATUSES):
        yield status, round(amount, 2)


@metric(
    "sepa_batches_recent",
    unit="batches",
    title="Recent batches",
    help="Direct debit batches made within 7 days",
    nl=("Recente incassobatches", "Incassobatches die in de laatste 7 dagen zijn gemaakt"),
    needs={"Direct Debit Batch": ("creation",)},
    every=FIVE_MINUTES,
)
def batches_recent(r: Reading) -> Values:
    """Direct Debit Batch by creation."""
    yield (sum(int(row.recent) for row in _batches(r)),)


@metric(
    "sepa_collections",
    unit="collections",
    title="Direct debits by result",
    help="Direct debits by result; collection date within 30 days",
    nl=("Incasso's per uitkomst", "Incasso's per uitkomst; incassodatum in de laatste 30 dagen"),
    labels=("result",),
    needs={"Direct Debit Batch": ("batch_date",), "Direct Debit Batch Invoice": ("parent", "status")},
    every=QUARTER,
)
def collections(r: Reading) -> Values:
    """Direct Debit Batch Invoice by status, of batches that are not cancelled, by batch_date."""
    return tally(((row.status, row.number) for row in collection_lines(r)), LINE_STATUSES)


@metric(
    "sepa_returns",
    unit="collections",
    title="Returned direct debits",
    help="Failed direct debits by the bank's reason code; collection date within 30 days",
    nl=("Storneringen per reden", "Mislukte incasso's per redencode van de bank; incassodatum in de laatste 30 dagen"),
    labels=("reason",),
    needs={"Direct Debit Batch": ("batch_date",), "Direct Debit Batch Invoice": ("parent", "status", "result_code")},
    every=QUARTER,
    good="down",
)
def returns(r: Reading) -> Values:
    """Direct Debit Batch Invoice with status Failed by result_code; without a code: "none given"."""
    failed = ((_reason(row.result_code), row.number) for row in collection_lines(r) if row.status == "Failed")
    return tally(failed, (NONE_GIVEN,))


@metric(
    "sepa_pending_payments",
    unit="payments",
    title="Draft incoming payments",
    help="Incoming payments that are drafted and not yet submitted",
    nl=("Ontvangsten in concept", "Binnenkomende betalingen die als concept klaarstaan en nog niet zijn ingediend"),
    needs={"Payment Entry": ("docstatus", "payment_type")},
    every=FIVE_MINUTES,
    good="down",
)
def pending_payments(r: Reading) -> Values:
    """Payment Entry, docstatus 0, payment_type Receive."""
    yield (sum(row.number for row in _pending(r)),)


@metric(
    "sepa_pending_amount",
    unit="EUR",
    title="Draft incoming amount",
    help="What the drafted incoming payments come to, in the company's currency",
    nl=(
        "Bedrag in concept",
        "Wat de binnenkomende betalingen in concept samen bedragen, in de valuta van de organisatie",
    ),
    needs={"Payment Entry": ("docstatus", "payment_type", "paid_amount")},
    every=FIVE_MINUTES,
    good="down",
)
def pending_amount(r: Reading) -> Values:
    """Sum of base_received_amount, or of paid_amount where that is missing, of the pending payments."""
    yield (round(float(sum(row.amount or 0 for row in _pending(r))), 2),)


@metric(
    "sepa_audit_events",
    unit="events",
    title="SEPA audit events",
    help="Events in the SEPA audit log per process and compliance status within 7 days",
    nl=(
        "SEPA-auditgebeurtenissen",
        "Gebeurtenissen in het SEPA-auditlogboek van de laatste 7 dagen, per proces en nalevingsstatus",
    ),
    labels=("process", "status"),
    needs={"SEPA Audit Log": _AUDIT_NEEDS},
    every=FIVE_MINUTES,
)
def audit_events(r: Reading) -> Values:
    """SEPA Audit Log by process_type and compliance_status."""
    totals = Counter(dict.fromkeys(product(PROCESSES, COMPLIANCE_STATUSES), 0))
    for row in _audit(r):
        totals[label(row.process_type), label(row.compliance_status)] += row.number
    for (process, status), number in totals.items():
        yield process, status, number


@metric(
    "sepa_audit_failures",
    unit="events",
    title="Failed SEPA steps",
    help="Events in the SEPA audit log with compliance status Failed within the window",
    nl=(
        "Mislukte SEPA-stappen",
        "Gebeurtenissen in het SEPA-auditlogboek met nalevingsstatus Mislukt, binnen het tijdvak",
    ),
    labels=("window",),
    needs={"SEPA Audit Log": ("compliance_status", "timestamp", "creation", "modified")},
    every=FIVE_MINUTES,
    good="down",
)
def audit_failures(r: Reading) -> Values:
    """SEPA Audit Log, compliance_status Failed, by timestamp; see `_written` for what keeps it cheap."""
    log = r.table("SEPA Audit Log")
    written = _written(r, log)
    longest = r.local(r.now - max(FAILURE_WINDOWS.values()))
    happened = func.coalesce(log.c.timestamp, written)
    counts = [number_where(happened >= r.local(r.now - span)) for span in FAILURE_WINDOWS.values()]
    found = r.row(select(*counts).where(written >= longest, happened >= longest, log.c.compliance_status == "Failed"))
    yield from ((window, int(number)) for window, number in zip(FAILURE_WINDOWS, found, strict=True))


@observation(
    "audit_summary",
    help="The SEPA audit log of the last 7 days by process, action and compliance status",
    needs={"SEPA Audit Log": (*_AUDIT_NEEDS, "action")},
    every=FIVE_MINUTES,
)
def audit_summary(r: Reading) -> dict[str, Any]:
    """What the SEPA Audit Log holds, without documents and users.

    Returns:
        {"rows": [{process_type, action, compliance_status, count, latest (ISO, UTC)}] most frequent first,
        "totals": {status: number}, "compliance_status": {process: {status: number}}, "since": ISO, UTC}
    """
    merged: dict[tuple[str, str, str], list[Any]] = {}
    for row in _audit(r):
        key = (label(row.process_type), label(row.action), label(row.compliance_status))
        entry = merged.setdefault(key, [0, None])
        entry[0] += row.number
        latest = r.utc(row.latest)
        entry[1] = max(filter(None, (entry[1], latest)), default=None)
    totals: Counter[str] = Counter(dict.fromkeys(COMPLIANCE_STATUSES, 0))
    processes: dict[str, Counter[str]] = {name: Counter(totals) for name in PROCESSES}
    for (process, _action, status), (number, _latest) in merged.items():
        totals[status] += number
        processes.setdefault(process, Counter())[status] += number
    return {
        "rows": [
            {"process_type": key[0], "action": key[1], "compliance_status": key[2], "count": number, "latest": iso(at)}
            for key, (number, at) in sorted(merged.items(), key=lambda item: (-item[1][0], item[0]))
        ],
        "totals": dict(totals),
        "compliance_status": {process: dict(counts) for process, counts in processes.items()},
        "since": iso(r.now - AUDIT_WINDOW),
    }


def _mandates(r: Reading) -> list[Any]:
    """All mandates in one pass: rows (status, number, expiring, day, month) as far as the site has the fields."""

    def read() -> list[Any]:
        mandate = r.table("SEPA Mandate")
        groups = [mandate.c.status] if "status" in mandate.c else []
        fields: list[Any] = [*groups, func.count().label("number")]
        if "expiry_date" in mandate.c:
            today = r.today()
            soon = and_(mandate.c.expiry_date >= today, mandate.c.expiry_date <= today + EXPIRES_WITHIN)
            fields.append(number_where(soon).label("expiring"))
        if "creation" in mandate.c:
            for window, day in windows(r).items():
                fields.append(number_where(not_before(mandate.c.creation, day)).label(window))
        return list(r.rows(select(*fields).select_from(mandate).group_by(*groups)))

    return r.once("sepa.mandates", read)


def _batches(r: Reading) -> list[Any]:
    """All batches in one pass: rows (status, docstatus, number, amount, recent) as far as the site has the fields."""

    def read() -> list[Any]:
        batch = r.table("Direct Debit Batch")
        groups = [batch.c[name] for name in ("status", "docstatus") if name in batch.c]
        fields: list[Any] = [*groups, func.count().label("number")]
        if "total_amount" in batch.c:
            fields.append(func.sum(batch.c.total_amount).label("amount"))
        if "creation" in batch.c:
            fields.append(number_where(batch.c.creation >= r.local(r.now - RECENT)).label("recent"))
        return list(r.rows(select(*fields).select_from(batch).group_by(*groups)))

    return r.once("sepa.batches", read)


def _batch_status(row: Any) -> str:
    return "Cancelled" if row._mapping.get("docstatus") == 2 else label(row.status)


def _pending(r: Reading) -> Iterator[Any]:
    return (row for row in payment_totals(r) if row.docstatus == 0 and row.payment_type == "Receive")


def _reason(code: Any) -> str:
    """A bank's reason code such as AM04; whatever else stands in its place is "other": it may name somebody."""
    word = str(code or "").strip().upper()
    if not word:
        return NONE_GIVEN
    return word if re.fullmatch(r"[A-Z][A-Z0-9]{1,7}", word) else "other"


def _audit(r: Reading) -> list[Any]:
    """Events of 7 days: rows (process_type, compliance_status, action, number, latest)."""

    def read() -> list[Any]:
        log = r.table("SEPA Audit Log")
        since = r.local(r.now - AUDIT_WINDOW)
        groups = [log.c[name] for name in ("process_type", "compliance_status", "action") if name in log.c]
        written = _written(r, log)
        happened = func.coalesce(log.c.timestamp, written)
        query = (
            select(*groups, func.count().label("number"), func.max(happened).label("latest"))
            .where(written >= since, happened >= since)
            .group_by(*groups)
        )
        return list(r.rows(query))

    return r.once("sepa.audit", read)


def _written(r: Reading, log: Any) -> Any:
    """The time that has an index and bounds the rows of the SEPA Audit Log that are read, `modified` or `creation`.

    An event is written down when it has happened: neither lies before its timestamp.
    """
    return log.c[indexed_time(r, "SEPA Audit Log") or MODIFIED]

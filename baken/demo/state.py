"""The figures of the past that the site's own rows tell: members, mandates, batches, invoices, payments, errors,
e-mails.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from baken.demo.grid import DAY, HOUR, OPEN, Floats, Grid, Ints, Series, columns, epochs
from baken.demo.layout import tables

_GONE = ("Terminated", "Expired", "Deceased", "Banned")
# A log that is kept for so many days is repeated in steps of whole weeks to tell of the time before.
_ERROR_REPEAT, _MAIL_REPEAT = 91 * DAY, 28 * DAY


def _s(metric: str, values: Floats, every: int = 900, **labels: str) -> Series:
    return Series(metric, tuple(sorted(labels.items())), values, every)


def from_rows(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    """Every series that can be computed from the site's database."""
    yield from _members(conn, grid)
    yield from _association(conn, grid)
    yield from _mandates(conn, grid)
    yield from _batches(conn, grid)
    yield from _collections(conn, grid)
    yield from _invoices(conn, grid)
    yield from _payments(conn, grid)
    yield from _audit(conn, grid)
    yield from _logs(conn, grid)


def _texts(values: list[Any]) -> Any:
    return np.array([value or "" for value in values], dtype=object)


def _chain(
    grid: Grid, options: tuple[str, ...], stages: list[tuple[Any, Ints, Ints]], weights: Floats | None = None
) -> dict[str, Floats]:
    """Per option: the sum over `stages` (state of each row, since, until)."""
    totals = {option: np.zeros(len(grid.at)) for option in options}
    for states, since, until in stages:
        for option in set(states) - {""}:
            which = (states == option) & (until > since)
            part = grid.count(since[which], until[which], None if weights is None else weights[which])
            totals[option] = totals.get(option, 0) + part
    return totals


def _options(table: str, field: str) -> tuple[str, ...]:
    return tuple(option for option in tables()[table].selects[field] if option)


def _members(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    created, modified, reviewed, status, stage, since, customer = columns(
        conn,
        "SELECT creation, modified, review_date, status, application_status, member_since, customer FROM tabMember",
    )
    born, changed, review = epochs(created), epochs(modified), epochs(reviewed)
    states, stages = _texts(status), _texts(stage)
    size = len(states)
    never = np.full(size, OPEN)
    admitted = np.array([bool(value) for value in since])
    decided = np.where(states == "Pending", OPEN, np.where(admitted, review, changed))
    moved = np.where((states == "Active") | (states == "Pending"), OPEN, changed)
    pending, active = np.full(size, "Pending", dtype=object), np.where(admitted, "Active", "").astype(object)
    final = np.where(moved < OPEN, states, "").astype(object)
    totals = _chain(
        grid,
        _options("tabMember", "status"),
        [(pending, born, decided), (active, review, moved), (final, moved, never)],
    )
    for name, values in totals.items():
        yield _s("association_members", values, status=name)
    joined, gone = review[admitted], changed[np.isin(states, _GONE)]
    for window, days in (("day", 1), ("month", 30)):
        new, left = grid.today(joined, days), grid.today(gone, days)
        yield _s("association_members_new", new, window=window)
        yield _s("association_members_left", left, 900, window=window)
        yield _s("association_members_net_growth", new - left, 900, window=window)
    without = np.array([value is None for value in customer]) & admitted
    yield _s("association_members_without_customer", grid.count(review[without], moved[without]))

    # Applications: a third of the way they are Pending, a third Under Review, the rest Payment Pending.
    end = np.minimum(decided, OPEN)
    length = np.where(decided < OPEN, decided - born, 0)
    first = np.where(states == "Pending", changed, born + length // 3)
    second = np.where(states == "Pending", OPEN, born + 2 * length // 3)
    third = np.where(states == "Pending", "", "Payment Pending").astype(object)
    middle = np.where(states == "Pending", stages, "Under Review").astype(object)
    closed = np.where(states == "Pending", "", np.where(np.isin(stages, ("Approved", "Rejected")), stages, "Active"))
    totals = _chain(
        grid,
        _options("tabMember", "application_status"),
        [(pending, born, first), (middle, first, second), (third, second, end), (closed.astype(object), end, never)],
    )
    for name, values in totals.items():
        yield _s("association_applications", values, status=name)
    yield _s("association_applications_stalled", grid.count(np.minimum(born + 7 * DAY, end), end))
    recent = end > grid.at[0] - DAY
    yield _s("association_application_median_days", _median_age(grid, born[recent], end[recent]))


def _median_age(grid: Grid, born: Ints, end: Ints) -> Floats:
    some = np.arange(0, len(grid.at), 3)
    ages = []
    for at in grid.at[some]:
        live = born[(born <= at) & (end > at)]
        ages.append(float(np.median(at - live)) / DAY if len(live) else 0.0)
    return np.interp(grid.at, grid.at[some], ages)


def _association(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    created, modified, status = columns(conn, "SELECT creation, modified, status FROM tabVolunteer")
    states, born, changed = _texts(status), epochs(created), epochs(modified)
    over = np.isin(states, ("Inactive", "Retired"))
    before = np.where(over, "Active", states).astype(object)
    after = np.where(over, states, "").astype(object)
    until = np.where(over, changed, OPEN)
    stages = [(before, born, until), (after, until, np.full(len(born), OPEN))]
    for name, values in _chain(grid, _options("tabVolunteer", "status"), stages).items():
        yield _s("association_volunteers", values, status=name)

    created, modified, status, upcoming = columns(
        conn,
        'SELECT creation, modified, status, next_invoice_date FROM "tabMembership Dues Schedule" WHERE is_template = 0',
    )
    states, born, changed = _texts(status), epochs(created), epochs(modified)
    over = states != "Active"
    until = np.where(over, changed, OPEN)
    stages = [
        (np.full(len(born), "Active", dtype=object), born, until),
        (np.where(over, states, "").astype(object), until, np.full(len(born), OPEN)),
    ]
    for name, values in _chain(grid, _options("tabMembership Dues Schedule", "status"), stages).items():
        yield _s("association_dues_schedules", values, status=name)
    late = epochs(upcoming)
    late = np.where(late < OPEN, late + 8 * DAY, OPEN)
    yield _s("association_dues_schedules_stuck", grid.count(late[late <= grid.at[-1] + DAY]))

    (created,) = columns(
        conn,
        'SELECT p.creation FROM "tabPayment Entry" p WHERE p.docstatus = 1 AND NOT EXISTS '
        '(SELECT 1 FROM "tabPayment Entry Reference" r WHERE r.parent = p.name)',
    )
    yield _s("association_payments_without_reference", grid.today(epochs(created), 91), 3600)


def _mandates(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    created, modified, status, expiry = columns(
        conn, 'SELECT creation, modified, status, expiry_date FROM "tabSEPA Mandate"'
    )
    states, born, changed = _texts(status), epochs(created), epochs(modified)
    over = ~np.isin(states, ("Active", "Draft"))
    until = np.where(over, changed, OPEN)
    stages = [
        (np.where(over, "Active", states).astype(object), born, until),
        (np.where(over, states, "").astype(object), until, np.full(len(born), OPEN)),
    ]
    for name, values in _chain(grid, _options("tabSEPA Mandate", "status"), stages).items():
        yield _s("sepa_mandates", values, status=name)
    yield _s("sepa_mandates_new", grid.today(born), window="day")
    yield _s("sepa_mandates_new", grid.today(born, 30), window="month")
    ends = epochs(expiry)
    soon = ends < OPEN
    begins = np.maximum(ends[soon] - 30 * DAY, born[soon])
    yield _s("sepa_mandates_expiring", grid.count(begins, np.minimum(ends[soon] + DAY, until[soon])))


def _batches(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    created, modified, generated, status, amount = columns(
        conn, 'SELECT creation, modified, sepa_generation_date, status, total_amount FROM "tabDirect Debit Batch"'
    )
    states, born, changed, made = _texts(status), epochs(created), epochs(modified), epochs(generated)
    amounts = np.array(amount, dtype=np.float64)
    sent = np.where(np.isin(states, ("Submitted", "Processed")), np.minimum(born + 25 * HOUR, changed), OPEN)
    failed = np.where(states == "Failed", changed, OPEN)
    done = np.where(states == "Processed", changed, OPEN)
    size = len(born)

    def named(name: str) -> Any:
        return np.full(size, name, dtype=object)

    stages = [
        (named("Draft"), born, np.minimum(made, OPEN)),
        (named("Generated"), made, np.minimum(sent, failed)),
        (named("Submitted"), sent, done),
        (named("Processed"), done, np.full(size, OPEN)),
        (named("Failed"), failed, np.full(size, OPEN)),
    ]
    options = _options("tabDirect Debit Batch", "status")
    for name, values in _chain(grid, options, stages).items():
        yield _s("sepa_batches", values, status=name)
    for name, values in _chain(grid, options, stages, amounts).items():
        yield _s("sepa_batch_amount", values, status=name)
    yield _s("sepa_batches_recent", grid.within(born, 7 * DAY))


def _collections(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    created, modified, status, code, day = columns(
        conn,
        'SELECT l.creation, l.modified, l.status, l.result_code, b.batch_date FROM "tabDirect Debit Batch Invoice" l '
        'JOIN "tabDirect Debit Batch" b ON b.name = l.parent WHERE b.docstatus <> 2 '
        "ORDER BY l.creation DESC LIMIT 20000",
    )
    states, born, changed = _texts(status), epochs(created), epochs(modified)
    ends = epochs(day) + 31 * DAY
    over = states != "Pending"
    until = np.where(over, changed, ends)
    stages = [
        (np.full(len(born), "Pending", dtype=object), born, until),
        (np.where(over, states, "").astype(object), until, ends),
    ]
    totals = _chain(grid, _options("tabDirect Debit Batch Invoice", "status"), stages)
    for name, values in totals.items():
        yield _s("sepa_collections", values, 900, result=name)
    good, bad = totals["Successful"], totals["Failed"]
    yield _s("erpnext_payment_attempts", good, 3600, result="successful")
    yield _s("erpnext_payment_attempts", bad, 3600, result="failed")
    yield _s("erpnext_payment_success_ratio", good / np.maximum(1.0, good + bad), 3600)
    codes = _texts(code)
    for name in sorted(set(codes) - {""}):
        which = (codes == name) & (states == "Failed")
        yield _s("sepa_returns", grid.count(changed[which], ends[which]), 900, reason=str(name))


def _invoices(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    created, modified, due, status, docstatus, total, rest = columns(
        conn,
        "SELECT creation, modified, due_date, status, docstatus, grand_total, outstanding_amount "
        'FROM "tabSales Invoice"',
    )
    states, born, changed = _texts(status), epochs(created), epochs(modified)
    late = epochs(due) + DAY
    whole, open_amount = np.array(total, dtype=np.float64), np.array(rest, dtype=np.float64)
    draft = np.array([value == 0 for value in docstatus])
    size = len(born)
    never = np.full(size, OPEN)
    settled = np.where(np.isin(states, ("Paid", "Partly Paid", "Cancelled")), changed, OPEN)
    begin = np.where(draft, OPEN, born)
    unpaid, overdue = np.full(size, "Unpaid", dtype=object), np.full(size, "Overdue", dtype=object)
    final = np.where(settled < OPEN, states, np.where(draft, "Draft", "")).astype(object)
    stages = [
        (unpaid, begin, np.minimum(late, settled)),
        (overdue, np.maximum(late, begin), settled),
        (final, np.where(draft, born, settled), never),
    ]
    options = tuple(option for option in _options("tabSales Invoice", "status"))
    for name, values in _chain(grid, options, stages).items():
        yield _s("erpnext_invoices", values, status=name)
    gone = np.where(states == "Cancelled", changed, OPEN)
    yield _s("erpnext_invoices_submitted", grid.count(begin, gone))
    yield _s("erpnext_outstanding_amount", grid.count(begin, settled, whole) + grid.count(settled, None, open_amount))
    late = np.maximum(late, begin)
    yield _s(
        "erpnext_overdue_amount",
        grid.count(late, settled, whole) + grid.count(np.maximum(late, settled), None, open_amount),
    )
    yield _s("erpnext_transactions_today", grid.today(born[~draft]), kind="invoices")
    (entries,) = columns(conn, 'SELECT creation FROM "tabJournal Entry"')
    yield _s("erpnext_transactions_today", grid.today(epochs(entries)), kind="journal_entries")


def _payments(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    created, modified, docstatus, amount = columns(
        conn, 'SELECT creation, modified, docstatus, base_received_amount FROM "tabPayment Entry"'
    )
    born, changed = epochs(created), epochs(modified)
    amounts = np.array(amount, dtype=np.float64)
    state = np.array(docstatus)
    until = np.where(state == 0, OPEN, changed)
    yield _s("erpnext_payments", grid.count(born, until), status="Draft")
    yield _s("erpnext_payments", grid.count(changed[state == 1]), status="Submitted")
    yield _s("erpnext_payments", grid.count(changed[state == 2]), status="Cancelled")
    yield _s("sepa_pending_payments", grid.count(born, until))
    yield _s("sepa_pending_amount", grid.count(born, until, amounts))
    yield _s("erpnext_transactions_today", grid.today(changed[state == 1]), kind="payments")


def _audit(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    at, process, verdict = columns(conn, 'SELECT timestamp, process_type, compliance_status FROM "tabSEPA Audit Log"')
    when, processes, verdicts = epochs(at), _texts(process), _texts(verdict)
    for name in _options("tabSEPA Audit Log", "process_type"):
        for status in _options("tabSEPA Audit Log", "compliance_status"):
            chosen = when[(processes == name) & (verdicts == status)]
            yield _s("sepa_audit_events", grid.within(chosen, 7 * DAY), process=name, status=status)


def _logs(conn: sqlite3.Connection, grid: Grid) -> Iterator[Series]:
    (at,) = columns(conn, 'SELECT modified FROM "tabError Log"')
    errors = epochs(at)
    errors = np.concatenate([errors, errors - _ERROR_REPEAT])
    for window, span in (("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY)):
        yield _s("frappe_errors", grid.within(errors, span), 300, window=window)
    yield _s("frappe_error_log_rows", grid.within(errors, 91 * DAY))

    created, modified, status = columns(conn, 'SELECT creation, modified, status FROM "tabEmail Queue"')
    states, born, changed = _texts(status), epochs(created), epochs(modified)
    ended = np.isin(states, ("Sent", "Error"))
    stages = []
    for shift in (0, 1, 2, 3, 4):
        back = shift * _MAIL_REPEAT
        # The earlier copies are thinned to those whose turn it was: a copy's month ends where the next begins.
        which = ended if shift else np.full(len(states), True)
        if shift:
            which = which & (born - back < born.min(initial=OPEN) - (shift - 1) * _MAIL_REPEAT)
        waiting = np.where(ended, "Not Sent", states).astype(object)[which]
        until = np.where(ended, changed, OPEN)[which] - np.where(ended, back, 0)[which]
        stages.append((waiting, born[which] - back, until))
        if ended.any():
            done = which & ended
            stages.append((states[done], changed[done] - back, born[done] - back + (30 if shift else 31) * DAY))
    for name, values in _chain(grid, _options("tabEmail Queue", "status"), stages).items():
        yield _s("frappe_email_queue", np.maximum(0.0, values), 300, status=name)

    created, enabled = columns(conn, "SELECT creation, enabled FROM tabUser WHERE name <> 'Guest'")
    born = epochs(created)
    on = np.array([bool(value) for value in enabled])
    yield _s("frappe_users", grid.count(born[on]), state="enabled")
    yield _s("frappe_users", grid.count(born[~on]), state="disabled")

"""Invoices, payments and payment attempts against the reference site's own rows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from baken.metrics import catalogue
from tests.conftest import FrappeSite
from tests.metrics.business import Copy, drop, empty_all, figures, restoring, sqlite_copy
from tests.metrics.conftest import NOW, Subject, measure

BUSINESS = [m.name for m in catalogue.metrics("site") if m.domain in ("erpnext", "association", "sepa")]
INVOICE, PAYMENT = "`tabSales Invoice`", "`tabPayment Entry`"
LINE, BATCH, USE = "`tabDirect Debit Batch Invoice`", "`tabDirect Debit Batch`", "`tabSEPA Mandate Usage`"


@pytest.fixture
def copy(own_site: Subject, frappe_site: FrappeSite) -> Iterator[Copy]:
    tables = (
        "Sales Invoice",
        "Payment Entry",
        "Journal Entry",
        "Company",
        "SEPA Mandate Usage",
        "Direct Debit Batch",
        "Direct Debit Batch Invoice",
    )
    with restoring(own_site, frappe_site, *tables) as found:
        yield found


def test_figures_of_the_reference_site(frappe_subject: Subject) -> None:
    ask = frappe_subject.execute
    copy = Copy(frappe_subject)

    invoices = copy.values("erpnext_invoices")
    assert {status: n for status, n in invoices.items() if n} == {
        "Draft": 30,
        "Paid": 137,
        "Unpaid": 73,
        "Overdue": 74,
        "Cancelled": 12,
    }
    assert len(invoices) == 13 and invoices["Return"] == 0
    assert copy.value("erpnext_invoices_submitted") == 284
    owed = ask(f"SELECT SUM(outstanding_amount) FROM {INVOICE} WHERE docstatus = 1 AND outstanding_amount > 0")
    assert copy.value("erpnext_outstanding_amount") == float(owed[0][0]) == 2239.0
    assert copy.value("erpnext_overdue_amount") == 977.0
    assert copy.values("erpnext_payments") == {"Draft": 5, "Submitted": 137, "Cancelled": 3}
    posted = ask(f"SELECT COUNT(*) FROM {PAYMENT} WHERE docstatus = 1 AND posting_date = '2026-11-22'")
    assert copy.values("erpnext_transactions_today") == {
        "payments": posted[0][0],
        "invoices": 0,
        "journal_entries": 0,
    }
    expected = {
        status: ask(
            f"SELECT COUNT(*) FROM {LINE} WHERE status = '{status}' AND parent IN "
            f"(SELECT name FROM {BATCH} WHERE batch_date >= '2026-10-23')"
        )[0][0]
        for status in ("Successful", "Failed")
    }
    assert copy.values("erpnext_payment_attempts") == {
        "successful": expected["Successful"],
        "failed": expected["Failed"],
    }
    assert copy.value("erpnext_payment_success_ratio") == pytest.approx(76 / 101)


def test_every_database_gives_the_same_figures(any_site: Subject, reading: object) -> None:
    with any_site.reading() as other:
        for name in BUSINESS:
            expected = figures(measure(name, reading))  # type: ignore[arg-type]
            assert figures(measure(name, other)) == pytest.approx(expected), name


def test_a_new_invoice_and_a_payment_show(copy: Copy) -> None:
    first = "SELECT MIN(name) FROM (SELECT name FROM {} WHERE docstatus = 0) x"
    copy.run(
        f"UPDATE {INVOICE} SET docstatus = 1, status = 'Partly Paid', outstanding_amount = 12.34, "
        f"due_date = '2026-11-21', posting_date = '2026-11-22' WHERE name = ({first.format(INVOICE)})",
        f"UPDATE {PAYMENT} SET docstatus = 1, posting_date = '2026-11-22', modified = '2026-11-22 09:00:00' "
        f"WHERE name = ({first.format(PAYMENT)})",
    )
    assert copy.values("erpnext_invoices")["Partly Paid"] == 1
    assert copy.value("erpnext_invoices_submitted") == 285
    assert copy.value("erpnext_outstanding_amount") == 2251.34
    assert copy.value("erpnext_overdue_amount") == 989.34
    assert copy.values("erpnext_transactions_today") == {"payments": 22, "invoices": 1, "journal_entries": 0}
    assert copy.values("erpnext_payments")["Draft"] == 4


def test_today_begins_at_midnight_in_amsterdam(copy: Copy) -> None:
    copy.run(f"UPDATE {INVOICE} SET posting_date = '2026-11-23', due_date = '2026-11-23' WHERE status = 'Unpaid'")
    before, after = datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC), datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    assert copy.values("erpnext_transactions_today", before)["invoices"] == 0
    assert copy.values("erpnext_transactions_today", after)["invoices"] == 73
    day_later = datetime(2026, 11, 23, 22, 59, tzinfo=UTC)
    assert copy.value("erpnext_overdue_amount", day_later) == 977.0
    assert copy.value("erpnext_overdue_amount", datetime(2026, 11, 23, 23, 0, tzinfo=UTC)) == 2239.0


def test_summer_time_ends_and_begins_between_midnights(copy: Copy) -> None:
    copy.run(f"UPDATE {INVOICE} SET posting_date = IF(status = 'Unpaid', '2026-10-25', '2026-01-01')")
    for hour, expected in ((21, 0), (22, 73), (46, 73), (47, 0)):
        # 25 October 2026 has 25 hours: from 22:00 UTC of the 24th to 23:00 UTC of the 25th.
        moment = datetime(2026, 10, 24 + hour // 24, hour % 24, 30, tzinfo=UTC)
        assert copy.values("erpnext_transactions_today", moment)["invoices"] == expected, moment


def test_amounts_in_another_currency(copy: Copy) -> None:
    copy.run(
        f"UPDATE {INVOICE} SET outstanding_amount = 0 WHERE docstatus = 1",
        f"UPDATE {INVOICE} SET outstanding_amount = 100, currency = 'USD', party_account_currency = 'USD', "
        f"conversion_rate = 0.9 WHERE status = 'Overdue' ORDER BY name LIMIT 1",
    )
    assert copy.value("erpnext_outstanding_amount") == 90.0
    copy.run(f"UPDATE {INVOICE} SET party_account_currency = 'EUR' WHERE currency = 'USD'")
    assert copy.value("erpnext_outstanding_amount") == 100.0
    copy.run(f"UPDATE {INVOICE} SET party_account_currency = NULL WHERE currency = 'USD'")
    assert copy.value("erpnext_outstanding_amount") == 100.0
    copy.run("UPDATE tabCompany SET default_currency = 'CHF'")
    assert "CHF" in copy.problem("erpnext_outstanding_amount")
    assert copy.value("erpnext_invoices_submitted") == 284


def test_companies_with_two_currencies(copy: Copy) -> None:
    copy.run(
        "INSERT INTO tabCompany (name, company_name, default_currency, "
        "book_advance_payments_in_separate_party_account) VALUES ('Zwitserland', 'Zwitserland', 'CHF', 0)"
    )
    assert copy.value("erpnext_outstanding_amount") == 2239.0
    copy.run(f"UPDATE {INVOICE} SET company = 'Zwitserland' WHERE status = 'Overdue' ORDER BY name LIMIT 1")
    assert "keeps its books in CHF" in copy.problem("erpnext_overdue_amount")
    assert sum(copy.values("erpnext_invoices").values()) == 326


def test_a_missing_column_takes_its_own_metrics_only(copy: Copy) -> None:
    copy.run(f"ALTER TABLE {INVOICE} DROP COLUMN due_date")
    assert copy.problem("erpnext_overdue_amount") == "DocType Sales Invoice of this site has no field due_date"
    assert copy.value("erpnext_outstanding_amount") == 2239.0
    copy.run(f"ALTER TABLE {INVOICE} DROP COLUMN outstanding_amount, DROP COLUMN company")
    assert "outstanding_amount" in copy.problem("erpnext_outstanding_amount")
    copy.run(f"ALTER TABLE {INVOICE} CHANGE status state VARCHAR(140)")
    assert copy.problem("erpnext_invoices") == "DocType Sales Invoice of this site has no field status"
    assert copy.value("erpnext_invoices_submitted") == 284
    copy.run(f"ALTER TABLE {PAYMENT} DROP COLUMN payment_type, DROP COLUMN base_received_amount")
    assert copy.values("erpnext_payments")["Submitted"] == 137
    copy.run(f"ALTER TABLE {LINE} DROP COLUMN result_code")
    assert copy.value("erpnext_payment_success_ratio") == pytest.approx(76 / 101)


def test_empty_statuses_have_a_label(copy: Copy) -> None:
    copy.run(f"UPDATE {INVOICE} SET status = NULL WHERE status = 'Overdue'")
    copy.run(f"UPDATE {INVOICE} SET status = '' WHERE status = 'Unpaid'")
    found = copy.values("erpnext_invoices")
    assert (found["Submitted"], found["Overdue"], found["Unpaid"]) == (147, 0, 0)
    copy.run(f"UPDATE {INVOICE} SET status = 'betaald door jan@leden.example' WHERE docstatus = 1")
    assert copy.values("erpnext_invoices")["betaald door email"] == 284


def test_uses_of_mandates_count_once(copy: Copy) -> None:
    insert = (
        f"INSERT INTO {USE} (name, parent, usage_date, status, amount, retry_count, batch_reference, "
        "reference_doctype, reference_name) VALUES "
    )
    copy.run(
        insert + "('u1', 'm1', '2026-11-20', 'Collected', 10, 0, NULL, NULL, NULL)",
        insert + "('u2', 'm1', '2026-11-20', 'Returned', 10, 0, '', 'Sales Invoice', 'ACC-SINV-NO-BATCH')",
        insert + "('u3', 'm1', '2026-11-20', 'Failed', 10, 0, 'BATCH-OTHER', 'Other', 'x')",
        insert + "('u4', 'm1', '2026-11-20', 'Pending', 10, 0, NULL, NULL, NULL)",
        insert + "('u5', 'm1', '2026-10-01', 'Collected', 10, 0, NULL, NULL, NULL)",
        insert + "('u6', 'm1', '2026-11-20', 'Collected', 10, 0, 'BATCH-26-11-0004', NULL, NULL)",
        insert + "('u7', 'm1', '2026-11-20', 'Failed', 10, 0, NULL, 'Direct Debit Batch', 'BATCH-26-11-0004')",
        insert + "('u8', 'm1', '2026-11-20', 'Collected', 10, 0, NULL, 'Sales Invoice', "
        f"(SELECT MIN(invoice) FROM {LINE} WHERE parent = 'BATCH-26-11-0004'))",
    )
    assert copy.values("erpnext_payment_attempts") == {"successful": 77, "failed": 27}
    assert copy.value("erpnext_payment_success_ratio") == pytest.approx(77 / 104)


def test_cancelled_batches_and_open_lines_are_no_attempts(copy: Copy) -> None:
    copy.run(f"UPDATE {BATCH} SET docstatus = 2")
    assert copy.values("erpnext_payment_attempts") == {"successful": 0, "failed": 0}
    reason = "no payment attempt got its final result within 30 days"
    assert copy.problem("erpnext_payment_success_ratio") == reason
    copy.run(f"UPDATE {BATCH} SET docstatus = 1, batch_date = '2026-10-22'")
    assert copy.problem("erpnext_payment_success_ratio") == reason
    copy.run(f"UPDATE {BATCH} SET batch_date = '2026-10-23'")
    assert copy.values("erpnext_payment_attempts") == {"successful": 104, "failed": 91}
    copy.run(f"UPDATE {BATCH} SET batch_date = NULL")
    assert copy.problem("erpnext_payment_success_ratio") == reason


def test_an_empty_site(frappe_site: FrappeSite, sqlite_database: Path, tmp_path: Path) -> None:
    stated = {
        "erpnext_payment_success_ratio": "no payment attempt got its final result within 30 days",
        "association_application_median_days": "no membership application is open",
    }
    with sqlite_copy(frappe_site, sqlite_database, tmp_path, empty_all) as copy:
        for name in BUSINESS:
            if name in stated:
                assert copy.problem(name) == stated[name]
            else:
                assert set(copy.values(name).values()) == {0}, name


def test_a_site_without_erpnext_or_the_association(
    frappe_site: FrappeSite, sqlite_database: Path, tmp_path: Path
) -> None:
    ours = ("Member", "Volunteer", "SEPA", "Direct Debit", "System Alert")
    with sqlite_copy(frappe_site, sqlite_database, tmp_path, drop(*ours)) as copy:
        for name in BUSINESS:
            needs = catalogue.get(name).needs  # type: ignore[union-attr]
            if any(doctype.startswith(ours) for doctype in needs):
                assert copy.problem(name).startswith("this site has no DocType "), name
            else:
                assert copy.values(name)
    with sqlite_copy(frappe_site, sqlite_database, tmp_path, drop("Sales", "Payment", "Journal", "Company")) as copy:
        assert copy.problem("erpnext_invoices") == "this site has no DocType Sales Invoice"
        assert copy.problem("sepa_pending_payments") == "this site has no DocType Payment Entry"
        assert copy.values("association_members")["Active"] == 401
        assert copy.value("erpnext_payment_success_ratio") == pytest.approx(76 / 101)


def test_few_queries(frappe_subject: Subject) -> None:
    for _ in range(2):
        with frappe_subject.reading(NOW) as reading:
            for name in BUSINESS:
                measure(name, reading)
            found = reading.queries
    # The second look knows the layout and needs no more than one pass per table and question.
    assert found <= 45

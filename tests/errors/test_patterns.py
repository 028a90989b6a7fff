"""What a summary of errors says, and when it says nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from baken.errors.fingerprint import fingerprint_text
from baken.errors.patterns import recent
from baken.errors.taxonomy import classify
from baken.history.store import Store
from tests.errors.logs import NAME, Log, traceback

NOW = datetime(2026, 7, 1, 12, 20, tzinfo=UTC)
LOCAL = datetime(2026, 7, 1, 14, 20)
HOUR = timedelta(hours=1)


def test_a_log_that_was_never_read_has_no_figures(store: Store) -> None:
    with store.read() as conn:
        answer = recent(conn, NAME, now=NOW)
    assert answer["total"] is None
    assert answer["by_hour"] == [None] * 24
    assert answer["patterns"] == []
    assert "not been read" in answer["absent"]["errors"]


def test_a_quiet_log_is_zero_and_not_absent(log: Log, store: Store) -> None:
    log.collect(store, NOW)
    with store.read() as conn:
        answer = recent(conn, NAME, now=NOW)
    assert answer["total"] == 0
    assert answer["by_hour"] == [0] * 24
    assert answer["absent"] == {}
    assert answer["measured_at"] == "2026-07-01T12:20:00Z"


def test_patterns_of_a_day(log: Log, store: Store) -> None:
    for number in range(6):
        log.add(f"a{number}", LOCAL - number * HOUR, "a", traceback("builtins.KeyError", "'iban'"))
    log.add("a-old", LOCAL - timedelta(days=3), "a", traceback("builtins.KeyError", "'iban'"))
    for number in range(2):
        log.add(f"b{number}", LOCAL - timedelta(minutes=number), f"Mandate M-{number}00 of Elif Bos failed", "SEPA")
    log.collect(store, NOW)
    with store.read() as conn:
        answer = recent(conn, NAME, now=NOW)
        assert recent(conn, NAME, now=NOW, limit=1)["patterns"] == answer["patterns"][:1]
        assert recent(conn, NAME, now=NOW, limit=None)["patterns"] == answer["patterns"]
        assert recent(conn, "another", now=NOW)["total"] is None
    assert answer["total"] == 8
    assert answer["since"] == answer["hours"][0] == "2026-06-30T13:00:00Z"
    assert answer["hours"][-1] == "2026-07-01T12:00:00Z"
    assert answer["by_hour"][-6:] == [1, 1, 1, 1, 1, 3]
    first, second = answer["patterns"]
    assert (first["exception"], first["count"], first["share"]) == ("KeyError", 6, 0.75)
    assert first["error_summary"] == "KeyError: 'iban'"
    assert first["hours"][-6:] == [1] * 6
    assert first["first_seen"] == "2026-06-28T12:20:00Z"
    assert first["first_occurrence"] == "2026-07-01T07:00:00Z"
    assert first["latest"] == "2026-07-01T12:20:00Z"
    assert not first["new"]
    assert second["new"]
    assert second["template"] == "Mandate <id> of <name> failed"
    assert (second["area"], second["category"]) == ("SEPA", "payment")
    assert sum(map(sum, (p["hours"] for p in answer["patterns"]))) == answer["total"]


def test_nothing_is_new_when_baken_has_not_looked_further_back(log: Log, store: Store) -> None:
    log.add("a", LOCAL)
    log.collect(store, NOW)
    with store.read() as conn:
        answer = recent(conn, NAME, hours=24 * 14, now=NOW)
    assert not answer["patterns"][0]["new"]
    assert "since 2026-06-24" in answer["absent"]["errors"]


def test_a_reading_that_is_behind_says_so(log: Log, store: Store) -> None:
    for number in range(20):
        log.add(f"r{number:02}", LOCAL - timedelta(minutes=5 * number))
    log.collect(store, NOW, max_rows=5)
    with store.read() as conn:
        assert "still being read" in recent(conn, NAME, now=NOW)["absent"]["errors"]


@pytest.mark.parametrize(
    ("title", "error", "category", "severity", "area"),
    [
        ("x", traceback("pymysql.err.OperationalError", "(1054, \"Unknown column 'a' in 'WHERE'\")"),
         "database", "HIGH", "verenigingen.utils.payments"),
        ("x", traceback("requests.exceptions.ConnectionError", "HTTPSConnectionPool(host='a'): Max retries exceeded",
                        path="apps/frappe/frappe/integrations/utils.py"),
         "network", "MEDIUM", "frappe.integrations.utils"),
        ("x", traceback("frappe.exceptions.PermissionError", ""), "permission", "LOW", "verenigingen.utils.payments"),
        ("x", traceback("frappe.exceptions.MandatoryError", "[Customer, X]: territory",
                        path="apps/erpnext/erpnext/selling/doctype/customer/customer.py"), "validation", "LOW",
         "erpnext: Customer"),
        ("x", traceback("frappe.exceptions.OutgoingEmailError", "Please setup default Email Account"), "email", "HIGH",
         "verenigingen.utils.payments"),
        ("x", traceback("builtins.AttributeError", "'NoneType' object has no attribute 'x'",
                        path="apps/erpnext/erpnext/stock/utils.py"), "code", "MEDIUM", "erpnext.stock.utils"),
        ("x", traceback("rq.timeouts.JobTimeoutException", "Task exceeded maximum timeout value (300 seconds)"),
         "timeout", "HIGH", "verenigingen.utils.payments"),
        ("x", traceback("jinja2.exceptions.UndefinedError", "'a' is undefined"), "template", "MEDIUM",
         "verenigingen.utils.payments"),
        ("Direct Debit Batch DD-1 not found", "Mollie Status Check", "payment", "HIGH", "Mollie Status Check"),
        ("Failed to get background job statistics", "Monitor", "background_job", "MEDIUM", "Monitor"),
        ("Something odd", "Note", "other", "LOW", "Note"),
    ],
)  # fmt: skip
def test_the_kind_of_an_error(title: str, error: str, category: str, severity: str, area: str) -> None:
    kind = classify(fingerprint_text(title, error))
    assert (kind.category, kind.severity, kind.area) == (category, severity, area)
    assert all(kind.reasons)

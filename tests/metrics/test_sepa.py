"""Mandates, batches, returns and the audit log against the reference site's own rows."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from baken.metrics import catalogue
from tests.conftest import FrappeSite
from tests.metrics.business import Copy, restoring
from tests.metrics.conftest import NOW, Subject, measure

MANDATE, BATCH = "`tabSEPA Mandate`", "`tabDirect Debit Batch`"
LINE, AUDIT, PAYMENT = "`tabDirect Debit Batch Invoice`", "`tabSEPA Audit Log`", "`tabPayment Entry`"


@pytest.fixture
def copy(own_site: Subject, frappe_site: FrappeSite) -> Iterator[Copy]:
    tables = ("SEPA Mandate", "Direct Debit Batch", "Direct Debit Batch Invoice", "SEPA Audit Log", "Payment Entry")
    with restoring(own_site, frappe_site, *tables) as found:
        yield found


def audit_summary(subject: Subject, now: datetime = NOW) -> Any:
    """The document of the observation, as it comes out of the store."""
    (found,) = [entry for entry in catalogue.observations() if entry.kind == "audit_summary"]
    with subject.reading(now) as reading:
        for doctype, fields in found.needs.items():
            reading.require(doctype, *fields)
        return json.loads(json.dumps(found.observe(reading)))


def test_figures_of_the_reference_site(frappe_subject: Subject) -> None:
    ask, copy = frappe_subject.execute, Copy(frappe_subject)
    assert copy.values("sepa_mandates") == {"Draft": 0, "Active": 283, "Cancelled": 24, "Expired": 0, "Suspended": 9}
    made = f"SELECT COUNT(*) FROM {MANDATE} WHERE creation >= "
    assert copy.values("sepa_mandates_new") == {
        "day": ask(made + "'2026-11-22'")[0][0],
        "month": ask(made + "'2026-10-24'")[0][0],
    }
    assert copy.value("sepa_mandates_expiring") == 0
    assert copy.values("sepa_batches") == dict(ask(f"SELECT status, COUNT(*) FROM {BATCH} GROUP BY status"))
    assert copy.values("sepa_batch_amount") == {
        status: float(total) for status, total in ask(f"SELECT status, SUM(total_amount) FROM {BATCH} GROUP BY status")
    }
    assert copy.value("sepa_batches_recent") == 2
    recent = f"FROM {LINE} l, {BATCH} b WHERE b.name = l.parent AND b.batch_date >= '2026-10-23'"
    lines = dict(ask(f"SELECT l.status, COUNT(*) {recent} GROUP BY 1"))
    assert copy.values("sepa_collections") == {"Processed": 0, **lines}
    codes = dict(ask(f"SELECT l.result_code, COUNT(*) {recent} AND l.status = 'Failed' GROUP BY 1"))
    assert copy.values("sepa_returns") == {"none given": 0, **codes}
    assert copy.value("sepa_pending_payments") == 5
    assert copy.value("sepa_pending_amount") == 50.0
    events = {
        (process, status): number
        for process, status, number in ask(
            f"SELECT process_type, compliance_status, COUNT(*) FROM {AUDIT} "
            "WHERE timestamp >= '2026-11-15 19:00' GROUP BY 1, 2"
        )
    }
    found = copy.values("sepa_audit_events")
    assert len(found) == 16
    assert {key: number for key, number in found.items() if number} == events


def test_mandates(copy: Copy) -> None:
    names = [
        row[0] for row in copy.subject.execute(f"SELECT name FROM {MANDATE} WHERE status = 'Active' ORDER BY name")
    ]
    changes = [
        "expiry_date = '2026-11-22'",
        "expiry_date = '2026-12-22'",
        "expiry_date = '2026-11-21'",
        "expiry_date = '2026-12-23'",
        "expiry_date = '2026-11-30', status = 'Suspended'",
        "status = NULL",
        "status = 'Draft', creation = '2026-11-22 00:00:00'",
    ]
    for name, change in zip(names, changes, strict=False):
        copy.run(f"UPDATE {MANDATE} SET {change} WHERE name = '{name}'")
    assert copy.value("sepa_mandates_expiring") == 2
    found = copy.values("sepa_mandates")
    assert (found["Active"], found["Suspended"], found["none given"], found["Draft"]) == (280, 10, 1, 1)
    assert copy.values("sepa_mandates_new")["day"] == 1
    # One second before midnight in Amsterdam it is still the day before.
    assert copy.values("sepa_mandates_new", datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC))["day"] == 1
    assert copy.values("sepa_mandates_new", datetime(2026, 11, 22, 23, 0, tzinfo=UTC))["day"] == 0


def test_batches(copy: Copy) -> None:
    copy.run(
        f"UPDATE {BATCH} SET docstatus = 2 WHERE status = 'Submitted'",
        f"UPDATE {BATCH} SET status = 'Partially Processed' WHERE status = 'Generated'",
        f"UPDATE {BATCH} SET creation = '2026-11-15 19:00:00' WHERE name = 'BATCH-26-11-0003'",
        f"UPDATE {BATCH} SET creation = '2026-11-15 18:59:59' WHERE name = 'BATCH-26-11-0004'",
    )
    found = copy.values("sepa_batches")
    assert (found["Cancelled"], found["Submitted"], found["Partially Processed"], found["Generated"]) == (1, 0, 3, 0)
    assert copy.values("sepa_batch_amount")["Partially Processed"] == 667.0
    assert copy.value("sepa_batches_recent") == 3


def test_reasons_of_returns(copy: Copy) -> None:
    copy.run(
        f"UPDATE {LINE} SET result_code = NULL WHERE result_code = 'AC04'",
        f"UPDATE {LINE} SET result_code = ' am04 ' WHERE result_code = 'AM04'",
        f"UPDATE {LINE} SET result_code = 'Merel van der Bakker wil niet' WHERE result_code = 'MD01'",
    )
    assert copy.values("sepa_returns") == {"none given": 4, "AM04": 20, "other": 1}
    copy.run(f"UPDATE {LINE} SET status = NULL WHERE status = 'Successful'")
    assert copy.values("sepa_collections") == {
        "Pending": 48,
        "Processed": 0,
        "Successful": 0,
        "Failed": 25,
        "none given": 76,
    }


def test_pending_payments(copy: Copy) -> None:
    copy.run(f"UPDATE {PAYMENT} SET payment_type = 'Pay' WHERE docstatus = 0 ORDER BY name LIMIT 2")
    assert copy.value("sepa_pending_payments") == 3
    copy.run(f"ALTER TABLE {PAYMENT} DROP COLUMN base_received_amount")
    assert copy.value("sepa_pending_amount") == 30.0
    copy.run(f"ALTER TABLE {PAYMENT} DROP COLUMN paid_amount")
    assert copy.problem("sepa_pending_amount") == "DocType Payment Entry of this site has no field paid_amount"
    assert copy.value("sepa_pending_payments") == 3
    copy.run(f"ALTER TABLE {PAYMENT} DROP COLUMN payment_type")
    assert "payment_type" in copy.problem("sepa_pending_payments")


def test_a_missing_column_takes_its_own_metrics_only(copy: Copy) -> None:
    copy.run(
        f"ALTER TABLE {MANDATE} DROP COLUMN expiry_date",
        f"ALTER TABLE {BATCH} DROP COLUMN total_amount",
        f"ALTER TABLE {LINE} DROP COLUMN result_code",
        f"ALTER TABLE {AUDIT} DROP COLUMN action",
    )
    assert copy.problem("sepa_mandates_expiring") == "DocType SEPA Mandate of this site has no field expiry_date"
    assert copy.values("sepa_mandates")["Active"] == 283
    assert copy.problem("sepa_batch_amount") == "DocType Direct Debit Batch of this site has no field total_amount"
    assert copy.values("sepa_batches")["Failed"] == 4
    assert "result_code" in copy.problem("sepa_returns")
    assert copy.values("sepa_collections")["Failed"] == 25
    assert copy.values("sepa_audit_events")["Mandate Creation", "Compliant"] == 81
    copy.run(f"ALTER TABLE {BATCH} CHANGE status state VARCHAR(140)", f"ALTER TABLE {MANDATE} DROP COLUMN status")
    assert copy.problem("sepa_batches") == "DocType Direct Debit Batch of this site has no field status"
    assert copy.value("sepa_batches_recent") == 2
    assert copy.values("sepa_mandates_new")["month"] == 12


def test_events_are_dated_by_their_timestamp(copy: Copy) -> None:
    copy.run(f"UPDATE {AUDIT} SET timestamp = '2026-11-10 12:00', modified = '2026-11-22 12:00'")
    assert set(copy.values("sepa_audit_events").values()) == {0}
    copy.run(f"UPDATE {AUDIT} SET timestamp = NULL WHERE process_type = 'Bank Submission'")
    found = copy.values("sepa_audit_events")
    assert sum(found.values()) == sum(number for (process, _), number in found.items() if process == "Bank Submission")
    assert sum(found.values()) == 159


def test_seven_days_across_the_end_of_summer_time(copy: Copy) -> None:
    copy.run(
        f"UPDATE {AUDIT} SET timestamp = '2020-01-01', modified = '2026-10-28'",
        f"UPDATE {AUDIT} SET timestamp = '2026-10-22 20:00:00' WHERE process_type = 'Bank Submission'",
    )
    # Seven days before 29 October 18:00 UTC it is 22 October 20:00 in Amsterdam.
    at, later = datetime(2026, 10, 29, 18, 0, tzinfo=UTC), datetime(2026, 10, 29, 18, 0, 1, tzinfo=UTC)
    assert sum(copy.values("sepa_audit_events", at).values()) == 159
    assert sum(copy.values("sepa_audit_events", later).values()) == 0


def test_failures_of_the_audit_log(any_site: Subject) -> None:
    mark = "`" if any_site.site.dialect == "mariadb" else '"'
    with any_site.reading() as reading:
        found = dict(measure("sepa_audit_failures", reading))
    assert found == {
        window: any_site.execute(
            f"SELECT COUNT(*) FROM {mark}tabSEPA Audit Log{mark} "
            f"WHERE compliance_status = 'Failed' AND timestamp >= '{since}'"
        )[0][0]
        for window, since in (("1h", "2026-11-22 18:00:00"), ("24h", "2026-11-21 19:00:00"))
    }


def test_which_failures_of_the_audit_log_count(copy: Copy) -> None:
    names = [row[0] for row in copy.subject.execute(f"SELECT name FROM {AUDIT} ORDER BY modified DESC LIMIT 7")]
    copy.run(f"UPDATE {AUDIT} SET compliance_status = 'Compliant'")
    changes = [
        # 18:00 UTC is 19:00 on the site: an hour before is 18:00 there.
        "timestamp = '2026-11-22 18:00:00', modified = '2026-11-22 18:00:00'",
        "timestamp = '2026-11-22 17:59:59', modified = '2026-11-22 18:30:00'",
        "timestamp = NULL, modified = '2026-11-22 18:30:00'",
        "timestamp = '2026-11-21 19:00:00', modified = '2026-11-21 19:00:00'",
        "timestamp = '2026-11-21 18:59:59', modified = '2026-11-22 18:30:00'",
        "timestamp = '2026-11-22 18:30:00', modified = '2026-11-22 18:30:00', compliance_status = 'Exception'",
        "timestamp = '2026-11-22 18:30:00', modified = '2026-11-22 18:30:00', compliance_status = 'Failed'",
    ]
    for name, change in zip(names, changes, strict=True):
        status = "" if "compliance_status" in change else ", compliance_status = 'Failed'"
        copy.run(f"UPDATE {AUDIT} SET {change}{status} WHERE name = '{name}'")
    assert copy.values("sepa_audit_failures") == {"1h": 3, "24h": 5}


def test_the_audit_log_where_only_creation_has_an_index(copy: Copy) -> None:
    names = ("sepa_audit_events", "sepa_audit_failures")
    before = [copy.values(name) for name in names]
    copy.run(f"ALTER TABLE {AUDIT} DROP INDEX modified, ADD INDEX creation (creation)")
    assert [copy.values(name) for name in names] == before
    # By `creation` a row stays where it is; somebody who touches an old one makes it no new one.
    copy.run(f"UPDATE {AUDIT} SET timestamp = NULL, modified = '2026-11-22 18:30:00' WHERE creation < '2026-11-01'")
    assert [copy.values(name) for name in names] == before


def test_audit_summary(any_site: Subject) -> None:
    document = audit_summary(any_site)
    assert document["since"] == "2026-11-15T18:00:00Z"
    rows = {(row["process_type"], row["action"], row["compliance_status"]): row for row in document["rows"]}
    assert len(rows) == len(document["rows"])
    top = document["rows"][0]
    assert (top["action"], top["count"], top["latest"]) == ("processing_completed", 141, "2026-11-22T16:32:03Z")
    assert document["totals"] == {
        status: sum(row["count"] for row in document["rows"] if row["compliance_status"] == status)
        for status in ("Compliant", "Exception", "Failed", "Pending Review")
    }
    assert document["compliance_status"]["Mandate Creation"] == {
        "Compliant": 81,
        "Exception": 2,
        "Failed": 4,
        "Pending Review": 2,
    }


def test_audit_summary_tells_no_personal_data(copy: Copy) -> None:
    copy.run(
        f"UPDATE {AUDIT} SET action = CONCAT('merel@leden.example NL91ABNA0417164300 ', REPEAT('x', 60)), "
        "compliance_status = NULL WHERE process_type = 'Bank Submission'"
    )
    document = audit_summary(copy.subject)
    text = json.dumps(document)
    assert "merel" not in text and "ABNA" not in text
    assert all(len(row["action"]) <= 60 for row in document["rows"])
    assert document["totals"]["none given"] == 23


def test_an_audit_log_without_recent_events(copy: Copy) -> None:
    copy.run(f"DELETE FROM {AUDIT}")
    document = audit_summary(copy.subject)
    assert document["rows"] == []
    assert document["totals"] == {"Compliant": 0, "Exception": 0, "Failed": 0, "Pending Review": 0}
    assert set(document["compliance_status"]) >= {"Bank Submission", "Payment Processing"}

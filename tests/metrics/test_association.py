"""Members, applications, dues schedules and the site's own alerts against the reference site's own rows."""

import json
import sqlite3
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from baken.metrics import catalogue
from tests.conftest import FrappeSite
from tests.metrics.business import Copy, restoring, sqlite_copy
from tests.metrics.conftest import NOW, Subject

MEMBER, SCHEDULE = "tabMember", "`tabMembership Dues Schedule`"
REQUEST, PAYMENT = "`tabMembership Termination Request`", "`tabPayment Entry`"
LOCAL_NOW = datetime(2026, 11, 22, 19)


@pytest.fixture
def copy(own_site: Subject, frappe_site: FrappeSite) -> Iterator[Copy]:
    tables = (
        "Member",
        "Membership",
        "Membership Termination Request",
        "Membership Dues Schedule",
        "Payment Entry",
        "Payment Entry Reference",
        "System Alert",
        "Volunteer",
    )
    with restoring(own_site, frappe_site, *tables) as found:
        yield found


def observed(subject: Subject, kind: str) -> Any:
    """The document of an observation, as it comes out of the store."""
    (found,) = [entry for entry in catalogue.observations() if entry.kind == kind]
    with subject.reading() as reading:
        for doctype, fields in found.needs.items():
            reading.require(doctype, *fields)
        return json.loads(json.dumps(found.observe(reading)))


def test_figures_of_the_reference_site(frappe_subject: Subject) -> None:
    ask, copy = frappe_subject.execute, Copy(frappe_subject)
    by_status = dict(ask(f"SELECT status, COUNT(*) FROM {MEMBER} GROUP BY status"))
    assert copy.values("association_members") == by_status
    assert sum(by_status.values()) == 501 and by_status["Active"] == 401

    assert copy.values("association_volunteers") == dict(
        ask("SELECT status, COUNT(*) FROM tabVolunteer GROUP BY status")
    )
    assert copy.values("association_applications") == {
        "Pending": 15,
        "Under Review": 13,
        "Approved": 0,
        "Rejected": 8,
        "Payment Pending": 0,
        "Active": 0,
    }
    # What counts as an application are, on this site, exactly the members with an application_id.
    assert (
        sum(copy.values("association_applications").values())
        == ask("SELECT COUNT(application_id) FROM tabMember")[0][0]
    )
    made = [
        row[0] for row in ask(f"SELECT COALESCE(application_date, creation) FROM {MEMBER} WHERE status = 'Pending'")
    ]
    ages = [(LOCAL_NOW - moment) / timedelta(days=1) for moment in made]
    assert copy.value("association_applications_stalled") == sum(age > 7 for age in ages)
    assert copy.value("association_application_median_days") == pytest.approx(statistics.median(ages), abs=0.05)

    new = f"SELECT COUNT(*) FROM {MEMBER} WHERE member_since BETWEEN '{{}}' AND '2026-11-22'"
    assert copy.values("association_members_new") == {
        "day": ask(new.format("2026-11-22"))[0][0],
        "month": ask(new.format("2026-10-24"))[0][0],
    }
    gone = (
        f"SELECT COUNT(*) FROM {MEMBER} WHERE status IN ('Expired','Banned','Deceased','Terminated') AND modified >= "
    )
    left = {"day": ask(gone + "'2026-11-22'")[0][0], "month": ask(gone + "'2026-10-24'")[0][0]}
    assert copy.values("association_members_left") == left == {"day": 5, "month": 18}
    assert copy.values("association_members_net_growth") == {"day": -5, "month": -17}

    assert copy.values("association_dues_schedules") == {"Active": 231, "Paused": 7, "Cancelled": 21, "Test": 0}
    late = f"SELECT COUNT(*) FROM {SCHEDULE} WHERE status = 'Active' AND is_template = 0 AND auto_generate = 1 AND "
    late += "DATE_ADD(DATE_SUB(next_invoice_date, INTERVAL invoice_days_before DAY), INTERVAL 7 DAY) < '2026-11-22'"
    assert copy.value("association_dues_schedules_stuck") == ask(late)[0][0] == 2
    assert copy.value("association_members_without_customer") == 0
    assert copy.value("association_payments_without_reference") == 0


def test_new_members(copy: Copy) -> None:
    copy.run(f"UPDATE {MEMBER} SET member_since = '2020-01-01', creation = '2020-01-01'")
    names = [row[0] for row in copy.subject.execute(f"SELECT name FROM {MEMBER} WHERE status = 'Active' ORDER BY name")]
    changes = [
        "member_since = '2026-11-22'",
        "member_since = '2026-11-23'",  # not yet
        "member_since = '2026-10-24'",
        "member_since = '2026-10-23'",  # a day too early
        "member_since = NULL, creation = '2026-11-22 00:00:00'",
        "member_since = NULL, creation = '2026-11-21 23:59:59.999999'",
        "member_since = '2026-11-22', status = 'Pending'",
        "member_since = NULL, creation = '2026-11-22 08:00', status = 'Rejected'",
        "member_since = '2026-11-22', status = 'Terminated', modified = '2020-01-01'",
    ]
    for name, change in zip(names, changes, strict=False):
        copy.run(f"UPDATE {MEMBER} SET {change} WHERE name = '{name}'")
    assert copy.values("association_members_new") == {"day": 3, "month": 5}
    assert copy.values("association_members_net_growth") == {"day": 3 - 5, "month": 5 - 18}


def test_today_begins_at_midnight_in_amsterdam(copy: Copy) -> None:
    copy.run(f"UPDATE {MEMBER} SET member_since = IF(status = 'Suspended', '2026-03-29', '2020-01-01')")
    for moment, expected in (
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), 0),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 12),
        # 29 March 2026 has 23 hours.
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), 12),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), 0),
    ):
        assert copy.values("association_members_new", moment)["day"] == expected, moment


def test_who_left_and_when(copy: Copy) -> None:
    copy.run(
        f"UPDATE {MEMBER} SET modified = '2020-01-01'",
        "UPDATE tabMembership SET cancellation_date = NULL",
    )
    assert copy.values("association_members_left") == {"day": 0, "month": 0}
    names = [
        row[0] for row in copy.subject.execute(f"SELECT name FROM {MEMBER} WHERE status = 'Terminated' ORDER BY name")
    ]
    a, b, c, d, e, *_ = names

    def request(name: str, member: str, status: str, executed: str, date: str) -> str:
        return (
            f"UPDATE {REQUEST} SET member = '{member}', status = '{status}', execution_date = {executed}, "
            f"termination_date = {date} WHERE name = 'TERM-REQ-26-11-000{name}'"
        )

    copy.run(
        request("1", a, "Executed", "'2026-11-22 10:00'", "'2026-12-22'"),
        request("2", a, "Executed", "'2026-11-20 10:00'", "NULL"),
        request("3", b, "Executed", "NULL", "'2026-11-10'"),
        request("4", c, "Approved", "'2026-11-22 10:00'", "'2026-11-22'"),
        # The request tells the day; neither the cancellation nor the last change does.
        f"UPDATE {MEMBER} SET modified = '2026-11-22 11:00' WHERE name IN ('{a}', '{b}')",
    )
    assert copy.values("association_members_left") == {"day": 1, "month": 2}

    membership = [row[0] for row in copy.subject.execute("SELECT name FROM tabMembership ORDER BY name LIMIT 4")]
    for name, member, date in zip(
        membership, (b, d, e, e), ("2026-11-22", "2026-11-22", "2026-11-01", "2026-11-02"), strict=True
    ):
        copy.run(f"UPDATE tabMembership SET member = '{member}', cancellation_date = '{date}' WHERE name = '{name}'")
    assert copy.values("association_members_left") == {"day": 2, "month": 4}

    copy.run(f"UPDATE {MEMBER} SET modified = '2026-11-22 12:00' WHERE name IN ('{c}', '{d}', '{e}')")
    assert copy.values("association_members_left") == {"day": 3, "month": 5}

    copy.run(f"RENAME TABLE {REQUEST} TO `tabGone`")
    assert copy.values("association_members_left") == {"day": 4, "month": 5}
    copy.run(f"RENAME TABLE `tabGone` TO {REQUEST}")


def test_midnight_written_without_microseconds(frappe_site: FrappeSite, sqlite_database: Path, tmp_path: Path) -> None:
    def change(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE tabMember SET member_since = NULL, modified = '2026-11-22 00:00:00'")
        connection.execute("UPDATE tabMember SET creation = '2026-11-22 00:00:00' WHERE status = 'Suspended'")
        connection.execute("UPDATE tabMember SET creation = '2026-11-21 23:59:59.999999' WHERE status <> 'Suspended'")

    with sqlite_copy(frappe_site, sqlite_database, tmp_path, change) as copy:
        assert copy.values("association_members_new")["day"] == 12
        assert copy.values("association_members_left")["day"] == 15 + 2 + 3 + 32


def test_applications(copy: Copy) -> None:
    copy.run(
        f"UPDATE {MEMBER} SET application_date = '2026-11-15 19:00:01', creation = '2020-01-01' "
        "WHERE status = 'Pending'"
    )
    assert copy.value("association_applications_stalled") == 0
    assert copy.value("association_application_median_days") == pytest.approx(7, abs=0.001)
    copy.run(f"UPDATE {MEMBER} SET application_date = '2026-11-15 18:59:59' WHERE application_status = 'Under Review'")
    assert copy.value("association_applications_stalled") == 13
    copy.run(f"UPDATE {MEMBER} SET application_status = 'Approved' WHERE application_status = 'Under Review'")
    assert copy.values("association_applications")["Approved"] == 13
    copy.run(
        f"UPDATE {MEMBER} SET application_date = NULL, creation = '2026-11-12 19:00' WHERE status = 'Pending' LIMIT 14",
    )
    open_now = copy.values("association_applications")["Pending"]
    made = copy.subject.execute(
        f"SELECT COALESCE(application_date, creation) FROM {MEMBER} "
        "WHERE status = 'Pending' AND application_status = 'Pending'"
    )
    assert len(made) == open_now
    ages = [(LOCAL_NOW - row[0]) / timedelta(days=1) for row in made]
    assert copy.value("association_application_median_days") == pytest.approx(statistics.median(ages), abs=0.001)
    admitted = (
        f"UPDATE {MEMBER} SET status = 'Active' WHERE status = 'Pending' AND application_status = 'Pending' LIMIT 1"
    )
    copy.run(admitted)
    assert copy.values("association_applications")["Pending"] == open_now - 1
    copy.run(f"UPDATE {MEMBER} SET application_status = NULL")
    assert copy.problem("association_application_median_days") == "no membership application is open"
    assert set(copy.values("association_applications").values()) == {0}


def test_an_application_of_the_hour_that_comes_twice(copy: Copy) -> None:
    copy.run(f"UPDATE {MEMBER} SET application_date = '2026-10-25 02:30' WHERE status = 'Pending'")
    after = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    assert 0 <= copy.value("association_application_median_days", after) <= 2 / 24 + 1e-9


def test_stuck_dues_schedules(copy: Copy) -> None:
    copy.run(f"UPDATE {SCHEDULE} SET next_invoice_date = '2027-01-01'")
    assert copy.value("association_dues_schedules_stuck") == 0
    names = [
        row[0]
        for row in copy.subject.execute(
            f"SELECT name FROM {SCHEDULE} WHERE status = 'Active' AND is_template = 0 ORDER BY name"
        )
    ]
    changes = [
        "invoice_days_before = 0, next_invoice_date = '2026-11-14'",
        "invoice_days_before = 0, next_invoice_date = '2026-11-15'",  # 7 days, not more
        "invoice_days_before = 14, next_invoice_date = '2026-11-28'",
        "invoice_days_before = 14, next_invoice_date = '2026-11-29'",
        "invoice_days_before = 60, next_invoice_date = '2026-12-14'",
        "invoice_days_before = 60, next_invoice_date = '2026-12-15'",  # no run looks further than 30 days ahead
        "next_invoice_date = '2026-01-01', test_mode = 1",
        "next_invoice_date = '2026-01-01', auto_generate = 0",
        "next_invoice_date = '2026-01-01', is_template = 1",
        "next_invoice_date = '2026-01-01', status = 'Paused'",
        "next_invoice_date = NULL",
    ]
    for name, change in zip(names, changes, strict=False):
        copy.run(f"UPDATE {SCHEDULE} SET {change} WHERE name = '{name}'")
    assert copy.value("association_dues_schedules_stuck") == 3
    copy.run(f"ALTER TABLE {SCHEDULE} DROP COLUMN invoice_days_before, DROP COLUMN test_mode")
    assert copy.value("association_dues_schedules_stuck") == 2


def test_gaps_in_the_records(copy: Copy) -> None:
    copy.run(
        f"UPDATE {MEMBER} SET customer = NULL WHERE status = 'Active' ORDER BY name LIMIT 2",
        f"UPDATE {MEMBER} SET customer = '' WHERE status = 'Suspended'",
    )
    assert copy.value("association_members_without_customer") == 2
    copy.run("DELETE FROM `tabPayment Entry Reference`")
    expected = copy.subject.execute(
        f"SELECT COUNT(*) FROM {PAYMENT} WHERE docstatus = 1 AND payment_type = 'Receive' "
        "AND posting_date >= '2026-08-24'"
    )[0][0]
    assert copy.value("association_payments_without_reference") == expected > 100
    # As Frappe 16 lays it out: what was a draft for weeks before its date is found as well.
    copy.run(f"ALTER TABLE {PAYMENT} DROP INDEX modified, ADD INDEX creation (creation)")
    assert copy.value("association_payments_without_reference") == expected
    copy.run(f"UPDATE {PAYMENT} SET creation = posting_date - INTERVAL 80 DAY")
    assert copy.value("association_payments_without_reference") == expected
    copy.run(f"UPDATE {PAYMENT} SET payment_type = 'Pay'")
    assert copy.value("association_payments_without_reference") == 0


def test_a_missing_column_takes_its_own_metrics_only(copy: Copy) -> None:
    copy.run(f"ALTER TABLE {MEMBER} DROP COLUMN member_since, DROP COLUMN customer, DROP COLUMN application_date")
    assert copy.problem("association_members_new") == "DocType Member of this site has no field member_since"
    assert copy.problem("association_members_without_customer") == "DocType Member of this site has no field customer"
    assert copy.values("association_members_left")["month"] == 18
    assert copy.value("association_applications_stalled") == 28
    copy.run(f"ALTER TABLE {MEMBER} CHANGE application_status verdict VARCHAR(140)")
    assert "application_status" in copy.problem("association_applications")
    assert copy.values("association_members")["Active"] == 401
    copy.run("ALTER TABLE tabMembership DROP COLUMN cancellation_date", f"ALTER TABLE {REQUEST} DROP COLUMN member")
    assert copy.values("association_members_left")["month"] == 18
    copy.run("ALTER TABLE tabVolunteer CHANGE status state VARCHAR(140)")
    assert copy.problem("association_volunteers") == "DocType Volunteer of this site has no field status"


def test_members_without_a_status(copy: Copy) -> None:
    copy.run(f"UPDATE {MEMBER} SET status = NULL WHERE status = 'Active'", f"UPDATE {MEMBER} SET member_since = NULL")
    found = copy.values("association_members")
    assert (found["none given"], found["Active"]) == (401, 0)


def test_open_alerts_of_the_site(any_site: Subject) -> None:
    document = observed(any_site, "active_alerts")
    expected = any_site.execute(
        """SELECT COUNT(*) FROM `tabSystem Alert` WHERE status IN ('Active', 'Acknowledged')""".replace("`", '"')
        if any_site.site.dialect != "mariadb"
        else "SELECT COUNT(*) FROM `tabSystem Alert` WHERE status IN ('Active', 'Acknowledged')"
    )[0][0]
    assert document["total"] == expected == sum(document["open"].values()) == len(document["alerts"])
    first = document["alerts"][0]
    assert first["alert_type"] == "HIGH_ERROR_RATE" and first["severity"] == "CRITICAL"
    assert first["timestamp"] == "2026-11-22T17:25:49Z"
    assert first["message"] == "High error rate detected: 102 errors in the last hour"
    assert [row["timestamp"] for row in document["alerts"]] == sorted(
        (row["timestamp"] for row in document["alerts"]), reverse=True
    )


def test_alerts_tell_no_personal_data(copy: Copy) -> None:
    copy.run(
        """UPDATE `tabSystem Alert` SET status = 'Active', timestamp = NULL, message = CONCAT(
        'Incasso van "Merel van der Bakker" (merel@leden.example, 06-12345678, NL91 ABNA 0417 1643 00) mislukt',
        REPEAT(' x', 2000)), alert_type = 'jan@vereniging.example', severity = NULL"""
    )
    document = observed(copy.subject, "active_alerts")
    text = json.dumps(document)
    for secret in ("Merel", "Bakker", "merel", "12345678", "ABNA", "jan@", "vereniging.example"):
        assert secret not in text
    assert len(document["alerts"]) == 50 and document["total"] == 60 == document["open"]["none given"]
    assert document["alerts"][0]["message"].startswith('Incasso van "<name>" (<email>, <phone>, <iban>) mislukt')
    assert document["alerts"][0]["timestamp"] is None
    assert len(document["alerts"][0]["message"]) == 1000


def test_moments_are_taken_from_the_reading(frappe_subject: Subject) -> None:
    copy = Copy(frappe_subject)
    year_before = NOW - timedelta(days=365)
    assert (
        copy.values("association_members_new", year_before)["month"] != copy.values("association_members_new")["month"]
    )

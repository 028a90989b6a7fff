"""Tests of System Alert on a site: `bench run-tests --app baken`."""

import json
import unittest
from typing import Any

import frappe
from frappe.utils import add_days, get_datetime, now_datetime

from baken.monitoring.doctype.system_alert import taken_over
from baken.monitoring.doctype.system_alert.system_alert import SystemAlert

test_ignore = ["User"]

_ADMINISTRATOR = "Verenigingen Administrator"


def _alert(**values: Any) -> Any:
    given = {"alert_type": "TRIAL_ALERT", "severity": "HIGH", "message": "something is wrong", **values}
    return frappe.get_doc({"doctype": "System Alert", **given}).insert()


def _user(name: str, role: str) -> str:
    if not frappe.db.exists("User", name):
        user = frappe.get_doc({"doctype": "User", "email": name, "first_name": "Trial", "send_welcome_email": 0})
        user.append("roles", {"role": role})
        user.insert(ignore_permissions=True)
    return name


class TestSystemAlert(unittest.TestCase):
    """The life of an alert, what is refused, and who may do what."""

    def setUp(self) -> None:
        frappe.set_user("Administrator")

    def tearDown(self) -> None:
        frappe.set_user("Administrator")
        frappe.db.rollback()

    def test_a_new_alert_is_active_and_nobody_has_taken_it_up(self) -> None:
        alert = _alert(acknowledged_by="Guest", resolved_at="2020-01-01 00:00:00", baken_alert=7, details={"count": 3})
        self.assertEqual(alert.status, "Active")
        self.assertFalse(alert.acknowledged_by or alert.resolved_at or alert.baken_alert)
        self.assertEqual(alert.subject, "Trial alert")
        self.assertEqual(json.loads(alert.details), {"count": 3})
        self.assertLess(abs((now_datetime() - get_datetime(alert.timestamp)).total_seconds()), 60)

    def test_the_system_says_who_did_what_and_when(self) -> None:
        name = _user("trial.alerts@example.test", "System Manager")
        alert = _alert()
        frappe.set_user(name)
        alert = frappe.get_doc("System Alert", alert.name)
        alert.acknowledged_by, alert.acknowledged_at = "Guest", "2020-01-01 00:00:00"
        alert.status = "Acknowledged"
        alert.save()
        self.assertEqual(alert.acknowledged_by, name)
        self.assertEqual(get_datetime(alert.acknowledged_at).year, now_datetime().year)
        alert.resolve("the disk was full")
        self.assertEqual((alert.status, alert.resolved_by, alert.acknowledged_by), ("Resolved", name, name))
        said = frappe.get_all(
            "Comment", filters={"reference_name": alert.name, "comment_type": "Comment"}, pluck="content"
        )
        self.assertIn("the disk was full", said[0])

    def test_tampering_is_refused(self) -> None:
        alert = _alert()
        for field, value in (
            ("acknowledged_by", "Guest"),
            ("acknowledged_at", "2020-01-01 00:00:00"),
            ("resolved_by", "Guest"),
            ("timestamp", "2020-01-01 00:00:00"),
            ("alert_type", "OTHER"),
            ("source", "somebody"),
            ("baken_alert", 3),
        ):
            changed = frappe.get_doc("System Alert", alert.name)
            changed.set(field, value)
            with self.assertRaises(frappe.ValidationError, msg=field):
                changed.save()

    def test_a_message_may_be_made_clearer(self) -> None:
        alert = _alert()
        alert.message = "the disk is full"
        alert.save()
        self.assertEqual(frappe.db.get_value("System Alert", alert.name, "message"), "the disk is full")

    def test_only_some_changes_of_the_status_make_sense(self) -> None:
        alert = _alert()
        alert.acknowledge()
        for was, becomes in (("Acknowledged", "Active"), ("Resolved", "Acknowledged")):
            if was == "Resolved":
                frappe.get_doc("System Alert", alert.name).resolve()
            changed = frappe.get_doc("System Alert", alert.name)
            changed.status = becomes
            with self.assertRaises(frappe.ValidationError):
                changed.save()
        with self.assertRaises(frappe.ValidationError):
            _alert(status="Resolved")

    def test_it_can_be_opened_again(self) -> None:
        alert = _alert()
        alert.acknowledge()
        alert.resolve()
        alert.reopen()
        self.assertEqual(alert.status, "Active")
        self.assertFalse(alert.acknowledged_at or alert.resolved_at or alert.acknowledged_by or alert.resolved_by)

    def test_details_have_to_be_json_and_the_moment_not_ahead(self) -> None:
        with self.assertRaises(frappe.ValidationError):
            _alert(details="{broken")
        with self.assertRaises(frappe.ValidationError):
            _alert(timestamp=add_days(now_datetime(), 1))
        self.assertEqual(str(_alert(timestamp="2024-05-01 10:00:00").timestamp)[:10], "2024-05-01")

    def test_verenigingen_goes_on_as_it_did(self) -> None:
        alert = frappe.new_doc("System Alert")
        values = {"alert_type": "X", "severity": "LOW", "message": "m", "details": {}, "status": "Active"}
        alert.update({**values, "timestamp": frappe.utils.now()})
        alert.insert()
        alert.acknowledge_alert(user="Guest")
        alert.resolve_alert()
        self.assertEqual((alert.status, alert.acknowledged_by), ("Resolved", "Administrator"))
        self.assertTrue(SystemAlert.create_alert("Y", "HIGH", "m", {"a": 1}).name)

    def test_a_copy_that_a_baken_elsewhere_keeps_follows_it(self) -> None:
        values = {"source": "Baken", "status": "Acknowledged", "acknowledged_at": "2024-05-01 10:00:00"}
        copy = _alert(**values, timestamp="2024-05-01 09:00:00")
        self.assertEqual((copy.status, str(copy.acknowledged_at)[:10]), ("Acknowledged", "2024-05-01"))
        copy.update({"status": "Active", "acknowledged_at": None, "resolved_at": None})
        copy.save()
        copy.acknowledged_at = "2024-05-01 11:00:00"
        copy.save()
        self.assertFalse(copy.acknowledged_at)

    def test_roles(self) -> None:
        alert = _alert()
        frappe.set_user(_user("trial.association@example.test", _ADMINISTRATOR))
        _alert()
        frappe.get_doc("System Alert", alert.name).acknowledge()
        with self.assertRaises(frappe.PermissionError):
            frappe.delete_doc("System Alert", alert.name)
        frappe.set_user(_user("trial.nobody@example.test", "Website Manager"))
        self.assertFalse(frappe.get_doc("System Alert", alert.name).has_permission("read"))
        with self.assertRaises(frappe.PermissionError):
            _alert()
        frappe.set_user(_user("trial.alerts@example.test", "System Manager"))
        frappe.delete_doc("System Alert", alert.name)

    def test_old_ones_are_cleared_but_never_an_open_one(self) -> None:
        old, opened, fresh = _alert(), _alert(), _alert()
        old.resolve("gone")
        fresh.resolve()
        long_ago = add_days(now_datetime(), -100)
        frappe.db.set_value("System Alert", old.name, "resolved_at", long_ago, update_modified=False)
        frappe.db.set_value("System Alert", opened.name, "modified", long_ago, update_modified=False)
        try:
            SystemAlert.clear_old_logs(days=90)
            self.assertFalse(frappe.db.exists("System Alert", old.name))
            self.assertFalse(frappe.db.exists("Comment", {"reference_name": old.name}))
            self.assertTrue(frappe.db.exists("System Alert", opened.name))
            self.assertTrue(frappe.db.exists("System Alert", fresh.name))
        finally:
            frappe.db.delete("System Alert", {"name": ["in", [opened.name, fresh.name]]})
            frappe.db.commit()

    def test_those_that_were_there_before_are_taken_over(self) -> None:
        one = _alert()
        before = {"subject": None, "severity": "WARNING", "status": "Closed", "timestamp": None, "resolved_at": None}
        frappe.db.set_value("System Alert", one.name, before, update_modified=False)
        modified = frappe.db.get_value("System Alert", one.name, "modified")
        self.assertGreaterEqual(taken_over.take_over(), 1)
        row = frappe.db.get_value("System Alert", one.name, "*", as_dict=True)
        self.assertEqual((row.subject, row.severity, row.status), ("Trial alert", "MEDIUM", "Resolved"))
        self.assertEqual((row.modified, row.timestamp, row.resolved_at), (modified, row.creation, modified))
        self.assertEqual(taken_over.changes(row), {})

    def test_it_counts_as_a_log(self) -> None:
        from frappe.core.doctype.log_settings import log_settings

        self.assertTrue(issubclass(SystemAlert, log_settings.LogType))

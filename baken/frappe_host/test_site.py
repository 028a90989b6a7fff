"""Baken on a site, as `bench run-tests --app baken` sees it. It is no part of the tests of Baken's own checkout."""

import unittest
from typing import Any

import frappe

from baken import hooks
from baken.frappe_host import host, tasks
from baken.history import tables


class TestSite(unittest.TestCase):
    """What Frappe calls by name is there and answers; nothing of it reaches the site's own logs."""

    def setUp(self) -> None:
        """Begin as Administrator."""
        frappe.set_user("Administrator")

    def tearDown(self) -> None:
        """Leave nothing of the test behind."""
        frappe.set_user("Administrator")
        frappe.db.rollback()

    def test_the_store_is_ready(self) -> None:
        found = host.present()
        with found.store.read() as connection:
            for table in tables.metadata.sorted_tables:
                connection.execute(table.select().limit(1))
        self.assertEqual(len(found.key), 32)
        self.assertEqual(found.site.name, frappe.local.site)

    def test_every_documented_name_leads_to_a_whitelisted_function(self) -> None:
        self.assertGreater(len(hooks.override_whitelisted_methods), 30)
        for name, path in hooks.override_whitelisted_methods.items():
            function = frappe.get_attr(path)
            with self.subTest(name):
                frappe.is_whitelisted(function)

    def test_what_the_hooks_name_is_there(self) -> None:
        listed: list[Any] = [
            hooks.before_install,
            hooks.after_install,
            hooks.after_app_install,
            hooks.after_migrate,
            hooks.before_uninstall,
            hooks.after_uninstall,
            *hooks.after_request,
            *hooks.page_renderer,
            *hooks.doc_events["Error Log"].values(),
        ]
        for path in listed:
            self.assertTrue(callable(frappe.get_attr(path)), path)

    def test_the_scheduler_knows_the_jobs(self) -> None:
        found = frappe.get_all("Scheduled Job Type", filters={"method": ["like", "baken.%"]}, pluck="method")
        for name in ("collect", "hourly", "daily"):
            self.assertIn(f"baken.frappe_host.tasks.{name}", found)

    def test_the_administrator_gets_answers_and_a_guest_none(self) -> None:
        path = hooks.override_whitelisted_methods["baken.get_system_metrics"]
        self.assertTrue(frappe.get_attr(path)())
        frappe.set_user("Guest")
        with self.assertRaises(frappe.PermissionError):
            frappe.get_attr(path)()

    def test_a_round_leaves_the_error_log_alone(self) -> None:
        before = frappe.db.count("Error Log")
        tasks.collect()
        self.assertEqual(frappe.db.count("Error Log"), before)
        with host.present().store.read() as connection:
            self.assertIsNotNone(connection.execute(tables.latest.select().limit(1)).first())


class TestSystemAlert(unittest.TestCase):
    """An alert goes from Active over Acknowledged to Resolved, and back no other way."""

    def setUp(self) -> None:
        """Begin with an alert that somebody made by hand."""
        frappe.set_user("Administrator")
        values = {"alert_type": "Test", "severity": "HIGH", "message": "A test", "status": "Active"}
        self.alert: Any = frappe.get_doc({"doctype": "System Alert", **values}).insert()

    def tearDown(self) -> None:
        """Leave nothing of the test behind."""
        frappe.db.rollback()

    def test_who_and_when_are_written(self) -> None:
        self.assertTrue(self.alert.timestamp)
        self.alert.acknowledge()
        self.assertEqual((self.alert.status, self.alert.acknowledged_by), ("Acknowledged", "Administrator"))
        self.alert.resolve("It is over")
        self.assertEqual((self.alert.status, self.alert.resolved_by), ("Resolved", "Administrator"))
        self.assertGreaterEqual(self.alert.resolved_at, self.alert.acknowledged_at)

    def test_what_only_an_act_sets_is_not_taken_from_a_form(self) -> None:
        self.alert.acknowledged_by = "Administrator"
        with self.assertRaises(frappe.ValidationError):
            self.alert.save()

    def test_a_resolved_alert_is_not_acknowledged(self) -> None:
        self.alert.resolve()
        with self.assertRaises(frappe.ValidationError):
            self.alert.acknowledge()


class TestAuditTrail(unittest.TestCase):
    """A line of the SEPA Audit Log is neither changed nor deleted, where Baken brings it."""

    def test_a_line_stays_as_it_is(self) -> None:
        if frappe.db.get_value("DocType", "SEPA Audit Log", "module") != "Monitoring":
            self.skipTest("another app brings the SEPA Audit Log")
        values = {"process_type": "Mandate Creation", "action": "made", "compliance_status": "Compliant"}
        try:
            line: Any = frappe.get_doc({"doctype": "SEPA Audit Log", **values}).insert()
            line.action = "changed"
            with self.assertRaises(frappe.ValidationError):
                line.save()
            with self.assertRaises(frappe.ValidationError):
                line.delete()
        finally:
            frappe.db.rollback()

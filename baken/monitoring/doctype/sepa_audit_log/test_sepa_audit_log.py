"""Tests of SEPA Audit Log on a site: `bench run-tests --app baken`."""

import unittest
from typing import Any

import frappe
from frappe.model.base_document import get_controller
from frappe.utils import add_days, now_datetime

from baken.monitoring.doctype.sepa_audit_log import sepa_audit_log

test_ignore = ["User", "DocType"]

_NAME = sepa_audit_log.NAME


class TestSEPAAuditLog(unittest.TestCase):
    """It comes where there is none, stays, and is not tampered with."""

    def setUp(self) -> None:
        frappe.set_user("Administrator")
        sepa_audit_log.ensure()
        if frappe.db.get_value("DocType", _NAME, "module") != "Monitoring":
            self.skipTest("another app brings this site's SEPA Audit Log")

    def _line(self, **values: Any) -> Any:
        given = {"process_type": "Mandate Creation", "action": "baken_trial", "compliance_status": "Compliant"}
        return frappe.get_doc({"doctype": _NAME, **given, **values}).insert()

    def tearDown(self) -> None:
        frappe.db.delete(_NAME, {"action": "baken_trial"})
        frappe.db.commit()

    def test_it_is_brought_once_and_its_class_is_found(self) -> None:
        self.assertFalse(sepa_audit_log.ensure())
        self.assertEqual(frappe.db.get_value("DocType", _NAME, "custom"), 0)
        # `bench migrate` deletes DocTypes whose class it does not find.
        self.assertIs(get_controller(_NAME), sepa_audit_log.SEPAAuditLog)

    def test_another_app_s_is_left_alone(self) -> None:
        frappe.db.set_value("DocType", _NAME, "module", "Core", update_modified=False)
        try:
            self.assertFalse(sepa_audit_log.ensure())
            self.assertEqual(frappe.db.get_value("DocType", _NAME, "module"), "Core")
        finally:
            frappe.db.set_value("DocType", _NAME, "module", "Monitoring", update_modified=False)

    def test_the_system_fills_in_who_and_when(self) -> None:
        line = self._line()
        self.assertEqual((line.user, line.name), ("Administrator", line.event_id))
        self.assertTrue(line.timestamp and line.trace_id)

    def test_a_line_is_not_changed_nor_deleted(self) -> None:
        line = self._line()
        line.action = "baken_trial_2"
        with self.assertRaises(frappe.ValidationError):
            line.save()
        with self.assertRaises(frappe.ValidationError):
            frappe.delete_doc(_NAME, line.name, force=True)

    def test_seven_years_are_kept_whatever_is_asked_for(self) -> None:
        young, old = self._line(), self._line()
        for line, days in ((young, 2500), (old, 2600)):
            moment = add_days(now_datetime(), -days)
            values = {"timestamp": moment, "creation": moment}
            frappe.db.set_value(_NAME, line.name, values, update_modified=False)
        sepa_audit_log.SEPAAuditLog.clear_old_logs(days=30)
        self.assertTrue(frappe.db.exists(_NAME, young.name))
        self.assertFalse(frappe.db.exists(_NAME, old.name))

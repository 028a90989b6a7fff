"""Tests of what the Desk asks Baken: `bench run-tests --app baken`."""

import json
import time
import unittest
from typing import Any
from unittest.mock import patch

import frappe
from frappe.desk import reportview

from baken.api import registry
from baken.frappe_host import desk
from baken.frappe_host.host import Host
from baken.monitoring.report.alerts_per_rule import alerts_per_rule
from baken.monitoring.trial_host import act, fire, trial_host

_CARDS = ("critical_alerts", "high_alerts", "other_alerts", "unacknowledged_alerts", "errors_24h", "health_score")


class TestDesk(unittest.TestCase):
    """Cards, charts, the report, and the DocTypes whose documents live in Baken's store."""

    host: Host

    def setUp(self) -> None:
        frappe.set_user("Administrator")
        trial = trial_host()
        self.host = trial.__enter__()
        self.addCleanup(trial.__exit__, None, None, None)

    def tearDown(self) -> None:
        frappe.set_user("Administrator")
        frappe.db.rollback()

    def test_cards_count_open_alerts(self) -> None:
        number = fire(self.host)
        self.assertEqual(desk.critical_alerts()["value"], 1)
        self.assertEqual((desk.high_alerts()["value"], desk.other_alerts()["value"]), (0, 0))
        self.assertEqual(desk.unacknowledged_alerts()["value"], 1)
        act(self.host, "acknowledge", number, "Administrator")
        self.assertEqual(desk.unacknowledged_alerts()["value"], 0)
        self.assertEqual((desk.errors_24h(), desk.health_score()), (desk.DASH, desk.DASH))

    def test_a_store_that_hangs_leaves_a_dash(self) -> None:
        def hang(*_given: Any) -> Any:
            time.sleep(3)

        with patch.object(desk, "_SECONDS", 0.2), patch.object(registry, "invoke", hang):
            began = time.monotonic()
            self.assertEqual(desk.critical_alerts(), desk.DASH)
            self.assertLess(time.monotonic() - began, 2)

    def test_charts_and_report(self) -> None:
        number = fire(self.host)
        act(self.host, "acknowledge", number, "Administrator")
        chart = desk.alerts_per_day()
        self.assertEqual(len(chart["labels"]), 30)
        self.assertEqual(sum(sum(each["values"]) for each in chart["datasets"]), 1)
        self.assertEqual(len(desk.errors_per_hour()["datasets"]), 1)
        columns, rows, _message, drawn, summary = alerts_per_rule.execute({"days": 7})
        self.assertEqual(rows[0]["rule"], "HIGH_ERROR_RATE")
        self.assertIsNotNone(rows[0]["to_acknowledge"])
        self.assertTrue(set(rows[0]) <= {column["fieldname"] for column in columns})
        self.assertEqual((drawn["data"]["datasets"][0]["values"], summary[0]["value"]), ([1], 1))

    def test_an_ordinary_user_learns_nothing(self) -> None:
        frappe.set_user("Guest")
        for name in _CARDS:
            with self.assertRaises(frappe.PermissionError, msg=name):
                getattr(desk, name)()
        for ask in (desk.alerts_per_day, desk.errors_per_hour, desk.check_settings, alerts_per_rule.execute):
            with self.assertRaises(frappe.PermissionError):
                ask()
        for doctype in ("Alert Rule", "Silence"):
            with self.assertRaises(frappe.PermissionError):
                frappe.get_list(doctype)
            with self.assertRaises(frappe.PermissionError):
                frappe.get_doc(doctype, "HIGH_ERROR_RATE" if doctype == "Alert Rule" else "1")

    def test_the_check_says_what_is_missing(self) -> None:
        said = {row["what"]: row["ok"] for row in desk.check_settings()}
        self.assertIn(False, said.values())
        self.assertTrue(any(said.values()))

    def test_a_list_of_rules_is_filtered_sorted_and_cut(self) -> None:
        found = self._listed("Alert Rule", filters=[["Alert Rule", "area", "=", "errors"]], page_length=3)
        self.assertEqual(len(found["values"]), 3)
        self.assertGreater(self._counted("Alert Rule", [["Alert Rule", "area", "=", "errors"]]), 3)
        some = frappe.get_list("Alert Rule", filters={"title": ["like", "%error%"]}, order_by="title asc")
        titles = [row["title"] for row in some]
        self.assertEqual(titles, sorted(titles, key=str.casefold))
        self.assertTrue(titles and all("error" in title.casefold() for title in titles))
        self.assertEqual(len(frappe.get_list("Alert Rule", filters={"name": ["in", ["HIGH_DISK", "HIGH_CPU"]]})), 2)
        self.assertEqual(frappe.get_list("Alert Rule", filters={"limit_figure": [">", 10**14]}), [])

    def test_a_rule_that_baken_brings_is_changed_and_put_back(self) -> None:
        rule = frappe.get_doc("Alert Rule", "HIGH_ERROR_RATE")
        was = rule.limit_figure
        rule.limit_figure, rule.severity, rule.has_night, rule.limit_night = 25, "MEDIUM", 1, 40
        rule.save()
        changed = frappe.get_doc("Alert Rule", "HIGH_ERROR_RATE")
        self.assertEqual((changed.limit_figure, changed.severity, changed.limit_night), (25, "MEDIUM", 40))
        self.assertEqual(changed.changed_by, "Administrator")
        with self.assertRaises(frappe.ValidationError):
            frappe.delete_doc("Alert Rule", "HIGH_ERROR_RATE")
        from baken.monitoring.doctype.alert_rule.alert_rule import put_back

        self.assertTrue(put_back("HIGH_ERROR_RATE"))
        back = frappe.get_doc("Alert Rule", "HIGH_ERROR_RATE")
        self.assertEqual((back.limit_figure, back.has_night, back.changed_keys), (was, 0, ""))

    def test_a_rule_of_ones_own(self) -> None:
        values = {"title": "Many members leave", "metric": "frappe_errors", "only_where": "window = 24h",
                  "limit_how": "above", "limit_figure": 500, "message": "{value} errors", "area": "errors",
                  "severity": "LOW"}  # fmt: skip
        with self.assertRaises(frappe.ValidationError) as refused:
            frappe.get_doc({"doctype": "Alert Rule", **values, "metric": "no_such_metric"}).insert()
        self.assertIn("Metric", str(refused.exception))
        rule = frappe.get_doc({"doctype": "Alert Rule", **values}).insert()
        self.assertTrue(rule.name.startswith("OWN_"))
        rule = frappe.get_doc("Alert Rule", rule.name)
        self.assertEqual((rule.own, rule.limit_figure, rule.only_where), (1, 500, "window = 24h"))
        rule.title, rule.hold = "Many, many members leave", "5m"
        rule.save()
        rule = frappe.get_doc("Alert Rule", rule.name)
        self.assertEqual((rule.title, rule.hold, rule.message), ("Many, many members leave", "5m", "{value} errors"))
        rule.hold = "five minutes"
        with self.assertRaises(frappe.ValidationError):
            rule.save()
        frappe.delete_doc("Alert Rule", rule.name)
        self.assertEqual(frappe.get_list("Alert Rule", filters={"name": rule.name}), [])
        with self.assertRaises(frappe.DoesNotExistError):
            frappe.get_doc("Alert Rule", rule.name)

    def test_silences_are_made_and_ended(self) -> None:
        ends = frappe.utils.add_to_date(frappe.utils.now_datetime(), hours=3)
        given = {"doctype": "Silence", "kind": "silence", "rule": "HIGH_CPU", "labels": "mount = /data"}
        silence = frappe.get_doc({**given, "ends": ends, "comment": "moving house"}).insert()
        found = frappe.get_doc("Silence", silence.name)
        self.assertEqual((found.state, found.rule, found.labels), ("active", "HIGH_CPU", "mount = /data"))
        self.assertEqual(str(found.ends)[:16], str(ends)[:16])
        found.comment = "something else"
        with self.assertRaises(frappe.ValidationError):
            found.save()
        self.assertEqual(self._counted("Silence", [["Silence", "state", "=", "active"]]), 1)
        frappe.delete_doc("Silence", silence.name)
        self.assertEqual(frappe.get_doc("Silence", silence.name).state, "ended")
        for wrong in ({"labels": "no sign"}, {"rule": "~["}, {"rule": "", "labels": "", "comment": ""}):
            with self.assertRaises(frappe.ValidationError):
                frappe.get_doc({**given, "ends": ends, **wrong}).insert()

    def test_maintenance_comes_again(self) -> None:
        given = {"doctype": "Silence", "kind": "maintenance", "days": "mon,thu", "at": "02:00", "minutes": 90}
        made = frappe.get_doc({**given, "comment": "backups"}).insert()
        found = frappe.get_doc("Silence", made.name)
        self.assertEqual((found.kind, found.days, found.at, found.minutes), ("maintenance", "mon,thu", "02:00", 90))
        self.assertTrue(found.next_starts and not found.ends)
        with self.assertRaises(frappe.ValidationError):
            frappe.get_doc({**given, "days": "someday"}).insert()

    def _ask(self, function: Any, **given: Any) -> Any:
        before = frappe.local.form_dict
        frappe.local.form_dict = frappe._dict({name: json.dumps(value) if isinstance(value, list) else value
                                               for name, value in given.items()})  # fmt: skip
        try:
            return function()
        finally:
            frappe.local.form_dict = before

    def _listed(self, doctype: str, **given: Any) -> Any:
        order = f"`tab{doctype}`.`modified` desc"
        fields = [f"`tab{doctype}`.`name`"]
        return self._ask(reportview.get, doctype=doctype, fields=fields, order_by=order, start=0, view="List", **given)

    def _counted(self, doctype: str, filters: list[Any]) -> Any:
        return self._ask(
            reportview.get_count, doctype=doctype, filters=filters, fields=[], distinct="false", limit=1001
        )

"""Tests of Baken's alerts as System Alerts: `bench run-tests --app baken`."""

import json
import unittest
from typing import Any
from unittest.mock import patch

import frappe
from sqlalchemy import event

from baken.frappe_host import desk, mirror
from baken.frappe_host.host import Host
from baken.monitoring.trial_host import act, alert, fire, trial_host


class TestMirror(unittest.TestCase):
    """What happens to an alert happens to its document, and the other way round."""

    host: Host

    def setUp(self) -> None:
        frappe.set_user("Administrator")
        trial = trial_host()
        self.host = trial.__enter__()
        self.addCleanup(trial.__exit__, None, None, None)
        # The documents of the site's own store are out of the way while the trial's are made.
        before = frappe.get_all(mirror.DOCTYPE, fields=["name", "baken_alert"])
        frappe.db.set_value(mirror.DOCTYPE, {"baken_alert": [">", 0]}, "baken_alert", 0, update_modified=False)
        self.addCleanup(self._put_back, {row.name: row.baken_alert for row in before})

    def _put_back(self, before: dict[str, int]) -> None:
        frappe.db.rollback()
        for name in frappe.get_all(mirror.DOCTYPE, pluck="name"):
            if name not in before:
                frappe.delete_doc(mirror.DOCTYPE, name, force=True, ignore_permissions=True, delete_permanently=True)
            elif before[name]:
                frappe.db.set_value(mirror.DOCTYPE, name, "baken_alert", before[name], update_modified=False)
        frappe.db.commit()

    def _document(self, number: int) -> Any:
        name = frappe.db.get_value(mirror.DOCTYPE, {"baken_alert": number}, "name")
        return frappe.get_doc(mirror.DOCTYPE, name) if name else None

    def test_an_alert_becomes_a_document(self) -> None:
        mails = frappe.db.count("Email Queue")
        number = fire(self.host)
        self.assertEqual(mirror.follow(self.host), 1)
        document = self._document(number)
        self.assertEqual(
            (document.alert_type, document.severity, document.status), ("HIGH_ERROR_RATE", "CRITICAL", "Active")
        )
        self.assertEqual(document.source, "Baken")
        self.assertEqual(document.subject, "14 errors within an hour")
        self.assertEqual(json.loads(document.details)["limit"], 10)
        self.assertEqual(frappe.db.count("Email Queue"), mails)

    def test_nothing_new_costs_one_statement(self) -> None:
        fire(self.host)
        mirror.follow(self.host)
        said: list[str] = []

        def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            said.append(statement)

        event.listen(self.host.store.engine, "before_cursor_execute", note)
        self.assertEqual(mirror.follow(self.host), 0)
        self.assertEqual(len([each for each in said if each.lstrip().upper().startswith("SELECT")]), 1, said)

    def test_the_document_follows(self) -> None:
        number = fire(self.host)
        mirror.follow(self.host)
        act(self.host, "acknowledge", number, "Administrator")
        mirror.follow(self.host)
        document = self._document(number)
        self.assertEqual((document.status, document.acknowledged_by), ("Acknowledged", "Administrator"))
        self.assertTrue(document.acknowledged_at)
        act(self.host, "resolve", number, "somebody@elsewhere.example")
        mirror.follow(self.host)
        document = self._document(number)
        self.assertEqual((document.status, document.resolved_by), ("Resolved", None))
        self.assertEqual(json.loads(document.details)["resolved_by"], "somebody@elsewhere.example")
        act(self.host, "reopen", number, "Administrator")
        mirror.follow(self.host)
        document = self._document(number)
        self.assertEqual((document.status, document.resolved_at, document.acknowledged_at), ("Active", None, None))

    def test_an_act_on_the_desk_goes_to_baken(self) -> None:
        number = fire(self.host)
        mirror.follow(self.host)
        done = desk.change_alerts(json.dumps([self._document(number).name]), "acknowledge", "looking at it")
        self.assertEqual(len(done["changed"]), 1, done)
        self.assertEqual(
            (alert(self.host, number).status, alert(self.host, number).acknowledged_by),
            ("Acknowledged", "Administrator"),
        )
        trail = self.host.invoke("baken.get_alert", {"number": number})["trail"]
        self.assertIn("looking at it", [line["text"] for line in trail])
        document = self._document(number)
        document.status = "Resolved"
        document.save()
        self.assertEqual(alert(self.host, number).status, "Resolved")
        self.assertTrue(document.resolved_at)
        self.assertEqual(mirror.follow(self.host), 0)

    def test_what_baken_refuses_is_said_and_nothing_changes(self) -> None:
        number = fire(self.host)
        mirror.follow(self.host)
        act(self.host, "acknowledge", number, "els@example.test")
        done = desk.change_alerts(self._document(number).name, "acknowledge")
        self.assertEqual(done["changed"], [])
        self.assertIn("els@example.test", done["refused"][0]["reason"])
        self.assertEqual(self._document(number).status, "Active")

    def test_what_baken_says_is_not_changed_by_hand(self) -> None:
        number = fire(self.host)
        mirror.follow(self.host)
        for field, value in (("message", "nothing is wrong"), ("severity", "LOW"), ("baken_status", "Resolved")):
            document = self._document(number)
            document.set(field, value)
            with self.assertRaises(frappe.ValidationError):
                document.save()

    def test_a_status_changed_past_the_form_goes_to_baken_too(self) -> None:
        number = fire(self.host)
        mirror.follow(self.host)
        frappe.db.set_value(mirror.DOCTYPE, self._document(number).name, "status", "Acknowledged")
        mirror.follow(self.host, everything=True)
        row = alert(self.host, number)
        self.assertEqual((row.status, row.acknowledged_by), ("Acknowledged", "Administrator"))
        self.assertTrue(self._document(number).acknowledged_at)

    def test_a_document_that_was_deleted_is_made_again(self) -> None:
        number = fire(self.host)
        mirror.follow(self.host)
        frappe.delete_doc(mirror.DOCTYPE, self._document(number).name, ignore_permissions=True)
        mirror.follow(self.host, everything=True)
        self.assertEqual(self._document(number).status, "Active")

    def test_a_process_that_was_killed_leaves_no_second_document(self) -> None:
        number = fire(self.host)
        with patch.object(mirror, "upsert", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            mirror.follow(self.host)
        self.assertTrue(self._document(number))
        mirror.follow(self.host)
        self.assertEqual(frappe.db.count(mirror.DOCTYPE, {"baken_alert": number}), 1)

    def test_a_document_of_another_store_is_let_go(self) -> None:
        number = fire(self.host)
        other = frappe.get_doc({"doctype": mirror.DOCTYPE, "alert_type": "OTHER", "severity": "LOW",
                                "message": "errors within an hour", "baken_alert": number})  # fmt: skip
        other.flags.from_baken = True
        other.insert()
        mirror.follow(self.host)
        self.assertFalse(frappe.db.get_value(mirror.DOCTYPE, other.name, "baken_alert"))
        self.assertEqual(self._document(number).alert_type, "HIGH_ERROR_RATE")

    def test_a_document_whose_alert_is_no_more_can_be_ended_by_hand(self) -> None:
        lost = frappe.get_doc({"doctype": mirror.DOCTYPE, "alert_type": "OTHER", "severity": "LOW", "message": "m"})
        lost.update({"baken_alert": 999, "baken_status": "Active"})
        lost.flags.from_baken = True
        lost.insert()
        mirror.follow(self.host, everything=True)
        frappe.get_doc(mirror.DOCTYPE, lost.name).resolve()
        self.assertEqual(frappe.db.get_value(mirror.DOCTYPE, lost.name, "status"), "Resolved")

    def test_one_that_cannot_be_written_does_not_hold_the_others_up(self) -> None:
        first, second = fire(self.host), fire(self.host, title="15 errors within an hour")
        real = mirror._insert

        def broken(one: Any, language: str) -> str:
            if one["number"] == first:
                raise ValueError("broken")
            return real(one, language)

        with patch.object(mirror, "_insert", broken):
            mirror.bring_up_to_date(self.host)
        self.assertIsNone(self._document(first))
        self.assertTrue(self._document(second))
        mirror.follow(self.host, everything=True)
        self.assertTrue(self._document(first))

    def test_a_document_of_ones_own_is_found_by_its_name(self) -> None:
        own = frappe.get_doc({"doctype": mirror.DOCTYPE, "alert_type": "X", "severity": "LOW", "message": "m"}).insert()
        self.assertEqual(desk.document_of(own.name).name, own.name)
        self.assertIsNone(desk.done_on_document("baken.get_alerts", {"alert_name": own.name}))
        done = desk.done_on_document("baken.acknowledge_alert", {"alert_name": own.name, "note": "mine"})
        self.assertEqual(done and done["success"], True)
        self.assertEqual(frappe.db.get_value(mirror.DOCTYPE, own.name, "status"), "Acknowledged")
        number = fire(self.host)
        mirror.follow(self.host)
        self.assertIsNone(desk.document_of(self._document(number).name))
        frappe.delete_doc(mirror.DOCTYPE, own.name, force=True)
        frappe.db.commit()

"""Tests of Baken Settings on a site: `bench run-tests --app baken`."""

import unittest
from typing import Any

import frappe

from baken.frappe_host import config

test_ignore = ["Email Account"]


class TestBakenSettings(unittest.TestCase):
    """What is refused, and that Baken reads what was set."""

    def setUp(self) -> None:
        frappe.set_user("Administrator")

    def tearDown(self) -> None:
        frappe.db.rollback()
        frappe.clear_document_cache("Baken Settings", "Baken Settings")

    def _saved(self, **values: Any) -> Any:
        settings = frappe.get_doc("Baken Settings")
        settings.update(values)
        return settings.save()

    def test_what_cannot_be_is_refused_in_words(self) -> None:
        person = {"recipient": "Els", "email": "els@example.test", "at_least": "LOW"}
        for wrong in (
            {"public_url": "association.example"},
            {"raw_days": 99999},
            {"cpu_percent": 120},
            {"recipients": [{**person, "email": "els"}]},
            {"recipients": [person, {**person, "recipient": "Els again"}]},
        ):
            with self.assertRaises(frappe.ValidationError, msg=str(wrong)) as refused:
                self._saved(**wrong)
            self.assertGreater(len(str(refused.exception)), 15)
            frappe.db.rollback()

    def test_baken_reads_them(self) -> None:
        self._saved(public_url="https://association.example/", raw_days=45, enabled=1)
        found = config.load()
        self.assertEqual(found.alerts.public_url, "https://association.example")
        self.assertEqual(found.history.raw_days, 45)
        self._saved(enabled=0)
        self.assertFalse(config.is_enabled())

    def test_the_form_shows_the_store_and_what_wins(self) -> None:
        settings = frappe.get_doc("Baken Settings")
        settings.run_method("onload")
        self.assertIn("://", settings.store_url)
        self.assertNotIn(str(frappe.conf.db_password), settings.store_url)
        self.assertIsInstance(settings.get("__onload")["given"], list)

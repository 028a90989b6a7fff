"""Tests of what keeps Baken from harming its site, and others from using Baken: `bench run-tests --app baken`."""

import socket
import time
import unittest
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import frappe
from cryptography.fernet import Fernet
from frappe.utils import set_request
from frappe.utils.password import set_encrypted_password

from baken.frappe_host import asking, config, desk, events, host, methods, mirror, own_log, tasks
from baken.history.store import StoreError
from baken.monitoring.trial_host import alert, fire, trial_host

_ACCOUNT = "Baken Guards"


def _email_account(**values: Any) -> None:
    account: dict[str, Any] = {
        "email_account_name": _ACCOUNT,
        "email_id": "out@example.test",
        "smtp_server": "127.0.0.1",
    }
    account |= {"doctype": "Email Account", "name": _ACCOUNT, "enable_outgoing": 1, "smtp_port": 25, **values}
    frappe.get_doc(account).db_insert()
    set_encrypted_password("Email Account", _ACCOUNT, "first", "password")
    settings: Any = frappe.get_doc("Baken Settings")
    settings.update({"email_account": _ACCOUNT, "recipients": [], "tell_system_managers": 0})
    settings.append("recipients", {"recipient": "Board", "email": "board@example.test"})
    settings.save()


class _Apart(unittest.TestCase):
    """Leaves neither documents nor a request behind."""

    def setUp(self) -> None:
        frappe.set_user("Administrator")
        self.addCleanup(host.forget)
        self.addCleanup(self._undo)

    def _undo(self) -> None:
        frappe.set_user("Administrator")
        frappe.local.request = None
        frappe.flags.baken_answered = None
        frappe.db.rollback()
        frappe.clear_document_cache("Baken Settings", "Baken Settings")
        frappe.clear_document_cache("Email Account", _ACCOUNT)


class TestSettings(_Apart):
    """Settings follow what they were made of, and what cannot be read takes nothing else along."""

    def _channel(self) -> Any:
        return host.present().settings.alerts.channels[0]

    def test_the_site_is_not_where_a_request_says(self) -> None:
        named = {"host_name": None, "hostname": None}
        with patch.dict(frappe.local.conf, named):
            set_request(method="GET", path="/", headers={"Host": "elsewhere.example"})
            self.assertNotIn("elsewhere", str(config.load().alerts.public_url))
        self.assertIsNotNone(frappe.local.request)

    def test_a_changed_email_account_is_used(self) -> None:
        _email_account()
        self.assertEqual(self._channel().port, 25)
        frappe.db.set_value("Email Account", _ACCOUNT, "smtp_port", 587)
        frappe.clear_document_cache("Email Account", _ACCOUNT)
        self.assertEqual(self._channel().port, 587)

    def test_a_password_that_cannot_be_read_leaves_the_rest(self) -> None:
        _email_account()
        said = len(frappe.local.message_log)
        with patch.dict(frappe.local.conf, {"encryption_key": Fernet.generate_key().decode()}):
            channel: Any = config.load().alerts.channels[0]
        self.assertEqual(channel.host, "127.0.0.1")
        self.assertEqual(len(frappe.local.message_log), said)

    def test_no_two_people_have_one_name(self) -> None:
        _email_account()
        settings: Any = frappe.get_doc("Baken Settings")
        settings.update({"tell_system_managers": 1})
        settings.recipients[0].recipient = "Someone@example.test"
        settings.save()
        with patch.object(config, "_system_managers", lambda: [("someone@example.test", "nl")]):
            names = [each.name.casefold() for each in config.load().alerts.recipients]
        self.assertEqual(len(names), 2)
        self.assertEqual(len(set(names)), 2)


class TestRoundsAskedFor(_Apart):
    """Nobody asks for rounds without end, nor while the site is not to be touched, nor holds workers by it."""

    def setUp(self) -> None:
        super().setUp()
        cache = asking._cache()
        for name in ("baken_round", "baken_waiting"):
            cache.delete(cache.make_key(name))
            self.addCleanup(cache.delete, cache.make_key(name))

    def _asked(self, *, status: int = 500, **conf: Any) -> int:
        with patch.object(asking, "ask_for_round") as ask, patch.dict(frappe.local.conf, conf):
            events.request_ended(response=SimpleNamespace(status_code=status))
            return ask.call_count

    def test_after_a_failed_request(self) -> None:
        self.assertEqual((self._asked(), self._asked(status=200)), (1, 0))

    def test_not_while_the_site_is_migrated(self) -> None:
        self.assertEqual(self._asked(status=503, maintenance_mode=1), 0)

    def test_not_after_an_answer_of_its_own(self) -> None:
        set_request(method="GET", path="/api/method/baken.get_session")
        with patch.object(config, "is_enabled", lambda: False):
            self.assertEqual(methods.get_session().status_code, 503)
        self.assertEqual(self._asked(status=503), 0)

    def test_a_queue_that_is_away_is_left_alone_for_a_while(self) -> None:
        with patch.object(frappe, "enqueue", side_effect=ConnectionError) as enqueue:
            events._look()
            events._look()
        self.assertEqual(enqueue.call_count, 1)
        cache = asking._cache()
        self.assertGreater(cache.ttl(cache.make_key("baken_round")), 30)

    def test_one_job_waits_for_its_turn(self) -> None:
        first: Any = asking.wait_alone()
        with patch.object(tasks, "_round") as work:
            tasks.look()
            self.assertEqual(work.call_count, 0)
            first()
            tasks.look()
            self.assertEqual(work.call_count, 1)
            # The place is free again, whatever the round did with it.
            tasks.look()
            self.assertEqual(work.call_count, 2)

    def test_a_round_is_nobodys(self) -> None:
        users = []
        with (
            patch.object(tasks, "limited"),
            patch.object(mirror, "bring_up_to_date", lambda _host: users.append(frappe.session.user)),
        ):
            frappe.set_user("Guest")
            tasks.look()
        self.assertEqual(users, ["Administrator"])

    def test_no_work_while_the_site_is_migrated(self) -> None:
        with patch.dict(frappe.local.conf, {"maintenance_mode": 1}), patch.object(tasks, "limited") as work:
            tasks.collect()
            tasks.hourly()
        self.assertEqual(work.call_count, 0)


class TestOverHTTP(_Apart):
    """A request changes nothing that it may not, and learns nothing that it need not."""

    def test_the_desk_changes_nothing_by_get(self) -> None:
        trial = trial_host()
        made = trial.__enter__()
        self.addCleanup(trial.__exit__, None, None, None)
        number = fire(made)
        set_request(method="GET", path="/api/method/baken.frappe_host.desk.change_alerts")
        with self.assertRaises(frappe.PermissionError):
            desk.ask("resolve_alerts", alerts=str(number))
        self.assertEqual(alert(made, number).status, "Active")
        desk.ask("get_alerts", limit=1)
        set_request(method="POST", path="/api/method/baken.frappe_host.desk.change_alerts")
        desk.ask("resolve_alerts", alerts=str(number))
        self.assertEqual(alert(made, number).status, "Resolved")

    def test_code_of_the_site_gets_plain_values(self) -> None:
        from baken import api

        set_request(method="GET", path="/some/page")
        frappe.local.form_dict = frappe._dict()
        self.assertIsInstance(api.get_system_metrics(), dict)
        for path in ("/api/method/baken.get_system_metrics", "/api/v2/method/baken.get_system_metrics"):
            set_request(method="GET", path=path)
            self.assertEqual(api.get_system_metrics().status_code, 200)
        set_request(method="GET", path="/")
        frappe.local.form_dict = frappe._dict(cmd="verenigingen.www.monitoring_dashboard.get_system_metrics")
        self.assertEqual(api.get_system_metrics().status_code, 200)

    def test_a_header_that_frappe_does_not_use_makes_no_token(self) -> None:
        set_request(method="GET", path="/", headers={"Authorization": "Basic eDp5"})
        with patch.dict(frappe.local.session, {"sid": "0123456789abcdef"}):
            self.assertTrue(methods._by_cookie())
        frappe.set_user("Administrator")
        self.assertFalse(methods._by_cookie())

    def test_a_store_that_says_nothing_holds_no_request(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"mysql+pymysql://baken:secret@127.0.0.1:{silent.getsockname()[1]}/baken"
            set_request(method="GET", path="/api/method/baken.get_session")
            given = {"history": {"url": url}}
            with patch.object(config, "_given", lambda: dict(given)), patch.object(host, "_SECONDS_OF_REQUEST", 1):
                host.forget()
                began = time.monotonic()
                self.assertEqual(methods.get_session().status_code, 503)
                self.assertLess(time.monotonic() - began, 8)

    def test_where_the_store_is_nobody_else_learns(self) -> None:
        def away() -> Any:
            raise StoreError("the store mysql://db.internal:3306/baken refuses Baken")

        set_request(method="GET", path="/api/method/baken.get_session")
        with patch.object(methods, "present", away):
            told = methods.get_session()
            frappe.set_user("Guest")
            untold = methods.get_session()
        self.assertIn(b"db.internal", told.get_data())
        self.assertNotIn(b"db.internal", untold.get_data())
        self.assertEqual((told.status_code, untold.status_code), (503, 503))


class TestTexts(unittest.TestCase):
    """What Baken writes down names nobody, and brings no markup into the Desk."""

    def test_the_log_names_no_addresses(self) -> None:
        event = {"event": "told", "recipient": "piet@example.test", "alerts": 1}
        self.assertEqual(
            own_log._without_addresses(None, "info", event), {"event": "told", "recipient": "<email>", "alerts": 1}
        )

    def test_no_tag_comes_into_a_document(self) -> None:
        for text in ("<b>x</b>", "<img src=x onerror=alert(1) ", "</p", "<!-- "):
            self.assertNotRegex(mirror.said({"en": text}, "en"), "<[A-Za-z/!?]")
        self.assertEqual(mirror.said({"en": "1 < 2"}, "en"), "1 < 2")

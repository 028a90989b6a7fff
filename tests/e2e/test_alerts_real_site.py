"""From end to end: a row in the Error Log of a real Frappe site becomes an e-mail, and nothing else becomes of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from baken.api import registry
from bench.mailbox import MailServer, text_of
from tests.conftest import FrappeSite
from tests.e2e.conftest import ELS, PASSWORD, Watch, checksums
from tests.e2e.served import Person, eventually, serving

LID = "lid.jansen@leden.example"
TRACE = """Traceback (most recent call last):
  File "apps/verenigingen/verenigingen/doctype/direct_debit_batch/direct_debit_batch.py", line 412, in submit
    self.reserve_sequence(batch)
{fault}"""


@dataclass(frozen=True)
class Told:
    """A watched site, and the mail server to which Baken hands what it tells."""

    watch: Watch
    mail: MailServer

    def mails(self, word: str) -> list[str]:
        """The e-mails so far that say a word."""
        return [text for _, mail in list(self.mail.taken) if word in (text := text_of(mail))]

    def write_errors(self, fault: str, count: int) -> None:
        """Rows of the Error Log as Frappe writes them, all of one failure."""
        now = datetime.now(ZoneInfo("Europe/Amsterdam")).replace(tzinfo=None)
        made = self.watch.count("tabError Log", "name LIKE 'baken-told-%'")
        text = TRACE.format(fault=fault).replace("\n", "\\n").replace("'", "''")
        same = f"'{now}', '{now}', 'Administrator', 'Administrator', 'Batch not sent', '{text}'"
        rows = ", ".join(f"('baken-told-{made + number}', {same})" for number in range(count))
        columns = "(name, creation, modified, owner, modified_by, method, error)"
        self.watch.sql(f"INSERT INTO `tabError Log` {columns} VALUES {rows}")

    def alerts(self, rule: str) -> list[dict[str, Any]]:
        """All alerts of a rule, the resolved ones as well."""
        answer = self.watch.person.client.get("/api/method/baken.get_alerts", params={"status": "all", "rule": rule})
        found: list[dict[str, Any]] = answer.json()["message"]["alerts"]
        return found


@pytest.fixture(scope="module")
def told(frappe_site: FrappeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """`baken serve` over the reference site with the default rules; one person hears of patterns, one of the rate."""
    folder = tmp_path_factory.mktemp("told")
    before = checksums(frappe_site)
    frappe_site.redis.flush()
    mail = MailServer()
    mail.up()
    person = {"channel": "mail", "at_least": "LOW", "language": "en"}
    recipients = [
        {"name": "patterns", "to": "patterns@example.test", "rules": ["NEW_ERROR_PATTERN", "NEW_MINOR_ERROR_PATTERN"]},
        {"name": "rate", "to": "rate@example.test", "rules": ["HIGH_ERROR_RATE"]},
    ]
    environ = mail.environment(BAKEN_ALERTS__RECIPIENTS=json.dumps([person | one for one in recipients]))
    args = ["serve", "--bench", str(frappe_site.bench), "--site", frappe_site.name, "--port", "0"]
    try:
        with serving(args, folder, environ) as served:
            els = Person(served.address, ELS, PASSWORD)
            # What was in the Error Log before is read first; none of that is news.
            eventually(lambda: els.measured()["system_metrics"]["absent"] == {}, "all figures")
            eventually(lambda: els.read("get_recent_errors"), "the errors of before")
            yield Told(Watch(served, els, frappe_site, before), mail)
            els.client.close()
    finally:
        mail.down()
        frappe_site.mariadb.execute(
            "DELETE FROM `tabError Log` WHERE name LIKE 'baken-told-%'", database=frappe_site.database
        )
        frappe_site.redis.flush()


def system_alerts(told: Told) -> list[tuple[Any, ...]]:
    """The site's own table: how many, and when it was last changed."""
    return told.watch.sql("SELECT COUNT(*), MAX(modified), MAX(creation) FROM `tabSystem Alert`")


def test_an_error_that_is_new_is_in_the_mail_within_seconds(told: Told) -> None:
    before = system_alerts(told)
    assert told.mails("Batch not sent") == []
    told.write_errors("direct_debit_batch.SequenceTaken: the sequence of batch DDB-2026-0042 is taken", 1)
    (mail,) = eventually(lambda: told.mails("Batch not sent"), "an e-mail about the new error")
    assert "New grave error" in mail
    assert "DDB-2026" not in mail, "what tells one batch from another is no part of a pattern"
    # The same again is no news.
    told.write_errors("direct_debit_batch.SequenceTaken: the sequence of batch DDB-2026-0043 is taken", 1)
    told.watch.person.measured()
    assert len(told.mails("Batch not sent")) == 1
    assert system_alerts(told) == before


def test_many_errors_are_one_alert_however_often_it_is_checked(told: Told) -> None:
    """Defect 13: five checks within the hour made five alerts."""
    before = system_alerts(told)
    told.write_errors("direct_debit_batch.SequenceTaken: the sequence of batch DDB-2026-0044 is taken", 12)
    told.watch.person.measured()
    eventually(lambda: told.alerts("HIGH_ERROR_RATE"), "the alert")
    for _ in range(5):
        told.write_errors("direct_debit_batch.SequenceTaken: the sequence of batch DDB-2026-0045 is taken", 1)
        checked = told.watch.person.client.post(
            "/api/method/verenigingen.utils.alert_manager.run_hourly_checks",
            headers={"X-Frappe-CSRF-Token": told.watch.person.csrf},
        )
        assert checked.status_code == 200, checked.text
        told.watch.person.measured()
    (alert,) = told.alerts("HIGH_ERROR_RATE")
    assert (alert["severity"], alert["status"], alert["occurrences"]) == ("CRITICAL", "Active", 1)
    assert alert["value"] > 12
    (mail,) = eventually(lambda: told.mails("errors within an hour"), "an e-mail about the rate")
    assert "more than 10 is too many" in " ".join(mail.split())
    assert system_alerts(told) == before


def test_the_ordinary_member_gets_nothing_of_it(told: Told) -> None:
    """Defect 15: lid.jansen got 200 from every method."""
    keys = told.watch.frappe.api_keys[LID]
    token = {"Authorization": f"token {keys['api_key']}:{keys['api_secret']}"}
    every = {name for entry in registry.methods() for name in entry.names}
    names = sorted(name for name in every if "alert" in name or "silence" in name or "maintenance" in name)
    assert len(names) > 15
    before = len(told.alerts("HIGH_ERROR_RATE")), len(told.mail.taken)
    with httpx.Client(base_url=told.watch.served.address, headers=token, trust_env=False) as member:
        for name in names:
            answers = {member.get(f"/api/method/{name}"), member.post(f"/api/method/{name}", json={})}
            assert {answer.status_code for answer in answers} == {403}, name
    assert (len(told.alerts("HIGH_ERROR_RATE")), len(told.mail.taken)) == before


def test_alerting_wrote_nothing_into_the_site(told: Told) -> None:
    """Taking an alert up and holding it back are Baken's own affair as well."""
    (alert,) = told.alerts("HIGH_ERROR_RATE")
    person = told.watch.person
    for method, args in (
        ("baken.acknowledge_alerts", {"alerts": str(alert["number"]), "note": "I look"}),
        ("baken.add_silence", {"matchers": {"rule": "HIGH_ERROR_RATE"}, "hours": 1, "comment": "a trial"}),
        ("baken.resolve_alerts", {"alerts": str(alert["number"])}),
    ):
        answer = person.client.post(f"/api/method/{method}", json=args, headers={"X-Frappe-CSRF-Token": person.csrf})
        assert answer.status_code == 200, answer.text
    person.read("get_active_alerts")
    told.watch.sql("DELETE FROM `tabError Log` WHERE name LIKE 'baken-told-%'")
    person.measured()
    assert told.watch.checksums() == told.watch.before

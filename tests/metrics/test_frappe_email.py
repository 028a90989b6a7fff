"""Whether e-mail goes out at all, against the reference site."""

import json
from collections.abc import Iterator

import pytest

from baken.sites.problems import NotAvailable
from tests.conftest import FrappeSite
from tests.metrics.conftest import Subject, changed
from tests.metrics.test_frappe import elsewhere, value

QUEUE = "`tabEmail Queue`"
SUSPEND = (
    "INSERT INTO tabDefaultValue (name, parent, parenttype, parentfield, defkey, defvalue, docstatus, idx) "
    "VALUES ('test-suspend', '{}', '__default', 'system_defaults', 'suspend_email_queue', '{}', 0, 0)"
)
RESUME = "DELETE FROM tabDefaultValue WHERE name = 'test-suspend'"


@pytest.fixture
def muted(frappe_site: FrappeSite) -> Iterator[object]:
    """Sets mute_emails in the site's configuration; put back afterwards."""
    file = frappe_site.bench / "sites" / frappe_site.name / "site_config.json"
    before = file.read_text()

    def mute(value: object) -> None:
        # Longer by a space each time, so that the change is seen within the same instant.
        file.write_text(json.dumps({**json.loads(before), "mute_emails": value, "padding": "x" * len(str(value))}))

    yield mute
    file.write_text(before)


def test_a_site_that_sends(any_site: Subject) -> None:
    assert value("frappe_email_sending", any_site) == 1
    assert value("frappe_email_stuck", any_site) == 0


@pytest.mark.parametrize(("setting", "sends"), [(1, 0), ("1", 0), (True, 0), (0, 1), ("", 1)])
def test_a_site_that_is_muted(frappe_subject: Subject, muted: object, setting: object, sends: int) -> None:
    assert callable(muted)
    muted(setting)
    assert value("frappe_email_sending", frappe_subject) == sends


@pytest.mark.parametrize(
    ("parent", "setting", "sends"), [("__default", "1", 0), ("__default", "0", 1), ("somebody@example.org", "1", 1)]
)
def test_a_site_whose_sending_is_suspended(own_site: Subject, parent: str, setting: str, sends: int) -> None:
    with changed(own_site, SUSPEND.format(parent, setting), RESUME):
        assert value("frappe_email_sending", own_site) == sends
    assert value("frappe_email_sending", own_site) == 1


def test_without_the_configuration_only_a_suspension_is_certain(own_site: Subject) -> None:
    away = elsewhere(own_site, bench=None)
    with pytest.raises(NotAvailable, match="on another machine"):
        value("frappe_email_sending", away)
    with changed(own_site, SUSPEND.format("__default", "1"), RESUME):
        assert value("frappe_email_sending", away) == 0


def test_emails_that_hang_half_way(own_site: Subject) -> None:
    (first, second) = [row[0] for row in own_site.execute(f"SELECT name FROM {QUEUE} ORDER BY creation LIMIT 2")]
    old = [
        (name, row[0], row[1])
        for name in (first, second)
        for row in own_site.execute(f"SELECT status, modified FROM {QUEUE} WHERE name = '{name}'")
    ]
    undo = [
        f"UPDATE {QUEUE} SET status = '{status}', modified = '{at}' WHERE name = '{name}'" for name, status, at in old
    ]

    def sending(name: str, at: str) -> str:
        return f"UPDATE {QUEUE} SET status = 'Sending', modified = '{at}' WHERE name = '{name}'"

    # 18:00 UTC is 19:00 on the site.
    with changed(own_site, [sending(first, "2026-11-22 17:59:59"), sending(second, "2026-11-22 18:00:00")], undo):
        assert value("frappe_email_stuck", own_site) == 1
    assert value("frappe_email_stuck", own_site) == 0

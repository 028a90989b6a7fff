"""The trial alert as people see it: its label tells one trial from another, and no place."""

from pathlib import Path

import pytest
from sqlalchemy import select

from baken.alerts import answers, lifecycle
from baken.alerts.lifecycle import Act
from baken.alerts.trial_alert import trial_opening
from baken.history.store import Store
from baken.history.tables import alerts
from tests.alerts.rig import SITE, make_rig


@pytest.mark.parametrize("language", ["en", "nl"])
def test_its_label_is_not_told_as_a_place(sqlite_store: Store, tmp_path: Path, language: str) -> None:
    recipient = {"name": "beheer", "channel": "mail", "to": "beheer@example.test", "language": language}
    rig = make_rig(sqlite_store, tmp_path, recipients=[recipient])

    def fire(act: Act) -> None:
        lifecycle.open_alert(act, trial_opening("5f0c9a", SITE, rig.now))

    rig.act(fire)
    rig.deliver()
    ((_, _, message),) = rig.side.taken
    (item,) = message.items
    assert (message.kind, item.where) == ("test", "")
    assert "5f0c9a" not in f"{message.subject} {item.title} {item.message} {item.change}"
    with rig.store.read() as conn:
        (listed,) = answers.listed(conn, conn.execute(select(alerts)).all(), acts_on_host=True)
    assert listed["where"] == ""


def test_the_labels_of_other_alerts_are(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("frappe_queue_length", 25, {"queue": "long"})
    rig.advance(2)
    rig.deliver()
    ((_, _, message),) = rig.side.taken
    assert message.items[0].where == "queue long"

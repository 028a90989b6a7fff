"""Alerts that other systems report: one per problem, ended by its end, held back like any other."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from baken import clock
from baken.alerts import external, lifecycle, silences, suppression
from baken.alerts.external import Report, take
from baken.alerts.lifecycle import Act
from baken.history.store import Store, open_store
from baken.history.tables import alert_events, alerts, outbox
from baken.settings import Alerts, Channel, Recipient

SITE = "site.example"
SETTINGS = Alerts(
    channels=[Channel(name="mail", kind="email", host="127.0.0.1", **{"from": "baken@example.test"})],
    recipients=[Recipient(name="admin", channel="mail", to="admin@example.test", at_least="LOW")],
)
NOW = datetime(2026, 11, 27, 23, 0, tzinfo=clock.now().tzinfo)
DISK = Report(
    source="zabbix",
    identity="host-1/31415",
    firing=True,
    name="Disk space is critically low",
    site=SITE,
    severity="HIGH",
    title="/: Disk space is critically low (used > 90%)",
    message="Space used: 97 %. Ask jan.jansen@example.test, NL91ABNA0417164300.",
    began=NOW - timedelta(minutes=3),
    link="https://zabbix.example/tr_events.php?eventid=7",
    labels={"host": "vps-1"},
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(f"sqlite:///{tmp_path / 'baken.db'}")
    found.migrate()
    yield found
    found.close()


def told(store: Store, report: Report, at: datetime = NOW) -> str:
    with store.write() as conn:
        return take(Act(conn, SETTINGS, at), report, {})


def rows(store: Store) -> list[Any]:
    with store.read() as conn:
        return list(conn.execute(select(alerts).order_by(alerts.c.number)))


def test_a_problem_is_one_alert_from_its_beginning_to_its_end(store: Store) -> None:
    assert told(store, DISK) == "opened"
    assert told(store, DISK, NOW + timedelta(minutes=1)) == "seen"
    row = rows(store)[0]
    assert (row.rule, row.site, row.severity, row.area, row.status) == ("ZABBIX", SITE, "HIGH", "operations", "Active")
    assert row.began == clock.to_ms(DISK.began)
    assert json.loads(row.labels) == {"host": "vps-1", "problem": "Disk space is critically low"}
    assert json.loads(row.texts)["title"]["nl"] == DISK.title
    assert json.loads(row.details)["link"] == DISK.link
    with store.read() as conn:
        assert conn.execute(select(outbox.c.recipient, outbox.c.state)).all() == [("admin", "waiting")]
    assert told(store, dataclasses.replace(DISK, firing=False), NOW + timedelta(minutes=5)) == "resolved"
    row = rows(store)[0]
    assert (row.status, row.open_key, row.resolved_by) == ("Resolved", None, "")
    with store.read() as conn:
        trail = conn.execute(select(alert_events.c.kind, alert_events.c.text)).all()
    assert [kind for kind, _ in trail] == ["fired", "resolved"]
    assert trail[-1].text == "Zabbix reports that it is over"


def test_nothing_personal_is_kept(store: Store) -> None:
    told(store, DISK)
    kept = json.dumps([str(value) for value in rows(store)[0]])
    assert "jansen" not in kept and "NL91ABNA0417164300" not in kept


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "https://user:secret@zabbix.example/",
        "https://zabbix.example/?filter=jan@example.test",
        "https://zabbix.example/?filter=jan%40example.test",
    ],
)
def test_a_link_that_is_none_or_tells_too_much_is_left_out(store: Store, link: str) -> None:
    told(store, dataclasses.replace(DISK, link=link))
    assert json.loads(rows(store)[0].details)["link"] == ""


def test_the_end_of_what_was_never_told_is_nothing(store: Store) -> None:
    assert told(store, dataclasses.replace(DISK, firing=False)) == "unknown"
    assert rows(store) == []


def test_what_comes_back_soon_is_the_same_alert_and_flaps_in_the_end(store: Store) -> None:
    over = dataclasses.replace(DISK, firing=False)
    for turn in range(4):
        at = NOW + timedelta(minutes=2 * turn)
        assert told(store, DISK, at) == ("reopened" if turn else "opened")
        assert told(store, over, at + timedelta(minutes=1)) == "resolved"
    assert len(rows(store)) == 1
    assert rows(store)[0].flapping
    assert told(store, DISK, NOW + timedelta(hours=3)) == "opened"


def test_a_silence_holds_it_and_its_end_tells_it(store: Store) -> None:
    with store.write() as conn:
        number = silences.add(
            conn, site=SITE, kind="silence", matchers={"rule": "ZABBIX", "host": "vps-1"}, starts=NOW,
            ends=NOW + timedelta(hours=1), recurrence=None, comment="disk is being replaced", by="admin", now=NOW,
        )  # fmt: skip
    told(store, DISK)
    assert rows(store)[0].suppressed == f"silence:{number}"
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(outbox)).scalar() == 0
    with store.write() as conn:
        suppression.refresh(Act(conn, SETTINGS, NOW + timedelta(hours=2)), {})
    assert rows(store)[0].suppressed is None
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(outbox)).scalar() == 1


def test_somebody_may_deal_with_it_by_hand(store: Store) -> None:
    told(store, DISK)
    with store.write() as conn:
        lifecycle.acknowledge(Act(conn, SETTINGS, NOW, user="admin@example.test"), 1, "new disk ordered")
    assert told(store, DISK, NOW + timedelta(minutes=1)) == "seen"
    assert rows(store)[0].status == "Acknowledged"
    assert told(store, dataclasses.replace(DISK, firing=False), NOW + timedelta(minutes=2)) == "resolved"


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.booleans()), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_told_in_whatever_order_the_last_word_counts(store: Store, course: list[tuple[str, bool]]) -> None:
    with store.write() as conn:
        for table in (alerts, alert_events, outbox):
            conn.execute(delete(table))
    last: dict[str, bool] = {}
    for step, (identity, firing) in enumerate(course):
        told(store, dataclasses.replace(DISK, identity=identity, firing=firing), NOW + timedelta(seconds=step))
        last[identity] = firing
    with store.read() as conn:
        keys = set(conn.execute(select(alerts.c.open_key).where(alerts.c.open_key.is_not(None))).scalars())
    assert keys == {dataclasses.replace(DISK, identity=identity).key for identity, firing in last.items() if firing}


def test_each_source_has_a_rule_of_its_own() -> None:
    names = {external.rule_of(source).name for source in external.SOURCES}
    assert names == {"ALERTMANAGER", "ZABBIX"}

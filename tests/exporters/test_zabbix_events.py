"""What Zabbix reports, in whatever order it arrives."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from baken.alerts.lifecycle import Act
from baken.exporters import zabbix_events
from baken.exporters.zabbix_events import BadMessage, Event
from baken.history.store import Store, open_store
from baken.history.tables import alert_events, alerts, outbox
from baken.history.tables import zabbix_events as table
from baken.settings import Settings, ZabbixTarget

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS = Settings()

PROBLEM = {
    "event_id": "17",
    "event_value": "1",
    "update_status": "0",
    "name": "High load on web01",
    "severity": "4",
    "age": "1d 2h 3m",
    "opdata": "Load is 17",
    "tags": '[{"tag": "scope", "value": "performance"}]',
    "host": "web01",
    "trigger_id": "4711",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/baken.db")
    made.migrate()
    yield made
    made.close()


def event(number: int = 17, *, over: bool = False, **more: object) -> Event:
    made = zabbix_events.read(PROBLEM | {"event_id": str(number), "event_value": "0" if over else "1"}, NOW)
    return replace(made, **more)  # type: ignore[arg-type]


def take(store: Store, given: Event, at: datetime = NOW, site: str = "") -> str:
    with store.write() as conn:
        return zabbix_events.take(Act(conn, SETTINGS.alerts, at), given, site, {})


def open_ones(store: Store) -> list[str]:
    with store.read() as conn:
        return list(conn.execute(select(alerts.c.status).where(alerts.c.status != "Resolved")).scalars())


def test_a_message_is_read() -> None:
    found = zabbix_events.read(PROBLEM, NOW)
    assert (found.number, found.over, found.severity, found.host) == (17, False, "HIGH", "web01")
    assert found.began == NOW - timedelta(days=1, hours=2, minutes=3)
    assert found.text == "Load is 17"
    assert found.tags == {"scope": "performance"}
    assert found.actions == ()
    done = "acknowledged, commented and changed severity from Average to High"
    assert zabbix_events.read(PROBLEM | {"update_action": done}, NOW).actions[:2] == ("acknowledged", "commented")
    assert zabbix_events.read(PROBLEM | {"update_action": "unacknowledged"}, NOW).actions == ("unacknowledged",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("event_id", ""),
        ("event_id", "{EVENT.ID}"),
        ("event_id", "-1"),
        ("event_id", "9" * 30),
        ("event_id", "²"),
        ("event_value", "2"),
        ("host", ""),
        ("trigger_id", ""),
    ],
)
def test_what_is_missing_is_said(key: str, value: str) -> None:
    with pytest.raises(BadMessage, match=r"webhook sends|no number"):
        zabbix_events.read(PROBLEM | {key: value}, NOW)


@given(st.dictionaries(st.sampled_from(sorted([*PROBLEM, "update_action", "link", "trigger_text"])), st.text()))
def test_no_message_brings_it_down(given_: dict[str, str]) -> None:
    try:
        found = zabbix_events.read(PROBLEM | given_, NOW)
    except BadMessage:
        return
    assert found.began <= NOW


def test_a_problem_is_one_alert_until_it_is_over(store: Store) -> None:
    assert take(store, event()) == "opened"
    assert take(store, event()) == "seen"
    with store.read() as conn:
        row = conn.execute(select(alerts)).one()
    assert (row.rule, row.severity, row.status) == ("ZABBIX", "HIGH", "Active")
    assert "High load on web01" in row.texts
    assert json.loads(row.labels)["host"] == "web01"
    assert take(store, event(over=True)) == "resolved"
    assert take(store, event(over=True)) == "unknown"
    assert open_ones(store) == []


def test_an_end_that_overtakes_its_problem_opens_nothing(store: Store) -> None:
    assert take(store, event(over=True)) == "unknown"
    assert take(store, event()) == "late"
    assert open_ones(store) == []
    # The next problem of the same trigger is a new one.
    assert take(store, event(18)) == "opened"


def test_an_old_end_does_not_end_a_new_problem(store: Store) -> None:
    assert take(store, event(17)) == "opened"
    assert take(store, event(18)) == "seen"
    assert take(store, event(17, over=True)) == "late"
    assert open_ones(store) == ["Active"]
    assert take(store, event(18, over=True)) == "resolved"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_whatever_the_order_the_last_event_counts(store: Store, order: tuple[int, ...]) -> None:
    messages = [event(17), event(17, over=True), event(18), event(18, over=True)]
    for place in order:
        take(store, messages[place])
    assert open_ones(store) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.sampled_from(["web01", "web02"])), min_size=1, max_size=12)
)
def test_the_state_is_that_of_the_newest_event(store: Store, sent: list[tuple[int, bool, str]]) -> None:
    with store.write() as conn:
        for each in (table, alert_events, outbox, alerts):
            conn.execute(delete(each))
    for number, over, host in sent:
        take(store, event(number, over=over, host=host))
    expected = 0
    for host in ("web01", "web02"):
        own = [(number, over) for number, over, where in sent if where == host]
        newest = max((number for number, _ in own), default=0)
        expected += bool(own) and not any(over for number, over in own if number == newest)
    assert len(open_ones(store)) == expected


def test_a_zabbix_that_was_set_up_anew_is_believed(store: Store) -> None:
    take(store, event(9000))
    take(store, event(9000, over=True))
    assert take(store, event(3)) == "late"
    assert take(store, event(3), NOW + timedelta(days=2)) in ("opened", "reopened")


def test_what_people_do_in_zabbix_is_done_here(store: Store) -> None:
    take(store, event())
    done = event(update=True, actions=("acknowledged", "commented"), remark="calling jan.jansen@example.org")
    assert take(store, done) == "seen"
    with store.read() as conn:
        row = conn.execute(select(alerts)).one()
        trail = conn.execute(select(alert_events).where(alert_events.c.kind == "acknowledged")).one()
    assert (row.status, row.acknowledged_by) == ("Acknowledged", "zabbix")
    assert "jan.jansen" not in trail.text
    assert take(store, event(update=True, actions=("commented",), remark="still at it")) == "seen"
    with store.read() as conn:
        assert "still at it" in conn.execute(select(alert_events.c.text)).scalars().all()


def test_a_remark_opens_nothing_that_was_ended_here(store: Store) -> None:
    from baken.alerts import lifecycle

    take(store, event())
    with store.write() as conn:
        number = conn.execute(select(alerts.c.number)).scalar_one()
        lifecycle.resolve(Act(conn, SETTINGS.alerts, NOW, user="admin@example.test"), number)
    assert take(store, event(update=True, actions=("commented",), remark="hm")) == "seen"
    assert open_ones(store) == []


def test_an_update_of_a_problem_that_was_never_told_is_the_problem(store: Store) -> None:
    assert take(store, event(update=True, actions=("acknowledged",))) == "opened"
    assert open_ones(store) == ["Acknowledged"]


def test_problems_of_bakens_own_template_do_not_come_back(store: Store) -> None:
    assert take(store, event(tags={"baken": "site"})) == "own"
    assert open_ones(store) == []


def test_the_site_is_found_by_host_or_tag() -> None:
    sites = ["een.test", "twee.test"]
    targets = [ZabbixTarget(server="z", host_prefix="Site ")]
    assert zabbix_events.site_of(event(host="een.test"), sites, targets) == "een.test"
    assert zabbix_events.site_of(event(host="Site twee.test"), sites, targets) == "twee.test"
    assert zabbix_events.site_of(event(tags={"site": "twee.test"}), sites, []) == "twee.test"
    assert zabbix_events.site_of(event(tags={"site": "drie.test"}), sites, targets) == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("3s", 3), ("5m 10s", 310), ("1M 1d", 31 * 86400), ("soon", 0), ("9" * 50 + "d", None)],
)
def test_ages(text: str, seconds: int | None) -> None:
    found = zabbix_events.age_of(text)
    assert found == (timedelta(days=3650) if seconds is None else timedelta(seconds=seconds))

"""Alertmanager's webhook: who may send, what becomes of an alert, and that nothing that is sent makes Baken fail."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, select

from baken.exporters.alertmanager_config import PATH
from baken.history.problems import StoreUnavailable
from baken.history.series import labels_of
from baken.history.store import Store
from baken.history.tables import alerts
from tests.server.world import World, make_world

SECRET = "a-secret-of-the-tests"
BEARER = {"Authorization": f"Bearer {SECRET}"}
NAMES = ("vereniging.test", "ander.test")


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[World]:
    more = {"incoming": {"alertmanager_token": SECRET}}
    with make_world(tmp_path, names=NAMES, more=more, sign_in_attempts=5) as made:
        yield made


def alert(status: str = "firing", *, fingerprint: str = "f1", notes: Any = None, **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": "NodeDown", **labels},
        "annotations": {"summary": "The node is down"} if notes is None else notes,
        "startsAt": "2026-11-27T20:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph?g0.expr=up",
        "fingerprint": fingerprint,
    }


def payload(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "receiver": "baken", "alerts": list(found),
            "externalURL": "http://alertmanager.example", "truncatedAlerts": 0, **more}  # fmt: skip


def post(world: World, body: Any, headers: dict[str, str] | None = None) -> Any:
    return world.client.post(PATH, json=body, headers=BEARER if headers is None else headers)


def rows(world: World) -> list[Row[Any]]:
    with world.store.read() as conn:
        return list(conn.execute(select(alerts).order_by(alerts.c.number)).all())


def test_closed_until_there_is_a_secret(world: World) -> None:
    answer = post(world, payload(alert()))
    assert answer.status_code == 403
    assert "incoming.alertmanager_token" in answer.json()["message"]


def test_who_has_the_secret_may_send(open_world: World) -> None:
    basic = {"Authorization": "Basic " + base64.b64encode(f"alertmanager:{SECRET}".encode()).decode()}
    assert post(open_world, payload(alert()), basic).status_code == 200
    assert post(open_world, payload(alert())).json()["message"]["seen"] == 1
    for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"token {SECRET}"}):
        assert post(open_world, payload(), wrong).status_code == 403
    codes = [post(open_world, payload(), {"Authorization": "Bearer wrong"}).status_code for _ in range(4)]
    assert codes[-1] == 429
    assert post(open_world, payload()).status_code == 200


def test_an_alert_opens_is_seen_again_and_ends(open_world: World) -> None:
    notes = {"summary": "Disk full", "description": "97 % of /data"}
    one = alert(notes=notes, severity="page", site="ander.test", mountpoint="/data", job="node")
    assert post(open_world, payload(one)).json()["message"] == {"opened": 1, "own": 0, "truncated": 0}
    assert post(open_world, payload(one)).json()["message"]["seen"] == 1
    (row,) = rows(open_world)
    assert (row.rule, row.site, row.severity, row.status) == ("ALERTMANAGER", "ander.test", "HIGH", "Active")
    texts, details = json.loads(row.texts), json.loads(row.details)
    assert texts["title"]["nl"] == "Disk full" and texts["message"]["en"] == "97 % of /data"
    assert details["link"].startswith("http://prometheus.example/")
    assert labels_of(row.labels) == {"problem": "NodeDown", "mountpoint": "/data", "job": "node"}
    assert post(open_world, payload(one | {"status": "resolved"})).json()["message"]["resolved"] == 1
    assert rows(open_world)[0].status == "Resolved"
    assert post(open_world, payload(one | {"status": "resolved"})).json()["message"]["unknown"] == 1
    assert post(open_world, payload(one)).json()["message"]["reopened"] == 1
    assert len(rows(open_world)) == 1


@pytest.mark.parametrize(
    ("labels", "site"),
    [
        ({"site": "vereniging.test"}, "vereniging.test"),
        ({"instance": "https://ander.test/login"}, "ander.test"),
        ({"instance": "ander.test:443"}, "ander.test"),
        ({"site": "elsewhere.test", "instance": "vereniging.test"}, "vereniging.test"),
        ({"instance": "db1:9100"}, ""),
        ({"instance": "[::1"}, ""),
        ({}, ""),
    ],
)
def test_which_site_it_is_about(open_world: World, labels: dict[str, str], site: str) -> None:
    post(open_world, payload(alert(**labels)))
    assert rows(open_world)[0].site == site


@pytest.mark.parametrize(
    ("word", "severity"),
    [("critical", "CRITICAL"), ("Error", "HIGH"), ("page", "HIGH"), ("warning", "MEDIUM"), ("info", "LOW"),
     ("none", "LOW"), ("", "MEDIUM"), ("p2", "MEDIUM")],
)  # fmt: skip
def test_how_bad_it_is(open_world: World, word: str, severity: str) -> None:
    post(open_world, payload(alert(severity=word)))
    assert rows(open_world)[0].severity == severity


def test_bakens_own_alerts_are_not_taken_back(open_world: World) -> None:
    told = post(open_world, payload(alert(source="baken"), alert(fingerprint="f2"))).json()["message"]
    assert (told["own"], told["opened"], len(rows(open_world))) == (1, 1, 1)


def test_what_prometheus_judges_by_bakens_rules_is_not_taken_either(open_world: World) -> None:
    judged = alert(alertname="HIGH_DISK", severity="HIGH", area="operations", job="baken")
    told = post(open_world, payload(judged, alert(area="operations", severity="critical"))).json()["message"]
    assert (told["own"], told["opened"]) == (1, 1)


def test_what_was_left_out_is_said(open_world: World) -> None:
    assert post(open_world, payload(alert(), truncatedAlerts=7)).json()["message"]["truncated"] == 7


def test_an_end_is_found_also_when_the_site_is_watched_only_since(open_world: World) -> None:
    del open_world.sites["ander.test"]
    post(open_world, payload(alert(site="ander.test")))
    open_world.sites["ander.test"] = open_world.sites["vereniging.test"]
    post(open_world, payload(alert("resolved", site="ander.test")))
    assert [(row.site, row.status) for row in rows(open_world)] == [("", "Resolved")]


def test_two_of_a_message_that_are_one(open_world: World) -> None:
    told = post(open_world, payload(alert(), alert(), alert("resolved"))).json()["message"]
    assert (told["opened"], told["seen"], told["resolved"]) == (1, 1, 1)


def test_personal_data_is_masked(open_world: World) -> None:
    post(open_world, payload(alert(notes={"summary": "mail to els@example.org fails"}, user="els@example.org")))
    (row,) = rows(open_world)
    assert "els@" not in row.texts + row.labels


def test_alertmanager_tries_again_when_the_store_is_away(open_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_store: Store) -> Any:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(Store, "write", away)
    assert post(open_world, payload(alert())).status_code == 503


def test_a_long_message_lets_others_write_in_between(open_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write, before = Store.write, []

    def watched(store: Store) -> Any:
        before.append(len(rows(open_world)))
        return write(store)

    assert post(open_world, payload(alert())).status_code == 200
    monkeypatch.setattr(Store, "write", watched)
    many = payload(*(alert(fingerprint=f"m{number}") for number in range(120)))
    assert post(open_world, many).json()["message"]["opened"] == 120
    assert before == [1, 51, 101]
    assert post(open_world, many).json()["message"]["seen"] == 120


def test_what_is_no_message_is_refused_for_good(open_world: World) -> None:
    bodies: list[Any] = [
        [],
        {},
        {"alerts": {}},
        payload(version="3"),
        payload({"status": "x"}),
        payload(alert(notes=[1])),
    ]
    for body in bodies:
        assert post(open_world, body).status_code == 417
    assert open_world.client.post(PATH, content=b"\xff{", headers=BEARER).status_code == 417
    assert open_world.client.post(PATH, content=b"[" * 100_000, headers=BEARER).status_code == 417
    assert open_world.client.post(PATH, content=b"x" * 1_000_001, headers=BEARER).status_code == 413
    assert open_world.client.get(PATH, headers=BEARER).status_code == 405
    assert rows(open_world) == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    more = {"incoming": {"alertmanager_token": SECRET}}
    with make_world(tmp_path_factory.mktemp("fuzz"), more=more) as made:
        yield made


TEXT = st.text(max_size=8) | st.sampled_from(
    ["\x00", "\ud800", "x" * 5000, "https://a[b", "2026-11-27T20:00:00Z", "9999-12-31T23:59:59-23:59", "baken",
     "0001-01-01T00:00:00+14:00", "2026-11-27T20:00:00", "firing", "resolved", "critical", "els@example.org"]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved"]) | ANY,
        "labels": st.dictionaries(st.sampled_from(["alertname", "site", "instance", "severity", "source"]) | TEXT, TEXT)
        | ANY,
        "annotations": st.dictionaries(st.sampled_from(["summary", "description"]) | TEXT, TEXT) | ANY,
        "startsAt": TEXT | ANY,
        "generatorURL": TEXT | ANY,
        "fingerprint": TEXT | ANY,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        ANY,
        st.fixed_dictionaries(
            {"alerts": st.lists(NEARLY, max_size=3)},
            optional={"version": st.just("4") | ANY, "truncatedAlerts": ANY, "externalURL": ANY},
        ),
    )
)
def test_whatever_is_sent_is_taken_or_refused(shared: World, body: Any) -> None:
    answer = shared.client.post(PATH, content=json.dumps(body).encode(), headers=BEARER)
    assert answer.status_code in (200, 417), answer.text

"""The documented methods for Zabbix, over HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken import clock
from baken.history.tables import alerts, audit
from tests.server.world import ADMIN, MEMBER, World, make_world
from tests.servers import free_port

PREFIX = "verenigingen.monitoring.zabbix_integration"
SECRET = "a-secret-of-the-tests"
METHODS = ("get_metrics_for_zabbix", "health_check", "export_analytics_metrics", "export_performance_metrics")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path, more={"incoming": {"zabbix_token": SECRET}}) as made:
        yield made


def message(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["message"]


def report(world: World, secret: str = SECRET, **more: str) -> Any:
    body = {
        "secret": secret,
        "event_id": "17",
        "event_value": "1",
        "update_status": "0",
        "name": "Disk full on vereniging.test",
        "severity": "5",
        "age": "2m",
        "host": "vereniging.test",
        "trigger_id": "4711",
        "tags": "[]",
        "link": "https://zabbix.example/tr_events.php?triggerid=4711",
        **more,
    }
    return world.client.post(f"/api/method/{PREFIX}.zabbix_webhook_receiver", json=body)


def test_figures_are_for_those_who_may_see_them(world: World) -> None:
    """Defect 15: the metrics for Zabbix were given to guests."""
    for name in METHODS:
        assert world.get(f"{PREFIX}.{name}", user=None).status_code == 403
        assert world.get(f"{PREFIX}.{name}", user=MEMBER).status_code == 403
        assert world.get(f"{PREFIX}.{name}").status_code == 200


def test_one_document_has_everything(world: World) -> None:
    world.record({"host_cpu_ratio": 0.25}, site="")
    world.record(
        {
            "frappe_site_up": 1,
            "frappe_queue_length": {(("queue", 'a "b"'),): 3, (("queue", "long"),): 0},
        },
        absences={"database_up": "the database gives no answer"},
    )
    found = message(world.get(f"{PREFIX}.get_metrics_for_zabbix"))
    assert found["values"]["frappe_site_up"] == 1
    assert found["values"]["host_cpu_ratio"] == 0.25
    long = {"queue": "long", "row": "long", "value": 0}
    assert long in found["values"]["frappe_queue_length"]
    assert {"{#QUEUE}": "long", "{#ROW}": "long"} in found["discovery"]["queue"]
    # Each row leads to its figure.
    rows = {each["{#ROW}"] for each in found["discovery"]["queue"]}
    assert rows == {each["row"] for each in found["values"]["frappe_queue_length"]}
    assert found["discovery"]["sites"] == [{"{#BAKEN.SITE}": "vereniging.test", "{#BAKEN.HOST}": "vereniging.test"}]
    assert found["alerts"]["NEW_ERROR_PATTERN"] == 0
    assert "MANY_SITES_DOWN" in found["alerts"]
    assert found["absent"]["database_up"] == "the database gives no answer"
    assert found["known"] == 4
    assert found["ages"]["frappe_site_up"] < 60


def test_what_is_too_old_is_no_figure(world: World) -> None:
    world.record({"frappe_site_up": 1}, at=clock.now() - timedelta(hours=1))
    world.record({"database_up": 1})
    found = message(world.get(f"{PREFIX}.get_metrics_for_zabbix"))
    assert "frappe_site_up" not in found["values"]
    assert "too long ago" in found["absent"]["frappe_site_up"]
    assert found["values"]["database_up"] == 1


def test_health(world: World) -> None:
    world.record({"frappe_site_up": 1})
    found = message(world.get(f"{PREFIX}.health_check"))
    assert (found["status"], bool(found["reason"])) == ("error", True)
    assert found["site"]["name"] == "vereniging.test"


def test_without_a_zabbix_the_figures_are_there_and_the_reason(world: World) -> None:
    """Defect 16: constants were sent in place of figures."""
    world.record({"frappe_errors": {(("window", "1h"),): 4}, "frappe_site_up": 1, "association_members_new": 2})
    found = message(world.get(f"{PREFIX}.export_analytics_metrics"))
    assert (found["status"], found["sent"]) == ("not_configured", 0)
    assert "exporters.zabbix" in found["reason"]
    assert found["metrics"]["baken.frappe_errors[1h]"] == 4
    assert "baken.frappe_site_up" not in found["metrics"]
    found = message(world.get(f"{PREFIX}.export_performance_metrics"))
    assert found["metrics"]["baken.frappe_site_up"] == 1
    assert "baken.frappe_errors[1h]" not in found["metrics"]


def test_a_zabbix_that_is_away_is_said(tmp_path: Path) -> None:
    targets = [{"server": "127.0.0.1", "port": free_port(), "timeout": 2}]
    with make_world(tmp_path, more={"exporters": {"zabbix": targets}}) as world:
        world.record({"frappe_site_up": 1})
        found = message(world.get(f"{PREFIX}.export_performance_metrics"))
        assert (found["status"], found["sent"]) == ("error", 0)
        assert "cannot be reached" in found["targets"][0]["problem"]


def test_a_page_cannot_be_made_to_send(world: World) -> None:
    world.sign_in(ADMIN)
    assert world.client.get(f"/api/method/{PREFIX}.export_analytics_metrics").status_code == 405


def test_a_problem_becomes_an_alert_and_its_end_resolves_it(world: World) -> None:
    found = message(report(world))
    assert (found["taken"], found["site"]) == ("opened", "vereniging.test")
    assert message(report(world))["taken"] == "seen"
    shown = message(world.get("baken.get_alerts"))["alerts"]
    assert [each["severity"] for each in shown] == ["CRITICAL"]
    assert message(report(world, event_value="0"))["taken"] == "resolved"
    with world.store.read() as conn:
        assert conn.execute(select(alerts.c.status)).scalars().all() == ["Resolved"]
    assert message(report(world))["taken"] == "late"


def test_bakens_own_problems_are_left_out(world: World) -> None:
    assert message(report(world, tags='[{"tag": "baken", "value": "site"}]'))["taken"] == "own"
    with world.store.read() as conn:
        assert conn.execute(select(alerts)).all() == []


def test_a_wrong_secret_is_refused_and_noted_once_a_minute(world: World) -> None:
    for secret in ("", "wrong", SECRET + "x", "é", SECRET.upper()):
        answer = report(world, secret=secret)
        assert answer.status_code == 403
        assert SECRET not in answer.text
    with world.store.read() as conn:
        noted = conn.execute(select(audit).where(audit.c.action == "access refused")).all()
        assert conn.execute(select(alerts)).all() == []
    assert len(noted) == 1
    # The right one goes on all the same.
    assert message(report(world))["taken"] == "opened"


def test_it_is_closed_until_there_is_a_secret(tmp_path: Path) -> None:
    with make_world(tmp_path) as world:
        for secret in ("", SECRET):
            answer = report(world, secret=secret)
            assert answer.status_code == 403
            assert "incoming.zabbix_token" in answer.text


def test_what_cannot_be_understood_is_said(world: World) -> None:
    answer = report(world, event_id="{EVENT.ID}")
    assert answer.status_code == 417
    assert "event_id" in answer.text

"""The methods of the alert manager: checks now, with and without the process that evaluates; statistics; tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken import clock
from baken.alerts import lifecycle
from baken.alerts.message import Undelivered
from baken.alerts.watch import AlertWatch
from baken.api import alert_actions, alert_manager
from baken.errors import watermarks
from baken.errors.reader import Watermark
from baken.history import leases
from baken.history.tables import alert_requests
from tests.alerts.rig import OtherSide, patched
from tests.api.alerted import CHANNEL, HOST, RECIPIENT, SITE, TOLD, ask, change, fire
from tests.errors.filled import failure, put
from tests.server.world import MEMBER, World, make_world

MODULE = "verenigingen.utils.alert_manager"
CHECKED = {"status", "message", "evaluated", "checks", "alerts", "timestamp"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path, more={"alerts": TOLD}) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers in these tests; they need not wait for it."""
    monkeypatch.setattr(alert_manager, "_WAIT", 0.2)
    monkeypatch.setattr(alert_actions, "TRY_SECONDS", 0.3)


def collecting(world: World) -> None:
    """As if a collector ran."""
    world.record({})
    with world.store.write() as conn:
        leases.take(conn, leases.COLLECTOR, "a collector", timedelta(minutes=1), clock.now())


@contextmanager
def watching(world: World, side: OtherSide) -> Iterator[AlertWatch]:
    """The process that evaluates and sends, beside the world's application."""
    collecting(world)
    watch = AlertWatch(world.settings, world.store, "test", lambda: list(world.sites))
    with patched(side):
        watch.start()
        try:
            yield watch
        finally:
            watch.stop()


def rule(checked: dict[str, Any], area: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in checked["checks"][area] if each["rule"] == name)
    return found


def test_hourly_checks_judge_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect 13: each run made another alert; and a run was all that ever looked."""
    # A machine that is busy with other tests may be late.
    monkeypatch.setattr("baken.api.alert_manager._WAIT", 30.0)
    with watching(world, OtherSide()):
        world.record({"frappe_errors": {(("window", "1h"),): 25}})
        for _ in range(3):
            found = ask(world, f"{MODULE}.run_hourly_checks")
        assert set(found) == CHECKED
        assert (found["status"], found["evaluated"], found["message"]) == ("success", True, "the rules were judged")
        assert list(found["checks"]) == ["errors", "sepa", "performance", "business"]
        high = rule(found, "errors", "HIGH_ERROR_RATE")
        assert set(high) == {"rule", "state", "severity", "why", "instances"}
        assert (high["state"], high["severity"]) == ("firing", "CRITICAL")
        assert high["why"]["en"].endswith(": 25 (limit 10).")
        assert [alert["rule"] for alert in found["alerts"]] == ["HIGH_ERROR_RATE"]
        assert len(ask(world, "baken.get_alerts", status="all")["alerts"]) == 1
        daily = ask(world, f"{MODULE}.run_daily_checks")
        assert set(daily) == CHECKED | {"statistics"}
        assert list(daily["checks"]) == ["data_quality"]
        assert daily["alerts"] == []
        assert daily["statistics"]["total"] == 1
        assert daily["statistics"]["period"]["days"] == 1


def test_without_a_collector_checks_say_so_and_show_what_is_known(world: World, impatient: None) -> None:
    number = fire(world.store)
    found = ask(world, f"{MODULE}.run_hourly_checks")
    assert (found["status"], found["evaluated"]) == ("error", False)
    assert "`baken serve`" in found["message"]
    assert [alert["number"] for alert in found["alerts"]] == [number]
    collecting(world)
    found = ask(world, f"{MODULE}.run_hourly_checks")
    assert found["message"].startswith("the collector did not answer within 0.2 s")


def test_the_whole_chain_is_tried(world: World) -> None:
    side = OtherSide()
    with watching(world, side):
        found = ask(world, f"{MODULE}.test_alert_system")
    assert set(found) == {"status", "message", "hops", "timestamp"}
    assert (found["status"], found["message"]) == ("success", "every part of the chain that is set up works")
    opened, told = found["hops"]
    assert set(opened) == {"hop", "ok", "ms", "detail"}
    assert (opened["hop"], opened["ok"]) == ("alert evaluated", True)
    assert (told["hop"], told["ok"]) == ("channel mail to beheer", True)
    assert told["ms"] >= 0
    ((channel, to, message),) = side.taken
    assert (channel, to, message.kind) == ("mail", RECIPIENT["to"], "test")
    # A trial is no alert that anybody has to look after.
    assert ask(world, "baken.get_alerts", status="all")["alerts"] == []
    assert ask(world, f"{MODULE}.get_alert_statistics")["total"] == 0


def test_a_channel_that_does_not_work_is_named(tmp_path: Path) -> None:
    two = {
        **TOLD,
        "channels": [CHANNEL, {**CHANNEL, "name": "other"}],
        "recipients": [RECIPIENT, {**RECIPIENT, "name": "bestuur", "channel": "other"}],
    }
    side = OtherSide(broken={"mail": Undelivered("the password is refused", permanent=True)})
    with make_world(tmp_path, more={"alerts": two}) as made, watching(made, side):
        found = ask(made, "baken.send_test_alert")
    assert (found["status"], found["message"]) == ("error", "not working: channel mail to beheer")
    assert {hop["hop"]: (hop["ok"], hop["detail"]) for hop in found["hops"][1:]} == {
        "channel mail to beheer": (False, "the password is refused"),
        "channel other to bestuur": (True, "taken by the other side"),
    }


def test_where_nobody_would_be_told_the_test_says_what_to_set_up(tmp_path: Path) -> None:
    with make_world(tmp_path) as made, watching(made, OtherSide()):
        found = ask(made, "baken.send_test_alert")
        assert (found["status"], found["hops"][1]["ok"]) == ("success", None)
        assert "nobody would be told: no channels or recipients are set up" in found["message"]
        assert "set up alerts.channels and alerts.recipients in baken.toml" in found["hops"][1]["detail"]


def test_a_recipient_of_another_site_gets_no_trial(tmp_path: Path) -> None:
    alerts = {**TOLD, "recipients": [{**RECIPIENT, "sites": ["ander.test"]}]}
    side = OtherSide()
    with make_world(tmp_path, more={"alerts": alerts}) as made, watching(made, side):
        found = ask(made, "baken.send_test_alert")
    assert found["hops"][1] == {
        "hop": "channels",
        "ok": None,
        "ms": None,
        "detail": "no recipient is told about this site",
    }
    assert side.taken == []


def test_without_a_collector_nothing_is_asked_for(world: World, impatient: None) -> None:
    """What nobody answers must not be sent hours later, when a collector starts."""
    for name in (f"{MODULE}.test_alert_system", "baken.send_test_alert"):
        found = ask(world, name)
        assert found["status"] == "error"
        (hop,) = found["hops"]
        assert (hop["hop"], hop["ok"]) == ("alert evaluated", False)
        assert "`baken serve`" in hop["detail"]
    with world.store.read() as conn:
        assert conn.execute(select(alert_requests)).all() == []
    collecting(world)
    (hop,) = ask(world, "baken.send_test_alert")["hops"]
    assert hop["detail"] == "no answer within 0.3 s: look into the collector's log"


def test_critical_errors(world: World) -> None:
    found = ask(world, f"{MODULE}.check_critical_errors")
    assert set(found) == {"critical_errors", "patterns", "alerts", "status", "since", "absent", "timestamp"}
    # Errors were never read: that is neither well nor ill.
    assert (found["critical_errors"], found["status"], found["patterns"]) == (None, "unknown", [])
    assert found["absent"]
    now = clock.now()
    with world.store.write() as conn:
        watermarks.save(conn, SITE, mark=Watermark(now, now - timedelta(days=60), now, behind=False, serial=1))
    assert ask(world, f"{MODULE}.check_critical_errors")["status"] == "ok"
    put(world.store, [failure("KeyError", now), failure("KeyError", now)], site=SITE, now=now)
    found = ask(world, f"{MODULE}.check_critical_errors", hours=24)
    grave = [
        each for each in ask(world, "baken.get_recent_errors")["patterns"] if each["severity"] in ("HIGH", "CRITICAL")
    ]
    assert found["critical_errors"] == sum(each["count"] for each in grave)
    assert found["status"] == ("warning" if grave else "ok")
    number = fire(world.store, "HIGH_ERROR_RATE", SITE, {"window": "1h"})
    fire(world.store)
    found = ask(world, f"{MODULE}.check_critical_errors")
    assert (found["status"], [each["number"] for each in found["alerts"]]) == ("critical", [number])
    assert "from 1 to 720" in ask(world, f"{MODULE}.check_critical_errors", 417, hours=0)


def test_statistics_and_summary(world: World) -> None:
    now = clock.now()
    first = fire(world.store, at=now - timedelta(hours=2))
    change(world.store, lambda act: lifecycle.acknowledge(act, first), at=now - timedelta(hours=1))
    change(world.store, lambda act: lifecycle.resolve(act, first), at=now)
    fire(world.store, "HIGH_DISK", HOST, {"mount": "/srv"}, at=now)
    ask(world, "baken.rate_alerts", alerts=first, feedback="false_alarm")
    found = ask(world, f"{MODULE}.get_alert_statistics", days=7)
    assert set(found) == {
        "period", "total", "by_severity", "by_status", "by_area", "by_day", "rules", "notifications", "timestamp",
    }  # fmt: skip
    assert (found["total"], len(found["by_day"])) == (2, 7)
    assert found["by_severity"] == {"CRITICAL": 0, "HIGH": 1, "MEDIUM": 1, "LOW": 0}
    queue = next(each for each in found["rules"] if each["rule"] == "HIGH_JOB_QUEUE")
    assert set(queue) >= {
        "rule", "title", "severity", "count", "open", "median_seconds_to_acknowledge", "median_seconds_to_resolve",
        "false_alarm_share", "rated", "suppressed", "flapping", "notifications", "last_fired",
    }  # fmt: skip
    assert queue["title"] == {"en": "… jobs wait in queue …", "nl": "… taken wachten in wachtrij …"}
    assert (queue["median_seconds_to_acknowledge"], queue["median_seconds_to_resolve"]) == (3600, 7200)
    assert (queue["false_alarm_share"], queue["rated"]) == (1.0, 1)
    short = ask(world, "verenigingen.doctype.system_alert.system_alert.get_alert_summary")
    assert (short["total"], short["active"], short["resolved"]) == (2, 1, 1)
    assert [each["number"] for each in short["recent"]] == [2, 1]
    assert all(each["may_act"] for each in short["recent"])


@pytest.mark.parametrize("user", [None, MEMBER])
def test_nobody_asks_without_the_role(world: World, user: str | None) -> None:
    for name in ("run_hourly_checks", "run_daily_checks", "test_alert_system", "check_critical_errors"):
        ask(world, f"{MODULE}.{name}", 403, user)
    with world.store.read() as conn:
        assert conn.execute(select(alert_requests)).all() == []

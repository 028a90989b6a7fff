"""The overview: a sentence that fits, a score with its reasons, what needs somebody in order, and figures compared."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from baken import clock
from baken.alerts import lifecycle
from baken.clock import to_ms
from baken.history.past import write_past
from baken.history.tables import error_findings
from baken.history.upserts import upsert
from tests.api.alerted import SITE, TOLD, ask, change, fire
from tests.server.world import MEMBER, World, make_world

WELL: dict[str, Any] = {
    "database_up": 1,
    "frappe_site_up": 1,
    "frappe_errors": {(("window", "1h"),): 3, (("window", "24h"),): 9},
    "database_connections": 12,
    "frappe_queue_length": {(("queue", "short"),): 2},
    "frappe_scheduler_enabled": 1,
    "frappe_scheduler_silence_seconds": 60,
}
HOST: dict[str, Any] = {
    "host_cpu_ratio": 0.2,
    "host_memory_used_ratio": 0.5,
    "host_disk_used_ratio": {(("mount", "/"),): 0.4},
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path, more={"alerts": TOLD}) as made:
        yield made


def well(world: World, **more: Any) -> None:
    world.record(WELL | more)
    world.record(HOST, site="")


def look(world: World) -> dict[str, Any]:
    found: dict[str, Any] = ask(world, "baken.get_overview")
    return found


def keys(found: dict[str, Any]) -> list[str]:
    return [item["key"] for item in found["attention"]["items"]]


def test_all_is_well(world: World) -> None:
    well(world)
    found = look(world)
    assert found["health"]["sentence"]["en"] == "Everything works: 10 checks, nothing waiting."
    assert found["health"]["sentence"]["nl"] == "Alles werkt: 10 controles, er wacht niets."
    assert (found["health"]["score"], found["health"]["mood"], found["health"]["reasons"]) == (100, "ok", [])
    assert found["attention"] == {"items": [], "total": 0, "open": 0}
    assert list(found["cards"]) == ["members", "money", "system"]


def test_before_the_first_run_nothing_is_claimed(world: World) -> None:
    found = look(world)
    assert found["health"]["score"] is None
    assert found["health"]["mood"] == "unknown"
    assert "has not looked at it yet" in found["health"]["sentence"]["en"]
    assert keys(found) == ["unseen"]
    assert {card["value"] for some in found["cards"].values() for card in some} == {None}
    assert all(card["absent"] for some in found["cards"].values() for card in some)


def test_after_a_long_silence_the_figures_are_not_the_present(world: World) -> None:
    world.record(WELL, at=clock.now() - timedelta(hours=1))
    found = look(world)
    assert found["health"]["score"] is None
    assert "since" in found["health"]["sentence"]["en"]
    (item,) = found["attention"]["items"]
    assert (item["key"], item["severity"], item["link"]) == ("silent", "HIGH", "monitor")


def test_a_site_that_cannot_be_read_comes_before_all_else(world: World) -> None:
    well(world)
    fire(world.store, "HIGH_ERROR_RATE", labels={"window": "1h"})
    world.record({}, ok=False, reason="the database server does not answer")
    found = look(world)
    assert keys(found)[0] == "unreachable"
    first = found["attention"]["items"][0]
    assert "the database server does not answer" in first["todo"]["en"]
    assert found["health"]["sentence"]["en"] == "Two things need you, first of all: Baken cannot read the site."
    assert found["health"]["score"] < 40
    # An alert that says the same takes its place.
    fire(world.store, "DATABASE_DOWN", labels={})
    assert "unreachable" not in keys(look(world))


def test_alerts_are_scored_and_listed_until_somebody_takes_them_up(world: World) -> None:
    well(world)
    number = fire(world.store)
    found = look(world)
    (item,) = found["attention"]["items"]
    assert (item["kind"], item["number"], item["state"], item["may_act"]) == ("alert", number, "open", True)
    assert item["link"] == f"alerts/{number}"
    assert item["since"]
    assert all(item[part]["nl"] for part in ("title", "means", "todo"))
    assert found["health"]["score"] == 88
    assert found["health"]["reasons"][0]["points"] == 12
    assert found["health"]["reasons"][0]["link"] == f"alerts/{number}"
    assert found["health"]["sentence"]["en"].startswith("One thing needs you: ")
    change(world.store, lambda act: lifecycle.acknowledge(act, number))
    found = look(world)
    assert [item["state"] for item in found["attention"]["items"]] == ["acknowledged"]
    assert found["attention"]["open"] == 0
    assert found["health"]["score"] == 94
    assert found["health"]["sentence"]["en"] == "Nothing new needs you; what is open, somebody looks after."


def test_what_waits_says_what_it_means_and_since_when(world: World) -> None:
    now = clock.now()
    moments = [to_ms(now - timedelta(minutes=5 * back)) for back in range(12 * 30, 0, -1)]
    ages = [93_600 + 7200 - (to_ms(now) - at) / 1000 for at in moments]
    with world.store.write() as conn:
        write_past(conn, SITE, "frappe_backup_age_seconds", {}, moments, ages, now=now)
    well(world, frappe_backup_age_seconds=93_600 + 7200)
    (item,) = look(world)["attention"]["items"]
    assert (item["key"], item["severity"], item["metric"]) == ("due.backup", "HIGH", "frappe_backup_age_seconds")
    assert "28" in item["title"]["en"] and "28" in item["title"]["nl"]
    assert item["means"]["en"] and item["todo"]["nl"]
    since = clock.now() - timedelta(hours=2)
    assert abs(to_ms(since) - to_ms(datetime.fromisoformat(item["since"]))) < 3_700_000


def test_a_figure_that_was_measured_and_is_not_any_more(world: World) -> None:
    early = clock.now() - timedelta(hours=1)
    world.record({"association_members": {(("status", "Active"),): 5}}, at=early - timedelta(minutes=1))
    world.record(WELL, at=early, absences={"association_members": "no permission", "sepa_mandates": "no DocType"})
    well(world)
    (item,) = look(world)["attention"]["items"]
    assert (item["key"], item["severity"], item["link"]) == ("lost_figures", "LOW", "monitor")
    assert item["title"]["en"].endswith(": 1")
    assert item["means"]["nl"] != item["means"]["en"]
    # What this site never had is missed by nobody.
    assert "andates" not in item["means"]["en"]


def test_findings_are_told_unless_an_alert_tells_of_them(world: World) -> None:
    well(world)
    now = to_ms(clock.now())
    row = {
        "site": SITE,
        "kind": "leak",
        "key": "password:1",
        "pattern": None,
        "count": 2,
        "detail": '{"kind": "password"}',
    }
    old = {**row, "key": "token:2", "detail": '{"kind": "token"}', "first_seen": 1, "last_seen": now - 30 * 86_400_000}
    with world.store.write() as conn:
        upsert(conn, error_findings, [{**row, "first_seen": now - 5000, "last_seen": now - 1000}, old])
    (item,) = look(world)["attention"]["items"]
    assert (item["key"], item["severity"]) == ("leak", "HIGH")
    assert item["title"]["nl"] == "In het foutenlogboek staan geheimen: wachtwoord"
    assert "token" not in item["title"]["en"]
    fire(world.store, "CREDENTIALS_IN_ERRORS", labels={"finding": "password"})
    assert "leak" not in keys(look(world))


def test_nobody_is_told(tmp_path: Path) -> None:
    with make_world(tmp_path) as world:
        well(world)
        found = look(world)
        assert keys(found) == ["untold"]
        assert found["attention"]["items"][0]["severity"] == "LOW"


def test_cards_are_compared_with_last_week(world: World) -> None:
    now = clock.now()
    for metric, labels, before, after in (
        ("association_members", {"status": "Active"}, 100.0, 110.0),
        ("erpnext_overdue_amount", {}, 500.0, 600.0),
    ):
        moments = [to_ms(now - timedelta(hours=back)) for back in range(9 * 24, 0, -1)]
        values = [before if at < to_ms(now - timedelta(days=6)) else after for at in moments]
        with world.store.write() as conn:
            write_past(conn, SITE, metric, labels, moments, values, now=now)
    well(world, association_members={(("status", "Active"),): 110}, erpnext_overdue_amount=600)
    cards = {card["key"]: card for some in look(world)["cards"].values() for card in some}
    members, overdue = cards["members"], cards["overdue"]
    assert (members["value"], members["before"], members["change"], members["verdict"]) == (110, 100, 10, "better")
    assert (overdue["value"], overdue["change"], overdue["verdict"]) == (600, 100, "worse")
    assert 50 <= len(members["course"]["at"]) <= 58
    assert members["course"]["value"][0] == 100
    assert members["texts"]["nl"]["help"]
    assert cards["new"]["absent"] is not None
    assert cards["new"]["verdict"] is None


def test_a_part_that_fails_leaves_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    well(world)
    monkeypatch.setattr("baken.insights.overview.cards", lambda *_: 1 / 0)
    found = look(world)
    assert found["cards"] == {"error": "cards failed (ZeroDivisionError); Baken's log says more"}
    assert found["health"]["score"] == 100


def test_only_those_with_a_role(world: World) -> None:
    ask(world, "baken.get_overview", 403, MEMBER)
    ask(world, "baken.get_overview", 403, None)

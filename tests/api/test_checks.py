"""The methods about jobs that report by pings: what they answer, refuse, and leave in the trail."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from baken.alerts import checks
from baken.api import registry
from baken.api.context import BadArgument, Call, Caller, NotPermitted, UnknownSite
from baken.history import audit
from baken.history.store import Store
from baken.settings import load
from baken.sites.site import Site, SiteConfig

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADMIN = Caller("els@example.test", "Els", frozenset({"System Manager"}))


@pytest.fixture
def call(store: Store, tmp_path: Path) -> Iterator[Call]:
    over = {"data_dir": str(tmp_path), "alerts": {"heartbeats": [{"url": "https://hc.example.test/secret-id"}]}}
    settings = load(None, over)
    site = Site(SiteConfig("leden.example", URL.create("sqlite", database=str(tmp_path / "site.db"))), settings)
    other = Site(SiteConfig("other.example", URL.create("sqlite", database=str(tmp_path / "other.db"))), settings)
    yield Call(settings, store, {site.name: site, other.name: other}, site, ADMIN, NOW)


def ask(call: Call, method: str, /, **args: Any) -> Any:
    return registry.invoke(call, f"baken.{method}", args)


def saved(call: Call, name: str = "Backup", **more: Any) -> dict[str, Any]:
    answer = ask(call, "save_check", **{"name": name, "period": 3600, "grace": 600, **more})
    assert answer["saved"], answer
    found: dict[str, Any] = answer["check"]
    return found


def trail(call: Call) -> list[str]:
    with call.store.read() as conn:
        return [each.action for each in reversed(audit.entries(conn)) if each.action != "looked"]


def test_from_nothing_to_a_list(call: Call) -> None:
    empty = ask(call, "get_checks")
    assert (empty["checks"], empty["most"], empty["time_zone"]) == ([], 100, "UTC")
    made = saved(call)
    assert (made["state"], made["period"], made["cron"], made["grace"], made["pings"]) == ("new", 3600, "", 600, 0)
    assert made["created_by"] == ADMIN.name
    later = replace(call, now=NOW + 3 * HOUR)
    ask(call, "ping_check", key=made["key"], kind="start")
    ask(replace(call, now=NOW + HOUR), "ping_check", key=made["key"])
    (found,) = ask(later, "get_checks")["checks"]
    assert (found["state"], found["seconds"], found["expected"]) == ("missing", 3600.0, "2026-11-27T14:00:00Z")
    assert found["missing_at"] == "2026-11-27T14:10:00Z"
    assert [each["kind"] for each in found["recent"]] == ["start", "success"]
    pings = ask(later, "get_check_pings", check=found["check"])
    assert [(each["kind"], each["seconds"]) for each in pings["pings"]] == [("success", 3600.0), ("start", None)]


def test_the_gravest_come_first(call: Call) -> None:
    keys = {name: saved(call, name)["key"] for name in ("b fine", "a fine", "broken", "gone", "resting")}
    for name in ("b fine", "a fine", "broken"):
        ask(replace(call, now=NOW + 2 * HOUR), "ping_check", key=keys[name], kind="fail" if name == "broken" else "log")
    for name in ("b fine", "a fine"):
        ask(replace(call, now=NOW + 2 * HOUR), "ping_check", key=keys[name])
    ask(call, "ping_check", key=keys["gone"])
    resting = next(each for each in ask(call, "get_checks")["checks"] if each["name"] == "resting")
    ask(call, "pause_check", check=resting["check"])
    listed = ask(replace(call, now=NOW + 2 * HOUR), "get_checks")["checks"]
    assert [each["name"] for each in listed] == ["gone", "broken", "a fine", "b fine", "resting"]


def test_changing_pausing_and_deleting_one(call: Call) -> None:
    made = saved(call)
    changed = saved(call, "Backup of the night", check=made["check"], period=0, cron="@daily", time_zone="Europe/Paris")
    assert (changed["check"], changed["key"]) == (made["check"], made["key"])
    assert (changed["period"], changed["cron"], changed["time_zone"]) == (None, "0 0 * * *", "Europe/Paris")
    assert ask(call, "pause_check", check=made["check"]) == {"paused": True}
    assert ask(call, "pause_check", check=made["check"]) == {"paused": True}
    assert ask(call, "pause_check", check=made["check"], paused=0) == {"paused": False}
    renewed = ask(call, "renew_check", check=made["check"])["key"]
    assert renewed != made["key"]
    with pytest.raises(UnknownSite):
        ask(call, "ping_check", key=made["key"])
    assert ask(call, "ping_check", key=renewed) == {"ok": True}
    assert ask(call, "delete_check", check=made["check"]) == {"deleted": True}
    assert trail(call) == [
        "check added", "check changed", "check paused", "check resumed", "check address renewed", "check removed",
    ]  # fmt: skip
    with call.store.read() as conn:
        told = str([(each.target, each.detail) for each in audit.entries(conn)])
    assert made["key"] not in told
    assert renewed not in told
    for name in ("delete_check", "pause_check", "renew_check", "get_check_pings"):
        with pytest.raises(BadArgument):
            ask(call, name, check=made["check"])


def test_what_cannot_be_saved_says_why_at_its_field(call: Call) -> None:
    made = saved(call)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "name"),
        ({"name": "Other", "period": 5}, "period"),
        ({"name": "Other", "cron": "61 * * * *"}, "cron"),
        ({"name": "Other", "cron": "@daily", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"name": "Other", "grace": 0}, "grace"),
        ({"name": "Backup"}, "name"),
    ]
    for given, field in cases:
        answer = ask(call, "save_check", **{"name": "x", "period": 3600, "grace": 600, **given})
        assert not answer["saved"]
        assert [each["field"] for each in answer["problems"]] == [field], given
    assert ask(call, "save_check", name="Backup", period=7200, grace=600, check=made["check"])["saved"]
    with pytest.raises(BadArgument):
        ask(call, "save_check", name="y", period=7200, grace=600, check="0123456789abcdef")


def test_a_site_has_so_many_and_no_more(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST", 2)
    saved(call, "one")
    saved(call, "two")
    answer = ask(call, "save_check", name="three", period=3600, grace=600)
    assert (answer["saved"], answer["problems"][0]["field"]) == (False, "")
    saved(replace(call, site=call.sites["other.example"]), "three")


def test_one_site_reaches_nothing_of_another(call: Call) -> None:
    made = saved(call)
    other = replace(call, site=call.sites["other.example"])
    assert ask(other, "get_checks")["checks"] == []
    for name in ("delete_check", "pause_check", "renew_check", "get_check_pings"):
        with pytest.raises(BadArgument):
            ask(other, name, check=made["check"])
    # Two sites may call a job the same.
    saved(other)


def test_the_next_five_times(call: Call) -> None:
    spring = replace(call, now=datetime(2026, 3, 27, 12, tzinfo=UTC))
    found = ask(spring, "preview_check", cron="30 2 * * *", time_zone="Europe/Amsterdam")
    assert found["times"] == [
        "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z",
        "2026-04-01T00:30:00Z",
    ]  # fmt: skip
    assert ask(call, "preview_check", period=3600)["times"][0] == "2026-11-27T13:00:00Z"
    assert ask(call, "preview_check", cron="nonsense")["problems"][0]["field"] == "cron"


def test_monitors_of_baken_are_shown_to_who_answers_for_all_sites(call: Call) -> None:
    assert ask(call, "get_checks")["heartbeats"] is None
    alone = replace(call, sites={call.site_name: call.chosen})
    (beat,) = ask(alone, "get_checks")["heartbeats"]
    assert (beat["host"], beat["every"], beat["said"]) == ("hc.example.test", 60, "")
    assert "secret-id" not in str(beat)


def test_who_may(call: Call) -> None:
    nobody = replace(call, user=None)
    for name, args in (("get_checks", {}), ("save_check", {"name": "x", "grace": 60}), ("preview_check", {})):
        with pytest.raises(NotPermitted):
            ask(nobody, name, **args)
    made = saved(call)
    assert ask(nobody, "ping_check", key=made["key"]) == {"ok": True}


def test_collecting_hosts_hear_of_what_cannot_wait(call: Call) -> None:
    heard: list[int] = []
    told = replace(call, nudge=lambda: heard.append(1))
    made = saved(call)
    ask(told, "ping_check", key=made["key"])
    assert heard == []
    ask(told, "ping_check", key=made["key"], kind="fail")
    ask(told, "ping_check", key=made["key"])
    assert len(heard) == 2

"""What the methods about alerts show: shapes, filters, pages, whose alerts they are, and why rules stand as they do."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from baken import clock
from baken.alerts import lifecycle, silences
from baken.api import registry, snapshots
from baken.api.context import DASHBOARD_ROLES, Call, Caller
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import Store
from baken.history.tables import alert_states, alerts
from baken.settings import Settings
from tests.api.alerted import HOST, OTHER, QUEUE, RECIPIENT, SITE, TOLD, ask, change, fire, wait
from tests.server.world import ADMIN, BOARD, MEMBER, PAGE, World, make_world

ALERT = {
    "number", "name", "rule", "rule_name", "alert_type", "severity", "area", "status", "site", "labels", "where",
    "title", "message", "advice", "value", "limit", "unit", "began", "fired", "last_seen", "timestamp", "occurrences",
    "step", "step_due", "suppressed", "flapping", "unknown", "assigned_to", "acknowledged_at", "acknowledged_by",
    "resolved_at", "resolved_by", "feedback", "source", "may_act", "metric", "match",
}  # fmt: skip
RULE = {
    "name", "rule_name", "title", "kind", "words", "severity", "area", "for", "keep", "reason", "runbook", "enabled",
    "source", "quorum", "inhibits", "tell", "state", "instances", "why",
}  # fmt: skip
METHODS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_active_alerts", {}),
    ("get_alerts", {}),
    ("get_alert", {"number": 1}),
    ("get_alert_rules", {}),
    ("get_silences", {}),
    ("get_channels", {}),
    ("get_alert_statistics", {}),
    ("get_alert_summary", {}),
    ("check_critical_errors", {}),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path, more={"alerts": TOLD}) as made:
        yield made


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[World]:
    """Two sites on one host."""
    with make_world(tmp_path, names=(SITE, OTHER), more={"alerts": TOLD}) as made:
        yield made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that no test changes."""
    with make_world(tmp_path_factory.mktemp("kept"), more={"alerts": TOLD}) as made:
        fire(made.store)
        yield made


def names(found: list[dict[str, Any]]) -> list[int]:
    return [each["number"] for each in found]


def test_an_alert_has_the_documented_keys_everywhere(world: World) -> None:
    number = fire(world.store)
    (listed,) = ask(world, "baken.get_alerts")["alerts"]
    (active,) = ask(world, f"{PAGE}.get_active_alerts")
    one = ask(world, "baken.get_alert", number=number)
    assert set(listed) == ALERT
    assert set(active) == ALERT | {"messages"}
    assert one["alert"] == listed
    assert (listed["name"], listed["rule"], listed["alert_type"]) == (
        "BA-000001",
        "HIGH_JOB_QUEUE",
        "HIGH_JOB_QUEUE",
    )
    assert listed["title"] == {"en": "25 jobs wait in queue long", "nl": "25 taken wachten in wachtrij long"}
    assert (listed["labels"], listed["where"]) == (QUEUE, "queue long")
    assert (listed["value"], listed["limit"], listed["unit"]) == (25, 20, "jobs")
    assert (listed["metric"], listed["source"], listed["may_act"]) == ("frappe_queue_length", "baken", True)
    assert listed["fired"].endswith("Z")
    assert listed["timestamp"] == listed["fired"]
    assert listed["suppressed"] is None
    assert active["messages"]["nl"].startswith("In de wachtrij")
    assert active["message"] == active["messages"]["en"]


def test_the_sites_own_alerts_are_shown_and_not_touched(world: World) -> None:
    """The older monitoring assumed a System Alert table; Baken reads one where there is one."""
    theirs = {"name": "ALERT-1", "alert_type": "Low_Funds", "severity": "HIGH", "message": "Look", "status": "Active"}
    world.record({}, observations={"active_alerts": {"alerts": [{**theirs, "timestamp": "2026-11-27T08:00:00Z"}]}})
    fire(world.store)
    own, site = ask(world, f"{PAGE}.get_active_alerts")
    assert set(site) == set(own)
    assert (own["source"], site["source"]) == ("baken", "site")
    assert (site["number"], site["name"], site["may_act"], site["message"]) == (None, "ALERT-1", False, "Look")
    assert site["title"]["en"] == "Low funds"


def test_the_answer_to_a_list(world: World) -> None:
    found = ask(world, "baken.get_alerts")
    assert set(found) == {
        "alerts", "more", "counts", "pending", "unknown", "problems", "evaluated_at", "lag_seconds", "can_notify",
        "timestamp",
    }  # fmt: skip
    assert found["alerts"] == []
    assert found["counts"] == {
        "open": {"CRITICAL": 0, "HIGH": 0, "MEDIUM": 0, "LOW": 0},
        "active": 0,
        "acknowledged": 0,
        "suppressed": 0,
        "resolved_24h": 0,
    }
    assert found["can_notify"] is True
    # Nothing was measured: rules that look at figures of this site cannot be judged, and say so.
    assert found["evaluated_at"] is None
    unknown = next(each for each in found["unknown"] if each["rule"] == "SITE_DOWN")
    assert set(unknown) == {"rule", "rule_name", "title", "site", "labels", "since", "reason"}
    assert unknown["reason"]


def test_filters(world: World) -> None:
    queue = fire(world.store)
    disk = fire(world.store, "HIGH_DISK", HOST, {"mount": "/srv"})
    down = fire(world.store, "SITE_DOWN", SITE, {})
    over = fire(world.store, "QUEUE_LENGTH", SITE, {"queue": "short"})
    change(world.store, lambda act: lifecycle.resolve(act, over))
    change(world.store, lambda act: lifecycle.acknowledge(act, disk))

    def numbers(**args: Any) -> list[int]:
        return names(ask(world, "baken.get_alerts", **args)["alerts"])

    assert numbers() == [down, disk, queue]
    assert numbers(status="active") == [down, queue]
    assert numbers(status="acknowledged") == [disk]
    assert numbers(status="resolved") == [over]
    assert numbers(status="all") == [over, down, disk, queue]
    assert numbers(severity="medium, critical") == [down, queue]
    assert numbers(area="business") == [queue]
    assert numbers(rule="HIGH_DISK") == [disk]
    assert numbers(search="WACHTRIJ") == [queue]
    assert numbers(search="/srv") == [disk]
    assert numbers(search="ba-000003") == [down]
    # The words of the store's own notation are nothing that anybody searches for.
    assert numbers(search='"en": "') == []
    assert numbers(search="advice") == []
    counts = ask(world, "baken.get_alerts", search="nothing fits")["counts"]
    assert counts["open"] == {"CRITICAL": 1, "HIGH": 1, "MEDIUM": 1, "LOW": 0}
    assert (counts["active"], counts["acknowledged"], counts["resolved_24h"]) == (2, 1, 1)


def test_what_ended_long_ago_is_asked_for_by_days(world: World) -> None:
    at = clock.now() - timedelta(days=40)
    old = fire(world.store, at=at)
    change(world.store, lambda act: lifecycle.resolve(act, old), at=at)
    assert ask(world, "baken.get_alerts", status="resolved")["alerts"] == []
    assert ask(world, "baken.get_alerts", status="all")["alerts"] == []
    assert names(ask(world, "baken.get_alerts", status="resolved", days=60)["alerts"]) == [old]


def test_pages(world: World) -> None:
    numbers = [fire(world.store, labels={"queue": f"q{each}"}) for each in range(7)]
    seen, before = [], 0
    for _ in range(4):
        page = ask(world, "baken.get_alerts", limit=3, before=before)
        seen += names(page["alerts"])
        if not page["more"]:
            break
        before = seen[-1]
    assert seen == numbers[::-1]
    page = ask(world, "baken.get_alerts", limit=7)
    assert page["more"] is False
    found = ask(world, "baken.get_alerts", limit=1, search="queue q3")
    assert (names(found["alerts"]), found["more"]) == ([numbers[3]], False)


def test_what_waits_to_fire(world: World) -> None:
    since = clock.now() - timedelta(minutes=2)
    wait(world.store, "HIGH_JOB_QUEUE", {"queue": "default"}, since)
    (pending,) = ask(world, "baken.get_alerts")["pending"]
    assert set(pending) == {
        "rule", "rule_name", "title", "site", "labels", "since", "fires_at", "value", "limit", "unit",
    }  # fmt: skip
    assert pending["rule_name"] == {"en": "Many jobs waiting", "nl": "Veel wachtende taken"}
    assert pending["title"]["en"] == "… jobs wait in queue …"
    assert pending["fires_at"] == clock.iso(since + timedelta(minutes=5))
    assert (pending["value"], pending["unit"]) == (30, "jobs")


def test_one_with_its_whole_story(world: World) -> None:
    now = clock.now()
    for minutes in range(30, 0, -5):
        lengths = {(("queue", "long"),): 30 - minutes, (("queue", "short"),): 1}
        world.record({"frappe_queue_length": lengths}, at=now - timedelta(minutes=minutes))
    first = fire(world.store, at=now - timedelta(hours=3))
    change(world.store, lambda act: lifecycle.resolve(act, first), at=now - timedelta(hours=2))
    number = fire(world.store, at=now - timedelta(minutes=5), settings=world.settings.alerts)
    change(world.store, lambda act: lifecycle.acknowledge(act, number, "I look at it"), user=BOARD)
    found = ask(world, "baken.get_alert", number=number)
    assert set(found) == {"alert", "trail", "notifications", "chart", "rule", "link", "earlier", "timestamp"}
    assert [(each["kind"], each["user"], each["text"]) for each in found["trail"]] == [
        ("fired", "", ""),
        ("acknowledged", BOARD, "I look at it"),
    ]
    assert found["trail"][0]["detail"] == {"limit": 20, "unit": "jobs", "value": 25}
    (told,) = found["notifications"]
    assert (told["recipient"], told["channel"], told["state"], told["event"]) == ("beheer", "mail", "waiting", "fired")
    assert set(told) == {
        "at", "channel", "recipient", "state", "held", "due", "event", "problem", "attempts",
    }  # fmt: skip
    assert names(found["earlier"]) == [first]
    chart = found["chart"]
    assert set(chart) == {"metric", "labels", "unit", "help", "good", "limit", "points", "from", "to", "marks"}
    assert (chart["metric"], chart["labels"], chart["limit"]) == ("frappe_queue_length", QUEUE, 20)
    assert [value for _, value in chart["points"]] == [0, 5, 10, 15, 20, 25]
    assert [mark["kind"] for mark in chart["marks"]] == ["fired", "acknowledged"]
    assert found["rule"]["name"] == "HIGH_JOB_QUEUE"
    assert found["rule"]["for"] == "5m"
    assert "documented limit" in found["rule"]["reason"]["en"]


def test_one_of_a_rule_that_is_gone_and_without_a_figure(world: World) -> None:
    number = fire(world.store, "SITE_DOWN", SITE, {})
    with world.store.write() as conn:
        conn.execute(update(alerts).values(rule="GONE"))
    found = ask(world, "baken.get_alert", number=number)
    assert found["rule"] is None
    assert found["chart"] is None
    assert found["alert"]["title"]["en"]


def test_without_data_an_alert_says_so(world: World) -> None:
    fire(world.store)
    values = {"unknown_since": clock.to_ms(clock.now()), "reason": "Redis does not answer"}
    with world.store.write() as conn:
        conn.execute(update(alert_states).values(**values))
    (alert,) = ask(world, "baken.get_alerts")["alerts"]
    assert alert["unknown"]["reason"] == "Redis does not answer"


def test_what_holds_an_alert_back_is_told(world: World) -> None:
    down = fire(world.store, "SITE_DOWN", SITE, {})
    queue, slow = fire(world.store), fire(world.store, "SITE_SLOW", SITE, {})
    added = ask(world, "baken.add_silence", matchers='{"rule": "HIGH_JOB_QUEUE"}', comment="we know")["silence"]
    change(world.store, lambda act: lifecycle.suppress(act, slow, f"inhibited:{down}"))
    shown = {each["number"]: each["suppressed"] for each in ask(world, "baken.get_alerts")["alerts"]}
    assert shown == {
        queue: {"kind": "silence", "id": added["id"], "text": "we know"},
        slow: {"kind": "inhibited", "id": down, "text": "BA-000001"},
        down: None,
    }
    assert ask(world, "baken.get_alerts")["counts"]["suppressed"] == 2


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("baken.get_alerts", {"status": "closed"}, "one of open, active, acknowledged, resolved, all"),
        ("baken.get_alerts", {"severity": "HIGH,WORSE"}, "names 'WORSE'; expected some of LOW, MEDIUM, HIGH, CRITICAL"),
        ("baken.get_alerts", {"area": "garden"}, "is 'garden'; expected one of errors, sepa"),
        ("baken.get_alerts", {"days": 0}, "from 1 to 3660"),
        ("baken.get_alerts", {"limit": 501}, "from 1 to 500"),
        ("baken.get_alerts", {"before": -1}, "expected a whole number from 0"),
        ("baken.get_alert", {}, "argument number is missing"),
        ("baken.get_alert", {"number": 77}, "there is no alert BA-000077 of this site"),
        ("baken.get_alert", {"number": 0}, "expected a whole number from 1"),
        ("baken.get_silences", {"ended": "maybe"}, "expected 0 or 1"),
        ("baken.get_alert_statistics", {"days": 5000}, "from 1 to 3660"),
    ],
)
def test_refusals_say_what_is_expected(kept: World, name: str, args: dict[str, Any], says: str) -> None:
    assert says in ask(kept, name, 417, **args)


@pytest.mark.parametrize("value", [10**19, -(10**19), 10**400, 1e300])
def test_numbers_that_no_database_holds_are_refused(kept: World, value: float) -> None:
    csrf = kept.sign_in()
    for name, argument in (("get_alert", "number"), ("get_alerts", "before"), ("end_silence", "id")):
        answer = kept.client.post(
            f"/api/method/baken.{name}", json={argument: value}, headers={"X-Frappe-CSRF-Token": csrf}
        )
        assert answer.status_code == 417, (name, answer.text)


@pytest.mark.parametrize("user", [None, MEMBER])
def test_nobody_looks_without_the_role(kept: World, user: str | None) -> None:
    kept.client.cookies.clear()
    for name, args in METHODS:
        ask(kept, f"baken.{name}", 403, user, **args)


def test_alerts_of_another_site_are_nowhere(shared: World) -> None:
    theirs, host = fire(shared.store, site=OTHER), fire(shared.store, "HIGH_DISK", HOST, {"mount": "/srv"})
    mine = fire(shared.store)
    change(shared.store, lambda act: lifecycle.comment(act, theirs, "only theirs: marzipan"))
    with shared.store.write() as conn:
        moment = clock.now()
        silences.add(
            conn,
            site=OTHER,
            kind="silence",
            matchers={"rule": "SITE_DOWN"},
            starts=moment,
            ends=moment + timedelta(hours=1),
            recurrence=None,
            comment="only theirs: marzipan",
            by="them",
            now=moment,
        )
    here = {"site": SITE}
    assert names(ask(shared, "baken.get_alerts", status="all", **here)["alerts"]) == [mine, host]
    assert set(names(ask(shared, f"{PAGE}.get_active_alerts", **here))) == {mine, host}
    assert "there is no alert" in ask(shared, "baken.get_alert", 417, number=theirs, **here)
    assert ask(shared, "baken.get_silences", ended=1, **here)["silences"] == []
    assert ask(shared, "baken.get_alert_statistics", **here)["total"] == 2
    assert ask(shared, "baken.get_alert_summary", **here)["total"] == 2
    for name, args in METHODS:
        args = {**args, "number": mine} if "number" in args else args
        assert "marzipan" not in shared.get(f"baken.{name}", **args, **here).text
        assert OTHER not in shared.get(f"baken.{name}", **args, **here).text


@pytest.mark.parametrize(("sites", "may"), [((SITE,), True), ((SITE, OTHER), False)])
def test_the_host_is_shown_to_all_and_changed_by_none_where_several_share_it(
    tmp_path: Path, sites: tuple[str, ...], may: bool
) -> None:
    with make_world(tmp_path, names=sites) as made:
        fire(made.store, "HIGH_DISK", HOST, {"mount": "/srv"})
        for found in (
            ask(made, "baken.get_alerts", site=SITE)["alerts"],
            ask(made, f"{PAGE}.get_active_alerts", site=SITE),
            ask(made, "baken.get_alert_summary", site=SITE)["recent"],
            [ask(made, "baken.get_alert", site=SITE, number=1)["alert"]],
        ):
            assert [each["may_act"] for each in found] == [may]


# Rules and how they stand


def _call(store: Store, tmp_path: Path) -> Call:
    from sqlalchemy import URL

    from baken.sites.site import Site, SiteConfig

    sqlite3.connect(tmp_path / "site.db").close()
    settings = Settings(data_dir=tmp_path)
    site = Site(SiteConfig(SITE, URL.create("sqlite", database=str(tmp_path / "site.db"))), settings)
    return Call(settings, store, {SITE: site}, site, Caller(ADMIN, "Admin", DASHBOARD_ROLES), clock.now())


def test_rules_and_why_on_every_database(store: Store, tmp_path: Path) -> None:
    call = _call(store, tmp_path)
    lengths = [Sample("frappe_queue_length", (("queue", name),), 25) for name in ("default", "long", "short")]
    up = [Sample("frappe_site_up", (), 1.0)]
    with store.write() as conn:
        samples.record(conn, [Cycle(SITE, call.now, lengths + up, {}, ["frappe_queue_length", "frappe_site_up"])])
    number = fire(store)
    wait(store, "HIGH_JOB_QUEUE", {"queue": "short"}, call.now - timedelta(minutes=2))
    found = registry.find("baken.get_alert_rules").run(call)
    assert found["problems"] == []
    rules = {rule["name"]: rule for rule in found["rules"]}
    assert {frozenset(rule) for rule in rules.values()} == {frozenset(RULE)}
    queue = rules["HIGH_JOB_QUEUE"]
    assert queue["state"] == "firing"
    assert queue["why"]["en"] == "Holds: queue long: 25 (limit 20)."
    assert queue["why"]["nl"] == "Geldt: wachtrij long: 25 (grens 20)."
    states = {each["labels"]["queue"]: (each["state"], each["alert"]) for each in queue["instances"]}
    assert states == {"long": ("firing", number), "short": ("pending", None), "default": ("pending", None)}
    assert set(queue["instances"][0]) == {
        "site", "labels", "where", "state", "since", "value", "limit", "unit", "reason", "alert",
    }  # fmt: skip
    assert rules["SITE_DOWN"]["state"] == "ok"
    assert rules["SITE_DOWN"]["why"]["en"].startswith("Does not hold: ")
    assert rules["SITE_DOWN"]["why"]["nl"].startswith("Geldt niet: ")
    assert rules["HIGH_MEMORY"]["state"] == "unknown"
    assert rules["HIGH_MEMORY"]["why"]["en"] == "Cannot be judged: not measured yet"
    assert rules["HIGH_MEMORY"]["why"]["nl"].startswith("Kan niet worden beoordeeld: ")
    assert rules["MANY_SITES_DOWN"]["state"] == "ok"


def test_a_rule_that_was_resolved_by_hand_or_recovers(world: World) -> None:
    world.record({"frappe_queue_length": {(("queue", "long"),): 25}})
    fire(world.store)
    for phase, why in (
        ("closed", "Holds still, but was resolved by hand: queue long: 25 (limit 20)."),
        ("recovering", "Is over, but not yet for 2 min: queue long: 25 (limit 20)."),
        ("pending", "Holds, but not yet for 5 min: queue long: 25 (limit 20)."),
    ):
        with world.store.write() as conn:
            conn.execute(update(alert_states).values(phase=phase))
        snapshots.forget(world.store)
        rule = _rule(world, "HIGH_JOB_QUEUE")
        assert (rule["state"], rule["why"]["en"]) == (phase, why)


def _rule(world: World, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(rule for rule in ask(world, "baken.get_alert_rules")["rules"] if rule["name"] == name)
    return found


def test_a_rule_over_all_sites_stands_as_it_does_for_the_host(world: World) -> None:
    world.record({"frappe_site_up": 1})
    assert _rule(world, "MANY_SITES_DOWN")["why"]["en"] == "Nothing of the kind is there."
    fire(world.store, "MANY_SITES_DOWN", HOST, {}, value=4)
    snapshots.forget(world.store)
    rule = _rule(world, "MANY_SITES_DOWN")
    assert (rule["state"], rule["why"]["en"]) == ("firing", "Holds: 4.")
    assert rule["instances"][0]["alert"] == 1


def test_a_rule_that_is_switched_off(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[HIGH_DISK]\nenabled = false\n\n[SITE_DOWN]\nfor = '7m'\n")
    with make_world(tmp_path, more={"alerts": {"rules": str(tmp_path / "own.toml")}}) as made:
        assert _rule(made, "HIGH_DISK")["state"] == "off"
        assert _rule(made, "HIGH_DISK")["why"] == {
            "en": "Switched off in the rules.",
            "nl": "Uitgeschakeld in de regels.",
        }
        assert _rule(made, "SITE_DOWN")["for"] == "7m"
        assert ask(made, "baken.get_alerts")["can_notify"] is False


def test_a_mistake_in_the_rules_hides_no_alert(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[SITE_DOWN]\nfor = 'soon'\n")
    with make_world(tmp_path, more={"alerts": {"rules": str(tmp_path / "own.toml")}}) as made:
        number = fire(made.store)
        wait(made.store, "QUEUE_LENGTH", QUEUE, clock.now())
        found = ask(made, "baken.get_alerts")
        assert names(found["alerts"]) == [number]
        (problem,) = found["problems"]
        assert "own.toml" in problem
        assert "line 2" in problem or ":2" in problem
        assert ask(made, "baken.get_alert_rules")["problems"] == [problem]
        assert ask(made, "baken.get_alert", number=number)["rule"] is None
        silence = ask(made, "baken.add_silence", comment="meanwhile")["silence"]
        assert ask(made, "baken.end_silence", id=silence["id"])["silence"]["state"] == "ended"
        checked = ask(made, "baken.run_hourly_checks")
        assert (checked["status"], checked["evaluated"], checked["message"]) == ("error", False, problem)


def test_channels_and_who_is_told(world: World) -> None:
    from baken.alerts import outbox

    found = ask(world, "baken.get_channels")
    assert set(found) == {"channels", "recipients", "heartbeats", "timestamp"}
    (channel,) = found["channels"]
    assert (channel["name"], channel["kind"], channel["state"], channel["sent"]) == ("mail", "email", "unused", 0)
    (recipient,) = found["recipients"]
    assert recipient["name"] == "beheer"
    assert RECIPIENT["to"] not in str(found)
    now = clock.now()
    for state in ("ok", "failing", "disabled"):
        with world.store.write() as conn:
            if state == "ok":
                outbox.went_well(conn, "mail", "beheer", now)
            else:
                outbox.went_wrong(conn, "mail", "", "password", now, disable=state == "disabled")
        (channel,) = ask(world, "baken.get_channels")["channels"]
        assert channel["state"] == state
    assert (channel["problem"], channel["since"], channel["sent"]) == ("password", clock.iso(now), 1)
    fire(world.store, settings=world.settings.alerts)
    assert ask(world, "baken.get_channels")["channels"][0]["waiting"] == 1
    told = ask(world, "baken.enable_channel", channel="mail")
    assert told == {"channel": "mail", "enabled": True}
    assert ask(world, "baken.enable_channel", channel="mail")["enabled"] is False
    assert "there is no channel 'post'" in ask(world, "baken.enable_channel", 417, channel="post")


def test_recipients_of_other_sites_are_not_told_of(tmp_path: Path) -> None:
    people = [RECIPIENT, {**RECIPIENT, "name": "theirs", "sites": [OTHER]}]
    heartbeat = {"url": "https://ping.example.test/a-secret-id"}
    alerts = {**TOLD, "recipients": people, "heartbeats": [heartbeat]}
    with make_world(tmp_path, names=(SITE, OTHER), more={"alerts": alerts}) as made:
        found = ask(made, "baken.get_channels", site=SITE)
        assert [each["name"] for each in found["recipients"]] == ["beheer"]
        never = {"fail": True, "said": "", "at": None, "last_ok": None, "problem": ""}
        assert found["heartbeats"] == [{"host": "ping.example.test", "every": 60, **never}]
        assert "a-secret-id" not in str(found)

"""Settings by the methods: who may change what, what is refused with which field, and what other sites see."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baken import clock
from baken.api import registry
from baken.history import audit, kept, kept_retention
from baken.history.store import Store
from tests.api.alerted import OTHER, QUEUE, SITE, TOLD, ask, fire
from tests.server.world import ADMIN, BOARD, MEMBER, World, make_world, token

RULE = "HIGH_JOB_QUEUE"
OWN = {"metric": "frappe_queue_length", "above": 5, "severity": "LOW", "area": "performance",
       "title": {"en": "Own: {value}", "nl": "Eigen: {value}"}, "message": "More than {limit}."}  # fmt: skip
WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("baken.save_rule", {"rule": RULE, "values": "{}"}),
    ("baken.put_back_rule", {"rule": RULE}),
    ("baken.save_recipient", {"name": "Penny", "channel": "mail", "to": "penny@example.test"}),
    ("baken.remove_recipient", {"name": "Penny"}),
    ("baken.send_test_message", {"name": "beheer"}),
    ("baken.save_retention", {"raw_days": 1, "hourly_days": 1, "daily_days": 1, "audit_days": 1, "closed_days": 1}),
    ("baken.save_profile", {"profile": "{}"}),
    ("baken.end_sessions", {}),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path, more={"alerts": TOLD}) as made:
        yield made


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[World]:
    with make_world(
        tmp_path, names=(SITE, OTHER), more={"alerts": TOLD}, operators=[{"user": BOARD, "site": SITE}]
    ) as made:
        yield made


def post(world: World, name: str, status: int = 200, user: str | None = ADMIN, /, site: str = SITE, **args: Any) -> Any:
    answer = world.client.post(f"/api/method/{name}", json=args, headers={**token(user), "X-Frappe-Site-Name": site})
    assert answer.status_code == status, answer.text
    return answer.json()["message"]


def rule(world: World, name: str = RULE, site: str = SITE) -> dict[str, Any]:
    found = ask(world, "baken.get_rule_settings", 200, ADMIN, site=site)["rules"]
    return next((each for each in found if each["name"] == name), {})


def save(world: World, values: Any, name: str = RULE, status: int = 200, user: str = ADMIN, site: str = SITE) -> Any:
    return post(world, "baken.save_rule", status, user, site=site, rule=name, values=json.dumps(values))


def test_nobody_without_the_role_changes_anything(world: World) -> None:
    for name, args in WRITES:
        post(world, name, 403, MEMBER, **args)
        assert registry.find(name).writes is True
    with world.store.read() as conn:
        assert kept.version(conn) == 0


# Rules


def test_a_rule_is_changed_for_a_site_and_put_back(shared: World) -> None:
    answer = save(shared, {"above": 99, "severity": "LOW", "for": "20m"})
    assert answer["saved"], answer
    shown = rule(shared)
    assert shown["limit"] == {"how": "above", "figure": 99, "night": None}
    assert (shown["severity"], shown["for"]) == ("LOW", "20m")
    assert shown["shipped"]["severity"] != "LOW"
    assert shown["changed"]["keys"] == ["above", "for", "severity"]
    assert shown["changed"]["by"] == ADMIN
    assert rule(shared, site=OTHER)["changed"] is None
    assert rule(shared, site=OTHER)["severity"] == shown["shipped"]["severity"]
    listed = {each["name"]: each["words"] for each in ask(shared, "baken.get_alert_rules", site=SITE)["rules"]}
    assert "99" in listed[RULE]
    assert post(shared, "baken.put_back_rule", rule=RULE)["changed"]
    assert rule(shared)["changed"] is None
    with shared.store.read() as conn:
        actions = [entry.action for entry in audit.entries(conn, site=SITE) if entry.action != "looked"]
    assert actions[:2] == ["rule put back", "rule changed"]


def test_what_is_as_in_the_file_is_not_kept(world: World) -> None:
    shown = rule(world)
    same = {"severity": shown["severity"], "enabled": True, "for": shown["for"], "tell": shown["tell"]}
    limit = {shown["limit"]["how"]: shown["limit"]["figure"]}
    assert save(world, {**same, **limit})["saved"]
    assert rule(world)["changed"] is None
    save(world, {"severity": "LOW"})
    assert save(world, same)["saved"]
    assert rule(world)["changed"] is None


def test_mistakes_are_told_with_their_field_and_nothing_is_kept(world: World) -> None:
    answer = save(world, {"above": "many", "for": "soon", "tell": ["nobody"]})
    assert not answer["saved"]
    assert {each["field"] for each in answer["problems"]} == {"above", "for", "tell"}
    assert {each["field"] for each in save(world, {"metric": "x"})["problems"]} == {"metric"}
    for broken in ("", "[]", "{", '{"above": NaN}', '{"above": 1e99}', '{"for": "\\u0000"}', "{" * 500):
        post(world, "baken.save_rule", 417, rule=RULE, values=broken)
    save(world, {}, "NO_SUCH_RULE", 417)
    save(world, {}, "OWN_NOT_THERE", 417)
    with world.store.read() as conn:
        assert kept.version(conn) == 0


def test_a_rule_of_ones_own_is_made_changed_and_deleted(shared: World) -> None:
    made = save(shared, OWN, "")["rule"]
    assert made["name"] == "OWN_OWN_VALUE"
    assert (made["from"], made["shipped"], made["texts"]["title"]["nl"]) == ("page", None, "Eigen: {value}")
    assert rule(shared, made["name"], site=OTHER) == {}
    assert save(shared, {**OWN, "above": 7}, made["name"])["rule"]["limit"]["figure"] == 7
    # No other site's people come at it.
    save(shared, OWN, made["name"], 417, site=OTHER, user=BOARD)
    assert not post(shared, "baken.put_back_rule", 200, BOARD, site=OTHER, rule=made["name"])["changed"]
    assert post(shared, "baken.put_back_rule", rule=made["name"])["changed"]
    assert rule(shared, made["name"]) == {}
    answer = save(shared, {**OWN, "title": " "}, "")
    assert [each["field"] for each in answer["problems"]] == ["title"]


def test_what_concerns_the_host_is_an_operators_where_sites_share_it(shared: World, tmp_path: Path) -> None:
    shown = rule(shared, "HIGH_CPU")
    assert (shown["scope"], shown["may_change"]) == ("installation", False)
    assert "operator" in shown["why_not"]
    save(shared, {"severity": "LOW"}, "HIGH_CPU", 403)
    assert save(shared, {"severity": "LOW"}, "HIGH_CPU", user=BOARD)["saved"]
    assert rule(shared, "HIGH_CPU", site=OTHER)["severity"] == "LOW"
    post(shared, "baken.put_back_rule", 403, ADMIN, rule="HIGH_CPU")
    with make_world(tmp_path / "alone", more={"alerts": TOLD}) as alone:
        assert save(alone, {"severity": "LOW"}, "HIGH_CPU")["saved"]
        assert rule(alone, "HIGH_CPU")["severity"] == "LOW"


def test_the_standing_of_a_rule_goes_by_its_change(world: World) -> None:
    world.record({"frappe_queue_length": {(("queue", "long"),): 25}})
    before = rule(world)
    assert before["state"] != "ok"
    save(world, {"above": 1000})
    assert rule(world)["state"] == "ok"
    save(world, {"enabled": False})
    assert rule(world)["state"] == "off"


# Recipients


def recipients(world: World, site: str = SITE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(world, "baken.get_recipient_settings", site=site)["recipients"]
    return found


PENNY = {"name": "Penny", "channel": "mail", "to": "penny@vereniging.test", "at_least": "HIGH", "areas": "sepa,errors",
         "reports": "daily"}  # fmt: skip


def test_a_recipient_is_added_changed_and_removed_and_no_answer_has_the_address(shared: World) -> None:
    assert post(shared, "baken.save_recipient", **PENNY)["saved"]
    text = json.dumps(recipients(shared))
    assert "penny@" not in text
    (filed, penny) = recipients(shared)
    assert (filed["from"], filed["to"]) == ("file", "b***@e***.test")
    assert (penny["to"], penny["areas"], penny["reports"]) == ("p***@v***.test", ["sepa", "errors"], ["daily"])
    assert [each["name"] for each in recipients(shared, OTHER)] == ["beheer"]
    # The address stays where none is given.
    changed = {**PENNY, "to": "", "was": "Penny", "name": "Penny V", "at_least": "LOW"}
    assert post(shared, "baken.save_recipient", **changed)["saved"]
    assert [(each["name"], each["to"]) for each in recipients(shared)][1:] == [("Penny V", "p***@v***.test")]
    post(shared, "baken.remove_recipient", 417, BOARD, site=OTHER, name="Penny V")
    assert post(shared, "baken.remove_recipient", name="Penny V")["removed"]
    assert len(recipients(shared)) == 1
    assert _nowhere(shared.store, "penny@vereniging.test")


def _nowhere(store: Store, text: str) -> bool:
    with store.read() as conn:
        from baken.history.tables import metadata

        return not any(text in str(row) for table in metadata.tables.values() for row in conn.execute(table.select()))


def test_mistakes_about_a_recipient_are_told_with_their_field(world: World) -> None:
    answer = post(world, "baken.save_recipient", name="", channel="mail", to="penny", hours="always", areas="weather")
    assert not answer["saved"]
    assert {each["field"] for each in answer["problems"]} == {"name", "to", "hours", "areas"}
    assert post(world, "baken.save_recipient", **PENNY)["saved"]
    assert [each["field"] for each in post(world, "baken.save_recipient", **PENNY)["problems"]] == ["name"]
    post(world, "baken.save_recipient", 417, **{**PENNY, "was": "Nobody"})


def test_somebody_whom_a_rule_tells_is_not_removed(world: World) -> None:
    post(world, "baken.save_recipient", **PENNY)
    name = recipients(world)[1]["tell"]
    assert save(world, {"tell": [name]})["saved"]
    assert "HIGH_JOB_QUEUE" in post(world, "baken.remove_recipient", 417, name="Penny")
    renamed = post(world, "baken.save_recipient", **{**PENNY, "was": "Penny", "name": "Other", "to": ""})
    assert [each["field"] for each in renamed["problems"]] == ["name"]
    post(world, "baken.put_back_rule", rule=RULE)
    assert post(world, "baken.remove_recipient", name="Penny")["removed"]


def test_whoever_was_set_on_the_page_hears_that_it_is_over(world: World) -> None:
    post(world, "baken.save_recipient", **{**PENNY, "areas": "", "at_least": "LOW"})
    from baken.alerts import kept_recipients
    from baken.history.tables import outbox

    with world.store.read() as conn:
        people = kept_recipients.chosen(conn, world.settings, None).settings.alerts
    number = fire(world.store, RULE, SITE, QUEUE, settings=people)
    post(world, "baken.resolve_alerts", alerts=str(number))
    with world.store.read() as conn:
        rows = conn.execute(outbox.select().order_by(outbox.c.id)).all()
    assert [(row.recipient, json.loads(row.body)["event"]) for row in rows if "Penny" in row.recipient] == [
        (f"Penny ({SITE})", "fired"),
        (f"Penny ({SITE})", "resolved"),
    ]


def test_without_a_channel_there_is_nobody_to_add(tmp_path: Path) -> None:
    with make_world(tmp_path) as bare:
        answer = ask(bare, "baken.get_recipient_settings")
        assert (answer["recipients"], answer["channels"]) == ([], [])
        told = post(bare, "baken.save_recipient", **PENNY)
        assert [each["field"] for each in told["problems"]] == ["channel"]


# Retention


DAYS: dict[str, Any] = {"raw_days": 90, "hourly_days": 730, "daily_days": 2557, "audit_days": 2557, "closed_days": 730}


def test_retention_is_shown_with_what_it_costs_and_changed_after_asking(world: World) -> None:
    with world.store.write() as conn:
        audit.write(conn, at=clock.now() - timedelta(days=900), site=SITE, user="els", action="looked")
    shown = ask(world, "baken.get_retention")
    assert {each["limit"]: each["days"] for each in shown["limits"]} == DAYS
    assert shown["may_change"]
    trail = next(each for each in shown["limits"] if each["limit"] == "audit_days")
    assert (trail["least"], trail["rows"] >= 1) == (2557, True)
    asked = post(world, "baken.save_retention", **{**DAYS, "audit_days": 365})
    assert not asked["saved"]
    assert [each["rows"] for each in asked["deletes"]] == [1]
    assert [each["field"] for each in asked["warnings"]] == ["audit_days"]
    done = post(world, "baken.save_retention", **{**DAYS, "audit_days": 365, "confirmed": 1})
    assert done["saved"]
    with world.store.read() as conn:
        assert kept_retention.limits(conn, world.settings).audit_days == 365
    assert ask(world, "baken.get_retention")["changed"]["by"] == ADMIN
    # What is as in the file again is not kept any more.
    assert post(world, "baken.save_retention", **DAYS)["saved"]
    assert ask(world, "baken.get_retention")["changed"] is None
    wrong = post(world, "baken.save_retention", **{**DAYS, "hourly_days": 10})
    assert [each["field"] for each in wrong["problems"]] == ["hourly_days"]


def test_retention_is_an_operators_where_sites_share_the_store(shared: World) -> None:
    assert "operator" in ask(shared, "baken.get_retention")["why_not"]
    post(shared, "baken.save_retention", 403, ADMIN, **DAYS)
    assert post(shared, "baken.save_retention", 200, BOARD, **{**DAYS, "raw_days": 120})["saved"]


# Sites and profiles


def test_a_site_is_shown_as_it_is_watched(world: World) -> None:
    missing = {"sepa_mandates": "this site has no DocType SEPA Mandate"}
    world.record({"frappe_errors": {(("window", "1h"),): 3}}, absences=missing)
    shown = ask(world, "baken.get_watched_site")
    assert (shown["site"], shown["database"], shown["state"]["ok"]) == (SITE, "sqlite", True)
    found = {each["name"]: each["found"] for each in shown["doctypes"]}
    assert found["Error Log"] is True
    assert any(each["absent"] for each in shown["domains"])


def test_a_profile_follows_its_user_and_nobody_else(shared: World) -> None:
    wanted = {"theme": "dark", "language": "nl", "refresh": 60, "start": "sepa", "zone": "browser"}
    assert post(shared, "baken.save_profile", profile=json.dumps({**wanted, "range": ""}))["profile"] == wanted
    assert ask(shared, "baken.get_profile", site=SITE)["profile"] == wanted
    assert ask(shared, "baken.get_profile", 200, BOARD, site=SITE)["profile"] == {}
    assert ask(shared, "baken.get_profile", site=OTHER)["profile"] == {}
    for broken in ("", "[]", '{"colour": "red"}', '{"theme": "pink"}', '{"refresh": -1}', '{"zone": "Mars"}'):
        post(shared, "baken.save_profile", 417, profile=broken)
    post(shared, "baken.save_profile", profile="{}")
    assert ask(shared, "baken.get_profile", site=SITE)["saved_at"] is None


def test_own_sessions_are_listed_and_ended_but_the_present_one(world: World) -> None:
    from starlette.testclient import TestClient

    from tests.server.world import BASE, PASSWORD

    csrf = world.sign_in()
    other = TestClient(world.app, base_url=BASE, raise_server_exceptions=False)
    other.post("/api/method/login", data={"usr": ADMIN, "pwd": PASSWORD})
    stranger = TestClient(world.app, base_url=BASE, raise_server_exceptions=False)
    stranger.post("/api/method/login", data={"usr": BOARD, "pwd": PASSWORD})
    sessions = world.client.get("/api/method/baken.get_profile").json()["message"]["sessions"]
    assert sorted(each["current"] for each in sessions) == [False, True]
    headers = {"X-Frappe-CSRF-Token": csrf}
    unknown = world.client.post("/api/method/baken.end_sessions", json={"id": "0" * 12}, headers=headers)
    assert unknown.status_code == 417
    done = world.client.post("/api/method/baken.end_sessions", json={}, headers=headers)
    assert done.json()["message"] == {"ended": 1}
    import time

    time.sleep(1.1)
    assert other.get("/api/method/baken.get_profile").status_code == 401
    assert world.client.get("/api/method/baken.get_profile").status_code == 200
    assert stranger.get("/api/method/baken.get_profile").status_code == 200

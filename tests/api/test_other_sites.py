"""What people of one site learn of another, whose things they cannot reach: nothing, by any method or name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from baken import clock
from baken.alerts import kept_recipients, outbox
from baken.api import registry
from baken.clock import to_ms
from baken.history import audit, kept
from baken.history.store import Store
from baken.history.tables import alert_events, channel_states, kept_settings
from baken.history.tables import outbox as rows_of
from baken.settings import Alerts
from tests.api.alerted import CHANNEL, HOST, OTHER, SITE, TOLD, ask, fire
from tests.server.world import ADMIN, BOARD, World, make_world, token

HOST_RULE = "HIGH_CPU"
OWN = {"metric": "frappe_queue_length", "above": 5, "severity": "LOW", "area": "performance",
       "title": "Geheime regel", "message": "More than {limit}."}  # fmt: skip
THEIRS = kept_recipients.full_name(OTHER, "penny")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[World]:
    operators = [{"user": BOARD, "site": SITE}]
    with make_world(tmp_path, names=(SITE, OTHER), more={"alerts": TOLD}, operators=operators) as made:
        yield made


def post(world: World, name: str, status: int = 200, user: str = ADMIN, /, site: str = SITE, **args: Any) -> Any:
    answer = world.client.post(f"/api/method/{name}", json=args, headers={**token(user), "X-Frappe-Site-Name": site})
    assert answer.status_code == status, answer.text
    return answer.json().get("message")


def add(world: World, name: str, site: str = SITE, **more: Any) -> Any:
    given = {"name": name, "channel": "mail", "to": f"{name}@example.test", **more}
    return post(world, "baken.save_recipient", site=site, **given)


def states(store: Store) -> list[tuple[str, str]]:
    with store.read() as conn:
        return [(row.recipient, row.state) for row in conn.execute(select(rows_of).order_by(rows_of.c.id))]


def test_whom_another_site_tells_is_in_no_answer(shared: World) -> None:
    assert add(shared, "penny", OTHER)["saved"]
    told = shared.settings.alerts
    with shared.store.read() as conn:
        everybody: Alerts = kept_recipients.chosen(conn, shared.settings, None).settings.alerts
    assert len(everybody.recipients) == len(told.recipients) + 1
    number = fire(shared.store, HOST_RULE, HOST, {}, settings=everybody)
    with shared.store.write() as conn:
        outbox.went_wrong(conn, "mail", THEIRS, "no mailbox penny", clock.now(), disable=True)
        detail = {"channel": "mail", "recipient": THEIRS, "events": ["fired"]}
        conn.execute(
            insert(alert_events).values(
                alert=number,
                at=to_ms(clock.now()),
                kind="notified",
                user="",
                text="250 penny",
                detail=json.dumps(detail),
            )
        )
    post(shared, "baken.save_rule", 200, BOARD, rule=HOST_RULE, values=json.dumps({"tell": [THEIRS], "above": 0.5}))
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("baken.get_alert", {"number": number}),
        ("baken.get_alert_rules", {}),
        ("baken.get_rule_settings", {}),
        ("baken.get_recipient_settings", {}),
        ("baken.get_channels", {}),
        ("baken.get_report_deliveries", {}),
        ("baken.get_monitor", {}),
        ("baken.get_overview", {}),
        ("baken.get_alerts", {}),
        ("baken.get_retention", {}),
    )
    for name, args in calls:
        assert "penny" not in json.dumps(ask(shared, name, 200, ADMIN, site=SITE, **args)), name
        # Their own people and operators see it.
    assert "penny" in json.dumps(ask(shared, "baken.get_alert", 200, ADMIN, site=OTHER, number=number))
    assert "penny" in json.dumps(ask(shared, "baken.get_channels", 200, BOARD, site=SITE))
    shown = [each for each in ask(shared, "baken.get_rule_settings", site=SITE)["rules"] if each["name"] == HOST_RULE]
    # It holds here as it was set, though one may not know whom it tells, nor who set it.
    assert (shown[0]["limit"]["figure"], shown[0]["tell"], shown[0]["problem"]) == (0.5, [], "")
    assert shown[0]["changed"]["by"] == ""


def test_that_another_site_has_a_rule_of_the_same_title_shows_nowhere(shared: World) -> None:
    for site in (OTHER, SITE):
        made = post(shared, "baken.save_rule", site=site, values=json.dumps(OWN))
        assert made["rule"]["name"] == "OWN_GEHEIME_REGEL"
    again = post(shared, "baken.save_rule", values=json.dumps(OWN))
    assert again["rule"]["name"] == "OWN_GEHEIME_REGEL_2"
    assert post(shared, "baken.put_back_rule", rule="OWN_GEHEIME_REGEL")["changed"]
    with shared.store.read() as conn:
        assert [row.name for row in kept.load(conn, "rule", OTHER)] == ["OWN_GEHEIME_REGEL"]


def test_that_others_are_told_does_not_count_here(tmp_path: Path) -> None:
    with make_world(tmp_path, names=(SITE, OTHER), more={"alerts": {"channels": [CHANNEL]}}) as world:
        add(world, "penny", OTHER)
        for site, anybody in ((SITE, False), (OTHER, True)):
            assert ask(world, "baken.get_alerts", site=site)["can_notify"] is anybody
            items = ask(world, "baken.get_overview", site=site)["attention"]["items"]
            assert any(item["key"] == "untold" for item in items) is not anybody


def test_one_who_is_called_otherwise_gets_what_waited(shared: World) -> None:
    add(shared, "jan")
    with shared.store.read() as conn:
        people = kept_recipients.chosen(conn, shared.settings, None).settings.alerts
    number = fire(shared.store, settings=people)
    jan = kept_recipients.full_name(SITE, "jan")
    assert states(shared.store) == [("beheer", "waiting"), (jan, "waiting")]
    with shared.store.write() as conn:
        outbox.went_wrong(conn, "mail", jan, "no such mailbox", clock.now(), disable=True)
    assert add(shared, "jan p.", was="jan", to="")["saved"]
    renamed = kept_recipients.full_name(SITE, "jan p.")
    assert states(shared.store) == [("beheer", "waiting"), (renamed, "waiting")]
    with shared.store.write() as conn:
        assert not conn.execute(select(channel_states)).all()
        outbox.went_wrong(conn, "mail", renamed, "no such mailbox", clock.now(), disable=True)
    # A new address is what mends it.
    add(shared, "jan p.", was="jan p.", to="jan@better.test")
    with shared.store.read() as conn:
        assert not conn.execute(select(channel_states)).all()
    assert post(shared, "baken.remove_recipient", name="jan p.")["removed"]
    assert states(shared.store) == [("beheer", "waiting"), (renamed, "dropped")]
    assert ask(shared, "baken.get_alert", number=number)["alert"]["number"] == number


def test_two_who_add_somebody_of_the_same_name_at_once_overwrite_nothing(
    shared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = {"channel": "mail", "to": "", "at_least": "HIGH"}
    hold = kept.hold

    def first_the_other(conn: Any) -> None:
        monkeypatch.setattr(kept, "hold", hold)
        kept.put(conn, "recipient", SITE, "jan", meanwhile, by="els", now=clock.now())
        kept.put(conn, "rule", SITE, "OWN_GEHEIME_REGEL", {"values": OWN}, by="els", now=clock.now())
        hold(conn)

    monkeypatch.setattr(kept, "hold", first_the_other)
    given = {"name": "jan", "channel": "mail", "to": "jan@example.test"}
    post(shared, "baken.save_recipient", 417, **given)
    with shared.store.read() as conn:
        assert kept.load(conn, "recipient") == []
    monkeypatch.setattr(kept, "hold", first_the_other)
    post(shared, "baken.save_rule", 417, values=json.dumps(OWN))


@pytest.mark.parametrize("body", ["", "[]", '{"values": 7}', "{"])
def test_a_row_that_cannot_be_read_breaks_no_page(shared: World, body: str) -> None:
    for kind, name, site in (("rule", HOST_RULE, ""), ("rule", "OWN_X", OTHER), ("recipient", "x", OTHER),
                             ("rule", "OWN_X", SITE), ("recipient", "x", SITE), ("retention", "days", "")):  # fmt: skip
        with shared.store.write() as conn:
            conn.execute(insert(kept_settings).values(site=site, kind=kind, name=name, at=1, by="x", body=body))
            kept.hold(conn)
    for name in ("get_rule_settings", "get_recipient_settings", "get_retention", "get_alert_rules", "get_channels",
                 "get_overview", "get_report_deliveries", "get_profile"):  # fmt: skip
        found = ask(shared, f"baken.{name}", site=SITE)
        assert not [part for part in found.values() if isinstance(part, dict) and "error" in part], name
    lost = [each for each in ask(shared, "baken.get_rule_settings", site=SITE)["rules"] if each["name"] == "OWN_X"]
    assert "cannot be read" in lost[0]["problem"]
    assert post(shared, "baken.put_back_rule", rule="OWN_X")["changed"]
    add(shared, "y")
    assert post(shared, "baken.remove_recipient", name="x")["removed"]


def test_every_method_that_writes_says_so_and_is_written_down_under_the_callers_site(shared: World) -> None:
    """No method changes the store by GET: what it would write besides the note of the look is refused."""
    from tests.server.world import plain_calls

    shared.sign_in(ADMIN, site=SITE)
    for entry, args in plain_calls():
        before = _rest(shared.store)
        shared.client.get(f"/api/method/{entry.name}", params={**args, "site": SITE})
        assert _rest(shared.store) == before, entry.name
    with shared.store.read() as conn:
        assert {each.site for each in audit.entries(conn, limit=500)} == {SITE}
    assert registry.find("baken.save_rule").writes


def _rest(store: Store) -> dict[str, int]:
    from sqlalchemy import func

    from baken.history.tables import metadata

    passing = ("baken_audit", "baken_web_sessions", "baken_sign_in_attempts")
    with store.read() as conn:
        return {
            table.name: int(conn.execute(select(func.count()).select_from(table)).scalar_one())
            for table in metadata.sorted_tables
            if table.name not in passing
        }


MARK, SECRET = "zeewier", "zeewier onder water"
"""The one is in every name of the other site's things, the other in every text."""


def test_no_method_reaches_another_sites_things_by_their_ids(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # No collector runs here that could answer.
    monkeypatch.setattr("baken.api.alert_manager._WAIT", 0.1)
    ids = _things_of_the_other(shared)
    before = _rows_of_the_other(shared.store)
    csrf = shared.sign_in(ADMIN, site=SITE)
    headers = {"X-Frappe-CSRF-Token": csrf, "X-Frappe-Site-Name": SITE}
    tried = 0
    for entry in registry.methods():
        if entry.name in ("baken.send_test_message", "verenigingen.www.monitoring_dashboard.send_test_alert"):
            continue
        for given in _arguments(entry, ids):
            for site in (SITE, OTHER):
                headers["X-Frappe-Site-Name"] = site
                answer = shared.client.post(f"/api/method/{entry.name}", json=given, headers=headers)
                if not entry.guest and site == OTHER:
                    assert answer.status_code == 403, (entry.name, answer.text)
                assert answer.status_code < 500, (entry.name, given, answer.text)
                # A refusal says again what was given.
                assert (MARK if answer.status_code == 200 else SECRET) not in answer.text, (entry.name, given)
                tried += answer.status_code == 200
    assert tried > 60
    assert _rows_of_the_other(shared.store) == before


def _things_of_the_other(world: World) -> dict[str, str]:
    from baken.history import dashboards, push
    from baken.history.dashboard_body import parse
    from baken.history.tables import error_patterns, silences
    from tests.history.test_retention import pattern_row

    body = parse(json.dumps({"panels": [{"kind": "text", "id": "a", "x": 0, "y": 0, "w": 2, "h": 2, "text": SECRET}]}))
    own = json.dumps({**OWN, "title": SECRET})
    name = post(world, "baken.save_rule", site=OTHER, values=own)["rule"]["name"]
    add(world, MARK, OTHER)
    post(world, "baken.save_profile", site=OTHER, profile='{"start": "zeewier"}')
    number = fire(world.store, "HIGH_JOB_QUEUE", OTHER, {"queue": MARK})
    now = clock.now()
    with world.store.write() as conn:
        made = dashboards.create(
            conn, site=OTHER, user=ADMIN, title=SECRET, body=body, shared=True, locked=False, now=now
        )
        browser = push.put(
            conn, site=OTHER, user=ADMIN, endpoint="https://push.example.test/zeewier", p256dh="p", auth="a",
            language="en", at_least="CRITICAL", browser=SECRET, origin="", now=now,
        )  # fmt: skip
        conn.execute(insert(error_patterns).values(**pattern_row(1, 1, None) | {"site": OTHER, "title": SECRET}))
        rest = {"kind": "silence", "matchers": "{}", "starts": 0, "recurrence": "", "comment": SECRET, "ended_by": ""}
        conn.execute(insert(silences).values(id=7, site=OTHER, created_at=to_ms(now), created_by="els", **rest))
    session = world.client.post("/api/method/login", data={"usr": ADMIN, "pwd": "baken-demo", "site": OTHER})
    assert session.status_code == 200
    with world.store.read() as conn:
        from baken.history.tables import web_sessions

        row = conn.execute(select(web_sessions.c.id).where(web_sessions.c.site == OTHER)).scalar_one()
    world.client.cookies.clear()
    return {
        "alert": f"BA-{number}", "alert_name": f"BA-{number}", "alerts": str(number), "number": str(number),
        "dashboard": made.id, "id": "7", "which": "https://push.example.test/zeewier", "rule": name, "was": MARK,
        "pattern": f"{1:016}", "patterns": f"{1:016}", "into": f"{1:016}", "session": row[:12],
        "browser": str(browser.id),
    }  # fmt: skip


def _arguments(entry: Any, ids: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The arguments of a method with the ids of the other site; some names mean several things."""
    plain = {
        "metric": "frappe_queue_length", "metrics": "frappe_queue_length", "values": json.dumps(OWN), "title": "x",
        "body": '{"panels": []}', "version": "1", "comment": "x", "days": "sun", "at": "02:00", "profile": "{}",
        "channel": "mail", "to": "", "note": "x", "text": "x", "recipient": THEIRS.replace("penny", MARK),
        "endpoint": "https://198.51.100.7/x", "p256dh": "x", "auth": "x", "state": "muted", "feedback": "useful",
    }  # fmt: skip
    for one in ({}, {"id": ids["session"]}, {"id": ids["browser"], "which": ids["browser"]}):
        known = {**plain, "name": f"{MARK} ({OTHER})", **ids, **one}
        given = {each.name: known[each.name] for each in entry.parameters if each.name in known}
        if entry.short == "get_error_patterns":
            given.pop("state")
        if entry.name.endswith((".preview_error_grouping", ".choose_error_grouping")):
            given["version"] = "v1"
        yield given
        if "name" in given:
            yield {**given, "name": MARK}


def _rows_of_the_other(store: Store) -> dict[str, list[Any]]:
    from baken.history.tables import metadata

    found: dict[str, list[Any]] = {}
    with store.read() as conn:
        for table in metadata.sorted_tables:
            if "site" in table.c and table.name not in ("baken_audit", "baken_web_sessions", "baken_sign_in_attempts"):
                found[table.name] = [tuple(row) for row in conn.execute(select(table).where(table.c.site == OTHER))]
        found["audit"] = [each.action for each in audit.entries(conn, site=OTHER, limit=500)]
    return found

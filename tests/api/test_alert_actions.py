"""What people do about alerts by the methods: who may, what is refused, two at once, many at once, and the trail."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken import clock
from baken.alerts import lifecycle
from baken.api import registry
from baken.history import audit
from baken.history.tables import alert_events, silences
from tests.api.alerted import HOST, OTHER, QUEUE, RECIPIENT, SITE, TOLD, ask, change, fire, row
from tests.server.world import ADMIN, BOARD, MEMBER, World, make_world, token

DOCTYPE = "verenigingen.doctype.system_alert.system_alert"
WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("baken.acknowledge_alerts", {"alerts": "1"}),
    ("baken.resolve_alerts", {"alerts": "1"}),
    ("baken.reopen_alerts", {"alerts": "1"}),
    ("baken.assign_alerts", {"alerts": "1", "to": BOARD}),
    ("baken.comment_alert", {"alert": "1", "text": "seen"}),
    ("baken.rate_alerts", {"alerts": "1", "feedback": "useful"}),
    (f"{DOCTYPE}.acknowledge_alert", {"alert_name": "BA-000001"}),
    (f"{DOCTYPE}.resolve_alert", {"alert_name": "BA-000001"}),
    ("baken.add_silence", {"comment": "quiet"}),
    ("baken.add_maintenance", {"days": "sun", "at": "02:00", "comment": "quiet"}),
    ("baken.end_silence", {"id": 1}),
    ("baken.enable_channel", {"channel": "mail"}),
    ("baken.send_test_alert", {}),
    ("verenigingen.utils.alert_manager.test_alert_system", {}),
    ("verenigingen.utils.alert_manager.run_hourly_checks", {}),
    ("verenigingen.utils.alert_manager.run_daily_checks", {}),
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
    """A world with one alert that no test changes."""
    with make_world(tmp_path_factory.mktemp("kept"), more={"alerts": TOLD}) as made:
        fire(made.store)
        yield made


def trail(world: World, number: int) -> list[tuple[str, str, str]]:
    found = ask(world, "baken.get_alert", number=number)["trail"]
    return [(each["kind"], each["user"], each["text"]) for each in found]


def untouched(world: World) -> bool:
    """Whether alert 1 is as it was opened and nobody has silenced anything."""
    with world.store.read() as conn:
        kinds = list(conn.execute(select(alert_events.c.kind)).scalars())
        return kinds == ["fired"] and conn.execute(select(silences)).first() is None


def test_from_active_to_resolved_and_back(world: World) -> None:
    number = fire(world.store)
    done = ask(world, "baken.acknowledge_alerts", 200, BOARD, alerts=f"BA-{number:06}", note=" I look at it ")
    assert (done["changed"], done["refused"]) == ([number], [])
    (alert,) = done["alerts"]
    assert (alert["status"], alert["acknowledged_by"], alert["step_due"]) == ("Acknowledged", BOARD, None)
    done = ask(world, "baken.assign_alerts", alerts=number, to=BOARD)
    assert done["alerts"][0]["assigned_to"] == BOARD
    assert ask(world, "baken.comment_alert", alert=number, text="the import runs")["changed"] == [number]
    assert ask(world, "baken.rate_alerts", alerts=number, feedback="useful")["alerts"][0]["feedback"] == "useful"
    assert ask(world, "baken.rate_alerts", alerts=number)["alerts"][0]["feedback"] == ""
    (alert,) = ask(world, "baken.resolve_alerts", alerts=number, note="done")["alerts"]
    assert (alert["status"], alert["resolved_by"]) == ("Resolved", ADMIN)
    (alert,) = ask(world, "baken.reopen_alerts", alerts=number, note="not done")["alerts"]
    assert (alert["status"], alert["acknowledged_by"], alert["resolved_at"]) == ("Active", "", None)
    assert alert["occurrences"] == 2
    assert trail(world, number) == [
        ("fired", "", ""),
        ("acknowledged", BOARD, "I look at it"),
        ("assigned", ADMIN, ""),
        ("commented", ADMIN, "the import runs"),
        ("feedback", ADMIN, ""),
        ("feedback", ADMIN, ""),
        ("resolved", ADMIN, "done"),
        ("reopened", ADMIN, "not done"),
    ]
    with world.store.read() as conn:
        written = [(each.action, each.user) for each in audit.entries(conn, site=SITE) if each.target == "BA-000001"]
    assert ("alert acknowledged", BOARD) in written
    assert len(written) == 7


def test_the_documented_names_of_acknowledging_and_resolving(world: World) -> None:
    number = fire(world.store)
    done = ask(world, f"{DOCTYPE}.acknowledge_alert", alert_name="ba-000001", note="mine")
    assert (done["success"], done["message"]) == (True, "BA-000001 is acknowledged")
    assert done["alert"]["acknowledged_by"] == ADMIN
    said = ask(world, f"{DOCTYPE}.acknowledge_alert", 417, alert_name=number)
    assert said == f"BA-000001 is acknowledged already, by {ADMIN}"
    assert ask(world, f"{DOCTYPE}.resolve_alert", alert_name=number)["message"] == "BA-000001 is resolved"
    assert "resolved already" in ask(world, f"{DOCTYPE}.resolve_alert", 417, alert_name=number)


def test_two_people_at_once(world: World) -> None:
    number = fire(world.store)
    answers: list[tuple[str, dict[str, Any]]] = []

    def press(user: str) -> None:
        answers.append((user, ask(world, "baken.acknowledge_alerts", 200, user, alerts=number)))

    both = [threading.Thread(target=press, args=(user,)) for user in (ADMIN, BOARD)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    (first,) = [user for user, answer in answers if answer["changed"] == [number]]
    (late,) = [answer for _, answer in answers if answer["refused"]]
    assert late["refused"] == [{"number": number, "reason": f"BA-000001 is acknowledged already, by {first}"}]
    assert late["alerts"][0]["acknowledged_by"] == first
    assert [kind for kind, _, _ in trail(world, number)] == ["fired", "acknowledged"]


def test_many_at_once_some_of_them_refused(world: World) -> None:
    numbers = [fire(world.store, labels={"queue": f"q{each}"}) for each in range(3)]
    change(world.store, lambda act: lifecycle.resolve(act, numbers[1]))
    named = f"{numbers[0]}, BA-000002,{numbers[2]},{numbers[0]},999,"
    done = ask(world, "baken.acknowledge_alerts", alerts=named)
    assert done["changed"] == [numbers[0], numbers[2]]
    assert done["refused"] == [
        {"number": numbers[1], "reason": "BA-000002 is resolved already, by els"},
        {"number": 999, "reason": "there is no alert BA-000999 of this site"},
    ]
    assert {each["number"] for each in done["alerts"]} == set(numbers)
    assert len(trail(world, numbers[0])) == 2


def test_five_hundred_at_once_and_no_more(world: World) -> None:
    some = ",".join(str(number) for number in range(1, 501))
    fire(world.store)
    assert ask(world, "baken.acknowledge_alerts", alerts=some)["changed"] == [1]
    said = ask(world, "baken.acknowledge_alerts", 417, alerts=some + ",501")
    assert said == "501 alerts are named; at most 500 are changed at once"


def test_one_that_came_again_meanwhile_is_not_opened_twice(world: World) -> None:
    number = fire(world.store)
    change(world.store, lambda act: lifecycle.resolve(act, number))
    newer = fire(world.store)
    done = ask(world, "baken.reopen_alerts", alerts=number)
    assert done["changed"] == []
    assert "another alert of the same kind is open" in done["refused"][0]["reason"]
    assert (row(world.store, number).status, row(world.store, newer).status) == ("Resolved", "Active")


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("acknowledge_alerts", {}, "argument alerts is missing"),
        ("acknowledge_alerts", {"alerts": " , "}, "no alert is named; expected one or several numbers"),
        ("acknowledge_alerts", {"alerts": "1,x"}, "'x' is no alert; expected a number, or a name such as BA-000123"),
        ("acknowledge_alerts", {"alerts": "1", "note": "x" * 1001}, "argument note has 1001 characters; at most 1000"),
        ("resolve_alerts", {"alerts": "1", "note": "x" * 1001}, "argument note has 1001 characters"),
        ("reopen_alerts", {"alerts": "1", "note": "x" * 1001}, "argument note has 1001 characters"),
        ("assign_alerts", {"alerts": "1", "to": "x" * 141}, "longer than the 140 characters"),
        ("comment_alert", {"alert": "1", "text": " \n "}, "argument text is empty; say something"),
        ("comment_alert", {"alert": "1", "text": "x" * 1001}, "argument text has 1001 characters"),
        ("comment_alert", {"alert": "1,2", "text": "x"}, "argument alert is '1,2'; expected one number"),
        ("acknowledge_alert", {"alert_name": "1,2"}, "argument alert_name is '1,2'; expected one number"),
        ("resolve_alert", {"alert_name": ""}, "expected one number"),
        ("resolve_alert", {"alert_name": 55}, "there is no alert BA-000055 of this site"),
        ("rate_alerts", {"alerts": "1", "feedback": "bad"}, "one of useful, false_alarm"),
        ("add_silence", {}, "say why in a comment"),
        ("add_silence", {"comment": "x" * 1001}, "has 1001 characters"),
        ("add_silence", {"comment": "x", "hours": 0}, "lies before the present"),
        ("add_silence", {"comment": "x", "hours": 9000}, "from 0 to 8784"),
        ("add_silence", {"comment": "x", "ends": "tomorrow"}, "expected a moment such as 2026-12-01T08:00:00Z"),
        ("add_silence", {"comment": "x", "ends": "2999-12-01T08:00:00"}, "say in which time zone"),
        ("add_silence", {"comment": "x", "ends": "2001-12-01T08:00:00Z"}, "lies before the present"),
        ("add_silence", {"comment": "x", "ends": "2999-12-01T08:00:00Z"}, "ends within a year"),
        ("add_silence", {"comment": "x", "starts": "9999-12-31T23:59:59Z"}, "of the years 1970 to 2999"),
        ("add_silence", {"comment": "x", "starts": "0001-01-01T00:00:00+14:00"}, "of the years 1970 to 2999"),
        ("add_silence", {"matchers": "queue=long"}, "a JSON object of texts"),
        ("add_silence", {"matchers": '{"rule": "~(("}'}, "is no regular expression"),
        ("add_silence", {"matchers": '{"a b": "x"}'}, "is no label"),
        ("add_maintenance", {"at": "02:00"}, "argument days is missing"),
        ("add_maintenance", {"days": "sun"}, "argument at is missing"),
        ("add_maintenance", {"days": "zon", "at": "02:00", "comment": "x"}, "mon"),
        ("add_maintenance", {"days": "", "at": "02:00", "comment": "x"}, "day"),
        ("add_maintenance", {"days": "sun", "at": "25:00", "comment": "x"}, "25:00"),
        ("add_maintenance", {"days": "sun", "at": "02:00", "minutes": 0}, "from 1 to 8640"),
        ("add_maintenance", {"days": "sun", "at": "02:00", "comment": "x", "until": "soon"}, "expected a moment"),
        ("end_silence", {"id": 3}, "there is no silence 3"),
        ("end_silence", {"id": "x"}, "expected a whole number"),
    ],
)
def test_refusals_say_what_is_expected(kept: World, name: str, args: dict[str, Any], says: str) -> None:
    assert says in ask(kept, f"baken.{name}", 417, **args)
    assert untouched(kept)


def test_notes_keep_their_lines_and_lose_what_terminals_obey(world: World) -> None:
    number = fire(world.store)
    ask(world, "baken.comment_alert", alert=number, text="one\r\ntwo\t\x1b[2Jthree\x07 \u202efour")
    assert trail(world, number)[-1][2] == "one\ntwo\t[2Jthree four"
    assert "expected a text" in ask(world, "baken.comment_alert", 417, alert=number, text="a\x00b")
    assert len(trail(world, number)) == 2
    silence = ask(world, "baken.add_silence", comment="\x1b]0;title\x07 quiet")["silence"]
    assert silence["comment"] == "]0;title quiet"


def test_a_note_may_be_a_thousand_characters(world: World) -> None:
    number = fire(world.store)
    ask(world, "baken.acknowledge_alerts", alerts=number, note="é" * 1000)
    assert trail(world, number)[-1][2] == "é" * 1000


@pytest.mark.parametrize(("user", "status"), [(None, 403), (MEMBER, 403)])
@pytest.mark.parametrize(("name", "args"), WRITES, ids=[name.rsplit(".", 1)[-1] for name, _ in WRITES])
def test_nobody_changes_anything_without_the_role(
    kept: World, name: str, args: dict[str, Any], user: str | None, status: int
) -> None:
    """Defect 15: an ordinary member could do all of it."""
    kept.client.cookies.clear()
    ask(kept, name, status, user, **args)
    assert untouched(kept)


def test_every_method_that_changes_alerts_is_tried_here() -> None:
    modules = ("baken.api.alert_actions", "baken.api.alert_manager")
    known = {entry.name for entry in registry.methods() if entry.run.__module__ in modules and entry.writes}
    assert known == {name for name, _ in WRITES}


@pytest.mark.parametrize(("name", "args"), WRITES, ids=[name.rsplit(".", 1)[-1] for name, _ in WRITES])
def test_by_cookie_only_a_post_with_the_token_changes_anything(kept: World, name: str, args: dict[str, Any]) -> None:
    csrf = kept.sign_in()
    path = f"/api/method/{name}"
    looked = kept.client.get(path, params=args)
    assert (looked.status_code, looked.headers["allow"]) == (405, "POST")
    assert kept.client.post(path, data=args).status_code == 400
    assert kept.client.post(path, data=args, headers={"X-Frappe-CSRF-Token": "guessed"}).status_code == 400
    other = {"X-Frappe-CSRF-Token": csrf, "Origin": "https://evil.example"}
    assert kept.client.post(path, data=args, headers=other).status_code == 400
    assert untouched(kept)


def test_by_cookie_and_post_it_works(world: World) -> None:
    number = fire(world.store)
    csrf = world.sign_in()
    answer = world.client.post(
        "/api/method/baken.acknowledge_alerts", json={"alerts": number}, headers={"X-Frappe-CSRF-Token": csrf}
    )
    assert answer.json()["message"]["changed"] == [number]


# Several sites


def test_alerts_of_another_site_are_not_changed_by_guessing_their_numbers(shared: World) -> None:
    theirs, mine = fire(shared.store, site=OTHER), fire(shared.store)
    for name, args in WRITES[:6]:
        given = {key: f"{theirs},{mine}" if key == "alerts" else value for key, value in args.items()}
        if "alert" in given:
            given["alert"] = theirs
        done = ask(shared, name, site=SITE, **given)
        assert {"number": theirs, "reason": f"there is no alert BA-{theirs:06} of this site"} in done["refused"], name
        assert theirs not in [each["number"] for each in done["alerts"]]
    for name, args in WRITES[6:8]:
        assert "there is no alert" in ask(shared, name, 417, site=SITE, **{**args, "alert_name": theirs})
    with shared.store.read() as conn:
        kinds = list(conn.execute(select(alert_events.c.kind).where(alert_events.c.alert == theirs)).scalars())
    assert kinds == ["fired"]
    assert row(shared.store, mine).status == "Active"
    assert row(shared.store, mine).assigned_to == BOARD


def test_what_concerns_the_host_no_one_site_changes(shared: World) -> None:
    host = fire(shared.store, "HIGH_DISK", HOST, {"mount": "/srv"})
    for name, args in WRITES[:6]:
        done = ask(shared, name, site=SITE, **args)
        assert done["changed"] == []
        assert "several sites share" in done["refused"][0]["reason"]
        assert done["alerts"][0]["may_act"] is False
    assert row(shared.store, host).status == "Active"


def test_where_there_is_one_site_its_people_look_after_the_host(world: World) -> None:
    host = fire(world.store, "HIGH_DISK", HOST, {"mount": "/srv"})
    assert ask(world, "baken.acknowledge_alerts", alerts=host)["changed"] == [host]
    with world.store.read() as conn:
        (entry,) = audit.entries(conn, action="alert acknowledged")
    assert (entry.site, entry.user) == (SITE, ADMIN)


def test_silences_of_another_site_are_not_ended_by_guessing(shared: World) -> None:
    theirs = ask(shared, "baken.add_silence", site=OTHER, comment="theirs")["silence"]
    assert "there is no silence" in ask(shared, "baken.end_silence", 417, site=SITE, id=theirs["id"])
    assert ask(shared, "baken.get_silences", site=OTHER)["silences"][0]["state"] == "active"
    with shared.store.write() as conn:
        everywhere = conn.execute(silences.update().values(site="").returning(silences.c.id)).scalar_one()
    said = ask(shared, "baken.end_silence", 417, site=SITE, id=everywhere)
    assert said == "it holds for all sites: only `baken alert unsilence` on the machine ends it"
    assert ask(shared, "baken.get_silences", site=SITE)["silences"][0]["state"] == "active"


def test_a_silence_holds_only_alerts_of_the_site_where_it_was_made(shared: World) -> None:
    mine, theirs = fire(shared.store), fire(shared.store, site=OTHER)
    host = fire(shared.store, "HIGH_DISK", HOST, {"mount": "/srv"})
    made = ask(shared, "baken.add_silence", site=SITE, comment="all of it")["silence"]
    assert made["affects"] == 1
    held = {number: row(shared.store, number).suppressed for number in (mine, theirs, host)}
    assert held == {mine: f"silence:{made['id']}", theirs: None, host: None}


# Silences


def test_a_silence_holds_at_once_and_its_end_tells_at_once(world: World) -> None:
    number = fire(world.store, settings=world.settings.alerts)
    other = fire(world.store, "SITE_SLOW", SITE, {})
    made = ask(world, "baken.add_silence", 200, BOARD, matchers=json.dumps(QUEUE), hours=1.5, comment="an import")
    silence = made["silence"]
    assert set(silence) == {
        "id", "kind", "site", "matchers", "starts", "ends", "recurrence", "comment", "created_by", "created_at",
        "ended_at", "ended_by", "state", "next", "affects",
    }  # fmt: skip
    assert (silence["kind"], silence["state"], silence["affects"], silence["created_by"]) == (
        "silence",
        "active",
        1,
        BOARD,
    )
    assert row(world.store, number).suppressed == f"silence:{silence['id']}"
    assert row(world.store, other).suppressed is None
    ended = ask(world, "baken.end_silence", id=silence["id"])["silence"]
    assert (ended["state"], ended["ended_by"]) == ("ended", ADMIN)
    assert row(world.store, number).suppressed is None
    assert [kind for kind, _, _ in trail(world, number)] == ["fired", "suppressed", "unsuppressed"]
    assert "was ended already" in ask(world, "baken.end_silence", 417, id=silence["id"])
    assert ask(world, "baken.get_silences")["silences"] == []
    assert len(ask(world, "baken.get_silences", ended=1)["silences"]) == 1
    with world.store.read() as conn:
        actions = [entry.action for entry in audit.entries(conn, site=SITE) if entry.action.startswith("silence")]
    assert sorted(actions) == ["silence added", "silence ended"]


def test_a_silence_to_come(world: World) -> None:
    number = fire(world.store)
    starts = clock.now() + timedelta(hours=4)
    made = ask(world, "baken.add_silence", starts=clock.iso(starts), hours=2, comment="a move")["silence"]
    assert (made["state"], made["affects"]) == ("pending", 0)
    assert made["ends"] == clock.iso(starts + timedelta(hours=2))
    assert row(world.store, number).suppressed is None
    early = {"starts": clock.iso(starts), "ends": clock.iso(starts - timedelta(hours=1)), "comment": "x"}
    assert "lies before the beginning" in ask(world, "baken.add_silence", 417, **early)


def test_maintenance_comes_again_in_the_sites_time_zone(world: World) -> None:
    world.record({}, observations={"site_facts": {"time_zone": "Europe/Amsterdam", "apps": {}}})
    made = ask(world, "baken.add_maintenance", days="mon, thu", at="2:00", minutes=90, comment="backups")["silence"]
    assert made["kind"] == "maintenance"
    assert made["recurrence"] == {"days": ["mon", "thu"], "at": "02:00", "minutes": 90, "zone": "Europe/Amsterdam"}
    assert made["ends"] is None
    assert made["next"]["starts"] > clock.iso(clock.now() - timedelta(hours=2))
    until = clock.iso(clock.now() + timedelta(days=30))
    made = ask(world, "baken.add_maintenance", days="sun", at="02:00", until=until, comment="this month")["silence"]
    assert made["ends"] == until


def test_whom_nobody_named_is_no_channel(world: World) -> None:
    csrf = world.sign_in()
    answer = world.client.post(
        "/api/method/baken.enable_channel", json={"channel": "x" * 5000}, headers={"X-Frappe-CSRF-Token": csrf}
    )
    assert answer.status_code == 417
    assert len(answer.text) < 1000


def test_tokens_of_programs_may_use_get(world: World) -> None:
    """As Frappe has it: a program with a key is no page that somebody else wrote."""
    number = fire(world.store)
    answer = world.client.get("/api/method/baken.acknowledge_alerts", params={"alerts": number}, headers=token(BOARD))
    assert answer.json()["message"]["changed"] == [number]


def test_addresses_of_recipients_are_in_no_answer(world: World) -> None:
    number = fire(world.store, settings=world.settings.alerts)
    assert RECIPIENT["to"] not in world.get("baken.get_alert", number=number).text
    for name in ("get_channels", "get_alert_rules"):
        assert RECIPIENT["to"] not in world.get(f"baken.{name}").text

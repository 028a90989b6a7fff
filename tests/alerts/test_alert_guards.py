"""The guards of the life of alerts, one by one: who was first counts, and what is held back stays back."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from baken.alerts import lifecycle, silences, suppression
from baken.alerts.engine import details_of, filled
from baken.alerts.lifecycle import Act, Opening, Refused
from baken.alerts.rule import Verdict
from baken.clock import to_ms
from baken.history import audit
from baken.history.samples import Cycle, Sample
from baken.history.store import Store
from baken.history.tables import alerts
from baken.history.tables import silences as silences_table
from tests.alerts.rig import RECIPIENT, RULES, SITE, START, Rig, make_rig

QUEUE = "frappe_queue_length"
LONG = {"queue": "long"}
STEPS = [{**RECIPIENT, "name": f"step{step}", "step": step} for step in (1, 2, 3)]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def rig(sqlite_store: Store, tmp_path: Path) -> Rig:
    return make_rig(sqlite_store, tmp_path)


def fire(rig: Rig, value: float = 25) -> int:
    """Let QUEUE fire; its number."""
    rig.figure(QUEUE, value, LONG)
    return int(rig.rows()[-1].number)


def opening(rig: Rig, name: str = "QUEUE", **more: Any) -> Opening:
    """What QUEUE on the queue `long` is opened with."""
    rule, labels = rig.engine.rules[name], dict(LONG)
    verdict = Verdict(labels, True, False, 25.0, 20.0, rig.now)
    given: dict[str, Any] = {"began": rig.now, "value": 25.0} | more
    return Opening(
        rule=rule,
        site=SITE,
        labels=labels,
        key=lifecycle.key_of(name, SITE, labels),
        texts=filled(rule, verdict, SITE, MINUTE),
        details=details_of(rule, verdict),
        **given,
    )


def silence(rig: Rig, matchers: dict[str, str], hours: float = 1, site: str = SITE) -> int:
    with rig.store.write() as conn:
        return silences.add(
            conn,
            site=site,
            kind="silence",
            matchers=matchers,
            starts=rig.now,
            ends=rig.now + timedelta(hours=hours),
            recurrence=None,
            comment="we know",
            by="els",
            now=rig.now,
        )


def row(rig: Rig, number: int) -> Any:
    return next(each for each in rig.rows() if each.number == number)


def waiting(rig: Rig, event: str) -> list[str]:
    """Names of those who wait to be told of an event."""
    import json

    return [each.recipient for each in rig.waiting() if json.loads(each.body)["event"] == event]


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[Act], None]) -> None:
    """Let something happen between the first look at an alert and the change that follows from it."""
    real, pending = lifecycle.find, [change]

    def find(conn: Any, number: int) -> Any:
        found = real(conn, number)
        if pending:
            pending.pop()(conn)
        return found

    monkeypatch.setattr(lifecycle, "find", find)


def sets(**values: Any) -> Callable[[Any], None]:
    """A change of alert 1 by another process."""

    def change(conn: Any) -> None:
        conn.execute(update(alerts).where(alerts.c.number == 1).values(**values))

    return change


# Opening and opening again


def test_two_processes_open_one_alert_and_tell_of_it_once(rig: Rig) -> None:
    first = rig.act(lambda act: lifecycle.open_alert(act, opening(rig)), "")
    assert rig.act(lambda act: lifecycle.open_alert(act, opening(rig)), "") == first
    assert rig.kinds(first) == ["fired"]
    assert waiting(rig, "fired") == ["beheer"]


def test_what_began_in_the_future_began_now(rig: Rig) -> None:
    rig.act(lambda act: lifecycle.open_alert(act, opening(rig, began=rig.now + timedelta(hours=1))), "")
    assert rig.rows()[0].began == to_ms(rig.now)


def test_of_several_that_ended_the_last_one_is_opened_again(rig: Rig) -> None:
    for _ in range(2):
        number = rig.act(lambda act: lifecycle.open_alert(act, opening(rig)), "")
        rig.act(lambda act, number=number: lifecycle.resolve(act, number))
        rig.advance(10)
    assert rig.act(lambda act: lifecycle.again(act, opening(rig), flapping=False), "") == 2
    assert [each.number for each in rig.open()] == [2]


def test_none_is_opened_again_beside_an_open_one(rig: Rig) -> None:
    number = rig.act(lambda act: lifecycle.open_alert(act, opening(rig)), "")
    rig.act(lambda act: lifecycle.resolve(act, number))
    rig.act(lambda act: lifecycle.open_alert(act, opening(rig)), "")
    before = rig.kinds(number)
    assert rig.act(lambda act: lifecycle.again(act, opening(rig), flapping=False), "") is None
    with pytest.raises(Refused, match="another alert of the same kind is open"):
        rig.act(lambda act: lifecycle.reopen(act, number))
    assert rig.kinds(number) == before


def test_one_that_comes_back_under_a_silence_is_not_told(rig: Rig) -> None:
    number = fire(rig)
    rig.deliver_all()
    rig.figure(QUEUE, 2, LONG)
    rig.deliver_all()
    silence(rig, {"queue": "long"})
    assert fire(rig) == number
    assert row(rig, number).suppressed == "silence:1"
    rig.advance(400)
    rig.deliver()
    assert rig.side.told() == [(number, "fired"), (number, "resolved")]
    assert rig.kinds(number)[-2:] == ["reopened", "suppressed"]


def test_flapping_is_told_once_and_coming_back_only_before(rig: Rig) -> None:
    for _ in range(10):
        fire(rig)
        rig.advance(120)
        rig.figure(QUEUE, 2, LONG)
        rig.advance(120)
        rig.deliver()
    events = [event for _, event in rig.side.told()]
    assert events.count("flapping") == 1
    assert rig.kinds(1).count("flapping") == 1
    assert rig.kinds(1).count("reopened") == 2
    # It is over only when it has held still for as long as the settings say.
    assert rig.open()
    rig.advance(1801)
    rig.figure(QUEUE, 2, LONG)
    assert not rig.open()


def test_one_that_flaps_and_ends_in_between_is_told_of_once_too(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, flapping_hold=0)
    for _ in range(8):
        fire(rig)
        rig.advance(60)
        rig.figure(QUEUE, 2, LONG)
        rig.advance(60)
    assert rig.kinds(1).count("reopened") == 7
    assert rig.kinds(1).count("flapping") == 1
    assert len(waiting(rig, "reopened")) == 1
    assert len(waiting(rig, "flapping")) == 1


def test_one_that_flaps_under_a_silence_has_still_to_be_told_of(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, flapping_hold=0)
    silence(rig, {"queue": "long"})
    for _ in range(5):
        fire(rig)
        rig.advance(60)
        rig.figure(QUEUE, 2, LONG)
        rig.advance(60)
    fire(rig)
    assert (row(rig, 1).flapping, row(rig, 1).told, rig.waiting()) == (False, False, [])
    rig.advance(3600)
    rig.tick()
    assert waiting(rig, "fired") == ["beheer"]
    assert row(rig, 1).told


def test_what_is_told_again_after_a_silence_was_told_before_it_came_back(rig: Rig) -> None:
    """Whoever heard of it the last time has not heard that it is back."""
    fire(rig)
    assert row(rig, 1).told
    rig.deliver_all()
    rig.figure(QUEUE, 2, LONG)
    rig.deliver_all()
    silence(rig, {"queue": "long"})
    fire(rig)
    assert not row(rig, 1).told
    rig.advance(3601)
    rig.tick()
    assert waiting(rig, "fired") == ["beheer"]


def test_of_two_who_open_it_again_one_does(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    fire(rig)
    rig.act(lambda act: lifecycle.resolve(act, 1))
    kinds, real = rig.kinds(1), lifecycle._reopen

    def late(act: Act, found: Any, **more: Any) -> bool:
        sets(status="Active")(act.conn)
        return real(act, found, **more)

    monkeypatch.setattr(lifecycle, "_reopen", late)
    assert rig.act(lambda act: lifecycle.again(act, opening(rig), flapping=False), "") is None
    assert rig.kinds(1) == kinds


def test_opened_again_it_begins_at_the_bottom(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=STEPS)
    number = fire(rig)
    rig.advance(3601)
    rig.tick()
    assert row(rig, number).step == 2
    rig.act(lambda act: lifecycle.acknowledge(act, number))
    rig.act(lambda act: lifecycle.resolve(act, number))
    rig.act(lambda act: lifecycle.reopen(act, number))
    found = row(rig, number)
    assert (found.step, found.step_due, found.occurrences) == (1, to_ms(rig.now + timedelta(hours=1)), 2)
    assert (found.acknowledged_at, found.acknowledged_by, found.resolved_at, found.resolved_by) == (None, "", None, "")


# What people do


def test_what_is_over_is_not_seen_any_more(rig: Rig) -> None:
    number = fire(rig)
    rig.act(lambda act: lifecycle.resolve(act, number))
    before = row(rig, number)
    rig.advance(60)
    rig.act(lambda act: lifecycle.seen(act, number, 99.0, {"title": {"en": "new"}}))
    assert row(rig, number) == before


@pytest.mark.parametrize(("rule", "metric", "value", "reminded"), [
    ("QUEUE", QUEUE, 25.0, True), ("DOWN", "database_up", 0.0, True), ("LOWLY", "frappe_sessions", 9.0, False),
])  # fmt: skip
def test_only_grave_alerts_remind_those_who_took_them_up(
    sqlite_store: Store, tmp_path: Path, rule: str, metric: str, value: float, reminded: bool
) -> None:
    more = (
        '[LOWLY]\nmetric = "frappe_sessions"\nabove = 5\nseverity = "MEDIUM"\narea = "business"\n'
        'title = "many"\nmessage = "x"\nreason = "a test"\n'
    )
    rig = make_rig(sqlite_store, tmp_path, rules=f"{RULES}\n{more}", recipients=STEPS)
    rig.figure(metric, value, LONG if rule == "QUEUE" else None)
    rig.act(lambda act: lifecycle.acknowledge(act, 1))
    due = row(rig, 1).step_due
    assert due == (to_ms(rig.now + timedelta(days=1)) if reminded else None)
    rig.advance(86401)
    rig.tick()
    # Whoever has taken it up is reminded of it; nobody else is called for it.
    assert ("reminder" in rig.kinds(1)) is reminded
    assert "escalated" not in rig.kinds(1)
    if reminded:
        assert row(rig, 1).step_due == to_ms(rig.now + timedelta(days=1))


def test_without_reminders_of_what_is_acknowledged_there_are_none(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, remind_acknowledged=0)
    fire(rig)
    rig.act(lambda act: lifecycle.acknowledge(act, 1))
    assert row(rig, 1).step_due is None


@pytest.mark.parametrize("tell", [True, False])
def test_others_hear_of_an_acknowledgement_when_the_settings_say_so(
    sqlite_store: Store, tmp_path: Path, tell: bool
) -> None:
    people: list[dict[str, Any]] = [*STEPS[:2], {**RECIPIENT, "name": "sepa", "areas": ["sepa"]}]
    rig = make_rig(sqlite_store, tmp_path, tell_acknowledged=tell, recipients=people)
    fire(rig)
    rig.act(lambda act: lifecycle.acknowledge(act, 1))
    assert waiting(rig, "acknowledged") == (["step1"] if tell else [])


def test_resolved_by_hand_is_written_down_and_by_itself_is_not(rig: Rig) -> None:
    fire(rig)
    rig.figure(QUEUE, 2, LONG)

    def written() -> list[str]:
        with rig.store.read() as conn:
            return [entry.user for entry in audit.entries(conn, action="alert resolved")]

    assert written() == []
    rig.advance(3600)
    fire(rig)
    rig.act(lambda act: lifecycle.resolve(act, 2))
    assert written() == ["els"]


def test_an_end_leaves_nothing_due_and_nothing_held_back(rig: Rig) -> None:
    silence(rig, {"queue": "long"})
    number = fire(rig)
    assert row(rig, number).suppressed
    rig.act(lambda act: lifecycle.resolve(act, number))
    found = row(rig, number)
    assert (found.step_due, found.suppressed, found.open_key) == (None, None, None)


def test_a_quiet_end_is_told_nobody(rig: Rig) -> None:
    fire(rig)
    rig.act(lambda act: lifecycle.resolve(act, 1, quietly=True), "")
    assert waiting(rig, "resolved") == []
    assert rig.kinds(1)[-1] == "resolved"


def test_what_does_not_fit_its_state_is_refused_and_leaves_no_trace(rig: Rig) -> None:
    fire(rig)
    with pytest.raises(Refused, match="BA-000001 is open"):
        rig.act(lambda act: lifecycle.reopen(act, 1))
    rig.act(lambda act: lifecycle.resolve(act, 1))
    kinds = rig.kinds(1)
    with pytest.raises(Refused, match="resolved already, by els"):
        rig.act(lambda act: lifecycle.assign(act, 1, "jan"))
    with pytest.raises(Refused, match="resolved already, by els"):
        rig.act(lambda act: lifecycle.acknowledge(act, 1))
    for change in (lifecycle.comment, lifecycle.assign, lifecycle.rate):
        with pytest.raises(Refused, match="there is no alert BA-000009"):
            rig.act(lambda act, change=change: change(act, 9, "x"))
    assert rig.kinds(1) == kinds
    assert row(rig, 1).assigned_to == ""


# Held back


def test_what_is_over_or_held_back_already_is_not_held_back(rig: Rig) -> None:
    fire(rig)
    assert rig.act(lambda act: lifecycle.suppress(act, 1, "silence:1"), "")
    assert not rig.act(lambda act: lifecycle.suppress(act, 1, "silence:1"), "")
    rig.act(lambda act: lifecycle.resolve(act, 1))
    assert not rig.act(lambda act: lifecycle.suppress(act, 1, "silence:2"), "")
    assert rig.kinds(1) == ["fired", "suppressed", "resolved"]


def test_of_two_who_hold_back_at_once_one_does(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    fire(rig)
    meanwhile(monkeypatch, sets(suppressed="silence:9"))
    assert not rig.act(lambda act: lifecycle.suppress(act, 1, "silence:1"), "")
    assert row(rig, 1).suppressed == "silence:9"
    assert rig.kinds(1) == ["fired"]


def test_when_a_silence_ends_only_what_nobody_heard_of_is_told(rig: Rig) -> None:
    number = fire(rig)
    rig.deliver_all()
    first, second = silence(rig, {"queue": "long"}), silence(rig, {"rule": "QUEUE"}, hours=2)
    rig.tick()
    assert row(rig, number).suppressed == f"silence:{first}"
    rig.advance(3601)
    rig.tick()
    assert row(rig, number).suppressed == f"silence:{second}"
    rig.advance(3601)
    rig.tick()
    assert row(rig, number).suppressed is None
    # The ladder begins anew: those who were not to be told had no chance to take it up.
    assert row(rig, number).step_due == to_ms(rig.now + timedelta(hours=1))
    rig.deliver_all()
    assert rig.side.told() == [(number, "fired")]


def test_from_one_silence_to_the_next_nobody_is_told(rig: Rig) -> None:
    silence(rig, {"queue": "long"})
    silence(rig, {"rule": "QUEUE"}, hours=2)
    fire(rig)
    rig.advance(3601)
    rig.tick()
    assert row(rig, 1).suppressed == "silence:2"
    assert rig.waiting() == []


def test_what_was_taken_up_under_a_silence_is_not_told_at_its_end(rig: Rig) -> None:
    silence(rig, {"queue": "long"})
    fire(rig)
    rig.act(lambda act: lifecycle.acknowledge(act, 1))
    due = row(rig, 1).step_due
    rig.advance(3601)
    rig.tick()
    assert row(rig, 1).suppressed is None
    assert row(rig, 1).step_due == due
    assert rig.waiting() == []


def test_whether_something_has_to_be_brought_up_to_the_present(rig: Rig) -> None:
    def stale() -> bool:
        with rig.store.read() as conn:
            return suppression.stale(conn, rig.engine.rules, rig.now)

    fire(rig)
    assert not stale()
    silence(rig, {"queue": "long"})
    assert stale()
    rig.tick()
    assert not stale()
    rig.advance(3601)
    assert stale()


def test_a_site_is_brought_up_to_the_present_without_the_others(rig: Rig) -> None:
    fire(rig)
    rig.figure(QUEUE, 25, LONG, site="other.example")
    silence(rig, {"queue": "long"}, site="")
    assert rig.act(lambda act: suppression.refresh(act, rig.engine.rules, SITE), "") == 1
    assert {each.site: each.suppressed for each in rig.rows()} == {SITE: "silence:1", "other.example": None}


def test_a_cause_holds_back_only_its_symptoms_and_only_on_its_site(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(
        sqlite_store, tmp_path, rules=RULES.replace('inhibits = ["QUEUE", "SLOW_DATABASE"]', 'inhibits = ["QUEUE"]')
    )
    rig.figure("database_up", 0)
    rig.figure(QUEUE, 25, LONG)
    rig.figure(QUEUE, 25, LONG, site="other.example")
    rig.figure(QUEUE, 25, {"queue": "x"}, site="")
    rig.figure("database_response_seconds", 3)
    rig.advance(301)
    rig.figure("database_response_seconds", 3)
    held = {(each.rule, each.site): each.suppressed for each in rig.rows()}
    assert held == {
        ("DOWN", SITE): None,
        ("QUEUE", SITE): "inhibited:1",
        ("QUEUE", "other.example"): None,
        ("SLOW_DATABASE", SITE): None,
    }


def test_a_silence_to_come_holds_nothing_back_yet(rig: Rig) -> None:
    number = silence(rig, {"queue": "long"})
    with rig.store.write() as conn:
        conn.execute(update(silences_table).where(silences_table.c.id == number).values(starts=to_ms(rig.now) + 60_000))
    fire(rig)
    assert row(rig, 1).suppressed is None
    rig.advance(61)
    rig.tick()
    assert row(rig, 1).suppressed == "silence:1"


def test_what_is_wrong_with_the_host_explains_nothing_on_a_site_unless_it_is_about_all(
    sqlite_store: Store, tmp_path: Path
) -> None:
    more = (
        '[BUSY]\nmetric = "host_cpu_ratio"\nabove = 0.9\nseverity = "HIGH"\narea = "performance"\n'
        'title = "busy"\nmessage = "x"\nreason = "a test"\ninhibits = ["QUEUE"]\n'
    )
    rig = make_rig(sqlite_store, tmp_path, rules=f"{RULES}\n{more}")
    rig.figure("host_cpu_ratio", 1, site="")
    fire(rig)
    assert {each.rule: each.suppressed for each in rig.rows()} == {"BUSY": None, "QUEUE": None}


def test_a_cause_and_its_symptom_at_once(rig: Rig) -> None:
    found = [Sample(QUEUE, (("queue", "long"),), 25.0), Sample("database_up", (), 0.0)]
    rig.record(Cycle(SITE, rig.now, found, {}, [QUEUE, "database_up"]))
    rig.engine.evaluate(SITE, {QUEUE, "database_up"})
    assert {each.rule: bool(each.suppressed) for each in rig.rows()} == {"DOWN": False, "QUEUE": True}
    symptom = next(each.number for each in rig.rows() if each.rule == "QUEUE")
    assert rig.kinds(symptom) == ["fired", "suppressed"]
    # Nobody was to be told of it in the first place.
    assert symptom not in [each.alert for each in rig.waiting()]


def test_labels_do_not_pass_for_what_an_alert_is(sqlite_store: Store, tmp_path: Path) -> None:
    rules = RULES + (
        '\n[JOBS]\nmetric = "frappe_scheduled_job_failures"\nabove = 0\nseverity = "HIGH"\narea = "business"\n'
        'title = "x"\nmessage = "x"\nreason = "a test"\n'
    )
    rig = make_rig(sqlite_store, tmp_path, rules=rules.replace("frappe_scheduled_job_failures", QUEUE))
    silence(rig, {"severity": "LOW"})
    silence(rig, {"rule": "OTHER"})
    rig.figure(QUEUE, 25, {"queue": "long", "severity": "LOW", "rule": "OTHER"})
    assert [each.suppressed for each in rig.rows()] == [None, None]


# Climbing


def test_what_is_held_back_or_not_due_does_not_climb(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=STEPS)
    fire(rig)
    due = row(rig, 1).step_due
    rig.advance(3601)
    assert not rig.act(lambda act: lifecycle.climb(act, 1, due - 1), "")
    rig.act(lambda act: lifecycle.suppress(act, 1, "silence:1"), "")
    assert not rig.act(lambda act: lifecycle.climb(act, 1, due), "")
    assert not rig.act(lambda act: lifecycle.climb(act, 99, due), "")
    assert row(rig, 1).step == 1


@pytest.mark.parametrize("changed", [{"step_due": 1}, {"status": "Acknowledged"}])
def test_of_two_who_see_it_due_one_lets_it_climb(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=STEPS)
    fire(rig)
    due = row(rig, 1).step_due
    rig.advance(3601)
    meanwhile(monkeypatch, sets(**changed))
    assert not rig.act(lambda act: lifecycle.climb(act, 1, due), "")
    assert rig.kinds(1) == ["fired"]
    assert row(rig, 1).step == 1


def test_up_the_ladder_and_then_reminders(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=STEPS)
    fire(rig)
    dues, told = [], []
    for _ in range(3):
        due = row(rig, 1).step_due
        rig.now = START + timedelta(milliseconds=due - to_ms(START))
        rig.tick()
        found = row(rig, 1)
        dues.append((found.step, (found.step_due - to_ms(rig.now)) / 3_600_000))
        told.append((sorted(waiting(rig, "escalated")), sorted(waiting(rig, "reminder"))))
    reminder = rig.settings.alerts.reminders.HIGH / 3600
    assert dues == [(2, 1.0), (3, reminder), (3, reminder)]
    # Each step is called once, then all of them are reminded.
    assert told == [
        (["step2"], []),
        (["step2", "step3"], []),
        (["step2", "step3"], ["step1", "step2", "step3"]),
    ]


def test_when_the_settings_ask_for_no_more_reminders_there_are_none(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, remind_acknowledged=0)
    fire(rig)
    rig.act(lambda act: lifecycle.acknowledge(act, 1))
    with rig.store.write() as conn:
        sets(step_due=to_ms(rig.now))(conn)
    rig.tick()
    assert row(rig, 1).step_due is None

"""The guards of the evaluation: what is judged, what is kept of it, and what is written."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken.alerts import lifecycle
from baken.alerts.lifecycle import Act
from baken.clock import to_ms
from baken.history.store import Store
from baken.history.tables import alert_marks, alert_states
from tests.alerts.rig import RECIPIENT, RULES, SITE, Rig, make_rig

QUEUE = "frappe_queue_length"
LONG = {"queue": "long"}
STEPS = [{**RECIPIENT, "name": f"step{step}", "step": step} for step in (1, 2, 3)]


@pytest.fixture
def rig(sqlite_store: Store, tmp_path: Path) -> Rig:
    return make_rig(sqlite_store, tmp_path)


def fire(rig: Rig, value: float = 25) -> int:
    """Let QUEUE fire; its number."""
    rig.figure(QUEUE, value, LONG)
    return int(rig.rows()[-1].number)


def states(rig: Rig) -> list[Any]:
    with rig.store.read() as conn:
        return list(conn.execute(select(alert_states)).all())


def test_only_what_looks_at_what_was_measured_is_judged(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    real = rig.engine.judge

    def judge(rule: Any, view: Any) -> Any:
        judged.append(rule.name)
        return real(rule, view)

    monkeypatch.setattr(rig.engine, "judge", judge)
    rig.engine.evaluate(SITE, {QUEUE})
    assert judged == ["QUEUE"]
    judged.clear()
    rig.engine.evaluate(SITE)
    assert sorted(judged) == ["DOWN", "QUEUE", "SLOW_DATABASE"]


def test_a_rule_that_is_switched_off_is_not_judged(sqlite_store: Store, tmp_path: Path) -> None:
    rules = RULES.replace("[QUEUE]\n", "[QUEUE]\nenabled = false\n")
    rig = make_rig(sqlite_store, tmp_path, rules=rules)
    rig.figure(QUEUE, 25, LONG)
    assert rig.rows() == []


def test_one_rule_that_trips_takes_no_other_with_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    fire(rig)
    kind = type(rig.engine.rules["QUEUE"].condition)
    real = kind.judge

    def judge(self: Any, view: Any) -> Any:
        if QUEUE in self.metrics:
            raise ZeroDivisionError("els@example.test")
        return real(self, view)

    monkeypatch.setattr(kind, "judge", judge)
    rig.advance(120)
    rig.figure("database_up", 0)
    rig.engine.evaluate(SITE)
    assert {each.rule: each.status for each in rig.rows()} == {"QUEUE": "Active", "DOWN": "Active"}
    (state,) = [each for each in states(rig) if each.rule == "QUEUE"]
    assert "judging QUEUE failed inside Baken: ZeroDivisionError" in state.reason
    assert "els@" not in state.reason


def test_no_data_at_all_keeps_each_label_set_as_it_was(rig: Rig) -> None:
    fire(rig)
    rig.advance(60)
    rig.figure(QUEUE, None)
    assert [each.status for each in rig.rows()] == ["Active"]
    (state,) = states(rig)
    assert state.reason == "it could not be measured"


def test_what_is_well_and_was_well_is_not_kept(rig: Rig) -> None:
    rig.figure(QUEUE, 3, LONG)
    assert states(rig) == []
    rig.figure("database_response_seconds", 3)
    assert [each.phase for each in states(rig)] == ["pending"]
    rig.figure("database_response_seconds", 0.1)
    assert states(rig) == []


def test_a_figure_that_changes_is_renewed_once_a_minute(rig: Rig) -> None:
    fire(rig)

    def shown() -> tuple[float, str]:
        found = rig.rows()[0]
        return found.value, found.texts[:40]

    rig.advance(30)
    rig.figure(QUEUE, 40, LONG)
    assert shown()[0] == 25
    rig.advance(31)
    rig.figure(QUEUE, 50, LONG)
    assert shown()[0] == 50
    assert "50 jobs" in shown()[1]
    assert rig.rows()[0].last_seen == to_ms(rig.now)
    # While it is over, the figure that fired is the one to be shown.
    rig.advance(61)
    rig.figure(QUEUE, 15, LONG)
    assert shown()[0] == 50


def test_an_alert_began_when_its_condition_did(rig: Rig) -> None:
    began = rig.now
    rig.figure("database_response_seconds", 3)
    rig.advance(301)
    rig.figure("database_response_seconds", 3)
    (found,) = rig.rows()
    assert (found.began, found.fired) == (to_ms(began), to_ms(rig.now))


def test_what_somebody_resolved_while_it_was_judged_stays_resolved(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    fire(rig)
    real = lifecycle.resolve

    def first(act: Act, number: int, *args: Any, **more: Any) -> None:
        real(Act(act.conn, act.settings, act.now, "els"), number)
        real(act, number, *args, **more)

    monkeypatch.setattr(lifecycle, "resolve", first)
    assert rig.figure(QUEUE, 2, LONG) == 0
    assert rig.rows()[0].resolved_by == "els"
    assert states(rig) == [] or states(rig)[0].phase == "ok"


def test_a_quorum_needs_both_its_share_and_its_number(sqlite_store: Store, tmp_path: Path) -> None:
    rules = (
        '[MANY]\nmetric = "frappe_site_up"\nbelow = 1\nquorum = { share = 0.4, least = 3 }\nseverity = "CRITICAL"\n'
        'area = "operations"\ntitle = "{count} of {total}"\nmessage = "{sites}"\nreason = "a test"\n'
    )
    rig = make_rig(sqlite_store, tmp_path, rules=rules)

    def fires(down: int, of: int) -> bool:
        sites = [f"site{number}.example" for number in range(of)]
        for place, site in enumerate(sites):
            rig.figure("frappe_site_up", 0 if place < down else 1, site=site)
        rig.engine.evaluate_across(sites)
        found = bool(rig.open())
        rig.advance(4000)
        return found

    assert not fires(2, 3)
    assert fires(3, 3)
    assert not fires(3, 10)
    assert fires(4, 10)
    # Sites of which nothing is known may be down still: it neither fires nor ends.
    for number in range(4):
        rig.figure("frappe_site_up", None, site=f"site{number}.example")
    rig.engine.evaluate_across([f"site{number}.example" for number in range(10)])
    assert len(rig.open()) == 1
    # Sites that are watched no more do not count.
    rig.engine.evaluate_across([f"site{number}.example" for number in range(6, 10)])
    assert rig.open() == []
    # What one site alone may be hiding cannot make the share.
    rig.figure("frappe_site_up", None, site="site9.example")
    for number in range(9):
        rig.figure("frappe_site_up", 1, site=f"site{number}.example")
    rig.engine.evaluate_across([f"site{number}.example" for number in range(10)])
    assert rig.open() == []
    assert [each.phase for each in states(rig) if each.unknown_since is not None] == []


def test_the_engine_keeps_marks_of_its_own_apart(rig: Rig) -> None:
    """Another mark of a site is no moment from which on errors can be new."""
    with rig.store.write() as conn:
        conn.execute(alert_marks.insert().values(site=SITE, name="other", value=1))
    rig.engine.evaluate(SITE)
    with rig.store.read() as conn:
        marks = dict(conn.execute(select(alert_marks.c.name, alert_marks.c.value)).all())
    assert marks == {"other": 1, "baseline": to_ms(rig.now)}
    rig.advance(100)
    rig.engine.evaluate(SITE)
    rig.restart()
    rig.engine.evaluate(SITE)
    with rig.store.read() as conn:
        again = dict(conn.execute(select(alert_marks.c.name, alert_marks.c.value)).all())
    assert again == marks


def test_what_an_alert_keeps_of_its_rule(sqlite_store: Store, tmp_path: Path) -> None:
    rules = RULES.replace(
        'metric = "frappe_queue_length"\n',
        'metric = "frappe_queue_length"\nmatch = { queue = "!short" }\ntell = ["step2"]\n',
    )
    rig = make_rig(sqlite_store, tmp_path, rules=rules, recipients=STEPS)
    fire(rig)
    details = json.loads(rig.rows()[0].details)
    assert details["metric"] == QUEUE
    assert details["match"] == {"queue": "!short"}
    # The chart is of the very series that fired, and has the limit that was held against it.
    assert (details["chart"]["labels"], details["chart"]["limit"]) == (LONG, True)
    assert details["tell"] == ["step2"]
    assert rig.waiting() == []

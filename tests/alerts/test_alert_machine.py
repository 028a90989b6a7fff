"""The machine of one label set: where each look leads, and what it remembers. And who is told of what comes of it."""

from datetime import timedelta
from typing import Any

import pytest

from baken.alerts import machine, routing
from baken.alerts.machine import State
from baken.alerts.routing import Facts
from baken.alerts.rule import Rule, Verdict
from baken.settings import Alerts, Recipient
from tests.alerts.rig import SITE, START

MINUTE = timedelta(minutes=1)


def _step(state: State | None, verdict: Verdict | None, *, alert_open: bool = True, **rule: Any) -> machine.Outcome:
    given: dict[str, Any] = {"hold": timedelta(minutes=5), "keep": timedelta(minutes=2)} | rule
    condition: Any = None
    made = Rule("R", "threshold", condition, "HIGH", "errors", {}, {}, {}, {}, **given)
    return machine.step(state, verdict, made, START, alert_open=alert_open, settings=Alerts())


HIGH, LOW = Verdict({}, True, False, 9.0), Verdict({}, False, True, 1.0)
BETWEEN, NOTHING = Verdict({}, False, False, 5.0), Verdict({}, None, reason="gone")


def _ago(minutes: float, phase: Any = "firing", **more: Any) -> State:
    return State(phase, START - timedelta(minutes=minutes), **({"alert": 7} | more))


def test_where_each_look_leads() -> None:
    def lead(state: State | None, verdict: Verdict | None, **more: Any) -> tuple[str, str]:
        outcome = _step(state, verdict, **more)
        return (outcome.state.phase if outcome.state else "", outcome.action)

    waits = {"alert": None}
    assert lead(None, HIGH) == ("pending", "")
    assert lead(None, HIGH, hold=timedelta()) == ("firing", "fire")
    assert lead(_ago(5, "pending", **waits), HIGH) == ("firing", "fire")
    assert lead(_ago(4.9, "pending", **waits), HIGH) == ("pending", "")
    assert lead(_ago(5, "pending", **waits), BETWEEN) == ("", "")
    assert lead(_ago(5, "pending", **waits), LOW) == ("", "")
    assert lead(_ago(5, "pending", **waits), None) == ("", "")
    assert lead(_ago(9), HIGH) == ("firing", "")
    assert lead(_ago(9), BETWEEN) == ("firing", "")
    assert lead(_ago(9), LOW) == ("recovering", "")
    assert lead(_ago(9), LOW, keep=timedelta()) == ("", "resolve")
    assert lead(_ago(1.9, "recovering"), LOW) == ("recovering", "")
    assert lead(_ago(2, "recovering"), LOW) == ("", "resolve")
    assert lead(_ago(2, "recovering"), None) == ("", "resolve")
    assert lead(_ago(9, "recovering"), HIGH) == ("firing", "")
    assert lead(_ago(9, "recovering"), BETWEEN) == ("firing", "")
    # Somebody has resolved it by hand, or opened it again.
    assert lead(_ago(9), HIGH, alert_open=False) == ("closed", "")
    assert lead(_ago(9, "recovering"), HIGH, alert_open=False) == ("closed", "")
    assert lead(_ago(9, "recovering"), LOW, alert_open=False) == ("", "")
    assert lead(_ago(9, "closed"), LOW, alert_open=False) == ("", "")
    assert lead(_ago(9, "closed"), HIGH, alert_open=False) == ("closed", "")
    assert lead(_ago(60 * 24, "closed"), HIGH, alert_open=False) == ("firing", "fire")
    assert lead(_ago(9, "closed"), HIGH, alert_open=True) == ("firing", "")


def test_a_turn_begins_its_time_anew() -> None:
    for state, verdict in ((_ago(9, "recovering"), HIGH), (_ago(9, "recovering"), BETWEEN), (_ago(9), LOW)):
        after = _step(state, verdict).state
        assert after is not None
        assert after.since == START


def test_no_data_is_remembered_from_when_it_began_until_there_is_some() -> None:
    first = START - timedelta(minutes=3)
    after = _step(_ago(9, unknown_since=first), NOTHING).state
    assert after is not None
    assert (after.phase, after.unknown_since, after.reason) == ("firing", first, "gone")
    after = _step(_ago(9), NOTHING).state
    assert after is not None
    assert after.unknown_since == START
    after = _step(after, HIGH).state
    assert after is not None
    assert (after.unknown_since, after.reason) == (None, "")
    fires = (START - MINUTE,)
    after = _step(_ago(4, "pending", alert=None, fires=fires), NOTHING).state
    assert after is not None
    assert (after.phase, after.fires) == ("ok", fires)
    assert _step(_ago(4, "pending", alert=None), NOTHING).state is None


def test_what_flaps_is_reckoned_by_the_firings_of_an_hour() -> None:
    lately = tuple(START - timedelta(minutes=minutes) for minutes in (40, 20))
    assert _step(_ago(5, "pending", alert=None, fires=lately), HIGH).flapping
    assert not _step(_ago(5, "pending", alert=None, fires=lately[1:]), HIGH).flapping
    old = (START - timedelta(hours=1), *lately[1:])
    assert not _step(_ago(5, "pending", alert=None, fires=old), HIGH).flapping
    ahead = (START + timedelta(hours=1), *lately[1:])
    assert not _step(_ago(5, "pending", alert=None, fires=ahead), HIGH).flapping
    # What flaps is over only after it has held still for long, and no sooner than the rule says.
    three = (*lately, START - MINUTE)
    assert _step(_ago(29, "recovering", fires=three), LOW).action == ""
    assert _step(_ago(30, "recovering", fires=three), LOW).action == "resolve"
    assert _step(_ago(30, "recovering", fires=three), LOW, keep=timedelta(hours=1)).action == ""


def test_a_clock_that_was_set_back_makes_nothing_last_for_hours() -> None:
    ahead = _ago(-120, "pending", alert=None)
    after = _step(ahead, HIGH).state
    assert after is not None
    assert after.since == START


# Who is told


def _who(facts: dict[str, Any], **recipient: Any) -> bool:
    given: dict[str, Any] = {"rule": "QUEUE", "site": SITE, "severity": "HIGH", "area": "business", "labels": {}}
    people = [Recipient(name="els", channel="mail", **recipient)]
    return bool(routing.fitting(Alerts(recipients=people), Facts(**(given | facts))))


@pytest.mark.parametrize(
    ("facts", "recipient", "told"),
    [
        ({}, {}, True),
        ({}, {"at_least": "HIGH"}, True),
        ({}, {"at_least": "CRITICAL"}, False),
        ({"severity": "LOW"}, {}, False),
        ({}, {"rules": ["QUEUE"]}, True),
        ({}, {"rules": ["DOWN"]}, False),
        ({}, {"areas": ["business"]}, True),
        ({}, {"areas": ["sepa"]}, False),
        ({}, {"sites": [SITE]}, True),
        ({}, {"sites": ["other.example"]}, False),
        ({"site": ""}, {"sites": ["other.example"]}, True),
        ({"tell": ("els",)}, {"areas": ["sepa"], "at_least": "CRITICAL"}, True),
        ({"tell": ("jan",)}, {}, False),
        ({"rule": routing.CHANNEL_FAILING, "labels": {"channel": "mail"}}, {}, False),
        ({"rule": routing.CHANNEL_FAILING, "labels": {"channel": "other"}}, {}, True),
        ({"labels": {"channel": "mail"}}, {}, True),
        ({"rule": routing.TEST, "severity": "LOW"}, {"at_least": "CRITICAL", "areas": ["sepa"]}, True),
        ({"rule": routing.TEST}, {"sites": ["other.example"]}, False),
    ],
)
def test_who_is_told(facts: dict[str, Any], recipient: dict[str, Any], told: bool) -> None:
    assert _who(facts, **recipient) is told


def test_steps_and_names_of_recipients() -> None:
    people = [Recipient(name=f"s{step}", channel="mail", step=step) for step in (1, 2, 3)]
    assert [each.name for each in routing.at_steps(people, 2, 2)] == ["s2"]
    assert [each.name for each in routing.at_steps(people, 1, 2)] == ["s1", "s2"]
    both = [Recipient(name="els", channel="mail"), Recipient(name="els", channel="ntfy", step=2)]
    found = routing.named(Alerts(recipients=both), "ntfy", "els")
    assert found is not None
    assert found.step == 2
    assert routing.named(Alerts(recipients=both), "teams", "els") is None

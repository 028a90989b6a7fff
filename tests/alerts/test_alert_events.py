"""News of errors as alerts: what is new from when on, that each is told once, and that what changed again is news."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baken.alerts import lifecycle, rulebook
from baken.alerts.engine import details_of
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.rule import Verdict
from baken.clock import to_ms
from baken.history.store import Store
from tests.alerts.rig import RULES, SITE, Rig, make_rig
from tests.errors.filled import change, failure, ids, put

NEWS = """
[NEWS]
kind = "pattern"
change = ["new", "regressed"]
quiet = "1h"
severity = "HIGH"
area = "errors"
title = "{pattern_title}"
message = "It is {pattern_exception}."
reason = "a test"
"""


@pytest.fixture
def rig(sqlite_store: Store, tmp_path: Path) -> Rig:
    made = make_rig(sqlite_store, tmp_path, rules=NEWS, group_interval=0)
    # From here on what was not there before is new.
    made.engine.evaluate(SITE, frozenset(), errors=True)
    made.advance(60)
    return made


def happens(rig: Rig, kind: str = "KeyError", ago: float = 0) -> int:
    """An error of a kind, which is judged; how many alerts fired or ended."""
    put(rig.store, [failure(kind, rig.now - timedelta(seconds=ago))], site=SITE, now=rig.now)
    return rig.engine.evaluate(SITE, frozenset(), errors=True)


def test_a_new_pattern_is_told_once_while_it_goes_on(rig: Rig) -> None:
    assert happens(rig, ago=30) == 1
    (alert,) = rig.rows()
    assert (alert.labels, alert.status) == (f'{{"pattern":"{next(iter(ids(rig.store).values()))}"}}', "Active")
    assert alert.began == to_ms(rig.now - timedelta(seconds=30))
    for _ in range(3):
        rig.advance(600)
        assert happens(rig) == 0
    assert [each.status for each in rig.rows()] == ["Active"]
    assert happens(rig, "TypeError") == 1
    assert len(rig.open()) == 2


def test_one_that_was_quiet_and_is_back_is_no_news(rig: Rig) -> None:
    happens(rig)
    rig.advance(3601)
    assert rig.engine.evaluate(SITE) == 1
    assert rig.open() == []
    rig.advance(3600)
    assert happens(rig) == 0
    assert [each.status for each in rig.rows()] == ["Resolved"]
    rig.restart()
    assert rig.engine.evaluate(SITE) == 0


def test_one_that_somebody_had_resolved_and_is_back_is_news(rig: Rig) -> None:
    happens(rig)
    rig.advance(3601)
    rig.engine.evaluate(SITE)
    rig.advance(3600)
    change(rig.store, next(iter(ids(rig.store).values())), state="regressed", state_at=to_ms(rig.now))
    assert happens(rig) == 1
    assert len(rig.rows()) == 2


def test_what_was_there_before_the_first_look_is_not_new(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, rules=f"{RULES}\n{NEWS}")
    put(rig.store, [failure("KeyError", rig.now)], site=SITE, now=rig.now)
    rig.advance(60)
    # A look at figures is no look at errors.
    rig.figure("frappe_queue_length", 3, {"queue": "long"})
    rig.advance(60)
    put(rig.store, [failure("TypeError", rig.now)], site=SITE, now=rig.now)
    rig.advance(60)
    assert rig.engine.evaluate(SITE, frozenset(), errors=True) == 0
    rig.advance(60)
    between = rig.now - timedelta(seconds=30)
    rig.engine.evaluate(SITE, frozenset(), errors=True)
    put(rig.store, [failure("ValueError", between)], site=SITE, now=rig.now)
    rig.advance(60)
    # It stays the first look from which on things are new, here and after a restart.
    assert rig.engine.evaluate(SITE, frozenset(), errors=True) == 1
    rig.restart()
    assert rig.engine.evaluate(SITE, frozenset(), errors=True) == 0
    assert "ValueError" in rig.rows()[0].texts


def test_errors_are_judged_only_when_they_changed(rig: Rig) -> None:
    put(rig.store, [failure("KeyError", rig.now)], site=SITE, now=rig.now)
    assert rig.engine.evaluate(SITE, {"frappe_queue_length"}) == 0
    assert rig.engine.evaluate(SITE, {"frappe_queue_length"}, errors=True) == 1


def test_what_is_costly_is_judged_no_oftener_than_it_says(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    monkeypatch.setattr(Threshold, "every", property(lambda _: timedelta(minutes=5)))
    judged: list[str] = []
    real = rig.engine.judge

    def judge(rule: Any, view: Any) -> Any:
        judged.append(rule.name)
        return real(rule, view)

    monkeypatch.setattr(rig.engine, "judge", judge)
    counts = []
    # The last one: the clock was set back.
    for seconds in (0, 299, 1, 60, -7200):
        rig.advance(seconds)
        rig.engine.evaluate(SITE)
        counts.append(judged.count("QUEUE"))
    assert counts == [1, 1, 2, 2, 3]


def test_a_counter_has_no_chart(rig: Rig) -> None:
    """Its course only climbs."""
    rules = rulebook.read(None).rules
    verdict = Verdict({}, True, False, 25.0, 20.0, rig.now)
    assert "chart" not in details_of(rules["DEADLOCK_STORM"], verdict)
    assert details_of(rules["HIGH_JOB_QUEUE"], verdict)["chart"]["limit"] is True
    # What is judged is not the figure itself: its limit is none of the course's.
    assert details_of(rules["BACKUP_SHRUNK"], verdict)["chart"]["limit"] is False
    assert "chart" not in details_of(rules["MANY_SITES_DOWN"], verdict)
    assert lifecycle.key_of("A", SITE, {}) != lifecycle.key_of("B", SITE, {})


def test_one_that_somebody_resolved_is_not_told_again(rig: Rig) -> None:
    """It is news of a pattern, not a condition that goes on: it came back after the time of a reminder."""
    happens(rig)
    rig.act(lambda act: lifecycle.resolve(act, 1))
    for _ in range(20):
        rig.advance(1800)
        happens(rig)
    assert [each.status for each in rig.rows()] == ["Resolved"]

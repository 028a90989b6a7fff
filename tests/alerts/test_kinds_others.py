"""Ratio, absence, pattern, finding and budget."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.alerts.rule import SeenFinding, SeenPattern
from tests.alerts.judged import MINUTE, NOW, MadeView, condition, one, problems_of, said, verdicts

HOUR = timedelta(hours=1)
RATIO = """
metric = "sepa_collections"
match = { result = "Failed" }
of = { metric = "sepa_collections", match = { result = "~Successful|Failed" } }
least_of = 20
above = 0.15
recover = { below = 0.12 }
"""
GONE = 'metric = "frappe_backup_age_seconds"\nolder_than = "6h"'
BUDGET = """
metric = "frappe_site_up"
bad = { below = 1 }
objective = 0.995
windows = [["1h", "10m", 14.4], ["6h", "30m", 6]]
"""
PATTERN = SeenPattern(
    "0123456789abcdef", "No default account", "OutgoingEmailError", "email", "HIGH", "Email", "open", "new",
    NOW - HOUR, NOW - MINUTE, 4,
)  # fmt: skip
NEW = 'change = "new"\nmatch = { severity = "~HIGH|CRITICAL" }\nquiet = "24h"'


def collections(failed: float, successful: float, pending: float = 50) -> MadeView:
    view = MadeView()
    for result, number in (("Failed", failed), ("Successful", successful), ("Pending", pending), ("Processed", 7)):
        view.put("sepa_collections", number, result=result)
    return view


def test_a_part_of_a_whole() -> None:
    judge = condition("ratio", RATIO)
    found = one(judge, collections(8, 32))
    assert (said(found), found.value, found.fields) == ((True, False), 0.2, {"part": 8, "whole": 40})
    assert said(one(judge, collections(6, 34))) == (False, False)
    assert said(one(judge, collections(4, 36))) == (False, True)


def test_too_few_tell_neither_that_it_is_bad_nor_that_it_is_over() -> None:
    judge = condition("ratio", RATIO)
    found = one(judge, collections(10, 9))
    assert (said(found), found.value) == ((False, False), None)
    assert one(judge, collections(10, 10)).breach is True
    assert said(one(judge, collections(0, 0))) == (False, True)


def test_a_ratio_of_what_is_not_known_is_not_known() -> None:
    view = collections(8, 32)
    view.reasons["sepa_collections"] = "the database does not answer"
    assert one(condition("ratio", RATIO), view).reason == "the database does not answer"


def test_a_ratio_may_be_told_apart_by_labels() -> None:
    text = """
        metric = "sepa_audit_events"
        match = { status = "Failed" }
        of = { metric = "sepa_audit_events" }
        by = ["process"]
        at_least = 0.5
    """
    view = MadeView()
    for process, status, number in (("A", "Failed", 6), ("A", "Compliant", 6), ("B", "Failed", 1), ("B", "x", 19)):
        view.put("sepa_audit_events", number, process=process, status=status)
    found = verdicts(condition("ratio", text), view)
    assert {labels: each.breach for labels, each in found.items()} == {"process=A": True, "process=B": False}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('metric = "sepa_collections"\nabove = 0.1', "of is missing: of what whole is it a part?"),
        (
            'metric = "sepa_collections"\nabove = 0.1\nof = { metric = "sepa_collection" }',
            "did you mean sepa_collections",
        ),
        (
            'metric = "sepa_collections"\nabove = 0.1\nof = { metric = "host_cpu_ratio" }',
            "not measured on the same thing",
        ),
        (
            'metric = "sepa_returns"\nabove = 0.1\nby = ["reason"]\nof = { metric = "sepa_collections" }',
            "metric sepa_collections cannot be told apart by reason",
        ),
    ],
)
def test_mistakes_of_a_ratio_are_named(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems_of("ratio", text))


def test_what_never_had_a_figure_is_not_missed() -> None:
    view = MadeView()
    view.reasons["frappe_backup_age_seconds"] = "nothing was backed up here yet"
    assert verdicts(condition("absence", GONE), view) == {}


def test_figures_that_come_no_more_are_missed() -> None:
    judge = condition("absence", GONE)
    view = MadeView().put("frappe_backup_age_seconds", 100, 6 * HOUR)
    assert said(one(judge, view)) == (False, True)
    view = MadeView().put("frappe_backup_age_seconds", 100, 7 * HOUR)
    view.reasons["frappe_backup_age_seconds"] = "private/backups holds no database backup"
    found = one(judge, view)
    assert (found.breach, found.value, found.limit) == (True, 25200, 21600)
    assert found.fields == {"why": "private/backups holds no database backup"}


def test_a_metric_that_was_measured_without_rows_is_not_gone() -> None:
    view = MadeView()
    view.at["sepa_returns"] = NOW - MINUTE
    assert said(one(condition("absence", 'metric = "sepa_returns"\nolder_than = "1h"'), view)) == (False, True)


def test_absence_has_to_be_longer_than_what_is_usual() -> None:
    text = 'metric = "frappe_backup_age_seconds"\nolder_than = "2h"'
    (found,) = problems_of("absence", text)
    assert "older_than has to be 3h at least" in found


def test_new_patterns_of_a_severity() -> None:
    judge = condition("pattern", NEW)
    minor = replace(PATTERN, id="b" * 16, severity="LOW")
    back = replace(PATTERN, id="c" * 16, change="regressed", state="regressed")
    found = verdicts(judge, MadeView(seen=[PATTERN, minor, back]))
    assert {labels: said(each) for labels, each in found.items()} == {
        f"pattern={PATTERN.id}": (True, False),
        f"pattern={'b' * 16}": (False, False),
        f"pattern={'c' * 16}": (False, False),
    }
    told = found[f"pattern={PATTERN.id}"]
    assert told.value == 4
    assert told.at == PATTERN.last_seen
    assert told.fields["pattern_title"] == "No default account"
    assert told.fields["pattern_category"] == {"en": "e-mail", "nl": "e-mail"}
    assert told.fields["pattern_severity"] == {"en": "High", "nl": "Hoog"}
    assert told.fields["pattern_area"] == "Email"


def test_several_changes_and_other_matches() -> None:
    judge = condition(
        "pattern", 'change = ["regressed", "escalated"]\nmatch = { category = "email", exception = "!X" }'
    )
    seen = [
        replace(PATTERN, change="regressed", state="regressed"),
        replace(PATTERN, id="b", change="escalated"),
        replace(PATTERN, id="c", change="regressed", category="code"),
        replace(PATTERN, id="d", change="regressed", exception="X"),
        replace(PATTERN, id="e"),
    ]
    found = verdicts(judge, MadeView(seen=seen))
    assert [labels for labels, each in found.items() if each.breach] == [f"pattern={PATTERN.id}", "pattern=b"]


@pytest.mark.parametrize(
    ("state", "quiet_for", "expected"),
    [
        ("open", timedelta(minutes=1), (False, False)),
        ("open", timedelta(hours=23, minutes=59), (False, False)),
        ("open", timedelta(hours=24), (False, True)),
        ("regressed", timedelta(minutes=1), (False, False)),
        ("known", timedelta(minutes=1), (False, True)),
        ("muted", timedelta(minutes=1), (False, True)),
        ("resolved", timedelta(minutes=1), (False, True)),
    ],
)
def test_when_a_pattern_with_an_alert_is_over(state: str, quiet_for: timedelta, expected: tuple[bool, bool]) -> None:
    pattern = replace(PATTERN, change="", state=state, last_seen=NOW - quiet_for, severity="LOW")
    assert said(one(condition("pattern", NEW), MadeView(seen=[pattern]))) == expected


def test_news_that_somebody_dealt_with_is_none() -> None:
    assert one(condition("pattern", NEW), MadeView(seen=[replace(PATTERN, state="known")])).breach is False


def test_news_that_has_been_quiet_for_long_enough_does_not_fire_again() -> None:
    judge = condition("pattern", 'change = "new"\nquiet = "1h"')
    pattern = replace(PATTERN, last_seen=NOW - 2 * HOUR)
    assert said(one(judge, MadeView(seen=[pattern]))) == (False, True)


def test_the_host_has_no_patterns() -> None:
    assert verdicts(condition("pattern", NEW), MadeView(site="", seen=[PATTERN])) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "change is missing: give one or more of new, regressed, escalated"),
        ('change = "newer"', "change cannot be 'newer'; did you mean new?"),
        ('change = "new"\nmatch = { severty = "HIGH" }', "a pattern has no label severty; did you mean severity?"),
        ('change = "new"\nquiet = "long"', "'long' is no length of time"),
        ("change = 1", "change has to be a list of texts, not 1"),
    ],
)
def test_mistakes_of_a_pattern_are_named(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems_of("pattern", text))


def test_findings() -> None:
    leak = SeenFinding("leak", "token", {"en": "token", "nl": "token"}, PATTERN.id, 3, NOW - HOUR)
    old = SeenFinding("leak", "jwt", {"en": "JSON Web Token", "nl": "JSON Web Token"}, None, 1, NOW - 25 * HOUR)
    lost = SeenFinding("lost", "title", {"en": "too long", "nl": "te lang"}, None, 1, NOW)
    found = verdicts(condition("finding", 'finding = "leak"'), MadeView(found=[leak, old, lost]))
    assert {labels: said(each) for labels, each in found.items()} == {
        f"finding=token, pattern={PATTERN.id}": (True, False),
        "finding=jwt, pattern=": (False, True),
    }
    told = found[f"finding=token, pattern={PATTERN.id}"]
    assert (told.value, told.fields) == (3, {"label": {"en": "token", "nl": "token"}})
    assert verdicts(condition("finding", 'finding = "lost"'), MadeView(site="", found=[lost])) == {}


def test_mistakes_of_a_finding_are_named() -> None:
    assert problems_of("finding", "") == ["finding is missing: give one of leak, lost"]
    assert problems_of("finding", 'finding = "leek"') == ["finding cannot be 'leek'; did you mean leak?"]


def up(*parts: tuple[int, float]) -> MadeView:
    """A course of frappe_site_up: (minutes, value), up to now."""
    return MadeView().past_of("frappe_site_up", [value for minutes, value in parts for _ in range(minutes)])


def test_a_budget_that_burns() -> None:
    judge = condition("budget", BUDGET)
    assert said(one(judge, up((360, 1)))) == (False, True)
    # 5 of the last 60 minutes are 16.7 times what half a percent leaves; of the last 10 they are a hundred times.
    found = one(judge, up((355, 1), (5, 0)))
    assert (found.breach, found.limit) == (True, 14.4)
    assert found.value == pytest.approx(5 / 60 / 0.005)
    assert found.fields == {"objective": {"en": "99.5 %", "nl": "99,5 %"}}


def test_the_short_time_says_that_it_is_going_on() -> None:
    judge = condition("budget", BUDGET)
    # Long over in the short times, though the long ones still show it.
    assert said(one(judge, up((300, 1), (20, 0), (31, 1)))) == (False, True)
    # Beyond the long ones not enough, though the short one burns: neither.
    assert said(one(judge, up((358, 1), (1, 0), (1, 1)))) == (False, False)


def test_a_slow_burn_is_seen_over_the_longer_time() -> None:
    judge = condition("budget", BUDGET)
    # Every 25 minutes one minute: 4 % of the time, 8 times too fast over 6 hours and over the last 30 minutes.
    found = one(judge, MadeView().past_of("frappe_site_up", [0.0 if place % 25 == 20 else 1.0 for place in range(360)]))
    assert (found.breach, found.limit) == (True, 6)


def test_a_budget_without_enough_samples_is_unknown() -> None:
    judge = condition("budget", BUDGET)
    found = one(judge, up((29, 0)))
    assert (found.breach, found.reason) == (None, "there are figures of less than half of 1h")
    assert one(judge, up((30, 0))).breach is True
    assert one(judge, up((40, 1))).breach is False
    view = up((60, 1))
    view.reasons["frappe_site_up"] = "it was not looked at"
    assert one(judge, view).reason == "it was not looked at"


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=400, max_size=400))
def test_a_budget_never_breaches_and_recovers_at_once(good: list[bool]) -> None:
    found = one(condition("budget", BUDGET), MadeView().past_of("frappe_site_up", map(float, good)))
    assert found.breach is not None
    assert not (found.breach and found.recovered)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("objective = 99.5", "objective has to lie between 0 and 1, such as 0.995"),
        ('windows = [["5m", "1h", 6]]', "the long time comes first"),
        ('windows = [["1h", "5m"]]', "is no pair of times with a factor"),
        ('windows = [["1h", "1m", 6]]', "1m holds no two samples of frappe_site_up"),
        ('windows = [["3d", "6h", 1]]', "3d is too long"),
        ("windows = []", "windows has to be a list such as"),
        ("bad = { below = 1, above = 2 }", "exclude each other"),
    ],
)
def test_mistakes_of_a_budget_are_named(line: str, expected: str) -> None:
    name = line.split(" ")[0]
    text = "\n".join(line if row.startswith(name) else row for row in BUDGET.strip().split("\n"))
    assert any(expected in problem for problem in problems_of("budget", text))
    without = "\n".join(row for row in BUDGET.strip().split("\n") if not row.startswith(name))
    assert any(problem.startswith(name) for problem in problems_of("budget", without))

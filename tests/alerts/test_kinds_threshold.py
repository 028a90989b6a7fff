"""Figures beyond limits: which label sets, how old, and that no data is not OK."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.alerts.figures import LEAST_AGE
from baken.alerts.limits import Limit, Limits
from tests.alerts.judged import MINUTE, MadeView, condition, one, problems_of, said, verdicts

ERRORS = 'metric = "frappe_errors"\nmatch = { window = "1h" }\nabove = 10\nrecover = { at_most = 7 }'
QUEUES = 'metric = "frappe_queue_length"\nabove = 20'


@pytest.mark.parametrize(
    ("value", "expected"), [(11, (True, False)), (10, (False, False)), (8, (False, False)), (7, (False, True))]
)
def test_between_the_limit_and_that_of_recovery_nothing_changes(value: float, expected: tuple[bool, bool]) -> None:
    found = one(condition("threshold", ERRORS), MadeView().put("frappe_errors", value, window="1h"))
    assert said(found) == expected
    assert (found.value, found.limit, found.labels) == (value, 10, {"window": "1h"})


@pytest.mark.parametrize(
    ("limit", "breaches", "not_any_more"),
    [("above = 5", 5.1, 5), ("at_least = 5", 5, 4.9), ("below = 5", 4.9, 5), ("at_most = 5", 5, 5.1)],
)
def test_each_comparison_at_its_edge(limit: str, breaches: float, not_any_more: float) -> None:
    judge = condition("threshold", f'metric = "host_load"\nmatch = {{ window = "5m" }}\n{limit}')
    assert said(one(judge, MadeView(site="").put("host_load", breaches, window="5m"))) == (True, False)
    assert said(one(judge, MadeView(site="").put("host_load", not_any_more, window="5m"))) == (False, True)


def test_each_label_set_is_judged_for_itself() -> None:
    view = MadeView().put("frappe_queue_length", 30, queue="long").put("frappe_queue_length", 3, queue="short")
    found = verdicts(condition("threshold", QUEUES), view)
    assert {labels: verdict.breach for labels, verdict in found.items()} == {"queue=long": True, "queue=short": False}


def test_matchers_choose_the_label_sets() -> None:
    view = MadeView()
    for queue in ("long", "short", "default"):
        view.put("frappe_queue_length", 30, queue=queue)
    chosen = {
        'match = { queue = "long" }': ["queue=long"],
        'match = { queue = "!long" }': ["queue=default", "queue=short"],
        'match = { queue = "~long|short" }': ["queue=long", "queue=short"],
        'match = { queue = "!~.*t" }': ["queue=long"],
    }
    for text, expected in chosen.items():
        assert sorted(verdicts(condition("threshold", f"{QUEUES}\n{text}"), view)) == expected


def test_label_sets_are_added_up_on_demand() -> None:
    view = MadeView().put("frappe_queue_length", 15, queue="long").put("frappe_queue_length", 6, queue="short")
    found = one(condition("threshold", f"{QUEUES}\nsum = true"), view)
    assert (found.labels, found.value, found.breach) == ({}, 21, True)


def test_a_sum_with_a_part_that_is_not_known_is_not_known() -> None:
    view = MadeView().put("frappe_queue_length", 15, queue="long")
    view.put("frappe_queue_length", 60, timedelta(hours=1), queue="short")
    found = one(condition("threshold", f"{QUEUES}\nsum = true"), view)
    assert found.breach is None
    assert found.reason is not None and "1h ago" in found.reason


def test_labels_that_are_told_apart_are_kept() -> None:
    view = MadeView()
    for process, status, value in (("A", "Failed", 4), ("A", "Exception", 3), ("B", "Failed", 2)):
        view.put("sepa_audit_events", value, process=process, status=status)
    judge = condition("threshold", 'metric = "sepa_audit_events"\nabove = 6\nby = ["process"]')
    found = verdicts(judge, view)
    assert {labels: verdict.value for labels, verdict in found.items()} == {"process=A": 7, "process=B": 2}


def test_by_night_the_limit_of_the_night_applies() -> None:
    judge = condition("threshold", f"{QUEUES}\nnight = {{ above = 50 }}")
    day, night = MadeView(), MadeView(night=True)
    for view in (day, night):
        view.put("frappe_queue_length", 30, queue="long")
    assert (one(judge, day).breach, one(judge, night).breach) == (True, False)
    assert (one(judge, day).limit, one(judge, night).limit) == (20, 50)


def test_a_group_that_was_not_counted_is_zero_when_all_labels_are_named() -> None:
    view = MadeView().put("frappe_queue_length", 3, queue="short")
    named = condition("threshold", 'metric = "frappe_queue_length"\nmatch = { queue = "long" }\nbelow = 1')
    assert (one(named, view).value, one(named, view).breach) == (0, True)
    left_open = condition("threshold", 'metric = "frappe_queue_length"\nmatch = { queue = "~long" }\nbelow = 1')
    assert verdicts(left_open, view) == {}


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("frappe_redis_up", 'instance = "cache"'),
        ("host_disk_used_ratio", 'mount = "/srv"'),
        ("frappe_queue_oldest_job_seconds", 'queue = "long"'),
    ],
)
def test_what_is_not_counted_is_no_zero(metric: str, labels: str) -> None:
    view = MadeView(site="" if metric.startswith("host") else "vereniging.example")
    view.at[metric] = view.now
    found = one(condition("threshold", f'metric = "{metric}"\nmatch = {{ {labels} }}\nbelow = 1'), view)
    assert found.breach is None
    assert found.reason


def test_a_figure_that_is_too_old_is_none() -> None:
    judge = condition("threshold", QUEUES)
    fresh = MadeView().put("frappe_queue_length", 30, LEAST_AGE, queue="long")
    assert one(judge, fresh).breach is True
    old = one(judge, MadeView().put("frappe_queue_length", 30, LEAST_AGE + timedelta(seconds=1), queue="long"))
    assert (old.breach, old.recovered, old.value) == (None, False, None)
    assert old.reason == "it was last measured 5m1s ago, and should be every 10s"


def test_how_old_is_too_old_depends_on_how_often_it_is_measured() -> None:
    judge = condition("threshold", 'metric = "frappe_backup_age_seconds"\nabove = 10')
    view = MadeView().put("frappe_backup_age_seconds", 30, timedelta(hours=3))
    assert one(judge, view).breach is True
    assert one(judge, MadeView().put("frappe_backup_age_seconds", 30, timedelta(hours=3, seconds=1))).breach is None


def test_a_metric_that_is_read_less_often_for_its_cost_is_not_called_old() -> None:
    judge = condition("threshold", ERRORS)
    view = MadeView().put("frappe_errors", 30, timedelta(minutes=25), window="1h")
    assert one(judge, view).breach is None
    (sample,) = view.latest["frappe_errors"]
    view.latest["frappe_errors"] = [
        type(sample)(sample.metric, sample.labels, sample.at, 30, sample.at - timedelta(minutes=10), 1)
    ]
    assert one(judge, view).breach is True


def test_a_metric_that_cannot_be_measured_is_unknown_with_the_reason() -> None:
    view = MadeView().put("frappe_queue_length", 3, queue="long").put("frappe_queue_length", 4, queue="short")
    view.reasons["frappe_queue_length"] = "Redis does not answer"
    found = verdicts(condition("threshold", QUEUES), view)
    assert {labels: (each.breach, each.reason) for labels, each in found.items()} == {
        "queue=long": (None, "Redis does not answer"),
        "queue=short": (None, "Redis does not answer"),
    }


def test_what_was_measured_in_part_counts_as_far_as_it_goes() -> None:
    view = MadeView().put("frappe_errors", 30, window="1h").put("frappe_errors", 40, 20 * MINUTE, window="24h")
    view.at["frappe_errors"] = view.now - 20 * MINUTE
    view.reasons["frappe_errors"] = "the errors of 24h are being counted"
    assert one(condition("threshold", ERRORS), view).breach is True
    daily = ERRORS.replace("1h", "24h")
    assert one(condition("threshold", daily), view).reason == "the errors of 24h are being counted"


def test_what_was_measured_in_part_does_not_count_for_long() -> None:
    judge = condition("threshold", ERRORS)
    for age, breach in ((2 * MINUTE, True), (2 * MINUTE + timedelta(seconds=1), None)):
        view = MadeView().put("frappe_errors", 30, age, window="1h")
        view.at["frappe_errors"] = view.now - 20 * MINUTE
        view.reasons["frappe_errors"] = "the database does not answer"
        assert one(judge, view).breach is breach


def test_a_zero_that_was_counted_long_ago_is_none() -> None:
    judge = condition("threshold", 'metric = "frappe_queue_length"\nmatch = { queue = "long" }\nbelow = 1')
    view = MadeView()
    view.at["frappe_queue_length"] = view.now - LEAST_AGE
    assert one(judge, view).breach is True
    view.at["frappe_queue_length"] -= timedelta(seconds=1)
    found = one(judge, view)
    assert (found.breach, found.reason) == (None, "it was last measured 5m1s ago, and should be every 10s")


def test_what_was_never_measured_is_unknown() -> None:
    found = one(condition("threshold", ERRORS), MadeView())
    assert (found.breach, found.reason, found.labels) == (None, "not measured yet", {"window": "1h"})


def test_figures_of_the_host_are_no_figures_of_a_site() -> None:
    judge = condition("threshold", 'metric = "host_cpu_ratio"\nabove = 0.8')
    assert verdicts(judge, MadeView().put("host_cpu_ratio", 0.9)) == {}
    assert one(judge, MadeView(site="").put("host_cpu_ratio", 0.9)).breach is True
    assert verdicts(condition("threshold", QUEUES), MadeView(site="").put("frappe_queue_length", 90, queue="a")) == {}


def test_words() -> None:
    judge = condition("threshold", f"{ERRORS}\nnight = {{ above = 20 }}")
    assert judge.words == "frappe_errors{window=1h} > 10 (by night > 20), over when ≤ 7"
    added = condition("threshold", 'metric = "sepa_audit_events"\nat_least = 1e9\nby = ["process"]')
    assert added.words == "sum(sepa_audit_events) by process ≥ 1000000000"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("above = 1", "metric is missing: which figure is to be judged?"),
        ('metric = "frappe_errorz"\nabove = 1', "there is no metric frappe_errorz; did you mean frappe_errors?"),
        ('metric = "host_load"\nabove = "x"', "above has to be a number, not 'x'"),
        ('metric = "host_load"\nabove = true', "above has to be a number, not true"),
        ('metric = "host_load"\nabove = 1\nbelow = 2', "above and below exclude each other: give one of them"),
        ('metric = "host_load"', "there is no limit: give one of above, at_least, below, at_most"),
        (
            'metric = "host_load"\nabove = 1\nmatch = { windo = "5m" }',
            "metric host_load has no label windo; did you mean window?",
        ),
        (
            'metric = "host_cpus"\nabove = 1\nmatch = { cpu = "1" }',
            "metric host_cpus has no label cpu; it has none",
        ),
        (
            'metric = "host_load"\nabove = 1\nmatch = { window = "~(5m" }',
            "'(5m' for window is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            'metric = "host_load"\nabove = 1\nmatch = { window = 5 }',
            'match.window has to be a text such as "long"',
        ),
        (
            'metric = "host_load"\nabove = 1\nnight = { below = 5 }',
            "night (< 5) looks the other way than the limit by day (> 1)",
        ),
        (
            'metric = "host_load"\nabove = 5\nrecover = { below = 6 }',
            "recover (< 6) and the condition (> 5) can hold at once, so it would never be over; "
            "recovery has to lie on the other side",
        ),
        (
            'metric = "host_load"\nabove = 5\nnight = { above = 3 }\nrecover = { below = 4 }',
            "recover (< 4) and the condition (> 3) can hold at once, so it would never be over; "
            "recovery has to lie on the other side",
        ),
        (
            'metric = "host_load"\nabove = 5\nrecover = { above = 3 }',
            "recover (> 3) and the condition (> 5) can hold at once, so it would never be over; "
            "recovery has to lie on the other side",
        ),
        ('metric = "host_load"\nabove = 5\nrecover = { blow = 3 }', "unknown key blow; did you mean below?"),
        (
            'metric = "host_load"\nabove = 1\nby = ["windows"]',
            "metric host_load has no label windows; did you mean window?",
        ),
        (
            'metric = "host_load"\nabove = 1\nby = ["window"]\nsum = true',
            "sum and by exclude each other: give one of them",
        ),
    ],
)
def test_mistakes_are_named(text: str, expected: str) -> None:
    found = problems_of("threshold", text)
    assert any(expected in problem for problem in found), found


figures = st.floats(-1e6, 1e6)
names = st.sampled_from(("above", "at_least", "below", "at_most"))


@settings(deadline=None)
@given(names, figures, names, figures, figures)
def test_limits_that_do_not_meet_never_hold_at_once(
    how: str, figure: float, recovering: str, recovery: float, value: float
) -> None:
    limit, over = Limit(how, figure), Limit(recovering, recovery)
    if not limit.meets(over):
        assert not (limit.holds(value) and over.holds(value))
    elif (how in ("above", "at_least")) != (recovering in ("above", "at_least")):
        # Then there is a figure for which both hold: one of the limits, or between them.
        assert any(limit.holds(each) and over.holds(each) for each in (figure, recovery, (figure + recovery) / 2))


@settings(deadline=None)
@given(figures, st.floats(0, 1e6), figures)
def test_a_figure_never_breaches_and_recovers_at_once(figure: float, gap: float, value: float) -> None:
    limits = Limits(Limit("above", figure), recover=Limit("at_most", figure - gap))
    breach, recovered = limits.judge(value, night=False)
    assert not (breach and recovered)
    assert breach == (value > figure)
    assert recovered == (value <= figure - gap)


@settings(deadline=None)
@given(figures, st.floats(1, 1e6), st.lists(st.floats(0, 1), max_size=20))
def test_what_wavers_within_the_gap_changes_nothing(figure: float, gap: float, shares: list[float]) -> None:
    limits = Limits(Limit("above", figure), recover=Limit("below", figure - gap))
    for share in shares:
        value = min(max(figure - gap + share * gap, figure - gap), figure)
        assert limits.judge(value, night=False) == (False, False)

"""Change: increase of counters, difference and percentage, and that it needs a past to judge by."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.alerts.kinds.change import increase
from tests.alerts.judged import MadeView, condition, one, problems_of, said, verdicts

DEADLOCKS = 'metric = "database_deadlocks_total"\nover = "1h"\nas = "increase"\nabove = 10\nrecover = { at_most = 5 }'
BACKUP = 'metric = "frappe_backup_bytes"\nover = "30d"\nas = "percent"\nagainst = "median"\nhistory = "3d"\nbelow = -30'
HOUR = timedelta(hours=1)


def test_the_increase_of_a_counter() -> None:
    judge = condition("change", DEADLOCKS)
    found = one(judge, MadeView().past_of("database_deadlocks_total", range(100, 161, 1)))
    assert (found.value, found.breach) == (60, True)
    assert said(one(judge, MadeView().past_of("database_deadlocks_total", [100.0] * 61))) == (False, True)
    assert said(one(judge, MadeView().past_of("database_deadlocks_total", [100.0] * 60 + [108]))) == (False, False)


def test_a_counter_that_began_anew_is_no_loss() -> None:
    judge = condition("change", DEADLOCKS)
    found = one(judge, MadeView().past_of("database_deadlocks_total", [1000.0] * 40 + [0.0] * 10 + [4.0] * 11))
    assert (found.value, found.breach) == (4, False)


def test_without_enough_past_it_is_unknown() -> None:
    judge = condition("change", DEADLOCKS)
    found = one(judge, MadeView().past_of("database_deadlocks_total", [100.0] * 11))
    assert (found.breach, found.reason) == (None, "there are figures of 10m only, of 30m are needed")
    assert one(judge, MadeView().past_of("database_deadlocks_total", [100.0] * 31)).breach is False


def test_what_grew_too_much_in_a_part_of_the_time_did_so_in_all_of_it() -> None:
    judge = condition("change", DEADLOCKS)
    assert one(judge, MadeView().past_of("database_deadlocks_total", [100, 105, 120])).breach is True
    assert one(judge, MadeView().past_of("database_deadlocks_total", [100, 105])).breach is None


def test_the_first_figure_ever_is_unknown() -> None:
    found = one(condition("change", DEADLOCKS), MadeView().past_of("database_deadlocks_total", [100]))
    assert (found.breach, found.reason) == (None, "there are figures of 0s only, of 30m are needed")


def test_a_backup_that_shrank_against_the_median() -> None:
    judge = condition("change", BACKUP)
    days = [1000.0] * 24 * 10 + [5000.0] + [1000.0] * 24
    assert one(judge, MadeView().past_of("frappe_backup_bytes", [*days, 710], HOUR)).breach is False
    found = one(judge, MadeView().past_of("frappe_backup_bytes", [*days, 690], HOUR))
    assert (found.breach, found.value, found.limit) == (True, -31, -30)
    assert found.fields == {"over": timedelta(days=30)}
    assert judge.unit == "percent"


@pytest.mark.parametrize(("against", "expected"), [("value", 40), ("median", 20), ("mean", 10), ("max", -30)])
def test_what_the_present_is_held_against(against: str, expected: float) -> None:
    text = 'metric = "association_members_without_customer"\nover = "1h"\nas = "difference"\nabove = 1000\n'
    judge = condition("change", f'{text}against = "{against}"\nhistory = "20m"')
    values = [10.0, 30.0, 30.0, 50.0, 80.0, 50.0]
    found = one(judge, MadeView().past_of("association_members_without_customer", values, timedelta(minutes=5)))
    assert found.value == pytest.approx(expected)


def test_a_percentage_of_nothing_is_unknown() -> None:
    judge = condition("change", BACKUP)
    found = one(judge, MadeView().past_of("frappe_backup_bytes", [*([0.0] * 100), 50], HOUR))
    assert (found.breach, found.reason) == (None, "it was 0 before, of which nothing is a percentage")


def test_label_sets_are_held_against_their_own_past() -> None:
    judge = condition("change", 'metric = "frappe_jobs_failed"\nover = "10m"\nas = "difference"\nabove = 5')
    view = MadeView().past_of("frappe_jobs_failed", range(11), queue="long")
    view.past_of("frappe_jobs_failed", [7.0] * 11, queue="short")
    assert {labels: each.value for labels, each in verdicts(judge, view).items()} == {
        "queue=long": 10,
        "queue=short": 0,
    }


def test_a_figure_that_is_not_there_is_unknown() -> None:
    view = MadeView().past_of("database_deadlocks_total", range(61))
    view.reasons["database_deadlocks_total"] = "the database does not answer"
    found = one(condition("change", DEADLOCKS), view)
    assert (found.breach, found.reason) == (None, "the database does not answer")


def test_a_long_past_is_not_read_every_minute() -> None:
    assert condition("change", DEADLOCKS).every is None
    assert condition("change", BACKUP).every == HOUR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('metric = "frappe_errors"\nabove = 1\nas = "increase"', "over is missing"),
        (
            'metric = "frappe_errors"\nabove = 1\nover = "1h"',
            "as is missing: give one of increase, difference, percent",
        ),
        ('metric = "frappe_errors"\nabove = 1\nover = "1h"\nas = "percents"', "did you mean percent?"),
        ('metric = "frappe_errors"\nabove = 1\nover = "an hour"\nas = "percent"', "'an hour' is no length of time"),
        ('metric = "frappe_errors"\nabove = 1\nover = "2m"\nas = "percent"', "over is too short"),
        ('metric = "frappe_errors"\nabove = 1\nover = "1h"\nas = "percent"\nhistory = "2h"', "history is longer"),
        ('metric = "frappe_errors"\nabove = 1\nover = "1h"\nas = "increase"\nagainst = "max"', "against means nothing"),
    ],
)
def test_mistakes_are_named(text: str, expected: str) -> None:
    found = problems_of("change", text)
    assert any(expected in problem for problem in found), found


counts = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


@settings(deadline=None)
@given(counts)
def test_a_counter_without_restarts_grows_by_its_ends(steps: list[int]) -> None:
    values = [float(sum(steps[: place + 1])) for place in range(len(steps))]
    assert increase(values, resets=True) == values[-1] - values[0]


@settings(deadline=None)
@given(counts, counts)
def test_a_restart_loses_nothing_that_was_counted_after_it(before: list[int], after: list[int]) -> None:
    first = [float(5000 + sum(before[: place + 1])) for place in range(len(before))]
    second = [float(sum(after[: place + 1])) for place in range(len(after))]
    whole = increase([*first, *second], resets=True)
    # From 5000 and more down to at most 30000: only where it fell below was there a restart to be seen.
    if second[0] < first[-1]:
        assert whole == (first[-1] - first[0]) + second[-1]
    assert whole >= 0


@settings(deadline=None)
@given(counts)
def test_an_increase_never_falls_as_time_goes_on(values: list[int]) -> None:
    line = [float(value) for value in values]
    grown = [increase(line[: place + 1], resets=True) for place in range(len(line))]
    assert grown == sorted(grown)

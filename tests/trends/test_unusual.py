"""What is unusual: nothing in what is constant or returns every week, all that was planted, and never by hindsight."""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.clock import to_ms
from baken.history.rollups import HOUR_MS
from baken.trends import unusual
from baken.trends.unusual import Calendar, Hours, Stretch, Usual

BEGINS = datetime(2026, 1, 5, tzinfo=UTC)
FIRST = to_ms(BEGINS)
ZONE = ZoneInfo("Europe/Amsterdam")


def at(days: float) -> int:
    """The moment so many days after the beginning."""
    return to_ms(BEGINS + timedelta(days=days))


def noisy(days: int, seed: int, level: float = 100.0, swing: float = 40.0, noise: float = 4.0) -> list[float]:
    """A figure by the hour that follows the day and the week, with noise."""
    rng = random.Random(seed)
    found = []
    for hour in range(days * 24):
        weekday = 1.0 if (hour // 24) % 7 < 5 else 0.4
        found.append(level + weekday * swing * math.sin(hour % 24 / 24 * math.tau) + rng.gauss(0, noise))
    return found


def judge(values: Sequence[float], since: int, resolution: float = 1.0, every: int = 1) -> list[Stretch]:
    """The stretches from hour `since` on."""
    moments = [FIRST + hour * HOUR_MS for hour in range(len(values))]
    usual = Usual(Hours(moments, values, values), Calendar(ZONE), resolution, until=moments[-1], every=every)
    assert usual.reason is None
    band = unusual.band(usual, moments[since:], HOUR_MS)
    return unusual.stretches(moments[since:], values[since:], band)


@given(st.integers(0, 1000), st.sampled_from([0.01, 3.0, 1e6]), st.sampled_from([0.0, -500.0, 12_345.0]))
@settings(max_examples=15, deadline=None)
def test_scale_and_shift_change_nothing(seed: int, scale: float, shift: float) -> None:
    values = noisy(40, seed)
    values[38 * 24 + 5] += 300
    plain = judge(values, 35 * 24)
    moved = judge([value * scale + shift for value in values], 35 * 24, resolution=scale)
    assert [(one.start, one.end, one.above) for one in plain] == [(one.start, one.end, one.above) for one in moved]


@given(st.floats(-1e9, 1e9), st.integers(8, 60))
@settings(max_examples=20, deadline=None)
def test_a_constant_is_never_unusual(value: float, days: int) -> None:
    assert judge([value] * days * 24, 0) == []


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_what_returns_every_week_is_not_unusual(seed: int) -> None:
    # The clocks change on 29 March, after 83 days.
    assert judge(noisy(75, seed), 28 * 24) == []


def test_a_new_week_is_learnt_before_it_is_judged() -> None:
    # With less than three weeks only the hour of the day is known: weekends are part of its spread.
    assert judge(noisy(20, 1), 8 * 24) == []


@given(st.integers(0, 10_000), st.integers(30 * 24, 40 * 24), st.sampled_from([-1, 1]))
@settings(max_examples=20, deadline=None)
def test_a_spike_is_found(seed: int, hour: int, sign: int) -> None:
    values = noisy(42, seed)
    values[hour] += sign * 200
    found = judge(values, 29 * 24)
    assert [(one.start, one.above, one.worst) for one in found] == [(FIRST + hour * HOUR_MS, sign > 0, values[hour])]


@given(st.integers(0, 10_000), st.integers(30 * 24, 36 * 24), st.sampled_from([-1, 1]))
@settings(max_examples=20, deadline=None)
def test_a_shift_of_the_level_is_found_at_once(seed: int, hour: int, sign: int) -> None:
    values = noisy(42, seed)
    values[hour:] = [value + sign * 60 for value in values[hour:]]
    found = judge(values, 29 * 24)
    assert found and abs(found[0].start - (FIRST + hour * HOUR_MS)) <= HOUR_MS
    assert found[0].above is (sign > 0) and found[0].points >= 12


@given(st.integers(0, 10_000), st.integers(30 * 24, 38 * 24))
@settings(max_examples=15, deadline=None)
def test_the_future_changes_nothing_in_the_past(seed: int, cut: int) -> None:
    values = noisy(42, seed)
    rng = random.Random(seed)
    for _ in range(4):
        start = rng.randrange(29 * 24, 41 * 24)
        values[start : start + 5] = [value + 150 for value in values[start : start + 5]]
    moments = [FIRST + hour * HOUR_MS for hour in range(len(values))]
    known = Usual(Hours(moments[:cut], values[:cut], values[:cut]), Calendar(ZONE), 1.0, until=moments[cut - 1])
    later = Usual(Hours(moments, values, values), Calendar(ZONE), 1.0, until=moments[-1])
    assert [known.at(moment) for moment in moments[28 * 24 : cut]] == [
        later.at(moment) for moment in moments[28 * 24 : cut]
    ]
    over = [one for one in judge(values, 29 * 24) if one.end < moments[cut] - 2 * HOUR_MS]
    assert over == [one for one in judge(values[:cut], 29 * 24) if one.end < moments[cut] - 2 * HOUR_MS]


def test_what_is_mostly_zero_may_do_what_it_has_done_before() -> None:
    values = [0.0] * 40 * 24
    for day in range(0, 38, 3):
        values[day * 24 + 9] = 4.0
    assert judge(values, 29 * 24) == []
    values[39 * 24 + 9] = 40.0
    assert [(one.worst, one.above) for one in judge(values, 29 * 24)] == [(40.0, True)]


def test_what_comes_every_month_is_not_unusual_a_month_later() -> None:
    """A stock of invoices: some every day, three hundred on one day of the month."""
    values, stock = [], 1000.0
    for hour in range(75 * 24):
        if hour % 24 == 10:
            stock += 300 if hour // 24 in (5, 36, 66) else 2
        values.append(stock)
    assert [one.start for one in judge(values, 30 * 24)] == []


def test_what_fills_up_is_not_unusual_and_a_leap_is() -> None:
    rng = random.Random(3)
    values, level = [], 500.0
    for _ in range(45 * 24):
        level += rng.uniform(0, 0.2)
        values.append(level)
    assert judge(values, 29 * 24) == []
    values[40 * 24 + 3 :] = [value + 50 for value in values[40 * 24 + 3 :]]
    found = judge(values, 29 * 24)
    assert [one.start for one in found] == [FIRST + (40 * 24 + 3) * HOUR_MS]
    # A day later it is where the figure stands.
    assert found[0].end < FIRST + 41 * 24 * HOUR_MS


@pytest.mark.parametrize("days", [0, 1, 6])
def test_too_little_history_says_so(days: int) -> None:
    moments = [FIRST + hour * HOUR_MS for hour in range(max(1, days * 24))]
    values = [float(hour % 24) for hour in range(len(moments))]
    usual = Usual(Hours(moments, values, values), Calendar(ZONE), 1.0, until=moments[-1])
    assert usual.reason is not None and "after 7 days" in usual.reason
    assert all(usual.at(moment) is None for moment in moments)


def test_nothing_known_at_all() -> None:
    usual = Usual(Hours([], [], []), Calendar(ZONE), 1.0, until=FIRST)
    assert usual.reason == "what is usual is known after 7 days; there are 0 so far"
    assert unusual.band(usual, [FIRST], HOUR_MS).low == [None]


def test_hours_without_figures_are_no_zeros() -> None:
    values = noisy(40, 5)
    moments = [FIRST + hour * HOUR_MS for hour in range(len(values))]
    rng = random.Random(5)
    kept = sorted(rng.sample(range(len(values)), len(values) * 2 // 3))
    hours = Hours([moments[i] for i in kept], [values[i] for i in kept], [values[i] for i in kept])
    usual = Usual(hours, Calendar(ZONE), 1.0, until=moments[-1])
    asked = moments[29 * 24 :]
    band = unusual.band(usual, asked, HOUR_MS)
    assert unusual.stretches(asked, values[29 * 24 :], band) == []
    values[35 * 24] += 300
    assert len(unusual.stretches(asked, values[29 * 24 :], band)) == 1


def test_one_learning_for_several_days_stays_causal() -> None:
    values = noisy(60, 8)
    values[45 * 24 + 3] += 400
    assert [one.worst for one in judge(values, 35 * 24, every=3)] == [values[45 * 24 + 3]]
    assert unusual.days_of_one_learning(7, 4) == 1
    assert unusual.days_of_one_learning(90, 2) == 3


def test_single_points_need_to_be_far_out() -> None:
    moments = list(range(6))
    band = unusual.Band([0.0] * 6, [10.0] * 6, [-10.0] * 6, [20.0] * 6)
    assert unusual.stretches(moments, [5, 15, 5, 5, 15, 5], band) == []
    assert [one.points for one in unusual.stretches(moments, [5, 25, 5, 5, 5, 5], band)] == [1]
    # One point inside, or missing, does not end a stretch; two do. The other side is another stretch.
    assert [one.points for one in unusual.stretches(moments, [15, 15, None, 15, 5, 5], band)] == [3]
    assert unusual.stretches(moments, [15, 15, 5, 5, 15, 5], band) == []
    assert [one.above for one in unusual.stretches(moments, [25, -15, 5, 5, 5, 5], band)] == [True, False]


def test_after_days_without_figures_nobody_knows_what_a_day_began_with() -> None:
    # Two new documents a day; then four days in which nobody looked.
    hours = [hour for hour in range(40 * 24) if not 30 * 24 <= hour < 34 * 24]
    moments = [FIRST + hour * HOUR_MS for hour in hours]
    values = [float(100 + hour // 12) for hour in hours]
    usual = Usual(Hours(moments, values, values), Calendar(ZONE), 1.0, until=moments[-1])
    assert usual.at(FIRST + (34 * 24 + 12) * HOUR_MS) is None
    band = unusual.band(usual, moments, HOUR_MS)
    assert unusual.stretches(moments, values, band) == []
    # And what came meanwhile does not make a leap of as much usual later on.
    later = usual.at(FIRST + (38 * 24 + 12) * HOUR_MS)
    before = usual.at(FIRST + (28 * 24 + 12) * HOUR_MS)
    assert later is not None and before is not None
    assert later[1] - later[0] == before[1] - before[0]


def test_a_counter_that_began_anew_has_no_rate_across_that() -> None:
    from baken.api.usual import _trailing
    from baken.history.ranges import Points

    def points(begin: int, step: int, values: list[float]) -> Points:
        return Points({}, [FIRST + begin + i * step for i in range(len(values))], values, None, None)

    minute = 60_000
    past = points(-3 * HOUR_MS, HOUR_MS, [100.0, 200.0, 300.0])
    # Anew after twenty minutes, and then far beyond where it was: 300 more is not what it grew by.
    values = [300.0 + 5 * i if i < 20 else 40.0 * (i - 20) for i in range(180)]
    found = _trailing(points(0, minute, values), past, 60)
    assert all(rate is not None for rate in found[:20])
    assert all(rate is None for rate in found[20:79])
    assert found[85] == pytest.approx(40 / 60)

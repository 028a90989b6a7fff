"""What is called a trend, and what is not: laws of the tests, and what they say of numbers without any trend."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.errors.trend import (
    LEAST_BINS,
    benjamini_hochberg,
    growth,
    mann_kendall,
    poisson_tail,
    theil_sen,
    trends,
)

counts = st.lists(st.integers(0, 500), min_size=LEAST_BINS, max_size=60)


@settings(deadline=None)
@given(counts)
def test_time_that_runs_backwards_turns_the_sign_and_nothing_else(values: list[int]) -> None:
    score, p = mann_kendall(values)
    back, chance = mann_kendall(values[::-1])
    assert back == -score
    assert chance == pytest.approx(p)
    assert theil_sen(values[::-1]) == pytest.approx(-theil_sen(values))


@settings(deadline=None)
@given(counts, st.integers(1, 50), st.integers(0, 1000))
def test_only_the_order_of_the_values_counts(values: list[int], factor: int, shift: int) -> None:
    assert mann_kendall([factor * value + shift for value in values]) == mann_kendall(values)
    assert theil_sen([factor * value + shift for value in values]) == pytest.approx(factor * theil_sen(values))


@settings(deadline=None)
@given(counts)
def test_the_score_is_the_pairs_that_rise_less_those_that_fall(values: list[int]) -> None:
    pairs = [(values[i], values[j]) for i in range(len(values)) for j in range(i + 1, len(values))]
    score, p = mann_kendall(values)
    assert score == sum((after > before) - (after < before) for before, after in pairs)
    assert 0 <= p <= 1


def test_a_textbook_example() -> None:
    """Gilbert (1987), example 16.2 in the style of: S of a strictly rising series, its variance n(n-1)(2n+5)/18."""
    score, p = mann_kendall(list(range(10)))
    assert score == 45
    assert p == pytest.approx(math.erfc(44 / math.sqrt(125) / math.sqrt(2)))


@pytest.mark.parametrize("mean", [0.5, 4.0, 200.0])
def test_without_a_trend_p_is_uniform(mean: float) -> None:
    rng = random.Random(7)
    rounds = 3000
    found = sorted(mann_kendall([_poisson(rng, mean) for _ in range(30)])[1] for _ in range(rounds))
    for level in (0.05, 0.2, 0.5):
        share = sum(p <= level for p in found) / rounds
        # Four standard errors and what the continuity correction holds back.
        assert level - 0.03 - 4 * math.sqrt(level / rounds) < share < level + 4 * math.sqrt(level / rounds)


def test_a_planted_trend_is_found_among_many_that_have_none() -> None:
    rng = random.Random(3)
    still = [[_poisson(rng, 20) for _ in range(30)] for _ in range(100)]
    rising = [_poisson(rng, 10 + day) for day in range(30)]
    falling = rising[::-1]
    found = trends([*still, rising, falling], threshold=0.1)
    assert (found[-2].direction, found[-1].direction) == ("up", "down")
    assert found[-2].per_day == pytest.approx(1, abs=0.4)
    assert found[-1].per_day == pytest.approx(-(found[-2].per_day or 0))
    assert found[-2].growth is not None
    assert 0.5 < found[-2].growth < 1.5
    # At most a twentieth of those that are told may be false ones.
    assert sum(each.direction != "flat" for each in found[:-2]) <= 1
    assert all(each.per_day is None for each in found[:-2] if each.direction == "flat")


def test_one_bad_day_and_a_weekly_rhythm_are_no_trend() -> None:
    bad = [3] * 20 + [900] + [3] * 9
    weekly = [10 if day % 7 < 5 else 1 for day in range(28)]
    assert [each.direction for each in trends([bad, weekly], threshold=0.1)] == ["flat", "flat"]


def test_growth_that_does_not_matter_is_no_trend() -> None:
    values = [10_000 + 10 * day for day in range(30)]
    assert trends([values], threshold=0.1)[0].direction == "flat"
    assert trends([values], threshold=0.01)[0].direction == "up"


def test_nothing_is_said_of_few_days_few_errors_and_what_is_still_being_read() -> None:
    short, rare = trends([[1, 5, 9, 12, 20, 30, 31], [0] * 28 + [1, 3]], threshold=0.1)
    assert (short.direction, rare.direction) == ("unknown", "unknown")
    assert (short.p, rare.p) == (None, None)
    assert "7 days" in (short.reason or "")
    assert "fewer than 5" in (rare.reason or "")
    assert trends([list(range(30))], threshold=0.1, unknown="still being read")[0].reason == "still being read"


def test_growth_from_nothing_is_not_infinite() -> None:
    """Defect 6: float('inf') when the first half was empty."""
    assert growth([0] * 15 + [9] * 15) is None
    assert growth([4, 4, 100, 6, 6]) == 0.5
    found = trends([[0] * 15 + [9, 8, 10] * 5], threshold=0.1)[0]
    assert (found.direction, found.growth) == ("up", None)
    assert found.per_day is not None
    assert 0 < found.per_day < 2


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=50))
def test_adjusted_chances_keep_their_order_and_are_never_smaller(values: list[float]) -> None:
    adjusted = benjamini_hochberg(values)
    assert all(p <= q <= 1 for p, q in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=lambda place: values[place])
    assert all(adjusted[one] <= adjusted[other] for one, other in pairwise(order))


def test_adjusting_an_example() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])


@settings(deadline=None)
@given(st.integers(1, 300), st.floats(0.01, 300))
def test_the_poisson_tail_is_the_sum_of_its_terms(count: int, expected: float) -> None:
    below = math.fsum(math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(count))
    assert poisson_tail(count, expected) == pytest.approx(1 - below, abs=1e-9)


def test_the_poisson_tail_at_its_ends() -> None:
    assert poisson_tail(0, 3) == 1
    assert poisson_tail(5, 0) == 0
    assert poisson_tail(10_000, 5_000) < 1e-12
    assert poisson_tail(5_000, 10_000) == pytest.approx(1)


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count

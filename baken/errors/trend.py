"""Whether errors really become more or fewer: tests of significance on counts per day, without assumptions of shape.

Mann-Kendall asks whether later days tend to have more than earlier ones; it needs no distribution and is not led
astray by one bad day. Many patterns are asked at once, so the chance of false alarms among those called a trend is
kept at LEVEL (Benjamini-Hochberg). Significance alone is not enough: the growth has to matter as well.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

LEAST_BINS = 8
"""With fewer days nothing is said about a trend; the normal approximation needs about as many (Gilbert 1987)."""

LEAST_ERRORS = 5
"""Fewer errors than this have no direction."""

LEVEL = 0.05
"""Share of false ones among the trends that are told."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether there is a trend.

    Attributes:
        direction: "up", "down", "flat" (no trend that is both significant and large enough) or "unknown".
        p: how likely such counts are without any trend, 0 to 1, adjusted for the number of patterns asked; None:
            unknown.
        per_day: by how many errors a day the count of a day changes (Theil-Sen); None without a trend.
        growth: how much more the later half has than the earlier one, relative (0.5: half as much again); None when
            the earlier half has none.
        reason: why nothing is known; None when something is.
    """

    direction: str
    p: float | None = None
    per_day: float | None = None
    growth: float | None = None
    reason: str | None = None

    def answer(self) -> dict[str, Any]:
        """As the API gives it; figures are rounded to what they can carry."""
        return {
            "direction": self.direction,
            "p": None if self.p is None else float(f"{self.p:.3g}"),
            "per_day": None if self.per_day is None else round(self.per_day, 3),
            "growth": None if self.growth is None else round(self.growth, 4),
            "reason": self.reason,
        }


def trends(series: Sequence[Sequence[int]], *, threshold: float, unknown: str | None = None) -> list[Trend]:
    """The trend of each of several series of counts per day that are judged together.

    Args:
        series: counts per 24 hours, oldest first; only days that were looked at.
        threshold: the least relative growth (or decline) that is called a trend.
        unknown: why nothing can be said of any of them; None when something can.
    """
    found = [_judged(bins, unknown) for bins in series]
    asked = [place for place, each in enumerate(found) if each.p is not None]
    adjusted = benjamini_hochberg([found[place].p or 0.0 for place in asked])
    for place, p in zip(asked, adjusted, strict=True):
        found[place] = _decided(replace(found[place], p=p), series[place], threshold)
    return found


def _judged(bins: Sequence[int], unknown: str | None) -> Trend:
    if unknown:
        return Trend("unknown", reason=unknown)
    if len(bins) < LEAST_BINS:
        return Trend("unknown", reason=f"{len(bins)} days are known; a trend needs at least {LEAST_BINS}")
    if sum(bins) < LEAST_ERRORS:
        return Trend("unknown", growth=growth(bins), reason=f"fewer than {LEAST_ERRORS} errors in {len(bins)} days")
    return Trend("flat", p=mann_kendall(bins)[1], growth=growth(bins))


def _decided(trend: Trend, bins: Sequence[int], threshold: float) -> Trend:
    if trend.p is None or trend.p > LEVEL:
        return trend
    rising = mann_kendall(bins)[0] > 0
    grown = trend.growth
    if grown is not None and (grown < threshold if rising else grown > -threshold):
        return trend
    return replace(trend, direction="up" if rising else "down", per_day=theil_sen(bins))


def mann_kendall(values: Sequence[float]) -> tuple[int, float]:
    """(S, two-sided p) of the Mann-Kendall test for a monotonic trend.

    S counts the pairs that rise minus the pairs that fall. Its variance is corrected for ties and the normal
    approximation for continuity: Kendall, Rank Correlation Methods (4th ed. 1975); Gilbert, Statistical Methods for
    Environmental Pollution Monitoring (1987), section 16.4.
    """
    count = len(values)
    score, earlier = 0, []  # type: int, list[float]
    for value in values:
        score += bisect_left(earlier, value) - (len(earlier) - bisect_right(earlier, value))
        insort(earlier, value)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values() if t > 1)
    variance = (count * (count - 1) * (2 * count + 5) - ties) / 18
    if score == 0 or variance <= 0:
        return score, 1.0
    z = (abs(score) - 1) / math.sqrt(variance)
    return score, math.erfc(z / math.sqrt(2))


def theil_sen(values: Sequence[float]) -> float:
    """The median of the slopes between all pairs of values one step apart each (Sen 1968, JASA 63, 1379-1389).

    Where most pairs are equal, as with rare errors, the median is 0 although the trend is not; then the slope of the
    means of both halves is taken.
    """
    count = len(values)
    slopes = [(values[j] - values[i]) / (j - i) for i in range(count) for j in range(i + 1, count)]
    found = median(slopes) if slopes else 0.0
    if found or count < 2:
        return found
    half = count // 2
    return (sum(values[count - half :]) - sum(values[:half])) / half / (count - half)


def growth(values: Sequence[float]) -> float | None:
    """How much more the later half has than the earlier one, relative; None when the earlier one has none.

    With an odd number of values the one in the middle belongs to neither.
    """
    half = len(values) // 2
    earlier, later = sum(values[:half]), sum(values[len(values) - half :])
    return later / earlier - 1 if earlier else None


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p values: those at most q are the ones found with a false discovery rate of q.

    Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995), 289-300.
    """
    order = sorted(range(len(p)), key=lambda place: p[place], reverse=True)
    adjusted, least = [1.0] * len(p), 1.0
    for passed, place in enumerate(order):
        least = min(least, p[place] * (len(p) / (len(p) - passed)))
        adjusted[place] = least
    return adjusted


def poisson_tail(count: float, expected: float) -> float:
    """How likely `count` or more events are when `expected` are to be expected, both above 0.

    The regularised incomplete gamma function P(count, expected), by its series or its continued fraction: Numerical
    Recipes (3rd ed. 2007), section 6.2. `count` may be a fraction, as counts are that were scaled.
    """
    if count <= 0:
        return 1.0
    if expected <= 0:
        return 0.0
    log = count * math.log(expected) - expected - math.lgamma(count)
    if expected < count + 1:
        term = total = 1 / count
        step = count
        while abs(term) > abs(total) * 1e-12:
            step += 1
            term *= expected / step
            total += term
        return min(1.0, total * math.exp(log))
    return max(0.0, 1 - _upper(count, expected) * math.exp(log))


def _upper(a: float, x: float) -> float:
    """The continued fraction of the upper incomplete gamma function, by Lentz's method."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    h = d
    for i in range(1, 10_000):
        an = -i * (i - a)
        b += 2
        d = an * d + b
        d = 1 / (d if abs(d) > tiny else tiny)
        c = b + an / c
        c = c if abs(c) > tiny else tiny
        step = d * c
        h *= step
        if abs(step - 1) < 1e-12:
            break
    return h

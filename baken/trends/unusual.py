"""What is unusual in the course of a figure: what its own last weeks did not show at this hour of the day or week.

This is what charts draw; forecasts, and anomalies that are held against labelled benchmarks, are a matter of their own
in this room. It is causal: what is usual on a day is learnt from the days before it alone, so that nothing that comes
later changes what was said about the past.

Two kinds of figures are told apart, by themselves:

- those that come back to the same level day after day: usual is the median of the same hour of the week over the last
  28 days (with less than three weeks of them: of the same hour of the day), give or take FACTOR times the spread. The
  spread is the median distance from that (MAD, times 1.4826) over the hour itself and its two neighbours on all days,
  and not less than the figure's resolution. Where a twentieth of the distances is larger than that (bursts), LEAP
  times what the others keep to is usual.
- those that stay where they are, or wander off: figures that change in less than 30 % of the hours (counts of
  documents, what is mostly zero), and those that are far nearer to yesterday than to their median (what fills up).
  Usual is the value that the day began with, up to LEAP times the largest rise, and down to LEAP times the largest
  drop, that any of the last 35 days brought. So the invoices of every month are not unusual in the next month.

A point outside is worth telling when three stand together on the same side, or when one lies twice as far out.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from statistics import median

from baken.history.rollups import DAY_MS, HOUR_MS

FACTOR = 5.0
"""So many times the spread a figure may be away from its median."""

STEPS = 3.0
"""So many times its resolution a figure that stays or wanders may move within a day in any case."""

FAR = 2.0
"""A single point is told when it is so many times as far out as that."""

LEAP = 2.0
"""So many times its largest step a figure that stays or wanders may move within a day."""

TOGETHER = 3
"""So many points outside make a stretch."""

LEARNT_DAYS = 28
"""What is usual is learnt from so many days."""

MONTH_DAYS = 35
"""Steps within a day are learnt from so many days, so that what comes monthly is among them."""

LEAST_DAYS = 7
"""With fewer days of history nothing is said."""

_WEEKS_FROM = 21
_SELDOM = 0.3
_WANDERS = 0.5
_BURSTS = 0.95
_MAD = 1.4826
_MOST_BASES = 60


@dataclass(frozen=True, slots=True)
class Hours:
    """A figure by the hour: in the hour that begins at `at[i]` (ms, rising) it was from `low[i]` to `high[i]`.

    For a figure of which only the mean of an hour counts, `low` and `high` are the same list.
    """

    at: Sequence[int]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(slots=True)
class Band:
    """What is usual at some moments: from `low[i]` to `high[i]`; None where nobody can say. `far_*`: twice as far."""

    low: list[float | None] = field(default_factory=list)
    high: list[float | None] = field(default_factory=list)
    far_low: list[float | None] = field(default_factory=list)
    far_high: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Points outside of what is usual: the first at `start`, the last at `end` (ms), `points` of them, above or below.

    `worst` is the value farthest out, at the moment `at`, where `low` to `high` was usual.
    """

    start: int
    end: int
    above: bool
    points: int
    worst: float
    at: int
    low: float
    high: float


class Calendar:
    """Hours by a site's clock: their day (counted on from the year 1), hour of the day and day of the week."""

    def __init__(self, zone: tzinfo) -> None:
        """`zone`: where the site is."""
        self._zone = zone
        self._known: dict[int, tuple[int, int, int]] = {}

    def slot(self, at: int) -> tuple[int, int, int]:
        """(day, hour of the day, day of the week) of the hour in which the moment `at` (ms) lies."""
        hour = at - at % HOUR_MS
        found = self._known.get(hour)
        if found is None:
            here = datetime.fromtimestamp(hour / 1000, UTC).astimezone(self._zone)
            found = self._known[hour] = (here.toordinal(), here.hour, here.weekday())
        return found


_Range = tuple[float, float, float, float]


class Usual:
    """What is usual for one series. Raises nothing; `reason` says why nothing can be said, or is None."""

    def __init__(
        self,
        hours: Hours,
        calendar: Calendar,
        resolution: float,
        *,
        until: int,
        every: int = 1,
        least_step: float | None = None,
    ) -> None:
        """Prepare.

        Args:
            hours: the series by the hour, from MONTH_DAYS before the first moment that will be asked about.
            calendar: hours by the site's clock.
            resolution: the least difference that matters, in the figure's unit; above 0.
            until: the last moment (ms) that will be asked about.
            every: so many days one and the same learning is used for; `days_of_one_learning` says how many.
            least_step: so much a figure that stays or wanders may move within a day; otherwise STEPS resolutions.
        """
        self._hours = hours
        self._calendar = calendar
        self._resolution = resolution
        self._least_step = STEPS * resolution if least_step is None else least_step
        self._every = max(1, every)
        slots = [calendar.slot(at) for at in hours.at]
        self._day_of = [slot[0] for slot in slots]
        self._hour_of = [slot[1] for slot in slots]
        self._weekday_of = [slot[2] for slot in slots]
        self._bases: dict[int, _Returns | _Stays | None] = {}
        self._ranges: dict[int, _Range | None] = {}
        known = calendar.slot(until)[0] - self._day_of[0] if slots else 0
        self.reason = None if known >= LEAST_DAYS else too_short(known)

    def at(self, moment: int) -> _Range | None:
        """What is usual at `moment` (ms): low, high, and both twice as far out; None when nobody can say."""
        start = moment - moment % HOUR_MS
        if start not in self._ranges:
            self._ranges[start] = self._range(start)
        return self._ranges[start]

    def _range(self, moment: int) -> _Range | None:
        day, hour, weekday = self._calendar.slot(moment)
        base = self._base(day - day % self._every)
        if isinstance(base, _Returns):
            return base.at(hour, weekday)
        if isinstance(base, _Stays):
            first = bisect_left(self._day_of, day)
            # After a day and more without a figure nobody knows what the day began with.
            if first == 0 or day - self._day_of[first - 1] > 1:
                return None
            return base.around(self._hours.low[first - 1], self._hours.high[first - 1])
        return None

    def _base(self, day: int) -> "_Returns | _Stays | None":
        if day not in self._bases:
            self._bases[day] = self._learn(day)
        return self._bases[day]

    def _learn(self, day: int) -> "_Returns | _Stays | None":
        days = self._day_of
        last = bisect_left(days, day)
        if last == 0 or day - days[0] < LEAST_DAYS:
            return None
        first = bisect_left(days, day - LEARNT_DAYS)
        # Half of the hours of a week: with less, "usual" would be a guess.
        if last - first < LEAST_DAYS * 12:
            return None
        low, high = self._hours.low, self._hours.high
        start = max(first, 1)
        pairs = zip(
            low[start:last], high[start:last], low[start - 1 : last - 1], high[start - 1 : last - 1], strict=True
        )
        moved = sum(
            1 for down, up, before_down, before_up in pairs if down != up or down != before_down or up != before_up
        )
        if moved < _SELDOM * (last - first):
            return self._steps(bisect_left(days, day - MONTH_DAYS), last)
        if self._wanders(first, last):
            return self._steps(bisect_left(days, day - MONTH_DAYS), last)
        weekly = day - days[first] >= _WEEKS_FROM
        hour, weekday = self._hour_of[first:last], self._weekday_of[first:last]
        above = _side(high[first:last], hour, weekday, weekly, self._resolution)
        below = above if low is high else _side(low[first:last], hour, weekday, weekly, self._resolution)
        return _Returns(below, above)

    def _wanders(self, first: int, last: int) -> bool:
        """Whether the figure is far nearer to what it was a day before than to the median of its hour."""
        at, high = self._hours.at, self._hours.high
        by_hour: dict[int, list[float]] = {}
        for i in range(first, last):
            by_hour.setdefault(self._hour_of[i], []).append(high[i])
        middle = {hour: median(some) for hour, some in by_hour.items()}
        earlier = {at[i]: high[i] for i in range(first, last)}
        moved = [abs(high[i] - earlier[at[i] - DAY_MS]) for i in range(first, last) if at[i] - DAY_MS in earlier]
        away = median(abs(high[i] - middle[self._hour_of[i]]) for i in range(first, last))
        return bool(moved) and median(moved) < _WANDERS * away

    def _steps(self, first: int, last: int) -> "_Stays":
        low, high, days = self._hours.low, self._hours.high, self._day_of
        rise = drop = 0.0
        began_low, began_high, before = low[first], high[first], days[first]
        while first < last:
            if days[first] - before > 1:
                # What came while nobody looked is no step of a day.
                began_low, began_high = low[first], high[first]
            before = days[first]
            next_ = bisect_left(days, days[first] + 1, first, last)
            rise = max(rise, max(high[first:next_]) - began_high)
            drop = max(drop, began_low - min(low[first:next_]))
            began_low, began_high = low[next_ - 1], high[next_ - 1]
            first = next_
        return _Stays(max(LEAP * rise, self._least_step), max(LEAP * drop, self._least_step))


@dataclass(frozen=True, slots=True)
class _Side:
    """The middle by (day of the week, hour) or by hour alone, and the spread by hour."""

    weekly: dict[int, float]
    daily: dict[int, float]
    spread: dict[int, float]

    def middle(self, hour: int, weekday: int) -> float | None:
        """The median of that hour; None when it was never measured."""
        found = self.weekly.get(weekday * 24 + hour)
        return found if found is not None else self.daily.get(hour)


@dataclass(frozen=True, slots=True)
class _Returns:
    below: _Side
    above: _Side

    def at(self, hour: int, weekday: int) -> _Range | None:
        """The range at an hour by the site's clock."""
        low, high = self.below.middle(hour, weekday), self.above.middle(hour, weekday)
        if low is None or high is None:
            return None
        down, up = FACTOR * self.below.spread[hour], FACTOR * self.above.spread[hour]
        return low - down, high + up, low - FAR * down, high + FAR * up


@dataclass(frozen=True, slots=True)
class _Stays:
    rise: float
    drop: float

    def around(self, low: float, high: float) -> _Range:
        """The range on a day that began with a figure from `low` to `high`."""
        return low - self.drop, high + self.rise, low - FAR * self.drop, high + FAR * self.rise


def _side(
    values: Sequence[float], hours: Sequence[int], weekdays: Sequence[int], weekly: bool, resolution: float
) -> _Side:
    by_hour: dict[int, list[float]] = {}
    by_week: dict[int, list[float]] = {}
    for value, hour, weekday in zip(values, hours, weekdays, strict=True):
        by_hour.setdefault(hour, []).append(value)
        if weekly:
            by_week.setdefault(weekday * 24 + hour, []).append(value)
    daily = {hour: median(some) for hour, some in by_hour.items()}
    middles = {slot: median(some) for slot, some in by_week.items() if len(some) >= 3}
    away: dict[int, list[float]] = {}
    for hour, some in by_hour.items():
        if not weekly:
            away[hour] = [abs(value - daily[hour]) for value in some]
    for slot, some in by_week.items():
        middle = middles.get(slot, daily[slot % 24])
        away.setdefault(slot % 24, []).extend([abs(value - middle) for value in some])
    spread = {}
    for hour in by_hour:
        near = [*away[hour], *away.get((hour - 1) % 24, ()), *away.get((hour + 1) % 24, ())]
        near.sort()
        bursts = LEAP / FACTOR * near[min(len(near) - 1, int(_BURSTS * len(near)))]
        spread[hour] = max(_MAD * median(near), bursts, resolution)
    return _Side(middles, daily, spread)


def days_of_one_learning(days: int, series: int) -> int:
    """For how many days in a row one learning is used, so that `series` over `days` stay cheap."""
    return max(1, math.ceil(days * series / _MOST_BASES))


def too_short(days: int) -> str:
    """The reason why nothing is usual yet."""
    return f"what is usual is known after {LEAST_DAYS} days; there are {max(0, days)} so far"


def band(usual: Usual, moments: Sequence[int], step: int, *, trailing: bool = False) -> Band:
    """What is usual at points that stand for `step` milliseconds each: the mean over the hours of a longer one.

    With `trailing` the points stand for the hour that ends with their step: what is usual in one of the two hours
    that it lies in.
    """
    found = Band()
    for moment in moments:
        if trailing and step < HOUR_MS:
            low, high, far_low, far_high = _either(usual.at(moment), usual.at(moment - HOUR_MS))
        else:
            low, high, far_low, far_high = _mean([usual.at(hour) for hour in range(moment, moment + step, HOUR_MS)])
        found.low.append(low)
        found.high.append(high)
        found.far_low.append(far_low)
        found.far_high.append(far_high)
    return found


def _mean(parts: Sequence[_Range | None]) -> _Range | tuple[None, None, None, None]:
    known = [each for each in parts if each is not None]
    if len(known) <= 1:
        return known[0] if known else (None, None, None, None)
    low, high, far_low, far_high = (math.fsum(part) / len(known) for part in zip(*known, strict=True))
    return low, high, far_low, far_high


def _either(now: _Range | None, before: _Range | None) -> _Range | tuple[None, None, None, None]:
    if now is None or before is None:
        return now or before or (None, None, None, None)
    return min(now[0], before[0]), max(now[1], before[1]), min(now[2], before[2]), max(now[3], before[3])


def stretches(moments: Sequence[int], values: Sequence[float | None], usual: Band) -> list[Stretch]:
    """The stretches of points outside of what is usual, oldest first.

    Two on the same side with a single other point between them are one.
    """
    found: list[Stretch] = []
    open_: list[int] = []
    side, inside = 0, 0

    def close() -> None:
        if open_ and (len(open_) >= TOGETHER or any(_far(values[i], usual, i) for i in open_)):
            found.append(_stretch(moments, values, usual, open_, side > 0))
        open_.clear()

    for i, value in enumerate(values):
        out = _out(value, usual, i)
        if out and out == side and open_ and inside <= 1:
            open_.append(i)
            inside = 0
        elif out:
            close()
            open_.append(i)
            side, inside = out, 0
        else:
            inside += 1
            if inside > 1:
                close()
    close()
    return found


def _out(value: float | None, usual: Band, i: int) -> int:
    low, high = usual.low[i], usual.high[i]
    if value is None or low is None or high is None:
        return 0
    return 1 if value > high else -1 if value < low else 0


def _far(value: float | None, usual: Band, i: int) -> bool:
    low, high = usual.far_low[i], usual.far_high[i]
    return value is not None and low is not None and high is not None and not low <= value <= high


def _stretch(
    moments: Sequence[int], values: Sequence[float | None], usual: Band, members: Sequence[int], above: bool
) -> Stretch:
    def distance(i: int) -> float:
        value, edge = values[i], usual.high[i] if above else usual.low[i]
        return abs(value - edge) if value is not None and edge is not None else 0.0

    i = max(members, key=distance)
    worst, low, high = values[i], usual.low[i], usual.high[i]
    assert worst is not None and low is not None and high is not None  # noqa: S101 - members are outside of a band
    return Stretch(moments[members[0]], moments[members[-1]], above, len(members), worst, moments[i], low, high)

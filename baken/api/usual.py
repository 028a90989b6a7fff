"""What was usual for the series of a metric, and what was not, beside their points."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from baken.api.window import Window
from baken.clock import to_ms
from baken.history.joined import Lack
from baken.history.ranges import Points
from baken.history.rollups import HOUR_MS
from baken.history.store import Store
from baken.metrics.catalogue import Metric
from baken.trends import unusual
from baken.trends.unusual import Calendar, Hours, Stretch, Usual

LONGEST = timedelta(days=93)
"""What is usual is told over times up to this."""

MOST_SERIES = 30
"""What is usual is told for at most so many series of a metric at once."""

_KEEP_SECONDS, _KEEP_SECONDS_LACKING, _MOST_KEPT = 600.0, 30.0, 64
_HISTORY = timedelta(days=unusual.MONTH_DAYS + 1)

# The least difference that matters to people, by unit.
_RESOLUTION = {"ratio": 0.01, "seconds": 0.01, "bytes": 1e6, "EUR": 1.0, "days": 0.5}
# Ages of what waits: nobody cares about seconds.
_AGE, _AGES = 10.0, ("_age_seconds", "_oldest_job_seconds", "_oldest_unsent_seconds", "_silence_seconds",
                     "_transaction_seconds", "_uptime_seconds")  # fmt: skip
# And as a share of the figure's level: of what comes back to it, and of what stays there.
_SHARE, _STEP_SHARE = 0.02, 0.005


Read = Callable[[datetime, datetime], tuple[list[Points], Lack | None]]
"""Gives the series by the hour from one moment to another, and what of them could not be had."""


def unusual_in(
    store: Store,
    read: Read,
    entry: Metric,
    site: str,
    labels: dict[str, str],
    window: Window,
    step: int,
    zone: str,
    found: Sequence[Points],
) -> list[dict[str, Any]]:
    """For each of the series `found` (points of `step` seconds) what `baken.get_series` tells when asked for the usual.

    Returns a list in the same order of usual (low and high for each point, and `rate`: whether they are per second,
    as for counters) or null with usual_absent, and unusual.
    """  # fmt: skip
    reason = None
    if entry.unit == "bool":
        reason = "it is either yes or no"
    elif window.span > LONGEST:
        reason = f"what is usual is told over {LONGEST.days} days at most"
    elif len(found) > MOST_SERIES:
        reason = f"what is usual is told for {MOST_SERIES} series at most; choose labels"
    if reason is not None:
        return [_absent(reason) for _ in found]
    learnt = _learnt(store, read, entry, site, labels, window, step, zone, len(found))
    answers = []
    for points in found:
        own = learnt.get(tuple(sorted(points.labels.items())))
        answers.append(_absent(unusual.too_short(0)) if own is None else _judged(entry, points, own, step))
    return answers


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A series by the hour, and what is usual for it. `positive`: it was never below zero."""

    past: Points
    usual: Usual
    positive: bool


_Kept = dict[tuple[object, ...], tuple[float, dict[tuple[tuple[str, str], ...], _Learnt]]]
_kept: WeakKeyDictionary[Store, _Kept] = WeakKeyDictionary()
_guard = threading.Lock()


def _learnt(
    store: Store,
    read: Read,
    entry: Metric,
    site: str,
    labels: dict[str, str],
    window: Window,
    step: int,
    zone: str,
    series: int,
) -> dict[tuple[tuple[str, str], ...], _Learnt]:
    """What was learnt about the series with these labels, anew after some minutes and on a new day."""  # fmt: skip
    calendar = Calendar(ZoneInfo(zone))
    first, today = (calendar.slot(to_ms(moment))[0] for moment in (window.start, window.end))
    fine = step * 1000 < HOUR_MS
    key = (entry.name, site, tuple(sorted(labels.items())), first, today, fine, zone)
    with _guard:
        kept = _kept.setdefault(store, {})
        known = kept.get(key)
    if known is not None and time.monotonic() - known[0] < _KEEP_SECONDS:
        return known[1]
    every = unusual.days_of_one_learning(today - first + 1, series)
    counted = entry.kind == "counter"
    begins = window.start - _HISTORY - timedelta(days=every)
    found = {}
    pasts, lack = read(begins, window.end)
    for past in pasts:
        if counted:
            at, rates = _rates(past)
            hours = Hours(at, rates, rates)
        elif fine and past.minimum is not None and past.maximum is not None:
            hours = Hours(past.at, past.minimum, past.maximum)
        else:
            hours = Hours(past.at, past.value, past.value)
        usual = Usual(
            hours,
            calendar,
            _resolution(entry, hours, window, _SHARE),
            until=to_ms(window.end),
            every=every,
            least_step=unusual.STEPS * _resolution(entry, hours, window, _STEP_SHARE),
        )
        found[tuple(sorted(past.labels.items()))] = _Learnt(past, usual, min(hours.low, default=0.0) >= 0)
    with _guard:
        # What was learnt without the long history is soon learnt anew.
        kept[key] = (time.monotonic() - (0.0 if lack is None else _KEEP_SECONDS - _KEEP_SECONDS_LACKING), found)
        while len(kept) > _MOST_KEPT:
            del kept[next(iter(kept))]
    return found


def _judged(entry: Metric, points: Points, learnt: _Learnt, step: int) -> dict[str, Any]:
    usual, positive, counted = learnt.usual, learnt.positive, entry.kind == "counter"
    if usual.reason is not None:
        return _absent(usual.reason)
    values: list[float | None] = _trailing(points, learnt.past, step) if counted else list(points.value)
    band = unusual.band(usual, points.at, step * 1000, trailing=counted)
    low = [0.0 if positive and value is not None and value < 0 else value for value in band.low]
    return {
        "usual": {
            "low": [_short(value) for value in low],
            "high": [_short(value) for value in band.high],
            "rate": counted,
        },
        "unusual": [_told(one, positive, step) for one in unusual.stretches(points.at, values, band)],
    }


def _absent(reason: str) -> dict[str, Any]:
    return {"usual": None, "usual_absent": reason, "unusual": []}


def _told(one: Stretch, positive: bool, step: int) -> dict[str, Any]:
    return {
        "start": one.start,
        # A point stands for the stretch that begins at it.
        "end": one.end + step * 1000,
        "above": one.above,
        "points": one.points,
        "worst": _short(one.worst),
        "at": one.at,
        "low": _short(max(0.0, one.low) if positive else one.low),
        "high": _short(one.high),
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _resolution(entry: Metric, hours: Hours, window: Window, share: float) -> float:
    """The least difference that matters: by the unit, and by the level before the time that is asked about."""
    first = to_ms(window.start)
    unit = _AGE if entry.name.endswith(_AGES) else _RESOLUTION.get(entry.unit, 1.0)
    least = unit / (3600 if entry.kind == "counter" else 1)
    level = [abs(value) for at, value in zip(hours.at, hours.high, strict=True) if at < first]
    return max(least, share * median(level)) if level else least


def _rates(past: Points) -> tuple[list[int], list[float]]:
    """Per second, over each hour from the one before it; an hour in which the counter began anew is left out."""
    at, rates = [], []
    for i in range(1, len(past.at)):
        seconds, more = (past.at[i] - past.at[i - 1]) / 1000, past.value[i] - past.value[i - 1]
        if more >= 0 and seconds <= 3 * 3600:
            at.append(past.at[i])
            rates.append(more / seconds)
    return at, rates


def _trailing(points: Points, past: Points, step: int) -> list[float | None]:
    """A counter's rate per second over the hour (or the longer step) that ends with each point.

    What is known of other days is known by the hour: shorter rates would be held against calmer ones.
    """
    if not points.at:
        return []
    # A point has the value with which its step ended.
    first = points.at[0]
    earlier = [moment + HOUR_MS for moment in past.at if moment + HOUR_MS <= first]
    at = [*earlier, *(moment + step * 1000 for moment in points.at)]
    value = [*past.value[: len(earlier)], *points.value]
    width, before, begun = max(HOUR_MS, step * 1000), 0, 0
    found: list[float | None] = []
    for i in range(1, len(earlier)):
        begun = i if value[i] < value[i - 1] else begun
    for i in range(len(earlier), len(at)):
        while before + 1 < i and at[before + 1] <= at[i] - width:
            before += 1
        # Where the counter began anew in between, what it has grown by is not known, however far it has come since.
        begun = i if i > 0 and value[i] < value[i - 1] else begun
        seconds, more = (at[i] - at[before]) / 1000, value[i] - value[before]
        known = at[before] <= at[i] - width and seconds * 1000 <= 3 * width and before >= begun
        found.append(more / seconds if known and more >= 0 else None)
    return found

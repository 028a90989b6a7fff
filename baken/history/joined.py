"""A course that the store has in part: what it has no more comes from the long history, where there is one.

The store always goes before. It has lost the oldest first, so that everything before its first point is asked for
elsewhere, and nothing after it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from baken.clock import HOUR, from_ms, to_ms
from baken.history.ranges import Points, read_range
from baken.history.remote import LongHistoryProblem, read_remote
from baken.history.rollups import DAY_MS, HOUR_MS
from baken.history.store import Store
from baken.settings import History


@dataclass(frozen=True, slots=True)
class Lack:
    """From `start` to `end` (milliseconds) there may be more than is shown, and why it is not."""

    start: int
    end: int
    reason: str


def read_joined(
    store: Store,
    history: History,
    site: str,
    metric: str,
    start: datetime,
    end: datetime,
    *,
    step: timedelta,
    labels: dict[str, str],
    counter: bool,
    names: tuple[str, ...],
    every: timedelta,
) -> tuple[list[Points], Lack | None]:
    """The series of a metric as `ranges.read_range` gives them, of the store and of the long history together.

    Hold no connection to the store: this takes one, gives it back, and then asks elsewhere.

    Args:
        names: the labels that the metric has.
        every: how often it is measured.

    The other arguments are those of `read_range`.

    Returns:
        The series, and what is lacking because the long history did not give it; None when nothing is.

    Raises:
        StoreError: the store cannot be read.
    """
    width = max(1, step // timedelta(milliseconds=1))
    first, last = to_ms(start), to_ms(end)
    first, last = first - first % width, -(-last // width) * width
    often = every // timedelta(milliseconds=1)
    with store.read() as conn:
        local = read_range(conn, site, metric, start, end, step=step, labels=labels, counter=counter)
        if history.metrics_url is None:
            return local, None
        begins = min((points.at[0] for points in local), default=last)
        cut = 0
        if local and begins // DAY_MS != (begins + width - 1) // DAY_MS:
            # Days go as a whole: a step across midnight may have lost its beginning.
            upto = from_ms(begins + width)
            hours = read_range(conn, site, metric, from_ms(begins), upto, step=HOUR, labels=labels, counter=counter)
            starts = min(points.at[0] for points in hours)
            cut = width if width <= HOUR_MS or starts - begins >= often else 0
    # Only steps that are no longer than the time between two figures can be empty though nothing is lost.
    usual = often if width <= often else 0
    if local and begins - first <= usual and not cut:
        return local, None
    try:
        distant = read_remote(
            history, site, metric, from_ms(first), from_ms(begins + cut),
            step=step, labels=labels, counter=counter, names=names,
        )  # fmt: skip
    except LongHistoryProblem as problem:
        return local, Lack(first, begins + cut, str(problem))
    return _joined(local, distant, begins if cut else None, counter=counter), None


def _joined(local: list[Points], distant: list[Points], torn: int | None, *, counter: bool) -> list[Points]:
    """Both, of each series in the order of time. `torn`: the step of which the store has lost the beginning."""
    found = {_key(points): points for points in local}
    for older in distant:
        key = _key(older)
        points = found.get(key)
        if points is None:
            found[key] = older
            continue
        whole = _whole(older, points, counter=counter) if points.at[0] == torn and torn in older.at else points
        count = sum(1 for at in older.at if at < points.at[0])
        found[key] = _chained(older, count, whole)
    return [found[key] for key in sorted(found)]


def _chained(older: Points, count: int, points: Points) -> Points:
    """The first `count` points of `older`, then `points`."""
    low, high = older.minimum or older.value, older.maximum or older.value
    return Points(
        points.labels,
        older.at[:count] + points.at,
        older.value[:count] + points.value,
        low[:count] + (points.minimum or points.value),
        high[:count] + (points.maximum or points.value),
    )


def _whole(older: Points, points: Points, *, counter: bool) -> Points:
    """`points` with a first step that is whole: what the store has of it, and what it has lost of it."""
    place = older.at.index(points.at[0])
    low, high = points.minimum or points.value, points.maximum or points.value
    older_low, older_high = older.minimum or older.value, older.maximum or older.value
    return Points(
        points.labels,
        points.at,
        # The last value of a counter is the store's in any case; a mean is that of the whole step.
        [points.value[0] if counter else older.value[place], *points.value[1:]],
        [min(low[0], older_low[place]), *low[1:]],
        [max(high[0], older_high[place]), *high[1:]],
    )


def _key(points: Points) -> str:
    return json.dumps(points.labels, sort_keys=True, separators=(",", ":"))

"""Counts by status, as labels: what occurs and what could; and the spans of days that business figures speak of."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_

from baken.privacy import mask
from baken.sites.reading import Reading

NONE_GIVEN = "none given"
"""The label of rows whose status, or whatever is counted by, is empty."""

WINDOW_DAYS = 30
"""Days of the window `month`, today included."""

_LONGEST = 60


def label(value: Any) -> str:
    """`value` as a label: a code word of at most 60 characters.

    A status is one of the words that its DocType offers. Should somebody have written a text there instead, it is
    masked, and only letters, digits, spaces and - / & are kept.
    """
    words = re.sub(r"[^\w /&-]", "", mask(str(value or ""))).strip()
    return words[:_LONGEST].rstrip() or NONE_GIVEN


def tally(counted: Iterable[tuple[Any, Any]], options: Iterable[str] = ()) -> Iterator[tuple[str, float]]:
    """Pairs (label, number): `counted` summed by label, preceded by `options`, 0 for those that do not occur."""
    totals: dict[str, Any] = dict.fromkeys(options, 0)
    for value, number in counted:
        key = label(value)
        totals[key] = totals.get(key, 0) + (number or 0)
    for key, total in totals.items():
        yield key, total if isinstance(total, int) else float(total)


def windows(r: Reading) -> dict[str, date]:
    """The first date of each window in the site's zone: `day` is today, `month` the last 30 days with today."""
    today = r.today()
    return {"day": today, "month": today - timedelta(days=WINDOW_DAYS - 1)}


def not_before(column: ColumnElement[Any], day: date) -> ColumnElement[bool]:
    """Whether the naive local time in `column` lies on `day` or later."""
    # Later than the last microsecond before: SQLite compares texts, and there "2026-11-22 00:00:00" comes before
    # the same moment written with its microseconds.
    return column > datetime.combine(day, time.min) - timedelta(microseconds=1)


def number_where(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    """How many rows of a group meet `condition`, for one pass over a table that answers several questions."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def since(first: Any, day: date, until: date, otherwise: Any = None) -> ColumnElement[bool]:
    """Whether a row's date lies within [`day`, `until`].

    Args:
        first: a column of dates.
        day: the first date that counts.
        until: the last date that counts.
        otherwise: a column of times that counts where `first` is empty; None: such rows do not count.
    """
    within = and_(first >= day, first <= until)
    if otherwise is None:
        return within
    # Dates and times are compared apart: SQLite compares them as text.
    return or_(within, and_(first.is_(None), not_before(otherwise, day)))

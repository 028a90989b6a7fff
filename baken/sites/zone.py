"""A site's naive local times against moments in UTC, across the hour that is skipped and the hour that comes twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from baken.sites.problems import SiteProblem

# A row may be stamped by a clock that is a little ahead of Baken's.
_SKEW = timedelta(minutes=2)


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA `name`; raises SiteProblem when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SiteProblem(
            f"unknown time zone {name!r}; set System Settings > Time Zone of the site "
            "(or time_zone in baken.toml) to a name such as Europe/Amsterdam"
        ) from None


def to_utc(naive: datetime, where: ZoneInfo, seen: datetime | None = None) -> datetime:
    """The moment that a naive local time means.

    In the hour that comes twice a naive time means two moments. A row cannot be younger than the moment it was
    read, so the second one is taken unless it still lay ahead when the row was `seen`. A time in the skipped hour
    is read with the offset from before the change, as the `fold` rules of PEP 495 do.
    """
    first = naive.replace(tzinfo=where, fold=0).astimezone(UTC)
    second = naive.replace(tzinfo=where, fold=1).astimezone(UTC)
    if second <= first or (seen is not None and second > seen + _SKEW):
        return first
    return second


def to_naive(moment: datetime, where: ZoneInfo) -> datetime:
    """The local wall-clock time of an aware `moment`, without a zone, as Frappe stores it."""
    return moment.astimezone(where).replace(tzinfo=None)


def naive_since(moment: datetime, until: datetime, where: ZoneInfo) -> datetime:
    """The least naive time that a row written between two moments can carry.

    When the clock is set back in between, wall-clock time runs through an hour again, and the bound moves back
    with it, so that no row of the span is missed.
    """
    change = _set_back_between(moment, until, where)
    return min(to_naive(moment, where), change) if change is not None else to_naive(moment, where)


def _set_back_between(start: datetime, end: datetime, where: ZoneInfo) -> datetime | None:
    """The naive time at which the repeated stretch starts, when the clock was set back within (start, end]."""
    step = timedelta(hours=1)
    low = start
    while low < end:
        high = min(low + step, end)
        before, after = low.astimezone(where).utcoffset(), high.astimezone(where).utcoffset()
        if before is not None and after is not None and after < before:
            left, right = low, high
            while right - left > timedelta(seconds=1):
                middle = left + (right - left) / 2
                if middle.astimezone(where).utcoffset() == before:
                    left = middle
                else:
                    right = middle
            return to_naive(right, where).replace(microsecond=0)
        low = high
    return None

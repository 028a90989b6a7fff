"""Stretches of the week by somebody's wall clock: hours in which people are told, and maintenance that comes again.

Both are written in local time, so both meet the nights on which the clock changes. Hours follow the wall clock: in
the hour that comes twice they are open twice. Maintenance begins once: at the first of two, and where its beginning
is skipped, at the moment at which the clock jumps. It always lasts as long as it says.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the days; the place is Python's number of the weekday."""

LONGEST_MINUTES = 6 * 24 * 60
"""A maintenance window lasts at most six days: one that lasted a week would never end."""

_DAY = 24 * 60
_PART = re.compile(r"(?:(?P<days>[^\d\s][^\d]*?)\s+)?(?P<first>\d{1,2}:\d{2})\s*-\s*(?P<last>\d{1,2}:\d{2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_SECOND = timedelta(seconds=1)
# Opening hours of one day that a change of the clock skips open a week later, at the latest after two.
_SEARCH_DAYS = 16


class BadTime(ValueError):
    """A time, day, zone or window cannot be understood; the text says what is expected."""


@dataclass(frozen=True, slots=True)
class Span:
    """On `days` (0 is Monday) from `start` to before `end`, in minutes after that day's midnight.

    `end` is larger than `start`; beyond 24 hours it lies on the day after.
    """

    days: frozenset[int]
    start: int
    end: int

    def covers(self, wall: datetime) -> bool:
        """Whether the wall-clock time `wall` (without a zone) lies in it."""
        minute, day = wall.hour * 60 + wall.minute, wall.weekday()
        if day in self.days and self.start <= minute < self.end:
            return True
        return (day - 1) % 7 in self.days and minute + _DAY < self.end


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the week; without any spans: always."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Read `mon-fri 08:00-22:00, sat 10:00-16:00`; without days every day, over midnight `22:00-07:00`.

        An empty text is always. Raises BadTime with what is expected.
        """
        parts = [part.strip() for part in text.lower().split(",")]
        if not any(parts):
            if text.strip():
                raise BadTime(f"{text!r} says no hours; write mon-fri 08:00-22:00, or nothing for always")
            return cls()
        return cls(tuple(_span(part, text) for part in parts if part))

    def open_at(self, moment: datetime, zone: str | tzinfo) -> bool:
        """Whether the aware `moment` lies within the hours by the wall clock of `zone` (IANA name or zone)."""
        if not self.spans:
            return True
        wall = moment.astimezone(zone_named(zone)).replace(tzinfo=None)
        return any(span.covers(wall) for span in self.spans)

    def next_opening(self, moment: datetime, zone: str | tzinfo) -> datetime:
        """`moment` itself when it is open then, else the first moment after it at which it is, in UTC."""
        where = zone_named(zone)
        if self.open_at(moment, where):
            return moment
        return min(at for at in self._beginnings(moment, where) if at > moment and self.open_at(at, where))

    def _beginnings(self, moment: datetime, where: tzinfo) -> Iterator[datetime]:
        """Moments among which every opening of the next days is: those of the spans, and changes of the clock."""
        today = moment.astimezone(where).date()
        for day in (today + timedelta(days=ahead) for ahead in range(-1, _SEARCH_DAYS)):
            for span in self.spans:
                if day.weekday() in span.days:
                    wall = datetime.combine(day, time()) + timedelta(minutes=span.start)
                    for fold in (0, 1):
                        yield wall.replace(tzinfo=where, fold=fold).astimezone(UTC)
        yield from _changes(moment, moment + timedelta(days=_SEARCH_DAYS), where)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A window that comes again: on `days` (0 is Monday) at the local time `at` of `zone`, for `minutes`."""

    days: frozenset[int]
    at: time
    minutes: int
    zone: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Recurrence":
        """Read what `answer` writes; `days` may also be a text, `mon-fri,sun`. Raises BadTime with what is expected."""
        unknown = sorted(set(given) - {"days", "at", "minutes", "zone"})
        if unknown:
            raise BadTime(f"a maintenance window has no {unknown[0]!r}; it has days, at, minutes and zone")
        days = given.get("days")
        if isinstance(days, (list, tuple)):
            days = ",".join(str(day) for day in days)
        if not isinstance(days, str) or not days.strip(" ,"):
            raise BadTime("a maintenance window needs days: mon,wed or mon-fri")
        minutes = given.get("minutes")
        if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= LONGEST_MINUTES:
            raise BadTime(f"a maintenance window lasts 1 to {LONGEST_MINUTES} minutes, not {minutes!r}")
        zone = str(given.get("zone") or "")
        if not zone:
            raise BadTime("a maintenance window needs the zone of its time, such as Europe/Amsterdam")
        zone_named(zone)
        at = clock_time(str(given.get("at") or ""))
        return cls(days_named(days), at, minutes, zone)

    def answer(self) -> dict[str, Any]:
        """As JSON values: {"days": ["mon"], "at": "02:00", "minutes": 120, "zone": "Europe/Amsterdam"}."""
        return {
            "days": [DAYS[day] for day in sorted(self.days)],
            "at": self.at.strftime("%H:%M"),
            "minutes": self.minutes,
            "zone": self.zone,
        }

    def active(self, moment: datetime) -> bool:
        """Whether a window is on at the aware `moment`; its end does not belong to it."""
        return self.next(moment)[0] <= moment

    def next(self, moment: datetime) -> tuple[datetime, datetime]:
        """Beginning and end, in UTC, of the window that is on at `moment`, else of the first one after it.

        Where windows overlap, the one that began last.
        """
        where = zone_named(self.zone)
        length = timedelta(minutes=self.minutes)
        today = moment.astimezone(where).date()
        back = self.minutes // _DAY + 2
        starts = [
            moment_of(datetime.combine(day, self.at), where)
            for day in (today + timedelta(days=ahead) for ahead in range(-back, 9))
            if day.weekday() in self.days
        ]
        begun = [start for start in starts if start <= moment < start + length]
        start = max(begun) if begun else min(start for start in starts if start > moment)
        return start, start + length


def zone_named(zone: str | tzinfo) -> tzinfo:
    """The zone of an IANA name; a zone is given back. Raises BadTime when there is none of that name."""
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadTime(f"there is no time zone {zone!r}; write a name such as Europe/Amsterdam") from None


def clock_time(text: str) -> time:
    """The time of day that `07:00` says. Raises BadTime."""
    minutes = _minutes(text.strip(), text)
    if minutes == _DAY:
        raise BadTime(f"{text!r} is no time of day; the day begins with 00:00")
    return time(minutes // 60, minutes % 60)


def days_named(text: str) -> frozenset[int]:
    """The days that `mon-fri,sun` names, 0 being Monday; `fri-mon` goes over the week's end. Raises BadTime."""
    found: set[int] = set()
    for part in filter(None, (part.strip() for part in text.lower().split(","))):
        first, dash, last = (word.strip() for word in part.partition("-"))
        begin = _day(first)
        end = _day(last) if dash else begin
        found |= {(begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1)}
    return frozenset(found)


def moment_of(wall: datetime, zone: str | tzinfo) -> datetime:
    """The first moment, in UTC, at which the clock of `zone` shows `wall` (without a zone) or has gone past it.

    Of an hour that comes twice that is the first; of an hour that is skipped, the moment at which the clock jumps.
    """
    where = zone_named(zone)
    first = wall.replace(tzinfo=where, fold=0).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) == wall:
        return first
    # In a skipped hour the two readings lie on both sides of the jump (PEP 495).
    return _change(wall.replace(tzinfo=where, fold=1).astimezone(UTC), first, where)


def midnight(day: date, zone: str | tzinfo) -> datetime:
    """The moment, in UTC, at which a `day` of `zone` begins."""
    return moment_of(datetime.combine(day, time()), zone)


def _changes(start: datetime, end: datetime, where: tzinfo) -> Iterator[datetime]:
    """The moments in (start, end] at which the clock of a zone is put forward or back."""
    step = timedelta(hours=12)
    while start < end:
        then = min(start + step, end)
        if _ahead(start, where) != _ahead(then, where):
            yield _change(start, then, where)
        start = then


def _change(low: datetime, high: datetime, where: tzinfo) -> datetime:
    """The moment in (low, high] at which the clock changes; clocks change at whole seconds."""
    before = _ahead(low, where)
    low = low.replace(microsecond=0)
    count = -((low - high) // _SECOND)
    left, right = 0, count
    while right - left > 1:
        middle = (left + right) // 2
        if _ahead(low + middle * _SECOND, where) == before:
            left = middle
        else:
            right = middle
    return low + right * _SECOND


def _ahead(moment: datetime, where: tzinfo) -> timedelta:
    return moment.astimezone(where).utcoffset() or timedelta()


def _span(part: str, whole: str) -> Span:
    found = _PART.fullmatch(part)
    if found is None:
        raise BadTime(f"{part!r} in the hours {whole!r} is not understood; write mon-fri 08:00-22:00 or 22:00-07:00")
    start, end = _minutes(found["first"], whole), _minutes(found["last"], whole)
    if start == _DAY:
        raise BadTime(f"24:00 in the hours {whole!r} can only be an end; a beginning is 00:00")
    if start == end:
        raise BadTime(f"{part!r} in the hours {whole!r} has no length; the whole day is 00:00-24:00")
    days = days_named(found["days"]) if found["days"] else frozenset(range(7))
    return Span(days, start, end if end > start else end + _DAY)


def _minutes(text: str, whole: str) -> int:
    found = _TIME.fullmatch(text)
    hours, minutes = (int(found[1]), int(found[2])) if found else (99, 99)
    if minutes > 59 or hours * 60 + minutes > _DAY:
        where = "" if text == whole else f" in {whole!r}"
        raise BadTime(f"{text!r}{where} is no time of day; write 08:00")
    return hours * 60 + minutes


def _day(word: str) -> int:
    if word in DAYS:
        return DAYS.index(word)
    near = difflib.get_close_matches(word, DAYS, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; days are {' '.join(DAYS)}"
    raise BadTime(f"{word!r} is no day{hint}")

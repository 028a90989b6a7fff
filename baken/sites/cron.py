"""When a scheduled job is due: the five fields of cron, as Frappe's scheduler understands them."""

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, 1)}
_DAY_NUMBERS = {name: number for number, name in enumerate(_DAYS)}
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# 29 February falls on one weekday every 28 years, or 40 across a century.
_YEARS = 41


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes at which a cron expression fires. A day matches by its date or by its weekday when both are given."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than the naive `moment` at which it fires; None when it never does (30 February)."""
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        last = moment.year + _YEARS
        while day.year <= last:
            if day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                continue
            if self._matches(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        found = day.replace(hour=hour, minute=minute)
                        if found > moment:
                            return found
            day += timedelta(days=1)
        return None

    def _matches(self, day: datetime) -> bool:
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_date or by_weekday) if self.either else (by_date and by_weekday)


@functools.lru_cache(maxsize=1024)
def parse(expression: str) -> Schedule:
    """Read a cron expression such as `0/15 * * * *`. Raises ValueError for one that this cannot read."""
    fields = _ALIASES.get(expression.strip().lower(), expression).split()
    if len(fields) != 5:
        raise ValueError(f"{expression!r} does not have five fields")
    minutes = _numbers(fields[0], 0, 59)
    hours = _numbers(fields[1], 0, 23)
    days = _numbers(fields[2], 1, 31)
    months = _numbers(fields[3], 1, 12, _MONTH_NUMBERS)
    weekdays = frozenset(number % 7 for number in _numbers(fields[4], 0, 7, _DAY_NUMBERS))
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    return Schedule(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, either)


def _numbers(field: str, least: int, most: int, names: dict[str, int] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        span, slash, given = part.partition("/")
        step = int(given) if slash else 1
        if span in ("*", "?"):
            first, last = least, most
        else:
            begin, dash, end = span.partition("-")
            first = _number(begin, names)
            # `5/15` means from 5 on, as the library that Frappe uses reads it.
            last = _number(end, names) if dash else (most if slash else first)
        if step < 1 or not least <= first <= last <= most:
            raise ValueError(f"cron field {field!r} is not within {least}-{most}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(word: str, names: dict[str, int] | None) -> int:
    return names[word] if names and word in names else int(word)

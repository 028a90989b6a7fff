"""When things happen: the site's clock, the shape of a day, a week and a year, and the incidents the demo remembers."""

import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE_NAME = "Europe/Amsterdam"
ZONE = ZoneInfo(ZONE_NAME)

# Share of a day's doings per hour of the site's clock; people mostly do things between nine and ten in the evening.
HOURS = (
    0.10,
    0.06,
    0.05,
    0.05,
    0.06,
    0.10,
    0.25,
    0.55,
    0.95,
    1.45,
    1.60,
    1.55,
    1.20,
    1.35,
    1.50,
    1.45,
    1.30,
    1.00,
    0.85,
    1.10,
    1.25,
    1.00,
    0.60,
    0.28,
)
WEEKDAYS = (1.18, 1.15, 1.12, 1.10, 1.00, 0.62, 0.55)
# Joining peaks in January and September.
MONTHS = (1.45, 1.10, 1.00, 0.95, 0.90, 0.80, 0.65, 0.75, 1.40, 1.10, 1.00, 0.80)

DUES_DAY = 25
COLLECTION_DAY = 1
RETRY_DAY = 15

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)


def stamp(moment: datetime) -> str:
    """A naive moment of the site's clock as Frappe keeps it: YYYY-MM-DD HH:MM:SS.ffffff."""
    return moment.isoformat(" ", "microseconds")


def local(moment: datetime) -> datetime:
    """The site's clock, naive, at an aware moment. In the hour that comes twice it says the same thing twice."""
    return moment.astimezone(ZONE).replace(tzinfo=None, fold=0)


def utc(moment: datetime) -> datetime:
    """The aware moment at which the site's clock said `moment` (the first time, where it did so twice)."""
    return moment.replace(tzinfo=ZONE).astimezone(UTC)


def document_name(rng: random.Random) -> str:
    """A random name of ten characters, as Frappe's `hash` autoname gives."""
    bits = rng.getrandbits(50)
    return "".join([_PAIRS[bits >> shift & 1023] for shift in (40, 30, 20, 10, 0)])


def at(day: date, hour: float) -> datetime:
    """The naive moment `hour` hours into `day` on the site's clock."""
    return datetime(day.year, day.month, day.day) + timedelta(hours=hour)  # noqa: DTZ001 - the site's own clock


def moment_of_day(rng: random.Random, day: date) -> datetime:
    """A moment on `day`, more likely when people are up, never in the hours a change of clocks skips or repeats."""
    hour = rng.choices(range(24), HOURS)[0]
    if hour in (2, 3):
        hour = 13
    return at(day, hour + rng.random())


def activity(moment: datetime) -> float:
    """How busy the site is at an aware `moment`, 1.0 on average: hour of the day, day of the week, end of the month."""
    here = moment.astimezone(ZONE)
    exact = here.hour + here.minute / 60
    before, after = HOURS[here.hour], HOURS[(here.hour + 1) % 24]
    level = before + (after - before) * (exact - here.hour)
    level *= WEEKDAYS[here.weekday()] / (sum(WEEKDAYS) / 7)
    if here.day == DUES_DAY or here.day in (COLLECTION_DAY, COLLECTION_DAY + 1):
        level *= 1.35
    return level / (sum(HOURS) / 24)


def months_between(first: date, last: date) -> list[tuple[int, int]]:
    """(year, month) of every month from `first` to `last`, both included."""
    count = (last.year - first.year) * 12 + last.month - first.month
    return [((first.month - 1 + i) // 12 + first.year, (first.month - 1 + i) % 12 + 1) for i in range(count + 1)]


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number with the given mean."""
    if mean > 40:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong: from `starts` to `ends` (aware UTC), with `errors` more Error Log rows of
    `failure`.
    """

    kind: str
    failure: str
    starts: datetime
    ends: datetime
    errors: int


# kind, failure, days ago, hour UTC, hours it lasted, errors
_INCIDENTS = (
    ("bank_down", "bank_unreachable", 81, 9, 3.0, 90),
    ("deploy", "missing_column", 67, 13, 0.7, 140),
    ("lock_waits", "lock_wait", 52, 20, 1.5, 110),
    ("workers_down", "redis_refused", 38, 5, 5.0, 160),
    ("mail_down", "smtp_refused", 24, 7, 6.5, 180),
    ("lock_waits", "lock_wait", 11, 19, 1.2, 95),
    ("disk_slow", "query_timeout", 4, 12, 2.0, 120),
    ("bank_down", "bank_unreachable", 2, 14, 1.6, 60),
)
# The last one is always some hours ago, so that the page of the last day shows one.
_LATEST = ("lock_waits", "lock_wait", 0.8, 45)


def incidents(seed: int, now: datetime) -> list[Incident]:
    """The incidents of the last 90 days before `now` (aware), oldest first. Same seed and now, same incidents."""
    rng = random.Random(f"{seed}:incidents")
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for kind, failure, days, hour, hours, errors in _INCIDENTS:
        starts = midnight - timedelta(days=days) + timedelta(hours=hour, minutes=rng.randrange(60))
        ends = starts + timedelta(hours=hours * rng.uniform(0.85, 1.15))
        if ends < now:
            found.append(Incident(kind, failure, starts, ends, errors))
    kind, failure, hours, errors = _LATEST
    starts = now.astimezone(UTC) - timedelta(hours=rng.uniform(4.5, 7))
    return [*found, Incident(kind, failure, starts, starts + timedelta(hours=hours), errors)]

"""Hours and maintenance windows: what they say, also in nights in which the clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.alerts.windows import DAYS, BadTime, Hours, Recurrence, clock_time, days_named, midnight, moment_of

AMSTERDAM = "Europe/Amsterdam"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# In Amsterdam the clock goes forward on 29 March 2026 at 01:00 UTC, and back on 25 October at 01:00 UTC.
FORWARD, BACK = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
# Lord Howe changes by half an hour, Santiago at midnight, St. John's lies half an hour beside the others.
ZONES = (AMSTERDAM, "America/New_York", "Australia/Lord_Howe", "America/Santiago", "America/St_Johns", "UTC")


def at(text: str, zone: str = AMSTERDAM, fold: int = 0) -> datetime:
    """The moment of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "local", "is_open"),
    [
        ("", "2026-11-25 03:00", True),
        ("mon-fri 08:00-22:00", "2026-11-25 08:00", True),
        ("mon-fri 08:00-22:00", "2026-11-25 07:59:59", False),
        ("mon-fri 08:00-22:00", "2026-11-25 22:00", False),
        ("mon-fri 08:00-22:00", "2026-11-28 12:00", False),
        ("mon-fri 08:00-22:00, sat 10:00-16:00", "2026-11-28 12:00", True),
        ("22:00-07:00", "2026-11-25 23:00", True),
        ("22:00-07:00", "2026-11-25 06:59", True),
        ("22:00-07:00", "2026-11-25 07:00", False),
        # Over midnight a span belongs to the day on which it begins, also over the end of the week.
        ("sun 22:00-07:00", "2026-11-23 06:00", True),
        ("sun 22:00-07:00", "2026-11-22 06:00", False),
        ("sun 22:00-07:00", "2026-11-23 23:00", False),
        ("fri-mon 08:00-09:00", "2026-11-22 08:30", True),
        ("fri-mon 08:00-09:00", "2026-11-24 08:30", False),
        ("sat 00:00-24:00", "2026-11-28 23:59:59", True),
        ("sat 00:00-24:00", "2026-11-29 00:00", False),
        ("MON-FRI 8:00-22:00", "2026-11-25 08:00", True),
        ("wed 20:00-00:00", "2026-11-25 23:59", True),
    ],
)
def test_hours_are_open_as_they_say(text: str, local: str, is_open: bool) -> None:
    assert Hours.parse(text).open_at(at(local), AMSTERDAM) is is_open


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("monday 08:00-22:00", "did you mean mon"),
        ("mon-fri 08:00", "is not understood"),
        ("mon-fri 08:00-25:00", "'25:00' in 'mon-fri 08:00-25:00' is no time of day"),
        ("08:61-09:00", "is no time of day"),
        ("24:00-08:00", "can only be an end"),
        ("08:00-08:00", "whole day is 00:00-24:00"),
        ("sat", "is not understood"),
        ("xyz 08:00-09:00", "days are mon tue"),
        (" , ", "says no hours"),
    ],
)
def test_hours_that_are_not_understood_say_what_is_expected(text: str, told: str) -> None:
    with pytest.raises(BadTime) as problem:
        Hours.parse(text)
    assert told in str(problem.value)


def test_a_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(BadTime, match="no time zone 'Europe/Amsterdm'"):
        Hours.parse("08:00-09:00").open_at(FORWARD, "Europe/Amsterdm")


def test_hours_open_next_at_their_beginning() -> None:
    hours = Hours.parse("mon-fri 08:00-22:00")
    friday_night = at("2026-11-27 22:30")
    assert hours.next_opening(friday_night, AMSTERDAM) == at("2026-11-30 08:00")
    open_now = at("2026-11-27 12:34:56")
    assert hours.next_opening(open_now, AMSTERDAM) == open_now
    assert Hours().next_opening(friday_night, AMSTERDAM) == friday_night


def test_hours_open_where_a_skipped_hour_ends() -> None:
    assert Hours.parse("02:30-05:00").next_opening(FORWARD - HOUR, AMSTERDAM) == FORWARD
    # What lies within the skipped hour is not open that night at all.
    skipped = Hours.parse("sun 02:15-02:45")
    assert skipped.next_opening(FORWARD - HOUR, AMSTERDAM) == at("2026-04-05 02:15")


def test_hours_are_open_in_both_of_two_equal_hours() -> None:
    hours = Hours.parse("02:15-02:45")
    first, second = at("2026-10-25 02:15"), at("2026-10-25 02:15", fold=1)
    assert second - first == HOUR
    assert hours.next_opening(first - MINUTE, AMSTERDAM) == first
    assert hours.next_opening(first + 30 * MINUTE, AMSTERDAM) == second
    # The clock goes back into the middle of a span.
    assert Hours.parse("01:00-02:30").next_opening(BACK - 30 * MINUTE, AMSTERDAM) == BACK


spans = st.builds(
    lambda days, start, length: (days, start, length),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
# Around both changes of the clock, where everything can go wrong, and anywhere else.
moments = st.one_of(
    st.integers(-4 * 1440, 4 * 1440).map(lambda minutes: FORWARD + minutes * MINUTE),
    st.integers(-4 * 1440, 4 * 1440).map(lambda minutes: BACK + minutes * MINUTE),
    st.integers(0, 365 * 1440).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE),
)


def wall(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def text_of(days: set[int], start: int, length: int) -> str:
    end = (start + length) % 1440
    names = " ".join(f"{DAYS[day]} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}," for day in days)
    return names.rstrip(",")


def open_by_hand(parts: list[tuple[set[int], int, int]], local: datetime) -> bool:
    """Whether a local time lies in a span that is laid out on the calendar day by day."""
    for days, start, length in parts:
        for back in (0, 1):
            day = local.date() - back * DAY
            begin = datetime.combine(day, time()) + start * MINUTE
            if day.weekday() in days and begin <= local < begin + length * MINUTE:
                return True
    return False


@settings(max_examples=200, deadline=None)
@given(st.lists(spans, min_size=1, max_size=3), moments, st.sampled_from(ZONES))
def test_hours_agree_with_a_calendar_that_is_walked_minute_by_minute(
    parts: list[tuple[set[int], int, int]], moment: datetime, zone: str
) -> None:
    hours = Hours.parse(", ".join(text_of(*part) for part in parts))
    expected = moment
    while not open_by_hand(parts, wall(expected, zone)):
        expected += MINUTE
    assert hours.open_at(moment, zone) is (expected == moment)
    assert hours.next_opening(moment, zone) == expected


def begins_by_hand(day: date, start: time, zone: str) -> datetime:
    """The first minute at which the clock shows a day and time, or has gone past it."""
    minute = datetime.combine(day, start, tzinfo=UTC) - 15 * HOUR
    while wall(minute, zone) < datetime.combine(day, start):
        minute += MINUTE
    return minute


@settings(max_examples=200, deadline=None)
@given(moments, st.sampled_from(ZONES), st.integers(0, 1439))
def test_a_local_time_is_the_first_minute_that_shows_it_or_has_passed_it(
    moment: datetime, zone: str, minute: int
) -> None:
    day, start = wall(moment, zone).date(), time(minute // 60, minute % 60)
    assert moment_of(datetime.combine(day, start), zone) == begins_by_hand(day, start, zone)


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.integers(0, 6), min_size=1), st.integers(0, 1439), st.integers(1, 3000), moments, st.sampled_from(ZONES)
)
def test_maintenance_agrees_with_a_calendar_that_is_walked_day_by_day(
    days: set[int], start: int, minutes: int, moment: datetime, zone: str
) -> None:
    begin = time(start // 60, start % 60)
    window = Recurrence(frozenset(days), begin, minutes, zone)
    today = wall(moment, zone).date()
    near = [today + ahead * DAY for ahead in range(-4, 9)]
    starts = [begins_by_hand(day, begin, zone) for day in near if day.weekday() in days]
    begun = [each for each in starts if each <= moment < each + minutes * MINUTE]
    expected = max(begun) if begun else min(each for each in starts if each > moment)
    assert window.active(moment) is bool(begun)
    assert window.next(moment) == (expected, expected + minutes * MINUTE)


def test_maintenance_in_the_skipped_hour_begins_when_the_clock_jumps() -> None:
    window = Recurrence.of({"days": "sun", "at": "02:30", "minutes": 60, "zone": AMSTERDAM})
    assert window.next(FORWARD - DAY) == (FORWARD, FORWARD + HOUR)
    assert window.active(FORWARD)
    assert not window.active(FORWARD + HOUR)


def test_maintenance_in_the_hour_that_comes_twice_begins_once() -> None:
    window = Recurrence.of({"days": "sun", "at": "02:30", "minutes": 30, "zone": AMSTERDAM})
    first = at("2026-10-25 02:30")
    assert window.next(first - DAY) == (first, first + 30 * MINUTE)
    assert not window.active(first + HOUR)


def test_maintenance_lasts_over_midnight_and_the_weeks_end() -> None:
    window = Recurrence.of({"days": ["sun"], "at": "23:00", "minutes": 180, "zone": AMSTERDAM})
    assert window.active(at("2026-11-23 01:59"))
    assert not window.active(at("2026-11-23 02:00"))
    assert window.next(at("2026-11-23 02:00")) == (at("2026-11-29 23:00"), at("2026-11-30 02:00"))
    weekend = Recurrence.of({"days": "fri", "at": "18:00", "minutes": 62 * 60, "zone": AMSTERDAM})
    assert weekend.active(at("2026-11-30 07:59"))
    assert not weekend.active(at("2026-11-30 08:00"))


def test_maintenance_is_written_as_it_is_read() -> None:
    given = {"days": ["mon", "wed", "sun"], "at": "02:00", "minutes": 120, "zone": AMSTERDAM}
    assert Recurrence.of(given).answer() == given
    assert Recurrence.of({**given, "days": "sun-mon,wed"}).answer() == given


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"days": []}, "needs days"),
        ({"days": "mon,tues"}, "did you mean tue"),
        ({"days": "mon-funday"}, "'funday' is no day"),
        ({"at": "2am"}, "is no time of day"),
        ({"at": "24:00"}, "the day begins with 00:00"),
        ({"minutes": 0}, "lasts 1 to 8640 minutes"),
        ({"minutes": 8641}, "lasts 1 to 8640 minutes"),
        ({"minutes": True}, "lasts 1 to 8640 minutes"),
        ({"zone": ""}, "needs the zone"),
        ({"zone": "Mars/Phobos"}, "no time zone 'Mars/Phobos'"),
        ({"every": "week"}, "has no 'every'"),
    ],
)
def test_maintenance_that_is_not_understood_says_what_is_expected(change: dict[str, object], told: str) -> None:
    given = {"days": ["mon"], "at": "02:00", "minutes": 120, "zone": AMSTERDAM}
    with pytest.raises(BadTime) as problem:
        Recurrence.of({**given, **change})
    assert told in str(problem.value)


def test_days_and_times_of_day() -> None:
    assert days_named("mon-fri") == frozenset(range(5))
    assert days_named("sat-mon") == frozenset({5, 6, 0})
    assert clock_time("07:05") == time(7, 5)


def test_a_day_begins_when_its_clock_says_so() -> None:
    # In Santiago the first hour of 6 September 2026 is skipped.
    assert midnight(date(2026, 9, 6), "America/Santiago") == datetime(2026, 9, 6, 4, tzinfo=UTC)
    assert midnight(date(2026, 3, 30), AMSTERDAM) - midnight(date(2026, 3, 29), AMSTERDAM) == 23 * HOUR
    assert midnight(date(2026, 10, 26), AMSTERDAM) - midnight(date(2026, 10, 25), AMSTERDAM) == 25 * HOUR

"""Laws of a site's naive times, across the hour that is skipped and the hour that comes twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baken.sites.problems import SiteProblem
from baken.sites.zone import naive_since, to_naive, to_utc, zone

ZONES = ["Europe/Amsterdam", "UTC", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.datetimes(datetime(2012, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))
# Moments around the change of 25 October 2026, 01:00 UTC, in Amsterdam.
around = st.integers(-3 * 3600, 3 * 3600).map(lambda s: datetime(2026, 10, 25, 1, tzinfo=UTC) + timedelta(seconds=s))
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def ambiguous(moment: datetime, where: ZoneInfo) -> bool:
    naive = to_naive(moment, where)
    return naive.replace(tzinfo=where, fold=0).utcoffset() != naive.replace(tzinfo=where, fold=1).utcoffset()


@given(moments, zones)
def test_there_and_back(moment: datetime, where: ZoneInfo) -> None:
    back = to_utc(to_naive(moment, where), where)
    if ambiguous(moment, where):
        assert abs(back - moment) <= timedelta(hours=24)
        assert to_naive(back, where) == to_naive(moment, where)
    else:
        assert back == moment


@given(around, st.integers(0, 120))
def test_a_row_read_at_once_is_placed_where_it_was_written(moment: datetime, delay: int) -> None:
    # Two minutes of a clock's being ahead are allowed for: whoever reads within an hour of writing is right.
    seen = moment + timedelta(seconds=delay)
    back = to_utc(to_naive(moment, AMSTERDAM), AMSTERDAM, seen=seen)
    assert to_naive(back, AMSTERDAM) == to_naive(moment, AMSTERDAM)
    assert back <= seen + timedelta(minutes=2)
    if moment + timedelta(hours=1) > seen + timedelta(minutes=2):
        assert back == moment


@given(around, st.integers(0, 4 * 3600), st.floats(0, 1))
def test_no_row_of_the_span_is_missed_when_the_clock_is_set_back(start: datetime, span: int, share: float) -> None:
    until = start + timedelta(seconds=span)
    written = start + (until - start) * share
    assert naive_since(start, until, AMSTERDAM) <= to_naive(written, AMSTERDAM)


@given(moments, zones, st.integers(0, 8 * 24 * 3600), st.floats(0, 1))
def test_no_row_is_missed_in_any_zone(start: datetime, where: ZoneInfo, span: int, share: float) -> None:
    until = start + timedelta(seconds=span)
    written = start + (until - start) * share
    assert naive_since(start, until, where) <= to_naive(written, where)


def test_the_hour_that_comes_twice() -> None:
    half_past_two = datetime(2026, 10, 25, 2, 30)
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert to_utc(half_past_two, AMSTERDAM, seen=first + timedelta(minutes=5)) == first
    assert to_utc(half_past_two, AMSTERDAM, seen=second + timedelta(minutes=5)) == second
    assert to_utc(half_past_two, AMSTERDAM) == second


def test_the_hour_that_is_skipped() -> None:
    assert to_utc(datetime(2026, 3, 29, 2, 30), AMSTERDAM) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_told(name: str) -> None:
    with pytest.raises(SiteProblem, match="time zone"):
        zone(name)

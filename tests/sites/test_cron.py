"""Cron expressions, as Frappe's scheduler understands them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baken.sites.cron import parse

SUNDAY_EVENING = datetime(2026, 11, 22, 18, 50, 58)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("0/15 * * * *", datetime(2026, 11, 22, 19, 0)),
        ("*/4 * * * *", datetime(2026, 11, 22, 18, 52)),
        ("51 18 * * *", datetime(2026, 11, 22, 18, 51)),
        ("45 0 * * *", datetime(2026, 11, 23, 0, 45)),
        ("0 0 * * 0", datetime(2026, 11, 29)),
        ("0 0 * * 7", datetime(2026, 11, 29)),
        ("0 0 1 * *", datetime(2026, 12, 1)),
        ("@yearly", datetime(2027, 1, 1)),
        ("30 6 * * mon-fri", datetime(2026, 11, 23, 6, 30)),
        ("0 12 1,15 feb *", datetime(2027, 2, 1, 12)),
        ("0 0 29 2 *", datetime(2028, 2, 29)),
        ("0 0 13 * 5", datetime(2026, 11, 27)),  # a date or a weekday, whichever comes first
        ("0 0 30 2 *", None),
    ],
)
def test_next_time(expression: str, due: datetime | None) -> None:
    assert parse(expression).after(SUNDAY_EVENING) == due


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "60 * * * *", "* * * * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"]
)
def test_what_cannot_be_read(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(expression)


@given(
    st.sampled_from(["0/15 * * * *", "*/7 3-9 * * *", "0 0 * * 1-5", "15 4 31 * *", "0 0 29 2 *"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
)
def test_the_next_time_is_later_and_fires(expression: str, moment: datetime) -> None:
    schedule = parse(expression)
    due = schedule.after(moment)
    assert due is not None
    assert due > moment
    assert due.minute in schedule.minutes
    assert due.hour in schedule.hours
    assert due.month in schedule.months

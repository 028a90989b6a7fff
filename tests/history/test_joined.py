"""A store that has lost its oldest, and a long history that has everything: together they are the whole course."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from baken.clock import DAY, HOUR, MINUTE, to_ms
from baken.history import joined, past, retention
from baken.history.joined import read_joined
from baken.history.ranges import Points, read_range
from baken.history.samples import Cycle, record
from baken.history.store import Store, open_store
from baken.settings import History

SITE, METRIC = "leden.example", "frappe_queue_jobs"
ELSEWHERE = History(metrics_url=SecretStr("http://elsewhere.example"))
DAYS = 9
STEPS = [MINUTE, 5 * MINUTE, 7 * MINUTE, 90 * MINUTE, HOUR, 6 * HOUR, 7 * HOUR, DAY, 3 * DAY, 7 * DAY]


def filled(folder: Path, name: str, now: datetime, every: timedelta, kept: int | None) -> Store:
    store = open_store(f"sqlite:///{folder}/{name}.db")
    store.migrate()
    first = to_ms(now - DAYS * DAY)
    at = list(range(first, to_ms(now), every // timedelta(milliseconds=1)))
    with store.write() as conn:
        for place, queue in enumerate(("short", "long")):
            past.write_past(
                conn, SITE, METRIC, {"queue": queue}, at, [float((place + 3) * one % 97) for one in range(len(at))],
                now=now,
            )  # fmt: skip
        record(conn, [Cycle(SITE, now, [])])
    while kept is not None and not retention.maintain(store, now, retention.Retention(kept, kept, kept)).complete:
        pass
    return store


Course = list[tuple[dict[str, str], list[tuple[int, float, float, float]]]]


def course(lines: list[Points], since: int) -> Course:
    """The series, each with (moment, value, minimum, maximum) of its points from `since` on."""
    found = []
    for line in lines:
        rows = zip(line.at, line.value, line.minimum or line.value, line.maximum or line.value, strict=True)
        # A mean of a step that was put together differs in its last digits.
        found.append((line.labels, [(at, round(value, 6), low, high) for at, value, low, high in rows if at >= since]))
    return [(labels, rows) for labels, rows in found if rows]


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.generate],  # Two stores an example: to make one smaller takes minutes.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    now=st.datetimes(datetime(2023, 1, 1), datetime(2031, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC)),
    every=st.sampled_from([5 * MINUTE, 20 * MINUTE, HOUR, 6 * HOUR]),
    kept=st.integers(1, DAYS),
    asks=st.lists(
        st.tuples(
            st.sampled_from(STEPS),
            st.booleans(),
            st.timedeltas(timedelta(), DAYS * DAY),
            st.timedeltas(HOUR, DAYS * DAY),
        ),
        min_size=4,
        max_size=8,
    ),
)
def test_nothing_is_lost_and_nothing_counted_twice_whenever_it_is_asked(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    now: datetime,
    every: timedelta,
    kept: int,
    asks: list[tuple[timedelta, bool, timedelta, timedelta]],
) -> None:
    folder = tmp_path_factory.mktemp("joined")
    whole, little = filled(folder, "whole", now, every, None), filled(folder, "little", now, every, kept)

    def remote(_: History, site: str, metric: str, start: datetime, end: datetime, **how: Any) -> list[Points]:
        how.pop("names")
        with whole.read() as conn:
            return read_range(conn, site, metric, start, end, **how)

    monkeypatch.setattr(joined, "read_remote", remote)
    try:
        for step, counter, back, length in asks:
            start = now - DAYS * DAY + back
            end = min(now, start + length)
            with whole.read() as conn:
                wanted = read_range(conn, SITE, METRIC, start, end, step=step, counter=counter)
            lines, lack = read_joined(
                little, ELSEWHERE, SITE, METRIC, start, end,
                step=step, labels={}, counter=counter, names=("queue",), every=every,
            )  # fmt: skip
            assert lack is None
            # Where steps are shorter than the time between figures, the first figure of all may go unnoticed.
            since = to_ms(start + every + step) if step <= every else 0
            assert course(lines, since) == course(wanted, since), (step, counter, start, end)
    finally:
        whole.close()
        little.close()

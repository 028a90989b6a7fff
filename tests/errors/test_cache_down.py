"""What Frappe says in frappe.log while the cache Redis is down: a line per field of each row is one failure per row."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from baken.errors import log_files
from baken.errors.event import Event
from baken.history.store import Store
from baken.history.tables import error_findings, error_patterns
from tests.errors.logs import NAME
from tests.errors.redis_site import NOW, Bench
from tests.errors.test_sources import SECOND, Follower
from tests.servers import RedisServer

FIELDS = 13
PER_FIELD = "Error while inserting deferred Error Log record: 'str' object has no attribute 'update'"
COLLECTED = f"New Exception collected in error log\nSite: {NAME}\nForm Dict: {{}}"


@pytest.fixture
def bench(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bench]:
    redis_server.flush()
    yield Bench(tmp_path, redis_server)
    redis_server.flush()
    gc.collect()


def test_a_row_that_redis_did_not_take_is_one_event(bench: Bench) -> None:
    follow = Follower(bench, log_files.read_frappe_log)
    found: list[Event] = []
    for number in range(3):
        for field in range(FIELDS):
            bench.say(NOW + number * SECOND, PER_FIELD)
            # A look in the middle of it, and what another process says in between.
            if (number, field) == (1, 6):
                bench.say(NOW + number * SECOND, "something else")
                found += follow(NOW + number * SECOND)
        bench.say(NOW + number * SECOND, COLLECTED)
    found += follow(NOW + 3 * SECOND)
    assert [event.lost for event in found] == [True, True, False, True]
    assert {log_files.what_was_lost(event) for event in found if event.lost} == {log_files.NOT_TAKEN}
    assert follow(NOW + 4 * SECOND) == []


def test_rows_without_a_line_of_their_own_are_told_apart_by_their_moments(bench: Bench) -> None:
    for number in range(3):
        for _ in range(FIELDS):
            bench.say(NOW + 5 * number * SECOND, PER_FIELD)
    follow = Follower(bench, log_files.read_frappe_log)
    assert len(follow(NOW + 11 * SECOND)) == 3
    bench.say(NOW + 11 * SECOND, PER_FIELD)
    assert follow(NOW + 11 * SECOND) == []
    bench.say(NOW + 15 * SECOND, PER_FIELD)
    assert len(follow(NOW + 15 * SECOND)) == 1


@given(st.lists(st.integers(0, 3), min_size=4 * (FIELDS + 1), max_size=4 * (FIELDS + 1)))
def test_what_processes_write_at_the_same_time_is_one_event_per_row(turns: list[int]) -> None:
    """Four processes, each of them with a row, in any order."""
    left = [[PER_FIELD] * FIELDS + [COLLECTED] for _ in range(4)]
    # A process that has said everything leaves its turn to the next one that has not.
    said = [next(left[(turn + n) % 4] for n in range(4) if left[(turn + n) % 4]).pop(0) for turn in turns]
    burst = log_files._Burst(None)
    found = [burst.of(f"ERROR frappe {line}", NOW, "x", NAME, True) for line in said]
    assert len([event for event in found if event is not None]) == 4
    assert burst.lines == 0


def test_a_storm_that_is_read_in_pieces_counts_each_row_once(bench: Bench) -> None:
    follow = Follower(bench, log_files.read_frappe_log)
    bench.say(NOW, "before")
    follow(NOW)
    for _ in range(300):
        for _ in range(FIELDS):
            bench.say(NOW, PER_FIELD)
        bench.say(NOW, COLLECTED)
    found, steps = 0, 0
    while steps == 0 or follow.behind:
        found, steps = found + len(follow(NOW + 60 * SECOND)), steps + 1
    assert steps > 1
    assert found == 300


def test_such_a_row_has_a_pattern_that_says_what_happened(bench: Bench, store: Store) -> None:
    bench.collect(store, NOW)
    for _ in range(FIELDS):
        bench.say(NOW, PER_FIELD)
    bench.say(NOW, COLLECTED)
    assert bench.collect(store, NOW + 5 * SECOND).rows == 1
    with store.read() as conn:
        (row,) = conn.execute(select(error_patterns))
        lost = conn.execute(select(error_findings.c.key, error_findings.c["count"])).all()
    assert (row.total, "cache Redis" in row.template, "str" in row.template) == (1, True, False)
    assert (row.exception, row.app) == ("redis.exceptions.ConnectionError", "frappe")
    assert [tuple(each) for each in lost] == [(log_files.NOT_TAKEN, 1)]

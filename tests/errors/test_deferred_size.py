"""The list of waiting errors may be long and its entries big: neither memory nor the stored state grows with them."""

import gc
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baken.errors import deferred
from baken.errors.scrub import TEXT_LIMIT
from baken.sites import deferred as lists
from baken.sites.site import Site
from tests.errors.redis_site import NOW, Bench
from tests.errors.test_sources import Follower
from tests.servers import RedisServer

BIG = 3_000_000


@pytest.fixture
def bench(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bench]:
    redis_server.flush()
    yield Bench(tmp_path, redis_server)
    redis_server.flush()
    gc.collect()


def push(bench: Bench, *rows: Any) -> None:
    with closing(bench.redis.client()) as client:
        client.rpush(bench.key, *[json.dumps(row) for row in rows])


def parts(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The sizes of the entries that each round trip brought."""
    sizes: list[list[int]] = []
    fetch = lists.part

    def part(site: Site, first: int, last: int) -> tuple[bytes | None, list[bytes]]:
        head, entries = fetch(site, first, last)
        sizes.append([len(entry) for entry in entries])
        return head, entries

    monkeypatch.setattr(lists, "part", part)
    return sizes


def test_big_entries_come_one_by_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    push(bench, *[{"method": "t", "error": f"{n}{'x' * BIG}{n}"} for n in range(12)])
    sizes = parts(monkeypatch)
    follow, found = Follower(bench, deferred.read), []
    tracemalloc.start()
    for _ in range(12):
        found += follow()
        if not follow.behind:
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {len(each) for each in sizes} == {1}
    assert peak < 12 * BIG
    # The raw size is told, of the text no more is kept than is looked at.
    assert [event.size for event in found] == [BIG + 1 + 2 * len(str(n)) for n in range(12)]
    assert {len(event.error or "") for event in found} == {TEXT_LIMIT + 3}
    assert [(event.error or "")[-2:] for event in found][-1] == "11"


def test_big_entries_among_small_ones_stop_the_next_round_trips_from_growing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = {"method": "t", "error": "x" * BIG}
    push(bench, {"method": "t", "error": "first"}, *[big] * 10, {"method": "t", "error": "last"})
    sizes = parts(monkeypatch)
    Follower(bench, deferred.read)()
    assert max(map(sum, sizes)) < 4 * BIG
    # Where the last that was seen is looked for, too.
    sizes.clear()
    follow = Follower(bench, deferred.read)
    while not sizes or follow.behind:
        follow()
    with closing(bench.redis.client()) as client:
        client.ltrim(bench.key, 1, -1)
    push(bench, {"method": "t", "error": "new"})
    sizes.clear()
    assert [event.error for event in follow()] == ["new"]
    assert max(map(sum, sizes)) < 4 * BIG


def test_small_entries_take_few_round_trips(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    push(bench, *[{"method": "t", "error": str(n)} for n in range(500)])
    sizes = parts(monkeypatch)
    assert len(Follower(bench, deferred.read)()) == 500
    assert len(sizes) <= 15


def test_the_state_of_a_long_list_is_short(bench: Bench) -> None:
    push(bench, *[{"method": "t", "error": str(n)} for n in range(6000)])
    follow, found = Follower(bench, deferred.read), 0
    while not found or follow.behind:
        found += len(follow())
    assert found == 6000
    assert len(json.dumps(follow.body)) < 200
    bench.flush(NOW, most=500)
    assert follow() == []
    assert sum(follow.body["rows"]) == 5500
    assert len(json.dumps(follow.body)) < 200


def test_a_state_with_the_rows_of_each_entry_is_gone_on_from(bench: Bench) -> None:
    push(bench, *[[{"method": "t", "error": f"{n} {row}"} for row in range(n % 3)] for n in range(9)])
    follow = Follower(bench, deferred.read)
    assert len(follow()) == 9
    each = [rows for rows, entries in follow.body.pop("runs") for _ in range(entries)]
    assert each == [0, 1, 2] * 3
    follow.body["rows"] = each
    assert follow() == []
    push(bench, {"method": "t", "error": "new"})
    with closing(bench.redis.client()) as client:
        client.ltrim(bench.key, 2, -1)
    assert [event.error for event in follow()] == ["new"]
    assert sum(follow.body["rows"]) == 9


@given(st.lists(st.integers(0, 2), max_size=20), st.integers(0, 25))
def test_runs_tell_what_each_entry_holds(rows: list[int], last: int) -> None:
    seen = deferred._Seen()
    for each in rows:
        seen.add(each)
    rest = rows[max(0, len(rows) - last) :]
    found = seen.last(last)
    assert [each for each, entries in found.runs for _ in range(entries)] == rest
    assert found.entries == len(rest)
    assert found.body("", "")["rows"] == [sum(rest)]

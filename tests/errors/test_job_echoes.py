"""Failed jobs that rows, RQ and the workers' log show, in any order and in steps of any size: n are n."""

import gc
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.clock import to_ms
from baken.errors import counts, echoes
from baken.errors.event import ERROR_LOG, FAILED_JOBS, WORKER_LOG, Event
from baken.history.store import Store, open_store
from baken.history.tables import error_echoes
from tests.errors.logs import JOB, NAME, traceback
from tests.errors.redis_site import NOW, Bench
from tests.errors.test_echoes import METHOD, rq, total
from tests.servers import RedisServer

SECOND = timedelta(seconds=1)
REACH = echoes.Reach(content=True, failure=True, horizon=to_ms(NOW - timedelta(days=1)))
# One failure shows up in all that its letters name: a row, RQ's registry, the workers' log.
WITH_ROW, WITHOUT_ROW = ("ER", "EW", "ERW"), ("R", "W", "RW")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'store.db'}")
    store.migrate()
    yield store
    store.close()
    gc.collect()


def shown(letter: str, number: int, text: str, *, method: str = METHOD) -> Event:
    """What one source shows of the failure `number`, of which everything but the moment is like in others."""
    at = NOW + number * SECOND
    if letter == "E":
        body = traceback("builtins.ValueError", f"{text} failed", head=JOB)
        return Event(ERROR_LOG, f"row{number}", at, method, body, None, 1)
    body, name = rq(f"{text} failed"), f"{NAME}::{number}"
    if letter == "R":
        return Event(FAILED_JOBS, name, at + SECOND, method, body, None, 1, method)
    return Event(WORKER_LOG, name, at + SECOND, None, body, None, 1, "")


def counted(store: Store, steps: list[list[Event]]) -> list[Event]:
    """What of the events of these steps is counted, of a site that has shown nothing before."""
    found: list[Event] = []
    with store.write() as conn:
        conn.execute(error_echoes.delete())
        for step in steps:
            left = echoes.settle(conn, NAME, counts.digest(step, {}), REACH, listed=0, now=to_ms(NOW))
            found += [each.event for each in left]
    return found


@st.composite
def _looks(draw: st.DrawFn) -> tuple[int, list[list[Event]]]:
    """How many failures there were, and what each step showed of them."""
    makes = draw(
        st.lists(st.tuples(st.sampled_from([*WITH_ROW, *WITHOUT_ROW]), st.sampled_from("aab")), min_size=1, max_size=14)
    )
    alone = draw(st.lists(st.sampled_from("cd"), max_size=4))
    events = [shown(letter, number, text) for number, (letters, text) in enumerate(makes) for letter in letters]
    events += [shown("E", number, text) for number, text in enumerate(alone)]
    events = draw(st.permutations(events))
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=8)))
    steps = [events[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    return len(makes) + len(alone), steps


@settings(max_examples=300, deadline=None)
@given(_looks())
def test_n_failures_of_jobs_are_n_events_in_any_order(kept: Store, looks: tuple[int, list[list[Event]]]) -> None:
    failures, steps = looks
    assert len(counted(kept, steps)) == failures


def test_two_jobs_that_failed_alike_are_told_apart_by_their_ids(kept: Store) -> None:
    steps = [[shown("R", 11, "a"), shown("W", 12, "a")], [shown("R", 12, "a")], [shown("W", 11, "a")]]
    assert [event.name for event in counted(kept, steps)] == [f"{NAME}::11", f"{NAME}::12"]


def test_a_row_is_known_by_what_rq_calls_the_job_when_the_log_does_not(kept: Store) -> None:
    """The traceback shows the function that a decorator put in the method's place."""
    method = "verenigingen.utils.payments.pay_all"
    steps = [[shown("W", 1, "a")], [shown("R", 1, "a", method=method)], [shown("E", 1, "a", method=method)]]
    assert [event.source for event in counted(kept, steps)] == [WORKER_LOG]


def test_a_job_that_fails_again_under_its_id_is_two(kept: Store) -> None:
    again = [Event(WORKER_LOG, f"{NAME}::1", NOW + n * 30 * SECOND, None, rq("x"), None, 1, "") for n in range(2)]
    last = Event(FAILED_JOBS, f"{NAME}::1", NOW + 30 * SECOND, METHOD, rq("x"), None, 1, METHOD)
    assert len(counted(kept, [[again[0]], [again[1]], [last]])) == 2
    assert len(counted(kept, [[last], again])) == 2


def test_each_row_goes_to_the_failure_that_is_nearest(kept: Store) -> None:
    jobs = [shown("R", number, "a") for number in (0, 100, 200)]
    rows = [shown("E", number, "a") for number in (100, 200, 0)]
    assert len(counted(kept, [jobs, *([row] for row in rows)])) == 3


@pytest.mark.parametrize("jobs", [248, 1000])
def test_a_full_registry_and_the_log_of_the_same_jobs(
    tmp_path: Path, redis_server: RedisServer, store: Store, jobs: int
) -> None:
    """At the first look the file tells of jobs that RQ, which is read in steps, has not come to."""
    redis_server.flush()
    bench = Bench(tmp_path, redis_server)
    for number in range(jobs):
        at = NOW - timedelta(minutes=50) + number * SECOND
        name = bench.fail(at, METHOD, rq("all alike"))
        if number % 5:
            bench.complain(at, name, rq("all alike"))
    gone = [f"{NAME}::gone{number}" for number in range(22)]
    for number, name in enumerate(gone):
        bench.complain(NOW - number * SECOND, name, rq("all alike"))
    seen: Counter[str] = Counter()
    for step in range(12):
        seen += Counter(bench.collect(store, NOW + step * SECOND).sources)
    assert seen["RQ"] == jobs
    assert total(store) == jobs + 22
    redis_server.flush()

"""What several sources show, in any order and in steps of any size: n failures are n, in few statements."""

import gc
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from baken.clock import to_ms
from baken.errors import counts, echoes
from baken.errors.event import DEFERRED, ERROR_LOG, FAILED_JOBS, FRAPPE_LOG, SCHEDULED_JOBS, WORKER_LOG, Event
from baken.history.store import Store, open_store
from baken.history.tables import error_echoes, error_findings
from tests.errors.logs import JOB, NAME, traceback
from tests.errors.redis_site import NOW, Bench
from tests.errors.test_echoes import METHOD, rq, total
from tests.servers import RedisServer

SECOND = timedelta(seconds=1)
ID = "::scheduled_job::payments.pay"
REACH = echoes.Reach(content=True, failure=True, horizon=to_ms(NOW - timedelta(days=1)))
# One failure shows up in all that its letters name: a row, RQ's registry, the workers' log, Scheduled Job Log.
WITH_ROW, WITHOUT_ROW = ("ER", "EW", "ERW", "ERS", "SWE"), ("R", "W", "RW", "RS", "SRW")


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
    if letter == "S":
        return Event(SCHEDULED_JOBS, f"log{number}", at, method, body, None, 1, method)
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


def test_a_job_of_the_scheduler_is_known_by_its_id(kept: Store) -> None:
    runs, name = "frappe.core.doctype.scheduled_job_type.scheduled_job_type.run_scheduled_job", f"{NAME}{ID}"
    queue = Event(FAILED_JOBS, name, NOW, runs, rq("x failed"), None, 1, runs)
    log = Event(WORKER_LOG, name, NOW, None, rq("x failed"), None, 1, "")
    for last in (shown("S", 0, "x"), shown("E", 0, "x")):
        for steps in ([[queue], [log], [last]], [[last], [log], [queue]], [[log], [last], [queue]]):
            assert len(counted(kept, steps)) == 1


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


def test_a_flushed_cache_takes_few_statements_however_much_it_held(kept: Store) -> None:
    """Each statement is a round trip to a server, while a transaction that writes is open."""
    waiting = [Event(DEFERRED, str(n), NOW, f"t{n}", f"{n}", None, 1) for n in range(3000)]
    said: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        said.append(statement)

    def written() -> dict[str, int]:
        query = select(error_echoes.c.source, func.count()).group_by(error_echoes.c.source)
        return {row.source: row[1] for row in conn.execute(query)}

    now = to_ms(NOW)
    with kept.write() as conn:
        conn.execute(error_echoes.delete())
        conn.execute(error_findings.delete())
        echoes.settle(conn, NAME, counts.digest(waiting, {}), REACH, listed=3000, now=now)
        event.listen(conn.engine, "before_cursor_execute", note)
        echoes.settle(conn, NAME, [], REACH, listed=500, now=now + 1000)
        assert written() == {"D": 500, f"DG@{now + 1000}": 2500}
        echoes.settle(conn, NAME, [], REACH, listed=0, now=now + 2000)
        assert echoes.find_lost(conn, NAME, now + 601_000) == 2500
        assert echoes.find_lost(conn, NAME, now + 602_000) == 500
        assert written() == {f"DGL@{now + 1000}": 2500, f"DGL@{now + 2000}": 500}
        echoes.prune(conn, NAME, REACH, now + 9_000_000)
        event.remove(conn.engine, "before_cursor_execute", note)
        assert written() == {}
        assert conn.execute(select(error_findings.c.count)).scalar_one() == 3000
    assert len(said) < 40


def test_as_many_as_were_refused_are_known_from_the_list(kept: Store) -> None:
    waiting = [Event(DEFERRED, str(n), NOW, f"t{n}", f"{n}", None, 1) for n in range(3)]
    text = "Error while inserting deferred Error Log record"
    lines = [Event(FRAPPE_LOG, str(n), NOW, text, "(1062, 'Duplicate entry')", None, 1, lost=True) for n in range(5)]
    now = to_ms(NOW)
    with kept.write() as conn:
        conn.execute(error_echoes.delete())
        assert len(echoes.settle(conn, NAME, counts.digest(waiting, {}), REACH, listed=3, now=now)) == 3
        assert len(echoes.settle(conn, NAME, counts.digest(lines, {}), REACH, listed=0, now=now)) == 2

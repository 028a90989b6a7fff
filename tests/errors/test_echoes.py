"""One failure that shows up in several sources is one event, in whatever order they show it; n equal ones are n."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from baken.clock import from_ms
from baken.errors import log_files
from baken.errors.collect import collect
from baken.errors.echoes import LEFT
from baken.history.store import Store
from baken.history.tables import error_contexts, error_counts, error_echoes, error_findings, error_hits, error_patterns
from tests.errors.logs import JOB, NAME, PSEUDONYMS, WEB, after_steps, started, store_at, traceback
from tests.errors.redis_site import NOW, Bench, append, stamp
from tests.servers import RedisServer

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RQ = """Traceback (most recent call last):
  File "/home/frappe/bench/env/lib/python3.11/site-packages/rq/worker.py", line 1431, in perform_job
    rv = job.perform()
  File "/home/frappe/bench/apps/frappe/frappe/utils/background_jobs.py", line 222, in execute_job
    retval = method(**kwargs)
  File "/home/frappe/bench/apps/verenigingen/verenigingen/utils/payments.py", line 12, in pay
    do_it(member)
{exception}: {message}
"""


@pytest.fixture
def bench(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bench]:
    redis_server.flush()
    yield Bench(tmp_path, redis_server)
    redis_server.flush()


def total(store: Store) -> int:
    with store.read() as conn:
        return int(conn.execute(select(func.coalesce(func.sum(error_counts.c.count), 0))).scalar_one())


def findings(store: Store) -> dict[str, int]:
    with store.read() as conn:
        rows = conn.execute(select(error_findings.c.key, error_findings.c.count).where(error_findings.c.kind == "lost"))
        return {row.key: row[1] for row in rows}


def echoes(store: Store) -> list[str]:
    with store.read() as conn:
        return [row.source for row in conn.execute(select(error_echoes).order_by(error_echoes.c.id))]


def web(message: str) -> str:
    return traceback("frappe.exceptions.ValidationError", message, head=WEB)


def job(message: str, exception: str = "builtins.ValueError") -> str:
    return traceback(exception, message, head=JOB)


def rq(message: str, exception: str = "ValueError") -> str:
    return RQ.format(exception=exception, message=message)


METHOD = "verenigingen.utils.payments.pay"


def test_a_row_that_was_waiting_counts_once_with_its_user_and_time(bench: Bench, store: Store) -> None:
    at = NOW - timedelta(minutes=70)
    bench.push(at, "Invoice <b>7</b> of <Member: x> & co", web("no"), user="jan@leden.example")
    assert bench.collect(store, NOW).rows == 1
    assert bench.flush(NOW + 5 * SECOND) == 1
    found = bench.collect(store, NOW + 10 * SECOND)
    assert (found.rows, found.sources) == (0, {"Error Log": 1})
    assert total(store) == 1
    with store.read() as conn:
        (row,) = conn.execute(select(error_hits))
        context = conn.execute(select(error_contexts).where(error_contexts.c.number == row.context)).one()
    assert from_ms(row.hour) == at.replace(minute=0)
    assert context.user == PSEUDONYMS.of("user", "jan@leden.example")
    assert echoes(store) == []


def test_equal_errors_are_as_many_as_there_are(bench: Bench, store: Store) -> None:
    for number in range(5):
        bench.push(NOW + number * SECOND, "Same", "the same text")
    assert bench.collect(store, NOW + MINUTE).rows == 5
    for _ in range(3):
        bench.row(NOW + MINUTE, "Same", "the same text")
    # Three that were logged at once and five that waited: eight rows.
    assert bench.flush(NOW + 2 * MINUTE) == 5
    for minute in range(3, 6):
        bench.collect(store, NOW + minute * MINUTE)
    assert total(store) == 8
    assert echoes(store) == []


def test_a_row_of_before_is_not_taken_for_one_that_waits(bench: Bench, store: Store) -> None:
    bench.row(NOW - timedelta(hours=3), "Same", "the same text")
    bench.push(NOW, "Same", "the same text")
    assert bench.collect(store, NOW).rows == 2
    bench.flush(NOW + MINUTE)
    assert bench.collect(store, NOW + MINUTE).rows == 0


def test_seen_only_as_a_row(bench: Bench, store: Store) -> None:
    bench.collect(store, NOW)
    bench.push(NOW + SECOND, "Quick", web("x"))
    bench.flush(NOW + 2 * SECOND)
    assert bench.collect(store, NOW + 10 * SECOND).rows == 1


def test_a_long_text_is_recognised_though_the_site_gives_its_ends(bench: Bench, store: Store) -> None:
    text = "é😀" * 9000 + web("é" * 3000)
    bench.push(NOW, "Long", text)
    assert bench.collect(store, NOW).rows == 1
    bench.flush(NOW + MINUTE)
    assert bench.collect(store, NOW + MINUTE).rows == 0


def test_what_a_flushed_cache_held_is_counted_and_reported(bench: Bench, store: Store) -> None:
    bench.push(NOW, "Held", web("x"))
    bench.push(NOW, "Held too", web("y"))
    assert bench.collect(store, NOW).rows == 2
    bench.redis.flush()
    assert bench.collect(store, NOW + MINUTE).rows == 0
    assert findings(store) == {}
    bench.collect(store, NOW + 12 * MINUTE)
    assert findings(store) == {LEFT: 2}
    bench.collect(store, NOW + 14 * MINUTE)
    assert findings(store) == {LEFT: 2}
    assert total(store) == 2


def test_what_becomes_a_row_late_is_not_counted_again(bench: Bench, store: Store) -> None:
    bench.push(NOW, "Held", web("x"))
    bench.collect(store, NOW)
    with closing(bench.redis.client()) as client:
        client.delete(bench.key)
    bench.collect(store, NOW + MINUTE)
    bench.collect(store, NOW + 12 * MINUTE)
    assert findings(store) == {LEFT: 1}
    bench.row(NOW + 13 * MINUTE, "Held", web("x"), "Administrator")
    assert bench.collect(store, NOW + 13 * MINUTE).rows == 0


def test_a_title_that_is_too_long_is_one_event_and_one_finding(bench: Bench, store: Store) -> None:
    title = "Could not book (10 %) the payment of <Member: jan> " + "for the month of May and all others " * 5
    bench.push(NOW, title, web("x"))
    assert bench.collect(store, NOW).rows == 1
    assert bench.flush(NOW + MINUTE) == 0
    assert bench.collect(store, NOW + MINUTE).rows == 0
    bench.collect(store, NOW + 15 * MINUTE)
    assert findings(store) == {log_files.TOO_LONG: 1}
    assert total(store) == 1
    # One that Baken did not see waiting is known from the file alone.
    bench.push(NOW + 16 * MINUTE, title, web("x"))
    bench.flush(NOW + 16 * MINUTE)
    assert bench.collect(store, NOW + 16 * MINUTE).rows == 1
    assert findings(store) == {log_files.TOO_LONG: 2}


def test_a_record_that_was_refused_is_one_of_those_that_waited(bench: Bench, store: Store) -> None:
    bench.push(NOW, "Fine", web("x"))
    bench.push(NOW, "Refused", web("y"))
    assert bench.collect(store, NOW).rows == 2
    assert bench.flush(NOW + MINUTE, most=1) == 1
    with closing(bench.redis.client()) as client:
        client.lpop(bench.key)
    bench.say(NOW + MINUTE, "Error while inserting deferred Error Log record: (1062, 'Duplicate entry')")
    assert bench.collect(store, NOW + MINUTE).rows == 0
    bench.collect(store, NOW + 15 * MINUTE)
    assert findings(store) == {log_files.REFUSED: 1}


@pytest.mark.parametrize("order", range(6))
def test_a_failed_job_is_one_event_in_any_order(bench: Bench, store: Store, order: int) -> None:
    """The row, RQ's registry and the workers' log, each shown in a look of its own, by any order."""
    name = f"{NAME}::7"
    shows: dict[str, Callable[[], object]] = {
        "row": lambda: bench.row(NOW, METHOD, job("no such member")),
        "rq": lambda: bench.fail(NOW + 2 * SECOND, METHOD, rq("no such member"), job=name),
        "file": lambda: bench.complain(NOW + 2 * SECOND, name, rq("no such member")),
    }
    sequence = random.Random(order).sample(sorted(shows), 3)
    bench.collect(store, NOW)
    for step, each in enumerate(sequence):
        shows[each]()
        found = bench.collect(store, NOW + (10 + 10 * step) * SECOND)
        assert found.rows == (1 if step == 0 else 0), (sequence, each)
    assert total(store) == 1
    with store.read() as conn:
        assert len(list(conn.execute(select(error_patterns)))) == 1


def test_a_job_that_left_no_row_is_known_from_rq(bench: Bench, store: Store) -> None:
    timed_out = rq("(0, '')", "pymysql.err.InterfaceError")
    bench.row(NOW, METHOD, job("(0, '')", "pymysql.err.InterfaceError"))
    bench.fail(NOW, METHOD, timed_out)
    bench.fail(NOW + SECOND, METHOD, timed_out)
    bench.fail(NOW, "verenigingen.utils.other.run", rq("(0, '')", "pymysql.err.InterfaceError"))
    found = bench.collect(store, NOW + 10 * SECOND)
    # One row for four failures of which one has a row: the row's own and three, among them the other method.
    assert found.sources == {"Error Log": 1, "RQ": 3}
    assert total(store) == 3
    assert bench.collect(store, NOW + 20 * SECOND).rows == 0


def test_failures_far_apart_are_two(bench: Bench, store: Store) -> None:
    bench.row(NOW - timedelta(minutes=20), METHOD, job("x"))
    bench.fail(NOW, METHOD, rq("x"))
    assert bench.collect(store, NOW).rows == 2


def test_what_rq_kept_for_a_week_and_its_rows_are_one(bench: Bench, store: Store) -> None:
    for hour in range(0, 160, 3):
        bench.row(NOW - hour * timedelta(hours=1), METHOD, job(f"failed {hour % 9}"))
        bench.fail(NOW - hour * timedelta(hours=1) + SECOND, METHOD, rq(f"failed {hour % 9}"))
    for minute in range(20):
        bench.collect(store, NOW + minute * MINUTE, max_rows=30)
    assert total(store) == 54


def test_rows_are_expected_while_rq_is_out_of_reach(bench: Bench, store: Store) -> None:
    bench.collect(store, NOW)
    bench.redis.stop()
    try:
        for minute in range(1, 180, 20):
            bench.row(NOW + minute * MINUTE, METHOD, job(f"failed {minute}"))
            bench.collect(store, NOW + minute * MINUTE + SECOND)
    finally:
        bench.redis.start()
    for minute in range(1, 180, 20):
        bench.fail(NOW + minute * MINUTE, METHOD, rq(f"failed {minute}"))
    bench.site.memory.clear()
    assert bench.collect(store, NOW + 181 * MINUTE).rows == 0
    assert total(store) == 9


def test_echoes_are_forgotten(bench: Bench, store: Store) -> None:
    for number in range(20):
        bench.row(NOW + number * SECOND, METHOD, job(f"only a row {'abcdefghijklmnopqrst'[number]}"))
        bench.push(NOW, "waits", web(str(number)))
    bench.collect(store, NOW + MINUTE)
    assert Counter(echoes(store)) == {"E": 20, "D": 20}
    bench.redis.flush()
    for hour in range(1, 6):
        bench.site.memory.pop("echoes_pruned", None)
        bench.collect(store, NOW + hour * timedelta(hours=1))
    assert echoes(store) == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["web", "direct", "job", "timeout"]), st.integers(0, 2), st.integers(0, 3)),
        max_size=14,
    ),
    st.lists(st.integers(0, 14), max_size=6),
)
def test_n_failures_are_n_events(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, happens: list[tuple[str, int, int]], flushes: list[int]
) -> None:
    """Whatever happens on the site and whenever Baken looks in between, each failure is one event."""
    bench.redis.flush()
    bench.connection.execute("DELETE FROM `tabError Log`")
    for file in bench.folder.rglob("*.log"):
        file.unlink()
    bench.site = bench.anew()
    store = store_at(tmp_path_factory.mktemp("n") / "store.db")
    now = NOW
    bench.collect(store, now)
    for place, (kind, text, looks) in enumerate(happens):
        if kind == "web":
            bench.push(now, "t", web(f"{'abc'[text]} went wrong"))
        elif kind == "direct":
            bench.row(now, "t", web(f"{'abc'[text]} went wrong"))
        else:
            if kind == "job":
                bench.row(now, METHOD, job(f"{'abc'[text]} failed"))
            name = bench.fail(now + SECOND, METHOD, rq(f"{'abc'[text]} failed"))
            bench.complain(now + SECOND, name, rq(f"{'abc'[text]} failed"))
        for _ in range(looks):
            now += 10 * SECOND
            bench.collect(store, now)
        now += 7 * SECOND
        if place in flushes:
            bench.flush(now)
    now += MINUTE
    bench.flush(now)
    for _ in range(3):
        now += 10 * SECOND
        bench.collect(store, now)
    assert total(store) == len(happens)
    assert findings(store) == {}
    store.close()


def test_a_failure_whose_record_was_half_written_when_it_was_read_is_one(
    bench: Bench, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a traceback is another failure than the one that the row tells of."""
    path = bench.folder / "logs" / "worker.error.log"
    bench.complain(NOW, f"{NAME}::1", rq("earlier"))
    assert bench.collect(store, NOW).rows == 1
    at = NOW + SECOND
    bench.complain(at, f"{NAME}::2", rq("no such member"))
    record = path.read_text().rpartition(f"{stamp(at)}")[2]
    path.write_text(path.read_text().removesuffix(f"{stamp(at)}{record}"))
    append(path, "")
    real = os.fstat

    def looked(number: int) -> os.stat_result:
        monkeypatch.setattr(os, "fstat", real)
        found = real(number)
        append(path, f"{stamp(at)}{record[:300]}", settled=False)
        return found

    monkeypatch.setattr(os, "fstat", looked)
    bench.collect(store, NOW + 10 * SECOND)
    append(path, record[300:])
    bench.row(at, METHOD, job("no such member"))
    bench.fail(at, METHOD, rq("no such member"), job=f"{NAME}::2")
    for look in (2, 3):
        bench.collect(store, NOW + look * 10 * SECOND)
    assert total(store) == 2


_KILLED = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from dataclasses import replace
from baken.errors.collect import collect
from baken.settings import Settings
from baken.sites.site import Site
from tests.errors.logs import PSEUDONYMS, site_at, store_at
path, store, bench, url = Path(sys.argv[1]), store_at(Path(sys.argv[2])), Path(sys.argv[3]), sys.argv[4]
config = replace(site_at(path).config, bench=bench, redis_cache=url, redis_queue=url, bench_id="home-frappe-bench")
site, now = Site(config, Settings()), datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
print("ready", flush=True)
while True:
    now += timedelta(milliseconds=100)
    with site.reading(now) as reading:
        collect(reading, store, now, PSEUDONYMS, max_rows=20)
    print("step", flush=True)
"""


def test_a_process_that_is_killed_loses_and_doubles_nothing(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    store_at(path).close()
    made = 0
    for steps in (1, 4, 2):
        script = started(_KILLED, str(bench.path), str(path), str(bench.folder), bench.redis.url)
        with script as process:
            # It has counted, and goes on counting while the site fails; it is killed in the midst of that. How many
            # failures there are does not depend on how fast the machine is.
            after_steps(process, steps)
            for _ in range(25):
                at = NOW - timedelta(minutes=10) + made * SECOND
                bench.push(at, f"t {made}", web(f"number {made}"))
                bench.row(at, METHOD, job(f"number {made}"))
                name = bench.fail(at + SECOND, METHOD, rq(f"number {made}"))
                bench.complain(at + SECOND, name, rq(f"number {made}"))
                made += 1
                if made % 20 == 0:
                    bench.flush(NOW)
    bench.flush(NOW)
    store = store_at(path)
    now: Any = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    for _ in range(200):
        now += SECOND
        with bench.site.reading(now) as reading:
            if not collect(reading, store, now, PSEUDONYMS).behind:
                break
    assert total(store) == 2 * made
    assert findings(store) == {}
    store.close()

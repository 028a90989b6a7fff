"""What waits in the cache, what RQ keeps, what files tell: each seen once, absent with a reason, and no more."""

import gc
import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from baken.errors import deferred, failed_jobs, log_files, watermarks
from baken.errors.event import DEFERRED, FAILED_JOBS, FRAPPE_LOG, SOURCES, WORKER_LOG, Event
from baken.errors.sources import Gathered
from baken.history.store import Store
from baken.settings import Settings
from baken.sites import failed_jobs as registries
from baken.sites import log_tail
from baken.sites.problems import NotAvailable, SiteUnreachable
from baken.sites.site import Site
from tests.errors.logs import NAME
from tests.errors.redis_site import BENCH_ID, NOW, Bench, append, stamp
from tests.servers import RedisServer

SECOND = timedelta(seconds=1)
TRACE = 'Traceback (most recent call last):\n  File "apps/app/app/x.py", line 1, in run\n    y()\nValueError: bad {}'


@pytest.fixture
def bench(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bench]:
    redis_server.flush()
    yield Bench(tmp_path, redis_server)
    redis_server.flush()
    gc.collect()


class Follower:
    """Reads one source again and again, as the collector does, without a store."""

    def __init__(self, bench: Bench, read: Any) -> None:
        self.bench, self.read = bench, read
        self.body: dict[str, Any] = {}

    def __call__(self, now: datetime = NOW) -> list[Event]:
        with self.bench.site.reading(now) as reading:
            found: Gathered = self.read(reading, self.body, now)
        # As it comes back from the store.
        self.body = json.loads(json.dumps(found.body))
        self.behind, self.changed = found.behind, found.changed
        return list(found.events)


def test_an_error_that_waits_is_seen_with_user_and_time(bench: Bench) -> None:
    follow = Follower(bench, deferred.read)
    assert follow() == []
    bench.push(NOW - 5 * SECOND, "Bad <thing>", "Some text", user="jan@leden.example")
    (event,) = follow()
    assert (event.source, event.user, event.method, event.error) == (
        DEFERRED, "jan@leden.example", "Bad <thing>", "Some text",
    )  # fmt: skip
    assert event.at == NOW - 5 * SECOND
    assert event.size == len("Bad <thing>Some text")
    assert follow() == []
    assert not follow.changed


def test_one_that_was_inserted_before_says_so_itself(bench: Bench) -> None:
    follow = Follower(bench, deferred.read)
    written = bench.local(NOW - 9 * SECOND)
    bench.push(NOW, "t", "x", user="els@leden.example", owner="jan@leden.example", creation=written)
    (event,) = follow()
    assert (event.user, event.at) == ("jan@leden.example", NOW - 9 * SECOND)


def test_the_list_grows_and_is_taken_from(bench: Bench) -> None:
    follow = Follower(bench, deferred.read)
    said, seen, number = 0, [], 0
    for round_number in range(60):
        for _ in range(round_number % 7):
            bench.push(NOW + number * SECOND, "t", f"error {number}")
            number += 1
        if round_number % 3:
            seen += [event.error for event in follow()]
            said += 1
        if round_number % 4 == 2:
            bench.flush(NOW, most=round_number % 11)
    seen += [event.error for event in follow()]
    # What was pushed and taken between two looks is a row by now.
    assert len(seen) == len(set(seen))
    assert set(seen) <= {f"error {each}" for each in range(number)}
    assert len(seen) > number * 0.8
    assert sum(follow.body["rows"]) == _length(bench)


@example([("+", 130)] * 4)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("+-!?"), st.integers(0, 130)), max_size=12))
def test_nothing_that_stays_is_missed_or_seen_twice(bench: Bench, moves: list[tuple[str, int]]) -> None:
    bench.redis.flush()
    follow = Follower(bench, deferred.read)
    number = 0
    seen: list[str] = []
    for move, count in [*moves, ("?", 0)]:
        if move == "+":
            with closing(bench.redis.client()) as client:
                entries = [json.dumps({"method": "t", "error": str(number + each)}) for each in range(count)]
                if entries:
                    client.rpush(bench.key, *entries)
            number += count
        elif move == "-":
            with closing(bench.redis.client()) as client:
                client.ltrim(bench.key, count, -1)
        elif move == "!":
            bench.redis.flush()
        else:
            seen += [str(event.error) for event in follow()]
            while follow.behind:
                seen += [str(event.error) for event in follow()]
            with closing(bench.redis.client()) as client:
                there: Any = client.lrange(bench.key, 0, -1)
            assert {json.loads(entry)["error"] for entry in there} <= set(seen)
            assert len(seen) == len(set(seen))
            assert sum(follow.body.get("rows", ())) == len(there)


def test_a_storm_is_read_in_bounded_steps(bench: Bench) -> None:
    follow = Follower(bench, deferred.read)
    with closing(bench.redis.client()) as client:
        client.rpush(bench.key, *[json.dumps({"method": "t", "error": f"{n} {'x' * 4000}"}) for n in range(1300)])
    sizes = []
    while True:
        sizes.append(len(follow()))
        if not follow.behind:
            break
    assert sizes == [500, 500, 300]


def test_strange_entries_hinder_nothing(bench: Bench) -> None:
    rows = [{"method": "a", "error": None}, {"method": None, "error": "b", "creation": "no time"}, 3]
    with closing(bench.redis.client()) as client:
        client.rpush(bench.key, b"\xff{", "[" * 5000, "7", json.dumps(rows), json.dumps({"doctype": "ToDo"}))
    follow = Follower(bench, deferred.read)
    assert [(event.method, event.error, event.at) for event in follow()] == [("a", None, NOW), (None, "b", NOW)]
    assert follow() == []


def _length(bench: Bench) -> int:
    with closing(bench.redis.client()) as client:
        return int(client.llen(bench.key))


@pytest.mark.parametrize("old", [False, True])
def test_a_failed_job_is_seen_once(bench: Bench, old: bool) -> None:
    follow = Follower(bench, failed_jobs.read)
    job = bench.fail(NOW - 90 * SECOND, "app.tasks.pay", TRACE.format(1), old=old)
    bench.fail(NOW, "other.run", "x", site="other.example")
    (event,) = follow()
    assert event.source == FAILED_JOBS
    assert (event.name, event.method, event.job, event.user) == (
        job, "app.tasks.pay", "app.tasks.pay", "els@vereniging.example",
    )  # fmt: skip
    assert event.error == TRACE.format(1)
    assert event.at == NOW - 90 * SECOND
    assert follow() == []
    assert not follow.changed
    # After a restart nothing but the stored state tells.
    bench.site = bench.anew()
    assert follow() == []


def test_jobs_that_fail_again_fail_anew(bench: Bench) -> None:
    follow = Follower(bench, failed_jobs.read)
    for number in range(3):
        bench.fail(NOW + 5 * number * SECOND, "app.run", "x", job=f"{NAME}::same")
        assert len(follow(NOW + timedelta(minutes=1))) == 1


def test_many_jobs_of_one_second_and_different_times_to_keep(bench: Bench) -> None:
    for number in range(450):
        ttl = (604800, 604500, 3600)[number % 3]
        bench.fail(NOW, "app.run", "x", queue=("short", "long")[number % 2], ttl=ttl)
    follow = Follower(bench, failed_jobs.read)
    names: list[str] = []
    while True:
        names += [event.name for event in follow()]
        if not follow.behind:
            break
    assert len(names) == len(set(names)) == 450
    bench.fail(NOW, "app.run", "x", ttl=604300)
    assert len(follow()) == 1
    assert follow() == []


def test_jobs_that_are_kept_for_less_long_do_not_bring_back_what_was_seen(bench: Bench) -> None:
    follow = Follower(bench, failed_jobs.read)
    for number in range(3):
        bench.fail(NOW + number * SECOND, "app.run", "x")
    assert len(follow()) == 3
    for _ in range(failed_jobs.MOST_JOBS + 5):
        bench.fail(NOW, "app.run", "x", ttl=604800 - 60)
    assert len(follow()) == failed_jobs.MOST_JOBS
    assert follow.behind
    assert len(follow()) == 5
    assert follow() == []


def test_a_job_without_end_or_text_or_description(bench: Bench) -> None:
    with closing(bench.redis.client()) as client:
        client.sadd("rq:queues", f"rq:queue:{BENCH_ID}:short")
        for name in (f"{NAME}::gone", f"{NAME}::bare", "a1b2", f"{NAME}::odd"):
            client.zadd(f"rq:failed:{BENCH_ID}:short", {name: int(NOW.timestamp()) + 604800 - 7200})
        client.hset(f"rq:job:{NAME}::bare", mapping={"created_at": "x"})
        client.hset("rq:job:a1b2", mapping={"description": f"f(method='a.b', site='{NAME}', user='x@y.example')"})
        client.hset(f"rq:job:{NAME}::odd", mapping={"ended_at": "never", "exc_info": b"\xff plain"})
        client.set(f"rq:results:{NAME}::odd", "no stream")
    found = {event.name: event for event in Follower(bench, failed_jobs.read)()}
    assert set(found) == {f"{NAME}::bare", "a1b2", f"{NAME}::odd"}
    assert {event.at for event in found.values()} == {NOW - timedelta(hours=2)}
    assert found["a1b2"].method == "a.b"
    assert found[f"{NAME}::odd"].error == "\ufffd plain"


@pytest.mark.parametrize(
    ("description", "method"),
    [
        ("f(event=None, job_name='a.b', kwargs={'x': \", method='evil', \"}, method='a.b', site='s')", "a.b"),
        ("f(job_name='a.b.<locals>', method=<function C.run at 0x7f>, site='s', user='u')", "C.run"),
        ("f(event=None, job_name='a.b.run', method=<function run at 0x7f>, site='s')", "a.b.run"),
        ("f(job_name='" + "a." * 37 + "..., method='" + "a." * 37 + "..., site='s')", ""),
        ("", ""),
    ],
)
def test_the_method_comes_from_the_description(description: str, method: str) -> None:
    assert registries.called(description) == method


def test_a_text_that_unpacks_to_much_is_cut(bench: Bench) -> None:
    bench.fail(NOW, "a.b", "x" * 50_000_000)
    (event,) = Follower(bench, failed_jobs.read)()
    assert len(event.error or "") == 200_000


def test_frappe_log_tells_what_frappe_lost(bench: Bench) -> None:
    follow = Follower(bench, log_files.read_frappe_log)
    title = "Could not book (10 %) the payment (of May) " + "x" * 120
    said = f"Error Log a1: '<strong>Titel</strong>' ({title}) wordt afgekapt, hoogstens 140 tekens"
    bench.say(NOW, f"Error while inserting deferred Error Log record: {said}")
    bench.say(NOW, "Error while inserting deferred Error Log record: (1062, 'Duplicate entry')")
    bench.say(NOW, "Could not take error snapshot: no\n" + TRACE.format(1))
    bench.say(NOW, f"Failed to run after request hook\nSite: {NAME}\nForm Dict: {{'iban': 1}}\n" + TRACE.format(2))
    bench.say(NOW, "New Exception collected in error log\nSite: x\nForm Dict: {}")
    bench.say(NOW, "only a warning", level="WARNING")
    bench.say(NOW, "Error while inserting deferred Web Page View record: x")
    found = follow()
    assert [(event.method, event.lost) for event in found] == [
        (title, True),
        ("Error while inserting deferred Error Log record", True),
        (None, True),
        (None, False),
        (None, False),
    ]
    assert [log_files.what_was_lost(event) for event in found[:3]] == [
        log_files.TOO_LONG, log_files.REFUSED, log_files.NOT_TAKEN,
    ]  # fmt: skip
    assert "iban" not in str(found[3].error)
    assert str(found[3].error).endswith("ValueError: bad 2")
    assert {event.at for event in found} == {NOW}
    assert {event.source for event in found} == {FRAPPE_LOG}
    assert follow() == []


def test_the_benchs_log_is_sorted_by_site(bench: Bench) -> None:
    (bench.folder / "sites" / "other.example").mkdir()
    (bench.folder / "sites" / "other.example" / "site_config.json").write_text("{}")
    bench.say(NOW, f"mine\nSite: {NAME}\nForm Dict: {{}}", own=False)
    bench.say(NOW, "other's\nSite: other.example\nForm Dict: {}", own=False)
    bench.say(NOW, "nobody's", own=False)
    assert [event.error for event in Follower(bench, log_files.read_frappe_log)()] == ["mine"]


def test_what_workers_complain_of(bench: Bench) -> None:
    follow = Follower(bench, log_files.read_worker_log)
    bench.complain(NOW, f"{NAME}::7", TRACE.format(1))
    bench.complain(NOW, "other.example::8", TRACE.format(2))
    (event,) = follow()
    assert (event.source, event.name, event.error) == (WORKER_LOG, f"{NAME}::7", TRACE.format(1))


def test_a_record_is_read_once_and_whole(bench: Bench) -> None:
    path = bench.folder / "sites" / NAME / "logs" / "frappe.log"
    follow = Follower(bench, log_files.read_frappe_log)
    append(path, f"{stamp(NOW)} ERROR frappe one\nTrace", settled=False)
    assert follow() == []
    append(path, f"back\n{stamp(NOW)} ERR", settled=False)
    assert [event.error for event in follow()] == ["one\nTraceback"]
    append(path, "OR frappe two\n")
    assert [event.error for event in follow()] == ["two"]
    assert follow() == []
    assert not follow.changed


def test_what_workers_write_under_either_version_of_rq(bench: Bench) -> None:
    """A bench of several sites: each record belongs to the site that its job's id names."""
    path = bench.folder / "logs" / "worker.error.log"
    follow = Follower(bench, log_files.read_worker_log)
    (bench.folder / "sites" / "other.example").mkdir(exist_ok=True)
    (bench.folder / "sites" / "other.example" / "site_config.json").write_text("{}")
    call = "exception raised while executing (frappe.utils.background_jobs.execute_job)"
    written = [
        f"[Job {NAME}::1]: {call}",
        f"Worker 0f3a: job {NAME}||2: {call}",
        f"Worker 0f3a: job {NAME}||sync: a, b: {call}",
        f"Worker 0f3a: job other.example||3: {call}",
        f"[Job other.example::4]: {call}",
    ]
    for number, text in enumerate(written):
        append(path, f"{stamp(NOW)} {text}\n{TRACE.format(number)}\n")
    found = follow()
    assert [event.name for event in found] == [f"{NAME}::1", f"{NAME}||2", f"{NAME}||sync: a, b"]
    assert [event.error for event in found] == [TRACE.format(number) for number in range(3)]


@pytest.mark.parametrize("rotated", [False, True])
def test_a_record_that_is_written_while_it_is_read_is_read_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, rotated: bool
) -> None:
    """A file that had been still when it was looked at, and of whose next record half is there when it is read."""
    path = bench.folder / "logs" / "worker.error.log"
    follow = Follower(bench, log_files.read_worker_log)
    bench.complain(NOW, f"{NAME}::1", TRACE.format(1))
    assert len(follow()) == 1
    written = path
    if rotated:
        written = path.rename(path.with_name("worker.error.log.1"))
        path.touch()
    call = "exception raised while executing (frappe.utils.background_jobs.execute_job)"
    record = f"{stamp(NOW)} [Job {NAME}::2]: {call}\n{TRACE.format(2)}\n"
    real = os.fstat

    def looked(number: int) -> os.stat_result:
        monkeypatch.setattr(os, "fstat", real)
        found = real(number)
        append(written, record[:130], settled=False)
        return found

    monkeypatch.setattr(os, "fstat", looked)
    assert follow() == []
    append(written, record[130:])
    found = follow() + follow()
    assert [(event.name, event.error) for event in found] == [(f"{NAME}::2", TRACE.format(2))]
    assert follow() == []


def test_rotation_loses_nothing(bench: Bench) -> None:
    path = bench.folder / "sites" / NAME / "logs" / "frappe.log"
    follow = Follower(bench, log_files.read_frappe_log)
    seen: list[str] = []
    for number in range(60):
        if number % 7 == 5:
            for older in range(4, 0, -1):
                if (there := path.with_name(f"frappe.log.{older}")).exists():
                    there.rename(path.with_name(f"frappe.log.{older + 1}"))
            path.rename(path.with_name("frappe.log.1"))
        append(path, f"{stamp(NOW)} ERROR frappe number {number}\n{'x' * 100}\n", settled=number % 3 == 0)
        if number % 11 == 3:
            seen += [str(event.error).split("\n")[0] for event in follow()]
    append(path, "")
    while True:
        seen += [str(event.error).split("\n")[0] for event in follow()]
        if not follow.behind:
            break
    assert seen == [f"number {number}" for number in range(60)]


def test_truncation_begins_anew(bench: Bench) -> None:
    path = bench.folder / "sites" / NAME / "logs" / "frappe.log"
    follow = Follower(bench, log_files.read_frappe_log)
    append(path, "".join(f"{stamp(NOW)} ERROR frappe old {number}\n" for number in range(20)))
    assert len(follow()) == 20
    path.write_text("")
    append(path, f"{stamp(NOW)} ERROR frappe new\n")
    assert [event.error for event in follow()] == ["new"]
    # It was cut, and has grown beyond the old place by the time of the next look.
    path.write_text("")
    append(path, "".join(f"{stamp(NOW + SECOND)} ERROR frappe newest {number}\n" for number in range(20)))
    assert len(follow(NOW + SECOND)) == 20


def test_the_first_look_takes_the_end_of_a_big_file(bench: Bench) -> None:
    path = bench.folder / "sites" / NAME / "logs" / "frappe.log"
    day = NOW - timedelta(days=1)
    append(path, "".join(f"{stamp(day)} ERROR frappe old {number}\n" for number in range(20_000)))
    append(path, f"{stamp(NOW)} ERROR frappe new\n")
    follow = Follower(bench, log_files.read_frappe_log)
    assert [event.error for event in follow()] == ["new"]
    append(path, "".join(f"{stamp(NOW)} ERROR frappe more {number}\n" for number in range(20_000)))
    count, steps, before = 0, 0, follow.body["offset"]
    while True:
        count, steps = count + len(follow()), steps + 1
        if not follow.behind:
            break
    assert count == 20_000
    assert steps == -(-(path.stat().st_size - before) // log_tail.MOST)


def test_one_endless_record_is_cut(bench: Bench) -> None:
    path = bench.folder / "sites" / NAME / "logs" / "frappe.log"
    append(path, f"{stamp(NOW)} ERROR frappe start\n")
    follow = Follower(bench, log_files.read_frappe_log)
    follow()
    append(path, f"{stamp(NOW)} ERROR frappe long\n" + "y" * 3 * log_tail.MOST + f"\n{stamp(NOW)} ERROR frappe end\n")
    found: list[Event] = []
    for _ in range(6):
        found += follow()
    assert [str(event.error)[:5].strip() for event in found] == ["long", "end"]


def test_each_source_says_why_it_is_absent(bench: Bench, store: Store) -> None:
    bench.collect(store, NOW)
    with store.read() as conn:
        states = watermarks.load_all(conn, NAME).sources
    assert set(states) == set(SOURCES) - {"Error Log", "Sentry"}
    assert states[DEFERRED].absent == states[FAILED_JOBS].absent == ""
    assert states[FRAPPE_LOG].absent == f"there is no file {bench.folder / 'logs' / 'frappe.log'}"
    bench.site = Site(replace(bench.config, redis_cache=None, bench=None, bench_id="other"), Settings())
    with closing(bench.redis.client()) as client:
        client.sadd("rq:queues", f"rq:queue:{BENCH_ID}:short")
    bench.row(NOW, "a.b.c", "still counted")
    assert bench.collect(store, NOW + 20 * SECOND).rows == 1
    with store.read() as conn:
        states = watermarks.load_all(conn, NAME).sources
    assert states[DEFERRED].absent == f"no redis_cache is configured for site {NAME}"
    assert "set bench_id" in states[FAILED_JOBS].absent
    assert "another machine" in states[WORKER_LOG].absent


def test_a_redis_that_is_down_hinders_nothing(bench: Bench, store: Store) -> None:
    bench.site = Site(replace(bench.config, redis_cache="redis://127.0.0.1:1"), Settings())
    bench.row(NOW, "a.b.c", "counted")
    bench.fail(NOW, "x.y", "failed")
    assert bench.collect(store, NOW).rows == 2
    with store.read() as conn:
        assert "does not answer" in watermarks.load_all(conn, NAME).sources[DEFERRED].absent
    with bench.site.reading(NOW) as reading, pytest.raises(SiteUnreachable):
        deferred.read(reading, {}, NOW)


def test_a_file_that_may_not_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.folder / "logs" / "worker.error.log"
    path.mkdir()
    with pytest.raises(NotAvailable, match="cannot be read"):
        Follower(bench, log_files.read_worker_log)()
    assert path.is_dir()


def test_half_a_letter_and_impossible_times_in_the_list_stop_nothing(bench: Bench, store: Store) -> None:
    bench.collect(store, NOW)
    bench.push(NOW, "bad \ud800 title", "text with \ud800", user="a\ud800b")
    bench.push(NOW, "t", "x", modified="0001-01-01 00:00:00")
    assert bench.collect(store, NOW + 10 * SECOND).rows == 2


def test_a_line_whose_time_no_clock_shows_stops_nothing(bench: Bench, store: Store) -> None:
    bench.say(NOW, "first")
    bench.collect(store, NOW)
    append(bench.folder / "sites" / NAME / "logs" / "frappe.log", "0001-01-01 00:00:00,000 ERROR frappe x\n")
    bench.say(NOW, "second")
    bench.say(NOW, "third")
    with bench.site.reading(NOW) as reading:
        said = [event.error for event in log_files.read_frappe_log(reading, {}, NOW).events]
    assert said[:2] == ["first", "second"]
    bench.collect(store, NOW + 10 * SECOND)


def test_a_folder_of_logs_that_may_not_be_entered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, f"no way to {path}")

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(NotAvailable, match="cannot be read"):
        Follower(bench, log_files.read_frappe_log)()


def test_a_failed_job_is_read_again_when_it_could_not_be_stored(bench: Bench) -> None:
    follow = Follower(bench, failed_jobs.read)
    bench.fail(NOW - 90 * SECOND, "app.tasks.pay", TRACE.format(1))
    assert len(follow()) == 1
    stored = follow.body
    bench.fail(NOW, "app.tasks.pay", TRACE.format(2))
    assert len(follow()) == 1
    follow.body = stored
    assert len(follow()) == 1
    assert follow() == []
    assert not follow.changed

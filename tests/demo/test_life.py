"""The demo's life: figures move, RQ's keys are readable, ports are let go, logs stay bounded."""

import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fakeredis
import pytest
import redis

from baken.demo import mishaps, rhythm
from baken.demo.bench import DemoBench, make_bench
from baken.demo.life import connect, run_life
from baken.demo.living import money, upkeep
from baken.demo.living.course import Life
from baken.demo.living.deferred import KEY, Deferred
from baken.demo.redis import JobQueues, RedisServer

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> DemoBench:
    return make_bench(tmp_path_factory.mktemp("life") / "b", members=200, now=NOW, progress=lambda _text, _share: None)


def counts(conn: sqlite3.Connection) -> dict[str, int]:
    tables = (
        "Member",
        "Error Log",
        "Email Queue",
        "Payment Entry",
        "Sales Invoice",
        "Direct Debit Batch",
        "Scheduled Job Log",
        "SEPA Audit Log",
        "Activity Log",
    )
    return {name: conn.execute(f'SELECT COUNT(*) FROM "tab{name}"').fetchone()[0] for name in tables}


def test_two_hours_move_every_figure_and_keep_the_books_right(bench: DemoBench) -> None:
    conn = connect(bench)
    queues = JobQueues(bench, 1, NOW)
    life = Life(bench, conn, queues, seed=1, since=NOW)
    before = counts(conn)
    batches = set(conn.execute('SELECT name, status FROM "tabDirect Debit Batch"'))
    conn.execute("BEGIN")
    for _ in range(40):
        money.bill(life.stage, NOW - timedelta(hours=1))
    conn.execute("COMMIT")
    for place in range(1, 41):
        now = NOW + timedelta(minutes=3 * place)
        life.step(now, 3.0, 1500.0)
        queues.step(now)
    after = counts(conn)
    # A week of it is kept: as much goes as comes.
    before.pop("Scheduled Job Log")
    assert [name for name in before if after[name] <= before[name]] == []
    newest = conn.execute('SELECT MAX(creation) FROM "tabScheduled Job Log"').fetchone()[0]
    assert newest > rhythm.stamp(rhythm.local(NOW + timedelta(minutes=110)))
    assert set(conn.execute('SELECT name, status FROM "tabDirect Debit Batch"')) - batches
    assert conn.execute(
        'SELECT COUNT(*) FROM (SELECT i.name FROM "tabSales Invoice" i LEFT JOIN "tabPayment Entry Reference" r '
        "ON r.reference_name = i.name AND r.docstatus = 1 WHERE i.docstatus = 1 GROUP BY i.name "
        "HAVING ABS(i.grand_total - i.outstanding_amount - COALESCE(SUM(r.allocated_amount), 0)) > 0.001)"
    ).fetchone() == (0,)
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    waiting = conn.execute("SELECT COUNT(*) FROM \"tabEmail Queue\" WHERE status = 'Not Sent'").fetchone()[0]
    assert waiting < 600
    conn.close()


def test_the_dues_run_leaves_the_stuck_schedules_stuck(bench: DemoBench) -> None:
    conn = connect(bench)
    day = NOW + timedelta(days=3, hours=6)
    life = Life(bench, conn, JobQueues(bench, 2, day), seed=2, since=day)
    due = (
        "SELECT COUNT(*) FROM \"tabMembership Dues Schedule\" WHERE status = 'Active' AND is"
        "_template = 0 AND next_invoice_date {}"
    )
    assert conn.execute(due.format("= '2026-11-25'")).fetchone()[0] > 0
    stuck = conn.execute(due.format("< '2026-11-02'")).fetchone()
    for minute in range(12):
        life.step(day + timedelta(minutes=minute), 0.01)
    assert conn.execute(due.format("= '2026-11-25'")).fetchone() == (0,)
    assert conn.execute(due.format("< '2026-11-02'")).fetchone() == stuck
    conn.close()


def test_logs_do_not_grow_without_end(bench: DemoBench) -> None:
    conn = connect(bench)
    later = NOW + timedelta(days=400)
    life = Life(bench, conn, JobQueues(bench, 3, later), seed=3, since=later)
    conn.execute("BEGIN IMMEDIATE")
    for _ in range(8):
        upkeep.prune(life.stage, later)
    conn.execute("COMMIT")
    left = counts(conn)
    assert left["Error Log"] == left["Email Queue"] == left["Scheduled Job Log"] == 0
    assert conn.execute('SELECT COUNT(*) FROM "tabEmail Queue Recipient"').fetchone()[0] == 0
    assert left["SEPA Audit Log"] > 0
    conn.close()


def test_rq_keys_are_what_rq_would_leave(bench: DemoBench) -> None:
    server = RedisServer(0)
    try:
        queues = JobQueues(bench, 1, NOW)
        queues.stalled_until = NOW + timedelta(minutes=5)
        for index in range(4):
            queues.enqueue("frappe.ping", "short", NOW + timedelta(seconds=index), 30.0)
        queues.step(NOW)
        queues.publish(server.client, NOW)
        with redis.Redis(port=server.port, decode_responses=True) as client:
            full = f"{bench.bench_id}:short"
            assert client.llen(f"rq:queue:{full}") == 4
            assert client.zcard(f"rq:wip:{full}") == 0
            first = client.lindex(f"rq:queue:{full}", 0)
            assert isinstance(first, str)
            assert first.startswith(f"{bench.site}::")
            assert client.hget(f"rq:job:{first}", "enqueued_at") == "2026-11-22T18:00:00.000000Z"
            assert sum(client.zcard(f"rq:failed:{bench.bench_id}:{name}") for name in bench.queues) == 23
            workers = client.smembers(f"rq:workers:{full}")
            assert len(workers) == 2
            assert all(client.ttl(name) > 0 for name in workers)
            assert client.info()["used_memory"] > 1_000_000
            queues.step(NOW + timedelta(minutes=6))
            queues.publish(server.client, NOW + timedelta(minutes=6))
            assert client.zcard(f"rq:wip:{full}") == 2
            assert client.llen(f"rq:queue:{full}") == 2
    finally:
        server.close()


def _free_ports() -> tuple[int, int]:
    import socket

    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def test_run_life_answers_moves_and_stops_within_a_second(tmp_path: Path) -> None:
    redis_port, web_port = _free_ports()
    bench = make_bench(
        tmp_path / "b",
        members=60,
        now=datetime.now(UTC),
        progress=lambda _t, _s: None,
        redis_port=redis_port,
        web_port=web_port,
    )
    conn = sqlite3.connect(bench.database)
    before = counts(conn)
    stop = threading.Event()
    thread = threading.Thread(target=run_life, args=(bench,), kwargs={"speed": 3000.0, "stop": stop})
    thread.start()
    try:
        deadline = time.monotonic() + 90
        while counts(conn) == before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert counts(conn) != before
        with urllib.request.urlopen(f"http://127.0.0.1:{web_port}/api/method/ping", timeout=60) as answer:
            assert json.load(answer) == {"message": "pong"}
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{web_port}/app", timeout=60)
        with redis.Redis(port=redis_port, decode_responses=True) as client:
            assert client.scard("rq:queues") == 3
    finally:
        begun = time.monotonic()
        stop.set()
        thread.join(60)
        conn.close()
    assert not thread.is_alive()
    # Promised is a second; it does not go on with the day that it lives through.
    assert time.monotonic() - begun < 30


def test_a_negative_speed_is_refused(bench: DemoBench) -> None:
    with pytest.raises(ValueError, match="negative"):
        run_life(bench, speed=-1, stop=threading.Event())


def test_errors_of_requests_wait_for_the_quarter_before_they_are_rows(bench: DemoBench) -> None:
    conn = connect(bench)
    client = fakeredis.FakeStrictRedis()
    life = Life(bench, conn, JobQueues(bench, 3, NOW), seed=3, since=NOW)
    deferred = life.stage.deferred = Deferred()
    web = next(failure for failure in mishaps.FAILURES if failure.via == "web")
    began = NOW + timedelta(days=1, minutes=1)
    life.step(began, 0.0, 0.0)
    before = conn.execute('SELECT COUNT(*) FROM "tabError Log"').fetchone()[0]
    life.stage.error_of_request(web, began)
    deferred.publish(client)
    deferred.publish(client)
    assert client.llen(KEY) == 1
    waiting = json.loads(client.lrange(KEY, 0, 0)[0])
    assert (waiting["name"], waiting["owner"], waiting["creation"]) == (None, None, None)
    assert waiting["modified_by"] in life.stage.cast.users
    assert conn.execute('SELECT COUNT(*) FROM "tabError Log"').fetchone()[0] == before
    life.step(began + timedelta(minutes=14), 0.0, 0.0)
    row = conn.execute('SELECT owner, error, creation FROM "tabError Log" ORDER BY creation DESC LIMIT 1').fetchone()
    assert row[:2] == ("Administrator", waiting["error"])
    assert row[2] > waiting["modified"]
    deferred.publish(client)
    assert client.llen(KEY) == 0
    life.stage.error_of_request(web, began)
    life.stop(began + timedelta(minutes=20))
    assert conn.execute('SELECT COUNT(*) FROM "tabError Log"').fetchone()[0] == before + 2
    conn.close()

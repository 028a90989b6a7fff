"""Let the demo live: its database changes, its Redis and its web server answer, until somebody stops it."""

import random
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import structlog

from baken.demo import jobs, monitor_log, rhythm
from baken.demo.bench import DemoBench, write_backup
from baken.demo.layout import scheduled_jobs
from baken.demo.living import pause, trouble
from baken.demo.living.course import Life, lived_until
from baken.demo.living.deferred import Deferred
from baken.demo.redis import JobQueues, RedisServer, figures

TICK_SECONDS = 1.0
LOG_BYTES = 20_000_000
_BACKUP_HOUR = 2

log = structlog.get_logger(__name__)


class _Ping(BaseHTTPRequestHandler):
    """Answers /api/method/ping as Frappe does, 404 to all else, after some milliseconds."""

    protocol_version = "HTTP/1.1"
    server_version = "Werkzeug/3.0"
    sys_version = ""

    def do_GET(self) -> None:
        time.sleep(min(0.25, random.lognormvariate(-4.3, 0.5)))
        found = urlsplit(self.path).path == "/api/method/ping"
        body = b'{"message":"pong"}' if found else b'{"exc_type":"DoesNotExistError"}'
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the collector asks all the time."""


class WebServer:
    """The site's own address on 127.0.0.1. Raises OSError when `port` is taken."""

    def __init__(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Ping)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="demo-web", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering and let the port go."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)


def connect(bench: DemoBench) -> sqlite3.Connection:
    """A writing connection to the demo site's database that waits up to two seconds for other writers."""
    conn = sqlite3.connect(bench.database, timeout=2.0, isolation_level=None)
    conn.execute("PRAGMA synchronous = NORMAL")
    return conn


def run_life(bench: DemoBench, *, speed: float = 1.0, seed: int | None = None, stop: threading.Event) -> None:
    """Live until `stop` is set; returns within a second after that.

    Listens on the bench's `redis_port` and `web_port` on 127.0.0.1. What happened since life stopped last, up to
    twelve hours, is written first, at its own times. `speed` 1.0 goes on as the written past did, 10.0 has ten times as
    much happen, 0.0 nothing but clocks and heartbeats. `seed` defaults to the bench's own.

    Raises OSError when a port is taken, ValueError when `speed` is negative.
    """
    if speed < 0:
        raise ValueError(f"the speed of the demo's life cannot be negative: {speed}")
    seed = bench.seed if seed is None else seed
    redis = RedisServer(bench.redis_port)
    try:
        web = WebServer(bench.web_port)
        try:
            _live(bench, redis, speed, seed, stop)
        finally:
            web.close()
    finally:
        redis.close()


def _live(bench: DemoBench, redis: RedisServer, speed: float, seed: int, stop: threading.Event) -> None:
    now = datetime.now(UTC)
    rng = random.Random(f"{seed}:traffic")
    queues = JobQueues(bench, seed, now)
    queues.publish(redis.client, now)
    catch_up_backups(bench, now)
    conn = connect(bench)
    try:
        since = max(lived_until(bench, conn), now - pause.LONGEST)
        catch_up_jobs(conn, since)
        life = Life(bench, conn, queues, seed=seed, since=since)
        if speed > 0:
            try:
                append_monitor(bench, pause.catch_up(life, since, now, stop))
            except sqlite3.OperationalError as error:
                log.warning("the demo's database is busy; the rest of its pause is left out", error=str(error))
            trouble.announce_burst(life.stage, now)
            trouble.lose(life.stage, now)
        deferred = life.stage.deferred = Deferred()
        before = now
        while not stop.is_set():
            now = datetime.now(UTC)
            # After a sleep of the machine life goes on from here; it does not make up for hours at once.
            minutes = min(30.0, max(0.0, (now - before).total_seconds())) / 60
            before = now
            try:
                life.step(now, minutes, speed)
            except sqlite3.OperationalError as error:
                log.warning("the demo's database is busy; this step of its life is left out", error=str(error))
            deferred.publish(redis.client)
            for job in queues.step(now):
                append_monitor(bench, [monitor_log.job_line(rng, now, job.method, job.seconds, scheduled=False)])
            queues.publish(redis.client, now)
            pass_time(rng, now, TICK_SECONDS / 60)
            count = rhythm.poisson(rng, 5.0 * max(1.0, speed) * rhythm.activity(now) * TICK_SECONDS / 60)
            append_monitor(bench, [monitor_log.request_line(rng, now) for _ in range(min(count, 200))])
            catch_up_backups(bench, now)
            stop.wait(TICK_SECONDS)
        life.stop(datetime.now(UTC))
    finally:
        conn.close()


def pass_time(rng: random.Random, now: datetime, minutes: float) -> None:
    """Let the cache's figures move: lookups with the day's rhythm, memory up and down, some evictions."""
    cache = figures()
    lookups = rhythm.poisson(rng, 900 * rhythm.activity(now) * minutes)
    hits = sum(rng.random() < 0.962 for _ in range(lookups))
    cache.hits += hits
    cache.misses += lookups - hits
    cache.memory = int(min(90e6, max(30e6, cache.memory + rng.gauss(0, 120_000) + (48e6 - cache.memory) * 0.01)))
    cache.evicted += rhythm.poisson(rng, 0.4 * minutes)


def append_monitor(bench: DemoBench, lines: list[str]) -> None:
    """Append to monitor.json.log; at 20 MB it becomes monitor.json.log.1 and a new one begins."""
    if not lines:
        return
    file = bench.monitor_log
    if file.exists() and file.stat().st_size > LOG_BYTES:
        file.replace(file.with_name(file.name + ".1"))
    with file.open("a", encoding="utf-8") as handle:
        handle.write("\n".join(lines) + "\n")


def catch_up_backups(bench: DemoBench, now: datetime) -> None:
    """Leave the backups of the nights since the newest one."""
    newest = max((file.stat().st_mtime for file in bench.backups.glob("*-database.sql.gz")), default=0.0)
    night = now.replace(hour=_BACKUP_HOUR, minute=0, second=19, microsecond=0)
    nights = [night - timedelta(days=day) for day in range(7, -1, -1)]
    for moment in nights:
        if newest < moment.timestamp() - 60 and moment <= now:
            write_backup(bench, moment)


def catch_up_jobs(conn: sqlite3.Connection, now: datetime) -> None:
    """After a pause the scheduler has run again: each job's last execution is brought to where it would be."""
    conn.execute("BEGIN IMMEDIATE")
    for job in scheduled_jobs():
        last = (
            max(jobs.runs_between(job, now - timedelta(days=32), now), default=None)
            if "Daily" in job.frequency
            else max(jobs.runs_between(job, now - timedelta(hours=2), now), default=None)
        )
        if last is not None:
            when = rhythm.stamp(rhythm.local(last))
            conn.execute(
                'UPDATE "tabScheduled Job Type" SET last_execution = ?, modified = ? WHERE name = ? '
                "AND (last_execution IS NULL OR last_execution < ?)",
                (when, when, job.name, when),
            )
    conn.execute("COMMIT")

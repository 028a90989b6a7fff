"""The demo's Redis: RQ's keys as Frappe's workers leave them, served by fakeredis on loopback."""

import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import fakeredis
from fakeredis import TcpFakeServer
from fakeredis._commands import SUPPORTED_COMMANDS, command
from fakeredis._socket._base import BaseFakeSocket
from redis.client import Pipeline

from baken.demo.bench import DemoBench

WORKERS = {"short": 2, "default": 2, "long": 1}
FAILED_KEPT = 60
FINISHED_SECONDS = 600
_HEARTBEAT_SECONDS = 420


@dataclass(slots=True)
class CacheFigures:
    """What INFO tells: the demo's own figures, since fakeredis keeps none."""

    memory: int = 48_000_000
    hits: int = 2_480_000
    misses: int = 97_000
    evicted: int = 61_250
    started: float = 0.0


_figures = CacheFigures()


def _info(_socket: object, *_sections: bytes) -> bytes:
    lines = {
        "redis_version": "7.2.4",
        "uptime_in_seconds": int(time.time() - _figures.started),
        "connected_clients": 14,
        "used_memory": _figures.memory,
        "used_memory_peak": int(_figures.memory * 1.2),
        "maxmemory": 256_000_000,
        "maxmemory_policy": "allkeys-lru",
        "keyspace_hits": _figures.hits,
        "keyspace_misses": _figures.misses,
        "evicted_keys": _figures.evicted,
        "total_commands_processed": _figures.hits + _figures.misses,
    }
    return "".join(f"{name}:{value}\r\n" for name, value in lines.items()).encode()


def _teach_info() -> None:
    # fakeredis has no INFO, and a monitor asks a cache for little else. The name goes into its table of commands, the
    # function onto the class it looks the command up on.
    if "info" not in SUPPORTED_COMMANDS:
        command((), (bytes,), name="info")(_info)
        setattr(BaseFakeSocket, "_info", _info)  # noqa: B010 - a class that knows no such attribute


@dataclass(slots=True)
class Job:
    """One background job. `ends` is when its worker will have done with it, None while it waits."""

    id: str
    queue: str
    method: str
    enqueued: datetime
    seconds: float
    fails: bool
    ends: datetime | None = None
    worker: str = ""


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class JobQueues:
    """The bench's queues and workers. `step` lets time pass; `publish` writes what changed into Redis."""

    def __init__(self, bench: DemoBench, seed: int, now: datetime) -> None:
        self.bench = bench
        self.rng = random.Random(f"{seed}:queues")
        self.waiting: dict[str, list[Job]] = {queue: [] for queue in bench.queues}
        self.running: list[Job] = []
        self.ended: list[tuple[Job, datetime]] = []
        self.workers = {f"{self._token()}": queue for queue, count in WORKERS.items() for _ in range(count)}
        # While set, workers take nothing: jobs pile up.
        self.stalled_until: datetime | None = None
        for index in range(23):
            job = Job(
                self._job_id(),
                self.rng.choice(bench.queues),
                _METHODS[index % len(_METHODS)],
                now - timedelta(hours=1 + 5 * index),
                1.0,
                True,
            )
            self.ended.append((job, job.enqueued + timedelta(seconds=2)))

    def _token(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    def _job_id(self) -> str:
        text = self._token()
        return f"{self.bench.site}::{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def enqueue(self, method: str, queue: str, now: datetime, seconds: float, *, fails: bool = False) -> None:
        """Put a job in; it takes `seconds` once a worker has it."""
        self.waiting[queue].append(Job(self._job_id(), queue, method, now, seconds, fails))

    def step(self, now: datetime) -> list[Job]:
        """Let workers finish and take jobs up to the aware moment `now`. Returns the jobs that ended."""
        done = [job for job in self.running if job.ends is not None and job.ends <= now]
        self.running = [job for job in self.running if job not in done]
        self.ended += [(job, job.ends or now) for job in done]
        if self.stalled_until is None or now >= self.stalled_until:
            self.stalled_until = None
            busy = {job.worker for job in self.running}
            for worker, queue in self.workers.items():
                if worker not in busy and self.waiting[queue]:
                    job = self.waiting[queue].pop(0)
                    job.ends, job.worker = now + timedelta(seconds=job.seconds), worker
                    self.running.append(job)
        failed = [pair for pair in self.ended if pair[0].fails and pair[1] > now - timedelta(days=7)]
        finished = [
            pair for pair in self.ended if not pair[0].fails and pair[1] > now - timedelta(seconds=FINISHED_SECONDS)
        ]
        self.ended = failed[-FAILED_KEPT:] + finished[-500:]
        return done

    def settle(self, now: datetime) -> None:
        """Have all that waits or runs done by the aware moment `now`: nobody was looking."""
        jobs = [*self.running, *(job for waiting in self.waiting.values() for job in waiting)]
        self.ended += [(job, now) for job in jobs]
        self.running = []
        self.waiting = {queue: [] for queue in self.waiting}
        self.stalled_until = None

    def publish(self, client: fakeredis.FakeStrictRedis, now: datetime) -> None:
        """Write queues, registries, jobs and heartbeats under RQ's keys, in one go."""
        pipe = client.pipeline(transaction=True)
        for key in client.scan_iter("rq:job:*"):
            pipe.delete(key)
        stamp = now.timestamp()
        for queue in self.bench.queues:
            full = f"{self.bench.bench_id}:{queue}"
            pipe.sadd("rq:queues", f"rq:queue:{full}")
            for registry in ("queue", "wip", "failed", "finished"):
                pipe.delete(f"rq:{registry}:{full}")
            for job in self.waiting[queue]:
                pipe.rpush(f"rq:queue:{full}", job.id)
            for job in self.running:
                if job.queue == queue:
                    pipe.zadd(f"rq:wip:{full}", {job.id: stamp + 360})
            for job, ended in self.ended:
                if job.queue == queue:
                    registry = "failed" if job.fails else "finished"
                    pipe.zadd(f"rq:{registry}:{full}", {job.id: ended.timestamp() + 7 * 86400})
        for job in [job for waiting in self.waiting.values() for job in waiting]:
            self._publish_job(pipe, job, "queued", None)
        for job in self.running:
            self._publish_job(pipe, job, "started", None)
        for job, ended in self.ended:
            self._publish_job(pipe, job, "failed" if job.fails else "finished", ended)
        busy = {job.worker: job.id for job in self.running}
        for worker, queue in self.workers.items():
            full = f"{self.bench.bench_id}:{queue}"
            key = f"rq:worker:{worker}"
            pipe.sadd("rq:workers", key)
            pipe.sadd(f"rq:workers:{full}", key)
            facts: dict[Any, Any] = {
                "birth": _z(now - timedelta(hours=30)),
                "last_heartbeat": _z(now),
                "queues": full,
                "hostname": "demo",
                "pid": "1",
                "state": "busy" if worker in busy else "idle",
                "current_job": busy.get(worker, ""),
            }
            pipe.hset(key, mapping=facts)
            pipe.expire(key, _HEARTBEAT_SECONDS)
        pipe.execute()

    def _publish_job(self, pipe: Pipeline, job: Job, status: str, ended: datetime | None) -> None:
        facts: dict[Any, Any] = {
            "status": status,
            "created_at": _z(job.enqueued),
            "enqueued_at": _z(job.enqueued),
            "origin": f"{self.bench.bench_id}:{job.queue}",
            "timeout": "300",
            "description": f"frappe.utils.background_jobs.execute_job(method='{job.method}', site='{self.bench.site}')",
        }
        if status != "queued":
            began = (ended or job.ends or job.enqueued) - timedelta(seconds=job.seconds)
            facts["started_at"] = _z(max(began, job.enqueued))
        if ended is not None:
            facts["ended_at"] = _z(ended)
        pipe.hset(f"rq:job:{job.id}", mapping=facts)


_METHODS = (
    "verenigingen.utils.background_jobs.execute_member_payment_history_update",
    "frappe.email.doctype.email_queue.email_queue.send_mail",
    "verenigingen.verenigingen_payments.api.dd_batch_scheduler.daily_batch_optimization",
    "frappe.desk.doctype.notification_log.notification_log.make_notification_logs",
)


def figures() -> CacheFigures:
    """The figures INFO tells; change them as time passes."""
    return _figures


class RedisServer:
    """The fake Redis on 127.0.0.1. Raises OSError when `port` is taken."""

    def __init__(self, port: int) -> None:
        _teach_info()
        _figures.started = time.time() - 6 * 86400
        self._server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
        self.port: int = self._server.server_address[1]
        self.client = fakeredis.FakeStrictRedis(server=self._server.fake_server)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="demo-redis", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering and let the port go."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)

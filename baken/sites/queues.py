"""A bench's two Redis servers: the background queues as RQ keeps them, and how the servers fare.

Only keys that are small to read are asked for; no KEYS, no SCAN over the cache. Layout as of RQ 1.15 (Frappe 15);
`rq:wip:<queue>`, `rq:failed:<queue>` and `rq:queue:<queue>` are the same in RQ 1 and 2.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from baken.sites.problems import NotAvailable, SiteUnreachable
from baken.sites.site import Site

if TYPE_CHECKING:
    import redis

# The client of Redis is loaded when a server is asked: most processes that know of queues never ask one.

# Every Frappe bench has these queues, whether or not RQ has heard of them yet.
_STANDARD = ("default", "long", "short")
# A server that let Baken wait is left alone for so many seconds; one that refuses at once costs nothing.
_LEFT_ALONE = 30.0
_WAITED = 1.0

_kept: dict[tuple[str, float], "redis.Redis"] = {}
_kept_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Queue:
    """One background queue of a bench: jobs of all its sites.

    `oldest` is the moment the job that waits longest was put in, None when nothing waits.
    """

    name: str
    waiting: int
    running: int
    failed: int
    workers: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class RedisHealth:
    """How one Redis server fares. `hit_ratio` is None before the first lookup."""

    memory_bytes: int
    hit_ratio: float | None
    evictions: int
    uptime_seconds: int


def connect(url: str | None, which: str, site: Site) -> "redis.Redis":
    """A client for one of the bench's Redis servers; `which` is cache or queue. Raises NotAvailable without a URL."""
    if not url:
        raise NotAvailable(f"no redis_{which} is configured for site {site.name}")
    import redis

    patience = site.settings.site_access.connect_seconds
    return redis.Redis.from_url(url, socket_timeout=patience, socket_connect_timeout=patience, decode_responses=True)


@contextmanager
def kept_client(site: Site, which: str) -> Iterator["redis.Redis"]:
    """A client whose answers are bytes and whose connections stay open, shared by all sites of a bench.

    For what is asked every few seconds. Only errors of Redis within the block are translated.

    Raises:
        NotAvailable: no such server is configured (`which` is cache or queue).
        SiteUnreachable: it does not answer; one that let Baken wait is not asked again for half a minute.
    """
    url = site.config.redis_cache if which == "cache" else site.config.redis_queue
    if not url:
        raise NotAvailable(f"no redis_{which} is configured for site {site.name}")
    import redis

    patience = site.settings.site_access.connect_seconds
    left: tuple[float, SiteUnreachable] | None = site.memory.get(f"redis_{which}_waited")
    if left is not None and time.monotonic() - left[0] < _LEFT_ALONE:
        raise left[1]
    with _kept_lock:
        client = _kept.get((url, patience))
        if client is None:
            client = _kept[url, patience] = redis.Redis.from_url(
                url, socket_timeout=patience, socket_connect_timeout=patience, **_once_more()
            )
    started = time.monotonic()
    try:
        yield client
    except (redis.RedisError, OSError) as error:
        problem = _unreachable(site, which, error)
        if time.monotonic() - started > _WAITED:
            site.memory[f"redis_{which}_waited"] = (time.monotonic(), problem)
        raise problem from None


def _once_more() -> dict[str, Any]:
    """Options by which a client tries once more after the server has closed an idle connection."""
    try:
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        # Client 3, which Frappe 14 brings: its pool looks whether a connection is still open before it lends it.
        return {}
    return {"retry": Retry(NoBackoff(), 1)}


def health(site: Site, which: str) -> RedisHealth:
    """How the cache or queue Redis of a site fares.

    Raises NotAvailable when none is configured, SiteUnreachable when it does not answer.
    """
    url = site.config.redis_cache if which == "cache" else site.config.redis_queue
    client = connect(url, which, site)
    from redis.exceptions import RedisError

    try:
        with client:
            info: dict[str, Any] = client.info()
    except (RedisError, OSError) as error:
        raise _unreachable(site, which, error) from None
    hits, misses = int(info.get("keyspace_hits", 0)), int(info.get("keyspace_misses", 0))
    if "used_memory" not in info:
        raise NotAvailable(f"the {which} Redis of site {site.name} does not tell its memory (INFO)")
    return RedisHealth(
        memory_bytes=int(info["used_memory"]),
        hit_ratio=hits / (hits + misses) if hits + misses else None,
        evictions=int(info.get("evicted_keys", 0)),
        uptime_seconds=int(info.get("uptime_in_seconds", 0)),
    )


def queues(site: Site) -> list[Queue]:
    """The bench's background queues, by name.

    An empty or missing key of RQ means none. Raises NotAvailable when no queue Redis is configured or its queues are
    another bench's, SiteUnreachable when it does not answer.
    """
    client = connect(site.config.redis_queue, "queue", site)
    from redis.exceptions import RedisError

    try:
        with client:
            return _read(client, site.config.bench_id)
    except (RedisError, OSError) as error:
        raise _unreachable(site, "queue", error) from None


def bench_queues(client: "redis.Redis", site: Site) -> list[str]:
    """Full names of a bench's queues, from a client whose answers are bytes. Raises NotAvailable as `queues` does."""
    known = cast("set[bytes]", client.smembers("rq:queues"))
    return _mine(sorted(name.decode("utf-8", "replace") for name in known), site.config.bench_id)


def _mine(names: list[str], bench_id: str | None) -> list[str]:
    full = [name.removeprefix("rq:queue:") for name in names]
    mine = [name for name in full if bench_id is None or name.startswith(f"{bench_id}:")]
    if full and not mine:
        others = ", ".join(sorted({name.rsplit(":", 1)[0] for name in full})[:3])
        raise NotAvailable(f"the queues in Redis are those of bench {others}, not of {bench_id}; set bench_id")
    if bench_id is not None:
        mine = sorted({*mine, *(f"{bench_id}:{name}" for name in _STANDARD)})
    return mine


def _read(client: "redis.Redis", bench_id: str | None) -> list[Queue]:
    mine = _mine(sorted(cast("set[str]", client.smembers("rq:queues"))), bench_id)
    pipe = client.pipeline(transaction=False)
    for name in mine:
        pipe.llen(f"rq:queue:{name}")
        pipe.zcard(f"rq:wip:{name}")
        pipe.zcard(f"rq:failed:{name}")
        pipe.lindex(f"rq:queue:{name}", 0)
        pipe.smembers(f"rq:workers:{name}")
    answers = pipe.execute()
    found = []
    alive = _alive(client, {worker for index in range(len(mine)) for worker in answers[5 * index + 4]})
    for index, name in enumerate(mine):
        waiting, running, failed, first, workers = answers[5 * index : 5 * index + 5]
        found.append(
            Queue(
                name=name.rsplit(":", 1)[-1],
                waiting=int(waiting),
                running=int(running),
                failed=int(failed),
                workers=sum(1 for worker in workers if worker in alive),
                oldest=_enqueued(client, first) if first else None,
            )
        )
    return found


def _alive(client: "redis.Redis", workers: set[str]) -> set[str]:
    # A worker's hash expires when its heartbeat stops; its name stays behind in the set of the queue.
    names = sorted(workers)
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.exists(name if name.startswith("rq:worker:") else f"rq:worker:{name}")
    return {name for name, there in zip(names, pipe.execute(), strict=True) if there}


def _enqueued(client: "redis.Redis", job: str) -> datetime | None:
    raw = cast("str | None", client.hget(f"rq:job:{job}", "enqueued_at"))
    if not raw:
        return None
    try:
        moment = datetime.fromisoformat(raw.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unreachable(site: Site, which: str, error: Exception) -> SiteUnreachable:
    url = (site.config.redis_cache if which == "cache" else site.config.redis_queue) or ""
    place = url.rsplit("@", 1)[-1].removeprefix("redis://")
    return SiteUnreachable(
        f"the {which} Redis of site {site.name} at {place} does not answer ({error}); check that it runs"
    )

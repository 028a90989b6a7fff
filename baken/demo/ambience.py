"""The figures of the past that no row tells: host, database, response times, queues, Redis, and the monitor itself.

Each follows the day's rhythm with a noise that wanders as real figures do, and shows the incidents that the errors
show.
"""

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
import psutil

from baken.demo.bench import hash_of
from baken.demo.grid import DAY, HOUR, Floats, Grid, Series, columns, epochs
from baken.demo.layout import scheduled_jobs
from baken.demo.redis import CacheFigures
from baken.demo.rhythm import Incident

_QUEUES = (("short", 2, 1.0), ("default", 2, 0.7), ("long", 1, 0.25))


class _Shape:
    """The grid with a random stream: noise that wanders, incidents as pulses."""

    def __init__(self, grid: Grid, incidents: Sequence[Incident], seed: int) -> None:
        self.grid = grid
        self.rng = np.random.default_rng(seed)
        self.incidents = incidents
        self.size = len(grid.at)
        self.step = np.diff(grid.at, prepend=grid.at[0] - 15 * 60_000) / 1000.0

    def noise(self, strength: float, memory: float = 0.9) -> Floats:
        """Wandering noise around 0 with the standard deviation `strength`."""
        raw = self.rng.normal(0, 1, self.size)
        # A moving average stands in for the recursion of an AR(1) process: vectorised, and as smooth.
        width = max(1, int(1 / (1 - memory)))
        kernel = memory ** np.arange(4 * width)
        smooth = np.convolve(raw, kernel, mode="full")[: self.size]
        return np.asarray(strength * smooth / np.sqrt((kernel**2).sum()))

    def pulse(self, *kinds: str, tail: float = 600.0) -> Floats:
        """0..1: 1 while an incident of one of `kinds` lasts, fading over `tail` seconds after it."""
        level = np.zeros(self.size)
        at = self.grid.at / 1000.0
        for incident in self.incidents:
            if incident.kind in kinds:
                starts, ends = incident.starts.timestamp(), incident.ends.timestamp()
                fading = np.exp(-np.maximum(0.0, at - ends) / tail) * (at >= ends)
                level = np.maximum(level, np.where((at >= starts) & (at < ends), 1.0, fading))
        return level

    def since(self, kind: str) -> Floats:
        """Seconds since an incident of `kind` began while it lasts, else 0."""
        level = np.zeros(self.size)
        at = self.grid.at / 1000.0
        for incident in self.incidents:
            if incident.kind == kind:
                inside = (at >= incident.starts.timestamp()) & (at < incident.ends.timestamp())
                level = np.where(inside, at - incident.starts.timestamp(), level)
        return level

    def counter(self, rate: Floats, start: float = 0.0) -> Floats:
        """A counter that grows by `rate` per second."""
        return start + np.cumsum(np.maximum(0.0, rate) * self.step)

    def poisson(self, mean: Floats) -> Floats:
        return self.rng.poisson(np.maximum(0.0, mean)).astype(np.float64)


def _s(metric: str, values: Floats, every: int = 300, **labels: str) -> Series:
    return Series(metric, tuple(sorted(labels.items())), values, every)


def _h(metric: str, values: Floats, **labels: str) -> Series:
    return Series(metric, tuple(sorted(labels.items())), values, 300, of_host=True)


def ambience(conn: sqlite3.Connection, grid: Grid, incidents: Sequence[Incident], seed: int) -> Iterator[Series]:
    """Every invented series."""
    shape = _Shape(grid, incidents, seed)
    yield from _host(shape)
    yield from _database(conn, shape)
    yield from _site(conn, shape)
    yield from _queues(conn, shape)
    yield from _requests(shape)
    yield from _monitor(conn, shape)


def _host(shape: _Shape) -> Iterator[Series]:
    busy = shape.grid.busy
    cpus = float(psutil.cpu_count() or 1)
    night = np.asarray((shape.grid.at - 2 * HOUR) % DAY < 20 * 60_000, dtype=np.float64)
    trouble = shape.pulse("disk_slow", "lock_waits", "deploy")
    cpu = np.clip(0.07 + 0.13 * busy + 0.35 * night + 0.3 * trouble + shape.noise(0.03), 0.01, 0.99)
    yield _h("host_cpu_ratio", cpu)
    yield _h("host_cpus", np.full(shape.size, cpus))
    for window, memory in (("1m", 0.5), ("5m", 0.8), ("15m", 0.93)):
        yield _h("host_load", np.maximum(0.02, cpu * cpus * 1.15 + shape.noise(0.12, memory)), window=window)
    memory_now = psutil.virtual_memory()
    total = float(memory_now.total)
    used = np.clip(memory_now.percent / 100 + 0.04 * (busy - busy[-1]) + shape.noise(0.012, 0.98), 0.05, 0.97)
    yield _h("host_memory_bytes", np.full(shape.size, total), state="total")
    yield _h("host_memory_bytes", np.round(used * total), state="used")
    yield _h("host_memory_bytes", np.round((1 - used) * total), state="available")
    yield _h("host_memory_used_ratio", used)
    disk = psutil.disk_usage("/")
    # Fills by a tenth of a percent a day; log rotation takes some back each week.
    age = (shape.grid.at[-1] - shape.grid.at) / DAY
    full = disk.used + disk.free
    ratio = np.clip(disk.used / full - 0.001 * age - 0.0012 * ((age + 2) % 7) + 0.0024, 0.02, 0.99)
    yield _h("host_disk_bytes", np.full(shape.size, float(disk.total)), mount="/", state="total")
    yield _h("host_disk_bytes", np.round(ratio * full), mount="/", state="used")
    yield _h("host_disk_bytes", np.round((1 - ratio) * full), mount="/", state="free")
    yield _h("host_disk_used_ratio", ratio, mount="/")
    uptime = shape.grid.at / 1000.0 - psutil.boot_time()
    yield _h("host_uptime_seconds", np.where(uptime > 0, uptime, uptime % (31 * 86400)))
    yield _h("host_network_bytes_total", shape.counter(9_000 + 26_000 * busy), direction="in")
    yield _h("host_network_bytes_total", shape.counter(14_000 + 90_000 * busy), direction="out")
    yield _h("host_disk_io_bytes_total", shape.counter(20_000 + 80_000 * busy + 9e6 * night), direction="read")
    yield _h("host_disk_io_bytes_total", shape.counter(60_000 + 150_000 * busy + 5e6 * night), direction="write")


def _database(conn: sqlite3.Connection, shape: _Shape) -> Iterator[Series]:
    trouble = shape.pulse("disk_slow", "lock_waits")
    yield _s("database_up", np.ones(shape.size))
    quiet = 0.00006 * np.exp(shape.noise(0.25, 0.6)) * (0.8 + 0.2 * shape.grid.busy)
    yield _s("database_response_seconds", quiet * (1 + 60 * trouble))
    (page, pages) = (conn.execute(f"PRAGMA page_{what}").fetchone()[0] for what in ("size", "count"))
    age = (shape.grid.at[-1] - shape.grid.at) / DAY
    yield _s("database_size_bytes", np.round(page * pages * (1 - age / 1300)), 3600, part="data")
    number = conn.execute(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchone()[0]
    yield _s("database_tables", np.full(shape.size, float(number)), 3600)


def _site(conn: sqlite3.Connection, shape: _Shape) -> Iterator[Series]:
    busy = shape.grid.busy
    down = shape.pulse("deploy", tail=1.0) > 0.9
    slow = 1 + 9 * shape.pulse("disk_slow", "lock_waits")
    yield _s("frappe_site_up", np.where(down, 0.0, 1.0))
    yield _s("frappe_maintenance_mode", np.where(down, 1.0, 0.0))
    yield _s("frappe_site_response_seconds", 0.016 * np.exp(shape.noise(0.22, 0.6)) * (0.85 + 0.15 * busy) * slow)
    now = int(shape.grid.at[-1])
    for window, span in (("1h", HOUR), ("24h", DAY)):
        (last,) = columns(conn, "SELECT last_active FROM tabUser WHERE last_active IS NOT NULL AND name <> 'Guest'")
        current = float((epochs(last) > now - span).sum())
        pattern = busy if span == HOUR else np.convolve(np.pad(busy, 48, "edge"), np.full(97, 1 / 97), "valid")
        mean = max(2.0, current) * pattern / max(0.15, float(pattern[-1]))
        yield _s("frappe_active_users", shape.poisson(mean), window=window)
        if span == HOUR:
            yield _s("frappe_sessions", shape.poisson(mean * 1.1))
    night = (shape.grid.at - 2 * HOUR) % DAY / 1000.0
    yield _s("frappe_backup_age_seconds", night, 3600)
    members = float(conn.execute("SELECT COUNT(*) FROM tabMember").fetchone()[0])
    days = (shape.grid.at - 2 * HOUR) // DAY
    # As write_backup counts: ordinals of days, which begin in the year 1.
    ordinal = days + 719_163
    jitter = np.array([hash_of(int(day)) % 40_000 for day in ordinal], dtype=np.float64)
    yield _s("frappe_backup_bytes", 1900 * members + 9000.0 * (ordinal - 737_000) + jitter, 3600)
    cache = CacheFigures()
    memory = np.clip(cache.memory + shape.noise(1.5e6, 0.98) + 2e6 * (busy - busy[-1]), 3e7, 9e7)
    hits = cache.hits / (cache.hits + cache.misses) + np.abs(shape.noise(0.002, 0.98)) * -1
    rate = 0.006 + 0.002 * busy
    evicted = shape.counter(rate)
    evicted = np.maximum(0.0, np.floor(evicted - evicted[-1] + cache.evicted))
    gone = shape.pulse("workers_down", tail=1.0) > 0.9
    for instance in ("cache", "queue"):
        yield _s("frappe_redis_up", np.where(gone & (instance == "queue"), 0.0, 1.0), instance=instance)
        yield _s("frappe_redis_memory_bytes", np.round(memory), instance=instance)
        yield _s("frappe_redis_hit_ratio", hits, instance=instance)
        yield _s("frappe_redis_evictions_total", evicted, instance=instance)


def _queues(conn: sqlite3.Connection, shape: _Shape) -> Iterator[Series]:
    busy = shape.grid.busy
    stopped = shape.since("workers_down")
    draining = shape.pulse("workers_down", tail=1200.0) * (stopped == 0)
    failed_now = 23 / 3
    for queue, workers, share in _QUEUES:
        waiting = (
            shape.poisson(0.35 * share * busy) + np.round(stopped * 0.004 * share) + np.round(60 * share * draining)
        )
        yield _s("frappe_queue_length", waiting, queue=queue)
        oldest = np.where(waiting > 0, shape.rng.exponential(4.0, shape.size), 0.0)
        yield _s("frappe_queue_oldest_job_seconds", np.maximum(oldest, stopped), queue=queue)
        running = np.minimum(workers, shape.poisson(0.35 * share * busy))
        yield _s("frappe_jobs_running", np.where(stopped > 0, 0.0, running), queue=queue)
        kept = (
            failed_now
            + 2
            + shape.noise(1.6, 0.99)
            + 30 * share * shape.pulse("mail_down", "bank_down", tail=7 * 3600.0)
        )
        yield _s("frappe_jobs_failed", np.maximum(0.0, np.round(kept)), queue=queue)
        yield _s("frappe_workers", np.where(stopped > 0, 0.0, float(workers)), queue=queue)
    yield _s("frappe_scheduler_enabled", np.ones(shape.size))
    yield _s("frappe_scheduler_silence_seconds", np.maximum(stopped, shape.rng.uniform(3, 230, shape.size)))
    rows = conn.execute('SELECT scheduled_job_type, status FROM "tabScheduled Job Log" ORDER BY modified').fetchall()
    failing = float(sum(status == "Failed" for status in dict(rows).values()))
    trouble = shape.pulse("bank_down", "mail_down", tail=4 * 3600.0)
    yield _s(
        "frappe_scheduled_jobs_failing", np.maximum(0.0, np.round(failing + shape.noise(0.4, 0.995) + 2 * trouble))
    )
    late: Floats = np.where(stopped > 900, np.minimum(stopped / 300, 0.3 * len(scheduled_jobs())), 0.0)
    yield _s("frappe_scheduled_jobs_late", np.round(late).astype(np.float64))
    stuck = shape.since("mail_down")
    yield _s("frappe_email_oldest_unsent_seconds", np.maximum(shape.rng.exponential(45.0, shape.size), stuck))


def _requests(shape: _Shape) -> Iterator[Series]:
    busy = shape.grid.busy
    slow = 1 + 4 * shape.pulse("disk_slow", "lock_waits")
    yield _s("frappe_requests", shape.poisson(300.0 * busy), window="1h")
    for quantile, middle, spread in (("0.5", 0.047, 0.05), ("0.95", 0.30, 0.14), ("0.99", 0.72, 0.22)):
        yield _s("frappe_request_seconds", middle * np.exp(shape.noise(spread, 0.8)) * slow, quantile=quantile)
    for quantile, middle, spread in (("0.5", 0.6, 0.12), ("0.95", 1.9, 0.2), ("0.99", 2.8, 0.3)):
        yield _s("frappe_job_seconds", middle * np.exp(shape.noise(spread, 0.8)) * slow, quantile=quantile)


def _monitor(conn: sqlite3.Connection, shape: _Shape) -> Iterator[Series]:
    slow = 1 + 5 * shape.pulse("disk_slow", "lock_waits")
    yield _s("monitor_collect_seconds", 0.055 * np.exp(shape.noise(0.2, 0.5)) * slow)
    yield _s("monitor_site_query_seconds", 0.021 * np.exp(shape.noise(0.15, 0.5)) * slow)
    yield _s("monitor_metrics_absent", np.full(shape.size, 13.0))
    yield _h("monitor_lag_seconds", np.abs(shape.noise(0.06, 0.3)))
    age = (shape.grid.at[-1] - shape.grid.at) / DAY
    yield _h("monitor_store_bytes", np.round(9_000_000 * (1 - age / (age[0] + 8)) + 700_000))
    for process, level in (("web", 82e6), ("collector", 74e6)):
        yield _h("monitor_memory_bytes", np.round(level + shape.noise(1.2e6, 0.99)), process=process)

"""Remote write into the real servers, catching up from the store, and charts that read it back."""

import random
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from baken import clock, settings
from baken.clock import to_ms
from baken.exporters.remote_write import RemoteWrite, exporters
from baken.history.past import write_past
from baken.history.remote import forget, read_remote
from baken.history.samples import Cycle, Sample, record
from baken.history.store import Store, open_store
from bench.figures import Figure, Result, Tell
from tests.server_prometheus import Prometheus
from tests.server_victoria import VictoriaMetrics
from tests.servers import ServerMissingError, running

_SERIES = 170
_METRIC = "frappe_queue_jobs"
_SAMPLES_A_DAY = 272_184
"""Of one site, as the measure of the store counts them."""

_SERVERS: dict[str, Callable[[Path], Prometheus | VictoriaMetrics]] = {
    "Prometheus": lambda folder: Prometheus(folder, "storage: {tsdb: {out_of_order_time_window: 3650d}}\n"),
    "VictoriaMetrics": VictoriaMetrics,
}


def measure(_folder: Path, quick: bool, tell: Tell) -> Result:
    """Each of the two servers in turn."""
    found: list[Figure] = []
    for name, make in _SERVERS.items():
        tell(f"long history: {name}")
        try:
            with running(make) as server, tempfile.TemporaryDirectory(prefix="baken-bench-") as folder:
                found += _sending(name, server, Path(folder) / "sending", quick)
                found += _reading(name, server, Path(folder) / "reading", quick)
        except ServerMissingError as missing:
            found.append(Figure(f"long history: {name}", None, "", note=str(missing)))
    tell("long history: catching up from the store")
    with tempfile.TemporaryDirectory(prefix="baken-bench-") as folder:
        found.append(_catching_up(Path(folder), quick))
    return Result(found)


def _target(folder: Path, url: str) -> tuple[Store, RemoteWrite, settings.Settings]:
    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(f"sqlite:///{folder / 'baken.db'}")
    store.migrate()
    given = {
        "data_dir": str(folder),
        "exporters": {"remote_write": [{"url": f"{url}/api/v1/write", "name": "bench"}]},
        "history": {"metrics_url": url, "metrics_seconds": 60},
    }
    found = settings.build(given, "bench")
    (target,) = exporters(found, store, list)
    return store, target, found


def _run(site: int, at: datetime, rough: random.Random) -> Cycle:
    figures = [Sample(_METRIC, (("queue", f"q{place}"),), round(rough.random() * 100, 2)) for place in range(_SERIES)]
    return Cycle(f"site{site}.example", at, figures, measured=[_METRIC])


def _sending(name: str, server: Prometheus | VictoriaMetrics, folder: Path, quick: bool) -> list[Figure]:
    """A hundred sites whose figures have waited for a target that was away."""
    store, target, _ = _target(folder, server.url)
    target.push()
    minutes, sites, rough = 5 if quick else 40, 100, random.Random(1)
    now = clock.now().replace(microsecond=0)
    queued = 0.0
    for minute in range(minutes):
        cycles = [_run(site, now - timedelta(minutes=minutes - minute), rough) for site in range(sites)]
        began = time.perf_counter()
        target.stored(cycles)
        queued += time.perf_counter() - began
    count = minutes * sites * _SERIES
    began, cpu = time.perf_counter(), time.process_time()
    sent = 0
    while sent < count:
        sent += target.push().sent
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    target.close()
    store.close()
    day = 100 * _SAMPLES_A_DAY / (sent / seconds)
    sending = Figure(
        f"long history: figures sent to {name}",
        sent / seconds,
        "rows/s",
        note=f"{sent:,} that had waited, {spent / sent * 1e6:.1f} µs of processor time each beside the server's own; "
        f"a day of 100 sites in {day:.0f} s",
    )
    if name != "Prometheus":
        return [sending]
    return [Figure("long history: figures put into the queue", count / queued, "rows/s"), sending]


def _reading(name: str, server: Prometheus | VictoriaMetrics, folder: Path, quick: bool) -> list[Figure]:
    """A month of a figure every minute, three series, read as a chart does."""
    store, target, found = _target(folder, server.url)
    days = 5 if quick else 30
    now = clock.now().replace(microsecond=0)
    at = [to_ms(now - timedelta(days=days)) + place * 60_000 for place in range(days * 1440)]
    with store.write() as conn:
        for queue in ("short", "default", "long"):
            rough = random.Random(queue)
            values = [round(rough.random() * 100, 2) for _ in at]
            write_past(conn, "read.example", _METRIC, {"queue": queue}, at, values, now=now)
        record(conn, [Cycle("read.example", now, [])])
    target.push()
    # Its queue begins with what is new; here it has all of it to send.
    target._open().marks = {"read.example": at[0] - 1}
    target._behind = True
    while target._behind or target.push().waiting:
        target.push()
    if isinstance(server, VictoriaMetrics):
        server.flush()
    taken = []
    forget()
    for _ in range(10):
        began = time.perf_counter()
        lines = read_remote(
            found.history,
            "read.example",
            _METRIC,
            now - timedelta(days=days),
            now,
            step=timedelta(hours=1),
            names=("queue",),
        )
        taken.append(time.perf_counter() - began)
    points = sum(len(line.at) for line in lines)
    target.close()
    store.close()
    return [
        Figure(
            f"long history: a chart of {days} days read from {name}",
            median(taken) * 1000,
            "ms",
            note=f"3 series by the hour with their extremes, {points:,} points of {3 * len(at):,} figures"
            ", median of 10",
        )
    ]


def _catching_up(folder: Path, quick: bool) -> Figure:
    """An hour of a hundred sites that the queue lacks and the store has."""
    store, target, _ = _target(folder, "http://127.0.0.1:9")
    minutes, sites, rough = 5 if quick else 60, 100, random.Random(1)
    now = clock.now().replace(microsecond=0)
    for minute in range(minutes):
        with store.write() as conn:
            record(conn, [_run(site, now - timedelta(minutes=minutes - minute), rough) for site in range(sites)])
    queue = target._open()
    began = time.perf_counter()
    while target._behind:
        target._catch_up(queue, time.monotonic() + 60)
    seconds = time.perf_counter() - began
    count = queue.waiting
    target.close()
    store.close()
    return Figure(
        "long history: figures caught up from the store",
        count / seconds,
        "rows/s",
        note=f"{count:,} of {sites} sites in an SQLite store, read and put into the queue",
    )

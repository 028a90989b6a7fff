"""One collector over hundreds of sites: how long a round takes, how much of a core, whether it keeps up.

    python -m bench.fleet CONFIG SECONDS

runs the collector that is measured: the one of `baken collect`, but with no metric more often than every SECONDS.
"""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import select

from baken import clock, logs
from baken.collector import run as collecting
from baken.demo.bench import DemoBench, make_bench
from baken.demo.life import run_life
from baken.history import samples, tables
from baken.history.store import Store, open_store
from baken.metrics.catalogue import Scope
from baken.settings import load
from baken.sites.watched import WatchedSites
from bench.figures import Figure, Result, Tell
from tests.servers import free_port

MEMBERS = 300
_context = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Watching:
    """What one collector over `sites` sites did.

    `first` is the seconds until every site had been measured wholly for the first time; then, settled: `cores` of
    processor time, `runs` per second, `age` the oldest last run in seconds, `lag` the most that Baken itself saw,
    `missed` runs, `memory` MiB, `run` seconds of the median run.
    """

    sites: int
    first: float
    cores: float
    runs: float
    age: float
    lag: float
    missed: int
    memory: float
    run: float


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Watch 200 and 1,000 sites, each a small association of its own name on one shared database file."""
    result = Result()
    plan = [(50, 60.0)] if quick else [(200, 60.0), (200, 10.0), (1000, 60.0)]
    with tempfile.TemporaryDirectory(prefix="baken-fleet-") as name:
        place = Path(name)
        bench = make_bench(
            place / "bench",
            members=MEMBERS,
            now=clock.now(),
            progress=lambda _text, _share: None,
            redis_port=free_port(),
            web_port=free_port(),
        )
        with _life(bench):
            for sites, interval in plan:
                tell(f"{sites} sites every {interval:g} s")
                _add_sites(bench, sites)
                # Runs that became due during the first round are made up for meanwhile.
                seen = _watch(
                    place,
                    bench,
                    sites,
                    interval,
                    settle=10 if quick else max(45.0, sites / 8),
                    seconds=20 if quick else 60,
                )
                result.figures += _figures(seen, interval)
    return result


def _figures(seen: Watching, interval: float) -> list[Figure]:
    many = f"{seen.sites:,} sites, one collector, {interval:g}-s interval"
    expected = seen.sites / interval
    # Half a percent is the edge of the stretch of time that was looked at.
    keeps_up = 0.98 <= seen.runs / expected <= 1.1 and seen.missed == 0 and seen.lag < interval / 2
    least = 0.98 if interval >= 60 else None
    return [
        Figure(
            f"{many}: runs made of those that are due",
            seen.runs / expected,
            "share",
            least=least,
            note=f"{'keeps up' if keeps_up else 'behind'}: {seen.runs:.1f} runs/s, {seen.missed} missed; "
            f"the oldest figure {seen.age:.0f} s, lag {seen.lag:.1f} s",
        ),
        Figure(
            f"{many}: processor",
            seen.cores,
            "cores",
            most=1.0 if interval >= 60 else None,
            note=f"median run {seen.run * 1000:.0f} ms; {seen.memory:.0f} MiB (RSS)",
        ),
        Figure(
            f"{many}: first round",
            seen.first,
            "s",
            note="from the start of the process until everything was measured on every site, layouts included",
        ),
    ]


@contextlib.contextmanager
def _life(bench: DemoBench) -> Iterator[None]:
    """The Redis and the address that the sites share."""
    process = _context.Process(target=_live, args=(bench,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _live(bench: DemoBench) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    run_life(bench, speed=0, stop=stop)


def _add_sites(bench: DemoBench, sites: int) -> None:
    """Give the bench so many sites that share the one database and its backups."""
    folder = bench.path / "sites"
    first = folder / bench.site
    for number in range(1, sites):
        place = folder / f"site{number:04}.example.test"
        if not place.exists():
            place.mkdir()
            shutil.copy(first / "site_config.json", place)
            for shared in ("db", "private"):
                (place / shared).symlink_to(first / shared)


def _watch(place: Path, bench: DemoBench, sites: int, interval: float, *, settle: float, seconds: float) -> Watching:
    data = place / f"data-{sites}-{interval:g}"
    config = place / "baken.json"
    config.write_text(
        json.dumps({"data_dir": str(data), "benches": [{"path": str(bench.path)}], "log": {"level": "error"}})
    )
    data.mkdir()
    store = open_store(f"sqlite:///{data / 'baken.db'}")
    store.migrate()
    started = time.monotonic()
    with (place / "collector.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.fleet", str(config), str(interval)], stdout=log, stderr=log
        )
    try:
        first = _until_all(store, sites, process, place / "collector.log", started)
        time.sleep(settle)
        return _settled(store, psutil.Process(process.pid), sites, first, seconds)
    finally:
        process.terminate()
        process.wait(20)
        store.close()


def _until_all(store: Store, sites: int, process: "subprocess.Popen[bytes]", log: Path, started: float) -> float:
    while time.monotonic() - started < 180 + sites:
        with store.read() as conn:
            seen = len(samples.site_states(conn).keys() - {""})
        if seen >= sites:
            return time.monotonic() - started
        if process.poll() is not None:
            break
        time.sleep(0.25)
    raise RuntimeError(f"the collector did not get around {sites} sites: {log.read_text(errors='replace')[-2000:]}")


def _settled(store: Store, process: psutil.Process, sites: int, first: float, seconds: float) -> Watching:
    begins, processor, missed = clock.now(), sum(process.cpu_times()[:2]), _missed(store)
    time.sleep(seconds)
    ends, used = clock.now(), sum(process.cpu_times()[:2]) - processor
    took = (ends - begins).total_seconds()
    # What was measured last is written a moment later.
    time.sleep(1.5)
    series, points = tables.series.c, tables.samples.c
    own = (
        select(points.value)
        .select_from(tables.samples.join(tables.series, points.series_id == series.id))
        .where(points.at > clock.to_ms(begins - timedelta(seconds=1)), points.at <= clock.to_ms(ends))
    )
    with store.read() as conn:
        states = samples.site_states(conn)
        each = list(conn.execute(own.where(series.metric == "monitor_collect_seconds")).scalars())
        lag = list(conn.execute(own.where(series.metric == "monitor_lag_seconds")).scalars())
    return Watching(
        sites=sites,
        first=first,
        cores=used / took,
        runs=len(each) / took,
        age=max((ends - state.at).total_seconds() for name, state in states.items() if name),
        lag=max(lag, default=0.0),
        missed=_missed(store) - missed,
        memory=process.memory_info().rss / 2**20,
        run=median(each) if each else 0.0,
    )


def _missed(store: Store) -> int:
    with store.read() as conn:
        return sum(state.missed for state in samples.site_states(conn).values())


def collect(config: Path, seconds: float) -> None:
    """Collect until SIGTERM, each metric and the errors at most every `seconds`."""
    as_shipped = collecting._intervals

    def at_most(scope: Scope) -> dict[str, float]:
        return {name: max(seconds, every) for name, every in as_shipped(scope).items()}

    collecting._intervals = at_most
    collecting._ERRORS_EVERY = max(seconds, collecting._ERRORS_EVERY)
    settings = load(None, json.loads(config.read_text()))
    logs.configure(settings.log)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    store = open_store(settings.store_url, pool_size=settings.history.pool_size)
    store.migrate()
    collecting.Collector(settings, store, WatchedSites(settings), lambda: {"supervisor": os.getppid()}).run(stop)
    store.close()


if __name__ == "__main__":
    collect(Path(sys.argv[1]), float(sys.argv[2]))

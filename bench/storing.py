"""How much room the store needs for a year of a site, and how fast it takes what was measured."""

import shutil
import sqlite3
import tempfile
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from baken import clock
from baken.history import samples, tables
from baken.history.rollups import DAY_MS, day_of
from baken.history.samples import Cycle, Sample
from baken.history.store import open_store
from baken.metrics import catalogue
from baken.settings import History
from bench.figures import Figure, Result, Tell
from bench.serving import demo

DAY = 86_400.0


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """The store of the demo in `folder`, and a store of its own that is written as fast as it goes."""
    tell("store: a year of one site")
    return Result([*_year(folder), *_writing(quick, tell)])


def _year(folder: Path) -> list[Figure]:
    """Bytes of a year of one site: its real series at their real intervals, packed as the demo's own days are."""
    with demo(folder):
        # What the site has is known once the collector has been around.
        time.sleep(15)
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "baken.db"
        _copy(folder / "data" / "baken.db", copy)
        store = open_store(f"sqlite:///{copy}")
        with store.read() as conn:
            names = conn.execute(select(tables.series.c.id, tables.series.c.site, tables.series.c.metric)).all()
            present = set(conn.execute(select(tables.latest.c.series_id)).scalars())
            # The last week is there every five minutes, as it is measured.
            newest = conn.execute(select(func.max(tables.chunks.c.day))).scalar_one()
            packed = conn.execute(
                select(
                    tables.chunks.c.series_id,
                    func.sum(tables.chunks.c.count),
                    func.sum(func.length(tables.chunks.c.data)),
                )
                .where(tables.chunks.c.day > day_of(newest - 6 * DAY_MS))
                .group_by(tables.chunks.c.series_id)
            ).all()
            payload = conn.execute(select(func.avg(func.length(tables.chunks.c.data)))).scalar_one()
        store.close()
        hour_bytes, day_bytes, hot_bytes, chunk_bytes = (
            _row_bytes(copy, name) for name in ("hourly", "daily", "samples", "chunks")
        )
    per_sample = {number: size / count for number, count, size in packed}
    known = sum(size for _, _, size in packed) / sum(count for _, count, _ in packed)
    site = [(number, metric) for number, where, metric in names if where and number in present]
    by_metric: dict[str, list[float]] = defaultdict(list)
    for number, metric in site:
        if number in per_sample:
            by_metric[metric].append(per_sample[number])
    raw = daily_samples = 0.0
    for number, metric in site:
        entry = catalogue.get(metric)
        # A run's own figures are written with each of its runs.
        every = 10.0 if entry is None or entry.scope == "run" else entry.every.total_seconds()
        mean = sum(by_metric[metric]) / len(by_metric[metric]) if by_metric[metric] else known
        raw += DAY / every * per_sample.get(number, mean)
        daily_samples += DAY / every
    packed_bytes = raw / daily_samples
    # A packed day is a row with a key of its own.
    raw += len(site) * (chunk_bytes - float(payload))
    rolled = len(site) * (24 * hour_bytes + day_bytes)
    # Today is not packed yet, and yesterday not in the first two hours.
    hot = daily_samples * hot_bytes * 26 / 24
    kept = History().raw_days
    return [
        Figure(
            "store: a year of one site's samples",
            (raw * kept + rolled * 365 + hot) / 1e6,
            "MB",
            most=250,
            note=f"{kept} days of every sample, packed {raw * kept / 1e6:.0f} MB, hourly and daily rows of the year "
            f"{rolled * 365 / 1e6:.0f} MB, today unpacked {hot / 1e6:.0f} MB; {len(site)} series, {daily_samples:,.0f} "
            "samples a day at the catalogue's intervals, the bytes of each from the demo's packed days of the same "
            "metrics every five minutes, so rather too many for those of every ten seconds",
        ),
        Figure("store: the same, were every sample kept for the year", ((raw + rolled) * 365 + hot) / 1e6, "MB"),
        Figure("store: one packed sample", packed_bytes, "bytes", note="weighted by how often each is measured"),
        Figure("store: one hourly row", hour_bytes, "bytes", note=f"one unpacked sample {hot_bytes:.0f} bytes"),
    ]


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as here, sqlite3.connect(target) as there:
        here.backup(there)
    here.close()
    there.close()


def _row_bytes(store: Path, table: str) -> float:
    """Bytes a row of `table` takes on the disk: what the file loses when the rows go."""
    work = store.with_suffix(".work")
    shutil.copy(store, work)
    conn = sqlite3.connect(work, isolation_level=None)
    try:
        # What the journal holds is not in the file.
        conn.execute("PRAGMA journal_mode = DELETE")
        rows = conn.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        conn.execute("VACUUM")
        before = work.stat().st_size
        conn.execute(f"DELETE FROM {table}")
        conn.execute("VACUUM")
        return (before - work.stat().st_size) / max(1, int(rows))
    finally:
        conn.close()
        work.unlink()


def _writing(quick: bool, tell: Tell) -> list[Figure]:
    """Samples per second through `record`, a run of each of a hundred sites in one transaction."""
    tell("store: writing")
    sites, rounds = 100, 5 if quick else 20
    names = [entry.name for entry in catalogue.metrics("site")]
    now = clock.now().replace(microsecond=0)
    with tempfile.TemporaryDirectory() as name:
        store = open_store(f"sqlite:///{Path(name) / 'store.db'}")
        store.migrate()

        def cycles(turn: int) -> list[Cycle]:
            values = [Sample(metric, (), float(turn * place % 97)) for place, metric in enumerate(names)]
            at = now + timedelta(seconds=10 * turn)
            return [Cycle(f"site{site}", at, values, measured=names) for site in range(sites)]

        with store.write() as conn:
            samples.record(conn, cycles(0))
        made = [cycles(turn) for turn in range(1, rounds + 1)]
        processor, started = time.process_time(), time.perf_counter()
        for each in made:
            with store.write() as conn:
                samples.record(conn, each)
        took, used = time.perf_counter() - started, time.process_time() - processor
        store.close()
    count = rounds * sites * len(names)
    return [
        Figure(
            "store: samples written",
            count / took,
            "rows/s",
            note=f"{sites} runs of {len(names)} metrics a transaction, SQLite, with what is last known; "
            f"{count / used:,.0f} a second of processor time",
        )
    ]

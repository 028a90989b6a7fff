"""What it costs to give Prometheus the last figures of many sites: reading the store, writing the page, packing it."""

import gzip
import random
import time
from datetime import datetime
from pathlib import Path
from statistics import median

from baken import clock
from baken.exporters import prometheus
from baken.exporters.prometheus import Part
from baken.history.samples import Cycle, Sample, record
from baken.history.series import batches
from baken.history.store import open_store
from baken.metrics import catalogue
from bench.figures import Figure, Result, Tell

_SERIES = 140
_CYCLES_AT_ONCE = 100


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Pages of one site, of a hundred, and of a thousand."""
    most = 100 if quick else 1000
    store = open_store(f"sqlite:///{folder / 'exposition.db'}")
    store.migrate()
    now, rough = clock.now(), random.Random(1)
    names = [f"site{number:04}.example" for number in range(most)]
    tell(f"exposition: figures of {most} sites")
    for some in batches(names, _CYCLES_AT_ONCE):
        with store.write() as conn:
            record(conn, [_cycle(name, now, rough) for name in some])
    found = []
    for count in (1, 100, most) if most > 100 else (1, 100):
        tell(f"exposition: a page of {count} sites")
        taken, cpu, size, packed = [], [], 0, 0
        for _ in range(5):
            began, spent = time.perf_counter(), time.process_time()
            with store.read() as conn:
                families = prometheus.families(conn, Part(tuple(names[:count]), True), now, watched=most, most=500)
            page = prometheus.written(families, open_metrics=True)
            size, packed = len(page), len(gzip.compress(page, 1))
            taken.append(time.perf_counter() - began)
            cpu.append(time.process_time() - spent)
        found.append(
            Figure(
                f"/metrics of {count:,} {'site' if count == 1 else 'sites'}, made anew",
                median(taken) * 1000,
                "ms",
                note=f"{median(cpu) * 1000:.0f} ms of a processor; {size / 1e6:.2f} MB, {packed / 1e6:.2f} MB packed; "
                f"{count * _SERIES:,} series with the ages of their metrics; median of 5",
            )
        )
    store.close()
    return Result(found)


def _cycle(site: str, now: datetime, rough: random.Random) -> Cycle:
    """A run with figures of the catalogue's own metrics, several series of those with labels."""
    own = catalogue.metrics("site")
    samples: list[Sample] = []
    place = 0
    while len(samples) < _SERIES:
        entry = own[place % len(own)]
        labels = tuple(sorted((label, f"{label}{place // len(own)}") for label in entry.labels))
        if labels or place < len(own):
            samples.append(Sample(entry.name, labels, round(rough.random() * 100, 3)))
        place += 1
    return Cycle(site, now, samples, measured=sorted({sample.metric for sample in samples}))

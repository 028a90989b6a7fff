"""What watching costs one site: a run over everything, and the queries of a settled minute."""

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

from baken import clock
from baken.collector.cycle import Run, run_site
from baken.collector.schedule import Schedule
from baken.demo.world import SITE
from baken.errors.collect import collect
from baken.history.store import Store, open_store
from baken.metrics import catalogue
from baken.privacy import Pseudonyms
from baken.settings import Settings
from baken.sites.bench import read_site
from baken.sites.reading import Reading
from baken.sites.site import Site, SiteConfig
from bench.figures import Detail, Figure, Result, Tell, number
from bench.reference import NoReferenceError, reference_site
from bench.serving import demo
from tests.servers import ServerFailedError, ServerMissingError

PSEUDONYMS = Pseudonyms(bytes(32))

ERRORS_EVERY = 10.0
SETTLING = 10


@dataclass(slots=True)
class Watched:
    """What watching a site for some simulated minutes took. Seconds; `minutes` are query seconds of each minute."""

    first: Run
    everything: Run
    minutes: list[float]
    queries: int
    runs: list[float]
    slowest: tuple[str, float]
    costs: dict[str, list[float]] = field(default_factory=dict)
    stretched: dict[str, float] = field(default_factory=dict)


def intervals() -> dict[str, float]:
    """How often the collector measures each metric and observation of a site, in seconds."""
    found = {entry.name: entry.every.total_seconds() for entry in catalogue.metrics("site")}
    return found | {entry.kind: entry.every.total_seconds() for entry in catalogue.observations()}


def watch(config: SiteConfig, store: Store, minutes: int) -> Watched:
    """Watch a site as the collector does: ten minutes to settle, then `minutes` that count, on a simulated clock."""
    settings = Settings()
    site = Site(config, settings)
    every = intervals()
    begins, elapsed = clock.now(), 0.0
    schedule = Schedule(config.name, every, cost_share=settings.collector.cost_share, now=elapsed)
    slowest: list[tuple[str, float]] = []
    errors_due = 0.0

    def look(due: set[str]) -> Run:
        nonlocal errors_due
        with_errors = elapsed >= errors_due
        if with_errors:
            errors_due = elapsed + ERRORS_EVERY

        def also(reading: Reading) -> None:
            if with_errors:
                collect(reading, store, reading.now, PSEUDONYMS)
            slowest.append(reading.slowest)

        return run_site(site, due, begins + timedelta(seconds=elapsed), settings.collector.deadline, also)

    first = look(set(every))
    everything = min((look(set(every)) for _ in range(5)), key=lambda run: run.seconds)
    slowest.clear()
    result = Watched(first, everything, [0.0] * minutes, 0, [], ("", 0.0))
    while elapsed < (SETTLING + minutes) * 60:
        due = schedule.due(elapsed)
        schedule.ran(due, elapsed)
        run = look(set(due))
        schedule.cost(run.costs)
        minute = int(elapsed // 60) - SETTLING
        if minute < 0:
            slowest.clear()
        else:
            result.minutes[minute] += run.query_seconds
            result.queries += run.queries
            result.runs.append(run.seconds)
            for metric, seconds in run.costs.items():
                result.costs.setdefault(metric, []).append(seconds)
        elapsed = schedule.next_due
    result.slowest = max(slowest, key=lambda one: one[1])
    result.stretched = schedule.stretched()
    return result


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Watch the demo in `folder`, and a real site where there is one."""
    minutes = 10 if quick else 60
    result = Result()
    with tempfile.TemporaryDirectory() as place:
        store = open_store(f"sqlite:///{Path(place) / 'store.db'}")
        store.migrate()
        tell("collection: the demo's site")
        with demo(folder) as running:
            config = read_site(running.folder / "bench", SITE)
            _add(result, "demo (SQLite, 5,000 members)", watch(config, store, minutes), minutes)
        tell("collection: a real site on MariaDB")
        try:
            with reference_site() as config:
                _add(result, "a real ERPNext site (MariaDB)", watch(config, store, minutes), minutes)
        except (NoReferenceError, ServerMissingError, ServerFailedError) as problem:
            result.figures.append(Figure("a real ERPNext site (MariaDB)", None, "ms", note=str(problem)))
        store.close()
    return result


def _add(result: Result, what: str, watched: Watched, minutes: int) -> None:
    every, absent = watched.everything, len(watched.everything.absences)
    mean = sum(watched.minutes) / len(watched.minutes)
    result.figures += [
        Figure(
            f"{what}: one run over everything",
            every.seconds * 1000,
            "ms",
            note=f"of it queries {every.query_seconds * 1000:.0f} ms ({every.queries}); the very first run, with "
            f"the tables' layout, {watched.first.seconds * 1000:.0f} ms; {absent} metrics absent",
        ),
        Figure(
            f"{what}: query time per minute",
            mean * 1000,
            "ms",
            most=60,
            note=f"mean of {minutes} settled minutes; median {median(watched.minutes) * 1000:.0f}, "
            f"worst {max(watched.minutes) * 1000:.0f} ms; {watched.queries / minutes:.0f} queries a minute; "
            f"{len(watched.stretched)} metrics are read less often to stay within it",
        ),
        Figure(
            f"{what}: slowest query",
            watched.slowest[1] * 1000,
            "ms",
            most=20,
            note=" ".join(watched.slowest[0].split())[:110],
        ),
        Figure(f"{what}: a settled run", median(watched.runs) * 1000, "ms", note="median, all metrics that are due"),
    ]
    spent = sorted(watched.costs.items(), key=lambda item: -sum(item[1]))[:6]
    rows = [
        (
            metric,
            number(sum(costs) / minutes * 1000),
            number(median(costs) * 1000),
            number(max(costs) * 1000),
            f"{watched.stretched.get(metric, 1):.3g}",
        )
        for metric, costs in spent
    ]
    columns = ("metric", "ms per minute", "median ms", "most ms", "interval ×")
    result.details.append(Detail(f"What costs most on {what}", columns, rows))

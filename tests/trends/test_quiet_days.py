"""How often something is called unusual on days of the demo on which nothing was: at most once per site and week."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baken.api.usual import unusual_in
from baken.api.window import Window
from baken.clock import HOUR, from_ms
from baken.demo import rhythm
from baken.demo.bench import DemoBench, make_bench
from baken.demo.past import write_past
from baken.history.ranges import Points, read_range
from baken.history.store import Store, open_store
from baken.metrics import catalogue

NOW = datetime(2026, 9, 13, 18, 0, tzinfo=UTC)
"""The weeks before it have no change of the clocks, which makes what happens by UTC look an hour late."""

WEEKS = 3
STEP = 1800
# What an incident leaves behind: counts over a day, failed jobs that are kept until somebody clears them.
AFTER = timedelta(hours=48)
BUSY_DAYS = {rhythm.DUES_DAY, rhythm.COLLECTION_DAY, rhythm.COLLECTION_DAY + 1, rhythm.RETRY_DAY}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoBench, Store]]:
    folder: Path = tmp_path_factory.mktemp("quiet")
    bench = make_bench(folder / "b", members=80, now=NOW, progress=lambda _text, _share: None)
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    store.migrate()
    write_past(store, bench.site, bench.database, now=NOW, seed=bench.seed, progress=lambda _text, _share: None)
    yield bench, store
    store.close()


def found(bench: DemoBench, store: Store) -> list[tuple[str, datetime, datetime]]:
    """Everything that is called unusual within the weeks: metric, from, to."""
    seen = []
    with store.read() as conn:
        for entry in catalogue.metrics():
            if entry.domain == "monitor":
                continue
            site = "" if entry.scope == "host" else bench.site
            for week in range(WEEKS):
                end = NOW - timedelta(days=7 * week)
                window = Window(end - timedelta(days=7), end, False)
                step, counter = timedelta(seconds=STEP), entry.kind == "counter"
                lines = read_range(conn, site, entry.name, window.start, window.end, step=step, counter=counter)

                def by_hour(
                    begins: datetime, ends: datetime, site: str = site, entry: catalogue.Metric = entry
                ) -> tuple[list[Points], None]:
                    counted = entry.kind == "counter"
                    return read_range(conn, site, entry.name, begins, ends, step=HOUR, counter=counted), None

                for one in unusual_in(store, by_hour, entry, site, {}, window, STEP, rhythm.ZONE_NAME, lines):
                    seen += [(entry.name, from_ms(each["start"]), from_ms(each["end"])) for each in one["unusual"]]
    return sorted(seen)


def test_incidents_are_found_and_quiet_days_are_quiet(past: tuple[DemoBench, Store]) -> None:
    bench, store = past
    seen = found(bench, store)
    incidents = [one for one in rhythm.incidents(bench.seed, NOW) if one.starts > NOW - timedelta(weeks=WEEKS)]
    missed = [
        one.kind
        for one in incidents
        if not any(start < one.ends + timedelta(hours=1) and end > one.starts for _, start, end in seen)
    ]
    assert incidents and missed == []
    alarms = {
        (metric, start.astimezone(rhythm.ZONE).date())
        for metric, start, end in seen
        if not any(start < one.ends + AFTER and end > one.starts for one in incidents)
        and start.astimezone(rhythm.ZONE).day not in BUSY_DAYS
    }
    assert len(alarms) <= WEEKS, sorted(alarms)

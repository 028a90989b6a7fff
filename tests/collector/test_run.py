"""The collector as it runs: hung sites, a store that is full or shared, killed processes, requests."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from baken import clock
from baken.collector import run as run_module
from baken.collector.cycle import Run, run_site
from baken.collector.run import Collector
from baken.history import gaps, leases, requests, samples, tables
from baken.history.store import Store, open_store
from baken.settings import Settings
from baken.sites.watched import WatchedSites
from tests.collector.conftest import Watched


@contextmanager
def running(collector: Collector) -> Iterator[None]:
    """Run a collector in a thread for as long as the block lasts."""
    stop = threading.Event()
    thread = threading.Thread(target=collector.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def eventually(found: Callable[[], Any], seconds: float = 90) -> Any:
    """Wait until `found` gives something true."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def state(store: Store, site: str) -> Any:
    """How the last run over a site went, or None."""
    with store.read() as connection:
        return samples.site_states(connection).get(site)


def count(store: Store, table: Any) -> int:
    """Rows of a table of the store."""
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_it_measures_writes_and_gives_the_lease_back(watched: Watched) -> None:
    with running(Collector(watched.settings, watched.store, watched.sites)):
        eventually(lambda: state(watched.store, watched.name))
        eventually(lambda: state(watched.store, ""))
    with watched.store.read() as connection:
        found = {entry.metric for entry in samples.latest(connection, watched.name)}
        assert {"association_members", "database_up", "monitor_site_query_seconds"} <= found
        assert "host_cpus" in {entry.metric for entry in samples.latest(connection, "")}
        assert leases.holder(connection, leases.COLLECTOR) is None


@pytest.mark.parametrize("collects", [False, True])
def test_one_run_sends_to_other_systems_unless_a_collector_does(
    collects: bool, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    if collects:
        with watched.store.write() as connection:
            leases.take(connection, leases.COLLECTOR, "another", timedelta(minutes=1), clock.now())
    collector = Collector(watched.settings, watched.store, watched.sites)
    turns: list[float] = []
    monkeypatch.setattr(collector.exports, "turn", turns.append)
    collector.run_once()
    assert bool(turns) is not collects


@pytest.fixture
def hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first runs none comes due by the schedule while a test lasts: others were asked for."""
    found = {scope: dict.fromkeys(run_module._intervals(scope), 3600.0) for scope in ("site", "host", "monitor")}
    monkeypatch.setattr(run_module, "_intervals", found.__getitem__)


@pytest.mark.usefixtures("hourly")
def test_a_request_is_answered_at_once(watched: Watched) -> None:
    with running(Collector(watched.settings, watched.store, watched.sites)):
        eventually(lambda: state(watched.store, watched.name))
        asked = clock.now()
        with watched.store.write() as connection:
            requests.ask(connection, watched.name, "somebody", asked)
        eventually(lambda: state(watched.store, watched.name).at > asked)


@pytest.mark.usefixtures("hourly")
def test_a_request_during_a_run_is_answered_by_the_next_run(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, release = threading.Event(), threading.Event()
    real: Callable[..., Run] = vars(run_module)["run_site"]

    def slow(*args: Any, **named: Any) -> Run:
        begun.set()
        release.wait(120)
        return real(*args, **named)

    monkeypatch.setattr(run_module, "run_site", slow)
    collector = Collector(watched.settings, watched.store, watched.sites)
    with running(collector):
        assert begun.wait(90)
        asked = clock.now()
        with watched.store.write() as connection:
            requests.ask(connection, watched.name, "somebody", asked)
        eventually(lambda: count(watched.store, tables.collect_requests) == 0)
        release.set()
        eventually(lambda: (found := state(watched.store, watched.name)) and found.at > asked)
    assert collector._watches[watched.name].missed == 0


def _await_run_after(watched: Watched, asked: datetime) -> None:
    eventually(lambda: state(watched.store, watched.name).at > asked)


@pytest.mark.usefixtures("hourly")
def test_the_moment_of_a_run_that_was_asked_for_lies_after_the_asking(watched: Watched) -> None:
    with running(Collector(watched.settings, watched.store, watched.sites)):
        eventually(lambda: state(watched.store, watched.name))
        for _ in range(3):
            asked = clock.now()
            with watched.store.write() as connection:
                requests.ask(connection, watched.name, "somebody", asked)
            _await_run_after(watched, asked)


def test_a_database_that_is_back_is_read_at_once(watched: Watched) -> None:
    away = watched.database.with_suffix(".away")

    def absent() -> bool:
        with watched.store.read() as connection:
            return "association_members" in samples.absences(connection, watched.name)

    def ask() -> None:
        with watched.store.write() as connection:
            requests.ask(connection, watched.name, "somebody", clock.now())

    database = watched.database
    with running(Collector(watched.settings, watched.store, watched.sites)):
        eventually(lambda: state(watched.store, watched.name))
        database.rename(away)
        ask()
        eventually(absent)
        away.rename(database)
        # association_members is measured every five minutes; the next run finds the database and catches up.
        eventually(lambda: not absent())


def test_who_takes_the_place_of_a_dead_collector_collects_at_once(watched: Watched) -> None:
    with watched.store.write() as connection:
        assert leases.take(connection, leases.COLLECTOR, "the dead one", clock.HOUR, clock.now())
    with running(Collector(watched.settings, watched.store, watched.sites, holder="the dead one")):
        eventually(lambda: state(watched.store, watched.name))


def test_a_site_that_hangs_delays_no_other(watched: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import shutil

    other = watched.bench / "sites" / "other.example.test"
    shutil.copytree(watched.bench / "sites" / watched.name, other)
    watched.sites.refresh()
    release = threading.Event()
    real = run_site

    def hang(site: Any, *rest: Any, **named: Any) -> Run:
        if site.name == watched.name:
            release.wait(120)
        return real(site, *rest, **named)

    monkeypatch.setattr(run_module, "run_site", hang)
    settings = watched.settings.model_copy(
        update={"collector": watched.settings.collector.model_copy(update={"workers": 1, "deadline": 0.5})}
    )
    try:
        collector = Collector(settings, watched.store, watched.sites)
        with running(collector):
            eventually(lambda: state(watched.store, "other.example.test"))
            # Asked for, since on a busy machine costly figures come due later than this test waits.
            asked = clock.now()
            with watched.store.write() as connection:
                requests.ask(connection, "other.example.test", "somebody", asked)
            eventually(lambda: state(watched.store, "other.example.test").at > asked)
            assert state(watched.store, watched.name) is None
            eventually(lambda: collector._watches[watched.name].missed)
            release.set()
            eventually(lambda: state(watched.store, watched.name))
    finally:
        release.set()
    with watched.store.read() as connection:
        found = gaps.gaps(connection, watched.name, clock.from_ms(0), clock.now())
        assert any("longer than the time" in gap.reason for gap in found), "the missed runs are a gap, not zeros"


def test_a_full_store_loses_nothing_and_recovers_by_itself(watched: Watched) -> None:
    collector = Collector(watched.settings, watched.store, watched.sites)
    with running(collector):
        first = eventually(lambda: state(watched.store, watched.name))
        with watched.store.engine.connect() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        _limit_pages(watched.store, pages)
        for _ in range(300):
            with watched.store.engine.connect() as connection:
                requests_full = _ask(watched, connection)
            if collector._buffer.trouble:
                break
            time.sleep(0.3)
        assert requests_full is not None
        eventually(lambda: collector._buffer.trouble)
        assert "full" in str(collector._buffer.trouble)
        eventually(lambda: len(collector._buffer) > 1)
        _limit_pages(watched.store, 1_000_000)
        eventually(lambda: collector._buffer.trouble is None)
        eventually(lambda: state(watched.store, watched.name).at > first.at)
        assert len(collector._buffer) == 0


def _limit_pages(store: Store, pages: int) -> None:
    """Let SQLite find the disk full: it refuses to grow beyond so many pages, in every connection."""
    store.engine.dispose()
    from sqlalchemy import event

    def limit(raw: Any, _record: object) -> None:
        raw.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(store.engine, "connect", limit)


def _ask(watched: Watched, _connection: Any) -> bool:
    try:
        with watched.store.write() as connection:
            requests.ask(connection, watched.name, "somebody", clock.now())
    except Exception:
        return False
    return True


def test_of_two_on_one_store_one_stands_by_and_takes_over(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_LEASE_EVERY", 0.2)
    first = Collector(watched.settings, watched.store, watched.sites)
    second = Collector(watched.settings, watched.store, WatchedSites(watched.settings))
    with running(second):
        with running(first):
            eventually(lambda: first._collecting or second._collecting)
            time.sleep(0.6)
            assert first._collecting != second._collecting
        eventually(lambda: second._collecting)


def test_a_broken_site_does_not_keep_the_others_from_being_watched(watched: Watched) -> None:
    broken = watched.bench / "sites" / "broken.example.test"
    broken.mkdir()
    (broken / "site_config.json").write_text('{"db_name": "x"}')
    sites = WatchedSites(watched.settings)
    with running(Collector(watched.settings, watched.store, sites)):
        eventually(lambda: state(watched.store, watched.name))
        told = eventually(lambda: state(watched.store, "broken.example.test"))
        assert not told.ok
        assert "no database password" in told.reason
        assert "site_config.json" in told.reason


def test_a_jump_of_the_clock_is_told_as_a_gap(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector(watched.settings, watched.store, watched.sites)
    with running(collector):
        eventually(lambda: state(watched.store, watched.name))
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + 2 * clock.HOUR)
        eventually(lambda: state(watched.store, watched.name).at > real() + clock.HOUR)
        monkeypatch.setattr(clock, "now", real)
        eventually(lambda: count(watched.store, tables.gaps) >= 2)
        back = real()
        with watched.store.write() as connection:
            requests.ask(connection, watched.name, "somebody", back)
        eventually(lambda: back - clock.MINUTE < state(watched.store, watched.name).at < back + clock.HOUR)
    with watched.store.read() as connection:
        found = gaps.gaps(connection, watched.name, clock.from_ms(0), clock.now() + 3 * clock.HOUR)
    assert any("clock jumped" in gap.reason for gap in found)


def _collect(settings: Settings) -> None:
    store = open_store(settings.store_url)
    Collector(settings, store, WatchedSites(settings)).run(threading.Event())


def _changed(watched: Watched, before: Any) -> bool:
    return bool(state(watched.store, watched.name) != before)


def test_kill_9_leaves_a_store_that_the_next_collector_goes_on_with(watched: Watched) -> None:
    context = multiprocessing.get_context("spawn")
    for round_ in range(3):
        before = state(watched.store, watched.name)
        process = context.Process(target=_collect, args=(watched.settings,))
        process.start()
        eventually(partial(_changed, watched, before))
        time.sleep(0.15 * round_)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        # The dead one's lease ends by itself; the test does not wait for that.
        with watched.store.write() as connection:
            connection.execute(tables.leases.delete())
    with watched.store.read() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        assert samples.latest(connection, watched.name)

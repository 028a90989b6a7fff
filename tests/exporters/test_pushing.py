"""Targets of exports: each on its own, tried again, and how each fares is known."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken import clock
from baken.exporters import calling, pushing
from baken.exporters.pushing import Exporter, Exports, NotTaken, Pushed, seconds_left
from baken.history.samples import Cycle
from baken.history.store import Store, open_store
from baken.history.tables import export_states
from baken.settings import Auth, SettingsError, load


class Target:
    """A target that does what the test says."""

    every: float = 0.05

    def __init__(self, target: str, answers: Callable[[], Pushed]) -> None:
        self.target = target
        self.answers = answers
        self.pushes: list[float] = []
        self.seen: list[Cycle] = []
        self.closed = False

    def stored(self, cycles: Sequence[Cycle]) -> None:
        self.seen += cycles

    def push(self) -> Pushed:
        self.pushes.append(time.monotonic())
        return self.answers()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(f"sqlite:///{tmp_path / 'baken.db'}")
    found.migrate()
    yield found
    found.close()


def exports(monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path, *targets: Exporter) -> Exports:
    monkeypatch.setattr(pushing, "exporters_of", lambda *_: list(targets))
    return Exports(load(None, {"data_dir": str(tmp_path)}), store, lambda: [])


def until(what: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)


def rows(store: Store) -> dict[str, Any]:
    with store.read() as conn:
        return {row.target: row for row in conn.execute(select(export_states))}


def test_one_that_hangs_or_fails_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    free = threading.Event()

    def hang() -> Pushed:
        free.wait(30)
        return Pushed()

    def fail() -> Pushed:
        raise NotTaken("zabbix zbx cannot be reached: Connection refused")

    def trip() -> Pushed:
        raise KeyError("somebody@example.test")

    well = Target("well", lambda: Pushed(sent=3))
    all_of_them = [Target("hangs", hang), Target("fails", fail), Target("trips", trip), well]
    running = exports(monkeypatch, store, tmp_path, *all_of_them)
    running.start()
    try:
        until(lambda: len(well.pushes) >= 5)
        until(lambda: {"fails", "trips", "well"} <= rows(store).keys())
        kept = rows(store)
        assert kept["fails"].problem == "zabbix zbx cannot be reached: Connection refused"
        # What went wrong inside is told by its kind alone: its text may be about somebody.
        assert kept["trips"].problem == "failed inside Baken: KeyError"
        assert kept["fails"].failing_since is not None and kept["fails"].last_ok is None
        assert kept["well"].failing_since is None and kept["well"].last_ok is not None
        # After a failure the next try waits: not every 0.05 seconds.
        assert len(all_of_them[1].pushes) <= 3
        figures = running.figures()
        assert figures["well"].failing == 0 and figures["fails"].failing > 0
    finally:
        free.set()
        running.close()
    assert all(each.closed for each in all_of_them)


def test_what_is_refused_is_told_until_a_delivery_is_taken_whole(
    monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    answers = [Pushed(sent=2, rejected=168, problem="host site.example is not known there"), Pushed(), Pushed(sent=170)]
    target = Target("zabbix zbx", lambda: answers.pop(0))
    running = exports(monkeypatch, store, tmp_path, target)
    running.turn(5)
    assert running.figures()["zabbix zbx"].rejected == 168
    row = rows(store)["zabbix zbx"]
    assert (row.sent, row.rejected, row.last_rejected) == (2, 168, 168)
    assert row.problem == "host site.example is not known there"
    # Nothing to send says nothing about what was refused.
    running.turn(5)
    assert running.figures()["zabbix zbx"].rejected == 168
    running.turn(5)
    row = rows(store)["zabbix zbx"]
    assert (row.sent, row.rejected, row.last_rejected, row.problem) == (172, 168, 0, "")


def test_how_a_target_fares_outlives_the_process(monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path) -> None:
    def fail() -> Pushed:
        raise NotTaken("no answer")

    exports(monkeypatch, store, tmp_path, Target("a", fail), Target("gone", lambda: Pushed(sent=1))).turn(5)
    since = rows(store)["a"].failing_since
    again = exports(monkeypatch, store, tmp_path, Target("a", fail))
    monkeypatch.setattr(clock, "now", lambda: clock.from_ms(since) + timedelta(minutes=20))
    assert again.figures()["a"].failing == pytest.approx(1200)
    again.turn(5)
    assert rows(store)["a"].failing_since == since
    # What the settings name no more is forgotten.
    assert rows(store).keys() == {"a"}


def test_an_export_that_trips_over_new_figures_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    class Trips(Target):
        def stored(self, cycles: Sequence[Cycle]) -> None:
            raise RuntimeError("no")

    after = Target("after", Pushed)
    cycle = Cycle("site.example", clock.now(), ())
    exports(monkeypatch, store, tmp_path, Trips("trips", Pushed), after).stored([cycle])
    assert after.seen == [cycle]


def test_in_a_round_one_that_hangs_leaves_the_others_their_share(
    monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    hole = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{hole.getsockname()[1]}/"

    def hang() -> Pushed:
        calling.call("POST", url, auth=Auth(), what="Alertmanager", timeout=30)
        return Pushed()

    zabbix = {"exporters": {"zabbix": [{"server": "127.0.0.1", "port": hole.getsockname()[1], "timeout": 30}]}}
    (also,) = pushing.exporters_of(load(None, {"data_dir": str(tmp_path), **zabbix}), store, lambda: [])
    hangs, well = Target("hangs", hang), Target("well", lambda: Pushed(sent=1))
    running = exports(monkeypatch, store, tmp_path, hangs, also, well)
    began = time.monotonic()
    running.turn(2.0)
    assert time.monotonic() - began < 5
    assert len(hangs.pushes) == len(well.pushes) == 1
    for target in ("hangs", also.target):
        assert "gave no answer within" in rows(store)[target].problem
    assert seconds_left(30) == 30
    hole.close()


def test_rounds_keep_to_the_pace_of_a_target(monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path) -> None:
    slow, now = Target("slow", lambda: Pushed(sent=1)), clock.now()
    slow.every = 300
    for minute, pushes in ((0, 1), (1, 1), (4, 1), (5, 2), (-120, 3)):
        monkeypatch.setattr(clock, "now", lambda minute=minute: now + timedelta(minutes=minute))
        # Each round begins anew.
        exports(monkeypatch, store, tmp_path, slow).turn(5)
        assert len(slow.pushes) == pushes


def test_a_clock_that_is_set_back_hides_no_failure(
    monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    def fail() -> Pushed:
        raise NotTaken("no answer")

    running, now = exports(monkeypatch, store, tmp_path, Target("a", fail)), clock.now()
    running.turn(5)
    monkeypatch.setattr(clock, "now", lambda: now - timedelta(hours=2))
    assert running.figures()["a"].failing == 0
    running.turn(5)
    monkeypatch.setattr(clock, "now", lambda: now - timedelta(hours=1))
    assert running.figures()["a"].failing == pytest.approx(3600, abs=5)


def test_what_waits_is_known_also_while_it_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    def fail() -> Pushed:
        problem = NotTaken("no answer")
        problem.waiting = 4711
        raise problem

    running = exports(monkeypatch, store, tmp_path, Target("a", fail))
    running.turn(5)
    assert running.figures()["a"].waiting == rows(store)["a"].waiting == 4711


def test_a_target_that_is_there_twice_is_refused(store: Store, tmp_path: Path) -> None:
    twice = {"exporters": {"zabbix": [{"server": "zbx.example"}, {"server": "zbx.example", "host": "other"}]}}
    with pytest.raises(SettingsError, match="is there twice; name it once"):
        Exports(load(None, {"data_dir": str(tmp_path), **twice}), store, lambda: [])


def test_targets_that_cannot_be_used_fail_where_nobody_can_be_told_at_the_start(store: Store, tmp_path: Path) -> None:
    settings = load(None, {"data_dir": str(tmp_path), "exporters": {"remote_write": [{"url": "vm:8428"}]}})
    with pytest.raises(SettingsError, match=r"exporters\.remote_write"):
        Exports(settings, store, lambda: [])
    lenient = Exports(settings, store, lambda: [], strict=False)
    lenient.stored([Cycle("site.example", clock.now(), ())])
    lenient.turn(5)
    lenient.close()
    (row,) = rows(store).values()
    assert row.target == "exporters" and row.problem.startswith("exporters.remote_write: ")
    assert row.failing_since is not None and lenient.figures()["exporters"].failing >= 0

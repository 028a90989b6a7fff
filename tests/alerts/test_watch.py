"""The watch as it runs: threads, a real mail server, a store that goes away, other monitors, killed processes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken import clock
from baken.alerts import trial_alert
from baken.alerts.watch import AlertWatch
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import Store, StoreUnavailable
from baken.history.tables import alerts, outbox
from baken.settings import Settings, load
from bench.mailbox import MailServer, text_of
from bench.storm import storm
from tests.alerts.remote import remote
from tests.alerts.rig import RULES, SITE

LONG = (("queue", "long"),)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.up()
    yield server
    server.down()


def settings_of(folder: Path, server: MailServer, **more: Any) -> Settings:
    (folder / "rules.toml").write_text(RULES)
    channel = {"name": "mail", "kind": "email", "host": "127.0.0.1", "port": server.port, "security": "none"}
    recipient = {"name": "beheer", "channel": "mail", "to": "beheer@example.test", "at_least": "LOW"}
    given: dict[str, Any] = {
        "channels": [{**channel, "sender": "Baken <baken@example.test>", "timeout": 5}],
        "recipients": [{**recipient, **more.pop("recipient", {})}],
        "group_wait": 0.1,
        "group_interval": 0,
    }
    return load(None, {"data_dir": str(folder), "alerts": {**given, **more}})


def measure(store: Store, watch: AlertWatch, value: float) -> None:
    cycle = Cycle(SITE, clock.now(), [Sample("frappe_queue_length", LONG, value)], {}, ["frappe_queue_length"])
    with store.write() as conn:
        samples.record(conn, [cycle])
    watch.stored([cycle])


def until(holds: Callable[[], object], seconds: float = 90.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def running(sqlite_store: Store, tmp_path: Path, mail: MailServer) -> Iterator[AlertWatch]:
    watch = AlertWatch(settings_of(tmp_path, mail), sqlite_store, "test", lambda: [SITE])
    watch.start()
    yield watch
    watch.stop()


def test_from_a_figure_to_an_email(sqlite_store: Store, running: AlertWatch, mail: MailServer) -> None:
    measure(sqlite_store, running, 90)
    until(lambda: mail.taken)
    assert "90 jobs wait" in text_of(mail.taken[0][1])
    measure(sqlite_store, running, 0)
    until(lambda: len(mail.taken) == 2)
    assert "Over: 90 jobs wait" in text_of(mail.taken[1][1])


def test_a_test_alert_goes_the_whole_way(sqlite_store: Store, running: AlertWatch, mail: MailServer) -> None:
    with sqlite_store.write() as conn:
        request = trial_alert.ask(conn, "test", SITE, "els", clock.now())
    until(lambda: mail.taken)
    with sqlite_store.read() as conn:
        assert trial_alert.answered(conn, request) is not None
        assert conn.execute(select(alerts.c.status)).scalar() == "Resolved"
    assert "Test" in text_of(mail.taken[0][1])


def test_a_mail_server_that_comes_back_gets_everything(
    sqlite_store: Store, running: AlertWatch, mail: MailServer
) -> None:
    mail.down()
    measure(sqlite_store, running, 90)

    def failed() -> bool:
        with sqlite_store.read() as conn:
            return any(conn.execute(select(outbox.c.problem)).scalars())

    until(failed)
    channels, waiting = running.figures()
    assert set(channels) == {"mail"}
    assert waiting == 1
    mail.up()
    until(lambda: mail.taken)
    # It is marked a moment after it was taken.
    until(lambda: running.figures() == ({}, 0))


def test_a_store_that_goes_away_is_told_and_nothing_is_forgotten(
    sqlite_store: Store, running: AlertWatch, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: running.trouble() is None)

    def away(*_: object) -> None:
        raise StoreUnavailable("the store does not answer")

    with sqlite_store.write() as conn:
        cycle = Cycle(SITE, clock.now(), [Sample("frappe_queue_length", LONG, 90.0)], {}, ["frappe_queue_length"])
        samples.record(conn, [cycle])
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_store, "write", away)
        patched.setattr(sqlite_store, "read", away)
        running.stored([cycle])
        until(lambda: "store" in (running.trouble() or ""))
        assert mail.taken == []
    until(lambda: mail.taken)
    until(lambda: running.trouble() is None)


def test_started_again_it_tells_nothing_twice(sqlite_store: Store, running: AlertWatch, mail: MailServer) -> None:
    measure(sqlite_store, running, 90)
    until(lambda: mail.taken)
    for _ in range(2):
        running.stop()
        running.start()
        measure(sqlite_store, running, 95)
        time.sleep(1.2)
    assert len(mail.taken) == 1


def test_reports_go_out_once(sqlite_store: Store, tmp_path: Path, mail: MailServer) -> None:
    at = (clock.now()).strftime("%H:%M")
    settings = settings_of(
        tmp_path, mail, recipient={"reports": ["daily"], "time_zone": "UTC", "language": "nl"}, report_at=at
    )
    watch = AlertWatch(settings, sqlite_store, "test", lambda: [SITE])
    for _ in range(3):
        watch.once()
    (taken,) = [content for _, content in mail.taken]
    assert text_of(taken).startswith(f"Dagrapport · {SITE}")


def test_another_monitor_hears_that_all_is_well_and_when_it_is_not(
    sqlite_store: Store, tmp_path: Path, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with remote() as other:
        beat = {"url": f"{other.url}/ping/abc", "every": 10}
        settings = settings_of(tmp_path, mail, heartbeats=[beat], allow_private=["127.0.0.0/8"])
        watch = AlertWatch(settings, sqlite_store, "test", lambda: [SITE])
        watch.heartbeats.beat()
        until(lambda: other.requests)
        assert other.requests[0].path == "/ping/abc"
        # The evaluation is late: Baken runs, but is not well.
        monkeypatch.setattr(AlertWatch, "lag", 500.0)
        watch.heartbeats.beats[0].due = 0.0

        def called_again() -> bool:
            watch.heartbeats.beat()
            return len(other.requests) == 2

        until(called_again)
        assert other.requests[1].path == "/ping/abc/fail"


def test_killed_again_and_again_it_loses_nothing(tmp_path: Path) -> None:
    found = storm(tmp_path, kills=2, labels=6, seed=7, say=lambda _text: None)
    assert found.fired > 0
    assert (found.lost, found.waiting) == (0, 0)
    assert found.twice <= found.kills

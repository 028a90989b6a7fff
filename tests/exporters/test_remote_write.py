"""Remote write against a receiver that does as Prometheus does: everything arrives, in order, whatever happens."""

import errno
import multiprocessing
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from baken import __version__, clock, settings
from baken.cli_export import app
from baken.clock import to_ms
from baken.exporters import remote_write, write_delivery
from baken.exporters.backfill import backfill
from baken.exporters.pushing import NotTaken
from baken.exporters.remote_write import RemoteWrite
from baken.history import past, retention
from baken.history.samples import Cycle, Sample, read_range, record
from baken.history.store import Store, StoreUnavailable, open_store
from tests.exporters import pusher
from tests.exporters.write_receiver import WriteReceiver

SITE = "leden.example"
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@pytest.fixture
def now() -> datetime:
    return clock.now().replace(microsecond=0)


@pytest.fixture
def receiver() -> Iterator[WriteReceiver]:
    made = WriteReceiver()
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    opened.migrate()
    yield opened
    opened.close()


def given(tmp_path: Path, url: str, **further: Any) -> settings.Settings:
    target = {"url": url, "name": "test", **further}
    values = {"data_dir": str(tmp_path), "exporters": {"labels": {"baken": "one"}, "remote_write": [target]}}
    return settings.build(values, "test")


@pytest.fixture
def target(tmp_path: Path, store: Store, receiver: WriteReceiver) -> Iterator[RemoteWrite]:
    (made,) = remote_write.exporters(given(tmp_path, receiver.url), store, lambda: [SITE])
    yield made
    made.close()


def cycle(at: datetime, value: float = 1.0, *, site: str = SITE, jobs: tuple[str, ...] = (), **further: Any) -> Cycle:
    samples = [Sample("database_up", (), value), *(Sample("frappe_job_age", (("job", job),), value) for job in jobs)]
    return Cycle(site, at, samples, **{"measured": ["database_up", "frappe_job_age"], **further})


def put(store: Store, target: RemoteWrite | None, *cycles: Cycle) -> None:
    with store.write() as conn:
        record(conn, cycles)
    if target is not None:
        target.stored(cycles)


def up(receiver: WriteReceiver, site: str = SITE) -> dict[int, float | None]:
    return receiver.of("baken_database_up", site=site)


def test_every_figure_goes_out_with_its_moment_and_labels(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    put(store, target, cycle(now - SECOND, 3, jobs=("a.b",)), cycle(now - SECOND, 5, site=""))
    assert target.push().sent == 3
    put(store, target, cycle(now, 4))
    pushed = target.push()
    assert (pushed.sent, pushed.rejected, pushed.waiting, pushed.problem) == (2, 0, 0, "")
    assert up(receiver) == {to_ms(now - SECOND): 3, to_ms(now): 4}
    labels = {dict(its)["__name__"] + dict(its).get("site", ""): dict(its) for its in receiver.series}
    assert labels[f"baken_frappe_job_age{SITE}"] == {
        "__name__": "baken_frappe_job_age",
        "baken": "one",
        "job_name": "a.b",
        "site": SITE,
    }
    assert labels["baken_database_up"] == {"__name__": "baken_database_up", "baken": "one"}
    headers = receiver.headers[0]
    assert headers["content-encoding"] == "snappy"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert headers["user-agent"] == f"Baken/{__version__}"


def test_a_series_ends_when_its_labels_are_gone_or_its_metric_is_absent(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    target.push()
    put(store, target, cycle(now - 4 * SECOND, jobs=("a", "b")))
    put(store, target, cycle(now - 3 * SECOND, jobs=("a",)))
    # Not due in this run: nothing is known of it.
    put(store, target, Cycle(SITE, now - 2 * SECOND, [], measured=["other"]))
    put(store, target, Cycle(SITE, now - SECOND, [], measured=["database_up"], absences={"database_up": "away"}))
    put(store, target, cycle(now, jobs=("a", "b")))
    target.push()
    ages = {job: receiver.of("baken_frappe_job_age", job_name=job) for job in ("a", "b")}
    assert list(ages["a"].values()) == [1, 1, 1]
    assert list(ages["b"].values()) == [1, None, 1]
    assert ages["b"][to_ms(now - 3 * SECOND)] is None
    assert up(receiver)[to_ms(now - SECOND)] is None
    assert list(up(receiver).values()) == [1, 1, None, 1]


def test_what_ended_while_nobody_sent_ends_too(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, tmp_path: Path, now: datetime
) -> None:
    target.push()
    put(store, target, cycle(now - 6 * SECOND, jobs=("a", "b", "old")))
    put(store, target, cycle(now - 5 * SECOND, jobs=("a", "b")))
    target.push()
    target.close()
    put(store, None, cycle(now - 4 * SECOND, jobs=("a",)))
    put(store, None, Cycle(SITE, now - 3 * SECOND, [], measured=["database_up"], absences={"database_up": "away"}))
    (again,) = remote_write.exporters(given(tmp_path, receiver.url), store, lambda: [SITE])
    again.push()
    assert receiver.of("baken_frappe_job_age", job_name="b")[to_ms(now - 4 * SECOND)] is None
    assert list(receiver.of("baken_frappe_job_age", job_name="old").values()) == [1, None]
    assert list(receiver.of("baken_frappe_job_age", job_name="a").values()) == [1, 1, 1]
    assert up(receiver)[to_ms(now - 3 * SECOND)] is None
    put(store, again, cycle(now, jobs=()))
    again.push()
    assert receiver.of("baken_frappe_job_age", job_name="a")[to_ms(now)] is None
    again.close()


def test_what_is_no_number_is_not_sent(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    target.push()
    put(store, target, cycle(now - SECOND), cycle(now, float("nan")))
    target.push()
    assert list(up(receiver).values()) == [1, None]


def test_it_begins_with_what_is_new(store: Store, receiver: WriteReceiver, tmp_path: Path, now: datetime) -> None:
    put(store, None, cycle(now - MINUTE), cycle(now - MINUTE, site="b"))
    (made,) = remote_write.exporters(given(tmp_path, receiver.url), store, lambda: [SITE])
    put(store, None, cycle(now - SECOND), cycle(now - SECOND, site="new"))
    made.push()
    assert list(up(receiver)) == [to_ms(now - SECOND)]
    assert list(up(receiver, "new")) == [to_ms(now - SECOND)]
    made.close()


def test_a_target_that_is_away_gets_everything_when_it_is_back(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    target.push()
    receiver.answers = [(503, {}, "starting"), (502, {}, ""), (401, {}, "who are you")]
    for place in range(30):
        put(store, target, cycle(now - MINUTE + place * SECOND, place))
    for status in (503, 502, 401):
        with pytest.raises(NotTaken, match=f"remote write 127.0.0.1 answered {status}") as told:
            target.push()
        assert told.value.waiting == 30
    pushed = target.push()
    assert (pushed.sent, pushed.waiting) == (30, 0)
    assert list(up(receiver).values()) == list(range(30))


def test_it_leaves_alone_who_wants_to_be_left_alone(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    put(store, target, cycle(now))
    receiver.answers = [(429, {"Retry-After": "30"}, "slowly")]
    for _ in range(3):
        with pytest.raises(NotTaken, match="answered 429: slowly"):
            target.push()
    assert len(receiver.headers) == 1
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 31)
    assert target.push().sent == 1


@pytest.mark.parametrize(("text", "seconds"), [("7", 7), ("", 0), ("soon", 0), ("86400", 300), ("-5", 0)])
def test_a_rest_in_seconds(text: str, seconds: float) -> None:
    assert write_delivery._rest(text) == seconds


def test_a_rest_until_a_moment() -> None:
    text = (datetime.now(UTC) + timedelta(seconds=100)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert write_delivery._rest(text) == pytest.approx(100, abs=3)


def test_what_is_refused_for_good_is_counted_and_takes_nothing_else_with_it(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    target.push()
    receiver.refuse = "baken_frappe_job_age"
    put(store, target, *(cycle(now - MINUTE + place * SECOND, place, jobs=("a",)) for place in range(40)))
    pushed = target.push()
    assert (pushed.sent, pushed.rejected) == (40, 40)
    assert pushed.problem == "remote write answered 400: baken_frappe_job_age: label value too long"
    assert list(up(receiver).values()) == list(range(40))


def test_an_older_figure_is_refused_and_newer_ones_are_not(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    target.push()
    put(store, target, cycle(now - MINUTE), cycle(now - MINUTE, site="b"))
    target.push()
    put(store, target, cycle(now - HOUR), cycle(now), cycle(now, site="b"))
    pushed = target.push()
    assert (pushed.sent, pushed.rejected) == (2, 1)
    assert "out of order" in pushed.problem
    assert list(up(receiver)) == [to_ms(now - MINUTE), to_ms(now)]


def test_what_may_have_been_taken_before_is_no_loss_when_it_is_refused(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    target.push()
    put(store, target, *(cycle(now - MINUTE + place * SECOND, place) for place in range(20)))
    taken = target._delivery._post

    def post_and_lose_the_answer(content: bytes) -> Any:
        taken(content)
        raise NotTaken("gave no answer")

    monkeypatch.setattr(target._delivery, "_post", post_and_lose_the_answer)
    with pytest.raises(NotTaken):
        target.push()
    monkeypatch.undo()
    put(store, target, cycle(now, 20))
    pushed = target.push()
    assert (pushed.sent, pushed.rejected) == (21, 0)
    assert list(up(receiver).values()) == list(range(21))


@pytest.mark.parametrize("seed", range(3))
def test_answers_that_are_lost_lose_nothing(
    store: Store,
    target: RemoteWrite,
    receiver: WriteReceiver,
    monkeypatch: pytest.MonkeyPatch,
    now: datetime,
    seed: int,
) -> None:
    rough = random.Random(seed)
    post = target._delivery._post

    def unreliable(content: bytes) -> Any:
        fate = rough.random()
        if fate < 0.1:
            raise NotTaken("cannot be reached")
        answer = post(content)
        if fate < 0.3:
            raise NotTaken("gave no answer")
        return answer

    monkeypatch.setattr(remote_write, "MOST_FIGURES", 60)
    monkeypatch.setattr(target._delivery, "_post", unreliable)
    target.push()
    at, rejected = now - HOUR, 0
    jobs = ("a", "b", "c")
    for _ in range(40):
        cycles = []
        for _ in range(rough.randint(0, 30)):
            at += SECOND
            cycles += [cycle(at, at.timestamp(), site=site, jobs=jobs) for site in ("x", "y")]
        put(store, target, *cycles)
        try:
            rejected += target.push().rejected
        except NotTaken:
            continue
    monkeypatch.undo()
    while target.push().waiting:
        pass
    assert rejected == 0
    expected = [to_ms(now - HOUR + place * SECOND) for place in range(1, int((at - now + HOUR).total_seconds()) + 1)]
    for site in ("x", "y"):
        assert list(up(receiver, site)) == expected
        for job in jobs:
            assert list(receiver.of("baken_frappe_job_age", site=site, job_name=job)) == expected


def test_one_wrong_figure_of_a_single_run_takes_no_other_with_it(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    target.push()
    put(store, target, cycle(now - SECOND))
    target.push()
    receiver.refuse = "baken_database_up"
    put(store, target, cycle(now, jobs=("a", "b", "c")))
    pushed = target.push()
    assert (pushed.sent, pushed.rejected) == (3, 1)


def test_requests_are_of_a_bearable_size(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    target.push()
    put(store, target, *(cycle(now - HOUR + place * SECOND, place) for place in range(3000)))
    assert target.push().sent == 3000
    assert max(receiver.sizes) <= remote_write.MOST_FIGURES
    assert len(receiver.sizes) == 2


def test_a_full_disk_loses_nothing(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    target.push()
    put(store, target, cycle(now - MINUTE, 0))
    real = os.write

    def full(descriptor: int, content: bytes) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".segment":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, content)

    monkeypatch.setattr(os, "write", full)
    for place in range(1, 30):
        put(store, target, cycle(now - MINUTE + place * SECOND, place))
    # What was in the queue goes out, and it says what is wrong.
    assert target.push().sent == 1
    with pytest.raises(NotTaken, match=r"cannot be written \(No space left on device\); figures wait in the store"):
        target.push()
    put(store, target, cycle(now - 30 * SECOND, 30))
    monkeypatch.undo()
    assert target.push().sent == 30
    put(store, target, cycle(now, 31))
    assert target.push().sent == 1
    assert list(up(receiver).values()) == list(range(32))


def test_a_store_that_is_away_keeps_nothing_that_is_queued(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    target.push()
    put(store, target, cycle(now - SECOND))
    target._behind = True

    def away() -> None:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(target, "_newest", away)
    assert target.push().sent == 1
    with pytest.raises(StoreUnavailable):
        target.push()
    monkeypatch.undo()
    put(store, target, cycle(now))
    assert target.push().sent == 1
    assert len(up(receiver)) == 2


def test_figures_that_gave_way_are_said(
    store: Store, receiver: WriteReceiver, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = remote_write.exporters(given(tmp_path, receiver.url, queue_megabytes=1), store, lambda: [SITE])
    made.push()
    random.seed(1)
    for place in range(400):
        jobs = tuple(str(random.random()) for _ in range(100))
        made.stored([cycle(now - HOUR + place * SECOND, random.random(), jobs=jobs)])
    pushed = made.push()
    assert pushed.rejected > 0
    assert f"{pushed.rejected} figures gave way unsent" in pushed.problem
    made.close()


def test_days_that_were_missed_are_caught_up_also_when_they_are_packed(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    receiver.strict = False
    target.push()
    target.close()
    at = [to_ms(now - 3 * DAY) + place * 600_000 for place in range(3 * 144)]
    with store.write() as conn:
        for site in (SITE, "b"):
            past.write_past(conn, site, "database_up", {}, at, [float(each % 1000) for each in at], now=now)
    put(store, None, cycle(now), cycle(now, site="b"))
    retention.maintain(store, now)
    # It had been there before, a long time ago.
    target._open().marks = {SITE: at[0] - 1, "b": at[0] - 1}
    while target._behind:
        target.push()
    for site in (SITE, "b"):
        with store.read() as conn:
            (line,) = read_range(conn, site, "database_up", now - 4 * DAY, now + SECOND)
        assert up(receiver, site) == dict(zip(line.at, line.value, strict=True))


def test_a_host_without_a_process_of_its_own_makes_turns(
    store: Store, receiver: WriteReceiver, tmp_path: Path, now: datetime
) -> None:
    for place in range(3):
        (made,) = remote_write.exporters(given(tmp_path, receiver.url), store, lambda: [SITE])
        put(store, made, cycle(now - MINUTE + place * SECOND, place))
        made.push()
        made.close()
    assert list(up(receiver).values()) == [0, 1, 2]


def test_two_do_not_send_the_same(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, tmp_path: Path, now: datetime
) -> None:
    target.push()
    (other,) = remote_write.exporters(given(tmp_path, receiver.url), store, lambda: [SITE])
    put(store, None, cycle(now))
    with pytest.raises(NotTaken, match=rf"in use by another Baken, process {os.getpid()}; stop one of the two"):
        other.push()
    target.close()
    assert other.push().sent == 1
    other.close()


def test_one_that_stood_by_goes_on_where_the_other_stopped(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, tmp_path: Path, now: datetime
) -> None:
    (other,) = remote_write.exporters(given(tmp_path, receiver.url), store, lambda: [SITE])
    for place in range(6):
        one = (target, other)[place % 2]
        put(store, one, cycle(now - MINUTE + 2 * place * SECOND, place))
        one.push()
        put(store, one, cycle(now - MINUTE + (2 * place + 1) * SECOND, place))
        assert one.push().sent == 1
        one.close()
    assert len(up(receiver)) == 12


def test_what_is_being_sent_when_it_stops_gives_the_queue_back_afterwards(
    store: Store, target: RemoteWrite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    monkeypatch.setattr(remote_write, "_FAREWELL", 0.1)
    put(store, None, cycle(now))
    sending, go_on = threading.Event(), threading.Event()

    def slowly(_content: bytes) -> None:
        sending.set()
        go_on.wait(10)

    monkeypatch.setattr(target._delivery, "_post", slowly)
    thread = threading.Thread(target=target.push)
    thread.start()
    assert sending.wait(10)
    target.close()
    go_on.set()
    thread.join()
    (other,) = remote_write.exporters(given(tmp_path, "http://127.0.0.1:1"), store, lambda: [SITE])
    other._open()
    other.close()


def test_while_others_store_it_comes_to_an_end_with_catching_up(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, now: datetime
) -> None:
    done = threading.Event()
    stored = 0

    def collect() -> None:
        nonlocal stored
        while not done.is_set():
            stored += 1
            put(store, target, cycle(now - HOUR + stored * SECOND, stored))

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        ends = time.monotonic() + 20
        while target._behind and time.monotonic() < ends:
            target.push()
        assert not target._behind
    finally:
        done.set()
        thread.join()
    while target.push().waiting:
        pass
    assert list(up(receiver).values()) == list(range(1, stored + 1))


def test_a_clock_that_was_set_back_stops_nothing(
    store: Store, target: RemoteWrite, receiver: WriteReceiver, tmp_path: Path, now: datetime
) -> None:
    receiver.strict = False
    target.push()
    put(store, target, cycle(now + 30 * DAY, 1))
    target.push()
    target.close()
    (again,) = remote_write.exporters(given(tmp_path, receiver.url), store, lambda: [SITE])
    again.push()
    put(store, again, cycle(clock.now().replace(microsecond=0) + SECOND, 2))
    assert again.push().sent == 1
    again.close()


def test_without_its_library_the_settings_say_what_to_install(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cramjam", None)
    with pytest.raises(settings.SettingsError, match="pip install cramjam"):
        remote_write.exporters(given(tmp_path, "http://127.0.0.1:1"), store, list)


def test_names_and_labels_are_checked_when_it_starts(tmp_path: Path, store: Store) -> None:
    def refused(exporters: dict[str, Any]) -> str:
        values = settings.build({"data_dir": str(tmp_path), "exporters": exporters}, "test")
        with pytest.raises(settings.SettingsError) as problem:
            remote_write.exporters(values, store, list)
        return str(problem.value)

    twice = [{"url": "http://a.example/1"}, {"url": "http://a.example/2"}]
    assert "two targets are called a.example; give each a name" in refused({"remote_write": twice})
    assert "remote write address" in refused({"remote_write": [{"url": "a.example:9090"}]})
    assert "'my label' cannot be a label" in refused({"labels": {"my label": "x"}, "remote_write": twice[:1]})


def test_the_past_is_sent_on_command_and_meets_what_is_sent_by_itself(
    store: Store, receiver: WriteReceiver, tmp_path: Path, now: datetime
) -> None:
    at = [to_ms(now - 3 * DAY) + place * 600_000 for place in range(3 * 144)]
    with store.write() as conn:
        past.write_past(conn, SITE, "database_up", {}, at, [float(each % 1000) for each in at], now=now)
    put(store, None, cycle(now - SECOND))
    settled = given(tmp_path, receiver.url)
    told: list[int] = []
    # The queue that this makes begins here, so that nothing lies between.
    done = backfill(settled, store, "test", 10, now, lambda _day, sent: told.append(sent))
    assert (done.sent, done.rejected) == (len(at) + 1, 0)
    assert done.first is not None
    assert told[-1] == done.sent
    (made,) = remote_write.exporters(settled, store, lambda: [SITE])
    put(store, None, cycle(now))
    assert made.push().sent == 1
    assert list(up(receiver)) == [*at, to_ms(now - SECOND), to_ms(now)]
    made.close()
    with pytest.raises(settings.SettingsError, match="has no target other; targets: test"):
        backfill(settled, store, "other", 1, now, lambda _day, _sent: None)


def test_nothing_is_lost_and_nothing_is_out_of_order_when_it_is_killed_again_and_again(
    receiver: WriteReceiver, tmp_path: Path, now: datetime
) -> None:
    random.seed(20)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.exporters.pusher"])
    began = now - 2 * HOUR

    def start(runs: int | None) -> BaseProcess:
        here, there = processes.Pipe()
        process = processes.Process(target=pusher.main, args=(tmp_path, receiver.url, began, runs, there))
        process.start()
        assert here.poll(60)
        return process

    for _ in range(20):
        process = start(None)
        time.sleep(random.uniform(0.02, 0.3))
        process.kill()
        process.join()
    last = start(5)
    last.join(60)
    assert last.exitcode == 0
    store = open_store(f"sqlite:///{tmp_path}/baken.db")
    count = 0
    for site in pusher.SITES:
        with store.read() as conn:
            lines = read_range(conn, site, "frappe_queue_jobs", began, now + DAY)
        for line in lines:
            sent = receiver.of("baken_frappe_queue_jobs", site=site, queue=line.labels["queue"])
            assert sent == dict(zip(line.at, line.value, strict=True))
            assert list(sent) == sorted(sent)
            count += len(sent)
    store.close()
    assert count > 200


def test_the_command_that_sends_the_past(
    store: Store, receiver: WriteReceiver, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, None, *(cycle(now - DAY + place * MINUTE, place) for place in range(100)))
    file = tmp_path / "baken.toml"
    file.write_text(
        f'data_dir = "{tmp_path}"\n[history]\nurl = "{store.url}"\n'
        f'[[exporters.remote_write]]\nurl = "{receiver.url}"\nname = "vm"\n'
    )
    done = CliRunner().invoke(app, ["backfill", "--target", "vm", "--days", "3", "--config", str(file)])
    assert done.exit_code == 0, done.output
    assert len(up(receiver)) == 100
    done = CliRunner().invoke(app, ["backfill", "--target", "no", "--config", str(file)])
    assert done.exit_code == 1
    state = next(tmp_path.glob("remote-write/vm-*/state"))
    whole = state.read_bytes()
    for damaged in (b"", b"[]", b"{}", whole[:30]):
        state.write_bytes(damaged)
        done = CliRunner().invoke(app, ["backfill", "--target", "vm", "--config", str(file)])
        assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
        assert "the queue of vm cannot be read" in done.output
    state.write_bytes(whole)
    receiver.refuse = "baken_database_up"
    done = CliRunner().invoke(app, ["backfill", "--target", "vm", "--days", "3", "--config", str(file)])
    assert done.exit_code == 1

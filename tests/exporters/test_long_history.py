"""Figures sent to the real Prometheus and VictoriaMetrics, and read back from there as the store has them."""

import json
import math
import random
import sqlite3
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from baken import clock, settings
from baken.clock import to_ms
from baken.exporters import remote_write
from baken.exporters.backfill import backfill
from baken.exporters.pushing import NotTaken
from baken.exporters.remote_write import RemoteWrite
from baken.history import joined, past, remote, retention
from baken.history.joined import Lack, read_joined
from baken.history.ranges import Points, read_range
from baken.history.remote import read_remote
from baken.history.samples import Cycle, Sample, record
from baken.history.store import Store, open_store
from tests.conftest import in_ci
from tests.server_prometheus import Prometheus
from tests.server_victoria import VictoriaMetrics
from tests.servers import ServerMissingError, running

SITE = 'leden.example "1"\\'
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
# What two days keep begins here where a week of steps begins, and so the store lacks exactly one of those.
NOW = datetime(2026, 11, 28, 0, 4, 30, tzinfo=UTC)
DAYS = 8
GAUGE, COUNTER = "frappe_queue_jobs", "frappe_requests_total"
QUEUES = ("short", "lång 'x' \"y\" \\ \n", "")
OUT_OF_ORDER = "storage: {tsdb: {out_of_order_time_window: 3650d}}\n"

Real = Prometheus | VictoriaMetrics


@pytest.fixture(scope="module", params=["prometheus", "victoria"])
def real(request: pytest.FixtureRequest) -> Iterator[Real]:
    """Each of the two in turn."""

    def make(folder: Path) -> Real:
        return Prometheus(folder, OUT_OF_ORDER) if request.param == "prometheus" else VictoriaMetrics(folder)

    try:
        with running(make) as server:
            yield server
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


def samples(place: int) -> dict[int, float]:
    """A past with moments off the full second, at the very edges of steps, and with a hole."""
    rough = random.Random(place)
    first = to_ms(NOW - DAYS * DAY)
    found = {}
    for number in range(DAYS * 288):
        at = first + number * 300_000 + rough.choice([0, 0, 0, 0, 1, -1, 500])
        hole = DAYS * 288 // 3
        if not hole <= number < hole + 150:
            found[at] = round(100 + 50 * math.sin(number / 40) + rough.random(), 3) * (-1) ** place
    for hour in range(24):
        edge = first - first % 86_400_000 + 2 * 86_400_000 + hour * 3_600_000
        found |= {edge - 1: 1.25, edge: 2.5, edge + 1: 3.75}
    return {at: value for at, value in found.items() if at < to_ms(NOW) - 1000}


def given(folder: Path, real: Real) -> settings.Settings:
    return settings.build(
        {
            "data_dir": str(folder),
            "exporters": {"labels": {"baken": "one"}, "remote_write": [{"url": real.write_url, "name": "real"}]},
            "history": {"metrics_url": real.url, "metrics_match": {"baken": "one"}, "metrics_seconds": 20},
        },
        "test",
    )


def visible(real: Real) -> None:
    if isinstance(real, VictoriaMetrics):
        real.flush()


@pytest.fixture(scope="module")
def full(real: Real, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, settings.Settings]]:
    """A store with a past, all of which was sent to the server as well."""
    folder = tmp_path_factory.mktemp("full")
    store = open_store(f"sqlite:///{folder}/baken.db")
    store.migrate()
    with store.write() as conn:
        for place, queue in enumerate(QUEUES):
            its = samples(place)
            past.write_past(conn, SITE, GAUGE, {"queue": queue}, list(its), list(its.values()), now=NOW)
        at = sorted(samples(9))
        # It begins anew every 700 runs.
        past.write_past(conn, SITE, COUNTER, {}, at, [float(place % 700) for place in range(len(at))], now=NOW)
        # Those of the machine have no site; those of another site are not these.
        past.write_past(conn, "", GAUGE, {"queue": "short"}, at, [7.0] * len(at), now=NOW)
        past.write_past(conn, "other", GAUGE, {"queue": "short"}, at, [9.0] * len(at), now=NOW)
        record(conn, [Cycle(site, NOW, []) for site in (SITE, "", "other")])
    found = given(folder, real)
    done = backfill(found, store, "real", DAYS + 1, NOW, lambda _day, _sent: None)
    assert done.rejected == 0, done.problem
    assert done.sent > 10_000
    visible(real)
    yield store, found
    store.close()


def same(ours: list[Points], theirs: list[Points]) -> None:
    assert [line.labels for line in theirs] == [line.labels for line in ours]
    for mine, other in zip(ours, theirs, strict=True):
        assert other.at == mine.at
        assert other.value == pytest.approx(mine.value, rel=1e-12)
        assert (other.minimum is None) == (mine.minimum is None)
        if mine.minimum is not None:
            assert other.minimum == mine.minimum
            assert other.maximum == mine.maximum


STEPS = [MINUTE, 5 * MINUTE, 7 * MINUTE, HOUR, 6 * HOUR, 7 * HOUR, DAY, 3 * DAY, 7 * DAY]


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("metric", [GAUGE, COUNTER])
def test_a_step_there_is_what_it_is_here(full: tuple[Store, settings.Settings], step: timedelta, metric: str) -> None:
    store, found = full
    start, end = NOW - DAYS * DAY - HOUR, NOW
    names = ("queue",) if metric == GAUGE else ()
    for labels in [{}, {"queue": QUEUES[1]}] if metric == GAUGE else [{}]:
        with store.read() as conn:
            ours = read_range(conn, SITE, metric, start, end, step=step, labels=labels, counter=metric == COUNTER)
        theirs = read_remote(
            found.history, SITE, metric, start, end, step=step, labels=labels, counter=metric == COUNTER, names=names
        )
        assert ours
        same(ours, theirs)


def test_samples_there_are_those_here(full: tuple[Store, settings.Settings]) -> None:
    store, found = full
    with store.read() as conn:
        ours = read_range(conn, SITE, GAUGE, NOW - 3 * DAY, NOW)
    same(ours, read_remote(found.history, SITE, GAUGE, NOW - 3 * DAY, NOW, names=("queue",)))


def test_the_machine_has_no_site_and_nobody_else_is_taken_for_it(full: tuple[Store, settings.Settings]) -> None:
    store, found = full
    for site in ("", "other"):
        with store.read() as conn:
            ours = read_range(conn, site, GAUGE, NOW - DAY, NOW, step=HOUR)
        same(ours, read_remote(found.history, site, GAUGE, NOW - DAY, NOW, step=HOUR, names=("queue",)))
    assert read_remote(found.history, "nowhere", GAUGE, NOW - DAY, NOW, step=HOUR, names=("queue",)) == []
    elsewhere = found.history.model_copy(update={"metrics_match": {"baken": "two"}})
    assert read_remote(elsewhere, SITE, GAUGE, NOW - DAY, NOW, step=HOUR, names=("queue",)) == []


@pytest.fixture(scope="module")
def little(full: tuple[Store, settings.Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The same store after it has kept two days only."""
    store, _ = full
    folder = tmp_path_factory.mktemp("little")
    source, copy = sqlite3.connect(store.engine.url.database or ""), sqlite3.connect(folder / "baken.db")
    source.backup(copy)
    source.close()
    copy.close()
    made = open_store(f"sqlite:///{folder}/baken.db")
    while not retention.maintain(made, NOW, retention.Retention(2, 2, 2)).complete:
        pass
    yield made
    made.close()


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("metric", [GAUGE, COUNTER])
def test_a_store_that_keeps_little_and_the_long_history_make_one_course(
    full: tuple[Store, settings.Settings], little: Store, step: timedelta, metric: str
) -> None:
    store, found = full
    start, end = NOW - DAYS * DAY, NOW
    counter = metric == COUNTER
    with store.read() as conn:
        whole = read_range(conn, SITE, metric, start, end, step=step, counter=counter)
    with little.read() as conn:
        part = read_range(conn, SITE, metric, start, end, step=step, counter=counter)
    assert len(part[0].at) < len(whole[0].at) or step == 7 * DAY
    lines, lack = read_joined(
        little,
        found.history,
        SITE,
        metric,
        start,
        end,
        step=step,
        labels={},
        counter=counter,
        names=("queue",) if metric == GAUGE else (),
        every=5 * MINUTE,
    )
    assert lack is None
    same(whole, lines)


def test_nobody_is_asked_for_what_the_store_has(
    full: tuple[Store, settings.Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, found = full

    def never(*_: Any, **__: Any) -> list[Points]:
        raise AssertionError("asked elsewhere")

    monkeypatch.setattr(joined, "read_remote", never)
    lines, lack = read_joined(
        store, found.history, SITE, GAUGE, NOW - DAY, NOW,
        step=HOUR, labels={}, counter=False, names=("queue",), every=MINUTE,
    )  # fmt: skip
    assert len(lines) == 3
    assert lack is None


def test_what_is_lacking_is_said(little: Store, full: tuple[Store, settings.Settings]) -> None:
    _, found = full
    away = found.history.model_copy(update={"metrics_url": SecretStr("http://127.0.0.1:1")})
    lines, lack = read_joined(
        little, away, SITE, GAUGE, NOW - 5 * DAY, NOW,
        step=HOUR, labels={}, counter=False, names=("queue",), every=MINUTE,
    )  # fmt: skip
    assert isinstance(lack, Lack)
    assert lack.end == min(line.at[0] for line in lines)
    assert lack.reason == "the long history at 127.0.0.1 cannot be reached: Connection refused"
    remote.forget()


# Live


def ask(real: Real, query: str) -> list[dict[str, Any]]:
    visible(real)
    # VictoriaMetrics does not show what is younger than a second, unless it is asked about a moment.
    given = {"query": query, "time": str(math.ceil(time.time()) + 1), "nocache": "1"}
    address = f"{real.url}/api/v1/query?{urllib.parse.urlencode(given)}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


@pytest.fixture
def live(real: Real, tmp_path: Path) -> Iterator[tuple[Store, RemoteWrite]]:
    store = open_store(f"sqlite:///{tmp_path}/baken.db")
    store.migrate()
    (target,) = remote_write.exporters(given(tmp_path, real), store, list)
    target.push()
    yield store, target
    target.close()
    store.close()


def put(store: Store, target: RemoteWrite, site: str, at: datetime, value: float, *queues: str) -> None:
    figures = [Sample(GAUGE, (("queue", queue),), value) for queue in queues]
    cycle = Cycle(site, at, figures, measured=[GAUGE])
    with store.write() as conn:
        record(conn, [cycle])
    target.stored([cycle])


def test_a_figure_is_there_within_a_second_and_ends_when_its_series_does(
    real: Real, live: tuple[Store, RemoteWrite]
) -> None:
    store, target = live
    now = clock.now().replace(microsecond=0)
    began = time.monotonic()
    put(store, target, "live", now - SECOND, 5, "a", "b")
    assert target.push().sent == 2
    assert {row["metric"]["queue"] for row in ask(real, f'baken_{GAUGE}{{site="live",baken="one"}}')} == {"a", "b"}
    assert time.monotonic() - began < 2
    put(store, target, "live", now, 6, "a")
    assert target.push().sent == 2
    (row,) = ask(real, f'baken_{GAUGE}{{site="live"}}')
    assert row["metric"]["queue"] == "a"
    assert row["value"][1] == "6"


def test_a_server_that_was_away_has_everything_afterwards(real: Real, live: tuple[Store, RemoteWrite]) -> None:
    store, target = live
    now = clock.now().replace(microsecond=0)
    put(store, target, "away", now - MINUTE, 0, "a")
    target.push()
    real.stop()
    for place in range(1, 31):
        put(store, target, "away", now - MINUTE + place * SECOND, place, "a")
        if place % 10 == 0:
            with pytest.raises(NotTaken, match="cannot be reached"):
                target.push()
    real.start()
    assert target.push().sent == 30
    put(store, target, "away", now, 31, "a")
    target.push()
    (row,) = ask(real, f'count_over_time(baken_{GAUGE}{{site="away"}}[10m])')
    assert row["value"][1] == "32"


def test_prometheus_takes_what_is_caught_up_of_many_sites_as_it_comes(tmp_path: Path) -> None:
    """It takes nothing that is an hour older than its newest figure; no window for late ones is set here."""
    now = clock.now().replace(microsecond=0)
    try:
        with running(Prometheus) as plain:
            store = open_store(f"sqlite:///{tmp_path}/baken.db")
            store.migrate()
            (target,) = remote_write.exporters(given(tmp_path, plain), store, list)
            for minute in range(170, 0, -1):
                figures = [Sample(GAUGE, (("queue", "a"),), float(minute))]
                with store.write() as conn:
                    record(conn, [Cycle(f"site{place}", now - minute * MINUTE, figures) for place in range(5)])
            while target._behind or target.push().waiting:
                assert target.push().rejected == 0
            for place in range(5):
                (row,) = ask(plain, f'count_over_time(baken_{GAUGE}{{site="site{place}"}}[4h])')
                assert row["value"][1] == "170"
            target.close()
            store.close()
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))

"""A pause of the demo is caught up with at the past's own pace, and the life after it does not run away."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baken.demo import rhythm
from baken.demo.bench import DemoBench, make_bench
from baken.demo.life import connect
from baken.demo.living import pause, trouble
from baken.demo.living.course import Life, lived_until
from baken.demo.redis import JobQueues

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> DemoBench:
    return make_bench(tmp_path_factory.mktemp("pause") / "b", members=400, now=NOW, progress=lambda _text, _share: None)


@pytest.fixture(scope="module")
def conn(bench: DemoBench) -> Iterator[sqlite3.Connection]:
    connection = connect(bench)
    yield connection
    connection.close()


def here(moment: datetime) -> str:
    return rhythm.stamp(rhythm.local(moment))


def per_hour(conn: sqlite3.Connection, table: str, since: datetime, hours: int) -> list[int]:
    """How many rows were created in each of the `hours` after `since`."""
    moments = [
        datetime.fromisoformat(row[0])
        for row in conn.execute(
            f'SELECT creation FROM "{table}" WHERE creation > ? AND creation <= ?',
            (here(since), here(since + timedelta(hours=hours))),
        )
    ]
    found = Counter(int((moment - rhythm.local(since)).total_seconds() // 3600) for moment in moments)
    return [found[hour] for hour in range(hours)]


def test_twelve_hours_are_made_up_for_at_their_own_times(bench: DemoBench, conn: sqlite3.Connection) -> None:
    assert lived_until(bench, conn) == NOW
    later = NOW + timedelta(hours=12)
    queues = JobQueues(bench, 1, later)
    life = Life(bench, conn, queues, seed=1, since=NOW)
    lines = pause.catch_up(life, NOW, later, threading.Event())
    assert lived_until(bench, conn) == later
    for table, share_of_hours in (("tabError Log", 0.7), ("tabEmail Queue", 0.6), ("tabScheduled Job Log", 1.0)):
        hours = per_hour(conn, table, NOW, 12)
        assert sum(bool(count) for count in hours) >= 12 * share_of_hours, (table, hours)
        newest = conn.execute(f'SELECT MAX(modified) FROM "{table}"').fetchone()[0]
        assert here(NOW + timedelta(hours=11)) < newest <= here(later), table
        assert conn.execute(f'SELECT COUNT(*) FROM "{table}" WHERE modified < creation').fetchone() == (0,)
    # A day's rhythm: what the past has in a day, twice that with a burst or two, never a flood.
    assert 15 <= sum(per_hour(conn, "tabError Log", NOW, 12)) <= 200
    assert sum(per_hour(conn, "tabScheduled Job Log", NOW, 12)) == pytest.approx(
        sum(per_hour(conn, "tabScheduled Job Log", NOW - timedelta(days=1), 12)), rel=0.1
    )
    waiting = conn.execute("SELECT COUNT(*) FROM \"tabEmail Queue\" WHERE status = 'Not Sent'").fetchone()[0]
    assert waiting < 20
    assert not any(queues.waiting.values())
    assert 1500 < len(lines) < 8000
    # Started once more: another life goes on with names of its own.
    again = later + timedelta(minutes=9)
    pause.catch_up(Life(bench, conn, queues, seed=1, since=later), later, again, threading.Event())
    assert lived_until(bench, conn) == again


def test_catching_up_ends_when_asked_to(bench: DemoBench, conn: sqlite3.Connection) -> None:
    stop = threading.Event()
    stop.set()
    before = lived_until(bench, conn)
    life = Life(bench, conn, JobQueues(bench, 1, before), seed=1, since=before)
    assert pause.catch_up(life, before, before + timedelta(hours=5), stop) == []
    assert lived_until(bench, conn) == before


def test_a_newcomer_sees_a_burst_within_two_minutes(bench: DemoBench, conn: sqlite3.Connection) -> None:
    start = NOW + timedelta(hours=13)
    life = Life(bench, conn, JobQueues(bench, 1, start), seed=1, since=start)
    trouble.announce_burst(life.stage, start)
    for second in range(2, 122, 2):
        life.step(start + timedelta(seconds=second), 2 / 60)
    assert sum(per_hour(conn, "tabError Log", start, 1)) >= 8


def test_two_weeks_keep_the_pace_of_the_past(tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "b", members=400, now=NOW, progress=lambda _text, _share: None)
    conn = connect(bench)
    tables = ("tabError Log", "tabEmail Queue", "tabPayment Entry")
    # The same days of the month before, with its dues run and collection.
    month = timedelta(days=30)
    before = {table: sum(per_hour(conn, table, NOW - month, 14 * 24)) for table in tables}
    life = Life(bench, conn, JobQueues(bench, 1, NOW), seed=1, since=NOW)
    for place in range(1, 14 * 6 + 1):
        day = NOW + timedelta(hours=4 * place)
        life.step(day, 240.0)
        life.stage.queues.settle(day)
    assert 400 <= conn.execute("SELECT COUNT(*) FROM tabMember").fetchone()[0] <= 415
    for table in tables:
        after = sum(per_hour(conn, table, NOW, 14 * 24))
        assert 0.4 < after / before[table] < 2.5, (table, before[table], after)
    conn.close()

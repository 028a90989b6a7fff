"""Nothing lost, nothing twice: late rows, touched rows, deleted rows, hours that come twice, rows that are broken."""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from baken.clock import from_ms
from baken.errors import counts, reader, seen, watermarks
from baken.errors.collect import Step, collect, write
from baken.errors.event import ERROR_LOG
from baken.errors.patterns import recent
from baken.errors.watermarks import Known
from baken.history.store import Store, open_store
from baken.history.tables import error_counts, error_patterns, error_watermarks
from baken.sites.problems import MissingTable, NotAvailable
from tests.errors.logs import (
    FRAPPE_14,
    FRAPPE_15,
    LAYOUTS,
    NAME,
    PSEUDONYMS,
    ZONE,
    Layout,
    Log,
    killed_again_and_again,
    site_at,
    store_at,
)

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
LOCAL = datetime(2026, 7, 1, 14, 0)
MINUTE = timedelta(minutes=1)


def total(store: Store) -> int:
    with store.read() as conn:
        return int(conn.execute(select(func.coalesce(func.sum(error_counts.c.count), 0))).scalar_one())


def hours(store: Store) -> dict[datetime, int]:
    with store.read() as conn:
        rows = conn.execute(select(error_counts.c.hour, func.sum(error_counts.c.count)).group_by(error_counts.c.hour))
        return {from_ms(hour): int(count) for hour, count in rows}


def test_the_first_reading_goes_a_day_back(log: Log, store: Store) -> None:
    log.add("older", LOCAL - timedelta(hours=24, minutes=5))
    log.add("day", LOCAL - timedelta(hours=23))
    log.add("new", LOCAL - MINUTE)
    assert log.collect(store, NOW).rows == 2
    assert log.collect(store, NOW + MINUTE).older == 1
    assert log.collect(store, NOW + 2 * MINUTE).rows == 0
    assert total(store) == 3


def test_bounded_readings_reach_the_end(log: Log, store: Store) -> None:
    for number in range(57):
        log.add(f"r{number:03}", LOCAL - timedelta(hours=5) + number * timedelta(seconds=10))
    read = []
    while True:
        step = log.collect(store, NOW, max_rows=10)
        read.append(step.rows)
        if not step.behind:
            break
    assert read == [10, 10, 10, 10, 10, 7]
    assert total(store) == 57


def test_more_rows_within_the_overlap_than_one_reading_takes(log: Log, store: Store) -> None:
    for number in range(50):
        log.add(f"r{number:03}", LOCAL - MINUTE)
    steps = [log.collect(store, NOW, max_rows=7).rows for _ in range(9)]
    assert sum(steps) == 50
    assert total(store) == 50


@pytest.mark.parametrize("layout", LAYOUTS)
def test_more_rows_of_one_instant_than_a_page_holds(
    tmp_path: Path, layout: Layout, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_NAMES_AT_ONCE", 4)
    log = Log(tmp_path, layout)
    for number in range(30):
        log.add(f"r{number:03}", LOCAL - 2 * MINUTE)
    # Without a fraction, as other programs write times.
    for number in range(30):
        log.add(f"s{number:03}", "2026-07-01 13:59:00")
    for number in range(30):
        log.add(f"t{number:03}", LOCAL - number * timedelta(seconds=1, microseconds=1))
    assert log.collect(store, NOW).rows == 90
    assert log.collect(store, NOW + MINUTE).rows == 0


def test_late_rows_within_the_overlap_count_once(log: Log, store: Store) -> None:
    log.add("first", LOCAL - timedelta(seconds=10))
    assert log.collect(store, NOW).rows == 1
    log.add("late", LOCAL - timedelta(seconds=100))
    assert log.collect(store, NOW + MINUTE).rows == 1
    assert log.collect(store, NOW + 2 * MINUTE).rows == 0
    assert total(store) == 2


def test_a_row_that_was_touched_does_not_count_again(log: Log, store: Store) -> None:
    log.add("opened", LOCAL - timedelta(hours=2))
    log.add("ancient", LOCAL - timedelta(days=60), modified=LOCAL - timedelta(hours=1))
    assert log.collect(store, NOW).rows == 1
    for minute in range(1, 200, 7):
        now = NOW + minute * MINUTE
        changed = (LOCAL + minute * MINUTE).isoformat(" ", "microseconds")
        log.connection.execute("UPDATE `tabError Log` SET modified = ?", (changed,))
        assert log.collect(store, now).rows == 0
    assert total(store) == 1


def test_a_row_made_and_touched_between_two_readings_counts(log: Log, store: Store) -> None:
    log.collect(store, NOW)
    log.add("a", LOCAL + MINUTE, modified=LOCAL + 30 * MINUTE)
    assert log.collect(store, NOW + timedelta(hours=1)).rows == 1
    assert hours(store) == {NOW: 1}


def test_deleted_rows_stay_counted(log: Log, store: Store) -> None:
    for number in range(5):
        log.add(f"r{number}", LOCAL - number * MINUTE)
    log.collect(store, NOW)
    log.connection.execute("DELETE FROM `tabError Log`")
    assert log.collect(store, NOW + MINUTE).rows == 0
    assert total(store) == 5


def test_the_hour_that_comes_twice(log: Log, store: Store) -> None:
    # On 25 October 2026 at 01:00 UTC the clock in Amsterdam goes from 03:00 back to 02:00.
    change = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    moment, number = change - timedelta(minutes=90), 0
    while moment < change + timedelta(minutes=150):
        naive = moment.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
        log.add(f"r{number:03}", naive)
        assert log.collect(store, moment + timedelta(seconds=20)).rows == 1, moment
        moment, number = moment + timedelta(minutes=5), number + 1
    assert total(store) == number
    per_hour = hours(store)
    assert per_hour[change - timedelta(hours=1)] == 12
    assert per_hour[change] == 12


def test_an_absence_over_the_hour_that_comes_twice(log: Log, store: Store) -> None:
    change = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    for number, minute in enumerate(range(-60, 90, 5)):
        naive = (change + minute * MINUTE).astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
        log.add(f"r{number:03}", naive)
        if minute == -30:
            assert log.collect(store, change + minute * MINUTE + timedelta(seconds=5)).rows == 7
    assert log.collect(store, change + timedelta(hours=5)).rows == 23
    assert log.collect(store, change + timedelta(hours=6)).rows == 0


def test_clocks_that_differ(log: Log, store: Store) -> None:
    log.add("ahead", LOCAL + timedelta(minutes=7))
    log.add("absurd", "2099-01-01 00:00:00.000000")
    assert log.collect(store, NOW).rows == 2
    log.add("now", LOCAL + timedelta(seconds=1))
    assert log.collect(store, NOW + MINUTE).rows == 1
    assert log.collect(store, NOW + 20 * MINUTE).rows == 0
    assert max(hours(store)) <= NOW


def test_broken_rows(log: Log, store: Store) -> None:
    log.add("nothing", LOCAL, None, None)
    log.add("no-method", LOCAL, None, "Traceback (most recent call last):\n")
    log.add("bytes", LOCAL, b"caf\xe9 \xff", b"\xff\xfe\x00 broken")
    log.add("huge", LOCAL, "x" * 140, "line\n" * 1_000_000 + "ValueError: at the end")
    log.add("no-creation", None, "a", "b", modified=LOCAL)
    log.add("no-time", None, "a", "b")
    log.add("control", LOCAL, "nul \x00 bell \x07", "\ud7ff \u2028 \x1b[31m")
    assert log.collect(store, NOW).rows == 6
    with store.read() as conn:
        templates = [row.template for row in conn.execute(select(error_patterns.c.template))]
    assert all(len(template) <= 300 and "\x00" not in template for template in templates)


def test_a_huge_text_is_cut_by_the_site(log: Log) -> None:
    log.add("huge", LOCAL, "title", "a" * 5_000_000 + "\nValueError: the end")
    with log.site.reading(NOW) as reading:
        row = reader.read_new(reading, None, now=NOW).rows[0]
    assert row.error is not None
    assert len(row.error) < 21_000
    assert row.error.endswith("ValueError: the end")


def test_the_table_goes_and_comes_back(log: Log, store: Store) -> None:
    log.add("before", LOCAL)
    log.collect(store, NOW)
    log.connection.execute("DROP TABLE `tabError Log`")
    log.site.layouts.forget()
    for _ in range(2):
        with pytest.raises(MissingTable):
            log.collect(store, NOW + MINUTE)
    assert total(store) == 1
    log.create()
    log.add("after", LOCAL + 5 * MINUTE)
    log.site.layouts.forget()
    assert log.collect(store, NOW + 6 * MINUTE).rows == 1
    assert total(store) == 2


def test_creation_serves_where_only_it_is_indexed(log: Log, store: Store) -> None:
    log.connection.execute("DROP TABLE `tabError Log`")
    log.create(index="creation")
    log.site.layouts.forget()
    log.add("a", LOCAL - timedelta(days=30), modified=LOCAL)
    log.add("b", LOCAL)
    assert log.collect(store, NOW).rows == 1


def test_rows_that_are_counted_are_told_by_their_numbers(tmp_path: Path) -> None:
    log = Log(tmp_path, FRAPPE_14)
    # Frappe 14 goes on counting: 9 comes before 10, and a name is a text all the same.
    for number in range(1, 13):
        log.add(f"r{number}", LOCAL - MINUTE, error=f"label {number}")
    with log.site.reading(NOW) as reading:
        batch = reader.read_new(reading, None, now=NOW, batch_size=5)
        again = reader.read_new(reading, batch.watermark, now=NOW)
    assert [(event.name, event.error) for event in batch.rows] == [(str(n), f"label {n}") for n in range(1, 13)]
    assert list(again.rows) == []


def test_a_log_that_changes_its_layout_is_read_on(tmp_path: Path, store: Store) -> None:
    """A bench goes from Frappe 14 to 16: rows keep their times, get names, and another index."""
    log = Log(tmp_path, FRAPPE_14)
    log.add("a", LOCAL - 5 * MINUTE)
    assert log.collect(store, NOW).rows == 1
    log.connection.execute("DROP TABLE `tabError Log`")
    log.layout = FRAPPE_15
    log.create(index="creation")
    log.site.layouts.forget()
    # The migration keeps the numbers, as texts.
    log.add("1", LOCAL - 5 * MINUTE)
    log.add("ab12cd34ef", LOCAL + MINUTE)
    assert log.collect(store, NOW + MINUTE).rows == 1
    assert total(store) == 2


def test_a_log_without_an_index_is_left_alone(log: Log, store: Store) -> None:
    log.connection.execute("DROP TABLE `tabError Log`")
    log.create(index="")
    log.site.layouts.forget()
    with pytest.raises(NotAvailable, match="index neither on modified nor on creation"):
        log.collect(store, NOW)


def test_a_quiet_minute_costs_one_query(log: Log, store: Store) -> None:
    log.add("a", LOCAL)
    log.collect(store, NOW)
    log.collect(store, NOW)
    statements: list[str] = []
    with log.site.reading(NOW + MINUTE) as reading:
        original = reading.rows

        def counted(statement: object, params: object = None) -> object:
            statements.append(str(statement))
            return original(statement, params)  # type: ignore[arg-type]

        reading.rows = counted  # type: ignore[method-assign,assignment]
        reader.read_new(reading, _mark(store), now=NOW + MINUTE)
    assert len(statements) == 1
    assert "error" not in statements[0].lower().replace("taberror log", "")


def _mark(store: Store) -> reader.Watermark | None:
    with store.read() as conn:
        return watermarks.load(conn, NAME)


def test_a_digest_is_stored_once(log: Log, store: Store) -> None:
    step, found = _step(log)
    with store.write() as conn:
        assert write(conn, log.site, step, found, now=NOW) is not None
    with store.write() as conn:
        assert write(conn, log.site, step, found, now=NOW) is None
    assert total(store) == 1


def _step(log: Log) -> tuple[Step, list[counts.Occurrence]]:
    log.add("a", LOCAL)
    with log.site.reading(NOW) as reading:
        batch = reader.read_new(reading, None, now=NOW)
    return Step(Known(), batch, events=list(batch.rows)), counts.digest(batch.rows, {})


@pytest.mark.parametrize("server", ["mariadb", "postgres"])
def test_a_store_on_a_server(log: Log, server: str, request: pytest.FixtureRequest) -> None:
    store = open_store(request.getfixturevalue(server).create_database("errors_room"))
    store.migrate()
    for number in range(40):
        log.add(f"r{number:02}", LOCAL - number * MINUTE, f"app.{'abcd'[number % 4]}.run", "nul \x00 and 😀 \u2028")
    assert [log.collect(store, NOW, max_rows=15).rows for _ in range(4)] == [15, 15, 10, 0]
    assert total(store) == 40
    with store.read() as conn:
        found = recent(conn, NAME, now=NOW)["patterns"]
    assert [pattern["count"] for pattern in found] == [10] * 4
    store.close()


def test_counts_and_watermark_are_undone_together(log: Log, store: Store) -> None:
    step, found = _step(log)
    with pytest.raises(RuntimeError), store.write() as conn:
        write(conn, log.site, step, found, now=NOW)
        raise RuntimeError("killed")
    assert total(store) == 0
    assert _mark(store) is None
    assert log.collect(store, NOW).rows == 1


def test_a_watermark_survives_the_store(log: Log, store: Store) -> None:
    log.add("a'\"é", LOCAL - timedelta(microseconds=123456))
    log.collect(store, NOW)
    mark = _mark(store)
    assert mark is not None
    assert mark.until == NOW - timedelta(microseconds=123456)
    assert mark.serial == 1
    assert "a'\"é" in mark.seen
    assert len(mark.seen) == 1
    assert mark.floor == LOCAL - timedelta(hours=24)
    again = reader.Watermark.load(mark.until.isoformat(), mark.document())
    assert again.document() == mark.document()


def test_a_watermark_of_the_first_version_is_understood(log: Log, store: Store) -> None:
    log.add("counted", LOCAL - MINUTE)
    log.add("new", LOCAL)
    body = {
        "since": (NOW - timedelta(days=7)).isoformat(),
        "read_at": (NOW - MINUTE).isoformat(),
        "behind": False,
        "serial": 41,
        "names": {"counted": (LOCAL - MINUTE).isoformat()},
    }
    with store.write() as conn:
        values = {"site": NAME, "source": ERROR_LOG, "modified": (NOW - MINUTE).isoformat(), "seen": json.dumps(body)}
        conn.execute(insert(error_watermarks), values)
    # What it had read was read from a week back on: backfill begins there.
    log.add("older", LOCAL - timedelta(days=7, hours=1))
    log.add("read before", LOCAL - timedelta(days=6))
    collected = log.collect(store, NOW)
    assert (collected.rows, collected.older) == (2, 1)
    mark = _mark(store)
    assert mark is not None
    assert mark.serial == 42
    assert log.collect(store, NOW + MINUTE).rows == 0


def test_rows_that_commit_late_are_found(log: Log, store: Store) -> None:
    log.add("first", LOCAL)
    assert log.collect(store, NOW).rows == 1
    log.add("nine minutes late", LOCAL - 9 * MINUTE)
    assert log.collect(store, NOW + timedelta(seconds=10)).rows == 1
    log.add("fifty minutes late", LOCAL - 50 * MINUTE)
    found = [log.collect(store, NOW + minute * MINUTE).rows for minute in range(1, 25)]
    assert sum(found) == 1
    assert total(store) == 3


def test_touched_rows_are_not_counted_again_by_a_look_back(log: Log, store: Store) -> None:
    for minute in range(60):
        log.add(f"r{minute:02}", LOCAL - minute * MINUTE)
    assert log.collect(store, NOW).rows == 60
    for minute in range(1, 40):
        log.connection.execute(
            "UPDATE `tabError Log` SET modified = ? WHERE name = ?",
            ((LOCAL + minute * MINUTE).isoformat(" ", "microseconds"), f"r{minute:02}"),
        )
        assert log.collect(store, NOW + minute * MINUTE).rows == 0
    assert total(store) == 60


def test_a_row_touched_in_a_backlog_counts(log: Log, store: Store) -> None:
    for number in range(40):
        log.add(f"r{number:02}", LOCAL - timedelta(hours=20) + number * 5 * MINUTE)
    # It was touched before Baken came to where it had stood.
    log.add("touched", LOCAL - timedelta(hours=20), modified=LOCAL - timedelta(hours=1))
    while log.collect(store, NOW, max_rows=10).behind:
        pass
    assert total(store) == 41


def test_an_absence_loses_no_row_that_was_touched_meanwhile(log: Log, store: Store) -> None:
    log.add("before", LOCAL)
    log.collect(store, NOW)
    for number in range(40):
        log.add(f"r{number:02}", LOCAL + number * 5 * MINUTE + MINUTE)
    log.add("touched", LOCAL + 2 * MINUTE, modified=LOCAL + 190 * MINUTE)
    while log.collect(store, NOW + 200 * MINUTE, max_rows=10).behind:
        pass
    assert total(store) == 42


def test_what_is_remembered_is_bounded(log: Log, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MOST", 300)
    log.connection.execute("BEGIN")
    for number in range(5000):
        log.add(f"r{number:04}", LOCAL + number * timedelta(seconds=0.06))
    log.connection.execute("COMMIT")
    for second in range(0, 320, 20):
        now = NOW + timedelta(seconds=second)
        while log.collect(store, now, max_rows=400).behind:
            pass
    mark = _mark(store)
    assert mark is not None
    # One minute of the storm has a thousand rows; it cannot be forgotten while it is being read.
    assert len(mark.seen) <= 1300
    assert [log.collect(store, NOW + minute * MINUTE).rows for minute in range(6, 90, 3)] == [0] * 28
    assert total(store) == 5000


@settings(max_examples=24, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 55), st.integers(0, 200), st.booleans()), max_size=25),
    st.lists(st.integers(1, 25), min_size=5, max_size=14),
    st.sampled_from(LAYOUTS),
)
@example([(0, 0, 0, False), (70, 11, 69, True)], [10, 23, 13, 1, 17, 21, 18, 3, 6, 11, 10, 18], FRAPPE_15)
def test_each_row_counts_once(rows: list[tuple[int, int, int, bool]], steps: list[int], layout: Layout) -> None:
    """Rows that commit up to 55 minutes late and are touched at any time, read at any moments."""
    with tempfile.TemporaryDirectory() as folder:
        log, store = Log(Path(folder), layout), store_at(Path(folder) / "store.db")
        made = {f"r{number}": row for number, row in enumerate(rows)}
        # What is touched before it commits is one row with both times.
        minute, moments = 0, []
        for step in [*steps, *[10] * 40]:
            minute += step
            moments.append(minute)
        before = -1
        for now in moments:
            for name, (created, late, touched, is_touched) in made.items():
                if before < created + late <= now:
                    log.add(name, LOCAL + created * MINUTE)
                if is_touched and before < created + late + touched <= now:
                    log.touch(name, LOCAL + (created + late + touched) * MINUTE)
            log.collect(store, NOW + now * MINUTE)
            before = now
        assert total(store) == len(made)
        store.close()
        log.connection.close()


_KILLED = """
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from baken.errors.collect import collect
from tests.errors.logs import PSEUDONYMS, site_at, store_at
site, store, now = site_at(Path(sys.argv[1])), store_at(Path(sys.argv[2])), datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
print("ready", flush=True)
for _ in range(int(sys.argv[3]) + 2):
    with site.reading(now) as reading:
        collect(reading, store, now, PSEUDONYMS, max_rows=20)
    print("step", flush=True)
threading.Event().wait()
"""


def test_a_killed_process_loses_nothing(log: Log, tmp_path: Path) -> None:
    log.connection.execute("BEGIN")
    for number in range(1200):
        log.add(
            f"r{number:05}",
            LOCAL - timedelta(hours=8) + number * timedelta(seconds=20),
            f"app.{'abcdefghi'[number % 9]}.run",
        )
    log.connection.execute("COMMIT")
    path = tmp_path / "killed.db"
    store_at(path).close()
    progress = killed_again_and_again(_KILLED, log, path, [0, 1, 3, 6], total)
    assert progress == sorted(progress)
    # Ten whole steps; what the step in which it was killed had read counts as a whole or not at all.
    assert progress[-1] >= 200
    assert all(counted % 20 == 0 for counted in progress)
    store = store_at(path)
    site = site_at(log.path)
    while True:
        with site.reading(NOW) as reading:
            if not collect(reading, store, NOW, PSEUDONYMS).behind:
                break
    assert total(store) == 1200
    with store.read() as conn:
        per_pattern = conn.execute(select(func.sum(error_counts.c.count)).group_by(error_counts.c.pattern)).scalars()
        assert sum(int(count) for count in per_pattern) == 1200
    store.close()

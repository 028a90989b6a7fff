"""What stood in the log before Baken's first look: in the background or at once, killed or not, each row once."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, make_url, select

from baken.clock import from_ms
from baken.errors import backfill as module
from baken.errors import older, watermarks
from baken.errors.backfill import Progress, backfill
from baken.errors.collect import collect
from baken.history.store import Store
from baken.history.tables import error_counts, error_patterns
from baken.settings import Settings
from baken.sites.problems import MissingTable
from baken.sites.site import Site, SiteConfig
from tests.errors.logs import LAYOUTS, NAME, PSEUDONYMS, ZONE, Layout, Log, killed_again_and_again, store_at, traceback

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
LOCAL = datetime(2026, 7, 1, 14, 0)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def total(store: Store) -> int:
    with store.read() as conn:
        return int(conn.execute(select(func.coalesce(func.sum(error_counts.c.count), 0))).scalar_one())


def since(store: Store) -> datetime | None:
    with store.read() as conn:
        mark = watermarks.load(conn, NAME)
    return mark.since if mark else None


def fill(log: Log, rows: int, step: timedelta = HOUR) -> None:
    log.connection.execute("BEGIN")
    for number in range(rows):
        log.add(f"r{number:05}", LOCAL - number * step, f"app.{'abcd'[number % 4]}.run")
    log.connection.execute("COMMIT")


def settle(log: Log, store: Store, steps: int, now: datetime = NOW) -> int:
    """Let the collector take steps every ten seconds; how many rows they counted."""
    return sum(log.collect(store, now + number * timedelta(seconds=10)).rows for number in range(steps))


def test_the_newest_are_there_at_once_and_the_rest_follows(log: Log, store: Store) -> None:
    fill(log, 40 * 24)
    first = log.collect(store, NOW)
    assert first.rows == 25
    assert since(store) == NOW - DAY
    second = log.collect(store, NOW + timedelta(seconds=10))
    assert second.older == second.rows > 0
    reached = since(store)
    assert reached is not None
    assert NOW - 30 * DAY < reached < NOW - DAY
    with store.read() as conn:
        # Everything from there on is counted, and nothing before it.
        first_hour = from_ms(conn.execute(select(func.min(error_counts.c.hour))).scalar_one())
    assert abs(first_hour - reached) <= HOUR
    settle(log, store, 20)
    assert total(store) == 30 * 24 + 1
    assert since(store) == NOW - 30 * DAY
    assert settle(log, store, 5, NOW + HOUR) == 0


def test_steps_in_the_background_are_small(log: Log, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(log, 3000, 10 * MINUTE)
    log.collect(store, NOW)
    assert 0 < log.collect(store, NOW).older <= 300
    assert log.collect(store, NOW + timedelta(seconds=5)).older == 0
    monkeypatch.setattr("baken.errors.collect._OLDER_SECONDS", 0.0)
    assert 0 < log.collect(store, NOW + timedelta(seconds=10)).older <= 50


def test_backfill_at_once_tells_how_far_it_is(log: Log, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 250)
    fill(log, 60 * 24)
    told: list[Progress] = []
    done = backfill(log.site, store, NOW, 45, PSEUDONYMS, told.append)
    assert total(store) == 45 * 24 + 1
    assert done == told[-1] == Progress(44 * 24, 44 * 24, date(2026, 5, 17), finished=True)
    assert [each.rows for each in told] == sorted({each.rows for each in told})
    assert len(told) >= 4
    days = [each.day for each in told if each.day]
    assert days == sorted(days, reverse=True)
    # What was read is not read again; what lies further back is.
    assert backfill(log.site, store, NOW, 30, PSEUDONYMS).rows == 0
    assert backfill(log.site, store, NOW, 55, PSEUDONYMS).rows == 10 * 24
    assert total(store) == 55 * 24 + 1


def test_patterns_of_old_rows_raise_no_alarm(log: Log, store: Store) -> None:
    log.add("new", LOCAL, "a", traceback("builtins.KeyError", "'iban'"))
    log.add("old", LOCAL - 5 * DAY, "a", traceback("builtins.TypeError", "no"))
    log.add("old too", LOCAL - 6 * DAY, "a", traceback("builtins.KeyError", "'iban'"))
    first = log.collect(store, NOW)
    assert len(first.new_patterns) == 1
    with store.write() as conn:
        conn.execute(error_patterns.update().values(state="resolved", state_at=int(NOW.timestamp() * 1000)))
    second = log.collect(store, NOW + MINUTE)
    assert (second.older, second.new_patterns, second.regressed) == (2, (), ())
    with store.read() as conn:
        found = {row.exception: row for row in conn.execute(select(error_patterns))}
    assert found["KeyError"].state == "resolved"
    assert from_ms(found["KeyError"].first_seen) == NOW - 6 * DAY
    assert from_ms(found["KeyError"].last_seen) == NOW


def test_a_row_that_is_touched_before_backfill_comes_to_it(log: Log, store: Store) -> None:
    fill(log, 20 * 24)
    log.collect(store, NOW)
    touched = [f"r{number:05}" for number in (2, 30, 200, 300, 470)]
    for minute in (1, 2, 3):
        for name in touched:
            log.connection.execute(
                "UPDATE `tabError Log` SET modified = ? WHERE name = ?",
                ((LOCAL + minute * MINUTE).isoformat(" ", "microseconds"), name),
            )
        log.collect(store, NOW + minute * MINUTE)
    settle(log, store, 10, NOW + 5 * MINUTE)
    assert total(store) == 20 * 24


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(1, 10)), max_size=8),
    st.integers(2, 7),
    st.sampled_from(LAYOUTS),
)
@example([(24, 0), (24, 1), (23, 0), (25, 0)], [], 2, LAYOUTS[0])
@example([(24, 0), (24, 1), (23, 0), (25, 0)], [], 2, LAYOUTS[2])
def test_each_row_counts_once(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int]],
    touches: list[tuple[int, int]],
    at_once: int,
    layout: Layout,
) -> None:
    """Rows at any times, many at one instant, touched at any moment, read in steps of any size."""
    folder = tmp_path_factory.mktemp("each")
    log, store = Log(folder, layout), store_at(folder / "store.db")
    for number, (hours, kind) in enumerate(rows):
        at = LOCAL - hours * HOUR
        log.add(f"r{number}", at if kind else at.isoformat(" "))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(older, "_AT_ONCE", at_once)
        patch.setattr("baken.errors.collect.OLDER_AT_ONCE", at_once)
        for step in range(40):
            now = NOW + step * MINUTE
            log.collect(store, now)
            for name in (f"r{number}" for number, when in touches if when == step):
                log.touch(name, LOCAL + step * MINUTE + timedelta(seconds=5))
    assert total(store) == len(rows)
    store.close()
    log.connection.close()


def test_new_rows_are_counted_while_it_runs(log: Log, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 60)
    fill(log, 29 * 24)
    log.collect(store, NOW)
    made = 0

    def meanwhile(_: Progress) -> None:
        nonlocal made
        made += 1
        log.add(f"new{made}", LOCAL + made * MINUTE)
        log.collect(store, NOW + made * MINUTE)

    backfill(log.site, store, NOW, 30, PSEUDONYMS, meanwhile)
    assert made > 1
    assert total(store) == 29 * 24 + made


def test_two_that_run_at_once_share_the_work(log: Log, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 100)
    fill(log, 29 * 24)
    log.collect(store, NOW)
    done: list[int] = []
    work: Callable[[], None] = lambda: done.append(backfill(log.site, store, NOW, 30, PSEUDONYMS).rows)  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 29 * 24 - 25
    assert total(store) == 29 * 24


def test_a_log_that_goes_away_keeps_what_was_read(log: Log, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 100)
    fill(log, 20 * 24)

    def drop(_: Progress) -> None:
        log.connection.execute("ALTER TABLE `tabError Log` RENAME TO away")
        log.site.layouts.forget()

    with pytest.raises(MissingTable):
        backfill(log.site, store, NOW, 30, PSEUDONYMS, drop)
    log.connection.execute("ALTER TABLE away RENAME TO `tabError Log`")
    log.site.layouts.forget()
    before = total(store)
    assert before > 100
    assert backfill(log.site, store, NOW, 30, PSEUDONYMS).rows == 20 * 24 - before
    assert total(store) == 20 * 24


_KILLED = """
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from baken.errors import backfill
from tests.errors.logs import PSEUDONYMS, site_at, store_at
backfill.ROWS_AT_ONCE = 20
site, store, now = site_at(Path(sys.argv[1])), store_at(Path(sys.argv[2])), datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
left = int(sys.argv[3]) + 2
def told(_):
    global left
    print("step", flush=True)
    left -= 1
    if not left:
        threading.Event().wait()
print("ready", flush=True)
backfill.backfill(site, store, now, 30, PSEUDONYMS, told)
"""


def test_killed_and_started_again_it_goes_on(log: Log, tmp_path: Path) -> None:
    fill(log, 1200, 33 * MINUTE)
    path = tmp_path / "killed.db"
    store_at(path).close()
    progress = killed_again_and_again(_KILLED, log, path, [1, 2, 5], total)
    assert progress == sorted(progress)
    assert progress[-1] > progress[0]
    store = store_at(path)
    backfill(log.site, store, NOW, 30, PSEUDONYMS)
    assert total(store) == 1200
    store.close()


@pytest.mark.parametrize("layout", LAYOUTS[:3])
@pytest.mark.parametrize("server", ["mariadb", "postgres"])
def test_on_a_database_server(server: str, layout: Layout, store: Store, request: pytest.FixtureRequest) -> None:
    """The same on the databases that sites really have: many rows of one instant, touched ones, each once."""
    running = request.getfixturevalue(server)
    database = f"backfill_site_{LAYOUTS.index(layout)}"
    url = running.create_database(database)
    quote = "`" if server == "mariadb" else '"'
    name = f"{quote}tabError Log{quote}"
    kind, text = ("datetime(6)", "longtext") if server == "mariadb" else ("timestamp(6)", "text")
    statements = [
        f"CREATE TABLE {name} (name {'bigint' if layout.numbered else 'varchar(140)'} PRIMARY KEY, creation {kind}, "
        f"modified {kind}, owner varchar(140), method varchar(140), error {text})",
        f"CREATE INDEX found_by ON {name} ({layout.index})",
    ]
    values = []
    for number in range(300):
        at = LOCAL - (number // 60) * 70 * HOUR
        called = str(number) if layout.numbered else f"'r{number:04}'"
        values.append(f"({called}, '{at}', '{at}', 'x@leden.example', 'app.run', 'label {number}')")
    statements.append(f"INSERT INTO {name} VALUES {', '.join(values)}")
    for statement in statements:
        running.execute(statement, database=database)
    site = Site(SiteConfig(NAME, make_url(url), time_zone=ZONE), Settings())
    with site.reading(NOW) as reading:
        assert collect(reading, store, NOW, PSEUDONYMS).rows == 60
    labels = "('label 10', 'label 70', 'label 299')"
    running.execute(f"UPDATE {name} SET modified = '{LOCAL + MINUTE}' WHERE error IN {labels}", database=database)
    with site.reading(NOW + MINUTE) as reading:
        found = collect(reading, store, NOW + MINUTE, PSEUDONYMS)
        assert found.rows >= (2 if layout.index == "modified" else 0)
    assert backfill(site, store, NOW + MINUTE, 30, PSEUDONYMS).finished
    assert total(store) == 300

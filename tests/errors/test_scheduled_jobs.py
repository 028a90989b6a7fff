"""Failures of scheduled jobs: each seen once, cheaply, and as one event with what else tells of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as on
from sqlalchemy import text

from baken.errors import patterns, scheduled_jobs, watermarks
from baken.errors.event import SCHEDULED_JOBS, Event
from baken.errors.scrub import TEXT_LIMIT
from baken.errors.sources import Gathered
from baken.history.store import Store
from baken.settings import Settings
from baken.sites.bench import read_site
from baken.sites.problems import MissingField, MissingTable, NotAvailable
from baken.sites.site import Site
from tests.conftest import FrappeSite
from tests.errors.logs import FRAPPE_14, FRAPPE_15, FRAPPE_16, LAYOUTS, NAME, ZONE, Layout, Log, site_at
from tests.errors.redis_site import Bench
from tests.servers import RedisServer

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
METHOD = "verenigingen.verenigingen_payments.dd_batch_scheduler.daily_batches"
TRACE = """Traceback with variables (most recent call last):
  File "apps/frappe/frappe/core/doctype/scheduled_job_type/scheduled_job_type.py", line 132, in execute
    frappe.get_attr(self.method)()
  File "apps/verenigingen/verenigingen/verenigingen_payments/dd_batch_scheduler.py", line 44, in daily_batches
    collect(batch)
frappe.exceptions.ValidationError: {}
"""


class Jobs(Log):
    """A site with an Error Log and the scheduler's log."""

    def __init__(self, folder: Path, layout: Layout = FRAPPE_15) -> None:
        super().__init__(folder, layout)
        self.connection.execute(
            f"CREATE TABLE `tabScheduled Job Log` (name {self.name_type} PRIMARY KEY, creation datetime(6), "
            "modified datetime(6), status varchar(140), scheduled_job_type varchar(140), details longtext)"
        )
        self.connection.execute(f"CREATE INDEX run_at ON `tabScheduled Job Log` ({layout.index})")
        self.connection.execute(
            "CREATE TABLE `tabScheduled Job Type` (name varchar(140) PRIMARY KEY, method varchar(140), "
            "server_script varchar(140))"
        )
        self.connection.execute(
            "INSERT INTO `tabScheduled Job Type` VALUES ('dd_batch_scheduler.daily', ?, NULL), ('by_script', '', 'x')",
            (METHOD,),
        )
        self.body: dict[str, Any] = {}

    def run(
        self,
        name: str,
        at: datetime,
        status: str = "Failed",
        details: object = TRACE.format("no mandate"),
        kind: str | None = "dd_batch_scheduler.daily",
    ) -> None:
        """Insert a row, or change it as the end of the run does."""
        when = local(at)
        self.connection.execute(
            "INSERT INTO `tabScheduled Job Log` VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE "
            "SET modified = excluded.modified, status = excluded.status, details = excluded.details",
            (self.row_name(name), when, when, status, kind, details),
        )

    def end(self, name: str, at: datetime, status: str) -> None:
        """Change the row of a run as its end does."""
        self.connection.execute(
            "UPDATE `tabScheduled Job Log` SET modified = ?, status = ?, details = ? WHERE name = ?",
            (local(at), status, TRACE.format("no mandate") if status == "Failed" else None, self.row_name(name)),
        )

    def told(self, events: Sequence[Event]) -> list[str]:
        """What the tests call the rows that these events are of."""
        names = {str(self.row_name(name)): name for name in self._numbers} if self.layout.numbered else {}
        return [names.get(event.name, event.name) for event in events]

    def look(self, now: datetime = NOW) -> list[Event]:
        """One reading, as the collector does it; its state goes through the store."""
        found = self.gathered(now)
        self.body = json.loads(json.dumps(found.body))
        return list(found.events)

    def gathered(self, now: datetime = NOW) -> Gathered:
        with self.site.reading(now) as reading:
            return scheduled_jobs.read(reading, self.body, now)

    def anew(self) -> None:
        """Another process: it has asked nothing yet."""
        self.site = site_at(self.path)


def local(at: datetime) -> str:
    return at.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None).isoformat(" ", "microseconds")


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


@pytest.fixture
def by_creation(tmp_path: Path) -> Jobs:
    """As in Frappe 16: rows are found by when runs began."""
    return Jobs(tmp_path, FRAPPE_16)


def test_a_failure_is_told_with_its_end_its_method_and_its_text(jobs: Jobs) -> None:
    jobs.run("a", NOW - 9 * MINUTE, "Start", None)
    assert jobs.look(NOW - 8 * MINUTE) == []
    jobs.run("a", NOW - MINUTE)
    (found,) = jobs.look()
    trace = TRACE.format("no mandate")
    assert found == Event(SCHEDULED_JOBS, "a", NOW - MINUTE, METHOD, trace, None, len(trace), METHOD)
    assert jobs.look(NOW + MINUTE) == []


def test_only_failures_are_told(jobs: Jobs) -> None:
    for number, status in enumerate(("Scheduled", "Start", "Complete", "", None)):
        jobs.run(f"r{number}", NOW - MINUTE, str(status), "Traceback")
    assert jobs.look() == []
    assert not jobs.gathered(NOW + MINUTE).changed


def test_the_first_look_goes_a_day_back(jobs: Jobs) -> None:
    jobs.run("before", NOW - timedelta(hours=24, seconds=1))
    jobs.run("within", NOW - timedelta(hours=24) + SECOND)
    assert [event.name for event in jobs.look()] == ["within"]
    # It stays unseen although the overlap reaches back beyond the first look.
    assert jobs.look(NOW + MINUTE) == []


def test_a_row_that_commits_late_is_seen_within_the_overlap(jobs: Jobs) -> None:
    jobs.run("first", NOW)
    assert len(jobs.look()) == 1
    jobs.run("late", NOW - 9 * MINUTE)
    jobs.run("too late", NOW - 11 * MINUTE)
    assert [event.name for event in jobs.look(NOW + MINUTE)] == ["late"]


def test_a_failure_that_is_touched_again_is_no_new_one(jobs: Jobs) -> None:
    jobs.run("a", NOW)
    assert len(jobs.look()) == 1
    jobs.run("a", NOW + timedelta(hours=3))
    assert jobs.look(NOW + timedelta(hours=3)) == []


def test_the_site_is_asked_every_half_minute(jobs: Jobs) -> None:
    jobs.look()
    jobs.run("a", NOW)
    with jobs.site.reading(NOW + 20 * SECOND) as reading:
        assert list(scheduled_jobs.read(reading, jobs.body, NOW + 20 * SECOND).events) == []
        assert reading.queries == 0
    assert len(jobs.look(NOW + 30 * SECOND)) == 1
    # A clock that was set back is no reason to wait for it.
    jobs.run("b", NOW)
    assert len(jobs.look(NOW + 10 * SECOND)) == 1


def test_a_look_that_was_not_stored_is_taken_again(jobs: Jobs) -> None:
    jobs.look()
    jobs.run("a", NOW)
    assert len(jobs.gathered(NOW + MINUTE).events) == 1
    assert len(jobs.look(NOW + 2 * MINUTE)) == 1


def test_details_of_any_kind(jobs: Jobs) -> None:
    jobs.run("none", NOW, details=None, kind=None)
    jobs.run("empty", NOW + SECOND, details="", kind="nobody.knows")
    jobs.run("huge", NOW + 2 * SECOND, details=TRACE.format("x" * 3_000_000), kind="by_script")
    jobs.run("bytes", NOW + 3 * SECOND, details=b"\xff\xfe half", kind="dd_batch_scheduler.daily")
    found = {event.name: event for event in jobs.look(NOW + MINUTE)}
    assert (found["none"].method, found["none"].error, found["none"].job, found["none"].size) == (None, None, "", 0)
    assert (found["empty"].method, found["empty"].error) == ("nobody.knows", "")
    assert found["huge"].method == found["huge"].job == "by_script"
    assert found["huge"].size > 3_000_000
    assert len(found["huge"].error or "") < TEXT_LIMIT + 100
    assert found["bytes"].method == METHOD
    assert (found["bytes"].error or "").endswith("half")


def test_a_row_of_tomorrow_is_of_now_and_hides_nothing(jobs: Jobs) -> None:
    jobs.run("tomorrow", NOW + timedelta(days=1))
    assert [event.at for event in jobs.look()] == [NOW]
    jobs.run("next", NOW + MINUTE)
    assert [event.name for event in jobs.look(NOW + 2 * MINUTE)] == ["next"]


def test_without_types_the_name_stands_for_the_method(jobs: Jobs) -> None:
    jobs.connection.execute("DROP TABLE `tabScheduled Job Type`")
    jobs.run("a", NOW)
    assert [event.method for event in jobs.look()] == ["dd_batch_scheduler.daily"]


def test_it_says_why_it_cannot_be_read(jobs: Jobs) -> None:
    jobs.connection.execute("DROP INDEX run_at")
    with pytest.raises(NotAvailable, match="index neither on modified nor on creation"):
        jobs.look()
    # It stays said while the site is not asked.
    with pytest.raises(NotAvailable, match="index neither on modified nor on creation"):
        jobs.look(NOW + 10 * SECOND)
    jobs.connection.execute("ALTER TABLE `tabScheduled Job Log` DROP COLUMN details")
    jobs.anew()
    with pytest.raises(MissingField, match="details"):
        jobs.look()
    jobs.connection.execute("DROP TABLE `tabScheduled Job Log`")
    jobs.anew()
    with pytest.raises(MissingTable, match="Scheduled Job Log"):
        jobs.look()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_at_one_instant_are_seen_in_steps(tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(tmp_path, layout)
    monkeypatch.setattr(scheduled_jobs, "ROWS_AT_ONCE", 50)
    monkeypatch.setattr(scheduled_jobs, "FAILURES_AT_ONCE", 7)
    for number in range(180):
        jobs.run(f"r{number:03}", NOW, "Failed" if number % 3 else "Complete")
    names: list[str] = []
    for _ in range(40):
        found = jobs.gathered()
        jobs.body = json.loads(json.dumps(found.body))
        names += jobs.told(found.events)
        assert len(found.events) <= 7
        if not found.behind:
            break
    assert names == [f"r{number:03}" for number in range(180) if number % 3]
    assert jobs.look(NOW + MINUTE) == []


def test_what_is_remembered_is_bounded(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduled_jobs, "KEPT_NAMES", 20)
    seen: list[str] = []
    for number in range(60):
        now = NOW + number * 11 * MINUTE
        jobs.run(f"r{number}", now)
        seen += [event.name for event in jobs.look(now)]
    assert len(seen) == len(set(seen)) == 60
    assert len(jobs.body["seen"]) == 20 * 8


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 400), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 500), st.booleans()))),
        max_size=8,
    ),
    layout=st.sampled_from(LAYOUTS),
)
def test_each_failure_is_told_once_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, list[tuple[int, int, bool]]]], layout: Layout
) -> None:
    jobs = Jobs(tmp_path_factory.mktemp("jobs"), layout)
    try:
        now, told = NOW, list[str]()
        failed, ended = set[str](), set[str]()
        jobs.look(now)
        for wait, changes in steps:
            now += wait * SECOND
            for number, ago, ends_well in changes:
                # Frappe changes no run that has ended; where `modified` tells of it, even that would be noticed.
                if f"r{number}" not in (ended if layout.index == "creation" else failed):
                    # It commits up to 500 seconds after its time.
                    jobs.run(f"r{number}", now - ago * SECOND, "Complete" if ends_well else "Failed")
                    failed |= set() if ends_well else {f"r{number}"}
                    ended.add(f"r{number}")
            told += jobs.told(jobs.look(now))
        told += jobs.told(jobs.look(now + MINUTE))
        assert sorted(told) == sorted(failed)
    finally:
        jobs.connection.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(
        st.tuples(st.integers(-2000, 3000), st.integers(0, 4000), st.sampled_from(["Failed", "Complete", "never"])),
        max_size=30,
    ),
    waits=st.lists(st.integers(1, 700), min_size=4, max_size=12),
    room=st.integers(1, 6),
    rows=st.integers(2, 9),
    layout=st.sampled_from(LAYOUTS),
    migrated=st.integers(0, 12),
)
def test_each_run_that_fails_is_told_once_however_long_it_takes(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[int, int, str]],
    waits: list[int],
    room: int,
    rows: int,
    layout: Layout,
    migrated: int,
) -> None:
    """Runs that begin and end at any minutes, before the first look and in absences, also when the index changes."""
    jobs = Jobs(tmp_path_factory.mktemp("runs"), layout)
    first, before = NOW - timedelta(hours=24), NOW - timedelta(days=9)
    told: list[str] = []
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scheduled_jobs, "FAILURES_AT_ONCE", room)
            patch.setattr(scheduled_jobs, "ROWS_AT_ONCE", rows)
            now = NOW
            for step, wait in enumerate([0, *waits, 4000, 4000]):
                now += wait * MINUTE
                for number, (begin, length, status) in enumerate(runs):
                    # No run of these takes longer than those that the first look reaches back for.
                    start, end = NOW + begin * MINUTE, NOW + (begin + min(length, 24 * 60)) * MINUTE
                    if before < start <= now:
                        jobs.run(f"r{number}", start, "Start", None)
                    if status != "never" and before < end <= now:
                        jobs.end(f"r{number}", end, status)
                if step == migrated:
                    other = "creation" if layout.index == "modified" else "modified"
                    jobs.connection.execute("DROP INDEX run_at")
                    jobs.connection.execute(f"CREATE INDEX run_at ON `tabScheduled Job Log` ({other})")
                    jobs.site.layouts.forget()
                behind = True
                for _ in range(200):
                    found = jobs.gathered(now)
                    jobs.body = json.loads(json.dumps(found.body))
                    told += jobs.told(found.events)
                    behind = found.behind
                    if not behind:
                        break
                assert not behind
                before = now
        ended = {
            f"r{number}": NOW + (begin + min(length, 24 * 60)) * MINUTE
            for number, (begin, length, status) in enumerate(runs)
            if status == "Failed"
        }
        assert sorted(told) == sorted(name for name, end in ended.items() if end >= first)
    finally:
        jobs.connection.close()


def test_a_run_of_hours_is_told_when_it_fails(by_creation: Jobs) -> None:
    jobs = by_creation
    jobs.run("long", NOW - MINUTE, "Start", None)
    assert jobs.look() == []
    for hours in range(1, 9):
        jobs.run(f"other {hours}", NOW + timedelta(hours=hours), "Complete", None)
        assert jobs.look(NOW + timedelta(hours=hours)) == []
    assert list(jobs.body["open"]) == ["long"]
    # Baken is not there for a while; another process goes on from what is stored.
    jobs.end("long", NOW + timedelta(hours=9), "Failed")
    jobs.anew()
    (found,) = jobs.look(NOW + timedelta(hours=20))
    assert (found.name, found.at) == ("long", NOW + timedelta(hours=9))
    assert jobs.body["open"] == {}
    assert jobs.look(NOW + timedelta(hours=21)) == []


def test_the_first_look_finds_what_began_before_the_day_and_failed_within(by_creation: Jobs) -> None:
    jobs = by_creation
    for name, began, ended in (("within", 30, 2), ("before", 30, 25), ("young", 3, 2)):
        jobs.run(name, NOW - timedelta(hours=began), "Start", None)
        jobs.end(name, NOW - timedelta(hours=ended), "Failed")
    assert [event.name for event in jobs.look()] == ["within", "young"]
    assert jobs.look(NOW + MINUTE) == []


def test_runs_that_never_end_are_given_up(by_creation: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = by_creation
    monkeypatch.setattr(scheduled_jobs, "MOST_OPEN", 5)
    for number in range(9):
        jobs.run(f"r{number}", NOW - number * MINUTE, "Start", None)
    assert jobs.look() == []
    assert sorted(jobs.body["open"]) == [f"r{number}" for number in range(5)]
    jobs.look(NOW + scheduled_jobs.OPEN_FOR - 2 * MINUTE)
    assert sorted(jobs.body["open"]) == ["r0", "r1"]
    jobs.look(NOW + scheduled_jobs.OPEN_FOR)
    assert jobs.body["open"] == {}


def test_more_open_runs_fail_than_one_reading_takes(by_creation: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = by_creation
    monkeypatch.setattr(scheduled_jobs, "FAILURES_AT_ONCE", 4)
    for number in range(10):
        jobs.run(f"r{number}", NOW - timedelta(hours=2) + number * SECOND, "Start", None)
    jobs.run("last", NOW, "Complete", None)
    jobs.look()
    for number in range(10):
        jobs.end(f"r{number}", NOW + MINUTE, "Failed")
    told = []
    for expected in (4, 4, 2):
        found = jobs.gathered(NOW + 2 * MINUTE)
        jobs.body = json.loads(json.dumps(found.body))
        assert (len(found.events), found.behind) == (expected, expected == 4)
        told += [event.name for event in found.events]
    assert told == [f"r{number}" for number in range(10)]


def test_a_place_that_an_earlier_version_stored_is_gone_on_from(jobs: Jobs) -> None:
    jobs.run("a", NOW - MINUTE)
    assert len(jobs.look()) == 1
    del jobs.body["by"], jobs.body["open"]
    jobs.run("b", NOW + MINUTE)
    assert [event.name for event in jobs.look(NOW + 2 * MINUTE)] == ["b"]


def test_a_place_among_numbers_is_none_among_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(tmp_path, FRAPPE_14)
    monkeypatch.setattr(scheduled_jobs, "FAILURES_AT_ONCE", 2)
    for number in range(5):
        jobs.run(f"r{number}", NOW - MINUTE)
    assert len(jobs.look()) == 2
    assert jobs.body["at"][1] == 2
    jobs.body["at"][1] = "3f2a9c"
    assert [event.name for event in jobs.look()] == ["3", "4"]


def test_the_hour_that_comes_twice(jobs: Jobs) -> None:
    # The clock goes back at 01:00 UTC: 02:30 comes at 00:30 and at 01:30.
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    jobs.look(first - timedelta(hours=2))
    told: list[str] = []
    for number in range(12):
        now = first + number * 10 * MINUTE
        jobs.run(f"r{number}", now)
        told += [event.name for event in jobs.look(now)]
    assert told == [f"r{number}" for number in range(12)]


def total(store: Store, now: datetime) -> int:
    with store.read() as conn:
        return int(patterns.recent(conn, NAME, now=now)["total"])


def test_it_is_counted_once_with_the_row_that_the_job_logged_itself(jobs: Jobs, store: Store) -> None:
    jobs.collect(store, NOW)
    trace = TRACE.format("bank refused")
    # Either may be seen first.
    jobs.add("logged", local(NOW + MINUTE), METHOD, trace)
    assert jobs.collect(store, NOW + MINUTE).rows == 1
    jobs.run("run", NOW + MINUTE + SECOND, details=trace)
    found = jobs.collect(store, NOW + 2 * MINUTE)
    assert (found.rows, dict(found.sources)) == (0, {SCHEDULED_JOBS: 1})
    jobs.run("again", NOW + 30 * MINUTE, details=trace)
    assert jobs.collect(store, NOW + 30 * MINUTE).rows == 1
    jobs.add("logged again", local(NOW + 30 * MINUTE), METHOD, trace)
    assert jobs.collect(store, NOW + 31 * MINUTE).rows == 0
    # Another job's failure is another one.
    jobs.add("other", local(NOW + 32 * MINUTE), "app.tasks.other", trace)
    assert jobs.collect(store, NOW + 32 * MINUTE).rows == 1
    assert total(store, NOW + 33 * MINUTE) == 3


def test_both_sources_show_a_failure_of_the_day_before_the_first_look(jobs: Jobs, store: Store) -> None:
    trace = TRACE.format("bank refused")
    jobs.add("logged", local(NOW - timedelta(hours=5)), METHOD, trace)
    jobs.run("run", NOW - timedelta(hours=5), details=trace)
    jobs.run("alone", NOW - timedelta(hours=4), details=trace)
    assert jobs.collect(store, NOW).rows == 2


@pytest.mark.parametrize("queue_first", [True, False])
def test_a_failed_job_of_the_queue_is_the_same_failure(
    tmp_path: Path, redis_server: RedisServer, store: Store, queue_first: bool
) -> None:
    redis_server.flush()
    bench = Bench(tmp_path, redis_server)
    connection = bench.connection
    connection.execute(
        "CREATE TABLE `tabScheduled Job Log` (name varchar(140) PRIMARY KEY, creation datetime(6), "
        "modified datetime(6), status varchar(140), scheduled_job_type varchar(140), details longtext)"
    )
    connection.execute("CREATE INDEX run_at ON `tabScheduled Job Log` (modified)")
    bench.collect(store, NOW)
    trace = TRACE.format("bank refused")

    def leave(at: datetime, in_queue: bool) -> None:
        if in_queue:
            runs = "frappe.core.doctype.scheduled_job_type.scheduled_job_type.run_scheduled_job"
            bench.fail(at, runs, trace, job=f"{NAME}::scheduled_job::dd_batch_scheduler.daily_batches")
        else:
            values = (f"run {at}", local(at), local(at), METHOD, trace)
            connection.execute("INSERT INTO `tabScheduled Job Log` VALUES (?, ?, ?, 'Failed', ?, ?)", values)

    leave(NOW + MINUTE, queue_first)
    assert bench.collect(store, NOW + MINUTE).rows == 1
    leave(NOW + MINUTE + SECOND, not queue_first)
    assert bench.collect(store, NOW + 2 * MINUTE).rows == 0
    leave(NOW + 10 * MINUTE, queue_first)
    leave(NOW + 10 * MINUTE, not queue_first)
    assert bench.collect(store, NOW + 10 * MINUTE).rows == 1
    redis_server.flush()


def test_its_pattern_and_how_far_it_was_read(jobs: Jobs, store: Store) -> None:
    jobs.run("a", NOW - MINUTE, details=TRACE.format("no mandate for Assoc-Member-2026-01-0001"))
    jobs.run("b", NOW - SECOND, details=TRACE.format("no mandate for Assoc-Member-2026-01-0002"))
    assert jobs.collect(store, NOW).rows == 2
    with store.read() as conn:
        (pattern,) = patterns.recent(conn, NAME, now=NOW)["patterns"]
        state = watermarks.load_all(conn, NAME).sources[SCHEDULED_JOBS]
    assert (pattern["count"], pattern["component"], pattern["exception"]) == (
        2,
        "scheduler",
        "frappe.exceptions.ValidationError",
    )
    assert (state.absent, state.behind, state.complete_at) == ("", False, NOW)
    jobs.anew()
    assert jobs.collect(store, NOW + MINUTE).rows == 0


def test_a_site_without_the_log_is_read_all_the_same(log: Log, store: Store) -> None:
    log.add("a", local(NOW))
    assert log.collect(store, NOW).rows == 1
    with store.read() as conn:
        assert "Scheduled Job Log" in watermarks.load_all(conn, NAME).sources[SCHEDULED_JOBS].absent


@pytest.fixture
def real(frappe_site: FrappeSite) -> Iterator[tuple[Site, Any]]:
    """A real site with a copy of its scheduler's log, which the test may change."""
    config = read_site(frappe_site.bench, frappe_site.name)
    name = "own_scheduled_jobs"
    mariadb = frappe_site.mariadb
    mariadb.create_database(name)
    try:
        for table in ("tabScheduled Job Log", "tabScheduled Job Type", "tabSingles"):
            mariadb.execute(f"CREATE TABLE `{name}`.`{table}` LIKE `{frappe_site.database}`.`{table}`")
            mariadb.execute(f"INSERT INTO `{name}`.`{table}` SELECT * FROM `{frappe_site.database}`.`{table}`")
        mariadb.execute(f"GRANT ALL PRIVILEGES ON `{name}`.* TO '{frappe_site.database}'@'%'")
        mariadb.execute(f"ANALYZE TABLE `{name}`.`tabScheduled Job Log`")
        url = config.database_url.set(database=name)
        yield (
            Site(replace(config, database_url=url), Settings()),
            lambda sql: mariadb.execute(sql, database=name),
        )
    finally:
        mariadb.execute(f"DROP DATABASE `{name}`")


def test_a_real_log_is_read_by_its_index(real: tuple[Site, Any]) -> None:
    site, execute = real
    said: list[tuple[str, Any]] = []
    with site.connection() as connection:
        engine = connection.engine

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        said.append((statement, values))

    with site.reading(NOW) as reading:
        expected = reading.scalar(
            text(
                "SELECT COUNT(*) FROM `tabScheduled Job Log` WHERE status = 'Failed' AND modified >= '2026-11-21 19:00'"
            )
        )
        on.listen(engine, "before_cursor_execute", note)
        first = scheduled_jobs.read(reading, {}, NOW)
        on.remove(engine, "before_cursor_execute", note)
        assert len(first.events) == expected > 0
        assert all(event.at <= NOW and "." in (event.job or "") and event.error for event in first.events)
        walks = [each for each in said if "AS page" in each[0]]
        assert len(walks) == 1
        plan = _plan(site, *walks[0])
        # By the index alone, and each row by its key: neither the whole log nor its texts are walked through.
        assert [(row["table"], row["type"], row["key"]) for row in plan][1:] == [
            ("run", "eq_ref", "PRIMARY"),
            ("tabScheduled Job Log", "range", "modified"),
        ]
        assert "Using index" in plan[2]["Extra"]
    execute(
        "INSERT INTO `tabScheduled Job Log` (name, creation, modified, status, scheduled_job_type, details) VALUES "
        "('late', '2026-11-22 18:50', '2026-11-22 19:00:20', 'Start', 'google_calendar.sync', NULL)"
    )
    later = NOW + MINUTE
    with site.reading(later) as reading:
        second = scheduled_jobs.read(reading, first.body, later)
        assert list(second.events) == []
    execute(
        "UPDATE `tabScheduled Job Log` SET status = 'Failed', details = 'Traceback', modified = '2026-11-22 19:01:10' "
        "WHERE name = 'late'"
    )
    later += MINUTE
    with site.reading(later) as reading:
        (found,) = scheduled_jobs.read(reading, second.body, later).events
    assert (found.name, found.at) == ("late", datetime(2026, 11, 22, 18, 1, 10, tzinfo=UTC))
    assert found.method == "frappe.integrations.doctype.google_calendar.google_calendar.sync"


def _plan(site: Site, statement: str, values: Any) -> list[dict[str, Any]]:
    with site.connection() as connection:
        return [dict(row._mapping) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values)]


@pytest.mark.parametrize("layout", [FRAPPE_14, FRAPPE_16])
def test_a_real_log_of_another_version_is_read_by_its_index(real: tuple[Site, Any], layout: Layout) -> None:
    """The same rows, 20,000 of them, as Frappe 14 and 16 lay them out."""
    site, execute = real
    log = "`tabScheduled Job Log`"
    execute(f"ALTER TABLE {log} DROP INDEX modified")
    execute(f"ALTER TABLE {log} ADD INDEX found_by ({layout.index})")
    if layout.numbered:
        execute(f"ALTER TABLE {log} ADD number bigint NOT NULL AUTO_INCREMENT UNIQUE")
        execute(f"UPDATE {log} SET name = number")
        execute(f"ALTER TABLE {log} MODIFY name bigint NOT NULL, DROP COLUMN number")
    name = "1000000 + seq" if layout.numbered else "CONCAT('more', seq)"
    execute(
        f"INSERT INTO {log} (name, creation, modified, status, scheduled_job_type) "
        f"SELECT {name}, c, c, 'Complete', 'x' FROM (SELECT seq, '2026-09-01' + INTERVAL seq * 3 MINUTE c "
        "FROM seq_1_to_20000) more"
    )
    began = "'2026-11-22 08:00'"
    long = "5000000" if layout.numbered else "'long'"
    execute(
        f"INSERT INTO {log} (name, creation, modified, status, scheduled_job_type) "
        f"VALUES ({long}, {began}, {began}, 'Start', 'google_calendar.sync')"
    )
    execute(f"ANALYZE TABLE {log}")
    [(expected,)] = execute(f"SELECT COUNT(*) FROM {log} WHERE status = 'Failed' AND modified >= '2026-11-21 19:00'")
    said: list[tuple[str, Any]] = []
    with site.connection() as connection:
        engine = connection.engine

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        said.append((statement, values))

    def look(body: dict[str, Any], now: datetime) -> tuple[list[Event], dict[str, Any]]:
        events: list[Event] = []
        with site.reading(now) as reading:
            while True:
                found = scheduled_jobs.read(reading, body, now)
                events, body = [*events, *found.events], json.loads(json.dumps(found.body))
                if not found.behind:
                    return events, body

    on.listen(engine, "before_cursor_execute", note)
    try:
        events, body = look({}, NOW)
        execute(
            f"UPDATE {log} SET status = 'Failed', details = 'Traceback', modified = '2026-11-22 19:01:10' "
            f"WHERE name = {long}"
        )
        (late,), _ = look(body, NOW + 2 * MINUTE)
    finally:
        on.remove(engine, "before_cursor_execute", note)
    assert len(events) == expected > 0
    assert late.at == datetime(2026, 11, 22, 18, 1, 10, tzinfo=UTC)
    asked = [each for each in said if "Scheduled Job Log`" in each[0] and "information_schema" not in each[0]]
    for statement, values in asked:
        for row in _plan(site, statement, values):
            assert row["type"] in ("range", "eq_ref", "const", "ref") or row["table"].startswith("<"), (statement, row)

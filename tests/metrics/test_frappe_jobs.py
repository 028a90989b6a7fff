"""Queues, scheduler and e-mail, against the reference site and a real Redis."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis

from baken.metrics import job_log
from baken.sites import reading as reading_module
from baken.sites.problems import NotAvailable
from tests.conftest import FrappeSite
from tests.metrics.conftest import NOW, Subject, changed, measure
from tests.metrics.test_frappe import elsewhere, figures, value


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "_shared", {})


@pytest.fixture
def rq(frappe_site: FrappeSite) -> Iterator[redis.Redis]:
    """The bench's queue Redis, emptied before and after."""
    frappe_site.redis.flush()
    with contextlib.closing(frappe_site.redis.client()) as client:
        yield client
    frappe_site.redis.flush()


def test_empty_queues_are_zero(frappe_subject: Subject, rq: redis.Redis) -> None:
    zeros = {"default": 0, "long": 0, "short": 0}
    for name in ("frappe_queue_length", "frappe_queue_oldest_job_seconds", "frappe_workers", "frappe_jobs_failed"):
        assert figures(name, frappe_subject) == zeros


def test_queues_are_counted_as_rq_keeps_them(frappe_subject: Subject, rq: redis.Redis) -> None:
    bench = frappe_subject.site.config.bench_id
    assert bench is not None
    full = f"{bench}:long"
    rq.sadd("rq:queues", f"rq:queue:{full}", f"rq:queue:{bench}:payments")
    for number in range(7):
        job = f"dev.example.test::{number}"
        waited = NOW - timedelta(minutes=30 - number)
        rq.rpush(f"rq:queue:{full}", job)
        rq.hset(f"rq:job:{job}", "enqueued_at", waited.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    rq.zadd(f"rq:wip:{full}", {"a": 1, "b": 2})
    rq.zadd(f"rq:failed:{full}", {"c": 1, "d": 2, "e": 3})
    rq.sadd(f"rq:workers:{full}", "rq:worker:alive", "rq:worker:gone")
    rq.hset("rq:worker:alive", "state", "idle")
    assert figures("frappe_queue_length", frappe_subject) == {"default": 0, "long": 7, "payments": 0, "short": 0}
    assert figures("frappe_queue_oldest_job_seconds", frappe_subject)["long"] == 1800
    assert figures("frappe_jobs_running", frappe_subject)["long"] == 2
    assert figures("frappe_jobs_failed", frappe_subject)["long"] == 3
    assert figures("frappe_workers", frappe_subject) == {"default": 0, "long": 1, "payments": 0, "short": 0}


def test_failures_of_the_last_hour_are_told_by_when_they_expire(frappe_subject: Subject, rq: redis.Redis) -> None:
    full = f"{frappe_subject.site.config.bench_id}:long"
    rq.sadd("rq:queues", f"rq:queue:{full}")
    kept = timedelta(days=7)

    def failed(ago: timedelta, lasting: timedelta = kept) -> float:
        return (NOW - ago + lasting).timestamp()

    rq.zadd(
        f"rq:failed:{full}",
        {
            "now": failed(timedelta()),
            "half an hour": failed(timedelta(minutes=30)),
            "an hour": failed(timedelta(hours=1)),
            "longer": failed(timedelta(hours=1, seconds=1)),
            "a week": failed(kept - timedelta(seconds=1)),
            # Not put there by Frappe: RQ itself keeps a failed job for a year.
            "for a year": failed(timedelta(days=3), timedelta(days=365)),
        },
    )
    assert figures("frappe_job_failures", frappe_subject) == {"default": 0, "long": 3, "short": 0}
    assert figures("frappe_jobs_failed", frappe_subject)["long"] == 6


def test_failures_follow_the_time_that_the_site_keeps_them(
    frappe_subject: Subject, rq: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = f"{frappe_subject.site.config.bench_id}:short"
    rq.sadd("rq:queues", f"rq:queue:{full}")
    rq.zadd(f"rq:failed:{full}", {"a": NOW.timestamp() + 86_400 - 60, "b": NOW.timestamp() + 7 * 86_400 - 60})
    monkeypatch.setattr("baken.sites.bench.flags", lambda config: {"rq_job_failure_ttl": "86400"})
    assert figures("frappe_job_failures", frappe_subject)["short"] == 1
    rq.zadd(f"rq:failed:{full}", {"c": NOW.timestamp() + 86_400 - 120})
    monkeypatch.setattr(reading_module, "_shared", {})
    assert figures("frappe_job_failures", frappe_subject)["short"] == 2


def test_a_waiting_job_without_its_time_is_not_called_new(frappe_subject: Subject, rq: redis.Redis) -> None:
    bench = frappe_subject.site.config.bench_id
    rq.sadd("rq:queues", f"rq:queue:{bench}:short")
    rq.rpush(f"rq:queue:{bench}:short", "dev.example.test::lost")
    assert figures("frappe_queue_oldest_job_seconds", frappe_subject) == {"default": 0, "long": 0}


def test_queues_of_another_bench_are_not_ours(frappe_subject: Subject, rq: redis.Redis) -> None:
    rq.sadd("rq:queues", "rq:queue:home-frappe-frappe-bench:default")
    with pytest.raises(NotAvailable, match="home-frappe-frappe-bench"):
        figures("frappe_workers", frappe_subject)
    named = elsewhere(frappe_subject, bench_id="home-frappe-frappe-bench")
    assert figures("frappe_workers", named)["default"] == 0


def test_redis_is_asked_once_for_all_queue_figures(frappe_subject: Subject, rq: redis.Redis) -> None:
    before = rq.info("stats")["total_connections_received"]
    with frappe_subject.reading() as r:
        for name in ("frappe_queue_length", "frappe_workers", "frappe_jobs_running", "frappe_jobs_failed"):
            measure(name, r)
    assert rq.info("stats")["total_connections_received"] == before + 1


def test_the_scheduler_is_on_as_system_settings_say(own_site: Subject) -> None:
    where = "WHERE doctype = 'System Settings' AND field = 'enable_scheduler'"
    assert value("frappe_scheduler_enabled", own_site) == 1
    with changed(own_site, f"UPDATE tabSingles SET value = '0' {where}", f"UPDATE tabSingles SET value = '1' {where}"):
        assert value("frappe_scheduler_enabled", own_site) == 0


def test_silence_counts_from_the_last_sign_of_life(any_site: Subject) -> None:
    # 18:50:58.323257 on the site is 17:50:58 UTC.
    assert value("frappe_scheduler_silence_seconds", any_site) == pytest.approx(541.68, abs=0.01)
    later = value("frappe_scheduler_silence_seconds", any_site, NOW + timedelta(hours=3))
    assert later == pytest.approx(541.68 + 3 * 3600, abs=0.01)


def test_a_scheduler_that_never_ran_has_no_silence(own_site: Subject) -> None:
    with (
        changed(
            own_site,
            [
                "CREATE TABLE kept AS SELECT name, last_execution FROM `tabScheduled Job Type`",
                "UPDATE `tabScheduled Job Type` SET last_execution = NULL",
                "RENAME TABLE `tabScheduled Job Log` TO away",
            ],
            [
                "RENAME TABLE away TO `tabScheduled Job Log`",
                "UPDATE `tabScheduled Job Type` t JOIN kept k USING (name) SET t.last_execution = k.last_execution",
                "DROP TABLE kept",
            ],
        ),
        pytest.raises(NotAvailable, match="not started a job"),
    ):
        value("frappe_scheduler_silence_seconds", own_site)


def failing(subject: Subject, now: datetime = NOW) -> Any:
    """The metric after as many runs as the first reading takes."""
    for _ in range(8):
        with contextlib.suppress(NotAvailable):
            return value("frappe_scheduled_jobs_failing", subject, now)
    raise AssertionError("the first reading does not end")


def _failing_by_sql(subject: Subject) -> int:
    mark = "`" if subject.site.dialect == "mariadb" else '"'
    log, types = f"{mark}tabScheduled Job Log{mark}", f"{mark}tabScheduled Job Type{mark}"
    newest = f"SELECT scheduled_job_type t, MAX(modified) m FROM {log} WHERE status <> 'Scheduled' GROUP BY 1"
    [(found,)] = subject.execute(
        f"SELECT COUNT(DISTINCT l.scheduled_job_type) FROM {log} l JOIN ({newest}) n "
        f"ON n.t = l.scheduled_job_type AND n.m = l.modified JOIN {types} y ON y.name = l.scheduled_job_type "
        "WHERE l.status = 'Failed' AND y.stopped = 0"
    )
    return int(found)


def test_failing_jobs_are_those_whose_latest_run_failed(any_site: Subject) -> None:
    assert failing(any_site) == _failing_by_sql(any_site)


def test_a_job_that_fails_is_counted_until_it_succeeds_or_is_stopped(own_site: Subject) -> None:
    before = failing(own_site)

    def log(name: str, status: str, at: str) -> str:
        return (
            "INSERT INTO `tabScheduled Job Log` (name, creation, modified, scheduled_job_type, status, docstatus, idx) "
            f"VALUES ('{name}', '{at}', '{at}', 'email_account.pull', '{status}', 0, 0)"
        )

    undo = [
        "DELETE FROM `tabScheduled Job Log` WHERE name LIKE 'test-%'",
        "UPDATE `tabScheduled Job Type` SET stopped = 0 WHERE name = 'email_account.pull'",
    ]
    with changed(own_site, log("test-1", "Failed", "2026-11-22 19:00:30"), undo):
        assert failing(own_site, NOW + timedelta(minutes=1)) == before + 1
        assert figures("frappe_scheduled_job_failing", own_site).get("email_account.pull") == 1
        # A run that has begun says nothing yet.
        own_site.execute(log("test-2", "Scheduled", "2026-11-22 19:01:30"))
        assert failing(own_site, NOW + timedelta(minutes=2)) == before + 1
        own_site.execute("UPDATE `tabScheduled Job Type` SET stopped = 1 WHERE name = 'email_account.pull'")
        assert failing(own_site, NOW + timedelta(minutes=2)) == before
        own_site.execute(undo[1])
        own_site.execute(
            "UPDATE `tabScheduled Job Log` SET status = 'Complete', modified = '2026-11-22 19:02:10' "
            "WHERE name = 'test-2'"
        )
        assert failing(own_site, NOW + timedelta(minutes=3)) == before
        assert len(figures("frappe_scheduled_job_failing", own_site)) == before


AS_FRAPPE_16 = (
    "ALTER TABLE `tabScheduled Job Log` DROP INDEX modified, ADD INDEX creation (creation)",
    "ALTER TABLE `tabScheduled Job Log` DROP INDEX creation, ADD INDEX modified (modified)",
)


def test_where_only_creation_has_an_index_jobs_are_judged_alike(own_site: Subject) -> None:
    silence = value("frappe_scheduler_silence_seconds", own_site)
    with changed(own_site, *AS_FRAPPE_16):
        own_site.site.layouts.forget()
        assert failing(own_site) == _failing_by_sql(own_site)
        assert value("frappe_scheduler_silence_seconds", own_site) == silence


def test_a_run_of_hours_is_judged_when_it_ends(own_site: Subject) -> None:
    log = "`tabScheduled Job Log`"

    def run(name: str, status: str, at: str) -> str:
        return (
            f"INSERT INTO {log} (name, creation, modified, scheduled_job_type, status, docstatus, idx) "
            f"VALUES ('{name}', '{at}', '{at}', 'email_account.pull', '{status}', 0, 0)"
        )

    def end(name: str, status: str, at: str) -> str:
        return f"UPDATE {log} SET status = '{status}', modified = '{at}' WHERE name = '{name}'"

    undo = [f"DELETE FROM {log} WHERE name LIKE 'test-%'", AS_FRAPPE_16[1]]
    with changed(own_site, [AS_FRAPPE_16[0], run("test-1", "Start", "2026-11-22 19:00:30")], undo):
        own_site.site.layouts.forget()
        before = failing(own_site, NOW + timedelta(minutes=1))
        own_site.execute(run("test-2", "Complete", "2026-11-22 21:00:00"))
        assert failing(own_site, NOW + timedelta(hours=2)) == before
        own_site.execute(end("test-1", "Failed", "2026-11-22 22:30:00"))
        assert failing(own_site, NOW + timedelta(hours=4)) == before + 1
        # One that began later and ended earlier was not the latest to end.
        own_site.execute(run("test-3", "Complete", "2026-11-22 22:29:00"))
        assert failing(own_site, NOW + timedelta(hours=5)) == before + 1
        own_site.execute(run("test-4", "Complete", "2026-11-23 00:00:00"))
        assert failing(own_site, NOW + timedelta(hours=6)) == before


def test_a_job_is_called_by_its_method_where_its_type_is_a_hash(own_site: Subject) -> None:
    log, types = "`tabScheduled Job Log`", "`tabScheduled Job Type`"
    at = "2026-11-22 19:00:30"
    with changed(
        own_site,
        [
            f"INSERT INTO {types} (name, method, frequency, stopped, docstatus, idx) "
            "VALUES ('ui020fgfek', 'app.tasks.nightly.tidy_up', 'Daily', 0, 0, 0)",
            f"INSERT INTO {log} (name, creation, modified, scheduled_job_type, status, docstatus, idx) "
            f"VALUES ('test-1', '{at}', '{at}', 'ui020fgfek', 'Failed', 0, 0)",
        ],
        [f"DELETE FROM {types} WHERE name = 'ui020fgfek'", f"DELETE FROM {log} WHERE name = 'test-1'"],
    ):
        failing(own_site, NOW + timedelta(minutes=1))
        assert figures("frappe_scheduled_job_failing", own_site).get("nightly.tidy_up") == 1


def test_without_an_index_the_log_is_left_in_peace(own_site: Subject) -> None:
    with changed(
        own_site,
        "ALTER TABLE `tabScheduled Job Log` DROP INDEX modified",
        "ALTER TABLE `tabScheduled Job Log` ADD INDEX modified (modified)",
    ):
        own_site.site.layouts.forget()
        with pytest.raises(NotAvailable, match="index neither on modified nor on creation"):
            value("frappe_scheduled_jobs_failing", own_site)
        assert value("frappe_scheduler_silence_seconds", own_site) >= 0


def test_a_site_that_nobody_uses_falls_asleep(own_site: Subject) -> None:
    def dormant(now: datetime) -> Any:
        return value("frappe_scheduler_dormant", own_site, now)

    [(user,)] = own_site.execute("SELECT MAX(last_active) FROM tabUser")
    [(log,)] = own_site.execute("SELECT MAX(modified) FROM `tabActivity Log`")
    with own_site.reading() as r:
        last = max(moment for moment in (r.utc(user), r.utc(log)) if moment is not None)
    assert dormant(NOW) == 0
    assert dormant(last + timedelta(days=4) - timedelta(seconds=1)) == 0
    assert dormant(last + timedelta(days=4)) == 1
    longer = "UPDATE tabSingles SET value = '{}' WHERE doctype = 'System Settings' AND field = 'dormant_days'"
    with changed(own_site, longer.format(9), longer.format(4)):
        assert dormant(last + timedelta(days=8)) == 0
        assert dormant(last + timedelta(days=9)) == 1


def test_a_first_reading_in_pieces_ends_with_the_same_figure(
    frappe_subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_log, "_PAGES_SECONDS", 0.0)
    with pytest.raises(NotAvailable, match="first time"):
        value("frappe_scheduled_jobs_failing", frappe_subject)
    assert failing(frappe_subject) == _failing_by_sql(frappe_subject)


def test_late_jobs(any_site: Subject) -> None:
    assert value("frappe_scheduled_jobs_late", any_site) == 0
    # At 19:40 the four "All" jobs are late, and so are the cron jobs of every 10 and 15 minutes (until 18:50).
    forty = value("frappe_scheduled_jobs_late", any_site, NOW + timedelta(minutes=40))
    mark = "`" if any_site.site.dialect == "mariadb" else '"'
    [(often,)] = any_site.execute(
        f"SELECT COUNT(*) FROM {mark}tabScheduled Job Type{mark} "
        "WHERE frequency IN ('All', 'Hourly', 'Hourly Long') OR cron_format LIKE '0/_0 %' OR cron_format LIKE '0/15 %'"
    )
    assert 4 <= forty <= often
    # A day later the daily ones have joined them, the weekly ones have not.
    day = value("frappe_scheduled_jobs_late", any_site, NOW + timedelta(days=1))
    assert day > forty + 80
    everything = value("frappe_scheduled_jobs_late", any_site, NOW + timedelta(days=60))
    [(total,)] = any_site.execute(f"SELECT COUNT(*) FROM {mark}tabScheduled Job Type{mark} WHERE stopped = 0")
    assert everything == total


def test_a_cron_that_cannot_be_read_is_not_judged(own_site: Subject) -> None:
    later = NOW + timedelta(days=60)
    before = value("frappe_scheduled_jobs_late", own_site, later)
    with changed(
        own_site,
        "UPDATE `tabScheduled Job Type` SET cron_format = 'whenever' WHERE name = 'email_account.pull'",
        "UPDATE `tabScheduled Job Type` SET cron_format = '0/10 * * * *' WHERE name = 'email_account.pull'",
    ):
        assert value("frappe_scheduled_jobs_late", own_site, later) == before - 1


def test_email(any_site: Subject) -> None:
    assert figures("frappe_email_queue", any_site) == {
        "Not Sent": 0,
        "Sending": 0,
        "Sent": 168,
        "Partially Sent": 0,
        "Error": 13,
    }
    assert value("frappe_email_oldest_unsent_seconds", any_site) == 0


def test_the_oldest_unsent_email(own_site: Subject) -> None:
    rows = own_site.execute("SELECT name FROM `tabEmail Queue` ORDER BY creation LIMIT 2")
    first, second = rows[0][0], rows[1][0]
    undo = f"UPDATE `tabEmail Queue` SET status = 'Sent', send_after = NULL WHERE name IN ('{first}', '{second}')"

    def put(name: str, send_after: str) -> str:
        return f"UPDATE `tabEmail Queue` SET status = 'Not Sent', send_after = {send_after} WHERE name = '{name}'"

    with changed(own_site, put(first, "'2026-11-22 20:00:00'"), undo):
        assert figures("frappe_email_queue", own_site)["Not Sent"] == 1
        assert value("frappe_email_oldest_unsent_seconds", own_site) == 0  # it is to go out in an hour
        own_site.execute(put(second, "'2026-11-22 18:30:00'"))
        assert value("frappe_email_oldest_unsent_seconds", own_site) == 1800
        own_site.execute(put(first, "NULL"))
        [(expected,)] = own_site.execute(
            "SELECT TIMESTAMPDIFF(SECOND, creation, '2026-11-22 19:00:00') FROM `tabEmail Queue` "
            f"WHERE name = '{first}'"
        )
        assert value("frappe_email_oldest_unsent_seconds", own_site) == pytest.approx(expected, abs=1)

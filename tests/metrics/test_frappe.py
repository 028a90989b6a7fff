"""Figures of the site, its users, Redis, backups and HTTP, against the reference site."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from baken.metrics import catalogue
from baken.settings import Settings
from baken.sites import reading as reading_module
from baken.sites.problems import NotAvailable, SiteProblem, SiteUnreachable
from baken.sites.site import Site
from tests.conftest import FrappeSite
from tests.metrics.conftest import NOW, Subject, changed, measure

FRAPPE = [entry.name for entry in catalogue.metrics("site") if entry.domain == "frappe"]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "_shared", {})


def figures(name: str, subject: Subject, now: datetime = NOW) -> dict[Any, Any]:
    """The figures of a metric with one label, in a look of its own."""
    reading_module._shared.clear()
    with subject.reading(now) as r:
        return dict(measure(name, r))


def value(name: str, subject: Subject, now: datetime = NOW) -> Any:
    """The only figure of a metric without labels, in a look of its own."""
    reading_module._shared.clear()
    with subject.reading(now) as r:
        [(found,)] = measure(name, r)
    return found


def elsewhere(subject: Subject, **changes: Any) -> Subject:
    """The same database, with another configuration."""
    return Subject(Site(replace(subject.site.config, **changes), Settings()), subject.execute)


@pytest.mark.parametrize("name", FRAPPE)
def test_every_figure_is_there_or_says_why_not(name: str, any_site: Subject) -> None:
    entry = catalogue.get(name)
    assert entry is not None
    with any_site.reading() as r:
        try:
            values = measure(name, r)
        except SiteProblem as reason:
            assert len(str(reason)) > 20
            return
    # Of jobs only those that fail are listed, and none may.
    assert values or name == "frappe_scheduled_job_failing"
    assert all(len(found) == len(entry.labels) + 1 for found in values)


def test_users_are_those_of_the_site(any_site: Subject) -> None:
    assert figures("frappe_users", any_site) == {"enabled": 60, "disabled": 0}


def test_a_disabled_user_changes_the_count(own_site: Subject) -> None:
    name = "lid.jansen@leden.example"
    with changed(
        own_site,
        f"UPDATE tabUser SET enabled = 0 WHERE name = '{name}'",
        f"UPDATE tabUser SET enabled = 1 WHERE name = '{name}'",
    ):
        assert figures("frappe_users", own_site) == {"enabled": 59, "disabled": 1}


def test_active_users_and_sessions(any_site: Subject) -> None:
    # 18:00 UTC is 19:00 on the site.
    assert figures("frappe_active_users", any_site) == {
        window: any_site.execute(
            f"SELECT COUNT(*) FROM {_quoted(any_site, 'tabUser')} WHERE last_active >= '{since}' AND name <> 'Guest'"
        )[0][0]
        for window, since in (("1h", "2026-11-22 18:00:00"), ("24h", "2026-11-21 19:00:00"))
    }
    [(expected,)] = any_site.execute(
        f"SELECT COUNT(*) FROM {_quoted(any_site, 'tabSessions')} "
        f"WHERE lastupdate >= '2026-11-22 18:00:00' AND {_quoted(any_site, 'user')} <> 'Guest'"
    )
    assert value("frappe_sessions", any_site) == expected == 4


def test_a_huge_session_table_is_left_in_peace(frappe_subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baken.metrics.frappe._SESSIONS_READ_AT_MOST", 1)
    with pytest.raises(NotAvailable, match="costs too much"):
        value("frappe_sessions", frappe_subject)


@pytest.mark.parametrize(
    ("table", "column", "named", "hit"),
    [
        ("tabUser", "enabled", "enabled", {"frappe_users"}),
        ("tabUser", "last_active", "last_active", {"frappe_active_users", "frappe_scheduler_dormant"}),
        ("tabSessions", "lastupdate", "lastupdate", {"frappe_sessions"}),
        (
            "tabEmail Queue",
            "status",
            "status",
            {"frappe_email_queue", "frappe_email_oldest_unsent_seconds", "frappe_email_stuck"},
        ),
        ("tabScheduled Job Type", "cron_format", "cron_format", {"frappe_scheduled_jobs_late"}),
        ("tabError Log", "modified", "modified", {"frappe_errors"}),
    ],
)
def test_a_missing_column_takes_its_own_figures_only(
    own_site: Subject, table: str, column: str, named: str, hit: set[str]
) -> None:
    before = _absent(own_site)
    with changed(
        own_site,
        f"ALTER TABLE `{table}` RENAME COLUMN `{column}` TO `{column}_away`",
        f"ALTER TABLE `{table}` RENAME COLUMN `{column}_away` TO `{column}`",
    ):
        own_site.site.layouts.forget()
        found = _absent(own_site)
    assert found.keys() - before.keys() == hit
    assert all(named in found[name] for name in hit)
    assert _absent(own_site).keys() == before.keys()


def test_a_missing_table_takes_its_own_figures_only(own_site: Subject) -> None:
    before = _absent(own_site)
    with changed(own_site, "RENAME TABLE `tabEmail Queue` TO `away`", "RENAME TABLE `away` TO `tabEmail Queue`"):
        # The layout is remembered: the database's refusal makes Baken look again.
        found = _absent(own_site)
    hit = {"frappe_email_queue", "frappe_email_oldest_unsent_seconds", "frappe_email_stuck"}
    assert found.keys() - before.keys() == hit
    assert all("Email Queue" in found[name] for name in hit)


def test_watching_writes_nothing(own_site: Subject) -> None:
    def state() -> Any:
        tables = [row[0] for row in own_site.execute("SHOW TABLES")]
        return own_site.execute("CHECKSUM TABLE " + ", ".join(f"`{table}`" for table in tables))

    before = state()
    for minutes in range(3):
        with own_site.reading(NOW + timedelta(minutes=minutes)) as r:
            for name in FRAPPE:
                with contextlib.suppress(SiteProblem):
                    measure(name, r)
    assert state() == before


def test_a_run_costs_little(frappe_subject: Subject) -> None:
    """After the first runs, all figures of a site together take some 60 ms of its time, in few queries.

    Others may use the machine: more than ten times as much may pass here.
    """
    spent = []
    for minutes in range(6):
        reading_module._shared.clear()
        with frappe_subject.reading(NOW + timedelta(minutes=minutes)) as r:
            for entry in catalogue.metrics("site"):
                if entry.domain in ("database", "frappe"):
                    with contextlib.suppress(SiteProblem):
                        list(entry.measure(r))
            assert r.queries <= 70
            spent.append(r.seconds)
    assert min(spent) < 1


class _Ping(BaseHTTPRequestHandler):
    status = 200
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["X-Frappe-Site-Name"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"message": "pong"}')

    def log_message(self, *_: Any) -> None:
        return


@contextlib.contextmanager
def web(status: int) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A web server that answers every ping with `status`; its URL and what it was asked."""
    seen: list[tuple[str, str | None]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Ping", (_Ping,), {"status": status, "seen": seen}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("status", "up"), [(200, 1), (503, 0), (502, 0), (404, 0)])
def test_the_site_is_up_when_it_answers_its_ping(frappe_subject: Subject, status: int, up: int) -> None:
    with web(status) as (url, seen):
        subject = elsewhere(frappe_subject, url=url)
        with subject.reading() as r:
            assert measure("frappe_site_up", r) == [(up,)]
            [(seconds,)] = measure("frappe_site_response_seconds", r)
    assert 0 < seconds < 60
    assert seen == [("/api/method/ping", "dev.example.test")]  # asked once for both figures


def test_a_site_that_does_not_answer_is_down(frappe_subject: Subject) -> None:
    with web(200) as (url, _):
        pass
    subject = elsewhere(frappe_subject, url=url)
    assert value("frappe_site_up", subject) == 0
    with pytest.raises(SiteUnreachable, match="does not answer"):
        value("frappe_site_response_seconds", subject)
    with pytest.raises(NotAvailable, match="no url"):
        value("frappe_site_up", elsewhere(frappe_subject, url=None))


def test_a_certificate_needs_https(frappe_subject: Subject) -> None:
    with pytest.raises(NotAvailable, match="https"):
        value("frappe_certificate_days_left", frappe_subject)


@contextlib.contextmanager
def configured(frappe_site: FrappeSite, **values: Any) -> Iterator[None]:
    """Switches in the site's site_config.json for a while."""
    file = frappe_site.bench / "sites" / frappe_site.name / "site_config.json"
    before = file.read_text()
    file.write_text(json.dumps(json.loads(before) | values))
    try:
        yield
    finally:
        file.write_text(before)


def test_switches_are_seen_while_they_change(frappe_site: FrappeSite, frappe_subject: Subject) -> None:
    assert value("frappe_maintenance_mode", frappe_subject) == 0
    assert value("frappe_scheduler_enabled", frappe_subject) == 1
    with configured(frappe_site, maintenance_mode=1):
        assert value("frappe_maintenance_mode", frappe_subject) == 1
        assert value("frappe_scheduler_enabled", frappe_subject) == 0
    assert value("frappe_maintenance_mode", frappe_subject) == 0
    for switch in ("pause_scheduler", "disable_scheduler"):
        with configured(frappe_site, **{switch: "1"}):
            assert value("frappe_scheduler_enabled", frappe_subject) == 0
    with configured(frappe_site, pause_scheduler=0):
        assert value("frappe_scheduler_enabled", frappe_subject) == 1


def test_switches_of_a_remote_site_are_unknown(frappe_subject: Subject, own_site: Subject) -> None:
    remote = elsewhere(frappe_subject, bench=None)
    for name in ("frappe_maintenance_mode", "frappe_scheduler_enabled", "frappe_backup_bytes", "frappe_requests"):
        with pytest.raises(NotAvailable, match="another machine"), remote.reading() as r:
            measure(name, r)


def test_backups(frappe_site: FrappeSite, frappe_subject: Subject) -> None:
    folder = frappe_site.bench / "sites" / frappe_site.name / "private" / "backups"
    with pytest.raises(NotAvailable, match="no folder"):
        value("frappe_backup_age_seconds", frappe_subject)
    folder.mkdir(parents=True)
    try:
        with pytest.raises(NotAvailable, match="no database backup"):
            value("frappe_backup_bytes", frappe_subject)
        _file(folder / "20261121_030000-dev_example_test-database.sql.gz", 10, NOW - timedelta(hours=40))
        _file(folder / "20261122_030000-dev_example_test-database-enc.sql.gz", 30, NOW - timedelta(hours=16))
        _file(folder / "20261122_030000-dev_example_test-files.tar", 999, NOW)
        assert value("frappe_backup_age_seconds", frappe_subject) == 16 * 3600
        assert value("frappe_backup_bytes", frappe_subject) == 30
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        folder.parent.rmdir()


def test_redis_is_measured_and_its_stop_is_seen(frappe_site: FrappeSite, frappe_subject: Subject) -> None:
    assert figures("frappe_redis_up", frappe_subject) == {"cache": 1, "queue": 1}
    assert figures("frappe_redis_memory_bytes", frappe_subject)["cache"] > 100_000
    with contextlib.closing(frappe_site.redis.client()) as client:
        client.config_resetstat()
        with pytest.raises(NotAvailable, match="nothing has been looked up"):
            figures("frappe_redis_hit_ratio", frappe_subject)
        client.set("there", 1)
        for key in ("there", "there", "there", "not"):
            client.get(key)
        client.delete("there")
    assert figures("frappe_redis_hit_ratio", frappe_subject)["cache"] == 0.75
    frappe_site.redis.stop()
    try:
        assert figures("frappe_redis_up", frappe_subject) == {"cache": 0, "queue": 0}
        for name in ("frappe_redis_memory_bytes", "frappe_queue_length", "frappe_workers"):
            with pytest.raises(SiteUnreachable, match="does not answer"):
                figures(name, frappe_subject)
    finally:
        frappe_site.redis.start()
    assert figures("frappe_redis_up", frappe_subject) == {"cache": 1, "queue": 1}


def test_one_redis_that_is_down_hides_not_the_other(frappe_subject: Subject) -> None:
    subject = elsewhere(frappe_subject, redis_cache="redis://127.0.0.1:1")
    assert figures("frappe_redis_up", subject) == {"cache": 0, "queue": 1}
    assert figures("frappe_redis_memory_bytes", subject).keys() == {"queue"}
    with pytest.raises(NotAvailable, match="no Redis"):
        figures("frappe_redis_up", elsewhere(frappe_subject, redis_cache=None, redis_queue=None))


def test_redis_and_url_are_measured_while_the_database_is_down(
    frappe_site: FrappeSite, frappe_subject: Subject
) -> None:
    frappe_site.mariadb.stop()
    try:
        assert figures("frappe_redis_up", frappe_subject) == {"cache": 1, "queue": 1}
        assert figures("frappe_workers", frappe_subject)["default"] == 0
        with pytest.raises(SiteUnreachable):
            figures("frappe_users", frappe_subject)
    finally:
        frappe_site.mariadb.start()


def _file(path: Path, size: int, changed_at: datetime) -> None:
    path.write_bytes(b"x" * size)
    os.utime(path, (changed_at.timestamp(), changed_at.timestamp()))


def _quoted(subject: Subject, name: str) -> str:
    mark = "`" if subject.site.dialect == "mariadb" else '"'
    return f"{mark}{name}{mark}"


def _absent(subject: Subject) -> dict[str, str]:
    """Metrics of the database that are absent, with the reason, after as many runs as first readings take."""
    found: dict[str, str] = {}
    for minutes in range(6):
        found = {}
        reading_module._shared.clear()
        with subject.reading(NOW + timedelta(minutes=minutes)) as r:
            for name in FRAPPE:
                try:
                    measure(name, r)
                except SiteProblem as problem:
                    found[name] = str(problem)
    return found

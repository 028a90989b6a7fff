"""A Reading cannot write, cannot last, and tells what is wrong: on MariaDB, PostgreSQL and SQLite."""

import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, text

from baken.settings import Settings
from baken.sites.problems import MissingField, MissingTable, QueryTimeout, SiteProblem, SiteUnreachable
from baken.sites.reading import Reading
from baken.sites.site import Site
from tests.conftest import FrappeSite
from tests.metrics.conftest import NOW, Subject, changed


def quoted(r: Reading, name: str) -> str:
    mark = "`" if r.dialect == "mariadb" else '"'
    return f"{mark}{name}{mark}"


@pytest.mark.parametrize("table", ["tabError Log", "tabMember"])  # in the reference site the first is MyISAM
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {table} (name) VALUES ('written')",
        "UPDATE {table} SET idx = 7",
        "DELETE FROM {table}",
        "DROP TABLE {table}",
        "ALTER TABLE {table} ADD COLUMN written INT",
    ],
)
def test_nothing_can_be_written(any_site: Subject, table: str, statement: str) -> None:
    with any_site.reading() as r:
        counted = select(func.count(), func.sum(r.table(table.removeprefix("tab")).c.idx)).select_from(
            r.table(table.removeprefix("tab"))
        )
        before = r.rows(counted)
        with pytest.raises(SiteProblem):
            r.rows(text(statement.format(table=quoted(r, table))))
        assert r.rows(counted) == before


def test_the_error_log_of_the_reference_site_is_myisam(frappe_subject: Subject) -> None:
    [(engine,)] = frappe_subject.execute(
        "SELECT engine FROM information_schema.tables WHERE table_name = 'tabError Log' AND table_schema = DATABASE()"
    )
    assert engine == "MyISAM"


LONG = {
    "mariadb": "SELECT SLEEP(30)",
    "postgres": "SELECT pg_sleep(30)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n",
}


def test_a_long_statement_is_stopped_and_the_look_goes_on(any_site: Subject) -> None:
    site = Site(any_site.site.config, Settings.model_validate({"site_access": {"statement_seconds": 0.3}}))
    with site.reading(NOW) as r:
        started = time.monotonic()
        with pytest.raises(QueryTimeout, match=r"longer than 0\.3 s"):
            r.rows(text(LONG[r.dialect]))
        # Left alone it would go on for 30 s.
        assert time.monotonic() - started < 25
        assert r.scalar(text("SELECT 1")) == 1


def test_a_wrong_password_says_what_to_check(frappe_subject: Subject) -> None:
    config = frappe_subject.site.config
    site = Site(replace(config, database_url=config.database_url.set(password="wrong-one")), Settings())
    with site.reading(NOW) as r, pytest.raises(SiteUnreachable) as caught:
        r.scalar(text("SELECT 1"))
    assert "db_password" in str(caught.value)
    assert "wrong-one" not in str(caught.value)


def test_a_database_that_is_not_there(any_site: Subject) -> None:
    config = any_site.site.config
    site = Site(replace(config, database_url=config.database_url.set(database="/nowhere/x")), Settings())
    with site.reading(NOW) as r, pytest.raises(SiteUnreachable):
        r.scalar(text("SELECT 1"))


def test_a_server_that_goes_away_and_comes_back(frappe_site: FrappeSite, frappe_subject: Subject) -> None:
    site = frappe_subject.site
    with site.reading(NOW) as r:
        assert r.scalar(text("SELECT 1")) == 1
        frappe_site.mariadb.stop()
        try:
            for _ in range(3):
                with pytest.raises(SiteUnreachable, match="does not answer"):
                    r.scalar(text("SELECT 1"))
            with site.reading(NOW) as again, pytest.raises(SiteUnreachable, match="does not answer"):
                again.table("Member")
        finally:
            frappe_site.mariadb.start()
    with site.reading(NOW) as r:
        assert r.scalar(select(func.count()).select_from(r.table("Member"))) == 501


def test_what_the_site_lacks_is_named(any_site: Subject) -> None:
    with any_site.reading() as r:
        with pytest.raises(MissingTable, match="no DocType Membership Application"):
            r.table("Membership Application")
        with pytest.raises(MissingField, match="Volunteer of this site has no field is_active"):
            r.require("Volunteer", "status", "is_active")
        assert r.has("Volunteer", "status")
        assert not r.has("Volunteer", "is_active")
        assert not r.has("Membership Application")
        assert r.indexed("Error Log", "modified")
        assert not r.indexed("Error Log", "creation")


def test_a_column_that_vanishes_is_named_and_found_again(own_site: Subject) -> None:
    with own_site.reading() as r:
        statuses = select(r.table("Member").c.status).limit(1)
        r.rows(statuses)
    with (
        changed(
            own_site,
            "ALTER TABLE tabMember RENAME COLUMN status TO status_away",
            "ALTER TABLE tabMember RENAME COLUMN status_away TO status",
        ),
        own_site.reading() as r,
    ):
        with pytest.raises(SiteProblem, match="no column status"):
            r.rows(statuses)
        # From then on the layout is known anew.
        with pytest.raises(MissingField, match="status"):
            r.require("Member", "status")
    with own_site.reading() as r:
        r.require("Member", "status")


def test_a_table_that_vanishes_is_named_and_found_again(own_site: Subject) -> None:
    with own_site.reading() as r:
        count = select(func.count()).select_from(r.table("Volunteer"))
        before = r.scalar(count)
    with changed(own_site, "RENAME TABLE tabVolunteer TO away", "RENAME TABLE away TO tabVolunteer"):
        with own_site.reading() as r, pytest.raises(MissingTable, match="Volunteer"):
            r.scalar(count)
        with own_site.reading() as r:
            assert not r.has("Volunteer")
    with own_site.reading() as r:
        assert r.scalar(count) == before


def test_a_row_that_is_no_text_hides_no_other(own_site: Subject, sqlite_site: Subject) -> None:
    undo = "DELETE FROM tabVersion WHERE name = 'odd'"
    with changed(own_site, "INSERT INTO tabVersion (name, owner) VALUES ('odd', NULL)", undo), own_site.reading() as r:
        versions = r.table("Version")
        assert r.rows(select(versions.c.name, versions.c.owner).where(versions.c.name == "odd")) == [("odd", None)]
    with (
        changed(sqlite_site, "INSERT INTO tabVersion (name, owner) VALUES ('odd', CAST(x'6b6fff6e' AS TEXT))", undo),
        sqlite_site.reading() as r,
    ):
        versions = r.table("Version")
        assert r.scalar(select(versions.c.owner).where(versions.c.name == "odd")) == "ko\ufffdn"


def test_a_malformed_time_is_told(sqlite_site: Subject) -> None:
    undo = "DELETE FROM tabVersion WHERE name = 'odd'"
    with (
        changed(sqlite_site, "INSERT INTO tabVersion (name, modified) VALUES ('odd', 'yesterday')", undo),
        sqlite_site.reading() as r,
    ):
        versions = r.table("Version")
        with pytest.raises(SiteProblem, match="malformed"):
            r.rows(select(versions.c.modified).where(versions.c.name == "odd"))


def test_an_unknown_time_zone_is_told(own_site: Subject) -> None:
    where = "WHERE doctype = 'System Settings' AND field = 'time_zone'"
    with changed(
        own_site,
        f"UPDATE tabSingles SET value = 'Mars/Base' {where}",
        f"UPDATE tabSingles SET value = 'Europe/Amsterdam' {where}",
    ):
        with own_site.reading() as r, pytest.raises(SiteProblem, match=r"unknown time zone 'Mars/Base'.*Time Zone"):
            r.today()
        own_site.execute(f"UPDATE tabSingles SET value = NULL {where}")
        # Frappe writes in this zone then.
        with own_site.reading() as r:
            assert r.site.zone(r).key == "Asia/Kolkata"
    with own_site.reading() as r:
        assert str(r.today()) == "2026-11-22"


def test_what_it_cost_is_counted(frappe_subject: Subject) -> None:
    with frappe_subject.reading() as r:
        r.rows(text("SELECT SLEEP(0.05)"))
        r.scalar(text("SELECT 1"))
        assert r.queries == 2
        assert 0.05 <= r.seconds < 30
        assert "SLEEP" in r.slowest[0]


def test_a_problem_is_remembered_within_one_look(frappe_subject: Subject) -> None:
    asked: list[int] = []

    def fail() -> Any:
        asked.append(1)
        raise SiteProblem("once")

    with frappe_subject.reading() as r:
        for _ in range(3):
            with pytest.raises(SiteProblem, match="once"):
                r.once("key", fail)
    assert asked == [1]


def test_connections_to_one_site_are_limited(frappe_subject: Subject) -> None:
    settings = Settings.model_validate(
        {"optimizer": {"database": {"connection_pool_size": 1}}, "site_access": {"connect_seconds": 0.1}}
    )
    site = Site(frappe_subject.site.config, settings)
    with site.reading(NOW) as first, site.reading(NOW) as second:
        assert first.scalar(text("SELECT 1")) == 1
        with pytest.raises(SiteUnreachable, match="connection_pool_size"):
            second.scalar(text("SELECT 1"))
    with site.reading(NOW) as third:
        assert third.scalar(text("SELECT 1")) == 1

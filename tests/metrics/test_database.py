"""Figures of the database, against SQL of their own, on MariaDB, PostgreSQL and SQLite."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pymysql
import pytest

from baken.metrics import catalogue
from baken.sites import reading as reading_module
from baken.sites.problems import NotAvailable, SiteProblem, SiteUnreachable
from tests.conftest import FrappeSite
from tests.metrics.conftest import OWNER, Subject, measure
from tests.servers import Postgres

DATABASE = [entry.name for entry in catalogue.metrics("site") if entry.domain == "database"]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    # What sites of one server share would otherwise answer from before the change.
    monkeypatch.setattr(reading_module, "_shared", {})


def value(name: str, subject: Subject) -> Any:
    """The only figure of a metric without labels, in a look of its own."""
    reading_module._shared.clear()
    with subject.reading() as r:
        [(found,)] = measure(name, r)
    return found


@pytest.mark.parametrize("name", DATABASE)
def test_every_figure_is_there_or_says_why_not(name: str, any_site: Subject) -> None:
    entry = catalogue.get(name)
    assert entry is not None
    with any_site.reading() as r:
        try:
            values = measure(name, r)
        except NotAvailable as reason:
            assert len(str(reason)) > 20
            return
    assert values
    assert all(len(found) == len(entry.labels) + 1 for found in values)


def test_the_size_is_that_of_the_own_schema_only(frappe_subject: Subject, own_site: Subject) -> None:
    with frappe_subject.reading() as r:
        found = dict(measure("database_size_bytes", r))
        largest = measure("database_table_bytes", r)
    [expected] = frappe_subject.execute(
        "SELECT SUM(data_length), SUM(index_length), COUNT(*) FROM information_schema.tables "
        "WHERE table_schema = DATABASE()"
    )
    assert (found["data"], found["index"]) == (expected[0], expected[1])
    assert value("database_tables", frappe_subject) == expected[2]
    assert len(largest) == 10
    assert largest[0][0] == "tabError Log"


def test_a_new_table_changes_the_count(own_site: Subject) -> None:
    before = value("database_tables", own_site)
    own_site.execute("CREATE TABLE `tabNew` (name INT)")
    try:
        assert value("database_tables", own_site) == before + 1
    finally:
        own_site.execute("DROP TABLE `tabNew`")


def test_connections_follow_what_is_open(frappe_site: FrappeSite, frappe_subject: Subject) -> None:
    before = value("database_connections", frappe_subject)
    others = [frappe_site.mariadb.connect() for _ in range(5)]
    try:
        found = value("database_connections", frappe_subject)
    finally:
        for other in others:
            other.close()
    assert found >= before + 4
    assert value("database_connections_limit", frappe_subject) == 200


def test_postgres_connections_follow_what_is_open(postgres: Postgres, postgres_site: Subject) -> None:
    before = value("database_connections", postgres_site)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(contextlib.closing(postgres.connect()))
        assert value("database_connections", postgres_site) >= before + 3


def test_counters_grow(frappe_subject: Subject) -> None:
    before = value("database_queries_total", frappe_subject)
    for _ in range(20):
        frappe_subject.execute("SELECT 1")
    assert value("database_queries_total", frappe_subject) >= before + 20
    slow = value("database_slow_queries_total", frappe_subject)
    frappe_subject.execute("SET STATEMENT long_query_time = 0.001 FOR SELECT SLEEP(0.02)")
    assert value("database_slow_queries_total", frappe_subject) == slow + 1


def test_a_lock_that_is_waited_for_is_seen(own_site: Subject, frappe_site: FrappeSite, own_database: str) -> None:
    assert value("database_lock_waits", own_site) == 0
    with _two_at_one_row(lambda: frappe_site.mariadb.connect(own_database), "`tabMember`"):
        assert _until(lambda: value("database_lock_waits", own_site)) == 1
    assert value("database_lock_waits", own_site) == 0


def test_a_lock_that_is_waited_for_is_seen_in_postgres(postgres: Postgres, postgres_site: Subject) -> None:
    assert value("database_lock_waits", postgres_site) == 0

    def connect() -> Any:
        return psycopg2.connect(host="127.0.0.1", port=postgres.port, user=OWNER, dbname="frappe_site_copy")

    with _two_at_one_row(connect, '"tabMember"'):
        assert _until(lambda: value("database_lock_waits", postgres_site)) == 1
        assert value("database_longest_transaction_seconds", postgres_site) > 0


def test_a_transaction_is_shown_with_the_grant_only(own_site: Subject, frappe_site: FrappeSite) -> None:
    user = frappe_site.database
    with pytest.raises(NotAvailable, match=r"GRANT PROCESS ON \*\.\*"):
        value("database_longest_transaction_seconds", own_site)
    own_site.execute(f"GRANT PROCESS ON *.* TO '{user}'@'%'")
    own_site.site.memory.clear()
    try:
        assert value("database_longest_transaction_seconds", own_site) == 0
        with contextlib.closing(frappe_site.mariadb.connect(own_site.site.config.database_url.database)) as other:
            other.begin()
            with other.cursor() as cursor:
                cursor.execute("UPDATE `tabMember` SET idx = idx LIMIT 1")
            time.sleep(1.1)
            assert 0.9 < value("database_longest_transaction_seconds", own_site) < 600
            other.rollback()
    finally:
        own_site.execute(f"REVOKE PROCESS ON *.* FROM '{user}'@'%'")


def test_a_strangers_transaction_in_postgres_is_not_called_none(postgres: Postgres, postgres_site: Subject) -> None:
    with (
        contextlib.closing(postgres.connect("frappe_site_copy")),
        pytest.raises(NotAvailable, match="pg_read_all_stats"),
    ):
        value("database_longest_transaction_seconds", postgres_site)


def test_the_hit_ratio_is_that_since_the_last_look(frappe_subject: Subject) -> None:
    question = "SELECT COUNT(*) FROM `tabGL Entry` WHERE debit > 0"
    frappe_subject.execute(question)
    value("database_buffer_pool_hit_ratio", frappe_subject)
    # The pages are in memory now; what else the server reads of its own accord is little beside this.
    for _ in range(30):
        frappe_subject.execute(question)
    assert value("database_buffer_pool_hit_ratio", frappe_subject) > 0.99


def test_a_stopped_server_is_down_and_comes_back(frappe_site: FrappeSite, frappe_subject: Subject) -> None:
    assert value("database_up", frappe_subject) == 1
    frappe_site.mariadb.stop()
    try:
        with frappe_subject.reading() as r:
            assert measure("database_up", r) == [(0,)]
            for name in DATABASE:
                if name != "database_up":
                    with pytest.raises(SiteUnreachable, match="does not answer"):
                        measure(name, r)
    finally:
        frappe_site.mariadb.start()
    assert value("database_up", frappe_subject) == 1


def test_a_server_that_stops_in_the_middle_is_down(frappe_site: FrappeSite, frappe_subject: Subject) -> None:
    with frappe_subject.reading() as r:
        assert measure("database_up", r) == [(1,)]
        frappe_site.mariadb.stop()
        try:
            with pytest.raises(SiteProblem, match="does not answer"):
                measure("database_tables", r)
        finally:
            frappe_site.mariadb.start()


def _until(ask: Any, seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def _two_at_one_row(connect: Any, table: str) -> Iterator[None]:
    """Two transactions that both change the same row: the second waits."""
    statement = f"UPDATE {table} SET idx = idx + 0 WHERE name = (SELECT MIN(name) FROM (SELECT name FROM {table}) x)"
    with contextlib.closing(connect()) as first, contextlib.closing(connect()) as second:
        first.autocommit(False) if isinstance(first, pymysql.Connection) else None
        with first.cursor() as cursor:
            cursor.execute(statement)

            def wait() -> None:
                with second.cursor() as waiting:
                    waiting.execute(statement)
                second.rollback()

            thread = threading.Thread(target=wait)
            thread.start()
            try:
                yield
            finally:
                first.rollback()
                thread.join()

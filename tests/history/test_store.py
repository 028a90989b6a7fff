"""The store itself: preparing it, sharing it, and what it says when something is wrong."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, inspect, select, text

from baken.history import migrations, problems, tables
from baken.history.samples import Cycle, Sample, latest, record
from baken.history.store import Store, StoreError, StoreFull, StoreUnavailable, open_store
from tests.servers import MariaDB, Postgres

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def write(store: Store, minute: int = 0, series: int = 3) -> None:
    cycle = Cycle(
        "leden.example",
        T0 + timedelta(minutes=minute),
        [Sample(f"m{number}", (), minute) for number in range(series)],
    )
    with store.write() as conn:
        record(conn, [cycle])


def newest(store: Store) -> float:
    with store.read() as conn:
        return max(found.value for found in latest(conn, "leden.example"))


def test_the_migrations_make_the_tables_that_the_code_describes(store: Store) -> None:
    with store.read() as conn:
        context = MigrationContext.configure(
            conn, opts={"version_table": migrations.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, tables.metadata) == []
    folder = Path(migrations.__file__).parent
    script = ScriptDirectory(str(folder))
    known = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(known)) == migrations.KNOWN


def test_preparing_again_changes_nothing(store: Store) -> None:
    write(store)
    store.migrate()
    assert newest(store) == 0.0
    assert store.size_bytes() > 10_000


MIGRATE = """
import sys
from baken.history.store import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
store.migrate()
with store.read() as conn:
    print(conn.exec_driver_sql("SELECT COUNT(*) FROM baken_samples").scalar(), flush=True)
"""


def test_two_processes_prepare_at_the_same_time(store_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, store_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, problems = process.communicate(timeout=90)
        assert (output, problems, process.returncode) == ("0\n", "", 0)
    store = open_store(store_url)
    write(store)
    store.close()


def test_a_migration_that_was_cut_off_is_finished(store_url: str) -> None:
    store = open_store(store_url)
    store._prepare_file()
    with store.write() as conn:
        # MariaDB commits every statement: a kill in between leaves some tables and no version.
        for table in (tables.absences, tables.audit, tables.samples):
            table.create(conn)
    store.migrate()
    write(store)
    store.close()


def test_a_store_of_a_newer_baken_is_left_alone(store: Store) -> None:
    write(store)
    with store.write() as conn:
        conn.execute(text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer Baken \(tables 9999") as caught:
        store.migrate()
    assert "baken-tests" not in caught.value.message
    assert newest(store) == 0.0


def test_a_store_without_tables_says_so(store_url: str) -> None:
    store = open_store(store_url)
    store._prepare_file()
    with pytest.raises(StoreError, match="no tables yet"):
        write(store)
    store.close()


def test_a_writer_waits_for_another(store: Store) -> None:
    def add(first: int) -> None:
        for minute in range(first, first + 10):
            write(store, minute)

    threads = [threading.Thread(target=add, args=(first,)) for first in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as conn:
        assert conn.execute(text("SELECT COUNT(*) FROM baken_samples")).scalar() == 90
    assert newest(store) == 29.0


def test_a_reader_sees_one_moment(store: Store) -> None:
    write(store, 1)
    with store.read() as conn:
        assert latest(conn, "leden.example")[0].value == 1.0
        write(store, 2)
        assert latest(conn, "leden.example")[0].value == 1.0
    assert newest(store) == 2.0


def test_a_full_disk_is_told_and_gets_over(sqlite_store: Store) -> None:
    write(sqlite_store)
    with sqlite_store.read() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(most: int) -> None:
        # The limit belongs to a connection; the pool hands out this one again.
        with sqlite_store.read() as conn:
            conn.exec_driver_sql(f"PRAGMA max_page_count = {most}").all()

    limit(pages + 2)
    with pytest.raises(StoreFull, match=r"disk that holds the store is full: .*store\.db; free"):
        for minute in range(1, 50):
            write(sqlite_store, minute, series=300)
    limit(1_000_000_000)
    write(sqlite_store, 60, series=300)
    assert newest(sqlite_store) == 60.0
    with sqlite_store.read() as conn:
        assert conn.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_locked_file_is_unavailable_for_the_moment(sqlite_store: Store, tmp_path: Path) -> None:
    write(sqlite_store)
    blocker = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with sqlite_store.read() as conn:
        conn.exec_driver_sql("PRAGMA busy_timeout = 50")
    with pytest.raises(StoreUnavailable, match="locked"):
        write(sqlite_store, 1)
    assert newest(sqlite_store) == 0.0
    blocker.execute("ROLLBACK")
    blocker.close()
    write(sqlite_store, 2)
    assert newest(sqlite_store) == 2.0


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database at all" * 400)
    with pytest.raises(StoreError, match="damaged or not a store"):
        open_store(f"sqlite:///{tmp_path}/store.db").migrate()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made or written"):
        open_store(f"sqlite:///{tmp_path}/file/store.db").migrate()


def test_the_file_is_its_owners_alone(sqlite_store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "store.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["mariadb", "postgres"])
def test_a_server_that_goes_away_and_comes_back(name: str, request: pytest.FixtureRequest) -> None:
    server: MariaDB | Postgres = request.getfixturevalue(name)
    store = open_store(server.create_database("store_that_goes_away"))
    store.migrate()
    write(store, 1)
    # Once between two transactions, once in the middle of one.
    with pytest.raises(StoreUnavailable), store.write() as conn:
        record(conn, [Cycle("leden.example", T0 + timedelta(minutes=5), [Sample("m0", (), 5)])])
        server.stop()
        conn.execute(text("SELECT 1"))
    try:
        with pytest.raises(StoreUnavailable, match="does not answer") as caught:
            write(store, 2)
        assert "baken-tests" not in caught.value.message
        with pytest.raises(StoreUnavailable):
            newest(store)
    finally:
        server.start()
    assert newest(store) == 1.0
    write(store, 3)
    assert newest(store) == 3.0
    store.close()


def test_a_wrong_password_is_told_without_it(mariadb: MariaDB) -> None:
    url = mariadb.create_database("refused").replace("baken-tests", "wrong-secret")
    with pytest.raises(StoreError, match="refuses Baken") as caught:
        open_store(url).migrate()
    assert "secret" not in caught.value.message


def test_a_database_that_does_not_exist_is_told(postgres: Postgres) -> None:
    with pytest.raises(StoreError, match="refuses Baken"):
        open_store(postgres.url("nowhere")).migrate()


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle://host/x", "sqlite://", "sqlite:///:memory:", "mysql+nodriver://host/x"]
)
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(StoreError):
        open_store(url)


def test_urls_of_mariadb_and_postgres_need_no_driver(mariadb: MariaDB, postgres: Postgres) -> None:
    plain: list[tuple[str, Callable[[str], str]]] = [
        (mariadb.create_database("plain"), lambda url: url.replace("mysql+pymysql", "mariadb")),
        (postgres.create_database("plain"), lambda url: url.replace("+psycopg2", "")),
    ]
    for url, shorten in plain:
        store = open_store(shorten(url))
        store.migrate()
        write(store)
        with store.read() as conn:
            assert inspect(conn).has_table("baken_samples")
        assert "baken-tests" not in store.name
        assert "baken-tests" not in repr(store)
        store.close()


def test_a_full_disk_is_said_before_anybody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"sqlite:///{tmp_path}/baken.db")
    assert store.lack_of_room() is None
    monkeypatch.setattr(problems, "_NO_ROOM", shutil.disk_usage(tmp_path).free * 2)
    told = store.lack_of_room()
    assert told is not None
    assert "disk that holds the store is full" in told
    assert str(tmp_path) in told


def test_errors_that_were_counted_before_are_kept(store_url: str) -> None:
    """From the tables of version 0001, where counts carried the site and the pattern's id."""
    store = open_store(store_url)
    store._prepare_file()
    with store.write() as conn:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
    with store.write() as conn:
        for site in ("a.example", "b.example"):
            conn.execute(
                text(
                    "INSERT INTO error_patterns (site, id, version, exception, template, category, severity, area, "
                    "first_seen, last_seen) VALUES (:site, 'f00', 'v1', 'KeyError', 'é', 'code', 'LOW', 'x', 1, 2)"
                ),
                {"site": site},
            )
            for hour, count in ((3_600_000, 5), (7_200_000, 7)):
                conn.execute(
                    text("INSERT INTO error_counts (site, hour, pattern, count) VALUES (:site, :hour, 'f00', :count)"),
                    {"site": site, "hour": hour, "count": count},
                )
    store.migrate()
    patterns, counts = tables.error_patterns, tables.error_counts
    with store.read() as conn:
        found = conn.execute(
            select(patterns.c.site, patterns.c.template, patterns.c.total, patterns.c.state, func.sum(counts.c.count))
            .join(counts, counts.c.pattern == patterns.c.number)
            .group_by(patterns.c.site, patterns.c.template, patterns.c.total, patterns.c.state)
            .order_by(patterns.c.site)
        ).all()
        assert not inspect(conn).has_table("old_error_counts")
    assert [tuple(row) for row in found] == [(site, "é", 12, "open", 12) for site in ("a.example", "b.example")]
    store.close()


def test_a_new_connection_does_not_wait_for_whoever_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    with store.read() as conn:
        assert conn.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2
    monkeypatch.setattr("baken.history.store._LOCK_SECONDS", 60)
    other = open_store(store.url)
    with store.write() as conn:
        conn.execute(text("DELETE FROM baken_marks"))
        began = time.monotonic()
        with other.read() as reading:
            reading.execute(text("SELECT COUNT(*) FROM baken_audit"))
        # It would wait for a minute.
        assert time.monotonic() - began < 30
    other.close()
    store.close()

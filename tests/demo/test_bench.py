"""The demo bench: the same from the same seed, in Frappe's layout, sound in itself, with nobody real in it."""

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from passlib.hash import pbkdf2_sha256
from sqlalchemy import DATE, DATETIME, DECIMAL, MetaData, Table, create_engine

from baken.demo import error_log, layout, people, rhythm
from baken.demo.bench import DemoBench, make_bench, open_bench
from baken.demo.world import new_world

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def quiet(_text: str, _share: float) -> None:
    """Take progress and say nothing."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> DemoBench:
    return make_bench(tmp_path_factory.mktemp("demo") / "bench", members=200, now=NOW, progress=quiet)


@pytest.fixture
def conn(bench: DemoBench) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{bench.database}?mode=ro", uri=True)
    yield connection
    connection.close()


def content(database: Path) -> str:
    connection = sqlite3.connect(database)
    try:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()
    finally:
        connection.close()


def test_same_seed_same_database(bench: DemoBench, tmp_path: Path) -> None:
    again = make_bench(tmp_path / "b", members=200, now=NOW, progress=quiet)
    other = make_bench(tmp_path / "c", members=200, now=NOW, seed=7, progress=quiet)
    assert content(again.database) == content(bench.database)
    assert content(other.database) != content(bench.database)


def test_a_second_make_replaces_the_first(tmp_path: Path) -> None:
    make_bench(tmp_path / "b", members=60, now=NOW, progress=quiet)
    (tmp_path / "b" / "left-over").touch()
    bench = make_bench(tmp_path / "b", members=80, now=NOW, progress=quiet)
    assert not (bench.path / "left-over").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    connection = sqlite3.connect(bench.database)
    assert connection.execute("SELECT COUNT(*) FROM tabMember").fetchone() == (80,)
    connection.close()


def test_a_folder_that_is_no_demo_bench_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(FileExistsError, match="not a demo bench"):
        make_bench(tmp_path, members=60, now=NOW, progress=quiet)
    assert (tmp_path / "precious").exists()


def test_open_bench_sets_the_ports_and_knows_no_other_folder(bench: DemoBench, tmp_path: Path) -> None:
    found = open_bench(bench.path, redis_port=1234, web_port=5678)
    assert found is not None
    assert (found.made, found.members, found.seed) == (NOW, 200, 2026)
    common = json.loads((bench.path / "sites" / "common_site_config.json").read_text())
    assert common["redis_queue"] == "redis://127.0.0.1:1234"
    assert common["webserver_port"] == 5678
    assert open_bench(tmp_path, redis_port=1, web_port=2) is None


def test_the_database_is_sound_and_reflects_into_useful_types(bench: DemoBench, conn: sqlite3.Connection) -> None:
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    engine = create_engine(f"sqlite:///{bench.database}")
    member = Table("tabMember", MetaData(), autoload_with=engine)
    assert isinstance(member.c.creation.type, DATETIME)
    assert isinstance(member.c.member_since.type, DATE)
    assert isinstance(member.c.dues_rate.type, DECIMAL)
    with engine.connect() as connection:
        assert isinstance(connection.execute(member.select().limit(1)).one().creation, datetime)
    engine.dispose()


def test_error_log_has_frappes_indexes_and_no_more(conn: sqlite3.Connection) -> None:
    names = [row[1] for row in conn.execute('PRAGMA index_list("tabError Log")') if row[3] == "c"]
    first = {next(iter(conn.execute(f'PRAGMA index_info("{name}")')))[2] for name in names}
    assert first == {"modified", "reference_doctype"}


def test_every_select_holds_an_option_of_its_doctype(conn: sqlite3.Connection) -> None:
    for table in layout.tables().values():
        for field, options in table.selects.items():
            found = {row[0] for row in conn.execute(f'SELECT DISTINCT "{field}" FROM "{table.name}"')} - {None, ""}
            assert found <= set(options), f"{table.name}.{field}"


def test_payments_add_up_to_what_an_invoice_is_paid(conn: sqlite3.Connection) -> None:
    wrong = conn.execute(
        "SELECT i.name, i.grand_total, i.outstanding_amount, COALESCE(SUM(r.allocated_amount), 0) AS paid "
        'FROM "tabSales Invoice" i LEFT JOIN "tabPayment Entry Reference" r '
        "ON r.reference_name = i.name AND r.docstatus = 1 WHERE i.docstatus = 1 "
        "GROUP BY i.name HAVING ABS(i.grand_total - i.outstanding_amount - paid) > 0.001"
    ).fetchall()
    assert wrong == []
    states = dict(conn.execute('SELECT status, COUNT(*) FROM "tabSales Invoice" GROUP BY status'))
    assert {"Paid", "Draft", "Cancelled"} <= set(states)
    assert conn.execute(
        "SELECT COUNT(*) FROM \"tabSales Invoice\" WHERE status = 'Paid' AND outstanding_amount"
    ).fetchone() == (0,)


def test_batches_in_all_states_add_up(conn: sqlite3.Connection) -> None:
    states = {row[0] for row in conn.execute('SELECT DISTINCT status FROM "tabDirect Debit Batch"')}
    assert states == {"Draft", "Generated", "Submitted", "Processed", "Failed"}
    assert (
        conn.execute(
            'SELECT b.name FROM "tabDirect Debit Batch" b JOIN "tabDirect Debit Batch Invoice" l ON l.parent = b.name '
            "GROUP BY b.name HAVING ABS(b.total_amount - SUM(l.amount)) > 0.001 OR b.entry_count <> COUNT(*)"
        ).fetchall()
        == []
    )


def test_references_lead_somewhere(conn: sqlite3.Connection) -> None:
    for child, field, parent in (
        ("Membership", "member", "Member"),
        ("Sales Invoice", "member", "Member"),
        ("Sales Invoice", "customer", "Customer"),
        ("Payment Entry Reference", "parent", "Payment Entry"),
        ("Payment Entry Reference", "reference_name", "Sales Invoice"),
        ("Direct Debit Batch Invoice", "invoice", "Sales Invoice"),
        ("Email Queue Recipient", "parent", "Email Queue"),
        ("Has Role", "role", "Role"),
    ):
        lost = conn.execute(
            f'SELECT COUNT(*) FROM "tab{child}" WHERE "{field}" IS NOT NULL '
            f'AND "{field}" NOT IN (SELECT name FROM "tab{parent}")'
        ).fetchone()
        assert lost == (0,), f"{child}.{field}"


def test_nobody_is_real(conn: sqlite3.Connection) -> None:
    for table, field in (
        ("Member", "email"),
        ("User", "email"),
        ("Customer", "email_id"),
        ("Email Queue Recipient", "recipient"),
    ):
        for (address,) in conn.execute(f'SELECT DISTINCT "{field}" FROM "tab{table}"'):
            assert address.endswith("example.test"), address
    accounts = [
        row[0]
        for row in conn.execute(
            'SELECT iban FROM tabMember WHERE iban IS NOT NULL UNION SELECT iban FROM "tabSEPA Mandate"'
        )
    ]
    assert accounts
    for iban in accounts:
        digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
        assert int(digits) % 97 == 1
        assert iban[4:6] == "ZZ"  # the code of no bank


def test_iban_pads_and_checks() -> None:
    assert people.iban("ZZDA", 1) == "NL" + people.iban("ZZDA", 1)[2:4] + "ZZDA0000000001"


def test_nothing_lies_in_the_future(conn: sqlite3.Connection) -> None:
    here = rhythm.stamp(rhythm.local(NOW))
    for table in layout.tables().values():
        for field in ("creation", "modified"):
            if any(column.name == field for column in table.columns):
                latest = conn.execute(f'SELECT MAX("{field}") FROM "{table.name}"').fetchone()[0]
                assert latest is None or latest <= here, f"{table.name}.{field}"
                early = conn.execute(f'SELECT COUNT(*) FROM "{table.name}" WHERE modified < creation').fetchone()
                assert early == (0,), table.name


def test_error_log_is_big_enough_varied_and_of_both_kinds(conn: sqlite3.Connection) -> None:
    number, longest = conn.execute('SELECT COUNT(*), MAX(LENGTH(method)) FROM "tabError Log"').fetchone()
    assert 3000 <= number <= 6000
    assert longest <= 140
    traced = conn.execute("SELECT COUNT(*) FROM \"tabError Log\" WHERE error LIKE 'Traceback%'").fetchone()[0]
    assert 0.05 < 1 - traced / number < 0.5
    last = {
        row[0].rsplit("\n", 1)[-1].split(":")[0]
        for row in conn.execute("SELECT error FROM \"tabError Log\" WHERE error LIKE 'Trace%'")
    }
    assert len(last) >= 12
    assert conn.execute("SELECT COUNT(*) FROM \"tabError Log\" WHERE error LIKE '%\\%(%' ESCAPE '\\'").fetchone() == (
        0,
    )


def test_users_passwords_and_keys(bench: DemoBench, conn: sqlite3.Connection) -> None:
    key = json.loads((bench.path / "sites" / bench.site / "site_config.json").read_text())["encryption_key"]
    for user, name in (
        ("admin@example.test", "demo"),
        ("board@example.test", "board"),
        ("member@example.test", "member"),
    ):
        secrets = dict(conn.execute("SELECT fieldname, password FROM __Auth WHERE name = ?", (user,)))
        assert pbkdf2_sha256.verify("baken-demo", secrets["password"])
        assert Fernet(key).decrypt(secrets["api_secret"].encode()) == f"{name}-secret".encode()
        assert conn.execute("SELECT api_key FROM tabUser WHERE name = ?", (user,)).fetchone() == (f"{name}-key",)
    roles = {row[0] for row in conn.execute("SELECT role FROM \"tabHas Role\" WHERE parent = 'member@example.test'")}
    assert roles == {"Verenigingen Member"}
    assert conn.execute("SELECT COUNT(*) FROM __Auth WHERE fieldname = 'password'").fetchone() == (5,)


def test_the_monitor_log_and_backups_are_frappes(bench: DemoBench) -> None:
    lines = [json.loads(line) for line in bench.monitor_log.read_text().splitlines()]
    assert {line["transaction_type"] for line in lines} == {"request", "job"}
    assert all(line["site"] == bench.site and line["duration"] > 0 for line in lines)
    moments = [datetime.fromisoformat(line["timestamp"]) for line in lines]
    assert moments == sorted(moments)
    files = sorted(bench.backups.iterdir())
    assert len(files) == 7
    assert all(re.fullmatch(r"\d{8}_\d{6}-demo_example_test-database\.sql\.gz", file.name) for file in files)
    assert timedelta(0) < NOW - datetime.fromtimestamp(files[-1].stat().st_mtime, UTC) < timedelta(days=1)


@pytest.mark.parametrize("now", [datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 10, tzinfo=UTC)])
def test_the_hour_that_comes_twice_and_the_one_that_never_comes(tmp_path: Path, now: datetime) -> None:
    bench = make_bench(tmp_path / "b", members=60, now=now, progress=quiet)
    connection = sqlite3.connect(bench.database)
    for table in ("tabError Log", "tabScheduled Job Log"):
        lost = connection.execute(
            f"SELECT COUNT(*) FROM \"{table}\" WHERE creation >= '2026-03-29 02:00' AND creation < '2026-03-29 03:00'"
        ).fetchone()
        assert lost == (0,), table
    if now.month == 10:
        twice = connection.execute(
            "SELECT COUNT(*) FROM \"tabScheduled Job Log\" WHERE scheduled_job_type = 'email_account.pull' "
            "AND creation >= '2026-10-25 02:00' AND creation < '2026-10-25 03:00'"
        ).fetchone()[0]
        assert twice >= 9  # six in an ordinary hour
    connection.close()


def test_the_last_day_shows_a_burst_among_a_dozen_patterns() -> None:
    for hours in range(0, 24 * 14, 61):
        now = NOW + timedelta(hours=hours)
        recent = Counter(
            key
            for moment, key in error_log.error_moments(new_world(2026, 200, now))
            if moment > now - timedelta(days=1)
        )
        assert 60 <= recent.total() <= 150, now
        assert 8 <= len(recent) <= 17, now
        assert recent.most_common(1)[0][1] >= 40, now

"""Backup and restore of the store: whole, of one moment, on each database and from one to another."""

import errno
import gzip
import hashlib
import io
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Double, Integer, LargeBinary, String, func, insert, inspect, select
from typer.testing import CliRunner

from baken import clock
from baken.cli import app
from baken.history import archive, backup, leases, migrations, tables
from baken.history.archive import ArchiveProblem
from baken.history.backup import Beside
from baken.history.migrate import version_of
from baken.history.samples import Cycle, Sample, latest, record
from baken.history.store import Store, StoreError, open_store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = 7
KEPT = [table for table in tables.metadata.sorted_tables if table.name != tables.leases.name]
_numbers = itertools.count()


def value_of(column: Any, row: int, dice: random.Random) -> Any:
    """A value that is hard on whoever writes it down: the ends of what fits, bytes of all kinds, letters of many."""
    if column.nullable and row == 0:
        return None
    kind = column.type
    if isinstance(kind, Boolean):
        return row % 2 == 0
    if isinstance(kind, LargeBinary):
        return dice.randbytes(300) + bytes(range(256))
    if isinstance(kind, BigInteger):
        return row + 1 if column.primary_key else (1 << 62) - row
    if isinstance(kind, Integer):
        return row + 1
    if isinstance(kind, Double):
        return dice.choice([0.1 + row, -1e300, 5e-324, 1 / 3, float(row)])
    if isinstance(kind, String):
        text = f"{row} é€ \\ \" ' \n\t 日本 {column.name}" if (kind.length or 999) > 60 else f"{row}{column.name}"
        return text[: kind.length or 999]
    raise AssertionError(f"no value for {column}")


def fill(store: Store) -> None:
    """Put rows into every table."""
    dice = random.Random(7)
    with store.write() as conn:
        for table in tables.metadata.sorted_tables:
            rows = [{column.name: value_of(column, row, dice) for column in table.columns} for row in range(ROWS)]
            conn.execute(insert(table), rows)
        # These rows of leases are long over.
        conn.execute(tables.leases.update().values(expires=1))


def content(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of what a backup holds."""
    with store.read() as conn:
        return {table.name: sorted(map(tuple, conn.execute(select(table)).all()), key=repr) for table in KEPT}


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    """Makes a store of a kind without tables."""
    opened: list[Store] = []

    def make(kind: str) -> Store:
        number = next(_numbers)
        url = f"sqlite:///{tmp_path}/restored-{number}.db"
        if kind != "sqlite":
            url = request.getfixturevalue(kind).create_database(f"restored_{number}")
        opened.append(open_store(url))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


def test_what_is_restored_is_what_was_there_on_every_database(
    store: Store, empty: Callable[[str], Store], tmp_path: Path
) -> None:
    fill(store)
    file = tmp_path / "backup.tar.gz"
    manifest = backup.back_up(store, file, [], NOW)
    assert manifest.rows == {table.name: ROWS for table in KEPT}
    assert (manifest.schema, manifest.source) == (migrations.HEAD, store.dialect)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    before = content(store)
    for kind in ("sqlite", "mariadb", "postgres"):
        other = empty(kind)
        backup.restore(other, file, tmp_path / kind, NOW)
        assert content(other) == before, kind
        with other.write() as conn:
            # Numbers go on after those that were put in.
            added = conn.execute(insert(tables.audit).values(at=1, site="", user="", action="", target="", detail=""))
            assert added.inserted_primary_key is not None
            assert added.inserted_primary_key[0] > ROWS


def test_a_backup_shows_one_moment_while_others_write(store: Store, tmp_path: Path) -> None:
    """Each transaction writes one figure into forty series: a backup that has two different ones saw half of it."""
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not stop.is_set():
            number = len(written)
            samples = [Sample(f"m{series}", (), float(number)) for series in range(40)]
            with store.write() as conn:
                record(conn, [Cycle("leden.example", NOW + timedelta(seconds=number), samples)])
            written.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(6):
            start = len(written)
            while len(written) < start + 3:
                time.sleep(0.005)
            file = tmp_path / f"{number}.tar.gz"
            backup.back_up(store, file, [], NOW)
            other = open_store(f"sqlite:///{tmp_path}/{number}.db")
            backup.restore(other, file, tmp_path / "data", NOW)
            with other.read() as conn:
                found = latest(conn, "leden.example")
                count = conn.execute(select(func.count()).select_from(tables.samples)).scalar_one()
            other.close()
            assert len({sample.value for sample in found}) == 1
            assert len(found) == 40
            assert count % 40 == 0
    finally:
        stop.set()
        thread.join()
    assert len(written) > 18, "nobody wrote meanwhile"


def test_of_a_backup_that_was_killed_nothing_bears_its_name(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    file = tmp_path / "backups" / "baken.tar.gz"
    file.parent.mkdir()
    slow = (
        "import sys, time\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from baken.history import archive, backup\n"
        "from baken.history.store import open_store\n"
        "real = archive.Writer.table\n"
        "def table(self, *args):\n"
        "    time.sleep(0.3)\n"
        "    return real(self, *args)\n"
        "archive.Writer.table = table\n"
        "print('begun', flush=True)\n"
        "backup.back_up(open_store(sys.argv[1]), Path(sys.argv[2]), [], datetime.now(UTC))\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", slow, sqlite_store.url, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "begun\n"
    partial = file.with_name(f".{file.name}.partial")
    while not partial.exists():
        assert killed.poll() is None
        time.sleep(0.01)
    with pytest.raises(StoreError, match="another backup is writing"):
        backup.back_up(sqlite_store, file, [], NOW)
    time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert partial.exists()
    assert not file.exists()
    with pytest.raises(ArchiveProblem, match="cut off"):
        backup.check(partial)
    # The next one clears up, and is whole.
    backup.back_up(sqlite_store, file, [], NOW)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    backup.check(file)


def test_whatever_is_changed_or_cut_is_noticed(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    file = tmp_path / "backup.tar.gz"
    manifest = backup.back_up(sqlite_store, file, [], NOW)
    whole = file.read_bytes()
    dice = random.Random(1)
    broken = tmp_path / "broken.tar.gz"
    for length in (0, 1, 10, 100, *(dice.randrange(len(whole)) for _ in range(40))):
        broken.write_bytes(whole[:length])
        with pytest.raises(ArchiveProblem):
            backup.check(broken)
    for _ in range(150):
        at = dice.randrange(len(whole))
        broken.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(8))]) + whole[at + 1 :])
        try:
            # Of gzip's own head some bits say nothing.
            assert backup.check(broken) == manifest
        except ArchiveProblem:
            continue
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveProblem, match="cut off"):
        backup.restore(other, broken, tmp_path / "data", NOW)
    assert not (tmp_path / "other.db").exists()


def rewritten(file: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """A copy of an archive with another manifest or other members."""
    members: dict[str, bytes] = {}
    with tarfile.open(file) as tar:
        for entry in tar:
            found = tar.extractfile(entry)
            assert found is not None
            members[entry.name] = found.read()
    manifest = json.loads(members.pop(archive.MANIFEST))
    change(manifest, members)
    other = file.with_name(f"changed-{next(_numbers)}.tar.gz")
    with gzip.open(other, "wb") as target, tarfile.open(fileobj=target, mode="w|") as tar:
        for name, text in {**members, archive.MANIFEST: json.dumps(manifest).encode()}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return other


NAMED = [{"name": "name", "binary": False}, {"name": "value", "binary": False}]
MARKS = "tables/baken_marks/000001.jsonl"


@pytest.mark.parametrize(
    ("name", "body", "columns", "said"),
    [
        ("files/baken.db", b"x", [], "files/baken.db should not be there"),
        ("files/..", b"x", [], "should not be there"),
        ("files/../../evil.key", b"x", [], "should not be there"),
        ("files/", b"x", [], "should not be there"),
        ("tables/evil/000001.jsonl", b"[1]\n", [], "table evil"),
        (MARKS, b"no json\n", NAMED, "cannot be read"),
        (MARKS, b"[" * 100_000 + b"\n", NAMED, "cannot be read"),
        (MARKS, b"[1]\n", NAMED, "another number of columns"),
        (MARKS, b"[1, 2]\n", [{"name": "name", "binary": True}, NAMED[1]], "cannot be read"),
        (MARKS, b'["a", 1]\n["a", 1]\n', NAMED, "do not fit"),
        (MARKS, b'["a", {"x": 1}]\n', NAMED, "do not fit"),
        (MARKS, b'["a", 1000000000000000000000000]\n', NAMED, "do not fit"),
    ],
)
def test_one_that_somebody_made_up_harms_nothing(
    tmp_path: Path, name: str, body: bytes, columns: list[dict[str, Any]], said: str
) -> None:
    table = name.split("/")[1]
    manifest = {
        "format": archive.FORMAT, "baken": "0", "schema": migrations.HEAD, "made": "", "source": "sqlite",
        "tables": {table: columns} if columns else {},
        "rows": {table: body.count(b"\n")} if columns else {},
        "members": {name: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}},
    }  # fmt: skip
    file, data = tmp_path / "made-up.tar.gz", tmp_path / "data"
    with tarfile.open(file, "w:gz") as tar:
        for called, content in ((name, body), (archive.MANIFEST, json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(called)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    store = open_store(f"sqlite:///{data}/baken.db", pool_size=1)
    with pytest.raises(ArchiveProblem, match=said):
        backup.restore(store, file, data, NOW)
    store.close()
    assert [each for each in tmp_path.rglob("*") if each not in (file, data)] == []


def test_a_newer_one_is_refused_and_an_older_one_brought_up_to_date(
    store: Store, kind: str, empty: Callable[[str], Store], tmp_path: Path
) -> None:
    fill(store)
    file = tmp_path / "backup.tar.gz"
    backup.back_up(store, file, [], NOW)

    def newer(manifest: dict[str, Any], _members: dict[str, bytes]) -> None:
        manifest["schema"] = "9999"

    def other_format(manifest: dict[str, Any], _members: dict[str, bytes]) -> None:
        manifest["format"] = 2

    other = empty(kind)
    with pytest.raises(ArchiveProblem, match="newer Baken"):
        backup.restore(other, rewritten(file, newer), tmp_path / "data", NOW)
    with pytest.raises(ArchiveProblem, match="format 2"):
        backup.restore(other, rewritten(file, other_format), tmp_path / "data", NOW)

    earlier = migrations.KNOWN[-2]
    bare = empty(kind)
    bare.migrate(earlier)
    with bare.read() as conn:
        known = {
            name: {column["name"] for column in inspect(conn).get_columns(name)}
            for name in inspect(conn).get_table_names()
        }

    def older(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        """As a backup of the version before would be: with its tables and its columns."""
        manifest["schema"] = earlier
        for name in list(manifest["tables"]):
            same = name in known and {column["name"] for column in manifest["tables"][name]} == known[name]
            if not same:
                for part in [each for each in members if each.startswith(f"tables/{name}/")]:
                    del members[part], manifest["members"][part]
                del manifest["tables"][name], manifest["rows"][name]

    restored = empty(kind)
    manifest = backup.restore(restored, rewritten(file, older), tmp_path / "data", NOW)
    assert manifest.schema == earlier
    found, before = content(restored), content(store)
    assert len(manifest.tables) > 20
    assert {name: found[name] for name in manifest.tables} == {name: before[name] for name in manifest.tables}
    with restored.read() as conn:
        assert version_of(conn) == migrations.HEAD
    # Where the tables are newer already, they do not go back.
    if kind != "sqlite":
        with pytest.raises(StoreError, match="into an empty database"):
            backup.restore(restored, rewritten(file, older), tmp_path / "data", NOW, replace=True)


def test_nothing_is_restored_while_somebody_collects_or_over_what_is_there(store: Store, tmp_path: Path) -> None:
    fill(store)
    file, data = tmp_path / "backup.tar.gz", tmp_path / "data"
    backup.back_up(store, file, [], NOW)
    with store.write() as conn:
        assert leases.take(conn, leases.COLLECTOR, "somebody", timedelta(seconds=30), NOW)
    for replace in (False, True):
        with pytest.raises(StoreError, match="somebody collects into the store"):
            backup.restore(store, file, data, NOW, replace=replace)
    with store.write() as conn:
        assert leases.take(conn, leases.watch_of("leden.example"), leases.ROUNDS, timedelta(minutes=3), NOW)
        leases.release(conn, leases.COLLECTOR, "somebody")
    with pytest.raises(StoreError, match="rounds of a scheduler collects"):
        backup.restore(store, file, data, NOW, replace=True)
    before = content(store)
    later = NOW + timedelta(minutes=4)
    with pytest.raises(StoreError, match="is not empty"):
        backup.restore(store, file, data, later)
    assert content(store) == before
    with store.write() as conn:
        conn.execute(tables.audit.delete())
        conn.execute(insert(tables.audit).values(at=1, site="new", user="", action="", target="", detail=""))
    backup.restore(store, file, data, later, replace=True)
    assert content(store) == before


def test_a_restore_that_fails_leaves_the_store_as_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    file = tmp_path / "backup.tar.gz"
    backup.back_up(store, file, [], NOW)
    with store.write() as conn:
        conn.execute(tables.audit.delete())
    before = content(store)
    real = archive.parts

    def cut(*args: Any) -> Iterator[Any]:
        for at, part in enumerate(real(*args)):
            if at == 10:
                raise ArchiveProblem("the disk went away")
            yield part

    monkeypatch.setattr(archive, "parts", cut)
    with pytest.raises(ArchiveProblem, match="the disk went away"):
        backup.restore(store, file, tmp_path / "data", NOW, replace=True)
    assert content(store) == before
    monkeypatch.undo()
    backup.restore(store, file, tmp_path / "data", NOW, replace=True)
    assert content(store) != before


def test_a_store_that_is_not_of_this_version_is_not_backed_up(sqlite_store: Store, tmp_path: Path) -> None:
    for number, told in (("9999", "a newer Baken"), (migrations.KNOWN[0], "an older Baken")):
        with sqlite_store.write() as conn:
            conn.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '{number}'")
        with pytest.raises(StoreError, match=told):
            backup.back_up(sqlite_store, tmp_path / "b.tar.gz", [], NOW)
    missing = open_store(f"sqlite:///{tmp_path}/nowhere.db")
    with pytest.raises(StoreError, match="there is no store"):
        backup.back_up(missing, tmp_path / "b.tar.gz", [], NOW)
    assert not (tmp_path / "nowhere.db").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if "tar" in path.name) == []


def test_a_damaged_store_is_told_instead_of_backed_up(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    with sqlite_store.write() as conn:
        row = {"site": "s" * 90, "user": "u", "action": "a", "target": "t", "detail": "d" * 500}
        rows = [{**row, "at": at} for at in range(2000)]
        conn.execute(insert(tables.audit), rows)
    with sqlite_store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    sqlite_store.close()
    place = tmp_path / "store.db"
    raw = bytearray(place.read_bytes())
    for at in range(len(raw) // 2, len(raw) // 2 + 40_000):
        raw[at] ^= 0x5A
    place.write_bytes(raw)
    with pytest.raises(StoreError, match=r"damaged|cannot be copied"):
        backup.back_up(sqlite_store, tmp_path / "b.tar.gz", [], NOW)
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_full_disk_leaves_the_last_good_backup(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sqlite_store)
    file = tmp_path / "backups" / "baken.tar.gz"
    file.parent.mkdir()
    backup.back_up(sqlite_store, file, [], NOW)
    good = file.read_bytes()
    real = archive.Writer.table

    def full(self: archive.Writer, *args: Any) -> int:
        if len(self.tables) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, *args)

    monkeypatch.setattr(archive.Writer, "table", full)
    with pytest.raises(OSError, match="No space left"):
        backup.back_up(sqlite_store, file, [], NOW)
    assert file.read_bytes() == good
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_nothing_that_somebody_laid_out_is_written_into(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, partial, other = tmp_path / "b.tar.gz", tmp_path / ".b.tar.gz.partial", tmp_path / "other"
    other.write_bytes(b"theirs")
    partial.symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        backup.back_up(sqlite_store, file, [], NOW)
    partial.unlink()
    partial.touch()
    partial.chmod(0o666)
    with monkeypatch.context() as somebody:
        somebody.setattr(os, "geteuid", lambda: 4711)
        with pytest.raises(StoreError, match="another user's"):
            backup.back_up(sqlite_store, file, [], NOW)
    assert other.read_bytes() == b"theirs" and partial.read_bytes() == b"" and not file.exists()
    backup.back_up(sqlite_store, file, [], NOW)
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_lies_beside_the_store_comes_along(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    key, gone = tmp_path / "installation.key", tmp_path / "push.key"
    key.write_bytes(bytes(range(32)))
    file = tmp_path / "backup.tar.gz"
    backup.back_up(sqlite_store, file, [Beside("installation.key", key), Beside("push.key", gone)], NOW)
    data = tmp_path / "data"
    first = open_store(f"sqlite:///{data}/baken.db")
    backup.restore(first, file, data, NOW)
    first.close()
    assert (data / "installation.key").read_bytes() == bytes(range(32))
    assert (data / "installation.key").stat().st_mode & 0o777 == 0o600
    assert not (data / "push.key").exists()
    # Another key is somebody's: it is not overwritten, and with --replace it is kept.
    (data / "installation.key").write_bytes(b"x" * 32)
    second = open_store(f"sqlite:///{tmp_path}/second.db")
    with pytest.raises(StoreError, match="differs from the backup's"):
        backup.restore(second, file, data, NOW)
    backup.restore(second, file, data, NOW, replace=True)
    assert (data / "installation.key").read_bytes() == bytes(range(32))
    assert (data / "installation.key.before").read_bytes() == b"x" * 32


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, folder = tmp_path / "data", tmp_path / "backups"
    folder.mkdir()
    store = open_store(f"sqlite:///{data}/baken.db")
    store.migrate()
    fill(store)
    (data / "installation.key").write_bytes(b"k" * 32)
    (data / "rules.toml").write_text("[HIGH_CPU]\nenabled = false\n")
    config = tmp_path / "settings.toml"
    config.write_text(f'data_dir = "{data}"\n')
    moments = iter(NOW + timedelta(hours=hour) for hour in range(10))
    monkeypatch.setattr(clock, "now", lambda: next(moments))

    def run(*args: str) -> Any:
        return CliRunner().invoke(app, args)

    for _ in range(4):
        done = run("backup", str(folder), "--keep", "2", "--config", str(config))
        assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == [
        "baken-20260301-140000.tar.gz",
        "baken-20260301-150000.tar.gz",
    ]
    newest = str(folder / "baken-20260301-150000.tar.gz")
    checked = run("restore", "--check", newest)
    assert checked.exit_code == 0
    assert "rows out of sqlite" in checked.output
    there = tmp_path / "there"
    done = run("restore", newest, "--data-dir", str(there))
    assert done.exit_code == 0, done.output
    names = {"baken.db", "installation.key", "rules.toml", "baken.toml"}
    assert {path.name for path in there.iterdir()} == names
    assert "chown" not in done.output
    monkeypatch.setattr(os, "geteuid", lambda: there.stat().st_uid + 1)
    assert f"chown -R --reference={there}" in run("restore", newest, "--replace", "--data-dir", str(there)).output
    assert (there / "baken.toml").read_text() == config.read_text()
    other = open_store(f"sqlite:///{there}/baken.db")
    assert content(other) == content(store)
    other.close()
    store.close()
    assert run("backup", str(tmp_path / "x.tar.gz"), "--keep", "2", "--config", str(config)).exit_code == 2
    missing = run("backup", str(tmp_path / "none"), "--keep", "2", "--config", str(config))
    assert "does not exist; make it first" in missing.output


def test_every_table_can_be_filled_by_these_tests() -> None:
    """A column of a new kind has to be thought of in the archive as well: only bytes are written otherwise."""
    kinds = {type(column.type) for table in KEPT for column in table.columns}
    assert all(issubclass(kind, BigInteger | Boolean | Double | Integer | LargeBinary | String) for kind in kinds)
    assert any(isinstance(column.type, LargeBinary) for column in tables.chunks.columns)

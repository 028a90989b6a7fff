"""Make the demo's bench: a folder as Frappe would have it, with one site whose SQLite database holds three years of
life.
"""

import gzip
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from baken.demo import (
    accounts,
    activity_log,
    alerts,
    association,
    audit_log,
    error_log,
    jobs,
    layout,
    mails,
    membership,
    money,
    monitor_log,
    papers,
    rhythm,
)
from baken.demo.world import SITE, World, new_world

BENCH_ID = "baken-demo"
DATABASE = "_demo_example_test"
BACKUPS_KEPT = 7
# Changes whenever a bench of an older version would not do any more.
LAYOUT_VERSION = 4
_APPS = ("frappe", "erpnext", "payments", "hrms", "verenigingen")
_QUEUES = ("short", "default", "long")


@dataclass(frozen=True, slots=True)
class DemoBench:
    """Where the demo lives. `made` is the aware moment up to which its past was written."""

    path: Path
    seed: int
    members: int
    made: datetime
    redis_port: int
    web_port: int

    @property
    def site(self) -> str:
        return SITE

    @property
    def bench_id(self) -> str:
        return BENCH_ID

    @property
    def queues(self) -> tuple[str, ...]:
        return _QUEUES

    @property
    def database(self) -> Path:
        return self.path / "sites" / SITE / "db" / f"{DATABASE}.db"

    @property
    def monitor_log(self) -> Path:
        return self.path / "logs" / "monitor.json.log"

    def log(self, line: str) -> None:
        """Append a line to the site's frappe.log."""
        with (self.path / "sites" / SITE / "logs" / "frappe.log").open("a", encoding="utf-8") as handle:
            handle.write(f"{line}\n")

    @property
    def backups(self) -> Path:
        return self.path / "sites" / SITE / "private" / "backups"


def make_bench(
    path: Path,
    *,
    seed: int = 2026,
    members: int = 5000,
    now: datetime,
    progress: Callable[[str, float], None],
    redis_port: int = 13911,
    web_port: int = 13980,
) -> DemoBench:
    """Make the demo bench at `path`, replacing a demo bench that is there.

    `now` is an aware moment: the past ends there. `progress(text, share)` is told what is being made, share 0..1.
    The ports
    go into common_site_config.json; nothing listens on them until `run_life`. The same seed, members and now give
    the same
    database. The bench is made beside `path` and moved there when it is complete, so an interrupted run leaves
    nothing half.

    Raises ValueError when `members` is below 50, and FileExistsError when `path` is something else than a demo bench.
    """
    if members < 50:
        raise ValueError(f"a demo association needs at least 50 members, not {members}")
    _refuse_foreign(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    world = new_world(seed, members, now)
    with tempfile.TemporaryDirectory(prefix=".baken-demo-", dir=path.parent) as workplace:
        making = DemoBench(Path(workplace) / "bench", seed, members, world.now, redis_port, web_port)
        _make_folders(making)
        key = accounts.encryption_key(world.stream("key"))
        _write_configuration(making, key)
        _fill_database(world, making.database, key, progress)
        progress("Log and backups", 0.97)
        with making.monitor_log.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in monitor_log.monitor_lines(world))
        for day in range(BACKUPS_KEPT):
            write_backup(making, _last_backup(world) - timedelta(days=day))
        (making.path / "demo.json").write_text(
            json.dumps({"version": LAYOUT_VERSION, "seed": seed, "members": members, "made": world.now.isoformat()}),
            encoding="utf-8",
        )
        if path.exists():
            shutil.rmtree(path)
        making.path.rename(path)
    progress("Done", 1.0)
    return DemoBench(path, seed, members, world.now, redis_port, web_port)


def open_bench(path: Path, *, redis_port: int, web_port: int) -> DemoBench | None:
    """The demo bench at `path` with its configuration set to the given ports, or None when there is none of this
    version.
    """
    try:
        document = json.loads((path / "demo.json").read_text(encoding="utf-8"))
        key = json.loads((path / "sites" / SITE / "site_config.json").read_text(encoding="utf-8"))["encryption_key"]
        made = datetime.fromisoformat(document["made"])
        if document["version"] != LAYOUT_VERSION:
            return None
        bench = DemoBench(path, document["seed"], document["members"], made, redis_port, web_port)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not bench.database.exists():
        return None
    _write_configuration(bench, key)
    return bench


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not (path / "demo.json").exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} is not a demo bench; give a folder that is empty or does not exist")


def _make_folders(bench: DemoBench) -> None:
    for folder in (
        "apps",
        "config",
        "logs",
        f"sites/{SITE}/db",
        f"sites/{SITE}/private/backups",
        f"sites/{SITE}/public/files",
        f"sites/{SITE}/logs",
    ):
        (bench.path / folder).mkdir(parents=True, exist_ok=True)
    for file in ("logs/worker.error.log", f"sites/{SITE}/logs/frappe.log"):
        (bench.path / file).touch()


def _write_configuration(bench: DemoBench, key: str) -> None:
    sites = bench.path / "sites"
    (sites / "apps.txt").write_text("\n".join(_APPS) + "\n", encoding="utf-8")
    redis = f"redis://127.0.0.1:{bench.redis_port}"
    common = {
        "background_workers": 1,
        "bench_id": BENCH_ID,
        "default_site": SITE,
        "developer_mode": 0,
        "monitor": 1,
        "redis_cache": redis,
        "redis_queue": redis,
        "redis_socketio": redis,
        "serve_default_site": True,
        "webserver_port": bench.web_port,
    }
    site = {
        "db_name": DATABASE,
        "db_type": "sqlite",
        "encryption_key": key,
        "host_name": f"http://127.0.0.1:{bench.web_port}",
    }
    for file, content in ((sites / "common_site_config.json", common), (sites / SITE / "site_config.json", site)):
        file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _fill_database(world: World, database: Path, key: str, progress: Callable[[str, float], None]) -> None:
    conn = sqlite3.connect(database, isolation_level=None)
    try:
        conn.execute("PRAGMA journal_mode = OFF")
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("BEGIN")
        layout.create_tables(conn)
        accounts.write_settings(world, conn)
        progress("Members", 0.02)
        association.plan_members(world)
        membership.write_members(world, conn)
        accounts.write_accounts(world, conn, key)
        progress("Invoices and collections", 0.12)
        books = money.keep_books(world)
        progress("Payments", 0.30)
        papers.write_books(world, books, conn)
        accounts.write_ledger(world, conn)
        progress("Audit trail", 0.62)
        audit_log.write_audit(world, conn)
        progress("Errors, jobs, e-mails", 0.70)
        error_log.write_errors(world, conn)
        alerts.write_alerts(world, conn)
        jobs.write_jobs(world, conn)
        mails.write_emails(world, conn)
        activity_log.write_activity(world, conn)
        progress("Indexes", 0.85)
        layout.create_indexes(conn)
        conn.execute("ANALYZE")
        conn.execute("COMMIT")
        conn.execute("PRAGMA journal_mode = WAL")
    finally:
        conn.close()


def _last_backup(world: World) -> datetime:
    """The last time the nightly backup ran: 02:00 UTC."""
    night = world.now.replace(hour=2, minute=0, second=19)
    return night if night <= world.now else night - timedelta(days=1)


def write_backup(bench: DemoBench, moment: datetime) -> Path:
    """Leave a backup taken at the aware `moment`, named and sized as Frappe's; beyond the newest ones, older ones go.

    The file has a real gzip header and first lines; the rest of its size is a hole that takes no disk space.
    """
    here = rhythm.local(moment)
    file = bench.backups / f"{here:%Y%m%d_%H%M%S}-{SITE.replace('.', '_')}-database.sql.gz"
    head = gzip.compress(f"-- Frappe backup of {SITE} at {here:%Y-%m-%d %H:%M:%S}\n".encode(), mtime=0)
    # Grows by some kB a day with the association, a little up and down.
    size = 1900 * bench.members + 9_000 * (moment.toordinal() - 737_000) + hash_of(moment.toordinal()) % 40_000
    file.write_bytes(head)
    os.truncate(file, size)
    os.utime(file, (moment.timestamp(), moment.timestamp()))
    for old in sorted(bench.backups.glob("*-database.sql.gz"))[:-BACKUPS_KEPT]:
        # make_bench writes the newest first; it never has more than it keeps.
        old.unlink()
    return file


def hash_of(number: int) -> int:
    """A number that looks random and is the same every time."""
    return number * 2_654_435_761 % 4_294_967_296

"""Throw-away sites in a Frappe bench.

A bench lends its programs: the Python environment and the apps. Everything else is made for the tests and thrown
away: the folder of sites, MariaDB, Redis. Nothing of the bench itself is changed, and its own servers need not run.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pymysql

from tests.servers import MariaDB, RedisServer, program

VARIABLE = "BAKEN_TEST_BENCHES"
NO_BENCH = (
    f"needs a Frappe bench with Baken in it: {VARIABLE}=<folder>[:<folder>…], see docs/frappe-app.md; "
    "continuous integration has none"
)
_SECONDS = 900

# Runs Frappe's command line in this process, as `bench` does.
_COMMAND = ["-m", "frappe.utils.bench_helper", "frappe"]
_SCRIPT = """
import inspect, json, sys
import frappe
arguments = json.loads(sys.argv[1])
if "site" in inspect.signature(frappe.init).parameters:
    frappe.init(site=arguments["site"])
else:
    frappe.init(arguments["site"])
frappe.connect()
frappe.set_user("Administrator")
answer = None
exec(arguments["code"])
frappe.db.commit()
print("ANSWER", json.dumps(answer, default=str))
frappe.destroy()
"""


class CommandFailed(AssertionError):
    """A command of Frappe ended with an error; the text has what it said."""


@dataclass
class Site:
    """A site that is thrown away. Its database is `database` on `bench.mariadb`."""

    bench: "Bench"
    name: str
    database: str
    password: str

    @property
    def folder(self) -> Path:
        return self.bench.sites / self.name

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a command of Frappe on the site, such as `migrate`; returns what it said."""
        # No worker runs here that would give documents free again which a command before has locked and queued.
        for lock in (self.folder / "locks").glob("*.lock"):
            lock.unlink()
        return self.bench.call([*_COMMAND, "--site", self.name, *arguments], fails=fails)

    def python(self, code: str) -> Any:
        """Run statements in the site; returns what they gave to `answer`, as JSON has it."""
        said = self.bench.call(["-c", _SCRIPT, json.dumps({"site": self.name, "code": code})])
        line = next(line for line in reversed(said.splitlines()) if line.startswith("ANSWER "))
        return json.loads(line.removeprefix("ANSWER "))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement in the site's database."""
        return self.bench.mariadb.execute(statement, database=self.database)

    def configure(self, **values: Any) -> None:
        """Set keys of site_config.json; None takes one out."""
        file = self.folder / "site_config.json"
        found = {**json.loads(file.read_text()), **values}
        file.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))

    def columns(self, table: str) -> dict[str, str]:
        """Columns of a table with their types."""
        rows = self.sql(
            "SELECT column_name, column_type FROM information_schema.columns "
            f"WHERE table_schema = '{self.database}' AND table_name = '{table}'"
        )
        return {str(name): str(kind) for name, kind in rows}

    def layout(self) -> set[tuple[str, str, str]]:
        """Every column of the database: table, name, type."""
        rows = self.sql(
            "SELECT table_name, column_name, column_type FROM information_schema.columns "
            f"WHERE table_schema = '{self.database}'"
        )
        return {(str(table), str(name), str(kind)) for table, name, kind in rows}

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        tables = [str(row[0]) for row in self.sql("SHOW TABLES")]
        parts = [f"SELECT '{table}', COUNT(*) FROM `{table}`" for table in tables]
        return {str(table): int(number) for table, number in self.sql(" UNION ALL ".join(parts))}


@dataclass
class Bench:
    """A bench of its own: `source` lends the programs, everything else lies in `folder`."""

    source: Path
    folder: Path
    mariadb: MariaDB

    @property
    def sites(self) -> Path:
        return self.folder / "sites"

    @cached_property
    def version(self) -> int:
        """Frappe's major version."""
        text = (self.source / "apps" / "frappe" / "frappe" / "__init__.py").read_text(encoding="utf-8")
        found = re.search(r"__version__ = \"(\d+)\.", text)
        assert found is not None
        return int(found[1])

    def call(self, arguments: list[str], *, fails: bool = False) -> str:
        """Run the bench's Python in the folder of sites; returns what it said, errors too."""
        environment = {
            **os.environ,
            "FRAPPE_BENCH_ROOT": str(self.folder),
            # Apps that only the tests have.
            "PYTHONPATH": str(self.folder / "more"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [str(self.source / "env" / "bin" / "python"), *arguments],
            cwd=self.sites,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if bool(done.returncode) != fails:
            raise CommandFailed(f"{' '.join(arguments[:9])} ended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done.stdout

    def add_app(self, folder: Path) -> None:
        """Add an app of the tests to this bench."""
        shutil.copytree(folder, self.folder / "more" / folder.name)
        with (self.sites / "apps.txt").open("a") as file:
            file.write(f"\n{folder.name}")

    @contextlib.contextmanager
    def site(self, apps: frozenset[str]) -> Iterator[Site]:
        """A new site with these apps and without Baken."""
        dump = self._dump(apps)
        name = f"t{secrets.token_hex(4)}.test"
        site = Site(self, name, f"_{secrets.token_hex(8)}", secrets.token_hex(8))
        self._make_database(site, dump)
        for part in ("public/files", "private/backups", "private/files", "locks", "logs"):
            (site.folder / part).mkdir(parents=True)
        config = {"db_name": site.database, "db_password": site.password, "db_type": "mariadb", "allow_tests": True}
        config |= {"db_user": site.database, "encryption_key": "qEsVXYW3Z9Lk2o6V8z0gk2a8m0sQ0mKkZ3J0p0cQ8nA="}
        (site.folder / "site_config.json").write_text(json.dumps(config))
        try:
            yield site
        finally:
            self.mariadb.execute(f"DROP DATABASE IF EXISTS `{site.database}`")
            self.mariadb.execute(f"DROP USER IF EXISTS '{site.database}'@'%'")
            shutil.rmtree(site.folder, ignore_errors=True)

    def _make_database(self, site: Site, dump: Path) -> None:
        self.mariadb.create_database(site.database)
        self.mariadb.execute(f"CREATE USER '{site.database}'@'%' IDENTIFIED BY '{site.password}'")
        self.mariadb.execute(f"GRANT ALL PRIVILEGES ON `{site.database}`.* TO '{site.database}'@'%'")
        with dump.open("rb") as file:
            subprocess.run(
                [program("mariadb", "mysql"), *self._server(), site.database],
                stdin=file,
                env={**os.environ, "MYSQL_PWD": self.mariadb.password},
                check=True,
                timeout=_SECONDS,
            )

    def _server(self) -> list[str]:
        return ["--no-defaults", "--host=127.0.0.1", f"--port={self.mariadb.port}", f"--user={self.mariadb.user}"]

    def _dump(self, apps: frozenset[str]) -> Path:
        """The database of a site with these apps, as SQL; of the bench's own where it has such a site."""
        file = self.folder / f"{'-'.join(sorted(apps))}.sql"
        if file.exists():
            return file
        for found, installed in own_sites(self.source):
            if frozenset(installed) == apps:
                config = json.loads((found / "site_config.json").read_text())
                arguments = ["--no-defaults", *_address(self.source), f"--user={config['db_name']}"]
                arguments += ["--single-transaction", "--skip-lock-tables", config["db_name"]]
                _write_dump(arguments, config["db_password"], file)
                return file
        if apps != {"frappe"}:
            raise AssertionError(f"no site of {self.source} has the apps {', '.join(sorted(apps))}")
        self._new(file)
        return file

    def _new(self, file: Path) -> None:
        """A site with nothing but Frappe, made by Frappe."""
        scope = ["--no-mariadb-socket"] if self.version == 14 else ["--mariadb-user-host-login-scope=%"]
        self.call(
            [
                *_COMMAND, "new-site", "first.test", "--db-name", "first", "--admin-password", "admin", *scope,
                "--db-root-username", self.mariadb.user, "--db-root-password", self.mariadb.password,
            ]
        )  # fmt: skip
        _write_dump([*self._server(), "first"], self.mariadb.password, file)
        self.mariadb.execute("DROP DATABASE first")
        shutil.rmtree(self.sites / "first.test")


@contextlib.contextmanager
def lent(source: Path, folder: Path, mariadb: MariaDB, cache: RedisServer) -> Iterator[Bench]:
    """A bench of its own in `folder` with the programs of the one in `source`."""
    bench = Bench(source, folder, mariadb)
    for part in ("sites", "logs", "config", "config/pids", "apps", "more"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "env").symlink_to(source / "env")
    for app in (source / "apps").iterdir():
        (folder / "apps" / app.name).symlink_to(app.resolve())
    (bench.sites / "assets").symlink_to(source / "sites" / "assets")
    (bench.sites / "apps.txt").write_text((source / "sites" / "apps.txt").read_text().strip())
    (bench.sites / "common_site_config.json").write_text(
        json.dumps(
            {
                "db_host": "127.0.0.1",
                "db_port": mariadb.port,
                "redis_cache": cache.url,
                "redis_queue": cache.url,
                "redis_socketio": cache.url,
                "developer_mode": 0,
            }
        )
    )
    yield bench


def own_sites(source: Path) -> list[tuple[Path, list[str]]]:
    """Sites of a bench and their apps; those whose database cannot be asked are left out."""
    found = []
    for config in sorted((source / "sites").glob("*/site_config.json")):
        values = json.loads(config.read_text())
        common = json.loads((source / "sites" / "common_site_config.json").read_text())
        try:
            with (
                contextlib.closing(
                    pymysql.connect(
                        host=common.get("db_host", "127.0.0.1"),
                        port=int(common.get("db_port", 3306)),
                        user=values["db_name"],
                        password=values["db_password"],
                        database=values["db_name"],
                        connect_timeout=5,
                    )
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("SELECT defvalue FROM tabDefaultValue WHERE defkey = 'installed_apps'")
                row = cursor.fetchone()
        except (pymysql.Error, KeyError):
            continue
        if row:
            found.append((config.parent, json.loads(row[0])))
    return found


def _address(source: Path) -> list[str]:
    common = json.loads((source / "sites" / "common_site_config.json").read_text())
    return [f"--host={common.get('db_host', '127.0.0.1')}", f"--port={common.get('db_port', 3306)}"]


def _write_dump(arguments: list[str], password: str, file: Path) -> None:
    half = file.with_suffix(".part")
    with half.open("wb") as out:
        subprocess.run(
            [program("mariadb-dump", "mysqldump"), *arguments],
            stdout=out,
            env={**os.environ, "MYSQL_PWD": password},
            check=True,
            timeout=_SECONDS,
        )
    half.rename(file)

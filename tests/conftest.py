"""Fixtures that every room's tests share: servers of their own, and a site as Frappe lays it out.

A server that is not installed skips the tests that need it, with a reason. Under `CI=true` it fails them:
there, "skipped" would mean that nobody tests against it.
"""

import contextlib
import gc
import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from baken.history.store import Store, open_store
from tests.servers import MariaDB, Postgres, RedisServer, Server, ServerMissingError, program, running

# They share one demo, which takes as long to make as some of these files take to run. The views take longer than all
# of these: they have a demo of their own.
_WITH_DEMO = re.compile(
    r"tests/e2e/test_(?:alerts_page|browser|charts_page|dashboards_page|demo|errors_page|frame)\.py::"
)
_VIEWS = "tests/e2e/test_views.py::"

# What takes longest begins first, so that no worker is left alone with it at the end.
_LONG = re.compile(
    r"tests/(?:e2e/|server/test_serve|alerts/test_watch|collector/test_run|history/test_retention|trends/|exporters/test_(?:zabbix_server|remote_write|prometheus_rules)|errors/test_(?:reader|echoes))"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which files are begun."""
    items.sort(
        key=lambda item: (
            not item.nodeid.startswith(_VIEWS),
            not _WITH_DEMO.match(item.nodeid),
            not _LONG.match(item.nodeid),
        )
    )


def pytest_collection_finish() -> None:
    """What was loaded by now stays until the end: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


class _OneDemo(LoadFileScheduling):  # type: ignore[misc]
    """Each file goes to one worker as a whole; the files that look at the demo all go to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/e2e with the demo" if _WITH_DEMO.match(nodeid) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """How tests are shared out with `--dist loadfile`."""
    return _OneDemo(config, log) if config.getvalue("dist") == "loadfile" else None


def in_ci() -> bool:
    """True when the environment says that this is the continuous integration."""
    return os.environ.get("CI", "").strip().lower() in {"1", "true", "yes", "on"}


_PREPARE_THEMSELVES = ("tests/history/test_store.py", "tests/history/test_people.py", "tests/history/test_backup.py")


@pytest.fixture(scope="session", autouse=True)
def _stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A store in a new file is a copy of one that was prepared once: preparing takes as long as many a test.

    Those that are about preparing do it themselves, and so do processes that tests start.
    """
    file = tmp_path_factory.mktemp("prepared") / "store.db"
    first = open_store(f"sqlite:///{file}")
    first.migrate()
    first.close()
    content = file.read_bytes()
    real = Store._prepare_file

    def prepare(store: Store) -> None:
        path = Path(store._address.database or "")
        about_it = os.environ.get("PYTEST_CURRENT_TEST", "").startswith(_PREPARE_THEMSELVES)
        new = store.dialect == "sqlite" and not path.exists() and not about_it
        real(store)
        if new:
            path.write_bytes(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "_prepare_file", prepare)
        yield


@pytest.fixture(scope="session", autouse=True)
def _the_log_is_left_alone() -> Iterator[None]:
    """A command that runs in this process sets the log up with its standard error, which ends with the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("baken.logs.configure", lambda _settings: None)
        yield


@contextlib.contextmanager
def _server(make: Callable[[Path], Server]) -> Iterator[Server]:
    try:
        with running(make) as server:
            yield server
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server for this run of the tests."""
    with _server(MariaDB) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for this run of the tests."""
    with _server(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server for this run of the tests; a test that writes flushes it."""
    with _server(RedisServer) as server:
        yield server


@dataclass(frozen=True)
class FrappeSite:
    """A site as Frappe wrote it: its bench folder, its database in MariaDB, its users' API keys.

    `api_keys` is user -> {"api_key", "api_secret"}. `database_url` connects with the site's own user.
    """

    bench: Path
    name: str
    api_keys: dict[str, dict[str, str]]
    database: str
    database_url: str
    mariadb: MariaDB
    redis: RedisServer

    @property
    def config(self) -> dict[str, Any]:
        """The site's site_config.json."""
        found: dict[str, Any] = json.loads((self.bench / "sites" / self.name / "site_config.json").read_text())
        return found


def reference_folder() -> Path:
    """Where the reference site lies: the environment's BAKEN_REFERENCE, or beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "reference" / "frappe-v15-site"
    return Path(os.environ.get("BAKEN_REFERENCE") or beside)


@pytest.fixture(scope="session")
def frappe_site(mariadb: MariaDB, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> FrappeSite:
    """A real Frappe 15 site with ERPNext and an association in it. Tests leave it as they found it."""
    source = reference_folder()
    dump = source / "site.sql.gz"
    if not dump.is_file():
        pytest.skip(f"no reference site at {source}; set BAKEN_REFERENCE to its folder")
    bench = tmp_path_factory.mktemp("frappe") / "frappe-bench"
    shutil.copytree(source / "bench", bench)
    sites = bench / "sites"

    common_file = sites / "common_site_config.json"
    common = json.loads(common_file.read_text())
    common |= {"db_host": "127.0.0.1", "db_port": mariadb.port}
    common |= {key: redis_server.url for key in common if key.startswith("redis_")}
    common_file.write_text(json.dumps(common, indent=1))

    name = common["default_site"]
    config = json.loads((sites / name / "site_config.json").read_text())
    database, password = config["db_name"], config["db_password"]
    mariadb.create_database(database)
    client = program("mariadb", "mysql")
    with gzip.open(dump) as packed:
        imported = subprocess.run(
            [
                client,
                "--no-defaults",
                f"--socket={mariadb.socket}",
                f"--user={mariadb.user}",
                f"--password={mariadb.password}",
                "--default-character-set=utf8mb4",
                database,
            ],
            input=packed.read(),
            capture_output=True,
            check=False,
        )
    if imported.returncode:
        pytest.fail(f"the reference site cannot be imported: {imported.stderr.decode()[-1000:]}")
    # A bench gives the site's user every right on the site's own database.
    mariadb.execute(f"CREATE OR REPLACE USER '{database}'@'%' IDENTIFIED BY '{password}'")
    mariadb.execute(f"GRANT ALL PRIVILEGES ON `{database}`.* TO '{database}'@'%'")
    mariadb.execute(f"ANALYZE TABLE `{database}`.`tabError Log`")
    return FrappeSite(
        bench=bench,
        name=name,
        api_keys=json.loads((source / "api_keys.json").read_text()),
        database=database,
        database_url=f"mysql+pymysql://{database}:{password}@127.0.0.1:{mariadb.port}/{database}?charset=utf8mb4",
        mariadb=mariadb,
        redis=redis_server,
    )

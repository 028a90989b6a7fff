"""A small site of its own for every test, that it may break, and a store beside it."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from baken import clock
from baken.demo.bench import make_bench
from baken.history.store import Store, open_store
from baken.settings import Settings, load
from baken.sites.watched import WatchedSites

# The site ends now: rounds ask it about the last weeks.
MADE = clock.now().replace(microsecond=0)


@pytest.fixture(scope="session")
def pristine_bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bench with one small SQLite site; copied, never changed."""
    path = tmp_path_factory.mktemp("pristine") / "bench"
    make_bench(path, members=60, now=MADE, progress=lambda _text, _share: None)
    return path


@dataclass
class Watched:
    """A bench that a test may break, with the settings, sites and store to watch it."""

    bench: Path
    settings: Settings
    sites: WatchedSites
    store: Store

    name = "demo.example.test"

    @property
    def database(self) -> Path:
        """The site's SQLite file."""
        return next((self.bench / "sites" / self.name / "db").glob("*.db"))

    @property
    def config(self) -> Path:
        """The site's site_config.json."""
        return self.bench / "sites" / self.name / "site_config.json"

    def execute(self, statement: str) -> None:
        """Change the site's database, as Frappe would."""
        with sqlite3.connect(self.database, timeout=10) as connection:
            connection.execute(statement)
        connection.close()


@pytest.fixture
def watched(pristine_bench: Path, tmp_path: Path) -> Iterator[Watched]:
    """A fresh copy of the small bench."""
    bench = tmp_path / "bench"
    shutil.copytree(pristine_bench, bench)
    settings = load(
        None,
        {
            "data_dir": str(tmp_path / "data"),
            "benches": [{"path": str(bench)}],
            "site_access": {"connect_seconds": 1, "statement_seconds": 2},
        },
    )
    store = open_store(settings.store_url)
    store.migrate()
    yield Watched(bench, settings, WatchedSites(settings), store)
    store.close()

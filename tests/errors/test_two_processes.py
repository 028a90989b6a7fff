"""Two processes that read the same site at the same time count its errors once, on every database."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from baken.errors import watermarks
from baken.errors.collect import collect
from baken.errors.watermarks import Known
from baken.history.store import Store, open_store
from baken.history.tables import error_counts
from tests.errors.logs import PSEUDONYMS, Log, site_at, store_at

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "mariadb", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        found = store_at(tmp_path / "store.db")
    else:
        found = open_store(request.getfixturevalue(request.param).create_database("two_processes"))
        found.migrate()
    yield found
    found.close()


def test_the_first_reading_counts_once(shared: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        log.add(f"row{number}", "2026-07-01 13:00:00.000000")
    both = threading.Barrier(2)
    load_all = watermarks.load_all

    def load(conn: Connection, site: str, *, lock: bool = False) -> Known:
        known = load_all(conn, site, lock=lock)
        if lock:
            # Where both get here before either has written, both would count.
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.5)
        return known

    monkeypatch.setattr(watermarks, "load_all", load)
    counted: list[Any] = []

    def run() -> None:
        try:
            with site_at(log.path).reading(NOW) as reading:
                counted.append(collect(reading, shared, NOW, PSEUDONYMS).rows)
        except Exception as problem:
            counted.append(problem)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == [0, 3]
    with shared.read() as conn:
        assert int(conn.execute(select(func.sum(error_counts.c.count))).scalar_one()) == 3

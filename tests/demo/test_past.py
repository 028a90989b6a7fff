"""The demo's metric history: it agrees with the rows it was made from, and with what is measured live."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from baken.demo.bench import DemoBench, make_bench
from baken.demo.grid import Grid, epochs
from baken.demo.past import write_past
from baken.history.store import Store, open_store

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def quiet(_text: str, _share: float) -> None:
    """Take progress and say nothing."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoBench, Store]]:
    folder: Path = tmp_path_factory.mktemp("past")
    bench = make_bench(folder / "b", members=200, now=NOW, progress=quiet)
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    store.migrate()
    written = write_past(store, bench.site, bench.database, now=NOW, days=10, seed=bench.seed, progress=quiet)
    assert written.series > 150
    yield bench, store
    store.close()


def latest(store: Store, metric: str) -> dict[str, float]:
    query = text(
        "SELECT s.labels, l.value FROM baken_series s JOIN baken_latest l ON l.series_id = s.id "
        "WHERE s.metric = :metric"
    )
    with store.read() as conn:
        rows = conn.execute(query, {"metric": metric}).all()
    return {",".join(json.loads(labels).values()): value for labels, value in rows}


def test_the_past_ends_where_the_rows_are(made: tuple[DemoBench, Store]) -> None:
    bench, store = made
    conn = sqlite3.connect(bench.database)
    for metric, statement in (
        ("association_members", "SELECT status, COUNT(*) FROM tabMember GROUP BY status"),
        ("sepa_mandates", 'SELECT status, COUNT(*) FROM "tabSEPA Mandate" GROUP BY status'),
        ("sepa_batches", 'SELECT status, COUNT(*) FROM "tabDirect Debit Batch" GROUP BY status'),
        ("erpnext_invoices", 'SELECT status, COUNT(*) FROM "tabSales Invoice" GROUP BY status'),
        ("erpnext_payments", 'SELECT status, COUNT(*) FROM "tabPayment Entry" GROUP BY status'),
        ("frappe_email_queue", 'SELECT status, COUNT(*) FROM "tabEmail Queue" GROUP BY status'),
    ):
        known = {status: value for status, value in latest(store, metric).items() if value}
        assert known == dict(conn.execute(statement)), metric
    outstanding = conn.execute('SELECT SUM(outstanding_amount) FROM "tabSales Invoice" WHERE docstatus = 1').fetchone()[
        0
    ]
    assert latest(store, "erpnext_outstanding_amount")[""] == pytest.approx(outstanding)
    conn.close()


def test_ratios_are_ratios_and_counters_only_rise(made: tuple[DemoBench, Store]) -> None:
    _, store = made
    with store.read() as conn:
        rows = conn.execute(
            text(
                "SELECT s.metric, h.min, h.max FROM baken_hourly h JOIN baken_series s ON s.id = h.series_id "
                "WHERE s.metric LIKE '%ratio'"
            )
        ).all()
    assert rows
    assert all(0 <= low <= high <= 1 for _, low, high in rows)


def test_host_figures_are_kept_apart_from_the_site(made: tuple[DemoBench, Store]) -> None:
    _, store = made
    with store.read() as conn:
        rows = conn.execute(text("SELECT DISTINCT site, metric FROM baken_series")).all()
    assert all(metric.startswith(("host_", "monitor_")) for site, metric in rows if not site)
    assert not any(metric.startswith("host_") for site, metric in rows if site)


def test_epochs_know_the_clock_changes() -> None:
    summer, winter, missing = epochs(["2026-07-01 12:00:00.000000", "2026-12-01 12:00:00.000000", None])
    assert datetime.fromtimestamp(summer / 1000, UTC) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert datetime.fromtimestamp(winter / 1000, UTC) == datetime(2026, 12, 1, 11, tzinfo=UTC)
    assert missing > NOW.timestamp() * 1000


def test_the_grid_is_finer_in_the_last_week() -> None:
    grid = Grid.until(NOW, 90)
    steps = {int(step) for step in grid.at[1:] - grid.at[:-1]}
    assert steps == {300_000, 900_000}
    assert grid.at[-1] <= NOW.timestamp() * 1000
    assert datetime.fromtimestamp(grid.at[0] / 1000, UTC) - NOW >= -timedelta(days=90)

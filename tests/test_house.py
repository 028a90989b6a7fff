"""How the house is built: floors, names, and that nothing is named in two places."""

import re
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL

from baken.collector.cycle import run_site
from baken.demo.bench import make_bench
from baken.demo.past import write_past
from baken.history import samples
from baken.history.store import open_store
from baken.metrics import catalogue
from baken.settings import load
from baken.sites.site import Site, SiteConfig

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def test_floors_import_downwards_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("entry", catalogue.metrics(), ids=lambda entry: entry.name)
def test_every_metric_is_described(entry: catalogue.Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", entry.name)
    assert not entry.name.startswith("__")
    assert entry.help.strip() == entry.help
    assert len(entry.help) > 10
    assert entry.unit
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in entry.labels)
    assert len(set(entry.labels)) == len(entry.labels)
    assert (entry.kind == "counter") == entry.name.endswith("_total")
    assert catalogue.TEN_SECONDS <= entry.every <= timedelta(days=1)
    # What the name ends with is the unit.
    for ending, unit in (("_seconds", "seconds"), ("_bytes", "bytes"), ("_ratio", "ratio")):
        if entry.name.removesuffix("_total").endswith(ending):
            assert entry.unit == unit
    assert entry.domain in catalogue.DOMAINS
    assert entry.name.startswith(f"{entry.domain}_")


def test_no_metric_is_defined_in_two_places() -> None:
    defined = Counter(
        name
        for file in (ROOT / "baken" / "metrics").glob("*.py")
        for name in re.findall(r"@(?:catalogue\.)?metric\(\s*\"([a-z0-9_]+)\"", file.read_text())
    )
    assert {name: times for name, times in defined.items() if times > 1} == {}
    assert set(defined) <= {entry.name for entry in catalogue.metrics()}


def test_the_demos_past_knows_only_metrics_of_the_catalogue(tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", members=60, now=NOW, progress=lambda _text, _share: None)
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    write_past(store, bench.site, bench.database, now=NOW, days=2, progress=lambda _text, _share: None)
    with store.read() as connection:
        found = {(entry.metric, frozenset(entry.labels)) for entry in samples.latest(connection, bench.site)}
        found |= {(entry.metric, frozenset(entry.labels)) for entry in samples.latest(connection, "")}
    store.close()
    assert len(found) > 50
    for name, labels in found:
        entry = catalogue.get(name)
        assert entry is not None, name
        assert labels == set(entry.labels), name


def test_no_constant_poses_as_a_measurement(tmp_path: Path) -> None:
    """Defect 10: a security score of 85, 10 connections, 65 % of the cache, without asking anybody.

    Of a site that cannot be reached nothing is measured but that it cannot be reached.
    """
    settings = load(None, {"data_dir": str(tmp_path), "site_access": {"connect_seconds": 1}})
    config = SiteConfig(
        "gone.test",
        URL.create("sqlite", database=str(tmp_path / "gone.db")),
        redis_cache="redis://127.0.0.1:9",
        redis_queue="redis://127.0.0.1:9",
        bench_id="gone",
        url="http://127.0.0.1:9",
    )
    names = {entry.name for entry in catalogue.metrics("site")} | {kind.kind for kind in catalogue.observations()}
    run = run_site(Site(config, settings), names, NOW, 60)
    assert {(sample.metric, sample.value) for sample in run.samples} == {
        ("database_up", 0),
        ("frappe_site_up", 0),
        ("frappe_redis_up", 0),
    }
    told = {sample.metric for sample in run.samples}
    assert names - told == set(run.absences) - told
    assert all(len(reason) > 15 for reason in run.absences.values())
    assert run.observations == {}


def test_an_empty_site_has_zeros_where_it_was_counted_and_reasons_elsewhere(tmp_path: Path) -> None:
    """Defect 10: 100 % of the payments succeeded on a site that had none."""
    bench = make_bench(tmp_path / "bench", members=60, now=NOW, progress=lambda _text, _share: None)
    with sqlite3.connect(bench.database) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table != "tabSingles" and not table.startswith("sqlite_"):
                connection.execute(f'DELETE FROM "{table}"')
    connection.close()
    settings = load(None, {"data_dir": str(tmp_path / "data")})
    site = Site(SiteConfig("empty.test", URL.create("sqlite", database=str(bench.database))), settings)
    run = run_site(site, {entry.name for entry in catalogue.metrics("site")}, NOW, 60)
    invented = {
        sample.metric: sample.value
        for sample in run.samples
        if sample.value != 0 and catalogue_domain(sample.metric) in ("erpnext", "association", "sepa")
    }
    assert invented == {}
    assert "erpnext_payment_success_ratio" in run.absences


def catalogue_domain(name: str) -> str:
    """The domain of the metric called `name`."""
    entry = catalogue.get(name)
    assert entry is not None
    return entry.domain

"""The demo's further sites: found, with their own people, and with what is wrong with some of them."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baken.demo import fleet
from baken.demo.bench import DATABASE, DemoBench, make_bench, open_bench
from baken.demo.rhythm import ZONE
from baken.demo.world import SITE
from baken.settings import load
from baken.sites import users
from baken.sites.problems import SiteUnreachable
from baken.sites.watched import WatchedSites

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> DemoBench:
    folder = tmp_path_factory.mktemp("fleet")
    made = make_bench(folder / "bench", members=60, now=NOW, progress=lambda _text, _share: None)
    shares: list[float] = []
    fleet.add_sites(made, 4, now=NOW, progress=lambda _text, share: shares.append(share))
    assert shares == [0, 0.25, 0.5, 0.75]
    fleet.stir(made, NOW)
    return made


def watched(bench: DemoBench) -> WatchedSites:
    return WatchedSites(load(None, {"data_dir": str(bench.path / "data"), "benches": [{"path": str(bench.path)}]}))


def errors_since(bench: DemoBench, name: str, since: datetime) -> int:
    file = bench.path / "sites" / name / "db" / f"{DATABASE}.db"
    here = str(since.astimezone(ZONE).replace(tzinfo=None))
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as conn:
        return int(conn.execute('SELECT count(*) FROM "tabError Log" WHERE modified >= ?', (here,)).fetchone()[0])


def test_the_sites_are_found_and_the_demos_own_is_the_first(bench: DemoBench) -> None:
    sites = watched(bench)
    assert list(sites) == sorted([SITE, *fleet.names(4)])
    assert next(iter(sites)) == SITE
    assert sites.troubles == {}
    assert fleet.known(bench) == 4
    assert not [path.name for path in bench.path.parent.iterdir() if path.name.startswith(".baken")]


def test_names_are_the_sites_own_and_come_after_the_demos() -> None:
    found = fleet.names(fleet.MOST)
    assert len(set(found)) == fleet.MOST
    assert min(found) > SITE
    assert fleet.names(3) == found[:3]


def test_people_sign_in_as_on_the_demos_own_site(bench: DemoBench) -> None:
    sites = watched(bench)
    for number, name in enumerate(fleet.names(4)):
        if number == fleet.AWAY:
            with pytest.raises(SiteUnreachable), sites[name].reading() as reading:
                users.find(reading, "admin@example.test")
            continue
        with sites[name].reading() as reading:
            found = users.find(reading, "admin@example.test")
            assert found is not None
            assert users.check_password(reading, found.name, "baken-demo")


def test_what_is_wrong_with_some(bench: DemoBench) -> None:
    names = fleet.names(4)
    hour = NOW - timedelta(hours=1)
    assert errors_since(bench, names[fleet.STORM], hour) > 200
    assert errors_since(bench, names[0], hour) < 50
    ages = {
        name: max(file.stat().st_mtime for file in (bench.path / "sites" / name / "private" / "backups").iterdir())
        for name in names
    }
    assert NOW.timestamp() - ages[names[fleet.NO_BACKUP]] > 3 * 86400
    assert NOW.timestamp() - ages[names[0]] < 2 * 86400


def test_at_the_next_start_they_have_other_ports_and_another_storm(bench: DemoBench) -> None:
    later = NOW + timedelta(hours=6)
    again = open_bench(bench.path, redis_port=14001, web_port=14002)
    assert again is not None
    fleet.stir(again, later)
    for name in fleet.names(4):
        assert ":14002" in (bench.path / "sites" / name / "site_config.json").read_text()
    assert errors_since(again, fleet.names(4)[fleet.STORM], later - timedelta(hours=1)) > 200
    fleet.stir(again, later)


def test_a_bench_without_further_sites(tmp_path: Path) -> None:
    bare = DemoBench(tmp_path, 1, 60, NOW, 1, 2)
    assert fleet.known(bare) == 0
    fleet.stir(bare, NOW)
    (tmp_path / "fleet.json").write_text("nonsense")
    assert fleet.known(bare) == 0

"""Benches are found and read the way Frappe reads them, and what is wrong is told for people."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from baken.settings import Bench, RemoteSite, Settings
from baken.sites import bench as benches
from baken.sites.bench import find_sites, read_site, remote_site, site_names
from baken.sites.problems import BenchProblem, NotAvailable


def make(folder: Path, common: dict[str, Any] | None = None, **sites: dict[str, Any]) -> Path:
    """A bench folder with sites; `__` in a site's name stands for a dot."""
    (folder / "sites").mkdir(parents=True)
    if common is not None:
        (folder / "sites" / "common_site_config.json").write_text(json.dumps(common))
    for name, config in sites.items():
        place = folder / "sites" / name.replace("__", ".")
        place.mkdir()
        (place / "site_config.json").write_text(json.dumps(config))
    return folder


OWN = {"db_name": "_abc", "db_password": "s3cret"}


def test_sites_are_the_folders_with_a_configuration(tmp_path: Path) -> None:
    bench = make(tmp_path / "b", {}, two__example=OWN, one__example=OWN)
    (bench / "sites" / "assets").mkdir()
    assert site_names(bench) == ["one.example", "two.example"]


def test_what_the_configuration_means(tmp_path: Path) -> None:
    common = {
        "db_host": "db.internal",
        "redis_cache": "redis://127.0.0.1:13000",
        "redis_queue": "127.0.0.1:11000",
        "webserver_port": 8001,
        "maintenance_mode": 0,
    }
    bench = make(tmp_path / "frappe-bench", common, a__example=OWN | {"maintenance_mode": 1, "encryption_key": "k"})
    config = read_site(bench, "a.example")
    url = config.database_url
    assert (url.host, url.port, url.username, url.password, url.database) == (
        "db.internal", 3306, "_abc", "s3cret", "_abc"
    )  # fmt: skip
    assert config.redis_queue == "redis://127.0.0.1:11000"
    assert config.bench_id == str(bench.resolve()).strip("/").replace("/", "-")
    assert (config.url, config.host) == ("http://127.0.0.1:8001", "a.example")
    assert config.flags["maintenance_mode"] == 1  # the site's own wins
    assert "s3cret" not in repr(config)


def test_databases_of_three_kinds(tmp_path: Path) -> None:
    bench = make(
        tmp_path / "b",
        {},
        pg=OWN | {"db_type": "postgres", "db_port": "6000", "db_user": "me"},
        lite={"db_name": "x", "db_type": "sqlite"},
        sock=OWN | {"db_socket": "/run/mysqld.sock"},
    )
    postgres = read_site(bench, "pg").database_url
    assert (postgres.drivername, postgres.port, postgres.username) == ("postgresql+psycopg2", 6000, "me")
    assert read_site(bench, "lite").database_url.database == str(bench / "sites" / "lite" / "db" / "x.db")
    socket = read_site(bench, "sock").database_url
    assert (socket.host, socket.query["unix_socket"]) == (None, "/run/mysqld.sock")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"db_name": "x"}, "no database password in sites/a/site_config.json; set db_password"),
        ({"db_password": "x"}, "no db_name in sites/a/site_config.json"),
        (OWN | {"db_type": "oracle"}, "mariadb, postgres and sqlite"),
        (OWN | {"db_port": "many"}, "no number"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(BenchProblem) as caught:
        read_site(make(tmp_path / "b", {}, a=config), "a")
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"db_name": "x",', "line 1, column 17"),
        (b"[1]", "no JSON object"),
        (b'{"db_name": "\xff"}', "UTF-8"),
    ],
)
def test_a_broken_file_is_named_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    bench = make(tmp_path / "b", {}, a=OWN)
    (bench / "sites" / "a" / "site_config.json").write_bytes(content)
    with pytest.raises(BenchProblem, match=said) as caught:
        read_site(bench, "a")
    assert "site_config.json" in str(caught.value)


def test_an_unknown_site_names_the_known_ones(tmp_path: Path) -> None:
    bench = make(tmp_path / "b", {}, one=OWN, two=OWN)
    with pytest.raises(BenchProblem, match=r"no site 'three'.*it has: one, two"):
        read_site(bench, "three")


def test_a_folder_that_is_no_bench(tmp_path: Path) -> None:
    with pytest.raises(BenchProblem, match="no folder"):
        site_names(tmp_path / "nowhere")
    with pytest.raises(BenchProblem, match="is no bench"):
        site_names(tmp_path)
    (tmp_path / "sites").mkdir()
    with pytest.raises(BenchProblem, match="has no sites"):
        site_names(tmp_path)


def test_one_broken_site_keeps_no_other_from_being_watched(tmp_path: Path) -> None:
    bench = make(tmp_path / "b", {}, good=OWN, bad={})
    remote = RemoteSite(name="far", database_url=SecretStr("postgresql+psycopg2://u:p@h/d"))
    twin = RemoteSite(name="good", database_url=SecretStr("sqlite:////x.db"))
    settings = Settings(benches=[Bench(path=bench), Bench(path=tmp_path / "gone")], sites=[remote, twin])
    configs, troubles = find_sites(settings)
    assert [config.name for config in configs] == ["far", "good"]
    assert [name for name, _ in troubles] == ["bad", str(tmp_path / "gone"), "good"]


@pytest.mark.parametrize("url", ["no url", "oracle://u:p@h/d"])
def test_a_remote_site_needs_a_database_that_can_be_read(url: str) -> None:
    with pytest.raises(BenchProblem, match="database_url of site far"):
        remote_site(RemoteSite(name="far", database_url=SecretStr(url)))


def test_switches_are_read_as_they_are_now(tmp_path: Path) -> None:
    bench = make(tmp_path / "b", {"pause_scheduler": 1}, a=OWN)
    config = read_site(bench, "a")
    assert benches.flags(config) == {"pause_scheduler": 1}
    (bench / "sites" / "a" / "site_config.json").write_text(json.dumps(OWN | {"pause_scheduler": 0}))
    assert benches.flags(config) == {"pause_scheduler": 0}
    (bench / "sites" / "a" / "site_config.json").write_text("{")
    with pytest.raises(BenchProblem, match="not valid JSON"):
        benches.flags(config)
    with pytest.raises(NotAvailable, match="another machine"):
        benches.flags(remote_site(RemoteSite(name="far", database_url=SecretStr("sqlite:////x.db"))))


@pytest.mark.parametrize(
    ("value", "on"), [(1, True), ("1", True), (True, True), (0, False), ("", False), ("no", False)]
)
def test_switches_are_read_as_leniently_as_frappe_does(value: Any, on: bool) -> None:
    assert benches.is_on({"maintenance_mode": value}, "maintenance_mode") is on
    assert not benches.is_on({}, "maintenance_mode")

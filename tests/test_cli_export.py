"""The commands `baken export prometheus-…`: what they write, what they never write, and what they refuse."""

import json
import os
import re
import stat
from pathlib import Path

import pytest
import yaml

from baken.exporters import prometheus_targets
from baken.exporters.prometheus_targets import Address
from baken.settings import load
from tests.test_cli import SITE, Run, bench, pristine, run

__all__ = ["bench", "pristine", "run"]

DATA = ("--data-dir", "data")
TOKEN = "a-token-of-prometheus"


def settings(folder: Path, text: str) -> Path:
    file = folder / "own.toml"
    file.write_text(text)
    return file


def test_rules_go_to_standard_output_or_into_a_file(run: Run, tmp_path: Path) -> None:
    ended = run("export", "prometheus-rules", *DATA)
    assert ended.code == 0, ended.err
    assert {group["name"] for group in yaml.safe_load(ended.out)["groups"]} >= {"baken.records", "baken.errors"}
    into = run("export", "prometheus-rules", "--out", "rules.yml", "--language", "nl", "--no-keep", *DATA)
    assert into.code == 0 and into.out == "" and "wrote rules.yml" in into.err
    written = (tmp_path / "rules.yml").read_text()
    assert "keep_firing_for" not in written and "fouten binnen een uur" in written


def test_a_file_of_rules_that_cannot_be_used_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rules.toml").write_text("[HIGH_ERROR_RATE]\nabove = 'many'\n")
    ended = run("export", "prometheus-rules", "--out", "rules.yml", *DATA)
    assert ended.code == 1 and "rules.toml:2: HIGH_ERROR_RATE" in ended.err
    assert not (tmp_path / "rules.yml").exists()


def test_the_configuration_holds_no_secret_unless_it_is_asked_to(run: Run, tmp_path: Path) -> None:
    file = settings(
        tmp_path, f'[exporters.prometheus]\ntoken = "{TOKEN}"\n[alerts]\npublic_url = "https://b.example"\n'
    )
    ended = run("export", "prometheus-config", "--config", str(file))
    assert ended.code == 0, ended.err
    assert TOKEN not in ended.out + ended.err
    (scrape,) = yaml.safe_load(ended.out)["scrape_configs"]
    assert scrape["authorization"] == {"type": "Bearer", "credentials_file": "/etc/prometheus/baken.token"}
    assert (scrape["scheme"], scrape["static_configs"]) == ("https", [{"targets": ["b.example:443"]}])
    secret = run("export", "prometheus-config", "--with-token", "--out", "prometheus.yml", "--config", str(file))
    assert secret.code == 0 and "this holds a secret" in secret.err and TOKEN not in secret.err
    written = (tmp_path / "prometheus.yml").read_text()
    assert TOKEN in written and "# THIS FILE HOLDS A SECRET" in written
    assert stat.S_IMODE((tmp_path / "prometheus.yml").stat().st_mode) == 0o600


def test_the_configuration_of_a_page_that_is_closed_says_so(run: Run) -> None:
    ended = run("export", "prometheus-config", *DATA)
    assert "# /metrics is closed: set exporters.prometheus.token or exporters.prometheus.allow" in ended.out
    assert run("export", "prometheus-config", "--with-token", *DATA).code == 2


@pytest.mark.parametrize(
    ("arguments", "key", "wanted"),
    [
        (
            ("--discover",),
            "http_sd_configs",
            [{"url": "http://127.0.0.1:8800/metrics/targets", "refresh_interval": "5m"}],
        ),
        (("--targets", "/etc/t.json"), "file_sd_configs", [{"files": ["/etc/t.json"]}]),
        (("--address", "10.0.0.5:9000"), "static_configs", [{"targets": ["10.0.0.5:9000"]}]),
        (("--https",), "scheme", "https"),
    ],
)
def test_ways_to_fetch(run: Run, arguments: tuple[str, ...], key: str, wanted: object) -> None:
    ended = run("export", "prometheus-config", *arguments, *DATA)
    assert ended.code == 0, ended.err
    assert yaml.safe_load(ended.out)["scrape_configs"][0][key] == wanted


def test_wishes_that_cannot_be_met(run: Run) -> None:
    both = run("export", "prometheus-config", "--discover", "--targets", "t.json", *DATA)
    assert both.code == 2 and "exclude each other" in both.err
    scheme = run("export", "prometheus-config", "--address", "https://b.example", *DATA)
    assert scheme.code == 2 and "HOST:PORT" in scheme.err
    language = run("export", "prometheus-rules", "--language", "de", *DATA)
    assert language.code == 2 and "en and nl" in language.err
    interval = run("export", "prometheus-rules", "--interval", "30", *DATA)
    assert interval.code == 2 and "30s or 1m" in interval.err
    nowhere = run("export", "prometheus-rules", "--out", "no/such/folder/rules.yml", *DATA)
    assert nowhere.code == 1 and "cannot be written: No such file or directory" in nowhere.err


def test_targets_of_all_watched_sites(run: Run, bench: Path, tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text("[]")
    ended = run("export", "prometheus-targets", "--bench", str(bench), "--out", str(file), *DATA)
    assert ended.code == 0, ended.err
    host, site = json.loads(file.read_text())
    assert host["labels"]["__param_host"] == "1" and "instance" not in host["labels"]
    assert site["labels"] == {
        "__metrics_path__": "/metrics", "__scheme__": "http", "__param_site": SITE, "instance": SITE,
    }  # fmt: skip
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".targets")] == []
    good = file.read_text()
    wrong = run("export", "prometheus-targets", "--bench", str(bench), "--site", "nope", "--out", str(file), *DATA)
    assert wrong.code == 1 and "no site can be watched; nothing was written" in wrong.err
    assert file.read_text() == good


def test_a_file_is_written_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "targets.json"
    file.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        prometheus_targets.write_whole(file, "new")
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("public_url", "host", "wanted"),
    [
        ("", "127.0.0.1", Address("127.0.0.1:8800", False)),
        ("", "0.0.0.0", Address("127.0.0.1:8800", False)),
        ("", "::1", Address("[::1]:8800", False)),
        ("https://baken.example/", "127.0.0.1", Address("baken.example:443", True)),
        ("http://[2001:db8::1]:8000", "127.0.0.1", Address("[2001:db8::1]:8000", False)),
    ],
)
def test_where_baken_is_reached(public_url: str, host: str, wanted: Address) -> None:
    made = load(None, {"alerts": {"public_url": public_url}, "server": {"host": host}})
    assert prometheus_targets.address_of(made) == wanted


PAGE = (Path(__file__).resolve().parent.parent / "docs" / "prometheus.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_settings_on_the_page_can_be_used(block: str, tmp_path: Path) -> None:
    made = load(settings(tmp_path, block), {"data_dir": str(tmp_path)}).exporters.prometheus
    assert made.token is not None or made.allow


def test_commands_and_options_on_the_page_exist(run: Run) -> None:
    known = {}
    for command in set(re.findall(r"baken export ([a-z-]+)", PAGE)):
        ended = run("export", command, "--help")
        assert ended.code == 0, command
        known[command] = set(re.findall(r"--[a-z-]+", ended.out))
    assert known.keys() >= {"prometheus-rules", "prometheus-config", "prometheus-targets", "alertmanager-inhibitions"}
    said = set(re.findall(r"`(?:[^`]*\s)?(--[a-z-]+)", PAGE)) | set(re.findall(r"\s(--[a-z-]+)", PAGE))
    assert said <= set().union(*known.values()), said

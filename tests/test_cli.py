"""The command line: what it prints, what it refuses, its exit statuses; never a traceback."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from baken import __version__, cli
from baken.api import registry
from baken.demo.bench import make_bench
from tests.e2e.served import command, environment

SITE = "demo.example.test"
COMMANDS = ("serve", "demo", "collect", "sites", "doctor", "call")


@dataclass(frozen=True)
class Ended:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "bench"
    make_bench(path, members=60, now=datetime.now(UTC), progress=lambda _text, _share: None)
    return path


@pytest.fixture
def bench(pristine: Path, tmp_path: Path) -> Path:
    """A bench with one small SQLite site that a test may break."""
    # The backups are holes that a copy would fill.
    return Path(shutil.copytree(pristine, tmp_path / "bench", ignore=shutil.ignore_patterns("*.sql.gz")))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, in an empty folder."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["baken", *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Ended(code if isinstance(code, int) else int(code is not None), said.out, said.err)

    return call


def _process(folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*args),
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def _config(bench: Path, site: str = SITE) -> Path:
    return bench / "sites" / site / "site_config.json"


def _add_site(bench: Path, name: str, content: str) -> None:
    _config(bench, name).parent.mkdir(parents=True)
    _config(bench, name).write_text(content)


def test_help_and_version_as_processes(tmp_path: Path) -> None:
    helped = _process(tmp_path, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert all(f" {name} " in helped.stdout for name in COMMANDS)
    version = _process(tmp_path, "--version")
    assert (version.returncode, version.stdout.strip(), version.stderr) == (0, __version__, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_worth_reading(name: str, run: Run) -> None:
    ended = run(name, "--help")
    assert ended.code == 0
    found = next(entry for entry in cli.app.registered_commands if entry.callback and entry.callback.__name__ == name)
    assert found.callback is not None
    first = str(found.callback.__doc__).split(".")[0].split(":")[0]
    assert " ".join(first.split()[:4]) in " ".join(ended.out.split())
    options = [word for word in ended.out.split() if word.startswith("--")]
    assert len(options) > 3
    for line in ended.out.splitlines():
        if line.startswith("│ --") and "--help" not in line:
            assert len(line.split()) > 4, f"an option without a text: {line}"


def test_no_command_shows_the_help(run: Run) -> None:
    ended = run()
    assert ended.code == 2
    assert "baken demo" in " ".join((ended.out + ended.err).split())


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--bogus"], "No such option: --bogus"),
        (["watch"], "No such command 'watch'"),
        (["serve", "--prot", "1"], "No such option: --prot"),
        (["serve", "--port", "99999"], "Invalid value for '--port'"),
        (["serve", "--port", "http"], "Invalid value for '--port'"),
        (["demo", "--members", "49"], "Invalid value for '--members'"),
        (["demo", "--host", "0.0.0.0"], "baken: the demo listens on loopback only, not on 0.0.0.0: its passwords are"),
    ],
)
def test_wrong_usage_is_status_2(args: list[str], told: str, run: Run) -> None:
    ended = run(*args)
    assert (ended.code, ended.out) == (2, "")
    assert told in " ".join(ended.err.split())


@pytest.mark.parametrize("name", ["serve", "collect", "sites", "doctor"])
def test_no_sites_to_watch(name: str, run: Run) -> None:
    ended = run(name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("baken: no sites to watch; give --bench PATH, or name")


def test_sites(bench: Path, run: Run) -> None:
    ended = run("sites", "--bench", str(bench), "--json")
    assert (ended.code, ended.err) == (0, "")
    (found,) = json.loads(ended.out)
    assert (found["site"], found["database"], found["problem"]) == (SITE, "sqlite", None)
    _add_site(bench, "x", '{"db_name": "x"}')
    ended = run("sites", "--bench", str(bench))
    assert ended.code == 1
    assert SITE in ended.out
    assert "…" not in ended.out, "nothing is cut off"
    assert "\nx cannot be watched: site 'x' has no database password in sites/x/site_config.json" in ended.out
    ended = run("sites", "--bench", str(bench), "--site", SITE)
    assert ended.code == 0


def test_a_bench_without_sites(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty" / "sites").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    for name, told in (
        ("empty", "has no sites: no folder below"),
        ("other", "is no bench: it has no folder sites/"),
        ("nowhere", "is no folder; give the path of the bench"),
    ):
        ended = run("collect", "--once", "--bench", str(tmp_path / name))
        assert ended.code == 1
        assert told in ended.err
        assert str(tmp_path / name) in ended.err


@pytest.mark.parametrize("args", [["serve", "--port", "0"], ["collect", "--once"], ["call", "baken.get_sites"]])
def test_a_missing_database_password_is_told_word_for_word(args: list[str], tmp_path: Path, run: Run) -> None:
    _add_site(tmp_path / "b", "x", '{"db_name": "x"}')
    ended = run(*args, "--bench", str(tmp_path / "b"))
    assert ended.code == 1
    assert ended.err.startswith("baken: site 'x' has no database password in sites/x/site_config.json")


def test_broken_json_is_told_with_line_and_column(bench: Path, run: Run) -> None:
    _config(bench).write_text('{\n "db_name": "x",\n "db_type" "sqlite"\n}')
    ended = run("call", "baken.get_sites", "--bench", str(bench))
    assert ended.code == 1
    assert f"baken: {_config(bench)} is not valid JSON (line 3, column 12)" in ended.err
    assert json.loads(run("sites", "--bench", str(bench), "--json").out)[0]["problem"] in ended.err


def test_doctor_of_a_site_that_can_be_watched(bench: Path, run: Run) -> None:
    ended = run("doctor", "--bench", str(bench))
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert f"{SITE} can be watched" in lines
    assert any(line.startswith("  ok     database             sqlite ") for line in lines)
    assert any("queue Redis" in line and "does not answer" in line and "check that it runs" in line for line in lines)
    assert any(line.startswith("  partly errors ") and "sources can be read" in line for line in lines)
    assert any(line.startswith("  no       Deferred") and "does not answer" in line for line in lines)
    assert all(line.startswith(("  ok ", "  partly ", "  no ")) for line in lines if line and SITE not in line), lines
    found = json.loads(run("doctor", "--bench", str(bench), "--json").out)
    assert found["sites"][SITE]["watchable"] is True
    assert {finding["state"] for finding in found["sites"][SITE]["findings"]} == {"ok", "partly", "no"}


def test_doctor_of_sites_that_cannot_be_watched(bench: Path, run: Run) -> None:
    next((bench / "sites" / SITE / "db").glob("*.db")).rename(bench / "away.db")
    _add_site(bench, "x", '{"db_name": "x"}')
    ended = run("doctor", "--bench", str(bench))
    assert ended.code == 1
    assert f"{SITE} cannot be watched" in ended.out
    assert "unable to open database file" in ended.out
    assert "site 'x' has no database password in sites/x/site_config.json; set db_password" in ended.out
    found = json.loads(run("doctor", "--bench", str(bench), "--json").out)
    assert found["sites"][SITE]["watchable"] is False
    assert list(found["problems"]) == ["x"]


def test_collect_once_measures_what_can_be_and_tells_the_rest(bench: Path, run: Run) -> None:
    ended = run("collect", "--once", "--bench", str(bench))
    assert ended.code == 0
    assert f"{SITE}: " in ended.out
    assert " samples, " in ended.out
    _add_site(bench, "a.gone", '{"db_name": "gone", "db_type": "sqlite"}')
    _add_site(bench, "x", '{"db_name": "x"}')
    ended = run("collect", "--once", "--bench", str(bench))
    assert ended.code == 1
    assert "site 'x' has no database password" in ended.err
    gone, good = ended.out.splitlines()
    assert "unable to open database file" in gone
    assert f"{SITE}: " in good, "a site that fails does not keep the others from being told"


def test_call(bench: Path, run: Run) -> None:
    where = ("--bench", str(bench))
    listed = run("call")
    assert listed.code == 0
    for method in registry.methods():
        assert f"\n{method.short}  " in f"\n{listed.out}"
        assert listed.out.count(f"  {method.name}\n") == (method.name != method.short)
    before = json.loads(run("call", "baken.get_system_metrics", "--json", *where).out)
    assert before["members"]["total"] is None
    assert before["absent"]["members"]
    assert run("collect", "--once", *where).code == 0
    name = "verenigingen.www.monitoring_dashboard.get_system_metrics"
    ended = run("call", name, "--json", *where)
    assert (ended.code, ended.err, ended.out.count("\n")) == (0, "", 1)
    assert json.loads(ended.out)["members"]["total"] == 60
    assert json.loads(run("call", name, *where).out)["members"]["total"] == 60
    errors = run("call", "baken.get_recent_errors", "--args", '{"hours": 48, "limit": 1}', "--json", *where)
    assert len(json.loads(errors.out)["patterns"]) == 1


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["get_nothing"], 2, "there is no method get_nothing"),
        (["baken.get_series"], 2, "argument metric is missing; expected"),
        (["baken.get_series", "--args", "{hours: 1}"], 2, "--args is not valid JSON"),
        (["baken.get_series", "--args", "[1]"], 2, "--args must be a JSON object"),
        (["baken.get_series", "--args", '{"days": 1}'], 2, "unknown argument 'days'; baken.get_series takes: metric,"),
        (["baken.get_series", "--args", '{"metric": "x"}'], 2, "argument metric is 'x'; expected a name from"),
        (["baken.get_recent_errors", "--args", '{"hours": "x"}'], 2, "argument hours is 'x'; expected a whole number"),
        (["baken.get_recent_errors", "--args", '{"hours": 0}'], 2, "argument hours is '0'; expected a whole number"),
        (["baken.get_sites", "--site", "y"], 1, f"no site 'y' is watched; there are: {SITE}"),
    ],
)
def test_a_call_that_cannot_be_made(args: list[str], code: int, told: str, bench: Path, run: Run) -> None:
    ended = run("call", *args, "--bench", str(bench))
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.replace("is 0;", "is '0';").startswith(f"baken: {told}"), ended.err


def test_of_several_sites_one_is_chosen(bench: Path, run: Run) -> None:
    shutil.copytree(bench / "sites" / SITE, bench / "sites" / "second")
    ended = run("call", "baken.get_sites", "--bench", str(bench))
    assert ended.code == 2
    assert f"several sites are watched; choose one with --site: {SITE}, second" in ended.err
    assert run("call", "baken.get_sites", "--site", "second", "--bench", str(bench)).code == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[server]\nprot = 1", "unknown setting server.prot (baken.toml or environment); did you mean port?"),
        ("[server\n", "baken.toml is not valid TOML: "),
        ('[server]\nport = "http"', "setting server.port "),
    ],
)
def test_a_wrong_settings_file(content: str, told: str, tmp_path: Path, run: Run) -> None:
    (tmp_path / "baken.toml").write_text(content)
    ended = run("sites")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"baken: {told}")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[[exporters.remote_write]]\nurl = "vm:8428"', "exporters.remote_write: "),
        ('[[exporters.alertmanagers]]\nurl = "am:9093"', "exporters.alertmanagers: Alertmanager address "),
        (
            '[[exporters.zabbix]]\nserver = "zbx"\npsk = "xyz"',
            "exporters.zabbix zbx: psk_identity and psk belong together",
        ),
    ],
)
def test_a_target_that_cannot_be_used_is_told_before_anything_runs(
    content: str, told: str, bench: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "baken.toml").write_text(content)
    ended = run("serve", "--bench", str(bench), "--port", "0")
    assert (ended.code, ended.out) == (1, "")
    assert f"baken: {told}" in ended.err and "Traceback" not in ended.err


def test_a_settings_file_that_is_not_there(run: Run) -> None:
    ended = run("sites", "--config", "nowhere.toml")
    assert ended.code == 1
    assert "baken: settings file nowhere.toml does not exist; give the path of a baken.toml" in ended.err


def test_a_place_where_nothing_can_be_written(bench: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("")
    ended = run("collect", "--once", "--bench", str(bench), "--data-dir", str(tmp_path / "file"))
    assert ended.code == 1
    assert ended.err.startswith(f"baken: the store {tmp_path / 'file' / 'baken.db'} cannot be made or written: ")
    ended = run("demo", "--dir", str(tmp_path / "file" / "demo"), "--port", "0", "--members", "50")
    assert ended.code == 2
    assert f"baken: the demo cannot be made in {tmp_path / 'file' / 'demo'}: " in ended.err
    assert "--dir" in ended.err


def test_a_demo_does_not_replace_what_is_no_demo(bench: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "mine" / "bench").mkdir(parents=True)
    (tmp_path / "mine" / "bench" / "letters.txt").write_text("dear")
    ended = run("demo", "--dir", str(tmp_path / "mine"), "--port", "0", "--members", "50")
    assert ended.code == 2
    assert "is not a demo bench; give a folder that is empty or does not exist" in ended.err
    assert (tmp_path / "mine" / "bench" / "letters.txt").read_text() == "dear"


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_that_is_not_this_machines(host: str, bench: Path, run: Run) -> None:
    ended = run("serve", "--bench", str(bench), "--host", host)
    assert ended.code == 1
    assert ended.err.startswith(f"baken: cannot listen on {host} port 8800: ")
    assert "give an address of this machine with --host" in ended.err


def test_ctrl_c_is_status_130(run: Run, bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("baken.collector.doctor.examine", interrupted)
    assert run("doctor", "--bench", str(bench)).code == 130


def test_backfill_counts_what_the_site_has_from_before_and_goes_on_where_it_was(bench: Path, run: Run) -> None:
    place = ("--bench", str(bench), "--data-dir", "data")
    first = run("errors", "backfill", "--days", "20", *place)
    assert first.code == 0, first.err
    counted = int(first.out.split(": ")[1].split(" ")[0])
    assert counted > 100
    assert "nothing more to read" in run("errors", "backfill", "--days", "20", *place).out
    more = run("errors", "backfill", "--days", "60", *place)
    assert int(more.out.split(": ")[1].split(" ")[0]) > counted / 2
    answer = run("call", "baken.get_recent_errors", "--args", '{"hours": 720}', "--json", *place)
    assert json.loads(answer.out)["total"] > counted


def test_a_backfill_of_a_site_without_an_error_log_says_so(bench: Path, run: Run) -> None:
    with sqlite3.connect(next(bench.glob("sites/*/db/*.db"))) as connection:
        connection.execute('DROP TABLE "tabError Log"')
    connection.close()
    done = run("errors", "backfill", "--bench", str(bench), "--data-dir", "data")
    assert done.code == 1
    assert "Error Log" in done.err

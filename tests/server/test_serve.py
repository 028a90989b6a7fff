"""`baken serve` as processes: what dies comes back, what ends leaves nothing behind, two on one store agree."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from baken.demo.bench import make_bench
from tests.e2e.served import PATIENCE, Person, Served, command, environment, eventually, serving

ADMIN, PASSWORD = "admin@example.test", "baken-demo"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bench with one small SQLite site, that nobody changes."""
    path = tmp_path_factory.mktemp("serve") / "bench"
    make_bench(path, members=60, now=datetime.now(UTC), progress=lambda _text, _share: None)
    return path


@contextmanager
def _serve(bench: Path, folder: Path) -> Iterator[Served]:
    with serving(["serve", "--bench", str(bench), "--port", "0", "--data-dir", str(folder / "data")], folder) as served:
        yield served


def _fresh_run(person: Person) -> bool:
    return bool(person.write("refresh_dashboard_data", force=1)["measured"])


def test_killed_children_come_back_and_sigterm_ends_all_of_it(bench: Path, tmp_path: Path) -> None:
    with _serve(bench, tmp_path) as served:
        person = Person(served.address, ADMIN, PASSWORD)
        eventually(lambda: _fresh_run(person), "a first run")
        members = person.read("get_system_metrics")["members"]
        assert members["total"] == 60

        web, collector = served.web(), served.collector()
        web.kill()
        eventually(lambda: served.web().pid != web.pid, "another web process")
        eventually(lambda: served.get("/health").status_code == 200, "an answer of the other web process")
        assert person.read("get_system_metrics")["members"] == members, "the session outlives the process"

        collector.kill()
        eventually(lambda: served.collector().pid not in (collector.pid, web.pid), "another collector")
        eventually(lambda: _fresh_run(person), "a run of the other collector")
        assert served.text.count("a process ended and is started again") == 2

        code, alive = served.end(signal.SIGTERM)
        assert (code, alive) == (0, [])
    assert "Traceback" not in served.text


def test_of_two_on_one_store_one_stands_by_until_the_other_is_killed(bench: Path, tmp_path: Path) -> None:
    with _serve(bench, tmp_path) as first:
        eventually(lambda: '"event": "collecting"' in first.text, "the first one collects")
        with _serve(bench, tmp_path) as second:
            eventually(lambda: "stands by" in second.text, "the second one says that it stands by")
            person = Person(second.address, ADMIN, PASSWORD)
            assert person.measured()["system_metrics"]["members"]["total"] == 60, "its pages show what the first reads"
            children = first.children()
            first.process.kill()
            _, alive = psutil.wait_procs(children, timeout=PATIENCE)
            assert alive == [], "children outlive a supervisor that was killed"
            eventually(lambda: '"event": "collecting"' in second.text, "the second one takes over")
            eventually(lambda: _fresh_run(person), "a run of the second one")


def test_pages_that_listen_hear_of_runs_and_ctrl_c_does_not_wait_for_them(bench: Path, tmp_path: Path) -> None:
    with _serve(bench, tmp_path) as served:
        person = Person(served.address, ADMIN, PASSWORD)
        eventually(lambda: _fresh_run(person), "a first run")
        heard: list[str] = []
        pages = [threading.Thread(target=_listen, args=(person, heard), daemon=True) for _ in range(3)]
        for page in pages:
            page.start()
        eventually(lambda: heard.count("event: hello") == 3, "hello")
        eventually(lambda: _fresh_run(person), "a run")
        eventually(lambda: sum('"figures"' in line for line in heard) >= 3, "news of the run on each page")
        children = served.children()
        # A terminal sends it to every process of the group.
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.process.wait(PATIENCE) == 0
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        assert alive == []
        for page in pages:
            page.join()
        assert heard.count("the end") == 3
        assert sum('"shutdown"' in line for line in heard) == 3
    # So begins what the web process says when it has waited for answers that do not end by themselves.
    assert "Cancel" not in served.text
    assert "Traceback" not in served.text


def _listen(person: Person, heard: list[str]) -> None:
    with httpx.Client(base_url=person.client.base_url, cookies=person.client.cookies, trust_env=False) as client:
        headers = {"Accept": "text/event-stream"}
        with client.stream("GET", "/api/method/baken.get_changes", headers=headers, timeout=PATIENCE) as answer:
            for line in answer.iter_lines():
                heard.append(line)
    heard.append("the end")


def test_a_port_in_use_is_told(bench: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            command("serve", "--bench", str(bench), "--port", str(port)),
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 1
    assert f"baken: cannot listen on 127.0.0.1 port {port}: Address already in use" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_sites_of_which_none_can_be_watched_are_told(tmp_path: Path) -> None:
    site = tmp_path / "bench" / "sites" / "x"
    site.mkdir(parents=True)
    (site / "site_config.json").write_text('{"db_name": "x"}')
    ended = subprocess.run(
        command("serve", "--bench", str(tmp_path / "bench"), "--port", "0"),
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    first = ended.stderr.splitlines()[0]
    assert first.startswith("baken: site 'x' has no database password in sites/x/site_config.json")
    assert "Traceback" not in ended.stderr

"""The application behind the real server: sockets, threads, keep-alive, a shutdown that is not in the way."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.server.world import ADMIN, PAGE, PASSWORD, World, make_world, token
from tests.servers import free_port


@pytest.fixture
def served(tmp_path: Path, public: Path) -> Iterator[tuple[World, str]]:
    with make_world(tmp_path, public=public, role_cache_seconds=30) as world:
        port = free_port()
        config = uvicorn.Config(
            world.app, port=port, log_level="error", access_log=False, proxy_headers=False, server_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started and thread.is_alive():
            threading.Event().wait(0.02)
        yield world, f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


def test_a_browser_and_a_script(served: tuple[World, str]) -> None:
    world, address = served
    world.record({"association_members": {(("status", "Active"),): 7}})
    with httpx.Client(base_url=address, trust_env=False, timeout=90) as browser:
        assert browser.get("/monitoring_dashboard").headers["location"] == "/login?next=/monitoring_dashboard"
        answer = browser.post("/api/method/login", data={"usr": ADMIN, "pwd": PASSWORD})
        assert answer.json()["message"] == "Logged In"
        assert "server" not in answer.headers
        found = browser.get(f"/api/method/{PAGE}.get_system_metrics").json()["message"]
        assert found["members"]["active"] == 7
        assert browser.get("/monitoring_dashboard").status_code == 200
        assert browser.get("/assets/baken/assets/index-BFp3xQ2a.js", headers={"Accept-Encoding": "identity"}).is_success
        assert browser.post("/api/method/login", content=b"x" * 2_000_000).status_code == 413


def test_many_at_once_with_a_token_that_is_new(served: tuple[World, str]) -> None:
    _, address = served

    def ask(_: int) -> int:
        url = f"{address}/api/method/{PAGE}.get_system_metrics"
        return int(httpx.get(url, headers=token(ADMIN), trust_env=False, timeout=90).status_code)

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(ask, range(48))) == {200}

"""A running `baken demo` to measure: started in a folder of its own on a free port, and ended afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.servers import free_port

TOKEN = "token demo-key:demo-secret"
PAGE = "verenigingen.www.monitoring_dashboard"
_PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo. `seconds` is how long it took until the dashboard's data answered."""

    folder: Path
    port: int
    process: psutil.Process
    seconds: float

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, name: str, **arguments: Any) -> Any:
        """What a method answers, asked as the demo's administrator. Raises httpx.HTTPError."""
        answer = httpx.get(
            f"{self.url}/api/method/{name}", params=arguments, headers={"Authorization": TOKEN}, timeout=30
        )
        return answer.raise_for_status().json()["message"]

    def processes(self) -> dict[str, psutil.Process]:
        """Its processes by role: supervisor, web, collector, life."""
        found = {"supervisor": self.process}
        # Started in this order; what multiprocessing itself needs runs beside them.
        children = [child for child in self.process.children() if "spawn_main" in " ".join(child.cmdline())]
        children.sort(key=lambda child: (child.create_time(), child.pid))
        return found | dict(zip(("web", "collector", "life"), children, strict=False))


@contextlib.contextmanager
def demo(
    folder: Path, *, members: int = 5000, speed: float = 1.0, environment: Mapping[str, str] | None = None
) -> Iterator[Demo]:
    """A demo in `folder` that answers; made there when it is not there yet, and stopped at the end.

    `environment` sets settings of Baken as variables.

    Raises RuntimeError with the end of its output when it does not start.
    """
    port = free_port()
    log = folder.with_name(folder.name + ".log")
    command = [
        *(sys.executable, "-m", "baken.cli", "demo", "--dir", str(folder)),
        *("--port", str(port), "--members", str(members), "--speed", str(speed)),
    ]
    started = time.perf_counter()
    with log.open("wb") as output:
        given = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, env=given)
    try:
        _until_it_answers(port, process, log)
        yield Demo(folder, port, psutil.Process(process.pid), time.perf_counter() - started)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _until_it_answers(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + _PATIENCE
    address = f"http://127.0.0.1:{port}/api/method/{PAGE}.refresh_dashboard_data"
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        # The socket listens while the demo is still being made, so a short wait and then again.
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(address, headers={"Authorization": TOKEN}, timeout=0.5)
            if answer.status_code == 200 and answer.json()["message"]["system_metrics"]["members"]["total"]:
                return
        time.sleep(0.02)
    raise RuntimeError(f"the demo does not answer: {log.read_text(errors='replace')[-2000:]}")

"""Baken as a process of its own, as a user starts it: `baken serve …` or `baken demo …`, asked over HTTP."""

import contextlib
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from tests.servers import free_port

PAGE = "verenigingen.www.monitoring_dashboard"
PATIENCE = 90.0
"""What has to happen is waited for so long, in seconds: a slow machine that others use too is slow, and no fault."""
START_SECONDS = 400.0
"""The first start of a demo works for some seconds, of which others may leave it few; one that ends is told at once."""

T = TypeVar("T")


def eventually(found: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Wait until `found` gives something true; what is not there yet may also be an HTTP error."""
    ends = time.monotonic() + seconds
    seen: object = None
    while time.monotonic() < ends:
        try:
            value = found()
        except (httpx.HTTPError, KeyError, psutil.Error) as error:
            seen = error
        else:
            if value:
                return value
            seen = value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s: {what}; last seen: {seen!r}")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a machine on which nothing of Baken is set; what it writes stays in `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAKEN_")}
    # Not the folder itself: `python -m` imports from there, and a data folder called baken would be taken for the code.
    home = {"XDG_DATA_HOME": str(folder / "share"), "HOME": str(folder)}
    return {**kept, **home, "PYTHONUNBUFFERED": "1", **more}


def command(*args: str) -> list[str]:
    """The command line that runs Baken with the interpreter of the tests."""
    return [sys.executable, "-m", "baken.cli", *args]


@dataclass
class Served:
    """A running Baken. `lines` is what it wrote to standard error so far."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def text(self) -> str:
        """Everything that it wrote to standard error."""
        return "".join(self.lines)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.address.rsplit(":", 1)[-1])

    def await_address(self) -> None:
        """Wait until it has told its address and answers there."""

        def told() -> str | None:
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.text}")
            found = re.search(r"http://[\w.:\[\]]+:\d+", self.text)
            return found.group(0) if found else None

        self.address = eventually(told, "the address on standard error", START_SECONDS) or ""
        try:
            eventually(lambda: self.get("/api/method/ping").status_code == 200, "an answer to a ping")
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it wrote: {self.text}") from None

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask as a guest."""
        return httpx.get(self.address + path, trust_env=False, timeout=PATIENCE, **options)

    def children(self) -> list[psutil.Process]:
        """All processes below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def processor_seconds(self) -> float:
        """How long processors have worked for it and all processes below it."""
        found = 0.0
        for process in [psutil.Process(self.process.pid), *self.children()]:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                found += times.user + times.system
        return found

    def web(self) -> psutil.Process:
        """The child that listens on the port. Raises KeyError when there is none now."""
        return self._child(listens=True)

    def collector(self) -> psutil.Process:
        """The child that collects. Raises KeyError when there is none now."""
        return self._child(listens=False)

    def _child(self, *, listens: bool) -> psutil.Process:
        for child in self.children():
            with contextlib.suppress(psutil.Error):
                if "spawn_main" not in " ".join(child.cmdline()):
                    continue
                ports = {each.laddr.port for each in child.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
                if (self.port in ports) == listens:
                    return child
        raise KeyError("no such child")

    def end(self, number: signal.Signals, seconds: float = PATIENCE) -> tuple[int, list[psutil.Process]]:
        """Send a signal to the first process; its exit status, and the children that outlived it."""
        children = self.children()
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        _, alive = psutil.wait_procs(children, timeout=seconds)
        return code, alive


@contextlib.contextmanager
def serving(args: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Baken with `args`, started in `folder`; whatever of it still runs at the end is killed."""
    process = subprocess.Popen(
        command(*args),
        cwd=folder,
        env=environment(folder, **(environ or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A process group of its own: nothing that a test does to it reaches the tests.
        start_new_session=True,
    )
    served = Served(process)

    def drain() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            served.lines.append(line)

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        served.await_address()
        yield served
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
        reader.join(5)
        # pytest shows it beside what failed.
        print(served.text[-6000:])
        if process.stderr is not None:
            process.stderr.close()


class Person:
    """Somebody who signed in with a browser: a cookie and the token that a POST must bring."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.client = httpx.Client(base_url=address, trust_env=False, timeout=PATIENCE)
        answer = self.client.post("/api/method/login", data={"usr": user, "pwd": password})
        assert answer.status_code == 200, answer.text
        self.csrf = str(answer.json()["csrf_token"])

    def read(self, method: str, **args: Any) -> Any:
        """What a method of the dashboard answers to a GET."""
        answer = self.client.get(f"/api/method/{PAGE}.{method}", params=args)
        assert answer.status_code == 200, answer.text
        return answer.json()["message"]

    def write(self, method: str, **args: Any) -> Any:
        """What a method of the dashboard answers to a POST."""
        answer = self.client.post(f"/api/method/{PAGE}.{method}", json=args, headers={"X-Frappe-CSRF-Token": self.csrf})
        assert answer.status_code == 200, answer.text
        return answer.json()["message"]

    def measured(self) -> Any:
        """Everything that the page shows, measured after this moment."""

        def ask() -> Any:
            answer = self.write("refresh_dashboard_data", force=1)
            return answer if answer["measured"] else None

        return eventually(ask, "a measurement that was asked for")


class Way:
    """The way to a server, as a proxy is one: closed, nobody gets through, and nobody stays connected."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.server: socketserver.ThreadingTCPServer | None = None
        self.ends: list[socket.socket] = []

    def open(self) -> None:
        """Let people through."""
        way = self

        class Through(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", way.target)) as other:
                    way.ends += [self.request, other]
                    back = threading.Thread(target=_pump, args=(other, self.request), daemon=True)
                    back.start()
                    _pump(self.request, other)
                    back.join()

        class Threads(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, block_on_close = True, True, False

        self.server = Threads(("127.0.0.1", self.port), Through)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Let nobody through any more."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.ends.clear()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, until one of both hangs up."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

"""A site with Baken in it, served by Frappe's own development server, as `bench serve` does."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.frappe.benches import Site
from tests.servers import free_port

PASSWORD = "Wachtwoord!2026x"
_START_SECONDS = 120.0


@dataclass
class Visitor:
    """Somebody's way to a site: `http` keeps their cookies and follows no redirect."""

    http: httpx.Client

    def sign_in(self, user: str) -> dict[str, str]:
        """Sign in as Frappe's login page does; returns what it was told."""
        answer = self.http.post("/api/method/login", data={"usr": user, "pwd": PASSWORD})
        answer.raise_for_status()
        found: dict[str, str] = answer.json()
        return found

    def token(self) -> str:
        """The token that a POST of a page must bring."""
        answer = self.http.get("/api/method/baken.get_session").raise_for_status()
        return str(answer.json()["message"]["csrf_token"])


@dataclass
class Served:
    """A site that answers at `address`."""

    site: Site
    address: str
    log: Path

    @contextlib.contextmanager
    def visitor(self, user: str = "") -> Iterator[Visitor]:
        """Somebody who comes; signed in when `user` is named."""
        with httpx.Client(base_url=self.address, timeout=60) as http:
            found = Visitor(http)
            if user:
                found.sign_in(user)
            yield found


@contextlib.contextmanager
def serving(site: Site, folder: Path) -> Iterator[Served]:
    """The site behind Frappe's development server on a port of its own; its log lies in `folder`."""
    bench, port, log = site.bench, free_port(), folder / f"{site.name}.log"
    environment = {**os.environ, "FRAPPE_BENCH_ROOT": str(bench.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        str(bench.source / "env" / "bin" / "python"), "-m", "frappe.utils.bench_helper", "frappe", "--site", site.name,
        "serve", "--port", str(port), "--noreload",
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=bench.sites, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        # Browsers take this name for a secure place, and let service workers in.
        found = Served(site, f"http://localhost:{port}", log)
        _await(found, process)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(served: Served, process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{served.address}/api/method/ping", timeout=30).status_code == 200:
                return
        time.sleep(0.5)
    raise AssertionError(f"the site is not served:\n{served.log.read_text(errors='replace')[-4000:]}")

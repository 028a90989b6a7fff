"""A private Alertmanager for the tests, and amtool on it.

See `tests.servers`.
"""

import json
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers import Process, free_port, program

CONFIG = """
route: {receiver: nobody, group_wait: 100ms, group_interval: 300ms, repeat_interval: 1h}
receivers: [{name: nobody}]
"""


class Alertmanager:
    """An Alertmanager. Its silences outlive a restart, its alerts do not. `url` is its address."""

    def __init__(self, folder: Path, config: str = CONFIG, peers: Sequence[str] | None = None) -> None:
        """`config`: its alertmanager.yml. `peers`: of its cluster, by their addresses; None: it is in none."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.cluster = "" if peers is None else f"127.0.0.1:{free_port()}"
        self.config = folder / "alertmanager.yml"
        self.config.write_text(config)
        self.process = Process(
            "Alertmanager",
            folder,
            [
                program("prometheus-alertmanager", "alertmanager"),
                f"--config.file={self.config}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                f"--cluster.listen-address={self.cluster}",
                *(f"--cluster.peer={peer}" for peer in peers or ()),
                *(("--cluster.settle-timeout=1s", "--cluster.gossip-interval=50ms") if self.cluster else ()),
                "--log.level=warn",
            ],
            self._ping,
        )

    def _ping(self) -> None:
        with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
            pass

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

    def configure(self, config: str) -> None:
        """Let it go by another configuration."""
        self.config.write_text(config)
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/-/reload", method="POST"), timeout=5).close()

    def get(self, path: str) -> Any:
        """What its API answers: `alerts`, `silences`."""
        with urllib.request.urlopen(f"{self.url}/api/v2/{path}", timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """Send its API something."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read() or b"null")

    def firing(self) -> list[Mapping[str, Any]]:
        """The alerts that are not over, also those that are silenced."""
        found: list[Mapping[str, Any]] = self.get("alerts")
        return sorted(found, key=lambda each: sorted(each["labels"].items()))

    def silences(self) -> list[Mapping[str, Any]]:
        """The silences that are not over."""
        return [each for each in self.get("silences") if each["status"]["state"] != "expired"]

    def tool(self, *arguments: str) -> str:
        """What amtool says. A command that fails raises CalledProcessError."""
        done = subprocess.run(
            [program("amtool"), f"--alertmanager.url={self.url}", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        return done.stdout


def check_config(file: Path) -> str:
    """What `amtool check-config` says of a configuration. A wrong one raises CalledProcessError."""
    done = subprocess.run(
        [program("amtool"), "check-config", str(file)], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout

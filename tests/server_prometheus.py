"""A private Prometheus for the tests: scrapes what it is told to, takes remote write, answers queries.

See `tests.servers`.
"""

import urllib.request
from pathlib import Path

from tests.servers import Process, free_port, program

CONFIG = "global: {scrape_interval: 1h}\n"


class Prometheus:
    """A Prometheus server. `url` is its address; `write_url` takes remote write."""

    def __init__(self, folder: Path, config: str = CONFIG, *flags: str) -> None:
        """`config`: its prometheus.yml. `flags`: further arguments."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.write_url = f"{self.url}/api/v1/write"
        self.config = folder / "prometheus.yml"
        self.config.write_text(config)
        self.process = Process(
            "Prometheus",
            folder,
            [
                program("prometheus"),
                f"--config.file={self.config}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--web.enable-remote-write-receiver",
                "--web.enable-lifecycle",
                "--log.level=warn",
                *flags,
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

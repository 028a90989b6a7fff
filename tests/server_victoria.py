"""A private VictoriaMetrics for the tests: takes remote write, answers Prometheus' queries. See `tests.servers`."""

import urllib.request
from pathlib import Path

from tests.servers import Process, free_port, program


class VictoriaMetrics:
    """A VictoriaMetrics server. `url` is its address; `write_url` takes remote write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.write_url = f"{self.url}/api/v1/write"
        self.process = Process(
            "VictoriaMetrics",
            folder,
            [
                program("victoria-metrics"),
                f"-storageDataPath={folder / 'data'}",
                f"-httpListenAddr=127.0.0.1:{self.port}",
                # Tests write figures of long ago.
                "-retentionPeriod=100y",
                # And ask for what has just come in.
                "-search.latencyOffset=0s",
                "-memory.allowedBytes=256MB",
                "-loggerLevel=WARN",
            ],
            self._ping,
        )

    def _ping(self) -> None:
        with urllib.request.urlopen(f"{self.url}/health", timeout=5):
            pass

    def flush(self) -> None:
        """Make everything that was written visible to queries."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=30):
            pass

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

"""A process that stores figures and sends them, as fast as it can, until it is killed. For the tests."""

import threading
import time
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from baken import settings
from baken.clock import from_ms
from baken.exporters.pushing import NotTaken
from baken.exporters.remote_write import RemoteWrite, exporters
from baken.history import after
from baken.history.samples import Cycle, Sample, record
from baken.history.store import Store, open_store

SITES = ("een.example", "twee.example", "drie.example")


def made(data_dir: Path, url: str, store: Store) -> RemoteWrite:
    """The target at `url`, with its queue in `data_dir`."""
    given = {"data_dir": str(data_dir), "exporters": {"remote_write": [{"url": url, "name": "test"}]}}
    (exporter,) = exporters(settings.build(given, "test"), store, lambda: SITES)
    return exporter


def run(site: str, at: datetime) -> Cycle:
    """A run over a site: its figures tell when it was."""
    seconds = at.timestamp()
    queues = [Sample("frappe_queue_jobs", (("queue", name),), seconds) for name in ("short", "long")]
    return Cycle(site, at, [Sample("database_up", (), seconds), *queues], measured=["database_up", "frappe_queue_jobs"])


def main(data_dir: Path, url: str, began: datetime, runs: int | None, begun: Connection) -> None:
    """Store runs from `began` on, or from where another process was killed.

    With `runs` it ends by itself when all of it was taken; `begun` gets a word when it begins.
    """
    store = open_store(f"sqlite:///{data_dir}/baken.db")
    store.migrate()
    exporter = made(data_dir, url, store)
    done = threading.Event()

    def push() -> None:
        while not done.is_set():
            try:
                exporter.push()
            except NotTaken:
                time.sleep(0.05)
            time.sleep(0.002)

    thread = threading.Thread(target=push)
    thread.start()
    with store.read() as conn:
        newest = after.newest(conn)
    at = from_ms(max(newest.values())) if newest else began
    begun.send("begun")
    while runs is None or runs > 0:
        at += timedelta(seconds=1)
        cycles = [run(site, at) for site in SITES]
        with store.write() as conn:
            record(conn, cycles)
        exporter.stored(cycles)
        if runs is not None:
            runs -= 1
    done.set()
    thread.join()
    while exporter.push().waiting:
        pass
    exporter.close()

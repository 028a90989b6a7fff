"""The demo's jobs: their past is what they would have said, a pause is caught up with, and they call while it runs."""

import http.server
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from baken.alerts import checks
from baken.history.store import Store, open_store
from baken.server import demo_checks
from baken.server.demo_checks import JOBS, run_jobs, write_checks
from baken.settings import load

SITE = "demo.example.test"
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def prepared(folder: Path) -> Store:
    store = open_store(f"sqlite:///{folder}/store.db")
    store.migrate()
    return store


def test_the_past_is_there_and_goes_on_after_a_pause(tmp_path: Path) -> None:
    store = prepared(tmp_path)
    write_checks(store, SITE, now=NOW, seed=7)
    with store.read() as conn:
        found = checks.load(conn, SITE)
        kinds = {one.kind for pings in checks.last(conn, [each.id for each in found], 100).values() for one in pings}
    assert [each.name for each in found] == sorted(job.wish.name for job in JOBS)
    # Now and then one fails; none of them does now.
    assert kinds == {"start", "success", "fail"}
    assert {each.standing(NOW, "Europe/Amsterdam").state for each in found} <= {"up", "running"}
    later = NOW + timedelta(hours=5)
    write_checks(store, SITE, now=later, seed=7)
    with store.read() as conn:
        again = checks.load(conn, SITE)
    assert [each.id for each in again] == [each.id for each in found]
    assert {each.standing(later, "Europe/Amsterdam").state for each in again} <= {"up", "running", "late"}
    assert sum(each.count for each in again) > sum(each.count for each in found)
    store.close()


def test_while_it_runs_they_call_their_addresses(tmp_path: Path) -> None:
    called: list[str] = []

    class Baken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    store, settings = prepared(tmp_path), load(None, {"data_dir": str(tmp_path)})
    # The import from the bank last reported ten minutes ago: it is due.
    write_checks(store, SITE, now=datetime.now(UTC) - timedelta(minutes=11), seed=7)
    server, stop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Baken), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = ("127.0.0.1", int(server.server_address[1]))
    jobs = threading.Thread(target=run_jobs, args=(settings, store, SITE, address, 7, stop), daemon=True)
    jobs.start()
    ends = time.monotonic() + 30
    while not called and time.monotonic() < ends:
        time.sleep(0.1)
    stop.set()
    jobs.join(10)
    server.shutdown()
    store.close()
    assert not jobs.is_alive()
    assert called[0].startswith("/ping/")
    assert called[0].endswith("/start")


def test_a_baken_that_is_away_is_called_again() -> None:
    said = demo_checks._Said(NOW, "start")
    assert demo_checks._call(("127.0.0.1", 9), "abc", said) is False

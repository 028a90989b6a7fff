"""An Error Log in a file, and rows as Frappe writes them."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from baken.errors.collect import Collected, collect
from baken.history.store import Store, open_store
from baken.privacy import Pseudonyms
from baken.settings import Settings
from baken.sites.site import Site, SiteConfig

NAME = "logs.example"
ZONE = "Europe/Amsterdam"
PSEUDONYMS = Pseudonyms(bytes(32))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a version of Frappe lays its logs out: which time has an index, and whether rows are counted or named."""

    index: str = "modified"
    numbered: bool = False


FRAPPE_14, FRAPPE_15, FRAPPE_16 = Layout(numbered=True), Layout(), Layout("creation")
LAYOUTS = (FRAPPE_14, FRAPPE_15, FRAPPE_16, Layout("creation", numbered=True))
"""Those of the versions, and the one that takes what is special from two."""


class Log:
    """A site that has nothing but an Error Log."""

    def __init__(self, folder: Path, layout: Layout = FRAPPE_15) -> None:
        self.path = folder / "site.db"
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.layout = layout
        self._numbers: dict[str, int] = {}
        self.create(layout.index)
        self.site = site_at(self.path)

    def create(self, index: str = "modified") -> None:
        self.connection.execute(
            f"CREATE TABLE `tabError Log` (name {self.name_type} PRIMARY KEY, creation datetime(6), "
            "modified datetime(6), seen int, method varchar(140), error longtext)"
        )
        if index:
            self.connection.execute(f"CREATE INDEX at ON `tabError Log` ({index})")

    @property
    def name_type(self) -> str:
        """How the column `name` is declared."""
        return "bigint" if self.layout.numbered else "varchar(140)"

    def row_name(self, name: str) -> str | int:
        """What the row that a test calls `name` is called in the table."""
        return self._numbers.setdefault(name, len(self._numbers) + 1) if self.layout.numbered else name

    def touch(self, name: str, at: datetime) -> None:
        """Change the row `name` at the site's time `at`."""
        self.connection.execute(
            "UPDATE `tabError Log` SET modified = ? WHERE name = ?", (_stamp(at), self.row_name(name))
        )

    def add(
        self,
        name: str,
        at: datetime | str | None,
        method: object = "a.b.c",
        error: object = "Some Label",
        modified: datetime | str | None = None,
    ) -> None:
        """Insert a row; `at` is the site's own time."""
        changed = modified or at
        values = (self.row_name(name), _stamp(at), _stamp(changed), method, error)
        self.connection.execute(
            "INSERT INTO `tabError Log` (name, creation, modified, method, error) VALUES (?, ?, ?, ?, ?)", values
        )

    def collect(self, store: Store, now: datetime, max_rows: int = 2000) -> Collected:
        with self.site.reading(now) as reading:
            return collect(reading, store, now, PSEUDONYMS, max_rows=max_rows)


def site_at(path: Path) -> Site:
    return Site(SiteConfig(NAME, URL.create("sqlite", database=str(path)), time_zone=ZONE), Settings())


def store_at(path: Path) -> Store:
    store = open_store(f"sqlite:///{path}")
    store.migrate()
    return store


def _stamp(at: datetime | str | None) -> str | None:
    return at.isoformat(" ", "microseconds") if isinstance(at, datetime) else at


WEB = """Traceback with variables (most recent call last):
  File "apps/frappe/frappe/app.py", line 114, in application
    response = frappe.api.handle(request)
      request = <Request 'http://{host}/api/method/{method}' [POST]>
      response = None
  File "apps/frappe/frappe/handler.py", line 86, in execute_cmd
    return frappe.call(method, **frappe.form_dict)
      cmd = '{method}'
"""
JOB = """Traceback with variables (most recent call last):
  File "apps/frappe/frappe/utils/background_jobs.py", line 222, in execute_job
    retval = method(**kwargs)
      site = '{host}'
      kwargs = {{'member_name': '{name}', 'password': '{secret}'}}
"""


def traceback(
    exception: str,
    message: str,
    *,
    path: str = "apps/verenigingen/verenigingen/utils/payments.py",
    function: str = "pay",
    line: int = 12,
    head: str = WEB,
    method: str = "verenigingen.utils.payments.pay",
    host: str = "127.0.0.1:8000",
    name: str = "Elif Bos",
    secret: str = "hunter2",
) -> str:
    """A traceback with variables that ends in `exception`."""
    return (
        head.format(host=host, method=method, name=name, secret=secret)
        + f'  File "{path}", line {line}, in {function}\n    do_it(member)\n'
        + f"      member = <Member: {name}>\n      iban = 'NL21 RABO 6780 4877 60'\n"
        + f"{exception}: {message}"
    )


def killed_again_and_again(
    script: str, log: Log, path: Path, rounds: Sequence[int], total: Callable[[Store], int]
) -> list[int]:
    """Start `script` with the site and the store at `path`, kill it, and begin anew, for each of `rounds`.

    It is given how many steps it does at least: it tells each of them with a line, goes on for two more, and waits. It
    is killed somewhere in those: how fast the machine is decides where, and nothing else.

    Returns:
        What was counted after each kill.
    """
    progress = []
    chance = random.Random(len(rounds))
    for steps in rounds:
        with started(script, str(log.path), str(path), str(steps)) as process:
            after_steps(process, steps)
            time.sleep(chance.uniform(0.0, 0.02))
        store = store_at(path)
        progress.append(total(store))
        store.close()
    return progress


@contextlib.contextmanager
def started(script: str, *args: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`script` as a process of its own that says when it is ready; it is killed at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *args], stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2]
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def after_steps(process: "subprocess.Popen[bytes]", steps: int) -> None:
    """Wait until the process has told of so many steps."""
    assert process.stdout is not None
    for _ in range(steps):
        assert process.stdout.readline() == b"step\n"

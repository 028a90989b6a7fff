"""Baken started as a process over the reference site, and over a small demo."""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.mailbox import MailServer
from tests.conftest import FrappeSite
from tests.e2e.served import Person, Served, serving

ELS, PASSWORD = "els.devries@vereniging.example", "Wachtwoord!2026x"


@dataclass(frozen=True)
class Watch:
    """A Baken that watches the reference site, and an administrator who is signed in."""

    served: Served
    person: Person
    frappe: FrappeSite
    before: dict[str, Any]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask or change the site's database behind Baken's back."""
        return self.frappe.mariadb.execute(statement, database=self.frappe.database)

    def count(self, table: str, where: str = "1") -> int:
        """Rows of a table of the site."""
        return int(self.sql(f"SELECT COUNT(*) FROM `{table}` WHERE {where}")[0][0])

    def checksums(self) -> dict[str, Any]:
        """A checksum of each table of the site."""
        return checksums(self.frappe)


def checksums(frappe: FrappeSite) -> dict[str, Any]:
    """A checksum of each table of the site; two are the same when its rows are."""
    tables = frappe.mariadb.execute("SHOW TABLES", database=frappe.database)
    names = ", ".join(f"`{name}`" for (name,) in tables)
    return dict(frappe.mariadb.execute(f"CHECKSUM TABLE {names}", database=frappe.database))


@pytest.fixture(scope="module")
def watch(frappe_site: FrappeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """`baken serve` over the reference site. Tests put back what they change in the site."""
    folder = tmp_path_factory.mktemp("watch")
    before = checksums(frappe_site)
    args = ["serve", "--bench", str(frappe_site.bench), "--site", frappe_site.name, "--port", "0"]
    limits = {"BAKEN_SITE_ACCESS__CONNECT_SECONDS": "1", "BAKEN_SERVER__ROLE_CACHE_SECONDS": "0"}
    frappe_site.redis.flush()
    with serving(args, folder, limits) as served:
        person = Person(served.address, ELS, PASSWORD)
        person.measured()
        yield Watch(served, person, frappe_site, before)
        person.client.close()
    frappe_site.redis.flush()


@dataclass(frozen=True)
class FirstStart:
    """How the first start of a demo went."""

    folder: Path
    text: str
    code: int
    survivors: list[psutil.Process]


def demo_args(folder: Path) -> list[str]:
    """The arguments of a small demo in `folder`."""
    return ["demo", "--dir", str(folder / "demo"), "--members", "60", "--port", "0"]


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    """A demo that was made, and ended with Ctrl-C."""
    folder = tmp_path_factory.mktemp("demo")
    with serving(demo_args(folder), folder) as served:
        code, alive = served.end(signal.SIGINT)
    return FirstStart(folder, served.text, code, alive)


# Alerts that are open whatever the demo does: one per queue, and one of the host.
ALWAYS = """
[WATCHED_QUEUE]
metric = "frappe_queue_length"
above = -1
severity = "MEDIUM"
area = "business"
reason = "Holds always, so that there is something to act upon."
title.en = "Queue {queue} is watched"
title.nl = "Op wachtrij {queue} wordt gelet"
message.en = "In the queue {queue} of {site} {value} jobs are waiting."
message.nl = "In de wachtrij {queue} van {site} wachten {value} taken."
advice.en = "Nothing needs to be done."
advice.nl = "Er hoeft niets te gebeuren."

[WATCHED_MEMORY]
metric = "host_memory_used_ratio"
above = 0
severity = "LOW"
area = "performance"
reason = "Holds always as well."
title.en = "Memory is watched"
title.nl = "Op het geheugen wordt gelet"
message.en = "The server uses {value} of its memory."
message.nl = "De server gebruikt {value} van het geheugen."
advice.en = "Nothing needs to be done."
advice.nl = "Er hoeft niets te gebeuren."
"""


@dataclass(frozen=True)
class Demo:
    """A running demo, how many seconds its start took, and the mail server by which it tells of its alerts."""

    served: Served
    seconds: float
    mail: MailServer


@pytest.fixture(scope="session")
def demo(first_start: FirstStart) -> Iterator[Demo]:
    """The same demo, started again, with alerts that are open and somebody to tell of them."""
    rules = first_start.folder / "always.toml"
    rules.write_text(ALWAYS)
    with contextlib.ExitStack() as stack:
        mail = MailServer()
        mail.up()
        stack.callback(mail.down)
        told = mail.environment(BAKEN_ALERTS__RULES=str(rules))
        started = time.monotonic()
        served = stack.enter_context(serving(demo_args(first_start.folder), first_start.folder, told))
        yield Demo(served, time.monotonic() - started, mail)

"""Baken started as a process over the reference site, and over a small demo."""

import contextlib
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from baken.server.pages import PUBLIC
from bench.mailbox import MailServer
from tests.conftest import FrappeSite, in_ci
from tests.e2e import browsing
from tests.e2e.browsing import ADMIN, Visit, Visits
from tests.e2e.browsing import PASSWORD as DEMO_PASSWORD
from tests.e2e.served import Person, Served, eventually, serving

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
    made: dict[str, int]


def demo_args(folder: Path) -> list[str]:
    """The arguments of a small demo in `folder`."""
    return ["demo", "--dir", str(folder / "demo"), "--members", "60", "--port", "0"]


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    """A demo that was made, and ended with Ctrl-C."""
    folder = tmp_path_factory.mktemp("demo")
    with serving(demo_args(folder), folder) as served:
        code, alive = served.end(signal.SIGINT)
    return FirstStart(folder, served.text, code, alive, made_files(folder))


def made_files(folder: Path) -> dict[str, int]:
    """What is written once when a demo is made, with the moment of that, in ns."""
    made = (folder / "demo" / "bench" / "demo.json", folder / "demo" / "data" / "finished")
    return {path.name: path.stat().st_mtime_ns for path in made}


# Rules about how the machine itself fares, on which the tests run: what they find is nobody's to say.
_OF_THE_MACHINE = (
    "SITE_SLOW", "DATABASE_SLOW", "HIGH_MEMORY", "HIGH_CPU", "HIGH_DISK", "DISK_FULL", "SITE_UNWATCHED",
    "COLLECTOR_LATE", "ALERTS_LATE",
)  # fmt: skip
# Alerts that are open whatever the demo does: one per queue, and two of the host.
_QUIET = "".join(f"[{name}]\nenabled = false\n" for name in _OF_THE_MACHINE)
ALWAYS = (
    _QUIET
    + """
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

[WATCHED_PROCESSOR]
metric = "host_cpus"
above = 0
severity = "MEDIUM"
area = "performance"
reason = "Holds always as well."
title.en = "The processor is watched"
title.nl = "Op de processor wordt gelet"
message.en = "The server has {value} processors."
message.nl = "De server heeft {value} processors."
advice.en = "Nothing needs to be done."
advice.nl = "Er hoeft niets te gebeuren."
"""
)


@dataclass(frozen=True)
class Demo:
    """A running demo, the seconds for which processors worked at its start, and the mail server that its alerts use."""

    served: Served
    seconds: float
    mail: MailServer
    folder: Path

    @property
    def database(self) -> Path:
        """The database of its association, SQLite."""
        (found,) = (self.folder / "demo" / "bench" / "sites").glob("*/db/*.db")
        return found


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
        served = stack.enter_context(serving(demo_args(first_start.folder), first_start.folder, told))
        yield Demo(served, served.processor_seconds(), mail, first_start.folder)


@pytest.fixture(scope="session")
def admin(demo: Demo) -> Iterator[Person]:
    """An administrator of the demo over HTTP."""
    person = Person(demo.served.address, ADMIN, DEMO_PASSWORD)
    yield person
    person.client.close()


@pytest.fixture(scope="session")
def fired(admin: Person) -> None:
    """Nothing is looked at before the alerts that are always there have fired."""

    def told() -> bool:
        found = admin.client.get("/api/method/baken.get_alerts").json()["message"]["alerts"]
        return {"WATCHED_QUEUE", "WATCHED_MEMORY", "WATCHED_PROCESSOR"} <= {alert["rule"] for alert in found}

    eventually(told, "alerts of the demo")


@pytest.fixture(scope="session")
def errors_were_read(admin: Person) -> None:
    """Nothing is looked at before the collector has read the demo's errors."""

    def listed() -> int:
        answer = admin.client.get("/api/method/baken.get_error_patterns", params={"hours": 720})
        return len(answer.json()["message"]["patterns"])

    eventually(lambda: listed() > 1, "patterns of the demo's errors")


def dashboards(admin: Person) -> list[dict[str, Any]]:
    """The dashboards that the administrator sees."""
    found: list[dict[str, Any]] = admin.client.get("/api/method/baken.get_dashboards").json()["message"]["dashboards"]
    return found


@pytest.fixture
def no_dashboards(admin: Person) -> Iterator[None]:
    """There are none before, and what a test made is gone afterwards."""

    def clear() -> None:
        for one in dashboards(admin):
            answer = admin.client.post(
                "/api/method/baken.delete_dashboard",
                json={"dashboard": one["dashboard"], "version": one["version"]},
                headers={"X-Frappe-CSRF-Token": admin.csrf},
            )
            answer.raise_for_status()

    clear()
    yield
    clear()


FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def _missing(what: str) -> None:
    if in_ci():
        pytest.fail(f"{what}; in CI it has to be there")
    pytest.skip(what)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; skips with the reason when it or the built front end is missing."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        _missing("Chromium is not installed")
    if not (PUBLIC / "index.html").is_file():
        _missing("the front end is not built; run make setup")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Opens a page for somebody, signed in to the demo unless `user` is empty. See `browsing.Visit`.

    The worker that keeps the page for when there is no connection is left out unless `worker` is true: it fetches
    the whole front end for each new person.
    """
    with contextlib.ExitStack() as stack:

        def opened(
            user: str = ADMIN,
            language: str = "en",
            width: int = 1280,
            theme: str = "light",
            *,
            address: str = "",
            refresh: str = "0",
            worker: bool = False,
            password: str = DEMO_PASSWORD,
            kept: bool = False,
            **options: Any,
        ) -> Visit:
            context = browser.new_context(
                locale="en-GB",
                timezone_id="Europe/Amsterdam",
                base_url=address or request.getfixturevalue("demo").served.address,
                viewport={"width": width, "height": 900},
                service_workers="allow" if worker else "block",
                # What moves is painted sixty times a second, by the processor: most of what these tests would cost.
                **{"reduced_motion": "reduce", **options},
            )
            stack.callback(context.close)
            context.set_default_timeout(browsing.PATIENCE)
            # The user's own on the site count only while nothing was chosen in the browser.
            chosen = {"language": language, "theme": theme, "refresh": refresh}
            script = "".join(f"localStorage.setItem('baken.{name}', '{value}');" for name, value in chosen.items())
            if not kept:
                context.add_init_script(script)
            if user:
                answer = context.request.post("/api/method/login", form={"usr": user, "pwd": password})
                assert answer.ok
            found = Visit(context, context.new_page(), language, width)
            browsing.listen(found.page, found.complaints)
            return found

        yield opened


@pytest.fixture(autouse=True)
def patient() -> None:
    """Two cores are shared with the demo and Chromium: what is expected may take a while."""
    expect.set_options(timeout=browsing.PATIENCE)

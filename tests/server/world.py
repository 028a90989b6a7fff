"""A small site in SQLite with Frappe's users, a store, and the application over both."""

import contextlib
import sqlite3
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from passlib.context import CryptContext
from sqlalchemy import URL
from starlette.applications import Starlette
from starlette.testclient import TestClient

from baken import clock
from baken.api import registry
from baken.api.registry import Method
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import Store, open_store
from baken.server import pages
from baken.server.app import create_app
from baken.settings import Settings, load
from baken.sites.site import Site, SiteConfig

PASSWORD = "baken-demo"
ADMIN, BOARD, MEMBER = "admin@example.test", "board@example.test", "member@example.test"
ROLES = {ADMIN: "System Manager", BOARD: "Verenigingen Administrator", MEMBER: "Member"}
KEYS = {ADMIN: "admin-key:admin-secret", BOARD: "board-key:board-secret", MEMBER: "member-key:member-secret"}
PAGE = "verenigingen.www.monitoring_dashboard"
BASE = "http://baken.test"

_HASH = CryptContext(schemes=["pbkdf2_sha256"], pbkdf2_sha256__rounds=29000).hash(PASSWORD)

_LAYOUT = """
CREATE TABLE "tabUser" (name TEXT PRIMARY KEY, enabled INTEGER, full_name TEXT, api_key TEXT, language TEXT,
    username TEXT);
CREATE TABLE "tabHas Role" (name TEXT PRIMARY KEY, parent TEXT, parenttype TEXT, role TEXT);
CREATE TABLE "__Auth" (doctype TEXT, name TEXT, fieldname TEXT, password TEXT, encrypted INTEGER);
CREATE TABLE "tabSingles" (doctype TEXT, field TEXT, value TEXT);
CREATE TABLE "tabError Log" (name TEXT PRIMARY KEY, creation TEXT, modified TEXT, method TEXT, error TEXT);
CREATE INDEX modified ON "tabError Log" (modified);
INSERT INTO "tabSingles" VALUES ('System Settings', 'time_zone', 'Europe/Amsterdam');
"""


@dataclass
class World:
    """Everything a test needs; `client` keeps cookies, as a browser does."""

    settings: Settings
    store: Store
    sites: dict[str, Site]
    app: Starlette
    client: TestClient
    files: dict[str, Path]

    def sign_in(self, user: str = ADMIN, password: str = PASSWORD, **more: str) -> str:
        """Sign the client in; returns the CSRF token."""
        answer = self.client.post("/api/method/login", data={"usr": user, "pwd": password, **more})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["csrf_token"]
        return token

    def get(self, name: str, user: str | None = ADMIN, **args: Any) -> Any:
        """Call a method by GET with the user's API token."""
        return self.client.get(f"/api/method/{name}", params=args, headers=token(user))

    def site_sql(self, statement: str, *values: Any, site: str = "vereniging.test") -> None:
        """Change the site behind Baken's back."""
        with contextlib.closing(sqlite3.connect(self.files[site])) as connection:
            connection.execute(statement, values)
            connection.commit()

    def record(
        self,
        figures: Mapping[str, Any],
        *,
        site: str = "vereniging.test",
        at: datetime | None = None,
        absences: Mapping[str, str] | None = None,
        observations: Mapping[str, Any] | None = None,
        ok: bool = True,
        reason: str | None = None,
    ) -> datetime:
        """Store one run: figures as {metric: number} or {metric: {(("label", "value"),): number}}."""
        moment = at or clock.now()
        found = []
        for metric, value in figures.items():
            sets = value if isinstance(value, dict) else {(): value}
            found += [Sample(metric, labels, float(number)) for labels, number in sets.items()]
        cycle = Cycle(
            site=site,
            at=moment,
            samples=found,
            absences=dict(absences or {}),
            measured=tuple({*figures, *(absences or {})}),
            observations=dict(observations or {}),
            seconds=0.1,
            query_seconds=0.01,
            queries=3,
            ok=ok,
            reason=reason,
        )
        with self.store.write() as conn:
            samples.record(conn, [cycle])
        return moment


def plain_calls() -> list[tuple[Method, dict[str, str]]]:
    """Every method that can be asked without naming anything of a site, with the arguments that it needs."""
    needed = {
        "baken.get_series": {"metric": "host_cpu_ratio"},
        "baken.get_figures": {"metrics": "host_cpu_ratio"},
        "baken.preview_error_grouping": {"version": "v1"},
        "baken.add_silence": {"comment": "a test"},
        "baken.add_maintenance": {"days": "sun", "at": "02:00", "comment": "a test"},
    }
    return [
        (entry, needed.get(entry.short, {}))
        for entry in registry.methods()
        if {parameter.name for parameter in entry.parameters if parameter.required} <= {*needed.get(entry.short, {})}
    ]


def token(user: str | None) -> dict[str, str]:
    """The header with a user's API token."""
    return {} if user is None else {"Authorization": f"token {KEYS[user]}"}


def make_site(path: Path, encryption_key: str) -> None:
    """Write the small site's database."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(_LAYOUT)
        for user, role in ROLES.items():
            key, secret = KEYS[user].split(":")
            connection.execute(
                'INSERT INTO "tabUser" VALUES (?, 1, ?, ?, ?, NULL)', (user, user.split("@")[0].title(), key, "nl")
            )
            connection.execute('INSERT INTO "tabHas Role" VALUES (?, ?, ?, ?)', (f"r-{user}", user, "User", role))
            connection.execute('INSERT INTO "__Auth" VALUES (?, ?, ?, ?, 0)', ("User", user, "password", _HASH))
            sealed = Fernet(encryption_key).encrypt(secret.encode()).decode()
            connection.execute('INSERT INTO "__Auth" VALUES (?, ?, ?, ?, 1)', ("User", user, "api_secret", sealed))
        connection.commit()


@contextlib.contextmanager
def make_world(
    folder: Path,
    *,
    names: tuple[str, ...] = ("vereniging.test",),
    public: Path | None = None,
    more: Mapping[str, Any] | None = None,
    **server: Any,
) -> Iterator[World]:
    """A world of its own in `folder`; `server` are settings of the server, `more` those of other sections."""
    over: dict[str, Any] = {
        "data_dir": str(folder / "data"),
        "server": {"role_cache_seconds": 0, **server},
        **(more or {}),
    }
    settings = load(None, over)
    store = open_store(settings.store_url)
    store.migrate()
    files, sites = {}, {}
    for name in names:
        files[name] = folder / f"{name}.db"
        key = Fernet.generate_key().decode()
        make_site(files[name], key)
        config = SiteConfig(name, URL.create("sqlite", database=str(files[name])), encryption_key=key)
        sites[name] = Site(config, settings)
    app = create_app(settings, store, sites, public=public or pages.PUBLIC)
    try:
        with TestClient(app, base_url=BASE, raise_server_exceptions=False, follow_redirects=False) as client:
            yield World(settings, store, sites, app, client, files)
    finally:
        store.close()


MINUTE = timedelta(minutes=1)


def nested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Watches the store from now on; the list grows by whoever asks for a connection while holding one."""
    held = threading.local()
    twice: list[str] = []

    def counted(real: Any) -> Any:
        @contextlib.contextmanager
        def opened(self: Store) -> Iterator[Any]:
            held.number = getattr(held, "number", 0) + 1
            if held.number > 1:
                own = [frame.name for frame in traceback.extract_stack() if "/baken/" in frame.filename]
                twice.append(" > ".join(own[-4:]))
            try:
                with real(self) as connection:
                    yield connection
            finally:
                held.number -= 1

        return opened

    monkeypatch.setattr(Store, "read", counted(Store.read))
    monkeypatch.setattr(Store, "write", counted(Store.write))
    return twice

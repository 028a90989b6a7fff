"""Against a real Frappe site: its own users, its own figures, and nothing of it disturbed."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from baken import clock
from baken.api import registry
from baken.collector.cycle import run_site
from baken.history import samples
from baken.history.store import Store, open_store
from baken.metrics import catalogue
from baken.server.app import create_app
from baken.settings import load
from baken.sites.bench import read_site
from baken.sites.site import Site
from tests.conftest import FrappeSite
from tests.server.world import BASE, PAGE, plain_calls

ELS, LID = "els.devries@vereniging.example", "lid.jansen@leden.example"
PASSWORD = "Wachtwoord!2026x"


@dataclass
class Real:
    app: Starlette
    site: Site
    store: Store
    frappe: FrappeSite

    def token(self, user: str) -> dict[str, str]:
        keys = self.frappe.api_keys[user]
        return {"Authorization": f"token {keys['api_key']}:{keys['api_secret']}"}


@pytest.fixture(scope="module")
def real(frappe_site: FrappeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp("real")
    over = {"data_dir": str(folder), "server": {"role_cache_seconds": 0}, "site_access": {"connect_seconds": 1}}
    settings = load(None, over)
    store = open_store(settings.store_url)
    store.migrate()
    site = Site(read_site(frappe_site.bench, frappe_site.name), settings)
    names = [entry.name for entry in catalogue.metrics("site")] + [entry.kind for entry in catalogue.observations()]
    for _ in range(20):
        run = run_site(site, names, clock.now(), 60)
        with store.write() as conn:
            samples.record(conn, [run.cycle(site.name)])
        # On a busy machine the first look does not get to the end of the errors of a week.
        if "frappe_errors" not in run.absences:
            break
    yield Real(create_app(settings, store, {site.name: site}), site, store, frappe_site)
    store.close()


@pytest.fixture
def client(real: Real) -> Iterator[TestClient]:
    with TestClient(real.app, base_url=BASE, raise_server_exceptions=False, follow_redirects=False) as made:
        yield made


def sign_in(client: TestClient, user: str, password: str = PASSWORD) -> int:
    return int(client.post("/api/method/login", data={"usr": user, "pwd": password}).status_code)


def test_the_dashboard_opens(real: Real, client: TestClient) -> None:
    """Defect 1: the page answered 500 to everybody, the administrator included. Defect 2: 417 with an open alert."""
    assert sign_in(client, ELS) == 200
    assert client.get("/monitoring_dashboard").status_code in (200, 503)
    for entry, args in plain_calls():
        if not entry.writes or entry.writes == "force":
            answer = client.get(f"/api/method/{entry.name}", params=args)
            assert answer.status_code == 200, (entry.name, answer.text)
    alerts = client.get(f"/api/method/{PAGE}.get_active_alerts").json()["message"]
    assert {alert["status"] for alert in alerts} <= {"Active", "Acknowledged"}


def test_figures_are_the_sites_own(real: Real, client: TestClient) -> None:
    """Defects 4, 5, 10 and 11: what a count in the database says, and no constants."""

    def count(table: str, where: str = "1") -> int:
        sql = f"SELECT COUNT(*) FROM `{table}` WHERE {where}"
        return int(real.frappe.mariadb.execute(sql, database=real.frappe.database)[0][0])

    assert sign_in(client, ELS) == 200
    found = client.get(f"/api/method/{PAGE}.get_system_metrics").json()["message"]
    assert found["members"]["active"] == count("tabMember", "status='Active'")
    assert found["members"]["total"] == count("tabMember")
    assert found["volunteers"]["total"] == count("tabVolunteer")
    assert found["sepa"]["active_mandates"] == count("tabSEPA Mandate", "status='Active'")
    assert found["invoices"]["submitted"] == count("tabSales Invoice", "docstatus=1")
    assert found["invoices"]["paid"] == count("tabSales Invoice", "docstatus=1 AND status='Paid'")
    assert found["invoices"]["draft"] == count("tabSales Invoice", "docstatus=0")
    assert found["absent"] == {}
    performance = client.get(f"/api/method/{PAGE}.get_performance_metrics").json()["message"]
    assert performance["application"]["frappe_users"]["enabled"] == count("tabUser", "enabled=1 AND name<>'Guest'")
    assert performance["measured_at"]["application"]


def test_the_ordinary_member_is_refused_everywhere(real: Real, client: TestClient) -> None:
    """Defect 15: lid.jansen got 200 from every method."""
    assert sign_in(client, LID) == 403
    # Those for guests want a secret of their own instead.
    for entry in (entry for entry in registry.methods() if not entry.guest):
        for name in entry.names:
            for verb in ("GET", "POST"):
                answer = client.request(verb, f"/api/method/{name}", headers=real.token(LID))
                assert (answer.status_code, answer.json()["exc_type"]) == (403, "PermissionError"), name
    for path in ("/monitoring_dashboard", "/monitoring_dashboard/x", "/api/docs", "/api/openapi.json"):
        assert client.get(path, headers=real.token(LID)).status_code == 403


def test_tokens_of_the_real_site(real: Real, client: TestClient) -> None:
    answer = client.get("/api/method/baken.get_session", headers=real.token(ELS))
    assert answer.status_code == 200
    assert answer.json()["message"]["user"] == ELS
    keys = real.frappe.api_keys[ELS]
    wrong = {"Authorization": f"token {keys['api_key']}:{keys['api_secret']}x"}
    assert client.get("/api/method/baken.get_session", headers=wrong).status_code == 401


def test_wrong_password(client: TestClient) -> None:
    assert sign_in(client, ELS, "Wachtwoord!2026") == 401
    assert sign_in(client, "Guest", "") == 401


def test_nothing_is_written_into_the_site(real: Real, client: TestClient) -> None:
    """Defect 14: three Error Log rows for each look at the page."""

    def state() -> list[tuple[object, ...]]:
        tables = ("tabError Log", "tabSystem Alert", "tabActivity Log", "tabSessions", "tabDeleted Document")
        execute = real.frappe.mariadb.execute
        return [row for table in tables for row in execute(f"CHECKSUM TABLE `{table}`", database=real.frappe.database)]

    before = state()
    assert sign_in(client, ELS) == 200
    client.get(f"/api/method/{PAGE}.refresh_dashboard_data")
    client.post(f"/api/method/{PAGE}.test_monitoring_system", headers=real.token(ELS))
    assert state() == before


def test_the_database_stops_while_signed_in(real: Real, client: TestClient) -> None:
    assert sign_in(client, ELS) == 200
    token = real.token(ELS)
    assert client.get(f"/api/method/{PAGE}.get_system_metrics", headers=token).status_code == 200
    real.frappe.mariadb.stop()
    try:
        for headers in ({}, token):
            answer = client.get(f"/api/method/{PAGE}.get_system_metrics", headers=headers)
            assert answer.status_code == 200
            assert answer.json()["message"]["members"]["active"]
        assert client.get("/monitoring_dashboard").status_code in (200, 503)
        tried = client.post(f"/api/method/{PAGE}.test_monitoring_system", headers=token).json()["message"]
        hops = {hop["hop"]: hop for hop in tried["hops"]}
        assert hops["site database"]["ok"] is False
        assert "does not answer" in hops["site database"]["detail"]
        with TestClient(real.app, base_url=BASE) as other:
            refused = other.post("/api/method/login", data={"usr": ELS, "pwd": PASSWORD})
            assert refused.status_code == 503
            assert "does not answer" in refused.json()["message"]
    finally:
        real.frappe.mariadb.start()
    assert sign_in(client, ELS) == 200

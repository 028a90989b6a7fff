"""Sessions: the cookie, the CSRF token, their end, and roles that change meanwhile."""

from pathlib import Path

import pytest
import time_machine
from starlette.testclient import TestClient

from baken import clock
from baken.api import registry
from baken.api.registry import Method
from baken.history import tables
from tests.server.world import ADMIN, BASE, MEMBER, PAGE, World, make_world, plain_calls, token

METRICS = f"/api/method/{PAGE}.get_system_metrics"


def test_the_cookie(world: World) -> None:
    answer = world.client.post("/api/method/login", data={"usr": ADMIN, "pwd": "baken-demo"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("baken_sid=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in cookie
    value = cookie.split(";")[0].removeprefix("baken_sid=")
    with world.store.read() as conn:
        kept = str(conn.execute(tables.web_sessions.select()).all())
    assert value not in kept
    assert value.split(".")[0] not in kept


def test_over_https_the_cookie_is_secure(tmp_path: Path) -> None:
    with make_world(tmp_path) as world, TestClient(world.app, base_url="https://baken.test") as client:
        answer = client.post("/api/method/login", data={"usr": ADMIN, "pwd": "baken-demo"})
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"]


def test_a_post_needs_the_csrf_token(world: World) -> None:
    csrf = world.sign_in()
    for headers in ({}, {"X-Frappe-CSRF-Token": "wrong"}, {"X-Frappe-CSRF-Token": ""}):
        answer = world.client.post(METRICS, headers=headers)
        assert (answer.status_code, answer.json()["exc_type"]) == (400, "CSRFTokenError")
    assert world.client.post(METRICS, headers={"X-Frappe-CSRF-Token": csrf}).status_code == 200
    cross = {"X-Frappe-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"}
    assert world.client.post(METRICS, headers=cross).status_code == 400
    assert world.client.post(METRICS, headers={"X-Frappe-CSRF-Token": csrf, "Origin": "http://evil"}).status_code == 400


def test_the_csrf_token_of_another_session_does_not_do(world: World) -> None:
    first = world.sign_in()
    world.client.cookies.clear()
    world.sign_in()
    assert world.client.post(METRICS, headers={"X-Frappe-CSRF-Token": first}).status_code == 400


def test_what_changes_something_is_not_done_by_get(world: World) -> None:
    csrf = world.sign_in()
    for name, args in ((f"{PAGE}.test_monitoring_system", {}), (f"{PAGE}.refresh_dashboard_data", {"force": "1"})):
        answer = world.client.get(f"/api/method/{name}", params=args)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
        assert answer.json()["exc_type"] == "PermissionError"
    assert world.client.get(f"/api/method/{PAGE}.refresh_dashboard_data").status_code == 200
    answer = world.client.post(f"/api/method/{PAGE}.test_monitoring_system", headers={"X-Frappe-CSRF-Token": csrf})
    assert answer.status_code == 200


@pytest.mark.parametrize("value", ["x", "a.b", "..", "é", "a" * 5000, "' OR 1=1 --"])
def test_a_forged_cookie(world: World, value: str) -> None:
    raw = value.encode("latin-1")
    answer = world.client.get(METRICS, headers=[(b"cookie", b"baken_sid=" + raw)])
    assert answer.status_code == 401
    assert answer.json()["exc_type"] == "AuthenticationError"
    page = world.client.get("/monitoring_dashboard", headers=[(b"cookie", b"baken_sid=" + raw)])
    assert page.status_code == 302
    assert page.headers["location"] == "/login?ended=1&next=/monitoring_dashboard"
    assert 'baken_sid=""' in page.headers["set-cookie"]


def test_a_changed_cookie(world: World) -> None:
    world.sign_in()
    value = world.client.cookies["baken_sid"]
    world.client.cookies.clear()
    changed = ("A" if value[0] != "A" else "B") + value[1:]
    for cookie in (changed, value.split(".")[0], value + "x"):
        assert world.client.get(METRICS, headers={"Cookie": f"baken_sid={cookie}"}).status_code == 401


def test_a_cookie_of_another_installation(world: World, tmp_path: Path) -> None:
    world.sign_in()
    value = world.client.cookies["baken_sid"]
    with make_world(tmp_path / "other") as other:
        answer = other.client.get(METRICS, headers={"Cookie": f"baken_sid={value}"})
        assert answer.status_code == 401


def test_signing_out_ends_the_session_for_good(world: World) -> None:
    csrf = world.sign_in()
    value = world.client.cookies["baken_sid"]
    assert world.client.post("/api/method/logout").status_code == 400
    assert world.client.get(METRICS).status_code == 200
    assert world.client.post("/api/method/logout", headers={"X-Frappe-CSRF-Token": csrf}).status_code == 200
    replayed = world.client.get(METRICS, headers={"Cookie": f"baken_sid={value}"})
    assert replayed.status_code == 401
    assert world.client.post("/api/method/logout").status_code == 200


def test_signing_in_again_ends_the_session_before(world: World) -> None:
    world.sign_in()
    before = world.client.cookies["baken_sid"]
    world.sign_in()
    assert world.client.cookies["baken_sid"] != before
    world.client.cookies.clear()
    assert world.client.get(METRICS, headers={"Cookie": f"baken_sid={before}"}).status_code == 401


def test_a_session_ends_by_itself(world: World) -> None:
    world.sign_in()
    value = world.client.cookies["baken_sid"]
    with time_machine.travel(clock.now() + 11.9 * clock.HOUR, tick=False):
        assert world.client.get(METRICS, headers={"Cookie": f"baken_sid={value}"}).status_code == 200
    with time_machine.travel(clock.now() + 12.1 * clock.HOUR, tick=False):
        assert world.client.get(METRICS, headers={"Cookie": f"baken_sid={value}"}).status_code == 401


def test_a_session_that_was_revoked_in_the_store(world: World) -> None:
    world.sign_in()
    with world.store.write() as conn:
        conn.execute(tables.web_sessions.delete())
    assert world.client.get(METRICS).status_code == 401


def test_a_role_is_taken_away_while_signed_in(world: World) -> None:
    csrf = world.sign_in()
    world.site_sql('DELETE FROM "tabHas Role" WHERE parent = ?', ADMIN)
    answer = world.client.get(METRICS)
    assert (answer.status_code, answer.json()["exc_type"]) == (403, "PermissionError")
    page = world.client.get("/monitoring_dashboard")
    assert page.status_code == 403
    assert "System Manager" in page.text
    assert world.client.get("/api/method/baken.get_session").status_code == 403
    assert world.client.get("/api/openapi.json").status_code == 403
    # Given back, it works again without a new sign-in.
    world.site_sql('INSERT INTO "tabHas Role" VALUES (?, ?, ?, ?)', "again", ADMIN, "User", "System Manager")
    assert world.client.get(METRICS).status_code == 200
    assert world.client.post("/api/method/logout", headers={"X-Frappe-CSRF-Token": csrf}).status_code == 200


def test_a_user_is_disabled_while_signed_in(world: World) -> None:
    world.sign_in()
    world.site_sql('UPDATE "tabUser" SET enabled = 0 WHERE name = ?', ADMIN)
    assert world.client.get(METRICS).status_code == 401
    world.site_sql('UPDATE "tabUser" SET enabled = 1 WHERE name = ?', ADMIN)
    assert world.client.get(METRICS).status_code == 401


def test_the_sites_database_goes_away_while_signed_in(world: World) -> None:
    world.record({"association_members": {(("status", "Active"),): 7}})
    world.sign_in()
    file = world.files["vereniging.test"]
    file.rename(file.with_suffix(".away"))
    for entry, args in plain_calls():
        if entry.slow or args or entry.changes({}):
            continue
        assert world.client.get(f"/api/method/{entry.name}").status_code == 200, entry.name
    assert world.client.get(METRICS).json()["message"]["members"]["active"] == 7
    assert world.client.get("/monitoring_dashboard").status_code == 200
    # Also after a restart of Baken, from the roles in the store.
    from baken.server.app import create_app

    with TestClient(create_app(world.settings, world.store, world.sites), base_url=BASE) as again:
        again.cookies.set("baken_sid", world.client.cookies["baken_sid"])
        assert again.get(METRICS).status_code == 200
    file.with_suffix(".away").rename(file)
    world.site_sql('DELETE FROM "tabHas Role" WHERE parent = ?', ADMIN)
    assert world.client.get(METRICS).status_code == 403


def test_the_store_goes_away_while_signed_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sign_in()
    from baken.history.store import StoreUnavailable

    def away(*_: object) -> None:
        raise StoreUnavailable("the database server of the store does not answer")

    monkeypatch.setattr(world.store, "read", away)
    monkeypatch.setattr(world.store, "write", away)
    answer = world.client.get(METRICS)
    assert (answer.status_code, answer.json()["exc_type"]) == (503, "ServiceUnavailableError")
    assert "does not answer" in answer.json()["message"]
    assert world.client.get("/health").status_code == 503
    assert world.client.get("/api/method/ping").status_code == 200


def test_sites_are_kept_apart(tmp_path: Path) -> None:
    with make_world(tmp_path, names=("one.test", "two.test")) as world:
        world.record({"association_members": {(("status", "Active"),): 1}}, site="one.test")
        world.record({"association_members": {(("status", "Active"),): 2}}, site="two.test")
        world.site_sql('UPDATE "tabUser" SET api_key = ? WHERE name = ?', "key-two", ADMIN, site="two.test")
        world.site_sql('DELETE FROM "tabHas Role"', site="one.test")

        def active(**how: dict[str, str]) -> int | None:
            answer = world.client.get(METRICS, **how)
            return answer.json()["message"]["members"]["active"] if answer.status_code == 200 else None

        two = {"Authorization": "token key-two:admin-secret"}
        # Nobody of site two is anybody on site one.
        assert active(headers=two) == 2
        assert active(headers=two, params={"site": "two.test"}) == 2
        assert active(headers={**two, "X-Frappe-Site-Name": "two.test"}) == 2
        assert world.client.get(METRICS, headers=two, params={"site": "one.test"}).status_code == 401
        assert world.client.get(METRICS, headers={**two, "X-Frappe-Site-Name": "one.test"}).status_code == 401
        assert world.client.get(METRICS, headers=two, params={"site": "three.test"}).status_code == 404
        world.sign_in(site="two.test")
        assert active() == 2
        assert world.client.get(METRICS, params={"site": "one.test"}).status_code == 403
        assert world.client.get("/monitoring_dashboard?site=one.test").status_code == 403
        found = world.client.get("/api/method/baken.get_sites").json()["message"]
        assert [row["site"] for row in found] == ["two.test"]
        refused = world.client.post("/api/method/login", data={"usr": ADMIN, "pwd": "baken-demo", "site": "one.test"})
        assert refused.status_code == 403


def signed_in() -> list[Method]:
    """All methods but those that another program calls, which shows a secret instead."""
    return [entry for entry in registry.methods() if not entry.guest]


def test_a_member_is_refused_everywhere(world: World) -> None:
    world.record({"association_members": {(("status", "Active"),): 7}})
    for entry in signed_in():
        for name in entry.names:
            for call in (world.client.get, world.client.post):
                answer = call(f"/api/method/{name}", headers=token(MEMBER))
                assert (answer.status_code, answer.json()["exc_type"]) == (403, "PermissionError"), name
    for path in ("/monitoring_dashboard", "/monitoring_dashboard/metrics", "/api/docs", "/api/openapi.json"):
        assert world.client.get(path, headers=token(MEMBER)).status_code == 403, path
    assert world.client.get("/api/method/baken.get_session", headers=token(MEMBER)).status_code == 403
    with world.store.read() as conn:
        kept = conn.execute(tables.audit.select().where(tables.audit.c.action == "access refused")).all()
    assert len(kept) >= len(signed_in())


def test_a_guest_is_refused_everywhere(world: World) -> None:
    for entry in signed_in():
        for name in entry.names:
            answer = world.client.get(f"/api/method/{name}")
            assert (answer.status_code, answer.json()["exc_type"]) == (403, "PermissionError"), name
    assert world.client.get("/api/openapi.json").status_code == 403
    assert world.client.get("/api/docs").headers["location"] == "/login?next=/api/docs"

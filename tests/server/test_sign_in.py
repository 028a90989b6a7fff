"""Signing in: who gets in, what the others learn, and how often they may try."""

import time

import anyio
import pytest

from baken.history import audit, tables
from tests.server.world import ADMIN, BOARD, MEMBER, PASSWORD, World


def post(world: World, user: str, password: str, **headers: str) -> tuple[int, dict[str, str]]:
    answer = world.client.post("/api/method/login", json={"usr": user, "pwd": password}, headers=headers)
    return answer.status_code, answer.json()


def actions(world: World) -> list[tuple[str, str]]:
    with world.store.read() as conn:
        return [(entry.action, entry.user) for entry in reversed(audit.entries(conn))]


@pytest.mark.parametrize("user", [ADMIN, BOARD])
def test_roles_that_may(world: World, user: str) -> None:
    world.sign_in(user)
    session = world.client.get("/api/method/baken.get_session").json()["message"]
    assert session["user"] == user
    assert session["site"] == "vereniging.test"
    assert session["csrf_token"]
    assert session["language"] == "nl"
    assert actions(world) == [("sign-in", user)]


def test_a_member_does_not_get_in(world: World) -> None:
    status, body = post(world, MEMBER, PASSWORD)
    assert status == 403
    assert body["exc_type"] == "PermissionError"
    assert "set-cookie" not in world.client.get("/login").headers
    assert actions(world) == [("sign-in refused", MEMBER)]


def test_a_disabled_user_does_not_get_in(world: World) -> None:
    world.site_sql('UPDATE "tabUser" SET enabled = 0 WHERE name = ?', ADMIN)
    assert post(world, ADMIN, PASSWORD)[0] == 401


def test_wrong_user_and_wrong_password_look_alike(world: World) -> None:
    unknown = post(world, "nobody@example.test", PASSWORD)
    wrong = post(world, ADMIN, "wrong")
    assert unknown == wrong
    assert unknown[0] == 401
    assert unknown[1]["exc_type"] == "AuthenticationError"
    assert actions(world) == [("sign-in failed", "")] * 2


def test_wrong_user_and_wrong_password_take_equally_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are answered at the same moment after the asking, which lies behind all that is done for either."""
    waits: list[float] = []
    real = anyio.sleep_until

    async def sleep_until(moment: float) -> None:
        waits.append(moment - asked)
        await real(moment)

    monkeypatch.setattr(anyio, "sleep_until", sleep_until)
    for user in ("nobody@example.test", ADMIN):
        # The clock of the event loop is that of time.monotonic.
        asked = time.monotonic()
        assert post(world, user, "wrong")[0] == 401
        # It is no sooner, however fast the machine is; it began to count when the request came.
        assert time.monotonic() - asked >= 0.4
    assert len(waits) == 2
    assert all(wait >= 0.4 for wait in waits)


@pytest.mark.parametrize("body", [{}, {"usr": ADMIN}, {"usr": ADMIN, "pwd": None}, {"usr": [1], "pwd": {"a": 1}},
                                  {"usr": "a\x00b", "pwd": "x"}, {"usr": "\ud800", "pwd": "\udfff"},
                                  {"usr": "x" * 5000, "pwd": "y"}])  # fmt: skip
def test_odd_credentials_are_wrong_credentials(world: World, body: dict[str, object]) -> None:
    import json

    answer = world.client.post(
        "/api/method/login", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 401


def test_passwords_are_not_taken_from_the_address(world: World) -> None:
    assert world.client.post(f"/api/method/login?usr={ADMIN}&pwd={PASSWORD}").status_code == 401
    assert world.client.get(f"/api/method/login?usr={ADMIN}&pwd={PASSWORD}").status_code == 405


def test_form_and_multipart_work(world: World) -> None:
    world.sign_in()
    answer = world.client.post("/api/method/login", files={"usr": (None, ADMIN), "pwd": (None, PASSWORD)})
    assert answer.status_code == 200
    assert answer.json()["message"] == "Logged In"
    assert answer.json()["full_name"] == "Admin"


def test_too_many_failures_of_a_user(world: World) -> None:
    # Each from another address, so that only the user's own count can stop it.
    world.settings.server.trusted_proxies.append("testclient")
    from starlette.testclient import TestClient

    from baken.server.app import create_app

    with TestClient(create_app(world.settings, world.store, world.sites), base_url="http://baken.test") as client:
        for number in range(5):
            answer = client.post(
                "/api/method/login",
                data={"usr": ADMIN, "pwd": "wrong"},
                headers={"X-Forwarded-For": f"203.0.113.{number}"},
            )
            assert answer.status_code == 401
        answer = client.post(
            "/api/method/login", data={"usr": ADMIN, "pwd": PASSWORD}, headers={"X-Forwarded-For": "203.0.113.99"}
        )
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["exc_type"] == "TooManyRequestsError"
        other = client.post(
            "/api/method/login", data={"usr": BOARD, "pwd": PASSWORD}, headers={"X-Forwarded-For": "203.0.113.98"}
        )
        assert other.status_code == 200


def test_too_many_failures_of_an_address(world: World) -> None:
    for number in range(5):
        assert post(world, f"user{number}@example.test", "wrong")[0] == 401
    assert post(world, ADMIN, PASSWORD)[0] == 429
    # Whoever is not a trusted proxy cannot pretend to be somebody else.
    assert post(world, ADMIN, PASSWORD, **{"X-Forwarded-For": "203.0.113.7"})[0] == 429


def test_many_attempts_at_once_count_as_many(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: post(world, ADMIN, "wrong")[0], range(12)))
    assert found.count(401) <= 5
    assert set(found) == {401, 429}


def test_signing_in_forgets_the_users_failures(world: World) -> None:
    for _ in range(3):
        post(world, ADMIN, "wrong")
    world.sign_in()
    with world.store.read() as conn:
        # Those of the address stay.
        assert len(conn.execute(tables.sign_in_attempts.select()).all()) == 3


def test_the_store_learns_no_address_and_no_name(world: World) -> None:
    post(world, "somebody@example.test", "wrong")
    with world.store.read() as conn:
        kept = [str(row) for row in conn.execute(tables.sign_in_attempts.select())]
        kept += [str(row) for row in conn.execute(tables.audit.select())]
    assert not any("somebody" in row for row in kept)


def test_another_sites_page_cannot_sign_a_browser_in(world: World) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        status, body = post(world, ADMIN, PASSWORD, **headers)
        assert (status, body["exc_type"]) == (400, "CSRFTokenError")
    assert post(world, ADMIN, PASSWORD, Origin="http://baken.test")[0] == 200


def test_the_database_is_down(world: World) -> None:
    world.files["vereniging.test"].rename(world.files["vereniging.test"].with_suffix(".away"))
    status, body = post(world, ADMIN, PASSWORD)
    assert status == 503
    assert "database of site vereniging.test does not answer" in body["message"]
    assert str(world.files["vereniging.test"]) not in body["message"]


def test_options_need_no_sign_in(world: World) -> None:
    body = world.client.get("/api/method/baken.get_sign_in_options").json()["message"]
    assert body["sites"] == ["vereniging.test"]
    assert body["demo"] is False

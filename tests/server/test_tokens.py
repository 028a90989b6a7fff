"""API tokens: Frappe's key and secret in the Authorization header."""

import base64
from pathlib import Path

import pytest

from tests.server.world import ADMIN, PAGE, World, make_world, token

METRICS = f"/api/method/{PAGE}.get_system_metrics"


def test_token_and_basic(world: World) -> None:
    assert world.client.get(METRICS, headers=token(ADMIN)).status_code == 200
    assert world.client.post(METRICS, headers=token(ADMIN)).status_code == 200
    basic = base64.b64encode(b"admin-key:admin-secret").decode()
    assert world.client.get(METRICS, headers={"Authorization": f"Basic {basic}"}).status_code == 200
    crossed = {"Authorization": f"Basic {basic}", "Sec-Fetch-Site": "cross-site"}
    assert world.client.post(METRICS, headers=crossed).status_code == 400
    answer = world.client.post(f"/api/method/{PAGE}.test_monitoring_system", headers=token(ADMIN))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "token admin-key:wrong",
        "token nobody:admin-secret",
        "token admin-key",
        "token :",
        "token a:b:c",
        "token " + "x" * 9000 + ":y",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic",
        "Bearer abc",
        "garbage",
    ],
)
def test_a_wrong_token(world: World, header: str) -> None:
    answer = world.client.get(METRICS, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["exc_type"]) == (401, "AuthenticationError")


def test_wrong_tokens_are_limited_and_good_ones_that_are_known_go_on(tmp_path: Path) -> None:
    with make_world(tmp_path, sign_in_attempts=3, role_cache_seconds=60) as world:
        assert world.client.get(METRICS, headers=token(ADMIN)).status_code == 200
        found = [
            world.client.get(METRICS, headers={"Authorization": f"token admin-key:wrong{number}"}).status_code
            for number in range(5)
        ]
        assert found == [401, 401, 401, 429, 429]
        assert world.client.get(METRICS, headers=token(ADMIN)).status_code == 200
        # Wrong tokens keep nobody from signing in with a password.
        world.sign_in()


def test_a_token_is_taken_away(world: World) -> None:
    assert world.client.get(METRICS, headers=token(ADMIN)).status_code == 200
    world.site_sql('UPDATE "tabUser" SET api_key = NULL WHERE name = ?', ADMIN)
    assert world.client.get(METRICS, headers=token(ADMIN)).status_code == 401


def test_the_database_is_down(world: World) -> None:
    assert world.client.get(METRICS, headers=token(ADMIN)).status_code == 200
    file = world.files["vereniging.test"]
    file.rename(file.with_suffix(".away"))
    # Who was known goes on; who was not cannot be checked.
    assert world.client.get(METRICS, headers=token(ADMIN)).status_code == 200
    answer = world.client.get(METRICS, headers={"Authorization": "token other:secret"})
    assert answer.status_code == 503
    assert str(file) not in answer.text

"""What other programs have to show before Baken listens to them."""

import base64
from collections.abc import Mapping

import pytest
from pydantic import SecretStr
from starlette.requests import Request

from baken.api.context import NotPermitted
from baken.server.answers import TooMany
from baken.server.attempts import Attempts
from baken.server.body import Origin
from baken.server.incoming import bearer, check_secret, secret_matches
from tests.server.world import World

SECRET = SecretStr("0123456789abcdef")


def request(headers: Mapping[str, str] | None = None, address: str = "192.0.2.7") -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "headers": raw, "baken.origin": Origin(address, True, "baken.test")}
    return Request(scope)


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic " + base64.b64encode(b"anybody:a:bc").decode(), "a:bc"),
        ("Basic ***", ""),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), ""),
        ("token a:b", ""),
        ("", ""),
    ],
)
def test_where_the_secret_is_found(header: str, secret: str) -> None:
    assert bearer(request({"Authorization": header})) == secret


def test_only_the_whole_secret_is_right() -> None:
    assert secret_matches("0123456789abcdef", SECRET)
    for wrong in ("", "0123456789abcde", "0123456789abcdeff", "é", "\udcff"):
        assert not secret_matches(wrong, SECRET)


def test_it_is_closed_without_one_and_says_how_to_open_it(world: World) -> None:
    attempts = Attempts(world.store, b"k" * 32, world.settings.server)
    with pytest.raises(NotPermitted, match=r"set incoming\.zabbix_token"):
        check_secret(attempts, request(), "0123456789abcdef", None, "incoming.zabbix_token")


def test_it_cannot_be_guessed_and_goes_on_for_whom_it_went_before(world: World) -> None:
    attempts = Attempts(world.store, b"k" * 32, world.settings.server)

    def tried(given: str, address: str = "192.0.2.7") -> None:
        check_secret(attempts, request(address=address), given, SECRET, "incoming.zabbix_token")

    tried(SECRET.get_secret_value(), "203.0.113.9")
    for _ in range(world.settings.server.sign_in_attempts):
        with pytest.raises(NotPermitted):
            tried("wrong")
    # After so many guesses the right one is a guess as well.
    for guess in ("wrong", SECRET.get_secret_value()):
        with pytest.raises(TooMany):
            tried(guess)
    # Whoever guesses closes it for nobody else.
    tried(SECRET.get_secret_value(), "198.51.100.1")
    for _ in range(world.settings.server.sign_in_attempts + 1):
        with pytest.raises((NotPermitted, TooMany)):
            tried("wrong", "203.0.113.9")
    tried(SECRET.get_secret_value(), "203.0.113.9")

"""Turning push messages on and off by the methods: whose browser it is, what is refused, and the test message."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from baken import clock
from baken.alerts import push_keys
from baken.history import audit, push
from tests.alerts.pushed import NETWORK, Browser, push_service
from tests.alerts.remote import Remote
from tests.api.alerted import OTHER, SITE, ask
from tests.server.world import ADMIN, BOARD, MEMBER, World, make_world

NAMES = ("baken.get_push", "baken.subscribe_push", "baken.unsubscribe_push", "baken.test_push")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with push_service(tmp_path_factory.mktemp("tls")) as found:
        yield found


@pytest.fixture
def service(running: Remote) -> Remote:
    running.requests.clear()
    running.says(201)
    return running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    # The service is in a private network, which is for operators alone where sites share an installation.
    people = [{"user": user, "site": site} for user in (ADMIN, BOARD) for site in (SITE, OTHER)]
    more = {"alerts": {"allow_private": [NETWORK]}}
    with make_world(tmp_path, names=(SITE, OTHER), more=more, operators=people) as made:
        yield made


def test_a_private_network_is_not_for_one_sites_people_to_knock_at(service: Remote, tmp_path: Path) -> None:
    more = {"alerts": {"allow_private": [NETWORK]}}
    with make_world(tmp_path, names=(SITE, OTHER), more=more, operators=[{"user": BOARD, "site": SITE}]) as world:
        assert "private address" in str(ask(world, "baken.subscribe_push", 417, **given(service, Browser())))
        assert ask(world, "baken.subscribe_push", 200, BOARD, **given(service, Browser()))["subscription"]
    assert service.requests == []


def given(service: Remote, own: Browser, **changes: Any) -> dict[str, Any]:
    """The arguments of a browser that turns push messages on."""
    found = {
        "endpoint": service.url + own.path,
        "p256dh": own.p256dh,
        "auth": own.secret,
        "browser": "Firefox",
        "system": "Android",
        "origin": "https://baken.example.org",
    }
    return found | changes


def test_on_a_test_and_off(world: World, service: Remote) -> None:
    before = ask(world, "baken.get_push")
    assert (before["subscriptions"], before["absent"], before["most"]) == ([], None, 10)
    assert len(push_keys.decode(before["public_key"])) == 65
    browser = Browser()
    made = ask(world, "baken.subscribe_push", **given(service, browser))["subscription"]
    assert (made["browser"], made["at_least"], made["language"]) == ("Firefox on Android", "CRITICAL", "en")
    assert made["key"] == push.key_of(service.url + browser.path)
    assert made["last_ok"] is None
    assert service.url not in str(ask(world, "baken.get_push"))
    changed = ask(world, "baken.subscribe_push", **given(service, browser, at_least="HIGH", language="nl"))
    assert (changed["subscription"]["id"], changed["subscription"]["at_least"]) == (made["id"], "HIGH")

    (result,) = ask(world, "baken.test_push")["results"]
    assert (result["ok"], result["gone"], result["detail"]) == (True, False, "HTTP 201 127.0.0.1")
    told = browser.read(service.requests[-1])
    assert (told["title"], told["tag"], told["alert"]) == ("Proefbericht", "baken-test", None)
    assert told["body"].startswith("Dit kanaal werkt")
    assert "a moment ago" in ask(world, "baken.test_push", 417)

    assert ask(world, "baken.unsubscribe_push", which=service.url + browser.path) == {"removed": True}
    assert ask(world, "baken.unsubscribe_push", which=str(made["id"])) == {"removed": False}
    assert ask(world, "baken.get_push")["subscriptions"] == []
    assert ask(world, "baken.get_channels")["channels"] == []
    with world.store.read() as conn:
        trail = [
            (each.user, each.action, each.target) for each in audit.entries(conn) if each.action.startswith("push")
        ]
        details = str([each.detail for each in audit.entries(conn)])
    assert trail[::-1] == [
        (ADMIN, "push turned on", "push:1"), (ADMIN, "push changed", "push:1"), (ADMIN, "push test", "push:1"),
        (ADMIN, "push ended", "push:1"),
    ]  # fmt: skip
    assert browser.path not in details


def test_a_browser_is_its_users_alone(world: World, service: Remote) -> None:
    browser = Browser()
    number = ask(world, "baken.subscribe_push", **given(service, browser))["subscription"]["id"]
    assert ask(world, "baken.get_push", 200, BOARD)["subscriptions"] == []
    assert ask(world, "baken.unsubscribe_push", 200, BOARD, which=str(number)) == {"removed": False}
    assert ask(world, "baken.test_push", 200, BOARD, id=number) == {"results": []}
    assert service.requests == []
    # The board signs in at the administrator's browser: it is theirs from now on.
    theirs = ask(world, "baken.subscribe_push", 200, BOARD, **given(service, browser))["subscription"]["id"]
    assert theirs != number
    assert ask(world, "baken.get_push")["subscriptions"] == []
    channels = ask(world, "baken.get_channels")
    assert [each["name"] for each in channels["channels"]] == ["push"]
    assert [each["name"] for each in channels["recipients"]] == [f"push:{theirs}"]
    assert browser.path not in str(channels) and BOARD not in str(channels)


def test_a_browser_with_a_new_address(world: World, service: Remote) -> None:
    old, new = Browser(), Browser()
    ask(world, "baken.subscribe_push", **given(service, old))
    ask(world, "baken.subscribe_push", **given(service, new, replaces=service.url + old.path))
    (left,) = ask(world, "baken.get_push")["subscriptions"]
    assert left["key"] == push.key_of(service.url + new.path)
    # Nobody takes another one's browser off the list like this.
    ask(world, "baken.subscribe_push", 200, BOARD, **given(service, Browser(), replaces=service.url + new.path))
    assert len(ask(world, "baken.get_push")["subscriptions"]) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"endpoint": "http://127.0.0.1/x"}, "not the https address"),
        ({"endpoint": "https://10.0.0.1/x"}, "private address"),
        ({"endpoint": "https://169.254.169.254/x"}, "never allowed"),
        ({"endpoint": "https://user:pass@127.0.0.1/x"}, "a user or a password"),
        ({"endpoint": "https://127.0.0.1/" + "x" * 2000}, "not the https address"),
        ({"endpoint": "data:,x"}, "not the https address"),
        ({"p256dh": "AAAA"}, "keys of the browser"),
        ({"auth": "AAAA"}, "keys of the browser"),
        ({"at_least": "WORST"}, "at_least"),
        ({"origin": "javascript:alert(1)"}, "origin"),
    ],
)
def test_what_is_refused(world: World, service: Remote, changes: dict[str, Any], says: str) -> None:
    assert says in str(ask(world, "baken.subscribe_push", 417, **given(service, Browser(), **changes)))
    assert ask(world, "baken.get_push")["subscriptions"] == []


def test_strange_names_are_no_names(world: World, service: Remote) -> None:
    made = ask(world, "baken.subscribe_push", **given(service, Browser(), browser="<b>", system="els@example.test"))
    assert made["subscription"]["browser"] == "Browser"


@pytest.mark.parametrize("name", NAMES)
def test_nobody_without_the_role(world: World, service: Remote, name: str) -> None:
    args = {"baken.subscribe_push": given(service, Browser()), "baken.unsubscribe_push": {"which": "1"}}.get(name, {})
    ask(world, name, 403, MEMBER, **args)
    ask(world, name, 403, None, **args)


def test_one_that_is_gone_leaves_the_list(world: World, service: Remote) -> None:
    ask(world, "baken.subscribe_push", **given(service, Browser()))
    service.says(410)
    (result,) = ask(world, "baken.test_push")["results"]
    assert (result["ok"], result["gone"]) == (False, True)
    assert ask(world, "baken.get_push")["subscriptions"] == []


def test_one_that_does_not_work_says_why(world: World, service: Remote) -> None:
    ask(world, "baken.subscribe_push", **given(service, Browser()))
    service.says(503)
    (result,) = ask(world, "baken.test_push")["results"]
    assert (result["ok"], result["gone"]) == (False, False)
    assert "answered 503" in result["detail"]
    with time_machine.travel(clock.now() + clock.MINUTE):
        service.says(201)
        assert ask(world, "baken.test_push")["results"][0]["ok"]
    assert ask(world, "baken.get_push")["subscriptions"][0]["failures"] == 0


def test_a_key_that_cannot_be_read_is_said(world: World) -> None:
    (world.settings.data_dir / push_keys.KEY_FILE).write_text("nothing")
    found = ask(world, "baken.get_push")
    assert found["public_key"] is None
    assert "its log says why" in found["absent"]

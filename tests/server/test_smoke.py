"""Signing in and asking, from end to end."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from baken.api import alert_manager
from baken.history.store import Store
from tests.server.world import ADMIN, PAGE, World, plain_calls


def test_sign_in_and_ask(world: World) -> None:
    world.sign_in()
    answer = world.client.get(f"/api/method/{PAGE}.get_system_metrics")
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"]["members"]["active"] is None
    page = world.client.get("/monitoring_dashboard")
    assert page.status_code == 200


def test_every_method_answers_an_administrator(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # No collector runs here that could answer.
    monkeypatch.setattr(alert_manager, "_WAIT", 0.1)
    for entry, args in plain_calls():
        for name in entry.names:
            answer = world.get(name, ADMIN, **args)
            assert answer.status_code == 200, (name, answer.text)


def test_no_method_holds_two_connections_to_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds one and waits for another waits for ever, when all that there may be are held by such."""
    monkeypatch.setattr(alert_manager, "_WAIT", 0.1)
    held = threading.local()
    twice: set[str] = set()
    asked = ""

    def counted(real: Any) -> Any:
        @contextlib.contextmanager
        def opened(self: Store) -> Iterator[Any]:
            held.number = getattr(held, "number", 0) + 1
            if held.number > 1:
                twice.add(asked)
            try:
                with real(self) as connection:
                    yield connection
            finally:
                held.number -= 1

        return opened

    monkeypatch.setattr(Store, "read", counted(Store.read))
    monkeypatch.setattr(Store, "write", counted(Store.write))
    for entry, args in plain_calls():
        asked = entry.name
        world.get(entry.name, ADMIN, **args)
    assert twice == set()

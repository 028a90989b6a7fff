"""Signing in and asking, from end to end."""

import pytest

from baken.api import alert_manager
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

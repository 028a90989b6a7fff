"""Signing in and asking, from end to end."""

import pytest

from baken.api import alert_manager, alerts
from tests.server.world import ADMIN, PAGE, World, nested, plain_calls


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
    # As when what was remembered has just grown old.
    monkeypatch.setattr(alerts, "_KEPT_SECONDS", -1.0)
    twice = nested(monkeypatch)
    for entry, args in plain_calls():
        world.get(entry.name, ADMIN, **args)
        assert twice == [], entry.name

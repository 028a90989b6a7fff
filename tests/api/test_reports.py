"""Reports over the API: read one, send one, see what went out; addresses stay where they are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken import clock
from baken.clock import to_ms
from baken.history import samples
from baken.history.tables import audit, outbox
from tests.api.alerted import CHANNEL, SITE, ask
from tests.server.world import ADMIN, BOARD, MEMBER, World, make_world

DAILY = {"name": "beheer", "channel": "mail", "to": ADMIN, "reports": ["daily", "weekly"], "language": "nl"}
OTHER = {"name": "anderen", "channel": "mail", "to": "x@example.test", "sites": ["ander.test"]}
QUIET = {"name": "penningmeester", "channel": "mail", "to": "p@example.test"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    alerts = {"channels": [CHANNEL], "recipients": [DAILY, OTHER, QUIET], "public_url": "https://baken.example.test"}
    with make_world(tmp_path, more={"alerts": alerts}) as made:
        made.record({"database_up": 1})
        yield made


def send(world: World, status: int = 200, user: str = ADMIN, **args: Any) -> Any:
    headers = {"Authorization": f"token {user.split('@')[0]}-key:{user.split('@')[0]}-secret"}
    answer = world.client.post("/api/method/baken.send_report", json=args, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json().get("message")


def test_a_report_in_the_readers_language(world: World) -> None:
    english, dutch = (ask(world, "baken.get_report", language=language) for language in ("en", "nl"))
    assert english["period"] == "daily"
    assert (english["language"], dutch["language"]) == ("en", "nl")
    assert english["health"]["sentences"] != dutch["health"]["sentences"]
    # The days are those of the site.
    assert english["time_zone"] in ("UTC", "Europe/Amsterdam")
    start, end = (datetime.fromisoformat(english[name]) for name in ("from", "to"))
    assert timedelta(hours=23) <= end - start <= timedelta(hours=25)
    weekly = ask(world, "baken.get_report", period="weekly")
    assert timedelta(days=6) < datetime.fromisoformat(weekly["to"]) - datetime.fromisoformat(weekly["from"])


def test_a_report_of_another_day(world: World) -> None:
    found = ask(world, "baken.get_report", until="2026-03-05T12:00:00Z")
    assert found["to"].startswith("2026-03-0")
    assert datetime.fromisoformat(found["to"]) <= datetime(2026, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize("until", ["soon", "2026-03-05", "2999-01-01T00:00:00Z", "1900-01-01T00:00:00Z"])
def test_a_moment_that_cannot_be(world: World, until: str) -> None:
    assert "until" in world.get("baken.get_report", until=until).text
    ask(world, "baken.get_report", 417, until=until)


def test_who_gets_reports_and_when(world: World) -> None:
    found = ask(world, "baken.get_report_deliveries")
    assert [each["name"] for each in found["recipients"]] == ["beheer", "penningmeester"]
    first, second = found["recipients"]
    assert (first["me"], second["me"]) == (True, False)
    assert first["next"]["period"] in ("daily", "weekly")
    at = datetime.fromisoformat(first["next"]["at"])
    assert clock.now() < at <= clock.now() + timedelta(days=1, hours=1)
    assert second["next"] is None
    assert "example.test" not in str(found)


def test_one_is_sent_by_hand_and_is_in_the_trail(world: World) -> None:
    sent = send(world, recipient="penningmeester", period="weekly")
    assert sent["queued"] is True
    with world.store.read() as conn:
        (row,) = conn.execute(select(outbox)).all()
        trail = conn.execute(select(audit).where(audit.c.action == "report sent")).all()
    assert (row.kind, row.site, row.recipient, row.state) == ("report", SITE, "penningmeester", "waiting")
    assert row.due <= to_ms(clock.now())
    assert [(each.user, each.target) for each in trail] == [(ADMIN, "penningmeester (mail)")]
    (listed,) = ask(world, "baken.get_report_deliveries")["sent"]
    assert (listed["state"], listed["period"], listed["by"]) == ("waiting", "weekly", ADMIN)
    assert datetime.fromisoformat(listed["from"]) < datetime.fromisoformat(listed["to"]) <= clock.now()


def test_nobody_is_flooded(world: World) -> None:
    send(world, recipient="penningmeester")
    send(world, 417, recipient="penningmeester")
    send(world, 417, BOARD, recipient="penningmeester")
    send(world, recipient="beheer")


def test_only_to_those_who_are_told_about_this_site(world: World) -> None:
    for name in ("anderen", "nobody", "x@example.test"):
        send(world, 417, recipient=name)
    send(world, 417, recipient="beheer", channel="chat")
    with world.store.read() as conn:
        assert conn.execute(select(outbox)).all() == []


def test_only_those_with_a_role_and_reading_changes_nothing(world: World) -> None:
    ask(world, "baken.get_report", 403, MEMBER)
    ask(world, "baken.get_report_deliveries", 403, MEMBER)
    send(world, 403, MEMBER, recipient="beheer")
    with world.store.read() as conn:
        assert samples.site_states(conn)
        assert conn.execute(select(outbox)).all() == []

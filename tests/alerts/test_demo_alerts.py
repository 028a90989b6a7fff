"""The alerts that the demo remembers: as the engine would have left them, all over, and nobody told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from baken.alerts import answers, lifecycle, rulebook, silences, statistics
from baken.alerts.engine import Engine
from baken.clock import from_ms, to_ms
from baken.demo import rhythm
from baken.history.past import write_past
from baken.history.store import Store, open_store
from baken.history.tables import alert_events, alerts, outbox
from baken.server.demo_alerts import DAYS, write_alerts
from baken.settings import Settings, load

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
SITE = "demo.example.test"
SEED = 2026


def _errors(store: Store) -> None:
    """Errors within the hour of a month: five usually, thirty for two hours on the tenth day, thirty now."""
    first = NOW - timedelta(days=DAYS)
    at = [first + timedelta(minutes=15 * place) for place in range(DAYS * 96 + 1)]
    stormy = first + timedelta(days=10)
    values = [
        30.0 if stormy <= moment < stormy + timedelta(hours=2) or moment > NOW - timedelta(hours=1) else 5.0
        for moment in at
    ]
    with store.write() as conn:
        write_past(conn, SITE, "frappe_errors", {"window": "1h"}, [to_ms(each) for each in at], values, now=NOW)


def _made(folder: Path) -> tuple[Store, Settings, int]:
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    store.migrate()
    _errors(store)
    settings = load(None, {"data_dir": str(folder)})
    return store, settings, write_alerts(store, settings, SITE, now=NOW, seed=SEED)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Settings, int]]:
    found = _made(tmp_path_factory.mktemp("demo"))
    yield found
    found[0].close()


def _rows(store: Store) -> list[Any]:
    with store.read() as conn:
        return list(conn.execute(select(alerts).order_by(alerts.c.number)).all())


def _trails(store: Store) -> dict[int, list[str]]:
    with store.read() as conn:
        return {
            row.number: [event["kind"] for event in answers.trail(conn, row.number)]
            for row in conn.execute(select(alerts.c.number)).all()
        }


def test_every_kind_of_course_is_there_and_all_are_over(made: tuple[Store, Settings, int]) -> None:
    store, _, count = made
    rows, trails = _rows(store), list(_trails(store).values())
    assert len(rows) == count >= 12
    assert {row.status for row in rows} == {lifecycle.RESOLVED}
    assert all(NOW - timedelta(days=DAYS + 1) < from_ms(row.fired) < NOW for row in rows)
    assert [row.feedback for row in rows].count("false_alarm") == 2
    assert sum(row.flapping for row in rows) == 1
    assert {"fired", "reopened", "flapping", "suppressed", "acknowledged", "escalated", "assigned", "commented",
            "feedback", "resolved"} <= {kind for trail in trails for kind in trail}  # fmt: skip
    assert any("acknowledged" not in trail for trail in trails)
    assert any(row.resolved_by for row in rows)
    assert any(not row.resolved_by for row in rows)


def test_what_the_history_shows_is_what_fired(made: tuple[Store, Settings, int]) -> None:
    """The storm of the tenth day is an alert; what goes on now is left to whoever judges the present."""
    store, _, _ = made
    found = [row for row in _rows(store) if row.rule == "HIGH_ERROR_RATE"]
    stormy = NOW - timedelta(days=DAYS - 10)
    (row,) = found
    assert from_ms(row.fired) == stormy
    # Over when it has been over for the 10 minutes of the rule, at the next look.
    assert from_ms(row.resolved_at) == stormy + timedelta(hours=2, minutes=15)
    assert row.value == 30
    assert json.loads(row.texts)["title"]["nl"] == "30 fouten binnen een uur"


def test_texts_are_those_of_the_rules_with_every_field_filled(made: tuple[Store, Settings, int]) -> None:
    store, settings, _ = made
    rules = rulebook.load(settings).rules
    for row in _rows(store):
        assert row.rule in rules
        assert (row.severity, row.area) == (rules[row.rule].severity, rules[row.rule].area)
        for texts in json.loads(row.texts).values():
            assert set(texts) == {"en", "nl"}
            assert not any(" ?" in text or "?." in text or "{" in text for text in texts.values())


def test_the_trail_is_in_the_order_of_time(made: tuple[Store, Settings, int]) -> None:
    store, _, _ = made
    with store.read() as conn:
        moments = list(conn.execute(select(alert_events.c.at).order_by(alert_events.c.id)).scalars())
    assert moments == sorted(moments)
    assert [row.fired for row in _rows(store) if row.occurrences == 1] == sorted(
        row.fired for row in _rows(store) if row.occurrences == 1
    )


def test_nobody_is_told_and_updates_are_silenced(made: tuple[Store, Settings, int]) -> None:
    store, _, _ = made
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(outbox)).scalar() == 0
        (window,) = silences.listed(conn, SITE, NOW)
    assert window["recurrence"] == {"days": ["sun"], "at": "03:00", "minutes": 90, "zone": rhythm.ZONE_NAME}
    assert window["comment"] == "Updates"
    (held,) = (row for row in _rows(store) if row.rule == "EMAIL_MUTED")
    local = from_ms(held.fired).astimezone(rhythm.ZONE)
    assert (local.weekday(), local.hour) == (6, 3)
    assert not held.told


def test_the_engine_goes_on_from_there(made: tuple[Store, Settings, int]) -> None:
    """What is over is not opened again, and the present is told as it is."""
    store, settings, count = made
    engine = Engine(settings.alerts, store, rulebook.load(settings), lambda: NOW)
    engine.evaluate(SITE)
    fresh = [row for row in _rows(store) if row.number > count]
    assert [row.rule for row in fresh] == ["HIGH_ERROR_RATE"]


def test_statistics_tell_of_it(made: tuple[Store, Settings, int]) -> None:
    store, _, _ = made
    with store.read() as conn:
        told = statistics.statistics(conn, SITE, NOW, 31)
    rules = {rule["rule"]: rule for rule in told["rules"]}
    assert rules["JOBS_FAILING"]["false_alarm_share"] == 1
    assert rules["SEPA_COMPLIANCE"]["count"] == 3
    assert rules["SEPA_COMPLIANCE"]["median_seconds_to_acknowledge"]
    assert told["notifications"]["sent"] == 0


def test_the_same_seed_makes_the_same_alerts(tmp_path: Path, made: tuple[Store, Settings, int]) -> None:
    store, _, count = _made(tmp_path)
    mine = [tuple(row) for row in _rows(store)]
    store.close()
    assert mine == [tuple(row) for row in _rows(made[0])][:count]

"""What the page about Baken itself is told: cost, what was missed, what is absent and why, growth."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baken import clock
from baken.clock import to_ms
from baken.history.gaps import record_gap
from baken.history.past import write_past
from tests.api.alerted import SITE, TOLD, ask, fire
from tests.server.world import MEMBER, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path, more={"alerts": TOLD}) as made:
        yield made


def look(world: World) -> dict[str, Any]:
    found: dict[str, Any] = ask(world, "baken.get_monitor")
    return found


def past(world: World, site: str, metric: str, values: list[float], every: timedelta) -> None:
    now = clock.now()
    moments = [to_ms(now - back * every) for back in range(len(values), 0, -1)]
    with world.store.write() as conn:
        write_past(conn, site, metric, {}, moments, values, now=now)


def test_without_measurements_nothing_is_claimed(world: World) -> None:
    found = look(world)
    assert found["cost"] == {"ms_per_minute": None, "budget_ms": 60, "since": None, "queries": None}
    assert found["runs"] == {"missed": None, "failed": None}
    assert found["growth"] == {"bytes": None, "before": None, "since": None, "per_day": None}
    assert (found["absent"], found["gaps"]) == ([], [])
    assert found["collector"]["running"] is False
    assert set(found["versions"]) == {"baken", "python", "store"}


def test_the_cost_is_what_the_last_hour_took_a_minute(world: World) -> None:
    past(world, SITE, "monitor_site_query_seconds", [0.01] * 120, timedelta(seconds=15))
    world.record({"database_up": 1})
    found = look(world)["cost"]
    assert found["ms_per_minute"] == pytest.approx(40, rel=0.02)
    assert found["queries"] == 3


def test_a_cost_of_a_moment_is_not_called_one_of_a_minute(world: World) -> None:
    past(world, SITE, "monitor_site_query_seconds", [0.4], timedelta(seconds=15))
    assert look(world)["cost"]["ms_per_minute"] is None


def test_missed_runs_of_a_day_also_after_a_restart(world: World) -> None:
    past(world, SITE, "monitor_missed_runs_total", [5, 5, 7, 0, 2], timedelta(hours=2))
    assert look(world)["runs"]["missed"] == 4


def test_what_was_measured_once_stands_before_what_never_was(world: World) -> None:
    world.record({"database_size_bytes": {(("part", "data"),): 5}}, at=clock.now() - timedelta(minutes=5))
    world.record(
        {"database_up": 1}, absences={"host_swap_used_ratio": "no swap", "database_size_bytes": "no permission"}
    )
    found = look(world)["absent"]
    assert [(each["metric"], each["was"]) for each in found] == [
        ("database_size_bytes", True),
        ("host_swap_used_ratio", False),
    ]
    assert found[0]["reason"] == "no permission"
    assert found[0]["texts"]["nl"]["title"]
    assert found[0]["since"]


def test_gaps_the_newest_first(world: World) -> None:
    now = clock.now()
    with world.store.write() as conn:
        record_gap(conn, SITE, now - timedelta(days=2), now - timedelta(days=2, minutes=-5), "stood still")
        record_gap(conn, SITE, now - timedelta(hours=2), now - timedelta(hours=1), "no run")
        record_gap(conn, SITE, now - timedelta(days=9), now - timedelta(days=8), "long ago")
    assert [(each["reason"], each["seconds"]) for each in look(world)["gaps"]] == [
        ("no run", 3600),
        ("stood still", 300),
    ]


def test_growth_a_day(world: World) -> None:
    past(world, "", "monitor_store_bytes", [1_000_000 + 1000 * hour for hour in range(48)], timedelta(hours=1))
    world.record({"monitor_store_bytes": 1_048_000}, site="")
    found = look(world)["growth"]
    assert found["bytes"] == 1_048_000
    assert found["per_day"] == pytest.approx(24_000, rel=0.1)


def test_notifications_that_wait(world: World) -> None:
    fire(world.store, settings=world.settings.alerts)
    found = look(world)["outbox"]
    assert (found["waiting"], found["held"], found["failing"]) == (1, 0, 0)


def test_only_those_with_a_role(world: World) -> None:
    ask(world, "baken.get_monitor", 403, MEMBER)

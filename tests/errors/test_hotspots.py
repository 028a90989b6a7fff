"""Where errors pile up, and what is called critical."""

import random
from datetime import timedelta
from typing import Any

import pytest

from baken.errors import states
from baken.errors.heat import heatmap
from baken.errors.hotspots import identify
from baken.history.store import Store
from tests.errors.filled import DAY, HOUR, MINUTE, NOW, ZONE, every, failure, ids, looked, put
from tests.errors.logs import NAME

LOW = "frappe.exceptions.DoesNotExistError"
SEVERE = "pymysql.err.OperationalError"


def spots(store: Store, days: int = 7) -> dict[str, Any]:
    with store.read() as conn:
        return identify(conn, NAME, days=days, now=NOW, zone=ZONE)


def low(at: Any = NOW, **more: Any) -> Any:
    place = {"path": "apps/erpnext/erpnext/selling/doctype/customer/customer.py"}
    return failure(LOW, at, message="Customer X not found", place=place, **more)


def severe(at: Any = NOW, **more: Any) -> Any:
    return failure(SEVERE, at, message="(1054, \"Unknown column 'a' in 'WHERE'\")", **more)


def test_shares_and_scores_come_from_counts(store: Store) -> None:
    looked(store)
    put(store, [low(at, user="lid@leden.example") for at in every(MINUTE, 6)])
    put(store, [severe(at, user="els@vereniging.example") for at in every(MINUTE, 2)])
    put(store, [low(NOW - 8 * DAY)])
    found = spots(store)
    assert found["total_errors"] == 8
    for name in ("functional_areas", "user_groups", "components"):
        assert sum(row["errors"] for row in found[name]) == 8, name
        assert sum(row["share"] for row in found[name]) == pytest.approx(1), name
    bad, fine = found["functional_areas"]
    assert (bad["errors"], bad["worst"], bad["severity_score"], bad["critical"]) == (2, "HIGH", 60.0, True)
    assert (fine["area"], fine["severity_score"], fine["critical"]) == ("erpnext: Customer", 10.0, False)
    assert (fine["previous"], fine["change"], bad["change"]) == (1, 5.0, None)
    assert {row["group"]: row["users"] for row in found["user_groups"]} == {"member": 1, "manager": 1}
    assert [row["kind"] for row in found["critical_hotspots"]] == ["area", "group", "component", "time"]
    leaves = [leaf for branch in found["treemap"] for leaf in branch["children"]]
    assert sum(leaf["value"] for leaf in leaves) == 8
    assert sorted(name for leaf in leaves for name in leaf["patterns"]) == sorted(ids(store).values())
    assert sum(count or 0 for row in found["heatmap"] for count in row) == 8


def test_what_somebody_has_dealt_with_makes_nothing_critical(store: Store) -> None:
    looked(store)
    put(store, [severe()])
    pattern = ids(store)[SEVERE]
    with store.write() as conn:
        states.set_state(states.Act(conn, NAME, "els", NOW), [pattern], "known")
    found = spots(store)
    assert found["functional_areas"][0]["errors"] == 1
    assert found["critical_hotspots"] == []


def test_nothing_known_is_no_zero(store: Store) -> None:
    """Defect 10: five empty lists and severities of 0.0."""
    found = spots(store)
    assert found["total_errors"] is None
    assert found["heatmap"] is None
    assert "not been read" in found["absent"]["errors"]
    looked(store, days=3)
    found = spots(store)
    assert found["total_errors"] == 0
    assert found["functional_areas"] == found["time_periods"] == []
    # Wednesday 14:20: of Thursday to Sunday noon nothing is known.
    assert found["heatmap"][4] == [None] * 24
    assert found["heatmap"][2][13] == 0


def rain(store: Store, weeks: int, mean: float, seed: int = 1) -> None:
    rng = random.Random(seed)
    moments = every(timedelta(seconds=3600 / mean), int(weeks * 168 * mean))
    put(store, [low(at - timedelta(seconds=rng.uniform(0, 3600 / mean))) for at in moments])


def test_an_hour_that_stands_out_against_the_weeks_before(store: Store) -> None:
    looked(store)
    rain(store, 5, 0.5)
    # Tuesday 03:00 to 04:00 in Amsterdam.
    at = NOW.replace(hour=1, minute=0) - DAY
    put(store, [low(at + n * MINUTE) for n in range(12)])
    found = spots(store)
    first, *rest = found["time_periods"]
    assert (first["weekday"], first["hour"], first["critical"]) == (1, 3, True)
    assert first["errors"] >= 12
    assert first["p"] < 0.01
    assert first["times"] > 5
    assert not any(row["critical"] for row in rest)
    assert [row["kind"] for row in found["critical_hotspots"]] == ["time"]


def test_hours_that_differ_by_chance_are_not_critical(store: Store) -> None:
    looked(store)
    rain(store, 8, 1.0, seed=5)
    for days in (7, 28):
        found = spots(store, days)
        assert all(row["p"] is not None for row in found["time_periods"])
        assert not any(row["critical"] for row in found["time_periods"])


def test_hours_are_not_judged_without_weeks_to_compare_with(store: Store) -> None:
    looked(store, days=9)
    put(store, [low(at) for at in every(MINUTE, 30)])
    found = spots(store)
    assert found["time_periods"][0]["expected"] is None
    assert not found["time_periods"][0]["critical"]
    assert "2 weeks" in found["absent"]["time_periods"]


def test_a_heat_map_of_one_pattern(store: Store) -> None:
    looked(store, days=14)
    put(store, [low(at) for at in every(HOUR, 5)])
    put(store, [severe(at) for at in every(HOUR, 3)])
    pattern = ids(store)[SEVERE]
    with store.read() as conn:
        one = heatmap(conn, NAME, days=28, now=NOW, zone=ZONE, pattern=pattern)
        every_one = heatmap(conn, NAME, days=28, now=NOW, zone=ZONE)
        with pytest.raises(KeyError):
            heatmap(conn, NAME, days=28, now=NOW, zone=ZONE, pattern="x")
    assert one["heatmap"][2][12:15] == [1, 1, 1]
    assert sum(map(sum, one["heatmap"])) == 3
    assert every_one["heatmap"][2][10:15] == [1, 1, 2, 2, 2]
    assert (every_one["maximum"], every_one["weeks"]) == (2, 2.0)
    assert "since" in every_one["absent"]["errors"]

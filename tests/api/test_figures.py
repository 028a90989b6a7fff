"""Figures with what is usual, what happened beside them, and stretches of time as arguments."""

import math
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baken import clock
from baken.alerts import lifecycle
from baken.clock import iso, to_ms
from baken.history import gaps, releases
from baken.history.past import write_past
from tests.api.alerted import HOST, OTHER, SITE, ask, change, fire
from tests.server.world import World, make_world

HOUR = timedelta(hours=1)
RESPONSE = "frappe_site_response_seconds"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A small site, and another beside it."""
    with make_world(tmp_path, names=(SITE, OTHER)) as found:
        yield found


def asked(world: World, name: str, **args: Any) -> Any:
    """What a method answers about the first site."""
    return ask(world, name, site=SITE, **args)


def remember(
    world: World, metric: str, values: list[float], *, site: str = SITE, minutes: int = 60, **labels: str
) -> None:
    """Write a past that ends now, one value every so many minutes."""
    end = clock.now().replace(minute=0, second=0, microsecond=0)
    at = [to_ms(end - timedelta(minutes=minutes) * (len(values) - 1 - i)) for i in range(len(values))]
    with world.store.write() as conn:
        write_past(conn, site, metric, labels, at, values, now=clock.now())


def course(days: int, level: float = 0.3) -> list[float]:
    """A response time that follows the day."""
    rng = random.Random(4)
    return [level + 0.1 * math.sin(hour / 24 * math.tau) + rng.uniform(-0.02, 0.02) for hour in range(days * 24)]


class TestWindow:
    def test_a_stretch_of_time(self, world: World) -> None:
        remember(world, RESPONSE, course(4))
        end = clock.now() - timedelta(days=1)
        start = end - 6 * HOUR
        found = asked(world, "baken.get_series", metric=RESPONSE, start=iso(start), end=iso(end), step=3600)
        assert (found["start"], found["end"]) == (to_ms(start) // 1000 * 1000, to_ms(end) // 1000 * 1000)
        assert 6 <= len(found["series"][0]["at"]) <= 7
        same = asked(world, "baken.get_series", metric=RESPONSE, start=found["start"], end=found["end"], step=3600)
        assert same["series"] == found["series"]

    def test_the_future_is_not_told(self, world: World) -> None:
        start, end = clock.now() - HOUR, clock.now() + HOUR
        found = asked(world, "baken.get_series", metric=RESPONSE, start=iso(start), end=iso(end))
        assert found["end"] <= to_ms(clock.now())

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            ({"start": "2026-01-01T00:00:00Z"}, "argument end is missing; start is given, expected both or neither"),
            ({"end": "2026-01-01T00:00:00Z"}, "argument start is missing; end is given"),
            ({"start": "yesterday", "end": "2026-01-02T00:00:00Z"}, "argument start is 'yesterday'; expected a moment"),
            ({"start": "2026-01-01T00:00:00", "end": "2026-01-02T00:00:00Z"}, "without a zone"),
            ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "seconds or more after start"),
            ({"start": "1999-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "at most 2557 days before end"),
            ({"start": "9" * 18, "end": "9" * 18 + "9"}, "argument start is '999999999999999999'"),
            ({"start": "2999-01-01T00:00:00Z", "end": "2999-01-02T00:00:00Z"}, "expected a moment in the past"),
        ],
    )
    @pytest.mark.parametrize("name", ["baken.get_series", "baken.get_marks", "baken.get_figures"])
    def test_what_is_refused(self, world: World, name: str, args: dict[str, str], says: str) -> None:
        about = {"metric": RESPONSE} if name == "baken.get_series" else {"metrics": RESPONSE}
        answer = world.get(name, site=SITE, **about, **args)
        assert answer.status_code == 417 or answer.status_code == 400, answer.text
        assert says in answer.text


class TestUsual:
    def test_a_spike_stands_out(self, world: World) -> None:
        values = course(30)
        values[-5] = 3.0
        remember(world, RESPONSE, values)
        line = asked(world, "baken.get_series", metric=RESPONSE, hours=48, step=3600, usual=1)["series"][0]
        usual = line["usual"]
        assert len(usual["low"]) == len(usual["high"]) == len(line["at"])
        outside = [
            value
            for value, low, high in zip(line["value"], usual["low"], usual["high"], strict=True)
            if not low <= value <= high
        ]
        assert usual["rate"] is False and outside == [3.0]
        [one] = line["unusual"]
        assert (one["worst"], one["above"], one["points"]) == (3.0, True, 1)
        assert one["low"] < 0.45 and one["high"] < 1 and one["start"] == line["at"][-5]
        assert one["end"] == line["at"][-4]

    def test_it_is_told_only_when_asked(self, world: World) -> None:
        remember(world, RESPONSE, course(30))
        assert "usual" not in asked(world, "baken.get_series", metric=RESPONSE)["series"][0]

    def test_a_counter_by_its_rate(self, world: World) -> None:
        rng, total, values = random.Random(2), 0.0, []
        for hour in range(30 * 24):
            total += (20_000 if hour == 29 * 24 + 12 else 1000 + 300 * math.sin(hour / 24 * math.tau)) + rng.uniform(
                0, 90
            )
            values.append(total)
        remember(world, "database_queries_total", values)
        line = asked(world, "baken.get_series", metric="database_queries_total", hours=48, step=3600, usual=1)[
            "series"
        ][0]
        assert line["usual"]["rate"] is True and max(line["usual"]["high"]) < 2
        assert [one["worst"] for one in line["unusual"]] == [pytest.approx(20_000 / 3600, rel=0.02)]

    def test_reasons(self, world: World) -> None:
        remember(world, RESPONSE, course(3))
        remember(world, "frappe_site_up", [1.0] * 24 * 30)
        young = asked(world, "baken.get_series", metric=RESPONSE, usual=1)["series"][0]
        assert young["usual"] is None and "after 7 days" in young["usual_absent"] and young["unusual"] == []
        yes = asked(world, "baken.get_series", metric="frappe_site_up", usual=1)["series"][0]
        assert yes["usual_absent"] == "it is either yes or no"
        long = asked(world, "baken.get_series", metric=RESPONSE, hours=24 * 120, usual=1)["series"][0]
        assert long["usual_absent"] == "what is usual is told over 93 days at most"


class TestFigures:
    def test_now_before_limit_and_what_stands_out(self, world: World) -> None:
        values = course(30)
        values[-3:] = [2.0, 2.0, 2.0]
        remember(world, RESPONSE, values)
        world.record({RESPONSE: 2.5})
        found = asked(world, "baken.get_figures", metrics=f"{RESPONSE},host_cpu_ratio", hours=24)
        assert list(found) == [RESPONSE, "host_cpu_ratio"]
        figure = found[RESPONSE]
        assert figure["unit"] == "seconds" and figure["good"] == "down" and figure["texts"]["nl"]["title"]
        assert {"rule": "SITE_SLOW", "severity": "MEDIUM", "how": "above", "figure": 3.0, "match": {}} in figure[
            "limits"
        ]
        [line] = figure["series"]
        assert line["value"] == 2.5 and line["before"] < 0.6
        assert [one["now"] for one in line["unusual"]] == [True]
        assert found["host_cpu_ratio"]["series"] == [] and found["host_cpu_ratio"]["absent"]

    def test_without_looking_for_the_unusual(self, world: World) -> None:
        remember(world, RESPONSE, [*course(30)[:-1], 9.0])
        world.record({RESPONSE: 9.0})
        [line] = asked(world, "baken.get_figures", metrics=RESPONSE, usual=0)[RESPONSE]["series"]
        assert line["value"] == 9.0 and line["before"] < 0.6 and line["unusual"] == []

    @pytest.mark.parametrize("usual", [0, 1])
    def test_what_was_measured_later_is_no_figure_of_then(self, world: World, usual: int) -> None:
        now = clock.now().replace(microsecond=0)
        for minutes in (9, 4):
            world.record({RESPONSE: 0.1 * minutes}, at=now - timedelta(minutes=minutes))
        for hours, known in ((24, False), (720, False), (1, True)):
            [line] = asked(world, "baken.get_figures", metrics=RESPONSE, hours=hours, usual=usual)[RESPONSE]["series"]
            assert line["value"] == pytest.approx(0.4)
            assert (line["before"] is not None) is known, hours

    def test_a_counter_is_told_per_second(self, world: World) -> None:
        now = clock.now().replace(microsecond=0)
        world.record({"database_queries_total": 100.0}, at=now - timedelta(seconds=60))
        world.record({"database_queries_total": 400.0}, at=now)
        [line] = asked(world, "baken.get_figures", metrics="database_queries_total", hours=1)["database_queries_total"][
            "series"
        ]
        assert line["value"] == pytest.approx(5.0, rel=0.2)

    def test_what_is_refused(self, world: World) -> None:
        assert "0 names; expected 1 to 100" in world.get("baken.get_figures", metrics=" , ", site=SITE).text
        assert "argument metrics has 'x'" in world.get("baken.get_figures", metrics="x", site=SITE).text


class TestMarks:
    def fired(self, world: World, **args: Any) -> list[tuple[str, bool]]:
        return [(one["rule"], one["whole"]) for one in asked(world, "baken.get_marks", **args)["incidents"]]

    def test_alerts_of_a_metric_and_of_the_whole_site(self, world: World) -> None:
        now = clock.now()
        first = fire(world.store, at=now - 3 * HOUR)
        fire(world.store, "SITE_DOWN", labels={}, at=now - 2 * HOUR, value=0)
        fire(world.store, "HIGH_MEMORY", HOST, labels={}, at=now - HOUR, value=0.9)
        fire(world.store, "SITE_DOWN", OTHER, labels={}, at=now - HOUR, value=0)
        assert self.fired(world) == [("HIGH_JOB_QUEUE", False), ("SITE_DOWN", True), ("HIGH_MEMORY", False)]
        assert self.fired(world, metrics="frappe_queue_length") == [("HIGH_JOB_QUEUE", False), ("SITE_DOWN", True)]
        # A site that is down says nothing about its machine.
        assert self.fired(world, metrics="host_memory_used_ratio") == [("HIGH_MEMORY", False)]
        one = asked(world, "baken.get_marks", metrics="frappe_queue_length")["incidents"][0]
        assert one["number"] == first and one["metric"] == "frappe_queue_length" and one["labels"] == {"queue": "long"}
        assert one["title"]["en"] and one["title"]["nl"] and one["severity"] == "MEDIUM" and one["status"] == "Active"
        assert one["end"] is None and one["start"] < to_ms(now - 3 * HOUR)

    def test_only_what_held_within_the_time(self, world: World) -> None:
        now = clock.now()
        number = fire(world.store, at=now - 50 * HOUR, remember=False)
        change(world.store, lambda act: lifecycle.resolve(act, number, ""), user="", at=now - 40 * HOUR)
        fire(world.store, at=now - HOUR, labels={"queue": "short"})
        assert len(self.fired(world, hours=72)) == 2
        assert len(self.fired(world, hours=24)) == 1
        window = {"start": iso(now - 45 * HOUR), "end": iso(now - 30 * HOUR)}
        [one] = asked(world, "baken.get_marks", **window)["incidents"]
        assert one["number"] == number and one["end"] == to_ms(now - 40 * HOUR) and one["status"] == "Resolved"

    def test_releases_and_gaps(self, world: World) -> None:
        now = clock.now()
        with world.store.write() as conn:
            releases.note(conn, SITE, {"frappe": "15.1"}, now - 90 * HOUR)
            releases.note(conn, SITE, {"frappe": "15.2"}, now - 20 * HOUR)
            releases.note(conn, SITE, {"frappe": "15.3"}, now - HOUR)
            gaps.record_gap(conn, SITE, now - 5 * HOUR, now - 4 * HOUR, "the machine slept")
            gaps.record_gap(conn, HOST, now - 5 * HOUR, now - 4 * HOUR, "the machine slept")
            gaps.record_gap(conn, OTHER, now - 5 * HOUR, now - 4 * HOUR, "not ours")
        found = asked(world, "baken.get_marks")
        assert [(one["app"], one["previous"], one["version"]) for one in found["releases"]] == [
            ("frappe", "15.1", "15.2"),
            ("frappe", "15.2", "15.3"),
        ]
        assert [(one["reason"], one["host"]) for one in found["gaps"]] == [
            ("the machine slept", True),
            ("the machine slept", False),
        ]
        earlier = asked(world, "baken.get_marks", start=iso(now - 30 * HOUR), end=iso(now - 10 * HOUR))
        assert [one["version"] for one in earlier["releases"]] == ["15.2"] and earlier["gaps"] == []
        assert [one["host"] for one in asked(world, "baken.get_marks", metrics="host_cpu_ratio")["gaps"]] == [True]

    def test_an_unknown_metric(self, world: World) -> None:
        assert "argument metrics has 'x'" in world.get("baken.get_marks", metrics="frappe_users,x", site=SITE).text

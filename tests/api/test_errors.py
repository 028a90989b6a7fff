"""The methods about errors as a page calls them: keys, roles, refusals, and answers that are never out of date."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baken import clock
from baken.api import snapshots
from baken.clock import to_ms
from baken.errors import watermarks
from baken.errors.counts import add_finding
from baken.errors.log_files import TOO_LONG
from baken.errors.reader import Watermark
from baken.history import audit
from tests.errors.filled import failure, put
from tests.errors.logs import traceback
from tests.server.world import ADMIN, BOARD, MEMBER, PAGE, World, make_world

SITE = "vereniging.test"
ENGINE = "verenigingen.utils.analytics_engine"
PATTERN = {
    "pattern", "exception", "template", "error_summary", "category", "severity", "area", "place", "component",
    "components", "first_seen", "last_seen", "first_occurrence", "latest", "count", "previous", "share", "per_hour",
    "users", "groups", "hours", "step_hours", "status", "state", "note", "state_by", "state_at", "muted_until",
    "muted_above", "escalated", "new_since_release", "trend", "merged", "split_by", "split_of", "version", "bytes",
    "cost_mb",
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path) as made:
        now = clock.now()
        with made.store.write() as conn:
            mark = Watermark(now, now - timedelta(days=60), now, behind=False, serial=1)
            watermarks.save(conn, SITE, mark=mark)
        kinds = ("KeyError", "KeyError", "TypeError")
        put(made.store, [failure(kind, now, user="lid@leden.example") for kind in kinds], site=SITE, now=now)
        yield made


def ask(world: World, name: str, status: int = 200, user: str | None = ADMIN, **args: Any) -> Any:
    answer = world.get(name, user, **args)
    assert answer.status_code == status, answer.text
    return answer.json()["message"]


def test_news_are_of_all_patterns_however_the_list_is_narrowed(world: World) -> None:
    whole, narrowed = (
        ask(world, "baken.get_error_patterns"),
        ask(world, "baken.get_error_patterns", search="nothing fits"),
    )
    assert narrowed["patterns"] == []
    assert narrowed["news"] == whole["news"]
    assert whole["news"]["new"] == sum(each["status"] == "new" for each in whole["patterns"])
    assert whole["news"]["release"] == []


def first(world: World) -> str:
    found: str = ask(world, "baken.get_error_patterns")["patterns"][0]["pattern"]
    return found


def test_every_pattern_has_the_documented_keys(world: World) -> None:
    found = ask(world, "baken.get_error_patterns")
    assert set(found) == {
        "total", "patterns", "patterns_total", "matching", "hours", "by_hour", "step_hours", "facets", "releases",
        "news", "sources", "since", "measured_at", "absent", "time_zone",
    }  # fmt: skip
    (pattern,) = {frozenset(row) for row in found["patterns"]}
    assert pattern == PATTERN
    assert set(found["patterns"][0]["trend"]) == {"direction", "p", "per_day", "growth", "reason"}
    one = ask(world, "baken.get_error_pattern", pattern=first(world))
    assert set(one) - PATTERN == {
        "example", "why", "frames", "title", "heatmap", "days", "users_top", "history", "members", "releases", "leaks",
        "since", "measured_at", "absent", "time_zone",
    }  # fmt: skip
    listed = ask(world, f"{ENGINE}.analyze_error_patterns")["patterns"]["list"]
    assert {frozenset(row) for row in listed} == {frozenset(PATTERN)}


def test_the_documented_shape_of_the_analysis(world: World) -> None:
    found = ask(world, f"{ENGINE}.analyze_error_patterns", days=30)
    assert set(found) == {
        "total_errors", "analysis_period", "patterns", "insights", "recommendations", "measured_at", "since", "absent",
        "time_zone",
    }  # fmt: skip
    assert found["total_errors"] == 3
    assert found["analysis_period"] == "30 days"
    assert set(found["patterns"]) == {
        "daily_trends", "hourly_patterns", "error_types", "user_impact", "categories", "severity", "components",
        "areas", "recurring", "growth", "list",
    }  # fmt: skip
    assert found["patterns"]["error_types"] == {"KeyError": 2, "TypeError": 1}
    assert set(found["patterns"]["hourly_patterns"]) == {str(hour) for hour in range(24)}


def test_the_documented_shape_of_the_hot_spots(world: World) -> None:
    found = ask(world, f"{ENGINE}.identify_error_hotspots")
    assert set(found) == {
        "analysis_period", "total_errors", "functional_areas", "user_groups", "time_periods", "components",
        "critical_hotspots", "treemap", "heatmap", "measured_at", "absent", "time_zone",
    }  # fmt: skip
    assert [row["group"] for row in found["user_groups"]] == ["member"]


def test_days_are_the_sites_own_once_its_zone_is_known(world: World) -> None:
    found = ask(world, "baken.get_error_heatmap")
    assert found["time_zone"] == "UTC"
    assert "not known" in found["absent"]["time_zone"]
    world.record({}, observations={"site_facts": {"time_zone": "Europe/Amsterdam", "apps": {}}})
    snapshots.forget(world.store)
    found = ask(world, f"{ENGINE}.analyze_error_patterns")
    assert found["time_zone"] == "Europe/Amsterdam"
    assert "time_zone" not in found["absent"]


def test_a_decision_shows_in_the_next_answer_and_in_the_audit_trail(world: World) -> None:
    pattern = first(world)
    told = ask(world, "baken.set_error_state", user=BOARD, patterns=pattern, state="muted", note="known", hours=2)
    assert told["changed"] == [pattern]
    assert [row["state"] for row in told["patterns"]] == ["muted"]
    (row,) = [row for row in ask(world, "baken.get_error_patterns")["patterns"] if row["pattern"] == pattern]
    assert (row["state"], row["note"], row["state_by"]) == ("muted", "known", BOARD)
    recent = ask(world, f"{PAGE}.get_recent_errors")
    assert recent["total"] == 3
    assert [row["state"] for row in recent["patterns"]] == ["muted", "open"]
    assert recent["patterns"][0]["users"] == 1
    with world.store.read() as conn:
        (entry,) = audit.entries(conn, site=SITE, action="error state")
    assert (entry.user, entry.target, entry.detail["note"]) == (BOARD, pattern, "known")
    assert ask(world, "baken.set_error_state", patterns=pattern, state="open")["changed"] == [pattern]


def test_merge_and_back(world: World) -> None:
    one, other = (row["pattern"] for row in ask(world, "baken.get_error_patterns")["patterns"])
    told = ask(world, "baken.merge_error_patterns", patterns=other, into=one)
    assert (told["changed"], [row["count"] for row in told["patterns"]]) == ([other], [3])
    assert ask(world, "baken.get_error_patterns")["patterns_total"] == 1
    told = ask(world, "baken.separate_error_pattern", pattern=other)
    assert told["changed"] == [other]
    assert ask(world, "baken.get_error_patterns")["patterns_total"] == 2
    assert ask(world, "baken.split_error_pattern", pattern=one, by="message")["changed"] == [one]
    assert ask(world, "baken.get_error_grouping")["splits"][0]["by"] == "message"
    assert ask(world, "baken.split_error_pattern", pattern=one, by="none")["changed"] == [one]


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("baken.get_error_pattern", {"pattern": "x"}, "take one from baken.get_error_patterns"),
        ("baken.get_error_heatmap", {"pattern": "x"}, "take one from baken.get_error_patterns"),
        ("baken.get_error_patterns", {"category": "nonsense"}, "expected one or several of database"),
        ("baken.get_error_patterns", {"state": "open,gone"}, "argument state is 'gone'"),
        ("baken.set_error_state", {"patterns": "x", "state": "known"}, "there is no pattern 'x'"),
        ("baken.set_error_state", {"patterns": " , ", "state": "known"}, "names none"),
        (
            "baken.set_error_state",
            {"patterns": ",".join(f"{number:016x}" for number in range(500)), "state": "known"},
            "there is no pattern '0000000000000000'",
        ),
        (
            "baken.set_error_state",
            {"patterns": ",".join(f"{number:016x}" for number in range(501)), "state": "known"},
            "at most 500 are changed at once",
        ),
        ("baken.set_error_state", {"patterns": "x", "state": "regressed"}, "one of open, known, muted, resolved"),
        ("baken.merge_error_patterns", {"patterns": "x", "into": "y"}, "there is no pattern 'y'"),
        ("baken.split_error_pattern", {"pattern": "x", "by": "title"}, "there is no pattern 'x'"),
        ("baken.adopt_error_grouping", {"version": "v99"}, "choose one of v1"),
        ("baken.preview_error_grouping", {"version": "v99"}, "choose one of v1"),
        (f"{ENGINE}.analyze_error_patterns", {"days": 91}, "from 1 to 90"),
    ],
)
def test_refusals_say_what_to_do(world: World, name: str, args: dict[str, Any], says: str) -> None:
    assert says in ask(world, name, 417, **args)
    with world.store.read() as conn:
        assert [entry for entry in audit.entries(conn, site=SITE) if entry.action.startswith("error")] == []


def test_several_names_may_be_chosen(world: World) -> None:
    found = ask(world, "baken.get_error_patterns", state="open,regressed", severity="low,medium,high,critical")
    assert found["matching"] == 2
    assert ask(world, "baken.get_error_patterns", state="known")["matching"] == 0


@pytest.mark.parametrize("user", [None, MEMBER])
def test_nobody_decides_without_the_role(world: World, user: str | None) -> None:
    pattern = first(world)
    for name, args in (
        ("set_error_state", {"patterns": pattern, "state": "resolved"}),
        ("merge_error_patterns", {"patterns": pattern, "into": pattern}),
        ("adopt_error_grouping", {"version": "v2"}),
        ("get_error_pattern", {"pattern": pattern}),
    ):
        ask(world, f"baken.{name}", 403, user, **args)
    assert ask(world, "baken.get_error_patterns")["patterns"][0]["state"] == "open"


def test_findings_say_what_to_do(world: World) -> None:
    now = to_ms(clock.now())
    with world.store.write() as conn:
        add_finding(conn, SITE, "leak", "password:1", [now, now], 1, {"kind": "password"})
        add_finding(conn, SITE, "lost", TOO_LONG, [now], None, {"reason": TOO_LONG})
    found = ask(world, "baken.get_error_findings")
    (leak,), (lost,) = found["leaks"], found["lost"]
    assert (leak["kind"], leak["label"], leak["count"]) == ("password", "password", 2)
    assert leak["pattern"] in {row["pattern"] for row in ask(world, "baken.get_error_patterns")["patterns"]}
    assert "changed" in leak["advice"]
    assert (lost["pattern"], lost["count"]) == (None, 1)
    assert "140 characters" in lost["advice"]
    assert ask(world, "baken.get_error_pattern", pattern=leak["pattern"])["leaks"] == [leak]
    states = {row["source"]: row["state"] for row in found["sources"]}
    assert states == {
        "Deferred": "absent", "Error Log": "ok", "RQ": "absent", "frappe.log": "absent", "worker.error.log": "absent",
        "Scheduled Job Log": "absent",
    }  # fmt: skip


def test_other_rules_can_be_looked_at_and_adopted(world: World) -> None:
    with sqlite3.connect(world.files[SITE]) as site:
        site.execute('DROP TABLE "tabError Log"')
        columns = "name varchar(140), creation datetime(6), modified datetime(6), method varchar(140), error longtext"
        site.execute(f'CREATE TABLE "tabError Log" ({columns})')
        site.execute('CREATE INDEX changed ON "tabError Log" (modified)')
        at = (clock.now() - timedelta(hours=3)).replace(tzinfo=None)
        for number, message in enumerate(("no account was given", "the period is closed already")):
            error = traceback("builtins.ValueError", message)
            row = (f"r{number}", str(at), str(at), "x", error)
            site.execute('INSERT INTO "tabError Log" VALUES (?, ?, ?, ?, ?)', row)
    site.close()
    found = ask(world, "baken.preview_error_grouping", version="v2")
    assert (found["rows"], found["before"], found["after"], found["moved"]) == (2, 2, 1, 1.0)
    told = ask(world, "baken.adopt_error_grouping", version="v2")
    assert (told["changed"], told["version"], told["previous"]) == (True, "v2", "v1")
    assert ask(world, "baken.adopt_error_grouping", version="v2")["changed"] is False
    assert ask(world, "baken.get_error_grouping")["version"] == "v2"


def test_a_site_that_was_never_read_has_no_zeros(tmp_path: Path) -> None:
    with make_world(tmp_path) as made:
        found = ask(made, "baken.get_error_patterns")
        assert found["total"] is None
        assert set(found["by_hour"]) == {None}
        assert ask(made, "baken.get_error_heatmap")["heatmap"] is None
        assert ask(made, f"{ENGINE}.identify_error_hotspots")["total_errors"] is None
        assert {row["state"] for row in ask(made, "baken.get_error_findings")["sources"]} == {"absent"}

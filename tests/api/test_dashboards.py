"""The methods about dashboards: who may, what is refused, two at once, and whatever is sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baken.history import audit
from baken.history.dashboard_body import parse
from baken.metrics import catalogue
from tests.server.world import ADMIN, BOARD, MEMBER, World, make_world, token

SITE, OTHER = "vereniging.test", "ander.test"
TEMPLATES = Path(__file__).parents[2] / "frontend/src/views/dashboards/templates.json"
PANELS = [
    {"id": "a", "kind": "text", "x": 0, "y": 0, "w": 4, "h": 2, "text": "Hallo"},
    {"id": "b", "kind": "figure", "x": 4, "y": 0, "w": 3, "h": 2, "metrics": [{"metric": "frappe_sessions"}]},
    {"id": "c", "kind": "table", "x": 0, "y": 2, "w": 12, "h": 4, "metrics": [{"metric": "gone_metric"}]},
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("dashboards")
    with make_world(folder, names=(SITE, OTHER), role_cache_seconds=600) as made:
        yield made


def body(*panels: Any) -> str:
    return json.dumps({"panels": list(panels)})


def post(world: World, name: str, user: str = ADMIN, status: int = 200, site: str = SITE, **args: Any) -> Any:
    answer = world.client.post(
        f"/api/method/baken.{name}", json=args, headers={**token(user), "X-Frappe-Site-Name": site}
    )
    assert answer.status_code == status, answer.text
    return answer.json()["message"]


def test_made_listed_read_changed_deleted_and_brought_back(world: World) -> None:
    made = post(world, "save_dashboard", title="  De   kas ", body=body(*PANELS))
    assert made["saved"]
    one = made["dashboard"]
    assert (one["title"], one["mine"], one["can_change"], one["version"]) == ("De kas", True, True, 1)
    assert one["unknown"] == ["gone_metric"]
    assert one["body"]["panels"][1]["compare"] == "week"
    (listed,) = [each for each in post(world, "get_dashboards")["dashboards"] if each["dashboard"] == one["dashboard"]]
    assert listed["panels"][0] == {"kind": "text", "x": 0, "y": 0, "w": 4, "h": 2}
    assert "body" not in listed
    assert post(world, "get_dashboard", dashboard=one["dashboard"]) == one
    args = {"dashboard": one["dashboard"], "version": 1, "title": "Kas", "body": body(PANELS[0])}
    assert post(world, "save_dashboard", **args)["dashboard"]["version"] == 2
    gone = post(world, "delete_dashboard", dashboard=one["dashboard"], version=2)
    assert gone["deleted"]
    assert "there is no dashboard" in post(world, "get_dashboard", status=417, dashboard=one["dashboard"])
    back = post(world, "save_dashboard", **{**args, "version": gone["version"]})
    assert (back["saved"], back["dashboard"]["dashboard"]) == (True, one["dashboard"])
    with world.store.read() as conn:
        trail = [each.action for each in audit.entries(conn, site=SITE, user=ADMIN) if each.target == one["dashboard"]]
    assert trail == ["dashboard restored", "dashboard deleted", "dashboard saved", "dashboard made"]


def test_shared_with_the_site_and_with_nobody_else(world: World) -> None:
    one = post(world, "save_dashboard", title="Samen", body=body(), shared=True)["dashboard"]
    theirs = post(world, "get_dashboard", BOARD, dashboard=one["dashboard"])
    assert (theirs["mine"], theirs["can_change"], theirs["owner"]) == (False, True, ADMIN)
    assert one["dashboard"] not in [
        each["dashboard"] for each in post(world, "get_dashboards", site=OTHER)["dashboards"]
    ]
    post(world, "get_dashboard", site=OTHER, status=417, dashboard=one["dashboard"])
    own = post(world, "save_dashboard", BOARD, title="Eigen", body=body())["dashboard"]
    post(world, "get_dashboard", status=417, dashboard=own["dashboard"])
    args = {"dashboard": one["dashboard"], "title": "Samen", "body": body()}
    said = post(world, "save_dashboard", BOARD, status=417, version=1, locked=True, **args)
    assert "only admin@example.test" in said
    locked = post(world, "save_dashboard", version=1, locked=True, **args)["dashboard"]
    assert "locked" in post(world, "save_dashboard", BOARD, status=417, version=locked["version"], **args)
    assert not post(world, "get_dashboard", BOARD, dashboard=one["dashboard"])["can_change"]


def test_the_second_is_told_who_saved_meanwhile(world: World) -> None:
    one = post(world, "save_dashboard", title="Twee", body=body(), shared=True)["dashboard"]
    args = {"dashboard": one["dashboard"], "body": body(PANELS[0])}
    post(world, "save_dashboard", BOARD, version=1, title="Bestuur", **args)
    late = post(world, "save_dashboard", version=1, title="Beheer", **args)
    assert (late["saved"], late["by"], late["version"], late["gone"]) == (False, BOARD, 2, False)
    assert late["dashboard"]["title"] == "Bestuur"
    late = post(world, "delete_dashboard", dashboard=one["dashboard"], version=1)
    assert (late["deleted"], late["by"]) == (False, BOARD)
    assert post(world, "save_dashboard", version=late["version"], title="Beheer", **args)["saved"]
    post(world, "delete_dashboard", BOARD, dashboard=one["dashboard"], version=3)
    late = post(world, "save_dashboard", version=3, title="Beheer", **args)
    assert (late["saved"], late["gone"], late["dashboard"]) == (False, True, None)


def test_only_by_those_with_the_role_and_only_by_post(world: World) -> None:
    for name in ("get_dashboards", "get_dashboard", "save_dashboard", "delete_dashboard"):
        args: dict[str, Any] = {"dashboard": "x", "title": "x", "body": body(), "version": 0}
        post(world, name, MEMBER, status=403, **args)
        answer = world.client.post(f"/api/method/baken.{name}", json=args)
        assert answer.status_code == 403
    with world.store.read() as conn:
        assert {each.action for each in audit.entries(conn, user=MEMBER)} == {"access refused"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"title": " ", "body": body()}, "title is empty"),
        ({"title": "x" * 121, "body": body()}, "title has 121 characters"),
        ({"title": "a\u202eb", "body": body()}, "cannot be shown"),
        ({"title": "a", "body": "{"}, "line 1, column 2"),
        ({"title": "a", "body": body({**PANELS[0], "w": 20})}, "panel 1 (text): w"),
        ({"title": "a", "body": "x" * 100_001}, "argument body"),
        ({"title": "a", "body": body(), "dashboard": "nope", "version": 1}, "there is no dashboard"),
        ({"title": "a", "body": body(), "version": -1}, "argument version"),
        ({"title": "a", "body": body(), "shared": "maybe"}, "argument shared"),
    ],
)
def test_what_cannot_be_saved_says_why(world: World, args: dict[str, Any], said: str) -> None:
    assert said in post(world, "save_dashboard", status=417, **args)


def test_a_large_one_is_taken(world: World) -> None:
    panels = [{**PANELS[0], "id": f"p{n}", "y": 2 * n, "text": "x" * 850} for n in range(100)]
    saved = post(world, "save_dashboard", title="Groot", body=json.dumps({"panels": panels}, separators=(",", ":")))
    assert len(saved["dashboard"]["body"]["panels"]) == 100


FUZZ = st.none() | st.booleans() | st.integers(-2, 10**20) | st.text(max_size=20) | st.just(body(*PANELS))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["get_dashboard", "save_dashboard", "delete_dashboard"]),
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("title", "body", "dashboard", "version", "shared", "locked"), FUZZ)
    ),
)
def test_whatever_is_sent_an_answer_or_a_refusal(world: World, name: str, args: dict[str, Any]) -> None:
    answer = world.client.post(
        f"/api/method/baken.{name}",
        content=json.dumps(args),
        headers={**token(BOARD), "X-Frappe-Site-Name": OTHER, "Content-Type": "application/json"},
    )
    assert answer.status_code in (200, 417), answer.text


def test_templates_are_dashboards_of_metrics_that_exist() -> None:
    templates = json.loads(TEMPLATES.read_text())
    assert len(templates) >= 3
    for one in templates:
        found = parse(json.dumps({"panels": one["panels"]}))
        assert found.panels
        for panel in found.panels:
            for shown in getattr(panel, "metrics", ()):
                entry = catalogue.get(shown.metric)
                assert entry is not None, shown.metric
                assert set(shown.labels) <= set(entry.labels)

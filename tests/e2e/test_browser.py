"""The overview in Chromium, as a person sees it: signed in, refreshed, without a mouse, with a part that fails."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browsing import HOME, PASSWORD, Visits, heading, settle


def part(opened: Page, name: str) -> Any:
    """A part of the overview."""
    return opened.get_by_role("region", name=name, exact=True)


def test_a_wrong_password_is_told_and_the_right_one_leads_where_one_wanted_to_go(visit: Visits) -> None:
    opened, complaints = visit(user="").seen
    opened.goto(f"{HOME}/alerts?severity=LOW")
    expect(opened).to_have_url(re.compile(r"/login\?next="))
    assert opened.get_by_role("navigation").count() == 0
    opened.get_by_label("E-mail or user name").fill("admin@example.test")
    opened.get_by_label("Password").fill("another one")
    opened.get_by_role("button", name="Sign in").click()
    told = opened.get_by_role("alert")
    expect(told).to_have_text("This user name and password do not belong together.")
    expect(told).to_be_focused()
    expect(opened.get_by_label("Password")).to_have_value("")
    # The browser itself complains of the refusal; nothing else does.
    assert [text for text in complaints if "401" not in text] == []

    complaints.clear()
    opened.get_by_label("Password").fill(PASSWORD)
    opened.keyboard.press("Enter")
    expect(heading(opened, "Alerts")).to_be_visible()
    expect(opened).to_have_url(re.compile(rf"{HOME}/alerts\?severity=LOW$"))
    assert complaints == []


def test_somebody_without_the_role_is_told_which_one(visit: Visits) -> None:
    opened, _ = visit(user="").seen
    opened.goto("/login")
    opened.get_by_label("E-mail or user name").fill("member@example.test")
    opened.get_by_label("Password").fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    expect(opened.get_by_role("alert")).to_contain_text(
        "The role System Manager or Verenigingen Administrator is needed"
    )


def test_figures_refresh_and_keyboard(visit: Visits) -> None:
    opened, complaints = visit().seen
    opened.goto(HOME)
    expect(heading(opened, "Overview")).to_be_visible()
    association = part(opened, "Association")
    refresh = opened.get_by_role("button", name="Refresh now")
    expect(refresh).to_be_enabled()
    with opened.expect_response(lambda answer: answer.request.method == "POST") as answered:
        refresh.click()
    assert answered.value.status == 200
    assert "refresh_dashboard_data" in answered.value.url
    figures = answered.value.json()["message"]["system_metrics"]
    assert figures["members"]["active"] > 0
    expect(association).to_contain_text(f"Members{figures['members']['active']}active")
    expect(association).to_contain_text(f"Draft{figures['invoices']['draft']}")
    for name in ("Recent errors", "SEPA audit activity", "Performance"):
        expect(part(opened, name)).to_be_visible()
    expect(refresh).to_be_enabled()

    # Without a mouse: Tab alone leads to the control, and Enter uses it.
    opened.reload()
    expect(association).to_be_visible()
    expect(refresh).to_be_enabled()
    for _ in range(40):
        opened.keyboard.press("Tab")
        if refresh.evaluate("element => element === document.activeElement"):
            break
    else:
        pytest.fail("Tab does not lead to “Refresh now”")
    with opened.expect_response(lambda answer: answer.request.method == "POST") as answered:
        opened.keyboard.press("Enter")
    assert answered.value.status == 200
    assert complaints == []


def test_a_part_that_fails_shows_its_own_error_while_the_others_stay(visit: Visits) -> None:
    opened, _ = visit().seen
    opened.goto(HOME)
    settle(opened)

    def break_one_part(route: Route) -> None:
        answer = route.fetch()
        content: dict[str, Any] = answer.json()
        content["message"]["audit_summary"] = {"error": "the audit trail cannot be read"}
        route.fulfill(response=answer, body=json.dumps(content))

    opened.route("**/*.refresh_dashboard_data*", break_one_part, times=1)
    opened.get_by_role("button", name="Refresh now").click()
    audit, association = part(opened, "SEPA audit activity"), part(opened, "Association")
    expect(audit.get_by_role("alert")).to_contain_text("the audit trail cannot be read")
    expect(association).to_contain_text("Members")
    expect(part(opened, "Recent errors").get_by_role("alert")).to_have_count(0)
    expect(association.get_by_role("alert")).to_have_count(0)
    # The part alone is asked for again, and gets over it.
    audit.get_by_role("button", name="Try again").click()
    expect(audit.get_by_role("alert")).to_have_count(0)


def test_a_method_that_breaks_leaves_the_rest_and_is_tried_again(visit: Visits) -> None:
    opened, _ = visit().seen
    broken = [True]

    def refuse(route: Route) -> None:
        if broken[0]:
            route.fulfill(status=500, json={"exc_type": "InternalError", "message": "the catalogue fell over"})
        else:
            route.continue_()

    opened.route("**/baken.get_channels*", refuse)
    opened.goto(f"{HOME}/monitor")
    channels = part(opened, "Channels")
    expect(channels.get_by_role("alert")).to_contain_text("the catalogue fell over")
    expect(part(opened, "Baken now").get_by_role("status")).to_be_visible()
    assert opened.get_by_text(re.compile("^No connection since")).count() == 0
    broken[0] = False
    channels.get_by_role("button", name="Try again").click()
    expect(channels.get_by_role("alert")).to_have_count(0)
    settle(opened)

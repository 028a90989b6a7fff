"""The errors of the demo in Chromium, as an administrator goes through them: look, narrow, open, act, undo."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.browsing import AXE, Visits, settle, violations, width_of

ERRORS = "/monitoring_dashboard/errors"
MONTH = f"{ERRORS}?range=30d"

pytestmark = pytest.mark.usefixtures("errors_were_read")


@pytest.fixture
def page(visit: Visits) -> tuple[Page, list[str]]:
    """A page of the administrator, and what its console complained of."""
    return visit().seen


def rows(opened: Page) -> Locator:
    """The patterns in the list."""
    return opened.locator(".stream > li")


def show(opened: Page, path: str = MONTH) -> None:
    """Open a page of the errors and wait until everything on it has been answered."""
    opened.goto(path)
    expect(opened.get_by_role("heading", level=1)).to_have_text(re.compile("^(Errors|Fouten)$"))
    settle(opened)


def open_first(opened: Page) -> None:
    """Open the page of the most frequent pattern."""
    show(opened)
    rows(opened).first.get_by_role("link").click()
    expect(opened.get_by_role("region", name="Example", exact=True)).to_be_visible()


def test_patterns_are_narrowed_and_opened(page: tuple[Page, list[str]]) -> None:
    opened, complaints = page
    opened.goto("/monitoring_dashboard")
    opened.get_by_role("navigation", name="Views").get_by_role("link", name="Errors").click()
    expect(opened).to_have_url(re.compile(rf"{ERRORS}(\?|$)"))
    span = opened.get_by_role("group", name="Time range")
    span.get_by_role("button", name=re.compile("^Time range")).click()
    span.get_by_role("button", name="Last 30 days").click()
    expect(opened).to_have_url(re.compile("range=30d"))
    expect(opened.locator(".sentence")).to_have_text(re.compile(r"^[\d,]+ errors? in 30 days as \d+ patterns?.*\.$"))
    expect(opened.get_by_text("No personal data kept")).to_be_visible()
    expect(rows(opened).first).to_be_visible()
    whole = rows(opened).count()
    assert whole > 1

    opened.get_by_role("searchbox").fill("zz nothing says this zz")
    expect(opened.get_by_text("No pattern fits.")).to_be_visible()
    # The address alone brings back the same view.
    opened.reload()
    expect(opened.get_by_role("searchbox")).to_have_value("zz nothing says this zz")
    opened.get_by_role("button", name="Clear filters").click()
    # The demo lives on: there may be more of them by now.
    expect(rows(opened).nth(whole - 1)).to_be_visible()

    rows(opened).first.get_by_role("link").click()
    expect(opened).to_have_url(re.compile(rf"{ERRORS}/[0-9a-f]{{16}}(\?|$)"))
    for part in ("Course", "State", "Whom it hits", "Example", "Why this is one pattern"):
        expect(opened.get_by_role("region", name=part, exact=True)).to_be_visible()
    opened.get_by_role("link", name="All errors").click()
    expect(opened.get_by_role("heading", name="Errors", level=1)).to_be_visible()
    assert complaints == []


def test_what_is_marked_as_known_is_hidden_and_undo_brings_it_back(page: tuple[Page, list[str]]) -> None:
    opened, complaints = page
    show(opened)
    link = rows(opened).first.get_by_role("link")
    address = link.get_attribute("href") or ""
    rows(opened).first.get_by_role("checkbox").check()
    with opened.expect_response(lambda answer: "set_error_state" in answer.url) as answered:
        opened.get_by_role("button", name="Mark as known").click()
    assert (answered.value.request.method, answered.value.status) == ("POST", 200)
    expect(opened.locator(f'.stream a[href="{address}"]')).to_have_count(0)
    expect(opened.get_by_text(re.compile("hidden: .*known"))).to_be_visible()
    opened.get_by_role("button", name="Undo").click()
    expect(opened.locator(f'.stream a[href="{address}"]')).to_have_count(1)
    assert complaints == []


def test_a_pattern_is_muted_with_a_note_and_opened_again(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    open_first(opened)
    state = opened.get_by_role("region", name="State", exact=True)
    state.get_by_role("textbox", name="Note").fill("We know")
    state.get_by_role("button", name="Mute").click()
    state.get_by_role("button", name="For 1 day").click()
    expect(state).to_contain_text("Muted, until ")
    opened.reload()
    expect(state.get_by_role("textbox", name="Note")).to_have_value("We know")
    history = opened.get_by_role("region", name="What was done", exact=True)
    expect(history).to_contain_text("Muted")
    expect(history).to_contain_text("admin@example.test")
    state.get_by_role("textbox", name="Note").fill("")
    state.get_by_role("button", name="Reopen").click()
    expect(state.get_by_role("button", name="Mark as known")).to_be_visible()
    expect(state).to_contain_text("Open")


def test_two_patterns_become_one_and_two_again(page: tuple[Page, list[str]]) -> None:
    opened, complaints = page
    show(opened)
    head, other = (rows(opened).nth(at).get_by_role("link").get_attribute("href") or "" for at in (0, 1))
    for at in (0, 1):
        rows(opened).nth(at).get_by_role("checkbox").check()
    opened.get_by_role("button", name="Merge").click()
    dialog = opened.get_by_role("dialog", name="Merge 2 patterns")
    dialog.get_by_role("radio").first.check()
    dialog.get_by_role("button", name="Merge").click()
    expect(opened.locator(f'.stream a[href="{other}"]')).to_have_count(0)
    # What is asked for by its old address is found where it went.
    opened.goto(other)
    expect(opened).to_have_url(re.compile(f"{head}$"))
    opened.get_by_role("button", name="Separate").first.click()
    expect(opened.get_by_text("The pattern stands by itself again.")).to_be_visible()
    show(opened)
    expect(opened.locator(f'.stream a[href="{other}"]')).to_have_count(1)
    assert complaints == []


def test_without_a_mouse(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    show(opened)
    first = rows(opened).first
    first.get_by_role("checkbox").focus()
    opened.keyboard.press("Space")
    expect(opened.get_by_text("1 selected")).to_be_visible()
    mute = opened.get_by_role("button", name="Mute")
    mute.focus()
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("button", name="Until it escalates")).to_be_focused()
    opened.keyboard.press("ArrowDown")
    expect(opened.get_by_role("button", name="For 1 hour")).to_be_focused()
    opened.keyboard.press("Escape")
    expect(mute).to_be_focused()
    expect(opened.get_by_role("button", name="For 1 hour")).to_have_count(0)
    first.get_by_role("checkbox").focus()
    opened.keyboard.press("Tab")
    expect(first.get_by_role("link")).to_be_focused()
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("region", name="Example", exact=True)).to_be_visible()


def test_when_and_where(page: tuple[Page, list[str]]) -> None:
    opened, complaints = page
    show(opened)
    tabs = opened.get_by_role("navigation", name="Parts of this view")
    tabs.get_by_role("link", name="When").click()
    heat = opened.get_by_role("region", name="When it goes wrong", exact=True)
    heat.get_by_role("button", name="Show as table").click()
    expect(heat.get_by_role("row")).to_have_count(25)
    expect(heat.get_by_role("columnheader").nth(1)).to_have_text("Mon")
    tabs.get_by_role("link", name="Where").click()
    area = opened.get_by_role("region", name="Areas", exact=True).get_by_role("link").first
    expect(opened.locator(".tile").first).to_be_visible()
    area.click()
    expect(opened).to_have_url(re.compile("area="))
    expect(rows(opened).first).to_be_visible()
    assert complaints == []


def test_findings_that_fail_leave_the_list(page: tuple[Page, list[str]]) -> None:
    opened, _ = page

    def refuse(route: Route) -> None:
        route.fulfill(status=417, json={"exc_type": "ValidationError", "message": "the findings are locked"})

    opened.route("**/baken.get_error_findings*", refuse)
    show(opened)
    expect(opened.get_by_role("region", name="Findings")).to_contain_text("the findings are locked")
    expect(rows(opened).first).to_be_visible()


@pytest.mark.parametrize(("width", "theme", "language"), [(360, "dark", "nl"), (1440, "light", "en")])
def test_a_pattern_fits_and_is_accessible(visit: Visits, width: int, theme: str, language: str) -> None:
    """The view and its tabs are looked at with all others, in `test_views`."""
    opened, complaints = visit(width=width, theme=theme, language=language).seen
    if not AXE.is_file():
        pytest.skip("axe-core is not installed in frontend/node_modules")
    show(opened)
    rows(opened).first.get_by_role("link").click()
    expect(opened.locator("section.example, section[aria-labelledby]").first).to_be_visible()
    settle(opened)
    assert width_of(opened) <= width
    assert violations(opened) == []
    assert complaints == []

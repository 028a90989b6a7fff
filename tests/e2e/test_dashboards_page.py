"""Dashboards of one's own, and settings, in Chromium: arranged by keyboard, saved by two, changed and put back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import BOARD, HOME, Visits, heading, settle
from tests.e2e.conftest import dashboards
from tests.e2e.served import Person

pytestmark = pytest.mark.usefixtures("fired", "no_dashboards")


def from_template(page: Page, title: str, template: str = "Treasurer") -> None:
    """Make a dashboard from a template."""
    page.goto(f"{HOME}/dashboards")
    page.get_by_role("button", name="New dashboard").click()
    dialog = page.get_by_role("dialog", name="New dashboard")
    dialog.get_by_label("Name").fill(title)
    dialog.get_by_role("radio", name=template).check(force=True)
    dialog.get_by_role("button", name="Make it").click()
    expect(heading(page, title)).to_be_visible()
    settle(page)


def test_a_dashboard_is_made_and_its_panels_moved_by_keyboard(visit: Visits, admin: Person) -> None:
    page, complaints = visit(width=1440).seen
    from_template(page, "The treasurer's")
    expect(page.locator(".grid .item")).to_have_count(8)
    page.get_by_role("button", name="Edit", exact=True).click()
    handle = page.get_by_role("button", name=re.compile("^Move ")).first
    title = (handle.get_attribute("aria-label") or "").removeprefix("Move ")
    handle.focus()
    said = page.locator(".grid [aria-live=assertive]")
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text(f"{title}: column 2, row 1, 3 wide, 3 high")
    page.keyboard.press("Shift+ArrowDown")
    expect(said).to_have_text(f"{title}: column 2, row 1, 3 wide, 4 high")
    expect(page.get_by_role("button", name=f"Move {title}", exact=True)).to_be_focused()
    page.get_by_role("button", name="Undo the last step").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".notice")).to_contain_text("Saved.")
    (kept,) = dashboards(admin)
    assert kept["title"] == "The treasurer's"
    assert next((each["x"], each["w"], each["h"]) for each in kept["panels"] if each["y"] == 0) == (1, 3, 3)
    item = page.locator(".grid .item").filter(has=page.get_by_role("heading", name=title, exact=True))
    box = item.bounding_box()
    page.reload()
    expect(heading(page, "The treasurer's")).to_be_visible()
    settle(page)
    assert item.bounding_box() == box

    # What is not saved is not left by accident.
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_role("button", name=f"Move {title}", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.locator("header.side").get_by_role("link", name="Reports").click()
    asked = page.get_by_role("dialog", name="Leave without saving?")
    asked.get_by_role("button", name="Keep editing").click()
    expect(heading(page, "The treasurer's")).to_have_count(1)
    page.get_by_role("button", name="Discard", exact=True).click()
    asked.get_by_role("button", name="Do not save").click()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    assert complaints == []


# How many pixels of a chart or a table are out of sight, by the title of its panel. How long lists are depends on what
# happened; they tell that there is more.
_CUT = """() => [...document.querySelectorAll('.grid .card')].flatMap((card) => {
  if (!card.querySelector('figure, table')) return []
  const box = card.querySelector('.content')
  const by = box.scrollHeight - box.clientHeight
  return by > 1 ? [[card.querySelector('h2').innerText, by]] : []
})"""


@pytest.mark.parametrize("template", ["Treasurer", "Members", "Server"])
def test_of_a_template_nothing_is_cut_off(visit: Visits, template: str) -> None:
    page, complaints = visit(width=1440).seen
    from_template(page, template, template)
    settle(page, whole=True)
    page.wait_for_function(f"() => ({_CUT})().length === 0")
    assert complaints == []


def test_a_panel_that_is_too_low_shows_that_there_is_more(visit: Visits) -> None:
    page = visit(width=1440).page
    from_template(page, "Low")
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_role("button", name="Settings of Direct debit batches, Batch amount by status").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Height, in rows").fill("3")
    dialog.get_by_role("button", name="Apply").click()
    panel = page.locator(".card").filter(has=page.get_by_role("heading", name="Direct debit batches"))
    more = panel.locator(".onward button")
    expect(more).to_be_visible()
    while more.count():
        more.click()
        page.wait_for_timeout(400)
    expect(panel.get_by_text("Measured")).to_be_in_viewport()


def test_of_two_people_who_save_the_second_is_told_and_loses_nothing(visit: Visits, admin: Person) -> None:
    mine = visit(width=1440).page
    from_template(mine, "Ours", "Server")
    mine.locator(".tools").get_by_role("button", name="More", exact=True).click()
    mine.get_by_role("button", name="Who sees it…").click()
    sharing = mine.get_by_role("dialog")
    sharing.get_by_label("Everybody sees and changes it").check(force=True)
    sharing.locator("button[type=submit]").click()
    expect(mine.locator(".notice")).to_contain_text("Everybody of the site sees it now.")
    theirs = visit(BOARD, width=1440).page
    theirs.goto(mine.url)
    for page, title in ((mine, "Ours, by the administrator"), (theirs, "Ours, by the board")):
        expect(heading(page, "Ours")).to_be_visible()
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_label("Name").fill(title)
    theirs.get_by_role("button", name="Save", exact=True).click()
    expect(heading(theirs, "Ours, by the board")).to_be_visible()
    mine.get_by_role("button", name="Save", exact=True).click()
    told = mine.get_by_role("dialog", name="Somebody was first")
    expect(told).to_contain_text(f"{BOARD} saved this dashboard at")
    told.get_by_role("button", name=re.compile("^Save mine as a copy")).click()
    expect(told).to_have_count(0)
    titles = {one["title"] for one in dashboards(admin)}
    assert "Ours, by the board" in titles
    assert any(title.startswith("Ours, by the administrator") for title in titles)


def test_a_limit_is_changed_refused_and_put_back(visit: Visits) -> None:
    page, complaints = visit().seen
    page.goto(f"{HOME}/settings?tab=rules&rule=WATCHED_MEMORY")
    rule = page.get_by_role("listitem").filter(has_text="WATCHED_MEMORY")
    limit = rule.get_by_label("Limit (above)", exact=True)
    expect(limit).to_have_value("0")
    limit.fill("much")
    rule.get_by_role("button", name="Save", exact=True).click()
    expect(limit).to_have_attribute("aria-invalid", "true")
    expect(limit).to_have_accessible_description(re.compile("Give a number."))
    expect(limit).to_be_focused()
    # Nobody leaves what is not saved by accident.
    page.get_by_role("navigation", name="Parts of the settings").get_by_role("link", name="Retention").click()
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Stay here").click()
    limit.fill("0.005")
    with page.expect_response(lambda answer: "save_rule" in answer.url) as answered:
        rule.get_by_role("button", name="Save", exact=True).click()
    assert answered.value.status == 200
    expect(page.locator(".notice")).to_contain_text("The rule was saved.")
    expect(rule.locator("summary")).to_contain_text("Changed")
    page.reload()
    expect(limit).to_have_value("0.005")
    rule.get_by_role("button", name="Put back").click()
    expect(page.locator(".notice")).to_contain_text("is again as in the file")
    expect(limit).to_have_value("0")
    expect(rule.locator("summary")).not_to_contain_text("Changed")
    assert complaints == []

"""What holds for every view: palette, language and colours, phone and motion, news by itself, a server that is gone."""

import contextlib
import re
import secrets
import sqlite3
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import BOARD, HOME, Visits, heading, settle
from tests.e2e.conftest import Demo
from tests.e2e.served import Person, Way

pytestmark = pytest.mark.usefixtures("fired", "errors_were_read")


def fail_on_the_site(demo: Demo, title: str) -> None:
    """Write a row into the Error Log of the demo's site, as Frappe does."""
    moment = datetime.now(ZoneInfo("Europe/Amsterdam")).strftime("%Y-%m-%d %H:%M:%S.%f")
    row = {
        "name": secrets.token_hex(5), "creation": moment, "modified": moment, "modified_by": "Administrator",
        "owner": "Administrator", "method": title, "error": f"Traceback (most recent call last):\nValueError: {title}",
    }  # fmt: skip
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    with contextlib.closing(sqlite3.connect(demo.database, timeout=20)) as site, site:
        site.execute(f'INSERT INTO "tabError Log" ({columns}) VALUES ({marks})', list(row.values()))


def test_an_error_on_the_site_shows_within_seconds_and_without_a_reload(visit: Visits, demo: Demo) -> None:
    page, complaints = visit(refresh="300").seen
    page.goto(f"{HOME}/errors?range=1h&sort=latest")
    expect(heading(page, "Errors")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    settle(page)
    page.evaluate("window.stayed = true")
    title = f"The lighthouse of {secrets.token_hex(4).translate(str.maketrans('0123456789', 'ghijklmnop'))} is dark"
    fail_on_the_site(demo, title)
    expect(page.locator(".stream > li").filter(has_text=title)).to_be_visible(timeout=20_000)
    assert page.evaluate("window.stayed") is True
    expect(page.get_by_label("Refresh automatically")).to_have_value("300")
    assert complaints == []


def test_a_server_that_is_gone_is_told_and_comes_back_by_itself(visit: Visits, demo: Demo) -> None:
    way = Way(demo.served.port)
    way.open()
    page, _ = visit(address=f"http://127.0.0.1:{way.port}").seen
    page.goto(HOME)
    settle(page)
    association = page.get_by_role("region", name="Association", exact=True)
    known = association.locator(".numeric").all_inner_texts()
    assert known
    way.close()
    page.get_by_role("button", name="Refresh now").click()
    away = page.get_by_text(re.compile("^No connection since"))
    expect(away).to_be_visible()
    expect(page.get_by_role("status").filter(has=away)).to_contain_text("You see the last known figures, of")
    expect(page.get_by_role("status").filter(has=away)).to_contain_text("Trying again in")
    assert association.locator(".numeric").all_inner_texts() == known
    way.open()
    expect(away).to_have_count(0)
    expect(association.locator(".numeric").first).to_be_visible()
    way.close()


def palette(page: Page, typed: str) -> None:
    """Open the palette by its keys and type."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to anything, do anything")
    expect(field).to_be_focused()
    expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    page.keyboard.type(typed)


def test_the_palette_goes_anywhere_and_acts(visit: Visits, admin: Person) -> None:
    page, complaints = visit(BOARD).seen
    page.goto(HOME)
    settle(page)
    chosen = page.get_by_role("listbox").get_by_role("option", selected=True)
    palette(page, "expl")
    expect(chosen).to_contain_text("Explorer")
    page.keyboard.press("Enter")
    expect(heading(page, "Explorer")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)

    palette(page, "zz nothing is called so zz")
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Nothing fits this.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    def taken() -> list[str]:
        found = admin.client.get("/api/method/baken.get_alerts", params={"search": "processor is watched"}).json()
        return [alert["acknowledged_by"] for alert in found["message"]["alerts"]]

    palette(page, "acknowledge processor is watched")
    expect(chosen).to_contain_text("Acknowledge: The processor is watched")
    with page.expect_response(lambda answer: "acknowledge_alerts" in answer.url) as answered:
        page.keyboard.press("Enter")
    assert answered.value.status == 200
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert taken() == [BOARD]

    # By arrow keys: down and up again is where one was.
    palette(page, "colours")
    first = chosen.inner_text()
    page.keyboard.press("ArrowDown")
    expect(chosen).not_to_have_text(first)
    page.keyboard.press("ArrowUp")
    expect(chosen).to_contain_text(first.splitlines()[0])
    page.keyboard.press("Escape")
    assert complaints == []


def test_language_and_colours_are_remembered(visit: Visits) -> None:
    seen = visit(kept=True, color_scheme="dark")
    page, complaints = seen.seen
    page.goto(f"{HOME}/settings?tab=sites")
    html = page.locator("html")
    # Nothing was chosen yet: the language of the user on the site, the colours of the machine.
    expect(html).to_have_attribute("lang", "nl")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    side = page.locator("header.side")
    side.get_by_role("button", name="EN English").click()
    expect(heading(page, "Settings")).to_be_visible()
    expect(html).to_have_attribute("lang", "en")
    side.get_by_role("button", name=re.compile("Automatic")).click()
    expect(html).to_have_attribute("data-bs-theme", "light")
    side.get_by_role("button", name="Show symbols only").click()
    page.reload()
    expect(heading(page, "Settings")).to_be_visible()
    expect(html).to_have_attribute("lang", "en")
    expect(html).to_have_attribute("data-bs-theme", "light")
    expect(side).to_have_class(re.compile("narrow"))
    # Another tab is the same browser.
    other = seen.another()
    other.goto(HOME)
    expect(heading(other, "Overview")).to_be_visible()
    expect(other.locator("html")).to_have_attribute("data-bs-theme", "light")
    assert complaints == []


def test_on_a_phone_the_bar_and_the_sheet_lead_everywhere(visit: Visits) -> None:
    page, complaints = visit(width=360, has_touch=True, is_mobile=True, reduced_motion="reduce").seen
    page.goto(HOME)
    settle(page)
    bar = page.get_by_role("navigation", name="Quick navigation")
    for name in ("Alerts", "Errors"):
        bar.get_by_role("link", name=name).tap()
        expect(heading(page, name)).to_be_visible()
        expect(bar.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    menu = bar.get_by_role("button", name="Menu")
    menu.tap()
    sheet = page.get_by_role("dialog", name="Menu")
    expect(sheet).to_be_visible()
    expect(sheet.get_by_role("link", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    menu.tap()
    sheet.get_by_role("link", name="Explorer").tap()
    expect(heading(page, "Explorer")).to_be_visible()
    expect(sheet).to_have_count(0)
    settle(page)
    # For a thumb: 44 pixels and more; nothing of it turns or slides for who asked for rest.
    small = """() => [...document.querySelectorAll('header.bar button, header.bar a, nav.thumb a, nav.thumb button')]
      .filter((each) => each.checkVisibility())
      .map((each) => [each.getBoundingClientRect(), each.outerHTML.slice(0, 120)])
      .filter(([{width, height}]) => Math.min(width, height) < 44).map(([, html]) => html)"""
    assert page.evaluate(small) == []
    moving = """() => document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 20)
      .map((each) => each.effect.target?.outerHTML.slice(0, 120))"""
    page.get_by_role("button", name="Refresh now").tap()
    assert page.evaluate(moving) == []
    assert complaints == []

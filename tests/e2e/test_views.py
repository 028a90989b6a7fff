"""Every view with the demo's data: in both languages, on phone, tablet and desk, light and dark, and in high contrast.

Each look asks the same: the view shows its data, is not wider than the screen, axe finds nothing, no key of a message
stands in the place of its text, a Dutch page speaks Dutch, and the console complains of nothing. Somebody opens each
view once in each language, and then turns the light on or off and takes the tablet.
"""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from baken.server.pages import PUBLIC
from tests.e2e.browsing import (
    AXE,
    HOME,
    Light,
    Visit,
    Visits,
    heading,
    left_over,
    messages,
    raw_keys,
    settle,
    violations,
    width_of,
)

pytestmark = pytest.mark.usefixtures("fired", "errors_were_read", "no_dashboards")


@dataclass(frozen=True)
class View:
    """A view: the key of its name, and what of it shows data, so often at least; `folded`: on a phone, where all of its
    sections but the first are folded.
    """

    name: str
    title: str
    shows: str
    least: int = 1
    folded: int | None = None


# In the order of the navigation.
VIEWS: tuple[View, ...] = (
    View("dashboard", "overview.title", ".hero strong, .cell .value .numeric, .attention li", 8),
    View("alerts", "alerts.view", ".entry", 4),
    View("errors", "patterns.title", ".stream > li", 2),
    View("system", "system.title", ".tile .value.numeric, .field .canvas canvas", 12, 6),
    View("heartbeats", "heartbeats.title", ".jobs .job .bars", 3),
    View("members", "members.title", ".tile .value.numeric, .field .canvas canvas", 8, 5),
    View("sepa", "sepa.title", ".tile .value.numeric, .field .canvas canvas", 8, 5),
    View("explorer", "explorer.title", ".group .figure .value", 20),
    View("dashboards", "dashboards.title", ".card", 3),
    View("reports", "reports.title", ".report-paper td.figure", 5),
    View("monitor", "monitorPage.title", ".verdict strong, .field .canvas canvas", 4),
    View("settings", "setup.title", ".group details", 10),
)
TABS = {
    "errors": ("when", "where", "insights"),
    "settings": ("recipients", "silences", "maintenance", "retention", "sites", "profile"),
}
LOOKS = [(360, "dark", "nl"), (1440, "light", "en")]
SCREENS = {360: 780, 768: 1024, 1440: 900}


def look(visit: Visit, what: str) -> None:
    """What is asked of every view, on every screen and in every light."""
    page = visit.page
    assert width_of(page) <= visit.width, what
    assert violations(page) == [], what
    told(visit, what)
    for width, light in others(visit):
        page.set_viewport_size({"width": width, "height": SCREENS[width]})
        page.emulate_media(color_scheme=light)
        settle(page)
        seen = f"{what} at {width}, {light}, {visit.language}"
        assert width_of(page) <= width, seen
        assert violations(page, looks_alone=True) == [], seen
        told(visit, seen)
    turned(visit)


def others(visit: Visit) -> list[tuple[int, Light]]:
    """The other light, and the tablet in that: of two people who come with a phone in the dark and a desk in the light,
    every screen is seen in every light.
    """
    other: Light = "light" if visit.light == "dark" else "dark"
    return [(visit.width, other), (768, other)]


def turned(visit: Visit) -> None:
    """Back to the screen and the light that the person came with."""
    visit.page.set_viewport_size({"width": visit.width, "height": SCREENS[visit.width]})
    visit.page.emulate_media(color_scheme=visit.light)
    settle(visit.page)


def told(visit: Visit, what: str) -> None:
    """Every text is there, in the person's language, and the console complains of nothing."""
    page = visit.page
    assert raw_keys(page) == [], what
    if visit.language == "nl":
        assert left_over(page) == [], what
    assert visit.complaints == [], what


def go(visit: Visit, view: View) -> None:
    """Go to a view by the page's own links, as a person does."""
    page, text = visit.page, messages(visit.language)
    if visit.width < 768:
        page.get_by_role("navigation", name=text["frame.quick"]).get_by_role("button", name=text["frame.menu"]).click()
        links: Locator = page.get_by_role("dialog", name=text["frame.menu"])
    else:
        links = page.locator("header.side")
    here = HOME if view.name == "dashboard" else f"{HOME}/{view.name}"
    links.get_by_role("navigation").locator(f'a[href="{here}"], a[href^="{here}?"]').click()
    expect(heading(page, text[view.title])).to_be_visible()
    settle(page, whole=True)


def shown(page: Page, view: View) -> None:
    """The view shows data, and not only the place for it."""
    screen = page.viewport_size
    narrow = screen is not None and screen["width"] < 768
    least = view.folded if narrow and view.folded is not None else view.least
    expect(page.locator(f":is({view.shows}):visible").nth(least - 1)).to_be_visible()


def start(visits: Visits, width: int, theme: str, language: str, **more: Any) -> Visit:
    """Somebody who opened the dashboard."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed in frontend/node_modules")
    # The page follows the device, so that a test can turn the light off; high contrast is chosen.
    chosen = "contrast" if theme == "contrast" else "system"
    visit = visits(width=width, theme=chosen, language=language, **more)
    visit.light = "dark" if theme == "dark" else "light"
    visit.page.emulate_media(color_scheme=visit.light)
    visit.page.goto(HOME)
    expect(visit.page.locator("html")).to_have_attribute("lang", language)
    return visit


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, len(VIEWS))])
@pytest.mark.timeout(600)
def test_every_view(visit: Visits, width: int, theme: str, language: str, first: int, last: int) -> None:
    # With the worker, as people have it: what the page's own policy forbids would be told by the console.
    person = start(visit, width, theme, language, worker=first == 0)
    page = person.page
    for view in VIEWS[first:last]:
        go(person, view)
        shown(page, view)
        look(person, view.name)
        for tab in TABS.get(view.name, ()):
            page.locator(f'nav.tabs a[href*="tab={tab}"]').click()
            expect(page).to_have_url(re.compile(f"tab={tab}"))
            settle(page, whole=True)
            expect(page.locator("main .panel, main .part").first).to_be_visible()
            look(person, f"{view.name}, {tab}")


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
@pytest.mark.timeout(600)
def test_what_a_view_leads_to(visit: Visits, width: int, theme: str, language: str) -> None:
    person = start(visit, width, theme, language)
    page, text = person.page, messages(language)
    opens: list[tuple[str, Callable[[], None], str]] = [
        ("a metric", page.locator(".group button.open").first.click, ".field .canvas canvas"),
        ("a dashboard", page.locator("button.open").first.click, ".grid .item"),
    ]
    for name, (what, press, shows) in zip(("explorer", "dashboards"), opens, strict=True):
        go(person, next(view for view in VIEWS if view.name == name))
        press()
        expect(page.locator(shows).first).to_be_visible()
        settle(page, whole=True)
        look(person, what)
    page.get_by_role("button", name=text["board.edit"], exact=True).click()
    expect(page.get_by_role("button", name=text["board.save"], exact=True)).to_be_visible()
    look(person, "a dashboard that is changed")
    page.goto(f"{HOME}/heartbeats")
    page.locator(".job summary").first.click()
    expect(page.locator(".job .copy pre").nth(1)).to_be_visible()
    look(person, "a job's address")
    page.goto(f"{HOME}/heartbeats?add=1")
    expect(page.locator("dialog .next li")).to_have_count(5)
    look(person, "adding a job")
    page.goto(f"{HOME}/nothing-is-here")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    look(person, "no such page")
    page.goto("/login")
    expect(page.locator("input[name=usr]")).to_be_visible()
    expect(page.locator(".demo button").first).to_be_visible()
    look(person, "sign in")


@pytest.mark.timeout(600)
def test_high_contrast(visit: Visits) -> None:
    person = start(visit, 768, "contrast", "nl")
    page = person.page
    expect(page.locator("html")).to_have_attribute("data-contrast", "more")
    for view in VIEWS:
        go(person, view)
        shown(page, view)
        assert width_of(page) <= 768, view.name
        assert violations(page, looks_alone=True) == [], view.name
    told(person, "in high contrast")


def test_the_entry_is_light() -> None:
    if not (PUBLIC / "index.html").is_file():
        pytest.skip("the front end is not built; run make setup")
    shell = (PUBLIC / "index.html").read_text(encoding="utf-8")
    names = sorted(set(re.findall(r'(?:src|href)="/assets/baken/([^"]+\.(?:js|css))"', shell)))
    assert [name for name in names if name.endswith(".js")]
    weight = sum(len(gzip.compress((PUBLIC / name).read_bytes())) for name in names)
    assert weight < 250_000

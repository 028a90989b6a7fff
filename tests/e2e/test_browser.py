"""The page in Chromium, as a person sees it: the demo, signed in, refreshed, with a part that fails."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from baken.server.pages import PUBLIC
from tests.conftest import in_ci
from tests.e2e.conftest import Demo

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATIENCE = 15_000


def _missing(what: str) -> None:
    if in_ci():
        pytest.fail(f"{what}; in CI it has to be there")
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; skips with the reason when it or the built front end is missing."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        _missing("Chromium is not installed")
    if not (PUBLIC / "index.html").is_file():
        _missing("the front end is not built; run make setup")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[tuple[Page, list[str]]]:
    """A page that is signed in to the demo, and what its console complained of."""
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Amsterdam", base_url=demo.served.address)
    context.set_default_timeout(PATIENCE)
    # The user's language on the site counts only while nothing was chosen in the browser.
    context.add_init_script("localStorage.setItem('baken.language', 'en')")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/login")
    opened.fill("input[name=usr]", "admin@example.test")
    opened.fill("input[name=pwd]", "baken-demo")
    opened.click("button[type=submit]")
    opened.wait_for_url("**/monitoring_dashboard*")
    yield opened, complaints
    context.close()


def test_figures_refresh_and_keyboard(page: tuple[Page, list[str]]) -> None:
    opened, complaints = page
    expect(opened.get_by_role("heading", name="Dashboard", level=1)).to_be_visible()
    association = opened.get_by_role("region", name="Association", exact=True)
    refresh = opened.get_by_role("button", name="Refresh now")
    with opened.expect_response(lambda answer: answer.request.method == "POST") as answered:
        refresh.click()
    assert answered.value.status == 200
    assert "refresh_dashboard_data" in answered.value.url
    figures = answered.value.json()["message"]["system_metrics"]
    assert figures["members"]["active"] > 0
    expect(association).to_contain_text(f"Members{figures['members']['active']}active")
    expect(association).to_contain_text(f"Draft{figures['invoices']['draft']}")
    for part in ("Recent errors", "SEPA audit activity", "Performance"):
        expect(opened.get_by_role("region", name=part, exact=True)).to_be_visible()
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


def test_a_part_that_fails_shows_its_own_error_while_the_others_stay(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    expect(opened.get_by_role("region", name="SEPA audit activity", exact=True)).to_be_visible()

    def break_one_part(route: Route) -> None:
        answer = route.fetch()
        content: dict[str, Any] = answer.json()
        content["message"]["audit_summary"] = {"error": "the audit trail cannot be read"}
        route.fulfill(response=answer, body=json.dumps(content))

    opened.route("**/*.refresh_dashboard_data*", break_one_part)
    opened.get_by_role("button", name="Refresh now").click()
    audit = opened.get_by_role("region", name="SEPA audit activity", exact=True)
    expect(audit.get_by_role("alert")).to_contain_text("the audit trail cannot be read")
    association = opened.get_by_role("region", name="Association", exact=True)
    expect(association).to_contain_text("Members")
    expect(opened.get_by_role("region", name="Recent errors", exact=True).get_by_role("alert")).to_have_count(0)
    expect(association.get_by_role("alert")).to_have_count(0)
    # The part alone is asked for again, and gets over it.
    audit.get_by_role("button", name="Try again").click()
    expect(audit.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_is_wider_than_the_screen(page: tuple[Page, list[str]], width: int) -> None:
    opened, _ = page
    opened.set_viewport_size({"width": width, "height": 900})
    expect(opened.get_by_role("region", name="Performance", exact=True)).to_be_visible()
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_accessible_to_everybody(page: tuple[Page, list[str]]) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed in frontend/node_modules")
    opened, _ = page
    expect(opened.get_by_role("region", name="Performance", exact=True)).to_be_visible()
    expect(opened.get_by_role("button", name="Refresh now")).to_be_enabled()
    # The page's own Content-Security-Policy lets no script in; the tools of the browser may.
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    found = opened.evaluate("async () => (await axe.run()).violations.map(each => `${each.id}: ${each.help}`)")
    assert found == []

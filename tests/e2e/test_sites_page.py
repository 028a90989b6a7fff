"""Several sites in Chromium: which needs somebody most, and the way from one to another. Over a world of its own."""

import re
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import expect

from baken.server import pages
from tests.api.alerted import fire
from tests.e2e.browsing import ADMIN, AXE, BOARD, HOME, Visit, Visits, heading, left_over, settle, violations, width_of
from tests.server.world import make_world
from tests.servers import free_port

GOOD, BAD, GONE = "good.test", "bad.test", "gone.test"
WELL = {
    "database_up": 1,
    "frappe_site_up": 1,
    "frappe_errors": {(("window", "1h"),): 1, (("window", "24h"),): 9},
    "association_members": {(("status", "Active"),): 60},
    "sepa_collections": {(("result", "Failed"),): 3, (("result", "Successful"),): 50},
    "frappe_backup_age_seconds": 3600,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that watches three sites: one is well, one is not, one does not answer."""
    folder = tmp_path_factory.mktemp("sites")
    operators = [{"user": ADMIN, "site": GOOD}]
    with make_world(folder, names=(GOOD, BAD, GONE), public=pages.PUBLIC, operators=operators) as world:
        world.record({"host_cpu_ratio": 0.2, "host_memory_used_ratio": 0.5}, site="")
        for site in (GOOD, BAD, GONE):
            world.record(WELL, site=site)
        world.record({}, site=GONE, ok=False, reason="the database server of gone.test does not answer")
        fire(world.store, site=BAD)
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(world.app, port=port, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            threading.Event().wait(0.02)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


def sign_in(visit: Visit, site: str, user: str = ADMIN) -> None:
    """Sign in to one of the sites."""
    answer = visit.context.request.post("/api/method/login", form={"usr": user, "pwd": "baken-demo", "site": site})
    assert answer.ok, answer.text()


def test_the_fleet_puts_first_what_needs_somebody_and_leads_to_it(visit: Visits, address: str) -> None:
    person = visit(user="", address=address, width=1440)
    page, complaints = person.seen
    sign_in(person, GOOD)
    page.goto(f"{HOME}/fleet")
    expect(heading(page, "All sites")).to_be_visible()
    settle(page)
    # The site stands in the address: a link shows the same one to somebody else.
    expect(page).to_have_url(re.compile(rf"site={GOOD}"))
    names = page.get_by_role("list", name="Sites").get_by_role("listitem").get_by_role("link")
    assert names.all_inner_texts()[-1] == GOOD
    assert set(names.all_inner_texts()) == {GOOD, BAD, GONE}
    gone = page.get_by_role("listitem").filter(has_text=GONE)
    expect(gone).to_contain_text("does not answer")
    page.get_by_role("searchbox").fill("bad")
    expect(names).to_have_count(1)
    names.first.click()
    expect(heading(page, "Overview")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"{HOME}\?site={BAD}"))
    side = page.locator("header.side")
    switch = side.get_by_role("button", name=re.compile(f"^Site: {BAD}"))
    expect(switch).to_be_visible()

    # The switch keeps the view; the palette knows the sites as well.
    side.get_by_role("link", name="Alerts").click()
    expect(heading(page, "Alerts")).to_be_visible()
    settle(page)
    expect(page.locator(".entry")).to_have_count(1)
    switch.click()
    expect(side.locator(".switch li button").first).to_be_focused()
    side.get_by_role("button", name=GOOD, exact=True).click()
    expect(page).to_have_url(re.compile(rf"/alerts\?site={GOOD}"))
    expect(page.locator(".entry")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    page.keyboard.type(BAD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/alerts\?site={BAD}"))
    expect(page.locator(".entry")).to_have_count(1)
    assert complaints == []


def test_the_fleet_fits_and_is_accessible(visit: Visits, address: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed in frontend/node_modules")
    person = visit(user="", address=address, width=360, theme="dark", language="nl")
    sign_in(person, GOOD)
    person.page.goto(f"{HOME}/fleet")
    expect(person.page.get_by_role("listitem").filter(has_text=GONE).first).to_be_visible()
    settle(person.page, whole=True)
    assert width_of(person.page) <= 360
    assert violations(person.page) == []
    assert left_over(person.page) == []
    assert person.complaints == []


def test_whoever_has_one_site_sees_no_others(visit: Visits, address: str) -> None:
    person = visit(user="", address=address)
    sign_in(person, GOOD, BOARD)
    page = person.page
    page.goto(HOME)
    expect(heading(page, "Overview")).to_be_visible()
    settle(page)
    side = page.locator("header.side")
    expect(side).to_contain_text(GOOD)
    expect(side.get_by_role("link", name="All sites")).to_have_count(0)
    assert BAD not in page.content()

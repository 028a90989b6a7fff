"""The dashboard on the site itself: who sees it, what guards it, and that all of it works in a browser."""

import json
import shutil
from collections.abc import Iterator
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from baken.api import web
from tests.conftest import in_ci
from tests.e2e import browsing
from tests.e2e.served import eventually
from tests.frappe.benches import Bench
from tests.frappe.serving import PASSWORD, Served, serving

pytestmark = pytest.mark.timeout(1800)

HOME = "/monitoring_dashboard"
ADMIN, ACCOUNTANT, MEMBER = "els@example.test", "bram@example.test", "lies@example.test"

_PEOPLE = f"""
people = [
    ("{ADMIN}", "Els", "System User", "nl", ["System Manager"]),
    ("{ACCOUNTANT}", "Bram", "System User", "en", ["Report Manager"]),
    ("{MEMBER}", "Lies", "Website User", "nl", []),
]
for email, name, kind, language, roles in people:
    user = frappe.get_doc({{
        "doctype": "User", "email": email, "first_name": name, "last_name": "de Vries", "user_type": kind,
        "language": language, "send_welcome_email": 0, "new_password": "{PASSWORD}",
        "roles": [{{"role": role}} for role in roles],
    }})
    user.flags.no_welcome_mail = True
    user.insert(ignore_permissions=True)
"""

# More errors than the rule allows within an hour.
_ERRORS = """
for _ in range(14):
    error = "Traceback (most recent call last):\\n  File \\"pay.py\\", line 3, in pay\\nValueError: it broke"
    frappe.get_doc({"doctype": "Error Log", "method": "pay", "error": error}).insert(ignore_permissions=True)
frappe.db.commit()
import time
from baken.frappe_host import tasks
from baken.frappe_host.host import present
# A site that has errors already: its older ones are read first.
ends = time.monotonic() + 150
answer = None
while answer is None and time.monotonic() < ends:
    tasks.collect()
    alerts = present().invoke("baken.get_alerts", {"limit": 100})["alerts"]
    # What does not hang on how the machine of the tests fares.
    about = [alert["number"] for alert in alerts if alert["rule"] in ("HIGH_ERROR_RATE", "CREDENTIALS_IN_ERRORS")]
    answer = about[0] if about else None
    time.sleep(0 if answer else 5)
"""

_LINK = """
from baken import clock
from baken.alerts import links
from baken.frappe_host.host import present
answer = links.make(present().key, NUMBER, "Els", clock.now())
"""

_AUDIT = """
from sqlalchemy import text
from baken.frappe_host.host import present
with present().store.read() as conn:
    rows = conn.execute(text("SELECT site, user, action, target FROM baken_audit ORDER BY id")).all()
answer = [list(row) for row in rows]
"""


@pytest.fixture(scope="module")
def served(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A site with Baken and three people in it, behind Frappe's development server."""
    with bench.site(frozenset({"frappe"})) as site:
        site.run("migrate", "--skip-search-index")
        site.run("install-app", "baken")
        site.python(_PEOPLE)
        with serving(site, tmp_path_factory.mktemp("served")) as found:
            yield found


@pytest.fixture(scope="module")
def alert(served: Served) -> int:
    """The number of an alert that is open."""
    number = served.site.python(_ERRORS)
    assert isinstance(number, int), "no alert about the errors"
    return number


def state(served: Served, alert: int) -> tuple[str, str]:
    """What has become of an alert, and by whom."""
    code = f"""
from baken.frappe_host.host import present
answer = present().invoke("baken.get_alerts", {{"limit": 100}})["alerts"]
answer = next([alert["status"], alert["acknowledged_by"]] for alert in answer if alert["number"] == {alert})
"""
    status, who = served.site.python(code)
    return status, who


def test_a_guest_is_sent_to_frappes_own_login_and_back(served: Served) -> None:
    with served.visitor() as guest:
        answer = guest.http.get(f"{HOME}/errors?range=7d")
        assert answer.status_code == 302
        assert answer.headers["location"] == f"/login?redirect-to={HOME}/errors%3Frange%3D7d"
        assert answer.headers["cache-control"] == "no-store, private"


def test_the_page_has_its_guards_and_is_kept_by_nobody(served: Served) -> None:
    with served.visitor(ADMIN) as admin:
        for path in (HOME, f"{HOME}/alerts/12", f"{HOME}/no/such/view"):
            answer = admin.http.get(path)
            assert answer.status_code == 200
            assert answer.content == (web.PUBLIC / "index.html").read_bytes()
            assert answer.headers["cache-control"] == "no-store, private"
            for name, value in web.SECURITY_HEADERS:
                assert answer.headers.get_list(name) == [value]
        # Nothing of it is said about the site's own pages.
        assert "content-security-policy" not in admin.http.get("/me").headers
        assert admin.http.get(f"{HOME}x").status_code == 404
        assert admin.http.post(HOME, headers={"X-Frappe-CSRF-Token": admin.token()}).status_code == 405


def test_who_lacks_the_role_is_told_so_and_it_is_in_the_audit_trail(served: Served) -> None:
    with served.visitor(ACCOUNTANT) as accountant:
        answer = accountant.http.get(f"{HOME}/sepa")
        assert answer.status_code == 403
        assert "Bram de Vries, the monitoring dashboard needs the role System Manager or" in answer.text
        assert accountant.http.get("/api/method/baken.get_session").status_code == 403
    with served.visitor(MEMBER) as member:
        answer = member.http.get(f"{HOME}/sepa")
        assert answer.status_code == 403
        assert "Geen toegang" in answer.text
    trail = served.site.python(_AUDIT)
    for user in (ACCOUNTANT, MEMBER):
        assert trail.count([served.site.name, user, "access refused", f"{HOME}/sepa"]) == 1


def test_a_link_that_names_a_site_leads_to_this_one(served: Served) -> None:
    with served.visitor(ADMIN) as admin:
        answer = admin.http.get(f"{HOME}/errors?site=other.test&range=7d")
        assert (answer.status_code, answer.headers["location"]) == (302, f"{HOME}/errors?range=7d")


def test_the_worker_may_serve_the_dashboard_and_nothing_of_the_desk(served: Served) -> None:
    with served.visitor() as guest:
        worker = guest.http.get(f"{HOME}/sw.js")
        assert worker.status_code == 200
        assert worker.headers["content-type"].startswith("text/javascript")
        assert worker.headers["service-worker-allowed"] == HOME
        # The answer sets Frappe's cookie as well: no shared cache may keep it.
        assert worker.headers["cache-control"] == "private, no-cache"
        assert "worker-src 'self'" in worker.headers["content-security-policy"]
        again = guest.http.get(f"{HOME}/sw.js", headers={"If-None-Match": worker.headers["etag"]})
        assert again.status_code == 304
        for name in ("manifest.webmanifest", "manifest.nl.webmanifest"):
            manifest = guest.http.get(f"{HOME}/{name}")
            assert manifest.headers["content-type"] == "application/manifest+json"
            assert json.loads(manifest.content)["scope"] == HOME
            assert json.loads(manifest.content)["start_url"] == HOME
        assert guest.http.get(f"{HOME}/index.html").status_code == 302


def test_baken_changes_nothing_about_where_people_land(served: Served) -> None:
    if served.site.bench.version < 15:
        pytest.skip("Frappe 14 has no list of apps")
    with served.visitor() as admin:
        landed = admin.sign_in(ADMIN)["home_page"]
        assert landed in ("/app", "/desk")
        apps = admin.http.get("/api/method/frappe.apps.get_apps").raise_for_status().json()["message"]
        (own,) = [app for app in apps if app["name"] == "baken"]
        assert (own["title"], own["route"]) == ("Baken", HOME)
        assert admin.http.get(own["logo"]).status_code == 200
    with served.visitor(ACCOUNTANT) as accountant:
        apps = accountant.http.get("/api/method/frappe.apps.get_apps").raise_for_status().json()["message"]
        assert not [app for app in apps if app["name"] == "baken"]


def test_the_link_of_a_message_acknowledges_once(served: Served, alert: int) -> None:
    reopened = f"""
from baken.frappe_host.host import present
present().invoke("baken.resolve_alerts", {{"alerts": "{alert}"}})
present().invoke("baken.reopen_alerts", {{"alerts": "{alert}"}})
"""
    for user in ("", ADMIN):
        link = served.site.python(_LINK.replace("NUMBER", str(alert)))
        with served.visitor(user) as somebody:
            if user:
                somebody.token()  # from now on Frappe wants it with every form
            page = somebody.http.get("/alerts/act", params={"t": link})
            assert page.status_code == 200
            assert state(served, alert)[0] == "Active"
            fields = {"t": link}
            if user:
                fields["csrf_token"] = page.text.split('name="csrf_token" value="')[1].split('"')[0]
            foreign = somebody.http.post("/alerts/act", data=fields, headers={"Sec-Fetch-Site": "cross-site"})
            assert foreign.status_code == 400
            assert state(served, alert)[0] == "Active"
            done = somebody.http.post("/alerts/act", data=fields)
            assert done.status_code == 200
            assert "Els" in done.text
            assert somebody.http.post("/alerts/act", data=fields).status_code == 409
        status, who = state(served, alert)
        assert status == "Acknowledged"
        assert who.startswith("Els (")
        served.site.python(reopened)
    with served.visitor() as guest:
        assert guest.http.get("/alerts/act", params={"t": "abc"}).status_code == 400
        assert guest.http.get("/alerts/act.css").headers["content-type"].startswith("text/css")


def test_a_broken_baken_breaks_its_own_page_alone(served: Served) -> None:
    served.site.configure(baken=5)
    try:
        with served.visitor(ADMIN) as admin:
            # Frappe 16 reads a site's configuration once a minute.
            eventually(lambda: admin.http.get(HOME).status_code == 500, "the broken settings are read")
            assert "logs/baken.log" in admin.http.get(HOME).text
            assert admin.http.get("/me").status_code == 200
            assert admin.http.get("/api/method/frappe.auth.get_logged_user").json() == {"message": ADMIN}
        served.site.configure(baken={"enabled": False})
        with served.visitor(ADMIN) as admin:
            eventually(lambda: admin.http.get(HOME).status_code == 503, "Baken is switched off")
            assert "Baken staat uit" in admin.http.get(HOME).text
    finally:
        served.site.configure(baken=None)
        with served.visitor(ADMIN) as admin:
            eventually(lambda: admin.http.get(HOME).status_code == 200, "Baken is there again")


def _missing(what: str) -> NoReturn:
    if in_ci():
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser(bench: Bench) -> Iterator[Browser]:
    """Chromium; skips with the reason when it, the built front end or the bench's own assets are missing."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        _missing("Chromium is not installed")
    if not (bench.source / "sites" / "assets" / "baken" / "index.html").is_file():
        _missing(f"{bench.source.name} has no assets of Baken; run bench build --app baken there")
    expect.set_options(timeout=browsing.PATIENCE)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=flags)
        yield launched
        launched.close()


def sign_in(page: Page, user: str) -> None:
    """Sign in at Frappe's page, where the browser is, and wait for the dashboard."""
    page.locator("#login_email").fill(user)
    page.locator("#login_password").fill(PASSWORD)
    page.locator(".btn-login:visible").first.click()
    page.wait_for_url(f"**{HOME}**")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_an_administrator_works_with_it_in_a_browser(served: Served, alert: int, browser: Browser) -> None:
    context = browser.new_context(base_url=served.address, locale="en-GB", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(browsing.PATIENCE)
    page = context.new_page()
    page.goto(f"{HOME}/alerts?tab=rules")
    assert "/login?redirect-to=" in page.url
    sign_in(page, ADMIN)
    assert page.url.endswith(f"{HOME}/alerts?tab=rules")
    complaints: list[str] = []
    browsing.listen(page, complaints)
    # The language of Frappe's user, not the browser's.
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    side = page.locator("header.side")
    expect(side.get_by_role("link", name="Naar de Desk")).to_have_attribute("href", "/app")
    expect(page.locator('a[href="/api/docs"]')).to_have_count(0)

    page.goto(f"{HOME}/alerts/{alert}")
    page.get_by_role("button", name="Bevestigen").first.click()
    expect(page.get_by_role("main")).to_contain_text("Bevestigd")
    assert state(served, alert) == ("Acknowledged", ADMIN)

    side.get_by_role("button", name="EN English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    views = [str(link.get_attribute("href")) for link in side.locator("nav a").all()]
    assert len(views) > 8
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for path in views:
            page.goto(path)
            browsing.settle(page)
            assert page.locator("h1").count() == 1, path
            assert browsing.width_of(page) <= width, path
            assert browsing.raw_keys(page) == [], path

    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{HOME}/settings?tab=profile")
    browsing.settle(page)
    assert browsing.violations(page) == []
    page.set_viewport_size({"width": 360, "height": 800})

    scopes = page.evaluate("navigator.serviceWorker.ready.then(found => [found.scope, found.active.scriptURL])")
    assert scopes == [f"{served.address}{HOME}", f"{served.address}{HOME}/sw.js"]

    page.locator("nav.thumb .all").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login*")
    assert complaints == []
    page.goto(f"{HOME}/errors")
    assert "/login?redirect-to=" in page.url
    context.close()


def test_the_refusal_can_be_read_by_everybody(served: Served, browser: Browser) -> None:
    context = browser.new_context(base_url=served.address, locale="en-GB", viewport={"width": 360, "height": 740})
    context.set_default_timeout(browsing.PATIENCE)
    page = context.new_page()
    page.goto("/login")
    signed = context.request.post("/api/method/login", form={"usr": ACCOUNTANT, "pwd": PASSWORD})
    assert signed.ok
    answer = page.goto(HOME)
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("heading", name="Not permitted")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).borderTopStyle") == "solid"
    assert browsing.width_of(page) <= 360
    assert browsing.violations(page) == []
    context.close()


def test_a_session_that_ends_elsewhere_leads_to_frappes_login(served: Served, browser: Browser) -> None:
    context = browser.new_context(base_url=served.address, locale="en-GB")
    context.set_default_timeout(browsing.PATIENCE)
    page = context.new_page()
    page.goto(f"{HOME}/settings")
    sign_in(page, ADMIN)
    browsing.settle(page)
    context.clear_cookies(name="sid")
    # Whatever the page asks for next: this, or what it looks at by itself.
    page.evaluate("() => void document.querySelector('button.control.now')?.click()")
    page.wait_for_url("**/login?redirect-to=**")
    sign_in(page, ADMIN)
    assert page.url.split("?")[0].endswith(f"{HOME}/settings")
    context.close()


def test_without_a_connection_it_shows_what_it_had(served: Served, alert: int, browser: Browser) -> None:
    context = browser.new_context(base_url=served.address, locale="en-GB")
    context.set_default_timeout(browsing.PATIENCE)
    page = context.new_page()
    page.goto(f"{HOME}/alerts")
    sign_in(page, ADMIN)
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.goto(f"{HOME}/alerts/{alert}")
    browsing.settle(page)
    context.set_offline(True)
    answer = page.goto(f"{HOME}/alerts/{alert}")
    assert answer is not None
    assert answer.header_value("content-security-policy") == web.CONTENT_SECURITY_POLICY
    browsing.settle(page)
    expect(page.get_by_role("main")).to_contain_text(f"BA-{alert:06}")
    # Signed out in the Desk meanwhile, which the worker does not see: what was kept opens for nobody.
    context.add_cookies([{"name": "user_id", "value": "Guest", "url": served.address}])
    page.goto(f"{HOME}/alerts", wait_until="commit")
    page.wait_for_function("() => location.protocol === 'chrome-error:'")
    context.set_offline(False)
    page.goto("/alerts/act.css")
    assert page.evaluate("caches.has('baken-kept')") is False
    context.close()

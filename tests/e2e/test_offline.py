"""Without a connection, in Chromium: the page opens with what was last known; nothing outlives its person. Push."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page

from baken.alerts import lifecycle
from baken.server import pages
from tests.alerts.pushed import NETWORK
from tests.api.alerted import TOLD, fire
from tests.api.alerted import row as alert_row
from tests.e2e.served import Way
from tests.server.world import ADMIN, BOARD, PASSWORD, World, make_world
from tests.servers import free_port

PATIENCE = 60_000
KEPT = """async () => {
  if (!(await caches.has('baken-kept'))) return null
  const cache = await caches.open('baken-kept')
  return (await cache.keys()).map((each) => new URL(each.url).pathname.replace('/api/method/', ''))
}"""
SERVED = "() => navigator.serviceWorker.controller !== null"
SESSION = """async () => {
  const found = await fetch('/api/method/baken.get_session')
  return {status: found.status, kept: found.headers.get('X-Baken-Kept'), ...(await found.json()).message}
}"""


def until(page: Page, script: str, wanted: Callable[[Any], bool] = bool) -> Any:
    """Ask the page again and again until the answer is as wanted; the answer."""
    found: Any = None
    for _ in range(PATIENCE // 100):
        found = page.evaluate(script)
        if wanted(found):
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"still {found!r}")


@dataclass
class Place:
    """A server behind a way that can be closed, and the browser of somebody who is not signed in yet."""

    world: World
    way: Way
    context: BrowserContext
    page: Page

    def sign_in(self, user: str = ADMIN) -> None:
        """Sign in and wait until the worker serves the page and has kept something."""
        self.page.goto("/login")
        self.page.fill("input[name=usr]", user)
        self.page.fill("input[name=pwd]", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/monitoring_dashboard*")
        self.page.wait_for_function(SERVED, polling=100)
        self.page.reload()
        self.page.wait_for_selector("h1")
        self.wait_kept("baken.get_session")

    def kept(self) -> list[str] | None:
        """Methods whose answers are kept; None: there is no such cache."""
        found: list[str] | None = self.page.evaluate(KEPT)
        return found

    def wait_kept(self, name: str) -> None:
        """Wait until an answer of a method is kept."""
        until(self.page, KEPT, lambda found: name in (found or []))

    def session(self) -> dict[str, Any]:
        """Who is signed in, as a page hears it."""
        found: dict[str, Any] = self.page.evaluate(SESSION)
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, int]]:
    told = TOLD | {"public_url": "", "allow_private": [NETWORK]}
    with make_world(tmp_path_factory.mktemp("world"), public=pages.PUBLIC, more={"alerts": told}) as world:
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(world.app, port=port, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            threading.Event().wait(0.02)
        yield world, port
        server.should_exit = True
        thread.join()


@pytest.fixture
def place(browser: Browser, running: tuple[World, int]) -> Iterator[Place]:
    world, port = running
    way = Way(port)
    way.open()
    address = f"http://127.0.0.1:{way.port}"
    context = browser.new_context(
        locale="en-GB", timezone_id="Europe/Amsterdam", base_url=address, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    context.grant_permissions(["notifications"], origin=address)
    context.add_init_script("localStorage.setItem('baken.language', 'en')")
    yield Place(world, way, context, context.new_page())
    context.close()
    way.close()


def test_the_page_opens_without_a_connection_and_says_from_when_it_is(place: Place) -> None:
    place.sign_in()
    place.page.goto("/monitoring_dashboard/alerts")
    place.page.wait_for_selector("h1")
    place.wait_kept("baken.get_alerts")
    assert place.session()["kept"] is None
    place.way.close()
    place.page.reload()
    assert place.page.locator("h1").inner_text() == "Alerts"
    found = place.session()
    assert found["user"] == ADMIN and found["kept"]
    # What a session is secret by is not on the disk.
    assert found["csrf_token"] == ""
    assert "csrf" not in json.dumps({key: value for key, value in found.items() if key != "csrf_token"}).lower()
    # A view that was never opened has its code here too.
    place.page.goto("/monitoring_dashboard/errors")
    place.page.wait_for_selector("h1")
    place.way.open()
    until(place.page, SESSION, lambda found: found["kept"] is None)


def test_a_page_from_here_is_guarded_as_one_from_the_server(place: Place) -> None:
    place.sign_in()
    place.way.close()
    answer = place.page.goto("/monitoring_dashboard/alerts")
    assert answer is not None and answer.from_service_worker
    headers = answer.headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_nothing_that_changes_is_done_or_kept_without_a_connection(place: Place) -> None:
    place.sign_in()
    place.way.close()
    failed = place.page.evaluate(
        "async () => { try { await fetch('/api/method/baken.acknowledge_alerts', {method: 'POST', body: '{}'}) }"
        " catch { return true } return false }"
    )
    assert failed
    assert not any(name.startswith("baken.ack") or "changes" in name for name in place.kept() or [])


def test_signing_out_deletes_what_was_kept(place: Place) -> None:
    place.sign_in()
    assert place.kept()
    token = place.session()["csrf_token"]
    place.page.evaluate(
        "(token) => fetch('/api/method/logout', {method: 'POST', headers: {'X-Frappe-CSRF-Token': token}})", token
    )
    assert not place.kept()
    place.way.close()
    assert place.page.evaluate("fetch('/api/method/baken.get_session').then(() => 1, () => 0)") == 0


def test_a_session_that_has_ended_takes_what_was_kept_along(place: Place) -> None:
    place.sign_in()
    assert place.kept()
    place.context.clear_cookies()
    assert place.page.evaluate("fetch('/api/method/baken.get_alerts').then((found) => found.status)") == 403
    until(place.page, KEPT, lambda found: not found)


def test_another_person_finds_nothing_of_the_one_before(place: Place) -> None:
    place.sign_in()
    place.page.goto("/monitoring_dashboard/alerts")
    place.wait_kept("baken.get_alerts")
    # A view that asks for no alerts: none are fetched for the next person meanwhile.
    place.page.goto("/monitoring_dashboard/monitor")
    place.wait_kept("baken.get_monitor")
    # The cookie is another one's from one moment to the next: no sign-out was seen.
    place.context.request.post("/api/method/login", form={"usr": BOARD, "pwd": PASSWORD})
    assert place.session()["user"] == BOARD
    # The page may hear of it by itself, and leaves nothing at all then.
    until(place.page, KEPT, lambda found: not found or "baken.get_alerts" not in found)
    place.way.close()
    assert place.page.evaluate("fetch('/api/method/baken.get_alerts').then(() => 1, () => 0)") == 0
    asked = "fetch('/api/method/baken.get_session').then((each) => each.json(), () => null)"
    assert ADMIN not in str(place.page.evaluate(asked))


def push(place: Place, told: Any) -> None:
    """Deliver a push message, as the browser does that got one."""
    cdp = place.context.new_cdp_session(place.page)
    found: list[dict[str, Any]] = []
    cdp.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    cdp.send("ServiceWorker.enable")
    for _ in range(PATIENCE // 50):
        if found:
            break
        place.page.wait_for_timeout(50)
    registration = next(each for each in found if each["scopeURL"].endswith("/monitoring_dashboard"))
    origin = registration["scopeURL"].removesuffix("/monitoring_dashboard")
    data = told if isinstance(told, str) else json.dumps(told)
    cdp.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": registration["registrationId"], "data": data},
    )


SHOWN = """async () => {
  const found = await navigator.serviceWorker.ready.then((each) => each.getNotifications())
  return found.map(({title, body, tag, silent, requireInteraction, actions, data}) =>
    ({title, body, tag, silent, requireInteraction, actions: (actions ?? []).map((each) => each.action), data}))
}"""
PRESS = """async ([tag, action]) => {
  const [notification] = await self.registration.getNotifications({tag})
  self.dispatchEvent(new NotificationEvent('notificationclick', {notification, action}))
}"""


def news(number: int, **changes: Any) -> dict[str, Any]:
    """A message about an alert, as Baken sends it."""
    told = {
        "title": "Critical: The database is down", "body": "vereniging.test", "severity": "CRITICAL",
        "tag": f"baken-alert-{number}", "url": f"/monitoring_dashboard/alerts/{number}", "site": "vereniging.test",
        "language": "en", "alert": number, "done": [], "quiet": False, "at": "2026-11-27T21:04:00Z",
        "acknowledge": "Acknowledge", "open": "Open",
    }  # fmt: skip
    return told | changes


def wait_shown(place: Place, titles: list[str]) -> list[dict[str, Any]]:
    """Wait until messages with these titles are on the screen, and no others; what they say."""
    found: list[dict[str, Any]] = until(
        place.page, SHOWN, lambda shown: sorted(each["title"] for each in shown) == sorted(titles)
    )
    return found


def test_push_messages_are_shown_replaced_and_acted_upon(place: Place) -> None:
    place.sign_in()
    number = fire(place.world.store)
    push(place, news(number))
    (shown,) = wait_shown(place, ["Critical: The database is down"])
    assert (shown["actions"], shown["requireInteraction"], shown["silent"]) == (["acknowledge", "open"], True, False)
    # Another alert beside it; then the first is over, which replaces what stands there.
    push(place, news(number + 1, title="Critical: Another"))
    wait_shown(place, ["Critical: Another", "Critical: The database is down"])
    over = news(number + 1, title="Over: Another", severity="over", alert=None, done=[number + 1], quiet=True)
    push(place, over)
    shown = next(each for each in wait_shown(place, ["Critical: The database is down", "Over: Another"])
                 if each["title"] == "Over: Another")  # fmt: skip
    assert (shown["silent"], shown["actions"]) == (True, ["open"])
    # What is known to be done is taken off the screen, whatever the message itself is about.
    push(place, news(99, title="Two more", tag="baken-alert-vereniging.test", done=[number + 1], alert=None))
    wait_shown(place, ["Critical: The database is down", "Two more"])

    worker = place.context.service_workers[0]
    worker.evaluate(PRESS, [f"baken-alert-{number}", "acknowledge"])
    for _ in range(PATIENCE // 50):
        if alert_row(place.world.store, number).status == lifecycle.ACKNOWLEDGED:
            break
        place.page.wait_for_timeout(50)
    row = alert_row(place.world.store, number)
    assert (row.status, row.acknowledged_by) == (lifecycle.ACKNOWLEDGED, ADMIN)
    wait_shown(place, ["Two more"])

    # It was acknowledged already: the page shows how things stand.
    push(place, news(number))
    wait_shown(place, ["Critical: The database is down", "Two more"])
    worker.evaluate(PRESS, [f"baken-alert-{number}", "acknowledge"])
    place.page.wait_for_url(f"**/monitoring_dashboard/alerts/{number}")


def test_pressing_a_message_goes_to_the_alert(place: Place) -> None:
    place.sign_in()
    number = fire(place.world.store, labels={"queue": "short"})
    push(place, news(number))
    wait_shown(place, ["Critical: The database is down"])
    place.context.service_workers[0].evaluate(PRESS, [f"baken-alert-{number}", ""])
    place.page.wait_for_url(f"**/monitoring_dashboard/alerts/{number}")
    # Whatever was sent, only pages of the dashboard are opened.
    push(place, news(5, url="https://evil.example/"))
    (shown,) = wait_shown(place, ["Critical: The database is down"])
    assert shown["data"]["url"] == "/monitoring_dashboard"


def test_a_message_that_cannot_be_read_is_news_all_the_same(place: Place) -> None:
    place.sign_in()
    push(place, "no JSON")
    (shown,) = wait_shown(place, ["Baken"])
    assert shown["body"] == "There is news in Baken."


def test_the_app_can_be_installed(place: Place) -> None:
    place.sign_in()
    cdp = place.context.new_cdp_session(place.page)
    found = cdp.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert (manifest["start_url"], manifest["display"]) == ("/monitoring_dashboard", "standalone")
    hindrances = {each["errorId"] for each in cdp.send("Page.getInstallabilityErrors")["installabilityErrors"]}
    # The tests' browser is always a private one.
    assert hindrances <= {"in-incognito"}
    for icon in manifest["icons"]:
        answer = place.context.request.get(icon["src"])
        assert answer.headers["content-type"] == "image/png", icon
        size = place.page.evaluate(
            "async (src) => { const found = await createImageBitmap(await (await fetch(src)).blob());"
            " return `${found.width}x${found.height}` }",
            icon["src"],
        )
        assert size == icon["sizes"]


def test_a_newer_build_takes_over_and_pages_that_are_open_go_on(place: Place, running: tuple[World, int]) -> None:
    """The files of the build before stay for the pages that came with it; those before that go."""
    place.sign_in()
    caches = place.page.evaluate("caches.keys()")
    assert len([each for each in caches if each.startswith("baken-shell-")]) == 1
    place.page.evaluate(
        """async () => {
          for (const [name, at] of [['baken-shell-old', 1], ['baken-shell-older', 0.5]]) {
            const cache = await caches.open(name)
            await cache.put('/monitoring_dashboard?made', new Response(String(at)))
            await cache.put('/assets/baken/assets/Gone-abcdefgh.js', new Response('export default 1'))
          }
          const registration = await navigator.serviceWorker.getRegistration('/monitoring_dashboard')
          await registration.unregister()
        }"""
    )
    place.page.reload()
    place.page.wait_for_function(SERVED, polling=100)
    left = until(place.page, "caches.keys()", lambda found: "baken-shell-older" not in found)
    assert "baken-shell-old" in left
    answer = place.page.evaluate("fetch('/assets/baken/assets/Gone-abcdefgh.js').then((found) => found.text())")
    assert answer == "export default 1"

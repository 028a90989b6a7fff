"""Take the pictures of README and docs: the demo in Chromium, in each width, colours and language.

    python scripts/screenshots.py [--url http://127.0.0.1:8800] [--out docs/pictures] [--all]

Needs a running demo and Chromium. Without --all only the pictures that README and docs show; with it every view, as
whole pages. The picture of all sites needs several: `make demo DEMO="--sites 5"`.
"""

import argparse
import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooLong

WIDTHS = {"phone": 360, "tablet": 768, "desktop": 1440}
HEIGHTS = {"phone": 740, "tablet": 1024, "desktop": 900}
COLOURS = ("light", "dark", "contrast")
LANGUAGES = ("en", "nl")

HOME = "/monitoring_dashboard"
VIEWS = {
    "overview": "",
    "alerts": "/alerts",
    "alerts-statistics": "/alerts?tab=statistics",
    "alert": "/alerts/{alert}",
    "errors": "/errors?hours=168",
    "errors-where": "/errors?hours=168&tab=where",
    "system": "/system?range=24h",
    "heartbeats": "/heartbeats",
    "members": "/members?range=30d",
    "sepa": "/sepa?range=30d",
    "explorer": "/explorer?m=frappe_errors%7Bwindow%3D1h%7D&m=frappe_request_seconds&range=24h",
    "board": "/dashboards/{board}?range=30d",
    "dashboards": "/dashboards",
    "reports": "/reports?period=weekly",
    "monitor": "/monitor?range=24h",
    "settings": "/settings",
    "profile": "/settings?tab=profile",
    "fleet": "/fleet",
}
"""Paths below HOME; an alert and a dashboard are looked up."""

SHOWN = {
    ("overview", "desktop", "light", "en"),
    ("overview", "phone", "dark", "nl"),
    ("errors", "desktop", "light", "en"),
    ("errors-where", "desktop", "light", "en"),
    ("alert", "desktop", "light", "en"),
    ("alerts", "phone", "dark", "nl"),
    ("system", "desktop", "dark", "en"),
    ("heartbeats", "desktop", "light", "en"),
    ("explorer", "desktop", "light", "en"),
    ("board", "desktop", "light", "nl"),
    ("fleet", "desktop", "light", "en"),
}
"""What README and docs show: view, width, colours, language."""

PART = {"system": "#web"}
"""Where a picture that is no whole page begins, when that is not the top."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Of these the course says most; of the first that there is.
TOLD = ("HIGH_ERROR_RATE", "DAILY_ERRORS", "HIGH_JOB_QUEUE")

_TEMPLATES = Path(__file__).parent.parent / "frontend/src/views/dashboards/templates.json"
_COLOURS = 256
_SETTLES_MS = 700

Colour = tuple[int, int, int]


def chromium() -> str:
    """Path of the installed Chromium; leaves with a hint when there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    sys.exit("no Chromium found; install it (Debian: apt install chromium)")


def sign_in(page: Page, url: str) -> None:
    """Sign in to the demo as its administrator."""
    page.goto(f"{url}/login")
    page.fill("input[name=usr]", "admin@example.test")
    page.fill("input[type=password]", "baken-demo")
    page.click("button[type=submit]")
    page.wait_for_url(f"**{HOME}*")


def ask(page: Page, url: str, method: str, **args: Any) -> Any:
    """The answer of a method that reads. Leaves with a message when it is refused."""
    answer = page.request.get(f"{url}/api/method/{method}", params=args)
    if not answer.ok:
        sys.exit(f"{method}: {answer.status} {answer.text()[:300]}")
    return answer.json()["message"]


def told_alert(page: Page, url: str) -> str:
    """The number of an alert with a course: an open one, or else the newest; empty when there is none."""
    for status in ("open", "all"):
        for rule in TOLD:
            found = ask(page, url, "baken.get_alerts", status=status, rule=rule, days=30, limit=1)["alerts"]
            if found:
                return str(found[0]["number"])
    return ""


@contextmanager
def board(page: Page, url: str, language: str) -> Iterator[str]:
    """The treasurer's dashboard, made for the picture and deleted after it; its id."""
    templates = json.loads(_TEMPLATES.read_text(encoding="utf-8"))
    template = next(one for one in templates if one["key"] == "treasurer")
    title = {"en": "Treasurer", "nl": "Penningmeester"}[language]
    body = json.dumps({"format": "baken-dashboard", "version": 1, "panels": template["panels"]})
    head = {"X-Frappe-CSRF-Token": ask(page, url, "baken.get_session")["csrf_token"]}
    place = f"{url}/api/method/baken"
    made = page.request.post(f"{place}.save_dashboard", headers=head, data={"title": title, "body": body})
    if not made.ok:
        sys.exit(f"the dashboard cannot be made: {made.status} {made.text()[:300]}")
    one = made.json()["message"]["dashboard"]
    try:
        yield str(one["dashboard"])
    finally:
        gone = {"dashboard": one["dashboard"], "version": one["version"]}
        page.request.post(f"{place}.delete_dashboard", headers=head, data=gone)


def show(page: Page, address: str) -> None:
    """Open a view and wait until its charts are drawn: they are when they come near."""
    page.goto(address)
    try:
        page.wait_for_load_state("networkidle", timeout=8_000)
    except TooLong:
        # The stream of changes may count as a request that never ends.
        page.wait_for_timeout(_SETTLES_MS)
    page.wait_for_selector("main h1")
    page.evaluate(
        """async () => {
            for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
                scrollTo(0, y)
                await new Promise((done) => setTimeout(done, 200))
            }
            scrollTo(0, 0)
        }"""
    )
    page.mouse.move(0, 0)
    page.wait_for_timeout(2 * _SETTLES_MS)


def keep(picture: bytes, path: Path) -> None:
    """Write a picture with a palette: a third of the size, and what fills areas has exactly its colour."""
    with Image.open(io.BytesIO(picture)) as image:
        plain = image.convert("RGB")
    counted = cast(list[tuple[int, Colour]], plain.getcolors(plain.width * plain.height))
    colours = [colour for _count, colour in sorted(counted, reverse=True)]
    chosen = colours[:_COLOURS]
    # The soft edges of letters make up the rest: the nearest of what is there looks the same.
    place = {colour: at for at, colour in enumerate(chosen)}
    for colour in colours[_COLOURS:]:
        place[colour] = min(range(len(chosen)), key=lambda at: _distance(colour, chosen[at]))
    data = plain.tobytes()
    points = bytes(map(place.__getitem__, zip(data[::3], data[1::3], data[2::3], strict=True)))
    reduced = Image.frombytes("P", plain.size, points)
    reduced.putpalette([value for colour in chosen for value in colour])
    reduced.save(path, optimize=True)


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def take(page: Page, url: str, out: Path, key: tuple[str, str, str, str], *, whole: bool) -> None:
    """Take one picture of a view, as it is in this page's width, colours and language."""
    view, language = key[0], key[3]
    path = VIEWS[view]
    if view == "alert":
        number = told_alert(page, url)
        if not number:
            print("no alert with a course: picture of one left out", file=sys.stderr)
            return
        path = path.format(alert=number)
    if view == "fleet" and len(ask(page, url, "baken.get_session")["sites"]) < 2:
        print('one site only: picture of all left out; make demo DEMO="--sites 5"', file=sys.stderr)
        return
    if view == "board":
        with board(page, url, language) as made:
            show(page, url + HOME + path.format(board=made))
            keep(page.screenshot(full_page=whole), out / f"{'-'.join(key)}.png")
        return
    show(page, url + HOME + path)
    if not whole and view in PART:
        page.locator(PART[view]).evaluate("one => one.scrollIntoView({ block: 'start' })")
        page.wait_for_timeout(_SETTLES_MS)
    keep(page.screenshot(full_page=whole), out / f"{'-'.join(key)}.png")


def pictures(browser: Browser, url: str, out: Path, everything: bool) -> None:
    """Write the pictures to `out`."""
    for colours in COLOURS:
        for language in LANGUAGES:
            for size, width in WIDTHS.items():
                keys = [(view, size, colours, language) for view in VIEWS]
                wanted = [key for key in keys if everything or key in SHOWN]
                if not wanted:
                    continue
                context = browser.new_context(
                    viewport={"width": width, "height": HEIGHTS[size]},
                    has_touch=size == "phone",
                    locale="nl-NL" if language == "nl" else "en-GB",
                    timezone_id="Europe/Amsterdam",
                    reduced_motion="reduce",
                )
                # The user's language on the site counts only while nothing was chosen in the browser.
                context.add_init_script(
                    f"localStorage.setItem('baken.language', '{language}')\n"
                    f"localStorage.setItem('baken.theme', '{colours}')"
                )
                page = context.new_page()
                sign_in(page, url)
                for key in wanted:
                    take(page, url, out, key, whole=everything)
                context.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8800", help="address of the running demo")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder for the pictures")
    parser.add_argument("--all", action="store_true", help="every view, whole pages")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        pictures(browser, given.url, given.out, given.all)
        browser.close()


if __name__ == "__main__":
    main()

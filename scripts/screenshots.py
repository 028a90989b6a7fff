"""Take the pictures of README and docs: the demo in Chromium, in each width, theme and language.

    python scripts/screenshots.py [--url http://127.0.0.1:8800] [--out docs/pictures] [--all]

Needs a running demo (`make demo`) and Chromium; without --all only the pictures that README and docs show.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = {"phone": 360, "tablet": 768, "desktop": 1440}
# An empty path is looked up.
VIEWS = {
    "dashboard": "/monitoring_dashboard",
    "errors": "/monitoring_dashboard/errors?hours=168",
    "errors-where": "/monitoring_dashboard/errors?hours=168&tab=where",
    "alerts": "/monitoring_dashboard/alerts",
    "alerts-statistics": "/monitoring_dashboard/alerts?tab=statistics",
    "alert": "",
    "metrics": "/monitoring_dashboard/metrics",
    "api": "/api/docs",
}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOWN = {
    ("dashboard", "desktop", "light", "en"),
    ("dashboard", "phone", "dark", "nl"),
    ("errors", "desktop", "light", "en"),
    ("errors-where", "desktop", "light", "en"),
    ("alerts", "desktop", "light", "en"),
    ("alerts", "phone", "dark", "nl"),
    ("alert", "desktop", "light", "en"),
}
# Of these the course says most; of the first that there is.
TOLD = ("HIGH_ERROR_RATE", "DAILY_ERRORS", "HIGH_JOB_QUEUE")


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
    page.fill("input[name=usr], input[autocomplete=username]", "admin@example.test")
    page.fill("input[type=password]", "baken-demo")
    page.click("button[type=submit]")
    page.wait_for_url("**/monitoring_dashboard*")


def alert_page(page: Page, url: str) -> str:
    """Path of the page of an alert with a course: an open one, or else the newest."""
    for status in ("open", "all"):
        for rule in TOLD:
            path = f"/api/method/baken.get_alerts?status={status}&rule={rule}&days=30&limit=1"
            answer = page.request.get(url + path)
            alerts = answer.json()["message"]["alerts"]
            if alerts:
                return f"/monitoring_dashboard/alerts/{alerts[0]['number']}"
    return "/monitoring_dashboard/alerts"


def pictures(browser: Browser, url: str, out: Path, everything: bool) -> None:
    """Write the pictures to `out`."""
    for theme in ("light", "dark"):
        for language in ("en", "nl"):
            for size, width in WIDTHS.items():
                views = [view for view in VIEWS if everything or (view, size, theme, language) in SHOWN]
                if not views:
                    continue
                context = browser.new_context(
                    viewport={"width": width, "height": 900},
                    color_scheme="dark" if theme == "dark" else "light",
                    locale="nl-NL" if language == "nl" else "en-GB",
                    timezone_id="Europe/Amsterdam",
                )
                # The user's language on the site counts only while nothing was chosen in the browser.
                context.add_init_script(f"localStorage.setItem('baken.language', '{language}')")
                page = context.new_page()
                sign_in(page, url)
                for view in views:
                    page.goto(url + (VIEWS[view] or alert_page(page, url)))
                    page.wait_for_load_state("networkidle")
                    page.wait_for_timeout(1500)
                    page.screenshot(path=out / f"{view}-{size}-{theme}-{language}.png", full_page=everything)
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

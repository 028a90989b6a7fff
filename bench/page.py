"""What the dashboard weighs, and how soon its figures are on the screen of a browser that was never here."""

import re
import shutil
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.figures import ROOT, Figure, Result, Tell
from bench.serving import Demo, demo

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PUBLIC = ROOT / "baken" / "public"
# Looks at each frame whether the figures are there: the moment is that of the frame that shows them.
WATCH = """
(() => {
  const look = () => {
    if (document.querySelector('%s')) {
      requestAnimationFrame(() => { window.bakenPainted = performance.now() })
    } else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})()
"""
# A figure on a card of the overview, not the place that is kept for it.
FIGURES = ".cells .cell .value .numeric"


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Open the dashboard of the demo in `folder` several times with an empty cache."""
    result = Result(_weight())
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser_path is None:
        result.figures.append(Figure("dashboard painted with data", None, "s", most=1, note="no Chromium here"))
        return result
    with demo(folder) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        try:
            state = _sign_in(browser, running)
            seen = []
            for turn in range(3 if quick else 9):
                tell(f"dashboard in Chromium, visit {turn + 1}")
                seen.append(_visit(browser, running, state))
        finally:
            browser.close()
    painted = [one["painted"] for one in seen]
    result.figures += [
        Figure(
            "dashboard painted with data, empty cache",
            median(painted) / 1000,
            "s",
            most=1,
            note=f"median of {len(seen)} visits, signed in, 1440 × 900; the slowest {max(painted) / 1000:.2f} s; "
            "the browser shares the machine's two cores",
        ),
        Figure(
            "dashboard: first contentful paint",
            median(one["fcp"] for one in seen) / 1000,
            "s",
            note="median of the same visits",
        ),
        Figure(
            "dashboard: transferred until it rests",
            median(one["bytes"] for one in seen) / 1000,
            "kB",
            note=f"{median(one['requests'] for one in seen):.0f} requests, scripts, styles, font and data together",
        ),
    ]
    return result


def _weight() -> list[Figure]:
    shell = (PUBLIC / "index.html").read_text(encoding="utf-8")
    files = sorted(set(re.findall(r'(?:src|href)="/assets/baken/([^"]+\.(?:js|css))"', shell)))
    packed = {kind: sum(_gzipped(name) for name in files if name.endswith(kind)) / 1000 for kind in (".js", ".css")}
    later = [
        path for path in (PUBLIC / "assets").glob("*.js.gz") if f"assets/{path.name.removesuffix('.gz')}" not in files
    ]
    largest = max(later, key=lambda path: path.stat().st_size)
    return [
        Figure(
            "dashboard: entry bundle, gzipped",
            packed[".js"] + packed[".css"],
            "kB",
            most=250,
            note=f"scripts {packed['.js']:.0f} kB, styles {packed['.css']:.0f} kB; loaded later, when needed: "
            f"{sum(path.stat().st_size for path in later) / 1000:.0f} kB, of it {largest.name.split('-')[0]} (charts) "
            f"{largest.stat().st_size / 1000:.0f} kB",
        )
    ]


def _gzipped(name: str) -> int:
    packed = PUBLIC / f"{name}.gz"
    return (packed if packed.is_file() else PUBLIC / name).stat().st_size


def _sign_in(browser: Browser, running: Demo) -> Any:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{running.url}/login")
    page.fill("input[autocomplete=username]", "admin@example.test")
    page.fill("input[type=password]", "baken-demo")
    page.click("button[type=submit]")
    page.wait_for_url("**/monitoring_dashboard*")
    state = context.storage_state()
    context.close()
    return state


def _visit(browser: Browser, running: Demo, state: Any) -> dict[str, float]:
    context = browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        client = context.new_cdp_session(page)
        client.send("Network.enable")
        client.send("Network.setCacheDisabled", {"cacheDisabled": True})
        sizes: list[float] = []
        client.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page.add_init_script(WATCH % FIGURES)
        page.goto(f"{running.url}/monitoring_dashboard")
        page.wait_for_selector(FIGURES, timeout=15_000)
        # Also waits for the frame that shows them.
        page.wait_for_load_state("networkidle")
        painted = page.evaluate("window.bakenPainted")
        fcp = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        return {"painted": painted, "fcp": fcp, "bytes": sum(sizes), "requests": len(sizes)}
    finally:
        context.close()

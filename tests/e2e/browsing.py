"""What tests of the page share: somebody looks at it in Chromium; what they see, and what is wrong with it."""

import contextlib
import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import BrowserContext, Locator, Page, TimeoutError

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
ADMIN, BOARD, PASSWORD = "admin@example.test", "board@example.test", "baken-demo"
HOME = "/monitoring_dashboard"
PATIENCE = 60_000

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What colours and the width of the screen can change.
LOOKS_ALONE = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
_JUDGE = """async (only) => {
  const found = await axe.run({runOnly: only, resultTypes: ['violations']})
  const told = (nodes) => nodes.slice(0, 3).map((one) => one.html.slice(0, 160)).join(' | ')
  return found.violations.map((each) => `${each.id}: ${told(each.nodes)}`)
}"""


Light = Literal["light", "dark"]


@dataclass
class Visit:
    """A page, whose it is, and what its console complained of."""

    context: BrowserContext
    page: Page
    language: str
    width: int
    light: Light = "light"
    complaints: list[str] = field(default_factory=list)

    @property
    def seen(self) -> tuple[Page, list[str]]:
        """The page, and what its console complained of."""
        return self.page, self.complaints

    def another(self) -> Page:
        """One more page of the same person; its complaints count as well."""
        page = self.context.new_page()
        listen(page, self.complaints)
        return page


Visits = Callable[..., Visit]


def listen(page: Page, complaints: list[str]) -> None:
    """Keep what the page's console complains of."""

    def said(kind: str, text: str) -> None:
        # Told by the tests' own browser where it was asked to leave the worker out.
        if kind in ("error", "warning") and "blocked by Playwright" not in text:
            complaints.append(text)

    page.on("console", lambda message: said(message.type, message.text))
    page.on("pageerror", lambda error: said("error", str(error)))


# What waits for an answer within reach of the screen: charts are fetched and drawn as they come near.
_WAITING = """() => [...document.querySelectorAll('[aria-busy=true], .skeleton')]
  .filter((each) => each.checkVisibility())
  .filter((each) => {
    const {top, bottom} = each.getBoundingClientRect()
    return top < innerHeight && bottom > 0
  })"""
_SETTLED = f"""() => document.querySelector('h1') !== null && !({_WAITING})().length"""
_DOWN = """() => {
  const before = scrollY
  scrollBy(0, innerHeight * 0.8)
  return scrollY > before
}"""


def settle(page: Page, *, whole: bool = False) -> None:
    """Wait until everything on the screen has been answered; `whole`: on the page, scrolled down to its end."""
    while True:
        try:
            # Not with each frame: asking costs a layout of the page.
            page.wait_for_function(_SETTLED, polling=100)
        except TimeoutError:
            found = page.evaluate(f"({_WAITING})().map((each) => each.outerHTML.slice(0, 200))")
            raise AssertionError(f"still waiting on {page.url}: {found}") from None
        if not whole or not page.evaluate(_DOWN):
            break
    if whole:
        page.evaluate("scrollTo(0, 0)")


def heading(page: Page, name: str) -> Locator:
    """The view's name."""
    return page.get_by_role("heading", name=name, level=1, exact=True)


def width_of(page: Page) -> int:
    """How wide the page is, in pixels, once what is drawn to the screen's width has followed it."""
    fits = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(fits, polling=100, timeout=5000)
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found


def violations(page: Page, *, looks_alone: bool = False) -> list[str]:
    """What axe finds wrong: WCAG 2.2 AA and good practice; `looks_alone`: in what colours and width can change."""
    # The page's own Content-Security-Policy lets no script in; the tools of the browser may.
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(_axe())
    only = {"type": "rule", "values": LOOKS_ALONE} if looks_alone else {"type": "tag", "values": TAGS}
    found: list[str] = page.evaluate(_JUDGE, only)
    return found


@functools.cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


@functools.cache
def messages(language: str) -> dict[str, str]:
    """All texts of the page in a language, by their keys."""
    source = FRONTEND / "src"
    found: dict[str, str] = {}
    for path in [source / "locales" / f"{language}.json", *sorted(source.glob(f"views/*/{language}.json"))]:
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def raw_keys(page: Page) -> list[str]:
    """Keys of messages that stand on the page in the place of their texts."""
    text = page.locator("body").inner_text()
    return sorted(set(re.findall(r"\b[a-z]\w*(?:\.\w+)+\b", text)) & messages("en").keys())


def left_over(page: Page) -> list[str]:
    """Lines of a Dutch page that are the English text of a message."""
    dutch = messages("nl")
    english = {text: key for key, text in messages("en").items() if dutch.get(key) != text}
    # A word may be that of another message; languages are named in themselves.
    spoken = {*dutch.values(), "Nederlands", "English"}
    lines = {line.strip() for line in page.locator("body").inner_text().splitlines()}
    return sorted(f"{english[line]}: {line}" for line in lines & english.keys() if line not in spoken)

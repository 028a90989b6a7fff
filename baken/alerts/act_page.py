"""`/alerts/act`: the page behind the button of a message. It acknowledges one alert, once, without signing in.

Its address holds the link. The policy that every answer has, same-origin, keeps it from other sites; no-referrer would
keep it no safer, and browsers then send `Origin: null` with the button, as a page of another site may.
"""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row

from baken.alerts import kept_recipients, lifecycle, links, words
from baken.alerts.lifecycle import Act, Refused
from baken.alerts.links import BadLink, Link
from baken.alerts.view import zone_of
from baken.clock import from_ms
from baken.history.store import Store, StoreError
from baken.settings import Settings

log = structlog.get_logger(__name__)

STYLE_PATH = "/alerts/act.css"

STYLE = """
:root { color-scheme: light dark; --ink: #17212b; --soft: #56626f; --page: #f3f5f7; --card: #fff; --line: #d9dfe5;
  --go: #0b63ce; --link: #0b63ce; --low: #2f7f95; --medium: #a86a00; --high: #c4401f; --critical: #b3123a }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf2; --soft: #a3afbb; --page: #10161c; --card: #1a222b; --line: #313c47; --go: #2069d6;
    --link: #7db4ff; --low: #59b3ca; --medium: #e0a33a; --high: #ff8a66; --critical: #ff6f8f }
}
* { box-sizing: border-box }
body { margin: 0; padding: 12vh 1rem 2rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 0 auto; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-top: .25rem solid var(--mark, var(--line)); border-radius: .75rem }
.LOW { --mark: var(--low) } .MEDIUM { --mark: var(--medium) }
.HIGH { --mark: var(--high) } .CRITICAL { --mark: var(--critical) }
h1 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3; overflow-wrap: anywhere }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
form { margin: 1.5rem 0 }
.about, .lead, footer { color: var(--soft); font-size: .875rem }
.about b { color: var(--mark) }
footer { margin-top: 1.5rem; padding-top: 1rem; border-top: 1px solid var(--line) }
button { width: 100%; min-height: 3rem; padding: .75rem 1rem; border: 0; border-radius: .5rem; background: var(--go);
  color: #fff; font: inherit; font-weight: 600; cursor: pointer }
button:hover { filter: brightness(1.1) }
button:focus-visible, a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
a { color: var(--link) }
@media (max-width: 40rem) {
  body { padding: 0; background: var(--card) }
  main { padding: 1.5rem 1.25rem; border-width: .25rem 0 0; border-radius: 0 }
}
"""

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "button": "Acknowledge",
        "lead": "You say that you take this up. It will climb no further, and the others see that you have it.",
        "done": "Acknowledged",
        "thanks": "It is noted that {name} has taken this up at {at}.",
        "not": "Not acknowledged",
        "open": "Open Baken",
        "name": "{name} (link in a message)",
        "since": "{site} · since {at}",
        "host": "all sites",
        "incomplete": "This link is incomplete. Open it from the message again.",
        "foreign": "This link is not from this Baken, or was changed on the way.",
        "old": "This link is too old. Sign in to acknowledge the alert.",
        "used": "This link was used already.",
        "used_back": "This link was used already, and the alert has come back since. Sign in to acknowledge it, "
        "or use the newest message.",
        "gone": "This alert is no longer kept.",
        "taken": "{name} has taken this up already, at {at}.",
        "over": "This is over since {at}.",
        "over_by": "{name} has resolved this already, at {at}.",
        "store": "Baken cannot do this at the moment. Nothing was changed; try it again in a minute.",
    },
    "nl": {
        "button": "Bevestigen",
        "lead": "Je zegt dat je dit oppakt. De melding klimt niet verder, en de anderen zien dat je ermee bezig bent.",
        "done": "Bevestigd",
        "thanks": "Vastgelegd is dat {name} dit om {at} heeft opgepakt.",
        "not": "Niet bevestigd",
        "open": "Baken openen",
        "name": "{name} (link in een bericht)",
        "since": "{site} · sinds {at}",
        "host": "alle sites",
        "incomplete": "Deze link is niet volledig. Open hem opnieuw vanuit het bericht.",
        "foreign": "Deze link komt niet van deze Baken, of is onderweg veranderd.",
        "old": "Deze link is te oud. Meld je aan om de melding te bevestigen.",
        "used": "Deze link is al gebruikt.",
        "used_back": "Deze link is al gebruikt, en de melding is sindsdien teruggekomen. Meld je aan om haar te "
        "bevestigen, of gebruik het nieuwste bericht.",
        "gone": "Deze melding wordt niet meer bewaard.",
        "taken": "{name} heeft dit al opgepakt, om {at}.",
        "over": "Dit is voorbij sinds {at}.",
        "over_by": "{name} heeft dit al opgelost, om {at}.",
        "store": "Baken kan dit nu niet doen. Er is niets veranderd; probeer het over een minuut opnieuw.",
    },
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page for a browser: the HTTP status and the HTML."""

    status: int
    content: str


def show(
    settings: Settings, store: Store, key: bytes, token: str, now: datetime, *, also: Mapping[str, str] | None = None
) -> Shown:
    """The page with the button. Nothing changes by looking at it: programs that follow links look too.

    Args:
        settings: all settings.
        store: the store, migrated.
        key: the installation's key, which signs links.
        token: what the link brought.
        now: the moment, aware UTC.
        also: further fields that the host wants to have back with the button.
    """
    page = _Page(settings, now)
    try:
        link = links.read(key, token, now)
        page.recipient = link.recipient
        with store.read() as conn:
            page.know(kept_recipients.chosen(conn, settings, None).settings)
            row = lifecycle.find(conn, link.alert)
            used = links.used(conn, link)
            page.site_zone = zone_of(conn, row.site) if row is not None else ""
    except BadLink as problem:
        page.recipient = problem.recipient
        return page.refusal(problem.why, 400)
    except StoreError as problem:
        return page.unwell(problem)
    if row is None:
        return page.refusal("gone", 404)
    if row.status != lifecycle.ACTIVE:
        return page.answer(page.title(row), [page.standing(row)], row=row)
    if used:
        return page.answer(page.title(row), [page.text("used_back")], row=row)
    return page.answer(page.title(row), [page.message(row)], row=row, fields={"t": token, **(also or {})})


def act(settings: Settings, store: Store, key: bytes, token: str, now: datetime) -> Shown:
    """What the button does: acknowledge the alert in the name of whom the message was for, and use the link up."""
    page = _Page(settings, now)
    try:
        link = links.read(key, token, now)
        page.recipient = link.recipient
        with store.read() as conn:
            known = kept_recipients.chosen(conn, settings, None).settings
        page.know(known)
        return _acknowledge(known, store, link, page, now)
    except BadLink as problem:
        page.recipient = problem.recipient
        return page.refusal(problem.why, 400)
    except StoreError as problem:
        return page.unwell(problem)


def _acknowledge(settings: Settings, store: Store, link: Link, page: "_Page", now: datetime) -> Shown:
    name = page.text("name", name=link.recipient)
    problem: BadLink | Refused | None = None
    try:
        with store.write() as conn:
            links.use(conn, link, now)
            lifecycle.acknowledge(Act(conn, settings.alerts, now, user=name), link.alert)
    except (BadLink, Refused) as found:
        problem = found
    with store.read() as conn:
        row = lifecycle.find(conn, link.alert)
        page.site_zone = zone_of(conn, row.site) if row is not None else ""
    if row is None:
        return page.refusal("gone", 404)
    if problem is None:
        lines = [page.title(row), page.text("thanks", name=name, at=page.moment(now))]
        return page.answer(page.text("done"), lines, row=row)
    lines = [page.title(row)]
    if isinstance(problem, BadLink):
        lines.append(page.text("used_back" if row.status == lifecycle.ACTIVE else "used"))
    if row.status != lifecycle.ACTIVE:
        lines.append(page.standing(row))
    return page.answer(page.text("not"), lines, row=row, status=409)


class _Page:
    """The page in the recipient's language and time zone, as far as it is known whose link it is."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._settings = settings
        self._now = now
        self.recipient = ""
        self.site_zone = ""

    def know(self, settings: Settings) -> None:
        """Go by settings that also know the recipients who were set in the dashboard."""
        self._settings = settings

    def _wish(self, name: str) -> str:
        found = (getattr(each, name) for each in self._settings.alerts.recipients if each.name == self.recipient)
        return next((str(wish) for wish in found if wish), "") if self.recipient else ""

    @property
    def language(self) -> str:
        """The recipient's language, or that of the settings."""
        return self._wish("language") or self._settings.language

    def text(self, key: str, **fields: str) -> str:
        """One of this module's texts."""
        return _TEXTS[self.language][key].format(**fields)

    def moment(self, at: datetime) -> str:
        """A moment on the recipient's clock."""
        return words.moment(at, self._wish("time_zone") or self.site_zone or "UTC", self.language, now=self._now)

    def title(self, row: Row[Any]) -> str:
        """The alert's title."""
        return self._of(row, "title") or str(row.rule)

    def message(self, row: Row[Any]) -> str:
        """What the alert means."""
        return self._of(row, "message")

    def _of(self, row: Row[Any], part: str) -> str:
        texts: Mapping[str, str] = json.loads(row.texts).get(part) or {}
        return str(texts.get(self.language) or texts.get("en") or "")

    def standing(self, row: Row[Any]) -> str:
        """What has become of an alert that is not active, and by whom."""
        if row.status == lifecycle.ACKNOWLEDGED:
            return self.text("taken", name=row.acknowledged_by, at=self.moment(from_ms(row.acknowledged_at)))
        at = self.moment(from_ms(row.resolved_at))
        return self.text("over_by", name=row.resolved_by, at=at) if row.resolved_by else self.text("over", at=at)

    def refusal(self, key: str, status: int) -> Shown:
        """A link that does not work."""
        return self.answer(self.text("not"), [self.text(key)], status=status)

    def unwell(self, problem: StoreError) -> Shown:
        """The store cannot be used. What it says of itself is for the log: whoever has a link may be anybody."""
        log.error("a link of a message could not be followed", reason=str(problem))
        return self.answer(self.text("not"), [self.text("store")], status=503)

    def answer(
        self,
        title: str,
        lines: list[str],
        *,
        row: Row[Any] | None = None,
        fields: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Shown:
        """The page; with `fields` it has the button, which sends them."""
        escape = html.escape
        about = form = mark = ""
        if row is not None:
            since = self.text("since", site=row.site or self.text("host"), at=self.moment(from_ms(row.fired)))
            severity = words.severity(row.severity, self.language)
            about = f'<p class="about"><b>{escape(severity)}</b> · {escape(since)}</p>'
            mark = f' class="{escape(row.severity)}"'
        if fields:
            hidden = "".join(
                f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
            )
            form = (
                f'<form method="post" action="{links.PATH}"><p class="lead">{escape(self.text("lead"))}</p>{hidden}'
                f"<button>{escape(self.text('button'))}</button></form>"
            )
        home = f"{self._settings.alerts.public_url.rstrip('/')}/monitoring_dashboard/alerts"
        if row is not None:
            home += f"/{row.number}"
        said = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
        content = (
            f'<!doctype html>\n<html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta name="robots" content="noindex"><link rel="stylesheet" href="{STYLE_PATH}">'
            f"<title>{escape(title)} · Baken</title></head>\n"
            f"<body><main{mark}><h1>{escape(title)}</h1>{about}{said}{form}"
            f'<footer><a href="{escape(home)}">{escape(self.text("open"))}</a></footer></main></body></html>\n'
        )
        return Shown(status, content)

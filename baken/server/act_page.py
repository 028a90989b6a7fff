"""`/alerts/act`: the page behind the button of a message. It acknowledges one alert, once, without signing in."""

import html
import json
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from baken import clock
from baken.alerts import lifecycle, links, words
from baken.alerts.lifecycle import Act, Refused
from baken.alerts.links import BadLink
from baken.clock import from_ms
from baken.history.store import Store, StoreError
from baken.settings import Settings

STYLE_PATH = "/alerts/act.css"

STYLE = """
:root { color-scheme: light dark; --ink: #17212b; --soft: #5b6875; --page: #f3f5f7; --card: #fff; --line: #d9dfe5;
  --go: #0b63ce }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf2; --soft: #9aa7b4; --page: #10161c; --card: #1a222b; --line: #313c47; --go: #3d8bfd }
}
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 12vh auto 0; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem }
h1 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3 }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
.soft { color: var(--soft); font-size: .875rem }
button { width: 100%; padding: .8rem 1rem; border: 0; border-radius: .5rem; background: var(--go); color: #fff;
  font: inherit; font-weight: 600; cursor: pointer }
button:focus-visible, a:focus-visible { outline: 3px solid var(--go); outline-offset: 2px }
a { color: var(--go) }
@media (max-width: 40rem) { main { margin: 0; min-height: 100vh; border: 0; border-radius: 0; box-sizing: border-box } }
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
        "since": "{severity} · {site} · since {at}",
        "host": "all sites",
    },
    "nl": {
        "button": "Bevestigen",
        "lead": "U zegt dat u dit oppakt. De melding klimt niet verder, en de anderen zien dat u ermee bezig bent.",
        "done": "Bevestigd",
        "thanks": "Vastgelegd is dat {name} dit om {at} heeft opgepakt.",
        "not": "Niet bevestigd",
        "open": "Baken openen",
        "name": "{name} (link in een bericht)",
        "since": "{severity} · {site} · sinds {at}",
        "host": "alle sites",
    },
}


def style() -> Response:
    """The page's style sheet."""
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


async def token_of(request: Request) -> str:
    """The token of a request: of its query for the page, of its form for the button."""
    if request.method != "POST":
        return request.query_params.get("t", "")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > 4000:
            return ""
    return (parse_qs(body.decode("ascii", "replace")).get("t") or [""])[0]


def show(settings: Settings, store: Store, key: bytes, token: str, now: datetime) -> Response:
    """The page with the button. Nothing changes by looking at it: programs that follow links look too."""
    language: str = settings.language
    try:
        link = links.read(key, token, now)
        language = _language(settings, link.recipient)
        with store.read() as conn:
            row = lifecycle.find(conn, link.alert)
    except BadLink as problem:
        return _page(language, _TEXTS[language]["not"], [str(problem)], settings, status=400)
    if row is None:
        return _page(language, _TEXTS[language]["not"], ["this alert is gone"], settings, status=404)
    texts = json.loads(row.texts)
    title = str((texts.get("title") or {}).get(language) or row.rule)
    if row.status != lifecycle.ACTIVE:
        return _page(language, title, [_standing(row, language)], settings)
    words_of = _TEXTS[language]
    since = words_of["since"].format(
        severity=words.severity(row.severity, language),
        site=row.site or words_of["host"],
        at=words.moment(from_ms(row.fired), "UTC", language) + " UTC",
    )
    message = str((texts.get("message") or {}).get(language) or "")
    form = (
        f'<form method="post" action="{links.PATH}"><input type="hidden" name="t" value="{html.escape(token)}">'
        f"<button>{html.escape(words_of['button'])}</button></form>"
    )
    return _page(language, title, [since, message, words_of["lead"]], settings, form=form)


def act(settings: Settings, store: Store, key: bytes, token: str, now: datetime) -> Response:
    """What the button does: acknowledge the alert in the name of whom the message was for, and use the link up."""
    language: str = settings.language
    try:
        link = links.read(key, token, now)
        language = _language(settings, link.recipient)
        name = _TEXTS[language]["name"].format(name=link.recipient)
        with store.write() as conn:
            links.use(conn, link, now)
            lifecycle.acknowledge(Act(conn, settings.alerts, now, user=name), link.alert)
    except (BadLink, Refused) as problem:
        return _page(language, _TEXTS[language]["not"], [str(problem)], settings, status=409)
    except StoreError as problem:
        return _page(language, _TEXTS[language]["not"], [str(problem)], settings, status=503)
    at = words.moment(clock.now(), "UTC", language) + " UTC"
    return _page(language, _TEXTS[language]["done"], [_TEXTS[language]["thanks"].format(name=name, at=at)], settings)


def _language(settings: Settings, recipient: str) -> str:
    found = next((each.language for each in settings.alerts.recipients if each.name == recipient), "")
    return found or settings.language


def _standing(row: object, language: str) -> str:
    status = words.status(str(getattr(row, "status", "")), language)
    by = str(getattr(row, "resolved_by", "") or getattr(row, "acknowledged_by", ""))
    return f"{status}{f' · {by}' if by else ''}"


def _page(
    language: str, title: str, paragraphs: list[str], settings: Settings, *, form: str = "", status: int = 200
) -> Response:
    lines = "".join(
        f'<p class="soft">{html.escape(text)}</p>' if place == 0 and form else f"<p>{html.escape(text)}</p>"
        for place, text in enumerate(paragraphs)
        if text
    )
    home = html.escape(settings.alerts.public_url.rstrip("/") + "/monitoring_dashboard/alerts")
    content = (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><link rel="stylesheet" href="{STYLE_PATH}">'
        f"<title>{html.escape(title)} · Baken</title></head>\n"
        f"<body><main><h1>{html.escape(title)}</h1>{lines}{form}"
        f'<p class="soft"><a href="{home}">{html.escape(_TEXTS[language]["open"])}</a></p></main></body></html>\n'
    )
    return Response(content, status, {"Referrer-Policy": "no-referrer"}, media_type="text/html")

"""`/monitoring_dashboard` on the site itself: the same built pages, for whom Frappe's session says may see them.

Frappe asks `DashboardPage` for every page of the site, and after a broken answer of a `page_renderer` its own error
page follows: `can_render` looks at the path alone, and whatever goes wrong in `render` ends in Baken's log.
"""

import html
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import frappe
from werkzeug.wrappers import Response

from baken.api import web
from baken.sites.roles import DASHBOARD_ROLES

_ACT = "/alerts/act"
_ACT_STYLE = "/alerts/act.css"
_NO_STORE = {"Cache-Control": "no-store, private"}
# Frappe sets the cookie of the session with every answer: a cache that several people share must keep none.
_REVALIDATED = {"Cache-Control": "private, no-cache"}
_FOR_AN_HOUR = {"Cache-Control": "private, max-age=3600"}

# Browsers ignore it without a secure connection, and call that an error.
_SECURE_ONLY = "cross-origin-opener-policy"

# Where Frappe shows the list of apps. Elsewhere it asks for them to decide where somebody lands after signing in.
_LISTINGS = ("/app", "/apps", "/desk", "/api/method/frappe.apps.get_apps")

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "refused": "Not permitted",
        "refused_why": "{name}, the monitoring dashboard needs the role {roles}. Ask whoever manages this site's users "
        "for it.",
        "missing": "The pages are not built",
        "missing_why": "Baken is installed, but its pages are missing: run bench build --app baken on the server, "
        "then reload this page.",
        "off": "Baken is switched off",
        "off_why": "It does not watch this site at the moment. Whoever manages the site can switch it on in Baken "
        "Settings, or by baken.enabled in site_config.json.",
        "broken": "The dashboard cannot be shown",
        "broken_why": "Something went wrong in Baken; logs/baken.log of the bench says what. The site itself is not "
        "affected.",
        "elsewhere": "Not acknowledged",
        "elsewhere_why": "This request comes from another site. Open the link from the message again.",
        "verb": "Not possible",
        "verb_why": "Nothing can be sent to this address.",
        "or": "or",
        "home": "Back to the site",
    },
    "nl": {
        "refused": "Geen toegang",
        "refused_why": "{name}, voor het monitoringdashboard is de rol {roles} nodig. Vraag erom bij wie de gebruikers "
        "van deze site beheert.",
        "missing": "De pagina's zijn niet gebouwd",
        "missing_why": "Baken is geïnstalleerd, maar de pagina's ontbreken: draai bench build --app baken op de "
        "server en laad deze pagina opnieuw.",
        "off": "Baken staat uit",
        "off_why": "Op dit moment bewaakt het deze site niet. Wie de site beheert, zet het aan in Baken Settings of "
        "via baken.enabled in site_config.json.",
        "broken": "Het dashboard kan niet worden getoond",
        "broken_why": "Er ging iets mis in Baken; logs/baken.log van de bench zegt wat. De site zelf heeft er geen "
        "last van.",
        "elsewhere": "Niet bevestigd",
        "elsewhere_why": "Dit verzoek komt van een andere site. Open de link opnieuw vanuit het bericht.",
        "verb": "Niet mogelijk",
        "verb_why": "Naar dit adres kan niets worden gestuurd.",
        "or": "of",
        "home": "Terug naar de site",
    },
}


class DashboardPage:
    """Frappe's `page_renderer` for the dashboard, and for the one-time links of messages."""

    def __init__(self, path: str | None = None, http_status_code: int | None = None) -> None:
        self.path = "/" + (path or "").strip("/ ")

    def can_render(self) -> bool:
        """Whether a path is one of Baken's."""
        path = self.path
        return path == web.HOME or path.startswith(f"{web.HOME}/") or path in (_ACT, _ACT_STYLE)

    def render(self) -> Response:
        """The page. Never raises."""
        from baken.frappe_host.own_log import guarded

        # What fails here is no error of the site's, which a round would be asked for.
        frappe.flags.baken_answered = True
        with guarded("the page"):
            return _answer(self.path, frappe.local.request)
        return plain(500, "broken")


def may_see() -> bool:
    """Whether the user of the request has a role that may see the dashboard."""
    return bool(DASHBOARD_ROLES.intersection(frappe.get_roles(frappe.session.user)))


def is_listed() -> bool:
    """Whether Baken is among the apps that Frappe 15 and later list for a user: `has_permission` of the apps screen.

    A monitor must not change where people land after signing in, and Frappe takes that from the same list. So it is
    there for somebody who looks at the list, and for whom it was chosen as the first app.
    """
    from baken.frappe_host.own_log import guarded

    with guarded("the list of apps"):
        if not may_see():
            return False
        request = getattr(frappe.local, "request", None)
        path = str(request.path) if request else ""
        if any(path == listing or path.startswith(f"{listing}/") for listing in _LISTINGS):
            return True
        own = frappe.db.get_value("User", frappe.session.user, "default_app")
        return bool((own or frappe.get_system_settings("default_app")) == "baken")
    return False


def plain(status: int, text: str, **fields: str) -> Response:
    """A page without script that says why there is nothing else to see, in the language of the request."""
    language = "nl" if str(frappe.local.lang or "")[:2] == "nl" else "en"
    words = _TEXTS[language]
    title, why = html.escape(words[text]), html.escape(words[f"{text}_why"].format(**fields))
    content = (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><link rel="stylesheet" href="{_ACT_STYLE}">'
        f"<title>{title} · Baken</title></head>\n<body><main><h1>{title}</h1><p>{why}</p>"
        f'<footer><a href="/">{html.escape(words["home"])}</a></footer></main></body></html>\n'
    )
    return _response(content, status)


def _answer(path: str, request: Any) -> Response:
    if path == _ACT:
        return _act(request)
    if request.method not in ("GET", "HEAD"):
        response = plain(405, "verb")
        response.headers["Allow"] = "GET, HEAD"
        return response
    if path == _ACT_STYLE:
        from baken.alerts.act_page import STYLE

        return _response(STYLE, headers=_FOR_AN_HOUR, kind="text/css; charset=utf-8")
    name = path.removeprefix(f"{web.HOME}/")
    if name in web.OWN_FILES:
        return _own_file(name, request)
    return _dashboard(path, request)


def _dashboard(path: str, request: Any) -> Response:
    """The dashboard, for those who may see it."""
    from baken.frappe_host.config import is_enabled

    query = request.query_string.decode("ascii", "replace")
    asked = f"{path}?{query}" if query else path
    if frappe.session.user == "Guest":
        return _to(f"/login?redirect-to={quote(asked, safe='/')}")
    if not may_see():
        _note_refusal(path)
        roles = f" {_word('or')} ".join(sorted(DASHBOARD_ROLES))
        return plain(403, "refused", name=_full_name(), roles=roles)
    if not is_enabled():
        return plain(503, "off")
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(key == "site" for key, _ in pairs):
        # A link of a server that watches several sites. Here it is this one, and a page that asked for another by
        # name would make Frappe look for a session there.
        rest = urlencode([(key, value) for key, value in pairs if key != "site"])
        return _to(f"{path}?{rest}" if rest else path)
    try:
        content = (web.PUBLIC / "index.html").read_bytes()
    except OSError:
        return plain(503, "missing")
    return _response(content)


def _own_file(name: str, request: Any) -> Response:
    """A file that anybody may have: the browser asks for it at any time."""
    try:
        content = (web.PUBLIC / name).read_bytes()
    except OSError:
        return plain(404, "missing")
    if name.endswith(".webmanifest"):
        # The rest of the address is the site's: an installed dashboard does not take it in.
        content = json.dumps(json.loads(content) | {"scope": web.HOME}, ensure_ascii=False).encode()
    response = _response(content, headers=_REVALIDATED, kind=web.OWN_FILES[name])
    if name == web.WORKER:
        response.headers["Service-Worker-Allowed"] = web.WORKER_SCOPE
    response.add_etag()
    return response.make_conditional(request)


def _act(request: Any) -> Response:
    """`/alerts/act`: the one-time link of a message: a page with a button, and what the button does."""
    from baken import clock
    from baken.alerts import act_page
    from baken.frappe_host.host import present

    posted = request.method == "POST"
    if posted and web.is_cross_site(request.headers.get, (request.host.lower(),)):
        return plain(400, "elsewhere")
    token = str((request.form if posted else request.args).get("t") or "")
    host = present()
    if posted:
        shown = act_page.act(host.settings, host.store, host.key, token, clock.now())
    else:
        also = {}
        if frappe.session.user != "Guest":
            # Frappe looks for it before it asks for the page, whenever the browser is signed in.
            also["csrf_token"] = str(frappe.sessions.get_csrf_token())
        shown = act_page.show(host.settings, host.store, host.key, token, clock.now(), also=also)
    return _response(shown.content, shown.status)


def _note_refusal(path: str) -> None:
    from baken import clock
    from baken.api import access
    from baken.frappe_host.host import present
    from baken.frappe_host.own_log import guarded

    with guarded("noting a refused access"):
        host = present()
        access.note_refusal(host.store, host.site.name, frappe.session.user, path, clock.now())


def _word(key: str) -> str:
    return _TEXTS["nl" if str(frappe.local.lang or "")[:2] == "nl" else "en"][key]


def _full_name() -> str:
    return str(frappe.utils.get_fullname(frappe.session.user))


def _to(place: str) -> Response:
    response = _response("", 302)
    response.headers["Location"] = place
    return response


def _response(
    content: str | bytes,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    kind: str = "text/html; charset=utf-8",
) -> Response:
    response = Response(content, status, dict(headers or _NO_STORE), content_type=kind)
    for name, value in web.SECURITY_HEADERS:
        if name != _SECURE_ONLY or _is_secure(frappe.local.request):
            response.headers[name] = value
    return response


def _is_secure(request: Any) -> bool:
    """Whether the browser takes the connection for a secure one, as far as this side of a proxy can tell."""
    told = str(request.headers.get("X-Forwarded-Proto") or request.scheme)
    return told == "https" or request.host.rsplit(":", 1)[0] in ("localhost", "127.0.0.1")

"""Every documented method as a whitelisted function, and the session for the page.

`/api/method/baken.<function>` and the documented names lead here by `override_whitelisted_methods` (`names.py`). A
function is made when it is first asked for, from the method that the registry knows.
"""

import hmac
from collections.abc import Callable
from typing import Any

import frappe
import structlog
from werkzeug.wrappers import Response

from baken import __version__, clock
from baken.api import access, answering, registry
from baken.api.answering import Answer
from baken.api.context import DASHBOARD_ROLES, BadArgument, NotPermitted, Refusal, UnknownMethod, UnknownSite
from baken.api.registry import Method
from baken.frappe_host import config, desk
from baken.frappe_host.host import Host, present
from baken.frappe_host.own_log import guarded
from baken.frappe_host.page import may_see
from baken.history.store import StoreError
from baken.privacy import KeyProblem, masked_trace
from baken.settings import SettingsError
from baken.sites.problems import BenchProblem, SiteProblem

log = structlog.get_logger(__name__)

_NOT_READY = (SettingsError, BenchProblem, KeyProblem)


def __getattr__(name: str) -> Callable[..., Any]:
    """The whitelisted function of the method `baken.<name>`."""
    try:
        entry = registry.find(f"baken.{name}")
    except UnknownMethod as problem:
        raise AttributeError(str(problem)) from None

    def function(**given: Any) -> Any:
        return _asked(entry, given) if _is_asked(entry) else _called(entry, given)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = entry.help
    made: Callable[..., Any] = frappe.whitelist(allow_guest=entry.guest)(function)
    globals()[name] = made
    return made


@frappe.whitelist(allow_guest=True)  # type: ignore[untyped-decorator,unused-ignore]
def get_session() -> Any:
    """Who is signed in, and the token that a POST must bring; asked by the page. The roles of the dashboard only."""

    def body(host: Host) -> Answer:
        call = host.call()
        if call.user is None:
            raise NotPermitted("nobody is signed in")
        if not call.user.roles & DASHBOARD_ROLES:
            access.note_refusal(host.store, host.site.name, call.user.name, "baken.get_session", call.now)
            raise NotPermitted(f"this needs the role {' or '.join(sorted(DASHBOARD_ROLES))}")
        content = {
            "host": "frappe",
            "user": call.user.name,
            "full_name": call.user.full_name,
            "roles": sorted(call.user.roles),
            "site": host.site.name,
            "home_site": host.site.name,
            "sites": [host.site.name],
            "operator": False,
            "more_sites": False,
            "live": False,
            "csrf_token": frappe.sessions.get_csrf_token() if _by_cookie() else "",
            "language": str(frappe.local.lang or ""),
            "version": __version__,
            "demo": False,
        }
        return Answer(answering.encode({"message": content}))

    return _responding("baken.get_session", body)


def _is_asked(entry: Method) -> bool:
    """Whether the request is for this method; code of the site may call it while it answers another request."""
    request = _request()
    if request is None:
        return False
    _, found, name = str(request.path).rpartition("/method/")
    asked = name.strip("/") if found else str(frappe.local.form_dict.get("cmd") or "")
    return asked in (*entry.names, f"{__name__}.{entry.short.rpartition('.')[2]}")


def _called(entry: Method, given: dict[str, Any]) -> Any:
    """A call from code of the site, from a console or `bench execute`: plain values, and Frappe's own exceptions."""
    host = present()
    try:
        own = desk.done_on_document(entry.short, given)
        return own if own is not None else host.invoke(entry.name, given)
    except NotPermitted as problem:
        raise frappe.PermissionError(str(problem)) from None
    except (UnknownMethod, UnknownSite) as problem:
        raise frappe.DoesNotExistError(str(problem)) from None
    except BadArgument as problem:
        raise frappe.ValidationError(str(problem)) from None


def _asked(entry: Method, given: dict[str, Any]) -> Any:
    """A call over HTTP: the same answer, byte for byte, as the standalone server gives."""

    def body(host: Host) -> Answer:
        call = host.call()
        try:
            registry.check_roles(entry, call)
        except NotPermitted:
            if call.user is not None:
                access.note_refusal(host.store, host.site.name, call.user.name, entry.name, call.now)
            raise
        converted = registry.arguments(entry, given)
        refused = _forged(entry.changes(converted))
        if refused is not None:
            return refused
        own = desk.done_on_document(entry.short, converted)
        if own is not None:
            # By a token a GET may change something as well; Frappe keeps what a POST changed only.
            frappe.local.flags.commit = True
            return Answer(answering.encode({"message": own}))
        return answering.run(entry, call, converted, _request().headers.get("Accept-Encoding", ""))

    return _responding(entry.name, body)


def _responding(name: str, body: Callable[[Host], Answer]) -> Response:
    """Answer over HTTP whatever happens; nothing is raised into Frappe, which would log it as the site's error."""
    answer: Answer | None = None
    frappe.flags.baken_answered = True
    with guarded(f"answering {name}"):
        try:
            answer = body(present()) if config.is_enabled() else _off()
        except Refusal as error:
            answer = answering.problem(error)
        except (StoreError, SiteProblem) as error:
            answer = answering.problem(error) if may_see() else _not_ready()
        except frappe.PermissionError as problem:
            answer = answering.refusal(403, "PermissionError", str(problem))
        except frappe.ValidationError as problem:
            answer = answering.refusal(417, "ValidationError", str(problem))
        except _NOT_READY as problem:
            log.error("Baken is not ready", reason=str(problem))
            answer = _not_ready(str(problem)) if may_see() else _not_ready()
        except Exception as error:  # noqa: BLE001
            log.error("answering failed inside Baken", method=name, at=str(clock.now()), error=masked_trace(error))
    if answer is None:
        answer = answering.refusal(500, "InternalServerError", "Baken failed at this request; logs/baken.log says more")
    return Response(answer.body, answer.status, answer.headers, content_type="application/json")


def _off() -> Answer:
    text = "Baken is switched off on this site: see Baken Settings, or baken.enabled in site_config.json"
    return answering.refusal(503, "ServiceUnavailableError", text)


def _not_ready(text: str = "Baken is not ready; whoever manages this site can see why") -> Answer:
    """Where the store is and how it is set up is for those to read who may see the dashboard."""
    return answering.refusal(503, "ServiceUnavailableError", text)


def _forged(changes: bool) -> Answer | None:
    """The refusal of a request by cookie that another site's page may have sent, or that changes something by GET."""
    request = _request()
    if not _by_cookie():
        return None
    if request.method in ("GET", "HEAD"):
        if changes:
            return answering.refusal(405, "PermissionError", "this changes something: send a POST", {"Allow": "POST"})
        return None
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return answering.refusal(400, "CSRFTokenError", "this request comes from another site")
    given = request.headers.get("X-Frappe-CSRF-Token", "")
    wanted = str(frappe.sessions.get_csrf_token())
    if not hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode()):
        text = "the header X-Frappe-CSRF-Token is missing or wrong; baken.get_session tells it"
        return answering.refusal(400, "CSRFTokenError", text)
    return None


def _by_cookie() -> bool:
    """Whether a browser's cookie says who it is, and no token of the API.

    A header Authorization proves nothing: one that Frappe cannot use may stand beside a cookie that it uses.
    """
    session = frappe.session
    # For a token Frappe makes no session, and gives the user's name for its number.
    return _request() is not None and session.user != "Guest" and session.sid != session.user


def _request() -> Any:
    return getattr(frappe.local, "request", None)

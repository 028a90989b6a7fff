"""Push messages: a browser turns them on and off for its user, sees which other browsers have them, and tries them."""

import re
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import structlog

from baken.alerts import browsers, channels, push_keys
from baken.alerts.channels import Context, http
from baken.alerts.message import Gone, Message, Undelivered
from baken.api import permits
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call, NotPermitted
from baken.api.registry import method
from baken.clock import iso
from baken.history import audit, push
from baken.history.push import Subscription
from baken.outward import within
from baken.privacy import KeyProblem, mask

log = structlog.get_logger(__name__)

_BETWEEN_TESTS = timedelta(seconds=10)
_TEST_SECONDS = 10.0
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]{1,240}")
_NAMES = re.compile(r"[A-Za-z][A-Za-z ]{0,30}")


@method("baken.get_push", roles=DASHBOARD_ROLES)
def get_push(call: Call) -> dict[str, Any]:
    """What a browser needs to turn push messages on, and the caller's browsers that have them.

    A browser knows itself by `key`: the SHA-256 of its endpoint, in hexadecimal digits.

    Returns public_key (base64url, for `applicationServerKey`; null where absent says why), absent, most (browsers that
    one user may have), timestamp and subscriptions: id, name (as the trail of an alert calls it), key, browser,
    at_least, language, created, last_ok (null: nothing was sent yet), failures (in a row that were not taken).
    """
    user = _user(call)
    with call.store.read() as conn:
        own = push.of_user(conn, call.site_name, user)
    public, absent = None, None
    try:
        public = push_keys.public_key(push_keys.server_key(call.settings.data_dir))
    except KeyProblem as problem:
        log.error("push messages cannot be sent", reason=str(problem))
        absent = "Baken's key for push messages cannot be read or made; its log says why"
    return {
        "public_key": public,
        "absent": absent,
        "most": push.MOST_PER_USER,
        "subscriptions": [_told(each) for each in own],
        "timestamp": iso(call.now),
    }


@method("baken.subscribe_push", roles=DASHBOARD_ROLES, writes=True, slow=True)
def subscribe_push(
    call: Call,
    endpoint: str,
    p256dh: str,
    auth: str,
    language: Literal["", "en", "nl"] = "",
    at_least: Literal["", "LOW", "MEDIUM", "HIGH", "CRITICAL"] = "",
    browser: str = "",
    system: str = "",
    origin: str = "",
    replaces: str = "",
) -> dict[str, Any]:
    """Send push messages about the site's alerts to a browser, from the severity `at_least` on.

    `endpoint`, `p256dh` and `auth` are what `PushManager.subscribe()` gave the browser. `browser` and `system` say what
    it is, in words ("Firefox", "Android"); `origin` is Baken's address as it reaches it. `replaces` is the endpoint it
    had before. Doing it again changes language and severity; what is left empty stays as it is (at first: CRITICAL, and
    the language of the settings). With an eleventh browser of one user the
    one that was silent for longest goes.

    Returns subscription, as `baken.get_push` gives it.
    """
    user = _user(call)
    target = _endpoint(call, endpoint)
    try:
        push_keys.check_browser(p256dh, auth)
    except ValueError as problem:
        raise BadArgument(f"the keys of the browser cannot be used: {problem}") from None
    if origin and not _ORIGIN.fullmatch(origin):
        raise BadArgument("argument origin is no address such as https://baken.example.org")
    name = " on ".join(each for each in (browser.strip(), system.strip()) if _NAMES.fullmatch(each))
    with call.store.write() as conn:
        before = push.by_key(conn, push.key_of(replaces)) if replaces and replaces != endpoint else None
        if before is not None and (before.site, before.user) == (call.site_name, user):
            browsers.end(conn, before, "the browser has a new address", call.now)
        other = push.by_key(conn, push.key_of(endpoint))
        if other is not None and (other.site, other.user) != (call.site_name, user):
            browsers.end(conn, other, "somebody else uses this browser now", call.now)
        own = next(
            (each for each in (other, before) if each and (each.site, each.user) == (call.site_name, user)), None
        )
        made = push.put(
            conn,
            site=call.site_name,
            user=user,
            endpoint=endpoint,
            p256dh=p256dh.rstrip("="),
            auth=auth.rstrip("="),
            language=language or (own.language if own else call.settings.language),
            at_least=at_least or (own.at_least if own else "CRITICAL"),
            browser=name or (own.browser if own else "Browser"),
            origin=origin or (own.origin if own else ""),
            now=call.now,
        )
        if own is None or own.id != made.id or (own.at_least, own.language) != (made.at_least, made.language):
            _note(call, conn, "push changed" if own is not None else "push turned on", made, {"service": target})
    return {"subscription": _told(made)}


@method("baken.unsubscribe_push", roles=DASHBOARD_ROLES, writes=True)
def unsubscribe_push(call: Call, which: str) -> dict[str, Any]:
    """Send no push messages any more to one of the caller's browsers, named by its endpoint or its number.

    Returns removed (whether there was such a one).
    """
    user = _user(call)
    number = int(which) if which.isdecimal() and len(which) < 16 else None
    with call.store.write() as conn:
        found = push.by_key(conn, push.key_of(which)) if number is None else push.find(conn, number)
        if found is None or (found.site, found.user) != (call.site_name, user):
            return {"removed": False}
        browsers.end(conn, found, "turned off", call.now)
    return {"removed": True}


@method("baken.test_push", roles=DASHBOARD_ROLES, writes=True, slow=True)
def test_push(call: Call, id: int = 0) -> dict[str, Any]:
    """Send a test message to the caller's browser `id`, or with 0 to all of the caller's browsers; at once.

    Returns results (empty where there is no such browser): id, browser, ok, detail (what the push service said, or why
    it did not take the message), gone (whether the browser gets nothing any more and was taken off the list).
    """
    user = _user(call)
    with call.store.write() as conn:
        own = [each for each in push.of_user(conn, call.site_name, user) if id in (0, each.id)]
        if not own:
            return {"results": []}
        before = audit.entries(
            conn, site=call.site_name, user=user, action="push test", since=call.now - _BETWEEN_TESTS, limit=1
        )
        if before:
            raise BadArgument("a test was sent a moment ago; wait ten seconds")
        audit.write(
            conn,
            at=call.now,
            site=call.site_name,
            user=user,
            action="push test",
            target=", ".join(browsers.name_of(each.id) for each in own),
        )
    return {"results": [_try(call, each) for each in own]}


def _try(call: Call, subscription: Subscription) -> dict[str, Any]:
    recipient = browsers.recipient(subscription)
    message = Message(
        id=f"push-test-{subscription.id}-{int(call.now.timestamp())}",
        kind="test",
        language=subscription.language,
        zone="UTC",
        site=call.site_name,
        subject="",
        lead="",
        severity="LOW",
        items=(),
        at=call.now,
    )
    context = Context(tuple(call.settings.alerts.allow_private), _TEST_SECONDS)
    ok, gone = True, False
    try:
        detail = channels.send(browsers.channel(call.settings), recipient.to, message, context)
    except Undelivered as problem:
        ok, gone, detail = False, isinstance(problem, Gone), mask(str(problem))
    with call.store.write() as conn:
        if ok:
            push.worked(conn, subscription.id, call.now)
        elif gone:
            browsers.end(conn, subscription, detail, call.now)
        else:
            push.failed(conn, subscription.id)
    return {"id": subscription.id, "browser": subscription.browser, "ok": ok, "detail": detail, "gone": gone}


def _endpoint(call: Call, endpoint: str) -> str:
    """The host of an endpoint that may be called. Raises BadArgument."""
    if len(endpoint) > push.LONGEST_ENDPOINT or urlsplit(endpoint).scheme != "https":
        raise BadArgument("argument endpoint is not the https address of a push service")
    try:
        target = http.parsed(endpoint, "push service")
        # What the installation's own channels may reach is not for the people of any site to knock at.
        private = tuple(call.settings.alerts.allow_private) if permits.for_all(call) else ()
        context = Context(private, _TEST_SECONDS)
        host = target.raw_host.decode("ascii")
        within(_TEST_SECONDS, lambda: http.reachable(host, target.port or 443, context, "push service"))
    except Undelivered as problem:
        if problem.permanent:
            raise BadArgument(str(problem)) from None
        # The name server is out of order, or the line: looked at again when something is sent.
        return http.host_of(endpoint)
    except TimeoutError:
        return http.host_of(endpoint)
    return target.host


def _user(call: Call) -> str:
    if call.user is None:
        raise NotPermitted("sign in first")
    return call.user.name


def _note(call: Call, conn: Any, action: str, made: Subscription, detail: dict[str, Any]) -> None:
    told = {"browser": made.browser, "at_least": made.at_least, **detail}
    audit.write(
        conn,
        at=call.now,
        site=call.site_name,
        user=made.user,
        action=action,
        target=browsers.name_of(made.id),
        detail=told,
    )


def _told(each: Subscription) -> dict[str, Any]:
    return {
        "id": each.id,
        "name": browsers.name_of(each.id),
        "key": each.key,
        "browser": each.browser,
        "at_least": each.at_least,
        "language": each.language,
        "created": iso(each.created),
        "last_ok": iso(each.last_ok) if each.last_ok else None,
        "failures": each.failures,
    }

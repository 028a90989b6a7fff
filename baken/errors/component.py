"""Tells which part of a site was at work when an error happened, from the calls on its way in."""

import functools
import re

from baken.errors.fingerprint import Fingerprint
from baken.errors.places import module
from baken.errors.scrub import Scrubbed
from baken.errors.traces import Frame

COMPONENTS = ("web", "worker", "scheduler", "email", "integration", "browser", "command", "unknown")

_BROWSER_FILE = re.compile(r"://|^webpack|\.(?:m?js|ts|vue)$")
_SERVER_SCRIPT = re.compile(r"node_modules|^node:|^/(?:srv|opt|app|usr|home)/")
_EMAIL_EXCEPTION = re.compile(r"^(?:smtplib|imaplib|poplib)\.|(?:Outgoing|Invalid)?Email\w*Error$")
_EMAIL_MODULE = re.compile(
    r"^frappe\.email\.(?:queue|smtp|receive|email_body|doctype\.(?:email_queue|email_account|newsletter|notification))"
    r"|^(?:smtplib|imaplib|poplib)$"
)
_INTEGRATION_EXCEPTION = re.compile(r"^(?:requests|urllib3|httpx|aiohttp|stripe|mollie|paypal|razorpay)\.")
_INTEGRATION_MODULE = re.compile(
    r"^frappe\.integrations\.|^payments\.|webhook|payment_gateway|gateway_callback|^(?:requests|urllib3|httpx|zeep)\."
    r"|(?:^|[._])(?:mollie|stripe|paypal|razorpay|adyen|eboekhouden|e_boekhouden|plaid)(?:[._]|$)"
)
_SCHEDULER = re.compile(r"^frappe\.(?:core\.doctype\.scheduled_job_type|utils\.scheduler)")
_WORKER = re.compile(r"^frappe\.utils\.background_jobs$|^rq\.(?:worker|job|timeouts)|^frappe\.deferred_insert$")
_WEB = re.compile(r"^frappe\.(?:app|handler|api|website\.serve|website\.page_renderers|auth)(?:\.|$)|^werkzeug\.")
_COMMAND = re.compile(
    r"^frappe\.(?:commands|utils\.bench_helper|migrate|installer|patches|modules\.patch_handler)(?:\.|$)"
)
_EMAIL_TEXT = re.compile(r"(?i)\be-?mails?\b|\bsmtp\b|\bnewsletter\b|\bsend\w* .{0,40}notification")
_METHOD = re.compile(r"[a-z_]\w*(?:\.\w+){1,12}")


def component(row: Scrubbed, found: Fingerprint) -> str:
    """One of COMPONENTS.

    What was being done goes before how it got there: a mail that a background job could not send is "email". In this
    order: a browser's stack; sending or fetching mail; talking to another system; a scheduled job; a background job; a
    request; a command of the bench or the console. Nothing of these: "unknown". Where no calls are known, words of the
    text tell mail, and the method in the title tells mail and other systems.

    Args:
        row: the scrubbed row.
        found: its pattern.
    """
    frames = tuple(frame for failure in row.failures for frame in failure.frames)
    if not frames and _EMAIL_TEXT.search(f"{found.template} {found.title}"):
        return "email"
    return _component(frames, found.exception, row.title if _METHOD.fullmatch(row.title) else "")


@functools.lru_cache(maxsize=2048)
def _component(frames: tuple[Frame, ...], exception: str, method: str) -> str:
    if any(_BROWSER_FILE.search(frame.path) and not _SERVER_SCRIPT.search(frame.path) for frame in frames):
        return "browser"
    modules = [module(frame.path) for frame in frames]
    work = [*modules, method] if method else modules
    if _EMAIL_EXCEPTION.search(exception) or any(map(_EMAIL_MODULE.search, work)):
        return "email"
    if _INTEGRATION_EXCEPTION.search(exception) or any(map(_INTEGRATION_MODULE.search, work)):
        return "integration"
    for name, pattern in (("scheduler", _SCHEDULER), ("worker", _WORKER), ("web", _WEB), ("command", _COMMAND)):
        if any(map(pattern.search, modules)):
            return name
    if exception.startswith("rq."):
        return "worker"
    if any("<console>" in frame.path or frame.path.startswith(("<ipython", "<stdin")) for frame in frames):
        return "command"
    return "unknown"

"""Finds the place in the code that a failure belongs to, among the calls that led to it."""

import functools
import re
from dataclasses import dataclass

from baken.errors.scrub import clean
from baken.errors.traces import Frame

APP_CALLS = "call in an app"
FRAMEWORK_CALLS = "call in Frappe"
OTHER_CALLS = "call"

_SITE_PACKAGES = re.compile(r".*(?:site-packages|dist-packages|/lib/python\d(?:\.\d+)?|node_modules)/")
_APP = re.compile(r"(?:^|.*/)apps/([^/]+)/")
_INSTALLED_APP = re.compile(r".*/(?:site|dist)-packages/(frappe|erpnext|hrms|payments|verenigingen)/")
_ASSET = re.compile(r"(?:^|.*?/)assets/(.+)$")
_WEB = re.compile(r"^(?:https?|webpack(?:-internal)?|file|app)://(?:/?\./|[^/]*/)?")
_BUILD = re.compile(r"[.-](?=[0-9A-Za-z]*\d)[0-9A-Za-z]{8}(?=\.(?:m?js|css)$)|[.-][0-9A-Z]{8}(?=\.(?:m?js|css)$)")
_NOT_A_FILE = re.compile(r"<.*>")
_LIBRARY = re.compile(
    r"site-packages|dist-packages|/lib/python\d|<frozen|node_modules|^node:|^internal/|^native$|\[native code\]"
    r"|^java:(?:java|javax|jakarta|sun|jdk|com\.sun|org\.(?:springframework|apache|hibernate|eclipse|junit))\."
)
# Calls that every failure passes through on its way in or out; they tell nothing about it.
_PLUMBING = frozenset(
    {
        ("frappe.app", "application"), ("frappe.app", "init_request"), ("frappe.api", "handle"),
        ("frappe.api.v1", "handle_rpc_call"), ("frappe.api.v2", "handle_rpc_call"), ("frappe.handler", "handle"),
        ("frappe.handler", "execute_cmd"), ("frappe.handler", "run_doc_method"), ("frappe", "call"),
        ("frappe", "throw"), ("frappe", "msgprint"), ("frappe", "_raise_exception"),
        ("frappe.utils.messages", "throw"), ("frappe.utils.messages", "msgprint"),
        ("frappe.utils.messages", "_raise_exception"), ("frappe.utils.background_jobs", "execute_job"),
        ("frappe.utils.typing_validations", "wrapper"),
        ("frappe.core.doctype.scheduled_job_type.scheduled_job_type", "execute"),
        ("frappe.core.doctype.scheduled_job_type.scheduled_job_type", "run_scheduled_job"),
    }
)  # fmt: skip
_THROWERS = frozenset({"throw", "msgprint", "_raise_exception", "raise_no_permission_to"})
_RAISES = re.compile(r"(?:\bthrow|_throw)\(|^raise\b")
# What a decorator calls the function that it puts around another.
_WRAPPERS = frozenset(
    {"wrapper", "_wrapper", "wrapped", "inner", "innerfn", "decorated", "decorator", "<lambda>", "<module>"}
)
# Parts of Frappe that only carry out what others ask for.
_MACHINERY = ("frappe.database.", "frappe.query_builder.", "frappe.utils.redis_wrapper")
_PASSES_ON = re.compile(r"^(?:return )?(?:super\(.{0,40}\)\.|(?:func|fn|f|method|function)\(\*)")
_RECURSION_TAIL = 24
_CODE_LIMIT = 600


@dataclass(frozen=True, slots=True)
class Place:
    """Where a failure happened.

    Attributes:
        frames: the call that it belongs to as "module:function"; () when no call tells it. Several for a recursion.
        kind: APP_CALLS, FRAMEWORK_CALLS or OTHER_CALLS.
        code: the line of code that raised or announced it, in an app or in Frappe; "" when unknown.
        spoken: APP_CALLS, FRAMEWORK_CALLS or OTHER_CALLS: who raised it.
        outermost: the first call on the way there that tells what was being done; "" when there is none.
        thrown: whether the failure was announced from there with `frappe.throw` or the like.
    """

    frames: tuple[str, ...]
    kind: str
    code: str
    spoken: str
    outermost: str
    thrown: bool


@functools.lru_cache(maxsize=2048)
def place(frames: tuple[Frame, ...], recursion: bool = False) -> Place:
    """The place that `frames` lead to: the innermost call in an app other than Frappe, else in Frappe, else any.

    Args:
        frames: the calls, the innermost last.
        recursion: the calls called each other until there was no room: all of them together are the place.
    """
    groups: dict[str, list[Frame]] = {APP_CALLS: [], FRAMEWORK_CALLS: [], OTHER_CALLS: []}
    last = site = None
    spoken = OTHER_CALLS
    for frame in frames:
        kind = _kind(frame.path)
        if kind == OTHER_CALLS and _LIBRARY.search(frame.path):
            continue
        last = frame
        if _tells(frame, kind):
            groups[kind].append(frame)
            site, spoken = frame, kind
    kind = next((kind for kind, found in groups.items() if found), OTHER_CALLS)
    found = groups[kind] or [frame for frame in frames if _tells(frame, OTHER_CALLS)]
    if not found:
        return Place((), OTHER_CALLS, "", OTHER_CALLS, "", False)
    if kind == FRAMEWORK_CALLS:
        working = [frame for frame in found if not module(frame.path).startswith(_MACHINERY)]
        found = working or found
    chosen = found[-1]
    written: tuple[str, ...] = (_written(chosen),)
    if recursion:
        tail = [_written(frame) for frame in found[-_RECURSION_TAIL:]]
        written = tuple(sorted(name for name in set(tail) if tail.count(name) > 1)) or written
    thrown = last is not None and last.function in _THROWERS and _kind(last.path) == FRAMEWORK_CALLS
    code = (site or chosen).code[:_CODE_LIMIT].strip()
    return Place(written, kind, code, spoken, _written(found[0]), thrown)


def _written(frame: Frame) -> str:
    return f"{module(frame.path)}:{_function(frame.function)}"


@functools.lru_cache(maxsize=4096)
def _tells(frame: Frame, kind: str) -> bool:
    if frame.path.startswith("<serverscript>"):
        return True
    if _PASSES_ON.match(frame.code) or frame.path in ("<template>", "<unknown>"):
        return False
    name = module(frame.path)
    if frame.function in _THROWERS and name in ("frappe", "frappe.utils.messages", "frappe.model.document"):
        return False
    # Also what every failure passes through may raise one of its own.
    passing = frame.function in _WRAPPERS or (name, frame.function) in _PLUMBING
    return not passing or bool(_RAISES.search(frame.code))


@functools.lru_cache(maxsize=2048)
def _kind(path: str) -> str:
    if path.startswith("<serverscript>"):
        return APP_CALLS
    text = path.replace("\\", "/")
    if "-packages/" in text:
        # Images may carry Frappe and its apps among the libraries.
        found = _INSTALLED_APP.match(text)
    else:
        found = None if "node_modules" in text else _APP.match(text) or _asset(text)
    if found is None:
        return OTHER_CALLS
    return FRAMEWORK_CALLS if found[1].partition("/")[0] == "frappe" else APP_CALLS


def _asset(text: str) -> re.Match[str] | None:
    return _ASSET.match(text) if "/assets/" in text or text.startswith("assets/") else None


@functools.lru_cache(maxsize=2048)
def _function(name: str) -> str:
    """The name of a function, the same for every browser and version of Python."""
    text = name.removeprefix("async ").removeprefix("new ").rstrip("</").split(" [as ")[0]
    text = text.replace(".prototype.", ".").removeprefix("Object.")
    return clean("" if text in ("<anonymous>", "anonymous", "?") else text.rsplit(".", 1)[-1].rstrip("</"))


@functools.lru_cache(maxsize=2048)
def module(path: str) -> str:
    """The module that the file at `path` holds: `…/apps/frappe/frappe/app.py` is `frappe.app`.

    What stands before the app or the library differs from bench to bench and is left out; so are the host and the
    build's hash of a browser's file.
    """
    if _NOT_A_FILE.fullmatch(path):
        return "<template>" if "template" in path or "unknown" in path else clean(path)
    if path.startswith("<serverscript>"):
        return clean(path)
    if path.startswith("java:"):
        return clean(path[5:].partition("$")[0])
    text = path.replace("\\", "/")
    if "://" in text or text.partition("?")[0].endswith(("js", "ts", "vue")):
        text = text.partition("?")[0].partition("#")[0]
        asset = _asset(text)
        return clean(_BUILD.sub("", asset[1] if asset else _WEB.sub("", text).lstrip("./")))
    found = _APP.match(text) or _SITE_PACKAGES.match(text)
    text = text[found.end() :] if found else text.rsplit("/", 1)[-1]
    return clean(text.removesuffix(".py").removesuffix("/__init__").strip("/").replace("/", "."))


@functools.lru_cache(maxsize=2048)
def short(exception: str) -> str:
    """The class's own name: modules of classes move between versions. With its package when it is just "Error"."""
    package, _, name = exception.rpartition(".")
    return f"{package.rpartition('.')[2]}.{name}" if name in ("Error", "Exception", "Timeout", "Fault") else name

"""Says which errors are the same: exception, place in the code, template of the message. Rules `v1`.

Pure: the same scrubbed row always gets the same pattern, in every installation and however many rows went before. A
change of any rule here, in `template` or in `traces` that moves rows to other patterns is a new version.
"""

import functools
import hashlib
import re
from dataclasses import dataclass

from baken.errors import loglines, traces
from baken.errors.scrub import Scrubbed, clean, scrub
from baken.errors.template import template
from baken.errors.traces import Failure, Frame

VERSION = "v1"
FRAMES = 2
APP_CALLS = "calls in an app"

_SITE_PACKAGES = re.compile(r".*(?:site-packages|dist-packages|/lib/python\d(?:\.\d+)?)/")
_APP = re.compile(r"(?:^|.*/)apps/([^/]+)/")
_NOT_A_FILE = re.compile(r"<.*>")
_METHOD = re.compile(r"[a-z_]\w*(?:\.\w+){1,12}")
_NAMED_CLASS = re.compile(r"[\w.]{3,120}: ([A-Z]\w{2,60}(?:Error|Exception))")
# Calls that every failure passes through on its way in or out; they tell nothing about it.
_PLUMBING = frozenset(
    {
        ("frappe.app", "application"), ("frappe.api", "handle"), ("frappe.api.v1", "handle_rpc_call"),
        ("frappe.api.v2", "handle_rpc_call"), ("frappe.handler", "handle"), ("frappe.handler", "execute_cmd"),
        ("frappe", "call"), ("frappe", "throw"), ("frappe", "msgprint"), ("frappe", "_raise_exception"),
        ("frappe.utils.messages", "throw"), ("frappe.utils.messages", "msgprint"),
        ("frappe.utils.messages", "_raise_exception"), ("frappe.utils.background_jobs", "execute_job"),
        ("frappe.utils.typing_validations", "wrapper"),
        ("frappe.core.doctype.scheduled_job_type.scheduled_job_type", "execute"),
    }
)  # fmt: skip
# What a decorator calls the function that it puts around another.
_WRAPPERS = frozenset(
    {"wrapper", "_wrapper", "wrapped", "inner", "innerfn", "decorated", "decorator", "<lambda>", "<module>"}
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Where an error belongs.

    Attributes:
        pattern: 16 hexadecimal digits of a hash over version and key.
        version: the rules that made it.
        exception: the exception's class as Python names it, without `builtins.`; "" when the text names none.
        template: the message with placeholders.
        frames: the calls that tell it apart, "module:function", the innermost last.
        title: what the row was filed under: template of its title, or of its text where that is a short label.
        why: what the key consists of, for people.
    """

    pattern: str
    version: str
    exception: str
    template: str
    frames: tuple[str, ...]
    title: str
    why: str


def fingerprint(row: Scrubbed) -> Fingerprint:
    """The pattern of a scrubbed row."""
    if row.failures:
        return _of_failure(row.title, row.cut, _ending(row.failures))
    return _of_text(row.title, row.cut, row.before[:2000])


def fingerprint_text(method: str | None, error: str | None) -> Fingerprint:
    """The pattern of a raw row or log text: scrubbed first."""
    return fingerprint(scrub(method, error))


def _ending(failures: tuple[Failure, ...]) -> Failure:
    """The failure that counts: the last one that names an exception, with the frames that are there."""
    chosen = next((failure for failure in reversed(failures) if failure.exception), failures[-1])
    if chosen.frames:
        return chosen
    frames = next((failure.frames for failure in reversed(failures) if failure.frames), ())
    return Failure(frames, chosen.exception, chosen.message)


@functools.lru_cache(maxsize=2048)
def _of_failure(title: str, cut: bool, failure: Failure) -> Fingerprint:
    exception = failure.exception.removeprefix("builtins.")
    message = template(failure.message, exception)
    frames, kind = telling_frames(failure.frames)
    named = _title_template(title, cut)
    parts = [f"exception {exception}"] if exception else ["no exception (the text was cut off)"]
    parts.append(f"message “{message}”" if message else "no message")
    key = [exception, message, *frames]
    if frames:
        parts.append(f"{kind} {' → '.join(frames)}")
    if not frames or (kind != APP_CALLS and _METHOD.fullmatch(title)):
        # Without a place in an app the method that was called tells failures apart.
        key.append(named)
        parts.append(f"title “{named}”")
    return _made(exception, message or named, frames, named, key, parts)


@functools.lru_cache(maxsize=2048)
def _of_text(title: str, cut: bool, body: str) -> Fingerprint:
    if not title and body:
        return _of_log_line(body)
    named = _title_template(title, cut)
    exception, rest = traces.exception_line(body.split("\n", 1)[0]) if body else ("", "")
    exception = exception.removeprefix("builtins.")
    if not exception and (found := _NAMED_CLASS.fullmatch(title)):
        exception, rest = found[1], body
    label = template(rest if exception else body, exception)
    key = [exception, named, label]
    parts = [f"title “{named}”", f"text “{label}”"]
    if label and not _is_label(label, body):
        return _made(exception, label, (), named, key, parts)
    return _made(exception, named or label, (), label or named, key, parts)


def _of_log_line(body: str) -> Fingerprint:
    line = loglines.read(body)
    parts = [f"text “{line.template}”"]
    parts += [f"exception {line.exception}"] if line.exception else []
    return _made(line.exception, line.template, (), line.template, [line.exception, "", line.template], parts)


def _is_label(label: str, body: str) -> bool:
    """Whether the row's text is no more than a short label, and the detail stands in its title."""
    return len(label) <= 80 and "\n" not in body and not label.endswith((".", ")")) and ": " not in label


def _title_template(title: str, cut: bool) -> str:
    if not cut:
        return template(title)
    # The end of a title that fills its column was cut off, anywhere.
    words = template(title.rsplit(" ", 1)[0]).split(" ")
    return " ".join(words[:10]) + " …"


def _made(
    exception: str, message: str, frames: tuple[str, ...], title: str, key: list[str], parts: list[str]
) -> Fingerprint:
    text = "\x1f".join((VERSION, *key))
    pattern = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return Fingerprint(pattern, VERSION, exception[:255], message, frames, title, "; ".join(parts))


@functools.lru_cache(maxsize=2048)
def telling_frames(frames: tuple[Frame, ...]) -> tuple[tuple[str, ...], str]:
    """The calls that tell a failure apart as "module:function", and what kind they are.

    Of the calls within apps other than Frappe the innermost FRAMES; else those of Frappe that not every failure passes
    through; else any.
    """
    places = [(module(frame.path), clean(frame.function)) for frame in frames]
    known = [place for place in places if place not in _PLUMBING and place[1] not in _WRAPPERS]
    for kind, apps in ((APP_CALLS, True), ("calls in Frappe", False)):
        found = [place for place in known if _belongs(place[0], frames, places, apps)]
        if found:
            return _written(found), kind
    return _written(known), "calls"


def _belongs(name: str, frames: tuple[Frame, ...], places: list[tuple[str, str]], apps: bool) -> bool:
    path = next(frame.path for frame, place in zip(frames, places, strict=True) if place[0] == name)
    found = _APP.match(path)
    if found is None or "site-packages" in path:
        return False
    return (found[1] != "frappe") is apps


def _written(places: list[tuple[str, str]]) -> tuple[str, ...]:
    out: list[str] = []
    for name, function in places:
        written = f"{name}:{function}"
        if not out or out[-1] != written:
            out.append(written)
    return tuple(out[-FRAMES:])


@functools.lru_cache(maxsize=2048)
def module(path: str) -> str:
    """The module that the file at `path` holds: `…/apps/frappe/frappe/app.py` is `frappe.app`.

    What stands before the app or the library differs from bench to bench and is left out.
    """
    if _NOT_A_FILE.fullmatch(path):
        return "<template>" if "template" in path or "unknown" in path else clean(path)
    text = path.replace("\\", "/")
    found = _APP.match(text) or _SITE_PACKAGES.match(text)
    text = text[found.end() :] if found else text.rsplit("/", 1)[-1]
    return clean(text.removesuffix(".py").removesuffix("/__init__").strip("/").replace("/", "."))

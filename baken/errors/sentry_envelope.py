"""Takes what a Sentry SDK sends apart: packed bodies, envelopes of items, and the text of a failure from its frames.

Whatever is sent costs bounded time and memory. The formats are Sentry's own:
https://develop.sentry.dev/sdk/data-model/envelopes/ and https://develop.sentry.dev/sdk/data-model/event-payloads/.
Variables of frames, requests with their bodies, cookies and headers, breadcrumbs and contexts are never looked at.
"""

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from baken.errors.scrub import TEXT_LIMIT

MOST_PACKED = 4_000_000
"""So many bytes of a body are taken as it comes."""
MOST_UNPACKED = 16_000_000
"""So many when it is unpacked."""
MOST_EVENT = 4_000_000
"""An item that is an event has no more bytes than this."""
MOST_ITEMS = 100
MOST_EVENTS = 10
_MOST_HEADER = 20_000
_MOST_VALUES = 50
# Of a recursion its beginning and its end tell where it is.
_FIRST_FRAMES, _LAST_FRAMES = 50, 250
_LONGEST_LINE = 2000
# What a program names that is no file; SDKs put the working folder in front of it.
_NO_FILE = re.compile(r"(?:^|/)(<[^/]*>.*)$")
_CLASS = re.compile(r"[A-Za-z_]\w*(?:\.(?:[A-Za-z_]\w*|<locals>))*")
_NOT_CLASS = re.compile(r"\W+")
_BUILTINS = frozenset({"", "builtins", "__builtin__", "exceptions", "__main__"})
_BROWSERS = frozenset({"javascript", "node"})
_CAUSED = "\nThe above exception was the direct cause of the following exception:\n"
_DURING = "\nDuring handling of the above exception, another exception occurred:\n"


class Malformed(Exception):
    """What was sent is no envelope or no event; the text says what is wrong with it."""


class TooBig(Exception):
    """What was sent is larger than Baken looks at; the text says how large it may be."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What was sent: the headers of the envelope, and its events as they were sent."""

    headers: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)


def unpack(body: bytes, encodings: str) -> bytes:
    """A body without its packing.

    Args:
        body: as it came.
        encodings: what its header Content-Encoding says: gzip, deflate, br, identity, or several with commas.

    Raises Malformed when it is not packed in the way it says or in one that is not known, TooBig beyond MOST_UNPACKED.
    """
    names = [name for each in encodings.lower().split(",") if (name := each.strip()) not in ("", "identity")]
    if len(names) > 2:
        raise Malformed("the body is packed too often")
    for name in reversed(names):
        if name in ("gzip", "x-gzip", "deflate"):
            body = _inflate(body, name)
        elif name == "br":
            body = _unbrotli(body)
        else:
            raise Malformed(f"the body is packed as {name[:20]!r}; gzip, deflate and br are understood")
    if len(body) > MOST_UNPACKED:
        raise _too_big()
    return body


def _inflate(body: bytes, name: str) -> bytes:
    # Of deflate there are two kinds: with the header that the standard asks for, and the bare stream.
    bare = name == "deflate" and not (len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0)
    window = -zlib.MAX_WBITS if bare else zlib.MAX_WBITS + (16 if name.endswith("gzip") else 0)
    stream = zlib.decompressobj(window)
    try:
        found = stream.decompress(body, MOST_UNPACKED + 1)
    except zlib.error:
        raise Malformed(f"the body is not packed as {name}, as its header says") from None
    if len(found) > MOST_UNPACKED:
        raise _too_big()
    if not stream.eof:
        raise Malformed(f"the body ends before its {name} does")
    return found


def _unbrotli(body: bytes) -> bytes:
    # Not every host that loads this has it, and only the standalone server takes such bodies.
    import cramjam

    # Into a room of its own, so that no more is ever unpacked than fits; most bodies need far less.
    for room in (64 * (len(body) + 1000), MOST_UNPACKED + 1):
        into = bytearray(min(room, MOST_UNPACKED + 1))
        try:
            size = cramjam.brotli.decompress_into(body, into)
        except cramjam.DecompressionError:
            continue
        if size > MOST_UNPACKED:
            raise _too_big()
        return bytes(into[:size])
    raise Malformed("the body is not packed as br, as its header says, or is too large")


def _too_big() -> TooBig:
    return TooBig(f"the body has more than {MOST_UNPACKED} bytes when it is unpacked")


def read(body: bytes) -> Envelope:
    """The envelope that `body` is; items that are no events are passed over. Raises Malformed, TooBig."""
    line, at = _line(body, 0)
    found = Envelope(_object(line, "the first line of an envelope is a JSON object"))
    for _ in range(MOST_ITEMS):
        while at < len(body) and body[at : at + 1] in (b"\n", b"\r"):
            at += 1
        if at >= len(body):
            return found
        line, at = _line(body, at)
        header = _object(line, "the header of an item is a JSON object")
        size = header.get("length")
        if size is None:
            end = body.find(b"\n", at)
            end = len(body) if end < 0 else end
        elif isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= len(body) - at:
            end = at + size
        else:
            raise Malformed("an item has another length than its header says")
        if header.get("type") == "event":
            if len(found.events) == MOST_EVENTS:
                raise Malformed(f"an envelope holds at most {MOST_EVENTS} events")
            found.events.append(read_event(body[at:end]))
        at = end
    raise Malformed(f"an envelope holds at most {MOST_ITEMS} items")


def first_line(body: bytes) -> dict[str, Any]:
    """The headers of an envelope. Raises Malformed."""
    return _object(_line(body, 0)[0], "the first line of an envelope is a JSON object")


def read_event(payload: bytes) -> dict[str, Any]:
    """One event as it was sent. Raises Malformed, TooBig."""
    if len(payload) > MOST_EVENT:
        raise TooBig(f"an event has {len(payload)} bytes; at most {MOST_EVENT} are looked at")
    return _object(payload, "an event is a JSON object")


def _line(body: bytes, at: int) -> tuple[bytes, int]:
    end = body.find(b"\n", at, at + _MOST_HEADER)
    if end < 0 and len(body) - at > _MOST_HEADER:
        raise Malformed("the header of an envelope or of an item is too long")
    return (body[at:], len(body)) if end < 0 else (body[at:end], end + 1)


def _object(text: bytes, expected: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"{expected}; this is no JSON") from None
    if not isinstance(found, dict):
        raise Malformed(expected)
    return found


def text_of(value: Any, most: int = TEXT_LIMIT) -> str:
    """A value that ought to be a text, as one that every database takes; "" when it is none."""
    if not isinstance(value, str):
        return ""
    text: str = value[:most]
    # JSON may hold half of a surrogate pair, and a character that ends a text elsewhere.
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def items(value: Any) -> list[dict[str, Any]]:
    """What Sentry calls values: a list of objects, or an object that holds one."""
    if isinstance(value, dict):
        value = value.get("values", [value])
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _exceptions(event: dict[str, Any]) -> list[dict[str, Any]]:
    told = [each for each in items(event.get("exception")) if each.get("type") or each.get("value")]
    return told[-_MOST_VALUES:]


def failure_text(event: dict[str, Any]) -> str | None:
    """The exceptions of an event with their calls, as the language that it comes from writes them; None without any.

    Exceptions are chained as Python does it: what was raised in the end stands last. Of a group its first one is told.
    """
    values = _exceptions(event)
    if not values:
        return None
    if text_of(event.get("platform")) in _BROWSERS:
        return _stack(values[-1])
    return "\n".join(_chain(values))


def last_exception(event: dict[str, Any]) -> str:
    """What was said by the exception that was raised in the end; "" when there is none."""
    values = _exceptions(event)
    return text_of(values[-1].get("value")) if values else ""


@dataclass(slots=True)
class _Link:
    """An exception with what it came of, and with the first of those that it holds as a group."""

    value: dict[str, Any]
    before: "tuple[str, _Link] | None" = None
    first: "_Link | None" = None
    members: int = 0


def _chain(values: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The lines of exceptions, of which the last was raised in the end."""
    links = [_Link(value) for value in values]
    places = {number: at for at, value in enumerate(values) if (number := _number(value, "exception_id")) is not None}
    for at in range(len(links) - 1):
        link, source = links[at], text_of(_mechanism(values[at]).get("source"))
        parent_id = _number(values[at], "parent_id")
        above = places.get(parent_id, 0) if parent_id is not None else 0
        # Who stands later in the list was raised later: nothing can be its own cause.
        parent = links[above if above > at else at + 1]
        if not source.startswith("exceptions["):
            parent.before = parent.before or (_CAUSED if source == "__cause__" else _DURING, link)
        else:
            parent.members += 1
            parent.first = link if parent.first is None or source == "exceptions[0]" else parent.first
    yield from _told(links[-1])


def _told(root: _Link) -> Iterator[str]:
    """The lines of a tree of exceptions, without one call per exception: chains may be long."""
    waiting: list[_Link | str] = [root]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif each.before is not None:
            (how, link), each.before = each.before, None
            waiting += [each, how, link]
        else:
            yield from _one(each.value, each.members)
            waiting += [each.first] if each.first is not None else []


def _mechanism(value: dict[str, Any]) -> dict[str, Any]:
    found = value.get("mechanism")
    return found if isinstance(found, dict) else {}


def _number(value: dict[str, Any], name: str) -> int | None:
    found = _mechanism(value).get(name)
    return found if isinstance(found, int) else None


def _one(value: dict[str, Any], members: int) -> Iterator[str]:
    frames = _frames(value)
    if frames:
        yield "Traceback (most recent call last):"
    for frame in frames:
        line = frame.get("lineno")
        number = f", line {line}" if isinstance(line, int) else ""
        yield f'  File "{_path(frame)}"{number}, in {_in_one_line(frame.get("function")) or "<unknown>"}'
        code = _in_one_line(frame.get("context_line")).strip()
        if code:
            yield f"    {code}"
    said = text_of(value.get("value"))
    counted = f"({members} sub-exception{'s' if members > 1 else ''})"
    if members and not said.endswith(counted):
        # SDKs give a group's message without what Python adds to it.
        said = f"{said} {counted}"
    yield f"{_class(value)}: {said}" if said else _class(value)


def _frames(value: dict[str, Any]) -> list[dict[str, Any]]:
    trace = value.get("stacktrace")
    frames = trace.get("frames") if isinstance(trace, dict) else None
    found = [frame for frame in frames if isinstance(frame, dict)] if isinstance(frames, list) else []
    if len(found) <= _FIRST_FRAMES + _LAST_FRAMES:
        return found
    return found[:_FIRST_FRAMES] + found[-_LAST_FRAMES:]


def _path(frame: dict[str, Any]) -> str:
    path = _in_one_line(frame.get("abs_path")) or _in_one_line(frame.get("filename")) or "<unknown>"
    named = _NO_FILE.search(path)
    return (named[1] if named else path).replace('"', "'")


def _class(value: dict[str, Any]) -> str:
    name, module = _in_one_line(value.get("type")), _in_one_line(value.get("module"))
    if not _CLASS.fullmatch(name):
        name = _NOT_CLASS.sub("_", name).strip("_") or "Error"
        name = name[:1].upper() + name[1:80]
    return f"{module}.{name}" if module not in _BUILTINS and _CLASS.fullmatch(module) else name


def _stack(value: dict[str, Any]) -> str:
    """As browsers and Node write it: the message, then the calls, the innermost first."""
    said = text_of(value.get("value"))
    lines = [f"{_class(value)}: {said}" if said else _class(value)]
    for frame in reversed(_frames(value)):
        path = re.sub(r"[\s()]", "", _in_one_line(frame.get("abs_path")) or _in_one_line(frame.get("filename")))
        function = _in_one_line(frame.get("function"))
        place = ":".join(
            [path or "<anonymous>", *(str(n) for n in (frame.get("lineno"), frame.get("colno")) if isinstance(n, int))]
        )
        lines.append(f"    at {function} ({place})" if function not in ("", "?") else f"    at {place}")
    return "\n".join(lines)


def _in_one_line(value: Any) -> str:
    text = text_of(value, _LONGEST_LINE)
    return " ".join(text.split("\n")) if "\n" in text else text

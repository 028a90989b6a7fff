"""Answers as Frappe gives them over HTTP, for every host: {"message": …}, or what went wrong with its kind and text."""

import gzip
import json
from dataclasses import dataclass, field
from typing import Any

from baken.api import access, snapshots
from baken.api.context import BadArgument, Call, NotPermitted, Refusal, UnknownMethod, UnknownSite
from baken.api.registry import Method
from baken.history.store import StoreError
from baken.sites.problems import SiteProblem

PACKED_FROM = 2000
"""Answers of fewer bytes are not worth packing."""

_REFUSALS: tuple[tuple[type[Refusal], int, str], ...] = (
    (NotPermitted, 403, "PermissionError"),
    (UnknownMethod, 404, "DoesNotExistError"),
    (UnknownSite, 404, "DoesNotExistError"),
    (BadArgument, 417, "ValidationError"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: the body, of JSON, its status and its headers."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def encode(content: Any) -> bytes:
    """`content` as JSON in UTF-8; refuses what JSON has no word for, such as NaN."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def packed(body: bytes, accepts: str) -> Answer:
    """An answer as it goes out: packed where that is worth it and the client takes it.

    Args:
        body: the answer.
        accepts: the request's Accept-Encoding.
    """
    headers = {"Vary": "Accept-Encoding"}
    taken = [part.replace(" ", "") for part in accepts.lower().split(",")]
    if len(body) < PACKED_FROM or not any(part in ("gzip", "*") or part.startswith("gzip;q=0.") for part in taken):
        return Answer(body, headers=headers)
    # The quickest level: JSON shrinks to a sixth by it, and more takes several times as long.
    return Answer(gzip.compress(body, 1, mtime=0), headers={**headers, "Content-Encoding": "gzip"})


def run(entry: Method, call: Call, converted: dict[str, Any], accepts: str) -> Answer:
    """Carry a method out whose caller and arguments were checked; the look is in the audit trail.

    Raises what the method raises.
    """

    def body() -> bytes:
        return encode({"message": entry.run(call, **converted)})

    access.note(call, entry.name)
    if entry.steady:
        # Long lists: to write them out takes longer than to find them.
        key = ("body", entry.name, *converted.items())
        return packed(snapshots.of(call.store, call.site_name).once(key, body), accepts)
    return packed(body(), accepts)


def problem(error: Exception) -> Answer | None:
    """The answer to what a method refused or could not do, or None for what nobody foresaw."""
    for kind, status, name in _REFUSALS:
        if isinstance(error, kind):
            return refusal(status, name, str(error))
    if isinstance(error, (StoreError, SiteProblem)):
        return refusal(503, "ServiceUnavailableError", str(error), {"Retry-After": "5"})
    return None


def refusal(status: int, kind: str, text: str, headers: dict[str, str] | None = None) -> Answer:
    """An answer with Frappe's keys for what went wrong."""
    shown = text.encode("utf-8", "backslashreplace").decode()
    told = json.dumps([json.dumps({"message": shown, "title": "Message", "indicator": "red"}, ensure_ascii=False)])
    return Answer(encode({"exc_type": kind, "message": shown, "_server_messages": told}), status, dict(headers or {}))

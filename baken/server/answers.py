"""Answers as Frappe gives them over HTTP: {"message": …}, or what went wrong with its kind and text."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from baken.api.context import BadArgument, NotPermitted, Refusal, UnknownMethod, UnknownSite
from baken.history.store import StoreError
from baken.sites.problems import SiteProblem


class HttpProblem(Exception):
    """An answer other than 200. The subclasses' `status` and `kind` are what the client sees; `str()` is the text."""

    status = 500
    kind = "InternalServerError"

    def __init__(self, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.headers = dict(headers or {})


class NotSignedIn(HttpProblem):
    """The token or the session is not (or no longer) good."""

    status, kind = 401, "AuthenticationError"


class CsrfProblem(HttpProblem):
    """A request by cookie that may come from another site's page."""

    status, kind = 400, "CSRFTokenError"


class WrongVerb(HttpProblem):
    """A method that changes something was asked for by GET and cookie."""

    status, kind = 405, "PermissionError"


class TooLarge(HttpProblem):
    """The body is larger than Baken reads."""

    status, kind = 413, "RequestEntityTooLargeError"


class TooMany(HttpProblem):
    """Too many failed sign-ins."""

    status, kind = 429, "TooManyRequestsError"


class NotFound(HttpProblem):
    """There is nothing at this path."""

    status, kind = 404, "DoesNotExistError"


_REFUSALS: tuple[tuple[type[Refusal], int, str], ...] = (
    (NotPermitted, 403, "PermissionError"),
    (UnknownMethod, 404, "DoesNotExistError"),
    (UnknownSite, 404, "DoesNotExistError"),
    (BadArgument, 417, "ValidationError"),
)

_KINDS = {400: "ValidationError", 403: "PermissionError", 404: "DoesNotExistError", 405: "PermissionError"}


def encode(content: Any) -> bytes:
    """`content` as JSON in UTF-8; refuses what JSON has no word for, such as NaN."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


PACKED_FROM = 2000
"""Answers of fewer bytes are not worth packing."""


def packed(body: bytes, accepts: str) -> tuple[bytes, dict[str, str]]:
    """An answer as it goes out, and the headers that say how: packed where that is worth it and the client takes it.

    Args:
        body: the answer.
        accepts: the request's Accept-Encoding.
    """
    headers = {"Vary": "Accept-Encoding"}
    taken = [part.replace(" ", "") for part in accepts.lower().split(",")]
    if len(body) < PACKED_FROM or not any(part in ("gzip", "*") or part.startswith("gzip;q=0.") for part in taken):
        return body, headers
    # The quickest level: JSON shrinks to a sixth by it, and more takes several times as long.
    return gzip.compress(body, 1, mtime=0), {**headers, "Content-Encoding": "gzip"}


def message(content: Any, status: int = 200) -> Response:
    """The answer of a method."""
    return Response(encode({"message": content}), status, media_type="application/json")


def problem(error: Exception) -> Response | None:
    """The answer to what went wrong, or None for what nobody foresaw."""
    if isinstance(error, HttpProblem):
        return refusal(error.status, error.kind, str(error), error.headers)
    for kind, status, name in _REFUSALS:
        if isinstance(error, kind):
            return refusal(status, name, str(error))
    if isinstance(error, (StoreError, SiteProblem)):
        return refusal(503, "ServiceUnavailableError", str(error), {"Retry-After": "5"})
    if isinstance(error, HTTPException):
        kind_name = _KINDS.get(error.status_code, "ValidationError")
        return refusal(error.status_code, kind_name, str(error.detail), error.headers)
    return None


def unforeseen(request_id: str) -> Response:
    """The answer to an error in Baken itself: where to look, and nothing of what happened."""
    text = f"Baken failed at this request; its log has more under {request_id}"
    return refusal(500, "InternalServerError", text, {"X-Request-Id": request_id})


def refusal(status: int, kind: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with Frappe's keys for what went wrong."""
    shown = text.encode("utf-8", "backslashreplace").decode()
    told = json.dumps([json.dumps({"message": shown, "title": "Message", "indicator": "red"}, ensure_ascii=False)])
    content = {"exc_type": kind, "message": shown, "_server_messages": told}
    return Response(encode(content), status, dict(headers or {}), media_type="application/json")

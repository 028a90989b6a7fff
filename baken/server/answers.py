"""Answers as Frappe gives them over HTTP: {"message": …}, or what went wrong with its kind and text."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from baken.api import answering
from baken.api.answering import encode


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


_KINDS = {400: "ValidationError", 403: "PermissionError", 404: "DoesNotExistError", 405: "PermissionError"}


def message(content: Any, status: int = 200) -> Response:
    """The answer of a method."""
    return Response(encode({"message": content}), status, media_type="application/json")


def problem(error: Exception) -> Response | None:
    """The answer to what went wrong, or None for what nobody foresaw."""
    if isinstance(error, HttpProblem):
        return refusal(error.status, error.kind, str(error), error.headers)
    told = answering.problem(error)
    if told is not None:
        return response(told)
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
    return response(answering.refusal(status, kind, text, dict(headers or {})))


def response(answer: answering.Answer) -> Response:
    """An answer of every host as this one gives it."""
    return Response(answer.body, answer.status, answer.headers, media_type="application/json")

"""Around every request: security headers on every answer, errors as answers, nothing of them given away."""

import secrets

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baken.api.web import CONTENT_SECURITY_POLICY as CONTENT_SECURITY_POLICY
from baken.api.web import SECURITY_HEADERS
from baken.privacy import masked_trace
from baken.server import answers
from baken.server.body import origin
from baken.settings import Server

log = structlog.get_logger(__name__)

_RAW = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS]
_NO_STORE = (b"cache-control", b"no-store, private")
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Guard:
    """ASGI middleware; `scope["baken.origin"]` is where the request comes from."""

    def __init__(self, app: ASGIApp, settings: Server) -> None:
        self._app = app
        self._trusted = frozenset(settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        where = origin(scope, self._trusted)
        scope["baken.origin"] = where
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(raw=list(message.get("headers", [])))
                headers.raw.extend(_RAW)
                if "cache-control" not in headers:
                    headers.raw.append(_NO_STORE)
                if where.https:
                    headers.raw.append(_HSTS)
                message["headers"] = headers.raw
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:
            if started:
                raise
            response = answers.problem(error)
            if response is None:
                request_id = secrets.token_hex(8)
                path = Request(scope).url.path
                log.error("a request failed", request_id=request_id, path=path, trace=masked_trace(error))
                response = answers.unforeseen(request_id)
            await response(scope, receive, guarded)

"""`/alerts/act` on this host: the one-time link of a message. The page itself is in baken.alerts.act_page."""

from datetime import datetime
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from baken.alerts import act_page
from baken.alerts.act_page import STYLE_PATH as STYLE_PATH
from baken.alerts.act_page import Shown
from baken.history.store import Store
from baken.settings import Settings


def style() -> Response:
    """The page's style sheet."""
    return Response(act_page.STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


async def token_of(request: Request) -> str:
    """The token of a request: of its query for the page, of its form for the button."""
    if request.method != "POST":
        return request.query_params.get("t", "")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > 4000:
            return ""
    return (parse_qs(body.decode("ascii", "replace")).get("t") or [""])[0]


def show(settings: Settings, store: Store, key: bytes, token: str, now: datetime) -> Response:
    """The page with the button."""
    return _response(act_page.show(settings, store, key, token, now))


def act(settings: Settings, store: Store, key: bytes, token: str, now: datetime) -> Response:
    """What the button does."""
    return _response(act_page.act(settings, store, key, token, now))


def _response(shown: Shown) -> Response:
    return Response(shown.content, shown.status, media_type="text/html")

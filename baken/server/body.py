"""What a request brings: its arguments from query, form or JSON, and where it comes from."""

import ipaddress
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Scope

from baken.api.context import BadArgument
from baken.server.answers import TooLarge

MOST_BYTES = 1_000_000
"""A larger body is not read."""

_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: the client's address and how it reached the outermost server."""

    address: str
    https: bool
    host: str


def origin(scope: Scope, trusted: Collection[str]) -> Origin:
    """The client of a request; what trusted proxies say about it is believed, what anybody else says is not.

    `trusted` are addresses or networks (10.0.0.0/8).
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    peer = scope["client"][0] if scope.get("client") else "unix"
    https, host = scope.get("scheme") == "https", headers.get(b"host", "")
    # Who can reach a socket in the file system is a proxy on this machine.
    if peer != "unix" and not _is_trusted(peer, trusted):
        return Origin(peer, https, host)
    address = peer
    for hop in reversed(headers.get(b"x-forwarded-for", "").split(",")):
        candidate = _address(hop)
        if candidate is None:
            break
        address = candidate
        if not _is_trusted(candidate, trusted):
            break
    scheme = headers.get(b"x-forwarded-proto", "").split(",")[-1].strip().lower()
    return Origin(address, scheme == "https" if scheme else https, headers.get(b"x-forwarded-host", host))


def _address(text: str) -> str | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].split("]")[0]
    elif text.count(":") == 1:
        text = text.split(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _is_trusted(address: str, trusted: Collection[str]) -> bool:
    if address in trusted:
        return True
    try:
        parsed = ipaddress.ip_address(address)
        return any(parsed in ipaddress.ip_network(network, strict=False) for network in trusted if "/" in network)
    except ValueError:
        return False


def network(address: str) -> str:
    """The network that one client commands: itself for IPv4, the /64 for IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network(f"{parsed}/64", strict=False))


def masked(address: str) -> str:
    """An address for the audit trail: its network, unless it is this machine."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.is_loopback:
        return address
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises TooLarge beyond `most` bytes."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and len(told) < 20 and int(told) > most:
        raise TooLarge(f"the body has {told} bytes; at most {most} are read", {"Connection": "close"})
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(f"the body is larger than {most} bytes", {"Connection": "close"})
        parts.append(part)
    return b"".join(parts)


async def arguments(request: Request, *, query: bool = True) -> dict[str, Any]:
    """The arguments of a call from the query (unless `query` is false) and the body; the body's win.

    Raises BadArgument for a body that cannot be understood, or a name that is given twice in one of them.
    """
    given = _pairs(request.scope["query_string"].decode("latin-1"), "the query") if query else {}
    if request.method not in ("POST", "PUT", "PATCH"):
        return given
    body = await read_body(request)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return given | _pairs(body.decode("latin-1"), "the form")
    if kind == "multipart/form-data":
        return given | await _multipart(request, body)
    if body.strip():
        return given | _json(body)
    return given


def _pairs(text: str, where: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise BadArgument(f"{where} is not UTF-8") from None
    except ValueError:
        raise BadArgument(f"{where} has more than {_MOST_FIELDS} fields") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadArgument(f"{where} gives an argument twice")
    return found


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadArgument("the body is neither a form nor valid JSON; send arguments as a JSON object") from None
    if not isinstance(found, dict):
        raise BadArgument('the body is JSON but no object; send arguments as {"name": value}')
    return found


async def _multipart(request: Request, body: bytes) -> dict[str, Any]:
    async def replay() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    again = Request(request.scope, replay)
    try:
        form = await again.form(max_files=0, max_fields=_MOST_FIELDS)
    except (MultiPartException, HTTPException, ValueError, KeyError, LookupError):
        raise BadArgument("the form cannot be understood") from None
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}

"""What requests of other programs have in common: they show a secret, bring a body, and hear plainly what is wrong."""

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
from pydantic import SecretStr
from starlette.requests import Request

from baken.api.context import BadArgument, NotPermitted
from baken.server.attempts import Attempts
from baken.server.body import Origin, network, read_body

T = TypeVar("T")

_MOST_LET_IN = 1000
# Networks that have shown a secret, by what it is for; the oldest give way.
_let_in: WeakKeyDictionary[Attempts, dict[tuple[str, str], None]] = WeakKeyDictionary()


def bearer(request: Request) -> str:
    """The secret of a request: a bearer token, or the password of Basic authentication; empty without either."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            decoded = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ""
        return decoded.partition(":")[2]
    return ""


def secret_matches(given: str, wanted: SecretStr) -> bool:
    """Whether a secret is the right one; takes equally long for every wrong one."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.get_secret_value().encode())


def is_right(attempts: Attempts, request: Request, given: str, wanted: SecretStr | None, kind: str) -> bool:
    """Whether a request shows the right secret; wrong ones are counted. Works with the store: call it in a thread.

    After too many wrong ones the right one, too, is taken for a guess, unless the caller's network showed it before.

    Args:
        attempts: counts wrong secrets by the caller's network.
        request: the request.
        given: what it shows.
        wanted: the right secret; None: nothing is right.
        kind: under what wrong ones are counted.

    Raises TooMany after too many wrong ones, StoreError.
    """
    place = network(cast("Origin", request.scope["baken.origin"]).address)
    right = wanted is not None and bool(given) and secret_matches(given, wanted)
    known = _let_in.setdefault(attempts, {})
    # The right one costs nothing: it comes all day long.
    if right and (kind, place) in known:
        return True
    keys = [attempts.hash(kind, place)]
    with attempts.trying(keys):
        if not right:
            attempts.failed(keys)
            return False
    while len(known) >= _MOST_LET_IN:
        known.pop(next(iter(known)), None)
    known[kind, place] = None
    return True


def check_secret(attempts: Attempts, request: Request, given: str, wanted: SecretStr | None, setting: str) -> None:
    """Let only who has the secret go on; the arguments are those of `is_right`.

    `setting` is its name in the settings, for the text. Raises NotPermitted, TooMany, StoreError.
    """
    if wanted is None:
        raise NotPermitted(f"this is closed: set {setting} in Baken's settings to open it")
    if not is_right(attempts, request, given, wanted, f"incoming {setting}"):
        raise NotPermitted(f"the secret is wrong or missing; it has to be what {setting} says in Baken's settings")


async def in_thread(work: Callable[[], T], limiter: anyio.CapacityLimiter | None = None) -> T:
    """The result of `work`, carried out in a thread."""
    return await anyio.to_thread.run_sync(work, limiter=limiter)


async def read_json(request: Request) -> Any:
    """The body as JSON. Raises BadArgument, and TooLarge for a body that is too long."""
    body = await read_body(request)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadArgument("the body is not valid JSON") from None

"""`/ping/KEY`: where jobs report that they start, have succeeded or have failed, by nothing more than a call of curl.

    /ping/KEY           it has succeeded
    /ping/KEY/start     it starts
    /ping/KEY/fail      it has failed
    /ping/KEY/17        it has ended with this exit code; 0 is a success
    /ping/KEY/log       something worth noting; changes nothing

GET, HEAD and POST do the same. What is sent along is read away and not kept: logs hold names and amounts.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, cast

import anyio
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from baken import clock
from baken.alerts import checks, ping_keys
from baken.alerts.pings import Signal
from baken.history.store import StoreError
from baken.privacy import installation_key
from baken.server.body import Origin, network

if TYPE_CHECKING:
    from baken.server.app import Host

log = structlog.get_logger(__name__)

_VERBS = ["GET", "HEAD", "POST"]
_WORDS: dict[str, Signal] = {"": "success", "start": "start", "fail": "fail", "log": "log"}
_MOST_BODY = 100_000
_BODY_SECONDS = 5.0
_AGAIN = {"Retry-After": "5"}

WRONG_KEYS = 30.0
"""So many wrong addresses somebody may call at once; one more is let through every two seconds."""

PINGS = 30.0
"""So many pings of one job are taken at once; one more every second."""


class Buckets:
    """How much each of many may still do: `most` at once, and `refill` a second from then on."""

    def __init__(self, most: float, refill: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._refill = refill
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def level(self, who: Hashable) -> float:
        """How much `who` may still do."""
        with self._lock:
            return self._level(who, self._clock())

    def take(self, who: Hashable) -> bool:
        """Whether `who` may do it once more; it counts when it may."""
        with self._lock:
            now = self._clock()
            level = self._level(who, now)
            if level < 1:
                return False
            if len(self._levels) > _MOST_KNOWN:
                # Who may do all again need not be remembered; if many are left, nobody is.
                left = [each for each in self._levels if self._level(each, now) < self._most]
                self._levels = {each: self._levels[each] for each in left}
                if len(self._levels) > _MOST_KNOWN:
                    self._levels.clear()
            self._levels[who] = (level - 1, now)
            return True

    def _level(self, who: Hashable, now: float) -> float:
        level, at = self._levels.get(who, (self._most, now))
        return min(self._most, level + (now - at) * self._refill)


_MOST_KNOWN = 10_000


def routes(host: "Host") -> list[Route]:
    """The routes, for the web application of `host`."""
    key = installation_key(host.settings.data_dir)
    wrong, busy = Buckets(WRONG_KEYS, 0.5), Buckets(PINGS, 1.0)
    limiter: list[anyio.CapacityLimiter] = []

    async def ping(request: Request) -> Response:
        given, word = str(request.path_params["key"]), request.path_params.get("word", "")
        code = int(word) if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255 else None
        if code is None and word not in _WORDS:
            return _said(404, "behind the address stands nothing, start, fail, log, or an exit code from 0 to 255")
        await _read_away(request)
        whom = network(cast("Origin", request.scope["baken.origin"]).address)
        address = ping_keys.address_of(key, given)
        if address is None:
            # Only the wrong ones wait: jobs of many sites may call from one network, and nobody guesses 120 bits.
            if not wrong.take(whom):
                return _said(429, "too many calls of wrong addresses; try again later", {"Retry-After": "10"})
            return _said(404, "no job has this address")
        if not busy.take(address):
            return _said(429, "this job reports too often; once a second is enough", {"Retry-After": "2"})
        if not limiter:
            limiter.append(anyio.CapacityLimiter(4))
        signal: Signal = _WORDS[word] if code is None else "fail" if code else "success"

        def take() -> checks.Taken | None:
            with host.store.write() as conn:
                return checks.take(conn, address, signal, clock.now(), code)

        try:
            taken = await anyio.to_thread.run_sync(take, limiter=limiter[0])
        except StoreError as problem:
            # curl --retry tries again.
            log.warning("a ping could not be kept", reason=str(problem))
            return _said(503, "Baken cannot keep this now; try again", _AGAIN)
        if taken is None:
            return _said(404, "no job has this address")
        return _said(200, "OK")

    return [
        Route("/ping/{key}", ping, methods=_VERBS),
        Route("/ping/{key}/{word}", ping, methods=_VERBS),
    ]


async def _read_away(request: Request) -> None:
    """Read what came along, up to a limit, and keep nothing of it: a proxy calls it an error where nobody reads it."""
    if request.method != "POST":
        return
    size = 0
    with anyio.move_on_after(_BODY_SECONDS):
        async for piece in request.stream():
            size += len(piece)
            if size > _MOST_BODY:
                return


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text + "\n", status, headers, media_type="text/plain")

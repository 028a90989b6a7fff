"""Takes in errors that sites send as they would to Sentry; whoever has the key in the DSN may send for any site.

`POST /api/{project}/envelope/` and the older `POST /api/{project}/store/`, each also below a site's name: SDKs insist
on a number for the project, and take a path before it. An answer of 200 says that the error is in the store.
"""

import asyncio
import functools
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from baken import clock
from baken.api.answering import encode
from baken.errors import people, sentry, sentry_count, sentry_envelope
from baken.errors.sentry import Sent
from baken.errors.sentry_envelope import Envelope, Malformed, TooBig
from baken.history.store import Store, StoreError
from baken.privacy import Pseudonyms, installation_key, masked_trace
from baken.server.answers import HttpProblem, NotFound, TooLarge, TooMany, problem
from baken.server.body import MOST_BYTES, read_body
from baken.server.incoming import check_secret
from baken.sites.site import Site

if TYPE_CHECKING:
    from baken.server.app import Host

log = structlog.get_logger(__name__)

T = TypeVar("T")

SETTING = "incoming.sentry_key"
MOST_A_MINUTE = 600
"""So many errors of one site are taken a minute; what is refused the site has in its Error Log all the same."""
MOST_WAITING = 400
"""So many errors wait to be stored at most, of all sites together."""
_AT_ONCE = 100
# Bodies are large when they are unpacked: few at a time.
_BODIES, _WRITERS, _LOOKUPS = 3, 4, 4
_LOOKUP_SECONDS = 1.5
_TRIES = 3
_BODY_SECONDS = 20.0
_PROJECT = re.compile(r"\d{1,19}")
_PAIR = re.compile(r"\bsentry_key\s*=\s*([^\s,]{1,500})")
_DSN_KEY = re.compile(r"https?://([^:@/\s]{1,500})[:@]")
# It holds names as they were sent, and a header holds no line breaks.
_NO_HEADER = re.compile(r"[^ -~]")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "X-Sentry-Auth, Content-Type, Content-Encoding",
    "Access-Control-Expose-Headers": "Retry-After, X-Sentry-Rate-Limits",
    "Access-Control-Max-Age": "86400",
}
"""Frappe's desk sends the errors of its pages from the browser, whose pages are another origin's."""


class Unreadable(HttpProblem):
    """What was sent cannot be understood."""

    status, kind = 400, "ValidationError"


def routes(host: "Host") -> list[Route]:
    """The routes that take in errors."""
    intake = Intake(host)
    methods = ["POST", "OPTIONS"]
    return [
        Route(f"{home}/api/{{project}}/{name}{slash}", functools.partial(_answered, work), methods=methods)
        for home in ("", "/{site}")
        for name, work in (("envelope", intake.envelope), ("store", intake.store))
        for slash in ("/", "")
    ]


async def _answered(work: Callable[[Request], Any], request: Request) -> Response:
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=_CORS)
    try:
        id = await work(request)
        response = Response(encode({"id": id}), media_type="application/json")
    except Exception as error:
        found = problem(error)
        if found is None:
            raise
        response = found
        # SDKs show this while they are debugged, and only this.
        response.headers["X-Sentry-Error"] = _NO_HEADER.sub("?", str(error))[:300]
        if response.status_code in (429, 503):
            seconds = response.headers.setdefault("Retry-After", "60")
            response.headers["X-Sentry-Rate-Limits"] = f"{seconds}:error;default:key"
    response.headers.update(_CORS)
    return response


@dataclass(slots=True)
class _Bucket:
    """How many errors of a site may still come; it fills up again within a minute."""

    room: float = field(default_factory=lambda: float(MOST_A_MINUTE))
    at: float = field(default_factory=time.monotonic)

    def take(self, number: int) -> float:
        """Take `number`; 0, or in how many seconds there is room for them."""
        now = time.monotonic()
        self.room = min(float(MOST_A_MINUTE), self.room + (now - self.at) * MOST_A_MINUTE / 60)
        self.at = now
        if self.room < number:
            return (number - self.room) * 60 / MOST_A_MINUTE
        self.room -= number
        return 0.0


@dataclass(slots=True)
class _Line:
    """What of a site waits to be stored, each with what is told when it is; and the look at its users under way."""

    waiting: list[tuple[Sent, "asyncio.Future[None]"]] = field(default_factory=list)
    writer: "asyncio.Task[None] | None" = None
    lookup: "asyncio.Task[None] | None" = None
    asked: float = 0.0


class Intake:
    """Takes errors in. Those of a site that come together are stored together."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._pseudonyms = Pseudonyms(installation_key(host.settings.data_dir))
        self._buckets: dict[str, _Bucket] = defaultdict(_Bucket)
        self._lines: dict[str, _Line] = defaultdict(_Line)
        self._waiting = 0
        self._limits: dict[str, anyio.CapacityLimiter] = {}

    async def envelope(self, request: Request) -> str:
        """`POST …/envelope/`: the id of the event that was stored; "" when there was none in it."""
        early = _given(request)
        if early:
            await self._admit(request, early)
        # Who has not shown the key yet has less room.
        packed = await _body(request, sentry_envelope.MOST_PACKED if early else MOST_BYTES)
        async with self._limit("bodies", _BODIES):
            body = await self._unpacked(request, packed)
            if not early:
                headers = await self._parsed(sentry_envelope.first_line, body)
                told = _DSN_KEY.match(sentry_envelope.text_of(headers.get("dsn"), 1000))
                await self._admit(request, told[1] if told else "")
            found = await self._parsed(sentry_envelope.read, body)
        return await self._done(request, found)

    async def store(self, request: Request) -> str:
        """`POST …/store/`: the id of the event that was stored."""
        await self._admit(request, _given(request))
        packed = await _body(request, sentry_envelope.MOST_PACKED)
        async with self._limit("bodies", _BODIES):
            body = await self._unpacked(request, packed)
            event = await self._parsed(sentry_envelope.read_event, body)
        return await self._done(request, Envelope({}, [event]))

    async def _done(self, request: Request, found: Envelope) -> str:
        sent = await self._parsed(lambda _: sentry.errors(found, clock.now()), b"")
        stored = self._take(request, sent)
        if stored:
            # Who hangs up does not take back what was sent.
            await asyncio.shield(asyncio.gather(*stored))
        return _id(found)

    async def _admit(self, request: Request, given: str) -> None:
        wanted = self._host.settings.incoming.sentry_key
        work = functools.partial(check_secret, self._host.attempts, request, given, wanted, SETTING)
        await anyio.to_thread.run_sync(work, limiter=self._limit("keys", _WRITERS))

    async def _unpacked(self, request: Request, packed: bytes) -> bytes:
        encodings = request.headers.get("content-encoding", "")
        return await self._parsed(lambda body: sentry_envelope.unpack(body, encodings), packed)

    async def _parsed(self, work: Callable[[bytes], T], body: bytes) -> T:
        try:
            return await anyio.to_thread.run_sync(work, body, limiter=self._limit("parsing", _BODIES))
        except Malformed as wrong:
            raise Unreadable(str(wrong)) from None
        except TooBig as wrong:
            raise TooLarge(str(wrong)) from None

    def _take(self, request: Request, sent: list[Sent]) -> "list[asyncio.Future[None]]":
        by_site: dict[str, list[Sent]] = defaultdict(list)
        for each in sent:
            by_site[self._site_of(each, request)].append(each)
        for name, some in by_site.items():
            seconds = self._buckets[name].take(len(some))
            if seconds:
                text = f"site {name} sends more than {MOST_A_MINUTE} errors a minute; the others are in its Error Log"
                raise TooMany(text, {"Retry-After": str(math.ceil(seconds))})
        if self._waiting + len(sent) > MOST_WAITING:
            raise TooMany("more errors come than can be stored; try again in 10 s", {"Retry-After": "10"})
        return [self._queue(name, each) for name, some in by_site.items() for each in some]

    def _site_of(self, sent: Sent, request: Request) -> str:
        """The watched site of an error: as it says itself, else as the DSN says, else the only one there is."""
        sites = self._host.sites
        project: str = request.path_params["project"]
        place: str = request.path_params.get("site", "")
        named = [sent.site, place, "" if _PROJECT.fullmatch(project) else project]
        told = [name for name in named if name]
        for name in told:
            if name in sites:
                return name
        if not told and len(sites) == 1:
            return next(iter(sites))
        if told:
            raise NotFound(f"no site called {told[0][:140]} is watched here")
        raise NotFound(
            "the error does not tell its site, and several are watched: put the site's name before the number in the "
            "DSN, https://KEY@HOST/NAME-OF-THE-SITE/1, or into the tag site"
        )

    def _queue(self, name: str, sent: Sent) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._lines[name]
        line.waiting.append((sent, done))
        self._waiting += 1
        if line.writer is None:
            line.writer = asyncio.ensure_future(self._write(name, line))
        return done

    async def _write(self, name: str, line: _Line) -> None:
        """Store what waits of one site, all that has come meanwhile at once, until nothing waits."""
        while line.waiting:
            some, line.waiting = line.waiting[:_AT_ONCE], line.waiting[_AT_ONCE:]
            failed: Exception | None = None
            try:
                await self._store(name, line, [sent for sent, _ in some])
            except (StoreError, HttpProblem) as error:
                failed = error
            except Exception as error:  # noqa: BLE001
                # What is wrong with these must not hold up what comes after them.
                log.error("errors that were sent could not be counted", site=name, error=masked_trace(error))
                failed = StoreError("the errors could not be counted; Baken's log says why")
            self._waiting -= len(some)
            for _, done in some:
                if done.done():
                    continue
                if failed is None:
                    done.set_result(None)
                else:
                    done.set_exception(failed)
        line.writer = None

    async def _store(self, name: str, line: _Line, sent: list[Sent]) -> None:
        site = self._host.sites.get(name)
        if site is None:
            raise NotFound(f"no site called {name} is watched here any more")
        users = {each.event.user for each in sent if each.event.user}
        known, missing = people.at_hand(site, users, self._pseudonyms)
        if missing:
            await self._look_up(site, line, missing)
            known, _ = people.at_hand(site, users, self._pseudonyms)
        work = functools.partial(_count, self._host.store, site, sent, known)
        await anyio.to_thread.run_sync(work, limiter=self._limit("writing", _WRITERS))

    async def _look_up(self, site: Site, line: _Line, users: list[str]) -> None:
        """Ask the site for the groups of its users, for as long as errors can wait. One that hangs is asked once."""

        def ask() -> None:
            with site.reading() as reading:
                people.resolve(reading, users, self._pseudonyms)

        async def look() -> None:
            try:
                await anyio.to_thread.run_sync(ask, limiter=self._limit("lookups", _LOOKUPS))
            except Exception as error:  # noqa: BLE001
                # The errors are counted all the same: without the groups of whom they hit.
                log.error("users could not be looked up", site=site.name, error=masked_trace(error))

        now = time.monotonic()
        if line.lookup is None or line.lookup.done():
            line.lookup, line.asked = asyncio.ensure_future(look()), now
        left = line.asked + _LOOKUP_SECONDS - now
        if left > 0:
            await asyncio.wait([line.lookup], timeout=left)

    def _limit(self, kind: str, most: int) -> anyio.CapacityLimiter:
        found = self._limits.get(kind)
        if found is None:
            found = self._limits[kind] = anyio.CapacityLimiter(most)
        return found


def _count(store: Store, site: Site, sent: list[Sent], known: Mapping[str, people.Person]) -> None:
    for left in reversed(range(_TRIES)):
        try:
            sentry_count.count(store, site, sent, known, clock.now())
            return
        except StoreError:
            # The collector counts the same site's errors in between; two who wait for each other both begin anew.
            if not left:
                raise
            time.sleep(0.2)


async def _body(request: Request, most: int) -> bytes:
    try:
        with anyio.fail_after(_BODY_SECONDS):
            return await read_body(request, most)
    except TimeoutError:
        raise Unreadable(f"the body did not come within {_BODY_SECONDS:.0f} s", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Unreadable("the sender hung up before the body had come") from None


def _given(request: Request) -> str:
    """The key that a request shows in its header or its query."""
    for name in ("x-sentry-auth", "authorization"):
        header = request.headers.get(name, "")
        if header[:7].lower() == "sentry " and (found := _PAIR.search(header)):
            return found[1]
    return request.query_params.get("sentry_key", "")


def _id(found: Envelope) -> str:
    told = [each.get("event_id") for each in found.events] + [found.headers.get("event_id")]
    return next((text for each in told if (text := sentry_envelope.text_of(each, 100))), "")

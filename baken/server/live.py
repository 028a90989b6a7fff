"""Server-sent events: open pages hear at once that the store has something newer, instead of asking again and again.

However many listen, the store is looked at once a second, and not at all while nobody does. A listener is a few small
objects and a task of the event loop; it holds no thread.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from baken import clock
from baken.api.answering import encode
from baken.clock import iso
from baken.history import changes
from baken.history.changes import ALERTS, ERRORS, FIGURES, Look
from baken.history.store import StoreError
from baken.privacy import masked_trace
from baken.server.answers import HttpProblem

log = structlog.get_logger(__name__)

TOPICS = (FIGURES, ERRORS, ALERTS)

PER_PERSON = 4
"""So many pages of one person listen at a time; the one that came first gives way to a further one."""

AT_MOST = 500
"""So many listen at a time in all; whoever comes then is told to come back later, and asks in intervals meanwhile."""

HEARTBEAT = 15.0
"""Seconds after which something is sent at the latest, so that no proxy takes the connection for dead."""

LOOK_EVERY = 1.0
"""Seconds between two looks at the store."""

CHECK_EVERY = 15.0
"""Seconds between two checks whether the listener may still see the site."""

RETRY_MS = 5_000
"""When a browser comes back after the stream broke."""

_PATIENCE = 20.0
# What does not fit into a connection's buffers for so long goes to somebody who is not there any more.


class TooManyListeners(HttpProblem):
    """As many listen as Baken serves at a time."""

    status, kind = 503, "ServiceUnavailableError"


class NotAcceptable(HttpProblem):
    """The client takes no event stream."""

    status, kind = 406, "ValidationError"


def check_accepts(request: Request) -> None:
    """Raises NotAcceptable when a client says that it takes no event stream."""
    given = request.headers.get("accept", "*/*").lower()
    kinds = {part.split(";")[0].strip() for part in given.split(",")}
    if not kinds & {"text/event-stream", "text/*", "*/*"}:
        raise NotAcceptable("this method answers with server-sent events; send Accept: text/event-stream")


@dataclass(eq=False, slots=True)
class Listener:
    """A page that listens.

    Attributes:
        site: the site about which it hears.
        person: whose page it is.
        topics: what it has not been told yet.
        end: why it has to end; empty while it goes on.
        ready: whether what comes from now on is noticed.
    """

    site: str
    person: str
    topics: set[str] = field(default_factory=set)
    end: str = ""
    ready: bool = False
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Let the stream see what there is to be told."""
        self._woken.set()

    def stop(self, reason: str) -> None:
        """Let the stream end: replaced, shutdown, failed, access or gone."""
        self.end = self.end or reason
        self.wake()

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to tell, for at most so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), max(0.0, seconds))
        self._woken.clear()


class Changes:
    """All listeners, and the looks at the store for them.

    Args:
        look: looks at the store for these sites, off the event loop. Raises StoreError.
    """

    def __init__(self, look: Callable[[frozenset[str]], Awaitable[Look]]) -> None:
        self._look = look
        self._listeners: list[Listener] = []
        self._watch: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._last: Look | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, site: str, person: str) -> Listener:
        """A new listener. Raises TooManyListeners when there are as many as there may be, or the server stops."""
        own = [each for each in self._listeners if each.person == person and not each.end]
        if self._closed or (len(self._listeners) >= AT_MOST and len(own) < PER_PERSON):
            raise TooManyListeners("too many pages listen for changes now; ask in intervals", {"Retry-After": "60"})
        for first in own[: max(0, len(own) - PER_PERSON + 1)]:
            first.stop("replaced")
        # For a site that is watched already, the next look tells what came after the last one.
        listener = Listener(site, person, ready=self._last is not None and site in self._last.marks)
        if listener.ready:
            listener.wake()
        self._listeners.append(listener)
        self._wanted.set()
        if self._watch is None or self._watch.done():
            self._watch = asyncio.ensure_future(self._watching())
        return listener

    def leave(self, listener: Listener) -> None:
        """A listener is gone. With the last one the looks at the store end."""
        with contextlib.suppress(ValueError):
            self._listeners.remove(listener)
        self._wanted.set()

    def close(self) -> None:
        """Let all streams end, and take nobody any more: the server stops."""
        self._closed = True
        for listener in self._listeners:
            listener.stop("shutdown")
        self._wanted.set()

    async def _watching(self) -> None:
        try:
            await self._look_on()
        # Whatever it was: pages that hear nothing any more have to know, and ask in intervals.
        except Exception as error:  # noqa: BLE001
            log.error("the watch for changes failed", trace=masked_trace(error))
            for listener in self._listeners:
                listener.stop("failed")
        finally:
            self._last = None

    async def _look_on(self) -> None:
        failing = False
        while self._listeners and not self._closed:
            self._wanted.clear()
            began = time.monotonic()
            try:
                found = await self._look(frozenset(listener.site for listener in self._listeners))
            except StoreError as problem:
                if not failing:
                    log.warning("pages do not hear of changes", reason=str(problem))
                failing = True
            else:
                failing = False
                self._tell(found)
            await self._pause(began)

    async def _pause(self, began: float) -> None:
        """Wait for the next look; one for a site that nobody listened to so far comes at once."""
        while self._listeners and not self._closed:
            known = self._last.marks if self._last is not None else {}
            left = began + LOOK_EVERY - time.monotonic()
            if left <= 0 or (self._last is not None and any(each.site not in known for each in self._listeners)):
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), left)
            self._wanted.clear()

    def _tell(self, found: Look) -> None:
        newer = changes.changed(self._last, found) if self._last is not None else {}
        self._last = found
        for listener in self._listeners:
            topics = newer.get(listener.site, frozenset()) if listener.ready else frozenset()
            fresh = not listener.ready and listener.site in found.marks
            if topics or fresh:
                listener.topics |= topics
                listener.ready = True
                listener.wake()


class EventStream(Response):
    """The answer that goes on: hello, then what changed as it does, until the client, the session or the server goes.

    Args:
        changes: where the listener belongs.
        listener: from `Changes.join`.
        permitted: whether the listener may still see the site; asked again and again.
    """

    media_type = "text/event-stream"

    def __init__(self, changes: Changes, listener: Listener, permitted: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # A body that has no end has no length.
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        self._changes = changes
        self._listener = listener
        self._permitted = permitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        listener = self._listener
        watch = asyncio.ensure_future(_until_gone(receive, listener))
        try:
            await self._serve(send)
        except (OSError, TimeoutError) as problem:
            log.debug("a page that listened is gone", reason=str(problem) or "it took nothing any more")
        finally:
            self._changes.leave(listener)
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _serve(self, send: Send) -> None:
        listener = self._listener

        async def write(text: str, more: bool = True) -> None:
            message = {"type": "http.response.body", "body": text.encode(), "more_body": more}
            await asyncio.wait_for(send(message), _PATIENCE)

        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await asyncio.wait_for(send(start), _PATIENCE)
        # Something at once: a proxy passes the head on with the first bytes of the body.
        await write(f"retry: {RETRY_MS}\n\n")
        greeted = False
        sent = checked = time.monotonic()
        while True:
            await listener.wait(min(sent + HEARTBEAT, checked + CHECK_EVERY) - time.monotonic())
            if listener.end:
                break
            if time.monotonic() >= checked + CHECK_EVERY:
                checked = time.monotonic()
                if not await self._permitted():
                    listener.stop("access")
                    break
            text = "" if greeted or not listener.ready else _event("hello", {"site": listener.site, "at": _now()})
            greeted = greeted or listener.ready
            if listener.topics:
                topics = [topic for topic in TOPICS if topic in listener.topics]
                listener.topics.clear()
                text += _event("changed", {"topics": topics, "at": _now()})
            if not text and time.monotonic() >= sent + HEARTBEAT:
                text = ": heartbeat\n\n"
            if text:
                await write(text)
                sent = time.monotonic()
        if listener.end != "gone":
            await write(_event("end", {"reason": listener.end, "at": _now()}), more=False)


async def _until_gone(receive: Receive, listener: Listener) -> None:
    """Wait until the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.stop("gone")


def _now() -> str | None:
    return iso(clock.now())


def _event(kind: str, data: dict[str, object]) -> str:
    return f"event: {kind}\ndata: {encode(data).decode()}\n\n"

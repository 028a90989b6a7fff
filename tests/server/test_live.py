"""Server-sent events: what a page hears, who hears it, and what it costs. The application itself, without a socket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from baken.history import changes, tables
from baken.history.changes import Look
from baken.history.store import StoreUnavailable
from baken.server import live
from baken.server.live import Changes, TooManyListeners
from tests.api.alerted import change, fire
from tests.server.world import ADMIN, BOARD, MEMBER, PAGE, World, make_world, token

ADDRESS = "/api/method/baken.get_changes"
SITE = "vereniging.test"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything ten times as fast."""
    monkeypatch.setattr(live, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(live, "HEARTBEAT", 0.4)
    monkeypatch.setattr(live, "CHECK_EVERY", 0.3)


@dataclass
class Stream:
    """An open stream, as a client sees it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    over: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The events so far: their kind and data."""
        found = []
        for block in self.text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "event" in lines:
                found.append((lines["event"], json.loads(lines["data"])))
        return found

    @property
    def topics(self) -> list[list[str]]:
        """The topics of each change that was told."""
        return [data["topics"] for kind, data in self.events if kind == "changed"]

    async def until(self, true: Callable[[], Any], seconds: float = 90.0) -> None:
        """Wait until something is true of it."""
        ends = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < ends, f"not within {seconds:g} s; it got: {self.text!r}"
            await asyncio.sleep(0.02)

    async def told(self, *topics: list[str]) -> None:
        """Wait until these changes, and no others, were told."""
        await self.until(lambda: self.topics == list(topics))

    async def greeted(self) -> None:
        """Wait for hello."""
        await self.until(lambda: "event: hello" in self.text)


@asynccontextmanager
async def listening(
    world: World, headers: dict[str, str] | None = None, query: str = "", method: str = "GET"
) -> AsyncIterator[Stream]:
    """A client that listens until the block ends."""
    stream = Stream()

    async def receive() -> dict[str, Any]:
        await stream.gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            stream.status = message["status"]
            stream.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            stream.text += message["body"].decode()
            stream.over = not message.get("more_body", False)

    scope = {
        "type": "http",
        "method": method,
        "path": ADDRESS,
        "raw_path": ADDRESS.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or token(ADMIN)).items()],
        "client": ("127.0.0.1", 1),
        "server": ("baken.test", 80),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }
    task = asyncio.ensure_future(world.app(scope, receive, send))
    try:
        await stream.until(lambda: stream.status or task.done())
        yield stream
    finally:
        stream.gone.set()
        await asyncio.wait_for(task, 90)


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 300))


def cookie_of(world: World, user: str = ADMIN, **more: str) -> dict[str, str]:
    world.client.cookies.clear()
    world.sign_in(user, **more)
    return {"Cookie": f"baken_sid={world.client.cookies['baken_sid']}"}


def test_what_a_page_hears(world: World) -> None:
    async def work() -> None:
        async with listening(world, query=f"site={SITE}") as stream:
            assert stream.status == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["cache-control"] == "no-store"
            assert stream.headers["x-accel-buffering"] == "no"
            assert "content-length" not in stream.headers
            assert "content-security-policy" in stream.headers
            await stream.greeted()
            assert stream.text.startswith(f"retry: {live.RETRY_MS}\n\n")
            assert stream.events[0][1]["site"] == SITE
            assert stream.events[0][1]["at"].endswith("Z")
            assert stream.topics == []

            world.record({"association_members": {(("status", "Active"),): 7}})
            await stream.until(lambda: stream.topics)
            assert stream.topics == [["figures"]]
            fire(world.store)
            await stream.until(lambda: ["alerts"] in stream.topics)
            world.record({"host_cpu_ratio": 0.1}, site="")
            await stream.until(lambda: len(stream.topics) == 3)
            await stream.until(lambda: ": heartbeat\n\n" in stream.text)
            assert not stream.over

    run(work)


def test_acknowledging_is_heard_by_others(world: World) -> None:
    number = fire(world.store)

    async def work() -> None:
        async with listening(world) as stream, listening(world, token(BOARD)) as other:
            await stream.greeted()
            await other.greeted()
            from baken.alerts import lifecycle

            change(world.store, lambda act: lifecycle.acknowledge(act, number, "mine"))
            for each in (stream, other):
                await each.told(["alerts"])

    run(work)


def test_other_sites_are_not_heard(tmp_path: Path) -> None:
    with make_world(tmp_path, names=("one.test", "two.test")) as world:
        headers = cookie_of(world, site="one.test")

        async def work() -> None:
            async with listening(world, headers) as stream:
                await stream.greeted()
                world.record({"database_up": 1}, site="two.test")
                fire(world.store, site="two.test")
                await asyncio.sleep(0.3)
                assert stream.topics == []
            async with listening(world, headers, query="site=two.test") as refused:
                assert (refused.status, refused.over) == (403, True)
                assert "sign in to" in refused.text

        run(work)


@pytest.mark.parametrize(
    ("headers", "query", "method", "status"),
    [
        ({"x": "y"}, "", "GET", 403),
        ({"Cookie": "baken_sid=forged"}, "", "GET", 401),
        ({"Authorization": "token a:b"}, "", "GET", 401),
        (token(MEMBER), "", "GET", 403),
        (token(ADMIN), "site=nowhere.test", "GET", 404),
        (token(ADMIN), "", "POST", 405),
        (token(ADMIN) | {"Accept": "application/json"}, "", "GET", 406),
        (token(ADMIN) | {"Accept": "text/html, text/event-stream;q=0.9"}, "", "GET", 200),
        (token(ADMIN), "", "HEAD", 200),
    ],
)
def test_who_may_listen(world: World, headers: dict[str, str], query: str, method: str, status: int) -> None:
    async def work() -> None:
        async with listening(world, headers, query, method) as stream:
            assert stream.status == status
            assert stream.over == (status != 200 or method == "HEAD")

    run(work)


def test_listening_is_in_the_trail(world: World) -> None:
    async def work() -> None:
        for _ in range(3):
            async with listening(world):
                pass

    run(work)
    with world.store.read() as conn:
        rows = conn.execute(tables.audit.select().where(tables.audit.c.action == "looked")).all()
    assert [(row.user, row.target) for row in rows] == [(ADMIN, "baken.get_changes")]


@pytest.mark.parametrize("how", ["role", "user", "sign-out"])
def test_the_stream_ends_when_access_does(world: World, how: str) -> None:
    headers = cookie_of(world)
    csrf = world.client.get("/api/method/baken.get_session").json()["message"]["csrf_token"]

    async def work() -> None:
        async with listening(world, headers) as stream:
            await stream.greeted()
            await asyncio.sleep(0.7)
            assert not stream.over
            if how == "role":
                world.site_sql('DELETE FROM "tabHas Role" WHERE parent = ?', ADMIN)
            elif how == "user":
                world.site_sql('UPDATE "tabUser" SET enabled = 0 WHERE name = ?', ADMIN)
            else:
                await asyncio.to_thread(world.client.post, "/api/method/logout", headers={"X-Frappe-CSRF-Token": csrf})
            await stream.until(lambda: stream.over)
            assert stream.events[-1][0] == "end"
            assert stream.events[-1][1]["reason"] == "access"

    run(work)


def test_a_token_that_is_withdrawn(world: World) -> None:
    async def work() -> None:
        async with listening(world) as stream:
            await stream.greeted()
            world.site_sql('UPDATE "tabUser" SET api_key = NULL WHERE name = ?', ADMIN)
            await stream.until(lambda: stream.over)

    run(work)


def test_the_session_of_another_person_does_not_go_on_with_the_stream(world: World) -> None:
    """Whoever is signed in later in the same browser has another cookie; the old one is good for nothing."""
    headers = cookie_of(world)

    async def work() -> None:
        async with listening(world, headers) as stream:
            await stream.greeted()
            await asyncio.to_thread(world.sign_in, BOARD)
            await stream.until(lambda: stream.over)

    run(work)


def test_a_person_with_many_pages(world: World) -> None:
    async def work() -> None:
        async with listening(world) as first, listening(world, token(BOARD)) as other:
            await first.greeted()
            async with listening(world), listening(world), listening(world):
                assert not first.over
                async with listening(world) as last:
                    await last.greeted()
                    await first.until(lambda: first.over)
                    assert first.events[-1][1]["reason"] == "replaced"
            assert not other.over

    run(work)


def test_more_than_the_server_serves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "AT_MOST", 1)

    async def work() -> None:
        async with listening(world) as first:
            async with listening(world, token(BOARD)) as second:
                assert (second.status, second.headers["retry-after"]) == (503, "60")
                assert second.over
            assert not first.over
        async with listening(world, token(BOARD)) as again:
            assert again.status == 200

    run(work)


def test_one_look_however_many_listen_and_none_when_nobody_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    real = changes.look

    def counted(conn: Any, sites: Any, *more: Any) -> Look:
        looks.append(set(sites))
        return real(conn, sites, *more)

    monkeypatch.setattr(changes, "look", counted)
    monkeypatch.setattr(live, "LOOK_EVERY", 0.2)

    async def work() -> None:
        await asyncio.sleep(0.3)
        assert looks == []
        async with listening(world) as one, listening(world, token(BOARD)) as two, listening(world) as three:
            for each in (one, two, three):
                await each.greeted()
            before, began = len(looks), time.monotonic()
            await one.until(lambda: len(looks) - before >= 4)
            # However long that took: never more than one in that time, and one that was under way.
            assert len(looks) - before <= (time.monotonic() - began) / live.LOOK_EVERY + 2
            assert all(each == {SITE} for each in looks)
        # One look may still have been under way.
        before = -1
        while before != len(looks):
            before = len(looks)
            await asyncio.sleep(3 * live.LOOK_EVERY)
        # Whoever comes back hears again, and not of what was before.
        async with listening(world) as again:
            await again.greeted()
            world.record({"database_up": 1})
            await again.until(lambda: again.topics == [["figures"]])

    run(work)


def test_no_thread_is_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(live, "PER_PERSON", 1000)

    async def work() -> None:
        async with AsyncExitStack() as open_ones:
            streams = [await open_ones.enter_async_context(listening(world)) for _ in range(100)]
            for each in streams:
                await each.greeted()
            threads = threading.active_count()
            streams += [await open_ones.enter_async_context(listening(world)) for _ in range(100)]
            for each in streams:
                await each.greeted()
            assert threading.active_count() <= threads + 2
            world.record({"database_up": 1})
            for each in streams:
                await each.told(["figures"])

    run(work)


def test_the_server_stops(world: World) -> None:
    async def work() -> None:
        async with listening(world) as stream:
            await stream.greeted()
            world.app.state.close_streams()
            await stream.until(lambda: stream.over)
            assert stream.events[-1] == ("end", {"reason": "shutdown", "at": stream.events[-1][1]["at"]})
            async with listening(world) as late:
                assert late.status == 503

    run(work)


def test_the_store_goes_away_and_comes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CHECK_EVERY", 60.0)
    real = changes.look

    def away(*_: object) -> Look:
        raise StoreUnavailable("the store does not answer")

    async def work() -> None:
        async with listening(world) as stream:
            await stream.greeted()
            monkeypatch.setattr(changes, "look", away)
            await asyncio.sleep(0.2)
            world.record({"database_up": 1})
            await asyncio.sleep(0.2)
            assert stream.topics == []
            assert not stream.over
            monkeypatch.setattr(changes, "look", real)
            # What came meanwhile is told.
            await stream.until(lambda: stream.topics == [["figures"]])

    run(work)


def test_a_mistake_in_the_watch_ends_the_streams(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Look:
        raise RuntimeError("a mistake")

    async def work() -> None:
        async with listening(world) as stream:
            await stream.greeted()
            monkeypatch.setattr(changes, "look", broken)
            await stream.until(lambda: stream.over)
            assert stream.events[-1][1]["reason"] == "failed"
        monkeypatch.undo()
        async with listening(world) as again:
            await again.greeted()

    run(work)


def test_a_client_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_PATIENCE", 0.1)

    async def nothing(_: frozenset[str]) -> Look:
        return Look({"a": {}}, {})

    async def permitted() -> bool:
        return True

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and b"hello" in message["body"]:
            await asyncio.Event().wait()

    async def work() -> None:
        found = Changes(nothing)
        stream = live.EventStream(found, found.join("a", "p"), permitted)
        await stream({"type": "http"}, receive, send)
        assert len(found) == 0

    run(work)


def test_nobody_is_taken_after_the_end() -> None:
    async def nothing(_: frozenset[str]) -> Look:
        return Look({}, {})

    async def work() -> None:
        found = Changes(nothing)
        found.close()
        with pytest.raises(TooManyListeners):
            found.join("a", "p")

    run(work)


def test_it_is_described(world: World) -> None:
    told = world.client.get("/api/openapi.json", headers=token(ADMIN)).json()["paths"][ADDRESS]
    assert set(told) == {"get"}
    assert set(told["get"]["responses"]["200"]["content"]) == {"text/event-stream"}
    assert world.get("baken.get_session").json()["message"]["live"] is True
    assert world.client.get(f"/api/method/{PAGE}.get_changes", headers=token(ADMIN)).status_code == 404

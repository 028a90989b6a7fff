"""Errors that sites send as to Sentry: by the real SDK over a real server, and whatever else may come."""

import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cramjam
import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from baken.alerts.watch import AlertWatch
from baken.errors import people, sentry_count
from baken.history.store import StoreError
from baken.history.tables import error_contexts, error_counts, error_patterns
from baken.privacy import Pseudonyms, installation_key
from baken.server import sentry_in
from tests.errors.sentry_site import KEY, failing, make_app, sdk
from tests.server.world import ADMIN, BOARD, World, make_world
from tests.servers import free_port

SITE, OTHER = "vereniging.test", "andere.test"
OPEN = {"incoming": {"sentry_key": KEY}}
AUTH = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}, sentry_version=7, sentry_client=sentry.python/1.37.1"}


@pytest.fixture
def open_world(tmp_path: Path, public: Path) -> Iterator[World]:
    with make_world(tmp_path, public=public, more=OPEN) as made:
        yield made


@pytest.fixture
def both(tmp_path: Path, public: Path) -> Iterator[World]:
    with make_world(tmp_path, names=(SITE, OTHER), public=public, more=OPEN) as made:
        yield made


@contextmanager
def served(world: World) -> Iterator[str]:
    port = free_port()
    config = uvicorn.Config(world.app, port=port, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        threading.Event().wait(0.02)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def totals(world: World) -> dict[str, int]:
    """How many errors of each site are counted."""
    with world.store.read() as conn:
        query = (
            select(error_patterns.c.site, func.sum(error_counts.c.count))
            .join_from(error_patterns, error_counts, error_counts.c.pattern == error_patterns.c.number)
            .group_by(error_patterns.c.site)
        )
        return {row[0]: int(row[1]) for row in conn.execute(query)}


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    values = [{"type": "ValueError", "value": "no", "stacktrace": {"frames": [{"filename": "a.py", "function": "f"}]}}]
    body = {"event_id": f"{number:032x}", "platform": "python", "exception": {"values": values}, "level": "error"}
    return {**body, "user": {"id": SITE}, "tags": {"frappe_user": ADMIN}, **more}


def envelope(*events: dict[str, Any], **headers: Any) -> bytes:
    lines = [json.dumps({"event_id": "0" * 32, **headers})]
    for each in events:
        lines += [json.dumps({"type": "event"}), json.dumps(each)]
    return "\n".join(lines).encode()


def send(world: World, body: bytes, path: str = "/api/1/envelope/", **headers: str) -> httpx.Response:
    answer: httpx.Response = world.client.post(path, content=body, headers={**AUTH, **headers})
    return answer


def test_the_real_sdk(both: World, tmp_path: Path) -> None:
    app = make_app(tmp_path)
    with served(both) as address:
        for dsn in (f"http://{KEY}@{address}/1", f"http://{KEY}@{address}/{OTHER}/1"):
            with sdk(None, dsn) as scope:
                scope.set_user({"id": SITE})
                for work in app.WAYS:
                    scope.capture_exception(failing(work))
                # Where the site that it names is not watched, the DSN tells.
                scope.set_user({"id": "unknown.test"})
                scope.capture_exception(failing(app.divide))
                scope.client.flush(20)
    ways = len(app.WAYS)
    assert totals(both) == {SITE: 2 * ways, OTHER: 1}
    with both.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(error_patterns)).scalar_one() <= ways + 1
        users = set(conn.execute(select(error_contexts.c.user)).scalars())
    pseudonyms = Pseudonyms(installation_key(both.settings.data_dir))
    assert users == {pseudonyms.of("user", "jan@leden.example")}


def test_who_it_hit_is_asked_of_the_site_once(open_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    open_world.site_sql("ALTER TABLE `tabUser` ADD COLUMN user_type TEXT")
    open_world.site_sql("UPDATE `tabUser` SET user_type = 'System User'")
    asked: list[Any] = []
    real = people.resolve

    def resolve(*given: Any) -> Any:
        asked.append(given)
        return real(*given)

    monkeypatch.setattr(people, "resolve", resolve)
    for number in range(3):
        assert send(open_world, envelope(event(number, tags={"frappe_user": BOARD}))).json() == {"id": f"{number:032x}"}
    with open_world.store.read() as conn:
        assert {row.user_group for row in conn.execute(select(error_contexts))} == {"manager"}
    assert len(asked) == 1


def test_a_site_that_hangs_holds_nothing_up(open_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(people, "resolve", lambda *_: release.wait(20))
    started = time.monotonic()
    for number in range(6):
        assert send(open_world, envelope(event(number, tags={"frappe_user": BOARD}))).status_code == 200
    # One look is waited for, and only for a moment.
    assert time.monotonic() - started < 5
    release.set()
    assert totals(open_world) == {SITE: 6}
    with open_world.store.read() as conn:
        assert {row.user_group for row in conn.execute(select(error_contexts))} == {"unknown"}


@pytest.mark.parametrize(
    "path",
    ["/api/1/envelope/", "/api/1/envelope", f"/api/{SITE}/envelope/", f"/{SITE}/api/42/envelope/", "/api/1/store/"],
)
def test_where_it_may_be_sent(both: World, path: str) -> None:
    body = json.dumps(event()).encode() if "store" in path else envelope(event())
    assert send(both, body, path).json() == {"id": f"{1:032x}"}
    assert send(both, body, path).status_code == 200
    assert totals(both) == {SITE: 1}


def test_whose_it_is(both: World) -> None:
    nobody = event(1, user={"id": "7", "email": "x@y.example"}, tags={})
    answer = send(both, envelope(nobody))
    assert answer.status_code == 404
    assert "several are watched" in answer.json()["message"]
    assert "several" in answer.headers["x-sentry-error"]
    assert send(both, envelope(nobody), f"/{OTHER}/api/1/envelope/").status_code == 200
    assert send(both, envelope(event(2, tags=[["site", OTHER]]))).status_code == 200
    assert send(both, envelope(event(3, user={"id": "gone.test"}))).status_code == 404
    assert totals(both) == {OTHER: 2}


def test_the_reason_is_a_header_whatever_was_sent(both: World) -> None:
    answer = send(both, envelope(event(1, tags={"site": "a\r\nb\x01é"}, user={})))
    assert answer.status_code == 404
    assert answer.headers["x-sentry-error"] == "no site called a??b?? is watched here"
    odd = send(both, envelope(event(1, tags={}, user={})), "/x%0dy/api/1/envelope/")
    assert odd.headers["x-sentry-error"] == "no site called x?y is watched here"


def test_the_key(open_world: World) -> None:
    client, body = open_world.client, envelope(event(1), dsn=f"https://{KEY}@baken.example.org/1")
    assert client.post("/api/1/envelope/", content=body).status_code == 200
    assert client.post(f"/api/1/envelope/?sentry_key={KEY}", content=envelope(event(2))).status_code == 200
    assert client.post("/api/1/envelope/", content=envelope(event(3)), headers={"Authorization": AUTH["X-Sentry-Auth"]})
    for headers, text in (({}, envelope(event(4))), ({"X-Sentry-Auth": "Sentry sentry_key=x"}, body)):
        answer = client.post("/api/1/envelope/", content=text, headers=headers)
        assert answer.status_code == 403
        assert "incoming.sentry_key" in answer.json()["message"]
        assert KEY not in answer.text
    assert totals(open_world) == {SITE: 3}
    tries = open_world.settings.server.sign_in_attempts
    codes = [client.post("/api/1/store/?sentry_key=wrong", content=b"{}").status_code for _ in range(tries)]
    assert codes[-1] == 429
    # Who has the right one is not kept out by others.
    assert send(open_world, envelope(event(5))).status_code == 200


def test_without_a_key_it_is_closed(world: World) -> None:
    answer = send(world, envelope(event()))
    assert (answer.status_code, "incoming.sentry_key" in answer.json()["message"]) == (403, True)
    assert totals(world) == {}


def test_packed(open_world: World) -> None:
    ways: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": lambda data: bytes(cramjam.brotli.compress(data)),
    }
    for number, (name, pack) in enumerate(ways.items()):
        answer = send(open_world, pack(envelope(event(number))), **{"Content-Encoding": name})
        assert answer.status_code == 200, answer.text
    assert totals(open_world) == {SITE: 3}
    assert send(open_world, gzip.compress(bytes(60_000_000)), **{"Content-Encoding": "gzip"}).status_code == 413
    assert send(open_world, b"x" * 5_000_000).status_code == 413
    assert open_world.client.post("/api/1/envelope/", content=b"x" * 1_500_000).status_code == 413
    assert send(open_world, envelope(event()), **{"Content-Encoding": "zstd"}).status_code == 400


def test_what_is_no_error_is_taken_and_forgotten(open_world: World) -> None:
    for kind in ("session", "sessions", "transaction", "client_report", "attachment", "profile", "check_in", "new"):
        body = f'{{"event_id":"{1:032x}"}}\n{{"type":"{kind}"}}\n{{"type":"transaction"}}\n'.encode()
        answer = send(open_world, body)
        assert (answer.status_code, answer.json()) == (200, {"id": f"{1:032x}"})
    assert send(open_world, json.dumps({"type": "transaction"}).encode(), "/api/1/store/").status_code == 200
    assert totals(open_world) == {}


def test_too_many(open_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentry_in, "MOST_A_MINUTE", 3)
    answers = [send(open_world, envelope(event(number))) for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    told = answers[-1].headers
    assert 1 <= int(told["retry-after"]) <= 40
    assert told["x-sentry-rate-limits"] == f"{told['retry-after']}:error;default:key"
    assert totals(open_world) == {SITE: 3}


def test_a_store_that_is_away_is_said(open_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def fail(*_: Any) -> None:
        tried.append(1)
        if len(tried) < 9:
            raise StoreError("the store is away")

    monkeypatch.setattr(sentry_count, "count", fail)
    answer = send(open_world, envelope(event()))
    assert answer.status_code == 503
    assert answer.headers["x-sentry-rate-limits"].endswith(":error;default:key")
    tried += [1] * 9
    assert send(open_world, envelope(event())).status_code == 200


def test_a_browser_may_send(open_world: World) -> None:
    asked = open_world.client.options("/api/1/envelope/", headers={"Origin": "https://site.example"})
    assert asked.status_code == 204
    answer = send(open_world, envelope(event()), Origin="https://site.example")
    for each in (asked, answer, send(open_world, b"[]")):
        assert each.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in each.headers


def test_many_at_once_are_all_counted(open_world: World) -> None:
    with served(open_world) as address, httpx.Client(trust_env=False, timeout=60) as client:
        codes: list[int] = []

        def work(turn: int) -> None:
            for number in range(turn, 120, 8):
                body = envelope(event(number), event(1000 + number))
                codes.append(client.post(f"http://{address}/api/1/envelope/", content=body, headers=AUTH).status_code)

        threads = [threading.Thread(target=work, args=(turn,)) for turn in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [200] * 120
    assert totals(open_world) == {SITE: 240}


def test_alerts_are_judged_within_seconds(open_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = AlertWatch(open_world.settings, open_world.store, "test", lambda: [SITE])
    judged: list[float] = []
    real = watch.engine.evaluate

    def evaluate(site: str, *args: Any, errors: bool = False, **more: Any) -> int:
        judged.extend([time.monotonic()] if errors and site == SITE else [])
        return real(site, *args, errors=errors, **more)

    monkeypatch.setattr(watch.engine, "evaluate", evaluate)
    watch.start()
    try:
        threading.Event().wait(2)
        assert judged == []
        for number in range(2):
            assert send(open_world, envelope(event(number))).status_code == 200
            deadline = time.monotonic() + 5
            while len(judged) <= number and time.monotonic() < deadline:
                threading.Event().wait(0.05)
            assert len(judged) == number + 1
    finally:
        watch.stop()


HEADERS = st.dictionaries(
    st.sampled_from(["Content-Encoding", "X-Sentry-Auth", "Content-Type", "Authorization"]),
    st.sampled_from(
        ["gzip", "deflate", "br", "gzip, gzip", "x", "Sentry sentry_key=", "Sentry", AUTH["X-Sentry-Auth"]]
    ),
)
BODIES = (
    st.binary(max_size=300)
    | st.binary(max_size=60).map(lambda rest: envelope(event()) + b"\n" + rest)
    | st.dictionaries(st.sampled_from(list(event())), st.none() | st.integers() | st.text(max_size=5)).map(
        lambda more: envelope({**event(), **more})
    )
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    more = {"server": {"sign_in_attempts": 100_000}}
    with make_world(tmp_path_factory.mktemp("fuzz"), more={**OPEN, **more}) as made:
        yield made


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        ["/api/1/envelope/", "/api/x/envelope", "/y/api/2/store/", "/api/method/envelope/", "/api/%00/store"]
    ),
    HEADERS, BODIES, st.booleans(),
)  # fmt: skip
def test_whatever_comes(fuzzed: World, path: str, headers: dict[str, str], body: bytes, known: bool) -> None:
    answer = fuzzed.client.post(path, content=body, headers={**headers, **(AUTH if known else {})})
    assert answer.status_code < 500, answer.text

"""The long history when it does not do as it should: slow, large, wrong, away."""

import contextlib
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from baken import settings
from baken.clock import to_ms
from baken.history import remote
from baken.history.ranges import Points
from baken.history.remote import LongHistoryProblem, read_remote
from baken.settings import Auth, History

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

Answer = tuple[int, dict[str, str], bytes | list[bytes]]
"""Status, headers and body; parts of a body come one by one."""


class Server:
    """Answers as Prometheus does, unless `answer` says otherwise; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda _method, _arguments: self.figures([])
        self.look_back = self.figures([{"metric": {}, "value": [1, "2"]}], "vector")
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                arguments = dict(urllib.parse.parse_qsl(query))
                server.asked.append((path, arguments, {name.lower(): value for name, value in self.headers.items()}))
                if "vector(1)" in arguments["query"]:
                    status, headers, body = server.look_back
                else:
                    status, headers, body = server.answer(path, arguments)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    for part in body if isinstance(body, list) else [body]:
                        self.wfile.write(part)
                        time.sleep(0.1 if isinstance(body, list) else 0)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @staticmethod
    def figures(result: list[Any], kind: str = "matrix") -> Answer:
        return 200, {}, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    remote.forget()
    yield made
    remote.forget()
    made.http.shutdown()
    made.http.server_close()


def history(url: str, **further: Any) -> History:
    return History(metrics_url=SecretStr(url), **{"metrics_seconds": 0.5, **further})


def read(url: str, *, hours: int = 3, **further: Any) -> list[Points]:
    return read_remote(
        history(url, **further), "s", "host_load", START, START + hours * HOUR, step=HOUR, names=("window",)
    )


def problem(url: str, **further: Any) -> str:
    with pytest.raises(LongHistoryProblem) as raised:
        read(url, **further)
    return str(raised.value)


def test_what_is_asked_and_how(server: Server) -> None:
    def answer(_path: str, arguments: dict[str, str]) -> Answer:
        at = datetime.fromisoformat(arguments["start"]).timestamp()
        each = {"__name__": "x", "window": "1m", "site": "s", "replica": "a"}
        return server.figures(
            [
                {"metric": {**each, "baken_figure": figure}, "values": [[at, value], [at + 3600, "NaN"]]}
                for figure, value in (("value", "2.5"), ("minimum", "1"), ("maximum", "1e+3"))
            ]
        )

    server.answer = answer
    (line,) = read(f"{server.url}/prometheus/", metrics_match={"baken": 'one"'}, metrics_auth=Auth(token="secret"))
    assert line == Points({"window": "1m"}, [to_ms(START)], [2.5], [1], [1000])
    path, arguments, headers = server.asked[-1]
    assert path == "/prometheus/api/v1/query_range"
    assert headers["authorization"] == "Bearer secret"
    assert arguments["start"] == "2026-03-01T00:59:59.999Z"
    assert arguments["end"] == "2026-03-01T02:59:59.999Z"
    assert arguments["step"] == "3600000ms"
    assert '{__name__="baken_host_load",baken="one\\"",site="s"}[3599999ms]' in arguments["query"]
    read(f"{server.url}/prometheus", metrics_auth=Auth(user="a", password=SecretStr("b")), metrics_match={})
    assert server.asked[-1][2]["authorization"] == "Basic YTpi"


def test_a_very_long_course_is_asked_for_in_parts(server: Server) -> None:
    read(server.url, hours=25_000, metrics_seconds=20)
    asked = [each for each in server.asked if each[0].endswith("query_range")]
    assert len(asked) == 3
    assert asked[1][1]["start"] == (START + 10_001 * HOUR - timedelta(milliseconds=1)).isoformat(
        timespec="milliseconds"
    ).replace("+00:00", "Z")


def test_one_that_does_not_answer_costs_its_time_once(server: Server) -> None:
    def slowly(_path: str, _arguments: dict[str, str]) -> Answer:
        time.sleep(3)
        return server.figures([])

    server.answer = slowly
    began = time.monotonic()
    assert problem(server.url) == "the long history at 127.0.0.1 gave no answer within 0.5 s"
    assert time.monotonic() - began < 1
    began = time.monotonic()
    for _ in range(5):
        assert (
            problem(server.url) == "the long history at 127.0.0.1 did not answer a moment ago; it is asked again soon"
        )
    assert time.monotonic() - began < 0.1


def test_it_is_asked_again_later(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = lambda _path, _arguments: (503, {}, b"busy")
    assert problem(server.url) == "the long history at 127.0.0.1 cannot be reached: it answered 503"
    server.answer = lambda _path, _arguments: server.figures([])
    assert "a moment ago" in problem(server.url)
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 31)
    assert read(server.url) == []
    assert read(server.url) == []


def test_one_that_sends_bit_by_bit_is_not_waited_for(server: Server) -> None:
    server.answer = lambda _path, _arguments: (200, {}, [b" "] * 100)
    began = time.monotonic()
    assert "gave no answer within 0.5 s" in problem(server.url)
    assert time.monotonic() - began < 1.2


def test_more_than_a_chart_can_take_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_BYTES", 10_000)
    server.answer = lambda _path, _arguments: (200, {}, b" " * 20_000)
    assert "more points than a chart can take" in problem(server.url)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, b""), "answered 401; check history.metrics_auth"),
        ((404, {}, b"not found"), "answered 404; check history.metrics_url: there is nothing there"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "answered 302; check history.metrics_url"),
        ((422, {}, b'{"status":"error","error":"query processing would load too many samples"}'), "too many samples"),
        ((200, {}, b"<html>Sign in</html>"), "did not answer with figures; check history.metrics_url"),
        ((200, {}, b'{"data": {"resultType": "matrix", "result": [{"metric": 3}]}}'), "did not answer with figures"),
        (
            (200, {}, b'{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1e999, "1"]]}]}}'),
            "did not answer with figures",
        ),
        ((200, {}, b"[" * 100_000), "did not answer with figures"),
        ((422, {}, b"[" * 100_000), "answered 422"),
    ],
)
def test_what_is_wrong_is_said(server: Server, answer: Answer, said: str) -> None:
    server.answer = lambda _path, _arguments: answer
    assert said in problem(server.url)
    # It did answer: nothing keeps from asking again.
    assert said in problem(server.url)


def test_what_speaks_no_promql_is_refused(server: Server) -> None:
    two = [{"metric": {"a": each}, "value": [1, "2"]} for each in "ab"]
    for result, kind in (
        ([], "vector"),
        (two, "vector"),
        ([{"metric": {}, "values": [[1, "2"], [2, "2"]]}], "matrix"),
    ):
        remote.forget()
        server.look_back = server.figures(result, kind)
        assert "does not speak PromQL" in problem(server.url)


def test_an_address_is_never_told_with_what_is_secret_in_it() -> None:
    remote.forget()
    said = problem("http://user:secret@127.0.0.1:1/token-in-path")
    assert said == "the long history at 127.0.0.1 cannot be reached: Connection refused"
    remote.forget()


@pytest.mark.parametrize(
    "auth", [Auth(token=SecretStr("secret\n")), Auth(token=SecretStr("sécret")), Auth(headers={"X": SecretStr("a\rb")})]
)
def test_a_token_that_is_no_header_is_told_as_such(server: Server, auth: Auth) -> None:
    said = problem(server.url, metrics_auth=auth)
    assert "history.metrics_auth has a sign that no header may have" in said and "cret" not in said


def test_a_label_that_is_none_is_refused(server: Server) -> None:
    assert "cannot be a label" in problem(server.url, metrics_match={'a="b",c': "d"})
    assert not server.asked


def test_settings_without_an_address_say_so() -> None:
    with pytest.raises(LongHistoryProblem, match="is not set"):
        read_remote(settings.History(), "s", "host_load", START, START + HOUR, step=HOUR)

"""Calls of other programs: what comes back, what is said when nothing does, and what is never said."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from baken.exporters.calling import call, check
from baken.exporters.pushing import NotTaken
from baken.settings import Auth
from tests.servers import free_port


@dataclass
class Other:
    """Another program: it answers what the test says and keeps what it was asked."""

    port: int = 0
    status: int = 200
    body: bytes = b"fine"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret/path?key=hidden"


@pytest.fixture
def other() -> Iterator[Other]:
    found = Other()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            given = {name.lower(): value for name, value in self.headers.items()}
            found.asked.append((self.command, self.path, given, self.rfile.read(length)))
            time.sleep(found.delay)
            self.send_response(found.status)
            for name, value in {"Content-Length": str(len(found.body)), **found.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(found.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server calls them so

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


def test_it_says_who_it_is(other: Other) -> None:
    assert call("GET", other.url, auth=Auth(token=SecretStr("t0ken")), what="store").body == b"fine"
    call("POST", other.url, auth=Auth(user="u", password=SecretStr("p")), what="store", json={"a": 1})
    call("DELETE", other.url, auth=Auth(headers={"X-Scope-OrgID": SecretStr("7")}), what="store", content=b"x")
    first, second, third = other.asked
    assert first[:2] == ("GET", "/secret/path?key=hidden") and first[2]["authorization"] == "Bearer t0ken"
    assert second[2]["authorization"] == "Basic dTpw" and second[3] == b'{"a":1}'
    assert third[0] == "DELETE" and third[2]["x-scope-orgid"] == "7" and third[3] == b"x"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", "answered 401; check the token or password"),
        (400, b"out of order sample\nmore", "answered 400: out of order sample more"),
        (302, b"", "wants to send on elsewhere"),
        (500, b"<html>oops</html>", "answered 500"),
        (400, b"IBAN NL91ABNA0417164300", "answered 400"),
    ],
)
def test_what_is_no_success_is_told_without_secrets(other: Other, status: int, body: bytes, words: str) -> None:
    other.status, other.body = status, body
    reply = call("GET", other.url, auth=Auth(), what="store")
    with pytest.raises(NotTaken) as told:
        check(reply, other.url, "store")
    text = str(told.value)
    assert text.startswith("store 127.0.0.1") and words in text
    assert "secret" not in text and "hidden" not in text and "NL91ABNA0417164300" not in text


def test_a_redirect_is_not_followed(other: Other) -> None:
    other.status, other.headers = 307, {"Location": other.url}
    assert call("POST", other.url, auth=Auth(token=SecretStr("t")), what="store", content=b"x").status == 307
    assert len(other.asked) == 1


def test_no_answer_in_time_and_nobody_there(other: Other) -> None:
    other.delay = 3
    with pytest.raises(NotTaken, match=r"^store 127.0.0.1 gave no answer within 0.3 s$"):
        call("GET", other.url, auth=Auth(), what="store", timeout=0.3)
    with pytest.raises(NotTaken, match=r"^store 127.0.0.1 cannot be reached: Connection refused$"):
        call("GET", f"http://127.0.0.1:{free_port()}/secret", auth=Auth(), what="store")
    for wrong in ("nonsense", "ftp://a/b", "http://[::1"):
        with pytest.raises(NotTaken):
            call("GET", wrong, auth=Auth(), what="store")


@pytest.mark.parametrize(
    "auth",
    [
        Auth(token=SecretStr("hidden\n")),
        Auth(token=SecretStr("hidd\u00e9n")),
        Auth(headers={"X": SecretStr("a\rb")}),
    ],
)
def test_a_token_that_is_no_header_is_told_as_such(other: Other, auth: Auth) -> None:
    with pytest.raises(NotTaken, match=r"^store 127\.0\.0\.1 cannot be called: a token") as told:
        call("GET", other.url, auth=auth, what="store")
    assert "hid" not in str(told.value) and not other.asked


def test_an_endless_answer_is_left(other: Other) -> None:
    other.body = b"x" * 200_000
    with pytest.raises(NotTaken, match="more than 1000 bytes"):
        call("GET", other.url, auth=Auth(), what="store", most_bytes=1000)

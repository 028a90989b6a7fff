"""The client of the channels: where it goes, where it refuses to go, and what answers mean."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from baken.alerts.channels import Context, http
from baken.alerts.message import Undelivered
from tests.alerts.certificate import server_tls
from tests.alerts.remote import LOOPBACK, Remote, Request, remote

CLOSED = Context(timeout=60)


@pytest.fixture
def far() -> Iterator[Remote]:
    """A server that takes everything."""
    with remote() as made:
        yield made


def resolves(monkeypatch: pytest.MonkeyPatch, *answers: str | tuple[str, ...]) -> list[str]:
    """Let names lead to addresses: the first answer at the first look, the last one from then on. Looks are noted."""
    looks: list[str] = []
    really = socket.getaddrinfo

    def look(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host.strip("0123456789abcdef.:") == "":
            # Connecting to an address goes this way as well; that is no look at a name.
            return list(really(host, port, *args, **kwargs))
        found = answers[min(len(looks), len(answers) - 1)]
        looks.append(host)
        addresses = (found,) if isinstance(found, str) else found
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return looks


def test_a_message_arrives_with_body_and_headers(far: Remote) -> None:
    reply = http.post(f"{far.url}/in?x=1", json={"a": "é"}, headers={"X-One": "1"}, context=LOOPBACK)
    assert (reply.status, reply.text) == (200, "ok")
    request = far.requests[0]
    assert (request.method, request.path, request.json) == ("POST", "/in?x=1", {"a": "é"})
    assert request.headers["x-one"] == "1"
    assert request.headers["host"] == f"127.0.0.1:{far.port}"


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.5", "172.16.3.4", "192.168.1.1", "127.0.0.1", "100.64.0.1", "169.254.169.254", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fc00::1", "fe80::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.5", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::a00:5", "2002:a00:5::1",
    ],
)  # fmt: skip
def test_private_and_reserved_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, far: Remote, address: str) -> None:
    resolves(monkeypatch, address)
    with pytest.raises(Undelivered, match=r"leads to the .* address") as refusal:
        http.post(f"http://hooks.example.org:{far.port}/", content=b"", context=CLOSED)
    assert refusal.value.permanent
    assert refusal.value.whom == "channel"
    assert far.requests == []


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "::ffff:169.254.169.254", "fe80::1"])
def test_no_setting_opens_the_way_to_the_machines_credentials(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolves(monkeypatch, address)
    wide = Context(allow_private=("0.0.0.0/0", "::/0"), timeout=60)
    with pytest.raises(Undelivered, match="never allowed"):
        http.post("http://hooks.example.org/", content=b"", context=wide)


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, ("93.184.215.14", "10.0.0.5"))
    with pytest.raises(Undelivered) as refusal:
        http.post("https://hooks.example.org/", content=b"", context=CLOSED)
    assert str(refusal.value) == (
        "webhook address hooks.example.org leads to the private address 10.0.0.5; add 10.0.0.0/8 to "
        "alerts.allow_private if that is meant"
    )


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"])
def test_public_addresses_are_reached_without_any_setting(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolves(monkeypatch, address)
    assert http.reachable("hooks.example.org", 443, CLOSED) == [ipaddress.ip_address(address)]


def test_a_private_network_is_reached_when_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "10.0.0.5")
    assert http.reachable("a.example.org", 80, Context(allow_private=("10.0.0.0/8",)))
    with pytest.raises(Undelivered):
        http.reachable("a.example.org", 80, Context(allow_private=("10.1.0.0/16", "fc00::/7")))


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0/",
        "http://user@127.0.0.1/", "http://user:word@127.0.0.1/", "http://:word@127.0.0.1/",
        "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "//127.0.0.1/", "127.0.0.1", "",
        "http://", "http:///x", "http://127.0.0.1\\@example.org/", "http://127.0.0.1/\r\nX: y", "http://a b/",
        "http://127.0.0.1:99999/",
    ],
)  # fmt: skip
def test_addresses_that_are_not_plain_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    looks = resolves(monkeypatch, "127.0.0.1")
    with pytest.raises(Undelivered) as refusal:
        http.post(url, content=b"", context=LOOPBACK)
    assert refusal.value.permanent
    assert looks == []


def test_a_name_that_changes_after_the_look_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch, far: Remote) -> None:
    """DNS rebinding: public when it is checked, this machine when it is called."""
    looks = resolves(monkeypatch, "127.0.0.1", "127.0.0.99")
    http.post(f"http://hooks.example.org:{far.port}/", content=b"x", context=LOOPBACK)
    assert looks == ["hooks.example.org"]
    assert far.requests[0].headers["host"] == f"hooks.example.org:{far.port}"
    called: list[Any] = []

    def connect(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    looks = resolves(monkeypatch, "93.184.215.14", "127.0.0.1")
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Undelivered, match="cannot be reached: Connection refused"):
        http.post(f"http://hooks.example.org:{far.port}/", content=b"x", context=CLOSED)
    assert called == [("93.184.215.14", far.port)]
    assert looks == ["hooks.example.org"]
    assert len(far.requests) == 1


def test_tls_is_held_to_the_hosts_name_and_not_to_its_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server, file = server_tls(tmp_path, "hooks.example.org")
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    trust = ssl.create_default_context(cafile=str(file))
    resolves(monkeypatch, "127.0.0.1")
    with remote(server) as far:
        http.post(f"https://hooks.example.org:{far.port}/", content=b"x", context=LOOPBACK, tls=trust)
        with pytest.raises(Undelivered, match=r"certificate of webhook other\.example\.org cannot be trusted") as wrong:
            http.post(f"https://other.example.org:{far.port}/", content=b"x", context=LOOPBACK, tls=trust)
        with pytest.raises(Undelivered, match="cannot be trusted") as unknown:
            http.post(f"https://hooks.example.org:{far.port}/", content=b"x", context=LOOPBACK)
        assert len(far.requests) == 1
    assert asked == ["hooks.example.org", "other.example.org", "hooks.example.org"]
    assert wrong.value.permanent
    assert unknown.value.permanent


def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch, far: Remote) -> None:
    resolves(monkeypatch, ("127.0.0.2", "127.0.0.1"))
    http.post(f"http://hooks.example.org:{far.port}/", content=b"x", context=LOOPBACK)
    assert len(far.requests) == 1


def test_redirects_are_not_followed(far: Remote) -> None:
    far.says(302, Location=f"{far.url}/elsewhere")
    with pytest.raises(Undelivered, match="set the final address") as refusal:
        http.post(f"{far.url}/here", content=b"x", context=LOOPBACK)
    assert refusal.value.permanent
    assert [request.path for request in far.requests] == ["/here"]


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, far: Remote) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert http.post(far.url, content=b"x", context=LOOPBACK).status == 200


def test_of_an_endless_answer_64_kib_are_read() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def pour() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not stop.is_set():
                connection.sendall(b"x" * 65_536)

    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    began = time.monotonic()
    reply = http.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", content=b"", context=LOOPBACK)
    stop.set()
    thread.join()
    listener.close()
    assert len(reply.text) == 64 * 1024
    assert time.monotonic() - began < LOOPBACK.timeout / 2


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(500, False), (502, False), (503, False), (429, False), (408, False), (400, True), (401, True), (403, True),
     (404, True), (410, True), (413, True), (422, True)],
)  # fmt: skip
def test_what_an_answer_means(far: Remote, status: int, permanent: bool) -> None:
    far.says(status)
    with pytest.raises(Undelivered, match=f"answered {status}") as refusal:
        http.post(far.url, content=b"", context=LOOPBACK)
    assert refusal.value.permanent is permanent
    assert refusal.value.whom == "channel"


def test_who_says_when_to_come_back_is_quoted(far: Remote) -> None:
    far.says(429, Retry_After="37")
    with pytest.raises(Undelivered, match="left alone for 37 s"):
        http.post(far.url, content=b"", context=LOOPBACK)


def test_secrets_of_the_call_are_in_no_text(far: Remote) -> None:
    def echo(request: Request) -> tuple[int, dict[str, str], bytes]:
        return 403, {}, f"no: {request.path} {request.headers['authorization']} of admin@example.org".encode()

    far.answer = echo
    url = f"{far.url}/services/T0AAA/B0BBB/s3cr3tw0rd?key=an0ther"
    with pytest.raises(Undelivered) as refusal:
        http.post(url, content=b"", headers={"Authorization": "Bearer hush-hush"}, context=LOOPBACK)
    text = str(refusal.value)
    assert "answered 403 (no:" in text
    for secret in ("T0AAA", "B0BBB", "s3cr3tw0rd", "an0ther", "hush-hush", "admin@example.org"):
        assert secret not in text
    far.answer = lambda request: (302, {"Location": request.path}, b"")
    with pytest.raises(Undelivered) as refusal:
        http.post(url, content=b"", context=LOOPBACK)
    assert "s3cr3tw0rd" not in str(refusal.value)
    with pytest.raises(Undelivered) as refusal:
        http.post(url.replace(str(far.port), "9"), content=b"", context=LOOPBACK)
    assert "s3cr3tw0rd" not in str(refusal.value)
    assert not refusal.value.permanent


def test_a_name_that_does_not_exist_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **kwargs: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(Undelivered, match=r"hooks\.example\.org is not known to the name server") as refusal:
        http.post("https://hooks.example.org/", content=b"", context=CLOSED)
    assert not refusal.value.permanent


@pytest.mark.parametrize("where", ["name server", "headers", "drip"])
def test_nothing_holds_a_delivery_for_longer_than_its_time(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    hurried = Context(allow_private=("127.0.0.0/8",), timeout=0.4)
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                if where == "drip":
                    connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.1):
                    if where == "drip":
                        connection.sendall(b"X-A: b\r\n")
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    if where == "name server":
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: stop.wait(60))
    began = time.monotonic()
    try:
        with pytest.raises(Undelivered, match=r"no answer within 0\.4 s") as refusal:
            http.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", content=b"", context=hurried)
    finally:
        stop.set()
        listener.close()
    assert not refusal.value.permanent
    # Whoever it is told of would go on for a minute at least.
    assert time.monotonic() - began < 30


def test_get_takes_successes_only(far: Remote) -> None:
    assert http.get(f"{far.url}/ping/1", context=LOOPBACK).status == 200
    assert far.requests[0].method == "GET"
    far.says(500)
    with pytest.raises(Undelivered, match=r"heartbeat 127\.0\.0\.1 answered 500"):
        http.get(f"{far.url}/ping/1", context=LOOPBACK)
    assert http.host_of(f"{far.url}/ping/1") == "127.0.0.1"
    assert http.host_of("no address") == "?"

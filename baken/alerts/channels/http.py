"""The client by which channels reach other machines: only where that is allowed, and never somewhere else meanwhile.

A host is looked up once. Every address it has must be public or lie in a network that the settings allow, and the
connection goes to one of these very addresses, so that a name that changes between the look and the call (DNS
rebinding) leads nowhere. Redirects are not followed; proxies of the environment are not used.
"""

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from pydantic import SecretStr

from baken.alerts.channels import Context
from baken.alerts.message import Undelivered
from baken.outward import authorities, within
from baken.privacy import mask

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read at most."""

MOST_ADDRESSES = 4
"""Addresses of a host that are tried at most."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Text = TypeVar("Text", str, SecretStr)

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "fc00::/7", "::1/128")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
# Other ways to write an IPv4 address, which not every program reads alike: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMBERS = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]*|[0-9]+))*\.?")
_RETRY_LATER = frozenset({408, 421, 425, 429})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its text (at most 64 KiB) and its headers with names in lower case."""

    status: int
    text: str
    headers: Mapping[str, str]


def post(
    url: str,
    *,
    json: object = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    context: Context,
    what: str = "webhook",
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """POST to `url` and return the answer when it says that the other side took it (2xx).

    Args:
        url: http or https; its path and query are taken for secrets and appear in no text.
        json: a body to be sent as JSON; or
        content: the body itself.
        headers: further headers.
        context: which private networks are allowed, and the time limit in seconds.
        what: what is called, for texts: "webhook", "ntfy server".
        tls: instead of the certificate authorities of the system.

    Raises Undelivered with what happened and what to do.
    """
    reply = exchange("POST", url, json=json, content=content, headers=headers, context=context, what=what, tls=tls)
    if not 200 <= reply.status < 300:
        raise refused(reply, url, headers, what=what)
    return reply


def get(url: str, *, context: Context, what: str = "heartbeat", tls: ssl.SSLContext | None = None) -> Reply:
    """GET `url` and return the answer when it is a success; the arguments are those of `post`. Raises Undelivered."""
    reply = exchange("GET", url, context=context, what=what, tls=tls)
    if not 200 <= reply.status < 300:
        raise refused(reply, url, what=what)
    return reply


def usable(url: Text) -> Text:
    """`url` itself, for pydantic: raises ValueError with what is wrong with an address that is set."""
    try:
        parsed(url.get_secret_value() if isinstance(url, SecretStr) else url, "the")
    except Undelivered as problem:
        raise ValueError(str(problem)) from None
    return url


def host_of(url: str) -> str:
    """The host of a URL, for texts that must not show the rest; "?" for what is no usable URL."""
    try:
        return parsed(url).host
    except Undelivered:
        return "?"


def exchange(
    method: str,
    url: str,
    *,
    json: object = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    context: Context,
    what: str = "webhook",
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """As `post` with any method; returns the answer whatever its status is."""
    target = parsed(url, what)
    deadline = time.monotonic() + context.timeout

    def work() -> Reply:
        addresses = reachable(target.raw_host.decode("ascii"), target.port or _PORTS[target.scheme], context, what)
        return _call(method, target, addresses, json, content, headers or {}, deadline, tls, what)

    try:
        # A little longer than the deadline, which explains better what took so long.
        return within(context.timeout + 0.5, work)
    except TimeoutError:
        raise Undelivered(f"{what} {target.host} gave no answer within {context.timeout:g} s") from None


_PORTS = {"http": 80, "https": 443}


def parsed(url: str, what: str = "webhook") -> "httpx.URL":
    """The URL in parts. Raises Undelivered for one that is not plainly http or https, or names a user."""
    import httpx

    def unusable(why: str) -> Undelivered:
        return Undelivered(f"{what} address {why}; give it as https://host/path", permanent=True)

    if _UNSAFE.search(url):
        raise unusable("contains a space, a backslash or a control character")
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise unusable("is no URL") from None
    if target.scheme not in _PORTS:
        raise unusable("begins neither with https:// nor with http://")
    if not target.host:
        raise unusable("names no host")
    if target.port is not None and not 0 < target.port < 65536:
        raise unusable("has a port that does not exist")
    if target.userinfo:
        raise unusable("contains a user or a password before the host")
    host = unquote(target.host).rstrip(".")
    if _NUMBERS.fullmatch(host) and not _literal(host):
        raise unusable("writes an IP address in an uncommon way")
    return target


def reachable(host: str, port: int, context: Context, what: str = "webhook") -> list[Address]:
    """The addresses of `host`, all of them allowed. Raises Undelivered when one is not, or when there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as problem:
        gone = isinstance(problem, socket.gaierror) and problem.errno == socket.EAI_NONAME
        text = "is not known to the name server; check the address" if gone else "cannot be looked up now"
        # A name server that is out of order says the same of every name: try again.
        raise Undelivered(f"{what} host {host} {text}") from None
    addresses = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    networks = [ipaddress.ip_network(text, strict=False) for text in context.allow_private]
    for address in addresses:
        problem_text = _forbidden(address, networks)
        if problem_text:
            raise Undelivered(f"{what} address {host} leads to {problem_text}", permanent=True)
    return addresses[:MOST_ADDRESSES]


def refused(reply: Reply, url: str, headers: Mapping[str, str] | None = None, *, what: str = "webhook") -> Undelivered:
    """What an answer that is no success means for the delivery: try again, or not before something was changed."""
    host = parsed(url, what).host
    said = _said(reply, url, headers or {})
    text = f"{what} {host} answered {reply.status}{said}"
    if 300 <= reply.status < 400:
        return Undelivered(f"{text} and wants to send on elsewhere; set the final address", permanent=True)
    if reply.status == 429:
        after = reply.headers.get("retry-after", "")
        hint = f"; it wants to be left alone for {after[:40]} s" if after.isdigit() else ""
        return Undelivered(f"{text} (too many messages){hint}")
    if reply.status >= 500 or reply.status in _RETRY_LATER:
        return Undelivered(text)
    advice = {
        401: "check the token or password",
        403: "check the token and what it may do",
        404: "check the address: there is nothing there",
        410: "the address is no longer in use: make a new one",
    }
    return Undelivered(f"{text}; {advice.get(reply.status, 'it does not take the message')}", permanent=True)


def _call(
    method: str,
    target: "httpx.URL",
    addresses: list[Address],
    json: object,
    content: bytes | None,
    headers: Mapping[str, str],
    deadline: float,
    tls: ssl.SSLContext | None,
    what: str,
) -> Reply:
    import httpx

    # A 421 or a cookie of one message has nothing to do with the next: each has a client and a connection of its own.
    limit = max(0.1, deadline - time.monotonic())
    given = {
        "Host": target.netloc.decode("ascii"),
        "User-Agent": "Baken",
        # A small compressed answer could unfold into a very large one.
        "Accept-Encoding": "identity",
        **headers,
    }
    with httpx.Client(
        verify=tls or authorities(), trust_env=False, follow_redirects=False, timeout=httpx.Timeout(limit)
    ) as client:
        for address in addresses:
            request = client.build_request(
                method,
                target.copy_with(host=str(address)),
                json=json,
                content=content,
                headers=given,
                extensions={"sni_hostname": target.raw_host.decode("ascii")},
            )
            try:
                answer = client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                if address == addresses[-1]:
                    raise _unreachable(problem, target.host, what) from None
                continue
            except httpx.TimeoutException:
                raise TimeoutError from None
            except httpx.HTTPError as problem:
                # The exception's own text may hold the URL.
                raise Undelivered(f"the connection to {what} {target.host} broke ({type(problem).__name__})") from None
            try:
                return Reply(answer.status_code, _read(answer, deadline), dict(answer.headers))
            except httpx.HTTPError:
                # The other side has the message and has said so; what it wrote beside is lost.
                return Reply(answer.status_code, "", dict(answer.headers))
            finally:
                answer.close()
    raise Undelivered(f"{what} host {target.host} has no address")


def _read(answer: "httpx.Response", deadline: float) -> str:
    found = b""
    for chunk in answer.iter_raw(4096):
        found += chunk
        if len(found) >= LONGEST_ANSWER or time.monotonic() > deadline:
            break
    return found[:LONGEST_ANSWER].decode("utf-8", "replace")


def _unreachable(problem: "httpx.TransportError", host: str, what: str) -> Undelivered:
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Undelivered(
                f"the certificate of {what} {host} cannot be trusted: {cause.verify_message}; renew it, or make its "
                "authority known to this machine",
                permanent=True,
            )
        if isinstance(cause, ssl.SSLError):
            return Undelivered(f"{what} {host} does not speak TLS as expected ({cause.reason or 'handshake failed'})")
        if isinstance(cause, OSError) and cause.strerror:
            return Undelivered(f"{what} {host} cannot be reached: {cause.strerror}")
        cause = cause.__cause__ or cause.__context__
    return Undelivered(f"{what} {host} cannot be reached within the time limit")


def _forbidden(address: Address, networks: list[Network]) -> str:
    inner = _inner(address)
    if inner.is_multicast or inner.is_unspecified or inner.is_link_local or inner == _BROADCAST:
        # 169.254.169.254 gives out credentials of the machine: no setting opens that.
        kind = "link-local" if inner.is_link_local else "reserved"
        return f"the {kind} address {address}, which is never allowed"
    if any(each in network for network in networks for each in (address, inner) if each.version == network.version):
        return ""
    if inner.is_global and not inner.is_reserved:
        return ""
    network = next((net for net in _PRIVATE if net.version == inner.version and inner in net), None)
    wanted = network or ipaddress.ip_network(inner)
    return f"the private address {address}; add {wanted} to alerts.allow_private if that is meant"


_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for; the address itself where it stands for none."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    # ::127.0.0.1, as it was written long ago; ::1 and :: stay what they are.
    if int(address) >> 32 == 0 and int(address) > 0xFFFF:
        return ipaddress.IPv4Address(int(address))
    return address


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _said(reply: Reply, url: str, headers: Mapping[str, str]) -> str:
    """The first line of an answer, without what is secret in the call that it may repeat."""
    line = " ".join(reply.text.split())
    if not line or line.startswith("<") or "\ufffd" in line:
        return ""
    target = parsed(url)
    secret = {unquote(part) for part in re.split(r"[/?&=:]", target.raw_path.decode("ascii")) if len(part) >= 5}
    secret |= {part for value in headers.values() for part in value.split() if len(part) >= 5}
    for part in sorted(secret, key=len, reverse=True):
        line = line.replace(part, "…")
    line = mask(re.sub(r"[^\x20-\x7e\u00a0-\uffff]", "", line))
    return f" ({line[:117]}…)" if len(line) > 118 else f" ({line})"


def form(reply: Reply) -> dict[str, Any]:
    """An answer that is a JSON object; an empty one for anything else."""
    import json

    try:
        found = json.loads(reply.text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

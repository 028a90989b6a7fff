"""Calls of other programs' HTTP interfaces, as exporters make them.

The addresses stand in the settings file, which only the administrator of the machine writes: unlike a webhook that is
set on the page they may be private. Redirects are not followed and proxies of the environment are not used, so that
what is secret goes nowhere else.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baken.alerts.channels.http import host_of
from baken.exporters.pushing import NotTaken, seconds_left
from baken.outward import authorities, cause_of
from baken.privacy import mask
from baken.settings import Auth

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 16_000_000
"""Bytes of an answer that are read at most."""

_SAID = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its bytes, and its headers with names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether the other side took it."""
        return 200 <= self.status < 300


def call(
    method: str,
    url: str,
    *,
    auth: Auth,
    what: str,
    json: object = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    most_bytes: int = MOST_BYTES,
) -> Reply:
    """Call `url` and return the answer, whatever its status is.

    Args:
        method: GET, POST, DELETE…
        url: http or https. Its path and query are taken for secrets and appear in no text.
        auth: how Baken says who it is.
        what: what is called, for texts: "Alertmanager", "remote write".
        json: a body to be sent as JSON; or
        content: the body itself.
        headers: further headers.
        timeout: seconds for the whole call; fewer where whoever waits for the push has fewer.
        most_bytes: a longer answer is an error.

    Raises NotTaken when no answer comes, with what happened and what to do.
    """
    import httpx

    host = host_of(url)
    timeout = seconds_left(timeout)
    given = {"User-Agent": "Baken", **(headers or {}), **credentials(auth)}
    if not all(value.isascii() and value.isprintable() for value in given.values()):
        raise NotTaken(
            f"{what} {host} cannot be called: a token or header of its settings has a sign that no header may have, "
            "such as a line break at its end"
        )
    ends = time.monotonic() + timeout
    try:
        with (
            httpx.Client(
                verify=authorities(), trust_env=False, follow_redirects=False, timeout=httpx.Timeout(timeout)
            ) as client,
            client.stream(method, url, json=json, content=content, headers=given, auth=_basic(auth)) as answer,
        ):
            return Reply(answer.status_code, _read(answer, ends, most_bytes, f"{what} {host}"), dict(answer.headers))
    except httpx.TimeoutException:
        raise NotTaken(f"{what} {host} gave no answer within {timeout:g} s") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        raise NotTaken(f"the address of {what} cannot be used; give it as https://host/path") from None
    except httpx.HTTPError as problem:
        # The exception's own text may hold the URL.
        raise NotTaken(f"{what} {host} cannot be reached: {cause_of(problem)}") from None


def check(reply: Reply, url: str, what: str) -> None:
    """Raise NotTaken for an answer that is no success, with what the other side said."""
    if reply.ok:
        return
    advice = {
        401: "; check the token or password",
        403: "; check the token or password and what it may do",
        404: "; check the address: there is nothing there",
    }.get(reply.status, "")
    if 300 <= reply.status < 400:
        advice = "; it wants to send on elsewhere: set the final address"
    raise NotTaken(f"{what} {host_of(url)} answered {reply.status}{said(reply)}{advice}")


def said(reply: Reply) -> str:
    """The beginning of what an answer says, for a text: ": out of order sample"; empty where it says nothing."""
    line = " ".join(reply.body[:2000].decode("utf-8", "replace").split())
    if not line or line.startswith("<"):
        return ""
    return f": {mask(line)[:_SAID]}"


def credentials(auth: Auth) -> dict[str, str]:
    """The headers that say who calls; a user with a password goes by itself."""
    found = {name: value.get_secret_value() for name, value in auth.headers.items()}
    if auth.token is not None:
        found["Authorization"] = f"Bearer {auth.token.get_secret_value()}"
    return found


def _basic(auth: Auth) -> tuple[str, str] | None:
    if not auth.user or auth.token is not None:
        return None
    return auth.user, auth.password.get_secret_value() if auth.password is not None else ""


def _read(answer: "httpx.Response", ends: float, most: int, who: str) -> bytes:
    found = bytearray()
    for part in answer.iter_bytes():
        found += part
        if len(found) > most:
            raise NotTaken(f"{who} sent an answer of more than {most} bytes")
        if time.monotonic() > ends:
            raise NotTaken(f"{who} did not end its answer in time")
    return bytes(found)

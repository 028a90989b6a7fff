"""`/metrics`, from which Prometheus fetches the last figures, and `/metrics/targets`: a target for each site."""

import asyncio
import gzip
import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from baken import clock
from baken.api import access
from baken.api.context import BadArgument, Call, Caller
from baken.exporters import prometheus, prometheus_targets
from baken.exporters.prometheus import Part
from baken.exporters.prometheus_targets import Address
from baken.server.answers import NotSignedIn
from baken.server.body import Origin
from baken.server.identity import OtherSite, named_site
from baken.server.incoming import in_thread, is_right

if TYPE_CHECKING:
    from baken.server.app import Host

CLOSED = (
    "/metrics is given to those who send the token that exporters.prometheus.token sets (Authorization: Bearer …), who "
    "call from an address that exporters.prometheus.allow names, or who may see the dashboard (Authorization: token "
    "API_KEY:API_SECRET); the first two are set in Baken's settings"
)

_LEAST, _MOST = 1.0, 30.0
_SHARE = 10.0
"""A page is given out again for ten times as long as it took to make, within these seconds: however many ask, no more
than a tenth of a processor goes there, as long as making it takes no more than three seconds."""

_MOST_KEPT = 64
_TOKEN = Caller("Prometheus (token)", "Prometheus", frozenset())
_ADDRESS = Caller("Prometheus (address)", "Prometheus", frozenset())


def routes(host: "Host") -> list[Route]:
    """The routes of both."""
    page = MetricsPage(host)
    return [Route(prometheus_targets.PATH, page.metrics), Route(prometheus_targets.TARGETS_PATH, page.targets)]


@dataclass(frozen=True, slots=True)
class _Answer:
    """A page that was made, and when and in how many seconds."""

    plain: bytes
    packed: bytes
    made: float
    took: float

    @property
    def fresh(self) -> bool:
        """Whether it may be given out again."""
        return time.monotonic() - self.made < min(_MOST, max(_LEAST, _SHARE * self.took))


class MetricsPage:
    """Both endpoints, with the pages that were made a moment ago."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._settings = host.settings.exporters.prometheus
        self._allowed = [ipaddress.ip_network(each, strict=False) for each in self._settings.allow]
        self._names = _own_names(host.settings.alerts.public_url)
        self._answers: dict[tuple[Part, bool], _Answer] = {}
        self._making: dict[tuple[Part, bool], asyncio.Future[_Answer]] = {}
        self._limiter: anyio.CapacityLimiter | None = None

    async def metrics(self, request: Request) -> Response:
        """`GET /metrics`: the last figures; `?site=` (repeatable) those of some sites, `?host=1` the host's."""
        part = self._part(request, await self._visible(request))
        open_metrics = prometheus.wants_openmetrics(request.headers.get("accept", ""))
        answer = await self._answer((part, open_metrics))
        headers = {
            "Content-Type": prometheus.OPENMETRICS if open_metrics else prometheus.TEXT,
            "Vary": "Accept, Accept-Encoding, Authorization, Cookie",
        }
        if not _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(answer.plain, headers=headers)
        return Response(answer.packed, headers={**headers, "Content-Encoding": "gzip"})

    async def targets(self, request: Request) -> Response:
        """`GET /metrics/targets`: a target for each site, for Prometheus' HTTP service discovery."""
        part = self._part(request, await self._visible(request))
        where = _origin(request)
        found = prometheus_targets.targets(
            part.sites, Address(_with_port(where), where.https), self._host.settings.exporters.labels
        )
        return Response(prometheus_targets.targets_text(found), media_type="application/json")

    async def _visible(self, request: Request) -> tuple[str, ...]:
        """The sites whose figures may be given out. Raises NotSignedIn, NotPermitted, TooMany, StoreError."""
        where = _origin(request)
        header = request.headers.get("authorization", "")
        allowed = self._is_allowed(where)
        if allowed and _is_known_host(where.host, {*self._names, *self._host.sites}):
            await self._note(_ADDRESS)
            return tuple(self._host.sites)
        if header[:7].lower() == "bearer ":
            await in_thread(lambda: self._check(request, header[7:].strip()))
            await self._note(_TOKEN)
            return tuple(self._host.sites)
        identity = await self._host.identify(request)
        if identity is None:
            raise NotSignedIn(_other_name(where) if allowed else CLOSED, {"WWW-Authenticate": "Bearer"})
        await self._host.permitted(request, identity)
        host = self._host
        call = Call(host.settings, host.store, host.sites, identity.site, identity.user, clock.now())
        await in_thread(lambda: access.note(call, prometheus_targets.PATH))
        return (await host.reach(request, identity)).sites

    def _is_allowed(self, where: Origin) -> bool:
        try:
            address = ipaddress.ip_address(where.address)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in each for each in self._allowed)

    def _check(self, request: Request, given: str) -> None:
        """Let only who has the token go on. Raises NotSignedIn, TooMany, StoreError."""
        # Counted with wrong API tokens.
        if not is_right(self._host.attempts, request, given, self._settings.token, "token address"):
            raise NotSignedIn(f"this token is wrong; {CLOSED}", {"WWW-Authenticate": "Bearer"})

    async def _note(self, caller: Caller) -> None:
        call = Call(self._host.settings, self._host.store, self._host.sites, None, caller, clock.now())
        await in_thread(lambda: access.note(call, prometheus_targets.PATH))

    def _part(self, request: Request, visible: tuple[str, ...]) -> Part:
        """What is asked for, of what may be seen. Raises UnknownSite, OtherSite."""
        asked = [site for site in request.query_params.getlist("site") if site]
        host = request.query_params.get("host", "") not in ("", "0", "false")
        if not asked:
            return Part(() if host else visible, True)
        for site in asked:
            named_site(self._host.sites, site)
            if site not in visible:
                raise OtherSite(f"the figures of {site!r} are not for you")
        return Part(tuple(sorted(set(asked))), host)

    async def _answer(self, key: tuple[Part, bool]) -> _Answer:
        """The page; of many who ask for the same one at once, one makes it and the others wait for it."""
        known = self._answers.get(key)
        if known is not None and known.fresh:
            return known
        making = self._making.get(key)
        if making is None:
            # Few at a time: each takes a processor for itself.
            limiter = self._limiter = self._limiter or anyio.CapacityLimiter(2)
            making = asyncio.ensure_future(in_thread(lambda: self._make(*key), limiter))
            self._making[key] = making

            def done(finished: asyncio.Future[_Answer]) -> None:
                self._making.pop(key, None)
                # Taken note of also when every client has gone away meanwhile.
                if not finished.cancelled() and finished.exception() is None:
                    self._keep(key, finished.result())

            making.add_done_callback(done)
        return await asyncio.shield(making)

    def _keep(self, key: tuple[Part, bool], answer: _Answer) -> None:
        self._answers = {each: kept for each, kept in self._answers.items() if kept.fresh and each != key}
        if len(self._answers) < _MOST_KEPT:
            self._answers[key] = answer

    def _make(self, part: Part, open_metrics: bool) -> _Answer:
        started = time.monotonic()
        with self._host.store.read() as conn:
            found = prometheus.families(
                conn, part, clock.now(), watched=len(self._host.sites), most=self._settings.most_series
            )
        plain = prometheus.written(found, open_metrics=open_metrics)
        packed = gzip.compress(plain, 1, mtime=0)
        ended = time.monotonic()
        return _Answer(plain, packed, ended, ended - started)


def _takes_gzip(header: str) -> bool:
    for each in header.lower().split(","):
        coding, *parameters = (part.strip() for part in each.split(";"))
        if coding == "gzip":
            return not any(parameter.replace(" ", "").rstrip("0.") == "q=" for parameter in parameters)
    return False


def _is_known_host(host: str, known: set[str]) -> bool:
    """Whether a request was meant for this server, by the name that it was sent to.

    Who is let in by address alone may be a browser on such a machine, led here by a page of somebody else whose name
    was made to lead to this server. Such a name has a dot in it and is none of this server's.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in known or name.endswith(".localhost")
    return True


def _other_name(where: Origin) -> str:
    return (
        f"{where.address} may fetch /metrics, but {where.host[:140]!r} is none of this server's names: set "
        "alerts.public_url to the address by which Baken is reached, or fetch by the server's IP address, or send "
        "the token that exporters.prometheus.token sets"
    )


def _own_names(public_url: str) -> frozenset[str]:
    names = (urlsplit(public_url).hostname or "", socket.gethostname(), socket.getfqdn())
    return frozenset(name.lower() for name in names if name)


def _with_port(where: Origin) -> str:
    try:
        named = urlsplit(f"//{where.host}").port is not None
    except ValueError:
        raise BadArgument("the header Host names no host and port") from None
    return where.host if named else f"{where.host}:{443 if where.https else 80}"


def _origin(request: Request) -> Origin:
    return cast("Origin", request.scope["baken.origin"])

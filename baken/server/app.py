"""Host 1: the web application. It signs people in, hands calls to the methods' registry, and gives out the pages."""

import asyncio
import functools
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

import anyio
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from baken import __version__, clock
from baken.alerts import links
from baken.api import access, answering, registry, web
from baken.api.answering import encode
from baken.api.context import DASHBOARD_ROLES, Call, NotPermitted, Refusal
from baken.api.monitor import collector_state
from baken.history import audit, changes
from baken.history.changes import Look
from baken.history.store import Store, StoreError
from baken.privacy import installation_key
from baken.server import act_page, alertmanager_in, answers, live, metrics_page, openapi, pages, pings_in, sentry_in
from baken.server.answers import CsrfProblem, HttpProblem, NotSignedIn, WrongVerb
from baken.server.attempts import Attempts
from baken.server.body import Origin, arguments
from baken.server.guard import Guard
from baken.server.identity import Identity, OtherSite, wanted_site
from baken.server.live import Changes, EventStream
from baken.server.sessions import COOKIE, Reach, Sessions
from baken.server.signin import sign_in
from baken.server.tokens import Tokens
from baken.settings import Settings
from baken.sites.problems import SiteProblem
from baken.sites.site import Site

log = structlog.get_logger(__name__)

T = TypeVar("T")

_THREADS = {"methods": 16, "sites": 24, "slow": 4, "health": 1, "changes": 1}
"""Threads per kind of work, so that a site that hangs holds up no answer that comes from the store."""


def create_app(
    settings: Settings,
    store: Store,
    sites: Mapping[str, Site],
    *,
    demo: Mapping[str, Any] | None = None,
    public: Path = pages.PUBLIC,
) -> Starlette:
    """The web application.

    Args:
        settings: all settings.
        store: the store, migrated.
        sites: the watched sites by name; may change while the application runs.
        demo: what the sign-in page may tell of the demo: {"demo_users": […], "demo_password": …}.
        public: folder of the built front end.

    Raises:
        KeyProblem: the installation's key cannot be read or made.
    """
    host = Host(settings, store, sites, dict(demo or {}), public)
    routes = [
        Route("/", host.home),
        Route("/monitoring_dashboard", host.dashboard),
        *(Route(f"{web.HOME}/{name}", host.own_file) for name in web.OWN_FILES),
        Route("/monitoring_dashboard/{path:path}", host.dashboard),
        Route("/login", host.login_page),
        Mount("/assets/baken", host.assets),
        Route(links.PATH, host.act_on_alert, methods=["GET", "POST"]),
        Route(act_page.STYLE_PATH, host.act_style),
        *metrics_page.routes(host),
        *alertmanager_in.routes(host),
        *pings_in.routes(host),
        *sentry_in.routes(host),
        Route("/health", host.health),
        Route("/api/docs", host.docs),
        Route("/api/openapi.json", host.description),
        Route("/api/method/ping", host.ping, methods=["GET", "POST"]),
        Route("/api/method/login", host.login, methods=["GET", "POST"]),
        Route("/api/method/logout", host.logout, methods=["GET", "POST"]),
        Route("/api/method/baken.get_sign_in_options", host.sign_in_options, methods=["GET", "POST"]),
        Route("/api/method/baken.get_session", host.session, methods=["GET", "POST"]),
        Route("/api/method/baken.get_changes", host.listen, methods=["GET", "POST"]),
        Route("/api/method/{name}", host.method, methods=["GET", "POST"]),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, settings=settings.server)],
        exception_handlers={HTTPException: _http_exception},
    )
    # A server that stops calls this first: it waits for open answers, and these have no end of their own.
    app.state.close_streams = host.changes.close
    return app


async def _http_exception(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 404:
        return pages.missing(request)
    found = answers.problem(error)
    if found is None:
        raise error
    return found


class Host:
    """The endpoints, with what they share."""

    def __init__(
        self, settings: Settings, store: Store, sites: Mapping[str, Site], demo: dict[str, Any], public: Path
    ) -> None:
        key = installation_key(settings.data_dir)
        self._key = key
        self.settings = settings
        self.store = store
        self.sites = sites
        self.demo = demo
        self.public = public
        self.assets = pages.Assets(public)
        self.attempts = Attempts(store, key, settings.server)
        self.sessions = Sessions(settings, store, sites, key)
        self.tokens = Tokens(settings, store, sites, key, self.attempts)
        self.changes = Changes(self._look)
        self._looked: Look | None = None
        self._looks = 0
        for operator in settings.server.operators:
            if operator.site not in sites:
                log.warning("an operator's site is not watched", user=operator.user, site=operator.site)
        self._limits: dict[str, anyio.CapacityLimiter] = {}
        self._checks: dict[bytes, asyncio.Future[Identity]] = {}

    async def _thread(self, kind: str, work: Callable[..., T], *args: Any) -> T:
        limit = self._limits.get(kind)
        if limit is None:
            limit = self._limits[kind] = anyio.CapacityLimiter(_THREADS[kind])
        return await anyio.to_thread.run_sync(functools.partial(work, *args), limiter=limit)

    # Who it is

    async def identify(self, request: Request) -> Identity | None:
        """Who a request is from; None for a guest. Raises NotSignedIn, OtherSite, TooMany, SiteProblem, StoreError."""
        wanted = wanted_site(request)
        where = _origin(request)
        header = request.headers.get("authorization")
        if header:
            if header[:6].lower() == "basic " and _is_cross_site(request):
                # A browser sends a Basic password that it remembers along with any other site's request.
                raise CsrfProblem("this request comes from another site")
            found = self.tokens.believed(header, wanted, where.host)
            return found if found is not None else await self._check_token(header, wanted, where)
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        known = self.sessions.believed(cookie, wanted)
        return known if known is not None else await self._thread("sites", self.sessions.find, cookie, wanted)

    async def reach(self, request: Request, identity: Identity) -> Reach:
        """All sites that somebody may see; an API token is good for its own site only."""
        cookie = request.cookies.get(COOKIE)
        if identity.session is None or not cookie:
            return Reach((identity.site.name,), operator=False)
        return await self._thread("sites", self.sessions.reach, cookie)

    async def _check_token(self, header: str, wanted: str | None, where: Origin) -> Identity:
        """Look a token up; of many requests with the same one at once, one does and the others wait for it."""
        place = self.tokens.place(header, wanted, where.host)
        check = self._checks.get(place)
        if check is None:
            check = asyncio.ensure_future(self._thread("sites", self.tokens.find, header, wanted, where))
            self._checks[place] = check

            def done(finished: asyncio.Future[Identity]) -> None:
                self._checks.pop(place, None)
                # Taken note of also when every client has gone away meanwhile.
                if not finished.cancelled():
                    finished.exception()

            check.add_done_callback(done)
        return await asyncio.shield(check)

    async def permitted(self, request: Request, identity: Identity | None) -> Identity:
        """The identity again; refuses guests, users without the role, and what another site's page may have sent."""
        if identity is None:
            raise NotPermitted("sign in first, or send: Authorization: token API_KEY:API_SECRET")
        self._check_csrf(request, identity)
        await self._check_role(request, identity)
        return identity

    async def _check_role(self, request: Request, identity: Identity) -> None:
        if not identity.user.roles & DASHBOARD_ROLES:
            await self._note_refusal(identity, request.url.path)
            raise NotPermitted(f"this needs the role {' or '.join(sorted(DASHBOARD_ROLES))}")

    def _check_csrf(self, request: Request, identity: Identity) -> None:
        if identity.csrf is None or request.method in ("GET", "HEAD"):
            return
        if _is_cross_site(request):
            raise CsrfProblem("this request comes from another site")
        given = request.headers.get("x-frappe-csrf-token", "")
        if not hmac.compare_digest(given.encode("latin-1", "replace"), identity.csrf.encode()):
            raise CsrfProblem("the header X-Frappe-CSRF-Token is missing or wrong; baken.get_session tells it")

    async def _note_refusal(self, identity: Identity, target: str) -> None:
        await self._thread(
            "methods", access.note_refusal, self.store, identity.site.name, identity.user.name, target, clock.now()
        )

    # Methods

    async def method(self, request: Request) -> Response:
        """`GET|POST /api/method/{name}`: a method of the registry."""
        identity = await self.identify(request)
        entry = registry.find(request.path_params["name"])
        if not entry.guest:
            identity = await self.permitted(request, identity)
            if not entry.roles & identity.user.roles:
                await self._note_refusal(identity, entry.name)
        site = identity.site if identity else None
        call = Call(self.settings, self.store, self.sites, site, identity.user if identity else None, clock.now())
        call = replace(call, session=(identity.session or "") if identity else "")
        registry.check_roles(entry, call)
        if entry.across and identity is not None:
            call = replace(call, visible=(await self.reach(request, identity)).sites)
        converted = registry.arguments(entry, await arguments(request))
        by_cookie = identity is not None and identity.csrf is not None
        if by_cookie and request.method != "POST" and entry.changes(converted):
            raise WrongVerb(f"{entry.name} changes something: send a POST", {"Allow": "POST"})
        accepts = request.headers.get("accept-encoding", "")
        kind = "slow" if entry.slow else "methods"
        return answers.response(await self._thread(kind, answering.run, entry, call, converted, accepts))

    async def listen(self, request: Request) -> Response:
        """`GET /api/method/baken.get_changes`: server-sent events about a site, for as long as somebody may see it."""
        if request.method not in ("GET", "HEAD"):
            raise WrongVerb("send a GET", {"Allow": "GET"})
        live.check_accepts(request)
        identity = await self.permitted(request, await self.identify(request))
        call = Call(self.settings, self.store, self.sites, identity.site, identity.user, clock.now())
        await self._thread("methods", access.note, call, "baken.get_changes")
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)

        async def permitted() -> bool:
            try:
                found = await self.identify(request)
            except (HttpProblem, Refusal, SiteProblem, StoreError):
                return False
            if found is None or (found.site.name, found.user.name) != (identity.site.name, identity.user.name):
                return False
            return bool(found.user.roles & DASHBOARD_ROLES)

        person = f"{identity.home or identity.site.name}\0{identity.user.name}"
        return EventStream(self.changes, self.changes.join(identity.site.name, person), permitted)

    async def _look(self, sites: frozenset[str]) -> Look:
        def look() -> Look:
            with self.store.read() as conn:
                return changes.look(conn, sites, self._looked, self._looks)

        # One at a time: there is one watch, and it waits for each.
        self._looked = await self._thread("changes", look)
        self._looks += 1
        return self._looked

    async def ping(self, request: Request) -> Response:
        """`/api/method/ping`: whether the server answers."""
        return answers.message("pong")

    # Signing in and out

    async def login(self, request: Request) -> Response:
        """`POST /api/method/login`: sign in with usr and pwd, and site where there are several."""
        _only_post(request)
        if _is_cross_site(request):
            raise CsrfProblem("this request comes from another site")
        # Not from the query: addresses end up in logs.
        given = await arguments(request, query=False)
        named = given.get("site") or wanted_site(request)
        wanted = str(named) if named else None
        where = _origin(request)
        started = anyio.current_time()
        try:
            cookie, identity = await self._thread(
                "sites",
                sign_in,
                given,
                wanted,
                where,
                self.store,
                self.sites,
                self.sessions,
                self.attempts,
                request.cookies.get(COOKIE),
            )
        except NotSignedIn:
            # All refusals take equally long, whatever was found out on the way.
            await anyio.sleep_until(started + _REFUSAL_SECONDS)
            raise
        content = {
            "message": "Logged In",
            "home_page": "/monitoring_dashboard",
            "full_name": identity.user.full_name,
            "user": identity.user.name,
            "site": identity.site.name,
            "csrf_token": identity.csrf,
        }
        response = Response(encode(content), media_type="application/json")
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=int(self.sessions.lifetime.total_seconds()),
            path="/",
            secure=self._secure(where),
            httponly=True,
            samesite="lax",
        )
        return response

    async def logout(self, request: Request) -> Response:
        """`POST /api/method/logout`: end the sessions on all sites. Whoever is not signed in is told the same."""
        _only_post(request)
        cookie = request.cookies.get(COOKIE)
        if cookie:
            try:
                identity = self.sessions.believed(cookie) or await self._thread("sites", self.sessions.find, cookie)
            except NotSignedIn:
                identity = None
            if identity is not None:
                self._check_csrf(request, identity)
                await self._thread("methods", self._end, cookie)
        response = answers.message("Logged Out")
        self._forget_cookie(request, response)
        return response

    def _end(self, cookie: str) -> None:
        ended = self.sessions.end(cookie)
        with self.store.write() as conn:
            for session in ended:
                audit.write(conn, at=clock.now(), site=session.site, user=session.user, action="sign-out")

    async def sign_in_options(self, request: Request) -> Response:
        """`baken.get_sign_in_options`: what the sign-in page needs to know; no sign-in needed."""
        content = {"sites": list(self.sites), "version": __version__, "demo": bool(self.demo), **self.demo}
        return answers.message(content)

    async def session(self, request: Request) -> Response:
        """`baken.get_session`: who is signed in, to which sites, and the token that a POST must bring."""
        # A page asks this to learn its token, so a POST of it needs none; it changes nothing.
        identity = await self.identify(request)
        if identity is None:
            raise NotPermitted("nobody is signed in")
        await self._check_role(request, identity)
        reach = await self.reach(request, identity)
        content = {
            "user": identity.user.name,
            "full_name": identity.user.full_name,
            "roles": sorted(identity.user.roles),
            "site": identity.site.name,
            "home_site": identity.home or identity.site.name,
            "sites": list(reach.sites),
            "operator": reach.operator,
            "more_sites": len(self.sites) > len(reach.sites),
            "host": "server",
            "live": True,
            "csrf_token": identity.csrf or "",
            "language": identity.language,
            "version": __version__,
            "demo": bool(self.demo),
        }
        return answers.message(content)

    # Pages

    async def act_on_alert(self, request: Request) -> Response:
        """`/alerts/act`: the one-time link of a message: a page with a button, and what the button does."""
        token = await act_page.token_of(request)
        if request.method == "POST":
            if _is_cross_site(request):
                raise CsrfProblem("this request comes from another site")
            work = act_page.act
        else:
            work = act_page.show
        return await self._thread("methods", work, self.settings, self.store, self._key, token, clock.now())

    async def act_style(self, request: Request) -> Response:
        """`/alerts/act.css`: the style of that page."""
        return act_page.style()

    async def home(self, request: Request) -> Response:
        """`/`: on to the dashboard."""
        return RedirectResponse("/monitoring_dashboard", 302)

    async def login_page(self, request: Request) -> Response:
        """`/login`: the sign-in page."""
        return pages.shell(self.public, "index.html")

    async def dashboard(self, request: Request) -> Response:
        """`/monitoring_dashboard`: the dashboard, for those who may see it."""
        return await self._page(request, "index.html")

    async def own_file(self, request: Request) -> Response:
        """`/monitoring_dashboard/sw.js` and its like: files that a browser asks for before anybody is signed in."""
        return await self.assets.get_response(request.url.path.rsplit("/", 1)[1], request.scope)

    async def docs(self, request: Request) -> Response:
        """`/api/docs`: the description of the API, for those who may see the dashboard."""
        return await self._page(request, "api-docs.html")

    async def _page(self, request: Request, name: str) -> Response:
        try:
            identity = await self.identify(request)
        except NotSignedIn:
            response = _to_login(request, ended=True)
            self._forget_cookie(request, response)
            return response
        except OtherSite as problem:
            return pages.plain(403, "Another site", str(problem))
        if identity is None:
            return _to_login(request, ended=False)
        if not identity.user.roles & DASHBOARD_ROLES:
            await self._note_refusal(identity, request.url.path)
            needs = " or ".join(sorted(DASHBOARD_ROLES))
            return pages.plain(403, "Not permitted", f"{identity.user.full_name}, this page needs the role {needs}.")
        return pages.shell(self.public, name)

    async def description(self, request: Request) -> Response:
        """`/api/openapi.json`: the API in OpenAPI's words, for those who may use it."""
        await self.permitted(request, await self.identify(request))
        return Response(_description(), media_type="application/json")

    async def health(self, request: Request) -> Response:
        """`/health`: whether Baken works; for load balancers and for whoever watches the watcher."""
        content: dict[str, Any] = {"status": "ok", "version": __version__}
        try:
            collector = await self._thread("health", collector_state, self.store, clock.now())
        except StoreError:
            content |= {"status": "error", "store": "unavailable", "collector": None}
        else:
            content |= {
                "store": "full" if self.store.lack_of_room() else "ok",
                "collector": {"running": collector["running"], "age_seconds": collector["age_seconds"]},
            }
            if not collector["running"] or content["store"] != "ok":
                content["status"] = "error"
        return Response(encode(content), 200 if content["status"] == "ok" else 503, media_type="application/json")

    def _secure(self, where: Origin) -> bool:
        always = self.settings.server.cookie_secure
        return where.https if always is None else always

    def _forget_cookie(self, request: Request, response: Response) -> None:
        secure = self._secure(_origin(request))
        response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="lax")


_REFUSAL_SECONDS = 0.4
"""How long every refused sign-in takes at least; checking a password takes a tenth of it."""


@functools.cache
def _description() -> bytes:
    return encode(openapi.describe())


def _origin(request: Request) -> Origin:
    return cast("Origin", request.scope["baken.origin"])


def _only_post(request: Request) -> None:
    if request.method != "POST":
        raise WrongVerb("send a POST", {"Allow": "POST"})


def _is_cross_site(request: Request) -> bool:
    """Whether a browser says that another site's page sent this."""
    hosts = (_origin(request).host.lower(), request.headers.get("host", "").lower())
    return web.is_cross_site(request.headers.get, hosts)


def _to_login(request: Request, *, ended: bool) -> Response:
    # Built from the path alone, so it leads to this host only.
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{'ended=1&' if ended else ''}next={quote(path, safe='/')}", 302)

"""Sessions of browsers: a signed cookie, rows in the store that can be revoked, roles that are looked up again.

One cookie reaches the sessions of one person on several sites, at most one a site: a group. Who signs in to another
site as well gets a new cookie, and the sessions so far move to its group; the cookie before reaches nothing then, so
that nobody who planted or knows it shares in the sign-in.
"""

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from itsdangerous import BadSignature, Signer
from sqlalchemy import Connection

from baken import clock
from baken.api.context import DASHBOARD_ROLES, Caller, UnknownSite
from baken.history import audit, websessions
from baken.history.store import Store, StoreError
from baken.history.websessions import WebSession
from baken.server.answers import HttpProblem, NotSignedIn
from baken.server.identity import Identity, OtherSite, abroad, asking, named_site
from baken.settings import Settings
from baken.sites import users
from baken.sites.problems import SiteProblem
from baken.sites.site import Site

log = structlog.get_logger(__name__)

COOKIE = "baken_sid"

_ENDED = "your session has ended; sign in again"
# For so long sessions that were seen in the store are believed without looking again.
_BELIEVED = 1.0
_MOST_KNOWN = 10_000
# Whoever wants to know all their sites does not wait each time for one that is out of reach: it is asked less often.
_PATIENT = 5


@dataclass(frozen=True, slots=True)
class _Known:
    """The sessions of a cookie, the one that began last first, and when they were seen (monotonic seconds)."""

    sessions: tuple[WebSession, ...]
    seen: float


@dataclass(frozen=True, slots=True)
class _Checked:
    """What the site said about a session's user, and when it was asked (monotonic seconds); whether it was silent."""

    roles: frozenset[str]
    at: float
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """The sites that somebody may see, in the order in which they are watched; whether as an operator, all of them."""

    sites: tuple[str, ...]
    operator: bool


class Sessions:
    """All sessions of this installation."""

    def __init__(self, settings: Settings, store: Store, sites: Mapping[str, Site], key: bytes) -> None:
        self._store = store
        self._sites = sites
        self._signer = Signer(key, salt="baken.session", key_derivation="hmac")
        self.lifetime = timedelta(hours=settings.server.session_hours)
        self._role_seconds = settings.server.role_cache_seconds
        self._operators = frozenset((each.user, each.site) for each in settings.server.operators)
        self._known: dict[str, _Known] = {}
        self._checked: dict[str, _Checked] = {}
        self._lock = threading.Lock()

    def begin(self, site: Site, user: users.User, before: str | None = None) -> tuple[str, Identity]:
        """Start a session; returns the cookie's value and the identity.

        Args:
            site: the site to which the user signed in.
            user: who it is.
            before: the cookie that the browser sent. Its sessions on other sites go on under the new cookie; they end
                when it was somebody else who was signed in to this site, and so does the one on this site.

        Raises:
            StoreError: the store cannot be written.
        """
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        group, old = websessions.group_of(token), self._group(before)
        others: list[WebSession] = []
        with self._store.write() as conn:
            now = clock.now()
            websessions.purge(conn, now)
            if old is not None:
                others = websessions.of_group(conn, old, now)
                if any(each.site == site.name and each.user != user.name for each in others):
                    others = []
                    websessions.delete_group(conn, old)
                for each in [each for each in others if each.site == site.name]:
                    websessions.delete(conn, each.id)
                    others.remove(each)
                websessions.regroup(conn, old, group, csrf)
            session = websessions.create(
                conn,
                id=secrets.token_hex(32),
                group=group,
                site=site.name,
                user=user.name,
                full_name=user.full_name,
                roles=user.roles,
                csrf=csrf,
                language=user.language or "",
                now=now,
                ttl=self.lifetime,
            )
        if before is not None:
            self._known.pop(before, None)
        cookie = self._signer.sign(token).decode()
        self._keep(session, time.monotonic())
        self._remember(cookie, (session, *(replace(each, group=group, csrf=csrf) for each in others)))
        return cookie, self._identity(session, site)

    def believed(self, cookie: str, wanted: str | None = None) -> Identity | None:
        """The identity behind a cookie that was looked at a moment ago; None: `find` has to look again."""
        known, moment, now = self._known.get(cookie), time.monotonic(), clock.now()
        if known is None or moment - known.seen > _BELIEVED or any(each.expires <= now for each in known.sessions):
            return None
        try:
            session, site = self._choose(known.sessions, wanted)
        except (HttpProblem, UnknownSite):
            return None
        checked = self._checked.get(session.id)
        if checked is None or moment - checked.at >= self._role_seconds:
            return None
        return self._identity(session, site)

    def find(self, cookie: str, wanted: str | None = None) -> Identity:
        """The identity behind a cookie.

        Roles are asked of the site again when they are old; while the site cannot be read, the last known ones stay.

        Args:
            cookie: the cookie's value.
            wanted: the site that the request names. It is served by the session there; where there is none, an operator
                is served by the session that makes an operator. None: the session that began last.

        Raises:
            NotSignedIn: the cookie is forged, or its sessions have ended.
            OtherSite: there is no session for the site, and no operator's.
            UnknownSite: an operator names a site that is not watched.
            StoreError: the store cannot be read.
        """
        sessions = self._load(cookie)
        while True:
            chosen, site = self._choose(sessions, wanted)
            present = self._present(chosen)
            sessions = _replaced(sessions, chosen, present)
            if present is not None:
                self._remember(cookie, sessions)
                return self._identity(present, site)
            self._known.pop(cookie, None)

    def reach(self, cookie: str) -> Reach:
        """All sites that the person behind a cookie may see; asks each site of the sessions whose roles are old.

        Raises NotSignedIn and StoreError.
        """
        sessions = self._load(cookie)
        for session in sessions:
            checked = self._checked.get(session.id)
            silent = checked is not None and checked.silent
            sessions = _replaced(sessions, session, self._present(session, _PATIENT if silent else 1))
        self._remember(cookie, sessions)
        permitted = [session for session in sessions if session.roles & DASHBOARD_ROLES]
        own, operator = {session.site for session in permitted}, any(map(self._operates, permitted))
        return Reach(tuple(name for name in self._sites if operator or name in own), operator)

    def end(self, cookie: str) -> list[WebSession]:
        """End all sessions of a cookie; returns those that were still good. Raises StoreError."""
        self._known.pop(cookie, None)
        group = self._group(cookie)
        if group is None:
            return []
        with self._store.write() as conn:
            ended = websessions.of_group(conn, group, clock.now())
            websessions.delete_group(conn, group)
        return ended

    def _group(self, cookie: str | None) -> str | None:
        """The group of a cookie; None when it is forged, or there is none."""
        try:
            return None if not cookie else websessions.group_of(self._signer.unsign(cookie).decode())
        except (BadSignature, UnicodeError):
            return None

    def _load(self, cookie: str) -> tuple[WebSession, ...]:
        """The sessions of a cookie on sites that are watched, with the roles that were found last."""
        group = self._group(cookie)
        if group is None:
            raise NotSignedIn("this session cookie is not one of Baken's; sign in again")
        with self._store.read() as conn:
            found = websessions.of_group(conn, group, clock.now())
        sessions = []
        for session in found:
            # The store may have refused to keep the newest roles.
            checked = self._checked.get(session.id)
            if session.site in self._sites:
                sessions.append(session if checked is None else replace(session, roles=checked.roles))
        if not sessions:
            self._known.pop(cookie, None)
            raise NotSignedIn(_ENDED)
        return tuple(sessions)

    def _choose(self, sessions: Sequence[WebSession], wanted: str | None) -> tuple[WebSession, Site]:
        """The session that serves a request, and the site that the request is about."""
        if not sessions:
            raise NotSignedIn(_ENDED)
        for session in sessions:
            site = self._sites.get(session.site)
            if site is not None and wanted in (None, session.site):
                return session, site
        if wanted is None:
            raise NotSignedIn(_ENDED)
        for session in sessions:
            if self._operates(session):
                return session, named_site(self._sites, wanted)
        names = ", ".join(session.site for session in sessions)
        raise OtherSite(f"you are signed in to site {names}; sign in to {wanted[:140]!r} to see it")

    def _identity(self, session: WebSession, site: Site) -> Identity:
        name = session.user if session.site == site.name else abroad(session.user, session.site)
        user = Caller(name, session.full_name, session.roles, self._operates(session))
        return Identity(site, user, session.csrf, session.language or None, session.id, session.site)

    def _operates(self, session: WebSession) -> bool:
        return (session.user, session.site) in self._operators and bool(session.roles & DASHBOARD_ROLES)

    def _present(self, session: WebSession, patience: int = 1) -> WebSession | None:
        """A session with the roles of this moment; None when its user is gone, and the session with them.

        `patience`: how many times as old as usual the roles may be.
        """
        checked, moment = self._checked.get(session.id), time.monotonic()
        if checked is not None and moment - checked.at < self._role_seconds * patience:
            return replace(session, roles=checked.roles)
        if checked is not None:
            # Others with this session go on with the last known roles meanwhile.
            self._keep(session, moment)
        try:
            found = self._asked(session)
        except SiteProblem as problem:
            log.warning("roles stay as last known", site=session.site, reason=str(problem))
            self._keep(session, time.monotonic(), silent=True)
            return session
        if found is not None:
            self._keep(found, time.monotonic())
        return found

    def _asked(self, session: WebSession) -> WebSession | None:
        """What the site says of a session's user now. Raises SiteProblem."""
        site = named_site(self._sites, session.site)
        with asking(site) as reading:
            user = users.load(reading, session.user)
        now = clock.now()

        def note(conn: Connection, action: str, target: str = "") -> None:
            audit.write(conn, at=now, site=site.name, user=session.user, action=action, target=target)

        try:
            if user is None:
                with self._store.write() as conn:
                    websessions.delete(conn, session.id)
                    note(conn, "session ended", "no such user")
            elif user.roles != session.roles:
                with self._store.write() as conn:
                    websessions.touch(conn, session.id, now, roles=user.roles)
                    note(conn, "roles changed")
        except StoreError as problem:
            # What the site says holds all the same; the store is told at the next chance.
            log.warning("a session could not be renewed", reason=str(problem))
        return None if user is None else replace(session, roles=user.roles)

    def _keep(self, session: WebSession, moment: float, *, silent: bool = False) -> None:
        with self._lock:
            if len(self._checked) >= _MOST_KNOWN:
                self._checked.clear()
            self._checked[session.id] = _Checked(session.roles, moment, silent)

    def _remember(self, cookie: str, sessions: Sequence[WebSession]) -> None:
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[cookie] = _Known(tuple(sessions), time.monotonic())


def _replaced(sessions: Sequence[WebSession], old: WebSession, new: WebSession | None) -> tuple[WebSession, ...]:
    """`sessions` with `new` in the place of `old`; without it when `new` is None."""
    put = () if new is None else (new,)
    return tuple(each for session in sessions for each in (put if session.id == old.id else (session,)))

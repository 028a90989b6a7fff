"""Sessions of browsers: a signed cookie, a row in the store that can be revoked, roles that are looked up again."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from itsdangerous import BadSignature, Signer

from baken import clock
from baken.api.context import Caller
from baken.history import audit, websessions
from baken.history.store import Store, StoreError
from baken.history.websessions import WebSession
from baken.server.answers import NotSignedIn
from baken.server.identity import Identity, asking
from baken.settings import Settings
from baken.sites import users
from baken.sites.problems import SiteProblem
from baken.sites.site import Site

log = structlog.get_logger(__name__)

COOKIE = "baken_sid"

_ENDED = "your session has ended; sign in again"
# For so long a session that was seen in the store is believed without looking again.
_BELIEVED = 1.0
_MOST_KNOWN = 10_000


@dataclass(slots=True)
class _Known:
    """A session as it was last seen. Times are seconds on the monotonic clock."""

    session: WebSession
    identity: Identity
    seen: float
    roles_checked: float


class Sessions:
    """All sessions of this installation."""

    def __init__(self, settings: Settings, store: Store, sites: Mapping[str, Site], key: bytes) -> None:
        self._store = store
        self._sites = sites
        self._signer = Signer(key, salt="baken.session", key_derivation="hmac")
        self.lifetime = timedelta(hours=settings.server.session_hours)
        self._role_seconds = settings.server.role_cache_seconds
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def begin(self, site: Site, user: users.User) -> tuple[str, Identity]:
        """Start a session; returns the cookie's value and the identity. Raises StoreError."""
        token = secrets.token_urlsafe(32)
        with self._store.write() as conn:
            now = clock.now()
            websessions.purge(conn, now)
            session = websessions.create(
                conn,
                id=websessions.session_id(token),
                site=site.name,
                user=user.name,
                full_name=user.full_name,
                roles=user.roles,
                csrf=secrets.token_urlsafe(32),
                language=user.language or "",
                now=now,
                ttl=self.lifetime,
            )
        cookie = self._signer.sign(token).decode()
        moment = time.monotonic()
        identity = _identity(site, session)
        self._remember(cookie, _Known(session, identity, moment, moment))
        return cookie, identity

    def believed(self, cookie: str) -> Identity | None:
        """The identity behind a cookie that was looked at a moment ago; None: `find` has to look again."""
        known = self._known.get(cookie)
        moment = time.monotonic()
        if (
            known is None
            or moment - known.seen > _BELIEVED
            or moment - known.roles_checked >= self._role_seconds
            or known.session.expires <= clock.now()
        ):
            return None
        return known.identity

    def find(self, cookie: str) -> Identity:
        """The identity behind a cookie.

        Roles are asked of the site again when they are old; while the site cannot be read, the last known ones stay.

        Raises:
            NotSignedIn: the cookie is forged, or its session has ended.
            StoreError: the store cannot be read.
        """
        try:
            token = self._signer.unsign(cookie).decode()
        except (BadSignature, UnicodeError):
            raise NotSignedIn("this session cookie is not one of Baken's; sign in again") from None
        now = clock.now()
        with self._store.read() as conn:
            session = websessions.find(conn, websessions.session_id(token), now)
        site = self._sites.get(session.site) if session else None
        if session is None or site is None:
            self._known.pop(cookie, None)
            raise NotSignedIn(_ENDED)
        moment = time.monotonic()
        known = self._known.get(cookie)
        if known is not None:
            # The store may have refused to keep the newest roles.
            session = replace(session, roles=known.session.roles)
        checked = known.roles_checked if known else None
        if checked is None or moment - checked >= self._role_seconds:
            if known is not None:
                # Others with this cookie go on with the last known roles meanwhile.
                known.roles_checked = moment
            session = self._with_present_roles(cookie, session, site)
            checked = time.monotonic()
        identity = _identity(site, session)
        self._remember(cookie, _Known(session, identity, time.monotonic(), checked))
        return identity

    def end(self, cookie: str) -> None:
        """End the session of a cookie. Raises StoreError."""
        self._known.pop(cookie, None)
        try:
            token = self._signer.unsign(cookie).decode()
        except (BadSignature, UnicodeError):
            return
        with self._store.write() as conn:
            websessions.delete(conn, websessions.session_id(token))

    def _with_present_roles(self, cookie: str, session: WebSession, site: Site) -> WebSession:
        try:
            with asking(site) as reading:
                user = users.load(reading, session.user)
        except SiteProblem as problem:
            log.warning("roles stay as last known", site=site.name, reason=str(problem))
            return session
        now = clock.now()
        try:
            if user is None:
                self._known.pop(cookie, None)
                with self._store.write() as conn:
                    websessions.delete(conn, session.id)
                    audit.write(
                        conn, at=now, site=site.name, user=session.user, action="session ended", target="no such user"
                    )
            elif user.roles != session.roles:
                with self._store.write() as conn:
                    websessions.touch(conn, session.id, now, roles=user.roles)
                    audit.write(conn, at=now, site=site.name, user=session.user, action="roles changed")
        except StoreError as problem:
            # What the site says holds all the same; the store is told at the next chance.
            log.warning("a session could not be renewed", reason=str(problem))
        if user is None:
            raise NotSignedIn(_ENDED)
        return replace(session, roles=user.roles)

    def _remember(self, cookie: str, known: _Known) -> None:
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[cookie] = known


def _identity(site: Site, session: WebSession) -> Identity:
    user = Caller(session.user, session.full_name, session.roles)
    return Identity(site, user, session.csrf, session.language or None, session.id)

"""Sign-in by Frappe's API key and secret, with each request: `Authorization: token KEY:SECRET`, or Basic."""

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog

from baken import clock
from baken.api.context import Caller
from baken.history import audit
from baken.history.store import Store
from baken.server.answers import NotSignedIn
from baken.server.attempts import Attempts
from baken.server.body import Origin, masked, network
from baken.server.identity import Identity, asking, default_site, named_site
from baken.settings import Settings
from baken.sites import users
from baken.sites.problems import SiteProblem, SiteUnreachable
from baken.sites.site import Site

log = structlog.get_logger(__name__)

_MOST_KNOWN = 1_000
_MOST_SITES = 20
_LONGEST = 400


@dataclass(slots=True)
class _Known:
    """A token that was found good. Times are seconds on the monotonic clock."""

    identity: Identity
    first: float
    checked: float


class Tokens:
    """API tokens of the sites' users, remembered under keyed hashes for a short while."""

    def __init__(
        self, settings: Settings, store: Store, sites: Mapping[str, Site], key: bytes, attempts: Attempts
    ) -> None:
        self._store = store
        self._sites = sites
        self._key = key
        self._attempts = attempts
        self._seconds = settings.server.role_cache_seconds
        self._outlives = settings.server.session_hours * 3600
        self._known: dict[bytes, _Known] = {}
        self._lock = threading.Lock()

    def believed(self, header: str, wanted: str | None, host: str) -> Identity | None:
        """The identity behind a header that was checked a moment ago; None: `find` has to look again."""
        known = self._known.get(self.place(header, wanted, host))
        if known is None or time.monotonic() - known.checked >= self._seconds:
            return None
        return known.identity

    def find(self, header: str, wanted: str | None, origin: Origin) -> Identity:
        """The identity behind an Authorization header.

        Args:
            header: the header's value.
            wanted: the site that the request names; None: the site whose user it is.
            origin: where the request comes from.

        Raises:
            NotSignedIn: the header or the token is wrong.
            UnknownSite: the site that is named is not watched.
            TooMany: too many wrong tokens.
            SiteProblem: the site cannot be asked, and the token was not known before.
            StoreError: the store cannot be read.
        """
        api_key, secret = parse(header)
        place = self.place(header, wanted, origin.host)
        known, moment = self._known.get(place), time.monotonic()
        keys = (self._attempts.hash("token address", network(origin.address)), self._attempts.hash("token", api_key))
        try:
            if known is not None:
                found = _check([known.identity.site], api_key, secret)
            else:
                with self._attempts.trying(keys):
                    found = _check(self._candidates(wanted, origin.host), api_key, secret)
                    if found is None:
                        self._attempts.failed(keys)
                        self._note(wanted or "", origin)
        except SiteProblem as problem:
            # Baken outlives what it watches: who was let in a while ago goes on.
            if known is None or moment - known.first > self._outlives:
                raise
            log.warning("a token is believed as last known", reason=str(problem))
            known.checked = moment
            return known.identity
        with self._lock:
            if found is None:
                self._known.pop(place, None)
                raise NotSignedIn("this API key and secret fit no enabled user")
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[place] = _Known(found, known.first if known else moment, moment)
        return found

    def _candidates(self, wanted: str | None, host: str) -> list[Site]:
        if wanted is not None:
            return [named_site(self._sites, wanted)]
        first = default_site(self._sites, host)
        others = [site for site in self._sites.values() if site is not first]
        # With more sites than this, a request has to say which it means: each costs a look at a database.
        return [first, *others][:_MOST_SITES]

    def _note(self, site: str, origin: Origin) -> None:
        with self._store.write() as conn:
            detail = {"address": masked(origin.address)}
            audit.write(conn, at=clock.now(), site=site, user="", action="token refused", detail=detail)

    def place(self, header: str, wanted: str | None, host: str) -> bytes:
        """The keyed hash under which a token is remembered for a site."""
        text = f"{wanted or ''}\0{'' if wanted else host}\0{header}".encode("utf-8", "backslashreplace")
        return hmac.new(self._key, b"token\0" + text, hashlib.sha256).digest()


def parse(header: str) -> tuple[str, str]:
    """Key and secret of an Authorization header. Raises NotSignedIn when it is of another kind."""
    scheme, _, rest = header.strip().partition(" ")
    pair = rest.strip()
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(pair, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            pair = ""
    elif scheme.lower() != "token":
        pair = ""
    api_key, colon, secret = pair.partition(":")
    if not colon or not api_key or not secret or len(pair) > _LONGEST or "\x00" in pair:
        raise NotSignedIn("the Authorization header cannot be used; send: Authorization: token API_KEY:API_SECRET")
    return api_key, secret


def _check(sites: Iterable[Site], api_key: str, secret: str) -> Identity | None:
    """The identity on the first site whose user this is; a site that is out of reach does not hide the others."""
    unreachable: SiteProblem | None = None
    for site in sites:
        try:
            with asking(site) as reading:
                user = users.check_token(reading, api_key, secret)
        except SiteProblem as problem:
            unreachable = problem
            continue
        if user is not None:
            return Identity(site, Caller(user.name, user.full_name, user.roles), None, user.language)
    if unreachable is not None:
        if isinstance(unreachable, SiteUnreachable):
            log.warning("a token cannot be checked", reason=str(unreachable))
            raise SiteUnreachable("the site's database does not answer, so the token cannot be checked") from None
        raise unreachable
    return None

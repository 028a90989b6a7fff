"""Who a request is from, and which site it is about."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from starlette.requests import Request

from baken.api.context import Caller, UnknownSite
from baken.history.tables import SITE
from baken.server.answers import HttpProblem
from baken.sites.problems import SiteUnreachable
from baken.sites.reading import Reading
from baken.sites.site import Site

SITE_HEADER = "x-frappe-site-name"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request is from.

    Attributes:
        site: the site that the request is about.
        user: who it is. On a site that is not their own an operator is called as `abroad` says, and has the roles of
            the own site.
        csrf: the token that a POST must bring; None when signed in by API token.
        language: the language that the user set.
        session: id of the session; None when signed in by API token.
        home: name of the site that knows the user and gives the roles; empty when signed in by API token: `site` does.
    """

    site: Site
    user: Caller
    csrf: str | None
    language: str | None = None
    session: str | None = None
    home: str = ""

    @property
    def visits(self) -> bool:
        """Whether it is an operator on a site that is not their own."""
        return self.home not in ("", self.site.name)


class OtherSite(HttpProblem):
    """A user of one site asks for another."""

    status, kind = 403, "PermissionError"


def wanted_site(request: Request) -> str | None:
    """The site that a request names, by ?site= or by header; None when it names none."""
    return request.query_params.get("site") or request.headers.get(SITE_HEADER) or None


def default_site(sites: Mapping[str, Site], host: str) -> Site:
    """The site that is meant when none is named: the one that the address is called after, else the first.

    Raises UnknownSite when no site is watched.
    """
    found = sites.get(host.rsplit(":", 1)[0].lower())
    found = found or next(iter(sites.values()), None)
    if found is None:
        raise UnknownSite("no site is watched; start Baken with --bench PATH or name sites in baken.toml")
    return found


def named_site(sites: Mapping[str, Site], name: str) -> Site:
    """The site called `name`. Raises UnknownSite."""
    found = sites.get(name)
    if found is None:
        raise UnknownSite(f"no site {name[:140]!r} is watched here")
    return found


def abroad(user: str, home: str) -> str:
    """What a user of the site `home` is called on another site, so that no trail takes one for the user of that name.

    No user's name has a space in it, so no site has a user who is called so.
    """
    told = f" ({home})"
    return user[: max(1, SITE - len(told))] + told


_ASKING = 6
_PATIENCE = 2.0
_places: WeakKeyDictionary[Site, threading.BoundedSemaphore] = WeakKeyDictionary()
_guard = threading.Lock()


@contextmanager
def asking(site: Site) -> Iterator[Reading]:
    """A look at a site's users. Only a few at a time: a site that hangs must not take every thread.

    Raises SiteProblem, also when too many wait for this site already.
    """
    with _guard:
        places = _places.setdefault(site, threading.BoundedSemaphore(_ASKING))
    if not places.acquire(timeout=_PATIENCE):
        raise SiteUnreachable(f"too many requests wait for the database of site {site.name}; try again in a moment")
    try:
        with site.reading() as reading:
            yield reading
    finally:
        places.release()

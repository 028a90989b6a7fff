"""Sign-in with the site's own user and password."""

from collections.abc import Mapping
from typing import Any

import structlog

from baken import clock
from baken.api.context import DASHBOARD_ROLES, NotPermitted
from baken.history import audit
from baken.history.store import Store
from baken.server.answers import NotSignedIn
from baken.server.attempts import Attempts
from baken.server.body import Origin, masked, network
from baken.server.identity import Identity, asking, default_site, named_site
from baken.server.sessions import Sessions
from baken.sites import users
from baken.sites.problems import SiteProblem, SiteUnreachable
from baken.sites.site import Site

log = structlog.get_logger(__name__)

WRONG = "wrong user or password"
"""Said alike for a user that does not exist, one that is disabled, and a password that does not fit."""

_LONGEST = 500


def sign_in(
    given: Mapping[str, Any],
    wanted: str | None,
    origin: Origin,
    store: Store,
    sites: Mapping[str, Site],
    sessions: Sessions,
    attempts: Attempts,
    before: str | None = None,
) -> tuple[str, Identity]:
    """Sign a user in with `usr` and `pwd`; returns the session cookie's value and the identity.

    Args:
        given: the form's arguments.
        wanted: the site that is named; None: the default one.
        origin: where the request comes from.
        store, sites, sessions, attempts: what the server has.
        before: the session cookie that the browser sent; what it reaches on other sites goes on.

    Raises:
        NotSignedIn: user and password do not fit.
        NotPermitted: they do, but the user has none of the roles.
        TooMany: too many failures before.
        UnknownSite, SiteProblem, StoreError.
    """
    login, password = given.get("usr"), given.get("pwd")
    site = named_site(sites, wanted) if wanted else default_site(sites, origin.host)
    usable = isinstance(login, str) and isinstance(password, str) and _usable(login) and _usable(password)
    name = login.strip() if isinstance(login, str) else ""
    keys = (
        attempts.hash("address", network(origin.address)),
        attempts.hash("user", site.name, name.lower()),
    )
    with attempts.trying(keys):
        user = _check(site, name, str(password)) if usable else None
        if user is None:
            attempts.failed(keys)
    if user is None:
        # What was typed as a user may be a password; only its hash is kept.
        _note(store, site, "", "sign-in failed", origin, {"tried": attempts.hash("tried", name.lower())[:16]})
        raise NotSignedIn(WRONG)
    if not user.roles & DASHBOARD_ROLES:
        _note(store, site, user.name, "sign-in refused", origin, {})
        raise NotPermitted(f"only users with the role {' or '.join(sorted(DASHBOARD_ROLES))} may sign in here")
    attempts.forget(keys[1])
    cookie, identity = sessions.begin(site, user, before)
    _note(store, site, user.name, "sign-in", origin, {})
    return cookie, identity


def _check(site: Site, login: str, password: str) -> users.User | None:
    try:
        with asking(site) as reading:
            user = users.find(reading, login)
            # Also for a user that does not exist, so that both take the same time.
            fits = users.check_password(reading, user.name if user else login, password)
    except SiteUnreachable as problem:
        log.warning("nobody can sign in", site=site.name, reason=str(problem))
        raise SiteUnreachable(
            f"the database of site {site.name} does not answer, so nobody can sign in; try again when it does"
        ) from None
    except SiteProblem as problem:
        log.warning("nobody can sign in", site=site.name, reason=str(problem))
        raise
    return user if fits else None


def _usable(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _note(store: Store, site: Site, user: str, action: str, origin: Origin, detail: dict[str, Any]) -> None:
    with store.write() as conn:
        audit.write(
            conn,
            at=clock.now(),
            site=site.name,
            user=user,
            action=action,
            detail={"address": masked(origin.address), **detail},
        )

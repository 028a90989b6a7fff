"""What a method of the API is told about its caller, and what it says when it refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from baken.history.store import Store
from baken.settings import Settings
from baken.sites.roles import DASHBOARD_ROLES as DASHBOARD_ROLES
from baken.sites.site import Site


class Refusal(Exception):
    """A method was not carried out. `str()` of it is a sentence for the caller."""


class NotPermitted(Refusal):
    """The caller is nobody, or lacks the role."""


class UnknownMethod(Refusal):
    """There is no such method."""


class UnknownSite(Refusal):
    """There is no such site, or the caller has to say which one is meant."""


class BadArgument(Refusal):
    """An argument is missing, unknown, or has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a user of the chosen site with the roles that the site gives; or an operator, who may act on all.

    An operator on a site that is not their own is called "user (own site)", and has the roles of the own site.
    """

    name: str
    full_name: str
    roles: frozenset[str]
    operator: bool = False


def _nobody() -> None:
    """A collector that looks into the store all the time needs no word."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method.

    Attributes:
        settings: the settings that apply.
        store: what Baken remembers; every answer comes from there.
        sites: the watched sites by name.
        site: the site that the call is about; None when none was chosen.
        user: who calls; None for a guest.
        now: the moment of the call, aware UTC.
        session: id of the caller's session in the store; empty for an API token and the command line.
        visible: names of all sites that the caller may see, for a method that is about all of them; empty for others.
        nudge: tells whoever collects that the store holds a request; needed where nobody looks all the time.
    """

    settings: Settings
    store: Store
    sites: Mapping[str, Site]
    site: Site | None
    user: Caller | None
    now: datetime
    visible: tuple[str, ...] = ()
    session: str = ""
    nudge: Callable[[], None] = _nobody

    @property
    def chosen(self) -> Site:
        """The site that the call is about; raises UnknownSite when none was chosen."""
        if self.site is None:
            raise UnknownSite("no site was chosen; name one, as ?site= or in the header X-Frappe-Site-Name")
        return self.site

    @property
    def site_name(self) -> str:
        """Name of the site that the call is about; raises UnknownSite when none was chosen."""
        return self.chosen.name

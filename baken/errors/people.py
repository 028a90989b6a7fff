"""Whom errors hit: users of the site become pseudonyms, and each belongs to one group by the roles that the site gives.

Names are asked for once an hour at most, and stay in memory only.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from baken.privacy import Pseudonyms
from baken.sites.problems import SiteProblem
from baken.sites.reading import Reading
from baken.sites.site import Site

GROUPS = (
    "administrator", "manager", "finance", "board", "volunteer", "member", "staff", "guest", "system", "unknown",
)  # fmt: skip
"""Groups of users, the one with most rights first; `system` is work that nobody asked for."""

_REMEMBERED = 3600.0
# Groups that could not be read are asked for again after so long.
_AGAIN = 60.0
_AT_ONCE = 200
_MOST = 20_000
# The first that fits decides; words are looked for in the names of the roles.
_BY_ROLE = (
    ("manager", ("system manager", "verenigingen administrator", "system administrator")),
    ("finance", ("treasurer", "accounts manager", "accounts user", "financial", "kascommissie", "penningmeester")),
    ("board", ("board member", "bestuur", "chapter manager", "verenigingen manager")),
    ("volunteer", ("volunteer", "vrijwilliger", "team leader")),
    ("member", ("verenigingen member", "member manager", "lid")),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an error hit, as Baken may keep it: a pseudonym ("" when unknown) and a group of GROUPS."""

    pseudonym: str
    group: str


UNKNOWN = Person("", "unknown")


def resolve(reading: Reading, users: Collection[str], pseudonyms: Pseudonyms) -> Mapping[str, Person]:
    """Who the `users` of a site are: two small queries for every 200, and none for those known from the last hour.

    A site whose users cannot be read gives pseudonyms in the group `unknown`, and is asked again a minute later.
    """
    known: dict[str, tuple[float, Person]] = reading.site.memory.setdefault("error_people", {})
    if len(known) > _MOST:
        known.clear()
    moment = time.monotonic()
    asked = sorted({user for user in users if user not in known or moment - known[user][0] > _REMEMBERED})
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        groups, whole = _groups(reading, part)
        for user in part:
            at = moment if whole or user in groups else moment - _REMEMBERED + _AGAIN
            # Who is not signed in is nobody in particular.
            name = "" if user == "Guest" else pseudonyms.of("user", user)
            known[user] = at, Person(name, groups.get(user, "unknown"))
    return {user: known[user][1] for user in users}


def at_hand(site: Site, users: Collection[str], pseudonyms: Pseudonyms) -> tuple[dict[str, Person], list[str]]:
    """Who the `users` are without asking the site, and those for whose group it would have to be asked.

    They are in the group `unknown`, unless it is known from the last hour.
    """
    known: dict[str, tuple[float, Person]] = site.memory.get("error_people", {})
    found: dict[str, Person] = {}
    missing: list[str] = []
    moment = time.monotonic()
    for user in sorted(set(users)):
        kept = known.get(user)
        if kept is not None and moment - kept[0] <= _REMEMBERED:
            found[user] = kept[1]
            continue
        group = _by_name(user)
        found[user] = Person("" if user == "Guest" else pseudonyms.of("user", user), group or "unknown")
        missing += [] if group else [user]
    return found, missing


def _groups(reading: Reading, users: Collection[str]) -> tuple[dict[str, str], bool]:
    """The groups of those users that the site knows, and whether it could be asked."""
    groups = {user: found for user in users if (found := _by_name(user))}
    rest = [user for user in users if user not in groups]
    if not rest:
        return groups, True
    try:
        table = reading.require("User", "user_type")
        names = {"names": rest}
        wanted = table.c.name.in_(bindparam("names", expanding=True))
        kinds = {
            row.name: row.user_type
            for row in reading.rows(select(table.c.name, table.c.user_type).where(wanted), names)
        }
        has = reading.require("Has Role", "parent", "role", "parenttype")
        owned = has.c.parent.in_(bindparam("names", expanding=True))
        roles: dict[str, list[str]] = {}
        for row in reading.rows(select(has.c.parent, has.c.role).where(owned, has.c.parenttype == "User"), names):
            roles.setdefault(row.parent, []).append(str(row.role).lower())
    except SiteProblem:
        # Errors are counted all the same: without their groups.
        return groups, False
    read = {user: group_of(str(kinds[user]), roles.get(user, ())) for user in rest if user in kinds}
    return groups | read, True


def _by_name(user: str) -> str | None:
    return {"Administrator": "administrator", "Guest": "guest"}.get(user)


def group_of(user_type: str, roles: Collection[str]) -> str:
    """The group of a user with these roles (lower case): by the roles, else staff or member by the kind of user."""
    for group, words in _BY_ROLE:
        if any(word == role or (len(word) > 3 and word in role) for role in roles for word in words):
            return group
    return "member" if user_type == "Website User" else "staff"

"""Which versions of its apps a site changed to, and when: what is new after a release may come from it.

These few rows are kept for good: without the oldest, an app that never changed would look like one that has just come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, insert, select

from baken.clock import from_ms, iso, to_ms
from baken.history.tables import releases as table

NONE = ""
"""Version of an app that was taken off the site, and `previous` of one that is seen for the first time."""


@dataclass(frozen=True, slots=True)
class Release:
    """An app of a site changed from `previous` to `version` between two looks; `at` in ms. NONE: it was not there."""

    at: int
    app: str
    version: str
    previous: str

    def answer(self) -> dict[str, Any]:
        """As the API gives it."""
        return {"at": iso(from_ms(self.at)), "app": self.app, "version": self.version, "previous": self.previous}


def note(conn: Connection, site: str, apps: Mapping[str, str | None], at: datetime) -> list[Release]:
    """Compare the versions of a site's apps with those noted last, and note what changed.

    The first look remembers the versions and finds no change. An app that came to a site that was looked at before is
    a change. Nothing is found in an empty `apps`: the site did not tell.

    Returns the changes, in the order of the apps' names.
    """
    current = {app[:140]: str(version)[:140] for app, version in apps.items() if app and version}
    if not current:
        return []
    moment = to_ms(at)
    known = _versions(conn, site)
    changed = [
        Release(moment, app, current.get(app, NONE), known.get(app, NONE))
        for app in sorted({*current, *known})
        if current.get(app, NONE) != known.get(app, NONE)
    ]
    latest = conn.execute(select(func.max(table.c.at)).where(table.c.site == site)).scalar()
    if not changed or (latest is not None and latest >= moment):
        # Runs may be stored late; an older one does not undo what a later one has noted.
        return []
    conn.execute(
        insert(table),
        [
            {"site": site, "at": each.at, "app": each.app, "version": each.version, "previous": each.previous}
            for each in changed
        ],
    )
    return changed if known else []


def recent(
    conn: Connection, site: str, *, since: int | None = None, until: int | None = None, limit: int = 100
) -> list[Release]:
    """The changes of a site's versions from the moment `since` (ms, included) to `until`, newest first."""
    query = (
        select(table.c.at, table.c.app, table.c.version, table.c.previous)
        .where(table.c.site == site, table.c.at > _first(site))
        .order_by(table.c.at.desc(), table.c.app)
        .limit(limit)
    )
    if since is not None:
        query = query.where(table.c.at >= since)
    if until is not None:
        query = query.where(table.c.at < until)
    return [Release(*row) for row in conn.execute(query)]


def last(conn: Connection, site: str) -> int | None:
    """The moment (ms) of the last change of a site's versions; None when none is known."""
    query = select(func.max(table.c.at)).where(table.c.site == site, table.c.at > _first(site))
    moment: int | None = conn.execute(query).scalar()
    return moment


def _first(site: str) -> ScalarSelect[int]:
    """The moment of the first look at a site: what was noted then is where it began, no change."""
    first = table.alias()
    return select(func.min(first.c.at)).where(first.c.site == site).scalar_subquery()


def _versions(conn: Connection, site: str) -> dict[str, str]:
    query = select(table.c.app, table.c.version).where(table.c.site == site).order_by(table.c.at)
    found = {row.app: row.version for row in conn.execute(query)}
    return {app: version for app, version in found.items() if version != NONE}

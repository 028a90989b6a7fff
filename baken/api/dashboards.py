"""Dashboards that people put together: the list, one of them, saving, deleting."""

from typing import Annotated, Any

from baken.api.arguments import Longest, Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.registry import method
from baken.clock import iso
from baken.history import dashboard_body, dashboards
from baken.history.dashboard_body import BadBody, Body
from baken.history.dashboards import Dashboard, Overtaken, Refused
from baken.metrics import catalogue

# Versions count savings; no database has a larger whole number.
Version = Annotated[int, Range(0, 2**53)]
Text = Annotated[str, Longest(dashboard_body.MOST_BYTES)]

_MOST_TITLE = 120


@method("baken.get_dashboards", roles=DASHBOARD_ROLES)
def get_dashboards(call: Call) -> dict[str, Any]:
    """The caller's own dashboards of the site and those that are shared with everybody there, by title.

    Returns dashboards: a list of dashboard (its id), title, owner, mine, shared, locked, can_change, version, created,
    updated, updated_by, panels (kind, x, y, w, h of each); and most, how many one person may have.
    """
    with call.store.read() as conn:
        found = dashboards.of_site(conn, call.site_name, _user(call))
    return {"dashboards": [_listed(call, one) for one in found], "most": dashboards.MOST_OWN}


@method("baken.get_dashboard", roles=DASHBOARD_ROLES)
def get_dashboard(call: Call, dashboard: str) -> dict[str, Any]:
    """One dashboard, by its id.

    Returns what `baken.get_dashboards` lists but panels; body (format, version, panels: docs/dashboards.md says what
    they hold); and unknown: names of metrics in it that Baken does not know.
    """
    with call.store.read() as conn:
        try:
            found = dashboards.get(conn, call.site_name, _user(call), dashboard)
            if not found.readable:
                raise BadArgument("what is kept of this dashboard cannot be read any more; delete it and make it anew")
            return _whole(call, found)
        except Refused as reason:
            raise BadArgument(str(reason)) from None


@method("baken.save_dashboard", roles=DASHBOARD_ROLES, writes=True)
def save_dashboard(
    call: Call,
    title: str,
    body: Text,
    dashboard: str = "",
    version: Version = 0,
    shared: bool | None = None,
    locked: bool | None = None,
) -> dict[str, Any]:
    """Save a dashboard: a new one without `dashboard`, otherwise over the `version` that was read.

    `body` is JSON as `baken.get_dashboard` gives it: at most 100 panels, at most 100,000 bytes. `shared`: everybody of
    the site sees it, and changes it unless it is `locked`; only the owner decides that. One that was deleted less than
    a day ago comes back when it is saved over the version that `baken.delete_dashboard` answered.

    Returns saved (false when somebody else saved meanwhile: nothing was changed then, and saving over the version of
    the answer overwrites it), and dashboard, as `baken.get_dashboard` gives it now (null when it was deleted).
    """
    user, name, parsed = _user(call), _title(title), _body(body)
    try:
        with call.store.write() as conn:
            if not dashboard:
                made = dashboards.create(
                    conn,
                    site=call.site_name,
                    user=user,
                    title=name,
                    body=parsed,
                    shared=bool(shared),
                    locked=bool(locked),
                    now=call.now,
                )
                return {"saved": True, "dashboard": _whole(call, made)}
            done = dashboards.save(
                conn,
                site=call.site_name,
                user=user,
                id=dashboard,
                version=version,
                title=name,
                body=parsed,
                shared=shared,
                locked=locked,
                now=call.now,
            )
            return {"saved": True, "dashboard": _whole(call, done)}
    except Overtaken as other:
        return _overtaken(call, "saved", other)
    except Refused as reason:
        raise BadArgument(str(reason)) from None


@method("baken.delete_dashboard", roles=DASHBOARD_ROLES, writes=True)
def delete_dashboard(call: Call, dashboard: str, version: Version) -> dict[str, Any]:
    """Delete a dashboard in the `version` that was read. For a day, saving it brings it back.

    Returns deleted (false when somebody else saved meanwhile; dashboard is then what stands there), and version: the
    one to save over to bring it back.
    """
    try:
        with call.store.write() as conn:
            gone = dashboards.remove(
                conn, site=call.site_name, user=_user(call), id=dashboard, version=version, now=call.now
            )
    except Overtaken as other:
        return _overtaken(call, "deleted", other)
    except Refused as reason:
        raise BadArgument(str(reason)) from None
    return {"deleted": True, "version": gone.version, "dashboard": None}


def _user(call: Call) -> str:
    return call.user.name if call.user else ""


def _title(given: str) -> str:
    title = " ".join(given.split())
    if not title:
        raise BadArgument("argument title is empty; give the dashboard a name")
    if len(title) > _MOST_TITLE:
        raise BadArgument(f"argument title has {len(title)} characters; at most {_MOST_TITLE} are kept")
    if not all(letter.isprintable() for letter in title):
        raise BadArgument("argument title has characters that cannot be shown")
    return title


def _body(given: str) -> Body:
    try:
        return dashboard_body.parse(given)
    except BadBody as problem:
        raise BadArgument(f"argument body is no dashboard: {problem}") from None


def _overtaken(call: Call, what: str, other: Overtaken) -> dict[str, Any]:
    now = other.now
    seen = now.seen_by(_user(call)) and not now.deleted
    return {
        what: False,
        "version": now.version,
        "by": now.updated_by,
        "at": iso(now.updated),
        "gone": now.deleted,
        "dashboard": _whole(call, now) if seen else None,
    }


def _listed(call: Call, one: Dashboard) -> dict[str, Any]:
    return {**_about(call, one), "panels": [_place(panel) for panel in one.body["panels"]]}


def _whole(call: Call, one: Dashboard) -> dict[str, Any]:
    named = {shown["metric"] for panel in one.body["panels"] for shown in panel.get("metrics", ())}
    unknown = sorted(name for name in named if catalogue.get(name) is None)
    return {**_about(call, one), "body": one.body, "unknown": unknown}


def _about(call: Call, one: Dashboard) -> dict[str, Any]:
    user = _user(call)
    return {
        "dashboard": one.id,
        "title": one.title,
        "owner": one.owner,
        "mine": one.owner == user,
        "shared": one.shared,
        "locked": one.locked,
        "can_change": one.changed_by(user),
        "version": one.version,
        "created": iso(one.created),
        "updated": iso(one.updated),
        "updated_by": one.updated_by,
    }


def _place(panel: dict[str, Any]) -> dict[str, Any]:
    return {name: panel[name] for name in ("kind", "x", "y", "w", "h")}

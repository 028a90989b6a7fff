"""How somebody likes the dashboard, where that person is signed in, and what Baken keeps about the person."""

import json
from typing import Any

from sqlalchemy import func, select

from baken.alerts.view import zone_of
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call, NotPermitted
from baken.api.registry import method
from baken.clock import from_ms, iso, to_ms
from baken.history import audit, kept, kept_retention
from baken.history.tables import audit as audit_table
from baken.history.tables import dashboards, push_subscriptions, web_sessions

_CHOICES: dict[str, tuple[str, ...]] = {
    "language": ("", "en", "nl"),
    "theme": ("", "system", "light", "dark", "contrast"),
    "zone": ("", "site", "browser"),
}
_TEXTS = {"start": 60, "range": 60}
_SECONDS = "refresh"
_LONGEST_REFRESH = 86_400
# Characters of a session's id by which its owner names it.
_ID = 12


@method("baken.get_profile", roles=DASHBOARD_ROLES)
def get_profile(call: Call) -> dict[str, Any]:
    """How the caller likes the dashboard on this site, the own sessions, and what is kept about the person.

    Returns profile (language, theme, start: name of a view, range, refresh in seconds, zone: site or browser; only what
    was chosen), saved_at, time_zone (the site's), sessions ({id, created, seen, expires, current}), keeps ({what, rows,
    days or null}: what the store holds about the caller), timestamp.
    """
    user = _user(call)
    with call.store.read() as conn:
        profile, at = kept.profile(conn, call.site_name, user)
        rows = conn.execute(
            select(web_sessions)
            .where(
                web_sessions.c.site == call.site_name,
                web_sessions.c.user == user,
                web_sessions.c.expires > to_ms(call.now),
            )
            .order_by(web_sessions.c.seen.desc())
        ).all()
        place = zone_of(conn, call.site_name)
        keeps = _keeps(call, conn, user, profile, len(rows))
    return {
        "profile": profile,
        "saved_at": iso(at),
        "time_zone": call.chosen.config.time_zone or place,
        "sessions": [
            {
                "id": row.id[:_ID],
                "created": iso(from_ms(row.created)),
                "seen": iso(from_ms(row.seen)),
                "expires": iso(from_ms(row.expires)),
                "current": row.id == call.session,
            }
            for row in rows
        ],
        "keeps": keeps,
        "timestamp": iso(call.now),
    }


def _keeps(call: Call, conn: Any, user: str, profile: dict[str, Any], sessions: int) -> list[dict[str, Any]]:
    def count(table: Any, column: Any) -> int:
        return int(conn.execute(select(func.count()).where(table.c.site == call.site_name, column == user)).scalar())

    return [
        {"what": "profile", "rows": 1 if profile else 0, "days": None},
        {"what": "sessions", "rows": sessions, "days": call.settings.server.session_hours / 24},
        {
            "what": "audit",
            "rows": count(audit_table, audit_table.c.user),
            "days": kept_retention.limits(conn, call.settings).audit_days,
        },
        {"what": "dashboards", "rows": count(dashboards, dashboards.c.owner), "days": None},
        {"what": "push", "rows": count(push_subscriptions, push_subscriptions.c.user), "days": None},
    ]


@method("baken.save_profile", roles=DASHBOARD_ROLES, writes=True)
def save_profile(call: Call, profile: str) -> dict[str, Any]:
    """Keep how the caller likes the dashboard, in place of what was kept before; `profile` is a JSON object.

    It may have language, theme, start, range, refresh, zone; an empty one is forgotten.

    Returns profile, as it is kept now.
    """
    user = _user(call)
    try:
        given = json.loads(profile)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise BadArgument('argument profile is no JSON object such as {"theme": "dark"}')
    wanted = {name: _checked(name, value) for name, value in given.items() if value not in (None, "")}
    with call.store.write() as conn:
        if wanted:
            kept.put_profile(conn, call.site_name, user, wanted, call.now)
        else:
            kept.drop_profile(conn, call.site_name, user)
    return {"profile": wanted}


def _checked(name: str, value: Any) -> Any:
    known = (*_CHOICES, *_TEXTS, _SECONDS)
    if name not in known:
        raise BadArgument(f"a profile has no {str(name)[:40]!r}; it may have {', '.join(known)}")
    if name == _SECONDS:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LONGEST_REFRESH:
            raise BadArgument("refresh is a number of seconds; 0 is never")
        return value
    if not isinstance(value, str) or "\x00" in value:
        raise BadArgument(f"{name} is a text")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise BadArgument(f"{name} is {value[:40]!r}; expected one of {', '.join(filter(None, _CHOICES[name]))}")
    if name in _TEXTS and len(value) > _TEXTS[name]:
        raise BadArgument(f"{name} is longer than {_TEXTS[name]} characters")
    return value


@method("baken.end_sessions", roles=DASHBOARD_ROLES, writes=True)
def end_sessions(call: Call, id: str = "") -> dict[str, Any]:
    """End the caller's other sessions on this site, or only the one named by `id`; the present one stays.

    Returns ended (how many).
    """
    user = _user(call)
    own = (web_sessions.c.site == call.site_name, web_sessions.c.user == user, web_sessions.c.id != call.session)
    with call.store.write() as conn:
        rows = [row for row in conn.execute(select(web_sessions.c.id).where(*own)).scalars() if row.startswith(id)]
        if id and (len(id) != _ID or not rows):
            raise BadArgument("there is no such session any more")
        conn.execute(web_sessions.delete().where(*own, web_sessions.c.id.in_(rows)))
        if rows:
            detail = {"sessions": len(rows)}
            audit.write(conn, at=call.now, site=call.site_name, user=user, action="sessions ended", detail=detail)
    return {"ended": len(rows)}


def _user(call: Call) -> str:
    if call.user is None:
        raise NotPermitted("sign in first")
    return call.user.name

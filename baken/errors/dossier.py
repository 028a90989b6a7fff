"""Everything about one pattern: its example, when it comes, whom it hits, what people did about it."""

import json
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, select

from baken.clock import from_ms, iso
from baken.errors import facts, findings
from baken.errors.counts import HOUR_MS
from baken.errors.described import view
from baken.errors.heat import known_grid
from baken.errors.patterns import pattern_list
from baken.errors.windows import date_of, last_days, places
from baken.history import releases
from baken.history.tables import audit, error_patterns
from baken.settings import ErrorAnalysis

MOST_USERS = 20
MOST_HISTORY = 100


def dossier(
    conn: Connection,
    site: str,
    pattern: str,
    *,
    days: int,
    now: datetime,
    zone: tzinfo,
    settings: ErrorAnalysis | None = None,
) -> dict[str, Any]:
    """The pattern object of one pattern over the last `days` days of the site, and what only its own page shows.

    Of a pattern that was merged into another, the other's is given.

    Returns:
        the pattern object, and example (free of personal data; "" when none was kept), why, frames, title, heatmap
        (7 x 24), days (day, count; None where nothing is known), users_top, history (newest first), members,
        releases, leaks, since, measured_at, absent.

    Raises:
        KeyError: the site has no such pattern.
    """
    window = last_days(days, now)
    clock = places(window, zone)
    found = facts.gather(conn, site, window, places=clock)
    if pattern not in found.by_id:
        raise KeyError(pattern)
    number = found.by_id[pattern]
    seen = view(found, released=releases.last(conn, site), now=now, settings=settings or ErrorAnalysis())
    tally = found.tallies.get(number) or facts.Tally()
    numbers = found.numbers(number)
    hourly = facts.by_hour(conn, site, window, numbers)
    lifelong = facts.totals(conn, numbers)
    columns = (error_patterns.c[name] for name in ("example", "why", "frames", "title"))
    long = conn.execute(select(*columns).where(error_patterns.c.number == number)).one()
    since = found.looked.since
    first_known = None if since is None else clock.day(max(since, window.start))
    span = range(clock.day(window.start), clock.day(window.end - HOUR_MS) + 1)
    return {
        **pattern_list(conn, seen, [number], window, clock, zone)[0],
        "example": long.example,
        "why": long.why,
        "frames": json.loads(long.frames),
        "title": long.title,
        "heatmap": known_grid(hourly, window, clock, found.looked),
        "days": [
            {
                "day": date_of(day),
                "count": None if first_known is None or day < first_known else tally.days.get(day, 0),
            }
            for day in span
        ],
        "users_top": [
            {"user": user, "group": found.group_of[user], "errors": count}
            for user, count in sorted(tally.users.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_USERS]
        ],
        "history": history(conn, site, [found.rows[number], *found.members.get(number, ())]),
        "members": [
            {"pattern": row.id, "template": row.template, "count": lifelong.get(row.number, 0)}
            for row in found.members.get(number, ())
        ],
        "releases": [each.answer() for each in releases.recent(conn, site, since=window.start)],
        "leaks": [each for each in findings.leaks(conn, site) if each["pattern"] == found.rows[number].id],
        "since": iso(from_ms(window.start)),
        "measured_at": iso(found.looked.read_at),
        "absent": found.looked.absent(window.start),
    }


def history(conn: Connection, site: str, family: list[Any]) -> list[dict[str, Any]]:
    """What happened to a pattern and those merged into it, newest first: at, user ("": Baken itself), action, detail.

    `action` is "first_seen", "regressed", "escalated" or what somebody did: "state", "merge", "separate", "split".
    """
    query = (
        select(audit.c.at, audit.c.user, audit.c.action, audit.c.target, audit.c.detail)
        .where(audit.c.site == site, audit.c.target.in_([row.id for row in family]), audit.c.action.like("error %"))
        .order_by(audit.c.at.desc(), audit.c.id.desc())
        .limit(MOST_HISTORY)
    )
    head = family[0]
    found = [
        (row.at, row.user, row.action.removeprefix("error "), {**json.loads(row.detail), "pattern": row.target})
        for row in conn.execute(query)
    ]
    found.append((min(row.first_seen for row in family), "", "first_seen", {"pattern": head.id}))
    if head.regressed_at is not None:
        found.append((head.regressed_at, "", "regressed", {"pattern": head.id}))
    if head.state == "open" and head.muted_above is not None and not head.state_by and head.state_at is not None:
        found.append((head.state_at, "", "escalated", {"pattern": head.id, "above": head.muted_above}))
    found.sort(key=lambda entry: -entry[0])
    return [
        {"at": iso(from_ms(at)), "user": user, "action": action, "detail": detail} for at, user, action, detail in found
    ]

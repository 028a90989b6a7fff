"""The analysis of a site's errors over days: how many, of what kind, when, whom they hit, and what follows from it."""

from collections import Counter, defaultdict
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection

from baken.clock import from_ms, iso
from baken.errors import facts, sentences
from baken.errors.counts import HOUR_MS
from baken.errors.described import View, recurs, status, total_trend, view
from baken.errors.facts import Facts
from baken.errors.heat import cell
from baken.errors.patterns import pattern_list
from baken.errors.taxonomy import SEVERITIES
from baken.errors.windows import Places, date_of, last_days, places
from baken.history import releases
from baken.settings import ErrorAnalysis

MOST_PATTERNS = 200
MOST_USERS = 20
NO_EXCEPTION = "message"
"""The type of errors that name no exception."""


def analyze(
    conn: Connection,
    site: str,
    *,
    days: int,
    now: datetime,
    zone: tzinfo,
    settings: ErrorAnalysis | None = None,
    log_bytes: float | None = None,
) -> dict[str, Any]:
    """The errors of the last `days` days of the site, today included.

    Args:
        conn: a connection that sees one moment.
        site: name of the site.
        days: how many days; they begin at the site's midnight.
        now: the present moment.
        zone: the site's time zone.
        settings: thresholds of trends and of recurring patterns.
        log_bytes: bytes that the site's Error Log takes; None when it was not measured.

    Returns:
        total_errors (rows, not groups; None when nothing was read), analysis_period, patterns (daily_trends and
        hourly_patterns by the site's own days and hours, error_types, categories, severity, user_impact, components,
        areas, recurring, growth, list), insights, recommendations, measured_at, since, absent. Every key is a text,
        and no number is infinite.
    """
    settings = settings or ErrorAnalysis()
    window = last_days(days, now)
    clock = places(window, zone)
    found = facts.gather(conn, site, window, places=clock)
    hourly = facts.by_hour(conn, site, window)
    changes = releases.recent(conn, site)
    seen = view(found, released=changes[0].at if changes else None, now=now, settings=settings)
    present = found.present
    listed = pattern_list(conn, seen, present[:MOST_PATTERNS], window, clock, zone)
    growth = total_trend(found, settings)
    said = sentences.Material(seen, listed, growth, changes, log_bytes, now)
    return {
        "total_errors": None if found.looked.main is None else found.total,
        "analysis_period": f"{days} day{'s' if days != 1 else ''}",
        "patterns": {
            "daily_trends": _daily(found, hourly, clock),
            "hourly_patterns": _hourly(hourly, clock),
            **_kinds(seen, present),
            "user_impact": _impact(found),
            "components": _sum(found, "components"),
            "recurring": [found.rows[number].id for number in present if _recurring(seen, number)],
            "growth": growth.answer(),
            "list": listed,
        },
        "insights": sentences.insights(said),
        "recommendations": sentences.recommendations(said),
        "measured_at": iso(found.looked.read_at),
        "since": iso(from_ms(window.start)),
        "absent": found.looked.absent(window.start),
    }


def _recurring(seen: View, number: int) -> bool:
    found = seen.facts
    family = (found.rows[number], *found.members.get(number, ()))
    return recurs(seen, found.tallies[number]) and status(seen, family, found.tallies[number]) != "quiet"


def _daily(found: Facts, hourly: dict[int, int], clock: Places) -> dict[str, int]:
    """Errors per day of the site; days that end before Baken looked are left out."""
    since = found.looked.since
    if since is None:
        return {}
    window = found.window
    counted: Counter[int] = Counter()
    for hour, count in hourly.items():
        counted[clock.day(hour)] += count
    first = clock.day(max(window.start, min(since, window.end - HOUR_MS)))
    first = min([first, *counted])
    return {date_of(day): counted[day] for day in range(first, clock.day(window.end - HOUR_MS) + 1)}


def _hourly(hourly: dict[int, int], clock: Places) -> dict[str, int]:
    counted: Counter[int] = Counter()
    for at, count in hourly.items():
        counted[cell(at, clock)[1]] += count
    return {str(hour): counted[hour] for hour in range(24)} if hourly else {}


def _kinds(seen: View, present: list[int]) -> dict[str, dict[str, int]]:
    """Errors per type, category, severity and area, the most frequent first; severities the worst first."""
    found = seen.facts
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for number in present:
        row, count = found.rows[number], found.tallies[number].count
        counted["error_types"][row.exception or NO_EXCEPTION] += count
        counted["categories"][row.category] += count
        counted["severity"][row.severity] += count
        counted["areas"][row.area] += count
    out = {
        name: dict(sorted(counted[name].items(), key=lambda entry: (-entry[1], entry[0])))
        for name in ("error_types", "categories", "areas")
    }
    severity = counted["severity"]
    return {**out, "severity": {name: severity[name] for name in reversed(SEVERITIES) if severity[name]}}


def _impact(found: Facts) -> dict[str, Any]:
    """Whom errors hit: how many known users, by group, and those hit most by their pseudonyms."""
    errors: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for tally in found.tallies.values():
        for user, count in tally.users.items():
            errors[user] += count
            kinds[user] += 1
    people = Counter(found.group_of[user] for user in errors)
    top = sorted(errors, key=lambda user: (-errors[user], user))[:MOST_USERS]
    return {
        "users": len(errors),
        "groups": {group: {"users": people[group], "errors": count} for group, count in _sum(found, "groups").items()},
        "top": [
            {"user": user, "group": found.group_of[user], "errors": errors[user], "patterns": kinds[user]}
            for user in top
        ],
    }


def _sum(found: Facts, name: str) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for tally in found.tallies.values():
        for key, count in getattr(tally, name).items():
            counted[key] += count
    return dict(sorted(counted.items(), key=lambda entry: (-entry[1], entry[0])))

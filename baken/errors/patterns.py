"""Answers questions about error patterns from their counts; the cost does not grow with the number of errors."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, func, select

from baken.clock import from_ms, iso
from baken.errors import facts, findings
from baken.errors.counts import HOUR_MS
from baken.errors.described import SETTLED, View, describe, new_since_release, state_of, status, view
from baken.errors.facts import SHORT_HOURS, Facts, Tally
from baken.errors.taxonomy import SEVERITIES
from baken.errors.trend import Trend
from baken.errors.windows import Places, Window, last_days, last_hours, midnight_of, places
from baken.history import releases
from baken.history.tables import error_patterns
from baken.settings import ErrorAnalysis

MAX_HOURS = 24 * 92
MOST_CHOICES = 100
"""So many choices of a field are told, those with most patterns."""
SORTS = ("count", "latest", "first_seen", "users", "severity", "trend")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which patterns a list shows. "" or an empty set asks for all; `limit` None is no limit.

    `search` is looked for in exception, message, title, area and id; the rest are names that fit exactly.
    """

    search: str = ""
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sort: str = "count"
    limit: int | None = 50
    offset: int = 0

    @property
    def silent(self) -> bool:
        """Whether patterns that have no error in the window may be what is asked for."""
        states = self.choices.get("state") or frozenset()
        return bool(self.search or "quiet" in self.choices.get("status", ()) or (states and not states - {*SETTLED}))


def recent(
    conn: Connection,
    site: str,
    *,
    hours: int = 24,
    limit: int | None = 10,
    now: datetime,
    settings: ErrorAnalysis | None = None,
) -> dict[str, Any]:
    """The errors of the last `hours` as patterns, the most frequent first.

    The window consists of whole hours of UTC, the present one included, so that its bars add up to its total.

    Args:
        conn: a connection to the store.
        site: name of the site.
        hours: length of the window, 1 to MAX_HOURS.
        limit: so many patterns at most; None: all.
        now: the present moment.
        settings: what makes a pattern recurring.

    Returns:
        total (None when the log was never read), since, hours (beginning of each), by_hour, patterns_total,
        measured_at, absent ({} or {"errors": reason}), and patterns: pattern, exception, template, error_summary,
        area, category, severity, component, count, share (of total), users (known ones that were hit; None when
        nobody knows), status, state, first_occurrence and latest (within the window), first_seen, new (seen for the
        first time within the window, while Baken has looked further back), hours (count per hour).
    """
    window = last_hours(max(1, min(hours, MAX_HOURS)), now)
    found = facts.gather(conn, site, window)
    seen = _view(conn, site, found, now, settings or ErrorAnalysis())
    chosen = found.present
    shown = chosen if limit is None else chosen[: max(0, limit)]
    counted, firsts = facts.hours_of(conn, found, shown), facts.first_hours(conn, found, shown)
    steps = window.grid()
    kept = (
        "pattern", "exception", "template", "error_summary", "area", "category", "severity", "component", "count",
        "share", "users", "status", "state", "first_occurrence", "latest", "first_seen", "hours",
    )  # fmt: skip
    listed, total = [], found.total
    for number in shown:
        bars = [counted[number].get(hour, 0) for hour in steps]
        row = describe(seen, number, total=total, hours=bars, step_hours=1, first=firsts.get(number))
        first = min(each.first_seen for each in (found.rows[number], *found.members.get(number, ())))
        new = first >= window.start and found.looked.knew(window.start)
        listed.append({key: row[key] for key in kept} | {"new": new})
    return {
        **_head(found),
        "patterns": listed,
        "patterns_total": len(chosen),
        "hours": [iso(from_ms(hour)) for hour in steps],
        "by_hour": _series(facts.by_hour(conn, site, window), steps, found),
    }


def listing(
    conn: Connection,
    site: str,
    *,
    hours: int,
    wanted: Wanted,
    now: datetime,
    zone: tzinfo = UTC,
    settings: ErrorAnalysis | None = None,
) -> dict[str, Any]:
    """The patterns of a window that are `wanted`, a page of them, with what there is to choose from.

    A window of more than SHORT_HOURS begins with a day of the site and has a bar a day, else a bar an hour.

    Returns:
        total, patterns_total (with errors in the window), matching (how many are wanted), patterns, hours (beginning of
        each bar), by_hour, step_hours, facets (choices per field, with how many patterns have them), releases,
        news (new, regressed, new_since_release: patterns of the window; release: the last one), sources, since,
        measured_at, absent.
    """
    daily = hours > SHORT_HOURS
    window = last_days(-(-hours // 24), now) if daily else last_hours(hours, now)
    clock = places(window, zone) if daily else None
    found = facts.gather(conn, site, window, places=clock)
    seen = _view(conn, site, found, now, settings or ErrorAnalysis())
    numbers = list(found.rows) if wanted.silent else found.present
    fields = {number: _fields(seen, number) for number in numbers}
    chosen = [number for number in numbers if _fits(seen, number, fields[number], wanted)]
    chosen.sort(key=_order(seen, wanted.sort))
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    shown = chosen[wanted.offset : end]
    # Bars of a day come with the facts; those of an hour are asked for what is shown only.
    counted = {} if daily else facts.hours_of(conn, found, shown)
    hourly = facts.by_hour(conn, site, window)
    firsts = facts.first_hours(conn, found, shown)
    steps, bars = _steps(window, clock, zone)
    count = found.total
    total: dict[int, int] = Counter()
    for hour, errors in hourly.items():
        total[clock.day(hour) if clock else hour] += errors
    return {
        **_head(found),
        "patterns": [
            describe(
                seen,
                number,
                total=count,
                hours=_series(found.tallies.get(number, Tally()).days if daily else counted[number], bars, found),
                step_hours=24 if daily else 1,
                first=firsts.get(number),
            )
            for number in shown
        ],
        "patterns_total": len(found.present),
        "matching": len(chosen),
        "hours": steps,
        "by_hour": _series(total, bars, found),
        "step_hours": 24 if daily else 1,
        "facets": _facets(fields, wanted, lambda number, but: _fits(seen, number, fields[number], wanted, but)),
        "releases": [each.answer() for each in releases.recent(conn, site, since=window.start)],
        "news": _news(conn, site, seen, fields),
        "sources": findings.sources(found.looked, now),
    }


def _news(
    conn: Connection, site: str, seen: View, fields: Mapping[int, Mapping[str, tuple[str, ...]]]
) -> dict[str, Any]:
    """What is new in the window, of all patterns; and the last release, however long ago it was."""
    present = [(fields[number]["status"], _first_seen(seen, number)) for number in seen.facts.present]
    latest = releases.recent(conn, site, limit=20)
    return {
        "new": sum(1 for found, _ in present if "new" in found),
        "regressed": sum(1 for found, _ in present if "regressed" in found),
        "new_since_release": sum(1 for _, first in present if new_since_release(seen, first)),
        "release": [each.answer() for each in latest if each.at == latest[0].at],
    }


def _first_seen(seen: View, number: int) -> int:
    family = (seen.facts.rows[number], *seen.facts.members.get(number, ()))
    return min(int(row.first_seen) for row in family)


def version(conn: Connection, site: str) -> tuple[int, int]:
    """What changes when an error of a site is counted; cheap enough to be asked for twice a second."""
    table = error_patterns
    found = conn.execute(
        select(func.count(), func.coalesce(func.sum(table.c.total), 0)).where(table.c.site == site)
    ).one()
    return int(found[0]), int(found[1])


def named(
    conn: Connection,
    site: str,
    patterns: Sequence[str],
    *,
    hours: int = 24,
    now: datetime,
    settings: ErrorAnalysis | None = None,
) -> list[dict[str, Any]]:
    """The pattern objects of these ids (unknown ones are left out), each once, over the last `hours`."""
    window = last_hours(hours, now)
    found = facts.gather(conn, site, window)
    seen = _view(conn, site, found, now, settings or ErrorAnalysis())
    heads = list(dict.fromkeys(found.by_id[name] for name in patterns if name in found.by_id))
    counted, firsts = facts.hours_of(conn, found, heads), facts.first_hours(conn, found, heads)
    steps, total = window.grid(), found.total
    return [
        describe(
            seen,
            number,
            total=total,
            hours=_series(counted[number], steps, found),
            step_hours=1,
            first=firsts.get(number),
        )
        for number in heads
    ]


def pattern_list(
    conn: Connection, seen: View, numbers: Sequence[int], window: Window, clock: Places, zone: tzinfo
) -> list[dict[str, Any]]:
    """The pattern objects of some heads, with a bar for each day of the site."""
    found = seen.facts
    bars = _steps(window, clock, zone)[1]
    total, firsts = found.total, facts.first_hours(conn, found, numbers)
    return [
        describe(
            seen,
            number,
            total=total,
            hours=_series(found.tallies.get(number, Tally()).days, bars, found),
            step_hours=24,
            first=firsts.get(number),
        )
        for number in numbers
    ]


def _view(conn: Connection, site: str, found: Facts, now: datetime, settings: ErrorAnalysis) -> View:
    return view(found, released=releases.last(conn, site), now=now, settings=settings)


def _head(found: Facts) -> dict[str, Any]:
    return {
        "total": None if found.looked.main is None else found.total,
        "since": iso(from_ms(found.window.start)),
        "measured_at": iso(found.looked.read_at),
        "absent": found.looked.absent(found.window.start),
    }


def _steps(window: Window, clock: Places | None, zone: tzinfo) -> tuple[list[str | None], list[int]]:
    """Beginning of each bar as text, and what the bar is counted under."""
    if clock is None:
        return [iso(from_ms(hour)) for hour in window.grid()], window.grid()
    days = list(range(clock.day(window.start), clock.day(window.end - HOUR_MS) + 1))
    return [iso(midnight_of(day, zone)) for day in days], days


def _series(counted: Mapping[int, int], bars: Sequence[int], found: Facts) -> list[int | None]:
    if found.looked.main is None:
        return [None] * len(bars)
    return [counted.get(bar, 0) for bar in bars]


def _fields(seen: View, number: int) -> dict[str, tuple[str, ...]]:
    """The values of the fields that can be chosen by; a pattern may come through several components."""
    row, tally = seen.facts.rows[number], seen.facts.tallies.get(number)
    family = (row, *seen.facts.members.get(number, ()))
    return {
        "category": (row.category,),
        "severity": (row.severity,),
        "component": tuple(tally.components) if tally and tally.components else (row.component,),
        "area": (row.area,),
        "state": (state_of(row, seen.now),),
        "status": (status(seen, family, tally),),
    }


def _fits(
    seen: View, number: int, fields: Mapping[str, tuple[str, ...]], wanted: Wanted, but: str | None = None
) -> bool:
    """Whether a pattern is wanted; the field `but` does not matter."""
    for name, allowed in wanted.choices.items():
        if allowed and name != but and not allowed.intersection(fields[name]):
            return False
    if not wanted.search:
        return True
    words = wanted.search.casefold().split()
    family = (seen.facts.rows[number], *seen.facts.members.get(number, ()))
    text = " ".join(
        f"{row.id} {row.exception} {row.template} {row.area} {row.method} {row.note}" for row in family
    ).casefold()
    return all(word in text for word in words)


def _order(seen: View, sort: str) -> Callable[[int], tuple[Any, ...]]:
    found = seen.facts

    def key(number: int) -> tuple[Any, ...]:
        row, tally = found.rows[number], found.tallies.get(number) or Tally()
        family = (row, *found.members.get(number, ()))
        by: float = -tally.count
        if sort == "latest":
            by = -max(each.last_seen for each in family)
        elif sort == "first_seen":
            by = -min(each.first_seen for each in family)
        elif sort == "users":
            by = -len(tally.users)
        elif sort == "severity":
            by = -SEVERITIES.index(row.severity) if row.severity in SEVERITIES else 1
        elif sort == "trend":
            by = _rising(seen.trends.get(number))
        return by, -tally.count, row.id

    return key


def _rising(trend: Trend | None) -> float:
    """Rising ones first, the steepest in front, falling ones after those without a trend, unknown ones last."""
    if trend is None or trend.direction == "unknown":
        return 3.0
    slope = trend.per_day or 0.0
    place = {"up": 0.0, "flat": 1.0, "down": 2.0}[trend.direction]
    return place - slope / (1 + abs(slope)) / 2


def _facets(
    fields: Mapping[int, Mapping[str, tuple[str, ...]]], wanted: Wanted, fits: Callable[[int, str], bool]
) -> dict[str, dict[str, int]]:
    """How many patterns each choice would show, all other choices being kept."""
    out: dict[str, dict[str, int]] = {}
    for name in ("category", "severity", "component", "area", "state", "status"):
        counted: Counter[str] = Counter()
        for number, values in fields.items():
            if fits(number, name):
                counted.update(values[name])
        most = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_CHOICES]
        out[name] = dict(most)
    return out

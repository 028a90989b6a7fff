"""A pattern as every answer shows it, with the same keys everywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from baken.clock import to_ms
from baken.errors.counts import DAY_MS, HOUR_MS
from baken.errors.facts import Facts, Tally
from baken.errors.trend import Trend, trends
from baken.settings import ErrorAnalysis

QUIET_GAPS = 3
"""A pattern is quiet after so many times the gap that is usual between its days."""

FRESH_RELEASE_DAYS = 14
"""A pattern that came with the last release is new for so many days after it."""

SETTLED = ("known", "muted", "resolved")
"""States of patterns with which somebody has dealt."""

_SUMMARY = 140


@dataclass(frozen=True, slots=True)
class View:
    """What patterns are described with.

    Attributes:
        facts: what was counted.
        trends: head's number -> its trend.
        released: the moment (ms) of the site's last change of versions; None when none is known.
        now: the present moment.
        settings: thresholds.
        compared: whether Baken looked all through the window before this one.
        passed: hours of the window that have passed and were looked at.
    """

    facts: Facts
    trends: Mapping[int, Trend]
    released: int | None
    now: datetime
    settings: ErrorAnalysis
    compared: bool
    passed: float


def view(facts: Facts, *, released: int | None, now: datetime, settings: ErrorAnalysis) -> View:
    """What the patterns with errors in the window, or in the days that trends are judged by, are described with."""
    numbers = sorted(facts.tallies)
    series = [facts.known_bins(facts.tallies[number]) for number in numbers]
    found = trends(series, threshold=settings.trend_threshold, unknown=unknown_trend(facts))
    compared = facts.looked.knew(facts.window.before.start + 1)
    judged = dict(zip(numbers, found, strict=True))
    return View(facts, judged, released, now, settings, compared, known_hours(facts, now))


def unknown_trend(facts: Facts) -> str | None:
    """Why no trend can be told now; None when one can."""
    if facts.looked.since is None:
        return "errors have not been read yet"
    return "errors are still being read" if facts.looked.behind else None


def total_trend(facts: Facts, settings: ErrorAnalysis) -> Trend:
    """The trend of all errors together."""
    bins = [sum(day) for day in zip(*(tally.bins for tally in facts.tallies.values()), strict=True)]
    known = facts.known_bins(Tally(bins=bins or [0] * facts.bins))
    return trends([known], threshold=settings.trend_threshold, unknown=unknown_trend(facts))[0]


def describe(
    seen: View, number: int, *, total: int, hours: Sequence[int | None], step_hours: int, first: int | None
) -> dict[str, Any]:
    """The pattern object of the head with this number.

    `hours` are its counts per `step_hours`; `first` is the first hour (ms) of the window that has some, or None.
    """
    facts, row = seen.facts, seen.facts.rows[number]
    tally = facts.tallies.get(number) or Tally()
    members = facts.members.get(number, [])
    family = [row, *members]
    first_seen, last_seen = min(each.first_seen for each in family), max(each.last_seen for each in family)
    size = sum(each.bytes for each in family)
    window = facts.window
    known = facts.tallies.get(number)
    main = max(tally.components, key=lambda name: (tally.components[name], name), default=row.component)
    trend = seen.trends.get(number) or Trend("unknown", reason=unknown_trend(facts) or "no errors in these days")
    began = first_seen >= window.start
    return {
        "pattern": row.id,
        "exception": row.exception,
        "template": row.template,
        "error_summary": summary(row.exception, row.template),
        "category": row.category,
        "severity": row.severity,
        "area": row.area,
        "place": {"app": row.app, "module": row.module, "doctype": row.doctype, "method": row.method},
        "component": main,
        "components": _sorted(tally.components),
        "first_seen": _iso(first_seen),
        "last_seen": _iso(last_seen),
        # Counts know the hour only; the very first and the very last occurrence are known to the moment.
        "first_occurrence": None if first is None else _iso(first_seen if began else first),
        "latest": _iso(last_seen) if tally.count else None,
        "count": tally.count,
        "previous": tally.before if seen.compared else None,
        "share": tally.count / total if total else 0.0,
        "per_hour": round(tally.count / seen.passed, 4),
        "users": len(tally.users) if tally.users or not tally.count else (0 if _all_known(tally) else None),
        "groups": _sorted(tally.groups),
        "hours": list(hours),
        "step_hours": step_hours,
        "status": status(seen, family, known),
        "state": state_of(row, seen.now),
        "note": row.note,
        "state_by": row.state_by,
        "state_at": _iso(row.state_at),
        "muted_until": _iso(row.muted_until),
        "muted_above": row.muted_above,
        "escalated": row.state == "open" and row.muted_above is not None and not row.state_by,
        "new_since_release": new_since_release(seen, first_seen),
        "trend": trend.answer(),
        "merged": sorted(each.id for each in members),
        "split_by": row.split_by,
        "split_of": _id_of(facts, row.split_of),
        "version": row.version,
        "bytes": size,
        "cost_mb": round(size / 1e6, 3),
    }


def status(seen: View, family: Sequence[Any], tally: Tally | None) -> str:
    """What a pattern does: "regressed", "new", "quiet", "recurring" or "rare"; the first that holds.

    - regressed: it was resolved and came back.
    - new: it was first seen within the window, or since the last release of the last FRESH_RELEASE_DAYS days, and
      Baken had looked before.
    - quiet: it had been recurring, and nothing came for a day and for QUIET_GAPS times its usual gap between days.
    - recurring: at least `recurring_threshold` errors in the days that trends are judged by.
    - rare: anything else.
    """
    first_seen = min(each.first_seen for each in family)
    last_seen = max(each.last_seen for each in family)
    if family[0].state == "regressed":
        return "regressed"
    begins = seen.facts.window.start
    if (first_seen >= begins and seen.facts.looked.knew(begins)) or (
        new_since_release(seen, first_seen)
        and seen.released is not None
        and to_ms(seen.now) - seen.released <= FRESH_RELEASE_DAYS * DAY_MS
    ):
        return "new"
    if tally is None or not recurs(seen, tally):
        return "rare"
    return "quiet" if to_ms(seen.now) - last_seen > max(DAY_MS, QUIET_GAPS * _usual_gap(tally)) else "recurring"


def recurs(seen: View, tally: Tally) -> bool:
    """Whether a pattern comes often enough, whether or not it is new."""
    return tally.seen >= seen.settings.recurring_threshold


def new_since_release(seen: View, first_seen: int) -> bool:
    """Whether a pattern was first seen after the last release, and Baken looked before that."""
    released = seen.released
    return released is not None and first_seen >= released and seen.facts.looked.knew(released)


def state_of(row: Any, now: datetime) -> str:
    """The state of a pattern; a mute whose time is over is open, whether or not anything has come since."""
    if row.state == "muted" and row.muted_until is not None and row.muted_until <= to_ms(now):
        return "open"
    return str(row.state)


def summary(exception: str, template: str) -> str:
    """A pattern in one line."""
    name = exception.rsplit(".", 1)[-1]
    text = f"{name}: {template}" if name and template else name or template
    return text if len(text) <= _SUMMARY else text[: _SUMMARY - 1].rstrip() + "…"


def known_hours(facts: Facts, now: datetime) -> float:
    """How many hours of the window have passed and were looked at; at least one."""
    since = facts.looked.since
    begins = facts.window.start if since is None else max(facts.window.start, since)
    return max(1.0, (min(to_ms(now), facts.window.end) - begins) / HOUR_MS)


def _usual_gap(tally: Tally) -> float:
    """The mean gap between days that have errors, in ms."""
    days = [place for place, count in enumerate(tally.bins) if count]
    return (days[-1] - days[0]) / (len(days) - 1) * DAY_MS if len(days) > 1 else DAY_MS


def _all_known(tally: Tally) -> bool:
    """Whether it is known of all errors that nobody was hit: work of the system itself."""
    return set(tally.groups) == {"system"}


def _sorted(found: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))


def _id_of(facts: Facts, number: int | None) -> str | None:
    if number is None:
        return None
    rows = [*facts.rows.values(), *(row for found in facts.members.values() for row in found)]
    return next((row.id for row in rows if row.number == number), None)


def _iso(moment: int | None) -> str | None:
    # As `clock.iso` writes it; there are several in each of hundreds of patterns.
    return None if moment is None else f"{datetime.fromtimestamp(moment // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"

"""The figures of the overview: each with its course, what it was a week ago, and whether that is better or worse.

A figure of the present is compared with that of the same moment a week ago; one that moves from minute to minute (a
response time, a queue) with its mean of a day. What cannot be compared is not, and says so by being absent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any, Literal

from sqlalchemy import Connection

from baken.clock import DAY, HOUR, iso, to_ms
from baken.history import samples
from baken.insights.figures import OWN, Figure, Figures
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

WEEK = 7 * DAY

STEP = 3 * HOUR
"""One point of a course stands for so long: 56 in a week."""

_NEAR = 3 * HOUR
"""What was measured so shortly before the moment a week ago stands for it."""

How = Literal["sum", "largest"]
Against = Literal["moment", "day", "none"]


@dataclass(frozen=True, slots=True)
class Card:
    """A figure to show.

    Attributes:
        key: its name within the overview.
        metric, labels: what is shown; label sets that have these labels are taken together.
        how: as their sum, or as the largest of them.
        against: compared with the same moment a week ago, day with day, or not.
        good: stands in for the catalogue's.
        least: a smaller change counts as none: a share of what it was.
    """

    key: str
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    how: How = "sum"
    against: Against = "moment"
    good: Literal["up", "down"] | None = None
    least: float = 0.0


GROUPS: Mapping[str, Sequence[Card]] = {
    "members": (
        Card("members", "association_members", {"status": "Active"}, good="up"),
        Card("new", "association_members_new", {"window": "month"}, good="up"),
        Card("left", "association_members_left", {"window": "month"}, good="down"),
        Card("mandates", "sepa_mandates", {"status": "Active"}, good="up"),
    ),
    "money": (
        Card("outstanding", "erpnext_outstanding_amount", least=0.01),
        Card("overdue", "erpnext_overdue_amount", least=0.01),
        Card("success", "erpnext_payment_success_ratio", least=0.005),
        Card("collections", "sepa_collections", {"result": "Successful"}, good="up"),
    ),
    "system": (
        Card("errors", "frappe_errors", {"window": "24h"}, good="down"),
        Card("response", "frappe_site_response_seconds", against="day", least=0.1),
        Card("queue", "frappe_queue_length", against="day"),
        Card("backup", "frappe_backup_age_seconds", against="none"),
    ),
}
"""The cards by what they are about, in the order in which they are shown."""


def cards(conn: Connection, site: str, figures: Figures, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Every card by group.

    Args:
        conn: a connection that reads.
        site: the site's name.
        figures: its last figures.
        now: the present, aware UTC.

    Returns:
        Per group a list of key, metric, labels, texts ({en, nl}: title and help), unit, good, value (None when there
        is none), at, absent (why there is none or no newer one, else None), before (a week ago, or None), change,
        verdict (better, worse, same, or None where neither direction is good or nothing is known), against, course
        {at (ms), value} of the last 7 days.
    """
    return {group: [_shown(conn, site, figures, card, now) for card in some] for group, some in GROUPS.items()}


def _shown(conn: Connection, site: str, figures: Figures, card: Card, now: datetime) -> dict[str, Any]:
    entry = catalogue.get(card.metric)
    if entry is None:
        raise LookupError(f"the overview asks for {card.metric}, which is not in the catalogue")
    place = OWN if entry.scope in ("host", "monitor") else site
    figure = _figure(figures, card)
    course = _course(conn, place, card, now - WEEK, now, STEP)
    present, before = figure.value, None
    if card.against == "moment":
        earlier = _course(conn, place, card, now - WEEK - _NEAR, now - WEEK, None)
        before = earlier[max(earlier)] if earlier else None
    elif card.against == "day":
        present = _mean(_course(conn, place, card, now - DAY, now, HOUR))
        before = _mean(_course(conn, place, card, now - WEEK - DAY, now - WEEK, HOUR))
    usable = figure.value is not None and figure.reason is None
    change = present - before if usable and present is not None and before is not None else None
    good = card.good or entry.good
    return {
        "key": card.key,
        "metric": card.metric,
        "labels": dict(card.labels),
        "texts": catalogue.texts(entry),
        "unit": entry.unit,
        "good": good,
        "value": figure.value,
        "at": iso(figure.at),
        "stale": _is_old(figure, entry, now),
        "absent": figure.reason,
        "before": before,
        "change": change,
        "verdict": _verdict(change, before, good, card.least),
        "against": card.against,
        "course": {"at": sorted(course), "value": [course[at] for at in sorted(course)]},
    }


def _figure(figures: Figures, card: Card) -> Figure:
    if card.how == "largest":
        return figures.largest(card.metric)[0]
    return figures.total(card.metric, **card.labels)


def _is_old(figure: Figure, entry: Metric, now: datetime) -> bool:
    """Whether a figure was due to be measured anew and was not."""
    return figure.at is not None and now - figure.at > max(3 * entry.every, 5 * timedelta(minutes=1))


def _course(
    conn: Connection, place: str, card: Card, start: datetime, end: datetime, step: timedelta | None
) -> dict[int, float]:
    """The figure by moment (ms), all its label sets taken together."""
    found: dict[int, float] = {}
    for line in samples.read_range(conn, place, card.metric, start, end, step=step, labels=card.labels):
        for at, value in zip(line.at, line.value, strict=True):
            known = found.get(at)
            found[at] = value if known is None else max(known, value) if card.how == "largest" else known + value
    # A step may begin before the stretch does.
    return {at: value for at, value in found.items() if at >= to_ms(start) - (step or timedelta()) / _MS}


_MS = timedelta(milliseconds=1)


def _mean(course: Mapping[int, float]) -> float | None:
    return fmean(course.values()) if course else None


def _verdict(
    change: float | None, before: float | None, good: Literal["up", "down"] | None, least: float
) -> Literal["better", "worse", "same"] | None:
    if change is None or before is None:
        return None
    if change == 0 or abs(change) <= least * abs(before):
        return "same"
    if good is None:
        return None
    return "better" if (change > 0) == (good == "up") else "worse"

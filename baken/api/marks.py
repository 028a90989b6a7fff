"""What happened beside the figures: incidents, releases and gaps, to be drawn into charts."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from sqlalchemy import Connection, or_, select

from baken.alerts.answers import of_site
from baken.alerts.rulebook import RuleBook
from baken.api import snapshots
from baken.api.alerts import book_or_problems
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.registry import method
from baken.api.window import Window, window_of
from baken.clock import to_ms
from baken.history import gaps as history_gaps
from baken.history import releases
from baken.history.series import labels_of
from baken.history.tables import alerts
from baken.insights.figures import OWN
from baken.metrics import catalogue

MOST = 500
"""So many incidents, releases and gaps are given at most, the newest."""

WHOLE = frozenset({"frappe_site_up", "database_up", "frappe_maintenance_mode", "monitor_collect_seconds"})
"""What a rule looks at whose alert concerns every figure of a site: nobody could use it, or nobody could measure it."""

_COLUMNS = (
    alerts.c.number, alerts.c.rule, alerts.c.site, alerts.c.labels, alerts.c.severity, alerts.c.area, alerts.c.status,
    alerts.c.began, alerts.c.resolved_at, alerts.c.texts, alerts.c.details,
)  # fmt: skip


@method("baken.get_marks", roles=DASHBOARD_ROLES)
def get_marks(
    call: Call,
    hours: Annotated[float, Range(0.01, 24 * 2557)] = 24,
    start: str | None = None,
    end: str | None = None,
    metrics: str = "",
) -> dict[str, Any]:
    """What happened over the last `hours`, or from `start` to `end` (as in `baken.get_series`), to draw into charts.

    `metrics` are names with commas between them: then incidents are those of rules that look at one of these, and
    those that concern the whole site when one of them is a figure of the site. Without it: all.

    Returns, each oldest first and at most 500 (the newest), all moments in milliseconds since 1970:

    - incidents: alerts, open or over, that held within the time: number, rule, title ({en, nl}), metric (null for one
      that looks at none), metrics (all that its rule looks at), whole (whether it concerns every figure of the site),
      labels, severity, area, status, start, end (null while it goes on).
    - releases: at, app, version, previous (an empty text: it was not there).
    - gaps: start, end, reason, host (whether it is one of the host's figures and not of the site's).
    - more: whether there were more incidents than are given.
    """
    window = window_of(call, hours, start, end)
    names = frozenset(name.strip() for name in metrics.split(",") if name.strip())
    for name in sorted(names):
        if catalogue.get(name) is None:
            raise BadArgument(f"argument metrics has {name[:100]!r}; expected names from baken.get_metric_catalogue")
    rules, _ = book_or_problems(call)
    shot = snapshots.of(call.store, call.site_name)

    def ask() -> dict[str, Any]:
        with call.store.read() as conn:
            found, more = _incidents(conn, call.site_name, window, rules, names)
            return {
                "start": to_ms(window.start),
                "end": to_ms(window.end),
                "incidents": found,
                "releases": _releases(conn, call.site_name, window),
                "gaps": _gaps(conn, call.site_name, window, names),
                "more": more,
            }

    asked = ("last", hours) if start is None else ("from", to_ms(window.start), end)
    # Alerts change between two runs over the site as well: people acknowledge and resolve them.
    return shot.once(("marks", asked, names, to_ms(call.now) // 5000), ask)


def _incidents(
    conn: Connection, site: str, window: Window, rules: RuleBook, names: frozenset[str]
) -> tuple[list[dict[str, Any]], bool]:
    looked_at = {rule.name: rule.condition.metrics for rule in rules.rules.values()}
    query = select(*_COLUMNS).where(
        of_site(site),
        alerts.c.began < to_ms(window.end),
        or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at >= to_ms(window.start)),
    )
    of_a_site = any(entry.scope in ("site", "run") for entry in map(catalogue.get, names) if entry is not None)
    if names:
        wanted = names | WHOLE if of_a_site else names
        fitting = [name for name, its in looked_at.items() if its & wanted]
        # An alert of a rule that is gone says itself what it looked at.
        query = query.where(or_(alerts.c.rule.in_(fitting), alerts.c.rule.not_in(list(looked_at))))
    found = []
    for row in conn.execute(query.order_by(alerts.c.began.desc(), alerts.c.number.desc()).limit(MOST + 1)):
        mark = _incident(row, looked_at)
        if not names or names & set(mark["metrics"]) or (mark["whole"] and of_a_site):
            found.append(mark)
    return found[:MOST][::-1], len(found) > MOST


def _incident(row: Any, looked_at: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    own = json.loads(row.details).get("metric")
    metrics = sorted(looked_at.get(row.rule, frozenset()) | ({own} if own else set()))
    return {
        "number": row.number,
        "rule": row.rule,
        "title": json.loads(row.texts).get("title") or {},
        "metric": own or (metrics[0] if metrics else None),
        "metrics": metrics,
        "whole": not WHOLE.isdisjoint(metrics),
        "labels": labels_of(row.labels),
        "severity": row.severity,
        "area": row.area,
        "status": row.status,
        "start": row.began,
        "end": row.resolved_at,
    }


def _releases(conn: Connection, site: str, window: Window) -> list[dict[str, Any]]:
    first, last = to_ms(window.start), to_ms(window.end)
    found = releases.recent(conn, site, since=first, until=last, limit=MOST)
    return [{"at": one.at, "app": one.app, "version": one.version, "previous": one.previous} for one in found[::-1]]


def _gaps(conn: Connection, site: str, window: Window, names: frozenset[str]) -> list[dict[str, Any]]:
    scopes = {entry.scope for entry in map(catalogue.get, names) if entry is not None}
    places = {OWN if scope in ("host", "monitor") else site for scope in scopes} or {site, OWN}
    found: list[dict[str, Any]] = [
        {"start": to_ms(gap.starts), "end": to_ms(gap.ends), "reason": gap.reason, "host": place == OWN}
        for place in sorted(places)
        for gap in history_gaps.gaps(conn, place, window.start, window.end)
    ]
    return sorted(found, key=lambda gap: int(gap["start"]))[-MOST:]

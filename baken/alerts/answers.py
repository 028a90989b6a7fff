"""Alerts as the API gives them: rows of the store in plain JSON values."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from baken.alerts import words
from baken.alerts.lifecycle import ACKNOWLEDGED, ACTIVE, RESOLVED, name_of
from baken.alerts.routing import TEST
from baken.alerts.rule import SEVERITIES
from baken.clock import from_ms, iso, to_ms
from baken.history import samples
from baken.history.series import batches, labels_of
from baken.history.tables import alert_events, alert_states, alerts, outbox, silences
from baken.metrics import catalogue

HOST = ""

_BEFORE, _AFTER = timedelta(hours=3), timedelta(hours=2)
_POINTS = 240
_SEARCHED = 500


def of_site(site: str) -> Any:
    """The alerts that a site's people see: its own, and those of the host and of Baken itself; no tests."""
    return and_(alerts.c.site.in_([site, HOST]), alerts.c.rule != TEST)


def alert(
    row: Row[Any], *, unknown: tuple[int | None, str] | None, comments: Mapping[str, str], may_act: bool
) -> dict[str, Any]:
    """One alert.

    Args:
        row: its row.
        unknown: since when (ms) there is no data about it, and why; None when there is.
        comments: what silences say, by "silence:3", to be told beside what holds it back.
        may_act: whether the reader may change it.
    """
    texts: Mapping[str, Any] = json.loads(row.texts)
    details: Mapping[str, Any] = json.loads(row.details)
    labels = labels_of(row.labels)
    return {
        "number": row.number,
        "name": name_of(row.number),
        "rule": row.rule,
        "alert_type": row.rule,
        "severity": row.severity,
        "area": row.area,
        "status": row.status,
        "site": row.site,
        "labels": labels,
        "where": words.where(labels, "en"),
        "title": texts.get("title") or {},
        "message": texts.get("message") or {},
        "advice": texts.get("advice") or {},
        "value": row.value,
        "limit": details.get("limit"),
        "unit": details.get("unit") or "",
        "began": iso(from_ms(row.began)),
        "fired": iso(from_ms(row.fired)),
        "last_seen": iso(from_ms(row.last_seen)),
        "timestamp": iso(from_ms(row.fired)),
        "occurrences": row.occurrences,
        "step": row.step,
        "step_due": _iso(row.step_due),
        "suppressed": _suppressed(row.suppressed, comments),
        "flapping": bool(row.flapping),
        "unknown": None if unknown is None else {"since": _iso(unknown[0]), "reason": unknown[1]},
        "assigned_to": row.assigned_to,
        "acknowledged_at": _iso(row.acknowledged_at),
        "acknowledged_by": row.acknowledged_by,
        "resolved_at": _iso(row.resolved_at),
        "resolved_by": row.resolved_by,
        "feedback": row.feedback,
        "source": "baken",
        "may_act": may_act,
        "metric": details.get("metric"),
        "match": details.get("match") or {},
    }


def listed(conn: Connection, rows: Sequence[Row[Any]], *, acts_on_host: bool) -> list[dict[str, Any]]:
    """Alerts with what is known of their data and of what holds them back; `acts_on_host`: may the reader do that."""
    numbers = [row.number for row in rows if row.status != RESOLVED]
    unknown: dict[int, tuple[int | None, str]] = {}
    for some in batches(numbers):
        for state in conn.execute(
            select(alert_states.c.alert, alert_states.c.unknown_since, alert_states.c.reason).where(
                alert_states.c.alert.in_(some), alert_states.c.unknown_since.is_not(None)
            )
        ):
            unknown[state.alert] = (state.unknown_since, state.reason)
    comments = _comments(conn, {row.suppressed for row in rows if row.suppressed})
    return [
        alert(row, unknown=unknown.get(row.number), comments=comments, may_act=bool(row.site) or acts_on_host)
        for row in rows
    ]


def open_ones(conn: Connection, site: str, *, acts_on_host: bool) -> list[dict[str, Any]]:
    """The open alerts that a site's people see, the worst first, then the newest."""
    rows = conn.execute(select(alerts).where(of_site(site), alerts.c.open_key.is_not(None))).all()
    rank = {severity: place for place, severity in enumerate(reversed(SEVERITIES))}
    rows = sorted(rows, key=lambda row: (rank[row.severity], -row.fired))
    return listed(conn, rows, acts_on_host=acts_on_host)


def chosen(
    conn: Connection,
    site: str,
    *,
    status: str,
    severities: Sequence[str],
    area: str,
    rule: str,
    search: str,
    since: datetime,
    limit: int,
    before: int,
) -> list[Row[Any]]:
    """Rows of alerts that fit, the newest number first; one more than `limit` when there are more.

    `status` is open, active, acknowledged, resolved or all; resolved ones only when they ended after `since`.
    """
    query = select(alerts).where(of_site(site))
    if status == "open":
        query = query.where(alerts.c.open_key.is_not(None))
    elif status != "all":
        query = query.where(alerts.c.status == status.capitalize())
    if status in ("resolved", "all"):
        query = query.where(or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at >= to_ms(since)))
    if severities:
        query = query.where(alerts.c.severity.in_(severities))
    if area:
        query = query.where(alerts.c.area == area)
    if rule:
        query = query.where(alerts.c.rule == rule)
    if before:
        query = query.where(alerts.c.number < before)
    if not search:
        return list(conn.execute(query.order_by(alerts.c.number.desc()).limit(limit + 1)).all())
    found: list[Row[Any]] = []
    least: int | None = None
    # Texts are kept as JSON, whose own words and signs are nothing that anybody searches for.
    while len(found) <= limit:
        further = query if least is None else query.where(alerts.c.number < least)
        rows = conn.execute(further.order_by(alerts.c.number.desc()).limit(_SEARCHED)).all()
        found += [row for row in rows if says(row, search)]
        if len(rows) < _SEARCHED:
            break
        least = rows[-1].number
    return found[: limit + 1]


def says(row: Row[Any], search: str) -> bool:
    """Whether an alert's name, rule, labels or texts contain `search`, in whatever case."""
    texts = [text for part in json.loads(row.texts).values() for text in part.values()]
    labels = labels_of(row.labels)
    wanted = search.casefold()
    return any(wanted in text.casefold() for text in (name_of(row.number), row.rule, *labels, *labels.values(), *texts))


def counts(conn: Connection, site: str, now: datetime) -> dict[str, Any]:
    """How many alerts are open by severity, active, acknowledged, held back, and resolved within 24 hours."""
    rows = conn.execute(
        select(alerts.c.severity, alerts.c.status, alerts.c.suppressed.is_not(None), func.count())
        .where(of_site(site), alerts.c.open_key.is_not(None))
        .group_by(alerts.c.severity, alerts.c.status, alerts.c.suppressed.is_not(None))
    ).all()
    resolved = conn.execute(
        select(func.count())
        .select_from(alerts)
        .where(of_site(site), alerts.c.resolved_at >= to_ms(now - timedelta(days=1)))
    ).scalar_one()
    return {
        "open": {
            severity: sum(int(n) for found, _, _, n in rows if found == severity) for severity in reversed(SEVERITIES)
        },
        "active": sum(int(n) for _, status, _, n in rows if status == ACTIVE),
        "acknowledged": sum(int(n) for _, status, _, n in rows if status == ACKNOWLEDGED),
        "suppressed": sum(int(n) for _, _, quiet, n in rows if quiet),
        "resolved_24h": int(resolved),
    }


def trail(conn: Connection, number: int) -> list[dict[str, Any]]:
    """Everything that happened to an alert, the oldest first."""
    rows = conn.execute(select(alert_events).where(alert_events.c.alert == number).order_by(alert_events.c.id))
    return [
        {
            "at": iso(from_ms(row.at)),
            "kind": row.kind,
            "user": row.user,
            "text": row.text,
            "detail": json.loads(row.detail),
        }
        for row in rows
    ]


def notifications(conn: Connection, number: int) -> list[dict[str, Any]]:
    """The notifications about an alert, the oldest first."""
    rows = conn.execute(select(outbox).where(outbox.c.alert == number).order_by(outbox.c.id))
    return [
        {
            "at": iso(from_ms(row.sent_at or row.created)),
            "channel": row.channel,
            "recipient": row.recipient,
            "state": row.state,
            "held": row.held,
            "due": iso(from_ms(row.due)),
            "event": json.loads(row.body).get("event", ""),
            "problem": row.problem,
            "attempts": row.attempts,
        }
        for row in rows
    ]


def chart(conn: Connection, row: Row[Any], now: datetime) -> dict[str, Any] | None:
    """The course of the figure around an alert, with the limit and what happened; None when it has no single one."""
    details: Mapping[str, Any] = json.loads(row.details)
    plotted = details.get("chart")
    entry = catalogue.get(str(plotted["metric"])) if isinstance(plotted, dict) else None
    if not isinstance(plotted, dict) or entry is None:
        return None
    begins = from_ms(row.began) - _BEFORE
    ends = now if row.resolved_at is None else min(now, from_ms(row.resolved_at) + _AFTER)
    step = max(timedelta(minutes=1), timedelta(seconds=round((ends - begins).total_seconds() / _POINTS)))
    found = samples.read_range(
        conn, row.site, entry.name, begins, ends, step=step, labels=dict(plotted.get("labels") or {})
    )
    if len(found) != 1:
        return None
    marks = [
        {"at": event["at"], "kind": event["kind"]}
        for event in trail(conn, row.number)
        if event["kind"] in ("fired", "reopened", "acknowledged", "resolved", "escalated")
    ]
    return {
        "metric": entry.name,
        "labels": found[0].labels,
        "unit": entry.unit,
        "help": entry.help,
        "good": entry.good,
        "limit": details.get("limit") if plotted.get("limit") else None,
        "points": [[at, value] for at, value in zip(found[0].at, found[0].value, strict=True)],
        "from": iso(begins),
        "to": iso(ends),
        "marks": marks,
    }


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(from_ms(moment))


def _suppressed(by: str | None, comments: Mapping[str, str]) -> dict[str, Any] | None:
    if not by:
        return None
    kind, _, number = by.partition(":")
    text = name_of(int(number)) if kind == "inhibited" else comments.get(by, "")
    return {"kind": kind, "id": int(number), "text": text}


def _comments(conn: Connection, held: set[str]) -> dict[str, str]:
    numbers = {int(by.partition(":")[2]): by for by in held if not by.startswith("inhibited:")}
    if not numbers:
        return {}
    rows = conn.execute(select(silences.c.id, silences.c.comment).where(silences.c.id.in_(sorted(numbers))))
    return {numbers[row.id]: row.comment for row in rows}

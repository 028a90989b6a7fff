"""How alerts went: how many, how soon they were taken up and over, how many were false, and how soon people knew.

The database adds up; what comes back has the size of rules and days. Only medians are computed here, from two columns
of the newest MOST rows at most.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from statistics import median
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select

from baken.alerts import answers
from baken.alerts.lifecycle import ACKNOWLEDGED, ACTIVE, RESOLVED
from baken.alerts.rule import SEVERITIES, Text
from baken.alerts.view import zone_of
from baken.alerts.windows import midnight, zone_named
from baken.clock import from_ms, iso, to_ms
from baken.errors.facts import rows as rows_of
from baken.errors.windows import Window, places
from baken.history.series import batches
from baken.history.tables import alerts, outbox

MOST = 20_000
"""Medians come from so many of the newest alerts or notifications."""

RECENT = 10

_STATUSES = (ACTIVE, ACKNOWLEDGED, RESOLVED)
_WORST_FIRST = tuple(reversed(SEVERITIES))


def statistics(
    conn: Connection,
    site: str,
    now: datetime,
    days: int,
    *,
    zone: str | tzinfo | None = None,
    titles: Mapping[str, Text] = MappingProxyType({}),
) -> dict[str, Any]:
    """The alerts that fired in the last `days` days of the site's zone, today included.

    An alert that was opened again counts where it fired last. Alerts are those of `site`, of the host and of Baken
    itself, without tests.

    Args:
        conn: a connection that reads.
        site: the site's name.
        now: the present.
        days: how many days.
        zone: whose days; None: the site's.
        titles: what rules are called, by name; one that is not there is called what its last alert is called.

    Returns:
        period {days, from, to, time_zone}, total, by_severity, by_status, by_area, by_day [{date, LOW, MEDIUM, HIGH,
        CRITICAL}] with every day, rules, notifications, timestamp. `rules`, the most frequent first: rule, title,
        severity (that of its last alert), count, open, median_seconds_to_acknowledge, median_seconds_to_resolve
        (from the last firing; None without any), rated, false_alarm_share (of those rated; None without any),
        suppressed (held back now, or nobody was ever told), flapping, notifications (sent), last_fired.
        `notifications` of these days: sent, held (those of them that a digest brought, and those that wait for one),
        waiting and failed (now: waiting to be sent, and those of them of which the last try failed),
        median_seconds_to_send and p99_seconds_to_send of those that were not held (None without any).
    """
    where = zone_named(zone or zone_of(conn, site))
    first = now.astimezone(where).date() - timedelta(days=days - 1)
    start = midnight(first, where)
    clock = places(Window(to_ms(start), to_ms(now) + 1), where)
    groups = _groups(conn, site, start, clock.day_of(alerts.c.fired))
    return {
        "period": {"days": days, "from": iso(start), "to": iso(now), "time_zone": str(where)},
        "total": sum(int(row.n) for row in groups),
        **_totals(groups),
        "by_day": _by_day(groups, first, days),
        "rules": _rules(conn, site, start, groups, titles),
        "notifications": _notifications(conn, site, start),
        "timestamp": iso(now),
    }


def summary(conn: Connection, site: str, now: datetime, days: int, *, acts_on_host: bool = False) -> dict[str, Any]:
    """The alerts of the last `days` times 24 hours in short; they count where they fired last.

    Returns:
        period {days, from, to}, total, by_severity, by_status, by_area, active, acknowledged, resolved, recent (the
        last RECENT as `answers.alert` gives them, the newest first), timestamp.
    """
    start = now - timedelta(days=days)
    columns = (alerts.c.severity, alerts.c.status, alerts.c.area)
    fired = _fired(site, start)
    groups = conn.execute(select(*columns, func.count().label("n")).where(*fired).group_by(*columns)).all()
    newest = conn.execute(
        select(alerts).where(*fired).order_by(alerts.c.fired.desc(), alerts.c.number.desc()).limit(RECENT)
    ).all()
    totals = _totals(groups)
    return {
        "period": {"days": days, "from": iso(start), "to": iso(now)},
        "total": sum(int(row.n) for row in groups),
        **totals,
        **{status.lower(): number for status, number in totals["by_status"].items()},
        "recent": answers.listed(conn, newest, acts_on_host=acts_on_host),
        "timestamp": iso(now),
    }


def times(
    conn: Connection, site: str, start: datetime, end: datetime | None = None
) -> dict[str, tuple[float | None, float | None]]:
    """How soon alerts that fired from `start` to before `end` were taken up and over, per rule and under "" for all.

    Returns the medians (seconds to acknowledge, seconds to resolve), None without any; rules without either are left
    out.
    """
    query = (
        select(alerts.c.rule, alerts.c.fired, alerts.c.acknowledged_at, alerts.c.resolved_at)
        .where(*_fired(site, start), or_(alerts.c.acknowledged_at.is_not(None), alerts.c.resolved_at.is_not(None)))
        .order_by(alerts.c.fired.desc())
        .limit(MOST)
    )
    if end is not None:
        query = query.where(alerts.c.fired < to_ms(end))
    taken: dict[str, list[float]] = defaultdict(list)
    over: dict[str, list[float]] = defaultdict(list)
    for rule, fired, acknowledged, resolved in rows_of(conn, query):
        for found, moment in ((taken, acknowledged), (over, resolved)):
            if moment is not None:
                # A clock that was set back makes no alert end before it fired.
                length = max(0, moment - fired) / 1000
                found[rule].append(length)
                found[""].append(length)
    return {rule: (_median(taken.get(rule)), _median(over.get(rule))) for rule in {*taken, *over}}


_EPOCH = date(1970, 1, 1)


def _fired(site: str, start: datetime) -> tuple[Any, ...]:
    return answers.of_site(site), alerts.c.fired >= to_ms(start)


def _groups(conn: Connection, site: str, start: datetime, day: ColumnElement[Any]) -> Sequence[Row[Any]]:
    """How many alerts there are by rule, severity, status, area and day, and what of them."""
    untold = and_(alerts.c.told.is_(False), alerts.c.flapping.is_(False))
    groups = (alerts.c.rule, alerts.c.severity, alerts.c.status, alerts.c.area, day.label("day"))
    query = (
        select(
            *groups,
            func.count().label("n"),
            _number(or_(alerts.c.suppressed.is_not(None), untold)).label("suppressed"),
            _number(alerts.c.flapping.is_(True)).label("flapping"),
            _number(alerts.c.feedback != "").label("rated"),
            _number(alerts.c.feedback == "false_alarm").label("false_alarms"),
            func.max(alerts.c.fired).label("fired"),
            func.max(alerts.c.number).label("last"),
        )
        .where(*_fired(site, start))
        # By its name: PostgreSQL does not see that two expressions with values of their own are the same.
        .group_by(*groups[:-1], "day")
    )
    return conn.execute(query).all()


def _number(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))


def _by_day(groups: Sequence[Row[Any]], first: date, days: int) -> list[dict[str, Any]]:
    begins = (first - _EPOCH).days
    counted: list[Counter[str]] = [Counter() for _ in range(days)]
    for row in groups:
        # What a clock that was ahead has dated tomorrow is today's.
        counted[min(max(int(row.day) - begins, 0), days - 1)][row.severity] += int(row.n)
    return [
        {"date": (first + timedelta(days=place)).isoformat(), **{name: found[name] for name in SEVERITIES}}
        for place, found in enumerate(counted)
    ]


def _totals(groups: Sequence[Row[Any]]) -> dict[str, dict[str, int]]:
    severities: Counter[str] = Counter(dict.fromkeys(_WORST_FIRST, 0))
    statuses: Counter[str] = Counter(dict.fromkeys(_STATUSES, 0))
    areas: Counter[str] = Counter()
    for row in groups:
        severities[row.severity] += int(row.n)
        statuses[row.status] += int(row.n)
        areas[row.area] += int(row.n)
    return {"by_severity": dict(severities), "by_status": dict(statuses), "by_area": dict(areas.most_common())}


def _rules(
    conn: Connection, site: str, start: datetime, groups: Sequence[Row[Any]], titles: Mapping[str, Text]
) -> list[dict[str, Any]]:
    of_rule: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in groups:
        of_rule[row.rule].append(row)
    last = {rule: max(rows, key=lambda row: row.last) for rule, rows in of_rule.items()}
    said = _titles(conn, [row.last for rule, row in last.items() if rule not in titles])
    lengths, told = times(conn, site, start), _told(conn, site, start)
    found = []
    for rule, rows in of_rule.items():
        sums = {
            name: sum(int(row._mapping[name]) for row in rows)
            for name in ("n", "suppressed", "flapping", "rated", "false_alarms")
        }
        acknowledged, resolved = lengths.get(rule, (None, None))
        found.append(
            {
                "rule": rule,
                "title": titles[rule] if rule in titles else said.get(last[rule].last, {}),
                "severity": last[rule].severity,
                "count": sums["n"],
                "open": sum(int(row.n) for row in rows if row.status != RESOLVED),
                "median_seconds_to_acknowledge": acknowledged,
                "median_seconds_to_resolve": resolved,
                "rated": sums["rated"],
                "false_alarm_share": sums["false_alarms"] / sums["rated"] if sums["rated"] else None,
                "suppressed": sums["suppressed"],
                "flapping": sums["flapping"],
                "notifications": told.get(rule, 0),
                "last_fired": iso(from_ms(max(row.fired for row in rows))),
            }
        )
    return sorted(found, key=lambda each: (-each["count"], each["rule"]))


def _titles(conn: Connection, numbers: Sequence[int]) -> dict[int, Text]:
    found: dict[int, Text] = {}
    for some in batches(sorted(numbers)):
        for number, texts in conn.execute(select(alerts.c.number, alerts.c.texts).where(alerts.c.number.in_(some))):
            found[number] = json.loads(texts).get("title") or {}
    return found


def _sent(site: str, start: datetime) -> tuple[Any, ...]:
    return outbox.c.sent_at >= to_ms(start), outbox.c.state == "sent", *_news(site)


def _news(site: str) -> tuple[Any, ...]:
    return outbox.c.site.in_([site, answers.HOST]), outbox.c.kind != "test"


def _told(conn: Connection, site: str, start: datetime) -> dict[str, int]:
    query = (
        select(alerts.c.rule, func.count())
        .select_from(outbox.join(alerts, alerts.c.number == outbox.c.alert))
        .where(*_sent(site, start))
        .group_by(alerts.c.rule)
    )
    return {rule: int(count) for rule, count in conn.execute(query)}


def _notifications(conn: Connection, site: str, start: datetime) -> dict[str, Any]:
    held = outbox.c.held != ""
    sent = conn.execute(select(held, func.count()).where(*_sent(site, start)).group_by(held)).all()
    failing = and_(outbox.c.problem != "", outbox.c.attempts > 0)
    waiting = conn.execute(
        select(held.label("held"), failing.label("failing"), func.count().label("n"))
        .where(outbox.c.state == "waiting", *_news(site))
        .group_by(held, failing)
    ).all()
    query = (
        select(outbox.c.created, outbox.c.sent_at)
        .where(*_sent(site, start), outbox.c.held == "")
        .order_by(outbox.c.sent_at.desc())
        .limit(MOST)
    )
    lengths = sorted(max(0, at - created) / 1000 for created, at in rows_of(conn, query))
    return {
        "sent": sum(int(n) for _, n in sent),
        "held": sum(int(n) for was_held, n in sent if was_held) + sum(int(row.n) for row in waiting if row.held),
        "failed": sum(int(row.n) for row in waiting if row.failing),
        "waiting": sum(int(row.n) for row in waiting),
        "median_seconds_to_send": _median(lengths),
        "p99_seconds_to_send": lengths[math.ceil(0.99 * len(lengths)) - 1] if lengths else None,
    }


def _median(lengths: Sequence[float] | None) -> float | None:
    return round(median(lengths), 3) if lengths else None

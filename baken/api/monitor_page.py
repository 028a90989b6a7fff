"""What the page about Baken itself shows: what watching costs, what was missed, what cannot be measured, and why."""

import platform
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, select

from baken import __version__
from baken.api import snapshots
from baken.api.context import DASHBOARD_ROLES, Call
from baken.api.dashboard import number
from baken.api.monitor import status
from baken.api.registry import method
from baken.clock import DAY, HOUR, MINUTE, from_ms, iso, to_ms
from baken.history import gaps, samples
from baken.history.tables import export_states, outbox
from baken.insights.figures import OWN
from baken.metrics import catalogue

BUDGET_MS = 60
"""So much query time a minute a site may spend on being watched (docs/performance.md)."""

WEEK = 7 * DAY
MOST_GAPS = 50

_SHORTEST = 5 * MINUTE


@method("baken.get_monitor", roles=DASHBOARD_ROLES)
def get_monitor(call: Call) -> dict[str, Any]:
    """How Baken itself is, in detail: what the page Monitor shows.

    Returns:

    - collector, site, store, lag_seconds, memory_bytes, version: as `baken.get_monitor_status`.
    - cost: ms_per_minute of query time on the site's database over the last hour (null when not measured), budget_ms,
      queries of the last run, since (ISO).
    - runs: missed and failed within 24 hours (null when not known).
    - absent: metrics without a figure now: metric, texts ({en, nl}: title and help), reason, since, was (whether there
      ever was a figure).
    - gaps: stretches of the last 7 days in which nobody measured: start, end, reason, seconds; newest first.
    - growth: bytes of the store now and a week ago (or as long ago as is known: since), per_day.
    - alerts: lag_seconds of judging the rules, evaluated_at.
    - outbox: waiting, held, failing (tried in vain), oldest_due (ISO or null).
    - exports: other monitoring systems that get figures or alerts: target, last_ok, failing_since (ISO or null), sent,
      rejected, last_rejected (of the last delivery), waiting, problem.
    - versions: baken, python, store.
    """
    shot = snapshots.of(call.store, call.site_name)
    known = status(call)
    lag = shot.figures.one("monitor_alert_lag_seconds")

    def ask() -> dict[str, Any]:
        with call.store.read() as conn:
            return {
                "cost": _cost(conn, call),
                "runs": {
                    "missed": _counted(conn, call, "monitor_missed_runs_total"),
                    "failed": _counted(conn, call, "monitor_collect_failures_total"),
                },
                "gaps": _gaps(conn, call),
                "growth": _growth(conn, call, known["store"]["bytes"]),
            }

    # These move by minutes; the rest of the answer is of this moment.
    slow = shot.once(("monitor page", call.now.replace(second=0, microsecond=0)), ask)
    with call.store.read() as conn:
        waiting = _outbox(conn, call.now)
        targets = _exports(conn)
    return {
        **known,
        **slow,
        "cost": {**slow["cost"], "queries": known["site"].get("queries")},
        "absent": _absent(call),
        "alerts": {"lag_seconds": number(lag.value), "evaluated_at": iso(lag.at)},
        "outbox": waiting,
        "exports": targets,
        "versions": {"baken": __version__, "python": platform.python_version(), "store": call.store.dialect},
        "timestamp": iso(call.now),
    }


def _cost(conn: Connection, call: Call) -> dict[str, Any]:
    """Query time on the site within the last hour, per minute that was watched."""
    lines = samples.read_range(conn, call.site_name, "monitor_site_query_seconds", call.now - HOUR, call.now)
    at = sorted(moment for line in lines for moment in line.at)
    spent = sum(value for line in lines for value in line.value)
    watched = call.now - from_ms(at[0]) if at else timedelta()
    # A minute or two say nothing: some figures are measured every few minutes only.
    known = watched >= _SHORTEST
    return {
        "ms_per_minute": round(spent * 1000 / (watched / MINUTE), 2) if known else None,
        "budget_ms": BUDGET_MS,
        "since": iso(from_ms(at[0])) if at else None,
    }


def _counted(conn: Connection, call: Call, metric: str) -> int | None:
    """By how much a counter has grown within 24 hours; None when it was not measured."""
    lines = samples.read_range(conn, call.site_name, metric, call.now - DAY, call.now, step=HOUR, counter=True)
    if not lines:
        return None
    grown = 0.0
    for line in lines:
        for before, after in zip(line.value, line.value[1:], strict=False):
            # Begun anew: what it has is what came since.
            grown += after - before if after >= before else after
    return round(grown)


def _gaps(conn: Connection, call: Call) -> list[dict[str, Any]]:
    found = gaps.gaps(conn, call.site_name, call.now - WEEK, call.now)
    return [
        {
            "start": iso(gap.starts),
            "end": iso(gap.ends),
            "reason": gap.reason,
            "seconds": round((gap.ends - gap.starts).total_seconds()),
        }
        for gap in reversed(found[-MOST_GAPS:])
    ]


def _growth(conn: Connection, call: Call, now_bytes: float | None) -> dict[str, Any]:
    """How the store grew, from the oldest figure of the last 7 days to the present one."""
    lines = samples.read_range(conn, OWN, "monitor_store_bytes", call.now - WEEK, call.now, step=HOUR)
    first = min(((line.at[0], line.value[0]) for line in lines), default=None)
    if first is None or now_bytes is None:
        return {"bytes": number(now_bytes), "before": None, "since": None, "per_day": None}
    at, before = from_ms(first[0]), first[1]
    days = (call.now - at) / DAY
    # From less than a day no day's growth is told.
    per_day = (now_bytes - before) / days if days >= 1 else None
    return {
        "bytes": number(now_bytes),
        "before": round(before),
        "since": iso(at),
        "per_day": None if per_day is None else round(per_day),
    }


def _absent(call: Call) -> list[dict[str, Any]]:
    figures = snapshots.of(call.store, call.site_name).figures
    once = set(figures.metrics)
    found = []
    for name, absence in figures.absences.items():
        entry = catalogue.get(name)
        if entry is None:
            # A document about the site, such as the audit summary, is no figure.
            continue
        found.append(
            {
                "metric": name,
                "texts": catalogue.texts(entry),
                "domain": entry.domain,
                "reason": absence.reason,
                "since": iso(absence.since),
                "was": name in once,
            }
        )
    return sorted(found, key=lambda each: (not each["was"], each["reason"], each["metric"]))


def _exports(conn: Connection) -> list[dict[str, Any]]:
    rows = conn.execute(select(export_states).order_by(export_states.c.target))
    return [
        {
            "target": row.target,
            "last_ok": None if row.last_ok is None else iso(from_ms(row.last_ok)),
            "failing_since": None if row.failing_since is None else iso(from_ms(row.failing_since)),
            "sent": row.sent,
            "rejected": row.rejected,
            "last_rejected": row.last_rejected,
            "waiting": row.waiting,
            "problem": row.problem,
        }
        for row in rows
    ]


def _outbox(conn: Connection, now: datetime) -> dict[str, Any]:
    waiting = outbox.c.state == "waiting"
    row = conn.execute(
        select(
            func.count(),
            func.sum(case((outbox.c.held != "", 1), else_=0)),
            func.sum(case((outbox.c.attempts > 0, 1), else_=0)),
            func.min(outbox.c.due),
        ).where(waiting)
    ).one()
    total, held, failing, due = row
    late = due is not None and due < to_ms(now)
    return {
        "waiting": int(total or 0) - int(held or 0),
        "held": int(held or 0),
        "failing": int(failing or 0),
        "oldest_due": iso(from_ms(int(due))) if late else None,
    }

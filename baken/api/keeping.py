"""For how long Baken remembers, what that costs, and who may change it; and the site that is watched, as it is read."""

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from baken.alerts.view import zone_of
from baken.api import permits, snapshots
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, Call
from baken.api.registry import method
from baken.clock import iso
from baken.history import kept, kept_retention
from baken.history.kept import EVERYWHERE
from baken.history.kept_retention import LAW, MOST, NAME
from baken.history.present import Absence
from baken.history.ranges import read_range
from baken.history.retention import Retention
from baken.history.store import Store
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric
from baken.sites.problems import MissingTable

_COSTS_SECONDS = 600.0
# What keeping costs, as it was last measured (monotonic seconds): it reads whole tables.
_costs: WeakKeyDictionary[Store, tuple[float, dict[str, dict[str, Any]], int]] = WeakKeyDictionary()
_guard = threading.Lock()
_FIVE_MINUTES_MS = 300_000
_WEEK, _DAY_MS = timedelta(days=7), 86_400_000

Days = Annotated[int, Range(1, MOST)]


@method("baken.get_retention", roles=DASHBOARD_ROLES, slow=True)
def get_retention(call: Call) -> dict[str, Any]:
    """For how many days what is remembered is kept, and what that costs; measured every ten minutes at most.

    Returns limits (limit, days, filed: as baken.toml has it, least: documented days or null, rows, bytes or null, why,
    oldest), store (kind, bytes, growth_per_day in bytes or null, why), changed ({at, by} or null), may_change, why_not,
    timestamp.
    """
    filed = asdict(kept_retention.filed(call.settings))
    with call.store.read() as conn:
        present = asdict(kept_retention.limits(conn, call.settings))
        row = kept_retention.row_of(conn)
    found, size = _measured(call)
    growth, why = _growth(call)
    may = permits.for_all(call)
    return {
        "limits": [
            {
                "limit": part.limit,
                "days": present[part.limit],
                "filed": filed[part.limit],
                "least": LAW.get(part.limit),
                **{**found[part.limit], "oldest": iso(found[part.limit]["oldest"])},
            }
            for part in kept_retention.PARTS
        ],
        "store": {"kind": call.store.dialect, "bytes": size, "growth_per_day": growth, "why": why},
        "changed": None if row is None else {"at": iso(row.at), "by": row.by if may else ""},
        "may_change": may,
        "why_not": "" if may else permits.WHY_NOT,
        "timestamp": iso(call.now),
    }


def _measured(call: Call) -> tuple[dict[str, dict[str, Any]], int]:
    with _guard:
        at, found, size = _costs.get(call.store, (0.0, {}, 0))
        if not found or time.monotonic() - at > _COSTS_SECONDS:
            found, size = kept_retention.costs(call.store), call.store.size_bytes()
            _costs[call.store] = (time.monotonic(), found, size)
        return found, size


def _growth(call: Call) -> tuple[float | None, str | None]:
    """Bytes a day by which the store has grown over the last week, or why nobody can say."""
    with call.store.read() as conn:
        found = read_range(conn, "", "monitor_store_bytes", call.now - _WEEK, call.now, step=timedelta(hours=1))
    at, sizes = (found[0].at, found[0].value) if found else ([], [])
    if not at or at[-1] - at[0] < _DAY_MS:
        return None, "it is known when the store has been watched for a day"
    return (sizes[-1] - sizes[0]) / ((at[-1] - at[0]) / _DAY_MS), None


@method("baken.save_retention", roles=DASHBOARD_ROLES, writes=True, slow=True)
def save_retention(
    call: Call,
    raw_days: Days,
    hourly_days: Days,
    daily_days: Days,
    audit_days: Days,
    closed_days: Days,
    confirmed: bool = False,
) -> dict[str, Any]:
    """Keep what is remembered for other times. What that would delete is told first, and done only when `confirmed`.

    Returns saved, problems ({field, text}), deletes ({limit, rows, oldest}: what goes with the next clean-up), warnings
    ({field, text}: limits that are documented as the least).
    """
    permits.require_for_all(call)
    given = {
        "raw_days": raw_days, "hourly_days": hourly_days, "daily_days": daily_days, "audit_days": audit_days,
        "closed_days": closed_days,
    }  # fmt: skip
    wrong = kept_retention.check(given)
    if wrong:
        told = [{"field": field, "text": text} for field, text in wrong]
        return {"saved": False, "problems": told, "deletes": [], "warnings": []}
    warnings = [
        {"field": name, "text": f"{least} days ({round(least / 365.25)} years) are documented as the least"}
        for name, least in LAW.items()
        if given[name] < least
    ]
    with call.store.read() as conn:
        present = asdict(kept_retention.limits(conn, call.settings))
    shorter = {name: days for name, days in given.items() if days < present[name]}
    goes = kept_retention.deleted(call.store, call.now, Retention(**{**present, **given})) if shorter else {}
    deletes = [
        {"limit": name, "rows": each["rows"], "oldest": iso(each["oldest"])}
        for name, each in goes.items()
        if name in shorter
    ]
    if (deletes or warnings) and not confirmed:
        return {"saved": False, "problems": [], "deletes": deletes, "warnings": warnings}
    filed = asdict(kept_retention.filed(call.settings))
    body = {name: days for name, days in given.items() if days != filed[name]}
    with call.store.write() as conn:
        who, acting = permits.by(call), call.site_name
        if body:
            kept.put(conn, "retention", EVERYWHERE, NAME, body, by=who, now=call.now, acting_on=acting)
        else:
            kept.drop(conn, "retention", EVERYWHERE, NAME, by=who, now=call.now, acting_on=acting)
    return {"saved": True, "problems": [], "deletes": deletes, "warnings": warnings}


@method("baken.get_watched_site", roles=DASHBOARD_ROLES)
def get_watched_site(call: Call) -> dict[str, Any]:
    """How the call's site is watched: where it lives, when it was last looked at, what that costs, what can be read.

    Returns site, bench (its folder's name, or null for a site that is read from elsewhere), database, server, url,
    time_zone, state ({ok, reason, at, seconds, query_seconds, queries}), cost_per_minute (seconds of query time in the
    last hour, or null), domains ({domain, total, measured, absent: [{reason, metrics}]}), doctypes ({name, found,
    metrics}), timestamp.
    """
    shot = snapshots.of(call.store, call.site_name)
    config, state, absences = call.chosen.config, shot.figures.state, shot.figures.absences
    entries = list(catalogue.metrics("site"))
    with call.store.read() as conn:
        zone = zone_of(conn, call.site_name)
    domains = []
    for domain in catalogue.DOMAINS:
        mine = [entry.name for entry in entries if entry.domain == domain]
        if not mine:
            continue
        reasons: dict[str, list[str]] = {}
        for name in mine:
            if name in absences:
                reasons.setdefault(absences[name].reason, []).append(name)
        missing = sum(len(names) for names in reasons.values())
        absent = [{"reason": reason, "metrics": names} for reason, names in reasons.items()]
        domains.append({"domain": domain, "total": len(mine), "measured": len(mine) - missing, "absent": absent})
    return {
        "site": call.site_name,
        "bench": config.bench.name if config.bench else None,
        "database": call.chosen.dialect,
        # A file's path is nothing for the page.
        "server": config.server if call.chosen.dialect != "sqlite" else "",
        "url": config.url,
        "time_zone": config.time_zone or zone,
        "state": None if state is None else {
            "ok": state.ok, "reason": state.reason, "at": iso(state.at), "seconds": round(state.seconds, 4),
            "query_seconds": round(state.query_seconds, 4), "queries": state.queries,
        },
        "cost_per_minute": _cost(call),
        "domains": domains,
        "doctypes": _doctypes(entries, absences, state is not None),
        "timestamp": iso(call.now),
    }  # fmt: skip


def _doctypes(entries: list[Metric], absences: Mapping[str, Absence], looked: bool) -> list[dict[str, Any]]:
    """What of the site is read: each DocType, whether it is there (None: not known), how many figures need it."""
    needing: dict[str, list[str]] = {}
    for entry in entries:
        for doctype in entry.needs:
            needing.setdefault(doctype, []).append(entry.name)
    found = []
    for doctype, names in sorted(needing.items()):
        measured = any(name not in absences for name in names)
        lacks = any(absences[name].reason == str(MissingTable(doctype)) for name in names if name in absences)
        there = None if not looked else False if lacks else True if measured else None
        found.append({"name": doctype, "found": there, "metrics": len(names)})
    return found


def _cost(call: Call) -> float | None:
    """Seconds of query time a minute that watching the site took within the last hour; None: not known yet."""
    with call.store.read() as conn:
        start, name = call.now - timedelta(hours=1), "monitor_site_query_seconds"
        found = read_range(conn, call.site_name, name, start, call.now)
    if not found or found[0].at[-1] - found[0].at[0] < _FIVE_MINUTES_MS:
        return None
    # Runs come several a minute, each with its own cost.
    return sum(found[0].value) / ((found[0].at[-1] - found[0].at[0]) / 60_000)

"""What the dashboard page shows. Every answer comes from the store, so it is there while the site is down."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import structlog

from baken import clock
from baken.api import snapshots
from baken.api.alert_actions import chain
from baken.api.alerts import PAGE, get_active_alerts
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, Call, Refusal
from baken.api.monitor import status, test_hops
from baken.api.registry import method
from baken.clock import iso, to_ms
from baken.errors import patterns
from baken.history import audit, requests, samples
from baken.history.store import StoreError
from baken.insights.figures import NEVER, Figure, Figures
from baken.metrics import catalogue
from baken.privacy import masked_trace
from baken.sites.problems import SiteProblem

log = structlog.get_logger(__name__)

FORCE_SECONDS = 3.0
"""How long a forced refresh waits for the collector at most."""

_POLL_SECONDS = 0.1
# Those who wait hold a thread each; whoever comes when these places are taken gets what is there.
_waiting = threading.BoundedSemaphore(8)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "host": ("host",),
    "database": ("database",),
    "application": ("frappe",),
    "business": ("erpnext", "association", "sepa"),
}
"""Which domains of the catalogue each group of performance metrics shows."""


def _one(metric: str, **labels: str) -> Callable[[Figures], Figure]:
    return lambda figures: figures.one(metric, **labels)


def _total(metric: str) -> Callable[[Figures], Figure]:
    return lambda figures: figures.total(metric)


_SYSTEM: Mapping[str, Mapping[str, Callable[[Figures], Figure]]] = {
    "members": {
        "active": _one("association_members", status="Active"),
        "pending": _one("association_members", status="Pending"),
        "terminated": _one("association_members", status="Terminated"),
        "total": _total("association_members"),
    },
    "volunteers": {
        "active": _one("association_volunteers", status="Active"),
        "total": _total("association_volunteers"),
    },
    "sepa": {
        "active_mandates": _one("sepa_mandates", status="Active"),
        "recent_batches": _one("sepa_batches_recent"),
        "batches": _total("sepa_batches"),
        "pending_payments": _one("sepa_pending_payments"),
    },
    "errors": {
        "last_hour": _one("frappe_errors", window="1h"),
        "last_24h": _one("frappe_errors", window="24h"),
        "last_week": _one("frappe_errors", window="7d"),
    },
    "invoices": {
        "draft": _one("erpnext_invoices", status="Draft"),
        "submitted": _one("erpnext_invoices_submitted"),
        "paid": _one("erpnext_invoices", status="Paid"),
    },
}


@method(f"{PAGE}.get_system_metrics", roles=DASHBOARD_ROLES)
def get_system_metrics(call: Call) -> dict[str, Any]:
    """Members, volunteers, SEPA, errors and invoices of the site: its figures at a glance.

    Returns the groups members, volunteers, sepa, errors and invoices with counts (null where there is no figure),
    `measured_at` per group, `absent` with the reason per group or per "group.figure", and the site's `time_zone`.
    """
    shot = snapshots.of(call.store, call.site_name)
    facts, _at, _absent = _observed(call, "site_facts")
    return {
        **shot.once("system", lambda: _system(shot.figures)),
        "site": call.site_name,
        "time_zone": facts["time_zone"] if facts else None,
        "timestamp": iso(call.now),
    }


def _system(figures: Figures) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    measured: dict[str, str | None] = {}
    absent: dict[str, str] = {}
    for group, wanted in _SYSTEM.items():
        found = {name: find(figures) for name, find in wanted.items()}
        answer[group] = {name: number(figure.value) for name, figure in found.items()}
        moments = [figure.at for figure in found.values() if figure.at is not None and figure.value is not None]
        measured[group] = iso(min(moments, default=None))
        reasons = {name: figure.reason for name, figure in found.items() if figure.reason}
        if len(reasons) == len(found) and len(set(reasons.values())) == 1:
            absent[group] = next(iter(reasons.values()))
        else:
            absent |= {f"{group}.{name}": reason for name, reason in reasons.items()}
    return {**answer, "measured_at": measured, "absent": absent}


@method(f"{PAGE}.get_recent_errors", roles=DASHBOARD_ROLES)
def get_recent_errors(
    call: Call, hours: Annotated[int, Range(1, 720)] = 24, limit: Annotated[int, Range(1, 200)] = 10
) -> dict[str, Any]:
    """The errors of the last `hours`, grouped into patterns, the `limit` most frequent first.

    Returns total, since, patterns (each with its share, first and latest moment, status, state, component, users and
    its counts per hour), hours and by_hour (the same hours for all errors together), measured_at, absent. Patterns
    with which somebody has dealt (known, muted, resolved) are among them. Texts are free of personal data.
    """
    shot = snapshots.of(call.store, call.site_name)
    # The window moves with the hour; within a minute an answer stays right to the figure.
    key = ("errors", hours, limit, call.now.replace(second=0, microsecond=0))

    def ask() -> dict[str, Any]:
        with call.store.read() as conn:
            return patterns.recent(
                conn,
                call.site_name,
                hours=hours,
                limit=limit,
                now=call.now,
                settings=call.settings.analytics.error_analysis,
            )

    return shot.once(key, ask)


@method(f"{PAGE}.get_audit_summary", roles=DASHBOARD_ROLES)
def get_audit_summary(call: Call) -> dict[str, Any]:
    """The SEPA audit trail of the last 7 days: processes, actions and whether they complied.

    Returns rows (process_type, action, compliance_status, count, latest), totals per compliance status,
    compliance_status per process, since, measured_at, absent (the reason, when there is none).
    """
    body, at, absent = _observed(call, "audit_summary")
    empty: dict[str, Any] = {"rows": [], "totals": {}, "compliance_status": {}, "since": None}
    known = body if isinstance(body, dict) else {}
    return {**empty, **known, "measured_at": at, "absent": absent}


def _observed(call: Call, kind: str) -> tuple[Any, str | None, str | None]:
    """A document about the site, when it was made, and why there is none or no newer one."""
    shot = snapshots.of(call.store, call.site_name)

    def ask() -> tuple[Any, str | None, str | None]:
        with call.store.read() as conn:
            found = samples.observation(conn, call.site_name, kind)
        absence = shot.figures.absences.get(kind)
        reason = absence.reason if absence else None
        reachable = shot.figures.state is None or shot.figures.state.ok
        if found is None or (reason and reachable):
            return None, None, reason or NEVER
        return found.body, iso(found.at), reason

    return shot.once(("observation", kind), ask)


@method(f"{PAGE}.get_performance_metrics", roles=DASHBOARD_ROLES)
def get_performance_metrics(call: Call) -> dict[str, Any]:
    """The figures of the host, the database, the application and the business.

    Returns the groups host, database, application and business: metric name to number, or to numbers by label; null
    where there is no figure. `measured_at` per group is the oldest moment of its figures, `absent` the reason per
    metric.
    """
    shot = snapshots.of(call.store, call.site_name)
    return {**shot.once("performance", lambda: _performance(shot.figures)), "timestamp": iso(call.now)}


def _performance(figures: Figures) -> dict[str, Any]:
    answer: dict[str, Any] = {group: {} for group in GROUPS}
    oldest: dict[str, datetime | None] = dict.fromkeys(GROUPS)
    absent: dict[str, str] = {}
    group_of = {domain: group for group, domains in GROUPS.items() for domain in domains}
    for entry in catalogue.metrics():
        group = group_of.get(entry.domain)
        if group is None:
            continue
        found = figures.samples(entry.name)
        value: Any = None
        for sample in found:
            if not entry.labels:
                value = number(sample.value)
                continue
            place = value = value if isinstance(value, dict) else {}
            *outer, last = (sample.labels.get(label, "") for label in entry.labels)
            for label in outer:
                place = place.setdefault(label, {})
            place[last] = number(sample.value)
        reason = figures.reason(entry.name)
        if value is None and reason is None and entry.labels:
            value = {}
        answer[group][entry.name] = value
        if reason is not None:
            absent[entry.name] = reason
        for sample in found:
            before = oldest[group]
            oldest[group] = sample.at if before is None else min(before, sample.at)
    return {**answer, "measured_at": {group: iso(at) for group, at in oldest.items()}, "absent": absent}


@method(f"{PAGE}.refresh_dashboard_data", roles=DASHBOARD_ROLES, writes="force")
def refresh_dashboard_data(call: Call, force: bool = False) -> dict[str, Any]:
    """Everything the page shows, in one answer; a part that fails is {"error": text} and the others go on.

    With `force` the collector is asked to measure the site now, and the answer waits up to 3 seconds for it.

    Returns system_metrics, recent_errors, audit_summary, alerts, performance_metrics, monitor, timestamp, and
    `measured`: whether a forced measurement came in time (null without force).
    """
    measured = _measure_now(call) if force else None
    if force:
        call = replace(call, now=clock.now())
    parts: dict[str, Callable[[Call], Any]] = {
        "system_metrics": get_system_metrics,
        "recent_errors": get_recent_errors,
        "audit_summary": get_audit_summary,
        "alerts": get_active_alerts,
        "performance_metrics": get_performance_metrics,
        "monitor": status,
    }
    answer = {name: _part(call, name, part) for name, part in parts.items()}
    return {**answer, "measured": measured, "timestamp": iso(call.now)}


def _part(call: Call, name: str, part: Callable[[Call], Any]) -> Any:
    try:
        return part(call)
    # Whatever breaks one part must not take the others along; it is told on the page and in the log.
    except Exception as error:  # noqa: BLE001
        log.error("part of the dashboard failed", part=name, site=call.site_name, trace=masked_trace(error))
        return {"error": part_error(name, error)}


def part_error(name: str, error: Exception) -> str:
    """What the page says about a part that failed: the text of what Baken knows to explain, else only that it did."""
    if isinstance(error, (Refusal, StoreError, SiteProblem)):
        return str(error)
    return f"{name} failed ({type(error).__name__}); Baken's log says more"


def _measure_now(call: Call) -> bool:
    """Ask the collector for a run over the site; whether it came within FORCE_SECONDS."""
    site, asked = call.site_name, clock.now()
    by = call.user.name if call.user else ""
    try:
        with call.store.write() as conn:
            requests.ask(conn, site, by, asked)
            audit.write(conn, at=asked, site=site, user=by, action="refresh")
    except StoreError as error:
        # The page is shown with what is there; that nothing newer came is told by `measured`.
        log.error("a refresh could not be asked for", site=site, reason=str(error))
        return False
    call.nudge()
    if not _waiting.acquire(blocking=False):
        return False
    try:
        return _wait(call, asked)
    finally:
        _waiting.release()


def _wait(call: Call, asked: datetime) -> bool:
    deadline = time.monotonic() + FORCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        with call.store.read() as conn:
            state = samples.site_states(conn).get(call.site_name)
        # What changed before the asking is in the answer: a run that began earlier does not count.
        if state is not None and to_ms(state.at) >= to_ms(asked):
            snapshots.forget(call.store)
            return True
    return False


@method(f"{PAGE}.test_monitoring_system", roles=DASHBOARD_ROLES, writes=True, slow=True)
def test_monitoring_system(call: Call) -> dict[str, Any]:
    """Try every hop between the site and this page once, and send a test alert through the whole chain.

    Everybody who is told about alerts of this site gets it. Nothing is written to the site. Waits up to 15 seconds.

    Returns status (success or error), message, and hops: each with hop, ok (null when it does not apply), ms, detail.
    """
    by = call.user.name if call.user else ""
    hops = [*test_hops(call), *chain(call)]
    with call.store.write() as conn:
        audit.write(
            conn,
            at=call.now,
            site=call.site_name,
            user=by,
            action="test",
            detail={hop["hop"]: hop["ok"] for hop in hops},
        )
    broken = [hop["hop"] for hop in hops if hop["ok"] is False]
    message = f"not working: {', '.join(broken)}" if broken else "every part that applies to this site works"
    return {"status": "error" if broken else "success", "message": message, "hops": hops}


def number(value: float | None) -> int | float | None:
    """A whole number without a decimal point; None stays None."""
    if value is None:
        return None
    # The type says float, but a count that was found to be 0 is an int.
    return int(value) if abs(value) < 2**53 and value == int(value) else value

"""The resource monitor's methods: is the site well, and a report of its figures in the documented shape."""

from collections.abc import Callable, Mapping
from typing import Any

from baken.api import snapshots
from baken.api.context import DASHBOARD_ROLES, Call
from baken.api.dashboard import number
from baken.api.registry import method
from baken.clock import iso
from baken.insights import health
from baken.insights.figures import Figure, Figures

MODULE = "verenigingen.utils.resource_monitor"

_MIB, _GIB = 1024.0**2, 1024.0**3

_Find = Callable[[Figures], Figure]


def _one(metric: str, scale: float = 1.0, **labels: str) -> _Find:
    return lambda figures: _scaled(figures.one(metric, **labels), scale)


def _total(metric: str, scale: float = 1.0, **labels: str) -> _Find:
    return lambda figures: _scaled(figures.total(metric, **labels), scale)


def _largest(metric: str, scale: float = 1.0) -> _Find:
    return lambda figures: _scaled(figures.largest(metric)[0], scale)


def _scaled(figure: Figure, scale: float) -> Figure:
    if figure.value is None or scale == 1.0:
        return figure
    return Figure(round(figure.value * scale, 2), figure.at, figure.reason)


# The keys of the older report on the left, the catalogue's metrics on the right.
_METRICS: Mapping[str, Mapping[str, _Find]] = {
    "system": {
        "cpu_percent": _one("host_cpu_ratio", 100),
        "memory_percent": _one("host_memory_used_ratio", 100),
        "memory_available_gb": _one("host_memory_bytes", 1 / _GIB, state="available"),
        "disk_usage_percent": _largest("host_disk_used_ratio", 100),
        "disk_free_gb": _total("host_disk_bytes", 1 / _GIB, state="free"),
        "load_average.1m": _one("host_load", window="1m"),
        "load_average.5m": _one("host_load", window="5m"),
        "load_average.15m": _one("host_load", window="15m"),
        "uptime_seconds": _one("host_uptime_seconds"),
    },
    "database": {
        "response_seconds": _one("database_response_seconds"),
        "total_tables": _one("database_tables"),
        "error_logs_count": _one("frappe_error_log_rows"),
        "recent_errors": _one("frappe_errors", window="1h"),
        "database_size_mb": _total("database_size_bytes", 1 / _MIB),
        "active_connections": _one("database_connections"),
        "connections_limit": _one("database_connections_limit"),
        "slow_queries": _one("database_slow_queries_total"),
    },
    "application": {
        "active_users": _one("frappe_users", state="enabled"),
        "logged_in_users": _one("frappe_active_users", window="24h"),
        "background_jobs.queued": _total("frappe_queue_length"),
        "background_jobs.running": _total("frappe_jobs_running"),
        "background_jobs.failed": _total("frappe_jobs_failed"),
        "session_count": _one("frappe_sessions"),
        "scheduler_status.enabled": _one("frappe_scheduler_enabled"),
        "scheduler_status.silence_seconds": _one("frappe_scheduler_silence_seconds"),
        "cache_hit_ratio": _one("frappe_redis_hit_ratio", instance="cache"),
    },
    "business": {
        "daily_transactions.payments": _one("erpnext_transactions_today", kind="payments"),
        "daily_transactions.invoices": _one("erpnext_transactions_today", kind="invoices"),
        "daily_transactions.journal_entries": _one("erpnext_transactions_today", kind="journal_entries"),
        "payment_success_rate.rate": _one("erpnext_payment_success_ratio", 100),
        "payment_success_rate.successful": _one("erpnext_payment_attempts", result="successful"),
        "payment_success_rate.failed": _one("erpnext_payment_attempts", result="failed"),
        "member_activity.new_today": _one("association_members_new", window="day"),
        "member_activity.new_this_month": _one("association_members_new", window="month"),
        "member_activity.left_this_month": _one("association_members_left", window="month"),
        "member_activity.active_total": _one("association_members", status="Active"),
        "sepa_health.active_mandates": _one("sepa_mandates", status="Active"),
        "sepa_health.recent_batches": _one("sepa_batches_recent"),
        "sepa_health.pending_payments": _one("sepa_pending_payments"),
        "application_pipeline.pending_review": _one("association_applications", status="Pending"),
        "application_pipeline.stalled_applications": _one("association_applications_stalled"),
        "application_pipeline.median_days": _one("association_application_median_days"),
    },
}


@method(f"{MODULE}.get_system_health", roles=DASHBOARD_ROLES)
def get_system_health(call: Call) -> dict[str, Any]:
    """Whether the site is well, judged from its last figures and the thresholds of the settings.

    Returns status (healthy, warning, critical, or unknown when nothing is known), metrics, alerts (each with its
    figure, threshold and time), reasons, checks, unknown (what could not be judged, and why), timestamp.
    """
    figures = snapshots.of(call.store, call.site_name).figures
    verdict = health.assess(figures, call.settings.thresholds, call.now)
    return {
        "status": verdict.status,
        "metrics": _metrics(call),
        "alerts": [alert.answer() for alert in verdict.alerts],
        "reasons": verdict.reasons,
        "checks": verdict.checks,
        "unknown": verdict.unknown,
        "site": call.site_name,
        "timestamp": iso(call.now),
    }


@method(f"{MODULE}.get_performance_report", roles=DASHBOARD_ROLES)
def get_performance_report(call: Call) -> dict[str, Any]:
    """A report of the site's figures with what is beyond its limit and what to do about it.

    Returns timestamp, summary (overall_health and how many alerts), metrics, alerts, recommendations (only from
    measured figures).
    """
    figures = snapshots.of(call.store, call.site_name).figures
    verdict = health.assess(figures, call.settings.thresholds, call.now)
    severities = [alert.severity for alert in verdict.alerts]
    return {
        "timestamp": iso(call.now),
        "site": call.site_name,
        "summary": {
            "overall_health": verdict.status,
            "active_alerts": len(severities),
            "critical_alerts": severities.count("CRITICAL"),
            "high_alerts": severities.count("HIGH"),
            "reasons": verdict.reasons,
        },
        "metrics": _metrics(call),
        "alerts": [alert.answer() for alert in verdict.alerts],
        "recommendations": health.recommendations(verdict, figures, call.settings.thresholds, call.now),
        "unknown": verdict.unknown,
    }


def _metrics(call: Call) -> dict[str, Any]:
    shot = snapshots.of(call.store, call.site_name)
    return {**shot.once("resources", lambda: _grouped(shot.figures)), "timestamp": iso(call.now)}


def _grouped(figures: Figures) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    measured: dict[str, str | None] = {}
    absent: dict[str, str] = {}
    for group, wanted in _METRICS.items():
        answer[group] = {}
        moments = []
        for path, find in wanted.items():
            figure = find(figures)
            place = answer[group]
            *outer, last = path.split(".")
            for name in outer:
                place = place.setdefault(name, {})
            place[last] = number(figure.value)
            if figure.reason:
                absent[f"{group}.{path}"] = figure.reason
            if figure.value is not None and figure.at is not None:
                moments.append(figure.at)
        measured[group] = iso(min(moments, default=None))
    return {**answer, "measured_at": measured, "absent": absent}

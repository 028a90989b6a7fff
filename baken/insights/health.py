"""Is a site well? The last figures against the thresholds of the settings; every verdict names figure, limit and time.

Nothing here asks anybody: figures go in, a verdict comes out. Without figures the verdict is "unknown".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from baken.clock import iso
from baken.insights.figures import Figure, Figures
from baken.settings import Thresholds

Status = Literal["healthy", "warning", "critical", "unknown"]
Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]

STALE = timedelta(minutes=30)
"""A figure older than this says nothing about the present; the slowest figure that is judged comes every 5 minutes."""

SILENT = timedelta(minutes=5)
"""After so long without a run over the site nothing is known about it; runs come every few seconds."""

SCHEDULER_SILENCE = timedelta(hours=1)
"""Frappe's scheduler runs something every few minutes; after this long without effect it does not run properly."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A figure beyond its limit. `details` hold figure, threshold, unit and time."""

    type: str
    severity: Severity
    message: str
    details: dict[str, Any]

    def answer(self) -> dict[str, Any]:
        """As the API answers it."""
        return {"type": self.type, "severity": self.severity, "message": self.message, "details": self.details}


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict.

    `checks` are all checks made, with figure and limit; `unknown` says what could not be judged, and why.
    """

    status: Status
    alerts: list[Alert]
    checks: list[dict[str, Any]]
    unknown: dict[str, str]

    @property
    def reasons(self) -> list[str]:
        """Sentences that explain the status: what is beyond its limit, else what is not known."""
        beyond = [alert.message for alert in self.alerts]
        return beyond or [f"{check}: {reason}" for check, reason in self.unknown.items()]


@dataclass(frozen=True, slots=True)
class _Check:
    """A limit: which alert, how bad, what is measured in which unit; the figure is of the labels, or the largest."""

    type: str
    severity: Severity
    what: str
    unit: str
    limit: float
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    largest: bool = False
    factor: float = 1.0
    below: bool = False

    def find(self, figures: Figures) -> tuple[Figure, dict[str, str]]:
        """The figure that is judged, with its labels where it is one of several."""
        return figures.largest(self.metric) if self.largest else (figures.one(self.metric, **self.labels), {})


def assess(figures: Figures, thresholds: Thresholds, now: datetime) -> Health:
    """Judge the last figures of a site.

    Args:
        figures: the last figures of the site and its host.
        thresholds: the limits.
        now: the present; figures older than STALE are not judged.

    Returns:
        critical when an alert is HIGH or CRITICAL, warning when there are only milder ones, healthy when the site's
        own figures were judged and none is beyond its limit, unknown otherwise.
    """
    alerts: list[Alert] = []
    checks: list[dict[str, Any]] = []
    unknown: dict[str, str] = {}
    judged_site = False
    silent = _silent(figures, now)
    for check in _checks(thresholds):
        figure, labels = check.find(figures)
        reason = silent or _unusable(figure, now)
        if reason is not None or figure.value is None:
            unknown[check.type] = f"{check.what} cannot be judged: {reason or figure.reason}"
            continue
        value = round(figure.value * check.factor, 2)
        beyond = value < check.limit if check.below else value > check.limit
        details = {
            "value": value,
            "threshold": check.limit,
            "unit": check.unit,
            "metric": check.metric,
            "measured_at": iso(figure.at),
            **({"labels": labels} if labels else {}),
        }
        checks.append({"check": check.type, "ok": not beyond, **details})
        judged_site = judged_site or check.type in OF_THE_SITE
        if beyond:
            alerts.append(Alert(check.type, check.severity, _sentence(check, value, labels, figure), details))
    if silent is None:
        alerts = [*_unreachable(figures), *alerts]
    if any(alert.severity in ("HIGH", "CRITICAL") for alert in alerts):
        status: Status = "critical"
    elif alerts:
        status = "warning"
    else:
        status = "healthy" if judged_site else "unknown"
    return Health(status, alerts, checks, unknown)


def recommendations(health: Health, figures: Figures, thresholds: Thresholds, now: datetime) -> list[dict[str, str]]:
    """What to do about what was measured; nothing is recommended without a figure beyond its limit.

    Returns dictionaries with category, priority, title, description and action.
    """
    found = []
    for alert in health.alerts:
        if alert.type in _ADVICE:
            category, priority, title, action = _ADVICE[alert.type]
            found.append(_advice(category, priority, title, alert.message, action))
    stalled = figures.one("association_applications_stalled")
    known = stalled.reason is None and _silent(figures, now) is None
    if known and stalled.value is not None and stalled.value > thresholds.applications_stalled:
        found.append(
            _advice(
                "business",
                "medium",
                "Stalled Membership Applications",
                f"{stalled.value:g} applications have waited for more than a week "
                f"(limit {thresholds.applications_stalled}, measured {iso(stalled.at)})",
                "Review and decide the applications that wait longest",
            )
        )
    return found


OF_THE_SITE = frozenset({"DATABASE_DOWN", "SITE_DOWN", "HIGH_ERROR_RATE"})
"""The checks of the site's own figures; without one of them nothing is known about the site."""

_ADVICE: dict[str, tuple[str, str, str, str]] = {
    "HIGH_CPU": ("system", "high", "High CPU Usage", "Look which process takes the processor time, or spread the load"),
    "HIGH_MEMORY": (
        "system",
        "high",
        "High Memory Usage",
        "Look which process grows; run fewer workers or add memory",
    ),
    "HIGH_DISK": ("system", "critical", "Disk Nearly Full", "Remove old backups and logs, or enlarge the disk"),
    "HIGH_DB_CONNECTIONS": (
        "database",
        "medium",
        "High Database Connections",
        "Look who holds connections open (SHOW PROCESSLIST) and run fewer web and background workers if need be",
    ),
    "HIGH_ERROR_RATE": ("application", "high", "Many Errors", "Begin with the most frequent recent error"),
    "HIGH_JOB_QUEUE": (
        "application",
        "medium",
        "High Background Job Queue",
        "Check that the queue's workers run; add workers if they are busy all the time",
    ),
    "SCHEDULER_ISSUES": (
        "application",
        "medium",
        "Scheduler Not Running",
        "Enable it (bench --site SITE enable-scheduler) and check that its process runs",
    ),
}


def _advice(category: str, priority: str, title: str, description: str, action: str) -> dict[str, str]:
    return {
        "category": category,
        "priority": priority,
        "title": title,
        "description": description,
        "action": action,
    }


def _checks(limits: Thresholds) -> Iterator[_Check]:
    yield _Check("DATABASE_DOWN", "CRITICAL", "the site's database is up", "", 1, "database_up", below=True)
    yield _Check("SITE_DOWN", "CRITICAL", "the site answers", "", 1, "frappe_site_up", below=True)
    cpu, memory, disk = limits.cpu_percent, limits.memory_percent, limits.disk_percent
    yield _Check("HIGH_CPU", "HIGH", "processor time in use", "percent", cpu, "host_cpu_ratio", factor=100)
    yield _Check("HIGH_MEMORY", "HIGH", "memory in use", "percent", memory, "host_memory_used_ratio", factor=100)
    disks = "host_disk_used_ratio"
    yield _Check("HIGH_DISK", "CRITICAL", "disk space in use", "percent", disk, disks, largest=True, factor=100)
    most = limits.active_connections
    yield _Check("HIGH_DB_CONNECTIONS", "MEDIUM", "database connections", "", most, "database_connections")
    errors, hour = limits.errors_per_hour, {"window": "1h"}
    yield _Check("HIGH_ERROR_RATE", "HIGH", "errors in the last hour", "", errors, "frappe_errors", hour)
    queue = "frappe_queue_length"
    yield _Check("HIGH_JOB_QUEUE", "MEDIUM", "jobs waiting in a queue", "", limits.queue_length, queue, largest=True)
    enabled, silence = "frappe_scheduler_enabled", "frappe_scheduler_silence_seconds"
    yield _Check("SCHEDULER_ISSUES", "MEDIUM", "the scheduler is enabled", "", 1, enabled, below=True)
    longest = SCHEDULER_SILENCE.total_seconds()
    yield _Check("SCHEDULER_ISSUES", "MEDIUM", "time since the scheduler's last effect", "seconds", longest, silence)


def judged() -> frozenset[str]:
    """Names of the metrics that `assess` looks at."""
    return frozenset(check.metric for check in _checks(Thresholds()))


def _silent(figures: Figures, now: datetime) -> str | None:
    """Why nothing is known about the present; None when the site was looked at lately."""
    if figures.state is None:
        return "Baken has not looked at the site yet"
    if now - figures.state.at > SILENT:
        return f"Baken has not looked at the site since {iso(figures.state.at)}; check that the collector runs"
    return None


def _unusable(figure: Figure, now: datetime) -> str | None:
    """Why a figure says nothing about the present; None when it does."""
    if figure.reason is not None or figure.at is None:
        return figure.reason or "not measured yet"
    if now - figure.at > STALE:
        return f"last measured {iso(figure.at)}"
    return None


def _sentence(check: _Check, value: float, labels: dict[str, str], figure: Figure) -> str:
    where = f" ({', '.join(labels.values())})" if labels else ""
    if check.below and check.limit == 1:
        return f"not true: {check.what}{where} (measured {iso(figure.at)})"
    unit = {"percent": " %", "seconds": " s"}.get(check.unit, "")
    side = "below" if check.below else "above"
    return (
        f"{check.what}{where}: {value:g}{unit}, {side} the limit of {check.limit:g}{unit} (measured {iso(figure.at)})"
    )


def _unreachable(figures: Figures) -> list[Alert]:
    state = figures.state
    if state is None or state.ok:
        return []
    reason = state.reason or "the last run over the site failed"
    return [Alert("SITE_UNREACHABLE", "CRITICAL", reason, {"measured_at": iso(state.at)})]

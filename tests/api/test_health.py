"""Whether a site is well: only from what was measured, against the settings, and never a guess."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baken.history.samples import Absence, Latest, SiteState
from baken.insights.figures import NEVER, Figures
from baken.insights.health import assess, recommendations
from baken.settings import Thresholds

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WELL: dict[str, Any] = {
    "database_up": 1,
    "frappe_site_up": 1,
    "frappe_errors": {"window=1h": 3},
    "host_cpu_ratio": 0.2,
    "host_memory_used_ratio": 0.5,
    "host_disk_used_ratio": {"mount=/": 0.4},
    "database_connections": 12,
    "frappe_queue_length": {"queue=short": 2},
    "frappe_scheduler_enabled": 1,
    "frappe_scheduler_silence_seconds": 60,
}


def figures(
    values: Mapping[str, Any],
    *,
    at: datetime = NOW,
    absences: Mapping[str, str] | None = None,
    ok: bool = True,
    state: bool = True,
    measured: tuple[str, ...] = (),
) -> Figures:
    found = []
    for metric, value in values.items():
        for label, number in value.items() if isinstance(value, dict) else (("", value),):
            labels = dict([label.split("=")]) if label else {}
            found.append(Latest(metric, labels, at, number, None, None))
    missing = {name: Absence(reason, at, at) for name, reason in (absences or {}).items()}
    last = SiteState(at, ok, None if ok else "the database server does not answer", 0.1, 0.01, 3, 0, 0)
    return Figures(found, missing, dict.fromkeys((*values, *measured), at), last if state else None)


def test_a_site_that_is_well() -> None:
    verdict = assess(figures(WELL), Thresholds(), NOW)
    assert verdict.status == "healthy"
    assert verdict.alerts == []
    assert verdict.unknown == {}
    assert recommendations(verdict, figures(WELL), Thresholds(), NOW) == []


def test_no_figures_are_unknown_never_healthy() -> None:
    for nothing in (figures({}, state=False), figures({}), figures(WELL, state=False)):
        verdict = assess(nothing, Thresholds(), NOW)
        assert verdict.status == "unknown"
        assert verdict.reasons
    # Figures of the host say nothing about the site.
    host = {name: value for name, value in WELL.items() if name.startswith("host")}
    assert assess(figures(host), Thresholds(), NOW).status == "unknown"


def test_old_figures_are_unknown() -> None:
    for age in (timedelta(minutes=6), timedelta(days=3)):
        verdict = assess(figures(WELL, at=NOW - age), Thresholds(), NOW)
        assert verdict.status == "unknown"
        assert "since 2026-11-" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("metric", "value", "alert", "severity", "status", "said"),
    [
        ("host_cpu_ratio", 0.81, "HIGH_CPU", "HIGH", "critical", "81 %"),
        ("host_memory_used_ratio", 0.9, "HIGH_MEMORY", "HIGH", "critical", "90 %"),
        ("host_disk_used_ratio", {"mount=/": 0.2, "mount=/data": 0.95}, "HIGH_DISK", "CRITICAL", "critical", "/data"),
        ("database_connections", 101, "HIGH_DB_CONNECTIONS", "MEDIUM", "warning", "101"),
        ("frappe_errors", {"window=1h": 11}, "HIGH_ERROR_RATE", "HIGH", "critical", "11"),
        ("frappe_queue_length", {"queue=short": 51, "queue=long": 1}, "HIGH_JOB_QUEUE", "MEDIUM", "warning", "short"),
        ("frappe_scheduler_enabled", 0, "SCHEDULER_ISSUES", "MEDIUM", "warning", "scheduler"),
        ("frappe_scheduler_silence_seconds", 7200, "SCHEDULER_ISSUES", "MEDIUM", "warning", "7200 s"),
        ("database_up", 0, "DATABASE_DOWN", "CRITICAL", "critical", "database is up"),
        ("frappe_site_up", 0, "SITE_DOWN", "CRITICAL", "critical", "the site answers"),
    ],
)
def test_beyond_a_limit(metric: str, value: Any, alert: str, severity: str, status: str, said: str) -> None:
    given = figures(WELL | {metric: value})
    verdict = assess(given, Thresholds(), NOW)
    assert verdict.status == status
    (found,) = verdict.alerts
    assert (found.type, found.severity) == (alert, severity)
    assert said in found.message
    assert "2026-11-20T12:00:00Z" in found.message
    assert found.details["threshold"] is not None
    assert found.details["value"] is not None
    if alert not in ("DATABASE_DOWN", "SITE_DOWN"):
        (advice,) = recommendations(verdict, given, Thresholds(), NOW)
        assert set(advice) == {"category", "priority", "title", "description", "action"}
        assert advice["description"] == found.message


def test_at_the_limit_is_within_it() -> None:
    assert assess(figures(WELL | {"host_cpu_ratio": 0.8}), Thresholds(), NOW).status == "healthy"
    assert assess(figures(WELL | {"frappe_errors": {"window=1h": 10}}), Thresholds(), NOW).status == "healthy"


def test_limits_are_settings() -> None:
    strict = Thresholds(cpu_percent=10)
    assert [alert.type for alert in assess(figures(WELL), strict, NOW).alerts] == ["HIGH_CPU"]


def test_what_is_absent_is_not_judged() -> None:
    given = figures(WELL | {"host_cpu_ratio": 0.99}, absences={"host_cpu_ratio": "no permission"})
    verdict = assess(given, Thresholds(), NOW)
    assert verdict.status == "healthy"
    assert "no permission" in verdict.unknown["HIGH_CPU"]


def test_a_site_out_of_reach_is_critical() -> None:
    verdict = assess(figures(WELL, ok=False, absences=dict.fromkeys(WELL, "down")), Thresholds(), NOW)
    assert verdict.status == "critical"
    assert verdict.alerts[0].type == "SITE_UNREACHABLE"
    assert "does not answer" in verdict.reasons[0]


def test_stalled_applications_are_recommended_to_be_decided() -> None:
    given = figures(WELL | {"association_applications_stalled": 6})
    (advice,) = recommendations(assess(given, Thresholds(), NOW), given, Thresholds(), NOW)
    assert advice["category"] == "business"
    assert "6 applications" in advice["description"]


def test_a_figure_or_a_reason() -> None:
    given = figures(
        {"members": {"status=Active": 5}}, absences={"gone": "this site has no DocType X"}, measured=("empty",)
    )
    assert given.one("members", status="Active").value == 5
    assert given.one("members", status="Pending").value == 0
    assert given.total("members").value == 5
    assert given.total("empty").value == 0
    assert given.one("empty").value is None
    assert given.one("gone").reason == "this site has no DocType X"
    assert given.one("never").reason == NEVER
    assert given.one("never").value is None

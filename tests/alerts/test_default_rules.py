"""The rules that Baken brings: the documented limits, both languages, each with a reason and a section of the manual.

What they do is tried out by the files in `rules/`.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from baken.alerts import rulebook, trial
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.rule import Rule
from baken.metrics import catalogue
from baken.settings import Alerts, Thresholds

BOOK = rulebook.read(None)
TABLES: dict[str, dict[str, Any]] = tomllib.loads(rulebook.DEFAULTS.read_text(encoding="utf-8"))
ROOT = Path(__file__).resolve().parents[2]
TRIALS = sorted((Path(__file__).parent / "rules").glob("*.toml"))
ALL = pytest.mark.parametrize("rule", BOOK.rules.values(), ids=lambda rule: rule.name)

DOCUMENTED = {
    "HIGH_ERROR_RATE": ("frappe_errors", "above", 10, "CRITICAL"),
    "DAILY_ERRORS": ("frappe_errors", "above", 50, None),
    "SEPA_COMPLIANCE": ("sepa_audit_failures", "above", 5, "HIGH"),
    "HIGH_JOB_QUEUE": ("frappe_queue_length", "above", 20, None),
    "HIGH_MEMBER_CHURN": ("association_members_left", "above", 10, None),
    "STUCK_DUES_SCHEDULES": ("association_dues_schedules_stuck", "above", 5, None),
    "MEMBERS_WITHOUT_CUSTOMER": ("association_members_without_customer", "above", 10, "LOW"),
    "ORPHANED_PAYMENTS": ("association_payments_without_reference", "above", 5, None),
    "HIGH_MEMORY": ("host_memory_used_ratio", "above", 0.85, None),
    "HIGH_CPU": ("host_cpu_ratio", "above", 0.80, None),
    "HIGH_DISK": ("host_disk_used_ratio", "above", 0.90, None),
    "HIGH_DB_CONNECTIONS": ("database_connections", "above", 100, None),
    "QUEUE_LENGTH": ("frappe_queue_length", "above", 50, None),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_documented_limits(name: str) -> None:
    metric, how, limit, severity = DOCUMENTED[name]
    rule = BOOK.rules[name]
    assert isinstance(rule.condition, Threshold)
    assert rule.condition.source.metric.name == metric
    assert (rule.condition.limits.day.how, rule.condition.limits.day.figure) == (how, limit)
    assert severity in (None, rule.severity)
    assert rule.enabled


def test_the_limits_of_the_health_check_are_those_of_the_rules() -> None:
    limits = Thresholds()
    figures = {name: limit for name, (_, _, limit, _) in DOCUMENTED.items()}
    assert figures["HIGH_MEMORY"] * 100 == limits.memory_percent
    assert figures["HIGH_CPU"] * 100 == limits.cpu_percent
    assert figures["HIGH_DISK"] * 100 == limits.disk_percent
    assert figures["HIGH_DB_CONNECTIONS"] == limits.active_connections
    assert figures["QUEUE_LENGTH"] == limits.queue_length
    assert figures["HIGH_ERROR_RATE"] == limits.errors_per_hour
    assert TABLES["APPLICATIONS_STALLED"]["above"] == limits.applications_stalled


@ALL
def test_each_rule_can_be_read_by_people(rule: Rule) -> None:
    assert all(len(words) > 25 and words.endswith(".") for words in rule.reason.values()), "the reason for its limit"
    assert rule.reason["en"] != rule.reason["nl"]
    figures = {language: sorted(re.findall(r"\d+", words)) for language, words in rule.reason.items()}
    assert figures["en"] == figures["nl"]
    for text in (rule.title, rule.message, rule.advice):
        assert all(len(words) > 8 for words in text.values())
        assert text["en"] != text["nl"]
        fields = {language: set(re.findall(r"\{(\w+)\}", words)) for language, words in text.items()}
        assert fields["en"] == fields["nl"]
    for language, words in rule.title.items():
        assert not words.endswith("."), language
        assert len(words) <= 80
    for text in (rule.message, rule.advice):
        assert all(words.endswith((".", "?", "{why}")) for words in text.values()), text


@ALL
def test_each_rule_has_its_section_in_the_manual(rule: Rule) -> None:
    page, _, anchor = rule.runbook.partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]


def test_the_manual_has_no_section_of_a_rule_that_is_not_there() -> None:
    headings = re.findall(r"^### (.+)$", (ROOT / rulebook.MANUAL).read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(BOOK.rules)


@ALL
def test_a_limit_on_what_wavers_has_a_gap_or_a_time(rule: Rule) -> None:
    """A figure that goes up and down around the limit must not send a message each time."""
    if not isinstance(rule.condition, Threshold):
        return
    metric, limits = rule.condition.source.metric, rule.condition.limits
    # What is yes or no, or falls by a whole day, does not waver; what people clear up goes one way.
    steady = metric.unit in ("bool", "days") or metric.domain == "association" or metric.name == "frappe_email_stuck"
    moves_one_way = metric.name in ("frappe_backup_age_seconds", "frappe_scheduled_jobs_late")
    assert limits.recover is not None or rule.keep or steady or moves_one_way


def test_every_pain_that_a_metric_can_see_has_a_rule() -> None:
    seen = BOOK.metrics
    for metric in (
        "frappe_site_up", "database_up", "frappe_redis_up", "frappe_scheduler_enabled", "frappe_scheduler_dormant",
        "frappe_scheduler_silence_seconds", "frappe_scheduled_jobs_late", "frappe_scheduled_job_failing",
        "frappe_workers", "frappe_queue_oldest_job_seconds", "frappe_job_failures", "frappe_email_sending",
        "frappe_email_oldest_unsent_seconds", "frappe_email_stuck", "frappe_backup_age_seconds",
        "frappe_backup_bytes", "frappe_certificate_days_left", "database_deadlocks_total", "database_lock_waits",
        "database_longest_transaction_seconds", "frappe_error_log_bytes", "monitor_lag_seconds",
        "monitor_alert_lag_seconds", "monitor_notification_failing_seconds", "monitor_notifications_waiting",
        "monitor_export_failing_seconds", "monitor_export_rejected",
    ):  # fmt: skip
        assert catalogue.get(metric) is not None, metric
        assert metric in seen, metric


def test_what_silences_others_is_as_bad_as_they_are_or_tells_why_they_are_no_news() -> None:
    """A minor alert must not hide a grave one, except for maintenance and what people switched off themselves."""
    rank = {"LOW": 0, "MEDIUM": 1, "HIGH": 2, "CRITICAL": 3}
    explained = {"SITE_IN_MAINTENANCE", "MAINTENANCE_TOO_LONG", "SITE_DORMANT", "EMAIL_MUTED"}
    for rule in BOOK.rules.values():
        for name in rule.inhibits:
            worse = rank[BOOK.rules[name].severity] > rank[rule.severity]
            assert not worse or rule.name in explained, (rule.name, name)


@pytest.mark.parametrize("file", TRIALS, ids=lambda file: file.stem)
def test_the_default_rules_do_what_their_tests_say(file: Path) -> None:
    failed = [result for result in trial.run(file, BOOK, Alerts()) if not result.passed]
    assert not failed, "\n\n".join("\n".join([f"{each.place}: {each.name}", *each.problems]) for each in failed)


def test_each_rule_is_tried_out() -> None:
    """A file in `rules/` names each rule as firing at least once."""
    fired = set()
    for file in TRIALS:
        for test in tomllib.loads(file.read_text(encoding="utf-8"))["test"]:
            for expected in test["expect"]:
                fired |= {alert["rule"] for alert in expected.get("alerts", [])}
    assert fired == set(BOOK.rules)

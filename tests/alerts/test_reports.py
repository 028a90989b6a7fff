"""Reports: the right days, what wants attention, errors and alerts, and every text in both languages."""

import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from baken.alerts import reports
from baken.alerts.report_figures import SECTIONS
from baken.alerts.report_words import TEXTS
from baken.history.store import Store
from baken.insights import health
from baken.insights.figures import Figures
from baken.settings import Alerts, Settings
from tests.alerts.filled import DAY, HOUR, MINUTE, SITE, alert_row, put
from tests.alerts.reported import AMSTERDAM, MONDAY, TUESDAY, UNTIL, WEDNESDAY, build, present
from tests.errors.filled import failure, looked
from tests.errors.filled import put as put_errors


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("period", ["daily", "weekly"])
def test_where_nothing_was_measured_nothing_is_claimed(store: Store, period: str, language: str) -> None:
    found = build(store, period=period, language=language)
    assert found["health"]["status"] == "unknown"
    assert found["sections"] == []
    assert found["errors"] == {"total": TEXTS[language]["unmeasured"], "before": "", "patterns": []}
    assert found["attention"] == []
    told = [each["what"] for each in found["absent"]]
    assert told == [*(TEXTS[language][f"section.{key}"] for key in SECTIONS), TEXTS[language]["errors"]]
    assert {each["why"] for each in found["absent"][:-1]} == {TEXTS[language]["never"]}
    # Of alerts Baken knows that there were none.
    assert found["alerts"] == {
        "opened": "0", "resolved": "0", "open": "0", "list": [], "median_ack": "", "median_resolve": ""
    }  # fmt: skip


def test_the_report_has_the_shape_that_its_template_shows(sqlite_store: Store) -> None:
    found = build(sqlite_store)
    assert list(found) == [
        "period",
        "site",
        "from",
        "to",
        "health",
        "attention",
        "sections",
        "errors",
        "alerts",
        "absent",
    ]
    assert (found["period"], found["site"]) == ("daily", SITE)


@pytest.mark.parametrize(
    ("until", "period", "hours"),
    [
        ("2026-11-25T06:00", "daily", 24),
        ("2026-03-30T05:00", "daily", 23),
        ("2026-10-26T06:00", "daily", 25),
        ("2026-11-25T06:00", "weekly", 168),
        ("2026-03-30T05:00", "weekly", 167),
        ("2026-10-31T06:00", "weekly", 169),
    ],
)
def test_days_are_whole_days_of_the_zone(sqlite_store: Store, until: str, period: str, hours: int) -> None:
    moment = datetime.fromisoformat(until).replace(tzinfo=UTC)
    found = build(sqlite_store, moment, period=period)
    begin, end = (datetime.fromisoformat(found[name]) for name in ("from", "to"))
    assert end - begin == hours * HOUR
    assert begin.astimezone(AMSTERDAM).hour == end.astimezone(AMSTERDAM).hour == 0
    assert end.astimezone(AMSTERDAM).date() == moment.astimezone(AMSTERDAM).date()


# Figures that are beyond their limit, by the check that says so.
BEYOND = {
    "HIGH_CPU": ({"host_cpu_ratio": 0.93}, "Processor time in use: 93 %; the limit is 80 %."),
    "HIGH_MEMORY": ({"host_memory_used_ratio": 0.9}, "Memory in use: 90 %; the limit is 85 %."),
    "HIGH_DISK": ({"host_disk_used_ratio mount=/srv": 0.95}, "Disk space in use (disk /srv): 95 %; the limit is 90 %."),
    "HIGH_DB_CONNECTIONS": ({"database_connections": 140}, "Connections to the database: 140; the limit is 100."),
    "HIGH_ERROR_RATE": ({"frappe_errors window=1h": 12}, "Errors in the last hour: 12; the limit is 10."),
    "HIGH_JOB_QUEUE": ({"frappe_queue_length queue=long": 60}, "Jobs that wait (queue long): 60; the limit is 50."),
    "SCHEDULER_ISSUES": ({"frappe_scheduler_enabled": 0}, "The scheduler is switched off."),
    "SCHEDULER_SILENT": (
        {"frappe_scheduler_silence_seconds": 7200},
        "The scheduler has done nothing for 2 h; the limit is 1 h.",
    ),
    "DATABASE_DOWN": ({"database_up": 0}, "The site's database does not answer."),
    "SITE_DOWN": ({"frappe_site_up": 0}, "The site does not answer."),
}


@pytest.mark.parametrize(("figures", "told"), BEYOND.values(), ids=list(BEYOND))
def test_health_says_what_is_beyond_its_limit(sqlite_store: Store, figures: Mapping[str, float], told: str) -> None:
    present(sqlite_store, figures)
    found = build(sqlite_store)["health"]
    assert found["status"] in ("warning", "critical")
    assert found["sentences"][0] == told
    assert build(sqlite_store, language="nl")["health"]["sentences"][0] not in ("", told)


def test_health_has_a_text_for_every_check(sqlite_store: Store) -> None:
    found = health.assess(Figures([], {}, {}, None), Settings().thresholds, UNTIL)
    for check in found.unknown:
        assert f"check.{check}" in TEXTS["en"]
        assert f"health.{check}" in TEXTS["en"]


def test_health_is_that_of_the_present_and_says_when_nothing_is_known(sqlite_store: Store) -> None:
    assert build(sqlite_store)["health"]["sentences"] == [
        "Nothing is known about this moment: Baken has not looked at the site yet."
    ]
    present(sqlite_store, {"database_up": 1, "frappe_site_up": 1})
    found = build(sqlite_store)["health"]
    assert found["status"] == "healthy"
    assert found["sentences"][0] == "All 2 checks of this moment are within their limits."
    assert found["sentences"][1].startswith("Not judged, for want of a fresh figure: processor, memory, disks,")
    late = build(sqlite_store, now=UNTIL + HOUR)["health"]
    assert late["status"] == "unknown"
    assert late["sentences"] == [
        "Nothing is known about this moment: Baken has not looked at the site since 25 Nov 07:00."
    ]


@pytest.mark.parametrize(
    ("severity", "suppressed", "status"),
    [
        ("CRITICAL", None, "critical"),
        ("HIGH", None, "critical"),
        ("MEDIUM", None, "warning"),
        ("LOW", None, "healthy"),
        ("CRITICAL", "silence:1", "healthy"),
    ],
)
def test_a_report_with_an_open_alert_is_no_all_clear(
    sqlite_store: Store, severity: str, suppressed: str | None, status: str
) -> None:
    present(sqlite_store, {"database_up": 1, "frappe_site_up": 1})
    with sqlite_store.write() as conn:
        put(conn, alert_row(severity=severity, suppressed=suppressed))
    found = build(sqlite_store)["health"]
    assert found["status"] == status
    told = f"Open alerts: 1; the worst is {severity.lower()}."
    assert (found["sentences"][0] == told) is (suppressed is None)


def test_a_site_out_of_reach_is_said_to_be(sqlite_store: Store) -> None:
    present(sqlite_store, {"host_cpu_ratio": 0.1}, ok=False, reason="the server refuses the password")
    found = build(sqlite_store)["health"]
    assert found["status"] == "critical"
    assert found["sentences"][0] == "Baken cannot read the site: the server refuses the password"


def test_attention_begins_with_open_alerts_and_names_nothing_twice(store: Store) -> None:
    waiting = {
        "association_dues_schedules_stuck": 6,
        "association_applications_stalled": 2,
        "sepa_mandates_expiring": 0,
        "frappe_certificate_days_left": 12,
    }
    present(store, waiting)
    with store.write() as conn:
        stuck = {"metric": "association_dues_schedules_stuck"}
        numbers = put(
            conn,
            alert_row(rule="A", severity="MEDIUM", title="Schedules are stuck", details=stuck, fired=UNTIL - DAY),
            alert_row(
                rule="B", severity="CRITICAL", title="The disk is full", status="Acknowledged", fired=UNTIL - HOUR
            ),
            alert_row(rule="C", severity="CRITICAL", title="The site is down", fired=UNTIL - 2 * HOUR),
            alert_row(rule="D", severity="LOW", title="Slow", suppressed="silence:1", site="", fired=UNTIL - 3 * HOUR),
            alert_row(rule="E", title="Over", status="Resolved"),
            alert_row(rule="F", title="Elsewhere", site="ander.example"),
        )
    found = build(store)["attention"]
    assert [(each["severity"], each["text"]) for each in found] == [
        ("CRITICAL", "The site is down (since 25 Nov 05:00)"),
        ("CRITICAL", "The disk is full (since 25 Nov 06:00, acknowledged)"),
        ("MEDIUM", "Schedules are stuck (since 24 Nov 07:00)"),
        ("LOW", "Slow (since 25 Nov 04:00, nobody is told)"),
        ("MEDIUM", "The site's certificate ends within 12 days"),
        ("LOW", "Membership applications that have waited for more than a week: 2"),
    ]
    assert found[0]["url"] == f"https://b.test/monitoring_dashboard/alerts/{numbers[2]}"
    assert {each["url"] for each in build(store, url="")["attention"]} == {""}
    dutch = build(store, language="nl")["attention"]
    assert dutch[0]["text"] == "The site is down (nl) (sinds 25 nov 05:00)"
    # What was measured long ago is not waiting now.
    assert len(build(store, now=UNTIL + 4 * HOUR)["attention"]) == 4


def test_many_open_alerts_are_counted_beyond_the_first(sqlite_store: Store) -> None:
    with sqlite_store.write() as conn:
        put(conn, *(alert_row(rule=f"R{place}", fired=UNTIL - place * HOUR) for place in range(14)))
    found = build(sqlite_store)["attention"]
    assert len(found) == 11
    assert (found[-1]["text"], found[-1]["url"]) == ("4 more open alerts", "https://b.test/monitoring_dashboard/alerts")


def test_errors_are_those_of_the_day_against_the_day_before(sqlite_store: Store) -> None:
    read: dict[str, Any] = {"site": SITE, "now": UNTIL}
    looked(sqlite_store, 60, **read)
    noon = TUESDAY + 12 * HOUR
    put_errors(sqlite_store, [failure("KeyError", MONDAY + HOUR)] * 5, **read)
    put_errors(sqlite_store, [failure("KeyError", noon)] * 3 + [failure("TypeError", noon)] * 4, **read)
    # At the ends of the day: the last minute before it, its first, its last, and the first after it.
    put_errors(sqlite_store, [failure("IndexError", TUESDAY - MINUTE), failure("IndexError", TUESDAY)], **read)
    put_errors(sqlite_store, [failure("IndexError", at) for at in (WEDNESDAY - MINUTE, WEDNESDAY)], **read)
    found = build(sqlite_store)
    assert (found["errors"]["total"], found["errors"]["before"]) == ("9", "6")
    told = [(each["title"].split(":")[0], each["count"], each["change"]) for each in found["errors"]["patterns"]]
    assert told == [("TypeError", "4", "new"), ("KeyError", "3", "−2"), ("IndexError", "2", "+1")]
    assert {each["severity"] for each in found["errors"]["patterns"]} <= {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
    assert "Errors" not in {each["what"] for each in found["absent"]}


def test_new_patterns_are_told_even_when_others_are_more_frequent(sqlite_store: Store) -> None:
    read: dict[str, Any] = {"site": SITE, "now": UNTIL}
    looked(sqlite_store, 60, **read)
    kinds = ("KeyError", "TypeError", "IndexError", "NameError", "OSError", "ValueError")
    for kind in kinds:
        put_errors(sqlite_store, [failure(kind, MONDAY + HOUR)], **read)
        put_errors(sqlite_store, [failure(kind, TUESDAY + HOUR)] * 3, **read)
    put_errors(sqlite_store, [failure("RuntimeError", TUESDAY + HOUR)], **read)
    told = build(sqlite_store)["errors"]["patterns"]
    assert [each["change"] for each in told] == ["+2"] * 5 + ["new"]


def test_errors_say_from_when_to_when_they_are_known(sqlite_store: Store) -> None:
    put_errors(sqlite_store, [failure("KeyError", TUESDAY + 20 * HOUR)], site=SITE, now=UNTIL)

    def why(language: str = "en") -> str:
        found = build(sqlite_store, language=language)
        return str(next(each["why"] for each in found["absent"] if each["what"] == TEXTS[language]["errors"]))

    assert why() == "The site's Error Log has not been read yet"
    looked(sqlite_store, 0.5, site=SITE, now=UNTIL)
    assert why() == "Errors are known since 24 Nov 19:00 only"
    found = build(sqlite_store)["errors"]
    assert (found["total"], found["before"], found["patterns"][0]["change"]) == ("1", "", "")
    looked(sqlite_store, 60, site=SITE, now=TUESDAY + 21 * HOUR)
    assert why("nl") == "Het foutenlogboek is voor het laatst gelezen op 24 nov 21:00"
    looked(sqlite_store, 60, site=SITE, now=UNTIL, behind=True)
    assert why().startswith("The Error Log is still being read")


def test_no_errors_are_none_only_when_somebody_looked(sqlite_store: Store) -> None:
    looked(sqlite_store, 0.1, site=SITE, now=UNTIL)
    assert build(sqlite_store)["errors"]["total"] == "not measured"
    looked(sqlite_store, 60, site=SITE, now=UNTIL)
    assert build(sqlite_store)["errors"] == {"total": "0", "before": "0", "patterns": []}


def test_alerts_of_the_day_are_counted_and_the_open_ones_shown_first(store: Store) -> None:
    noon = TUESDAY + 12 * HOUR
    with store.write() as conn:
        ended, ongoing, _older, _today = put(
            conn,
            alert_row(rule="A", severity="CRITICAL", title="Ended", fired=noon, status="Resolved",
                      acknowledged_at=noon + 4 * MINUTE, resolved_at=noon + HOUR),
            alert_row(rule="B", severity="LOW", title="Goes on", fired=noon),
            alert_row(rule="C", title="Older", fired=MONDAY, status="Resolved", resolved_at=noon),
            alert_row(rule="D", title="Of today", fired=UNTIL - HOUR, status="Resolved", resolved_at=UNTIL),
        )  # fmt: skip
    found = build(store)["alerts"]
    assert {name: found[name] for name in ("opened", "resolved", "open", "median_ack", "median_resolve")} == {
        "opened": "2",
        "resolved": "2",
        "open": "1",
        "median_ack": "4 min",
        "median_resolve": "1 h",
    }
    assert [each["number"] for each in found["list"]] == [ongoing, ended]
    assert found["list"][0] == {
        "number": ongoing,
        "title": "Goes on",
        "severity": "LOW",
        "status": "Active",
        "since": "24 Nov 12:00",
        "url": f"https://b.test/monitoring_dashboard/alerts/{ongoing}",
    }


@pytest.mark.parametrize(
    ("now", "period", "expected"),
    [
        ("2026-11-25T06:00", "daily", "2026-11-25T06:00"),
        ("2026-11-25T05:59", "daily", "2026-11-24T06:00"),
        ("2026-11-25T23:30", "daily", "2026-11-25T06:00"),
        ("2026-03-29T12:00", "daily", "2026-03-29T05:00"),
        ("2026-11-23T06:00", "weekly", "2026-11-23T06:00"),
        ("2026-11-23T05:00", "weekly", "2026-11-16T06:00"),
        ("2026-11-25T06:00", "weekly", "2026-11-23T06:00"),
    ],
)
def test_a_report_is_due_at_its_time_in_the_recipients_zone(now: str, period: reports.Period, expected: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    wanted = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert reports.due(moment, AMSTERDAM, Alerts(), period) == wanted


def test_a_report_is_due_also_when_its_time_is_skipped_and_once_when_it_comes_twice() -> None:
    settings = Alerts(report_at="02:30")
    assert reports.due(datetime(2026, 3, 29, 1, tzinfo=UTC), AMSTERDAM, settings, "daily") == datetime(
        2026, 3, 29, 1, tzinfo=UTC
    )
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert reports.due(first + 90 * MINUTE, AMSTERDAM, settings, "daily") == first
    assert reports.due(first, AMSTERDAM, Alerts(report_at=""), "daily") is None


def test_reports_are_the_same_when_everything_about_them_is() -> None:
    given: dict[str, Any] = {"site": SITE, "period": "daily", "moment": UNTIL, "recipient": "els", "channel": "mail"}
    others = {"site": "ander.example", "period": "weekly", "moment": UNTIL + DAY, "recipient": "jan", "channel": "chat"}
    keys = {reports.report_key(**{**given, name: other}) for name, other in others.items()}
    assert len(keys | {reports.report_key(**given)}) == 6
    assert reports.report_key(**given) == reports.report_key(**given)


def test_both_languages_say_everything_with_the_same_fields() -> None:
    assert list(TEXTS["en"]) == list(TEXTS["nl"])
    for key, text in TEXTS["en"].items():
        fields = [
            {name for _, name, _, _ in string.Formatter().parse(each) if name} for each in (text, TEXTS["nl"][key])
        ]
        assert fields[0] == fields[1], key
        assert TEXTS["nl"][key].strip()

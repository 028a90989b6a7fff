"""Statistics of alerts: what is counted, what is not known, and that ten thousand are counted in no time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baken.alerts.routing import TEST
from baken.alerts.statistics import statistics, summary, times
from baken.history.samples import Cycle, record
from baken.history.store import Store
from tests.alerts.filled import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OTHER,
    SITE,
    alert_row,
    outbox_row,
    put,
    put_many,
    put_outbox,
)


def ask(store: Store, now: datetime = NOW, days: int = 30, **given: Any) -> dict[str, Any]:
    with store.read() as conn:
        return statistics(conn, SITE, now, days, **given)


def rule(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["rules"] if each["rule"] == name)


def test_without_alerts_there_are_no_medians_and_no_shares(store: Store) -> None:
    found = ask(store, days=3)
    assert found == {
        "period": {
            "days": 3,
            "from": "2026-11-23T00:00:00Z",
            "to": "2026-11-25T09:30:00Z",
            "time_zone": "UTC",
        },
        "total": 0,
        "by_severity": {"CRITICAL": 0, "HIGH": 0, "MEDIUM": 0, "LOW": 0},
        "by_status": {"Active": 0, "Acknowledged": 0, "Resolved": 0},
        "by_area": {},
        "by_day": [
            {"date": date, "LOW": 0, "MEDIUM": 0, "HIGH": 0, "CRITICAL": 0}
            for date in ("2026-11-23", "2026-11-24", "2026-11-25")
        ],
        "rules": [],
        "notifications": {
            "sent": 0,
            "held": 0,
            "failed": 0,
            "waiting": 0,
            "median_seconds_to_send": None,
            "p99_seconds_to_send": None,
        },
        "timestamp": "2026-11-25T09:30:00Z",
    }


def test_alerts_are_counted_by_what_they_are(store: Store) -> None:
    with store.write() as conn:
        put(
            conn,
            alert_row(severity="CRITICAL", title="Old title", fired=NOW - 3 * DAY, status="Resolved"),
            alert_row(severity="HIGH", title="New title", feedback="useful", labels={"a": "1"}),
            alert_row(feedback="false_alarm", flapping=True, status="Resolved"),
            alert_row(suppressed="silence:3", labels={"a": "2"}, status="Acknowledged"),
            alert_row(told=False, status="Resolved", feedback="false_alarm"),
            # What flaps is not told each time, and was told before.
            alert_row(told=False, flapping=True, status="Resolved"),
            alert_row(rule="HIGH_CPU", site="", area="performance", severity="LOW"),
            alert_row(rule="HIGH_CPU", site=OTHER, area="performance"),
            alert_row(rule=TEST),
            alert_row(fired=NOW - 40 * DAY, status="Resolved"),
        )
    found = ask(store)
    assert found["total"] == 7
    assert found["by_severity"] == {"CRITICAL": 1, "HIGH": 5, "MEDIUM": 0, "LOW": 1}
    assert found["by_status"] == {"Active": 2, "Acknowledged": 1, "Resolved": 4}
    assert found["by_area"] == {"errors": 6, "performance": 1}
    assert [each["rule"] for each in found["rules"]] == ["HIGH_ERROR_RATE", "HIGH_CPU"]
    errors = rule(found, "HIGH_ERROR_RATE")
    assert {key: errors[key] for key in ("count", "open", "rated", "suppressed", "flapping", "severity")} == {
        "count": 6,
        "open": 2,
        "rated": 3,
        "suppressed": 2,
        "flapping": 2,
        "severity": "HIGH",
    }
    assert errors["false_alarm_share"] == pytest.approx(2 / 3)
    assert errors["last_fired"] == "2026-11-25T08:30:00Z"
    cpu = rule(found, "HIGH_CPU")
    assert cpu["false_alarm_share"] is None
    assert cpu["title"] == {"en": "Many errors", "nl": "Many errors (nl)"}


def test_a_rule_is_called_what_its_last_alert_is_called(store: Store) -> None:
    with store.write() as conn:
        put(conn, alert_row(title="Old", status="Resolved"), alert_row(title="New", severity="CRITICAL"))
    (found,) = ask(store)["rules"]
    assert (found["title"]["en"], found["severity"]) == ("New", "CRITICAL")


def test_a_rule_is_called_what_it_is_called_in_general(store: Store) -> None:
    with store.write() as conn:
        put(
            conn,
            alert_row(title="42 errors"),
            alert_row(rule="HIGH_CPU", area="performance", title="Gone from the file"),
        )
    title = {"en": "… errors", "nl": "… fouten"}
    found = ask(store, titles={"HIGH_ERROR_RATE": title})
    assert rule(found, "HIGH_ERROR_RATE")["title"] == title
    assert rule(found, "HIGH_CPU")["title"]["en"] == "Gone from the file"


def test_medians_count_from_the_last_firing_and_only_what_happened(store: Store) -> None:
    with store.write() as conn:
        for minutes in (10, 20, 90):
            acknowledged = NOW - HOUR + minutes / 2 * MINUTE
            row = alert_row(status="Resolved", resolved_at=NOW - HOUR + minutes * MINUTE, acknowledged_at=acknowledged)
            put(conn, row)
        put(conn, alert_row(status="Resolved", resolved_at=NOW - 2 * HOUR))
        put(conn, alert_row(rule="HIGH_CPU"), alert_row(rule="HIGH_DISK", acknowledged_at=NOW, status="Acknowledged"))
    found = ask(store)
    errors, disk = rule(found, "HIGH_ERROR_RATE"), rule(found, "HIGH_DISK")
    assert errors["median_seconds_to_acknowledge"] == 600
    # One was resolved before it fired, by a clock that was set back: that is no time at all.
    assert errors["median_seconds_to_resolve"] == 900
    assert (disk["median_seconds_to_acknowledge"], disk["median_seconds_to_resolve"]) == (3600, None)
    cpu = rule(found, "HIGH_CPU")
    assert (cpu["median_seconds_to_acknowledge"], cpu["median_seconds_to_resolve"]) == (None, None)
    with store.read() as conn:
        assert times(conn, SITE, NOW - DAY, NOW)[""] == (1650, 900)
        assert times(conn, SITE, NOW - DAY, NOW - HOUR) == {}


def test_days_are_those_of_the_sites_clock_also_when_it_changes(store: Store) -> None:
    with store.write() as conn:
        record(conn, [Cycle(SITE, NOW, [], observations={"site_facts": {"time_zone": "Europe/Amsterdam"}})])
        # The clock goes back on 25 October: that day has 25 hours and ends at 23:00 UTC.
        for text in ("24T21:59", "24T22:00", "25T00:30", "25T01:30", "25T22:59", "25T23:00"):
            put(conn, alert_row(fired=datetime.fromisoformat(f"2026-10-{text}").replace(tzinfo=UTC), status="Resolved"))
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)
    found = ask(store, now, days=3)
    assert [(day["date"], day["HIGH"]) for day in found["by_day"]] == [
        ("2026-10-24", 1),
        ("2026-10-25", 4),
        ("2026-10-26", 1),
    ]
    assert found["period"]["time_zone"] == "Europe/Amsterdam"
    by_utc = ask(store, now, days=3, zone="UTC")
    assert [day["HIGH"] for day in by_utc["by_day"]] == [2, 4, 0]
    assert ask(store, now, days=1)["total"] == 1


def test_an_alert_from_a_clock_that_was_ahead_is_todays(store: Store) -> None:
    with store.write() as conn:
        put(conn, alert_row(fired=NOW + 2 * DAY))
    found = ask(store, days=2)
    assert [day["HIGH"] for day in found["by_day"]] == [0, 1]


def test_notifications_are_counted_by_what_became_of_them(store: Store) -> None:
    sent: dict[str, Any] = {"state": "sent", "attempts": 1}
    with store.write() as conn:
        first, _other = put(conn, alert_row(), alert_row(rule="HIGH_CPU"))
        put_outbox(
            conn,
            *(
                outbox_row(f"s{seconds}", alert=first, **sent, sent_at=NOW - HOUR + timedelta(seconds=seconds))
                for seconds in (1, 2, 30)
            ),
            outbox_row("digest", alert=first, **sent, held="cap", sent_at=NOW),
            outbox_row("report", kind="report", **sent, sent_at=NOW - 59 * MINUTE),
            outbox_row("test", kind="test", **sent, sent_at=NOW),
            outbox_row("old", alert=first, **sent, created=NOW - 40 * DAY, sent_at=NOW - 40 * DAY),
            outbox_row("other", site=OTHER, **sent, sent_at=NOW),
            outbox_row("waits", alert=first),
            outbox_row("held", held="hours"),
            outbox_row("failing", attempts=3, problem="the server does not answer", site=""),
            outbox_row("moot", state="dropped", attempts=1, problem="over meanwhile"),
        )
    found = ask(store)
    assert found["notifications"] == {
        "sent": 5,
        "held": 2,
        "failed": 1,
        "waiting": 3,
        "median_seconds_to_send": 16.0,
        "p99_seconds_to_send": 60.0,
    }
    assert [(each["rule"], each["notifications"]) for each in found["rules"]] == [
        ("HIGH_CPU", 0),
        ("HIGH_ERROR_RATE", 4),
    ]


def test_the_summary_counts_and_shows_the_last_ten(store: Store) -> None:
    with store.write() as conn:
        for hours in range(12):
            put(conn, alert_row(fired=NOW - hours * HOUR, status="Resolved", labels={"n": str(hours)}))
        put(conn, alert_row(rule="HIGH_CPU", site="", severity="LOW", fired=NOW - MINUTE), alert_row(site=OTHER))
        put(conn, alert_row(fired=NOW - 8 * DAY, status="Resolved"), alert_row(rule=TEST))
    with store.read() as conn:
        found = summary(conn, SITE, NOW, 7)
    assert {name: found[name] for name in ("total", "active", "acknowledged", "resolved")} == {
        "total": 13,
        "active": 1,
        "acknowledged": 0,
        "resolved": 12,
    }
    assert found["by_severity"] == {"CRITICAL": 0, "HIGH": 12, "MEDIUM": 0, "LOW": 1}
    assert found["by_status"] == {"Active": 1, "Acknowledged": 0, "Resolved": 12}
    assert [each["rule"] for each in found["recent"]] == ["HIGH_ERROR_RATE", "HIGH_CPU", *["HIGH_ERROR_RATE"] * 8]
    assert [each["may_act"] for each in found["recent"][:2]] == [True, False]


def test_ten_thousand_alerts_are_counted(sqlite_store: Store) -> None:
    moments = [NOW - place * 4 * MINUTE for place in range(10_000)]
    rows = [
        alert_row(
            rule=f"RULE_{place % 40}",
            fired=fired,
            status="Resolved",
            acknowledged_at=fired + MINUTE,
            severity=("LOW", "MEDIUM", "HIGH", "CRITICAL")[place % 4],
            labels={"queue": str(place)},
            texts='{"title": {"en": "A title"}, "message": {"en": "' + "text " * 60 + '"}}',
        )
        for place, fired in enumerate(moments)
    ]
    sent = [
        outbox_row(str(place), alert=place + 1, state="sent", created=fired, sent_at=fired + 3 * MINUTE)
        for place, fired in enumerate(moments)
    ]
    with sqlite_store.write() as conn:
        put_many(conn, rows)
        put_outbox(conn, *sent)
    found = ask(sqlite_store)
    assert found["total"] == 10_000
    assert rule(found, "RULE_0")["median_seconds_to_acknowledge"] == 60

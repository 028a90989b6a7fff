"""Messages for the tests of channels: one alert, many, a trial, a report."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from baken.alerts.message import Chart, Item, Message

NOW = datetime(2026, 11, 27, 13, 3, tzinfo=UTC)
START = 1_795_780_000_000

COURSE = Chart(
    at=tuple(START + minute * 60_000 for minute in range(0, 300, 2)),
    value=tuple(float(minute // 15) for minute in range(0, 300, 2)),
    limit=10.0,
    unit="errors",
    caption="Errors within an hour",
    fired=START + 170 * 60_000,
)


def item(**changes: Any) -> Item:
    """A critical alert that fired just now."""
    made = Item(
        number=123,
        rule="HIGH_ERROR_RATE",
        event="fired",
        title="12 errors within an hour",
        message="The Error Log grew by 12 rows; usually it is 2.",
        advice="Open the pattern & look at its <first> example.",
        change="Fired at 27 Nov 14:03: 12, the limit is 10.",
        severity="CRITICAL",
        status="Active",
        site="leden.example.org",
        where="queue long",
        value="12",
        limit="10",
        at=NOW,
        began=NOW - timedelta(minutes=42),
        occurrences=3,
        url="https://baken.example.org/alerts/123",
        acknowledge_url="https://baken.example.org/acknowledge?t=abc&n=1",
        runbook="https://baken.example.org/manual#errors",
        chart=COURSE,
        labels={"queue": "long"},
    )
    return replace(made, **changes)


def over(**changes: Any) -> Item:
    """The same alert when it is over."""
    given = {"event": "resolved", "status": "Resolved", "change": "Over after 34 min.", "acknowledge_url": ""}
    return item(**{**given, **changes})


def message(*items: Item, **changes: Any) -> Message:
    """News of alerts; of one critical alert when none are given."""
    made = Message(
        id="m-1",
        kind="alert",
        language="en",
        zone="Europe/Amsterdam",
        site="leden.example.org",
        subject="[CRITICAL] 12 errors within an hour · leden.example.org",
        lead="",
        severity="CRITICAL",
        items=items or (item(),),
        at=NOW,
        url="https://baken.example.org/alerts",
        reply="You get this as admin.",
    )
    return replace(made, **changes)


def trial() -> Message:
    """A test message without alerts."""
    return replace(message(), kind="test", items=(), severity="LOW", subject="[Baken] Test")


def report(language: str = "en") -> Message:
    """A weekly report."""
    content = {
        "period": "weekly",
        "site": "leden.example.org",
        "from": "2026-11-19T23:00:00Z",
        "to": "2026-11-26T23:00:00Z",
        "health": {"status": "warning", "sentences": ["The disk /srv is 88 % full, the limit is 90 %."]},
        "attention": [
            {"severity": "HIGH", "text": "5 collections failed.", "url": "https://baken.example.org/sepa"},
            {"severity": "LOW", "text": "A backup is <missing>.", "url": ""},
        ],
        "sections": [
            {
                "key": "members",
                "title": "Members",
                "rows": [
                    {"label": "Active", "value": "1,248", "change": "+12", "tone": "good", "note": ""},
                    {"label": "Left", "value": "9", "change": "+6", "tone": "bad", "note": "4 of them moved."},
                ],
            }
        ],
        "errors": {
            "total": "312",
            "before": "280",
            "patterns": [{"title": "ValidationError: <n>", "count": "118", "change": "+40", "severity": "HIGH"}],
        },
        "alerts": {
            "opened": "14",
            "resolved": "12",
            "open": "2",
            "list": [
                {
                    "number": 123,
                    "title": "12 errors within an hour",
                    "severity": "CRITICAL",
                    "status": "Active",
                    "since": "27 Nov 14:03",
                    "url": "https://baken.example.org/alerts/123",
                }
            ],
            "median_ack": "6 min",
            "median_resolve": "41 min",
        },
        "absent": [{"what": "Compliance", "why": "nothing was assessed"}],
    }
    return replace(
        message(), kind="report", items=(), severity="LOW", subject="Weekly report", report=content, language=language
    )

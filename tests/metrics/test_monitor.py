"""Figures about Baken itself that alerts go by."""

from typing import Any

import pytest

from baken.metrics import catalogue
from baken.metrics.catalogue import MonitorSubject
from baken.sites.problems import NotAvailable

BARE = MonitorSubject({}, 0.0, None)


def measured(name: str, subject: MonitorSubject) -> list[tuple[Any, ...]]:
    """What a metric yields."""
    entry = catalogue.get(name)
    assert entry is not None
    assert entry.scope == "monitor"
    return list(entry.measure(subject))


def test_each_channel_has_its_time_of_failing() -> None:
    subject = MonitorSubject({}, 0.0, None, channels={"ntfy": 0.0, "mail": 312.5})
    assert measured("monitor_notification_failing_seconds", subject) == [("mail", 312.5), ("ntfy", 0.0)]
    assert measured("monitor_notification_failing_seconds", BARE) == []


def test_what_waits_and_how_late_the_rules_are() -> None:
    subject = MonitorSubject({}, 0.0, None, waiting=3, alert_lag=1.5)
    assert measured("monitor_notifications_waiting", subject) == [(3,)]
    assert measured("monitor_alert_lag_seconds", subject) == [(1.5,)]
    assert measured("monitor_notifications_waiting", MonitorSubject({}, 0.0, None, waiting=0)) == [(0,)]


@pytest.mark.parametrize("name", ["monitor_notifications_waiting", "monitor_alert_lag_seconds"])
def test_what_nobody_can_say_is_no_zero(name: str) -> None:
    with pytest.raises(NotAvailable):
        measured(name, BARE)

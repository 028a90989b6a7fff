"""Error figures are exact and cheap: hours that are over are counted once, and what was deleted is noticed."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baken.collector.cycle import run_site
from baken.metrics import frappe_errors
from baken.sites import reading as reading_module
from baken.sites.problems import NotAvailable
from tests.metrics.conftest import NOW, Subject, changed, measure
from tests.metrics.test_frappe import value

LOCAL = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "_shared", {})


def errors(subject: Subject, now: datetime = NOW) -> dict[str, int]:
    """The metric after as many runs as the first count takes."""
    for _ in range(40):
        with subject.reading(now) as r, contextlib.suppress(NotAvailable):
            return dict(measure("frappe_errors", r))
    raise AssertionError("the first count does not end")


def by_sql(subject: Subject, now: datetime = NOW, column: str = "modified") -> dict[str, int]:
    mark = "`" if subject.site.dialect == "mariadb" else '"'
    local = now.replace(tzinfo=None) + LOCAL
    return {
        window: subject.execute(
            f"SELECT COUNT(*) FROM {mark}tabError Log{mark} WHERE {column} >= '{(local - span).isoformat(' ')}'"
        )[0][0]
        for window, span in frappe_errors._WINDOWS.items()
    }


def add(name: str, modified: datetime) -> str:
    """SQL for a row that Frappe would write at `modified` (naive, on the site)."""
    return (
        "INSERT INTO `tabError Log` (name, creation, modified, method, error, docstatus, idx) "
        f"VALUES ('{name}', '{modified}', '{modified}', 'm', 'e', 0, 0)"
    )


@pytest.mark.parametrize("minutes", [0, 13, 60, 61, 150])
def test_windows_are_exact(any_site: Subject, minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    assert errors(any_site, now) == by_sql(any_site, now)


def test_windows_stay_exact_while_time_goes_on(frappe_subject: Subject) -> None:
    for minutes in range(0, 60 * 30, 97):
        now = NOW - timedelta(days=3) + timedelta(minutes=minutes)
        local = now.replace(tzinfo=None) + LOCAL
        found = errors(frappe_subject, now)
        # Rows that are younger than that moment are in every window: they cannot be told from a clock that is ahead.
        [(younger,)] = frappe_subject.execute(f"SELECT COUNT(*) FROM `tabError Log` WHERE modified >= '{local}'")
        assert found == by_sql(frappe_subject, now)
        assert found["1h"] >= younger


def test_new_rows_are_seen_at_once_and_late_ones_as_well(own_site: Subject) -> None:
    before = errors(own_site)
    local = NOW.replace(tzinfo=None) + LOCAL
    undo = "DELETE FROM `tabError Log` WHERE name LIKE 'test-%'"
    with changed(own_site, add("test-1", local - timedelta(seconds=1)), undo):
        assert errors(own_site) == {window: count + 1 for window, count in before.items()}
        # Committed late, after 61 minutes.
        own_site.execute(add("test-2", local - timedelta(minutes=61)))
        after = errors(own_site)
        assert after == by_sql(own_site)
        assert (after["1h"], after["24h"]) == (before["1h"] + 1, before["24h"] + 2)


def test_what_log_settings_delete_is_gone(own_site: Subject) -> None:
    errors(own_site)
    with changed(
        own_site,
        [
            "CREATE TABLE kept AS SELECT * FROM `tabError Log` WHERE modified < '2026-11-20 10:30:00'",
            "DELETE FROM `tabError Log` WHERE modified < '2026-11-20 10:30:00'",
        ],
        ["INSERT INTO `tabError Log` SELECT * FROM kept", "DROP TABLE kept"],
    ):
        found, expected = errors(own_site), by_sql(own_site)
        # The hour in which the oldest row lies is counted anew in one of the next runs.
        assert expected["7d"] <= found["7d"] <= expected["7d"] + 30
        for _ in range(200):
            found = errors(own_site)
            if found == expected:
                break
        assert found == expected


def test_an_emptied_log_is_zero(own_site: Subject) -> None:
    errors(own_site)
    with changed(
        own_site,
        ["CREATE TABLE kept LIKE `tabError Log`", "RENAME TABLE `tabError Log` TO full, kept TO `tabError Log`"],
        ["RENAME TABLE `tabError Log` TO kept, full TO `tabError Log`", "DROP TABLE kept"],
    ):
        assert errors(own_site) == {"1h": 0, "24h": 0, "7d": 0}
        assert value("frappe_error_log_rows", own_site) == 0


def test_a_window_that_is_not_counted_yet_is_absent(frappe_subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frappe_errors, "_SPEND_FIRST", 0.0)
    run = run_site(frappe_subject.site, {"frappe_errors"}, NOW, 20)
    assert [dict(sample.labels) for sample in run.samples] == [{"window": "1h"}]
    assert "24h are being counted" in run.absences["frappe_errors"]
    assert errors(frappe_subject) == by_sql(frappe_subject)


def test_a_closed_hour_is_not_counted_again_and_again(frappe_subject: Subject) -> None:
    errors(frappe_subject)
    with frappe_subject.reading(NOW + timedelta(minutes=1)) as r:
        measure("frappe_errors", r)
        assert r.queries <= 4


def test_without_its_index_the_log_is_left_in_peace(own_site: Subject) -> None:
    with (
        changed(
            own_site,
            "ALTER TABLE `tabError Log` DROP INDEX modified",
            "ALTER TABLE `tabError Log` ADD INDEX modified (modified)",
        ),
        pytest.raises(NotAvailable, match="index"),
    ):
        value("frappe_errors", own_site)


def test_where_only_creation_has_an_index_errors_are_counted_by_it(own_site: Subject) -> None:
    with changed(
        own_site,
        "ALTER TABLE `tabError Log` DROP INDEX modified, ADD INDEX creation (creation)",
        "ALTER TABLE `tabError Log` DROP INDEX creation, ADD INDEX modified (modified)",
    ):
        own_site.site.layouts.forget()
        for minutes in (0, 61):
            now = NOW + timedelta(minutes=minutes)
            assert errors(own_site, now) == by_sql(own_site, now, "creation")


def test_size_is_the_databases_own_figure(any_site: Subject) -> None:
    assert value("frappe_error_log_rows", any_site) == pytest.approx(5116, rel=0.2)
    with contextlib.suppress(NotAvailable):
        size: Any = value("frappe_error_log_bytes", any_site)
        assert size > 5_000_000


def test_the_hour_that_comes_twice_is_counted_once(own_site: Subject) -> None:
    # On 25 October 2026 the clock goes back from 03:00 to 02:00 (01:00 UTC).
    rows = {
        "test-first": datetime(2026, 10, 25, 2, 30),  # 00:30 UTC, or 01:30 UTC
        "test-second": datetime(2026, 10, 25, 2, 45),
        "test-after": datetime(2026, 10, 25, 3, 5),  # 02:05 UTC
    }
    undo = [
        "DELETE FROM `tabError Log` WHERE name LIKE 'test-%'",
        "RENAME TABLE `tabError Log` TO k, f TO `tabError Log`",
    ]
    with changed(
        own_site,
        [
            "CREATE TABLE k LIKE `tabError Log`",
            "RENAME TABLE `tabError Log` TO f, k TO `tabError Log`",
            *(add(name, moment) for name, moment in rows.items()),
        ],
        [*undo, "DROP TABLE k"],
    ):
        for hours in range(1, 30):
            found = errors(own_site, datetime(2026, 10, 25, 2, 10, tzinfo=UTC) + timedelta(hours=hours))
            expected = 3 if hours < 22 else found["24h"]
            assert found["24h"] == expected, hours
            assert found["7d"] == 3
        assert found["24h"] == 0

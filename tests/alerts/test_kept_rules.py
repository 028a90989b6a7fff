"""Rules as people change them on the page: for one site, told with the field, and without touching any other site."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from baken import clock
from baken.alerts import kept_recipients, kept_rules, rulebook, trial_alert
from baken.alerts.watch import AlertWatch
from baken.history import kept
from baken.history.store import Store
from baken.history.tables import alert_events, alerts
from baken.privacy import installation_key
from bench.mailbox import MailServer, text_of
from tests.alerts.rig import SITE, START, Rig, make_rig
from tests.alerts.test_watch import measure, settings_of, until

OTHER = "ander.example"
LONG = {"queue": "long"}
OWN = {
    "metric": "frappe_queue_length",
    "above": 5,
    "severity": "LOW",
    "area": "performance",
    "title": "Own: {value}",
    "message": "More than {limit}.",
}


def change(rig: Rig, site: str, name: str, values: dict[str, Any] | None) -> None:
    """Set a rule on the page (None: put it back), and let the engine go by it."""
    with rig.store.write() as conn:
        if values is None:
            kept.drop(conn, "rule", site, name, by="els", now=START)
        else:
            kept.put(conn, "rule", site, name, {"values": values}, by="els", now=START)
    with rig.store.read() as conn:
        made = kept_rules.books(conn, rig.filed, rig.settings.alerts)  # type: ignore[attr-defined]
    assert not made.problems
    rig.engine.use(made.everywhere, made.of_sites)


@pytest.fixture
def rig(sqlite_store: Store, tmp_path: Path) -> Iterator[Rig]:
    yield _rig(sqlite_store, tmp_path)


def _rig(store: Store, folder: Path) -> Rig:
    made = make_rig(store, folder)
    book = rulebook.read(folder / "rules.toml", ["beheer"], defaults=folder / "none.toml")
    made.__dict__["filed"] = book
    return made


def texts_of(rig: Rig, number: int) -> list[tuple[str, str]]:
    with rig.store.read() as conn:
        query = select(alert_events.c.kind, alert_events.c.text).where(alert_events.c.alert == number)
        return [(kind, text) for kind, text in conn.execute(query.order_by(alert_events.c.id))]


def test_a_limit_that_was_changed_for_a_site_holds_there_alone(rig: Rig) -> None:
    change(rig, SITE, "QUEUE", {"above": 100})
    assert rig.figure("frappe_queue_length", 50, LONG) == 0
    assert rig.figure("frappe_queue_length", 50, LONG, site=OTHER) == 1
    assert rig.figure("frappe_queue_length", 101, LONG) == 1
    change(rig, SITE, "QUEUE", None)
    rig.figure("frappe_queue_length", 50, LONG)
    assert {row.site for row in rig.open()} == {SITE, OTHER}


def test_an_open_alert_of_a_rule_that_is_switched_off_ends_with_a_note(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 50, LONG)
    rig.figure("frappe_queue_length", 50, LONG, site=OTHER)
    change(rig, SITE, "QUEUE", {"enabled": False})
    rig.engine.evaluate(SITE)
    rig.engine.evaluate(OTHER)
    (left,) = rig.open()
    assert left.site == OTHER
    ended = next(row for row in rig.rows() if row.site == SITE)
    assert texts_of(rig, ended.number)[-1] == ("resolved", "its rule was switched off")
    # Switched on again it fires again.
    change(rig, SITE, "QUEUE", None)
    rig.engine.evaluate(SITE)
    assert len(rig.open()) == 2


def test_an_open_alert_goes_by_the_new_limit(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 50, LONG)
    change(rig, SITE, "QUEUE", {"above": 40})
    rig.advance(120)
    rig.figure("frappe_queue_length", 60, LONG)
    (row,) = rig.open()
    assert '"limit": 40.0' in row.details
    assert "Limit 40" in row.texts
    change(rig, SITE, "QUEUE", {"above": 70})
    rig.engine.evaluate(SITE)
    assert not rig.open()


def test_for_and_severity_are_the_sites_own(rig: Rig) -> None:
    change(rig, SITE, "QUEUE", {"for": "5m", "severity": "LOW"})
    rig.figure("frappe_queue_length", 50, LONG)
    assert not rig.open()
    rig.advance(301)
    rig.figure("frappe_queue_length", 50, LONG)
    (row,) = rig.open()
    assert row.severity == "LOW"


def test_a_rule_of_ones_own_fires_on_its_site_and_ends_when_it_is_deleted(rig: Rig) -> None:
    change(rig, SITE, "OWN_QUEUE", OWN)
    rig.figure("frappe_queue_length", 6, LONG)
    rig.figure("frappe_queue_length", 6, LONG, site=OTHER)
    (row,) = rig.open()
    assert (row.rule, row.site) == ("OWN_QUEUE", SITE)
    change(rig, SITE, "OWN_QUEUE", None)
    rig.engine.evaluate(SITE)
    assert texts_of(rig, row.number)[-1] == ("resolved", "its rule is there no more")


def test_what_is_remembered_survives_a_change_of_rules(rig: Rig) -> None:
    rig.figure("database_response_seconds", 3)
    rig.advance(200)
    change(rig, OTHER, "QUEUE", {"above": 1})
    rig.advance(101)
    rig.figure("database_response_seconds", 3)
    # Five minutes after it began, though the rules of another site changed in between.
    assert [row.rule for row in rig.open()] == ["SLOW_DATABASE"]


STEP = st.tuples(
    st.sampled_from([{"above": 5}, {"above": 500}, {"enabled": False}, {"severity": "LOW"}, {"for": "1h"}, None]),
    st.sampled_from([0.0, 15.0, 30.0, 90.0]),
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=8))
def test_no_change_of_one_site_touches_another(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[dict[str, Any] | None, float]]
) -> None:
    from baken.history.store import open_store

    def course(changes: bool) -> list[tuple[str, str, str, int]]:
        folder = tmp_path_factory.mktemp("untouched")
        store = open_store(f"sqlite:///{folder}/store.db")
        store.migrate()
        made = _rig(store, folder)
        for values, figure in steps:
            if changes:
                change(made, SITE, "QUEUE", values)
                made.engine.evaluate(SITE)
            made.figure("frappe_queue_length", figure, LONG, site=OTHER)
            made.figure("frappe_queue_length", figure, LONG)
            made.advance(60)
        found = [(row.rule, row.severity, row.status, row.occurrences) for row in made.rows() if row.site == OTHER]
        store.close()
        return found

    assert course(changes=True) == course(changes=False)


def test_what_cannot_be_used_is_told_with_its_key_and_changes_nothing() -> None:
    book = rulebook.read(None)

    def wrong(values: dict[str, Any], name: str = "HIGH_ERROR_RATE", own: bool = False) -> dict[str, str]:
        return dict(kept_rules.check(book, name, values, ["beheer"], own=own)[1])

    assert wrong({"above": 20}) == {}
    assert "no length of time" in wrong({"above": 20, "for": "soon"})["for"]
    assert "longer than any" in wrong({"for": "99999999999999d"})["for"]
    assert "known are" in wrong({"severity": "AWFUL"})["severity"]
    assert "no recipient penny" in wrong({"tell": ["penny"]})["tell"]
    assert "cannot be set" in wrong({"metric": "frappe_errors"})["metric"]
    assert "other way" in wrong({"night": {"below": 3}})["night"]
    assert "no metric" in wrong({**OWN, "metric": "nothing"}, "OWN_X", own=True)["metric"]
    assert "values" in wrong({**OWN, "title": "{values}"}, "OWN_X", own=True)["title"]
    changed, problems = rulebook.with_changes(book, {"HIGH_ERROR_RATE": {"above": "many"}})
    assert changed.rules["HIGH_ERROR_RATE"] == book.rules["HIGH_ERROR_RATE"]
    assert [each.rule for each in problems] == ["HIGH_ERROR_RATE"]


def test_names_of_own_rules_are_free_ones() -> None:
    assert kept_rules.own_name("Te veel taken, 's nachts!", []) == "OWN_TE_VEEL_TAKEN_S_NACHTS"
    assert kept_rules.own_name("…", ["OWN_RULE"]) == "OWN_RULE_2"
    assert rulebook._NAME.fullmatch(kept_rules.own_name("x" * 200, []))


# The watch as it runs


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.up()
    yield server
    server.down()


def recipient(store: Store, watch_settings: Any, name: str, site: str = SITE) -> None:
    key = installation_key(watch_settings.data_dir)
    body = {"channel": "mail", "to": kept_recipients.seal(key, f"{name}@example.test"), "at_least": "LOW"}
    with store.write() as conn:
        kept.put(conn, "recipient", site, name, body, by="els", now=clock.now())


def test_a_change_takes_effect_within_seconds_and_survives_a_restart(
    sqlite_store: Store, tmp_path: Path, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That all is judged anew every so often is not what it waits for.
    monkeypatch.setattr("baken.alerts.watch._FULL", 3600.0)
    monkeypatch.setattr("baken.alerts.watch._EVERYTHING", 3600.0)
    given = settings_of(tmp_path, mail)
    watch = AlertWatch(given, sqlite_store, "test", lambda: [SITE])
    watch.start()
    try:
        measure(sqlite_store, watch, 90)
        until(lambda: len(mail.taken) == 1)
        with sqlite_store.write() as conn:
            kept.put(conn, "rule", SITE, "QUEUE", {"values": {"enabled": False}}, by="els", now=clock.now())
        until(lambda: _open(sqlite_store) == 0)
    finally:
        watch.stop()
    again = AlertWatch(given, sqlite_store, "test", lambda: [SITE])
    again.start()
    try:
        measure(sqlite_store, again, 95)
        time.sleep(1.5)
        assert _open(sqlite_store) == 0
    finally:
        again.stop()


def _open(store: Store) -> int:
    with store.read() as conn:
        return len(conn.execute(select(alerts).where(alerts.c.open_key.is_not(None))).all())


def test_somebody_who_was_set_on_the_page_is_told_also_of_what_waited_at_a_restart(
    sqlite_store: Store, tmp_path: Path, mail: MailServer
) -> None:
    given = settings_of(tmp_path, mail)
    recipient(sqlite_store, given, "penny")
    watch = AlertWatch(given, sqlite_store, "test", lambda: [SITE])
    watch.start()
    try:
        mail.down()
        measure(sqlite_store, watch, 90)
        until(lambda: _open(sqlite_store) == 1)
        time.sleep(1)
    finally:
        watch.stop()
    mail.up()
    again = AlertWatch(given, sqlite_store, "test", lambda: [SITE])
    again.start()
    try:
        until(lambda: all(any(who in content for _, content in mail.taken) for who in (b"penny@", b"beheer@")))
    finally:
        again.stop()


def test_a_test_message_goes_to_one_recipient_alone(sqlite_store: Store, tmp_path: Path, mail: MailServer) -> None:
    given = settings_of(tmp_path, mail)
    recipient(sqlite_store, given, "penny")
    watch = AlertWatch(given, sqlite_store, "test", lambda: [SITE])
    watch.start()
    try:
        with sqlite_store.write() as conn:
            name = kept_recipients.full_name(SITE, "penny")
            trial_alert.ask(conn, "test", SITE, "els", clock.now(), [name])
        until(lambda: mail.taken)
        time.sleep(1)
    finally:
        watch.stop()
    assert len(mail.taken) == 1
    assert b"penny@example.test" in mail.taken[0][1]
    assert "You get this as penny. " in text_of(mail.taken[0][1])

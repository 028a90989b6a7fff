"""Many alerts, sites, channels and recipients at once: none stands in the way of another one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from baken.alerts import channels, lifecycle, matchers, outbox, ready, silences
from baken.alerts.matchers import BadMatcher
from baken.alerts.message import Undelivered
from baken.alerts.watch import AlertWatch
from baken.history.samples import Cycle, Sample
from baken.history.store import Store, StoreUnavailable
from baken.history.tables import alerts
from baken.history.tables import outbox as outbox_table
from baken.settings import SettingsError, load
from tests.alerts.rig import MAIL, RECIPIENT, SITE, Rig, make_rig

LONG = {"queue": "long"}
QUORUM = """
[MANY_DOWN]
metric = "frappe_site_up"
below = 1
quorum = { share = 0.5, least = 2 }
severity = "CRITICAL"
area = "operations"
title = "many"
message = "many"
reason = "a test"
"""


def test_a_stopped_channel_holds_up_no_other(sqlite_store: Store, tmp_path: Path) -> None:
    """A thousand notifications waited for a broken channel, and the working one sent nothing any more."""
    people = [RECIPIENT, {**RECIPIENT, "name": "bestuur", "channel": "other"}]
    rig = make_rig(sqlite_store, tmp_path, channels=[MAIL, {**MAIL, "name": "other"}], recipients=people)
    with rig.store.write() as conn:
        outbox.went_wrong(conn, "mail", "", "gone", rig.now, disable=True)
        rows = [
            {"key": f"k{number}", "site": SITE, "kind": "alert", "channel": "mail", "recipient": "beheer",
             "severity": "HIGH", "due": 0, "body": "{}"}
            for number in range(1200)
        ]  # fmt: skip
        outbox.put(conn, rows, rig.now)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    rig.deliver()
    assert {each["recipient"] for each in rig.sent()} == {"bestuur"}


def test_whoever_was_not_told_because_of_a_silence_is_told_when_it_ends(sqlite_store: Store, tmp_path: Path) -> None:
    people = [RECIPIENT, {**RECIPIENT, "name": "late", "hours": "20:00-23:00"}]
    rig = make_rig(sqlite_store, tmp_path, recipients=people)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    rig.deliver()
    assert {each["recipient"] for each in rig.sent()} == {"beheer"}
    with rig.store.write() as conn:
        silences.add(
            conn, site=SITE, kind="silence", matchers=LONG, starts=rig.now, ends=rig.now + timedelta(hours=9),
            recurrence=None, comment="", by="els", now=rig.now,
        )  # fmt: skip
    rig.tick()
    rig.advance(8.5 * 3600)
    rig.deliver()
    rig.advance(3600)
    rig.tick()
    rig.deliver_all()
    assert {each["recipient"] for each in rig.sent()} == {"beheer", "late"}
    assert [event for _, event in rig.side.told()].count("fired") == 2


def test_one_that_flapped_is_told_to_be_over_at_last(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    for _ in range(5):
        rig.figure("frappe_queue_length", 25, LONG)
        rig.advance(120)
        rig.figure("frappe_queue_length", 2, LONG)
        rig.advance(120)
        rig.deliver()
    for _ in range(20):
        rig.advance(300)
        rig.figure("frappe_queue_length", 2, LONG)
    rig.deliver_all()
    assert rig.open() == []
    assert rig.side.told()[-1] == (1, "resolved")


def test_a_digest_is_one_message_about_all_sites(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, hourly_cap=2)
    for number in range(30):
        rig.figure("frappe_queue_length", 25, LONG, site=f"s{number}.example")
    rig.advance(2)
    rig.deliver()
    assert len(rig.side.taken) == 2
    rig.advance(3700)
    rig.deliver()
    assert len(rig.side.taken) == 3
    digest = rig.side.taken[-1][2]
    assert (digest.kind, digest.site, len(digest.items)) == ("digest", "", 28)


def test_a_quorum_is_neither_met_nor_missed_by_what_is_not_known(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, rules=QUORUM)
    sites = ["a.example", "b.example", "c.example"]
    for site, up in zip(sites, (0, 0, 1), strict=True):
        rig.figure("frappe_site_up", up, site=site)
    rig.engine.evaluate_across(sites)
    assert len(rig.open()) == 1
    # A new process knows nothing of any site yet.
    rig.restart()
    rig.engine.evaluate_across(sites)
    assert rig.kinds(1) == ["fired"]
    for site in sites:
        rig.figure("frappe_site_up", None, site=site)
    rig.engine.evaluate_across(sites)
    assert len(rig.open()) == 1
    for site in sites:
        rig.figure("frappe_site_up", 1, site=site)
    rig.engine.evaluate_across(sites)
    assert rig.open() == []


def test_a_rule_that_becomes_one_over_many_sites_ends_its_single_alerts(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, rules=QUORUM.replace("quorum = { share = 0.5, least = 2 }\n", ""))
    rig.figure("frappe_site_up", 0)
    assert len(rig.open()) == 1
    other = make_rig(sqlite_store, tmp_path, rules=QUORUM)
    other.now = rig.now
    other.engine.evaluate(SITE)
    assert other.open() == []


def test_a_site_that_is_watched_no_more_leaves_no_alert_behind(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    assert rig.engine.forget(SITE) == 1
    assert rig.open() == []
    assert rig.engine.with_states() == set()


def test_a_site_that_cannot_be_judged_keeps_no_other_from_being_judged(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = ["a.example", "bad.example", "z.example"]
    rig = make_rig(sqlite_store, tmp_path)
    watch = AlertWatch(rig.settings, sqlite_store, "test", lambda: sites)
    watch.engine = rig.engine
    judge = rig.engine.evaluate

    def fails(site: str, *args: Any, **named: Any) -> int:
        if site == "bad.example":
            raise RuntimeError("what nobody foresaw")
        return judge(site, *args, **named)

    monkeypatch.setattr(rig.engine, "evaluate", fails)
    cycles = []
    for site in sites:
        sample = Sample("frappe_queue_length", (("queue", "long"),), 90.0)
        cycles.append(Cycle(site, rig.now, [sample], {}, ["frappe_queue_length"]))
        rig.record(cycles[-1])
    watch.stored(cycles)
    watch._evaluate_news()
    assert {row.site for row in rig.open()} == {"a.example", "z.example"}
    assert "1 sites" in (watch.trouble() or "")


def test_a_write_that_fails_makes_nothing_wait(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = """
[SHRUNK]
kind = "change"
metric = "frappe_backup_bytes"
over = "30d"
as = "percent"
against = "median"
below = -30
severity = "HIGH"
area = "operations"
title = "shrunk"
message = "shrunk"
reason = "a test"
"""
    rig = make_rig(sqlite_store, tmp_path, rules=rules)
    for day in range(20):
        rig.record(Cycle(SITE, rig.now + timedelta(days=day), [Sample("frappe_backup_bytes", (), 1000.0)],
                         {}, ["frappe_backup_bytes"]))  # fmt: skip
    rig.advance(20 * 86400)
    rig.record(Cycle(SITE, rig.now, [Sample("frappe_backup_bytes", (), 100.0)], {}, ["frappe_backup_bytes"]))

    def locked(*_: object) -> None:
        raise StoreUnavailable("locked")

    with monkeypatch.context() as away:
        away.setattr(sqlite_store, "write", locked)
        with pytest.raises(StoreUnavailable):
            rig.engine.evaluate(SITE, {"frappe_backup_bytes"})
    rig.advance(5)
    rig.engine.evaluate(SITE, {"frappe_backup_bytes"})
    assert len(rig.open()) == 1


def test_a_message_that_cannot_be_put_together_takes_no_other_with_it(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.figure("frappe_queue_length", 25, {"queue": "short"})
    with rig.store.write() as conn:
        conn.execute(update(alerts).where(alerts.c.number == 1).values(texts="no JSON"))
    rig.advance(2)
    for _ in range(6):
        with rig.store.read() as conn:
            planned = outbox.plan(conn, rig.settings.alerts, rig.now, {})
        for batch in planned.batches:
            from tests.alerts.rig import patched

            with patched(rig.side):
                rig.sender._work(batch)
        rig.advance(60)
    assert {number for number, _ in rig.side.told("fired")} == {2}


def test_a_store_that_is_busy_after_sending_does_not_repeat_the_message(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    monkeypatch.setattr("baken.alerts.sender._EVERY", 0.01)
    write, tries = sqlite_store.write, []

    def sometimes() -> Any:
        tries.append(1)
        # The first one claims the rows; the next two meet a locked store.
        if len(tries) in (2, 3):
            raise StoreUnavailable("locked")
        return write()

    monkeypatch.setattr(sqlite_store, "write", sometimes)
    rig.deliver()
    assert len(rig.side.taken) == 1
    rig.advance(200)
    rig.deliver()
    assert len(rig.side.taken) == 1


def test_a_silence_that_ends_while_a_message_is_put_together_loses_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    with rig.store.read() as conn:
        (batch,) = outbox.plan(conn, rig.settings.alerts, rig.now, {}).batches
    with rig.store.write() as conn:
        rows = outbox.claim(conn, batch, "rig", rig.now)
    # It was held back when it was read, and is not any more when the row is to be dropped.
    rig.sender._drop_moot(rows)
    rig.deliver()
    assert rig.side.told() == [(1, "fired")]


def test_a_clock_that_was_set_back_by_weeks_still_reminds(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.side.refuses = Undelivered("away")
    rig.advance(2)
    rig.deliver()
    rig.side.refuses = None
    rig.advance(-30 * 86400)
    with rig.store.write() as conn:
        outbox.forget_future(conn, rig.now)
    rig.deliver()
    assert rig.side.told() == [(1, "fired")]
    rig.advance(86400 + 1)
    rig.tick()
    assert "reminder" in rig.kinds(1)


def test_what_the_settings_do_not_have_any_more_does_not_fail_for_ever(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    with rig.store.write() as conn:
        outbox.went_wrong(conn, "gone", "", "away", rig.now, disable=True)
        outbox.went_wrong(conn, "mail", "who left", "away", rig.now, disable=False)
        outbox.went_wrong(conn, "mail", "beheer", "away", rig.now, disable=False)
        outbox.forget_removed(conn, rig.settings.alerts)
        assert set(outbox.failing(conn, rig.now)) == {"mail"}
        assert outbox.disabled(conn) == set()


def test_nobody_who_can_be_told_is_trouble_for_other_monitors(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    watch = AlertWatch(rig.settings, sqlite_store, "test", lambda: [SITE], lambda: rig.now)
    assert watch.trouble() is None
    with rig.store.write() as conn:
        outbox.went_wrong(conn, "mail", "", "away", rig.now, disable=True)
    rig.advance(301)
    assert watch.trouble() == "nobody can be told: no channel works"


@pytest.mark.parametrize("text", ["~([a-z.]+)+!", "~(a*)*", "~(a|b?)+", r"~(a)\1", "~.*a.*b.*c", "~(?=a)b"])
def test_an_expression_that_would_take_for_ever_is_refused(text: str) -> None:
    """A user of one site could stop Baken for all of them."""
    with pytest.raises(BadMatcher):
        matchers.check({"site": text})


@pytest.mark.parametrize("text", ["~HIGH|CRITICAL", "~fail.*", "~(long|short)-[0-9]+", "~q[0-9]{1,3}", "!~x.*"])
def test_expressions_that_people_write_are_taken(text: str) -> None:
    matchers.check({"site": text})


def test_two_recipients_of_one_name_on_one_channel_are_refused(tmp_path: Path) -> None:
    """News of one association went to the address of another one."""
    twice = [{**RECIPIENT, "sites": ["a"]}, {**RECIPIENT, "sites": ["b"], "to": "b@example.test"}]
    settings = load(None, {"data_dir": str(tmp_path), "alerts": {"channels": [MAIL], "recipients": twice}})
    with pytest.raises(channels.ChannelProblem, match="twice on channel mail"):
        channels.check(settings.alerts.channels, settings.alerts.recipients)


def test_mistakes_in_the_settings_are_told_before_anything_starts(tmp_path: Path) -> None:
    given = {
        "channels": [MAIL],
        "recipients": [{**RECIPIENT, "hours": "25:00-26:00", "time_zone": "Europe/Nowhere"}],
        "night": "at night",
        "report_at": "7 o'clock",
        "allow_private": ["home"],
        "public_url": "baken.example.test",
    }
    settings = load(None, {"data_dir": str(tmp_path), "alerts": given})
    with pytest.raises(SettingsError) as told:
        ready.check(settings)
    for part in ("alerts.night", "alerts.report_at", "hours", "time_zone", "alerts.allow_private", "alerts.public_url"):
        assert part in str(told.value)
    assert len(str(told.value).splitlines()) == 6


def test_an_alert_about_a_secret_does_not_hide_that_its_pattern_came_back(rig_with_pattern: Rig) -> None:
    rig = rig_with_pattern
    assert {row.rule for row in rig.open()} == {"REGRESSED"}


@pytest.fixture
def rig_with_pattern(sqlite_store: Store, tmp_path: Path) -> Rig:
    from baken.clock import to_ms
    from baken.history.tables import error_patterns

    rules = """
[REGRESSED]
kind = "pattern"
change = "regressed"
severity = "HIGH"
area = "errors"
title = "back"
message = "back"
reason = "a test"
"""
    rig = make_rig(sqlite_store, tmp_path, rules=rules)
    texts = ("version", "exception", "template", "title", "category", "area", "app", "module", "doctype", "method")
    with rig.store.write() as conn:
        conn.execute(
            error_patterns.insert().values(
                **dict.fromkeys(texts, "x"), site=SITE, id="p1", severity="HIGH", component="web", frames="[]",
                first_seen=to_ms(rig.now - timedelta(days=9)), last_seen=to_ms(rig.now), total=3, bytes=1,
                state="regressed", state_at=to_ms(rig.now), state_by="", note="", why="", example="",
                regressed_at=to_ms(rig.now),
            )
        )  # fmt: skip
        from baken.alerts.trial_alert import trial_opening

        # Any alert that is about a pattern and something else.
        opening = trial_opening("x", SITE, rig.now)
        labels = {"finding": "password", "pattern": "p1"}
        from dataclasses import replace

        number = lifecycle.open_alert(
            lifecycle.Act(conn, rig.settings.alerts, rig.now), replace(opening, labels=labels, key="leak")
        )
    rig.engine.evaluate(SITE, errors=True)
    with rig.store.write() as conn:
        conn.execute(update(alerts).where(alerts.c.number == number).values(status="Resolved", open_key=None))
        assert conn.execute(select(outbox_table.c.id)).all()
    return rig


def test_a_cause_on_all_sites_holds_back_at_once_what_is_open_and_what_fires_later(
    sqlite_store: Store, tmp_path: Path
) -> None:
    rules = QUORUM.replace('message = "many"', 'message = "many"\ninhibits = ["ONE_DOWN"]') + QUORUM.replace(
        "[MANY_DOWN]", "[ONE_DOWN]"
    ).replace("quorum = { share = 0.5, least = 2 }\n", "")
    rig = make_rig(sqlite_store, tmp_path, rules=rules)
    sites = ["a.example", "b.example", "c.example"]
    rig.figure("frappe_site_up", 1, site="c.example")
    for site in sites[:2]:
        rig.figure("frappe_site_up", 0, site=site)
    rig.engine.evaluate_across(sites)
    # No time has passed: nobody looked whether anything held back is out of date.
    assert all(row.suppressed for row in rig.open() if row.rule == "ONE_DOWN")
    rig.figure("frappe_site_up", 0, site="c.example")
    assert [bool(row.suppressed) for row in rig.open() if row.site == "c.example"] == [True]


def test_what_cannot_be_judged_now_is_not_looked_at_each_time(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("database_response_seconds", 3)
    rig.advance(301)
    rig.figure("database_response_seconds", 3)
    rig.figure("database_response_seconds", 0.1)
    assert [site for site, _ in rig.engine.pending] == [SITE]
    rig.figure("database_response_seconds", None)
    assert rig.engine.pending == []


def test_a_figure_is_renewed_also_after_the_clock_was_set_back(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(-3600)
    rig.figure("frappe_queue_length", 30, LONG)
    rig.advance(1)
    rig.engine.evaluate(SITE)
    assert [row.value for row in rig.open()] == [25]
    rig.advance(3700)
    rig.figure("frappe_queue_length", 40, LONG)
    rig.advance(-3600)
    rig.record(Cycle(SITE, rig.now + timedelta(hours=2), [Sample("frappe_queue_length", (("queue", "long"),), 50.0)],
                     {}, ["frappe_queue_length"]))  # fmt: skip
    rig.engine.evaluate(SITE, {"frappe_queue_length"})
    assert [row.value for row in rig.open()] == [50]


def test_a_chart_of_a_sum_is_not_narrowed_by_what_is_left_out(sqlite_store: Store, tmp_path: Path) -> None:
    rules = """
[SUMMED]
metric = "frappe_queue_length"
match = { queue = "!short" }
sum = true
above = 20
severity = "HIGH"
area = "performance"
title = "x"
message = "x"
reason = "a test"
"""
    rig = make_rig(sqlite_store, tmp_path, rules=rules)
    rig.figure("frappe_queue_length", 25, LONG)
    (alert,) = rig.open()
    import json

    assert json.loads(alert.details)["chart"]["labels"] == {}

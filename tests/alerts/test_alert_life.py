"""From a figure to somebody who was told: firing, grouping, holding back, climbing, ending."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baken.alerts import lifecycle, outbox, silences
from baken.alerts.lifecycle import Refused
from baken.alerts.message import Undelivered
from baken.history.samples import Cycle, Sample
from baken.history.store import Store
from tests.alerts.rig import MAIL, RECIPIENT, SITE, Rig, make_rig

LONG = {"queue": "long"}
SHORT = {"queue": "short"}


@pytest.fixture
def rig(sqlite_store: Store, tmp_path: Path) -> Rig:
    return make_rig(sqlite_store, tmp_path)


def test_an_alert_fires_once_and_ends_by_itself(store: Store, tmp_path: Path) -> None:
    """Defect 13: every run made a new alert and a new e-mail."""
    rig = make_rig(store, tmp_path)
    for _ in range(5):
        rig.figure("frappe_queue_length", 25, LONG)
        rig.advance(60)
    (alert,) = rig.open()
    assert (alert.rule, alert.severity, alert.status, alert.site) == ("QUEUE", "HIGH", "Active", SITE)
    rig.deliver()
    assert rig.side.told() == [(alert.number, "fired")]
    rig.figure("frappe_queue_length", 3, LONG)
    assert rig.open() == []
    rig.deliver_all()
    assert rig.side.told() == [(alert.number, "fired"), (alert.number, "resolved")]
    assert rig.kinds(alert.number) == ["fired", "notified", "resolved", "notified"]


def test_between_the_limit_and_recovery_nothing_changes(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 15, LONG)
    assert rig.open() == []
    rig.figure("frappe_queue_length", 25, LONG)
    rig.figure("frappe_queue_length", 15, LONG)
    assert len(rig.open()) == 1
    rig.figure("frappe_queue_length", 9, LONG)
    assert rig.open() == []


def test_each_label_set_has_its_own_alert(rig: Rig) -> None:
    both = [Sample("frappe_queue_length", (("queue", name),), 30) for name in ("long", "short")]
    rig.record(Cycle(SITE, rig.now, both, {}, ["frappe_queue_length"]))
    rig.engine.evaluate(SITE, {"frappe_queue_length"})
    assert len(rig.open()) == 2
    rig.advance(10)
    # The queue `long` is gone altogether: there is nothing left that could be too long.
    rig.figure("frappe_queue_length", 30, SHORT)
    assert [row.labels for row in rig.open()] == ['{"queue":"short"}']


def test_a_condition_has_to_hold_for_its_time(rig: Rig) -> None:
    rig.figure("database_response_seconds", 3)
    rig.advance(240)
    rig.figure("database_response_seconds", 3)
    assert rig.open() == []
    rig.advance(61)
    rig.figure("database_response_seconds", 3)
    assert len(rig.open()) == 1


def test_no_data_is_neither_well_nor_ill(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(60)
    rig.figure("frappe_queue_length", None)
    (alert,) = rig.open()
    assert alert.status == "Active"
    with rig.store.read() as conn:
        from baken.alerts import answers

        (shown,) = answers.listed(conn, [alert], acts_on_host=True)
    assert shown["unknown"]["reason"] == "it could not be measured"
    # What waited to fire begins anew after it could not be seen.
    rig.figure("database_response_seconds", 3)
    rig.advance(200)
    rig.figure("database_response_seconds", None)
    rig.advance(200)
    rig.figure("database_response_seconds", 3)
    assert [row.rule for row in rig.open()] == ["QUEUE"]


def test_what_fires_together_is_told_together_and_the_rest_waits(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    rig.deliver()
    assert len(rig.side.taken) == 1
    for minute in range(4):
        rig.figure("frappe_queue_length", 40, {"queue": f"q{minute}"})
        rig.advance(30)
        rig.deliver()
    assert len(rig.side.taken) == 1
    rig.advance(200)
    rig.deliver()
    assert len(rig.side.taken) == 2
    second = rig.side.taken[1][2]
    assert len(second.items) == 5
    assert rig.waiting() == []


def test_critical_news_does_not_wait_as_long(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    rig.deliver()
    rig.figure("database_up", 0)
    rig.advance(31)
    rig.deliver()
    assert rig.side.taken[-1][2].severity == "CRITICAL"
    assert "database is down" in rig.side.taken[-1][2].subject


def test_a_cause_silences_its_symptoms(rig: Rig) -> None:
    rig.figure("database_up", 0)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.deliver_all()
    assert [event for _, event in rig.side.told()] == ["fired"]
    queue = next(row for row in rig.open() if row.rule == "QUEUE")
    assert queue.suppressed.startswith("inhibited:")
    # When the cause is over and the symptom is still there, it is told.
    rig.figure("database_up", 1)
    rig.deliver_all()
    assert (queue.number, "fired") in rig.side.told()


def test_a_symptom_that_came_first_is_held_back_when_its_cause_is_known(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.figure("database_up", 0)
    rig.advance(2)
    rig.deliver()
    (message,) = [message for _, _, message in rig.side.taken]
    assert [item.rule for item in message.items] == ["DOWN"]
    rig.figure("database_up", 1)
    rig.deliver_all()
    assert [item.rule for _, _, message in rig.side.taken for item in message.items if item.event == "fired"] == [
        "DOWN",
        "QUEUE",
    ]


def test_a_silence_holds_back_and_tells_what_still_holds_when_it_ends(store: Store, tmp_path: Path) -> None:
    rig = make_rig(store, tmp_path)
    with rig.store.write() as conn:
        silences.add(
            conn,
            site=SITE,
            kind="silence",
            matchers={"queue": "long"},
            starts=rig.now,
            ends=rig.now + timedelta(hours=1),
            recurrence=None,
            comment="we know",
            by="els",
            now=rig.now,
        )
    rig.figure("frappe_queue_length", 25, LONG)
    (alert,) = rig.open()
    assert alert.suppressed.startswith("silence:")
    rig.advance(1800)
    rig.tick()
    rig.deliver()
    assert rig.side.taken == []
    rig.advance(1900)
    rig.tick()
    rig.deliver_all()
    assert rig.side.told() == [(alert.number, "fired")]
    assert "unsuppressed" in rig.kinds(alert.number)


def test_it_climbs_until_somebody_takes_it_up(sqlite_store: Store, tmp_path: Path) -> None:
    people = [{**RECIPIENT, "name": f"step{step}", "step": step} for step in (1, 2, 3)]
    rig = make_rig(sqlite_store, tmp_path, recipients=people)
    rig.figure("frappe_queue_length", 25, LONG)
    (alert,) = rig.open()
    seen = []
    for _ in range(30):
        rig.advance(900)
        rig.tick()
        rig.deliver()
        seen.append({each["recipient"] for each in rig.sent()})
    assert seen[2] == {"step1"}
    assert seen[4] == {"step1", "step2"}
    assert seen[-1] == {"step1", "step2", "step3"}
    assert rig.kinds(alert.number).count("escalated") == 2
    assert rig.kinds(alert.number).count("reminder") >= 1
    rig.act(lambda act: lifecycle.acknowledge(act, alert.number))
    before = rig.kinds(alert.number)
    for _ in range(40):
        rig.advance(900)
        rig.tick()
    assert [kind for kind in rig.kinds(alert.number)[len(before) :] if kind == "escalated"] == []


def test_a_critical_alert_climbs_after_fifteen_minutes(sqlite_store: Store, tmp_path: Path) -> None:
    people = [{**RECIPIENT, "name": f"step{step}", "step": step} for step in (1, 2)]
    rig = make_rig(sqlite_store, tmp_path, recipients=people)
    rig.figure("database_up", 0)
    rig.advance(899)
    rig.tick()
    assert "escalated" not in rig.kinds(1)
    rig.advance(2)
    rig.tick()
    assert "escalated" in rig.kinds(1)


def test_two_people_take_it_up_at_once_and_one_is_told_so(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    (alert,) = rig.open()
    rig.act(lambda act: lifecycle.acknowledge(act, alert.number), "els")
    with pytest.raises(Refused, match="acknowledged already, by els"):
        rig.act(lambda act: lifecycle.acknowledge(act, alert.number), "jan")
    rig.act(lambda act: lifecycle.resolve(act, alert.number), "jan")
    with pytest.raises(Refused, match="resolved already, by jan"):
        rig.act(lambda act: lifecycle.resolve(act, alert.number), "els")


def test_what_was_resolved_by_hand_and_still_holds_comes_back_after_a_while(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    (alert,) = rig.open()
    rig.act(lambda act: lifecycle.resolve(act, alert.number))
    for _ in range(10):
        rig.advance(600)
        rig.figure("frappe_queue_length", 25, LONG)
    assert rig.open() == []
    rig.advance(14400)
    rig.figure("frappe_queue_length", 25, LONG)
    assert len(rig.open()) == 1


def test_what_was_resolved_by_hand_and_ended_fires_at_once_when_it_is_back(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.act(lambda act: lifecycle.resolve(act, 1))
    rig.figure("frappe_queue_length", 2, LONG)
    rig.advance(3600)
    rig.figure("frappe_queue_length", 25, LONG)
    assert [row.number for row in rig.open()] == [2]


def test_one_that_comes_back_soon_is_the_same_alert(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.figure("frappe_queue_length", 2, LONG)
    rig.advance(600)
    rig.figure("frappe_queue_length", 25, LONG)
    (alert,) = rig.rows()
    assert (alert.occurrences, alert.status) == (2, "Active")
    rig.figure("frappe_queue_length", 2, LONG)
    rig.advance(2000)
    rig.figure("frappe_queue_length", 25, LONG)
    assert len(rig.rows()) == 2


def test_one_that_flaps_is_told_of_once(rig: Rig) -> None:
    """60 e-mails in four hours, Grafana's users complain."""
    for _ in range(40):
        rig.figure("frappe_queue_length", 25, LONG)
        rig.advance(60)
        rig.deliver()
        rig.figure("frappe_queue_length", 2, LONG)
        rig.advance(60)
        rig.deliver()
    (alert,) = rig.rows()
    assert alert.flapping
    assert len(rig.side.taken) <= 6
    assert (alert.number, "flapping") in rig.side.told()
    rig.advance(3700)
    for _ in range(4):
        rig.figure("frappe_queue_length", 2, LONG)
        rig.advance(900)
    assert rig.open() == []


def test_beyond_the_cap_messages_wait_for_a_digest(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, hourly_cap=3, group_interval=0, reopen_within=0, flapping=99)
    for number in range(12):
        rig.figure("frappe_queue_length", 25, {"queue": f"q{number}"})
        rig.advance(60)
        rig.deliver()
    assert len(rig.side.taken) == 3
    assert all(row.held == "cap" for row in rig.waiting())
    rig.advance(3600)
    rig.deliver()
    digest = rig.side.taken[-1][2]
    assert digest.kind == "digest"
    assert len(digest.items) > 5
    assert rig.waiting() == []


def test_outside_their_hours_people_hear_of_what_is_critical_only(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=[{**RECIPIENT, "hours": "08:00-12:00"}])
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    rig.deliver()
    assert rig.side.taken == []
    rig.figure("database_up", 0)
    rig.advance(2)
    rig.deliver()
    assert rig.side.taken[0][2].severity == "CRITICAL"
    rig.figure("database_up", 1)
    rig.advance(20 * 3600)
    rig.deliver()
    assert rig.waiting() == []


def test_a_refused_message_is_tried_again_and_nothing_is_lost(store: Store, tmp_path: Path) -> None:
    rig = make_rig(store, tmp_path)
    rig.side.refuses = Undelivered("the server is away")
    rig.figure("frappe_queue_length", 25, LONG)
    for _ in range(5):
        rig.advance(60)
        rig.deliver()
    assert rig.side.taken == []
    rig.side.refuses = None
    rig.deliver_all()
    assert rig.side.told() == [(rig.rows()[0].number, "fired")]
    # The trail tells the problem once, however often it was tried.
    assert rig.kinds(rig.rows()[0].number).count("notification_failed") == 1


def test_a_channel_that_refuses_for_good_is_stopped_loudly(sqlite_store: Store, tmp_path: Path) -> None:
    two = [MAIL, {**MAIL, "name": "other"}]
    people = [RECIPIENT, {**RECIPIENT, "name": "bestuur", "channel": "other"}]
    rig = make_rig(sqlite_store, tmp_path, channels=two, recipients=people)
    rig.side.broken["mail"] = Undelivered("the password is refused", permanent=True)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    rig.deliver()
    with rig.store.read() as conn:
        assert outbox.disabled(conn) == {("mail", "")}
        assert set(outbox.failing(conn, rig.now)) == {"mail"}
    rig.advance(7200)
    rig.deliver()
    assert len(rig.waiting()) == 1
    rig.side.broken.clear()
    with rig.store.write() as conn:
        outbox.enable(conn, "mail", rig.now)
    rig.deliver()
    assert rig.waiting() == []
    assert {each["recipient"] for each in rig.sent()} == {"beheer", "bestuur"}


def test_a_failing_channel_is_told_of_over_the_others(sqlite_store: Store, tmp_path: Path) -> None:
    rules = """
[CHANNEL_FAILING]
metric = "monitor_notification_failing_seconds"
above = 300
severity = "HIGH"
area = "monitor"
title = "Messages over {channel} do not arrive"
message = "For {value}."
reason = "a test"
"""
    two = [MAIL, {**MAIL, "name": "other"}]
    people = [RECIPIENT, {**RECIPIENT, "name": "bestuur", "channel": "other"}]
    rig = make_rig(sqlite_store, tmp_path, rules=rules, channels=two, recipients=people)
    rig.figure("monitor_notification_failing_seconds", 400, {"channel": "mail"}, site="")
    rig.deliver_all()
    assert rig.sent() == [{"channel": "other", "recipient": "bestuur", "event": "fired"}]


def test_after_a_restart_nothing_is_forgotten_and_nothing_told_twice(store: Store, tmp_path: Path) -> None:
    rig = make_rig(store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.figure("database_response_seconds", 3)
    rig.advance(200)
    rig.restart()
    rig.engine.evaluate(SITE)
    rig.deliver_all()
    assert rig.side.told() == [(rig.rows()[0].number, "fired")]
    rig.advance(101)
    rig.figure("database_response_seconds", 3)
    assert {row.rule for row in rig.open()} == {"QUEUE", "SLOW_DATABASE"}


def test_a_process_that_died_while_sending_loses_nothing(store: Store, tmp_path: Path) -> None:
    rig = make_rig(store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    with rig.store.write() as conn:
        (batch,) = outbox.plan(conn, rig.settings.alerts, rig.now, {}).batches
        outbox.claim(conn, batch, "a process that died", rig.now)
    rig.deliver()
    assert rig.side.taken == []
    rig.advance(121)
    rig.deliver()
    assert rig.side.told() == [(rig.rows()[0].number, "fired")]


def test_two_senders_do_not_send_the_same(store: Store, tmp_path: Path) -> None:
    rig = make_rig(store, tmp_path)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    with rig.store.read() as conn:
        (batch,) = outbox.plan(conn, rig.settings.alerts, rig.now, {}).batches
    with rig.store.write() as conn:
        assert len(outbox.claim(conn, batch, "one", rig.now)) == 1
    with rig.store.write() as conn:
        assert outbox.claim(conn, batch, "other", rig.now) == []


def test_a_rule_that_is_gone_takes_its_alert_with_it(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.engine.rules = {name: rule for name, rule in rig.engine.rules.items() if name != "QUEUE"}
    rig.restart()
    rig.engine.evaluate(SITE)
    assert rig.open() == []


def test_a_clock_that_was_set_back_makes_nobody_wait(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.advance(2)
    rig.deliver()
    rig.figure("frappe_queue_length", 2, LONG)
    rig.advance(-7200)
    with rig.store.write() as conn:
        outbox.forget_future(conn, rig.now)
    rig.deliver()
    assert rig.side.told()[-1] == (1, "resolved")


def test_a_quorum_of_sites_makes_one_alert(sqlite_store: Store, tmp_path: Path) -> None:
    rules = """
[MANY_DOWN]
metric = "frappe_site_up"
below = 1
quorum = { share = 0.4, least = 3 }
severity = "CRITICAL"
area = "operations"
title = "{count} of {total} sites are down"
message = "{sites}"
inhibits = ["ONE_DOWN"]
reason = "a test"

[ONE_DOWN]
metric = "frappe_site_up"
below = 1
severity = "HIGH"
area = "operations"
title = "{site} is down"
message = "It does not answer."
reason = "a test"
"""
    rig = make_rig(sqlite_store, tmp_path, rules=rules)
    sites = [f"site{number}.example" for number in range(8)]
    for site in sites:
        rig.figure("frappe_site_up", 1, site=site)
    for down in range(4):
        rig.figure("frappe_site_up", 0, site=sites[down])
        rig.engine.evaluate_across(sites)
        expected = 1 if down >= 3 else 0
        assert len([row for row in rig.open() if row.rule == "MANY_DOWN"]) == expected
    rig.tick()
    single = [row for row in rig.open() if row.rule == "ONE_DOWN"]
    assert len(single) == 4
    assert all(row.suppressed.startswith("inhibited:") for row in single)
    for number in range(2):
        rig.figure("frappe_site_up", 1, site=sites[number])
    rig.engine.evaluate_across(sites)
    assert not [row for row in rig.open() if row.rule == "MANY_DOWN"]


def test_nobody_is_told_that_need_not_be(sqlite_store: Store, tmp_path: Path) -> None:
    people: list[dict[str, Any]] = [
        {**RECIPIENT, "name": "sepa", "areas": ["sepa"]},
        {**RECIPIENT, "name": "critical", "at_least": "CRITICAL"},
        {**RECIPIENT, "name": "elsewhere", "sites": ["other.example"]},
        {**RECIPIENT, "name": "queues", "rules": ["QUEUE"]},
    ]
    rig = make_rig(sqlite_store, tmp_path, recipients=people)
    rig.figure("frappe_queue_length", 25, LONG)
    rig.deliver_all()
    assert {each["recipient"] for each in rig.sent()} == {"queues"}


def test_addresses_do_not_enter_the_store(rig: Rig) -> None:
    rig.figure("frappe_queue_length", 25, LONG)
    rig.deliver_all()
    rig.store.engine.dispose()
    data = b"".join(path.read_bytes() for path in Path(rig.store.name).parent.glob("store.db*"))
    assert b"beheer@example.test" not in data
    assert b"beheer" in data


def test_a_cause_explains_only_what_it_is_about(sqlite_store: Store, tmp_path: Path) -> None:
    """A full disk says nothing about another disk that fills up."""
    rules = """
[FULL]
metric = "host_disk_used_ratio"
above = 0.97
severity = "CRITICAL"
area = "operations"
title = "full"
message = "full"
inhibits = ["FILLING"]
reason = "a test"

[FILLING]
metric = "host_disk_used_ratio"
above = 0.9
severity = "HIGH"
area = "operations"
title = "filling"
message = "filling"
reason = "a test"
"""
    rig = make_rig(sqlite_store, tmp_path, rules=rules)
    disks = [Sample("host_disk_used_ratio", (("mount", name),), value) for name, value in (("/", 0.99), ("/srv", 0.92))]
    rig.record(Cycle("", rig.now, disks, {}, ["host_disk_used_ratio"]))
    rig.engine.evaluate("", {"host_disk_used_ratio"})
    held = {(row.rule, row.labels): bool(row.suppressed) for row in rig.open()}
    assert held == {
        ("FULL", '{"mount":"/"}'): False,
        ("FILLING", '{"mount":"/"}'): True,
        ("FILLING", '{"mount":"/srv"}'): False,
    }

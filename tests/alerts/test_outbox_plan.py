"""What the outbox sends next, to whom, and what has to wait: hours, pace, cap, digests, stopped channels."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baken.alerts import lifecycle, outbox
from baken.alerts.trial_alert import trial_opening
from baken.clock import to_ms
from baken.history.store import Store
from tests.alerts.filled import outbox_row, put_outbox
from tests.alerts.posted import (
    HOUR,
    LONG,
    MINUTE,
    QUEUE,
    SECOND,
    STEPS,
    found,
    plan,
    planned,
    put,
    two_channels,
    write,
)
from tests.alerts.rig import RECIPIENT, SITE, Rig, make_rig


@pytest.fixture
def rig(sqlite_store: Store, tmp_path: Path) -> Rig:
    return two_channels(sqlite_store, tmp_path)


def test_a_trial_goes_to_everybody_at_once(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=STEPS)
    rig.act(lambda act: lifecycle.open_alert(act, trial_opening("one", SITE, rig.now)), "")
    rows = rig.waiting()
    assert {row.recipient for row in rows} == {"step1", "step2"}
    assert {row.kind for row in rows} == {"test"}
    assert {row.due for row in rows} == {to_ms(rig.now)}


def test_news_waits_a_moment_for_more(rig: Rig) -> None:
    rig.figure(QUEUE, 25, LONG)
    assert planned(rig) == []
    rig.advance(1)
    assert planned(rig)


def test_an_end_is_told_to_those_who_heard_of_the_beginning(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=STEPS)
    rig.figure(QUEUE, 25, LONG)
    with rig.store.write() as conn:
        put_outbox(conn, outbox_row("dropped", alert=1, recipient="step2", state="dropped"))
    rig.figure(QUEUE, 2, LONG)
    told = [row.recipient for row in rig.waiting() if json.loads(row.body)["event"] == "resolved"]
    assert told == ["step1"]


# What goes now


def test_each_site_recipient_and_channel_has_a_message_of_its_own(rig: Rig) -> None:
    first = put(rig, "a")
    put(rig, "b", site="other.example")
    put(rig, "c", recipient="els")
    other = put(rig, "d", channel="other")
    second = put(rig, "e")
    assert sorted(planned(rig)) == [(first, second), (other,)]


def test_what_is_due_soon_goes_along_but_only_what_belongs_to_it(rig: Rig) -> None:
    later = rig.now + MINUTE
    now = put(rig, "now")
    soon = put(rig, "soon", due=later)
    put(rig, "site", due=later, site="other.example")
    put(rig, "recipient", due=later, recipient="els")
    put(rig, "channel", due=later, channel="other")
    put(rig, "report", due=later, kind="report")
    put(rig, "failed", due=later, attempts=1)
    put(rig, "leased", due=later, leased_until=rig.now + HOUR)
    assert planned(rig) == [(now, soon)]


def test_what_is_not_due_or_somebody_elses_is_left_alone(rig: Rig) -> None:
    put(rig, "later", due=rig.now + SECOND)
    put(rig, "leased", leased_until=rig.now + SECOND, holder="other")
    put(rig, "sent", state="sent")
    assert planned(rig) == []
    rig.advance(2)
    assert planned(rig) == [(1, 2)]


def test_each_report_is_a_message_and_knows_no_hours(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=[{**RECIPIENT, "hours": "08:00-09:00"}], hourly_cap=1)
    put(rig, "sent", state="sent", sent_at=rig.now, message="m")
    first, second = put(rig, "a", kind="report"), put(rig, "b", kind="report")
    assert planned(rig) == [(first,)]
    write(rig, outbox.drop, [first], "x")
    assert planned(rig) == [(second,)]


def test_the_worst_goes_first(rig: Rig) -> None:
    put(rig, "a", severity="LOW", recipient="els")
    grave = put(rig, "b", severity="LOW")
    worst = put(rig, "c", severity="CRITICAL")
    other = put(rig, "d", severity="HIGH", channel="other")
    batches = plan(rig).batches
    assert [(batch.rows, batch.severity) for batch in batches] == [((grave, worst), "CRITICAL"), ((other,), "HIGH")]


def test_the_channel_with_the_worst_news_goes_first(rig: Rig) -> None:
    low, worst = put(rig, "a", severity="LOW"), put(rig, "b", severity="CRITICAL", channel="other")
    assert planned(rig) == [(worst,), (low,)]


def test_what_baken_could_not_send_is_tried_alone(rig: Rig) -> None:
    first, second = (put(rig, key, problem=f"{outbox.FAULT}: KeyError", attempts=1) for key in "ab")
    assert planned(rig) == [(first,)]
    write(rig, outbox.drop, [first], "x")
    assert planned(rig) == [(second,)]


def test_what_was_held_back_may_go_along_with_what_was_not(rig: Rig) -> None:
    now, held = put(rig, "a"), put(rig, "b", held="cap", due=rig.now + HOUR)
    (batch,) = plan(rig).batches
    assert (batch.rows, batch.held) == ((now, held), False)


def test_what_is_stopped_stops_no_other(rig: Rig) -> None:
    mine, els, other = put(rig, "a"), put(rig, "b", recipient="els"), put(rig, "c", channel="other")
    write(rig, outbox.went_wrong, "mail", "beheer", "no such address", rig.now, disable=True)
    assert sorted(planned(rig)) == [(els,), (other,)]
    write(rig, outbox.went_wrong, "mail", "", "the password is refused", rig.now, disable=True)
    assert planned(rig) == [(other,)]
    # One more failure does not make it work again.
    write(rig, outbox.went_wrong, "mail", "", "no answer", rig.now, disable=False)
    assert planned(rig) == [(other,)]
    assert write(rig, outbox.enable, "other", rig.now) == 0
    assert planned(rig) == [(other,)]
    assert write(rig, outbox.enable, "mail", rig.now) == 2
    assert sorted(planned(rig)) == [(mine,), (other,)]


def test_hours_are_those_of_the_recipients_clock(sqlite_store: Store, tmp_path: Path) -> None:
    people = [
        {**RECIPIENT, "hours": "14:00-20:00"},
        {**RECIPIENT, "name": "tokyo", "hours": "14:00-20:00", "time_zone": "Asia/Tokyo"},
    ]
    rig = make_rig(sqlite_store, tmp_path, recipients=people)
    here, there = put(rig, "a"), put(rig, "b", recipient="tokyo")
    # 12:00 UTC is 13:00 in Amsterdam and 21:00 in Tokyo.
    assert plan(rig).put_off == {
        here: (to_ms(rig.now + HOUR), "hours"),
        there: (to_ms(rig.now + 17 * HOUR), "hours"),
    }
    rig.advance(3600)
    assert planned(rig) == [(here,)]
    grave = put(rig, "c", recipient="tokyo", severity="CRITICAL")
    assert (there, grave) in planned(rig)


def test_the_pace_of_a_group(rig: Rig) -> None:
    last = rig.now - 100 * SECOND
    put(rig, "sent", state="sent", sent_at=last, message="m")
    number = put(rig, "a", severity="HIGH")
    assert plan(rig).put_off == {number: (to_ms(last + 300 * SECOND), "")}
    rig.advance(200)
    assert planned(rig) == [(number,)]


@pytest.mark.parametrize(
    "given",
    [
        {"severity": "CRITICAL"},
        {"body": json.dumps({"event": "escalated"})},
        {"held": "cap"},
        {"recipient": "els"},
        {"channel": "other"},
        {"site": "other.example"},
    ],
    ids=str,
)
def test_what_the_pace_of_a_group_does_not_hold_up(rig: Rig, given: dict[str, Any]) -> None:
    put(rig, "sent", state="sent", sent_at=rig.now - 100 * SECOND, message="m")
    number = put(rig, "a", **given)
    assert planned(rig) == [(number,)]


@pytest.mark.parametrize("given", [{"kind": "report"}, {"kind": "test"}, {"sent_at": timedelta(hours=2)}], ids=str)
def test_reports_trials_and_a_clock_that_was_ahead_set_no_pace(rig: Rig, given: dict[str, Any]) -> None:
    at = rig.now + given.pop("sent_at", -10 * SECOND)
    put(rig, "sent", state="sent", sent_at=at, message="m", **given)
    number = put(rig, "a")
    assert planned(rig) == [(number,)]


def _sent(rig: Rig, *minutes: float, **given: Any) -> None:
    for place, ago in enumerate(minutes):
        key = f"{ago}-{place}-{given}"
        put(rig, key, state="sent", sent_at=rig.now - ago * MINUTE, **({"message": key, "site": "x"} | given))


@pytest.fixture
def capped(sqlite_store: Store, tmp_path: Path) -> Rig:
    return two_channels(sqlite_store, tmp_path, hourly_cap=3)


def test_beyond_the_cap_it_waits_until_an_hour_after_the_first(capped: Rig) -> None:
    _sent(capped, 50, 30, 10)
    number = put(capped, "a")
    assert plan(capped).put_off == {number: (to_ms(capped.now + 10 * MINUTE), "cap")}


@pytest.mark.parametrize(
    "given",
    [
        {"minutes": (50, 30)},
        {"minutes": (61, 30, 10)},
        {"minutes": (-30, 30, 10)},
        {"minutes": (50, 30, 10), "kind": "report"},
        {"minutes": (50, 30, 10), "recipient": "els"},
        {"minutes": (50, 30, 10), "channel": "other"},
        {"minutes": (50, 30, 10), "message": "one of many rows"},
    ],
    ids=str,
)
def test_what_the_cap_does_not_count(capped: Rig, given: dict[str, Any]) -> None:
    _sent(capped, *given.pop("minutes"), **given)
    number = put(capped, "a")
    assert planned(capped) == [(number,)]


def test_what_is_critical_may_go_ten_times_more(capped: Rig) -> None:
    _sent(capped, *range(12))
    number = put(capped, "a", severity="CRITICAL")
    assert planned(capped) == [(number,)]
    _sent(capped, 12)
    assert plan(capped).put_off[number][1] == "cap"


def test_what_was_held_back_makes_one_digest(rig: Rig) -> None:
    held = [put(rig, "a", held="cap"), put(rig, "b", held="hours", site="other.example")]
    put(rig, "c")
    (first,) = plan(rig).batches
    assert (first.rows, first.held) == (tuple(held), True)
    write(rig, outbox.drop, held, "x")
    (second,) = plan(rig).batches
    assert second.held is False


def test_putting_off_keeps_why_it_was_held_and_touches_nothing_that_is_gone(rig: Rig) -> None:
    held, gone = put(rig, "a", held="cap"), put(rig, "b", state="sent")
    write(rig, outbox.put_off, {held: (5, ""), gone: (5, "cap")})
    assert (found(rig, held).due, found(rig, held).held) == (5, "cap")
    assert (found(rig, gone).due, found(rig, gone).held) == (to_ms(rig.now), "")

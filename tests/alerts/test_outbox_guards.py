"""The guards of the outbox and the sender, one by one: whose row it is, how channels are, what is marked and noted."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from baken.alerts import lifecycle, outbox
from baken.alerts.message import Undelivered
from baken.clock import to_ms
from baken.history.store import Store, StoreError
from baken.history.tables import alerts
from baken.history.tables import outbox as table
from tests.alerts.posted import (
    HOUR,
    LONG,
    MINUTE,
    QUEUE,
    claimed,
    found,
    plan,
    planned,
    put,
    states,
    two_channels,
    write,
)
from tests.alerts.rig import RECIPIENT, SITE, Rig, make_rig, patched


@pytest.fixture
def rig(sqlite_store: Store, tmp_path: Path) -> Rig:
    return two_channels(sqlite_store, tmp_path)


# Whose row it is


def test_a_row_is_claimed_once_and_only_while_it_waits(rig: Rig) -> None:
    number, gone = put(rig, "a"), put(rig, "b", state="sent")
    batch = outbox.Batch("mail", "beheer", SITE, "alert", "HIGH", (number, gone))
    (row,) = write(rig, outbox.claim, batch, "one", rig.now)
    assert (row.id, row.holder, row.attempts) == (number, "one", 1)
    rig.advance(119)
    assert write(rig, outbox.claim, batch, "two", rig.now) == []
    rig.advance(1)
    (row,) = write(rig, outbox.claim, batch, "two", rig.now)
    assert (row.holder, row.attempts) == ("two", 2)


def test_who_lost_a_row_does_not_let_it_wait(rig: Rig) -> None:
    number = put(rig, "a")
    row = claimed(rig, number, "slow")
    rig.advance(121)
    claimed(rig, number, "other")
    write(rig, outbox.failed, [row], "slow", "no answer", rig.now)
    assert (found(rig, number).holder, found(rig, number).problem) == ("other", "")


def test_what_went_out_stays_so(rig: Rig) -> None:
    number = put(rig, "a", problem="no answer")
    row = claimed(rig, number)
    write(rig, outbox.sent, [number], "rig", "m", rig.now)
    after = found(rig, number)
    assert (after.state, after.message, after.problem, after.holder, after.leased_until) == (
        "sent",
        "m",
        "",
        None,
        None,
    )
    write(rig, outbox.sent, [number], "rig", "again", rig.now + HOUR)
    write(rig, outbox.drop, [number], "x")
    with rig.store.write() as conn:
        conn.execute(update(table).values(holder="rig"))
        outbox.failed(conn, [row], "rig", "no answer", rig.now)
        outbox.release(conn, "rig")
        outbox.forget_future(conn, rig.now - 9 * HOUR)
    last = found(rig, number)
    assert (last.state, last.message, last.problem, last.sent_at) == ("sent", "m", "", to_ms(rig.now))
    assert (last.created, last.due, last.holder) == (after.created, after.due, "rig")


def test_tries_are_ever_further_apart(rig: Rig) -> None:
    number = put(rig, "a")
    pauses = []
    for _ in range(8):
        row = claimed(rig, number)
        again = write(rig, outbox.failed, [row], "rig", "no answer", rig.now)
        after = found(rig, number)
        assert (after.due, after.holder, after.leased_until) == (to_ms(again), None, None)
        pauses.append((again - rig.now).total_seconds())
        rig.now = again
    assert pauses == [5, 15, 30, 60, 120, 300, 300, 300]


def test_a_successor_gets_back_what_its_predecessor_had(rig: Rig) -> None:
    mine, theirs = put(rig, "a"), put(rig, "b")
    claimed(rig, mine, "rig")
    claimed(rig, theirs, "other")
    assert write(rig, outbox.release, "rig") == 1
    assert planned(rig) == [(mine,)]


def test_a_clock_that_was_ahead_is_forgotten(rig: Rig) -> None:
    leased = put(rig, "a", leased_until=rig.now + HOUR, holder="x")
    fresh = put(rig, "b", leased_until=rig.now + MINUTE, holder="x")
    ahead = put(rig, "c", created=rig.now + HOUR, due=rig.now + HOUR)
    later = put(rig, "d", due=rig.now + HOUR)
    write(rig, outbox.forget_future, rig.now)
    assert (found(rig, leased).leased_until, found(rig, fresh).holder) == (None, "x")
    assert (found(rig, ahead).due, found(rig, later).due) == (to_ms(rig.now), to_ms(rig.now + HOUR))


# How channels are


def test_a_channel_that_works_again_sends_what_waited_for_it(rig: Rig) -> None:
    later = rig.now + HOUR
    mine = put(rig, "a", problem="no answer", due=later)
    els = put(rig, "b", problem="no answer", due=later, recipient="els")
    theirs = put(rig, "c", problem="no answer", due=later, channel="other")
    planned_later = put(rig, "d", due=later)
    sending = put(rig, "e", problem="no answer", due=later, leased_until=later)

    def dues() -> set[int]:
        numbers = (mine, els, theirs, planned_later, sending)
        return {number for number in numbers if found(rig, number).due == to_ms(rig.now)}

    write(rig, outbox.went_well, "mail", "beheer", rig.now)
    assert dues() == set()
    write(rig, outbox.went_wrong, "mail", "beheer", "no such address", rig.now, disable=False)
    write(rig, outbox.went_well, "mail", "beheer", rig.now)
    assert dues() == {mine}
    write(rig, outbox.went_wrong, "mail", "", "no answer", rig.now, disable=False)
    write(rig, outbox.went_well, "mail", "beheer", rig.now)
    assert dues() == {mine, els}


def test_what_is_known_of_a_channel(rig: Rig) -> None:
    write(rig, outbox.went_well, "mail", "beheer", rig.now)
    write(rig, outbox.went_well, "mail", "els", rig.now)
    assert {key: row.sent for key, row in states(rig).items()} == {
        ("mail", ""): 2,
        ("mail", "beheer"): 1,
        ("mail", "els"): 1,
    }
    begun = rig.now
    for minutes in (0, 5):
        rig.now = begun + minutes * MINUTE
        write(rig, outbox.went_wrong, "mail", "", "no answer", rig.now, disable=False)
    row = states(rig)["mail", ""]
    assert (row.failing_since, row.failures, row.sent, row.disabled_at) == (to_ms(begun), 2, 2, None)
    with rig.store.read() as conn:
        assert outbox.failing(conn, rig.now) == {"mail": 300.0}
        assert outbox.disabled(conn) == set()
    write(rig, outbox.went_well, "mail", "els", rig.now)
    row = states(rig)["mail", ""]
    assert (row.failing_since, row.failures, row.problem) == (None, 0, "")
    with rig.store.read() as conn:
        assert outbox.failing(conn, rig.now) == {}


def test_a_channel_that_is_used_again_sends_at_once_but_no_digest(rig: Rig) -> None:
    later = rig.now + HOUR
    mine, held = put(rig, "a", due=later), put(rig, "b", due=later, held="cap")
    theirs = put(rig, "c", channel="other", due=later)
    for channel in ("mail", "other"):
        write(rig, outbox.went_wrong, channel, "", "the password is refused", rig.now, disable=True)
    assert write(rig, outbox.enable, "mail", rig.now) == 1
    assert found(rig, mine).due == to_ms(rig.now)
    assert found(rig, held).due == found(rig, theirs).due == to_ms(later)
    with rig.store.read() as conn:
        assert outbox.disabled(conn) == {("other", "")}


def test_what_is_held_for_a_digest_does_not_count_as_waiting(rig: Rig) -> None:
    put(rig, "a")
    put(rig, "b", held="hours")
    put(rig, "c", state="sent")
    with rig.store.read() as conn:
        assert outbox.waiting(conn) == 1


def test_what_is_overdue(rig: Rig) -> None:
    put(rig, "new")
    put(rig, "held", held="cap", problem="no answer", due=rig.now - HOUR)
    put(rig, "sent", state="sent", due=rig.now - HOUR)
    with rig.store.read() as conn:
        assert outbox.overdue(conn, rig.now) == 0
    put(rig, "failed", problem="no answer")
    put(rig, "late", due=rig.now - 11 * MINUTE)
    with rig.store.read() as conn:
        assert outbox.overdue(conn, rig.now) == 2


def test_what_nobody_can_use_any_more_is_given_up_at_the_start(rig: Rig) -> None:
    rig.figure(QUEUE, 25, LONG)
    rig.figure(QUEUE, 2, LONG)
    long_ago = to_ms(rig.now - timedelta(days=8))
    with rig.store.write() as conn:
        conn.execute(table.delete())
    broken = put(rig, "a", alert=1, problem="no answer", due=rig.now + HOUR)
    fresh = put(rig, "b", alert=1, due=rig.now + HOUR)
    other = put(rig, "c", alert=2, problem="no answer", due=rig.now + HOUR)
    write(rig, outbox.went_wrong, "gone", "", "no answer", rig.now, disable=False)
    write(rig, outbox.went_wrong, "mail", "", "no answer", rig.now, disable=False)
    rig.advance(6 * 86400)
    with rig.store.write() as conn:
        conn.execute(update(table).values(due=to_ms(rig.now + HOUR)))
    rig.sender.drain(1)
    assert {found(rig, number).state for number in (broken, fresh, other)} == {"waiting"}
    with rig.store.write() as conn:
        conn.execute(update(alerts).values(resolved_at=long_ago))
    rig.sender.drain(1)
    assert [found(rig, number).state for number in (broken, fresh, other)] == ["dropped", "waiting", "waiting"]
    assert set(states(rig)) == {("mail", "")}


def test_only_what_waits_is_given_back(rig: Rig) -> None:
    sent, waits = put(rig, "a", state="sent", due=rig.now - HOUR), put(rig, "b", due=rig.now - HOUR)
    claimed(rig, waits)
    write(rig, outbox.give_back, [sent, waits], rig.now)
    assert found(rig, sent).due == to_ms(rig.now - HOUR)
    assert (found(rig, waits).due, found(rig, waits).holder) == (to_ms(rig.now), None)


# The sender


def test_what_nobody_need_hear_of_is_dropped_with_the_reason(rig: Rig) -> None:
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    (batch, *_) = plan(rig).batches
    rig.act(lambda act: lifecycle.suppress(act, 1, "silence:1"), "")
    with patched(rig.side):
        assert rig.sender.send(batch) is False
    assert rig.side.taken == []
    for number in batch.rows:
        assert found(rig, number).state == "dropped"
        assert "need not be told" in found(rig, number).problem
    # Others may have heard of it, or will.
    assert rig.rows()[0].told
    for batch in plan(rig).batches:
        with patched(rig.side):
            rig.sender.send(batch)
    for batch in plan(rig).batches:
        with patched(rig.side):
            rig.sender.send(batch)
    assert not rig.rows()[0].told
    # Those who were to be told and were not are told when it is over.
    rig.act(lambda act: lifecycle.suppress(act, 1, None), "")
    rig.deliver_all()
    assert (1, "fired") in rig.side.told()


def test_who_has_gone_is_not_looked_for(rig: Rig) -> None:
    gone, nobody, nothing = (
        put(rig, "a", recipient="gone"),
        put(rig, "b", channel="gone", severity="LOW"),
        put(rig, "c"),
    )
    rig.deliver_all()
    assert {found(rig, number).problem[:16] for number in (gone, nobody)} == {"nobody of that n"}
    assert found(rig, nothing).problem == "there was nothing to tell"
    assert {found(rig, number).state for number in (gone, nobody, nothing)} == {"dropped"}


def test_what_somebody_else_has_taken_is_not_sent(rig: Rig) -> None:
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    batches = plan(rig).batches
    with patched(rig.side):
        assert all(rig.sender.send(batch) for batch in batches)
        assert not any(rig.sender.send(batch) for batch in batches)
    assert len(rig.side.taken) == len(batches)


@pytest.mark.parametrize(("whom", "known"), [("recipient", ("mail", "beheer")), ("channel", ("mail", ""))])
def test_a_refusal_is_noted_of_whom_it_is_about_without_addresses(
    sqlite_store: Store, tmp_path: Path, whom: Any, known: tuple[str, str]
) -> None:
    rig = make_rig(sqlite_store, tmp_path)
    rig.side.broken["mail"] = Undelivered("550 jan.jansen@example.org is unknown", permanent=True, whom=whom)
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    rig.deliver()
    bad = {key: row for key, row in states(rig).items() if row.disabled_at is not None}
    assert set(bad) == {known}
    assert "jansen" not in bad[known].problem
    with rig.store.read() as conn:
        from baken.alerts import answers

        trail = answers.trail(conn, 1)
    assert "jansen" not in str(trail)
    (failure,) = [each for each in trail if each["kind"] == "notification_failed"]
    assert failure["detail"]["permanent"] is True
    assert failure["detail"]["again"] is None


def test_a_success_is_noted_and_the_trail_says_who_was_told(rig: Rig) -> None:
    rig.side.send = lambda *_: "250 queued for jan.jansen@example.org"  # type: ignore[method-assign]
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    rig.deliver()
    assert states(rig)["mail", "beheer"].sent == 1
    with rig.store.read() as conn:
        from baken.alerts import answers

        told = [each for each in answers.trail(conn, 1) if each["kind"] == "notified"]
    assert {(each["detail"]["channel"], each["detail"]["recipient"]) for each in told} >= {("mail", "beheer")}
    assert "digest" not in told[0]["detail"]
    assert "jansen" not in str(told)


def test_a_digest_is_called_one_in_the_trail(rig: Rig) -> None:
    rig.figure(QUEUE, 25, LONG)
    with rig.store.write() as conn:
        conn.execute(update(table).values(held="cap"))
    rig.advance(2)
    rig.deliver()
    with rig.store.read() as conn:
        from baken.alerts import answers

        told = [each for each in answers.trail(conn, 1) if each["kind"] == "notified"]
    assert all(each["detail"]["digest"] for each in told)
    assert told


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("baken.alerts.sender._EVERY", 0.05)
    yield


def _until(true: Any, seconds: float = 90.0) -> None:
    ends = time.monotonic() + seconds
    while not true() and time.monotonic() < ends:
        time.sleep(0.02)
    assert true()


def test_a_sender_that_takes_over_begins_with_what_its_predecessor_left(rig: Rig, quick: None) -> None:
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    for row in rig.waiting():
        claimed(rig, row.id)
    write(rig, outbox.went_wrong, "mail", "", "the password is refused", rig.now, disable=True)
    with rig.store.write() as conn:
        ahead = {"holder": "x", "leased_until": to_ms(rig.now + 9 * HOUR)}
        conn.execute(update(table).where(table.c.channel == "other").values(**ahead))
    with patched(rig.side):
        rig.sender.start()
        try:
            _until(lambda: len(rig.side.taken) == 3)
        finally:
            rig.sender.stop()
    assert not rig.sender.alive


def test_a_channel_sends_one_message_after_the_other_and_holds_up_no_other(rig: Rig, quick: None) -> None:
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    at_once, most, free = [0], [0], threading.Event()
    real = rig.side.send

    def slow(channel: Any, to: str, message: Any, context: Any) -> str:
        if channel.name == "other":
            return real(channel, to, message, context)
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        free.wait(90)
        at_once[0] -= 1
        return real(channel, to, message, context)

    rig.side.send = slow  # type: ignore[method-assign]
    with patched(rig.side):
        rig.sender.start()
        try:
            _until(lambda: [name for name, _, _ in rig.side.taken] == ["other"])
            time.sleep(0.3)
            free.set()
            _until(lambda: len(rig.side.taken) == 3)
        finally:
            rig.sender.stop()
    assert most == [1]


def test_what_was_taken_is_marked_though_the_store_is_busy(
    rig: Rig, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, busy = outbox.sent, [True]

    def marked(*args: Any) -> None:
        if busy:
            busy.clear()
            raise StoreError("the store is busy")
        real(*args)

    monkeypatch.setattr(outbox, "sent", marked)
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    rig.deliver_all()
    assert len(rig.side.taken) == 3


def test_what_trips_inside_baken_is_tried_again_soon(rig: Rig, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from baken.alerts import compose

    def trips(*_: Any) -> None:
        raise ZeroDivisionError

    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    monkeypatch.setattr(compose, "message", trips)
    with patched(rig.side):
        rig.sender.start()
        try:
            _until(lambda: all(row.problem for row in rig.waiting() if row.recipient == "beheer"))
        finally:
            rig.sender.stop()
    for row in rig.waiting():
        if row.attempts:
            assert (row.problem, row.holder) == ("Baken failed: ZeroDivisionError", None)
            assert row.due <= to_ms(rig.now + MINUTE)


def test_what_has_to_wait_is_written_down_once(sqlite_store: Store, tmp_path: Path) -> None:
    rig = make_rig(sqlite_store, tmp_path, recipients=[{**RECIPIENT, "hours": "08:00-09:00"}])
    rig.figure(QUEUE, 25, LONG)
    rig.advance(2)
    with patched(rig.side):
        assert rig.sender.drain(1) == 0
    (row,) = rig.waiting()
    assert (row.held, row.due > to_ms(rig.now + HOUR)) == ("hours", True)

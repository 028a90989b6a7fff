"""What is stored of errors: counts by hour, user, group and component; states that change when an error comes back."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from baken.clock import to_ms
from baken.errors import counts
from baken.errors.counts import Applied, Grouping, apply, digest
from baken.errors.event import DEFERRED, ERROR_LOG, SCHEDULED_JOBS, Event
from baken.errors.people import Person
from baken.history import tables
from baken.history.store import Store
from tests.errors.logs import JOB, traceback

NOW = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SITE = "counts.example"
PEOPLE = {
    "els@vereniging.example": Person("user-e", "manager"),
    "lid@leden.example": Person("user-l", "member"),
    "Administrator": Person("user-a", "administrator"),
}
patterns = tables.error_patterns


def event(exception: str = "builtins.KeyError", message: str = "'iban'", at: datetime = NOW, **more: Any) -> Event:
    options = {name: more.pop(name) for name in ("path", "function", "head") if name in more}
    text = traceback(exception, message, **options)
    given = {"source": ERROR_LOG, "name": "n", "at": at, "method": "m.n", "error": text, "size": len(text)}
    return Event(**{**given, **more})


def put(store: Store, events: Sequence[Event], *, most: int = 1000, now: datetime = NOW, **grouping: Any) -> Applied:
    found = digest(events, PEOPLE, Grouping(**grouping))
    with store.write() as conn:
        return apply(conn, SITE, found, most_patterns=most, now=to_ms(now))


def rows(store: Store, *columns: Any) -> list[tuple[Any, ...]]:
    with store.read() as conn:
        return [tuple(row) for row in conn.execute(select(*columns).order_by(*columns))]


def set_state(store: Store, **values: Any) -> None:
    with store.write() as conn:
        conn.execute(update(patterns).values(**values))


def test_counts_by_hour_user_group_and_component(store: Store) -> None:
    put(
        store,
        [
            event(user="els@vereniging.example", source=DEFERRED),
            event(user="lid@leden.example", source=DEFERRED, at=NOW - HOUR),
            event(user="lid@leden.example", source=DEFERRED, at=NOW - HOUR),
            event(),
        ],
    )
    put(store, [event(user="lid@leden.example", source=DEFERRED, at=NOW - HOUR)])
    hour = counts.hour_of(to_ms(NOW))
    assert rows(store, tables.error_counts.c.hour, tables.error_counts.c.count) == [
        (hour - counts.HOUR_MS, 3),
        (hour, 2),
    ]
    contexts, hits, days = tables.error_contexts, tables.error_hits, tables.error_hit_days
    with store.read() as conn:
        found = conn.execute(
            select(contexts.c.user, contexts.c.user_group, contexts.c.component, func.sum(hits.c.count))
            .join(hits, hits.c.context == contexts.c.number)
            .group_by(contexts.c.user, contexts.c.user_group, contexts.c.component)
            .order_by(contexts.c.user)
        ).all()
        assert conn.execute(select(func.sum(days.c.count))).scalar_one() == 5
    assert [tuple(row) for row in found] == [
        ("", "unknown", "web", 1),
        ("user-e", "manager", "web", 1),
        ("user-l", "member", "web", 3),
    ]
    ((total, size, first, last),) = rows(
        store, patterns.c.total, patterns.c.bytes, patterns.c.first_seen, patterns.c.last_seen
    )
    assert total == 5
    assert size > 5 * 300
    assert (first, last) == (to_ms(NOW - HOUR), to_ms(NOW))


def test_who_was_hit_is_unknown_when_frappe_filed_late_under_administrator(store: Store) -> None:
    put(store, [event(user="Administrator")])
    assert rows(store, tables.error_contexts.c.user, tables.error_contexts.c.user_group) == [("", "unknown")]


def test_a_job_of_the_administrator_is_the_administrators(store: Store) -> None:
    put(store, [event(user="Administrator", head=JOB)])
    assert rows(store, tables.error_contexts.c.user_group) == [("administrator",)]


def test_what_a_scheduled_job_logged_comes_from_the_scheduler(store: Store) -> None:
    put(store, [event(source=SCHEDULED_JOBS, method="app.tasks.collect", error="ValueError: no batch")])
    assert rows(store, tables.error_contexts.c.component, tables.error_contexts.c.user_group) == [
        ("scheduler", "system")
    ]


def test_what_people_merged_stays_merged_under_other_rules(store: Store) -> None:
    """Whichever of the two comes back first."""
    one, other = event(function="one"), event(function="other")
    put(store, [one, one, other], version="v1")
    with store.write() as conn:
        numbers = {row.total: row.number for row in conn.execute(select(patterns.c.number, patterns.c.total))}
        conn.execute(
            update(patterns).where(patterns.c.number == numbers[2]).values(state="muted", muted_above=5, note="seen")
        )
        conn.execute(update(patterns).where(patterns.c.number == numbers[1]).values(merged_into=numbers[2]))
    put(store, [other], version="v2", previous="v1")
    put(store, [one], version="v2", previous="v1")
    with store.read() as conn:
        found = {row.number: row for row in conn.execute(select(patterns))}
    heads = {row.number for row in found.values() if row.merged_into is None}
    assert len(heads) == 1
    (head,) = (found[number] for number in heads)
    assert (head.version, head.state, head.note) == ("v2", "muted", "seen")
    put(store, [other, other, other, one], version="v2", previous="v1")
    with store.read() as conn:
        assert conn.execute(select(patterns.c.state).where(patterns.c.number == head.number)).scalar_one() == "open"


def test_a_new_pattern_comes_with_a_scrubbed_example_and_its_place(store: Store) -> None:
    message = "Invoice of jan@leden.example for Assoc-Member-2026-11-0001 is not paid"
    assert len(put(store, [event("frappe.exceptions.ValidationError", message)]).new_patterns) == 1
    assert put(store, [event("frappe.exceptions.ValidationError", message)]).new_patterns == ()
    ((example, why, app, state),) = rows(store, patterns.c.example, patterns.c.why, patterns.c.app, patterns.c.state)
    assert "<email>" in example
    assert "jan@" not in example
    assert "2026-11-0001" not in example
    assert "NL21" not in example
    assert "ValidationError" in why
    assert (app, state) == ("verenigingen", "open")


def test_a_resolved_pattern_regresses_when_it_happens_again_and_not_when_an_old_error_arrives_late(
    store: Store,
) -> None:
    put(store, [event(at=NOW - HOUR)])
    set_state(store, state="resolved", state_at=to_ms(NOW), state_by="els")
    assert put(store, [event(at=NOW - MINUTE)]).regressed == ()
    assert rows(store, patterns.c.state) == [("resolved",)]
    assert len(put(store, [event(at=NOW + MINUTE)], now=NOW + MINUTE).regressed) == 1
    assert rows(store, patterns.c.state, patterns.c.regressed_at) == [("regressed", to_ms(NOW + MINUTE))]
    assert put(store, [event(at=NOW + HOUR)]).regressed == ()


@pytest.mark.parametrize(
    ("above", "until", "opens"), [(5, None, False), (2, None, True), (None, -1, True), (None, 1, False)]
)
def test_a_muted_pattern_is_open_again_when_it_escalates_or_its_time_is_over(
    store: Store, above: int | None, until: int | None, opens: bool
) -> None:
    put(store, [event()])
    ends = None if until is None else to_ms(NOW + until * HOUR)
    set_state(store, state="muted", muted_above=above, muted_until=ends)
    put(store, [event(), event()])
    assert rows(store, patterns.c.state) == [("open" if opens else "muted",)]


def test_an_hour_long_ago_that_is_read_only_now_is_no_escalation(store: Store) -> None:
    put(store, [event()])
    set_state(store, state="muted", muted_above=1)
    put(store, [event(at=NOW - 9 * HOUR) for _ in range(5)])
    assert rows(store, patterns.c.state) == [("muted",)]


def test_an_escalation_is_seen_across_the_turn_of_the_hour(store: Store) -> None:
    put(store, [event()])
    set_state(store, state="muted", muted_above=5, state_at=to_ms(NOW))
    late = NOW + 40 * MINUTE
    put(store, [*(event(at=NOW + 25 * MINUTE) for _ in range(9)), event(at=late)], now=late)
    assert rows(store, patterns.c.state) == [("open",)]


def test_what_came_in_the_hours_before_a_mute_does_not_end_it(store: Store) -> None:
    put(store, [event() for _ in range(9)])
    set_state(store, state="muted", muted_above=5, state_at=to_ms(NOW + HOUR))
    put(store, [event(), event(at=NOW + HOUR)], now=NOW + HOUR)
    assert rows(store, patterns.c.state) == [("muted",)]


def test_what_is_merged_regresses_and_escalates_as_one(store: Store) -> None:
    put(store, [event(function="a"), event(function="b")])
    (head, other) = (row[0] for row in rows(store, patterns.c.number))
    with store.write() as conn:
        conn.execute(update(patterns).where(patterns.c.number == other).values(merged_into=head))
        conn.execute(update(patterns).where(patterns.c.number == head).values(state="muted", muted_above=3))
    put(store, [event(function="b")])
    put(store, [event(function="b")])
    with store.read() as conn:
        assert conn.execute(select(patterns.c.state).where(patterns.c.number == head)).scalar_one() == "open"


def test_split_patterns_are_counted_apart(store: Store) -> None:
    put(store, [event(method="one")])
    ((whole,),) = rows(store, patterns.c.id)
    found = put(store, [event(method="one"), event(method="two"), event(method="two")], splits={whole: "title"})
    assert len(found.new_patterns) == 2
    with store.read() as conn:
        totals = {
            row.id: (row.total, row.split_of)
            for row in conn.execute(select(patterns.c.id, patterns.c.total, patterns.c.split_of))
        }
        number = conn.execute(select(patterns.c.number).where(patterns.c.id == whole)).scalar_one()
    assert totals.pop(whole) == (1, None)
    assert sorted(totals.values()) == [(1, number), (2, number)]


def test_other_rules_take_over_what_was_known(store: Store) -> None:
    """The first rules tell messages apart, the second go by the place alone."""
    thrown = [
        event("frappe.exceptions.ValidationError", text) for text in ("No mandate here", "Another thing is wrong")
    ]
    put(store, [*thrown, *thrown], version="v1")
    before = len(rows(store, patterns.c.id))
    set_state(store, state="known", note="seen", first_seen=1000)
    with store.write() as conn:
        conn.execute(update(patterns).values(state_by="els"))
    found = put(store, thrown, version="v2", previous="v1")
    assert len(found.new_patterns) <= before
    with store.read() as conn:
        fresh = conn.execute(select(patterns).where(patterns.c.version == "v2")).all()
        old = conn.execute(select(patterns).where(patterns.c.version == "v1")).all()
    assert {(row.state, row.note, row.first_seen) for row in fresh} == {("known", "seen", 1000)}
    assert {row.merged_into for row in old} <= {row.number for row in fresh}


def test_more_patterns_than_are_kept_apart_become_one(store: Store) -> None:
    events = [event(function=f"f{letter}", at=NOW + MINUTE * place) for place, letter in enumerate("abcdefgh")]
    assert len(put(store, events[:3], most=3).new_patterns) == 3
    assert put(store, events, most=3).new_patterns == ()
    totals = rows(store, patterns.c.version, patterns.c.total)
    assert totals == [("overflow", 5), ("v1", 2), ("v1", 2), ("v1", 2)]
    put(store, events, most=3)
    assert ("overflow", 10) in rows(store, patterns.c.version, patterns.c.total)


def test_nothing_raw_is_stored(store: Store) -> None:
    text = "login of jan@leden.example with NL91ABNA0417164300 and password='hunter2sesam'"
    put(store, [event("builtins.ValueError", text, user="lid@leden.example"), event(error=text, method=text)])
    with store.read() as conn:
        kept = "\n".join(
            str(value)
            for table in tables.metadata.tables.values()
            for row in conn.execute(select(table))
            for value in row
        )
    assert "user-l" in kept
    for secret in ("jan@", "0417", "hunter2", "lid@leden"):
        assert secret not in kept

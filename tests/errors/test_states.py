"""What people decide about patterns, that it has a way back, and that it is written down."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from baken.clock import from_ms
from baken.errors import groupings, states
from baken.errors.patterns import Wanted, listing, named
from baken.errors.states import Act, Refused
from baken.history import audit
from baken.history.store import Store
from baken.history.tables import audit as trail
from baken.history.tables import error_patterns
from tests.errors.filled import HOUR, MINUTE, NOW, ZONE, every, failure, ids, looked, put
from tests.errors.logs import NAME

BY = "els@vereniging.example"
KINDS = ("KeyError", "TypeError", "ValueError", "IndexError")


def act(store: Store, decide: Callable[[Act], list[str]], now: Any = NOW) -> list[str]:
    with store.write() as conn:
        return decide(Act(conn, NAME, BY, now))


def row(store: Store, pattern: str) -> Any:
    with store.read() as conn:
        return conn.execute(select(error_patterns).where(error_patterns.c.id == pattern)).one()


def shown(store: Store, pattern: str, now: Any = NOW) -> dict[str, Any]:
    with store.read() as conn:
        (found,) = named(conn, NAME, [pattern], now=now)
    return found


def written(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as conn:
        return [(entry.action, entry.target, entry.user) for entry in audit.entries(conn, site=NAME)]


@pytest.fixture
def names(store: Store) -> dict[str, str]:
    looked(store)
    for number, kind in enumerate(KINDS):
        put(store, [failure(kind, at) for at in every(HOUR, 4 - number)])
    return ids(store)


def test_a_state_with_a_note_is_kept_and_written_down_once(store: Store, names: dict[str, str]) -> None:
    key = names["KeyError"]
    assert act(store, lambda a: states.set_state(a, [key, key], "known", note="ticket 12")) == [key]
    assert act(store, lambda a: states.set_state(a, [key], "known", note="ticket 12")) == []
    found = shown(store, key)
    assert (found["state"], found["note"], found["state_by"]) == ("known", "ticket 12", BY)
    assert written(store) == [("error state", key, BY)]
    assert act(store, lambda a: states.set_state(a, [key], "open")) == [key]
    assert (shown(store, key)["state"], shown(store, key)["note"]) == ("open", "")


def test_a_resolved_pattern_regresses_and_can_be_resolved_again(store: Store, names: dict[str, str]) -> None:
    key = names["KeyError"]
    act(store, lambda a: states.set_state(a, [key], "resolved"))
    assert put(store, [failure("KeyError", NOW + MINUTE)], now=NOW + MINUTE).regressed == (key,)
    assert shown(store, key, NOW + MINUTE)["status"] == "regressed"
    act(store, lambda a: states.set_state(a, [key], "resolved"), now=NOW + 2 * MINUTE)
    assert shown(store, key, NOW + 2 * MINUTE)["state"] == "resolved"


def test_a_mute_for_hours_ends_by_itself(store: Store, names: dict[str, str]) -> None:
    key = names["KeyError"]
    act(store, lambda a: states.set_state(a, [key], "muted", hours=2))
    found = shown(store, key)
    assert (found["state"], found["muted_until"], found["muted_above"]) == ("muted", "2026-07-01T14:20:00Z", None)
    assert shown(store, key, NOW + 2 * HOUR)["state"] == "open"
    with store.read() as conn:
        later = listing(conn, NAME, hours=24, wanted=Wanted(), now=NOW + 2 * HOUR, zone=ZONE)
    assert later["facets"]["state"] == {"open": 4}
    # The way back to the same mute once it was over.
    assert act(store, lambda a: states.set_state(a, [key], "muted", hours=2), now=NOW + 2 * HOUR) == [key]


def test_a_mute_without_end_breaks_when_the_pattern_escalates(store: Store, names: dict[str, str]) -> None:
    key = names["KeyError"]
    put(store, [failure("KeyError", NOW - 3 * HOUR) for _ in range(6)])
    act(store, lambda a: states.set_state(a, [key], "muted"))
    assert row(store, key).muted_above == 14
    assert act(store, lambda a: states.set_state(a, [key], "muted")) == []
    rare = names["IndexError"]
    act(store, lambda a: states.set_state(a, [rare], "muted"))
    assert row(store, rare).muted_above == states.LEAST_ABOVE
    put(store, [failure("KeyError", NOW + n * MINUTE) for n in range(13)], now=NOW)
    assert shown(store, key)["state"] == "muted"
    put(store, [failure("KeyError", NOW + MINUTE)], now=NOW)
    assert (shown(store, key)["state"], shown(store, key)["escalated"]) == ("open", True)
    act(store, lambda a: states.set_state(a, [key], "open"))
    assert not shown(store, key)["escalated"]


def test_the_limit_of_a_mute_can_be_chosen(store: Store, names: dict[str, str]) -> None:
    key = names["KeyError"]
    act(store, lambda a: states.set_state(a, [key], "muted", hours=1, above=3))
    assert (row(store, key).muted_above, from_ms(row(store, key).muted_until)) == (3, NOW + HOUR)


def test_who_is_merged_goes_with_all_that_is_in_it_and_comes_back_with_it(store: Store, names: dict[str, str]) -> None:
    one, two, three, four = (names[kind] for kind in KINDS)
    assert act(store, lambda a: states.merge(a, [one], two)) == [one]
    assert act(store, lambda a: states.merge(a, [two, four], three)) == [two, four]
    assert act(store, lambda a: states.merge(a, [one, two], three)) == []
    assert (shown(store, one)["pattern"], shown(store, one)["count"]) == (three, 10)
    # What was merged before is taken out together.
    assert act(store, lambda a: states.separate(a, two)) == [two, one]
    assert act(store, lambda a: states.separate(a, two)) == []
    assert (shown(store, two)["merged"], shown(store, two)["count"]) == ([one], 7)
    assert shown(store, three)["merged"] == [four]
    # A state that is set on a merged pattern is that of the whole.
    assert act(store, lambda a: states.set_state(a, [one], "known")) == [two]


def test_merging_into_a_merged_pattern_goes_to_its_head(store: Store, names: dict[str, str]) -> None:
    one, two, three, _ = (names[kind] for kind in KINDS)
    act(store, lambda a: states.merge(a, [one], two))
    assert act(store, lambda a: states.merge(a, [three], one)) == [three]
    assert act(store, lambda a: states.merge(a, [two], one)) == []
    assert shown(store, two)["merged"] == sorted([one, three])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=8))
def test_no_error_is_lost_or_counted_twice_whatever_is_merged(
    store: Store, names: dict[str, str], steps: list[tuple[int, int]]
) -> None:
    """4 means: taken out again."""
    for one, other in steps:
        name = names[KINDS[one]]
        if other == 4:
            act(store, lambda a, name=name: states.separate(a, name))  # type: ignore[misc]
        else:
            act(store, lambda a, name=name, into=names[KINDS[other]]: states.merge(a, [name], into))  # type: ignore[misc]
    with store.read() as conn:
        found = listing(conn, NAME, hours=24, wanted=Wanted(), now=NOW, zone=ZONE)
        heads = {r.merged_into for r in conn.execute(select(error_patterns.c.merged_into))} - {None}
        assert not heads & {
            r.number
            for r in conn.execute(select(error_patterns.c.number).where(error_patterns.c.merged_into.is_not(None)))
        }
    assert found["total"] == 10 == sum(each["count"] for each in found["patterns"])
    listed = [name for each in found["patterns"] for name in (each["pattern"], *each["merged"])]
    assert sorted(listed) == sorted(names.values())
    for name in names.values():
        act(store, lambda a, name=name: states.separate(a, name))  # type: ignore[misc]
    with store.write() as conn:
        conn.execute(delete(trail))


def test_a_split_counts_apart_and_ends_with_everything_together(store: Store) -> None:
    looked(store)
    words = ("in the morning", "at noon")

    def happen(now: Any) -> None:
        with store.read() as conn:
            splits = groupings.load(conn, NAME, now).splits
        put(store, [failure("KeyError", now, method=f"Sync {word}") for word in words], now=now, splits=splits)

    happen(NOW)
    (whole,) = ids(store).values()
    assert act(store, lambda a: states.split(a, whole, "title")) == [whole]
    assert act(store, lambda a: states.split(a, whole, "title")) == []
    happen(NOW + MINUTE)
    with store.read() as conn:
        found = listing(conn, NAME, hours=24, wanted=Wanted(), now=NOW + MINUTE, zone=ZONE)
    parts = sorted(each["pattern"] for each in found["patterns"] if each["pattern"] != whole)
    assert len(parts) == 2
    assert {each["split_of"] for each in found["patterns"]} == {None, whole}
    assert shown(store, whole)["split_by"] == "title"
    # As one again: nothing of it is lost.
    changed = act(store, lambda a: states.split(a, whole, "none"))
    assert (changed[0], sorted(changed[1:])) == (whole, parts)
    happen(NOW + 2 * MINUTE)
    assert (shown(store, whole)["count"], shown(store, whole)["merged"]) == (6, parts)
    # The same split again shows the same parts.
    assert sorted(act(store, lambda a: states.split(a, whole, "title"))[1:]) == parts
    assert shown(store, whole)["merged"] == []


@pytest.mark.parametrize(
    ("decide", "says"),
    [
        (lambda a: states.set_state(a, ["0" * 16], "known"), "take one from baken.get_error_patterns"),
        (lambda a: states.set_state(a, [], "known"), "give the ids"),
        (lambda a: states.merge(a, ["0" * 16], "1" * 16), "there is no pattern '1111111111111111'"),
        (lambda a: states.separate(a, "x"), "there is no pattern 'x'"),
        (lambda a: states.split(a, "x", "colour"), "choose one of message, title, caller, none"),
        (lambda a: states.set_state(a, ["x"], "regressed"), "choose one of open, known, muted, resolved"),
    ],
)
def test_what_cannot_be_done_says_what_can(store: Store, decide: Callable[[Act], list[str]], says: str) -> None:
    with pytest.raises(Refused, match=says):
        act(store, decide)
    assert written(store) == []


def test_nothing_changes_when_one_of_several_is_unknown(store: Store, names: dict[str, str]) -> None:
    with pytest.raises(Refused):
        act(store, lambda a: states.set_state(a, [names["KeyError"], "0" * 16], "resolved"))
    assert shown(store, names["KeyError"])["state"] == "open"


def test_another_sites_patterns_are_out_of_reach(store: Store, names: dict[str, str]) -> None:
    with store.write() as conn, pytest.raises(Refused):
        states.set_state(Act(conn, "another.example", BY, NOW), [names["KeyError"]], "resolved")
    assert row(store, names["KeyError"]).state == "open"

"""Rules of grouping: looked at before they are adopted, and a way back."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from baken.errors import groupings, states
from baken.errors.counts import Grouping
from baken.errors.fingerprint import CURRENT, VERSIONS
from baken.errors.patterns import named
from baken.history import audit
from baken.history.store import Store
from baken.history.tables import error_patterns
from tests.errors.filled import DAY, MINUTE, NOW, failure, looked, put
from tests.errors.logs import NAME, Log, traceback

LOCAL = datetime(2026, 7, 1, 14, 0)


def adopt(store: Store, version: str, now: datetime = NOW) -> bool:
    with store.write() as conn:
        return groupings.adopt(conn, NAME, version, by="els", now=now, transition_days=30)


def rules(store: Store, now: datetime = NOW) -> Grouping:
    with store.read() as conn:
        return groupings.load(conn, NAME, now)


def happen(store: Store, now: datetime, *messages: str) -> None:
    found = rules(store, now)
    place = {"line": 12}
    events = [failure("ValueError", now, message=message, place=place) for message in messages]
    put(store, events, now=now, version=found.version, previous=found.previous, splits=found.splits)


def test_rules_are_adopted_with_a_transition(store: Store) -> None:
    assert rules(store) == Grouping(CURRENT)
    assert adopt(store, "v2")
    assert not adopt(store, "v2")
    assert rules(store) == Grouping("v2", "v1")
    assert rules(store, NOW + 31 * DAY) == Grouping("v2")
    with store.read() as conn:
        told = groupings.describe(conn, NAME, NOW)
        (entry,) = audit.entries(conn, site=NAME)
    assert (told["version"], told["previous"]) == ("v2", "v1")
    assert told["adopted_at"] == "2026-07-01T12:20:00Z"
    assert told["until"] == "2026-07-31T12:20:00Z"
    assert {each["version"]: each["current"] for each in told["versions"]} == {name: name == "v2" for name in VERSIONS}
    assert (entry.action, entry.target, entry.user) == ("error grouping", "v2", "els")
    with pytest.raises(KeyError):
        adopt(store, "v99")


def test_what_was_known_is_handed_on_and_comes_back(store: Store) -> None:
    looked(store)
    happen(store, NOW - 2 * DAY, "no such thing")
    with store.read() as conn:
        (old,) = conn.execute(select(error_patterns.c.id)).scalars()
    with store.write() as conn:
        states.set_state(states.Act(conn, NAME, "els", NOW - DAY), [old], "known", note="ticket 12")
    adopt(store, "v2")
    happen(store, NOW, "no such thing")
    with store.read() as conn:
        (found,) = named(conn, NAME, [old], hours=72, now=NOW)
    assert (found["version"], found["merged"], found["count"]) == ("v2", [old], 2)
    assert (found["state"], found["note"], found["first_seen"]) == ("known", "ticket 12", "2026-06-29T12:20:00Z")
    # Back: the pattern of before is one of its own again, with what was counted in between.
    adopt(store, "v1", NOW + MINUTE)
    happen(store, NOW + MINUTE, "no such thing")
    with store.read() as conn:
        (again,) = named(conn, NAME, [old], hours=72, now=NOW + MINUTE)
    assert (again["pattern"], again["version"], again["count"]) == (old, "v1", 3)
    assert again["merged"] == [found["pattern"]]


def fill(log: Log) -> None:
    """Two messages from one place, which `v2` takes for one, and an error elsewhere."""
    for number in range(6):
        at = LOCAL - number * MINUTE
        log.add(f"a{number}", at, "x", traceback("builtins.ValueError", "no account was given"))
        log.add(f"b{number}", at, "x", traceback("builtins.ValueError", "the period is closed already"))
        path = "apps/verenigingen/verenigingen/utils/other.py"
        log.add(f"c{number}", at, "x", traceback("builtins.KeyError", "'iban'", path=path, function="read"))


def test_a_preview_says_what_would_move_and_stores_nothing(log: Log, store: Store) -> None:
    fill(log)
    with log.site.reading(NOW) as reading:
        found = groupings.preview(reading, Grouping("v1"), "v2", start=NOW - 7 * DAY, days=7, now=NOW)
        same = groupings.preview(reading, Grouping("v2"), "v2", start=NOW - 7 * DAY, days=7, now=NOW)
        back = groupings.preview(reading, Grouping("v2"), "v1", start=NOW - 7 * DAY, days=7, now=NOW)
    assert (found["rows"], found["before"], found["after"], found["complete"]) == (18, 3, 2, True)
    (merged,) = found["merges"]
    assert (merged["rows"], [part["rows"] for part in merged["of"]], found["splits"]) == (12, [6, 6], [])
    assert found["moved"] == pytest.approx(12 / 18)
    assert (same["moved"], same["splits"], same["merges"]) == (0, [], [])
    assert back["splits"][0]["pattern"] == merged["pattern"]
    assert back["moved"] == found["moved"]
    with store.read() as conn:
        assert conn.execute(select(error_patterns)).first() is None


def test_a_preview_of_no_rows_has_no_share(log: Log) -> None:
    with log.site.reading(NOW) as reading:
        found = groupings.preview(reading, Grouping(), "v2", start=NOW - 7 * DAY, days=7, now=NOW)
    assert (found["rows"], found["moved"]) == (0, None)


def test_a_preview_is_bounded(log: Log, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groupings, "MOST_ROWS", 10)
    fill(log)
    with log.site.reading(NOW) as reading:
        found = groupings.preview(reading, Grouping(), "v2", start=NOW - 7 * DAY, days=7, now=NOW)
    assert found["rows"] <= 12
    assert not found["complete"]
    put(store, [failure(at=NOW - hours * timedelta(hours=1)) for hours in range(20)])
    with store.read() as conn:
        # So far back that the newest ten rows are read.
        assert groupings.begin(conn, NAME, days=7, now=NOW) == datetime.fromisoformat("2026-07-01T03:00:00+00:00")

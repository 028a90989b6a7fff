"""Silences: whom they hold back and when, what is refused, and that they end for good."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, update

from baken.alerts import silences
from baken.alerts.silences import EVERYWHERE, Refused, Silence
from baken.alerts.windows import Recurrence
from baken.clock import to_ms
from baken.history import audit, tables
from baken.history.store import Store
from tests.alerts.filled import DAY, HOUR, MINUTE, NOW, OTHER, SITE, alert_row, put

FACTS = {"rule": "HIGH_JOB_QUEUE", "severity": "MEDIUM", "area": "operations", "queue": "long"}
NIGHTLY = Recurrence.of({"days": "mon-sun", "at": "02:00", "minutes": 120, "zone": "Europe/Amsterdam"})
NIGHT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


def add(store: Store, **given: Any) -> int:
    """A silence of HIGH_JOB_QUEUE for two hours, unless it says else."""
    values: dict[str, Any] = {
        "site": SITE,
        "kind": "silence",
        "matchers": {"rule": "HIGH_JOB_QUEUE"},
        "starts": NOW,
        "ends": NOW + 2 * HOUR,
        "recurrence": None,
        "comment": "",
        "by": "els",
        "now": NOW,
    }
    with store.write() as conn:
        return silences.add(conn, **(values | given))


def maintenance(store: Store, **given: Any) -> int:
    """Maintenance every night from 2 to 4, without an end, unless it says else."""
    return add(store, **({"kind": "maintenance", "recurrence": NIGHTLY, "ends": None} | given))


def load(store: Store, now: datetime | None = None) -> list[Silence]:
    with store.read() as conn:
        return silences.load(conn, now)


def listed(store: Store, now: datetime = NOW, *, site: str = SITE, ended: bool = False) -> list[dict[str, Any]]:
    with store.read() as conn:
        return silences.listed(conn, site, now, ended)


def holds(store: Store, now: datetime = NOW, *, site: str = SITE, facts: Mapping[str, str] = FACTS) -> bool:
    return any(silence.holds(facts, site, now) for silence in load(store))


def test_a_silence_holds_what_it_matches_from_its_beginning_to_before_its_end(store: Store) -> None:
    add(store, starts=NOW + HOUR, ends=NOW + 2 * HOUR, matchers={"rule": "HIGH_JOB_QUEUE", "queue": "~lo.*"})
    assert not holds(store, NOW)
    assert holds(store, NOW + HOUR)
    assert holds(store, NOW + 2 * HOUR - MINUTE)
    assert not holds(store, NOW + 2 * HOUR)
    assert not holds(store, NOW + HOUR, facts={**FACTS, "queue": "short"})
    assert not holds(store, NOW + HOUR, facts={**FACTS, "rule": "HIGH_ERROR_RATE"})


def test_a_silence_of_a_site_touches_that_site_only(store: Store) -> None:
    add(store)
    assert holds(store)
    assert not holds(store, site=OTHER)
    assert not holds(store, site="")


def test_a_silence_of_all_sites_touches_all_and_can_be_narrowed_to_one(store: Store) -> None:
    add(store, site=EVERYWHERE)
    assert holds(store)
    assert holds(store, site=OTHER)
    assert holds(store, site="")
    with store.write() as conn:
        conn.execute(update(tables.silences).values(matchers='{"site": "~leden.*"}'))
    assert holds(store)
    assert not holds(store, site=OTHER)


def test_a_label_of_an_alert_does_not_pass_for_its_site(store: Store) -> None:
    add(store, site=EVERYWHERE, matchers={"site": SITE})
    assert not holds(store, site=OTHER, facts={**FACTS, "site": SITE})


def test_maintenance_holds_in_its_windows_only(store: Store) -> None:
    maintenance(store, ends=NOW + 3 * DAY)
    assert not holds(store, NOW)
    assert holds(store, NIGHT)
    assert not holds(store, NIGHT + HOUR)
    assert holds(store, NIGHT + DAY)
    # Its end cuts a window short, and there is none after it.
    assert not holds(store, NIGHT + 3 * DAY)


def test_maintenance_may_have_no_end_and_a_beginning_within_a_window(store: Store) -> None:
    maintenance(store, starts=NIGHT)
    assert not holds(store, NIGHT - MINUTE)
    assert holds(store, NIGHT)
    assert holds(store, NIGHT + 728 * DAY)
    (found,) = listed(store, NOW)
    assert found["ends"] is None
    assert found["next"] == {"starts": "2026-11-26T02:30:00Z", "ends": "2026-11-26T03:00:00Z"}


def test_ending_a_silence_is_for_good_whatever_the_clock_says(store: Store) -> None:
    number = add(store)
    with store.write() as conn:
        silences.end(conn, number, site=SITE, by="jan", now=NOW + HOUR)
    for moment in (NOW - DAY, NOW, NOW + HOUR, NOW + 90 * MINUTE):
        assert not holds(store, moment)
        assert load(store, moment) == []
        assert listed(store, moment) == []
    (found,) = listed(store, NOW, ended=True)
    assert (found["state"], found["ended_by"], found["ended_at"]) == ("ended", "jan", "2026-11-25T10:30:00Z")


def test_what_is_over_by_itself_is_loaded_no_more(store: Store) -> None:
    number = add(store)
    assert [silence.id for silence in load(store, NOW + HOUR)] == [number]
    assert load(store, NOW + 2 * HOUR) == []
    with store.read() as conn:
        found = silences.one(conn, number, site=SITE, now=NOW + 2 * HOUR)
    assert found is not None
    assert (found["state"], found["ended_at"]) == ("ended", None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "pause"}, "it is silence or maintenance"),
        ({"matchers": {}}, "say why in a comment"),
        ({"comment": "x" * 1001}, "at most 1000"),
        ({"ends": None}, "needs an end"),
        ({"ends": NOW + 367 * DAY}, "ends within a year"),
        ({"starts": NOW - DAY, "ends": NOW}, "lies before the present"),
        ({"starts": NOW + DAY, "ends": NOW + HOUR}, "lies before the beginning"),
        ({"recurrence": NIGHTLY}, "make it maintenance"),
        ({"kind": "maintenance"}, "needs days, a time and a length"),
        ({"matchers": {"rule": "~("}}, "is no regular expression"),
        ({"matchers": {"rule name": "A"}}, "is no label"),
        ({"matchers": {"rule": "A" * 401}}, "more than 400 characters"),
        ({"matchers": {f"l{number}": "a" for number in range(21)}}, "too many"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(sqlite_store: Store, given: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refused:
        add(sqlite_store, **given)
    assert told in str(refused.value)
    assert load(sqlite_store) == []
    with sqlite_store.read() as conn:
        assert audit.entries(conn) == []


def test_everything_can_be_silenced_with_a_comment(sqlite_store: Store) -> None:
    add(sqlite_store, matchers={}, comment="  moving to another machine\x00 ")
    assert holds(sqlite_store, facts={"rule": "ANY"})
    assert listed(sqlite_store)[0]["comment"] == "moving to another machine"


def test_beginnings_and_ends_are_in_the_audit_trail(store: Store) -> None:
    number = add(store, site=EVERYWHERE)
    with store.write() as conn:
        silences.end(conn, number, site=SITE, by="jan", now=NOW + HOUR)
    with store.read() as conn:
        ended, added = audit.entries(conn)
    assert (added.action, added.user, added.target, added.at) == ("silence added", "els", str(number), NOW)
    assert added.detail["matchers"] == {"rule": "HIGH_JOB_QUEUE"}
    assert added.detail["everywhere"] is True
    assert (ended.action, ended.user, ended.site, ended.target) == ("silence ended", "jan", SITE, str(number))


def test_a_silence_is_ended_once_and_by_its_own_site(store: Store) -> None:
    number, everywhere, over = add(store), add(store, site=EVERYWHERE), add(store, ends=NOW + MINUTE)

    def end(which: int, site: str) -> str:
        try:
            with store.write() as conn:
                silences.end(conn, which, site=site, by="jan", now=NOW + HOUR)
        except Refused as reason:
            return str(reason)
        return ""

    assert end(number, OTHER) == f"there is no silence {number} on {OTHER}"
    assert end(999, SITE) == f"there is no silence 999 on {SITE}"
    assert end(over, SITE) == f"silence {over} is over since 2026-11-25T09:31:00Z"
    assert end(number, SITE) == ""
    assert end(number, SITE) == f"silence {number} was ended already by jan"
    assert end(everywhere, OTHER) == ""
    with store.read() as conn:
        assert [entry.target for entry in audit.entries(conn, action="silence ended")] == [str(everywhere), str(number)]


def test_the_list_says_what_holds_what_comes_and_how_many_alerts_are_held(store: Store) -> None:
    soon = add(store, starts=NOW + HOUR, ends=NOW + 3 * HOUR)
    nightly = maintenance(store, comment="back-ups")
    long = add(store, ends=NOW + 5 * HOUR, matchers={"queue": "long"})
    short = add(store, ends=NOW + HOUR)
    everywhere = add(store, site=EVERYWHERE, ends=NOW + 6 * HOUR, matchers={}, comment="all")
    add(store, site=OTHER)
    old = add(store, now=NOW - DAY, starts=NOW - DAY, ends=NOW - HOUR)
    with store.write() as conn:
        queue = {"rule": "HIGH_JOB_QUEUE", "area": "operations"}
        put(
            conn,
            alert_row(**queue, labels={"queue": "long"}),
            alert_row(**queue, labels={"queue": "short"}, status="Acknowledged"),
            alert_row(**queue, labels={"queue": "default"}, status="Resolved"),
            alert_row(rule="HIGH_CPU", site=""),
            alert_row(**queue, labels={"queue": "long"}, site=OTHER),
        )
    found = listed(store)
    assert [each["id"] for each in found] == [short, long, everywhere, soon, nightly]
    assert [each["state"] for each in found] == ["active"] * 3 + ["pending"] * 2
    # The host's alerts are held by what holds everywhere; those of other sites are nobody's business here.
    assert [each["affects"] for each in found] == [2, 1, 3, 0, 0]
    assert [each["next"] for each in found[:4]] == [None] * 4
    assert found[4]["next"] == {"starts": "2026-11-26T01:00:00Z", "ends": "2026-11-26T03:00:00Z"}
    assert found[4]["recurrence"] == NIGHTLY.answer()
    assert set(found[0]) == {
        "id", "kind", "site", "matchers", "starts", "ends", "recurrence", "comment", "created_by", "created_at",
        "ended_at", "ended_by", "state", "next", "affects",
    }  # fmt: skip
    assert [each["id"] for each in listed(store, ended=True)] == [short, long, everywhere, soon, nightly, old]
    assert [each["affects"] for each in listed(store, site=OTHER)][:1] == [1]


def test_a_silence_that_cannot_be_understood_silences_nothing(sqlite_store: Store) -> None:
    add(sqlite_store)
    row = {"site": SITE, "kind": "maintenance", "starts": to_ms(NOW), "comment": "", "created_at": to_ms(NOW)}
    row |= {"created_by": "els", "ended_by": "", "matchers": "{}"}
    with sqlite_store.write() as conn:
        gone = '{"days": ["mon"], "at": "02:00", "minutes": 60, "zone": "Gone/Zone"}'
        conn.execute(insert(tables.silences), [{**row, "recurrence": gone}, {**row, "recurrence": "no JSON"}])
        conn.execute(insert(tables.silences), [{**row, "recurrence": "", "matchers": '{"rule": "~("}'}])
    assert [silence.id for silence in load(sqlite_store)] == [1]
    assert holds(sqlite_store)

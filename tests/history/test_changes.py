"""Looks for something newer, on every database."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, update

from baken.clock import to_ms
from baken.history import changes, tables
from baken.history.changes import ALERTS, ERRORS, FIGURES, TAIL, Look
from baken.history.samples import Cycle, Sample, record
from baken.history.store import Store
from tests.history.test_retention import pattern_row

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE, TWO, OTHER = "one.example", "two.example", "other.example"


def look(store: Store, *sites: str) -> Look:
    with store.read() as conn:
        return changes.look(conn, sites or (ONE, TWO))


def run(store: Store, site: str, seconds: int) -> None:
    with store.write() as conn:
        record(conn, [Cycle(site, NOW + timedelta(seconds=seconds), [Sample("a", (), 1)])])


def alert(store: Store, number: int, site: str) -> None:
    some = {
        "key": str(number),
        "open_key": str(number),
        "labels": "{}",
        "severity": "LOW",
        "area": "",
        "status": "Active",
    }
    rest = {"began": 0, "fired": 0, "last_seen": 0, "occurrences": 1, "step": 1, "told": True, "flapping": False}
    texts = {
        "assigned_to": "",
        "acknowledged_by": "",
        "resolved_by": "",
        "feedback": "",
        "texts": "{}",
        "details": "{}",
    }
    with store.write() as conn:
        conn.execute(insert(tables.alerts).values(number=number, site=site, rule="R", **some, **rest, **texts))


def happened(store: Store, number: int, *ids: int) -> None:
    with store.write() as conn:
        rest = {"at": 0, "kind": "note", "user": "", "text": "", "detail": "{}"}
        for id in ids:
            conn.execute(insert(tables.alert_events).values(id=id, alert=number, **rest))


def silence(store: Store, id: int, site: str) -> None:
    rest = {"kind": "silence", "matchers": "{}", "starts": 0, "recurrence": "", "comment": "", "ended_by": ""}
    with store.write() as conn:
        conn.execute(insert(tables.silences).values(id=id, site=site, created_at=to_ms(NOW), created_by="els", **rest))


def test_nothing_is_newer_without_a_change(store: Store) -> None:
    run(store, ONE, 0)
    alert(store, 1, ONE)
    happened(store, 1, 1)
    before = look(store)
    assert changes.changed(before, look(store)) == {}
    # A site that the look before was not about has nothing to compare with.
    assert changes.changed(before, look(store, OTHER)) == {}


def test_figures(store: Store) -> None:
    before = look(store)
    run(store, ONE, 1)
    after = look(store)
    assert changes.changed(before, after) == {ONE: {FIGURES}}
    run(store, OTHER, 2)
    assert changes.changed(after, look(store)) == {}
    run(store, changes.SHARED, 3)
    assert changes.changed(after, look(store)) == {ONE: {FIGURES}, TWO: {FIGURES}}


def test_errors(store: Store) -> None:
    before = look(store)
    with store.write() as conn:
        conn.execute(insert(tables.error_patterns), pattern_row(1, to_ms(NOW), None) | {"site": ONE})
    after = look(store)
    assert changes.changed(before, after) == {ONE: {ERRORS}}
    with store.write() as conn:
        conn.execute(update(tables.error_patterns).values(total=99))
    again = look(store)
    assert changes.changed(after, again) == {ONE: {ERRORS}}
    with store.write() as conn:
        conn.execute(update(tables.error_patterns).values(state="muted", state_at=5))
    assert changes.changed(again, look(store)) == {ONE: {ERRORS}}


def test_alerts(store: Store) -> None:
    alert(store, 1, ONE)
    alert(store, 2, changes.SHARED)
    alert(store, 3, OTHER)
    before = look(store)
    happened(store, 1, 10)
    after = look(store)
    assert changes.changed(before, after) == {ONE: {ALERTS}}
    happened(store, 3, 11)
    assert changes.changed(after, look(store)) == {}
    happened(store, 2, 13)
    host = look(store)
    assert changes.changed(after, host) == {ONE: {ALERTS}, TWO: {ALERTS}}
    # Numbered before, kept later: a transaction that took longer.
    happened(store, 1, 12)
    assert changes.changed(host, look(store)) == {ONE: {ALERTS}}


def test_more_events_than_one_look_sees(store: Store) -> None:
    alert(store, 1, ONE)
    alert(store, 3, OTHER)
    happened(store, 3, *range(1, TAIL + 10))
    before = look(store)
    happened(store, 1, TAIL + 20)
    assert changes.changed(before, look(store)) == {ONE: {ALERTS}}
    happened(store, 3, *range(TAIL + 30, 2 * TAIL + 30))
    # The one about site two may be among those that fell out of sight.
    assert changes.changed(before, look(store)) == {ONE: {ALERTS}, TWO: {ALERTS}}


def test_events_that_retention_removes_are_no_news(store: Store) -> None:
    alert(store, 1, ONE)
    alert(store, 3, OTHER)
    happened(store, 1, *range(1, 11))
    happened(store, 3, *range(11, TAIL + 11))
    before = look(store)
    with store.write() as conn:
        conn.execute(delete(tables.alert_events).where(tables.alert_events.c.alert == 3))
    assert changes.changed(before, look(store)) == {}


def test_silences(store: Store) -> None:
    before = look(store)
    silence(store, 1, ONE)
    after = look(store)
    assert changes.changed(before, after) == {ONE: {ALERTS}}
    silence(store, 2, OTHER)
    assert changes.changed(after, look(store)) == {}
    silence(store, 3, changes.SHARED)
    everywhere = look(store)
    assert changes.changed(after, everywhere) == {ONE: {ALERTS}, TWO: {ALERTS}}
    with store.write() as conn:
        conn.execute(update(tables.silences).where(tables.silences.c.id == 1).values(ended_at=1))
    assert changes.changed(everywhere, look(store)) == {ONE: {ALERTS}}


def test_many_sites(store: Store) -> None:
    many = [f"site{number}.example" for number in range(1200)]
    before = look(store, *many)
    run(store, many[777], 1)
    assert changes.changed(before, look(store, *many)) == {many[777]: {FIGURES}}


def test_of_many_sites_errors_are_counted_after_a_run_and_else_by_turns(sqlite_store: Store) -> None:
    sites = [f"{number}.example" for number in range(changes.FEW + 10)]
    for site in sites:
        run(sqlite_store, site, 0)
    with sqlite_store.write() as conn:
        conn.execute(
            insert(tables.error_patterns), [pattern_row(n, 1, None) | {"site": site} for n, site in enumerate(sites, 1)]
        )

    def counted(before: Look | None, turn: int) -> Look:
        with sqlite_store.read() as conn:
            return changes.look(conn, sites, before, turn)

    last = counted(None, 0)
    with sqlite_store.write() as conn:
        conn.execute(update(tables.error_patterns).values(total=tables.error_patterns.c.total + 1))
    run(sqlite_store, sites[0], 5)
    heard: set[str] = set()
    for turn in range(changes.TURNS):
        now = counted(last, turn)
        found = {site for site, topics in changes.changed(last, now).items() if ERRORS in topics}
        if turn == 0:
            assert sites[0] in found and len(found) < len(sites)
        assert not heard & found
        heard, last = heard | found, now
    assert heard == set(sites)

"""Recording cycles and reading the present back, on every database."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from baken.history import tables
from baken.history.samples import (
    NOT_A_FIGURE,
    Cycle,
    Sample,
    absences,
    gaps,
    latest,
    measured_at,
    observation,
    read_range,
    record,
    record_gap,
    site_states,
)
from baken.history.store import Store

T0 = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SITE = "leden.example"


def sample(metric: str, value: float, **labels: str) -> Sample:
    return Sample(metric, tuple(sorted(labels.items())), value)


def snapshot(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, to compare two states of a store."""
    with store.read() as conn:
        return {
            table.name: sorted((tuple(row) for row in conn.execute(select(table))), key=repr)
            for table in tables.metadata.sorted_tables
        }


def write(store: Store, *cycles: Cycle) -> None:
    with store.write() as conn:
        record(conn, cycles)


def values(store: Store, site: str = SITE) -> dict[tuple[str, str], float]:
    with store.read() as conn:
        return {(found.metric, ",".join(found.labels.values())): found.value for found in latest(conn, site)}


def test_a_cycle_comes_back(store: Store) -> None:
    cycle = Cycle(
        SITE,
        T0,
        [sample("members", 3.0, status="Active"), sample("members", 0.1 + 0.2, status="Geschorst – ü")],
        absences={"volunteers": "no table `tabVolunteer`"},
        measured={"members"},
        observations={"audit": {"rows": [1, 2], "text": "é"}},
        seconds=1.5,
        query_seconds=0.25,
        queries=7,
    )
    write(store, cycle)
    with store.read() as conn:
        found = latest(conn, SITE)
        assert [(one.metric, one.labels, one.value, one.at) for one in found] == [
            ("members", {"status": "Active"}, 3.0, T0),
            ("members", {"status": "Geschorst – ü"}, 0.1 + 0.2, T0),
        ]
        assert found[0].previous_at is None
        assert latest(conn, SITE, ["volunteers"]) == []
        assert absences(conn, SITE)["volunteers"].reason == "no table `tabVolunteer`"
        document = observation(conn, SITE, "audit")
        assert document is not None
        assert document.body == {"rows": [1, 2], "text": "é"}
        assert observation(conn, SITE, "other") is None
        assert measured_at(conn, SITE) == {"members": T0}
        state = site_states(conn)[SITE]
        assert (state.ok, state.seconds, state.query_seconds, state.queries) == (True, 1.5, 0.25, 7)
        assert latest(conn, "other.example") == []


def test_recording_again_changes_nothing(store: Store) -> None:
    cycles = [
        Cycle(
            SITE,
            T0 + minute * MINUTE,
            [sample("a", minute, x="1"), *([sample("a", 5, x="2")] if minute < 2 else [])],
            absences={"b": "not yet"} if minute == 0 else {},
            measured={"a"} if minute == 0 else {"a", "b"},
            ok=minute != 1,
            missed=2,
        )
        for minute in range(4)
    ]
    write(store, *cycles)
    before = snapshot(store)
    write(store, *cycles)
    assert snapshot(store) == before
    for cycle in cycles:
        # One alone as well: what has gone since must not come back.
        write(store, cycle)
    assert snapshot(store) == before
    with store.read() as conn:
        state = site_states(conn)[SITE]
    assert (state.missed, state.failures) == (8, 1)


def test_the_order_of_arrival_does_not_matter(sqlite_store: Store) -> None:
    cycles = [Cycle(SITE, T0 + minute * MINUTE, [sample("a", minute)], measured={"a"}) for minute in range(5)]
    write(sqlite_store, cycles[3], cycles[1])
    write(sqlite_store, cycles[4])
    write(sqlite_store, cycles[0], cycles[2])
    with sqlite_store.read() as conn:
        (newest,) = latest(conn, SITE)
        (line,) = read_range(conn, SITE, "a", T0, T0 + 10 * MINUTE)
    assert (newest.value, newest.previous_value) == (4.0, 3.0)
    assert line.value == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_the_previous_figure_gives_a_counter_its_rate(store: Store) -> None:
    write(store, Cycle(SITE, T0, [sample("requests_total", 100)]))
    write(store, Cycle(SITE, T0 + MINUTE, [sample("requests_total", 160)]))
    with store.read() as conn:
        (found,) = latest(conn, SITE)
    assert (found.value, found.previous_value) == (160.0, 100.0)
    assert found.previous_at == T0


def test_label_sets_that_do_not_come_back_leave_latest(store: Store) -> None:
    both = [sample("batches", 1, status="Draft"), sample("batches", 2, status="Failed")]
    write(store, Cycle(SITE, T0, [*both, sample("slow", 9)], measured={"batches", "slow"}))
    # `slow` is measured every five minutes: it did not run, so it stays.
    write(store, Cycle(SITE, T0 + MINUTE, both[:1], measured={"batches"}))
    assert values(store) == {("batches", "Draft"): 1.0, ("slow", ""): 9.0}
    write(store, Cycle(SITE, T0 + 2 * MINUTE, [], measured={"batches"}))
    assert values(store) == {("slow", ""): 9.0}
    write(store, Cycle(SITE, T0 + 3 * MINUTE, both[1:], measured={"batches"}))
    assert values(store) == {("batches", "Failed"): 2.0, ("slow", ""): 9.0}
    with store.read() as conn:
        lines = read_range(conn, SITE, "batches", T0, T0 + 10 * MINUTE)
    assert {line.labels["status"]: len(line.at) for line in lines} == {"Draft": 2, "Failed": 2}


def test_an_absence_lasts_until_the_metric_is_measured(store: Store) -> None:
    write(store, Cycle(SITE, T0, [], absences={"a": "first", "b": "other"}))
    write(store, Cycle(SITE, T0 + MINUTE, [], absences={"a": "second"}))
    with store.read() as conn:
        found = absences(conn, SITE)
    assert (found["a"].reason, found["a"].since, found["a"].at) == ("second", T0, T0 + MINUTE)
    assert found["b"].at == T0
    write(store, Cycle(SITE, T0 + 2 * MINUTE, [sample("a", 1)], measured={"a"}))
    # A late cycle from before does not bring it back.
    write(store, Cycle(SITE, T0 + MINUTE, [], absences={"a": "second"}))
    with store.read() as conn:
        assert set(absences(conn, SITE)) == {"b"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e301])
def test_what_is_no_figure_is_absent(store: Store, value: float) -> None:
    write(store, Cycle(SITE, T0, [sample("a", value), sample("b", 1)], measured={"a", "b"}))
    assert values(store) == {("b", ""): 1.0}
    with store.read() as conn:
        assert absences(conn, SITE)["a"].reason == NOT_A_FIGURE


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, 123456789012345678.0, -5e299, 2.0**53 - 1])
def test_figures_keep_every_bit(store: Store, value: float) -> None:
    write(store, Cycle(SITE, T0, [sample("a", value)]))
    with store.read() as conn:
        (line,) = read_range(conn, SITE, "a", T0, T0 + MINUTE)
    assert line.value == [value]
    assert values(store) == {("a", ""): value}


def test_a_transaction_that_is_undone_leaves_no_series_behind(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as conn:
        record(conn, [Cycle(SITE, T0, [sample("a", 1)])])
        raise RuntimeError
    # Somebody else's series gets the number that was free again.
    write(store, Cycle("other.example", T0, [sample("z", 26)]))
    write(store, Cycle(SITE, T0, [sample("a", 1)]))
    assert values(store) == {("a", ""): 1.0}
    assert values(store, "other.example") == {("z", ""): 26.0}


def test_names_differ_by_case_and_accent(store: Store) -> None:
    write(store, Cycle(SITE, T0, [sample("q", 1, queue="Short"), sample("q", 2, queue="short")]))
    write(store, Cycle(SITE, T0, [sample("q", 3, queue="shört")]))
    assert values(store) == {("q", "Short"): 1.0, ("q", "short"): 2.0, ("q", "shört"): 3.0}


def test_long_labels_stay_apart(store: Store) -> None:
    long = "é" * 600
    write(store, Cycle(SITE, T0, [sample("t", 1, table=long + "a"), sample("t", 2, table=long + "b")]))
    with store.read() as conn:
        found = latest(conn, SITE)
    assert sorted(one.value for one in found) == [1.0, 2.0]
    assert all(one.labels["table"].startswith("éé") for one in found)


def test_a_name_that_does_not_fit_is_refused(sqlite_store: Store) -> None:
    with pytest.raises(ValueError, match="metric"), sqlite_store.write() as conn:
        record(conn, [Cycle(SITE, T0, [sample("m" * 101, 1)])])
    with pytest.raises(ValueError, match="site"), sqlite_store.write() as conn:
        record(conn, [Cycle("s" * 141, T0, [])])


def test_gaps_are_noted_once(store: Store) -> None:
    for ends in (5, 8):
        with store.write() as conn:
            record_gap(conn, SITE, T0, T0 + ends * MINUTE, "the collector was stopped")
    with store.read() as conn:
        (gap,) = gaps(conn, SITE, T0 + 6 * MINUTE, T0 + 60 * MINUTE)
        assert gap.ends == T0 + 8 * MINUTE
        assert gaps(conn, SITE, T0 + 8 * MINUTE, T0 + 60 * MINUTE) == []
        assert gaps(conn, "other.example", T0, T0 + 60 * MINUTE) == []


def test_many_cycles_of_many_sites_at_once(store: Store) -> None:
    cycles = [
        Cycle(f"site{site}", T0 + minute * MINUTE, [sample(f"m{n}", n + minute) for n in range(20)])
        for minute in range(5)
        for site in range(30)
    ]
    write(store, *cycles)
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(tables.samples)).scalar() == 3000
        assert len(latest(conn, "site29", ["m3", "m4"])) == 2

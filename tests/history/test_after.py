"""What came after a moment, in the order of time, on each database."""

from datetime import UTC, datetime, timedelta

from baken.clock import to_ms
from baken.history import after
from baken.history.retention import maintain
from baken.history.samples import Cycle, Sample, record, write_past
from baken.history.store import Store

SITE = "leden.example"
NOW = datetime(2026, 3, 5, 7, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def cycle(at: datetime, *queues: str, site: str = SITE, absent: str = "") -> Cycle:
    samples = [Sample("jobs", (("queue", queue),), float(to_ms(at) % 1000)) for queue in queues]
    return Cycle(site, at, samples, measured=["jobs"], absences={"jobs": absent} if absent else {})


def put(store: Store, *cycles: Cycle) -> None:
    with store.write() as conn:
        record(conn, cycles)


def read(store: Store, start: datetime, end: datetime, site: str = SITE) -> list[tuple[int, int]]:
    with store.read() as conn:
        series = after.series_of_sites(conn, [site]).get(site, [])
        return [(each.at, len(each.values)) for each in after.moments(conn, site, series, to_ms(start), to_ms(end))]


def test_figures_come_in_order_whether_they_are_packed_or_not(store: Store) -> None:
    moments = [NOW - 3 * DAY + place * 30 * MINUTE for place in range(6 * 24 + 1)]
    put(store, *(cycle(at, "a", "b") for at in moments), cycle(NOW, "a", site="other"))
    for _ in range(2):
        assert read(store, moments[0], moments[-1]) == [(to_ms(at), 2) for at in moments[1:]]
        assert read(store, moments[3], moments[5]) == [(to_ms(at), 2) for at in moments[4:6]]
        assert read(store, NOW, NOW + DAY) == []
        maintain(store, NOW)
    with store.read() as conn:
        assert after.newest(conn) == {SITE: to_ms(NOW), "other": to_ms(NOW)}
        assert [len(each) for each in after.series_of_sites(conn, [SITE, "other", "none"]).values()] == [2, 1]


def test_a_past_without_a_run_is_known_as_well(store: Store) -> None:
    with store.write() as conn:
        write_past(conn, SITE, "jobs", {}, [to_ms(NOW - DAY), to_ms(NOW)], [1, 2], now=NOW)
    with store.read() as conn:
        assert after.newest(conn) == {SITE: to_ms(NOW)}


def test_where_it_goes_on(store: Store) -> None:
    first = NOW - 10 * DAY
    put(store, cycle(first, "a"), cycle(NOW, "a"))
    maintain(store, NOW)
    with store.read() as conn:
        found = after.next_at(conn, to_ms(first) - 1)
        assert found is not None
        assert found <= to_ms(first)
        found = after.next_at(conn, to_ms(first + DAY))
        assert found is not None
        assert to_ms(first + DAY) < found <= to_ms(NOW)
        assert after.next_at(conn, to_ms(NOW)) is None


def test_what_ended_since(store: Store) -> None:
    put(store, cycle(NOW - 9 * MINUTE, "old", "a", "b"), cycle(NOW - 8 * MINUTE, "a", "b"))
    put(store, cycle(NOW - 6 * MINUTE, "a"), cycle(NOW - 5 * MINUTE, "a"))

    def ended(since: datetime) -> list[tuple[int, str]]:
        with store.read() as conn:
            return [(at, series.labels) for at, series in after.ended(conn, SITE, to_ms(since))]

    def there() -> list[str]:
        with store.read() as conn:
            return [series.labels for series in after.present(conn, SITE)]

    assert ended(NOW - 7 * MINUTE) == [(to_ms(NOW - 5 * MINUTE), '{"queue":"b"}')]
    assert ended(NOW - 5 * MINUTE) == []
    assert there() == ['{"queue":"a"}']
    put(store, cycle(NOW - 3 * MINUTE, absent="away"), cycle(NOW - 2 * MINUTE, absent="away"))
    assert ended(NOW - 4 * MINUTE) == [(to_ms(NOW - 3 * MINUTE), '{"queue":"a"}')]
    assert there() == []
    put(store, cycle(NOW, "a"))
    assert there() == ['{"queue":"a"}']

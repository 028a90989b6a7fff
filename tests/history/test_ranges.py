"""A stretch of history reads the same before and after its days are packed, summed up and thinned out."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from baken.clock import from_ms, to_ms
from baken.history.retention import Retention, maintain
from baken.history.samples import Cycle, Points, Sample, read_range, record, write_past
from baken.history.store import Store

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
T0 = datetime(2026, 3, 1, tzinfo=UTC)
NOW = T0 + 4 * DAY + 7 * HOUR
SITE = "leden.example"
# Nothing was measured on the second day from 6 to 18 o'clock.
HOLE = (T0 + DAY + 6 * HOUR, T0 + DAY + 18 * HOUR)
EVERY = timedelta(minutes=10)


def moments(until: datetime = NOW) -> list[datetime]:
    all_of_them = [T0 + EVERY * place for place in range((until - T0) // EVERY)]
    return [at for at in all_of_them if not HOLE[0] <= at < HOLE[1]]


def figure(at: datetime) -> float:
    minutes = (at - T0) // timedelta(minutes=1)
    return round(100 + 50 * math.sin(minutes / 300) + minutes % 7 / 3, 3)


def fill(store: Store, *, skip: datetime | None = None) -> None:
    with store.write() as conn:
        record(
            conn,
            [
                Cycle(
                    SITE,
                    at,
                    [
                        Sample("load", (("window", "1m"),), figure(at)),
                        Sample("load", (("window", "5m"),), -figure(at)),
                        Sample("requests_total", (), float((at - T0) // EVERY)),
                    ],
                )
                for at in moments()
                if at != skip
            ],
        )


def read(store: Store, start: datetime = T0, end: datetime = NOW, *, metric: str = "load", **options: object) -> Points:
    if metric == "load":
        options.setdefault("labels", {"window": "1m"})
    with store.read() as conn:
        (line,) = read_range(conn, SITE, metric, start, end, **options)  # type: ignore[arg-type]
    return line


def expected(step: timedelta, start: datetime = T0, end: datetime = NOW) -> dict[int, list[float]]:
    width = step // timedelta(milliseconds=1)
    groups: dict[int, list[float]] = {}
    for at in moments():
        if start <= at < end:
            groups.setdefault(to_ms(at) // width * width, []).append(figure(at))
    return groups


STEPS = [timedelta(minutes=30), HOUR, 6 * HOUR, 7 * HOUR, DAY, 2 * DAY]


@pytest.mark.parametrize("packed", [False, True])
def test_samples_come_back_one_by_one(store: Store, packed: bool) -> None:
    fill(store)
    if packed:
        assert maintain(store, NOW).packed > 0
    line = read(store)
    assert line.labels == {"window": "1m"}
    assert line.at == [to_ms(at) for at in moments()]
    assert line.value == [figure(at) for at in moments()]
    assert line.minimum is None
    part = read(store, T0 + 5 * HOUR, T0 + DAY + HOUR)
    assert part.at == [to_ms(at) for at in moments() if T0 + 5 * HOUR <= at < T0 + DAY + HOUR]
    with store.read() as conn:
        assert len(read_range(conn, SITE, "load", T0, NOW)) == 2
        assert read_range(conn, SITE, "load", *HOLE) == []
        assert read_range(conn, SITE, "nothing", T0, NOW) == []


@pytest.mark.parametrize("packed", [False, True])
def test_steps_are_means_and_extremes_and_gaps_stay_gaps(store: Store, packed: bool) -> None:
    fill(store)
    if packed:
        maintain(store, NOW)
    for step in STEPS:
        line, groups = read(store, step=step), expected(step)
        assert line.at == sorted(groups)
        assert line.value == pytest.approx([sum(some) / len(some) for some in groups.values()])
        assert line.minimum == [min(some) for some in groups.values()]
        assert line.maximum == [max(some) for some in groups.values()]
    hours = read(store, step=HOUR).at
    assert not [at for at in hours if HOLE[0] <= from_ms(at) < HOLE[1]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_step_of_a_counter_is_its_last_value(sqlite_store: Store, packed: bool) -> None:
    fill(sqlite_store)
    if packed:
        maintain(sqlite_store, NOW)
    for step in STEPS:
        width = step // timedelta(milliseconds=1)
        last = {to_ms(at) // width * width: float((at - T0) // EVERY) for at in moments()}
        line = read(sqlite_store, metric="requests_total", step=step, counter=True)
        assert dict(zip(line.at, line.value, strict=True)) == last


def test_coarser_figures_stand_in_where_finer_ones_are_gone(store: Store) -> None:
    fill(store)
    # Raw for one day, hours for two, days for ever: each source has its part of the range.
    maintain(store, NOW, Retention(raw_days=1, hourly_days=2))
    line = read(store)
    days = [to_ms(T0), to_ms(T0 + DAY)]
    hours = [to_ms(T0 + 2 * DAY + hour * HOUR) for hour in range(24)]
    samples = [to_ms(at) for at in moments() if at >= T0 + 3 * DAY]
    assert line.at == days + hours + samples
    by_day, by_hour = expected(DAY), expected(HOUR)
    assert line.value[0] == pytest.approx(sum(by_day[days[0]]) / len(by_day[days[0]]))
    assert line.value[5] == pytest.approx(sum(by_hour[hours[3]]) / len(by_hour[hours[3]]))
    assert line.minimum is not None
    assert line.minimum[1] == min(by_day[days[1]])
    for step in (DAY, 2 * DAY):
        groups = expected(step)
        line = read(store, step=step)
        assert line.at == sorted(groups)
        assert line.value == pytest.approx([sum(some) / len(some) for some in groups.values()])


def test_a_late_sample_counts_once_before_and_after_it_is_folded(store: Store) -> None:
    late = moments()[40]
    fill(store, skip=late)
    maintain(store, NOW)
    fill(store)  # Everything again, and with it the one that was missing.
    for _ in range(2):
        assert read(store).value == [figure(at) for at in moments()]
        for step in (HOUR, DAY):
            groups = expected(step)
            assert read(store, step=step).value == pytest.approx([sum(some) / len(some) for some in groups.values()])
        maintain(store, NOW + HOUR + EVERY)
        with store.read() as conn:
            counted = conn.exec_driver_sql("SELECT SUM(count) FROM baken_daily").scalar()
        assert counted == 3 * len([at for at in moments() if at < T0 + 4 * DAY])


def test_a_late_sample_does_not_undo_the_sums_of_a_day_whose_samples_are_gone(store: Store) -> None:
    fill(store)
    limits = Retention(raw_days=1)
    maintain(store, NOW, limits)
    before = read(store, step=HOUR)
    with store.write() as conn:
        record(conn, [Cycle(SITE, T0 + HOUR, [Sample("load", (("window", "1m"),), 1e6)])])
    assert read(store, step=HOUR) == before
    maintain(store, NOW + 2 * HOUR, limits)
    assert read(store, step=HOUR) == before


def test_a_written_past_reads_like_a_measured_one(store: Store) -> None:
    fill(store)
    at = moments()
    for _ in range(2):  # Again changes nothing.
        with store.write() as conn:
            write_past(
                conn,
                "past.example",
                "load",
                {"window": "1m"},
                [to_ms(moment) for moment in at],
                [figure(moment) for moment in at],
                now=NOW,
            )
    maintain(store, NOW)
    for step in (None, *STEPS):
        with store.read() as conn:
            (written,) = read_range(conn, "past.example", "load", T0, NOW, step=step)
        assert written == read(store, step=step)


def test_a_written_past_keeps_only_the_sums_of_old_days(sqlite_store: Store) -> None:
    at = [to_ms(moment) for moment in moments()]
    with sqlite_store.write() as conn:
        write_past(conn, SITE, "load", {}, at, [1.0] * len(at), now=NOW, raw_days=2)
        assert conn.exec_driver_sql("SELECT COUNT(*) FROM baken_chunks").scalar() == 2
        assert conn.exec_driver_sql("SELECT COUNT(*) FROM baken_daily").scalar() == 4
        with pytest.raises(ValueError, match="beyond now"):
            write_past(conn, SITE, "load", {}, [to_ms(NOW) + 1], [1.0], now=NOW)

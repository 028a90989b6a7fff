"""Maintenance: nothing lost and nothing twice, also when it is killed; and what is old goes."""

import math
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import BigInteger, Connection, Table, func, insert, select, update

from baken.clock import to_ms
from baken.history import audit, releases, requests, retention, tables, websessions
from baken.history.packing import decode
from baken.history.retention import Retention, maintain
from baken.history.samples import Cycle, Sample, latest, read_range, record, record_gap
from baken.history.store import Store
from tests.alerts.filled import alert_row, outbox_row, put, put_event, put_outbox
from tests.errors.logs import after_steps, started

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
T0 = datetime(2026, 3, 1, tzinfo=UTC)
SITE = "leden.example"


def fill(store: Store, *, days: int, series: int, every: timedelta) -> None:
    """Samples of `series` series over whole days; 0.1 sums up differently in another order."""
    cycles = [
        Cycle(
            SITE,
            T0 + place * every,
            [Sample(f"m{number:03}", (), number + place * 0.1) for number in range(series)],
        )
        for place in range(days * (DAY // every))
    ]
    with store.write() as conn:
        record(conn, cycles)


def count(store: Store, table: Table) -> int:
    with store.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def everything(store: Store) -> dict[int, dict[int, float]]:
    """Every sample of every series, from wherever it is; fails when one is in two places."""
    found: dict[int, dict[int, float]] = {}
    with store.read() as conn:
        for number, at, value in conn.execute(select(tables.samples)):
            found.setdefault(number, {})[at] = value
        for number, data in conn.execute(select(tables.chunks.c.series_id, tables.chunks.c.data)):
            own = found.setdefault(number, {})
            for at, value in zip(*decode(data), strict=True):
                assert at not in own
                own[at] = value
    return found


def check_sums(store: Store) -> None:
    """Hours and days say exactly what the packed samples say."""
    with store.read() as conn:
        chunks = {(row.series_id, row.day): decode(row.data) for row in conn.execute(select(tables.chunks))}
        for table, width in ((tables.hourly, 3_600_000), (tables.daily, 86_400_000)):
            wanted: dict[tuple[int, int], list[float]] = {}
            for (number, _), (moments, values) in chunks.items():
                for at, value in zip(moments, values, strict=True):
                    wanted.setdefault((number, at // width * width), []).append(value)
            rows = {(row["series_id"], row["at"]): row for row in conn.execute(select(table)).mappings()}
            assert rows.keys() == wanted.keys()
            for key, values in wanted.items():
                row = rows[key]
                assert (row["count"], row["min"], row["max"], row["sum"], row["last"]) == (
                    len(values),
                    min(values),
                    max(values),
                    math.fsum(values),
                    values[-1],
                )


def test_sums_equal_the_samples_they_came_from(store: Store) -> None:
    fill(store, days=3, series=5, every=timedelta(minutes=15))
    before = everything(store)
    done = maintain(store, T0 + 3 * DAY + HOUR)
    # The last day still has an hour of grace.
    assert (done.packed, done.complete) == (5 * 2 * 96, True)
    assert count(store, tables.samples) == 5 * 96
    assert everything(store) == before
    check_sums(store)
    done = maintain(store, T0 + 3 * DAY + 2 * HOUR)
    assert done.packed == 5 * 96
    assert count(store, tables.samples) == 0
    assert everything(store) == before
    check_sums(store)
    again = maintain(store, T0 + 3 * DAY + 2 * HOUR)
    assert (again.packed, again.deleted, again.complete) == (0, {}, True)


def test_a_call_without_time_goes_on_where_the_last_one_stopped(store: Store) -> None:
    fill(store, days=3, series=90, every=timedelta(hours=2))
    before = everything(store)
    calls = 0
    while not maintain(store, T0 + 4 * DAY, budget=timedelta(0)).complete:
        calls += 1
        assert calls < 40
    assert calls > 5
    assert everything(store) == before
    assert count(store, tables.samples) == 0
    check_sums(store)


def test_what_is_too_old_goes_and_the_rest_stays(store: Store) -> None:
    fill(store, days=12, series=3, every=timedelta(hours=3))
    now = T0 + 12 * DAY + 3 * HOUR
    done = maintain(store, now, Retention(raw_days=3, hourly_days=5, daily_days=8))
    assert done.complete
    with store.read() as conn:
        for table, name, first in (
            (tables.chunks, "day", 9),
            (tables.hourly, "at", 7),
            (tables.daily, "at", 4),
        ):
            oldest = conn.execute(select(func.min(table.c[name]))).scalar()
            assert oldest == to_ms(T0 + first * DAY)
    assert count(store, tables.daily) == 3 * 8
    # A limit that becomes shorter later works the same way.
    later = now + 2 * HOUR
    assert maintain(store, later, Retention(raw_days=1, hourly_days=1, daily_days=1)).deleted["daily"] == 21
    assert count(store, tables.hourly) == 3 * 8
    assert count(store, tables.latest) == 3


def test_years_of_sums_go_in_several_transactions(sqlite_store: Store) -> None:
    fill(sqlite_store, days=200, series=1, every=12 * HOUR)
    now = T0 + 201 * DAY
    maintain(sqlite_store, now)
    assert count(sqlite_store, tables.daily) == 200
    done = maintain(sqlite_store, now + 2 * HOUR, Retention(raw_days=10, hourly_days=10, daily_days=10))
    assert (done.deleted["daily"], done.deleted["hourly"], done.deleted["chunks"]) == (191, 382, 80)


def pattern_row(number: int, last_seen: int, merged_into: int | None) -> dict[str, object]:
    row: dict[str, object] = {}
    for column in tables.error_patterns.c:
        row[column.name] = None if column.nullable else 0 if isinstance(column.type, BigInteger) else ""
    return row | {
        "number": number,
        "id": f"{number:016}",
        "site": SITE,
        "last_seen": last_seen,
        "merged_into": merged_into,
    }


def test_rows_that_are_not_samples_have_their_limits_too(store: Store) -> None:
    now = T0 + 400 * DAY
    with store.write() as conn:
        for age in (399, 200, 1):
            audit.write(conn, at=now - age * DAY, site=SITE, user="els", action=f"{age} days ago")
            record_gap(conn, SITE, now - (age + 1) * DAY, now - age * DAY, "stopped")
        for name, ttl in (("old", HOUR), ("new", 401 * DAY)):
            websessions.create(
                conn,
                id=name,
                group=name,
                site=SITE,
                user="els",
                full_name="Els",
                roles=["System Manager"],
                csrf="c",
                language="nl",
                now=T0,
                ttl=ttl,
            )
        websessions.record_attempt(conn, "key", T0)
        websessions.record_attempt(conn, "key", now)
        requests.ask(conn, SITE, "els", T0)
        for number, (seen, into) in enumerate(((10, None), (399, None), (399, None), (9, 3)), start=1):
            conn.execute(insert(tables.error_patterns), pattern_row(number, to_ms(now - seen * DAY), into))
        for counts, moment in (
            (tables.error_counts, "hour"),
            (tables.error_hits, "hour"),
            (tables.error_hit_days, "day"),
        ):
            more = {} if counts is tables.error_counts else {"context": 1}
            conn.execute(
                insert(counts),
                [{"pattern": 1, moment: to_ms(now - age * DAY), "count": 1, **more} for age in (399, 200, 50)],
            )
        record(conn, [Cycle("gone.example", T0, [Sample("a", (), 1)], absences={"b": "no"})])
        record(conn, [Cycle(SITE, now, [Sample("a", (), 1)], absences={"b": "no"})])
    assert maintain(store, now, Retention(hourly_days=365, daily_days=365, audit_days=300)).complete
    with store.read() as conn:
        assert [entry.action for entry in audit.entries(conn)] == ["1 days ago", "200 days ago"]
        assert len(websessions.of_group(conn, "new", now)) == 1
        assert websessions.attempts_since(conn, "key", T0) == 1
        assert requests.asked(conn) == []
        assert latest(conn, "gone.example") == []
        assert len(latest(conn, SITE)) == 1
    assert count(store, tables.gaps) == 2
    assert count(store, tables.web_sessions) == 1
    assert [count(store, each) for each in (tables.error_counts, tables.error_hits, tables.error_hit_days)] == [2, 1, 2]
    # The pattern that another one is merged into stays with it, however long ago it was seen itself.
    with store.read() as conn:
        assert sorted(conn.execute(select(tables.error_patterns.c.number)).scalars()) == [1, 3, 4]
    assert count(store, tables.absences) == 1


def numbers(conn: Connection) -> list[int]:
    return list(conn.execute(select(tables.alerts.c.number).order_by(tables.alerts.c.number)).scalars())


def test_alerts_go_with_their_trail_when_they_have_been_over_for_long_enough(store: Store) -> None:
    now = T0 + 400 * DAY

    def alert(age: float, over: float | None, **given: Any) -> dict[str, Any]:
        fired = now - age * DAY
        status, at = ("Active", None) if over is None else ("Resolved", now - over * DAY)
        return alert_row(rule=f"RULE_{age}", fired=fired, status=status, resolved_at=at, **given)

    with store.write() as conn:
        old, waits, still_open, late, young, misdated = put(
            conn,
            alert(200, 150),
            alert(190, 150),
            alert(180, None),
            alert(170, 50),
            alert(30, 20),
            # Numbered by a clock that was set back: it is found later, and never too early.
            alert(160, 140),
        )
        for number in (old, waits, late):
            put_event(conn, number, "fired", now - 150 * DAY)
            put_event(conn, number, "resolved", now - 140 * DAY)
            conn.execute(insert(tables.alert_mirrors).values(channel="site", alert=number, name=f"A-{number}"))
        long_ago, lately = now - 120 * DAY, now - 80 * DAY
        put_outbox(
            conn,
            outbox_row("waits", alert=waits, created=long_ago),
            outbox_row("sent", alert=old, state="sent", created=long_ago, sent_at=long_ago),
            outbox_row("sent late", alert=old, state="sent", created=long_ago, sent_at=lately),
            outbox_row("dropped", state="dropped", created=long_ago),
            outbox_row("dropped lately", state="dropped", created=lately),
        )
    assert maintain(store, now, alerts=Retention(closed_days=100)).complete
    with store.read() as conn:
        assert numbers(conn) == [waits, still_open, late, young, misdated]
        assert set(conn.execute(select(tables.alert_events.c.alert)).scalars()) == {waits, late}
        assert set(conn.execute(select(tables.alert_mirrors.c.alert)).scalars()) == {waits, late}
        assert set(conn.execute(select(tables.outbox.c.key)).scalars()) == {"waits", "sent late", "dropped lately"}
    # The one that waited was told; later ones come into reach when those before them are old enough.
    with store.write() as conn:
        conn.execute(update(tables.outbox).where(tables.outbox.c.key == "waits").values(state="dropped"))
    assert maintain(store, now + 75 * DAY, alerts=Retention(closed_days=100)).complete
    with store.read() as conn:
        assert numbers(conn) == [still_open, young]
        assert list(conn.execute(select(tables.alert_events.c.alert)).scalars()) == []
        assert list(conn.execute(select(tables.alert_mirrors.c.alert)).scalars()) == []
    assert count(store, tables.outbox) == 0


def test_an_alert_that_is_opened_again_while_old_ones_go_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = T0 + 400 * DAY
    with store.write() as conn:
        rows = [alert_row(rule=rule, fired=now - 20 * DAY, status="Resolved") for rule in ("AGAIN", "GONE")]
        again, gone = put(conn, *rows)
        for number in (again, gone):
            put_event(conn, number, "fired", now - 20 * DAY)
    found = retention._closed_alerts

    def find_and_open(*given: Any) -> Any:
        chosen = found(*given)
        with store.write() as conn:
            values = {"status": "Active", "open_key": "again", "resolved_at": None}
            conn.execute(update(tables.alerts).where(tables.alerts.c.number == again).values(**values))
        return chosen

    monkeypatch.setattr(retention, "_closed_alerts", find_and_open)
    done = maintain(store, now, alerts=Retention(closed_days=10))
    assert done.deleted == {"alerts": 1, "alert_events": 1}
    with store.read() as conn:
        assert numbers(conn) == [again]
        assert list(conn.execute(select(tables.alert_events.c.alert)).scalars()) == [again]


def test_a_call_without_time_goes_on_with_alerts_where_the_last_one_stopped(sqlite_store: Store) -> None:
    now = T0 + 400 * DAY
    with sqlite_store.write() as conn:
        old = alert_row(fired=now - 20 * DAY, status="Resolved")
        conn.execute(insert(tables.alerts), [old] * 450)
    left = []
    while not maintain(sqlite_store, now, alerts=Retention(closed_days=10), budget=timedelta(0)).complete:
        left.append(count(sqlite_store, tables.alerts))
        assert len(left) < 20
    assert left == [350, 250, 150, 50, 0]


def test_silences_links_and_requests_have_their_limits(store: Store) -> None:
    now = T0 + 400 * DAY
    silence: dict[str, object] = {
        "site": SITE,
        "kind": "silence",
        "matchers": "{}",
        "recurrence": "",
        "comment": "",
        "created_by": "els",
    }
    silence |= {"created_at": to_ms(T0), "starts": to_ms(T0), "ended_by": "", "ended_at": None}
    with store.write() as conn:
        for ends, ended in ((150, None), (50, None), (-50, None), (50, 150), (-50, 50), (None, None), (None, 150)):
            moments = {"ends": ends, "ended_at": ended}
            given = {name: None if age is None else to_ms(now - age * DAY) for name, age in moments.items()}
            comment = f"ends {ends}, ended {ended}"
            conn.execute(insert(tables.silences).values(**(silence | given | {"comment": comment})))
        for name, age in (("old", 31), ("new", 29)):
            conn.execute(insert(tables.alert_links).values(id=name, at=to_ms(now - age * DAY)))
        for name, asked, done in (("done", 50, 30), ("fresh", 30, 20), ("never", 25, None), ("waits", 1, None)):
            moment = None if done is None else to_ms(now - done * HOUR)
            row = {"id": name, "site": SITE, "kind": "test", "at": to_ms(now - asked * HOUR), "by": "els"}
            conn.execute(insert(tables.alert_requests).values(**row, done_at=moment, answer=""))
    assert maintain(store, now, alerts=Retention(closed_days=100)).complete
    with store.read() as conn:
        assert set(conn.execute(select(tables.silences.c.comment)).scalars()) == {
            "ends 50, ended None",
            "ends -50, ended None",
            "ends -50, ended 50",
            "ends None, ended None",
        }
        assert list(conn.execute(select(tables.alert_links.c.id)).scalars()) == ["new"]
        assert set(conn.execute(select(tables.alert_requests.c.id)).scalars()) == {"fresh", "waits"}


def test_versions_of_apps_are_remembered_however_old(store: Store) -> None:
    now = T0 + 400 * DAY
    with store.write() as conn:
        releases.note(conn, SITE, {"erpnext": "15.1", "frappe": "15.1"}, T0)
        releases.note(conn, SITE, {"erpnext": "15.1", "frappe": "15.2"}, now - 10 * DAY)
    maintain(store, now, Retention(daily_days=30))
    with store.write() as conn:
        assert [each.app for each in releases.recent(conn, SITE)] == ["frappe"]
        assert releases.note(conn, SITE, {"erpnext": "15.1", "frappe": "15.2"}, now) == []


KILLED = """
import sys
import threading
from datetime import datetime, timedelta
from baken.history.store import open_store
from baken.history.retention import Retention, maintain
store, left = open_store(sys.argv[1]), int(sys.argv[3])
print("ready", flush=True)
while not maintain(store, datetime.fromisoformat(sys.argv[2]), budget=timedelta(0)).complete:
    print("step", flush=True)
    left -= 1
    if not left:
        threading.Event().wait()
print("done", flush=True)
"""


def test_killed_at_any_moment_nothing_is_lost_or_counted_twice(store: Store) -> None:
    fill(store, days=6, series=80, every=timedelta(hours=1))
    before = everything(store)
    now = T0 + 7 * DAY
    generator = random.Random(5)
    for steps in range(3):
        # It is killed in one of the two steps after those, before it has done all: there are fourteen.
        with started(KILLED, store.url, now.isoformat(), str(steps + 2)) as process:
            after_steps(process, steps)
            time.sleep(generator.uniform(0.0, 0.06))
        assert everything(store) == before
        check_sums(store)
        assert count(store, tables.samples) > 0
    # A server may need a moment to notice that the killed client is gone.
    assert maintain(store, now).complete
    assert everything(store) == before
    assert count(store, tables.samples) == 0
    check_sums(store)


STEPWISE = """
import sys
from datetime import datetime, timedelta
from baken.history.store import open_store
from baken.history.retention import Retention, maintain
store = open_store(sys.argv[1])
for _ in sys.stdin:
    complete = maintain(store, datetime.fromisoformat(sys.argv[2]), budget=timedelta(0)).complete
    print("done" if complete else "step", flush=True)
"""


def test_a_reader_sees_every_sample_once_while_days_are_packed(store: Store) -> None:
    fill(store, days=6, series=50, every=timedelta(hours=1))
    process = subprocess.Popen(
        [sys.executable, "-c", STEPWISE, store.url, (T0 + 7 * DAY).isoformat()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    readings, said = 0, "step\n"
    while said == "step\n":
        process.stdin.write("go on\n")
        process.stdin.flush()
        for _ in range(3):
            with store.read() as conn:
                (line,) = read_range(conn, SITE, "m041", T0, T0 + 6 * DAY)
                (hours,) = read_range(conn, SITE, "m041", T0, T0 + 6 * DAY, step=HOUR)
            assert len(line.at) == len(hours.at) == 144
        readings += 1
        said = process.stdout.readline()
    assert said == "done\n"
    assert readings > 3
    process.communicate()

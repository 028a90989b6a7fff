"""What a site sends and what its other sources show of the same failures: n are n, in any order and with any delay."""

import gc
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from baken.clock import to_ms
from baken.errors import counts, echoes, findings, people, sentry_count, sentry_echoes
from baken.errors.collect import collect
from baken.errors.event import (
    DEFERRED,
    ERROR_LOG,
    FAILED_JOBS,
    FRAPPE_LOG,
    SCHEDULED_JOBS,
    SENTRY,
    WORKER_LOG,
    Event,
)
from baken.errors.sentry import Sent
from baken.history.store import Store, open_store
from baken.history.tables import error_contexts, error_counts, error_echoes, error_patterns
from baken.settings import Settings
from baken.sites.site import Site
from tests.errors.logs import JOB, NAME, PSEUDONYMS, WEB, Log, site_at, store_at, traceback
from tests.errors.redis_site import NOW, Bench
from tests.errors.test_echoes import METHOD, rq, total
from tests.servers import RedisServer

SECOND = timedelta(seconds=1)
FLUSHED = timedelta(minutes=15)
REACH = echoes.Reach(content=True, failure=True, horizon=to_ms(NOW - timedelta(days=1)), sent=True)
USER = "jan@leden.example"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('sent') / 'store.db'}")
    store.migrate()
    yield store
    store.close()
    gc.collect()


def shown(letter: str, number: int, text: str) -> Event:
    """What one source shows of the failure `number`; "N" is what was sent, "L" a row whose waiting nobody saw."""
    at = NOW - FLUSHED + number * SECOND
    job, web = rq(f"{text} failed"), traceback("builtins.ValueError", f"{text} failed", head=WEB)
    if letter == "N":
        return Event(SENTRY, f"sent{number}", at, f"{text} failed", job, USER)
    if letter == "D":
        return Event(DEFERRED, f"wait{number}", at, f"{text} failed", web, USER, 1)
    if letter in "FL":
        return Event(ERROR_LOG, f"row{number}", at + FLUSHED - SECOND, f"{text} failed", web, "Administrator", 1)
    if letter == "E":
        body = traceback("builtins.ValueError", f"{text} failed", head=JOB)
        return Event(ERROR_LOG, f"row{number}", at, METHOD, body, USER, 1)
    if letter == "T":
        return Event(ERROR_LOG, f"row{number}", at + SECOND, "Payment failed", f"{text}: see Mollie", USER, 1)
    name = f"{NAME}::{number}"
    if letter == "S":
        return Event(SCHEDULED_JOBS, f"log{number}", at, METHOD, job, None, 1, METHOD)
    if letter == "R":
        return Event(FAILED_JOBS, name, at + SECOND, METHOD, job, None, 1, METHOD)
    return Event(WORKER_LOG, name, at + SECOND, None, job, None, 1, "")


def counted(store: Store, steps: list[list[Event]], now: Any = NOW) -> list[Event]:
    """What of the events of these steps is counted; what was sent comes by itself, as from the web process."""
    found: list[Event] = []
    users = people.at_hand(Site(site_at(Path("none")).config, Settings()), {USER}, PSEUDONYMS)[0]
    with store.write() as conn:
        conn.execute(error_echoes.delete())
        for step in steps:
            sent = [event for event in step if event.source == SENTRY]
            rest = counts.digest([event for event in step if event.source != SENTRY], users)
            arrived = [(each, each.at) for each in counts.digest(sent, users)]
            found += [each.event for each in sentry_echoes.arrive(conn, NAME, arrived, to_ms(now))]
            left = echoes.settle(conn, NAME, rest, REACH, listed=None, now=to_ms(now))
            found += [each.event for each in sentry_echoes.meet(conn, NAME, left, to_ms(now))]
    return found


# What is sent of each failure with such letters, and by which other sources it is shown.
SENT = ("NE", "NER", "NERW", "NDF", "NL", "NR", "NW", "NSW", "ND", "NEW")
APART = ("E", "ER", "DF", "R", "L", "SW")


@st.composite
def _looks(draw: st.DrawFn) -> tuple[int, list[list[Event]]]:
    makes = draw(st.lists(st.tuples(st.sampled_from(SENT), st.sampled_from("aab")), min_size=1, max_size=10))
    makes += draw(st.lists(st.tuples(st.sampled_from(APART), st.sampled_from("cd")), max_size=4))
    makes += draw(st.lists(st.tuples(st.just("N"), st.sampled_from("ef")), max_size=3))
    # One of a kind at a time, where two ways of the same failure could be taken for each other.
    kinds: dict[str, str] = {}
    makes = [(kinds.setdefault(text, letters), text) for letters, text in makes]
    events = [shown(letter, number, text) for number, (letters, text) in enumerate(makes) for letter in letters]
    order = draw(st.permutations(events))
    # A row is filed when its waiting is over.
    order = sorted(order, key=lambda event: event.source == ERROR_LOG and _waited(event, order))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=10)))
    steps = [order[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return len(makes), steps


def _waited(row: Event, events: list[Event]) -> bool:
    return any(event.source == DEFERRED and event.name[4:] == row.name[3:] for event in events)


@settings(max_examples=400, deadline=None)
@given(_looks())
def test_n_failures_are_n_in_any_order(kept: Store, looks: tuple[int, list[list[Event]]]) -> None:
    failures, steps = looks
    assert len(counted(kept, steps)) == failures


@pytest.mark.parametrize("order", ["NT", "TN"])
def test_a_row_with_words_of_its_own_is_what_was_sent_at_that_moment(kept: Store, order: str) -> None:
    assert len(counted(kept, [[shown(letter, 1, "a")] for letter in order])) == 1
    assert len(counted(kept, [[shown(order[0], 1, "a")], [shown(order[1], 9, "a")]])) == 2


def test_a_row_with_words_of_its_own_and_the_failure_that_went_on(kept: Store) -> None:
    """The app files it, raises on, and Frappe files it as well: two rows, of which the first was sent."""
    for order in ("NTE", "TEN", "ENT", "TNE"):
        assert len(counted(kept, [[shown(letter, 1, "a")] for letter in order])) == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_message_that_was_cut(kept: Store, order: tuple[int, int]) -> None:
    text = "word " * 900
    both = [
        Event(SENTRY, "1", NOW, "Bank import <b>x</b>", f"{text[:990]}...", USER),
        Event(ERROR_LOG, "row", NOW, "Bank import x", text, USER, 1),
    ]
    assert len(counted(kept, [[both[place]] for place in order])) == 1


def test_a_title_that_frappe_refuses(kept: Store) -> None:
    said = "a failure with very many words " * 8
    sent = Event(SENTRY, "1", NOW, said[:140], rq(said), USER)
    lost = Event(FRAPPE_LOG, "1:2", NOW + SECOND, said.strip(), None, None, 1, lost=True)
    for steps in ([[sent], [lost]], [[lost], [sent]]):
        assert len(counted(kept, steps)) == 1


def test_what_is_sent_twice_counts_once(kept: Store) -> None:
    sent = shown("N", 1, "a")
    assert len(counted(kept, [[sent, sent], [sent], [shown("E", 1, "a")], [sent]])) == 1
    nameless = replace(sent, name="")
    assert len(counted(kept, [[nameless], [nameless]])) == 2


def test_what_nothing_meets_any_more_is_forgotten(kept: Store) -> None:
    counted(kept, [[shown("N", 1, "a"), shown("E", 2, "b")]])
    with kept.write() as conn:
        assert conn.execute(select(func.count()).select_from(error_echoes)).scalar_one() > 3
        sentry_echoes.prune(conn, NAME, to_ms(NOW + timedelta(hours=3)))
        left = {row.source[0] for row in conn.execute(select(error_echoes.c.source))}
        assert left == {"E", "N"}
        sentry_echoes.prune(conn, NAME, to_ms(NOW + timedelta(days=9)))
        assert {row.source[0] for row in conn.execute(select(error_echoes.c.source))} == {"E"}


def sent_now(site: Site, store: Store, events: list[Event], now: Any = NOW) -> counts.Applied:
    users = people.at_hand(site, {event.user for event in events if event.user}, PSEUDONYMS)[0]
    return sentry_count.count(store, site, [Sent(each, each.at, NAME, "15.55.1", "x") for each in events], users, now)


def opened(site: Site) -> Site:
    """The site as of a Baken that has a key for what is sent."""
    return Site(site.config, Settings.model_validate({"incoming": {"sentry_key": "k" * 32}}))


def test_with_real_sources(tmp_path: Path, redis_server: RedisServer, store: Store) -> None:
    redis_server.flush()
    bench = Bench(tmp_path, redis_server)
    bench.site = opened(bench.site)
    body = traceback("builtins.ValueError", "no", head=WEB)
    at = NOW - timedelta(minutes=1)
    sent = Event(SENTRY, "one", at, "no", rq("no"), USER)
    assert sent_now(bench.site, store, [sent]).rows == 1
    bench.push(at, "no", body, user=USER)
    assert bench.collect(store, NOW).rows == 0
    assert bench.flush(NOW + 5 * SECOND) == 1
    assert bench.collect(store, NOW + 10 * SECOND).rows == 0
    # The other way round, and with the job's failure.
    name = bench.fail(NOW + 11 * SECOND, METHOD, rq("yes"))
    bench.complain(NOW + 11 * SECOND, name, rq("yes"))
    assert bench.collect(store, NOW + 12 * SECOND).rows == 1
    late = Event(SENTRY, "two", NOW + 11 * SECOND, METHOD, rq("yes"), USER, job=METHOD)
    assert sent_now(bench.site, store, [late], NOW + 13 * SECOND).rows == 0
    assert total(store) == 2
    with store.read() as conn:
        told = {each["source"]: each for each in findings.found(conn, NAME, NOW)["sources"]}
        assert told[SENTRY]["state"] == "ok"
        assert USER not in repr([conn.execute(select(table)).all() for table in (error_patterns, error_contexts)])
        assert conn.execute(select(error_contexts.c.user)).scalars().first() == PSEUDONYMS.of("user", USER)
    redis_server.flush()


@pytest.fixture(params=["sqlite", "mariadb", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        found = store_at(tmp_path / "store.db")
    else:
        found = open_store(request.getfixturevalue(request.param).create_database("sent_errors"))
        found.migrate()
    yield found
    found.close()


def test_the_web_process_and_the_collector_at_the_same_time(shared: Store, log: Log) -> None:
    number, failures = 40, 5
    start = threading.Barrier(3)
    problems: list[BaseException] = []
    log.connection.execute("PRAGMA journal_mode = wal")

    def text(place: int) -> str:
        return traceback("builtins.ValueError", "abcde"[place % failures], head=WEB)

    def send(turn: int) -> None:
        site = opened(site_at(log.path))
        start.wait()
        for place in range(turn, number, 2):
            event = Event(SENTRY, str(place), NOW, "x", rq("abcde"[place % failures]), USER)
            sent_now(site, shared, [event])

    def read() -> None:
        site = opened(site_at(log.path))
        start.wait()
        rest = list(range(number))
        while rest:
            for place in [rest.pop() for _ in range(min(4, len(rest)))]:
                log_at.execute(
                    "INSERT INTO `tabError Log` (name, creation, modified, method, error) VALUES (?, ?, ?, 'x', ?)",
                    (f"row{place}", "2026-07-01 14:00:00.000000", "2026-07-01 14:00:00.000000", text(place)),
                )
            with site.reading(NOW) as reading:
                collect(reading, shared, NOW, PSEUDONYMS)

    log_at = sqlite3.connect(log.path, isolation_level=None, check_same_thread=False)

    def guarded(work: Any, *args: Any) -> None:
        try:
            work(*args)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=args) for args in ((send, 0), (send, 1), (read,))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log_at.close()
    assert problems == []
    with shared.read() as conn:
        found = int(conn.execute(select(func.sum(error_counts.c.count))).scalar_one())
    assert found == number

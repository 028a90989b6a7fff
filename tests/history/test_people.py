"""Leases, the audit trail, sessions and requests, on every database."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from baken.clock import to_ms
from baken.history import audit, leases, migrations, requests, websessions
from baken.history.store import Store, open_store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SITE = "leden.example"


def take(store: Store, holder: str, now: datetime) -> bool:
    with store.write() as conn:
        return leases.take(conn, "collector", holder, MINUTE, now)


def test_a_lease_is_taken_over_after_it_ended(store: Store) -> None:
    assert take(store, "one", NOW)
    assert not take(store, "two", NOW + MINUTE / 2)
    assert take(store, "one", NOW + MINUTE / 2)
    assert not take(store, "two", NOW + MINUTE)
    assert take(store, "two", NOW + 1.5 * MINUTE)
    assert not take(store, "one", NOW + 1.6 * MINUTE)
    with store.write() as conn:
        assert not leases.release(conn, "collector", "one")
        assert leases.holder(conn, "collector") == leases.Lease("two", NOW + 2.5 * MINUTE)
        assert leases.release(conn, "collector", "two")
        assert leases.holder(conn, "collector") is None
    assert take(store, "one", NOW)


def test_of_many_that_ask_at_once_one_gets_the_lease(store: Store) -> None:
    got: list[str] = []
    start = threading.Barrier(6)

    def ask(name: str) -> None:
        start.wait()
        if take(store, name, NOW):
            got.append(name)

    threads = [threading.Thread(target=ask, args=(f"holder{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_the_audit_trail_is_read_newest_first_in_pages(store: Store) -> None:
    with store.write() as conn:
        for place in range(5):
            audit.write(
                conn,
                at=NOW + place * MINUTE,
                site=SITE,
                user="els@vereniging.example" if place % 2 else "piet@vereniging.example",
                action="looked",
                target="get_system_metrics",
                detail={"place": place},
            )
        audit.write(conn, at=NOW, site="other.example", user="x" * 200, action="signed in")
    with store.read() as conn:
        page = audit.entries(conn, site=SITE, limit=2)
        assert [entry.detail["place"] for entry in page] == [4, 3]
        rest = audit.entries(conn, site=SITE, before_id=page[-1].id)
        assert [entry.detail["place"] for entry in rest] == [2, 1, 0]
        found = audit.entries(conn, user="els@vereniging.example", since=NOW + MINUTE, until=NOW + 3 * MINUTE)
        assert [(entry.at, entry.target) for entry in found] == [(NOW + MINUTE, "get_system_metrics")]
        assert len(audit.entries(conn, action="signed in")[0].user) == 140


def session_row(id: str, group: str, site: str = SITE, at: datetime = NOW) -> dict[str, Any]:
    roles = {"System Manager", "Verenigingen Administrator"}
    who = {"user": "els", "full_name": "Els de Vries", "roles": roles, "csrf": "c" * 64, "language": "nl"}
    return {"id": id, "group": group, "site": site, **who, "now": at, "ttl": 10 * MINUTE}


def test_a_session_lives_until_it_ends(store: Store) -> None:
    group = websessions.group_of("token")
    assert len(group) == 64
    with store.write() as conn:
        created = websessions.create(conn, **session_row("one", group))
    with store.read() as conn:
        assert websessions.of_group(conn, group, NOW + 9 * MINUTE) == [created]
        assert websessions.of_group(conn, group, NOW + 10 * MINUTE) == []
        assert websessions.of_group(conn, "0" * 64, NOW) == []
    with store.write() as conn:
        assert websessions.touch(conn, "one", NOW + MINUTE, expires=NOW + 20 * MINUTE, roles=["Other"])
        found = websessions.of_group(conn, group, NOW + 15 * MINUTE)
        assert [(each.seen, each.roles) for each in found] == [(NOW + MINUTE, frozenset({"Other"}))]
    with pytest.raises(IntegrityError), store.write() as conn:
        websessions.create(conn, **session_row("one", group))
    with store.write() as conn:
        assert websessions.delete(conn, "one")
        assert not websessions.delete(conn, "one")
        assert not websessions.touch(conn, "one", NOW)


def test_sessions_of_a_group_move_and_end_together(store: Store) -> None:
    with store.write() as conn:
        websessions.create(conn, **session_row("one", "a", "one.example"))
        websessions.create(conn, **session_row("two", "a", "two.example", NOW + MINUTE))
        websessions.create(conn, **session_row("other", "b", "one.example"))
        websessions.regroup(conn, "a", "c", "new")
    with store.read() as conn:
        assert websessions.of_group(conn, "a", NOW) == []
        found = websessions.of_group(conn, "c", NOW)
        assert [(each.id, each.csrf) for each in found] == [("two", "new"), ("one", "new")]
        assert [each.csrf for each in websessions.of_group(conn, "b", NOW)] == ["c" * 64]
    with store.write() as conn:
        assert websessions.delete_group(conn, "c") == 2
        assert websessions.delete_group(conn, "c") == 0
        assert len(websessions.of_group(conn, "b", NOW)) == 1


def test_a_session_of_before_groups_is_found_by_its_cookie(store_url: str) -> None:
    """As migration 0006 left it: the session's id is the hash of the cookie's token."""
    store = open_store(store_url)
    store._prepare_file()
    up_to(store, "0006")
    id = websessions.group_of("token")
    row = session_row(id, id) | {"roles": "[]", "created": 0, "expires": to_ms(NOW), "seen": 0}
    names = [name for name in row if name not in ("group", "now", "ttl")]
    quoted = [store.engine.dialect.identifier_preparer.quote(name) for name in names]
    with store.write() as conn:
        values = ", ".join(f":{name}" for name in names)
        conn.execute(text(f"INSERT INTO web_sessions ({', '.join(quoted)}) VALUES ({values})"), row)
    for _ in range(2):
        store.migrate()
        with store.read() as conn:
            assert [each.site for each in websessions.of_group(conn, id, NOW - MINUTE)] == [SITE]
    store.close()


def up_to(store: Store, revision: str) -> None:
    """Run the migrations up to `revision` only."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with store.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, revision)


def test_attempts_are_counted_by_key_and_time(store: Store) -> None:
    with store.write() as conn:
        for seconds in (0, 30, 60):
            websessions.record_attempt(conn, "a", NOW + timedelta(seconds=seconds))
        websessions.record_attempt(conn, "b", NOW)
    with store.write() as conn:
        assert websessions.attempts_since(conn, "a", NOW + timedelta(seconds=30)) == 2
        websessions.forget_attempts(conn, "a")
        assert websessions.attempts_since(conn, "a", NOW) == 0
        assert websessions.attempts_since(conn, "b", NOW) == 1


def test_a_request_is_taken_once(store: Store) -> None:
    with store.write() as conn:
        requests.ask(conn, SITE, "els", NOW)
        requests.ask(conn, "other.example", "piet", NOW - MINUTE)
        first, second = requests.asked(conn)
        assert (first.site, second.by) == ("other.example", "els")
        assert requests.take(conn, first)
        assert not requests.take(conn, first)
        requests.ask(conn, SITE, "els", NOW + MINUTE)
        # Asked anew: the old one is not the one to take any more.
        assert not requests.take(conn, second)
        assert [request.at for request in requests.asked(conn)] == [NOW + MINUTE]

"""What was set on the page: kept per site on each database, with who and when, and a version that tells of changes."""

import json
from datetime import UTC, datetime, timedelta

from baken.clock import to_ms
from baken.history import audit, kept, kept_retention
from baken.history.kept import EVERYWHERE
from baken.history.retention import Retention
from baken.history.store import Store
from baken.history.tables import audit as audit_table
from baken.settings import load

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
RULE = {"values": {"above": 20}}


def put(store: Store, site: str, name: str, body: object, by: str = "els") -> None:
    with store.write() as conn:
        kept.put(conn, "rule", site, name, body, by=by, now=NOW)  # type: ignore[arg-type]


def test_each_change_raises_the_version_and_is_in_the_trail_of_its_site(store: Store) -> None:
    with store.read() as conn:
        assert kept.version(conn) == 0
    put(store, "a.example", "HIGH_CPU", RULE)
    put(store, "a.example", "HIGH_CPU", {"values": {"above": 30}}, by="piet")
    put(store, "b.example", "HIGH_CPU", RULE)
    with store.write() as conn:
        assert kept.drop(conn, "rule", "b.example", "HIGH_CPU", by="els", now=NOW)
        assert not kept.drop(conn, "rule", "b.example", "HIGH_CPU", by="els", now=NOW)
    with store.read() as conn:
        assert kept.version(conn) == 4
        (found,) = kept.load(conn, "rule")
        trail = [(entry.action, entry.user, entry.detail) for entry in audit.entries(conn, site="a.example")]
    assert (found.site, found.name, found.by, found.at) == ("a.example", "HIGH_CPU", "piet", NOW)
    assert trail[0] == ("rule changed", "piet", {"before": RULE, "after": {"values": {"above": 30}}})
    assert trail[1] == ("rule changed", "els", {"before": None, "after": RULE})


def test_an_address_is_in_no_trail(store: Store) -> None:
    body = {"channel": "mail", "to": "gAAAA-sealed"}
    with store.write() as conn:
        kept.put(conn, "recipient", "a.example", "Penny", body, by="els", now=NOW)
        kept.drop(conn, "recipient", "a.example", "Penny", by="els", now=NOW)
    with store.read() as conn:
        found = audit.entries(conn)
    assert [entry.action for entry in found] == ["recipient removed", "recipient added"]
    assert "sealed" not in json.dumps([entry.detail for entry in found])


def test_names_that_differ_in_case_are_two(store: Store) -> None:
    put(store, "a.example", "OWN_A", RULE)
    put(store, "A.example", "OWN_A", RULE)
    with store.read() as conn:
        assert [row.site for row in kept.load(conn, "rule")] in (
            ["A.example", "a.example"],
            ["a.example", "A.example"],
        )


def test_a_profile_is_its_users_on_that_site(store: Store) -> None:
    with store.write() as conn:
        kept.put_profile(conn, "a.example", "els", {"theme": "dark"}, NOW)
        kept.put_profile(conn, "b.example", "els", {"theme": "light"}, NOW)
        kept.put_profile(conn, "a.example", "els", {"theme": "contrast"}, NOW + timedelta(hours=1))
    with store.read() as conn:
        assert kept.profile(conn, "a.example", "els") == ({"theme": "contrast"}, NOW + timedelta(hours=1))
        assert kept.profile(conn, "b.example", "els") == ({"theme": "light"}, NOW)
        assert kept.profile(conn, "a.example", "piet") == ({}, None)
    with store.write() as conn:
        assert kept.drop_profile(conn, "a.example", "els")
        assert not kept.drop_profile(conn, "a.example", "els")


def test_limits_are_those_of_the_settings_until_some_are_set(store: Store) -> None:
    settings = load(None, {"history": {"raw_days": 30}, "alerts": {"closed_days": 100}})
    with store.write() as conn:
        assert kept_retention.limits(conn, settings) == Retention(30, 730, 2557, 2557, 100)
        kept.put(conn, "retention", EVERYWHERE, kept_retention.NAME, {"raw_days": 14, "other": 1}, by="els", now=NOW)
        assert kept_retention.limits(conn, settings) == Retention(14, 730, 2557, 2557, 100)
        kept.drop(conn, "retention", EVERYWHERE, kept_retention.NAME, by="els", now=NOW)
        assert kept_retention.limits(conn, settings).raw_days == 30


def test_limits_that_contradict_each_other_are_refused() -> None:
    fine = {"raw_days": 90, "hourly_days": 90, "daily_days": 365, "audit_days": 1, "closed_days": 1}
    assert kept_retention.check(fine) == []
    assert [name for name, _ in kept_retention.check({**fine, "raw_days": 91})] == ["hourly_days"]
    assert [name for name, _ in kept_retention.check({**fine, "daily_days": 60})] == ["daily_days"]
    assert [name for name, _ in kept_retention.check({**fine, "audit_days": 0})] == ["audit_days"]
    assert [name for name, _ in kept_retention.check({"more_days": 3})] == ["more_days"]


def test_what_a_shorter_time_deletes_is_told_with_the_oldest(store: Store) -> None:
    with store.write() as conn:
        for days in (1, 400, 500):
            audit.write(conn, at=NOW - timedelta(days=days), site="a.example", user="els", action="looked")
    found = kept_retention.deleted(store, NOW, Retention(audit_days=365))
    assert found == {"audit_days": {"rows": 2, "oldest": NOW - timedelta(days=500)}}
    assert kept_retention.deleted(store, NOW, Retention()) == {}


def test_what_keeping_costs_is_measured_or_the_reason_told(store: Store) -> None:
    with store.write() as conn:
        conn.execute(
            audit_table.insert(),
            [
                {"at": to_ms(NOW) - n, "site": "a", "user": "u", "action": "looked", "target": "", "detail": "{}"}
                for n in range(300)
            ],
        )
    found = kept_retention.costs(store)
    assert set(found) == {part.limit for part in kept_retention.PARTS}
    trail = found["audit_days"]
    assert trail["rows"] == 300
    assert trail["oldest"] == NOW - timedelta(milliseconds=299)
    assert (trail["bytes"] is None) == bool(trail["why"])
    if trail["bytes"] is not None and store.dialect != "mysql":
        # MariaDB estimates, and late.
        assert trail["bytes"] > 10_000
    assert found["closed_days"]["oldest"] is None

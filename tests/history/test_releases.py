"""Versions of a site's apps, and what counts as a change of them."""

from datetime import UTC, datetime, timedelta

from baken.clock import to_ms
from baken.history import releases
from baken.history.store import Store

SITE = "vereniging.test"
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
APPS: dict[str, str | None] = {"frappe": "15.60.0", "erpnext": "15.90.0"}


def note(store: Store, at: datetime, **changed: str | None) -> list[tuple[str, str, str]]:
    with store.write() as conn:
        found = releases.note(conn, SITE, {**APPS, **changed}, at)
    return [(each.app, each.version, each.previous) for each in found]


def test_the_first_look_remembers_and_finds_no_change(store: Store) -> None:
    assert note(store, NOW) == []
    assert note(store, NOW + DAY) == []
    with store.read() as conn:
        assert releases.recent(conn, SITE) == []
        assert releases.last(conn, SITE) is None


def test_changes_newest_first(store: Store) -> None:
    note(store, NOW)
    assert note(store, NOW + DAY, erpnext="15.91.0") == [("erpnext", "15.91.0", "15.90.0")]
    assert note(store, NOW + 2 * DAY, erpnext="15.91.0", hrms="15.1.0") == [("hrms", "15.1.0", "")]
    # Taken off, and back to the version before.
    assert note(store, NOW + 3 * DAY) == [("erpnext", "15.90.0", "15.91.0"), ("hrms", "", "15.1.0")]
    with store.read() as conn:
        found = releases.recent(conn, SITE)
        assert [(each.app, each.at) for each in found] == [
            ("erpnext", to_ms(NOW + 3 * DAY)),
            ("hrms", to_ms(NOW + 3 * DAY)),
            ("hrms", to_ms(NOW + 2 * DAY)),
            ("erpnext", to_ms(NOW + DAY)),
        ]
        assert len(releases.recent(conn, SITE, since=to_ms(NOW + 2 * DAY))) == 3
        assert releases.last(conn, SITE) == to_ms(NOW + 3 * DAY)
        assert releases.recent(conn, "another.test") == []


def test_a_site_that_does_not_tell_has_not_lost_its_apps(store: Store) -> None:
    note(store, NOW)
    with store.write() as conn:
        assert releases.note(conn, SITE, {}, NOW + DAY) == []
    assert note(store, NOW + DAY, erpnext=None) == [("erpnext", "", "15.90.0")]


def test_a_run_that_is_stored_late_undoes_nothing(store: Store) -> None:
    note(store, NOW)
    note(store, NOW + DAY, erpnext="15.91.0")
    assert note(store, NOW + DAY / 2) == []
    assert note(store, NOW + DAY, erpnext="15.91.0") == []
    with store.read() as conn:
        assert len(releases.recent(conn, SITE)) == 1

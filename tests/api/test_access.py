"""What the audit trail keeps of refusals: each, and no flood of them."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from baken import clock
from baken.api import access
from baken.history.store import open_store
from baken.history.tables import audit


def test_one_person_does_not_flood_the_trail(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'baken.db'}")
    store.migrate()
    now = clock.now()
    for number in range(300):
        access.note_refusal(store, "one.test", "mallory", f"/monitoring_dashboard/{number}", now)
    access.note_refusal(store, "one.test", "bram", "/monitoring_dashboard", now)
    access.note_refusal(store, "one.test", "bram", "/monitoring_dashboard", now)
    access.note_refusal(store, "one.test", "mallory", "/monitoring_dashboard", now + timedelta(minutes=2))
    with store.read() as conn:
        users = list(conn.execute(select(audit.c.user)).scalars())
    assert (users.count("mallory"), users.count("bram")) == (201, 1)
    store.engine.dispose()

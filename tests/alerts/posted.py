"""Rows of an outbox as tests put them there, and what becomes of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from baken.alerts import outbox
from baken.history.store import Store
from baken.history.tables import channel_states
from baken.history.tables import outbox as table
from tests.alerts.filled import outbox_row, put_outbox
from tests.alerts.rig import MAIL, RECIPIENT, SITE, Rig, make_rig

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
QUEUE = "frappe_queue_length"
LONG = {"queue": "long"}
TWO = [MAIL, {**MAIL, "name": "other"}]
STEPS = [{**RECIPIENT, "name": f"step{step}", "step": step} for step in (1, 2)]


def two_channels(store: Store, folder: Path, **settings: Any) -> Rig:
    """A rig with two channels: beheer has both, els only the first."""
    people = [RECIPIENT, {**RECIPIENT, "name": "els"}, {**RECIPIENT, "channel": "other"}]
    return make_rig(store, folder, channels=TWO, recipients=people, **settings)


def put(rig: Rig, key: str, **given: Any) -> int:
    """A row of the outbox that is due now, unless it says else; its number."""
    row = {"site": SITE, "recipient": "beheer", "created": rig.now, "due": rig.now} | given
    with rig.store.write() as conn:
        put_outbox(conn, outbox_row(key, **row))
        return int(conn.execute(select(table.c.id).where(table.c.key == key)).scalar_one())


def plan(rig: Rig, **zones: str) -> outbox.Paced:
    with rig.store.read() as conn:
        return outbox.plan(conn, rig.settings.alerts, rig.now, {SITE: "Europe/Amsterdam", **zones})


def planned(rig: Rig) -> list[tuple[int, ...]]:
    return [batch.rows for batch in plan(rig).batches]


def found(rig: Rig, number: int) -> Row[Any]:
    with rig.store.read() as conn:
        return conn.execute(select(table).where(table.c.id == number)).one()


def write(rig: Rig, change: Any, *args: Any, **more: Any) -> Any:
    with rig.store.write() as conn:
        return change(conn, *args, **more)


def claimed(rig: Rig, number: int, holder: str = "rig") -> Row[Any]:
    batch = outbox.Batch("mail", "beheer", SITE, "alert", "HIGH", (number,))
    with rig.store.write() as conn:
        (row,) = outbox.claim(conn, batch, holder, rig.now)
    return row


def states(rig: Rig) -> dict[tuple[str, str], Row[Any]]:
    with rig.store.read() as conn:
        return {(row.channel, row.recipient): row for row in conn.execute(select(channel_states))}

"""When the machine's clock was set back, the store holds a present that lies ahead: it gives way to the new one."""

from datetime import datetime

from sqlalchemy import Connection, Table, update

from baken.clock import to_ms
from baken.history import tables

_PRESENTS: tuple[Table, ...] = (
    tables.latest,
    tables.measurements,
    tables.absences,
    tables.observations,
    tables.site_states,
)


def bring_back(conn: Connection, now: datetime) -> int:
    """Let everything that is said to have been seen after `now` have been seen just before it.

    Otherwise nothing that is measured now would count as newer until the clock has caught up. The samples in the
    history stay where they are.

    Returns:
        How many rows were ahead.
    """
    moment = to_ms(now)
    ahead = 0
    for table in _PRESENTS:
        ahead += conn.execute(update(table).where(table.c.at > moment).values(at=moment - 1)).rowcount
    conn.execute(update(tables.latest).where(tables.latest.c.previous_at > moment).values(previous_at=moment - 2))
    return ahead

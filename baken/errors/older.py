"""The part of an Error Log that stood there before Baken's first look: read backwards, in small steps.

Guarantee: the reader counts what stands at or after its floor, this what stands before it; both go by the place in
the index, and the place to which this has come is stored with the counts. A row that somebody touched has left its
place for one behind the floor; the reader counts it there while its creation lies in the part that is still to be
read, and the names of those that were counted out of turn are kept until that part has passed them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from baken.errors import reader
from baken.errors.event import Event
from baken.errors.seen import hashed
from baken.sites.reading import Reading

_AT_ONCE = 50
_MOST_MET = 5000
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Filling:
    """How far the older part has been read. Times are the site's own.

    Attributes:
        target: how far back it goes.
        before: rows that stand before this are still to be read.
        rows: how many have been counted.
        out_of_turn: rows that were counted although they were created before `before`, as hash -> creation.
        serial: counts the states that were stored.
    """

    target: datetime
    before: datetime
    rows: int = 0
    out_of_turn: Mapping[str, str] = field(default_factory=dict)
    serial: int = 0

    @property
    def finished(self) -> bool:
        """Whether all of it has been read."""
        return self.before <= self.target

    def met(self, name: str) -> bool:
        """Whether the row `name`, created before `before`, has been counted."""
        return hashed(name) in self.out_of_turn

    def document(self) -> str:
        """The state as JSON."""
        return json.dumps(
            {
                "target": self.target.isoformat(),
                "before": self.before.isoformat(),
                "rows": self.rows,
                "out_of_turn": dict(self.out_of_turn),
                "serial": self.serial,
            },
            separators=(",", ":"),
        )

    @staticmethod
    def load(document: str) -> "Filling":
        """The state of a stored row."""
        body = json.loads(document)
        return Filling(
            datetime.fromisoformat(body["target"]),
            datetime.fromisoformat(body["before"]),
            int(body["rows"]),
            dict(body["out_of_turn"]),
            int(body["serial"]),
        )


def with_met(filling: Filling, names: Mapping[str, datetime]) -> Filling:
    """`filling` with rows, by name, that the reader has counted although they were created before `before`."""
    kept = {name: at for name, at in filling.out_of_turn.items() if at < filling.before.isoformat()}
    kept |= {hashed(name): at.isoformat() for name, at in names.items() if at < filling.before}
    if len(kept) > _MOST_MET:
        # The first to be forgotten are those whose place is reached next.
        kept = dict(sorted(kept.items(), key=lambda pair: pair[1])[:_MOST_MET])
    return Filling(filling.target, filling.before, filling.rows, kept, filling.serial)


def read_older(
    reading: Reading, filling: Filling, now: datetime, *, batch_size: int, max_rows: int, seconds: float | None = None
) -> tuple[list[Event], Filling]:
    """The next rows of the older part, the newest first.

    Args:
        reading: a look at the site.
        filling: how far it has been read.
        now: the present moment.
        batch_size: rows whose text is fetched in one statement.
        max_rows: about so many rows at most.
        seconds: begins nothing more when the queries have taken so long; None: no limit.

    Raises:
        SiteProblem: the log cannot be read.
    """
    table = reading.require("Error Log", "name", "creation", "modified", "method", "error")
    column = reader.index_column(reading, table)
    before, target = filling.before, filling.target
    began = reading.seconds
    events: list[Event] = []
    ahead: dict[str, datetime] = {}
    query = select(table.c.name, column.label("at")).order_by(column.desc())
    while before > target and len(events) < max_rows:
        size = max(2, min(_AT_ONCE, max_rows - len(events)))
        page = reading.rows(query.where(column <= before - _TICK, column >= target).limit(size))
        rows = [(str(row.name), row.at) for row in page if row.at < before]
        place = target
        if len(page) == size:
            last = page[-1].at
            # Rows of one instant may go on on the next page.
            rows = [(name, at) for name, at in rows if at > last]
            place = last + _TICK
            if not rows:
                rows, place = list(reader.of_instant(reading, table, column, last)), last
        before = min(place, before - _TICK)
        created = reader.creations(reading, table, [name for name, _ in rows]) if rows else {}
        fresh = [(name, at, created[name] or at) for name, at in rows if name in created and not filling.met(name)]
        ahead |= {name: made for name, _, made in fresh if made < before}
        events += reader.texts(reading, table, fresh, batch_size, now)
        if seconds is not None and reading.seconds - began > seconds:
            break
    before = max(before, target)
    done = Filling(target, before, filling.rows + len(events), filling.out_of_turn, filling.serial)
    return events, with_met(done, ahead)

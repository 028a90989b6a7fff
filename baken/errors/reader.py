"""Reads what is new in a site's Error Log: nothing lost, nothing twice.

Rows are found by `modified`, which Frappe indexes (or by `creation` where only that is). Transactions commit late and
out of order, so every reading begins OVERLAP before the place where the last one ended, and recognises by their names
the rows that it has read. A row may also come back because somebody touched it: its `modified` is new, its `creation`
is not. Therefore only rows whose `creation` lies in the part that is being read count: an older one was counted when
it was new. Positions are kept as moments in UTC; the hour that a site's clock runs through twice is read again as a
whole, and the names of its rows are kept for as long.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, TableClause, bindparam, case, cast, func, literal, select

from baken.errors.event import ERROR_LOG, Event
from baken.errors.scrub import TEXT_LIMIT
from baken.sites.problems import NotAvailable
from baken.sites.reading import Reading
from baken.sites.zone import naive_since

OVERLAP = timedelta(minutes=2)
FIRST_READING = timedelta(days=7)
# Names are small and come from the index: more of them in one statement than of the texts.
_NAMES_AT_ONCE = 1000
_TITLE_LIMIT = 1000
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a site's log has been read.

    Attributes:
        until: the moment up to which all rows have been read.
        since: the moment at which the first reading began; older rows were never looked at.
        read_at: when the last reading took place.
        behind: whether that reading ended before it had read all there was.
        serial: counts the readings that were stored.
        seen: name -> its `modified` as the site wrote it, of rows that a next reading may meet again.
    """

    until: datetime
    since: datetime
    read_at: datetime
    behind: bool
    serial: int
    seen: dict[str, str] = field(default_factory=dict)

    def document(self) -> str:
        """Everything but `until` as JSON."""
        return json.dumps(
            {
                "since": self.since.isoformat(),
                "read_at": self.read_at.isoformat(),
                "behind": self.behind,
                "serial": self.serial,
                "names": self.seen,
            },
            separators=(",", ":"),
        )

    @staticmethod
    def load(until: str, document: str) -> "Watermark":
        """The watermark of a stored row."""
        body = json.loads(document)
        return Watermark(
            datetime.fromisoformat(until),
            datetime.fromisoformat(body["since"]),
            datetime.fromisoformat(body["read_at"]),
            bool(body["behind"]),
            int(body["serial"]),
            dict(body["names"]),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one reading and the watermark to store with their counts.

    `base` is the serial of the watermark it was read from (0: none). `late` counts rows that were met again although
    they are old (somebody touched them).
    """

    rows: Sequence[Event]
    watermark: Watermark
    base: int
    late: int = 0


def read_new(
    reading: Reading,
    state: Watermark | None,
    *,
    batch_size: int = 100,
    now: datetime,
    max_rows: int = 2000,
) -> Batch:
    """The rows of the Error Log that have not been read yet, oldest first, at most `max_rows` of them.

    Args:
        reading: a look at the site.
        state: the stored watermark; None: the first reading, which goes FIRST_READING back.
        batch_size: rows whose text is fetched in one statement.
        now: the present moment.
        max_rows: bounds what one reading costs; the next one goes on.

    Raises:
        SiteProblem: the table is not there, has no usable index, or the site does not answer.
    """
    table = reading.require("Error Log", "name", "creation", "modified", "method", "error")
    column = _column(reading, table)
    start = state.until - OVERLAP if state else now - FIRST_READING
    bound = reading.local(start)
    seen = dict(state.seen) if state else {}
    fresh: list[tuple[str, datetime, datetime]] = []
    late, behind, reached = 0, False, bound
    for name, when, created in _names(reading, table, column, bound):
        if len(fresh) >= max_rows:
            behind = True
            break
        reached = when
        if name in seen:
            continue
        seen[name] = when.isoformat()
        if created is not None and created < bound:
            late += 1
            continue
        fresh.append((name, when, created or when))
    rows = _texts(reading, table, fresh, batch_size, now)
    watermark = _advance(reading, state, start, reached, seen, behind, now)
    return Batch(rows, watermark, state.serial if state else 0, late)


def _column(reading: Reading, table: TableClause) -> ColumnElement[Any]:
    for field_name in ("modified", "creation"):
        if reading.indexed("Error Log", field_name):
            return table.c[field_name]
    raise NotAvailable(
        f"the Error Log of site {reading.site.name} has an index neither on modified nor on creation; "
        "reading it would burden the site: add an index on modified"
    )


def _names(
    reading: Reading, table: TableClause, column: ColumnElement[Any], bound: datetime
) -> Iterator[tuple[str, datetime, datetime | None]]:
    """(name, time, creation) of the rows from `bound` on, in pages along the index. Some may come twice."""
    query = select(table.c.name, column.label("at"), table.c.creation)
    cursor = bound
    while True:
        page = reading.rows(query.where(column >= cursor).order_by(column).limit(_NAMES_AT_ONCE))
        if len(page) < _NAMES_AT_ONCE:
            yield from map(tuple, page)
            return
        # Rows of one instant may go on on the next page: a page ends before its last instant.
        last = page[-1].at
        yield from (tuple(row) for row in page if row.at < last)
        if page[0].at == last:
            yield from _of_instant(reading, query, table, column, last)
            cursor = last + _TICK
        else:
            # SQLite compares times as texts, and 10:00:00 comes before 10:00:00.000000.
            cursor = last - _TICK


def _of_instant(
    reading: Reading, query: Select[Any], table: TableClause, column: ColumnElement[Any], moment: datetime
) -> Iterator[Any]:
    """All rows of one instant, of which there are more than a page holds."""
    within = query.where(column > moment - _TICK, column < moment + _TICK).order_by(table.c.name).limit(_NAMES_AT_ONCE)
    after = ""
    while True:
        page = reading.rows(within.where(table.c.name > after))
        yield from map(tuple, page)
        if len(page) < _NAMES_AT_ONCE:
            return
        after = page[-1].name


def _texts(
    reading: Reading,
    table: TableClause,
    fresh: Sequence[tuple[str, datetime, datetime]],
    batch_size: int,
    now: datetime,
) -> list[Event]:
    owner = [table.c.owner] if "owner" in table.c else []
    query = select(
        table.c.name,
        *owner,
        _bytes(reading.dialect, table.c.error).label("size"),
        _shortened(reading.dialect, table.c.method, _TITLE_LIMIT).label("method"),
        _shortened(reading.dialect, table.c.error, TEXT_LIMIT).label("error"),
    ).where(table.c.name.in_(bindparam("names", expanding=True)))
    rows: list[Event] = []
    for start in range(0, len(fresh), batch_size):
        part = fresh[start : start + batch_size]
        texts = {row.name: row for row in reading.rows(query, {"names": [name for name, _, _ in part]})}
        for name, _, created in part:
            # What was deleted between the two statements was never there for Baken.
            if (row := texts.get(name)) is not None:
                at = reading.utc(created)
                # A clock that runs ahead must not make an error of tomorrow.
                user = _text(row.owner) if owner else None
                size = int(row.size or 0)
                rows.append(
                    Event(ERROR_LOG, name, min(at or now, now), _text(row.method), _text(row.error), user, size)
                )
    return rows


def _bytes(dialect: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    # SQLite learned octet_length late.
    return func.length(cast(column, LargeBinary)) if dialect == "sqlite" else func.octet_length(column)


def _shortened(dialect: str, column: ColumnElement[Any], limit: int) -> ColumnElement[Any]:
    """The column's text, without its middle when it is long: megabytes stay where they are."""
    head, tail = limit // 5, limit - limit // 5
    if dialect == "sqlite":
        text = cast(column, LargeBinary)
        # SQLite takes any bytes for a text, and its driver refuses the whole row when they are not UTF-8.
        return case(
            (func.length(text) <= limit, text),
            else_=func.substr(text, 1, head).concat(literal(b"\n...\n", LargeBinary)).concat(func.substr(text, -tail)),
        )
    joined = func.concat(func.left(column, head), "\n…\n", func.right(column, tail))
    return case((func.octet_length(column) <= limit, column), else_=joined)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return None if value is None else str(value)


def _advance(
    reading: Reading,
    state: Watermark | None,
    start: datetime,
    reached: datetime,
    seen: dict[str, str],
    behind: bool,
    now: datetime,
) -> Watermark:
    until = reading.utc(reached) or start
    # A row from the future must not hide those that come before it; a clock set back must not move the mark back.
    until = max(min(until, now), state.until if state else start)
    # Names are kept as long as a next reading can meet them: from its bound on, or from the beginning of the hour
    # that comes twice, when that is under way.
    keep = naive_since(until - OVERLAP, now + timedelta(days=1), reading.site.zone(reading)).isoformat()
    kept = {name: when for name, when in seen.items() if when >= keep}
    serial = (state.serial if state else 0) + 1
    return Watermark(until, state.since if state else start, now.astimezone(UTC), behind, serial, kept)

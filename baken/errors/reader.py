"""Reads what is new in a site's Error Log: nothing lost, nothing twice.

Rows are found by `modified`, which Frappe indexes (or by `creation` where only that is). Transactions commit late and
out of order, so every reading begins OVERLAP before the place where the last one ended, and every LOOK_BACK_EVERY one
begins LOOK_BACK before it; names come from the index alone, and rows that were read are recognised by theirs. A row
that commits later than that is not seen.

The reader owns the rows from `floor` on, which is FIRST_READING before Baken's first look; what stands before it
belongs to `backfill`. A row may come back because somebody touched it: its `modified` is new, its `creation` is not.
It counts only when it cannot have been counted where it stood before: because that place had not been passed yet when
it was touched. Positions are kept as moments in UTC; the hour that a site's clock runs through twice is read again as
a whole, and the names of its rows are kept for as long.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import ColumnElement, LargeBinary, Select, TableClause, bindparam, case, cast, func, literal, select

from baken.errors.event import ERROR_LOG, Event
from baken.errors.scrub import TEXT_LIMIT
from baken.errors.seen import Seen
from baken.sites.reading import Reading
from baken.sites.rows import as_names, require_indexed_time
from baken.sites.zone import naive_since, to_naive

OVERLAP = timedelta(minutes=10)
LOOK_BACK = timedelta(hours=1)
LOOK_BACK_EVERY = timedelta(minutes=10)
FIRST_READING = timedelta(hours=24)
# Names are small and come from the index: more of them in one statement than of the texts.
_NAMES_AT_ONCE = 1000
_NAMES_MOST = 20_000
_TITLE_LIMIT = 1000
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a site's log has been read.

    Attributes:
        until: the moment up to which all rows have been read.
        since: the moment from which on all rows have been read; older ones were not looked at, or not yet.
        read_at: when the last reading took place.
        behind: whether that reading ended before it had read all there was.
        serial: counts the readings that were stored.
        seen: rows that a next reading may meet again.
        floor: the site's time before which this reader counts nothing; None: as far as the overlap reaches.
        backlog: of the last reading that had much to catch up with, the site's time from which on nothing had been
            counted, and the site's time at which it began; None: there was none.
        looked_back: when a reading last began LOOK_BACK before the place where it had ended.
    """

    until: datetime
    since: datetime
    read_at: datetime
    behind: bool
    serial: int
    seen: Seen = field(default_factory=Seen)
    floor: datetime | None = None
    backlog: tuple[datetime, datetime] | None = None
    looked_back: datetime | None = None

    def document(self) -> str:
        """Everything but `until` as JSON."""
        return json.dumps(
            {
                "since": self.since.isoformat(),
                "read_at": self.read_at.isoformat(),
                "behind": self.behind,
                "serial": self.serial,
                "seen": self.seen.document(),
                "floor": _iso(self.floor),
                "backlog": [_iso(each) for each in self.backlog or ()],
                "looked_back": _iso(self.looked_back),
            },
            separators=(",", ":"),
        )

    @staticmethod
    def load(until: str, document: str) -> "Watermark":
        """The watermark of a stored row."""
        body = json.loads(document)
        seen = Seen(body.get("seen"))
        # As version 0.1 wrote them: name -> the time at which it stands.
        for name, when in body.get("names", {}).items():
            seen.add(name, datetime.fromisoformat(when))
        backlog = [datetime.fromisoformat(each) for each in body.get("backlog", ())]
        return Watermark(
            datetime.fromisoformat(until),
            datetime.fromisoformat(body["since"]),
            datetime.fromisoformat(body["read_at"]),
            bool(body["behind"]),
            int(body["serial"]),
            seen,
            _moment(body.get("floor")),
            (backlog[0], backlog[1]) if len(backlog) == 2 else None,
            _moment(body.get("looked_back")),
        )


class Older(Protocol):
    """What is known of the rows before the reader's floor: those from `target` to `before` are still to be read."""

    @property
    def target(self) -> datetime: ...

    @property
    def before(self) -> datetime: ...

    def met(self, name: str) -> bool:
        """Whether a row that was created in that part has been counted already."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one reading and the watermark to store with their counts.

    `base` is the serial of the watermark it was read from (0: none). `late` counts rows that were met again although
    they are old (somebody touched them). `older` are rows that count although they were created before the reader's
    floor, with their creation: they have been touched, and backfill will not meet them where they stood.
    """

    rows: Sequence[Event]
    watermark: Watermark
    base: int
    late: int = 0
    older: Mapping[str, datetime] = field(default_factory=dict)


def read_new(
    reading: Reading,
    state: Watermark | None,
    *,
    batch_size: int = 100,
    now: datetime,
    max_rows: int = 2000,
    older: Older | None = None,
) -> Batch:
    """The rows of the Error Log that have not been read yet, oldest first, at most `max_rows` of them.

    Args:
        reading: a look at the site.
        state: the stored watermark; None: the first reading, which goes FIRST_READING back.
        batch_size: rows whose text is fetched in one statement.
        now: the present moment.
        max_rows: bounds what one reading costs; the next one goes on.
        older: the part that backfill has still to read; None: there is none.

    Raises:
        SiteProblem: the table is not there, has no usable index, or the site does not answer.
    """
    table = reading.require("Error Log", "name", "creation", "modified", "method", "error")
    column = index_column(reading, table)
    look_back = state is None or (
        not state.behind and now - (state.looked_back or state.read_at - LOOK_BACK_EVERY) >= LOOK_BACK_EVERY
    )
    start = state.until - (LOOK_BACK if look_back else OVERLAP) if state else now - FIRST_READING
    bound = reading.local(start)
    floor = state.floor if state else bound
    bound = max(bound, floor) if floor else bound
    backlog = state.backlog if state else None
    if state is None:
        backlog = (bound, reading.local(now))
    elif now - state.read_at > OVERLAP:
        # Nothing that was created after the reading before has been counted.
        unread = state.until if state.behind else state.read_at
        backlog = (to_naive(unread, reading.site.zone(reading)), reading.local(now))
    looking = _Looking(reading, table, column, bound, backlog, older, state.seen if state else Seen())
    behind = looking.look(max_rows)
    rows = texts(reading, table, looking.fresh, batch_size, now)
    watermark = _advance(
        reading,
        state,
        start,
        looking,
        Watermark(
            start,
            state.since if state else start,
            now.astimezone(UTC),
            behind,
            (state.serial if state else 0) + 1,
            looking.seen,
            floor,
            backlog,
            now.astimezone(UTC) if look_back else state.looked_back if state else None,
        ),
    )
    return Batch(rows, watermark, state.serial if state else 0, looking.late, looking.older_names)


class _Looking:
    """One walk along the index: which rows are new."""

    def __init__(
        self,
        reading: Reading,
        table: TableClause,
        column: ColumnElement[Any],
        bound: datetime,
        backlog: tuple[datetime, datetime] | None,
        older: Older | None,
        seen: Seen,
    ) -> None:
        self.reading, self.table, self.column, self.bound = reading, table, column, bound
        self.backlog, self.older, self.seen = backlog, older, seen
        self.fresh: list[tuple[str, datetime, datetime]] = []
        self.older_names: dict[str, datetime] = {}
        self.late = 0
        self.reached = bound

    def look(self, max_rows: int) -> bool:
        """Walk until `max_rows` new ones are found or the log ends; whether it goes on behind them."""
        names = _names(self.reading, self.table, self.column, self.bound)
        looked = 0
        while part := list(islice(names, max(1, min(500, max_rows)))):
            unknown = [name for name, _ in part if name not in self.seen]
            created = creations(self.reading, self.table, unknown) if unknown else {}
            for name, when in part:
                if name in self.seen:
                    self.reached = when
                    continue
                if len(self.fresh) >= max_rows or looked >= _NAMES_MOST:
                    return True
                self.reached = when
                looked += 1
                self.seen.add(name, when)
                # What was deleted between two statements was never there for Baken.
                if name in created:
                    self._take(name, when, created[name] or when)
        return False

    def _take(self, name: str, when: datetime, created: datetime) -> None:
        if created < self.bound:
            if self.older is not None and self.older.target <= created < self.older.before:
                if self.older.met(name):
                    self.late += 1
                    return
                self.older_names[name] = created
            elif self.backlog is None or created < self.backlog[0] or when >= self.backlog[1]:
                self.late += 1
                return
        self.fresh.append((name, when, created))


def index_column(reading: Reading, table: TableClause) -> ColumnElement[Any]:
    """The column of the Error Log by which it is read. Raises NotAvailable when none has an index."""
    return table.c[require_indexed_time(reading, "Error Log")]


def _names(
    reading: Reading, table: TableClause, column: ColumnElement[Any], bound: datetime
) -> Iterator[tuple[str, datetime]]:
    """(name, time) of the rows from `bound` on, in pages along the index. Some may come twice."""
    query = select(table.c.name, column.label("at"))
    # SQLite compares times as texts, and 10:00:00 comes before 10:00:00.000000.
    cursor = bound - _TICK
    while True:
        page = reading.rows(query.where(column >= cursor).order_by(column).limit(_NAMES_AT_ONCE))
        if len(page) < _NAMES_AT_ONCE:
            yield from (_named(row) for row in page if row.at >= bound)
            return
        # Rows of one instant may go on on the next page: a page ends before its last instant.
        last = page[-1].at
        yield from (_named(row) for row in page if bound <= row.at < last)
        if page[0].at == last:
            yield from of_instant(reading, table, column, last)
            cursor = last + _TICK
        else:
            cursor = last - _TICK


def of_instant(
    reading: Reading, table: TableClause, column: ColumnElement[Any], moment: datetime
) -> Iterator[tuple[str, datetime]]:
    """(name, time) of all rows of one instant, of which there may be more than a page holds."""
    query: Select[Any] = select(table.c.name, column.label("at"))
    within = query.where(column > moment - _TICK, column < moment + _TICK).order_by(table.c.name).limit(_NAMES_AT_ONCE)
    after: Any = None
    while True:
        page = reading.rows(within if after is None else within.where(table.c.name > after))
        yield from map(_named, page)
        if len(page) < _NAMES_AT_ONCE:
            return
        after = page[-1].name


def _named(row: Any) -> tuple[str, datetime]:
    """Frappe 14 counts its errors where later versions give them names; a number is a name as well."""
    return str(row.name), row.at


def creations(reading: Reading, table: TableClause, names: Sequence[str]) -> dict[str, datetime | None]:
    """When the rows called `names` were created; what is not there any more is left out."""
    query = select(table.c.name, table.c.creation).where(table.c.name.in_(bindparam("names", expanding=True)))
    found: dict[str, datetime | None] = {}
    for start in range(0, len(names), _NAMES_AT_ONCE):
        rows = reading.rows(query, {"names": as_names(table.c.name, names[start : start + _NAMES_AT_ONCE])})
        found |= {str(row.name): row.creation for row in rows}
    return found


def texts(
    reading: Reading,
    table: TableClause,
    fresh: Sequence[tuple[str, datetime, datetime]],
    batch_size: int,
    now: datetime,
) -> list[Event]:
    """The rows `fresh` (name, place, creation) as events, `batch_size` of them in one statement."""
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
        names = as_names(table.c.name, (name for name, _, _ in part))
        found = {str(row.name): row for row in reading.rows(query, {"names": names})}
        for name, _, created in part:
            # What was deleted between the two statements was never there for Baken.
            if (row := found.get(name)) is not None:
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
    reading: Reading, state: Watermark | None, start: datetime, looking: _Looking, mark: Watermark
) -> Watermark:
    """`mark` moved to where the walk ended, with what a next reading can meet again."""
    until = reading.utc(looking.reached) or start
    # A row from the future must not hide those that come before it; a clock set back must not move the mark back.
    until = max(min(until, mark.read_at), state.until if state else start)
    zone = reading.site.zone(reading)
    # From the bound of the next look back on, or from the beginning of the hour that comes twice while it is under way.
    keep = naive_since(until - LOOK_BACK - OVERLAP, mark.read_at + timedelta(days=1), zone)
    lost = looking.seen.forget(keep, naive_since(until, mark.read_at + timedelta(days=1), zone))
    floor = max(lost, mark.floor) if lost and mark.floor else lost or mark.floor
    return replace(mark, until=until, floor=floor)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None

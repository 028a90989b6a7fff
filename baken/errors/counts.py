"""Turns the rows of one reading into hourly counts per pattern, and stores them together with the watermark.

Counts and watermark change in one transaction: a process that is killed has stored both or neither, and the next
reading begins where the stored counts end. A batch is stored once only: its watermark's serial must
follow the stored one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from baken.clock import HOUR, to_ms
from baken.errors.fingerprint import Fingerprint, fingerprint
from baken.errors.reader import SOURCE, Batch, Watermark
from baken.errors.scrub import scrub
from baken.errors.taxonomy import classify
from baken.history.tables import error_counts, error_patterns, error_watermarks

HOUR_MS = HOUR.total_seconds() * 1000
_AT_ONCE = 500


@dataclass(slots=True)
class Tally:
    """What one reading found of one pattern: moments in ms, occurrences per hour (ms of its beginning)."""

    found: Fingerprint
    first: int
    last: int
    hours: dict[int, int]


@dataclass(frozen=True, slots=True)
class Digest:
    """A batch without its texts: what is to be stored."""

    tallies: dict[str, Tally]
    rows: int
    watermark: Watermark
    base: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of storing a digest. `stored` is False when another process had been there first."""

    stored: bool
    rows: int
    new_patterns: tuple[str, ...]


def digest(batch: Batch) -> Digest:
    """Scrub, fingerprint and count the rows of a batch. Touches no database."""
    tallies: dict[str, Tally] = {}
    for row in batch.rows:
        found = fingerprint(scrub(row.method, row.error))
        at = to_ms(row.at)
        tally = tallies.get(found.pattern)
        if tally is None:
            tally = tallies[found.pattern] = Tally(found, at, at, {})
        tally.first, tally.last = min(tally.first, at), max(tally.last, at)
        hour = hour_of(at)
        tally.hours[hour] = tally.hours.get(hour, 0) + 1
    return Digest(tallies, len(batch.rows), batch.watermark, batch.base)


def hour_of(at: int) -> int:
    """Beginning of the hour of a moment, both in ms."""
    return at - at % int(HOUR_MS)


def load(conn: Connection, site: str, *, lock: bool = False) -> Watermark | None:
    """How far the site's Error Log has been read; None before the first reading."""
    table = error_watermarks
    query = select(table.c.modified, table.c.seen).where(table.c.site == site, table.c.source == SOURCE)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return Watermark.load(row.modified, row.seen) if row else None


def apply(conn: Connection, site: str, found: Digest) -> Applied:
    """Store a digest in the caller's transaction. Storing the same one again changes nothing."""
    stored = load(conn, site, lock=True)
    if (stored.serial if stored else 0) != found.base:
        return Applied(False, 0, ())
    new = _write_patterns(conn, site, found.tallies)
    _write_counts(conn, site, found.tallies)
    _write_watermark(conn, site, found.watermark, known=stored is not None)
    return Applied(True, found.rows, new)


def _write_patterns(conn: Connection, site: str, tallies: dict[str, Tally]) -> tuple[str, ...]:
    table = error_patterns
    known: dict[str, tuple[int, int]] = {}
    for part in _parts(sorted(tallies)):
        query = select(table.c.id, table.c.first_seen, table.c.last_seen).where(
            table.c.site == site, table.c.id.in_(part)
        )
        known |= {row.id: (row.first_seen, row.last_seen) for row in conn.execute(query)}
    moved = [
        {"b_id": name, "b_first": min(tally.first, known[name][0]), "b_last": max(tally.last, known[name][1])}
        for name, tally in tallies.items()
        if name in known and (tally.first < known[name][0] or tally.last > known[name][1])
    ]
    if moved:
        conn.execute(
            update(table)
            .where(table.c.site == site, table.c.id == bindparam("b_id"))
            .values(first_seen=bindparam("b_first"), last_seen=bindparam("b_last")),
            moved,
        )
    new = [_pattern_row(site, tally) for name, tally in tallies.items() if name not in known]
    if new:
        conn.execute(insert(table), new)
    return tuple(str(row["id"]) for row in new)


def _pattern_row(site: str, tally: Tally) -> dict[str, str | int]:
    found, kind = tally.found, classify(tally.found)
    return {
        "site": site,
        "id": found.pattern,
        "version": found.version,
        "exception": found.exception,
        "template": found.template,
        "category": kind.category,
        "severity": kind.severity,
        "area": kind.area,
        "first_seen": tally.first,
        "last_seen": tally.last,
    }


def _write_counts(conn: Connection, site: str, tallies: dict[str, Tally]) -> None:
    table = error_counts
    wanted = {(hour, name): count for name, tally in tallies.items() for hour, count in tally.hours.items()}
    if not wanted:
        return
    hours = sorted({hour for hour, _ in wanted})
    known: set[tuple[int, str]] = set()
    for part in _parts(sorted(tallies)):
        query = select(table.c.hour, table.c.pattern).where(
            table.c.site == site, table.c.pattern.in_(part), table.c.hour.between(hours[0], hours[-1])
        )
        known |= {(row.hour, row.pattern) for row in conn.execute(query)}
    more = [{"b_hour": h, "b_pattern": p, "b_count": n} for (h, p), n in wanted.items() if (h, p) in known]
    if more:
        conn.execute(
            update(table)
            .where(
                and_(
                    table.c.site == site, table.c.hour == bindparam("b_hour"), table.c.pattern == bindparam("b_pattern")
                )
            )
            .values(count=table.c.count + bindparam("b_count")),
            more,
        )
    fresh = [{"site": site, "hour": h, "pattern": p, "count": n} for (h, p), n in wanted.items() if (h, p) not in known]
    if fresh:
        conn.execute(insert(table), fresh)


def _write_watermark(conn: Connection, site: str, mark: Watermark, *, known: bool) -> None:
    table = error_watermarks
    values = {"modified": _stamp(mark.until), "seen": mark.document()}
    if known:
        conn.execute(update(table).where(table.c.site == site, table.c.source == SOURCE).values(**values))
    else:
        conn.execute(insert(table), {"site": site, "source": SOURCE, **values})


def _stamp(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _parts(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))

"""Turns errors into occurrences of patterns, and stores how often each pattern came, when, and whom it hit.

`digest` takes texts apart and touches no database. `apply` works in the caller's transaction, the one that also
stores how far the sources were read: a process that is killed has stored both or neither.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from baken.clock import HOUR, to_ms
from baken.errors import leaks
from baken.errors.component import component
from baken.errors.event import COMPONENT_OF, ERROR_LOG, Event
from baken.errors.example import example
from baken.errors.fingerprint import CURRENT, Fingerprint, finer, fingerprint
from baken.errors.people import UNKNOWN, Person
from baken.errors.scrub import Scrubbed, scrub
from baken.errors.taxonomy import classify
from baken.history.tables import (
    SITE,
    error_contexts,
    error_counts,
    error_findings,
    error_hit_days,
    error_hits,
    error_patterns,
)
from baken.history.upserts import add_up, insert_missing

T = TypeVar("T")

HOUR_MS = int(HOUR.total_seconds() * 1000)
DAY_MS = 24 * HOUR_MS
OVERFLOW = "overflow"
"""Version of the one pattern that counts what comes after a site has shown too many patterns."""
_AT_ONCE = 500
_RECENT = 2 * HOUR_MS
# A pattern that people merged, and whose head other rules have replaced, lies two steps below; ten are not met.
_LONGEST_CHAIN = 10
# Components whose errors are never held back in the cache: their rows carry the user who was hit.
_OF_THEMSELVES = frozenset({"worker", "scheduler", "command"})
# A pattern, and three splits of it within each other.
_FINEST = 4


@dataclass(frozen=True, slots=True)
class Grouping:
    """By which rules errors are grouped on a site.

    Attributes:
        version: the rules that apply.
        previous: the rules before them while a transition lasts: what they knew is handed on; else None.
        splits: id of a pattern that somebody split -> by what.
    """

    version: str = CURRENT
    previous: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Occurrence:
    """One error without its text: what is to be stored of it.

    `at` is in ms; `chain` are the patterns it belongs to from the whole one to the finest split, of which the last
    counts; `older` is its pattern by the rules before; `leaks` are kinds of credentials in its raw text.
    """

    event: Event
    at: int
    chain: tuple[Fingerprint, ...]
    older: str | None
    scrubbed: Scrubbed
    person: Person
    component: str
    leaks: Collection[str]

    @property
    def found(self) -> Fingerprint:
        """The pattern that counts."""
        return self.chain[-1]


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of storing: errors counted, and ids of patterns that are new on the site or came back."""

    rows: int = 0
    new_patterns: tuple[str, ...] = ()
    regressed: tuple[str, ...] = ()


@dataclass(slots=True)
class _Tally:
    """What one reading found of one pattern; moments in ms, occurrences per hour and per (hour, context)."""

    first: Occurrence
    begins: int
    ends: int
    bytes: int = 0
    hours: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    hits: dict[tuple[int, tuple[str, str, str]], int] = field(default_factory=lambda: defaultdict(int))
    older: set[str] = field(default_factory=set)


def digest(events: Iterable[Event], people: Mapping[str, Person], grouping: Grouping | None = None) -> list[Occurrence]:
    """Scrub and fingerprint events; `people` are the users that the events name."""
    grouping = grouping or Grouping()
    return [_occurrence(event, people, grouping) for event in events]


def _occurrence(event: Event, people: Mapping[str, Person], grouping: Grouping) -> Occurrence:
    row = scrub(event.method, event.error)
    found = fingerprint(row, grouping.version)
    chain = [found]
    while (by := grouping.splits.get(chain[-1].pattern)) and len(chain) < _FINEST:
        chain.append(finer(row, chain[-1], by))
    older = fingerprint(row, grouping.previous).pattern if grouping.previous else None
    part = component(row, found)
    if part == "unknown":
        part = event.component or COMPONENT_OF.get(event.source, part)
    person = people.get(event.user, UNKNOWN) if event.user else UNKNOWN
    if event.source == ERROR_LOG and event.user == "Administrator" and part not in _OF_THEMSELVES:
        # Frappe files what its cache held back under Administrator, whoever was hit.
        person = UNKNOWN
    if person is UNKNOWN and part == "scheduler":
        person = Person("", "system")
    kinds = leaks.find(f"{event.method or ''}\n{event.error or ''}")
    return Occurrence(event, to_ms(event.at), tuple(chain), older, row, person, part, kinds)


def hour_of(at: int) -> int:
    """Beginning of the hour of a moment, both in ms."""
    return at - at % HOUR_MS


def apply(conn: Connection, site: str, occurrences: Sequence[Occurrence], *, most_patterns: int, now: int) -> Applied:
    """Store occurrences in the caller's transaction.

    Args:
        conn: a connection that writes.
        site: name of the site.
        occurrences: what is to be counted.
        most_patterns: so many patterns of a site are kept apart; what comes after is counted as one.
        now: the present moment in ms.
    """
    if not occurrences:
        return Applied()
    tallies = _tallied(occurrences)
    known = _known(conn, site, tallies)
    fresh = [name for name in tallies if name not in known]
    if fresh:
        known |= _add_patterns(conn, site, tallies, fresh, most_patterns)
    _hand_on(conn, site, tallies, known, fresh)
    numbers = {name: known[name].number if name in known else known[OVERFLOW].number for name in tallies}
    _touch(conn, tallies, numbers)
    _count(conn, site, tallies, numbers)
    _find_leaks(conn, site, occurrences, numbers)
    back = _come_back(conn, site, tallies, known, now)
    return Applied(len(occurrences), tuple(name for name in fresh if name in known), back)


def _tallied(occurrences: Sequence[Occurrence]) -> dict[str, _Tally]:
    tallies: dict[str, _Tally] = {}
    for each in occurrences:
        name, at = each.found.pattern, each.at
        tally = tallies.get(name)
        if tally is None:
            tally = tallies[name] = _Tally(each, at, at)
        tally.begins, tally.ends = min(tally.begins, at), max(tally.ends, at)
        tally.bytes += each.event.size
        if each.older:
            tally.older.add(each.older)
        hour = hour_of(at)
        tally.hours[hour] += 1
        tally.hits[hour, (each.person.pseudonym, each.person.group, each.component)] += 1
    return tallies


def _known(conn: Connection, site: str, names: Iterable[str]) -> dict[str, Any]:
    table = error_patterns
    columns = (table.c.id, table.c.number, table.c.state, table.c.state_at, table.c.merged_into)
    found: dict[str, Any] = {}
    for part in parts(sorted(names)):
        query = select(*columns).where(table.c.site == site, table.c.id.in_(part))
        found |= {row.id: row for row in conn.execute(query)}
    return found


def _add_patterns(
    conn: Connection, site: str, tallies: Mapping[str, _Tally], fresh: Sequence[str], most: int
) -> dict[str, Any]:
    """Insert patterns that the site has not shown before; what is over `most` becomes the one that overflows."""
    table = error_patterns
    there = conn.execute(select(func.count()).select_from(table).where(table.c.site == site)).scalar_one()
    taken = sorted(fresh, key=lambda name: tallies[name].begins)[: max(0, most - there)]
    parents = {found.pattern for name in taken for found in tallies[name].first.chain[:-1]}
    rows = [_pattern_row(site, tallies[name]) for name in taken]
    if len(taken) < len(fresh):
        rows.append(_overflow_row(site, min(tallies[name].begins for name in fresh)))
    insert_missing(conn, table, rows, key=("site", "id"))
    above = {id_: row.number for id_, row in _known(conn, site, parents).items()}
    found = _known(conn, site, [*taken, _overflow_id()])
    for name in taken:
        chain = tallies[name].first.chain
        if len(chain) > 1:
            parent = above.get(chain[-2].pattern)
            conn.execute(update(table).where(table.c.number == found[name].number).values(split_of=parent))
    if _overflow_id() in found:
        found[OVERFLOW] = found.pop(_overflow_id())
    return found


def _hand_on(
    conn: Connection, site: str, tallies: Mapping[str, _Tally], known: Mapping[str, Any], fresh: Collection[str]
) -> None:
    """While a transition lasts: the patterns by the rules before are merged into those that take their place.

    A pattern that is new takes over state and note of the most frequent one before it, and since when it is known.
    Where people had merged that one into another, the new one goes into that other as well.
    """
    older = {name for tally in tallies.values() for name in tally.older}
    if not older:
        return
    table = error_patterns
    before: dict[str, Any] = {}
    for part in parts(sorted(older)):
        before |= {row.id: row for row in conn.execute(select(table).where(table.c.site == site, table.c.id.in_(part)))}
    merged = sorted({row.merged_into for row in before.values() if row.merged_into is not None})
    heads: dict[int, Any] = {}
    for some in parts(merged):
        heads |= {row.number: row for row in conn.execute(select(table).where(table.c.number.in_(some)))}
    for name, tally in tallies.items():
        rows = sorted((before[old] for old in tally.older if old in before and old != name), key=lambda row: -row.total)
        if not rows or name not in known:
            continue
        number = known[name].number
        for row in rows:
            if row.merged_into is None and row.number != number:
                conn.execute(update(table).where(table.c.number == row.number).values(merged_into=number))
        if name in fresh:
            head = heads.get(rows[0].merged_into)
            if head is not None and head.version != rows[0].version:
                # Not people but the change of rules put it there.
                head = None
            kept = ("state", "state_at", "state_by", "note", "muted_until", "muted_above", "regressed_at")
            values = {key: getattr(head or rows[0], key) for key in kept}
            if head is not None and head.number != number:
                values["merged_into"] = head.number
            since = min(tally.begins, *(row.first_seen for row in rows))
            conn.execute(update(table).where(table.c.number == number).values(**values, first_seen=since))


def _pattern_row(site: str, tally: _Tally) -> dict[str, Any]:
    each = tally.first
    found, kind = each.found, classify(each.found)
    return {
        "site": site,
        "id": found.pattern,
        "version": found.version,
        "exception": found.exception,
        "template": found.template,
        "title": found.title,
        "category": kind.category,
        "severity": kind.severity,
        "area": kind.area,
        "app": kind.where.app[:SITE],
        "module": kind.where.module[:SITE],
        "doctype": kind.where.doctype[:SITE],
        "method": kind.where.method[:SITE],
        "component": each.component,
        "frames": json.dumps(found.frames),
        "why": found.why,
        "example": example(each.scrubbed),
        "first_seen": tally.begins,
        "last_seen": tally.ends,
        "total": 0,
        "bytes": 0,
        "state": "open",
        "state_by": "",
        "note": "",
    }


def _overflow_id() -> str:
    return hashlib.sha256(OVERFLOW.encode()).hexdigest()[:16]


def _overflow_row(site: str, at: int) -> dict[str, Any]:
    texts = dict.fromkeys(
        ("exception", "title", "app", "module", "doctype", "method", "example", "state_by", "note"), ""
    )
    return {
        **texts,
        "site": site,
        "id": _overflow_id(),
        "version": OVERFLOW,
        "template": "errors of further patterns: the site shows more kinds than are kept apart",
        "category": "other",
        "severity": "MEDIUM",
        "area": "unknown",
        "component": "unknown",
        "frames": "[]",
        "why": "errors.max_patterns patterns of this site were known already",
        "first_seen": at,
        "last_seen": at,
        "total": 0,
        "bytes": 0,
        "state": "open",
    }


def _touch(conn: Connection, tallies: Mapping[str, _Tally], numbers: Mapping[str, int]) -> None:
    table = error_patterns
    rows = [
        {
            "b_number": numbers[name],
            "b_first": tally.begins,
            "b_last": tally.ends,
            "b_total": sum(tally.hours.values()),
            "b_bytes": tally.bytes,
        }
        for name, tally in tallies.items()
    ]
    first: Any = bindparam("b_first")
    last: Any = bindparam("b_last")
    conn.execute(
        update(table)
        .where(table.c.number == bindparam("b_number"))
        .values(
            first_seen=_less(table.c.first_seen, first),
            last_seen=_more(table.c.last_seen, last),
            total=table.c.total + bindparam("b_total"),
            bytes=table.c.bytes + bindparam("b_bytes"),
        ),
        rows,
    )


def _count(conn: Connection, site: str, tallies: Mapping[str, _Tally], numbers: Mapping[str, int]) -> None:
    contexts = _contexts(conn, site, {who for tally in tallies.values() for _, who in tally.hits})
    counts: dict[tuple[int, int], int] = defaultdict(int)
    hits: dict[tuple[int, int, int], int] = defaultdict(int)
    days: dict[tuple[int, int, int], int] = defaultdict(int)
    for name, tally in tallies.items():
        number = numbers[name]
        for hour, count in tally.hours.items():
            counts[number, hour] += count
        for (hour, who), count in tally.hits.items():
            hits[number, hour, contexts[who]] += count
            days[number, hour - hour % DAY_MS, contexts[who]] += count
    add_up(conn, error_counts, [{"pattern": p, "hour": h, "count": n} for (p, h), n in counts.items()], "count")
    for table, moment, found in ((error_hits, "hour", hits), (error_hit_days, "day", days)):
        rows = [{"pattern": p, moment: at, "context": c, "count": n} for (p, at, c), n in found.items()]
        add_up(conn, table, rows, "count")


def _contexts(conn: Connection, site: str, wanted: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    table = error_contexts
    found = _of_contexts(conn, site, wanted)
    missing = [who for who in wanted if who not in found]
    if missing:
        rows = [{"site": site, "user": u, "user_group": g, "component": c} for u, g, c in missing]
        insert_missing(conn, table, rows, key=("site", "user", "user_group", "component"))
        found |= _of_contexts(conn, site, missing)
    return found


def _of_contexts(
    conn: Connection, site: str, wanted: Collection[tuple[str, str, str]]
) -> dict[tuple[str, str, str], int]:
    table = error_contexts
    found: dict[tuple[str, str, str], int] = {}
    for part in parts(sorted({user for user, _, _ in wanted})):
        for row in conn.execute(select(table).where(table.c.site == site, table.c.user.in_(part))):
            found[row.user, row.user_group, row.component] = row.number
    return found


def _find_leaks(conn: Connection, site: str, occurrences: Sequence[Occurrence], numbers: Mapping[str, int]) -> None:
    seen: dict[tuple[int, str], list[int]] = defaultdict(list)
    for each in occurrences:
        for kind in each.leaks:
            seen[numbers[each.found.pattern], kind].append(each.at)
    for (number, kind), moments in sorted(seen.items()):
        add_finding(conn, site, "leak", f"{kind}:{number}", moments, number, {"kind": kind})


def add_finding(
    conn: Connection,
    site: str,
    kind: str,
    key: str,
    moments: Sequence[int],
    pattern: int | None,
    detail: Mapping[str, Any],
) -> None:
    """Count a finding at these `moments` (ms). `detail` holds no personal data."""
    table = error_findings
    which = (table.c.site == site, table.c.kind == kind, table.c.key == key)
    changed = conn.execute(
        update(table)
        .where(*which)
        .values(
            first_seen=_less(table.c.first_seen, min(moments)),
            last_seen=_more(table.c.last_seen, max(moments)),
            count=table.c.count + len(moments),
        )
    )
    if not changed.rowcount:
        row = {"site": site, "kind": kind, "key": key, "pattern": pattern, "detail": json.dumps(dict(detail))}
        conn.execute(
            insert(table), {**row, "first_seen": min(moments), "last_seen": max(moments), "count": len(moments)}
        )


def _come_back(
    conn: Connection, site: str, tallies: Mapping[str, _Tally], known: Mapping[str, Any], now: int
) -> tuple[str, ...]:
    """Patterns that were resolved and happened again regress; muted ones that escalate are open again."""
    table = error_patterns
    latest: dict[int, int] = {}
    hours: dict[int, set[int]] = defaultdict(set)
    above = _merges(conn, site)
    for name, tally in tallies.items():
        if name in known:
            head = _head(known[name].number, above)
            latest[head] = max(latest.get(head, 0), tally.ends)
            hours[head].update(tally.hours)
    if not latest:
        return ()
    back: list[str] = []
    columns = (table.c.number, table.c.id, table.c.state, table.c.state_at, table.c.muted_until, table.c.muted_above)
    wanted = table.c.state.in_(("resolved", "muted"))
    for part in parts(sorted(latest)):
        for row in conn.execute(select(*columns).where(table.c.site == site, table.c.number.in_(part), wanted)):
            values: dict[str, Any] | None = None
            if row.state == "resolved" and latest[row.number] > (row.state_at or 0):
                values = {"state": "regressed", "regressed_at": latest[row.number], "state_at": now, "state_by": ""}
                back.append(row.id)
            elif row.state == "muted" and row.muted_until is not None and now >= row.muted_until:
                values = {"state": "open", "state_at": now, "state_by": "", "muted_until": None, "muted_above": None}
            elif row.state == "muted" and _escalates(conn, row, above, hours[row.number], now):
                values = {"state": "open", "state_at": now, "state_by": "", "muted_until": None}
            if values:
                conn.execute(update(table).where(table.c.number == row.number).values(**values))
    return tuple(sorted(back))


def _merges(conn: Connection, site: str) -> dict[int, int]:
    """Number of each pattern of a site that is merged -> the one it is merged into."""
    table = error_patterns
    query = select(table.c.number, table.c.merged_into).where(table.c.site == site, table.c.merged_into.is_not(None))
    return {row.number: row.merged_into for row in conn.execute(query)}


def _head(number: int, above: Mapping[int, int]) -> int:
    for _ in range(_LONGEST_CHAIN):
        if number not in above:
            break
        number = above[number]
    return number


def _escalates(conn: Connection, row: Any, above: Mapping[int, int], hours: Collection[int], now: int) -> bool:
    # How many there were in an hour long ago, read only now, is no escalation; nor is what led to the mute.
    since = hour_of(max(now - _RECENT, row.state_at or 0))
    recent = sorted(hour for hour in hours if hour >= since)
    if row.muted_above is None or not recent:
        return False
    table = error_counts
    group = [row.number, *(number for number in above if _head(number, above) == row.number)]
    query = (
        select(func.sum(table.c.count))
        .where(table.c.pattern.in_(group), table.c.hour.in_(recent))
        .group_by(table.c.hour)
    )
    return any(int(count) > row.muted_above for count in conn.execute(query).scalars())


def _less(one: Any, other: Any) -> Any:
    return case((one <= other, one), else_=other)


def _more(one: Any, other: Any) -> Any:
    return case((one >= other, one), else_=other)


def parts(names: Sequence[T]) -> Iterable[Sequence[T]]:
    """`names` in pieces that fit into one statement."""
    return (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))

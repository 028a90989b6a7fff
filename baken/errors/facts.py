"""What the store's counts say about a window, in few statements: the raw material of every answer about errors.

Patterns that were merged are folded into their head here, so that no answer has to think of it. SQL adds up; what
comes back has the size of the patterns and days, not of the errors.
"""

import functools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, case, func, select

from baken.errors.counts import DAY_MS, HOUR_MS, parts
from baken.errors.looked import Looked, look
from baken.errors.windows import Places, Window
from baken.history.tables import error_contexts, error_counts, error_hit_days, error_hits, error_patterns

SHORT_HOURS = 7 * 24
"""Up to so many hours users are counted from hours, beyond from days."""

LEAST_BINS = 14
"""Trends are judged over at least so many days, however short the window is."""

_AT_ONCE = 1000
# Texts of a pattern that lists do not show stay in the store.
_LIGHT = tuple(
    column for column in error_patterns.c if column.name not in ("site", "title", "frames", "why", "example")
)


@dataclass(slots=True)
class Tally:
    """What the counts say about one pattern together with those that were merged into it; moments in ms.

    Attributes:
        count: errors in the window.
        before: errors in the window of the same length before it.
        bins: errors per 24 hours, over all the days that trends are judged by; the last one ends with the last whole
            hour.
        seen: errors of those days and of the present hour.
        days: errors per day of the site, when they were asked for.
        components, groups: errors in the window per component and per group of users.
        users: errors in the window per known user.
    """

    count: int = 0
    before: int = 0
    bins: list[int] = field(default_factory=list)
    seen: int = 0
    days: dict[int, int] = field(default_factory=dict)
    components: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Facts:
    """What is known about a site's errors in a window.

    Attributes:
        window: the window.
        looked: what Baken has looked at.
        begins: the moment (ms) at which the first of the bins begins.
        rows: head's number -> its row of error_patterns without long texts.
        members: head's number -> rows of the patterns that were merged into it.
        tallies: head's number -> what was counted; heads without errors in all that time are missing.
        group_of: known user -> the group it belongs to.
        by_id: pattern's id -> number of its head.
    """

    window: Window
    looked: Looked
    begins: int
    rows: dict[int, Any]
    members: dict[int, list[Any]]
    tallies: dict[int, Tally]
    group_of: dict[str, str]
    by_id: dict[str, int]

    @property
    def total(self) -> int:
        """All errors of the window."""
        return sum(tally.count for tally in self.tallies.values())

    @property
    def present(self) -> list[int]:
        """Numbers of the patterns that have errors in the window, the most frequent first."""
        found = [number for number, tally in self.tallies.items() if tally.count]
        return sorted(found, key=lambda number: (-self.tallies[number].count, self.rows[number].id))

    @property
    def bins(self) -> int:
        """How many bins of 24 hours trends are judged by."""
        return (self.window.end - HOUR_MS - self.begins) // DAY_MS

    def numbers(self, head: int) -> list[int]:
        """Numbers of a head and of all that were merged into it."""
        return [head, *(row.number for row in self.members.get(head, ()))]

    def known_bins(self, tally: Tally) -> list[int]:
        """The bins of a pattern that lie within what Baken has looked at."""
        since = self.looked.since
        if since is None:
            return []
        unknown = max(0, -(-(since - self.begins) // DAY_MS))
        return tally.bins[unknown:]


def gather(conn: Connection, site: str, window: Window, *, places: Places | None = None, users: bool = True) -> Facts:
    """Everything that answers about a window are made of.

    Args:
        conn: a connection that sees one moment.
        site: name of the site.
        window: what is asked about.
        places: the site's wall clock: errors per day of the site are added up as well.
        users: whether users, groups and components are asked for.
    """
    found, members, heads = _patterns(conn, site)
    last = window.end - HOUR_MS
    count = max(LEAST_BINS, -(-(last - window.start) // DAY_MS))
    facts = Facts(window, look(conn, site), last - count * DAY_MS, found, members, {}, {}, {})
    facts.by_id = {row.id: head for head in found for row in (found[head], *members.get(head, ()))}
    _count(conn, site, facts, heads, count, places)
    _before(conn, site, facts, heads)
    if users:
        _users(conn, site, facts, heads)
    return facts


def _patterns(conn: Connection, site: str) -> tuple[dict[int, Any], dict[int, list[Any]], dict[int, int]]:
    found = {row.number: row for row in conn.execute(select(*_LIGHT).where(error_patterns.c.site == site))}
    top: dict[int, Any] = {}
    members: dict[int, list[Any]] = defaultdict(list)
    heads: dict[int, int] = {}
    for number, row in found.items():
        head, steps = row, 0
        while head.merged_into in found and steps < 10:
            head, steps = found[head.merged_into], steps + 1
        heads[number] = head.number
        if head is row:
            top[number] = row
        else:
            members[head.number].append(row)
    for number in [head for head in members if head not in top]:
        # Patterns that were merged into one another in a ring stand for themselves.
        top[number] = found[number]
    return top, dict(members), heads


def _count(
    conn: Connection, site: str, facts: Facts, heads: Mapping[int, int], bins: int, places: Places | None
) -> None:
    """Errors per pattern and piece of time in one statement: for the trend, the window, and the days of the site.

    Each piece lies within one bin, in one day of the site, and within or before the window (day 0).
    """
    counted = (_stepped if conn.dialect.name == "sqlite" else _grouped)(conn, site, facts, bins, places)
    last, tally = None, Tally()
    for number, place, day, n in counted:
        if number != last:
            last = number
            tally = facts.tallies.setdefault(heads[number], Tally(bins=[0] * bins))
        if place < bins:
            tally.bins[place] += n
        tally.seen += n
        if day:
            tally.count += n
            if places:
                tally.days[day] = tally.days.get(day, 0) + n


def _stepped(
    conn: Connection, site: str, facts: Facts, bins: int, places: Places | None
) -> Iterator[tuple[int, int, int, int]]:
    """(pattern's number, bin, day, errors): the day of the site, without `places` 1; 0 before the window."""
    window, begins = facts.window, facts.begins
    cuts = {begins + place * DAY_MS for place in range(bins + 1)} | {window.start, window.end}
    if places:
        cuts |= set(places.midnights(window))
    bounds = sorted(cuts)
    pieces = [
        ((start - begins) // DAY_MS, (places.day(start) if places else 1) if start >= window.start else 0)
        for start in bounds[:-1]
    ]
    given = {f"t{place}": bound for place, bound in enumerate(bounds)}
    for number, *sums in rows(conn, _by_piece(len(pieces)), {**given, "of": site}):
        for n, (place, day) in zip(sums, pieces, strict=True):
            if n:
                yield number, place, day, n


def _grouped(
    conn: Connection, site: str, facts: Facts, bins: int, places: Places | None
) -> Iterator[tuple[int, int, int, int]]:
    """As `_stepped`, for databases that group faster than they take thousands of steps."""
    table, window = error_counts, facts.window
    place = (table.c.hour - facts.begins) // DAY_MS
    day = case((table.c.hour >= window.start, places.day_of(table.c.hour) if places else 1), else_=0)
    query = (
        select(table.c.pattern, place.label("place"), day.label("day"), func.sum(table.c.count))
        .join(error_patterns, error_patterns.c.number == table.c.pattern)
        .where(error_patterns.c.site == site, table.c.hour >= facts.begins, table.c.hour < window.end)
        .group_by(table.c.pattern, place, day)
    )
    for number, *found in rows(conn, query):
        # What drivers make of a sum or of a division differs: decimals, fractions.
        at, on, n = map(int, found)
        yield number, at, on, n


@functools.lru_cache(maxsize=32)
def _by_piece(count: int) -> Select[Any]:
    """Errors of each pattern of the site `of` from each of the moments t0, t1, … to before the next.

    One step along the key for each piece: SQLite would sort every hour of every pattern to group them.
    """
    table, pattern = error_counts, error_patterns
    bounds = [bindparam(f"t{place}", type_=BigInteger) for place in range(count + 1)]
    sums = [
        select(func.sum(table.c.count))
        .where(table.c.pattern == pattern.c.number, table.c.hour >= start, table.c.hour < end)
        .scalar_subquery()
        for start, end in pairwise(bounds)
    ]
    # A pattern that was last seen before all of them has none.
    return select(pattern.c.number, *sums).where(pattern.c.site == bindparam("of"), pattern.c.last_seen >= bounds[0])


def _before(conn: Connection, site: str, facts: Facts, heads: Mapping[int, int]) -> None:
    before = facts.window.before
    if not facts.looked.knew(before.start + 1):
        return
    for number, n in by_pattern(conn, site, before):
        facts.tallies.setdefault(heads[number], Tally(bins=[0] * facts.bins)).before += n


def rows(conn: Connection, query: Select[Any], given: Mapping[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
    """All rows of a query as the driver gives them: for many thousands of numbers making a Row of each costs more."""
    result = conn.execute(query, given)
    cursor: Any = result.cursor
    try:
        while found := cursor.fetchmany(_AT_ONCE):
            yield from found
    finally:
        result.close()


def by_pattern(conn: Connection, site: str, window: Window) -> list[tuple[int, int]]:
    """(pattern's number, errors in a window), not folded; those without any are left out."""
    table, pattern = error_counts, error_patterns
    # Along the key pattern by pattern: a grouping would be sorted first, which takes twice as long.
    total = (
        select(func.sum(table.c.count))
        .where(table.c.pattern == pattern.c.number, table.c.hour >= window.start, table.c.hour < window.end)
        .scalar_subquery()
    )
    query = select(pattern.c.number, total).where(pattern.c.site == site)
    return [(number, int(n)) for number, n in rows(conn, query) if n]


def by_hour(conn: Connection, site: str, window: Window, numbers: Collection[int] | None = None) -> dict[int, int]:
    """Errors per hour in a window; of the patterns with these numbers, or of all."""
    table = error_counts
    query = (
        select(table.c.hour, func.sum(table.c.count))
        .join(error_patterns, error_patterns.c.number == table.c.pattern)
        .where(error_patterns.c.site == site, table.c.hour >= window.start, table.c.hour < window.end)
        .group_by(table.c.hour)
    )
    if numbers is not None:
        query = query.where(table.c.pattern.in_(sorted(numbers)))
    return {hour: int(n) for hour, n in rows(conn, query)}


def first_hours(conn: Connection, facts: Facts, shown: Iterable[int]) -> dict[int, int]:
    """The first hour of the window in which each of some heads has an error."""
    table, pattern = error_counts, error_patterns
    head_of = {number: head for head in shown for number in facts.numbers(head)}
    # One step along the key for each pattern, where a minimum would read all its hours.
    first = (
        select(table.c.hour)
        .where(table.c.pattern == pattern.c.number, table.c.hour >= facts.window.start)
        .order_by(table.c.hour)
        .limit(1)
        .scalar_subquery()
    )
    found: dict[int, int] = {}
    for part in parts(sorted(head_of)):
        for number, hour in rows(conn, select(pattern.c.number, first).where(pattern.c.number.in_(part))):
            if hour is not None and hour < facts.window.end:
                found[head_of[number]] = min(hour, found.get(head_of[number], hour))
    return found


def hours_of(conn: Connection, facts: Facts, shown: Iterable[int]) -> dict[int, dict[int, int]]:
    """Errors per hour of the window of some heads: head's number -> hour -> errors."""
    table, window = error_counts, facts.window
    head_of = {number: head for head in shown for number in facts.numbers(head)}
    found: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for part in parts(sorted(head_of)):
        query = select(table.c.pattern, table.c.hour, table.c.count).where(
            table.c.pattern.in_(part), table.c.hour >= window.start, table.c.hour < window.end
        )
        for number, hour, n in rows(conn, query):
            found[head_of[number]][hour] += n
    return found


def _users(conn: Connection, site: str, facts: Facts, heads: Mapping[int, int]) -> None:
    table = error_contexts
    named = select(table.c.number, table.c.user, table.c.user_group, table.c.component).where(table.c.site == site)
    contexts = {number: who for number, *who in rows(conn, named)}
    for number, context, n in hits(conn, site, facts.window):
        tally = facts.tallies.get(heads[number])
        if tally is None:
            continue
        user, group, component = contexts[context]
        tally.components[component] = tally.components.get(component, 0) + n
        tally.groups[group] = tally.groups.get(group, 0) + n
        if user:
            tally.users[user] = tally.users.get(user, 0) + n
            facts.group_of[user] = group


def hits(conn: Connection, site: str, window: Window) -> list[tuple[int, int, int]]:
    """(pattern's number, context's number, errors) in a window."""
    if window.hours <= SHORT_HOURS:
        return _summed(conn, site, [(error_hits, "hour", window)])
    # Days are those of UTC: what is cut off at the beginning comes from the hours.
    whole = Window(-(-window.start // DAY_MS) * DAY_MS, window.end)
    found = _summed(conn, site, [(error_hit_days, "day", whole)])
    if whole.start > window.start:
        found += _summed(conn, site, [(error_hits, "hour", Window(window.start, whole.start))])
    return found


def _summed(conn: Connection, site: str, ranges: list[tuple[Any, str, Window]]) -> list[tuple[int, int, int]]:
    out: list[tuple[int, int, int]] = []
    for table, moment, window in ranges:
        query = (
            select(table.c.pattern, table.c.context, func.sum(table.c.count))
            .join(error_patterns, error_patterns.c.number == table.c.pattern)
            .where(error_patterns.c.site == site, table.c[moment] >= window.start, table.c[moment] < window.end)
            .group_by(table.c.pattern, table.c.context)
        )
        out += [(number, context, int(n)) for number, context, n in rows(conn, query)]
    return out


def numbers_of(conn: Connection, site: str, pattern: str) -> list[int]:
    """Numbers of the pattern with this id, or of the one it was merged into, and of all merged into that.

    Its head comes first; empty when the site has no such pattern.
    """
    table = error_patterns
    found = conn.execute(
        select(table.c.number, table.c.merged_into).where(table.c.site == site, table.c.id == pattern)
    ).first()
    if found is None:
        return []
    head = found.merged_into or found.number
    query = select(table.c.number).where(table.c.site == site, table.c.merged_into == head)
    return [head, *conn.execute(query).scalars()]


def totals(conn: Connection, numbers: Collection[int]) -> dict[int, int]:
    """How many errors the patterns with these numbers ever had."""
    table = error_patterns
    return {
        row.number: row.total
        for part in parts(sorted(numbers))
        for row in conn.execute(select(table.c.number, table.c.total).where(table.c.number.in_(part)))
    }

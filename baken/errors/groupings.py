"""By which rules a site's errors are grouped: the version that was adopted, and what people have split.

Other rules are looked at before they are adopted (`preview`), and what is known of the patterns by the rules before is
handed on while a transition lasts.
"""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from baken.clock import from_ms, iso, to_ms
from baken.errors import facts, reader
from baken.errors.counts import Grouping
from baken.errors.fingerprint import VERSIONS, Fingerprint, finer, fingerprint
from baken.errors.reader import OVERLAP, Watermark
from baken.errors.scrub import Scrubbed, scrub
from baken.errors.windows import last_hours
from baken.history import audit
from baken.history.tables import error_groupings, error_patterns
from baken.history.upserts import upsert
from baken.sites.reading import Reading

MOST_ROWS = 5000
"""A preview reads so many rows at most."""

_MOST_SHOWN = 50


def load(conn: Connection, site: str, now: datetime) -> Grouping:
    """The rules that apply to a site's errors at the moment `now`."""
    table, patterns = error_groupings, error_patterns
    row = conn.execute(select(table).where(table.c.site == site)).first()
    query = select(patterns.c.id, patterns.c.split_by).where(patterns.c.site == site, patterns.c.split_by.is_not(None))
    splits = {found.id: found.split_by for found in conn.execute(query)}
    if row is None:
        return Grouping(splits=splits)
    previous = row.previous if row.until > to_ms(now) else None
    return Grouping(row.version, previous, splits)


def describe(conn: Connection, site: str, now: datetime) -> dict[str, Any]:
    """The rules that apply to a site, and those that could: as `baken.get_error_grouping` answers."""
    table, patterns = error_groupings, error_patterns
    row = conn.execute(select(table).where(table.c.site == site)).first()
    grouping = load(conn, site, now)
    query = (
        select(patterns.c.id, patterns.c.split_by, patterns.c.template)
        .where(patterns.c.site == site, patterns.c.split_by.is_not(None))
        .order_by(patterns.c.id)
    )
    return {
        "version": grouping.version,
        "previous": grouping.previous,
        "adopted_at": iso(from_ms(row.adopted_at)) if row else None,
        "until": iso(from_ms(row.until)) if row and grouping.previous else None,
        "versions": [
            {"version": each.version, "summary": each.summary, "current": each.version == grouping.version}
            for each in VERSIONS.values()
        ],
        "splits": [
            {"pattern": found.id, "by": found.split_by, "template": found.template} for found in conn.execute(query)
        ],
    }


def begin(conn: Connection, site: str, *, days: int, now: datetime) -> datetime:
    """Where a preview begins so that it reads about MOST_ROWS rows, and no more than `days` days."""
    window = last_hours(days * 24, now)
    left = MOST_ROWS
    for hour, count in sorted(facts.by_hour(conn, site, window).items(), reverse=True):
        left -= count
        if left <= 0:
            return from_ms(hour)
    return from_ms(window.start)


def preview(
    reading: Reading, grouping: Grouping, version: str, *, start: datetime, days: int, now: datetime
) -> dict[str, Any]:
    """What the rules `version` would make of the site's Error Log from `start` on, against the rules that apply.

    Nothing is stored. Patterns that people merged count as they are without that.

    Args:
        reading: a look at the site.
        grouping: the rules that apply.
        version: the rules to be looked at.
        start: where to begin; at most MOST_ROWS rows are read from there on.
        days: how many days were asked for.
        now: the present moment.

    Returns version, current, rows, days, since, before, after, splits, merges, moved (None without rows), complete,
    measured_at.

    Raises SiteProblem when the log cannot be read.
    """
    floor = reading.local(start)
    mark = Watermark(start + OVERLAP, start, now, behind=False, serial=0, floor=floor, looked_back=now)
    size = reading.site.settings.optimizer.database.batch_size
    batch = reader.read_new(reading, mark, batch_size=size, now=now, max_rows=MOST_ROWS)
    pairs: Counter[tuple[str, str]] = Counter()
    texts: dict[str, str] = {}
    for event in batch.rows:
        row = scrub(event.method, event.error)
        old = _finest(row, fingerprint(row, grouping.version), grouping)
        new = fingerprint(row, version)
        pairs[old.pattern, new.pattern] += 1
        texts |= {old.pattern: old.template, new.pattern: new.template}
    into: dict[str, Counter[str]] = defaultdict(Counter)
    of: dict[str, Counter[str]] = defaultdict(Counter)
    for (one, other), count in pairs.items():
        into[one][other] += count
        of[other][one] += count
    rows = sum(pairs.values())
    moved = sum(count for (one, other), count in pairs.items() if len(into[one]) > 1 or len(of[other]) > 1)
    return {
        "version": version,
        "current": grouping.version,
        "rows": rows,
        "days": days,
        "since": iso(start),
        "before": len(into),
        "after": len(of),
        "splits": _torn(into, texts, "into"),
        "merges": _torn(of, texts, "of"),
        "moved": moved / rows if rows else None,
        "complete": start <= now - timedelta(days=days) + timedelta(hours=1) and not batch.watermark.behind,
        "measured_at": iso(now),
    }


def _finest(row: Scrubbed, found: Fingerprint, grouping: Grouping) -> Fingerprint:
    chosen: set[str] = set()
    while found.pattern in grouping.splits and found.pattern not in chosen:
        chosen.add(found.pattern)
        found = finer(row, found, grouping.splits[found.pattern])
    return found


def _torn(found: dict[str, Counter[str]], texts: dict[str, str], name: str) -> list[dict[str, Any]]:
    """Patterns that meet several of the other rules, those with most rows first."""
    several = sorted(
        ((pattern, parts) for pattern, parts in found.items() if len(parts) > 1),
        key=lambda entry: (-entry[1].total(), entry[0]),
    )
    return [
        {
            "pattern": pattern,
            "template": texts[pattern],
            "rows": parts.total(),
            name: [{"pattern": part, "template": texts[part], "rows": count} for part, count in parts.most_common(20)],
        }
        for pattern, parts in several[:_MOST_SHOWN]
    ]


def adopt(conn: Connection, site: str, version: str, *, by: str, now: datetime, transition_days: int) -> bool:
    """Group a site's errors by the rules `version` from now on; False when they apply already.

    For `transition_days` days what is known of patterns by the rules before (state, note, first seen) is handed on to
    those that take their place. Going back takes the patterns of before out of those that had taken their place.

    Raises KeyError when there are no such rules.
    """
    VERSIONS[version]
    current = load(conn, site, now).version
    if version == current:
        return False
    until = now + timedelta(days=transition_days)
    row = {
        "site": site,
        "version": version,
        "previous": current,
        "adopted_at": to_ms(now),
        "until": to_ms(until),
    }
    upsert(conn, error_groupings, [row])
    _take_back(conn, site, version)
    detail = {"version": version, "previous": current, "until": iso(until)}
    audit.write(conn, at=now, site=site, user=by, action="error grouping", target=version, detail=detail)
    return True


def _take_back(conn: Connection, site: str, version: str) -> None:
    """Patterns of `version` that were merged into those of other rules stand for themselves again.

    One that was the only one there takes the other's place in turn, with its counts.
    """
    table, head = error_patterns, error_patterns.alias()
    query = (
        select(table.c.number, head.c.number.label("head"))
        .join_from(table, head, head.c.number == table.c.merged_into)
        .where(table.c.site == site, table.c.version == version, head.c.version != version)
    )
    held: dict[int, list[int]] = defaultdict(list)
    for found in conn.execute(query):
        held[found.head].append(found.number)
    for above, below in held.items():
        conn.execute(update(table).where(table.c.number.in_(below)).values(merged_into=None))
        if len(below) == 1:
            others = (table.c.number == above) | (table.c.merged_into == above)
            conn.execute(update(table).where(table.c.site == site, others).values(merged_into=below[0]))

"""Whether the store has something newer about sites: one look that is cheap enough to be taken every second."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from zlib import crc32

from sqlalchemy import Connection, func, select

from baken.history import tables
from baken.history.series import batches

FIGURES, ERRORS, ALERTS = "figures", "errors", "alerts"

SHARED = ""
"""The site under which what concerns all is kept: the host's figures and alerts, silences that hold everywhere."""

TAIL = 50
"""So many of the newest events of alerts are looked at. When all of them are new, there may have been more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the store said at one moment.

    Attributes:
        marks: per site and topic something that differs when there is something newer.
        events: the newest events of alerts: their number, and the site of the alert.
    """

    marks: Mapping[str, Mapping[str, Hashable]]
    events: Mapping[int, str]


FEW = 20
"""With more sites than this, errors of a site that had no run since are not counted at every look."""

TURNS = 5
"""But at every so many."""


def look(conn: Connection, sites: Collection[str], before: Look | None = None, turn: int = 0) -> Look:
    """Look whether there is something newer about `sites`. `before` is the last look, `turn` counts them.

    Figures are newer when a run over the site or the host was stored; errors when one was counted or somebody has dealt
    with a pattern; alerts when something happened to one (see `changed`), or silences changed.
    """
    wanted = sorted({*sites, SHARED})
    runs: dict[str, Hashable] = {}
    errors: dict[str, Hashable] = {}
    silences: dict[str, Hashable] = {}
    states, patterns, quiet = tables.site_states.c, tables.error_patterns.c, tables.silences.c
    for some in batches(wanted):
        runs |= {row.site: row.at for row in conn.execute(select(states.site, states.at).where(states.site.in_(some)))}
        known = {} if before is None or len(sites) <= FEW else _as_before(some, before, runs, turn)
        errors |= known
        counted = (
            select(patterns.site, func.count(), func.sum(patterns.total), func.max(patterns.state_at))
            .where(patterns.site.in_([site for site in some if site not in known]))
            .group_by(patterns.site)
        )
        errors |= {site: tuple(rest) for site, *rest in conn.execute(counted)}
        held = (
            select(quiet.site, func.max(quiet.id), func.count(quiet.ended_at), func.count())
            .where(quiet.site.in_(some))
            .group_by(quiet.site)
        )
        silences |= {site: tuple(rest) for site, *rest in conn.execute(held)}
    event, alert = tables.alert_events, tables.alerts
    newest = (
        select(event.c.id, alert.c.site)
        .select_from(event.join(alert, alert.c.number == event.c.alert))
        .order_by(event.c.id.desc())
        .limit(TAIL)
    )
    marks: dict[str, Mapping[str, Hashable]] = {
        site: {
            FIGURES: (runs.get(site), runs.get(SHARED)),
            ERRORS: errors.get(site),
            ALERTS: (silences.get(site), silences.get(SHARED)),
        }
        for site in sites
    }
    return Look(marks, {row.id: row.site for row in conn.execute(newest)})


def _as_before(sites: Collection[str], before: Look, runs: Mapping[str, Hashable], turn: int) -> dict[str, Hashable]:
    """The marks of errors of the sites that had no run since, but for those whose turn it is to be looked at."""
    found: dict[str, Hashable] = {}
    for site in sites:
        marks = before.marks.get(site)
        if marks is not None and (crc32(site.encode()) + turn) % TURNS:
            run = marks[FIGURES]
            if isinstance(run, tuple) and run[0] == runs.get(site):
                found[site] = marks[ERRORS]
    return found


def changed(before: Look, after: Look) -> dict[str, frozenset[str]]:
    """The topics about which `after` has something newer, per site that both looks are about; without the others.

    The same events count once, whatever the order in which the transactions that wrote them were kept.
    """
    new = {number: site for number, site in after.events.items() if number not in before.events}
    # With fewer than TAIL of them there can be no others that fell out of sight; an older one that comes into sight,
    # because retention removed newer ones, is none.
    floor = min(before.events, default=0) if len(before.events) >= TAIL else 0
    new = {number: site for number, site in new.items() if number >= floor}
    everywhere = SHARED in new.values() or len(new) >= TAIL
    touched = frozenset(new.values())
    found: dict[str, frozenset[str]] = {}
    for site, marks in after.marks.items():
        known = before.marks.get(site)
        if known is None:
            continue
        topics = {topic for topic, mark in marks.items() if mark != known.get(topic)}
        if everywhere or site in touched:
            topics.add(ALERTS)
        if topics:
            found[site] = frozenset(topics)
    return found

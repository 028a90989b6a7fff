"""What people decide about patterns: states, notes, mutes, merges, splits. Each decision has its way back.

Every change is in the audit trail, under the id of the pattern that changed; what already is as asked for is left
alone and not written down again. All functions work in the caller's transaction.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from baken.clock import from_ms, iso, to_ms
from baken.errors.counts import OVERFLOW, hour_of, parts
from baken.errors.described import state_of
from baken.errors.fingerprint import SPLITS
from baken.history import audit
from baken.history.tables import audit as trail
from baken.history.tables import error_counts, error_patterns

CHOSEN = ("open", "known", "muted", "resolved")
"""States that people set; "regressed" is found."""

LEAST_ABOVE = 10
"""A mute that nobody gave a limit ends above so many errors an hour at least."""

_BUSY_DAYS = timedelta(days=7)


class Refused(Exception):
    """A decision that cannot be carried out; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Act:
    """Where a decision is taken, by whom, and when."""

    conn: Connection
    site: str
    by: str
    now: datetime

    def write(self, action: str, pattern: str, detail: Mapping[str, Any]) -> None:
        """Put what was done to a pattern into the audit trail."""
        audit.write(
            self.conn,
            at=self.now,
            site=self.site,
            user=self.by,
            action=f"error {action}",
            target=pattern,
            detail=detail,
        )

    def change(self, numbers: Collection[int], **values: Any) -> None:
        """Change rows of error_patterns."""
        for part in parts(sorted(numbers)):
            self.conn.execute(update(error_patterns).where(error_patterns.c.number.in_(part)).values(**values))


def set_state(
    act: Act, patterns: Sequence[str], state: str, *, note: str = "", hours: int = 0, above: int = 0
) -> list[str]:
    """Put patterns into a state.

    Args:
        act: who decides.
        patterns: their ids; of one that was merged into another, the other changes.
        state: one of CHOSEN.
        note: why; replaces an earlier note.
        hours: how long a mute lasts; 0: until it escalates.
        above: more errors than this within an hour end the mute; 0: with `hours` 0 the larger of LEAST_ABOVE and twice
            its busiest hour of the last 7 days, else nothing but time ends it.

    Returns ids of the patterns that changed. Raises Refused.
    """
    if state not in CHOSEN:
        raise Refused(f"a pattern cannot be set to {state[:40]!r}; choose one of {', '.join(CHOSEN)}")
    changed = []
    for head in _heads(act, patterns):
        values: dict[str, Any] = {"state": state, "note": note, "muted_until": None, "muted_above": None}
        if state == "muted":
            values["muted_until"] = to_ms(act.now + timedelta(hours=hours)) if hours else None
            lasting = not hours and not above and head.state == "muted" and head.muted_until is None
            values["muted_above"] = head.muted_above if lasting else above or (None if hours else _limit(act, head))
        before = {name: getattr(head, name) for name in values}
        if before == values and state_of(head, act.now) == state:
            continue
        act.change([head.number], **values, state_at=to_ms(act.now), state_by=act.by)
        told = {"state": state, "note": note, "before": head.state, "note_before": head.note}
        if state == "muted":
            told |= {"until": _iso(values["muted_until"]), "above": values["muted_above"]}
        act.write("state", head.id, told)
        changed.append(head.id)
    return changed


def merge(act: Act, patterns: Sequence[str], into: str) -> list[str]:
    """Count patterns as one: those given, with all that were merged into them, go into the pattern `into`.

    Where `into` was merged itself, the one that it is in takes them. Returns ids of the patterns that changed; raises
    Refused.
    """
    target = _head(act, into)
    changed = []
    for row in _rows(act, patterns):
        if row.number == target.number or row.merged_into == target.number:
            continue
        below = _below(act, row.number)
        act.change([row.number, *(each.number for each in below)], merged_into=target.number)
        act.write("merge", row.id, {"into": target.id, "with": [each.id for each in below], "from": _id(act, row)})
        changed.append(row.id)
    return changed


def separate(act: Act, pattern: str) -> list[str]:
    """Take a pattern out of the one it was merged into, with those that came along when it was merged.

    Returns ids of the patterns that changed: none when it is not merged. Raises Refused.
    """
    row = _rows(act, [pattern])[0]
    if row.merged_into is None:
        return []
    came = _last(act, row.id, "merge").get("with", [])
    along = [each for each in _rows(act, came, known=True) if each.merged_into == row.merged_into]
    head = _id(act, row)
    act.change([row.number], merged_into=None)
    act.change([each.number for each in along], merged_into=row.number)
    act.write("separate", row.id, {"from": head, "with": [each.id for each in along]})
    return [row.id, *(each.id for each in along)]


def split(act: Act, pattern: str, by: str) -> list[str]:
    """Count the errors of a pattern apart from now on: by message, title or caller; "none" counts them as one again.

    What was counted apart is merged into the pattern when the split ends, and taken out of it when the same split is
    made again. Returns ids of the patterns that changed; raises Refused.
    """
    if by not in (*SPLITS, "none"):
        raise Refused(f"a pattern cannot be split by {by[:40]!r}; choose one of {', '.join((*SPLITS, 'none'))}")
    row = _rows(act, [pattern])[0]
    wanted = None if by == "none" else by
    if row.split_by == wanted:
        return []
    if row.version == OVERFLOW:
        raise Refused(f"{row.id} counts errors of many patterns and cannot be split; raise errors.max_patterns instead")
    head = row.merged_into or row.number
    changed = [row.id]
    detail: dict[str, Any] = {"by": by, "before": row.split_by or "none"}
    if row.split_by is not None:
        table = error_patterns
        query = select(table).where(
            table.c.site == act.site, table.c.split_of == row.number, table.c.merged_into.is_(None)
        )
        parted = [each for each in act.conn.execute(query) if each.number != head]
        for each in parted:
            below = _below(act, each.number)
            act.change([each.number, *(one.number for one in below)], merged_into=head)
        detail["joined"] = [each.id for each in parted]
        changed += detail["joined"]
    if wanted is not None:
        joined = _joined(act, row.id, wanted)
        apart = [each for each in _rows(act, joined, known=True) if each.merged_into == head]
        act.change([each.number for each in apart], merged_into=None)
        detail["parted"] = [each.id for each in apart]
        changed += [each.id for each in apart if each.id not in changed]
    act.change([row.number], split_by=wanted)
    act.write("split", row.id, detail)
    return changed


def _rows(act: Act, patterns: Sequence[str], *, known: bool = False) -> list[Any]:
    """Rows of patterns in the order given, each once; `known` leaves out those that are not there (any more)."""
    table = error_patterns
    names = list(dict.fromkeys(patterns))
    if not names and not known:
        raise Refused("no pattern was named; give the ids of one or more, with commas between them")
    found: dict[str, Any] = {}
    for part in parts(names):
        query = select(table).where(table.c.site == act.site, table.c.id.in_(part)).with_for_update()
        found |= {row.id: row for row in act.conn.execute(query)}
    missing = [name for name in names if name not in found]
    if missing and not known:
        raise Refused(
            f"there is no pattern {missing[0][:40]!r} on this site; ids have 16 hexadecimal digits: take one from "
            "baken.get_error_patterns"
        )
    return [found[name] for name in names if name in found]


def _heads(act: Act, patterns: Sequence[str]) -> list[Any]:
    rows = _rows(act, patterns)
    table = error_patterns
    above = sorted({row.merged_into for row in rows if row.merged_into is not None})
    found: dict[int, Any] = {}
    for part in parts(above):
        query = select(table).where(table.c.site == act.site, table.c.number.in_(part)).with_for_update()
        found |= {row.number: row for row in act.conn.execute(query)}
    heads = {head.number: head for row in rows for head in [found.get(row.merged_into, row)]}
    return list(heads.values())


def _head(act: Act, pattern: str) -> Any:
    return _heads(act, [pattern])[0]


def _below(act: Act, number: int) -> list[Any]:
    table = error_patterns
    query = select(table.c.number, table.c.id).where(table.c.site == act.site, table.c.merged_into == number)
    return list(act.conn.execute(query.order_by(table.c.id)))


def _id(act: Act, row: Any) -> str | None:
    """Id of the pattern that `row` is merged into."""
    if row.merged_into is None:
        return None
    query = select(error_patterns.c.id).where(error_patterns.c.number == row.merged_into)
    return act.conn.execute(query).scalar()


def _entries(act: Act, pattern: str, action: str) -> list[dict[str, Any]]:
    query = (
        select(trail.c.detail)
        .where(trail.c.site == act.site, trail.c.target == pattern, trail.c.action == f"error {action}")
        .order_by(trail.c.at.desc(), trail.c.id.desc())
        .limit(100)
    )
    return [json.loads(detail) for detail in act.conn.execute(query).scalars()]


def _last(act: Act, pattern: str, action: str) -> dict[str, Any]:
    return next(iter(_entries(act, pattern, action)), {})


def _joined(act: Act, pattern: str, by: str) -> list[str]:
    """What was joined when the pattern was last no longer split by `by`."""
    ended = (entry for entry in _entries(act, pattern, "split") if entry.get("before") == by)
    found: list[str] = next(ended, {}).get("joined", [])
    return found


def _limit(act: Act, head: Any) -> int:
    """Errors an hour that break a mute for which nobody said when."""
    numbers = [head.number, *(row.number for row in _below(act, head.number))]
    table = error_counts
    busy: int | None = None
    for part in parts(numbers):
        query = (
            select(func.sum(table.c.count).label("n"))
            .where(table.c.pattern.in_(part), table.c.hour >= hour_of(to_ms(act.now - _BUSY_DAYS)))
            .group_by(table.c.hour)
        )
        busiest = max((int(n) for n in act.conn.execute(query).scalars()), default=0)
        busy = max(busy or 0, busiest)
    return max(LEAST_ABOVE, 2 * (busy or 0))


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(from_ms(moment))

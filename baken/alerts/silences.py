"""Silences and maintenance windows: which alerts are not told for a while, who said so, and until when.

A silence has a beginning and an end; maintenance comes again every week within its beginning and end. One that was
ended stays ended, whatever the clock says later. Every beginning and end of one is in the audit trail.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from baken.alerts import matchers as matching
from baken.alerts.windows import BadTime, Recurrence
from baken.clock import from_ms, iso, to_ms
from baken.history import audit
from baken.history.series import labels_of
from baken.history.tables import SITE, alerts
from baken.history.tables import silences as table

log = structlog.get_logger(__name__)

Kind = Literal["silence", "maintenance"]
KINDS: tuple[Kind, ...] = ("silence", "maintenance")

EVERYWHERE = ""
"""The site of a silence that holds on all sites."""

LONGEST = timedelta(days=366)
"""A silence ends within a year: what nobody wants to hear of for longer is a rule to switch off."""

MOST_COMMENT = 1000
MOST_MATCHERS = 20
MOST_ENDED = 200
"""So many silences that are over are listed, the newest."""

_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_MOST_VALUE = 400


class Refused(Exception):
    """A silence cannot be made or ended; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence or a maintenance window.

    Attributes:
        id: its number.
        site: the site whose alerts it holds; EVERYWHERE for those of all sites, of the host and of Baken itself.
        kind: silence or maintenance.
        matchers: which alerts, by rule, severity, area, site and the alert's labels; none: all.
        starts, ends: from when until before when, aware UTC; `ends` is None for maintenance without an end.
        recurrence: when maintenance comes again within that time; None for a silence.
        comment: why.
        created_at, created_by: when and by whom it was made.
        ended_at, ended_by: when and by whom it was ended before its time; None and empty when it was not.
    """

    id: int
    site: str
    kind: Kind
    matchers: Mapping[str, str]
    starts: datetime
    ends: datetime | None
    recurrence: Recurrence | None
    comment: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    ended_by: str

    def over(self, now: datetime) -> bool:
        """Whether it will never hold anything again."""
        return self.ended_at is not None or (self.ends is not None and self.ends <= now)

    def active(self, now: datetime) -> bool:
        """Whether it holds at this moment what it matches."""
        if self.over(now) or now < self.starts:
            return False
        return self.recurrence is None or self.recurrence.active(now)

    def holds(self, alert_labels: Mapping[str, str], site: str, now: datetime) -> bool:
        """Whether an alert of `site` is held back at this moment.

        `alert_labels` are the alert's labels together with its rule, severity and area.
        """
        # Whether a window is on takes longer to find out than whether it is this alert that is meant.
        return self.means(alert_labels, site) and self.active(now)

    def means(self, alert_labels: Mapping[str, str], site: str) -> bool:
        """Whether an alert is one of those that it holds while it is active."""
        if self.site not in (EVERYWHERE, site):
            return False
        return matching.match(self.matchers, {**alert_labels, "site": site})

    def next(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Beginning and end of the maintenance window that is on or comes next; None for a silence or after the end."""
        if self.recurrence is None or self.over(now):
            return None
        starts, ends = self.recurrence.next(max(now, self.starts))
        starts = max(starts, self.starts)
        if self.ends is None:
            return starts, ends
        return (starts, min(ends, self.ends)) if starts < self.ends else None


def add(
    conn: Connection,
    *,
    site: str,
    kind: Kind,
    matchers: Mapping[str, str],
    starts: datetime,
    ends: datetime | None,
    recurrence: Recurrence | None,
    comment: str,
    by: str,
    now: datetime,
) -> int:
    """Make a silence or a maintenance window in the caller's transaction; returns its number.

    Args:
        conn: a connection that writes.
        site: the site whose alerts it holds; EVERYWHERE for all.
        kind: silence or maintenance.
        matchers: label -> text as `matchers.match` reads it; without any it holds everything, and needs a comment.
        starts, ends: aware moments; only maintenance may be without an end.
        recurrence: when maintenance comes again; None for a silence.
        comment: why, at most MOST_COMMENT characters.
        by: who makes it.
        now: the present.

    Raises:
        Refused: something does not fit.
    """
    said = comment.replace("\x00", "").strip()
    _check(kind, matchers, starts, ends, recurrence, said, now)
    result = conn.execute(
        insert(table).values(
            site=site,
            kind=kind,
            matchers=json.dumps(dict(matchers), sort_keys=True),
            starts=to_ms(starts),
            ends=None if ends is None else to_ms(ends),
            recurrence="" if recurrence is None else json.dumps(recurrence.answer(), sort_keys=True),
            comment=said,
            created_at=to_ms(now),
            created_by=by[:SITE],
            ended_at=None,
            ended_by="",
        )
    )
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101 - every database tells the number of a row with a key of its own
    number = int(key[0])
    detail: dict[str, Any] = {"kind": kind, "matchers": dict(matchers), "starts": iso(starts), "ends": iso(ends)}
    if recurrence is not None:
        detail["recurrence"] = recurrence.answer()
    if site == EVERYWHERE:
        detail["everywhere"] = True
    audit.write(conn, at=now, site=site, user=by, action="silence added", target=str(number), detail=detail)
    return number


def end(conn: Connection, number: int, *, site: str, by: str, now: datetime) -> None:
    """End a silence or a maintenance window now, in the caller's transaction.

    `site` is where that is asked for: a site ends its own, and those that hold on all sites.
    Raises Refused, also when it is over already.
    """
    row = conn.execute(select(table).where(table.c.id == number)).one_or_none()
    if row is None or row.site not in (site, EVERYWHERE):
        raise Refused(f"there is no silence {number}" + (f" on {site}" if site else ""))
    if row.ended_at is None and row.ends is not None and row.ends <= to_ms(now):
        raise Refused(f"silence {number} is over since {iso(from_ms(row.ends))}")
    changed = conn.execute(
        update(table)
        .where(table.c.id == number, table.c.ended_at.is_(None))
        .values(ended_at=to_ms(now), ended_by=by[:SITE])
    )
    if not changed.rowcount:
        again = conn.execute(select(table.c.ended_by).where(table.c.id == number)).scalar()
        raise Refused(f"silence {number} was ended already" + (f" by {again}" if again else ""))
    detail: dict[str, Any] = {"kind": row.kind} | ({"everywhere": True} if row.site == EVERYWHERE else {})
    audit.write(conn, at=now, site=site, user=by, action="silence ended", target=str(number), detail=detail)


def load(conn: Connection, now: datetime | None = None) -> list[Silence]:
    """The silences and maintenance windows of all sites that were not ended; with `now`, none whose end has passed.

    One that cannot be understood silences nothing; the log says so.
    """
    wanted = [table.c.ended_at.is_(None)] if now is None else _present(now)
    query = select(table).where(*wanted).order_by(table.c.id)
    return [silence for row in conn.execute(query) if (silence := _read(row)) is not None]


def listed(conn: Connection, site: str, now: datetime, ended: bool = False) -> list[dict[str, Any]]:
    """The silences of a site and those that hold everywhere, as `baken.get_silences` answers them.

    Those that hold at this moment come first, then those to come, each by their end. With `ended` the last
    MOST_ENDED that are over follow, the newest first.
    """
    places = table.c.site.in_({site, EVERYWHERE})
    rows = list(conn.execute(select(table).where(places, *_present(now))))
    if ended:
        past = or_(table.c.ended_at.is_not(None), table.c.ends <= to_ms(now))
        rows += conn.execute(select(table).where(places, past).order_by(table.c.id.desc()).limit(MOST_ENDED))
    found = [silence for row in rows if (silence := _read(row)) is not None]
    found.sort(key=lambda each: _place(each, now))
    return _answers(conn, site, found, now)


def one(conn: Connection, number: int, *, site: str, now: datetime) -> dict[str, Any] | None:
    """One silence as `listed` has it, over or not; None when the site has none of that number."""
    row = conn.execute(select(table).where(table.c.id == number)).one_or_none()
    silence = None if row is None or row.site not in (site, EVERYWHERE) else _read(row)
    return None if silence is None else _answers(conn, site, [silence], now)[0]


def _present(now: datetime) -> list[ColumnElement[bool]]:
    """What is true of the rows that are not over."""
    return [table.c.ended_at.is_(None), or_(table.c.ends.is_(None), table.c.ends > to_ms(now))]


def _check(
    kind: str,
    matchers: Mapping[str, str],
    starts: datetime,
    ends: datetime | None,
    recurrence: Recurrence | None,
    comment: str,
    now: datetime,
) -> None:
    if kind not in KINDS:
        raise Refused(f"there is no kind {kind!r} of silence; it is silence or maintenance")
    if len(comment) > MOST_COMMENT:
        raise Refused(f"the comment has {len(comment)} characters; at most {MOST_COMMENT} are kept")
    if not matchers and not comment:
        raise Refused("a silence without matchers holds every alert back; say why in a comment, or name some alerts")
    _check_matchers(matchers)
    if kind == "silence":
        if recurrence is not None:
            raise Refused("a silence does not come again; make it maintenance")
        if ends is None:
            raise Refused("a silence needs an end")
        if ends > now + LONGEST:
            raise Refused("a silence ends within a year; switch the rule off if nobody wants to hear of it")
    elif recurrence is None:
        raise Refused("maintenance needs days, a time and a length; what happens once is a silence")
    if ends is not None and ends <= max(starts, now):
        raise Refused(f"the end {iso(ends)} lies before " + ("the beginning" if starts > now else "the present"))


def _check_matchers(matchers: Mapping[str, str]) -> None:
    if len(matchers) > MOST_MATCHERS:
        raise Refused(f"{len(matchers)} matchers are too many; at most {MOST_MATCHERS}")
    for label, wanted in matchers.items():
        if not _LABEL.fullmatch(label):
            raise Refused(f"{label[:100]!r} is no label; write rule, severity, area, site or a label of the alert")
        if len(wanted) > _MOST_VALUE:
            raise Refused(f"what is wanted of {label} has more than {_MOST_VALUE} characters")
    try:
        matching.check(matchers)
    except matching.BadMatcher as problem:
        raise Refused(str(problem)) from None


def _read(row: Row[Any]) -> Silence | None:
    try:
        wanted = {str(label): str(text) for label, text in json.loads(row.matchers).items()}
        matching.check(wanted)
        recurrence = Recurrence.of(json.loads(row.recurrence)) if row.recurrence else None
    except (BadTime, matching.BadMatcher, ValueError, AttributeError) as problem:
        # A zone may have gone with the system's list of zones. Whoever then hears of an alert can look.
        log.error("a silence cannot be understood and holds nothing", silence=row.id, reason=str(problem))
        return None
    return Silence(
        row.id,
        row.site,
        row.kind,
        wanted,
        from_ms(row.starts),
        None if row.ends is None else from_ms(row.ends),
        recurrence,
        row.comment,
        from_ms(row.created_at),
        row.created_by,
        None if row.ended_at is None else from_ms(row.ended_at),
        row.ended_by,
    )


def _state(silence: Silence, now: datetime) -> str:
    if silence.over(now):
        return "ended"
    return "active" if silence.active(now) else "pending"


def _place(silence: Silence, now: datetime) -> tuple[int, float]:
    state = _state(silence, now)
    if state == "ended":
        return 2, -silence.id
    upcoming = silence.next(now)
    if state == "pending":
        begins = upcoming[0] if upcoming is not None else silence.starts
        return 1, begins.timestamp()
    ends = upcoming[1] if upcoming is not None else silence.ends
    return 0, ends.timestamp() if ends is not None else float("inf")


def _answers(conn: Connection, site: str, found: list[Silence], now: datetime) -> list[dict[str, Any]]:
    opened = _open_alerts(conn, site) if any(silence.active(now) for silence in found) else []
    return [_answer(silence, opened, now) for silence in found]


def _open_alerts(conn: Connection, site: str) -> list[tuple[str, dict[str, str]]]:
    """(site, labels with rule, severity and area) of the open alerts of a site and of the host."""
    query = select(alerts.c.site, alerts.c.labels, alerts.c.rule, alerts.c.severity, alerts.c.area).where(
        alerts.c.open_key.is_not(None), alerts.c.site.in_({site, EVERYWHERE})
    )
    return [
        (row.site, {**labels_of(row.labels), "rule": row.rule, "severity": row.severity, "area": row.area})
        for row in conn.execute(query)
    ]


def _answer(silence: Silence, opened: list[tuple[str, dict[str, str]]], now: datetime) -> dict[str, Any]:
    upcoming = silence.next(now)
    held = sum(silence.means(labels, place) for place, labels in opened) if silence.active(now) else 0
    return {
        "id": silence.id,
        "kind": silence.kind,
        "site": silence.site,
        "matchers": dict(silence.matchers),
        "starts": iso(silence.starts),
        "ends": iso(silence.ends),
        "recurrence": None if silence.recurrence is None else silence.recurrence.answer(),
        "comment": silence.comment,
        "created_by": silence.created_by,
        "created_at": iso(silence.created_at),
        "ended_at": iso(silence.ended_at),
        "ended_by": silence.ended_by,
        "state": _state(silence, now),
        "next": None if upcoming is None else {"starts": iso(upcoming[0]), "ends": iso(upcoming[1])},
        "affects": held,
    }

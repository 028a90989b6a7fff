"""The life of alerts in the store: every change is conditional, leaves a line in the trail, and fills the outbox.

All functions work in the caller's transaction: an alert, its trail and the notifications about it are kept together or
not at all. A change that somebody else has made first is no change: the functions say so.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from baken.alerts import outbox
from baken.alerts.channels import BUILT_IN
from baken.alerts.rule import RANK, Rule, Severity
from baken.clock import from_ms, to_ms
from baken.history import audit
from baken.history.series import labels_text
from baken.history.tables import SITE, alert_events, alerts
from baken.history.upserts import insert_missing
from baken.settings import Alerts

ACTIVE, ACKNOWLEDGED, RESOLVED = "Active", "Acknowledged", "Resolved"

MOST_TEXT = 1000
"""Characters of a note or a comment."""

PREFIX = "BA-"


class Refused(Exception):
    """A change does not fit the alert's state; the text says why."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes something, when, and how notifications are routed. `user` is empty for Baken itself."""

    conn: Connection
    settings: Alerts
    now: datetime
    user: str = ""
    site: str = ""

    @property
    def ms(self) -> int:
        """The moment in milliseconds."""
        return to_ms(self.now)


@dataclass(frozen=True, slots=True)
class Opening:
    """What an alert is opened with: texts and details as JSON values, `suppressed` as in the table."""

    rule: Rule
    site: str
    labels: Mapping[str, str]
    key: str
    began: datetime
    value: float | None
    texts: Mapping[str, Mapping[str, str]]
    details: Mapping[str, Any]
    suppressed: str | None = None
    severity: Severity | None = None


def key_of(rule: str, site: str, labels: Mapping[str, str]) -> str:
    """The identity of an alert: 32 characters."""
    text = "\0".join((rule, site, labels_text(tuple(sorted(labels.items())))))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def name_of(number: int) -> str:
    """The alert's name: BA-000123."""
    return f"{PREFIX}{number:06}"


def number_of(name: str) -> int | None:
    """The number of an alert that is called by its name or its number; None for what is neither."""
    digits = name.strip().upper().removeprefix(PREFIX)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else None


def ladder(settings: Alerts, severity: str) -> timedelta:
    """After how long an alert that nobody has acknowledged climbs."""
    return timedelta(seconds=getattr(settings.escalation, severity))


def reminder(settings: Alerts, severity: str) -> timedelta:
    """The time between two reminders."""
    return timedelta(seconds=getattr(settings.reminders, severity))


def find(conn: Connection, number: int) -> Row[Any] | None:
    """The alert's row, or None."""
    return conn.execute(select(alerts).where(alerts.c.number == number)).one_or_none()


def began(conn: Connection, number: int) -> datetime | None:
    """Since when the condition of an alert has held."""
    moment = conn.execute(select(alerts.c.began).where(alerts.c.number == number)).scalar()
    return None if moment is None else from_ms(moment)


def note(act: Act, number: int, kind: str, text: str = "", detail: Mapping[str, Any] | None = None) -> int:
    """Add a line to the alert's trail; returns its number."""
    result = act.conn.execute(
        insert(alert_events).values(
            alert=number,
            at=act.ms,
            kind=kind,
            user=act.user[:SITE],
            text=text.replace("\x00", "")[:4000],
            detail=json.dumps(detail or {}, sort_keys=True, default=str),
        )
    )
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101 - every database tells the number of a row with a key of its own
    return int(key[0])


def open_alert(act: Act, given: Opening) -> int:
    """Open an alert, or take part in one that another process has opened meanwhile; returns its number."""
    severity = given.severity or given.rule.severity
    insert_missing(
        act.conn,
        alerts,
        [
            {
                "site": given.site,
                "rule": given.rule.name,
                "key": given.key,
                "open_key": given.key,
                "labels": labels_text(tuple(sorted(given.labels.items()))),
                "severity": severity,
                "area": given.rule.area,
                "status": ACTIVE,
                "began": min(to_ms(given.began), act.ms),
                "fired": act.ms,
                "last_seen": act.ms,
                "occurrences": 0,
                "value": given.value,
                "step": 1,
                "step_due": to_ms(act.now + ladder(act.settings, severity)),
                "suppressed": given.suppressed,
                "told": False,
                "flapping": False,
                "assigned_to": "",
                "acknowledged_by": "",
                "resolved_by": "",
                "feedback": "",
                "texts": json.dumps(given.texts, ensure_ascii=False),
                "details": json.dumps(given.details, default=str),
            }
        ],
        key=("open_key",),
    )
    row = act.conn.execute(select(alerts).where(alerts.c.open_key == given.key)).one()
    if row.occurrences == 0:
        act.conn.execute(update(alerts).where(alerts.c.number == row.number).values(occurrences=1))
        event = note(act, row.number, "fired", detail=_figures(given))
        if given.suppressed:
            note(act, row.number, "suppressed", detail={"by": given.suppressed})
        else:
            _tell(act, row.number, event, "fired")
    return int(row.number)


def again(act: Act, given: Opening, *, flapping: bool) -> int | None:
    """Open the last alert of this key again when it was over only lately; None when there is none to open.

    One that flaps is told of once, as flapping, and then no more until it holds still.
    """
    since = to_ms(act.now - timedelta(seconds=act.settings.reopen_within))
    row = act.conn.execute(
        select(alerts)
        .where(alerts.c.key == given.key, alerts.c.status == RESOLVED, alerts.c.resolved_at >= since)
        .order_by(alerts.c.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    # One that flaps while nobody is told of it has still to be told of when it is told of at all.
    shown = flapping and not given.suppressed
    values = {"value": given.value, "texts": json.dumps(given.texts, ensure_ascii=False), "flapping": shown}
    if not _reopen(act, row, suppressed=given.suppressed, values=values):
        return None
    event = note(act, row.number, "reopened", detail=_figures(given))
    if given.suppressed:
        note(act, row.number, "suppressed", detail={"by": given.suppressed})
    elif flapping and outbox.nobody_told(act.conn, row.number, 0):
        note(act, row.number, "flapping")
        _tell(act, row.number, event, "reopened")
    elif flapping and not row.flapping:
        _tell(act, row.number, note(act, row.number, "flapping"), "flapping")
    elif not flapping:
        _tell(act, row.number, event, "reopened")
    return int(row.number)


def seen(
    act: Act,
    number: int,
    value: float | None,
    texts: Mapping[str, Mapping[str, str]],
    *,
    limit: float | None = None,
) -> None:
    """Note that the condition of an open alert still holds, with the figure, texts and limit as they are now."""
    values: dict[str, Any] = {"last_seen": act.ms, "value": value, "texts": json.dumps(texts, ensure_ascii=False)}
    if limit is not None:
        told = act.conn.execute(select(alerts.c.details).where(alerts.c.number == number)).scalar()
        details = json.loads(told) if told else {}
        if details.get("limit") != limit:
            values["details"] = json.dumps({**details, "limit": limit}, default=str)
    act.conn.execute(update(alerts).where(alerts.c.number == number, alerts.c.status != RESOLVED).values(**values))


def acknowledge(act: Act, number: int, text: str = "") -> None:
    """Somebody takes an alert up: it climbs no further. Raises Refused."""
    row = _existing(act, number)
    due = None
    if act.settings.remind_acknowledged and RANK[row.severity] >= RANK["HIGH"]:
        due = to_ms(act.now + timedelta(seconds=act.settings.remind_acknowledged))
    changed = act.conn.execute(
        update(alerts)
        .where(alerts.c.number == number, alerts.c.status == ACTIVE)
        .values(status=ACKNOWLEDGED, acknowledged_at=act.ms, acknowledged_by=act.user[:SITE], step_due=due)
    )
    if not changed.rowcount:
        raise Refused(_standing(act, number))
    event = note(act, number, "acknowledged", text)
    _audit(act, row, "alert acknowledged", text)
    # What stands on a screen is replaced without a sound, so that no two people do the same; others are told if wished.
    _tell(act, number, event, "acknowledged", channel=None if act.settings.tell_acknowledged else BUILT_IN)


def resolve(act: Act, number: int, text: str = "", *, quietly: bool = False) -> None:
    """End an alert: by itself (no user) when its condition is over, or by hand; `quietly`: nobody is told.

    Raises Refused.
    """
    row = _existing(act, number)
    changed = act.conn.execute(
        update(alerts)
        .where(alerts.c.number == number, alerts.c.status != RESOLVED)
        .values(
            status=RESOLVED,
            open_key=None,
            resolved_at=act.ms,
            resolved_by=act.user[:SITE],
            step_due=None,
            suppressed=None,
        )
    )
    if not changed.rowcount:
        raise Refused(_standing(act, number))
    event = note(act, number, "resolved", text)
    if act.user:
        _audit(act, row, "alert resolved", text)
    # What nobody was told of is not told to be over either.
    if not quietly:
        _tell(act, number, event, "resolved")


def reopen(act: Act, number: int, text: str = "") -> None:
    """Open a resolved alert again, by hand. Raises Refused, also when another one of its kind is open."""
    row = _existing(act, number)
    if row.status != RESOLVED:
        raise Refused(_standing(act, number))
    if not _reopen(act, row, suppressed=None, values={}):
        raise Refused(f"{name_of(number)} cannot be opened again: another alert of the same kind is open")
    event = note(act, number, "reopened", text)
    _audit(act, row, "alert reopened", text)
    _tell(act, number, event, "reopened")


def assign(act: Act, number: int, to: str, text: str = "") -> None:
    """Say who looks after an alert; an empty `to` takes that back. Raises Refused."""
    row = _existing(act, number)
    if row.status == RESOLVED:
        raise Refused(_standing(act, number))
    act.conn.execute(update(alerts).where(alerts.c.number == number).values(assigned_to=to[:SITE]))
    note(act, number, "assigned", text, {"to": to[:SITE]})
    _audit(act, row, "alert assigned", text, {"to": to[:SITE]})


def comment(act: Act, number: int, text: str) -> None:
    """Add a remark to the trail. Raises Refused."""
    row = _existing(act, number)
    note(act, number, "commented", text)
    _audit(act, row, "alert commented", "")


def rate(act: Act, number: int, feedback: str) -> None:
    """Say whether an alert was useful or a false alarm; an empty text takes that back. Raises Refused."""
    row = _existing(act, number)
    act.conn.execute(update(alerts).where(alerts.c.number == number).values(feedback=feedback))
    note(act, number, "feedback", detail={"feedback": feedback})
    _audit(act, row, "alert rated", "", {"feedback": feedback})


def suppress(act: Act, number: int, by: str | None) -> bool:
    """Note what keeps an open alert from being told, or that nothing does any more; whether that was a change.

    Whoever was not told because of it is told now.
    """
    row = find(act.conn, number)
    if row is None or row.status == RESOLVED or row.suppressed == by:
        return False
    before = alerts.c.suppressed.is_(None) if row.suppressed is None else alerts.c.suppressed == row.suppressed
    values: dict[str, Any] = {"suppressed": by}
    if by is None and row.status == ACTIVE:
        values["step_due"] = to_ms(act.now + ladder(act.settings, row.severity))
    changed = act.conn.execute(update(alerts).where(alerts.c.number == number, before).values(**values))
    if not changed.rowcount:
        return False
    event = note(act, number, "suppressed" if by else "unsuppressed", detail={"by": by or row.suppressed})
    if by is None and row.status == ACTIVE:
        _tell(act, number, event, "fired", rest=True)
    return True


def climb(act: Act, number: int, due: int) -> bool:
    """Take an alert that nobody has acknowledged to the next step, or remind of it; whether it was its turn.

    `due` is the moment (ms) at which it was seen to be due: of two processes that saw it one acts.
    """
    row = find(act.conn, number)
    if row is None or row.status == RESOLVED or row.suppressed or row.step_due != due:
        return False
    higher = outbox.steps_above(act.settings, row)
    climbs = row.status == ACTIVE and bool(higher)
    step = min(higher) if climbs else row.step
    if row.status == ACKNOWLEDGED:
        pause = timedelta(seconds=act.settings.remind_acknowledged)
    elif climbs and len(higher) > 1:
        pause = ladder(act.settings, row.severity)
    else:
        pause = reminder(act.settings, row.severity)
    changed = act.conn.execute(
        update(alerts)
        .where(alerts.c.number == number, alerts.c.step_due == due, alerts.c.status == row.status)
        .values(step=step, step_due=to_ms(act.now + pause) if pause else None)
    )
    if not changed.rowcount:
        return False
    kind = "escalated" if climbs else "reminder"
    event = note(act, number, kind, detail={"step": step})
    _tell(act, number, event, kind)
    return True


def _reopen(act: Act, row: Row[Any], *, suppressed: str | None, values: Mapping[str, Any]) -> bool:
    """Make a resolved alert active again; False when another one of its key is open or somebody was first."""
    taken = act.conn.execute(select(func.count()).where(alerts.c.open_key == row.key)).scalar_one()
    if taken:
        return False
    change = (
        update(alerts)
        .where(alerts.c.number == row.number, alerts.c.status == RESOLVED)
        .values(
            status=ACTIVE,
            open_key=row.key,
            fired=act.ms,
            last_seen=act.ms,
            occurrences=alerts.c.occurrences + 1,
            step=1,
            step_due=to_ms(act.now + ladder(act.settings, row.severity)),
            suppressed=suppressed,
            told=False,
            acknowledged_at=None,
            acknowledged_by="",
            resolved_at=None,
            resolved_by="",
            **values,
        )
    )
    try:
        with act.conn.begin_nested():
            return bool(act.conn.execute(change).rowcount)
    except IntegrityError:
        # Another process has opened one of this key since we looked.
        return False


def _tell(act: Act, number: int, event: int, kind: str, *, rest: bool = False, channel: str | None = None) -> None:
    row = find(act.conn, number)
    if row is None:
        return
    outbox.announce(act.conn, row, event, kind, settings=act.settings, now=act.now, rest=rest, channel=channel)
    if kind in ("fired", "reopened", "flapping"):
        act.conn.execute(update(alerts).where(alerts.c.number == number).values(told=True))


def _existing(act: Act, number: int) -> Row[Any]:
    row = find(act.conn, number)
    if row is None:
        raise Refused(f"there is no alert {name_of(number)}")
    return row


def _standing(act: Act, number: int) -> str:
    row = _existing(act, number)
    if row.status == RESOLVED:
        return f"{name_of(number)} is resolved already" + (f", by {row.resolved_by}" if row.resolved_by else "")
    if row.status == ACKNOWLEDGED:
        return f"{name_of(number)} is acknowledged already, by {row.acknowledged_by or 'somebody'}"
    return f"{name_of(number)} is open"


def _figures(given: Opening) -> dict[str, Any]:
    return {"value": given.value, "limit": given.details.get("limit"), "unit": given.details.get("unit", "")}


def _audit(act: Act, row: Row[Any], action: str, text: str, more: Mapping[str, Any] | None = None) -> None:
    detail = {"rule": row.rule, **({"note": text} if text else {}), **(more or {})}
    audit.write(
        act.conn,
        at=act.now,
        site=act.site or row.site,
        user=act.user,
        action=action,
        target=name_of(row.number),
        detail=detail,
    )

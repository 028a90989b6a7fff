"""The outbox: what has to be told to whom, kept until the other side has taken it.

A row is written in the transaction of what it tells about. A sender claims rows under a lease, sends, and marks them
sent: a process that is killed in between leaves rows whose lease ends, and they are sent again. So everything is told
at least once, and twice only when a process died between the other side's word and the mark.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from baken.alerts import routing
from baken.alerts.rule import RANK
from baken.alerts.windows import Hours
from baken.clock import from_ms, to_ms
from baken.history.series import batches, labels_of
from baken.history.tables import alerts, channel_states, outbox
from baken.history.upserts import insert_missing, upsert
from baken.settings import Alerts, Recipient

LEASE = timedelta(seconds=120)
"""Longer than any channel takes to send."""

_HOUR = timedelta(hours=1)
_CRITICAL_EXTRA = 10
_BACKOFF = (5, 15, 30, 60, 120, 300)
_MOST = 1000
_NEWS = ("alert", "test")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go out as one message: `held` when all of them were held back, which makes it a digest."""

    channel: str
    recipient: str
    site: str
    kind: str
    severity: str
    rows: tuple[int, ...]
    held: bool = False


@dataclass(frozen=True, slots=True)
class Paced:
    """What `plan` found: batches to send now, and rows to be put off: row -> (due in ms, why held)."""

    batches: list[Batch]
    put_off: dict[int, tuple[int, str]]


def facts_of(row: Row[Any]) -> routing.Facts:
    """What of an alert's row decides who is told."""
    details: Mapping[str, Any] = json.loads(row.details)
    tell = tuple(details.get("tell") or ())
    return routing.Facts(row.rule, row.site, row.severity, row.area, labels_of(row.labels), tell)


def steps_above(settings: Alerts, row: Row[Any]) -> set[int]:
    """The steps of the ladder above the alert's own at which somebody would be told."""
    return {each.step for each in routing.fitting(settings, facts_of(row)) if each.step > row.step}


def announce(conn: Connection, row: Row[Any], event: int, kind: str, *, settings: Alerts, now: datetime) -> int:
    """Put a notification of what happened to an alert into the outbox for everybody who has to know.

    Args:
        conn: a connection that writes.
        row: the alert as it is now.
        event: number of the line of its trail.
        kind: what happened, as in `message.Event`.
        settings: recipients and times.
        now: the present moment.

    Returns:
        How many notifications there are.
    """
    fitting = routing.fitting(settings, facts_of(row))
    if kind in ("fired", "reopened"):
        chosen = fitting if row.rule == routing.TEST else routing.at_steps(fitting, 1, row.step)
    elif kind == "escalated":
        chosen = routing.at_steps(fitting, row.step, row.step)
    elif kind == "reminder":
        chosen = routing.at_steps(fitting, 1, row.step)
    else:
        told = _told(conn, row.number)
        chosen = [each for each in settings.recipients if (each.channel, each.name) in told]
    wait = 0.0 if row.rule == routing.TEST else settings.group_wait
    due = to_ms(now + timedelta(seconds=wait))
    kind_of_message = "test" if row.rule == routing.TEST else "alert"
    return put(
        conn,
        [
            {
                "key": key_of(str(event), each.channel, each.name),
                "site": row.site,
                "kind": kind_of_message,
                "alert": row.number,
                "event": event,
                "channel": each.channel,
                "recipient": each.name,
                "severity": row.severity,
                "due": due,
                "body": json.dumps({"event": kind}),
            }
            for each in chosen
        ],
        now,
    )


def key_of(*parts: str) -> str:
    """What makes a notification the same as another one: 40 characters."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def put(conn: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Put notifications into the outbox, each once: one whose key is there already changes nothing."""
    fresh = {
        "created": to_ms(now),
        "state": "waiting",
        "held": "",
        "attempts": 0,
        "message": "",
        "problem": "",
        "alert": None,
        "event": None,
    }
    insert_missing(conn, outbox, [{**fresh, **row} for row in rows], key=("key",))
    return len(rows)


def known(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Which of `keys` are in the outbox already."""
    found: set[str] = set()
    for some in batches(list(keys)):
        found.update(conn.execute(select(outbox.c.key).where(outbox.c.key.in_(some))).scalars())
    return found


def _told(conn: Connection, alert: int) -> set[tuple[str, str]]:
    """Who was told, or will be, that the alert fired."""
    rows = conn.execute(
        select(outbox.c.channel, outbox.c.recipient)
        .where(outbox.c.alert == alert, outbox.c.state != "dropped")
        .distinct()
    )
    return {(channel, recipient) for channel, recipient in rows}


def plan(conn: Connection, settings: Alerts, now: datetime, zone_of: Mapping[str, str]) -> Paced:
    """What is to be sent now, and what has to wait, by the recipients' hours, their cap, and the pace of a group.

    Args:
        conn: a connection that reads.
        settings: recipients and times.
        now: the present moment.
        zone_of: IANA name of the time zone per site.

    What belongs to a due row of the same recipient and site goes with it, though it is due later: one message says all.
    """
    moment = to_ms(now)
    free = and_(outbox.c.state == "waiting", or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= moment))
    columns = (
        outbox.c.id, outbox.c.site, outbox.c.kind, outbox.c.channel, outbox.c.recipient, outbox.c.severity,
        outbox.c.due, outbox.c.held, outbox.c.attempts, outbox.c.alert, outbox.c.body,
    )  # fmt: skip
    due = conn.execute(select(*columns).where(free, outbox.c.due <= moment).order_by(outbox.c.id).limit(_MOST)).all()
    if not due:
        return Paced([], {})
    stopped = disabled(conn)
    groups: dict[tuple[str, str, str, str], list[Any]] = {}
    for row in due:
        if (row.channel, "") in stopped or (row.channel, row.recipient) in stopped:
            continue
        own = f"{row.kind}:{row.id}" if row.kind not in _NEWS else row.kind
        groups.setdefault((row.channel, row.recipient, row.site, own), []).append(row)
    found: list[Batch] = []
    later_on: dict[int, tuple[int, str]] = {}
    for (channel, name, site, kind), rows in groups.items():
        recipient = routing.named(settings, channel, name)
        kind = kind.partition(":")[0]
        if recipient is not None and kind == "alert":
            later = _not_now(conn, settings, recipient, site, rows, now, zone_of.get(site, "UTC"))
            if later is not None:
                later_on |= {row.id: later for row in rows}
                continue
            rows = [*rows, *_company(conn, free, columns, moment, channel, name, site)]
        worst = max((row.severity for row in rows), key=lambda word: RANK[word])
        held = kind == "alert" and all(row.held for row in rows)
        found.append(Batch(channel, name, site, kind, worst, tuple(sorted({row.id for row in rows})), held))
    found.sort(key=lambda batch: (-RANK[batch.severity], batch.rows[0]))
    return Paced(found, later_on)


def _company(
    conn: Connection, free: Any, columns: Any, moment: int, channel: str, name: str, site: str
) -> Iterable[Row[Any]]:
    query = select(*columns).where(
        free,
        outbox.c.due > moment,
        outbox.c.kind == "alert",
        outbox.c.channel == channel,
        outbox.c.recipient == name,
        outbox.c.site == site,
        # What failed waits for its own turn.
        outbox.c.attempts == 0,
    )
    return conn.execute(query.order_by(outbox.c.id).limit(_MOST)).all()


def _not_now(
    conn: Connection, settings: Alerts, who: Recipient, site: str, rows: Sequence[Row[Any]], now: datetime, zone: str
) -> tuple[int, str] | None:
    """Until when (ms) these rows have to wait and why, or None when they may go."""
    critical = any(row.severity == "CRITICAL" for row in rows)
    hours = Hours.parse(who.hours)
    place = who.time_zone or zone
    if not critical and not hours.open_at(now, place):
        return to_ms(hours.next_opening(now, place)), "hours"
    urgent = any(json.loads(row.body).get("event") == "escalated" for row in rows)
    last = _last_sent(conn, who, site)
    interval = settings.group_interval_critical if critical else settings.group_interval
    if last is not None and not urgent and not any(row.held for row in rows):
        next_turn = last + timedelta(seconds=interval)
        # A clock that was set back must not make anybody wait for hours.
        if now < next_turn and last <= now:
            return to_ms(next_turn), ""
    cap = settings.hourly_cap + (_CRITICAL_EXTRA if critical else 0)
    sent = _sent_lately(conn, who, now)
    if len(sent) >= cap:
        return min(sent) + to_ms(_EPOCH + _HOUR), "cap"
    return None


_EPOCH = from_ms(0)


def _last_sent(conn: Connection, who: Recipient, site: str) -> datetime | None:
    at = conn.execute(
        select(func.max(outbox.c.sent_at)).where(
            outbox.c.recipient == who.name,
            outbox.c.channel == who.channel,
            outbox.c.site == site,
            outbox.c.kind == "alert",
            outbox.c.sent_at.is_not(None),
        )
    ).scalar()
    return None if at is None else from_ms(at)


def _sent_lately(conn: Connection, who: Recipient, now: datetime) -> list[int]:
    """When messages about alerts went to a recipient within the last hour (ms), each message once."""
    rows = conn.execute(
        select(func.min(outbox.c.sent_at))
        .where(
            outbox.c.recipient == who.name,
            outbox.c.channel == who.channel,
            outbox.c.kind == "alert",
            outbox.c.sent_at > to_ms(now - _HOUR),
            outbox.c.sent_at <= to_ms(now),
        )
        .group_by(outbox.c.message)
    ).scalars()
    return list(rows)


def put_off(conn: Connection, later: Mapping[int, tuple[int, str]]) -> None:
    """Let rows wait until later; `held` says what for when they go into a digest."""
    for number, (due, held) in sorted(later.items()):
        values: dict[str, Any] = {"due": due} | ({"held": held} if held else {})
        conn.execute(update(outbox).where(outbox.c.id == number, outbox.c.state == "waiting").values(**values))


def claim(conn: Connection, batch: Batch, holder: str, now: datetime) -> list[Row[Any]]:
    """Take the rows of a batch under a lease; those that somebody else has are left out. Returns them by age."""
    moment = to_ms(now)
    taken = []
    for number in batch.rows:
        changed = conn.execute(
            update(outbox)
            .where(
                outbox.c.id == number,
                outbox.c.state == "waiting",
                or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= moment),
            )
            .values(holder=holder, leased_until=to_ms(now + LEASE), attempts=outbox.c.attempts + 1)
        )
        if changed.rowcount:
            taken.append(number)
    found: list[Row[Any]] = []
    for some in batches(taken):
        found += conn.execute(select(outbox).where(outbox.c.id.in_(some)).order_by(outbox.c.id)).all()
    return found


def sent(conn: Connection, rows: Iterable[int], holder: str, message: str, now: datetime) -> None:
    """Mark rows as taken by the other side."""
    for some in batches(sorted(rows)):
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(some), outbox.c.state == "waiting")
            .values(state="sent", sent_at=to_ms(now), message=message, problem="", holder=None, leased_until=None)
        )


def failed(conn: Connection, rows: Sequence[Row[Any]], holder: str, problem: str, now: datetime) -> datetime:
    """Let rows that were not taken wait for another try, ever longer up to five minutes; returns until when.

    A row is never given up: what it tells may matter still when the other side is back.
    """
    tries = max((row.attempts for row in rows), default=1)
    pause = _BACKOFF[min(tries, len(_BACKOFF)) - 1]
    again = now + timedelta(seconds=pause)
    for some in batches(sorted(row.id for row in rows)):
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(some), outbox.c.state == "waiting", outbox.c.holder == holder)
            .values(due=to_ms(again), problem=problem[:1000], holder=None, leased_until=None)
        )
    return again


def drop(conn: Connection, rows: Iterable[int], why: str) -> None:
    """Give up rows that need not or cannot be told any more, with the reason."""
    for some in batches(sorted(rows)):
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(some), outbox.c.state == "waiting")
            .values(state="dropped", problem=why[:1000], holder=None, leased_until=None)
        )


def release(conn: Connection, holder: str) -> int:
    """Give back what a process of that name had claimed when it died; returns how many rows."""
    freed = conn.execute(
        update(outbox)
        .where(outbox.c.holder == holder, outbox.c.state == "waiting")
        .values(holder=None, leased_until=None)
    )
    return freed.rowcount


def forget_future(conn: Connection, now: datetime) -> None:
    """After the clock was set back: leases and turns that were reckoned by the clock that was ahead are over."""
    ahead = to_ms(now + 2 * LEASE)
    still = outbox.c.state == "waiting"
    conn.execute(update(outbox).where(still, outbox.c.leased_until > ahead).values(leased_until=None, holder=None))
    conn.execute(update(outbox).where(still, outbox.c.created > ahead).values(created=to_ms(now), due=to_ms(now)))


def waiting(conn: Connection) -> int:
    """How many notifications are overdue: due and not yet taken by the other side."""
    return int(
        conn.execute(
            select(func.count()).select_from(outbox).where(outbox.c.state == "waiting", outbox.c.held == "")
        ).scalar_one()
    )


def disabled(conn: Connection) -> set[tuple[str, str]]:
    """Channels (with an empty recipient) and recipients that are not used until somebody mends them."""
    rows = conn.execute(
        select(channel_states.c.channel, channel_states.c.recipient).where(channel_states.c.disabled_at.is_not(None))
    )
    return {(row.channel, row.recipient) for row in rows}


def went_well(conn: Connection, channel: str, recipient: str, now: datetime) -> None:
    """Note that a channel and a recipient of it work. What waited because it did not is tried at once."""
    for name in ("", recipient):
        row = _state(conn, channel, name)
        if row is not None and row.failing_since is not None:
            waits = and_(outbox.c.channel == channel, outbox.c.state == "waiting", outbox.c.problem != "")
            if name:
                waits = and_(waits, outbox.c.recipient == name)
            conn.execute(update(outbox).where(waits, outbox.c.leased_until.is_(None)).values(due=to_ms(now)))
        fresh = {"failing_since": None, "disabled_at": None, "problem": "", "failures": 0}
        count = (row.sent if row else 0) + 1
        upsert(
            conn,
            channel_states,
            [{"channel": channel, "recipient": name, **fresh, "sent": count, "last_sent": to_ms(now)}],
        )


def went_wrong(conn: Connection, channel: str, recipient: str, problem: str, now: datetime, *, disable: bool) -> None:
    """Note that a channel (with an empty recipient) or a recipient of it does not work; `disable`: until mended."""
    row = _state(conn, channel, recipient)
    since = row.failing_since if row is not None and row.failing_since is not None else to_ms(now)
    stopped = to_ms(now) if disable else (row.disabled_at if row is not None else None)
    upsert(
        conn,
        channel_states,
        [
            {
                "channel": channel,
                "recipient": recipient,
                "failing_since": since,
                "disabled_at": stopped,
                "problem": problem[:1000],
                "failures": (row.failures if row else 0) + 1,
                "sent": row.sent if row else 0,
                "last_sent": row.last_sent if row else None,
            }
        ],
    )


def enable(conn: Connection, channel: str | None, now: datetime) -> int:
    """Use a channel again that was stopped (None: all), at once; returns how many states changed."""
    of: ColumnElement[bool] = channel_states.c.disabled_at.is_not(None)
    if channel is not None:
        of = and_(of, channel_states.c.channel == channel)
    changed = conn.execute(update(channel_states).where(of).values(disabled_at=None))
    if channel is not None:
        conn.execute(
            update(outbox)
            .where(outbox.c.channel == channel, outbox.c.state == "waiting", outbox.c.held == "")
            .values(due=to_ms(now))
        )
    return changed.rowcount


def failing(conn: Connection, now: datetime) -> dict[str, float]:
    """For how many seconds each channel, or a recipient of it, has not worked; only those that do not."""
    rows = conn.execute(
        select(channel_states.c.channel, func.min(channel_states.c.failing_since))
        .where(channel_states.c.failing_since.is_not(None))
        .group_by(channel_states.c.channel)
    )
    return {channel: max(0.0, (to_ms(now) - since) / 1000) for channel, since in rows}


def _state(conn: Connection, channel: str, recipient: str) -> Row[Any] | None:
    return conn.execute(
        select(channel_states).where(channel_states.c.channel == channel, channel_states.c.recipient == recipient)
    ).one_or_none()


def open_alerts(conn: Connection, numbers: Iterable[int]) -> dict[int, Row[Any]]:
    """Alerts by their number."""
    found: dict[int, Row[Any]] = {}
    for some in batches(sorted(set(numbers))):
        found |= {row.number: row for row in conn.execute(select(alerts).where(alerts.c.number.in_(some)))}
    return found

"""The outbox: what has to be told to whom, kept until the other side has taken it.

A row is written in the transaction of what it tells about. A sender claims rows under a lease, sends, and marks them
sent: a process that is killed in between leaves rows whose lease ends, and they are sent again. So everything is told
at least once, and twice only when a process died between the other side's word and the mark.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, not_, or_, select, update

from baken.alerts import browsers, routing
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
_LATE = timedelta(minutes=10)
_CRITICAL_EXTRA = 10
_BACKOFF = (5, 15, 30, 60, 120, 300)
_MOST = 1000
_NEWS = ("alert", "test")
_PLANNED = (
    outbox.c.id, outbox.c.site, outbox.c.kind, outbox.c.channel, outbox.c.recipient, outbox.c.severity,
    outbox.c.due, outbox.c.held, outbox.c.attempts, outbox.c.alert, outbox.c.body, outbox.c.problem,
)  # fmt: skip

FAULT = "Baken failed"
"""How the problem of a row begins that Baken itself could not send: it is tried alone, and takes no other with it."""


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


def announce(
    conn: Connection,
    row: Row[Any],
    event: int,
    kind: str,
    *,
    settings: Alerts,
    now: datetime,
    rest: bool = False,
    channel: str | None = None,
) -> int:
    """Put a notification of what happened to an alert into the outbox for everybody who has to know.

    Args:
        conn: a connection that writes.
        row: the alert as it is now.
        event: number of the line of its trail.
        kind: what happened, as in `message.Event`.
        settings: recipients and times.
        now: the present moment.
        rest: only those who have not been told since it fired.
        channel: only over this channel.

    Returns:
        How many notifications there are.
    """
    settings = browsers.joined(conn, settings)
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
    if rest:
        before = _told(conn, row.number, since=row.fired)
        chosen = [each for each in chosen if (each.channel, each.name) not in before]
    if channel is not None:
        chosen = [each for each in chosen if each.channel == channel]
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


def _told(conn: Connection, alert: int, since: int = 0) -> set[tuple[str, str]]:
    """Who was told of an alert, or will be, since a moment (ms)."""
    rows = conn.execute(
        select(outbox.c.channel, outbox.c.recipient)
        .where(outbox.c.alert == alert, outbox.c.state != "dropped", outbox.c.created >= since)
        .distinct()
    )
    return {(channel, recipient) for channel, recipient in rows}


def nobody_told(conn: Connection, alert: int, since: int) -> bool:
    """Whether nobody was told of an alert, nor will be, since a moment (ms)."""
    return not _told(conn, alert, since)


def plan(
    conn: Connection,
    settings: Alerts,
    now: datetime,
    zone_of: Mapping[str, str],
    busy: Collection[str] = (),
    sites: Collection[str] | None = None,
) -> Paced:
    """What each channel is to send next, and what has to wait, by the recipients' hours, their cap, and the pace.

    Args:
        conn: a connection that reads.
        settings: recipients and times.
        now: the present moment.
        zone_of: IANA name of the time zone per site.
        busy: channels that are sending; nothing is planned for them.
        sites: only what is about these; None: about all.

    What belongs to a due row of the same recipient and site goes with it, though it is due later: one message says all.
    No channel waits for another one: each has its own queue.
    """
    moment = to_ms(now)
    free = and_(outbox.c.state == "waiting", or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= moment))
    usable: list[ColumnElement[bool]] = [not_(outbox.c.channel.in_(sorted(busy)))] if busy else []
    for channel, name in disabled(conn):
        stopped = (
            outbox.c.channel == channel if not name else and_(outbox.c.channel == channel, outbox.c.recipient == name)
        )
        usable.append(not_(stopped))
    if sites is not None:
        usable.append(outbox.c.site.in_(sorted(sites)))
    due = and_(free, outbox.c.due <= moment, *usable)
    names = list(conn.execute(select(outbox.c.channel).where(due).distinct().order_by(outbox.c.channel)).scalars())
    if browsers.BUILT_IN in names:
        settings = browsers.joined(conn, settings)
    batches_: list[Batch] = []
    later_on: dict[int, tuple[int, str]] = {}
    for channel in names:
        query = select(*_PLANNED).where(due, outbox.c.channel == channel).order_by(outbox.c.id).limit(_MOST)
        rows = conn.execute(query).all()
        batch = _next(conn, settings, now, zone_of, free, channel, rows, later_on)
        if batch is not None:
            batches_.append(batch)
    batches_.sort(key=lambda batch: (-RANK[batch.severity], batch.rows[0]))
    return Paced(batches_, later_on)


def _next(
    conn: Connection,
    settings: Alerts,
    now: datetime,
    zone_of: Mapping[str, str],
    free: ColumnElement[bool],
    channel: str,
    due: Sequence[Any],
    later_on: dict[int, tuple[int, str]],
) -> Batch | None:
    """The batch that a channel sends next, the worst first; what has to wait is added to `later_on`."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in due:
        if row.kind not in _NEWS or row.problem.startswith(FAULT):
            own = str(row.id)
        else:
            # What was held back goes into one digest, whatever sites it is about.
            own = "held" if row.held else f"{row.kind}:{row.site}"
        groups.setdefault((row.recipient, own), []).append(row)
    for (name, _), rows in sorted(groups.items(), key=lambda each: _urgency(each[1])):
        kind, site = rows[0].kind, rows[0].site
        recipient = routing.named(settings, channel, name)
        if recipient is not None and kind == "alert" and not rows[0].problem.startswith(FAULT):
            later = _not_now(conn, settings, recipient, site, rows, now, zone_of.get(site, "UTC"))
            if later is not None:
                later_on |= {row.id: later for row in rows}
                continue
            rows = [*rows, *_company(conn, free, to_ms(now), channel, name, site, held=bool(rows[0].held))]
        worst = max((row.severity for row in rows), key=lambda word: RANK[word])
        sites = {row.site for row in rows}
        held = kind == "alert" and all(row.held for row in rows)
        place = site if len(sites) == 1 else ""
        return Batch(channel, name, place, kind, worst, tuple(sorted({row.id for row in rows})), held)
    return None


def _urgency(rows: Sequence[Any]) -> tuple[int, int]:
    return -max(RANK[row.severity] for row in rows), int(rows[0].id)


def _company(
    conn: Connection, free: ColumnElement[bool], moment: int, channel: str, name: str, site: str, *, held: bool
) -> Sequence[Any]:
    query = select(*_PLANNED).where(
        free,
        outbox.c.due > moment,
        outbox.c.kind == "alert",
        outbox.c.channel == channel,
        outbox.c.recipient == name,
        # What failed waits for its own turn.
        outbox.c.attempts == 0,
        outbox.c.held != "" if held else outbox.c.site == site,
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
    last = _last_sent(conn, who, site, now)
    interval = settings.group_interval_critical if critical else settings.group_interval
    if last is not None and not urgent and not any(row.held for row in rows):
        next_turn = last + timedelta(seconds=interval)
        if now < next_turn:
            return to_ms(next_turn), ""
    cap = settings.hourly_cap + (_CRITICAL_EXTRA if critical else 0)
    sent = _sent_lately(conn, who, now)
    if len(sent) >= cap:
        return min(sent) + to_ms(_EPOCH + _HOUR), "cap"
    return None


_EPOCH = from_ms(0)


def _last_sent(conn: Connection, who: Recipient, site: str, now: datetime) -> datetime | None:
    at = conn.execute(
        select(func.max(outbox.c.sent_at)).where(
            outbox.c.recipient == who.name,
            outbox.c.channel == who.channel,
            outbox.c.site == site,
            outbox.c.kind == "alert",
            # What a clock that was ahead has dated does not count.
            outbox.c.sent_at <= to_ms(now),
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


def readdress(conn: Connection, channel: str, name: str, to: tuple[str, str]) -> None:
    """A recipient is called otherwise, or told over another channel: what waits goes there, what was told stays told.

    `to` is the new channel and name. How the old one worked is forgotten.
    """
    of = and_(outbox.c.channel == channel, outbox.c.recipient == name)
    if to[0] == channel:
        conn.execute(update(outbox).where(of).values(recipient=to[1]))
    else:
        # What went over the old channel did; its rows say so.
        conn.execute(update(outbox).where(of, outbox.c.state == "sent").values(recipient=to[1]))
        conn.execute(update(outbox).where(of, outbox.c.state == "waiting").values(channel=to[0], recipient=to[1]))
    forget_state(conn, channel, name)


def forget_recipient(conn: Connection, channel: str, name: str, why: str) -> None:
    """A recipient is there no more: what waits is dropped, also where the recipient was stopped."""
    of = and_(outbox.c.channel == channel, outbox.c.recipient == name, outbox.c.state == "waiting")
    conn.execute(update(outbox).where(of).values(state="dropped", problem=why[:1000], holder=None, leased_until=None))
    forget_state(conn, channel, name)


def forget_state(conn: Connection, channel: str, name: str) -> None:
    """Forget how a recipient worked: what it was stopped for was mended, or there is nobody of that name any more."""
    conn.execute(delete(channel_states).where(channel_states.c.channel == channel, channel_states.c.recipient == name))


def unknown(conn: Connection, rows: Iterable[int], channel: str, name: str, why: str, now: datetime) -> None:
    """Drop claimed rows for somebody who is there no more; those that are somebody else's by now are given back."""
    ids = sorted(rows)
    for some in batches(ids):
        still = conn.execute(
            select(outbox.c.id).where(outbox.c.id.in_(some), outbox.c.channel == channel, outbox.c.recipient == name)
        ).scalars()
        gone = set(still)
        drop(conn, gone, why)
        give_back(conn, [number for number in some if number not in gone], now)


def drop(conn: Connection, rows: Iterable[int], why: str) -> None:
    """Give up rows that need not or cannot be told any more, with the reason."""
    for some in batches(sorted(rows)):
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(some), outbox.c.state == "waiting")
            .values(state="dropped", problem=why[:1000], holder=None, leased_until=None)
        )


def give_back(conn: Connection, rows: Iterable[int], now: datetime) -> None:
    """Let rows that were claimed and not sent be sent at once."""
    for some in batches(sorted(rows)):
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(some), outbox.c.state == "waiting")
            .values(due=to_ms(now), holder=None, leased_until=None)
        )


def drop_outdated(conn: Connection, now: datetime) -> None:
    """Give up what is waiting for a broken channel about alerts that have been over for a week."""
    over = select(alerts.c.number).where(alerts.c.resolved_at < to_ms(now - timedelta(days=7)))
    conn.execute(
        update(outbox)
        .where(outbox.c.state == "waiting", outbox.c.problem != "", outbox.c.alert.in_(over))
        .values(state="dropped", holder=None, leased_until=None)
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
    """After the clock was set back: turns that were reckoned by the clock that was ahead come now."""
    ahead = to_ms(now + 2 * LEASE)
    still = outbox.c.state == "waiting"
    conn.execute(update(outbox).where(still, outbox.c.leased_until > ahead).values(leased_until=None, holder=None))
    conn.execute(update(outbox).where(still, outbox.c.created > ahead).values(created=to_ms(now), due=to_ms(now)))
    longest = to_ms(now + timedelta(seconds=_BACKOFF[-1]))
    failed_ones = and_(still, outbox.c.attempts > 0, outbox.c.held == "", outbox.c.due > longest)
    conn.execute(update(outbox).where(failed_ones).values(due=to_ms(now)))
    day = to_ms(now + timedelta(days=1))
    conn.execute(update(alerts).where(alerts.c.fired > ahead, alerts.c.step_due > day).values(step_due=day))


def forget_removed(conn: Connection, settings: Alerts) -> None:
    """Forget how channels and recipients worked that the settings do not have any more."""
    known_ones = {(each.name, "") for each in settings.channels} | {
        (each.channel, each.name) for each in browsers.joined(conn, settings).recipients
    }
    known_ones.add((browsers.BUILT_IN, ""))
    rows = conn.execute(select(channel_states.c.channel, channel_states.c.recipient)).all()
    for channel, recipient in sorted((row.channel, row.recipient) for row in rows):
        if (channel, recipient) not in known_ones:
            conn.execute(
                delete(channel_states).where(
                    channel_states.c.channel == channel, channel_states.c.recipient == recipient
                )
            )


def waiting(conn: Connection, sites: Collection[str] | None = None) -> int:
    """How many notifications wait (about these sites), those that are held back for a digest left out."""
    return int(conn.execute(select(func.count()).select_from(outbox).where(*_waiting(sites))).scalar_one())


def next_due(conn: Connection, sites: Collection[str] | None = None) -> datetime | None:
    """When the next notification (about these sites) that nobody is sending is due; None: none waits."""
    free = outbox.c.leased_until.is_(None)
    at = conn.execute(select(func.min(outbox.c.due)).where(*_waiting(sites), free)).scalar()
    return None if at is None else from_ms(at)


def _waiting(sites: Collection[str] | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [outbox.c.state == "waiting", outbox.c.held == ""]
    return found if sites is None else [*found, outbox.c.site.in_(sorted(sites))]


def overdue(conn: Connection, now: datetime) -> int:
    """How many notifications should have gone out: they failed, or have been due for ten minutes."""
    late = or_(outbox.c.problem != "", outbox.c.due < to_ms(now - _LATE))
    query = select(func.count()).select_from(outbox).where(outbox.c.state == "waiting", outbox.c.held == "", late)
    return int(conn.execute(query).scalar_one())


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

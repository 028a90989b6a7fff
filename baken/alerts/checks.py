"""The jobs that report by pings, in the store: what is set about each, what was heard of it, and its last pings.

Whatever changes raises a number of the site in its own transaction, so that whoever judges the jobs sees for the price
of a small table whether to look again.
"""

import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Row, case, delete, func, insert, select, update

from baken.alerts import ping_keys, pings
from baken.alerts.pings import BadCron, Heard, Schedule, Signal, Standing
from baken.clock import from_ms, to_ms
from baken.history.store import Store
from baken.history.tables import LABELS, SITE, alert_marks, check_pings, checks
from baken.history.upserts import add_up

MOST = 100
"""So many jobs a site may have."""

KEPT = 100
"""So many pings of each are kept."""

LONGEST_NAME = 60
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=365)
"""Between two reports, and of the grace."""

MARK = "checks"
"""The name of the number of a site, in `alert_marks`."""

_NAME = re.compile(rf"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{{1,{LONGEST_NAME}}}")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that cannot be used: `field` is name, period, cron, time_zone or grace; empty: the whole."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What is set about a job. `schedule.zone` is empty for the site's time zone."""

    name: str
    schedule: Schedule
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Check:
    """A job that reports by pings.

    Attributes:
        id: its name for programs; it stays.
        site: whose it is.
        name: what people call it.
        address: the public half of its address; see `ping_keys`.
        schedule: when it is to report; `zone` is empty for the site's time zone.
        grace: so much later it may report, and so long it may run.
        paused_at: since when nobody waits for it; None: it is waited for.
        created, created_by: when and by whom it was made.
        heard: what is remembered of its pings.
        last_ping, last_kind: the last ping of whatever kind ("" for none).
        took: for how long the last run that ended took.
        count: how many pings there were.
    """

    id: str
    site: str
    name: str
    address: str
    schedule: Schedule
    grace: timedelta
    paused_at: datetime | None
    created: datetime
    created_by: str
    heard: Heard
    last_ping: datetime | None
    last_kind: str
    took: timedelta | None
    count: int

    def standing(self, now: datetime, site_zone: str) -> Standing:
        """How it stands at a moment; `site_zone` is the IANA name of the site's time zone."""
        return pings.standing(self.heard, self.timed(site_zone), self.grace, now, paused=self.paused_at is not None)

    def timed(self, site_zone: str) -> Schedule:
        """Its schedule with a time zone."""
        return Schedule(self.schedule.period, self.schedule.cron, self.schedule.zone or site_zone)


@dataclass(frozen=True, slots=True)
class Ping:
    """One ping that is kept."""

    at: datetime
    kind: str
    exit_code: int | None
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A ping that was taken. `urgent`: the job's state may have changed by it, so that judging it should not wait."""

    site: str
    id: str
    name: str
    urgent: bool


def wish(name: str, period: int, cron: str, time_zone: str, grace: int) -> tuple[Wish | None, list[Wrong]]:
    """What somebody sets about a job, or all that is wrong with it.

    Args:
        name: what people call it.
        period: seconds between two reports; 0 where there is a cron expression.
        cron: the cron expression; empty where there is a period.
        time_zone: IANA name of the zone of that; empty: the site's.
        grace: seconds.
    """
    wrong: list[Wrong] = []
    called = " ".join(name.split())
    if not _NAME.fullmatch(called):
        wrong.append(Wrong("name", f"a name has 1 to {LONGEST_NAME} characters"))
    elif len(json.dumps({"check": called})) > LABELS:
        # It becomes a label of alerts, where signs of other scripts take more room.
        wrong.append(Wrong("name", "the name is too long: signs of other scripts count several times"))
    zone, expression = time_zone.strip(), ""
    if cron.strip():
        try:
            expression = pings.cron_of(cron)
        except BadCron as problem:
            wrong.append(Wrong("cron", str(problem)))
        if zone and not _is_zone(zone):
            wrong.append(Wrong("time_zone", "there is no such time zone; one is called Europe/Amsterdam"))
    elif not _fits(period):
        wrong.append(Wrong("period", "between two reports lie a minute at least and a year at most"))
    if not _fits(grace):
        wrong.append(Wrong("grace", "the grace is a minute at least and a year at most"))
    if wrong:
        return None, wrong
    every = None if expression else timedelta(seconds=period)
    return Wish(called, Schedule(every, expression, zone if expression else ""), timedelta(seconds=grace)), []


def _fits(seconds: int) -> bool:
    return SHORTEST.total_seconds() <= seconds <= LONGEST.total_seconds()


def _is_zone(name: str) -> bool:
    if len(name) > 64 or not re.fullmatch(r"[A-Za-z0-9_+/-]+", name):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def load(conn: Connection, site: str) -> list[Check]:
    """The jobs of a site, by name."""
    rows = conn.execute(select(checks).where(checks.c.site == site).order_by(checks.c.name))
    return [_check(row) for row in rows]


def find(conn: Connection, site: str, id: str) -> Check | None:
    """A job of a site by its id, or None."""
    row = conn.execute(select(checks).where(checks.c.site == site, checks.c.id == id)).one_or_none()
    return None if row is None else _check(row)


def versions(conn: Connection) -> dict[str, int]:
    """By site that ever had jobs, a number that is another one after every ping and every change."""
    query = select(alert_marks.c.site, alert_marks.c.value).where(alert_marks.c.name == MARK)
    return {site: int(value) for site, value in conn.execute(query)}


def add(conn: Connection, site: str, wanted: Wish, *, by: str, now: datetime) -> Check:
    """Make a job. The caller saw to its name being free and to there not being too many."""
    moment = to_ms(now)
    row = {
        "id": secrets.token_hex(8),
        "site": site[:SITE],
        "name": wanted.name,
        "address": ping_keys.new_address(),
        **_scheduled(wanted),
        "created": moment,
        "created_by": by[:SITE],
        "since": moment,
        "last_kind": "",
        "pings": 0,
    }
    conn.execute(insert(checks).values(row))
    _changed(conn, site)
    found = find(conn, site, row["id"])
    assert found is not None  # noqa: S101 - it was written in this very transaction
    return found


def change(conn: Connection, check: Check, wanted: Wish, now: datetime) -> None:
    """Set something else about a job; with another schedule it is waited for anew, from now on."""
    values = {"name": wanted.name, **_scheduled(wanted)}
    if wanted.schedule != check.schedule:
        values["since"] = to_ms(now)
    conn.execute(update(checks).where(checks.c.id == check.id).values(values))
    _changed(conn, check.site)


def _scheduled(wanted: Wish) -> dict[str, Any]:
    period = wanted.schedule.period
    return {
        "period": None if period is None else int(period.total_seconds()),
        "cron": wanted.schedule.cron,
        "time_zone": wanted.schedule.zone,
        "grace": int(wanted.grace.total_seconds()),
    }


def pause(conn: Connection, check: Check, now: datetime) -> None:
    """Wait for a job no more. Its pings are still noted."""
    conn.execute(update(checks).where(checks.c.id == check.id).values(paused_at=to_ms(now)))
    _changed(conn, check.site)


def resume(conn: Connection, check: Check, now: datetime) -> None:
    """Wait for a job again, from now on: what began or failed before is not held against it."""
    values = {"paused_at": None, "since": to_ms(now), "started": None, "last_start": None, "failed": None}
    conn.execute(update(checks).where(checks.c.id == check.id).values(values))
    _changed(conn, check.site)


def renew(conn: Connection, check: Check) -> str:
    """Give a job another address; the old one does not work any more. Returns the public half of the new one."""
    address = ping_keys.new_address()
    conn.execute(update(checks).where(checks.c.id == check.id).values(address=address))
    _changed(conn, check.site)
    return address


def remove(conn: Connection, check: Check) -> None:
    """Forget a job and its pings."""
    conn.execute(delete(check_pings).where(check_pings.c.check_id == check.id))
    conn.execute(delete(checks).where(checks.c.id == check.id))
    _changed(conn, check.site)


def take(conn: Connection, address: str, signal: Signal, now: datetime, exit_code: int | None = None) -> Taken | None:
    """Take note of a ping; None: nobody has this address."""
    # Counting it also keeps others from changing the row before this transaction ends.
    counted = update(checks).where(checks.c.address == address).values(pings=checks.c.pings + 1)
    if conn.execute(counted).rowcount == 0:
        return None
    check = _check(conn.execute(select(checks).where(checks.c.address == address)).one())
    heard, took = pings.take(check.heard, signal, now, exit_code)
    took_ms = None if took is None else int(took / timedelta(milliseconds=1))
    values: dict[str, Any] = {
        "started": _ms(heard.started),
        "last_start": _ms(heard.last_start),
        "ended": _ms(heard.ended),
        "last_ok": _ms(heard.last_ok),
        "failed": _ms(heard.failed),
        "exit_code": heard.exit_code,
        "last_ping": to_ms(now),
        "last_kind": signal,
    }
    if signal in ("success", "fail"):
        values["last_ms"] = took_ms
    conn.execute(update(checks).where(checks.c.id == check.id).values(values))
    row = {
        "check_id": check.id,
        "number": check.count,
        "at": to_ms(now),
        "kind": signal,
        "exit_code": exit_code,
        "ms": took_ms,
    }
    conn.execute(insert(check_pings).values(row))
    old = check_pings.c.number <= check.count - KEPT
    conn.execute(delete(check_pings).where(check_pings.c.check_id == check.id, old))
    _changed(conn, check.site)
    urgent = signal == "fail" or (signal != "log" and not _well(check, now))
    return Taken(check.site, check.id, check.name, urgent)


def ping(
    store: Store, installation: bytes, key: str, signal: Signal, now: datetime, exit_code: int | None = None
) -> Taken | None:
    """Take note of a ping that shows a secret; None for one that nobody has. Raises StoreError.

    A secret that was never given out costs no look into the store.
    """
    address = ping_keys.address_of(installation, key)
    if address is None:
        return None
    with store.write() as conn:
        return take(conn, address, signal, now, exit_code)


def _well(check: Check, now: datetime) -> bool:
    """Whether it is certain that no alert about it is open."""
    # When one of a cron expression is missing depends on the site's time zone, which is not looked up for every ping.
    known = check.standing(now, "UTC")
    return check.schedule.period is not None and not (known.missing or known.too_long or known.failed)


def last(conn: Connection, ids: Collection[str], count: int) -> Mapping[str, list[Ping]]:
    """The last `count` pings of each of these jobs, oldest first."""
    found: dict[str, list[Ping]] = {id: [] for id in ids}
    if not found:
        return found
    query = (
        select(check_pings)
        .join(checks, checks.c.id == check_pings.c.check_id)
        .where(check_pings.c.check_id.in_(sorted(found)), check_pings.c.number > checks.c.pings - count)
        .order_by(check_pings.c.check_id, check_pings.c.number)
    )
    for row in conn.execute(query):
        took = None if row.ms is None else timedelta(milliseconds=row.ms)
        found[row.check_id].append(Ping(from_ms(row.at), row.kind, row.exit_code, took))
    return found


def count(conn: Connection, site: str) -> int:
    """How many jobs a site has."""
    return int(conn.execute(select(func.count()).select_from(checks).where(checks.c.site == site)).scalar_one())


def forget_future(conn: Connection, now: datetime) -> None:
    """After the clock was set back: what was heard by the clock that was ahead was heard now."""
    moment = to_ms(now)
    names = ("since", "started", "last_start", "ended", "last_ok", "failed", "last_ping", "paused_at")
    ahead = {name: case((checks.c[name] > moment, moment), else_=checks.c[name]) for name in names}
    sites = set(conn.execute(select(checks.c.site).where(checks.c.last_ping > moment)).scalars())
    conn.execute(update(checks).values(ahead))
    for site in sorted(sites):
        _changed(conn, site)


def _changed(conn: Connection, site: str) -> None:
    add_up(conn, alert_marks, [{"site": site, "name": MARK, "value": 1}], "value")


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)


def _check(row: Row[Any]) -> Check:
    period = None if row.period is None else timedelta(seconds=row.period)
    heard = Heard(
        since=from_ms(row.since),
        started=_at(row.started),
        last_start=_at(row.last_start),
        ended=_at(row.ended),
        last_ok=_at(row.last_ok),
        failed=_at(row.failed),
        exit_code=row.exit_code,
    )
    return Check(
        id=row.id,
        site=row.site,
        name=row.name,
        address=row.address,
        schedule=Schedule(period, row.cron, row.time_zone),
        grace=timedelta(seconds=row.grace),
        paused_at=_at(row.paused_at),
        created=from_ms(row.created),
        created_by=row.created_by,
        heard=heard,
        last_ping=_at(row.last_ping),
        last_kind=row.last_kind,
        took=None if row.last_ms is None else timedelta(milliseconds=row.last_ms),
        count=int(row.pings),
    )

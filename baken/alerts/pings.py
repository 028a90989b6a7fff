"""Jobs that report by pings: when one is expected, and whether it is late, failed, or still running too long.

Everything is computed from the moments that are kept and the present one, so that a restart forgets nothing. A job
says that it starts, that it has succeeded, or that it has failed. It is missing when neither a start nor an end came
by the time it was expected plus its grace; it takes too long when no end came within its grace after the start.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

Signal = Literal["start", "success", "fail", "log"]
SIGNALS: tuple[Signal, ...] = ("start", "success", "fail", "log")

State = Literal["paused", "new", "missing", "failed", "too_long", "late", "running", "up"]
STATES: tuple[State, ...] = ("missing", "failed", "too_long", "late", "running", "up", "new", "paused")
"""The gravest first."""

EARLY = timedelta(seconds=30)
"""A ping that comes so much before the minute of a cron expression is that minute's: clocks differ a little."""

LONGEST_CRON = 120
"""Characters of a cron expression."""

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_CRON = re.compile(r"[0-9A-Za-z*/,#-]+( [0-9A-Za-z*/,#-]+){4}")
_NUMBER = re.compile(r"\d{4,}")


class BadCron(ValueError):
    """A cron expression cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job is to report: every `period`, or at the times of the expression `cron` in the time zone `zone`."""

    period: timedelta | None
    cron: str = ""
    zone: str = "UTC"

    def after(self, moment: datetime) -> datetime:
        """When the next report is expected after one at `moment`, as aware UTC."""
        if self.period is not None:
            return moment + self.period
        return _next(self.cron, self.zone, moment + EARLY)

    def times(self, moment: datetime, count: int) -> list[datetime]:
        """The next `count` times after `moment`, as aware UTC."""
        found: list[datetime] = []
        while len(found) < count:
            before = found[-1] if found else moment
            found.append(before + self.period if self.period is not None else _next(self.cron, self.zone, before))
        return found


def cron_of(text: str) -> str:
    """A cron expression of five fields from what somebody wrote. Raises BadCron.

    Names such as @daily are written out. What runs at fixed times runs as Debian's cron has it when the clocks change:
    times that are skipped run right after, times that come twice run once.
    """
    written = " ".join(text.split())
    written = _NAMED.get(written.lower(), written)
    if len(written) > LONGEST_CRON:
        raise BadCron(f"a cron expression has at most {LONGEST_CRON} characters")
    if not _CRON.fullmatch(written) or _NUMBER.search(written):
        raise BadCron("five fields are expected: minute, hour, day of the month, month, day of the week")
    try:
        next(CronSim(written, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as problem:
        raise BadCron(_said(str(problem))) from None
    except StopIteration:
        raise BadCron("that never comes: no day fits it") from None
    return written


_FIELDS = {
    "minute": "the minute cannot be understood: 0 to 59, *, */15",
    "hour": "the hour cannot be understood: 0 to 23, *, 8-18",
    "day-of-month": "the day of the month cannot be understood: 1 to 31, *, L; or no month has that day",
    "month": "the month cannot be understood: 1 to 12, *, JAN-DEC",
    "day-of-week": "the day of the week cannot be understood: 0 to 7 (0 and 7 are Sunday), *, MON-FRI",
}


def _said(problem: str) -> str:
    return _FIELDS.get(problem.removeprefix("Bad "), "this cron expression cannot be understood")


# Asked at every look for each job, and the same as long as no ping came.
@lru_cache(maxsize=4096)
def _next(cron: str, zone: str, moment: datetime) -> datetime:
    times = CronSim(cron, moment.astimezone(ZoneInfo(zone)))
    # In an hour that comes twice, what has run in the first is found again in the second: it lies in the past.
    return next(at for each in times if (at := each.astimezone(UTC)) > moment)


@dataclass(frozen=True, slots=True)
class Heard:
    """What is remembered of a job's pings; all moments are aware UTC.

    Attributes:
        since: from when on it is waited for: made, resumed, or given another schedule.
        started: the first start that has no end yet; one that starts again and again is not let off.
        last_start: the last start that has no end yet.
        ended: when it last ended, well or not.
        last_ok: when it last ended well.
        failed: its first failure since it last ended well.
        exit_code: what it ended with, where it said so and failed.
    """

    since: datetime
    started: datetime | None = None
    last_start: datetime | None = None
    ended: datetime | None = None
    last_ok: datetime | None = None
    failed: datetime | None = None
    exit_code: int | None = None

    @property
    def any(self) -> bool:
        """Whether it ever reported."""
        return self.started is not None or self.ended is not None


def take(heard: Heard, signal: Signal, now: datetime, exit_code: int | None = None) -> tuple[Heard, timedelta | None]:
    """What is remembered after a ping, and for how long the run took that it ended (None: nobody can say)."""
    if signal == "log":
        return heard, None
    if signal == "start":
        return replace(heard, started=min(heard.started or now, now), last_start=now), None
    took = now - heard.last_start if heard.last_start is not None and heard.last_start <= now else None
    ended = replace(heard, started=None, last_start=None, ended=now)
    if signal == "success":
        return replace(ended, last_ok=now, failed=None, exit_code=None), took
    return replace(ended, failed=min(heard.failed or now, now), exit_code=exit_code), took


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands at a moment; moments are None where there is no such thing.

    Attributes:
        state: the gravest of what holds.
        counted: from when on the present wait is counted.
        expected: when it is to report next, or was to.
        missing_at: when it counts as missing, unless it reports.
        too_long_at: when it counts as running too long, unless it ends.
        missing, too_long, failed: whether that holds now; several may.
    """

    state: State
    counted: datetime | None = None
    expected: datetime | None = None
    missing_at: datetime | None = None
    too_long_at: datetime | None = None
    missing: bool = False
    too_long: bool = False
    failed: bool = False

    def next_change(self, now: datetime) -> datetime | None:
        """When time alone makes it missing or too long; None: never."""
        return min((at for at in (self.missing_at, self.too_long_at) if at is not None and at > now), default=None)


def standing(heard: Heard, schedule: Schedule, grace: timedelta, now: datetime, *, paused: bool = False) -> Standing:
    """How a job stands.

    Args:
        heard: what is remembered of its pings.
        schedule: when it is to report.
        grace: so much later it may report, and so long it may run.
        now: the moment.
        paused: nobody waits for it.
    """
    if paused:
        return Standing("paused")
    if not heard.any:
        # It may not have been set up yet. From the first ping on it is waited for.
        return Standing("new")
    counted = max(at for at in (heard.since, heard.ended, heard.started) if at is not None)
    expected = schedule.after(counted)
    missing_at = expected + grace
    too_long_at = heard.started + grace if heard.started is not None else None
    missing = now >= missing_at
    too_long = too_long_at is not None and now >= too_long_at
    failed = heard.failed is not None
    state: State = "up"
    if missing:
        state = "missing"
    elif failed:
        state = "failed"
    elif too_long:
        state = "too_long"
    elif now >= expected:
        state = "late"
    elif heard.started is not None:
        state = "running"
    return Standing(state, counted, expected, missing_at, too_long_at, missing, too_long, failed)

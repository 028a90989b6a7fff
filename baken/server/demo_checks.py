"""The jobs of the demo that report to Baken by pings: a backup by night, an import from the bank, the sync of a list.

Their past, also that of a pause of the demo, is written as it would have been heard. While the demo runs they call
Baken's own address, as jobs on a bench do.
"""

import http.client
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from baken import clock
from baken.alerts import checks, ping_keys
from baken.alerts.checks import Wish
from baken.alerts.pings import Schedule, Signal
from baken.history.store import Store, StoreError
from baken.privacy import installation_key
from baken.settings import Settings

log = structlog.get_logger(__name__)

_BY = "admin@example.test"
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_PAST = 40 * _DAY
# So long after its start nothing of the demo is late: whoever begins to look should see it well.
_SPARED = 20 * _MINUTE
_TICK = 1.0
_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class _Job:
    """A job: what is set about it, how far back its past goes, for how long it runs, and how often it goes wrong."""

    wish: Wish
    past: timedelta
    runs: timedelta
    fails: float = 0.0
    late: float = 0.0


_NIGHT = Schedule(None, "30 2 * * *", "Europe/Amsterdam")
JOBS = (
    _Job(Wish("Nightly backup", _NIGHT, _HOUR), _PAST, 7 * _MINUTE, fails=0.04),
    _Job(
        Wish("Bank import", Schedule(10 * _MINUTE, zone=""), 5 * _MINUTE), 12 * _HOUR, timedelta(seconds=40), late=0.04
    ),
    _Job(
        Wish("Newsletter list sync", Schedule(_HOUR, zone=""), 15 * _MINUTE),
        4 * _DAY,
        timedelta(seconds=12),
        fails=0.05,
    ),
)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a job says at a moment."""

    at: datetime
    signal: Signal
    exit_code: int | None = None


def write_checks(store: Store, site: str, *, now: datetime, seed: int) -> None:
    """Let the jobs be there, with all that they said up to now. Raises StoreError."""
    with store.write() as conn:
        known = {each.name: each for each in checks.load(conn, site)}
        for job in JOBS:
            made = job.wish.name not in known
            check = checks.add(conn, site, job.wish, by=_BY, now=now - job.past) if made else known[job.wish.name]
            # After a pause it goes on where it stopped.
            since = check.last_ping or now - job.past
            for said in _course(job, site, max(since, now - job.past), now, seed, quiet=now - _HOUR):
                checks.take(conn, check.address, said.signal, said.at, said.exit_code)


def _course(job: _Job, site: str, since: datetime, now: datetime, seed: int, quiet: datetime) -> Iterator[_Said]:
    """What a job said after `since`, up to `now`; after `quiet` it all went well."""
    at = since
    while True:
        at = job.wish.schedule.after(at)
        run = _run(job, site, at, seed, well=at >= quiet)
        if run[-1].at > now:
            return
        yield from run


def _run(job: _Job, site: str, at: datetime, seed: int, *, well: bool) -> list[_Said]:
    """One run that is expected at `at`: its start, and its end."""
    rng = random.Random(f"{seed}:{site}:{job.wish.name}:{at.isoformat()}")  # noqa: S311 - invented, and repeatable
    begins = at + timedelta(seconds=rng.uniform(0.2, 2.0))
    if not well and rng.random() < job.late:
        begins += job.wish.grace + _MINUTE * rng.uniform(1, 3)
    ends = begins + job.runs * rng.uniform(0.8, 1.25)
    failed = not well and rng.random() < job.fails
    return [_Said(begins, "start"), _Said(ends, "fail", rng.choice((1, 2, 124))) if failed else _Said(ends, "success")]


def run_jobs(
    settings: Settings, store: Store, site: str, address: tuple[str, int], seed: int, stop: threading.Event
) -> None:
    """Let the jobs run until `stop` is set: each calls `address` when it starts and when it ends."""
    key, began = installation_key(settings.data_dir), clock.now()
    secrets: dict[str, str] = {}
    waiting: dict[str, list[_Said]] = {}
    while not stop.wait(_TICK):
        now = datetime.now(UTC)
        if not secrets:
            try:
                with store.read() as conn:
                    found = checks.load(conn, site)
            except StoreError as problem:
                log.warning("the demo's jobs wait for the store", reason=str(problem))
                continue
            secrets = {each.name: ping_keys.key_of(key, each.address) for each in found}
            last = {each.name: each.last_ping or now for each in found}
            for job in JOBS:
                if job.wish.name in last:
                    at = max(now, job.wish.schedule.after(last[job.wish.name]))
                    waiting[job.wish.name] = _run(job, site, at, seed, well=True)
        for job in JOBS:
            left = waiting.get(job.wish.name, [])
            while left and left[0].at <= now:
                if not _call(address, secrets[job.wish.name], left[0]):
                    break
                done = left.pop(0)
                if not left:
                    at = job.wish.schedule.after(done.at)
                    waiting[job.wish.name] = left = _run(job, site, at, seed, well=at - began < _SPARED)


def _call(address: tuple[str, int], secret: str, said: _Said) -> bool:
    """Tell Baken; False when it was not there, or could not take it: a job's curl tries again, too."""
    word = "" if said.signal == "success" else f"/{said.signal}" if said.exit_code is None else f"/{said.exit_code}"
    calling = http.client.HTTPConnection(*address, timeout=_TIMEOUT)
    try:
        calling.request("GET", f"/ping/{secret}{word}")
        # One that somebody deleted on the page is gone for good.
        return calling.getresponse().status in (200, 404)
    except (OSError, http.client.HTTPException) as problem:
        log.info("a job of the demo could not report", reason=type(problem).__name__)
        return False
    finally:
        calling.close()

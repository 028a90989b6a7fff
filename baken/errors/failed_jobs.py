"""Background jobs that failed, from RQ's registries.

Guarantee: each failure of a job of this site is seen once, for as long as RQ keeps it (Frappe: 7 days, 1,000 jobs). A
job that fails again under the same id fails anew. Jobs of other sites of the bench are passed over.
"""

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from baken.errors.event import FAILED_JOBS, Event
from baken.errors.sources import Gathered
from baken.sites import failed_jobs, job_ids
from baken.sites.failed_jobs import FailedJob, Place
from baken.sites.reading import Reading

KEPT = timedelta(days=7)
"""Frappe has RQ keep a failed job for so long; older ones are not looked at."""
MOST_JOBS = 200
# Scores are seconds, and jobs may be kept for different times: so far below the highest one it is looked again.
_AGAIN = 600.0
_PAGE = 1000


def read(reading: Reading, body: dict[str, Any], now: datetime) -> Gathered:
    """Jobs of the site that failed and were not seen yet, at most MOST_JOBS.

    `body` is {queue: {"score": the highest score that was seen, "seen": [hashes of jobs from a little below it on]}}.

    Raises SiteProblem when the registries cannot be read.
    """
    site = reading.site
    tops = failed_jobs.tops(site)
    # What is the same as at the last look, of which the state has been stored, need not be looked through; after a
    # restart it is.
    last: dict[str, tuple[Any, list[Any]]] = site.memory.setdefault("failed_jobs", {})
    fresh: list[Place] = []
    bodies = dict(body)
    behind = False
    looked: dict[str, Any] = {}
    for queue, top in tops.items():
        known, led_to = last.get(queue, (None, []))
        if known == top and queue in body and body[queue] in led_to:
            continue
        room = MOST_JOBS - len(fresh)
        if room <= 0:
            behind = True
            break
        found, bodies[queue], more = _fresh(reading, queue, body.get(queue, {}), room)
        fresh += found
        behind = behind or more
        if not more:
            looked[queue] = top
    jobs = failed_jobs.jobs(site, fresh)
    events = [_event(job, now) for job in jobs if _belongs(job, site.name)]
    events = [event for event in events if event.at > now - KEPT]
    # Failures of other sites alone are no reason to write: they are looked through again after a restart.
    changed = bool(events) or behind or set(bodies) != set(body)
    for queue, top in looked.items():
        last[queue] = (top, [bodies[queue]] if changed else [bodies[queue], body[queue]])
    return Gathered(sorted(events, key=lambda event: event.at), bodies, changed, behind)


def _fresh(reading: Reading, queue: str, known: dict[str, Any], room: int) -> tuple[list[Place], dict[str, Any], bool]:
    """Jobs of this site in a registry that were not seen, the registry's new state, and whether there are more."""
    mark = float(known.get("score", 0.0))
    seen = set(known.get("seen", ()))
    found: list[Place] = []
    kept: dict[str, float] = {}
    cursor, more = max(0.0, mark - _AGAIN), False
    while True:
        page = failed_jobs.since(reading.site, queue, cursor, _PAGE)
        for place in page:
            name = _hash(place)
            if name in kept or not _may_belong(place.id, reading.site.name):
                continue
            if len(found) >= room:
                more = True
                break
            kept[name] = place.score
            if name not in seen:
                found.append(place)
            if math.isfinite(place.score):
                mark = max(mark, place.score)
        if more or len(page) < _PAGE or page[-1].score == cursor:
            break
        cursor = page[-1].score
    low = mark - _AGAIN
    own = {name for name, score in kept.items() if score >= low}
    # What stands behind the place up to which it was looked is not seen again for that.
    own |= seen if more else set()
    return found, {"score": mark, "seen": sorted(own)}, more


def _may_belong(job: str, site: str) -> bool:
    # Before Frappe 15 most ids bear no site; the description of the job does.
    return job_ids.owner(job) in (site, None)


def _belongs(job: FailedJob, site: str) -> bool:
    return job.site == site


def _event(job: FailedJob, now: datetime) -> Event:
    at = min(job.ended or _ended(job.place.score, now), now)
    size = len(job.text.encode("utf-8", "replace"))
    return Event(FAILED_JOBS, job.place.id, at, job.method or None, job.text or None, job.user, size, job.method or "")


def _ended(score: float, now: datetime) -> datetime:
    # RQ adds the time that a job is kept to the moment at which it failed.
    if not math.isfinite(score) or not 0 < score < 1e11:
        return now
    failed = datetime.fromtimestamp(score, UTC) - KEPT
    return failed if failed <= now else now


def _hash(place: Place) -> str:
    return hashlib.blake2b(f"{place.id} {place.score:.0f}".encode(), digest_size=6).hexdigest()

"""The site's Error Log: what went wrong in ninety days, every day and in incidents."""

import random
import sqlite3
from datetime import datetime, timedelta
from functools import cache

from baken.demo import failures, mishaps, rhythm
from baken.demo.failures import Cast, Failure
from baken.demo.layout import insert
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import STAFF, World

ERROR_DAYS = 90
# Errors on an ordinary day, incidents apart.
QUIET_DAY = 48.0
# Failures at least so heavy are always about; the others come and go by spells of some days.
_ALWAYS = 5.0
_SPELL_DAYS, _SPELLS = 9, 0.36
RELEASE_AGE = timedelta(days=2, hours=5)
"""So long before the demo was made its association got the last release of its app."""


def cast_of(world: World) -> Cast:
    """Whom and what the errors of this world may speak of."""
    known = [m for m in world.members if m.approved is not None]
    return Cast(
        members=[(m.name, m.person.full, m.person.email, m.person.iban) for m in known],
        invoices=world.invoices or ["ACC-SINV-2026-00001"],
        payments=world.payments or ["ACC-PAY-2026-00001"],
        batches=world.batches or ["BATCH-26-01-0001"],
        mandates=[m.mandate_id for m in known if m.mandate_id] or ["M-00001-2026"],
        users=STAFF,
    )


@cache
def _about(seed: int, day: int, released: bool) -> tuple[tuple[Failure, ...], tuple[float, ...]]:
    found = [
        failure
        for place, failure in enumerate(mishaps.FAILURES)
        if (released if failure.released else failure.weight >= _ALWAYS)
        or (
            not failure.released
            and random.Random(f"{seed}:{failure.key}:{(day + place) // _SPELL_DAYS}").random() < _SPELLS
        )
    ]
    return tuple(found), tuple(failure.weight**1.2 for failure in found)


def usual(seed: int, now: datetime, *, released: bool = True) -> tuple[tuple[Failure, ...], tuple[float, ...]]:
    """The failures that are about on the day of the aware moment `now`, and their weights: a dozen or so of all.

    `released` tells whether the last release of the association's app is there by then.
    """
    return _about(seed, now.toordinal(), released)


def error_moments(world: World) -> list[tuple[datetime, str]]:
    """(aware moment, key of the failure) of every error of the last 90 days, oldest first."""
    rng = world.stream("errors")
    moments: list[tuple[datetime, str]] = []
    hour = world.now.replace(minute=0, second=0) - timedelta(days=ERROR_DAYS)
    while hour < world.now:
        for _ in range(rhythm.poisson(rng, QUIET_DAY / 24 * rhythm.activity(hour + timedelta(minutes=30)))):
            released = hour >= world.now - RELEASE_AGE
            key = rng.choices(*usual(world.seed, hour, released=released))[0].key
            moment = hour + timedelta(seconds=3600 * rng.random())
            wanted = mishaps.BY_KEY[key].hours
            if wanted:
                here = local(moment)
                moment += timedelta(hours=(rng.choice(wanted) - here.hour) % 24)
            moments.append((moment, key))
        hour += timedelta(hours=1)
    for incident in rhythm.incidents(world.seed, world.now):
        span = (incident.ends - incident.starts).total_seconds()
        for _ in range(incident.errors):
            # It starts suddenly and fades as people stop trying.
            moments.append(
                (incident.starts + timedelta(seconds=span * min(1.0, rng.betavariate(1.1, 1.9))), incident.failure)
            )
    return sorted(pair for pair in moments if pair[0] <= world.now)


def write_errors(world: World, conn: sqlite3.Connection) -> None:
    """Insert the Error Log. Web errors appear when the quarter-hourly job brings them in, at most 15 minutes late."""
    rng = world.stream("tracebacks")
    cast = cast_of(world)
    rows: list[tuple[object, ...]] = []
    for moment, key in error_moments(world):
        failure = mishaps.BY_KEY[key]
        happened = local(moment)
        method, error, owner = failures.error_row(failure, rng, cast, happened)
        if failure.via == "web":
            quarter = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0) + timedelta(minutes=15)
            moment = quarter + timedelta(seconds=1 + 3 * rng.random())
            if moment > world.now:
                continue
        written = stamp(local(moment))
        rows.append((document_name(rng), written, written, owner, owner, method, error))
    insert(conn, "tabError Log", "name creation modified modified_by owner method error", rows, seen=0)

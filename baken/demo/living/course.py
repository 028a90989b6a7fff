"""The demo's life, step by step: what members, the bank, the mail server and the scheduler do to the site's database.

Members, payments and errors come as often as in the written past. What a page can show moving within a minute
(visits, jobs) goes on at night as well. A step writes what happened in it in one small transaction.
"""

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from baken.demo import rhythm
from baken.demo.bench import DemoBench
from baken.demo.error_log import QUIET_DAY
from baken.demo.living import applications, batches, jobs, mail, members, money, trouble, upkeep, visits
from baken.demo.living.stage import Stage, read_cast
from baken.demo.mails import ordinary_mails
from baken.demo.redis import JobQueues

_NUMBER = "BAKEN-DEMO-LIFE-"
_LIVED = "BAKEN-DEMO-LIVED-"
_MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of event: how often it happens on an average day, in all and for every thousand members."""

    happens: Callable[[Stage, datetime], None]
    a_day: float = 0.0
    per_thousand: float = 0.0
    # The least activity it is taken to have: 0.35 goes on at a third of its pace through the night.
    at_night: float = 0.0


# The rates per thousand members are what three years of the written past come to.
_KINDS = (
    _Kind(applications.apply, per_thousand=0.41),
    _Kind(applications.review, per_thousand=3.0),
    _Kind(members.leave, per_thousand=0.10),
    _Kind(members.volunteer, per_thousand=0.08),
    _Kind(money.bill, per_thousand=0.3),
    _Kind(money.pay, per_thousand=1.6),
    _Kind(money.submit_draft, per_thousand=0.6),
    _Kind(batches.start_batch, a_day=6.0),
    _Kind(trouble.lose, a_day=3.0),
    _Kind(batches.move_batch, a_day=9.0),
    _Kind(trouble.fail, a_day=QUIET_DAY),
    _Kind(trouble.begin_burst, a_day=3.0),
    _Kind(mail.stick_mail, a_day=3.0),
    _Kind(visits.sign_in, a_day=31.0),
    _Kind(visits.sign_out, a_day=31.0),
    _Kind(visits.stay, a_day=1500.0, at_night=0.5),
    _Kind(jobs.enqueue, a_day=4300.0, at_night=0.5),
    _Kind(jobs.stall_workers, a_day=5.0),
)


class Life:
    """A life that goes on from `since` (aware), step by step."""

    def __init__(
        self, bench: DemoBench, conn: sqlite3.Connection, queues: JobQueues, *, seed: int, since: datetime
    ) -> None:
        number = max(_read(conn, _NUMBER), 100_000, 2 * bench.members)
        # A life that begins anew must not draw the names of documents that an earlier one gave.
        rng = random.Random(f"{seed}:life:{number}:{since.timestamp():.0f}")
        self.stage = Stage(bench, conn, queues, rng, read_cast(conn), seed, number, since, since)

    def step(self, now: datetime, minutes: float, speed: float = 1.0) -> int:
        """Let the `minutes` before the aware moment `now` pass at `speed`, in one transaction. Returns the number of
        events.

        Raises sqlite3.OperationalError when the database stays locked; nothing of the step is kept then.
        """
        conn, rng, done = self.stage.conn, self.stage.rng, 0
        days = minutes * speed / 1440
        thousands = self.stage.bench.members / 1000
        busy = rhythm.activity(now)
        conn.execute("BEGIN IMMEDIATE")
        try:
            happened = [
                (kind.happens, rhythm.poisson(rng, (kind.a_day + kind.per_thousand * thousands) * days * level))
                for kind in _KINDS
                for level in (max(busy, kind.at_night),)
            ]
            happened.append((mail.post, rhythm.poisson(rng, ordinary_mails(self.stage.bench.members) * days * busy)))
            for event, times in happened:
                for _ in range(min(_MOST_AT_ONCE, times)):
                    event(self.stage, now - timedelta(seconds=60 * minutes * rng.random()))
                    done += 1
            trouble.go_on(self.stage, now, minutes)
            if self.stage.deferred is not None and self.stage.deferred.due(now):
                self.stage.deferred.flush(conn, rng, now)
            mail.deliver(self.stage, now, minutes)
            jobs.run_scheduler(self.stage, now)
            money.invoice_dues(self.stage, now)
            if now - self.stage.pruned > timedelta(minutes=10):
                upkeep.prune(self.stage, now)
            _write(conn, _NUMBER, self.stage.number)
            _write(conn, _LIVED, int(now.timestamp()))
        except BaseException:
            conn.execute("ROLLBACK")
            raise
        conn.execute("COMMIT")
        return done

    def stop(self, now: datetime) -> None:
        """Make rows of the errors that still wait: nobody would, once Redis is gone."""
        if self.stage.deferred is not None:
            self.stage.conn.execute("BEGIN IMMEDIATE")
            self.stage.deferred.flush(self.stage.conn, self.stage.rng, now)
            self.stage.conn.execute("COMMIT")


def lived_until(bench: DemoBench, conn: sqlite3.Connection) -> datetime:
    """The aware moment at which life stopped last, or up to which the past was written."""
    return max(bench.made, datetime.fromtimestamp(_read(conn, _LIVED), UTC))


def _read(conn: sqlite3.Connection, name: str) -> int:
    row = conn.execute("SELECT current FROM tabSeries WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def _write(conn: sqlite3.Connection, name: str, value: int) -> None:
    conn.execute("INSERT OR REPLACE INTO tabSeries (name, current) VALUES (?, ?)", (name, value))

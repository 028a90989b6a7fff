"""The demo's life, step by step: what members, the bank, the mail server and the scheduler do to the site's database.

Every kind of event has a rate per minute; a step of some seconds draws how often each happens and writes it in one
small
transaction. More happens than in a real association of this size, so that a page that is open for a minute moves.
"""

import random
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from baken.demo import rhythm
from baken.demo.bench import DemoBench
from baken.demo.living import applications, batches, jobs, mail, members, money, trouble, upkeep, visits
from baken.demo.living.stage import Stage, read_cast
from baken.demo.redis import JobQueues

_SERIES = "BAKEN-DEMO-LIFE-"
# kind of event, how often a minute
EVENTS: tuple[tuple[float, Callable[[Stage, datetime], None]], ...] = (
    (0.40, applications.apply),
    (1.10, applications.review),
    (0.07, members.leave),
    (0.90, money.bill),
    (1.60, money.pay),
    (0.25, money.submit_draft),
    (0.12, batches.start_batch),
    (0.60, batches.move_batch),
    (0.10, members.volunteer),
    (0.20, trouble.fail),
    (0.03, trouble.begin_burst),
    (2.50, mail.post),
    (0.02, mail.stick_mail),
    (0.70, visits.sign_in),
    (0.65, visits.sign_out),
    (4.00, visits.stay),
    (6.00, jobs.enqueue),
    (0.03, jobs.stall_workers),
)


class Life:
    """A life that goes on, step by step."""

    def __init__(
        self, bench: DemoBench, conn: sqlite3.Connection, queues: JobQueues, *, seed: int, now: datetime
    ) -> None:
        row = conn.execute("SELECT current FROM tabSeries WHERE name = ?", (_SERIES,)).fetchone()
        number = int(row[0]) if row else max(100_000, 2 * bench.members)
        rng = random.Random(f"{seed}:life")
        self.stage = Stage(bench, conn, queues, rng, read_cast(conn), number, now - timedelta(seconds=1), now)

    def step(self, now: datetime, minutes: float) -> int:
        """Let `minutes` of life pass up to the aware moment `now`, in one transaction. Returns the number of events.

        Raises sqlite3.OperationalError when the database stays locked; nothing of the step is kept then.
        """
        conn, done = self.stage.conn, 0
        conn.execute("BEGIN IMMEDIATE")
        try:
            for rate, event in EVENTS:
                for _ in range(min(50, rhythm.poisson(self.stage.rng, rate * minutes))):
                    event(self.stage, now - timedelta(seconds=60 * minutes * self.stage.rng.random()))
                    done += 1
            trouble.go_on(self.stage, now, minutes)
            mail.deliver(self.stage, now)
            jobs.run_scheduler(self.stage, now)
            money.invoice_dues(self.stage, now)
            if now - self.stage.pruned > timedelta(minutes=10):
                upkeep.prune(self.stage, now)
        except BaseException:
            conn.execute("ROLLBACK")
            raise
        conn.execute("INSERT OR REPLACE INTO tabSeries (name, current) VALUES (?, ?)", (_SERIES, self.stage.number))
        conn.execute("COMMIT")
        return done

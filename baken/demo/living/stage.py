"""Where the demo's life takes place: its database and queues, and what every kind of event does there."""

import random
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from baken.demo import failures, mails
from baken.demo.bench import DemoBench
from baken.demo.failures import Cast
from baken.demo.layout import insert
from baken.demo.living.deferred import Deferred
from baken.demo.redis import JobQueues
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import STAFF


@dataclass(slots=True)
class Stage:
    """Where a life takes place, and how it stands: counters, which trouble is on, when each thing was done last."""

    bench: DemoBench
    conn: sqlite3.Connection
    queues: JobQueues
    rng: random.Random
    cast: Cast
    seed: int
    # Names of documents count on from where an earlier life stopped.
    number: int
    ran_until: datetime
    pruned: datetime
    mail_stuck_until: datetime | None = None
    # What comes again and again, how often still, and since when.
    burst: tuple[failures.Failure, int, datetime] | None = None
    # Where errors of web requests wait; without it they become rows at once.
    deferred: Deferred | None = None

    def one(self, statement: str, *values: object) -> Any:
        row = self.conn.execute(statement, values).fetchone()
        return row[0] if row else None

    def pick(self, statement: str, *values: object) -> tuple[object, ...] | None:
        rows = self.conn.execute(statement, values).fetchall()
        return self.rng.choice(rows) if rows else None

    def error(self, failure: failures.Failure, now: datetime) -> None:
        when = stamp(local(now))
        method, error, owner = failures.error_row(failure, self.rng, self.cast, local(now))
        insert(
            self.conn,
            "tabError Log",
            "name creation modified modified_by owner method error",
            [(document_name(self.rng), when, when, owner, owner, method, error)],
            seen=0,
        )

    def error_of_request(self, failure: failures.Failure, now: datetime) -> None:
        """An error that waits for the quarter of an hour before it is a row, when it comes from a web request."""
        if failure.via != "web" or self.deferred is None:
            self.error(failure, now)
            return
        method, error, _owner = failures.error_row(failure, self.rng, self.cast, local(now))
        self.deferred.push(method, error, self.rng.choice(self.cast.users), now)

    def audit(self, now: datetime, process: str, action: str, doctype: str, name: str, verdict: str = "") -> None:
        when = stamp(local(now))
        event = f"{self.rng.getrandbits(48):012x}"
        verdict = verdict or ("Compliant" if self.rng.random() < 0.94 else "Exception")
        insert(
            self.conn,
            "tabSEPA Audit Log",
            "name creation modified event_id timestamp process_type action entity_name compliance_status "
            "reference_doctype reference_name trace_id",
            [(event, when, when, event, when, process, action, process, verdict, doctype, name, event[:10])],
            owner=STAFF[1],
            modified_by=STAFF[1],
            user=STAFF[1],
            sensitive_data=1,
        )

    def mail_to(self, address: str, here: datetime) -> None:
        row, child = mails.email_rows(self.rng, document_name(self.rng), here, here, "Not Sent", address, None)
        insert(self.conn, "tabEmail Queue", mails.EMAIL_COLUMNS, [row], **mails.EMAIL_CONSTANTS)
        insert(self.conn, "tabEmail Queue Recipient", mails.RECIPIENT_COLUMNS, [child], **mails.RECIPIENT_CONSTANTS)


def read_cast(conn: sqlite3.Connection) -> Cast:
    def column(statement: str) -> list[str]:
        return [row[0] for row in conn.execute(statement)]

    return Cast(
        members=[
            tuple(row)
            for row in conn.execute(
                "SELECT name, full_name, email, iban FROM tabMember WHERE iban IS NOT NULL ORDER BY name LIMIT 3000"
            )
        ],
        invoices=column('SELECT name FROM "tabSales Invoice" ORDER BY creation DESC, name LIMIT 2000'),
        payments=column('SELECT name FROM "tabPayment Entry" ORDER BY creation DESC, name LIMIT 2000'),
        batches=column('SELECT name FROM "tabDirect Debit Batch" ORDER BY name'),
        mandates=column('SELECT mandate_id FROM "tabSEPA Mandate" ORDER BY name LIMIT 2000'),
        users=STAFF,
    )

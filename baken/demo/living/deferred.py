"""Errors of web requests wait in the cache's Redis, as on a real site, until the quarter-hourly job makes them rows."""

import json
import random
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import fakeredis

from baken.demo.bench import DATABASE
from baken.demo.layout import insert
from baken.demo.rhythm import document_name, local, stamp

KEY = f"{DATABASE}|insert_queue_for_Error Log"
_QUARTER = timedelta(minutes=15)


@dataclass(slots=True)
class Deferred:
    """What waits, oldest first, and how much of it Redis has."""

    entries: list[dict[str, object]] = field(default_factory=list)
    published: int = 0
    # So many of the list's first are rows by now.
    taken: int = 0
    flushed: datetime | None = None

    def push(self, method: str, error: str, user: str, now: datetime) -> None:
        """Put an error in. It has its own time and user here; the row that it becomes has not.

        Both stand where Frappe writes them before it inserts a row: as those of its last change.
        """
        self.entries.append(
            {
                "name": None,
                "owner": None,
                "creation": None,
                "modified": stamp(local(now)),
                "modified_by": user,
                "docstatus": 0,
                "idx": 0,
                "seen": 0,
                "reference_doctype": None,
                "reference_name": None,
                "method": method,
                "error": error,
                "trace_id": None,
            }
        )

    def publish(self, client: fakeredis.FakeStrictRedis) -> None:
        """Take out of Redis' list what has become rows, and append what it has not yet."""
        if self.taken:
            client.ltrim(KEY, self.taken, -1)
            self.taken = 0
        for entry in self.entries[self.published :]:
            client.rpush(KEY, json.dumps(entry))
        self.published = len(self.entries)

    def due(self, now: datetime) -> bool:
        """Whether a quarter of an hour has begun since the rows were written last."""
        quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        before, self.flushed = self.flushed or quarter, max(quarter, self.flushed or quarter)
        return quarter > before

    def flush(self, conn: sqlite3.Connection, rng: random.Random, now: datetime) -> None:
        """Write all that waits into the Error Log: at this moment, by Administrator."""
        when = stamp(local(now))
        columns = "name creation modified modified_by owner method error"
        rows = [
            (
                document_name(rng),
                when,
                when,
                "Administrator",
                "Administrator",
                _escaped(entry["method"]),
                entry["error"],
            )
            for entry in self.entries
        ]
        insert(conn, "tabError Log", columns, rows, seen=0)
        self.taken += self.published
        self.entries, self.published = [], 0


def _escaped(method: object) -> str:
    return str(method).replace("<", "&lt;").replace(">", "&gt;")

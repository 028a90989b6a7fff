"""A site with all sources of errors: an Error Log, a Redis, a bench's log files, each written to as Frappe does."""

import base64
import json
import os
import time
import zlib
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from baken.settings import Settings
from baken.sites.site import Site
from tests.errors.logs import NAME, ZONE, Log
from tests.servers import RedisServer

BENCH_ID = "home-frappe-bench"
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class Bench(Log):
    """A `Log` whose site has all the other sources."""

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        super().__init__(folder)
        self.redis = redis
        self.folder = folder / "bench"
        (self.folder / "sites" / NAME / "logs").mkdir(parents=True)
        (self.folder / "sites" / NAME / "site_config.json").write_text("{}")
        (self.folder / "logs").mkdir()
        self.config = replace(
            self.site.config, bench=self.folder, redis_cache=redis.url, redis_queue=redis.url, bench_id=BENCH_ID
        )
        self.site = self.anew()
        self.connection.execute("ALTER TABLE `tabError Log` ADD COLUMN owner varchar(140)")
        self.key = f"{self.path.stem}|insert_queue_for_Error Log"
        self._number = 0

    def anew(self) -> Site:
        """The site as a process sees it that has just started."""
        return Site(self.config, Settings())

    def local(self, at: datetime) -> str:
        """The site's own way to write a moment."""
        return at.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None).isoformat(" ", "microseconds")

    def push(self, at: datetime, method: str, error: str, user: str = "els@vereniging.example", **more: Any) -> None:
        """What Frappe 15 does at an error of a web request: the row is not inserted yet, so it has no owner."""
        row: dict[str, Any] = {"name": None, "owner": None, "creation": None}
        row |= {"modified": self.local(at), "modified_by": user}
        row |= {"docstatus": 0, "idx": 0, "seen": 0, "reference_doctype": None, "reference_name": None}
        with closing(self.redis.client()) as client:
            client.rpush(self.key, json.dumps(row | {"method": method, "error": error, "trace_id": None} | more))

    def flush(self, at: datetime, most: int = 500) -> int:
        """What Frappe's job does every quarter of an hour; the number of rows that it inserted."""
        done = 0
        with closing(self.redis.client()) as client:
            for _ in range(most):
                entry: Any = client.lpop(self.key)
                if entry is None:
                    break
                row = json.loads(entry)
                if len(row["method"]) > 140:
                    said = f"Error Log x: '<strong>Title</strong>' ({row['method']}) will get truncated, "
                    said += "as max characters allowed is 140"
                    self.say(at, f"Error while inserting deferred Error Log record: {said}")
                    continue
                title = row["method"].replace("<", "&lt;").replace(">", "&gt;")
                self.row(at, title, row["error"], "Administrator")
                done += 1
        return done

    def row(self, at: datetime, method: str, error: str, owner: str = "els@vereniging.example") -> None:
        """Insert a row as Frappe does."""
        self._number += 1
        self.add(f"row{self._number:06}", self.local(at), method, error)
        self.connection.execute("UPDATE `tabError Log` SET owner = ? WHERE name = ?", (owner, f"row{self._number:06}"))

    def fail(
        self,
        at: datetime,
        method: str,
        text: str,
        *,
        job: str = "",
        queue: str = "short",
        site: str = NAME,
        old: bool = False,
        ttl: float = 604800,
        user: str = "els@vereniging.example",
    ) -> str:
        """What RQ does with a job that failed; `old`: as before version 1.12."""
        self._number += 1
        job = job or f"{site}::{self._number}"
        call = (
            f"frappe.utils.background_jobs.execute_job(event=None, is_async=True, job_name='{method}', "
            f"kwargs={{'member': 'x'}}, method='{method}', site='{site}', user='{user}')"
        )
        fields: dict[str, Any] = {
            "ended_at": at.isoformat().replace("+00:00", "Z"), "description": call, "status": "failed",
            "data": b"\x80\x04cos\nsystem\n(S'false'\ntR.",
        }  # fmt: skip
        with closing(self.redis.client()) as client:
            client.sadd("rq:queues", f"rq:queue:{BENCH_ID}:{queue}")
            if old:
                fields["exc_info"] = zlib.compress(text.encode())
            else:
                packed = base64.b64encode(zlib.compress(text.encode())).decode()
                client.xadd(f"rq:results:{job}", {"type": 2, "exc_string": packed})
            client.hset(f"rq:job:{job}", mapping=cast("Any", fields))
            client.zadd(f"rq:failed:{BENCH_ID}:{queue}", {job: int(at.timestamp()) + ttl})
        return job

    def say(self, at: datetime, text: str, *, level: str = "ERROR", own: bool = True) -> None:
        """A line of frappe.log, in the site's folder or (`own` is false) in the bench's."""
        path = self.folder / "sites" / NAME / "logs" / "frappe.log" if own else self.folder / "logs" / "frappe.log"
        append(path, f"{stamp(at)} {level} frappe {text}\n")

    def complain(self, at: datetime, job: str, trace: str) -> None:
        """What a worker writes about a job that failed."""
        call = "exception raised while executing (frappe.utils.background_jobs.execute_job)"
        append(self.folder / "logs" / "worker.error.log", f"{stamp(at)} [Job {job}]: {call}\n{trace}\n")


def stamp(at: datetime) -> str:
    """A moment as Python's logging writes it, in the machine's own time."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S,") + f"{at.microsecond // 1000:03}"


def append(path: Path, text: str, *, settled: bool = True) -> None:
    """Write to a file; `settled`: some seconds ago."""
    with path.open("a") as file:
        file.write(text)
    if settled:
        then = time.time() - timedelta(seconds=10).total_seconds()
        os.utime(path, (then, then))

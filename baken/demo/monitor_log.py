"""monitor.json.log: a line for every request and every job, as Frappe's monitor writes them."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from baken.demo import rhythm
from baken.demo.jobs import job_seconds
from baken.demo.layout import scheduled_jobs
from baken.demo.world import SITE, World

_PATHS = (
    ("GET", "/app/member", 9),
    ("POST", "/api/method/frappe.desk.reportview.get", 22),
    ("POST", "/api/method/frappe.desk.form.load.getdoc", 14),
    ("POST", "/api/method/frappe.desk.form.save.savedocs", 6),
    ("GET", "/api/method/ping", 4),
    ("GET", "/member_dashboard", 8),
    ("POST", "/api/method/verenigingen.api.membership_application.submit_application", 2),
    ("POST", "/api/method/frappe.desk.query_report.run", 3),
)


def request_line(rng: random.Random, moment: datetime, slow: float = 1.0) -> str:
    """One line of monitor.json.log for a request at an aware moment; durations are in microseconds, times UTC."""
    verb, path, _ = rng.choices(_PATHS, [p[2] for p in _PATHS])[0]
    heavy = 9.0 if "query_report" in path else 0.12 if "ping" in path else 1.0
    duration = int(slow * heavy * 48_000 * rng.lognormvariate(0, 0.75))
    failed = rng.random() < 0.004
    return json.dumps(
        {
            "duration": duration,
            "request": {
                "ip": f"203.0.113.{rng.randrange(1, 255)}",
                "method": verb,
                "path": path,
                "response_length": 0 if failed else rng.randrange(200, 60_000),
                "status_code": 500 if failed else 200,
            },
            "site": SITE,
            "timestamp": moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds"),
            "transaction_type": "request",
            "uuid": _uuid(rng),
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def job_line(rng: random.Random, moment: datetime, method: str, seconds: float, *, scheduled: bool) -> str:
    """One line of monitor.json.log for a background job that began at an aware moment and took `seconds`."""
    return json.dumps(
        {
            "duration": int(seconds * 1e6),
            "job": {"method": method, "scheduled": scheduled, "wait": int(rng.expovariate(1 / 80_000))},
            "site": SITE,
            "timestamp": moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds"),
            "transaction_type": "job",
            "uuid": f"{SITE}::{_uuid(rng)}",
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def _uuid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def monitor_lines(world: World, hours: float = 26.0) -> Iterator[str]:
    """The last `hours` of monitor.json.log, oldest first."""
    yield from lines_between(world.stream("monitor"), world.now - timedelta(hours=hours), world.now)


def lines_between(rng: random.Random, since: datetime, until: datetime) -> Iterator[str]:
    """What is written from `since` to `until` (both aware), oldest first."""
    jobs = [job for job in scheduled_jobs() if job.frequency in ("All", "Hourly") or job.cron.startswith("0/")]
    minute = since
    while minute < until:
        lines = []
        for _ in range(rhythm.poisson(rng, 5.0 * rhythm.activity(minute))):
            moment = minute + timedelta(seconds=60 * rng.random())
            lines.append((moment, request_line(rng, moment)))
        if rng.random() < 0.7:
            moment = minute + timedelta(seconds=60 * rng.random())
            job = rng.choice(jobs)
            lines.append((moment, job_line(rng, moment, job.method, job_seconds(job, rng), scheduled=True)))
        yield from (line for moment, line in sorted(lines) if moment <= until)
        minute += timedelta(minutes=1)

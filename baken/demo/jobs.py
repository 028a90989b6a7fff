"""The scheduler's jobs: when each runs, how long it takes, how it fails, and the log of a week."""

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from baken.demo import rhythm
from baken.demo.layout import ScheduledJob, insert, scheduled_jobs
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import World

JOB_LOG_DAYS = 7
# Scheduled jobs that fail more often than never: name -> share of runs.
FLAKY = {
    "dd_batch_scheduler.daily_batch_optimization": 0.35,
    "sepa_notifications.check_and_send_expiry_notifications": 0.6,
    "payment_retry.execute_payment_retry": 0.2,
    "email_account.pull": 0.012,
    "eboekhouden_api.update_dashboard_data_periodically": 1.0,
}
# What they raise, as the last line of the traceback.
_RAISED = {
    "dd_batch_scheduler.daily_batch_optimization": "frappe.exceptions.ValidationError: Incassodatum is verstreken",
    "sepa_notifications.check_and_send_expiry_notifications": (
        "frappe.exceptions.OutgoingEmailError: Uitgaande e-mailserver weigert de aanmelding"
    ),
    "payment_retry.execute_payment_retry": (
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.betalen.example', port=443): "
        "Max retries exceeded with url: /v2/payments"
    ),
    "email_account.pull": "TimeoutError: timed out",
    "eboekhouden_api.update_dashboard_data_periodically": (
        "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://api.boekhouden.example/v1/ledger"
    ),
}
_LOCKED = "frappe.exceptions.QueryTimeoutError: (1205, 'Lock wait timeout exceeded; try restarting transaction')"
_PERIODS = {"Hourly": 3600, "Hourly Long": 3600, "All": 240}


def runs_between(job: ScheduledJob, since: datetime, until: datetime) -> Iterator[datetime]:
    """When the scheduler started `job` in (since, until], aware. Crons and daily jobs follow the site's clock."""
    wait = timedelta(seconds=2 + sum(map(ord, job.name)) % 55)
    if job.frequency in _PERIODS or job.cron.startswith("0/"):
        step = _PERIODS.get(job.frequency) or int(job.cron.split()[0][2:]) * 60
        seconds = int(since.timestamp()) // step * step
        while True:
            moment = datetime.fromtimestamp(seconds, UTC) + wait
            if moment > until:
                return
            if moment > since:
                yield moment
            seconds += step
    if job.cron == "30 * * * *":
        moment = since.replace(minute=30, second=0, microsecond=0) - timedelta(hours=1) + wait
        while moment <= until:
            if moment > since:
                yield moment
            moment += timedelta(hours=1)
        return
    hour, minute = (0, 45) if job.cron == "45 0 * * *" else (0, 0)
    day = local(since).date() - timedelta(days=1)
    while day <= local(until).date():
        wanted = (
            (not job.frequency.startswith("Weekly") or day.weekday() == 6)
            and (not job.frequency.startswith("Monthly") or day.day == 1)
            and (job.frequency not in ("Yearly", "Annual") or (day.month, day.day) == (1, 1))
        )
        moment = rhythm.utc(rhythm.at(day, hour + minute / 60)) + wait
        if wanted and since < moment <= until:
            yield moment
        day += timedelta(days=1)


def job_seconds(job: ScheduledJob, rng: random.Random) -> float:
    """How long one run of `job` takes: most are short, the dues run and the clean-ups are not."""
    typical = 40.0 if "generate_dues" in job.method else 6.0 if "Long" in job.frequency else 0.6
    return min(280.0, typical * rng.lognormvariate(0, 0.7))


def job_failure(job: ScheduledJob) -> str:
    """The traceback of a failed run of `job`, as Scheduled Job Log.details keeps it."""
    module, _, function = job.method.rpartition(".")
    line = 20 + sum(map(ord, job.method)) % 180
    return (
        "Traceback with variables (most recent call last):\n"
        '  File "apps/frappe/frappe/core/doctype/scheduled_job_type/scheduled_job_type.py", line 136, in execute\n'
        f"    frappe.get_attr(self.method)()\n      self = <ScheduledJobType: {job.name}>\n"
        f'  File "apps/{module.partition(".")[0]}/{module.replace(".", "/")}.py", line {line}, in {function}\n'
        f"{_RAISED.get(job.name, _LOCKED)}\n"
    )


def write_jobs(world: World, conn: sqlite3.Connection) -> None:
    """Insert Scheduled Job Types with their last execution and a week of Scheduled Job Log."""
    rng = world.stream("jobs")
    types: list[tuple[object, ...]] = []
    rows: list[tuple[object, ...]] = []
    born = stamp(rhythm.at(world.start, 8))
    since = world.now - timedelta(days=JOB_LOG_DAYS)
    for job in scheduled_jobs():
        last: datetime | None = None
        for moment in runs_between(job, since if job.create_log else world.now - timedelta(minutes=10), world.now):
            last = moment
            if not job.create_log:
                continue
            failed = rng.random() < FLAKY.get(job.name, 0.0006)
            done = min(moment + timedelta(seconds=job_seconds(job, rng)), world.now)
            rows.append(
                (
                    document_name(rng),
                    stamp(local(moment)),
                    stamp(local(done)),
                    "Failed" if failed else "Complete",
                    job.name,
                    job_failure(job) if failed else None,
                )
            )
        if last is None:
            last = max(runs_between(job, world.now - timedelta(days=400), world.now), default=None)
        ran = stamp(local(last)) if last else None
        types.append(
            (job.name, born, ran or born, job.method, job.frequency, job.cron or None, int(job.create_log), ran)
        )
    insert(
        conn,
        "tabScheduled Job Type",
        "name creation modified method frequency cron_format create_log last_execution",
        types,
        owner="Administrator",
        modified_by="Administrator",
        stopped=0,
    )
    rows.sort(key=lambda row: str(row[1]))
    insert(
        conn,
        "tabScheduled Job Log",
        "name creation modified status scheduled_job_type details",
        rows,
        owner="Administrator",
        modified_by="Administrator",
    )

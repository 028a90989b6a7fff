"""Background jobs: those that requests put into the queues, and those of the scheduler."""

from datetime import datetime, timedelta

from baken.demo import jobs
from baken.demo.layout import insert, scheduled_jobs
from baken.demo.living.stage import Stage
from baken.demo.rhythm import document_name, local, stamp

_RUNS_SINCE = timedelta(hours=1)

# Beyond so many waiting jobs nobody puts in more: a fast life would fill a queue without end.
_FULL = 200
_METHODS = (
    "frappe.utils.global_search.sync_value",
    "frappe.desk.notifications.clear_cache",
    "verenigingen.utils.background_jobs.refresh_member_history",
    "frappe.integrations.utils.make_post_request",
)


def enqueue(stage: Stage, now: datetime) -> None:
    """A request puts one to four jobs into a queue."""
    queue = stage.rng.choices(("short", "default", "long"), (6, 3, 1))[0]
    if len(stage.queues.waiting[queue]) > _FULL:
        return
    for _ in range(stage.rng.randint(1, 4)):
        seconds = min(60, stage.rng.lognormvariate(0.6, 0.9))
        stage.queues.enqueue(stage.rng.choice(_METHODS), queue, now, seconds, fails=stage.rng.random() < 0.002)


def stall_workers(stage: Stage, now: datetime) -> None:
    """Workers take nothing for a while: the queues grow."""
    if stage.queues.stalled_until is None:
        stage.queues.stalled_until = now + timedelta(minutes=stage.rng.uniform(1, 3))


def run_scheduler(stage: Stage, now: datetime) -> None:
    since = max(stage.ran_until, now - _RUNS_SINCE)
    rows: list[tuple[object, ...]] = []
    for job in scheduled_jobs():
        for moment in jobs.runs_between(job, since, now):
            failed = stage.rng.random() < jobs.FLAKY.get(job.name, 0.0006)
            seconds = jobs.job_seconds(job, stage.rng)
            when = stamp(local(moment))
            stage.conn.execute(
                'UPDATE "tabScheduled Job Type" SET last_execution = ?, modified = ? WHERE name = ?',
                (when, when, job.name),
            )
            # Frappe catches what a scheduled job raises: to the queue it has ended well.
            queue = "long" if "Long" in job.frequency else "default"
            stage.queues.enqueue(job.method, queue, now, min(30, seconds))
            if job.create_log:
                rows.append(
                    (
                        document_name(stage.rng),
                        when,
                        stamp(local(min(now, moment + timedelta(seconds=seconds)))),
                        "Failed" if failed else "Complete",
                        job.name,
                        jobs.job_failure(job) if failed else None,
                    )
                )
    insert(
        stage.conn,
        "tabScheduled Job Log",
        "name creation modified status scheduled_job_type details",
        rows,
        owner="Administrator",
        modified_by="Administrator",
    )
    stage.ran_until = now

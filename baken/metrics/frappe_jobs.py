"""Work in the background: queues and workers in Redis, the scheduler and its jobs, outgoing e-mail."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from baken.metrics import job_log
from baken.metrics.catalogue import FIVE_MINUTES, MINUTE, TEN_SECONDS, Values, metric
from baken.privacy import mask
from baken.sites import bench, cron, failed_jobs, queues, zone
from baken.sites.problems import NotAvailable
from baken.sites.reading import Reading
from baken.sites.rows import indexed_time

_SHARED_SECONDS = 2.0
_FAILED_WITHIN = timedelta(hours=1)
# Frappe's own time for keeping a failed job, and what the clocks of two machines may differ by.
_FAILURES_KEPT, _SKEW_SECONDS = 7 * 86_400.0, 60.0
_DORMANT_DAYS = 4.0
_JOBS_TOLD, _LONGEST_NAME = 100, 140
_EMAIL_STATUSES = ("Not Sent", "Sending", "Sent", "Partially Sent", "Error")
_STOPS_SCHEDULER = ("maintenance_mode", "pause_scheduler", "disable_scheduler")

# Frappe's own times for a frequency; "All" runs every four minutes unless scheduler_interval says otherwise.
_FREQUENCIES = {
    "All": "*/4 * * * *",
    "Hourly": "0 * * * *",
    "Daily": "0 0 * * *",
    "Weekly": "0 0 * * 0",
    "Monthly": "0 0 1 * *",
    "Yearly": "0 0 1 1 *",
    "Annual": "0 0 1 1 *",
}
_GRACE_SHARE = 0.25
_LEAST_GRACE, _MOST_GRACE = timedelta(minutes=15), timedelta(hours=6)


@metric(
    "frappe_queue_length",
    unit="jobs",
    title="Jobs waiting",
    help="Jobs that wait in a background queue, of all sites of the bench",
    nl=("Wachtende taken", "Taken die in een wachtrij wachten, van alle sites van de bench"),
    labels=("queue",),
    every=TEN_SECONDS,
    good="down",
)
def queue_length(r: Reading) -> Values:
    yield from ((queue.name, queue.waiting) for queue in _queues(r))


@metric(
    "frappe_queue_oldest_job_seconds",
    unit="seconds",
    title="Longest wait in queue",
    help="How long the next job of a queue has been waiting; 0 when none waits",
    nl=("Langst wachtende taak", "Hoe lang de eerstvolgende taak van een wachtrij al wacht; 0 als er geen wacht"),
    labels=("queue",),
    every=TEN_SECONDS,
    good="down",
)
def queue_oldest_job_seconds(r: Reading) -> Values:
    found = 0
    for queue in _queues(r):
        if queue.oldest is not None:
            yield queue.name, max(0.0, (r.now - queue.oldest).total_seconds())
        elif not queue.waiting:
            yield queue.name, 0
        else:
            continue
        found += 1
    if not found:
        raise NotAvailable("the waiting jobs do not tell when they were put into their queue")


@metric(
    "frappe_jobs_running",
    unit="jobs",
    title="Jobs running",
    help="Jobs of a queue that workers are busy with",
    nl=("Lopende taken", "Taken van een wachtrij waar workers mee bezig zijn"),
    labels=("queue",),
    every=TEN_SECONDS,
)
def jobs_running(r: Reading) -> Values:
    yield from ((queue.name, queue.running) for queue in _queues(r))


@metric(
    "frappe_jobs_failed",
    unit="jobs",
    title="Failed jobs kept",
    help="Failed jobs that a queue keeps: those of the last 7 days, a thousand at most",
    nl=(
        "Bewaarde mislukte taken",
        "Mislukte taken die een wachtrij bewaart: die van de laatste 7 dagen, hoogstens duizend",
    ),
    labels=("queue",),
    every=TEN_SECONDS,
    good="down",
)
def jobs_failed(r: Reading) -> Values:
    yield from ((queue.name, queue.failed) for queue in _queues(r))


@metric(
    "frappe_job_failures",
    unit="jobs",
    title="Job failures, last hour",
    help="Jobs of a queue that failed within the last hour, of all sites of the bench",
    nl=(
        "Mislukte taken, laatste uur",
        "Taken van een wachtrij die in het laatste uur mislukten, van alle sites van de bench",
    ),
    labels=("queue",),
    every=MINUTE,
    good="down",
)
def job_failures(r: Reading) -> Values:
    """RQ keeps a failed job under the second in which it expires: when it failed, and for how long Frappe keeps it."""
    kept, now = _failures_kept(r), r.now.timestamp()
    key = f"job failures {r.site.config.bench_id} {r.site.config.redis_queue} {kept:g}"
    first, last = now + kept - _FAILED_WITHIN.total_seconds(), now + kept + _SKEW_SECONDS
    yield from r.shared(key, _SHARED_SECONDS, lambda: failed_jobs.counts(r.site, first, last)).items()


@metric(
    "frappe_workers",
    unit="workers",
    title="Workers",
    help="Workers that serve a queue and whose heartbeat has not stopped",
    nl=("Workers", "Workers die een wachtrij bedienen en nog een teken van leven geven"),
    labels=("queue",),
    every=TEN_SECONDS,
    good="up",
)
def workers(r: Reading) -> Values:
    yield from ((queue.name, queue.workers) for queue in _queues(r))


@metric(
    "frappe_scheduler_enabled",
    unit="bool",
    title="Scheduler on",
    help="1 when System Settings enable the scheduler and neither maintenance_mode, pause_scheduler nor "
    "disable_scheduler is set",
    nl=(
        "Planner aan",
        "1 als de planner in System Settings aanstaat en maintenance_mode, pause_scheduler en "
        "disable_scheduler niet zijn gezet",
    ),
    good="up",
)
def scheduler_enabled(r: Reading) -> Values:
    if r.single("System Settings", "enable_scheduler") != "1":
        yield (0,)
        return
    flags = bench.flags(r.site.config)
    yield (int(not any(bench.is_on(flags, name) for name in _STOPS_SCHEDULER)),)


@metric(
    "frappe_scheduler_silence_seconds",
    unit="seconds",
    title="Scheduler silence",
    help="Time since the scheduler last started a job",
    nl=("Stilte van de planner", "Tijd sinds de planner voor het laatst een taak startte"),
    needs={"Scheduled Job Type": ("last_execution",)},
    good="down",
)
def scheduler_silence_seconds(r: Reading) -> Values:
    types = r.table("Scheduled Job Type")
    signs = [r.utc(r.scalar(select(func.max(types.c.last_execution))))]
    by = indexed_time(r, "Scheduled Job Log")
    if by is not None:
        # Without an index the newest row costs the whole log; `last_execution` tells the same.
        log = r.require("Scheduled Job Log", "creation")
        signs.append(r.utc(r.scalar(select(log.c.creation).order_by(log.c[by].desc()).limit(1))))
    known = [sign for sign in signs if sign is not None]
    if not known:
        raise NotAvailable("the scheduler has not started a job on this site yet")
    yield (max(0.0, (r.now - max(known)).total_seconds()),)


@metric(
    "frappe_scheduler_dormant",
    unit="bool",
    title="Site dormant",
    help="1 when nobody was active for dormant_days, after which Frappe may run scheduled jobs once a day only",
    nl=(
        "Site slaapt",
        "1 als er dormant_days lang niemand actief was; daarna voert Frappe geplande taken misschien nog maar"
        " één keer per dag uit",
    ),
    needs={"User": ("last_active",)},
    every=FIVE_MINUTES,
    good="down",
)
def scheduler_dormant(r: Reading) -> Values:
    """Frappe 13 to 15 go by Activity Log, later ones by User.last_active; the newer of both counts."""
    users = r.table("User")
    signs = [r.utc(r.scalar(select(func.max(users.c.last_active))))]
    if r.has("Activity Log", "modified") and r.indexed("Activity Log", "modified"):
        signs.append(r.utc(r.scalar(select(func.max(r.table("Activity Log").c.modified)))))
    known = [sign for sign in signs if sign is not None]
    if not known:
        raise NotAvailable("nobody has been active on this site yet")
    try:
        days = float(r.single("System Settings", "dormant_days") or 0) or _DORMANT_DAYS
    except ValueError:
        days = _DORMANT_DAYS
    yield (int(r.now - max(known) >= timedelta(days=days)),)


@metric(
    "frappe_scheduled_jobs_failing",
    unit="jobs",
    title="Scheduled jobs failing",
    help="Scheduled jobs, not stopped, whose latest run that ended has failed",
    nl=(
        "Mislukkende geplande taken",
        "Geplande taken, niet stopgezet, waarvan de laatste afgelopen uitvoering is mislukt",
    ),
    needs={
        "Scheduled Job Type": ("stopped",),
        "Scheduled Job Log": ("name", "scheduled_job_type", "status", "creation", "modified"),
    },
    good="down",
)
def scheduled_jobs_failing(r: Reading) -> Values:
    yield (len(job_log.failing(r)),)


@metric(
    "frappe_scheduled_job_failing",
    unit="bool",
    title="Failing scheduled job",
    help="1 for each scheduled job, not stopped, whose latest run that ended has failed; others are left out",
    nl=(
        "Mislukkende geplande taak",
        "1 voor elke geplande taak, niet stopgezet, waarvan de laatste afgelopen uitvoering is mislukt; "
        "andere staan er niet bij",
    ),
    labels=("job",),
    needs={
        "Scheduled Job Type": ("stopped",),
        "Scheduled Job Log": ("name", "scheduled_job_type", "status", "creation", "modified"),
    },
    good="down",
)
def scheduled_job_failing(r: Reading) -> Values:
    yield from ((mask(name)[:_LONGEST_NAME], 1) for name in job_log.failing(r)[:_JOBS_TOLD])


@metric(
    "frappe_scheduled_jobs_late",
    unit="jobs",
    title="Scheduled jobs late",
    help="Scheduled jobs, not stopped, that are overdue by more than a quarter of their interval "
    "(at least 15 minutes, at most 6 hours); jobs whose cron_format cannot be read are left out",
    nl=(
        "Verlate geplande taken",
        "Geplande taken, niet stopgezet, die meer dan een kwart van hun tussentijd te laat zijn (minstens 15 "
        "minuten, hoogstens 6 uur); taken met een onleesbaar cron_format tellen niet mee",
    ),
    needs={"Scheduled Job Type": ("stopped", "frequency", "cron_format", "last_execution", "creation")},
    good="down",
)
def scheduled_jobs_late(r: Reading) -> Values:
    types = r.table("Scheduled Job Type")
    query = select(types.c.frequency, types.c.cron_format, types.c.last_execution, types.c.creation)
    now = zone.to_naive(r.now, r.site.zone(r))
    yield (sum(1 for row in r.rows(query.where(types.c.stopped == 0)) if _late(row, now)),)


@metric(
    "frappe_email_queue",
    unit="e-mails",
    title="E-mails in queue",
    help="E-mails in the Email Queue per status",
    nl=("E-mails in de wachtrij", "E-mails in de Email Queue per status"),
    labels=("status",),
    needs={"Email Queue": ("status",)},
    every=FIVE_MINUTES,
)
def email_queue(r: Reading) -> Values:
    table = r.table("Email Queue")
    counts = dict.fromkeys(_EMAIL_STATUSES, 0)
    for status, number in r.rows(select(table.c.status, func.count()).group_by(table.c.status)):
        counts[str(status or "none given")] = number
    yield from counts.items()


@metric(
    "frappe_email_oldest_unsent_seconds",
    unit="seconds",
    title="Oldest unsent e-mail",
    help="How long the oldest e-mail that should have gone out is waiting; 0 when none waits",
    nl=(
        "Oudste niet-verzonden e-mail",
        "Hoe lang de oudste e-mail wacht die al verstuurd had moeten zijn; 0 als er geen wacht",
    ),
    needs={"Email Queue": ("status", "send_after", "creation")},
    good="down",
)
def email_oldest_unsent_seconds(r: Reading) -> Values:
    table = r.table("Email Queue")
    unsent = table.c.status == "Not Sent"
    now = zone.to_naive(r.now, r.site.zone(r))
    at_once = select(func.min(table.c.creation)).where(unsent, table.c.send_after.is_(None)).scalar_subquery()
    later = select(func.min(table.c.send_after)).where(unsent, table.c.send_after <= now).scalar_subquery()
    found = r.row(select(at_once, later))
    moments = [r.utc(moment) for moment in found or ()]
    yield (max([0.0, *((r.now - moment).total_seconds() for moment in moments if moment is not None)]),)


def _failures_kept(r: Reading) -> float:
    """For how many seconds Frappe has RQ keep a failed job."""
    try:
        set_to = bench.flags(r.site.config).get("rq_job_failure_ttl")
        return float(set_to or _FAILURES_KEPT)
    except (NotAvailable, TypeError, ValueError):
        return _FAILURES_KEPT


def _queues(r: Reading) -> list[queues.Queue]:
    key = f"queues {r.site.config.bench_id} {r.site.config.redis_queue}"
    return r.once(key, lambda: r.shared(key, _SHARED_SECONDS, lambda: queues.queues(r.site)))


def _late(row: Sequence[Any], now: datetime) -> bool:
    frequency, expression, last, created = row
    base = _naive(last) or _naive(created)
    if base is None:
        return False
    if str(frequency) != "Cron":
        # "Daily Long" and "Daily Maintenance" have the times of "Daily".
        expression = _FREQUENCIES.get(str(frequency or "").split(" ")[0])
    try:
        schedule = cron.parse(str(expression or ""))
    except ValueError:
        return False
    due = schedule.after(base)
    following = schedule.after(due) if due is not None else None
    if due is None or following is None:
        return False
    grace = min(max((following - due) * _GRACE_SHARE, _LEAST_GRACE), _MOST_GRACE)
    return now > due + grace


def _naive(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None

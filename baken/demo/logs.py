"""The site's own records: errors, alerts, audit events, scheduled jobs, e-mails, logins, versions, monitor lines."""

import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from baken.demo import failures, mishaps, rhythm
from baken.demo.failures import Cast
from baken.demo.layout import ScheduledJob, insert, scheduled_jobs
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import SITE, STAFF, World

ERROR_DAYS = 90
JOB_LOG_DAYS = 7
EMAIL_DAYS = 30
ACTIVITY_DAYS = 90
# Errors on an ordinary day, incidents apart.
QUIET_DAY = 39.0
# Scheduled jobs that fail more often than never: name -> share of runs.
FLAKY = {
    "dd_batch_scheduler.daily_batch_optimization": 0.35,
    "sepa_notifications.check_and_send_expiry_notifications": 0.6,
    "payment_retry.execute_payment_retry": 0.2,
    "email_account.pull": 0.012,
    "eboekhouden_api.update_dashboard_data_periodically": 1.0,
}
_PERIODS = {"Hourly": 3600, "Hourly Long": 3600, "All": 240}


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


def error_moments(world: World) -> list[tuple[datetime, str]]:
    """(aware moment, key of the failure) of every error of the last 90 days, oldest first."""
    rng = world.stream("errors")
    keys = [f.key for f in mishaps.FAILURES]
    weights = [f.weight for f in mishaps.FAILURES]
    moments: list[tuple[datetime, str]] = []
    hour = world.now.replace(minute=0, second=0) - timedelta(days=ERROR_DAYS)
    while hour < world.now:
        for _ in range(rhythm.poisson(rng, QUIET_DAY / 24 * rhythm.activity(hour + timedelta(minutes=30)))):
            key = rng.choices(keys, weights)[0]
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


_ALERTS = (
    ("HIGH_ERROR_RATE", "CRITICAL", "High error rate detected: {n} errors in the last hour", (21, 130)),
    ("STUCK_DUES_SCHEDULES", "MEDIUM", "Found {n} dues schedules that appear stuck", (8, 19)),
    ("SEPA_COMPLIANCE", "HIGH", "SEPA compliance issues detected: {n} failed processes", (6, 40)),
    ("HIGH_JOB_QUEUE", "MEDIUM", "High background job queue: {n} jobs pending", (31, 75)),
    ("ORPHANED_PAYMENTS", "MEDIUM", "Found {n} payment entries without proper references", (9, 30)),
    ("DATA_QUALITY_ISSUE", "LOW", "Found {n} active members without customer records", (10, 24)),
)


def write_alerts(world: World, conn: sqlite3.Connection) -> None:
    """Insert the site's own System Alerts: most resolved, the last few still open."""
    rng = world.stream("alerts")
    moments = sorted(world.now - timedelta(days=90 * rng.random() ** 1.3, hours=0.3) for _ in range(64))
    rows: list[tuple[object, ...]] = []
    for place, moment in enumerate(moments):
        kind, severity, message, bounds = rng.choice(_ALERTS)
        status = "Resolved" if place < 58 else ("Acknowledged", "Active", "Active")[place % 3]
        raised = stamp(local(moment))
        solved = stamp(local(min(moment + timedelta(hours=rng.uniform(0.5, 30)), world.now)))
        n = rng.randint(*bounds)
        rows.append(
            (
                document_name(rng),
                raised,
                solved if status != "Active" else raised,
                kind,
                severity,
                message.format(n=n),
                status,
                raised,
                json.dumps({"n": n}),
                "board@example.test" if status == "Acknowledged" else None,
                solved if status == "Acknowledged" else None,
                "admin@example.test" if status == "Resolved" else None,
                solved if status == "Resolved" else None,
            )
        )
    insert(
        conn,
        "tabSystem Alert",
        "name creation modified alert_type severity message status timestamp details acknowledged_by acknowledged_at "
        "resolved_by resolved_at",
        rows,
        owner="Administrator",
        modified_by="Administrator",
        source="alert_manager",
    )


def _verdict(rng: random.Random) -> str:
    draw = rng.random()
    return "Compliant" if draw < 0.93 else "Exception" if draw < 0.965 else "Pending Review"


def write_audit(world: World, conn: sqlite3.Connection) -> None:
    """Insert the SEPA Audit Log of three years, from the mandates, batches and payments that are there."""
    rng = world.stream("audit")
    events: list[tuple[str, str, str, str, str, str | None, str]] = []
    for name, created, modified, status in conn.execute(
        'SELECT name, creation, modified, status FROM "tabSEPA Mandate" ORDER BY name'
    ).fetchall():
        events.append((created, "Mandate Creation", "mandate_created", _verdict(rng), "SEPA Mandate", name, STAFF[1]))
        if status == "Cancelled":
            events.append(
                (modified, "Mandate Creation", "mandate_cancelled", _verdict(rng), "SEPA Mandate", name, STAFF[1])
            )
        elif rng.random() < 0.04:
            failed = ("Mandate Creation", "mandate_creation_failed", "Failed")
            events.append((created, *failed, "SEPA Mandate", name, STAFF[1]))
    for name, created, generated, modified, status in conn.execute(
        'SELECT name, creation, sepa_generation_date, modified, status FROM "tabDirect Debit Batch" ORDER BY name'
    ).fetchall():
        batch = ("Direct Debit Batch", name, STAFF[1])
        events.append((created, "Batch Generation", "batch_validated", _verdict(rng), *batch))
        if generated:
            events.append((generated, "Batch Generation", "batch_generated", _verdict(rng), *batch))
        if status == "Failed":
            events.append((modified, "Bank Submission", "file_rejected", "Failed", *batch))
        elif status in ("Submitted", "Processed"):
            sent = datetime.fromisoformat(created) + timedelta(hours=25)
            events.append((stamp(sent), "Bank Submission", "file_submitted", _verdict(rng), *batch))
            events.append((stamp(sent + timedelta(hours=2)), "Bank Submission", "file_accepted", _verdict(rng), *batch))
    for created, name in conn.execute(
        "SELECT creation, name FROM \"tabPayment Entry\" WHERE mode_of_payment = 'Direct Debit' AND docstatus = 1 "
        "AND creation > ? ORDER BY name",
        (stamp(world.here - timedelta(days=365)),),
    ).fetchall():
        events.append(
            (
                created,
                "Payment Processing",
                "processing_completed",
                _verdict(rng),
                "Payment Entry",
                name,
                "Administrator",
            )
        )
    for modified, invoice in conn.execute(
        "SELECT modified, invoice FROM \"tabDirect Debit Batch Invoice\" WHERE status = 'Failed' "
        "ORDER BY modified, name"
    ).fetchall():
        events.append(
            (modified, "Payment Processing", "payment_returned", "Failed", "Sales Invoice", invoice, "Administrator")
        )
    events.sort()
    rows = []
    for at, process, action, verdict, doctype, name, user in events:
        event = f"{rng.getrandbits(48):012x}"
        rows.append(
            (
                event,
                at,
                at,
                user,
                event,
                at,
                process,
                action,
                process,
                verdict,
                doctype,
                name,
                user,
                f"{rng.getrandbits(40):010x}",
            )
        )
    insert(
        conn,
        "tabSEPA Audit Log",
        "name creation modified owner event_id timestamp process_type action entity_name compliance_status "
        "reference_doctype reference_name user trace_id",
        rows,
        modified_by="Administrator",
        sensitive_data=1,
        details='{"source": "sepa"}',
    )


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
    return (
        "Traceback with variables (most recent call last):\n"
        '  File "apps/frappe/frappe/core/doctype/scheduled_job_type/scheduled_job_type.py", line 136, in execute\n'
        f"    frappe.get_attr(self.method)()\n      self = <ScheduledJobType: {job.name}>\n"
        "frappe.exceptions.ValidationError: Verbinding geweigerd\n"
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


def email_rows(
    rng: random.Random, name: str, created: datetime, modified: datetime, status: str, recipient: str, error: str | None
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """One Email Queue row and its recipient's row; moments are naive on the site's clock."""
    number = f"{rng.getrandbits(60)}@{SITE}"
    message = f"Content-Type: text/plain\r\nMessage-Id: <{number}>\r\nSubject: Uw contributie\r\n\r\nBeste lid,\r\n"
    child = {"Sent": "Sent"}.get(status, "Not Sent")
    return (
        (name, stamp(created), stamp(modified), message, status, error, number),
        (document_name(rng), stamp(created), stamp(modified), recipient, child, name),
    )


EMAIL_COLUMNS = "name creation modified message status error message_id"
EMAIL_CONSTANTS: dict[str, str | int] = {
    "owner": "Administrator",
    "modified_by": "Administrator",
    "sender": "Administratie <administratie@example.test>",
    "priority": 1,
    "email_account": "Administratie",
    "attachments": "[]",
    "expose_recipients": "header",
}
RECIPIENT_COLUMNS = "name creation modified recipient status parent"
RECIPIENT_CONSTANTS: dict[str, str | int] = {
    "owner": "Administrator",
    "modified_by": "Administrator",
    "idx": 1,
    "parentfield": "recipients",
    "parenttype": "Email Queue",
}


def write_emails(world: World, conn: sqlite3.Connection) -> None:
    """Insert 30 days of Email Queue: invoices' mails and the day's ordinary ones; most sent within minutes."""
    rng = world.stream("mail")
    since = world.here - timedelta(days=EMAIL_DAYS)
    moments = [
        datetime.fromisoformat(row[0]) + timedelta(minutes=6 + 30 * rng.random())
        for row in conn.execute(
            'SELECT creation FROM "tabSales Invoice" WHERE creation > ? AND docstatus = 1 ORDER BY name',
            (stamp(since),),
        )
    ]
    day = since.date()
    while day <= world.today:
        for _ in range(rhythm.poisson(rng, 46 * rhythm.WEEKDAYS[day.weekday()])):
            moments.append(rhythm.moment_of_day(rng, day))
        day += timedelta(days=1)
    addresses = [m.person.email for m in world.members if m.approved is not None]
    queue: list[tuple[object, ...]] = []
    recipients: list[tuple[object, ...]] = []
    for created in sorted(m for m in moments if since < m <= world.here):
        wait = timedelta(seconds=40 + rng.expovariate(1 / 150))
        status, error, modified = "Sent", None, created + wait
        if rng.random() < 0.009:
            status, error = "Error", "smtplib.SMTPRecipientsRefused: mailbox unavailable"
        if modified > world.here:
            status, error, modified = "Not Sent", None, created
        row, child = email_rows(rng, document_name(rng), created, modified, status, rng.choice(addresses), error)
        queue.append(row)
        recipients.append(child)
    for minutes, status in (
        (0.6, "Not Sent"),
        (2.1, "Not Sent"),
        (3.0, "Sending"),
        (62.0, "Sending"),
        (1500.0, "Partially Sent"),
    ):
        created = world.here - timedelta(minutes=minutes)
        row, child = email_rows(rng, document_name(rng), created, created, status, rng.choice(addresses), None)
        queue.append(row)
        recipients.append(child)
    insert(conn, "tabEmail Queue", EMAIL_COLUMNS, queue, **EMAIL_CONSTANTS)
    insert(conn, "tabEmail Queue Recipient", RECIPIENT_COLUMNS, recipients, **RECIPIENT_CONSTANTS)


_CHANGES = ("Member", "Sales Invoice", "Payment Entry", "SEPA Mandate", "Membership Dues Schedule")


def write_activity(world: World, conn: sqlite3.Connection) -> None:
    """Insert logins of 90 days and document versions of 30."""
    rng = world.stream("activity")
    users = [
        row[0] for row in conn.execute("SELECT name FROM tabUser WHERE enabled = 1 AND name <> 'Guest' ORDER BY name")
    ]
    rows: list[tuple[object, ...]] = []
    day = world.today - timedelta(days=ACTIVITY_DAYS)
    while day <= world.today:
        for _ in range(rhythm.poisson(rng, 31 * rhythm.WEEKDAYS[day.weekday()])):
            moment = rhythm.moment_of_day(rng, day)
            user = rng.choice((STAFF[0], STAFF[1], *rng.choices(users, k=4)))
            failed = rng.random() < 0.05
            if moment <= world.here:
                when = stamp(moment)
                rows.append(
                    (
                        document_name(rng),
                        when,
                        when,
                        user,
                        user,
                        f"{user} logged in",
                        when,
                        "Login",
                        "Failed" if failed else "Success",
                        user,
                        user,
                        f"203.0.113.{rng.randrange(1, 255)}",
                    )
                )
        day += timedelta(days=1)
    insert(
        conn,
        "tabActivity Log",
        "name creation modified owner modified_by subject communication_date operation status user "
        "full_name ip_address",
        sorted(rows, key=lambda row: str(row[1])),
    )
    versions: list[tuple[object, ...]] = []
    for doctype in _CHANGES:
        for name, modified in conn.execute(
            f'SELECT name, modified FROM "tab{doctype}" WHERE modified > ? ORDER BY modified DESC, name LIMIT 500',  # noqa: S608
            (stamp(world.here - timedelta(days=30)),),
        ).fetchall():
            versions.append(
                (
                    document_name(rng),
                    modified,
                    modified,
                    doctype,
                    name,
                    '{"added":[],"changed":[["status","Draft","Active"]],"removed":[],"row_changed":[]}',
                )
            )
    insert(
        conn,
        "tabVersion",
        "name creation modified ref_doctype docname data",
        versions,
        owner="Administrator",
        modified_by="Administrator",
    )


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
    rng = world.stream("monitor")
    jobs = [job for job in scheduled_jobs() if job.frequency in ("All", "Hourly") or job.cron.startswith("0/")]
    minute = world.now - timedelta(hours=hours)
    while minute < world.now:
        lines = []
        for _ in range(rhythm.poisson(rng, 5.0 * rhythm.activity(minute))):
            moment = minute + timedelta(seconds=60 * rng.random())
            lines.append((moment, request_line(rng, moment)))
        if rng.random() < 0.7:
            moment = minute + timedelta(seconds=60 * rng.random())
            job = rng.choice(jobs)
            lines.append((moment, job_line(rng, moment, job.method, job_seconds(job, rng), scheduled=True)))
        yield from (line for moment, line in sorted(lines) if moment <= world.now)
        minute += timedelta(minutes=1)

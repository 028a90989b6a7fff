"""What every source of errors hands over: one failure as it was written down, before anything is taken out of it."""

from dataclasses import dataclass
from datetime import datetime

DEFERRED = "Deferred"
"""Frappe's list of Error Log rows that wait in the cache Redis."""
ERROR_LOG = "Error Log"
"""The table."""
FAILED_JOBS = "RQ"
"""The registries of failed jobs in the queue Redis."""
FRAPPE_LOG, WORKER_LOG = "frappe.log", "worker.error.log"
"""Files of the bench."""
SCHEDULED_JOBS = "Scheduled Job Log"
"""The table that keeps how each run of the scheduler's jobs ended."""
SENTRY = "Sentry"
"""What sites send by themselves, as they would to Sentry."""
SOURCES = (DEFERRED, ERROR_LOG, FAILED_JOBS, FRAPPE_LOG, WORKER_LOG, SCHEDULED_JOBS, SENTRY)
COMPONENT_OF = {SCHEDULED_JOBS: "scheduler"}
"""The component at work where a source tells it and the calls of the traceback do not."""


@dataclass(frozen=True, slots=True)
class Event:
    """One failure as one source has it. Its texts are raw: nobody may store or show them.

    Attributes:
        source: one of SOURCES.
        name: what the source calls it: a row's name, a job's id, a place in a file, the id that a sender gave it.
        at: the moment it happened, aware UTC.
        method: the title it was filed under, usually a method's path; None when the source has none.
        error: the text, usually a traceback.
        user: the site's user to whom it happened, as the site writes it; None when the source does not know.
        size: bytes that its texts take at the site.
        job: the method of the background job that failed; "" when nobody knows it, None when it was no job.
        lost: Frappe could not file it; only a file tells of it.
        component: the part at work where the source tells it and the calls of the traceback do not; "" elsewhere.
    """

    source: str
    name: str
    at: datetime
    method: str | None
    error: str | None
    user: str | None = None
    size: int = 0
    job: str | None = None
    lost: bool = False
    component: str = ""

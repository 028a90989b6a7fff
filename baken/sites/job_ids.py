"""What the ids tell that Frappe gives its jobs in RQ.

Frappe 15: `<site>::<id>`; Frappe 16: `<site>||<id>`. Frappe 14 does as 15 for jobs that have an id, and leaves others
to RQ, which gives them a UUID. A job of the scheduler has the id `scheduled_job::<method>` (14, 15), in earlier ones
of these with the last two parts of the method, which are the name of its type. In Frappe 16 it is
`scheduled_job||<name of its type>`: a hash for types that 16 itself has made, which tells no method.
"""

import re

_MARK = re.compile(r"::|\|\|")
_SCHEDULED = "scheduled_job"


def owner(job: str) -> str | None:
    """The site that the id `job` names; None when it names none."""
    found = _MARK.search(job)
    return job[: found.start()] if found else None


def same(job: str) -> str:
    """The id `job` as every version of Frappe would write it, to recognise a job by: `<site>::…`."""
    site, *rest = _MARK.split(job, maxsplit=2)
    if len(rest) == 2 and rest[0] == _SCHEDULED:
        return scheduled(site, rest[1])
    return "::".join((site, *rest))


def scheduled(site: str, method: str) -> str:
    """The id, as `same` gives it, of the scheduler's job that runs `method`, or whose type is called so."""
    return f"{site}::{_SCHEDULED}::{'.'.join(method.split('.')[-2:])}"


def tells_method(job: str) -> bool:
    """Whether the id `job` is that of a job of the scheduler, and ends with the method that it runs."""
    return job.split("::", 2)[1:2] == [_SCHEDULED]

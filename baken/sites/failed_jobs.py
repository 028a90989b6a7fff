"""Failed background jobs as RQ keeps them in the queue Redis: registries, the jobs' hashes, their exceptions.

`rq:failed:<bench>:<queue>` is a sorted set of job ids by the second in which they expire; a job's hash and, since RQ
1.12, the stream `rq:results:<job>` tell what happened. The pickled `data` of a job is never read: unpickling it would
run whatever stands in it. What the job was called with comes from RQ's own description of the call.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from baken.sites import job_ids
from baken.sites.queues import bench_queues, kept_client
from baken.sites.site import Site

# Nobody needs more of a traceback; a small text may unpack to gigabytes.
_TEXT_LIMIT = 200_000
_JOBS_AT_ONCE = 50
_FIELDS = ("ended_at", "description", "exc_info", "created_at")
# RQ writes the call's arguments in the order of their names, and cuts each after 75 characters.
_METHOD = re.compile(r"(?:^|[(, ])method='([\w.]{1,200})'(?=[,)])")
_FUNCTION = re.compile(r"(?:^|[(, ])method=<function ([\w.<>]{1,200}) at ")
_NAMED = re.compile(r"(?:^|[(, ])job_name='([\w.]{1,200})'(?=[,)])")
_SITE = re.compile(r"(?:^|[(, ])site='([^']{1,200})'(?=[,)])")
_USER = re.compile(r"(?:^|[(, ])user='([^']{1,140})'(?=[,)])")


@dataclass(frozen=True, slots=True)
class Place:
    """A job in a registry: the queue's full name, the job's id, and its score (the second in which it expires)."""

    queue: str
    id: str
    score: float


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A failed job.

    Attributes:
        place: where it stands.
        site: the site it ran for; "" when nothing tells.
        method: the method that was called; "" when nothing tells.
        user: for whom it ran; None when nothing tells.
        ended: when it failed; None when nothing tells.
        text: its traceback, or what RQ says instead.
    """

    place: Place
    site: str
    method: str
    user: str | None
    ended: datetime | None
    text: str


def tops(site: Site) -> dict[str, tuple[int, bytes, float]]:
    """What tells whether a registry changed, by queue: its size, its last member and that one's score.

    Two round trips. Raises NotAvailable when no queue Redis is configured, SiteUnreachable when it does not answer.
    """
    with kept_client(site, "queue") as client:
        names = bench_queues(client, site)
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.zcard(f"rq:failed:{name}")
            pipe.zrange(f"rq:failed:{name}", 0, 0, desc=True, withscores=True)
        answers = pipe.execute()
    found = {}
    for index, name in enumerate(names):
        size, last = answers[2 * index], answers[2 * index + 1]
        found[name] = (int(size), last[0][0], float(last[0][1])) if last else (0, b"", 0.0)
    return found


def counts(site: Site, first: float, last: float) -> dict[str, int]:
    """How many jobs of each queue, by its short name, have a score from `first` to `last`, both included.

    Two round trips. Raises NotAvailable when no queue Redis is configured, SiteUnreachable when it does not answer.
    """
    with kept_client(site, "queue") as client:
        names = bench_queues(client, site)
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.zcount(f"rq:failed:{name}", first, last)
        answers = pipe.execute()
    return {name.rsplit(":", 1)[-1]: int(number) for name, number in zip(names, answers, strict=True)}


def since(site: Site, queue: str, score: float, most: int) -> list[Place]:
    """At most `most` jobs of a queue's registry whose score is `score` or more, the lowest first."""
    with kept_client(site, "queue") as client:
        answer: Any = client.zrangebyscore(f"rq:failed:{queue}", score, "+inf", start=0, num=most, withscores=True)
    return [Place(queue, _text(member), float(each)) for member, each in answer]


def jobs(site: Site, places: Sequence[Place]) -> list[FailedJob]:
    """What is known of the jobs at `places`; one that has gone in the meantime is left out."""
    found: list[FailedJob] = []
    with kept_client(site, "queue") as client:
        for start in range(0, len(places), _JOBS_AT_ONCE):
            some = places[start : start + _JOBS_AT_ONCE]
            pipe = client.pipeline(transaction=False)
            for place in some:
                pipe.hmget(f"rq:job:{place.id}", _FIELDS)
                pipe.xrevrange(f"rq:results:{place.id}", count=1)
            # An old Redis knows no streams; the job's hash tells what it can.
            answers = pipe.execute(raise_on_error=False)
            for index, place in enumerate(some):
                fields, results = answers[2 * index], answers[2 * index + 1]
                if not isinstance(fields, list) or not any(fields):
                    continue
                found.append(_job(place, fields, results if isinstance(results, list) else []))
    return found


def _job(place: Place, fields: list[bytes | None], results: list[Any]) -> FailedJob:
    ended, description, old_text, _ = fields
    call = _text(description)
    moment = _moment(ended)
    text = _unpacked(old_text, plain=True)
    if results:
        number, body = results[0]
        text = _unpacked(_field(body, b"exc_string"), plain=False) or text
        moment = moment or datetime.fromtimestamp(int(_text(number).partition("-")[0]) / 1000, UTC)
    user = _last(_USER, call)
    site = job_ids.owner(place.id)
    return FailedJob(place, _last(_SITE, call) if site is None else site, called(call), user or None, moment, text)


def called(description: str) -> str:
    """The method that RQ's description of a call of `execute_job` names; "" when it names none."""
    # What the caller's own arguments hold comes before: they are called `kwargs`.
    return (
        _last(_METHOD, description)
        or _last(_NAMED, description)
        or _last(_FUNCTION, description).replace("<locals>.", "")
    )


def _last(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.findall(text)
    return str(found[-1]) if found else ""


def _field(body: Any, name: bytes) -> bytes | None:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, bytes) else None


def _unpacked(raw: bytes | None, *, plain: bool) -> str:
    """A compressed text, of which the middle may be missing; `plain`: it may also not be compressed."""
    if not raw:
        return ""
    try:
        packed = raw if plain else base64.b64decode(raw)
        unpack = zlib.decompressobj()
        return unpack.decompress(packed, _TEXT_LIMIT).decode("utf-8", "replace")
    except (zlib.error, binascii.Error, ValueError):
        return _text(raw) if plain else ""


def _moment(raw: bytes | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(raw).replace("Z", "+00:00")) if raw else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw or "")

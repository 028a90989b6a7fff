"""One step of a site's errors' way into the store, as the collector takes it for each site every few seconds.

Guarantee: what the sources gave, what of it was counted, and how far each source has been read are stored in one
transaction, and only when each still stands where this step began. A process that is killed has stored all of a step
or nothing of it; a source that cannot be read keeps no other from being counted.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from baken.clock import to_ms
from baken.errors import (
    counts,
    deferred,
    echoes,
    failed_jobs,
    groupings,
    log_files,
    older,
    reader,
    scheduled_jobs,
    sentry_echoes,
    watermarks,
)
from baken.errors.event import DEFERRED, ERROR_LOG, FAILED_JOBS, FRAPPE_LOG, SCHEDULED_JOBS, SENTRY, WORKER_LOG, Event
from baken.errors.older import Filling
from baken.errors.people import resolve
from baken.errors.sources import Gathered, Read, SourceState, gather
from baken.errors.watermarks import Known
from baken.history.store import Store
from baken.privacy import Pseudonyms
from baken.sites import job_ids
from baken.sites.problems import SiteProblem
from baken.sites.reading import Reading
from baken.sites.site import Site

ROWS_AT_ONCE = 2000
OLDER_AT_ONCE = 300
# Without new errors the store is told at this interval that the sources were read; absent ones are told of less often.
_QUIET = timedelta(seconds=55)
_QUIET_ABSENT = timedelta(minutes=10)
# Older rows are asked for so often; no further ones when the queries for them took so long: about 25 ms a minute.
_OLDER_EVERY = timedelta(seconds=9)
_OLDER_SECONDS = 0.002
# With so many new rows the older ones wait.
_BUSY = 200
_PRUNE_EVERY = 600.0
# A row of a failed job is expected in RQ's registry and in files for so long after those were last read.
_EXPECTED = timedelta(minutes=30)

FURTHER: tuple[tuple[str, Read], ...] = (
    (DEFERRED, deferred.read),
    (FAILED_JOBS, failed_jobs.read),
    (FRAPPE_LOG, log_files.read_frappe_log),
    (WORKER_LOG, log_files.read_worker_log),
    (SCHEDULED_JOBS, scheduled_jobs.read),
)
"""The sources beside the table, and how each is read."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What one step did.

    Attributes:
        rows: errors that were counted.
        new_patterns: ids of patterns that this site had not shown before; those that only older rows show are left out.
        regressed: ids of patterns that were resolved and came back.
        touched: old rows that were met again and not counted.
        behind: there is more to read; the next step goes on.
        until: the moment up to which the table has been read.
        sources: events that each source gave, those included that another source had shown before.
        older: how many of the rows come from before Baken's first look.
    """

    rows: int
    new_patterns: tuple[str, ...]
    regressed: tuple[str, ...]
    touched: int
    behind: bool
    until: datetime
    sources: Mapping[str, int] = field(default_factory=dict)
    older: int = 0


@dataclass(slots=True)
class Step:
    """What one step has read and what it began from."""

    base: Known
    batch: reader.Batch | None = None
    states: list[SourceState] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    older: list[Event] = field(default_factory=list)
    filling: tuple[Filling, datetime] | None = None
    listed: int | None = None
    caught_up: bool = False

    @property
    def behind(self) -> bool:
        """Whether a source has more to read, backfill apart."""
        table = self.batch is not None and self.batch.watermark.behind
        return table or any(state.behind for state in self.states)

    def outrun_by(self, stored: Known) -> set[str]:
        """Sources that this step has read and that another process has read since."""
        read = {state.source for state in self.states}
        read |= {ERROR_LOG} if self.batch is not None else set()
        read |= {watermarks.OLDER} if self.filling is not None else set()
        then, now = self.base.serials(), stored.serials()
        return {source for source in read if then.get(source) != now.get(source)}


def collect(
    reading: Reading, store: Store, now: datetime, pseudonyms: Pseudonyms, *, max_rows: int = ROWS_AT_ONCE
) -> Collected:
    """Read what is new in the sources of the site's errors and store its counts.

    What it costs the site's database is in `reading.seconds`. No transaction of the store is open while the site is
    read.

    Raises:
        SiteProblem: the Error Log cannot be read; the other sources were stored, and the next step begins at the same
            place.
        StoreError: the store cannot be written; nothing was stored.
    """
    site = reading.site
    with store.read() as conn:
        base = watermarks.load_all(conn, site.name)
        grouping = groupings.load(conn, site.name, now)
    step, problem, news = _read(reading, base, now, max_rows)
    if news:
        people = resolve(reading, {event.user for event in (*step.events, *step.older) if event.user}, pseudonyms)
        found = counts.digest(step.events, people, grouping)
        before = counts.digest(step.older, people, grouping)
        with store.write() as conn:
            applied = write(conn, site, step, found, before, now=now)
    batch = step.batch
    if problem is not None or batch is None:
        raise problem or SiteProblem(f"the Error Log of site {site.name} was not read")
    until = batch.watermark.until
    if not news:
        return Collected(0, (), (), batch.late, False, until)
    if applied is None:
        return Collected(0, (), (), batch.late, True, until)
    given = {source: sum(1 for event in step.events if event.source == source) for source, _ in FURTHER}
    given[ERROR_LOG] = len(batch.rows)
    fresh = {each.found.pattern for each in found}
    return Collected(
        applied.rows,
        tuple(name for name in applied.new_patterns if name in fresh),
        applied.regressed,
        batch.late,
        step.behind,
        until,
        {source: count for source, count in given.items() if count},
        len(step.older),
    )


def _read(reading: Reading, base: Known, now: datetime, max_rows: int) -> tuple[Step, SiteProblem | None, bool]:
    """What the sources give, why the table cannot be read, and whether anything has to be stored."""
    step = Step(base)
    # The list comes first: what leaves it between two looks is a row by then.
    gathered: dict[str, tuple[Gathered, SourceState, bool]] = {}
    gathered[DEFERRED] = gather(DEFERRED, deferred.read, reading, base.sources.get(DEFERRED), now)
    problem: SiteProblem | None = None
    try:
        _read_table(reading, step, now, max_rows)
    except SiteProblem as found:
        problem = found
    for source, read in FURTHER[1:]:
        gathered[source] = gather(source, read, reading, base.sources.get(source), now)
    news = bool(step.older) or step.filling is not None
    if step.batch is not None:
        news = news or _has_news(step.batch, base.mark, now)
    rows = step.batch.rows if step.batch else ()
    for source, (found_there, state, changed) in gathered.items():
        step.events += found_there.events
        if source == DEFERRED:
            step.events += rows
            if not state.absent:
                step.listed = sum(state.body.get("rows", ()))
        before = base.sources.get(source)
        quiet = _QUIET_ABSENT if state.absent else _QUIET
        if changed or before is None or not timedelta() <= now - before.read_at < quiet:
            step.states.append(state)
            news = True
    step.caught_up = problem is None and not step.behind
    return step, problem, news


def _read_table(reading: Reading, step: Step, now: datetime, max_rows: int) -> None:
    size = reading.site.settings.optimizer.database.batch_size
    base, filling = step.base, step.base.filling
    step.batch = batch = reader.read_new(reading, base.mark, batch_size=size, now=now, max_rows=max_rows, older=filling)
    if filling is None:
        days = reading.site.settings.analytics.error_analysis.default_days
        floor = (base.mark.floor if base.mark else batch.watermark.floor) or reading.local(batch.watermark.since)
        filling = Filling(min(floor, reading.local(now - timedelta(days=days))), floor)
        step.filling = (filling, batch.watermark.since)
    elif batch.older:
        filling = older.with_met(filling, batch.older)
        step.filling = (filling, _moment(reading, filling.before, batch.watermark.since))
    if filling.finished or base.mark is None or batch.watermark.behind or len(batch.rows) > _BUSY:
        return
    last: datetime | None = reading.site.memory.get("older_read_at")
    if last is not None and timedelta() <= now - last < _OLDER_EVERY:
        return
    reading.site.memory["older_read_at"] = now
    most = min(OLDER_AT_ONCE, max_rows)
    step.older, filling = older.read_older(
        reading, filling, now, batch_size=size, max_rows=most, seconds=_OLDER_SECONDS
    )
    step.filling = (filling, _moment(reading, filling.before, batch.watermark.since))


def _moment(reading: Reading, local: datetime, latest: datetime) -> datetime:
    return min(reading.utc(local) or latest, latest)


def _has_news(batch: reader.Batch, mark: reader.Watermark | None, now: datetime) -> bool:
    if mark is None or batch.rows or batch.late or mark.behind or batch.watermark.behind:
        return True
    # Nothing happened: hundreds of quiet sites need not write that down every few seconds.
    return batch.watermark.looked_back != mark.looked_back or not timedelta() <= now - mark.read_at < _QUIET


def write(
    conn: Connection,
    site: Site,
    step: Step,
    found: Sequence[counts.Occurrence],
    before: Sequence[counts.Occurrence] = (),
    *,
    now: datetime,
) -> counts.Applied | None:
    """Store what a step has read, in the caller's transaction.

    Args:
        conn: a connection that writes.
        site: the site.
        step: what was read.
        found: `step.events`, digested.
        before: `step.older`, digested.
        now: the present moment.

    Returns:
        What came of it; None when a source does not stand any more where the step began: another process has been
        there first, and nothing is stored.
    """
    stored = watermarks.load_all(conn, site.name, lock=True)
    filling = step.filling
    outrun = step.outrun_by(stored)
    if outrun == {watermarks.OLDER} and step.batch is not None and not step.batch.older:
        # `baken errors backfill` reads the older rows at this moment; the new ones need not wait for it.
        before, filling = (), None
    elif outrun:
        return None
    moment, reach = to_ms(now), reach_of(site, stored, now, step.states)
    kept: Sequence[counts.Occurrence] = [*found, *before]
    if reach.content or reach.failure or reach.sent:
        kept = _settle(conn, site.name, kept, reach, step.listed, moment)
        if reach.content and step.caught_up:
            echoes.find_lost(conn, site.name, moment)
        pruned: float = site.memory.get("echoes_pruned", 0.0)
        if time.monotonic() - pruned > _PRUNE_EVERY:
            echoes.prune(conn, site.name, reach, moment)
            sentry_echoes.prune(conn, site.name, moment)
            site.memory["echoes_pruned"] = time.monotonic()
    most = site.settings.errors.max_patterns
    applied = counts.apply(conn, site.name, kept, most_patterns=most, now=moment)
    if filling is not None:
        serial = (step.base.filling.serial if step.base.filling else 0) + 1
        filling = (replace(filling[0], serial=serial), filling[1])
    watermarks.save(
        conn, site.name, mark=step.batch.watermark if step.batch else None, filling=filling, sources=step.states
    )
    return applied


def _settle(
    conn: Connection,
    site: str,
    found: Sequence[counts.Occurrence],
    reach: echoes.Reach,
    listed: int | None,
    moment: int,
) -> Sequence[counts.Occurrence]:
    """Those of `found` that no other source has shown before."""
    known_as = [
        replace(each, event=_as_worker(each.event, site)) if each.event.source == SCHEDULED_JOBS else each
        for each in found
    ]
    own = {id(alias): each for alias, each in zip(known_as, found, strict=True)}
    kept = [own[id(each)] for each in echoes.settle(conn, site, known_as, reach, listed=listed, now=moment)]
    return sentry_echoes.meet(conn, site, kept, moment) if reach.sent else kept


def _as_worker(event: Event, site: str) -> Event:
    """A scheduled job's failure, as echoes know what a worker writes: by the id of the job, which RQ has as well."""
    return replace(event, source=WORKER_LOG, name=job_ids.scheduled(site, event.job or ""))


def reach_of(site: Site, stored: Known, now: datetime, states: Sequence[SourceState] = ()) -> echoes.Reach:
    """Which other sources may show what one source of the site shows; `states`: what this step found of them."""
    jobs = stored.sources.get(FAILED_JOBS)
    since = now
    if site.config.redis_queue:
        since = (jobs.complete_at if jobs else None) or now - failed_jobs.KEPT
    before = stored.sources.get(SCHEDULED_JOBS)
    fresh = next((state for state in states if state.source == SCHEDULED_JOBS), before)
    scheduled = fresh is not None and not fresh.absent
    if scheduled:
        since = min(since, (before.complete_at if before else None) or now - reader.FIRST_READING)
    horizon = max(since.astimezone(UTC) - _EXPECTED, now - failed_jobs.KEPT)
    return echoes.Reach(
        content=bool(site.config.redis_cache),
        failure=bool(site.config.redis_queue) or site.config.bench is not None or scheduled,
        horizon=to_ms(horizon),
        # The one that takes in what is sent may be another Baken with the same store.
        sent=site.settings.incoming.sentry_key is not None or SENTRY in stored.sources,
    )

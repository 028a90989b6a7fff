"""One run: measures what is due on a site, on the host, or on Baken itself. What fails is absent with its reason."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from baken.history.samples import Cycle, Sample
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric, Observation, RunSubject
from baken.privacy import mask, masked_trace
from baken.sites.problems import SiteProblem
from baken.sites.reading import Reading
from baken.sites.site import Site

log = structlog.get_logger(__name__)

ERRORS = "errors"
"""Under this name the history says why the Error Log could not be read."""


@dataclass(slots=True)
class Run:
    """What one run has gathered. `costs` are query seconds per metric."""

    at: datetime
    samples: list[Sample] = field(default_factory=list)
    absences: dict[str, str] = field(default_factory=dict)
    measured: list[str] = field(default_factory=list)
    observations: dict[str, Any] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    query_seconds: float = 0.0
    queries: int = 0
    unreachable: str | None = None

    def cycle(self, site: str, missed: int = 0) -> Cycle:
        """The run in the form in which history keeps it."""
        return Cycle(
            site=site,
            at=self.at,
            samples=self.samples,
            absences=self.absences,
            measured=self.measured,
            observations=self.observations,
            seconds=self.seconds,
            query_seconds=self.query_seconds,
            queries=self.queries,
            ok=self.unreachable is None,
            reason=self.unreachable,
            missed=missed,
        )


def run_site(
    site: Site,
    due: Collection[str],
    now: datetime,
    deadline: float,
    also: Callable[[Reading], None] | None = None,
    *,
    fresh: bool = False,
) -> Run:
    """Measure the metrics and observations of a site that are due.

    Args:
        site: the site.
        due: names of metrics and kinds of observations.
        now: the present moment; all samples carry it.
        deadline: seconds after which nothing more is begun.
        also: reads the site's new errors within the same look; its problem is the absence called `errors`.
        fresh: whether nothing may be used that another run found out a moment ago.
    """
    run = Run(now)
    started = time.perf_counter()
    with site.reading(now, fresh=fresh) as reading:
        for entry in _entries(due):
            if time.perf_counter() - started > deadline:
                _absent(run, entry, f"not measured: the run over the site reached its limit of {deadline:g} s")
                continue
            spent = reading.seconds
            if isinstance(entry, Metric):
                measure(entry, reading, run)
            else:
                _observe(entry, reading, run)
            run.costs[_name(entry)] = reading.seconds - spent
        if also is not None and time.perf_counter() - started <= deadline:
            run.measured.append(ERRORS)
            try:
                also(reading)
            except SiteProblem as problem:
                run.absences[ERRORS] = str(problem)
        # What was measured without the database is no proof that it can be read.
        run.unreachable = str(reading.lost) if reading.lost is not None else None
        run.query_seconds, run.queries = reading.seconds, reading.queries
    run.seconds = time.perf_counter() - started
    return run


def run_subject(subject: Any, metrics: Iterable[Metric], run: Run) -> None:
    """Measure `metrics` on something that is no site, the host or Baken itself, into `run`."""
    started = time.perf_counter()
    for entry in metrics:
        measure(entry, subject, run)
    run.seconds += time.perf_counter() - started


def add_run_metrics(run: Run, *, failures: int, missed: int) -> None:
    """Add what a run over a site tells about itself."""
    subject = RunSubject(run.seconds, run.query_seconds, len(run.absences), failures, missed)
    for entry in catalogue.metrics("run"):
        measure(entry, subject, run)


def measure(entry: Metric, subject: Any, run: Run) -> None:
    """Measure one metric on `subject` into `run`. Its failure is its absence, never that of another metric.

    What a measure gave before it met a problem is kept: some label sets may be there while the absence tells why
    others are not.
    """
    run.measured.append(entry.name)
    try:
        if isinstance(subject, Reading):
            _require(subject, entry.needs)
        for values in entry.measure(subject):
            run.samples.append(_sample(entry, values))
    except SiteProblem as problem:
        run.absences[entry.name] = str(problem)
    except Exception as error:  # noqa: BLE001
        # One measure that trips must not take the other figures with it.
        log.error("measure failed", metric=entry.name, error=masked_trace(error))
        run.absences[entry.name] = f"measuring {entry.name} failed inside Baken: {_named(error)}"


def _observe(entry: Observation, reading: Reading, run: Run) -> None:
    try:
        _require(reading, entry.needs)
        run.observations[entry.kind] = entry.observe(reading)
    except SiteProblem as problem:
        run.absences[entry.kind] = str(problem)
    except Exception as error:  # noqa: BLE001
        log.error("observation failed", kind=entry.kind, error=masked_trace(error))
        run.absences[entry.kind] = f"observing {entry.kind} failed inside Baken: {_named(error)}"
    run.measured.append(entry.kind)


def _named(error: Exception) -> str:
    return mask(f"{type(error).__name__}: {error}")


def _sample(entry: Metric, values: tuple[Any, ...]) -> Sample:
    *labels, value = values
    if len(labels) != len(entry.labels):
        raise ValueError(f"{len(labels)} label values for labels {entry.labels}")
    pairs = sorted(zip(entry.labels, (str(label) for label in labels), strict=True))
    return Sample(entry.name, tuple(pairs), float(value))


def _require(reading: Reading, needs: Mapping[str, tuple[str, ...]]) -> None:
    for doctype, fields in needs.items():
        reading.require(doctype, *fields)


def _entries(due: Collection[str]) -> list[Metric | Observation]:
    metrics: list[Metric | Observation] = [entry for entry in catalogue.metrics("site") if entry.name in due]
    return metrics + [entry for entry in catalogue.observations() if entry.kind in due]


def _name(entry: Metric | Observation) -> str:
    return entry.name if isinstance(entry, Metric) else entry.kind


def _absent(run: Run, entry: Metric | Observation, reason: str) -> None:
    run.measured.append(_name(entry))
    run.absences[_name(entry)] = reason

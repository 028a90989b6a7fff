"""A course of events that somebody made up: what rules see of it at any moment, as they would see a site's history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from baken.alerts import pings
from baken.alerts.matchers import match
from baken.alerts.pings import Heard, Schedule, Signal
from baken.alerts.rule import Measured, SeenCheck, SeenFinding, SeenPattern
from baken.alerts.view import NEVER, NEW_WITHIN, seen_check
from baken.alerts.windows import Hours
from baken.clock import to_ms
from baken.history.samples import Latest, Points

GONE = "stale"
"""In place of a value: the metric was measured, and this label set was not there any more."""


@dataclass(frozen=True, slots=True)
class Series:
    """A label set of a metric: `values[i]` at `begins + i * every`; None: not measured then; GONE: no longer there."""

    metric: str
    labels: Mapping[str, str]
    begins: datetime
    every: timedelta
    values: Sequence[float | str | None]

    def until(self, now: datetime) -> list[tuple[datetime, float | str]]:
        """What was measured up to `now`, included."""
        if now < self.begins:
            return []
        count = min(len(self.values), (now - self.begins) // self.every + 1)
        found = ((self.begins + place * self.every, self.values[place]) for place in range(count))
        return [(at, value) for at, value in found if value is not None]


@dataclass(frozen=True, slots=True)
class Absent:
    """A time in which a metric could not be measured, with the reason."""

    metric: str
    begins: datetime
    ends: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Appearance:
    """What is known of a pattern of errors from `at` on, and whether its change came about then."""

    at: datetime
    pattern: SeenPattern
    news: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A job that reports by pings: what is set about it, and when it says what (signal and exit code)."""

    name: str
    schedule: Schedule
    grace: timedelta
    begins: datetime
    pings: list[tuple[datetime, Signal, int | None]] = field(default_factory=list)

    def heard(self, now: datetime) -> Heard:
        """What is remembered of its pings at a moment."""
        heard = Heard(self.begins)
        for at, signal, code in sorted(self.pings, key=lambda ping: ping[0]):
            if at <= now:
                heard, _ = pings.take(heard, signal, at, code)
        return heard


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that happens on one site (or the host, under the empty name)."""

    series: list[Series] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    patterns: list[Appearance] = field(default_factory=list)
    findings: list[tuple[datetime, SeenFinding]] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CourseView:
    """A `rule.View` on a course at one moment. `told` are the patterns that have an open alert, or had one.

    Of each of those it is known whether the alert is open, and since when its news was told.
    """

    site: str
    now: datetime
    course: Course
    at_night: Hours
    zone: str
    told: Mapping[str, tuple[bool, datetime]]

    @property
    def night(self) -> bool:
        """Whether the night limits apply."""
        return self.at_night.open_at(self.now, self.zone)

    def measured(self, metric: str) -> Measured:
        """What is known of a metric, as the store would have it."""
        lines = [(series, series.until(self.now)) for series in self.course.series if series.metric == metric]
        away = [each for each in self.course.absent if each.metric == metric]
        seen = [(series, [each for each in line if not _away(each[0], away)]) for series, line in lines]
        at = max((line[-1][0] for _, line in seen if line), default=None)
        found = [
            Latest(metric, dict(series.labels), line[-1][0], float(line[-1][1]), *_before(line))
            for series, line in seen
            # A label set that did not come with the last measurement is gone.
            if line and line[-1][0] == at and line[-1][1] != GONE
        ]
        reason = next((each.reason for each in away if each.begins <= self.now < each.ends), None)
        return Measured(found, reason or (NEVER if at is None else None), at)

    def past(self, metric: str, since: datetime, labels: Mapping[str, str] | None = None) -> list[Points]:
        """The samples of a metric's series from `since` to now."""
        found = []
        away = [each for each in self.course.absent if each.metric == metric]
        for series in self.course.series:
            if series.metric == metric and match(labels or {}, series.labels):
                line = [
                    (to_ms(at), float(value))
                    for at, value in series.until(self.now)
                    if at >= since and value != GONE and not _away(at, away)
                ]
                if line:
                    found.append(Points(dict(series.labels), [at for at, _ in line], [value for _, value in line]))
        return found

    def patterns(self) -> Iterable[SeenPattern]:
        """Patterns that are news or have an open alert."""
        news: dict[str, SeenPattern] = {}
        changed: dict[str, datetime] = {}
        for each in sorted(self.course.patterns, key=lambda appearance: appearance.at):
            if each.at <= self.now:
                news[each.pattern.id] = each.pattern
                if each.news:
                    changed[each.pattern.id] = each.at
        for name, pattern in news.items():
            is_open, since = self.told.get(name, (False, None))
            moment = changed.get(name)
            old = moment is None or self.now - moment > NEW_WITHIN or (since is not None and since >= moment)
            if is_open or old:
                pattern = replace(pattern, change="")
            if pattern.change or is_open:
                yield pattern

    def findings(self) -> Iterable[SeenFinding]:
        """What was found up to now, each as it was last."""
        found: dict[tuple[str, str, str | None], SeenFinding] = {}
        for at, finding in self.course.findings:
            if at <= self.now:
                found[finding.kind, finding.name, finding.pattern] = finding
        return found.values()

    def pings(self) -> Iterable[SeenCheck]:
        """The jobs that report by pings, as they stand."""
        for job in self.course.jobs.values():
            heard = job.heard(self.now)
            schedule = replace(job.schedule, zone=job.schedule.zone or self.zone)
            yield seen_check(job.name, heard, pings.standing(heard, schedule, job.grace, self.now))


def _away(at: datetime, absent: Iterable[Absent]) -> bool:
    return any(each.begins <= at < each.ends for each in absent)


def _before(line: Sequence[tuple[datetime, float | str]]) -> tuple[datetime | None, float | None]:
    if len(line) < 2 or line[-2][1] == GONE:
        return None, None
    return line[-2][0], float(line[-2][1])

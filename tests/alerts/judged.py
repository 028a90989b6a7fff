"""What tests of conditions share: a condition from a line of TOML, and a view of figures that a test makes up."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from baken.alerts import kinds, toml_lines
from baken.alerts.kinds import Judge
from baken.alerts.matchers import match
from baken.alerts.rule import Measured, SeenCheck, SeenFinding, SeenPattern, Verdict
from baken.alerts.rule_table import Problem, RuleTable
from baken.clock import to_ms
from baken.history.samples import Latest, Points

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def table(text: str, problems: list[Problem]) -> RuleTable:
    """The table that `text` is."""
    lines = toml_lines.lines(text)
    return RuleTable("R", tomllib.loads(text), (), lambda path: ("test.toml", lines.get(tuple(path), 0)), problems)


def condition(kind: str, text: str) -> Judge:
    """The condition of a kind; the text has to be without problems."""
    problems: list[Problem] = []
    found = kinds.kind(kind).parse(table(text, problems))
    assert not problems, problems
    assert found is not None
    return found


def problems_of(kind: str, text: str) -> list[str]:
    """What is wrong with the text of a condition."""
    problems: list[Problem] = []
    kinds.kind(kind).parse(table(text, problems))
    return [problem.text for problem in problems]


@dataclass
class MadeView:
    """A view of what the test put in. `figures` are (metric, labels, value, minutes ago)."""

    site: str = "vereniging.example"
    now: datetime = NOW
    night: bool = False
    latest: dict[str, list[Latest]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    at: dict[str, datetime] = field(default_factory=dict)
    courses: dict[str, list[Points]] = field(default_factory=dict)
    seen: list[SeenPattern] = field(default_factory=list)
    found: list[SeenFinding] = field(default_factory=list)
    jobs: list[SeenCheck] = field(default_factory=list)

    def put(self, metric: str, value: float, ago: timedelta = timedelta(), /, **labels: str) -> "MadeView":
        """Add the last figure of a label set."""
        at = self.now - ago
        before = at - MINUTE
        self.latest.setdefault(metric, []).append(Latest(metric, labels, at, value, before, value))
        self.at[metric] = max(at, self.at.get(metric, at))
        return self

    def past_of(self, metric: str, values: Iterable[float], every: timedelta = MINUTE, /, **labels: str) -> "MadeView":
        """Add a course that ends now, and its last value as the present figure."""
        line = list(values)
        moments = [to_ms(self.now - every * (len(line) - 1 - place)) for place in range(len(line))]
        self.courses.setdefault(metric, []).append(Points(labels, moments, line))
        return self.put(metric, line[-1], **labels)

    def measured(self, metric: str) -> Measured:
        """What was put in."""
        at = self.at.get(metric)
        reason = self.reasons.get(metric) or ("not measured yet" if at is None else None)
        return Measured(self.latest.get(metric, []), reason, at)

    def past(self, metric: str, since: datetime, labels: Mapping[str, str] | None = None) -> list[Points]:
        """The courses from `since` on."""
        found = []
        for points in self.courses.get(metric, []):
            kept = [place for place, at in enumerate(points.at) if at >= to_ms(since)]
            if match(labels or {}, points.labels) and kept:
                at, value = [points.at[place] for place in kept], [points.value[place] for place in kept]
                found.append(Points(points.labels, at, value))
        return found

    def patterns(self) -> Iterable[SeenPattern]:
        """The patterns."""
        return self.seen

    def findings(self) -> Iterable[SeenFinding]:
        """The findings."""
        return self.found

    def pings(self) -> Iterable[SeenCheck]:
        """The jobs that report by pings."""
        return self.jobs


def verdicts(found: Judge, view: MadeView) -> dict[str, Verdict]:
    """Verdicts by their labels, written as `queue=long`."""
    listed = list(found.judge(view))
    named = {", ".join(f"{name}={value}" for name, value in each.labels.items()): each for each in listed}
    assert len(named) == len(listed), "two verdicts about one label set"
    return named


def one(found: Judge, view: MadeView) -> Verdict:
    """The only verdict."""
    (only,) = verdicts(found, view).values()
    return only


def said(verdict: Verdict) -> tuple[Any, bool]:
    """Breach and recovered."""
    return verdict.breach, verdict.recovered

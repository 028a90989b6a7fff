"""The figures of a metric that a rule judges: which label sets, how old, and why there is none.

No data is not OK: a figure that is too old, or that could not be measured this time, is none, and the reason says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from baken.alerts import spans
from baken.alerts.matchers import match
from baken.alerts.rule import Measured, View
from baken.alerts.rule_table import Key, RuleTable, nearest
from baken.history.samples import Latest
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

LEAST_AGE = timedelta(minutes=5)
"""No figure is too old before that."""

MISSED = 3
"""A figure is too old when it was missed so often."""

STRETCHED = 60
"""A metric that costs a site too much is read less often than it should be, but never less than so many times."""

# What is counted by groups has none where a group does not occur; of these an absent figure is no zero.
NOT_COUNTED = ("seconds", "bytes", "ratio", "bool", "days")

KEYS: Mapping[str, Key] = {
    "metric": Key("text", "Name of the metric."),
    "match": Key("table", 'Which label sets: `{ queue = "long", state = "!failed", mount = "~/srv.*" }`.'),
    "by": Key("list of texts", "Labels to tell apart; what else differs is added up. Otherwise: every label set."),
    "sum": Key("true or false", "Whether all label sets are added up into one figure."),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, or the `reason` for none."""

    labels: Mapping[str, str]
    value: float | None
    at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A metric with matchers. `by` are the labels that are told apart; None: all."""

    metric: Metric
    match: Mapping[str, str]
    by: tuple[str, ...] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels that its figures have."""
        return self.metric.labels if self.by is None else self.by

    def applies(self, view: View) -> bool:
        """Whether the metric is one of what the view shows: a site, or the host and Baken itself."""
        return (self.metric.scope in ("host", "monitor")) == (view.site == "")

    def __str__(self) -> str:
        pairs = ", ".join(f"{label}={wanted}" for label, wanted in self.match.items())
        inner = f"{self.metric.name}{{{pairs}}}" if pairs else self.metric.name
        if self.by is None:
            return inner
        return f"sum({inner})" + (f" by {', '.join(self.by)}" if self.by else "")

    def figures(self, view: View) -> list[Figure]:
        """What is known at this moment, a figure for each label set."""
        if not self.applies(view):
            return []
        found = list(self._each(view.measured(self.metric.name), view.now))
        return found if self.by is None else self._added(found)

    def _each(self, measured: Measured, now: datetime) -> Iterator[Figure]:
        wanted = [sample for sample in measured.samples if match(self.match, sample.labels)]
        for sample in wanted:
            reason = self._unusable(sample, measured, now)
            yield Figure(sample.labels, None if reason else sample.value, sample.at, reason)
        if wanted:
            return
        labels = self._pinned()
        if measured.reason is not None:
            yield Figure(labels or {}, None, measured.at, measured.reason)
        elif measured.at is None:
            yield Figure(labels or {}, None, None, "it was not measured yet")
        elif now - measured.at > self._patience():
            yield Figure(labels or {}, None, measured.at, self._old(measured.at, now))
        elif self.metric.unit in NOT_COUNTED or not self.metric.labels:
            if labels is not None or not self.metric.labels:
                yield Figure(labels or {}, None, measured.at, "it was measured, but there was no figure")
        elif labels is not None or self.by == ():
            # The groups were counted, and this one was not among them.
            yield Figure(labels or {}, 0.0, measured.at, None)

    def _pinned(self) -> dict[str, str] | None:
        """The one label set that the matchers name; None where they leave several open."""
        exact = {label: wanted for label, wanted in self.match.items() if wanted[:1] not in ("!", "~")}
        return exact if set(exact) == set(self.metric.labels) else None

    def _unusable(self, sample: Latest, measured: Measured, now: datetime) -> str | None:
        if measured.reason is not None:
            # Some label sets may be there while the reason tells why others are not. They are newer than the last
            # time that all were measured.
            partly = measured.at is None or sample.at > measured.at
            if not partly or now - sample.at > 2 * self.metric.every:
                return measured.reason
        return self._old(sample.at, now) if now - sample.at > self._patience(sample) else None

    def _patience(self, sample: Latest | None = None) -> timedelta:
        every = self.metric.every
        if sample is not None and sample.previous_at is not None:
            rhythm = sample.at - sample.previous_at
            if every < rhythm <= STRETCHED * every:
                every = rhythm
        return max(MISSED * every, LEAST_AGE)

    def _old(self, at: datetime, now: datetime) -> str:
        return f"it was last measured {spans.short(now - at)} ago, and should be every {spans.short(self.metric.every)}"

    def _added(self, found: list[Figure]) -> list[Figure]:
        groups: dict[tuple[str, ...], list[Figure]] = {}
        for figure in found:
            groups.setdefault(tuple(figure.labels.get(label, "") for label in self.by or ()), []).append(figure)
        return [
            Figure(
                dict(zip(self.by or (), values, strict=True)),
                None if any(each.value is None for each in some) else sum(each.value or 0.0 for each in some),
                min((each.at for each in some if each.at is not None), default=None),
                # A sum of which a part is not known is not known.
                next((each.reason for each in some if each.value is None), None),
            )
            for values, some in groups.items()
        ]


def read(table: RuleTable, *, single: bool = False) -> Source | None:
    """The metric of a rule's table, or of its part `of`; None, with the problem noted, where it cannot be used.

    `single` says that figures are not told apart unless `by` does so.
    """
    name = table.text("metric")
    if not name:
        if "metric" not in table:
            table.problem("metric is missing: which figure is to be judged?")
        return None
    entry = catalogue.get(name)
    if entry is None:
        known = [each.name for each in catalogue.metrics()]
        table.problem(f"there is no metric {name}{nearest(name, known)}", "metric")
        return None
    found = table.matchers("match", entry.labels, f"metric {name}")
    by: tuple[str, ...] | None = None
    if "by" in table:
        by = tuple(table.names("by"))
        for label in by:
            if label not in entry.labels:
                table.problem(f"metric {name} has no label {label}{nearest(label, entry.labels)}", "by")
    if table.flag("sum", default=False) or (single and by is None):
        if by:
            table.problem("sum and by exclude each other: give one of them", "sum")
        by = ()
    return Source(entry, found, by)

"""A figure beyond a limit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from baken.alerts import figures, limits
from baken.alerts.figures import Source
from baken.alerts.limits import Limits
from baken.alerts.rule import Verdict, View
from baken.alerts.rule_table import Key, RuleTable

KEYS: Mapping[str, Key] = {**figures.KEYS, **limits.KEYS}
MOMENTARY = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """Holds where a figure of `source` is beyond `limits`."""

    source: Source
    limits: Limits

    @property
    def metrics(self) -> frozenset[str]:
        """The metric that is judged."""
        return frozenset({self.source.metric.name})

    @property
    def every(self) -> timedelta | None:
        """Cheap: whenever there is news."""
        return None

    @property
    def words(self) -> str:
        """`frappe_errors{window=1h} > 10`."""
        return f"{self.source} {self.limits}"

    @property
    def unit(self) -> str:
        """The metric's."""
        return self.source.metric.unit

    @property
    def fields(self) -> frozenset[str]:
        """Value, limit and labels."""
        return frozenset({"value", "limit", *self.source.labels})

    @property
    def match(self) -> Mapping[str, str]:
        """The matchers of the metric."""
        return self.source.match

    def judge(self, view: View) -> Iterable[Verdict]:
        """A verdict for each label set."""
        limit = self.limits.at(view.night).figure
        for figure in self.source.figures(view):
            if figure.value is None:
                yield Verdict(figure.labels, None, limit=limit, at=figure.at, reason=figure.reason)
                continue
            breach, recovered = self.limits.judge(figure.value, view.night)
            yield Verdict(figure.labels, breach, recovered, figure.value, limit, figure.at)


def parse(table: RuleTable) -> Threshold | None:
    """The condition of a rule's table."""
    source, beyond = figures.read(table), limits.read(table)
    return Threshold(source, beyond) if source is not None and beyond is not None else None

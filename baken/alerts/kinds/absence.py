"""Figures that were there and come no more: alerts on silence, not on messages of failure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from baken.alerts import figures, spans
from baken.alerts.figures import Source
from baken.alerts.matchers import match
from baken.alerts.rule import Verdict, View
from baken.alerts.rule_table import Key, RuleTable

KEYS: Mapping[str, Key] = {
    "metric": figures.KEYS["metric"],
    "match": figures.KEYS["match"],
    "older_than": Key("length of time", "Fires when there has been no figure for longer than this."),
}
MOMENTARY = False


@dataclass(frozen=True, slots=True)
class Gone:
    """Holds where the last figure of `source` is older than `older_than`. What never had a figure is not judged."""

    source: Source
    older_than: timedelta

    @property
    def metrics(self) -> frozenset[str]:
        """The metric whose figures are missed."""
        return frozenset({self.source.metric.name})

    @property
    def every(self) -> timedelta | None:
        """Cheap; it has to be looked at without news, too."""
        return None

    @property
    def words(self) -> str:
        """`no frappe_backup_age_seconds for 6h`."""
        return f"no {self.source} for {spans.short(self.older_than)}"

    @property
    def unit(self) -> str:
        """The age of the last figure."""
        return "seconds"

    @property
    def fields(self) -> frozenset[str]:
        """Age and limit, and `why`: the reason that was given last."""
        return frozenset({"value", "limit", "why"})

    @property
    def match(self) -> Mapping[str, str]:
        """The matchers of the metric."""
        return self.source.match

    def judge(self, view: View) -> Iterable[Verdict]:
        """One verdict, or none for what never had a figure."""
        if not self.source.applies(view):
            return
        measured = view.measured(self.source.metric.name)
        moments = [sample.at for sample in measured.samples if match(self.source.match, sample.labels)]
        if measured.at is not None and (not self.source.match or not moments):
            moments.append(measured.at)
        if not moments:
            return
        age, limit = (view.now - max(moments)).total_seconds(), self.older_than.total_seconds()
        gone = age > limit
        yield Verdict({}, gone, not gone, age, limit, max(moments), fields={"why": measured.reason or ""})


def parse(table: RuleTable) -> Gone | None:
    """The condition of a rule's table."""
    source, older = figures.read(table), table.span("older_than")
    if older is None and "older_than" not in table:
        table.problem('older_than is missing: for how long has there to be no figure? Such as "15m"')
    if source is None or older is None:
        return None
    least = max(3 * source.metric.every, figures.LEAST_AGE)
    if older < least:
        # An hourly figure is an hour old most of the time.
        table.problem(f"older_than has to be {spans.short(least)} at least: so often is {source.metric.name} measured,"
                      " with room for two misses", "older_than")  # fmt: skip
        return None
    return Gone(source, older)

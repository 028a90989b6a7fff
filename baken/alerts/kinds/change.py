"""A figure against what it was before: by how much it grew, or by how much it differs.

`increase` adds up what came since (of a counter, whose restarts are taken into account); `difference` and `percent`
hold the present figure against the value at the beginning of the time, or against the median, mean or maximum of it.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from baken.alerts import figures, limits, spans
from baken.alerts.figures import Figure, Source
from baken.alerts.limits import Limits
from baken.alerts.rule import Verdict, View
from baken.alerts.rule_table import Key, RuleTable
from baken.clock import from_ms
from baken.history.samples import Points

WAYS = ("increase", "difference", "percent")
AGAINST = ("value", "median", "mean", "max")

KEYS: Mapping[str, Key] = {
    "metric": figures.KEYS["metric"],
    "match": figures.KEYS["match"],
    **limits.KEYS,
    "over": Key("length of time", "Over what time it is looked back."),
    "as": Key(f"one of {', '.join(WAYS)}", "What is held against the limit; percent: -30 is a loss of 30 %."),
    "against": Key(f"one of {', '.join(AGAINST)}", "What the present figure is held against. Otherwise value."),
    "history": Key("length of time", "So far back there have to be figures to judge by. Otherwise half of `over`."),
}
MOMENTARY = False

_HOUR = timedelta(hours=1)
_LOOKS = 60


@dataclass(frozen=True, slots=True)
class Change:
    """Holds where the change of a figure over `over` is beyond `limits`."""

    source: Source
    limits: Limits
    over: timedelta
    way: str
    against: str
    history: timedelta

    @property
    def metrics(self) -> frozenset[str]:
        """The metric that is judged."""
        return frozenset({self.source.metric.name})

    @property
    def every(self) -> timedelta | None:
        """A long past is costly to read, and changes slowly."""
        return min(_HOUR, self.over / _LOOKS) if self.over > _HOUR else None

    @property
    def words(self) -> str:
        """`increase of database_deadlocks_total over 1h > 10`."""
        what = self.way if self.way == "increase" else f"{self.way} against the {self.against}"
        return f"{what} of {self.source} over {spans.short(self.over)} {self.limits}"

    @property
    def unit(self) -> str:
        """The metric's, or percent."""
        return "percent" if self.way == "percent" else self.source.metric.unit

    @property
    def fields(self) -> frozenset[str]:
        """Value, limit, labels, and `over`."""
        return frozenset({"value", "limit", "over", *self.source.labels})

    @property
    def match(self) -> Mapping[str, str]:
        """The matchers of the metric."""
        return self.source.match

    def judge(self, view: View) -> Iterable[Verdict]:
        """A verdict for each label set."""
        limit = self.limits.at(view.night).figure
        present = self.source.figures(view)
        known = [figure for figure in present if figure.value is not None]
        past = {}
        if known:
            name, since = self.source.metric.name, view.now - self.over
            past = {_key(points.labels): points for points in view.past(name, since, _exact(self.source))}
        for figure in present:
            if figure.value is None:
                yield Verdict(figure.labels, None, limit=limit, at=figure.at, reason=figure.reason)
            else:
                yield self._judge(view, figure, figure.value, past.get(_key(figure.labels)), limit)

    def _judge(self, view: View, figure: Figure, value: float, points: Points | None, limit: float) -> Verdict:
        changed, missing = self._changed(value, points)
        known_for = view.now - from_ms(points.at[0]) if points is not None and points.at else timedelta()
        short = known_for < self.history
        # What grew by too much within a part of the time did so within all of it.
        enough = self.way == "increase" and self.limits.at(view.night).how in ("above", "at_least")
        if changed is not None and short and enough and self.limits.at(view.night).holds(changed):
            short = False
        if changed is None or short:
            told = f"there are figures of {spans.short(known_for)} only, of {spans.short(self.history)} are needed"
            return Verdict(figure.labels, None, limit=limit, at=figure.at, reason=missing if not short else told)
        breach, recovered = self.limits.judge(changed, view.night)
        fields = {"over": self.over}
        return Verdict(figure.labels, breach, recovered, changed, limit, figure.at, fields=fields)

    def _changed(self, value: float, points: Points | None) -> tuple[float | None, str]:
        """The change, or None with the reason."""
        # The newest point is the present figure, or the step of which it is the end.
        earlier = points.value[:-1] if points is not None else []
        if not earlier:
            return None, "there is no earlier figure yet"
        if self.way == "increase":
            return increase([*earlier, value], resets=self.source.metric.kind == "counter"), ""
        base = _base(self.against, earlier)
        if self.way == "difference":
            return value - base, ""
        if base == 0:
            return None, "it was 0 before, of which nothing is a percentage"
        return (value - base) / abs(base) * 100, ""


def increase(values: Sequence[float], *, resets: bool) -> float:
    """By how much `values` grew from the first to the last.

    With `resets` they are those of a counter: where it falls it began anew at 0, and what it shows is what came since.
    """
    if not resets:
        return values[-1] - values[0] if values else 0.0
    grown = 0.0
    for before, after in pairwise(values):
        grown += after - before if after >= before else after
    return grown


def _base(against: str, earlier: Sequence[float]) -> float:
    match against:
        case "median":
            return statistics.median(earlier)
        case "mean":
            return statistics.fmean(earlier)
        case "max":
            return max(earlier)
        case _:
            return earlier[0]


def _key(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _exact(source: Source) -> dict[str, str]:
    return {label: wanted for label, wanted in source.match.items() if wanted[:1] not in ("!", "~")}


def parse(table: RuleTable) -> Change | None:
    """The condition of a rule's table."""
    source, beyond = figures.read(table), limits.read(table)
    over, way = table.span("over"), table.choice("as", WAYS)
    against = table.choice("against", AGAINST, "value") or "value"
    if over is None and "over" not in table:
        table.problem('over is missing: over what time? Such as "1h"')
    if way is None and "as" not in table:
        table.problem(f"as is missing: give one of {', '.join(WAYS)}")
    if way == "increase" and "against" in table:
        table.problem('against means nothing for as = "increase": that is what came since the beginning', "against")
    if source is None or beyond is None or over is None or way is None:
        return None
    history = table.span("history", over / 2) or over / 2
    if history > over:
        table.problem("history is longer than over", "history")
        return None
    if over < 3 * source.metric.every:
        table.problem(f"over is too short: {source.metric.name} is measured every "
                      f"{spans.short(source.metric.every)}", "over")  # fmt: skip
        return None
    return Change(source, beyond, over, way, against, history)

"""A part of a whole beyond a limit: 7 of 40 direct debits failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from baken.alerts import figures, limits
from baken.alerts.figures import Source
from baken.alerts.limits import Limits
from baken.alerts.rule import Verdict, View
from baken.alerts.rule_table import Key, RuleTable

KEYS: Mapping[str, Key] = {
    **{name: key for name, key in figures.KEYS.items() if name != "sum"},
    **limits.KEYS,
    "of": Key("table", 'The whole: `{ metric = "sepa_collections", match = { result = "!Pending" } }`.'),
    "least_of": Key("number", "Below so large a whole nothing is judged: one of two is no half. Otherwise 10."),
}
MOMENTARY = False
_LEAST = 10.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """Holds where the share of `part` in `whole` (0 to 1) is beyond `limits`, if the whole is at least `least`."""

    part: Source
    whole: Source
    least: float
    limits: Limits

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics of part and whole."""
        return frozenset({self.part.metric.name, self.whole.metric.name})

    @property
    def every(self) -> timedelta | None:
        """Cheap: whenever there is news."""
        return None

    @property
    def words(self) -> str:
        """`sum(sepa_collections{result=Failed}) / sum(sepa_collections) > 0.1`."""
        return f"{self.part} / {self.whole} {self.limits}"

    @property
    def unit(self) -> str:
        """A ratio."""
        return "ratio"

    @property
    def fields(self) -> frozenset[str]:
        """Value, limit, labels, and `part` and `whole` as numbers."""
        return frozenset({"value", "limit", "part", "whole", *self.part.labels})

    @property
    def match(self) -> Mapping[str, str]:
        """The matchers of the part."""
        return self.part.match

    def judge(self, view: View) -> Iterable[Verdict]:
        """A verdict for each label set of the whole."""
        limit = self.limits.at(view.night).figure
        parts = {tuple(sorted(figure.labels.items())): figure for figure in self.part.figures(view)}
        for whole in self.whole.figures(view):
            part = parts.get(tuple(sorted(whole.labels.items())))
            if whole.value is None or (part is not None and part.value is None):
                reason = whole.reason if whole.value is None else part.reason if part is not None else None
                yield Verdict(whole.labels, None, limit=limit, at=whole.at, reason=reason)
                continue
            some = part.value if part is not None and part.value is not None else 0.0
            if whole.value < self.least or whole.value == 0:
                # Too few to tell that it is bad, and too few to tell that it is over, unless there is nothing left.
                yield Verdict(whole.labels, breach=False, recovered=whole.value == 0, limit=limit, at=whole.at)
                continue
            value = some / whole.value
            breach, recovered = self.limits.judge(value, view.night)
            fields = {"part": some, "whole": whole.value}
            yield Verdict(whole.labels, breach, recovered, value, limit, whole.at, fields=fields)


def parse(table: RuleTable) -> Ratio | None:
    """The condition of a rule's table."""
    part, beyond = figures.read(table, single=True), limits.read(table)
    of, whole = table.table("of"), None
    if of is None:
        if "of" not in table:
            table.problem("of is missing: of what whole is it a part?")
    else:
        of.refuse_unknown(("metric", "match"))
        whole = figures.read(of, single=True)
    least = table.number("least_of")
    if part is None or whole is None or beyond is None:
        return None
    if part.by and any(label not in whole.metric.labels for label in part.by):
        table.problem(f"metric {whole.metric.name} cannot be told apart by {', '.join(part.by)}", "by")
        return None
    same = ("host", "monitor")
    if (part.metric.scope in same) != (whole.metric.scope in same):
        table.problem(f"{part.metric.name} and {whole.metric.name} are not measured on the same thing", "of")
        return None
    return Ratio(part, Source(whole.metric, whole.match, part.by), _LEAST if least is None else least, beyond)

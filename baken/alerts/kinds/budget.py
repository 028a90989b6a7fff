"""An error budget that is used up too fast, over a long and a short time at once.

An objective of 0.995 leaves half a percent of bad samples. The burn rate says how many times faster than that bad
samples come. A pair of times fires when both burn faster than its factor: the long one says that it matters, the short
one that it is going on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from baken.alerts import figures, limits, spans, words
from baken.alerts.figures import Figure, Source
from baken.alerts.limits import Limit
from baken.alerts.rule import Verdict, View
from baken.alerts.rule_table import LANGUAGES, Key, RuleTable
from baken.clock import to_ms
from baken.history.samples import Points

KEYS: Mapping[str, Key] = {
    "metric": figures.KEYS["metric"],
    "match": figures.KEYS["match"],
    "bad": Key("table", "Which samples are bad: `{ below = 1 }`."),
    "objective": Key("number", "Share of the samples that is to be good: 0.995."),
    "windows": Key("list", 'Pairs with their factor: `[["1h", "5m", 14.4], ["6h", "30m", 6]]`.'),
}
MOMENTARY = False

_LONGEST = timedelta(hours=6)
"""So far back a view gives every single sample."""


@dataclass(frozen=True, slots=True)
class Window:
    """A pair of times that fires when the budget burns `factor` times too fast in both."""

    long: timedelta
    short: timedelta
    factor: float


@dataclass(frozen=True, slots=True)
class Budget:
    """Holds where bad samples use up what `objective` leaves too fast."""

    source: Source
    bad: Limit
    objective: float
    windows: tuple[Window, ...]

    @property
    def metrics(self) -> frozenset[str]:
        """The metric whose samples are counted."""
        return frozenset({self.source.metric.name})

    @property
    def every(self) -> timedelta | None:
        """Half of the shortest time: reading the past costs something."""
        return min(window.short for window in self.windows) / 2

    @property
    def words(self) -> str:
        """`frappe_site_up < 1 burns what 99.5 % leaves ≥ 14.4 times too fast over 1h and 5m`."""
        pairs = " or ".join(
            f"≥ {window.factor:g} times too fast over {spans.short(window.long)} and {spans.short(window.short)}"
            for window in self.windows
        )
        return f"{self.source} {self.bad} burns what {self.objective * 100:g} % leaves {pairs}"

    @property
    def unit(self) -> str:
        """How many times too fast."""
        return "times"

    @property
    def fields(self) -> frozenset[str]:
        """Value, limit, labels, and the `objective`."""
        return frozenset({"value", "limit", "objective", *self.source.labels})

    @property
    def match(self) -> Mapping[str, str]:
        """The matchers of the metric."""
        return self.source.match

    def judge(self, view: View) -> Iterable[Verdict]:
        """A verdict for each label set."""
        present = self.source.figures(view)
        past: dict[tuple[tuple[str, str], ...], Points] = {}
        if any(figure.value is not None for figure in present):
            longest = max(window.long for window in self.windows)
            lines = view.past(self.source.metric.name, view.now - longest)
            past = {tuple(sorted(points.labels.items())): points for points in lines}
        for figure in present:
            yield self._judge(view.now, figure, past.get(tuple(sorted(figure.labels.items()))))

    def _judge(self, now: datetime, figure: Figure, points: Points | None) -> Verdict:
        fields = {"objective": {name: f"{words.number(self.objective * 100, name, 4)} %" for name in LANGUAGES}}
        limit = self.windows[0].factor
        if figure.value is None or points is None:
            reason = figure.reason or "there are no earlier figures"
            return Verdict(figure.labels, None, limit=limit, at=figure.at, reason=reason, fields=fields)
        rates: list[tuple[float, Window]] = []
        going_on = False
        for window in self.windows:
            short, long = self._burn(now, points, window.short), self._burn(now, points, window.long)
            going_on = going_on or (short is not None and short >= window.factor)
            if short is not None and long is not None:
                rates.append((min(short, long), window))
        if not rates:
            reason = f"there are figures of less than half of {spans.short(self.windows[0].long)}"
            return Verdict(figure.labels, None, limit=limit, at=figure.at, reason=reason, fields=fields)
        worst, which = max(rates, key=lambda pair: pair[0] / pair[1].factor)
        breach = worst >= which.factor
        return Verdict(
            figure.labels, breach, not breach and not going_on, worst, which.factor, figure.at, fields=fields
        )

    def _burn(self, now: datetime, points: Points, window: timedelta) -> float | None:
        """How many times too fast the budget burns over a time; None when less than half of its samples are there."""
        since = to_ms(now - window)
        values = [value for at, value in zip(points.at, points.value, strict=True) if at > since]
        if len(values) < max(1.0, window / self.source.metric.every / 2):
            return None
        return sum(map(self.bad.holds, values)) / len(values) / (1 - self.objective)


def parse(table: RuleTable) -> Budget | None:
    """The condition of a rule's table."""
    source, bad = figures.read(table), table.table("bad")
    which: Limit | None = None
    if bad is not None:
        bad.refuse_unknown(limits.NAMES)
        which = limits.read_one(bad, required=True)
    elif "bad" not in table:
        table.problem("bad is missing: which samples are bad? Such as { below = 1 }")
    objective = table.number("objective")
    if objective is None:
        if "objective" not in table:
            table.problem("objective is missing: what share is to be good? Such as 0.995")
    elif not 0 < objective < 1:
        table.problem("objective has to lie between 0 and 1, such as 0.995", "objective")
        objective = None
    windows = _windows(table, source)
    if source is None or which is None or objective is None or not windows:
        return None
    return Budget(source, which, objective, windows)


def _windows(table: RuleTable, source: Source | None) -> tuple[Window, ...]:
    given = table.values.get("windows")
    if not isinstance(given, list) or not given:
        table.problem('windows has to be a list such as [["1h", "5m", 14.4], ["6h", "30m", 6]]', "windows")
        return ()
    found = []
    for number, each in enumerate(given):
        try:
            long, short, factor = each
            window = Window(spans.parse(long), spans.parse(short), float(factor))
        except (TypeError, ValueError, AttributeError):
            table.problem(f'windows: {each!r} is no pair of times with a factor, such as ["1h", "5m", 14.4]',
                          "windows", str(number))  # fmt: skip
            continue
        if window.short >= window.long or window.factor <= 0:
            table.problem("windows: the long time comes first, and the factor is above 0", "windows", str(number))
        elif window.long > _LONGEST:
            table.problem(f"windows: {spans.short(window.long)} is too long: samples are counted one by one, up to "
                          f"{spans.short(_LONGEST)}", "windows", str(number))  # fmt: skip
        elif source is not None and window.short < 2 * source.metric.every:
            table.problem(f"windows: {spans.short(window.short)} holds no two samples of {source.metric.name}",
                          "windows", str(number))  # fmt: skip
        else:
            found.append(window)
    return tuple(found) if len(found) == len(given) else ()

"""Limits: above, below, at least, at most; by day and by night; and the one that says that it is over.

Between the limit and the one of recovery nothing changes: a figure that wavers around one of them neither fires again
and again nor is over again and again.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from baken.alerts.rule_table import Key, RuleTable

_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
}
_SIGNS = {"above": ">", "at_least": "≥", "below": "<", "at_most": "≤"}
_UPWARDS = ("above", "at_least")

KEYS: Mapping[str, Key] = {
    "above": Key("number", "Fires above this figure, which is in the unit of the metric."),
    "at_least": Key("number", "Fires at this figure and above."),
    "below": Key("number", "Fires below this figure."),
    "at_most": Key("number", "Fires at this figure and below."),
    "night": Key("table", "The limit by night (`alerts.night`), such as `{ above = 20 }`; otherwise that of the day."),
    "recover": Key("table", "When it is over, such as `{ below = 8 }`; otherwise as soon as the condition ends."),
}
NAMES = tuple(_HOLDS)


@dataclass(frozen=True, slots=True)
class Limit:
    """A comparison with a figure. `how` is one of NAMES."""

    how: str
    figure: float

    def holds(self, value: float) -> bool:
        """Whether `value` is beyond the limit."""
        return _HOLDS[self.how](value, self.figure)

    def meets(self, other: "Limit") -> bool:
        """Whether there is a value for which both hold."""
        if (self.how in _UPWARDS) == (other.how in _UPWARDS):
            return True
        low, high = (self, other) if self.how in _UPWARDS else (other, self)
        # Two limits that include their figure share it.
        return low.figure < high.figure or (
            low.figure == high.figure and low.how == "at_least" and high.how == "at_most"
        )

    def __str__(self) -> str:
        figure = f"{self.figure:.0f}" if self.figure == int(self.figure) else f"{self.figure:g}"
        return f"{_SIGNS[self.how]} {figure}"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a figure breaches, and when it has recovered. Without `recover`: when it does not breach."""

    day: Limit
    night: Limit | None = None
    recover: Limit | None = None

    def at(self, night: bool) -> Limit:
        """The limit that applies."""
        return self.night if night and self.night is not None else self.day

    def judge(self, value: float, night: bool) -> tuple[bool, bool]:
        """Whether `value` breaches and whether it has recovered: never both, and neither in between."""
        breach = self.at(night).holds(value)
        recovered = not breach and (self.recover is None or self.recover.holds(value))
        return breach, recovered

    def __str__(self) -> str:
        by_night = f" (by night {self.night})" if self.night is not None else ""
        over = f", over when {self.recover}" if self.recover is not None else ""
        return f"{self.day}{by_night}{over}"


def read(table: RuleTable) -> Limits | None:
    """The limits of a rule's table; None, with the problem noted, where they cannot be used."""
    day = read_one(table, required=True)
    if day is None:
        return None
    by_night, over = table.table("night"), table.table("recover")
    night = recover = None
    if by_night is not None:
        by_night.refuse_unknown(NAMES)
        night = read_one(by_night, required=True)
        if night is not None and (night.how in _UPWARDS) != (day.how in _UPWARDS):
            table.problem(f"night ({night}) looks the other way than the limit by day ({day})", "night")
    if over is not None:
        over.refuse_unknown((*NAMES, "for"))
        recover = read_one(over, required="for" not in over)
        for limit in (day, night):
            if recover is not None and limit is not None and recover.meets(limit):
                table.problem(
                    f"recover ({recover}) and the condition ({limit}) can hold at once, so it would never be over; "
                    "recovery has to lie on the other side",
                    "recover",
                )
                break
    return Limits(day, night, recover)


def read_one(table: RuleTable, *, required: bool) -> Limit | None:
    """The one limit that a table names, or None."""
    named = [name for name in NAMES if name in table]
    if len(named) > 1:
        table.problem(f"{' and '.join(named)} exclude each other: give one of them", named[1])
        return None
    if not named:
        if required:
            table.problem(f"there is no limit: give one of {', '.join(NAMES)}")
        return None
    figure = table.number(named[0])
    return None if figure is None else Limit(named[0], figure)

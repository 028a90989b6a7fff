"""How Grafana shows a figure: its unit, its colours, and the limits of Baken's rules as thresholds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from baken.alerts.kinds.change import Change
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.limits import Limit
from baken.alerts.rule import RANK, Rule
from baken.exporters.grafana_queries import HOUR
from baken.metrics.catalogue import Metric

COLOURS: Mapping[str, str] = {"LOW": "blue", "MEDIUM": "yellow", "HIGH": "orange", "CRITICAL": "red"}
"""Grafana's colour by severity."""

_FINE = "green"
_NEUTRAL = "text"
_UNITS: Mapping[str, str] = {
    "seconds": "s",
    "bytes": "bytes",
    "ratio": "percentunit",
    "EUR": "currencyEUR",
    "bool": "none",
}
# Per second, where what is counted is no mishap.
_RATES: Mapping[str, str] = {"bytes": "binBps", "seconds": "percentunit"}
_BY_PARTS = ("seconds", "bytes", "ratio", "EUR", "days")
_LEAST = 1e-9

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A limit of a rule, to be drawn: `match` are the label sets that it is about, `area` what the rule is about."""

    limit: Limit
    severity: str
    match: tuple[tuple[str, str], ...]
    area: str


def unit(entry: Metric, language: str, *, per_second: bool = False) -> str:
    """Grafana's unit of a metric; numbers of things have the thousands separated."""
    if per_second:
        return _RATES.get(entry.unit, "cps")
    if entry.unit == "days":
        return f"suffix: {'dagen' if language == 'nl' else 'days'}"
    return _UNITS.get(entry.unit, "locale")


def counts(entry: Metric) -> bool:
    """Whether the figure is a number of things, without parts."""
    return entry.unit not in _BY_PARTS


def lines(rules: Iterable[Rule]) -> dict[str, list[Line]]:
    """The limits of the rules that are judged, by metric: of the figure itself, or of what came within an hour.

    Those of rules over many sites at once are about no single figure.
    """
    found: dict[str, list[Line]] = {}
    for rule in rules:
        condition = rule.condition
        if not rule.enabled or rule.quorum is not None or not isinstance(condition, Threshold | Change):
            continue
        if isinstance(condition, Change) and not (condition.way == "increase" and condition.over == HOUR):
            continue
        match = tuple(sorted(condition.source.match.items()))
        line = Line(condition.limits.day, rule.severity, match, rule.area)
        found.setdefault(condition.source.metric.name, []).append(line)
    return found


def thresholds(limits: Iterable[Line], *, counts: bool) -> Json:
    """The steps of a figure's colour: that of the gravest rule whose limit it is beyond, green within all of them.

    What no rule has a limit for has no colour: nobody has said what would be too much of it.

    Args:
        limits: those of the rules about it.
        counts: the figure has no parts, so that "above 5" begins at 6.
    """
    some = list(limits)
    edges = {_edge(line.limit, counts=counts) for line in some}
    steps: list[Json] = [{"color": _colour(some, None, counts=counts), "value": None}]
    for edge in sorted(edges):
        colour = _colour(some, edge, counts=counts)
        if colour != steps[-1]["color"]:
            steps.append({"color": colour, "value": edge})
    return {"mode": "absolute", "steps": steps}


def _colour(limits: list[Line], value: float | None, *, counts: bool) -> str:
    """The colour from `value` on; None: of the least that there is."""
    beyond = []
    for line in limits:
        reached = value is not None and value >= _edge(line.limit, counts=counts)
        if reached == (line.limit.how in ("above", "at_least")):
            beyond.append(line.severity)
    if beyond:
        return COLOURS[max(beyond, key=RANK.__getitem__)]
    return _FINE if limits else _NEUTRAL


def _edge(limit: Limit, *, counts: bool) -> float:
    # Grafana colours from a step on, and a rule may spare the figure of its limit itself.
    if limit.how in ("at_least", "below"):
        return limit.figure
    return float(int(limit.figure) + 1) if counts else limit.figure or _LEAST


def mappings(entry: Metric, words: tuple[str, str]) -> list[Json]:
    """Words and colours of a figure that is 0 or 1. `words` are those for no and yes; colour is not the only sign."""
    if entry.unit != "bool":
        return []
    colours = {"up": ("red", "green"), "down": ("green", "orange"), None: ("text", "blue")}[entry.good]
    options = {
        str(value): {"color": colour, "index": value, "text": word}
        for value, (colour, word) in enumerate(zip(colours, words, strict=True))
    }
    return [{"type": "value", "options": options}]

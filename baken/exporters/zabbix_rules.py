"""Baken's rules as triggers of Zabbix.

Zabbix judges by itself what it can from the figures it gets: limits, and counters that grow too fast. All other rules
(new patterns of errors, budgets, shares) Baken judges, and sends how many alerts of each are open: these rules are
discovered, and each is a trigger over that number. So are rules about figures that come no more: were each site to miss
its figures, hundreds of problems would say that Baken is silent; of that one trigger of the server's template tells.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from baken.alerts.kinds.change import Change
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.limits import Limit, Limits
from baken.alerts.rule import Rule
from baken.alerts.windows import Hours, Span
from baken.exporters import zabbix_items as items
from baken.metrics import catalogue
from baken.metrics.catalogue import MINUTE, Metric

PRIORITIES: Mapping[str, str] = {"LOW": "INFO", "MEDIUM": "AVERAGE", "HIGH": "HIGH", "CRITICAL": "DISASTER"}
"""How bad an alert is, in Zabbix' words."""

TAG = "baken"
"""Every problem of these templates has it, so that none comes back as an alert of Zabbix."""

_SIGNS = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
_OPPOSITE = {"above": "at_most", "at_least": "below", "below": "at_least", "at_most": "above"}
_MIDNIGHT = 24 * 60


@dataclass(frozen=True, slots=True)
class Condition:
    """A row of discovery for which a trigger is not made: the macro's value does (not) match the expression."""

    macro: str
    expression: str
    matches: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of a template, or the prototype of one.

    Attributes:
        rule: the rule that it comes from.
        metric: the metric under whose item it stands.
        name, expression, recovery, priority, description, operational: as Zabbix has them; without a recovery it is
            over when the expression is.
        macros: the limits: (macro, value, description).
        unless: the rows of discovery for which it is not made; any one is enough.
    """

    rule: Rule
    metric: Metric
    name: str
    expression: str
    recovery: str
    priority: str
    description: str
    operational: str
    macros: tuple[tuple[str, str, str], ...]
    unless: tuple[Condition, ...]

    @property
    def group(self) -> str:
        """The group by which it is discovered; empty for one that every host has."""
        return items.group(self.metric)


def about_host(rule: Rule) -> bool:
    """Whether a rule is about the machine, Baken, or many sites at once; otherwise about a site."""
    entries = (catalogue.get(name) for name in rule.condition.metrics)
    return rule.quorum is not None or any(entry is not None and items.about_host(entry) for entry in entries)


def judged_there(rule: Rule) -> bool:
    """Whether Zabbix can judge a rule by itself."""
    found = rule.condition
    if rule.quorum is not None:
        return False
    if isinstance(found, Threshold):
        return found.source.by is None and found.source.metric.kind == "gauge"
    if isinstance(found, Change):
        counts = found.way == "increase" and found.source.metric.kind == "counter" and found.source.by is None
        return counts and found.limits.day.how in ("above", "at_least")
    return False


def called(rule: Rule) -> str:
    """What people call a rule, in English."""
    return rule.called.get("en") or rule.name.replace("_", " ").capitalize()


def rows(rules: Iterable[Rule], *, host: bool) -> list[dict[str, str]]:
    """The rules that Baken judges for Zabbix, to be discovered."""
    return [
        {
            items.RULE_MACRO: rule.name,
            items.CALLED_MACRO: items.clean(called(rule)),
            items.SEVERITY_MACRO: rule.severity,
        }
        for rule in sorted(rules, key=lambda rule: rule.name)
        if rule.enabled and about_host(rule) == host and not judged_there(rule)
    ]


def triggers(rules: Iterable[Rule], template: str, night: str, *, host: bool) -> list[Trigger]:
    """The triggers of a template for the rules that Zabbix judges by itself, in the order of the rules.

    Args:
        rules: the rules.
        template: name of the template.
        night: when the night limits apply, as `alerts.night` says.
        host: whether it is the template of the Baken host.
    """
    hours = Hours.parse(night)
    return [
        _trigger(rule, template, hours)
        for rule in rules
        if rule.enabled and about_host(rule) == host and judged_there(rule)
    ]


def explained_by(trigger: Trigger, others: Sequence[Trigger]) -> list[Trigger]:
    """The triggers that explain this one, so that it is not told while one of them is a problem.

    Zabbix lets a trigger depend on one that every host has, and a prototype also on prototypes of its discovery rule.
    """
    return [
        other for other in others if trigger.rule.name in other.rule.inhibits and other.group in ("", trigger.group)
    ]


def _trigger(rule: Rule, template: str, hours: Hours) -> Trigger:
    found = rule.condition
    assert isinstance(found, Threshold | Change)  # noqa: S101 - what judged_there lets through
    entry = found.source.metric
    reference = f"/{template}/{items.prototype(entry)}"
    written = _Written(rule, entry, reference, hours)
    if isinstance(found, Change):
        grown = f"avg({reference},{_span(found.over)})*{_seconds(found.over)}"
        expression, recovery = written.limits(found.limits, grown)
    else:
        expression, recovery = written.limits(found.limits, None)
    macros_of_labels = ", ".join(items.macro(label) for label in entry.labels)
    name = f"{called(rule)}: {macros_of_labels}" if entry.labels else called(rule)
    reason = rule.reason.get("en", "").translate(str.maketrans("{}", "()"))
    return Trigger(
        rule=rule,
        metric=entry,
        name=name,
        expression=expression,
        recovery=recovery,
        priority=PRIORITIES[rule.severity],
        description=f"{reason}\n\nBaken's rule {rule.name}: {found.words.replace('{', '[').replace('}', ']')}".strip(),
        operational="{ITEM.LASTVALUE1}",
        macros=tuple(written.macros),
        unless=tuple(_conditions(found.source.match)),
    )


class _Written:
    """The expressions of one rule, and the macros that they name."""

    def __init__(self, rule: Rule, entry: Metric, reference: str, hours: Hours) -> None:
        self._rule = rule
        self._entry = entry
        self._reference = reference
        self._hours = hours
        self.macros: list[tuple[str, str, str]] = []

    def limits(self, given: Limits, figure: str | None) -> tuple[str, str]:
        """Problem and recovery for a figure beyond limits; `figure`: how it is reckoned, None: the item's value."""
        rule = self._rule
        day = self._compared(given.day, self._macro("", given.day.figure, "limit"), rule.hold, figure)
        expression = day
        if given.night is not None:
            limit = self._macro("NIGHT", given.night.figure, "limit by night")
            night = self._compared(given.night, limit, rule.hold, figure)
            dark = " or ".join(_piece(each) for each in self._hours.spans) or "1=1"
            expression = f"(({dark})=0 and {day}) or (({dark})=1 and {night})"
        if given.recover is None and not rule.keep:
            return expression, ""
        if given.recover is not None:
            limit = self._macro("RECOVER", given.recover.figure, "over when")
            return expression, self._compared(given.recover, limit, rule.keep, figure)
        back = Limit(_OPPOSITE[given.day.how], given.day.figure)
        return expression, self._compared(back, self._named(""), rule.keep, figure)

    def _compared(self, limit: Limit, macro: str, length: timedelta, figure: str | None) -> str:
        if figure is None:
            # All values of a stretch are beyond the limit when the one nearest to it is.
            nearest = "min" if limit.how in ("above", "at_least") else "max"
            figure = _over(nearest, self._reference, length, self._entry)
        return f"{figure}{_SIGNS[limit.how]}{macro}"

    def _macro(self, ending: str, figure: float, what: str) -> str:
        """Note a macro with the figure as the item has it, and how an expression names it."""
        times = 100 if self._entry.unit == "ratio" else 1
        unit = "%" if times == 100 else self._entry.unit
        text = f"{called(self._rule)}: {what}" + (f" ({unit})" if unit != "bool" else "")
        self.macros.append((self._plain(ending), f"{figure * times:.12g}", text))
        return self._named(ending)

    def _plain(self, ending: str) -> str:
        return f"{{$BAKEN.{self._rule.name}{'.' if ending else ''}{ending}}}"

    def _named(self, ending: str) -> str:
        # With a label as context a single queue, disk… may be given a limit of its own.
        labels = self._entry.labels
        plain = self._plain(ending)
        return f'{plain[:-1]}:"{items.macro(labels[0])}"}}' if len(labels) == 1 else plain


def _over(nearest: str, reference: str, length: timedelta, entry: Metric) -> str:
    """The value of an item that is nearest to the limit within `length`; the last one for no length."""
    if not length:
        return f"last({reference})"
    every = max(entry.every, MINUTE)
    if length >= 2 * every:
        return f"{nearest}({reference},{_span(length)})"
    # Within so short a time there may be no value at all.
    return f"{nearest}({reference},#{math.ceil(length / every) + 1})"


def _conditions(matchers: Mapping[str, str]) -> Iterable[Condition]:
    for label, wanted in matchers.items():
        text, matches = wanted.removeprefix("!"), wanted.startswith("!")
        expression = f"^(?:{text[1:]})$" if text.startswith("~") else f"^{re.escape(text)}$"
        yield Condition(items.macro(label), expression, matches)


def _piece(span: Span) -> str:
    """Whether the clock of the Zabbix server is within a stretch of the week."""
    parts = [_hours(span.days, span.start, min(span.end, _MIDNIGHT))]
    if span.end > _MIDNIGHT:
        parts.append(_hours(frozenset((day + 1) % 7 for day in span.days), 0, span.end - _MIDNIGHT))
    return " or ".join(parts)


def _hours(days: frozenset[int], start: int, end: int) -> str:
    found = []
    if start:
        found.append(f"time()>={_clock(start)}")
    if end < _MIDNIGHT:
        found.append(f"time()<{_clock(end)}")
    if len(days) < 7:
        found.append("(" + " or ".join(f"dayofweek()={day + 1}" for day in sorted(days)) + ")")
    return "(" + " and ".join(found or ["1=1"]) + ")"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}{minutes % 60:02}00"


def _span(length: timedelta) -> str:
    """A length of time as Zabbix reads it: in one unit."""
    seconds = _seconds(length)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _seconds(length: timedelta) -> int:
    return round(length.total_seconds())

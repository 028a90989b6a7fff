"""Conditions of rules in Prometheus' words: an expression that has series where the condition holds.

What Prometheus cannot judge as Baken does is refused with the reason, and is alerted on by `baken_alerts` instead: that
Baken's own rule has an open alert.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from baken.alerts.figures import NOT_COUNTED, Source
from baken.alerts.kinds.absence import Gone
from baken.alerts.kinds.budget import Budget
from baken.alerts.kinds.change import Change
from baken.alerts.kinds.ratio import Ratio
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.limits import Limit, Limits
from baken.alerts.rule import Rule
from baken.exporters.alertmanager_regex import NoEqual, literal, translated
from baken.exporters.names import PREFIX, SITE_LABEL, exported, exported_label

SIGNS: Mapping[str, str] = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
_OPPOSITE: Mapping[str, str] = {"above": "<=", "at_least": "<", "below": ">=", "at_most": ">"}
_SCRAPED = ("job", "instance")
"""Labels that Prometheus gives what it fetches: they tell one Baken from another."""

LONGEST = timedelta(days=1)
"""So far back an expression looks: what Prometheus keeps for longer is the user's affair."""

_MOST_STEPS = 24


class NotInPromql(Exception):
    """A condition that Prometheus cannot judge as Baken does; the text says why."""


@dataclass(frozen=True, slots=True)
class Sites:
    """Which sites an expression is about: one, or all but some."""

    only: str = ""
    without: tuple[str, ...] = ()

    @property
    def matchers(self) -> list[str]:
        """As a selector has them."""
        if self.only:
            return [f"{SITE_LABEL}={quoted(self.only)}"]
        if self.without:
            return [f"{SITE_LABEL}!~{quoted('|'.join(map(literal, self.without)))}"]
        return []


ALL = Sites()


@dataclass(frozen=True, slots=True)
class Expression:
    """What a condition is in PromQL.

    Attributes:
        holds: has a series for each label set on which the condition holds.
        goes_on: has one where an alert that fires goes on all the same, because it has not recovered; empty: nowhere.
        labels: the labels of Prometheus that an alert of it has, beside those of scraping.
        records: what is computed beforehand: name → expression.
    """

    holds: str
    goes_on: str = ""
    labels: tuple[str, ...] = ()
    records: Mapping[str, str] = field(default_factory=dict)

    def alert(self, name: str) -> str:
        """The expression of an alerting rule, with recovery: what fires goes on until it has recovered."""
        if not self.goes_on:
            return self.holds
        on = ", ".join((*_SCRAPED, *self.labels))
        firing = f'ALERTS{{alertname={quoted(name)}, alertstate="firing"}}'
        return f"({self.holds})\nor\n(({self.goes_on}) and on ({on}) {firing})"


def of_rule(rule: Rule, sites: Sites = ALL) -> Expression:
    """A rule's condition. Raises NotInPromql."""
    found = of_condition(rule.condition, rule.name, sites)
    if rule.quorum is None:
        return found
    share, least = rule.quorum.share, rule.quorum.least
    # A site counts once, however many of its label sets it holds on.
    count = f"count by (job) (count by (job, {SITE_LABEL}) ({found.holds}))"
    needed = f"clamp_min(ceil({_number(share)} * sum by (job) ({PREFIX}sites)), {least})"
    return Expression(f"{count} >= on (job) {needed}", records=found.records)


def of_condition(condition: object, name: str, sites: Sites) -> Expression:
    """A condition of the rule `name`, without what only rules have. Raises NotInPromql."""
    for kind, made in _KINDS.items():
        if isinstance(condition, kind):
            return made(condition, name, sites)
    raise NotInPromql("it looks at what is no figure")


def by_alerts(rule: Rule, sites: Sites = ALL) -> Expression:
    """Whether Baken's own rule has an open alert that nobody holds back."""
    matchers = [f"rule={quoted(rule.name)}", 'status=~"active|acknowledged"', *sites.matchers]
    series = f"{PREFIX}alerts{{{', '.join(matchers)}}}"
    return Expression(f"sum without (rule, severity, area, status) ({series}) > 0", labels=(SITE_LABEL,))


def selector(source: Source, sites: Sites) -> str:
    """The series of a metric with its matchers. Raises NotInPromql."""
    own = sites.matchers if _has_site(source) else []
    inner = [*own, *(_matcher(label, wanted) for label, wanted in source.match.items())]
    return exported(source.metric.name) + (f"{{{', '.join(inner)}}}" if inner else "")


def quoted(text: str) -> str:
    """A text as PromQL writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def span(length: timedelta) -> str:
    """A length of time as Prometheus writes it: 90 minutes are 1h30m."""
    rest = int(length.total_seconds())
    if rest < 1:
        return "0s"
    parts = []
    for name, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        parts += [f"{count}{name}"] if count else []
    return "".join(parts)


def _matcher(label: str, wanted: str) -> str:
    negated = wanted.startswith("!")
    text = wanted[1:] if negated else wanted
    name = exported_label(label)
    if not text.startswith("~"):
        return f"{name}{'!=' if negated else '='}{quoted(text)}"
    try:
        return f"{name}{'!~' if negated else '=~'}{quoted(translated(text[1:], 'python'))}"
    except NoEqual as problem:
        raise NotInPromql(f"its expression for {label} has no equal in Prometheus: {problem}") from None


def _has_site(source: Source) -> bool:
    return source.metric.scope not in ("host", "monitor")


def _labels(source: Source) -> tuple[str, ...]:
    own = tuple(exported_label(label) for label in source.labels)
    return (SITE_LABEL, *own) if _has_site(source) else own


def _series(source: Source, sites: Sites) -> str:
    """The figures of a source, added up where it adds up."""
    found = selector(source, sites)
    if source.by is None:
        return found
    added = ", ".join(exported_label(label) for label in source.metric.labels if label not in source.by)
    return f"sum without ({added}) ({found})"


def _refuse_none(source: Source, *limits: Limit | None) -> None:
    """Refuse what fires on a group that does not occur: Baken counts that as none, Prometheus has no series of it."""
    exact = {label for label, wanted in source.match.items() if wanted[:1] not in ("!", "~")}
    groups = bool(source.metric.labels) and source.metric.unit not in NOT_COUNTED
    if groups and (exact == set(source.metric.labels) or source.by == ()):
        for limit in limits:
            if limit is not None and limit.holds(0.0):
                raise NotInPromql("a group that does not occur counts as none, and Prometheus has no figure of it")


def _refuse_night(limits: Limits) -> None:
    if limits.night is not None:
        raise NotInPromql("its limit by night holds at night in each site's own time zone")


def _held(value: str, limits: Limits) -> tuple[str, str]:
    """Where a value is beyond its limit, and where it has not recovered."""
    holds = _compared(value, limits.day)
    over = limits.recover
    return holds, "" if over is None else f"{value} {_OPPOSITE[over.how]} {_number(over.figure)}"


def _compared(value: str, limit: Limit) -> str:
    return f"{value} {SIGNS[limit.how]} {_number(limit.figure)}"


def _number(figure: float) -> str:
    return f"{figure:.0f}" if figure == int(figure) else repr(figure)


def _threshold(condition: Threshold, _name: str, sites: Sites) -> Expression:
    _refuse_night(condition.limits)
    _refuse_none(condition.source, condition.limits.day)
    holds, goes_on = _held(_series(condition.source, sites), condition.limits)
    return Expression(holds, goes_on, _labels(condition.source))


def _ratio(condition: Ratio, _name: str, sites: Sites) -> Expression:
    _refuse_night(condition.limits)
    part, whole = _series(condition.part, sites), _series(condition.whole, sites)
    # Of a whole of which no part occurs, the part is none.
    some = f"({part} or 0 * {whole})"
    if condition.part.metric is not condition.whole.metric:
        absent = f"{PREFIX}absent{{metric={quoted(condition.part.metric.name)}}}"
        some = f"({some} unless on ({SITE_LABEL if _has_site(condition.part) else ', '.join(_SCRAPED)}) {absent})"
    enough = f"({whole} >= {_number(condition.least)} > 0)"
    holds, goes_on = _held(f"{some} / {enough}", condition.limits)
    # Too few to tell that it is bad are too few to tell that it is over.
    few = f"{whole} > 0 < {_number(condition.least)}"
    return Expression(holds, f"({goes_on}) or ({few})" if goes_on else few, _labels(condition.part))


def _gone(condition: Gone, _name: str, sites: Sites) -> Expression:
    if condition.source.match:
        raise NotInPromql("the age of single label sets is not exported")
    own = sites.matchers if _has_site(condition.source) else []
    matchers = ", ".join([f"metric={quoted(condition.source.metric.name)}", *own])
    age = f"max without (metric) ({PREFIX}measured_age_seconds{{{matchers}}})"
    labels = (SITE_LABEL,) if _has_site(condition.source) else ()
    return Expression(f"{age} > {_number(condition.older_than.total_seconds())}", labels=labels)


def _change(condition: Change, _name: str, sites: Sites) -> Expression:
    _refuse_night(condition.limits)
    source, over = condition.source, condition.over
    if over > LONGEST:
        raise NotInPromql(f"it looks back over {span(over)}, and what Prometheus keeps may be shorter")
    _refuse_none(source, condition.limits.day)
    series = selector(source, sites)
    known = f" and ({series} offset {span(condition.history)})"
    if condition.way == "increase" and source.metric.kind == "counter":
        window = f"{series}[{span(over)}]"
        # Exact where it only grew; where it began anew, as Prometheus estimates it.
        value = f"(({series} - min_over_time({window})) unless (resets({window}) > 0))"
        value = f"({value} or (increase({window}) and (resets({window}) > 0)))"
        # What grew by too much within a part of the time did so within all of it.
        known = "" if condition.limits.day.how in ("above", "at_least") else known
    elif condition.way == "percent":
        base = _base(series, condition)
        value = f"(({series} - ({base})) / (abs({base}) > 0) * 100)"
    else:
        value = f"({series} - ({_base(series, condition)}))"
    holds, goes_on = _held(value, condition.limits)
    return Expression(holds + known, goes_on, _labels(source))


def _base(series: str, condition: Change) -> str:
    """What the present figure is held against: the earliest that there is, or a figure of all of the time."""
    window = f"{series}[{span(condition.over)}]"
    match condition.against:
        case "median":
            return f"quantile_over_time(0.5, {window})"
        case "mean":
            return f"avg_over_time({window})"
        case "max":
            return f"max_over_time({window})"
    # The earliest there is, to within what has to be known to judge at all.
    step = max(condition.history, condition.over / _MOST_STEPS)
    back, steps = condition.over, []
    while back > condition.history:
        steps.append(back)
        back -= step
    return " or ".join(f"{series} offset {span(each)}" for each in (*steps, condition.history))


def _budget(condition: Budget, name: str, sites: Sites) -> Expression:
    source = condition.source
    records: dict[str, str] = {}

    def burn(window: timedelta) -> str:
        record = f"{PREFIX.rstrip('_')}:{name.lower()}:bad_ratio_{span(window)}"
        every = source.metric.every
        # Both ends of a range belong to it, and a second less takes the first sample away.
        steps = f"[{int(window.total_seconds()) - 1}s:{span(every)}]"
        series = selector(source, ALL)
        bad = f"{series} {SIGNS[condition.bad.how]} bool {_number(condition.bad.figure)}"
        enough = _number(max(1.0, window / every / 2))
        records[record] = f"avg_over_time(({bad}){steps}) and (count_over_time({series}{steps}) >= {enough})"
        own = sites.matchers if _has_site(source) else []
        chosen = record + (f"{{{', '.join(own)}}}" if own else "")
        return f"{chosen} / (1 - {_number(condition.objective)})"

    holds, goes_on = [], []
    for window in condition.windows:
        factor = _number(window.factor)
        short = f"({burn(window.short)} >= {factor})"
        holds.append(f"(({burn(window.long)} >= {factor}) and {short})")
        goes_on.append(short)
    return Expression(" or ".join(holds), " or ".join(goes_on), _labels(source), records)


_KINDS: Mapping[type, Callable[..., Expression]] = {
    Threshold: _threshold,
    Ratio: _ratio,
    Gone: _gone,
    Change: _change,
    Budget: _budget,
}

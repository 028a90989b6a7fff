"""Some figures as a page about an area needs them: now, when a time began, their limits, and what stood out."""

from itertools import pairwise
from typing import Annotated, Any

from baken.alerts.kinds.threshold import Threshold
from baken.alerts.rulebook import RuleBook
from baken.api import snapshots
from baken.api.alerts import book_or_problems
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.dashboard import number
from baken.api.explorer import course
from baken.api.registry import method
from baken.api.window import Window, window_of
from baken.clock import HOUR, iso, to_ms
from baken.history.present import Latest
from baken.insights.figures import Figures
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

MOST = 100
"""Figures of so many metrics are given at once."""


@method("baken.get_figures", roles=DASHBOARD_ROLES)
def get_figures(
    call: Call,
    metrics: str,
    hours: Annotated[float, Range(0.01, 24 * 2557)] = 24,
    start: str | None = None,
    end: str | None = None,
    usual: bool = True,
) -> dict[str, Any]:
    """The figures of some metrics now, with what they were when a time began, and what was unusual within it.

    `metrics` are up to 100 names with commas between them; `hours`, `start` and `end` are as in `baken.get_series`.
    Without `usual` nobody looks for what was unusual, which takes longest.

    Returns by metric: unit, kind, good, texts (title and help by language), at (when it was measured), absent (the
    reason for no figure or an old one, or null), limits (of the rules, as they are judged by day: rule, severity, how:
    above, at_least, below or at_most, figure, match: the labels it is about) and series: labels, value (of a counter:
    per second over the last hour, null where that is not known), before (the first value of the time, null when
    nothing was measured in its first two hours or points), unusual (as in `baken.get_series`, each also with now:
    whether it goes on), usual_absent (why nobody can say what is usual).
    """
    names = list(dict.fromkeys(name.strip() for name in metrics.split(",") if name.strip()))
    if not 0 < len(names) <= MOST:
        raise BadArgument(f"argument metrics has {len(names)} names; expected 1 to {MOST} with commas between them")
    entries = []
    for name in names:
        entry = catalogue.get(name)
        if entry is None:
            raise BadArgument(f"argument metrics has {name[:100]!r}; expected names from baken.get_metric_catalogue")
        entries.append(entry)
    window = window_of(call, hours, start, end)
    rules, _ = book_or_problems(call)
    figures = snapshots.of(call.store, call.site_name).figures
    return {entry.name: _told(call, entry, window, figures, rules, usual) for entry in entries}


def _told(call: Call, entry: Metric, window: Window, figures: Figures, rules: RuleBook, usual: bool) -> dict[str, Any]:
    past = course(call, entry, window, usual=True) if usual else course(call, entry, _beginning(window), step=3600)
    lines = {_key(line["labels"]): line for line in past["series"]}
    # Of a long time the first point stands for hours, and may be told by the end of them.
    edge = max(to_ms(_beginning(window).end), to_ms(window.start) + 2000 * past["step"])
    latest = {_key(sample.labels): sample for sample in figures.samples(entry.name)}
    series = []
    for key in sorted({*lines, *latest}):
        line, sample = lines.get(key), latest.get(key)
        value = number(sample.value) if sample is not None else None
        before = line["value"][0] if line is not None and line["at"] else None
        began = line is not None and bool(line["at"]) and line["at"][0] < edge
        if entry.kind == "counter":
            last, before = _rates(line)
            value = last if last is not None and usual else _rate(sample)
        found = line.get("unusual", []) if line is not None else []
        series.append(
            {
                "labels": dict(key),
                "value": value,
                # What came later is no figure of then: a site that is watched for an hour has not changed in a day.
                "before": before if began else None,
                "unusual": [{**one, "now": _goes_on(one, line, value)} for one in found],
                "usual_absent": line.get("usual_absent") if line is not None else None,
            }
        )
    return {
        "unit": entry.unit,
        "kind": entry.kind,
        "good": entry.good,
        "texts": catalogue.texts(entry),
        "at": iso(figures.at(entry.name)),
        "absent": figures.reason(entry.name),
        "limits": _limits(entry, rules),
        "series": series,
    }


def _beginning(window: Window) -> Window:
    """The first hours of a time, whole, so that all who ask within an hour ask for the same."""
    start = window.start.replace(minute=0, second=0, microsecond=0)
    return Window(start, start + 2 * HOUR, False)


def _rate(sample: Latest | None) -> float | None:
    """How fast a counter grew between its last two looks, per second."""
    if sample is None or sample.previous_value is None or sample.previous_at is None:
        return None
    seconds, more = (sample.at - sample.previous_at).total_seconds(), sample.value - sample.previous_value
    return more / seconds if seconds > 0 and more >= 0 else None


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _rates(line: dict[str, Any] | None) -> tuple[float | None, float | None]:
    """How fast a counter grew at the end and at the beginning, per second; a restart is no growth."""
    if line is None or len(line["at"]) < 2:
        return None, None

    def rate(first: int, last: int) -> float | None:
        seconds = (line["at"][last] - line["at"][first]) / 1000
        values = line["value"][first : last + 1]
        rose = all(before <= after for before, after in pairwise(values))
        return (values[-1] - values[0]) / seconds if rose and seconds > 0 else None

    at, hour = line["at"], 3_600_000
    early = next((i for i in range(1, len(at)) if at[i] - at[0] >= hour), 1)
    late = next((i for i in range(len(at) - 2, -1, -1) if at[-1] - at[i] >= hour), len(at) - 2)
    return rate(late, len(at) - 1), rate(0, early)


def _goes_on(stretch: dict[str, Any], line: dict[str, Any] | None, value: float | None) -> bool:
    """Whether a stretch reaches the last point, and the figure of this moment is outside as well."""
    if line is None or not line["at"] or stretch["end"] < line["at"][-1] or value is None:
        return False
    return bool(value > stretch["high"] if stretch["above"] else value < stretch["low"])


def _limits(entry: Metric, rules: RuleBook) -> list[dict[str, Any]]:
    found = []
    for rule in rules.enabled:
        condition = rule.condition
        if isinstance(condition, Threshold) and condition.source.metric.name == entry.name and rule.quorum is None:
            day = condition.limits.day
            found.append(
                {
                    "rule": rule.name,
                    "severity": rule.severity,
                    "how": day.how,
                    "figure": day.figure,
                    "match": dict(condition.match),
                }
            )
    return found

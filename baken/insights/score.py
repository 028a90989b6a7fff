"""How well a site is, as one number from 0 to 100, and what it lost points for.

A site begins with 100. Everything that is wrong takes away a share of what is left, the worst first: so many small
things never weigh as much as nothing at all, a second grave one still shows, and no number falls below 0. A share
depends on the severity only (`SHARE`); what somebody has acknowledged takes half, what is held back on purpose takes
nothing. A figure that cannot be judged takes a little: not to know is not to be well. And where nothing is known about
the site at all, there is no number, but the reason why.

What is worse never scores higher: one more alert, a graver one, one that nobody has acknowledged, a check beyond its
limit, or one that can no longer be judged. `tests/insights/test_score.py` holds this against random input.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from baken.insights.health import OF_THE_SITE, Alert, Health, Severity

SHARE: Mapping[Severity, float] = {"LOW": 0.03, "MEDIUM": 0.12, "HIGH": 0.30, "CRITICAL": 0.60}
"""Which share of what is left one thing of a severity takes: alone it leaves 97, 88, 70 or 40."""

ACKNOWLEDGED = 0.5
"""An alert that somebody looks after takes this part of its share."""

UNJUDGED = 0.02
"""What a check takes that cannot be made; less than the mildest that is beyond its limit."""

Kind = Literal["check", "alert", "unjudged", "unknown"]


@dataclass(frozen=True, slots=True)
class Open:
    """An open alert, as far as the score asks.

    Attributes:
        rule: name of its rule.
        severity: how bad it is.
        acknowledged: whether somebody looks after it.
        suppressed: whether it is held back: a silence, a maintenance window, or another alert that explains it.
        metric: the metric that it is about; empty when it is about none.
        labels: its labels.
        values: anything that is to be told with the reason, such as number and title.
    """

    rule: str
    severity: Severity
    acknowledged: bool = False
    suppressed: bool = False
    metric: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points are missing.

    Attributes:
        kind: check (a figure beyond its limit), alert (an open one), unjudged (a check that cannot be made), or unknown
            (nothing is known about the site: no points, since there is no score).
        key: the check's or the rule's name.
        points: whole points that it took; those of all reasons together are 100 less the score.
        severity: how bad it is.
        values: what belongs to it: of a check value, threshold, unit, metric, labels and measured_at; of an alert what
            `Open.values` says, rule and acknowledged; else the reason.
    """

    kind: Kind
    key: str
    points: int
    severity: Severity
    values: Mapping[str, Any]

    def answer(self) -> dict[str, Any]:
        """As the API answers it."""
        return {
            "kind": self.kind,
            "key": self.key,
            "points": self.points,
            "severity": self.severity,
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Score:
    """`value` from 0 to 100, or None when nothing is known about the site; `reasons` with the gravest first."""

    value: int | None
    reasons: list[Reason]


@dataclass(slots=True)
class _Loss:
    kind: Kind
    key: str
    share: float
    severity: Severity
    values: Mapping[str, Any]
    metric: str = ""


def score(verdict: Health, alerts: Iterable[Open] = ()) -> Score:
    """How well a site is.

    Args:
        verdict: the health check; it says what is beyond its limit and what could not be judged.
        alerts: the open alerts of the site and its host, in any order.

    Returns:
        100 only when every check was made and is within its limit, and no alert is open that is not held back. One
        cause counts once: a check and alerts about the same metric and labels take what the gravest of them takes.
        No number when no figure of the site itself could be judged; the reasons then begin with why.
    """
    losses = _losses(verdict, alerts)
    losses.sort(key=lambda loss: (-loss.share, loss.kind, loss.key, str(sorted(loss.values.get("labels") or ()))))
    left, reasons = 100.0, []
    known = _known(verdict)
    for loss in losses:
        after = left * (1 - loss.share)
        points = round(left) - round(after) if known else 0
        reasons.append(Reason(loss.kind, loss.key, points, loss.severity, loss.values))
        left = after
    if known:
        return Score(round(left), reasons)
    why = next(iter(verdict.unknown.values()), "no figure of the site was judged")
    return Score(None, [Reason("unknown", "UNKNOWN", 0, "HIGH", {"reason": why}), *reasons])


def _known(verdict: Health) -> bool:
    # That a site cannot be reached is known about it, though none of its figures is.
    judged = {str(check["check"]) for check in verdict.checks}
    return bool(judged & OF_THE_SITE) or any(alert.type == "SITE_UNREACHABLE" for alert in verdict.alerts)


def _losses(verdict: Health, alerts: Iterable[Open]) -> list[_Loss]:
    by_cause: dict[tuple[Any, ...], _Loss] = {}
    for each in sorted(alerts, key=lambda open_: (open_.rule, sorted(open_.labels.items()), open_.acknowledged)):
        if each.suppressed:
            continue
        share = SHARE[each.severity] * (ACKNOWLEDGED if each.acknowledged else 1)
        values = {"rule": each.rule, "acknowledged": each.acknowledged, "labels": dict(each.labels), **each.values}
        loss = _Loss("alert", each.rule, share, each.severity, values, each.metric)
        labels = tuple(sorted(each.labels.items()))
        # Alerts about no metric differ by what else is told of them, such as their pattern of errors.
        cause = (each.metric, labels) if each.metric else (None, each.rule, labels)
        known = by_cause.get(cause)
        if known is None or share > known.share:
            by_cause[cause] = loss
    losses = sorted(by_cause.values(), key=lambda loss: -loss.share)
    for alert in verdict.alerts:
        _add_check(losses, alert)
    losses += [
        _Loss("unjudged", check, UNJUDGED, "LOW", {"reason": reason}) for check, reason in verdict.unknown.items()
    ]
    return losses


def _add_check(losses: list[_Loss], alert: Alert) -> None:
    """A check beyond its limit, unless an alert about the same metric weighs as much already."""
    metric, share = str(alert.details.get("metric") or ""), SHARE[alert.severity]
    found = _Loss("check", alert.type, share, alert.severity, alert.details, metric)
    worst = next((place for place, loss in enumerate(losses) if metric and loss.metric == metric), None)
    if worst is None:
        losses.append(found)
    elif losses[worst].share < share:
        # The alert is the one that people can do something about: it keeps its name, and takes what the check takes.
        losses[worst].share, losses[worst].severity = share, alert.severity

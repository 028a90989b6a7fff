"""The life of one label set of a rule, as a pure function: what was known, what is judged now, what follows from it.

`ok` → `pending` (the condition holds, not yet for long enough) → `firing` → `recovering` (over, not yet for long
enough) → `ok`. Somebody may resolve an alert whose condition still holds: `closed`, until the condition has ended, or
until it has gone on for as long as a reminder takes. No data changes nothing but that it is known to be unknown: it
neither fires nor resolves.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from baken.alerts.rule import Rule, Verdict
from baken.settings import Alerts

Phase = Literal["ok", "pending", "firing", "recovering", "closed"]
Action = Literal["", "fire", "resolve"]

REMEMBERED = timedelta(hours=1)
"""Firings of so long a time decide whether an alert flaps."""


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered between two looks.

    Attributes:
        phase: where in its life it is.
        since: since when it is in this phase.
        alert: number of its open alert; of the one that was closed by hand in phase `closed`.
        value: the figure at the last look that had one.
        unknown_since: since when there is no data; None when there is.
        reason: why there is none.
        fires: when it fired within REMEMBERED.
    """

    phase: Phase
    since: datetime
    alert: int | None = None
    value: float | None = None
    unknown_since: datetime | None = None
    reason: str = ""
    fires: tuple[datetime, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from a look: the new state (None: nothing to remember) and what is to be done."""

    state: State | None
    action: Action
    flapping: bool = False


def step(
    state: State | None,
    verdict: Verdict | None,
    rule: Rule,
    now: datetime,
    *,
    alert_open: bool,
    settings: Alerts,
) -> Outcome:
    """Take one look.

    Args:
        state: what was remembered of this label set; None: nothing.
        verdict: what the condition says now; None: the label set is gone, which is as good as over.
        rule: the rule.
        now: the moment of the look.
        alert_open: whether the alert that `state` names is still open; people may have resolved it.
        settings: how flapping is damped, and after how long what was closed by hand is told again.

    Returns:
        The new state and the action. `fire` of a state that was closed means that it goes on all the same.
    """
    before = _before(state, now, alert_open)
    if verdict is not None and verdict.breach is None:
        return _unknown(before, verdict, now)
    known = replace(before, unknown_since=None, reason="")
    if verdict is not None:
        known = replace(known, value=verdict.value)
        if verdict.breach:
            return _breach(known, rule, now, settings)
        if not verdict.recovered:
            return _between(known, now, settings)
    return _over(known, rule, now, settings)


def flaps(state: State, settings: Alerts) -> bool:
    """Whether it fired so often lately that it flaps."""
    return len(state.fires) >= settings.flapping


def _before(state: State | None, now: datetime, alert_open: bool) -> State:
    if state is None:
        return State("ok", now)
    # A clock that was set back must not make anything last for hours.
    fires = tuple(moment for moment in state.fires if timedelta() <= now - moment < REMEMBERED)
    since = min(state.since, now)
    if state.phase in ("firing", "recovering") and not alert_open:
        return replace(state, phase="closed", since=now, fires=fires)
    if state.phase == "closed" and alert_open:
        return replace(state, phase="firing", since=now, fires=fires)
    return replace(state, since=since, fires=fires)


def _kept(state: State, action: Action, settings: Alerts) -> Outcome:
    idle = state.phase == "ok" and not state.fires
    return Outcome(None if idle else state, action, flaps(state, settings))


def _unknown(before: State, verdict: Verdict, now: datetime) -> Outcome:
    if before.phase in ("ok", "pending"):
        # What could not be seen to hold all the time begins anew when it is seen again.
        left = replace(before, phase="ok", since=now, alert=None, unknown_since=None, reason="")
        return Outcome(left if left.fires else None, "")
    since = min(before.unknown_since or now, now)
    return Outcome(replace(before, unknown_since=since, reason=verdict.reason or "there is no figure"), "")


def _breach(known: State, rule: Rule, now: datetime, settings: Alerts) -> Outcome:
    if known.phase == "firing":
        return _kept(known, "", settings)
    if known.phase == "recovering":
        return _kept(replace(known, phase="firing", since=now), "", settings)
    if known.phase == "closed":
        patience = timedelta(seconds=getattr(settings.reminders, rule.severity))
        return _kept(known, "", settings) if now - known.since < patience else _fire(known, now, settings)
    if known.phase == "ok":
        known = replace(known, phase="pending", since=now)
    return _fire(known, now, settings) if now - known.since >= rule.hold else _kept(known, "", settings)


def _fire(known: State, now: datetime, settings: Alerts) -> Outcome:
    fired = replace(known, phase="firing", since=now, alert=None, fires=(*known.fires, now))
    return _kept(fired, "fire", settings)


def _between(known: State, now: datetime, settings: Alerts) -> Outcome:
    """Neither the condition holds nor that of recovery: what fires goes on, what waited to fire does not."""
    if known.phase == "pending":
        return _kept(replace(known, phase="ok", since=now), "", settings)
    if known.phase == "recovering":
        return _kept(replace(known, phase="firing", since=now), "", settings)
    return _kept(known, "", settings)


def _over(known: State, rule: Rule, now: datetime, settings: Alerts) -> Outcome:
    if known.phase in ("ok", "pending", "closed"):
        return _kept(replace(known, phase="ok", since=now, alert=None), "", settings)
    if known.phase == "firing":
        known = replace(known, phase="recovering", since=now)
    keep = rule.keep
    if flaps(known, settings):
        keep = max(keep, timedelta(seconds=settings.flapping_hold))
    if now - known.since < keep:
        return _kept(known, "", settings)
    return _kept(replace(known, phase="ok", since=now, alert=None), "resolve", settings)

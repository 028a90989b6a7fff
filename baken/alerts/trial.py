"""Tests of rules, as promtool has them for Prometheus: given these figures, these alerts at these times.

The conditions and the state machine are those that judge real sites. Silences and inhibition are left out: expected are
the alerts that fire, told or not.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from baken.alerts import machine, spans, texts, trial_file
from baken.alerts.machine import State
from baken.alerts.rule import Rule, Verdict
from baken.alerts.rulebook import RuleBook
from baken.alerts.trial_course import Course, CourseView
from baken.alerts.trial_file import Expectation, Trial
from baken.alerts.view import HOST
from baken.alerts.windows import Hours
from baken.settings import Alerts

_TEXTS = ("title", "message", "advice")
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """How a test went: `problems` are what was otherwise than expected, each a few lines; none: as expected."""

    name: str
    place: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.problems


@dataclass(slots=True)
class _Held:
    """A label set while the test runs: its state, the last verdict that had a figure, and since when it has held."""

    rule: Rule
    site: str
    labels: Mapping[str, str]
    state: State | None = None
    verdict: Verdict | None = None
    began: datetime | None = None


@dataclass(slots=True)
class _Run:
    trial: Trial
    rules: Sequence[Rule]
    settings: Alerts
    held: dict[_Key, _Held] = field(default_factory=dict)
    judged: dict[tuple[str, str], datetime] = field(default_factory=dict)
    holding: dict[str, dict[str, bool]] = field(default_factory=dict)
    told: dict[str, dict[str, datetime]] = field(default_factory=dict)
    number: int = 0


def run(file: Path, book: RuleBook, settings: Alerts) -> list[Result]:
    """Run the tests of a file.

    Args:
        file: the tests; see `trial_file` for what it holds.
        book: the rules.
        settings: when it is night, and how flapping is damped.

    Returns the results in the order of the file. Raises TrialProblems for a file that cannot be understood.
    """
    trials = trial_file.read(file, list(book.rules))
    return [try_out(trial, book, settings) for trial in trials]


def try_out(trial: Trial, book: RuleBook, settings: Alerts) -> Result:
    """Run one test."""
    rules = [rule for rule in book.rules.values() if rule.name in trial.rules or (not trial.rules and rule.enabled)]
    state = _Run(trial, rules, settings)
    problems: list[str] = []
    now, step = trial.start, 0
    for expected in trial.expected:
        while now <= expected.at:
            _look(state, now)
            step += 1
            now = trial.start + step * trial.every
        problems += _differences(state, expected)
    return Result(trial.name, trial.place, tuple(problems))


def _look(run: _Run, now: datetime) -> None:
    night = Hours.parse(run.settings.night)
    sites = sorted({HOST, *run.trial.courses})
    for site in sites:
        course = run.trial.courses.get(site, Course())
        view = CourseView(site, now, course, night, run.trial.zone, _told(run, site))
        for rule in run.rules:
            if _due(run, rule, site, now):
                _judge(run, rule, view)
    watched = [site for site in sites if site != HOST]
    for rule in run.rules:
        if rule.quorum is not None and watched:
            _judge_together(run, rule, watched, now)


def _due(run: _Run, rule: Rule, site: str, now: datetime) -> bool:
    every, before = rule.condition.every, run.judged.get((rule.name, site))
    if every is not None and before is not None and now - before < every:
        return False
    run.judged[rule.name, site] = now
    return True


def _told(run: _Run, site: str) -> dict[str, tuple[bool, datetime]]:
    """Patterns that an alert was about: whether it is open, and since when."""
    is_open = {
        each.labels["pattern"]
        for each in run.held.values()
        if each.site == site and "pattern" in each.labels and each.state is not None and each.state.alert is not None
    }
    return {name: (name in is_open, at) for name, at in run.told.get(site, {}).items()}


def _judge(run: _Run, rule: Rule, view: CourseView) -> None:
    verdicts = list(rule.condition.judge(view))
    if rule.quorum is not None:
        run.holding.setdefault(rule.name, {})[view.site] = any(verdict.breach is True for verdict in verdicts)
        return
    done: set[_Key] = set()
    unknown: Verdict | None = None
    for verdict in verdicts:
        if verdict.breach is None and not verdict.labels:
            unknown = verdict
        done.add(_step(run, rule, view.site, verdict.labels, verdict, view.now))
    for key, each in list(run.held.items()):
        if key[0] == rule.name and key[1] == view.site and key not in done:
            _step(run, rule, view.site, each.labels, unknown, view.now)


def _judge_together(run: _Run, rule: Rule, sites: Sequence[str], now: datetime) -> None:
    quorum, holding = rule.quorum, run.holding.get(rule.name, {})
    names = sorted(site for site in sites if holding.get(site))
    least = quorum.least if quorum is not None else 1
    limit = max(least, math.ceil((quorum.share if quorum is not None else 0) * len(sites)))
    breach = len(names) >= limit
    fields = {"count": str(len(names)), "total": str(len(sites)), "sites": ", ".join(names[:10])}
    verdict = Verdict({}, breach, not breach, float(len(names)), float(limit), now, fields=fields)
    _step(run, rule, HOST, {}, verdict, now)


def _step(run: _Run, rule: Rule, site: str, labels: Mapping[str, str], verdict: Verdict | None, now: datetime) -> _Key:
    key = (rule.name, site, json.dumps(dict(labels), sort_keys=True))
    held = run.held.get(key) or _Held(rule, site, labels)
    before = held.state
    is_open = before is not None and before.alert is not None
    outcome = machine.step(before, verdict, rule, now, alert_open=is_open, settings=run.settings)
    state = outcome.state
    if verdict is not None and verdict.value is not None and (verdict.breach or held.verdict is None):
        held.verdict = verdict
    if outcome.action == "fire" and state is not None:
        run.number += 1
        held.began = before.since if before is not None and before.phase == "pending" else now
        held.verdict = verdict
        if "pattern" in labels:
            run.told.setdefault(site, {})[labels["pattern"]] = now
        state = replace(state, alert=run.number)
    held.state = state
    if state is None:
        run.held.pop(key, None)
    else:
        run.held[key] = held
    return key


def _differences(run: _Run, expected: Expectation) -> list[str]:
    after = spans.short(expected.at - run.trial.start)
    held = [each for each in run.held.values() if each.state is not None]
    given: list[tuple[str, Sequence[Mapping[str, Any]] | None, list[_Held]]] = [
        ("alerts", expected.alerts, [each for each in held if each.state and each.state.alert is not None]),
        ("pending", expected.pending, [each for each in held if each.state and each.state.phase == "pending"]),
        ("unknown", expected.unknown, [each for each in held if each.state and each.state.unknown_since is not None]),
    ]
    found = []
    for name, wanted, there in given:
        if wanted is None:
            continue
        lines = list(_compare(wanted, there, expected.at))
        if lines:
            found.append("\n".join([f"{expected.place}: {name} after {after}:", *(f"  {line}" for line in lines)]))
    return found


def _compare(wanted: Sequence[Mapping[str, Any]], there: Sequence[_Held], now: datetime) -> Iterable[str]:
    rest = list(there)
    unmet: list[Mapping[str, Any]] = []
    for want in wanted:
        match = next((each for each in rest if not list(_unlike(want, each, now))), None)
        if match is None:
            unmet.append(want)
        else:
            rest.remove(match)
    for want in unmet:
        near = next((each for each in rest if each.rule.name == want.get("rule")), None)
        if near is None:
            yield f"- expected, and not there: {_shown(want)}"
            continue
        rest.remove(near)
        yield f"~ {near.rule.name}{_where(near)}:"
        for name, expected, actual in _unlike(want, near, now):
            yield f"    {name}: expected {expected!r}"
            yield f"    {' ' * len(name)}       got {actual!r}"
    for each in rest:
        value = f", value {each.verdict.value:g}" if each.verdict and each.verdict.value is not None else ""
        yield f"+ there, and not expected: {each.rule.name}{_where(each)}, {each.rule.severity}{value}"


def _unlike(want: Mapping[str, Any], held: _Held, now: datetime) -> Iterable[tuple[str, Any, Any]]:
    """What differs: name, expected, actual."""
    verdict = held.verdict
    plain = {
        "rule": held.rule.name,
        "site": held.site,
        "severity": held.rule.severity,
        "value": verdict.value if verdict is not None else None,
        "limit": verdict.limit if verdict is not None else None,
    }
    for name, expected in want.items():
        if name in _TEXTS:
            for language, text in (expected if isinstance(expected, dict) else {"en": expected}).items():
                actual = _text(held, name, str(language), now)
                if actual != text:
                    yield f"{name}.{language}", text, actual
        elif name == "labels":
            differing = {
                label: held.labels.get(label) for label in expected if held.labels.get(label) != expected[label]
            }
            if differing:
                yield name, expected, dict(held.labels)
        elif not _same(expected, plain[name]):
            yield name, expected, plain[name]


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return math.isclose(expected, actual, rel_tol=1e-6, abs_tol=1e-9)
    return bool(expected == actual)


def _text(held: _Held, name: str, language: str, now: datetime) -> str:
    text = getattr(held.rule, name)
    if language not in text:
        return f"(there is no text in {language})"
    verdict = held.verdict or Verdict(held.labels, None)
    since = now - (held.began or now)
    return texts.fill(text, verdict, held.rule, language, site=held.site, since=since)


def _where(held: _Held) -> str:
    pairs = {**held.labels, **({"site": held.site} if held.site else {})}
    return "{" + ", ".join(f"{name}={value}" for name, value in pairs.items()) + "}"


def _shown(want: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" if name != "rule" else str(value) for name, value in want.items())

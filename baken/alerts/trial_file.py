"""Files of rule tests: TOML with `[[test]]` tables. What cannot be understood is told with its line, all at once.

    [[test]]
    name = "Twelve errors within an hour are too many"
    rules = ["HIGH_ERROR_RATE"]          # otherwise all
    start = 2026-11-22T12:00:00Z         # otherwise Monday 5 January 2026, 12:00 UTC
    every = "1m"                         # how often is measured and judged; otherwise a minute
    site = "vereniging.example"          # of what names no site of its own
    zone = "Europe/Amsterdam"            # for night limits; otherwise UTC

    [[test.series]]
    metric = "frappe_errors"
    labels = { window = "1h" }
    values = "4x5 12x10 7x20"            # or a list of numbers

    [[test.expect]]
    at = "6m"
    alerts = [{ rule = "HIGH_ERROR_RATE", severity = "CRITICAL", value = 12 }]

Values are written as promtool has them: `4x5` is 4 and five times more, `0+10x3` is 0 10 20 30, `_` stands for a time
at which the metric was not measured, `_x3` for three of them, `stale` for one at which this label set was gone. A
`series` may have its own `every`, `after` (when it begins) and `site`. Also: `[[test.absent]]` (metric, from, to,
reason), `[[test.patterns]]` (at, id, change, …), `[[test.findings]]` (at, finding, name, …), and for jobs that report
by pings `[[test.checks]]` (name, period or cron, grace) and `[[test.pings]]` (at, check, signal, exit_code). An
`expect` has `alerts`, all that are open then, and may have `pending` and `unknown`; each names `rule`, and of site,
severity, labels, value, title.en, message.nl and the like what is to be compared.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from baken.alerts import pings, toml_lines
from baken.alerts.pings import SIGNALS, BadCron, Schedule
from baken.alerts.rule import SEVERITIES, SeenFinding, SeenPattern, Severity
from baken.alerts.rule_table import LANGUAGES, Problem, RuleTable, nearest
from baken.alerts.trial_course import GONE, Absent, Appearance, Course, Job, Series
from baken.alerts.view import HOST
from baken.metrics import catalogue

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""When a test begins that does not say: a Monday at noon."""

_SITE = "site.example"
_MINUTE = timedelta(minutes=1)
_ZERO = timedelta()
_MOST_LOOKS = 100_000
_TEST = ("name", "rules", "start", "every", "site", "zone", "series", "absent", "patterns", "findings", "checks",
         "pings", "expect")  # fmt: skip
_PATTERN = ("at", "site", "id", "title", "exception", "category", "severity", "area", "state", "change", "count_hour",
            "seen")  # fmt: skip
_COMPARED = ("rule", "site", "severity", "labels", "value", "limit", "title", "message", "advice")
_NUMBER = r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?"
_VALUE = re.compile(rf"({_NUMBER})(?:([+-])({_NUMBER.removeprefix('-?')}))?(?:x(\d+))?")
_MISSING = re.compile(r"_(?:x(\d+))?")


class TrialProblems(Exception):
    """A file of rule tests cannot be understood. `problems` has all that is wrong, `str()` a line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is to be so at a moment. Each entry of the lists holds what is compared, by name."""

    at: datetime
    place: str
    alerts: Sequence[Mapping[str, Any]]
    pending: Sequence[Mapping[str, Any]] | None
    unknown: Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One test: what happens on which site, and what is expected.

    `rules` are the names of those that are judged; empty: all. `place` is file and line.
    """

    name: str
    place: str
    rules: frozenset[str]
    start: datetime
    every: timedelta
    zone: str
    courses: Mapping[str, Course] = field(default_factory=dict)
    expected: Sequence[Expectation] = ()


def read(file: Path, rules: Sequence[str]) -> list[Trial]:
    """The tests of a file; `rules` are the names of those there are. Raises TrialProblems."""
    shown = str(file)
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TrialProblems([Problem(shown, 0, "", f"this is not valid TOML: {error}")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TrialProblems([Problem(shown, 0, "", f"the file cannot be read: {error}")]) from None
    lines = toml_lines.lines(text)
    problems: list[Problem] = []

    def locate(path: Sequence[str]) -> tuple[str, int]:
        known = (lines[tuple(path[:length])] for length in range(len(path), 0, -1) if tuple(path[:length]) in lines)
        return shown, next(known, 0)

    whole = RuleTable("", values, (), locate, problems)
    whole.refuse_unknown(("test",))
    found = [_Reader(table, rules).trial() for table in _tables(whole, "test")]
    if not found and not problems:
        problems.append(Problem(shown, 0, "", "there is no [[test]] in it"))
    if problems:
        raise TrialProblems(sorted(problems, key=lambda problem: problem.line))
    return found


def _tables(table: RuleTable, key: str) -> list[RuleTable]:
    given = table.values.get(key, [])
    if not isinstance(given, list) or any(not isinstance(each, dict) for each in given):
        table.problem(f"{key} has to be a list of tables: [[{key}]]", key)
        return []
    return [table.within(each, (key, str(number))) for number, each in enumerate(given)]


class _Reader:
    """Reads one test. Only the test's table and its times are kept between the parts."""

    def __init__(self, table: RuleTable, rules: Sequence[str]) -> None:
        self.table = table
        self.rules = rules
        table.refuse_unknown(_TEST)
        self.start = self._start()
        self.every = table.span("every", _MINUTE) or _MINUTE
        self.site = table.text("site", _SITE)
        self.courses: dict[str, Course] = {}

    def trial(self) -> Trial:
        """The test; problems are noted with its table."""
        table = self.table
        name = table.text("name")
        if not name:
            table.problem("name is missing: what does this test show?")
        chosen = table.names("rules")
        for each in chosen:
            if each not in self.rules:
                table.problem(f"there is no rule {each}{nearest(each, self.rules)}", "rules")
        for part in _tables(table, "series"):
            self._series(part)
        for part in _tables(table, "absent"):
            self._absent(part)
        for part in _tables(table, "patterns"):
            self._pattern(part)
        for part in _tables(table, "findings"):
            self._finding(part)
        for part in _tables(table, "checks"):
            self._job(part)
        for part in _tables(table, "pings"):
            self._ping(part)
        expected = [self._expectation(part) for part in _tables(table, "expect")]
        if not expected:
            table.problem("nothing is expected: give [[test.expect]]")
        last = max((each.at for each in expected), default=self.start)
        if (last - self.start) / self.every > _MOST_LOOKS:
            table.problem(f"it lasts too long: more than {_MOST_LOOKS} looks; give a longer every", "every")
        return Trial(
            name, table.place(), frozenset(chosen), self.start, self.every, table.text("zone", "UTC"), self.courses,
            sorted(expected, key=lambda each: each.at),
        )  # fmt: skip

    def _start(self) -> datetime:
        given = self.table.values.get("start", START)
        if isinstance(given, datetime) and given.tzinfo is not None:
            return given.astimezone(UTC)
        self.table.problem("start has to be a moment with its zone, such as 2026-11-22T12:00:00Z", "start")
        return START

    def _course(self, part: RuleTable, *, host: bool = False) -> Course:
        return self.courses.setdefault(HOST if host else part.text("site", self.site), Course())

    def _at(self, part: RuleTable, key: str, default: timedelta | None = _ZERO) -> datetime:
        if default is None and key not in part:
            part.problem(f'{key} is missing: how long after the beginning? Such as "5m"')
        return self.start + (part.span(key, default) or _ZERO)

    def _metric(self, part: RuleTable) -> catalogue.Metric | None:
        name = part.text("metric")
        entry = catalogue.get(name)
        if entry is None:
            part.problem(f"there is no metric {name}{nearest(name, [each.name for each in catalogue.metrics()])}",
                         "metric")  # fmt: skip
        return entry

    def _series(self, part: RuleTable) -> None:
        part.refuse_unknown(("metric", "labels", "values", "every", "after", "site"))
        entry = self._metric(part)
        if entry is None:
            return
        labels = part.matchers("labels", entry.labels, f"metric {entry.name}")
        missing = [label for label in entry.labels if label not in labels]
        if missing:
            part.problem(f"metric {entry.name} has the labels {', '.join(entry.labels)}; give all of them", "labels")
        values = _values(part)
        every = part.span("every", self.every) or self.every
        course = self._course(part, host=entry.scope in ("host", "monitor"))
        course.series.append(Series(entry.name, labels, self._at(part, "after"), every, values))

    def _absent(self, part: RuleTable) -> None:
        part.refuse_unknown(("metric", "from", "to", "reason", "site"))
        entry = self._metric(part)
        if entry is None:
            return
        until = self._at(part, "to") if "to" in part else datetime.max.replace(tzinfo=UTC)
        course = self._course(part, host=entry.scope in ("host", "monitor"))
        reason = part.text("reason", "it could not be measured")
        course.absent.append(Absent(entry.name, self._at(part, "from"), until, reason))

    def _pattern(self, part: RuleTable) -> None:
        part.refuse_unknown(_PATTERN)
        course, at, name = self._course(part), self._at(part, "at", None), part.text("id", "pattern")
        # What is not said again stays as it was.
        before = next((each.pattern for each in reversed(course.patterns) if each.pattern.id == name), None)

        def said(key: str, otherwise: str) -> str:
            return part.text(key, getattr(before, key) if before is not None else otherwise)

        severity = part.choice("severity", SEVERITIES, before.severity if before is not None else "MEDIUM") or "MEDIUM"
        seen = part.flag("seen", default=True)
        count = part.number("count_hour")
        change = part.choice("change", ("new", "regressed", "escalated"), "") or ""
        course.patterns.append(
            Appearance(
                at,
                SeenPattern(
                    id=name,
                    title=said("title", "An error"),
                    exception=said("exception", "ValueError"),
                    category=said("category", "code"),
                    severity=severity,
                    area=said("area", ""),
                    state=said("state", "open"),
                    change=change or (before.change if before is not None else ""),
                    first_seen=before.first_seen if before is not None else at,
                    last_seen=at if seen or before is None else before.last_seen,
                    count_hour=int(count if count is not None else 1),
                ),
                news=bool(change),
            )
        )

    def _finding(self, part: RuleTable) -> None:
        part.refuse_unknown(("at", "site", "finding", "name", "label", "pattern", "count"))
        kind, at = part.choice("finding", ("leak", "lost"), "leak") or "leak", self._at(part, "at", None)
        name, count = part.text("name", "password"), part.number("count")
        label = part.words("label", required=False) if "label" in part else dict.fromkeys(LANGUAGES, name)
        found = SeenFinding(kind, name, label, part.text("pattern") or None, int(count or 1), at)
        self._course(part).findings.append((at, found))

    def _job(self, part: RuleTable) -> None:
        part.refuse_unknown(("name", "site", "period", "cron", "zone", "grace"))
        name, period, cron = part.text("name"), part.span("period"), part.text("cron")
        if (period is None) == (not cron):
            part.problem("how often does it report? Give period or cron: one of the two")
            return
        if cron:
            try:
                cron = pings.cron_of(cron)
            except BadCron as problem:
                part.problem(str(problem), "cron")
                return
        grace = part.span("grace", _MINUTE) or _MINUTE
        schedule = Schedule(period, cron, part.text("zone"))
        self._course(part).jobs[name] = Job(name, schedule, grace, self.start)

    def _ping(self, part: RuleTable) -> None:
        part.refuse_unknown(("at", "site", "check", "signal", "exit_code"))
        name, at, jobs = part.text("check"), self._at(part, "at", None), self._course(part).jobs
        signal = part.choice("signal", SIGNALS, "success")
        code = part.number("exit_code")
        if name not in jobs:
            part.problem(f"there is no check {name}{nearest(name, jobs)}; give it under [[test.checks]]", "check")
            return
        for each in SIGNALS:
            if each == signal:
                jobs[name].pings.append((at, each, None if code is None else int(code)))

    def _expectation(self, part: RuleTable) -> Expectation:
        part.refuse_unknown(("at", "alerts", "pending", "unknown"))
        at = self._at(part, "at", None)
        lists = {key: self._expected(part, key) for key in ("alerts", "pending", "unknown")}
        return Expectation(at, part.place(), lists["alerts"] or [], lists["pending"], lists["unknown"])

    def _expected(self, part: RuleTable, key: str) -> list[Mapping[str, Any]] | None:
        if key not in part:
            return None
        found: list[Mapping[str, Any]] = []
        for each in _tables(part, key):
            each.refuse_unknown(_COMPARED)
            rule = each.text("rule")
            if rule not in self.rules:
                each.problem(f"there is no rule {rule}{nearest(rule, self.rules)}", "rule")
            each.choice("severity", get_args(Severity))
            found.append(dict(each.values))
        return found


def _values(part: RuleTable) -> list[float | str | None]:
    given = part.values.get("values")
    if isinstance(given, list):
        if all(isinstance(each, int | float) and not isinstance(each, bool) for each in given):
            return [float(each) for each in given]
        part.problem('values has to be a list of numbers, or a text such as "0+10x5"', "values")
        return []
    if not isinstance(given, str):
        part.problem('values is missing: a list of numbers, or a text such as "0+10x5 _ stale"', "values")
        return []
    found: list[float | str | None] = []
    for word in given.split():
        value, missing = _VALUE.fullmatch(word), _MISSING.fullmatch(word)
        if word == GONE:
            found.append(GONE)
        elif missing is not None:
            found += [None] * int(missing[1] or 1)
        elif value is not None:
            step = float(f"{value[2] or '+'}{value[3] or 0}")
            found += [float(value[1]) + step * number for number in range(int(value[4] or 0) + 1)]
        else:
            part.problem(f"values: {word!r} is none of 3, 3x5, 0+10x5, _, _x3, stale", "values")
    return found

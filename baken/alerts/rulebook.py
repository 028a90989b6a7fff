"""The rules: those that Baken brings, and those of the user's file, which may change, replace or switch them off.

A table of the user's file changes single keys of the rule of the same name that Baken brings; one that names its
`kind` or `metric` stands for itself, as does one of a new name. Everything that is wrong is told at once, each with
its file and line.
"""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from baken.alerts import kinds, limits, texts, toml_lines
from baken.alerts.kinds import Judge
from baken.alerts.rule import AREAS, SEVERITIES, Quorum, Rule, Text
from baken.alerts.rule_table import Key, Problem, RuleTable, nearest
from baken.metrics import catalogue
from baken.settings import Settings, SettingsError

DEFAULTS = Path(__file__).with_name("rules.toml")
"""The rules that Baken brings."""

MANUAL = "docs/runbook.md"
"""The page of the manual with a section for each of them."""

PAGE = "set on the page"
"""Where a rule, or a key of it, comes from that somebody set on the page."""

KEYS: Mapping[str, Key] = {
    "kind": Key(f"one of {', '.join(kinds.KINDS)}", "How it judges. Otherwise threshold."),
    "severity": Key(f"one of {', '.join(SEVERITIES)}", "How bad it is."),
    "area": Key(f"one of {', '.join(AREAS)}", "What it is about."),
    "name": Key("text, or { en, nl }", "What people call it, in a few words. Otherwise its name in words."),
    "title": Key("text, or { en, nl }", "One line. Fields such as {value}, {limit}, {site} and labels are put in."),
    "message": Key("text, or { en, nl }", "What it means, in a sentence or two; with the same fields."),
    "advice": Key("text, or { en, nl }", "What to do first; with the same fields."),
    "reason": Key("text, or { en, nl }", "Why the limit is what it is."),
    "for": Key("length of time", "So long the condition has to hold before it fires. Otherwise at once."),
    "keep": Key("length of time", "So long it has to be over before it is resolved. Otherwise at once."),
    "runbook": Key("text", "Address or page that says more."),
    "tell": Key("list of texts", "Names of recipients who are told, instead of those whose settings fit."),
    "inhibits": Key("list of texts", "Rules that are not told while this one fires, on the same site."),
    "quorum": Key("table", "For many sites at once: `{ share = 0.4, least = 3 }` of the sites."),
    "enabled": Key("true or false", "Whether it is judged. Otherwise true."),
}
"""Keys of every rule; each kind adds its own."""

LONGEST_NAME = 60
"""Characters of what people call a rule."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]{2,59}")
_BAD_NAME = "a rule's name has 3 to 60 capitals, digits and _, such as HIGH_CPU"
_AT_LINE = re.compile(r" ?\(at line (\d+), column (\d+)\)")


class RuleProblems(SettingsError):
    """Rules cannot be used. `problems` has all of them, `str()` a line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules by name, in the order of their files: those that Baken brings first. Also those switched off.

    `tables` are what they were read from, for whoever changes keys of them.
    """

    rules: Mapping[str, Rule]
    tables: Mapping[str, "_Table"] = field(default_factory=dict, repr=False, compare=False)

    @property
    def enabled(self) -> list[Rule]:
        """The rules that are judged."""
        return [rule for rule in self.rules.values() if rule.enabled]

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics that the rules which are judged look at."""
        return frozenset(name for rule in self.enabled for name in rule.condition.metrics)


def load(settings: Settings) -> RuleBook:
    """The rules that apply with these settings. Raises RuleProblems."""
    file = settings.alerts.rules
    if file is None:
        file = settings.data_dir / "rules.toml"
        if not file.is_file():
            file = None
    return read(file, [recipient.name for recipient in settings.alerts.recipients])


def read(file: Path | None, recipients: Collection[str] = (), *, defaults: Path = DEFAULTS) -> RuleBook:
    """The rules that Baken brings, with what a file says.

    Args:
        file: the user's file; None: none.
        recipients: names that `tell` may give.
        defaults: the file with the rules to begin with.

    Raises:
        RuleProblems: a file cannot be read, or something in it cannot be used.
    """
    problems: list[Problem] = []
    tables: dict[str, _Table] = {table.name: table for table in _tables(defaults, problems)}
    for table in _tables(file, problems) if file is not None else ():
        given = tables.get(table.name)
        alone = given is None or "kind" in table.values or "metric" in table.values
        tables[table.name] = table if alone or given is None else given.changed_by(table)
    found = {name: _rule(table, tables, recipients, defaults, problems) for name, table in tables.items()}
    if not problems:
        _refuse_circles({name: rule for name, rule in found.items() if rule is not None}, tables, problems)
    if problems:
        raise RuleProblems(sorted(problems, key=lambda problem: (problem.file != defaults.name, problem.line)))
    return RuleBook({name: rule for name, rule in found.items() if rule is not None}, tables)


def with_changes(
    book: RuleBook, changes: Mapping[str, Mapping[str, Any]], recipients: Collection[str] = ()
) -> tuple[RuleBook, list[Problem]]:
    """The rules with single keys changed, or rules added, on the page.

    Args:
        book: the rules as the files have them.
        changes: tables by the rule's name, as a file of rules would have them.
        recipients: names that `tell` may give.

    Returns:
        The rules, and what of the changes cannot be used: such a rule stays as it was, or away. The line of a problem
        is the place of the key in its table, counted from 1.
    """
    problems: list[Problem] = []
    rules, tables = dict(book.rules), dict(book.tables)
    for name, values in changes.items():
        given = tables.get(name)
        if given is None and not _NAME.fullmatch(name):
            problems.append(Problem(PAGE, 0, name[:60], _BAD_NAME))
            continue
        places: dict[tuple[str, ...], tuple[str, int]] = {
            (name, key): (PAGE, place) for place, key in enumerate(values, start=1)
        }
        if given is None:
            places[(name,)] = (PAGE, 0)
        made = _Table(name, values, places)
        table = made if given is None else given.changed_by(made)
        own: list[Problem] = []
        try:
            rule = _rule(table, {**tables, name: table}, recipients, DEFAULTS, own)
        except OverflowError:
            rule = None
            own.append(Problem(PAGE, 0, name, "it holds a number that is too large"))
        if own or rule is None:
            problems += own
        else:
            rules[name], tables[name] = rule, table
    return RuleBook(rules, tables), problems


@dataclass(frozen=True, slots=True)
class _Table:
    """A rule's table, perhaps of two files. `places` is where its keys stand, by path."""

    name: str
    values: Mapping[str, Any]
    places: Mapping[tuple[str, ...], tuple[str, int]]

    def changed_by(self, other: "_Table") -> "_Table":
        """This table with the keys of another, which wins."""
        values = {key: value for key, value in self.values.items() if key not in _dropped(other.values)}
        return replace(self, values={**values, **other.values}, places={**self.places, **other.places})

    def locate(self, path: Sequence[str]) -> tuple[str, int]:
        """File and line of a key, or of the nearest table around it."""
        for length in range(len(path), 0, -1):
            place = self.places.get(tuple(path[:length]))
            if place is not None:
                return place
        return self.places.get((self.name,), ("", 0))


def _dropped(given: Mapping[str, Any]) -> set[str]:
    """Keys that no longer mean anything when those of `given` are set: another limit has another recovery."""
    if not any(name in given for name in limits.NAMES):
        return set()
    return {*limits.NAMES, "recover"}


def _tables(file: Path, problems: list[Problem]) -> list[_Table]:
    shown = file.name if file == DEFAULTS else str(file)
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        problems.append(Problem(shown, line, "", f"this is not valid TOML: {_AT_LINE.sub('', str(error))}"))
        return []
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(shown, 0, "", f"the file cannot be read: {error}"))
        return []
    lines = toml_lines.lines(text)
    found = []
    for name, table in values.items():
        line = lines.get((name,), 0)
        if not isinstance(table, dict):
            problems.append(Problem(shown, line, "", f"{name} stands outside a rule: begin one with [NAME]"))
        elif not _NAME.fullmatch(name):
            problems.append(Problem(shown, line, name, _BAD_NAME))
        else:
            own = {path: (shown, at) for path, at in lines.items() if path[0] == name}
            found.append(_Table(name, table, own))
    return found


def _rule(
    source: _Table,
    tables: Mapping[str, _Table],
    recipients: Collection[str],
    defaults: Path,
    problems: list[Problem],
) -> Rule | None:
    before = len(problems)
    table = RuleTable(source.name, source.values, (source.name,), source.locate, problems)
    name = table.choice("kind", kinds.KINDS, "threshold")
    if name is None or ("kind" in table and table.values["kind"] not in kinds.KINDS):
        return None
    kind = kinds.kind(name)
    table.refuse_unknown((*KEYS, *kind.KEYS))
    condition = kind.parse(table)
    severity, area = _required(table, "severity", SEVERITIES), _required(table, "area", AREAS)
    quorum = _quorum(table, condition)
    told = {key: table.words(key, required=key != "advice") for key in ("title", "message", "advice")}
    if condition is not None:
        _check_texts(table, told, condition, quorum)
    called = _called(table)
    hold = table.span("for", timedelta()) or timedelta()
    if kind.MOMENTARY and hold:
        table.problem(f"for means nothing here: a condition of kind {name} is news at one moment", "for")
    tell, inhibits = table.names("tell"), table.names("inhibits")
    for each in tell:
        if each not in recipients:
            hint = nearest(each, recipients) or "; baken.toml lists none under [[alerts.recipients]]"
            table.problem(f"tell: there is no recipient {each}{hint}", "tell")
    for each in inhibits:
        if each == source.name:
            table.problem("inhibits: a rule cannot silence itself", "inhibits")
        elif each not in tables:
            table.problem(f"inhibits: there is no rule {each}{nearest(each, tables)}", "inhibits")
    runbook = table.text("runbook", f"{MANUAL}#{source.name.lower()}" if _brought(source, defaults) else "")
    reason, keep, enabled = table.words("reason", required=False), _keep(table), table.flag("enabled", default=True)
    if len(problems) > before or condition is None or severity is None or area is None:
        return None
    file, line = source.locate((source.name,))
    return Rule(
        name=source.name,
        called=called,
        kind=name,
        condition=condition,
        severity=next(word for word in SEVERITIES if word == severity),
        area=area,
        title=told["title"],
        message=told["message"],
        advice=told["advice"],
        reason=reason,
        hold=hold,
        keep=keep,
        runbook=runbook,
        tell=tuple(tell),
        inhibits=tuple(inhibits),
        quorum=quorum,
        enabled=enabled,
        source=f"{file}:{line}" if line else file,
        extra=_extra(name, condition, quorum),
    )


def _extra(kind: str, condition: Judge, quorum: Quorum | None) -> dict[str, Any]:
    """What an alert keeps of its condition, for its page and its chart."""
    if quorum is not None:
        return {"unit": "sites"}
    known: dict[str, Any] = {"unit": condition.unit, "match": dict(condition.match)}
    if len(condition.metrics) == 1:
        (metric,) = condition.metrics
        entry = catalogue.get(metric)
        # Other kinds judge something that they compute: their limit is none of the metric's own course.
        known |= {"metric": metric, "plain": kind == "threshold", "good": entry.good if entry is not None else None}
    return known


def _refuse_circles(rules: Mapping[str, Rule], tables: Mapping[str, _Table], problems: list[Problem]) -> None:
    """Note a problem for each rule that silences one which silences it: nobody would be told of either."""
    for name, rule in rules.items():
        reached: set[str] = set()
        waiting = list(rule.inhibits)
        while waiting:
            each = waiting.pop()
            if each not in reached:
                reached.add(each)
                waiting += rules[each].inhibits
        if name in reached:
            file, line = tables[name].locate((name, "inhibits"))
            problems.append(Problem(file, line, name, "inhibits: it silences a rule that silences it in turn"))


def _brought(source: _Table, defaults: Path) -> bool:
    return any(file == defaults.name for file, _ in source.places.values())


def _required(table: RuleTable, key: str, options: Sequence[str]) -> str | None:
    if key not in table:
        table.problem(f"{key} is missing: give one of {', '.join(options)}")
    return table.choice(key, options)


def _called(table: RuleTable) -> Text:
    """What people call the rule. No figures: it stands where there are none, and lists are sorted by it."""
    said = table.words("name", required=False)
    # One text for both languages is wrong once.
    for language, text in said.items() if len(set(said.values())) > 1 else list(said.items())[:1]:
        if "{" in text or "}" in text:
            table.problem("name: no fields are put in; the title has them", "name", language)
        elif len(text) > LONGEST_NAME:
            table.problem(f"name: {len(text)} characters are too many; at most {LONGEST_NAME}", "name", language)
    return {language: text.strip() or texts.in_words(table.rule) for language, text in said.items()}


def _keep(table: RuleTable) -> timedelta:
    keep = table.span("keep", timedelta()) or timedelta()
    over = table.values.get("recover")
    if not isinstance(over, dict) or "for" not in over:
        return keep
    if "keep" in table:
        table.problem("keep and recover.for say the same: give one of them", "recover", "for")
    inner = table.table("recover")
    return (inner.span("for", keep) or keep) if inner is not None else keep


def _quorum(table: RuleTable, condition: Judge | None) -> Quorum | None:
    given = table.table("quorum")
    if given is None:
        return None
    given.refuse_unknown(("share", "least"))
    share, least = given.number("share"), given.number("least")
    if share is not None and not 0 < share <= 1:
        given.problem("share is a part of the sites, from 0 to 1: 0.4 are two in five", "share")
    if least is not None and (least < 1 or least != int(least)):
        given.problem("least is a number of sites", "least")
    if share is None and least is None:
        given.problem("quorum needs share, least, or both")
    if condition is not None:
        scopes = {entry.scope for name in condition.metrics if (entry := catalogue.get(name)) is not None}
        if not scopes or scopes & {"host", "monitor"}:
            table.problem("quorum counts sites, and this rule is not about a metric of sites", "quorum")
    return Quorum(int(least if least is not None else 1), share if share is not None else 0.0)


def _check_texts(
    table: RuleTable, told: Mapping[str, Mapping[str, str]], condition: Judge, quorum: Quorum | None
) -> None:
    # Together, the sites of a rule have no labels in common.
    own = frozenset((*texts.TOGETHER, "value", "limit")) if quorum is not None else condition.fields
    known = (*texts.COMMON, *own)
    for key, text in told.items():
        for language in text if len(set(text.values())) > 1 else list(text)[:1]:
            for name in texts.mistakes(text[language], known):
                if name == "{":
                    table.problem(f"{key}: a brace without a field; fields are written as {{value}}", key, language)
                else:
                    table.problem(f"{key} names {{{name}}}, which this rule does not have{nearest(name, known)}",
                                  key, language)  # fmt: skip

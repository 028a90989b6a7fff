"""Rules as people changed them on the page, for one site each: those of the files with keys changed, and own ones.

A change of one site touches no other. What is about the host or over many sites is changed for the installation, and
is kept under no site's name.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from baken.alerts import kinds, limits, rulebook
from baken.alerts.engine import about_host
from baken.alerts.rule import Rule
from baken.alerts.rule_table import Problem
from baken.alerts.rulebook import PAGE, RuleBook
from baken.history import kept
from baken.history.kept import EVERYWHERE, Kept
from baken.metrics import catalogue
from baken.settings import Alerts

MOST = 100
"""So many rules of its own a site may have."""

PREFIX = "OWN_"
"""How the names of rules begin that were made on the page: no file has such names."""

CHANGED = ("enabled", "severity", "for", "tell", *limits.NAMES, "night")
"""Keys of a rule of a file that can be changed on the page."""

OWN = (*CHANGED, "metric", "match", "area", "name", "title", "message", "advice", "reason", "recover", "keep")
"""Keys that a rule made on the page may have."""


@dataclass(frozen=True, slots=True)
class Books:
    """The rules that apply: everywhere, and on each site that has its own; what cannot be used, by site."""

    everywhere: RuleBook
    of_sites: Mapping[str, RuleBook] = field(default_factory=dict)
    problems: Mapping[str, list[Problem]] = field(default_factory=dict)

    def of(self, site: str) -> RuleBook:
        """Those of one site."""
        return self.of_sites.get(site, self.everywhere)


def books(conn: Connection, book: RuleBook, alerts: Alerts, sites: Collection[str] | None = None) -> Books:
    """The rules of a file with what was set on the page.

    Args:
        conn: a connection that reads.
        book: the rules as the files have them.
        alerts: settings with all recipients, also those of the page, whom `tell` may name.
        sites: of these sites alone; None: of all.
    """
    rows = kept.load(conn, "rule")
    if not rows:
        return Books(book)
    problems: dict[str, list[Problem]] = {}
    everywhere, wrong = _changed(book, rows, EVERYWHERE, names(alerts, EVERYWHERE))
    if wrong:
        problems[EVERYWHERE] = wrong
    found: dict[str, RuleBook] = {}
    for site in sorted({row.site for row in rows} - {EVERYWHERE}):
        if sites is None or site in sites:
            own, wrong = _changed(everywhere, rows, site, names(alerts, site))
            found[site] = own
            if wrong:
                problems[site] = wrong
    return Books(everywhere, found, problems)


def _changed(
    book: RuleBook, rows: Iterable[Kept], site: str, recipients: Collection[str]
) -> tuple[RuleBook, list[Problem]]:
    """A book with what was set for a site, and what of that cannot be used."""
    lost: list[Problem] = []
    values: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.site != site:
            continue
        if not row.readable:
            lost.append(Problem(PAGE, 0, row.name, "what was set on the page cannot be read any more; set it again"))
            continue
        values[row.name], gone = _told_by(row.body["values"], recipients)
        if gone:
            text = f"it tells {', '.join(gone)}, who can be told no more; choose somebody else"
            lost.append(Problem(PAGE, 0, row.name, text))
    made, wrong = rulebook.with_changes(book, values, [*recipients, *_named_in_files(book, values)])
    return made, lost + wrong


def _named_in_files(book: RuleBook, values: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Whom the rules to be changed name already, where the change leaves that as it is: also those of other sites."""
    rules = (book.rules[name] for name, keys in values.items() if "tell" not in keys and name in book.rules)
    return [each for rule in rules for each in rule.tell]


def _told_by(values: Mapping[str, Any], recipients: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Keys of a rule without those of its recipients who are there no more, and their names.

    That somebody is gone (a channel was taken out of the file) must not take the rule with it: where nobody of those is
    left, it is told as a rule that names nobody.
    """
    tell = values.get("tell")
    if not isinstance(tell, list) or not all(isinstance(name, str) for name in tell):
        return dict(values), []
    gone = [name for name in tell if name not in recipients]
    left = [name for name in tell if name in recipients]
    return {**values, "tell": left}, gone


def names(alerts: Alerts, site: str) -> list[str]:
    """Names of the recipients who may be told of a site; of the host: all."""
    return [each.name for each in alerts.recipients if not each.sites or not site or site in each.sites]


def for_all(rule: Rule) -> bool:
    """Whether a rule is the whole installation's: about the host, about Baken itself, or over many sites."""
    return rule.quorum is not None or about_host(rule)


def metric_of_host(name: str) -> bool:
    """Whether a metric is one of the host or of Baken itself."""
    entry = catalogue.get(name)
    return entry is not None and entry.scope in ("host", "monitor")


def editable(rule: Rule) -> list[str]:
    """The keys of a rule that can be changed on the page: the limit only where its kind has one."""
    kind = kinds.kind(rule.kind)
    has_limits = "above" in kind.KEYS
    found = ["enabled", "severity", "tell"]
    if not kind.MOMENTARY:
        found.append("for")
    if has_limits:
        found += ["limit", "night"]
    return found


def limit_of(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The limit of a table: {how, figure, night (or None)}; None where it has none."""
    how = next((name for name in limits.NAMES if name in values), None)
    if how is None:
        return None
    night = values.get("night")
    at_night = next((night[name] for name in limits.NAMES if name in night), None) if isinstance(night, dict) else None
    return {"how": how, "figure": values[how], "night": at_night}


def check(
    book: RuleBook, name: str, values: Mapping[str, Any], recipients: Collection[str], *, own: bool
) -> tuple[Rule | None, list[tuple[str, str]]]:
    """What a rule would be with these keys, by the code that checks files of rules.

    Returns the rule (None when it cannot be used) and what is wrong: (key, or empty for the whole; text).
    """
    allowed = OWN if own else CHANGED
    wrong = [(key, f"{key} cannot be set on the page") for key in values if key not in allowed]
    if wrong:
        return None, wrong
    keys = list(values)
    people = [*recipients, *_named_in_files(book, {name: values})]
    changed, problems = rulebook.with_changes(book, {name: values}, people)
    found = [(keys[each.line - 1] if 0 < each.line <= len(keys) else "", each.text) for each in problems]
    return (None, found) if found else (changed.rules.get(name), [])


def own_name(title: str, taken: Collection[str]) -> str:
    """A name for a rule that is called `title`: OWN_ and its words, or with a number when that is taken."""
    words = re.sub(r"[^A-Z0-9]+", "_", title.upper()).strip("_")[:40].strip("_")
    base = f"{PREFIX}{words or 'RULE'}"
    if base not in taken:
        return base
    number = 2
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}"

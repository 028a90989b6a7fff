"""One table of a rules file while it is read: values by type, and every problem with its line instead of an exception.

All problems of a file are told at once, so reading goes on after one.
"""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from baken.alerts import matchers, spans
from baken.alerts.rule import Text

LANGUAGES = ("en", "nl")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a rules file that cannot be used. `line` counts from 1; 0 is the file as a whole."""

    file: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.rule + ': ' if self.rule else ''}{self.text}"


class Key(NamedTuple):
    """A key that a table may have: what is expected as its value, and what it means."""

    expected: str
    help: str


Locate = Callable[[Sequence[str]], tuple[str, int]]
"""Tells file and line of a key by its path."""


def nearest(word: str, known: Collection[str]) -> str:
    """A hint to add to a message about an unknown word: the nearest known one, or what is known."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are: {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""


class RuleTable:
    """A table, or a table within it. Each reader returns None, or the default, where there is no usable value.

    Attributes:
        rule: name of the rule.
        values: what the table holds.
        path: where it stands in the file.
    """

    def __init__(
        self, rule: str, values: Mapping[str, Any], path: tuple[str, ...], locate: Locate, problems: list[Problem]
    ) -> None:
        self.rule = rule
        self.values = values
        self.path = path
        self._locate = locate
        self._problems = problems

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def problem(self, text: str, *keys: str) -> None:
        """Note a problem with the key (or a key within that), or with the table itself."""
        file, line = self._locate((*self.path, *keys))
        self._problems.append(Problem(file, line, self.rule, text))

    def place(self) -> str:
        """File and line of the table."""
        file, line = self._locate(self.path)
        return f"{file}:{line}"

    def within(self, values: Mapping[str, Any], below: Sequence[str]) -> "RuleTable":
        """A table that stands within this one, at the path `below`."""
        return RuleTable(self.rule, values, (*self.path, *below), self._locate, self._problems)

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Note a problem for each key that is none of `known`."""
        for key in self.values:
            if key not in known:
                self.problem(f"unknown key {self._named(key)}{nearest(key, known)}", key)

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        value = self._typed(key, str, "a text")
        return default if value is None else str(value)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._typed(key, bool, "true or false")
        return default if value is None else bool(value)

    def number(self, key: str) -> float | None:
        """A number, whole or not."""
        value = self._typed(key, (int, float), "a number")
        return None if value is None else float(value)

    def span(self, key: str, default: timedelta | None = None) -> timedelta | None:
        """A length of time, such as "5m"."""
        value = self._typed(key, str, 'a length of time such as "5m"')
        if value is None:
            return default
        try:
            return spans.parse(value)
        except ValueError as error:
            self.problem(f"{self._named(key)}: {error}", key)
            return default

    def choice(self, key: str, options: Collection[str], default: str | None = None) -> str | None:
        """One of some words."""
        value = self._typed(key, str, f"one of {', '.join(options)}")
        if value is None or value in options:
            return default if value is None else str(value)
        self.problem(f"{self._named(key)} cannot be {value!r}{nearest(value, options)}", key)
        return default

    def names(self, key: str) -> list[str]:
        """A text, or a list of texts, as a list."""
        value = self._typed(key, (str, list), "a list of texts")
        if isinstance(value, str):
            return [value]
        if any(not isinstance(each, str) for each in value or ()):
            self.problem(f"{self._named(key)} has to be a list of texts", key)
            return []
        return list(value or ())

    def matchers(self, key: str, labels: Collection[str], of: str) -> dict[str, str]:
        """A mapping of label to matcher; `labels` are those of what is matched, which `of` names."""
        value = self._typed(key, dict, 'a table such as { queue = "long" }')
        found: dict[str, str] = {}
        for label, wanted in (value or {}).items():
            if label not in labels:
                hint = nearest(label, labels) or "; it has none"
                self.problem(f"{of} has no label {label}{hint}", key, label)
            elif not isinstance(wanted, str):
                self.problem(f'{self._named(key)}.{label} has to be a text such as "long"', key, label)
            else:
                try:
                    matchers.check({label: wanted})
                except matchers.BadMatcher as error:
                    self.problem(str(error), key, label)
                else:
                    found[label] = wanted
        return found

    def words(self, key: str, *, required: bool) -> Text:
        """A text per language: `{ en = "…", nl = "…" }`, or one text for both."""
        value = self._typed(key, (str, dict), "a text, or { en = …, nl = … }")
        if value is None:
            if required and key not in self.values:
                self.problem(f"{self._named(key)} is missing: people are told nothing without it")
            return dict.fromkeys(LANGUAGES, "")
        if isinstance(value, str):
            return dict.fromkeys(LANGUAGES, value)
        for language in value:
            if language not in LANGUAGES:
                self.problem(f"{self._named(key)}: unknown language {language}{nearest(language, LANGUAGES)}",
                             key, language)  # fmt: skip
        for language in LANGUAGES:
            if not isinstance(value.get(language), str):
                self.problem(f"{self._named(key)} lacks its text in {language}", key)
        return {language: str(value.get(language, "")) for language in LANGUAGES}

    def table(self, key: str) -> "RuleTable | None":
        """A table within this one."""
        value = self._typed(key, dict, "a table")
        if value is None:
            return None
        return self.within(value, (key,))

    def _typed(self, key: str, kind: type | tuple[type, ...], expected: str) -> Any:
        value = self.values.get(key)
        if value is None:
            return None
        # true is a number to Python, but not to people.
        odd = isinstance(value, bool) and kind is not bool
        if odd or not isinstance(value, kind):
            self.problem(f"{self._named(key)} has to be {expected}, not {_shown(value)}", key)
            return None
        return value

    def _named(self, key: str) -> str:
        # By its place within the rule, or within the table of a list that it stands in.
        numbered = [place for place, part in enumerate(self.path) if part.isdigit()]
        return ".".join((*self.path[max([0, *numbered]) + 1 :], key))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"

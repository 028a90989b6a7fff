"""Matchers: which labels are meant, as Alertmanager writes them.

A mapping of label to text: `"failed"` matches equal values, `"!failed"` all others, `"~fail.*"` values that the
regular expression matches as a whole, `"!~fail.*"` all that it does not. An absent label is an empty text.
"""

import re
from collections.abc import Mapping
from functools import lru_cache


class BadMatcher(ValueError):
    """A matcher cannot be understood; the text says why."""


@lru_cache(maxsize=1024)
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(text)


def check(matchers: Mapping[str, str]) -> None:
    """Raise BadMatcher for an expression that is none, or that is too long to be harmless."""
    for label, wanted in matchers.items():
        text = wanted.removeprefix("!")
        if not text.startswith("~"):
            continue
        if len(text) > 200:
            raise BadMatcher(f"the expression for {label} is longer than 200 characters")
        try:
            _expression(text[1:])
        except re.error as problem:
            raise BadMatcher(f"{text[1:]!r} for {label} is no regular expression: {problem}") from None


def match(matchers: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether `labels` fit all of `matchers`; the matchers were checked before."""
    return all(_fits(wanted, labels.get(label, "")) for label, wanted in matchers.items())


def _fits(wanted: str, value: str) -> bool:
    negated = wanted.startswith("!")
    text = wanted[1:] if negated else wanted
    found = _expression(text[1:]).fullmatch(value) is not None if text.startswith("~") else text == value
    return found != negated

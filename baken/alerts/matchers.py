"""Matchers: which labels are meant, as Alertmanager writes them.

A mapping of label to text: `"failed"` matches equal values, `"!failed"` all others, `"~fail.*"` values that the
regular expression matches as a whole, `"!~fail.*"` all that it does not. An absent label is an empty text.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_BOUND, _MOST_UNBOUNDED = 64, 2


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
            parsed = _parser.parse(text[1:])
        except (re.error, RecursionError, OverflowError) as problem:
            raise BadMatcher(f"{text[1:]!r} for {label} is no regular expression: {problem}") from None
        if not _harmless(parsed):
            raise BadMatcher(
                f"{text[1:]!r} for {label} may take for ever to compare: write no repetition within a repetition, no "
                "reference back, and at most two unbounded repetitions"
            )


def _harmless(parsed: Any) -> bool:
    """Whether an expression is compared in reasonable time with whatever text."""
    unbounded = 0

    def walk(part: Any, inside: bool) -> bool:
        nonlocal unbounded
        for operation, argument in part:
            name = str(operation)
            if name in ("GROUPREF", "GROUPREF_EXISTS", "ASSERT", "ASSERT_NOT"):
                return False
            if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
                _, most, inner = argument
                single = len(inner) == 1 and str(inner[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN")
                if inside or (most > 1 and not single and not walk(inner, True)):
                    return False
                unbounded += most > _BOUND
            within = argument[-1:] if name == "SUBPATTERN" else argument[1] if name == "BRANCH" else ()
            if not all(walk(branch, inside) for branch in within):
                return False
        return True

    return walk(parsed, False) and unbounded <= _MOST_UNBOUNDED


def match(matchers: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether `labels` fit all of `matchers`; the matchers were checked before."""
    return all(_fits(wanted, labels.get(label, "")) for label, wanted in matchers.items())


def _fits(wanted: str, value: str) -> bool:
    negated = wanted.startswith("!")
    text = wanted[1:] if negated else wanted
    found = _expression(text[1:]).fullmatch(value) is not None if text.startswith("~") else text == value
    return found != negated

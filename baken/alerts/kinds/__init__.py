"""Kinds of conditions: each is one module of this package, with `KEYS`, the keys of its TOML table, and `parse`.

To add a kind, add a file. It has:

- `KEYS: Mapping[str, Key]`: the keys it takes beside those of every rule;
- `parse(table: RuleTable) -> Judge | None`: the condition, or None when a problem with the table was noted;
- `MOMENTARY: bool`: whether its condition is told once, and so cannot hold `for` some time.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from baken.alerts.rule import Condition
from baken.alerts.rule_table import Key, RuleTable

KINDS = tuple(sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])))


class Judge(Condition, Protocol):
    """A condition with what texts, details and chart of an alert have to know."""

    @property
    def unit(self) -> str:
        """The unit of the values and limits of its verdicts."""

    @property
    def fields(self) -> frozenset[str]:
        """What the texts of its rule may name beside `texts.COMMON`."""

    @property
    def match(self) -> Mapping[str, str]:
        """The matchers of what it looks at; for an alert's details and its chart."""


class Kind(Protocol):
    """What a module of this package offers."""

    KEYS: Mapping[str, Key]
    MOMENTARY: bool

    def parse(self, table: RuleTable) -> Judge | None:
        """The condition that a rule's table describes."""


@cache
def kind(name: str) -> Kind:
    """The module of one of KINDS."""
    return cast("Kind", import_module(f"{__name__}.{name}"))

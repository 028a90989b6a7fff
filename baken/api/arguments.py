"""Arguments of methods: their types from a function's signature, their values from text or JSON."""

import inspect
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from baken.api.context import BadArgument

IGNORED = frozenset({"cmd", "site"})
"""Names that say which method and which site is meant; they are arguments of no method that does not ask for them."""

# Five hundred names of patterns, with commas between them, fit.
_TEXT = 10_000
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the largest value that a number may have: `Annotated[int, Range(1, 24)]`."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Longest:
    """How many characters a text may have where it is a whole document: `Annotated[str, Longest(100_000)]`."""

    most: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument that a method takes.

    Attributes:
        name: its name.
        kind: int, float, bool, str, or dict (names and values that are texts).
        optional: whether None is a value.
        choices: the only texts allowed, or empty.
        range: the numbers allowed, or None.
        longest: how many characters a text may have.
        required: whether it must be given; otherwise `default` applies.
    """

    name: str
    kind: type
    optional: bool
    choices: tuple[str, ...]
    range: Range | None
    required: bool
    default: Any
    longest: int = _TEXT

    @property
    def expected(self) -> str:
        """What it takes, in words."""
        if self.choices:
            words = "one of " + ", ".join(self.choices)
        else:
            words = {
                int: "a whole number",
                float: "a number",
                bool: "0 or 1",
                str: "a text",
                dict: 'a JSON object of texts, such as {"name": "value"}',
            }[self.kind]
        if self.range:
            words += f" from {self.range.least:g} to {self.range.most:g}"
        return words


def parameters_of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The parameters of a method's function after the first, which is the Call.

    Raises ValueError for a parameter without a type, or of one that text cannot be converted to.
    """
    hints = get_type_hints(function, include_extras=True)
    found = list(inspect.signature(function).parameters.values())[1:]
    return tuple(_parameter(entry, hints.get(entry.name)) for entry in found)


def _parameter(entry: inspect.Parameter, hint: Any) -> Parameter:
    allowed, longest = None, _TEXT
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        allowed = next((note for note in notes if isinstance(note, Range)), None)
        longest = next((note.most for note in notes if isinstance(note, Longest)), _TEXT)
    optional = False
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        optional = len(kinds) < len(get_args(hint))
        hint = kinds[0] if len(kinds) == 1 else None
        if get_origin(hint) is Annotated:
            hint, *notes = get_args(hint)
            allowed = next((note for note in notes if isinstance(note, Range)), allowed)
    choices: tuple[str, ...] = ()
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), str
    if get_origin(hint) is dict:
        hint = dict
    if hint not in (int, float, bool, str, dict):
        raise ValueError(f"parameter {entry.name}: text cannot be converted to {hint!r}")
    required = entry.default is inspect.Parameter.empty
    return Parameter(
        entry.name, hint, optional, choices, allowed, required, None if required else entry.default, longest
    )


def convert(parameter: Parameter, given: Any) -> Any:
    """The value that `given` means for the parameter.

    Raises BadArgument saying what was given and what is expected. An empty text stands for an argument that was left
    out, as forms send it.
    """
    if given is None and parameter.optional:
        return None
    if given == "" and (parameter.kind is not str or parameter.optional) and not parameter.required:
        return parameter.default
    value: Any
    if parameter.kind is str:
        value = _text(given, parameter.longest)
    else:
        value = {int: _whole, float: _number, bool: _flag, dict: _mapping}[parameter.kind](given)
    if (
        value is None
        or (parameter.choices and value not in parameter.choices)
        or (parameter.range and not parameter.range.least <= value <= parameter.range.most)
    ):
        raise BadArgument(f"argument {parameter.name} is {_shown(given)}; expected {parameter.expected}")
    return value


def _shown(given: Any) -> str:
    text = repr(given)
    # What cannot be sent back is shown as an escape.
    return (text if len(text) <= 100 else text[:97] + "...").encode("utf-8", "backslashreplace").decode()


def _whole(given: Any) -> int | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, int):
        return given
    if isinstance(given, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}(\.0{1,9})?\s*", given):
        return int(given.strip().split(".")[0])
    return None


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return None
    try:
        value = float(given)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _flag(given: Any) -> bool | None:
    if isinstance(given, bool):
        return given
    if isinstance(given, (int, str)):
        word = str(given).strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def _text(given: Any, longest: int = _TEXT) -> str | None:
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        return None
    text = str(given)
    # A NUL or half of a surrogate pair can be stored by no database.
    if len(text) > longest or "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        return None
    return text


def _mapping(given: Any) -> dict[str, str] | None:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    if not isinstance(given, dict) or len(given) > 20:
        return None
    found = {}
    for name, value in given.items():
        key, text = _text(name), _text(value)
        if key is None or text is None:
            return None
        found[key] = text
    return found

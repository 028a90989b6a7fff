"""The documented methods: one registry that every host, the command line and the API description read.

A method is a typed function whose first parameter is the `Call`. Its other parameters, with their types, defaults and
`Range`, say which arguments it takes; its docstring says what it does.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baken.api import access
from baken.api.arguments import IGNORED, Parameter, convert, parameters_of
from baken.api.context import BadArgument, Call, NotPermitted, UnknownMethod

MODULES = tuple(sorted(found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)])))
"""The modules of this room; those among them that register methods are found by their files."""


@dataclass(frozen=True, slots=True)
class Method:
    """A documented method.

    Attributes:
        name: its documented name.
        roles: who has one of these may call it.
        writes: whether it changes something; or the name of the argument that makes it do so.
        slow: whether it asks a site or waits, so that it must not hold up others.
        guest: whether no sign-in is needed.
        steady: whether the same arguments give the same answer until the store has something newer about the site.
        across: whether it is about all sites that the caller may see; hosts tell it these as `Call.visible`.
        parameters: the arguments it takes.
        run: the function.
    """

    name: str
    roles: frozenset[str]
    writes: bool | str
    slow: bool
    guest: bool
    steady: bool
    across: bool
    parameters: tuple[Parameter, ...]
    run: Callable[..., Any]

    @property
    def short(self) -> str:
        """Its other name: `baken.` and the function's name."""
        return f"baken.{self.name.rsplit('.', 1)[-1]}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which it answers."""
        return (self.name,) if self.name == self.short else (self.name, self.short)

    @property
    def help(self) -> str:
        """What it does: the function's docstring."""
        return inspect.getdoc(self.run) or ""

    def changes(self, args: Mapping[str, Any]) -> bool:
        """Whether a call with these converted arguments changes something."""
        return bool(args.get(self.writes)) if isinstance(self.writes, str) else self.writes


_methods: dict[str, Method] = {}


def method(
    name: str,
    *,
    roles: Iterable[str] = (),
    writes: bool | str = False,
    slow: bool = False,
    guest: bool = False,
    steady: bool = False,
    across: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the method `name` and as `baken.<function>`; arguments as in `Method`.

    Raises ValueError for a name that is taken, for one that does not end with the function's name, and for a method
    that names neither roles nor `guest`.
    """
    allowed = frozenset(roles)
    if guest == bool(allowed):
        raise ValueError(f"method {name} needs either roles or guest=True")

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        # mypy knows functions, not callables in general, by their name.
        if name.rsplit(".", 1)[-1] != getattr(run, "__name__", ""):
            raise ValueError(f"method {name} must end with its function's name")
        if not re.fullmatch(r"[a-z_]\w*(\.[a-z_]\w*)+", name):
            raise ValueError(f"method {name!r} is no dotted name")
        entry = Method(name, allowed, writes, slow, guest, steady, across, parameters_of(run), run)
        for known in entry.names:
            if known in _methods:
                raise ValueError(f"method {known} is registered twice")
        _methods.update(dict.fromkeys(entry.names, entry))
        return run

    return register


def methods() -> list[Method]:
    """All methods, each once, by name."""
    _load()
    return sorted({entry.name: entry for entry in _methods.values()}.values(), key=lambda entry: entry.name)


def find(name: str) -> Method:
    """The method called `name`, by its documented or its short name. Raises UnknownMethod."""
    _load()
    found = _methods.get(name)
    if found is None:
        raise UnknownMethod(f"there is no method {name[:200]}")
    return found


def arguments(entry: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a method from what came over HTTP or from a command line, converted to their types.

    `cmd` and `site` are not the method's and are ignored. Raises BadArgument naming the argument, what was given and
    what is expected.
    """
    known = {parameter.name: parameter for parameter in entry.parameters}
    wanted = {name: value for name, value in given.items() if name in known or name not in IGNORED}
    for name in wanted:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise BadArgument(f"unknown argument {str(name)[:100]!r}; {entry.short} takes: {takes}")
    converted: dict[str, Any] = {}
    for name, parameter in known.items():
        if name in wanted:
            converted[name] = convert(parameter, wanted[name])
        elif parameter.required:
            raise BadArgument(f"argument {name} is missing; expected {parameter.expected}")
        else:
            converted[name] = parameter.default
    return converted


def check_roles(entry: Method, call: Call) -> None:
    """Raises NotPermitted when the caller may not use the method."""
    if entry.guest:
        return
    if call.user is None:
        raise NotPermitted(f"sign in to use {entry.name}")
    if not entry.roles & call.user.roles:
        raise NotPermitted(f"{entry.name} needs the role {' or '.join(sorted(entry.roles))}")


def invoke(call: Call, name: str, args: Mapping[str, Any]) -> Any:
    """Carry out a method for a caller: roles and arguments are checked first.

    Returns what the method answers, of plain JSON values.

    Raises:
        UnknownMethod, NotPermitted, BadArgument, UnknownSite: the caller's mistake.
        StoreError: the store cannot be read.
    """
    entry = find(name)
    check_roles(entry, call)
    converted = arguments(entry, args)
    access.note(call, entry.name)
    return entry.run(call, **converted)


def _load() -> None:
    for module in MODULES:
        importlib.import_module(f"baken.api.{module}")

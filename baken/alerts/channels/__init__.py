"""Ways by which messages reach people: one module per kind, found by its file.

A channel's module has `Options` (its settings), `HELP` (a paragraph for the manual), `needs_to` (whether a recipient
needs an address) and `send`. To add a kind, add a file; nothing here needs to know it.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from baken import settings
from baken.alerts.message import Message, Undelivered


class ChannelProblem(settings.SettingsError):
    """The settings of a channel or of a recipient cannot be used. The text says which and what to do."""


class Mirrors(Protocol):
    """Remembers under which name a channel keeps an alert elsewhere."""

    def get(self, alert: int) -> str | None:
        """The name of an alert's copy; None where there is none."""

    def put(self, alert: int, name: str) -> None:
        """Remember the name of an alert's copy."""


class NoMirrors:
    """Forgets at once: for channels that keep no copies."""

    def get(self, alert: int) -> str | None:
        """Never known."""
        return None

    def put(self, alert: int, name: str) -> None:
        """Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a channel may rely on when it sends.

    Attributes:
        allow_private: networks such as "10.0.0.0/8" that may be reached beside public addresses.
        timeout: seconds that one delivery may take.
        mirrors: what `system_alert` remembers.
    """

    allow_private: tuple[str, ...] = ()
    timeout: float = 15.0
    mirrors: Mirrors = field(default_factory=NoMirrors)


class ChannelOptions(BaseModel):
    """What the options of every kind of channel have in common: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(Protocol):
    """What a channel's module offers."""

    Options: type[ChannelOptions]
    HELP: str
    needs_to: Callable[[Any], bool]
    send: Callable[[Any, str, Message, Context], str]


BUILT_IN = "push"
"""The kind, and the name, of the channel that is there without being set up: push messages to browsers."""

_NO_KINDS = frozenset({"http", BUILT_IN})

KINDS: tuple[str, ...] = tuple(
    sorted(found.name for found in pkgutil.iter_modules(__path__) if found.name not in _NO_KINDS)
)
"""Every kind of channel that can be set up."""


def module(kind: str) -> Kind:
    """The module of a kind, imported when it is first needed. Raises ChannelProblem for an unknown kind."""
    if kind not in KINDS and kind != BUILT_IN:
        raise ChannelProblem(f"there is no kind of channel {kind!r}{_nearest(kind, KINDS)}")
    return cast(Kind, importlib.import_module(f"{__name__}.{kind}"))


def options(channel: settings.Channel) -> ChannelOptions:
    """A channel's own settings, checked. Raises ChannelProblem naming the channel and the option.

    Every secret may be in a file instead: `password_file` is the path of a file that holds `password`.
    """
    try:
        found = module(channel.kind).Options
    except ChannelProblem as problem:
        raise ChannelProblem(f"channel {channel.name}: {problem}") from None
    secrets = {name for name, field in found.model_fields.items() if _is_secret(field.annotation)}
    given = _with_files(channel.name, channel.model_extra or {}, secrets)
    try:
        return found(**given)
    except ValidationError as error:
        known = sorted({*found.model_fields, *(f"{name}_file" for name in secrets)})
        raise ChannelProblem("; ".join(_explain(channel.name, error, known))) from None


def check(channels: Iterable[settings.Channel], recipients: Iterable[settings.Recipient] = ()) -> None:
    """Raise ChannelProblem with all that is wrong with channels, and with recipients' addresses."""
    wrong: list[str] = []
    usable: dict[str, tuple[Kind, ChannelOptions]] = {}
    names: list[str] = []
    for channel in channels:
        if BUILT_IN in (channel.name, channel.kind):
            wrong.append(
                f"channel {channel.name}: {BUILT_IN} is always there and is not set up; people turn it on in their "
                "browser. Take this channel away, or give it another name and kind"
            )
            continue
        if channel.name in names:
            wrong.append(f"channel {channel.name} is there twice; give each a name of its own")
        names.append(channel.name)
        try:
            own = options(channel)
            usable[channel.name] = (module(channel.kind), own)
        except ChannelProblem as problem:
            wrong.append(str(problem))
    known: set[tuple[str, str]] = set()
    for recipient in recipients:
        if (recipient.channel, recipient.name) in known:
            wrong.append(
                f"recipient {recipient.name} is there twice on channel {recipient.channel}; give each a name of its own"
            )
        known.add((recipient.channel, recipient.name))
        if recipient.channel not in names:
            wrong.append(
                f"recipient {recipient.name}: there is no channel {recipient.channel!r}"
                f"{_nearest(recipient.channel, names)}"
            )
        elif recipient.channel in usable and not recipient.to.strip():
            kind, own = usable[recipient.channel]
            if kind.needs_to(own):
                wrong.append(f"recipient {recipient.name}: channel {recipient.channel} needs `to`")
    if wrong:
        raise ChannelProblem("; ".join(wrong))


def send(channel: settings.Channel, to: str, message: Message, context: Context) -> str:
    """Send a message over a channel to one of its addresses.

    Returns what the other side said, for the trail of the alert. Raises Undelivered.
    """
    try:
        kind, own = module(channel.kind), options(channel)
    except ChannelProblem as problem:
        raise Undelivered(str(problem), permanent=True) from None
    if not to.strip() and kind.needs_to(own):
        raise Undelivered("the recipient has no address: set `to`", permanent=True, whom="recipient")
    return kind.send(own, to.strip(), message, context)


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in get_args(annotation)


def _with_files(channel: str, given: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    values = dict(given)
    for name in secrets:
        path = values.pop(f"{name}_file", None)
        if path is None:
            continue
        if name in values:
            raise ChannelProblem(f"channel {channel}: give {name} or {name}_file, not both")
        try:
            values[name] = Path(str(path)).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else "it is no text"
            raise ChannelProblem(f"channel {channel}: {name}_file {path} cannot be read: {why}") from None
        if not values[name]:
            raise ChannelProblem(f"channel {channel}: {name}_file {path} is empty")
    return values


def _explain(channel: str, error: ValidationError, known: list[str]) -> list[str]:
    lines = []
    # What was given is left out: it may be a secret.
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        option = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            lines.append(f"channel {channel}: unknown option {option}{_nearest(option, known)}")
        elif detail["type"] == "missing":
            lines.append(f"channel {channel}: option {option} is missing")
        else:
            said = detail["msg"].removeprefix("Value error, ")
            lines.append(f"channel {channel}: {f'option {option}: ' if option else ''}{said}")
    return lines


def _nearest(name: str, known: Iterable[str]) -> str:
    choices = list(known)
    close = difflib.get_close_matches(name, choices, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are: {', '.join(choices) or 'none'}"

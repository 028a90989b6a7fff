"""What every further source of errors gives, and how each tells when it cannot be read.

A source that cannot be read is absent with its reason; the others go on. What a source has shown changes its state,
which is stored in the same transaction as the counts of what it has shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baken.errors.event import Event
from baken.sites.problems import SiteProblem
from baken.sites.reading import Reading


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far a source of a site has been read.

    Attributes:
        source: its name in `event.SOURCES`.
        read_at: when it was last read, or tried.
        absent: why it cannot be read; "" when it can.
        behind: there is more to read.
        complete_at: when it was last read to its end; None: never.
        body: where the next reading goes on, as the source itself writes it.
        serial: counts the states that were stored.
    """

    source: str
    read_at: datetime
    absent: str = ""
    behind: bool = False
    complete_at: datetime | None = None
    body: dict[str, Any] = field(default_factory=dict)
    serial: int = 0


@dataclass(slots=True)
class Gathered:
    """What one reading of a source gave.

    Attributes:
        events: what is new, oldest first.
        body: the state to go on from.
        changed: whether `body` differs from what it was.
        behind: there is more to read.
    """

    events: Sequence[Event]
    body: dict[str, Any]
    changed: bool = False
    behind: bool = False


Read = Callable[[Reading, dict[str, Any], datetime], Gathered]


def gather(
    source: str, read: Read, reading: Reading, state: SourceState | None, now: datetime
) -> tuple[Gathered, SourceState, bool]:
    """Read a source once.

    Returns:
        What it gave, its new state, and whether that state has to be stored: because something is new, or because it
        can be read again or no longer.
    """
    body = state.body if state else {}
    serial = (state.serial if state else 0) + 1
    complete = state.complete_at if state else None
    try:
        found = read(reading, body, now)
    except SiteProblem as problem:
        said = str(problem)
        absent = SourceState(source, now, said, False, complete, body, serial)
        return Gathered((), body), absent, state is None or state.absent != said
    told = state is None or bool(state.absent) or state.behind != found.behind
    complete = complete if found.behind else now
    fresh = SourceState(source, now, "", found.behind, complete, found.body, serial)
    return found, fresh, told or found.changed or bool(found.events)

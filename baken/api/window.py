"""The stretch of time that an answer is about: the last hours, or from one moment to another."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from baken.api.context import BadArgument, Call
from baken.clock import from_ms

LONGEST = timedelta(days=2557)
"""A stretch is not longer than seven years: so long figures are kept at most."""

_SHORTEST = timedelta(seconds=36)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` (included) to `end` (excluded), aware UTC. `live`: it is the last so many hours, and moves on."""

    start: datetime
    end: datetime
    live: bool

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


def window_of(call: Call, hours: float, start: str | None, end: str | None) -> Window:
    """The stretch that a caller means: with `start` and `end` that one, else the last `hours`.

    A stretch that goes on into the future ends at the moment of the call. Raises BadArgument: only one of the two is
    given, one is no moment with its zone, they are the wrong way round or too close together or too far apart.
    """
    if start is None and end is None:
        return Window(call.now - timedelta(hours=hours), call.now, True)
    if start is None or end is None:
        missing, given = ("start", "end") if start is None else ("end", "start")
        raise BadArgument(f"argument {missing} is missing; {given} is given, expected both or neither")
    first, last = moment_of("start", start), moment_of("end", end)
    if last - first < _SHORTEST:
        raise BadArgument(f"argument end is {end[:40]!r}; expected {_SHORTEST.seconds} seconds or more after start")
    if last - first > LONGEST:
        raise BadArgument(f"argument start is {start[:40]!r}; expected at most {LONGEST.days} days before end")
    if first >= call.now:
        raise BadArgument(f"argument start is {start[:40]!r}; expected a moment in the past")
    return Window(first, min(last, call.now), False)


def moment_of(name: str, text: str) -> datetime:
    """The moment that an argument's text means, in UTC: ISO 8601 with a zone, or milliseconds since 1970.

    Raises BadArgument, which names the argument.
    """
    expected = "a moment in ISO 8601 with its zone, such as 2026-03-01T09:00:00Z, or milliseconds since 1970"
    try:
        if text.strip().isascii() and text.strip().isdigit():
            return from_ms(int(text))
        # A plus sign that was not escaped in an address arrives as a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        if moment.tzinfo is None:
            raise BadArgument(f"argument {name} is {text[:40]!r}, without a zone; expected {expected}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadArgument(f"argument {name} is {text[:40]!r}; expected {expected}") from None

"""Which rows of an Error Log have been read: their names as hashes, by the minute in which they stand. Bounded."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

MOST = 20_000
"""So many rows are remembered at most, and those of the minute that is being read."""
_LENGTH = 8
_MINUTE = timedelta(minutes=1)


class Seen:
    """Names of rows that a next reading may meet again. Times are the site's own."""

    def __init__(self, minutes: dict[str, str] | None = None) -> None:
        self._minutes: dict[str, list[str]] = {
            minute: [text[at : at + _LENGTH] for at in range(0, len(text), _LENGTH)]
            for minute, text in (minutes or {}).items()
        }
        self._names = {name for names in self._minutes.values() for name in names}

    def __contains__(self, name: str) -> bool:
        return hashed(name) in self._names

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def add(self, name: str, at: datetime) -> None:
        """Remember the row `name` that stands at `at`."""
        short = hashed(name)
        if short not in self._names:
            self._names.add(short)
            self._minutes.setdefault(_minute(at), []).append(short)

    def forget(self, before: datetime, until: datetime) -> datetime | None:
        """Drop what stands before the minute of `before`, and, when it is too much, what stands before `until`.

        Returns:
            The moment before which rows are no longer recognised although they stand after `before`; None when all
            of those are.
        """
        first, last = _minute(before), _minute(until)
        for minute in sorted(self._minutes):
            if minute < first:
                self._drop(minute)
        floor = None
        for minute in sorted(self._minutes):
            if len(self._names) <= MOST or minute >= last:
                break
            self._drop(minute)
            floor = datetime.fromisoformat(minute) + _MINUTE
        return floor

    def document(self) -> dict[str, str]:
        """All of it, as JSON holds it."""
        return {minute: "".join(names) for minute, names in self._minutes.items()}

    def _drop(self, minute: str) -> None:
        self._names.difference_update(self._minutes.pop(minute))


def hashed(name: str) -> str:
    """Eight characters that stand for `name`."""
    return base64.urlsafe_b64encode(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=6).digest()).decode()


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="minutes")

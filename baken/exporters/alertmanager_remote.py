"""Silences of an Alertmanager as they are read there, and the mark by which Baken finds its own again."""

import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from baken.alerts.silences import MOST_COMMENT
from baken.privacy import mask

NOBODY = "Alertmanager"
"""Who ended what was ended over there: Alertmanager does not tell."""

# Which silence it is: its number, of maintenance the moment (ms) at which it begins, and a digest.
_MARK = re.compile(r" ?\[Baken's silence (\d{1,15})(?: of (\d{1,15}))? ([0-9a-f]{8})\]$")
_MOST_NAME = 100


@dataclass(frozen=True, slots=True)
class Remote:
    """A silence of an Alertmanager.

    Attributes:
        id: what it is called there.
        matchers: as the API has them.
        starts, ends: aware UTC.
        expired, active: its state, by the clock over there.
        by, comment: as somebody wrote them there.
        mark: (silence, begin of maintenance in ms or 0) of one that this Baken has made and nobody has changed.
    """

    id: str
    matchers: Sequence[Mapping[str, Any]]
    starts: datetime
    ends: datetime
    expired: bool
    active: bool
    by: str
    comment: str
    mark: tuple[int, int] | None

    @property
    def name(self) -> str:
        """Who made it, for Baken's list and audit trail."""
        return f"{mask(self.by.replace(chr(0), ''))[:_MOST_NAME] or 'somebody'} ({NOBODY})"

    @property
    def said(self) -> str:
        """Its comment, for Baken's list."""
        said = mask(_MARK.sub("", self.comment.replace("\x00", "").strip()))[:MOST_COMMENT]
        return said or "made in Alertmanager, without a comment"

    def twin(self, others: Iterable["Remote"]) -> "Remote | None":
        """Another one that this Baken made of the same silence and that is not over."""
        if self.mark is None:
            return None
        return next((each for each in others if each.mark == self.mark and not each.expired), None)


@dataclass(frozen=True, slots=True)
class Marks:
    """Writes and reads marks; `key` is the installation's."""

    key: bytes

    def write(self, number: int, occurrence: int, matchers: Sequence[Mapping[str, Any]]) -> str:
        """The mark of a silence with these matchers, to stand at the end of its comment."""
        of = f" of {occurrence}" if occurrence else ""
        return f"[Baken's silence {number}{of} {self._digest(number, occurrence, matchers)}]"

    def read(self, given: Mapping[str, Any]) -> Remote:
        """A silence as the API gives it."""
        wanted = list(given["matchers"])
        comment = str(given.get("comment") or "")
        found = _MARK.search(comment)
        mark = None
        if found is not None:
            number, occurrence = int(found[1]), int(found[2] or 0)
            # Another Baken's, or one whose matchers somebody has changed, is somebody's like any other.
            if found[3] == self._digest(number, occurrence, wanted):
                mark = number, occurrence
        state = given["status"]["state"]
        return Remote(
            str(given["id"]),
            wanted,
            _moment(given["startsAt"]),
            _moment(given["endsAt"]),
            state == "expired",
            state == "active",
            str(given.get("createdBy") or ""),
            comment,
            mark,
        )

    def _digest(self, number: int, occurrence: int, matchers: Iterable[Mapping[str, Any]]) -> str:
        told = sorted(
            (str(each["name"]), str(each["value"]), bool(each.get("isRegex")), bool(each.get("isEqual", True)))
            for each in matchers
        )
        text = json.dumps(["baken alertmanager silence 1", number, occurrence, told])
        return hmac.digest(self.key, text.encode(), "sha256").hex()[:8]


def iso_ms(moment: datetime) -> str:
    """A moment as the API reads it, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

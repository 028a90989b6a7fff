"""Alertmanager's API, version 2, as far as Baken calls it: alerts and silences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from baken import clock
from baken.exporters.calling import Reply, call, check, said
from baken.exporters.pushing import NotTaken
from baken.settings import Auth

WHAT = "Alertmanager"

AT_ONCE = 500
"""So many alerts go into one call."""

_REFUSED = frozenset({400, 413, 422})


class Refusal(Exception):
    """Alertmanager refused one thing for good; the text says why."""


@dataclass(slots=True)
class Api:
    """Calls one Alertmanager.

    Attributes:
        url: its address, with the path that stands before /api where there is one.
        auth: how Baken says who it is.
        timeout: seconds that one call may take.
        ahead: how far its clock is ahead of this machine's, as it said last.
    """

    url: str
    auth: Auth
    timeout: float
    ahead: timedelta = field(default=timedelta())

    def post_alerts(self, alerts: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
        """Tell of alerts; one that is refused takes no other with it.

        Returns those that were refused, each with why. Raises NotTaken.
        """
        refused: list[tuple[Mapping[str, Any], str]] = []
        waiting = [list(alerts[start : start + AT_ONCE]) for start in range(0, len(alerts), AT_ONCE)]
        while waiting:
            some = waiting.pop(0)
            reply = self._call("POST", "/api/v2/alerts", some)
            if reply.status not in _REFUSED:
                check(reply, self.url, WHAT)
            elif len(some) == 1:
                refused.append((some[0], f"{WHAT} refused an alert{said(reply)}"))
            else:
                # It does not say which one it minds.
                middle = len(some) // 2
                waiting[:0] = [some[:middle], some[middle:]]
        return refused

    def silences(self) -> list[Mapping[str, Any]]:
        """All silences, also those that have expired lately. Raises NotTaken."""
        reply = self._call("GET", "/api/v2/silences")
        check(reply, self.url, WHAT)
        try:
            found = json.loads(reply.body)
            if not isinstance(found, list) or not all(_is_silence(each) for each in found):
                raise ValueError
        except (ValueError, RecursionError):
            raise NotTaken(f"{WHAT} answered something else than silences; check the address") from None
        return found

    def make_silence(self, body: Mapping[str, Any]) -> str:
        """Make a silence and return its id. Raises Refusal, NotTaken."""
        reply = self._call("POST", "/api/v2/silences", body)
        if reply.status in _REFUSED:
            raise Refusal(f"{WHAT} refused it{said(reply)}")
        check(reply, self.url, WHAT)
        try:
            return str(json.loads(reply.body)["silenceID"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NotTaken(f"{WHAT} did not tell the id of a silence; check the address") from None

    def expire_silence(self, identity: str) -> None:
        """End a silence; one that is over or forgotten already is no error. Raises NotTaken."""
        reply = self._call("DELETE", f"/api/v2/silence/{identity}")
        over = reply.status == 404 or (reply.status == 500 and b"already expired" in reply.body)
        if not over:
            check(reply, self.url, WHAT)

    def _call(self, method: str, path: str, body: object = None) -> Reply:
        reply = call(method, self.url + path, auth=self.auth, what=WHAT, json=body, timeout=self.timeout)
        told = reply.headers.get("date")
        if told:
            try:
                self.ahead = parsedate_to_datetime(told).astimezone(UTC) - clock.now()
            except (ValueError, TypeError, OverflowError):
                self.ahead = timedelta()
        return reply


def _is_silence(given: object) -> bool:
    if not isinstance(given, dict) or not isinstance(given.get("status"), dict):
        return False
    told = given.get("matchers")
    if not isinstance(told, list) or not all(
        isinstance(each, dict) and {"name", "value"} <= each.keys() for each in told
    ):
        return False
    try:
        for name in ("startsAt", "endsAt"):
            datetime.fromisoformat(given[name]).astimezone(UTC)
        return isinstance(given["id"], str) and isinstance(given["status"].get("state"), str)
    except (KeyError, ValueError, TypeError, OverflowError):
        return False

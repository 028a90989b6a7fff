"""Heartbeats: another monitor is called while Baken is well, so that it notices when Baken is not."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog
from sqlalchemy import Connection

from baken import clock
from baken.alerts import channels
from baken.alerts.message import Undelivered
from baken.history.present import observation
from baken.history.tables import observations
from baken.history.upserts import upsert
from baken.settings import Alerts, Heartbeat

log = structlog.get_logger(__name__)

KIND = "heartbeats"
"""The document about the host in which the store has how heartbeats went."""

Said = Literal["", "ok", "fail", "silent"]
"""What the other monitor was told last: nothing yet, that Baken is well, that it is not, or nothing on purpose."""

_TIMEOUT = 10.0
_SLACK = 10.0
_HOST = ""


@dataclass(slots=True)
class Beat:
    """How a heartbeat went last.

    Attributes:
        heartbeat: what is set about it.
        due: when it is called next, in monotonic seconds.
        said: what the other monitor was told last.
        last_at: when it was called last, or kept silent.
        last_ok: when it last took that Baken is well.
        problem: why it did not take the last call; empty when it did.
    """

    heartbeat: Heartbeat
    due: float = 0.0
    said: Said = ""
    last_at: datetime | None = None
    last_ok: datetime | None = None
    problem: str = ""


class Heartbeats:
    """Calls every heartbeat's address when it is due.

    `well` says why Baken is not well, or None when it is; `tell` hears how the beats went after each round of calls.
    """

    def __init__(
        self,
        settings: Alerts,
        well: Callable[[], str | None],
        tell: Callable[[Sequence[Beat]], None] = lambda _beats: None,
    ) -> None:
        self._settings = settings
        self._well = well
        self._tell = tell
        self.beats = [Beat(each) for each in settings.heartbeats]
        self._busy: threading.Thread | None = None

    def restore(self, conn: Connection, now: datetime) -> None:
        """Take over from the store how the heartbeats went, and when each was called: none is to come too often."""
        for each, went in zip(self.beats, how_they_went(conn, self._settings), strict=True):
            if each.last_at is not None or went["at"] is None:
                continue
            each.said, each.problem = went["said"], went["problem"]
            each.last_at, each.last_ok = _moment(went["at"]), _moment(went["last_ok"])
            passed = (now - datetime.fromisoformat(went["at"])).total_seconds()
            # A schedule of minutes is never exact: what is due within ten seconds is due.
            if 0 <= passed < each.heartbeat.every - _SLACK:
                each.due = time.monotonic() + each.heartbeat.every - passed

    def wait(self, patience: float) -> None:
        """Wait until what was due has been called, for so many seconds at most: a process that ends takes it along."""
        if self._busy is not None:
            self._busy.join(patience)

    def beat(self) -> None:
        """Call what is due, in a thread of its own."""
        if not self.beats or (self._busy is not None and self._busy.is_alive()):
            return
        now = time.monotonic()
        due = [each for each in self.beats if now >= each.due]
        if not due:
            return
        for each in due:
            each.due = now + each.heartbeat.every
        trouble = self._well()

        def call() -> None:
            for each in due:
                self._call(each, trouble)
            self._tell(self.beats)

        self._busy = threading.Thread(target=call, name="heartbeats", daemon=True)
        self._busy.start()

    def _call(self, beat: Beat, trouble: str | None) -> None:
        from baken.alerts.channels import http

        address = beat.heartbeat.url.get_secret_value()
        said: Said = "ok"
        if trouble is not None:
            said = "fail" if beat.heartbeat.fail else "silent"
            address = address.rstrip("/") + "/fail"
        beat.said, beat.last_at = said, clock.now()
        if said == "silent":
            return
        context = channels.Context(
            allow_private=tuple(self._settings.allow_private), timeout=_TIMEOUT, mirrors=channels.NoMirrors()
        )
        try:
            # What is wrong may name a site: the other monitor is told that something is, not what.
            http.get(address, context=context)
        except Undelivered as problem:
            if str(problem) != beat.problem:
                log.warning("a heartbeat was not taken", host=http.host_of(address), reason=str(problem))
            beat.problem = str(problem)
        else:
            beat.problem = ""
            if said == "ok":
                beat.last_ok = beat.last_at


def keep(conn: Connection, beats: Sequence[Beat], now: datetime) -> None:
    """Write down how heartbeats went, for the page; their addresses are secrets and stay out of it."""
    body = [
        {"said": each.said, "at": clock.iso(each.last_at), "last_ok": clock.iso(each.last_ok), "problem": each.problem}
        for each in beats
    ]
    row = {"site": _HOST, "kind": KIND, "at": clock.to_ms(now), "body": json.dumps(body)}
    upsert(conn, observations, [row])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def how_they_went(conn: Connection, settings: Alerts) -> list[dict[str, Any]]:
    """Every heartbeat of the settings with how it went last, as far as that was written down.

    Returns a list of {host, every (seconds), fail, said, at, last_ok, problem}.
    """
    from baken.alerts.channels import http

    found = observation(conn, _HOST, KIND)
    body = found.body if found is not None and isinstance(found.body, list) else []
    told = []
    for place, each in enumerate(settings.heartbeats):
        # Whoever changed the settings a moment ago has others written down than are there now.
        went = body[place] if len(body) == len(settings.heartbeats) and isinstance(body[place], dict) else {}
        told.append(
            {
                "host": http.host_of(each.url.get_secret_value()),
                "every": each.every,
                "fail": each.fail,
                "said": went.get("said") or "",
                "at": went.get("at"),
                "last_ok": went.get("last_ok"),
                "problem": went.get("problem") or "",
            }
        )
    return told

"""Heartbeats: another monitor is called while Baken is well, so that it notices when Baken is not."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from baken import clock
from baken.alerts import channels
from baken.alerts.message import Undelivered
from baken.settings import Alerts, Heartbeat

log = structlog.get_logger(__name__)

_TIMEOUT = 10.0


@dataclass(slots=True)
class Beat:
    """How a heartbeat went last: `problem` is empty when it was taken."""

    heartbeat: Heartbeat
    due: float = 0.0
    last_ok: datetime | None = None
    problem: str = ""


class Heartbeats:
    """Calls every heartbeat's address when it is due; `well` says why Baken is not well, or None when it is."""

    def __init__(self, settings: Alerts, well: Callable[[], str | None]) -> None:
        self._settings = settings
        self._well = well
        self.beats = [Beat(each) for each in settings.heartbeats]
        self._busy: threading.Thread | None = None

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

        self._busy = threading.Thread(target=call, name="heartbeats", daemon=True)
        self._busy.start()

    def _call(self, beat: Beat, trouble: str | None) -> None:
        from baken.alerts.channels import http

        address = beat.heartbeat.url.get_secret_value()
        if trouble is not None:
            if not beat.heartbeat.fail:
                return
            address = address.rstrip("/") + "/fail"
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
            beat.last_ok, beat.problem = clock.now(), ""

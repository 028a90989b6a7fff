"""What Frappe's scheduler and workers do for Baken: rounds over the site every minute, and the clean-up every hour.

Everything is limited in time: the work goes on in a thread that is left behind when it takes too long, so that no
worker is held by a site, a mail server or a store that hangs.
"""

import threading
from collections.abc import Callable
from datetime import timedelta

import frappe
import structlog

from baken.frappe_host import config, host, mirror
from baken.frappe_host.own_log import guarded

log = structlog.get_logger(__name__)

_LIMIT = 50.0
_PATIENCE = 12.0
_CLEANING = timedelta(seconds=20)


def collect() -> None:
    """Every minute: measure what is due, read new errors, judge the rules, send."""
    _round(figures=True)


def look() -> None:
    """At once, where an error was logged or somebody asked for something: read new errors, judge the rules, send."""
    _round(figures=False)


def hourly() -> None:
    """Every hour: clean the store up, and try channels again that were stopped."""
    with guarded("the hourly task"):
        if not config.is_enabled():
            return
        found = host.present()

        def work() -> None:
            from baken.collector import rounds

            rounds.maintain(found.settings, found.store, _CLEANING)
            rounds.try_again(found.settings, found.store, found.site)

        limited("the clean-up", work)


def daily() -> None:
    """Every day: what the hours left of the clean-up."""
    hourly()


def _round(*, figures: bool) -> None:
    with guarded("a round"):
        if not config.is_enabled():
            return
        found = host.present()

        def work() -> None:
            from baken.collector import rounds

            done = rounds.make_round(found.settings, found.store, found.site, figures=figures, patience=_PATIENCE)
            if done.reason is not None:
                log.info("no round", reason=done.reason)

        limited("a round", work)
        mirror.bring_up_to_date(found)


def limited(what: str, work: Callable[[], None], seconds: float = _LIMIT) -> bool:
    """Do `work` in a thread and wait for it, at most so long; whether it ended. What it raises is told in the log.

    The thread knows nothing of Frappe: what it needs was given to it.
    """
    site = frappe.local.site

    def run() -> None:
        with structlog.contextvars.bound_contextvars(site=site), guarded(what):
            work()

    thread = threading.Thread(target=run, name=f"baken {what}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.error(f"{what} takes too long and is left behind", seconds=seconds)
        return False
    return True

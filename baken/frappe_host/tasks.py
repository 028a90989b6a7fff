"""What Frappe's scheduler and workers do for Baken: rounds over the site every minute, and the clean-up every hour.

Everything is limited in time: the work goes on in a thread that is left behind when it takes too long, so that no
worker is held by a site, a mail server or a store that hangs. A job of a worker is a process of its own, and loading
Baken's rooms is most of what it costs: they are loaded where there is something to do.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import frappe
import structlog

from baken.frappe_host import asking
from baken.frappe_host.own_log import guarded

if TYPE_CHECKING:
    from baken.frappe_host.host import Host

log = structlog.get_logger(__name__)

_LIMIT = 50.0
_PATIENCE = 12.0
_CLEANING = timedelta(seconds=20)


def collect() -> None:
    """Every minute: measure what is due, read new errors, judge the rules, send."""
    _round(figures=True)


def look() -> None:
    """At once, where an error was logged or somebody asked for something: read new errors, judge the rules, send."""
    with guarded("a round"):
        begun = asking.wait_alone()
        if begun is None:
            return
        try:
            _round(figures=False, begun=begun)
        finally:
            begun()


def hourly() -> None:
    """Every hour: the hourly checks, which are a round; clean the store up, and try stopped channels again."""
    _round(figures=True)
    with guarded("the hourly task"):
        found = _host()
        if found is None:
            return

        def work() -> None:
            from baken.collector import rounds

            rounds.maintain(found.settings, found.store, _CLEANING)
            rounds.try_again(found.settings, found.store, found.site)

        limited("the clean-up", work)


def daily() -> None:
    """Every day: the daily checks, which are a round over everything, whenever it was measured last."""
    _round(figures=True, fresh=True)


def _nothing() -> None:
    """Nobody waits to hear that the round has begun."""


def _round(*, figures: bool, fresh: bool = False, begun: Callable[[], None] = _nothing) -> None:
    with guarded("a round"):
        found = _host()
        if found is None:
            return

        def work() -> None:
            from baken.collector import rounds

            done = rounds.make_round(
                found.settings, found.store, found.site, figures=figures, fresh=fresh, patience=_PATIENCE, begun=begun
            )
            if done.reason is not None:
                log.info("no round", reason=done.reason)
            if done.stands_by:
                aside.append(True)

        aside: list[bool] = []
        limited("a round", work)
        if aside:
            asking.stand_by()
        from baken.frappe_host import mirror

        mirror.bring_up_to_date(found)


def _host() -> "Host | None":
    """The present host; None where there is nothing to do: the site is migrated, or a collector watches it."""
    if frappe.local.conf.get("maintenance_mode") or asking.stands_by():
        return None
    from baken.frappe_host import config, host

    if not config.is_enabled():
        return None
    if frappe.session.user != "Administrator":
        # A round that was asked for is a job of whoever's request failed: no document is to be theirs.
        frappe.set_user("Administrator")
    found = host.present()
    # The job's own transaction would last as long as the round: it would hold up who changes a table, and show the
    # documents of a minute ago.
    frappe.db.commit()
    return found


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

"""Asks Frappe's workers for a round over the site, at most one every two seconds. Imports nothing of Baken's rooms."""

import contextlib
from collections.abc import Callable
from typing import Any

import frappe

JOB = "baken.frappe_host.tasks.look"
_SECONDS = 2
_TIMEOUT = 90
_WAITING = 30
_AWAY = 60
# Shorter than the time after which a collector that is gone is missed.
_ASIDE = 100


def ask_for_round() -> bool:
    """Let a worker look at the site now; False when one was asked a moment ago. Raises what Redis raises."""
    cache = _cache()
    key = cache.make_key("baken_round")
    if not cache.set(key, "1", nx=True, ex=_SECONDS):
        return False
    try:
        frappe.enqueue(JOB, queue="short", timeout=_TIMEOUT)
    except Exception:
        # Frappe tries for four seconds to reach a queue that is away: not in every request that fails meanwhile.
        cache.set(key, "1", ex=_AWAY)
        raise
    return True


def wait_alone() -> Callable[[], None] | None:
    """Take the one place where a job may wait for another round to end; raises what Redis raises.

    Returns what gives the place back, once and from any thread. None: another job waits already, and its round will see
    all that this one would have seen, so that a round which hangs holds no second worker, and no third.
    """
    cache = _cache()
    key = cache.make_key("baken_waiting")
    if not cache.set(key, "1", nx=True, ex=_WAITING):
        return None
    places = [key]

    def give_back() -> None:
        # It ends by itself as well.
        with contextlib.suppress(Exception):
            while places:
                cache.delete(places.pop())

    return give_back


def stand_by() -> None:
    """Remember for a moment that a collector watches the site: the next jobs end before they load anything."""
    cache = _cache()
    cache.set(cache.make_key("baken_stands_by"), "1", ex=_ASIDE)


def stands_by() -> bool:
    """Whether a collector watched the site a moment ago."""
    # It makes the key by itself, and a cache that is away knows of none.
    return bool(_cache().exists("baken_stands_by"))


def _cache() -> Any:
    return frappe.cache() if callable(frappe.cache) else frappe.cache

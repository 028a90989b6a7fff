"""Asks Frappe's workers for a round over the site, at most one every two seconds. Imports nothing of Baken's rooms."""

import frappe

JOB = "baken.frappe_host.tasks.look"
_SECONDS = 2
_TIMEOUT = 90


def ask_for_round() -> bool:
    """Let a worker look at the site now; False when one was asked a moment ago. Raises what Redis raises."""
    cache = frappe.cache() if callable(frappe.cache) else frappe.cache
    if not cache.set(cache.make_key("baken_round"), "1", nx=True, ex=_SECONDS):
        return False
    frappe.enqueue(JOB, queue="short", timeout=_TIMEOUT)
    return True

"""What Frappe tells while the site works: an error was logged, a request failed. Cheap, and it never raises.

Imports nothing of Baken's rooms: this runs inside the site's own requests.
"""

import logging
from typing import Any

import frappe

_FAILED = 500


def error_logged(_doc: Any, _method: str | None = None) -> None:
    """After an Error Log was inserted: once the transaction is kept, a worker looks at it."""
    try:
        after_commit = getattr(frappe.db, "after_commit", None)
        if after_commit is not None:
            after_commit.add(_look)
        elif getattr(frappe.local, "request", None) is not None:
            # Frappe 14 knows no callbacks after a commit; the end of the request comes after it.
            frappe.flags.baken_error_logged = True
        else:
            _look()
    except Exception as error:  # noqa: BLE001 - logging an error must not raise another one
        _tell(error)


def request_ended(response: Any = None, request: Any = None) -> None:
    """After a request: where it failed, Frappe keeps the error in a list of Redis first; no document is inserted.

    What Baken itself answers is no error of the site's: a page that asks again would ask for rounds without end.
    """
    failed = getattr(response, "status_code", 0) >= _FAILED and not frappe.flags.baken_answered
    if failed or frappe.flags.baken_error_logged:
        _look()


def _look() -> None:
    try:
        # While a site is migrated or restored every request fails, and nobody is to touch its database.
        if frappe.flags.in_install or frappe.flags.in_migrate or frappe.flags.in_uninstall:
            return
        if frappe.local.conf.get("maintenance_mode"):
            return
        from baken.frappe_host.asking import ask_for_round

        ask_for_round()
    except Exception as error:  # noqa: BLE001 - the request's answer is the site's, whatever happens here
        _tell(error)


def _tell(error: Exception) -> None:
    logging.getLogger("baken").warning("a round could not be asked for: %s", type(error).__name__)

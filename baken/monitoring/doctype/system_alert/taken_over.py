"""System Alerts that were there before this app: made by verenigingen, or by whatever had the DocType before."""

from collections.abc import Mapping
from typing import Any

import frappe

from baken.monitoring.doctype.system_alert.system_alert import ACKNOWLEDGED, ACTIVE, RESOLVED, in_words

DOCTYPE = "System Alert"

_SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
_SEVERITY = {
    "DEBUG": "LOW", "INFO": "LOW", "WARN": "MEDIUM", "WARNING": "MEDIUM", "ERROR": "HIGH", "FATAL": "CRITICAL",
}  # fmt: skip
_STATUS = {"open": ACTIVE, "new": ACTIVE, "in progress": ACKNOWLEDGED, "closed": RESOLVED, "ignored": RESOLVED}
_READ = (
    "name", "creation", "modified", "subject", "alert_type", "severity", "status", "message", "timestamp",
    "acknowledged_by", "resolved_by", "resolved_at",
)  # fmt: skip
_AT_ONCE = 500


def changes(row: Mapping[str, Any]) -> dict[str, Any]:
    """What has to change in a row so that it is a System Alert of this app; nothing that it says is lost.

    `severity` and `status` get the nearest of those that there are, `subject` the words of `alert_type`, an empty
    `timestamp` the moment at which the row was made, and an empty `resolved_at` of a resolved one its last change.
    """
    found: dict[str, Any] = {}
    severity, status = str(row.get("severity") or ""), str(row.get("status") or "")
    if severity not in _SEVERITIES:
        upper = severity.strip().upper()
        found["severity"] = upper if upper in _SEVERITIES else _SEVERITY.get(upper, "MEDIUM")
    if status not in (ACTIVE, ACKNOWLEDGED, RESOLVED):
        found["status"] = _STATUS.get(status.strip().lower(), ACTIVE)
    kind = str(row.get("alert_type") or "")
    if not kind:
        kind = found["alert_type"] = "UNKNOWN"
    if not row.get("subject"):
        found["subject"] = in_words(kind)
    if not row.get("message"):
        found["message"] = in_words(kind)
    if not row.get("timestamp"):
        found["timestamp"] = row.get("creation")
    if found.get("status", status) == RESOLVED and not row.get("resolved_at"):
        found["resolved_at"] = row.get("modified")
    return found


def take_over() -> int:
    """Bring all System Alerts of the site that were there before to this app's form; how many were changed.

    Call it once the DocType of this app is there. Owners and moments of change stay. It may be called again: rows that
    have a subject have been seen.
    """
    changed, last = 0, ""
    while True:
        rows = frappe.get_all(
            DOCTYPE,
            filters={"name": [">", last], "subject": ["is", "not set"]},
            fields=list(_READ),
            order_by="name asc",
            limit=_AT_ONCE,
        )
        for row in rows:
            values = changes(row)
            if values:
                frappe.db.set_value(DOCTYPE, row.name, values, update_modified=False)
                changed += 1
        if len(rows) < _AT_ONCE:
            return changed
        last = str(rows[-1].name)

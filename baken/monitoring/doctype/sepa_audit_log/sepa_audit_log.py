"""SEPA Audit Log: what was done in the SEPA processes, where no other app has this DocType.

The definition lies in definition.json and not under the DocType's own name, so that `bench migrate` does not put it
over that of verenigingen. `ensure` brings it where there is none. When verenigingen comes later, its own definition
takes over: the table, the names and the fields are the same.
"""

from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint, get_datetime, now_datetime

KEPT_DAYS = 2557
"""Seven years: so long the law wants it kept."""

NAME = "SEPA Audit Log"

_AT_ONCE = 1000
_CONTENT = (
    "event_id", "timestamp", "process_type", "action", "entity_name", "compliance_status", "reference_doctype",
    "reference_name", "user", "trace_id", "details", "sensitive_data",
)  # fmt: skip


class SEPAAuditLog(Document):  # type: ignore[misc]
    """One line of the trail: written once, never changed, deleted after seven years at the earliest."""

    event_id: Any
    timestamp: Any
    user: Any
    trace_id: Any

    def before_insert(self) -> None:
        """Fill in what the system knows."""
        self.event_id = self.event_id or frappe.generate_hash(length=12)
        self.timestamp = self.timestamp or now_datetime()
        self.user = self.user or frappe.session.user
        self.trace_id = self.trace_id or getattr(frappe.local, "request_id", None) or frappe.generate_hash(length=10)

    def validate(self) -> None:
        """Refuse a change."""
        if self.is_new():
            return
        before = self.get_doc_before_save()
        if any(str(self.get(name) or "") != str(before.get(name) or "") for name in _CONTENT):
            frappe.throw(_("A line of the audit trail is not changed"), frappe.CannotChangeConstantError)

    def on_trash(self) -> None:
        """Refuse to delete what the law wants kept."""
        if get_datetime(self.timestamp) > add_days(now_datetime(), -KEPT_DAYS):
            frappe.throw(_("The audit trail is kept for 7 years"))

    @staticmethod
    def clear_old_logs(days: int = KEPT_DAYS) -> None:
        """Delete what is older than `days` days, and than seven years whatever `days` says."""
        before = add_days(now_datetime(), -max(KEPT_DAYS, cint(days)))
        while True:
            found = {"timestamp": ["<", before], "creation": ["<", before]}
            names = frappe.get_all(NAME, filters=found, pluck="name", limit=_AT_ONCE)
            if not names:
                return
            frappe.db.delete(NAME, {"name": ["in", names]})
            frappe.db.commit()


def ensure() -> bool:
    """Bring the DocType to a site that has none of that name; whether it was brought.

    A definition that this app brought earlier is brought up to date.
    """
    from frappe.modules.import_file import import_file_by_path

    module = frappe.db.get_value("DocType", NAME, "module")
    if module and module != "Monitoring":
        return False
    importing: Any = frappe.flags.in_import
    try:
        import_file_by_path(str(Path(__file__).with_name("definition.json")))
    finally:
        frappe.flags.in_import = importing
    return not module

"""System Alert: something that needs somebody, from Active over Acknowledged to Resolved.

Baken keeps one for every alert of its own and follows that one; other apps and people make their own. Who took up or
ended an alert, and when, is written here and nowhere else: what a form or another app gives for it is not taken.
"""

import json
from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.query_builder.functions import Coalesce
from frappe.utils import add_days, cint, get_datetime, now_datetime

SOURCE = "Baken"
"""`source` of documents that Baken keeps: here by itself, or over the REST API from elsewhere."""

ACTIVE, ACKNOWLEDGED, RESOLVED = "Active", "Acknowledged", "Resolved"

SYSTEM = ("acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at")
"""Fields that only an act sets."""

KEPT_DAYS = 730
"""For so many days a resolved alert is kept where Log Settings says nothing."""

_FIXED = ("alert_type", "source", "timestamp")
_BAKEN = ("baken_alert", "baken_name", "baken_status")
_OF_BAKEN = ("subject", "severity", "message", "details")
_ACTS = {
    (ACTIVE, ACKNOWLEDGED): "acknowledge",
    (ACTIVE, RESOLVED): "resolve",
    (ACKNOWLEDGED, RESOLVED): "resolve",
    (RESOLVED, ACTIVE): "reopen",
}
_MOMENTS = ("timestamp", "acknowledged_at", "resolved_at")
_AHEAD = timedelta(minutes=1)
_AT_ONCE = 1000


class SystemAlert(Document):  # type: ignore[misc]
    """One alert. `flags.from_baken` marks what Baken itself writes."""

    details: Any
    timestamp: Any
    subject: Any
    status: Any
    note: Any
    acknowledged_by: Any
    acknowledged_at: Any
    resolved_by: Any
    resolved_at: Any

    def before_insert(self) -> None:
        """A copy of a document is an alert of its own."""
        if not self.flags.from_baken:
            for name in _BAKEN:
                self.set(name, None)

    def validate(self) -> None:
        """Check what is given, and do what a changed status asks for."""
        self.details = _checked(self.details)
        self.timestamp = self.timestamp or now_datetime()
        self.subject = self.subject or in_words(str(self.alert_type or ""))
        if self.flags.from_baken or frappe.flags.in_import:
            return
        if self.is_new():
            self._begin()
        else:
            self._change()

    def on_update(self) -> None:
        """Keep the note of an act in the timeline."""
        if self.flags.acted and self.note:
            self.add_comment("Comment", _("{0}: {1}").format(_(self.status), frappe.utils.escape_html(self.note)))
        self.flags.acted = False

    def acknowledge(self, note: str = "") -> None:
        """Take the alert up and save it. Raises frappe.ValidationError where it is not Active."""
        self._act(ACKNOWLEDGED, note)

    def resolve(self, note: str = "") -> None:
        """End the alert and save it. Raises frappe.ValidationError where it is over already."""
        self._act(RESOLVED, note)

    def reopen(self, note: str = "") -> None:
        """Open the alert again and save it. Raises frappe.ValidationError where it is not Resolved."""
        self._act(ACTIVE, note)

    def acknowledge_alert(self, user: str | None = None) -> None:
        """As `acknowledge`; the name that the app verenigingen calls. Who it was is the session's user."""
        self.acknowledge()

    def resolve_alert(self, user: str | None = None) -> None:
        """As `resolve`; the name that the app verenigingen calls. Who it was is the session's user."""
        self.resolve()

    @staticmethod
    def create_alert(alert_type: str, severity: str, message: str, details: dict[str, Any] | None = None) -> Any:
        """Insert an alert; the name that the app verenigingen calls. Returns the document."""
        values = {"alert_type": alert_type, "severity": severity, "message": message, "details": details or {}}
        return frappe.get_doc({"doctype": "System Alert", **values}).insert()

    @staticmethod
    def clear_old_logs(days: int = KEPT_DAYS) -> None:
        """Delete alerts that have been resolved for longer than `days` days, with what was said about them."""
        before = add_days(now_datetime(), -max(1, cint(days)))
        table = frappe.qb.DocType("System Alert")
        ended = Coalesce(table.resolved_at, table.modified)
        while True:
            query = (
                frappe.qb.from_(table).select(table.name).where(table.status == RESOLVED).where(ended < before)
            ).limit(_AT_ONCE)
            names = [row[0] for row in query.run()]
            if not names:
                return
            frappe.db.delete("Version", {"ref_doctype": "System Alert", "docname": ["in", names]})
            frappe.db.delete("Comment", {"reference_doctype": "System Alert", "reference_name": ["in", names]})
            frappe.db.delete("System Alert", {"name": ["in", names]})
            frappe.db.commit()

    def _act(self, status: str, note: str) -> None:
        if self.status == status:
            frappe.throw(_("This alert is {0} already; load the page again").format(_(status)))
        self.status = status
        self.note = note.strip()
        self.flags.noted = True
        self.save()

    def _begin(self) -> None:
        """A new alert is Active, now or earlier; a copy that Baken keeps from elsewhere may be further already."""
        if get_datetime(self.timestamp) > now_datetime() + _AHEAD:
            frappe.throw(_("The alert's timestamp lies in the future"))
        if self._is_copy():
            self.acknowledged_by = self.resolved_by = None
            return
        if self.status != ACTIVE:
            frappe.throw(_("A new alert is Active: save it, then acknowledge or resolve it"))
        for name in SYSTEM:
            self.set(name, None)

    def _change(self) -> None:
        before = self.get_doc_before_save()
        fixed = (*_FIXED, *_BAKEN, *(_OF_BAKEN if before.baken_alert else ()))
        for name in fixed:
            if not _same(name, self.get(name), before.get(name)):
                self._refuse(name)
        copy = self._is_copy()
        given = {name: self.get(name) for name in SYSTEM}
        for name in SYSTEM:
            self.set(name, before.get(name))
        if self.status != before.status:
            self._become(before, free=copy)
        elif not copy:
            for name, value in given.items():
                if not _same(name, value, before.get(name)):
                    self._refuse(name)

    def _become(self, before: Any, *, free: bool) -> None:
        """Carry out what the new status asks for; `free`: it follows an alert elsewhere, whatever that one does."""
        act = _ACTS.get((before.status, self.status))
        if act is None and not free:
            frappe.throw(
                _("An alert that is {0} does not become {1}").format(_(before.status), _(self.status)),
                title=_("Not possible"),
            )
        note = str(self.note or "") if self.flags.noted or not _same("note", self.note, before.note) else ""
        if before.baken_alert:
            self._through_baken(str(act), note)
            return
        now, user = now_datetime(), frappe.session.user
        if self.status == ACKNOWLEDGED:
            self.acknowledged_at, self.acknowledged_by = now, user
        elif self.status == RESOLVED:
            self.resolved_at, self.resolved_by = now, user
        if self.status == ACTIVE:
            self.acknowledged_at = self.acknowledged_by = None
        if self.status != RESOLVED:
            self.resolved_at = self.resolved_by = None
        self.flags.acted = bool(note)

    def _through_baken(self, act: str, note: str) -> None:
        """Let Baken do it: it tells whom it told of the alert, and its trail says who it was. Refusals are thrown."""
        # Where Baken's own modules cannot be loaded, `bench migrate` has to find this class all the same.
        from baken.frappe_host import desk, mirror

        answer = desk.ask(f"{act}_alerts", alerts=str(self.baken_alert), note=note)
        if answer["refused"]:
            frappe.throw(str(answer["refused"][0]["reason"]), title=_("Not possible"))
        if answer["alerts"]:
            self.update(mirror.state_of(answer["alerts"][0]))

    def _is_copy(self) -> bool:
        """Whether a Baken that runs elsewhere keeps it, over the REST API."""
        return self.source == SOURCE and not self.baken_alert

    def _refuse(self, name: str) -> None:
        label = frappe.bold(_(self.meta.get_label(name)))
        if name in SYSTEM:
            frappe.throw(_("{0} is set by the system when an alert is acknowledged or resolved").format(label))
        frappe.throw(_("{0} of an alert is not changed").format(label), frappe.CannotChangeConstantError)


def in_words(alert_type: str) -> str:
    """What an alert is called that nobody gave a subject: HIGH_ERROR_RATE is "High error rate"."""
    text = alert_type.replace("_", " ").strip()
    return (text.capitalize() if text.isupper() else text)[:140]


def _checked(details: Any) -> str | None:
    """Details as the text of a JSON value; throws where they are none."""
    if details is None or details == "":
        return None
    if not isinstance(details, str):
        return json.dumps(details, ensure_ascii=False, default=str)
    try:
        json.loads(details)
    except ValueError:
        frappe.throw(_("Details have to be JSON, such as {0}").format('{"count": 12}'))
    return details


def _same(name: str, one: Any, other: Any) -> bool:
    """Whether two values of a field are the same; moments to the second, for not everybody sends more."""
    if not one and not other:
        return True
    if not one or not other:
        return False
    if name in _MOMENTS:
        return bool(get_datetime(one).replace(microsecond=0) == get_datetime(other).replace(microsecond=0))
    if name == "details":
        return bool(json.loads(one) == json.loads(other))
    return str(one) == str(other)

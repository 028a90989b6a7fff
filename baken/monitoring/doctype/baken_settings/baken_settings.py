"""Baken Settings: what an administrator of the site sets. What site_config.json's `baken` object says wins."""

from typing import Any

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt

_MOST_DAYS = 36_500
_LEAST_AUDIT_DAYS = 2557
_DAYS = ("raw_days", "hourly_days", "daily_days", "audit_days", "closed_days")
_PERCENT = ("memory_percent", "cpu_percent", "disk_percent")
_MOST_RECIPIENTS = 50


class BakenSettings(Document):  # type: ignore[misc]
    """The settings of Baken on this site."""

    store_url: Any
    public_url: Any

    def onload(self) -> None:
        """Tell the form where the store is, and which settings site_config.json holds."""
        from baken.frappe_host import desk

        try:
            self.store_url = desk.store_name()
        except frappe.ValidationError as problem:
            frappe.clear_last_message()
            self.set_onload("problem", str(problem))
        given = frappe.conf.get("baken")
        self.set_onload("given", sorted(_keys(given)) if isinstance(given, dict) else [])

    def validate(self) -> None:
        """Check what is given, and say what is wrong in words."""
        self.store_url = None
        self._check_address()
        for name in _DAYS:
            if not 0 <= cint(self.get(name)) <= _MOST_DAYS:
                self._wrong(
                    name, _("a number of days from 1 to {0}; 0 for what Baken does by itself").format(_MOST_DAYS)
                )
        for name in _PERCENT:
            if not 0 <= flt(self.get(name)) <= 100:
                self._wrong(name, _("a figure from 0 to 100"))
        if 0 < cint(self.audit_days) < _LEAST_AUDIT_DAYS:
            frappe.msgprint(
                _("The audit trail is documented to be kept for 7 years ({0} days)").format(_LEAST_AUDIT_DAYS),
                indicator="orange",
                alert=True,
            )
        self._check_recipients()
        self._check_account()

    def on_update(self) -> None:
        """Let everybody read the settings anew."""
        from baken.frappe_host import host

        host.forget()

    def _check_address(self) -> None:
        self.public_url = str(self.public_url or "").strip().rstrip("/")
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            self._wrong("public_url", _("an address that begins with https://, such as https://association.example"))

    def _check_recipients(self) -> None:
        if len(self.recipients) > _MOST_RECIPIENTS:
            self._wrong("recipients", _("at most {0}; make a mailing list for more").format(_MOST_RECIPIENTS))
        seen: dict[str, int] = {}
        for row in self.recipients:
            row.recipient, row.email = str(row.recipient or "").strip(), str(row.email or "").strip()
            if not frappe.utils.validate_email_address(row.email) or "," in row.email:
                frappe.throw(
                    _("Recipient {0}: {1} is no e-mail address").format(row.idx, frappe.utils.escape_html(row.email))
                )
            for key in (row.recipient.casefold(), row.email.casefold()):
                if seen.setdefault(key, row.idx) != row.idx:
                    frappe.throw(_("Recipients {0} and {1} have the same name or address").format(seen[key], row.idx))

    def _check_account(self) -> None:
        told = self.enabled and (self.recipients or self.tell_system_managers)
        if self.email_account:
            if not frappe.db.get_value("Email Account", self.email_account, "enable_outgoing"):
                self._wrong("email_account", _("an account that sends: outgoing is not enabled for this one"))
        elif told and not frappe.db.exists("Email Account", {"default_outgoing": 1, "enable_outgoing": 1}):
            frappe.msgprint(
                _("This site has no default outgoing e-mail account: nobody is told by e-mail until there is one"),
                indicator="orange",
                alert=True,
            )

    def _wrong(self, name: str, expected: str) -> None:
        label = frappe.bold(_(self.meta.get_label(name)))
        frappe.throw(_("{0}: expected is {1}").format(label, expected))


def _keys(given: dict[str, Any], before: str = "") -> list[str]:
    """The names of all settings in a nested mapping: alerts.public_url."""
    found: list[str] = []
    for name, value in given.items():
        found += _keys(value, f"{before}{name}.") if isinstance(value, dict) else [f"{before}{name}"]
    return found

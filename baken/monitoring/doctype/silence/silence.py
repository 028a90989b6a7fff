"""Silence: alerts that are held back for a while, or in windows of maintenance that come again.

The documents live in Baken's store. A silence is made and ended, never changed: what was said stays in the trail.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, get_datetime

from baken.monitoring import virtual

NAME = "Silence"

_FIELDS = ("rule", "severity", "area")


class Silence(Document):  # type: ignore[misc]
    """One silence or maintenance window."""

    def load_from_db(self) -> "Silence":
        """Read it from Baken. Raises frappe.DoesNotExistError."""
        row = next((each for each in _rows() if each["name"] == str(self.name)), None)
        if row is None:
            frappe.throw(_("There is no silence {0}").format(self.name), frappe.DoesNotExistError)
            return self
        super(Document, self).__init__(row)
        return self

    def db_insert(self, *args: Any, **kwargs: Any) -> None:
        """Make it; its name is its number in Baken."""
        matchers = {name: str(self.get(name)).strip() for name in _FIELDS if str(self.get(name) or "").strip()}
        matchers |= virtual.pairs(self.labels, _("Labels"))
        given: dict[str, Any] = {"matchers": matchers, "comment": str(self.comment or "")}
        if self.kind == "maintenance":
            given |= {"days": str(self.days or ""), "at": str(self.at or ""), "minutes": cint(self.minutes) or 120}
            answer = _ask("add_maintenance", **given, until=_iso(self.ends))
        else:
            answer = _ask("add_silence", **given, starts=_iso(self.starts), ends=_iso(self.ends))
        self.update(_document(answer["silence"]))

    def db_update(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a change."""
        frappe.throw(_("A silence is not changed: end it, and make another one"), title=_("Not possible"))

    def delete(self, *args: Any, **kwargs: Any) -> None:
        """End it now; what it held back is told."""
        _ask("end_silence", id=cint(self.name))

    @staticmethod
    def get_list(args: Any = None, **_kwargs: Any) -> list[dict[str, Any]]:
        """The silences that a list asks for; those that hold now come first where it asks for no order."""
        return [frappe._dict(row) for row in virtual.chosen(_rows(), args)]

    @staticmethod
    def get_count(args: Any = None, **_kwargs: Any) -> int:
        """How many silences fit."""
        return len(virtual.fitting(_rows(), args))

    @staticmethod
    def get_stats(args: Any = None, **_kwargs: Any) -> dict[str, Any]:
        """Nothing: silences have no tags."""
        return {}


@frappe.whitelist(methods=["POST"])  # type: ignore[untyped-decorator,unused-ignore]
def end(name: str) -> None:
    """End a silence or a maintenance window now."""
    _ask("end_silence", id=cint(name))


def _ask(method: str, **args: Any) -> Any:
    from baken.frappe_host import desk

    return desk.ask(method, **args)


def _rows() -> list[dict[str, Any]]:
    return [_document(each) for each in _ask("get_silences", ended=True)["silences"]]


def _document(silence: Mapping[str, Any]) -> dict[str, Any]:
    """A silence as a document."""
    from baken.frappe_host import mirror

    matchers = dict(silence["matchers"])
    recurrence, upcoming = silence["recurrence"] or {}, silence["next"] or {}
    made, ended = mirror.local(silence["created_at"]), mirror.local(silence["ended_at"])
    return {
        "doctype": NAME,
        "name": str(silence["id"]),
        "owner": silence["created_by"] or "Administrator",
        "creation": str(made),
        "modified": str(ended or made),
        "modified_by": silence["ended_by"] or silence["created_by"] or "Administrator",
        "docstatus": 0,
        "idx": 0,
        "kind": silence["kind"],
        "comment": silence["comment"],
        "state": silence["state"],
        "affects": silence["affects"],
        "site": silence["site"] or _("all sites"),
        **{name: matchers.pop(name, "") for name in _FIELDS},
        "labels": "\n".join(f"{label} = {value}" for label, value in matchers.items()),
        "starts": str(mirror.local(silence["starts"])),
        "ends": str(mirror.local(silence["ends"]) or "") or None,
        "days": ",".join(recurrence.get("days") or []),
        "at": recurrence.get("at"),
        "minutes": recurrence.get("minutes"),
        "next_starts": mirror.local(upcoming.get("starts")),
        "next_ends": mirror.local(upcoming.get("ends")),
        "created_by": silence["created_by"],
        "ended_at": ended,
        "ended_by": silence["ended_by"],
    }


def _iso(moment: Any) -> str:
    """A moment of a form, which is by the site's clock, as the API takes it; empty for none."""
    if not moment:
        return ""
    zone = ZoneInfo(frappe.utils.get_system_timezone())
    return str(get_datetime(moment).replace(tzinfo=zone, microsecond=0).isoformat())

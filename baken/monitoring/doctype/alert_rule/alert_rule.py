"""Alert Rule: when an alert fires, as it applies to this site. The documents live in Baken's store, not in a table.

What Baken brings can be changed and put back; rules of one's own are made and deleted. There is one truth: what the
dashboard shows under Settings.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.model.document import Document

from baken.monitoring import virtual

NAME = "Alert Rule"


class AlertRule(Document):  # type: ignore[misc]
    """One rule."""

    def load_from_db(self) -> "AlertRule":
        """Read it from Baken. Raises frappe.DoesNotExistError."""
        found = _rules()
        rule = next((each for each in found["rules"] if each["name"] == self.name), None)
        if rule is None:
            frappe.throw(_("There is no alert rule {0}").format(self.name), frappe.DoesNotExistError)
            return self
        super(Document, self).__init__(_document(rule, found["recipients"]))
        return self

    def db_insert(self, *args: Any, **kwargs: Any) -> None:
        """Make a rule of one's own; its name comes from its title."""
        values = {**self._values(), **self._own(None)}
        answer = _ask("save_rule", values=json.dumps(values))
        _saved(answer, self.meta)
        self._show(answer["rule"])

    def db_update(self, *args: Any, **kwargs: Any) -> None:
        """Change the rule for this site."""
        rule = next((each for each in _rules()["rules"] if each["name"] == self.name), None)
        if rule is None:
            frappe.throw(_("There is no alert rule {0}").format(self.name), frappe.DoesNotExistError)
            return
        if not rule["may_change"]:
            frappe.throw(str(rule["why_not"]), title=_("Not possible"))
        own = rule["from"] == "page"
        allowed = set(rule["editable"])
        values = {name: value for name, value in self._values().items() if _key(name) in allowed or own}
        if own:
            values |= self._own(rule)
        answer = _ask("save_rule", rule=self.name, values=json.dumps(values))
        _saved(answer, self.meta)
        self._show(answer["rule"])

    def delete(self, *args: Any, **kwargs: Any) -> None:
        """Delete a rule of one's own; one that a file has can be switched off, or put back as it was."""
        if not self.own:
            frappe.throw(
                _("This rule is not one of your own. Switch it off, or put it back as it was"), title=_("Not possible")
            )
        _ask("put_back_rule", rule=self.name)

    @staticmethod
    def get_list(args: Any = None, **_kwargs: Any) -> list[dict[str, Any]]:
        """The rules that a list asks for."""
        return [frappe._dict(row) for row in virtual.chosen(_rows(), args)]

    @staticmethod
    def get_count(args: Any = None, **_kwargs: Any) -> int:
        """How many rules fit."""
        return len(virtual.fitting(_rows(), args))

    @staticmethod
    def get_stats(args: Any = None, **_kwargs: Any) -> dict[str, Any]:
        """Nothing: rules have no tags."""
        return {}

    def _show(self, rule: Mapping[str, Any]) -> None:
        """Let the form show the rule as Baken has it now."""
        self.update(_document(rule, _rules()["recipients"]))

    def _values(self) -> dict[str, Any]:
        """The keys of the rule's table that every rule has."""
        known = {each["label"]: each["name"] for each in _rules()["recipients"]}
        values: dict[str, Any] = {
            "enabled": bool(self.enabled),
            "severity": self.severity,
            "for": str(self.hold or "0s").strip(),
            "tell": [known.get(each, each) for each in virtual.lines(self.tell)],
        }
        if self.limit_how:
            values[self.limit_how] = _number(self.limit_figure)
            if self.has_night:
                values["night"] = {self.limit_how: _number(self.limit_night)}
        return values

    def _own(self, rule: Mapping[str, Any] | None) -> dict[str, Any]:
        """The keys that only a rule of one's own has; texts that were not changed stay in all their languages."""
        texts = (rule or {}).get("texts") or {}
        title, message = str(self.title or "").strip(), str(self.message or "").strip()
        same_title = rule is not None and title == _said(rule["title"])
        same_message = rule is not None and message == _said(texts.get("message") or {})
        found: dict[str, Any] = {
            "metric": str(self.metric or "").strip(),
            "area": self.area,
            "name": rule["title"] if rule is not None and same_title else title[:60],
            "title": texts.get("title") if same_title else title,
            "message": texts.get("message") if same_message else message,
        }
        match = virtual.pairs(self.only_where, _("Only where"))
        return {**found, "match": match} if match else found


@frappe.whitelist(methods=["POST"])  # type: ignore[untyped-decorator,unused-ignore]
def put_back(rule: str) -> bool:
    """Let a rule be again as the files have it; whether it was changed."""
    return bool(_ask("put_back_rule", rule=rule)["changed"])


def _ask(method: str, **args: Any) -> Any:
    from baken.frappe_host import desk

    return desk.ask(method, **args)


def _rules() -> dict[str, Any]:
    """The answer of get_rule_settings. Raises frappe.ValidationError where the files of rules cannot be used."""
    found: dict[str, Any] = _ask("get_rule_settings")
    if found["problems"] and not found["rules"]:
        frappe.throw(str(found["problems"][0]), title=_("The files of rules cannot be used"))
    return found


def _rows() -> list[dict[str, Any]]:
    found = _rules()
    return [_document(rule, found["recipients"]) for rule in found["rules"]]


def _saved(answer: Mapping[str, Any], meta: Any) -> None:
    """Throw what is wrong with what was given, each with its field."""
    if answer["saved"]:
        return
    told = []
    for each in answer["problems"]:
        field = meta.get_field(_FIELDS.get(each["field"], each["field"]))
        label = f"{_(field.label)}: " if field is not None else ""
        told.append(frappe.utils.escape_html(f"{label}{each['text']}"))
    frappe.throw("<br>".join(told) or _("The rule cannot be used"), title=_("Not saved"))


_FIELDS = {
    "above": "limit_figure", "at_least": "limit_figure", "below": "limit_figure", "at_most": "limit_figure",
    "night": "limit_night", "for": "hold", "match": "only_where", "name": "title",
}  # fmt: skip
"""Fields of keys that are called otherwise here."""


def _key(name: str) -> str:
    """What `editable` calls a key."""
    return "limit" if name in ("above", "at_least", "below", "at_most") else name


def _document(rule: Mapping[str, Any], recipients: list[dict[str, str]]) -> dict[str, Any]:
    """A rule as a document."""
    from baken.frappe_host import mirror

    changed, limit = rule["changed"] or {}, rule["limit"] or {}
    labels = {each["name"]: each["label"] for each in recipients}
    changed_at = mirror.local(changed.get("at"))
    brought = _brought()
    texts = rule["texts"] or {}
    editable = rule["editable"]
    own = rule["from"] == "page"
    return {
        "doctype": NAME,
        "name": rule["name"],
        "owner": "Administrator",
        "creation": brought,
        "modified": str(changed_at or brought),
        "modified_by": changed.get("by") or "Administrator",
        "docstatus": 0,
        "idx": 0,
        "title": _said(rule["title"]),
        "rule": rule["name"],
        "enabled": int(rule["enabled"]),
        "severity": rule["severity"],
        "area": rule["area"],
        "state": rule["state"],
        "why": _said(rule["why"]),
        "problem": rule["problem"],
        "metric": rule["metric"],
        "only_where": "\n".join(f"{label} = {value}" for label, value in rule["match"].items()),
        "words": rule["words"],
        "limit_how": limit.get("how"),
        "limit_figure": limit.get("figure"),
        "has_night": int(limit.get("night") is not None),
        "limit_night": limit.get("night"),
        "unit": rule["unit"],
        "hold": rule["for"],
        "tell": "\n".join(labels.get(name, name) for name in rule["tell"]),
        "message": _said(texts.get("message") or {}),
        "came_from": {"baken": _("Baken"), "file": rule["source"], "page": _("this site")}.get(rule["from"], ""),
        "scope": _("the whole machine") if rule["scope"] == "installation" else _("this site"),
        "changed_keys": ", ".join(changed.get("keys") or []),
        "changed_at": changed_at,
        "changed_by": changed.get("by") or "",
        "reason": _said(rule["reason"]),
        "own": int(own),
        "has_limit": int(bool(limit) or "limit" in editable),
        "has_hold": int("for" in editable),
        "may_change": int(rule["may_change"]),
        "why_not": rule["why_not"],
    }


def _brought() -> str:
    """When the rules came that nobody changed: when Baken was installed or upgraded last."""
    from baken.alerts import rulebook

    return str(frappe.utils.convert_utc_to_system_timezone(_utc(rulebook.DEFAULTS)).replace(tzinfo=None))


def _utc(path: Path) -> datetime:
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC).replace(tzinfo=None)


def _said(texts: Mapping[str, str]) -> str:
    language = str(frappe.local.lang or "en")[:2]
    return str(texts.get(language) or texts.get("en") or "")


def _number(figure: Any) -> float | int:
    value = frappe.utils.flt(figure)
    return int(value) if value == int(value) else float(value)

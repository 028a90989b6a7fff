"""Report: alerts per rule, how soon they were taken up and over, and how many were false."""

from collections.abc import Mapping
from typing import Any

import frappe
from frappe import _

_MOST_DAYS = 3660
_SHOWN = 10


def execute(filters: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
    """The columns, rows, message, chart and summary of the report. Only for who may see the dashboard."""
    from baken.frappe_host import desk, mirror

    frappe.only_for(desk.ROLES)
    days = min(max(frappe.utils.cint((filters or {}).get("days")) or 30, 1), _MOST_DAYS)
    found = desk.ask("get_alert_statistics", days=days)
    language = str(frappe.local.lang or "en")[:2]
    rows = [
        {
            "rule": rule["rule"],
            "title": mirror.said(rule["rule_name"], language),
            "severity": rule["severity"],
            "count": rule["count"],
            "open": rule["open"],
            "to_acknowledge": rule["median_seconds_to_acknowledge"],
            "to_resolve": rule["median_seconds_to_resolve"],
            "rated": rule["rated"],
            "false_alarms": None if rule["false_alarm_share"] is None else rule["false_alarm_share"] * 100,
            "suppressed": rule["suppressed"],
            "notifications": rule["notifications"],
            "last_fired": mirror.local(rule["last_fired"]),
        }
        for rule in found["rules"]
    ]
    return _columns(), rows, None, _chart(rows), _summary(found)


def _columns() -> list[dict[str, Any]]:
    return [
        _column("title", _("Title"), "Data", 220),
        _column("rule", _("Rule"), "Link", 210, options="Alert Rule"),
        _column("severity", _("Severity"), "Data", 100),
        _column("count", _("Alerts"), "Int", 80),
        _column("open", _("Open"), "Int", 80),
        _column("to_acknowledge", _("Median until acknowledged"), "Duration", 150),
        _column("to_resolve", _("Median until resolved"), "Duration", 150),
        _column("rated", _("Rated"), "Int", 80),
        _column("false_alarms", _("False alarms"), "Percent", 110),
        _column("suppressed", _("Held back"), "Int", 90),
        _column("notifications", _("Messages sent"), "Int", 110),
        _column("last_fired", _("Last time"), "Datetime", 170),
    ]


def _column(name: str, label: str, kind: str, width: int, **more: Any) -> dict[str, Any]:
    return {"fieldname": name, "label": label, "fieldtype": kind, "width": width, **more}


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not rows:
        return None
    return {
        "type": "bar",
        "data": {
            "labels": [row["title"] for row in rows[:_SHOWN]],
            "datasets": [{"name": _("Alerts"), "values": [row["count"] for row in rows[:_SHOWN]]}],
        },
        "colors": ["#e8793b"],
    }


def _summary(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    severities = found["by_severity"]
    grave = int(severities.get("CRITICAL") or 0) + int(severities.get("HIGH") or 0)
    return [
        {"label": _("Alerts"), "value": found["total"], "datatype": "Int", "indicator": "Grey"},
        {"label": _("CRITICAL and HIGH"), "value": grave, "datatype": "Int", "indicator": "Red" if grave else "Green"},
        {
            "label": _("Still open"),
            "value": sum(int(rule["open"]) for rule in found["rules"]),
            "datatype": "Int",
            "indicator": "Orange",
        },
        {
            "label": _("Messages sent"),
            "value": found["notifications"]["sent"],
            "datatype": "Int",
            "indicator": "Blue",
        },
    ]

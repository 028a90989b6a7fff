"""What the DocTypes share whose documents live in Baken's store: lists that are filtered, sorted and cut in memory."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import frappe
from frappe import _

_ORDER = re.compile(r"`?(\w+)`?\s*(asc|desc)?\s*$", re.IGNORECASE)
_PAGE = 20


def chosen(rows: Sequence[Mapping[str, Any]], args: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The rows that a list asks for: those that fit its filters, in its order, one page of them.

    Args:
        rows: all rows, each with every field.
        args: what Frappe's list views and `frappe.get_list` give: filters, or_filters, order_by, start, page_length.
    """
    given = args or {}
    found = [dict(row) for row in fitting(rows, given)]
    order = _ORDER.search(str(given.get("order_by") or "").split(",")[0])
    if order is not None and rows and order[1] in rows[0]:
        found.sort(key=lambda row: _place(row.get(order[1])), reverse=(order[2] or "").lower() == "desc")
    start = frappe.utils.cint(given.get("start") or given.get("limit_start"))
    length = frappe.utils.cint(given.get("page_length") or given.get("limit_page_length") or given.get("limit"))
    if not length and ("start" in given or "page_length" in given):
        length = _PAGE
    return found[start : start + length] if length else found[start:]


def fitting(rows: Sequence[Mapping[str, Any]], args: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The rows that fit the filters of a list. Raises frappe.ValidationError for an operator that there is not."""
    given = args or {}
    every, some = (_conditions(given.get(name)) for name in ("filters", "or_filters"))
    return [row for row in rows if all(fits(row) for fits in every) and (not some or any(fits(row) for fits in some))]


def _conditions(filters: Any) -> list[Callable[[Mapping[str, Any]], bool]]:
    if isinstance(filters, str):
        filters = frappe.parse_json(filters)
    if isinstance(filters, Mapping):
        filters = [
            [name, *(given if isinstance(given, list | tuple) else ["=", given])] for name, given in filters.items()
        ]
    found = []
    for each in filters or []:
        # [DocType, field, operator, value, hidden] or [field, operator, value].
        field, operator, value = each[1:4] if len(each) >= 4 else each
        found.append(_condition(str(field), str(operator).strip().lower(), value))
    return found


def _condition(field: str, operator: str, value: Any) -> Callable[[Mapping[str, Any]], bool]:
    def text(row: Mapping[str, Any]) -> str:
        return str(row.get(field) if row.get(field) is not None else "").casefold()

    wanted = str(value if value is not None else "").casefold()
    several = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    among = {str(each if each is not None else "").strip().casefold() for each in several}
    if operator in ("=", "equals"):
        return lambda row: text(row) == wanted
    if operator == "!=":
        return lambda row: text(row) != wanted
    if operator in ("like", "not like"):
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("%")), re.DOTALL)
        return lambda row: (pattern.fullmatch(text(row)) is not None) == (operator == "like")
    if operator in ("in", "not in"):
        return lambda row: (text(row) in among) == (operator == "in")
    if operator == "is":
        return lambda row: bool(text(row)) == (wanted == "set")
    if operator in (">", "<", ">=", "<="):
        return lambda row: row.get(field) is not None and _compared(row[field], value, operator)
    if operator == "between" and len(several) == 2:
        ends = f"{several[1]} 23:59:59" if len(str(several[1])) == 10 else several[1]
        return lambda row: (
            row.get(field) is not None and _compared(row[field], several[0], ">=") and _compared(row[field], ends, "<=")
        )
    frappe.throw(_("This list cannot be filtered by {0}").format(frappe.utils.escape_html(operator)))
    raise AssertionError  # frappe.throw does not return


def _compared(one: Any, other: Any, operator: str) -> bool:
    left, right = _place(one), _place(other)
    if left[0] != right[0]:
        left, right = (1, 0.0, str(one)), (1, 0.0, str(other))
    return {">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[operator]


def _place(value: Any) -> tuple[int, float, str]:
    """Where a value stands in an order: numbers, then texts and moments; what is absent comes first."""
    if value is None or value == "":
        return (-1, 0.0, "")
    try:
        return (0, float(value), "")
    except (TypeError, ValueError):
        return (1, 0.0, str(value).casefold())


def lines(text: str | None) -> list[str]:
    """The lines of a text that say something."""
    return [line.strip() for line in str(text or "").splitlines() if line.strip()]


def pairs(text: str | None, what: str) -> dict[str, str]:
    """`label = value` lines as a mapping. Raises frappe.ValidationError for a line that is none; `what`: the field."""
    found: dict[str, str] = {}
    for line in lines(text):
        label, sign, value = line.partition("=")
        if not sign or not label.strip() or not value.strip():
            frappe.throw(
                _("{0}: write {1}, not {2}").format(what, "label = value", frappe.utils.escape_html(line[:80]))
            )
        found[label.strip()] = value.strip()
    return found

"""What the Desk asks Baken: acts on System Alerts, cards and charts of the workspace, and the buttons of the settings.

Nothing of Baken's rooms is imported until somebody asks. What a card or a chart shows comes out of Baken's store and
within seconds: a store that hangs leaves a dash, and no worker of the site is held by it.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from frappe import _

ROLES = ("System Manager", "Verenigingen Administrator")
"""Who may see what Baken knows, as on the dashboard."""

DOCTYPE = "System Alert"

DASH = "–"
"""What a card shows where there is no figure."""

_SECONDS = 5.0
_MOST = 500
_ACTS = ("acknowledge", "resolve", "reopen")
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")


def ask(method: str, **args: Any) -> Any:
    """Carry out the method `baken.<method>` for the user of Frappe's session; what it refuses is thrown for people.

    Raises frappe.PermissionError, frappe.ValidationError.
    """
    return _answer(_prepared(method, args))


def ask_soon(method: str, **args: Any) -> Any:
    """As `ask`, but None where there is no answer within seconds."""
    run = _prepared(method, args)
    found: list[Any] = []
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            found.append(run())
        except Exception as error:  # noqa: BLE001 - raised again where somebody listens
            wrong.append(error)

    thread = threading.Thread(target=work, name="baken desk", daemon=True)
    thread.start()
    thread.join(_SECONDS)
    if wrong:
        raised = wrong[0]

        def again() -> Any:
            raise raised

        return _answer(again)
    return found[0] if found else None


def _prepared(method: str, args: Mapping[str, Any]) -> Callable[[], Any]:
    """The call of a method, with all that Frappe knows of it: carrying it out needs nothing of Frappe any more."""

    def make() -> Callable[[], Any]:
        from baken.api import registry
        from baken.frappe_host import host

        _refuse_reading(registry.find(f"baken.{method}").changes(args))
        call = host.present().call()
        return lambda: registry.invoke(call, f"baken.{method}", args)

    made: Callable[[], Any] = _answer(make)
    return made


def _refuse_reading(changes: bool) -> None:
    """Refuse to change something for a request that Frappe asks for no CSRF token.

    Frappe itself undoes what a GET changed; Baken's store does not know of Frappe's transactions.
    """
    from baken.api.context import NotPermitted

    request = getattr(frappe.local, "request", None)
    if changes and request is not None and request.method in ("GET", "HEAD", "OPTIONS"):
        raise NotPermitted("this changes something: send a POST")


def _answer(run: Callable[[], Any]) -> Any:
    """What `run` returns; what it refuses, or cannot do, is thrown as a sentence. Other mistakes go to Baken's log."""
    from baken.api.context import NotPermitted, Refusal
    from baken.history.store import StoreError
    from baken.privacy import KeyProblem, masked_trace
    from baken.settings import SettingsError
    from baken.sites.problems import BenchProblem

    try:
        return run()
    except NotPermitted as refusal:
        frappe.throw(_sentence(refusal), frappe.PermissionError)
    except Refusal as refusal:
        frappe.throw(_sentence(refusal), title=_("Not possible"))
    except (StoreError, SettingsError, BenchProblem, KeyProblem) as problem:
        frappe.throw(_sentence(problem), title=_("Baken cannot answer"))
    except frappe.ValidationError:
        raise
    except Exception as error:  # noqa: BLE001 - a mistake of Baken's belongs in Baken's log, not in the Error Log
        import structlog

        structlog.get_logger(__name__).error("the Desk's question failed", error=masked_trace(error))
        frappe.throw(_("Baken could not answer; logs/baken.log on the server tells more"))


def _sentence(problem: BaseException) -> str:
    text = str(problem)
    return str(frappe.utils.escape_html(text[:1].upper() + text[1:]))


@frappe.whitelist(methods=["POST"])  # type: ignore[untyped-decorator,unused-ignore]
def change_alerts(names: str | list[str], act: str, note: str = "") -> dict[str, Any]:
    """Acknowledge, resolve or open System Alerts again; those that follow Baken's alerts through Baken.

    Args:
        names: names of documents, as a list or its JSON.
        act: acknowledge, resolve or reopen.
        note: what is kept with it.

    Returns changed (names) and refused ({name, reason}).
    """
    wanted = frappe.parse_json(names) if isinstance(names, str) and names.startswith("[") else names
    listed = [str(name) for name in (wanted if isinstance(wanted, list) else [wanted])][:_MOST]
    if act not in _ACTS:
        frappe.throw(_("There is no such act: {0}").format(frappe.utils.escape_html(str(act)[:40])))
    changed: list[str] = []
    refused: list[dict[str, str]] = []
    for name in listed:
        frappe.db.savepoint("baken_change")
        try:
            document = frappe.get_doc(DOCTYPE, name)
            document.check_permission("write")
            getattr(document, act)(str(note or ""))
            changed.append(name)
        except (frappe.ValidationError, frappe.PermissionError, frappe.DoesNotExistError) as reason:
            frappe.db.rollback(save_point="baken_change")
            frappe.clear_last_message()
            refused.append({"name": name, "reason": str(reason)})
    return {"changed": changed, "refused": refused}


def document_of(alert_name: str) -> Any:
    """The System Alert of that name that is no alert of Baken's; None where there is none.

    For the documented methods, which are given the name of a document by the app verenigingen.
    """
    from baken.frappe_host import mirror

    if not mirror.is_ready() or not frappe.db.exists(DOCTYPE, alert_name):
        return None
    document = frappe.get_doc(DOCTYPE, alert_name)
    return None if document.baken_alert else document


def done_on_document(method: str, args: Mapping[str, Any]) -> dict[str, Any] | None:
    """Acknowledge or resolve a System Alert that is no alert of Baken's, where a documented method is given its name.

    Args:
        method: the method's short name; only `baken.acknowledge_alert` and `baken.resolve_alert` are about one.
        args: the method's arguments: alert_name, note.

    Returns the method's answer with a null alert; None where it is Baken's to answer.
    Raises frappe.PermissionError, frappe.ValidationError.
    """
    act = {"baken.acknowledge_alert": "acknowledge", "baken.resolve_alert": "resolve"}.get(method)
    document = document_of(str(args.get("alert_name") or "")) if act else None
    if document is None:
        return None
    document.check_permission("write")
    getattr(document, str(act))(str(args.get("note") or ""))
    return {"success": True, "message": f"{document.name} is {str(document.status).lower()}", "alert": None}


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def critical_alerts(filters: Any = None) -> Any:
    """Number card: open CRITICAL alerts."""
    return _open("CRITICAL")


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def high_alerts(filters: Any = None) -> Any:
    """Number card: open HIGH alerts."""
    return _open("HIGH")


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def other_alerts(filters: Any = None) -> Any:
    """Number card: open MEDIUM and LOW alerts."""
    return _open("MEDIUM", "LOW")


def _open(*severities: str) -> Any:
    frappe.only_for(ROLES)
    found = ask_soon("get_alerts", limit=1)
    if found is None:
        return DASH
    number = sum(int(found["counts"]["open"][each]) for each in severities)
    chosen = {"status": ["in", ["Active", "Acknowledged"]], "severity": ["in", list(severities)]}
    return {"value": number, "fieldtype": "Int", "route": ["List", DOCTYPE, "List"], "route_options": chosen}


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def unacknowledged_alerts(filters: Any = None) -> Any:
    """Number card: open alerts that nobody has taken up."""
    frappe.only_for(ROLES)
    found = ask_soon("get_alerts", limit=1)
    if found is None:
        return DASH
    chosen = {"status": "Active"}
    return {
        "value": int(found["counts"]["active"]),
        "fieldtype": "Int",
        "route": ["List", DOCTYPE, "List"],
        "route_options": chosen,
    }


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def errors_24h(filters: Any = None) -> Any:
    """Number card: errors of the last 24 hours; a dash until the site's errors were read."""
    frappe.only_for(ROLES)
    found = ask_soon("get_recent_errors", hours=24, limit=1)
    if found is None or found.get("total") is None:
        return DASH
    return {"value": int(found["total"]), "fieldtype": "Int", "route": ["List", "Error Log", "List"]}


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def health_score(filters: Any = None) -> Any:
    """Number card: the site's health, 0 to 100; a dash until something is known."""
    frappe.only_for(ROLES)
    health = (ask_soon("get_overview") or {}).get("health") or {}
    return DASH if health.get("score") is None else {"value": int(health["score"]), "fieldtype": "Int"}


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def alerts_per_day(**_given: Any) -> dict[str, Any]:
    """Chart: alerts per day of the last 30 days, by severity."""
    frappe.only_for(ROLES)
    days = (ask_soon("get_alert_statistics", days=30) or {}).get("by_day") or []
    return {
        "labels": [frappe.utils.formatdate(each["date"], "d MMM") for each in days],
        "datasets": [{"name": _(name), "values": [each[name] for each in days]} for name in _SEVERITIES],
    }


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def errors_per_hour(**_given: Any) -> dict[str, Any]:
    """Chart: errors per hour of the last 24 hours."""
    frappe.only_for(ROLES)
    found = ask_soon("get_recent_errors", hours=24, limit=1) or {}
    zone = ZoneInfo(frappe.utils.get_system_timezone())
    hours = [datetime.fromisoformat(str(each)).astimezone(zone).strftime("%H:%M") for each in found.get("hours") or []]
    return {"labels": hours, "datasets": [{"name": _("Errors"), "values": found.get("by_hour") or []}]}


@frappe.whitelist()  # type: ignore[untyped-decorator,unused-ignore]
def check_settings() -> list[dict[str, Any]]:
    """Try out what the settings lead to: a list of {what, ok (None: does not apply), text}."""
    frappe.only_for("System Manager")
    from baken.frappe_host import config

    found: list[dict[str, Any]] = []

    def tell(what: str, ok: bool | None, text: str) -> None:
        found.append({"what": what, "ok": ok, "text": text})

    on = config.is_enabled()
    tell(_("Baken"), on, _("is enabled") if on else _("is switched off: nothing is measured, nobody is told"))
    asleep = frappe.utils.cint(frappe.conf.pause_scheduler) or not frappe.utils.cint(
        frappe.db.get_single_value("System Settings", "enable_scheduler")
    )
    text = _("is off: nothing is measured until it is enabled in System Settings") if asleep else _("is on")
    tell(_("Frappe's scheduler"), not asleep, text)
    try:
        status = ask_soon("get_monitor_status")
    except frappe.ValidationError as problem:
        frappe.clear_last_message()
        tell(_("Settings and store"), False, str(problem))
        return found
    if status is None:
        tell(_("Store"), False, _("gave no answer within {0} seconds").format(int(_SECONDS)))
        return found
    tell(_("Store"), True, store_name())
    collector = status.get("collector") or {}
    running = bool(collector.get("running"))
    tell(_("Collector"), running, _("measures this site") if running else str(collector.get("reason") or ""))
    _check_told(tell)
    return found


def _check_told(tell: Callable[[str, bool | None, str], None]) -> None:
    alerts = ask_soon("get_channels") or {}
    people = [str(each["name"]) for each in alerts.get("recipients") or []]
    if people:
        tell(_("Who is told"), True, ", ".join(people))
    else:
        tell(_("Who is told"), False, _("nobody: choose an e-mail account and recipients"))
    for each in alerts.get("channels") or []:
        fine = each["state"] in ("ok", "unused")
        said = each["problem"] or {"ok": _("works"), "unused": _("has not been used yet")}.get(each["state"], "")
        tell(_("Channel {0}").format(each["name"]), fine if each["state"] != "unused" else None, said)


def store_name() -> str:
    """Where Baken keeps what it remembers, without a password."""

    def name() -> str:
        from baken.frappe_host import host

        return host.present().store.name

    return str(_answer(name))

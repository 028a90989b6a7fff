"""Baken's alerts as documents of the DocType System Alert of the same site, where the Desk shows them.

Every change of an alert leaves a line in its trail; the lines since the last look say which documents to touch. Every
ten minutes all open ones are compared, so that a document that somebody deleted, or changed past its form, is found.
Documents are written as Baken (`flags.from_baken`), without e-mails: Baken tells people itself.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from sqlalchemy import Row, func, select

from baken.alerts import answers
from baken.alerts.lifecycle import name_of
from baken.api import registry
from baken.api.context import Caller, Refusal
from baken.frappe_host.host import Host
from baken.frappe_host.own_log import guarded
from baken.history.series import batches
from baken.history.tables import SITE, alert_events, alert_marks, alert_mirrors, alerts
from baken.history.upserts import upsert

DOCTYPE = "System Alert"

SOURCE = "Baken"
"""`source` of documents that follow an alert of Baken: they are not measured as alerts of the site's own."""

MARK = "desk_event"
"""Under which name the number of the last line that was looked at is kept."""

_MOST = 500
_EVERY_MINUTES = 10
_ACTS = {"Acknowledged": "acknowledge_alerts", "Resolved": "resolve_alerts", "Active": "reopen_alerts"}
_MOMENTS = ("acknowledged_at", "resolved_at")
_READ = (
    "name", "subject", "alert_type", "timestamp", "baken_alert", "baken_status", "severity", "status", "message",
    "details", "acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at", "note", "modified_by",
)  # fmt: skip
# What is worth a new version of the document; the rest follows without one, so that an open form stays savable.
_WEIGHTY = ("status", "severity", *_MOMENTS)
_TAG = re.compile(r"<([^<>]*)>")
# A browser takes one that does not end for a tag as well.
_OPENED = re.compile(r"<(?=[A-Za-z/!?])")
_UNDO = "baken_mirror"


def channel(site: str) -> str:
    """Under which name the store keeps the documents' names: several sites may share one store."""
    return f"frappe:{site}"[:SITE]


def bring_up_to_date(host: Host) -> None:
    """Let the site's System Alerts follow Baken's alerts; never raises.

    One statement when nothing happened. It commits what it wrote: call it where no transaction of somebody else's is
    open, as in a job.
    """
    with guarded("bringing System Alerts up to date"):
        if not is_ready():
            return
        now = frappe.utils.now_datetime()
        follow(host, everything=now.minute % _EVERY_MINUTES == 0)


def is_ready() -> bool:
    """Whether the site's System Alert is the one of this app; one of another app has no field for the number."""
    return bool(frappe.db.exists("DocType", DOCTYPE) and frappe.get_meta(DOCTYPE).has_field("baken_alert"))


def follow(host: Host, *, everything: bool = False) -> int:
    """Bring documents up to date; `everything`: of all alerts that are open here or there. Returns how many changed."""
    site = host.site.name
    mark = select(alert_marks.c.value).where(alert_marks.c.site == site, alert_marks.c.name == MARK).scalar_subquery()
    lines = (
        select(alert_events.c.id, alert_events.c.alert)
        .where(alert_events.c.id > func.coalesce(mark, 0))
        .order_by(alert_events.c.id)
        .limit(_MOST)
    )
    with host.store.read() as conn:
        rows = conn.execute(lines).all()
        if not rows and not everything:
            return 0
        numbers = {int(row.alert) for row in rows}
        if everything:
            opened = select(alerts.c.number).where(answers.of_site(site), alerts.c.open_key.is_not(None))
            numbers.update(int(number) for number in conn.execute(opened).scalars())
    if everything:
        unresolved = {"baken_alert": [">", 0], "status": ["!=", "Resolved"]}
        numbers.update(frappe.get_all(DOCTYPE, filters=unresolved, pluck="baken_alert"))
    changed = 0
    for some in batches(sorted(numbers)):
        changed += _bring(host, list(some))
    frappe.db.commit()
    if rows:
        with host.store.write() as conn:
            upsert(conn, alert_marks, [{"site": site, "name": MARK, "value": int(rows[-1].id)}])
    return changed


def state_of(alert: Mapping[str, Any], language: str = "") -> dict[str, Any]:
    """What of a document follows its alert: field -> value; `alert` as the API gives it.

    A person whom the site does not know is named in the details; the field is empty then.
    """
    tongue = language or ("nl" if str(frappe.db.get_default("lang") or "").startswith("nl") else "en")
    people = {name: str(alert.get(name) or "") for name in ("acknowledged_by", "resolved_by")}
    known = {name: user if user and frappe.db.exists("User", user) else None for name, user in people.items()}
    title, message = (said(alert[name], tongue) for name in ("title", "message"))
    details = {
        "alert": alert["name"],
        "site": alert["site"],
        "area": alert["area"],
        "labels": dict(alert["labels"]),
        "where": alert["where"],
        "value": alert["value"],
        "limit": alert["limit"],
        "unit": alert["unit"],
        "occurrences": alert["occurrences"],
        "advice": said(alert["advice"], tongue),
        "assigned_to": alert["assigned_to"],
        "feedback": alert["feedback"],
        **{name: user for name, user in people.items() if user and known[name] is None},
    }
    return {
        "subject": (title or alert["rule"])[:140],
        "severity": alert["severity"],
        "status": alert["status"],
        "baken_status": alert["status"],
        "message": f"{title}: {message}" if title and message else title or message or alert["rule"],
        "details": json.dumps(details, ensure_ascii=False, sort_keys=True, indent=1),
        "acknowledged_by": known["acknowledged_by"] if alert["acknowledged_at"] else None,
        "acknowledged_at": local(alert["acknowledged_at"]),
        "resolved_by": known["resolved_by"] if alert["resolved_at"] else None,
        "resolved_at": local(alert["resolved_at"]),
    }


def local(moment: str | None) -> datetime | None:
    """A moment of the API (ISO 8601) as Frappe keeps it: without a zone, by the site's clock, to the second."""
    if not moment:
        return None
    zone = ZoneInfo(frappe.utils.get_system_timezone())
    return datetime.fromisoformat(moment).astimezone(zone).replace(tzinfo=None, microsecond=0)


def said(texts: Mapping[str, str], language: str) -> str:
    """A text of Baken's in a language, else in English, as the Desk may show it: without anything that is a tag."""
    # What looks like a tag, such as the <n> of a pattern, would be taken out or escaped when the document is saved.
    text = _TAG.sub("‹\\1›", str(texts.get(language) or texts.get("en") or "").strip())
    return _OPENED.sub("‹", text)


def _bring(host: Host, numbers: list[int]) -> int:
    """Bring the documents of these alerts up to date; how many were written."""
    site, way = host.site.name, channel(host.site.name)
    with host.store.read() as conn:
        rows: list[Row[Any]] = list(
            conn.execute(select(alerts).where(answers.of_site(site), alerts.c.number.in_(numbers)))
        )
        found = answers.listed(conn, rows, acts_on_host=True)
        kept = select(alert_mirrors.c.alert, alert_mirrors.c.name).where(
            alert_mirrors.c.channel == way, alert_mirrors.c.alert.in_(numbers)
        )
        names = {int(row.alert): str(row.name) for row in conn.execute(kept)}
    documents = frappe.get_all(
        DOCTYPE, or_filters={"name": ["in", list(names.values()) or [""]], "baken_alert": ["in", numbers]}, fields=_READ
    )
    by_name = {document.name: document for document in documents}
    made: dict[int, str] = {}
    changed = 0
    for alert in found:
        number = int(alert["number"])
        document = by_name.get(names.get(number, "")) or _lost(alert, documents)
        with _apart(f"System Alert of {alert['name']}"):
            if document is None:
                made[number] = _insert(alert, host.settings.language)
                changed += 1
                continue
            if names.get(number) != document.name:
                made[number] = document.name
            changed += _update(host, document, alert)
    known = {int(alert["number"]) for alert in found}
    for document in documents:
        # Of a store that is no more: people can end it as one of the site's own.
        if document.baken_alert and document.baken_alert not in known:
            _let_go(document)
            changed += 1
    if made:
        frappe.db.commit()
        with host.store.write() as conn:
            upsert(
                conn, alert_mirrors, [{"channel": way, "alert": number, "name": name} for number, name in made.items()]
            )
    return changed


def _lost(alert: Mapping[str, Any], documents: Collection[Any]) -> Any:
    """The document of an alert whose name the store does not know, as after a process was killed; None without one.

    One of another store that happens to have the number is let go: it is a document of the site's own from now on.
    """
    for document in documents:
        if document.baken_alert != alert["number"]:
            continue
        if document.alert_type == alert["rule"] and _second(document.timestamp) == local(alert["began"]):
            return document
        _let_go(document)
    return None


def _let_go(document: Any) -> None:
    frappe.db.set_value(
        DOCTYPE, document.name, {"baken_alert": 0, "baken_name": None, "baken_status": None}, update_modified=False
    )


def _insert(alert: Mapping[str, Any], language: str) -> str:
    """Make the document of an alert; returns its name, which is the alert's where that is free."""
    document = frappe.get_doc(
        {
            "doctype": DOCTYPE,
            "alert_type": alert["rule"],
            "source": SOURCE,
            "timestamp": local(alert["began"]),
            "baken_alert": alert["number"],
            "baken_name": alert["name"],
            **state_of(alert, language),
        }
    )
    _as_baken(document)
    name = name_of(int(alert["number"]))
    document.insert(ignore_permissions=True, set_name=None if frappe.db.exists(DOCTYPE, name) else name)
    return str(document.name)


def _update(host: Host, document: Any, alert: Mapping[str, Any]) -> bool:
    """Bring one document up to date; whether it was written."""
    if document.baken_status and document.status not in (document.baken_status, alert["status"]):
        alert = _done_by_hand(host, document, alert)
    state = state_of(alert, host.settings.language)
    differing = {name: value for name, value in state.items() if not _same(name, document.get(name), value)}
    if not differing:
        return False
    if differing.keys().isdisjoint(_WEIGHTY):
        frappe.db.set_value(DOCTYPE, document.name, differing, update_modified=False)
        return True
    whole = frappe.get_doc(DOCTYPE, document.name)
    whole.update(state)
    _as_baken(whole)
    whole.save(ignore_permissions=True)
    return True


def _done_by_hand(host: Host, document: Any, alert: Mapping[str, Any]) -> Mapping[str, Any]:
    """Somebody changed the status past the form: carry the act out in their name; returns the alert as it is then."""
    user = str(document.modified_by)
    caller = Caller(user, user, frozenset(frappe.get_roles(user)))
    args = {"alerts": str(alert["number"]), "note": str(document.note or "")}
    try:
        answer = registry.invoke(replace(host.call(), user=caller), f"baken.{_ACTS[document.status]}", args)
    except Refusal:
        return alert
    return next(iter(answer["alerts"]), alert)


def _as_baken(document: Any) -> None:
    document.flags.from_baken = True
    document.flags.ignore_links = True
    # No e-mails by Frappe's own notifications about it: whom to tell is Baken's to know.
    document.flags.notifications = []


def _same(name: str, here: Any, there: Any) -> bool:
    if name in _MOMENTS:
        return bool(_second(here) == there)
    return str(here or "") == str(there or "")


def _second(moment: Any) -> datetime | None:
    if not moment:
        return None
    found: datetime = frappe.utils.get_datetime(moment)
    return found.replace(microsecond=0)


@contextmanager
def _apart(what: str) -> Iterator[None]:
    """What goes wrong with one document undoes that one alone, and is told in Baken's log."""
    with guarded(what):
        frappe.db.savepoint(_UNDO)
        try:
            yield
        except Exception:
            frappe.db.rollback(save_point=_UNDO)
            raise

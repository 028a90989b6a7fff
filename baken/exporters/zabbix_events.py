"""What Zabbix' webhook reports, taken in: problems, their ends, and what people did about them over there.

Zabbix sends each message until it is taken, and one that failed at first comes after those that came later. Numbers of
events only grow, so what is older than the last that is known of a trigger changes nothing any more; neither does a
problem whose end is known already.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, select, update

from baken.alerts import external, lifecycle
from baken.alerts.external import Report, Taken
from baken.alerts.lifecycle import Act, Refused
from baken.alerts.rule import Rule, Severity
from baken.exporters.zabbix_items import host_name
from baken.exporters.zabbix_rules import TAG
from baken.history.tables import alerts, zabbix_events
from baken.history.upserts import insert_missing
from baken.privacy import mask
from baken.settings import ZabbixTarget

SEVERITIES: Mapping[str, Severity] = {
    "0": "LOW",
    "1": "LOW",
    "2": "MEDIUM",
    "3": "MEDIUM",
    "4": "HIGH",
    "5": "CRITICAL",
}
"""Zabbix' severities by number: not classified, information, warning, average, high, disaster."""

LATE = timedelta(days=1)
"""No message is later than that; after it, a smaller number is that of a Zabbix that was set up anew."""

WHO = "zabbix"
"""Who acknowledged an alert, when somebody did so in Zabbix: who it was is not for Baken to keep."""

Outcome = Taken | Literal["late", "own"]

# "acknowledged, commented and changed severity from Average to High".
_AND = re.compile(r", | and ")
_AGE = re.compile(r"(\d+)\s*([yMdhms])")
_SIZES = {"y": 365 * 86400, "M": 30 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_LONGEST = timedelta(days=3650)
_MOST_EVENT = 2**63 - 1
_MOST_TAGS = 8


class BadMessage(ValueError):
    """A message cannot be understood; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message of Zabbix about a problem.

    Attributes:
        number: the number of the problem's event; in a recovery as well.
        over: whether the problem is over.
        update: whether it tells what somebody did about it; `actions` are what, `remark` is what was written.
        host, trigger: where it comes from: the host's technical name and the trigger's number.
        name, severity, text, link, tags: as Zabbix has them.
        began: since when, aware UTC.
    """

    number: int
    over: bool
    host: str
    trigger: str
    name: str
    severity: Severity
    began: datetime
    text: str = ""
    link: str = ""
    update: bool = False
    actions: tuple[str, ...] = ()
    remark: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Whether it is a problem of Baken's own template: Baken knows, and says so better."""
        return TAG in self.tags


def read(given: Mapping[str, str], now: datetime) -> Event:
    """The event that the webhook's parameters tell of. Raises BadMessage."""
    number, value = given.get("event_id", ""), given.get("event_value", "")
    if not number.isdecimal() or not number.isascii() or int(number) > _MOST_EVENT:
        raise BadMessage("event_id is no number of an event; the webhook sends {EVENT.ID}")
    if value not in ("0", "1"):
        raise BadMessage("event_value is neither 0 nor 1; the webhook sends {EVENT.VALUE}")
    if not given.get("host") or not given.get("trigger_id"):
        raise BadMessage("host or trigger_id is missing; the webhook sends {HOST.HOST} and {TRIGGER.ID}")
    actions = tuple(each.strip().lower() for each in _AND.split(given.get("update_action", "")) if each.strip())
    parts = [given.get("opdata", ""), given.get("trigger_text", "")]
    return Event(
        number=int(number),
        over=value == "0",
        host=given["host"],
        trigger=given["trigger_id"],
        name=given.get("name") or "Problem in Zabbix",
        severity=SEVERITIES.get(given.get("severity", ""), "MEDIUM"),
        began=now - age_of(given.get("age", "")),
        text="\n".join(part for part in parts if part),
        link=given.get("link", ""),
        update=given.get("update_status") == "1",
        actions=actions,
        remark=given.get("update_message", ""),
        tags=_tags(given.get("tags", "")),
    )


def age_of(text: str) -> timedelta:
    """How long ago a problem began, as {EVENT.AGE} says it: `1d 2h 3m`; nothing when it says nothing."""
    seconds = sum(min(int(number[:9]), 10**8) * _SIZES[unit] for number, unit in _AGE.findall(text[:100]))
    return min(timedelta(seconds=seconds), _LONGEST)


def site_of(event: Event, sites: Collection[str], targets: Collection[ZabbixTarget]) -> str:
    """The watched site that an event is about: by the name of its host, or by a tag `site`; empty: the host."""
    by_host = {host_name(prefix, site): site for prefix in {"", *(t.host_prefix for t in targets)} for site in sites}
    tagged = event.tags.get("site", "")
    return by_host.get(event.host, tagged if tagged in sites else "")


def take(act: Act, event: Event, site: str, rules: Mapping[str, Rule]) -> Outcome:
    """Let an event change alerts, in the caller's transaction.

    Returns what became of it; "late" for what was overtaken, "own" for a problem of Baken's own template.
    """
    if event.own:
        return "own"
    report = Report(
        source="zabbix",
        identity=f"{event.host}\0{event.trigger}",
        firing=not event.over,
        name=event.name,
        site=site,
        severity=event.severity,
        title=event.name,
        message=event.text,
        began=event.began,
        link=event.link,
        labels={"host": event.host, **dict(list(event.tags.items())[:_MOST_TAGS])},
    )
    last, over = _last(act, report.key)
    if event.number < last or (event.number == last and over and not event.over):
        return "late"
    act.conn.execute(
        update(zabbix_events)
        .where(zabbix_events.c.key == report.key)
        .values(event=event.number, over=event.over, at=act.ms)
    )
    # What somebody wrote about a problem that was told already opens nothing that was ended here since.
    told = event.update and event.number == last and not event.over
    try:
        outcome: Outcome = "seen" if told else external.take(act, report, rules)
        if event.update and not event.over:
            _follow(act, report.key, event)
    except Refused:
        # Somebody was first; over is over.
        return "unknown"
    return outcome


def _last(act: Act, key: str) -> tuple[int, bool]:
    """The last event that is known of a trigger, and whether it is over; nobody else changes that meanwhile."""
    table = zabbix_events
    longest = act.ms - LATE // timedelta(milliseconds=1)
    act.conn.execute(delete(table).where(table.c.over.is_(True), table.c.at < longest))
    insert_missing(act.conn, table, [{"key": key, "event": 0, "over": False, "at": act.ms}], key=("key",))
    row = act.conn.execute(select(table).where(table.c.key == key).with_for_update()).one()
    # What is open for long is not forgotten; a new Zabbix begins to count at 1.
    return (0, False) if row.at < longest else (int(row.event), bool(row.over))


def _follow(act: Act, key: str, event: Event) -> None:
    """Do here what somebody did in Zabbix."""
    row = act.conn.execute(select(alerts.c.number, alerts.c.status).where(alerts.c.open_key == key)).one_or_none()
    if row is None:
        return
    said = mask(event.remark.replace("\x00", ""))[: lifecycle.MOST_TEXT]
    by = Act(act.conn, act.settings, act.now, user=WHO, site=act.site)
    if "acknowledged" in event.actions and row.status == lifecycle.ACTIVE:
        lifecycle.acknowledge(by, row.number, said)
    elif said:
        lifecycle.comment(by, row.number, said)


def _tags(text: str) -> dict[str, str]:
    try:
        given: Any = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for each in given if isinstance(given, list) else ():
        if isinstance(each, dict) and isinstance(each.get("tag"), str):
            found.setdefault(each["tag"], str(each.get("value", "")))
    return found

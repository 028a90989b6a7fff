"""From rows of the outbox to a message: what happened to which alerts, in the recipient's language."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from baken.alerts import kept_recipients, links, outbox, words
from baken.alerts.lifecycle import ACKNOWLEDGED, ACTIVE, RESOLVED
from baken.alerts.message import Chart, Event, Item, Message
from baken.alerts.rule import RANK
from baken.clock import from_ms
from baken.history import samples
from baken.history.series import batches, labels_of
from baken.history.tables import alert_events
from baken.metrics import catalogue
from baken.settings import Recipient, Settings

_COURSE = timedelta(hours=6)
_STEP = timedelta(minutes=2)
_CHARTS = 3

_EVENTS: Mapping[str, Event] = {
    "fired": "fired",
    "unsuppressed": "fired",
    "reopened": "reopened",
    "resolved": "resolved",
    "acknowledged": "acknowledged",
    "escalated": "escalated",
    "reminder": "reminder",
    "flapping": "flapping",
}

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "fired": "Fired at {at}.",
        "fired_figure": "Fired at {at}: {value}, the limit is {limit}.",
        "fired_value": "Fired at {at}: {value}.",
        "back": "It is back since {at}; it has fired {n} times.",
        "over": "Over after {span}.",
        "over_by": "Resolved by {user} after {span}.",
        "short": "Fired at {at}, and over after {span}.",
        "taken": "{user} has taken it up.",
        "climbed": "Nobody has acknowledged it for {span}: this is step {step}.",
        "still": "Still open after {span}; nobody has acknowledged it.",
        "still_taken": "Still not over after {span}. {user} acknowledged it at {at}.",
        "flaps": "It comes and goes: it fired {n} times. You will hear of it again when it has held still.",
        "subject_over": "Over: {title}",
        "subject_more": "{title} and {n} more",
        "subject_digest": "Held back: {n} notifications",
        "subject_test": "Test: this is how an alert reaches you",
        "subject_daily": "Daily report",
        "subject_weekly": "Weekly report",
        "lead_digest": "These were held back: outside your hours, or beyond {cap} messages within an hour.",
        "lead_late": "These are late: the channel did not work. They were to go out from {at} on.",
        "reply": "You get this as {name}. Who is told what and when stands in baken.toml under [[alerts.recipients]].",
        "reply_report": "You get this as {name}; reports are asked for in baken.toml under [[alerts.recipients]].",
        "reply_page": "You get this as {name}. Who is told what and when is set in Baken under Settings, Recipients.",
        "course": "The last six hours",
        "all": "all sites",
    },
    "nl": {
        "fired": "Afgegaan om {at}.",
        "fired_figure": "Afgegaan om {at}: {value}, de grens is {limit}.",
        "fired_value": "Afgegaan om {at}: {value}.",
        "back": "Het is er weer sinds {at}; het is {n} keer afgegaan.",
        "over": "Voorbij na {span}.",
        "over_by": "Opgelost door {user} na {span}.",
        "short": "Afgegaan om {at}, en voorbij na {span}.",
        "taken": "{user} heeft het opgepakt.",
        "climbed": "Niemand heeft het in {span} bevestigd: dit is stap {step}.",
        "still": "Na {span} nog steeds open; niemand heeft het bevestigd.",
        "still_taken": "Na {span} nog niet voorbij. {user} heeft het om {at} bevestigd.",
        "flaps": "Het komt en gaat: het ging {n} keer af. Je hoort er weer van als het stil blijft.",
        "subject_over": "Voorbij: {title}",
        "subject_more": "{title} en nog {n}",
        "subject_digest": "Achtergehouden: {n} berichten",
        "subject_test": "Proef: zo bereikt een melding je",
        "subject_daily": "Dagrapport",
        "subject_weekly": "Weekrapport",
        "lead_digest": "Deze berichten zijn achtergehouden: buiten je uren, of boven {cap} berichten binnen een uur.",
        "lead_late": "Deze zijn laat: het kanaal werkte niet. Ze hadden vanaf {at} moeten uitgaan.",
        "reply": "Je krijgt dit als {name}. Wie wat wanneer hoort, staat in baken.toml onder [[alerts.recipients]].",
        "reply_report": "Je krijgt dit als {name}; rapporten vraag je aan in baken.toml onder [[alerts.recipients]].",
        "reply_page": "Je krijgt dit als {name}. Wie wat wanneer hoort, staat in Baken bij Instellingen, Ontvangers.",
        "course": "De laatste zes uur",
        "all": "alle sites",
    },
}

_LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Desk:
    """What composing needs beside the rows: settings, the installation's key for links, and time zones of sites."""

    settings: Settings
    key: bytes
    zone_of: Callable[[str], str]

    def language(self, recipient: Recipient) -> str:
        """The recipient's language."""
        return recipient.language or self.settings.language

    def zone(self, recipient: Recipient, site: str) -> str:
        """The time zone in which times are told to the recipient."""
        return recipient.time_zone or self.zone_of(site)


def text(language: str, key: str, **values: Any) -> str:
    """One of this module's texts."""
    return _TEXTS[language][key].format(**values)


def moot(conn: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Those of the claimed rows that nobody need hear of any more: held back meanwhile, acted upon, or gone."""
    alerts = outbox.open_alerts(conn, [row.alert for row in rows if row.alert is not None])
    found: list[Row[Any]] = []
    for number, own in _by_alert(rows).items():
        alert = alerts.get(number)
        if alert is None or _moot(alert, own):
            found += own
    return found


def message(
    conn: Connection, desk: Desk, recipient: Recipient, batch: outbox.Batch, rows: Sequence[Row[Any]], now: datetime
) -> Message | None:
    """The message that the rows of a batch make; None when there is nothing to tell.

    Args:
        conn: a connection that reads.
        desk: settings, key and zones.
        recipient: who is told.
        batch: what `outbox.plan` put together.
        rows: the claimed rows of the outbox, without those that are `moot`.
        now: the present moment.
    """
    language, zone = desk.language(recipient), desk.zone(recipient, batch.site)
    alerts = outbox.open_alerts(conn, [row.alert for row in rows if row.alert is not None])
    events = _events(conn, [row.event for row in rows if row.event is not None])
    items = []
    for number, own in _by_alert(rows).items():
        alert = alerts.get(number)
        if alert is not None:
            items.append(_item(desk, recipient, alert, own, events, now, language, zone))
    if not items:
        return None
    items.sort(key=lambda item: (item.status == RESOLVED, -RANK[item.severity], -item.number))
    items = [
        _with_chart(conn, item, alerts[item.number], language, now) if place < _CHARTS else item
        for place, item in enumerate(items)
    ]
    going_on = [item for item in items if item.event != "resolved"]
    severity = max((item.severity for item in going_on), key=lambda word: RANK[word], default="LOW")
    base = desk.settings.alerts.public_url.rstrip("/")
    return Message(
        id=_identity(rows),
        kind="test" if batch.kind == "test" else "digest" if batch.held else "alert",
        language=language,
        zone=zone,
        site=batch.site,
        subject=_subject(batch, items, language),
        lead=_lead(desk, batch, rows, now, language, zone),
        severity=severity,
        items=tuple(items),
        at=now,
        url=f"{base}/monitoring_dashboard/alerts" if base else "",
        reply=_reply(recipient, "reply", language),
    )


def report_message(
    recipient: Recipient, row: Row[Any], report: Mapping[str, Any], *, language: str, zone: str, url: str, now: datetime
) -> Message:
    """The message that carries a report."""
    title = text(language, f"subject_{report['period']}")
    return Message(
        id=_identity([row]),
        kind="report",
        language=language,
        zone=zone,
        site=row.site,
        subject=f"{title} · {row.site or text(language, 'all')}",
        lead="",
        severity="LOW",
        items=(),
        at=now,
        url=url,
        report=report,
        reply=_reply(recipient, "reply_report", language),
    )


def _reply(recipient: Recipient, key: str, language: str) -> str:
    """Why somebody gets a message, and where that is set."""
    name = kept_recipients.short_name(recipient)
    if name is not None:
        return text(language, "reply_page", name=name)
    return text(language, key, name=recipient.name)


def _identity(rows: Sequence[Row[Any]]) -> str:
    return hashlib.sha256(",".join(sorted(row.key for row in rows)).encode()).hexdigest()[:32]


def _by_alert(rows: Sequence[Row[Any]]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        if row.alert is not None:
            found.setdefault(row.alert, []).append(row)
    return found


def _kind(row: Row[Any]) -> str:
    return str(json.loads(row.body).get("event") or "fired")


def _moot(alert: Row[Any], rows: Sequence[Row[Any]]) -> bool:
    """Whether nobody need hear of it any more: silenced meanwhile, or an urge to act on what was acted upon."""
    kinds = {_kind(row) for row in rows}
    if alert.suppressed and "resolved" not in kinds:
        return True
    urging = kinds <= {"escalated", "reminder"}
    return urging and (alert.status == RESOLVED or (alert.status == ACKNOWLEDGED and kinds == {"escalated"}))


def _events(conn: Connection, numbers: Sequence[int]) -> dict[int, Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for some in batches(sorted(set(numbers))):
        found |= {row.id: row for row in conn.execute(select(alert_events).where(alert_events.c.id.in_(some)))}
    return found


def _item(
    desk: Desk,
    recipient: Recipient,
    alert: Row[Any],
    rows: Sequence[Row[Any]],
    events: Mapping[int, Row[Any]],
    now: datetime,
    language: str,
    zone: str,
) -> Item:
    texts: Mapping[str, Mapping[str, str]] = json.loads(alert.texts)
    details: Mapping[str, Any] = json.loads(alert.details)
    labels = labels_of(alert.labels)
    last = max(rows, key=lambda row: row.event or 0)
    event = _EVENTS.get(_kind(last), "fired")
    happened = events.get(last.event or 0)
    at = from_ms(happened.at) if happened is not None else from_ms(last.created)
    unit = str(details.get("unit") or "")
    # With a limit beside it a number speaks for itself; alone it needs its noun.
    worded = words.figure if details.get("limit") is not None else words.amount
    value = worded(alert.value, unit, language) if alert.value is not None else ""
    limit = words.figure(details["limit"], unit, language) if details.get("limit") is not None else ""
    base = desk.settings.alerts.public_url.rstrip("/")
    url = f"{base}/monitoring_dashboard/alerts/{alert.number}" if base else ""
    acknowledge = ""
    if base and alert.status == ACTIVE and event != "resolved" and last.kind != "test":
        acknowledge = f"{base}{links.PATH}?t={links.make(desk.key, alert.number, recipient.name, now)}"
    return Item(
        number=alert.number,
        rule=alert.rule,
        event=event,
        title=_in(texts.get("title"), language) or alert.rule,
        message=_in(texts.get("message"), language),
        advice=_in(texts.get("advice"), language) if event != "resolved" else "",
        change=_change(alert, {_kind(row) for row in rows}, event, happened, at, value, limit, language, zone),
        severity=alert.severity,
        status=alert.status,
        site=alert.site,
        # The label of a trial says which one it is, not where anything is.
        where=words.where(labels, language),
        value=value,
        limit=limit,
        at=at,
        began=from_ms(alert.began),
        occurrences=alert.occurrences,
        url=url,
        acknowledge_url=acknowledge,
        # What another system reports is explained there.
        runbook=_runbook(str(details.get("runbook") or details.get("link") or "")),
        labels=labels,
    )


def _in(texts: Mapping[str, str] | None, language: str) -> str:
    return (texts or {}).get(language) or (texts or {}).get("en") or ""


def _runbook(where: str) -> str:
    # A page of the manual is no address that a recipient could open.
    return where if where.startswith(("https://", "http://")) else ""


def _change(
    alert: Row[Any],
    kinds: set[str],
    event: Event,
    happened: Row[Any] | None,
    at: datetime,
    value: str,
    limit: str,
    language: str,
    zone: str,
) -> str:
    fired = from_ms(alert.fired)
    span = words.span(at - fired, language)
    user = happened.user if happened is not None else ""
    moment = words.moment(at, zone, language)
    if event == "resolved":
        if user:
            return text(language, "over_by", user=user, span=span)
        key = "short" if kinds & {"fired", "reopened"} else "over"
        return text(language, key, span=span, at=words.moment(fired, zone, language))
    if event == "reopened":
        return text(language, "back", at=moment, n=alert.occurrences)
    if event == "acknowledged":
        return text(language, "taken", user=user)
    if event == "escalated":
        return text(language, "climbed", span=span, step=alert.step)
    if event == "flapping":
        return text(language, "flaps", n=alert.occurrences)
    if event == "reminder":
        if alert.status == ACKNOWLEDGED and alert.acknowledged_at is not None:
            taken = words.moment(from_ms(alert.acknowledged_at), zone, language)
            return text(language, "still_taken", span=span, user=alert.acknowledged_by, at=taken)
        return text(language, "still", span=span)
    if value and limit:
        return text(language, "fired_figure", at=moment, value=value, limit=limit)
    return text(language, "fired_value" if value else "fired", at=moment, value=value)


def _with_chart(conn: Connection, item: Item, alert: Row[Any], language: str, now: datetime) -> Item:
    chart = course(conn, alert, language, now)
    return item if chart is None else replace(item, chart=chart)


def course(conn: Connection, alert: Row[Any], language: str, now: datetime) -> Chart | None:
    """The last hours of the figure that an alert is about; None where it is about no single course."""
    details: Mapping[str, Any] = json.loads(alert.details)
    plotted = details.get("chart")
    if not isinstance(plotted, dict) or not plotted.get("metric"):
        return None
    found = samples.read_range(
        conn, alert.site, str(plotted["metric"]), now - _COURSE, now, step=_STEP, labels=plotted.get("labels") or {}
    )
    if len(found) != 1 or len(found[0].at) < 2:
        return None
    limit = details.get("limit") if plotted.get("limit") else None
    entry = catalogue.get(str(plotted["metric"]))
    unit = entry.unit if entry is not None else ""
    caption = text(language, "course")
    return Chart(tuple(found[0].at), tuple(found[0].value), limit, unit, caption, alert.fired)


def _subject(batch: outbox.Batch, items: Sequence[Item], language: str) -> str:
    where = batch.site or text(language, "all")
    if batch.kind == "test":
        return f"[Baken] {text(language, 'subject_test')} · {where}"
    if batch.held:
        return f"[Baken] {text(language, 'subject_digest', n=len(items))} · {where}"
    first = items[0]
    if all(item.event == "resolved" for item in items):
        title = text(language, "subject_over", title=first.title)
        mark = "OK"
    else:
        title, mark = first.title, words.severity(first.severity, language).upper()
    if len(items) > 1:
        title = text(language, "subject_more", title=title, n=len(items) - 1)
    return f"[{mark}] {title} · {where}"


def _lead(desk: Desk, batch: outbox.Batch, rows: Sequence[Row[Any]], now: datetime, language: str, zone: str) -> str:
    if batch.held:
        return text(language, "lead_digest", cap=desk.settings.alerts.hourly_cap)
    oldest = min(row.created for row in rows)
    if any(row.problem for row in rows) and now - from_ms(oldest) > _LATE:
        return text(language, "lead_late", at=words.moment(from_ms(oldest), zone, language))
    return ""

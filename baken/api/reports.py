"""The daily and the weekly report: read one, send one now, and see what went out and when the next goes."""

import json
import secrets
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

from sqlalchemy import select

from baken.alerts import outbox, reports
from baken.alerts.routing import named
from baken.alerts.view import zone_of
from baken.alerts.windows import zone_named
from baken.api import snapshots
from baken.api.alerts import told
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.registry import method
from baken.clock import from_ms, iso, to_ms
from baken.history import audit
from baken.history.tables import outbox as outbox_table
from baken.settings import Alerts, Recipient

Period = Literal["daily", "weekly"]
Language = Literal["en", "nl"]

MOST_SENT = 30
"""So many of the reports that went out are listed."""

BETWEEN = timedelta(minutes=1)
"""So soon after one report to somebody no other is sent to them by hand."""


@method("baken.get_report", roles=DASHBOARD_ROLES)
def get_report(
    call: Call, period: Period = "daily", until: str = "", language: Language | None = None
) -> dict[str, Any]:
    """The report about the last whole day (daily) or the last seven (weekly) before `until`, in the site's days.

    `until` (ISO 8601, not in the future) is now when it is left out. Health and what needs attention are those of
    the present: the store keeps figures, not verdicts.

    Returns what the report that goes out by e-mail has: period, site, from, to, health {status, sentences}, attention
    [{severity, text, url}], sections [{key, title, rows}], errors, alerts, absent; and language, time_zone, until,
    timestamp. Figures, changes and moments are texts in the language.
    """
    moment = _until(call, until)
    chosen = language or call.settings.language
    shot = snapshots.of(call.store, call.site_name)

    def ask() -> dict[str, Any]:
        with call.store.read() as conn:
            zone = zone_named(zone_of(conn, call.site_name))
            built = reports.build(
                conn,
                call.site_name,
                period=period,
                until=moment,
                zone=zone,
                language=chosen,
                settings=call.settings,
                url="",
                now=call.now,
            )
        return {**built, "language": chosen, "time_zone": str(zone)}

    # Within a minute, and as long as nothing newer was measured, it is the same report.
    key = ("report", period, chosen, moment.replace(second=0, microsecond=0))
    return {**shot.once(key, ask), "until": iso(moment), "timestamp": iso(call.now)}


@method("baken.get_report_deliveries", roles=DASHBOARD_ROLES)
def get_report_deliveries(call: Call) -> dict[str, Any]:
    """To whom reports about this site go, when the next ones do, and the last that went out.

    Returns recipients (name, channel, language, reports: which they get by themselves, me: whether its address is the
    caller's, next: period and the moment at which it goes out, or null), sent (at, period, from, to, recipient,
    channel, state: waiting, sent or dropped, problem, by: who asked, empty for Baken; the newest first), report_at and
    weekly_report_day of the settings, time_zone, timestamp. Addresses are not told.
    """
    settings, known = call.settings.alerts, told(call)
    query = (
        select(outbox_table)
        .where(outbox_table.c.site == call.site_name, outbox_table.c.kind == "report")
        .order_by(outbox_table.c.id.desc())
        .limit(MOST_SENT)
    )
    with call.store.read() as conn:
        zone = zone_of(conn, call.site_name)
        rows = conn.execute(query).all()
    return {
        "recipients": [
            {
                "name": each.name,
                "channel": each.channel,
                "language": each.language or call.settings.language,
                "reports": list(each.reports),
                "me": call.user is not None and each.to.casefold() == call.user.name.casefold(),
                "next": _next(call, each, zone),
            }
            for each in known.recipients
            if _concerns(each, call.site_name)
        ],
        "sent": [_sent(row, known, zone) for row in rows],
        "report_at": settings.report_at,
        "weekly_report_day": settings.weekly_report_day,
        "time_zone": zone,
        "timestamp": iso(call.now),
    }


@method("baken.send_report", roles=DASHBOARD_ROLES, writes=True)
def send_report(
    call: Call, recipient: str, channel: str = "", period: Period = "daily", until: str = ""
) -> dict[str, Any]:
    """Send a report to one of the recipients of the settings now, over the outbox, as the ones that go by themselves.

    `channel` tells recipients of the same name apart. One report a minute to the same recipient.

    Returns sent (recipient, channel, period, until) and queued (whether it was put into the outbox).
    """
    moment = _until(call, until)
    who = _recipient(call, recipient, channel)
    by = call.user.name if call.user else ""
    latest = (
        select(outbox_table.c.created)
        .where(
            outbox_table.c.kind == "report",
            outbox_table.c.recipient == who.name,
            outbox_table.c.channel == who.channel,
            outbox_table.c.created > to_ms(call.now - BETWEEN),
            outbox_table.c.site == call.site_name,
        )
        .limit(1)
    )
    with call.store.write() as conn:
        if conn.execute(latest).first() is not None:
            raise BadArgument(f"a report went to {who.name} within the last minute; wait a little")
        row = {
            "key": outbox.key_of("report by hand", secrets.token_hex(16)),
            "site": call.site_name,
            "kind": "report",
            "channel": who.channel,
            "recipient": who.name,
            "severity": "LOW",
            "due": to_ms(call.now),
            "body": json.dumps({"period": period, "until": to_ms(moment), "by": by}),
        }
        outbox.put(conn, [row], call.now)
        audit.write(
            conn,
            at=call.now,
            site=call.site_name,
            user=by,
            action="report sent",
            target=f"{who.name} ({who.channel})",
            detail={"period": period, "until": iso(moment)},
        )
    sent = {"recipient": who.name, "channel": who.channel, "period": period, "until": iso(moment)}
    return {"sent": sent, "queued": True}


def _recipient(call: Call, name: str, channel: str) -> Recipient:
    fitting = [
        each
        for each in told(call).recipients
        if each.name == name and channel in ("", each.channel) and _concerns(each, call.site_name)
    ]
    if not fitting:
        raise BadArgument(f"argument recipient is {name[:100]!r}; expected one of baken.get_report_deliveries")
    if len(fitting) > 1:
        channels = ", ".join(each.channel for each in fitting)
        raise BadArgument(f"{name[:100]} is told over several channels; say which: {channels}")
    return fitting[0]


def _concerns(recipient: Recipient, site: str) -> bool:
    return not recipient.sites or site in recipient.sites


def _until(call: Call, given: str) -> datetime:
    if not given:
        return call.now
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found > call.now or found.year < 1971:
        raise BadArgument(f"argument until is {given[:60]!r}; expected a moment that has been, such as {iso(call.now)}")
    return found


def _next(call: Call, recipient: Recipient, zone: str) -> dict[str, Any] | None:
    """The next report that goes to a recipient by itself."""
    there = zone_named(recipient.time_zone or zone)
    coming = []
    for period in recipient.reports:
        moment = _coming(call, there, period)
        if moment is not None:
            coming.append((moment, period))
    if not coming:
        return None
    moment, period = min(coming)
    return {"period": period, "at": iso(moment)}


def _coming(call: Call, zone: tzinfo, period: Period) -> datetime | None:
    """When a report goes out for the next time: `reports.due` of a later moment that is not due yet now."""
    for ahead in range(1, 9):
        moment = reports.due(call.now + timedelta(days=ahead), zone, call.settings.alerts, period)
        if moment is not None and moment > call.now:
            return moment
    return None


def _sent(row: Any, recipients: Alerts, zone: str) -> dict[str, Any]:
    body = json.loads(row.body)
    recipient = named(recipients, row.channel, row.recipient)
    until = from_ms(body["until"])
    start, end = reports.days_of(until, body["period"], zone_named((recipient.time_zone if recipient else "") or zone))
    return {
        "at": iso(from_ms(row.sent_at or row.created)),
        "period": body["period"],
        "from": iso(start),
        "to": iso(end),
        "recipient": row.recipient,
        "channel": row.channel,
        "state": row.state,
        "problem": row.problem,
        "by": body.get("by", ""),
    }

"""Who is told about alerts of a site: those of baken.toml, which are read only, and those that were set on the page."""

import json
import time
from typing import Annotated, Any, Literal

from baken import clock
from baken.alerts import kept_recipients, outbox, trial_alert
from baken.alerts.kept_recipients import masked
from baken.alerts.rule import AREAS, SEVERITIES
from baken.api import permits
from baken.api.alert_actions import TRY_SECONDS
from baken.api.alerts import forget_kept
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.monitor import collector_state
from baken.api.registry import method
from baken.clock import iso
from baken.history import audit, kept
from baken.history.kept import Kept
from baken.privacy import installation_key

_BETWEEN_TESTS = 60.0


@method("baken.get_recipient_settings", roles=DASHBOARD_ROLES)
def get_recipient_settings(call: Call) -> dict[str, Any]:
    """Everybody who is told about this site, where that was set, and the channels over which one can be told.

    Returns recipients (name, tell: the name that rules and trails know, from: file or page, channel, to: masked,
    at_least, areas, rules, step, hours, time_zone, language, reports, changed: {at, by} or null, problem), channels
    (name, kind, needs_to, usable, why_not), severities, areas, most, timestamp.
    """
    alerts = call.settings.alerts
    with call.store.read() as conn:
        rows = kept.load(conn, "recipient", call.site_name)
        found = kept_recipients.chosen(conn, call.settings, installation_key(call.settings.data_dir), call.site_name)
    own = {each.name: each for each in found.settings.alerts.recipients[len(alerts.recipients) :]}
    filed = [
        {**_wishes(each.model_dump()), "name": each.name, "tell": each.name, "from": "file", "to": masked(each.to),
         "changed": None, "problem": ""}
        for each in alerts.recipients
        if not each.sites or call.site_name in each.sites
    ]  # fmt: skip
    kept_ones = []
    for row in rows:
        name = kept_recipients.full_name(row.site, row.name)
        usable = own.get(name)
        kept_ones.append(
            {
                **_wishes(row.body),
                "name": row.name,
                "tell": name,
                "from": "page",
                "to": masked(usable.to) if usable is not None else "",
                "changed": {"at": iso(row.at), "by": row.by},
                "problem": found.problems.get((row.site, row.name), ""),
            }
        )
    return {
        "recipients": filed + kept_ones,
        "channels": [_channel(call, each.name) for each in alerts.channels],
        "severities": list(SEVERITIES),
        "areas": list(AREAS),
        "most": kept_recipients.MOST,
        "timestamp": iso(call.now),
    }


def _wishes(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "channel": body.get("channel", ""),
        "at_least": body.get("at_least", "MEDIUM"),
        "areas": list(body.get("areas") or ()),
        "rules": list(body.get("rules") or ()),
        "step": body.get("step", 1),
        "hours": body.get("hours", ""),
        "time_zone": body.get("time_zone", ""),
        "language": body.get("language", ""),
        "reports": list(body.get("reports") or ()),
    }


def _channel(call: Call, name: str) -> dict[str, Any]:
    """A channel, and whether somebody can be added to it on the page."""
    kind = next(each.kind for each in call.settings.alerts.channels if each.name == name)
    probe = {"name": "x", "channel": name, "to": "x@example.test"}
    wrong = kept_recipients.check(call.settings.alerts, call.site_name, probe, alone=permits.for_all(call))
    why = next((each.text for each in wrong if each.field == "channel"), "")
    without = kept_recipients.check(call.settings.alerts, call.site_name, {**probe, "to": ""}, alone=True)
    needs = any(each.field == "to" for each in without)
    return {"name": name, "kind": kind, "needs_to": needs, "usable": not why, "why_not": why}


@method("baken.save_recipient", roles=DASHBOARD_ROLES, writes=True)
def save_recipient(
    call: Call,
    name: str,
    channel: str,
    was: str = "",
    to: str = "",
    at_least: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] = "MEDIUM",
    areas: str = "",
    step: Annotated[int, Range(1, 9)] = 1,
    hours: str = "",
    time_zone: str = "",
    language: Literal["", "en", "nl"] = "",
    reports: str = "",
) -> dict[str, Any]:
    """Add somebody who is told about this site, or change who was set on the page (`was`: the name until now).

    `areas` and `reports` (daily, weekly) have commas between them. Where `was` is given and `to` is empty, the address
    stays; no answer gives it back.

    Returns saved, problems ({field, text}).
    """
    key = installation_key(call.settings.data_dir)
    with call.store.read() as conn:
        rows = {row.name: row for row in kept.load(conn, "recipient", call.site_name)}
    before = rows.get(was.strip()) if was.strip() else None
    if was.strip() and before is None:
        raise BadArgument(f"there is no recipient {was[:60]!r} that was set on the page")
    sealed = kept_recipients.seal(key, to.strip())
    address, lost = to.strip(), ""
    if not address and before is not None and before.body.get("channel") == channel:
        sealed = str(before.body.get("to") or "")
        try:
            address = kept_recipients.unseal(key, sealed)
        except kept_recipients.AddressLost as problem:
            lost = str(problem)
    wanted = name.strip()
    given = {
        "name": wanted, "channel": channel, "to": address, "at_least": at_least, "areas": _listed(areas), "step": step,
        "hours": hours.strip(), "time_zone": time_zone.strip(), "language": language, "reports": _listed(reports),
    }  # fmt: skip
    wrong = [kept_recipients.Wrong("to", lost)] if lost else []
    wrong += kept_recipients.check(call.settings.alerts, call.site_name, given, alone=permits.for_all(call))
    if wanted in rows and (before is None or wanted != before.name):
        wrong.append(kept_recipients.Wrong("name", "somebody is called so already"))
    if before is None and len(rows) >= kept_recipients.MOST:
        wrong.append(kept_recipients.Wrong("", f"a site may have {kept_recipients.MOST} recipients of its own"))
    if before is not None and wanted != before.name:
        wrong += [kept_recipients.Wrong("name", text) for text in _named_by(call, before)]
    if wrong:
        told = {(each.field, each.text): None for each in wrong}
        return {"saved": False, "problems": [{"field": field, "text": text} for field, text in told]}
    body = {each: value for each, value in given.items() if each not in ("name", "to")} | {"to": sealed}
    with call.store.write() as conn:
        kept.hold(conn)
        if kept.load(conn, "recipient", call.site_name) != list(rows.values()):
            raise BadArgument("somebody else changed the recipients at this moment; look at them and save again")
        if before is not None and wanted != before.name:
            kept.drop(conn, "recipient", call.site_name, before.name, by=permits.by(call), now=call.now)
        kept.put(conn, "recipient", call.site_name, wanted, body, by=permits.by(call), now=call.now)
        if before is not None:
            _readdress(call, conn, before, (channel, kept_recipients.full_name(call.site_name, wanted)), to.strip())
    forget_kept(call.store)
    return {"saved": True, "problems": []}


def _readdress(call: Call, conn: Any, before: Kept, to: tuple[str, str], address: str) -> None:
    """What waits for somebody goes on to the new name or channel; with another address nothing counts as broken."""
    channel, name = str(before.body.get("channel") or ""), kept_recipients.full_name(before.site, before.name)
    if (channel, name) != to:
        outbox.readdress(conn, channel, name, to)
    elif address:
        outbox.forget_state(conn, channel, name)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _named_by(call: Call, row: Kept) -> list[str]:
    """Why a recipient must not go: rules tell nobody else."""
    name = kept_recipients.full_name(row.site, row.name)
    with call.store.read() as conn:
        rules = [each for each in kept.load(conn, "rule") if name in (each.body["values"].get("tell") or ())]
    return [f"the rule {each.name} tells {row.name}: choose somebody else there first" for each in rules]


@method("baken.remove_recipient", roles=DASHBOARD_ROLES, writes=True)
def remove_recipient(call: Call, name: str) -> dict[str, Any]:
    """Remove somebody who was set on the page: what was not told yet is not sent any more, the address is gone.

    Returns removed. Refused while a rule tells this person alone.
    """
    with call.store.read() as conn:
        row = kept.find(conn, "recipient", call.site_name, name.strip())
    if row is None:
        raise BadArgument(f"there is no recipient {name[:60]!r} that was set on the page")
    for reason in _named_by(call, row):
        raise BadArgument(reason)
    with call.store.write() as conn:
        removed = kept.drop(conn, "recipient", call.site_name, row.name, by=permits.by(call), now=call.now)
        channel, whom = str(row.body.get("channel") or ""), kept_recipients.full_name(row.site, row.name)
        outbox.forget_recipient(conn, channel, whom, "the recipient was removed")
    forget_kept(call.store)
    return {"removed": removed}


@method("baken.send_test_message", roles=DASHBOARD_ROLES, writes=True, slow=True)
def send_test_message(call: Call, name: str) -> dict[str, Any]:
    """Send a test message to one recipient, by the `tell` name; waits up to 15 seconds for it to be taken.

    Returns ok (null: not known yet), detail.
    """
    with call.store.read() as conn:
        alerts = kept_recipients.chosen(conn, call.settings, None, call.site_name).settings.alerts
        last = trial_alert.last_asked(conn, "test", call.site_name)
    if not any(each.name == name and (not each.sites or call.site_name in each.sites) for each in alerts.recipients):
        raise BadArgument(f"there is no recipient {name[:60]!r}")
    state = collector_state(call.store, call.now)
    if not state["running"]:
        return {"ok": False, "detail": state["reason"] or "the collector does not run"}
    if last is not None and 0 <= (clock.now() - last).total_seconds() < _BETWEEN_TESTS / 6:
        return {"ok": None, "detail": "a test was sent a moment ago; wait ten seconds, so that nobody drowns in tests"}
    with call.store.write() as conn:
        request = trial_alert.ask(conn, "test", call.site_name, permits.by(call), clock.now(), [name])
        audit.write(conn, at=call.now, site=call.site_name, user=permits.by(call), action="test message", target=name)
    call.nudge()
    ends = time.monotonic() + TRY_SECONDS
    sent: list[dict[str, Any]] = []
    while time.monotonic() < ends:
        time.sleep(0.15)
        with call.store.read() as conn:
            answer = trial_alert.answered(conn, request)
            number = int(json.loads(answer).get("alert") or 0) if answer else 0
            sent = trial_alert.deliveries(conn, number) if number else []
        if answer and not sent:
            return {"ok": False, "detail": "nobody of that name is told about this site"}
        if sent and all(each["state"] != "waiting" or each["problem"] for each in sent):
            break
    problem = next((each["problem"] for each in sent if each["problem"]), "")
    if problem:
        return {"ok": False, "detail": problem}
    if sent and all(each["state"] == "sent" for each in sent):
        return {"ok": True, "detail": f"taken by the other side after {max(each['ms'] or 0 for each in sent)} ms"}
    return {"ok": None, "detail": "it is on its way; the list of notifications will tell"}

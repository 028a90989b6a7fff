"""What people do about alerts: take them up, end them, hold them back, rate them, and try the chain out."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from sqlalchemy import select

from baken import clock
from baken.alerts import answers, kept_recipients, lifecycle, matchers, outbox, silences, suppression, trial_alert
from baken.alerts.lifecycle import Act, Refused, number_of
from baken.alerts.matchers import BadMatcher
from baken.alerts.rulebook import RuleBook
from baken.alerts.view import zone_of
from baken.alerts.windows import BadTime, Recurrence
from baken.api import snapshots
from baken.api.alerts import NUMBER, acts_on_host, book_or_problems, named, told
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.monitor import collector_state
from baken.api.registry import method
from baken.history import audit, push
from baken.history.tables import alerts as table

MOST = 500
"""So many alerts can be changed at once."""

TRY_SECONDS = 15.0
"""How long a test waits for the last channel."""

_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_FIRST_YEAR, _LAST_YEAR = 1970, 2999

_BETWEEN_TESTS = timedelta(seconds=60)

_DOCTYPE = "verenigingen.doctype.system_alert.system_alert"


@method("baken.acknowledge_alerts", roles=DASHBOARD_ROLES, writes=True)
def acknowledge_alerts(call: Call, alerts: str, note: str = "") -> dict[str, Any]:
    """Take up one or several alerts (numbers or names with commas between them): they climb no further.

    Returns changed (numbers), refused (number and reason, such as that somebody was first), alerts (as they are now).
    """
    text = _text("note", note)
    return _each(call, alerts, lambda act, number: lifecycle.acknowledge(act, number, text))


@method("baken.resolve_alerts", roles=DASHBOARD_ROLES, writes=True)
def resolve_alerts(call: Call, alerts: str, note: str = "") -> dict[str, Any]:
    """End one or several alerts by hand. What still holds comes back after the time of a reminder, not at once.

    Returns changed (numbers), refused (number and reason), alerts (as they are now).
    """
    text = _text("note", note)
    return _each(call, alerts, lambda act, number: lifecycle.resolve(act, number, text))


@method("baken.reopen_alerts", roles=DASHBOARD_ROLES, writes=True)
def reopen_alerts(call: Call, alerts: str, note: str = "") -> dict[str, Any]:
    """Open one or several resolved alerts again.

    Returns changed (numbers), refused (number and reason), alerts (as they are now).
    """
    text = _text("note", note)
    return _each(call, alerts, lambda act, number: lifecycle.reopen(act, number, text))


@method("baken.assign_alerts", roles=DASHBOARD_ROLES, writes=True)
def assign_alerts(call: Call, alerts: str, to: str = "", note: str = "") -> dict[str, Any]:
    """Say who looks after one or several alerts; nobody when `to` is empty.

    Returns changed (numbers), refused (number and reason), alerts (as they are now).
    """
    text, name = _text("note", note), to.strip()
    if len(name) > 140:
        raise BadArgument("argument to is longer than the 140 characters of a user's name")
    return _each(call, alerts, lambda act, number: lifecycle.assign(act, number, name, text))


@method("baken.comment_alert", roles=DASHBOARD_ROLES, writes=True)
def comment_alert(call: Call, alert: str, text: str) -> dict[str, Any]:
    """Add a remark to an alert's trail.

    Returns changed (numbers), refused (number and reason), alerts (as they are now).
    """
    said = _text("text", text)
    if not said:
        raise BadArgument("argument text is empty; say something")
    return _each(call, _single("alert", alert), lambda act, number: lifecycle.comment(act, number, said))


@method("baken.rate_alerts", roles=DASHBOARD_ROLES, writes=True)
def rate_alerts(call: Call, alerts: str, feedback: Literal["useful", "false_alarm", ""] = "") -> dict[str, Any]:
    """Say of one or several alerts whether they were useful or a false alarm; the statistics of rules count it.

    Returns changed (numbers), refused (number and reason), alerts (as they are now).
    """
    return _each(call, alerts, lambda act, number: lifecycle.rate(act, number, feedback))


@method(f"{_DOCTYPE}.acknowledge_alert", roles=DASHBOARD_ROLES, writes=True)
def acknowledge_alert(call: Call, alert_name: str, note: str = "") -> dict[str, Any]:
    """Take up one alert, by its name or number.

    Returns success, message, and alert (as it is now). Refused when somebody was first.
    """
    return _one(call, acknowledge_alerts(call, _single("alert_name", alert_name), note), "acknowledged")


@method(f"{_DOCTYPE}.resolve_alert", roles=DASHBOARD_ROLES, writes=True)
def resolve_alert(call: Call, alert_name: str, note: str = "") -> dict[str, Any]:
    """End one alert by hand, by its name or number.

    Returns success, message, and alert (as it is now). Refused when somebody was first.
    """
    return _one(call, resolve_alerts(call, _single("alert_name", alert_name), note), "resolved")


def _single(argument: str, name: str) -> str:
    if number_of(name) is None:
        raise BadArgument(f"argument {argument} is {name[:60]!r}; expected one number, or a name such as BA-000123")
    return name


def _one(call: Call, done: dict[str, Any], what: str) -> dict[str, Any]:
    if done["refused"]:
        raise BadArgument(done["refused"][0]["reason"])
    alert = done["alerts"][0]
    return {"success": True, "message": f"{alert['name']} is {what}", "alert": alert}


@method("baken.add_silence", roles=DASHBOARD_ROLES, writes=True)
def add_silence(
    call: Call,
    matchers: dict[str, str] | None = None,
    hours: Annotated[float, Range(0, 8784)] = 2,
    starts: str = "",
    ends: str = "",
    comment: str = "",
) -> dict[str, Any]:
    """Hold back alerts of this site that fit `matchers`: they are recorded, but nobody is told until it ends.

    A matcher names rule, severity, area or any label of an alert: `{"rule": "HIGH_DISK", "mount": "/data"}`; `!` before
    a value negates it, `~` makes it a regular expression. It ends after `hours`, or at `ends` (ISO 8601).

    Returns silence, as `baken.get_silences` gives it.
    """
    begins = _moment("starts", starts, call.now)
    until = _moment("ends", ends, begins + timedelta(hours=hours))
    return _add(call, "silence", matchers or {}, begins, until, None, comment)


@method("baken.add_maintenance", roles=DASHBOARD_ROLES, writes=True)
def add_maintenance(
    call: Call,
    days: str,
    at: str,
    minutes: Annotated[int, Range(1, 8640)] = 120,
    matchers: dict[str, str] | None = None,
    until: str = "",
    comment: str = "",
) -> dict[str, Any]:
    """Hold back alerts of this site again and again: on `days` (mon,tue…) from `at` (02:00 in the site's time zone) on.

    `until` (ISO 8601) is when it is no more; otherwise it goes on until somebody ends it.

    Returns silence, as `baken.get_silences` gives it.
    """
    with call.store.read() as conn:
        name = zone_of(conn, call.site_name)
    try:
        recurrence = Recurrence.of(
            {
                "days": [day.strip() for day in days.split(",") if day.strip()],
                "at": at,
                "minutes": minutes,
                "zone": name,
            }
        )
    except BadTime as problem:
        raise BadArgument(str(problem)) from None
    ends = _moment("until", until, None) if until.strip() else None
    return _add(call, "maintenance", matchers or {}, call.now, ends, recurrence, comment)


@method("baken.end_silence", roles=DASHBOARD_ROLES, writes=True)
def end_silence(call: Call, id: Annotated[int, NUMBER]) -> dict[str, Any]:
    """End a silence or a maintenance window of this site now; what it held back and still holds is told.

    Returns silence, as `baken.get_silences` gives it.
    """
    rules, problems = book_or_problems(call)
    with call.store.write() as conn:
        known = silences.one(conn, id, site=call.site_name, now=call.now)
        if known is not None and not known["site"] and not acts_on_host(call):
            raise BadArgument("it holds for all sites: only `baken alert unsilence` on the machine ends it")
        try:
            silences.end(conn, id, site=call.site_name, by=_by(call), now=call.now)
        except silences.Refused as reason:
            raise BadArgument(str(reason)) from None
        _refresh(call, conn, rules, problems)
    return {"silence": _silence(call, id)}


@method("baken.enable_channel", roles=DASHBOARD_ROLES, writes=True)
def enable_channel(call: Call, channel: str) -> dict[str, Any]:
    """Use a channel again that was stopped because it did not work; what waits is tried at once.

    Returns channel and enabled (whether it was stopped).
    """
    if channel not in {each.name for each in call.settings.alerts.channels}:
        raise BadArgument(f"there is no channel {channel[:100]!r}")
    if not acts_on_host(call):
        raise BadArgument("several sites share the channels: only `baken alert enable` on the machine changes them")
    with call.store.write() as conn:
        changed = outbox.enable(conn, channel, call.now)
        audit.write(conn, at=call.now, site=call.site_name, user=_by(call), action="channel enabled", target=channel)
    return {"channel": channel, "enabled": bool(changed)}


@method("baken.send_test_alert", roles=DASHBOARD_ROLES, writes=True, slow=True)
def send_test_alert(call: Call) -> dict[str, Any]:
    """Send a test alert through the whole chain to everybody who is told about this site; waits up to 15 seconds.

    Returns hops: each with hop, ok (null when it does not apply or is not known yet), ms, detail; status, message.
    """
    hops = chain(call)
    broken = [hop["hop"] for hop in hops if hop["ok"] is False]
    told = any(hop["ok"] for hop in hops if hop["hop"].startswith("channel "))
    message = f"not working: {', '.join(broken)}" if broken else "the test alert was taken by every channel"
    if not broken and not told:
        message = "nobody would be told: no channels or recipients are set up"
    return {"status": "error" if broken else "success", "message": message, "hops": hops}


def chain(call: Call) -> list[dict[str, Any]]:
    """Try the chain of alerts out; never raises but StoreError.

    Returns a list of {hop, ok (null: does not apply or not known yet), ms, detail}.
    """
    settings = told(call)
    started = time.monotonic()
    state = collector_state(call.store, call.now)
    if not state["running"]:
        return [_hop("alert evaluated", False, None, state["reason"] or "the collector does not run")]
    with call.store.write() as conn:
        last = trial_alert.last_asked(conn, "test", call.site_name)
        if last is not None and timedelta() <= clock.now() - last < _BETWEEN_TESTS:
            why = "a test was sent within the last minute; wait a little, so that nobody drowns in tests"
            return [_hop("alert evaluated", None, None, why)]
        request = trial_alert.ask(conn, "test", call.site_name, _by(call), clock.now())
        audit.write(conn, at=call.now, site=call.site_name, user=_by(call), action="test alert")
    call.nudge()
    number: int | None = None
    while number is None and time.monotonic() - started < TRY_SECONDS:
        time.sleep(0.1)
        number = _answered(call, request)
    ms = (time.monotonic() - started) * 1000
    if number is None:
        why = f"no answer within {TRY_SECONDS:g} s: look into the collector's log"
        return [_hop("alert evaluated", False, ms, why)]
    hops = [_hop("alert evaluated", True, ms, f"{lifecycle.name_of(number)} was opened, and put into the outbox")]
    with call.store.read() as conn:
        anybody = push.anybody(conn, call.site_name)
    if not anybody and (not settings.channels or not settings.recipients):
        why = "set up alerts.channels and alerts.recipients in baken.toml"
        return [*hops, _hop("channels", None, None, f"nobody would be told: {why}")]
    found = _deliveries(call, number)
    while any(each["state"] == "waiting" and not each["problem"] for each in found):
        if time.monotonic() - started > TRY_SECONDS:
            break
        time.sleep(0.2)
        found = _deliveries(call, number)
    if not found:
        hops.append(_hop("channels", None, None, "no recipient is told about this site"))
    return hops + [_delivered(each) for each in found]


def _delivered(each: dict[str, Any]) -> dict[str, Any]:
    name = f"channel {each['channel']} to {each['recipient']}"
    if each["state"] == "sent":
        return _hop(name, True, each["ms"], "taken by the other side")
    if each["problem"]:
        return _hop(name, False, None, each["problem"])
    return _hop(name, None, None, "not sent yet; the alert's trail will tell")


def _hop(hop: str, ok: bool | None, ms: float | None, detail: str) -> dict[str, Any]:
    return {"hop": hop, "ok": ok, "ms": None if ms is None else round(ms, 1), "detail": detail}


def _answered(call: Call, request: str) -> int | None:
    with call.store.read() as conn:
        answer = trial_alert.answered(conn, request)
    return None if answer is None else int(json.loads(answer).get("alert") or 0) or None


def _deliveries(call: Call, number: int) -> list[dict[str, Any]]:
    with call.store.read() as conn:
        return trial_alert.deliveries(conn, number)


def _add(
    call: Call,
    kind: Literal["silence", "maintenance"],
    given: dict[str, str],
    starts: datetime,
    ends: datetime | None,
    recurrence: Recurrence | None,
    comment: str,
) -> dict[str, Any]:
    try:
        matchers.check(given)
        rules, problems = book_or_problems(call)
        with call.store.write() as conn:
            number = silences.add(
                conn,
                site=call.site_name,
                kind=kind,
                matchers=given,
                starts=starts,
                ends=ends,
                recurrence=recurrence,
                comment=_text("comment", comment),
                by=_by(call),
                now=call.now,
            )
            _refresh(call, conn, rules, problems)
    except (BadMatcher, silences.Refused) as reason:
        raise BadArgument(str(reason)) from None
    return {"silence": _silence(call, number)}


def _refresh(call: Call, conn: Any, rules: RuleBook, problems: list[str]) -> None:
    """Let what began or ended count at once, not only when the collector looks."""
    people = kept_recipients.chosen(conn, call.settings, None).settings.alerts
    # Without the rules it is not known what inhibits what; the collector looks when they are in order again.
    if not problems:
        suppression.refresh(Act(conn, people, call.now), rules.rules, call.site_name)


def _silence(call: Call, number: int) -> dict[str, Any] | None:
    with call.store.read() as conn:
        return silences.one(conn, number, site=call.site_name, now=call.now)


def _moment(name: str, given: str, default: datetime | None) -> datetime:
    if not given.strip():
        if default is None:
            raise BadArgument(f"argument {name} is missing; expected a moment such as 2026-12-01T08:00:00Z")
        return default
    expected = "expected a moment such as 2026-12-01T08:00:00Z"
    try:
        moment = datetime.fromisoformat(given.strip())
    except ValueError:
        raise BadArgument(f"argument {name} is {given[:60]!r}; {expected}") from None
    if moment.tzinfo is None:
        raise BadArgument(f"argument {name} is {given[:60]!r}; say in which time zone: 2026-12-01T08:00:00+01:00, or Z")
    # The ends of the calendar leave no room for another zone, nor for a length of time.
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise BadArgument(f"argument {name} is {given[:60]!r}; {expected}, of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment.astimezone(UTC)


def _text(name: str, given: str) -> str:
    # What a terminal or a mail would take for a command is no part of a remark.
    text = _COMMANDS.sub("", given.replace("\r\n", "\n")).strip()
    if len(text) > lifecycle.MOST_TEXT:
        raise BadArgument(f"argument {name} has {len(text)} characters; at most {lifecycle.MOST_TEXT} are kept")
    return text


def _by(call: Call) -> str:
    return call.user.name if call.user else ""


def _each(call: Call, given: str, change: Callable[[Act, int], None]) -> dict[str, Any]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    if not names:
        raise BadArgument("no alert is named; expected one or several numbers with commas between them")
    if len(names) > MOST:
        raise BadArgument(f"{len(names)} alerts are named; at most {MOST} are changed at once")
    numbers = []
    for name in names:
        number = number_of(name)
        if number is None:
            raise BadArgument(f"{name[:60]!r} is no alert; expected a number, or a name such as BA-000123")
        numbers.append(number)
    changed: list[int] = []
    refused: list[dict[str, Any]] = []
    people = told(call)
    with call.store.write() as conn:
        of_these = select(table.c.number, table.c.site).where(
            answers.of_site(call.site_name), table.c.number.in_(numbers)
        )
        sites = {row.number: row.site for row in conn.execute(of_these)}
        act = Act(conn, people, call.now, _by(call), call.site_name)
        # In order, so that two writers meet the same locks in the same order.
        for number in sorted(set(numbers)):
            if number not in sites:
                refused.append(
                    {"number": number, "reason": f"there is no alert {lifecycle.name_of(number)} of this site"}
                )
            elif not sites[number] and not acts_on_host(call):
                why = "it concerns the host, which several sites share: only `baken alert` on the machine changes it"
                refused.append({"number": number, "reason": why})
            else:
                try:
                    change(act, number)
                    changed.append(number)
                except Refused as reason:
                    refused.append({"number": number, "reason": str(reason)})
    snapshots.forget(call.store)
    with call.store.read() as conn:
        rows = conn.execute(select(table).where(answers.of_site(call.site_name), table.c.number.in_(numbers))).all()
        found = answers.listed(conn, rows, acts_on_host=acts_on_host(call))
    return {"changed": changed, "refused": refused, "alerts": named(call, found)}

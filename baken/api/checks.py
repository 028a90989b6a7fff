"""Jobs that report by pings: the list, setting one up, its last pings, and a ping; and Baken's own heartbeats."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from baken.alerts import checks, ping_keys, pings
from baken.alerts.checks import Check, Ping
from baken.alerts.heartbeat import how_they_went
from baken.alerts.pings import Schedule
from baken.alerts.view import zone_of
from baken.api import permits
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call, UnknownSite
from baken.api.registry import method
from baken.clock import iso
from baken.history import audit
from baken.privacy import installation_key

RECENT = 30
"""So many of its last pings a job is listed with."""

PREVIEWED = 5
"""So many of the next times are shown of a schedule."""

_MOST_SECONDS = 10**9
Seconds = Annotated[int, Range(0, _MOST_SECONDS)]


class UnknownCheck(UnknownSite):
    """There is no such job, or nothing listens at this address."""


@method("baken.get_checks", roles=DASHBOARD_ROLES)
def get_checks(call: Call) -> dict[str, Any]:
    """The jobs of the site that report by pings, the gravest first, and the monitors that Baken itself reports to.

    Returns:

    - checks: check (its id), name, state (missing, failed, too_long, late, running, up, new, paused), key (the secret
      in its address: `/ping/KEY`), period (seconds, or null), cron, time_zone (of that; empty: the site's), grace
      (seconds), expected, missing_at, too_long_at, started, last_ok, failed_since, exit_code, last_ping, last_kind,
      seconds (for how long the last run took, or null), pings (how many there were), paused_at, created, created_by,
      and recent: its last 30 pings, oldest first (at, kind: start, success, fail or log, exit_code, seconds).
    - most: how many jobs a site may have; time_zone of the site.
    - heartbeats: host, every (seconds), fail, said (ok, fail, silent or empty), at, last_ok, problem; null for who may
      not see what concerns every site.
    """
    may_see_all = permits.for_all(call)
    key = installation_key(call.settings.data_dir)
    with call.store.read() as conn:
        zone = zone_of(conn, call.site_name)
        found = checks.load(conn, call.site_name)
        recent = checks.last(conn, [each.id for each in found], RECENT)
        beats = how_they_went(conn, call.settings.alerts) if may_see_all else None
    listed = [_listed(call, each, zone, key) | {"recent": [_ping(one) for one in recent[each.id]]} for each in found]
    return {
        "checks": sorted(listed, key=lambda each: (pings.STATES.index(each["state"]), each["name"].lower())),
        "most": checks.MOST,
        "time_zone": zone,
        "heartbeats": beats,
        "timestamp": iso(call.now),
    }


@method("baken.get_check_pings", roles=DASHBOARD_ROLES)
def get_check_pings(call: Call, check: str) -> dict[str, Any]:
    """The last 100 pings of a job, newest first.

    Returns check, name, pings (at, kind: start, success, fail or log, exit_code or null, seconds or null), timestamp.
    """
    with call.store.read() as conn:
        found = checks.find(conn, call.site_name, check)
        if found is None:
            raise _unknown(check)
        last = checks.last(conn, [found.id], checks.KEPT)[found.id]
    return {
        "check": found.id,
        "name": found.name,
        "pings": [_ping(each) for each in reversed(last)],
        "timestamp": iso(call.now),
    }


@method("baken.save_check", roles=DASHBOARD_ROLES, writes=True)
def save_check(
    call: Call,
    name: str,
    grace: Seconds,
    check: str = "",
    period: Seconds = 0,
    cron: str = "",
    time_zone: str = "",
) -> dict[str, Any]:
    """Set up a job that reports by pings, or change one (`check`: its id).

    It reports every `period` seconds, or at the times of the expression `cron` in `time_zone` (empty: the site's); so
    many seconds `grace` it may be late, and may run.

    Returns saved, check (as `baken.get_checks` lists it, without recent; null when it was not saved), problems
    ({field, text}).
    """
    wanted, wrong = checks.wish(name, period, cron, time_zone, grace)
    if wanted is None:
        return {"saved": False, "check": None, "problems": [{"field": one.field, "text": one.text} for one in wrong]}
    problems: list[dict[str, str]] = []
    saved: Check | None = None
    with call.store.write() as conn:
        zone = zone_of(conn, call.site_name)
        known = checks.load(conn, call.site_name)
        before = next((each for each in known if each.id == check), None) if check else None
        if check and before is None:
            raise _unknown(check)
        if any(each.name == wanted.name and each is not before for each in known):
            problems.append({"field": "name", "text": "another job is called so already"})
        elif before is None and len(known) >= checks.MOST:
            problems.append({"field": "", "text": f"a site may have {checks.MOST} jobs; delete one first"})
        elif before is None:
            saved = checks.add(conn, call.site_name, wanted, by=permits.by(call), now=call.now)
            _note(call, conn, "check added", saved)
        else:
            checks.change(conn, before, wanted, call.now)
            saved = checks.find(conn, call.site_name, before.id)
            _note(call, conn, "check changed", saved or before, before)
    if saved is None:
        return {"saved": False, "check": None, "problems": problems}
    call.nudge()
    key = installation_key(call.settings.data_dir)
    return {"saved": True, "check": _listed(call, saved, zone, key), "problems": []}


@method("baken.delete_check", roles=DASHBOARD_ROLES, writes=True)
def delete_check(call: Call, check: str) -> dict[str, Any]:
    """Forget a job and its pings: its address does not work any more, and its alerts end.

    Returns deleted.
    """
    with call.store.write() as conn:
        found = checks.find(conn, call.site_name, check)
        if found is None:
            raise _unknown(check)
        checks.remove(conn, found)
        _note(call, conn, "check removed", found)
    call.nudge()
    return {"deleted": True}


@method("baken.pause_check", roles=DASHBOARD_ROLES, writes=True)
def pause_check(call: Call, check: str, paused: bool = True) -> dict[str, Any]:
    """Wait for a job no more, or (`paused` 0) again: from now on, whatever it did before. Its pings are noted always.

    Returns paused.
    """
    with call.store.write() as conn:
        found = checks.find(conn, call.site_name, check)
        if found is None:
            raise _unknown(check)
        if paused != (found.paused_at is not None):
            if paused:
                checks.pause(conn, found, call.now)
            else:
                checks.resume(conn, found, call.now)
            _note(call, conn, "check paused" if paused else "check resumed", found)
    call.nudge()
    return {"paused": paused}


@method("baken.renew_check", roles=DASHBOARD_ROLES, writes=True)
def renew_check(call: Call, check: str) -> dict[str, Any]:
    """Give a job another address, where the old one got into wrong hands. The old one does not work any more.

    Returns key: the secret in the new address.
    """
    key = installation_key(call.settings.data_dir)
    with call.store.write() as conn:
        found = checks.find(conn, call.site_name, check)
        if found is None:
            raise _unknown(check)
        address = checks.renew(conn, found)
        _note(call, conn, "check address renewed", found)
    return {"key": ping_keys.key_of(key, address)}


@method("baken.preview_check", roles=DASHBOARD_ROLES)
def preview_check(call: Call, period: Seconds = 0, cron: str = "", time_zone: str = "") -> dict[str, Any]:
    """When a job of this schedule would be expected next.

    Returns times (five, ISO), time_zone, problems ({field, text}).
    """
    wanted, wrong = checks.wish("x", period, cron, time_zone, 60)
    with call.store.read() as conn:
        zone = time_zone.strip() if time_zone.strip() and cron.strip() else zone_of(conn, call.site_name)
    if wanted is None:
        told = [{"field": one.field, "text": one.text} for one in wrong]
        return {"times": [], "time_zone": zone, "problems": told}
    schedule = Schedule(wanted.schedule.period, wanted.schedule.cron, zone)
    return {"times": [iso(at) for at in schedule.times(call.now, PREVIEWED)], "time_zone": zone, "problems": []}


@method("baken.ping_check", guest=True, writes=True)
def ping_check(
    call: Call,
    key: str,
    kind: Literal["success", "start", "fail", "log"] = "success",
    exit_code: Annotated[int, Range(0, 255)] | None = None,
) -> dict[str, Any]:
    """A ping of a job: it starts, has succeeded or has failed. `exit_code` 0 is a success, any other a failure.

    The job shows the secret of its address, so nobody has to be signed in. `log` is noted and changes nothing. On the
    server of Baken's own `/ping/KEY`, `/ping/KEY/start`, `/ping/KEY/fail` and `/ping/KEY/EXIT_CODE` do the same.

    Returns ok.
    """
    signal = kind if exit_code is None else "fail" if exit_code else "success"
    taken = checks.ping(call.store, installation_key(call.settings.data_dir), key, signal, call.now, exit_code)
    if taken is None:
        raise UnknownCheck("no job has this address; Heartbeats on the page shows the right one")
    if taken.urgent:
        call.nudge()
    return {"ok": True}


def _unknown(check: str) -> BadArgument:
    return BadArgument(f"there is no job {check[:40]!r}; somebody may have deleted it")


def _note(call: Call, conn: Any, action: str, check: Check, before: Check | None = None) -> None:
    """Into the trail; the address of a job is a secret and stays out of it."""
    detail = {"after": _set(check), **({"before": _set(before)} if before is not None else {})}
    audit.write(
        conn, at=call.now, site=call.site_name, user=permits.by(call), action=action, target=check.name, detail=detail
    )


def _set(check: Check) -> dict[str, Any]:
    period = check.schedule.period
    return {
        "name": check.name,
        "period": None if period is None else int(period.total_seconds()),
        "cron": check.schedule.cron,
        "time_zone": check.schedule.zone,
        "grace": int(check.grace.total_seconds()),
    }


def _listed(call: Call, check: Check, zone: str, key: bytes) -> dict[str, Any]:
    known, heard = check.standing(call.now, zone), check.heard
    return {
        "check": check.id,
        **_set(check),
        "state": known.state,
        "key": ping_keys.key_of(key, check.address),
        "expected": iso(known.expected),
        "missing_at": iso(known.missing_at),
        "too_long_at": iso(known.too_long_at),
        "started": iso(heard.started),
        "last_ok": iso(heard.last_ok),
        "failed_since": iso(heard.failed),
        "exit_code": heard.exit_code,
        "last_ping": iso(check.last_ping),
        "last_kind": check.last_kind,
        "seconds": _seconds(check.took),
        "pings": check.count,
        "paused_at": iso(check.paused_at),
        "created": iso(check.created),
        "created_by": check.created_by,
    }


def _ping(ping: Ping) -> dict[str, Any]:
    return {"at": iso(ping.at), "kind": ping.kind, "exit_code": ping.exit_code, "seconds": _seconds(ping.took)}


def _seconds(took: timedelta | None) -> float | None:
    return None if took is None else round(took.total_seconds(), 3)

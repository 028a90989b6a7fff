"""The documented methods of the alert manager: checks now, statistics, and whether alerting works."""

import time
from typing import Annotated, Any

from baken import clock
from baken.alerts import answers, statistics, trial_alert
from baken.api import snapshots
from baken.api.alert_actions import chain
from baken.api.alerts import acts_on_host, book_or_problems, rule_name, stands, title
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, Call
from baken.api.monitor import collector_state
from baken.api.registry import method
from baken.clock import iso
from baken.errors import patterns

MODULE = "verenigingen.utils.alert_manager"

HOURLY = ("errors", "sepa", "performance", "business")
DAILY = ("data_quality",)

_WAIT = 3.0
_LATEST = 10


@method(f"{MODULE}.run_hourly_checks", roles=DASHBOARD_ROLES, writes=True, slow=True)
def run_hourly_checks(call: Call) -> dict[str, Any]:
    """Judge the rules about errors, SEPA, performance and business now, without waiting for the next measurement.

    Baken does so by itself whenever a figure was measured. The figures are the last ones.

    Returns status (success, or error when the collector did not answer), checks per area (rule, state, why, value,
    limit, severity), alerts (open ones of these areas), evaluated (whether the collector judged them anew), timestamp.
    """
    return _run(call, HOURLY)


@method(f"{MODULE}.run_daily_checks", roles=DASHBOARD_ROLES, writes=True, slow=True)
def run_daily_checks(call: Call) -> dict[str, Any]:
    """Judge the rules about the quality of data now, and sum up the alerts of the last day.

    Returns what `run_hourly_checks` returns, and statistics of the last day. The daily report goes out by itself at
    alerts.report_at.
    """
    answer = _run(call, DAILY)
    answer["statistics"] = _statistics(call, 1)
    return answer


def _run(call: Call, areas: tuple[str, ...]) -> dict[str, Any]:
    book, problems = book_or_problems(call)
    # Whoever cannot read the rules cannot say how they stand, though they were judged.
    evaluated = not problems and _evaluate(call)
    rules = [] if problems else [each for each in stands(call, book) if each["area"] in areas]
    with call.store.read() as conn:
        found = answers.open_ones(conn, call.site_name, acts_on_host=acts_on_host(call))
    return {
        "status": "success" if evaluated else "error",
        "message": "; ".join(problems) or ("the rules were judged" if evaluated else _silent(call)),
        "evaluated": evaluated,
        "checks": {
            area: [
                {
                    "rule": each["name"],
                    "state": each["state"],
                    "severity": each["severity"],
                    "why": each["why"],
                    "instances": each["instances"],
                }
                for each in rules
                if each["area"] == area
            ]
            for area in areas
        },
        "alerts": [each for each in found if each["area"] in areas],
        "timestamp": iso(clock.now()),
    }


def _silent(call: Call) -> str:
    reason = collector_state(call.store, clock.now())["reason"]
    return reason or f"the collector did not answer within {_WAIT:g} s; the rules are shown as they last stood"


def _evaluate(call: Call) -> bool:
    by = call.user.name if call.user else ""
    with call.store.write() as conn:
        request = trial_alert.ask(conn, "evaluate", call.site_name, by, clock.now())
    call.nudge()
    ends = time.monotonic() + _WAIT
    while time.monotonic() < ends:
        time.sleep(0.1)
        with call.store.read() as conn:
            if trial_alert.answered(conn, request) is not None:
                snapshots.forget(call.store)
                return True
    return False


@method(f"{MODULE}.test_alert_system", roles=DASHBOARD_ROLES, writes=True, slow=True)
def test_alert_system(call: Call) -> dict[str, Any]:
    """Send a test alert through the whole chain to everybody who is told about this site; waits up to 15 seconds.

    Returns status, message, and hops: each with hop, ok (null when it does not apply), ms, detail.
    """
    hops = chain(call)
    broken = [hop["hop"] for hop in hops if hop["ok"] is False]
    message = f"not working: {', '.join(broken)}" if broken else "every part of the chain that is set up works"
    return {"status": "error" if broken else "success", "message": message, "hops": hops, "timestamp": iso(clock.now())}


@method(f"{MODULE}.get_alert_statistics", roles=DASHBOARD_ROLES)
def get_alert_statistics(call: Call, days: Annotated[int, Range(1, 3660)] = 30) -> dict[str, Any]:
    """How alerts went in the last `days` days: how many, how soon they were taken up and over, how many were false.

    Returns period, total, by_severity, by_status, by_area, by_day, rules (rule, rule_name: what people call it, by
    language, title, severity, count, open, median_seconds_to_acknowledge, median_seconds_to_resolve,
    false_alarm_share: null when nobody rated, rated, suppressed, flapping, notifications, last_fired), notifications
    (sent, held, failed, waiting, median and 99 % seconds to send), timestamp.
    """
    return _statistics(call, days)


def _statistics(call: Call, days: int) -> dict[str, Any]:
    """The statistics, with the title and the name of each rule, whatever its figures are."""
    rules = book_or_problems(call)[0].rules
    titles = {name: title(rule, call.site_name) for name, rule in rules.items()}
    with call.store.read() as conn:
        found = statistics.statistics(conn, call.site_name, call.now, days, titles=titles)
    for each in found["rules"]:
        each["rule_name"] = rule_name(rules.get(each["rule"]), each["rule"])
    return found


@method(f"{MODULE}.check_critical_errors", roles=DASHBOARD_ROLES)
def check_critical_errors(call: Call, hours: Annotated[int, Range(1, 720)] = 1) -> dict[str, Any]:
    """The errors of severity HIGH and CRITICAL of the last `hours`, and the open alerts about errors.

    Returns critical_errors (how many), patterns (the ten most frequent), alerts, status (critical when an alert about
    errors is open, warning when there are such errors without one, unknown when errors were never read, else ok),
    since, absent, timestamp.
    """
    with call.store.read() as conn:
        recent = patterns.recent(
            conn,
            call.site_name,
            hours=hours,
            limit=None,
            now=call.now,
            settings=call.settings.analytics.error_analysis,
        )
        found = answers.open_ones(conn, call.site_name, acts_on_host=acts_on_host(call))
    grave = [each for each in recent["patterns"] if each.get("severity") in ("HIGH", "CRITICAL")]
    about = [each for each in found if each["area"] == "errors"]
    known = recent.get("total") is not None
    return {
        "critical_errors": sum(each["count"] for each in grave) if known else None,
        "patterns": grave[:_LATEST],
        "alerts": about,
        "status": "critical" if about else "warning" if grave else "ok" if known else "unknown",
        "since": recent.get("since"),
        "absent": recent.get("absent"),
        "timestamp": iso(call.now),
    }


@method("verenigingen.doctype.system_alert.system_alert.get_alert_summary", roles=DASHBOARD_ROLES)
def get_alert_summary(call: Call, days: Annotated[int, Range(1, 3660)] = 7) -> dict[str, Any]:
    """The alerts of the last `days` days in short.

    Returns total, by_severity, by_status, active, acknowledged, resolved, recent (the last ten), timestamp.
    """
    with call.store.read() as conn:
        return statistics.summary(conn, call.site_name, call.now, days, acts_on_host=acts_on_host(call))

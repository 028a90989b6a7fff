"""The documented methods for Zabbix: figures that it fetches, figures that are sent now, and problems that it reports.

What Baken sends by itself, and the templates, are in `baken.exporters.zabbix`.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from baken import __version__
from baken.alerts import kept_recipients
from baken.alerts.figures import LEAST_AGE
from baken.alerts.lifecycle import Act
from baken.api import access, monitor, snapshots
from baken.api.alerts import book_or_problems
from baken.api.arguments import Longest
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call, NotPermitted
from baken.api.registry import method
from baken.clock import iso
from baken.exporters import zabbix_events, zabbix_figures
from baken.exporters import zabbix_items as items
from baken.exporters.zabbix_figures import ANALYTICS, PERFORMANCE, Present
from baken.history import samples
from baken.history.samples import Latest
from baken.insights.figures import OWN
from baken.metrics import catalogue

PREFIX = "verenigingen.monitoring.zabbix_integration"

_MISSED = 3
_SLOWEST = 60
_TEXT = Annotated[str, Longest(20_000)]


@method(f"{PREFIX}.get_metrics_for_zabbix", roles=DASHBOARD_ROLES, across=True)
def get_metrics_for_zabbix(call: Call) -> dict[str, Any]:
    """All last figures of the site, of this machine and of Baken, in one document for an HTTP agent item.

    Returns site, known (how many figures), values (by metric: the number; of one with labels a list of its labels with
    `value`, and `row`, which discovery names as well), ages (by metric: seconds since it was measured), alerts (by
    rule: how many are open and not held back, of rules that Zabbix cannot judge), discovery (rows for low-level
    discovery, by group; `sites` are those that the caller may see), absent (by metric: why there is no figure),
    version, timestamp.
    """
    # Zabbix servers and proxies may ask at the same moment: what is a second old is as good.
    key = ("zabbix", call.visible, call.now.replace(microsecond=0))
    found: dict[str, Any] = snapshots.of(call.store, call.site_name).once(key, lambda: _document(call))
    return found


def _document(call: Call) -> dict[str, Any]:
    both = _present(call)
    figures = [sample for _, its in both for sample in its.figures]
    fresh = [sample for sample in figures if call.now - sample.at <= _patience(sample)]
    rows: dict[str, list[dict[str, str]]] = {"rules": []}
    for _, its in both:
        for group, some in its.rows.items():
            rows[group] = [*rows[group], *some] if group == "rules" else some
    rows["sites"] = items.site_rows("", call.visible or (call.site_name,))
    return {
        "site": call.site_name,
        "known": len(fresh),
        "values": _values(fresh),
        "ages": _ages(fresh, call.now),
        "alerts": {rule: number for _, its in both for rule, number in its.open.items()},
        "discovery": rows,
        "absent": _absent(call, figures, fresh),
        "version": __version__,
        "timestamp": iso(call.now),
    }


def _present(call: Call) -> list[tuple[str, Present]]:
    """What the store knows of the call's site, and of the machine and Baken itself."""
    rules, _ = book_or_problems(call)
    with call.store.read() as conn:
        return [(site, zabbix_figures.read(conn, site, rules.enabled)) for site in (call.site_name, OWN)]


def _patience(sample: Latest) -> timedelta:
    """How old a figure may be before it is none any more: three measurements were missed."""
    entry = catalogue.get(sample.metric)
    every = entry.every if entry is not None else LEAST_AGE
    if sample.previous_at is not None:
        # What costs a site too much is measured less often.
        every = min(max(every, sample.at - sample.previous_at), _SLOWEST * every)
    return max(_MISSED * every, LEAST_AGE)


def _values(figures: Sequence[Latest]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for sample in figures:
        entry = catalogue.get(sample.metric)
        if entry is None:
            continue
        if entry.labels:
            # As discovery has them: Zabbix looks for exactly these.
            labels = {label: items.clean(sample.labels.get(label, "")) for label in entry.labels}
            row = items.row_name(list(labels.values()))
            found.setdefault(sample.metric, []).append({**labels, "row": row, "value": sample.value})
        else:
            found[sample.metric] = sample.value
    return found


def _ages(figures: Sequence[Latest], now: datetime) -> dict[str, float]:
    found: dict[str, float] = {}
    for sample in figures:
        age = max(0.0, round((now - sample.at).total_seconds(), 1))
        found[sample.metric] = max(age, found.get(sample.metric, 0.0))
    return found


def _absent(call: Call, figures: Sequence[Latest], fresh: Sequence[Latest]) -> dict[str, str]:
    with call.store.read() as conn:
        found = {
            metric: absence.reason
            for site in (call.site_name, OWN)
            for metric, absence in samples.absences(conn, site).items()
            if catalogue.get(metric) is not None
        }
    shown = {sample.metric for sample in fresh}
    for sample in figures:
        if sample.metric not in shown:
            found.setdefault(sample.metric, f"last measured {iso(sample.at)}, which is too long ago")
    return found


@method(f"{PREFIX}.health_check", roles=DASHBOARD_ROLES)
def health_check(call: Call) -> dict[str, Any]:
    """Whether Baken works, in one word for Zabbix, and why not.

    Returns status (ok, degraded: the site could not be read the last time; error: the collector does not run), reason
    (null when all is well), collector, site, store, version, timestamp.
    """
    found = monitor.status(call)
    status, reason = "ok", None
    if not found["collector"]["running"]:
        status, reason = "error", found["collector"]["reason"]
    elif found["site"]["ok"] is False:
        status, reason = "degraded", found["site"]["reason"]
    return {
        "status": status,
        "reason": reason,
        "collector": found["collector"],
        "site": found["site"],
        "store": found["store"],
        "version": __version__,
        "timestamp": iso(call.now),
    }


@method(f"{PREFIX}.export_analytics_metrics", roles=DASHBOARD_ROLES, writes=True, slow=True)
def export_analytics_metrics(call: Call) -> dict[str, Any]:
    """Send the site's figures about errors, SEPA, members and invoices to every Zabbix of the settings now.

    Baken sends what is new by itself, every `exporters.zabbix.every` seconds.

    Returns status (success, partial, error, or not_configured), sent, processed and failed (values, over all targets),
    targets (each with sent, processed, failed, problem), reason (why nothing was sent, or null), metrics (by item key:
    the figure), timestamp.
    """
    site, _ = _present(call)
    return _export(call, [site], ANALYTICS)


@method(f"{PREFIX}.export_performance_metrics", roles=DASHBOARD_ROLES, writes=True, slow=True)
def export_performance_metrics(call: Call) -> dict[str, Any]:
    """Send the figures of this machine, the database and Frappe to every Zabbix of the settings now.

    Returns what `export_analytics_metrics` returns.
    """
    return _export(call, _present(call), PERFORMANCE)


def _export(call: Call, both: Sequence[tuple[str, Present]], domains: Sequence[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "status": "not_configured",
        "sent": 0,
        "processed": 0,
        "failed": 0,
        "targets": [],
        "reason": None,
        "metrics": {
            items.sample_key(sample): sample.value
            for _, its in both
            for sample in its.figures
            if zabbix_figures.of_domains(sample, domains)
        },
        "site": call.site_name,
        "timestamp": iso(call.now),
    }
    if not call.settings.exporters.zabbix:
        return answer | {"reason": "no Zabbix is set: name its server under exporters.zabbix in Baken's settings"}
    # It brings in the library that speaks to Zabbix, which nothing else in a web process needs.
    from baken.exporters import zabbix

    for name, outcome in zabbix.export(call.settings, both, domains, call.now):
        if isinstance(outcome, str):
            told = {"target": name, "sent": 0, "processed": 0, "failed": 0, "problem": outcome}
        else:
            taken = outcome.sent - outcome.failed
            told = {
                "target": name,
                "sent": outcome.sent,
                "processed": taken,
                "failed": outcome.failed,
                "problem": outcome.problem() or None,
            }
        answer["targets"].append(told)
    for figure in ("sent", "processed", "failed"):
        answer[figure] = sum(each[figure] for each in answer["targets"])
    problems = [each["problem"] for each in answer["targets"] if each["problem"]]
    answer["status"] = "success" if not problems else "partial" if answer["processed"] else "error"
    answer["reason"] = "; ".join(problems) or None
    return answer


@method(f"{PREFIX}.zabbix_webhook_receiver", guest=True, writes=True)
def zabbix_webhook_receiver(
    call: Call,
    secret: str,
    event_id: str = "",
    event_value: str = "",
    update_status: str = "",
    update_action: str = "",
    update_message: _TEXT = "",
    name: _TEXT = "",
    severity: str = "",
    age: str = "",
    opdata: _TEXT = "",
    tags: _TEXT = "",
    host: str = "",
    trigger_id: str = "",
    trigger_text: _TEXT = "",
    link: _TEXT = "",
) -> dict[str, Any]:
    """Take in what Zabbix reports: a problem becomes an alert, its recovery resolves it. Called by the media type.

    No sign-in is needed, but `secret`, which is `incoming.zabbix_token` of the settings. The other arguments are what
    the media type sends; `baken export zabbix-mediatype` writes it.

    Returns taken (opened, reopened, seen, resolved, unknown: the end of what was not reported, late: something newer is
    known, own: a problem of Baken's own template), site (that it is about, empty: the machine), timestamp.
    """
    _check_secret(call, secret)
    given = {
        "event_id": event_id,
        "event_value": event_value,
        "update_status": update_status,
        "update_action": update_action,
        "update_message": update_message,
        "name": name,
        "severity": severity,
        "age": age,
        "opdata": opdata,
        "tags": tags,
        "host": host,
        "trigger_id": trigger_id,
        "trigger_text": trigger_text,
        "link": link,
    }
    return _take(call, given)


def _check_secret(call: Call, given: str) -> None:
    """Raises NotPermitted for a secret that is not the right one; it is noted, at most once a minute."""
    wanted = call.settings.incoming.zabbix_token
    if wanted is None:
        raise NotPermitted("this is closed: set incoming.zabbix_token in Baken's settings to open it")
    secret = given.encode("utf-8", "backslashreplace")
    if not hmac.compare_digest(secret, wanted.get_secret_value().encode()):
        access.note_refusal(call.store, "", "", f"{PREFIX}.zabbix_webhook_receiver", call.now)
        raise NotPermitted("the secret is wrong or missing; it has to be what incoming.zabbix_token says")


def _take(call: Call, given: Mapping[str, str]) -> dict[str, Any]:
    try:
        event = zabbix_events.read(given, call.now)
    except zabbix_events.BadMessage as problem:
        raise BadArgument(str(problem)) from None
    site = zabbix_events.site_of(event, call.sites.keys(), call.settings.exporters.zabbix)
    rules, _ = book_or_problems(call)
    with call.store.write() as conn:
        people = kept_recipients.chosen(conn, call.settings, None).settings.alerts
        taken = zabbix_events.take(Act(conn, people, call.now), event, site, rules.rules)
    call.nudge()
    return {"taken": taken, "site": site, "timestamp": iso(call.now)}

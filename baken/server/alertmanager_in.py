"""Takes in what Alertmanager's webhook reports: each alert of a group is one alert of Baken, however often it comes.

`POST /api/alertmanager/webhook`, payload version 4. Alertmanager tries again after 5xx alone: what cannot be understood
is refused for good (4xx), and a store that is away is 503.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from baken import clock
from baken.alerts import external, kept_recipients, lifecycle
from baken.alerts.external import Report
from baken.alerts.lifecycle import Act
from baken.alerts.rule import AREAS, RANK, Severity
from baken.api.alerts import book_or_problems
from baken.api.context import BadArgument, Call
from baken.exporters.alertmanager_config import PATH
from baken.server import answers
from baken.server.incoming import bearer, check_secret, in_thread, read_json

if TYPE_CHECKING:
    from baken.server.app import Host

log = structlog.get_logger(__name__)

SETTING = "incoming.alertmanager_token"
VERSION = "4"
"""The version of the payload that Alertmanager has sent since 2017."""

OWN = "baken"
"""The label `source` of alerts that Baken itself has told Alertmanager of: they are here already."""

SEVERITIES: Mapping[str, Severity] = {
    "critical": "CRITICAL", "emergency": "CRITICAL", "fatal": "CRITICAL", "disaster": "CRITICAL",
    "error": "HIGH", "high": "HIGH", "page": "HIGH", "major": "HIGH",
    "warning": "MEDIUM", "warn": "MEDIUM", "medium": "MEDIUM", "average": "MEDIUM", "minor": "MEDIUM",
    "info": "LOW", "information": "LOW", "none": "LOW", "low": "LOW", "debug": "LOW",
}  # fmt: skip
"""What the label `severity` means here; another word, or none, is MEDIUM."""

MOST_ALERTS = 5000
"""Alerts in one call; a body of a megabyte hardly holds more."""

_AT_ONCE, _BREATH = 50, 0.05
"""So many alerts go into one transaction; then others get the store for so many seconds: a few thousand take a while.
"""

_TOLD_APART = frozenset({"alertname", "severity", "source", "site"})
_FIRST = ("instance", "job", "namespace", "service", "device", "mountpoint")
_MOST_LABELS = 6
_MOST_TEXT = 4000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Group:
    """What one call brings: reports of others' alerts, how many were Baken's own, how many Alertmanager left out."""

    reports: list[Report]
    own: int
    truncated: int


def routes(host: "Host") -> list[Route]:
    """The route of the webhook."""

    async def webhook(request: Request) -> Response:
        wanted = host.settings.incoming.alertmanager_token
        given = bearer(request)
        await in_thread(lambda: check_secret(host.attempts, request, given, wanted, SETTING))
        group = read(await read_json(request), host.sites, clock.now())
        told = await in_thread(lambda: _take(host, group))
        if group.truncated:
            log.warning(
                "Alertmanager left alerts out of a message; raise max_alerts of its webhook or group less together",
                left_out=group.truncated,
            )
        return answers.message({**told, "own": group.own, "truncated": group.truncated})

    return [Route(PATH, webhook, methods=["POST"])]


def read(body: Any, sites: Collection[str], now: datetime) -> Group:
    """The alerts of a payload.

    Args:
        body: the payload as JSON values.
        sites: names of the watched sites.
        now: the present.

    Raises BadArgument for anything else than a payload of VERSION.
    """
    if not isinstance(body, dict) or not isinstance(body.get("alerts"), list):
        raise BadArgument("this is no message of Alertmanager's webhook: it has no list of alerts")
    if str(body.get("version", VERSION)) != VERSION:
        raise BadArgument(f"only version {VERSION} of Alertmanager's webhook messages is understood")
    if len(body["alerts"]) > MOST_ALERTS:
        raise BadArgument(f"a message has at most {MOST_ALERTS} alerts; set max_alerts of the webhook")
    home = _text(body.get("externalURL"))
    found: list[Report] = []
    own = 0
    for each in body["alerts"]:
        if not isinstance(each, dict):
            raise BadArgument("an alert of the message is no object")
        labels = _texts(each.get("labels"), "labels")
        if _is_own(labels):
            own += 1
            continue
        found.append(_report(each, labels, sites, home, now))
    truncated = body.get("truncatedAlerts", 0)
    left_out = truncated if isinstance(truncated, int) and 0 < truncated < 10**9 else 0
    return Group(found, own, int(left_out))


def _report(
    each: Mapping[str, Any], labels: Mapping[str, str], sites: Collection[str], home: str, now: datetime
) -> Report:
    status = each.get("status")
    if status not in ("firing", "resolved"):
        raise BadArgument("an alert's status is firing or resolved")
    notes = _texts(each.get("annotations"), "annotations")
    name = labels.get("alertname") or "Alert"
    site = site_of(labels, sites)
    told = set(_TOLD_APART)
    if site and site == _host(labels.get("instance", "")):
        told.add("instance")
    kept = [key for key in (*_FIRST, *sorted(labels.keys() - set(_FIRST))) if key in labels and key not in told]
    return Report(
        source="alertmanager",
        identity=_text(each.get("fingerprint")) or _fingerprint(labels),
        firing=status == "firing",
        name=name,
        site=site,
        severity=SEVERITIES.get(labels.get("severity", "").strip().lower(), "MEDIUM"),
        title=notes.get("summary") or notes.get("title") or name,
        message=notes.get("description") or notes.get("message") or "",
        began=_moment(each.get("startsAt"), now),
        link=_address(_text(each.get("generatorURL"))) or _address(home),
        labels={key: labels[key] for key in kept[:_MOST_LABELS] if labels[key]},
    )


def _is_own(labels: Mapping[str, str]) -> bool:
    """Whether an alert is one of Baken's: told by Baken itself, or judged by Prometheus by Baken's exported rules."""
    exported = labels.get("area") in AREAS and labels.get("baken_severity", labels.get("severity")) in RANK
    return labels.get("source") == OWN or (exported and labels.get("alertname", "").isupper())


def site_of(labels: Mapping[str, str], sites: Collection[str]) -> str:
    """The watched site that an alert is about, by its label `site`, or by the host in `instance`; empty: the host."""
    for label in ("site", "instance"):
        value = labels.get(label, "").strip()
        for candidate in (value, _host(value)):
            if candidate and candidate in sites:
                return candidate
    return ""


def _take(host: "Host", group: Group) -> dict[str, int]:
    """Make alerts of what is reported; how many were opened, reopened, seen, resolved, unknown.

    What a store that went away has of it already is seen again when Alertmanager tries again.
    """
    now = clock.now()
    done: Counter[str] = Counter()
    if not group.reports:
        return {}
    book, problems = book_or_problems(Call(host.settings, host.store, host.sites, None, None, now))
    if problems:
        log.warning("the rules cannot be read, so no rule explains what Alertmanager reports", problem=problems[0])
    for start in range(0, len(group.reports), _AT_ONCE):
        if start:
            time.sleep(_BREATH)
        with host.store.write() as conn:
            people = kept_recipients.chosen(conn, host.settings, None).settings.alerts
            act = Act(conn, people, now)
            for report in group.reports[start : start + _AT_ONCE]:
                taken = _one(act, report, book.rules)
                if taken == "unknown" and report.site:
                    # It may have begun before the site was watched.
                    taken = _one(act, replace(report, site=""), book.rules)
                done[taken] += 1
    return dict(done)


def _one(act: Act, report: Report, rules: Mapping[str, Any]) -> str:
    try:
        return external.take(act, report, rules)
    except lifecycle.Refused:
        # Somebody was first; over is over.
        return "unknown"


def _fingerprint(labels: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(labels), sort_keys=True).encode()).hexdigest()[:16]


def _moment(given: object, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else now
        moment = moment.astimezone(UTC) if moment.tzinfo is not None else now
    except (ValueError, OverflowError):
        raise BadArgument("an alert's startsAt is no moment such as 2026-12-01T08:00:00Z") from None
    # Go writes a moment that is not set as the first one of the year 1.
    return moment if moment > _LONG_AGO else now


def _texts(given: object, what: str) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise BadArgument(f"an alert's {what} are an object of texts")
    return {_text(name): _text(value) for name, value in given.items()}


def _text(given: object) -> str:
    """A text as every database can keep it."""
    if not isinstance(given, str):
        return ""
    return given[:_MOST_TEXT].replace("\x00", "").encode("utf-8", "replace").decode()


def _address(text: str) -> str:
    return text if text.startswith(("https://", "http://")) else ""


def _host(text: str) -> str:
    """The host of an address such as https://site.example/page or site.example:443."""
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""

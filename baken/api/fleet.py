"""All sites that the caller may see, the one that needs somebody most first."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Row, select

from baken.alerts import attention
from baken.alerts.lifecycle import ACKNOWLEDGED
from baken.alerts.routing import TEST
from baken.alerts.rule import RANK, SEVERITIES
from baken.alerts.view import HOST
from baken.api.context import DASHBOARD_ROLES, Call
from baken.api.dashboard import number
from baken.api.registry import method
from baken.clock import iso, to_ms
from baken.history import samples
from baken.history.samples import SiteState
from baken.history.series import batches
from baken.history.store import Store
from baken.history.tables import alerts
from baken.insights import fleet, health
from baken.insights.figures import OWN, Figure, Figures
from baken.insights.fleet import Part
from baken.insights.health import Health, Status
from baken.insights.score import SHARE, score
from baken.metrics import catalogue
from baken.settings import Thresholds

UNKNOWN_NEED = round(100 * SHARE["CRITICAL"])
"""What a site needs about which nothing is known: as much as one with a single grave thing."""

_JUDGED_FOR = timedelta(seconds=10)
# So long a verdict is good for: figures grow old, also when none comes.


@dataclass(slots=True)
class _Place:
    """A site's own figures as they were read after its last run, and what was made of them."""

    state: SiteState | None
    part: Part
    key: tuple[Any, ...] = ()
    judged_at: datetime | None = None
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    """The sites that were read, and the host, whose figures go into the health of all."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    host: _Place | None = None
    places: dict[str, _Place] = field(default_factory=dict)


_known: WeakKeyDictionary[Store, _Known] = WeakKeyDictionary()
_guard = threading.Lock()


@method("baken.get_fleet", roles=DASHBOARD_ROLES, across=True)
def get_fleet(call: Call) -> dict[str, Any]:
    """All sites that the caller may see, with what matters most of each, the one that needs somebody most first.

    Who signed in to several sites sees these; an operator (see the settings, `server.operators`) sees all watched
    sites; with an API token one sees the token's site.

    The status of a site's health is that of its own figures and alerts; what is wrong with the host stands in `host`.
    `need` is what the sites are sorted by: 100 less the score, and 60 where nothing is known about a site. Of sites
    that need as much, those with graver open alerts come first, then those with more errors within the hour.

    Returns sites, host, timestamp. Of each site:

    - site, need, health (status, score from 0 to 100 or null, reasons, texts: what is beyond its limit, by language)
    - alerts: open (of the site itself, per severity), acknowledged, suppressed
    - worst: number, severity, title by language of the gravest alert that is not suppressed; null when there is none
    - errors (last_hour, last_24h), members (active ones), failing_payments (direct debits that failed, collection date
      within 30 days), backup_age_seconds (as of now), absent (why there is no figure)
    - last_look: at, ok, reason

    `host` has alerts and worst of the host, which weigh on every site's score.
    """
    names = call.visible or ((call.site.name,) if call.site is not None else ())
    with _guard:
        known = _known.setdefault(call.store, _Known())
    with known.lock:
        with call.store.read() as conn:
            states = samples.site_states(conn)
            _refresh(conn, known, names, states)
            rows = _open(conn, names)
        shared = rows.get(HOST, [])
        sites = [_site(call, known, site, rows.get(site, []), shared) for site in names]
        # A site that is watched no more is forgotten; those of other callers stay.
        for site in known.places.keys() - call.sites.keys():
            del known.places[site]
    sites.sort(key=_order)
    return {"sites": sites, "host": _alerts(shared), "timestamp": iso(call.now)}


def _refresh(conn: Connection, known: _Known, names: Sequence[str], states: Mapping[str, SiteState]) -> None:
    """Read the host and the sites that have had a run since they were read."""
    if known.host is None or known.host.state != states.get(OWN):
        known.host = _Place(states.get(OWN), fleet.of_host(conn))
    stale = [site for site in names if (old := known.places.get(site)) is None or old.state != states.get(site)]
    for site, part in fleet.of_sites(conn, stale).items():
        known.places[site] = _Place(states.get(site), part)


def _open(conn: Connection, names: Collection[str]) -> dict[str, list[Row[Any]]]:
    """The open alerts of the sites and of the host, the worst first, then those that are open for longest."""
    found: dict[str, list[Row[Any]]] = {}
    for some in batches([HOST, *names]):
        for row in conn.execute(
            select(alerts).where(alerts.c.site.in_(some), alerts.c.open_key.is_not(None), alerts.c.rule != TEST)
        ):
            found.setdefault(row.site, []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (-RANK[row.severity], row.fired, row.number))
    return found


def _site(call: Call, known: _Known, site: str, own: Sequence[Row[Any]], shared: Sequence[Row[Any]]) -> dict[str, Any]:
    place, host, limits = known.places[site], known.host or _Place(None, Part()), call.settings.thresholds
    rows = [*own, *shared]
    key = (limits, host.state, tuple((row.number, row.severity, row.status, row.suppressed) for row in rows))
    fresh = place.judged_at is not None and timedelta(0) <= call.now - place.judged_at < _JUDGED_FOR
    if not fresh or place.key != key:
        figures = fleet.together(place.part, host.part, place.state)
        place.answer = _judged(site, figures, own, shared, limits, call.now)
        place.key, place.judged_at = key, call.now
    return place.answer


def _judged(
    site: str, figures: Figures, own: Sequence[Row[Any]], shared: Sequence[Row[Any]], limits: Thresholds, now: datetime
) -> dict[str, Any]:
    verdict = health.assess(figures, limits, now)
    found = score(verdict, attention.scored((*own, *shared)))
    shown = {
        "errors.last_hour": figures.one("frappe_errors", window="1h"),
        "errors.last_24h": figures.one("frappe_errors", window="24h"),
        "members": figures.one("association_members", status="Active"),
        "failing_payments": figures.one("sepa_collections", result="Failed"),
        "backup_age_seconds": _aged(figures.one("frappe_backup_age_seconds"), now),
    }
    state = figures.state
    return {
        "site": site,
        "need": UNKNOWN_NEED if found.value is None else 100 - found.value,
        "health": {
            "status": _status(verdict, own),
            "score": found.value,
            "reasons": verdict.reasons,
            "texts": [
                {language: attention.beyond(alert, language) for language in attention.LANGUAGES}
                for alert in verdict.alerts
            ],
        },
        **_alerts(own),
        "errors": {
            "last_hour": number(shown["errors.last_hour"].value),
            "last_24h": number(shown["errors.last_24h"].value),
        },
        **{name: number(shown[name].value) for name in ("members", "failing_payments", "backup_age_seconds")},
        "last_look": {
            "at": iso(state.at) if state is not None else None,
            "ok": state.ok if state is not None else None,
            "reason": state.reason if state is not None else "Baken has not looked at the site yet",
        },
        "absent": {name: figure.reason for name, figure in shown.items() if figure.reason},
    }


def _status(verdict: Health, own: Sequence[Row[Any]]) -> Status:
    """How the site itself is, its open alerts included. What is wrong with the host stands beside the sites, once."""
    of_host = {entry.name for entry in catalogue.metrics("host")}
    found = {row.severity for row in own if not row.suppressed}
    found |= {alert.severity for alert in verdict.alerts if alert.details.get("metric") not in of_host}
    if found & {"HIGH", "CRITICAL"}:
        return "critical"
    if verdict.status == "unknown":
        return "unknown"
    return "warning" if "MEDIUM" in found else "healthy"


def _aged(figure: Figure, now: datetime) -> Figure:
    """A backup's age as it is now: it has grown since it was measured."""
    if figure.value is None or figure.at is None:
        return figure
    grown = (to_ms(now) - to_ms(figure.at)) / 1000
    return Figure(round(figure.value + max(0.0, grown)), figure.at, figure.reason)


def _alerts(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    worst = next((row for row in rows if not row.suppressed), None)
    return {
        "alerts": {
            "open": {severity: sum(row.severity == severity for row in rows) for severity in reversed(SEVERITIES)},
            "acknowledged": sum(row.status == ACKNOWLEDGED for row in rows),
            "suppressed": sum(bool(row.suppressed) for row in rows),
        },
        "worst": None
        if worst is None
        else {"number": worst.number, "severity": worst.severity, "title": attention.title(worst)},
    }


def _order(site: Mapping[str, Any]) -> tuple[Any, ...]:
    worst = site["worst"]
    return (
        -site["need"],
        -RANK[worst["severity"]] if worst is not None else 1,
        -(site["errors"]["last_hour"] or 0),
        site["site"],
    )

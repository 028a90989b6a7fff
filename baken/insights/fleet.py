"""The last figures of many sites at once, as far as a list of sites shows them: a few queries, however many sites."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, select

from baken.clock import from_ms
from baken.history import tables
from baken.history.samples import Absence, Latest, SiteState
from baken.history.series import batches
from baken.insights import health
from baken.insights.figures import OWN, Figures
from baken.metrics import catalogue

SHOWN = frozenset({"association_members", "frappe_backup_age_seconds", "frappe_errors", "sepa_collections"})
"""What is shown of a site beside its health."""


@dataclass(slots=True)
class Part:
    """What `Figures` are made of: last samples, why metrics have no figure, and when each was measured."""

    latest: list[Latest] = field(default_factory=list)
    absences: dict[str, Absence] = field(default_factory=dict)
    measured: dict[str, datetime] = field(default_factory=dict)


def of_sites(conn: Connection, sites: Collection[str]) -> dict[str, Part]:
    """The sites' own figures, as far as they are judged or shown; each of `sites` is in the answer."""
    wanted = (SHOWN | health.judged()) - _of_the_host()
    found: dict[str, Part] = {site: Part() for site in sites}
    for some in batches(sorted(sites)):
        _gather(conn, some, wanted, found)
    return found


def of_host(conn: Connection) -> Part:
    """The host's figures, as far as they are judged."""
    found = {OWN: Part()}
    _gather(conn, [OWN], health.judged() & _of_the_host(), found)
    return found[OWN]


def together(own: Part, host: Part, state: SiteState | None) -> Figures:
    """A site's own figures with those of the host. `state`: how the last run over the site went."""
    absences, measured = {**own.absences, **host.absences}, {**own.measured, **host.measured}
    return Figures([*own.latest, *host.latest], absences, measured, state)


def _of_the_host() -> frozenset[str]:
    return frozenset(entry.name for entry in catalogue.metrics() if entry.scope == "host")


def _gather(conn: Connection, sites: Sequence[str], metrics: Collection[str], found: dict[str, Part]) -> None:
    names = sorted(metrics)
    series, last = tables.series.c, tables.latest.c
    figures = (
        select(series.site, series.metric, series.labels, last.at, last.value)
        .select_from(tables.series.join(tables.latest, last.series_id == series.id))
        .where(series.site.in_(sites), series.metric.in_(names))
    )
    for site, metric, labels, at, value in conn.execute(figures):
        found[site].latest.append(Latest(metric, _labels(labels), _moment(at), value, None, None))
    gone = tables.absences.c
    missing = select(gone.site, gone.metric, gone.reason, gone.since, gone.at).where(
        gone.site.in_(sites), gone.metric.in_(names)
    )
    for site, metric, reason, since, at in conn.execute(missing):
        found[site].absences[metric] = Absence(reason, _moment(since), _moment(at))
    ran = tables.measurements.c
    looks = select(ran.site, ran.metric, ran.at).where(ran.site.in_(sites), ran.metric.in_(names))
    for site, metric, at in conn.execute(looks):
        found[site].measured[metric] = _moment(at)


# A run's figures have the same moment, and sites have the same labels: nobody may change what these give.
_moment = lru_cache(maxsize=4096)(from_ms)


@lru_cache(maxsize=1024)
def _labels(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found

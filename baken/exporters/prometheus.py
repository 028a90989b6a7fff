"""What Prometheus fetches: the last figures of many sites, as they stand in the store.

A site is never asked for them. A figure that is too old is left out, as the rules leave it out, so that a collector
that has died does not look alive; `baken_absent` and `baken_measured_age_seconds` tell of it. Nothing that is in the
store can make the page invalid: what cannot be said is left out and counted.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from sqlalchemy import Connection, func, select

from baken import __version__
from baken.alerts.figures import LEAST_AGE, MISSED, STRETCHED
from baken.alerts.routing import TEST
from baken.alerts.view import HOST
from baken.clock import to_ms
from baken.exporters.names import PREFIX, exported, exported_labels
from baken.history import present
from baken.history.series import labels_of
from baken.history.tables import alerts
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

# The library says nothing of the types of this one.
_openmetrics: Callable[[Collector], bytes] = openmetrics.generate_latest

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST

ALIVE = LEAST_AGE
"""A site whose last run is older than this is not being watched at this moment."""

OWN: Mapping[str, str] = {
    "site_up": "Whether the last run over the site succeeded (1 is yes)",
    "measured_age_seconds": "Seconds since the metric was last measured",
    "absent": "1 where a metric has no figure now; Baken says why",
    "series_left_out": "Series that are not given out: more than exporters.prometheus.most_series, or unusable",
    "alerts": "Open alerts",
    "sites": "Sites that are watched",
}
"""Gauges of the exporter itself, without their prefix, with their help."""

# Half of a surrogate pair is no UTF-8; Prometheus ends a text at a NUL, and people see no other control characters.
_UNSAYABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

Series = list[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked for: sites, and whether what is the host's and Baken's own is wanted beside them."""

    sites: tuple[str, ...]
    host: bool

    @property
    def places(self) -> tuple[str, ...]:
        """Under which names the store has it."""
        return (*self.sites, HOST) if self.host else self.sites


def families(conn: Connection, part: Part, now: datetime, *, watched: int, most: int) -> list[Family]:
    """All that Prometheus gets, in the order of the catalogue.

    Args:
        conn: a connection that reads.
        part: of what.
        now: the present.
        watched: how many sites this Baken watches, for `baken_sites`.
        most: series of one metric of one site that are given out at most.
    """
    # No site has such a name; if one had, two of them could look alike.
    part = Part(tuple(site for site in part.sites if site and not _UNSAYABLE.search(site)), part.host)
    states = present.site_states(conn)
    page = _Page(to_ms(now), most, {site: to_ms(states[site].at) for site in part.places if site in states})
    page.measured = {(site, metric): at for site, metric, at in present.each_measured(conn, part.places)}
    page.absent = set(present.each_absence(conn, part.places))
    page.read(present.each_latest(conn, part.places))
    found = page.figures()
    own = {name: Family(PREFIX + name, f"{told}.", "gauge") for name, told in OWN.items()}
    own["measured_age_seconds"].unit = "seconds"
    for site in part.sites:
        state = states.get(site)
        if state is not None and now - state.at <= ALIVE:
            _add(own["site_up"], float(state.ok), _place(site))
    ages = page.ages()
    for (site, metric), seconds in ages.items():
        _add(own["measured_age_seconds"], seconds, _of(site, metric))
    for site, metric in page.without(ages):
        _add(own["absent"], 1.0, _of(site, metric))
    for (site, metric), count in sorted(page.left_out.items()):
        _add(own["series_left_out"], float(count), _of(site, metric))
    for labels, count in _open_alerts(conn, part.places):
        _add(own["alerts"], float(count), labels)
    if part.host:
        _add(own["sites"], float(watched), {})
        found.append(_build())
    return [family for family in (*found, *own.values()) if family.samples]


def written(found: Iterable[Family], *, open_metrics: bool) -> bytes:
    """Families in OpenMetrics' format, or in Prometheus' older text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ready(list(found)))
    return _openmetrics(registry) if open_metrics else generate_latest(registry)


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header takes OpenMetrics."""
    for each in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in each.split(";"))
        if kind == "application/openmetrics-text":
            return not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    return False


class _Ready(Collector):
    """A collector of what was read already."""

    def __init__(self, found: list[Family]) -> None:
        self._found = found

    def collect(self) -> Iterable[Family]:
        """All families."""
        return self._found


@dataclass(slots=True)
class _Page:
    """What was read of the store. Moments in milliseconds."""

    now: int
    most: int
    looked: Mapping[str, int]
    """When each site had its last run."""
    known: Mapping[str, Metric] = field(default_factory=lambda: {entry.name: entry for entry in catalogue.metrics()})
    patience: dict[str, int] = field(default_factory=dict)
    """For how long a figure is good, by metric."""
    measured: dict[tuple[str, str], int] = field(default_factory=dict)
    absent: set[tuple[str, str]] = field(default_factory=set)
    given: dict[str, dict[str, Series]] = field(default_factory=dict)
    """Metric → site → series."""
    newest: dict[tuple[str, str], int] = field(default_factory=dict)
    left_out: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Work out what is asked of every series."""
        self.patience = {name: _ms(max(MISSED * entry.every, LEAST_AGE)) for name, entry in self.known.items()}

    def read(self, rows: Iterable[tuple[str, str, str, int, float, int | None]]) -> None:
        """Take the last figures, of which those that are too old are not given out."""
        for site, metric, text, at, value, before in rows:
            place = (site, metric)
            if at > self.newest.get(place, -1):
                self.newest[place] = at
            if not self._usable(place, at, before):
                continue
            labels = _labels(metric, text)
            if labels is None or not math.isfinite(value):
                self.left_out[place] = self.left_out.get(place, 0) + 1
            else:
                self.given.setdefault(metric, {}).setdefault(site, []).append((labels, value))

    def _usable(self, place: tuple[str, str], at: int, before: int | None) -> bool:
        """Whether a figure is good enough to judge by, as `alerts.figures` has it."""
        age = self.now - at
        if place not in self.absent and age <= self.patience.get(place[1], -1):
            return True
        entry = self.known.get(place[1])
        if entry is None:
            return False
        every = _ms(entry.every)
        # Some label sets may be there while others cannot be measured.
        if place in self.absent and (at <= self.measured.get(place, -1) or age > 2 * every):
            return False
        # What costs a site much is measured less often; but only a collector that is alive measures again.
        rhythm = at - before if before is not None else 0
        stretched = every < rhythm <= STRETCHED * every and age <= MISSED * rhythm
        alive = self.now - self.looked.get(place[0], -1) <= _ms(ALIVE)
        return age <= self.patience[place[1]] or (stretched and alive)

    def ages(self) -> dict[tuple[str, str], float]:
        """How long ago each metric was measured, in seconds."""
        # A clock that was set back makes nothing younger than now.
        return {
            place: max(0, self.now - max(self.measured.get(place, -1), self.newest.get(place, -1))) / 1000
            for place in sorted(self.measured.keys() | self.newest.keys(), key=_by_metric)
            if self._known(place)
        }

    def without(self, ages: Mapping[tuple[str, str], float]) -> list[tuple[str, str]]:
        """What has no figure now: the reason is known, or it was measured too long ago."""
        old = {
            place
            for place, seconds in ages.items()
            if seconds * 1000 > self.patience[place[1]] and not self.given.get(place[1], {}).get(place[0])
        }
        return sorted(old.union(filter(self._known, self.absent)), key=_by_metric)

    def _known(self, place: tuple[str, str]) -> bool:
        """Whether the metric is one of the catalogue, and of such a place."""
        site, metric = place
        return metric in self.known and _belongs(self.known[metric], site)

    def figures(self) -> list[Family]:
        """The figures, each metric a family, each series once."""
        found = []
        for entry in self.known.values():
            sites = self.given.get(entry.name)
            if not sites:
                continue
            family, name = _family(entry), exported(entry.name)
            for site in sorted(sites):
                if not _belongs(entry, site):
                    continue
                series = sites[site]
                if len(series) > 1:
                    series = self._bounded(site, entry.name, series)
                place = _place(site)
                family.samples += [Sample(name, {**place, **labels}, value) for labels, value in series]
            found.append(family)
        return found

    def _bounded(self, site: str, metric: str, series: Series) -> Series:
        """Each label set once, in their order, no more than may be."""
        kept = sorted({tuple(labels.items()): (labels, value) for labels, value in series}.items())[: self.most]
        if len(kept) < len(series):
            self.left_out[site, metric] = self.left_out.get((site, metric), 0) + len(series) - len(kept)
        return [each for _, each in kept]


def _family(entry: Metric) -> Family:
    name = exported(entry.name)
    if entry.kind == "counter":
        name = name.removesuffix("_total")
    # OpenMetrics knows no other unit than the one at the end of the name.
    unit = entry.unit if name.endswith(f"_{entry.unit}") else ""
    told = entry.help.rstrip(".")
    return Family(name, f"{told}." if unit else f"{told} ({_unit(entry.unit)}).", entry.kind, unit)


def _unit(unit: str) -> str:
    return {"bool": "1 is yes, 0 is no", "ratio": "a ratio, 0 to 1"}.get(unit, unit)


def _build() -> Family:
    family = Family(f"{PREFIX}build", "The version of Baken.", "info")
    family.samples.append(Sample(f"{PREFIX}build_info", {"version": __version__}, 1.0))
    return family


def _open_alerts(conn: Connection, places: Collection[str]) -> Iterable[tuple[dict[str, str], int]]:
    """How many alerts are open, with their labels. What is held back has the status `suppressed`."""
    wanted = set(places)
    row = alerts.c
    held = row.suppressed.is_not(None)
    groups = (row.site, row.rule, row.severity, row.area, row.status, held)
    query = select(*groups, func.count()).where(row.open_key.is_not(None), row.rule != TEST).group_by(*groups)
    found: dict[tuple[tuple[str, str], ...], int] = {}
    for site, rule, severity, area, status, suppressed, count in conn.execute(query):
        if site in wanted:
            told = "suppressed" if suppressed else str(status).lower()
            labels = dict(_place(site))
            labels |= {"rule": rule, "severity": severity, "area": area, "status": told}
            key = tuple(sorted(labels.items()))
            found[key] = found.get(key, 0) + int(count)
    return [(dict(key), count) for key, count in sorted(found.items())]


def _add(family: Family, value: float, labels: Mapping[str, str]) -> None:
    family.samples.append(Sample(family.name, dict(labels), value))


def _of(site: str, metric: str) -> dict[str, str]:
    return {**_place(site), "metric": metric}


@lru_cache(maxsize=4096)
def _place(site: str) -> Mapping[str, str]:
    """The label of a site; the host has none."""
    return exported_labels(site, {})


def _belongs(entry: Metric, site: str) -> bool:
    return (entry.scope in ("host", "monitor")) == (site == HOST)


def _by_metric(place: tuple[str, str]) -> tuple[str, str]:
    return place[1], place[0]


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _sayable(text: str) -> str:
    return _UNSAYABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@lru_cache(maxsize=65536)
def _labels(metric: str, text: str) -> Mapping[str, str] | None:
    """A series' own labels as Prometheus has them.

    An empty one is none, as Prometheus has it. None for labels that are none, or not this metric's.
    """
    entry = catalogue.get(metric)
    try:
        found = labels_of(text)
        own = {name: _sayable(value) for name, value in sorted(found.items()) if value}
    except (ValueError, AttributeError, TypeError):
        # What is too long for the store may end in the middle.
        return None
    return exported_labels("", own) if entry is not None and own.keys() <= set(entry.labels) else None

"""The catalogue: every metric and observation that Baken knows, each registered by the function that measures it.

To add one, write a function in `metrics/<domain>.py` under `@metric(...)`. Whatever shows, exports, stores or alerts
reads the catalogue; nothing is named twice.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from baken.sites.site import Site

TEN_SECONDS = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)
FIVE_MINUTES = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)

DOMAINS = ("host", "database", "frappe", "erpnext", "association", "sepa", "monitor")
"""The modules that register metrics, in the order in which they are shown."""

Kind = Literal["gauge", "counter"]
Good = Literal["up", "down"]
Scope = Literal["site", "host", "monitor", "run"]

Values = Iterable[tuple[Any, ...]]
"""What a metric's function yields: the label values in the order of `labels`, then the number."""


class Measure(Protocol):
    """A function that measures a metric of a site, of the host, or of Baken itself."""

    __name__: str
    __module__: str

    def __call__(self, subject: Any, /) -> Values: ...


@dataclass(frozen=True, slots=True)
class Said:
    """How a metric is called in one language, and the sentence that says what it means."""

    title: str
    help: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that Baken measures.

    Attributes:
        name: Prometheus' kind of name, with the unit or `_total` at its end where that is usual.
        unit: seconds, bytes, ratio (0 to 1), bool (0 or 1), EUR, or a plural noun.
        texts: title and help per language, as `metric` was given them: {"en": Said, "nl": Said}.
        labels: names of the labels, in the order in which `measure` yields their values.
        needs: fields per DocType without which it cannot be measured.
        every: how often it is measured.
        good: the direction that is welcome; None where neither is.
        kind: a gauge, or a counter that only grows until a restart.
        scope: a figure of a site, of the host that Baken runs on, of Baken itself, or of one run over a site.
        measure: the function that measures it.
    """

    name: str
    unit: str
    texts: Mapping[str, Said]
    labels: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]
    every: timedelta
    good: Good | None
    kind: Kind
    scope: Scope
    measure: Measure

    @property
    def title(self) -> str:
        """What it is called in English."""
        return self.texts["en"].title

    @property
    def help(self) -> str:
        """What it means, in English."""
        return self.texts["en"].help

    @property
    def domain(self) -> str:
        """The module that measures it; `frappe_jobs` belongs to `frappe`."""
        return _domain(self.measure)


@dataclass(frozen=True, slots=True)
class Observation:
    """A small document about a site without personal data, of which only the latest is kept."""

    kind: str
    help: str
    needs: Mapping[str, tuple[str, ...]]
    every: timedelta
    observe: Callable[[Any], Any]

    @property
    def domain(self) -> str:
        """The module that observes it; `frappe_jobs` belongs to `frappe`."""
        return _domain(self.observe)


_metrics: dict[str, Metric] = {}
_observations: dict[str, Observation] = {}


def metric(
    name: str,
    *,
    unit: str,
    title: str,
    help: str,
    nl: tuple[str, str],
    labels: tuple[str, ...] = (),
    needs: Mapping[str, tuple[str, ...]] | None = None,
    every: timedelta = MINUTE,
    good: Good | None = None,
    kind: Kind = "gauge",
    scope: Scope = "site",
) -> Callable[[Measure], Measure]:
    """Register the decorated function as the measure of a metric; the arguments are those of `Metric`, and:

    Args:
        title: two to five words, as the heading of a chart.
        help: one sentence without a full stop: what the figure means.
        nl: the title and the help in Dutch.

    The function takes a `Reading` (scope site) or the subject of its scope (`HostSubject`, `MonitorSubject`,
    `RunSubject`), and yields tuples: label values, then the number. What cannot be measured raises a
    SiteProblem; what was yielded before counts all the same.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"metric name {name!r}: lower case letters, digits and _ only")
    if kind == "counter" and not name.endswith("_total"):
        raise ValueError(f"counter {name!r} must end with _total")
    texts = MappingProxyType({"en": Said(title, help), "nl": Said(*nl)})
    for language, said in texts.items():
        if not said.title.strip() or not said.help.strip():
            raise ValueError(f"metric {name} needs a title and a help in both languages; {language} is incomplete")

    def register(measure: Measure) -> Measure:
        if name in _metrics:
            raise ValueError(f"metric {name} is registered twice")
        frozen = MappingProxyType(dict(needs or {}))
        _metrics[name] = Metric(name, unit, texts, labels, frozen, every, good, kind, scope, measure)
        return measure

    return register


def observation(
    kind: str, *, help: str, needs: Mapping[str, tuple[str, ...]] | None = None, every: timedelta = MINUTE
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register the decorated function, which takes a `Reading` and returns a document of plain JSON values."""

    def register(observe: Callable[[Any], Any]) -> Callable[[Any], Any]:
        if kind in _observations:
            raise ValueError(f"observation {kind} is registered twice")
        _observations[kind] = Observation(kind, help, MappingProxyType(dict(needs or {})), every, observe)
        return observe

    return register


def metrics(scope: Scope | None = None) -> list[Metric]:
    """All metrics in the order of DOMAINS and of their definition, or those of one scope."""
    _load()
    found = [entry for entry in _metrics.values() if scope in (None, entry.scope)]
    return sorted(found, key=lambda entry: DOMAINS.index(entry.domain))


def get(name: str) -> Metric | None:
    """The metric called `name`, or None."""
    _load()
    return _metrics.get(name)


def texts(entry: Metric) -> dict[str, dict[str, str]]:
    """What a metric is called and means, for those who ask over the API: {"en": {title, help}, "nl": …}."""
    return {language: {"title": said.title, "help": said.help} for language, said in entry.texts.items()}


def observations() -> list[Observation]:
    """All observations."""
    _load()
    return list(_observations.values())


def _domain(function: Any) -> str:
    module: str = function.__module__
    return module.rsplit(".", 1)[-1].split("_", 1)[0]


@cache
def _load() -> None:
    # A domain that outgrew one file goes on in others that are called `<domain>_<part>`.
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    for domain in DOMAINS:
        for name in names:
            if name.split("_", 1)[0] == domain:
                importlib.import_module(f"baken.metrics.{name}")


@dataclass(frozen=True, slots=True)
class HostSubject:
    """What host metrics are measured on: this machine.

    `sites` are the watched sites whose bench is on this machine: they tell which processes and disks matter.
    """

    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class ExportFigures:
    """How a target of an export fares.

    Attributes:
        failing: seconds for which it has not taken anything; 0 when it works.
        rejected: what it refused of the last delivery.
        waiting: what still waits to be sent.
    """

    failing: float
    rejected: int
    waiting: int


@dataclass(frozen=True, slots=True)
class MonitorSubject:
    """What monitor metrics are measured on: Baken's own processes and store.

    `processes` are process ids by role, `lag` the seconds by which the most belated due run waits,
    `store_bytes` the size of the store or None when the store does not tell. `channels` are the seconds for which each
    channel of notifications has been failing, 0 for one that works; `waiting` the notifications that are due and not
    sent, `alert_lag` the seconds by which judging the rules is late, both None where nobody can say. `exports` tells
    how each target of an export fares.
    """

    processes: Mapping[str, int]
    lag: float
    store_bytes: int | None
    channels: Mapping[str, float] = field(default_factory=dict)
    waiting: int | None = None
    alert_lag: float | None = None
    exports: Mapping[str, ExportFigures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunSubject:
    """What run metrics are measured on: one run of the collector over a site. Times in seconds."""

    seconds: float
    query_seconds: float
    absent: int
    failures: int
    missed: int

"""What Grafana asks Prometheus for: expressions over the figures that Baken exports."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from baken.alerts.figures import Source
from baken.exporters.names import SITE_LABEL, exported, exported_label
from baken.metrics.catalogue import Metric

SITE = f'{SITE_LABEL}=~"$site"'
"""The sites that are chosen."""

SITE_OR_HOST = f'{SITE_LABEL}=~"($site)|"'
"""The sites that are chosen, and what belongs to no site."""

INSTANCE = 'instance=~"$instance"'
"""The Bakens that are chosen, where Prometheus fetches the figures; what remote write brings has no such label."""

HOUR = timedelta(hours=1)


def has_site(entry: Metric) -> bool:
    """Whether the figure is one of a site."""
    return entry.scope in ("site", "run")


def selector(entry: Metric, match: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> str:
    """The series of a metric of the sites, or of the Bakens, that are chosen. `match` has the matchers of a rule."""
    inner = [SITE if has_site(entry) else INSTANCE, *(_matcher(*pair) for pair in dict(match).items())]
    return f"{exported(entry.name)}{{{', '.join(inner)}}}"


def _matcher(label: str, wanted: str) -> str:
    # Those of rules: "long", "!failed", "~/srv.*", "!~a|b". Prometheus' are anchored as well.
    found = re.fullmatch(r"(!?~?)(.*)", wanted, re.DOTALL)
    sign, text = (found[1], found[2]) if found else ("", wanted)
    compare = {"": "=", "!": "!=", "~": "=~", "!~": "!~"}[sign]
    return f"{exported_label(label)}{compare}{quoted(text)}"


def quoted(text: str) -> str:
    """A text as PromQL writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def by_hour(entry: Metric) -> bool:
    """Whether a counter counts mishaps: of those one wants to see how many there were, not so many a second."""
    return entry.kind == "counter" and entry.good == "down"


def course(entry: Metric, match: Iterable[tuple[str, str]] = (), over: timedelta = HOUR) -> str:
    """The figure over time: of a counter what came within `over` (mishaps), or how much comes a second."""
    series = selector(entry, match)
    if entry.kind != "counter":
        return series
    return f"increase({series}[{_span(over)}])" if by_hour(entry) else f"rate({series}[$__rate_interval])"


def share(part: Source, whole: Source) -> str:
    """A part of a whole, per site where they are a site's."""
    kept = ", ".join(
        [SITE_LABEL if has_site(part.metric) else "instance", *(exported_label(label) for label in part.labels)]
        if part.by is not None
        else [SITE_LABEL if has_site(part.metric) else "instance"]
    )
    above, below = (f"sum by ({kept}) ({selector(one.metric, one.match)})" for one in (part, whole))
    return f"{above} / {below}"


def legend(entry: Metric) -> str:
    """What a line is called: the site, and the labels that tell series of a site apart."""
    names = [exported_label(label) for label in entry.labels]
    names = [SITE_LABEL, *names] if has_site(entry) else [*names, "instance"]
    return " ".join(f"{{{{{name}}}}}" for name in names)


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{name}"
    return f"{seconds}s"

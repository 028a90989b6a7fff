"""What a metric and its labels are called in Prometheus and in whatever speaks its language.

The name is the catalogue's with `baken_` before it. A figure of a site has the label `site`; the host's and Baken's own
have none. `job` and `instance` belong to Prometheus, which would rename a series' own on the way in: they bear
`_name` behind them from the start.
"""

from collections.abc import Mapping

PREFIX = "baken_"
SITE_LABEL = "site"

_CLAIMED = {"job": "job_name", "instance": "instance_name", SITE_LABEL: "site_name"}
_OWN = {exported: own for own, exported in _CLAIMED.items()}


def exported(metric: str) -> str:
    """The name in Prometheus of a metric of the catalogue."""
    return PREFIX + metric


def catalogue_name(name: str) -> str | None:
    """The metric of the catalogue that has this name in Prometheus; None for a name without Baken's prefix."""
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else None


def exported_label(label: str) -> str:
    """The name in Prometheus of a label of the catalogue."""
    return _CLAIMED.get(label, label)


def catalogue_label(label: str) -> str:
    """The label of the catalogue that has this name in Prometheus."""
    return _OWN.get(label, label)


def exported_labels(site: str, labels: Mapping[str, str]) -> dict[str, str]:
    """All labels in Prometheus of a series: its site first, where it has one, then its own.

    Args:
        site: the site's name; empty for a figure of the host or of Baken itself.
        labels: the labels as the catalogue calls them.
    """
    found = {SITE_LABEL: site} if site else {}
    return found | {exported_label(name): value for name, value in labels.items()}

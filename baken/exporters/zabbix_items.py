"""What a figure is called in Zabbix: hosts, item keys, macros of discovery, and values as a trapper item takes them.

One module, because three sides have to agree to the letter: the template, what Baken sends, and what it answers when
Zabbix fetches.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from baken.history.samples import Latest
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

PREFIX = "baken."
"""Every item key begins with it."""

DISCOVERY = f"{PREFIX}discovery"
SITES = f"{PREFIX}discovery[sites]"
RULES = f"{PREFIX}discovery[rules]"
ALERTS = f"{PREFIX}alerts"
"""Open alerts of one rule: those that Zabbix cannot judge by itself are triggers over this item."""

KNOWN = f"{PREFIX}known"
"""How many last figures there are of a host: sent with every delivery, so that it shows when none comes."""

SITE_MACRO, HOST_MACRO = "{#BAKEN.SITE}", "{#BAKEN.HOST}"
ROW_MACRO = "{#ROW}"
"""By which a dependent item finds its figure in the document that Zabbix fetches."""

RULE_MACRO, CALLED_MACRO, SEVERITY_MACRO = "{#RULE}", "{#CALLED}", "{#SEVERITY}"

THINGS: Mapping[str, str] = {
    "queue": "Queues",
    "instance": "Redis instances",
    "role": "Processes",
}
"""Labels that name a thing of which several metrics tell: these are discovered together, so that they can stand in one
graph and explain one another. All other metrics with labels have a discovery rule of their own."""

MOST_PARAMETER = 120
"""Characters of a label's value in Zabbix: names of items are made of them, which have 255 at most."""

_PLAIN = re.compile(r"[0-9A-Za-z_.:/ -]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_NOT_IN_HOST = re.compile(r"[^0-9A-Za-z_. \-]")
_MOST_HOST = 128
_BRACES = str.maketrans("{}", "()")


@lru_cache(maxsize=65536)
def clean(value: str) -> str:
    """A label's value as it can stand in a key, a name and a macro of Zabbix; most are left as they are.

    A backslash cannot end a parameter that has to be quoted, braces would be taken for macros, and what is too long is
    cut, with a digest of the whole so that two values that begin alike stay two.
    """
    text = _CONTROL.sub(" ", value).translate(_BRACES).strip().rstrip("\\").strip()
    if len(text) > MOST_PARAMETER:
        digest = hashlib.sha256(value.encode("utf-8", "backslashreplace")).hexdigest()[:8]
        text = f"{text[: MOST_PARAMETER - 9].rstrip()}~{digest}"
    return text


def row_name(values: Sequence[str]) -> str:
    """A short name of cleaned label values that can stand in a JSONPath, where quotes cannot be put in by a macro."""
    if all(_PLAIN.fullmatch(each) for each in values):
        return "|".join(values)
    return hashlib.sha256("\0".join(values).encode()).hexdigest()[:16]


def quoted(parameter: str) -> str:
    """A parameter of an item key, quoted where Zabbix quotes it when it puts in the value of a macro.

    https://www.zabbix.com/documentation/6.0/en/manual/config/items/item/key: a text that begins with a quote, a space
    or a bracket, or that holds a comma or a closing bracket.
    """
    if parameter[:1] in ('"', " ", "[") or "," in parameter or "]" in parameter:
        return '"' + parameter.replace('"', '\\"') + '"'
    return parameter


def key(name: str, *parameters: str) -> str:
    """An item key: `baken.frappe_errors[1h]`."""
    if not parameters:
        return f"{PREFIX}{name}"
    return f"{PREFIX}{name}[{','.join(quoted(clean(each)) for each in parameters)}]"


def macro(label: str) -> str:
    """The macro of discovery for a label: `{#QUEUE}`."""
    return f"{{#{label.upper()}}}"


def prototype(entry: Metric) -> str:
    """The key of a metric's item prototype: `baken.frappe_errors[{#WINDOW}]`; of one without labels its key."""
    if not entry.labels:
        return f"{PREFIX}{entry.name}"
    return f"{PREFIX}{entry.name}[{','.join(macro(label) for label in entry.labels)}]"


def group(entry: Metric) -> str:
    """By what a metric with labels is discovered: a thing, or the metric's own name; empty for one without labels."""
    if not entry.labels:
        return ""
    return entry.labels[0] if len(entry.labels) == 1 and entry.labels[0] in THINGS else entry.name


def discovery(of: str) -> str:
    """The key of the discovery rule of a group: `baken.discovery[queue]`."""
    return f"{DISCOVERY}[{of}]"


def about_host(entry: Metric) -> bool:
    """Whether a metric tells of this machine or of Baken itself: these are items of the host that is called Baken."""
    return entry.scope in ("host", "monitor")


def metrics_of(*, host: bool) -> list[Metric]:
    """The metrics of the Baken host, or those of a site."""
    return [entry for entry in catalogue.metrics() if about_host(entry) == host]


def host_name(prefix: str, site: str) -> str:
    """The Zabbix host of a site. Zabbix allows letters, digits, spaces, dots, dashes and underscores."""
    return _NOT_IN_HOST.sub("_", f"{prefix}{site}").strip()[:_MOST_HOST] or "_"


def value(entry: Metric, number: float) -> str:
    """A figure as a trapper item takes it: whole numbers without a point."""
    if entry.unit == "bool":
        return "1" if number else "0"
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def rows(samples: Iterable[Latest]) -> dict[str, list[dict[str, str]]]:
    """What there is to discover: {group: [{"{#QUEUE}": "long"}, …]}, each once, in order.

    A group of which nothing is there any more is missing; whoever sends has to know that it once was.
    """
    found: dict[str, dict[tuple[str, ...], dict[str, str]]] = {}
    for sample in samples:
        entry = catalogue.get(sample.metric)
        if entry is None or not entry.labels:
            continue
        values = tuple(clean(sample.labels.get(label, "")) for label in entry.labels)
        row = {macro(label): each for label, each in zip(entry.labels, values, strict=True)} | {
            ROW_MACRO: row_name(values)
        }
        found.setdefault(group(entry), {})[values] = row
    return {name: [some[values] for values in sorted(some)] for name, some in sorted(found.items())}


def site_rows(prefix: str, sites: Sequence[str]) -> list[dict[str, str]]:
    """The sites to discover, as hosts."""
    return [{SITE_MACRO: clean(site), HOST_MACRO: host_name(prefix, site)} for site in sorted(sites)]


def sample_key(sample: Latest) -> str | None:
    """The item key of a sample; None for a metric that the catalogue no longer has."""
    entry = catalogue.get(sample.metric)
    if entry is None:
        return None
    return key(entry.name, *(sample.labels.get(label, "") for label in entry.labels))

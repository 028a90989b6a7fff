"""What there is to tell Zabbix about one site, or about this machine and Baken: figures, what to discover, alerts."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from baken.alerts import lifecycle
from baken.alerts.rule import Rule
from baken.exporters import zabbix_items as items
from baken.exporters import zabbix_rules as rules
from baken.history import samples
from baken.history.samples import Latest
from baken.history.tables import alerts
from baken.insights.figures import OWN
from baken.metrics import catalogue

ANALYTICS = ("frappe_errors", "sepa", "association", "erpnext")
"""What `export_analytics_metrics` sends: modules of the catalogue, or their beginning."""

PERFORMANCE = ("host", "database", "frappe")
"""What `export_performance_metrics` sends."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value for a trapper item. `at` is when it was measured, aware UTC."""

    host: str
    key: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Present:
    """What is known of a site (or of the machine and Baken: site "") at one moment.

    Attributes:
        figures: the last figures, of metrics that the catalogue has.
        rows: what is to be discovered, by group.
        open: how many alerts are open and not held back, by rule, for the rules that Baken judges.
    """

    figures: Sequence[Latest]
    rows: Mapping[str, list[dict[str, str]]]
    open: Mapping[str, int]


def read(conn: Connection, site: str, found: Collection[Rule]) -> Present:
    """What the store knows of a site; of the machine and Baken itself for "".

    Args:
        conn: a connection that reads.
        site: the site.
        found: the rules that apply to it.
    """
    host = site == OWN
    known = {entry.name for entry in items.metrics_of(host=host)}
    figures = [sample for sample in samples.latest(conn, site) if sample.metric in known]
    judged = rules.rows(found, host=host)
    return Present(figures, {**items.rows(figures), "rules": judged}, open_alerts(conn, site, judged))


def open_alerts(conn: Connection, site: str, judged: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """How many alerts of a site are open and told, for each of these rows of rules: 0 where there is none."""
    names = [row[items.RULE_MACRO] for row in judged]
    counted = dict.fromkeys(names, 0)
    rows = conn.execute(
        select(alerts.c.rule, func.count())
        .where(
            alerts.c.site == site,
            alerts.c.status != lifecycle.RESOLVED,
            alerts.c.suppressed.is_(None),
            alerts.c.rule.in_(names),
        )
        .group_by(alerts.c.rule)
    )
    return counted | {str(name): int(number) for name, number in rows}


def of_domains(sample: Latest, domains: Sequence[str]) -> bool:
    """Whether a figure belongs to one of the modules of the catalogue; a longer name wins over a shorter one."""
    entry = catalogue.get(sample.metric)
    if entry is None:
        return False
    module = entry.measure.__module__.rsplit(".", 1)[-1]
    if module in domains:
        return True
    # frappe_errors.py belongs to the analytics, the rest of Frappe to the performance.
    return entry.domain in domains and module not in (*ANALYTICS, *PERFORMANCE)


def values(host: str, figures: Sequence[Latest]) -> list[Value]:
    """Figures as values of a host's items."""
    found = []
    for sample in figures:
        entry, key = catalogue.get(sample.metric), items.sample_key(sample)
        if entry is not None and key is not None:
            found.append(Value(host, key, items.value(entry, sample.value), sample.at))
    return found


def discovery(host: str, of: str, rows: Sequence[Mapping[str, str]], at: datetime) -> Value:
    """What there is of a group, as the value of its discovery rule."""
    return Value(host, items.discovery(of), json.dumps(list(rows), ensure_ascii=False, sort_keys=True), at)


def open_values(host: str, given: Mapping[str, int], at: datetime) -> list[Value]:
    """The numbers of open alerts as values."""
    return [Value(host, f"{items.ALERTS}[{items.quoted(name)}]", str(number), at) for name, number in given.items()]

"""Recording and alerting rules for Prometheus, from Baken's rules and its catalogue.

Every rule that applies is in the file: as an expression where Prometheus can judge it as Baken does, else as an alert
over `baken_alerts`, which says that Baken's own rule has one open. What is switched off is named at the top.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from baken import __version__
from baken.alerts.kept_rules import Books, for_all
from baken.alerts.rule import AREAS, Rule, Text
from baken.exporters import prometheus_texts, promql
from baken.exporters.alertmanager_matchers import CONVENTIONAL
from baken.exporters.names import PREFIX, SITE_LABEL, exported
from baken.exporters.promql import Expression, NotInPromql, Sites
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

RATE_OVER = timedelta(minutes=5)
"""Rates of counters are those of so long a time."""

_WORST = ("seconds", "bytes", "ratio", "days")
"""Units of which a fleet has no sum that says anything: of these the worst site is recorded."""

_SUMMED_BYTES = ("database_size_bytes", "database_table_bytes", "frappe_backup_bytes", "frappe_error_log_bytes")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the rules are to be written.

    Attributes:
        job: the job under which Prometheus fetches Baken.
        language: "en" or "nl".
        public_url: Baken's address, for links; may be empty.
        keep: write `keep_firing_for`, which Prometheus has since 2.42.
        interval: how often the rules are judged, such as "1m"; empty: as Prometheus' configuration has it.
    """

    job: str = "baken"
    language: str = "en"
    public_url: str = ""
    keep: bool = True
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """The rules that were made: groups as Prometheus has them, and what the head of the file tells."""

    groups: list[dict[str, Any]]
    judged_by_baken: Mapping[str, str]
    """Rule → why Prometheus cannot judge it."""
    off: Sequence[str]


def make(books: Books, wishes: Wishes) -> Made:
    """Recording and alerting rules of all rules that apply, also those that people changed for single sites."""
    records: set[str] = set()
    by_area: dict[str, list[dict[str, Any]]] = {area: [] for area in AREAS}
    refused: dict[str, str] = {}
    off: list[str] = []
    names = list(dict.fromkeys(name for book in (books.everywhere, *books.of_sites.values()) for name in book.rules))
    for name in names:
        written = list(_variants(books, name))
        if not written:
            off.append(name)
        for rule, sites in written:
            try:
                found, why = promql.of_rule(rule, sites), ""
            except NotInPromql as problem:
                found, why = promql.by_alerts(rule, sites), str(problem)
                refused[name] = why
            rules = by_area.setdefault(rule.area, [])
            # In the same group, which is judged in its order: the alert is not one evaluation late.
            rules += [{"record": each, "expr": of} for each, of in found.records.items() if each not in records]
            records |= found.records.keys()
            rules.append(_alert(rule, found, sites, wishes, by_alerts=bool(why)))
    groups = [
        _group("baken.records", list(_figures()), wishes),
        *(_group(f"baken.{area}", rules, wishes) for area, rules in by_area.items() if rules),
        _group("baken.itself", list(_itself(wishes)), wishes),
    ]
    return Made(groups, refused, off)


def text(made: Made) -> str:
    """The file of rules, as YAML."""
    told = [
        f"Rules for Prometheus, written by Baken {__version__} (`baken export prometheus-rules`). Write them anew when",
        "Baken's rules change, and after an update of Baken.",
    ]
    if made.judged_by_baken:
        told += ["", "Prometheus cannot judge these as Baken does; they alert when Baken's own rule has an open alert:"]
        told += [f"  {name}: {why}" for name, why in made.judged_by_baken.items()]
    if made.off:
        told += ["", f"Switched off in Baken, and not in this file: {', '.join(made.off)}"]
    head = "".join(f"# {line}".rstrip() + "\n" for line in told)
    return head + yaml.dump({"groups": made.groups}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def inhibitions(rules: Iterable[Rule]) -> str:
    """`inhibit_rules` for Alertmanager, as YAML: which of the alerts need not be told while another one fires."""
    found = []
    for rule in rules:
        if rule.inhibits:
            same = [] if for_all(rule) else [SITE_LABEL]
            targets = "|".join(rule.inhibits)
            found.append(
                {
                    "source_matchers": [f'alertname="{rule.name}"'],
                    "target_matchers": [f'alertname=~"{targets}"'],
                    **({"equal": same} if same else {}),
                }
            )
    head = f"# For alertmanager.yml, written by Baken {__version__}: what explains an alert keeps it from being told.\n"
    return head + yaml.dump({"inhibit_rules": found}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _variants(books: Books, name: str) -> Iterable[tuple[Rule, Sites]]:
    """A rule as it applies: to all sites, and to those for which it was changed. None where it is switched off."""
    general = books.everywhere.rules.get(name)
    if general is not None and for_all(general):
        if general.enabled:
            yield general, promql.ALL
        return
    own = {site: book.rules.get(name) for site, book in books.of_sites.items()}
    other = {site: rule for site, rule in own.items() if rule != general}
    if general is not None and general.enabled:
        yield general, Sites(without=tuple(sorted(other)))
    for site, rule in sorted(other.items()):
        if rule is not None and rule.enabled:
            yield rule, Sites(only=site)


def _alert(rule: Rule, found: Expression, sites: Sites, wishes: Wishes, *, by_alerts: bool) -> dict[str, Any]:
    alert: dict[str, Any] = {"alert": rule.name, "expr": found.alert(rule.name)}
    # Where Baken judges, it has waited already.
    if not by_alerts and rule.hold:
        alert["for"] = promql.span(rule.hold)
    if not by_alerts and rule.keep and wishes.keep:
        alert["keep_firing_for"] = promql.span(rule.keep)
    labels = _labels(rule.severity, rule.area)
    alert["labels"] = {**labels, SITE_LABEL: sites.only} if sites.only else labels
    alert["annotations"] = prometheus_texts.annotations(
        rule, wishes.language, wishes.public_url, by_alerts=by_alerts, site=sites.only
    )
    return alert


def _labels(severity: str, area: str) -> dict[str, str]:
    """Labels of an alert, as those that Baken pushes to Alertmanager have them."""
    return {"source": "baken", "severity": CONVENTIONAL[severity], "baken_severity": severity, "area": area}


def _group(name: str, rules: list[dict[str, Any]], wishes: Wishes) -> dict[str, Any]:
    return {"name": name, **({"interval": wishes.interval} if wishes.interval else {}), "rules": rules}


def _figures() -> Iterable[dict[str, Any]]:
    """What dashboards and fleets ask for again and again."""
    for entry in catalogue.metrics():
        level = "site" if entry.scope in ("site", "run") else "instance"
        if entry.kind == "counter":
            record = f"{level}:{exported(entry.name).removesuffix('_total')}:rate{promql.span(RATE_OVER)}"
            yield {"record": record, "expr": f"rate({exported(entry.name)}[{promql.span(RATE_OVER)}])"}
        elif level == "site":
            how = _over_sites(entry)
            # The sites are told apart by `instance` as well where each is a target of its own.
            expression = f"{how} without ({SITE_LABEL}, instance) ({exported(entry.name)})"
            yield {"record": f"fleet:{exported(entry.name)}:{how}", "expr": expression}
    yield {
        "record": f"fleet:{PREFIX}alerts:sum",
        "expr": f"sum by (job, rule, severity, area, status) ({PREFIX}alerts)",
    }
    yield {"record": f"fleet:{PREFIX}site_up:sum", "expr": f"sum by (job) ({PREFIX}site_up)"}


def _over_sites(entry: Metric) -> str:
    """What a fleet's figure is: the sum of what is counted, the share of what is yes or no, else the worst site's."""
    if entry.unit == "bool":
        return "avg"
    if entry.unit in _WORST and entry.name not in _SUMMED_BYTES:
        return "min" if entry.good == "up" else "max"
    return "sum"


_ITSELF: Mapping[str, tuple[str, str, str, Text, Text]] = {
    "BAKEN_UNREACHABLE": (
        'up{{job={job}}} == 0', "3m", "HIGH",
        {"en": "Prometheus does not get Baken's figures ({{ $labels.instance }})",
         "nl": "Prometheus krijgt de cijfers van Baken niet ({{ $labels.instance }})"},
        {"en": "Fetching /metrics has failed for 3 minutes: Baken is down, or does not let Prometheus in. The other "
               "alerts of this file see nothing meanwhile. /targets of Prometheus says why.",
         "nl": "Het ophalen van /metrics mislukt al 3 minuten: Baken is uit, of laat Prometheus niet toe. De andere "
               "meldingen uit dit bestand zien intussen niets. /targets van Prometheus zegt waarom."},
    ),
    "BAKEN_GONE": (
        "absent({prefix}build_info{{job={job}}})", "10m", "HIGH",
        {"en": "Prometheus knows no Baken", "nl": "Prometheus kent geen Baken"},
        {"en": "There is no target of the job {{ $labels.job }} any more that is a Baken. Look at the configuration of "
               "Prometheus, and whether the job is called as these rules were written for.",
         "nl": "Er is geen doel van de job {{ $labels.job }} meer dat een Baken is. Kijk naar de configuratie van "
               "Prometheus, en of de job zo heet als waarvoor deze regels geschreven zijn."},
    ),
    "BAKEN_NOT_COLLECTING": (
        '{prefix}measured_age_seconds{{metric="monitor_lag_seconds"}} > 300', "2m", "CRITICAL",
        {"en": "Baken measures nothing any more", "nl": "Baken meet niets meer"},
        {"en": "The collector of Baken ({{ $labels.instance }}) has measured nothing for "
               "{{ $value | humanizeDuration }}: all its figures will be gone in a moment. Look whether it runs: "
               "`baken doctor`, and the log of its service.",
         "nl": "De collector van Baken ({{ $labels.instance }}) heeft al {{ $value | humanizeDuration }} niets "
               "gemeten: zo zijn al zijn cijfers weg. Kijk of hij draait: `baken doctor`, en het log van de dienst."},
    ),
    "BAKEN_SERIES_LEFT_OUT": (
        "{prefix}series_left_out > 0", "1h", "LOW",
        {"en": "Baken leaves out series of {{ $labels.metric }}",
         "nl": "Baken laat reeksen van {{ $labels.metric }} weg"},
        {"en": "{{ $value }} series of {{ $labels.metric }} {{ with $labels.site }}of {{ . }} {{ end }}are not given "
               "to Prometheus: there are more than exporters.prometheus.most_series allows.",
         "nl": "{{ $value }} reeksen van {{ $labels.metric }} {{ with $labels.site }}van {{ . }} {{ end }}gaan niet "
               "naar Prometheus: het zijn er meer dan exporters.prometheus.most_series toelaat."},
    ),
}  # fmt: skip
"""What only Prometheus can see: expression, for how long, how bad, summary and description."""


def _itself(wishes: Wishes) -> Iterable[dict[str, Any]]:
    for name, (expression, hold, severity, summary, description) in _ITSELF.items():
        yield {
            "alert": name,
            "expr": expression.format(job=promql.quoted(wishes.job), prefix=PREFIX),
            "for": hold,
            "labels": _labels(severity, "monitor"),
            "annotations": {"summary": summary[wishes.language], "description": description[wishes.language]},
        }


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, which people read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)

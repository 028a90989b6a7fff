"""The panels of metrics and of the overview's cards, made from the catalogue and the limits of the rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from baken.alerts.rule import Rule
from baken.exporters import grafana_fields, grafana_queries
from baken.exporters.grafana_fields import Line
from baken.exporters.grafana_panels import Field, Query, Section, chart, link, panel_link, stat, states
from baken.exporters.grafana_queries import course, has_site, legend, selector
from baken.exporters.grafana_words import WORDS, heading, part
from baken.exporters.names import SITE_LABEL
from baken.insights.overview import Card
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

_DOMAINS: Mapping[str, str] = {
    "erpnext": "compliance",
    "association": "compliance",
    "sepa": "compliance",
    "monitor": "fleet",
}
_ELSEWHERE = "performance"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """What all dashboards are made with: language, Baken's address ("": no links back), rules and their limits."""

    language: str
    base: str
    rules: tuple[Rule, ...]
    lines: Mapping[str, list[Line]]

    def say(self, key: str, **fields: str) -> str:
        """A text that is not the catalogue's."""
        return WORDS[self.language][key].format(**fields)

    def title(self, entry: Metric) -> str:
        """What a metric is called."""
        return entry.texts[self.language].title

    def help(self, entry: Metric) -> str:
        """What a metric means; without a full stop."""
        return entry.texts[self.language].help


def dashboard_of(entry: Metric) -> str:
    """The dashboard on which a metric stands: errors, performance, compliance or fleet."""
    if part(entry) == "frappe_errors":
        return "errors"
    return _DOMAINS.get(entry.domain, _ELSEWHERE)


def panels(desk: Desk, place_of: str, entry: Metric, *, many: bool = False) -> Iterable[Json]:
    """The panels of a metric: one with all its series, and one for each part that rules have a limit of its own for.

    `place_of` is the dashboard; `many`: of many sites the ten highest are shown.
    """
    limits = desk.lines.get(entry.name, [])
    yield _panel(desk, f"{place_of} {entry.name}", entry, (), [line for line in limits if not line.match], many=many)
    for match in dict.fromkeys(line.match for line in limits if line.match):
        mine = [line for line in limits if line.match in ((), match)]
        yield _panel(desk, f"{place_of} {entry.name} {match}", entry, match, mine, many=many)


def _panel(
    desk: Desk, key: str, entry: Metric, match: tuple[tuple[str, str], ...], limits: list[Line], *, many: bool
) -> Json:
    title, help = titled(desk, entry, match), f"{desk.help(entry)}."
    if limits and entry.unit != "bool":
        help = desk.say("limit.help", help=desk.help(entry)) + "."
    expr = course(entry, match)
    if many and has_site(entry):
        expr = f"topk(10, {expr})"
    field = figure_field(desk, entry, limits, dict(match))
    made = _drawn(key, title, help, Query(expr, legend(entry)), entry, field, limits=bool(limits))
    if desk.base:
        made["links"] = [panel_link(desk.say("to_baken"), explorer(desk, entry, dict(match)))]
    return made


def _drawn(key: str, title: str, help: str, query: Query, entry: Metric, field: Field, *, limits: bool) -> Json:
    if entry.unit == "bool":
        return states(key, title, help, [query], field)
    return chart(key, title, help, [query], field, limits=limits, stack=False)


def titled(desk: Desk, entry: Metric, match: Iterable[tuple[str, str]]) -> str:
    """What a metric is called, with what of it is meant: `Longest wait in queue: ≠ long`."""
    said = ", ".join(_spoken(*pair) for pair in match)
    return desk.say("limit", title=desk.title(entry), match=said) if said else desk.title(entry)


def _spoken(label: str, wanted: str) -> str:
    # Which label it is, the title has said; a number alone says nothing.
    value = wanted.lstrip("!~").replace("|", ", ")
    said = f"{label} {value}" if value.replace(".", "").isdigit() else value
    return f"≠ {said}" if wanted.startswith("!") else said


def figure_field(desk: Desk, entry: Metric, limits: Iterable[Line], labels: Mapping[str, str] | None = None) -> Field:
    """How a metric is shown: its unit, its colours by these limits, and the way back to Baken.

    `labels` are those of the figures that are shown, where they are not all of the metric.
    """
    per_second = entry.kind == "counter" and not grafana_queries.by_hour(entry)
    ratio = entry.unit == "ratio"
    return Field(
        unit=grafana_fields.unit(entry, desk.language, per_second=per_second),
        thresholds=grafana_fields.thresholds(limits, counts=grafana_fields.counts(entry)),
        mappings=grafana_fields.mappings(entry, (desk.say("no"), desk.say("yes"))),
        links=figure_links(desk, entry, labels or {}),
        low=0 if ratio else None,
        high=1 if ratio else None,
        decimals=0 if grafana_fields.counts(entry) and entry.kind == "gauge" else None,
    )


def figure_links(desk: Desk, entry: Metric, labels: Mapping[str, str]) -> list[Json]:
    """Where a click on a figure leads: the metric in Baken's Explorer, of that site, over the time that is shown."""
    if not desk.base:
        return []
    site = f"&site=${{__field.labels.{SITE_LABEL}}}" if has_site(entry) else ""
    span = "&from=${__from:date:iso}&to=${__to:date:iso}"
    return [link(desk.say("to_baken"), f"{explorer(desk, entry, labels)}{site}{span}")]


def explorer(desk: Desk, entry: Metric, labels: Mapping[str, str]) -> str:
    """The address of a metric in Baken's Explorer. Matchers that are no plain values are left out there."""
    plain = {name: value for name, value in labels.items() if value[:1] not in ("!", "~")}
    inner = ",".join(f"{name}={quote(value, safe='')}" for name, value in plain.items())
    shown = quote(f"{entry.name}{{{inner}}}" if inner else entry.name, safe="")
    return f"{desk.base}/monitoring_dashboard/explorer?m={shown}"


def by_part(desk: Desk, place_of: str, *, many: bool = False) -> Iterable[Section]:
    """A section for each module that measures what stands on this dashboard."""
    mine: dict[str, list[Json]] = {}
    for entry in catalogue.metrics():
        if dashboard_of(entry) == place_of:
            mine.setdefault(part(entry), []).extend(panels(desk, place_of, entry, many=many))
    for module, found in mine.items():
        yield Section(f"{place_of} {module}", heading(module, desk.language), found)


def metric_of(card: Card) -> Metric:
    """The metric of a card of Baken's overview."""
    entry = catalogue.get(card.metric)
    if entry is None:
        raise LookupError(f"the overview asks for {card.metric}, which is not in the catalogue")
    return entry


def card_query(card: Card, entry: Metric) -> Query:
    """What a card shows, a figure for each site."""
    inner = selector(entry, card.labels)
    kept = SITE_LABEL if has_site(entry) else "instance"
    return Query(f"{'max' if card.how == 'largest' else 'sum'} by ({kept}) ({inner})", f"{{{{{kept}}}}}")


def card_limits(desk: Desk, card: Card) -> list[Line]:
    """The limits that are about what a card shows."""
    match = tuple(sorted(card.labels.items()))
    return [line for line in desk.lines.get(card.metric, []) if line.match in ((), match)]


def card_title(desk: Desk, card: Card, entry: Metric) -> str:
    """What a card is called."""
    return titled(desk, entry, card.labels.items())


def card_panel(desk: Desk, card: Card) -> Json:
    """A card as a tile."""
    entry = metric_of(card)
    return stat(
        f"overview {card.key}",
        card_title(desk, card, entry),
        f"{desk.help(entry)}.",
        [card_query(card, entry)],
        figure_field(desk, entry, card_limits(desk, card), card.labels),
        good=card.good or entry.good,
        change=card.against != "none",
    )


def card_chart(desk: Desk, card: Card) -> Json:
    """A card over time."""
    entry, limits = metric_of(card), card_limits(desk, card)
    field = figure_field(desk, entry, limits, card.labels)
    title, help = card_title(desk, card, entry), f"{desk.help(entry)}."
    key = f"overview {card.key} course"
    return _drawn(key, title, help, card_query(card, entry), entry, field, limits=bool(limits))

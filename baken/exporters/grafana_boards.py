"""What stands on each of Grafana's dashboards, from top to bottom."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from baken.alerts.kinds.ratio import Ratio
from baken.alerts.rule import AREAS, SEVERITIES, Rule
from baken.exporters import grafana_fields, grafana_queries
from baken.exporters.grafana_fields import COLOURS, Line
from baken.exporters.grafana_metrics import (
    Desk,
    by_part,
    card_chart,
    card_limits,
    card_panel,
    card_query,
    card_title,
    dashboard_of,
    figure_field,
    figure_links,
    metric_of,
    panels,
    titled,
)
from baken.exporters.grafana_panels import Field, Query, Section, bars, chart, link, override, stat, table
from baken.exporters.grafana_queries import SITE, SITE_OR_HOST, course, legend, quoted, selector
from baken.exporters.names import SITE_LABEL, exported, exported_label
from baken.insights.overview import GROUPS, Card
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric

ALERTS = "baken_alerts"
"""The number of open alerts by site, rule, severity, area and status."""

_AREAS: Mapping[str, tuple[str, ...]] = {
    "errors": ("errors",),
    "performance": ("performance", "operations"),
    "compliance": ("sepa", "business", "data_quality"),
    "fleet": AREAS,
}
_FLEET = ("members", "overdue", "success", "errors", "response", "queue", "backup")

Json = dict[str, Any]


def _alert_selector(areas: Iterable[str] = ()) -> str:
    about = f", area=~{quoted('|'.join(areas))}" if areas else ""
    return f"{ALERTS}{{{SITE_OR_HOST}{about}}}"


def _alert_count(desk: Desk, key: str, areas: tuple[str, ...] = ()) -> Json:
    # None is a figure only while somebody measures: a Baken that is silent is not without alerts.
    measured = f"count({exported('monitor_collect_seconds')}{{{SITE}}})"
    expr = f"sum({_alert_selector(areas)}) or 0 * {measured}"
    steps = [{"color": "green", "value": None}, {"color": "orange", "value": 1}]
    links = [link(desk.say("to_baken"), f"{desk.base}/monitoring_dashboard/alerts")] if desk.base else []
    field = Field("locale", {"mode": "absolute", "steps": steps}, links=links, decimals=0)
    return stat(key, desk.say("alerts.open"), f"{desk.say('alerts.open.help')}.", [Query(expr)], field, filled=True)


def _alert_course(desk: Desk, key: str, areas: tuple[str, ...] = (), by: str = "severity") -> Json:
    field = Field("locale", {"mode": "absolute", "steps": [{"color": "text", "value": None}]}, decimals=0)
    about = "alerts.severity" if by == "severity" else "alerts.of"
    query = Query(f"sum by ({by}) ({_alert_selector(areas)})", f"{{{{{by}}}}}")
    made = chart(key, desk.say(about), f"{desk.say(f'{about}.help')}.", [query], field, limits=False, stack=True)
    if by == "severity":
        made["fieldConfig"]["overrides"] = [
            override(severity, ("color", {"mode": "fixed", "fixedColor": colour}))
            for severity, colour in COLOURS.items()
        ]
    return made


def _alert_list(desk: Desk) -> Json:
    columns = (SITE_LABEL, "rule", "severity", "area", "status")
    expr = f"sum by ({', '.join(columns)}) ({_alert_selector()}) > 0"
    ranks = {severity: str(place) for place, severity in enumerate(reversed(SEVERITIES), start=1)}
    for severity, rank in ranks.items():
        # A table sorts by what was measured, not by the word that is shown for it.
        expr = f'label_replace({expr}, "severity", "{rank}", "severity", "{severity}")'
    query = Query(expr, instant=True, table=True)
    names = {name: desk.say(f"column.{name}") for name in columns} | {"Value": desk.say("column.number")}
    grave = {
        "type": "value",
        "options": {
            rank: {"color": COLOURS[severity], "index": at, "text": severity}
            for at, (severity, rank) in enumerate(ranks.items())
        },
    }
    overrides = [override(names["severity"], ("mappings", [grave]), ("custom.cellOptions", {"type": "color-text"}))]
    if desk.base:
        url = f'{desk.base}/monitoring_dashboard/alerts?site=${{__data.fields["{names[SITE_LABEL]}"]}}'
        overrides.append(override(names["rule"], ("links", [link(desk.say("to_baken"), url)])))
    field = Field("locale", {"mode": "absolute", "steps": [{"color": "text", "value": None}]}, decimals=0)
    organize = {
        "id": "organize",
        "options": {
            "excludeByName": {"Time": True},
            "indexByName": {name: at for at, name in enumerate((*columns, "Value"))},
            "renameByName": names,
        },
    }
    return table(
        "alerts list",
        desk.say("alerts.list"),
        f"{desk.say('alerts.list.help')}.",
        [query],
        field,
        transformations=[organize],
        overrides=overrides,
        sort=(names["severity"], False),
    )


def _overview(desk: Desk) -> Iterable[Section]:
    yield Section("overview", "", [_alert_count(desk, "overview alerts"), *_cards(desk, "system")])
    alerts = [_alert_course(desk, "overview alerts course"), _alert_list(desk)]
    yield Section("overview alerts", desk.say("alerts"), alerts)
    for group in sorted(GROUPS, key=lambda name: name == "system"):
        tiles = [] if group == "system" else _cards(desk, group)
        courses = [card_chart(desk, card) for card in GROUPS[group]]
        yield Section(f"overview {group}", desk.say(f"group.{group}"), [*tiles, *courses])


def _cards(desk: Desk, group: str) -> list[Json]:
    return [card_panel(desk, card) for card in GROUPS[group]]


def _errors(desk: Desk) -> Iterable[Section]:
    about = _AREAS["errors"]
    day = next(card for card in GROUPS["system"] if card.key == "errors")
    entry = metric_of(day)
    now = card_query(day, entry)
    week = Query(now.expr.replace("})", "} offset 1w)"), f"{now.legend} {desk.say('before')}")
    against = chart(
        "errors week",
        desk.say("week"),
        f"{desk.say('week.help')}.",
        [now, week],
        figure_field(desk, entry, card_limits(desk, day)),
        limits=True,
        stack=False,
    )
    course_of = _alert_course(desk, "errors alerts course", about, "rule")
    yield Section("errors", "", [_alert_count(desk, "errors alerts", about), card_panel(desk, day), against, course_of])
    yield from by_part(desk, "errors")
    failing = [
        panel
        for each in catalogue.metrics("site")
        if "fail" in each.name and dashboard_of(each) != "errors"
        for panel in panels(desk, "errors", each)
    ]
    yield Section("errors failing", desk.say("failing"), failing)


def _performance(desk: Desk) -> Iterable[Section]:
    about = _AREAS["performance"]
    tiles = [card_panel(desk, card) for card in GROUPS["system"] if dashboard_of(metric_of(card)) == "performance"]
    opened = [_alert_count(desk, "performance alerts", about), *tiles]
    yield Section("performance", "", [*opened, _alert_course(desk, "performance alerts course", about, "rule")])
    trends = [
        _trend(desk, entry, matches[0])
        for entry in catalogue.metrics()
        if entry.kind == "gauge" and entry.unit in ("ratio", "seconds")
        # How fast and how full things are: what rules about performance judge.
        if (matches := sorted({line.match for line in desk.lines.get(entry.name, []) if line.area == "performance"}))
    ]
    yield Section("performance trends", desk.say("trends"), trends)
    yield from by_part(desk, "performance")


def _trend(desk: Desk, entry: Metric, match: tuple[tuple[str, str], ...]) -> Json:
    series = selector(entry, match)
    queries = [
        Query(f"avg_over_time({series}[1d])", legend(entry)),
        Query(f"avg_over_time({series}[1d] offset 1w)", f"{legend(entry)} {desk.say('before')}"),
    ]
    limits = [line for line in desk.lines[entry.name] if line.match in ((), match)]
    title = desk.say("trend", title=titled(desk, entry, match))
    help = f"{desk.say('trend.help', help=desk.help(entry))}."
    field = figure_field(desk, entry, limits, dict(match))
    return chart(f"performance trend {entry.name}", title, help, queries, field, limits=True, stack=False)


def _compliance(desk: Desk) -> Iterable[Section]:
    about = _AREAS["compliance"]
    tiles = [_alert_count(desk, "compliance alerts", about)]
    for entry in catalogue.metrics("site"):
        if dashboard_of(entry) != "compliance":
            continue
        limits = desk.lines.get(entry.name, [])
        if limits or entry.unit == "ratio":
            tiles += [_tile(desk, entry, match) for match in dict.fromkeys(line.match for line in limits)] or [
                _tile(desk, entry, ())
            ]
    tiles += [_share(desk, rule, tile=True) for rule in _shares(desk)]
    yield Section("compliance score", desk.say("score"), tiles)
    courses = [_alert_course(desk, "compliance alerts course", about, "rule")]
    courses += [_share(desk, rule, tile=False) for rule in _shares(desk)]
    yield Section("compliance", "", courses)
    yield from by_part(desk, "compliance")


def _tile(desk: Desk, entry: Metric, match: tuple[tuple[str, str], ...]) -> Json:
    limits = [line for line in desk.lines.get(entry.name, []) if line.match in ((), match)]
    title = titled(desk, entry, match)
    # A limit is about each label set: the worst of them decides.
    worst = "min" if entry.good == "up" else "max"
    query = Query(f"{worst} by ({SITE_LABEL}) ({course(entry, match)})", f"{{{{{SITE_LABEL}}}}}")
    field = figure_field(desk, entry, limits)
    return stat(
        f"compliance tile {entry.name} {match}", title, f"{desk.help(entry)}.", [query], field, filled=bool(limits)
    )


def _shares(desk: Desk) -> list[Rule]:
    return [
        rule
        for rule in desk.rules
        if rule.enabled
        and isinstance(rule.condition, Ratio)
        and dashboard_of(rule.condition.part.metric) == "compliance"
    ]


def _share(desk: Desk, rule: Rule, *, tile: bool) -> Json:
    condition = rule.condition
    if not isinstance(condition, Ratio):
        raise TypeError(f"rule {rule.name} is no share")
    entry = condition.part.metric
    limits = [Line(condition.limits.day, rule.severity, (), rule.area)]
    steps = grafana_fields.thresholds(limits, counts=False)
    field = Field("percentunit", steps, links=figure_links(desk, entry, {}), low=0, high=1)
    names = [SITE_LABEL, *(exported_label(label) for label in condition.part.by or ())]
    query = Query(grafana_queries.share(condition.part, condition.whole), " ".join(f"{{{{{name}}}}}" for name in names))
    title, help = rule.called[desk.language], f"{rule.reason[desk.language]}"
    if tile:
        return stat(f"compliance tile {rule.name}", title, help, [query], field, filled=True)
    return chart(f"compliance {rule.name}", title, help, [query], field, limits=True, stack=False)


def _fleet(desk: Desk) -> Iterable[Section]:
    everything = _AREAS["fleet"]
    cards = {card.key: card for group in GROUPS.values() for card in group}
    tiles = [_alert_count(desk, "fleet alerts", everything), *_site_counts(desk)]
    yield Section("fleet", "", [*tiles, _site_table(desk, [cards[key] for key in _FLEET])])
    worst = [_worst(desk, cards[key]) for key in ("errors", "response", "queue", "backup", "overdue")]
    yield Section(
        "fleet worst",
        desk.say("need"),
        [_alert_course(desk, "fleet alerts course"), *worst, _ages(desk), _left(desk)],
    )
    yield from by_part(desk, "fleet", many=True)


def _site_counts(desk: Desk) -> list[Json]:
    """How many sites are watched, and how many of them do not answer."""
    measured = f"count({exported('monitor_collect_seconds')}{{{SITE}}})"
    silent = f"count({exported('frappe_site_up')}{{{SITE}}} == 0)"
    watched = Field("locale", _steps("text", "text", 1), decimals=0)
    down = Field("locale", _steps("green", "red", 1), decimals=0)
    return [
        stat("fleet watched", desk.say("watched"), f"{desk.say('watched.help')}.", [Query(measured)], watched),
        stat(
            "fleet silent",
            desk.say("silent"),
            f"{desk.say('silent.help')}.",
            [Query(f"{silent} or 0 * {measured}")],
            down,
            filled=True,
        ),
    ]


def _worst(desk: Desk, card: Card) -> Json:
    entry = metric_of(card)
    query = card_query(card, entry)
    pick = "bottomk" if (card.good or entry.good) == "up" else "topk"
    asked = Query(f"sort_desc({pick}(10, {query.expr}))", query.legend, instant=True)
    title = desk.say("worst" if entry.good else "most", title=card_title(desk, card, entry))
    return bars(
        f"fleet worst {card.key}",
        title,
        f"{desk.help(entry)}.",
        [asked],
        figure_field(desk, entry, card_limits(desk, card)),
    )


def _ages(desk: Desk) -> Json:
    query = Query(f"topk(10, min by ({SITE_LABEL}) (baken_measured_age_seconds{{{SITE}}}))", f"{{{{{SITE_LABEL}}}}}")
    steps = [{"color": "green", "value": None}, {"color": "orange", "value": 900}]
    field = Field("s", {"mode": "absolute", "steps": steps})
    return chart("fleet ages", desk.say("age"), f"{desk.say('age.help')}.", [query], field, limits=False, stack=False)


def _left(desk: Desk) -> Json:
    query = Query(f"topk(10, baken_series_left_out{{{SITE}}})", f"{{{{{SITE_LABEL}}}}} {{{{metric}}}}")
    field = Field("locale", {"mode": "absolute", "steps": [{"color": "text", "value": None}]}, decimals=0)
    return chart(
        "fleet left out",
        desk.say("left_out"),
        f"{desk.say('left_out.help')}.",
        [query],
        field,
        limits=False,
        stack=False,
    )


def _site_table(desk: Desk, cards: list[Card]) -> Json:
    up = catalogue.get("frappe_site_up")
    if up is None:
        raise LookupError("the catalogue has no frappe_site_up")
    grave = f'{ALERTS}{{{SITE}, severity=~"HIGH|CRITICAL", status!="suppressed"}}'
    heads = {
        desk.title(up): (
            f"min by ({SITE_LABEL}) ({selector(up)})",
            figure_field(desk, up, desk.lines.get(up.name, [])),
        ),
        desk.say("column.grave"): (
            f"sum by ({SITE_LABEL}) ({grave})",
            Field("locale", _steps("text", "orange", 1), decimals=0),
        ),
    }
    for card in cards:
        entry = metric_of(card)
        heads[card_title(desk, card, entry)] = (
            card_query(card, entry).expr,
            figure_field(desk, entry, card_limits(desk, card)),
        )
    heads[desk.say("column.newest")] = (
        f"min by ({SITE_LABEL}) (baken_measured_age_seconds{{{SITE}}})",
        Field("s", _steps("text", "orange", 900)),
    )
    heads[desk.say("column.absent")] = (
        f"sum by ({SITE_LABEL}) (baken_absent{{{SITE}}})",
        Field("locale", _steps("text", "text", 1), decimals=0),
    )
    letters = [chr(ord("A") + at) for at in range(len(heads))]
    renamed = {SITE_LABEL: desk.say("column.site")}
    renamed |= {f"Value #{letter}": head for letter, head in zip(letters, heads, strict=True)}
    overrides = [
        override(
            head,
            ("unit", field.unit),
            ("thresholds", field.thresholds),
            ("mappings", list(field.mappings)),
            ("custom.cellOptions", {"type": "color-text"}),
            *((("decimals", field.decimals),) if field.decimals is not None else ()),
        )
        for head, (_, field) in heads.items()
    ]
    to = [
        link(desk.say("overview"), f"/d/baken-overview?var-{SITE_LABEL}=${{__value.raw}}&${{__url_time_range}}"),
        *([link(desk.say("to_baken"), f"{desk.base}/monitoring_dashboard?site=${{__value.raw}}")] if desk.base else []),
    ]
    overrides.append(override(renamed[SITE_LABEL], ("links", to)))
    organize = {
        "id": "organize",
        "options": {
            "excludeByName": {"Time": True},
            "indexByName": {name: at for at, name in enumerate(renamed)},
            "renameByName": renamed,
        },
    }
    return table(
        "fleet sites",
        desk.say("sites"),
        f"{desk.say('sites.help')}.",
        [Query(expr, instant=True, table=True) for expr, _ in heads.values()],
        Field("none", _steps("text", "text", 1)),
        transformations=[{"id": "merge", "options": {}}, organize],
        overrides=overrides,
        sort=(desk.say("column.grave"), True),
    )


def _steps(below: str, above: str, edge: float) -> Json:
    return {"mode": "absolute", "steps": [{"color": below, "value": None}, {"color": above, "value": edge}]}


BOARDS: Mapping[str, Callable[[Desk], Iterable[Section]]] = {
    "overview": _overview,
    "errors": _errors,
    "performance": _performance,
    "compliance": _compliance,
    "fleet": _fleet,
}
"""The dashboards by name, in the order in which they are listed."""

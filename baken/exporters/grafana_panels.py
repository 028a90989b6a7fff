"""Panels of a Grafana dashboard, and how they lie side by side.

A panel is a mapping as Grafana's dashboards have it (classic schema). `place` gives the panels of sections their places
on Grafana's grid of 24 columns, which a telephone shows as one.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24

_ROW = 1
_STRIP = 4
_STATES = 6
_CHART = 8


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. `instant`: the present figure only, as a row of a table where `table` is set."""

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """How figures are shown.

    Attributes:
        unit: Grafana's.
        thresholds: steps of colours.
        mappings: words for values.
        links: where a click on a figure leads.
        low, high: the ends of the axis, where they are fixed.
        decimals: how many; None: as many as it takes.
    """

    unit: str
    thresholds: Json
    mappings: Sequence[Json] = ()
    links: Sequence[Json] = ()
    low: float | None = None
    high: float | None = None
    decimals: int | None = None

    def defaults(self, custom: Mapping[str, Any] | None = None, mode: str = "thresholds") -> Json:
        """The part `fieldConfig.defaults`."""
        found: Json = {
            "color": {"mode": mode},
            "links": list(self.links),
            "mappings": list(self.mappings),
            "thresholds": self.thresholds,
            "unit": self.unit,
        }
        ends = {"min": self.low, "max": self.high, "decimals": self.decimals}
        found |= {name: value for name, value in ends.items() if value is not None}
        if custom is not None:
            found["custom"] = dict(custom)
        return found


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it; without a title there is no heading. `key` tells it from others for ever."""

    key: str
    title: str
    panels: Sequence[Json]


def chart(
    key: str, title: str, help: str, queries: Iterable[Query], field: Field, *, limits: bool, stack: bool
) -> Json:
    """Figures over time. `limits`: the thresholds are those of rules, and drawn as lines."""
    custom: Json = {
        "axisSoftMin": 0,
        "drawStyle": "line",
        "fillOpacity": 25 if stack else 8,
        "lineInterpolation": "linear",
        "lineWidth": 1 if stack else 2,
        "showPoints": "auto",
        # A figure that is measured seldom is joined; a whole day without is a gap.
        "spanNulls": 86_400_000,
        "stacking": {"mode": "normal" if stack else "none"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }
    options = {
        "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = field.defaults(custom, "palette-classic")
    return _panel(key, "timeseries", title, help, queries, defaults, options, _CHART)


def states(key: str, title: str, help: str, queries: Iterable[Query], field: Field) -> Json:
    """Figures that are 0 or 1 over time, as bars with words."""
    options = {
        "alignValue": "left",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    defaults = field.defaults({"fillOpacity": 70, "lineWidth": 0})
    return _panel(key, "state-timeline", title, help, queries, defaults, options, _STATES)


def stat(
    key: str,
    title: str,
    help: str,
    queries: Iterable[Query],
    field: Field,
    *,
    good: Literal["up", "down"] | None = None,
    change: bool = False,
    filled: bool = False,
) -> Json:
    """One large figure with its course behind it.

    `change`: also by how much it changed over the time that is shown, in the colour of the direction that is welcome.
    `filled`: the whole tile has the colour of the figure.
    """
    asked = list(queries)
    options = {
        "colorMode": "background" if filled else "value",
        "graphMode": "none" if asked[0].instant else "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": {"up": "standard", "down": "inverted", None: "same_as_value"}[good],
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showPercentChange": change,
        "textMode": "auto",
        "wideLayout": True,
    }
    return _panel(key, "stat", title, help, asked, field.defaults(), options, _STRIP)


def bars(key: str, title: str, help: str, queries: Iterable[Query], field: Field) -> Json:
    """Present figures as bars below each other, each with its name."""
    options = {
        "displayMode": "basic",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "maxVizHeight": 32,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "color",
    }
    return _panel(key, "bargauge", title, help, queries, field.defaults(), options, _CHART)


def table(
    key: str,
    title: str,
    help: str,
    queries: Iterable[Query],
    field: Field,
    *,
    transformations: Sequence[Json],
    overrides: Sequence[Json] = (),
    sort: tuple[str, bool] | None = None,
) -> Json:
    """Rows of a table. `sort` is a column, and whether the largest comes first."""
    options: Json = {"cellHeight": "sm", "frameIndex": 0, "showHeader": True}
    if sort is not None:
        options["sortBy"] = [{"displayName": sort[0], "desc": sort[1]}]
    defaults = field.defaults({"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False})
    made = _panel(key, "table", title, help, queries, defaults, options, _CHART + 2)
    made["fieldConfig"]["overrides"] = list(overrides)
    made["transformations"] = list(transformations)
    return made


def override(field: str, *properties: tuple[str, Any]) -> Json:
    """What is different about one field, by its name."""
    return {
        "matcher": {"id": "byName", "options": field},
        "properties": [{"id": name, "value": value} for name, value in properties],
    }


def link(title: str, url: str) -> Json:
    """Where a click on a figure leads, in a tab of its own."""
    return {"targetBlank": True, "title": title, "url": url}


def panel_link(title: str, url: str) -> Json:
    """Where the sign in a panel's corner leads."""
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": False,
        "keepTime": False,
        "tags": [],
        "targetBlank": True,
        "title": title,
        "tooltip": "",
        "type": "link",
        "url": url,
    }


def place(sections: Iterable[Section]) -> list[Json]:
    """The panels with their places: small ones four to six in a line, charts two or three; no line has a gap."""
    found: list[Json] = []
    top = 0
    for section in sections:
        if not section.panels:
            continue
        if section.title:
            found.append(_heading(section, top))
            top += _ROW
        for line in _lines(section.panels):
            height = max(panel["gridPos"]["h"] for panel in line)
            width, more = divmod(COLUMNS, len(line))
            left = 0
            for at, panel in enumerate(line):
                wide = width + (at < more)
                found.append({**panel, "gridPos": {"h": height, "w": wide, "x": left, "y": top}})
                left += wide
            top += height
    return found


def _lines(panels: Sequence[Json]) -> Iterable[list[Json]]:
    """Panels of a height side by side, in their order: the small ones first."""
    by_height: dict[int, list[Json]] = {}
    for panel in panels:
        by_height.setdefault(panel["gridPos"]["h"], []).append(panel)
    for height, some in sorted(by_height.items()):
        most = 6 if height == _STRIP else 3 if height <= _CHART else 1
        lines = -(-len(some) // most)
        size, more = divmod(len(some), lines)
        start = 0
        for at in range(lines):
            end = start + size + (at < more)
            yield some[start:end]
            start = end


def _heading(section: Section, top: int) -> Json:
    return {
        "collapsed": False,
        "gridPos": {"h": _ROW, "w": COLUMNS, "x": 0, "y": top},
        "id": number(f"row {section.key}"),
        "panels": [],
        "title": section.title,
        "type": "row",
    }


def number(key: str) -> int:
    """The number of a panel: the same for the same key, whatever comes beside it, so that links to it stay good."""
    return zlib.crc32(key.encode()) % 2_000_000_000 + 1


def _panel(
    key: str, kind: str, title: str, help: str, queries: Iterable[Query], defaults: Json, options: Json, height: int
) -> Json:
    return {
        "datasource": DATASOURCE,
        "description": help,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "gridPos": {"h": height, "w": COLUMNS, "x": 0, "y": 0},
        "id": number(key),
        "options": options,
        "targets": [_target(query, at) for at, query in enumerate(queries)],
        "title": title,
        "type": kind,
    }


def _target(query: Query, at: int) -> Json:
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "format": "table" if query.table else "time_series",
        "instant": query.instant,
        "legendFormat": query.legend or "__auto",
        "range": not query.instant,
        "refId": chr(ord("A") + at),
    }

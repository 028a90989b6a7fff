"""Grafana dashboards and their provisioning, made from the catalogue and the rules.

Every metric stands on the dashboard of its domain; a new one comes by itself. The dashboards have Grafana's classic
schema, which 11, 12 and 13 load, and read a Prometheus that has what `/metrics` or remote write gives out. Numbers of
panels and names of dashboards stay the same from one version to the next, so that links to them stay good.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from baken.alerts.rule import SEVERITIES, Rule
from baken.exporters import grafana_fields
from baken.exporters.grafana_boards import ALERTS, BOARDS
from baken.exporters.grafana_fields import COLOURS
from baken.exporters.grafana_metrics import Desk
from baken.exporters.grafana_panels import DATASOURCE, panel_link, place
from baken.exporters.grafana_queries import SITE_OR_HOST
from baken.exporters.names import SITE_LABEL, exported

SCHEMA_VERSION = 39
"""Grafana 11's: it takes no newer one, and newer Grafanas bring an older one up to date themselves."""

DATASOURCE_UID, DATASOURCE_NAME = "baken-prometheus", "Baken (Prometheus)"
FOLDER = "Baken"


Json = dict[str, Any]


class BadAddress(ValueError):
    """An address cannot be used; the text says why."""


def dashboards(rules: Iterable[Rule], language: str = "en", public_url: str = "") -> dict[str, Json]:
    """All dashboards by their uid.

    Args:
        rules: those whose limits are drawn.
        language: "en" or "nl".
        public_url: Baken's address as people reach it, for the links back; empty: no such links.

    Raises:
        BadAddress: `public_url` is no address of a page.
    """
    base = public_url.rstrip("/")
    if base and (urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).hostname):
        raise BadAddress(f"{public_url!r} is no address; write it as https://baken.example.org")
    kept = tuple(rules)
    desk = Desk(language, base, kept, grafana_fields.lines(kept))
    return {f"baken-{name}": _dashboard(desk, name, place(make(desk))) for name, make in BOARDS.items()}


def write_dashboards(folder: Path, found: Mapping[str, Json]) -> list[Path]:
    """Write each dashboard into a file of its own and return the files. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for uid, dashboard in found.items():
        file = folder / f"{uid}.json"
        file.write_text(json.dumps(dashboard, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        files.append(file)
    return files


def provisioning(prometheus: str, dashboards_path: str, every: str = "60s", alertmanager: str = "") -> dict[str, Json]:
    """What Grafana reads when it starts: files below its folder `provisioning`, by path.

    Args:
        prometheus: address of the Prometheus that has Baken's figures, as Grafana reaches it.
        dashboards_path: where Grafana finds the dashboards' files.
        every: how often Prometheus fetches.
        alertmanager: address of the Alertmanager that Baken tells; empty: none.

    Raises:
        BadAddress: one of the addresses is none.
    """
    for address in filter(None, (prometheus, alertmanager)):
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise BadAddress(f"{address!r} is no address; write it as http://prometheus:9090")
    sources: list[Json] = [
        {
            "name": DATASOURCE_NAME,
            "uid": DATASOURCE_UID,
            "type": "prometheus",
            "access": "proxy",
            "url": prometheus,
            "jsonData": {"httpMethod": "POST", "timeInterval": every, "manageAlerts": False},
        }
    ]
    if alertmanager:
        sources.append(
            {
                "name": "Baken (Alertmanager)",
                "uid": "baken-alertmanager",
                "type": "alertmanager",
                "access": "proxy",
                "url": alertmanager,
                "jsonData": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
            }
        )
    provider = {
        "name": FOLDER,
        "folder": FOLDER,
        "folderUid": "baken",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 60,
        "options": {"path": dashboards_path},
    }
    return {
        "datasources/baken.yaml": {"apiVersion": 1, "datasources": sources},
        "dashboards/baken.yaml": {"apiVersion": 1, "providers": [provider]},
    }


def write_provisioning(folder: Path, found: Mapping[str, Json]) -> list[Path]:
    """Write what `provisioning` gave below `folder`, and return the files. Raises OSError."""
    files = []
    for name, content in found.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        files.append(file)
    return files


def _dashboard(desk: Desk, name: str, panels: list[Json]) -> Json:
    links = [
        {
            **panel_link(desk.say("others"), ""),
            "asDropdown": True,
            "includeVars": True,
            "keepTime": True,
            "tags": ["baken"],
            "targetBlank": False,
            "type": "dashboards",
        }
    ]
    if desk.base:
        links.append(panel_link(desk.say("to_baken"), f"{desk.base}/monitoring_dashboard"))
    return {
        "annotations": {"list": [_built_in(), *(_annotation(desk, each) for each in reversed(SEVERITIES))]},
        "description": desk.say(f"{name}.help"),
        "editable": True,
        "graphTooltip": 1,
        "id": None,
        "links": links,
        "panels": panels,
        "refresh": "1m",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["baken"],
        "templating": {"list": _variables(desk, every_site=name == "fleet")},
        "time": {"from": "now-7d" if name in ("errors", "performance") else "now-24h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": desk.say(name),
        "uid": f"baken-{name}",
        "version": 1,
        "weekStart": "monday",
    }


def _built_in() -> Json:
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }


def _annotation(desk: Desk, severity: str) -> Json:
    # Moments side by side become one stretch, from the start of an alert to its end. Taking it up does not cut it: its
    # states are added up. What is silenced marks nothing.
    expr = f'sum by ({SITE_LABEL}, rule) ({ALERTS}{{{SITE_OR_HOST}, severity="{severity}", status!="suppressed"}}) > 0'
    title = f"{{{{rule}}}} {{{{{SITE_LABEL}}}}}"
    return {
        "datasource": DATASOURCE,
        "enable": severity in ("HIGH", "CRITICAL"),
        "expr": expr,
        "hide": False,
        "iconColor": COLOURS[severity],
        "name": desk.say("annotation", severity=severity),
        "step": "60s",
        "tagKeys": f"{SITE_LABEL},rule",
        "target": {"expr": expr, "interval": "60s", "refId": "Anno"},
        "textFormat": severity,
        "titleFormat": title,
        "useValueForTime": False,
    }


def _variables(desk: Desk, *, every_site: bool) -> list[Json]:
    source = {
        # The one that `provisioning` makes, where it is there; else Grafana takes another Prometheus.
        "current": {"text": DATASOURCE_NAME, "value": DATASOURCE_UID},
        "hide": 0,
        "includeAll": False,
        "label": desk.say("datasource"),
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "type": "datasource",
    }
    # Where a dashboard is about single sites it opens with the first one: of hundreds nobody can read the lines.
    site = _query_variable(desk, SITE_LABEL, _known_sites(), every=every_site, all_value=".+")
    instance = _query_variable(
        desk, "instance", f"label_values({exported('host_cpus')}, instance)", every=True, all_value=".*"
    )
    return [source, site, instance]


def _known_sites() -> str:
    # The second one comes by remote write too, the first also before anything was measured.
    return f'label_values({{__name__=~"baken_site_up|{exported("monitor_collect_seconds")}"}}, {SITE_LABEL})'


def _query_variable(desk: Desk, name: str, query: str, *, every: bool, all_value: str) -> Json:
    found: Json = {
        "datasource": DATASOURCE,
        "hide": 0,
        "includeAll": every,
        "label": desk.say(name),
        "multi": True,
        "name": name,
        "options": [],
        "query": {"query": query, "refId": "StandardVariableQuery"},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "type": "query",
    }
    if every:
        found |= {"allValue": all_value, "current": {"text": ["All"], "value": ["$__all"]}}
    return found

"""The templates for Zabbix, made from the catalogue and the rules: one for a site, one for this machine and Baken.

Each exists in two ways: trapper items that Baken fills (`trapper`), and one item that Zabbix fetches by HTTP with all
others depending on it (`http`). Names, keys and triggers are the same in both. Identifiers are made of names, so that
importing a newer file updates what an older one made.

Formats: https://www.zabbix.com/documentation/6.0/en/manual/xml_export_import/templates and the same page for 7.0.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from baken.alerts.rule import RANK, Rule
from baken.exporters import zabbix_items as items
from baken.exporters import zabbix_rules as rules
from baken.exporters.zabbix_pages import Board, pages
from baken.exporters.zabbix_rules import Trigger
from baken.metrics.catalogue import Metric

Version = Literal["6.0", "7.0"]
Way = Literal["trapper", "http"]
VERSIONS: tuple[Version, ...] = ("6.0", "7.0")
WAYS: tuple[Way, ...] = ("trapper", "http")

TEMPLATE_GROUP = "Templates/Baken"
HOST_GROUP = "Baken sites"
DOCUMENT = f"{items.PREFIX}document"
"""The item that Zabbix fetches in the HTTP way."""
METHOD = "verenigingen.monitoring.zabbix_integration.get_metrics_for_zabbix"

YES_NO = "Baken: yes or no"
_HISTORY, _TRENDS, _LIFETIME = "7d", "365d", "7d"
_DOMAINS: Mapping[str, str] = {
    "host": "Host",
    "database": "Database",
    "frappe": "Frappe",
    "erpnext": "ERPNext",
    "association": "Association",
    "sepa": "SEPA",
    "monitor": "Baken",
}
_COLOURS = ("1A7C11", "F63100", "2774A4", "A54F10", "FC6EA3", "6C59DC", "AC8C14", "611F27")
_MOST_LINES = len(_COLOURS)

Node = dict[str, Any]


def identifier(*names: str) -> str:
    """A UUID that is always the same for the same names, of the fourth version as Zabbix demands: 32 hex digits."""
    digits = hashlib.sha256("\0".join(names).encode()).hexdigest()
    return f"{digits[:12]}4{digits[13:16]}{'89ab'[int(digits[16], 16) % 4]}{digits[17:32]}"


def template_name(way: Way, *, host: bool) -> str:
    """What a template is called."""
    return f"Baken {'server' if host else 'site'} by {'HTTP' if way == 'http' else 'trapper'}"


def document(found: Sequence[Rule], *, version: Version, way: Way, night: str, url: str = "") -> Node:
    """The export: both templates of a way.

    Args:
        found: the rules.
        version: of Zabbix.
        way: how figures get there.
        night: `alerts.night`, when the night limits apply.
        url: address of Baken, for the macro; empty: to be filled in.
    """
    made = [_Template(found, version, way, night, url, host=host) for host in (False, True)]
    body: Node = {"version": version}
    group = {"uuid": identifier("group", TEMPLATE_GROUP), "name": TEMPLATE_GROUP}
    hosts = {"uuid": identifier("group", HOST_GROUP), "name": HOST_GROUP}
    if version == "6.0":
        body["groups"] = [hosts, group]
    else:
        body |= {"template_groups": [group], "host_groups": [hosts]}
    body["templates"] = [each.node() for each in made]
    body["graphs"] = [graph for each in made for graph in each.graphs()]
    return {"zabbix_export": body}


def text(node: Node) -> str:
    """An export as YAML."""
    import yaml

    found: str = yaml.dump(node, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=1000)
    return found


def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Indents lists, as Zabbix does, and repeats what is the same instead of pointing to it."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def written(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, written)
    return Dumper


@dataclass(frozen=True, slots=True)
class _Graph:
    """A graph: the metrics that it shows, of one unit and, where they are discovered, of one group."""

    name: str
    domain: str
    group: str
    metrics: tuple[Metric, ...]


class _Template:
    def __init__(self, found: Sequence[Rule], version: Version, way: Way, night: str, url: str, *, host: bool) -> None:
        self.name = template_name(way, host=host)
        self._version = version
        self._way = way
        self._url = url
        self._host = host
        self._metrics = items.metrics_of(host=host)
        self._triggers = rules.triggers(found, self.name, night, host=host)
        self._graphs = list(_graphs(self._metrics))

    def _id(self, *names: str) -> str:
        return identifier(self.name, *names)

    def node(self) -> Node:
        """The template."""
        what = "this machine and Baken itself, and the discovery of sites" if self._host else "one site"
        how = "Baken sends" if self._way == "trapper" else "Zabbix fetches from Baken by HTTP"
        board = Board(f"Baken: {'server' if self._host else 'site'}", self._version)
        return {
            "uuid": self._id("template"),
            "template": self.name,
            "name": self.name,
            "description": f"Figures of {what}, which {how}. Made by `baken export zabbix-template`: import it anew "
            "after an upgrade of Baken.",
            "groups": [{"name": TEMPLATE_GROUP}],
            "items": [*self._own_items(), *(self._item(entry) for entry in self._metrics if not entry.labels)],
            "discovery_rules": [*self._things(), self._of_rules(), *([self._of_sites()] if self._host else [])],
            "tags": [{"tag": rules.TAG, "value": "server" if self._host else "site"}],
            "macros": self._macros(),
            "dashboards": [
                {
                    "uuid": self._id("dashboard"),
                    "name": board.name,
                    "pages": pages(
                        board, self.name, [(_DOMAINS[g.domain], g.name, bool(g.group)) for g in self._graphs]
                    ),
                }
            ],
            "valuemaps": [
                {
                    "uuid": self._id("valuemap"),
                    "name": YES_NO,
                    "mappings": [{"value": "0", "newvalue": "no"}, {"value": "1", "newvalue": "yes"}],
                }
            ],
        }

    def graphs(self) -> list[Node]:
        """The graphs of what is not discovered."""
        return [self._graph(each) for each in self._graphs if not each.group]

    def _graph(self, graph: _Graph) -> Node:
        return {
            "uuid": self._id("graph", graph.name),
            "name": graph.name,
            "graph_items": [
                {
                    **({"sortorder": str(place)} if place else {}),
                    "color": colour,
                    "item": {"host": self.name, "key": items.prototype(entry)},
                }
                for place, (entry, colour) in enumerate(zip(graph.metrics, _COLOURS, strict=False))
            ],
        }

    def _macros(self) -> list[Node]:
        found = [
            {"macro": macro, "value": value, "description": said}
            for trigger in self._triggers
            for macro, value, said in trigger.macros
        ]
        if self._way == "http":
            found += [
                {
                    "macro": "{$BAKEN.URL}",
                    "value": self._url,
                    "description": "Address of Baken, without a / at its end",
                },
                {
                    "macro": "{$BAKEN.TOKEN}",
                    "type": "SECRET_TEXT",
                    "description": "KEY:SECRET of a user of a site who may see the dashboard",
                },
                {"macro": "{$BAKEN.SITE}", "value": "", "description": "The site; empty: that of the user"},
            ]
        if self._host:
            found.append(
                {"macro": "{$BAKEN.SILENT}", "value": "5m", "description": "So long nothing may come from Baken"}
            )
        return sorted(found, key=lambda each: each["macro"])

    # Items

    def _own_items(self) -> Iterator[Node]:
        """What is fetched by HTTP, and how many figures come at all."""
        if self._way == "http":
            yield {
                "uuid": self._id("item", DOCUMENT),
                "name": "Baken: all figures",
                "type": "HTTP_AGENT",
                "key": DOCUMENT,
                "delay": "1m",
                "history": "0",
                "trends": "0",
                "value_type": "TEXT",
                "description": "Everything else of this template is taken from it.",
                "timeout": "10s",
                "url": f"{{$BAKEN.URL}}/api/method/{METHOD}",
                "query_fields": [{"name": "site", "value": "{$BAKEN.SITE}"}],
                "follow_redirects": "NO",
                "headers": [
                    {"name": "Authorization", "value": "token {$BAKEN.TOKEN}"},
                    {"name": "Accept", "value": "application/json"},
                ],
                "verify_peer": "YES",
                "verify_host": "YES",
                "tags": [{"tag": "component", "value": "baken"}],
            }
        node: Node = {
            "uuid": self._id("item", items.KNOWN),
            "name": "Baken: figures known",
            "type": "TRAP" if self._way == "trapper" else "DEPENDENT",
            "key": items.KNOWN,
            "delay": "0",
            "history": _HISTORY,
            "trends": _TRENDS,
            "units": "!figures",
            "description": "How many last figures Baken has of it. Comes with every delivery.",
        }
        if self._way == "http":
            node |= {"preprocessing": [_taken("$.message.known")], "master_item": {"key": DOCUMENT}}
        node["tags"] = [{"tag": "component", "value": "baken"}]
        if self._host:
            node["triggers"] = [self._silence(items.KNOWN, "{$BAKEN.SILENT}", "Baken sends nothing")]
        yield node

    def _silence(self, key: str, age: str, name: str) -> Node:
        return {
            "uuid": self._id("trigger", name),
            "expression": f"nodata(/{self.name}/{key},{age})=1",
            "name": name,
            "priority": "HIGH",
            "description": "Nothing that Baken watches is known while this is so. Look whether Baken runs "
            "(`baken doctor`), and whether it reaches Zabbix.",
            "tags": [{"tag": "scope", "value": "availability"}],
        }

    def _item(self, entry: Metric) -> Node:
        key = items.prototype(entry)
        labels = ", ".join(items.macro(label) for label in entry.labels)
        node: Node = {
            "uuid": self._id("item", key),
            "name": f"{entry.title}: {labels}" if labels else entry.title,
            "type": "TRAP" if self._way == "trapper" else "DEPENDENT",
            "key": key,
            "delay": "0",
            "history": _HISTORY,
            "trends": _TRENDS,
            "value_type": "UNSIGNED" if entry.unit == "bool" else "FLOAT",
            **({"units": _unit(entry)} if _unit(entry) else {}),
            "description": entry.help + ".",
            **({"valuemap": {"name": YES_NO}} if entry.unit == "bool" else {}),
        }
        steps = self._steps(entry)
        if steps:
            node["preprocessing"] = steps
        if self._way == "http":
            node["master_item"] = {"key": DOCUMENT}
        node["tags"] = [{"tag": "component", "value": entry.domain}]
        own = [self._trigger(each) for each in self._triggers if each.metric is entry]
        if own:
            node["trigger_prototypes" if entry.labels else "triggers"] = own
        return node

    def _steps(self, entry: Metric) -> list[Node]:
        found: list[Node] = []
        if self._way == "http":
            found.append(_taken(_path(entry)))
        if entry.kind == "counter":
            found.append({"type": "CHANGE_PER_SECOND", "parameters": [""]})
        if entry.unit == "ratio":
            found.append({"type": "MULTIPLIER", "parameters": ["100"]})
        return found

    def _trigger(self, trigger: Trigger) -> Node:
        node: Node = {"uuid": self._id("trigger", trigger.rule.name), "expression": trigger.expression}
        if trigger.recovery:
            node |= {"recovery_mode": "RECOVERY_EXPRESSION", "recovery_expression": trigger.recovery}
        node |= {
            "name": trigger.name,
            "opdata": trigger.operational,
            "priority": trigger.priority,
            "description": trigger.description,
        }
        explained = rules.explained_by(trigger, self._triggers)
        if explained:
            node["dependencies"] = [
                {
                    "name": other.name,
                    "expression": other.expression,
                    **({"recovery_expression": other.recovery} if other.recovery else {}),
                }
                for other in explained
            ]
        node["tags"] = [{"tag": "rule", "value": trigger.rule.name}, {"tag": "scope", "value": trigger.rule.area}]
        return node

    # Discovery

    def _rule(self, of: str, key: str, name: str, description: str) -> Node:
        return {
            "uuid": self._id("discovery", key),
            "name": name,
            "type": "TRAP" if self._way == "trapper" else "DEPENDENT",
            "key": key,
            "delay": "0",
            "lifetime": _LIFETIME,
            **({"enabled_lifetime_type": "DISABLE_NEVER"} if self._version == "7.0" else {}),
            "description": description,
            **(
                {"preprocessing": [_taken(f"$.message.discovery.{of}")], "master_item": {"key": DOCUMENT}}
                if self._way == "http"
                else {}
            ),
        }

    def _things(self) -> Iterator[Node]:
        """The discovery rules of all metrics with labels."""
        labelled = sorted((entry for entry in self._metrics if entry.labels), key=items.group)
        for of, some in groupby(labelled, key=items.group):
            entries = list(some)
            title = items.THINGS.get(of, entries[0].title)
            said = "What there is of it is told by Baken."
            node = self._rule(of, items.discovery(of), f"Discovery: {title}", said)
            node["item_prototypes"] = [self._item(entry) for entry in entries]
            node["graph_prototypes"] = [self._graph(graph) for graph in self._graphs if graph.group == of]
            overrides = list(self._overrides(of))
            if overrides:
                node["overrides"] = overrides
            yield node

    def _overrides(self, of: str) -> Iterator[Node]:
        """For which rows a trigger is not made: a rule may be about some label sets only."""
        picky = (trigger for trigger in self._triggers if trigger.group == of and trigger.unless)
        for step, trigger in enumerate(picky, start=1):
            yield {
                "name": f"Not for {trigger.rule.name}",
                "step": str(step),
                "filter": {
                    **({"evaltype": "OR"} if len(trigger.unless) > 1 else {}),
                    "conditions": [
                        {
                            "macro": each.macro,
                            "value": each.expression,
                            **({} if each.matches else {"operator": "NOT_MATCHES_REGEX"}),
                            "formulaid": chr(ord("A") + place),
                        }
                        for place, each in enumerate(trigger.unless)
                    ],
                },
                # Zabbix compares with the name as it is once macros are put in.
                "operations": [
                    {
                        "operationobject": "TRIGGER_PROTOTYPE",
                        "operator": "REGEXP",
                        "value": f"^{re.escape(rules.called(trigger.rule))}: ",
                        "discover": "NO_DISCOVER",
                    }
                ],
            }

    def _of_rules(self) -> Node:
        """The rules that Baken judges: an item with the number of open alerts, and a trigger over it."""
        rule, called, severity = items.RULE_MACRO, items.CALLED_MACRO, items.SEVERITY_MACRO
        key = f"{items.ALERTS}[{rule}]"
        node = self._rule(
            "rules", items.RULES, "Discovery: rules that Baken judges", "Zabbix cannot judge them from figures alone."
        )
        item: Node = {
            "uuid": self._id("item", key),
            "name": f"Open alerts: {called}",
            "type": "TRAP" if self._way == "trapper" else "DEPENDENT",
            "key": key,
            "delay": "0",
            "history": _HISTORY,
            "trends": _TRENDS,
            "units": "!alerts",
            "description": f"Alerts of Baken's rule {rule} that are open and not held back.",
        }
        if self._way == "http":
            item["preprocessing"] = [_taken(f"$.message.alerts.{rule}")]
            item["master_item"] = {"key": DOCUMENT}
        item["tags"] = [{"tag": "component", "value": "alerts"}]
        item["trigger_prototypes"] = [
            {
                "uuid": self._id("trigger", "rules"),
                "expression": f"last(/{self.name}/{key})>0",
                "name": called,
                "opdata": "{ITEM.LASTVALUE1}",
                "priority": rules.PRIORITIES["MEDIUM"],
                "description": f"Baken's rule {rule}; Baken says more about it.",
                "tags": [{"tag": "rule", "value": rule}, {"tag": "scope", "value": "alerts"}],
            }
        ]
        node["item_prototypes"] = [item]
        node["overrides"] = [
            {
                "name": f"How bad: {each}",
                "step": str(step),
                "filter": {"conditions": [{"macro": severity, "value": f"^{each}$", "formulaid": "A"}]},
                "operations": [
                    {
                        "operationobject": "TRIGGER_PROTOTYPE",
                        "operator": "REGEXP",
                        "value": ".",
                        "severity": rules.PRIORITIES[each],
                    }
                ],
            }
            for step, each in enumerate(RANK, start=1)
        ]
        return node

    def _of_sites(self) -> Node:
        """The sites: each becomes a host with the template of a site."""
        node = self._rule("sites", items.SITES, "Discovery: sites", "Each site that Baken watches becomes a host.")
        node["host_prototypes"] = [
            {
                "uuid": self._id("host prototype"),
                "host": items.HOST_MACRO,
                "name": f"Baken: {items.SITE_MACRO}",
                "group_links": [{"group": {"name": HOST_GROUP}}],
                "templates": [{"name": template_name(self._way, host=False)}],
                **({"macros": [{"macro": "{$BAKEN.SITE}", "value": items.SITE_MACRO}]} if self._way == "http" else {}),
                "tags": [{"tag": "site", "value": items.SITE_MACRO}],
            }
        ]
        return node


def _taken(path: str) -> Node:
    """The step that takes a value out of the document; one that is not there leaves things as they are."""
    return {"type": "JSONPATH", "parameters": [path], "error_handler": "DISCARD_VALUE"}


def _path(entry: Metric) -> str:
    where = f"$.message.values.{entry.name}"
    if not entry.labels:
        return where
    return f"{where}[?(@.row == '{items.ROW_MACRO}')].value.first()"


def _unit(entry: Metric) -> str:
    """The unit as Zabbix shows it; after ! it puts no K and M before it."""
    if entry.kind == "counter":
        return {"bytes": "Bps", "seconds": ""}.get(entry.unit, f"!{entry.unit}/s")
    return {"seconds": "s", "bytes": "B", "ratio": "%", "bool": ""}.get(entry.unit, f"!{entry.unit}")


def _graphs(metrics: Iterable[Metric]) -> Iterator[_Graph]:
    """The graphs: what is of one domain, one group and one unit stands together."""

    def together(entry: Metric) -> tuple[str, str, str]:
        return entry.domain, items.group(entry), _unit(entry) if entry.unit != "bool" else "bool"

    kept: dict[tuple[str, str, str], list[Metric]] = {}
    for entry in metrics:
        kept.setdefault(together(entry), []).append(entry)
    for (domain, group, unit), some in kept.items():
        for start in range(0, len(some), _MOST_LINES):
            part = tuple(some[start : start + _MOST_LINES])
            macros = ", ".join(items.macro(label) for label in part[0].labels)
            what = part[0].title if len(part) == 1 else _words(unit)
            first = f"{_DOMAINS[domain]}: {what}" + (f" ({start // _MOST_LINES + 1})" if start else "")
            yield _Graph(f"{first}, {macros}" if macros else first, domain, group, part)


def _words(unit: str) -> str:
    return {"s": "times", "B": "bytes", "Bps": "bytes per second", "%": "shares", "bool": "yes or no", "": "rates"}.get(
        unit, unit.removeprefix("!").replace("/s", " per second")
    )

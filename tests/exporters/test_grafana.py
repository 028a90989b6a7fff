"""Grafana's dashboards: all of the catalogue, Grafana's own types, and every question answered by a real Prometheus."""

import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from baken.alerts import rulebook
from baken.alerts.rule import Rule
from baken.cli import app
from baken.exporters import grafana, grafana_fields
from baken.exporters.grafana_boards import BOARDS
from baken.exporters.grafana_metrics import dashboard_of
from baken.exporters.names import exported, exported_label
from baken.insights.overview import GROUPS
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric, Said, Scope
from tests.conftest import in_ci
from tests.server_prometheus import Prometheus
from tests.servers import ServerMissingError, program, running

FRONTEND = Path(__file__).parents[2] / "frontend"
TYPES = Path(__file__).with_name("grafana_types.ts")
SITES = ("een.example", "twee.example")
URL = "https://baken.example.org"

Json = dict[str, Any]


def rules() -> list[Rule]:
    return list(rulebook.read(None).rules.values())


@pytest.fixture(scope="module")
def dashboards() -> dict[str, Json]:
    return grafana.dashboards(rules(), "en", URL)


def panels(found: Mapping[str, Json], name: str = "") -> Iterator[Json]:
    for uid, dashboard in found.items():
        if uid.endswith(name):
            yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def questions(found: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Every expression, and where it stands."""
    for uid, dashboard in found.items():
        for panel in panels({uid: dashboard}):
            for target in panel["targets"]:
                yield f"{uid}: {panel['title']}", target["expr"]
        for each in dashboard["annotations"]["list"]:
            if "expr" in each:
                yield f"{uid}: {each['name']}", each["expr"]


def holds(expr: str, entry: Metric) -> bool:
    return re.search(rf"\b{exported(entry.name)}\b", expr) is not None


def test_every_metric_stands_on_the_dashboard_of_its_domain(dashboards: dict[str, Json]) -> None:
    for entry in catalogue.metrics():
        mine = [expr for where, expr in questions(dashboards) if where.startswith(f"baken-{dashboard_of(entry)}:")]
        assert any(holds(expr, entry) for expr in mine), entry.name
    assert set(dashboards) == {f"baken-{name}" for name in ("overview", "errors", "performance", "compliance", "fleet")}


@pytest.mark.parametrize("domain", [*catalogue.DOMAINS, "database_new"])
@pytest.mark.parametrize("unit", ["seconds", "bool", "members"])
def test_a_new_metric_comes_by_itself(domain: str, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(_subject: Any) -> Iterable[tuple[Any, ...]]:
        return []

    measure.__module__ = f"baken.metrics.{domain}"
    scopes: Mapping[str, Scope] = {"host": "host", "monitor": "monitor"}
    scope = scopes.get(domain, "site")
    model = catalogue.metrics()[0]
    said = MappingProxyType({"en": Said("Nieuw", "What is new"), "nl": Said("Nieuw", "Wat nieuw is")})
    entry = replace(model, name="something_new", unit=unit, labels=("job",), texts=said, scope=scope, measure=measure)
    known = [*catalogue.metrics(), entry]
    monkeypatch.setattr(catalogue, "metrics", lambda scope=None: [e for e in known if scope in (None, e.scope)])
    found = grafana.dashboards(rules(), "nl", URL)
    mine = [panel for panel in panels(found) if any(holds(each["expr"], entry) for each in panel["targets"])]
    assert len(mine) == 1
    assert (mine[0]["title"], mine[0]["description"]) == ("Nieuw", "Wat nieuw is.")
    assert "{{job_name}}" in mine[0]["targets"][0]["legendFormat"]


def test_what_stands_there_is_the_catalogues_in_both_languages() -> None:
    units = {"seconds": "s", "bytes": "bytes", "ratio": "percentunit", "EUR": "currencyEUR"}
    for language in ("en", "nl"):
        found = grafana.dashboards(rules(), language, URL)
        for entry in catalogue.metrics():
            mine = [
                panel
                for panel in panels(found, dashboard_of(entry))
                if panel["title"] == entry.texts[language].title and holds(panel["targets"][0]["expr"], entry)
            ]
            assert mine, (language, entry.name)
            panel = mine[0]
            assert panel["description"].startswith(entry.texts[language].help), entry.name
            defaults = panel["fieldConfig"]["defaults"]
            if entry.kind == "gauge" and entry.unit in units:
                assert defaults["unit"] == units[entry.unit], entry.name
            if entry.unit == "bool":
                words = [each["text"] for each in defaults["mappings"][0]["options"].values()]
                assert words == (["nee", "ja"] if language == "nl" else ["no", "yes"])
                assert panel["type"] in ("state-timeline", "stat")
            assert f"explorer?m={entry.name}" in defaults["links"][0]["url"]
    assert "Fouten" in json.dumps(found, ensure_ascii=False)


def test_limits_of_the_rules_are_drawn(dashboards: dict[str, Json]) -> None:
    def steps(title: str) -> list[tuple[str, float | None]]:
        panel = next(panel for panel in panels(dashboards) if panel["title"] == title and panel["type"] == "timeseries")
        assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "dashed"}
        return [(each["color"], each["value"]) for each in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]

    assert steps("Disk use") == [("green", None), ("orange", 0.9), ("red", 0.97)]
    # More than 20, and more than 50: whole jobs. Both rules look at it.
    assert steps("Jobs waiting") == [("green", None), ("yellow", 21), ("orange", 51)]
    assert steps("Certificate days left") == [("red", None), ("orange", 3), ("green", 14)]
    assert steps("Errors: 24h") == [("green", None), ("yellow", 51)]
    assert steps("Longest wait in queue: ≠ long") == [("green", None), ("orange", 900)]
    assert steps("Deadlocks") == [("green", None), ("yellow", 11)]
    off = [rule if rule.name != "HIGH_DISK" else replace(rule, enabled=False) for rule in rules()]
    dashboards = grafana.dashboards(off, "en", URL)
    assert steps("Disk use") == [("green", None), ("red", 0.97)]


@pytest.mark.parametrize("value", [-1, 0, 0.5, 1, 9, 10, 10.5, 11, 50, 51, 1000])
def test_a_colour_begins_where_the_rule_does(value: float) -> None:
    """Whatever a figure is, it is green exactly where no rule about it fires."""
    for name, some in grafana_fields.lines(rules()).items():
        entry = catalogue.get(name)
        assert entry is not None
        whole = grafana_fields.counts(entry)
        if whole and value != int(value):
            continue
        for match in {line.match for line in some}:
            mine = [line for line in some if line.match in ((), match)]
            steps = grafana_fields.thresholds(mine, counts=whole)["steps"]
            colour = [each["color"] for each in steps if each["value"] is None or value >= each["value"]][-1]
            fires = any(line.limit.holds(value) for line in mine)
            at_the_edge = not whole and any(line.limit.figure == value for line in mine)
            assert at_the_edge or (colour != "green") == fires, (name, value)


def test_places_have_no_gaps_and_numbers_stay(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        taken: dict[tuple[int, int], str] = {}
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids))
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert (x, y) not in taken, (panel["title"], taken[x, y])
                    taken[x, y] = panel["title"]
        bottom = max(y for _, y in taken) + 1
        assert len(taken) == 24 * bottom
    # One metric more moves panels down, and their numbers stay.
    fewer = grafana.dashboards([rule for rule in rules() if rule.name != "HIGH_DISK"], "nl", "")
    assert {panel["id"] for panel in panels(fewer)} == {panel["id"] for panel in panels(dashboards)}


def test_dashboards_lead_to_each_other_and_to_baken(dashboards: dict[str, Json]) -> None:
    for uid, dashboard in dashboards.items():
        assert dashboard["uid"] == uid
        assert dashboard["links"][0]["type"] == "dashboards"
        assert dashboard["links"][0]["tags"] == dashboard["tags"] == ["baken"]
        assert dashboard["links"][1]["url"] == f"{URL}/monitoring_dashboard"
        names = {each["name"]: each for each in dashboard["templating"]["list"]}
        assert list(names) == ["datasource", "site", "instance"]
        assert names["site"]["multi"] is True
        assert len([each for each in dashboard["annotations"]["list"] if each.get("expr")]) == 4
    card = next(panel for panel in panels(dashboards, "overview") if panel["title"] == "Errors: 24h")
    assert card["fieldConfig"]["defaults"]["links"][0]["url"] == (
        f"{URL}/monitoring_dashboard/explorer?m=frappe_errors%7Bwindow%3D24h%7D&site=${{__field.labels.site}}"
        "&from=${__from:date:iso}&to=${__to:date:iso}"
    )
    without = json.dumps(grafana.dashboards(rules(), "en", ""))
    assert "monitoring_dashboard" not in without
    for wrong in ("baken.example.org", "javascript:alert(1)", "https://"):
        with pytest.raises(grafana.BadAddress):
            grafana.dashboards(rules(), "en", wrong)


def test_provisioning_is_what_grafana_reads(tmp_path: Path) -> None:
    found = grafana.provisioning("http://prometheus:9090", "/var/lib/grafana/baken", alertmanager="http://am:9093")
    sources = found["datasources/baken.yaml"]["datasources"]
    assert [(each["type"], each["uid"], each["url"]) for each in sources] == [
        ("prometheus", "baken-prometheus", "http://prometheus:9090"),
        ("alertmanager", "baken-alertmanager", "http://am:9093"),
    ]
    provider = found["dashboards/baken.yaml"]["providers"][0]
    assert (provider["type"], provider["options"]) == ("file", {"path": "/var/lib/grafana/baken"})
    for wrong in ("prometheus:9090", "ftp://x", ""):
        with pytest.raises(grafana.BadAddress):
            grafana.provisioning(wrong or "x", "/x")
    written = grafana.write_provisioning(tmp_path, found)
    assert [yaml.safe_load(file.read_text()) for file in written] == list(found.values())


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BAKEN_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "baken.toml"
    config.write_text(f'data_dir = "{tmp_path}/data"\nlanguage = "nl"\n[alerts]\npublic_url = "{URL}/"\n')
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rules.toml").write_text("[HIGH_DISK]\nabove = 0.5\n")

    def run(*args: str) -> Any:
        return CliRunner().invoke(app, ["export", *args])

    done = run("grafana-dashboards", "--out", "made", "--config", str(config))
    assert done.exit_code == 0, done.output
    found = {file.stem: json.loads(file.read_text()) for file in (tmp_path / "made").iterdir()}
    assert found["baken-fleet"]["title"] == "Baken: alle sites"
    assert found["baken-fleet"]["links"][1]["url"] == f"{URL}/monitoring_dashboard"
    # The limits are those of this installation's rules.
    disk = next(panel for panel in panels(found, "performance") if panel["title"] == "Schijfgebruik")
    steps = disk["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [each["value"] for each in steps] == [None, 0.5, 0.97]
    done = run("grafana-provisioning", "--out", "provisioning", "--prometheus", "http://p:9090", "--dashboards", "/d")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "provisioning" / "dashboards" / "baken.yaml").is_file()
    assert run("grafana-provisioning", "--out", "x", "--prometheus", "p:9090").exit_code == 2
    assert run("grafana-dashboards", "--out", "x", "--language", "de").exit_code == 2
    config.write_text(config.read_text().replace(URL, "baken.example.org"))
    assert run("grafana-dashboards", "--out", "x", "--config", str(config)).exit_code == 1
    assert not (tmp_path / "x").exists()


# ---- against Grafana's published types


def typed(folder: Path, name: str, dashboard: Json) -> None:
    text = json.dumps(dashboard, indent=1)
    lines = [
        "import type { BakenDashboard } from './grafana_types'",
        "",
        f"export const d = ({text}) satisfies BakenDashboard",
    ]
    (folder / f"{name}.ts").write_text("\n".join(lines) + "\n")


def mistaken(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Dashboards with one mistake each."""

    def first(kind: str, changed: Json) -> Json:
        found: Json = next(panel for panel in changed["panels"] if panel["type"] == kind)
        return found

    changes: dict[str, Callable[[Json], Any]] = {
        "unknown_key": lambda d: d.update(refreshh="1m"),
        "wrong_type": lambda d: d.update(schemaVersion="39"),
        "panel_key": lambda d: first("stat", d).update(discription="x"),
        "panel_kind": lambda d: first("stat", d).update(type="stats"),
        "option_key": lambda d: first("timeseries", d)["options"]["legend"].update(showLegnd=True),
        "option_value": lambda d: first("stat", d)["options"].update(colorMode="backgrounds"),
        "option_missing": lambda d: first("table", d)["options"].pop("frameIndex"),
        "custom_key": lambda d: first("timeseries", d)["fieldConfig"]["defaults"]["custom"].update(lineWith=2),
        "custom_value": lambda d: first("timeseries", d)["fieldConfig"]["defaults"]["custom"].update(drawStyle="lines"),
        "threshold": lambda d: first("stat", d)["fieldConfig"]["defaults"]["thresholds"].update(mode="fixed"),
        "mapping": lambda d: first("stat", d)["fieldConfig"]["defaults"].update(mappings=[{"type": "values"}]),
        "place": lambda d: first("stat", d)["gridPos"].pop("w"),
        "query": lambda d: first("stat", d)["targets"][0].update(expr=1),
        "query_key": lambda d: first("stat", d)["targets"][0].update(instantly=True),
        "variable": lambda d: d["templating"]["list"][1].update(refresh=9),
        "variable_kind": lambda d: d["templating"]["list"][1].update(type="querry"),
        "link": lambda d: d["links"][0].update(type="dashboard"),
        "annotation": lambda d: d["annotations"]["list"][1].pop("iconColor"),
        "data_link": lambda d: first("stat", d)["fieldConfig"]["defaults"].update(links=[{"href": "x"}]),
    }
    for name, change in changes.items():
        changed = json.loads(json.dumps(dashboard))
        change(changed)
        yield name, changed


def test_grafanas_types_take_all_of_it_and_no_mistake(dashboards: dict[str, Json], tmp_path: Path) -> None:
    compiler = FRONTEND / "node_modules" / ".bin" / "tsc"
    if not compiler.exists() or not (FRONTEND / "node_modules" / "@grafana" / "schema").exists():
        if in_ci():
            pytest.fail("frontend/node_modules lacks TypeScript or @grafana/schema: run make setup")
        pytest.skip("frontend/node_modules is not there; run make setup")
    shutil.copy(TYPES, tmp_path / "grafana_types.ts")
    (tmp_path / "node_modules").symlink_to(FRONTEND / "node_modules")
    options = {
        "target": "ES2022", "module": "ESNext", "moduleResolution": "bundler", "strict": True, "noEmit": True,
        "skipLibCheck": True, "types": [], "exactOptionalPropertyTypes": True,
    }  # fmt: skip
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.ts"]}))
    for uid, dashboard in dashboards.items():
        typed(tmp_path, uid, dashboard)
    wrong = dict(mistaken(dashboards["baken-overview"]))
    for name, dashboard in wrong.items():
        typed(tmp_path, f"wrong_{name}", dashboard)
    done = subprocess.run([compiler, "-p", tmp_path], capture_output=True, text=True, cwd=tmp_path, check=False)
    told = {line.split("(")[0].removesuffix(".ts") for line in done.stdout.splitlines() if "error TS" in line}
    assert told == {f"wrong_{name}" for name in wrong}, done.stdout[:3000]


# ---- against a real Prometheus


def values(entry: Metric, label: str) -> set[str]:
    """Values of a label: those that rules and the overview ask for, and one more."""
    asked = {wanted for line in _lines(entry) for name, wanted in line if name == label}
    asked |= {card.labels[label] for group in GROUPS.values() for card in group if _is(card, entry, label)}
    plain = {text for wanted in asked for text in wanted.lstrip("!~").split("|")}
    return plain | {"andere"}


def _is(card: Any, entry: Metric, label: str) -> bool:
    return card.metric == entry.name and label in card.labels


def _lines(entry: Metric) -> Iterator[tuple[tuple[str, str], ...]]:
    for rule in rules():
        for source in (getattr(rule.condition, name, None) for name in ("source", "part", "whole")):
            if source is not None and source.metric.name == entry.name:
                yield tuple(source.match.items())


def series(entry: Metric) -> Iterator[str]:
    """The series of a metric, as Prometheus would have fetched them."""
    sets: list[dict[str, str]] = [{}]
    for label in entry.labels:
        sets = [{**one, exported_label(label): value} for one in sets for value in sorted(values(entry, label))]
    sites = [{"site": site} for site in SITES] if entry.scope in ("site", "run") else [{"instance": "baken:8800"}]
    for place in sites:
        for one in sets:
            inner = ",".join(f'{name}="{value}"' for name, value in {**place, **one}.items())
            yield f"{exported(entry.name)}{{{inner}}}"


OWN = (
    'baken_measured_age_seconds{{site="{site}",metric="frappe_errors"}}',
    'baken_absent{{site="{site}",metric="sepa_mandates"}}',
    'baken_series_left_out{{site="{site}",metric="frappe_queue_length"}}',
    'baken_site_up{{site="{site}"}}',
)


def exposition(now: int) -> str:
    """Figures of the last 70 minutes by the minute, and of a day, also a week ago, by the hour."""
    minutes = [now - 60 * minute for minute in range(70)]
    before = [now - 7 * 86400 - 60 * minute for minute in range(-5, 35)]
    hours = [now - day * 86400 - 3600 * hour for day in (0, 7) for hour in range(2, 26)]
    moments = sorted({*minutes, *before, *hours})
    lines: list[str] = []
    for entry in catalogue.metrics():
        lines.append(f"# TYPE {exported(entry.name)} unknown")
        for one in series(entry):
            step = 1.0 if entry.kind == "counter" else 0.0
            lines += [f"{one} {0.0 if entry.unit == 'bool' else at * step / 60 + 1} {at}" for at in moments]
    for own in OWN:
        lines.append(f"# TYPE {own.split('{')[0]} unknown")
        lines += [f"{own.format(site=site)} 1 {at}" for site in SITES for at in minutes[::-1]]
    lines.append("# TYPE baken_alerts unknown")
    for place in (f'site="{SITES[0]}",', ""):
        for area in ("errors", "sepa", "performance"):
            for severity in ("LOW", "MEDIUM", "HIGH", "CRITICAL"):
                inner = f'{place}rule="R_{area}",severity="{severity}",area="{area}",status="active"'
                lines += [f"baken_alerts{{{inner}}} 1 {at}" for at in minutes[30::-1]]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has all figures of two sites."""

    def make(folder: Path) -> Prometheus:
        server = Prometheus(folder)
        text = tmp_path_factory.mktemp("figures") / "figures.txt"
        text.write_text(exposition(int(time.time())))
        command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data")]
        subprocess.run(command, check=True, capture_output=True)
        return server

    try:
        with running(make) as server:
            yield server
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


def put_in(expr: str, site: str) -> str:
    """An expression as Grafana sends it."""
    for name, value in {"$__rate_interval": "4m", "$site": site, "$instance": ".*"}.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr


_client = httpx.Client(trust_env=False, timeout=60)


def ask(server: Prometheus, path: str, **params: str) -> list[Any]:
    answer = _client.get(f"{server.url}/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    found: list[Any] = data["result"] if isinstance(data, dict) else data
    return found


def test_prometheus_answers_every_question(dashboards: dict[str, Json], prometheus: Prometheus) -> None:
    several = "|".join(re.escape(site).replace("\\", "\\\\") for site in SITES)
    for where, expr in questions(dashboards):
        for site in (several, ".+"):
            assert ask(prometheus, "query", query=put_in(expr, site)), f"{where}: nothing for {expr}"
    # Over time, as charts ask; a question that is one for an instant is one for each of them.
    now = int(time.time())
    span = {"start": str(now - 1800), "end": str(now), "step": "60"}
    for where, expr in dict.fromkeys(questions(dashboards)):
        if not expr.startswith("sort_"):
            assert ask(prometheus, "query_range", query=put_in(expr, several), **span), where


def test_variables_know_the_sites_and_the_bakens(dashboards: dict[str, Json], prometheus: Prometheus) -> None:
    names = {each["name"]: each for each in dashboards["baken-fleet"]["templating"]["list"]}
    for name, expected in (("site", list(SITES)), ("instance", ["baken:8800"])):
        # As Grafana takes such a question apart.
        found = re.fullmatch(r"label_values\((.+),\s*([a-z]+)\)", names[name]["query"]["query"])
        assert found is not None
        assert ask(prometheus, f"label/{found[2]}/values", **{"match[]": found[1]}) == expected


def test_no_alerts_are_none_only_while_somebody_measures(dashboards: dict[str, Json], prometheus: Prometheus) -> None:
    tile = next(panel for panel in panels(dashboards, "compliance") if panel["title"] == "Open alerts")
    expr = tile["targets"][0]["expr"]

    def shown(site: str) -> list[float]:
        # The host's alerts belong to no site, and are everybody's.
        only = put_in(expr, site).replace(")|", ")")
        return [float(each["value"][1]) for each in ask(prometheus, "query", query=only)]

    assert shown(SITES[0]) == [4.0]
    assert shown(SITES[1]) == [0.0]
    assert shown("unknown.example") == []


def test_the_gravest_alert_comes_first(dashboards: dict[str, Json], prometheus: Prometheus) -> None:
    table = next(panel for panel in panels(dashboards, "overview") if panel["type"] == "table")
    words = table["fieldConfig"]["overrides"][0]["properties"][0]["value"][0]["options"]
    found = ask(prometheus, "query", query=put_in(table["targets"][0]["expr"], SITES[0]))
    ranks = sorted({each["metric"]["severity"] for each in found})
    assert [words[rank]["text"] for rank in ranks] == ["CRITICAL", "HIGH", "MEDIUM", "LOW"]
    assert table["options"]["sortBy"] == [{"desc": False, "displayName": "Severity"}]


def test_an_alert_is_one_stretch_from_start_to_end(dashboards: dict[str, Json], prometheus: Prometheus) -> None:
    """Grafana joins moments that are a step apart: half an hour of an alert is one stretch of 31 moments."""
    marked = next(each for each in dashboards["baken-overview"]["annotations"]["list"] if "HIGH" in each["name"])
    now = int(time.time()) // 60 * 60
    span = {"start": str(now - 3600), "end": str(now), "step": "60"}
    found = ask(prometheus, "query_range", query=put_in(marked["expr"], SITES[0]), **span)
    assert {each["metric"].get("rule") for each in found} == {"R_errors", "R_sepa", "R_performance"}
    for each in found:
        moments = [at for at, value in each["values"] if float(value) > 0]
        assert all(later - earlier == 60 for earlier, later in itertools.pairwise(moments))
        assert 29 <= len(moments) <= 37
    assert marked["target"]["expr"] == marked["expr"]
    assert list(BOARDS) == ["overview", "errors", "performance", "compliance", "fleet"]

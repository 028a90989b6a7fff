"""The files for Zabbix: what both versions demand, and that nothing in them points nowhere."""

import copy
import functools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner
from yaml import CSafeLoader

from baken import cli_export
from baken.alerts import rulebook
from baken.exporters import zabbix_items as items
from baken.exporters import zabbix_mediatype, zabbix_rules, zabbix_template
from baken.exporters.zabbix_template import Version, Way
from baken.metrics import catalogue
from tests.conftest import in_ci
from tests.servers import ServerMissingError, program

RULES = list(rulebook.read(None).rules.values())
NIGHT = "22:00-07:00"
BOTH = [(version, way) for version in zabbix_template.VERSIONS for way in zabbix_template.WAYS]


def made(version: Version, way: Way, rules: Any = RULES, night: str = NIGHT) -> dict[str, Any]:
    if rules is RULES and night == NIGHT:
        return copy.deepcopy(_of_all_rules(version, way))
    return _read(zabbix_template.document(rules, version=version, way=way, night=night))


@functools.cache
def _of_all_rules(version: Version, way: Way) -> dict[str, Any]:
    return _read(zabbix_template.document(RULES, version=version, way=way, night=NIGHT))


def _read(document: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(zabbix_template.text(document), Loader=CSafeLoader)["zabbix_export"]
    return found


def nodes(of: Any, key: str) -> Iterator[dict[str, Any]]:
    """All nodes in lists under `key`, however deep."""
    if isinstance(of, dict):
        for name, value in of.items():
            if name == key and isinstance(value, list):
                yield from value
            yield from nodes(value, key)
    elif isinstance(of, list):
        for each in of:
            yield from nodes(each, key)


def texts(of: Any) -> Iterator[str]:
    if isinstance(of, dict):
        for value in of.values():
            yield from texts(value)
    elif isinstance(of, list):
        for each in of:
            yield from texts(each)
    else:
        assert isinstance(of, str), "Zabbix takes texts only"
        yield of


def triggers(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [*nodes(template, "triggers"), *nodes(template, "trigger_prototypes")]


@pytest.mark.parametrize(("version", "way"), BOTH)
def test_identifiers_are_uuids_of_the_fourth_version_and_each_is_there_once(version: Version, way: Way) -> None:
    text = zabbix_template.text(zabbix_template.document(RULES, version=version, way=way, night=NIGHT))
    found = re.findall(r"uuid: '?([^'\n]*)", text)
    assert len(found) == len(set(found)) > 200
    for each in found:
        assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", each), each
    assert text == zabbix_template.text(zabbix_template.document(RULES, version=version, way=way, night=NIGHT))


@pytest.mark.parametrize("version", zabbix_template.VERSIONS)
def test_the_two_ways_have_nothing_in_common_but_their_groups(version: Version) -> None:
    found = [
        {each for template in made(version, way)["templates"] for each in re.findall(r"'uuid': '(\w+)'", str(template))}
        for way in zabbix_template.WAYS
    ]
    assert not found[0] & found[1]


@pytest.mark.parametrize(("version", "way"), BOTH)
def test_every_metric_has_its_item(version: Version, way: Way) -> None:
    site, server = made(version, way)["templates"]
    for template, host in ((site, False), (server, True)):
        keys = [each["key"] for kind in ("items", "item_prototypes") for each in nodes(template, kind)]
        assert len(keys) == len(set(keys))
        assert set(keys) >= {items.prototype(entry) for entry in items.metrics_of(host=host)}
        for kind in ("items", "item_prototypes", "discovery_rules"):
            for each in nodes(template, kind):
                assert len(each["name"]) <= 255 - items.MOST_PARAMETER
                fetched = each["key"] == zabbix_template.DOCUMENT
                assert each["type"] == ("TRAP" if way == "trapper" else "HTTP_AGENT" if fetched else "DEPENDENT")
                assert fetched or ("master_item" in each) == (way == "http")
    assert len(catalogue.metrics()) == len(items.metrics_of(host=True)) + len(items.metrics_of(host=False))


@pytest.mark.parametrize(("version", "way"), BOTH)
def test_nothing_points_nowhere(version: Version, way: Way) -> None:
    found = made(version, way)
    list(texts(found))
    own = {each["name"]: each for each in found["templates"]}
    for template in found["templates"]:
        keys = {each["key"] for kind in ("items", "item_prototypes") for each in nodes(template, kind)}
        macros = {each["macro"] for each in template["macros"]}
        known = {(each["name"], each["expression"]) for each in triggers(template)}
        prototypes = {each["name"] for each in nodes(template, "trigger_prototypes")}
        assert len(known) == len(triggers(template))
        for each in triggers(template):
            for text in (each["expression"], each.get("recovery_expression", "")):
                for host, key in re.findall(r"/([^/]+)/(baken\.[a-z_]+(?:\[[^\]]*\])?)", text):
                    assert (host, key in keys) == (template["name"], True), text
                for macro in re.findall(r"\{\$([A-Z0-9_.]+)", text):
                    assert f"{{${macro}}}" in macros, text
            assert bool(each.get("recovery_expression")) == (each.get("recovery_mode") == "RECOVERY_EXPRESSION")
            for other in each.get("dependencies", ()):
                assert (other["name"], other["expression"]) in known
                # Zabbix lets no trigger depend on the prototype of one.
                assert each["name"] in prototypes or other["name"] not in prototypes
        graphs = {each["name"] for each in nodes(template, "graph_prototypes")}
        graphs |= {each["name"] for each in found["graphs"]}
        for field in nodes(template["dashboards"], "fields"):
            if field["type"].startswith("GRAPH"):
                assert field["value"]["name"] in graphs
        for prototype in nodes(template, "host_prototypes"):
            assert prototype["templates"][0]["name"] in own
    for graph in (*found["graphs"], *nodes(found, "graph_prototypes")):
        for each in graph["graph_items"]:
            keys = {
                one["key"] for kind in ("items", "item_prototypes") for one in nodes(own[each["item"]["host"]], kind)
            }
            assert each["item"]["key"] in keys


def test_what_the_versions_have_of_their_own() -> None:
    old, new = made("6.0", "trapper"), made("7.0", "trapper")
    assert old["version"] == "6.0"
    assert {"groups"} == {name for name in old if "group" in name}
    assert {"template_groups", "host_groups"} == {name for name in new if "group" in name}
    widgets = {version: [*nodes(of, "widgets")] for version, of in (("6.0", old), ("7.0", new))}
    assert {each["type"] for each in widgets["6.0"]} == {"GRAPH_CLASSIC", "GRAPH_PROTOTYPE"}
    assert {each["type"] for each in widgets["7.0"]} == {"graph", "graphprototype"}
    for version, columns in (("6.0", 24), ("7.0", 72)):
        for each in widgets[version]:
            assert int(each.get("x", 0)) + int(each["width"]) <= columns
            assert int(each.get("y", 0)) + int(each["height"]) <= 64
    for page in nodes(new, "pages"):
        references = [field["value"] for field in nodes(page, "fields") if field["name"] == "reference"]
        assert len(references) == len(set(references)) == len(page["widgets"])


def test_the_limits_of_rules_are_macros_in_the_unit_of_the_item() -> None:
    site, server = made("6.0", "trapper")["templates"]
    macros = {each["macro"]: each["value"] for each in (*site["macros"], *server["macros"])}
    assert macros["{$BAKEN.HIGH_ERROR_RATE}"] == "10"
    assert macros["{$BAKEN.HIGH_ERROR_RATE.RECOVER}"] == "7"
    # Shares are shown in percent.
    assert (macros["{$BAKEN.HIGH_CPU}"], macros["{$BAKEN.HIGH_CPU.NIGHT}"]) == ("80", "95")


def expression(rule: str, night: str = NIGHT) -> tuple[str, str]:
    found = [
        each
        for host in (False, True)
        for each in zabbix_rules.triggers(RULES, "T", night, host=host)
        if each.rule.name == rule
    ]
    return found[0].expression, found[0].recovery


def test_rules_as_expressions() -> None:
    assert expression("SITE_DOWN") == (
        "max(/T/baken.frappe_site_up,2m)<{$BAKEN.SITE_DOWN}",
        "min(/T/baken.frappe_site_up,2m)>={$BAKEN.SITE_DOWN}",
    )
    # Measured every hour: within an hour there may be one value or none.
    assert expression("BACKUP_MISSING")[0].startswith("min(/T/baken.frappe_backup_age_seconds,#2)>")
    assert expression("DEADLOCK_STORM")[0] == ("avg(/T/baken.database_deadlocks_total,1h)*3600>{$BAKEN.DEADLOCK_STORM}")
    night, _ = expression("LONG_TRANSACTION")
    assert night == (
        "(((time()>=220000) or (time()<070000))=0 and "
        "min(/T/baken.database_longest_transaction_seconds,2m)>{$BAKEN.LONG_TRANSACTION}) or "
        "(((time()>=220000) or (time()<070000))=1 and "
        "min(/T/baken.database_longest_transaction_seconds,2m)>{$BAKEN.LONG_TRANSACTION.NIGHT})"
    )
    weekend, _ = expression("LONG_TRANSACTION", "sat-sun 00:00-24:00")
    assert "(((dayofweek()=6 or dayofweek()=7)))=1" in weekend
    always, _ = expression("LONG_TRANSACTION", "")
    assert "(1=1)=1" in always


def test_each_rule_is_judged_by_one_of_both() -> None:
    there = {each.rule.name for host in (False, True) for each in zabbix_rules.triggers(RULES, "T", NIGHT, host=host)}
    here = {row["{#RULE}"] for host in (False, True) for row in zabbix_rules.rows(RULES, host=host)}
    assert not there & here
    assert there | here == {rule.name for rule in RULES if rule.enabled}
    assert {"NEW_ERROR_PATTERN", "SITE_AVAILABILITY_BUDGET", "PAYMENT_FAILURES", "MANY_SITES_DOWN"} <= here


@pytest.mark.parametrize("version", zabbix_template.VERSIONS)
def test_the_media_type_is_complete(version: str) -> None:
    text = zabbix_template.text(zabbix_mediatype.document(version))
    (media,) = yaml.safe_load(text)["zabbix_export"]["media_types"]
    assert media["script"] == zabbix_mediatype.script()
    assert "@" not in media["script"]
    given = {each["name"]: each["value"] for each in media["parameters"]}
    assert given == zabbix_mediatype.PARAMETERS
    assert len(media["script"]) < 65535


def said(**parameters: str) -> str:
    """What the script says when it is run by Zabbix' own interpreter."""
    try:
        interpreter = program("zabbix_js")
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    given = dict(zabbix_mediatype.PARAMETERS) | {
        "event_source": "0",
        "baken_url": "http://127.0.0.1:9",
        "baken_secret": "secret",
        "tags": "[]",
        **parameters,
    }
    ran = subprocess.run(
        [interpreter, "-s", "/dev/stdin", "-p", json.dumps(given)],
        input=zabbix_mediatype.script(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout + ran.stderr


def test_the_script_says_what_is_missing() -> None:
    assert "{$BAKEN.URL}" in said(baken_url="{$BAKEN.URL}")
    assert "{$BAKEN.SECRET}" in said(baken_secret="{$BAKEN.SECRET}")
    assert "Baken has told Zabbix of this itself" in said(tags='[{"tag": "baken", "value": "site"}]')
    assert "triggers only" in said(event_source="3")


def test_the_commands_write_them(tmp_path: Path) -> None:
    runner = CliRunner()
    for version, way in BOTH:
        file = tmp_path / f"{version}-{way}.yaml"
        given = ["--version", version, "--way", way, "--out", str(file), "--data-dir", str(tmp_path / "data")]
        ran = runner.invoke(cli_export.app, ["zabbix-template", *given])
        assert ran.exit_code == 0, ran.output
        assert yaml.load(file.read_text(), Loader=CSafeLoader) == {"zabbix_export": made(version, way)}
    ran = runner.invoke(cli_export.app, ["zabbix-mediatype", "--version", "7.0"])
    assert yaml.safe_load(ran.stdout) == zabbix_mediatype.document("7.0")
    for wrong in (["zabbix-template", "--version", "5.0"], ["zabbix-template", "--way", "push"]):
        assert runner.invoke(cli_export.app, wrong).exit_code == 2

"""The files of the Desk, read without a bench: DocTypes, workspace, cards, charts, report, translations."""

import ast
import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

BAKEN = Path(__file__).resolve().parents[2] / "baken"
MONITORING = BAKEN / "monitoring"

# As verenigingen has them (its doctype/system_alert and verenigingen_payments/doctype/sepa_audit_log).
SYSTEM_ALERT = {
    "alert_type": "Data", "severity": "Select", "message": "Text", "source": "Data", "status": "Select",
    "timestamp": "Datetime", "details": "JSON", "acknowledged_by": "Link", "acknowledged_at": "Datetime",
    "resolved_by": "Link", "resolved_at": "Datetime",
}  # fmt: skip
SEPA_AUDIT_LOG = {
    "event_id": "Data", "timestamp": "Datetime", "process_type": "Select", "action": "Data", "entity_name": "Data",
    "compliance_status": "Select", "reference_doctype": "Link", "reference_name": "Dynamic Link", "user": "Link",
    "trace_id": "Data", "details": "JSON", "sensitive_data": "Check",
}  # fmt: skip

# Frappe says these in Dutch by itself, in its own words.
OF_FRAPPE = {
    "Title", "Name", "Enabled", "State", "off", "ok", "Condition", "Limit", "Message", "Language", "Recipients",
    "Timestamp", "Action", "Entity Name", "Exception", "Failed", "Reference Name", "User", "Details", "Rule", "From",
    "Subject", "Source", "Status", "Active", "Note", "Error Log", "Scheduled Job Log", "Email Queue", "Settings",
    "Log Settings", "Now", "Home", "Dashboard", "Check", "Alert", "Open",
}  # fmt: skip
# The same in both languages.
THE_SAME = {
    "en",
    "nl",
    "Baken",
    "Site",
    "Labels",
    "E-mail",
    "Status in Baken",
    "Trace ID",
    "sepa",
    "Processor (percent)",
}

_SAID = re.compile(r"(?<!\w)_{1,2}\(\s*\"((?:[^\"\\]|\\.)*)\"")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _doctypes() -> dict[str, Any]:
    return {found["name"]: found for path in MONITORING.glob("doctype/*/*.json") for found in [_read(path)]}


def _named(kind: str) -> dict[str, Any]:
    return {found["name"]: found for path in MONITORING.glob(f"{kind}/*/*.json") for found in [_read(path)]}


@pytest.mark.parametrize(("name", "wanted"), [("System Alert", SYSTEM_ALERT), ("SEPA Audit Log", SEPA_AUDIT_LOG)])
def test_what_verenigingen_reads_and_writes_is_there(name: str, wanted: dict[str, str]) -> None:
    fields = {field["fieldname"]: field["fieldtype"] for field in _doctypes()[name]["fields"]}
    assert {field: fields.get(field) for field in wanted} == wanted


def test_the_life_of_an_alert_and_its_roles_are_as_documented() -> None:
    alert = _doctypes()["System Alert"]
    options = {field["fieldname"]: field.get("options") for field in alert["fields"]}
    assert options["severity"] == "LOW\nMEDIUM\nHIGH\nCRITICAL"
    assert options["status"] == "Active\nAcknowledged\nResolved"
    deletes = {each["role"]: each.get("delete", 0) for each in alert["permissions"]}
    assert deletes == {"System Manager": 1, "Verenigingen Administrator": 0}


def test_a_migration_does_not_bring_the_audit_log_by_itself() -> None:
    # Frappe brings doctype/<name>/<name>.json of every app, over whatever the site has.
    assert not (MONITORING / "doctype/sepa_audit_log/sepa_audit_log.json").exists()
    assert _read(MONITORING / "doctype/sepa_audit_log/definition.json")["name"] == "SEPA Audit Log"


def test_a_broken_installation_does_not_cost_the_doctypes() -> None:
    # `bench migrate` deletes DocTypes whose module it cannot import: theirs need nothing but Frappe.
    for path in MONITORING.glob("doctype/*/*.py"):
        if path.name.startswith("test_"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not name.startswith("baken.") or name.startswith("baken.monitoring"), f"{path}: {name}"
                assert name.partition(".")[0] not in ("sqlalchemy", "pydantic", "structlog"), f"{path}: {name}"


def test_fields_are_listed_once_and_in_order() -> None:
    for name, doctype in _doctypes().items():
        fields = [field["fieldname"] for field in doctype["fields"]]
        assert doctype["field_order"] == fields, name
        assert len(set(fields)) == len(fields), name
        assert doctype["module"] == "Monitoring", name


def test_the_workspace_shows_what_is_there() -> None:
    workspace = _named("workspace")["Monitoring"]
    assert {each["number_card_name"] for each in workspace["number_cards"]} == set(_named("number_card"))
    assert {each["chart_name"] for each in workspace["charts"]} == set(_named("dashboard_chart"))
    for chart in _named("dashboard_chart").values():
        assert chart["source"] in _named("dashboard_chart_source")
    known = set(_doctypes()) | set(_named("report")) | {"Error Log", "Scheduled Job Log", "Email Queue", "Log Settings"}
    linked = {each["link_to"] for each in [*workspace["shortcuts"], *workspace["links"]] if each.get("link_to")}
    assert linked <= known
    assert any(each.get("url") == "/monitoring_dashboard" for each in workspace["shortcuts"])
    shown = {block["data"].get(f"{block['type']}_name") for block in json.loads(workspace["content"])} - {None}
    labels = {
        each["label"]
        for name in ("number_cards", "charts", "shortcuts", "links")
        for each in workspace[name]
        if name != "links" or each["type"] == "Card Break"
    }
    assert shown == labels


def test_cards_and_charts_ask_functions_that_there_are() -> None:
    tree = ast.parse((BAKEN / "frappe_host" / "desk.py").read_text(encoding="utf-8"))
    whitelisted = {
        f"baken.frappe_host.desk.{node.name}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any("whitelist" in ast.unparse(each) for each in node.decorator_list)
    }
    asked = {card["method"] for card in _named("number_card").values()}
    for path in MONITORING.rglob("*.js"):
        asked |= set(re.findall(r"\"(baken\.frappe_host\.desk\.\w+)\"", path.read_text(encoding="utf-8")))
    assert asked <= whitelisted


def _texts() -> set[str]:
    """Everything that the Desk says in English."""
    found: set[str] = set()
    for name, doctype in _doctypes().items():
        found.add(name)
        for field in doctype["fields"]:
            found |= {field.get("label") or "", field.get("description") or ""}
            if field["fieldtype"] == "Select":
                found |= set(field["options"].split("\n"))
    workspace = _named("workspace")["Monitoring"]
    found |= {each["label"] for name in ("number_cards", "charts", "shortcuts", "links") for each in workspace[name]}
    found |= {each["label"] for each in _read(BAKEN / "workspace_sidebar" / "monitoring.json")["items"]}
    for block in json.loads(workspace["content"]):
        if block["type"] == "header":
            found.add(re.sub("<[^>]+>", "", block["data"]["text"]))
    for path in [*MONITORING.rglob("*.js"), *MONITORING.rglob("*.py"), BAKEN / "frappe_host" / "desk.py"]:
        if not path.name.startswith("test_"):
            found |= set(_SAID.findall(path.read_text(encoding="utf-8")))
    return {text for text in found if re.search("[A-Za-z]", text)}


def test_the_desk_speaks_dutch() -> None:
    with (BAKEN / "translations" / "nl.csv").open(encoding="utf-8", newline="") as file:
        dutch = {row[0]: row[1] for row in csv.reader(file)}
    texts = _texts()
    assert texts - set(dutch) - OF_FRAPPE - THE_SAME == set()
    for english, said in dutch.items():
        assert sorted(re.findall(r"\{\w*\}", english)) == sorted(re.findall(r"\{\w*\}", said)), english
    assert not set(dutch) & OF_FRAPPE

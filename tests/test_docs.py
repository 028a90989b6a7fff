"""The manual and the code tell the same."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from baken import cli
from baken.alerts import channels, kinds, ready, rulebook, trial
from baken.alerts.channels import system_alert
from baken.api import registry
from baken.metrics import catalogue
from baken.settings import Alerts, Settings, load
from tests.alerts.news import item, message

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def _leaves(section: type, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, field in section.model_fields.items():  # type: ignore[attr-defined]
        kind = next(iter(get_args(field.annotation)), field.annotation)
        nested = isinstance(kind, type) and hasattr(kind, "model_fields")
        found += _leaves(kind, f"{prefix}{name}.") if nested else [f"{prefix}{name}"]
    return found


def test_generated_pages_are_not_stale() -> None:
    """Run `make docs` after a change to settings, metrics, methods, rules, kinds or channels."""
    script = ROOT / "scripts" / "generate_docs.py"
    checked = subprocess.run(
        [sys.executable, str(script), "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_a_stale_page_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "docs").mkdir()
    script = tmp_path / "scripts" / "generate_docs.py"
    script.write_text((ROOT / "scripts" / "generate_docs.py").read_text())
    for page in ("configuration.md", "methods.md", "channels.md"):
        (tmp_path / "docs" / page).write_text((DOCS / page).read_text())
    (tmp_path / "docs" / "metrics.md").write_text("# Metrics\n")
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    rules = (DOCS / "rules.md").read_text()
    (tmp_path / "docs" / "rules.md").write_text(rules.replace("A figure beyond a limit.", "Something else."))
    checked = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    # Of the names of methods for Frappe and of the lock for the image there is none here.
    told = "stale: metrics.md, rules.md, ../baken/frappe_host/names.py, ../deploy/docker/requirements.lock;"
    assert told in checked.stderr


def test_every_setting_metric_and_method_is_on_its_page() -> None:
    settings = (DOCS / "configuration.md").read_text()
    for name in _leaves(Settings):
        assert f"| `{name.rsplit('.', 1)[-1]}` |" in settings, name
    for table in ("alerts.channels", "alerts.recipients", "alerts.heartbeats", "benches", "sites"):
        assert f"`[[{table}]]`" in settings
    assert "`[alerts.escalation]`" in settings
    metrics = (DOCS / "metrics.md").read_text()
    for entry in catalogue.metrics():
        assert f"| `{entry.name}` | {entry.title} | {entry.help} |" in metrics, entry.name
    for kind in catalogue.observations():
        assert f"| `{kind.kind}` |" in metrics
    methods = (DOCS / "methods.md").read_text()
    for method in registry.methods():
        assert f"`{method.name}`" in methods
        assert f"`{method.short}`" in methods


def _section(page: str, title: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    text = (DOCS / page).read_text()
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page} has no section {title}"
    return found[1]


def test_every_rule_and_every_key_is_on_its_page() -> None:
    keys = _section("rules.md", "Keys of every rule")
    for name in rulebook.KEYS:
        assert f"| `{name}` |" in keys, name
    for kind in kinds.KINDS:
        section = _section("rules.md", kind)
        assert (kinds.kind(kind).__doc__ or "").splitlines()[0] in section
        for name, key in kinds.kind(kind).KEYS.items():
            assert f"| `{name}` | {key.expected} |" in section, f"{kind}: {name}"
    for rule in rulebook.read(None).rules.values():
        table = _section("rules.md", rule.area)
        (line,) = (line for line in table.splitlines() if line.startswith(f"| [{rule.name}](runbook.md#"))
        assert f"| {rule.called['en']} | {rule.severity} |" in line
        assert rule.reason["en"] in line
        assert line.count("|") == 7
        assert f"### {rule.name}\n" in (DOCS / "runbook.md").read_text()


def test_every_channel_and_every_option_is_on_its_page() -> None:
    for kind in channels.KINDS:
        section, found = _section("channels.md", kind), channels.module(kind)
        assert found.HELP.strip() in section
        for name, field in found.Options.model_fields.items():
            (line,) = (line for line in section.splitlines() if line.startswith(f"| `{name}` |"))
            assert ("| yes |" in line) == ("SecretStr" in str(field.annotation))
            assert (field.description or "").replace("<", "&lt;") in line


def test_the_fields_of_a_system_alert_are_on_the_page() -> None:
    section = _section("channels.md", "system_alert")
    news = message(item(number=1))
    for status, event in (("Active", "fired"), ("Acknowledged", "acknowledged"), ("Resolved", "resolved")):
        for field in system_alert._document(item(number=1, status=status, event=event), news):
            assert f"| `{field}` |" in section, field


def _blocks(page: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("block", _blocks("alerts.md"))
def test_settings_of_alerts_that_are_written_down_can_be_used(block: str, tmp_path: Path) -> None:
    secret = tmp_path / "smtp-password"
    secret.write_text("secret\n")
    file = tmp_path / "baken.toml"
    file.write_text(block.replace("/etc/baken/smtp-password", str(secret)))
    settings = load(file, {"data_dir": str(tmp_path)})
    ready.check(settings)
    assert settings.alerts.channels or settings.alerts.heartbeats


@pytest.mark.parametrize("block", _blocks("rules.md"))
def test_rules_and_tests_that_are_written_down_can_be_used(block: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(block)
    if "[[test]]" not in block:
        rulebook.read(file)
        return
    for result in trial.run(file, rulebook.read(None), Alerts()):
        assert result.problems == ()


def _pages() -> list[Path]:
    return [
        page for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))) if page.exists()
    ]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_commands_that_are_written_down_exist(page: Path) -> None:
    text = page.read_text()
    known = {entry.name or getattr(entry.callback, "__name__", "") for entry in cli.app.registered_commands}
    known |= {str(group.name) for group in cli.app.registered_groups}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(
        re.findall(r"```(?:sh|bash|console|shell)\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    )
    for command in re.findall(r"(?:^|\s|/)baken ([a-z]+)\b", code):
        assert command in known, f"baken {command}"
    for line in re.findall(r"^\s*make ((?:[a-z]+)(?: [a-z]+)*)", code, re.MULTILINE):
        for target in line.split():
            assert target in targets, f"make {target}"


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target

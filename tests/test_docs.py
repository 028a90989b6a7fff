"""The manual and the code tell the same."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from baken import cli
from baken.api import registry
from baken.metrics import catalogue
from baken.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def _leaves(section: type, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, field in section.model_fields.items():  # type: ignore[attr-defined]
        kind = field.annotation
        nested = isinstance(kind, type) and hasattr(kind, "model_fields")
        found += _leaves(kind, f"{prefix}{name}.") if nested else [f"{prefix}{name}"]
    return found


def test_generated_pages_are_not_stale() -> None:
    """Run `make docs` after a change to settings, metrics or methods."""
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
    for page in ("configuration.md", "methods.md"):
        (tmp_path / "docs" / page).write_text((DOCS / page).read_text())
    (tmp_path / "docs" / "metrics.md").write_text("# Metrics\n")
    checked = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "stale: " in checked.stderr
    assert "metrics.md" in checked.stderr


def test_every_setting_metric_and_method_is_on_its_page() -> None:
    settings = (DOCS / "configuration.md").read_text()
    for name in _leaves(Settings):
        if name not in ("benches", "sites"):
            assert f"| `{name.rsplit('.', 1)[-1]}` |" in settings, name
    metrics = (DOCS / "metrics.md").read_text()
    for entry in catalogue.metrics():
        assert f"| `{entry.name}` | {entry.help} |" in metrics, entry.name
    for kind in catalogue.observations():
        assert f"| `{kind.kind}` |" in metrics
    methods = (DOCS / "methods.md").read_text()
    for method in registry.methods():
        assert f"`{method.name}`" in methods
        assert f"`{method.short}`" in methods


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

"""Inside a bench there is nothing but the core dependencies and Frappe: nothing there may need more when imported."""

import ast
import json
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# What runs outside a bench only. Everything else a bench may load.
_COMMANDS = ("", "_alerts", "_errors", "_export", "_options", "_store")
# Pages and files that only the standalone server and the commands write.
_WRITTEN = ("alertmanager_config", "grafana", "prometheus", "prometheus_rules", "prometheus_targets")
_OUTSIDE = (
    "baken.server",
    "baken.demo",
    *(f"baken.cli{name}" for name in _COMMANDS),
    *(f"baken.exporters.{name}" for name in _WRITTEN),
)
# These import Frappe itself, which is not here; their imports are read instead.
_FRAPPE = ("baken.frappe_host", "baken.monitoring", "baken.hooks")
# Every process of a site loads these, Baken wanted or not.
_LIGHT = ("baken.hooks", "baken.frappe_host.names", "baken.frappe_host.page", "baken.frappe_host.events")

_LOAD = """
import importlib, importlib.abc, importlib.machinery, json, sys, unittest.mock

class Stand(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("frappe", "werkzeug"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = unittest.mock.MagicMock(name=spec.name)
        module.__spec__, module.__path__ = spec, []
        return module

    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Stand())
import baken
before = set(sys.modules)
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""

_TRY = """
import importlib, importlib.abc, json, pkgutil, sys

barred, outside = json.loads(sys.argv[1])

class Barred(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in barred:
            raise ModuleNotFoundError(f"{name} is not there in a bench", name=name)

sys.meta_path.insert(0, Barred())
import baken

def names(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name in outside:
            continue
        yield module.name
        if module.ispkg:
            yield from names(importlib.import_module(module.name))

problems = {}
for name in names(baken):
    try:
        importlib.import_module(name)
    except Exception as error:
        problems[name] = f"{type(error).__name__}: {error}"
print(json.dumps([problems, sorted(name for name in sys.modules if name.startswith("baken."))]))
"""


def _core() -> set[str]:
    """Names of the distributions that the core dependencies bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: set[str] = set()
    open_ends = [Requirement(line) for line in project["dependencies"]]
    while open_ends:
        name = canonicalize_name(open_ends.pop().name)
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                open_ends.append(needed)
    return found


def _tops() -> dict[str, bool]:
    """Importable names of everything installed, and whether the core dependencies bring them."""
    core = _core()
    return {
        top: any(canonicalize_name(name) in core for name in names)
        for top, names in metadata.packages_distributions().items()
        if top != "baken"
    }


def _is_outside(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in _OUTSIDE)


def test_nothing_needs_more_than_the_core_dependencies() -> None:
    barred = sorted(top for top, is_core in _tops().items() if not is_core)
    assert {"starlette", "typer", "apprise", "argon2", "uvicorn", "itsdangerous", "numpy", "psycopg2"} <= set(barred)
    done = subprocess.run(
        [sys.executable, "-c", _TRY, json.dumps([barred, [*_OUTSIDE, *_FRAPPE, "baken.history.migrations"]])],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=110,
        check=True,
    )
    problems, loaded = json.loads(done.stdout)
    assert problems == {}
    assert {"baken.api.registry", "baken.collector.cycle", "baken.alerts.watch", "baken.insights.overview"} <= set(
        loaded
    )
    # Nor does any of it lead back to what a bench has not.
    assert [name for name in loaded if _is_outside(name)] == []


def _imported(tree: ast.AST) -> set[str]:
    """Modules that are imported anywhere in a file."""
    found: set[str] = set()
    open_ends: list[ast.AST] = [tree]
    while open_ends:
        node = open_ends.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        open_ends += list(ast.iter_child_nodes(node))
    return found


def test_what_imports_frappe_needs_no_more_either() -> None:
    # Frappe brings Werkzeug, which answers its requests, and Click.
    allowed = {top for top, is_core in _tops().items() if is_core} | {"frappe", "werkzeug", "click", "baken"}
    rooms = [ROOT / "baken" / "frappe_host", ROOT / "baken" / "monitoring"]
    files = [file for room in rooms for file in sorted(room.rglob("*.py")) if not file.name.startswith("test_")]
    assert files
    for file in files:
        for name in _imported(ast.parse(file.read_text(encoding="utf-8"))):
            assert name.partition(".")[0] in allowed | set(sys.stdlib_module_names), (file, name)
            assert not _is_outside(name), (file, name)


def test_what_every_process_of_the_site_loads_is_light() -> None:
    """Frappe reads the hooks in every process, and asks page and events on every request."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, json.dumps(_LIGHT)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded - set(sys.stdlib_module_names) <= {"baken", "frappe", "werkzeug"}

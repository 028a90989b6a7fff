"""What Baken imports inside a bench installs under the version limits of Frappe and ERPNext.

Each test asks pip for what it would install, with the limits of a bench as constraints. Nothing is installed.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("pins")
_SECONDS = 100
_BENCHES = [
    ("3.11", ("frappe-14",)),
    ("3.11", ("frappe-15", "erpnext-15")),
    ("3.11", ("frappe-16-dev",)),
    ("3.14", ("frappe-16",)),
]
# Signs of an index that cannot be asked; anything else that pip complains of is a finding.
_NO_INDEX = re.compile(
    r"Could not fetch URL|Connection(?:Error| refused| broken|ResetError| timed out)|Max retries exceeded"
    r"|Temporary failure in name resolution|ReadTimeout|NewConnectionError|ProxyError"
    r"|(?:4\d\d|5\d\d) (?:Client|Server) Error",
)


@cache
def _wanted() -> tuple[str, ...]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(project["dependencies"])


def _limits(*names: str) -> list[Requirement]:
    lines = [line for name in names for line in (PINS / f"{name}.txt").read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def _installed(python: str, wanted: tuple[str, ...], limits: list[Requirement], folder: Path) -> dict[str, Version]:
    """What pip would install for `wanted` within `limits`; skips where no index answers, fails where it cannot be."""
    constraints = folder / "limits.txt"
    # A constraint names no extras.
    constraints.write_text("".join(f"{each.name}{each.specifier}\n" for each in limits), encoding="utf-8")
    report = folder / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--only-binary", ":all:"]
    command += ["--python-version", python, "--target", str(folder / "nowhere"), "--no-input", "--quiet"]
    command += ["--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
    command += ["--report", str(report), "--constraint", str(constraints), *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the package index did not answer within {_SECONDS} s")
    if done.returncode:
        if _NO_INDEX.search(done.stderr):
            pytest.skip("no package index can be reached")
        # Its own address is nobody's business: only what was asked for and what stands against it.
        told = [line for line in done.stderr.splitlines() if "://" not in line]
        if "No matching distribution found" in done.stderr and "(from versions: none)" in done.stderr:
            pytest.skip("no package index can be reached, or it lacks a package: " + "; ".join(told[-1:]))
        pytest.fail("\n".join(told))
    items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonicalize_name(item["metadata"]["name"]): Version(item["metadata"]["version"]) for item in items}


Asked = dict[tuple[str, tuple[str, ...]], "Future[dict[str, Version]]"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """All questions at once: what takes the time is the index, not this machine."""
    with ThreadPoolExecutor(len(_BENCHES)) as pool:
        yield {
            (python, names): pool.submit(
                _installed, python, _wanted(), _limits(*names), tmp_path_factory.mktemp("pins")
            )
            for python, names in _BENCHES
        }


@pytest.mark.parametrize(
    ("python", "names"), _BENCHES, ids=lambda each: each if isinstance(each, str) else "+".join(each)
)
def test_it_installs_beside_frappe(python: str, names: tuple[str, ...], asked: Asked) -> None:
    limits = _limits(*names)
    found = asked[python, names].result()
    assert {canonicalize_name(Requirement(line).name) for line in _wanted()} <= set(found)
    # pip kept to every limit: what a bench has stays as it is.
    for limit in limits:
        version = found.get(canonicalize_name(limit.name))
        assert version is None or version in limit.specifier, limit


def test_a_conflict_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"conflicting|ResolutionImpossible"):
        _installed("3.11", ("redis>=4.5.5",), _limits("frappe-14"), tmp_path)


def test_the_bench_is_told_which_frappe_it_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    versions = Requirement(f"frappe{project['tool']['bench']['frappe-dependencies']['frappe']}").specifier
    assert [major for major in range(10, 20) if versions.contains(Version(f"{major}.5.0"))] == [14, 15, 16]


def test_what_is_needed_in_a_bench_is_small() -> None:
    """The standalone server's own libraries are an extra: a bench does not get them."""
    heavy = {"starlette", "uvicorn", "typer", "apprise", "argon2-cffi", "itsdangerous", "pillow", "numpy", "rich"}
    reached: set[str] = set()
    open_ends = [Requirement(line) for line in _wanted()]
    while open_ends:
        name = canonicalize_name(open_ends.pop().name)
        if name in reached:
            continue
        reached.add(name)
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                open_ends.append(needed)
    assert not reached & heavy

"""Sites to install Baken on, in each of the benches that the environment names."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.frappe.benches import NO_BENCH, VARIABLE, Bench, Site, lent, own_sites
from tests.servers import MariaDB, RedisServer, running

_open: dict[Path, Bench] = {}


def _sources() -> list[Path]:
    return [Path(each) for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]


def _sets(source: Path) -> list[frozenset[str]]:
    """Sets of apps to try in a bench: Frappe alone, and those of its sites that are without Baken."""
    found = {frozenset({"frappe"})} | {frozenset(apps) for _site, apps in own_sites(source) if "baken" not in apps}
    return sorted(found, key=lambda apps: (len(apps), sorted(apps)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each bench by its folder's name; `any_site` also with each set of apps that its sites have."""
    if "any_site" in metafunc.fixturenames:
        pairs = [(source, apps) for source in _sources() for apps in _sets(source)]
        names = [f"{source.name}-{'+'.join(sorted(apps))}" for source, apps in pairs]
        skipped = [pytest.param(None, marks=pytest.mark.skip(NO_BENCH), id="no bench")]
        metafunc.parametrize("any_site", pairs or skipped, ids=names or None, indirect=True)
    elif "bench" in metafunc.fixturenames or "site" in metafunc.fixturenames:
        sources = _sources()
        skipped = [pytest.param(None, marks=pytest.mark.skip(NO_BENCH), id="no bench")]
        names = [source.name for source in sources]
        metafunc.parametrize("bench", sources or skipped, ids=names or None, indirect=True, scope="session")


@pytest.fixture(scope="session")
def _benches(request: pytest.FixtureRequest) -> Iterator[dict[Path, Bench]]:
    """Benches that were opened in this run."""
    with ExitStack() as stack:
        found = _Benches(stack, request)
        yield found


class _Benches(dict[Path, Bench]):
    def __init__(self, stack: ExitStack, request: pytest.FixtureRequest) -> None:
        super().__init__()
        self._stack, self._request = stack, request

    def __missing__(self, source: Path) -> Bench:
        mariadb: MariaDB = self._request.getfixturevalue("mariadb")
        cache = self._stack.enter_context(running(RedisServer))
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="baken-bench-")))
        self[source] = self._stack.enter_context(lent(source, folder, mariadb, cache))
        return self[source]


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest, _benches: dict[Path, Bench]) -> Bench:
    """A bench with sites of its own, that lends its programs from one that the environment names."""
    return _benches[request.param]


@pytest.fixture
def site(bench: Bench) -> Iterator[Site]:
    """A new site with Frappe alone."""
    with bench.site(frozenset({"frappe"})) as found:
        yield found


@pytest.fixture
def any_site(request: pytest.FixtureRequest, _benches: dict[Path, Bench]) -> Iterator[Site]:
    """A new site with each set of apps in turn."""
    source, apps = request.param
    with _benches[source].site(apps) as found:
        yield found


@pytest.fixture
def other_app(bench: Bench, tmp_path: Path) -> str:
    """An app that brings a System Alert of its own, with a field that Baken's lacks."""
    name = "other_alerts"
    if (bench.folder / "more" / name).exists():
        return name
    doctype = tmp_path / name / name / "other_alerts" / "doctype" / "system_alert"
    doctype.mkdir(parents=True)
    package = tmp_path / name / name
    for folder in (package, package / "other_alerts", package / "other_alerts" / "doctype", doctype):
        (folder / "__init__.py").write_text('__version__ = "1.0.0"\n' if folder == package else "")
    (package / "hooks.py").write_text(
        'app_name = "other_alerts"\napp_title = "Other"\napp_publisher = "Tests"\napp_description = "Tests"\n'
        'app_license = "MIT"\napp_email = "tests@example.org"\n'
    )
    (package / "modules.txt").write_text("Other Alerts\n")
    (package / "patches.txt").write_text("")
    (doctype / "system_alert.py").write_text(
        "from frappe.model.document import Document\n\n\nclass SystemAlert(Document):\n    pass\n"
    )
    fields: list[dict[str, object]] = [
        {"fieldname": "alert_type", "fieldtype": "Data", "label": "Alert Type", "reqd": 1},
        {"fieldname": "severity", "fieldtype": "Select", "label": "Severity", "options": "LOW\nMEDIUM\nHIGH\nCRITICAL"},
        {"fieldname": "message", "fieldtype": "Text", "label": "Message"},
        {"fieldname": "status", "fieldtype": "Select", "label": "Status", "options": "Active\nAcknowledged\nResolved"},
        {"fieldname": "timestamp", "fieldtype": "Datetime", "label": "Timestamp"},
        {"fieldname": "chapter", "fieldtype": "Data", "label": "Chapter"},
        {"fieldname": "escalated", "fieldtype": "Check", "label": "Escalated"},
    ]
    definition = {
        "doctype": "DocType", "name": "System Alert", "module": "Other Alerts", "autoname": "hash",
        "engine": "InnoDB", "creation": "2024-01-01 00:00:00.000000", "modified": "2024-01-01 00:00:00.000000",
        "modified_by": "Administrator", "owner": "Administrator", "fields": fields,
        "field_order": [field["fieldname"] for field in fields],
        "permissions": [{"role": "System Manager", "read": 1, "write": 1, "create": 1}],
    }  # fmt: skip
    (doctype / "system_alert.json").write_text(json.dumps(definition))
    bench.add_app(package)
    return name

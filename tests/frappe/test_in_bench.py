"""What `bench` does with the installed app: its own tests, and methods from the command line."""

import json

import pytest

from tests.frappe.benches import Site

pytestmark = pytest.mark.timeout(1800)


def test_its_own_tests_and_methods_run(site: Site) -> None:
    site.run("install-app", "baken")
    said = site.run("run-tests", "--app", "baken")
    assert "\nOK" in said or "OK (" in said, said[-3000:]
    answer = site.run("execute", "baken.api.get_system_metrics")
    assert isinstance(json.loads(answer[answer.index("{") :]), dict)

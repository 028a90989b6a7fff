"""A whole run over the reference site, on each kind of database: everything that can be measured is."""

import pytest

from baken.collector.cycle import run_site
from baken.metrics import catalogue
from tests.metrics.conftest import NOW, Subject

BUSINESS = ("erpnext", "association", "sepa")


def test_a_whole_run_measures_the_association_on_every_database(any_site: Subject) -> None:
    due = {entry.name for entry in catalogue.metrics("site")} | {entry.kind for entry in catalogue.observations()}
    run_site(any_site.site, due, NOW, 30)
    run = run_site(any_site.site, due, NOW, 30)
    assert run.unreachable is None
    tripped = {name: reason for name, reason in run.absences.items() if "inside Baken" in reason}
    assert tripped == {}
    business = {entry.name for entry in catalogue.metrics("site") if entry.domain in BUSINESS}
    assert business & set(run.absences) == set()
    assert business <= {sample.metric for sample in run.samples}
    assert set(run.observations) == {entry.kind for entry in catalogue.observations()}


@pytest.mark.parametrize(
    "name", ["database_up", "frappe_errors", "frappe_sessions", "frappe_scheduler_silence_seconds"]
)
def test_the_site_itself_is_measured_on_every_database(any_site: Subject, name: str) -> None:
    # Some are read over several runs, by time: a slow machine takes more of them.
    for number in range(100):
        run = run_site(any_site.site, {name}, NOW, 30)
        if number >= 2 and name not in run.absences:
            break
    assert name not in run.absences
    assert any(sample.metric == name for sample in run.samples)

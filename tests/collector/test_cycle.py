"""One run over a site: each metric on its own, absences with reasons."""

import json
import shutil
import sqlite3

import pytest

from baken import clock
from baken.collector.cycle import run_site
from baken.metrics import catalogue, frappe_errors
from tests.collector.conftest import MADE, Watched


def everything() -> set[str]:
    """All metrics and observations of a site."""
    found = {entry.name for entry in catalogue.metrics("site")}
    return found | {entry.kind for entry in catalogue.observations()}


def test_one_missing_column_makes_only_its_own_metrics_absent_and_is_named(watched: Watched) -> None:
    site = watched.sites[watched.name]
    before = run_site(site, everything(), MADE, 20)
    watched.execute("ALTER TABLE tabVolunteer RENAME COLUMN status TO is_active")
    site.layouts.forget()
    after = run_site(site, everything(), MADE, 20)
    lost = set(after.absences) - set(before.absences)
    assert lost == {"association_volunteers"}
    assert "Volunteer" in after.absences["association_volunteers"]
    assert "status" in after.absences["association_volunteers"]


def test_a_table_that_vanishes_while_watching_is_named_and_comes_back(watched: Watched) -> None:
    site = watched.sites[watched.name]
    assert "sepa_mandates" not in run_site(site, {"sepa_mandates"}, MADE, 20).absences
    watched.execute('ALTER TABLE "tabSEPA Mandate" RENAME TO gone')
    assert "SEPA Mandate" in run_site(site, {"sepa_mandates"}, MADE, 20).absences["sepa_mandates"]
    watched.execute('ALTER TABLE gone RENAME TO "tabSEPA Mandate"')
    assert run_site(site, {"sepa_mandates"}, MADE, 20).absences == {}


def test_a_site_without_the_association_app_is_watched_as_far_as_it_goes(watched: Watched) -> None:
    with sqlite3.connect(watched.database) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if any(word in table for word in ("Member", "SEPA", "Direct Debit", "Volunteer", "Sales Invoice")):
                connection.execute(f'DROP TABLE "{table}"')
    run = run_site(watched.sites[watched.name], everything(), MADE, 20)
    measured = {sample.metric for sample in run.samples}
    assert {"database_up", "frappe_users", "frappe_sessions", "frappe_scheduler_enabled"} <= measured
    assert "DocType Member" in run.absences["association_members"]
    assert "DocType SEPA Mandate" in run.absences["sepa_mandates"]


def test_a_measure_that_trips_takes_no_other_with_it(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalogue.get("association_members")
    assert entry is not None

    def trip(_reading: object) -> catalogue.Values:
        raise ZeroDivisionError("division by zero")

    broken = catalogue.Metric(
        **{name: getattr(entry, name) for name in entry.__slots__ if name != "measure"}, measure=trip
    )
    monkeypatch.setitem(catalogue._metrics, "association_members", broken)
    # The domain is the module of the measure; a function of this test has none in the catalogue.
    trip.__module__ = "baken.metrics.association"
    run = run_site(watched.sites[watched.name], {"association_members", "association_volunteers"}, MADE, 20)
    assert "ZeroDivisionError" in run.absences["association_members"]
    assert any(sample.metric == "association_volunteers" for sample in run.samples)


def test_a_stopped_database_gives_up_zero_and_reasons_while_the_rest_is_measured(watched: Watched) -> None:
    watched.database.rename(watched.database.with_suffix(".away"))
    run = run_site(watched.sites[watched.name], everything(), MADE, 20)
    assert ("database_up", 0.0) in {(sample.metric, sample.value) for sample in run.samples}
    assert any(sample.metric == "frappe_backup_age_seconds" for sample in run.samples)
    assert run.unreachable is not None
    assert watched.name in run.unreachable
    assert watched.name in run.absences["association_members"]


def test_the_deadline_leaves_the_rest_absent_with_the_reason(watched: Watched) -> None:
    run = run_site(watched.sites[watched.name], everything(), MADE, -1)
    assert run.samples == []
    assert all("reached its limit" in reason for reason in run.absences.values())


def test_watching_changes_nothing_in_what_is_watched(watched: Watched) -> None:
    def dump() -> list[str]:
        with sqlite3.connect(watched.database) as connection:
            return list(connection.iterdump())

    before = dump()
    run_site(watched.sites[watched.name], everything(), MADE, 20)
    assert dump() == before


def test_malformed_and_missing_values_do_not_hide_the_others(watched: Watched) -> None:
    watched.execute("UPDATE tabMember SET status = NULL WHERE rowid % 3 = 0")
    watched.execute("UPDATE tabMember SET status = CAST(X'C328' AS TEXT) WHERE rowid % 3 = 1")
    watched.execute("UPDATE tabUser SET last_active = 'yesterday'")
    run = run_site(watched.sites[watched.name], everything(), MADE, 20)
    assert any(sample.metric == "association_members" for sample in run.samples)
    total = sum(sample.value for sample in run.samples if sample.metric == "association_members")
    with sqlite3.connect(watched.database) as connection:
        assert total == connection.execute("SELECT COUNT(*) FROM tabMember").fetchone()[0]


def test_an_unknown_time_zone_is_said_and_what_needs_none_goes_on(watched: Watched) -> None:
    watched.execute(
        "UPDATE tabSingles SET value = 'Europe/Atlantis' WHERE doctype = 'System Settings' AND field = 'time_zone'"
    )
    run = run_site(watched.sites[watched.name], everything(), MADE, 20)
    assert any("Europe/Atlantis" in reason for reason in run.absences.values())
    assert any(sample.metric == "association_members" for sample in run.samples)


def test_a_broken_configuration_is_told_and_mended_without_a_restart(watched: Watched) -> None:
    good = watched.config.read_text()
    watched.config.write_text("{ broken")
    watched.sites.refresh()
    assert "not valid JSON" in watched.sites.troubles[watched.name]
    assert watched.name in watched.sites, "it is watched as before"
    watched.config.write_text(json.dumps(json.loads(good) | {"maintenance_mode": 1}))
    assert watched.sites.refresh()
    assert watched.sites.troubles == {}
    assert watched.sites[watched.name].config.flags["maintenance_mode"] == 1


def test_every_sample_of_a_run_carries_the_moment_of_the_run(watched: Watched) -> None:
    now = clock.now()
    run = run_site(watched.sites[watched.name], everything(), now, 20)
    assert run.cycle(watched.name).at == now
    names = {entry.name for entry in catalogue.metrics()}
    assert {sample.metric for sample in run.samples} <= names


def test_what_was_learned_outlives_a_change_of_the_configuration_but_not_of_the_database(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_SPEND", "_SPEND_FIRST"):
        monkeypatch.setattr(frappe_errors, name, 1e-9)

    def windows() -> int:
        run = run_site(watched.sites[watched.name], {"frappe_errors"}, MADE, 20)
        return len(run.samples)

    def configure(**more: object) -> None:
        watched.config.write_text(json.dumps(json.loads(watched.config.read_text()) | more))
        assert watched.sites.refresh()

    # The week's errors are counted some hours in each run.
    assert windows() < 3
    while windows() < 3:
        pass
    configure(maintenance_mode=1)
    assert windows() == 3
    folder = watched.database.parent
    shutil.copy(watched.database, folder / "another.db")
    configure(db_name="another")
    assert windows() < 3

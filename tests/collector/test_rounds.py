"""Rounds over a site, for a host with a scheduler: what is due, who goes before, what a killed round leaves."""

import multiprocessing
import os
import signal
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from baken import clock
from baken.alerts import trial_alert
from baken.api.monitor import collector_state
from baken.collector import rounds
from baken.collector.rounds import Round, make_round
from baken.history import gaps, leases, present, requests, samples, tables
from baken.history.store import open_store
from baken.metrics import job_log
from baken.sites.site import Site
from tests.collector.conftest import Watched

HOUR = timedelta(hours=1)


def one(watched: Watched, **more: Any) -> Round:
    """One round over the site."""
    return make_round(watched.settings, watched.store, watched.sites[watched.name], patience=5, **more)


def by_metric(watched: Watched) -> dict[str, Any]:
    """When each figure of the site was measured last."""
    with watched.store.read() as conn:
        return present.measured_at(conn, watched.name)


def set_back(watched: Watched, span: timedelta) -> None:
    """Make everything look as if it had happened so much earlier."""
    by = int(span.total_seconds() * 1000)
    with watched.store.write() as conn:
        for table in (tables.measurements, tables.absences, tables.observations, tables.latest, tables.site_states):
            conn.execute(update(table).values(at=table.c.at - by))
        conn.execute(update(tables.marks).values(value=tables.marks.c.value - by))


def test_two_processes_of_one_number_make_no_two_rounds_at_once(watched: Watched) -> None:
    # As in two containers, or beside a round of the same process that was left behind.
    held: list[Round] = []

    def beside() -> None:
        held.append(one(watched, wait=0.0))

    assert one(watched, begun=beside).reason is None
    assert [each.reason for each in held] == ["another round over the site has not ended"]


def test_a_round_measures_reads_errors_and_says_that_the_site_is_watched(watched: Watched) -> None:
    done = one(watched)
    assert done.reason is None
    assert done.run is not None
    with watched.store.read() as conn:
        found = {entry.metric for entry in samples.latest(conn, watched.name)}
        assert {"association_members", "database_up", "monitor_collect_failures_total"} <= found
        own = {entry.metric for entry in samples.latest(conn, "")}
        assert {"host_cpus", "host_cpu_ratio", "monitor_store_bytes"} <= own
        assert conn.execute(select(tables.error_watermarks.c.site)).first() is not None
    state = collector_state(watched.store, clock.now())
    assert (state["running"], state["holder"]) == (True, leases.ROUNDS)
    # As long as the next round may take to come, and not for ever.
    assert not collector_state(watched.store, clock.now() + rounds.WATCH_TTL)["running"]


def test_only_what_is_due_is_measured_again(watched: Watched) -> None:
    one(watched)
    first = by_metric(watched)
    again = one(watched)
    assert again.run is not None
    assert {"association_members", "database_size_bytes"}.isdisjoint(again.run.measured)
    set_back(watched, timedelta(seconds=60))
    later = one(watched)
    assert later.run is not None
    assert "database_up" in later.run.measured
    assert by_metric(watched)["database_up"] >= first["database_up"]
    set_back(watched, HOUR)
    whole = one(watched)
    assert whole.run is not None
    assert set(first) <= set(whole.run.measured)


def test_nobody_looked_for_an_hour_and_the_history_says_so(watched: Watched) -> None:
    one(watched)
    set_back(watched, HOUR)
    one(watched)
    with watched.store.read() as conn:
        now = clock.now()
        found = gaps.gaps(conn, watched.name, now - 2 * HOUR, now)
    assert [gap.reason for gap in found] == ["Baken was not collecting"]


def test_a_collector_that_watches_the_site_goes_before(watched: Watched) -> None:
    one(watched)
    with watched.store.write() as conn:
        leases.take(conn, leases.COLLECTOR, "host:1", HOUR, clock.now())
    # It holds the lease, but has not looked at this site yet; or it watches other sites only.
    assert one(watched).reason is None
    with watched.store.write() as conn:
        conn.execute(
            update(tables.site_states)
            .where(tables.site_states.c.site == watched.name)
            .values(at=tables.site_states.c.at + 1)
        )
    aside = one(watched)
    assert (aside.reason, aside.stands_by) == ("the collector host:1 watches the site", True)
    set_back(watched, timedelta(minutes=5))
    assert one(watched).reason is None


def test_two_rounds_never_work_at_once(watched: Watched) -> None:
    with watched.store.write() as conn:
        leases.take(conn, rounds.lease_of(watched.name), "another round", HOUR / 20, clock.now())
    assert one(watched, wait=0.5).reason == "another round over the site has not ended"

    def end() -> None:
        with watched.store.write() as conn:
            leases.release(conn, rounds.lease_of(watched.name), "another round")

    timer = threading.Timer(0.5, end)
    timer.start()
    assert one(watched, wait=300).reason is None
    timer.join()


def test_what_is_asked_for_is_answered_by_a_round_without_figures(watched: Watched) -> None:
    one(watched)
    with watched.store.write() as conn:
        requests.ask(conn, watched.name, "beheer", clock.now())
        requests.ask(conn, "another.example", "beheer", clock.now())
        test = trial_alert.ask(conn, "test", watched.name, "beheer", clock.now())
        other = trial_alert.ask(conn, "test", "another.example", "beheer", clock.now())
    done = one(watched, figures=False)
    assert done.run is not None
    assert "association_members" in done.run.measured
    with watched.store.read() as conn:
        assert [request.site for request in requests.asked(conn)] == ["another.example"]
        assert trial_alert.answered(conn, test) is not None
        assert trial_alert.answered(conn, other) is None
    assert one(watched, figures=False).run is None


def test_a_long_log_is_read_on_from_round_to_round(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_log, "_PAGE", 2000)
    monkeypatch.setattr(job_log, "_PAGES_SECONDS", 0.0)
    last = None
    for number in range(60):
        # Every round is another process: it remembers nothing.
        done = make_round(
            watched.settings, watched.store, Site(watched.sites[watched.name].config, watched.settings), patience=5
        )
        assert done.run is not None
        if "frappe_scheduled_jobs_failing" in done.run.measured and (
            "frappe_scheduled_jobs_failing" not in done.run.absences
        ):
            assert number > 1
            return
        kept = job_log.remembered(watched.sites[watched.name])
        assert kept is None
        assert done.run.absences["frappe_scheduled_jobs_failing"] != last
        last = done.run.absences["frappe_scheduled_jobs_failing"]
        set_back(watched, timedelta(minutes=6))
    raise AssertionError("the log is never read to its end")


@pytest.mark.parametrize(
    "body", [{}, {"by": "modified", "outcomes": [1]}, {"by": 1, "outcomes": {"a": "b"}, "open": 3}]
)
def test_what_is_kept_of_a_log_and_makes_no_sense_is_read_anew(watched: Watched, body: dict[str, Any]) -> None:
    site = watched.sites[watched.name]
    job_log.remember(site, body)
    assert job_log.remembered(site) is None


def test_a_site_that_cannot_be_read_is_told_and_counted(watched: Watched) -> None:
    one(watched)
    watched.database.unlink()
    set_back(watched, HOUR)
    for expected in (1, 2):
        set_back(watched, timedelta(minutes=2))
        done = make_round(
            watched.settings, watched.store, Site(watched.sites[watched.name].config, watched.settings), patience=5
        )
        assert done.run is not None
        assert done.run.unreachable is not None
        with watched.store.read() as conn:
            found = samples.latest(conn, watched.name, ["monitor_collect_failures_total"])
        assert [entry.value for entry in found] == [expected]


def _killed(watched_url: str, settings: Any, site: Any, pipe: Any) -> None:
    pipe.send("begins")
    while True:
        make_round(settings, open_store(watched_url), Site(site, settings), patience=5, wait=1)


def test_a_round_that_is_killed_keeps_the_next_one_waiting_for_its_lease_only(watched: Watched) -> None:
    ours, theirs = multiprocessing.Pipe()
    config = watched.sites[watched.name].config
    for pause in (0.0, 0.5):
        process = multiprocessing.get_context("spawn").Process(
            target=_killed, args=(watched.settings.store_url, watched.settings, config, theirs)
        )
        process.start()
        assert ours.recv() == "begins"
        threading.Event().wait(pause)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        with watched.store.write() as conn:
            # Nobody gives it back; it ends by itself, here at once.
            conn.execute(update(tables.leases).values(expires=0))
        assert one(watched).reason is None
    with watched.store.read() as conn:
        assert len(samples.latest(conn, watched.name, ["database_up"])) == 1


def test_the_clean_up_and_the_second_try_of_channels(watched: Watched) -> None:
    one(watched)
    assert rounds.maintain(watched.settings, watched.store, timedelta(seconds=20)) in (True, False)
    rounds.try_again(watched.settings, watched.store, watched.sites[watched.name])

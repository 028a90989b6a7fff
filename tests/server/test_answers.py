"""What the methods answer, from what the store holds."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from baken import clock
from baken.alerts.watch import AlertWatch
from baken.api import dashboard, snapshots
from baken.history import audit, leases, requests, samples
from baken.history.samples import Cycle, Sample
from tests.server.world import ADMIN, PAGE, World, plain_calls, token

MEMBERS = {(("status", "Active"),): 401, (("status", "Terminated"),): 60, (("status", "Expired"),): 4}
FIGURES: dict[str, Any] = {
    "association_members": MEMBERS,
    "sepa_mandates": {(("status", "Active"),): 300},
    "sepa_batches": {(("status", "Draft"),): 2, (("status", "Submitted"),): 3},
    "sepa_batches_recent": 1,
    "frappe_errors": {(("window", "1h"),): 1, (("window", "24h"),): 2, (("window", "7d"),): 3},
    "erpnext_invoices": {(("status", "Draft"),): 5, (("status", "Paid"),): 50},
    "erpnext_invoices_submitted": 80,
}


def message(world: World, name: str, **args: Any) -> Any:
    answer = world.get(name, ADMIN, **args)
    assert answer.status_code == 200, answer.text
    return answer.json()["message"]


def test_one_missing_column_does_not_empty_five_groups(world: World) -> None:
    """Defect 4: one missing column lost members, SEPA, errors and invoices together."""
    reason = "DocType Volunteer of this site has no field status"
    at = world.record(FIGURES, absences={"association_volunteers": reason, "sepa_pending_payments": "no such column"})
    found = message(world, f"{PAGE}.get_system_metrics")
    assert found["members"] == {"active": 401, "pending": 0, "terminated": 60, "total": 465}
    assert found["volunteers"] == {"active": None, "total": None}
    assert found["sepa"] == {"active_mandates": 300, "recent_batches": 1, "batches": 5, "pending_payments": None}
    assert found["errors"] == {"last_hour": 1, "last_24h": 2, "last_week": 3}
    assert found["invoices"] == {"draft": 5, "submitted": 80, "paid": 50}
    assert found["absent"] == {"volunteers": reason, "sepa.pending_payments": "no such column"}
    assert found["measured_at"]["members"] == clock.iso(at)
    assert found["measured_at"]["volunteers"] is None
    assert found["site"] == "vereniging.test"


def test_nothing_measured_is_null_with_a_reason_never_zero(world: World) -> None:
    """Defect 10: constants passed for measurements."""
    found = message(world, f"{PAGE}.get_system_metrics")
    for group in ("members", "volunteers", "sepa", "errors", "invoices"):
        assert set(found[group].values()) == {None}
        assert found["absent"][group] == "not measured yet"
    found = message(world, f"{PAGE}.get_performance_metrics")
    for group in ("host", "database", "application", "business"):
        assert found[group]
        assert set(found[group].values()) == {None}
    report = message(world, "verenigingen.utils.resource_monitor.get_performance_report")
    assert report["summary"]["overall_health"] == "unknown"
    assert report["recommendations"] == []
    assert not [value for group in ("system", "database") for value in report["metrics"][group].values() if
                isinstance(value, (int, float))]  # fmt: skip


def test_figures_stay_with_their_age_while_the_site_is_out_of_reach(world: World) -> None:
    at = world.record(FIGURES)
    world.record({}, absences=dict.fromkeys(FIGURES, "the database server does not answer"), ok=False, reason="down",
                 at=at + timedelta(minutes=1))  # fmt: skip
    found = message(world, f"{PAGE}.get_system_metrics")
    assert found["members"]["active"] == 401
    assert found["measured_at"]["members"] == clock.iso(at)
    assert found["absent"]["members"] == "the database server does not answer"
    health = message(world, "verenigingen.utils.resource_monitor.get_system_health")
    assert health["status"] == "critical"
    assert "down" in health["reasons"][0]


def test_a_metric_that_vanished_shows_no_old_figure(world: World) -> None:
    at = world.record(FIGURES)
    world.record({}, absences={"association_members": "no DocType Member"}, at=at + timedelta(minutes=1))
    found = message(world, f"{PAGE}.get_system_metrics")
    assert set(found["members"].values()) == {None}
    assert found["absent"]["members"] == "no DocType Member"


def test_performance_metrics(world: World) -> None:
    """Defect 5: get_performance_metrics never worked."""
    world.record({"database_response_seconds": 0.002,
                  "database_size_bytes": {(("part", "data"),): 10, (("part", "index"),): 4},
                  "frappe_queue_length": {}})  # fmt: skip
    with world.store.write() as conn:
        disks = [
            Sample("host_disk_bytes", (("mount", "/"), ("state", "free")), 5.0),
            Sample("host_disk_bytes", (("mount", "/"), ("state", "used")), 6.0),
        ]
        samples.record(conn, [Cycle("", clock.now(), disks, measured=["host_disk_bytes"])])
    snapshots.forget(world.store)
    found = message(world, f"{PAGE}.get_performance_metrics")
    assert found["database"]["database_response_seconds"] == 0.002
    assert found["database"]["database_size_bytes"] == {"data": 10, "index": 4}
    assert found["application"]["frappe_queue_length"] == {}
    assert found["host"]["host_disk_bytes"] == {"/": {"free": 5, "used": 6}}
    assert found["measured_at"]["database"]
    assert found["absent"]["database_up"] == "not measured yet"


def test_observations(world: World) -> None:
    assert message(world, f"{PAGE}.get_audit_summary")["absent"] == "not measured yet"
    assert message(world, f"{PAGE}.get_active_alerts") == []
    row = {"process_type": "Mandate Creation", "action": "created", "compliance_status": "Compliant", "count": 2}
    alert = {"name": "a", "alert_type": "X", "severity": "HIGH", "message": "m", "status": "Active", "timestamp": None}
    at = world.record({"frappe_site_up": 1},
                      observations={"audit_summary": {"rows": [row], "totals": {"Compliant": 2}},
                                    "active_alerts": {"alerts": [alert], "open": {"HIGH": 1}, "total": 1}})  # fmt: skip
    snapshots.forget(world.store)
    found = message(world, f"{PAGE}.get_audit_summary")
    assert found["rows"] == [row]
    assert found["measured_at"] == clock.iso(at)
    assert found["absent"] is None
    (shown,) = message(world, f"{PAGE}.get_active_alerts")
    assert {name: shown[name] for name in alert} == alert
    assert (shown["source"], shown["may_act"], shown["number"]) == ("site", False, None)


def test_a_part_that_fails_leaves_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """D11."""
    world.record(FIGURES)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("jan@leden.example")

    monkeypatch.setattr("baken.errors.patterns.recent", broken)
    found = message(world, f"{PAGE}.refresh_dashboard_data")
    assert set(found["recent_errors"]) == {"error"}
    assert "jan@" not in found["recent_errors"]["error"]
    assert found["system_metrics"]["members"]["active"] == 401
    assert found["performance_metrics"]["host"]
    assert found["monitor"]["site"]["ok"] is True
    assert found["measured"] is None


def test_a_forced_refresh_asks_the_collector_and_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # As long as the collector of this test may need on a slow machine.
    monkeypatch.setattr(dashboard, "FORCE_SECONDS", 60.0)
    world.record(FIGURES)

    def collect() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with world.store.write() as conn:
                asked = requests.asked(conn)
                if asked and requests.take(conn, asked[0]):
                    break
            time.sleep(0.02)
        world.record(FIGURES | {"association_members": {(("status", "Active"),): 402}})

    collector = threading.Thread(target=collect)
    collector.start()
    found = message(world, f"{PAGE}.refresh_dashboard_data", force=1)
    collector.join()
    assert found["measured"] is True
    assert found["system_metrics"]["members"]["active"] == 402
    with world.store.read() as conn:
        assert [entry.action for entry in audit.entries(conn) if entry.action != "looked"] == ["refresh"]


def test_a_run_that_began_before_the_asking_does_not_answer_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change made just before "refresh now" was missing from the answer when a run was under way."""
    monkeypatch.setattr(dashboard, "FORCE_SECONDS", 0.5)
    began = clock.now() - timedelta(milliseconds=20)
    real = requests.ask

    def ask(conn: Any, site: str, by: str, at: Any) -> None:
        real(conn, site, by, at)
        cycle = Cycle(site, began, [Sample("database_up", (), 1.0)], measured=["database_up"])
        samples.record(conn, [cycle])

    monkeypatch.setattr(requests, "ask", ask)
    assert message(world, f"{PAGE}.refresh_dashboard_data", force=1)["measured"] is False


def test_a_forced_refresh_without_a_collector_does_not_wait_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dashboard.FORCE_SECONDS <= 3
    monkeypatch.setattr(dashboard, "FORCE_SECONDS", 0.2)
    assert message(world, f"{PAGE}.refresh_dashboard_data", force=1)["measured"] is False


def test_many_forced_refreshes_hold_up_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, release = threading.Semaphore(0), threading.Event()

    def wait(*_: object) -> bool:
        waiting.release()
        return not release.wait(60)

    monkeypatch.setattr(dashboard, "_wait", wait)
    results: list[bool] = []

    def force() -> None:
        results.append(message(world, f"{PAGE}.refresh_dashboard_data", force=1)["measured"])

    crowd = [threading.Thread(target=force) for _ in range(30)]
    for one in crowd:
        one.start()
    # All that may wait do so, and the others have what there is.
    for _ in range(8):
        assert waiting.acquire(timeout=60)
    message(world, f"{PAGE}.get_system_metrics")
    assert not release.is_set()
    release.set()
    for one in crowd:
        one.join()
    assert results == [False] * 30


def test_the_monitoring_system_is_tested(world: World) -> None:
    """Defect 17: the older test said PASS whatever happened, and wrote alerts into the site."""
    before = world.files["vereniging.test"].read_bytes()
    found = message(world, f"{PAGE}.test_monitoring_system")
    hops = {hop["hop"]: hop for hop in found["hops"]}
    assert hops["site database"]["ok"] is True
    assert hops["store"]["ok"] is True
    assert hops["redis cache"]["ok"] is None
    assert hops["site address"]["ok"] is None
    assert hops["collector"]["ok"] is False
    assert found["status"] == "error"
    assert "collector" in found["message"]
    assert world.files["vereniging.test"].read_bytes() == before
    with world.store.write() as conn:
        leases.take(conn, "collector", "host:1", timedelta(minutes=1), clock.now())
    world.record({"frappe_site_up": 1})
    watch = AlertWatch(world.settings, world.store, "host:1", lambda: list(world.sites))
    watch.start()
    found = message(world, f"{PAGE}.test_monitoring_system")
    watch.stop()
    assert found["status"] == "success"
    hops = {hop["hop"]: hop for hop in found["hops"]}
    assert hops["alert evaluated"]["ok"] is True
    # Nobody is told where nobody was set up to be told; that is said, and no success.
    assert hops["channels"]["ok"] is None
    assert "alerts.recipients" in hops["channels"]["detail"]
    assert all(hop["detail"] for hop in found["hops"])
    world.files["vereniging.test"].unlink()
    found = message(world, f"{PAGE}.test_monitoring_system")
    assert "site database" in found["message"]


def test_watching_writes_nothing_into_the_site(world: World) -> None:
    """Defect 14: every call wrote Error Log rows into what it measured."""
    before = world.files["vereniging.test"].read_bytes()
    for entry, args in plain_calls():
        message(world, entry.name, **args)
    world.sign_in()
    assert world.files["vereniging.test"].read_bytes() == before


def test_monitor_status(world: World) -> None:
    found = message(world, "baken.get_monitor_status")
    assert found["collector"]["running"] is False
    assert found["collector"]["reason"]
    with world.store.write() as conn:
        leases.take(conn, "collector", "host:1", timedelta(minutes=10), clock.now())
    at = world.record({"frappe_site_up": 1}, absences={"frappe_sessions": "no"})
    snapshots.forget(world.store)
    found = message(world, "baken.get_monitor_status")
    assert found["collector"]["running"] is True
    assert found["collector"]["last_seen"] == clock.iso(at)
    assert found["site"]["ok"] is True
    assert found["absent"] == 1


def test_series(world: World) -> None:
    now = clock.now()
    for minutes in (50, 40, 10):
        world.record({"frappe_sessions": minutes}, at=now - timedelta(minutes=minutes))
    found = message(world, "baken.get_series", metric="frappe_sessions", hours=1, step=60)
    (line,) = found["series"]
    assert line["value"] == [50, 40, 10]
    assert found["step"] == 60
    assert found["unit"]
    assert found["end"] - found["start"] == 3_600_000
    for args, word in (
        ({"metric": "nothing"}, "get_metric_catalogue"),
        ({"metric": "frappe_sessions", "labels": '{"x": "y"}'}, "labels: none"),
        ({"metric": "frappe_sessions", "hours": 5000, "step": 1}, "step"),
        ({"metric": "frappe_sessions", "hours": 0}, "hours"),
    ):
        answer = world.get("baken.get_series", ADMIN, **args)
        assert answer.status_code == 417
        assert word in answer.json()["message"]


def test_metrics_and_catalogue(world: World) -> None:
    world.record(FIGURES)
    every = message(world, "baken.get_metrics")
    by_name = {row["metric"]: row for row in every}
    assert {value["labels"]["status"]: value["value"] for value in by_name["association_members"]["values"]}[
        "Active"
    ] == 401
    assert by_name["database_up"]["absent"] == "not measured yet"
    listed = message(world, "baken.get_metric_catalogue", domain="sepa")
    assert {row["domain"] for row in listed} == {"sepa"}
    assert len(message(world, "baken.get_metric_catalogue")) == len(every)
    world.record(FIGURES | {"association_members": {(("status", "Active"),): 9}})
    time.sleep(snapshots.CHECK_SECONDS)
    again = {row["metric"]: row for row in message(world, "baken.get_metrics", domain="association")}
    assert [value["value"] for value in again["association_members"]["values"]] == [9]


@pytest.mark.parametrize(
    ("accepts", "packed"), [("gzip, br", True), ("br;q=1, gzip;q=0.5", True), ("gzip;q=0, br", False), ("", False)]
)
def test_long_answers_are_packed_for_those_who_take_it(world: World, accepts: str, packed: bool) -> None:
    long, short = (
        world.client.get(f"/api/method/{name}", headers={**token(ADMIN), "Accept-Encoding": accepts})
        for name in ("baken.get_metric_catalogue", "baken.get_sites")
    )
    assert (long.status_code, short.status_code) == (200, 200), long.text
    assert ("content-encoding" in long.headers) == packed
    assert "content-encoding" not in short.headers
    assert long.headers["vary"] == short.headers["vary"] == "Accept-Encoding"
    # The client unpacks it: what arrives is the same.
    assert len(long.json()["message"]) > 50
    if packed:
        assert int(long.headers["content-length"]) < len(long.content) / 4

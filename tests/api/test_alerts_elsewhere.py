"""Alerts that another system reports, as the methods about alerts show them."""

from pathlib import Path

from baken import clock
from baken.alerts import external, words
from baken.alerts.external import Report
from baken.alerts.lifecycle import Act
from baken.settings import Alerts
from tests.api.alerted import SITE
from tests.server.world import PAGE, make_world


def test_what_another_system_reports_is_called_by_it_and_leads_there(tmp_path: Path) -> None:
    link = "https://prometheus.example/graph"
    report = Report(
        "alertmanager",
        "f1",
        True,
        "NodeDown",
        SITE,
        "HIGH",
        "The node is down",
        "",
        clock.now(),
        link,
        {"instance": "db1"},
    )
    with make_world(tmp_path) as world:
        with world.store.write() as conn:
            external.take(Act(conn, Alerts(), clock.now()), report, {})
        (found,) = world.get(f"{PAGE}.get_active_alerts").json()["message"]
        assert found["rule_name"] == {"en": "Problem in Alertmanager", "nl": "Probleem in Alertmanager"}
        assert found["where"] == "problem NodeDown, instance db1"
        one = world.get("baken.get_alert", number=found["number"]).json()["message"]
        assert one["link"] == link
        assert one["rule"]["kind"] == "external"


def test_only_names_of_sources_are_theirs() -> None:
    assert external.of_name("ALERTMANAGER") is external.rule_of("alertmanager")
    assert external.of_name("HIGH_DISK") is None


def test_what_is_wrong_comes_before_where() -> None:
    assert words.where({"instance": "db1", "problem": "NodeDown"}, "nl") == "probleem NodeDown, instantie db1"

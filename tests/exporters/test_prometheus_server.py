"""A real Prometheus that fetches from a running Baken, with configuration, targets and rules as Baken writes them."""

import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml

from baken import __version__, clock
from baken.alerts import rulebook
from baken.alerts.kept_rules import Books
from baken.exporters import prometheus_rules, prometheus_targets
from baken.exporters.prometheus_targets import Address
from tests.conftest import in_ci
from tests.server.world import World, make_world
from tests.server_prometheus import Prometheus
from tests.servers import ServerMissingError, free_port, program, running

SITES = ("vereniging.test", "ander.test")
TOKEN = "a-token-of-prometheus"
PATIENCE = 30.0


@dataclass
class Watched:
    """A running Baken and the Prometheus that fetches from it."""

    world: World
    address: Address
    prometheus: Prometheus

    def api(self, path: str, **arguments: str) -> Any:
        """What Prometheus' API answers."""
        query = f"?{urllib.parse.urlencode(arguments)}" if arguments else ""
        with urllib.request.urlopen(f"{self.prometheus.url}/api/v1/{path}{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values of the series of an expression at this moment."""
        found = self.api("query", query=expression)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def until(self, look: Callable[[], Any]) -> Any:
        """What `look` finds, as soon as it finds something."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, (self.api("targets")["activeTargets"], self.api("alerts"))
            time.sleep(0.2)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    more = {"exporters": {"prometheus": {"token": TOKEN}, "labels": {"baken": "host-1"}}}
    public = folder / "public"
    public.mkdir()
    with make_world(folder, names=SITES, public=public, more=more) as world, _served(world) as port:
        address = Address(f"127.0.0.1:{port}", https=False)
        try:
            with running(lambda home: Prometheus(home, _config(world, address, home))) as prometheus:
                yield Watched(world, address, prometheus)
        except ServerMissingError as missing:
            if in_ci():
                pytest.fail(f"{missing}; in CI every server has to be there")
            pytest.skip(str(missing))


class _served:  # noqa: N801 - used as a function
    def __init__(self, world: World) -> None:
        self.port = free_port()
        self.server = uvicorn.Server(
            uvicorn.Config(
                world.app, port=self.port, log_level="error", access_log=False, proxy_headers=False, server_header=False
            )
        )
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self) -> int:
        self.thread.start()
        while not self.server.started and self.thread.is_alive():
            threading.Event().wait(0.02)
        return self.port

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join()


def _config(world: World, address: Address, home: Path) -> str:
    """Three ways at once, each a job; and the rules."""
    secret = home / "baken.token"
    secret.write_text(TOKEN)
    prometheus_targets.write_whole(
        home / "targets.json",
        prometheus_targets.targets_text(prometheus_targets.targets(SITES, address, world.settings.exporters.labels)),
    )
    ways: dict[str, dict[str, Any]] = {
        "baken": {"token_file": str(secret)},
        "by_file": {"token_file": str(secret), "targets_file": str(home / "targets.json")},
        "by_discovery": {"with_token": True, "discover": True},
    }
    scrapes = []
    for job, way in ways.items():
        (scrape,) = yaml.safe_load(prometheus_targets.config(world.settings, address, job=job, **way))["scrape_configs"]
        scrapes.append(scrape | {"scrape_interval": "1s", "scrape_timeout": "1s"})
    book = rulebook.read(None)
    wishes = prometheus_rules.Wishes(public_url="https://baken.example", interval="1s")
    (home / "rules.yml").write_text(prometheus_rules.text(prometheus_rules.make(Books(book), wishes)))
    text = yaml.safe_dump({"scrape_configs": scrapes, "rule_files": [str(home / "rules.yml")]})
    checked = home / "checked.yml"
    checked.write_text(text)
    done = subprocess.run(
        [program("promtool"), "check", "config", checked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return text


def test_every_target_is_fetched(watched: Watched) -> None:
    def up() -> Any:
        found = watched.query("up")
        return len(found) == 1 + 2 * 3 and all(value == 1 for _, value in found) and found

    found = watched.until(up)
    assert sorted((labels["job"], labels["instance"]) for labels, _ in found) == sorted(
        (job, instance)
        for job, instances in {
            "baken": [watched.address.at],
            "by_file": [watched.address.at, *SITES],
            "by_discovery": [watched.address.at, *SITES],
        }.items()
        for instance in instances
    )
    assert {labels["baken"] for labels, _ in found} == {"host-1"}
    told = {labels["job"]: labels for labels, _ in watched.query("baken_build_info")}
    assert told.keys() == {"baken", "by_file", "by_discovery"}
    assert told["by_file"]["version"] == __version__
    meta = watched.api("targets/metadata", metric="baken_sites", match_target='{job="baken"}')
    assert (meta[0]["type"], meta[0]["help"]) == ("gauge", "Sites that are watched.")


def test_series_arrive_with_their_labels_and_age_and_what_is_absent(watched: Watched) -> None:
    world = watched.world
    world.record(
        {"frappe_errors": {(("window", "1h"),): 4}, "frappe_redis_up": {(("instance", "queue"),): 1}},
        absences={"sepa_mandates": "this site has no such DocType"},
    )
    world.record({"frappe_queue_length": {(("queue", 'lo"n\\g'),): 9}}, site="ander.test")
    world.record({"host_cpu_ratio": 0.5}, site="")
    (found,) = watched.until(lambda: watched.query('baken_frappe_errors{job="baken"}'))
    wanted = {"job": "baken", "instance": watched.address.at, "baken": "host-1", "site": "vereniging.test"}
    assert found == ({"__name__": "baken_frappe_errors", **wanted, "window": "1h"}, 4.0)
    # A target of its own bears the site's name, and the figures are the same.
    (own,) = watched.until(lambda: watched.query('baken_frappe_errors{job="by_discovery"}'))
    assert own[0]["instance"] == own[0]["site"] == "vereniging.test"
    ((labels, _),) = watched.until(lambda: watched.query('baken_frappe_redis_up{job="by_file"}'))
    assert (labels["instance"], labels["instance_name"]) == ("vereniging.test", "queue")
    ((labels, _),) = watched.until(lambda: watched.query('baken_frappe_queue_length{job="baken"}'))
    assert labels["queue"] == 'lo"n\\g'
    ((labels, value),) = watched.until(lambda: watched.query('baken_host_cpu_ratio{job="by_file"}'))
    assert (labels["instance"], value) == (watched.address.at, 0.5)
    ((_, age),) = watched.until(
        lambda: watched.query('baken_measured_age_seconds{job="baken", metric="host_cpu_ratio"}')
    )
    assert 0 <= age < PATIENCE
    (absent,) = watched.until(lambda: watched.query('baken_absent{job="baken"} == 1'))
    assert (absent[0]["site"], absent[0]["metric"]) == ("vereniging.test", "sepa_mandates")
    assert watched.query('count by (__name__) ({job="baken", __name__=~"baken_.+", exported_job!=""})') == []


def test_what_was_not_measured_for_too_long_ends_in_prometheus(watched: Watched) -> None:
    world = watched.world
    site = "ander.test"
    world.record({"database_connections": 7}, site=site, at=clock.now() - timedelta(seconds=294))
    expression = 'baken_database_connections{job="baken"}'
    assert watched.until(lambda: watched.query(expression))[0][1] == 7
    watched.until(lambda: not watched.query(expression))
    which = f'{{job="baken", site="{site}", metric="database_connections"}}'
    assert watched.until(lambda: watched.query(f"baken_absent{which}"))
    ((_, age),) = watched.until(lambda: watched.query(f"baken_measured_age_seconds{which}"))
    assert age > 300


def test_the_rules_are_there_and_one_fires(watched: Watched) -> None:
    groups = watched.api("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in rules if rule["type"] == "alerting"} >= set(rulebook.read(None).rules)
    world = watched.world
    world.record({"association_members_left": {(("window", "day"),): 11}})

    def firing(name: str) -> Any:
        return [
            each
            for each in watched.api("alerts")["alerts"]
            if each["labels"]["alertname"] == name and each["labels"]["job"] == "by_file" and each["state"] == "firing"
        ]

    (alert,) = watched.until(lambda: firing("HIGH_MEMBER_CHURN"))
    assert alert["labels"] == {
        "alertname": "HIGH_MEMBER_CHURN",
        "severity": "warning",
        "source": "baken",
        "baken_severity": "MEDIUM",
        "area": "business",
        "site": "vereniging.test",
        "window": "day",
        "job": "by_file",
        "instance": "vereniging.test",
        "baken": "host-1",
    }
    assert alert["annotations"]["summary"].startswith("11 ")
    assert "vereniging.test" in alert["annotations"]["description"]
    assert "{" not in json.dumps(alert["annotations"]).strip("{}")
    assert alert["annotations"]["link"] == "https://baken.example/monitoring_dashboard/alerts?site=vereniging.test"
    world.record({"association_members_left": {(("window", "day"),): 2}})
    watched.until(lambda: not firing("HIGH_MEMBER_CHURN"))
    # What a text says beside the value is asked of Prometheus.
    world.record({"sepa_collections": {(("result", "Failed"),): 8, (("result", "Successful"),): 12}})
    (alert,) = watched.until(
        lambda: [
            each
            for each in watched.api("alerts")["alerts"]
            if each["labels"]["alertname"] == "PAYMENT_FAILURES" and each["labels"]["job"] == "baken"
        ]
    )
    assert alert["state"] == "pending"
    assert "Of the 20 direct debits" in alert["annotations"]["description"]
    assert "8 failed (40%)" in alert["annotations"]["description"]
    # Every rule could be judged.
    judged = watched.until(lambda: [group for group in watched.api("rules")["groups"] if group["rules"]])
    assert [rule["name"] for group in judged for rule in group["rules"] if rule["health"] == "err"] == []

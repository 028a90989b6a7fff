"""Against a real Zabbix: templates imported, sites discovered, values arriving, triggers firing, problems reported.

One server for all tests of this file; each test leaves behind what it made.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import select

from baken import clock
from baken.alerts import lifecycle, rulebook
from baken.alerts.lifecycle import Act, Opening
from baken.clock import to_ms
from baken.exporters import zabbix as exporter
from baken.exporters import zabbix_mediatype, zabbix_rules, zabbix_template
from baken.exporters.pushing import NotTaken
from baken.exporters.zabbix import ZabbixExporter
from baken.exporters.zabbix_figures import Value
from baken.exporters.zabbix_sending import sender
from baken.history.tables import alerts
from baken.settings import ZabbixTarget
from tests.conftest import in_ci
from tests.server.world import ADMIN, KEYS, World, make_world
from tests.server_zabbix import Zabbix
from tests.servers import MariaDB, ServerMissingError, free_port, running

SECRET = "a-secret-of-the-tests"
ONE, TWO, THREE = "een.vereniging.test", "twee.vereniging.test", "drie.vereniging.test"
ODD = 'mail, "grote" [A]'
NIGHT = "22:00-07:00"

Figures = Mapping[str, Any]


@dataclass
class Set:
    """A Zabbix with the templates, and a Baken that sends to it and that it can reach."""

    zabbix: Zabbix
    world: World
    address: str
    exporter: ZabbixExporter

    def push_until(self, done: Callable[[], bool], said: str, *, seconds: float = 90) -> None:
        ends = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < ends, f"in vain for {said}: {self.exporter.push()}"
            self.exporter.push()
            time.sleep(0.5)

    def tell(self, figures: Figures, site: str = ONE, at: datetime | None = None) -> datetime:
        """Store figures as measured at a moment and send them."""
        moment = self.world.record(figures, site=site, at=at)
        self.exporter.push()
        return moment

    def triggers(self, host: str, **more: Any) -> dict[str, dict[str, Any]]:
        asked = {"host": host, "output": ["description", "priority", "value", "flags"], **more}
        return {each["description"]: each for each in self.zabbix.call("trigger.get", asked)}

    def alerts(self) -> list[Any]:
        with self.world.store.read() as conn:
            return list(conn.execute(select(alerts).where(alerts.c.rule == "ZABBIX").order_by(alerts.c.number)))


@pytest.fixture(scope="module")
def zabbix(mariadb: MariaDB) -> Iterator[Zabbix]:
    try:
        with running(lambda folder: Zabbix(folder, mariadb)) as server:
            yield server
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def given(zabbix: Zabbix, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Set]:
    for way in zabbix_template.WAYS:
        zabbix.import_(template(way))
    zabbix.import_(zabbix_template.text(zabbix_mediatype.document("6.0")))
    group = zabbix.call("hostgroup.get", {"filter": {"name": zabbix_template.HOST_GROUP}})[0]["groupid"]
    zabbix.call(
        "host.create",
        {
            "host": "Baken",
            "groups": [{"groupid": group}],
            "templates": [{"templateid": template_id(zabbix, "Baken server by trapper")}],
        },
    )
    more = {
        "incoming": {"zabbix_token": SECRET},
        "exporters": {"zabbix": [{"server": "127.0.0.1", "port": zabbix.port}]},
    }
    folder: Path = tmp_path_factory.mktemp("zabbix")
    with make_world(folder, names=(ONE, TWO, THREE), more=more, role_cache_seconds=300) as world:
        port = free_port()
        config = uvicorn.Config(world.app, port=port, log_level="error", access_log=False, proxy_headers=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started and thread.is_alive():
            threading.Event().wait(0.02)
        found = exporter.exporters(world.settings, world.store, lambda: [ONE, TWO])[0]
        assert isinstance(found, ZabbixExporter)
        try:
            yield Set(zabbix, world, f"http://127.0.0.1:{port}", found)
        finally:
            server.should_exit = True
            thread.join()


def called(rule: str) -> str:
    return zabbix_rules.called(rulebook.read(None).rules[rule])


def template(way: zabbix_template.Way) -> str:
    rules = list(rulebook.read(None).rules.values())
    return zabbix_template.text(zabbix_template.document(rules, version="6.0", way=way, night=NIGHT))


def template_id(zabbix: Zabbix, name: str) -> str:
    return str(zabbix.call("template.get", {"filter": {"host": name}})[0]["templateid"])


def counted(zabbix: Zabbix, name: str) -> dict[str, int]:
    identifier = template_id(zabbix, name)
    asked = {"templateids": identifier, "countOutput": True}
    kinds = ("item", "trigger", "discoveryrule", "itemprototype", "triggerprototype", "graph", "graphprototype")
    return {kind: int(zabbix.call(f"{kind}.get", asked)) for kind in kinds}


def test_a_template_is_imported_again_without_a_trace(given: Set) -> None:
    before = {way: counted(given.zabbix, zabbix_template.template_name(way, host=False)) for way in ("trapper", "http")}
    items = {each["itemid"] for each in given.zabbix.call("item.get", {"templated": True, "output": ["itemid"]})}
    for way in zabbix_template.WAYS:
        given.zabbix.import_(template(way))
    after = {way: counted(given.zabbix, zabbix_template.template_name(way, host=False)) for way in ("trapper", "http")}
    assert before == after
    assert min(after["trapper"].values()) > 10
    assert items == {
        each["itemid"] for each in given.zabbix.call("item.get", {"templated": True, "output": ["itemid"]})
    }


def test_sites_and_what_is_on_them_are_discovered_and_values_arrive(given: Set) -> None:
    zabbix, world = given.zabbix, given.world
    world.record(
        {
            "host_cpu_ratio": 0.25,
            "host_disk_used_ratio": {(("mount", "/"),): 0.5, (("mount", '/srv, "x"]'),): 0.25},
        },
        site="",
    )
    measured = clock.now()
    for site in (ONE, TWO):
        world.record(
            {
                "frappe_site_up": 1,
                "frappe_queue_length": {(("queue", ODD),): 3, (("queue", "long"),): 0},
                "database_queries_total": 1000,
                "frappe_errors": {(("window", "1h"),): 4, (("window", "24h"),): 40},
            },
            site=site,
            at=measured,
        )
    first = given.exporter.push()
    # Nothing of it is known yet, and nothing is lost: it waits for Zabbix.
    assert first.rejected == 0
    assert first.waiting > 0
    assert first.problem == ""
    given.push_until(lambda: given.exporter.push().waiting == 0, "the discovery of everything")

    assert {each["host"] for each in zabbix.call("host.get", {"output": ["host"]})} >= {"Baken", ONE, TWO}
    zabbix.until(lambda: zabbix.last(TWO, "baken.frappe_errors[24h]") == "40", "the last value")
    zabbix.until(lambda: zabbix.last(TWO, "baken.known") == "6" == zabbix.last(ONE, "baken.known"), "all values")
    for site in (ONE, TWO):
        assert zabbix.last(site, "baken.frappe_site_up") == "1"
        assert zabbix.last(site, "baken.frappe_errors[1h]") == "4"
        assert zabbix.last(site, 'baken.frappe_queue_length["mail, \\"grote\\" [A]"]') == "3"
        assert zabbix.last(site, "baken.known") == "6"
    zabbix.until(lambda: zabbix.last("Baken", "baken.host_cpu_ratio") == "25", "the machine's values")
    assert zabbix.last("Baken", 'baken.host_disk_used_ratio["/srv, \\"x\\"]"]') == "25"
    # A figure has the moment of its measurement, not of its arrival.
    found = zabbix.call("item.get", {"host": TWO, "filter": {"key_": "baken.frappe_site_up"}, "output": ["lastclock"]})
    assert int(found[0]["lastclock"]) == int(measured.timestamp())
    # What was sent is not sent again; what Baken tells of itself is.
    again = given.exporter.push()
    assert (again.waiting, again.rejected) == (0, 0)
    assert again.sent < first.waiting

    world.record({"database_queries_total": 1600}, site=ONE, at=measured + timedelta(seconds=60))
    given.exporter.push()
    zabbix.until(lambda: zabbix.last(ONE, "baken.database_queries_total") == "10", "the rate of a counter")


def test_triggers_are_made_for_the_label_sets_that_a_rule_is_about(given: Set) -> None:
    given.push_until(
        lambda: f"{called('HIGH_ERROR_RATE')}: 1h" in given.triggers(ONE), "the triggers of what was discovered"
    )
    made = given.triggers(ONE, selectDependencies=["description"], selectTags="extend")
    assert f"{called('HIGH_ERROR_RATE')}: 24h" not in made
    assert f"{called('DAILY_ERRORS')}: 24h" in made
    assert f"{called('DAILY_ERRORS')}: 1h" not in made
    assert f"{called('LONG_JOBS_STUCK')}: long" in made
    assert f"{called('LONG_JOBS_STUCK')}: {ODD}" not in made
    assert made[f"{called('HIGH_ERROR_RATE')}: 1h"]["priority"] == "5"
    assert {each["description"] for each in made[f"{called('HIGH_JOB_QUEUE')}: long"]["dependencies"]} >= {
        f"{called('QUEUE_LENGTH')}: long"
    }
    slow = {each["description"] for each in made[called("SITE_SLOW")]["dependencies"]}
    assert slow >= {called("SITE_DOWN"), called("DATABASE_DOWN")}
    assert {"tag": "rule", "value": "HIGH_ERROR_RATE"} in made[f"{called('HIGH_ERROR_RATE')}: 1h"]["tags"]


def test_a_trigger_fires_and_recovers(given: Set) -> None:
    zabbix, now = given.zabbix, clock.now()
    down = called("SITE_DOWN")
    assert down not in zabbix.problems()
    # Zabbix reckons with the moments of the figures, so that a quarter of an hour takes a moment.
    given.world.record({"frappe_site_up": 0}, site=TWO, at=now + timedelta(seconds=200))
    given.exporter.push()
    zabbix.until(lambda: zabbix.last(TWO, "baken.frappe_site_up") == "0", "the value")
    given.world.record({"frappe_site_up": 0}, site=TWO, at=now + timedelta(seconds=340))
    given.exporter.push()
    zabbix.until(lambda: down in zabbix.problems(), "the problem")
    problem = next(each for each in zabbix.call("problem.get", {"selectTags": "extend"}) if each["name"] == down)
    assert problem["severity"] == "5"
    assert {"tag": "baken", "value": "site"} in problem["tags"]
    assert {"tag": "site", "value": TWO} in problem["tags"]
    given.world.record({"frappe_site_up": 1}, site=TWO, at=now + timedelta(seconds=400))
    given.exporter.push()
    zabbix.until(lambda: zabbix.last(TWO, "baken.frappe_site_up") == "1", "the value")
    # It is over when it has answered for two minutes, not at the first answer.
    assert down in zabbix.problems()
    given.world.record({"frappe_site_up": 1}, site=TWO, at=now + timedelta(seconds=540))
    given.exporter.push()
    zabbix.until(lambda: down not in zabbix.problems(), "the recovery")


def test_what_baken_judges_is_a_problem_in_zabbix_too(given: Set) -> None:
    zabbix = given.zabbix
    name = called("CREDENTIALS_IN_ERRORS")
    given.push_until(lambda: name in given.triggers(ONE), "the discovery of the rules")
    assert given.triggers(ONE)[name]["priority"] == "4"
    assert given.triggers(ONE)[called("NEW_MINOR_ERROR_PATTERN")]["priority"] == "1"
    rule = rulebook.read(None).rules["CREDENTIALS_IN_ERRORS"]
    with given.world.store.write() as conn:
        act = Act(conn, given.world.settings.alerts, clock.now())
        key = lifecycle.key_of(rule.name, ONE, {})
        number = lifecycle.open_alert(act, Opening(rule, ONE, {}, key, clock.now(), None, {}, {}))
    given.exporter.push()
    zabbix.until(lambda: name in zabbix.problems(), "the problem")
    with given.world.store.write() as conn:
        lifecycle.resolve(Act(conn, given.world.settings.alerts, clock.now()), number)
    given.exporter.push()
    zabbix.until(lambda: name not in zabbix.problems(), "the recovery")


def test_values_that_zabbix_refuses_are_named(given: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    """168 refused values must never look well: whose they were is said."""
    monkeypatch.setattr(exporter, "PATIENCE", timedelta(0))
    found = exporter.exporters(given.world.settings, given.world.store, lambda: [ONE, "nobody.test"])[0]
    given.world.record({"frappe_site_up": 1, "frappe_workers": {(("queue", "x"),): 1}}, site="nobody.test")
    found.push()
    time.sleep(0.01)
    told = found.push()
    assert told.rejected > 0
    assert told.sent > 0
    assert "the host nobody.test is not there, is disabled, or has none of the template's items" in told.problem
    assert ONE not in told.problem
    # From then on the host is asked after with a single value.
    time.sleep(0.01)
    before = found.push()
    assert (before.rejected, before.problem) == (told.rejected, told.problem)


def test_zabbix_fetches_by_http(given: Set) -> None:
    zabbix = given.zabbix
    group = zabbix.call("hostgroup.get", {"filter": {"name": zabbix_template.HOST_GROUP}})[0]["groupid"]
    macros = {"{$BAKEN.URL}": given.address, "{$BAKEN.TOKEN}": KEYS[ADMIN], "{$BAKEN.SITE}": ONE}
    host = zabbix.call(
        "host.create",
        {
            "host": "by HTTP",
            "groups": [{"groupid": group}],
            "templates": [{"templateid": template_id(zabbix, "Baken site by HTTP")}],
            "macros": [{"macro": name, "value": value} for name, value in macros.items()],
        },
    )["hostids"][0]
    given.world.record(
        {
            "frappe_site_up": 1,
            "frappe_queue_length": {(("queue", ODD),): 7, (("queue", "long"),): 0},
            "database_connections_used_ratio": 0.5,
        }
    )
    given.world.record(
        {
            "frappe_site_up": 1,
            "frappe_queue_length": {(("queue", "it's"),): 7, (("queue", "long"),): 0},
            "database_connections_used_ratio": 0.5,
        },
        site=ONE,
    )
    master = zabbix.call("item.get", {"hostids": host, "filter": {"key_": zabbix_template.DOCUMENT}})[0]["itemid"]

    def fetched(key: str, value: str) -> Callable[[], bool]:
        def look() -> bool:
            zabbix.call("task.create", [{"type": "6", "request": {"itemid": master}}])
            time.sleep(1)
            return zabbix.last("by HTTP", key) == value

        return look

    zabbix.until(fetched("baken.frappe_site_up", "1"), "a figure", 120)
    zabbix.until(lambda: zabbix.last("by HTTP", "baken.database_connections_used_ratio") == "50", "another")
    zabbix.until(fetched("baken.frappe_queue_length[it's]", "7"), "what was discovered", 120)
    zabbix.until(fetched("baken.frappe_queue_length[long]", "0"), "another queue")
    zabbix.until(fetched("baken.alerts[NEW_ERROR_PATTERN]", "0"), "the rules")
    asked = {"hostids": host, "output": ["key_", "error"], "filter": {"state": "1"}}
    assert zabbix.call("item.get", asked) == []
    assert zabbix.call("discoveryrule.get", asked) == []


def test_the_site_is_discovered_by_http_too(given: Set) -> None:
    zabbix = given.zabbix
    group = zabbix.call("hostgroup.get", {"filter": {"name": zabbix_template.HOST_GROUP}})[0]["groupid"]
    macros = {"{$BAKEN.URL}": given.address, "{$BAKEN.TOKEN}": KEYS[ADMIN], "{$BAKEN.SITE}": THREE}
    host = zabbix.call(
        "host.create",
        {
            "host": "server by HTTP",
            "groups": [{"groupid": group}],
            "templates": [{"templateid": template_id(zabbix, "Baken server by HTTP")}],
            "macros": [{"macro": name, "value": value} for name, value in macros.items()],
        },
    )["hostids"][0]
    given.world.record({"host_cpu_ratio": 0.25}, site="")
    master = zabbix.call("item.get", {"hostids": host, "filter": {"key_": zabbix_template.DOCUMENT}})[0]["itemid"]

    def found() -> Any:
        zabbix.call("task.create", [{"type": "6", "request": {"itemid": master}}])
        time.sleep(1)
        return zabbix.call(
            "host.get", {"filter": {"host": THREE}, "selectParentTemplates": ["host"], "selectMacros": "extend"}
        )

    (made,) = zabbix.until(found, "the third site", 120)
    assert [each["host"] for each in made["parentTemplates"]] == ["Baken site by HTTP"]
    # It has the address and the key from the host that discovered it.
    assert {each["macro"]: each["value"] for each in made["macros"]} == macros
    zabbix.until(lambda: zabbix.last("server by HTTP", "baken.host_cpu_ratio") == "25", "a figure of the machine")


@pytest.mark.skipif(not getattr(ssl, "HAS_PSK", False), reason="pre-shared keys need Python 3.13")
def test_a_pre_shared_key_opens_what_is_closed_without_one(given: Set) -> None:
    zabbix, key = given.zabbix, "ab" * 32
    group = zabbix.call("hostgroup.get", {"filter": {"name": zabbix_template.HOST_GROUP}})[0]["groupid"]
    made = {"host": "closed", "groups": [{"groupid": group}]}
    keyed = {"tls_accept": 2, "tls_psk_identity": "baken", "tls_psk": key}
    host = zabbix.call("host.create", made | keyed)["hostids"][0]
    item = {"hostid": host, "name": "Errors", "key_": "x", "type": "2", "value_type": "3", "delay": "0"}
    zabbix.call("item.create", item)
    target = {"server": "127.0.0.1", "port": zabbix.port}
    value = [Value("closed", "x", "1", clock.now())]
    open_ = sender(ZabbixTarget.model_validate(target))
    closed = sender(ZabbixTarget.model_validate({**target, "psk_identity": "baken", "psk": key}))
    zabbix.until(lambda: closed(value) == 0, "the new item")
    assert open_(value) == 1
    with pytest.raises(NotTaken, match="check psk_identity and psk"):
        sender(ZabbixTarget.model_validate({**target, "psk_identity": "baken", "psk": "cd" * 32}))(value)


def test_problems_of_zabbix_become_alerts_and_recoveries_resolve_them(given: Set) -> None:
    zabbix = given.zabbix
    for name, value in (("{$BAKEN.URL}", given.address), ("{$BAKEN.SECRET}", SECRET)):
        zabbix.call("usermacro.createglobal", {"macro": name, "value": value})
    media = zabbix.call("mediatype.get", {"filter": {"name": zabbix_mediatype.NAME}})[0]["mediatypeid"]
    # A user of its own: Zabbix does not tell people what they did themselves.
    user = zabbix.call(
        "user.create",
        {
            "username": "baken",
            "passwd": "K7-of-the-tests",
            "roleid": "3",
            "usrgrps": [{"usrgrpid": zabbix.call("usergroup.create", {"name": "Baken"})["usrgrpids"][0]}],
            "medias": [{"mediatypeid": media, "sendto": "baken"}],
        },
    )["userids"][0]
    told = {"opmessage": {"default_msg": "1", "mediatypeid": media}, "opmessage_usr": [{"userid": user}]}
    zabbix.call(
        "action.create",
        {
            "name": "To Baken",
            "eventsource": "0",
            "status": "0",
            "esc_period": "1m",
            "filter": {"evaltype": "0", "conditions": []},
            "operations": [{"operationtype": "0", **told}],
            "recovery_operations": [{"operationtype": "11", "opmessage": {"default_msg": "1"}}],
            "update_operations": [{"operationtype": "12", "opmessage": {"default_msg": "1"}}],
        },
    )
    group = zabbix.call("hostgroup.create", {"name": "Web servers"})["groupids"][0]
    host = zabbix.call("host.create", {"host": "web01", "groups": [{"groupid": group}]})["hostids"][0]
    zabbix.call(
        "item.create",
        {"hostid": host, "name": "Errors", "key_": "web.errors", "type": "2", "value_type": "3", "delay": "0"},
    )
    zabbix.call(
        "trigger.create",
        {"description": "Web server fails", "expression": "last(/web01/web.errors)>0", "priority": "4"},
    )
    send = sender(ZabbixTarget(server="127.0.0.1", port=zabbix.port))

    def measured(errors: int) -> bool:
        return send([Value("web01", "web.errors", str(errors), clock.now())]) == 0

    zabbix.until(lambda: measured(7), "the new item")
    zabbix.until(lambda: given.alerts(), "the alert")
    (alert,) = given.alerts()
    assert alert.severity == "HIGH"
    assert alert.status == "Active"
    assert "Web server fails" in alert.texts
    assert "web01" in alert.labels

    event = zabbix.call("problem.get", {"output": ["eventid"], "search": {"name": "Web server"}})[0]["eventid"]
    # 2 is acknowledge, 4 is add a message.
    zabbix.call("event.acknowledge", {"eventids": event, "action": 6, "message": "we are on it"})
    zabbix.until(lambda: given.alerts()[0].status == "Acknowledged", "the acknowledgement")

    assert measured(0)
    zabbix.until(lambda: given.alerts()[0].status == "Resolved", "the recovery")

    # Baken's own problems do not come back to it.
    given.tell({"frappe_maintenance_mode": 1}, at=clock.now() + timedelta(seconds=600))
    zabbix.until(lambda: any("aintenance" in name for name in zabbix.problems()), "a problem of Baken's template")

    def answered() -> list[dict[str, Any]]:
        sent = zabbix.call("alert.get", {"output": ["status", "subject", "error"], "mediatypeids": media})
        return [each for each in sent if "aintenance" in each["subject"] and each["status"] == "1"]

    zabbix.until(answered, "the message about it")
    assert len(given.alerts()) == 1
    assert to_ms(clock.now()) > alert.fired

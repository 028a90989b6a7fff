"""What goes to Zabbix and when, and what is made of its answers; against a Zabbix that is acted."""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from baken import clock
from baken.exporters import zabbix
from baken.exporters.pushing import NotTaken, Pushed
from baken.exporters.zabbix import AGAIN, PATIENCE, RETRY, ZabbixExporter
from baken.exporters.zabbix_figures import Value
from baken.exporters.zabbix_sending import BATCH, MOST_TRIES, deliver, sender
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import Store, open_store
from baken.settings import Settings, SettingsError, ZabbixTarget, load
from tests.servers import free_port

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SITE = "een.test"


class Acted:
    """A Zabbix that knows some hosts and items, and counts what it does not know."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self.unknown: set[str] = set()
        self.seen: list[Value] = []
        self.deliveries = 0

    def __call__(self, values: Sequence[Value]) -> int:
        self.deliveries += 1
        self.seen += values
        return sum(value.host not in self.hosts or value.key in self.unknown for value in values)

    def new(self) -> dict[str, str]:
        """What came since the last look: the text by host and key."""
        found = {f"{value.host} {value.key}": value.text for value in self.seen}
        self.seen.clear()
        return found


class Scene:
    def __init__(self, folder: Path, traveller: Any) -> None:
        self.settings = load(None, {"data_dir": str(folder), "exporters": {"zabbix": [{"server": "127.0.0.1"}]}})
        self.store: Store = open_store(self.settings.store_url)
        self.store.migrate()
        self.sites = [SITE]
        self.acted = Acted()
        found = zabbix.exporters(self.settings, self.store, lambda: self.sites)[0]
        assert isinstance(found, ZabbixExporter)
        self.exporter = found
        self.exporter._send = self.acted
        self.traveller = traveller

    def record(self, figures: dict[str, Any], site: str = SITE) -> None:
        some = []
        for metric, value in figures.items():
            sets = value if isinstance(value, dict) else {(): value}
            some += [Sample(metric, labels, float(number)) for labels, number in sets.items()]
        with self.store.write() as conn:
            samples.record(conn, [Cycle(site, clock.now(), some, measured=tuple(figures))])

    def push(self, after: timedelta = timedelta(minutes=1)) -> Pushed:
        self.traveller.shift(after)
        return self.exporter.push()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with time_machine.travel(NOW, tick=False) as traveller:
        made = Scene(tmp_path, traveller)
        yield made
        made.store.close()


def queue(*names: str) -> dict[str, Any]:
    return {"frappe_queue_length": {(("queue", name),): 1 for name in names}}


def test_only_what_was_measured_since_is_sent(scene: Scene) -> None:
    scene.acted.hosts = {"Baken", SITE}
    scene.record({"frappe_site_up": 1, **queue("long")})
    first = scene.push()
    told = scene.acted.new()
    assert told[f"{SITE} baken.frappe_site_up"] == "1"
    assert told[f"{SITE} baken.frappe_queue_length[long]"] == "1"
    assert f"{SITE} baken.discovery[queue]" in told
    assert "Baken baken.discovery[sites]" in told
    assert first == Pushed(len(told))
    scene.push()
    told = scene.acted.new()
    assert f"{SITE} baken.frappe_site_up" not in told
    assert not any("discovery" in key for key in told)
    # That Baken is there is told with each delivery.
    assert {f"{SITE} baken.known", "Baken baken.known"} <= told.keys()
    scene.record({"frappe_site_up": 0})
    scene.push()
    assert scene.acted.new()[f"{SITE} baken.frappe_site_up"] == "0"


def test_figures_have_the_moment_of_their_measurement(scene: Scene) -> None:
    scene.acted.hosts = {"Baken", SITE}
    scene.record({"frappe_site_up": 1})
    scene.push(timedelta(minutes=5))
    (found,) = (value for value in scene.acted.seen if value.key == "baken.frappe_site_up")
    assert found.at == NOW


def test_what_there_is_goes_along_when_it_changed_and_now_and_then(scene: Scene) -> None:
    scene.acted.hosts = {"Baken", SITE}
    scene.record(queue("long"))
    scene.push()
    scene.acted.new()
    scene.record(queue("long", "short"))
    scene.push()
    assert '"short"' in scene.acted.new()[f"{SITE} baken.discovery[queue]"]
    scene.record(queue())
    scene.push()
    # Nothing of it is left.
    assert scene.acted.new()[f"{SITE} baken.discovery[queue]"] == "[]"
    scene.push()
    assert f"{SITE} baken.discovery[queue]" not in scene.acted.new()
    scene.push(AGAIN)
    assert {f"{SITE} baken.discovery[queue]", "Baken baken.discovery[sites]"} <= scene.acted.new().keys()


def test_a_new_site_waits_until_zabbix_has_discovered_it(scene: Scene) -> None:
    scene.acted.hosts = {"Baken"}
    scene.record({"frappe_site_up": 1})
    told = scene.push()
    assert told.rejected == 0
    assert told.waiting > 0
    assert told.problem == ""
    scene.record({"frappe_site_up": 0})
    scene.acted.hosts.add(SITE)
    told = scene.push()
    assert (told.rejected, told.waiting) == (0, 0)
    # The figure as it is by now.
    assert scene.acted.new()[f"{SITE} baken.frappe_site_up"] == "0"


def test_more_that_is_refused_than_can_be_looked_for_waits_first_as_well(scene: Scene) -> None:
    """Every second item of many: as it is while a server has only begun to discover what there is."""
    scene.acted.hosts = {"Baken", SITE}
    many = [f"q{number:03}" for number in range(600)]
    scene.acted.unknown = {f"baken.frappe_queue_length[{name}]" for name in many[::2]}
    scene.record(queue(*many))
    told = scene.push()
    assert (told.rejected, told.problem) == (0, "") and told.waiting == 300
    scene.record(queue(*many))
    told = scene.push(PATIENCE + timedelta(minutes=2))
    assert told.rejected > 0 and "is not known" in told.problem
    scene.acted.unknown.clear()
    scene.record(queue(*many))
    told = scene.push(RETRY)
    assert (told.rejected, told.waiting, told.problem) == (0, 0, "")


def test_what_stays_refused_is_named(scene: Scene) -> None:
    scene.acted.hosts = {"Baken", SITE}
    scene.acted.unknown = {"baken.frappe_workers[x]"}
    scene.record({"frappe_site_up": 1, "frappe_workers": {(("queue", "x"),): 1}})
    told = scene.push()
    assert (told.rejected, told.waiting, told.problem) == (0, 1, "")
    told = scene.push(PATIENCE + timedelta(seconds=1))
    assert (told.rejected, told.waiting) == (1, 0)
    assert told.problem.startswith("Zabbix refused 1 of ")
    assert "no item for baken.frappe_workers[x] of een.test" in told.problem
    assert "baken export zabbix-template" in told.problem
    # It is tried again now and then only, and told of all the while.
    scene.acted.new()
    scene.record({"frappe_workers": {(("queue", "x"),): 2}})
    told = scene.push()
    assert told.rejected == 1
    assert f"{SITE} baken.frappe_workers[x]" not in scene.acted.new()
    scene.acted.unknown.clear()
    told = scene.push(RETRY)
    assert (told.rejected, told.problem) == (0, "")
    assert scene.acted.new()[f"{SITE} baken.frappe_workers[x]"] == "2"


def test_a_host_that_is_not_there_costs_one_value_a_delivery(scene: Scene) -> None:
    scene.acted.hosts = {"Baken"}
    scene.record({"frappe_site_up": 1, **queue("long")})
    scene.push()
    scene.push(PATIENCE + timedelta(seconds=1))
    scene.acted.new()
    told = scene.push()
    assert told.rejected > 3
    assert "the host een.test is not there, is disabled, or has none of the template's items" in told.problem
    assert [key for key in scene.acted.new() if key.startswith(SITE)] == [f"{SITE} baken.known"]
    scene.acted.hosts.add(SITE)
    told = scene.push()
    assert (told.rejected, told.waiting, told.problem) == (0, 0, "")
    scene.acted.new()
    scene.push()
    everything = scene.acted.new()
    assert {f"{SITE} baken.frappe_site_up", f"{SITE} baken.discovery[queue]"} <= everything.keys()


def test_a_zabbix_that_is_away_gets_it_later(scene: Scene) -> None:
    def away(values: Sequence[Value]) -> int:
        raise NotTaken("away")

    scene.record({"frappe_site_up": 1})
    scene.exporter._send = away
    with pytest.raises(NotTaken):
        scene.push()
    scene.exporter._send = scene.acted
    scene.acted.hosts = {"Baken", SITE}
    scene.push()
    assert f"{SITE} baken.frappe_site_up" in scene.acted.new()


def test_a_site_that_is_gone_is_forgotten(scene: Scene) -> None:
    scene.acted.hosts = {"Baken", SITE}
    scene.record({"frappe_site_up": 1})
    scene.push()
    scene.sites.clear()
    scene.acted.new()
    scene.push()
    told = scene.acted.new()
    assert told["Baken baken.discovery[sites]"] == "[]"
    assert not any(key.startswith(SITE) for key in told)


def values(count: int, host: str = "a") -> list[Value]:
    return [Value(host, f"k{number}", "1", NOW) for number in range(count)]


@given(st.sets(st.integers(0, 299), max_size=12), st.sets(st.integers(0, 2), max_size=2))
def test_what_was_refused_is_found_out(bad: set[int], dead: set[int]) -> None:
    given_ = [Value(f"host{number % 3}", f"k{number}", "1", NOW) for number in range(300)]
    refused = {value for place, value in enumerate(given_) if place in bad or place % 3 in dead}
    tries = 0

    def send(some: Sequence[Value]) -> int:
        nonlocal tries
        tries += 1
        return len(refused & set(some))

    found = deliver(send, given_)
    assert found.failed == len(refused)
    assert set(found.refused) <= refused
    assert not set(found.taken) & refused
    assert tries <= 2 + MOST_TRIES + 300
    if len(bad) <= 3:
        assert set(found.refused) == refused
        assert found.unknown_hosts == sorted(f"host{number}" for number in dead)


def test_finding_out_has_an_end() -> None:
    every_other = {value for place, value in enumerate(values(2 * BATCH)) if place % 2}
    tries = 0

    def send(some: Sequence[Value]) -> int:
        nonlocal tries
        tries += 1
        return len(every_other & set(some))

    found = deliver(send, values(2 * BATCH))
    assert found.failed == BATCH
    assert tries <= 2 + MOST_TRIES
    assert "which the other 222 are is not known" in found.problem()


def test_nobody_listens() -> None:
    target = ZabbixTarget(server="127.0.0.1", port=free_port(), timeout=2)
    with pytest.raises(NotTaken, match="cannot be reached, or is no Zabbix trapper"):
        sender(target)(values(1))
    with pytest.raises(NotTaken, match="is not known"):
        sender(ZabbixTarget(server="zabbix.invalid"))(values(1))


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"ZBXD\x01\x05\x00\x00\x00\x00\x00\x00\x00hallo"]
)
def test_somebody_else_listens(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(NotTaken, match="Zabbix at 127"):
            sender(ZabbixTarget(server="127.0.0.1", port=server.getsockname()[1], timeout=2))(values(1))
        thread.join()


def test_ipv6_is_spoken() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("there is no IPv6 here")
    asked = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            asked.append(connection.recv(65536))
            body = b'{"response":"success","info":"processed: 0; failed: 1; total: 1; seconds spent: 0.000055"}'
            connection.sendall(b"ZBXD\x01" + len(body).to_bytes(4, "little") + bytes(4) + body)

    with server:
        thread = threading.Thread(target=serve)
        thread.start()
        assert sender(ZabbixTarget(server="::1", port=server.getsockname()[1], timeout=5))(values(1)) == 1
        thread.join()
    assert asked[0].startswith(b"ZBXD")


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"psk_identity": "x"}, "belong together"),
        ({"psk": "00" * 32}, "belong together"),
        ({"psk_identity": "x", "psk": "nothex"}, "hexadecimal"),
        ({"psk_identity": "x", "psk": "00"}, "hexadecimal"),
    ],
)
def test_a_key_that_cannot_be_used_is_said_at_once(given_: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as problem:
        sender(ZabbixTarget(server="z", **given_))
    assert "nothex" not in str(problem.value)


@pytest.mark.skipif(getattr(ssl, "HAS_PSK", False), reason="this Python can use pre-shared keys")
def test_an_older_python_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"needs Python 3\.13 .*Zabbix proxy on this machine"):
        sender(ZabbixTarget(server="z", psk_identity="x", psk="00" * 32))


def test_no_target_is_no_exporter(tmp_path: Path) -> None:
    assert zabbix.exporters(Settings(), open_store(f"sqlite:///{tmp_path}/x.db"), list) == []

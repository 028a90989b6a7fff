"""Baken and Alertmanagers in a circle, and several Alertmanagers at once: nothing is doubled and nothing is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import select

from baken import clock
from baken.alerts import lifecycle, silences, suppression
from baken.alerts.lifecycle import Act
from baken.exporters import alertmanager_silences
from baken.exporters.alertmanager_remote import iso_ms
from baken.exporters.pushing import Exports
from baken.history.tables import alerts
from tests.api.alerted import fire
from tests.conftest import in_ci
from tests.server.world import World, make_world
from tests.server_alertmanager import Alertmanager
from tests.servers import ServerMissingError, free_port, running

SECRET = "a-secret-of-the-tests"
SITE = "vereniging.test"


@contextmanager
def _servers(*makes: Callable[[Path], Alertmanager]) -> Iterator[list[Alertmanager]]:
    try:
        with ExitStack() as stack:
            yield [stack.enter_context(running(make)) for make in makes]
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


@dataclass
class Baken:
    """A Baken that serves and that tells Alertmanagers of its alerts."""

    world: World
    exports: Exports

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            for each in self.exporters:
                each._next_silences = each._next = 0.0
            self.exports.turn(30)

    @property
    def exporters(self) -> list[Any]:
        return list(self.exports.exporters)

    def rows(self) -> list[tuple[str, str]]:
        with self.world.store.read() as conn:
            found = conn.execute(select(alerts.c.rule, alerts.c.status).order_by(alerts.c.number))
            return [(row.rule, row.status) for row in found]

    def silences(self) -> list[silences.Silence]:
        with self.world.store.read() as conn:
            return silences.load(conn, clock.now())


@contextmanager
def baken(folder: Path, *servers: Alertmanager, **target: Any) -> Iterator[Baken]:
    port = free_port()
    more = {
        "incoming": {"alertmanager_token": SECRET},
        "exporters": {
            "alertmanagers": [
                {"url": each.url, "name": f"number {place}", **target} for place, each in enumerate(servers)
            ]
        },
    }
    with make_world(folder, more=more) as world:
        config = uvicorn.Config(world.app, port=port, log_level="error", access_log=False, proxy_headers=False)
        serving = uvicorn.Server(config)
        thread = threading.Thread(target=serving.run)
        thread.start()
        try:
            for each in servers:
                each.configure(_config(port))
            yield Baken(world, Exports(world.settings, world.store, lambda: [SITE]))
        finally:
            serving.should_exit = True
            thread.join()


def _config(port: int) -> str:
    return f"""
route: {{receiver: baken, group_wait: 50ms, group_interval: 200ms, repeat_interval: 1s, group_by: [...]}}
receivers:
  - name: baken
    webhook_configs:
      - url: http://127.0.0.1:{port}/api/alertmanager/webhook
        send_resolved: true
        http_config: {{authorization: {{credentials: {SECRET}}}}}
"""


def until(holds: Callable[[], Any], seconds: float = 8) -> Any:
    ends = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < ends:
        time.sleep(0.05)
    return found


def test_a_circle(tmp_path: Path) -> None:
    with _servers(Alertmanager) as (server,), baken(tmp_path, server) as one:
        # What others tell Alertmanager arrives here, and does not go back.
        server.tool(
            "alert", "add", "NodeDown", "severity=critical", f"instance={SITE}:443", "--annotation=summary=Gone"
        )
        assert until(lambda: one.rows() == [("ALERTMANAGER", "Active")])
        number = fire(one.world.store)
        for _ in range(6):
            one.turn()
            time.sleep(0.5)
        assert one.rows() == [("ALERTMANAGER", "Active"), ("HIGH_JOB_QUEUE", "Active")]
        assert sorted(each["labels"]["alertname"] for each in server.firing()) == ["HIGH_JOB_QUEUE", "NodeDown"]
        with one.world.store.read() as conn:
            first = conn.execute(select(alerts)).first()
        assert first is not None and (first.site, first.severity, first.occurrences) == (SITE, "CRITICAL", 1)

        # A silence goes round once.
        server.tool("silence", "add", "--author=anna", "--comment=x", "--duration=1h", "source=baken")
        for _ in range(3):
            one.turn()
        assert len(server.silences()) == len(one.silences()) == 1
        with one.world.store.write() as conn:
            now = clock.now()
            silences.end(conn, one.silences()[0].id, site=SITE, by="els", now=now)
            suppression.refresh(Act(conn, one.world.settings.alerts, now), {})
            lifecycle.resolve(Act(conn, one.world.settings.alerts, now, "els"), number)
        one.turn(2)
        assert server.silences() == [] and one.silences() == []

        # The end arrives as well.
        server.tool("alert", "add", "NodeDown", "severity=critical", f"instance={SITE}:443",
                    "--annotation=summary=Gone", f"--end={clock.now().isoformat()}")  # fmt: skip
        assert until(lambda: one.rows() == [("ALERTMANAGER", "Resolved"), ("HIGH_JOB_QUEUE", "Resolved")])
        one.turn(2)
        time.sleep(1)
        assert [status for _, status in one.rows()] == ["Resolved", "Resolved"]


def _turned(one: Baken) -> bool:
    one.turn()
    return True


def test_two_that_know_nothing_of_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager_silences, "_SETTLE", timedelta(seconds=1))
    with _servers(Alertmanager, Alertmanager) as (left, right), baken(tmp_path, left, right) as one:
        fire(one.world.store)
        identity = left.tool(
            "silence", "add", "--author=anna", "--comment=x", "--duration=1h", "source=baken", "site=~ver.*"
        )
        one.turn(2)
        assert len(one.silences()) == 1
        assert until(lambda: _turned(one) and len(right.silences()) == 1)
        assert "anna (Alertmanager)" in str(right.silences()[0]["createdBy"])
        one.turn(3)
        assert (len(left.silences()), len(right.silences()), len(one.silences())) == (1, 1, 1)
        # Ended in the one it was not made in.
        right.tool("silence", "expire", str(right.silences()[0]["id"]))
        one.turn(2)
        assert (left.silences(), right.silences(), one.silences()) == ([], [], [])
        assert left.get(f"silence/{identity.strip()}")["status"]["state"] == "expired"


def test_a_cluster(tmp_path: Path) -> None:
    def first(folder: Path) -> Alertmanager:
        return made.setdefault("first", Alertmanager(folder, peers=[]))

    def second(folder: Path) -> Alertmanager:
        return Alertmanager(folder, peers=[made["first"].cluster])

    made: dict[str, Alertmanager] = {}
    with _servers(first, second) as (left, right), baken(tmp_path, left, right) as one:
        assert until(lambda: len(left.get("status")["cluster"]["peers"]) == 2, 15)
        fire(one.world.store)
        with one.world.store.write() as conn:
            now = clock.now()
            number = silences.add(
                conn, site=SITE, kind="silence", matchers={}, starts=now, ends=now + clock.HOUR, recurrence=None,
                comment="both at once", by="els", now=now,
            )  # fmt: skip

        def both(times: int) -> None:
            for _ in range(times):
                threads = [threading.Thread(target=self_push, args=(each,)) for each in one.exporters]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                time.sleep(0.3)

        def self_push(exporter: Any) -> None:
            exporter._next_silences = 0.0
            one.exports.push(exporter)

        both(4)
        assert len(left.silences()) == len(right.silences()) == 1
        assert [each.id for each in one.silences()] == [number]

        # Another end that is set in one member is no end by Baken for the other one.
        (there,) = right.silences()
        ends = iso_ms(clock.now() + 5 * clock.HOUR)
        right.post("silences", {name: there[name] for name in ("id", "matchers", "startsAt", "createdBy", "comment")}
                   | {"endsAt": ends})  # fmt: skip
        both(4)
        assert [each["endsAt"] for each in left.silences()] == [each["endsAt"] for each in right.silences()] == [ends]
        assert [iso_ms(each.ends) for each in one.silences() if each.ends] == [ends]

        # Made in one member: once in Baken, and not a second time in the cluster.
        right.tool("silence", "add", "--author=anna", "--comment=x", "--duration=1h", "alertname=HIGH_DISK")
        both(4)
        assert len(left.silences()) == len(right.silences()) == len(one.silences()) == 2
        with one.world.store.write() as conn:
            for each in one.silences():
                silences.end(conn, each.id, site=SITE, by="els", now=clock.now())
        both(3)
        assert (left.silences(), right.silences(), one.silences()) == ([], [], [])

"""Alerts and silences of Baken in a real Alertmanager, and its silences in Baken."""

import json
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from baken import clock
from baken.alerts import lifecycle, silences, suppression
from baken.alerts.lifecycle import Act
from baken.alerts.windows import Recurrence
from baken.clock import to_ms
from baken.exporters import alertmanager
from baken.exporters import alertmanager_matchers as matchers
from baken.exporters.alertmanager import Alertmanager as Exporter
from baken.exporters.alertmanager_api import Api
from baken.exporters.alertmanager_regex import NoEqual, translated
from baken.exporters.alertmanager_remote import iso_ms
from baken.exporters.calling import Reply
from baken.exporters.pushing import NotTaken
from baken.history.store import Store, open_store
from baken.history.tables import alerts, audit, pushed_alerts, silence_links
from baken.history.tables import silences as silences_table
from baken.settings import Settings, load
from tests.api.alerted import fire
from tests.conftest import in_ci
from tests.server_alertmanager import Alertmanager
from tests.servers import ServerMissingError, running

SITE = "vereniging.test"
SITES = (SITE, "ander.test")
PUBLIC = "https://baken.example.test"


@pytest.fixture(scope="module")
def server() -> Iterator[Alertmanager]:
    try:
        with running(Alertmanager) as made:
            yield made
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


class World:
    """A store, and an Alertmanager that is told of what is in it."""

    def __init__(self, folder: Path, server: Alertmanager, url: str = "") -> None:
        self.server = server
        # A name of its own: what other tests left behind in the server is not about this Baken.
        self.name = folder.name
        self.settings: Settings = load(
            None,
            {
                "data_dir": str(folder),
                "alerts": {"public_url": PUBLIC},
                "exporters": {
                    "labels": {"world": self.name},
                    "alertmanagers": [{"url": server.url, "name": "here", "timeout": 5}],
                },
            },
        )
        self.store: Store = open_store(url or f"sqlite:///{folder}/store.db")
        self.store.migrate()
        self.exporter = self.start()

    def start(self) -> Exporter:
        """What a process does that begins: nothing is in mind."""
        (found,) = alertmanager.exporters(self.settings, self.store, lambda: SITES)
        self.exporter = found
        return found

    def push(self, times: int = 1) -> None:
        for _ in range(times):
            self.exporter._next_silences = 0.0
            self.exporter.push()

    def everything(self) -> None:
        self.exporter._next = 0.0
        self.push()

    def there(self) -> list[Mapping[str, Any]]:
        return [each for each in self.server.firing() if each["labels"].get("world") == self.name]

    def silences_there(self) -> list[Mapping[str, Any]]:
        mine = {"name": "world", "value": self.name}
        return [
            each
            for each in self.server.silences()
            if any(mine.items() <= dict(matcher).items() for matcher in each["matchers"])
        ]

    def present(self) -> list[silences.Silence]:
        with self.store.read() as conn:
            return silences.load(conn, clock.now())

    def act(self, change: Callable[[Act], Any], user: str = "els@example.test") -> Any:
        with self.store.write() as conn:
            return change(Act(conn, self.settings.alerts, clock.now(), user))

    def silence(self, given: Mapping[str, str], *, site: str = SITE, length: float = 3600, **more: Any) -> int:
        def add(act: Act) -> int:
            made = silences.add(
                act.conn, site=site, kind=more.get("kind", "silence"), matchers=given, starts=act.now,
                ends=act.now + timedelta(seconds=length) if length else None, recurrence=more.get("recurrence"),
                comment=more.get("comment", "a test"), by=act.user, now=act.now,
            )  # fmt: skip
            suppression.refresh(act, {})
            return made

        return int(self.act(add))

    def end_silence(self, number: int) -> None:
        def end(act: Act) -> None:
            silences.end(act.conn, number, site=SITE, by=act.user, now=act.now)
            suppression.refresh(act, {})

        self.act(end)

    def row(self, number: int) -> Row[Any]:
        with self.store.read() as conn:
            return conn.execute(select(alerts).where(alerts.c.number == number)).one()

    def audited(self) -> list[tuple[str, str, str]]:
        with self.store.read() as conn:
            rows = conn.execute(select(audit.c.action, audit.c.user, audit.c.target).order_by(audit.c.id))
            return [(row.action, row.user, row.target) for row in rows]

    def silence_rows(self) -> int:
        with self.store.read() as conn:
            return len(conn.execute(select(silences_table.c.id)).all())

    def remote(self, *given: str, length: str = "1h", comment: str = "over there", author: str = "anna") -> str:
        return self.server.tool(
            "silence", "add", f"--author={author}", f"--comment={comment}", f"--duration={length}", *given
        ).strip()


@pytest.fixture
def world(tmp_path: Path, server: Alertmanager) -> Iterator[World]:
    made = World(tmp_path, server)
    yield made
    for each in made.silences_there():
        server.tool("silence", "expire", str(each["id"]))


def until(holds: Callable[[], Any], seconds: float = 5) -> Any:
    ends = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < ends:
        time.sleep(0.05)
    return found


# Alerts


def test_an_alert_is_told_with_all_that_is_known_of_it(world: World) -> None:
    number = fire(world.store)
    world.push()
    (found,) = world.there()
    assert found["labels"] == {
        "alertname": "HIGH_JOB_QUEUE", "site": SITE, "severity": "warning", "baken_severity": "MEDIUM",
        "area": "business", "queue": "long", "source": "baken", "world": world.name,
    }  # fmt: skip
    notes = found["annotations"]
    assert notes["summary"] and notes["description"] and notes["advice"]
    assert notes["alert"] == f"BA-{number:06}"
    assert notes["link"] == found["generatorURL"] == f"{PUBLIC}/monitoring_dashboard/alerts/{number}"
    assert found["status"]["state"] == "active"


def test_its_end_is_told_and_it_comes_back_as_the_same(world: World) -> None:
    number = fire(world.store)
    world.push()
    (first,) = world.there()
    world.act(lambda act: lifecycle.resolve(act, number, "done"))
    world.push()
    assert until(lambda: not world.there())
    world.act(lambda act: lifecycle.reopen(act, number))
    world.push()
    (again,) = world.there()
    assert again["fingerprint"] == first["fingerprint"]
    assert again["annotations"]["alert"] == first["annotations"]["alert"]


def test_who_took_it_up_is_told(world: World) -> None:
    number = fire(world.store)
    world.push()
    world.act(lambda act: lifecycle.acknowledge(act, number))
    world.push()
    (found,) = world.there()
    assert found["annotations"]["acknowledged"].startswith("els@example.test 20")


def test_nothing_is_sent_while_there_is_no_news(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fire(world.store)
    assert world.exporter.push().sent == 1
    monkeypatch.setattr(Api, "_call", lambda *_args: pytest.fail("it was called"))
    assert world.exporter.push().sent == 0


def test_an_end_is_told_also_after_a_kill_while_alertmanager_was_away(world: World) -> None:
    number = fire(world.store)
    world.push()
    world.server.stop()
    try:
        world.act(lambda act: lifecycle.resolve(act, number, "done"))
        with pytest.raises(NotTaken, match="cannot be reached"):
            world.push()
        world.start()
        with pytest.raises(NotTaken):
            world.push()
        other = fire(world.store, "HIGH_DISK", labels={"mount": "/data"})
    finally:
        world.server.start()
    world.push()
    assert [each["annotations"]["alert"] for each in world.there()] == [f"BA-{other:06}"]
    with world.store.read() as conn:
        told = {row.alert: (row.told, row.ended is not None) for row in conn.execute(select(pushed_alerts))}
    assert told == {number: (True, True), other: (True, False)}


def test_the_end_is_told_for_a_while_and_then_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number = fire(world.store)
    world.push()
    world.act(lambda act: lifecycle.resolve(act, number, "done"))
    world.push()
    sent: list[Any] = []

    def post(_api: Api, some: Sequence[Any]) -> list[Any]:
        sent.extend(some)
        return []

    monkeypatch.setattr(Api, "post_alerts", post)
    world.everything()
    assert len(sent) == 1
    monkeypatch.setattr(alertmanager, "TELL_OVER", timedelta())
    time.sleep(0.01)
    world.everything()
    assert len(sent) == 1
    with world.store.read() as conn:
        assert conn.execute(select(pushed_alerts)).all() == []


def test_alerts_that_alertmanager_reported_are_not_told_back(world: World) -> None:
    from baken.alerts import external
    from baken.alerts.external import Report

    report = Report("alertmanager", "f1", True, "X", SITE, "HIGH", "x", "", clock.now())
    world.act(lambda act: external.take(act, report, {}), user="")
    zabbix = Report("zabbix", "t1", True, "Trigger", "", "HIGH", "x", "", clock.now(), labels={"host": "db"})
    world.act(lambda act: external.take(act, zabbix, {}), user="")
    world.push()
    assert [each["labels"]["alertname"] for each in world.there()] == ["ZABBIX"]
    assert world.there()[0]["labels"]["baken_key"]


def test_one_that_is_refused_takes_no_other_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fire(world.store)
    bad = fire(world.store, "HIGH_DISK", labels={"mount": "/data"})
    real = world.exporter._firing

    def spoilt(each: Any, now: Any) -> dict[str, Any]:
        body = real(each, now)
        return body | (
            {"startsAt": "2099-01-01T00:00:00Z", "endsAt": "2098-01-01T00:00:00Z"} if each.alert == bad else {}
        )

    monkeypatch.setattr(world.exporter, "_firing", spoilt)
    pushed = world.exporter.push()
    assert (pushed.sent, pushed.rejected) == (1, 1)
    assert "refused an alert" in pushed.problem
    assert [each["labels"]["alertname"] for each in world.there()] == ["HIGH_JOB_QUEUE"]
    world.exporter._next = 0.0
    again = world.exporter.push()
    assert (again.sent, again.rejected, again.problem) == (1, 1, pushed.problem)


def test_another_clock_makes_no_alert_over(world: World) -> None:
    fire(world.store)
    for minutes in (20, -20):
        world.exporter._api.ahead = timedelta(minutes=minutes)
        with world.store.read() as conn:
            (each,) = world.exporter._wanted(conn, {})
        body = world.exporter._firing(each, clock.now())
        assert body["endsAt"] > iso_ms(clock.now() + timedelta(minutes=max(0, minutes) + 4))


# Silences


def test_a_clock_that_was_set_back_keeps_no_alert_from_being_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    fire(world.store, at=now + timedelta(hours=2))
    world.push()
    assert world.exporter.push().rejected == 0
    assert [each["labels"]["alertname"] for each in world.there()] == ["HIGH_JOB_QUEUE"]
    told: list[Sequence[Any]] = []

    def post(_api: Api, some: Sequence[Any]) -> list[Any]:
        told.append(some)
        return []

    monkeypatch.setattr(Api, "post_alerts", post)
    world.push(3)
    assert not any(told)


@pytest.mark.parametrize("ends", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-12:00", "soon", 3])
def test_a_moment_that_is_none_is_told_as_a_wrong_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, ends: object
) -> None:
    given = {
        "id": "1", "status": {"state": "active"}, "matchers": [{"name": "a", "value": "b"}],
        "startsAt": "2026-01-01T00:00:00Z", "endsAt": ends,
    }  # fmt: skip
    reply = Reply(200, json.dumps([given]).encode(), {"date": "Mon, 01 Jan 0001 00:00:00 +2359"})
    monkeypatch.setattr("baken.exporters.alertmanager_api.call", lambda *_, **__: reply)
    with pytest.raises(NotTaken, match="something else than silences"):
        world.push()


def test_a_silence_of_baken_is_one_of_alertmanager(world: World) -> None:
    fire(world.store)
    world.push()
    number = world.silence({"rule": "HIGH_JOB_QUEUE", "queue": "~long|short", "severity": "!LOW"}, comment="quiet")
    world.push()
    said = world.server.tool("silence", "query", "-o", "extended", f"world={world.name}")
    assert "quiet" in said and "els@example.test" in said
    (found,) = world.silences_there()
    told = {(m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in found["matchers"]}
    assert told == {
        ("alertname", "HIGH_JOB_QUEUE", False, True), ("queue", "long|short", True, True), ("site", SITE, False, True),
        ("baken_severity", "LOW", False, False), ("source", "baken", False, True), ("world", world.name, False, True),
    }  # fmt: skip
    assert until(lambda: world.there()[0]["status"]["state"] == "suppressed")
    world.end_silence(number)
    world.push()
    assert world.silences_there() == []
    assert until(lambda: world.there()[0]["status"]["state"] == "active")
    actions = [action for action, _, _ in world.audited()]
    assert actions == [
        "silence added",
        "silence made in Alertmanager",
        "silence ended",
        "silence ended in Alertmanager",
    ]


def test_a_silence_of_alertmanager_holds_in_baken(world: World) -> None:
    number = fire(world.store)
    world.push()
    identity = world.remote(f"world={world.name}", f"site={SITE}", "queue=~long|default", "severity=warning")
    world.push()
    (found,) = world.present()
    assert (found.site, found.created_by, found.comment) == (SITE, "anna (Alertmanager)", "over there")
    assert found.matchers == {"queue": "~long|default", "severity": "~MEDIUM|HIGH"}
    assert world.row(number).suppressed == f"silence:{found.id}"
    world.server.tool("silence", "expire", identity)
    world.push()
    assert world.present() == []
    assert ("silence ended", "Alertmanager", str(found.id)) in world.audited()


def test_one_that_is_ended_in_baken_ends_in_alertmanager(world: World) -> None:
    world.remote(f"world={world.name}")
    world.push()
    (found,) = world.present()
    world.end_silence(found.id)
    world.push(3)
    assert world.silences_there() == [] and world.present() == []
    assert world.silence_rows() == 1


def test_nothing_goes_to_and_fro_and_nothing_is_doubled_by_a_restart(world: World) -> None:
    world.silence({"rule": "HIGH_DISK"})
    world.remote(f"world={world.name}", "alertname=HIGH_CPU")
    for _ in range(4):
        world.push(2)
        world.start()
    assert len(world.silences_there()) == 2
    assert len(world.present()) == world.silence_rows() == 2


def test_a_pair_is_found_again_by_a_process_that_was_killed_in_between(world: World) -> None:
    number = world.silence({"rule": "HIGH_DISK"})
    world.push()
    with world.store.write() as conn:
        conn.execute(silence_links.delete())
    world.start()
    world.push(2)
    assert len(world.silences_there()) == 1
    with world.store.write() as conn:
        conn.execute(silence_links.delete())
    world.end_silence(number)
    world.start()
    world.push()
    assert world.silences_there() == []


def test_another_end_that_is_set_over_there_holds_here(world: World) -> None:
    alert = fire(world.store)
    number = world.silence({})
    world.push()
    (there,) = world.silences_there()
    ends = iso_ms(clock.now() + timedelta(hours=5))
    world.server.post(
        "silences",
        {key: there[key] for key in ("id", "matchers", "startsAt", "createdBy", "comment")} | {"endsAt": ends},
    )
    before = world.row(alert).suppressed
    world.push(2)
    (found,) = world.present()
    assert before == f"silence:{number}" and world.row(alert).suppressed == f"silence:{found.id}"
    assert iso_ms(found.ends) == ends if found.ends else False
    assert [each["id"] for each in world.silences_there()] == [there["id"]]


def test_what_somebody_changed_over_there_is_theirs(world: World) -> None:
    number = world.silence({"rule": "HIGH_DISK"})
    world.push()
    (there,) = world.silences_there()
    changed = [m if m["name"] != "alertname" else {**m, "value": "HIGH_CPU"} for m in there["matchers"]]
    body = {key: there[key] for key in ("id", "startsAt", "endsAt", "createdBy", "comment")}
    world.server.post("silences", body | {"matchers": changed})
    world.push(3)
    (found,) = world.present()
    assert found.id != number and found.matchers == {"rule": "HIGH_CPU"}
    assert len(world.silences_there()) == 1


def test_each_time_of_maintenance_is_a_silence(world: World) -> None:
    fire(world.store)
    soon = clock.now() + timedelta(hours=2)
    recurrence = Recurrence(frozenset({soon.weekday()}), soon.time().replace(second=0, microsecond=0), 30, "UTC")
    number = world.silence({}, kind="maintenance", recurrence=recurrence, length=0)
    world.push(2)
    (there,) = world.silences_there()
    assert there["status"]["state"] == "pending"
    assert there["startsAt"] == iso_ms(recurrence.next(clock.now())[0])
    # Whoever ends it over there ends that one time.
    world.server.tool("silence", "expire", str(there["id"]))
    world.push(2)
    assert world.silences_there() == []
    assert [each.id for each in world.present()] == [number]


def test_what_cannot_be_said_over_there_is_left_out_and_its_alerts_are_not_told(world: World) -> None:
    number = world.silence({"queue": r"~\blong"})
    fire(world.store)
    world.act(lambda act: suppression.refresh(act, {}))
    pushed = world.exporter.push()
    assert world.silences_there() == [] and world.there() == []
    assert f"silence {number} is not in step" in pushed.problem
    world.end_silence(number)
    world.push()
    assert len(world.there()) == 1


def test_what_was_told_stays_while_baken_alone_holds_it_back(world: World) -> None:
    alert = fire(world.store)
    world.push()
    world.silence({"queue": r"~\blong"})
    assert world.row(alert).suppressed
    world.push()
    world.start()
    world.everything()
    assert [each["annotations"]["alert"] for each in world.there()] == [f"BA-{alert:06}"]


def test_silences_that_cannot_match_or_cannot_be_said_are_left_out(world: World) -> None:
    world.remote("alertname=NodeDown", "job=node")
    world.remote(f"world={world.name}", "site=elsewhere.test")
    world.remote("source=grafana")
    world.remote(f"world={world.name}", "queue=~a.*", "queue=~.*b")
    world.remote(f"world={world.name}", length="400d")
    world.push()
    assert world.present() == []
    problem = world.exporter.push().problem
    assert "is not in step" in problem and problem.endswith("and 1 more")


def test_a_silence_that_alertmanager_lost_is_made_anew_and_one_of_its_own_ends(world: World) -> None:
    own = world.silence({"rule": "HIGH_DISK"})
    world.remote(f"world={world.name}", "alertname=HIGH_CPU")
    world.push()
    world.server.stop()
    shutil.rmtree(world.server.folder / "data")
    world.server.start()
    world.push(2)
    # It may have started only just, and hear of them from others within seconds.
    assert len(world.present()) == 2 and world.silences_there() == []
    past = to_ms(clock.now() - timedelta(minutes=5))
    with world.store.write() as conn:
        conn.execute(silence_links.update().values(missing=past))
    world.push()
    assert [each.id for each in world.present()] == [own]
    assert len(world.silences_there()) == 1


def test_alerts_are_told_also_where_silences_may_not_be_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_api: Api) -> Any:
        raise NotTaken("Alertmanager answered 403")

    fire(world.store)
    monkeypatch.setattr(Api, "silences", refused)
    with pytest.raises(NotTaken, match="403"):
        world.push()
    assert len(world.there()) == 1


@pytest.mark.parametrize("database", ["mariadb", "postgres"])
def test_every_database_keeps_it(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, server: Alertmanager
) -> None:
    world = World(tmp_path, server, request.getfixturevalue(database).create_database("baken_alertmanager"))
    number = fire(world.store)
    world.push()
    own = world.silence({"queue": "long"})
    identity = world.remote(f"world={world.name}", "alertname=~HIGH_.*")
    world.push(2)
    assert len(world.silences_there()) == len(world.present()) == 2
    world.end_silence(own)
    world.server.tool("silence", "expire", identity)
    world.act(lambda act: lifecycle.resolve(act, number, "done"))
    world.push(2)
    assert world.silences_there() == [] and world.present() == []
    assert until(lambda: not world.there())
    world.store.close()


# What RE2 makes of it


def test_alertmanager_itself_matches_what_baken_matches(world: World) -> None:
    values = ["long", "short", "a.b", "a|b", "x1", "٣", "é_", "a b", "a\u00a0b", "[x]", "/data", "2}", "K"]
    for value in values:
        fire(world.store, labels={"queue": value})
    world.push()
    from baken.alerts import matchers as matching

    expressions = ["lo.*", "long$", r"\w+", r"\W\w+\W", r"[\w]+\.b", r"\d|x\d", r"x\d+", r"a\sb", r"[^\s]+", r"\S+",
                   "a{,1}.b", "(?P<n>long|short)", "[]x[]+", r"[a-f|.]+", r"\x41|\u00e9_", "k", r"[^\d]+", "/d.ta",
                   r"\D+", "2}", r"a\|b", ".", "(?:a|x).+", r"[\s\w]+"]  # fmt: skip
    for text in expressions:
        for wanted in (f"~{text}", f"!~{text}"):
            matching.check({"queue": wanted})
            given = matchers.outside({"queue": wanted}, "", world.exporter._always)
            signs = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
            filters = [
                f"{m['name']}{signs[m['isRegex'], m['isEqual']]}{json.dumps(m['value'], ensure_ascii=False)}"
                for m in given
            ]
            query = urllib.parse.urlencode([("filter", each) for each in filters])
            found = {each["labels"]["queue"] for each in world.server.get(f"alerts?{query}")}
            assert found == {value for value in values if matching.match({"queue": wanted}, {"queue": value})}, wanted


def test_what_re2_has_alone_is_refused() -> None:
    with pytest.raises(NoEqual):
        translated(r"\pL", "re2")


# A process of its own


_PROCESS = """
import sys, time
from baken.exporters import alertmanager
from baken.exporters.pushing import Exports
from baken.history.store import open_store
from baken.settings import load
store = open_store(sys.argv[1])
settings = load(None, eval(sys.argv[2]))
exports = Exports(settings, store, lambda: ["vereniging.test"])
exports.start()
time.sleep(60)
"""


def test_a_process_tells_within_two_seconds_and_another_one_goes_on_when_it_is_killed(world: World) -> None:
    given = {
        "data_dir": str(world.settings.data_dir),
        "exporters": {
            "labels": {"world": world.name},
            "alertmanagers": [{"url": world.server.url, "name": "here"}],
        },
    }

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _PROCESS, world.store.url, repr(given)])

    process = start()
    try:
        first = fire(world.store)
        assert until(world.there, 15)
        began = time.monotonic()
        fire(world.store, "HIGH_DISK", labels={"mount": "/data"})
        assert until(lambda: len(world.there()) == 2, 5)
        assert time.monotonic() - began < 2
        process.kill()
        process.wait()
        world.act(lambda act: lifecycle.resolve(act, first, "done"))
        process = start()
        assert until(lambda: len(world.there()) == 1, 15)
        assert world.there()[0]["labels"]["alertname"] == "HIGH_DISK"
    finally:
        process.kill()
        process.wait()

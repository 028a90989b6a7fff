"""Silences in step, whatever people do on both sides and whatever fails in between: against a model of Alertmanager."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baken.alerts import silences
from baken.alerts.rulebook import RuleBook
from baken.alerts.windows import Recurrence
from baken.exporters import alertmanager_matchers as matchers
from baken.exporters.alertmanager_remote import iso_ms
from baken.exporters.alertmanager_silences import InStep
from baken.exporters.pushing import NotTaken
from baken.history.store import Store, open_store
from baken.settings import Alerts

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SITES = ("vereniging.test",)
ALWAYS = matchers.constants({})
KEY = b"k" * 32


def _equal(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}


class Killed(BaseException):
    """The process was killed."""


@dataclass
class Model:
    """Alertmanager as far as it has silences; see Set, canUpdate and expire in its silence/silence.go."""

    now: Callable[[], datetime]
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    expired_by_hand: set[str] = field(default_factory=set)
    away: bool = False
    kills: bool = False
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def silences(self) -> list[Mapping[str, Any]]:
        self._call()
        return [{**each, "status": {"state": self.state(each)}} for each in self.held.values()]

    def make_silence(self, body: Mapping[str, Any]) -> str:
        self._call()
        found = self.put(dict(body))
        if self.kills:
            self.kills = False
            raise Killed
        return found

    def expire_silence(self, identity: str) -> None:
        self._call()
        self.expire(identity)

    def _call(self) -> None:
        if self.away:
            raise NotTaken("Alertmanager cannot be reached")

    def put(self, body: dict[str, Any]) -> str:
        old = self.held.get(body.get("id", ""))
        same = old is not None and old["matchers"] == body["matchers"] and self.state(old) != "expired"
        if not same:
            if old is not None:
                self.expire(old["id"])
            body["id"] = f"{next(self._ids):08}-a"
            body["startsAt"] = max(body["startsAt"], iso_ms(self.now()))
        self.held[body["id"]] = body
        return str(body["id"])

    def expire(self, identity: str) -> None:
        each = self.held.get(identity)
        if each is not None and self.state(each) != "expired":
            now = iso_ms(self.now())
            each |= {"endsAt": now, "startsAt": min(each["startsAt"], now)}

    def state(self, each: Mapping[str, Any]) -> str:
        now = iso_ms(self.now())
        return "pending" if now < each["startsAt"] else "expired" if now >= each["endsAt"] else "active"

    def live(self) -> list[dict[str, Any]]:
        return [each for each in self.held.values() if self.state(each) != "expired"]


@dataclass
class World:
    store: Store
    ahead: timedelta
    now: datetime = START
    model: Model = field(init=False)
    in_step: InStep = field(init=False)
    ended_here: set[int] = field(default_factory=set)
    wished: int = 0

    def __post_init__(self) -> None:
        self.model = Model(lambda: self.now + self.ahead)
        self.restart()

    def restart(self) -> None:
        api: Any = self.model
        self.in_step = InStep("here", api, self.store, Alerts(), RuleBook({}), ALWAYS, KEY)

    def compare(self) -> None:
        try:
            self.in_step.compare(SITES)
        except NotTaken:
            pass
        except Killed:
            self.restart()

    def settle(self) -> None:
        self.model.away = self.model.kills = False
        for _ in range(3):
            self.compare()

    def present(self) -> list[silences.Silence]:
        with self.store.read() as conn:
            return silences.load(conn, self.now)

    def add(self, number: int, minutes: int, recurrence: Recurrence | None = None) -> None:
        with self.store.write() as conn:
            silences.add(
                conn, site=SITES[0], kind="silence" if recurrence is None else "maintenance",
                matchers={"severity": ("LOW", "HIGH", "!LOW")[number % 3]}, starts=self.now,
                ends=self.now + timedelta(minutes=minutes) if recurrence is None else None,
                recurrence=recurrence, comment="", by="els", now=self.now,
            )  # fmt: skip

    def do(self, what: str, number: int) -> None:
        live, here = self.model.live(), self.present()
        self.wished += what in ("add here", "add there")
        one = live[number % len(live)] if live else None
        if what == "add here":
            self.add(number, 30 + number)
        elif what == "add there":
            self.model.put(
                {
                    "matchers": [_equal("area", ("errors", "sepa")[number % 2])],
                    "startsAt": iso_ms(self.now + self.ahead), "createdBy": "anna", "comment": "",
                    "endsAt": iso_ms(self.now + self.ahead + timedelta(minutes=30 + number)),
                }
            )  # fmt: skip
        elif what == "end here" and here:
            chosen = here[number % len(here)]
            self.ended_here.add(chosen.id)
            with self.store.write() as conn:
                silences.end(conn, chosen.id, site=SITES[0], by="els", now=self.now)
        elif what == "end there" and one is not None:
            self.model.expired_by_hand.add(one["id"])
            self.model.expire(one["id"])
        elif what == "later there" and one is not None:
            self.model.put({**one, "endsAt": iso_ms(self.now + self.ahead + timedelta(minutes=90 + number))})
        elif what == "others there" and one is not None:
            self.model.expired_by_hand.add(one["id"])
            changed = [*one["matchers"], _equal("queue", "")]
            self.model.put({**one, "matchers": changed})
        elif what == "compare":
            self.compare()
        elif what == "restart":
            self.restart()
        elif what == "away":
            self.model.away = not self.model.away
        elif what == "kill":
            self.model.kills = True
            self.compare()
        elif what == "time":
            self.now += timedelta(minutes=5 + number)


@contextmanager
def worlds(folder: Path, ahead: timedelta = timedelta()) -> Iterator[World]:
    file = folder / "store.db"
    file.unlink(missing_ok=True)
    store = open_store(f"sqlite:///{file}")
    store.migrate()
    made = World(store, ahead)
    with patch("baken.clock.now", lambda: made.now):
        yield made
    store.close()


WHATS = ["add here", "add here", "add there", "end here", "end there", "later there", "others there", "compare",
         "compare", "restart", "away", "kill", "kill", "time"]  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(WHATS), st.integers(0, 20)), min_size=4, max_size=16),
    st.sampled_from([timedelta(), timedelta(minutes=4), timedelta(minutes=-4)]),
)
def test_whatever_happens_both_sides_come_to_agree(
    tmp_path: Path, doings: list[tuple[str, int]], ahead: timedelta
) -> None:
    with worlds(tmp_path, ahead) as world:
        for what, number in doings:
            world.do(what, number)
        world.settle()
        # What ends within minutes may be over by one clock and not by the other.
        soon = timedelta(minutes=10)
        here = [each for each in world.present() if each.ends is None or each.ends > world.now + soon]
        there = [each for each in world.model.live() if each["endsAt"] > iso_ms(world.now + soon)]
        assert len(here) == len(there), (here, there)
        assert sorted(iso_ms(each.ends) for each in here if each.ends) == sorted(each["endsAt"] for each in there)
        assert len(world.present()) <= world.wished and len(world.model.live()) <= world.wished
        assert not world.ended_here & {each.id for each in world.present()}
        assert not world.model.expired_by_hand & {each["id"] for each in world.model.live()}
        before = dict(world.model.held), [each.id for each in world.present()]
        world.settle()
        world.restart()
        world.settle()
        assert before == (dict(world.model.held), [each.id for each in world.present()])


@pytest.mark.parametrize("minutes", [0, 3, -3])
def test_maintenance_is_renewed_time_after_time(tmp_path: Path, minutes: int) -> None:
    with worlds(tmp_path, timedelta(minutes=minutes)) as world:
        world.add(0, 0, Recurrence(frozenset(range(7)), START.time().replace(hour=14), 60, "UTC"))
        begins = set()
        for _ in range(4 * 24):
            world.now += timedelta(minutes=60)
            world.settle()
            begins |= {each["startsAt"] for each in world.model.live()}
            assert len(world.model.live()) <= 2
        assert {text[:16] for text in begins} >= {f"2026-11-{day}T14:00" for day in (28, 29, 30)}
        assert len(world.model.held) <= 6
        assert len(world.present()) == 1


def test_what_ends_by_the_clock_is_nobodys_doing(tmp_path: Path) -> None:
    with worlds(tmp_path, timedelta(minutes=4)) as world:
        world.do("add here", 0)
        world.do("add there", 0)
        world.settle()
        world.now += timedelta(minutes=28)
        world.settle()
        world.now += timedelta(minutes=10)
        world.settle()
        with world.store.read() as conn:
            over = silences.listed(conn, SITES[0], world.now, ended=True)
        assert len(over) == 2
        assert [each["ended_by"] for each in over] == ["", ""]

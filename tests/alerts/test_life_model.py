"""The life of alerts against a model: whatever happens in whatever order, nothing is lost, doubled or told in vain."""

import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from baken.alerts import lifecycle, outbox, silences
from baken.alerts.lifecycle import Refused
from baken.alerts.message import Undelivered
from baken.history.store import open_store
from baken.history.tables import alert_events
from baken.history.tables import outbox as outbox_table
from tests.alerts.rig import RECIPIENT, SITE, make_rig

QUEUES = ("long", "short")
PEOPLE = [{**RECIPIENT, "name": f"step{step}", "step": step} for step in (1, 2)]


class Life(RuleBasedStateMachine):
    """Figures, people, time, silences, a channel that fails, and processes that die, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="baken-life-"))
        self.store = open_store(f"sqlite:///{self.folder}/store.db")

    @initialize()
    def begin(self) -> None:
        self.store.migrate()
        self.rig = make_rig(self.store, self.folder, recipients=PEOPLE)
        self.high: dict[str, bool | None] = {}
        self.crashed = 0

    def teardown(self) -> None:
        try:
            self._everything_ends()
        finally:
            self.store.close()
            shutil.rmtree(self.folder)

    # What happens

    @rule(queue=st.sampled_from(QUEUES), value=st.sampled_from([0, 5, 10, 15, 20, 21, 90]))
    def measured(self, queue: str, value: float) -> None:
        self._measure({**self._values(), queue: value})

    @rule()
    def not_measured(self) -> None:
        self.rig.figure("frappe_queue_length", None)

    @rule(value=st.sampled_from([0, 1]))
    def database(self, value: float) -> None:
        self.rig.figure("database_up", value)

    @rule(seconds=st.sampled_from([1, 10, 60, 310, 900, 3600, 20_000]))
    def time_passes(self, seconds: float) -> None:
        self.rig.advance(seconds)
        self.rig.tick()

    @rule()
    def delivery(self) -> None:
        self.rig.deliver()

    @rule(permanent=st.booleans())
    def channel_fails(self, permanent: bool) -> None:
        self.rig.side.refuses = Undelivered("the server is away", permanent=permanent)

    @rule()
    def channel_is_mended(self) -> None:
        self.rig.side.refuses = None
        with self.store.write() as conn:
            outbox.enable(conn, "mail", self.rig.now)

    @rule()
    def sender_dies_after_claiming(self) -> None:
        with self.store.write() as conn:
            for batch in outbox.plan(conn, self.rig.settings.alerts, self.rig.now, {}).batches:
                outbox.claim(conn, batch, "dead", self.rig.now)
                self.crashed += 1

    @rule()
    def evaluation_restarts(self) -> None:
        self.rig.restart()
        self.rig.engine.evaluate(SITE)

    @rule(what=st.sampled_from(["acknowledge", "resolve", "reopen", "assign"]), data=st.data())
    def somebody_acts(self, what: str, data: st.DataObject) -> None:
        rows = self.rig.rows()
        if not rows:
            return
        number = data.draw(st.sampled_from([row.number for row in rows]))
        changes: dict[str, Any] = {
            "acknowledge": lambda act: lifecycle.acknowledge(act, number),
            "resolve": lambda act: lifecycle.resolve(act, number),
            "reopen": lambda act: lifecycle.reopen(act, number),
            "assign": lambda act: lifecycle.assign(act, number, "jan"),
        }
        before = self.rig.kinds(number)
        try:
            self.rig.act(changes[what])
        except Refused:
            assert self.rig.kinds(number) == before

    @rule(queue=st.sampled_from(QUEUES), hours=st.sampled_from([1, 8]))
    def silenced(self, queue: str, hours: int) -> None:
        with self.store.write() as conn:
            silences.add(
                conn,
                site=SITE,
                kind="silence",
                matchers={"queue": queue},
                starts=self.rig.now,
                ends=self.rig.now + timedelta(hours=hours),
                recurrence=None,
                comment="",
                by="els",
                now=self.rig.now,
            )
        self.rig.tick()

    # What always holds

    @invariant()
    def at_most_one_is_open_of_each_key(self) -> None:
        if hasattr(self, "rig"):
            keys = Counter(row.key for row in self.rig.open())
            assert all(count == 1 for count in keys.values())

    @invariant()
    def the_trail_tells_the_status(self) -> None:
        if not hasattr(self, "rig"):
            return
        for row in self.rig.rows():
            status = ""
            for kind in self.rig.kinds(row.number):
                status = {
                    "fired": "Active",
                    "reopened": "Active",
                    "acknowledged": "Acknowledged",
                    "resolved": "Resolved",
                }.get(kind, status)
            assert row.status == status, (row.number, row.status, self.rig.kinds(row.number))
            assert (row.open_key is None) == (row.status == "Resolved")
            assert (row.resolved_at is not None) == (row.status == "Resolved")

    @invariant()
    def nothing_is_told_that_is_held_back(self) -> None:
        if not hasattr(self, "rig"):
            return
        for row in self.rig.rows():
            kinds = self.rig.kinds(row.number)
            if "notified" not in kinds:
                continue
            quiet = False
            for place, kind in enumerate(kinds):
                if kind == "suppressed":
                    quiet = True
                elif kind in ("unsuppressed", "resolved", "reopened"):
                    quiet = False
                elif kind in ("escalated", "reminder"):
                    assert not quiet, (row.number, kinds[: place + 1])

    @precondition(lambda self: hasattr(self, "rig"))
    @invariant()
    def what_is_acknowledged_does_not_climb(self) -> None:
        with self.store.read() as conn:
            for row in self.rig.rows():
                taken = False
                query = (
                    select(alert_events.c.kind).where(alert_events.c.alert == row.number).order_by(alert_events.c.id)
                )
                for kind in conn.execute(query).scalars():
                    if kind == "acknowledged":
                        taken = True
                    elif kind in ("reopened", "resolved", "fired"):
                        taken = False
                    assert not (taken and kind == "escalated"), row.number

    def _everything_ends(self) -> None:
        """In the end all is well and the channel works: nothing stays open but what people opened, nothing waits."""
        if not hasattr(self, "rig"):
            return
        self.channel_is_mended()
        self.rig.advance(130)
        self._measure({})
        self.rig.figure("database_up", 1)
        for _ in range(3):
            self.rig.advance(4000)
            self.rig.tick()
            self._measure({})
            self.rig.figure("database_up", 1)
        by_hand = {row.number for row in self.rig.open()}
        for number in by_hand:
            # Whoever opens an alert by hand whose condition is over ends it by hand.
            assert "reopened" in self.rig.kinds(number), (number, self.rig.kinds(number))
        self.rig.deliver_all()
        self._nothing_is_lost()

    def _nothing_is_lost(self) -> None:
        with self.store.read() as conn:
            rows = conn.execute(select(outbox_table)).all()
            assert {row.state for row in rows} <= {"sent", "dropped"}
            # A row is sent once; what is dropped has its reason.
            assert all(row.message for row in rows if row.state == "sent")
            assert all(row.problem for row in rows if row.state == "dropped")
            told = {row.alert for row in rows if row.state == "sent"}
            for row in self.rig.rows():
                kinds = self.rig.kinds(row.number)
                if "suppressed" not in kinds:
                    assert row.number in told, (row.number, kinds)
        arrived = Counter((to, message.id) for _, to, message in self.rig.side.taken)
        assert all(count == 1 for count in arrived.values())

    def _values(self) -> dict[str, float]:
        return dict(getattr(self, "values", {}))

    def _measure(self, values: dict[str, float]) -> None:
        from baken.history.samples import Cycle, Sample

        self.values = values
        found = [Sample("frappe_queue_length", (("queue", name),), value) for name, value in values.items()]
        self.rig.record(Cycle(SITE, self.rig.now, found, {}, ["frappe_queue_length"]))
        self.rig.engine.evaluate(SITE, {"frappe_queue_length"})


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

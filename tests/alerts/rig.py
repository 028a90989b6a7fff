"""A small world for alerts: a store, rules of a text, a clock that is moved by hand, and another side that is told."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Row, select

from baken.alerts import lifecycle, outbox, rulebook, suppression
from baken.alerts.compose import Desk
from baken.alerts.engine import Engine
from baken.alerts.lifecycle import Act
from baken.alerts.message import Message, Undelivered
from baken.alerts.sender import Sender
from baken.clock import to_ms
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import Store
from baken.history.tables import alert_events, alerts
from baken.history.tables import outbox as outbox_table
from baken.settings import Settings, load

SITE = "leden.example"
START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)

RULES = """
[QUEUE]
metric = "frappe_queue_length"
above = 20
recover = { below = 10 }
severity = "HIGH"
area = "performance"
title = { en = "{value} jobs wait", nl = "{value} taken wachten" }
message = { en = "Limit {limit} on {site}.", nl = "Grens {limit} op {site}." }
reason = "a test"

[SLOW_DATABASE]
metric = "database_response_seconds"
above = 1
for = "5m"
keep = "2m"
severity = "MEDIUM"
area = "performance"
title = "The database is slow"
message = "It takes {value}."
reason = "a test"

[DOWN]
metric = "database_up"
below = 1
severity = "CRITICAL"
area = "operations"
title = "The database is down"
message = "It does not answer."
inhibits = ["QUEUE", "SLOW_DATABASE"]
reason = "a test"
"""


@dataclass
class OtherSide:
    """Where messages arrive: takes them, or refuses as it is told to."""

    taken: list[tuple[str, str, Message]] = field(default_factory=list)
    refuses: Undelivered | None = None
    broken: dict[str, Undelivered] = field(default_factory=dict)

    def send(self, channel: Any, to: str, message: Message, context: Any) -> str:
        """What `channels.send` would do."""
        problem = self.broken.get(channel.name) or self.refuses
        if problem is not None:
            raise problem
        self.taken.append((channel.name, to, message))
        return "250 taken"

    def told(self, event: str | None = None) -> list[tuple[int, str]]:
        """(alert, event) of every item that arrived, in order."""
        found = [(item.number, item.event) for _, _, message in self.taken for item in message.items]
        return [each for each in found if event is None or each[1] == event]


@dataclass
class Rig:
    """The world. `now` is moved by `advance`."""

    store: Store
    settings: Settings
    engine: Engine
    sender: Sender
    side: OtherSide
    now: datetime = START
    _serial: Iterator[int] = field(default_factory=itertools.count)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def figure(
        self, metric: str, value: float | None, labels: Mapping[str, str] | None = None, site: str = SITE
    ) -> int:
        """Measure a figure (None: it cannot be measured) and judge; how many alerts fired or ended."""
        found = [] if value is None else [Sample(metric, tuple(sorted((labels or {}).items())), value)]
        absences = {metric: "it could not be measured"} if value is None else {}
        self.record(Cycle(site, self.now, found, absences, [metric]))
        return self.engine.evaluate(site, {metric})

    def record(self, cycle: Cycle) -> None:
        """Put a cycle into the store."""
        with self.store.write() as conn:
            samples.record(conn, [cycle])

    def act(self, change: Any, user: str = "els") -> Any:
        """Do something as a user, in a transaction of its own."""
        with self.store.write() as conn:
            return change(Act(conn, self.settings.alerts, self.now, user))

    def tick(self) -> None:
        """What time alone brings about."""
        for site in sorted({site for site, due in self.engine.pending if due <= self.now}):
            self.engine.evaluate(site)
        with self.store.write() as conn:
            act = Act(conn, self.settings.alerts, self.now)
            suppression.refresh(act, self.engine.rules)
            for number, due in conn.execute(
                select(alerts.c.number, alerts.c.step_due).where(
                    alerts.c.step_due <= to_ms(self.now),
                    alerts.c.open_key.is_not(None),
                    alerts.c.suppressed.is_(None),
                )
            ).all():
                lifecycle.climb(act, number, due)

    def deliver(self) -> int:
        """Send what is due, one message after the other; how many batches were tried."""
        tried = 0
        with patch("baken.alerts.channels.send", self.side.send):
            while True:
                with self.store.read() as conn:
                    paced = outbox.plan(conn, self.settings.alerts, self.now, {})
                if paced.put_off:
                    with self.store.write() as conn:
                        outbox.put_off(conn, paced.put_off)
                for batch in paced.batches:
                    self.sender.send(batch)
                tried += len(paced.batches)
                if not paced.batches and not paced.put_off:
                    return tried

    def deliver_all(self) -> None:
        """Let time pass until nothing waits any more."""
        for _ in range(60):
            self.deliver()
            if not self.waiting():
                return
            self.advance(310)
        raise AssertionError(f"something waits for ever: {self.waiting()}")

    def waiting(self) -> list[Row[Any]]:
        """Rows of the outbox that wait."""
        with self.store.read() as conn:
            return list(conn.execute(select(outbox_table).where(outbox_table.c.state == "waiting")).all())

    def rows(self) -> list[Row[Any]]:
        """All alerts, the oldest first."""
        with self.store.read() as conn:
            return list(conn.execute(select(alerts).order_by(alerts.c.number)).all())

    def open(self) -> list[Row[Any]]:
        """The open alerts."""
        return [row for row in self.rows() if row.status != lifecycle.RESOLVED]

    def kinds(self, number: int) -> list[str]:
        """What happened to an alert, the oldest first."""
        with self.store.read() as conn:
            query = select(alert_events.c.kind).where(alert_events.c.alert == number).order_by(alert_events.c.id)
            return list(conn.execute(query).scalars())

    def sent(self) -> list[dict[str, Any]]:
        """What was sent: channel, recipient and event of each row."""
        with self.store.read() as conn:
            rows = conn.execute(select(outbox_table).where(outbox_table.c.state == "sent").order_by(outbox_table.c.id))
            return [
                {"channel": row.channel, "recipient": row.recipient, "event": json.loads(row.body).get("event")}
                for row in rows
            ]

    def restart(self) -> None:
        """Another process takes over: nothing is in mind any more."""
        self.engine = Engine(self.settings.alerts, self.store, self._book(), lambda: self.now)

    def _book(self) -> rulebook.RuleBook:
        return rulebook.RuleBook(self.engine.rules)


RECIPIENT = {"name": "beheer", "channel": "mail", "to": "beheer@example.test", "at_least": "LOW"}
MAIL = {
    "name": "mail",
    "kind": "email",
    "host": "127.0.0.1",
    "port": 25,
    "security": "none",
    "sender": "Baken <baken@example.test>",
}


def make_rig(
    store: Store,
    folder: Path,
    *,
    rules: str = RULES,
    recipients: Sequence[Mapping[str, Any]] = (RECIPIENT,),
    channels: Sequence[Mapping[str, Any]] = (MAIL,),
    **alerts_settings: Any,
) -> Rig:
    """A rig on `store` with the rules of a text and nothing else."""
    file = folder / "rules.toml"
    file.write_text(rules)
    empty = folder / "none.toml"
    empty.write_text("")
    given = {"channels": list(channels), "recipients": list(recipients), "public_url": "https://baken.example.test"}
    settings = load(None, {"data_dir": str(folder), "alerts": {**given, **alerts_settings}})
    book = rulebook.read(file, [str(each["name"]) for each in recipients], defaults=empty)
    side = OtherSide()
    rig: Rig

    def now() -> datetime:
        return rig.now

    desk = Desk(settings, b"k" * 32, lambda _site: "Europe/Amsterdam")
    sender = Sender(settings, store, desk, "rig", lambda _conn, _row, _recipient: None, now)
    rig = Rig(store, settings, Engine(settings.alerts, store, book, now), sender, side)
    return rig


@contextmanager
def patched(side: OtherSide) -> Iterator[None]:
    """Whatever sends in this block sends to `side`."""
    with patch("baken.alerts.channels.send", side.send):
        yield

"""Alerts in a store as Baken itself opens them, for the tests of what shows and changes them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from baken import clock
from baken.alerts import lifecycle, rulebook
from baken.alerts.engine import details_of, filled
from baken.alerts.lifecycle import Act, Opening
from baken.alerts.rule import Rule, Verdict
from baken.alerts.rulebook import RuleBook
from baken.clock import to_ms
from baken.history.series import labels_text
from baken.history.store import Store
from baken.history.tables import alert_states, alerts
from baken.history.upserts import upsert
from baken.settings import Alerts
from tests.server.world import ADMIN, World

SITE, OTHER, HOST = "vereniging.test", "ander.test", ""
QUEUE = {"queue": "long"}

CHANNEL = {"name": "mail", "kind": "email", "host": "127.0.0.1", "port": 25, "security": "none",
           "sender": "Baken <baken@example.test>"}  # fmt: skip
RECIPIENT = {"name": "beheer", "channel": "mail", "to": "beheer@example.test", "at_least": "LOW"}
TOLD = {"channels": [CHANNEL], "recipients": [RECIPIENT], "public_url": "https://baken.example.test"}
"""Settings of alerts with one recipient."""


def fire(
    store: Store,
    rule: str = "HIGH_JOB_QUEUE",
    site: str = SITE,
    labels: Mapping[str, str] | None = None,
    *,
    at: datetime | None = None,
    value: float = 25.0,
    settings: Alerts | None = None,
    remember: bool = True,
) -> int:
    """Let one of Baken's own rules fire; its number. `remember`: as the engine does, with a state that names it."""
    moment, given = at or clock.now(), dict(labels if labels is not None else QUEUE)
    found = _rules().rules[rule]
    with store.write() as conn:
        act = Act(conn, settings or Alerts(), moment)
        number = lifecycle.open_alert(act, _opening(found, site, given, moment, value))
        if remember:
            key = lifecycle.key_of(rule, site, given)
            state = {"site": site, "key": key, "rule": rule, "labels": labels_text(tuple(sorted(given.items())))}
            rest = {"phase": "firing", "since": to_ms(moment), "alert": number, "value": value}
            upsert(conn, alert_states, [state | rest | {"unknown_since": None, "reason": "", "fires": "[]"}])
    return number


def wait(store: Store, rule: str, labels: Mapping[str, str], since: datetime, site: str = SITE) -> None:
    """A condition that holds, but not yet for long enough."""
    text = labels_text(tuple(sorted(labels.items())))
    row = {"site": site, "key": lifecycle.key_of(rule, site, labels), "rule": rule, "labels": text, "phase": "pending"}
    rest = {"since": to_ms(since), "alert": None, "value": 30.0, "unknown_since": None, "reason": "", "fires": "[]"}
    with store.write() as conn:
        upsert(conn, alert_states, [row | rest])


def change(store: Store, what: Any, *, user: str = "els", at: datetime | None = None) -> None:
    """Do something as a user."""
    with store.write() as conn:
        what(Act(conn, Alerts(), at or clock.now(), user))


def row(store: Store, number: int) -> Row[Any]:
    """An alert as the store has it."""
    with store.read() as conn:
        return conn.execute(select(alerts).where(alerts.c.number == number)).one()


def ask(world: World, name: str, status: int = 200, user: str | None = ADMIN, /, **args: Any) -> Any:
    """The answer of a method by GET and token."""
    answer = world.get(name, user, **args)
    assert answer.status_code == status, answer.text
    return answer.json()["message"]


def _rules() -> RuleBook:
    if not _books:
        _books.append(rulebook.read(None))
    return _books[0]


_books: list[RuleBook] = []


def _opening(rule: Rule, site: str, labels: dict[str, str], at: datetime, value: float) -> Opening:
    verdict = Verdict(labels, True, False, value, 20.0, at)
    key = lifecycle.key_of(rule.name, site, labels)
    texts = filled(rule, verdict, site, timedelta(minutes=5))
    return Opening(rule, site, labels, key, at - timedelta(minutes=5), value, texts, details_of(rule, verdict))

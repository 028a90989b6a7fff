"""The trial alert: goes the way of every alert, to everybody over every channel, so that each hop can be tried."""

import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from baken.alerts.lifecycle import Opening, key_of
from baken.alerts.routing import TEST
from baken.alerts.rule import Rule, Verdict, View
from baken.clock import from_ms, to_ms
from baken.history.tables import alert_requests, outbox


class _Never:
    """The condition of a rule that fires only when it is asked to."""

    metrics: frozenset[str] = frozenset()
    every: timedelta | None = None
    words = "asked for by somebody"

    def judge(self, view: View) -> Iterable[Verdict]:
        """Nothing."""
        return ()


RULE = Rule(
    name=TEST,
    kind="trial",
    condition=_Never(),
    severity="LOW",
    area="monitor",
    title={"en": "A test alert of {site}", "nl": "Een proefmelding van {site}"},
    message={
        "en": "Somebody tried out whether alerts reach you. They do. Nothing is wrong.",
        "nl": "Iemand heeft geprobeerd of meldingen je bereiken. Dat doen ze. Er is niets aan de hand.",
    },
    advice={"en": "Nothing needs to be done.", "nl": "Je hoeft niets te doen."},
    reason={"en": "", "nl": ""},
    called={"en": "Test alert", "nl": "Proefmelding"},
)


def trial_opening(request: str, site: str, now: datetime, tell: Sequence[str] = ()) -> Opening:
    """The alert that a test with the id `request` opens; `tell`: for these recipients alone."""
    labels = {"test": request}
    texts = {
        name: {language: text.replace("{site}", site or "Baken") for language, text in given.items()}
        for name, given in (("title", RULE.title), ("message", RULE.message), ("advice", RULE.advice))
    }
    details: dict[str, Any] = {"kind": "trial", "unit": ""} | ({"tell": list(tell)} if tell else {})
    return Opening(RULE, site, labels, key_of(TEST, site, labels), now, None, texts, details)


def ask(conn: Connection, kind: str, site: str, by: str, now: datetime, tell: Sequence[str] = ()) -> str:
    """Ask the process that evaluates for a "test", or to "evaluate" a site now; returns the request's id.

    `tell`: the names of those who are to get the test; empty: everybody.
    """
    identity = secrets.token_hex(16)
    question = json.dumps({"tell": list(tell)}) if tell else ""
    conn.execute(
        insert(alert_requests).values(id=identity, site=site, kind=kind, at=to_ms(now), by=by[:140], answer=question)
    )
    return identity


def last_asked(conn: Connection, kind: str, site: str) -> datetime | None:
    """When that was last asked for about a site; None: not lately."""
    at = conn.execute(
        select(func.max(alert_requests.c.at)).where(alert_requests.c.kind == kind, alert_requests.c.site == site)
    ).scalar()
    return None if at is None else from_ms(at)


def answered(conn: Connection, request: str) -> str | None:
    """The answer to a request as JSON; None as long as there is none."""
    row = conn.execute(
        select(alert_requests.c.done_at, alert_requests.c.answer).where(alert_requests.c.id == request)
    ).one_or_none()
    return None if row is None or row.done_at is None else str(row.answer or "{}")


def deliveries(conn: Connection, alert: int) -> list[dict[str, Any]]:
    """How the notifications about a test alert went: channel, recipient, state, problem, attempts, ms."""
    rows = conn.execute(select(outbox).where(outbox.c.alert == alert).order_by(outbox.c.id)).all()
    return [
        {
            "channel": row.channel,
            "recipient": row.recipient,
            "state": row.state,
            "problem": row.problem,
            "attempts": row.attempts,
            "ms": None if row.sent_at is None else row.sent_at - row.created,
        }
        for row in rows
    ]

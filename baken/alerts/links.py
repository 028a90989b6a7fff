"""One-time links that acknowledge an alert out of a message, without signing in.

A link carries the alert's number, who got it and until when it is good, signed with the installation's key. It opens a
page with a button: programs that look at the links of e-mails press no buttons. The button works once.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from baken.clock import from_ms, to_ms
from baken.history.tables import alert_links

PATH = "/alerts/act"

GOOD_FOR = timedelta(days=7)

_PURPOSE = b"baken alert link 1"


Why = Literal["incomplete", "foreign", "old", "used"]

_WHY: Mapping[Why, str] = {
    "incomplete": "this link is incomplete; open it from the message again",
    "foreign": "this link is not from this Baken, or was changed on the way",
    "old": "this link is too old; sign in to acknowledge the alert",
    "used": "this link was used already",
}


class BadLink(Exception):
    """A link cannot be used; `why` and the text say why. `recipient` is whose it was, as far as that is known."""

    def __init__(self, why: Why, recipient: str = "") -> None:
        super().__init__(_WHY[why])
        self.why = why
        self.recipient = recipient


@dataclass(frozen=True, slots=True)
class Link:
    """What a good link says: acknowledge `alert` in the name of `recipient`; `issued` tells it from another one."""

    alert: int
    recipient: str
    issued: datetime
    ends: datetime
    id: str


def make(key: bytes, alert: int, recipient: str, now: datetime) -> str:
    """The token of a link for `recipient`, good for GOOD_FOR."""
    body = json.dumps([alert, recipient, to_ms(now), to_ms(now + GOOD_FOR)], separators=(",", ":")).encode()
    return f"{_text(body)}.{_text(_sign(key, body))}"


def read(key: bytes, token: str, now: datetime) -> Link:
    """What a token says. Raises BadLink."""
    body_text, _, signature = token.partition(".")
    try:
        body, given = _bytes(body_text), _bytes(signature)
    except ValueError:
        raise BadLink("incomplete") from None
    if not hmac.compare_digest(_sign(key, body), given):
        raise BadLink("foreign")
    alert, recipient, issued, ends = json.loads(body)
    if now >= from_ms(ends):
        raise BadLink("old", str(recipient))
    identity = hashlib.sha256(body).hexdigest()
    return Link(int(alert), str(recipient), from_ms(issued), from_ms(ends), identity)


def use(conn: Connection, link: Link, now: datetime) -> None:
    """Use a link up, in the transaction of what it does. Raises BadLink when it was used before.

    Two who press at the same moment: one of them inserts the row, the other one finds it there.
    """
    try:
        with conn.begin_nested():
            conn.execute(insert(alert_links).values(id=link.id, at=to_ms(now)))
    except IntegrityError:
        raise BadLink("used", link.recipient) from None


def used(conn: Connection, link: Link) -> bool:
    """Whether somebody has used a link."""
    return conn.execute(select(alert_links.c.id).where(alert_links.c.id == link.id)).first() is not None


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + b"\0" + body, "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    if not text or len(text) > 2000 or not text.isascii():
        raise ValueError("no text of base64")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

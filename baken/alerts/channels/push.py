"""Push messages to browsers and phones in which somebody turned them on in Baken: Web Push, encrypted end to end."""

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from baken import clock
from baken.alerts import brief, letter, push_keys, words
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Gone, Message, Undelivered
from baken.privacy import KeyProblem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

HELP = """\
Push messages to a phone, tablet or desktop, without an app and without an account elsewhere: sign in to Baken there,
and turn them on under *Settings*. This channel is always there; nothing is set up in `baken.toml`, and no other channel
may have its name. On iPhone and iPad Baken has to be put on the home screen first.

Each browser is a recipient of its own, called `push:` and a number. It hears of alerts of its site and of the host from
the severity on that was chosen there; CRITICAL when nothing was chosen. Escalation, reminders, silences, the hourly cap
and the digest hold as for every other channel; when somebody acknowledges the alert or it is over, the message on the
screen is replaced, without a sound.

A message goes through the push service of the browser's maker (Google, Mozilla, Apple, Microsoft), encrypted so that
the browser alone can read it ([RFC 8291](https://www.rfc-editor.org/rfc/rfc8291)); the service learns when Baken sends
something, and no more. Baken's own key for these services is made at first need and kept as `push.key` in the data
folder, readable for its owner alone: keep it with the backups, for with a new one every browser has to turn push
messages on again. Set `alerts.public_url` to the https address of Baken: it is given to the services as a contact.

A browser gets nothing any more when push messages are turned off there, when its user signs out or somebody else signs
in there, when the browser forgets Baken, and when the user's account or role is gone from the site: Baken asks the site
for it again before it sends, at most every five minutes. While the site does not answer, what it said last holds for up
to seven days: a site that is down is what messages are about."""

_TOPIC = 32
_BYTES = 3000
_LINES = 5
_TITLE, _BODY = 120, 900
_URGENCY = {"CRITICAL": "high", "HIGH": "high", "MEDIUM": "normal", "LOW": "low", "over": "normal"}
# For so many seconds a message waits for a phone that is off. What is over by then was replaced by its topic.
_WAITS = {"CRITICAL": 86_400, "HIGH": 86_400, "MEDIUM": 43_200, "LOW": 14_400, "over": 86_400}
_MARK = re.compile(r"^\[[^\]]*\] ")
_HOME = "/monitoring_dashboard/alerts"


class Options(ChannelOptions):
    """What sending needs; nobody sets it up."""

    data_dir: str = Field(description="Folder of the key.")
    contact: str = Field("", description="An https: or mailto: address of whoever runs this Baken.")


def needs_to(options: Options) -> bool:
    """A browser."""
    return True


def address(endpoint: str, p256dh: str, auth: str, origin: str = "") -> str:
    """What `send` takes as `to`: a browser's endpoint and keys, and Baken's address as the browser reaches it."""
    return json.dumps([endpoint, p256dh, auth, origin])


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Hand the message to the browser's push service; returns what that said. Raises Undelivered, and Gone."""
    endpoint, p256dh, auth, origin = json.loads(to)
    now = clock.now()
    tone = brief.tone(message)
    target = http.parsed(endpoint, "push service")
    if target.scheme != "https":
        raise Undelivered("the address of a push service begins with https://", permanent=True, whom="recipient")
    try:
        key = _key(options.data_dir)
        sealed = push_keys.encrypt(payload(message), push_keys.decode(p256dh), push_keys.decode(auth))
        contact = next((each for each in (options.contact, origin) if each.startswith(("https://", "mailto:"))), "")
        audience = f"{target.scheme}://{target.netloc.decode('ascii')}"
        headers = {
            "Authorization": push_keys.authorization(key, audience, contact, now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_WAITS.get(tone, 43_200)),
            "Urgency": _URGENCY.get(tone, "normal"),
            "Topic": topic(tag(message)),
        }
    except KeyProblem as problem:
        raise Undelivered(str(problem), permanent=True) from None
    except ValueError as problem:
        raise Undelivered(f"this browser's keys cannot be used: {problem}", permanent=True, whom="recipient") from None
    try:
        reply = http.exchange("POST", endpoint, content=sealed, headers=headers, context=context, what="push service")
    except Undelivered as problem:
        # Each browser has its own service: that one cannot be reached says nothing of the others.
        raise Undelivered(str(problem), permanent=problem.permanent, whom="recipient") from None
    if reply.status in (404, 410):
        raise Gone("the browser gets no push messages from Baken any more: turned off there, or removed")
    if not 200 <= reply.status < 300:
        found = http.refused(reply, endpoint, headers, what="push service")
        advice = "; turn push messages off and on again in that browser" if found.permanent else ""
        raise Undelivered(f"{found}{advice}", permanent=found.permanent, whom="recipient")
    return f"HTTP {reply.status} {target.host}"


def tag(message: Message) -> str:
    """What a message is about: one on the screen with the same tag is replaced."""
    if message.kind == "test":
        return "baken-test"
    if len(message.items) == 1:
        return f"baken-alert-{message.items[0].number}"
    return f"baken-{message.kind}-{message.site}"


def topic(about: str) -> str:
    """The tag as push services take it: one that waits for a phone that is off is replaced by the next of its topic."""
    return push_keys.encode(hashlib.sha256(about.encode()).digest())[:_TOPIC]


def payload(message: Message) -> bytes:
    """What the browser is told, as JSON of at most 3,000 bytes: everything in words, in the reader's language."""
    body = _body(message)
    while True:
        found = json.dumps(_said(message, body), ensure_ascii=False, separators=(",", ":")).encode()
        if len(found) <= _BYTES or not body:
            return found
        body = brief.cut(body, max(0, len(body) - max(20, (len(found) - _BYTES) // 4))) if len(body) > 40 else ""


def _said(message: Message, body: str) -> dict[str, Any]:
    items = message.items
    single = items[0] if len(items) == 1 else None
    tone = brief.tone(message)
    # News that somebody has it, or that it is over, makes no sound.
    quiet = bool(items) and all(item.event in ("resolved", "acknowledged") for item in items)
    active = single is not None and single.status == "Active" and message.kind != "test"
    return {
        "title": brief.cut(_title(message), _TITLE),
        "body": body,
        "severity": tone,
        "tag": tag(message),
        "url": f"{_HOME}/{single.number}" if single is not None else _HOME,
        "site": message.site,
        "language": message.language,
        "alert": single.number if active and single is not None else None,
        # Messages about these are taken off the screen: something newer is known.
        "done": [item.number for item in items if item.event in ("resolved", "acknowledged")][:50],
        "quiet": quiet,
        "at": clock.iso(message.at),
        "acknowledge": words.word("letter.acknowledge", message.language) if active else "",
        "open": words.word("letter.open_short", message.language),
    }


def _title(message: Message) -> str:
    if not message.items:
        return brief.points(message)[0].title
    if len(message.items) == 1 and message.kind != "digest":
        item = message.items[0]
        return f"{letter.mark(item, message.language)}: {item.title}"
    subject = _MARK.sub("", message.subject)
    return subject if message.kind == "digest" else f"{letter.mark(message.items[0], message.language)}: {subject}"


def _body(message: Message) -> str:
    if len(message.items) == 1:
        item = message.items[0]
        where = " · ".join(part for part in (item.site, item.where) if part)
        lines = [message.lead, where, item.change, item.message]
    elif message.items:
        shown = message.items[:_LINES]
        told = [f"{letter.mark(item, message.language)}: {item.title}" for item in shown]
        lines = [message.lead, *told, brief.left_out(message, len(shown))]
    else:
        lines = [*brief.points(message)[0].body, message.site]
    return brief.cut("\n".join(line for line in lines if line), _BODY)


@cache
def _key(data_dir: str) -> "EllipticCurvePrivateKey":
    return push_keys.server_key(Path(data_dir))

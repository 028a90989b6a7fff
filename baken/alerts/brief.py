"""A message in few words, for channels that take no letter: chats, push messages, cards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baken.alerts import letter, words
from baken.alerts.message import Item, Message

MOST = 8
"""Points that a chat message has at most; what is left out is counted."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to say.

    Attributes:
        tone: LOW, MEDIUM, HIGH, CRITICAL, or "over".
        head: how bad it is, on which site and where: "Critical · example.org · queue long".
        title: what it is.
        body: sentences: what changed, what it means.
        advice: what to do; may be empty.
        url, acknowledge_url: where to look and to acknowledge; may be empty.
    """

    tone: str
    head: str
    title: str
    body: tuple[str, ...]
    advice: str = ""
    url: str = ""
    acknowledge_url: str = ""


def points(message: Message, most: int = MOST) -> list[Point]:
    """What a message says, at most so many points."""
    if message.report is not None:
        return _of_report(message, message.report)[:most]
    if not message.items:
        title = words.word("letter.test", message.language) if message.kind == "test" else message.subject
        said = words.word("letter.test_done", message.language) if message.kind == "test" else message.lead
        return [Point(message.severity, message.site, title, (said,) if said else (), url=message.url)]
    return [_of_item(item, message) for item in message.items[:most]]


def left_out(message: Message, shown: int) -> str:
    """A sentence about the items that are not shown; empty when all are."""
    missing = len(message.items) - shown
    return words.word("letter.left_out", message.language, count=missing) if missing > 0 else ""


def tone(message: Message) -> str:
    """What colours the whole message: "over" when all of it is over, else the worst severity."""
    if message.report is not None:
        status = str((message.report.get("health") or {}).get("status"))
        return {"healthy": "over", "warning": "MEDIUM", "critical": "HIGH"}.get(status, "LOW")
    if message.items and all(letter.tone(item) == "over" for item in message.items):
        return "over"
    return message.severity


def cut(text: str, longest: int) -> str:
    """`text`, or its beginning with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def web(address: str) -> str:
    """An address that can be opened in a browser; empty for any other."""
    return address if address.startswith(("https://", "http://")) else ""


def _of_item(item: Item, message: Message) -> Point:
    head = " · ".join(part for part in (letter.mark(item, message.language), item.site, item.where) if part)
    body = tuple(part for part in (item.change, item.message) if part)
    return Point(letter.tone(item), head, item.title, body, item.advice, web(item.url), web(item.acknowledge_url))


def _of_report(message: Message, report: Mapping[str, Any]) -> list[Point]:
    health = report.get("health") or {}
    status = words.word(f"health.{health.get('status', 'unknown')}", message.language)
    said = tuple(str(sentence) for sentence in health.get("sentences") or ())
    found = [Point(tone(message), message.site, status, said, url=web(message.url))]
    for each in report.get("attention") or ():
        severity = str(each["severity"])
        head = words.severity(severity, message.language)
        found.append(Point(severity, head, str(each["text"]), (), url=web(str(each.get("url") or ""))))
    return found

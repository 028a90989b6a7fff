"""Cards in a Microsoft Teams channel or chat, by a workflow's webhook."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from baken.alerts import brief, words
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Message

HELP = """\
Cards in a Microsoft Teams channel or chat. In Teams choose *Workflows*, take *Send webhook alerts to a channel*, and
set the address that it shows as `url`; it is a secret. `to` is not used: the workflow says where. Teams recognises no
repetitions."""

_STYLES = {"CRITICAL": "attention", "HIGH": "warning", "MEDIUM": "accent", "LOW": "emphasis", "over": "good"}
# Teams takes cards of 28 kB.
_POINTS = 6


class Options(ChannelOptions):
    """Settings of a Teams workflow."""

    url: Annotated[SecretStr, AfterValidator(http.usable)] = Field(description="Address of the workflow's webhook.")


def needs_to(options: Options) -> bool:
    """The workflow belongs to one channel or chat."""
    return False


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Post the message as a card; returns the answer's status. Raises Undelivered."""
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": _card(message)}
    reply = http.post(
        options.url.get_secret_value(),
        json={"type": "message", "summary": brief.cut(message.subject, 200), "attachments": [card]},
        context=context,
        what="Teams webhook",
    )
    return f"HTTP {reply.status}"


def _card(message: Message) -> dict[str, Any]:
    points = brief.points(message, _POINTS)
    body = [_text(brief.cut(message.subject, 300), size="large", weight="bolder")]
    if message.lead:
        body.append(_text(brief.cut(message.lead, 600)))
    body.extend(_container(point, message, alone=len(points) == 1) for point in points)
    more = brief.left_out(message, len(points)) if message.items else ""
    if more:
        body.append(_text(more, subtle=True))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": brief.cut(message.subject, 300),
        "msteams": {"width": "Full"},
        "body": body,
    }
    if len(points) > 1 and brief.web(message.url):
        card["actions"] = [_open(message.url, words.word("letter.open", message.language))]
    return card


def _container(point: brief.Point, message: Message, *, alone: bool) -> dict[str, Any]:
    items = [_text(brief.cut(point.head, 200), subtle=True)] if point.head else []
    items.append(_text(brief.cut(point.title, 300), weight="bolder"))
    items.extend(_text(brief.cut(part, 600)) for part in (point.body if alone else point.body[:1]))
    if point.advice and alone:
        items.append(_text(words.word("letter.advice", message.language), weight="bolder"))
        items.append(_text(brief.cut(point.advice, 600)))
    actions = [
        _open(address, words.word(key, message.language))
        for key, address in (("letter.acknowledge", point.acknowledge_url), ("letter.open_short", point.url))
        if address
    ]
    if actions:
        items.append({"type": "ActionSet", "actions": actions})
    style = _STYLES.get(point.tone, "emphasis")
    return {"type": "Container", "style": style, "spacing": "medium", "bleed": True, "items": items}


def _text(text: str, *, size: str = "default", weight: str = "default", subtle: bool = False) -> dict[str, Any]:
    """Text as it is: a TextBlock would take the underscores of HIGH_ERROR_RATE for emphasis."""
    run = {"type": "TextRun", "text": text, "size": size, "weight": weight, "isSubtle": subtle}
    return {"type": "RichTextBlock", "inlines": [run]}


def _open(address: str, title: str) -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": title, "url": address}

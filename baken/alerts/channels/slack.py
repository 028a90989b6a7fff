"""Messages to a Slack channel by an incoming webhook."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from baken.alerts import brief, letter, words
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Message

HELP = """\
Messages to a Slack channel by an incoming webhook. Make an app at api.slack.com, switch *Incoming Webhooks* on, add
one for the channel, and set its address as `url`; it is a secret. `to` is not used: the webhook says which channel.
Mattermost and Rocket.Chat take the same. Slack recognises no repetitions."""

_SECTION = 2900


class Options(ChannelOptions):
    """Settings of a Slack webhook."""

    url: Annotated[SecretStr, AfterValidator(http.usable)] = Field(
        description="Address of the incoming webhook: https://hooks.slack.com/services/…"
    )


def needs_to(options: Options) -> bool:
    """The webhook belongs to one channel."""
    return False


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Post the message; returns what Slack said. Raises Undelivered."""
    reply = http.post(options.url.get_secret_value(), json=_payload(message), context=context, what="Slack webhook")
    return f"HTTP {reply.status} {reply.text[:40]}".strip()


def _payload(message: Message) -> dict[str, Any]:
    points = brief.points(message)
    attachments = [
        {"color": letter.TONES.get(point.tone, letter.TONES["LOW"]), "blocks": _blocks(point, message)}
        for point in points
    ]
    more = brief.left_out(message, len(points)) if message.items else ""
    foot = " · ".join(part for part in (_escaped(more), _link(brief.web(message.url), "Baken")) if part)
    blocks = [_section(f"*{_escaped(brief.cut(message.subject, 300))}*")]
    if message.lead:
        blocks.append(_section(_escaped(message.lead)))
    if foot:
        attachments.append({"color": letter.TONES["LOW"], "blocks": [_context(foot)]})
    # Links are not fetched for a preview: one of them acknowledges.
    return {
        "text": _escaped(brief.cut(message.subject, 300)),
        "blocks": blocks,
        "attachments": attachments,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(point: brief.Point, message: Message) -> list[dict[str, Any]]:
    said = [f"*{_link(point.url, point.title) or _escaped(point.title)}*", *map(_escaped, point.body)]
    if point.advice:
        said.append(f"*{_escaped(words.word('letter.advice', message.language))}*: {_escaped(point.advice)}")
    if point.acknowledge_url:
        said.append(_link(point.acknowledge_url, words.word("letter.acknowledge", message.language)))
    head = [_context(_escaped(point.head))] if point.head else []
    return [*head, _section(brief.cut("\n".join(said), _SECTION))]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _link(address: str, text: str) -> str:
    return f"<{_escaped(address)}|{_escaped(text).replace('|', '¦')}>" if address else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""Push messages by ntfy, of ntfy.sh or a server of one's own."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from baken.alerts import brief, words
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Message, Undelivered

HELP = """\
Push messages to a phone or a desktop by [ntfy](https://ntfy.sh). `to` is the topic; everybody who knows its name can
read along, so choose one that cannot be guessed, or use a server with access control and a `token`. The priority
follows the severity: CRITICAL breaks through "do not disturb". ntfy recognises no repetitions: a message whose answer
got lost may come twice."""

_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
_PRIORITY = {"CRITICAL": 5, "HIGH": 4, "MEDIUM": 3, "LOW": 2, "over": 2}
_TAG = {"CRITICAL": "rotating_light", "HIGH": "warning", "MEDIUM": "large_blue_diamond", "over": "white_check_mark"}
# ntfy makes an attachment of what is longer than 4,096 bytes.
_BYTES = 3800


class Options(ChannelOptions):
    """Settings of ntfy."""

    url: Annotated[str, AfterValidator(http.usable)] = Field("https://ntfy.sh", description="Address of the server.")
    token: SecretStr | None = Field(None, description="Access token, tk_….")


def needs_to(options: Options) -> bool:
    """A topic."""
    return True


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Publish the message to a topic; returns the id that ntfy gave it. Raises Undelivered."""
    if not _TOPIC.fullmatch(to):
        raise Undelivered("the topic may have 1 to 64 letters, digits, - and _ only", permanent=True, whom="recipient")
    headers = {"Authorization": f"Bearer {options.token.get_secret_value()}"} if options.token is not None else {}
    # As JSON to the root and not with headers to the topic: headers hold no é.
    reply = http.post(
        options.url.rstrip("/") + "/",
        json={"topic": to, **_publication(message)},
        headers=headers,
        context=context,
        what="ntfy server",
    )
    return f"HTTP {reply.status} {str(http.form(reply).get('id', ''))[:20]}".strip()


def _publication(message: Message) -> dict[str, Any]:
    tone = brief.tone(message)
    found: dict[str, Any] = {
        "title": brief.cut(message.subject, 200),
        "message": _text(message),
        "priority": _PRIORITY.get(tone, 3),
    }
    if tone in _TAG:
        found["tags"] = [_TAG[tone]]
    points = brief.points(message)
    single = points[0] if len(points) == 1 else None
    click = (single.url if single else "") or brief.web(message.url)
    if click:
        found["click"] = click
    actions = []
    if single and single.acknowledge_url:
        label = words.word("letter.acknowledge", message.language)
        actions.append({"action": "view", "label": label, "url": single.acknowledge_url})
    if click:
        actions.append({"action": "view", "label": words.word("letter.open_short", message.language), "url": click})
    if actions:
        found["actions"] = actions
    return found


def _text(message: Message) -> str:
    points = brief.points(message)
    if len(points) == 1:
        parts = [*points[0].body, points[0].advice]
    else:
        parts = [f"{point.head}: {point.title}" for point in points]
        parts.append(brief.left_out(message, len(points)) if message.items else "")
    text = "\n".join(part for part in [message.lead, *parts] if part) or message.subject
    return text.encode()[:_BYTES].decode("utf-8", "ignore")

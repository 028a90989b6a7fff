"""Messages by a Telegram bot."""

import html
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, field_validator

from baken.alerts import brief, words
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Message, Undelivered

HELP = """\
Messages by a Telegram bot. Make one with @BotFather, set its `token`, and let everybody who is to be told write to it
once, or add it to a group. `to` is the number of the chat, or the @name of a channel. Telegram recognises no
repetitions: a message whose answer got lost may come twice."""

_LONGEST = 4096
_MARKS = {"CRITICAL": "🔴", "HIGH": "🟠", "MEDIUM": "🔵", "LOW": "⚪", "over": "🟢"}


class Options(ChannelOptions):
    """Settings of a Telegram bot."""

    token: SecretStr = Field(description="The bot's token, as @BotFather gave it.")
    url: Annotated[str, AfterValidator(http.usable)] = Field(
        "https://api.telegram.org", description="Address of the Bot API, for a server of one's own."
    )

    @field_validator("token")
    @classmethod
    def _formed(cls, token: SecretStr) -> SecretStr:
        number, colon, rest = token.get_secret_value().partition(":")
        if not (number.isdigit() and colon and rest.replace("-", "").replace("_", "").isalnum()):
            raise ValueError("this is no token of a bot; it looks like 123456789:AA…")
        return token


def needs_to(options: Options) -> bool:
    """A chat."""
    return True


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Send the message to a chat; returns the number that Telegram gave it. Raises Undelivered."""
    buttons = _buttons(message)
    reply = _call(options, to, message, buttons, context)
    if reply.status == 400 and buttons and "URL" in _description(reply).upper():
        # Telegram makes no buttons of addresses that are not on the internet; in the text they do no harm.
        reply = _call(options, to, message, [], context)
    if reply.status == 200:
        return f"message {http.form(reply).get('result', {}).get('message_id', '')}".strip()
    raise _refused(reply, options)


def _call(
    options: Options, to: str, message: Message, buttons: list[list[dict[str, str]]], context: Context
) -> http.Reply:
    wanted: dict[str, Any] = {
        "chat_id": to,
        "text": _text(message, links=not buttons),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        "disable_notification": brief.tone(message) in ("LOW", "over"),
    }
    if buttons:
        wanted["reply_markup"] = {"inline_keyboard": buttons}
    return http.exchange("POST", _address(options), json=wanted, context=context, what="Telegram")


def _address(options: Options) -> str:
    return f"{options.url.rstrip('/')}/bot{options.token.get_secret_value()}/sendMessage"


def _buttons(message: Message) -> list[list[dict[str, str]]]:
    points = brief.points(message)
    single = points[0] if len(points) == 1 else None
    row = []
    if single and single.acknowledge_url:
        row.append({"text": words.word("letter.acknowledge", message.language), "url": single.acknowledge_url})
    if (single and single.url) or brief.web(message.url):
        address = (single.url if single else "") or message.url
        row.append({"text": words.word("letter.open_short", message.language), "url": address})
    return [row] if row else []


def _text(message: Message, *, links: bool) -> str:
    """The message in Telegram's HTML, of at most 4,096 characters: whole points, so that no tag is cut."""
    points = brief.points(message)
    parts = [f"<b>{_plain(message.subject, 300)}</b>"]
    if message.lead:
        parts.append(_plain(message.lead, 500))
    shown, room = 0, _LONGEST - sum(len(part) + 2 for part in parts) - 200
    for point in points:
        text = _point(point, message, alone=len(points) == 1, links=links or len(points) > 1)
        if len(text) + 2 > room:
            break
        parts.append(text)
        shown, room = shown + 1, room - len(text) - 2
    if message.items:
        parts.append(_plain(brief.left_out(message, shown), 190))
    return "\n\n".join(part for part in parts if part)


def _point(point: brief.Point, message: Message, *, alone: bool, links: bool) -> str:
    lines = [] if alone and message.items else [f"<b>{_plain(point.title, 300)}</b>"]
    lines.insert(0, f"{_MARKS.get(point.tone, '')} {_plain(point.head, 200)}".strip())
    lines.extend(_plain(part, 600) for part in (point.body if alone else point.body[:1]))
    if point.advice and alone:
        advice = words.word("letter.advice", message.language)
        lines.append(f"<b>{_plain(advice, 100)}</b>: {_plain(point.advice, 600)}")
    if links:
        named = (("letter.acknowledge", point.acknowledge_url), ("letter.open_short", point.url))
        lines.append(
            " · ".join(
                f'<a href="{html.escape(address)}">{_plain(words.word(key, message.language), 50)}</a>'
                for key, address in named
                if address and len(address) < 400
            )
        )
    return "\n".join(line for line in lines if line)


def _plain(text: str, longest: int) -> str:
    return html.escape(brief.cut(text, longest), quote=False)


def _description(reply: http.Reply) -> str:
    return str(http.form(reply).get("description") or "")


def _refused(reply: http.Reply, options: Options) -> Undelivered:
    said = _description(reply)
    if reply.status == 403:
        return Undelivered(
            "Telegram answered 403: the bot was blocked, or is not in the group; let the recipient write to the bot",
            permanent=True,
            whom="recipient",
        )
    if reply.status == 400 and "upgraded to a supergroup" in said:
        return Undelivered(
            "the Telegram group became a supergroup and has another number: set the new one as `to`",
            permanent=True,
            whom="recipient",
        )
    if reply.status == 400 and ("chat" in said.lower() or "PEER_ID_INVALID" in said):
        return Undelivered(
            "Telegram answered 400: there is no such chat for the bot; check `to`, and write to the bot once",
            permanent=True,
            whom="recipient",
        )
    if reply.status in (401, 404):
        return Undelivered(
            f"Telegram answered {reply.status}: it does not know this bot; set the token that @BotFather shows",
            permanent=True,
        )
    if reply.status == 429:
        after = http.form(reply).get("parameters", {}).get("retry_after")
        wait = f"; it wants to be left alone for {after} s" if isinstance(after, int) else ""
        return Undelivered(f"Telegram answered 429 (too many messages){wait}")
    return http.refused(reply, _address(options), what="Telegram")

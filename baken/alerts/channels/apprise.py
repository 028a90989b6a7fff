"""Everything that Apprise knows: more than a hundred services."""

import importlib.util
import logging
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from baken.alerts import brief, letter
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Message, Undelivered
from baken.outward import within

HELP = """\
Everything that [Apprise](https://github.com/caronc/apprise/wiki) knows: Signal, Matrix, Gotify, Pushover, SMS
gateways and a hundred more. `url` is an Apprise address and a secret; `{to}` in it stands for the recipient's `to`.
Where the address names a host, Baken looks it up and refuses private addresses that `alerts.allow_private` does not
allow; Apprise then connects by itself and may follow redirects, so that it is not held to that very address as
Baken's own channels are. Apprise says only whether a message was taken, not why not."""

_LONGEST = 3000


class Options(ChannelOptions):
    """Settings of an Apprise address."""

    url: SecretStr = Field(description="Apprise address, such as gotify://host/token; `{to}` is the recipient's `to`.")

    @field_validator("url")
    @classmethod
    def _formed(cls, url: SecretStr) -> SecretStr:
        if "://" not in url.get_secret_value():
            raise ValueError("this is no Apprise address; it looks like service://…")
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("Apprise is not installed; install it with pip install apprise")
        return url


def needs_to(options: Options) -> bool:
    """Where the address has a place for it."""
    return "{to}" in options.url.get_secret_value()


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Have Apprise send the message; returns which service took it. Raises Undelivered."""
    import apprise

    # It writes addresses and tokens into its log.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    address = options.url.get_secret_value().replace("{to}", quote(to, safe="@+"))
    plugin = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if plugin is None:
        raise Undelivered(
            "Apprise does not understand the channel's url; compare it with Apprise's manual of that service",
            permanent=True,
        )
    service = str(plugin.service_name or "service")
    _allow(plugin, context)
    kind = {"CRITICAL": "failure", "HIGH": "failure", "MEDIUM": "warning", "over": "success"}
    sender = apprise.Apprise()
    sender.add(plugin)
    title, text = brief.cut(message.subject, 250), _text(message)
    try:
        taken = within(
            context.timeout,
            lambda: sender.notify(
                body=text,
                title=title,
                notify_type=apprise.NotifyType(kind.get(brief.tone(message), "info")),
                body_format=apprise.NotifyFormat.TEXT,
            ),
        )
    except TimeoutError:
        raise Undelivered(f"Apprise ({service}) took longer than {context.timeout:g} s") from None
    except Exception as problem:  # noqa: BLE001 - a hundred plug-ins, each with failures of its own
        raise Undelivered(f"Apprise ({service}) failed: {type(problem).__name__}") from None
    if not taken:
        raise Undelivered(f"Apprise ({service}) could not deliver the message; it does not say why")
    return f"Apprise: {service}"


def _allow(plugin: Any, context: Context) -> None:
    """Refuse private addresses. For a service without a host of its own what looks like one is a token."""
    if "host" in (type(plugin).template_tokens or {}) and plugin.host:
        http.reachable(str(plugin.host), int(plugin.port or 443), context, "Apprise")
    mail_host = getattr(plugin, "smtp_host", None)
    if mail_host:
        http.reachable(str(mail_host), 587, context, "Apprise")


def _text(message: Message) -> str:
    return brief.cut(letter.text(message), _LONGEST)

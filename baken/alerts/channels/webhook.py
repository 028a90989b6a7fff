"""A POST of JSON to an address, signed."""

import hashlib
import hmac
import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, field_validator

from baken import clock
from baken.alerts import letter
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Item, Message

HELP = """\
A POST of JSON to `url`. Headers: `X-Baken-Id` and `Idempotency-Key` are the same when a message is repeated. With a
`secret`, `X-Baken-Signature: t=<seconds since 1970>,v1=<hex>` signs it: hex is the HMAC-SHA-256 of `<t>.<body>` under
the secret; refuse a `t` that is more than five minutes off. The body (`version` 1) has `id`, `kind` (alert, digest,
report or test), `language`, `site`, `severity`, `subject`, `lead`, `at`, `url`, and `alerts`, a list of objects with
`number`, `name`, `rule`, `event`, `title`, `message`, `advice`, `change`, `severity`, `status`, `site`, `where`,
`labels`, `value`, `limit`, `at`, `began`, `occurrences`, `url`, `acknowledge_url` and `runbook`; a report stands under
`report`. Any answer of the 200s means that it was taken. `to` is not used."""

VERSION = 1

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})


class Options(ChannelOptions):
    """Settings of a webhook."""

    url: Annotated[SecretStr, AfterValidator(http.usable)] = Field(description="Where to POST.")
    secret: SecretStr | None = Field(None, description="Signs each message.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Further headers, such as Authorization.")

    @field_validator("headers")
    @classmethod
    def _plain(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS or name.lower().startswith("x-baken-"):
                raise ValueError(f"{name!r} cannot be set as a header")
            if not re.fullmatch(r"[\x20-\x7e]*", value.get_secret_value()):
                raise ValueError(f"the value of {name} may hold printable ASCII only")
        return headers


def needs_to(options: Options) -> bool:
    """The address is in the channel."""
    return False


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """POST the message; returns the answer's status. Raises Undelivered."""
    content = json.dumps(body(message), ensure_ascii=False, separators=(",", ":")).encode()
    headers = {name: value.get_secret_value() for name, value in options.headers.items()}
    headers |= {"Content-Type": "application/json", "X-Baken-Id": message.id, "Idempotency-Key": message.id}
    if options.secret is not None:
        headers["X-Baken-Signature"] = signature(
            options.secret.get_secret_value(), int(clock.now().timestamp()), content
        )
    reply = http.post(options.url.get_secret_value(), content=content, headers=headers, context=context)
    return f"HTTP {reply.status}"


def signature(secret: str, at: int, content: bytes) -> str:
    """The signature of a body that is sent `at` seconds after 1970: `t=…,v1=…`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + content, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def body(message: Message) -> dict[str, Any]:
    """A message as plain JSON values; HELP says what they are."""
    return {
        "version": VERSION,
        "id": message.id,
        "kind": message.kind,
        "language": message.language,
        "site": message.site,
        "severity": message.severity,
        "subject": message.subject,
        "lead": message.lead,
        "at": clock.iso(message.at),
        "url": message.url,
        "alerts": [_alert(item) for item in message.items],
        "report": dict(message.report) if message.report is not None else None,
    }


def _alert(item: Item) -> dict[str, Any]:
    texts = ("rule", "event", "title", "message", "advice", "change", "severity", "status", "site", "where", "value")
    return {
        "number": item.number,
        "name": letter.name(item),
        **{name: getattr(item, name) for name in texts},
        "limit": item.limit,
        "labels": dict(item.labels),
        "at": clock.iso(item.at),
        "began": clock.iso(item.began),
        "occurrences": item.occurrences,
        "url": item.url,
        "acknowledge_url": item.acknowledge_url,
        "runbook": item.runbook,
    }

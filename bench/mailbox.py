"""A real SMTP server to measure against: takes e-mails, remembers when, and can go away and come back."""

import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.controller import Controller

from tests.servers import free_port


@dataclass
class MailServer:
    """An SMTP server; `taken` are the moments (monotonic seconds) and contents of the e-mails that it took."""

    port: int = field(default_factory=free_port)
    taken: list[tuple[float, bytes]] = field(default_factory=list)
    _controller: Any = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take an e-mail."""
        self.taken.append((time.monotonic(), bytes(envelope.content)))
        return "250 2.0.0 Ok"

    def up(self) -> None:
        """Listen."""
        if self._controller is None:
            self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
            self._controller.start()

    def down(self) -> None:
        """Refuse connections."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def environment(self, **more: str) -> dict[str, str]:
        """Settings of Baken as variables: everything is told over this server to one recipient."""
        channel = f'"name":"mail","kind":"email","host":"127.0.0.1","port":{self.port},"security":"none"'
        recipient = '"name":"beheer","channel":"mail","to":"beheer@example.test","at_least":"LOW"'
        return {
            "BAKEN_ALERTS__CHANNELS": f'[{{{channel},"sender":"Baken <baken@example.test>"}}]',
            "BAKEN_ALERTS__RECIPIENTS": f"[{{{recipient}}}]",
            **more,
        }


def text_of(mail: bytes) -> str:
    """Subject and text of an e-mail."""
    message = message_from_bytes(mail, policy=policy.default)
    part = message.get_body(("plain",))
    return f"{message['Subject']}\n{part.get_content() if part is not None else ''}"

"""E-mail to a real SMTP server with STARTTLS and sign-in: what arrives, and what its refusals mean."""

import asyncio
import email.policy
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd import smtp
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from baken.alerts import channels
from baken.alerts.channels import ChannelProblem, Context
from baken.alerts.message import Message, Undelivered
from baken.settings import Channel
from tests.alerts.certificate import server_tls
from tests.alerts.news import item, message, over, report

CONTEXT = Context(timeout=5)
USER, PASSWORD = "baken", "correct horse"


@dataclass
class Mailbox:
    """The server's side: what it took, and what it answers to addresses and messages."""

    port: int = 0
    mails: list[tuple[Envelope, bool]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    sender: str = ""
    data: str = "250 2.0.0 Ok: queued as 4XYZ"

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender."""
        if self.sender:
            return self.sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Take a message, or not."""
        if self.data.startswith("250"):
            self.mails.append((envelope, server.transport.get_extra_info("sslcontext") is not None))
        return self.data

    def last(self) -> EmailMessage:
        """The last message that was taken."""
        content = self.mails[-1][0].content
        parser = BytesParser(policy=email.policy.default)
        return parser.parsebytes(content if isinstance(content, bytes) else b"")


@contextmanager
def serving(box: Mailbox, wrap: ssl.SSLContext | None = None, **settings: Any) -> Iterator[Mailbox]:
    """Run an SMTP server on a free port; `wrap`: with TLS from the first byte."""
    loop = asyncio.new_event_loop()

    def factory() -> smtp.SMTP:
        return smtp.SMTP(box, hostname="mail.example.org", loop=loop, **settings)

    server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0, ssl=wrap))
    box.port = server.sockets[0].getsockname()[1]

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture
def plain() -> Iterator[Mailbox]:
    """A server without TLS and sign-in, as on the same machine."""
    with serving(Mailbox()) as box:
        yield box


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for this machine."""
    return server_tls(tmp_path, "localhost", "127.0.0.1")


@pytest.fixture
def secure(tls: tuple[ssl.SSLContext, Path]) -> Iterator[Mailbox]:
    """A server that wants STARTTLS and a sign-in."""

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    with serving(Mailbox(), tls_context=tls[0], require_starttls=True, auth_required=True, authenticator=check) as box:
        yield box


def channel(box: Mailbox, **changes: Any) -> Channel:
    """A channel that leads to the server."""
    given = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "Baken <baken@example.org>"}
    return Channel.model_validate({"name": "mail", "kind": "email", **given, **changes})


def send(box: Mailbox, to: str = "board@example.org", news: Message | None = None, **changes: Any) -> str:
    """Send a message to the server."""
    return channels.send(channel(box, **changes), to, news or message(), CONTEXT)


def refusal(attempt: Callable[[], object]) -> Undelivered:
    """What an attempt to send was refused with."""
    with pytest.raises(Undelivered) as caught:
        attempt()
    return caught.value


def test_starttls_and_sign_in(
    secure: Mailbox, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    answer = send(secure, security="starttls", user=USER, password=PASSWORD)
    assert answer == "250 2.0.0 Ok: queued as 4XYZ"
    envelope, encrypted = secure.mails[0]
    assert encrypted
    assert envelope.rcpt_tos == ["board@example.org"]
    assert envelope.mail_from == "baken@example.org"


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_that_is_meant(secure: Mailbox) -> None:
    problem = refusal(lambda: send(secure, security="starttls", user=USER, password=PASSWORD))
    assert "the certificate of mail server 127.0.0.1 cannot be trusted" in str(problem)
    assert (problem.permanent, problem.whom) == (True, "channel")
    assert secure.mails == []
    send(secure, security="starttls", user=USER, password=PASSWORD, verify=False)
    assert len(secure.mails) == 1


def test_a_wrong_password_stops_the_channel_and_is_not_shown(secure: Mailbox) -> None:
    problem = refusal(lambda: send(secure, security="starttls", user=USER, password="a wrong one", verify=False))
    assert str(problem).startswith("mail server 127.0.0.1 refuses the sign-in: 535")
    assert (problem.permanent, problem.whom) == (True, "channel")
    assert "a wrong one" not in str(problem)


def test_a_wrong_password_is_recognised_although_the_server_hangs_up(
    secure: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang_up(server: smtp.SMTP, status: str) -> None:
        await pushed(server, status)
        if str(status).startswith("535"):
            assert server.transport is not None
            server.transport.close()

    pushed = smtp.SMTP.push
    monkeypatch.setattr(smtp.SMTP, "push", hang_up)
    problem = refusal(lambda: send(secure, security="starttls", user=USER, password="a wrong one", verify=False))
    assert "refuses the sign-in: 535" in str(problem)


def test_a_server_without_sign_in_gets_nothing_from_a_channel_with_a_password(plain: Mailbox) -> None:
    problem = refusal(lambda: send(plain, user=USER, password=PASSWORD))
    assert "offers no sign-in" in str(problem)
    assert problem.permanent
    assert plain.mails == []


def test_tls_from_the_first_byte(tls: tuple[ssl.SSLContext, Path]) -> None:
    with serving(Mailbox(), wrap=tls[0]) as box:
        send(box, security="tls", verify=False)
    assert box.mails[0][1]


def test_a_server_that_offers_no_starttls_gets_nothing(plain: Mailbox) -> None:
    problem = refusal(lambda: send(plain, security="starttls"))
    assert "offers no STARTTLS" in str(problem)
    assert problem.permanent
    assert plain.mails == []


def test_headers(plain: Mailbox) -> None:
    send(plain, to="board@example.org, admin@example.org,board@example.org")
    mail = plain.last()
    assert mail["From"] == "Baken <baken@example.org>"
    assert mail["To"] == "board@example.org, admin@example.org"
    assert mail["Subject"] == "[CRITICAL] 12 errors within an hour · leden.example.org"
    assert mail["Date"].datetime == message().at
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Importance"] == "high"
    assert mail["List-Id"] == "Baken <leden-example-org.baken.example.org>"
    assert plain.mails[0][0].rcpt_tos == ["board@example.org", "admin@example.org"]


def test_only_what_is_critical_now_is_important(plain: Mailbox) -> None:
    send(plain, news=message(over(), severity="LOW"))
    assert plain.last()["Importance"] is None


def test_a_repetition_can_be_recognised_and_news_of_one_alert_make_a_thread(plain: Mailbox) -> None:
    for news in (
        message(id="a"),
        message(id="a"),
        message(over(), id="b", severity="LOW"),
        message(item(number=124), id="c"),
    ):
        send(plain, news=news)
    parser = BytesParser(policy=email.policy.default)
    mails = [parser.parsebytes(cast(bytes, envelope.content)) for envelope, _ in plain.mails]
    first, again, end, other = mails
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"].endswith("@example.org>")
    assert len({mail["Message-ID"] for mail in mails}) == 3
    assert first["References"] == end["References"] == first["In-Reply-To"]
    assert first["References"] != other["References"]


def test_text_html_and_the_chart_that_the_html_shows(plain: Mailbox) -> None:
    send(plain)
    mail = plain.last()
    assert mail.get_content_type() == "multipart/alternative"
    text, related = list(mail.iter_parts())
    assert text.get_content_type() == "text/plain"
    assert "What to do:" in cast(EmailMessage, text).get_content()
    assert related.get_content_type() == "multipart/related"
    page, picture = list(cast(EmailMessage, related).iter_parts())
    assert page.get_content_type() == "text/html"
    assert picture.get_content_type() == "image/png"
    assert picture.get_content_disposition() == "inline"
    content = cast(EmailMessage, picture).get_content()
    assert content.startswith(b"\x89PNG")
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in cast(EmailMessage, page).get_content()
    assert plain.mails[0][0].content is not None
    assert max(len(line) for line in cast(bytes, plain.mails[0][0].content).splitlines()) <= 998


def test_dutch_letters_and_a_report_arrive(plain: Mailbox) -> None:
    send(plain, news=report("nl"))
    body = plain.last().get_body(("html",))
    assert body is not None
    assert "Niet helemaal in orde" in body.get_content()
    # A report belongs to no alert.
    assert plain.last()["References"] is None


def test_no_text_becomes_a_header(plain: Mailbox) -> None:
    evil = "x\r\nBcc: everybody@example.org\r\n\r\nbody\x00\u2028y"
    send(plain, news=message(item(), subject=evil, site=evil, id=evil))
    assert plain.last()["Bcc"] is None
    assert plain.last()["Subject"] == "x Bcc: everybody@example.org body y"
    assert plain.mails[0][0].rcpt_tos == ["board@example.org"]


@pytest.mark.parametrize(
    "to", ["no address", "a@example.org\r\nRCPT TO:<b@example.org>", "<a@example.org>", ",", "é@x"]
)
def test_an_address_that_is_none_concerns_the_recipient(plain: Mailbox, to: str) -> None:
    problem = refusal(lambda: send(plain, to=to))
    assert (problem.permanent, problem.whom) == (True, "recipient")
    assert plain.mails == []


@pytest.mark.parametrize("code", [550, 551, 553])
def test_an_unknown_address_concerns_the_recipient_alone_and_is_not_shown(plain: Mailbox, code: int) -> None:
    plain.refuses["gone@example.org"] = f"{code} 5.1.1 <gone@example.org>: user unknown"
    problem = refusal(lambda: send(plain, to="gone@example.org"))
    assert (
        str(problem) == f"mail server 127.0.0.1 refused the address: {code} 5.1.1 <<email>>: user unknown; correct `to`"
    )
    assert (problem.permanent, problem.whom) == (True, "recipient")


def test_an_address_that_is_refused_for_now_is_tried_again(plain: Mailbox) -> None:
    plain.refuses["grey@example.org"] = "450 4.2.0 greylisted, come back later"
    problem = refusal(lambda: send(plain, to="grey@example.org"))
    assert "450 4.2.0 greylisted" in str(problem)
    assert not problem.permanent


def test_those_who_have_it_do_not_get_it_again_because_of_the_others(plain: Mailbox) -> None:
    plain.refuses["gone@example.org"] = "550 5.1.1 unknown"
    plain.refuses["grey@example.org"] = "450 4.2.0 later"
    problem = refusal(lambda: send(plain, to="board@example.org,gone@example.org,grey@example.org"))
    assert "refused 2 of 3 addresses" in str(problem)
    assert "example.org," not in str(problem)
    assert (problem.permanent, problem.whom) == (True, "recipient")
    assert plain.mails[0][0].rcpt_tos == ["board@example.org"]


@pytest.mark.parametrize(
    ("answer", "permanent", "whom"),
    [("451 4.3.0 try again", False, "channel"), ("554 5.7.1 looks like spam", True, "recipient")],
)
def test_a_message_that_is_refused(plain: Mailbox, answer: str, permanent: bool, whom: str) -> None:
    plain.data = answer
    problem = refusal(lambda: send(plain))
    assert answer in str(problem)
    assert (problem.permanent, problem.whom) == (permanent, whom)


def test_a_sender_that_is_refused_stops_the_channel(plain: Mailbox) -> None:
    plain.sender = "553 5.7.1 baken@example.org may not send here"
    problem = refusal(lambda: send(plain))
    assert "refuses the sender: 553 5.7.1 <email> may not send here" in str(problem)
    assert (problem.permanent, problem.whom) == (True, "channel")


def test_a_server_that_is_away_is_tried_again() -> None:
    problem = refusal(lambda: send(Mailbox(port=9)))
    assert str(problem) == "mail server 127.0.0.1 cannot be reached: Connection refused"
    assert not problem.permanent


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        problem = refusal(lambda: send(Mailbox(port=silent.getsockname()[1]), timeout=0.3))
    assert "did not answer in time" in str(problem)
    assert not problem.permanent


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": "mail.example.org", "user": "u", "password": "p4ssw0rd"}, "for all to read; set security"),
        ({"user": "u"}, "user and password belong together"),
        ({"user": "u", "password": "p4ssw0rd é"}, "ASCII characters only"),
        ({"sender": "nobody"}, "option sender: this is no address"),
        ({"sender": "x\r\nBcc: y <a@example.org>"}, "option sender: this is no address"),
        ({"host": "smtp://mail.example.org"}, "option host: this is no name of a host"),
        ({"port": 0}, "option port"),
        ({"security": "ssl"}, "option security"),
        ({"passwort": "p4ssw0rd"}, "unknown option passwort; did you mean password?"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ChannelProblem) as problem:
        channels.options(channel(Mailbox(port=25), **changes))
    assert said in str(problem.value)
    assert "channel mail" in str(problem.value)
    assert "p4ssw0rd" not in str(problem.value)


def test_a_password_without_tls_is_fine_on_this_machine() -> None:
    assert channels.options(channel(Mailbox(port=25), user="u", password="p"))
    assert channels.options(channel(Mailbox(port=25), host="localhost", user="u", password="p"))

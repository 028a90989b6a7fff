"""E-mail over SMTP: text and HTML with the figure's chart, in threads, and recognisable when it is repeated."""

import contextlib
import hashlib
import ipaddress
import re
import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from baken.alerts import chart, letter
from baken.alerts.channels import ChannelOptions, Context
from baken.alerts.message import Message, Undelivered
from baken.privacy import mask

HELP = """\
E-mail over SMTP. `security` is `starttls` (port 587), `tls` (port 465) or `none` (port 25, without a password except
on this machine). `to` may hold several addresses with commas: they get one e-mail and see each other; whoever is to
have an e-mail of his own is a recipient of his own. News of one alert stand in one thread. A repetition has the same
Message-ID, so that most mail servers and programs show it once."""

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
# Its own lines only, and nothing but ASCII on the wire, so that a server needs no extensions.
_POLICY = WIRE.clone(cte_type="7bit")


def _sender(text: str) -> str:
    if not _ADDRESS.fullmatch(parseaddr(text)[1]) or _CONTROL.search(text):
        raise ValueError("this is no address; write it as Baken <baken@example.org>")
    return text


class Options(ChannelOptions):
    """Settings of a mail server."""

    host: str = Field(min_length=1, description="The mail server.")
    port: int | None = Field(None, ge=1, le=65535, description="Unset: 587, 465 or 25, as `security` says.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the connection is secured.")
    user: str | None = Field(None, description="User name; unset: the server asks for none.")
    password: SecretStr | None = Field(None, description="The user's password.")
    sender: Annotated[str, AfterValidator(_sender)] = Field(description="From: Baken <baken@example.org>.")
    verify: bool = Field(True, description="Whether the server's certificate must be valid.")
    timeout: float | None = Field(None, gt=0, description="Seconds that the server may take for each step.")

    @field_validator("host")
    @classmethod
    def _plain(cls, host: str) -> str:
        if _CONTROL.search(host) or " " in host or "/" in host:
            raise ValueError("this is no name of a host; write it without smtp:// and without the port")
        return host

    @model_validator(mode="after")
    def _safe(self) -> "Options":
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; give both or neither")
        if not (self.user or "").isascii() or (self.password and not self.password.get_secret_value().isascii()):
            raise ValueError("user and password may hold ASCII characters only: SMTP has no agreed way for others")
        if self.security == "none" and self.password is not None and not _loopback(self.host):
            raise ValueError(f"the password would go to {self.host} for all to read; set security to starttls or tls")
        return self


def needs_to(options: Options) -> bool:
    """An address, or several."""
    return True


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Send the message; returns what the server said when it took it. Raises Undelivered."""
    addresses = list(dict.fromkeys(part.strip() for part in to.split(",") if part.strip()))
    wrong = [address for address in addresses if not _ADDRESS.fullmatch(address)]
    if wrong or not addresses:
        raise Undelivered(
            f"{len(wrong)} of {len(addresses)} addresses of the recipient cannot be used; write them as "
            "name@example.org, several with commas",
            permanent=True,
            whom="recipient",
        )
    mail = compose(options.sender, addresses, message)
    sender = parseaddr(options.sender)[1]
    try:
        server = _connect(options, options.timeout or context.timeout)
        try:
            return _hand_over(server, options, sender, addresses, mail.as_bytes(policy=_POLICY))
        finally:
            # What was taken stays taken, whatever happens while the connection is closed.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()
    except Undelivered:
        raise
    except smtplib.SMTPResponseException as problem:
        raise _refused(options, problem) from None
    except smtplib.SMTPNotSupportedError as problem:
        raise Undelivered(
            f"mail server {options.host} offers no {'STARTTLS' if 'STARTTLS' in str(problem) else 'sign-in'} here; "
            "check port, security, user and password",
            permanent=True,
        ) from None
    except ssl.SSLCertVerificationError as problem:
        raise Undelivered(
            f"the certificate of mail server {options.host} cannot be trusted: {problem.verify_message}; renew it, "
            "set host to the name in it, or set verify to false if that is meant",
            permanent=True,
        ) from None
    except ssl.SSLError as problem:
        raise Undelivered(
            f"mail server {options.host} does not speak TLS as expected ({problem.reason or 'handshake failed'}); "
            "check port and security"
        ) from None
    except TimeoutError:
        raise Undelivered(f"mail server {options.host} did not answer in time") from None
    except smtplib.SMTPException as problem:
        late = isinstance(problem.__context__, TimeoutError)
        what = "did not answer in time" if late else "closed the connection"
        raise Undelivered(f"mail server {options.host} {what}") from None
    except OSError as problem:
        raise Undelivered(f"mail server {options.host} cannot be reached: {problem.strerror or 'no answer'}") from None


def compose(sender: str, to: list[str], message: Message) -> EmailMessage:
    """The e-mail: headers, text, HTML and the charts that the HTML shows."""
    name, address = parseaddr(sender)
    domain = address.rpartition("@")[2]
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(_line(name), addr_spec=address)
    mail["To"] = [Address(addr_spec=each) for each in to]
    mail["Subject"] = _line(message.subject)[:250]
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{_short(message.id)}@{domain}>"
    if message.kind == "alert" and message.items:
        thread = f"<alert-{_short(f'{message.site} {message.items[0].number}')}@{domain}>"
        mail["In-Reply-To"] = thread
        mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if message.severity == "CRITICAL" and message.kind == "alert":
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    label = re.sub(r"[^a-z0-9-]+", "-", message.site.lower()).strip("-") or "all"
    mail["List-Id"] = f"Baken <{label}.baken.{domain}>"
    mail["X-Baken-Id"] = _line(message.id)[:100]
    pictures = {item.number: item for item in letter.whole(message) if item.chart is not None and item.chart.at}
    contents = {number: f"chart-{number}.{_short(message.id)}@{domain}" for number in pictures}
    mail.set_content(letter.text(message))
    mail.add_alternative(letter.html(message, contents), subtype="html")
    page = cast(EmailMessage, list(mail.iter_parts())[-1])
    for number, item in pictures.items():
        if item.chart is not None:
            # No ground of its own: what a mail program in the dark makes of the letter's ground cannot be known.
            picture = chart.png(item.chart, language=message.language, zone=message.zone, dark=None)
            page.add_related(
                picture,
                "image",
                "png",
                disposition="inline",
                cid=f"<{contents[number]}>",
                filename=f"{letter.name(item) or 'chart'}.png",
            )
    return mail


def _connect(options: Options, timeout: float) -> smtplib.SMTP:
    port = options.port or _PORTS[options.security]
    if options.security == "tls":
        return smtplib.SMTP_SSL(options.host, port, _own_name(), timeout=timeout, context=_tls(options.verify))
    server = smtplib.SMTP(options.host, port, _own_name(), timeout=timeout)
    try:
        if options.security == "starttls":
            server.starttls(context=_tls(options.verify))
    except (smtplib.SMTPException, OSError):
        server.close()
        raise
    return server


def _hand_over(server: smtplib.SMTP, options: Options, sender: str, to: list[str], content: bytes) -> str:
    server.ehlo_or_helo_if_needed()
    if options.user is not None and options.password is not None:
        _sign_in(server, options.user, options.password.get_secret_value())
    code, said = server.mail(sender, [f"size={len(content)}"] if server.has_extn("size") else [])
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, said, sender)
    answers = [server.rcpt(address) for address in to]
    refused = [(code, said) for code, said in answers if code not in (250, 251)]
    if len(refused) == len(to):
        raise _refused_all(options, refused)
    code, said = server.data(content)
    if code != 250:
        raise smtplib.SMTPDataError(code, said)
    if refused:
        # Those who have it must not get it again with every attempt for the others.
        raise Undelivered(
            f"mail server {options.host} took the message, but refused {len(refused)} of {len(to)} addresses: "
            f"{_answer(*refused[0])}; correct or remove them",
            permanent=True,
            whom="recipient",
        )
    return _answer(code, said)


def _sign_in(server: smtplib.SMTP, user: str, password: str) -> None:
    """Sign in by one way that the server offers.

    smtplib's own `login` tries all of them: a server that hangs up after a wrong password then looks like one that
    is out of order, and what is wrong is tried for ever.
    """
    offered = server.esmtp_features.get("auth", "").upper().split()
    server.user, server.password = user, password
    for name, answer in (
        ("PLAIN", server.auth_plain),
        ("LOGIN", server.auth_login),
        ("CRAM-MD5", server.auth_cram_md5),
    ):
        if name in offered:
            server.auth(name, answer)
            return
    raise smtplib.SMTPNotSupportedError("AUTH")


def _refused_all(options: Options, refused: list[tuple[int, bytes]]) -> Undelivered:
    later = [answer for answer in refused if 400 <= answer[0] < 500]
    text = (
        f"mail server {options.host} refused the address"
        if len(refused) == 1
        else (f"mail server {options.host} refused all {len(refused)} addresses")
    )
    if later:
        return Undelivered(f"{text} for now: {_answer(*later[0])}")
    code, said = refused[0]
    if code == 530:
        return Undelivered(f"{text}: {_answer(code, said)}; set user and password", permanent=True)
    return Undelivered(f"{text}: {_answer(code, said)}; correct `to`", permanent=True, whom="recipient")


def _refused(options: Options, problem: smtplib.SMTPResponseException) -> Undelivered:
    code, answer = problem.smtp_code, _answer(problem.smtp_code, problem.smtp_error)
    server = f"mail server {options.host}"
    if not 500 <= code < 600:
        # -1 is a connection that broke.
        return Undelivered(f"{server} does not take the message now: {answer}")
    if isinstance(problem, smtplib.SMTPAuthenticationError):
        return Undelivered(f"{server} refuses the sign-in: {answer}; check user and password", permanent=True)
    if isinstance(problem, smtplib.SMTPSenderRefused):
        return Undelivered(f"{server} refuses the sender: {answer}; check sender, user and password", permanent=True)
    if isinstance(problem, smtplib.SMTPDataError):
        return Undelivered(f"{server} refuses the message: {answer}", permanent=True, whom="recipient")
    return Undelivered(f"{server} refuses the connection: {answer}", permanent=True)


def _answer(code: int, said: bytes | str) -> str:
    """What a server answered, in one line without addresses."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    line = mask(" ".join(_CONTROL.sub(" ", text).split()))
    return f"{code} {line[:160]}".strip()


def _line(text: str) -> str:
    """Text that fits into a header: without line ends and control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


@cache
def _own_name() -> str:
    """The name of this machine for EHLO, looked up once: a slow name server would delay every message."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"


def _tls(verify: bool) -> ssl.SSLContext:
    made = ssl.create_default_context()
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made

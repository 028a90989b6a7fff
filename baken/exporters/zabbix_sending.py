"""Values on their way to Zabbix: in batches, with what became of each as far as Zabbix says it.

A Zabbix server answers "success" to every delivery and only counts what it could not use: `processed: 0; failed: 168`
is the usual sign of a host that is not there. Which values those were it does not say; it is found out by sending the
parts of a batch again, first host by host and then by halves. A value that arrives twice has the same moment both
times, so that nothing is counted twice.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

from baken.exporters.pushing import NotTaken, seconds_left
from baken.exporters.zabbix_figures import Value
from baken.settings import SettingsError, ZabbixTarget

BATCH = 250
"""Values in one delivery."""

MOST_TRIES = 60
"""Deliveries that are spent at most, in one push, to find out which values were refused."""


@dataclass(slots=True)
class Delivery:
    """What became of values.

    Attributes:
        sent: how many were handed over, each counted once.
        taken: those that Zabbix took.
        failed: how many it did not.
        refused: those of them that are known.
    """

    sent: int = 0
    taken: list[Value] = field(default_factory=list)
    failed: int = 0
    refused: list[Value] = field(default_factory=list)

    def __add__(self, other: "Delivery") -> "Delivery":
        return Delivery(
            self.sent + other.sent,
            self.taken + other.taken,
            self.failed + other.failed,
            self.refused + other.refused,
        )

    @property
    def unknown_hosts(self) -> list[str]:
        """Hosts of which Zabbix took nothing at all."""
        alive = {value.host for value in self.taken}
        return sorted({value.host for value in self.refused} - alive)

    def problem(self) -> str:
        """Why some were refused, for people; empty when none were."""
        if not self.failed:
            return ""
        hosts = self.unknown_hosts
        parts = []
        if hosts:
            parts.append(
                f"the host {_listed(hosts)} is not there, is disabled, or has none of the template's items"
                if len(hosts) == 1
                else f"the hosts {_listed(hosts)} are not there, are disabled, or have none of the template's items"
            )
        single = [f"{value.key} of {value.host}" for value in self.refused if value.host not in hosts]
        if single:
            parts.append(f"no item for {_listed(single)}")
        left = self.failed - len(self.refused)
        if left > 0:
            parts.append(f"which the other {left} are is not known" if parts else "which ones is not known")
        return (
            f"Zabbix refused {self.failed} of {self.sent} values: {'; '.join(parts)}. Import the template that "
            "`baken export zabbix-template` writes, and link it to the hosts"
        )


def sender(target: ZabbixTarget) -> Callable[[Sequence[Value]], int]:
    """A function that delivers values to a target and returns how many were refused.

    Raises SettingsError when a pre-shared key cannot be used; the function raises NotTaken.
    """
    wrapped = _wrapper(target)

    def send(values: Sequence[Value]) -> int:
        return _deliver(target, wrapped, values)

    return send


def deliver(send: Callable[[Sequence[Value]], int], values: Sequence[Value]) -> Delivery:
    """Hand values over, and find out which were refused. Raises NotTaken."""
    found = Delivery(sent=len(values))
    tries = MOST_TRIES
    for start in range(0, len(values), BATCH):
        batch = list(values[start : start + BATCH])
        failed = send(batch)
        tries = _sort_out(send, batch, failed, found, tries)
    return found


def _sort_out(
    send: Callable[[Sequence[Value]], int], batch: list[Value], failed: int, found: Delivery, tries: int
) -> int:
    """Note what became of a batch of which `failed` were refused; returns how many tries are left."""
    waiting = [(batch, failed)]
    while waiting:
        some, refused = waiting.pop()
        if not refused:
            found.taken += some
        elif refused >= len(some):
            found.failed += len(some)
            found.refused += some
        elif tries <= 0:
            found.failed += refused
        else:
            parts = _parts(some)
            left = refused
            for place, part in enumerate(parts):
                last = place == len(parts) - 1
                # What is refused of the last part follows from the others, unless Zabbix has learnt of items meanwhile.
                count = min(left, len(part)) if last or tries <= 0 else send(part)
                tries -= 0 if last else 1
                left = max(0, left - count)
                waiting.append((part, count))
    return tries


def _parts(values: list[Value]) -> list[list[Value]]:
    """Values by host, or in halves when all are of one."""
    ordered = sorted(values, key=lambda value: value.host)
    hosts = [list(some) for _, some in groupby(ordered, key=lambda value: value.host)]
    if len(hosts) > 1:
        return hosts
    half = len(values) // 2
    return [values[:half], values[half:]]


def _deliver(
    target: ZabbixTarget, wrapped: Callable[[socket.socket, Any], socket.socket] | None, values: Sequence[Value]
) -> int:
    from zabbix_utils import ItemValue, Sender
    from zabbix_utils.exceptions import ProcessingError
    from zabbix_utils.types import Node

    # What it writes into its log is said here, and once.
    logging.getLogger("zabbix_utils").setLevel(logging.CRITICAL + 1)
    where = f"Zabbix at {target.server}:{target.port}"
    server, version6 = _address(target.server, target.port)
    seconds = seconds_left(target.timeout)
    client = Sender(
        port=target.port,
        use_ipv6=version6,
        timeout=seconds,  # type: ignore[arg-type,unused-ignore] # a fraction of a second is as good
        chunk_size=BATCH,
        socket_wrapper=wrapped,
        compression=True,
    )
    # The library takes the colons of an address for those before a port.
    client.clusters[0].nodes = [Node(server, target.port)]
    given = [
        ItemValue(value.host, value.key, value.text, int(value.at.timestamp()), value.at.microsecond * 1000)
        for value in values
    ]
    try:
        answer = client.send(given)
    except ssl.SSLError as problem:
        raise NotTaken(
            f"{where} refused the encrypted connection ({problem.reason or 'handshake failed'}); check psk_identity "
            "and psk of exporters.zabbix"
        ) from None
    except TimeoutError:
        raise NotTaken(f"{where} gave no answer within {seconds:g} s") from None
    except ConnectionError as problem:
        advice = "" if wrapped else "; it may take encrypted connections only"
        raise NotTaken(f"{where} cut the connection: {problem.strerror or type(problem).__name__}{advice}") from None
    except OSError as problem:
        raise NotTaken(f"{where} cannot be reached: {problem.strerror or 'it answered that it failed'}") from None
    except (ProcessingError, ValueError):
        # The library tells all of these alike: nobody listens, or somebody who speaks another protocol.
        raise NotTaken(
            f"{where} cannot be reached, or is no Zabbix trapper; check server and port of exporters.zabbix"
        ) from None
    if answer.total != len(given):
        raise NotTaken(f"{where} took note of {answer.total} of {len(given)} values")
    return int(answer.failed)


def _address(server: str, port: int) -> tuple[str, bool]:
    """A numeric address of a server, and whether it is one of IPv6. Raises NotTaken."""
    try:
        found = socket.getaddrinfo(server, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotTaken(f"the name {server} of the Zabbix server is not known; check exporters.zabbix") from None
    family, _, _, _, where = min(found, key=lambda each: each[0] != socket.AF_INET)
    return str(where[0]), family == socket.AF_INET6


def _wrapper(target: ZabbixTarget) -> Callable[[socket.socket, Any], socket.socket] | None:
    """What encrypts a connection with the pre-shared key of a target; None where there is none.

    Raises SettingsError when key or identity are missing or cannot be used, or when this Python cannot do it.
    """
    if target.psk is None and not target.psk_identity:
        return None
    name = f"exporters.zabbix {target.server}"
    if target.psk is None or not target.psk_identity:
        raise SettingsError(f"{name}: psk_identity and psk belong together; one of them is missing")
    try:
        key = bytes.fromhex(target.psk.get_secret_value().strip())
    except ValueError:
        key = b""
    if not 16 <= len(key) <= 256:
        raise SettingsError(f"{name}: psk has to be 32 to 512 hexadecimal digits, as `openssl rand -hex 32` makes them")
    context = _context(target.psk_identity, key)
    if context is None:
        raise SettingsError(
            f"{name}: a pre-shared key needs Python 3.13 or later. Run Baken with that, or send without psk to a "
            "Zabbix proxy on this machine, which encrypts what it sends on"
        )

    def wrap(connection: socket.socket, _: Any) -> socket.socket:
        encrypted: socket.socket = context.wrap_socket(connection)
        return encrypted

    return wrap


@lru_cache(maxsize=8)
def _context(identity: str, key: bytes) -> ssl.SSLContext | None:
    if not getattr(ssl, "HAS_PSK", False):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Both sides know each other by the key; there is no certificate.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    context.set_psk_client_callback(lambda _hint: (identity, key))  # type: ignore[attr-defined,unused-ignore]
    return context


def _listed(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown

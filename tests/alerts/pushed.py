"""Browsers and a push service for the tests: the service takes what Baken sends, the browser reads it."""

import contextlib
import json
import secrets
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from baken.alerts import push_keys
from baken.alerts.channels import http
from baken.history import push
from baken.history.push import Subscription
from baken.history.store import Store
from tests.alerts.certificate import server_tls
from tests.alerts.remote import Remote, Request, remote

NETWORK = "127.0.0.0/8"
PEOPLE = "els@example.test"


@dataclass
class Browser:
    """A browser's half of a subscription."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    path: str = field(default_factory=lambda: f"/wp/{secrets.token_hex(16)}")

    @property
    def point(self) -> bytes:
        """Its public key."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def p256dh(self) -> str:
        """Its public key as it tells it."""
        return push_keys.encode(self.point)

    @property
    def secret(self) -> str:
        """Its secret as it tells it."""
        return push_keys.encode(self.auth)

    def decrypt(self, sealed: bytes) -> bytes:
        """What a message says, reckoned apart from Baken's own code (RFC 8188, 8291). Raises for what is not its."""
        salt, (_, length) = sealed[:16], struct.unpack("!IB", sealed[16:21])
        point, text = sealed[21 : 21 + length], sealed[21 + length :]
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        info = b"WebPush: info\0" + self.point + point
        material = HKDF(SHA256(), 32, self.auth, info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(material)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(material)
        plain, mark = AESGCM(key).decrypt(nonce, text, None).rstrip(b"\0")[:-1], b"\x02"
        assert AESGCM(key).decrypt(nonce, text, None).rstrip(b"\0").endswith(mark)
        return plain

    def read(self, request: Request) -> dict[str, Any]:
        """What a message that arrived at the service says."""
        found: dict[str, Any] = json.loads(self.decrypt(request.content))
        return found

    def subscribe(self, store: Store, service: Remote, now: datetime, **changes: Any) -> Subscription:
        """Turn push messages on here, as the API does it."""
        given: dict[str, Any] = {
            "site": "leden.example",
            "user": PEOPLE,
            "endpoint": service.url + self.path,
            "p256dh": self.p256dh,
            "auth": self.secret,
            "language": "en",
            "at_least": "CRITICAL",
            "browser": "Firefox on Android",
            "origin": "https://baken.example.test",
        }
        with store.write() as conn:
            return push.put(conn, now=now, **(given | changes))


@contextlib.contextmanager
def push_service(folder: Path) -> Iterator[Remote]:
    """A push service that Baken trusts; it takes everything until it is told otherwise."""
    tls, certificate = server_tls(folder, "127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(certificate))
    with remote(tls) as service, patch.object(http, "authorities", lambda: trusted):
        service.says(201)
        yield service

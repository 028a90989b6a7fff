"""The secret in the address that a job calls: made of what the store keeps and of the installation's key.

The store holds the public half only, so that whoever reads it cannot ping; the page can show the whole again. A wrong
secret is known for one without a look into the store, and takes as long as a right one.
"""

import base64
import hashlib
import hmac
import re
import secrets

_LABEL = b"baken.checks.ping"
_ADDRESS, _PROOF = 12, 24
_KEY = re.compile(f"[a-z2-7]{{{_ADDRESS + _PROOF}}}")


def new_address() -> str:
    """The public half of a new address: 12 characters, 60 bits."""
    return _letters(secrets.token_bytes(10))[:_ADDRESS]


def key_of(installation: bytes, address: str) -> str:
    """The secret of an address: the address itself and 24 characters (120 bits) that prove it."""
    # Of a key of its own: what signs links must not be what pings.
    own = hmac.new(installation, _LABEL, hashlib.sha256).digest()
    return address + _letters(hmac.new(own, address.encode(), hashlib.sha256).digest())[:_PROOF]


def address_of(installation: bytes, key: str) -> str | None:
    """The address of a secret, or None for one that this installation never gave out."""
    # One of another form costs the same as a wrong one.
    formed = _KEY.fullmatch(key) is not None
    given = key if formed else "a" * (_ADDRESS + _PROOF)
    wanted = key_of(installation, given[:_ADDRESS])
    return given[:_ADDRESS] if hmac.compare_digest(given, wanted) and formed else None


def _letters(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower().rstrip("=")

"""The key by which push services know this Baken (VAPID, RFC 8292), and encryption for one browser (RFC 8291, 8188)."""

import base64
import json
import os
import secrets
import struct
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from baken.privacy import KeyProblem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

KEY_FILE = "push.key"
"""The private key's file in the data folder, PEM, readable for its owner alone."""

_GOOD_FOR = timedelta(hours=12)
# One record holds all of a message: what push services take is 4096 bytes.
_RECORD = 4096
_PAD_TO = 256
MOST_PLAIN = 3328
"""Bytes of a message before it is encrypted."""


def server_key(data_dir: Path) -> "EllipticCurvePrivateKey":
    """The private key of this installation, made when there is none yet.

    A new one makes every subscription useless: browsers have to subscribe anew. Raises KeyProblem.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = data_dir / KEY_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        text = path.read_bytes()
    except OSError as problem:
        raise KeyProblem(
            f"the key for push messages {path} cannot be read or made: {problem.strerror or problem}; "
            "give Baken's user access to it"
        ) from problem
    try:
        key = load_pem_private_key(text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyProblem(
            f"the key for push messages {path} is not what Baken wrote; bring it back from a backup, or remove it: "
            "Baken then makes a new one, and every browser has to turn push messages on again"
        )
    return key


def public_key(key: "EllipticCurvePrivateKey") -> str:
    """The public half as browsers want it: the uncompressed point, base64url."""
    return encode(_point(key))


def authorization(key: "EllipticCurvePrivateKey", audience: str, contact: str, now: datetime) -> str:
    """The header Authorization for a push service.

    Args:
        key: this installation's key.
        audience: scheme and host of the endpoint.
        contact: an https: or mailto: address of whoever runs this Baken; may be empty.
        now: the present moment.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    claims: dict[str, str | int] = {"aud": audience, "exp": int((now + _GOOD_FOR).timestamp())}
    if contact:
        claims["sub"] = contact
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"typ": "JWT", "alg": "ES256"}, claims)]
    signed = ".".join(encode(part) for part in parts)
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={public_key(key)}"


def encrypt(
    plain: bytes,
    p256dh: bytes,
    auth: bytes,
    *,
    salt: bytes | None = None,
    sender: "EllipticCurvePrivateKey | None" = None,
    pad: bool = True,
) -> bytes:
    """A message that the browser with these keys alone can read, in the coding aes128gcm.

    Args:
        plain: what to say, up to MOST_PLAIN bytes.
        p256dh: the browser's public key, 65 bytes.
        auth: the browser's secret, 16 bytes.
        salt, sender: 16 bytes and a key of this message alone; None: new ones.
        pad: hide how long the message is, to within 256 bytes.

    Raises ValueError when the message is too long, or the keys are none.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(plain) > MOST_PLAIN:
        raise ValueError(f"the message has {len(plain)} bytes; at most {MOST_PLAIN} fit")
    if len(auth) != 16:
        raise ValueError("the secret of the browser has to have 16 bytes")
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    salt = salt or secrets.token_bytes(16)
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    point = _point(sender)
    shared = sender.exchange(ec.ECDH(), receiver)
    material = _derive(shared, auth, b"WebPush: info\0" + p256dh + point, 32)
    key = _derive(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(material, salt, b"Content-Encoding: nonce\0", 12)
    padding = -(len(plain) + 1) % _PAD_TO if pad else 0
    sealed = AESGCM(key).encrypt(nonce, plain + b"\x02" + bytes(padding), None)
    return salt + struct.pack("!IB", _RECORD, len(point)) + point + sealed


def check_browser(p256dh: str, auth: str) -> None:
    """Raise ValueError when these are not the keys of a browser."""
    from cryptography.hazmat.primitives.asymmetric import ec

    point, secret = decode(p256dh), decode(auth)
    if len(point) != 65 or len(secret) != 16:
        raise ValueError("p256dh has to have 65 bytes and auth 16, both base64url")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of base64url, with or without padding. Raises ValueError."""
    bare = text.rstrip("=")
    if not bare.isascii():
        raise ValueError("this is no base64url")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _point(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, salt, info).derive(material)


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = ec.generate_private_key(ec.SECP256R1())
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link appears whole or not at all, and never over a key that another process has made meanwhile.
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()

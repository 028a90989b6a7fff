"""Push messages on the wire: the examples of the RFCs, what cannot be used, and Baken's own key."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from baken.alerts import push_keys
from baken.privacy import KeyProblem
from tests.alerts.pushed import Browser

NOW = datetime(2026, 11, 27, 21, 4, tzinfo=UTC)


def test_the_example_of_rfc_8291() -> None:
    """Appendix A: the same keys and salt give the same bytes."""
    private = int.from_bytes(push_keys.decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    sealed = push_keys.encrypt(
        b"When I grow up, I want to be a watermelon",
        push_keys.decode("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        push_keys.decode("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=push_keys.decode("DGv6ra1nlYgDCS1FRnbzlw"),
        sender=ec.derive_private_key(private, ec.SECP256R1()),
        pad=False,
    )
    assert push_keys.encode(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 3000, push_keys.MOST_PLAIN])
def test_the_browser_alone_reads_it_and_its_length_does_not_show(length: int) -> None:
    browser, other = Browser(), Browser()
    plain = b"x" * length
    sealed = push_keys.encrypt(plain, browser.point, browser.auth)
    assert browser.decrypt(sealed) == plain
    assert len(sealed) <= 4096
    assert (len(sealed) - 86 - 16) % 256 == 0
    assert sealed != push_keys.encrypt(plain, browser.point, browser.auth)
    with pytest.raises(Exception):  # noqa: B017 - whatever the library says
        other.decrypt(sealed)


def test_what_cannot_be_encrypted() -> None:
    browser = Browser()
    with pytest.raises(ValueError, match="at most"):
        push_keys.encrypt(b"x" * (push_keys.MOST_PLAIN + 1), browser.point, browser.auth)
    with pytest.raises(ValueError, match="16 bytes"):
        push_keys.encrypt(b"x", browser.point, b"short")
    with pytest.raises(ValueError):
        push_keys.encrypt(b"x", b"\x04" + b"\x01" * 64, browser.auth)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", ""),
        ("AAAA", "AAAA"),
        ("é", "é"),
        ("A" * 87, "A" * 22),
        (Browser().p256dh, "A"),
        ("*" * 87, Browser().secret),
    ],
    ids=["empty", "short", "no letters of base64", "no point of the curve", "a short secret", "other signs"],
)
def test_keys_that_are_none(p256dh: str, auth: str) -> None:
    with pytest.raises(ValueError):
        push_keys.check_browser(p256dh, auth)


def test_keys_with_padding_and_without() -> None:
    browser = Browser()
    push_keys.check_browser(browser.p256dh, browser.secret)
    push_keys.check_browser(browser.p256dh + "=", browser.secret + "==")


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    first = push_keys.public_key(push_keys.server_key(folder))
    assert stat.S_IMODE((folder / push_keys.KEY_FILE).stat().st_mode) == 0o600
    assert push_keys.public_key(push_keys.server_key(folder)) == first
    assert len(push_keys.decode(first)) == 65
    assert [file.name for file in folder.iterdir()] == [push_keys.KEY_FILE]


def test_a_key_that_is_none(tmp_path: Path) -> None:
    (tmp_path / push_keys.KEY_FILE).write_text("nothing of the kind")
    with pytest.raises(KeyProblem, match="turn push messages on again"):
        push_keys.server_key(tmp_path)
    (tmp_path / push_keys.KEY_FILE).unlink()
    (tmp_path / push_keys.KEY_FILE).mkdir()
    with pytest.raises(KeyProblem, match="cannot be read or made"):
        push_keys.server_key(tmp_path)


def test_the_header_holds_for_one_service_and_half_a_day(tmp_path: Path) -> None:
    key = push_keys.server_key(tmp_path)
    header = push_keys.authorization(key, "https://push.example", "https://baken.example.org", NOW)
    assert header.startswith("vapid t=")
    token, public = header.removeprefix("vapid t=").split(", k=")
    assert public == push_keys.public_key(key)
    head, claims, signature = token.split(".")
    assert json.loads(push_keys.decode(head)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(push_keys.decode(claims)) == {
        "aud": "https://push.example",
        "exp": int(NOW.timestamp()) + 12 * 3600,
        "sub": "https://baken.example.org",
    }
    raw = push_keys.decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.public_key().verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    bare = push_keys.authorization(key, "https://push.example", "", NOW).split(".")[1]
    assert "sub" not in json.loads(push_keys.decode(bare))

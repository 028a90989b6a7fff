"""Certificates of a web server, good, expired and untrusted."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from baken.settings import Settings
from baken.sites import probe
from baken.sites.problems import SiteUnreachable
from baken.sites.site import Site
from tests.metrics.conftest import Subject

PRESENT = datetime.now(UTC).replace(microsecond=0)


def certificate(folder: Path, ends: datetime) -> Path:
    """A file with a certificate of 127.0.0.1 that signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=90))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@contextlib.contextmanager
def serving(file: Path) -> Iterator[str]:
    """A server that shakes hands with that certificate; its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as secure:
                secure.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def ends_at(subject: Subject, url: str) -> datetime:
    return probe.certificate_ends(Site(replace(subject.site.config, url=url), Settings()))


@pytest.mark.parametrize("days", [30, -3])
def test_the_end_is_that_of_the_certificate_also_when_it_lies_behind(
    frappe_subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    file = certificate(tmp_path, PRESENT + timedelta(days=days))
    monkeypatch.setattr(probe, "_trust", lambda: ssl.create_default_context(cafile=str(file)))
    with serving(file) as url:
        assert ends_at(frappe_subject, url) == PRESENT + timedelta(days=days)


def test_a_certificate_that_nobody_trusts(frappe_subject: Subject, tmp_path: Path) -> None:
    file = certificate(tmp_path, PRESENT + timedelta(days=30))
    with serving(file) as url, pytest.raises(SiteUnreachable, match="not trusted"):
        ends_at(frappe_subject, url)
    with pytest.raises(SiteUnreachable, match="cannot be read"):
        ends_at(frappe_subject, url)

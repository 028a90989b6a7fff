"""A site's own URL, asked from outside: does it answer, how fast, how long is its certificate good."""

import functools
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from baken.sites.problems import NotAvailable, SiteUnreachable
from baken.sites.site import Site

PING = "/api/method/ping"

# OpenSSL: X509_V_ERR_CERT_HAS_EXPIRED.
_EXPIRED = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site's web server said. `seconds` runs until the whole body was there."""

    status: int
    seconds: float

    @property
    def up(self) -> bool:
        """Whether the site itself answered, as it does with 200 to a ping."""
        return self.status == httpx.codes.OK

    @property
    def maintenance(self) -> bool:
        """Whether the site says that it is being worked on (503)."""
        return self.status == httpx.codes.SERVICE_UNAVAILABLE


def ping(site: Site) -> Answer:
    """Ask the site's URL for Frappe's ping.

    Raises NotAvailable when the site has no URL, SiteUnreachable when nothing answers there.
    """
    if not site.config.url:
        raise NotAvailable(f"no url is configured for site {site.name}")
    headers = {"User-Agent": "baken", "Accept": "application/json"}
    if site.config.host:
        # One web server serves all sites of a bench and tells them apart by name.
        headers |= {"Host": site.config.host, "X-Frappe-Site-Name": site.config.host}
    started = time.perf_counter()
    try:
        answer = httpx.get(
            site.config.url.rstrip("/") + PING,
            headers=headers,
            timeout=site.settings.site_access.connect_seconds,
            follow_redirects=False,
            trust_env=False,
            verify=_trust(),
        )
    except httpx.HTTPError as error:
        raise SiteUnreachable(
            f"{site.config.url} of site {site.name} does not answer: {error or type(error).__name__}; "
            "check the web server"
        ) from None
    except httpx.InvalidURL as error:
        raise NotAvailable(f"url of site {site.name} cannot be used: {error}") from None
    return Answer(answer.status_code, time.perf_counter() - started)


def certificate_ends(site: Site) -> datetime:
    """The moment until which the certificate of the site's URL is good.

    An expired certificate has a moment as well. Raises NotAvailable for a URL without TLS, SiteUnreachable when the
    server does not answer or shows a certificate that is not trusted (the text says which).
    """
    parts = urlsplit(site.config.url or "")
    if parts.scheme != "https" or not parts.hostname:
        raise NotAvailable(f"the URL of site {site.name} does not use https")
    address = (parts.hostname, parts.port or 443)
    try:
        with (
            socket.create_connection(address, timeout=site.settings.site_access.connect_seconds) as raw,
            _trust().wrap_socket(raw, server_hostname=parts.hostname) as secure,
        ):
            certificate = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            return _end_of_any(address, site.settings.site_access.connect_seconds)
        raise SiteUnreachable(f"the certificate of {parts.hostname} is not trusted: {error.verify_message}") from None
    except OSError as error:
        raise SiteUnreachable(f"the certificate of {parts.hostname} cannot be read: {error}") from None
    ends = certificate.get("notAfter")
    if not isinstance(ends, str):
        raise NotAvailable(f"{parts.hostname} shows no certificate")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


@functools.cache
def _trust() -> ssl.SSLContext:
    # Reading the system's certificates takes longer than the request that needs them.
    return ssl.create_default_context()


def _end_of_any(address: tuple[str, int], patience: float) -> datetime:
    try:
        pem = ssl.get_server_certificate(address, timeout=patience)
    except OSError as error:
        raise SiteUnreachable(f"the certificate of {address[0]} cannot be read: {error}") from None
    # It takes six MiB, and is needed for a certificate alone that nobody trusts.
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc

"""What every host does alike when it serves the dashboard to a browser: the built files, and what guards them."""

from collections.abc import Callable, Container, Mapping
from pathlib import Path
from urllib.parse import urlsplit

PUBLIC = Path(__file__).resolve().parent.parent / "public"
"""Folder of the built front end."""

HOME = "/monitoring_dashboard"
"""Path of the dashboard; every path below it is one of its views."""

OWN_FILES: Mapping[str, str] = {
    "sw.js": "text/javascript; charset=utf-8",
    "manifest.webmanifest": "application/manifest+json",
    "manifest.nl.webmanifest": "application/manifest+json",
}
"""Files of the front end that lie below the dashboard's path, with their types. Anybody may have them.

A service worker may serve what lies beside it and below; the manifest says what an installed app covers.
"""

WORKER = "sw.js"

WORKER_SCOPE = HOME
"""What the service worker may serve at most: the dashboard's own path has no slash at its end."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

SECURITY_HEADERS = (
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""Headers of every answer that a browser may show."""


def is_cross_site(header: Callable[[str], str | None], hosts: Container[str]) -> bool:
    """Whether a browser says that another site's page sent a request.

    Args:
        header: a header of the request by its name in small letters; None when it is not there.
        hosts: the names, with port, under which this host is reached, in small letters.
    """
    told = header("sec-fetch-site")
    if told is not None:
        return told not in ("same-origin", "none")
    origin = header("origin")
    return origin is not None and urlsplit(origin).netloc.lower() not in hosts

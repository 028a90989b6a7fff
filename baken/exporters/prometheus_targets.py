"""How Prometheus finds Baken: what its configuration says, and one target per site for hosts with many."""

import json
import os
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from baken import __version__
from baken.settings import Settings

PATH = "/metrics"
TARGETS_PATH = "/metrics/targets"
EVERY = "60s"
"""How often Prometheus fetches: figures are of a minute."""

TOKEN_FILE = "/etc/prometheus/baken.token"  # noqa: S105 - where the token is to be put, not the token


@dataclass(frozen=True, slots=True)
class Address:
    """Where Prometheus reaches Baken: host and port, and whether over HTTPS."""

    at: str
    https: bool

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"{'https' if self.https else 'http'}://{self.at}"


def address_of(settings: Settings) -> Address:
    """Where Baken is reached as its settings have it: its public address, or where it listens."""
    public = urlsplit(settings.alerts.public_url)
    if public.hostname:
        https = public.scheme == "https"
        host = f"[{public.hostname}]" if ":" in public.hostname else public.hostname
        return Address(f"{host}:{public.port or (443 if https else 80)}", https)
    host = settings.server.host
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - nothing is bound here
        host = "127.0.0.1"
    return Address(f"{f'[{host}]' if ':' in host else host}:{settings.server.port}", False)


def targets(sites: Collection[str], address: Address, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Targets for Prometheus' file or HTTP service discovery: the host and Baken itself, then each site.

    `instance` is the site's name, so that `up` says of each whether it was fetched; the host's stays the address.

    Args:
        sites: the watched sites.
        address: where Baken is reached.
        labels: what all of it bears besides, as `exporters.labels` has it.
    """
    common = {**labels, "__metrics_path__": PATH, "__scheme__": "https" if address.https else "http"}
    found = [{"targets": [address.at], "labels": {**common, "__param_host": "1"}}]
    for site in sites:
        own = {"__param_site": site, "instance": site}
        found.append({"targets": [address.at], "labels": {**common, **own}})
    return found


def config(
    settings: Settings,
    address: Address,
    *,
    job: str = "baken",
    targets_file: str = "",
    discover: bool = False,
    token_file: str = TOKEN_FILE,
    with_token: bool = False,
) -> str:
    """What Prometheus' configuration needs, as YAML.

    Args:
        settings: all settings.
        address: where Prometheus reaches Baken.
        job: the job's name.
        targets_file: a file of targets, for a target per site; empty: all sites at once.
        discover: let Prometheus ask Baken for the targets instead.
        token_file: where Prometheus reads the token.
        with_token: write the token itself instead.
    """
    token = settings.exporters.prometheus.token
    # The kind has to be named: Prometheus' discovery sends the bare token otherwise.
    access: dict[str, Any] = {}
    notes: list[str] = []
    if token is not None and with_token:
        access = {"authorization": {"type": "Bearer", "credentials": token.get_secret_value()}}
        notes.append("THIS FILE HOLDS A SECRET, the token of /metrics: only Prometheus may be able to read it.")
    elif token is not None:
        access = {"authorization": {"type": "Bearer", "credentials_file": token_file}}
        notes.append(f"Put the token (exporters.prometheus.token of Baken's settings) into {token_file},")
        notes.append("readable for Prometheus alone.")
    elif settings.exporters.prometheus.allow:
        notes.append(f"Baken gives the figures out by address, to {', '.join(settings.exporters.prometheus.allow)}.")
    else:
        notes.append("/metrics is closed: set exporters.prometheus.token or exporters.prometheus.allow in Baken's")
        notes.append("settings, and write this anew.")
    scrape: dict[str, Any] = {"job_name": job, "scrape_interval": EVERY, "scrape_timeout": "30s", **access}
    if discover:
        scrape["http_sd_configs"] = [{"url": f"{address.url}{TARGETS_PATH}", "refresh_interval": "5m", **access}]
    elif targets_file:
        scrape["file_sd_configs"] = [{"files": [targets_file]}]
    else:
        scrape["scheme"] = "https" if address.https else "http"
        scrape["static_configs"] = [{"targets": [address.at]}]
        if settings.exporters.labels:
            scrape["static_configs"][0]["labels"] = dict(settings.exporters.labels)
    told = [f"For prometheus.yml, written by Baken {__version__}.", *notes]
    body = yaml.dump({"scrape_configs": [scrape]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return "".join(f"# {line}\n" for line in told) + body


class _Dumper(yaml.SafeDumper):
    """Writes again what stands in two places, instead of referring to it."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Always."""
        return True


def targets_text(found: list[dict[str, Any]]) -> str:
    """Targets as the JSON that Prometheus reads."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def write_whole(file: Path, text: str, *, secret: bool = False) -> None:
    """Write a file so that whoever reads it meanwhile has the old one or the new one, never a part.

    What holds a secret is readable for its owner alone. Raises OSError.
    """
    number, made = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(made).chmod(0o600 if secret else 0o644)
        Path(made).replace(file)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise

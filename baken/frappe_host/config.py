"""The settings of a site that Baken is installed on: the `baken` object of site_config.json, then Baken Settings.

What stands in site_config.json wins: it is the administrator's of the machine. What it leaves open, Baken Settings may
say; what both leave open has Baken's defaults. Without a channel of its own the site's outgoing e-mail account sends.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import frappe

from baken import settings
from baken.settings import Settings
from baken.sites.bench import configuration, read_site

DOCTYPE = "Baken Settings"
KEY = "baken"
CHANNEL = "email"
"""Name of the channel over the site's own e-mail account."""

_DAYS = {"history": ("raw_days", "hourly_days", "daily_days", "audit_days"), "alerts": ("closed_days",)}
_THRESHOLDS = (
    "memory_percent", "cpu_percent", "disk_percent", "active_connections", "queue_length", "errors_per_hour",
)  # fmt: skip


def bench_folder() -> Path:
    """The bench's folder: the one that holds sites/ and apps/."""
    return Path(frappe.local.sites_path).resolve().parent


def data_dir() -> Path:
    """The folder of the site that is Baken's own: the installation's key lies there."""
    return Path(frappe.get_site_path("private", "baken")).resolve()


def stamp() -> tuple[object, ...]:
    """What changes when the settings may have changed."""
    files = (bench_folder() / "sites" / "common_site_config.json", Path(frappe.get_site_path("site_config.json")))
    found: list[object] = []
    for path in files:
        try:
            stat = path.stat()
            found += [stat.st_mtime_ns, stat.st_size]
        except OSError:
            found += [0, 0]
    document = _document()
    if document is None:
        return tuple(found)
    told = _system_managers() if document.get("tell_system_managers") else []
    return (*found, str(document.modified), frappe.db.get_default("lang"), _accounts(), tuple(told))


def is_enabled() -> bool:
    """Whether Baken is to watch this site: site_config.json's baken.enabled, else the switch of Baken Settings."""
    given = _given().get("enabled")
    if given is not None:
        return bool(given)
    document = _document()
    return document is None or bool(document.get("enabled"))


def load() -> Settings:
    """The settings that apply on the site of this request or job.

    Raises:
        SettingsError: an unknown key, or a value that cannot be used.
        BenchProblem: the site's configuration cannot be read.
    """
    given = _given()
    given.pop("enabled", None)
    site = frappe.local.site
    bench = bench_folder()
    own = read_site(bench, site)
    ground: dict[str, Any] = {
        "data_dir": str(data_dir()),
        "language": "nl" if str(frappe.db.get_default("lang") or "").startswith("nl") else "en",
        "benches": [{"path": str(bench), "sites": [site]}],
        "history": {"url": own.database_url.render_as_string(hide_password=False)},
        "alerts": {"public_url": _address()},
    }
    values = _merged(_merged(ground, _of_document(_document())), given)
    return settings.build(values, f"the baken object of sites/{site}/site_config.json, {DOCTYPE}")


def is_own_store(found: Settings) -> bool:
    """Whether the store lives in the site's own database."""
    own = read_site(bench_folder(), frappe.local.site).database_url
    return found.history.url == own.render_as_string(hide_password=False)


def _address() -> str:
    """Where the site is reached, by its configuration: whoever sends a request says what they like in its Host."""
    request = getattr(frappe.local, "request", None)
    if request is not None:
        frappe.local.request = None
    try:
        return str(frappe.utils.get_url()).rstrip("/")
    finally:
        if request is not None:
            frappe.local.request = request


def _accounts() -> tuple[str, ...]:
    """When each e-mail account was changed last."""
    # Not the latest of them: one from before the clock was set back would hide every change.
    return tuple(str(row) for row in frappe.get_all("Email Account", fields=["name", "modified"], order_by="name"))


def _given() -> dict[str, Any]:
    # From the files: Frappe 16 remembers what it read of them for a minute, longer than `stamp` takes to notice.
    given = configuration(bench_folder(), frappe.local.site).get(KEY)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise settings.SettingsError(f"{KEY} in site_config.json has to be an object: {{…}}")
    return {str(name): value for name, value in given.items()}


def _document() -> Any:
    """The document Baken Settings; None while the DocType is not there, as during the installation."""
    if not frappe.db.exists("DocType", DOCTYPE):
        return None
    return frappe.get_cached_doc(DOCTYPE)


def _of_document(document: Any) -> dict[str, Any]:
    """What Baken Settings says, in the words of the settings."""
    if document is None:
        return {}
    found: dict[str, Any] = {}
    if document.get("language"):
        found["language"] = document.get("language")
    address = str(document.get("public_url") or "").strip().rstrip("/")
    if address:
        found["alerts"] = {"public_url": address}
    for section, names in _DAYS.items():
        # An empty field is a zero in Frappe, and no limit of Baken's can be one.
        days = {name: int(document.get(name)) for name in names if int(document.get(name) or 0) > 0}
        found = _merged(found, {section: days} if days else {})
    limits = {name: document.get(name) for name in _THRESHOLDS if float(document.get(name) or 0) > 0}
    if limits:
        found["thresholds"] = limits
    channel = _channel(document)
    people = _recipients(document)
    if channel is not None and people:
        found = _merged(found, {"alerts": {"channels": [channel], "recipients": people}})
    return found


def _channel(document: Any) -> dict[str, Any] | None:
    """The site's outgoing e-mail account as a channel; None where it has none that can be used."""
    name = document.get("email_account") or frappe.db.get_value(
        "Email Account", {"default_outgoing": 1, "enable_outgoing": 1}, "name"
    )
    if not name:
        return None
    account = frappe.get_cached_doc("Email Account", name)
    if not account.get("smtp_server"):
        return None
    found: dict[str, Any] = {
        "name": CHANNEL,
        "kind": "email",
        "host": account.smtp_server,
        "security": "tls" if account.get("use_ssl_for_outgoing") else "starttls" if account.get("use_tls") else "none",
        "sender": f"Baken <{account.email_id}>",
    }
    if account.get("smtp_port"):
        found["port"] = int(account.smtp_port)
    if not account.get("no_smtp_authentication"):
        password = _password(account)
        user = account.get("login_id") if account.get("login_id_is_different") else account.email_id
        if password:
            found |= {"user": user or account.email_id, "password": password}
    return found


def _password(account: Any) -> str | None:
    """The password of an e-mail account; None where the site cannot read it, as after a restore without its key.

    Without it the channel says what is wrong; everything else goes on.
    """
    said = len(frappe.local.message_log)
    try:
        return account.get_password(raise_exception=False) or None
    except frappe.ValidationError:
        return None
    finally:
        # Nobody asked for it who should be told in a dialogue.
        del frappe.local.message_log[said:]


def _recipients(document: Any) -> list[dict[str, Any]]:
    """Whom Baken Settings lists, and the System Managers where it says so."""
    found: list[dict[str, Any]] = []
    for row in document.get("recipients") or []:
        one = {
            "name": str(row.get("recipient") or row.get("email")),
            "channel": CHANNEL,
            "to": str(row.get("email")),
            "at_least": row.get("at_least") or "MEDIUM",
            "language": row.get("language") if row.get("language") in ("en", "nl") else "",
            "reports": [name for name in ("daily", "weekly") if row.get(f"{name}_report")],
        }
        found.append(one)
    listed = {str(each["to"]).lower() for each in found}
    names = {str(each["name"]).casefold() for each in found}
    if document.get("tell_system_managers"):
        for user, language in _system_managers():
            if user.lower() not in listed:
                tongue = language if language in ("en", "nl") else ""
                name = f"{user} (System Manager)" if user.casefold() in names else user
                found.append({"name": name, "channel": CHANNEL, "to": user, "language": tongue})
    return found


def _system_managers() -> list[tuple[str, str]]:
    """Enabled users with the role System Manager, with their languages; the built-in users are nobody."""
    holders = frappe.get_all(
        "Has Role", filters={"role": "System Manager", "parenttype": "User"}, pluck="parent", distinct=True
    )
    rows = frappe.get_all(
        "User",
        filters={"name": ["in", holders], "enabled": 1, "user_type": "System User"},
        fields=["name", "email", "language"],
        order_by="name",
    )
    return [(str(row.email), str(row.language or "")) for row in rows if row.email and row.name != "Administrator"]


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both together, section by section; what stands in `above` wins."""
    found = dict(below)
    for name, value in above.items():
        inner = found.get(name)
        found[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return found

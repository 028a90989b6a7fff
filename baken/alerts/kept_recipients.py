"""Recipients that people set on the page: of one site each, with their addresses encrypted in the store.

They are told beside those of `baken.toml`. Whoever reads the store learns no address without the installation's key,
and no answer of the API holds one: it is entered, and shown only masked.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from baken.alerts import channels, ready
from baken.alerts.rule import AREAS
from baken.history import kept
from baken.history.kept import Kept
from baken.settings import Alerts, Recipient, Settings, SettingsError

MOST = 50
"""So many recipients a site may set on the page."""

FIELDS = (
    "name", "channel", "to", "at_least", "areas", "rules", "step", "hours", "time_zone", "language", "reports",
)  # fmt: skip
"""What can be said of one: as in `[[alerts.recipients]]`, but for `sites`, which is the one where it was set."""

_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069()]{1,60}")
_ADDRESS = re.compile(r"[^\s@,;<>\"']{1,120}@[^\s@,;<>\"']{1,120}")
_LABEL = b"baken.kept.addresses"
_LONGEST = 140


class AddressLost(Exception):
    """An address cannot be decrypted; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that cannot be used: `field` is one of FIELDS, or empty for the whole."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The recipients that apply, and what of those on the page cannot be used, by (site, name)."""

    settings: Settings
    problems: Mapping[tuple[str, str], str] = field(default_factory=dict)


def seal(key: bytes, address: str) -> str:
    """An address as it may be stored, encrypted with a key that comes of the installation's."""
    return str(_box(key).encrypt(address.encode()).decode()) if address else ""


def unseal(key: bytes, sealed: str) -> str:
    """The address that `seal` was given. Raises AddressLost."""
    from cryptography.fernet import InvalidToken

    try:
        return str(_box(key).decrypt(sealed.encode()).decode()) if sealed else ""
    except InvalidToken:
        raise AddressLost(
            "its address cannot be read, for this installation has another key now: enter the address again"
        ) from None


def _box(key: bytes) -> Any:
    # Loaded when the first address is: most installations keep none on the page.
    from cryptography.fernet import Fernet

    return Fernet(base64.urlsafe_b64encode(hmac.new(key, _LABEL, hashlib.sha256).digest()))


def masked(address: str) -> str:
    """An address so that its owner knows it again and nobody else learns it: e***@v***.nl."""
    if not address:
        return ""
    user, at, host = address.rpartition("@")
    if at and "." in host and "/" not in host:
        name, _, land = host.rpartition(".")
        return f"{user[:1]}***@{name[:1]}***.{land}"
    return f"{address[:2]}***" if len(address) > 4 else "***"


def full_name(site: str, name: str) -> str:
    """How a recipient of the page is called in routing and trails: no two sites have the same."""
    told = f"{name} ({site})"
    if len(told) <= _LONGEST:
        return told
    return f"{name} ({site[:50]}~{hashlib.sha256(site.encode()).hexdigest()[:8]})"


def short_name(recipient: Recipient) -> str | None:
    """What people call a recipient that was set on the page; None for one of the file."""
    if len(recipient.sites) != 1:
        return None
    name = recipient.name.rsplit(" (", 1)[0]
    return name if recipient.name == full_name(recipient.sites[0], name) else None


def chosen(conn: Connection, settings: Settings, key: bytes | None, site: str | None = None) -> Chosen:
    """The settings with the recipients of the page added to those of the file.

    Args:
        conn: a connection that reads.
        settings: as the file has them.
        key: the installation's key, for who sends; None leaves the addresses out, for who only has to know whom.
        site: add those of this site alone; None: of all sites.

    One that cannot be used is left out, and the reason is told.
    """
    rows = kept.load(conn, "recipient", site)
    if not rows:
        return Chosen(settings)
    known = {(each.channel, each.name) for each in settings.alerts.recipients}
    found: list[Recipient] = []
    problems: dict[tuple[str, str], str] = {}
    for row in rows:
        try:
            address = unseal(key, str(row.body.get("to") or "")) if key is not None else ""
            one = _recipient(row, address)
            wrong = _misfits(settings.alerts, one, address_known=key is not None)
        except (AddressLost, ValidationError) as problem:
            problems[row.site, row.name] = str(problem) if isinstance(problem, AddressLost) else "it cannot be used"
            continue
        if (one.channel, one.name) in known:
            wrong = [Wrong("name", f"baken.toml has a recipient {one.name} on channel {one.channel} too")]
        if wrong:
            problems[row.site, row.name] = "; ".join(each.text for each in wrong)
            continue
        found.append(one)
    told = settings.alerts.model_copy(update={"recipients": [*settings.alerts.recipients, *found]})
    return Chosen(settings.model_copy(update={"alerts": told}), problems)


def _recipient(row: Kept, address: str) -> Recipient:
    values = {name: row.body[name] for name in FIELDS if name in row.body and name not in ("name", "to")}
    return Recipient.model_validate(
        {**values, "name": full_name(row.site, row.name), "to": address, "sites": [row.site]}
    )


def check(alerts: Alerts, site: str, given: Mapping[str, Any], *, alone: bool) -> list[Wrong]:
    """What is wrong with a recipient as the page gives it, by the code that checks those of the file.

    Args:
        alerts: the settings, with the channels.
        site: the site whose recipient it is to be.
        given: its FIELDS; `to` in the clear.
        alone: whether this is the only site that is watched: others share the channels that have one end only.
    """
    wrong = [Wrong("", f"unknown field {name}") for name in given if name not in FIELDS]
    name = str(given.get("name") or "").strip()
    if not _NAME.fullmatch(name):
        wrong.append(Wrong("name", "a name has 1 to 60 characters, without brackets"))
    try:
        one = Recipient.model_validate({**given, "name": full_name(site, name or "x"), "sites": [site]})
    except ValidationError as problem:
        for each in problem.errors(include_url=False, include_input=False):
            wrong.append(Wrong(str(each["loc"][0]) if each["loc"] else "", each["msg"].removeprefix("Value error, ")))
        return wrong
    wrong += _misfits(alerts, one, address_known=True)
    channel = next((each for each in alerts.channels if each.name == one.channel), None)
    if channel is None:
        return wrong
    if channel.kind == "email" and one.to and not _ADDRESS.fullmatch(one.to):
        wrong.append(Wrong("to", "this is no e-mail address; write one such as name@example.org"))
    if len(one.to) > 250:
        wrong.append(Wrong("to", "an address has up to 250 characters"))
    try:
        shared = not channels.module(channel.kind).needs_to(channels.options(channel))
    except SettingsError as problem:
        return [*wrong, Wrong("channel", str(problem))]
    if shared and not alone:
        text = f"channel {channel.name} leads to one place that all sites share: add who is told over it in baken.toml"
        wrong.append(Wrong("channel", text))
    return wrong


def _misfits(alerts: Alerts, one: Recipient, *, address_known: bool) -> list[Wrong]:
    wrong = [Wrong("areas", f"there is no area {area}") for area in one.areas if area not in AREAS]
    wrong += [Wrong(name, text) for name, text in ready.times_of(one)]
    # Without its address it is only known whether its channel is there.
    of = [one] if address_known or one.to else [one.model_copy(update={"to": "-"})]
    try:
        channels.check(alerts.channels, of)
    except SettingsError as problem:
        text = str(problem).replace(f"recipient {one.name}: ", "")
        wrong.append(Wrong("to" if "needs `to`" in text else "channel", text))
    return wrong

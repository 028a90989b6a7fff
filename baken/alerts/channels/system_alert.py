"""Mirrors alerts into the site's own System Alert DocType, over Frappe's REST API."""

import json
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator, Field, SecretStr

from baken.alerts import letter, words
from baken.alerts.channels import ChannelOptions, Context, http
from baken.alerts.message import Item, Message, Undelivered

HELP = """\
Keeps a copy of each alert in the site's own DocType *System Alert*, where the `verenigingen` app shows it. `url` is
the site's address, `api_key` and `api_secret` are those of a user who may read, create and write System Alerts. The
copy follows the alert: Active, Acknowledged, Resolved. A copy that somebody deleted is made again. `to` is not used;
give the recipient `sites` so that alerts go to their own site only."""

SOURCE = "Baken"

_RESOURCE = "/api/resource/System Alert"
# Where an earlier copy is looked for whose name did not come back.
_RECENT = 50
_WHAT = "site"


class Options(ChannelOptions):
    """Settings of a site's System Alerts."""

    url: Annotated[str, AfterValidator(http.usable)] = Field(description="The site's address.")
    api_key: SecretStr = Field(description="API key of a user of the site.")
    api_secret: SecretStr = Field(description="API secret of that user.")
    site: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="The site's name, where `url` is the bench's address and not the site's own.",
    )


def needs_to(options: Options) -> bool:
    """There is one table per site."""
    return False


def send(options: Options, to: str, message: Message, context: Context) -> str:
    """Bring the copies of the message's alerts up to date; returns how many. Raises Undelivered."""
    if message.kind == "report":
        return "reports are not mirrored"
    alerts = [item for item in message.items if item.number > 0]
    if message.kind == "test" or not alerts:
        _found(options, "", context)
        return "System Alert can be read; a test leaves nothing there"
    for item in alerts:
        _mirror(options, item, message, context)
    return f"{len(alerts)} System Alert{'s' if len(alerts) > 1 else ''} up to date"


def _mirror(options: Options, item: Item, message: Message, context: Context) -> None:
    name = context.mirrors.get(item.number)
    if name is None:
        # It may be there already: the answer to an earlier attempt got lost.
        name = next((name for name, number in _found(options, item.rule, context) if number == letter.name(item)), None)
        if name is not None:
            context.mirrors.put(item.number, name)
    if name is not None:
        reply = _call(options, "PUT", f"{_RESOURCE}/{quote(name, safe='')}", _state(item, message), context)
        if reply.status != 404:
            _taken(reply, options)
            return
    reply = _call(options, "POST", _RESOURCE, _document(item, message), context)
    _taken(reply, options)
    made = (http.form(reply).get("data") or {}).get("name")
    if not made:
        raise Undelivered(f"{_WHAT} {http.host_of(options.url)} does not say under which name it keeps the alert")
    context.mirrors.put(item.number, str(made))


def _document(item: Item, message: Message) -> dict[str, Any]:
    at = item.at if item.event in ("fired", "reopened") else item.began
    return {
        "alert_type": item.rule,
        "source": SOURCE,
        "timestamp": _naive(at, message.zone),
        **_state(item, message),
    }


def _state(item: Item, message: Message) -> dict[str, Any]:
    """What changes in the life of an alert. Who acknowledged is in Baken: the site may not know that user."""
    found: dict[str, Any] = {
        "severity": item.severity,
        "status": item.status,
        "message": f"{item.title}: {item.message}" if item.message else item.title,
        "details": json.dumps(
            {
                "alert": letter.name(item),
                "site": item.site,
                "labels": dict(item.labels),
                "where": item.where,
                "value": item.value,
                "limit": item.limit,
                "occurrences": item.occurrences,
                "change": item.change,
                "advice": item.advice,
                "url": item.url,
            },
            ensure_ascii=False,
            sort_keys=True,
        ),
    }
    if item.status == "Active":
        found |= {"acknowledged_at": None, "resolved_at": None}
    elif item.status == "Acknowledged":
        found |= {"resolved_at": None}
        if item.event == "acknowledged":
            found |= {"acknowledged_at": _naive(item.at, message.zone)}
    elif item.event == "resolved":
        found |= {"resolved_at": _naive(item.at, message.zone)}
    return found


def _naive(at: Any, zone: str) -> str:
    return f"{at.astimezone(words.zone(zone)):%Y-%m-%d %H:%M:%S}"


def _found(options: Options, rule: str, context: Context) -> list[tuple[str, str]]:
    """The latest copies of alerts of a rule: their names on the site, and the alerts' names here."""
    query = f"fields={_json(['name', 'details'])}&order_by={quote('creation desc')}&limit_page_length={_RECENT}"
    filters = [["source", "=", SOURCE], ["alert_type", "=", rule]]
    reply = _call(options, "GET", f"{_RESOURCE}?filters={_json(filters)}&{query}", None, context)
    _taken(reply, options)
    found = []
    for row in http.form(reply).get("data") or []:
        try:
            details = json.loads(row.get("details") or "{}")
        except ValueError:
            continue
        if isinstance(details, dict):
            found.append((str(row["name"]), str(details.get("alert") or "")))
    return found


def _json(value: Any) -> str:
    return quote(json.dumps(value, separators=(",", ":")), safe="")


def _call(options: Options, method: str, path: str, document: dict[str, Any] | None, context: Context) -> http.Reply:
    key, secret = options.api_key.get_secret_value(), options.api_secret.get_secret_value()
    headers = {"Authorization": f"token {key}:{secret}", "Accept": "application/json"}
    if options.site:
        headers["X-Frappe-Site-Name"] = options.site
    address = options.url.rstrip("/") + path.replace(" ", "%20")
    return http.exchange(method, address, json=document, headers=headers, context=context, what=_WHAT)


def _taken(reply: http.Reply, options: Options) -> None:
    if 200 <= reply.status < 300:
        return
    host = http.host_of(options.url)
    # Frappe answers with a whole traceback; its kind says enough.
    kind = str(http.form(reply).get("exc_type") or "")
    if reply.status == 404 or ("No module named" in reply.text and "system_alert" in reply.text):
        raise Undelivered(
            f"{_WHAT} {host} has no DocType System Alert; install the app that brings it, or remove this channel: "
            "Baken keeps all alerts without it",
            permanent=True,
        )
    if reply.status in (401, 403):
        raise Undelivered(
            f"{_WHAT} {host} answered {reply.status}: the user of api_key must be able to read, create and write "
            "System Alerts; check the key, the secret and the user's roles",
            permanent=True,
        )
    if reply.status == 417:
        raise Undelivered(
            f"{_WHAT} {host} refuses the alert ({kind or 'validation failed'}); compare its DocType System Alert with "
            "the one in the manual",
            permanent=True,
        )
    # Without the text: it may quote what somebody wrote on the site.
    raise http.refused(http.Reply(reply.status, kind, reply.headers), options.url, what=_WHAT)

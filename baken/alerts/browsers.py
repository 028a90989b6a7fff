"""Browsers as recipients: each that turned push messages on is one, for as long as its user may see the dashboard."""

import re
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, delete, update

from baken.alerts.channels import BUILT_IN
from baken.alerts.channels import push as channel_kind
from baken.history import audit, push
from baken.history.push import Subscription
from baken.history.store import Store
from baken.history.tables import channel_states, outbox
from baken.settings import Alerts, Channel, Recipient, Settings
from baken.sites.problems import SiteProblem
from baken.sites.roles import DASHBOARD_ROLES
from baken.sites.site import Site

__all__ = [
    "BUILT_IN",
    "allowed",
    "channel",
    "end",
    "joined",
    "name_of",
    "number_of",
    "recipient",
    "review",
]

log = structlog.get_logger(__name__)

ASK_AGAIN = timedelta(minutes=5)
"""For so long a role that the site has confirmed is believed."""

BELIEVED = timedelta(days=7)
"""For so long the last word of a site that does not answer holds."""

SILENT_SECONDS = 60.0
"""For so long a site that did not answer is not asked again."""

LOOK_AFTER = timedelta(days=1)
"""After so long somebody is asked after, even if there is nothing to tell."""

_PREFIX = "push:"
# What an operator is called on a site that is not the own one; no user's name has a space in it.
_VISITOR = re.compile(r"(\S+) \((\S+)\)")


def channel(settings: Settings) -> Channel:
    """The channel that is always there. Nothing is read or made for it before something is sent."""
    given = {"data_dir": str(settings.data_dir), "contact": settings.alerts.public_url}
    return Channel.model_validate({"name": BUILT_IN, "kind": BUILT_IN, **given})


def joined(conn: Connection, alerts: Alerts) -> Alerts:
    """The settings with the browsers among the recipients."""
    found = push.every(conn)
    if not found:
        return alerts
    return alerts.model_copy(update={"recipients": [*alerts.recipients, *map(recipient, found)]})


def recipient(subscription: Subscription) -> Recipient:
    """A browser as somebody who is told: of its site and of the host, at once, from its severity on."""
    to = channel_kind.address(subscription.endpoint, subscription.p256dh, subscription.auth, subscription.origin)
    return Recipient.model_validate(
        {
            "name": name_of(subscription.id),
            "channel": BUILT_IN,
            "to": to,
            "at_least": subscription.at_least,
            "sites": [subscription.site],
            "language": subscription.language,
        }
    )


def name_of(number: int) -> str:
    """What outbox and trails call a browser. It tells nothing of its user."""
    return f"{_PREFIX}{number}"


def number_of(name: str) -> int | None:
    """The number in a browser's name; None for any other recipient."""
    digits = name.removeprefix(_PREFIX)
    return int(digits) if name.startswith(_PREFIX) and digits.isdecimal() else None


def allowed(
    store: Store,
    number: int,
    site_of: Callable[[str], Site | None],
    now: datetime,
    operators: Collection[tuple[str, str]] = (),
    silent: dict[str, float] | None = None,
) -> bool:
    """Whether the user of a browser may see the dashboard still; if not, the subscription is ended.

    The site is asked when its last word is older than ASK_AGAIN; for an operator on a site that is not their own, the
    own one. While it does not answer, that holds for BELIEVED. `operators` are users with their sites. `silent` keeps
    sites that did not answer, so that they are let alone for SILENT_SECONDS: whoever waits for one is late for others.

    Raises StoreError.
    """
    with store.read() as conn:
        found = push.find(conn, number)
    if found is None:
        return False
    if timedelta() <= now - found.checked < ASK_AGAIN:
        return True
    may = _ask(found, site_of, operators, {} if silent is None else silent)
    if may is None and now - found.checked < BELIEVED:
        return True
    with store.write() as conn:
        if may:
            push.confirmed(conn, found.site, found.user, now)
            return True
        why = "the role is gone" if may is False else "the site has not confirmed the role for a week"
        for each in push.of_user(conn, found.site, found.user):
            end(conn, each, why, now)
    log.info("a browser gets no push messages any more", reason=why)
    return False


def review(
    store: Store, site_of: Callable[[str], Site | None], now: datetime, operators: Collection[tuple[str, str]] = ()
) -> None:
    """Ask the sites after users whom nobody has asked after for a day; who is gone needs no alert to be forgotten.

    Raises StoreError.
    """
    with store.read() as conn:
        found = {(each.site, each.user): each for each in push.every(conn) if now - each.checked > LOOK_AFTER}
    for each in found.values():
        allowed(store, each.id, site_of, now, operators)


def end(conn: Connection, subscription: Subscription, why: str, now: datetime, *, by: str = "") -> None:
    """Give a subscription up, with what waits for it; the audit trail says why. `by`: who did it, if somebody did."""
    name = name_of(subscription.id)
    push.remove(conn, subscription.id)
    conn.execute(
        update(outbox)
        .where(outbox.c.channel == BUILT_IN, outbox.c.recipient == name, outbox.c.state == "waiting")
        .values(state="dropped", problem=why[:1000], holder=None, leased_until=None)
    )
    # A channel that fails for a browser that is gone would be told of for ever.
    of = channel_states.c.recipient == name
    conn.execute(delete(channel_states).where(channel_states.c.channel == BUILT_IN, of))
    audit.write(
        conn,
        at=now,
        site=subscription.site,
        user=by or subscription.user,
        action="push ended",
        target=name,
        detail={"why": why, "browser": subscription.browser},
    )


def _ask(
    subscription: Subscription,
    site_of: Callable[[str], Site | None],
    operators: Collection[tuple[str, str]],
    silent: dict[str, float],
) -> bool | None:
    """Whether the user has the role; None: the site does not say."""
    name, home = subscription.user, subscription.site
    visitor = _VISITOR.fullmatch(name)
    if visitor is not None:
        name, home = visitor.groups()
        if (name, home) not in operators:
            return False
    # It brings in what decrypts tokens, which the collector has no other use for.
    from baken.sites import users

    site = site_of(home)
    if site is None or time.monotonic() < silent.get(home, 0.0):
        return None
    try:
        with site.reading() as reading:
            user = users.load(reading, name)
    except SiteProblem as problem:
        log.warning("a role stays as last known", site=home, reason=str(problem))
        silent[home] = time.monotonic() + SILENT_SECONDS
        return None
    return user is not None and bool(user.roles & DASHBOARD_ROLES)

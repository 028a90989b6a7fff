"""Who looked at what: each look at a site's figures is in the audit trail once an hour, each refusal once a minute.

Of one person no more than a few addresses a minute: they can be made up, and the trail is kept for years.
"""

import threading
from datetime import datetime
from weakref import WeakKeyDictionary

import structlog

from baken.api.context import Call
from baken.clock import to_ms
from baken.history import audit
from baken.history.store import Store, StoreError

log = structlog.get_logger(__name__)

_HOUR_MS = 3_600_000
# A page that refreshes itself asks for the same thing all day long: it is one look an hour.
_noted: WeakKeyDictionary[Store, dict[tuple[str, str, str], int]] = WeakKeyDictionary()
_refused: WeakKeyDictionary[Store, dict[tuple[str, str, str], float]] = WeakKeyDictionary()
_MOST_REFUSED = 1000
_MOST_PATHS = 200
_lock = threading.Lock()


def note(call: Call, method: str) -> None:
    """Write into the audit trail that the caller looks at a site's figures through `method`.

    A store that cannot be written keeps nobody from looking at what it still tells; that is logged.
    """
    if call.user is None:
        return
    key = (call.site.name if call.site else "", call.user.name, method)
    hour = to_ms(call.now) // _HOUR_MS
    with _lock:
        noted = _noted.setdefault(call.store, {})
        if noted.get(key) == hour:
            return
        for old in [known for known, when in noted.items() if when != hour]:
            del noted[old]
        noted[key] = hour
    try:
        with call.store.write() as conn:
            audit.write(conn, at=call.now, site=key[0], user=key[1], action="looked", target=method)
    except StoreError as problem:
        with _lock:
            noted.pop(key, None)
        log.error("a look could not be written down", method=method, reason=str(problem))


def note_refusal(store: Store, site: str, user: str, target: str, now: datetime) -> None:
    """Write into the audit trail that somebody was refused, the same refusal at most once a minute.

    `target`: a method's name, or the path of a page.
    """
    place, moment = (site, user, target), now.timestamp()
    with _lock:
        refused = _refused.setdefault(store, {})
        if moment - refused.get(place, 0.0) < 60:
            return
        if target.startswith("/"):
            paths = (at for (_, who, path), at in refused.items() if who == user and path.startswith("/"))
            if sum(moment - at < 60 for at in paths) >= _MOST_PATHS:
                return
        if len(refused) > _MOST_REFUSED:
            refused.clear()
        refused[place] = moment
    try:
        with store.write() as conn:
            audit.write(conn, at=now, site=site, user=user, action="access refused", target=target)
    except StoreError as problem:
        log.error("a refused access could not be written down", reason=str(problem))

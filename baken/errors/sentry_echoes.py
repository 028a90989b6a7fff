"""A failure that a site has sent, and that its other sources show as well, is one error.

Guarantee: of n failures that were sent and are shown by other sources too, n are counted, whatever comes first, in the
same transaction as the counts; what only one side knows of is counted as well. `echoes.settle` has made one of what the
other sources show; each of those meets one that was sent at most, and each that was sent meets one of those at most.

What was sent waits for eight days: Baken may read the site's log late. What was shown waits for two hours: nothing is
sent later. Both are known by several keys, each a row of the table with the same moment and mark; the best key that
fits decides, and of several the nearest in time.

Keys: the failure (exception and beginning of the message); the beginning of a message's title and text; the title of
what Frappe refuses for its length; the user, by which within seconds a row that tells no exception is of the failure
that was sent: an app files such a row with words of its own while it handles the exception, and Frappe sends the
exception. What one failure left under other keys goes with it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from baken.errors.counts import Occurrence, parts
from baken.errors.echoes import KEPT_MS, hashed, plain
from baken.errors.event import DEFERRED, ERROR_LOG, FRAPPE_LOG
from baken.history.tables import error_echoes

SENT_KEPT_MS = KEPT_MS
SHOWN_KEPT_MS = 7_200_000
_SEEN_KEPT_MS = 7_200_000
# How many milliseconds after what was sent another source may date the same failure, and how many before it.
_NEAR_MS = 120_000
# Frappe dates a row that waited in the cache by the moment at which it is inserted: every quarter of an hour.
_ROW_LATE_MS = 1_200_000
# The row of a failure is filed right after the failure was sent.
_BESIDE_MS, _BESIDE_BEFORE_MS = 3_000, 1_000
_MOST_FAILURES = 4
_LONGEST_TITLE = 138
_SENT, _ROW, _SHOWN, _SEEN = "N", "XE", "X", "I"


@dataclass(slots=True)
class _Waiting:
    """One row: something that waits for its other side under one of its keys."""

    key: str
    mark: str
    at: int


class _Sides:
    """What waits on one of the sides, by key."""

    def __init__(self, conn: Connection, site: str, keys: set[str], kinds: tuple[str, ...]) -> None:
        self._conn, self._site = conn, site
        self._by_key: dict[str, list[_Waiting]] = {}
        self._gone: set[str] = set()
        self._met: dict[str, int] = {}
        table = error_echoes
        query = select(table.c.key, table.c.source, table.c.at).order_by(table.c.id)
        for part in parts(sorted(keys)):
            for row in conn.execute(query.where(table.c.site == site, table.c.key.in_(part))):
                if row.source.partition("#")[0] in kinds:
                    self._by_key.setdefault(row.key, []).append(_Waiting(row.key, row.source, row.at))

    def meet(self, keys: Sequence[str], at: int, late: int | None = None) -> bool:
        """Whether something waits under one of `keys` near the moment `at`; it waits no longer.

        `late`: how long after what was sent a failure may be dated that is shown; None: as what waits says.
        """
        for key in keys:
            near = [
                (abs(each.at - at), place, each)
                for place, each in enumerate(self._by_key.get(key, ()))
                if each.mark not in self._gone and _is_near(each, at, late)
            ]
            if near:
                each = min(near)[2]
                self._gone.add(each.mark)
                self._met[each.mark] = each.at
                return True
        return False

    def forget_met(self) -> None:
        """Take what was met out of the store."""
        table = error_echoes
        for part in parts(sorted(self._met)):
            # By the moment as well: of that there is an index.
            moments = sorted({self._met[mark] for mark in part})
            self._conn.execute(
                delete(table).where(table.c.site == self._site, table.c.at.in_(moments), table.c.source.in_(part))
            )


def _is_near(each: _Waiting, at: int, late: int | None) -> bool:
    if late is None:
        # What came now was sent; what waits was shown.
        after, late = each.at - at, _ROW_LATE_MS if each.mark.startswith(_ROW) else _NEAR_MS
    else:
        after = at - each.at
    if each.key[0] == "u":
        return -_BESIDE_BEFORE_MS <= after <= _BESIDE_MS
    return -_NEAR_MS <= after <= late


def arrive(conn: Connection, site: str, occurrences: Sequence[tuple[Occurrence, int]], now: int) -> list[Occurrence]:
    """Those of what was sent that no other source has shown, and that were not sent before; the others are counted.

    Args:
        conn: a connection that writes, in a transaction that nobody else's counting of this site goes beside.
        site: name of the site.
        occurrences: what was sent, each with its moment (ms) by the sender's clock.
        now: the present moment in ms.
    """
    seen = _seen(conn, site, [_id_key(each) for each, _ in occurrences])
    fresh: list[tuple[Occurrence, int]] = []
    for each, at in occurrences:
        key = _id_key(each)
        if key not in seen:
            fresh.append((each, at))
        if each.event.name:
            seen.add(key)
    keyed = [(each, at, _sent_keys(each)) for each, at in fresh]
    shown = _Sides(conn, site, {key for _, _, keys in keyed for key in keys}, (_ROW, _SHOWN))
    kept: list[Occurrence] = []
    waiting = [_Waiting(_id_key(each), _SEEN, now) for each, _ in fresh if each.event.name]
    for each, at, keys in keyed:
        if not shown.meet(keys, at):
            kept.append(each)
            waiting += _marked(keys, _SENT, at)
    shown.forget_met()
    _insert(conn, site, waiting)
    return kept


def meet(conn: Connection, site: str, occurrences: Sequence[Occurrence], now: int) -> list[Occurrence]:
    """Those of what the other sources show that were not sent, in the caller's transaction.

    Args:
        conn: a connection that writes.
        site: name of the site.
        occurrences: one for each failure, as `echoes.settle` gives them.
        now: the present moment in ms.
    """
    keyed = [(each, _shown_keys(each)) for each in occurrences]
    sent = _Sides(conn, site, {key for _, keys in keyed for key in keys}, (_SENT,))
    kept: list[Occurrence] = []
    waiting: list[_Waiting] = []
    for each, keys in keyed:
        row = each.event.source == ERROR_LOG
        if sent.meet(keys, each.at, _ROW_LATE_MS if row else _NEAR_MS):
            continue
        kept.append(each)
        if each.at >= now - SHOWN_KEPT_MS:
            waiting += _marked(keys, _ROW if row else _SHOWN, each.at)
    sent.forget_met()
    _insert(conn, site, waiting)
    return kept


def prune(conn: Connection, site: str, now: int) -> None:
    """Forget what nothing will meet any more."""
    table = error_echoes
    for kind, kept in ((_SENT, SENT_KEPT_MS), (_SHOWN, SHOWN_KEPT_MS), (_SEEN, _SEEN_KEPT_MS)):
        pattern = kind if kind == _SEEN else f"{kind}%"
        conn.execute(delete(table).where(table.c.site == site, table.c.at < now - kept, table.c.source.like(pattern)))


def _sent_keys(each: Occurrence) -> list[str]:
    failures = [failure for failure in reversed(each.scrubbed.failures) if failure.exception][:_MOST_FAILURES]
    keys = [_failure_key(failure.exception, failure.message) for failure in failures]
    if not keys:
        keys.append(_message_key(each))
    elif who := _who(each):
        keys.append(hashed("u", who))
    if failures and len(failures[0].message) > _LONGEST_TITLE:
        keys.append(_title_key(failures[0].message))
    return list(dict.fromkeys(keys))


def _shown_keys(each: Occurrence) -> list[str]:
    event = each.event
    if event.source == FRAPPE_LOG:
        # What else stands in this file was no error of which Frappe files rows.
        return [_title_key(event.method or "")] if event.lost and event.error is None else []
    failure = next((failure for failure in reversed(each.scrubbed.failures) if failure.exception), None)
    keys = [_failure_key(failure.exception, failure.message)] if failure else []
    if event.source in (DEFERRED, ERROR_LOG):
        keys.append(_message_key(each))
        if failure is None and (who := _who(each)):
            keys.append(hashed("u", who))
    return keys


def _failure_key(exception: str, message: str) -> str:
    return hashed("x", exception.rsplit(".", 1)[-1], plain(message.partition("\n")[0])[:80])


def _message_key(each: Occurrence) -> str:
    # SDKs cut messages, the oldest ones after about a thousand characters.
    error = (each.event.error or "").strip()
    return hashed("m", plain(each.event.method)[:60], plain(error[:600])[:100])


def _title_key(title: str) -> str:
    return hashed("y", plain(title[:_LONGEST_TITLE])[:60])


def _who(each: Occurrence) -> str:
    """Whom it hit, without telling who that is: rows of Administrator may be somebody else's, and have no pseudonym."""
    return str(each.event.user) if each.event.user in ("Administrator", "Guest") else each.person.pseudonym


def _id_key(each: Occurrence) -> str:
    return hashed("i", each.event.name)


def _seen(conn: Connection, site: str, keys: Sequence[str]) -> set[str]:
    table = error_echoes
    found: set[str] = set()
    for part in parts(sorted(set(keys))):
        query = select(table.c.key).where(table.c.site == site, table.c.key.in_(part), table.c.source == _SEEN)
        found |= set(conn.execute(query).scalars())
    return found


def _marked(keys: Sequence[str], kind: str, at: int) -> list[_Waiting]:
    mark = f"{kind}#{secrets.token_hex(8)}"
    return [_Waiting(key, mark, at) for key in keys]


def _insert(conn: Connection, site: str, waiting: Sequence[_Waiting]) -> None:
    if waiting:
        rows = [{"site": site, "key": each.key, "source": each.mark, "at": each.at} for each in waiting]
        conn.execute(insert(error_echoes), rows)

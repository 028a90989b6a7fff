"""One failure that shows up in several sources is one event.

Guarantee: n equal failures that several sources show are n events, in whatever order and in however many readings the
sources show them; this is kept in the same transaction as the counts. An echo is a failure that was counted and that
another source may still show, together with the sources that have shown it; each source meets each echo once.

Keys: the content of a row (title and text), which the deferred list and the table share; the failure (exception,
message, method of the job), which the table, RQ and the workers' log share within two minutes; the job's id, which RQ
and the workers' log share. What has left the deferred list and becomes no row within ten minutes is lost.
"""

import hashlib
import html
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from baken.errors import log_files
from baken.errors.counts import Occurrence, add_finding, parts
from baken.errors.event import DEFERRED, ERROR_LOG, FAILED_JOBS, FRAPPE_LOG, WORKER_LOG
from baken.history.tables import error_echoes

LEFT = "left the cache without becoming a row"
"""What became of an error that waited in the deferred list and was not seen again."""

_LETTERS = {DEFERRED: "D", ERROR_LOG: "E", FAILED_JOBS: "R", FRAPPE_LOG: "F", WORKER_LOG: "W"}
_GONE, _LOST = "G", "L"
_SKEW_MS = 60_000
_NEAR_MS = 120_000
_ARRIVES_MS = 600_000
_KEPT_LOST_MS = 7_200_000
KEPT_MS = 8 * 86_400_000
# Frappe refuses longer titles, or cuts them.
_LONGEST_TITLE = 140
_METHOD = re.compile(r"[A-Za-z_][\w.<>]{1,200}")
_TAG = re.compile(r"<[^<>]*>")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Reach:
    """Which other sources a site has.

    Attributes:
        content: whether rows may have been shown by the deferred list.
        failure: whether rows of failed jobs may be shown by RQ or a file as well.
        horizon: rows of failed jobs from this moment (ms) on may still be shown by another source.
    """

    content: bool
    failure: bool
    horizon: int


@dataclass(slots=True)
class _Echo:
    """`letters` are the sources that have shown it, `left` the moment (ms) at which it left the deferred list."""

    id: int | None
    key: str
    letters: str
    at: int
    left: int | None = None
    changed: bool = False

    @property
    def source(self) -> str:
        return self.letters if self.left is None else f"{self.letters}@{self.left}"


def settle(
    conn: Connection, site: str, occurrences: Sequence[Occurrence], reach: Reach, *, listed: int | None, now: int
) -> list[Occurrence]:
    """Those of `occurrences` that no other source has shown before, in the caller's transaction.

    Args:
        conn: a connection that writes.
        site: name of the site.
        occurrences: in the order of the sources: the deferred list, the table, RQ, files.
        reach: which other sources the site has.
        listed: how many rows of the deferred list have been seen and are still in it; None: it was not looked at.
        now: the present moment in ms.
    """
    kept = [each for each in occurrences if each.event.source == DEFERRED]
    _insert(conn, site, [_Echo(None, _content_key(each), "D", each.at) for each in kept])
    if listed is not None:
        _mark_left(conn, site, listed, now)
    rest = [(each, _keys(each, reach)) for each in occurrences if each.event.source != DEFERRED]
    known = _Known(_load(conn, site, {key for _, keys in rest for key in keys}))
    lost = [each for each, _ in rest if each.event.lost]
    for each, keys in rest:
        if each.event.lost:
            shown = known.lose(keys, each.at)
        elif each.event.source == ERROR_LOG:
            shown = known.consume(keys, each.at) or known.show(keys, "E", each.at, each.at >= reach.horizon)
        else:
            shown = known.show(keys, _LETTERS[each.event.source], each.at, each.at >= now - KEPT_MS)
        if not shown:
            kept.append(each)
    known.store(conn, site)
    _tell(conn, site, [(log_files.what_was_lost(each.event), each.at) for each in lost])
    return [each for each in kept if not (each.event.lost and _refused(conn, site, each))]


def find_lost(conn: Connection, site: str, now: int) -> int:
    """Report what left the deferred list ten minutes ago and became no row; the number of such errors.

    To be called when the table has just been read to its end.
    """
    lost = [
        each
        for each in _left(conn, site)
        if _LOST not in each.letters and each.left is not None and each.left <= now - _ARRIVES_MS
    ]
    for each in lost:
        each.letters += _LOST
        _update(conn, each)
    _tell(conn, site, [(log_files.TOO_LONG if each.key[0] == "t" else LEFT, each.at) for each in lost])
    return len(lost)


def prune(conn: Connection, site: str, reach: Reach, now: int) -> None:
    """Forget what no source will show any more."""
    table = error_echoes
    mine = table.c.site == site
    conn.execute(delete(table).where(mine, table.c.at < now - KEPT_MS))
    conn.execute(delete(table).where(mine, table.c.at < reach.horizon, table.c.source == "E"))
    done = [each.id for each in _left(conn, site) if _LOST in each.letters and (each.left or 0) < now - _KEPT_LOST_MS]
    for part in parts(done):
        conn.execute(delete(table).where(table.c.id.in_(part)))


class _Known:
    """Echoes by key, the oldest first."""

    def __init__(self, echoes: Sequence[_Echo]) -> None:
        self._by_key: dict[str, list[_Echo]] = defaultdict(list)
        for each in echoes:
            self._by_key[each.key].append(each)
        self._gone: list[_Echo] = []

    def consume(self, keys: Sequence[str], at: int) -> bool:
        """Whether the deferred list has shown the row; nothing else will show it again."""
        for key in keys:
            for each in self._by_key.get(key, ()):
                if each.letters[0] == "D" and "E" not in each.letters and at >= each.at - _SKEW_MS:
                    each.letters += "E"
                    self._gone.append(each)
                    return True
        return False

    def show(self, keys: Sequence[str], letter: str, at: int, keep: bool) -> bool:
        """Whether another source has shown the failure; `keep`: whether another one may still show it."""
        shown = False
        for key in keys:
            if key[0] in "ct":
                continue
            for each in self._by_key.get(key, ()):
                if letter not in each.letters and abs(each.at - at) <= _NEAR_MS:
                    each.letters += letter
                    each.changed = shown = True
                    break
            else:
                if keep:
                    self._by_key[key].append(_Echo(None, key, letter, at))
        return shown

    def lose(self, keys: Sequence[str], at: int) -> bool:
        """Whether the deferred list has shown the row that Frappe refused for its title."""
        for key in keys:
            for each in self._by_key.get(key, ()):
                if each.letters[0] == "D" and _LOST not in each.letters and at >= each.at - _SKEW_MS:
                    each.letters += _LOST
                    each.changed = True
                    return True
        return False

    def store(self, conn: Connection, site: str) -> None:
        every = [each for echoes in self._by_key.values() for each in echoes]
        _insert(conn, site, [each for each in every if each.id is None])
        for each in every:
            if each.id is not None and each.changed and each not in self._gone:
                _update(conn, each)
        for part in parts([each.id for each in self._gone]):
            conn.execute(delete(error_echoes).where(error_echoes.c.id.in_(part)))


def _refused(conn: Connection, site: str, each: Occurrence) -> bool:
    """Whether a row that Frappe refused was counted when it stood in the deferred list."""
    if log_files.what_was_lost(each.event) != log_files.REFUSED:
        return False
    # The line does not say which one: it is one of those that have left the list and are not in the table.
    for echo in _left(conn, site):
        if _LOST not in echo.letters and echo.left is not None and abs(echo.left - each.at) <= _ARRIVES_MS:
            echo.letters += _LOST
            _update(conn, echo)
            return True
    return False


def _tell(conn: Connection, site: str, losses: Sequence[tuple[str, int]]) -> None:
    moments: dict[str, list[int]] = defaultdict(list)
    for key, at in losses:
        moments[key].append(at)
    for key, ats in moments.items():
        add_finding(conn, site, "lost", key, ats, None, {"reason": key})


def _keys(each: Occurrence, reach: Reach) -> list[str]:
    event = each.event
    if event.source == ERROR_LOG:
        keys = []
        if reach.content:
            keys = [_content_key(each)]
            if len(event.method or "") >= _LONGEST_TITLE - 2:
                keys.append(_title_key(event.method))
        if reach.failure and each.scrubbed.failures and _METHOD.fullmatch(html.unescape(event.method or "")):
            keys.append(_failure_key(each, event.method or ""))
        return keys
    if event.source == FRAPPE_LOG:
        return [_title_key(event.method)] if event.lost and event.error is None else []
    if event.job is None:
        return []
    return [_key("j", event.name), _failure_key(each, event.job or _called(each))]


def _content_key(each: Occurrence) -> str:
    event = each.event
    if event.source == DEFERRED and len(event.method or "") > _LONGEST_TITLE:
        return _title_key(event.method)
    # The site gives a long text without its middle, and its ends in characters or bytes.
    error = (event.error or "").strip()
    return _key("c", _plain(event.method)[:60], error[:900], error[-3900:])


def _title_key(title: str | None) -> str:
    return _key("t", _plain(title)[:60])


def _failure_key(each: Occurrence, method: str) -> str:
    failures = each.scrubbed.failures
    last = next((failure for failure in reversed(failures) if failure.exception), None)
    name = html.unescape(method).rsplit(".", 1)[-1]
    if last is None:
        return _key("f", "", _plain(each.event.error)[:120], name)
    return _key("f", last.exception.removeprefix("builtins."), _plain(last.message)[:120], name)


def _called(each: Occurrence) -> str:
    """The function that ran as a job, from the traceback: the call after Frappe's own."""
    for failure in each.scrubbed.failures:
        names = [frame.function for frame in failure.frames]
        if "execute_job" in names[:-1]:
            # A job that is tried again calls itself.
            return names[len(names) - names[::-1].index("execute_job")] if names[-1] != "execute_job" else ""
    return ""


def _plain(text: str | None) -> str:
    """A text's letters and digits: Frappe escapes titles, closes their tags, and may cut them."""
    return _NOT_WORD.sub("", _TAG.sub("", html.unescape(text or "")))


def _key(kind: str, *texts: str) -> str:
    joined = "\x1f".join(texts).encode("utf-8", "replace")
    return kind + hashlib.blake2b(joined, digest_size=15).hexdigest()


def _load(conn: Connection, site: str, keys: set[str]) -> list[_Echo]:
    table = error_echoes
    found: list[_Echo] = []
    for part in parts(sorted(keys)):
        query = select(table.c.id, table.c.key, table.c.source, table.c.at)
        found += map(_echo, conn.execute(query.where(table.c.site == site, table.c.key.in_(part))))
    return sorted(found, key=lambda each: each.id or 0)


def _left(conn: Connection, site: str) -> list[_Echo]:
    """What has left the deferred list and was not seen in the table, in the order in which it was put there."""
    table = error_echoes
    query = select(table.c.id, table.c.key, table.c.source, table.c.at)
    rows = conn.execute(query.where(table.c.site == site, table.c.source.like("D%@%")).order_by(table.c.id))
    return [_echo(row) for row in rows]


def _mark_left(conn: Connection, site: str, listed: int, now: int) -> None:
    """What is in the list is what came last: everything before it has left."""
    table = error_echoes
    query = select(table.c.id, table.c.key, table.c.source, table.c.at)
    query = query.where(table.c.site == site, table.c.source.in_(("D", "DL"))).order_by(table.c.id.desc())
    for each in map(_echo, conn.execute(query.offset(listed).limit(100_000))):
        each.letters, each.left = f"D{_GONE}{each.letters[1:]}", now
        _update(conn, each)


def _echo(row: Any) -> _Echo:
    letters, mark, left = row.source.partition("@")
    return _Echo(row.id, row.key, letters, row.at, int(left) if mark else None)


def _insert(conn: Connection, site: str, echoes: Sequence[_Echo]) -> None:
    if echoes:
        rows = [{"site": site, "key": each.key, "source": each.source, "at": each.at} for each in echoes]
        conn.execute(insert(error_echoes), rows)


def _update(conn: Connection, echo: _Echo) -> None:
    conn.execute(update(error_echoes).where(error_echoes.c.id == echo.id).values(source=echo.source))

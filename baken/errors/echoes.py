"""One failure that shows up in several sources is one event.

Guarantee: n equal failures that several sources show are n events, in whatever order and in however many readings the
sources show them; this is kept in the same transaction as the counts. An echo is a failure that was counted and that
another source may still show, together with the sources that have shown it; each source meets each echo once.

Keys: the content of a row (title and text), which the deferred list and the table share; the job's id, by which alone
RQ and the workers' log know each other's failures; the failure (exception, message, method of the job), by which what
bears no id, a row or an entry of Scheduled Job Log, is of one of those jobs that failed alike within two minutes. What
has left the deferred list and becomes no row within ten minutes is lost.
"""

import hashlib
import html
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from baken.errors import log_files
from baken.errors.counts import Occurrence, add_finding, parts
from baken.errors.event import DEFERRED, ERROR_LOG, FAILED_JOBS, FRAPPE_LOG, SCHEDULED_JOBS, WORKER_LOG
from baken.history.tables import error_echoes
from baken.sites import job_ids

LEFT = "left the cache without becoming a row"
"""What became of an error that waited in the deferred list and was not seen again."""

_LETTERS = {
    DEFERRED: "D", ERROR_LOG: "E", FAILED_JOBS: "R", FRAPPE_LOG: "F", WORKER_LOG: "W", SCHEDULED_JOBS: "S",
}  # fmt: skip
_LEFT, _LOST = "DG", "L"
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
        sent: whether the site may send its errors itself (see `sentry_echoes`).
    """

    content: bool
    failure: bool
    horizon: int
    sent: bool = False


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
            shown = known.consume(keys, each.at) or known.show_row(keys, "E", each.at, each.at >= reach.horizon)
        elif each.event.source == SCHEDULED_JOBS:
            shown = known.show_row(keys, "S", each.at, each.at >= now - KEPT_MS)
        else:
            shown = known.show_job(keys, _LETTERS[each.event.source], each.at, each.at >= now - KEPT_MS)
        if not shown:
            kept.append(each)
    known.store(conn, site)
    _tell(conn, site, [(log_files.what_was_lost(each.event), each.at) for each in lost])
    refused = _refused(conn, site, lost)
    return [each for each in kept if id(each) not in refused]


def find_lost(conn: Connection, site: str, now: int) -> int:
    """Report what left the deferred list ten minutes ago and became no row; the number of such errors.

    To be called when the table has just been read to its end.
    """
    table = error_echoes
    due = [(value, left) for value, left in _left_at(conn, site, _LEFT) if left <= now - _ARRIVES_MS]
    losses: list[tuple[str, int]] = []
    for value, left in due:
        mine = (table.c.site == site, table.c.source == value)
        found = conn.execute(select(table.c.key, table.c.at).where(*mine).order_by(table.c.id)).all()
        losses += [(log_files.TOO_LONG if row.key[0] == "t" else LEFT, row.at) for row in found]
        conn.execute(update(table).where(*mine).values(source=f"{_LEFT}{_LOST}@{left}"))
    _tell(conn, site, losses)
    return len(losses)


def prune(conn: Connection, site: str, reach: Reach, now: int) -> None:
    """Forget what no source will show any more."""
    table = error_echoes
    mine = table.c.site == site
    conn.execute(delete(table).where(mine, table.c.at < now - KEPT_MS))
    conn.execute(delete(table).where(mine, table.c.at < reach.horizon, table.c.source == "E"))
    for value, left in _left_at(conn, site, _LEFT + _LOST):
        if left < now - _KEPT_LOST_MS:
            conn.execute(delete(table).where(mine, table.c.source == value))


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

    def show_row(self, keys: Sequence[str], letter: str, at: int, keep: bool) -> bool:
        """Whether another source has shown the failure that a row tells of; `keep`: whether one may still show it."""
        shown = False
        for key in keys:
            if key[0] == "f":
                shown = self._add(key, at, letter, lambda each: letter not in each.letters) or shown
                if not shown and keep:
                    self._by_key[key].append(_Echo(None, key, letter, at))
        return shown

    def show_job(self, keys: Sequence[str], letter: str, at: int, keep: bool) -> bool:
        """Whether another source has shown the failure of a job; `keys`: its id, and its failure.

        A row counts for one job only: an echo of a failure holds one row of each table and one job at most.
        """
        if not keys:
            return False
        name, failure = keys
        known = self._add(name, at, letter, lambda each: letter not in each.letters)
        if known and letter != "R":
            return True
        # RQ knows the method that failed, a traceback only the function that ran: a row goes by what RQ says.
        if known and self._add(failure, at, letter, lambda each: "W" in each.letters and letter not in each.letters):
            return True
        row = self._add(failure, at, letter, lambda each: not {"R", "W"} & set(each.letters))
        if keep:
            self._by_key[name] += [] if known else [_Echo(None, name, letter, at)]
            self._by_key[failure] += [] if row else [_Echo(None, failure, letter, at)]
        return known or row

    def _add(self, key: str, at: int, letter: str, fits: Callable[[_Echo], bool]) -> bool:
        """Note that a source has shown the nearest echo that `fits`; whether there is one within two minutes."""
        near = [each for each in self._by_key.get(key, ()) if abs(each.at - at) <= _NEAR_MS and fits(each)]
        if not near:
            return False
        nearest = min(near, key=lambda each: abs(each.at - at))
        nearest.letters += letter
        nearest.changed = True
        return True

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
        gone = {each.id for each in self._gone}
        _update(conn, [each for each in every if each.id is not None and each.changed and each.id not in gone])
        for part in parts([each.id for each in self._gone]):
            conn.execute(delete(error_echoes).where(error_echoes.c.id.in_(part)))


def _refused(conn: Connection, site: str, lost: Sequence[Occurrence]) -> set[int]:
    """Which (by `id`) of the rows that Frappe refused were counted when they stood in the deferred list."""
    refused = [each for each in lost if log_files.what_was_lost(each.event) == log_files.REFUSED]
    left = _left(conn, site) if refused else []
    found: dict[int, _Echo] = {}
    for each in refused:
        # The line does not say which one: it is one of those that have left the list and are not in the table.
        near = (place for place, echo in enumerate(left) if abs((echo.left or 0) - each.at) <= _ARRIVES_MS)
        place = next(near, None)
        if place is not None:
            found[id(each)] = left.pop(place)
            found[id(each)].letters += _LOST
    _update(conn, list(found.values()))
    return set(found)


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
    if event.source == SCHEDULED_JOBS:
        return [_failure_key(each, event.job or event.method or "")]
    # What RQ says that a job of the scheduler calls is a method of Frappe's; its id may tell which one that calls.
    method = event.name if job_ids.tells_method(event.name) else event.job or _called(each)
    return [hashed("j", job_ids.same(event.name)), _failure_key(each, method)]


def _content_key(each: Occurrence) -> str:
    event = each.event
    if event.source == DEFERRED and len(event.method or "") > _LONGEST_TITLE:
        return _title_key(event.method)
    # The site gives a long text without its middle, and its ends in characters or bytes.
    error = (event.error or "").strip()
    return hashed("c", plain(event.method)[:60], error[:900], error[-3900:])


def _title_key(title: str | None) -> str:
    return hashed("t", plain(title)[:60])


def _failure_key(each: Occurrence, method: str) -> str:
    failures = each.scrubbed.failures
    last = next((failure for failure in reversed(failures) if failure.exception), None)
    name = html.unescape(method).rsplit(".", 1)[-1]
    if last is None:
        return hashed("f", "", plain(each.event.error)[:120], name)
    return hashed("f", last.exception.removeprefix("builtins."), plain(last.message)[:120], name)


def _called(each: Occurrence) -> str:
    """The function that ran as a job, from the traceback: the call after Frappe's own."""
    for failure in each.scrubbed.failures:
        names = [frame.function for frame in failure.frames]
        if "execute_job" in names[:-1]:
            # A job that is tried again calls itself.
            return names[len(names) - names[::-1].index("execute_job")] if names[-1] != "execute_job" else ""
    return ""


def plain(text: str | None) -> str:
    """A text's letters and digits: Frappe escapes titles, closes their tags, and may cut them."""
    return _NOT_WORD.sub("", _TAG.sub("", html.unescape(text or "")))


def hashed(kind: str, *texts: str) -> str:
    """The key of this kind (a letter) for these texts."""
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
    rows = conn.execute(query.where(table.c.site == site, table.c.source.like(f"{_LEFT}@%")).order_by(table.c.id))
    return [_echo(row) for row in rows]


def _left_at(conn: Connection, site: str, letters: str) -> list[tuple[str, int]]:
    """At which moments (ms) what `letters` say has left the list, each with its value of `source`."""
    source = error_echoes.c.source
    query = select(source).distinct().where(error_echoes.c.site == site, source.like(f"{letters}@%"))
    return [(value, int(value.partition("@")[2])) for (value,) in conn.execute(query.order_by(source))]


def _mark_left(conn: Connection, site: str, listed: int, now: int) -> None:
    """What is in the list is what came last: everything before it has left."""
    table = error_echoes
    waiting = (table.c.site == site, table.c.source.in_(("D", f"D{_LOST}")))
    newest = select(table.c.id).where(*waiting).order_by(table.c.id.desc()).offset(listed).limit(1)
    last = conn.execute(newest).scalar()
    if last is None:
        return
    for letters in ("D", f"D{_LOST}"):
        gone = (table.c.site == site, table.c.source == letters, table.c.id <= last)
        conn.execute(update(table).where(*gone).values(source=f"{_LEFT}{letters[1:]}@{now}"))


def _echo(row: Any) -> _Echo:
    letters, mark, left = row.source.partition("@")
    return _Echo(row.id, row.key, letters, row.at, int(left) if mark else None)


def _insert(conn: Connection, site: str, echoes: Sequence[_Echo]) -> None:
    if echoes:
        rows = [{"site": site, "key": each.key, "source": each.source, "at": each.at} for each in echoes]
        conn.execute(insert(error_echoes), rows)


def _update(conn: Connection, echoes: Sequence[_Echo]) -> None:
    """Write down which sources have shown these: one statement for many that say the same."""
    by_source: dict[str, list[int]] = defaultdict(list)
    for each in echoes:
        if each.id is not None:
            by_source[each.source].append(each.id)
    for source, names in sorted(by_source.items()):
        for part in parts(sorted(names)):
            conn.execute(update(error_echoes).where(error_echoes.c.id.in_(part)).values(source=source))

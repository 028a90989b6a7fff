"""Silences of Baken and of an Alertmanager in step: made or ended on one side, it is so on both.

A pair is remembered, and what Baken makes over there says in its comment which silence it is: a process that was killed
in between, or another member of the same cluster, finds the pair again instead of making a second one. What one side
has ended stays ended. Ends are compared with what was agreed on, never with a clock, for two machines have two.
"""

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, delete, select, update

from baken import clock
from baken.alerts import silences
from baken.alerts.rulebook import RuleBook
from baken.alerts.silences import EVERYWHERE, Silence
from baken.clock import from_ms, to_ms
from baken.exporters import alertmanager_matchers as matchers
from baken.exporters.alertmanager_api import Api, Refusal
from baken.exporters.alertmanager_matchers import Known, catalogue_labels
from baken.exporters.alertmanager_pairs import Looked, Pairs, is_pair
from baken.exporters.alertmanager_regex import NoEqual
from baken.exporters.alertmanager_remote import Marks, Remote, iso_ms
from baken.history import kept
from baken.history.series import labels_of
from baken.history.store import Store
from baken.history.tables import alerts
from baken.history.tables import silence_links as links
from baken.history.tables import silences as table
from baken.settings import Alerts

log = structlog.get_logger(__name__)

_SAME = timedelta(seconds=1)
# A member of a cluster that has just started hears of the silences from the others within seconds.
_MISSING = timedelta(minutes=2)
# Alertmanager lets what begins in the past begin at once, by its own clock.
_EARLIER = timedelta(minutes=15)
_SETTLE = timedelta(seconds=15)
_AGAIN = 600.0
_LABELS = frozenset({"pattern", "finding", "check", "test", "problem"})
_RULES = frozenset({"TEST", "ZABBIX"})

# Members of one cluster tell the same silence; only one of their threads makes it here.
_lock = threading.Lock()


@dataclass(slots=True)
class Step:
    """What one comparison did.

    Attributes:
        held: numbers of Baken's silences that Alertmanager holds at this moment.
        changed: how many silences were made or ended, on either side.
        left_out: why silences are on one side only, by what they are called.
    """

    held: frozenset[int] = frozenset()
    changed: int = 0
    left_out: dict[str, str] = field(default_factory=dict)


class InStep:
    """Keeps Baken's silences and those of one Alertmanager in step."""

    def __init__(
        self,
        target: str,
        api: Api,
        store: Store,
        settings: Alerts,
        book: RuleBook,
        always: Mapping[str, str],
        key: bytes,
    ) -> None:
        """Prepare.

        Args:
            target: what the Alertmanager is called.
            api: calls it.
            store: the store.
            settings: the settings of alerts.
            book: the rules of the files.
            always: labels that every alert of this Baken bears.
            key: the installation's key: it tells the silences of two Bakens apart.
        """
        self._target = target
        self._api = api
        self._store = store
        self._pairs = Pairs(target, store, settings)
        self._rules = frozenset(book.rules) | _RULES
        self._always = always
        self._marks = Marks(key)
        self._refused: dict[str, str] = {}
        self._refused_at = time.monotonic()
        self._said: set[str] = set()

    def compare(self, sites: Collection[str]) -> Step:
        """Look at both sides and bring them in step. Raises NotTaken, StoreError."""
        step = Step()
        now = clock.now()
        if time.monotonic() - self._refused_at > _AGAIN:
            self._refused, self._refused_at = {}, time.monotonic()
        remote = {each.id: each for each in (self._marks.read(given) for given in self._api.silences())}
        self._unite(remote, step)
        looked = self._pairs.look(now)
        self._go_on(looked, remote, now, step)
        looked = self._pairs.look(now)
        self._give(looked, remote, now, step)
        self._take(looked, remote, sites, now, step)
        step.held = self._pairs.held(remote)
        return step

    # What both sides have

    def _unite(self, remote: dict[str, Remote], step: Step) -> None:
        """Of several that two members of a cluster made of one, leave the one that all of them choose."""
        of_mark: dict[tuple[int, int], list[str]] = {}
        for each in remote.values():
            if each.mark is not None and not each.expired:
                of_mark.setdefault(each.mark, []).append(each.id)
        for mark, ids in of_mark.items():
            first, *others = sorted(ids)
            if others:
                with self._store.write() as conn:
                    for other in others:
                        conn.execute(delete(links).where(links.c.target == self._target, links.c.remote == other))
                    self._pairs.link(conn, remote[first], mark[0], "baken", mark[1])
            for other in others:
                self._api.expire_silence(other)
                del remote[other]
                step.changed += 1

    # Pairs

    def _go_on(self, looked: Looked, remote: dict[str, Remote], now: datetime, step: Step) -> None:
        """Go through the pairs: what became of either side since the last look."""
        for link in looked.links:
            there = remote.get(link.remote)
            if there is None:
                self._gone(link, looked, now, step)
                continue
            if link.missing is not None:
                self._pairs.change(link, missing=None)
            if link.over:
                continue
            here = looked.present.get(link.silence)
            moved = abs(there.ends - from_ms(link.ends)) > _SAME
            if there.expired:
                twin = there.twin(remote.values())
                if twin is not None:
                    # Another member of the cluster has chosen that one.
                    with self._store.write() as conn:
                        conn.execute(delete(links).where(is_pair(link)))
                        self._pairs.link(conn, twin, link.silence, link.origin, link.starts, ends=link.ends)
                    continue
                if moved and here is not None and here.recurrence is None:
                    self._pairs.end_here(link, now)
                    step.changed += 1
                else:
                    self._pairs.change(link, over=True)
            elif link.silence in looked.ended:
                self._api.expire_silence(there.id)
                self._pairs.note(link.silence, here, "silence ended in Alertmanager", now)
                remote[there.id] = replace(there, expired=True, active=False)
                self._pairs.change(link, over=True)
                step.changed += 1
            elif moved:
                step.changed += 1
                if here is not None and here.recurrence is None:
                    self._end_anew(link, here, there, now, step)
                else:
                    self._pairs.change(link, ends=to_ms(there.ends))

    def _gone(self, link: Row[Any], looked: Looked, now: datetime, step: Step) -> None:
        """Alertmanager does not know a silence any more: forgotten after its end, or lost with its data."""
        if link.over or link.silence not in looked.present:
            self._pairs.forget(link)
        elif link.missing is None:
            self._pairs.change(link, missing=to_ms(now))
        elif abs(now - from_ms(link.missing)) >= _MISSING:
            if link.origin == "alertmanager":
                self._pairs.end_here(link, now)
            # One of Baken's is made anew.
            self._pairs.forget(link)
            step.changed += 1

    def _end_anew(self, link: Row[Any], here: Silence, there: Remote, now: datetime, step: Step) -> None:
        """Another end was set over there: a silence of Baken keeps its end, so another one takes its place."""
        try:
            with _lock, self._store.write() as conn:
                if conn.execute(select(links.c.silence).where(is_pair(link))).scalar() != link.silence:
                    # Another member of the cluster has told of it meanwhile.
                    return
                silences.end(conn, here.id, site=here.site, by=there.name, now=now)
                number = silences.add(
                    conn,
                    site=here.site,
                    kind="silence",
                    matchers=here.matchers,
                    starts=here.starts,
                    ends=there.ends,
                    recurrence=None,
                    comment=here.comment or there.said,
                    by=there.name,
                    now=now,
                )
                self._pairs.hold(conn, number, now, instead=here.id)
                # For all members of a cluster at once: to the others it would look as if it had been ended here.
                same = links.c.remote == link.remote
                conn.execute(update(links).where(same).values(silence=number, ends=to_ms(there.ends)))
        except silences.Refused as reason:
            step.left_out[f"Alertmanager's silence {there.id}"] = str(reason)

    # From here to there

    def _give(self, looked: Looked, remote: dict[str, Remote], now: datetime, step: Step) -> None:
        """Make what only Baken has."""
        known = {(row.silence, row.starts) for row in looked.links}
        linked = {row.remote for row in looked.links}
        for silence in looked.present.values():
            when = silence.next(now) if silence.recurrence is not None else (silence.starts, silence.ends)
            if when is None or when[1] is None:
                continue
            starts, ends = when[0], when[1]
            occurrence = 0 if silence.recurrence is None else to_ms(starts)
            if (silence.id, occurrence) in known:
                continue
            others = looked.elsewhere.get(silence.id, [])
            shared = {row.remote for row in others}
            found = next(
                (
                    each
                    for each in remote.values()
                    if each.id not in linked and (each.mark == (silence.id, occurrence) or each.id in shared)
                ),
                None,
            )
            origin, agreed = "baken", to_ms(ends)
            if found is not None and found.id in shared:
                origin, agreed = next((row.origin, row.ends) for row in others if row.remote == found.id)
            if found is None:
                made = any(row.origin == "alertmanager" for row in others)
                if made and timedelta() <= now - silence.created_at < _SETTLE:
                    # The other Alertmanager may be a member of the same cluster, and tells this one within seconds.
                    continue
                found = self._give_one(silence, starts, ends, occurrence, now, step)
            if found is not None:
                remote[found.id] = found
                with self._store.write() as conn:
                    self._pairs.link(conn, found, silence.id, origin, occurrence, ends=agreed)

    def _give_one(
        self, silence: Silence, starts: datetime, ends: datetime, occurrence: int, now: datetime, step: Step
    ) -> Remote | None:
        called = f"silence {silence.id}"
        found = None if called in self._refused else self._make(silence, starts, ends, occurrence, now, called)
        if found is not None:
            self._pairs.note(silence.id, silence, "silence made in Alertmanager", now)
            step.changed += 1
        if called in self._refused:
            step.left_out[called] = self._refused[called]
            self._say(called, self._refused[called])
        return found

    def _make(
        self, silence: Silence, starts: datetime, ends: datetime, occurrence: int, now: datetime, called: str
    ) -> Remote | None:
        try:
            wanted = matchers.outside(silence.matchers, silence.site, self._always)
        except NoEqual as problem:
            self._refused[called] = f"it cannot be said in Alertmanager's words: {problem}"
            return None
        if starts <= now:
            starts -= _EARLIER
        comment = f"{silence.comment} {self._marks.write(silence.id, occurrence, wanted)}".strip()
        body = {
            "matchers": wanted,
            "startsAt": iso_ms(starts),
            "endsAt": iso_ms(ends),
            "createdBy": silence.created_by or "Baken",
            "comment": comment,
        }
        try:
            number = self._api.make_silence(body)
        except Refusal as problem:
            if ends > now + timedelta(minutes=5):
                self._refused[called] = str(problem)
            # Of one that ends within minutes the other side's clock may say that it is over.
            return None
        return Remote(
            number, wanted, starts, ends, False, starts <= now, silence.created_by, comment, (silence.id, occurrence)
        )

    # From there to here

    def _take(
        self, looked: Looked, remote: Mapping[str, Remote], sites: Collection[str], now: datetime, step: Step
    ) -> None:
        """Make what only Alertmanager has, as far as it may hold alerts of Baken."""
        linked = {row.remote for row in looked.links}
        pairs = {(row.silence, row.starts) for row in looked.links}
        known: Known | None = None
        for there in remote.values():
            if there.id in linked or there.expired or there.ends <= now:
                continue
            if there.mark is not None:
                if there.mark[0] in looked.present:
                    continue
                if there.mark not in pairs:
                    self._finish(there, now, step)
                    continue
                # Somebody has made again over there what was over.
            called = f"Alertmanager's silence {there.id}"
            if called in self._refused:
                step.left_out[called] = self._refused[called]
                continue
            known = known or self._known_of(sites)
            try:
                meant = matchers.inside(there.matchers, known)
                if meant is None or self._by_another(there):
                    continue
                with _lock, self._store.write() as conn:
                    if conn.execute(select(links.c.remote).where(links.c.remote == there.id)).first() is None:
                        self._add(conn, there, meant, now)
                        step.changed += 1
            except (NoEqual, silences.Refused) as reason:
                self._refused[called] = str(reason)
                step.left_out[called] = str(reason)
                self._say(called, str(reason))

    def _say(self, called: str, reason: str) -> None:
        """Write into the log, once, that a silence is on one side only."""
        if called not in self._said:
            self._said.add(called)
            log.warning("a silence is not in step", target=self._target, silence=called, reason=reason)

    def _by_another(self, there: Remote) -> bool:
        """Link one that another member of the same cluster has told of already; whether there was such."""
        with _lock, self._store.write() as conn:
            row = conn.execute(select(links).where(links.c.remote == there.id).limit(1)).one_or_none()
            if row is None:
                return False
            if row.target != self._target:
                self._pairs.link(conn, there, row.silence, row.origin, row.starts, ends=row.ends, over=bool(row.over))
            return True

    def _add(self, conn: Connection, there: Remote, meant: matchers.Meant, now: datetime) -> None:
        number = silences.add(
            conn,
            site=meant.site or EVERYWHERE,
            kind="silence",
            matchers=meant.matchers,
            starts=there.starts,
            ends=there.ends,
            recurrence=None,
            comment=there.said,
            by=there.name,
            now=now,
        )
        self._pairs.link(conn, there, number, "alertmanager", 0)
        if there.active:
            self._pairs.hold(conn, number, now)

    def _finish(self, there: Remote, now: datetime, step: Step) -> None:
        """End over there what Baken has made and ended while nobody could tell."""
        assert there.mark is not None  # noqa: S101 - only such come here
        with self._store.read() as conn:
            row = conn.execute(select(table.c.ended_at).where(table.c.id == there.mark[0])).one_or_none()
        # One that is over by the clock ends there by the clock.
        if row is None or row.ended_at is not None:
            self._api.expire_silence(there.id)
            self._pairs.note(there.mark[0], None, "silence ended in Alertmanager", now)
            step.changed += 1

    def _known_of(self, sites: Collection[str]) -> Known:
        with self._store.read() as conn:
            rows = conn.execute(select(alerts.c.rule, alerts.c.labels).where(alerts.c.open_key.is_not(None))).all()
            own = {rule.name for rule in kept.load(conn, "rule")}
        names = {name for row in rows for name in labels_of(row.labels)}
        rules = ({row.rule for row in rows} | own) - {"ALERTMANAGER"}
        return Known(self._always, sites, self._rules | rules, _LABELS | catalogue_labels() | names)

"""Alertmanager: Baken's open alerts are told to it again and again, so that it groups, routes and silences them too.

What it was told of is written down before it is told, and stays there until it was told of the end for as long as
Prometheus would tell: nothing is missed while either side is away. When it hears nothing more it ends alerts by itself.

An alert that Baken holds back is told when Alertmanager holds it back as well (its silences are in step), or when it
was told of it before: what is merely quiet must not look as if it were over.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from baken import clock
from baken.alerts import rulebook
from baken.alerts.channels.http import host_of, parsed
from baken.alerts.lifecycle import ACKNOWLEDGED, name_of
from baken.alerts.message import Undelivered
from baken.clock import from_ms, iso, to_ms
from baken.exporters import alertmanager_matchers as matchers
from baken.exporters.alertmanager_api import Api
from baken.exporters.alertmanager_remote import iso_ms
from baken.exporters.alertmanager_silences import InStep, Step
from baken.exporters.pushing import NotTaken, Pushed, Sites
from baken.history.samples import Cycle
from baken.history.series import batches, labels_of
from baken.history.store import Store
from baken.history.tables import SITE, alert_events, alerts, silences
from baken.history.tables import pushed_alerts as table
from baken.history.upserts import upsert
from baken.privacy import installation_key
from baken.settings import AlertmanagerTarget, Settings, SettingsError

log = structlog.get_logger(__name__)

RESEND = 30.0
"""Seconds between two times that an open alert is told of."""

HOLDS = timedelta(minutes=5)
"""An Alertmanager that hears nothing more of an alert for so long ends it: ten times RESEND."""

TELL_OVER = timedelta(minutes=15)
"""For so long after its end an alert is told to be over, as Prometheus does: Alertmanager may have been restarted."""

SILENCES = 5.0
"""Seconds between two looks at Alertmanager's silences."""

NEVER = frozenset({"ALERTMANAGER"})
"""Rules whose alerts are not told of: they come from an Alertmanager."""

_LOOK = 1.0


def exporters(settings: Settings, store: Store, sites: Sites) -> list["Alertmanager"]:
    """One for each Alertmanager of the settings.

    Raises SettingsError for rules that cannot be read, and for an address that cannot be used; KeyProblem.
    """
    found: list[Alertmanager] = []
    for target in settings.exporters.alertmanagers:
        try:
            parsed(target.url.get_secret_value(), "Alertmanager")
        except Undelivered as problem:
            raise SettingsError(f"exporters.alertmanagers: {problem}") from None
        name = f"Alertmanager {target.name or host_of(target.url.get_secret_value())}"
        taken = {each.target for each in found}
        number = 2
        while (called := name if name not in taken else f"{name} {number}") in taken:
            number += 1
        found.append(Alertmanager(called[:SITE], target, settings, store, sites))
    for each in found:
        each.others = frozenset(other.target for other in found)
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An alert that Alertmanager is to know as firing."""

    key: str
    alert: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fired: datetime
    link: str


@dataclass(frozen=True, slots=True)
class _Over:
    """One that it knows as firing and that is over."""

    labels: Mapping[str, str]
    fired: datetime
    ended: datetime


class Alertmanager:
    """One Alertmanager, as `pushing.Exporter`."""

    every = _LOOK

    def __init__(self, target: str, given: AlertmanagerTarget, settings: Settings, store: Store, sites: Sites) -> None:
        self.target = target
        self._settings = settings
        self._store = store
        self._sites = sites
        self._always = matchers.constants(settings.exporters.labels)
        self._api = Api(given.url.get_secret_value().rstrip("/"), given.auth, given.timeout)
        self._in_step: InStep | None = None
        if given.silences:
            key = installation_key(settings.data_dir)
            book = rulebook.load(settings)
            self._in_step = InStep(target, self._api, store, settings.alerts, book, self._always, key)
        self.others = frozenset({target})
        self._seen: tuple[Any, ...] | None = None
        self._held: frozenset[int] = frozenset()
        self._told: dict[str, str] = {}
        self._refused: dict[str, tuple[str, str]] = {}
        self._left_out = ""
        self._next = 0.0
        self._next_silences = 0.0

    def stored(self, cycles: Sequence[Cycle]) -> None:
        """Nothing: alerts follow later."""

    def close(self) -> None:
        """Nothing is held."""

    def push(self) -> Pushed:
        """Tell of what is new at once, and of everything now and then. Raises NotTaken, StoreError."""
        seen = self._look()
        now = time.monotonic()
        news = seen != self._seen
        changed = 0
        trouble: NotTaken | None = None
        if self._in_step is not None and (news or now >= self._next_silences):
            try:
                step = self._in_step.compare(self._sites())
            except NotTaken as problem:
                # Alerts are told all the same: who may send them may not be allowed to silence.
                trouble = problem
            else:
                self._next_silences = now + SILENCES
                self._left_out = _left_out(step)
                changed, news = step.changed, news or step.held != self._held
                self._held = step.held
        everything = now >= self._next
        sent = rejected = 0
        if news or everything:
            sent, rejected = self._tell(everything)
            self._seen = seen if trouble is None else None
        if everything:
            self._next = now + RESEND
        if trouble is not None:
            raise trouble
        return Pushed(sent=changed + sent, rejected=rejected, problem=self._problem())

    def _problem(self) -> str:
        return next((reason for _, reason in self._refused.values()), "") or self._left_out

    def _look(self) -> tuple[Any, ...]:
        """What is another one after every change of an alert or a silence."""
        with self._store.read() as conn:
            events = conn.execute(select(func.max(alert_events.c.id))).scalar()
            some = conn.execute(select(func.max(silences.c.id), func.max(silences.c.ended_at))).one()
        return (events, *some)

    def _tell(self, everything: bool) -> tuple[int, int]:
        """Tell of what is new, or of everything; how many alerts were taken and how many were refused."""
        now = clock.now()
        with self._store.read() as conn:
            known = {row.key: row for row in conn.execute(select(table).where(table.c.target == self.target))}
            wanted = {each.key: each for each in self._wanted(conn, known)}
            over = [row for key, row in known.items() if key not in wanted]
            ended = _ended(conn, [row.alert for row in over if row.ended is None])
        ends = self._note(known, wanted, over, ended, now)
        # Those of which it is not known whether they were taken as they are now.
        fresh = {key for key in {*wanted, *ends} if not _was_told(known.get(key), wanted.get(key))}
        bodies = {key: self._firing(each, now) for key, each in wanted.items()}
        bodies |= {key: self._over(each, now) for key, each in ends.items()}
        prints = {key: _print(body, wanted.get(key)) for key, body in bodies.items()}
        self._told = {key: made for key, made in self._told.items() if key in prints}
        # What was refused is tried again when it is another one, and with everything else.
        self._refused = {key: each for key, each in self._refused.items() if prints.get(key) == each[0]}
        chosen = [
            key
            for key, made in prints.items()
            if everything or (key not in self._refused and self._told.get(key) != made)
        ]
        refused = {
            key_of(body["labels"]): reason for body, reason in self._api.post_alerts([bodies[key] for key in chosen])
        }
        self._refused = {key: each for key, each in self._refused.items() if key not in chosen}
        self._refused |= {key: (prints[key], reason) for key, reason in refused.items()}
        taken = [key for key in chosen if key not in refused]
        self._told |= {key: prints[key] for key in taken}
        self._mark([key for key in taken if key in fresh])
        return len(taken), len(self._refused)

    def _wanted(self, conn: Connection, known: Mapping[str, Row[Any]]) -> list[_Wanted]:
        """The open alerts that Alertmanager is to know."""
        rows = conn.execute(select(alerts).where(alerts.c.open_key.is_not(None)).order_by(alerts.c.number)).all()
        found = []
        for row in rows:
            if row.rule in NEVER:
                continue
            each = self._alert(row)
            before = known.get(each.key)
            firing = before is not None and before.told and before.ended is None
            if row.suppressed is None or firing or self._is_held(row.suppressed):
                found.append(each)
        return found

    def _is_held(self, suppressed: str) -> bool:
        kind, _, number = suppressed.partition(":")
        return kind in ("silence", "maintenance") and number.isdigit() and int(number) in self._held

    def _alert(self, row: Row[Any]) -> _Wanted:
        language = self._settings.language
        texts: Mapping[str, Mapping[str, str]] = json.loads(row.texts)
        details: Mapping[str, Any] = json.loads(row.details)
        # What other systems report may have the same labels twice.
        key = row.key if details.get("kind") == "external" else ""
        labels = matchers.labels_of_alert(
            row.rule, row.site, row.severity, row.area, labels_of(row.labels), self._always, key
        )
        base = self._settings.alerts.public_url.rstrip("/")
        link = f"{base}/monitoring_dashboard/alerts/{row.number}" if base else ""
        runbook = str(details.get("runbook") or "")
        annotations = {
            "summary": _in(texts.get("title"), language) or row.rule,
            "description": _in(texts.get("message"), language),
            "advice": _in(texts.get("advice"), language),
            "runbook_url": runbook if runbook.startswith(("https://", "http://")) else "",
            "link": link or str(details.get("link") or ""),
            "alert": name_of(row.number),
        }
        if row.status == ACKNOWLEDGED:
            at = iso(from_ms(row.acknowledged_at)) if row.acknowledged_at is not None else ""
            annotations["acknowledged"] = " ".join(part for part in (row.acknowledged_by, at) if part)
        return _Wanted(
            key_of(labels),
            row.number,
            labels,
            {name: text for name, text in annotations.items() if text},
            from_ms(row.fired),
            link,
        )

    def _note(
        self,
        known: Mapping[str, Row[Any]],
        wanted: Mapping[str, _Wanted],
        over: Sequence[Row[Any]],
        ended: Mapping[int, int],
        now: datetime,
    ) -> dict[str, _Over]:
        """Write down what is about to be told, where that is not written yet; returns what is over, by key."""
        fresh = [
            {
                "target": self.target,
                "key": key,
                "alert": each.alert,
                "labels": json.dumps(each.labels, sort_keys=True),
                "fired": to_ms(each.fired),
                "told": False,
                "ended": None,
            }
            for key, each in wanted.items()
            if _is_news(known.get(key), each)
        ]
        moments: dict[str, int] = {}
        gone: list[str] = []
        found: dict[str, _Over] = {}
        for row in over:
            moment = row.ended
            if moment is None:
                # What is held back or gone from the store ends now.
                moment = moments[row.key] = ended.get(row.alert) or to_ms(now)
            elif row.told and abs(now - from_ms(moment)) > TELL_OVER:
                gone.append(row.key)
                continue
            found[row.key] = _Over(json.loads(row.labels), from_ms(row.fired), from_ms(moment))
        if fresh or moments or gone or not self._told:
            with self._store.write() as conn:
                upsert(conn, table, fresh)
                for key, moment in sorted(moments.items()):
                    conn.execute(update(table).where(*self._rows([key])).values(ended=moment, told=False))
                for some in batches(sorted(gone)):
                    conn.execute(delete(table).where(*self._rows(some)))
                if not self._told:
                    # Of Alertmanagers that are in the settings no more.
                    conn.execute(delete(table).where(table.c.target.not_in(self.others)))
        return found

    def _mark(self, keys: Sequence[str]) -> None:
        """Write down that these were taken."""
        if keys:
            with self._store.write() as conn:
                for some in batches(sorted(keys)):
                    conn.execute(update(table).where(*self._rows(some)).values(told=True))

    def _rows(self, keys: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
        return table.c.target == self.target, table.c.key.in_(keys)

    def _firing(self, each: _Wanted, now: datetime) -> dict[str, Any]:
        found = {
            "labels": dict(each.labels),
            "annotations": dict(each.annotations),
            # Not later than now, where the clock was set back: it would be refused for ending before it begins.
            "startsAt": iso_ms(min(each.fired, now)),
            # By the other side's clock, however far it is off.
            "endsAt": iso_ms(max(now, now + self._api.ahead) + HOLDS),
        }
        return found | ({"generatorURL": each.link} if each.link else {})

    def _over(self, each: _Over, now: datetime) -> dict[str, Any]:
        ends = min(each.ended, now + self._api.ahead)
        return {"labels": dict(each.labels), "startsAt": iso_ms(min(each.fired, ends)), "endsAt": iso_ms(ends)}


def key_of(labels: Mapping[str, str]) -> str:
    """The identity of an alert in Alertmanager: a digest of its labels."""
    return hashlib.sha256(json.dumps(dict(labels), sort_keys=True).encode()).hexdigest()[:32]


def _is_news(row: Row[Any] | None, wanted: _Wanted) -> bool:
    """Whether an alert that fires is another one than what was written down of it."""
    return row is None or row.ended is not None or row.fired != to_ms(wanted.fired)


def _was_told(row: Row[Any] | None, wanted: _Wanted | None) -> bool:
    """Whether it was written down that the alert was taken as it is: firing since then, or over."""
    if row is None or not row.told:
        return False
    return row.ended is not None if wanted is None else not _is_news(row, wanted)


def _ended(conn: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """When (ms) those of these alerts that are over ended."""
    found: dict[int, int] = {}
    for some in batches(sorted(set(numbers))):
        query = select(alerts.c.number, alerts.c.resolved_at).where(
            alerts.c.number.in_(some), alerts.c.resolved_at.is_not(None)
        )
        found |= {row.number: row.resolved_at for row in conn.execute(query)}
    return found


def _print(body: Mapping[str, Any], wanted: _Wanted | None) -> str:
    """Tells whether an alert is to be told of anew; that of one that fires (`wanted`) does not change with time."""
    told = {name: value for name, value in body.items() if wanted is None or name not in ("startsAt", "endsAt")}
    fired = None if wanted is None else to_ms(wanted.fired)
    return hashlib.sha256(json.dumps([fired, told], sort_keys=True).encode()).hexdigest()


def _left_out(step: Step) -> str:
    """What is said of silences that are not in step: the first one, and how many others there are."""
    if not step.left_out:
        return ""
    called, reason = next(iter(step.left_out.items()))
    more = len(step.left_out) - 1
    return f"{called} is not in step: {reason}" + (f"; and {more} more" if more else "")


def _in(texts: Mapping[str, str] | None, language: str) -> str:
    return (texts or {}).get(language) or (texts or {}).get("en") or ""

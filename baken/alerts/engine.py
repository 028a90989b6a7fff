"""The engine: judges the rules about a site when something of it was measured, and lets alerts fire and end.

What was judged is remembered in the transaction of what follows from it. All of it is computed from what the store
holds: after a restart the same figures are judged again and nothing is forgotten.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, delete, select

from baken import clock
from baken.alerts import lifecycle, machine, suppression, texts
from baken.alerts.lifecycle import Act, Opening, Refused
from baken.alerts.machine import State
from baken.alerts.rule import Rule, Verdict
from baken.alerts.rulebook import RuleBook
from baken.alerts.suppression import Quiet
from baken.alerts.view import HOST, SiteView, zone_of
from baken.alerts.windows import Hours
from baken.clock import from_ms, to_ms
from baken.history.series import batches, labels_of, labels_text
from baken.history.store import Store
from baken.history.tables import alert_marks, alert_states, alerts
from baken.history.upserts import insert_missing, upsert
from baken.metrics import catalogue
from baken.privacy import mask, masked_trace
from baken.settings import Alerts

log = structlog.get_logger(__name__)

BASELINE = "baseline"
"""The mark of the moment from which on a site's patterns of errors can be new."""

_SEEN_EVERY = timedelta(minutes=1)
_ZONE_EVERY = timedelta(minutes=10)
_EVENTS = frozenset({"pattern"})
_PINGS = frozenset({"ping"})


@dataclass(slots=True)
class _Known:
    """A remembered state of one label set."""

    rule: str
    labels: str
    state: State


@dataclass(slots=True)
class _Change:
    """What one look changes: the state to keep (None: none) and what is to be done."""

    rule: Rule | None
    key: str
    labels: Mapping[str, str]
    before: State | None
    outcome: machine.Outcome
    verdict: Verdict | None
    why: str = ""
    """For the trail, where the alert ends though nothing was judged."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The rules that are judged for a site: all by name, and which of them are about the site and about the host."""

    rules: Mapping[str, Rule]
    of_site: tuple[Rule, ...]
    of_host: tuple[Rule, ...]

    @classmethod
    def of(cls, book: RuleBook) -> "_Chosen":
        """Those of a book that are switched on."""
        rules = {rule.name: rule for rule in book.enabled}
        host = {name for name, rule in rules.items() if about_host(rule)}
        return cls(
            rules,
            tuple(rule for name, rule in rules.items() if name not in host),
            tuple(rule for name, rule in rules.items() if name in host),
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule's verdicts about one site at one moment; `problem`: why it could not be judged."""

    rule: Rule
    verdicts: tuple[Verdict, ...]
    problem: str | None = None


@dataclass(slots=True)
class _Site:
    """What the engine keeps in mind of a site between looks."""

    name: str
    states: dict[str, _Known] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    judged: dict[str, datetime] = field(default_factory=dict)
    zone: str = "UTC"
    zone_at: datetime | None = None
    baseline: datetime | None = None


class Engine:
    """Evaluates rules. One process does so for a store: the one that collects."""

    def __init__(self, settings: Alerts, store: Store, book: RuleBook, now: Callable[[], datetime] = clock.now) -> None:
        """Prepare an engine.

        Args:
            settings: the settings of alerts.
            store: the store.
            book: the rules.
            now: the clock.
        """
        self.settings = settings
        self.store = store
        self.rules: Mapping[str, Rule] = {}
        self.evaluations = 0
        self._now = now
        self._night = Hours.parse(settings.night)
        self._sites: dict[str, _Site] = {}
        self._loaded = False
        self._across: dict[str, dict[str, bool | None]] = {}
        self._known: frozenset[str] = frozenset()
        self.use(book)

    def use(self, book: RuleBook, of_sites: Mapping[str, RuleBook] | None = None) -> None:
        """Judge by these rules from now on. What is remembered stays, and is judged by them at the next look.

        Args:
            book: the rules of every site, of the host, and over many sites.
            of_sites: by site, the rules that hold on it instead; those about the host and over many sites do not count.
        """
        self._everywhere = _Chosen.of(book)
        self._of = {site: _Chosen.of(own) for site, own in (of_sites or {}).items()}
        own = {name: rule for chosen in self._of.values() for name, rule in chosen.rules.items()}
        # Whatever may have an alert somewhere: what an alert explains of others is the same on every site.
        self.rules = {**own, **self._everywhere.rules}
        self._known = frozenset(book.rules).union(*(each.rules for each in (of_sites or {}).values()))
        self._across = {
            name: self._across.get(name, {}) for name, rule in self._everywhere.rules.items() if rule.quorum is not None
        }
        for known in self._sites.values():
            known.judged.clear()

    def rules_of(self, site: str) -> Mapping[str, Rule]:
        """The rules that are judged for a site, by name; empty site: for the host and over many sites."""
        return self._of.get(site, self._everywhere).rules if site != HOST else self._everywhere.rules

    def reset(self) -> None:
        """Forget what is kept in mind; the next look reads it from the store."""
        self._sites.clear()
        self._loaded = False

    @property
    def pending(self) -> list[tuple[str, datetime]]:
        """Sites on which something waits to fire or to be over, with the moment at which to look again."""
        found = []
        for site, known in self._sites.items():
            rules = self.rules_of(site)
            for each in known.states.values():
                rule = rules.get(each.rule)
                if rule is None or each.state.unknown_since is not None:
                    continue
                if each.state.phase == "pending":
                    found.append((site, each.state.since + rule.hold))
                elif each.state.phase == "recovering" and not machine.flaps(each.state, self.settings):
                    found.append((site, each.state.since + rule.keep))
        return found

    def with_states(self) -> set[str]:
        """Sites of which something is remembered."""
        return {site for site, known in self._sites.items() if known.states}

    def evaluate(
        self,
        site: str,
        metrics: Collection[str] | None = None,
        *,
        errors: bool = False,
        pings: bool = False,
        rested: timedelta | None = None,
    ) -> int:
        """Judge the rules about a site, and do what follows.

        Args:
            site: the site; empty for the host and Baken itself.
            metrics: only rules that look at one of these, which were just measured; None: all rules.
            errors: also rules about patterns of errors, which have changed.
            pings: also rules about jobs that report by pings, of which something was heard or is due.
            rested: only rules that have not been judged for so long.

        Returns:
            How many alerts fired or ended.

        Raises:
            StoreError: the store cannot be read or written; then nothing has changed, in mind neither.
        """
        now = self._now()
        rules = self._due(site, metrics, errors, pings, now, rested)
        with self.store.read() as conn:
            self._load(conn)
            known = self._site(site)
            gone = [] if metrics is not None else self._without_rule(site, known)
            if not rules and not gone:
                return 0
            view = self._view(conn, site, known, now, rules)
            judged = [self.judge(rule, view) for rule in rules]
            self.evaluations += sum(max(1, len(each.verdicts)) for each in judged)
            self._count_across(site, judged)
            changes = list(self._changes(conn, known, judged, view, now)) + gone
        acted = self._apply(site, known, changes, now)
        for each in rules:
            known.judged[each.name] = now
        self._note_baseline(site, known, now, errors or metrics is None)
        return acted

    def forget(self, site: str) -> int:
        """End the alerts of a site that is watched no more, and forget what is remembered of it; how many ended."""
        with self.store.read() as conn:
            self._load(conn)
        known = self._site(site)
        gone = [
            _Change(None, key, labels_of(each.labels), each.state, _ended(each.state), None)
            for key, each in known.states.items()
        ]
        acted = self._apply(site, known, gone, self._now())
        self._sites.pop(site, None)
        for holding in self._across.values():
            holding.pop(site, None)
        return acted

    def _site(self, name: str) -> _Site:
        return self._sites.setdefault(name, _Site(name))

    def evaluate_across(self, sites: Collection[str]) -> int:
        """Judge the rules over many sites by how they last stood on each of `sites`; how many fired or ended."""
        now = self._now()
        with self.store.read() as conn:
            self._load(conn)
            known = self._site(HOST)
            changes: list[_Change] = []
            numbers = self._open_numbers(conn, known)
            for name, holding in self._across.items():
                rule = self._everywhere.rules[name]
                quorum = rule.quorum
                assert quorum is not None  # noqa: S101 - only such rules are in here
                count = sum(1 for site in sites if holding.get(site))
                unknown = sum(1 for site in sites if holding.get(site) is None)
                limit = max(quorum.least, math.ceil(quorum.share * len(sites)))
                breach: bool | None = bool(sites) and count >= limit
                if not breach and unknown and count + unknown >= limit:
                    # Those of which nothing is known could decide it.
                    breach = None
                names = sorted(site for site in sites if holding.get(site))
                told = {"count": str(count), "total": str(len(sites)), "sites": ", ".join(names[:10])}
                why = f"nothing is known of {unknown} of {len(sites)} sites" if breach is None else None
                verdict = Verdict({}, breach, breach is False, float(count), float(limit), now, why, told)
                changes.append(self._change(known, rule, {}, verdict, now, numbers))
        return self._apply(HOST, known, [each for each in changes if _matters(each)], now)

    def explain(self, conn: Connection, site: str, rules: Iterable[Rule], now: datetime) -> list[Judged]:
        """Judge rules about a site as they stand, without any consequence."""
        chosen = list(rules)
        known = _Site(site, baseline=_baseline(conn, site), zone=zone_of(conn, site), zone_at=now)
        view = self._view(conn, site, known, now, chosen)
        return [self.judge(rule, view) for rule in chosen]

    def judge(self, rule: Rule, view: SiteView) -> Judged:
        """A rule's verdicts; a rule that fails takes no other with it."""
        try:
            return Judged(rule, tuple(rule.condition.judge(view)))
        except Exception as error:  # noqa: BLE001
            # One condition that trips must not keep the others from being judged.
            log.error("a rule could not be judged", rule=rule.name, site=view.site, error=masked_trace(error))
            problem = mask(f"judging {rule.name} failed inside Baken: {type(error).__name__}: {error}")
            return Judged(rule, (Verdict({}, None, reason=problem),), problem)

    def rules_about(self, site: str) -> Sequence[Rule]:
        """The rules that are judged on a site, or on the host."""
        return self._everywhere.of_host if site == HOST else self._of.get(site, self._everywhere).of_site

    def _due(
        self,
        site: str,
        metrics: Collection[str] | None,
        errors: bool,
        pings: bool,
        now: datetime,
        rested: timedelta | None,
    ) -> list[Rule]:
        asked = frozenset(metrics or ())
        last = self._sites[site].judged if site in self._sites else {}
        found = []
        for rule in self.rules_about(site):
            told = errors if not rule.condition.metrics else bool(rule.condition.metrics & asked)
            if metrics is not None and not (pings if rule.kind in _PINGS else told):
                continue
            every = max(filter(None, (rule.condition.every, rested)), default=None)
            before = last.get(rule.name)
            if every is not None and before is not None and timedelta() <= now - before < every:
                continue
            found.append(rule)
        return found

    def _load(self, conn: Connection) -> None:
        if self._loaded:
            return
        self._sites.clear()
        for row in conn.execute(select(alert_states)):
            known = self._site(row.site)
            known.states[row.key] = _Known(row.rule, row.labels, _state_of(row))
        for site, value in conn.execute(
            select(alert_marks.c.site, alert_marks.c.value).where(alert_marks.c.name == BASELINE)
        ):
            self._site(site).baseline = from_ms(value)
        self._loaded = True

    def _view(self, conn: Connection, site: str, known: _Site, now: datetime, rules: Iterable[Rule]) -> SiteView:
        if known.zone_at is None or not timedelta() <= now - known.zone_at < _ZONE_EVERY:
            known.zone, known.zone_at = zone_of(conn, site), now
        wanted = frozenset(name for rule in rules for name in rule.condition.metrics)
        return SiteView(conn, site, now, known.zone, self._night, known.baseline, wanted)

    def _note_baseline(self, site: str, known: _Site, now: datetime, errors: bool) -> None:
        """From the first look at a site's errors on, what was not there before is new."""
        if known.baseline is not None or not errors or site == HOST:
            return
        with self.store.write() as conn:
            insert_missing(conn, alert_marks, [{"site": site, "name": BASELINE, "value": to_ms(now)}])
        known.baseline = now

    def _count_across(self, site: str, judged: Iterable[Judged]) -> None:
        for each in judged:
            if each.rule.name in self._across:
                judged_as = [verdict.breach for verdict in each.verdicts]
                self._across[each.rule.name][site] = True if True in judged_as else None if None in judged_as else False

    def _without_rule(self, site: str, known: _Site) -> list[_Change]:
        """States of rules that are gone, switched off, or not judged here any more: their alerts end."""
        return [
            _Change(None, key, labels_of(each.labels), each.state, _ended(each.state), None, self._why_not(each.rule))
            for key, each in known.states.items()
            if not self._judges(site, each.rule)
        ]

    def _why_not(self, name: str) -> str:
        return "its rule was switched off" if name in self._known else "its rule is there no more"

    def _judges(self, site: str, name: str) -> bool:
        """Whether a rule is judged on a site, or on the host with what is judged for many sites together."""
        rule = self.rules_of(site).get(name)
        if rule is None:
            return False
        return site == HOST if rule.quorum is not None else about_host(rule) == (site == HOST)

    def _changes(
        self, conn: Connection, known: _Site, judged: Iterable[Judged], view: SiteView, now: datetime
    ) -> Iterable[_Change]:
        numbers = self._open_numbers(conn, known)
        of_rule: dict[str, list[str]] = {}
        for key, each in known.states.items():
            of_rule.setdefault(each.rule, []).append(key)
        for one in judged:
            rule = one.rule
            if rule.quorum is not None:
                continue
            told = self._told_before(conn, rule, view, one) if rule.kind in _EVENTS else frozenset()
            done = set()
            unknown: Verdict | None = None
            for verdict in one.verdicts:
                key = lifecycle.key_of(rule.name, view.site, verdict.labels)
                if verdict.breach is None and not verdict.labels:
                    unknown = verdict
                if key in done or (key in told and not _lives(known.states.get(key))):
                    continue
                done.add(key)
                change = self._change(known, rule, verdict.labels, verdict, now, numbers)
                if _matters(change):
                    yield change
            for key in of_rule.get(rule.name, ()):
                if key not in done:
                    labels = labels_of(known.states[key].labels)
                    change = self._change(known, rule, labels, unknown, now, numbers)
                    if _matters(change):
                        yield change

    def _change(
        self,
        known: _Site,
        rule: Rule,
        labels: Mapping[str, str],
        verdict: Verdict | None,
        now: datetime,
        numbers: Mapping[int, bool],
    ) -> _Change:
        key = lifecycle.key_of(rule.name, known.name, labels)
        each = known.states.get(key)
        before = each.state if each is not None else None
        is_open = before is not None and before.alert is not None and numbers.get(before.alert, False)
        outcome = machine.step(before, verdict, rule, now, alert_open=is_open, settings=self.settings)
        return _Change(rule, key, labels, before, outcome, verdict)

    def _open_numbers(self, conn: Connection, known: _Site) -> dict[int, bool]:
        """Whether each alert that a state names is open: people resolve and reopen in another process."""
        numbers = sorted(each.state.alert for each in known.states.values() if each.state.alert is not None)
        found: dict[int, bool] = {}
        for some in batches(numbers):
            for number, status in conn.execute(
                select(alerts.c.number, alerts.c.status).where(alerts.c.number.in_(some))
            ):
                found[number] = status != lifecycle.RESOLVED
        return found

    def _told_before(self, conn: Connection, rule: Rule, view: SiteView, judged: Judged) -> frozenset[str]:
        """Keys of events that an alert was about already: each is told once, whatever became of the alert."""
        moments = {
            lifecycle.key_of(rule.name, view.site, verdict.labels): view.changed_at.get(verdict.labels["pattern"])
            for verdict in judged.verdicts
            if verdict.breach and "pattern" in verdict.labels
        }
        found = set()
        for some in batches(sorted(moments)):
            for key, fired in conn.execute(select(alerts.c.key, alerts.c.fired).where(alerts.c.key.in_(some))):
                moment = moments[key]
                if moment is not None and fired >= to_ms(moment):
                    found.add(key)
        return frozenset(found)

    def _apply(self, site: str, known: _Site, changes: list[_Change], now: datetime) -> int:
        """Write what follows, in one transaction; then keep it in mind."""
        touch = [each for each in changes if self._is_news(known, each, now)]
        if not touch:
            return 0
        kept: dict[str, _Known | None] = {}
        acted = 0
        with self.store.write() as conn:
            act = Act(conn, self.settings, now)
            fires = any(each.outcome.action == "fire" for each in touch)
            quiet = Quiet.read(conn, self.rules, now, site) if fires else None
            # What inhibits others fires first.
            for each in sorted(touch, key=lambda change: not (change.rule is not None and change.rule.inhibits)):
                state = each.outcome.state
                if each.outcome.action == "fire" and quiet is not None:
                    state = self._fire(act, site, each, quiet)
                    acted += 1
                elif each.outcome.action == "resolve":
                    acted += self._resolve(act, each)
                elif each.rule is not None and state is not None and state.alert is not None:
                    self._still(act, site, each, state.alert)
                labels = labels_text(tuple(sorted(each.labels.items())))
                rule = each.rule.name if each.rule is not None else ""
                kept[each.key] = None if state is None else _Known(rule, labels, state)
            upsert(conn, alert_states, [_row_of(site, key, each) for key, each in kept.items() if each is not None])
            for key in sorted(key for key, each in kept.items() if each is None and key in known.states):
                conn.execute(delete(alert_states).where(alert_states.c.site == site, alert_states.c.key == key))
            if any(each.outcome.action and each.rule is not None and each.rule.inhibits for each in touch):
                # What is about all sites explains what is wrong on each.
                suppression.refresh(act, self.rules, None if site == HOST else site)
        for key, found in kept.items():
            if found is None:
                known.states.pop(key, None)
                known.seen.pop(key, None)
            else:
                known.states[key] = found
        for each in touch:
            if each.key in known.states:
                known.seen[each.key] = now
        return acted

    def _is_news(self, known: _Site, change: _Change, now: datetime) -> bool:
        """Whether a change has to be written: the figure alone of what fires is renewed once a minute."""
        before, after = change.before, change.outcome.state
        if change.outcome.action or (before is None) != (after is None):
            return True
        if before is None or after is None:
            return False
        if replace(before, value=after.value) != after:
            return True
        seen = known.seen.get(change.key)
        firing = after.phase in ("firing", "recovering")
        return firing and (seen is None or not timedelta() <= now - seen < _SEEN_EVERY)

    def _fire(self, act: Act, site: str, change: _Change, quiet: Quiet) -> State | None:
        rule, verdict, state = change.rule, change.verdict, change.outcome.state
        assert rule is not None and verdict is not None and state is not None  # noqa: S101
        began = change.before.since if change.before is not None and change.before.phase == "pending" else act.now
        if rule.kind in _EVENTS and verdict.at is not None:
            began = verdict.at
        given = Opening(
            rule=rule,
            site=site,
            labels=change.labels,
            key=change.key,
            began=began,
            value=verdict.value,
            texts=filled(rule, verdict, site, act.now - began),
            details=details_of(rule, verdict),
            suppressed=quiet.reason(rule.name, site, rule.severity, rule.area, change.labels, act.now),
        )
        number = lifecycle.again(act, given, flapping=change.outcome.flapping)
        if number is None:
            number = lifecycle.open_alert(act, given)
        if rule.inhibits:
            quiet.fires(site, rule.name, number, change.labels)
        return replace(state, alert=number)

    def _resolve(self, act: Act, change: _Change) -> bool:
        number = change.before.alert if change.before is not None else None
        if number is None:
            return False
        try:
            lifecycle.resolve(act, number, "" if change.rule is not None else change.why or "it is watched no more")
        except Refused:
            # Somebody was first; over is over.
            return False
        return True

    def _still(self, act: Act, site: str, change: _Change, number: int) -> None:
        rule, verdict = change.rule, change.verdict
        if rule is not None and verdict is not None and verdict.breach:
            began = lifecycle.began(act.conn, number) or act.now
            texts = filled(rule, verdict, site, act.now - began)
            lifecycle.seen(act, number, verdict.value, texts, limit=verdict.limit)


def _lives(known: _Known | None) -> bool:
    """Whether there is an alert of it still: what was told once and ended, by hand too, is not news a second time."""
    return known is not None and known.state.phase not in ("ok", "closed")


def _ended(state: State) -> machine.Outcome:
    return machine.Outcome(None, "resolve" if state.phase in ("firing", "recovering") else "")


def _matters(change: _Change) -> bool:
    return change.before is not None or change.outcome.state is not None


def about_host(rule: Rule) -> bool:
    """Whether a rule is about the host or Baken itself: all its metrics are."""
    entries = [catalogue.get(name) for name in rule.condition.metrics]
    return bool(entries) and all(entry is not None and entry.scope in ("host", "monitor") for entry in entries)


def _baseline(conn: Connection, site: str) -> datetime | None:
    value = conn.execute(
        select(alert_marks.c.value).where(alert_marks.c.site == site, alert_marks.c.name == BASELINE)
    ).scalar()
    return None if value is None else from_ms(value)


def filled(rule: Rule, verdict: Verdict, site: str, since: timedelta) -> dict[str, dict[str, str]]:
    """The texts of a rule with the figures of a verdict, in all languages: {"title": {"en": …, "nl": …}, …}."""
    parts = {"title": rule.title, "message": rule.message, "advice": rule.advice}
    return {
        name: {language: texts.fill(text, verdict, rule, language, site=site, since=since) for language in text}
        for name, text in parts.items()
    }


def details_of(rule: Rule, verdict: Verdict) -> dict[str, Any]:
    """What an alert keeps of its rule and figure, as JSON values."""
    about = rule.extra
    metric = str(about.get("metric") or "")
    entry = catalogue.get(metric) if metric else None
    found: dict[str, Any] = {
        "kind": rule.kind,
        "words": rule.condition.words,
        "metric": metric or None,
        "match": dict(about.get("match") or {}),
        "unit": str(about.get("unit") or ""),
        "limit": verdict.limit,
        "runbook": rule.runbook,
        "source": rule.source,
        "good": about.get("good"),
    }
    if rule.tell:
        found["tell"] = list(rule.tell)
    # A counter's course only climbs: it shows nothing.
    if entry is not None and entry.kind == "gauge" and rule.quorum is None:
        exact = {name: value for name, value in found["match"].items() if not value.startswith(("!", "~"))}
        found["chart"] = {
            "metric": metric,
            "labels": exact | dict(verdict.labels),
            "limit": bool(about.get("plain")),
        }
    return found


def _state_of(row: Row[Any]) -> State:
    return State(
        phase=row.phase,
        since=from_ms(row.since),
        alert=row.alert,
        value=row.value,
        unknown_since=None if row.unknown_since is None else from_ms(row.unknown_since),
        reason=row.reason,
        fires=tuple(from_ms(moment) for moment in json.loads(row.fires)),
    )


def _row_of(site: str, key: str, known: _Known) -> dict[str, Any]:
    state = known.state
    return {
        "site": site,
        "key": key,
        "rule": known.rule,
        "labels": known.labels,
        "phase": state.phase,
        "since": to_ms(state.since),
        "alert": state.alert,
        "value": state.value,
        "unknown_since": None if state.unknown_since is None else to_ms(state.unknown_since),
        "reason": state.reason[:4000],
        "fires": json.dumps([to_ms(moment) for moment in state.fires]),
    }

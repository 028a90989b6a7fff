"""The alerts that the demo remembers: a month of them, as they would have gone had Baken watched all along.

Where the demo's history has a figure, its rules are judged on it by the machine that judges the present; patterns of
errors that began within the month are told as new. What no history tells (locks, SEPA steps, jobs) is made up, and so
is what people did. Nobody is told of the past: what waits in the outbox for it is taken out again.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from sqlalchemy import Connection, delete, func, select

from baken.alerts import lifecycle, machine, rulebook, silences
from baken.alerts.engine import details_of, filled
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.lifecycle import Act, Opening
from baken.alerts.machine import State
from baken.alerts.matchers import match
from baken.alerts.rule import Rule, Verdict
from baken.alerts.view import HOST
from baken.alerts.windows import Hours, Recurrence, moment_of
from baken.clock import from_ms, to_ms
from baken.demo import rhythm
from baken.history import samples
from baken.history.store import Store
from baken.history.tables import alerts as table
from baken.history.tables import error_counts, error_patterns, outbox
from baken.settings import Alerts, Recipient, Settings

DAYS = 30
"""So far back the demo remembers alerts."""

ADMIN, BOARD = "admin@example.test", "board@example.test"

# What has not ended by then belongs to the present, which is judged while the demo runs.
_PRESENT = timedelta(hours=3)
_MOST_OF_A_RULE, _MOST_PATTERNS = 5, 4
_QUIET = timedelta(hours=24)
_HOUR_MS = 3_600_000
# So that the past has escalations.
_LADDER = tuple(Recipient(name=name, channel="mail", step=step) for name, step in (("Board", 1), ("Supplier", 2)))

_CHANGES: Mapping[str, Callable[[Act, int, str], None]] = {
    "over": lifecycle.resolve, "take": lifecycle.acknowledge, "assign": lifecycle.assign, "say": lifecycle.comment,
    "rate": lifecycle.rate,
}  # fmt: skip
_NOTES: Mapping[str, tuple[str, ...]] = {
    "errors": ("Looking at the first pattern", "Same as last time; the supplier knows", "I have called the supplier"),
    "": ("I am on it", "Seen; watching it", "I have asked the host"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens to an alert at a moment; without a `user` it happens by itself."""

    at: datetime
    what: Literal["fire", "flap", "seen", "over", "take", "assign", "say", "rate", "climb"]
    user: str = ""
    text: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """What becomes of an alert of `rule`: the verdict it fired with, since when that held, and the steps."""

    rule: Rule
    verdict: Verdict
    began: datetime
    steps: tuple[Step, ...]
    site: str
    suppressed: str | None = None


@dataclass(frozen=True, slots=True)
class _MadeUp:
    """An alert that no history tells of: when it fired (days ago, by the site's clock) and how it went, in minutes."""

    rule: str
    days: int
    at: time
    minutes: float
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    taken: float | None = None
    by: str = ADMIN
    note: str = ""
    more: tuple[tuple[float, Literal["assign", "say", "rate"], str, str], ...] = ()
    by_hand: str = ""


_MADE_UP = (
    _MadeUp(
        "SEPA_COMPLIANCE", 27, time(9, 20), 75, 8, {"window": "1h"}, 12, BOARD, "The batch is held back until then",
        ((50, "say", ADMIN, "The file had the creditor identifier of the test account"),
         (120, "rate", BOARD, "useful")),
    ),
    _MadeUp("EMAIL_HALF_SENT", 24, time(8, 5), 300, 3, by_hand="Sent again from the queue"),
    _MadeUp(
        "LONG_TRANSACTION", 21, time(14, 30), 25, 1260, {}, 6, ADMIN, "A console that was left open; closed",
        ((40, "rate", ADMIN, "useful"),),
    ),
    _MadeUp(
        "CERTIFICATE_ENDING", 19, time(7, 0), 3080, 13.9, {}, 185, ADMIN, "The timer of certbot is off since the move",
        ((200, "assign", ADMIN, ADMIN), (3100, "rate", ADMIN, "useful")),
    ),
    _MadeUp(
        "JOBS_FAILING", 16, time(6, 10), 55, 14, {"queue": "default"}, 35, ADMIN, "An import that I stopped myself",
        ((60, "rate", ADMIN, "false_alarm"),),
    ),
    _MadeUp(
        "SCHEDULED_JOB_FAILING", 14, time(5, 45), 640, 1,
        {"job": "verenigingen.utils.payment_retry.execute_payment_retry"}, 395, BOARD,
        "Asked the supplier; no collection is due before Friday", ((420, "assign", BOARD, ADMIN),),
    ),
    _MadeUp("SEPA_COMPLIANCE", 12, time(10, 5), 40, 6, {"window": "1h"}),
    _MadeUp(
        "DEADLOCK_STORM", 9, time(9, 40), 70, 17, {}, 20, BOARD, "Two imports of ours at the same time, as planned",
        ((90, "rate", BOARD, "false_alarm"),),
    ),
    _MadeUp("HIGH_DB_CONNECTIONS", 5, time(12, 40), 35, 118),
    _MadeUp(
        "SEPA_COMPLIANCE", 3, time(22, 15), 150, 11, {"window": "1h"}, 85, ADMIN, "The bank is down; no batch tonight",
        ((170, "rate", ADMIN, "useful"),),
    ),
)  # fmt: skip


def write_alerts(store: Store, settings: Settings, site: str, *, now: datetime, seed: int) -> int:
    """Write a month of alerts of the demo site, and a maintenance window that comes again.

    Args:
        store: the demo's store, with its history and its errors.
        settings: the demo's settings; the rules and ladders are those that hold for the present.
        site: the demo site.
        now: the aware moment up to which the past goes.
        seed: same seed, moment and store: same alerts.

    Returns:
        How many alerts there are. All of them are over: what goes on now is found by whoever judges the present.

    Raises StoreError, and RuleProblems when the user's rules cannot be used.
    """
    rules = {rule.name: rule for rule in rulebook.load(settings).enabled}
    rng = random.Random(f"{seed}:alerts")  # noqa: S311 - what people did in a demo is no secret
    past = settings.alerts.model_copy(update={"recipients": list(_LADDER)})
    with store.write() as conn:
        maintenance = _maintenance(conn, site, now)
        episodes = [
            *_judged(conn, rules.values(), past, site, now, rng),
            *_patterns(conn, rules, site, now, rng),
            *(_made_up(rules[each.rule], each, site, now) for each in _MADE_UP if each.rule in rules),
            *_flapping(rules, site, now, seed),
            *_during_maintenance(rules, site, now, maintenance),
        ]
        return _play(conn, past, episodes, now)


def _maintenance(conn: Connection, site: str, now: datetime) -> int:
    return silences.add(
        conn,
        site=site,
        kind="maintenance",
        matchers={},
        starts=now - timedelta(days=DAYS + 2),
        ends=None,
        recurrence=Recurrence(frozenset({6}), time(3), 90, rhythm.ZONE_NAME),
        comment="Updates",
        by=ADMIN,
        now=now - timedelta(days=DAYS + 2),
    )


def _judged(
    conn: Connection, rules: Iterable[Rule], settings: Alerts, site: str, now: datetime, rng: random.Random
) -> Iterator[Episode]:
    """What the rules say of the figures that the demo's history has. Limits by night are wider than those by day."""
    start, end, night = now - timedelta(days=DAYS), now - _PRESENT, Hours.parse(settings.night)
    lines: dict[str, list[samples.Points]] = {}
    for rule in rules:
        condition = rule.condition
        if not isinstance(condition, Threshold) or condition.source.by is not None or rule.quorum is not None:
            continue
        place = HOST if condition.source.metric.scope in ("host", "monitor") else site
        found: list[Episode] = []
        metric = condition.source.metric.name
        if metric not in lines:
            lines[metric] = samples.read_range(conn, place, metric, start, end)
        for line in lines[metric]:
            if match(condition.source.match, line.labels) and any(map(condition.limits.day.holds, line.value)):
                found += _course(rule, condition, place, line, settings, night)
        for episode in sorted(found, key=lambda each: each.began)[-_MOST_OF_A_RULE:]:
            yield _with_people(episode, rng)


def _course(
    rule: Rule, condition: Threshold, site: str, line: samples.Points, settings: Alerts, night: Hours
) -> Iterator[Episode]:
    state: State | None = None
    open_one: tuple[Verdict, datetime, list[Step]] | None = None
    last: Step | None = None
    for at, value in zip(line.at, line.value, strict=True):
        if state is None and not condition.limits.day.holds(value):
            continue
        moment = from_ms(at)
        dark = condition.limits.night is not None and night.open_at(moment, rhythm.ZONE)
        breach, recovered = condition.limits.judge(value, dark)
        limit = condition.limits.at(dark).figure
        verdict = Verdict(line.labels, breach, recovered, value, limit, moment)
        before = state
        outcome = machine.step(state, verdict, rule, moment, alert_open=open_one is not None, settings=settings)
        state = outcome.state
        if outcome.action == "fire" and state is not None:
            began = before.since if before is not None and before.phase == "pending" else moment
            open_one = (verdict, began, [Step(moment, "flap" if outcome.flapping else "fire")])
            state = replace(state, alert=1)
        elif open_one is not None and outcome.action == "resolve":
            verdict, began, steps = open_one
            yield Episode(rule, verdict, began, (*steps, *([last] if last else []), Step(moment, "over")), site)
            open_one = last = None
        elif open_one is not None and breach:
            last = Step(moment, "seen", value=value)


def _with_people(episode: Episode, rng: random.Random) -> Episode:
    """What people did about an alert: the graver, the more often and the sooner somebody took it up."""
    fired, over = episode.steps[0].at, episode.steps[-1].at
    share, soonest, latest = {
        "CRITICAL": (0.9, 4, 40), "HIGH": (0.8, 10, 110), "MEDIUM": (0.5, 20, 300), "LOW": (0.3, 60, 900)
    }[episode.rule.severity]  # fmt: skip
    taken = fired + timedelta(minutes=rng.uniform(soonest, latest))
    steps, useful = list(episode.steps), rng.random() < 0.5
    user, note = rng.choice((ADMIN, ADMIN, BOARD)), rng.choice(_NOTES.get(episode.rule.area, _NOTES[""]))
    if rng.random() < share and taken < over:
        steps.append(Step(taken, "take", user, note))
        if useful:
            steps.append(Step(over + timedelta(minutes=5), "rate", user, "useful"))
    return replace(episode, steps=tuple(sorted(steps, key=lambda step: step.at)))


def _patterns(
    conn: Connection, rules: Mapping[str, Rule], site: str, now: datetime, rng: random.Random
) -> Iterator[Episode]:
    """Patterns of errors that occurred for the first time within the month."""
    columns = error_patterns.c
    rows = conn.execute(
        select(error_patterns)
        .where(
            columns.site == site,
            columns.merged_into.is_(None),
            columns.first_seen >= to_ms(now - timedelta(days=DAYS)),
            columns.first_seen < to_ms(now - _QUIET),
        )
        .order_by(columns.first_seen)
        .limit(_MOST_PATTERNS)
    ).all()
    for row in rows:
        rule = rules.get("NEW_ERROR_PATTERN" if row.severity in ("HIGH", "CRITICAL") else "NEW_MINOR_ERROR_PATTERN")
        if rule is None:
            continue
        hour = row.first_seen - row.first_seen % _HOUR_MS
        count = conn.execute(
            select(func.sum(error_counts.c.count)).where(
                error_counts.c.pattern == row.number, error_counts.c.hour == hour
            )
        ).scalar()
        known = {f"pattern_{name}": str(row._mapping[name]) for name in ("exception", "category", "severity", "area")}
        first, last = from_ms(row.first_seen), from_ms(row.last_seen)
        verdict = Verdict(
            {"pattern": row.id}, True, value=float(count or 1), at=first,
            fields={"pattern_title": row.title or row.template, **known},
        )  # fmt: skip
        fired = first + timedelta(seconds=rng.uniform(2, 9))
        steps = [Step(fired, "fire")]
        if last + _QUIET < now - _PRESENT:
            steps.append(Step(last + _QUIET, "over"))
        else:
            seen = min(fired + timedelta(hours=rng.uniform(2, 20)), now - _PRESENT)
            steps.append(Step(seen, "over", ADMIN, "Known to the supplier; it comes with the next version"))
        yield Episode(rule, verdict, first, tuple(steps), site)


def _made_up(rule: Rule, given: _MadeUp, site: str, now: datetime) -> Episode:
    fired = _by_the_sites_clock(now, given.days, given.at)

    def after(minutes: float) -> datetime:
        return fired + timedelta(minutes=minutes)

    steps = [Step(fired, "fire")]
    if given.taken is not None:
        steps.append(Step(after(given.taken), "take", given.by, given.note))
    steps += [Step(after(minutes), what, user, text) for minutes, what, user, text in given.more]
    steps.append(Step(after(given.minutes), "over", ADMIN if given.by_hand else "", given.by_hand))
    verdict = Verdict(given.labels, True, value=given.value, limit=_limit(rule), at=fired, fields={"over": "1h"})
    steps.sort(key=lambda step: step.at)
    return Episode(rule, verdict, fired - rule.hold, tuple(steps), site)


def _flapping(rules: Mapping[str, Rule], site: str, now: datetime, seed: int) -> Iterator[Episode]:
    """Locks that came and went during the evening on which the database had them."""
    rule = rules.get("LOCK_WAITS")
    evening = next(
        (
            each
            for each in rhythm.incidents(seed, now)
            if each.kind == "lock_waits" and now - timedelta(days=DAYS) < each.starts < now - timedelta(days=2)
        ),
        None,
    )
    if rule is None or evening is None:
        return
    fired = evening.starts + timedelta(minutes=9)
    minutes: tuple[tuple[float, Literal["fire", "flap", "over"]], ...] = (
        (0, "fire"), (5, "over"), (13, "fire"), (17, "over"), (26, "flap"), (79, "over"),
    )  # fmt: skip
    steps = [Step(fired + timedelta(minutes=after), what) for after, what in minutes]
    steps.insert(-1, Step(fired + timedelta(minutes=52), "take", ADMIN, "The nightly import of bookings; I move it"))
    verdict = Verdict({}, True, value=7, limit=_limit(rule), at=fired)
    yield Episode(rule, verdict, fired - rule.hold, tuple(steps), site)


def _during_maintenance(rules: Mapping[str, Rule], site: str, now: datetime, maintenance: int) -> Iterator[Episode]:
    """An alert that nobody was told of: the updates of a Sunday morning."""
    rule = rules.get("EMAIL_MUTED")
    if rule is None:
        return
    # The Sunday before the last one.
    fired = _by_the_sites_clock(now, now.astimezone(rhythm.ZONE).weekday() + 8, time(3, 20))
    steps = (Step(fired, "fire"), Step(fired + timedelta(minutes=41), "over"))
    verdict = Verdict({}, True, value=0, limit=_limit(rule), at=fired)
    yield Episode(rule, verdict, fired - rule.hold, steps, site, f"maintenance:{maintenance}")


def _limit(rule: Rule) -> float | None:
    limits = getattr(rule.condition, "limits", None)
    return limits.day.figure if limits is not None else None


def _by_the_sites_clock(now: datetime, days: int, at: time) -> datetime:
    day = now.astimezone(rhythm.ZONE).date() - timedelta(days=days)
    return moment_of(datetime.combine(day, at), rhythm.ZONE).astimezone(UTC)


def _play(conn: Connection, settings: Alerts, episodes: Iterable[Episode], now: datetime) -> int:
    """Let all steps happen in the order of time, with the ladder's in between; returns the number of alerts."""
    order = itertools.count()
    turns: list[tuple[datetime, int, Episode, Step]] = []
    for episode in episodes:
        for step in episode.steps:
            heapq.heappush(turns, (step.at, next(order), episode, step))
    numbers: dict[int, int] = {}
    while turns:
        at, _, episode, step = heapq.heappop(turns)
        act = Act(conn, settings, at, step.user, episode.site)
        number = _happen(act, episode, step, numbers.get(id(episode)))
        numbers[id(episode)] = number
        due = conn.execute(select(table.c.step_due).where(table.c.number == number)).scalar()
        if due is not None and from_ms(due) < now:
            heapq.heappush(turns, (from_ms(due), next(order), episode, Step(from_ms(due), "climb")))
    made = set(numbers.values())
    conn.execute(delete(outbox).where(outbox.c.alert.in_(sorted(made))))
    return len(made)


def _happen(act: Act, episode: Episode, step: Step, number: int | None) -> int:
    """Let a step happen; returns the alert's number."""
    if step.what in ("fire", "flap"):
        opening = _opening(episode, act.now, episode.began if number is None else act.now - episode.rule.hold)
        again = lifecycle.again(act, opening, flapping=step.what == "flap")
        return again if again is not None else lifecycle.open_alert(act, opening)
    assert number is not None  # noqa: S101 - every episode begins with firing
    if step.what == "climb":
        lifecycle.climb(act, number, act.ms)
    elif step.what == "seen":
        verdict = replace(episode.verdict, value=step.value)
        lifecycle.seen(act, number, step.value, filled(episode.rule, verdict, episode.site, act.now - episode.began))
    else:
        _CHANGES[step.what](act, number, step.text)
    return number


def _opening(episode: Episode, now: datetime, began: datetime) -> Opening:
    rule, verdict = episode.rule, episode.verdict
    return Opening(
        rule=rule,
        site=episode.site,
        labels=verdict.labels,
        key=lifecycle.key_of(rule.name, episode.site, verdict.labels),
        began=began,
        value=verdict.value,
        texts=filled(rule, verdict, episode.site, now - began),
        details=details_of(rule, verdict),
        suppressed=episode.suppressed,
    )

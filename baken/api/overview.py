"""The overview: how the site is in a sentence and a number, what needs somebody now, and the figures that matter."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row, func, select

from baken.alerts import attention, report_words, words
from baken.alerts.attention import LANGUAGES, Item
from baken.alerts.attention_words import Text, counted, say
from baken.alerts.view import zone_of
from baken.api import snapshots
from baken.api.alerts import acts_on_host, anybody_told
from baken.api.context import DASHBOARD_ROLES, Call
from baken.api.dashboard import number, part_error
from baken.api.registry import method
from baken.api.snapshots import Snapshot
from baken.clock import iso
from baken.history.tables import alert_events
from baken.insights import health, overview
from baken.insights.health import Health
from baken.insights.score import Reason, score
from baken.metrics import catalogue
from baken.privacy import masked_trace

log = structlog.get_logger(__name__)

MOST_ITEMS = 50
"""So many things that need somebody are told; how many there are is told as well."""


@method("baken.get_overview", roles=DASHBOARD_ROLES)
def get_overview(call: Call) -> dict[str, Any]:
    """How the site is, what needs somebody now, and the figures that matter; a part that fails is {"error": text}.

    Texts are given by language: {"en": …, "nl": …}.

    Returns:

    - health: status (healthy, warning, critical or unknown), mood (ok, attention, critical or unknown: that of the
      sentence), sentence, score (0 to 100, null when nothing is known), reasons (kind, key, points, severity, text,
      link), checks (how many there are), unjudged (name, why).
    - attention: items (kind, key, severity, state: open, acknowledged or quiet; title, means, todo, since, link,
      metric, number, may_act), those that nobody looks after first; total, open.
    - cards: per group (members, money, system) the figures, as `insights.overview.cards` gives them.
    - site, time_zone, timestamp.
    """
    with call.store.read() as conn:
        zone = zone_of(conn, call.site_name)
        last = conn.execute(select(func.max(alert_events.c.id))).scalar()
    # Many who look at once see the same, until something is measured or happens to an alert.
    key = ("overview", zone, last, acts_on_host(call), call.now.replace(second=call.now.second // 5 * 5, microsecond=0))
    try:
        return snapshots.of(call.store, call.site_name).once(key, lambda: _whole(call, zone))
    except _PartlyError as partly:
        return partly.answer


class _PartlyError(Exception):
    """A part failed: the answer is given, and not kept for those who ask next."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer


def _whole(call: Call, zone: str) -> dict[str, Any]:
    answer = _overview(call, zone)
    if any(isinstance(part, dict) and "error" in part for part in answer.values()):
        raise _PartlyError(answer)
    return answer


def _overview(call: Call, zone: str) -> dict[str, Any]:
    state = _State(call, zone)
    return {
        "health": _part(call, "health", lambda: _health(state)),
        "attention": _part(call, "attention", lambda: _attention(state)),
        "cards": _part(call, "cards", lambda: _cards(call)),
        "site": call.site_name,
        "time_zone": zone,
        "timestamp": iso(call.now),
    }


def _part(call: Call, name: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    # Whatever breaks one part must not take the others along; it is told on the page and in the log.
    except Exception as error:  # noqa: BLE001
        log.error("part of the overview failed", part=name, site=call.site_name, trace=masked_trace(error))
        return {"error": part_error(name, error)}


class _State:
    """What both the sentence and the list are made of, read once."""

    def __init__(self, call: Call, zone: str) -> None:
        self.call, self.zone = call, zone
        self.shot: Snapshot = snapshots.of(call.store, call.site_name)
        self._rows: list[Row[Any]] | None = None
        self._items: list[Item] | None = None

    @property
    def rows(self) -> list[Row[Any]]:
        if self._rows is None:
            with self.call.store.read() as conn:
                self._rows = attention.open_alerts(conn, self.call.site_name)
        return self._rows

    @property
    def items(self) -> list[Item]:
        if self._items is None:
            # What opens a connection of its own comes first: who holds one and waits for another may wait for ever.
            rows, told = self.rows, anybody_told(self.call)
            with self.call.store.read() as conn:
                self._items = _items(conn, self, rows, told)
        return self._items

    @property
    def verdict(self) -> Health:
        return health.assess(self.shot.figures, self.call.settings.thresholds, self.call.now)

    def moment(self, at: datetime) -> Text:
        return {language: words.moment(at, self.zone, language, now=self.call.now) for language in LANGUAGES}


def _items(conn: Connection, state: _State, rows: list[Row[Any]], told: bool) -> list[Item]:
    call, figures = state.call, state.shot.figures
    covered = attention.alerted(rows)
    waiting = [replace(item, since=_begun(conn, state, item)) for item in attention.waiting(figures, covered, call.now)]
    return attention.ordered(
        [
            *attention.unseen(figures, covered, call.now, state.zone),
            *attention.of_alerts(rows),
            *waiting,
            *attention.found(conn, call.site_name, rows, call.now),
            *([] if told else [attention.untold()]),
        ]
    )


def _begun(conn: Connection, state: _State, item: Item) -> datetime | None:
    call = state.call
    hour = call.now.replace(minute=0, second=0, microsecond=0)
    return state.shot.once(("begun", item.key, hour), lambda: attention.begun(conn, call.site_name, item, call.now))


def _attention(state: _State) -> dict[str, Any]:
    may_host = acts_on_host(state.call)
    return {
        "items": [
            {
                "kind": item.kind,
                "key": item.key,
                "severity": item.severity,
                "state": item.state,
                "title": item.title,
                "means": item.means,
                "todo": item.todo,
                "since": iso(item.since),
                "link": item.link,
                "metric": item.metric or None,
                "number": item.number,
                "may_act": item.kind == "alert" and (bool(item.site) or may_host),
            }
            for item in state.items[:MOST_ITEMS]
        ],
        "total": len(state.items),
        "open": sum(item.state == "open" for item in state.items),
    }


def _cards(call: Call) -> dict[str, Any]:
    shot = snapshots.of(call.store, call.site_name)

    def ask() -> dict[str, Any]:
        with call.store.read() as conn:
            found = overview.cards(conn, call.site_name, shot.figures, call.now)
        return {
            group: [{**card, "value": number(card["value"]), "before": number(card["before"])} for card in some]
            for group, some in found.items()
        }

    # Courses move by hours: within a minute an answer stays right to the figure.
    return shot.once(("overview cards", call.now.replace(second=0, microsecond=0)), ask)


def _health(state: _State) -> dict[str, Any]:
    verdict = state.verdict
    found = score(verdict, attention.scored(state.rows))
    needing = [item for item in state.items if item.state == "open"]
    sentence, mood = _sentence(state, verdict, needing)
    return {
        "status": verdict.status,
        "mood": mood,
        "sentence": sentence,
        "score": found.value,
        "reasons": _reasons(state, verdict, found.reasons),
        "checks": len(verdict.checks) + len(verdict.unknown),
        "unjudged": [{"name": _check(check), "why": why} for check, why in verdict.unknown.items()],
    }


def _reasons(state: _State, verdict: Health, reasons: list[Reason]) -> list[dict[str, Any]]:
    """What took points, the gravest first; the checks that cannot be made together, last."""
    told = [
        {
            "kind": reason.kind,
            "key": reason.key,
            "points": reason.points,
            "severity": reason.severity,
            "text": _reason(state, verdict, reason),
            "link": _link(reason),
        }
        for reason in reasons
        if reason.kind in ("check", "alert")
    ]
    unjudged = [reason for reason in reasons if reason.kind == "unjudged"]
    if unjudged:
        what = {language: ", ".join(_check(each.key)[language] for each in unjudged) for language in LANGUAGES}
        told.append(
            {
                "kind": "unjudged",
                "key": "UNJUDGED",
                "points": sum(each.points for each in unjudged),
                "severity": "LOW",
                "text": say("reason.unjudged", what=what),
                "link": "monitor",
            }
        )
    return told


def _sentence(state: _State, verdict: Health, needing: list[Item]) -> tuple[Text, str]:
    """The site's state in one sentence, and the mood that goes with it."""
    seen = state.shot.figures.state
    if seen is None:
        return say("sentence.unknown", why=say("why.unseen")), "unknown"
    if state.call.now - seen.at > health.SILENT:
        return say("sentence.unknown", why=say("why.silent", moment=state.moment(seen.at))), "unknown"
    if needing:
        grave = any(item.severity in ("HIGH", "CRITICAL") for item in needing)
        first = {language: text.rstrip(".") for language, text in needing[0].title.items()}
        mood = "critical" if grave else "attention"
        if len(needing) == 1:
            return say("sentence.one", first=first), mood
        return say("sentence.many", count=counted(len(needing)), first=first), mood
    if verdict.status == "unknown":
        return say("sentence.unknown", why=say("why.unjudged")), "unknown"
    if verdict.alerts:
        # Beyond a limit, but no rule says that somebody has to do something: the reasons below tell of it.
        first = {language: attention.beyond(verdict.alerts[0], language).rstrip(".") for language in LANGUAGES}
        return say("sentence.one", first=first), "attention"
    total = str(len(verdict.checks) + len(verdict.unknown))
    states = {item.state for item in state.items}
    if "acknowledged" in states:
        return say("sentence.taken"), "attention"
    if "quiet" in states:
        return say("sentence.held"), "attention"
    if verdict.unknown:
        return say("sentence.partly", unjudged=str(len(verdict.unknown)), checks=total), "attention"
    return say("sentence.well", checks=total), "ok"


def _reason(state: _State, verdict: Health, reason: Reason) -> Text:
    if reason.kind == "alert":
        key = "reason.acknowledged" if reason.values["acknowledged"] else "reason.alert"
        return say(key, title=reason.values["title"], moment=state.moment(reason.values["since"]))
    alert = next(each for each in verdict.alerts if each.type == reason.key and each.details == reason.values)
    return {language: attention.beyond(alert, language) for language in LANGUAGES}


def _check(name: str) -> Text:
    return {language: report_words.say(f"check.{name}", language) for language in LANGUAGES}


def _link(reason: Reason) -> str:
    values: Mapping[str, Any] = reason.values
    if reason.kind == "alert":
        return f"alerts/{values['number']}"
    metric = str(values.get("metric") or "")
    return f"explorer?m={metric}" if catalogue.get(metric) is not None else "monitor"

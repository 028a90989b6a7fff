"""Alerts of a site: which are open, what happened to each, which rules there are and how they stand."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

from sqlalchemy import Row, func, select

from baken.alerts import (
    answers,
    browsers,
    external,
    kept_recipients,
    kept_rules,
    rulebook,
    silences,
    spans,
    texts,
    words,
)
from baken.alerts.engine import Engine, Judged
from baken.alerts.heartbeat import how_they_went
from baken.alerts.kept_rules import Books
from baken.alerts.lifecycle import name_of
from baken.alerts.rule import AREAS, SEVERITIES, Rule
from baken.alerts.rulebook import RuleBook, RuleProblems
from baken.alerts.view import HOST
from baken.api import permits, snapshots
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.registry import method
from baken.clock import from_ms, iso
from baken.history import kept, push, samples
from baken.history.series import labels_of, labels_text
from baken.history.store import Store
from baken.history.tables import alert_states, alerts, channel_states
from baken.history.tables import outbox as outbox_table
from baken.settings import Alerts

PAGE = "verenigingen.www.monitoring_dashboard"

_EARLIER = 10
_LANGUAGES = ("en", "nl")

_books: WeakKeyDictionary[Store, RuleBook] = WeakKeyDictionary()

# By store: when its version was seen, which that was, and the rules by site.
_kept: WeakKeyDictionary[Store, tuple[float, int, dict[str, Books]]] = WeakKeyDictionary()
_KEPT_SECONDS = 0.5
_guard = threading.Lock()


def filed_book(call: Call) -> RuleBook:
    """The rules of the files as this process read them when they were first asked for. Raises RuleProblems."""
    found = _books.get(call.store)
    if found is None:
        found = _books[call.store] = rulebook.load(call.settings)
    return found


def books(call: Call) -> Books:
    """The rules of the call's site, and those of all, with what was set on the page. Raises RuleProblems."""
    filed, site = filed_book(call), call.site.name if call.site else ""
    with _guard:
        at, version, known = _kept.get(call.store, (0.0, -1, {}))
    if time.monotonic() - at > _KEPT_SECONDS:
        with call.store.read() as conn:
            seen = kept.version(conn)
        known = known if seen == version else {}
        version = seen
        with _guard:
            _kept[call.store] = (time.monotonic(), version, known)
    if site not in known:
        if version == 0:
            return Books(filed)
        with call.store.read() as conn:
            # Of all sites: rules about the host may name somebody of any.
            people = kept_recipients.chosen(conn, call.settings, None).settings
            known[site] = kept_rules.books(conn, filed, people.alerts, {site})
    return known[site]


def forget_kept(store: Store) -> None:
    """Something was set on the page: it is read anew at the next call."""
    with _guard:
        _kept.pop(store, None)
    snapshots.forget(store)


def book(call: Call) -> RuleBook:
    """The rules that apply to the call's site. Raises RuleProblems."""
    return books(call).of(call.site.name if call.site else "")


def told(call: Call) -> Alerts:
    """The settings of alerts with the recipients of the page; of those without their addresses."""
    with call.store.read() as conn:
        return kept_recipients.chosen(conn, call.settings, None).settings.alerts


def anybody_told(call: Call) -> bool:
    """Whether anybody would be told of what is wrong with the call's site."""
    with call.store.read() as conn:
        if push.anybody(conn, call.site_name):
            return True
        alerts = kept_recipients.chosen(conn, call.settings, None, call.site_name).settings.alerts
    return bool(alerts.channels) and any(not each.sites or call.site_name in each.sites for each in alerts.recipients)


def of_others(call: Call) -> Callable[[str], bool]:
    """Tells by the name of a recipient whether it is one of another site's page, of whom the caller learns nothing."""
    if permits.for_all(call):
        return lambda _name: False
    sites = [site for site in call.sites if site != call.site_name]
    # Also of those who were removed: trails name them still.
    ends = tuple({kept_recipients.full_name(site, "x" * more)[more:] for site in sites for more in (0, 60)})
    with call.store.read() as conn:
        own = {browsers.name_of(each.id) for each in push.every(conn) if each.site == call.site_name}

    def other(name: str) -> bool:
        return name.endswith(ends) or (browsers.number_of(name) is not None and name not in own)

    return other


def told_of(call: Call, rule: Rule) -> list[str]:
    """Whom a rule names, as far as the caller may know."""
    other = of_others(call) if rule.tell else lambda _name: False
    return [name for name in rule.tell if not other(name)]


NUMBER = Range(1, 10**15)
"""The numbers that alerts and silences may have; larger ones do not fit into every database."""


def book_or_problems(call: Call) -> tuple[RuleBook, list[str]]:
    """The rules, or none and what is wrong with them: a mistake in a file of rules must not hide the alerts."""
    try:
        return book(call), []
    except RuleProblems as found:
        return RuleBook({}), [str(each) for each in found.problems]


def acts_on_host(call: Call) -> bool:
    """Whether the caller may change alerts of the host: where several sites share it, only operators may."""
    return permits.for_all(call)


@method(f"{PAGE}.get_active_alerts", roles=DASHBOARD_ROLES)
def get_active_alerts(call: Call) -> list[dict[str, Any]]:
    """The alerts that are Active or Acknowledged, the worst first: Baken's own, then the site's own System Alerts.

    Returns a list of number, name, alert_type, rule_name (what people call the rule, by language), severity, status,
    message (a text; messages has it by language), title, timestamp, site, labels, value, limit, unit and more, as
    `baken.get_alert` gives them. `source` is baken, or site for a row of the site's own System Alert table, which is
    only read: its number is null.
    """
    body = snapshots.of(call.store, call.site_name).once(("alerts observed",), lambda: _observed(call))
    with call.store.read() as conn:
        own = answers.open_ones(conn, call.site_name, acts_on_host=acts_on_host(call))
    language = call.settings.language
    found = named(call, own + [_of_the_site(call, row) for row in body])
    return [{**each, "messages": each["message"], "message": each["message"].get(language) or ""} for each in found]


def _observed(call: Call) -> list[dict[str, Any]]:
    with call.store.read() as conn:
        found = samples.observation(conn, call.site_name, "active_alerts")
    body = found.body if found is not None else None
    rows = body.get("alerts", []) if isinstance(body, dict) else body
    return [row for row in rows or [] if isinstance(row, dict)]


def _of_the_site(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the site's own table in the words of `answers.alert`; what it does not tell is not known."""
    text = str(row.get("message") or "")
    kind = str(row.get("alert_type") or "")
    return {
        **row,
        "number": None,
        "rule": kind,
        "site": call.site_name,
        "area": "",
        "labels": {},
        "where": "",
        "title": dict.fromkeys(_LANGUAGES, kind.replace("_", " ").capitalize()),
        "message": dict.fromkeys(_LANGUAGES, text),
        "advice": dict.fromkeys(_LANGUAGES, ""),
        "value": None,
        "limit": None,
        "unit": "",
        "began": row.get("timestamp"),
        "fired": row.get("timestamp"),
        "last_seen": row.get("timestamp"),
        "occurrences": 1,
        "step": None,
        "step_due": None,
        "suppressed": None,
        "flapping": False,
        "unknown": None,
        "assigned_to": "",
        "acknowledged_at": None,
        "acknowledged_by": "",
        "resolved_at": None,
        "resolved_by": "",
        "feedback": "",
        "source": "site",
        "may_act": False,
        "metric": None,
        "match": {},
    }


@method("baken.get_alerts", roles=DASHBOARD_ROLES)
def get_alerts(
    call: Call,
    status: Literal["open", "active", "acknowledged", "resolved", "all"] = "open",
    severity: str = "",
    area: str = "",
    rule: str = "",
    search: str = "",
    days: Annotated[int, Range(1, 3660)] = 30,
    limit: Annotated[int, Range(1, 500)] = 100,
    before: Annotated[int, Range(0, NUMBER.most)] = 0,
) -> dict[str, Any]:
    """Alerts of the site and of its host that fit, the newest first; `severity` may name several with commas between.

    `days` is how far back resolved ones are shown, `before` continues after the number of a page's last alert.

    Returns alerts, more (whether there are further ones), counts (open per severity, active, acknowledged, suppressed,
    resolved_24h), pending (what holds but not yet for long enough to fire), unknown (rules that cannot be judged, and
    why), problems (what of the rules cannot be used), evaluated_at, lag_seconds, can_notify (whether anybody would be
    told), timestamp.
    """
    severities = [word.strip().upper() for word in severity.split(",") if word.strip()]
    for word in severities:
        if word not in SEVERITIES:
            raise BadArgument(f"argument severity names {word[:40]!r}; expected some of {', '.join(SEVERITIES)}")
    if area and area not in AREAS:
        raise BadArgument(f"argument area is {area[:40]!r}; expected one of {', '.join(AREAS)}")
    rules, problems = _stands(call)
    figures = snapshots.of(call.store, call.site_name).figures
    lag = figures.one("monitor_alert_lag_seconds")
    with call.store.read() as conn:
        rows = answers.chosen(
            conn,
            call.site_name,
            status=status,
            severities=severities,
            area=area,
            rule=rule,
            search=search.strip(),
            since=call.now - timedelta(days=days),
            limit=limit,
            before=before,
        )
        found = answers.listed(conn, rows[:limit], acts_on_host=acts_on_host(call))
        counts = answers.counts(conn, call.site_name, call.now)
        waiting = conn.execute(
            select(alert_states)
            .where(alert_states.c.site.in_([call.site_name, HOST]), alert_states.c.phase == "pending")
            .order_by(alert_states.c.since)
        ).all()
    return {
        "alerts": named(call, found),
        "more": len(rows) > limit,
        "counts": counts,
        "pending": _pending(call, waiting),
        "unknown": [
            {
                "rule": each["name"],
                "rule_name": each["rule_name"],
                "title": each["title"],
                "site": instance["site"],
                "labels": instance["labels"],
                "since": instance["since"],
                "reason": instance["reason"],
            }
            for each in rules
            for instance in each["instances"]
            if instance["state"] == "unknown"
        ],
        "problems": problems,
        "evaluated_at": iso(lag.at),
        "lag_seconds": lag.value,
        "can_notify": anybody_told(call),
        "timestamp": iso(call.now),
    }


def _pending(call: Call, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    rules = book_or_problems(call)[0].rules
    return [
        {
            "rule": row.rule,
            "rule_name": rule_name(rules[row.rule], row.rule),
            "title": title(rules[row.rule], row.site or call.site_name),
            "site": row.site,
            "labels": labels_of(row.labels),
            "since": iso(from_ms(row.since)),
            "fires_at": iso(from_ms(row.since) + rules[row.rule].hold),
            "value": row.value,
            "unit": str(rules[row.rule].extra.get("unit") or ""),
            "limit": None,
        }
        for row in rows
        if row.rule in rules
    ]


def named(call: Call, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """These alerts, each with what people call its rule as `rule_name`. It may read the store: hold no connection."""
    rules = book_or_problems(call)[0].rules
    return [{**each, "rule_name": rule_name(rules.get(each["rule"]), each["rule"])} for each in found]


def rule_name(rule: Rule | None, name: str) -> dict[str, str]:
    """What people call a rule, by language; the words of its name where there is no such rule."""
    rule = rule or external.of_name(name)
    return dict(rule.called if rule is not None else {}) or dict.fromkeys(_LANGUAGES, texts.in_words(name))


def title(rule: Rule, site: str) -> dict[str, str]:
    """A rule's title where no figure is at hand: its fields as dots."""
    return {language: _bare(text.replace("{site}", site)) for language, text in rule.title.items()}


def _bare(text: str) -> str:
    while "{" in text and "}" in text[text.index("{") :]:
        start = text.index("{")
        text = text[:start] + "…" + text[text.index("}", start) + 1 :]
    return text


@method("baken.get_alert", roles=DASHBOARD_ROLES)
def get_alert(call: Call, number: Annotated[int, NUMBER]) -> dict[str, Any]:
    """One alert with its whole trail.

    Returns alert, trail (what happened, by whom, the oldest first), notifications (to whom, over which channel, how it
    went), chart (the course of its figure around it with the limit, or null), rule (how it is judged, or null when it
    is gone), link (where another system shows what it reported; empty for Baken's own), earlier (the last alerts of the
    same rule and labels), timestamp.
    """
    other = of_others(call)
    with call.store.read() as conn:
        row = conn.execute(
            select(alerts).where(answers.of_site(call.site_name), alerts.c.number == number)
        ).one_or_none()
        if row is None:
            raise BadArgument(f"there is no alert {name_of(number)} of this site")
        before = conn.execute(
            select(alerts)
            .where(answers.of_site(call.site_name), alerts.c.key == row.key, alerts.c.number < number)
            .order_by(alerts.c.number.desc())
            .limit(_EARLIER)
        ).all()
        found = answers.listed(conn, [row, *before], acts_on_host=acts_on_host(call))
        answer = {
            "trail": [
                each for each in answers.trail(conn, number) if not other(str(each["detail"].get("recipient", "")))
            ],
            "notifications": [each for each in answers.notifications(conn, number) if not other(each["recipient"])],
            "chart": answers.chart(conn, row, call.now),
            "link": str(json.loads(row.details).get("link") or ""),
        }
    shown = named(call, found)
    answer |= {"alert": shown[0], "earlier": shown[1:]}
    rule = book_or_problems(call)[0].rules.get(row.rule) or external.of_name(row.rule)
    return {**answer, "rule": _described(call, rule) if rule is not None else None, "timestamp": iso(call.now)}


def _described(call: Call, rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "rule_name": rule_name(rule, rule.name),
        "kind": rule.kind,
        "words": rule.condition.words,
        "severity": rule.severity,
        "area": rule.area,
        "for": spans.short(rule.hold),
        "keep": spans.short(rule.keep),
        "reason": dict(rule.reason),
        "runbook": rule.runbook,
        "enabled": rule.enabled,
        "source": rule.source,
        "quorum": None if rule.quorum is None else {"least": rule.quorum.least, "share": rule.quorum.share},
        "inhibits": list(rule.inhibits),
        "tell": told_of(call, rule),
    }


@method("baken.get_alert_rules", roles=DASHBOARD_ROLES)
def get_alert_rules(call: Call) -> dict[str, Any]:
    """All alert rules with how each stands on this site at this moment, and why.

    Returns rules (name, rule_name: what people call it, by language, title, kind, words, severity, area, for, keep,
    reason, runbook, enabled, source, quorum, inhibits, tell, state, why, instances: each label set with its state,
    value, limit, reason and alert), problems (what of the rules cannot be used), timestamp. `state` is ok, pending,
    firing, recovering, closed (resolved by hand while it still holds), unknown (no data), off, or not applicable.
    """
    rules, problems = _stands(call)
    return {"rules": rules, "problems": problems, "timestamp": iso(call.now)}


def _stands(call: Call) -> tuple[list[dict[str, Any]], list[str]]:
    rules, problems = book_or_problems(call)
    if problems:
        return [], problems
    shot = snapshots.of(call.store, call.site_name)
    key = ("alert rules", call.now.replace(second=call.now.second // 10 * 10, microsecond=0))
    return shot.once(key, lambda: stands(call, rules)), []


def stands(call: Call, rules: RuleBook) -> list[dict[str, Any]]:
    """How every rule stands on the call's site and its host."""
    engine = Engine(call.settings.alerts, call.store, rules, lambda: call.now)
    found = []
    with call.store.read() as conn:
        judged: dict[str, tuple[str, Judged]] = {}
        for site in (call.site_name, HOST):
            for each in engine.explain(conn, site, engine.rules_about(site), call.now):
                judged[each.rule.name] = (site, each)
        states = {
            (row.site, row.rule, row.labels): row
            for row in conn.execute(select(alert_states).where(alert_states.c.site.in_([call.site_name, HOST])))
        }
    for rule in rules.rules.values():
        site, one = judged.get(rule.name, (call.site_name, None))
        if rule.quorum is not None:
            instances = _across(rule, states)
        else:
            instances = [] if one is None else [_instance(rule, site, verdict, states) for verdict in one.verdicts]
        state = _worst(rule, instances)
        found.append(
            {
                **_described(call, rule),
                "title": title(rule, call.site_name),
                "state": state,
                "instances": instances,
                "why": {language: _why(rule, state, instances, language) for language in _LANGUAGES},
            }
        )
    return found


_ORDER = ("firing", "recovering", "pending", "closed", "unknown", "ok")


def _worst(rule: Rule, instances: list[dict[str, Any]]) -> str:
    if not rule.enabled:
        return "off"
    present = {instance["state"] for instance in instances}
    return next((state for state in _ORDER if state in present), "not applicable" if _needs_rows(rule) else "ok")


def _needs_rows(rule: Rule) -> bool:
    """Whether a rule without a verdict is about something that this site does not have."""
    return bool(rule.condition.metrics) and rule.quorum is None


def _across(rule: Rule, states: Mapping[tuple[str, str, str], Any]) -> list[dict[str, Any]]:
    """A rule over all sites as it was last judged; its figure is a number of sites."""
    known = states.get((HOST, rule.name, labels_text(())))
    if known is None:
        return []
    return [
        {
            "site": HOST,
            "labels": {},
            "where": "",
            "state": known.phase,
            "since": iso(from_ms(known.since)),
            "value": known.value,
            "limit": None,
            "unit": "",
            "reason": None,
            "alert": known.alert if known.phase in ("firing", "recovering", "closed") else None,
        }
    ]


def _instance(rule: Rule, site: str, verdict: Any, states: Mapping[tuple[str, str, str], Any]) -> dict[str, Any]:
    labels = dict(verdict.labels)
    known = states.get((site, rule.name, labels_text(tuple(sorted(labels.items())))))
    state = known.phase if known is not None else "ok"
    if verdict.breach is None and state in ("ok", "pending"):
        state = "unknown"
    elif state == "ok" and verdict.breach and rule.quorum is None:
        # It holds since the last look of the process that evaluates.
        state = "pending"
    return {
        "site": site,
        "labels": labels,
        "where": words.where(labels, "en"),
        "state": state,
        "since": None if known is None else iso(from_ms(known.since)),
        "value": verdict.value,
        "limit": verdict.limit,
        "unit": str(rule.extra.get("unit") or ""),
        "reason": verdict.reason,
        "alert": known.alert if known is not None and state in ("firing", "recovering", "closed") else None,
    }


_WHY: Mapping[str, Mapping[str, str]] = {
    "en": {
        "off": "Switched off in the rules.",
        "not applicable": "This site has nothing that it is about, or it was never measured here.",
        "unknown": "Cannot be judged: {reason}",
        "none": "Nothing of the kind is there.",
        "ok": "Does not hold: {figures}.",
        "pending": "Holds, but not yet for {hold}: {figures}.",
        "firing": "Holds: {figures}.",
        "recovering": "Is over, but not yet for {keep}: {figures}.",
        "closed": "Holds still, but was resolved by hand: {figures}.",
        "figure": "{where}{value} (limit {limit})",
        "plain": "{where}{value}",
        "more": "and {n} more",
    },
    "nl": {
        "off": "Uitgeschakeld in de regels.",
        "not applicable": "Deze site heeft niets waar dit over gaat, of het is hier nooit gemeten.",
        "unknown": "Kan niet worden beoordeeld: {reason}",
        "none": "Er is niets van dien aard.",
        "ok": "Geldt niet: {figures}.",
        "pending": "Geldt, maar nog geen {hold}: {figures}.",
        "firing": "Geldt: {figures}.",
        "recovering": "Is voorbij, maar nog geen {keep}: {figures}.",
        "closed": "Geldt nog, maar is met de hand opgelost: {figures}.",
        "figure": "{where}{value} (grens {limit})",
        "plain": "{where}{value}",
        "more": "en nog {n}",
    },
}
_SHOWN = 4


def _why(rule: Rule, state: str, instances: list[dict[str, Any]], language: str) -> str:
    texts = _WHY[language]
    if state in ("off", "not applicable"):
        return texts[state]
    own = [instance for instance in instances if instance["state"] == state]
    if state == "unknown":
        return texts["unknown"].format(reason=own[0]["reason"] or "")
    if not own:
        return texts["none"]
    figures = [_figure(instance, language) for instance in own[:_SHOWN]]
    if len(own) > _SHOWN:
        figures.append(texts["more"].format(n=len(own) - _SHOWN))
    if state == "pending" and not rule.hold:
        # It will fire when the process that evaluates looks again.
        state = "firing"
    return texts[state].format(
        figures="; ".join(figures), hold=words.span(rule.hold, language), keep=words.span(rule.keep, language)
    )


def _figure(instance: Mapping[str, Any], language: str) -> str:
    where = words.where(instance["labels"], language)
    unit = instance["unit"]
    value = words.figure(instance["value"], unit, language) if instance["value"] is not None else "–"
    limit = words.figure(instance["limit"], unit, language) if instance["limit"] is not None else ""
    key = "figure" if limit else "plain"
    return _WHY[language][key].format(where=f"{where}: " if where else "", value=value, limit=limit)


@method("baken.get_silences", roles=DASHBOARD_ROLES)
def get_silences(call: Call, ended: bool = False) -> dict[str, Any]:
    """Silences and maintenance windows of the site, those that are over only with `ended`.

    Returns silences (id, kind, site, matchers, starts, ends, recurrence, comment, created_by, created_at, ended_at,
    ended_by, state, next, affects: open alerts that it holds back), timestamp.
    """
    with call.store.read() as conn:
        return {
            "silences": silences.listed(conn, call.site_name, call.now, ended=ended),
            "timestamp": iso(call.now),
        }


@method("baken.get_channels", roles=DASHBOARD_ROLES)
def get_channels(call: Call) -> dict[str, Any]:
    """How the channels of notification work, who is told over them, and which monitors watch over Baken.

    Returns channels (name, kind, state: ok, failing, disabled or unused, since, problem, sent, last_sent, waiting,
    held), recipients (without addresses), heartbeats (host, every, fail, said, at, last_ok, problem), timestamp.
    """
    settings, other = told(call), of_others(call)
    with call.store.read() as conn:
        settings = browsers.joined(conn, settings)
        beats = how_they_went(conn, call.settings.alerts)
        states = [row for row in conn.execute(select(channel_states)).all() if not other(row.recipient)]
        waiting = {
            (channel, bool(held)): int(count)
            for channel, held, count in conn.execute(
                select(outbox_table.c.channel, outbox_table.c.held != "", func.count())
                .where(outbox_table.c.state == "waiting", outbox_table.c.site.in_([call.site_name, HOST]))
                .group_by(outbox_table.c.channel, outbox_table.c.held != "")
            )
        }
    used = any(each.channel == browsers.BUILT_IN for each in settings.recipients) or any(
        row.channel == browsers.BUILT_IN for row in states
    )
    named = []
    for channel in [*settings.channels, *([browsers.channel(call.settings)] if used else [])]:
        own = [row for row in states if row.channel == channel.name]
        whole = next((row for row in own if row.recipient == ""), None)
        stopped = next((row for row in own if row.disabled_at is not None), None)
        failing = stopped or next((row for row in own if row.failing_since is not None), None)
        named.append(
            {
                "name": channel.name,
                "kind": channel.kind,
                "state": "disabled" if stopped else "failing" if failing else "ok" if whole else "unused",
                "recipient": failing.recipient if failing else "",
                "since": iso(from_ms(failing.failing_since)) if failing and failing.failing_since else None,
                "problem": failing.problem if failing else "",
                "sent": whole.sent if whole else 0,
                "last_sent": iso(from_ms(whole.last_sent)) if whole and whole.last_sent else None,
                "waiting": waiting.get((channel.name, False), 0),
                "held": waiting.get((channel.name, True), 0),
            }
        )
    return {
        "channels": named,
        "recipients": [
            {
                "name": each.name,
                "channel": each.channel,
                "at_least": each.at_least,
                "areas": each.areas,
                "rules": each.rules,
                "step": each.step,
                "hours": each.hours,
                "reports": list(each.reports),
                "language": each.language or call.settings.language,
            }
            for each in settings.recipients
            if not each.sites or call.site_name in each.sites
        ],
        "heartbeats": beats,
        "timestamp": iso(call.now),
    }

"""Rules of alerts as people set them on the page: beside what the files say, for one site, and with a way back."""

import json
import math
from collections.abc import Mapping
from typing import Any

from baken.alerts import kept_recipients, kept_rules, rulebook, spans
from baken.alerts.kept_rules import Books
from baken.alerts.rule import AREAS, SEVERITIES, Rule
from baken.alerts.rulebook import PAGE, RuleBook, RuleProblems
from baken.api import permits, snapshots
from baken.api.alerts import books, filed_book, forget_kept, rule_name, stands, told_of
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.registry import method
from baken.clock import iso
from baken.history import kept
from baken.history.kept import EVERYWHERE, Kept

_LARGEST = 1e15
_LONGEST = {"title": 200, "name": 60, "message": 1000, "advice": 1000, "reason": 1000}


@method("baken.get_rule_settings", roles=DASHBOARD_ROLES)
def get_rule_settings(call: Call) -> dict[str, Any]:
    """All rules as they apply to this site, with what was changed on the page, what the files say, and how each stands.

    Returns rules (name, title, words, kind, unit, severity, area, for, keep, enabled, tell, limit: {how, figure, night}
    or null, reason, runbook, source, from: baken, file or page, scope: site or installation, editable, may_change,
    why_not, shipped: what the files say of the keys, or null for an own rule, changed: {keys, at, by} or null, problem,
    state, why, metric, match, texts: of an own rule), recipients (name and label of those that `tell` may name),
    severities, areas, most (rules of one's own), problems (what of the files cannot be used), timestamp.
    """
    with call.store.read() as conn:
        version = kept.version(conn)
    moment = call.now.replace(second=call.now.second // 10 * 10, microsecond=0)
    key = ("rule settings", version, permits.for_all(call), moment)
    return snapshots.of(call.store, call.site_name).once(key, lambda: _settings(call))


def _settings(call: Call) -> dict[str, Any]:
    people = _recipients(call)
    base = {
        "recipients": [{"name": name, "label": label} for name, label in people.items()],
        "severities": list(SEVERITIES),
        "areas": list(AREAS),
        "most": kept_rules.MOST,
        "timestamp": iso(call.now),
    }
    try:
        found = books(call)
    except RuleProblems as problem:
        return {**base, "rules": [], "problems": [str(each) for each in problem.problems]}
    return {**base, "rules": _listed(call, found), "problems": []}


@method("baken.save_rule", roles=DASHBOARD_ROLES, writes=True)
def save_rule(call: Call, values: str, rule: str = "", check: bool = False) -> dict[str, Any]:
    """Change keys of a rule for this site, or make a rule of one's own (`rule` left out).

    `values` is a JSON object in the shape of a table of rules.toml: {"above": 20, "night": {"above": 40}, "for": "5m",
    "severity": "HIGH", "enabled": true, "tell": ["name"]}; an own rule also has metric, match, area, title, message. It
    takes the place of what was changed before; what is the same as in the files is not kept. `check`: keep nothing.

    Returns saved, problems ({field, text}), rule (as `baken.get_rule_settings` gives it, or null).
    """
    given, found = _values(values), _books(call)
    filed = filed_book(call)
    name = rule.strip()
    own = not name or (name not in filed.rules and name.startswith(kept_rules.PREFIX))
    if name and not own and name not in filed.rules:
        raise BadArgument(f"there is no rule {name[:60]!r}")
    with call.store.read() as conn:
        rows = kept.load(conn, "rule")
    site = _place(call, filed.rules.get(name), given)
    mine = [row for row in rows if row.site == site]
    if own and name and not any(row.name == name for row in mine):
        raise BadArgument(f"there is no rule {name[:60]!r} of this site's own")
    problems = _misfits(given, own=own)
    if own and not name:
        if sum(row.name.startswith(kept_rules.PREFIX) for row in mine) >= kept_rules.MOST:
            raise BadArgument(f"a site may have {kept_rules.MOST} rules of its own; delete one first")
        # One of the installation must not be taken for one of a site; of other sites' rules nobody learns.
        taken = {row.name for row in rows if EVERYWHERE in (site, row.site) or row.site == site}
        name = kept_rules.own_name(_said(given.get("title")), taken | filed.rules.keys())
    base = filed if site == EVERYWHERE else found.everywhere
    if not own:
        given = _differing(base, name, given)
    people = kept_rules.names(_people(call), site)
    if not problems:
        problems = kept_rules.check(_without(base, name) if own else base, name, given, people, own=own)[1]
    if problems or check:
        told = [{"field": field, "text": text} for field, text in problems]
        return {"saved": False, "problems": told, "rule": None}
    with call.store.write() as conn:
        kept.hold(conn)
        if [row for row in kept.load(conn, "rule", site) if row.name == name] != [
            row for row in mine if row.name == name
        ]:
            raise BadArgument("somebody else changed this rule at this moment; look at it and save again")
        if given:
            who, acting = permits.by(call), call.site_name
            kept.put(conn, "rule", site, name, {"values": given}, by=who, now=call.now, acting_on=acting)
        else:
            _drop(call, conn, site, name)
    forget_kept(call.store)
    shown = next((each for each in _listed(call, _books(call)) if each["name"] == name), None)
    return {"saved": True, "problems": [], "rule": shown}


@method("baken.put_back_rule", roles=DASHBOARD_ROLES, writes=True)
def put_back_rule(call: Call, rule: str) -> dict[str, Any]:
    """Let a rule be again as the files have it; a rule of one's own is deleted, and its open alerts end.

    Returns changed (whether it was set on the page), rule (as `baken.get_rule_settings` gives it, or null).
    """
    name = rule.strip()
    filed = filed_book(call).rules.get(name)
    with call.store.read() as conn:
        known = [row.site for row in kept.load(conn, "rule") if row.name == name]
    site = EVERYWHERE if filed is not None and kept_rules.for_all(filed) else call.site_name
    if filed is None and site not in known and EVERYWHERE in known:
        site = EVERYWHERE
    if site == EVERYWHERE:
        permits.require_for_all(call)
    with call.store.write() as conn:
        changed = _drop(call, conn, site, name)
    forget_kept(call.store)
    shown = next((each for each in _listed(call, _books(call)) if each["name"] == name), None)
    return {"changed": changed, "rule": shown}


def _drop(call: Call, conn: Any, site: str, name: str) -> bool:
    return kept.drop(conn, "rule", site, name, by=permits.by(call), now=call.now, acting_on=call.site_name)


def _books(call: Call) -> Books:
    try:
        return books(call)
    except RuleProblems as problem:
        raise BadArgument(f"the files of rules cannot be used; mend them first: {problem.problems[0]}") from None


def _people(call: Call) -> Any:
    with call.store.read() as conn:
        return kept_recipients.chosen(conn, call.settings, None).settings.alerts


def _recipients(call: Call) -> dict[str, str]:
    """Names that `tell` may give, with what people call them."""
    names = kept_rules.names(_people(call), call.site_name)
    with call.store.read() as conn:
        own = kept.load(conn, "recipient", call.site_name)
    labels = {kept_recipients.full_name(row.site, row.name): row.name for row in own}
    return {name: labels.get(name, name) for name in names}


def _place(call: Call, rule: Rule | None, given: Mapping[str, Any]) -> str:
    """Under whose name a change is kept. Raises NotPermitted for what is not the caller's to change."""
    metric = given.get("metric")
    everywhere = kept_rules.for_all(rule) if rule is not None else kept_rules.metric_of_host(str(metric or ""))
    if everywhere:
        permits.require_for_all(call)
    return EVERYWHERE if everywhere else call.site_name


def _without(book: RuleBook, name: str) -> RuleBook:
    """A book without a rule of one's own: it is read as a whole, not changed by keys."""
    return RuleBook(
        {each: rule for each, rule in book.rules.items() if each != name},
        {each: table for each, table in book.tables.items() if each != name},
    )


def _values(text: str) -> dict[str, Any]:
    def no_number(word: str) -> Any:
        raise ValueError(word)

    try:
        found = json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or len(found) > len(kept_rules.OWN):
        raise BadArgument('argument values is no JSON object such as {"above": 20, "severity": "HIGH"}')
    if not _bounded(found):
        raise BadArgument(f"argument values holds a number beyond {_LARGEST:g}, or a text that cannot be stored")
    return found


def _bounded(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict):
        return depth < 3 and len(value) <= 20 and all(_bounded(each, depth + 1) for each in (*value, *value.values()))
    if isinstance(value, list):
        return depth < 3 and len(value) <= 100 and all(_bounded(each, depth + 1) for each in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return -_LARGEST <= value <= _LARGEST and math.isfinite(value)
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    return value is None or isinstance(value, bool)


def _misfits(given: Mapping[str, Any], *, own: bool) -> list[tuple[str, str]]:
    """What is wrong with texts before the rule is read."""
    if not own:
        return []
    wrong = []
    if not _said(given.get("title")).strip():
        wrong.append(("title", "give it a title: it is what people are told"))
    for key, longest in _LONGEST.items():
        texts = given.get(key)
        for said in texts.values() if isinstance(texts, dict) else [texts]:
            if isinstance(said, str) and len(said) > longest:
                wrong.append((key, f"at most {longest} characters"))
    return wrong


def _said(text: Any) -> str:
    return str(text.get("en") or "") if isinstance(text, dict) else str(text or "")


def _differing(book: RuleBook, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say something else than the rule does already."""
    rule, table = book.rules[name], book.tables[name].values
    same: dict[str, Any] = {"severity": rule.severity, "enabled": rule.enabled, "tell": list(rule.tell)}
    found = {key: value for key, value in given.items() if key not in same or value != same[key]}
    hold = found.get("for")
    if isinstance(hold, str):
        try:
            if spans.parse(hold) == rule.hold:
                del found["for"]
        except ValueError:
            # Told with its field when the rule is read.
            return found
    for key in ("above", "at_least", "below", "at_most", "night"):
        if key in found and found[key] == table.get(key):
            del found[key]
    return found


def _listed(call: Call, found: Books) -> list[dict[str, Any]]:
    """Every rule of the call's site as the page shows it."""
    own, filed = found.of(call.site_name), filed_book(call)
    with call.store.read() as conn:
        rows = {row.name: row for row in kept.load(conn, "rule") if row.site in (EVERYWHERE, call.site_name)}
    wrong: dict[str, str] = {}
    for site in (EVERYWHERE, call.site_name):
        for each in found.problems.get(site, ()):
            wrong[each.rule] = "; ".join(filter(None, (wrong.get(each.rule), each.text)))
    how = {each["name"]: each for each in stands(call, own)}
    listed = [
        _shown(call, rule, own, filed, rows.get(name), wrong.get(name, ""), how[name])
        for name, rule in own.rules.items()
    ]
    # What was made on the page and cannot be used has to be seen to be mended.
    lost = [_unusable(row, wrong.get(name, "")) for name, row in rows.items() if name not in own.rules]
    return [*(each for each in listed if each["from"] == "page"), *lost,
            *(each for each in listed if each["from"] != "page")]  # fmt: skip


def _shown(
    call: Call, rule: Rule, own: RuleBook, filed: RuleBook, row: Kept | None, problem: str, how: Mapping[str, Any]
) -> dict[str, Any]:
    base = filed.rules.get(rule.name)
    everywhere = kept_rules.for_all(rule)
    may = not everywhere or permits.for_all(call)
    values = own.tables[rule.name].values
    return {
        **_keys(rule, values),
        "tell": told_of(call, rule),
        "name": rule.name,
        "title": rule_name(rule, rule.name),
        "kind": rule.kind,
        "unit": str(rule.extra.get("unit") or ""),
        "metric": rule.extra.get("metric"),
        "match": dict(rule.extra.get("match") or {}),
        "area": rule.area,
        "keep": spans.short(rule.keep),
        "reason": dict(rule.reason),
        "runbook": rule.runbook,
        "source": rule.source,
        "from": "page" if base is None else "baken" if rule.source.startswith(f"{rulebook.DEFAULTS.name}:") else "file",
        "scope": "installation" if everywhere else "site",
        "editable": kept_rules.editable(rule),
        "may_change": may,
        "why_not": "" if may else permits.WHY_NOT,
        "shipped": None if base is None else _keys(base, filed.tables[rule.name].values),
        "changed": _changed(row, who=may),
        "problem": problem,
        "state": how["state"],
        "why": how["why"],
        "texts": {key: dict(getattr(rule, key)) for key in ("title", "message")} if base is None else None,
    }


def _keys(rule: Rule, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "words": rule.condition.words,
        "severity": rule.severity,
        "for": spans.short(rule.hold),
        "enabled": rule.enabled,
        "tell": list(rule.tell),
        "limit": kept_rules.limit_of(values),
    }


def _changed(row: Kept | None, *, who: bool = True) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"keys": sorted(row.body["values"]), "at": iso(row.at), "by": row.by if who else ""}


def _unusable(row: Kept, problem: str) -> dict[str, Any]:
    title = row.body["values"].get("title")
    said = _said(title) or row.name
    return {
        "name": row.name, "title": {"en": said, "nl": said}, "words": "", "severity": "LOW", "for": "0s", "keep": "0s",
        "enabled": False, "tell": [], "limit": None, "kind": "threshold", "unit": "", "metric": None, "match": {},
        "area": "", "reason": {"en": "", "nl": ""}, "runbook": "", "source": PAGE, "from": "page", "scope": "site",
        "editable": [], "may_change": True, "why_not": "", "shipped": None, "changed": _changed(row),
        "problem": problem, "state": "off", "why": {"en": problem, "nl": problem}, "texts": None,
    }  # fmt: skip

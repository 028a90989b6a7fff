"""The texts of rules as annotations of Prometheus' alerts: figures and labels are put in by its templates.

A template says what it says at the moment at which the alert is judged: a value in Prometheus' own notation, and for
how long it has been going on as the least that it takes to fire.
"""

import re
from collections.abc import Callable, Mapping

from baken.alerts import texts, words
from baken.alerts.kinds.absence import Gone
from baken.alerts.kinds.budget import Budget
from baken.alerts.kinds.change import Change
from baken.alerts.kinds.ratio import Ratio
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.rule import Rule, Text
from baken.exporters import promql
from baken.exporters.names import PREFIX, SITE_LABEL, exported_label
from baken.metrics import catalogue

_VALUES: Mapping[str, str] = {
    "ratio": "{{ $value | humanizePercentage }}",
    "seconds": "{{ $value | humanizeDuration }}",
    "bytes": "{{ $value | humanize1024 }}B",
    "EUR": '€{{ printf "%.2f" $value }}',
    "percent": '{{ printf "%.1f" $value }}',
}
_PLAIN = '{{ printf "%.7g" $value }}'
_IS_ONE = '{{ if eq (printf "%.7g" $value) "1" }}'

_HELD_BACK: Text = {
    "en": "{value|alert of this rule is|alerts of this rule are} open in Baken on {site}. Baken says which.",
    "nl": "{value|melding van deze regel staat|meldingen van deze regel staan} open op {site}. Baken zegt welke.",
}
_WHY: Text = {"en": "Baken says why", "nl": "Baken zegt waarom"}
_MOMENT: Text = {"en": "a moment", "nl": "een moment"}


def annotations(rule: Rule, language: str, public_url: str, *, by_alerts: bool, site: str = "") -> dict[str, str]:
    """Annotations of a rule's alert.

    Args:
        rule: the rule.
        language: "en" or "nl".
        public_url: Baken's address as people reach it; empty: no links.
        by_alerts: the alert says only that Baken's own has fired, and has none of its figures.
        site: the one site that it is about; empty: the alert's label tells.
    """
    put = _alerts_field(rule, language) if by_alerts else _field(rule, language)
    found: dict[str, str] = {}
    if by_alerts:
        name = rule.called.get(language) or texts.in_words(rule.name)
        found["summary"] = name
        found["description"] = _fill(_HELD_BACK[language], put)
    else:
        found["summary"] = _fill(rule.title[language], put)
        found["description"] = _fill(rule.message[language], put)
    advice = rule.advice.get(language, "")
    # Advice that names what this alert does not know is left to Baken, which knows it.
    if advice and not (by_alerts and texts.mistakes(advice, ("site", "value"))):
        found["advice"] = _fill(advice, put)
    if rule.runbook:
        linked = rule.runbook.startswith(("https://", "http://"))
        found["runbook_url" if linked else "runbook"] = rule.runbook
    base = public_url.rstrip("/")
    if base:
        where = site or (f"{{{{ $labels.{SITE_LABEL} }}}}" if _about_site(rule) else "")
        found["link"] = f"{base}/monitoring_dashboard/alerts" + (f"?site={where}" if where else "")
    return found


Put = Callable[[str], str]
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([^{}|]+)\|([^{}|]+))?\}")


def _fill(text: str, put: Put) -> str:
    def one(match: re.Match[str]) -> str:
        said = put(match[1])
        if match[2] is None:
            return said
        return f"{said} {_IS_ONE}{match[2]}{{{{ else }}}}{match[3]}{{{{ end }}}}"

    return _FIELD.sub(one, text)


def _alerts_field(rule: Rule, language: str) -> Put:
    def put(name: str) -> str:
        return _PLAIN if name == "value" else _where(rule, language)

    return put


def _field(rule: Rule, language: str) -> Put:
    condition = rule.condition
    unit = str(rule.extra.get("unit") or "")

    def put(name: str) -> str:
        if name == "value":
            return _value(unit, language)
        if name == "limit":
            limit = _limit(rule)
            return words.figure(limit, unit, language) if limit is not None else "?"
        if name == "site":
            return _where(rule, language)
        if name == "since":
            return words.span(rule.hold, language) if rule.hold else _MOMENT[language]
        if name == "why":
            return _WHY[language]
        if name == "over" and isinstance(condition, Change):
            return words.span(condition.over, language)
        if name == "objective" and isinstance(condition, Budget):
            return f"{words.number(condition.objective * 100, language, 4)} %"
        if name in ("part", "whole") and isinstance(condition, Ratio):
            return _asked(_summed(condition, name))
        if rule.quorum is not None:
            return _together(rule, name)
        if name == "where":
            return _labels(rule, language)
        return _label(rule, name)

    return put


def _value(unit: str, language: str) -> str:
    if unit == "bool":
        no, yes = words.word("no", language), words.word("yes", language)
        return f"{{{{ if eq $value 0.0 }}}}{no}{{{{ else }}}}{yes}{{{{ end }}}}"
    if unit == "days":
        one, many = words.NOUNS["days"][language]
        return f"{_PLAIN} {_IS_ONE}{one}{{{{ else }}}}{many}{{{{ end }}}}"
    return _VALUES.get(unit, _PLAIN)


def _limit(rule: Rule) -> float | None:
    condition = rule.condition
    if isinstance(condition, Threshold | Ratio | Change):
        return condition.limits.day.figure
    if isinstance(condition, Gone):
        return condition.older_than.total_seconds()
    return condition.windows[0].factor if isinstance(condition, Budget) else None


def _about_site(rule: Rule) -> bool:
    scopes = {entry.scope for name in rule.condition.metrics if (entry := catalogue.get(name)) is not None}
    return rule.quorum is None and not scopes & {"host", "monitor"}


def _where(rule: Rule, language: str) -> str:
    """The site; of the host and of Baken itself which one, as Prometheus knows it."""
    if _about_site(rule):
        return f"{{{{ $labels.{SITE_LABEL} }}}}"
    return texts.place(rule)[language] if rule.quorum is not None else "{{ $labels.instance }}"


def _label(rule: Rule, name: str) -> str:
    exact = rule.condition.match.get(name, "!") if isinstance(rule.condition, Ratio) else "!"
    said = f"$labels.{exported_label(name)}" if exact[:1] in ("!", "~") else promql.quoted(exact)
    return f"{{{{ {said} }}}}"


def _labels(rule: Rule, language: str) -> str:
    source = getattr(rule.condition, "source", None)
    said = []
    for name in source.labels if source is not None else ():
        told = words.WORDS[language].get(f"label.{name}", name.replace("_", " "))
        value = _label(rule, name)
        said.append(told.replace("{value}", value) if "{value}" in told else f"{told} {value}")
    return ", ".join(said)


def _summed(condition: Ratio, name: str) -> str:
    source = condition.part if name == "part" else condition.whole
    series = promql.selector(source, promql.ALL)
    own = [exported_label(label) for label in condition.part.labels]
    own = ["job", "instance", SITE_LABEL, *own]
    chosen = [f"{label}=%q" for label in own]
    inner = series.partition("{")
    query = f"sum({inner[0]}{{{', '.join([*chosen, *([inner[2].rstrip('}')] if inner[2] else [])])}}})"
    query = query.replace("%", "%%").replace("%%q", "%q")
    given = " ".join(f"$labels.{label}" for label in own)
    return f"printf {promql.quoted(query)} {given} | query"


def _asked(query: str) -> str:
    """The answer to a query within a text; a question mark where there is none."""
    return f'{{{{ with {query} }}}}{{{{ . | first | value | printf "%.7g" }}}}{{{{ else }}}}?{{{{ end }}}}'


def _together(rule: Rule, name: str) -> str:
    if name == "count":
        return _PLAIN
    if name == "total":
        return _asked(f"query {promql.quoted(f'sum({PREFIX}sites)')}")
    condition = promql.of_condition(rule.condition, rule.name, promql.ALL)
    query = promql.quoted(f"topk(10, count by ({SITE_LABEL}) ({condition.holds}))")
    comma = "{{ if $place }}, {{ end }}"
    return f"{{{{ range $place, $each := query {query} }}}}{comma}{{{{ $each.Labels.{SITE_LABEL} }}}}{{{{ end }}}}"

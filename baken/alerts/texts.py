"""The texts of rules, with figures, labels and times put in.

A field is a bare name in braces, `{value}`. Nothing else is understood, so a text can reach nothing but what it is
given: no attributes, no items, no formats. Words that go with a number may stand behind it in two forms, for one and
for more: `{value|e-mail is stuck|e-mails are stuck}`. A length of time, a number, and what has a text of its own per
language are written in the language of the text that they are put into.
"""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from baken.alerts import words
from baken.alerts.rule import Field, Rule, Text, Verdict
from baken.metrics import catalogue

COMMON = ("site", "where", "since")
"""Fields of every text: the site's name, the labels in words, and how long it has been going on."""

TOGETHER = ("count", "total", "sites")
"""Fields of a rule over many sites: on how many it holds, of how many, and their names."""

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([^{}|]+)\|([^{}|]+))?\}")
_SHORT = re.compile(r"\b(?:api|cpu|db|iban|sepa|sql|xml)\b")
_UNKNOWN = "?"
_PLACES: Mapping[str, Text] = {
    "host": {"en": "this server", "nl": "deze server"},
    "monitor": {"en": "Baken", "nl": "Baken"},
    "site": {"en": "several sites", "nl": "meerdere sites"},
}


def in_words(name: str) -> str:
    """A rule's name in words, where nobody gave it another: MAILS_WAITING is "Mails waiting"."""
    said = name.replace("_", " ").lower()
    said = _SHORT.sub(lambda found: found[0].upper(), said)
    return said[:1].upper() + said[1:]


def mistakes(text: str, known: Collection[str]) -> list[str]:
    """What is wrong with a text whose fields may be `known`: unknown fields by name, "{" for a brace of no field."""
    found = [match[1] for match in _FIELD.finditer(text) if match[1] not in known]
    bare = _FIELD.sub("", text)
    return found + ["{" for _ in range(1) if "{" in bare or "}" in bare]


def fill(text: Text, verdict: Verdict, rule: Rule, language: str, *, site: str, since: timedelta) -> str:
    """A text of `rule` in one language.

    Args:
        text: the rule's title, message or advice.
        verdict: what the condition said.
        rule: the rule.
        language: "en" or "nl".
        site: the site's name; empty for the host, for Baken itself and for many sites together.
        since: for how long the condition has held.

    Returns the text; a field of which nothing is known is a question mark.
    """
    unit = str(rule.extra.get("unit") or "")
    known: dict[str, Field] = {**verdict.labels, **verdict.fields}
    if verdict.value is not None:
        known["value"] = words.figure(verdict.value, unit, language)
    if verdict.limit is not None:
        known["limit"] = words.figure(verdict.limit, unit, language)
    known |= {
        "site": site or place(rule)[language],
        "where": words.where(verdict.labels, language),
        "since": words.span(since, language),
    }

    def put(match: re.Match[str]) -> str:
        said = _said(known.get(match[1], _UNKNOWN), language)
        # As it is written: what is rounded to 1 is spoken of as one.
        return said if match[2] is None else f"{said} {match[2] if said == '1' else match[3]}"

    return _FIELD.sub(put, text[language])


def _said(value: Field, language: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, timedelta):
        return words.span(value, language)
    if isinstance(value, Mapping):
        return value.get(language) or value.get("en") or _UNKNOWN
    return words.number(value, language)


def place(rule: Rule) -> Text:
    """Where it is, for a rule that is not about one site: the host, Baken itself, or several sites."""
    scopes = {entry.scope for name in rule.condition.metrics if (entry := catalogue.get(name)) is not None}
    return _PLACES["host"] if "host" in scopes else _PLACES["monitor"] if "monitor" in scopes else _PLACES["site"]

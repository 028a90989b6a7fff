"""Matchers of Baken in Alertmanager's words and back: whatever they are, they mean the same alerts.

What RE2 itself makes of them is asked of a real Alertmanager in test_alertmanager.py.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baken.alerts import matchers as matching
from baken.alerts.rule import AREAS, SEVERITIES
from baken.exporters import alertmanager_matchers as matchers
from baken.exporters.alertmanager_matchers import Known
from baken.exporters.alertmanager_regex import NoEqual, literal, translated

ALWAYS = matchers.constants({"baken": "host-1"})
SITES = ("leden.example", "ander.example")
RULES = ("HIGH_DISK", "HIGH_CPU", "QUEUE")
LABELS = ("queue", "mount", "job", "source", "window")
KNOWN = Known(ALWAYS, SITES, RULES, LABELS)

VALUES = st.sampled_from(["", "long", "short", "/data", "~x", "!x", "a.b", "a|b", "[x]", "é", "1h"]) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), max_size=6
)
PARTS = st.sampled_from(
    ["a", "b", "l", "o", "n", "g", ".", ".*", ".+", r"\d", r"\w", r"\s", r"\S", r"\W", r"\D", "[a-f]", "[^x]", "[]a]",
     "(?:lo|sh)", "(a|b)", "|", "^", "$", r"\.", r"\-", "é", "/", "{2}", "{1,3}", "a{,2}", "?", "-", r"[\d_]", r"[\s/]",
     r"\x41", r"\n", "{", "}", "]", "~", "!"]
)  # fmt: skip
EXPRESSIONS = st.lists(PARTS, max_size=5).map("".join)


def fits(conditions: list[dict[str, Any]], labels: Mapping[str, str]) -> bool:
    """What Alertmanager would say, with RE2's meaning of the few things in which it differs written out."""
    for each in conditions:
        value = labels.get(each["name"], "")
        plain = value == each["value"]
        found = re.fullmatch(_python(each["value"]), value) is not None if each["isRegex"] else plain
        if found != each["isEqual"]:
            return False
    return True


def _python(text: str) -> str:
    """RE2 as `translated` writes it, for Python."""
    for written, own in ((r"\p{Nd}", r"\d"), (r"\P{Nd}", r"\D"), (r"\p{L}\p{N}_", r"\w"), (r"\z", r"\Z")):
        text = text.replace(written, own)
    return text


def expression_ok(text: str) -> bool:
    try:
        matching.check({"x": f"~{text}"})
    except matching.BadMatcher:
        return False
    return True


WANTED = st.one_of(
    VALUES.filter(lambda text: not text.startswith(("!", "~"))),
    VALUES.map(lambda text: f"!{text}").filter(lambda text: not text.startswith("!~")),
    EXPRESSIONS.filter(expression_ok).map(lambda text: f"~{text}"),
    EXPRESSIONS.filter(expression_ok).map(lambda text: f"!~{text}"),
)
NAMED = st.sampled_from([*LABELS, "rule", "site", "severity", "area"])


@st.composite
def alert(draw: st.DrawFn) -> tuple[str, str, str, str, dict[str, str]]:
    own = draw(st.dictionaries(st.sampled_from(LABELS), VALUES, max_size=3))
    return (
        draw(st.sampled_from(RULES)),
        draw(st.sampled_from([*SITES, ""])),
        draw(st.sampled_from(SEVERITIES)),
        draw(st.sampled_from(AREAS)),
        own,
    )


def here(matchers_: Mapping[str, str], site: str, one: tuple[str, str, str, str, dict[str, str]]) -> bool:
    rule, where, severity, area, labels = one
    facts = {**labels, "rule": rule, "severity": severity, "area": area, "site": where}
    return site in ("", where) and matching.match(matchers_, facts)


def there(conditions: list[dict[str, Any]], one: tuple[str, str, str, str, dict[str, str]]) -> bool:
    rule, where, severity, area, labels = one
    return fits(conditions, matchers.labels_of_alert(rule, where, severity, area, labels, ALWAYS))


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(NAMED, WANTED, max_size=3), st.sampled_from(["", *SITES]), alert())
def test_what_baken_means_is_what_alertmanager_means(
    wanted: dict[str, str], site: str, one: tuple[str, str, str, str, dict[str, str]]
) -> None:
    try:
        conditions = matchers.outside(wanted, site, ALWAYS)
    except NoEqual:
        assume(False)
    assert there(conditions, one) == here(wanted, site, one), conditions


CONDITION = st.builds(
    lambda name, value, regex, equal: {"name": name, "value": value, "isRegex": regex, "isEqual": equal},
    st.sampled_from(
        ["alertname", "site", "severity", "baken_severity", "area", "queue", "job_name", "job", "instance", "source",
         "exported_source", "baken", "pod"]
    ),
    st.sampled_from(
        ["HIGH_DISK", "leden.example", "critical", "warning", "HIGH", "errors", "long", "", "baken", "host-1", "a.*",
         "warning|info", "HIGH_.*", ".*example", ".+", "~x", "!x", "[a-z]+"]
    ),
    st.booleans(),
    st.booleans(),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(CONDITION, max_size=4), alert())
def test_what_alertmanager_means_is_what_baken_means(
    conditions: list[dict[str, Any]], one: tuple[str, str, str, str, dict[str, str]]
) -> None:
    for each in conditions:
        if each["isRegex"] and not expression_ok(each["value"]):
            each["isRegex"] = False
    try:
        meant = matchers.inside(conditions, KNOWN)
    except NoEqual:
        assume(False)
    if meant is None:
        assert not there(conditions, one)
    else:
        matching.check(meant.matchers)
        assert here(meant.matchers, meant.site, one) == there(conditions, one), meant


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMED, WANTED, max_size=3), st.sampled_from(["", *SITES]), alert())
def test_there_and_back_means_the_same(
    wanted: dict[str, str], site: str, one: tuple[str, str, str, str, dict[str, str]]
) -> None:
    try:
        meant = matchers.inside(matchers.outside(wanted, site, ALWAYS), KNOWN)
    except NoEqual:
        assume(False)
    assert (meant is not None and here(meant.matchers, meant.site, one)) == here(wanted, site, one)


@pytest.mark.parametrize(
    "text",
    [r"a(?=b)", r"(?i)a", r"\bfoo", r"(a)\1", "a$b", r"[\W]", "a{1001}", r"\Qa\E", "(?>a)", "a++", "[[:alpha:]]"],
)
def test_what_has_no_equal_is_refused(text: str) -> None:
    with pytest.raises(NoEqual):
        translated(text, "python")


@pytest.mark.parametrize(
    ("python", "re2"),
    [
        ("long.*", "long.*"),
        ("long$", r"long\z"),
        ("a$|b$", r"a\z|b\z"),
        (r"\d+", r"[\p{Nd}]+"),
        (r"[\w.-]+", r"[\.\-\p{L}\p{N}_]+"),
        ("a{,2}", "a{0,2}"),
        ("(?P<x>a|b)", "(?:a|b)"),
        ("a/b é", r"a\/b é"),
    ],
)
def test_expressions_for_alertmanager(python: str, re2: str) -> None:
    assert translated(python, "python") == re2


@pytest.mark.parametrize(
    ("re2", "python"),
    [
        (r"\d", "[0-9]"),
        ("a{,2}", r"a\{\,2\}"),
        ("a$", r"a\Z"),
        (r"[\D]", "[\\x00-\\/\\:-\U0010ffff]"),
        (r"\x{e9}", "é"),
    ],
)
def test_expressions_of_alertmanager(re2: str, python: str) -> None:
    assert translated(re2, "re2") == python


def test_a_literal_matches_itself_alone() -> None:
    for text in ("a.b", "~x", "(", "[x]{2}", "é/ü", "\n"):
        assert re.fullmatch(literal(text), text)


def test_severities_are_conventional_words_and_bakens_own() -> None:
    labels = matchers.labels_of_alert("QUEUE", "leden.example", "HIGH", "performance", {"job": "x"}, ALWAYS)
    assert labels == {
        "alertname": "QUEUE", "site": "leden.example", "severity": "warning", "baken_severity": "HIGH",
        "area": "performance", "job_name": "x", "source": "baken", "baken": "host-1",
    }  # fmt: skip
    meant = matchers.inside([{"name": "severity", "value": "warning|info", "isRegex": True}], KNOWN)
    assert meant is not None and meant.matchers == {"severity": "~LOW|MEDIUM|HIGH"}


def test_two_alerts_never_have_the_same_labels() -> None:
    first = matchers.labels_of_alert("ZABBIX", "", "LOW", "operations", {"a-b": "1", "a_b": "2"}, ALWAYS, "key 1")
    second = matchers.labels_of_alert("ZABBIX", "", "LOW", "operations", {"a-b": "3", "a_b": "2"}, ALWAYS, "key 2")
    assert first != second

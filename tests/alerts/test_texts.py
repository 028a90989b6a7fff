"""Texts of rules: what is put in, and that nothing else can be reached."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.alerts import rulebook, texts
from baken.alerts.rule import Field, Verdict
from baken.errors import findings
from baken.errors.log_files import TOO_LONG

RULE = rulebook.read(None).rules["HIGH_JOB_QUEUE"]
TEXT = {
    "en": "{value}/{limit} {queue} {site} {since} ({where})",
    "nl": "{value}/{limit} {queue} {site} {since} ({where})",
}
VERDICT = Verdict({"queue": "long"}, True, value=1234, limit=20)
LONG = timedelta(minutes=95)


def test_figures_labels_and_times_are_put_in_by_language() -> None:
    filled = texts.fill(TEXT, VERDICT, RULE, "en", site="a.example", since=LONG)
    assert filled == "1,234/20 long a.example 1 h 35 min (queue long)"
    filled = texts.fill(TEXT, VERDICT, RULE, "nl", site="a.example", since=LONG)
    assert filled == "1.234/20 long a.example 1 u 35 min (wachtrij long)"


@pytest.mark.parametrize(
    ("rule", "english", "dutch"),
    [
        ("HIGH_CPU", "this server", "deze server"),
        ("COLLECTOR_LATE", "Baken", "Baken"),
        ("MANY_SITES_DOWN", "several sites", "meerdere sites"),
    ],
)
def test_what_is_no_site_is_named_for_what_it_is(rule: str, english: str, dutch: str) -> None:
    which = rulebook.read(None).rules[rule]
    text = {"en": "{site}", "nl": "{site}"}
    assert texts.fill(text, VERDICT, which, "en", site="", since=LONG) == english
    assert texts.fill(text, VERDICT, which, "nl", site="", since=LONG) == dutch


def test_what_a_condition_gives_is_said_in_the_language_of_the_text() -> None:
    text = dict.fromkeys(("en", "nl"), "{over}, {part}: {label} ({plain}, {only_english})")
    given: dict[str, Field] = {
        "over": timedelta(hours=1),
        "part": 1234.5,
        "label": {"en": "password", "nl": "wachtwoord"},
        "plain": "AM04",
        "only_english": {"en": "only"},
    }
    verdict = replace(VERDICT, fields=given)
    filled = texts.fill(text, verdict, RULE, "en", site="a", since=LONG)
    assert filled == "1 h, 1,234.5: password (AM04, only)"
    filled = texts.fill(text, verdict, RULE, "nl", site="a", since=LONG)
    assert filled == "1 u, 1.234,5: wachtwoord (AM04, only)"


@pytest.mark.parametrize("name", ["CREDENTIALS_IN_ERRORS", "ERRORS_LOST"])
def test_what_was_found_is_called_by_its_name_in_each_language(name: str) -> None:
    rule = rulebook.read(None).rules[name]
    which = "one_time_link" if name == "CREDENTIALS_IN_ERRORS" else TOO_LONG
    label = findings.labels("leak" if name == "CREDENTIALS_IN_ERRORS" else "lost", which)
    verdict = Verdict({"finding": which, "pattern": ""}, True, value=2, fields={"label": label})
    said = {language: texts.fill(rule.title, verdict, rule, language, site="a", since=LONG) for language in label}
    expected = {
        "CREDENTIALS_IN_ERRORS": {
            "en": "A secret stands in the Error Log: link that sets a password",
            "nl": "Er staat een geheim in het foutenlogboek: link waarmee een wachtwoord wordt ingesteld",
        },
        "ERRORS_LOST": {
            "en": "Errors were lost: error with a title that is too long",
            "nl": "Er zijn fouten verloren gegaan: fout met een te lange titel",
        },
    }
    assert said == expected[name]


def test_what_is_not_known_is_a_question_mark() -> None:
    unknown = replace(VERDICT, value=None, limit=None, labels={})
    assert texts.fill(TEXT, unknown, RULE, "en", site="a", since=LONG) == "?/? ? a 1 h 35 min ()"


@pytest.mark.parametrize(
    "text", ["{value.__class__}", "{value[0]}", "{value!r}", "{value:>99999999}", "{}", "{0}", "{{value}}", "{", "}"]
)
def test_nothing_but_a_bare_name_is_a_field(text: str) -> None:
    assert texts.mistakes(text, ("value",)) != [] or "{{" in text
    filled = texts.fill({"en": text, "nl": text}, VERDICT, RULE, "en", site="a", since=LONG)
    assert filled == text.replace("{value}", "1,234")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, "1 e-mail hangs"), (0, "0 e-mails hang"), (2, "2 e-mails hang"), (1234, "1,234 e-mails hang")],
)
def test_words_go_with_their_number(value: float, expected: str) -> None:
    text = {"en": "{value|e-mail hangs|e-mails hang}", "nl": "{value|e-mail hangt|e-mails hangen}"}
    verdict = replace(VERDICT, value=value)
    assert texts.fill(text, verdict, RULE, "en", site="a", since=LONG) == expected
    assert texts.mistakes(text["en"], ("value",)) == []
    assert texts.mistakes("{some|one|more}", ("value",)) == ["some"]
    for wrong in ("{value|one}", "{value|one|two|three}", "{value||}"):
        assert texts.mistakes(wrong, ("value",)) == ["{"]


def test_a_value_is_not_looked_through_for_fields() -> None:
    odd = replace(VERDICT, labels={"queue": "{site}"})
    assert texts.fill({"en": "{queue}"}, odd, RULE, "en", site="a", since=LONG) == "{site}"


@settings(deadline=None)
@given(st.text("{}abc.!:[]'\" ", max_size=30))
def test_no_text_trips_the_filling(text: str) -> None:
    filled = texts.fill({"en": text}, VERDICT, RULE, "en", site="a", since=LONG)
    if not texts.mistakes(text, ()):
        assert filled == text

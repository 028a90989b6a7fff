"""Rules files: what is read, what the user's file changes, and every mistake with its line, all at once."""

from datetime import timedelta
from pathlib import Path

import pytest

from baken.alerts import rulebook
from baken.alerts.rule import AREAS, Quorum, Rule
from baken.alerts.rulebook import RuleProblems
from baken.settings import load

WHOLE = """
[QUEUE_LONG]
metric = "frappe_queue_length"
match = { queue = "long" }
above = 20
night = { above = 40 }
recover = { below = 8 }
for = "5m"
keep = "2m"
severity = "HIGH"
area = "operations"
title = { en = "Queue {queue}: {value}", nl = "Wachtrij {queue}: {value}" }
message.en = "{value} jobs wait on {site} for {since}; the limit is {limit}."
message.nl = "{value} taken wachten op {site} al {since}; de grens is {limit}."
advice = "Look ({where})."
reason = "Because."
runbook = "https://example.org/queue"
tell = ["night watch"]
inhibits = ["SITE_SLOW"]
"""
SMALL = """
[SMALL]
metric = "host_cpu_ratio"
above = 0.5
severity = "LOW"
area = "performance"
title = "T"
message = "M"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test writes its rules."""
    return tmp_path / "rules.toml"


def read(file: Path, text: str) -> dict[str, Rule]:
    """The rules with a user's file."""
    file.write_text(text, encoding="utf-8")
    return dict(rulebook.read(file, ["night watch"]).rules)


def problems(file: Path, text: str, *, defaults: Path | None = None) -> list[tuple[int, str]]:
    """Line and text of every problem of a user's file."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RuleProblems) as caught:
        rulebook.read(file, ["night watch"], defaults=defaults or rulebook.DEFAULTS)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return [(problem.line, problem.text) for problem in caught.value.problems]


def test_everything_that_a_rule_may_say(file: Path) -> None:
    rule = read(file, WHOLE)["QUEUE_LONG"]
    assert rule.condition.words == "frappe_queue_length{queue=long} > 20 (by night > 40), over when < 8"
    assert rule.condition.metrics == {"frappe_queue_length"}
    assert (rule.kind, rule.severity, rule.area) == ("threshold", "HIGH", "operations")
    assert (rule.hold, rule.keep) == (timedelta(minutes=5), timedelta(minutes=2))
    assert rule.title == {"en": "Queue {queue}: {value}", "nl": "Wachtrij {queue}: {value}"}
    assert rule.advice == {"en": "Look ({where}).", "nl": "Look ({where})."}
    assert (rule.tell, rule.inhibits) == (("night watch",), ("SITE_SLOW",))
    assert rule.reason == {"en": "Because.", "nl": "Because."}
    assert (rule.runbook, rule.enabled) == ("https://example.org/queue", True)
    assert rule.source == f"{file}:2"
    assert rule.extra["unit"] == "jobs"


def test_a_reason_may_be_said_in_each_language(file: Path) -> None:
    assert read(file, f'{SMALL}reason = {{ en = "So.", nl = "Daarom." }}\n')["SMALL"].reason == {
        "en": "So.",
        "nl": "Daarom.",
    }
    assert read(file, SMALL)["SMALL"].reason == {"en": "", "nl": ""}
    (problem,) = problems(file, f'{SMALL}reason.nl = "Daarom."\n')
    assert problem[1] == "reason lacks its text in en"


def test_a_rule_is_called_by_its_name_or_by_the_words_of_it(file: Path) -> None:
    named = SMALL + 'name = { en = "Busy", nl = "Druk" }\n'
    assert read(file, named)["SMALL"].called == {"en": "Busy", "nl": "Druk"}
    assert read(file, SMALL.replace("SMALL", "SEPA_MAILS_LATE"))["SEPA_MAILS_LATE"].called == {
        "en": "SEPA mails late",
        "nl": "SEPA mails late",
    }
    assert read(file, '[HIGH_CPU]\nname = "Hot"\n')["HIGH_CPU"].called == {"en": "Hot", "nl": "Hot"}


def test_a_name_has_no_fields_and_is_short(file: Path) -> None:
    assert [text for _, text in problems(file, SMALL + 'name = "{value} jobs"\n')] == [
        "name: no fields are put in; the title has them",
    ]
    assert "at most 60" in problems(file, SMALL + f'name = "{"x" * 61}"\n')[0][1]


def test_every_rule_that_baken_brings_has_a_name_of_its_own_in_both_languages() -> None:
    brought = rulebook.read(None).rules
    for language in ("en", "nl"):
        named = [rule.called[language] for rule in brought.values()]
        assert len(set(named)) == len(named)
        assert all(1 < len(text.split()) <= 5 and len(text) <= 40 for text in named)


def test_the_smallest_rule(file: Path) -> None:
    rule = read(file, SMALL)["SMALL"]
    assert (rule.hold, rule.keep, rule.quorum, rule.runbook) == (timedelta(), timedelta(), None, "")
    assert rule.advice == {"en": "", "nl": ""}


def test_without_a_file_there_are_the_rules_that_baken_brings(tmp_path: Path) -> None:
    settings = load(None, {"data_dir": str(tmp_path)})
    assert list(rulebook.load(settings).rules) == list(rulebook.read(None).rules)
    (tmp_path / "rules.toml").write_text(SMALL)
    assert list(rulebook.load(settings).rules)[-1] == "SMALL"


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    settings = load(None, {"data_dir": str(tmp_path), "alerts": {"rules": str(tmp_path / "mine.toml")}})
    with pytest.raises(RuleProblems, match=r"mine\.toml: the file cannot be read: .*No such file"):
        rulebook.load(settings)


def test_single_keys_of_a_default_can_be_changed(file: Path) -> None:
    before = rulebook.read(None).rules["SITE_SLOW"]
    rule = read(file, '[SITE_SLOW]\nseverity = "HIGH"\nkeep = "1h"')["SITE_SLOW"]
    assert (rule.severity, rule.keep) == ("HIGH", timedelta(hours=1))
    assert (rule.condition.words, rule.title, rule.hold) == (before.condition.words, before.title, before.hold)
    assert rule.runbook == "docs/runbook.md#site_slow"


def test_another_limit_has_another_recovery(file: Path) -> None:
    rules = read(file, "[HIGH_ERROR_RATE]\nabove = 3\n[HIGH_CPU]\nat_least = 0.6\nrecover = { below = 0.5 }\n")
    assert rules["HIGH_ERROR_RATE"].condition.words == "frappe_errors{window=1h} > 3"
    assert rules["HIGH_CPU"].condition.words == "host_cpu_ratio ≥ 0.6 (by night > 0.95), over when < 0.5"


def test_a_table_with_a_metric_of_its_own_stands_for_itself(file: Path) -> None:
    text = SMALL.replace("SMALL", "HIGH_ERROR_RATE")
    rule = read(file, text)["HIGH_ERROR_RATE"]
    assert rule.condition.words == "host_cpu_ratio > 0.5"
    assert rule.title == {"en": "T", "nl": "T"}
    assert (rule.keep, rule.advice["en"]) == (timedelta(), "")


def test_a_rule_can_be_switched_off(file: Path) -> None:
    file.write_text("[DAILY_ERRORS]\nenabled = false\n")
    book = rulebook.read(file)
    assert not book.rules["DAILY_ERRORS"].enabled
    assert "DAILY_ERRORS" not in [rule.name for rule in book.enabled]
    assert {"frappe_errors", "host_cpu_ratio"} <= book.metrics


def test_the_order_is_that_of_the_files(file: Path) -> None:
    names = list(rulebook.read(None).rules)
    assert list(read(file, SMALL + "\n[SITE_SLOW]\nabove = 9\n")) == [*names, "SMALL"]


def test_recovery_may_say_how_long_it_has_to_last(file: Path) -> None:
    assert read(file, SMALL + 'recover = { below = 0.4, for = "3m" }')["SMALL"].keep == timedelta(minutes=3)
    rule = read(file, SMALL + 'recover = { for = "3m" }')["SMALL"]
    assert (rule.keep, rule.condition.words) == (timedelta(minutes=3), "host_cpu_ratio > 0.5")
    found = problems(file, SMALL + 'keep = "1m"\nrecover = { for = "3m" }')
    assert found == [(10, "keep and recover.for say the same: give one of them")]


def test_a_rule_over_many_sites(file: Path) -> None:
    text = SMALL.replace("host_cpu_ratio", "frappe_errors").replace("above", 'match = { window = "1h" }\nabove')
    rule = read(file, text + 'quorum = { share = 0.5, least = 2 }\nadvice = "{count} of {total}: {sites}, {limit}"')
    assert rule["SMALL"].quorum == Quorum(2, 0.5)
    assert rule["SMALL"].extra["unit"] == "sites"
    assert read(file, text + "quorum = { least = 4 }")["SMALL"].quorum == Quorum(4, 0)


def test_all_problems_are_told_at_once_each_with_its_line(file: Path) -> None:
    text = """\
[FIRST_RULE]
metric = "frappe_queue_lenght"
above = 20
severity = "SEVERE"
area = "operation"
title = "T"
message = "M"

[SECOND_RULE]
metric = "frappe_queue_length"
above = 20
below = 3
severty = "HIGH"
severity = "HIGH"
area = "operations"
title.en = "In English only"
message = "{valu} {queue.name} {limit!r} {}"
for = "5 minutes"
tell = ["day watch"]
inhibits = ["SITE_SLO", "SECOND_RULE"]

[third]
metric = "host_cpu_ratio"
"""
    found = problems(file, text)
    assert found == [
        (2, "there is no metric frappe_queue_lenght; did you mean frappe_queue_length?"),
        (4, "severity cannot be 'SEVERE'; known are: CRITICAL, HIGH, LOW, MEDIUM"),
        (5, "area cannot be 'operation'; did you mean operations?"),
        (12, "above and below exclude each other: give one of them"),
        (13, "unknown key severty; did you mean severity?"),
        (16, "title lacks its text in nl"),
        (18, "for: '5 minutes' is no length of time; write 90s, 5m, 1h30m or 7d"),
        (19, "tell: there is no recipient day watch; did you mean night watch?"),
        (20, "inhibits: there is no rule SITE_SLO; did you mean SITE_SLOW?"),
        (20, "inhibits: a rule cannot silence itself"),
        (22, "a rule's name has 3 to 60 capitals, digits and _, such as HIGH_CPU"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('message = "{valu}"', "message names {valu}, which this rule does not have; did you mean value?"),
        ('message = "{queue}"', "message names {queue}, which this rule does not have"),
        ('message = "{value.real}"', "message: a brace without a field"),
        ('message = "{value!r} {}"', "message: a brace without a field"),
        ('message = "{0}"', "message: a brace without a field"),
        ('message = { en = "a", nl = "b", de = "c" }', "message: unknown language de"),
        ("message = 3", "message has to be a text, or { en = …, nl = … }, not 3"),
        ("quorum = { share = 0.5 }", "quorum counts sites, and this rule is not about a metric of sites"),
        ("quorum = { share = 40 }", "share is a part of the sites, from 0 to 1: 0.4 are two in five"),
        ("quorum = { part = 0.4 }", "unknown key quorum.part"),
        ("quorum = {}", "quorum needs share, least, or both"),
        ('kind = "treshold"', "kind cannot be 'treshold'; did you mean threshold?"),
        ('enabled = "no"', "enabled has to be true or false, not 'no'"),
        ("tell = [1]", "tell has to be a list of texts"),
        ("match = { cpu = 1 }", "metric host_cpu_ratio has no label cpu; it has none"),
    ],
)
def test_other_mistakes_are_named(file: Path, line: str, expected: str) -> None:
    name = line.split(" ")[0]
    rows = [row for row in SMALL.strip().split("\n") if not row.startswith(name)]
    found = problems(file, "\n".join([*rows, line]))
    assert any(expected in text and at == len(rows) + 1 for at, text in found), found


def test_what_is_missing_is_told_at_the_rule(file: Path) -> None:
    assert problems(file, '[SMALL]\nmetric = "host_cpu_ratio"\nabove = 1') == [
        (1, "severity is missing: give one of LOW, MEDIUM, HIGH, CRITICAL"),
        (1, f"area is missing: give one of {', '.join(AREAS)}"),
        (1, "title is missing: people are told nothing without it"),
        (1, "message is missing: people are told nothing without it"),
    ]


def test_a_change_of_a_default_that_does_not_fit_is_told_where_it_stands(file: Path) -> None:
    assert problems(file, '\n[HIGH_CPU]\nmatch = { window = "5m" }\n') == [
        (3, "metric host_cpu_ratio has no label window; it has none")
    ]


def test_news_of_patterns_cannot_hold_for_some_time(file: Path) -> None:
    assert problems(file, '[NEW_ERROR_PATTERN]\nfor = "5m"') == [
        (2, "for means nothing here: a condition of kind pattern is news at one moment")
    ]


def test_rules_that_silence_each_other(file: Path) -> None:
    found = problems(file, '[HIGH_DISK]\ninhibits = ["DISK_FULL"]\n')
    assert {text for _, text in found} == {"inhibits: it silences a rule that silences it in turn"}
    assert (2, "inhibits: it silences a rule that silences it in turn") in found


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("[A_RULE]\nabove = 1\n\n[A_RULE]\n", 4, "Cannot declare"),
        ("[A_RULE]\nabove = \n", 2, "Invalid value"),
        ("[A_RULE]\nabove = 1\nabove = 2\n", 3, "Cannot overwrite a value"),
        ("above = 1\n", 1, "above stands outside a rule: begin one with [NAME]"),
    ],
)
def test_a_file_that_is_no_toml(file: Path, text: str, line: int, expected: str) -> None:
    ((at, told),) = problems(file, text)
    assert at == line
    assert expected in told
    assert "at line" not in told


def test_a_problem_names_file_line_and_rule(file: Path) -> None:
    file.write_text(SMALL + "abov = 3")
    with pytest.raises(RuleProblems) as caught:
        rulebook.read(file)
    assert str(caught.value) == f"{file}:9: SMALL: unknown key abov; did you mean above?"

"""Tests of rules: what a file may say, how differences are told, and mistakes with their lines."""

from pathlib import Path

import pytest

from baken.alerts import rulebook, trial
from baken.alerts.rulebook import RuleBook
from baken.alerts.trial_file import TrialProblems
from baken.settings import Alerts

RULES = """
[BUSY]
metric = "frappe_queue_length"
above = 20
recover = { below = 10 }
for = "2m"
keep = "1m"
severity = "HIGH"
area = "operations"
title = { en = "{value} jobs in {queue}", nl = "{value} taken in {queue}" }
message = "For {since}."
[HOT]
metric = "host_cpu_ratio"
above = 0.8
severity = "LOW"
area = "performance"
title = "T"
message = "M"
"""
BUSY = """
[[test]]
name = "It is busy"
[[test.series]]
metric = "frappe_queue_length"
labels = { queue = "long" }
values = "0x2 30x9 15 5x9"
"""


@pytest.fixture
def book(tmp_path: Path) -> RuleBook:
    """Two rules."""
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    return rulebook.read(file, defaults=empty)


def run(tmp_path: Path, book: RuleBook, text: str, settings: Alerts | None = None) -> list[str]:
    """What is otherwise than expected in the only test of `text`, without the file's path."""
    file = tmp_path / "tests.toml"
    file.write_text(text)
    (result,) = trial.run(file, book, settings or Alerts())
    assert result.passed == (not result.problems)
    return [problem.replace(f"{file}", "FILE") for problem in result.problems]


def mistakes(tmp_path: Path, book: RuleBook, text: str) -> list[tuple[int, str]]:
    """Line and text of what cannot be understood."""
    file = tmp_path / "tests.toml"
    file.write_text(text)
    with pytest.raises(TrialProblems) as caught:
        trial.run(file, book, Alerts())
    return [(problem.line, problem.text) for problem in caught.value.problems]


def expect(at: str, alerts: str = "[]", more: str = "") -> str:
    """An expectation."""
    return f'[[test.expect]]\nat = "{at}"\nalerts = {alerts}\n{more}\n'


def test_pending_firing_wavering_and_over(tmp_path: Path, book: RuleBook) -> None:
    fires = '[{ rule = "BUSY", severity = "HIGH", value = 30, limit = 20, labels = { queue = "long" } }]'
    text = BUSY + expect("2m", more="pending = []") + expect("3m", more='pending = [{ rule = "BUSY" }]')
    text += expect("5m", fires) + expect("13m", fires) + expect("14m", fires) + expect("15m")
    assert run(tmp_path, book, text) == []


def test_an_expectation_between_two_looks_is_about_the_last_one(tmp_path: Path, book: RuleBook) -> None:
    assert run(tmp_path, book, BUSY + expect("4m59s") + expect("5m30s", '[{ rule = "BUSY" }]')) == []


def test_what_is_missing_is_told(tmp_path: Path, book: RuleBook) -> None:
    assert run(tmp_path, book, BUSY + expect("2m", '[{ rule = "BUSY", severity = "HIGH" }]')) == [
        "FILE:8: alerts after 2m:\n  - expected, and not there: BUSY, severity='HIGH'"
    ]


def test_what_is_too_much_is_told(tmp_path: Path, book: RuleBook) -> None:
    assert run(tmp_path, book, BUSY + expect("5m", more="pending = []")) == [
        "FILE:8: alerts after 5m:\n  + there, and not expected: BUSY{queue=long, site=site.example}, HIGH, value 30"
    ]


def test_what_is_otherwise_is_told_side_by_side(tmp_path: Path, book: RuleBook) -> None:
    wanted = (
        '[{ rule = "BUSY", severity = "LOW", value = 31, title.nl = "30 taken in short", message.en = "For 2 min." }]'
    )
    assert run(tmp_path, book, BUSY + expect("5m", wanted)) == [
        "FILE:8: alerts after 5m:\n"
        "  ~ BUSY{queue=long, site=site.example}:\n"
        "      severity: expected 'LOW'\n"
        "                     got 'HIGH'\n"
        "      value: expected 31\n"
        "                  got 30.0\n"
        "      title.nl: expected '30 taken in short'\n"
        "                     got '30 taken in long'"
    ]


def test_labels_that_differ_are_told(tmp_path: Path, book: RuleBook) -> None:
    (told,) = run(tmp_path, book, BUSY + expect("5m", '[{ rule = "BUSY", labels = { queue = "short" } }]'))
    assert "labels: expected {'queue': 'short'}" in told
    assert "got {'queue': 'long'}" in told


def test_each_expectation_meets_one_alert(tmp_path: Path, book: RuleBook) -> None:
    twice = '[{ rule = "BUSY" }, { rule = "BUSY" }]'
    (told,) = run(tmp_path, book, BUSY + expect("5m", twice))
    assert told.count("expected, and not there: BUSY") == 1


def test_only_the_rules_that_are_named_are_judged(tmp_path: Path, book: RuleBook) -> None:
    text = BUSY.replace("[[test.series]]", 'rules = ["HOT"]\n[[test.series]]', 1)
    assert run(tmp_path, book, text + expect("5m")) == []


def test_figures_of_the_host_belong_to_no_site(tmp_path: Path, book: RuleBook) -> None:
    text = '[[test]]\nname = "x"\n[[test.series]]\nmetric = "host_cpu_ratio"\nvalues = [0.9, 0.9]\n'
    assert run(tmp_path, book, text + expect("0s", '[{ rule = "HOT", site = "" }]')) == []


def test_values_as_promtool_has_them(tmp_path: Path, book: RuleBook) -> None:
    text = '[[test]]\nname = "x"\n[[test.series]]\nmetric = "frappe_queue_length"\nlabels = { queue = "a" }\n'
    text += 'values = "15+3x3 _ 40-10x2 stale 25 30x2"\n'
    text = text.replace("[[test.series]]", 'rules = ["BUSY"]\n[[test.series]]')
    # 15 18 21 24, nothing, 40 30 20, gone, 25 and 30 three times.
    told = run(tmp_path, book, text + expect("3m") + expect("4m", '[{ rule = "BUSY", value = 24 }]')
               + expect("5m", '[{ rule = "BUSY", value = 40 }]') + expect("7m", '[{ rule = "BUSY", value = 30 }]')
               + expect("8m", '[{ rule = "BUSY" }]') + expect("9m", '[{ rule = "BUSY", value = 25 }]'))  # fmt: skip
    assert told == []


def test_a_label_set_that_does_not_come_with_the_others_is_gone(tmp_path: Path, book: RuleBook) -> None:
    text = BUSY.replace("0x2 30x9 15 5x9", "30x5 _x20")
    text += '[[test.series]]\nmetric = "frappe_queue_length"\nlabels = { queue = "short" }\nvalues = "1x20"\n'
    assert run(tmp_path, book, text + expect("5m", '[{ rule = "BUSY" }]') + expect("7m")) == []


def test_a_rule_that_is_costly_to_judge_is_judged_as_seldom_as_on_a_real_site(tmp_path: Path) -> None:
    file, empty = tmp_path / "rules.toml", tmp_path / "empty.toml"
    empty.write_text("")
    condition = 'kind = "change"\nover = "10h"\nas = "increase"\nabove = 20\n'
    file.write_text(RULES.replace("above = 20\nrecover = { below = 10 }\n", condition).replace('for = "2m"\n', ""))
    costly = rulebook.read(file, defaults=empty)
    # Every ten minutes: the jump of the twelfth minute is seen in the twentieth.
    text = BUSY.replace("0x2 30x9 15 5x9", "0x11 30x30")
    assert run(tmp_path, costly, text + expect("19m") + expect("20m", '[{ rule = "BUSY", value = 30 }]')) == []


def test_what_ends_becomes_unknown(tmp_path: Path, book: RuleBook) -> None:
    text = BUSY.replace("0x2 30x9 15 5x9", "30x5")
    unknown = 'unknown = [{ rule = "BUSY" }]'
    fires = '[{ rule = "BUSY" }]'
    assert run(tmp_path, book, text + expect("10m", fires, "unknown = []") + expect("11m", fires, unknown)) == []


def test_a_series_may_begin_later_be_slower_and_be_of_another_site(tmp_path: Path, book: RuleBook) -> None:
    text = BUSY + '[[test.series]]\nmetric = "frappe_queue_length"\nlabels = { queue = "a" }\nsite = "b.example"\n'
    text += 'after = "10m"\nevery = "4m"\nvalues = "90x9"\n'
    assert run(tmp_path, book, text + expect("16m", '[{ rule = "BUSY", site = "b.example" }]')) == []


def test_damping_of_what_flaps_is_that_of_the_settings(tmp_path: Path, book: RuleBook) -> None:
    again = "30x2 5x3 " * 4
    text = BUSY.replace("0x2 30x9 15 5x9", again + "5x60").replace(
        "[[test.series]]", 'rules = ["BUSY"]\n[[test.series]]'
    )
    calm = Alerts(flapping=99)
    assert run(tmp_path, book, text + expect("45m"), calm) == []
    held = run(tmp_path, book, text + expect("45m", '[{ rule = "BUSY" }]'), Alerts(flapping=3, flapping_hold=1800))
    assert held == []


def test_a_rule_that_is_off_is_judged_when_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULES.replace('severity = "HIGH"', 'severity = "HIGH"\nenabled = false'))
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    off = rulebook.read(file, defaults=empty)
    assert run(tmp_path, off, BUSY + expect("5m")) == []
    named = BUSY.replace("[[test.series]]", 'rules = ["BUSY"]\n[[test.series]]')
    assert run(tmp_path, off, named + expect("5m", '[{ rule = "BUSY" }]')) == []


def test_all_mistakes_are_told_with_their_lines(tmp_path: Path, book: RuleBook) -> None:
    text = """\
[[test]]
name = ""
rules = ["BUSI"]
start = 2026-11-22T12:00:00
evry = "1m"

[[test.series]]
metric = "frappe_queue_lenght"
values = "1"

[[test.series]]
metric = "frappe_queue_length"
values = "1x b"

[[test.patterns]]
severity = "high"

[[test.expect]]
alerts = [{ rule = "BUSY", sevrity = "HIGH" }, { rule = "BUS" }]
"""
    assert mistakes(tmp_path, book, text) == [
        (1, "name is missing: what does this test show?"),
        (3, "there is no rule BUSI; did you mean BUSY?"),
        (4, "start has to be a moment with its zone, such as 2026-11-22T12:00:00Z"),
        (5, "unknown key evry; did you mean every?"),
        (8, "there is no metric frappe_queue_lenght; did you mean frappe_queue_length?"),
        (11, "metric frappe_queue_length has the labels queue; give all of them"),
        (13, "values: '1x' is none of 3, 3x5, 0+10x5, _, _x3, stale"),
        (13, "values: 'b' is none of 3, 3x5, 0+10x5, _, _x3, stale"),
        (15, 'at is missing: how long after the beginning? Such as "5m"'),
        (16, "severity cannot be 'high'; known are: CRITICAL, HIGH, LOW, MEDIUM"),
        (18, 'at is missing: how long after the beginning? Such as "5m"'),
        (19, "unknown key sevrity; did you mean severity?"),
        (19, "there is no rule BUS; did you mean BUSY?"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 0, "there is no [[test]] in it"),
        ("[test]\n", 1, "test has to be a list of tables: [[test]]"),
        ("tests = 1\n", 1, "unknown key tests; did you mean test?"),
        ('[[test]]\nname = "x"\n', 1, "nothing is expected: give [[test.expect]]"),
        (BUSY + expect("400d"), 2, "it lasts too long"),
    ],
)
def test_files_that_say_nothing(tmp_path: Path, book: RuleBook, text: str, line: int, expected: str) -> None:
    found = mistakes(tmp_path, book, text)
    assert any(at == line and expected in told for at, told in found), found


def test_a_file_that_is_no_toml(tmp_path: Path, book: RuleBook) -> None:
    ((_, told),) = mistakes(tmp_path, book, "[[test]\n")
    assert told.startswith("this is not valid TOML: ")
    with pytest.raises(TrialProblems, match="cannot be read"):
        trial.run(tmp_path / "nowhere.toml", book, Alerts())

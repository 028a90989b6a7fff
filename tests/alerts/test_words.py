"""Figures, times, labels and states in words."""

import string
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from baken.alerts import words
from baken.alerts.message import Event
from baken.alerts.rule import AREAS, SEVERITIES
from baken.errors.taxonomy import CATEGORIES
from baken.metrics import catalogue

NOW = datetime(2026, 11, 27, 13, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "unit", "english", "dutch"),
    [
        (0.85, "ratio", "85 %", "85 %"),
        (0.004, "ratio", "0.4 %", "0,4 %"),
        (0.996, "ratio", "99.6 %", "99,6 %"),
        (0.99999, "ratio", "99.9 %", "99,9 %"),
        (1, "ratio", "100 %", "100 %"),
        (0, "ratio", "0 %", "0 %"),
        (1.5, "ratio", "150 %", "150 %"),
        (200, "seconds", "3 min 20 s", "3 min 20 s"),
        (7200, "seconds", "2 h", "2 u"),
        (0, "seconds", "0 s", "0 s"),
        (1.2 * 2**30, "bytes", "1.2 GiB", "1,2 GiB"),
        (512, "bytes", "512 B", "512 B"),
        (1023.7, "bytes", "1 KiB", "1 KiB"),
        (5 * 2**60, "bytes", "5,120 PiB", "5.120 PiB"),
        (1234.5, "EUR", "€1,234.50", "€ 1.234,50"),
        (-12.5, "EUR", "-€12.50", "€ -12,50"),
        (-0.001, "EUR", "€0.00", "€ 0,00"),
        (1, "bool", "yes", "ja"),
        (0, "bool", "no", "nee"),
        (1, "days", "1 day", "1 dag"),
        (30, "days", "30 days", "30 dagen"),
        (1234567, "errors", "1,234,567", "1.234.567"),
        (12.25, "errors", "12.25", "12,25"),
        (0.0042, "errors", "0.0042", "0,0042"),
        (-0.0, "errors", "0", "0"),
        (float("nan"), "errors", "unknown", "onbekend"),
        (float("inf"), "seconds", "unknown", "onbekend"),
    ],
)
def test_figures(value: float, unit: str, english: str, dutch: str) -> None:
    assert words.figure(value, unit, "en") == english
    assert words.figure(value, unit, "nl") == dutch


@pytest.mark.parametrize(
    ("value", "unit", "english", "dutch"),
    [
        (12, "errors", "12 errors", "12 fouten"),
        (1, "errors", "1 error", "1 fout"),
        (0, "jobs", "0 jobs", "0 taken"),
        (0.5, "ratio", "50 %", "50 %"),
        (2, "days", "2 days", "2 dagen"),
        (3, "widgets", "3 widgets", "3 widgets"),
        (3, "", "3", "3"),
    ],
)
def test_amounts_say_what_they_count(value: float, unit: str, english: str, dutch: str) -> None:
    assert words.amount(value, unit, "en") == english
    assert words.amount(value, unit, "nl") == dutch


@pytest.mark.parametrize(
    ("seconds", "english", "dutch"),
    [
        (0.0004, "0.4 ms", "0,4 ms"), (0.25, "250 ms", "250 ms"), (0.9999, "1 s", "1 s"), (4.2, "4.2 s", "4,2 s"),
        (42, "42 s", "42 s"), (59.7, "1 min", "1 min"), (60, "1 min", "1 min"), (2040, "34 min", "34 min"),
        (3599.8, "1 h", "1 u"), (5400, "1 h 30 min", "1 u 30 min"), (36 * 3600, "36 h", "36 u"),
        (76 * 3600, "3 d 4 h", "3 d 4 u"), (7 * 86400, "7 d", "7 d"), (-90, "-1 min 30 s", "-1 min 30 s"),
        (5000 * 86400, "5,000 d", "5.000 d"),
    ],
)  # fmt: skip
def test_spans(seconds: float, english: str, dutch: str) -> None:
    assert words.span(timedelta(seconds=seconds), "en") == english
    assert words.span(timedelta(seconds=seconds), "nl") == dutch


def test_moments_are_on_the_clock_of_the_zone() -> None:
    assert words.moment(NOW, "Europe/Amsterdam", "en", now=NOW) == "27 Nov 14:03"
    assert words.moment(NOW, "Europe/Amsterdam", "nl", now=NOW) == "27 nov 14:03"
    assert words.moment(NOW, "America/New_York", "en", now=NOW) == "27 Nov 08:03"
    march = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
    assert words.moment(march, "Europe/Amsterdam", "nl", now=NOW) == "1 mrt 12:00"


def test_another_year_is_named_and_it_is_the_zones_year() -> None:
    eve = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert words.moment(eve, "Europe/Amsterdam", "en", now=NOW) == "1 Jan 2027 00:30"
    assert words.moment(eve, "UTC", "en", now=NOW) == "31 Dec 23:30"
    assert words.moment(eve, "Europe/Amsterdam", "en", now=eve) == "1 Jan 00:30"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd"])
def test_a_zone_that_there_is_not_gives_utc_and_says_so(zone: str) -> None:
    assert words.moment(NOW, zone, "en", now=NOW) == "27 Nov 13:03 UTC"


def test_labels() -> None:
    assert words.where({"queue": "long"}, "en") == "queue long"
    assert words.where({"queue": "long"}, "nl") == "wachtrij long"
    assert words.where({"state": "failed", "window": "24h"}, "nl") == "toestand failed, over 24 u"
    assert words.where({"window": "24h"}, "en") == "over 24 h"
    assert words.where({"window": "day"}, "nl") == "vandaag"
    assert words.where({"quantile": "0.95"}, "en") == "95 % of them"
    assert words.where({"job_type": "x{y}", "mount": ""}, "en") == "job type x{y}"
    assert words.where({"quantile": "high"}, "en") == "quantile high"
    assert words.where({}, "en") == ""


def test_both_languages_have_every_word_with_the_same_fields() -> None:
    assert set(words.WORDS) == {"en", "nl"}
    assert set(words.WORDS["en"]) == set(words.WORDS["nl"])
    for key, english in words.WORDS["en"].items():
        dutch = words.WORDS["nl"][key]
        assert english, key
        assert dutch, key
        assert _fields(english) == _fields(dutch), key
    assert all(set(nouns) == {"en", "nl"} for nouns in words.NOUNS.values())


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["en", "nl"])
def test_everything_that_alerts_have_has_a_word(language: str) -> None:
    for severity in SEVERITIES:
        assert words.severity(severity, language) != severity
    for status in ("Active", "Acknowledged", "Resolved"):
        assert f"status.{status}" in words.WORDS[language]
    for event in (*get_args(Event), "opened", "assigned", "commented", "feedback", "suppressed", "unsuppressed",
                  "notified", "notification_failed", "held", "test"):  # fmt: skip
        assert words.event(event, language) != event
    for area in AREAS:
        assert words.area(area, language) != area
    for category in CATEGORIES:
        assert f"category.{category}" in words.WORDS[language]


@pytest.mark.parametrize("entry", catalogue.metrics(), ids=lambda entry: entry.name)
def test_every_metric_of_the_catalogue_can_be_said(entry: catalogue.Metric) -> None:
    assert entry.unit in {"ratio", "seconds", "bytes", "EUR", "bool", *words.NOUNS}
    for label in entry.labels:
        assert f"label.{label}" in words.WORDS["nl"]


def test_an_unknown_language_is_english_and_an_unknown_word_is_a_mistake() -> None:
    assert words.severity("HIGH", "fr") == "High"
    assert words.severity("OTHER", "en") == "OTHER"
    with pytest.raises(KeyError):
        words.word("no such word", "en")

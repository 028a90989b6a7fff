"""Rules for Prometheus: its own tool takes them, and they fire when Baken's rules do."""

import itertools
import json
import math
import random
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from baken.alerts import machine, rulebook
from baken.alerts.figures import Source
from baken.alerts.kept_rules import Books, for_all
from baken.alerts.kinds.threshold import Threshold
from baken.alerts.machine import State
from baken.alerts.rule import Rule, Verdict
from baken.alerts.rulebook import RuleBook
from baken.clock import to_ms
from baken.exporters import prometheus_rules as exporter
from baken.exporters import promql
from baken.exporters.names import exported, exported_labels
from baken.exporters.promql import NotInPromql, Sites
from baken.history.samples import Points
from baken.metrics import catalogue
from baken.server.alertmanager_in import _is_own
from baken.settings import Alerts
from tests.alerts.judged import MINUTE, MadeView
from tests.conftest import in_ci
from tests.servers import ServerMissingError, program

SITE = "vereniging.example"
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
# What comes and goes is held on to by Baken; Prometheus knows no such thing.
STEADY = Alerts(flapping=10_000)

Course = Mapping[tuple[str, tuple[tuple[str, str], ...]], Sequence[float | None]]
"""(metric, labels) → a figure a minute."""


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return rulebook.read(None)


def tool(name: str, *arguments: str, folder: Path) -> str:
    """Run a tool; its output when it is content."""
    try:
        found = program(name)
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))
    done = subprocess.run([found, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[:6000]
    return done.stdout + done.stderr


def made(books: Books, **wishes: Any) -> dict[str, list[dict[str, Any]]]:
    """The alerting rules by name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for group in exporter.make(books, exporter.Wishes(**wishes)).groups:
        for rule in group["rules"]:
            if "alert" in rule:
                found.setdefault(rule["alert"], []).append(rule)
    return found


def changed(book: RuleBook, **changes: Mapping[str, Any]) -> RuleBook:
    found, problems = rulebook.with_changes(book, changes)
    assert not problems
    return found


# The file


@pytest.mark.parametrize("language", ["en", "nl"])
def test_promtool_takes_the_rules(book: RuleBook, tmp_path: Path, language: str) -> None:
    own = {
        SITE: changed(book, HIGH_ERROR_RATE={"above": 20}, HIGH_CPU={"enabled": False}, SITE_DOWN={"severity": "HIGH"}),
        "ander.example": changed(book, HIGH_ERROR_RATE={"above": 30}, DAILY_ERRORS={"enabled": False}),
    }
    wishes = exporter.Wishes(language=language, public_url="https://baken.example", interval="30s")
    (tmp_path / "rules.yml").write_text(exporter.text(exporter.make(Books(book, own), wishes)))
    told = tool("promtool", "check", "rules", "--lint-fatal", "rules.yml", folder=tmp_path)
    assert "SUCCESS" in told and "duplicate" not in told


def test_no_rule_is_dropped(book: RuleBook) -> None:
    found = exporter.make(Books(changed(book, HIGH_DISK={"enabled": False})), exporter.Wishes())
    written = {rule["alert"] for group in found.groups for rule in group["rules"] if "alert" in rule}
    assert set(book.rules) - written == {"HIGH_DISK"}
    text = exporter.text(found)
    assert "# Switched off in Baken, and not in this file: HIGH_DISK\n" in text
    assert "#   HIGH_CPU: its limit by night holds at night in each site's own time zone\n" in text
    alerts = {rule["alert"]: rule for group in found.groups for rule in group["rules"] if "alert" in rule}
    told = alerts["NEW_ERROR_PATTERN"]["annotations"]
    assert told["summary"] == "New grave error" and "open in Baken on {{ $labels.site }}" in told["description"]
    for name, why in found.judged_by_baken.items():
        assert f'rule="{name}"' in alerts[name]["expr"], why
        assert "for" not in alerts[name]


def test_what_comes_back_by_alertmanager_is_known_as_bakens_own(book: RuleBook) -> None:
    for name, rules in made(Books(book)).items():
        for rule in rules:
            assert _is_own({"alertname": name, "job": "baken", **rule["labels"]}), name


def test_an_alert_says_what_baken_says(book: RuleBook) -> None:
    (rule,) = made(Books(book), public_url="https://baken.example/")["HIGH_JOB_QUEUE"]
    assert rule["expr"] == (
        "(baken_frappe_queue_length > 20)\nor\n((baken_frappe_queue_length > 10) and on (job, instance, site, queue) "
        'ALERTS{alertname="HIGH_JOB_QUEUE", alertstate="firing"})'
    )
    assert (rule["for"], rule["keep_firing_for"]) == ("5m", "2m")
    assert rule["labels"] == {"source": "baken", "severity": "warning", "baken_severity": "MEDIUM", "area": "business"}
    told = rule["annotations"]
    assert "{{ $labels.queue }}" in told["summary"] and '{{ printf "%.7g" $value }}' in told["summary"]
    assert "{{ $labels.site }}" in told["description"]
    assert told["runbook"] == "docs/runbook.md#high_job_queue"
    assert told["link"] == "https://baken.example/monitoring_dashboard/alerts?site={{ $labels.site }}"
    (dutch,) = made(Books(book), language="nl")["HIGH_JOB_QUEUE"]
    assert dutch["annotations"]["summary"] != told["summary"] and "link" not in dutch["annotations"]
    assert "keep_firing_for" not in made(Books(book), keep=False)["HIGH_JOB_QUEUE"][0]


def test_rules_that_were_changed_for_a_site(book: RuleBook) -> None:
    own = {
        SITE: changed(book, HIGH_ERROR_RATE={"above": 20, "severity": "HIGH"}, DAILY_ERRORS={"enabled": False}),
        "b+c.example": changed(book, HIGH_ERROR_RATE={"enabled": False}),
    }
    found = made(Books(book, own))
    general, special = found["HIGH_ERROR_RATE"]
    assert 'site!~"b\\\\+c\\\\.example|vereniging\\\\.example"' in general["expr"]
    assert 'baken_frappe_errors{site="vereniging.example", window="1h"} > 20' in special["expr"]
    assert special["labels"] == {
        "source": "baken",
        "severity": "warning",
        "baken_severity": "HIGH",
        "area": "errors",
        "site": SITE,
    }
    (daily,) = found["DAILY_ERRORS"]
    assert 'site!~"vereniging\\\\.example"' in daily["expr"]
    # Off everywhere but on one site.
    off = changed(book, SITE_DOWN={"enabled": False})
    (only,) = made(Books(off, {SITE: changed(off, SITE_DOWN={"enabled": True})}))["SITE_DOWN"]
    assert only["expr"] == f'baken_frappe_site_up{{site="{SITE}"}} < 1'


def test_what_explains_an_alert_keeps_alertmanager_from_telling_it(book: RuleBook, tmp_path: Path) -> None:
    text = exporter.inhibitions(book.enabled)
    config = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}], **yaml.safe_load(text)}
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(config))
    tool("amtool", "check-config", "alertmanager.yml", folder=tmp_path)
    found = {each["source_matchers"][0]: each for each in config["inhibit_rules"]}
    assert found['alertname="SITE_DOWN"']["equal"] == ["site"]
    assert found['alertname="DISK_FULL"']["target_matchers"] == ['alertname=~"HIGH_DISK"']
    # One that is about all sites explains those of each.
    assert "equal" not in found['alertname="MANY_SITES_DOWN"']


@pytest.mark.parametrize(
    ("match", "wanted"),
    [
        ("long", 'queue="long"'),
        ("!long", 'queue!="long"'),
        ("~a|b", 'queue=~"a|b"'),
        ("!~a.*", 'queue!~"a.*"'),
        ('a"b\\c', 'queue="a\\"b\\\\c"'),
    ],
)
def test_matchers(match: str, wanted: str) -> None:
    entry = catalogue.get("frappe_queue_length")
    assert entry is not None
    found = promql.selector(Source(entry, {"queue": match}), Sites())
    assert found == f"baken_frappe_queue_length{{{wanted}}}"


def test_what_prometheus_cannot_judge_is_said(book: RuleBook) -> None:
    table = {"severity": "LOW", "area": "errors", "title": "x", "message": "x", "metric": "frappe_errors"}
    own = changed(
        book,
        FEW={**table, "match": {"window": "1h"}, "below": 1},
        LOOKS={**table, "match": {"window": "~a(b$|c)"}, "above": 3},
        GONE={**table, "kind": "absence", "match": {"window": "1h"}, "older_than": "1h"},
    )
    said = {}
    for name in ("FEW", "LOOKS", "GONE", "NEW_ERROR_PATTERN", "BACKUP_SHRUNK"):
        with pytest.raises(NotInPromql) as refused:
            promql.of_rule(own.rules[name])
        said[name] = str(refused.value)
    assert said["FEW"].startswith("a group that does not occur counts as none")
    assert said["BACKUP_SHRUNK"] == "it looks back over 30d, and what Prometheus keeps may be shorter"
    assert "no equal in Prometheus" in said["LOOKS"]


# What fires, and when


def course_of(rule: Rule, course: Course, minutes: int, sites: int = 1) -> list[int]:
    """On how many label sets a rule fires in Baken, minute by minute."""
    states: dict[Any, State | None] = {}
    fired = []
    for minute in range(minutes):
        now = START + minute * MINUTE
        verdicts = dict(_verdicts(rule, course, minute, now, sites))
        for key, verdict in verdicts.items():
            before = states.get(key)
            held = before is not None and before.phase in ("firing", "recovering")
            states[key] = machine.step(before, verdict, rule, now, alert_open=held, settings=STEADY).state
        fired.append(sum(state is not None and state.phase in ("firing", "recovering") for state in states.values()))
    return fired


def _verdicts(rule: Rule, course: Course, minute: int, now: datetime, sites: int) -> Iterable[tuple[Any, Verdict]]:
    names = sorted({dict(labels).get("site", "") for _, labels in course})
    holding = 0
    for site in names:
        view = _view(course, site, minute, now)
        for verdict in rule.condition.judge(view):
            holding += verdict.breach is True
            if rule.quorum is None:
                yield (site, tuple(sorted(verdict.labels.items()))), verdict
    if rule.quorum is not None:
        breach = holding >= max(rule.quorum.least, math.ceil(rule.quorum.share * sites))
        yield "", Verdict({}, breach, not breach)


def _view(course: Course, site: str, minute: int, now: datetime) -> MadeView:
    view = MadeView(site=site, now=now)
    for (metric, labels), values in course.items():
        own = {name: value for name, value in labels if name != "site"}
        line, at = values[: minute + 1], _MOMENTS[: minute + 1]
        if dict(labels).get("site", "") != site or line.count(None) == len(line):
            continue
        if None in line:
            pairs = [(moment, value) for moment, value in zip(at, line, strict=True) if value is not None]
            at, line = [moment for moment, _ in pairs], [value for _, value in pairs]
        view.put(metric, line[-1] or 0.0, timedelta(milliseconds=to_ms(now) - at[-1]), **own)
        recent = [value or 0.0 for value in line[-_LOOKED:]]
        view.courses.setdefault(metric, []).append(Points(own, at[-_LOOKED:], recent))
    return view


_MOMENTS = [to_ms(START + minute * MINUTE) for minute in range(2000)]
# So far back rules look at most: a day.
_LOOKED = 1441


def series_of(course: Course) -> list[dict[str, str]]:
    """A course as promtool wants it."""
    found = []
    for (metric, labels), values in course.items():
        own = {name: value for name, value in labels if name != "site"}
        named = exported_labels(dict(labels).get("site", ""), own)
        inner = ", ".join(f"{name}={promql.quoted(value)}" for name, value in named.items())
        line = " ".join("_" if value is None else repr(value) for value in values)
        found.append({"series": f"{exported(metric)}{{{inner}}}", "values": line})
    return found


def in_prometheus(
    folder: Path, books: Books, tests: Sequence[tuple[list[dict[str, str]], dict[str, list[int]]]]
) -> None:
    """Let promtool judge what fires: tests are (series, rule → on how many label sets it fires by minute)."""
    wanted = {name for _, expected in tests for name in expected}
    groups = exporter.make(books, exporter.Wishes()).groups
    for group in groups:
        # Judging the others takes its time.
        rules = group["rules"]
        group["rules"] = [
            each for each in rules if each.get("alert") in wanted or each.get("record", "")[:6] == "baken:"
        ]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    written = []
    for series, expected in tests:
        minutes = len(next(iter(expected.values())))
        named = "|".join(expected)
        query = f'count by (alertname) (ALERTS{{alertstate="firing", alertname=~"{named}"}})'
        written.append(
            {
                "interval": "1m",
                "input_series": series,
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": f"{minute}m",
                        "exp_samples": [
                            {"labels": f'{{alertname="{name}"}}', "value": counts[minute]}
                            for name, counts in expected.items()
                            if counts[minute]
                        ],
                    }
                    for minute in range(minutes)
                ],
            }
        )
    # JSON is YAML, and written sooner.
    (folder / "tests.yml").write_text(
        json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": written})
    )
    tool("promtool", "test", "rules", "tests.yml", folder=folder)


def test_every_threshold_fires_and_ends_as_in_baken(book: RuleBook, tmp_path: Path) -> None:
    minutes, dice = 400, random.Random(7)
    thresholds: dict[str, list[Rule]] = {}
    for rule in book.enabled:
        if isinstance(rule.condition, Threshold) and rule.condition.limits.night is None and rule.quorum is None:
            thresholds.setdefault(rule.condition.source.metric.name, []).append(rule)
    assert len(thresholds) > 30
    course: dict[Any, list[float | None]] = {}
    expected: dict[str, list[int]] = {}
    for name, rules in thresholds.items():
        limits = [limit.figure for rule in rules for limit in _limits(rule)]
        values = sorted({value for figure in limits for value in (figure, figure * 0.98, figure * 1.02, figure + 1)})
        site = () if rules[0].condition.source.metric.scope in ("host", "monitor") else (("site", SITE),)  # type: ignore[attr-defined]
        own = {}
        for labels in _label_sets(rules):
            line: list[float | None] = []
            while len(line) < minutes:
                # Sometimes long enough for whatever waits an hour or two.
                line += [dice.choice(values)] * dice.choice([1, 1, 2, 3, 6, 12, 20, 70, 130])
            own[name, (*site, *labels)] = line[:minutes]
        course |= own
        for rule in rules:
            expected[rule.name] = course_of(rule, own, minutes)
    assert sum(any(counts) and not all(counts) for counts in expected.values()) > 35
    in_prometheus(tmp_path, Books(book), [(series_of(course), expected)])


def _limits(rule: Rule) -> list[Any]:
    limits = rule.condition.limits  # type: ignore[attr-defined]
    return [limit for limit in (limits.day, limits.recover) if limit is not None]


def _label_sets(rules: Sequence[Rule]) -> list[tuple[tuple[str, str], ...]]:
    names = rules[0].condition.source.metric.labels  # type: ignore[attr-defined]
    options = []
    for name in names:
        wanted = [rule.condition.match.get(name, "x") for rule in rules]  # type: ignore[attr-defined]
        options.append(sorted({each.lstrip("!~").split("|")[0] for each in wanted} | {"y"}))
    return [tuple(zip(names, values, strict=True)) for values in itertools.product(*options)]


def test_shares_changes_budgets_and_silence_fire_as_in_baken(book: RuleBook, tmp_path: Path) -> None:
    tests = []
    for rule, course in (
        (book.rules["PAYMENT_FAILURES"], _payments()),
        (book.rules["DEADLOCK_STORM"], _deadlocks()),
        (book.rules["SEPA_BATCH_FAILED"], _batches()),
        (book.rules["SITE_AVAILABILITY_BUDGET"], _availability()),
    ):
        minutes = len(next(iter(course.values())))
        fired = course_of(rule, course, minutes)
        assert any(fired) and not all(fired), rule.name
        tests.append((series_of(course), {rule.name: fired}))
    in_prometheus(tmp_path, Books(book), tests)


def _payments() -> Course:
    failed: list[float | None] = []
    good: list[float | None] = []
    for length, bad, fine in (
        (40, 5, 13),
        (20, 7, 14),
        (35, 6, 14),
        (40, 7, 13),
        (30, 9, 10),
        (20, 5, 16),
        (40, 4, 16),
    ):
        failed += [float(bad)] * length
        good += [float(fine)] * length
    site = ("site", SITE)
    pending = [3.0] * len(good)
    return {
        ("sepa_collections", (site, ("result", "Failed"))): failed,
        ("sepa_collections", (site, ("result", "Successful"))): good,
        ("sepa_collections", (site, ("result", "Pending"))): pending,
    }


def _deadlocks() -> Course:
    steps = [0] * 70 + [1] * 11 + [0] * 30 + [2] + [0] * 80 + [5, 5] + [0] * 40 + [1] * 4 + [0] * 90
    return {("database_deadlocks_total", (("site", SITE),)): [float(each) for each in itertools.accumulate(steps)]}


def _batches() -> Course:
    line = [2.0] * 75 + [3.0] * 1500 + [2.0] * 30 + [3.0] * 10
    return {("sepa_batches", (("site", SITE), ("status", "Failed"))): line}


def _availability() -> Course:
    up = [1.0] * 90 + [0.0] * 5 + [1.0] * 120 + ([1.0] * 6 + [0.0]) * 20 + [1.0] * 400
    return {("frappe_site_up", (("site", SITE),)): up}


def test_a_site_that_is_not_seen_any_more(book: RuleBook, tmp_path: Path) -> None:
    rule, minutes = book.rules["SITE_UNWATCHED"], 40
    measured = [0.5 if minute < 5 or minute > 30 else None for minute in range(minutes)]
    fired = course_of(rule, {("monitor_collect_seconds", (("site", SITE),)): measured}, minutes)
    assert fired.index(1) == 23
    ages = [0 if value is not None else (minute - 4) * 60 for minute, value in enumerate(measured)]
    series = {
        "series": f'baken_measured_age_seconds{{site="{SITE}", metric="monitor_collect_seconds"}}',
        "values": " ".join(map(str, ages)),
    }
    in_prometheus(tmp_path, Books(book), [([series], {rule.name: fired})])


def test_many_sites_at_once(book: RuleBook, tmp_path: Path) -> None:
    rule, minutes, sites = book.rules["MANY_SITES_DOWN"], 60, 9
    assert for_all(rule)
    down = {0: (10, 40), 1: (12, 40), 2: (14, 25), 3: (20, 30), 4: (22, 22), 5: (24, 26), 6: (24, 40)}
    course: dict[Any, list[float | None]] = {
        ("frappe_site_up", (("site", f"site-{number}"),)): [
            0.0 if number in down and down[number][0] <= minute < down[number][1] else 1.0 for minute in range(minutes)
        ]
        for number in range(sites)
    }
    fired = course_of(rule, course, minutes, sites)
    assert any(fired) and not all(fired)
    watched = {"series": "baken_sites", "values": f"{sites}x{minutes}"}
    in_prometheus(tmp_path, Books(book), [([*series_of(course), watched], {rule.name: fired})])


def test_what_baken_judges_fires_with_bakens_alert(book: RuleBook, tmp_path: Path) -> None:
    series = [
        {"series": f'baken_alerts{{site="{SITE}", rule="NEW_ERROR_PATTERN", status="active", severity="HIGH"}}',
         "values": "_ _ 2 2 1 stale _ _"},
        {"series": f'baken_alerts{{site="{SITE}", rule="NEW_ERROR_PATTERN", status="suppressed", severity="HIGH"}}',
         "values": "1x8"},
        {"series": 'baken_alerts{rule="HIGH_CPU", status="acknowledged"}', "values": "_ 1 1 stale _ _ _ _"},
    ]  # fmt: skip
    expected = {"NEW_ERROR_PATTERN": [0, 0, 1, 1, 1, 0, 0, 0], "HIGH_CPU": [0, 1, 1, 0, 0, 0, 0, 0]}
    in_prometheus(tmp_path, Books(book), [(series, expected)])


def test_what_only_prometheus_can_see(book: RuleBook, tmp_path: Path) -> None:
    series = [
        {"series": 'up{job="baken", instance="x"}', "values": "1 1 0x4 1x12"},
        {"series": 'up{job="other", instance="y"}', "values": "0x18"},
        {"series": 'baken_build_info{job="baken"}', "values": "1x3 stale"},
        {"series": 'baken_measured_age_seconds{job="baken", metric="monitor_lag_seconds"}', "values": "0+60x18"},
        {"series": 'baken_series_left_out{site="a", metric="m"}', "values": "3x70"},
    ]
    expected = {
        "BAKEN_UNREACHABLE": [0] * 5 + [1] * 2 + [0] * 12,
        "BAKEN_GONE": [0] * 14 + [1] * 5,
        "BAKEN_NOT_COLLECTING": [0] * 8 + [1] * 11,
    }
    in_prometheus(tmp_path, Books(book), [(series, expected)])
    in_prometheus(tmp_path, Books(book), [(series[-1:], {"BAKEN_SERIES_LEFT_OUT": [0] * 60 + [1] * 5})])


def test_what_is_recorded(book: RuleBook) -> None:
    groups = exporter.make(Books(book), exporter.Wishes()).groups
    recorded = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"] if "record" in rule}
    assert recorded["fleet:baken_frappe_errors:sum"] == "sum without (site, instance) (baken_frappe_errors)"
    assert recorded["fleet:baken_frappe_site_up:avg"] == "avg without (site, instance) (baken_frappe_site_up)"
    assert recorded["fleet:baken_frappe_certificate_days_left:min"].startswith("min without")
    assert recorded["fleet:baken_frappe_request_seconds:max"].startswith("max without")
    assert recorded["site:baken_database_queries:rate5m"] == "rate(baken_database_queries_total[5m])"
    assert recorded["instance:baken_host_network_bytes:rate5m"] == "rate(baken_host_network_bytes_total[5m])"
    assert len(recorded) == len({*recorded}) > len(catalogue.metrics("site"))


@pytest.mark.parametrize(
    ("length", "said"),
    [(90, "1m30s"), (86400, "1d"), (5400, "1h30m"), (0, "0s"), (0.4, "0s"), (93600, "1d2h")],
)
def test_lengths_of_time(length: float, said: str) -> None:
    assert promql.span(timedelta(seconds=length)) == said


def test_own_rules_of_a_site(book: RuleBook) -> None:
    own = changed(
        book,
        OWN_MANY_USERS={
            "metric": "frappe_users", "above": 5, "severity": "LOW", "area": "business", "title": "{value} {state}",
            "message": "{where}: {value|user|users} on {site}; limit {limit}", "for": "1m",
        },
    )  # fmt: skip
    (rule,) = made(Books(book, {SITE: own}))["OWN_MANY_USERS"]
    assert rule["expr"] == f'baken_frappe_users{{site="{SITE}"}} > 5'
    assert rule["annotations"]["description"] == (
        'state {{ $labels.state }}: {{ printf "%.7g" $value }} {{ if eq (printf "%.7g" $value) "1" }}user{{ else }}'
        "users{{ end }} on {{ $labels.site }}; limit 5"
    )
    assert "OWN_MANY_USERS" not in made(Books(book))

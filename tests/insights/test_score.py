"""The score: reasons that add up, and never a better number for something worse."""

from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from baken.insights.health import OF_THE_SITE, Alert, Health, Severity
from baken.insights.score import Open, Score, score

CHECKS = {
    "DATABASE_DOWN": ("database_up", "CRITICAL"),
    "SITE_DOWN": ("frappe_site_up", "CRITICAL"),
    "HIGH_CPU": ("host_cpu_ratio", "HIGH"),
    "HIGH_DISK": ("host_disk_used_ratio", "CRITICAL"),
    "HIGH_ERROR_RATE": ("frappe_errors", "HIGH"),
    "HIGH_JOB_QUEUE": ("frappe_queue_length", "MEDIUM"),
}
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
METRICS = ["", *(metric for metric, _ in CHECKS.values()), "frappe_backup_age_seconds"]

opens = st.builds(
    Open,
    rule=st.sampled_from(["HIGH_DISK", "DISK_FULL", "NEW_ERROR_PATTERN"]),
    severity=st.sampled_from(SEVERITIES),
    acknowledged=st.booleans(),
    suppressed=st.booleans(),
    metric=st.sampled_from(METRICS),
    labels=st.sampled_from([{}, {"mount": "/"}, {"mount": "/data"}]),
)
states = st.fixed_dictionaries({name: st.sampled_from(["ok", "beyond", "unknown"]) for name in CHECKS})


def verdict(state: dict[str, str]) -> Health:
    """A health check of which each check is ok, beyond its limit, or unknown."""
    alerts, checks = [], []
    for name, (metric, severity) in CHECKS.items():
        if state[name] == "unknown":
            continue
        checks.append({"check": name, "ok": state[name] == "ok"})
        if state[name] == "beyond":
            alerts.append(Alert(name, severity, name, {"metric": metric}))  # type: ignore[arg-type]
    unknown = {name: "no fresh figure" for name, found in state.items() if found == "unknown"}
    return Health("healthy", alerts, checks, unknown)


def number(found: Score) -> float:
    """A number that can be compared: to know nothing is better than nothing."""
    return -1.0 if found.value is None else found.value


ALL_WELL = dict.fromkeys(CHECKS, "ok")


def test_everything_well_is_100_without_reasons() -> None:
    assert score(verdict(ALL_WELL)) == Score(100, [])


def test_one_thing_of_each_severity() -> None:
    found = [score(verdict(ALL_WELL), [Open("R", severity)]).value for severity in SEVERITIES]
    assert found == [97, 88, 70, 40]


def test_nothing_known_about_the_site_is_no_number_and_says_why() -> None:
    host_only = {name: "unknown" if name in OF_THE_SITE else "ok" for name in CHECKS}
    found = score(verdict(host_only), [Open("HIGH_CPU", "LOW")])
    assert found.value is None
    assert found.reasons[0].kind == "unknown"
    assert found.reasons[0].values == {"reason": "no fresh figure"}
    assert {reason.points for reason in found.reasons} == {0}
    assert [reason.kind for reason in found.reasons[1:]].count("alert") == 1
    assert score(Health("unknown", [], [], {})).reasons[0].values["reason"]


def test_a_site_out_of_reach_has_a_number() -> None:
    found = score(Health("critical", [Alert("SITE_UNREACHABLE", "CRITICAL", "gone", {})], [], {"SITE_DOWN": "gone"}))
    assert found.value == 39
    assert [reason.key for reason in found.reasons] == ["SITE_UNREACHABLE", "SITE_DOWN"]


def test_one_cause_counts_once() -> None:
    full = verdict(ALL_WELL | {"HIGH_DISK": "beyond"})
    disk = Open("HIGH_DISK", "HIGH", metric="host_disk_used_ratio", labels={"mount": "/"})
    found = score(full, [disk, replace(disk, rule="DISK_FULL", severity="CRITICAL")])
    assert [(reason.kind, reason.key, reason.points) for reason in found.reasons] == [("alert", "DISK_FULL", 60)]
    # The figure is as far beyond its limit as before, whoever looks after the alert.
    acknowledged = score(full, [replace(disk, acknowledged=True)])
    assert [(reason.kind, reason.points, reason.severity) for reason in acknowledged.reasons] == [
        ("alert", 60, "CRITICAL")
    ]
    # Another disk is another cause.
    assert number(score(full, [disk, replace(disk, labels={"mount": "/data"})])) < 40


def test_acknowledged_takes_half_and_held_back_nothing() -> None:
    assert score(verdict(ALL_WELL), [Open("R", "HIGH", acknowledged=True)]).value == 85
    assert score(verdict(ALL_WELL), [Open("R", "CRITICAL", suppressed=True)]) == Score(100, [])


@given(states, st.lists(opens, max_size=6))
def test_reasons_add_up(state: dict[str, str], alerts: list[Open]) -> None:
    found = score(verdict(state), alerts)
    if found.value is not None:
        assert 0 <= found.value <= 100
        assert sum(reason.points for reason in found.reasons) == 100 - found.value
        assert found.value < 100 or not found.reasons
    assert found == score(verdict(state), list(reversed(alerts)))


@given(states, st.lists(opens, max_size=6), opens)
def test_one_more_alert_never_scores_higher(state: dict[str, str], alerts: list[Open], more: Open) -> None:
    assert number(score(verdict(state), [*alerts, more])) <= number(score(verdict(state), alerts))


@given(states, st.lists(opens, min_size=1, max_size=6), st.data())
def test_a_graver_alert_never_scores_higher(state: dict[str, str], alerts: list[Open], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(alerts) - 1))
    before = alerts[place]
    severity = data.draw(st.sampled_from(SEVERITIES[SEVERITIES.index(before.severity) :]))
    worse = replace(
        before,
        severity=severity,
        acknowledged=before.acknowledged and data.draw(st.booleans()),
        suppressed=before.suppressed and data.draw(st.booleans()),
    )
    changed = [*alerts[:place], worse, *alerts[place + 1 :]]
    assert number(score(verdict(state), changed)) <= number(score(verdict(state), alerts))


@given(states, st.lists(opens, max_size=6), st.sampled_from(sorted(CHECKS)), st.sampled_from(["beyond", "unknown"]))
def test_a_check_that_is_not_ok_any_more_never_scores_higher(
    state: dict[str, str], alerts: list[Open], name: str, worse: str
) -> None:
    before = verdict(state | {name: "ok"})
    assert number(score(verdict(state | {name: worse}), alerts)) <= number(score(before, alerts))

"""What Prometheus gets to read: every figure that may be given out, and nothing that it could not read."""

import json
import math
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from sqlalchemy import delete, event, insert

from baken import __version__
from baken.alerts.figures import Source
from baken.alerts.view import SiteView
from baken.alerts.windows import Hours
from baken.clock import to_ms
from baken.exporters import prometheus
from baken.exporters.prometheus import Part
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.series import labels_text
from baken.history.store import Store, open_store
from baken.history.tables import absences, alerts, latest, measurements, series, site_states
from baken.metrics import catalogue
from tests.conftest import in_ci
from tests.servers import ServerMissingError, program

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
SITE, OTHER = "vereniging.example", "ander.example"
MINUTE = timedelta(minutes=1)

# The library says nothing of the types of one of them.
read_openmetrics: Any = openmetrics_parser.text_string_to_metric_families
read_text: Any = parser.text_string_to_metric_families

Read = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'baken.db'}")
    made.migrate()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _empty(store: Store) -> None:
    empty(store)


def empty(store: Store) -> None:
    with store.write() as conn:
        for table in (series, latest, measurements, absences, site_states, alerts):
            conn.execute(delete(table))


def record(
    store: Store,
    figures: Mapping[str, Any],
    *,
    site: str = SITE,
    ago: timedelta = timedelta(),
    absent: Mapping[str, str] | None = None,
    ok: bool = True,
) -> None:
    """Store a run: {metric: number} or {metric: {(("label", "value"),): number}}."""
    found = []
    for metric, value in figures.items():
        sets = value if isinstance(value, dict) else {(): value}
        found += [Sample(metric, labels, number) for labels, number in sets.items()]
    cycle = Cycle(site, NOW - ago, found, dict(absent or {}), tuple(figures), ok=ok)
    with store.write() as conn:
        samples.record(conn, [cycle])


def page(store: Store, sites: Iterable[str] = (SITE,), *, host: bool = True, most: int = 500) -> Read:
    """What both formats say, which is the same."""
    with store.read() as conn:
        found = prometheus.families(conn, Part(tuple(sites), host), NOW, watched=2, most=most)
    told = _series(read_openmetrics(prometheus.written(found, open_metrics=True).decode()))
    assert told == _series(read_text(prometheus.written(found, open_metrics=False).decode()))
    return told


def _series(families: Iterable[Any]) -> Read:
    told: Read = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in told, f"twice: {key}"
            assert math.isfinite(sample.value)
            told[key] = sample.value
    return told


def labels(site: str = SITE, **more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**({"site": site} if site else {}), **more}.items()))


def test_figures_of_a_site_and_of_the_host(store: Store) -> None:
    record(store, {"frappe_errors": {(("window", "1h"),): 3}, "database_queries_total": 12345.0})
    record(store, {"frappe_errors": {(("window", "1h"),): 4}}, site=OTHER)
    record(store, {"host_cpu_ratio": 0.25, "host_disk_used_ratio": {(("mount", "/"),): 0.5}}, site="")
    told = page(store, (SITE, OTHER))
    assert told["baken_frappe_errors", labels(window="1h")] == 3
    assert told["baken_frappe_errors", labels(OTHER, window="1h")] == 4
    assert told["baken_database_queries_total", labels()] == 12345
    assert told["baken_host_cpu_ratio", ()] == 0.25
    assert told["baken_host_disk_used_ratio", labels("", mount="/")] == 0.5
    assert told["baken_site_up", labels()] == 1
    assert told["baken_measured_age_seconds", labels(metric="frappe_errors")] == 0
    assert told["baken_sites", ()] == 2
    assert told["baken_build_info", labels("", version=__version__)] == 1
    alone = page(store, (OTHER,), host=False)
    assert {dict(pairs).get("site") for _, pairs in alone} == {OTHER}
    assert not page(store, (), host=True).keys() & alone.keys()


def test_labels_that_prometheus_claims(store: Store) -> None:
    record(
        store, {"frappe_redis_up": {(("instance", "queue"),): 1}, "frappe_scheduled_job_failing": {(("job", "x"),): 1}}
    )
    told = page(store)
    assert told["baken_frappe_redis_up", labels(instance_name="queue")] == 1
    assert told["baken_frappe_scheduled_job_failing", labels(job_name="x")] == 1


def test_help_type_and_unit_are_those_of_the_catalogue(store: Store) -> None:
    record(store, {"database_response_seconds": 0.1, "database_queries_total": 5, "frappe_site_up": 1})
    with store.read() as conn:
        found = prometheus.families(conn, Part((SITE,), False), NOW, watched=1, most=9)
    text = prometheus.written(found, open_metrics=True).decode()
    entry = catalogue.get("database_response_seconds")
    assert entry is not None
    assert f"# HELP baken_database_response_seconds {entry.help}.\n" in text
    assert "# TYPE baken_database_response_seconds gauge\n# UNIT baken_database_response_seconds seconds\n" in text
    assert "# TYPE baken_database_queries counter\n# UNIT baken_database_queries queries\n" in text
    assert "(1 is yes, 0 is no).\n# TYPE baken_frappe_site_up gauge\nbaken_frappe_site_up{" in text
    assert text.endswith("# EOF\n")
    assert "# TYPE baken_database_queries_total counter\n" in prometheus.written(found, open_metrics=False).decode()


def test_a_collector_that_died_does_not_look_alive(store: Store) -> None:
    record(store, {"frappe_errors": {(("window", "1h"),): 3}, "frappe_backup_age_seconds": 60}, ago=6 * MINUTE)
    told = page(store)
    # The hourly figure is good for three hours; that of a minute for five.
    assert told["baken_frappe_backup_age_seconds", labels()] == 60
    assert ("baken_frappe_errors", labels(window="1h")) not in told
    assert told["baken_absent", labels(metric="frappe_errors")] == 1
    assert ("baken_absent", labels(metric="frappe_backup_age_seconds")) not in told
    assert told["baken_measured_age_seconds", labels(metric="frappe_errors")] == 360
    assert ("baken_site_up", labels()) not in told


def test_what_costs_much_is_given_out_for_longer_while_the_collector_lives(store: Store) -> None:
    for ago in (22, 2):
        record(store, {"frappe_error_log_rows": 5}, ago=ago * MINUTE * 10)
    assert ("baken_frappe_error_log_rows", labels()) not in page(store)
    # It is measured every 200 minutes instead of every five, as can be seen; and the site was looked at just now.
    empty(store)
    for ago in (220, 20):
        record(store, {"frappe_error_log_rows": 5}, ago=ago * MINUTE)
    assert ("baken_frappe_error_log_rows", labels()) not in page(store)
    record(store, {"frappe_site_up": 1})
    assert page(store)["baken_frappe_error_log_rows", labels()] == 5


def test_what_cannot_be_measured_is_absent(store: Store) -> None:
    record(store, {"sepa_mandates": {(("status", "Active"),): 7}}, ago=2 * MINUTE)
    record(store, {"frappe_site_up": 0}, absent={"sepa_mandates": "the database does not answer"}, ok=False)
    told = page(store)
    assert told["baken_absent", labels(metric="sepa_mandates")] == 1
    assert ("baken_sepa_mandates", labels(status="Active")) not in told
    assert told["baken_site_up", labels()] == 0


def test_of_a_metric_with_very_many_series_some_are_left_out(store: Store) -> None:
    many = {(("table", f"tab{number:02}"),): float(number) for number in range(30)}
    record(store, {"database_table_bytes": many, "frappe_site_up": 1})
    told = page(store, most=10)
    assert [pairs for name, pairs in told if name == "baken_database_table_bytes"] == [
        labels(table=f"tab{number:02}") for number in range(10)
    ]
    assert told["baken_series_left_out", labels(metric="database_table_bytes")] == 20
    assert ("baken_series_left_out", labels(metric="frappe_site_up")) not in told
    assert not any(name == "baken_series_left_out" for name, _ in page(store, most=30))


def test_what_no_metric_of_this_version_is_is_not_given_out(store: Store) -> None:
    record(store, {"of_another_version": 1, "host_cpu_ratio": 0.5, "frappe_users": {(("shoe", "left"),): 1}})
    record(store, {"frappe_site_up": 1}, site="")
    told = page(store)
    assert not {name for name, _ in told} & {"baken_of_another_version", "baken_host_cpu_ratio", "baken_frappe_users"}
    assert not any(value in ("of_another_version", "host_cpu_ratio") for _, pairs in told for _, value in pairs)
    assert told["baken_series_left_out", labels(metric="frappe_users")] == 1


def test_open_alerts_by_their_status(store: Store) -> None:
    rows: list[dict[str, Any]] = [
        {"site": SITE, "rule": "HIGH_DISK", "status": "Active", "open_key": "a", "suppressed": None},
        {"site": SITE, "rule": "HIGH_DISK", "status": "Active", "open_key": "b", "suppressed": None},
        {"site": SITE, "rule": "HIGH_DISK", "status": "Acknowledged", "open_key": "c", "suppressed": None},
        {"site": SITE, "rule": "HIGH_DISK", "status": "Acknowledged", "open_key": "d", "suppressed": "silence:3"},
        {"site": SITE, "rule": "HIGH_DISK", "status": "Resolved", "open_key": None, "suppressed": None},
        {"site": SITE, "rule": "TEST_ALERT", "status": "Active", "open_key": "e", "suppressed": None},
        {"site": "", "rule": "HIGH_CPU", "status": "Active", "open_key": "f", "suppressed": None},
        {"site": "not.watched", "rule": "HIGH_CPU", "status": "Active", "open_key": "g", "suppressed": None},
    ]
    common: dict[str, Any] = {
        "key": "k", "labels": "{}", "severity": "HIGH", "area": "performance", "began": 0, "fired": 0, "last_seen": 0,
        "occurrences": 1, "step": 0, "told": True, "flapping": False, "assigned_to": "", "acknowledged_by": "",
        "resolved_by": "", "feedback": "", "texts": "{}", "details": "{}",
    }  # fmt: skip
    with store.write() as conn:
        conn.execute(insert(alerts), [{**common, **row} for row in rows])
    told = {pairs: value for (name, pairs), value in page(store).items() if name == "baken_alerts"}
    same = {"severity": "HIGH", "area": "performance"}
    assert told == {
        labels(rule="HIGH_DISK", **same, status="active"): 2,
        labels(rule="HIGH_DISK", **same, status="acknowledged"): 1,
        labels(rule="HIGH_DISK", **same, status="suppressed"): 1,
        labels("", rule="HIGH_CPU", **same, status="active"): 1,
    }


def test_prometheus_own_checker_finds_nothing_but_these(store: Store) -> None:
    """It would have seconds for days, in which people reckon, and quantiles in summaries only, which count on."""
    for entry in catalogue.metrics():
        combination = tuple((label, "x") for label in entry.labels)
        record(store, {entry.name: {combination: 1.0}}, site="" if entry.scope in ("host", "monitor") else SITE)
    record(store, {"sepa_mandates": {}}, site=OTHER, absent={"sepa_mandates": "no such DocType"})
    many: dict[Any, float] = {(("table", "a\\b"),): 1.0, (("table", 'c"d\n'),): 2.0, (("table", "e"),): 3.0}
    record(store, {"database_table_bytes": many}, site=OTHER)
    try:
        promtool = program("promtool")
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with store.read() as conn:
        found = prometheus.families(conn, Part((SITE, OTHER), True), NOW, watched=2, most=2)
    assert len([family for family in found if family.name.startswith("baken_")]) >= len(catalogue.metrics())
    text = prometheus.written(found, open_metrics=False)
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    complaints = dict(line.split(" ", 1) for line in (checked.stdout + checked.stderr).decode().splitlines())
    days = {f"baken_{entry.name}" for entry in catalogue.metrics() if entry.unit == "days"}
    quantiles = {f"baken_{entry.name}" for entry in catalogue.metrics() if "quantile" in entry.labels}
    assert complaints == {
        **dict.fromkeys(days, 'use base unit "seconds" instead of "days"'),
        **dict.fromkeys(quantiles, 'non-summary metrics should not have "quantile" label'),
    }


texts = st.text(st.characters(exclude_categories=()), max_size=60) | st.sampled_from(
    ["", "\x00", 'a"b', "a\\", "\\n", "a\nb", "\ud800", "é\r", "\u2028", "x" * 500]
)


@given(st.lists(st.tuples(texts, texts, st.floats()), max_size=12), st.sampled_from([SITE, 'a"b', "c\nd", "\ud800"]))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_the_labels_hold_it_can_be_read_back(
    store: Store, rows: list[tuple[str, str, float]], site: str
) -> None:
    empty(store)
    with store.write() as conn:
        for number, (process, status, value) in enumerate(rows):
            written = labels_text((("process", process), ("status", status)))
            if number % 5 == 4:
                written = written[:-3]
            known = conn.execute(series.select().where(series.c.labels == written)).first()
            if known is not None or math.isnan(value):
                continue
            row = {"site": SITE, "metric": "sepa_audit_events", "labels": written, "created": 0}
            key = conn.execute(insert(series).values(**row)).inserted_primary_key
            assert key is not None
            conn.execute(insert(latest).values(series_id=key[0], at=to_ms(NOW), value=value))
    told = page(store, {SITE, site})
    given_out = {pairs: value for (name, pairs), value in told.items() if name == "baken_sepa_audit_events"}
    for process, status, value in rows:
        plain = not any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in process + status)
        pairs = {name: text for name, text in (("process", process), ("status", status)) if text}
        short = len(json.dumps(pairs | {"process": process, "status": status}, separators=(",", ":"))) <= 400
        if plain and short and math.isfinite(value) and len(rows) < 4:
            assert labels(**pairs) in given_out
    values = {value for _, _, value in rows}
    assert set(given_out.values()) <= values


@given(
    age=st.integers(0, 30_000),
    rhythm=st.none() | st.integers(1, 40_000),
    measured=st.none() | st.integers(0, 30_000),
    absent=st.booleans(),
    metric=st.sampled_from(["frappe_queue_length", "frappe_email_queue", "frappe_backup_age_seconds"]),
)
@hypothesis_settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_given_out_is_what_rules_judge(
    store: Store, age: int, rhythm: int | None, measured: int | None, absent: bool, metric: str
) -> None:
    # Of what never could be measured as a whole, the parts that could are given out.
    assume(measured is not None or not absent)
    empty(store)
    entry = catalogue.get(metric)
    assert entry is not None
    now = to_ms(NOW)
    at = now - age * 1000
    pairs = tuple((label, "x") for label in entry.labels)
    with store.write() as conn:
        row = {"site": SITE, "metric": metric, "labels": labels_text(pairs), "created": 0}
        key = conn.execute(insert(series).values(**row)).inserted_primary_key
        assert key is not None
        before = {} if rhythm is None else {"previous_at": at - rhythm * 1000, "previous_value": 1.0}
        conn.execute(insert(latest).values(series_id=key[0], at=at, value=1.0, **before))
        if measured is not None:
            conn.execute(insert(measurements).values(site=SITE, metric=metric, at=now - measured * 1000))
        if absent:
            conn.execute(insert(absences).values(site=SITE, metric=metric, reason="no", since=0, at=now))
    # Baken looked at the site just now: whoever judges rules lives as well.
    record(store, {"frappe_site_up": 1})
    with store.read() as conn:
        view = SiteView(conn, SITE, NOW, "UTC", Hours.parse("22:00-07:00"), None, frozenset({metric}))
        judged = [figure for figure in Source(entry, {}).figures(view) if figure.value is not None]
    told = page(store)
    assert ((f"baken_{metric}", labels(**dict(pairs))) in told) == (len(judged) == 1)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", False),
        ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75", True),
        ("text/html, Application/OpenMetrics-Text; q=0.3", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text; q=0.000, text/plain", False),
    ],
)
def test_the_format_that_is_accepted(accept: str, wanted: bool) -> None:
    assert prometheus.wants_openmetrics(accept) == wanted


def test_times_of_clocks_that_were_set_back(store: Store) -> None:
    record(store, {"frappe_site_up": 1}, ago=-3 * MINUTE)
    assert page(store)["baken_measured_age_seconds", labels(metric="frappe_site_up")] == 0
    assert page(store)["baken_frappe_site_up", labels()] == 1


def test_it_asks_the_store_little(store: Store) -> None:
    for number in range(20):
        record(store, {"frappe_site_up": 1}, site=f"site-{number}")
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    page(store, [f"site-{number}" for number in range(20)])
    assert len([each for each in asked if each.startswith("SELECT")]) == 5

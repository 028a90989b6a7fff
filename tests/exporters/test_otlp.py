"""OpenTelemetry: what arrives at a receiver of OTLP over HTTP, decoded from its protobuf."""

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, Metric

from baken import __version__, settings
from baken.clock import to_ms
from baken.exporters import otlp
from baken.exporters.pushing import NotTaken
from baken.history.samples import Cycle, Sample, record
from baken.history.store import Store, open_store
from baken.metrics import catalogue

AT = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
SITE = "leden.example"


class Receiver:
    """A collector of OpenTelemetry: keeps what it is sent, and answers as it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], ExportMetricsServiceRequest]] = []
        self.status, self.answer = 200, ExportMetricsServiceResponse().SerializeToString()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append((self.path, headers, ExportMetricsServiceRequest.FromString(body)))
                self.send_response(receiver.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/metrics"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metrics of the last request by name."""
        (resource,) = self.requests[-1][2].resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    opened.migrate()
    yield opened
    opened.close()


def exporter(store: Store, url: str, **further: Any) -> otlp.Otlp:
    given = {"exporters": {"labels": {"deployment": "test"}, "otlp": [{"url": url, **further}]}}
    (made,) = otlp.exporters(settings.build(given, "test"), store, lambda: [SITE])
    return made


def put(store: Store, at: datetime = AT, *, site: str = SITE, **figures: float) -> None:
    with store.write() as conn:
        record(conn, [Cycle(site, at, [Sample(name, (), value) for name, value in figures.items()])])


def counter() -> str:
    return next(each.name for each in catalogue.metrics("site") if each.kind == "counter" and not each.labels)


def test_a_figure_arrives_with_all_that_is_known_of_it(store: Store, receiver: Receiver) -> None:
    with_job = next(each for each in catalogue.metrics("site") if each.labels == ("job",))
    with store.write() as conn:
        record(conn, [Cycle(SITE, AT, [Sample(with_job.name, (("job", "a.b"),), 2.5), Sample(counter(), (), 7)])])
    put(store, site="", host_cpus=1024)
    pushed = exporter(store, receiver.url, auth={"token": "secret-token"}).push()
    assert (pushed.sent, pushed.rejected, pushed.problem) == (3, 0, "")
    path, headers, request = receiver.requests[0]
    assert path == "/v1/metrics"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["authorization"] == "Bearer secret-token"
    assert headers["user-agent"] == f"Baken/{__version__}"
    resource = {each.key: each.value.string_value for each in request.resource_metrics[0].resource.attributes}
    assert resource == {"service.name": "baken", "service.version": __version__, "deployment": "test"}
    gauge = receiver.metrics[f"baken_{with_job.name}"]
    assert gauge.unit == otlp.unit(with_job)
    assert gauge.description.startswith(with_job.help)
    (point,) = gauge.gauge.data_points
    assert {each.key: each.value.string_value for each in point.attributes} == {"site": SITE, "job_name": "a.b"}
    assert (point.as_double, point.time_unix_nano) == (2.5, to_ms(AT) * 1_000_000)
    sums = receiver.metrics[f"baken_{counter()}"].sum
    assert sums.is_monotonic
    assert sums.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    assert sums.data_points[0].as_double == 7
    (host,) = receiver.metrics["baken_host_cpus"].gauge.data_points
    assert not host.attributes


def test_units_are_those_of_ucum() -> None:
    units = {entry.unit: otlp.unit(entry) for entry in catalogue.metrics()}
    assert units["seconds"] == "s"
    assert units["bytes"] == "By"
    assert units["ratio"] == "1"
    assert units["days"] == "d"
    assert units["jobs"] == "{jobs}"
    assert units["EUR"] == "{EUR}"


def test_a_point_is_sent_once(store: Store, receiver: Receiver) -> None:
    made = exporter(store, receiver.url)
    put(store, database_up=1)
    assert made.push().sent == 1
    assert made.push().sent == 0
    assert len(receiver.requests) == 1
    put(store, AT + timedelta(minutes=1), database_up=0)
    assert made.push().sent == 1


def test_what_was_not_taken_is_sent_again(store: Store, receiver: Receiver) -> None:
    made = exporter(store, receiver.url)
    put(store, database_up=1)
    receiver.status = 503
    with pytest.raises(NotTaken, match="answered 503"):
        made.push()
    receiver.status = 200
    assert made.push().sent == 1


def test_what_is_refused_for_good_is_counted_with_the_reason(store: Store, receiver: Receiver) -> None:
    made = exporter(store, receiver.url)
    put(store, database_up=1, database_tables=3)
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 1
    answer.partial_success.error_message = "too many series"
    receiver.answer = answer.SerializeToString()
    pushed = made.push()
    assert (pushed.sent, pushed.rejected) == (1, 1)
    assert "too many series" in pushed.problem
    receiver.status, receiver.answer = 400, b"no"
    put(store, AT + timedelta(minutes=1), database_up=1)
    pushed = made.push()
    assert (pushed.sent, pushed.rejected) == (0, 1)
    assert "answered 400" in pushed.problem
    assert made.push().rejected == 0


def test_many_sites_go_in_several_requests(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(otlp, "MOST_POINTS", 5)
    names = [f"s{number}" for number in range(4)]
    for name in names:
        put(store, site=name, database_up=1, database_tables=3)
    given = settings.build({"exporters": {"otlp": [{"url": receiver.url}]}}, "test")
    (made,) = otlp.exporters(given, store, lambda: names)
    assert made.push().sent == 8
    assert len(receiver.requests) == 2


def test_without_the_library_the_settings_say_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics.export", None)
    with pytest.raises(settings.SettingsError, match="pip install opentelemetry-sdk"):
        exporter(store, "http://127.0.0.1:9/v1/metrics")


def test_addresses_are_checked_when_it_starts(store: Store) -> None:
    with pytest.raises(settings.SettingsError, match=r"exporters\.otlp: OTLP address"):
        exporter(store, "collector:4318")

"""OpenTelemetry: the last figures as OTLP metrics over HTTP, for a collector that passes them on.

Gauges and cumulative sums with their units, each point with the moment of its measurement; a point is sent once. What
is sent is put together by OpenTelemetry's own library, which is an extra of the package: `otlp`.
Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baken import __version__
from baken.alerts.channels.http import parsed
from baken.alerts.message import Undelivered
from baken.clock import to_ms
from baken.exporters import calling
from baken.exporters.names import exported, exported_labels
from baken.exporters.pushing import NotTaken, Pushed
from baken.history import present
from baken.history.present import Latest
from baken.history.samples import Cycle
from baken.history.store import Store
from baken.metrics import catalogue
from baken.metrics.catalogue import Metric
from baken.settings import Otlp as Target
from baken.settings import Settings, SettingsError

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

WHAT = "OpenTelemetry collector"

MOST_POINTS = 10_000
"""Points of one request; a single site may have more."""

_UNITS = {"seconds": "s", "bytes": "By", "ratio": "1", "days": "d"}
# The other side will never take these, whatever it is asked.
_REFUSED = frozenset({400, 413, 415, 422})
_NANO = 1_000_000


def exporters(settings: Settings, store: Store, sites: Callable[[], Collection[str]]) -> list["Otlp"]:
    """The targets of the settings. Raises SettingsError for one that cannot be used."""
    targets = settings.exporters.otlp
    if targets:
        try:
            import opentelemetry.exporter.otlp.proto.common.metrics_encoder
            import opentelemetry.sdk.metrics.export  # noqa: F401
        except ImportError:
            raise SettingsError(
                "exporters.otlp needs OpenTelemetry's libraries, which are not installed: "
                "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
            ) from None
    found: dict[str, Otlp] = {}
    for target in targets:
        try:
            host = parsed(target.url.get_secret_value(), "OTLP").netloc.decode("ascii")
        except Undelivered as problem:
            raise SettingsError(f"exporters.otlp: {problem}") from None
        if host in found:
            raise SettingsError(f"exporters.otlp: {host} is there twice")
        found[host] = Otlp(settings, store, sites, target, f"OpenTelemetry {host}")
    return list(found.values())


def unit(entry: Metric) -> str:
    """The unit of a metric in UCUM, as OpenTelemetry wants it: "s", "By", "1", or a thing that is counted: "{jobs}"."""
    return _UNITS.get(entry.unit, f"{{{entry.unit}}}")


@dataclass(frozen=True, slots=True)
class _Point:
    """A figure of a site."""

    site: str
    figure: Latest


class Otlp:
    """One target."""

    def __init__(
        self, settings: Settings, store: Store, sites: Callable[[], Collection[str]], target: Target, name: str
    ) -> None:
        """`name`: how the target is called, unique."""
        self.target = name
        self.every = target.every
        self._settings = target
        self._url = target.url.get_secret_value()
        self._further = dict(settings.exporters.labels)
        self._store = store
        self._sites = sites
        # By site, the moment (milliseconds) of the newest point that was sent.
        self._sent: dict[str, int] = {}

    def stored(self, cycles: Sequence[Cycle]) -> None:
        """Nothing: the last figures are sent at their own pace."""

    def push(self) -> Pushed:
        """Send the figures that are new. Raises NotTaken, StoreError."""
        sent = rejected = 0
        problem = ""
        for batch in self._batches():
            refused, why = self._deliver(batch)
            sent, rejected, problem = sent + len(batch) - refused, rejected + refused, why or problem
            for point in batch:
                at = to_ms(point.figure.at)
                self._sent[point.site] = max(at, self._sent.get(point.site, at))
        return Pushed(sent, rejected, 0, problem)

    def close(self) -> None:
        """Nothing is held."""

    def _batches(self) -> Iterator[list[_Point]]:
        """What is new, whole sites together: a site is not asked about again before all of it was sent."""
        batch: list[_Point] = []
        for site in ["", *sorted(self._sites())]:
            since = self._sent.get(site)
            with self._store.read() as conn:
                figures = present.latest(conn, site)
            news = [
                _Point(site, figure)
                for figure in figures
                # A figure that the catalogue no longer has stays in the store until it is old.
                if (since is None or to_ms(figure.at) > since) and catalogue.get(figure.metric) is not None
            ]
            if batch and len(batch) + len(news) > MOST_POINTS:
                yield batch
                batch = []
            batch += news
        if batch:
            yield batch

    def _deliver(self, batch: Sequence[_Point]) -> tuple[int, str]:
        """How many points were refused for good, and why. Raises NotTaken."""
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

        reply = calling.call(
            "POST",
            self._url,
            auth=self._settings.auth,
            what=WHAT,
            content=self._request(batch).SerializeToString(),
            headers={"Content-Type": "application/x-protobuf", "User-Agent": f"Baken/{__version__}"},
            timeout=self._settings.timeout,
        )
        if reply.status in _REFUSED:
            return len(batch), f"{WHAT} answered {reply.status}{calling.said(reply)}"
        calling.check(reply, self._url, WHAT)
        try:
            partial = ExportMetricsServiceResponse.FromString(reply.body).partial_success
        except DecodeError:
            raise NotTaken(f"{WHAT} did not answer as one; check the address: it ends with /v1/metrics") from None
        refused = min(int(partial.rejected_data_points), len(batch))
        return refused, f"{WHAT} refused {refused} points: {partial.error_message[:200]}" if refused else ""

    def _request(self, batch: Sequence[_Point]) -> "ExportMetricsServiceRequest":
        from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
        from opentelemetry.sdk.metrics.export import (
            AggregationTemporality,
            Gauge,
            Metric,
            MetricsData,
            NumberDataPoint,
            ResourceMetrics,
            ScopeMetrics,
            Sum,
        )
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        by_metric: dict[str, list[NumberDataPoint]] = {}
        for point in batch:
            by_metric.setdefault(point.figure.metric, []).append(
                NumberDataPoint(
                    attributes=exported_labels(point.site, point.figure.labels),
                    # 0: nobody knows since when a counter of somebody else counts.
                    start_time_unix_nano=0,
                    time_unix_nano=to_ms(point.figure.at) * _NANO,
                    value=point.figure.value,
                )
            )
        metrics = []
        for entry in (entry for entry in catalogue.metrics() if entry.name in by_metric):
            points = by_metric[entry.name]
            data = (
                Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
                if entry.kind == "counter"
                else Gauge(points)
            )
            metrics.append(Metric(exported(entry.name), f"{entry.help}.", unit(entry), data))
        resource = Resource({"service.name": "baken", "service.version": __version__, **self._further})
        scope = ScopeMetrics(InstrumentationScope("baken", __version__), metrics, "")
        return encode_metrics(MetricsData([ResourceMetrics(resource, [scope], "")]))

"""The present figures of one site and its host, looked up by metric and labels: a number, or the reason for none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from baken.history import samples
from baken.history.samples import Absence, Latest, SiteState
from baken.metrics import catalogue

OWN = ""
"""The site under which history keeps the host's and Baken's own figures."""

NEVER = "not measured yet"
NO_ROWS = "measured, but there was nothing to count"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: `value` and the moment `at` of its measurement; or no value and the `reason`.

    A last value that could not be renewed because the whole site is out of reach keeps value and moment, and has the
    reason as well.
    """

    value: float | None
    at: datetime | None
    reason: str | None


class Figures:
    """The last figures of a site together with those of the host and of Baken itself.

    Args:
        latest: the last samples.
        absences: why metrics have no figure now.
        measured: when each metric was last measured, also when that gave no rows.
        state: how the last run over the site went; None before the first.
    """

    def __init__(
        self,
        latest: Iterable[Latest],
        absences: Mapping[str, Absence],
        measured: Mapping[str, datetime],
        state: SiteState | None,
    ) -> None:
        self.state = state
        self.absences = absences
        self._measured = measured
        self._latest: dict[str, list[Latest]] = {}
        for sample in latest:
            self._latest.setdefault(sample.metric, []).append(sample)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that have a figure."""
        return list(self._latest)

    def samples(self, metric: str) -> list[Latest]:
        """The last samples of a metric that are still shown: none while the metric alone is absent."""
        return self._latest.get(metric, []) if self._shown(metric) else []

    def reason(self, metric: str) -> str | None:
        """Why a metric has no figure now, or only an old one; None when it was measured."""
        absence = self.absences.get(metric)
        if absence is not None:
            return absence.reason
        return None if metric in self._latest or metric in self._measured else NEVER

    def at(self, metric: str) -> datetime | None:
        """When the metric's figures that are shown were measured."""
        if not self._shown(metric):
            return None
        moments = [sample.at for sample in self._latest.get(metric, [])]
        return self._measured.get(metric) or (max(moments) if moments else None)

    def one(self, metric: str, /, **labels: str) -> Figure:
        """The figure of one label set; 0 when the metric counted groups and this one was not among them."""
        for sample in self.samples(metric):
            if all(sample.labels.get(name) == value for name, value in labels.items()):
                return Figure(sample.value, sample.at, self.reason(metric))
        return self._none(metric, counted=bool(labels))

    def total(self, metric: str, /, **labels: str) -> Figure:
        """The sum over all label sets that have these labels; 0 when the metric counted and found nothing."""
        found = [
            sample
            for sample in self.samples(metric)
            if all(sample.labels.get(name) == value for name, value in labels.items())
        ]
        if not found:
            return self._none(metric, counted=True)
        return Figure(sum(sample.value for sample in found), min(sample.at for sample in found), self.reason(metric))

    def largest(self, metric: str) -> tuple[Figure, dict[str, str]]:
        """The largest figure of a metric, with its labels."""
        found = max(self.samples(metric), key=lambda sample: sample.value, default=None)
        if found is None:
            return self._none(metric, counted=False), {}
        return Figure(found.value, found.at, self.reason(metric)), dict(found.labels)

    def _shown(self, metric: str) -> bool:
        # While the site is out of reach its last figures stay, with their age. A metric that alone cannot be measured
        # has no figure: what it was is no longer known to be true.
        return metric not in self.absences or (self.state is not None and not self.state.ok)

    def _none(self, metric: str, *, counted: bool) -> Figure:
        reason = self.reason(metric)
        if reason is not None:
            return Figure(None, None, reason)
        return Figure(0, self.at(metric), None) if counted else Figure(None, None, NO_ROWS)


def read(conn: Connection, site: str, state: SiteState | None) -> Figures:
    """The last figures of a site together with those of the host and of Baken itself, from the store.

    Args:
        conn: a connection that reads.
        site: the site's name.
        state: how the last run over it went; None before the first.
    """
    # A site is called "" by nobody: these are figures that all sites share.
    shared = {entry.name for entry in catalogue.metrics() if entry.scope in ("host", "monitor")}
    latest = samples.latest(conn, site) + samples.latest(conn, OWN, shared)
    absences, measured = samples.absences(conn, site), samples.measured_at(conn, site)
    absences |= {name: absence for name, absence in samples.absences(conn, OWN).items() if name in shared}
    measured |= {name: at for name, at in samples.measured_at(conn, OWN).items() if name in shared}
    return Figures(latest, absences, measured, state)

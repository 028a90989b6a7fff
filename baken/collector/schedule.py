"""Which metrics of a subject are due when: each at its own interval, stretched where reading it costs too much."""

import math
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

# A query this short is never the one to save on, in seconds.
_CHEAP = 0.002
_REMEMBERED = 3
_MINUTE = 60.0
_HAIR = 1e-6
# A metric is never given up altogether.
_LONGEST_STRETCH = 60.0


@dataclass(slots=True)
class _Entry:
    every: float
    phase: float
    due: float
    costs: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def cost(self) -> float:
        return median(self.costs) if self.costs else 0.0


class Schedule:
    """The due times of the metrics of one subject, on a monotonic clock in seconds.

    Runs fall on whole multiples of their interval, shifted by a phase that the subject's name decides: a thousand
    sites are not read in the same instant, and a metric of a minute still shares its run with those of ten seconds.
    """

    def __init__(self, name: str, every: Mapping[str, float], *, cost_share: float, now: float) -> None:
        """Make everything due at once.

        Args:
            name: the subject's name.
            every: interval in seconds per metric.
            cost_share: share of the time that measuring may take, 0.001 = 60 ms a minute.
            now: the present, seconds on the monotonic clock.
        """
        self._cost_share = cost_share
        share = zlib.crc32(name.encode()) % 10_000 / 10_000
        self._entries = {
            # Whole minutes on top spread the longer intervals over their length.
            metric: _Entry(interval, (share * _MINUTE) + _MINUTE * math.floor(share * interval / _MINUTE), now)
            for metric, interval in every.items()
        }

    @property
    def next_due(self) -> float:
        """When the next metric is due; infinite when there are none."""
        return min((entry.due for entry in self._entries.values()), default=float("inf"))

    def due(self, now: float) -> list[str]:
        """The metrics that are due at `now`."""
        return [metric for metric, entry in self._entries.items() if entry.due <= now]

    def ran(self, metrics: Iterable[str], now: float) -> None:
        """Put the next due time of `metrics`, which run at `now`."""
        for metric in metrics:
            entry = self._entries[metric]
            # Past this run's own grid point; a run that comes a hair early counts as on it.
            steps = math.floor((now - entry.phase) / entry.every + _HAIR) + math.ceil(self.stretch(metric))
            entry.due = entry.phase + steps * entry.every

    def cost(self, costs: Mapping[str, float]) -> None:
        """Remember the query seconds that each metric took in a run."""
        for metric, seconds in costs.items():
            if metric in self._entries:
                self._entries[metric].costs.append(seconds)

    def stretch(self, metric: str) -> float:
        """By how much the interval of `metric` is lengthened: 1 while all metrics together stay within the share."""
        entry = self._entries[metric]
        if entry.cost <= _CHEAP:
            return 1.0
        spent = sum(each.cost / each.every for each in self._entries.values())
        return min(_LONGEST_STRETCH, max(1.0, spent / self._cost_share))

    def stretched(self) -> dict[str, float]:
        """The metrics that are read less often than they should be, with the factor."""
        factors = {metric: self.stretch(metric) for metric in self._entries}
        return {metric: factor for metric, factor in factors.items() if factor > 1.0}

    def everything_now(self, now: float) -> None:
        """Make everything due at `now`."""
        for entry in self._entries.values():
            entry.due = min(entry.due, now)

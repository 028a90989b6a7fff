"""Sites with a past, and the reports about them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from baken.alerts import reports
from baken.clock import to_ms
from baken.history.past import write_past
from baken.history.samples import Cycle, Sample, record
from baken.history.store import Store
from baken.metrics import catalogue
from baken.settings import Settings
from tests.alerts.filled import DAY, MINUTE, SITE

AMSTERDAM, LONDON = ZoneInfo("Europe/Amsterdam"), ZoneInfo("Europe/London")
# Wednesday, 7:00 in Amsterdam: the daily report is about Tuesday 24 November.
UNTIL = datetime(2026, 11, 25, 6, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 23, 23, tzinfo=UTC)
WEDNESDAY = TUESDAY + DAY
MONDAY = TUESDAY - DAY
Course = Callable[[datetime], float]


def build(store: Store, until: datetime = UNTIL, *, zone: tzinfo = AMSTERDAM, **given: Any) -> dict[str, Any]:
    """The daily report in English, unless it says else."""
    values: dict[str, Any] = {"period": "daily", "language": "en", "settings": Settings(), "url": "https://b.test"}
    with store.read() as conn:
        return reports.build(conn, SITE, until=until, zone=zone, **(values | given))


def course(
    store: Store,
    metric: str,
    value: float | Course,
    *,
    since: datetime = TUESDAY - 15 * DAY,
    until: datetime = UNTIL,
    every: timedelta = 5 * MINUTE,
    site: str = SITE,
    **labels: str,
) -> None:
    """The samples of a metric from `since` to before `until`."""
    moments = [since + place * every for place in range((until - since) // every)]
    values = [value(moment) if callable(value) else value for moment in moments]
    with store.write() as conn:
        write_past(conn, site, metric, labels, [to_ms(at) for at in moments], values, now=max(until, UNTIL))


def daily(by_date: Mapping[str, float], zone: ZoneInfo = AMSTERDAM) -> Course:
    """A figure that grows through each local day up to what the day has, and begins with 0 at midnight."""

    def value(moment: datetime) -> float:
        local = moment.astimezone(zone)
        whole = by_date.get(local.date().isoformat(), 0.0)
        return whole if local.hour >= 20 else float(int(whole * local.hour / 24))

    return value


def present(store: Store, figures: Mapping[str, float], *, now: datetime = UNTIL, ok: bool = True, **more: Any) -> None:
    """What was measured at this moment: "metric" or "metric label=value" -> figure."""
    found = []
    for name, value in figures.items():
        metric, *pairs = name.split()
        found.append(Sample(metric, tuple((pair.partition("=")[0], pair.partition("=")[2]) for pair in pairs), value))
    of_host = {entry.name for entry in catalogue.metrics("host")}
    host = [sample for sample in found if sample.metric in of_host]
    site = [sample for sample in found if sample not in host]
    with store.write() as conn:
        record(conn, [Cycle(SITE, now, site, ok=ok, **more), Cycle("", now, host)])


def rows(report: dict[str, Any], section: str) -> dict[str, dict[str, str]]:
    """The rows of a section by their label."""
    (found,) = [each for each in report["sections"] if each["key"] == section]
    return {row["label"]: row for row in found["rows"]}


def row(report: dict[str, Any], section: str, label: str) -> tuple[str, str, str, str]:
    """Value, change, tone and note of a row."""
    found = rows(report, section)[label]
    return found["value"], found["change"], found["tone"], found["note"]

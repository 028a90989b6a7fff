"""Writing a past that was not measured cycle by cycle: the demo's, or one taken over from elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from baken.clock import to_ms
from baken.history import tables
from baken.history.rollups import DAY_MS, day_of, fold, fold_until, lock_series
from baken.history.series import check_names, create_series, labels_text
from baken.history.upserts import upsert

# Days that are folded at a time; bounds the memory of a past of many years.
_DAYS = 92


def write_past(
    conn: Connection,
    site: str,
    metric: str,
    labels: Mapping[str, str],
    at: Sequence[int],
    value: Sequence[float],
    *,
    now: datetime,
    raw_days: int | None = None,
) -> None:
    """Write the samples of one series: finished days packed, with their hours and days; the rest as samples.

    `at` in milliseconds, in any order, none after `now`. With `raw_days`, days older than that keep their
    sums only. Writing the same again changes nothing. `latest` moves on when the newest sample is newer.
    Raises ValueError for names that do not fit or a future moment.
    """
    if not at:
        return
    present = to_ms(now)
    if max(at) > present:
        raise ValueError(f"{metric}: a past may not reach beyond now")
    check_names(site, (metric,))
    key = (site, metric, labels_text(tuple(sorted(labels.items()))))
    series = tables.series.c
    number = conn.execute(
        select(series.id).where(series.site == site, series.metric == metric, series.labels == key[2])
    ).scalar()
    if number is None:
        number = create_series(conn, {key}, min(at))[key]
    lock_series(conn, [number])

    until = fold_until(present)
    days: dict[tuple[int, int], dict[int, float]] = {}
    hot: list[dict[str, int | float]] = []
    samples = dict(zip(at, map(float, value), strict=True))
    for moment, figure in samples.items():
        if moment < until:
            days.setdefault((number, day_of(moment)), {})[moment] = figure
        else:
            hot.append({"series_id": number, "at": moment, "value": figure})
    raw_from = None if raw_days is None else day_of(present - raw_days * DAY_MS)
    ordered = sorted(days)
    for start in range(0, len(ordered), _DAYS):
        fold(conn, {day: days[day] for day in ordered[start : start + _DAYS]}, raw_from=raw_from)
    upsert(conn, tables.samples, hot)
    _move_latest(conn, number, site, metric, samples)


def _move_latest(conn: Connection, number: int, site: str, metric: str, samples: Mapping[int, float]) -> None:
    newest = sorted(samples)[-2:]
    table = tables.latest.c
    known = conn.execute(select(table.at).where(table.series_id == number)).scalar()
    if known is None or known < newest[-1]:
        before = newest[0] if len(newest) == 2 else None
        upsert(
            conn,
            tables.latest,
            [
                {
                    "series_id": number,
                    "at": newest[-1],
                    "value": samples[newest[-1]],
                    "previous_at": before,
                    "previous_value": None if before is None else samples[before],
                }
            ],
        )
    measured = tables.measurements.c
    ran = conn.execute(select(measured.at).where(measured.site == site, measured.metric == metric)).scalar()
    if ran is None or ran < newest[-1]:
        upsert(conn, tables.measurements, [{"site": site, "metric": metric, "at": newest[-1]}])

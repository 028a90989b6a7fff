"""Everything that Baken measures, one by one: sites, the catalogue, the last figures, their history."""

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

from baken.alerts.view import zone_of
from baken.api import snapshots
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.dashboard import number
from baken.api.registry import method
from baken.api.usual import unusual_in
from baken.api.window import Window, window_of
from baken.clock import HOUR, iso, to_ms
from baken.history import gaps as history_gaps
from baken.history.joined import Lack, read_joined
from baken.history.ranges import Points
from baken.insights.figures import OWN
from baken.metrics import catalogue

POINTS = 500
"""About so many points a series has when no step is asked for."""

MOST_POINTS = 20_000
"""A series with more points than this is not given; a longer step has to be asked for."""

_STEPS = (10, 30, 60, 300, 600, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400)

Domain = Literal["host", "database", "frappe", "erpnext", "association", "sepa", "monitor"]


@method("baken.get_sites", roles=DASHBOARD_ROLES)
def get_sites(call: Call) -> list[dict[str, Any]]:
    """The site that the caller belongs to, and how the last run over it went.

    Returns a list of site, ok (null before the first run), reason, at, seconds, query_seconds, queries, missed,
    failures.
    """
    state = snapshots.of(call.store, call.site_name).figures.state
    if state is None:
        return [{"site": call.site_name, "ok": None, "reason": "not looked at yet", "at": None}]
    return [
        {
            "site": call.site_name,
            "ok": state.ok,
            "reason": state.reason,
            "at": iso(state.at),
            "seconds": round(state.seconds, 4),
            "query_seconds": round(state.query_seconds, 4),
            "queries": state.queries,
            "missed": state.missed,
            "failures": state.failures,
        }
    ]


@method("baken.get_metric_catalogue", roles=DASHBOARD_ROLES, steady=True)
def get_metric_catalogue(call: Call, domain: Domain | None = None) -> list[dict[str, Any]]:
    """Every metric that Baken knows, or those of one domain.

    Returns a list of metric, domain, unit, title and help (in English), texts (title and help by language: en, nl),
    labels, needs, every (seconds), good (up, down or null), kind (gauge or counter), scope.
    """
    return [
        {
            "metric": entry.name,
            "domain": entry.domain,
            "unit": entry.unit,
            "title": entry.title,
            "help": entry.help,
            "texts": catalogue.texts(entry),
            "labels": list(entry.labels),
            "needs": {doctype: list(fields) for doctype, fields in entry.needs.items()},
            "every": entry.every.total_seconds(),
            "good": entry.good,
            "kind": entry.kind,
            "scope": entry.scope,
        }
        for entry in catalogue.metrics()
        if domain in (None, entry.domain)
    ]


@method("baken.get_metrics", roles=DASHBOARD_ROLES, steady=True)
def get_metrics(call: Call, domain: Domain | None = None) -> list[dict[str, Any]]:
    """The last figures of every metric of the site and its host, or of one domain.

    Returns a list of metric, domain, unit, title, help, texts (title and help by language), kind, good, every
    (seconds), at, absent (the reason for no figure or
    an old one, or null), values: a list of labels, value, at, and previous with previous_at (for the rate of a
    counter).
    """
    figures = snapshots.of(call.store, call.site_name).figures
    found = []
    for entry in catalogue.metrics():
        if domain not in (None, entry.domain):
            continue
        values = [
            {
                "labels": sample.labels,
                "value": number(sample.value),
                "at": iso(sample.at),
                "previous": number(sample.previous_value),
                "previous_at": iso(sample.previous_at),
            }
            for sample in figures.samples(entry.name)
        ]
        found.append(
            {
                "metric": entry.name,
                "domain": entry.domain,
                "unit": entry.unit,
                "title": entry.title,
                "help": entry.help,
                "texts": catalogue.texts(entry),
                "kind": entry.kind,
                "good": entry.good,
                "every": entry.every.total_seconds(),
                "at": iso(figures.at(entry.name)),
                "absent": figures.reason(entry.name),
                "values": values,
            }
        )
    return found


@method("baken.get_series", roles=DASHBOARD_ROLES)
def get_series(
    call: Call,
    metric: str,
    hours: Annotated[float, Range(0.01, 24 * 2557)] = 24,
    start: str | None = None,
    end: str | None = None,
    step: Annotated[int, Range(1, 366 * 86400)] | None = None,
    labels: dict[str, str] | None = None,
    usual: bool = False,
) -> dict[str, Any]:
    """The history of a metric over the last `hours`, or from `start` to `end`; one series per label set.

    `start` and `end` are moments in ISO 8601 with their zone, or milliseconds since 1970; given together they stand in
    place of `hours`. `step` is in seconds; without it a series has about 500 points. `labels` chooses the series that
    have these labels. What was not measured is missing, never zero. What the store has no more comes from the long
    history (`history.metrics_url`), where there is one; one that does not answer is a gap that says so. With `usual`
    each series tells what was usual at that hour over the weeks before, and what was not.

    Returns metric, unit, kind, start, end, step, series (labels, at in milliseconds since 1970, value, and min and
    max where a point stands for several), gaps (start, end, reason), absent. With `usual` each series has usual (low
    and high for each point, null where nobody can say; rate: whether they are per second, as for counters), or null
    with the reason in usual_absent, and unusual: stretches with start, end, above (or below), points, worst (the value
    farthest out) with its at, low and high.
    """
    entry = catalogue.get(metric)
    if entry is None:
        raise BadArgument(f"argument metric is {metric[:100]!r}; expected a name from baken.get_metric_catalogue")
    for name in labels or {}:
        if name not in entry.labels:
            takes = ", ".join(entry.labels) or "none"
            raise BadArgument(f"argument labels has {name[:100]!r}; {metric} has the labels: {takes}")
    window = window_of(call, hours, start, end)
    return course(call, entry, window, step=step, labels=labels, usual=usual)


def course(
    call: Call,
    entry: catalogue.Metric,
    window: Window,
    *,
    step: int | None = None,
    labels: dict[str, str] | None = None,
    usual: bool = False,
) -> dict[str, Any]:
    """What `baken.get_series` answers, kept for the next who asks; nobody must change it. Raises BadArgument."""
    length = window.span.total_seconds()
    seconds = step or next((one for one in _STEPS if length / one <= POINTS), _STEPS[-1])
    if length / seconds > MOST_POINTS:
        least = int(length / MOST_POINTS) + 1
        raise BadArgument(f"argument step is {seconds}; expected {least} or more for {length / 3600:g} hours")
    site = OWN if entry.scope in ("host", "monitor") else call.site_name
    shot = snapshots.of(call.store, call.site_name)

    def ask() -> dict[str, Any]:
        def read(start: datetime, end: datetime, width: timedelta) -> tuple[list[Points], Lack | None]:
            return read_joined(
                call.store,
                call.settings.history,
                site,
                entry.name,
                start,
                end,
                step=width,
                labels=labels or {},
                counter=entry.kind == "counter",
                names=entry.labels,
                every=entry.every,
            )

        found, lack = read(window.start, window.end, timedelta(seconds=seconds))
        with call.store.read() as conn:
            missing = history_gaps.gaps(conn, site, window.start, window.end)
            zone = zone_of(conn, call.site_name) if usual else ""
        gaps = [{"start": to_ms(gap.starts), "end": to_ms(gap.ends), "reason": gap.reason} for gap in missing]
        if lack is not None:
            # At the window's beginning: whatever the store says of that time, nothing of it is shown.
            gaps.insert(0, {"start": lack.start, "end": lack.end, "reason": lack.reason})
        judged: list[dict[str, Any]] = [{} for _ in found]
        if usual:
            past = partial(read, width=HOUR)
            judged = unusual_in(call.store, past, entry, site, labels or {}, window, seconds, zone, found)
        return {
            "metric": entry.name,
            "unit": entry.unit,
            "kind": entry.kind,
            "start": to_ms(window.start),
            "end": to_ms(window.end),
            "step": seconds,
            "series": [
                {
                    "labels": points.labels,
                    "at": points.at,
                    "value": [number(value) for value in points.value],
                    **({"min": points.minimum, "max": points.maximum} if points.minimum is not None else {}),
                    **said,
                }
                for points, said in zip(found, judged, strict=True)
            ],
            "gaps": gaps,
            "absent": shot.figures.reason(entry.name),
        }

    # A new step begins a new answer.
    moment = to_ms(call.now) // (1000 * min(seconds, 60))
    asked = ("last", length) if window.live else ("from", to_ms(window.start), to_ms(window.end))
    return shot.once(("series", entry.name, asked, seconds, tuple(sorted((labels or {}).items())), usual, moment), ask)

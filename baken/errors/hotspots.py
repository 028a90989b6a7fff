"""Where errors pile up: areas of the system, groups of users, components, and hours of the week."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection

from baken.clock import iso
from baken.errors import facts
from baken.errors.counts import DAY_MS, HOUR_MS
from baken.errors.described import SETTLED, state_of
from baken.errors.facts import Facts
from baken.errors.heat import cell, grid, known_grid
from baken.errors.looked import Looked
from baken.errors.taxonomy import SEVERITIES
from baken.errors.trend import benjamini_hochberg, poisson_tail
from baken.errors.windows import Places, Window, last_days, places

WEIGHTS: Mapping[str, float] = {"LOW": 1, "MEDIUM": 3, "HIGH": 6, "CRITICAL": 10}
"""What an error of each severity weighs: a CRITICAL one as much as ten LOW ones."""

LARGE_SHARE, SEVERE_SHARE = 0.25, 0.1
LEVEL = 0.01
"""Share of false ones among the hours that are told as critical."""
LEAST_TIMES, LEAST_ERRORS = 2.0, 5
"""A critical hour has at least so many times what is to be expected, and so many errors."""
LEAST_WEEKS, MOST_WEEKS = 2, 8
MOST_AREAS, MOST_TIMES = 100, 24
_WEEK = 7 * DAY_MS


@dataclass(slots=True)
class _Sum:
    """Errors of one place, with what they weigh."""

    errors: int = 0
    before: int = 0
    weight: float = 0.0
    patterns: int = 0
    worst: str = SEVERITIES[0]
    severe: int = 0
    critical: bool = False

    def add(self, severity: str, count: int, *, settled: bool) -> None:
        self.errors += count
        self.weight += count * WEIGHTS.get(severity, 1)
        if count:
            self.patterns += 1
            self.worst = max(self.worst, severity, key=_rank)
            self.severe += count if _rank(severity) >= _rank("HIGH") and not settled else 0
            self.critical = self.critical or (severity == "CRITICAL" and not settled)

    @property
    def score(self) -> float | None:
        """Mean weight of the errors as a share of the largest one, 0 to 100; None without errors."""
        return round(100 * self.weight / self.errors / WEIGHTS["CRITICAL"], 1) if self.errors else None


def identify(conn: Connection, site: str, *, days: int, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """Where and when the errors of the last `days` days of the site pile up.

    `severity_score` is the mean of WEIGHTS over the errors, as a percentage of the largest: 10 when all are LOW, 100
    when all are CRITICAL. A place is critical when a pattern of it is CRITICAL, or its errors of HIGH ones are
    SEVERE_SHARE of all errors, or it has LARGE_SHARE of all errors and a score of 30 and more; patterns that are known,
    muted or resolved make nothing critical.

    An hour of the week is compared with what is to be expected: with the same hour of up to MOST_WEEKS weeks before
    the window where Baken looked at LEAST_WEEKS of them, in proportion to what the other hours have; else, over windows
    of LEAST_WEEKS weeks, with the mean of the other hours. p is the upper tail of a Poisson distribution whose variance
    is widened to what the weeks show (quasi-Poisson: McCullagh and Nelder, Generalized Linear Models, 2nd ed. 1989,
    section 6.2.3), adjusted for the 168 hours (Benjamini and Hochberg).

    Returns analysis_period, total_errors, functional_areas, user_groups, time_periods, components, critical_hotspots,
    treemap, heatmap, measured_at, absent; critical ones first, then those with most errors.
    """
    window = last_days(days, now)
    found = facts.gather(conn, site, window)
    settled = {number for number, row in found.rows.items() if state_of(row, now) in SETTLED}
    known = found.looked.knew(window.before.start + 1)
    areas = _areas(found, settled, known)
    groups = _groups(found, settled)
    components = _components(found, settled)
    back = Window(window.start - MOST_WEEKS * _WEEK, window.end)
    clock = places(back, zone)
    hourly = facts.by_hour(conn, site, back)
    within = {hour: count for hour, count in hourly.items() if hour >= window.start}
    times, reason = _times(hourly, window, clock, found.looked)
    absent = found.looked.absent(window.start)
    if reason and found.looked.main:
        absent = {**absent, "time_periods": reason}
    critical = [
        {"kind": kind, **row}
        for kind, rows in (("area", areas), ("group", groups), ("component", components), ("time", times))
        for row in rows
        if row["critical"]
    ]
    return {
        "analysis_period": f"{days} day{'s' if days != 1 else ''}",
        "total_errors": None if found.looked.main is None else found.total,
        "functional_areas": areas[:MOST_AREAS],
        "user_groups": groups,
        "time_periods": times[:MOST_TIMES],
        "components": components,
        "critical_hotspots": critical,
        "treemap": _treemap(found),
        "heatmap": known_grid(within, window, clock, found.looked),
        "measured_at": iso(found.looked.read_at),
        "absent": absent,
    }


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def _verdict(made: _Sum, total: int) -> dict[str, Any]:
    share = made.errors / total if total else 0.0
    score = made.score
    critical = (
        made.critical
        or (total > 0 and made.severe / total >= SEVERE_SHARE)
        or (made.severe > 0 and share >= LARGE_SHARE and (score or 0) >= 30)
    )
    return {"errors": made.errors, "share": share, "severity_score": score, "critical": critical}


def _first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (not row["critical"], -row["errors"]))


def _areas(found: Facts, settled: set[int], known: bool) -> list[dict[str, Any]]:
    sums: dict[str, _Sum] = {}
    names: dict[str, Any] = {}
    for number in sorted(found.tallies):
        row, tally = found.rows[number], found.tallies[number]
        made = sums.setdefault(row.area, _Sum())
        made.add(row.severity, tally.count, settled=number in settled)
        made.before += tally.before
        names.setdefault(row.area, row)
    return _first(
        [
            {
                "area": area,
                "app": names[area].app,
                "module": names[area].module,
                **_verdict(made, found.total),
                "patterns": made.patterns,
                "worst": made.worst,
                "previous": made.before if known else None,
                "change": round(made.errors / made.before - 1, 4) if known and made.before else None,
            }
            for area, made in sums.items()
            if made.errors
        ]
    )


def _groups(found: Facts, settled: set[int]) -> list[dict[str, Any]]:
    sums = _by(found, settled, "groups")
    people = Counter(found.group_of[user] for user in {u for tally in found.tallies.values() for u in tally.users})
    return _first(
        [{"group": group, "users": people[group], **_verdict(made, found.total)} for group, made in sums.items()]
    )


def _components(found: Facts, settled: set[int]) -> list[dict[str, Any]]:
    sums = _by(found, settled, "components")
    return _first(
        [
            {"component": name, **_verdict(made, found.total), "patterns": made.patterns, "worst": made.worst}
            for name, made in sums.items()
        ]
    )


def _by(found: Facts, settled: set[int], name: str) -> dict[str, _Sum]:
    sums: dict[str, _Sum] = {}
    for number in sorted(found.tallies):
        for key, count in getattr(found.tallies[number], name).items():
            sums.setdefault(key, _Sum()).add(found.rows[number].severity, count, settled=number in settled)
    return sums


def _times(
    hourly: Mapping[int, int], window: Window, clock: Places, looked: Looked
) -> tuple[list[dict[str, Any]], str | None]:
    """Hours of the week with errors, and why nothing is expected of them (None when something is)."""
    if looked.since is None:
        return [], None
    counted = grid({hour: count for hour, count in hourly.items() if hour >= window.start}, clock)
    begins = max(window.start, looked.since // HOUR_MS * HOUR_MS)
    often = Counter(cell(at, clock) for at in range(begins, window.end, HOUR_MS))
    profile = _profile(hourly, window, clock, looked)
    cells = [(day, hour) for day in range(7) for hour in range(24) if often[day, hour]]
    reason = None
    expected: dict[tuple[int, int], float] = {}
    chances = [1.0] * len(cells)
    if profile is None:
        reason = f"an hour is compared with others only when Baken has looked at {LEAST_WEEKS} weeks or more"
    else:
        means, spread = profile
        usual = {place: means[place] * often[place] for place in cells}
        errors, whole = sum(map(sum, counted)), sum(usual.values())
        # All hours together may have more errors than before: an hour stands out when it has more than the others do.
        # One error more on both sides keeps few errors from speaking too loudly.
        expected = {
            (day, hour): at * (errors - counted[day][hour] + 1) / (whole - at + 1) for (day, hour), at in usual.items()
        }
        chances = benjamini_hochberg(
            [
                poisson_tail(counted[day][hour] / spread, expected[day, hour] / spread) if counted[day][hour] else 1.0
                for day, hour in cells
            ]
        )
    rows = []
    for (day, hour), p in zip(cells, chances, strict=True):
        errors, likely = counted[day][hour], expected.get((day, hour))
        if not errors:
            continue
        times = errors / likely if likely else None
        critical = bool(times and times >= LEAST_TIMES and errors >= LEAST_ERRORS and p <= LEVEL)
        rows.append(
            {
                "weekday": day,
                "hour": hour,
                "errors": errors,
                "expected": None if likely is None else round(likely, 2),
                "times": None if times is None else round(times, 2),
                "p": None if profile is None else float(f"{p:.3g}"),
                "critical": critical,
            }
        )
    return _first(rows), reason


def _profile(
    hourly: Mapping[int, int], window: Window, clock: Places, looked: Looked
) -> tuple[dict[tuple[int, int], float], float] | None:
    """(errors to be expected in each hour of the week, how much wider than Poisson they vary); None: unknown."""
    since = looked.since or 0
    weeks = min(MOST_WEEKS, (window.start - since) // _WEEK)
    start, end, own = window.start - weeks * _WEEK, window.start, True
    if weeks < LEAST_WEEKS:
        # Without a past the window itself shows how many errors an hour has, whichever hour it is.
        weeks = (window.end - max(since, window.start)) // _WEEK
        start, end, own = window.end - weeks * _WEEK, window.end, False
    if weeks < LEAST_WEEKS:
        return None
    seen: dict[tuple[int, int], list[int]] = {}
    for at in range(start, end, HOUR_MS):
        seen.setdefault(cell(at, clock), []).append(hourly.get(at, 0))
    span = range(start, window.end, HOUR_MS)
    whole = sum(hourly.get(at, 0) for at in span) / len(span)
    # An hour without errors in a few weeks is no impossible one: the mean of all hours counts as one week more.
    means = {place: (sum(counts) + whole) / (len(counts) + 1) if own else whole for place, counts in seen.items()}
    return means, _spread(list(seen.values()))


def _spread(cells: Sequence[Sequence[int]]) -> float:
    """The dispersion of counts of the same hour in several weeks (Pearson's statistic per degree of freedom), >= 1."""
    squares, free = 0.0, 0
    for counts in cells:
        mean = sum(counts) / len(counts)
        if mean:
            squares += sum((count - mean) ** 2 for count in counts) / mean
            free += len(counts) - 1
    return max(1.0, squares / free) if free else 1.0


def _treemap(found: Facts) -> list[dict[str, Any]]:
    """App -> module or DocType -> the patterns there, the largest first."""
    tree: dict[str, dict[str, dict[str, Any]]] = {}
    for number in found.present:
        row, count = found.rows[number], found.tallies[number].count
        app = row.app or row.area.partition(":")[0].partition(".")[0] or "unknown"
        part = row.doctype or row.module or row.area.partition(": ")[2] or row.area or "unknown"
        new: dict[str, Any] = {"name": part, "value": 0, "severity": row.severity, "patterns": []}
        leaf = tree.setdefault(app, {}).setdefault(part, new)
        leaf["value"] += count
        leaf["severity"] = max(leaf["severity"], row.severity, key=_rank)
        leaf["patterns"].append(row.id)
    branches: list[dict[str, Any]] = [
        {"name": app, "children": sorted(leaves.values(), key=lambda leaf: -int(leaf["value"]))}
        for app, leaves in tree.items()
    ]
    return sorted(branches, key=_size)


def _size(branch: dict[str, Any]) -> int:
    return -sum(int(leaf["value"]) for leaf in branch["children"])

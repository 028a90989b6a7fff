"""How long the analysis of errors takes over stores with few and many errors, asked for the first time.

The stores are filled directly, shaped like life: a few patterns make most of the errors, most patterns come now and
then, nights and weekends are quiet, each pattern hits users of its own, and work without a user fails as well.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import URL, insert

from baken.api import context, registry, snapshots
from baken.clock import to_ms
from baken.errors.counts import DAY_MS, HOUR_MS
from baken.errors.reader import Watermark
from baken.errors.taxonomy import CATEGORIES
from baken.history.store import Store, open_store
from baken.history.tables import (
    error_contexts,
    error_counts,
    error_hit_days,
    error_hits,
    error_patterns,
    error_watermarks,
)
from baken.settings import Settings
from baken.sites.site import Site, SiteConfig
from bench.figures import Figure, Result, Tell

SITE = "bench.example"
NOW = datetime(2026, 7, 1, 12, 20, tzinfo=UTC)
_AT_ONCE = 50_000
_APPS = ("frappe", "erpnext", "verenigingen")
_GROUPS = ("member", "volunteer", "board", "finance", "staff")


@dataclass(frozen=True, slots=True)
class Size:
    """A store to be filled: how many errors of how many patterns hit how many users within how many days."""

    errors: int
    patterns: int
    users: int
    days: int
    most_ms: float


SIZES = (
    Size(5_000, 150, 19, 30, 30),
    Size(1_000_000, 300, 200, 90, 100),
    Size(10_000_000, 400, 500, 90, 250),
)


def fill(store: Store, size: Size, *, now: datetime = NOW, seed: int = 1) -> None:
    """Write `size` into an empty store whose tables are prepared."""
    rng = np.random.default_rng(seed)
    last = to_ms(now) // HOUR_MS * HOUR_MS
    hours = last - HOUR_MS * np.arange(size.days * 24)[::-1]
    busy = _rhythm(hours)
    weights = 1 / np.arange(1, size.patterns + 1) ** 1.3
    totals = rng.multinomial(size.errors, weights / weights.sum())
    people = _contexts(size, rng)
    with store.write() as conn:
        conn.execute(insert(error_contexts), [{**row, "site": SITE} for row, _ in people])
        conn.execute(insert(error_watermarks), _mark(now, now - timedelta(days=size.days)))
    for number, total in enumerate(totals.tolist(), start=1):
        _pattern(store, number, total, hours, busy, people, rng)


def _rhythm(hours: Any) -> Any:
    """The share of each hour: work happens by day and on weekdays, jobs all the time."""
    hour, day = hours // HOUR_MS % 24, hours // DAY_MS % 7
    weight = 0.3 + np.exp(-((hour - 13) ** 2) / 18) * np.where((day == 2) | (day == 3), 0.4, 1.0)
    return weight / weight.sum()


def _contexts(size: Size, rng: Any) -> list[tuple[dict[str, Any], float]]:
    """Rows of contexts, each with its weight: half of the errors have no user."""
    found: list[tuple[dict[str, Any], float]] = []
    for component, group, weight in (("scheduler", "system", 0.5), ("worker", "unknown", 0.3), ("web", "guest", 0.2)):
        row = {"number": len(found) + 1, "user": "", "user_group": group, "component": component}
        found.append((row, weight))
    activity = 1 / np.arange(1, size.users + 1)
    activity /= activity.sum()
    for number, share in enumerate(activity.tolist()):
        group = _GROUPS[int(rng.integers(len(_GROUPS)))]
        for component, part in (("web", 0.8), ("worker", 0.2)):
            row = {"number": len(found) + 1, "user": f"user-{number:016x}", "user_group": group, "component": component}
            found.append((row, share * part))
    return found


def _mark(now: datetime, since: datetime) -> dict[str, Any]:
    mark = Watermark(now, since, now, behind=False, serial=1)
    return {
        "site": SITE,
        "source": "Error Log",
        "modified": now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        "seen": mark.document(),
    }


def _pattern(
    store: Store, number: int, total: int, hours: Any, busy: Any, people: list[tuple[dict[str, Any], float]], rng: Any
) -> None:
    # Every third pattern comes in bursts, every seventh began late.
    shape = busy * rng.gamma(0.3, 1.0, len(busy)) if number % 3 == 0 else busy.copy()
    if number % 7 == 0:
        shape[: int(len(shape) * rng.random() * 0.9)] = 0
    counts = rng.multinomial(total, shape / shape.sum())
    seen = np.nonzero(counts)[0]
    # A pattern belongs to some page or job: most meet a few users, some meet everybody, frequent ones more than rare.
    met = min(len(people) - 3, 1 + int(rng.pareto(0.7) * (2 + 60 / number)))
    known = 3 + rng.choice(len(people) - 3, met, replace=False)
    chosen = [int(each) for each in known] + [int(rng.integers(3))]
    share = np.array([people[each][1] for each in chosen])
    share[:-1] *= 0.5 / share[:-1].sum()
    share[-1] = 0.5
    hits: list[dict[str, int]] = []
    days: dict[tuple[int, int], int] = {}
    for index in seen.tolist():
        hour = int(hours[index])
        drawn = rng.multinomial(int(counts[index]), share)
        for place in np.nonzero(drawn)[0].tolist():
            context, count = people[chosen[place]][0]["number"], int(drawn[place])
            hits.append({"pattern": number, "hour": hour, "context": context, "count": count})
            days[hour - hour % DAY_MS, context] = days.get((hour - hour % DAY_MS, context), 0) + count
    begins = int(hours[seen[0]]) if len(seen) else int(hours[0])
    ends = int(hours[seen[-1]]) + HOUR_MS // 3 if len(seen) else begins
    with store.write() as conn:
        conn.execute(insert(error_patterns), _described(number, total, begins, ends))
        rows = [{"pattern": number, "hour": int(hours[i]), "count": int(counts[i])} for i in seen.tolist()]
        daily = [{"pattern": number, "day": d, "context": c, "count": n} for (d, c), n in sorted(days.items())]
        for table, found in ((error_counts, rows), (error_hits, hits), (error_hit_days, daily)):
            for start in range(0, len(found), _AT_ONCE):
                conn.execute(insert(table), found[start : start + _AT_ONCE])


def _described(number: int, total: int, begins: int, ends: int) -> dict[str, Any]:
    app = _APPS[number % len(_APPS)]
    return {
        "number": number,
        "site": SITE,
        "id": f"{number:016x}",
        "version": "v1",
        "exception": ("KeyError", "frappe.exceptions.ValidationError", "pymysql.err.OperationalError")[number % 3],
        "template": f"step {number} of <id> failed for <name>: " + "something went wrong " * (number % 5),
        "title": f"{app}.part{number % 17}.run",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "severity": ("LOW", "MEDIUM", "HIGH", "CRITICAL")[min(3, number % 11 // 3)],
        "area": f"{app}: Part {number % 17}",
        "app": app,
        "module": f"Module {number % 9}",
        "doctype": f"Part {number % 17}",
        "method": f"{app}.part{number % 17}.run",
        "component": "web",
        "frames": "[]",
        "why": "exception, message",
        "example": "Traceback (most recent call last):\n" + "  a frame of it\n" * 60,
        "first_seen": begins,
        "last_seen": ends,
        "total": total,
        "bytes": total * 2400,
        "state": "open",
        "state_by": "",
        "note": "",
    }


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Fill a store of each size in `folder`, and ask for the analysis of 30 days as if for the first time."""
    figures = []
    for size in SIZES[: 2 if quick else None]:
        tell(f"analysis: writing {size.errors:,} errors")
        store = _store(folder, size)
        fill(store, size)
        tell(f"analysis: asking about {size.errors:,} errors")
        # The first one pays for what a program pays once: statements that are put together.
        taken = [ask(store) for _ in range(4 if quick else 10)][1:]
        store.close()
        figures.append(
            Figure(
                f"analyze_error_patterns(30) over {_short(size.errors)} errors",
                median(taken) * 1000,
                "ms",
                most=size.most_ms,
                note=f"no answer in memory, a new connection (SQLite); {size.patterns} patterns, {size.users} users, "
                f"{size.days} days; worst of {len(taken)}: {max(taken) * 1000:.0f} ms",
            )
        )
    return Result(figures)


def ask(store: Store, days: int = 30) -> float:
    """Seconds that the documented method takes when nothing of its answer is in memory."""
    settings = Settings()
    site = Site(SiteConfig(SITE, URL.create("sqlite", database=":memory:"), time_zone="Europe/Amsterdam"), settings)
    user = context.Caller("bench@site.example", "Bench", context.DASHBOARD_ROLES)
    call = context.Call(settings, store, {SITE: site}, site, user, NOW)
    found = registry.find("baken.analyze_error_patterns")
    snapshots.forget(store)
    # Its connections hold what SQLite has read of the file.
    store.close()
    started = time.perf_counter()
    answer = found.run(call, days=days)
    taken = time.perf_counter() - started
    if not answer["total_errors"]:
        raise RuntimeError("the store that was filled has no errors")
    return taken


def _store(folder: Path, size: Size) -> Store:
    store = open_store(f"sqlite:///{folder / f'analysis-{size.errors}.db'}")
    store.migrate()
    return store


def _short(count: int) -> str:
    return f"{count // 1_000_000} M" if count >= 1_000_000 else f"{count // 1000} k"

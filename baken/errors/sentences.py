"""What follows from an analysis, in sentences: each rests on figures, and where there is nothing to say none is made.

Every sentence comes with the name of its kind and its figures, so that a page can say it in another language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from baken.errors.described import SETTLED, View
from baken.errors.trend import Trend
from baken.history.releases import Release

HALF, MOST = 0.5, 0.9
FEW = 0.35
"""A few patterns that make MOST of the errors are worth telling when they are at most this share of the patterns."""
LARGE_LOG = 100e6
"""Bytes from which the size of the Error Log is worth a word."""
LARGE_SHARE = 0.2
LOUDEST = 5
LONGEST = 80
"""Characters of a pattern's summary within a sentence."""


@dataclass(frozen=True, slots=True)
class Material:
    """What sentences are made of: `listed` are pattern objects, the most frequent first."""

    seen: View
    listed: Sequence[dict[str, Any]]
    growth: Trend
    changes: Sequence[Release]
    log_bytes: float | None
    now: datetime

    @property
    def total(self) -> int:
        """All errors of the window."""
        return self.seen.facts.total

    @property
    def unsettled(self) -> list[dict[str, Any]]:
        """Patterns with which nobody has dealt."""
        return [row for row in self.listed if row["state"] not in SETTLED]


def insights(said: Material) -> list[dict[str, Any]]:
    """What is remarkable: [{text, key, values, pattern (where it is about one)}], the weightiest first."""
    if not said.total:
        return []
    return [*_regressed(said), *_new(said), *_trend(said), *_rising(said), *_few(said), *_users(said), *_quiet(said)]


def recommendations(said: Material) -> list[dict[str, Any]]:
    """What to do: insights' keys, and priority ("high", "medium" or "low"), the most urgent first."""
    if not said.total:
        return []
    made = [
        *_fix_worst(said),
        *_fix_rising(said),
        *_look_at_release(said),
        *_shorten_log(said),
        *_fix_frequent(said),
    ]
    order = {"high": 0, "medium": 1, "low": 2}
    return sorted(made, key=lambda each: order[each["priority"]])


def _say(key: str, text: str, row: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"text": text, "key": key, "values": values}
    if row is not None:
        said["pattern"] = row["pattern"]
        said["values"] = {**values, "pattern": row["pattern"], "summary": row["error_summary"]}
    return said


def _regressed(said: Material) -> list[dict[str, Any]]:
    rows = [row for row in said.listed if row["state"] == "regressed"]
    return [
        _say(
            "regressed",
            f"{_named(row)} ({row['pattern']}) was resolved and came back: {_times(row['count'])}",
            row,
            count=row["count"],
        )
        for row in rows[:LOUDEST]
    ]


def _new(said: Material) -> list[dict[str, Any]]:
    if said.changes:
        # Apps are upgraded together: the changes of one look are one release.
        latest = [change for change in said.changes if change.at == said.changes[0].at]
        rows = [row for row in said.listed if row["new_since_release"]]
        if rows:
            named = ", ".join(f"{each.app} {each.version or 'was removed'}" for each in latest)
            count = sum(row["count"] for row in rows)
            text = (
                f"{_patterns(len(rows))} new since {named} ({_day(latest[0])}), with {_errors(count)}; "
                f"the most frequent: {_named(rows[0])} ({rows[0]['pattern']})"
            )
            apps = [each.answer() for each in latest]
            return [_say("new_since_release", text, rows[0], patterns=len(rows), count=count, release=named, apps=apps)]
    rows = [row for row in said.listed if row["status"] == "new"]
    # Where most are new the log itself is: that is no news about the patterns.
    if not rows or len(rows) > HALF * len(said.listed):
        return []
    count = sum(row["count"] for row in rows)
    text = (
        f"{_patterns(len(rows))} new, with {_errors(count)}; the most frequent: {_named(rows[0])} "
        f"({rows[0]['pattern']})"
    )
    return [_say("new", text, rows[0], patterns=len(rows), count=count)]


def _trend(said: Material) -> list[dict[str, Any]]:
    trend = said.growth
    if trend.direction not in ("up", "down") or trend.growth is None:
        return []
    words = "increasing" if trend.direction == "up" else "decreasing"
    text = f"Errors are {words}: {trend.growth:+.0%} from the earlier to the later half ({_chance(trend.p or 0.0)})"
    told = trend.answer()
    return [_say(f"trend_{trend.direction}", text, growth=told["growth"], p=told["p"], per_day=told["per_day"])]


def _rising(said: Material) -> list[dict[str, Any]]:
    # When all errors increase it is worth telling which do so more than the rest.
    general = (said.growth.growth or 0.0) if said.growth.direction == "up" else 0.0
    rows = [
        row
        for row in said.unsettled
        if row["trend"]["direction"] == "up" and (row["trend"]["growth"] is None or row["trend"]["growth"] > general)
    ]
    rows.sort(key=lambda row: -(row["trend"]["per_day"] or 0))
    made = []
    for row in rows[:LOUDEST]:
        grown = row["trend"]["growth"]
        much = "" if grown is None else f" ({grown:+.0%} from the earlier to the later half)"
        text = f"{_named(row)} ({row['pattern']}) rises{much}: {_times(row['count'])}"
        made.append(_say("rising", text, row, count=row["count"], growth=grown, per_day=row["trend"]["per_day"]))
    return made


def _few(said: Material) -> list[dict[str, Any]]:
    """Few patterns that make most of the errors."""
    present = said.seen.facts.present
    first = said.listed[0]
    if len(present) == 1:
        text = f"All {_errors(said.total)} are of one pattern: {_named(first)} ({first['pattern']})"
        return [_say("single", text, first, count=said.total)]
    added, needed = 0, 0
    for number in present:
        added += said.seen.facts.tallies[number].count
        needed += 1
        if added >= MOST * said.total:
            break
    if len(present) < 5 or needed > FEW * len(present):
        if first["share"] < HALF:
            return []
        text = (
            f"{first['share']:.0%} of the errors are of one pattern: {_named(first)} ({first['pattern']}), "
            f"{_times(first['count'])}"
        )
        return [_say("dominant", text, first, share=round(first["share"], 4), count=first["count"])]
    text = (
        f"{needed} of {len(present)} patterns make {added / said.total:.0%} of the errors; the first, "
        f"{_named(first)} ({first['pattern']}), makes {first['share']:.0%}"
    )
    return [
        _say(
            "concentrated",
            text,
            first,
            needed=needed,
            patterns=len(present),
            share=round(added / said.total, 4),
            first_share=round(first["share"], 4),
        )
    ]


def _users(said: Material) -> list[dict[str, Any]]:
    rows = sorted(said.unsettled, key=lambda row: -(row["users"] or 0))
    if not rows or (rows[0]["users"] or 0) < 5:
        return []
    row = rows[0]
    everybody = {user for tally in said.seen.facts.tallies.values() for user in tally.users}
    if row["users"] < HALF * len(everybody):
        return []
    text = f"{_named(row)} ({row['pattern']}) hits {row['users']} of the {len(everybody)} users who met an error"
    return [_say("widespread", text, row, users=row["users"], of=len(everybody))]


def _quiet(said: Material) -> list[dict[str, Any]]:
    rows = [row for row in said.unsettled if row["status"] == "quiet" and row["share"] >= 0.01]
    if not rows:
        return []
    row = rows[0]
    text = (
        f"{len(rows)} recurring {'pattern has' if len(rows) == 1 else 'patterns have'} stopped; the most frequent, "
        f"{_named(row)} ({row['pattern']}), was last seen {row['last_seen']}"
    )
    return [_say("quiet", text, row, patterns=len(rows), last_seen=row["last_seen"])]


def _fix_worst(said: Material) -> list[dict[str, Any]]:
    rows = [row for row in said.unsettled if row["severity"] == "CRITICAL" and row["status"] != "quiet"]
    return [
        _say(
            "fix_critical",
            f"Look first at {_named(row)} ({row['pattern']}): it is critical and came {_times(row['count'])}, "
            f"last {row['latest']}",
            row,
            count=row["count"],
            latest=row["latest"],
        )
        | {"priority": "high"}
        for row in rows[:3]
    ]


def _fix_rising(said: Material) -> list[dict[str, Any]]:
    """Severe patterns that come more and more often."""
    rows = [row for row in said.unsettled if row["severity"] == "HIGH" and row["trend"]["direction"] == "up"]
    rows.sort(key=lambda row: -(row["trend"]["per_day"] or 0))
    return [
        _say(
            "fix_rising",
            f"Look at {_named(row)} ({row['pattern']}) before it grows further: it is severe, rises and came "
            f"{_times(row['count'])}",
            row,
            count=row["count"],
            growth=row["trend"]["growth"],
        )
        | {"priority": "high"}
        for row in rows[:2]
    ]


def _look_at_release(said: Material) -> list[dict[str, Any]]:
    rows = [row for row in said.unsettled if row["new_since_release"] and row["severity"] in ("HIGH", "CRITICAL")]
    if not rows or not said.changes:
        return []
    change, row = said.changes[0], rows[0]
    text = (
        f"Check what changed with {change.app} {change.version}: {_patterns(len(rows))} new since then and severe; the "
        f"first, {_named(row)} ({row['pattern']}), came {_times(row['count'])}"
    )
    values = {"app": change.app, "version": change.version, "patterns": len(rows), "count": row["count"]}
    return [_say("check_release", text, row, **values) | {"priority": "high"}]


def _shorten_log(said: Material) -> list[dict[str, Any]]:
    """An Error Log that takes much room, mostly because of one pattern."""
    size = sum(row["bytes"] for row in said.listed)
    if said.log_bytes is None or said.log_bytes < LARGE_LOG or not size:
        return []
    row = max(said.listed, key=lambda each: each["bytes"])
    share = row["bytes"] / size
    if share < LARGE_SHARE:
        return []
    megabytes = round(said.log_bytes / 1e6)
    text = (
        f"Error Log takes {megabytes} MB; {share:.0%} of what was logged is from {_named(row)} "
        f"({row['pattern']}): fix it, or shorten the retention of Error Log in Log Settings"
    )
    return [_say("shorten_log", text, row, megabytes=megabytes, share=round(share, 4)) | {"priority": "medium"}]


def _fix_frequent(said: Material) -> list[dict[str, Any]]:
    told = {row["pattern"] for row in said.unsettled if row["severity"] == "CRITICAL"}
    rows = [
        row
        for row in said.unsettled
        if row["share"] >= LARGE_SHARE and row["status"] != "quiet" and row["pattern"] not in told
    ]
    return [
        _say(
            "fix_frequent",
            f"Fix {_named(row)} ({row['pattern']}), which makes {row['share']:.0%} of the errors, or mark it as known",
            row,
            share=round(row["share"], 4),
            count=row["count"],
        )
        | {"priority": "medium" if row["severity"] in ("MEDIUM", "HIGH") else "low"}
        for row in rows[:3]
    ]


def _named(row: dict[str, Any]) -> str:
    text: str = row["error_summary"]
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def _chance(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _errors(count: int) -> str:
    return "1 error" if count == 1 else f"{count:,} errors"


def _patterns(count: int) -> str:
    return "1 pattern is" if count == 1 else f"{count} patterns are"


def _day(change: Release) -> str:
    return str(change.answer()["at"])[:10]

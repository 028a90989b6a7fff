"""What goes wrong at a site: errors as patterns, answered from counts; no text that holds personal data leaves here."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Literal, TypeVar

from sqlalchemy import Connection

from baken.api import snapshots
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.registry import method
from baken.api.window import moment_of
from baken.errors import analysis, dossier, findings, groupings, heat, hotspots, patterns
from baken.errors.fingerprint import VERSIONS
from baken.errors.taxonomy import CATEGORIES, SEVERITIES
from baken.history import samples
from baken.sites.problems import SiteProblem
from baken.sites.zone import zone

T = TypeVar("T")

ENGINE = "verenigingen.utils.analytics_engine"
STATES = ("open", "known", "muted", "resolved", "regressed")
STATUSES = ("new", "recurring", "regressed", "quiet", "rare")
COMPONENTS = ("web", "worker", "scheduler", "email", "integration", "browser", "command", "unknown")
Sort = Literal["count", "latest", "first_seen", "users", "severity", "trend"]


@method(f"{ENGINE}.analyze_error_patterns", roles=DASHBOARD_ROLES)
def analyze_error_patterns(
    call: Call, days: Annotated[int, Range(1, 90)] | None = None, until: str | None = None
) -> dict[str, Any]:
    """The errors of the last `days` days of the site, today included: how many, of what kind, when, and whom they hit.

    Without `days` the setting analytics.error_analysis.default_days applies (30). With `until` (a moment in ISO 8601
    with its zone) these are the days before that moment.

    Returns total_errors (errors, not groups; null when none were ever read), analysis_period, insights and
    recommendations (sentences that rest on figures: text, key, values, pattern, and priority of a recommendation;
    empty when there is nothing to say), measured_at, since, absent, time_zone, and patterns:

    - daily_trends: errors per day of the site ("2026-11-01": n); days before Baken looked are left out.
    - hourly_patterns: errors per hour of the site's day ("0" to "23").
    - error_types (exception, or "message" where there is none), categories, severity, areas, components: errors each.
    - user_impact: users (known ones that were hit), groups ({group: {users, errors}}), top (user as a pseudonym, group,
      errors, patterns).
    - recurring: ids of the patterns that keep coming.
    - growth: the trend of all errors: direction (up, down, flat, unknown), p, per_day, growth (relative, later half
      against earlier half; null when the earlier one has none), reason.
    - list: the 200 most frequent patterns, as `baken.get_error_patterns` gives them.
    """
    settings = call.settings.analytics.error_analysis
    chosen = min(90, settings.default_days) if days is None else days
    where, named = _zone(call)
    ends = _ends(call, until)
    size = snapshots.of(call.store, call.site_name).figures.one("frappe_error_log_bytes").value

    def ask(conn: Connection) -> dict[str, Any]:
        return analysis.analyze(
            conn, call.site_name, days=chosen, now=ends, zone=where, settings=settings, log_bytes=size
        )

    return _told(_once(call, ("analysis", chosen, until), ask), named)


@method(f"{ENGINE}.identify_error_hotspots", roles=DASHBOARD_ROLES)
def identify_error_hotspots(
    call: Call, days: Annotated[int, Range(1, 90)] = 7, until: str | None = None
) -> dict[str, Any]:
    """Where and when the errors of the last `days` days of the site pile up; critical places first.

    With `until` (a moment in ISO 8601 with its zone) these are the days before that moment.

    `severity_score` is 0 to 100: the mean weight of the errors there (LOW 1, MEDIUM 3, HIGH 6, CRITICAL 10) as a share
    of the largest. What is known, muted or resolved makes no place critical.

    Returns analysis_period, total_errors, measured_at, absent, time_zone, and:

    - functional_areas: area, app, module, errors, share, patterns (how many), severity_score, worst, critical, previous
      and change (against the same time before; null when nothing is known of it).
    - user_groups: group, users (known ones), errors, share, severity_score, critical.
    - time_periods: hours of the site's week: weekday (0 is Monday), hour, errors, expected, times, p (how likely so
      many are by chance), critical. Without two weeks to compare with, expected, times and p are null and absent says
      so.
    - components: component, errors, share, severity_score, patterns, worst, critical.
    - critical_hotspots: all critical ones, each with its kind (area, group, component, time).
    - treemap: name (app), children: name (DocType or module), value (errors), severity (the worst), patterns (ids).
    - heatmap: 7 rows (Monday first) of 24 counts; null where Baken has not looked.
    """
    where, named = _zone(call)
    ends = _ends(call, until)

    def ask(conn: Connection) -> dict[str, Any]:
        return hotspots.identify(conn, call.site_name, days=days, now=ends, zone=where)

    return _told(_once(call, ("hotspots", days, until), ask), named)


@method("baken.get_error_patterns", roles=DASHBOARD_ROLES)
def get_error_patterns(
    call: Call,
    hours: Annotated[int, Range(1, 24 * 366)] = 24,
    until: str | None = None,
    search: str = "",
    category: str = "",
    severity: str = "",
    state: str = "",
    status: str = "",
    component: str = "",
    area: str = "",
    sort: Sort = "count",
    limit: Annotated[int, Range(1, 500)] = 50,
    offset: Annotated[int, Range(0, 100_000)] = 0,
) -> dict[str, Any]:
    """The patterns of the errors of the last `hours`, one page of those that fit.

    With `until` (a moment in ISO 8601 with its zone) these are the hours before that moment, and status and trend are
    as they were then.

    `search` looks for words in exception, message, area, method, note and id. `category`, `severity`, `state`,
    `status`, `component` take one or several names with commas between them; `area` takes one. A search, the status
    quiet, and states in which somebody has dealt with a pattern also find patterns without an error in the window.
    Windows of more than 168 hours begin with a day of the site.

    Returns total (errors; null when none were ever read), patterns_total, matching, hours and by_hour (beginning and
    errors of each bar, `step_hours` long), facets (per field, how many patterns each choice would show), releases,
    news (how many of the window's patterns are new, regressed, new_since_release; release: the last one), sources,
    since, measured_at, absent, time_zone, and patterns, each with:

    - pattern (id), exception, template, error_summary, category, severity, area, place (app, module, doctype, method).
    - count, previous (in the same time before; null when nothing is known of it), share, per_hour, hours (per bar).
    - first_seen, last_seen (ever), first_occurrence, latest (in the window), bytes, cost_mb (what it took in the log).
    - component (the main one), components, users (known ones that were hit; null when nobody is known), groups.
    - status: new, recurring, regressed, quiet (it kept coming and has stopped), rare.
    - state (open, known, muted, resolved, regressed), note, state_by, state_at, muted_until, muted_above (errors an
      hour that end the mute), escalated.
    - new_since_release; trend (direction, p, per_day, growth, reason); merged, split_by, split_of, version.
    """
    choices = {
        "category": _names("category", category, CATEGORIES),
        "severity": _names("severity", severity.upper(), SEVERITIES),
        "state": _names("state", state, STATES),
        "status": _names("status", status, STATUSES),
        "component": _names("component", component, COMPONENTS),
        # Areas are named by the site's code; commas may stand in them.
        "area": frozenset({area} - {""}),
    }
    wanted = patterns.Wanted(search.strip()[:200], choices, sort, limit, offset)
    where, named = _zone(call)
    ends = _ends(call, until)

    def ask(conn: Connection) -> dict[str, Any]:
        return patterns.listing(
            conn,
            call.site_name,
            hours=hours,
            wanted=wanted,
            now=ends,
            zone=where,
            settings=call.settings.analytics.error_analysis,
        )

    key = ("patterns", hours, until, wanted.search, tuple(sorted(choices.items())), sort, limit, offset)
    return _told(_once(call, key, ask), named)


@method("baken.get_error_pattern", roles=DASHBOARD_ROLES)
def get_error_pattern(call: Call, pattern: str, days: Annotated[int, Range(1, 90)] = 30) -> dict[str, Any]:
    """Everything about one pattern over the last `days` days of the site; of a merged one, the pattern that it is in.

    Returns the pattern as `baken.get_error_patterns` gives it, with example (a text free of personal data), why (what
    makes it one pattern), frames, title, heatmap (7 x 24, Monday first), days (day, count), users_top (user as a
    pseudonym, group, errors), history (at, user, action, detail; newest first), members (patterns merged into it),
    releases (at, app, version, previous), leaks, since, measured_at, absent, time_zone.
    """
    where, named = _zone(call)
    pattern = pattern.strip()

    def ask(conn: Connection) -> dict[str, Any]:
        try:
            return dossier.dossier(
                conn,
                call.site_name,
                pattern,
                days=days,
                now=call.now,
                zone=where,
                settings=call.settings.analytics.error_analysis,
            )
        except KeyError:
            raise unknown_pattern(pattern) from None

    return _told(_once(call, ("pattern", pattern, days), ask), named)


@method("baken.get_error_heatmap", roles=DASHBOARD_ROLES)
def get_error_heatmap(call: Call, days: Annotated[int, Range(1, 90)] = 28, pattern: str = "") -> dict[str, Any]:
    """When errors come, by weekday and hour of the site, over the last `days` days: of all, or of one pattern.

    Returns heatmap (7 rows, Monday first, of 24 counts; null where Baken has not looked), weeks (how many were looked
    at), maximum, since, measured_at, absent, time_zone.
    """
    where, named = _zone(call)
    pattern = pattern.strip()

    def ask(conn: Connection) -> dict[str, Any]:
        try:
            return heat.heatmap(conn, call.site_name, days=days, now=call.now, zone=where, pattern=pattern)
        except KeyError:
            raise unknown_pattern(pattern) from None

    return _told(_once(call, ("heatmap", days, pattern), ask), named)


@method("baken.get_error_findings", roles=DASHBOARD_ROLES)
def get_error_findings(call: Call) -> dict[str, Any]:
    """What reading the errors brought to light: credentials in them, errors that Frappe lost, sources that fail.

    Returns leaks and lost (kind, label, pattern, template, count, first_seen, last_seen, advice; the newest first), and
    sources (source, state: ok, absent or behind, read_at, detail).
    """

    def ask(conn: Connection) -> dict[str, Any]:
        return findings.found(conn, call.site_name, call.now)

    return _once(call, ("findings",), ask)


@method("baken.get_error_grouping", roles=DASHBOARD_ROLES)
def get_error_grouping(call: Call) -> dict[str, Any]:
    """By which rules the site's errors are grouped, and which there are to choose from.

    Returns version, previous (the rules before, while what they knew is handed on; else null), adopted_at and until
    (end of that time; null when none were adopted), versions (version, summary, current), splits (patterns that were
    split: pattern, by, template).
    """

    def ask(conn: Connection) -> dict[str, Any]:
        return groupings.describe(conn, call.site_name, call.now)

    return _once(call, ("grouping",), ask)


@method("baken.preview_error_grouping", roles=DASHBOARD_ROLES, slow=True)
def preview_error_grouping(call: Call, version: str, days: Annotated[int, Range(1, 30)] = 7) -> dict[str, Any]:
    """What other rules would make of the site's Error Log of the last `days` days. The site is read; nothing is stored.

    At most 5,000 rows are read, the newest.

    Returns version, current, rows, days, before and after (how many patterns), splits (pattern, template, rows, into:
    the patterns it would become), merges (pattern, template, rows, of: the patterns that would become it), moved (share
    of the errors that would be with other errors than now), complete (whether all rows of these days were read),
    measured_at.
    """
    if version not in VERSIONS:
        raise unknown_version(version)
    with call.store.read() as conn:
        grouping = groupings.load(conn, call.site_name, call.now)
        start = groupings.begin(conn, call.site_name, days=days, now=call.now)
    with call.chosen.reading(call.now) as reading:
        return groupings.preview(reading, grouping, version, start=start, days=days, now=call.now)


def _ends(call: Call, until: str | None) -> datetime:
    """The end of the time that is asked about; nothing is known of the future."""
    return call.now if until is None else min(call.now, moment_of("until", until))


def unknown_pattern(pattern: str) -> BadArgument:
    """What is said about an id that no pattern of the site has."""
    return BadArgument(
        f"there is no pattern {pattern[:40]!r} on this site; ids have 16 hexadecimal digits: take one from "
        "baken.get_error_patterns"
    )


def unknown_version(version: str) -> BadArgument:
    """What is said about rules that do not exist."""
    return BadArgument(f"there are no rules {version[:40]!r}; choose one of {', '.join(VERSIONS)}")


def _once(call: Call, key: tuple[Any, ...], ask: Callable[[Connection], T]) -> T:
    """What `ask` answers, asked once a minute until the store has something newer about the site."""
    shot = snapshots.of(call.store, call.site_name)

    def read() -> T:
        with call.store.read() as conn:
            return ask(conn)

    # Windows move with the hour; within a minute an answer stays right to the figure.
    return shot.once(("errors", *key, call.now.replace(second=0, microsecond=0)), read)


def _zone(call: Call) -> tuple[tzinfo, str | None]:
    """The site's time zone and its name; UTC and None as long as it is not known."""
    known = call.chosen.config.time_zone

    def facts(conn: Connection) -> str | None:
        found = samples.observation(conn, call.site_name, "site_facts")
        return str(found.body["time_zone"]) if found and found.body.get("time_zone") else None

    name = known or _once(call, ("time zone",), facts)
    if name is None:
        return UTC, None
    try:
        return zone(name), name
    except SiteProblem:
        return UTC, None


def _told(answer: dict[str, Any], named: str | None) -> dict[str, Any]:
    """The answer with its time zone; days and hours are those of UTC while the site's zone is not known."""
    if named:
        return {**answer, "time_zone": named}
    reason = "the site's time zone is not known yet; days and hours are those of UTC"
    return {**answer, "time_zone": "UTC", "absent": {**answer["absent"], "time_zone": reason}}


def _names(argument: str, given: str, allowed: tuple[str, ...]) -> frozenset[str]:
    chosen = frozenset(name.strip() for name in given.split(",")) - {""}
    unknown = sorted(chosen - set(allowed))
    if unknown:
        raise BadArgument(
            f"argument {argument} is {unknown[0][:40]!r}; expected one or several of {', '.join(allowed)}, with commas"
        )
    return chosen

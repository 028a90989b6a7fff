"""What rules look at: one site at one moment, read from the store, each thing at most once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, or_, select

from baken.alerts import checks
from baken.alerts.pings import Heard, Standing
from baken.alerts.rule import Measured, SeenCheck, SeenFinding, SeenPattern
from baken.alerts.windows import Hours
from baken.clock import from_ms, to_ms
from baken.errors import findings as errors_findings
from baken.errors.findings import leaks
from baken.history import samples
from baken.history.samples import Absence, Latest, Points
from baken.history.series import labels_of
from baken.history.tables import alerts, error_counts, error_patterns
from baken.metrics import catalogue

HOST = ""
"""The site under which history keeps the figures of the host and of Baken itself."""

NEW_WITHIN = timedelta(hours=24)
"""A pattern is news for so long; whoever was away for a day reads of it in the list of errors."""

NEVER = "not measured yet"


def zone_of(conn: Connection, site: str) -> str:
    """IANA name of the site's time zone as it was last observed; UTC when it is not known (yet)."""
    found = samples.observation(conn, site, "site_facts") if site else None
    name = str(found.body.get("time_zone") or "") if found is not None and isinstance(found.body, dict) else ""
    return name if name and _known(name) else "UTC"


def _known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@dataclass(slots=True)
class SiteView:
    """A `rule.View` on the store.

    Attributes:
        conn: a connection that reads.
        site: the site's name; empty for the host and Baken itself.
        now: the moment that is judged.
        zone: IANA name of the site's time zone.
        at_night: the hours at which night limits apply.
        baseline: patterns of errors first seen before are not new; None: nothing is new yet.
        wanted: names of the metrics that will be asked for; they are read at once.
    """

    conn: Connection
    site: str
    now: datetime
    zone: str
    at_night: Hours
    baseline: datetime | None
    wanted: frozenset[str]
    changed_at: dict[str, datetime] = field(default_factory=dict)
    _latest: dict[str, list[Latest]] | None = None
    _absences: Mapping[str, Absence] = field(default_factory=dict)
    _measured_at: Mapping[str, datetime] = field(default_factory=dict)
    _patterns: list[SeenPattern] | None = None
    _findings: list[SeenFinding] | None = None
    _pings: list[SeenCheck] | None = None

    @property
    def night(self) -> bool:
        """Whether it is night on the site."""
        return self.at_night.open_at(self.now, self.zone)

    def measured(self, metric: str) -> Measured:
        """What is known of a metric."""
        if self._latest is None:
            self._latest = {}
            for sample in samples.latest(self.conn, self.site, self.wanted):
                self._latest.setdefault(sample.metric, []).append(sample)
            self._absences = samples.absences(self.conn, self.site)
            self._measured_at = samples.measured_at(self.conn, self.site)
        found = self._latest.get(metric, [])
        at = self._measured_at.get(metric) or max((sample.at for sample in found), default=None)
        absence = self._absences.get(metric)
        reason = absence.reason if absence else None if at is not None else NEVER
        return Measured(found, reason, at)

    def past(self, metric: str, since: datetime, labels: Mapping[str, str] | None = None) -> list[Points]:
        """The course of a metric's series from `since` to now."""
        entry = catalogue.get(metric)
        counter = entry is not None and entry.kind == "counter"
        # Longer courses in steps: days of samples of ten seconds are no better than minutes of them.
        length = self.now - since
        step = None if length <= timedelta(hours=6) else timedelta(minutes=5)
        if length > timedelta(days=3):
            step = timedelta(hours=1)
        until = self.now + timedelta(milliseconds=1)
        return samples.read_range(self.conn, self.site, metric, since, until, step=step, labels=labels, counter=counter)

    def patterns(self) -> Iterable[SeenPattern]:
        """Patterns that are news, and those that have an open alert."""
        if self._patterns is None:
            self._patterns = list(self._read_patterns())
        return self._patterns

    def findings(self) -> Iterable[SeenFinding]:
        """Credentials in errors, and errors that were lost."""
        if self._findings is None:
            rows = [("leak", row) for row in leaks(self.conn, self.site)]
            rows += [("lost", row) for row in errors_findings.lost(self.conn, self.site)]
            self._findings = [
                SeenFinding(
                    kind,
                    row["kind"],
                    errors_findings.labels(kind, row["kind"]),
                    row["pattern"],
                    int(row["count"]),
                    _moment(row["last_seen"]),
                )
                for kind, row in rows
            ]
        return self._findings

    def pings(self) -> Iterable[SeenCheck]:
        """The jobs that report by pings, each as it stands now."""
        if self._pings is None:
            found = checks.load(self.conn, self.site) if self.site else []
            self._pings = [seen_check(each.name, each.heard, each.standing(self.now, self.zone)) for each in found]
        return self._pings

    def _read_patterns(self) -> Iterable[SeenPattern]:
        if not self.site:
            return
        table = error_patterns
        horizon = to_ms(self.now - NEW_WITHIN)
        watched = self._with_alert()
        query = select(
            table.c.number, table.c.id, table.c.exception, table.c.template, table.c.title, table.c.category,
            table.c.severity, table.c.area, table.c.first_seen, table.c.last_seen, table.c.state, table.c.state_at,
            table.c.state_by, table.c.muted_above,
        ).where(
            table.c.site == self.site,
            table.c.merged_into.is_(None),
            or_(table.c.first_seen >= horizon, table.c.state_at >= horizon, table.c.id.in_(sorted(watched))),
        )  # fmt: skip
        rows = self.conn.execute(query).all()
        hours = self._last_hour([row.number for row in rows])
        for row in rows:
            change, moment = "", None
            if row.state == "regressed" and row.state_at is not None and row.state_at >= horizon:
                change, moment = "regressed", row.state_at
            elif row.state == "open" and row.muted_above is not None and not row.state_by and row.state_at is not None:
                change, moment = "escalated", row.state_at
            elif self.baseline is not None and row.state == "open":
                fresh = row.first_seen >= max(horizon, to_ms(self.baseline))
                change, moment = ("new", row.first_seen) if fresh else ("", None)
            if moment is not None:
                self.changed_at[row.id] = from_ms(moment)
            if row.id in watched:
                # News is told once; from then on it is only judged whether it is over.
                change = ""
            elif not change:
                continue
            yield SeenPattern(
                row.id, row.title or row.template, row.exception, row.category, row.severity, row.area, row.state,
                change, from_ms(row.first_seen), from_ms(row.last_seen), hours.get(row.number, 0),
            )  # fmt: skip

    def _with_alert(self) -> set[str]:
        """Ids of the patterns that have an open alert."""
        rows = self.conn.execute(
            select(alerts.c.labels).where(alerts.c.site == self.site, alerts.c.open_key.is_not(None))
        ).scalars()
        # An alert about a secret in a pattern's errors is no news of the pattern.
        return {labels["pattern"] for labels in map(labels_of, rows) if labels.keys() == {"pattern"}}

    def _last_hour(self, numbers: list[int]) -> dict[int, int]:
        if not numbers:
            return {}
        since = to_ms(self.now - timedelta(hours=1))
        since -= since % 3_600_000
        found: dict[int, int] = {}
        for number, count in self.conn.execute(
            select(error_counts.c.pattern, error_counts.c.count).where(
                error_counts.c.pattern.in_(numbers), error_counts.c.hour >= since
            )
        ):
            found[number] = found.get(number, 0) + int(count)
        return found


def seen_check(name: str, heard: Heard, known: Standing) -> SeenCheck:
    """A job as rules see it: its name, what was heard of it, and how it stands by that."""
    return SeenCheck(
        name=name,
        awaited=known.state not in ("paused", "new"),
        missing=known.missing,
        failed=known.failed,
        too_long=known.too_long,
        counted=known.counted,
        missing_at=known.missing_at,
        started=heard.started,
        too_long_at=known.too_long_at,
        exit_code=heard.exit_code,
        last_ok=heard.last_ok,
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

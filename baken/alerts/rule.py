"""What an alert rule is: a condition, for how long it has to hold, how bad that is, and what people are told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from baken.history.samples import Latest, Points

Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
SEVERITIES: tuple[Severity, ...] = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
RANK: Mapping[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
"""The larger, the worse."""

AREAS = ("errors", "sepa", "performance", "business", "data_quality", "operations", "monitor")
"""What alerts are about. The documented hourly checks are the first four, the daily one is data_quality."""

Text = Mapping[str, str]
"""A text by language: {"en": …, "nl": …}."""

Field = str | float | timedelta | Text
"""What a text has put in: the same in every language, or a number, a length of time or a text, said in each."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition says about one label set at one moment.

    Attributes:
        labels: which of the rule's label sets this is; part of the alert's identity.
        breach: whether the condition holds; None when nobody can say.
        recovered: whether the recovery condition holds; between the two nothing changes.
        value: the figure that was judged, in the metric's unit.
        limit: the limit that it was held against.
        at: when the figure was measured.
        reason: why `breach` is None.
        fields: more for the texts of the rule: {"pattern_title": …}; no personal data.
    """

    labels: Mapping[str, str]
    breach: bool | None
    recovered: bool = False
    value: float | None = None
    limit: float | None = None
    at: datetime | None = None
    reason: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a metric of one site: its last samples, and the reason when there is no figure now.

    `at` is when it was last measured, also when that gave no samples; None: never.
    """

    samples: list[Latest]
    reason: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenPattern:
    """A pattern of errors as rules see it. `change` is "new", "regressed" or "escalated"; "" when it is only known."""

    id: str
    title: str
    exception: str
    category: str
    severity: str
    area: str
    state: str
    change: str
    first_seen: datetime
    last_seen: datetime
    count_hour: int


@dataclass(frozen=True, slots=True)
class SeenFinding:
    """A finding of the reading of errors: `kind` is "leak" or "lost", `label` what it is called."""

    kind: str
    name: str
    label: Text
    pattern: str | None
    count: int
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class SeenCheck:
    """A job that reports by pings as rules see it.

    Attributes:
        name: what it is called.
        awaited: whether it is waited for; not while it is paused, nor before its first ping.
        missing, failed, too_long: what holds of it now; several may.
        counted: from when on the present wait is counted: its last start, end, or change.
        missing_at: when it counts as missing.
        started: its first start without an end.
        too_long_at: when it counts as running too long.
        exit_code: what it ended with, where it said so.
        last_ok: when it last ended well.
    """

    name: str
    awaited: bool
    missing: bool = False
    failed: bool = False
    too_long: bool = False
    counted: datetime | None = None
    missing_at: datetime | None = None
    started: datetime | None = None
    too_long_at: datetime | None = None
    exit_code: int | None = None
    last_ok: datetime | None = None


class View(Protocol):
    """What a condition may look at: one site at one moment. Everything comes from the store, nothing from the site."""

    @property
    def site(self) -> str:
        """The site's name; empty for the host and for Baken itself."""

    @property
    def now(self) -> datetime:
        """The moment that is judged, aware UTC."""

    @property
    def night(self) -> bool:
        """Whether the night limits apply at this moment on this site."""

    def measured(self, metric: str) -> Measured:
        """What is known of a metric."""

    def past(self, metric: str, since: datetime, labels: Mapping[str, str] | None = None) -> list[Points]:
        """The course of a metric's series from `since` to now."""

    def patterns(self) -> Iterable[SeenPattern]:
        """Patterns of errors that changed since the last look, and those that have an open alert."""

    def findings(self) -> Iterable[SeenFinding]:
        """What the reading of errors brought to light beside errors."""

    def pings(self) -> Iterable[SeenCheck]:
        """The jobs that report by pings."""


class Condition(Protocol):
    """When a rule fires. One kind of condition is one module in `kinds/`."""

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics that it looks at; it is judged again when one of them was measured."""

    @property
    def every(self) -> timedelta | None:
        """How often it is to be judged at most, for one that is costly to judge; None: whenever there is news."""

    @property
    def words(self) -> str:
        """The condition in words: `frappe_errors{window=1h} > 10`."""

    def judge(self, view: View) -> Iterable[Verdict]:
        """The verdicts about all label sets that there are now. Does not raise for missing figures."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """A rule over many sites: it fires once for all of them when it holds on `least` sites and on `share` of them."""

    least: int
    share: float


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert rule.

    Attributes:
        name: HIGH_ERROR_RATE; the alert's type.
        kind: module in `kinds/` that judges it.
        condition: what it judges.
        severity: how bad it is.
        area: one of AREAS.
        title: one line per language; may name {site}, {value}, {limit} and labels.
        message: a sentence or two per language; the same names.
        advice: what to do, per language.
        reason: why the limit is what it is, per language; for those who read the rules. Empty texts: nothing is said.
        called: what people call it, per language: two to five words without a figure. Empty: by its name.
        hold: for how long the condition has to hold before it fires (`for`).
        keep: for how long it has to be over before the alert is resolved.
        runbook: address or page of the manual that says more.
        tell: names of recipients who are told, instead of those whose settings fit; empty: as the settings say.
        inhibits: names of rules whose alerts on the same site (or on all sites) are not told while this one fires.
        quorum: for a rule over many sites.
        enabled: whether it is judged.
        source: where it was read: file and line.
    """

    name: str
    kind: str
    condition: Condition
    severity: Severity
    area: str
    title: Text
    message: Text
    advice: Text
    reason: Text
    called: Text = field(default_factory=dict)
    hold: timedelta = timedelta()
    keep: timedelta = timedelta()
    runbook: str = ""
    tell: tuple[str, ...] = ()
    inhibits: tuple[str, ...] = ()
    quorum: Quorum | None = None
    enabled: bool = True
    source: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

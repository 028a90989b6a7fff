"""A pattern of errors that is new, that came back after it was resolved, or that broke out of its mute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from baken.alerts import spans, words
from baken.alerts.matchers import match
from baken.alerts.rule import Field, SeenPattern, Verdict, View
from baken.alerts.rule_table import LANGUAGES, Key, RuleTable, nearest

CHANGES = ("new", "regressed", "escalated")
MATCHED = ("severity", "category", "area", "exception")

KEYS: Mapping[str, Key] = {
    "change": Key("list of texts", f"What is news: {', '.join(CHANGES)}."),
    "match": Key("table", f'Which patterns, by {", ".join(MATCHED)}: `{{ severity = "~HIGH|CRITICAL" }}`.'),
    "quiet": Key("length of time", "Over when it has not occurred for so long. Otherwise 24h."),
}
MOMENTARY = True

_QUIET = timedelta(hours=24)
# Somebody has looked at it: it is over as far as the alert is concerned.
_DEALT_WITH = ("known", "muted", "resolved")


@dataclass(frozen=True, slots=True)
class PatternNews:
    """Holds for each pattern that changed as one of `changes` says and fits `match`, until it has been quiet."""

    changes: tuple[str, ...]
    match: Mapping[str, str]
    quiet: timedelta

    @property
    def metrics(self) -> frozenset[str]:
        """None: it looks at patterns."""
        return frozenset()

    @property
    def every(self) -> timedelta | None:
        """Cheap: whenever there is news."""
        return None

    @property
    def words(self) -> str:
        """`new pattern{severity=~HIGH|CRITICAL}, over when quiet for 24h`."""
        pairs = ", ".join(f"{label}={wanted}" for label, wanted in self.match.items())
        which = f"{{{pairs}}}" if pairs else ""
        return f"{' or '.join(self.changes)} pattern{which}, over when quiet for {spans.short(self.quiet)}"

    @property
    def unit(self) -> str:
        """Errors within the last hour."""
        return "errors"

    @property
    def fields(self) -> frozenset[str]:
        """Value (errors within the hour), the pattern's id, and what is known of it."""
        known = ("title", "exception", "category", "severity", "area")
        return frozenset({"value", "pattern", *(f"pattern_{name}" for name in known)})

    def judge(self, view: View) -> Iterable[Verdict]:
        """A verdict for each pattern that the view gives."""
        if view.site:
            for pattern in view.patterns():
                yield self._judge(pattern, view)

    def _judge(self, pattern: SeenPattern, view: View) -> Verdict:
        dealt_with, quiet = pattern.state in _DEALT_WITH, view.now - pattern.last_seen >= self.quiet
        known = {name: str(getattr(pattern, name)) for name in MATCHED}
        news = pattern.change in self.changes and match(self.match, known)
        # What escalated was muted, and what regressed was resolved: that is the news.
        breach = news and not quiet and not (dealt_with and pattern.change == "new")
        return Verdict(
            labels={"pattern": pattern.id},
            breach=breach,
            recovered=not breach and (quiet or dealt_with),
            value=float(pattern.count_hour),
            at=pattern.last_seen,
            fields=_fields(pattern),
        )


def _fields(pattern: SeenPattern) -> dict[str, Field]:
    return {
        "pattern_title": pattern.title,
        "pattern_exception": pattern.exception,
        "pattern_area": pattern.area,
        "pattern_category": {language: words.category(pattern.category, language) for language in LANGUAGES},
        "pattern_severity": {language: words.severity(pattern.severity, language) for language in LANGUAGES},
    }


def parse(table: RuleTable) -> PatternNews | None:
    """The condition of a rule's table."""
    changes = table.names("change")
    if "change" not in table:
        table.problem(f"change is missing: give one or more of {', '.join(CHANGES)}")
    for change in changes:
        if change not in CHANGES:
            table.problem(f"change cannot be {change!r}{nearest(change, CHANGES)}", "change")
    found = table.matchers("match", MATCHED, "a pattern")
    quiet = table.span("quiet", _QUIET) or _QUIET
    return PatternNews(tuple(changes), found, quiet) if changes else None

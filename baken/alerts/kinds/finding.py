"""What the reading of errors brings to light beside errors: credentials in them, and errors that were lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from baken.alerts import spans
from baken.alerts.rule import Verdict, View
from baken.alerts.rule_table import Key, RuleTable

FINDINGS = ("leak", "lost")

KEYS: Mapping[str, Key] = {
    "finding": Key(f"one of {', '.join(FINDINGS)}", "leak: credentials in errors; lost: errors that were lost."),
    "within": Key("length of time", "Holds while it was last seen within so long. Otherwise 24h."),
}
MOMENTARY = False

_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Found:
    """Holds for each finding of one kind that was seen `within` so long."""

    finding: str
    within: timedelta

    @property
    def metrics(self) -> frozenset[str]:
        """None: it looks at findings."""
        return frozenset()

    @property
    def every(self) -> timedelta | None:
        """Cheap: whenever there is news."""
        return None

    @property
    def words(self) -> str:
        """`leak found within 24h`."""
        return f"{self.finding} found within {spans.short(self.within)}"

    @property
    def unit(self) -> str:
        """Errors in which it was found."""
        return "errors"

    @property
    def fields(self) -> frozenset[str]:
        """Value, the labels, and `label`: what was found, in words."""
        return frozenset({"value", "finding", "pattern", "label"})

    @property
    def match(self) -> Mapping[str, str]:
        """None."""
        return {}

    def judge(self, view: View) -> Iterable[Verdict]:
        """A verdict for each finding of the kind."""
        if not view.site:
            return
        for found in view.findings():
            if found.kind == self.finding:
                recent = view.now - found.last_seen <= self.within
                labels = {"finding": found.name, "pattern": found.pattern or ""}
                fields = {"label": found.label}
                yield Verdict(labels, recent, not recent, float(found.count), None, found.last_seen, fields=fields)


def parse(table: RuleTable) -> Found | None:
    """The condition of a rule's table."""
    which, within = table.choice("finding", FINDINGS), table.span("within", _WITHIN) or _WITHIN
    if which is None:
        if "finding" not in table:
            table.problem(f"finding is missing: give one of {', '.join(FINDINGS)}")
        return None
    return Found(which, within)

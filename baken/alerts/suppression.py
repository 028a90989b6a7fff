"""What keeps an open alert from being told: a silence, a maintenance window, or another alert that explains it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from baken.alerts import lifecycle, silences
from baken.alerts.lifecycle import Act
from baken.alerts.rule import Rule
from baken.alerts.silences import Silence
from baken.history.series import labels_of
from baken.history.tables import alerts


@dataclass(slots=True)
class Quiet:
    """What keeps alerts quiet at one moment.

    Attributes:
        silences: silences and maintenance windows that are not over.
        inhibits: names of the rules that an alert of a rule inhibits.
        across: rules over all sites, whose alerts inhibit those of every site.
        firing: (site, rule) -> open alerts of a rule that inhibits others: number and labels.
    """

    silences: Sequence[Silence]
    inhibits: Mapping[str, tuple[str, ...]]
    across: frozenset[str]
    firing: dict[tuple[str, str], list[tuple[int, Mapping[str, str]]]] = field(default_factory=dict)

    @classmethod
    def read(cls, conn: Connection, rules: Mapping[str, Rule], now: datetime, site: str | None = None) -> "Quiet":
        """What holds now, from the store; with `site` only what may hold back alerts of that site."""
        inhibits = {name: rule.inhibits for name, rule in rules.items() if rule.inhibits}
        found = cls(
            silences.load(conn, now), inhibits, frozenset(name for name in inhibits if rules[name].quorum is not None)
        )
        if inhibits:
            query = select(alerts.c.site, alerts.c.rule, alerts.c.number, alerts.c.labels).where(
                alerts.c.open_key.is_not(None), alerts.c.rule.in_(sorted(inhibits))
            )
            if site is not None:
                query = query.where(alerts.c.site.in_({site, ""}))
            # In order, so that of several causes it is always the same one that is named.
            rows = conn.execute(query.order_by(alerts.c.number))
            for site, rule, number, labels in rows:
                found.fires(site, rule, number, labels_of(labels))
        return found

    def fires(self, site: str, rule: str, number: int, labels: Mapping[str, str]) -> None:
        """An alert of a rule that inhibits others is open."""
        self.firing.setdefault((site, rule), []).append((number, labels))

    def reason(
        self, rule: str, site: str, severity: str, area: str, labels: Mapping[str, str], now: datetime
    ) -> str | None:
        """Why an alert is not told: "silence:3", "maintenance:4", "inhibited:17", or None."""
        facts = {**labels, "rule": rule, "severity": severity, "area": area, "site": site}
        for silence in self.silences:
            if silence.holds(facts, site, now):
                return f"{silence.kind}:{silence.id}"
        for source, targets in self.inhibits.items():
            if rule not in targets or source == rule:
                continue
            causes = self.firing.get((site, source), [])
            if source in self.across:
                causes = [*causes, *self.firing.get(("", source), [])]
            for number, own in causes:
                # A full disk explains nothing about another one.
                if all(own[label] == labels[label] for label in own.keys() & labels.keys()):
                    return f"inhibited:{number}"
        return None

    def of_alert(self, row: Row[Any], now: datetime) -> str | None:
        """The same for an alert's row."""
        return self.reason(row.rule, row.site, row.severity, row.area, labels_of(row.labels), now)


def refresh(act: Act, rules: Mapping[str, Rule], site: str | None = None) -> int:
    """Bring what open alerts (of one site, when given) are held back by up to the present; how many changed."""
    quiet = Quiet.read(act.conn, rules, act.now, site)
    # In order, so that two writers meet the same locks in the same order.
    query = select(alerts).where(alerts.c.open_key.is_not(None)).order_by(alerts.c.number)
    if site is not None:
        query = query.where(alerts.c.site == site)
    changed = 0
    for row in act.conn.execute(query).all():
        by = quiet.of_alert(row, act.now)
        if by != row.suppressed:
            changed += lifecycle.suppress(act, row.number, by)
    return changed


def stale(conn: Connection, rules: Mapping[str, Rule], now: datetime) -> bool:
    """Whether an open alert is held back by something that is over, or not by something that has begun."""
    quiet = Quiet.read(conn, rules, now)
    rows = conn.execute(select(alerts).where(alerts.c.open_key.is_not(None))).all()
    return any(quiet.of_alert(row, now) != row.suppressed for row in rows)

"""Alerts that other systems report: opened once, seen again, ended, as those of Baken's own rules are.

What another system calls one problem is one alert here, however often it is reported. Silences, maintenance and
escalation hold for it like for any other; nothing is judged, for the other system has judged already.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal
from urllib.parse import unquote

from sqlalchemy import select

from baken.alerts import lifecycle
from baken.alerts.lifecycle import Act, Opening, key_of
from baken.alerts.rule import Rule, Severity, Verdict, View
from baken.alerts.suppression import Quiet
from baken.history.tables import SITE, alerts
from baken.privacy import mask

Source = Literal["alertmanager", "zabbix"]

SOURCES: Mapping[Source, str] = {"alertmanager": "Alertmanager", "zabbix": "Zabbix"}
"""The systems that report, as people call them. An alert's rule is the name in capitals."""

Taken = Literal["opened", "reopened", "seen", "resolved", "unknown"]

_MOST_TITLE, _MOST_MESSAGE, _MOST_NAME = 200, 2000, 100
_MOST_LABELS = 12


@dataclass(frozen=True, slots=True)
class Report:
    """What another system says about one problem.

    Attributes:
        source: who says so.
        identity: what the source calls the problem for ever; the same problem has the same.
        firing: whether it is there; otherwise it is over.
        name: what is wrong, as the source calls the kind of problem: an alertname, a trigger.
        site: the watched site that it is about; empty for the host.
        severity: how bad it is.
        title, message: as the source wrote them.
        began: since when, aware UTC.
        link: where the source shows it.
        labels: further labels of the source.
    """

    source: Source
    identity: str
    firing: bool
    name: str
    site: str
    severity: Severity
    title: str
    message: str
    began: datetime
    link: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The identity of the alert here."""
        return key_of(rule_of(self.source).name, self.site, {"identity": self.identity})


class _Elsewhere:
    """The condition of a rule that another system judges."""

    metrics: frozenset[str] = frozenset()
    every: timedelta | None = None
    words = "reported by another system"

    def judge(self, view: View) -> Iterable[Verdict]:
        """Nothing."""
        return ()


@cache
def rule_of(source: Source) -> Rule:
    """The rule under which alerts of a source are kept."""
    called = SOURCES[source]
    return Rule(
        name=source.upper(),
        kind="external",
        condition=_Elsewhere(),
        severity="MEDIUM",
        area="operations",
        title={"en": "{problem}", "nl": "{problem}"},
        message={"en": "", "nl": ""},
        advice={
            "en": f"{called} reports this; look there for what it has measured. It ends here when {called} says so.",
            "nl": f"{called} meldt dit; kijk daar wat het gemeten heeft. Hier eindigt het zodra {called} dat meldt.",
        },
        reason={"en": "", "nl": ""},
        called={"en": f"Problem in {called}", "nl": f"Probleem in {called}"},
    )


def of_name(name: str) -> Rule | None:
    """The rule of alerts that another system reports, by its name; None for every other name."""
    return next((rule_of(source) for source in SOURCES if source.upper() == name), None)


def take(act: Act, report: Report, rules: Mapping[str, Rule]) -> Taken:
    """Make an alert of what another system reports, or end it, in the caller's transaction.

    Args:
        act: who changes, when; `act.user` is empty: nobody did it by hand.
        report: what is reported. Its texts are masked here.
        rules: the rules that apply, by name: an alert of theirs may explain this one.

    Returns what became of it; "unknown" for the end of something that was never reported, or ended before.
    """
    key = report.key
    row = act.conn.execute(select(alerts).where(alerts.c.open_key == key)).one_or_none()
    if not report.firing:
        if row is None:
            return "unknown"
        lifecycle.resolve(act, row.number, f"{SOURCES[report.source]} reports that it is over")
        return "resolved"
    if row is not None:
        lifecycle.seen(act, row.number, None, _texts(report))
        return "seen"
    rule = rule_of(report.source)
    labels = _labels(report)
    quiet = Quiet.read(act.conn, rules, act.now, report.site)
    given = Opening(
        rule=rule,
        site=report.site[:SITE],
        labels=labels,
        key=key,
        began=min(report.began, act.now),
        value=None,
        texts=_texts(report),
        details=_details(report),
        suppressed=quiet.reason(rule.name, report.site, report.severity, rule.area, labels, act.now),
        severity=report.severity,
    )
    flapping = _fired_lately(act, key) >= act.settings.flapping
    if lifecycle.again(act, given, flapping=flapping) is not None:
        return "reopened"
    lifecycle.open_alert(act, given)
    return "opened"


def _fired_lately(act: Act, key: str) -> int:
    """How often the last alert of this key has fired, if that was lately."""
    row = act.conn.execute(
        select(alerts.c.occurrences, alerts.c.fired)
        .where(alerts.c.key == key)
        .order_by(alerts.c.number.desc())
        .limit(1)
    ).one_or_none()
    lately = row is not None and act.ms - row.fired < timedelta(hours=1) // timedelta(milliseconds=1)
    return int(row.occurrences) if row is not None and lately else 0


def _labels(report: Report) -> dict[str, str]:
    found = {"problem": mask(report.name)[:_MOST_NAME]}
    for name, value in sorted(report.labels.items())[:_MOST_LABELS]:
        found.setdefault(name[:_MOST_NAME], mask(value)[:_MOST_NAME])
    return found


def _texts(report: Report) -> dict[str, dict[str, str]]:
    rule = rule_of(report.source)
    title = mask(report.title.replace("\x00", "") or report.name)[:_MOST_TITLE]
    message = mask(report.message.replace("\x00", ""))[:_MOST_MESSAGE]
    return {
        # Another system writes in one language, whatever that is.
        "title": {"en": title, "nl": title},
        "message": {"en": message, "nl": message},
        "advice": dict(rule.advice),
    }


def _details(report: Report) -> dict[str, Any]:
    link = report.link if report.link.startswith(("https://", "http://")) and len(report.link) <= 2000 else ""
    # A password before the host, or somebody's e-mail address.
    link = "" if "@" in unquote(link) else link
    return {
        "kind": "external",
        "words": f"reported by {SOURCES[report.source]}",
        "metric": None,
        "match": {},
        "unit": "",
        "limit": None,
        "runbook": "",
        "source": SOURCES[report.source],
        "good": None,
        "link": link,
    }

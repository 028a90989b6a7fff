"""What of a site needs somebody now: open alerts, what waits, what cannot be seen, and what reading errors found.

The overview shows the whole list with what each thing means and what to do; the reports tell a part of it in a line
each. An alert explains what waits for the same reason, so that nothing is told twice.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from baken.alerts import answers, report_words, words
from baken.alerts.attention_words import Text, say
from baken.alerts.lifecycle import ACKNOWLEDGED
from baken.alerts.report_figures import BACKUP_AGE
from baken.alerts.rule import RANK
from baken.clock import DAY, HOUR, from_ms
from baken.errors import findings
from baken.history import samples
from baken.history.tables import alerts
from baken.insights import health
from baken.insights.figures import Figures
from baken.insights.score import Open
from baken.metrics import catalogue

LANGUAGES = ("en", "nl")

Kind = Literal["alert", "waiting", "site", "figures", "finding", "told"]
State = Literal["open", "acknowledged", "quiet"]

RECENT = timedelta(days=7)
"""A finding that was not seen again for so long is history."""

BRIEFLY = timedelta(minutes=10)
"""A figure that is missing for less than this may come back by itself."""

_LOOKED_BACK = 30 * DAY
_NAMED = 3

# What waits for somebody: text, metric, severity, above which figure (in the metric's unit), and where to go.
_DUE = (
    ("due.backup", "frappe_backup_age_seconds", "HIGH", BACKUP_AGE.total_seconds(), "system"),
    ("due.schedules", "association_dues_schedules_stuck", "MEDIUM", 0, ""),
    ("due.mail", "frappe_email_oldest_unsent_seconds", "MEDIUM", 3600, ""),
    ("due.jobs_failing", "frappe_scheduled_jobs_failing", "MEDIUM", 0, "errors"),
    ("due.jobs_late", "frappe_scheduled_jobs_late", "MEDIUM", 0, ""),
    ("due.applications", "association_applications_stalled", "LOW", 0, ""),
    ("due.orphans", "association_payments_without_reference", "LOW", 0, ""),
    ("due.customers", "association_members_without_customer", "LOW", 0, ""),
    ("due.mandates", "sepa_mandates_expiring", "LOW", 0, "sepa"),
)
_CERTIFICATE, _CERTIFICATE_DAYS = "frappe_certificate_days_left", 21
_REACHED_BY = frozenset({"frappe_site_up", "database_up"})
_FOUND = {"leak": ("HIGH", "CREDENTIALS_IN_ERRORS"), "lost": ("MEDIUM", "ERRORS_LOST")}


@dataclass(frozen=True, slots=True)
class Item:
    """Something that needs somebody.

    Attributes:
        kind: an open alert; something that waits; the site is not seen; figures are missing; a finding; nobody is told.
        key: which one: "alert.12", "due.backup".
        severity: how bad it is.
        title, means, todo: what it is, what it means and what to do, by language.
        since: since when, as far as that is known.
        state: whether somebody looks after it, or it is held back on purpose.
        link: the place within the dashboard, without a slash before it: "alerts/12"; empty when there is none.
        metric: the metric that it is about; empty when it is about none.
        number: the alert's number.
        site: whose it is; empty for the host and Baken itself.
    """

    kind: Kind
    key: str
    severity: str
    title: Text
    means: Text
    todo: Text
    since: datetime | None = None
    state: State = "open"
    link: str = ""
    metric: str = ""
    number: int | None = None
    site: str = ""


def open_alerts(conn: Connection, site: str) -> list[Row[Any]]:
    """The open alerts that a site's people see, the worst first, then those that have been open for longest."""
    rows = conn.execute(select(alerts).where(answers.of_site(site), alerts.c.open_key.is_not(None))).all()
    return sorted(rows, key=lambda row: (-RANK[row.severity], row.fired, row.number))


def scored(rows: Iterable[Row[Any]]) -> list[Open]:
    """Open alerts as the score takes them, with number, title and the moment since when to be told."""
    return [
        Open(
            rule=row.rule,
            severity=row.severity,
            acknowledged=row.status == ACKNOWLEDGED,
            suppressed=bool(row.suppressed),
            metric=str(json.loads(row.details).get("metric") or ""),
            labels=json.loads(row.labels),
            values={"number": row.number, "title": title(row), "since": from_ms(row.fired)},
        )
        for row in rows
    ]


def title(row: Row[Any]) -> Text:
    """What an alert is called, in both languages."""
    return _text(row, "title") or dict.fromkeys(LANGUAGES, str(row.rule))


def _text(row: Row[Any], part: str) -> Text:
    known: Mapping[str, str] = json.loads(row.texts).get(part) or {}
    either = known.get("en") or known.get("nl")
    return {language: known.get(language) or either for language in LANGUAGES} if either else {}


def alerted(rows: Iterable[Row[Any]]) -> set[str]:
    """The metrics that open alerts are about."""
    return {str(metric) for row in rows if (metric := json.loads(row.details).get("metric"))}


def state_of(row: Row[Any]) -> State:
    """Whether somebody looks after an open alert, or it is held back on purpose."""
    return "quiet" if row.suppressed else "acknowledged" if row.status == ACKNOWLEDGED else "open"


def of_alerts(rows: Iterable[Row[Any]]) -> list[Item]:
    """Open alerts as items, in the same order."""
    nothing = dict.fromkeys(LANGUAGES, "")
    return [
        Item(
            kind="alert",
            key=f"alert.{row.number}",
            severity=row.severity,
            title=title(row),
            means=_text(row, "message") or nothing,
            todo=_text(row, "advice") or nothing,
            since=from_ms(row.fired),
            state=state_of(row),
            link=f"alerts/{row.number}",
            metric=str(json.loads(row.details).get("metric") or ""),
            number=row.number,
            site=row.site,
        )
        for row in rows
    ]


def waiting(figures: Figures, covered: Collection[str], now: datetime) -> list[Item]:
    """What waits for somebody and has no alert of its own, the worst first. `covered`: metrics that alerts tell of."""
    found = []
    for key, metric, severity, above, link in _DUE:
        value = _present(figures, metric, now)
        if metric not in covered and value is not None and value > above:
            found.append(_due(key, metric, severity, value, _unit(metric), link))
    days = _present(figures, _CERTIFICATE, now)
    if _CERTIFICATE not in covered and days is not None and days < _CERTIFICATE_DAYS:
        found.append(_due("due.certificate", _CERTIFICATE, "MEDIUM", days, "days", ""))
    return sorted(found, key=lambda each: -RANK[each.severity])


def _due(key: str, metric: str, severity: str, value: float, unit: str, link: str) -> Item:
    title = {
        language: report_words.say(key, language, value=words.figure(value, unit, language)) for language in LANGUAGES
    }
    place = link or f"explorer?m={metric}"
    return Item("waiting", key, severity, title, say(f"{key}.means"), say(f"{key}.todo"), link=place, metric=metric)


def _unit(metric: str) -> str:
    entry = catalogue.get(metric)
    return entry.unit if entry is not None else ""


def _present(figures: Figures, metric: str, now: datetime) -> float | None:
    """The figure of a metric at this moment; None when there is none, or only an old one."""
    entry = catalogue.get(metric)
    figure = figures.total(metric)
    if entry is None or figure.value is None or figure.reason is not None or figure.at is None:
        return None
    return figure.value if now - figure.at <= max(3 * entry.every, HOUR) else None


def begun(conn: Connection, site: str, item: Item, now: datetime) -> datetime | None:
    """Since when something waits, to the hour; None when that is not known. Looks back 30 days at most."""
    due = next((each for each in _DUE if each[0] == item.key), None)
    if due is None:
        return None
    above, by_hour = due[3], dict[int, float]()
    for line in samples.read_range(conn, site, item.metric, now - _LOOKED_BACK, now, step=HOUR):
        for at, value in zip(line.at, line.value, strict=True):
            by_hour[at] = by_hour.get(at, 0.0) + value
    since = None
    for at in sorted(by_hour, reverse=True):
        if by_hour[at] <= above:
            return since
        since = from_ms(at)
    # It was so when it was first measured: since when is not known.
    return None


def unseen(figures: Figures, covered: Collection[str], now: datetime, zone: str) -> list[Item]:
    """What of the site Baken does not see: the site itself, or figures that it used to see.

    `zone` is the IANA name of the zone in which moments are told.
    """
    state = figures.state
    if state is None:
        return [Item("site", "unseen", "HIGH", say("unseen"), say("silent.means"), say("silent.todo"), link="monitor")]
    if now - state.at > health.SILENT:
        since = {language: words.moment(state.at, zone, language, now=now) for language in LANGUAGES}
        texts = say("silent", moment=since), say("silent.means"), say("silent.todo")
        return [Item("site", "silent", "HIGH", *texts, since=state.at, link="monitor")]
    if not state.ok:
        if _REACHED_BY & set(covered):
            return []
        texts = say("unreachable"), say("unreachable.means"), say("unreachable.todo", reason=state.reason or "?")
        begins = [absence.since for absence in figures.absences.values() if absence.reason == state.reason]
        return [Item("site", "unreachable", "CRITICAL", *texts, since=min(begins, default=None), link="monitor")]
    gone = sorted(_gone(figures, now))
    if not gone:
        return []
    more = len(gone) - _NAMED
    what = {
        language: ", ".join(_called(name, language) for name in gone[:_NAMED]) + (f" +{more}" if more > 0 else "")
        for language in LANGUAGES
    }
    begins = [absence.since for name in gone if (absence := figures.absences.get(name)) is not None]
    texts = say("lost_figures", count=str(len(gone))), say("lost_figures.means", what=what), say("lost_figures.todo")
    return [Item("figures", "lost_figures", "LOW", *texts, since=min(begins, default=None), link="monitor")]


def _gone(figures: Figures, now: datetime) -> Iterable[str]:
    """Metrics that once had a figure and have none now, or only an old one."""
    for name in figures.metrics:
        absence, entry, at = figures.absences.get(name), catalogue.get(name), figures.at(name)
        if entry is None or entry.scope == "run":
            continue
        if absence is not None:
            if now - absence.since > BRIEFLY:
                yield name
        elif at is not None and now - at > max(3 * entry.every, HOUR):
            yield name


def _called(metric: str, language: str) -> str:
    entry = catalogue.get(metric)
    return entry.texts[language].title if entry is not None else metric


def found(conn: Connection, site: str, rows: Iterable[Row[Any]], now: datetime) -> list[Item]:
    """What reading the site's errors brought to light within RECENT and no open alert tells of."""
    told, items = {row.rule for row in rows}, []
    for kind, entries in (("leak", findings.leaks(conn, site)), ("lost", findings.lost(conn, site))):
        severity, rule = _FOUND[kind]
        recent = [each for each in entries if now - datetime.fromisoformat(each["last_seen"]) <= RECENT]
        if rule in told or not recent:
            continue
        names = [findings.labels(kind, name) for name in dict.fromkeys(each["kind"] for each in recent)]
        what = {language: ", ".join(name[language] for name in names) for language in LANGUAGES}
        since = min(datetime.fromisoformat(each["first_seen"]) for each in recent)
        texts = say(kind, what=what), say(f"{kind}.means"), say(f"{kind}.todo")
        items.append(Item("finding", kind, severity, *texts, since=since, link="errors"))
    return items


def untold() -> Item:
    """That alerts go out to nobody."""
    texts = say("untold"), say("untold.means"), say("untold.todo")
    return Item("told", "untold", "LOW", *texts, link="alerts?tab=delivery")


def ordered(items: Iterable[Item]) -> list[Item]:
    """The items by need: that the site is not seen before all else, what nobody looks after, the worst, the oldest."""
    states: Sequence[State] = ("open", "acknowledged", "quiet")

    def need(item: Item) -> tuple[bool, int, int, float]:
        since = item.since.timestamp() if item.since is not None else float("inf")
        return item.kind != "site", states.index(item.state), -RANK[item.severity], since

    return sorted(items, key=need)


def beyond(alert: health.Alert, language: str, reason: str = "") -> str:
    """What a health check found beyond its limit, as a sentence. `reason`: why the site is out of reach, in words."""
    if alert.type == "SITE_UNREACHABLE":
        return report_words.say("health.SITE_UNREACHABLE", language, reason=reason or alert.message)
    details = alert.details
    silent = alert.type == "SCHEDULER_ISSUES" and details["unit"] == "seconds"
    key = "health.SCHEDULER_SILENT" if silent else f"health.{alert.type}"

    def told(value: float) -> str:
        percent = details["unit"] == "percent"
        return words.figure(value / 100 if percent else value, "ratio" if percent else details["unit"], language)

    labels = {name: str(value) for name, value in details.get("labels", {}).items()}
    where = words.where(labels, language)
    return report_words.say(key, language, value=told(details["value"]), limit=told(details["threshold"]), where=where)

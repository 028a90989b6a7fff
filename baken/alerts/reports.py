"""The daily and the weekly report: how a site was, compared with the day or week before, and what wants attention.

A report is put together from the store alone, in the recipient's language and days. `build` says what is in it,
`due` when it should have gone out, `report_key` what makes it the same as another one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from baken.alerts import answers, attention, statistics, words
from baken.alerts.lifecycle import RESOLVED
from baken.alerts.report_figures import SECTIONS, Reader, Stretch
from baken.alerts.report_words import say
from baken.alerts.rule import RANK
from baken.alerts.view import zone_of
from baken.alerts.windows import DAYS, clock_time, moment_of, zone_named
from baken.clock import from_ms, iso, to_ms
from baken.errors import facts
from baken.errors.described import summary
from baken.errors.windows import Window
from baken.history import samples
from baken.history.tables import alerts
from baken.insights import health
from baken.insights.figures import Figures
from baken.insights.figures import read as figures_of
from baken.settings import Alerts, Settings

Period = Literal["daily", "weekly"]

MOST_ALERTS = 10
MOST_PATTERNS = 5
MOST_NEW = 3
"""So many new patterns of errors are told beside the most frequent ones."""

_LENGTH: Mapping[str, int] = {"daily": 1, "weekly": 7}
_HOUR_MS = 3_600_000
_ERROR_STALE = timedelta(minutes=30)


def build(
    conn: Connection,
    site: str,
    *,
    period: Period,
    until: datetime,
    zone: tzinfo,
    language: str,
    settings: Settings,
    url: str,
    now: datetime | None = None,
) -> dict[str, Any]:
    """A report about a site.

    Args:
        conn: a connection that sees one moment of the store.
        site: the site's name.
        period: daily is about the last whole day before `until`, weekly about the last seven.
        until: the moment for which it is made, aware.
        zone: the zone whose days they are, and in which moments are told.
        language: "en" or "nl".
        settings: thresholds of the health check.
        url: Baken's public address without a slash at its end, for links; empty: no links.
        now: the present, at which health and what waits are judged; None: `until`. Open alerts are those of the store.

    Returns:
        period, site, from, to (ISO), health {status, sentences}, attention [{severity, text, url}], sections [{key,
        title, rows [{label, value, change, tone (good, bad or neutral), note}]}], errors {total, before, patterns
        [{title, count, change, severity}]}, alerts {opened, resolved, open, list [{number, title, severity, status,
        since, url}], median_ack, median_resolve}, absent [{what, why}]. Figures, changes and moments are texts in the
        language, empty where there is nothing to say; severities and states are codes.
    """
    present = now or until
    stretch = Stretch.ending(until, _LENGTH[period], zone)
    reader = Reader(conn, site, zone_named(zone_of(conn, site)), str(zone), language, present)
    sections, absent = [], []
    for key in SECTIONS:
        section, missing = reader.section(key, stretch)
        sections += [section] if section is not None else []
        absent += missing
    figures = figures_of(conn, site, samples.site_states(conn).get(site))
    errors, unread = _errors(reader, stretch)
    opened = attention.open_alerts(conn, site)
    return {
        "period": period,
        "site": site,
        "from": iso(stretch.start),
        "to": iso(stretch.end),
        "health": _health(reader, figures, settings, opened),
        "attention": _attention(reader, figures, opened, url),
        "sections": sections,
        "errors": errors,
        "alerts": _alerts(reader, stretch, opened, url),
        "absent": [*absent, *unread],
    }


def due(now: datetime, zone: tzinfo, settings: Alerts, period: Period) -> datetime | None:
    """The last moment, in UTC, at which a report should have gone out in a zone; None when none ever should.

    Raises BadTime when `settings.report_at` is no time of day.
    """
    if not settings.report_at.strip():
        return None
    at = clock_time(settings.report_at)
    today = now.astimezone(zone).date()
    for back in range(9):
        day = today - timedelta(days=back)
        if period == "weekly" and DAYS[day.weekday()] != settings.weekly_report_day:
            continue
        moment = moment_of(datetime.combine(day, at), zone)
        if moment <= now:
            return moment
    return None


def days_of(until: datetime, period: Period, zone: tzinfo) -> tuple[datetime, datetime]:
    """The days that a report made for the moment `until` is about: from when to before when, aware UTC."""
    stretch = Stretch.ending(until, _LENGTH[period], zone)
    return stretch.start, stretch.end


def report_key(site: str, period: Period, moment: datetime, recipient: str, channel: str) -> str:
    """What makes two reports the same one: site, period, the moment it is due, recipient and channel."""
    return "\0".join(("report", site, period, str(to_ms(moment)), recipient, channel))


def _health(reader: Reader, figures: Figures, settings: Settings, opened: list[Row[Any]]) -> dict[str, Any]:
    """The present: the health check, made worse by open alerts, since a report with one of these is no all-clear."""
    found = health.assess(figures, settings.thresholds, reader.now)
    language = reader.language
    sentences = [attention.beyond(alert, language, reason=reader.reason(alert.message)) for alert in found.alerts]
    state = figures.state
    if state is None:
        sentences.append(say("health.unseen", language))
    elif reader.now - state.at > health.SILENT:
        sentences.append(say("health.silent", language, moment=reader.moment(state.at)))
    else:
        if found.status == "healthy":
            sentences.append(say("health.good", language, count=len(found.checks)))
        elif found.status == "unknown":
            sentences.append(say("health.unjudged", language))
        if found.unknown:
            names = ", ".join(say(f"check.{check}", language) for check in found.unknown)
            sentences.append(say("health.without", language, checks=names))
    loud = [row for row in opened if not row.suppressed]
    status = found.status
    if loud:
        worst = words.severity(loud[0].severity, language).lower()
        sentences.insert(0, say("health.alerts", language, count=words.number(len(loud), language, 0), severity=worst))
        if RANK[loud[0].severity] >= RANK["HIGH"]:
            status = "critical"
        elif RANK[loud[0].severity] >= RANK["MEDIUM"] and status == "healthy":
            status = "warning"
    return {"status": status, "sentences": sentences}


def _attention(reader: Reader, figures: Figures, opened: list[Row[Any]], url: str) -> list[dict[str, str]]:
    """Open alerts, each with its page, then what waits for somebody and has no alert of its own."""
    language = reader.language
    found = []
    for row in opened[:MOST_ALERTS]:
        key, moment = f"alert.{attention.state_of(row)}", reader.moment(from_ms(row.fired))
        text = say(key, language, title=attention.title(row)[language], moment=moment)
        found.append({"severity": row.severity, "text": text, "url": _alert_url(url, row.number)})
    if len(opened) > MOST_ALERTS:
        rest = opened[MOST_ALERTS:]
        more = say("alert.more", language, count=len(rest))
        page = f"{url}/monitoring_dashboard/alerts" if url else ""
        found.append({"severity": rest[0].severity, "text": more, "url": page})
    waiting = attention.waiting(figures, attention.alerted(opened), reader.now)
    return [*found, *({"severity": item.severity, "text": item.title[language], "url": ""} for item in waiting)]


def _errors(reader: Reader, stretch: Stretch) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The errors of the stretch by pattern, and what is not known of them.

    Errors are counted by hours of UTC: in a zone that lies half an hour beside them the hour at either end is whole.
    """
    language = reader.language
    window = Window(_floor(stretch.start), _ceil(stretch.end))
    found = facts.gather(reader.conn, reader.site, window, users=False)
    looked, main = found.looked, found.looked.main
    what = say("errors", language)
    if main is None:
        absent = [{"what": what, "why": say("errors.unread", language)}]
        return {"total": say("unmeasured", language), "before": "", "patterns": []}, absent
    why = ""
    read_until = datetime.fromisoformat(main.until) if main.until else None
    if main.behind:
        why = say("errors.behind", language, moment=reader.moment(read_until) if read_until else "–")
    elif looked.since is not None and looked.since > window.start:
        why = say("errors.since", language, moment=reader.moment(from_ms(looked.since)))
    elif main.read_at < stretch.end - _ERROR_STALE:
        why = say("errors.until", language, moment=reader.moment(main.read_at))
    head_of = {number: head for head in found.rows for number in found.numbers(head)}
    before: dict[int, int] = {}
    compared = looked.knew(_floor(stretch.earlier) + 1)
    if compared:
        for number, n in facts.by_pattern(reader.conn, reader.site, Window(_floor(stretch.earlier), window.start)):
            before[head_of[number]] = before.get(head_of[number], 0) + n
    fresh = {head for head in found.present if _is_new(found, head)}
    chosen = found.present[:MOST_PATTERNS]
    chosen += [head for head in found.present[MOST_PATTERNS:] if head in fresh][:MOST_NEW]
    patterns = []
    for head in chosen:
        row, count = found.rows[head], found.tallies[head].count
        change = ""
        if head in fresh:
            change = say("change.new", language)
        elif row.state == "regressed" and row.state_at is not None and window.start <= row.state_at < window.end:
            change = say("change.back", language)
        elif compared and not why:
            change = _difference(count - before.get(head, 0), language)
        patterns.append(
            {
                "title": summary(row.exception, row.template),
                "count": words.number(count, language, 0),
                "change": change,
                "severity": row.severity,
            }
        )
    nothing_read = looked.since is not None and looked.since >= window.end
    total = say("unmeasured", language) if nothing_read else words.number(found.total, language, 0)
    answer = {
        "total": total,
        "before": words.number(sum(before.values()), language, 0) if compared else "",
        "patterns": patterns,
    }
    return answer, [{"what": what, "why": why}] if why else []


def _is_new(found: facts.Facts, head: int) -> bool:
    """Whether a pattern was seen for the first time in the window, and Baken had looked before."""
    first = min(row.first_seen for row in (found.rows[head], *found.members.get(head, ())))
    return bool(first >= found.window.start and found.looked.knew(found.window.start))


def _difference(n: int, language: str) -> str:
    if not n:
        return say("same", language)
    return ("+" if n > 0 else "−") + words.number(abs(n), language, 0)


def _floor(moment: datetime) -> int:
    return to_ms(moment) // _HOUR_MS * _HOUR_MS


def _ceil(moment: datetime) -> int:
    return -(-to_ms(moment) // _HOUR_MS) * _HOUR_MS


def _alerts(reader: Reader, stretch: Stretch, opened: list[Row[Any]], url: str) -> dict[str, Any]:
    """What alerts there were in the stretch, and which are open now."""
    conn, language = reader.conn, reader.language
    first, last = to_ms(stretch.start), to_ms(stretch.end)

    def count(moment: Any) -> str:
        query = (
            select(func.count()).select_from(alerts).where(answers.of_site(reader.site), moment >= first, moment < last)
        )
        return words.number(int(conn.execute(query).scalar_one()), language, 0)

    over = conn.execute(
        select(alerts)
        .where(
            answers.of_site(reader.site), alerts.c.status == RESOLVED, alerts.c.fired >= first, alerts.c.fired < last
        )
        .order_by(alerts.c.number.desc())
        .limit(MOST_ALERTS)
    ).all()
    shown = [*opened[:MOST_ALERTS], *sorted(over, key=lambda row: (-RANK[row.severity], -row.number))][:MOST_ALERTS]
    acknowledged, resolved = statistics.times(conn, reader.site, stretch.start, stretch.end).get("", (None, None))
    return {
        "opened": count(alerts.c.fired),
        "resolved": count(alerts.c.resolved_at),
        "open": words.number(len(opened), language, 0),
        "list": [
            {
                "number": row.number,
                "title": attention.title(row)[language],
                "severity": row.severity,
                "status": row.status,
                "since": reader.moment(from_ms(row.fired)),
                "url": _alert_url(url, row.number),
            }
            for row in shown
        ],
        "median_ack": _span(acknowledged, language),
        "median_resolve": _span(resolved, language),
    }


def _span(seconds: float | None, language: str) -> str:
    return "" if seconds is None else words.span(timedelta(seconds=seconds), language)


def _alert_url(url: str, number: int) -> str:
    return f"{url}/monitoring_dashboard/alerts/{number}" if url else ""

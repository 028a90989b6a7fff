"""The figures of a report: what a stretch of days had, what the stretch before it had, and which of the two is better.

A figure is read from the history or it is said not to be there. One that was measured over a part of its stretch
only says so, and is not compared: half a day has fewer new members than a whole one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from statistics import fmean
from typing import Any, Literal

from sqlalchemy import Connection

from baken.alerts import words
from baken.alerts.report_words import say
from baken.alerts.view import HOST, NEVER
from baken.alerts.windows import midnight
from baken.clock import DAY, HOUR, from_ms
from baken.history import samples
from baken.history.samples import Absence, Points
from baken.insights.figures import NO_ROWS
from baken.metrics import catalogue

How = Literal["end", "days", "mean", "highest", "fullest"]
"""How a stretch gives one figure: at its end; the sum of what each of its days had; the mean; the highest; and of
several at the end the largest."""

COMPLETE = 0.9
"""A mean or a highest figure stands for a stretch of which so large a share of the hours was measured."""

BACKUP_AGE = timedelta(hours=26)
"""The newest backup is not older than that where one is made every day, with time to make it."""

_NEAR = 2 * HOUR
_NO_DOCTYPE = "this site has no DocType "


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the report.

    Attributes:
        key: name of its text.
        metric, labels: what is read; label sets that have these labels are added up.
        how: how a stretch gives one figure.
        good, unit: stand in for those of the catalogue.
        least: a smaller change is neither good nor bad: a share of the figure before, of a ratio the difference.
        most: the figure is bad above this, whatever it was before.
        compared: whether it is compared with the figure before.
    """

    key: str
    metric: str
    how: How
    labels: Mapping[str, str] = field(default_factory=dict)
    good: Literal["up", "down"] | None = None
    unit: str = ""
    least: float = 0.0
    most: float | None = None
    compared: bool = True


SECTIONS: Mapping[str, Sequence[Row]] = {
    "members": (
        Row("active", "association_members", "end", {"status": "Active"}, good="up"),
        Row("new", "association_members_new", "days", {"window": "day"}),
        Row("left", "association_members_left", "days", {"window": "day"}),
        Row("growth", "association_members_net_growth", "days", {"window": "day"}),
    ),
    "payments": (
        Row("transactions", "erpnext_transactions_today", "days"),
        Row("success", "erpnext_payment_success_ratio", "end"),
        Row("outstanding", "erpnext_outstanding_amount", "end"),
        Row("overdue", "erpnext_overdue_amount", "end"),
    ),
    "sepa": (
        Row("mandates", "sepa_mandates", "end", {"status": "Active"}, good="up"),
        Row("mandates_new", "sepa_mandates_new", "days", {"window": "day"}),
        Row("batches", "sepa_batches_recent", "end"),
        Row("returns", "sepa_returns", "end"),
        Row("audit_failures", "sepa_audit_failures", "days", {"window": "24h"}),
    ),
    "system": (
        Row("site", "frappe_site_up", "mean", unit="ratio", least=0.0005),
        Row("database", "database_up", "mean", unit="ratio", least=0.0005),
        Row("database_size", "database_size_bytes", "end", least=0.05),
        Row("response", "frappe_site_response_seconds", "mean", least=0.2),
        Row("queue", "frappe_queue_length", "highest", most=20),
        Row("disk", "host_disk_used_ratio", "fullest", most=0.9),
        Row("backup", "frappe_backup_age_seconds", "end", most=BACKUP_AGE.total_seconds(), compared=False),
    ),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days of a report, from `start` to before `end`, and those before them, from `earlier` on; aware UTC."""

    earlier: datetime
    start: datetime
    end: datetime

    @classmethod
    def ending(cls, until: datetime, days: int, zone: tzinfo) -> "Stretch":
        """The last `days` whole days of a zone that are over at the moment `until`, and as many before them."""
        today = until.astimezone(zone).date()
        return cls(*(midnight(today - timedelta(days=back), zone) for back in (2 * days, days, 0)))


@dataclass(frozen=True, slots=True)
class Value:
    """A figure of a stretch; `whole` is False when a part of the stretch was not measured, and `note` says which."""

    figure: float
    whole: bool = True
    note: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Reader:
    """Reads the figures of one site from the history.

    Attributes:
        conn: a connection that reads.
        site: the site's name.
        site_zone: the zone in which the site counts days.
        zone: IANA name of the zone in which moments are told.
        language: "en" or "nl".
        now: the present, aware UTC.
    """

    conn: Connection
    site: str
    site_zone: tzinfo
    zone: str
    language: str
    now: datetime
    _absences: dict[str, Mapping[str, Absence]] = field(default_factory=dict)

    def moment(self, at: datetime) -> str:
        """A moment in words."""
        return words.moment(at, self.zone, self.language, now=self.now)

    def section(self, key: str, stretch: Stretch) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
        """A section of the report, None when it has no figure at all; and what has none, with the reasons."""
        rows, absent = [], []
        for row in SECTIONS[key]:
            value = self._value(row, stretch.start, stretch.end)
            label = say(f"row.{row.key}", self.language)
            if value is None:
                absent.append({"what": label, "why": self._why(row.metric)})
                rows.append(_line(label, say("unmeasured", self.language), "", "neutral", ""))
            else:
                before = self._value(row, stretch.earlier, stretch.start) if row.compared else None
                rows.append(self._row(row, label, value, before))
        title = say(f"section.{key}", self.language)
        if len(absent) < len(rows):
            return {"key": key, "title": title, "rows": rows}, absent
        reasons = list(dict.fromkeys(each["why"] for each in absent))
        return None, [{"what": title, "why": "; ".join(reasons)}]

    def _row(self, row: Row, label: str, value: Value, before: Value | None) -> dict[str, str]:
        entry = catalogue.get(row.metric)
        unit = row.unit or (entry.unit if entry else "")
        good = row.good or (entry.good if entry else None)
        change, tone, note = "", "neutral", value.note
        if value.whole and before is not None and before.whole:
            change = self._change(value.figure - before.figure, unit)
            if good is not None and change != say("same", self.language) and _matters(row, unit, value, before):
                tone = "good" if (value.figure > before.figure) == (good == "up") else "bad"
        elif value.whole and row.compared:
            note = note or say("no_before", self.language)
        if row.most is not None:
            tone = "bad" if value.figure > row.most else "neutral"
        shown = words.figure(value.figure, unit, self.language)
        if row.key == "growth" and value.figure > 0:
            shown = f"+{shown}"
        return _line(label, shown, change, tone, note)

    def _change(self, difference: float, unit: str) -> str:
        """A difference in words, "+3" or "no change"; one of ratios in points of a percentage."""
        size = words.figure(abs(difference), unit, self.language)
        if size == words.figure(0, unit, self.language):
            return say("same", self.language)
        sign = "+" if difference > 0 else "−"
        if unit == "ratio":
            return sign + say("points", self.language, figure=words.number(abs(difference) * 100, self.language, 1))
        return sign + size

    def _value(self, row: Row, start: datetime, end: datetime) -> Value | None:
        match row.how:
            case "end":
                return self._at_end(row, start, end)
            case "fullest":
                return self._fullest(row, start, end)
            case "days":
                return self._of_days(row, start, end)
            case _:
                return self._over(row, start, end)

    def _at_end(self, row: Row, start: datetime, end: datetime) -> Value | None:
        found = self._last(row, start, end)
        if found is None:
            return None
        at, values = found
        whole = end - at <= self._patience(row)
        note = "" if whole else say("until", self.language, moment=self.moment(at))
        return Value(sum(figure for figure, _ in values), note=note)

    def _fullest(self, row: Row, start: datetime, end: datetime) -> Value | None:
        found = self._last(row, start, end)
        if found is None:
            return None
        at, values = found
        figure, labels = max(values, key=lambda each: each[0])
        note = words.where(labels, self.language)
        if end - at > self._patience(row):
            note = f"{note}, {say('until', self.language, moment=self.moment(at))}"
        return Value(figure, note=note)

    def _of_days(self, row: Row, start: datetime, end: datetime) -> Value | None:
        """The sum of what the days of the site had that ended within the stretch.

        The site counts a day from its own midnight on, whatever zone the report is in.
        """
        last = end.astimezone(self.site_zone).date()
        days = [last + timedelta(days=ahead) for ahead in range(-(end - start) // DAY - 2, 2)]
        ends = [moment for day in days if start < (moment := midnight(day, self.site_zone)) <= end]
        total, known, until = 0.0, 0, None
        for finish in ends:
            begin = midnight(finish.astimezone(self.site_zone).date() - timedelta(days=1), self.site_zone)
            found = self._last(row, begin, finish)
            if found is None:
                continue
            at, values = found
            total += sum(figure for figure, _ in values)
            if finish - at <= self._patience(row):
                known += 1
            until = at
        if until is None:
            return None
        if known == len(ends):
            return Value(total)
        if len(ends) == 1:
            return Value(total, False, say("until", self.language, moment=self.moment(until)))
        return Value(total, False, say("days", self.language, count=known, of=len(ends)))

    def _over(self, row: Row, start: datetime, end: datetime) -> Value | None:
        lines = self._range(row, start, end, step=HOUR)
        if not lines:
            return None
        hours = {at for line in lines for at in line.at}
        of = round((end - start) / HOUR)
        if row.how == "mean":
            figure = fmean(value for line in lines for value in line.value)
        else:
            figure = max(value for line in lines for value in (line.maximum or line.value))
        if len(hours) >= COMPLETE * of:
            return Value(figure)
        return Value(figure, False, say("hours", self.language, count=len(hours), of=of))

    def _last(
        self, row: Row, start: datetime, end: datetime
    ) -> tuple[datetime, list[tuple[float, Mapping[str, str]]]] | None:
        """When the metric was last measured within a stretch, and what it gave then: figures with their labels."""
        for since in (max(start, end - _NEAR), start):
            lines = self._range(row, since, end)
            if lines:
                newest = max(line.at[-1] for line in lines)
                # A label set that was not among them the last time is none any more.
                values: list[tuple[float, Mapping[str, str]]] = [
                    (line.value[-1], line.labels) for line in lines if line.at[-1] == newest
                ]
                return from_ms(newest), values
        return None

    def _range(self, row: Row, start: datetime, end: datetime, step: timedelta | None = None) -> list[Points]:
        place = self._place(row.metric)
        return samples.read_range(self.conn, place, row.metric, start, end, step=step, labels=row.labels)

    def _patience(self, row: Row) -> timedelta:
        entry = catalogue.get(row.metric)
        return max(3 * entry.every, HOUR) if entry else HOUR

    def _place(self, metric: str) -> str:
        entry = catalogue.get(metric)
        return HOST if entry is not None and entry.scope in ("host", "monitor") else self.site

    def _why(self, metric: str) -> str:
        place = self._place(metric)
        if place not in self._absences:
            self._absences[place] = samples.absences(self.conn, place)
        absence = self._absences[place].get(metric)
        if absence is not None:
            return self.reason(absence.reason)
        ever = samples.latest(self.conn, place, [metric])
        return say("in_period" if ever else "never", self.language)

    def reason(self, text: str) -> str:
        """A reason of the history in the report's language, as far as it is one of those that are known."""
        if text == NEVER:
            return say("never", self.language)
        if text == NO_ROWS:
            return say("nothing", self.language)
        if text.startswith(_NO_DOCTYPE):
            return say("no_doctype", self.language, name=text.removeprefix(_NO_DOCTYPE))
        return text


def _matters(row: Row, unit: str, value: Value, before: Value) -> bool:
    """Whether a change is large enough to be called good or bad."""
    size = 1.0 if unit == "ratio" else abs(before.figure)
    return abs(value.figure - before.figure) >= row.least * size


def _line(label: str, value: str, change: str, tone: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "change": change, "tone": tone, "note": note}

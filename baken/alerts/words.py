"""Figures, times, labels and states in words, in Dutch and in English.

A figure is written by its metric's unit: `ratio` as a percentage, `seconds` as a length of time, `bytes` in binary
steps, `EUR` as money, `bool` as yes or no, and a plural noun as the number that it counts.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from baken import clock

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "yes": "yes", "no": "no", "unknown": "unknown", "d": "d", "h": "h", "min": "min", "s": "s", "ms": "ms",
        "severity.LOW": "Low", "severity.MEDIUM": "Medium", "severity.HIGH": "High", "severity.CRITICAL": "Critical",
        "status.Active": "Active", "status.Acknowledged": "Acknowledged", "status.Resolved": "Resolved",
        "health.healthy": "All is well", "health.warning": "Not quite well", "health.critical": "Not well",
        "health.unknown": "Not known",
        "event.opened": "Opened", "event.fired": "Fired", "event.reopened": "Back again", "event.resolved": "Over",
        "event.acknowledged": "Acknowledged", "event.assigned": "Assigned", "event.commented": "Comment",
        "event.feedback": "Rated", "event.suppressed": "Held back", "event.unsuppressed": "No longer held back",
        "event.escalated": "Escalated", "event.reminder": "Still there", "event.flapping": "Comes and goes",
        "event.notified": "Told", "event.notification_failed": "Not delivered", "event.held": "Waits for a digest",
        "event.test": "Test",
        "area.errors": "Errors", "area.sepa": "SEPA", "area.performance": "Performance", "area.business": "Business",
        "area.data_quality": "Data quality", "area.operations": "Operations", "area.monitor": "Baken itself",
        "label.queue": "queue", "label.mount": "disk", "label.process": "process", "label.table": "table",
        "label.status": "status", "label.state": "state", "label.role": "role", "label.result": "result",
        "label.reason": "reason", "label.window": "over {value}", "window.day": "today", "window.month": "over 30 days",
        "label.quantile": "{value} % of them",
        "label.part": "part", "label.kind": "kind", "label.instance": "instance", "label.direction": "direction",
        "label.pattern": "pattern", "label.category": "category", "label.job": "job", "label.channel": "channel",
        "label.target": "export", "label.problem": "problem",
        "label.site": "site", "label.component": "component", "label.area": "area", "label.doctype": "DocType",
        "label.certificate": "certificate", "label.host": "host", "label.check": "job",
        "category.database": "database", "category.network": "network", "category.permission": "permission",
        "category.validation": "validation", "category.payment": "payment", "category.email": "e-mail",
        "category.template": "template", "category.code": "program", "category.timeout": "time limit",
        "category.background_job": "background job", "category.other": "other",
        "letter.limit": "limit {limit}", "letter.advice": "What to do", "letter.since": "Since",
        "letter.occurrences": "Fired", "letter.once": "once", "letter.times": "{count} times",
        "letter.status": "Status", "letter.rule": "Rule", "letter.open": "Open in Baken", "letter.open_short": "Open",
        "letter.acknowledge": "Acknowledge", "letter.runbook": "Read more",
        "letter.everywhere": "All sites", "letter.further": "The rest, in short", "letter.alert": "Alert",
        "letter.left_out": "{count} more are not in this message; they are in Baken.", "letter.test": "Test message",
        "letter.test_done": "This channel works: you are reading it.", "letter.digest": "Held back until now",
        "letter.over": "Over",
        "report.daily": "Daily report", "report.weekly": "Weekly report", "report.health": "Health",
        "report.attention": "Needs attention", "report.attention_none": "Nothing needs your attention.",
        "report.errors": "Errors", "report.before": "the period before: {before}", "report.alerts": "Alerts",
        "report.opened": "opened", "report.resolved": "resolved", "report.open": "still open",
        "report.median_ack": "Usually acknowledged after {span}",
        "report.median_resolve": "usually resolved after {span}", "report.absent": "Not in this report",
        "report.since": "since {since}", "report.open_report": "Open Baken",
        "report.no_alerts": "No alerts in this period.",
        "chart.limit": "limit {limit}", "chart.fired": "fired {at}",
        "chart.alt": "{caption}: between {low} and {high} from {start} to {end}, at the end {last}",
        "chart.alt_limit": "; the limit is {limit}", "chart.alt_none": "{caption}: no figures",
    },
    "nl": {
        "yes": "ja", "no": "nee", "unknown": "onbekend", "d": "d", "h": "u", "min": "min", "s": "s", "ms": "ms",
        "severity.LOW": "Laag", "severity.MEDIUM": "Gemiddeld", "severity.HIGH": "Hoog",
        "severity.CRITICAL": "Kritiek",
        "status.Active": "Actief", "status.Acknowledged": "Bevestigd", "status.Resolved": "Opgelost",
        "health.healthy": "Alles in orde", "health.warning": "Niet helemaal in orde",
        "health.critical": "Niet in orde", "health.unknown": "Niet bekend",
        "event.opened": "Geopend", "event.fired": "Afgegaan", "event.reopened": "Weer terug",
        "event.resolved": "Voorbij", "event.acknowledged": "Bevestigd", "event.assigned": "Toegewezen",
        "event.commented": "Opmerking", "event.feedback": "Beoordeeld", "event.suppressed": "Tegengehouden",
        "event.unsuppressed": "Niet meer tegengehouden", "event.escalated": "Geëscaleerd",
        "event.reminder": "Nog steeds", "event.flapping": "Komt en gaat", "event.notified": "Gemeld",
        "event.notification_failed": "Niet bezorgd", "event.held": "Wacht op een overzicht", "event.test": "Proef",
        "area.errors": "Fouten", "area.sepa": "SEPA", "area.performance": "Prestaties", "area.business": "Vereniging",
        "area.data_quality": "Gegevens", "area.operations": "Beheer", "area.monitor": "Baken zelf",
        "label.queue": "wachtrij", "label.mount": "schijf", "label.process": "proces", "label.table": "tabel",
        "label.status": "status", "label.state": "toestand", "label.role": "rol", "label.result": "uitkomst",
        "label.reason": "reden", "label.window": "over {value}", "window.day": "vandaag",
        "window.month": "over 30 dagen", "label.quantile": "{value} % ervan",
        "label.part": "deel", "label.kind": "soort", "label.instance": "instantie", "label.direction": "richting",
        "label.pattern": "patroon", "label.category": "categorie", "label.job": "taak", "label.channel": "kanaal",
        "label.target": "export", "label.problem": "probleem",
        "label.site": "site", "label.component": "onderdeel", "label.area": "gebied", "label.doctype": "DocType",
        "label.certificate": "certificaat", "label.host": "host", "label.check": "taak",
        "category.database": "database", "category.network": "netwerk", "category.permission": "rechten",
        "category.validation": "validatie", "category.payment": "betaling", "category.email": "e-mail",
        "category.template": "sjabloon", "category.code": "programma", "category.timeout": "tijdslimiet",
        "category.background_job": "achtergrondtaak", "category.other": "overig",
        "letter.limit": "grens {limit}", "letter.advice": "Wat te doen", "letter.since": "Sinds",
        "letter.occurrences": "Afgegaan", "letter.once": "eenmaal", "letter.times": "{count} keer",
        "letter.status": "Status", "letter.rule": "Regel", "letter.open": "Openen in Baken",
        "letter.open_short": "Openen", "letter.acknowledge": "Bevestigen", "letter.runbook": "Meer hierover",
        "letter.everywhere": "Alle sites", "letter.further": "De rest in het kort", "letter.alert": "Melding",
        "letter.left_out": "Nog {count} staan niet in dit bericht; ze staan in Baken.", "letter.test": "Proefbericht",
        "letter.test_done": "Dit kanaal werkt: je leest het.", "letter.digest": "Tot nu toe opgespaard",
        "letter.over": "Voorbij",
        "report.daily": "Dagrapport", "report.weekly": "Weekrapport", "report.health": "Gezondheid",
        "report.attention": "Vraagt aandacht", "report.attention_none": "Niets vraagt je aandacht.",
        "report.errors": "Fouten", "report.before": "de periode ervoor: {before}", "report.alerts": "Meldingen",
        "report.opened": "geopend", "report.resolved": "opgelost", "report.open": "nog open",
        "report.median_ack": "Gewoonlijk bevestigd na {span}",
        "report.median_resolve": "gewoonlijk opgelost na {span}", "report.absent": "Niet in dit rapport",
        "report.since": "sinds {since}", "report.open_report": "Baken openen",
        "report.no_alerts": "Geen meldingen in deze periode.",
        "chart.limit": "grens {limit}", "chart.fired": "afgegaan {at}",
        "chart.alt": "{caption}: tussen {low} en {high} van {start} tot {end}, aan het eind {last}",
        "chart.alt_limit": "; de grens is {limit}", "chart.alt_none": "{caption}: geen cijfers",
    },
}  # fmt: skip
"""Every word that messages and reports need beside the texts of rules, by language."""

# What a metric counts: one and many, in English and in Dutch.
NOUNS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "applications": {"en": ("application", "applications"), "nl": ("aanmelding", "aanmeldingen")},
    "attempts": {"en": ("attempt", "attempts"), "nl": ("poging", "pogingen")},
    "batches": {"en": ("batch", "batches"), "nl": ("batch", "batches")},
    "collections": {"en": ("collection", "collections"), "nl": ("incasso", "incasso's")},
    "connections": {"en": ("connection", "connections"), "nl": ("verbinding", "verbindingen")},
    "days": {"en": ("day", "days"), "nl": ("dag", "dagen")},
    "deadlocks": {"en": ("deadlock", "deadlocks"), "nl": ("deadlock", "deadlocks")},
    "documents": {"en": ("document", "documents"), "nl": ("document", "documenten")},
    "e-mails": {"en": ("e-mail", "e-mails"), "nl": ("e-mail", "e-mails")},
    "errors": {"en": ("error", "errors"), "nl": ("fout", "fouten")},
    "events": {"en": ("event", "events"), "nl": ("gebeurtenis", "gebeurtenissen")},
    "invoices": {"en": ("invoice", "invoices"), "nl": ("factuur", "facturen")},
    "jobs": {"en": ("job", "jobs"), "nl": ("taak", "taken")},
    "keys": {"en": ("key", "keys"), "nl": ("sleutel", "sleutels")},
    "mandates": {"en": ("mandate", "mandates"), "nl": ("machtiging", "machtigingen")},
    "members": {"en": ("member", "members"), "nl": ("lid", "leden")},
    "metrics": {"en": ("metric", "metrics"), "nl": ("meetwaarde", "meetwaarden")},
    "figures": {"en": ("figure", "figures"), "nl": ("cijfer", "cijfers")},
    "notifications": {"en": ("notification", "notifications"), "nl": ("bericht", "berichten")},
    "payments": {"en": ("payment", "payments"), "nl": ("betaling", "betalingen")},
    "processes": {"en": ("process", "processes"), "nl": ("proces", "processen")},
    "processors": {"en": ("processor", "processors"), "nl": ("processor", "processors")},
    "queries": {"en": ("query", "queries"), "nl": ("query", "query's")},
    "requests": {"en": ("request", "requests"), "nl": ("verzoek", "verzoeken")},
    "rows": {"en": ("row", "rows"), "nl": ("rij", "rijen")},
    "runs": {"en": ("run", "runs"), "nl": ("ronde", "rondes")},
    "schedules": {"en": ("schedule", "schedules"), "nl": ("schema", "schema's")},
    "sessions": {"en": ("session", "sessions"), "nl": ("sessie", "sessies")},
    "tables": {"en": ("table", "tables"), "nl": ("tabel", "tabellen")},
    "transactions": {"en": ("transaction", "transactions"), "nl": ("transactie", "transacties")},
    "users": {"en": ("user", "users"), "nl": ("gebruiker", "gebruikers")},
    "volunteers": {"en": ("volunteer", "volunteers"), "nl": ("vrijwilliger", "vrijwilligers")},
    "workers": {"en": ("worker", "workers"), "nl": ("worker", "workers")},
}

_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "nl": ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
}
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_OWN_WORDS = frozenset({"ratio", "seconds", "bytes", "EUR", "bool"})


def word(key: str, language: str, /, **fields: object) -> str:
    """The word or sentence that `key` stands for, with `fields` put in. Raises KeyError for an unknown key."""
    text = _words(language)[key]
    return text.format(**fields) if fields else text


def figure(value: float, unit: str, language: str) -> str:
    """A figure in words.

    Args:
        value: the figure in the metric's unit.
        unit: ratio, seconds, bytes, EUR, bool, or a plural noun.
        language: "en" or "nl".

    Returns:
        "85 %", "3 min 20 s", "1.2 GiB", "€1,234.50", "yes", "1,234"; in Dutch "1,2 GiB", "€ 1.234,50", "ja", "1.234".
        "unknown" for what is no number.
    """
    if not math.isfinite(value):
        return word("unknown", language)
    match unit:
        case "ratio":
            return f"{_percent(value, language)} %"
        case "seconds":
            return span(timedelta(seconds=min(max(value, -8e13), 8e13)), language)
        case "bytes":
            return _bytes(value, language)
        case "EUR":
            return _euros(value, language)
        case "bool":
            return word("yes" if value else "no", language)
        case "days":
            return f"{number(value, language, 1)} {_noun(value, unit, language)}"
        case _:
            return number(value, language)


def amount(value: float, unit: str, language: str) -> str:
    """A figure with what it counts: "12 errors", "1 fout"; without where the unit says it already."""
    text = figure(value, unit, language)
    if unit in _OWN_WORDS or unit == "days" or not math.isfinite(value) or not unit:
        return text
    return f"{text} {_noun(value, unit, language)}"


def number(value: float, language: str, digits: int = 2) -> str:
    """A number with its thousands set apart and at most so many digits behind the point: 1,234.5 or 1.234,5.

    A small one keeps two digits that say something: 0.0042 does not become 0.
    """
    if value and abs(value) < 10**-digits:
        digits = min(12, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return _localised(text, language)


def span(length: timedelta, language: str) -> str:
    """A length of time in at most two parts: "250 ms", "4.2 s", "3 min 20 s", "2 h", "3 d 4 h"."""
    seconds = length.total_seconds()
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds == 0:
        return f"0 {word('s', language)}"
    if seconds < 0.9995:
        return f"{sign}{number(seconds * 1000, language, 0 if seconds >= 0.01 else 1)} {word('ms', language)}"
    if seconds < 9.95:
        return f"{sign}{number(seconds, language, 1)} {word('s', language)}"
    whole = round(seconds)
    for large, size, small, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        # Two days are said in hours: 36 h is more exact than 1 d 12 h and no longer.
        if whole < size * (2 if large == "d" else 1):
            continue
        steps = round(whole / part)
        count, rest = divmod(steps, size // part)
        tail = f" {rest} {word(small, language)}" if rest else ""
        return f"{sign}{number(count, language, 0)} {word(large, language)}{tail}"
    return f"{sign}{whole} {word('s', language)}"


def zone(name: str) -> tzinfo:
    """The time zone of an IANA name; UTC where there is none of that name: a message goes out all the same."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(at: datetime, where: str, language: str, *, now: datetime | None = None) -> str:
    """A moment on the clock of a time zone: "27 Nov 14:03", with the year when it is not the present one.

    Args:
        at: the moment, aware.
        where: IANA name of the time zone; where it is unknown the time is in UTC and says so.
        language: "en" or "nl".
        now: the present, aware; None: by the clock.
    """
    there = zone(where)
    local = at.astimezone(there)
    month = _MONTHS[_known(language)][local.month - 1]
    year = "" if local.year == (now or clock.now()).astimezone(there).year else f" {local.year}"
    return f"{local.day} {month}{year} {local:%H:%M}{' UTC' if there is UTC else ''}"


def severity(name: str, language: str) -> str:
    """LOW, MEDIUM, HIGH or CRITICAL as people read it."""
    return _named("severity", name, language)


def status(name: str, language: str) -> str:
    """Active, Acknowledged or Resolved as people read it."""
    return _named("status", name, language)


def event(kind: str, language: str) -> str:
    """What happened to an alert: "Fired", "Back again", "Over"."""
    return _named("event", kind, language)


def area(name: str, language: str) -> str:
    """What alerts are about: "Errors", "Data quality"."""
    return _named("area", name, language)


def category(name: str, language: str) -> str:
    """The category of a pattern of errors within a sentence: "background job"."""
    return _named("category", name, language)


_IDS = frozenset({"pattern", "finding", "test"})


def where(labels: Mapping[str, str], language: str) -> str:
    """Labels in words: {"queue": "long", "window": "1h"} is "queue long, over 1 h". Empty without labels.

    Ids that mean nothing to a reader are left out. What is wrong comes before where.
    """
    ordered = sorted(labels.items(), key=lambda label: label[0] != "problem")
    return ", ".join(_label(name, value, language) for name, value in ordered if value and name not in _IDS)


def _label(name: str, value: str, language: str) -> str:
    said = _words(language).get(f"label.{name}", name.replace("_", " "))
    if name == "window":
        named = _words(language).get(f"window.{value}")
        if named is not None:
            return named
        value = _window(value, language)
    elif name == "quantile":
        try:
            value = _percent(float(value), language)
        except ValueError:
            return f"{name} {value}"
    return said.format(value=value) if "{value}" in said else f"{said} {value}"


def _window(value: str, language: str) -> str:
    parts = {"s": "s", "m": "min", "h": "h", "d": "d"}
    if value[:-1].isdigit() and value[-1] in parts:
        return f"{value[:-1]} {word(parts[value[-1]], language)}"
    return value


def _named(group: str, name: str, language: str) -> str:
    return _words(language).get(f"{group}.{name}", name)


def _noun(value: float, unit: str, language: str) -> str:
    one, many = NOUNS[unit][_known(language)] if unit in NOUNS else (unit, unit)
    return one if value == 1 else many


def _percent(ratio: float, language: str) -> str:
    percent = ratio * 100
    # 99.6 % must not become 100 %: full means full.
    if 99 < percent < 100:
        return number(math.floor(percent * 10) / 10, language, 1)
    return number(percent, language, 0 if abs(percent) >= 10 else 1)


def _bytes(value: float, language: str) -> str:
    size, step = value, 0
    while abs(size) >= 1023.5 and step < len(_BYTES) - 1:
        size, step = size / 1024, step + 1
    return f"{number(size, language, 0 if step == 0 or abs(size) >= 100 else 1)} {_BYTES[step]}"


def _euros(value: float, language: str) -> str:
    text = _localised(f"{abs(value):,.2f}", language)
    sign = "-" if value <= -0.005 else ""
    return f"€ {sign}{text}" if _known(language) == "nl" else f"{sign}€{text}"


def _localised(text: str, language: str) -> str:
    return text.translate(str.maketrans(",.", ".,")) if _known(language) == "nl" else text


def _known(language: str) -> str:
    return language if language in WORDS else "en"


def _words(language: str) -> Mapping[str, str]:
    return WORDS[_known(language)]

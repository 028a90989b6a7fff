"""A message as a letter: HTML for mail programs, and text of 72 columns that says the same."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baken.alerts import words
from baken.alerts.message import Item, Message

if TYPE_CHECKING:
    from jinja2 import Environment

WHOLE = 3
"""So many items stand in a letter whole, with chart and advice."""

SHORT = 10
"""Up to so many stand as a short paragraph each; of more all but the first are rows of a table."""

MOST = 50
"""Items beyond that are counted only."""

COLUMNS = 72

TONES: Mapping[str, str] = {
    "CRITICAL": "#b3261e",
    "HIGH": "#8f5600",
    "MEDIUM": "#1b5a82",
    "LOW": "#566170",
    "over": "#1c7447",
    "healthy": "#1c7447",
    "warning": "#8f5600",
    "critical": "#b3261e",
    "unknown": "#566170",
    "good": "#1c7447",
    "bad": "#b3261e",
    "neutral": "#566170",
}
"""The colour of a severity or of a state on a light ground; `page.html` has those for a dark one."""

_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"


def html(message: Message, charts: Mapping[int, str] | None = None) -> str:
    """The message as HTML.

    Args:
        message: what to say.
        charts: per number of an alert the Content-ID of its chart's picture.
    """
    return _render("html", message, charts or {})


def text(message: Message) -> str:
    """The message as text, at most 72 columns wide but for addresses."""
    lines = [line.rstrip() for line in _render("txt", message, {}).splitlines()]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).strip("\n") + "\n"


def whole(message: Message) -> tuple[Item, ...]:
    """The items that stand in a letter whole: those whose charts are needed."""
    return message.items[:WHOLE]


def tone(item: Item) -> str:
    """What colours an item: "over", else its severity."""
    return "over" if item.event == "resolved" or item.status == "Resolved" else item.severity


def mark(item: Item, language: str) -> str:
    """The word at the head of an item: how bad it is, or that it is over."""
    return words.word("letter.over", language) if tone(item) == "over" else words.severity(item.severity, language)


def name(item: Item) -> str:
    """The alert's name, BA-000123; empty for a trial, which has none."""
    return f"BA-{item.number:06d}" if item.number > 0 else ""


def _render(ending: str, message: Message, charts: Mapping[int, str]) -> str:
    language = message.language
    items = message.items
    shown = items[:MOST]
    many = len(items) > SHORT
    return (
        _environment()
        .get_template(f"{'report' if message.report is not None else 'alert'}.{ending}")
        .render(
            message=message,
            report=message.report or {},
            whole=whole(message),
            short=() if many else shown[WHOLE:],
            rows=shown[WHOLE:] if many else (),
            left_out=len(items) - len(shown),
            charts=charts,
            preheader=_preheader(message),
            bar=_bar(message),
            medians=_medians(message),
            say=lambda key, **fields: words.word(key, language, **fields),
            when=lambda at: words.moment(_moment(at), message.zone, language, now=message.at),
            severity=lambda text: words.severity(text, language),
            status=lambda text: words.status(text, language),
            event=lambda text: words.event(text, language),
            mark=lambda item: mark(item, language),
            alt=lambda item: _alt(item, message),
        )
    )


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"link": _link, "wrap": _wrap, "columns": _columns, "line": _line, "figures": _figures}
    made.globals |= {"tone": tone, "name": name, "tones": TONES, "font": _FONT}
    return made


def _bar(message: Message) -> str:
    """What colours the whole letter."""
    if message.report is not None:
        health = message.report.get("health") or {}
        status = str(health.get("status"))
        return status if status in TONES else "unknown"
    if message.items and all(tone(item) == "over" for item in message.items):
        return "over"
    return message.severity if message.severity in TONES else "LOW"


def _preheader(message: Message) -> str:
    """What a mail program shows behind the subject: not the subject once more."""
    if message.report is not None:
        sentences = (message.report.get("health") or {}).get("sentences") or []
        return " ".join(str(each) for each in sentences)[:200]
    if len(message.items) > 1:
        return " · ".join(item.title for item in message.items[:5])[:200]
    said = [message.lead, *(f"{item.change} {item.message}" for item in message.items)]
    return " ".join(part for part in said if part)[:200]


def _medians(message: Message) -> str:
    """How long alerts usually take, as a sentence; empty where nothing is known."""
    alerts = (message.report or {}).get("alerts") or {}
    parts = [
        words.word(f"report.{key}", message.language, span=alerts[key])
        for key in ("median_ack", "median_resolve")
        if alerts.get(key)
    ]
    said = ", ".join(parts)
    return f"{said[0].upper()}{said[1:]}." if said else ""


def _alt(item: Item, message: Message) -> str:
    from baken.alerts import chart

    return chart.alt(item.chart, message.language, message.zone) if item.chart is not None else ""


def _moment(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def _link(address: object) -> str:
    """An address that may be followed, or nothing: what is no web address becomes no link."""
    found = str(address or "")
    return found if found.startswith(("https://", "http://")) else ""


def _wrap(said: object, indent: int = 0) -> str:
    """Text in lines of 72 columns, indented."""
    space = " " * indent
    paragraphs = [
        textwrap.fill(
            paragraph,
            COLUMNS,
            initial_indent=space,
            subsequent_indent=space,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in str(said).splitlines()
        if paragraph.strip()
    ]
    return "\n".join(paragraphs)


def _line(said: object) -> str:
    """A line under a heading, as long as the heading."""
    return "=" * min(len(str(said)), COLUMNS)


def _columns(rows: Iterable[Sequence[Any]], least: Sequence[int] = ()) -> str:
    """Rows of cells as columns two spaces apart, so wide at least. The last column is wrapped under itself."""
    cells = [[" ".join(str("" if cell is None else cell).split()) for cell in row] for row in rows]
    if not cells:
        return ""
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]) - 1)]
    widths = [max(width, each) for width, each in zip_longest(widths, least[: len(widths)], fillvalue=0)]
    start = sum(widths) + 2 * len(widths)
    lines = []
    for row in cells:
        head = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        tail = textwrap.wrap(row[-1], max(COLUMNS - start, 16), break_on_hyphens=False) or [""]
        lines.append(f"{head}  {tail[0]}" if widths else tail[0])
        lines.extend(" " * start + more for more in tail[1:])
    return "\n".join(lines)


def _figures(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of a report: what, the figure at the right, its change; a note under it."""
    label = min(max((len(str(row["label"])) for row in rows), default=0), 44)
    value = max((len(str(row["value"])) for row in rows), default=0)
    lines = []
    for row in rows:
        first, *more = textwrap.wrap(str(row["label"]), label, break_on_hyphens=False) or [""]
        lines.append(f"{first:<{label}}  {row['value']!s:>{value}}  {row.get('change') or ''}")
        lines.extend(f"  {line}" for line in more)
        if row.get("note"):
            lines.append(_wrap(row["note"], 2))
    return "\n".join(lines)

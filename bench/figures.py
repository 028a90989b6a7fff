"""What a measure gives, and how it is shown: as a table on the terminal and as one in docs/performance.md."""

import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.markup import escape
from rich.table import Table

from baken import __version__

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- begin measured: {name} -->", "<!-- end measured: {name} -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        what: what was measured.
        value: the measured number; None when it was not measured, and `note` says why.
        unit: its unit.
        most: the target, when the figure must not be above it.
        least: the target, when the figure must not be below it.
        note: under which circumstances.
    """

    what: str
    value: float | None
    unit: str
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached; None where there is no target or no figure."""
        if self.value is None or (self.most is None and self.least is None):
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def target(self) -> str:
        """The target as text."""
        if self.most is not None:
            return f"≤ {number(self.most)}"
        return f"≥ {number(self.least)}" if self.least is not None else ""

    @property
    def measured(self) -> str:
        """The figure as text."""
        return "not measured" if self.value is None else number(self.value)


@dataclass(frozen=True, slots=True)
class Detail:
    """A table of its own below the figures: a title, column names and rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(slots=True)
class Result:
    """What one measure gives."""

    figures: list[Figure] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)


Tell = Callable[[str], None]
"""Says what is being measured now."""


def number(value: float) -> str:
    """A number with as many digits as mean something: 1,234, 12.3, 0.0123."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(figures: Sequence[Figure]) -> Table:
    """The figures for a terminal; what missed its target is red and says so."""
    shown = Table("what", "target", "measured", "unit", "note")
    for each in figures:
        mark = {True: "[green]", False: "[red]", None: ""}[each.reached]
        end = "[/]" if mark else ""
        note = ("not reached. " if each.reached is False else "") + each.note
        shown.add_row(escape(each.what), each.target, f"{mark}{each.measured}{end}", each.unit, escape(note))
    return shown


def detail_table(detail: Detail) -> Table:
    """A detail for a terminal."""
    shown = Table(*detail.columns, title=detail.title, title_justify="left")
    for row in detail.rows:
        shown.add_row(*(escape(cell) for cell in row))
    return shown


def write_page(name: str, title: str, result: Result) -> None:
    """Put the result of the measure `name` between its markers in docs/performance.md, with command and commit.

    Raises ValueError when the page has no place for it.
    """
    rows = [
        (
            each.what,
            each.target,
            f"**{each.measured}**" if each.reached is False else each.measured,
            each.unit,
            ("**Not reached.** " if each.reached is False else "") + each.note,
        )
        for each in result.figures
    ]
    lines = [f"### {title}", "", f"`{command(name)}` · {circumstances()}", ""]
    lines += _markdown(("what", "target", "measured", "unit", "note"), rows)
    for detail in result.details:
        lines += ["", f"{detail.title}:", "", *_markdown(detail.columns, detail.rows)]
    page = PAGE.read_text(encoding="utf-8")
    begin, end = BEGIN.format(name=name), END.format(name=name)
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE} has no lines {begin} and {end}")
    PAGE.write_text(f"{before}{begin}\n{chr(10).join(lines)}\n{end}{after}", encoding="utf-8")


def command(name: str) -> str:
    """The command that gives the figures of one measure."""
    return f".venv/bin/python -m bench {name}"


def circumstances() -> str:
    """Version, commit, machine and load, on one line."""
    memory = psutil.virtual_memory().total / 2**30
    load = psutil.getloadavg()[1]
    return (
        f"Baken {__version__}, commit {commit()} · {psutil.cpu_count()} cores, {memory:.0f} GiB, Python "
        f"{platform.python_version()} · load of the last 5 minutes {load:.1f}, the measure's own included"
    )


def commit() -> str:
    """The commit that is checked out, with a + when the program differs from it."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "baken", "frontend")
    return f"{head or 'unknown'}{'+' if changed else ''}"


def _git(*args: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]

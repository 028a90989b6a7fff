"""The commands `baken errors …`: where a text is grouped, what is taken out of it, and what a site has from before."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from baken import clock, logs
from baken.cli_options import (
    BenchOption,
    ConfigOption,
    DataOption,
    SiteOption,
    err,
    fail,
    out,
    settings_of,
    store_of,
    tell_troubles,
    watched,
)
from baken.history.store import Store
from baken.privacy import Pseudonyms, installation_key
from baken.sites.problems import SiteProblem
from baken.sites.site import Site

app = typer.Typer(
    help="Look into errors: where a text is grouped, what is taken out of it, and what a site has from before.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_KEYS = ("id", "text", "method")
# Half of a surrogate pair: JSON takes it as an escape, UTF-8 does not.
_HALF = re.compile("[\ud800-\udfff]")


@app.command()
def fingerprint(
    why: Annotated[bool, typer.Option("--why", help="Also say by what each text was grouped, and its calls.")] = False,
) -> None:
    """Say to which pattern texts belong: JSON lines in on standard input, JSON lines out, in the same order.

    In: `{"id": …, "text": …, "method": …}`; only `text` is needed: a traceback or a line of any log. `method` is the
    title of an Error Log row.

    Out: `{"id", "pattern", "template", "exception", "category", "severity", "area"}`. Without an id a line is known by
    its number. A line that cannot be read gives `{"id", "error"}`, and the exit status is 1.
    """
    from baken.errors.fingerprint import fingerprint_text
    from baken.errors.taxonomy import classify

    def answer(method: str | None, text: str) -> dict[str, Any]:
        found = fingerprint_text(method, text)
        kind = classify(found)
        told = {
            "pattern": found.pattern,
            "template": found.template,
            "exception": found.exception,
            "category": kind.category,
            "severity": kind.severity,
            "area": kind.area,
        }
        return told | ({"why": found.why, "frames": list(found.frames)} if why else {})

    _each_line(answer)


@app.command()
def scrub() -> None:
    """Take personal data and credentials out of texts: JSON lines in on standard input, `{"id", "text"}` out.

    In: `{"id": …, "text": …, "method": …}`; only `text` is needed. The variables in tracebacks are dropped, everything
    else that tells of a person or opens a door is replaced by what kind of thing stood there.
    """
    from baken.errors.scrub import scrub_text

    _each_line(lambda method, text: {"text": scrub_text(method, text)})


@app.command()
def backfill(
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many days back to read.")] = 30,
    bench: BenchOption = None,
    site: SiteOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Read at once what sites have in their Error Log from before Baken's first look, the newest day first.

    May run beside `baken serve`, which does the same in the background in small steps. What was read is kept: stopped
    with Ctrl-C and started again, it goes on from there. Exit status 1 when a site could not be read.
    """
    settings = settings_of(config, bench, site, data_dir)
    logs.configure(settings.log)
    found = watched(settings)
    tell_troubles(found)
    if not found:
        fail("none of the sites can be watched; `baken doctor` tells more")
    store, pseudonyms = store_of(settings), Pseudonyms(installation_key(settings.data_dir))
    broken = bool(found.troubles)
    for name, entry in found.items():
        try:
            told = _backfill(name, entry, store, days, pseudonyms)
        except SiteProblem as problem:
            err.print(f"baken: {problem}", markup=False, soft_wrap=True)
            broken = True
        except KeyboardInterrupt:
            err.print(f"{name}: stopped; what was read is kept, the same command goes on", markup=False, soft_wrap=True)
            raise SystemExit(130) from None
        else:
            out.print(told, markup=False, soft_wrap=True)
    if broken:
        raise typer.Exit(1)


def _backfill(name: str, site: Site, store: Store, days: int, pseudonyms: Pseudonyms) -> str:
    """Fill one site's past, with a bar on a terminal; what came of it as a sentence."""
    from baken.errors.backfill import Progress as Step
    from baken.errors.backfill import backfill as fill

    shown = (BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *shown, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task(name, total=None)

        def tell(step: Step) -> None:
            reached = f", back to {step.day}" if step.day else ""
            bar.update(task, description=f"{name}{reached}", completed=step.rows, total=step.estimated)

        done = fill(site, store, clock.now(), days, pseudonyms, tell)
    if not done.rows:
        return f"{name}: there was nothing more to read in the last {days} days"
    return f"{name}: {done.rows} errors counted, back to {done.day}"


def _each_line(answer: Callable[[str | None, str], dict[str, Any]]) -> None:
    """Answer each line of standard input on standard output; leaves with 1 when one could not be read."""
    broken = False
    write = sys.stdout.write
    try:
        for number, line in enumerate(_lines(), 1):
            if not line.strip():
                continue
            name, method, text, problem = _read(number, line)
            broken = broken or problem is not None
            told = {"error": problem} if problem is not None else answer(method, text)
            answered = json.dumps({"id": name, **told}, ensure_ascii=False)
            write(_HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", answered) + "\n")
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the answers has seen enough. Nothing more may be flushed into the closed pipe at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    if broken:
        raise typer.Exit(1)


def _lines() -> Iterator[str]:
    # What is not UTF-8 stays readable; one odd byte in a log is no reason to stop.
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _read(number: int, line: str) -> tuple[Any, str | None, str, str | None]:
    """(id, method, text, what is wrong with the line) of an input line."""
    try:
        given = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        return number, None, "", f'line {number} is not JSON ({problem}); write {{"text": …}} on a line of its own'
    if not isinstance(given, dict):
        return number, None, "", f'line {number} is no JSON object; write {{"text": …}} on a line of its own'
    name = given.get("id", number)
    text, method = given.get("text"), given.get("method")
    if not isinstance(text, str):
        return name, None, "", f'line {number} has no "text", or it is no text'
    if method is not None and not isinstance(method, str):
        return name, None, "", f'"method" of line {number} is no text'
    # A surrogate cannot be written out again.
    return name, method, text.encode("utf-8", "replace").decode("utf-8"), None

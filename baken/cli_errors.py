"""The commands `baken errors …`: where a text is grouped, what is taken out of it, and what a site has from before."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Look into errors: where a text is grouped, what is taken out of it, and what a site has from before.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_KEYS = ("id", "text", "method")


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
            write(json.dumps({"id": name, **told}, ensure_ascii=False) + "\n")
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


def _read(number: int, line: str) -> tuple[Any, str | None, str, str | None]:
    """(id, method, text, what is wrong with the line) of an input line."""
    try:
        given = json.loads(line)
    except ValueError as problem:
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

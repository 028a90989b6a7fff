"""`make bench`: measures what the design asks for and prints it as one table.

    python -m bench [NAME …] [--quick] [--markdown]

Without names everything, which takes about three quarters of an hour. Figures depend on the machine and on what else it
does; compare only those of one run.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import (
    alerting,
    analysis,
    answers,
    collection,
    errors,
    exposition,
    figures,
    fleet,
    long_history,
    memory,
    page,
    start,
    storing,
    understanding,
    visible,
)
from bench.figures import Figure, Result, Tell
from bench.serving import demo

BUSY = 1.0
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: its name on the command line, its title, the function, whether it wants a demo made beforehand."""

    name: str
    title: str
    run: Callable[[Path, bool, Tell], Result]
    on_demo: bool


MEASURES = (
    Measure("start", "First use", start.measure, on_demo=False),
    Measure("memory", "Memory", memory.measure, on_demo=True),
    Measure("answers", "Answers of the methods", answers.measure, on_demo=True),
    Measure("page", "The dashboard in a browser", page.measure, on_demo=True),
    Measure("collection", "Watching one site", collection.measure, on_demo=True),
    Measure("fleet", "Watching many sites", fleet.measure, on_demo=False),
    Measure("store", "The store", storing.measure, on_demo=True),
    Measure("exposition", "Figures for Prometheus", exposition.measure, on_demo=False),
    Measure("history", "Remote write and long history", long_history.measure, on_demo=False),
    Measure("errors", "Reading errors", errors.measure, on_demo=False),
    Measure("analysis", "Answering about errors", analysis.measure, on_demo=False),
    Measure("visible", "From an error to its pattern", visible.measure, on_demo=True),
    Measure("alerting", "From an error to an e-mail", alerting.measure, on_demo=True),
    Measure("understanding", "Understanding errors", understanding.measure, on_demo=False),
)


def main() -> int:
    """Measure; 0 also when a target was missed: the table says so."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, add_help=True)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(each.name for each in MEASURES))
    parser.add_argument("--quick", action="store_true", help="less of everything; to see that it works")
    parser.add_argument("--markdown", action="store_true", help="write the figures into docs/performance.md as well")
    given = parser.parse_args()
    unknown = set(given.names) - {each.name for each in MEASURES}
    if unknown:
        parser.error(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(each.name for each in MEASURES)}")
    if given.quick and given.markdown:
        parser.error("--quick figures do not belong into the page")
    out = Console()
    results: list[Figure] = []
    chosen = [each for each in MEASURES if not given.names or each.name in given.names]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="baken-bench-") as folder,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("")

        def tell(what: str) -> None:
            progress.update(task, description=what)

        place = Path(folder)
        if any(each.on_demo for each in chosen) and not any(each.name == "start" for each in chosen):
            tell("making the demo")
            with demo(place / "demo"):
                pass
        for each in chosen:
            _wait_for_quiet(tell)
            result = _run(each, place, given.quick, tell)
            results += result.figures
            for detail in result.details:
                out.print(figures.detail_table(detail))
            if given.markdown:
                figures.write_page(each.name, each.title, result)
    out.print(figures.table(results))
    out.print(figures.circumstances(), markup=False, soft_wrap=True)
    missed = sum(1 for each in results if each.reached is False)
    out.print(f"{missed} of {sum(1 for each in results if each.target)} targets not reached", markup=False)
    return 0


def _run(each: Measure, place: Path, quick: bool, tell: Tell) -> Result:
    try:
        return each.run(place / "demo", quick, tell)
    except (RuntimeError, OSError) as problem:
        # One that cannot be measured here does not keep the others from being measured.
        return Result([Figure(each.title, None, "", note=" ".join(str(problem).split())[-300:])])


def _wait_for_quiet(tell: Tell) -> None:
    """Wait a while for other work on the machine to end: what runs beside it would be measured as well."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        busy = psutil.cpu_percent(interval=1.0) / 100 * (psutil.cpu_count() or 1)
        if busy < BUSY:
            return
        tell(f"waiting for the machine to become quiet ({busy:.1f} cores are busy)")


if __name__ == "__main__":
    sys.exit(main())

"""First use: from nothing to a dashboard with data, what is downloaded apart; and every start after that."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.figures import ROOT, Figure, Result, Tell
from bench.serving import demo


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """How long it takes to set up, to make the demo in `folder`, which is empty, and to start it again."""
    steps = {} if quick else _setup(tell)
    tell("the first start")
    with demo(folder) as running:
        first = running.seconds
    again = []
    for turn in range(2 if quick else 5):
        tell(f"start {turn + 2}")
        with demo(folder) as running:
            again.append(running.seconds)
    figures = [Figure("setup finished → the demo's dashboard data answers, empty folder", first, "s")]
    if steps and all(seconds is not None for seconds in steps.values()):
        parts = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in steps.items())
        total = first + sum(seconds or 0.0 for seconds in steps.values())
        figures.insert(
            0, Figure("clone → the demo's dashboard data answers, downloads apart", total, "s", most=60, note=parts)
        )
    else:
        missing = ", ".join(step for step, seconds in steps.items() if seconds is None)
        note = f"{missing} failed: is there a network to download from first?" if steps else "not with --quick"
        figures.insert(
            0, Figure("clone → the demo's dashboard data answers, downloads apart", None, "s", most=60, note=note)
        )
    figures.append(Figure("second start", median(again), "s", most=5, note=f"median of {len(again)}"))
    return Result(figures)


def _setup(tell: Tell) -> dict[str, float | None]:
    """Seconds of each step of `make setup` in a clone, all packages being there; None for one that failed."""
    steps: dict[str, float | None] = {}

    def timed(step: str, run: Callable[[], None]) -> None:
        tell(f"setup: {step}")
        started = time.perf_counter()
        try:
            run()
        except subprocess.CalledProcessError:
            steps[step] = None
        else:
            steps[step] = time.perf_counter() - started

    with tempfile.TemporaryDirectory(prefix="baken-bench-") as name:
        place = Path(name)
        clone, wheels, cache = place / "baken", place / "wheels", f"--cache={place / 'npm'}"
        quiet = ("--quiet", "--disable-pip-version-check")
        timed("clone", lambda: _run("git", "clone", "--quiet", str(ROOT), str(clone)))
        tell("setup: downloads, not counted")
        lock = str(clone / "requirements.lock")
        frontend = clone / "frontend"
        try:
            _run(sys.executable, "-m", "pip", "download", *quiet, "--require-hashes", "-d", str(wheels), "-r", lock)
            _run("npm", "ci", "--silent", "--no-audit", "--no-fund", cache, folder=frontend)
        except subprocess.CalledProcessError:
            return steps | {"downloads": None}
        shutil.rmtree(frontend / "node_modules")
        python = str(clone / ".venv" / "bin" / "python")

        def install() -> None:
            _run(sys.executable, "-m", "venv", str(clone / ".venv"))
            local = ("--no-index", f"--find-links={wheels}")
            _run(python, "-m", "pip", "install", *quiet, *local, "--require-hashes", "-r", lock)
            _run(
                *(python, "-m", "pip", "install", *quiet, "--no-deps", "--no-build-isolation", "-e", "."), folder=clone
            )

        timed("Python packages", install)
        timed(
            "npm packages",
            lambda: _run("npm", "ci", "--silent", "--offline", "--no-audit", "--no-fund", cache, folder=frontend),
        )
        timed("building the dashboard", lambda: _run("npm", "run", "--silent", "build", folder=frontend))
    return steps


def _run(*command: str, folder: Path | None = None) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)

"""How much memory Baken's processes take when nobody asks anything of them."""

import time
from pathlib import Path

from bench.figures import Figure, Result, Tell
from bench.serving import demo

IDLE_SECONDS = 60.0


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Resident memory of each process of the demo in `folder` after a minute without requests."""
    tell("memory of an idle demo")
    with demo(folder) as running:
        time.sleep(5 if quick else IDLE_SECONDS)
        rss, own, busy = {}, {}, {}
        processes = running.processes()
        before = {role: sum(process.cpu_times()[:2]) for role, process in processes.items()}
        time.sleep(10)
        for role, process in processes.items():
            told = process.memory_info()
            # Not every kernel tells the unique set; without what is mapped from files it is close to it.
            rss[role], own[role] = told.rss / 2**20, (told.rss - told.shared) / 2**20
            busy[role] = (sum(process.cpu_times()[:2]) - before[role]) / 10
    baken = ("web", "collector")
    figures = [
        Figure(
            "memory of web and collector together, idle, one site",
            sum(rss[role] for role in baken),
            "MiB",
            most=200,
            note=f"RSS; without files and shared parts {sum(own[role] for role in baken):.0f} MiB; processor "
            + ", ".join(f"{role} {busy[role]:.1%}" for role in baken)
            + " of a core",
        )
    ]
    for role in ("web", "collector", "supervisor", "life"):
        note = f"of its own {own[role]:.0f} MiB" + (
            "; only in the demo: the site's life, Redis and URL" if role == "life" else ""
        )
        figures.append(Figure(f"memory of the {role} process", rss[role], "MiB", note=note))
    return Result(figures)

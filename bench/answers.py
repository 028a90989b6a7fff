"""How fast the documented methods answer: cold and warm, one client and thirty-two."""

from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from baken.api import registry
from bench.figures import Detail, Figure, Result, Tell, number
from bench.load import Load, load, quantile, request
from bench.serving import TOKEN, Demo, demo

CLIENTS = 32
ARGUMENTS = {
    "baken.get_series": {"metric": "host_cpu_ratio", "hours": "24"},
    "baken.get_figures": {"metrics": "host_cpu_ratio"},
    "baken.preview_error_grouping": {"version": "v2"},
    # Filled in with a pattern of the demo.
    "baken.get_error_pattern": {"pattern": ""},
}
"""What methods need; those that need something else, and those that change something, are not measured."""


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """The latency of each method of the registry on the demo in `folder`."""
    methods = [
        entry
        for entry in registry.methods()
        if not entry.guest
        and entry.writes is not True
        and {each.name for each in entry.parameters if each.required} <= {*ARGUMENTS.get(entry.short, {})}
    ]
    cold: dict[str, list[float]] = {entry.name: [] for entry in methods}
    first: list[float] = []
    for turn in range(2 if quick else 5):
        tell(f"methods, cold, start {turn + 1}")
        with demo(folder) as running:
            # Another method begins at each start: the first call also checks the token.
            order = methods[turn * 3 % len(methods) :] + methods[: turn * 3 % len(methods)]
            for place, entry in enumerate(order):
                took = _ask(running, entry.name, clients=1, most=1)
                (first if place == 0 else cold[entry.name]).append(took.seconds[0])
    with demo(folder) as running:
        return _warm(running, methods, cold, first, quick, tell)


def _warm(
    running: Demo,
    methods: list[registry.Method],
    cold: dict[str, list[float]],
    first: list[float],
    quick: bool,
    tell: Tell,
) -> Result:
    rows, alone, together = [], {}, {}
    for entry in methods:
        tell(f"{entry.short}, warm")
        _ask(running, entry.name, clients=1, most=20)
        few = 5 if entry.slow else 300
        alone[entry.name] = _ask(running, entry.name, clients=1, most=few)
        # A slow method asks the site, the collector and the store: one at a time is what a person does with it.
        if not entry.slow:
            seconds = 1.0 if quick else 3.0
            together[entry.name] = _ask(running, entry.name, clients=CLIENTS, seconds=seconds)
        many = together.get(entry.name)
        rows.append(
            (
                entry.name.rsplit(".", 1)[-1],
                number(median(cold[entry.name]) * 1000) if cold[entry.name] else "",
                number(alone[entry.name].quantile(0.5)),
                number(alone[entry.name].quantile(0.99)),
                number(many.quantile(0.5)) if many else "",
                number(many.quantile(0.99)) if many else "",
                number(many.rate) if many else "",
            )
        )
    tell("all methods, mixed")
    quickly = [entry for entry in methods if not entry.slow]
    mixed = load(
        running.port,
        [_request(running, entry.name) for entry in quickly],
        clients=CLIENTS,
        seconds=2 if quick else 10,
    )
    names = [entry.name for entry in quickly]
    slowest = max(names, key=lambda name: alone[name].quantile(0.5))
    slowest99 = max(names, key=lambda name: alone[name].quantile(0.99))
    worst = max(names, key=lambda name: together[name].quantile(0.99))
    least = min(names, key=lambda name: together[name].rate)
    share = mixed.client / mixed.wall
    kept = "the client shares the machine's two cores"
    figures = [
        Figure(
            "method, warm, 1 client: p50 of the slowest",
            alone[slowest].quantile(0.5),
            "ms",
            most=5,
            note=_short(slowest),
        ),
        Figure(
            "method, warm, 1 client: p99 of the slowest",
            alone[slowest99].quantile(0.99),
            "ms",
            most=25,
            note=_short(slowest99),
        ),
        Figure(
            f"method, {CLIENTS} clients: p99 of the slowest",
            together[worst].quantile(0.99),
            "ms",
            most=150,
            note=f"{_short(worst)}; {kept}",
        ),
        Figure(
            f"method, {CLIENTS} clients: least requests",
            together[least].rate,
            "requests/s",
            least=800,
            note=f"{_short(least)}; {kept}",
        ),
        Figure(f"all methods in turn, {CLIENTS} clients: p99", mixed.quantile(0.99), "ms", most=150),
        Figure(
            f"all methods in turn, {CLIENTS} clients",
            mixed.rate,
            "requests/s",
            least=800,
            note=f"the client took {share:.0%} of a core of its own; answers: {_statuses(mixed)}",
        ),
        Figure(
            "first call of a method after a start: slowest of the medians",
            max(median(seconds) for name, seconds in cold.items() if seconds and name in names) * 1000,
            "ms",
            note=f"p99 of all {quantile([one for name in names for one in cold[name]], 0.99) * 1000:.0f} ms",
        ),
        Figure(
            "very first call after a start, which checks the token", median(first) * 1000, "ms", note="median of starts"
        ),
    ]
    columns = ("method", "cold ms", "p50 ms", "p99 ms", f"{CLIENTS} p50 ms", f"{CLIENTS} p99 ms", "requests/s")
    return Result(figures, [Detail("Each method", columns, rows)])


def _ask(running: Demo, name: str, *, clients: int, seconds: float = 30.0, most: int = 1_000_000) -> Load:
    took = load(running.port, [_request(running, name)], clients=clients, seconds=seconds, most=most)
    if set(took.statuses) != {200}:
        raise RuntimeError(f"{name} answered {_statuses(took)}")
    return took


def _request(running: Demo, name: str) -> bytes:
    given = ARGUMENTS.get(name, {})
    if "pattern" in given and not given["pattern"]:
        given["pattern"] = running.call("baken.get_error_patterns", hours=720, limit=1)["patterns"][0]["pattern"]
    arguments = urlencode(given)
    return request(f"/api/method/{name}{'?' if arguments else ''}{arguments}", TOKEN, running.port)


def _statuses(took: Load) -> str:
    return ", ".join(f"{count} × {status}" for status, count in sorted(took.statuses.items()))


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]

"""Alerts: how soon an error is told, what evaluating costs, how many e-mails a storm of errors makes."""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from baken import clock
from baken.alerts import rulebook
from baken.alerts.engine import Engine
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import open_store
from baken.settings import load
from bench import storm
from bench.figures import Figure, Result, Tell
from bench.mailbox import MailServer, text_of
from bench.serving import demo
from bench.visible import deferred_into, rows_into

_PATIENCE = 60.0
_SITE = "bench.example"


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """All of it; the demo in `folder` is used."""
    figures = [*_latency(folder, quick, tell), *_storm_of_errors(folder, quick, tell)]
    for count in (1_000, 10_000):
        tell(f"alerting: {count} evaluations")
        figures += _evaluations(count)
    figures += storm.measure(folder, quick, tell).figures
    return Result(figures)


def _latency(folder: Path, quick: bool, tell: Tell) -> list[Figure]:
    count = 5 if quick else 40
    figures = []
    for name, kind in (("Error Log row", "row"), ("web error in the deferred list", "web")):
        server = MailServer()
        server.up()
        # Each error is told on its own here: the pause between two messages to one recipient would hide how soon.
        environment = server.environment(BAKEN_ALERTS__GROUP_INTERVAL="0", BAKEN_ALERTS__HOURLY_CAP="100000")
        try:
            with demo(folder / "demo", speed=0.01, environment=environment) as running:
                tell(f"alerting: {name}s to e-mail")
                into = rows_into(running) if kind == "row" else deferred_into(running)
                took = sorted(_watch(server, into, f"mail{kind}", count))
        finally:
            server.down()
        if len(took) < count:
            why = f"{count - len(took)} of {count} were never told"
            figures.append(Figure(f"{name} → e-mail taken", None, "s", note=why))
            continue
        for share, most in ((0.5, 6.0), (0.99, 15.0)):
            value = took[min(len(took) - 1, int(share * len(took)))]
            note = f"{count} errors, each of a new pattern"
            figures.append(Figure(f"{name} → e-mail taken, p{share * 100:.0f}", value, "s", most=most, note=note))
    return figures


def _watch(server: MailServer, into: Callable[..., None], prefix: str, count: int) -> list[float]:
    rng = random.Random(prefix)
    # The first evaluation sets what counts as new.
    time.sleep(12)
    waiting: dict[str, float] = {}
    took: list[float] = []
    begun, seen, due, ends = 0, 0, time.monotonic(), time.monotonic() + _PATIENCE + 3 * count
    while len(took) < count and time.monotonic() < ends:
        if begun < count and time.monotonic() >= due:
            place = f"{prefix}_{'abcdefgh'[begun % 8]}{'abcdefgh'[begun // 8]}"
            waiting[place] = time.monotonic()
            into(place)
            begun += 1
            due = time.monotonic() + rng.uniform(0.3, 2.7)
        while seen < len(server.taken):
            at, mail = server.taken[seen]
            seen += 1
            text = text_of(mail)
            for place in [place for place in waiting if place in text]:
                took.append(at - waiting.pop(place))
        time.sleep(0.05)
    return took


def _storm_of_errors(folder: Path, quick: bool, tell: Tell) -> list[Figure]:
    errors, lasts = (500, 30.0) if quick else (5_000, 300.0)
    server = MailServer()
    server.up()
    try:
        with demo(folder / "demo", speed=0.01, environment=server.environment()) as running:
            into = rows_into(running)
            # What the demo has to tell by itself was told while the latency was measured.
            time.sleep(60)
            before, started = len(server.taken), time.monotonic()
            for number in range(errors):
                if number % 50 == 0:
                    tell(f"alerting: storm, {number} of {errors} errors")
                into(f"storm_{'abcdef'[number % 6]}", number)
                ahead = started + lasts * (number + 1) / errors - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
            took = time.monotonic() - started
            # What waits for the pause between two messages belongs to it.
            time.sleep(330)
            mails = len(server.taken) - before
    finally:
        server.down()
    note = f"{errors} errors of 6 new patterns in {took:.0f} s, settings as they come"
    return [Figure("e-mails of a storm of errors", mails, "", most=3, note=note)]


def _evaluations(count: int) -> list[Figure]:
    """`count` label sets, each judged by a rule of its own metric's series; a tenth of them beyond the limit."""
    labels, rules = 100, count // 100
    text = "\n".join(
        f'[RULE_{number}]\nmetric = "frappe_queue_length"\nabove = {80 + number % 10}\nseverity = "LOW"\n'
        'area = "performance"\ntitle = "x"\nmessage = "x"\nreason = "x"\n'
        for number in range(rules)
    )
    with tempfile.TemporaryDirectory(prefix="baken-rules-") as place:
        folder = Path(place)
        (folder / "rules.toml").write_text(text)
        (folder / "none.toml").write_text("")
        settings = load(None, {"data_dir": place})
        book = rulebook.read(folder / "rules.toml", defaults=folder / "none.toml")
        store = open_store(settings.store_url)
        store.migrate()
        engine = Engine(settings.alerts, store, book)
        took = []
        for turn in range(6):
            found = [
                Sample("frappe_queue_length", (("queue", f"q{number}"),), 95.0 if number % 10 == 0 else 5.0 + turn)
                for number in range(labels)
            ]
            with store.write() as conn:
                samples.record(conn, [Cycle(_SITE, clock.now(), found, {}, ["frappe_queue_length"])])
            started = time.perf_counter()
            engine.evaluate(_SITE, {"frappe_queue_length"})
            took.append(time.perf_counter() - started)
        store.close()
    first, later = took[0], sorted(took[1:])[2]
    return [
        Figure(f"{count:,} rule × label evaluations", later * 1000, "ms", note="a tenth of them firing, nothing new"),
        Figure(
            f"{count:,} evaluations, a tenth fires at once", first * 1000, "ms", note=f"{count // 10} alerts opened"
        ),
    ]

"""Seconds from an error on the site until its pattern can be seen: of rows, and of web errors that wait in Redis."""

import json
import random
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import redis

from baken.demo.bench import DATABASE
from baken.demo.living.deferred import KEY
from baken.demo.world import SITE
from bench.figures import Figure, Result, Tell
from bench.serving import Demo, demo

_PATIENCE = 60.0
_ZONE = ZoneInfo("Europe/Amsterdam")
_TEXT = (
    'Traceback (most recent call last):\n  File "apps/frappe/frappe/app.py", line 1, in application\n    x\n'
    '  File "apps/bench/bench/probe.py", line 1, in {place}\n    raise\nbench.Error{place}: seen'
)


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Put errors into the demo in `folder` at random moments, and ask until each of them shows."""
    count = 5 if quick else 40
    figures = []
    with demo(folder / "demo", speed=0.01) as running:
        for name, into in (
            ("Error Log row", rows_into(running)),
            ("web error in the deferred list", deferred_into(running)),
        ):
            tell(f"visible: {name}s")
            took = sorted(_watch(running, into, name.split()[0].lower(), count))
            if len(took) < count:
                figures.append(
                    Figure(f"{name} → visible", None, "s", note=f"{count - len(took)} of {count} never showed")
                )
                continue
            for share, most in ((0.5, 6.0), (0.99, 15.0)):
                value = took[min(len(took) - 1, int(share * len(took)))]
                figures.append(
                    Figure(f"{name} → visible, p{share * 100:.0f}", value, "s", most=most, note=f"{count} errors")
                )
    return Result(figures)


def _watch(running: Demo, into: Callable[..., None], prefix: str, count: int) -> list[float]:
    rng = random.Random(prefix)
    waiting: dict[str, float] = {}
    took: list[float] = []
    begun, due, ends = 0, time.monotonic(), time.monotonic() + _PATIENCE + 2 * count
    while len(took) < count and time.monotonic() < ends:
        if begun < count and time.monotonic() >= due:
            place = f"{prefix}_{'abcdefgh'[begun % 8]}{'abcdefgh'[begun // 8]}"
            waiting[place] = time.monotonic()
            into(place)
            begun += 1
            due = time.monotonic() + rng.uniform(0.3, 2.2)
        answer = running.call("baken.get_error_patterns", hours=1, search="bench.Error", limit=200)
        shown = {pattern["exception"] for pattern in answer["patterns"]}
        for place in [place for place in waiting if f"bench.Error{place}" in shown]:
            took.append(time.monotonic() - waiting.pop(place))
        time.sleep(0.1)
    return took


def rows_into(running: Demo) -> Callable[..., None]:
    """A function that writes a row into the Error Log of the demo; its text names a place."""
    path = running.folder / "bench" / "sites" / SITE / "db" / f"{DATABASE}.db"

    def insert(place: str, serial: int = 0) -> None:
        now = datetime.now(_ZONE).replace(tzinfo=None).isoformat(" ", "microseconds")
        with sqlite3.connect(path, timeout=10) as connection:
            connection.execute(
                "INSERT INTO `tabError Log` (name, creation, modified, owner, modified_by, method, error, seen) "
                "VALUES (?, ?, ?, 'Administrator', 'Administrator', ?, ?, 0)",
                (f"bench-{place}-{serial}", now, now, f"bench.{place}", _TEXT.format(place=place)),
            )
        connection.close()

    return insert


def deferred_into(running: Demo) -> Callable[..., None]:
    """A function that puts an error of the web into the list that waits in Redis; its text names a place."""
    common = json.loads((running.folder / "bench" / "sites" / "common_site_config.json").read_text())
    client = redis.Redis.from_url(common["redis_cache"])

    def push(place: str) -> None:
        now = datetime.now(_ZONE).replace(tzinfo=None).isoformat(" ", "microseconds")
        entry = {"name": None, "owner": None, "creation": None, "modified": now, "modified_by": "Guest"}
        entry |= {"method": f"bench.{place}", "error": _TEXT.format(place=place)}
        client.rpush(KEY, json.dumps(entry))

    return push

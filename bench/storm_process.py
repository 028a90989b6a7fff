"""The process that is killed again and again: measures wild figures, evaluates rules, and sends e-mails.

    python -m bench.storm_process FOLDER SMTP_PORT SEED LABELS

Goes on until it is killed; with SEED `-` it calms everything down, sends what waits, and leaves.
"""

import random
import sys
import threading
import time
from pathlib import Path

from baken import clock, logs
from baken.alerts.watch import AlertWatch
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import Store, open_store
from baken.settings import Log, Settings, load

SITE = "storm.example"
METRIC = "frappe_queue_length"
HOLDER = "storm"

RULES = """
[QUEUE]
metric = "frappe_queue_length"
above = 20
severity = "HIGH"
area = "performance"
title = "{value} jobs wait in {queue}"
message = "Too many."
reason = "a storm"
"""


def settings_of(folder: Path, port: int) -> Settings:
    """The settings of the storm: one mail server, one recipient, no pauses between messages."""
    (folder / "rules.toml").write_text(RULES)
    channel = {"name": "mail", "kind": "email", "host": "127.0.0.1", "port": port, "security": "none"}
    return load(
        None,
        {
            "data_dir": str(folder),
            "alerts": {
                "channels": [{**channel, "sender": "Baken <baken@example.test>", "timeout": 5}],
                "recipients": [{"name": "beheer", "channel": "mail", "to": "beheer@example.test", "at_least": "LOW"}],
                "group_wait": 0.1,
                "group_interval": 0.3,
                "hourly_cap": 1_000_000,
                "reopen_within": 0,
                "flapping": 1_000_000,
            },
        },
    )


def measure(store: Store, watch: AlertWatch, values: dict[str, float]) -> None:
    """Record figures and have them judged."""
    found = [Sample(METRIC, (("queue", name),), value) for name, value in values.items()]
    cycle = Cycle(SITE, clock.now(), found, {}, [METRIC])
    with store.write() as conn:
        samples.record(conn, [cycle])
    watch.stored([cycle])


def main() -> None:
    """Storm, or calm down."""
    folder, port, seed, labels = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    logs.configure(Log(level="error"))
    settings = settings_of(folder, port)
    store = open_store(settings.store_url)
    store.migrate()
    watch = AlertWatch(settings, store, HOLDER, lambda: [SITE])
    names = [f"q{number:03}" for number in range(labels)]
    if seed == "-":
        measure(store, watch, dict.fromkeys(names, 0.0))
        ends = time.monotonic() + 120
        # What a killed process had claimed is given back at the start; what failed waits for its turn.
        while watch.once(20) and time.monotonic() < ends:
            time.sleep(0.5)
        return
    rng = random.Random(seed)
    watch.start()
    print("ready", flush=True)
    while True:
        measure(store, watch, {name: rng.choice([0.0, 0.0, 90.0]) for name in names})
        threading.Event().wait(rng.uniform(0.01, 0.15))


if __name__ == "__main__":
    main()

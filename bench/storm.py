"""An alert storm in which the process is killed at random moments while the mail server comes and goes.

Counts what was lost (an alert that fired or ended and that no taken e-mail tells of) and what was told twice.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from sqlalchemy import select

from baken.history.store import open_store
from baken.history.tables import alerts, outbox
from bench.figures import Figure, Result, Tell
from bench.mailbox import MailServer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a storm; `twice` counts e-mails that were taken although their rows were sent in another one."""

    kills: int
    fired: int
    notifications: int
    mails: int
    lost: int
    twice: int
    waiting: int


def storm(folder: Path, *, kills: int, labels: int = 12, seed: int = 1, say: Callable[[str], None] = print) -> Outcome:
    """Let a storm rage over `folder`, kill its process `kills` times, and count.

    Raises RuntimeError when the process does not start.
    """
    rng = random.Random(seed)
    server = MailServer()
    server.up()
    try:
        for number in range(kills):
            say(f"storm: kill {number + 1} of {kills}")
            process = _start(folder, server.port, f"{seed}-{number}", labels)
            ends = time.monotonic() + rng.uniform(0.05, 3.0)
            # The worst moment: the other side has just taken an e-mail, and nobody has noted it yet.
            taken = len(server.taken) if rng.random() < 0.4 else None
            while time.monotonic() < ends and (taken is None or len(server.taken) == taken):
                if rng.random() < 0.02:
                    server.down() if rng.random() < 0.3 else server.up()
                time.sleep(0.002)
            process.kill()
            process.wait()
        server.up()
        say("storm: calming down")
        calm = subprocess.run(_command(folder, server.port, "-", labels), capture_output=True, timeout=200, check=False)
        if calm.returncode:
            raise RuntimeError(calm.stderr.decode()[-2000:])
    finally:
        server.down()
    return _count(folder, server, kills)


def _command(folder: Path, port: int, seed: str, labels: int) -> list[str]:
    return [sys.executable, "-m", "bench.storm_process", str(folder), str(port), seed, str(labels)]


def _start(folder: Path, port: int, seed: str, labels: int) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(_command(folder, port, seed, labels), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    if process.stdout.readline().strip() != b"ready":
        process.kill()
        raise RuntimeError(process.stderr.read().decode()[-2000:])
    return process


def _count(folder: Path, server: MailServer, kills: int) -> Outcome:
    store = open_store(f"sqlite:///{folder}/baken.db")
    with store.read() as conn:
        fired = list(conn.execute(select(alerts.c.number)).scalars())
        rows = conn.execute(select(outbox)).all()
        still = conn.execute(select(alerts.c.number).where(alerts.c.open_key.is_not(None))).all()
    store.close()
    arrived = Counter(_identity(mail) for _, mail in server.taken)
    sent = [row for row in rows if row.state == "sent"]
    marked = {row.message for row in sent}
    # Told is what an e-mail that was taken carried; each alert has fired and is over by now, and is told to be both.
    events = Counter(row.alert for row in rows)
    lost = sum(1 for row in sent if not arrived[row.message])
    lost += sum(1 for row in rows if row.state == "dropped")
    lost += sum(1 for number in fired if events[number] < 2) + len(still)
    twice = sum(arrived[identity] - 1 if identity in marked else arrived[identity] for identity in arrived)
    waiting = sum(1 for row in rows if row.state == "waiting")
    return Outcome(kills, len(fired), len(rows), len(server.taken), lost, twice, waiting)


def _identity(mail: bytes) -> str:
    """By which the outbox knows a mail."""
    return str(message_from_bytes(mail, policy=policy.default)["X-Baken-Id"])


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """A hundred kills during a storm, and what an error storm on the demo costs in e-mails."""
    kills = 5 if quick else 100
    with tempfile.TemporaryDirectory(prefix="baken-storm-") as place:
        found = storm(Path(place), kills=kills, say=tell)
    note = f"{kills} × kill -9, {found.fired} alerts, {found.notifications} notifications in {found.mails} e-mails"
    return Result(
        [
            Figure("alerts and notifications lost", found.lost + found.waiting, "", most=0, note=note),
            Figure("told twice, per kill", found.twice / kills, "", most=1, note=f"{found.twice} in all"),
        ]
    )

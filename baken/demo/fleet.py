"""Further small sites in the demo's bench, as a host has them: most are well, and some need somebody.

They stand still: nothing happens on them but what is written here, each time the demo starts.
"""

import contextlib
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from baken.demo.bench import DATABASE, DemoBench, make_bench
from baken.demo.rhythm import ZONE
from baken.demo.world import SITE

MEMBERS = 60
"""Members of each of these associations."""

MOST = 50
"""So many further sites at most: each takes a few seconds to make, and 20 MB."""

NAMES = ("tuin", "ijsclub", "zangkoor", "molen", "schaakclub", "heemkunde", "roeiclub", "veerpont", "oranje")
"""What they are called. All come after the demo's own site, which stays the one that is meant when none is named."""

STORM, AWAY, NO_BACKUP = 1, 2, 3
"""Which of them has a storm of errors, which has lost its database, and which was not backed up for days."""

_STORM_ERRORS = 240
_STORM = timedelta(minutes=40)
_BACKUP_AGE = timedelta(days=4)
_QUIETER = 8
"""One error in so many of those that the demo's own site has: these associations are smaller."""

_FILE = "fleet.json"


def names(count: int) -> list[str]:
    """The names of `count` further sites."""
    return [
        f"{NAMES[number % len(NAMES)]}{'' if number < len(NAMES) else number // len(NAMES) + 1}.example.test"
        for number in range(count)
    ]


def known(bench: DemoBench) -> int:
    """How many further sites the bench has."""
    try:
        return int(json.loads((bench.path / _FILE).read_text(encoding="utf-8"))["sites"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def add_sites(bench: DemoBench, count: int, *, now: datetime, progress: Callable[[str, float], None]) -> None:
    """Make `count` further sites in a bench that has none.

    Args:
        bench: the demo's bench.
        count: how many, up to MOST.
        now: an aware moment, at which their past ends.
        progress: told what is being made, and the share 0..1 that is done.

    Raises:
        OSError: the folder cannot be written.
    """
    for number, name in enumerate(names(count)):
        progress(f"Site {name}", number / count)
        with tempfile.TemporaryDirectory(prefix=".baken-site-", dir=bench.path.parent) as workplace:
            made = make_bench(
                Path(workplace) / "bench",
                seed=bench.seed + 1 + number,
                members=MEMBERS,
                now=now,
                progress=lambda _text, _share: None,
                redis_port=bench.redis_port,
                web_port=bench.web_port,
            )
            folder = made.path / "sites" / SITE
            _calm(folder / "db" / f"{DATABASE}.db")
            # What makes it a site comes last: one that is half there is none.
            config = folder / "site_config.json"
            content = config.read_text(encoding="utf-8")
            config.unlink()
            place = bench.path / "sites" / name
            shutil.rmtree(place, ignore_errors=True)
            shutil.move(folder, place)
            (place / "site_config.json").write_text(content, encoding="utf-8")
    (bench.path / _FILE).write_text(json.dumps({"sites": count}), encoding="utf-8")


def stir(bench: DemoBench, now: datetime) -> None:
    """Set the further sites to this start: their addresses, and what is wrong with some of them.

    Raises OSError and sqlite3.Error when their files cannot be written.
    """
    for number, name in enumerate(names(known(bench))):
        place = bench.path / "sites" / name
        _point(place / "site_config.json", bench)
        database = place / "db" / f"{DATABASE}.db"
        if number == STORM:
            _storm(database, now)
        elif number == AWAY:
            # For good: the demo leaves a fault that nobody mends.
            with contextlib.suppress(FileNotFoundError):
                database.rename(database.with_suffix(".away"))
        elif number == NO_BACKUP:
            moment = (now - _BACKUP_AGE).timestamp()
            for file in (place / "private" / "backups").iterdir():
                os.utime(file, (moment, moment))


def _point(file: Path, bench: DemoBench) -> None:
    """Let a site's configuration name the bench's ports, which change with each start."""
    config = json.loads(file.read_text(encoding="utf-8"))
    config["host_name"] = f"http://127.0.0.1:{bench.web_port}"
    file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _calm(database: Path) -> None:
    """Leave a small site few errors, and none that gives something away."""
    with contextlib.closing(sqlite3.connect(database)) as conn, conn:
        conn.execute('DELETE FROM "tabError Log" WHERE rowid % ? != 0', (_QUIETER,))
        conn.execute(
            'DELETE FROM "tabError Log" WHERE error LIKE ? OR error LIKE ?', ("%update-password?key=%", "%Bearer %")
        )


def _storm(database: Path, now: datetime) -> None:
    """Let the site's latest error happen again and again up to now."""
    here = now.astimezone(ZONE).replace(tzinfo=None)
    with contextlib.closing(sqlite3.connect(database)) as conn, conn:
        names_of = [row[1] for row in conn.execute('PRAGMA table_info("tabError Log")')]
        latest = conn.execute('SELECT * FROM "tabError Log" ORDER BY modified DESC LIMIT 1').fetchone()
        if latest is None:
            return
        row = dict(zip(names_of, latest, strict=True))
        places = ", ".join("?" for _ in row)
        for number in range(_STORM_ERRORS):
            at = str(here - _STORM * (1 - (number + 1) / _STORM_ERRORS))
            again = {**row, "name": secrets.token_hex(5), "creation": at, "modified": at}
            statement = f'INSERT INTO "tabError Log" VALUES ({places})'  # noqa: S608 - as many places as columns
            conn.execute(statement, list(again.values()))

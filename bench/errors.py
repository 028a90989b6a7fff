"""Rows per second from an Error Log to counts in the store, on one core, and the room that the counts take.

Rows are tracebacks of 1 to 4 KB of many failures whose ids, names and amounts differ from row to row, so that no cache
knows them. Each stage alone, then all of it from an SQLite site into an SQLite store.
"""

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import URL

from baken.errors import reader
from baken.errors.collect import collect
from baken.errors.fingerprint import fingerprint
from baken.errors.scrub import scrub
from baken.history.store import Store, open_store
from baken.privacy import Pseudonyms
from baken.settings import Settings
from baken.sites.site import Site, SiteConfig
from bench.figures import Figure, Result, Tell

PSEUDONYMS = Pseudonyms(bytes(32))
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(days=90) / 1_000_000
"""Between two errors, so that a million of them come in the 90 days that are kept in full."""
FAILURES = (
    ("frappe.exceptions.ValidationError", "Sales Invoice {invoice} of {name} is not paid: {amount}"),
    (
        "frappe.exceptions.TimestampMismatchError",
        "Document has been modified after you have opened it ({when}, {when})",
    ),
    ("builtins.TypeError", "unsupported operand type(s) for -: 'NoneType' and 'float'"),
    ("pymysql.err.OperationalError", "(1205, 'Lock wait timeout exceeded; try restarting transaction')"),
    (
        "frappe.exceptions.CharacterLengthExceededError",
        "Error Log {hash}: 'Title' (Failed for {member}: {mail}) is cut",
    ),
)


def rows(count: int) -> Iterator[tuple[str, str]]:
    """(method, error) of `count` rows."""
    rng = random.Random(1)
    for number in range(count):
        values = {
            "invoice": f"ACC-SINV-2026-{number:05}",
            "member": f"Assoc-Member-2026-11-{number % 9999:04}",
            "name": rng.choice(("Elif Bos", "Jan de Groot", "Sanne van den Berg", "Wei Dekker")),
            "amount": f"{rng.randrange(100_000) / 100:.2f}",
            "when": str(NOW + timedelta(seconds=number)),
            "hash": f"{rng.getrandbits(40):010x}",
            "mail": f"m{number}@leden.example",
        }
        exception, message = FAILURES[number % len(FAILURES)]
        error = ["Traceback with variables (most recent call last):"]
        app = f"app{number % 7}"
        for frame in range(rng.randrange(4, 11)):
            error += [
                f'  File "apps/{app}/{app}/part{frame}.py", line {rng.randrange(900)}, in step_{frame}',
                f"    return call_{frame}(self, member)",
                f"      self = <app.part{frame}.Thing object at 0x7f{rng.getrandbits(40):010x}>",
                f"      member = <Member: {values['member']}>",
                f"      kwargs = {{'name': '{values['name']}', 'mail': '{values['mail']}'}}",
                f"      amount = {values['amount']}",
                f"      invoice = <SalesInvoice: {values['invoice']}>",
            ]
        yield f"{app}.part.run", "\n".join(error) + f"\n{exception}: {message.format(**values)}"


@dataclass(frozen=True, slots=True)
class Read:
    """What reading all rows took: seconds of processor and of time, bytes the store grew by."""

    rows: int
    processor: float
    wall: float
    bytes: int


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Read errors; `folder` is not needed."""
    count = 4_000 if quick else 20_000
    tell(f"errors: making {count} rows")
    made = list(rows(count))
    size = sum(len(error) for _, error in made) / count / 1024
    tell("errors: scrubbing, grouping")
    started = time.process_time()
    scrubbed = [scrub(*row) for row in made]
    scrubbing = count / (time.process_time() - started)
    started = time.process_time()
    patterns = {fingerprint(row).pattern for row in scrubbed}
    grouping = count / (time.process_time() - started)
    tell("errors: all of it")
    whole = [read(made) for _ in range(1 if quick else 3)]
    rate = median(each.rows / each.processor for each in whole)
    # The patterns and the empty tables are there once; the difference is what each further error takes, in bytes.
    few = read(made[: count // 4])
    further = (whole[0].bytes - few.bytes) / (count - len(made[: count // 4]))
    return Result(
        [
            Figure(
                "errors: read, scrubbed, grouped, counted",
                rate,
                "rows/s",
                least=5000,
                note=f"{count:,} rows of {size:.1f} KB on average, per second of one core; "
                f"{median(each.rows / each.wall for each in whole):,.0f} per second of time",
            ),
            Figure("errors: scrubbing alone", scrubbing, "rows/s"),
            Figure("errors: grouping alone", grouping, "rows/s", note=f"{len(patterns)} patterns"),
            Figure(
                "errors: store per million",
                further,
                "MB",
                most=60,
                note=f"a million within 90 days, of {len(patterns)} patterns that are equally frequent; from what the "
                f"last three quarters of {count:,} took",
            ),
        ]
    )


def read(made: list[tuple[str, str]]) -> Read:
    """Put `made` into the Error Log of an SQLite site, and read it into an SQLite store as the collector does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with sqlite3.connect(path / "site.db") as connection:
            connection.execute(
                "CREATE TABLE `tabError Log` (name varchar(140) PRIMARY KEY, creation datetime(6), "
                "modified datetime(6), method varchar(140), error longtext)"
            )
            connection.execute("CREATE INDEX modified ON `tabError Log` (modified)")
            first = (NOW - len(made) * STEP).replace(tzinfo=None)
            connection.executemany(
                "INSERT INTO `tabError Log` VALUES (?, ?, ?, ?, ?)",
                (
                    (f"{number:010}", str(first + number * STEP), str(first + number * STEP), method, error)
                    for number, (method, error) in enumerate(made)
                ),
            )
        connection.close()
        config = SiteConfig("bench", URL.create("sqlite", database=str(path / "site.db")), time_zone="Europe/Amsterdam")
        site = Site(config, Settings())
        store = open_store(f"sqlite:///{path / 'store.db'}")
        store.migrate()
        empty = _bytes(store)
        # All of them are new: older ones would be read slowly, beside the new ones.
        reader.FIRST_READING = len(made) * STEP + timedelta(days=1)
        count, wall, processor = 0, time.perf_counter(), time.process_time()
        while True:
            with site.reading(NOW) as reading:
                got = collect(reading, store, NOW, PSEUDONYMS)
            count += got.rows
            if not got.behind:
                break
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        grown = _bytes(store) - empty
        store.close()
        return Read(count, processor, wall, grown)


def _bytes(store: Store) -> int:
    """Bytes of the store's pages, without what its journal holds for a while."""
    with store.read() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        free = conn.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        return int((pages - free) * conn.exec_driver_sql("PRAGMA page_size").scalar_one())

"""Rows per second from an Error Log to counts in the store, on one core.

    python bench/errors.py [ROWS]

Rows are tracebacks of 1 to 4 KB of many failures whose ids, names and amounts differ from row to row, so that no cache
knows them. Prints each stage alone, then all of it from an SQLite site into an SQLite store.
"""

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL

from baken.errors.collect import collect
from baken.errors.fingerprint import fingerprint
from baken.errors.scrub import scrub
from baken.history.store import open_store
from baken.settings import Settings
from baken.sites.site import Site, SiteConfig

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
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


def main(count: int) -> None:
    made = list(rows(count))
    size = sum(len(error) for _, error in made) / count / 1024
    print(f"{count} rows of {size:.1f} KB")
    started = time.process_time()
    scrubbed = [scrub(*row) for row in made]
    print(f"scrub        {count / (time.process_time() - started):9.0f} rows/s")
    started = time.process_time()
    patterns = {fingerprint(row).pattern for row in scrubbed}
    print(f"fingerprint  {count / (time.process_time() - started):9.0f} rows/s, {len(patterns)} patterns")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with sqlite3.connect(path / "site.db") as connection:
            connection.execute(
                "CREATE TABLE `tabError Log` (name varchar(140) PRIMARY KEY, creation datetime(6), "
                "modified datetime(6), method varchar(140), error longtext)"
            )
            connection.execute("CREATE INDEX modified ON `tabError Log` (modified)")
            step = timedelta(days=6) / count
            first = (NOW - timedelta(days=6)).replace(tzinfo=None)
            connection.executemany(
                "INSERT INTO `tabError Log` VALUES (?, ?, ?, ?, ?)",
                (
                    (f"{number:010}", str(first + number * step), str(first + number * step), method, error)
                    for number, (method, error) in enumerate(made)
                ),
            )
        config = SiteConfig("bench", URL.create("sqlite", database=str(path / "site.db")), time_zone="Europe/Amsterdam")
        site = Site(config, Settings())
        store = open_store(f"sqlite:///{path / 'store.db'}")
        store.migrate()
        read, wall, processor = 0, time.perf_counter(), time.process_time()
        while True:
            with site.reading(NOW) as reading:
                got = collect(reading, store, NOW)
            read += got.rows
            if not got.behind:
                break
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        print(f"all of it    {read / processor:9.0f} rows/s of processor time, {read / wall:.0f} rows/s of time")
        print(f"store        {store.size_bytes() / 1024:9.0f} KiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)

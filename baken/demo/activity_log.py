"""Who signed in, and which documents were changed."""

import sqlite3
from datetime import timedelta

from baken.demo import rhythm
from baken.demo.layout import insert
from baken.demo.rhythm import document_name, stamp
from baken.demo.world import STAFF, World

ACTIVITY_DAYS = 90
_CHANGES = ("Member", "Sales Invoice", "Payment Entry", "SEPA Mandate", "Membership Dues Schedule")


def write_activity(world: World, conn: sqlite3.Connection) -> None:
    """Insert logins of 90 days and document versions of 30."""
    rng = world.stream("activity")
    users = [
        row[0] for row in conn.execute("SELECT name FROM tabUser WHERE enabled = 1 AND name <> 'Guest' ORDER BY name")
    ]
    rows: list[tuple[object, ...]] = []
    day = world.today - timedelta(days=ACTIVITY_DAYS)
    while day <= world.today:
        for _ in range(rhythm.poisson(rng, 31 * rhythm.WEEKDAYS[day.weekday()])):
            moment = rhythm.moment_of_day(rng, day)
            user = rng.choice((STAFF[0], STAFF[1], *rng.choices(users, k=4)))
            failed = rng.random() < 0.05
            if moment <= world.here:
                when = stamp(moment)
                rows.append(
                    (
                        document_name(rng),
                        when,
                        when,
                        user,
                        user,
                        f"{user} logged in",
                        when,
                        "Login",
                        "Failed" if failed else "Success",
                        user,
                        user,
                        f"203.0.113.{rng.randrange(1, 255)}",
                    )
                )
        day += timedelta(days=1)
    insert(
        conn,
        "tabActivity Log",
        "name creation modified owner modified_by subject communication_date operation status user "
        "full_name ip_address",
        sorted(rows, key=lambda row: str(row[1])),
    )
    versions: list[tuple[object, ...]] = []
    for doctype in _CHANGES:
        for name, modified in conn.execute(
            f'SELECT name, modified FROM "tab{doctype}" WHERE modified > ? ORDER BY modified DESC, name LIMIT 500',  # noqa: S608
            (stamp(world.here - timedelta(days=30)),),
        ).fetchall():
            versions.append(
                (
                    document_name(rng),
                    modified,
                    modified,
                    doctype,
                    name,
                    '{"added":[],"changed":[["status","Draft","Active"]],"removed":[],"row_changed":[]}',
                )
            )
    insert(
        conn,
        "tabVersion",
        "name creation modified ref_doctype docname data",
        versions,
        owner="Administrator",
        modified_by="Administrator",
    )

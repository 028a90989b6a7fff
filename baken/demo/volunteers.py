"""The members who volunteer."""

import random
import sqlite3
from datetime import timedelta

from baken.demo.layout import insert
from baken.demo.rhythm import stamp
from baken.demo.world import World


def write_volunteers(world: World, rng: random.Random, conn: sqlite3.Connection) -> None:
    rows: list[tuple[object, ...]] = []
    for m in world.members:
        if m.approved is None or m.number % 11:
            continue
        started = min(m.approved + timedelta(days=rng.uniform(3, 120)), world.here)
        status = rng.choices(("Active", "Onboarding", "New", "Inactive", "Retired"), (78, 5, 4, 9, 4))[0]
        changed = (
            min(started + timedelta(days=rng.uniform(20, 300)), world.here)
            if status in ("Inactive", "Retired")
            else started
        )
        if m.left is not None:
            status, changed = "Retired", m.left
        rows.append(
            (
                f"VOL-{m.name}-0001",
                stamp(started),
                stamp(max(changed, started)),
                m.person.full,
                m.name,
                m.person.email,
                f"vrijwilliger.{m.number}@example.test",
                status,
                started.date().isoformat(),
            )
        )
    insert(
        conn,
        "tabVolunteer",
        "name creation modified volunteer_name member personal_email email status start_date",
        rows,
        owner="Administrator",
        modified_by="Administrator",
        commitment_level="Occasional",
        experience_level="Intermediate",
        preferred_work_style="Hybrid",
    )

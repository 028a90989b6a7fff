"""Requests to terminate a membership."""

import random
import sqlite3
from datetime import datetime, timedelta

from baken.demo.layout import insert
from baken.demo.naming import NamingSeries
from baken.demo.rhythm import stamp
from baken.demo.world import ABBREVIATION, MemberLife, World


def write_terminations(world: World, rng: random.Random, conn: sqlite3.Connection) -> None:
    names = NamingSeries(4)
    rows: list[tuple[object, ...]] = []

    def add(m: MemberLife, asked: datetime, status: str, kind: str, done: datetime | None) -> None:
        decided = (
            min(asked + timedelta(hours=20), world.here) if status in ("Approved", "Executed", "Rejected") else None
        )
        rows.append(
            (
                names.next(f"TERM-REQ-{asked:%y-%m}-"),
                stamp(asked),
                stamp(done or decided or asked),
                m.name,
                m.person.full,
                kind,
                asked.date().isoformat(),
                status,
                "board@example.test" if decided else None,
                stamp(decided) if decided else None,
                (done or asked + timedelta(days=14)).date().isoformat(),
                "board@example.test" if done else None,
                stamp(done) if done else None,
                int(done is not None),
            )
        )

    for m in sorted((m for m in world.members if m.status in ("Terminated", "Deceased")), key=lambda m: m.changed):
        done = m.left or m.changed
        asked = max(done - timedelta(days=rng.uniform(1, 12)), (m.approved or m.applied) + timedelta(hours=1))
        add(m, min(asked, done), "Executed", m.termination or "Deceased", done)
    active = [m for m in world.members if m.status == "Active" and m.number % 5 == 0]
    for i, m in enumerate(rng.sample(active, min(len(active), max(4, world.count // 400)))):
        # Every third has been waiting for longer than the two weeks the association promises.
        asked = world.here - timedelta(days=rng.uniform(18, 40) if i % 3 == 0 else rng.uniform(0.1, 9))
        add(m, asked, ("Pending", "Approved", "Draft", "Rejected")[i % 4], "Voluntary", None)
    insert(
        conn,
        "tabMembership Termination Request",
        "name creation modified member member_name termination_type request_date status approved_by approval_date "
        "termination_date executed_by execution_date sepa_mandates_cancelled",
        rows,
        owner="board@example.test",
        modified_by="board@example.test",
        requested_by="board@example.test",
        cancel_sepa_mandates=1,
        unsubscribe_newsletters=1,
        end_board_positions=1,
        termination_reason=f"Opzegging per e-mail ({ABBREVIATION})",
    )

"""SEPA mandates and the members' links to them."""

import random
import sqlite3
from datetime import date, datetime, timedelta

from baken.demo import people
from baken.demo.layout import insert
from baken.demo.rhythm import document_name, stamp
from baken.demo.world import MemberLife, World


def write_mandates(world: World, rng: random.Random, conn: sqlite3.Connection) -> None:
    mandates: list[tuple[object, ...]] = []
    links: list[tuple[object, ...]] = []

    def add(
        m: MemberLife,
        name: str,
        reference: str,
        status: str,
        created: datetime,
        changed: datetime,
        *,
        signed: date,
        expires: date | None,
        iban: str,
        current: bool,
    ) -> None:
        active = status == "Active"
        cancelled = changed.date().isoformat() if status == "Cancelled" else None
        mandates.append(
            (
                name,
                stamp(created),
                stamp(changed),
                reference,
                m.name,
                m.person.full,
                status,
                m.person.full,
                iban,
                m.person.bic,
                signed.isoformat(),
                expires.isoformat() if expires else None,
                int(active),
                cancelled,
                "Lidmaatschap beëindigd" if cancelled else None,
                m.frequency,
            )
        )
        links.append(
            (
                document_name(rng),
                stamp(created),
                stamp(changed),
                len(links) % 2 + 1,
                name,
                reference,
                status,
                int(current and active),
                signed.isoformat(),
                cancelled,
                m.name,
            )
        )

    expiring = max(4, world.count // 280)
    for m in world.members:
        if m.mandate is None or m.mandate_id is None or m.approved is None:
            continue
        created = m.approved + timedelta(minutes=3)
        status, changed, expires = "Active", created, None
        signed = m.applied.date()
        if m.dormant:
            signed = world.start - timedelta(days=60 + m.number % 400)
        elif m.status == "Active" and not m.imported and m.number % 90 == 0:
            status, changed = "Expired", min(created + timedelta(days=200), world.here - timedelta(hours=3))
            expires = changed.date()
        elif m.status == "Active" and expiring and m.number % 7 == 0:
            expiring -= 1
            expires = world.today + timedelta(days=2 + m.number % 40)
        elif m.status == "Suspended":
            status, changed = "Suspended", m.left or created
        elif m.left is not None:
            status, changed = "Cancelled", m.left + timedelta(minutes=4)
        if m.imported and not m.dormant and rng.random() < 0.07:
            # Moved to another bank: the mandate before this one was cancelled.
            moved = created + timedelta(days=30 + m.number % 600)
            if moved < min(m.left or world.here, world.here - timedelta(days=1)):
                add(
                    m,
                    document_name(rng),
                    f"{m.mandate_id}-0",
                    "Cancelled",
                    created,
                    moved,
                    signed=signed,
                    expires=None,
                    iban=people.iban("ZZDA", 7_000_000_000 + m.number),
                    current=False,
                )
                created = moved + timedelta(minutes=2)
                signed = moved.date()
                changed = max(changed, created)
        add(
            m,
            m.mandate,
            m.mandate_id,
            status,
            created,
            min(changed, world.here),
            signed=signed,
            expires=expires,
            iban=m.person.iban,
            current=True,
        )
        m.mandate_first = signed
    waiting = [m for m in world.members if m.status == "Pending" and m.method == "SEPA Direct Debit"]
    for m in waiting:
        add(
            m,
            document_name(rng),
            f"M-{m.number:05d}-{m.applied.year}",
            "Draft",
            m.applied,
            m.applied,
            signed=m.applied.date(),
            expires=None,
            iban=m.person.iban,
            current=True,
        )
    insert(
        conn,
        "tabSEPA Mandate",
        "name creation modified mandate_id member member_name status account_holder_name iban bic "
        "sign_date expiry_date "
        "is_active cancelled_date cancellation_reason frequency",
        mandates,
        owner="Administrator",
        modified_by="Administrator",
        mandate_type="RCUR",
        scheme="SEPA",
        maximum_amount=250,
        used_for_memberships=1,
        bank_name="Bank Nergens",
    )
    insert(
        conn,
        "tabMember SEPA Mandate Link",
        "name creation modified idx sepa_mandate mandate_reference status is_current valid_from valid_until parent",
        links,
        owner="Administrator",
        modified_by="Administrator",
        parentfield="sepa_mandates",
        parenttype="Member",
    )

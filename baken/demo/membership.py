"""Write the members of the demo as documents: chapters, types, customers, members, and all that hangs on a member."""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import date

from baken.demo import mandates, memberships, people, terminations, volunteers
from baken.demo.layout import insert
from baken.demo.memberships import next_invoice
from baken.demo.naming import NamingSeries
from baken.demo.rhythm import at, document_name, stamp
from baken.demo.world import MEMBERSHIP_TYPES, World


def write_members(world: World, conn: sqlite3.Connection) -> None:
    """Insert chapters, types, customers, members, memberships, schedules, mandates, volunteers, terminations."""
    rng = world.stream("association")
    _write_fixtures(world, conn)
    names = NamingSeries(4)
    _name_documents(world, rng, names)
    insert(
        conn,
        "tabCustomer",
        "name creation modified owner customer_name email_id mobile_no member first_name last_name",
        [
            (
                m.customer,
                stamp(m.approved or m.applied),
                stamp(m.approved or m.applied),
                "Administrator",
                m.person.full,
                m.person.email,
                m.person.phone,
                m.name,
                m.person.first,
                m.person.last,
            )
            for m in world.members
            if m.customer
        ],
        modified_by="Administrator",
        naming_series="CUST-.YYYY.-",
        customer_type="Individual",
        language="nl",
        default_currency="EUR",
        customer_group="Members",
        territory="Netherlands",
    )
    insert(
        conn,
        "tabMember",
        "name creation modified owner first_name tussenvoegsel last_name full_name birth_date age email contact_number "
        "status member_id member_since current_membership_details current_dues_schedule next_invoice_date "
        "current_membership_type current_membership_start dues_rate payment_method iban bic bank_account_name "
        "payment_reference membership_status dues_schedule application_id application_status application_date "
        "selected_membership_type reviewed_by review_date customer total_membership_days interested_in_volunteering",
        _member_rows(world, rng),
        modified_by="Administrator",
        permission_category="Board Only",
    )
    insert(
        conn,
        "tabChapter Member",
        "name creation modified idx member chapter_join_date parent status enabled",
        _chapter_rows(world, rng),
        modified_by="Administrator",
        owner="Administrator",
        docstatus=0,
        parentfield="members",
        parenttype="Chapter",
    )
    memberships.write_memberships(world, names, conn)
    memberships.write_schedules(world, conn)
    mandates.write_mandates(world, rng, conn)
    volunteers.write_volunteers(world, rng, conn)
    terminations.write_terminations(world, rng, conn)


def _write_fixtures(world: World, conn: sqlite3.Connection) -> None:
    born = stamp(at(world.start, 8))
    insert(
        conn,
        "tabChapter",
        "name creation modified region route",
        [(name, born, born, region, f"chapters/{name.lower()}") for name, region in people.CHAPTERS],
        owner="Administrator",
        modified_by="Administrator",
        status="Active",
        published=1,
    )
    insert(
        conn,
        "tabMembership Type",
        "name creation modified membership_type_name billing_period billing_period_in_months minimum_amount "
        "dues_schedule_template default_for_new_members",
        [
            (kind, born, born, kind, frequency, months, rate, f"{kind} Template", int(kind.startswith("Annual")))
            for kind, frequency, months, rate, _ in MEMBERSHIP_TYPES
        ],
        owner="Administrator",
        modified_by="Administrator",
        is_active=1,
    )


def _name_documents(world: World, rng: random.Random, memberships: NamingSeries) -> None:
    customers: Counter[str] = Counter()
    for life in world.members:
        if life.approved is None:
            continue
        life.membership = memberships.next(f"MEMB-{life.approved:%y-%m}-")
        life.schedule = f"Schedule-{life.name}-{life.membership_type}-001"
        if life.method == "SEPA Direct Debit" or life.dormant:
            life.mandate = document_name(rng)
            life.mandate_id = f"M-{life.number:05d}-{life.approved.year}"
        if rng.random() < 0.0045:
            continue  # approved, and the customer was never made: their dues cannot be invoiced
        name = life.person.full
        customers[name] += 1
        life.customer = name if customers[name] == 1 else f"{name} - {customers[name] - 1}"


def _member_rows(world: World, rng: random.Random) -> Iterator[tuple[object, ...]]:
    for m in world.members:
        p = m.person
        born = date(world.today.year - rng.randrange(17, 84), rng.randrange(1, 13), rng.randrange(1, 29))
        joined = m.approved
        upcoming = next_invoice(world, m)
        sepa = m.method == "SEPA Direct Debit"
        until = m.left or world.here
        yield (
            m.name,
            stamp(m.applied),
            stamp(m.changed),
            "Administrator" if m.imported else "Guest",
            p.first,
            p.between or None,
            p.last,
            p.full,
            born.isoformat(),
            world.today.year - born.year,
            p.email,
            p.phone,
            m.status,
            f"{1000 + m.number}",
            joined.date().isoformat() if joined else None,
            m.membership,
            m.schedule if m.status == "Active" else None,
            upcoming.isoformat() if upcoming else None,
            m.membership_type if joined else None,
            joined.date().isoformat() if joined else None,
            m.rate if joined else 0,
            m.method,
            p.iban if sepa else None,
            p.bic if sepa else None,
            p.full if sepa else None,
            m.name,
            {"Active": "Active", "Pending": None, "Rejected": None}.get(m.status, "Expired"),
            m.schedule,
            f"APP-{m.applied:%Y}-{m.number:05d}",
            m.application_status,
            stamp(m.applied),
            m.membership_type,
            None if m.status == "Pending" else "board@example.test",
            None if m.status == "Pending" else stamp(joined or m.changed),
            m.customer,
            (until - joined).days if joined else 0,
            int(rng.random() < 0.2),
        )


def _chapter_rows(world: World, rng: random.Random) -> Iterator[tuple[object, ...]]:
    places: Counter[str] = Counter()
    for m in world.members:
        if m.approved is None:
            continue
        places[m.chapter] += 1
        gone = m.left is not None
        yield (
            document_name(rng),
            stamp(m.approved),
            stamp(m.left or m.approved),
            places[m.chapter],
            m.name,
            m.approved.date().isoformat(),
            m.chapter,
            "Inactive" if gone else "Active",
            int(not gone),
        )

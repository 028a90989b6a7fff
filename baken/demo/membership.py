"""Write the members of the demo as documents: with memberships, dues schedules, mandates, volunteers, terminations."""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from baken.demo import people, rhythm
from baken.demo.layout import insert
from baken.demo.naming import NamingSeries
from baken.demo.rhythm import at, document_name, stamp
from baken.demo.world import ABBREVIATION, MEMBERSHIP_TYPES, MemberLife, World


def write_members(world: World, conn: sqlite3.Connection) -> None:
    """Insert chapters, types, customers, members, memberships, schedules, mandates, volunteers, terminations."""
    rng = world.stream("association")
    _write_fixtures(world, conn)
    memberships = NamingSeries(4)
    _name_documents(world, rng, memberships)
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
    _write_memberships(world, memberships, conn)
    _write_schedules(world, conn)
    _write_mandates(world, rng, conn)
    _write_volunteers(world, rng, conn)
    _write_terminations(world, rng, conn)


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


def next_dues(life: MemberLife, today: date) -> date:
    """The next day on which dues of a member with an active schedule will be invoiced, after `today`."""
    anchor = (life.approved or life.applied).date()
    for year, month in rhythm.months_between(today, today + timedelta(days=400)):
        day = date(year, month, rhythm.DUES_DAY)
        if day > today and (year * 12 + month - anchor.year * 12 - anchor.month) % life.months == 0:
            return day
    raise ValueError(f"{life.name} has no month in which dues fall")


def _stuck_since(life: MemberLife, today: date) -> date:
    return today - timedelta(days=21 + life.number % 45)


def _next_invoice(world: World, life: MemberLife) -> date | None:
    if life.schedule is None or life.status != "Active":
        return None
    return _stuck_since(life, world.today) if life.stuck else next_dues(life, world.today)


def _member_rows(world: World, rng: random.Random) -> Iterator[tuple[object, ...]]:
    for m in world.members:
        p = m.person
        born = date(world.today.year - rng.randrange(17, 84), rng.randrange(1, 13), rng.randrange(1, 29))
        joined = m.approved
        upcoming = _next_invoice(world, m)
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


def _write_memberships(world: World, names: NamingSeries, conn: sqlite3.Connection) -> None:
    rows: list[tuple[object, ...]] = []
    for m in world.members:
        if m.approved is None:
            continue
        start = m.approved.date()
        renewal = start
        end = (m.left or world.here).date()
        while renewal <= end:
            renewal = renewal.replace(year=renewal.year + 1, day=min(renewal.day, 28))
        status = {"Active": "Active", "Suspended": "Inactive", "Expired": "Expired"}.get(m.status, "Cancelled")
        rows.append(
            (
                m.membership,
                stamp(m.approved),
                stamp(m.left or m.approved),
                2 if status == "Cancelled" else 1,
                m.name,
                m.person.full,
                m.person.email,
                m.membership_type,
                status,
                start.isoformat(),
                renewal.isoformat(),
                m.left.date().isoformat() if m.left and status == "Cancelled" else None,
            )
        )
    drafts = [m for m in world.members if m.application_status == "Payment Pending"]
    for i, m in enumerate(drafts, start=1):
        rows.append(
            (
                names.next(f"MEMB-{m.applied:%y-%m}-"),
                stamp(m.changed),
                stamp(m.changed),
                0,
                m.name,
                m.person.full,
                m.person.email,
                m.membership_type,
                "Pending" if i % 2 else "Draft",
                m.applied.date().isoformat(),
                None,
                None,
            )
        )
    insert(
        conn,
        "tabMembership",
        "name creation modified docstatus member member_name email membership_type status start_date renewal_date "
        "cancellation_date",
        rows,
        owner="Administrator",
        modified_by="Administrator",
        cancellation_type="Immediate",
        btw_exemption_type="EXEMPT_MEMBERSHIP",
    )


def _write_schedules(world: World, conn: sqlite3.Connection) -> None:
    columns = (
        "name creation modified schedule_name member membership member_name membership_type status billing_frequency "
        "auto_generate next_invoice_date last_invoice_date dues_rate minimum_amount suggested_amount is_template "
        "template_reference"
    )
    born = stamp(at(world.start, 8))
    rows: list[tuple[object, ...]] = [
        (
            f"{kind} Template",
            born,
            born,
            f"{kind} Template",
            None,
            None,
            None,
            kind,
            "Active",
            frequency,
            1,
            None,
            None,
            rate,
            rate,
            rate,
            1,
            None,
        )
        for kind, frequency, _, rate, _ in MEMBERSHIP_TYPES
    ]
    for m in world.members:
        if m.approved is None:
            continue
        status = {"Active": "Active", "Suspended": "Paused"}.get(m.status, "Cancelled")
        upcoming = _next_invoice(world, m)
        last = None
        if upcoming and not m.stuck:
            months = upcoming.year * 12 + upcoming.month - 1 - m.months
            last = max(date(months // 12, months % 12 + 1, rhythm.DUES_DAY), m.approved.date()).isoformat()
        rows.append(
            (
                m.schedule,
                stamp(m.approved),
                stamp(m.left or m.approved),
                m.schedule,
                m.name,
                m.membership,
                m.person.full,
                m.membership_type,
                status,
                m.frequency,
                1,
                upcoming.isoformat() if upcoming else None,
                last,
                m.rate,
                m.rate,
                m.rate,
                0,
                f"{m.membership_type} Template",
            )
        )
    insert(
        conn,
        "tabMembership Dues Schedule",
        columns,
        rows,
        owner="Administrator",
        modified_by="Administrator",
        currency="EUR",
        contribution_mode="Calculator",
        base_multiplier=1,
        billing_day=rhythm.DUES_DAY,
        invoice_days_before=0,
    )


def _write_mandates(world: World, rng: random.Random, conn: sqlite3.Connection) -> None:
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


def _write_volunteers(world: World, rng: random.Random, conn: sqlite3.Connection) -> None:
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


def _write_terminations(world: World, rng: random.Random, conn: sqlite3.Connection) -> None:
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

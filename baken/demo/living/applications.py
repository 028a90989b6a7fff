"""People apply, and their applications are reviewed until they are members."""

import random
from datetime import datetime, timedelta

from baken.demo import people, rhythm
from baken.demo.layout import insert
from baken.demo.living import money
from baken.demo.living.stage import Stage
from baken.demo.memberships import next_dues
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import MEMBERSHIP_TYPES, STAFF, MemberLife


def apply(stage: Stage, now: datetime) -> None:
    """Somebody applies; more in January than in summer, and nobody once the association has grown by half."""
    grown = int(stage.one("SELECT COUNT(*) FROM tabMember")) > 1.5 * stage.bench.members
    if grown or stage.rng.random() > rhythm.MONTHS[now.month - 1] / max(rhythm.MONTHS):
        return
    stage.number += 1
    here = local(now)
    p = people.person(stage.rng, stage.number)
    kind, _, _, _, _ = stage.rng.choices(MEMBERSHIP_TYPES, [t[4] for t in MEMBERSHIP_TYPES])[0]
    name = f"Assoc-Member-{here:%Y-%m}-{stage.number}"
    sepa = stage.rng.random() < 0.7
    when = stamp(here)
    insert(
        stage.conn,
        "tabMember",
        "name creation modified first_name tussenvoegsel last_name full_name email contact_number member_id "
        "payment_method iban bic payment_reference application_id application_date selected_membership_type",
        [
            (
                name,
                when,
                when,
                p.first,
                p.between or None,
                p.last,
                p.full,
                p.email,
                p.phone,
                str(stage.number),
                "SEPA Direct Debit" if sepa else "Bank Transfer",
                p.iban if sepa else None,
                p.bic if sepa else None,
                name,
                f"APP-{here:%Y}-{stage.number}",
                when,
                kind,
            )
        ],
        owner="Guest",
        modified_by="Guest",
        status="Pending",
        application_status="Pending",
        permission_category="Board Only",
    )
    stage.mail_to(p.email, here)


def review(stage: Stage, now: datetime) -> None:
    """The application that waits longest, of those that are looked at, gets one step further."""
    recent = stamp(local(now) - timedelta(days=16))
    waiting = int(stage.one("SELECT COUNT(*) FROM tabMember WHERE status = 'Pending' AND creation > ?", recent))
    # The fewer wait, the longer each waits: the queue neither empties nor grows without end.
    if stage.rng.random() > waiting / max(9.0, 0.012 * stage.bench.members):
        return
    found = stage.pick(
        "SELECT name, application_status FROM tabMember WHERE status = 'Pending' AND creation > ? "
        "ORDER BY creation LIMIT 6",
        recent,
    )
    if found is None:
        return
    name, state = str(found[0]), found[1]
    when = stamp(local(now))
    following = {"Pending": "Under Review", "Under Review": "Payment Pending"}.get(str(state))
    if following is not None and stage.rng.random() < 0.04:
        stage.conn.execute(
            "UPDATE tabMember SET status = 'Rejected', application_status = 'Rejected', modified = ?, "
            "review_date = ?, reviewed_by = ? WHERE name = ?",
            (when, when, STAFF[1], name),
        )
    elif following is not None:
        stage.conn.execute(
            "UPDATE tabMember SET application_status = ?, modified = ? WHERE name = ?", (following, when, name)
        )
    else:
        _approve(stage, name, now)


def _approve(stage: Stage, name: str, now: datetime) -> None:
    here = local(now)
    when, day = stamp(here), here.date()
    row = stage.conn.execute(
        "SELECT full_name, email, selected_membership_type, iban, bic FROM tabMember WHERE name = ?", (name,)
    ).fetchone()
    full, email, chosen, iban, bic = row
    kind, frequency, months, rate, _ = next((t for t in MEMBERSHIP_TYPES if t[0] == chosen), MEMBERSHIP_TYPES[0])
    taken = stage.one("SELECT 1 FROM tabCustomer WHERE name = ?", full)
    customer = f"{full} - {stage.number}-{name[-4:]}" if taken else full
    membership = f"MEMB-{here:%y-%m}-L{name.rsplit('-', 1)[-1]}"
    schedule = f"Schedule-{name}-{kind}-001"
    life = MemberLife(
        name,
        0,
        people.person(random.Random(0), 0),
        kind,
        frequency,
        months,
        rate,
        "",
        here,
        here,
        None,
        "Active",
        "Active",
        here,
        False,
        "",
    )
    upcoming = next_dues(life, day).isoformat()
    std: dict[str, str | int] = {"owner": STAFF[1], "modified_by": STAFF[1]}
    insert(
        stage.conn,
        "tabCustomer",
        "name creation modified customer_name email_id member",
        [(customer, when, when, full, email, name)],
        customer_type="Individual",
        naming_series="CUST-.YYYY.-",
        **std,
    )
    insert(
        stage.conn,
        "tabMembership",
        "name creation modified member member_name email membership_type start_date renewal_date",
        [
            (
                membership,
                when,
                when,
                name,
                full,
                email,
                kind,
                day.isoformat(),
                day.replace(year=day.year + 1, day=min(day.day, 28)).isoformat(),
            )
        ],
        docstatus=1,
        status="Active",
        **std,
    )
    insert(
        stage.conn,
        "tabMembership Dues Schedule",
        "name creation modified schedule_name member membership member_name membership_type billing_frequency "
        "next_invoice_date dues_rate minimum_amount",
        [(schedule, when, when, schedule, name, membership, full, kind, frequency, upcoming, rate, rate)],
        status="Active",
        auto_generate=1,
        currency="EUR",
        billing_day=rhythm.DUES_DAY,
        **std,
    )
    stage.conn.execute(
        "UPDATE tabMember SET status = 'Active', application_status = 'Active', modified = ?, review_date = ?, "
        "reviewed_by = ?, member_since = ?, customer = ?, current_membership_details = ?, "
        "current_dues_schedule = ?, "
        "dues_schedule = ?, current_membership_type = ?, current_membership_start = ?, next_invoice_date = ?, "
        "dues_rate = ?, membership_status = 'Active' WHERE name = ?",
        (
            when,
            when,
            STAFF[1],
            day.isoformat(),
            customer,
            membership,
            schedule,
            schedule,
            kind,
            day.isoformat(),
            upcoming,
            rate,
            name,
        ),
    )
    if iban:
        mandate, reference = document_name(stage.rng), f"M-{name.rsplit('-', 1)[-1]}-{here.year}"
        insert(
            stage.conn,
            "tabSEPA Mandate",
            "name creation modified mandate_id member member_name account_holder_name iban bic sign_date",
            [(mandate, when, when, reference, name, full, full, iban, bic, day.isoformat())],
            status="Active",
            mandate_type="RCUR",
            scheme="SEPA",
            is_active=1,
            used_for_memberships=1,
            frequency="Monthly",
            maximum_amount=250,
            **std,
        )
        insert(
            stage.conn,
            "tabMember SEPA Mandate Link",
            "name creation modified sepa_mandate mandate_reference valid_from parent",
            [(document_name(stage.rng), when, when, mandate, reference, day.isoformat(), name)],
            status="Active",
            is_current=1,
            idx=1,
            parentfield="sepa_mandates",
            parenttype="Member",
            **std,
        )
        stage.audit(now, "Mandate Creation", "mandate_created", "SEPA Mandate", mandate)
    money.invoice(stage, name, now, rate)
    stage.mail_to(str(email), here)

"""Memberships and dues schedules, and when dues fall due."""

import sqlite3
from datetime import date, timedelta

from baken.demo import rhythm
from baken.demo.layout import insert
from baken.demo.naming import NamingSeries
from baken.demo.rhythm import at, stamp
from baken.demo.world import MEMBERSHIP_TYPES, MemberLife, World


def next_dues(life: MemberLife, today: date) -> date:
    """The next day on which dues of a member with an active schedule will be invoiced, after `today`."""
    anchor = (life.approved or life.applied).date()
    for year, month in rhythm.months_between(today, today + timedelta(days=400)):
        day = date(year, month, rhythm.DUES_DAY)
        if day > today and (year * 12 + month - anchor.year * 12 - anchor.month) % life.months == 0:
            return day
    raise ValueError(f"{life.name} has no month in which dues fall")


def stuck_since(life: MemberLife, today: date) -> date:
    return today - timedelta(days=21 + life.number % 45)


def next_invoice(world: World, life: MemberLife) -> date | None:
    if life.schedule is None or life.status != "Active":
        return None
    return stuck_since(life, world.today) if life.stuck else next_dues(life, world.today)


def write_memberships(world: World, names: NamingSeries, conn: sqlite3.Connection) -> None:
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


def write_schedules(world: World, conn: sqlite3.Connection) -> None:
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
        upcoming = next_invoice(world, m)
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

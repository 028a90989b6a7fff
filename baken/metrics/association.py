"""Metrics of the domain association: members, applications, volunteers, dues schedules, and gaps in the records."""

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select

from baken.clock import DAY, iso
from baken.metrics import departures
from baken.metrics.catalogue import FIVE_MINUTES, HOUR, QUARTER, Values, metric, observation
from baken.metrics.statuses import label, number_where, since, tally, windows
from baken.privacy import mask
from baken.sites.problems import NotAvailable, SiteProblem
from baken.sites.reading import Reading
from baken.sites.rows import MODIFIED, indexed_time

MEMBER_STATUSES = ("Pending", "Active", "Rejected", "Expired", "Suspended", "Banned", "Deceased", "Terminated")
NEVER_ADMITTED = ("Pending", "Rejected")
VOLUNTEER_STATUSES = ("New", "Onboarding", "Active", "Inactive", "Retired")
APPLICATION_STATUSES = ("Pending", "Under Review", "Approved", "Rejected", "Payment Pending", "Active")
OPEN_APPLICATION = ("Pending", "Under Review", "Payment Pending")
SCHEDULE_STATUSES = ("Active", "Paused", "Cancelled", "Test")

STALLED = timedelta(days=7)
"""How long an application may be open, and how long an invoice may be late, before it counts as stuck."""

ORPHAN_DAYS = 90
"""How many days back payments without a reference are looked for."""

# For longer than this a payment is hardly a draft.
_DRAFT_DAYS = 90

# Verenigingen makes an invoice this long before its date, unless the schedule says less; it looks no further ahead.
_DAYS_AHEAD = 30

_NEWEST_ALERTS = 50
_OPEN_ALERT = ("Active", "Acknowledged")
_LONGEST_MESSAGE = 1000

# What stands between quotes and could be the name of a person: letters only, with a capital.
_QUOTED_NAME = re.compile(
    r"""(?<!\w)(["'“‘„«])(?=[^"'”’»\n]{0,80}[^\W\d_a-zà-ÿ])([^\W\d_][^\d_"”»\n:;=<>(){}]{1,80}?)(["'”’»])(?!\w)"""
)

_APPLICATION_NEEDS = {"Member": ("status", "application_status")}
_LEFT_NEEDS = {"Member": ("status", "modified")}
_NEW_NEEDS = {"Member": ("status", "member_since", "creation")}


@metric(
    "association_members",
    unit="members",
    title="Members by status",
    help="Members per status",
    nl=("Leden per status", "Leden per status"),
    labels=("status",),
    needs={"Member": ("status",)},
    every=FIVE_MINUTES,
)
def members(r: Reading) -> Values:
    """Member by status."""
    return tally(((row.status, row.number) for row in _members(r)), MEMBER_STATUSES)


@metric(
    "association_members_new",
    unit="members",
    title="New members",
    help="Members who joined today (day) and within 30 days with today (month), in the site's zone",
    nl=(
        "Nieuwe leden",
        "Leden die vandaag (dag) en in de laatste 30 dagen met vandaag (maand) lid werden, in de tijdzone van de site",
    ),
    labels=("window",),
    needs=_NEW_NEEDS,
    every=FIVE_MINUTES,
    good="up",
)
def members_new(r: Reading) -> Values:
    """Member by member_since, or by creation where that is empty; not those who were never admitted."""
    yield from _new(r).items()


@metric(
    "association_members_left",
    unit="members",
    title="Members who left",
    help="Members who left today (day) and within 30 days with today (month), in the site's zone",
    nl=(
        "Vertrokken leden",
        "Leden die vandaag (dag) en in de laatste 30 dagen met vandaag (maand) vertrokken, in de tijdzone van de site",
    ),
    labels=("window",),
    needs=_LEFT_NEEDS,
    every=QUARTER,
    good="down",
)
def members_left(r: Reading) -> Values:
    """See `departures` for what tells the day on which a member left."""
    yield from departures.members_left(r).items()


@metric(
    "association_members_net_growth",
    unit="members",
    title="Net member growth",
    help="Members who joined less members who left, today (day) and within 30 days with today (month)",
    nl=(
        "Nettogroei van leden",
        "Leden die lid werden min leden die vertrokken, vandaag (dag) en in de laatste 30 dagen met vandaag (maand)",
    ),
    labels=("window",),
    needs={"Member": ("status", "member_since", "creation", "modified")},
    every=QUARTER,
    good="up",
)
def members_net_growth(r: Reading) -> Values:
    """association_members_new less association_members_left."""
    left = departures.members_left(r)
    for window, number in _new(r).items():
        yield window, number - left[window]


@metric(
    "association_members_without_customer",
    unit="members",
    title="Members without customer record",
    help="Active members without a customer record: they cannot be invoiced",
    nl=("Leden zonder klantrecord", "Actieve leden zonder klantrecord (Customer): zij kunnen geen factuur krijgen"),
    needs={"Member": ("status", "customer")},
    every=FIVE_MINUTES,
    good="down",
)
def members_without_customer(r: Reading) -> Values:
    """Member with status Active and no customer."""
    yield (sum(int(row.without_customer) for row in _members(r) if row.status == "Active"),)


@metric(
    "association_volunteers",
    unit="volunteers",
    title="Volunteers by status",
    help="Volunteers per status",
    nl=("Vrijwilligers per status", "Vrijwilligers per status"),
    labels=("status",),
    needs={"Volunteer": ("status",)},
    every=FIVE_MINUTES,
)
def volunteers(r: Reading) -> Values:
    """Volunteer by status."""
    table = r.table("Volunteer")
    return tally(map(tuple, r.rows(select(table.c.status, func.count()).group_by(table.c.status))), VOLUNTEER_STATUSES)


@metric(
    "association_applications",
    unit="applications",
    title="Applications by status",
    help="Membership applications per status; open ones only of members who are still Pending",
    nl=(
        "Aanmeldingen per status",
        "Lidmaatschapsaanmeldingen per status; open aanmeldingen alleen van leden die nog in behandeling zijn",
    ),
    labels=("status",),
    needs=_APPLICATION_NEEDS,
    every=FIVE_MINUTES,
)
def applications(r: Reading) -> Values:
    """Member by application_status.

    An application is a Member: there is no DocType for it. Every Member gets application_status Pending to begin
    with, one who never applied keeps it, so open statuses count only while Member.status is Pending, as
    verenigingen's own list of applications has it. Members without an application_status have none.
    """
    counted = (
        (row.application_status, row.number)
        for row in _members(r)
        if row.application_status and (row.application_status not in OPEN_APPLICATION or row.status == "Pending")
    )
    return tally(counted, APPLICATION_STATUSES)


@metric(
    "association_applications_stalled",
    unit="applications",
    title="Stalled applications",
    help="Open membership applications that are older than 7 days",
    nl=("Stilstaande aanmeldingen", "Open lidmaatschapsaanmeldingen die ouder zijn dan 7 dagen"),
    needs={"Member": ("status", "application_status", "creation")},
    every=FIVE_MINUTES,
    good="down",
)
def applications_stalled(r: Reading) -> Values:
    """Open applications by application_date, or by creation where that is empty."""
    member, made = _application_time(r)
    query = select(func.count()).where(_is_open(member), made < r.local(r.now - STALLED))
    yield (r.scalar(query),)


@metric(
    "association_application_median_days",
    unit="days",
    title="Median age of applications",
    help="Median age of the membership applications that are open",
    nl=("Mediane leeftijd van aanmeldingen", "Mediane leeftijd van de lidmaatschapsaanmeldingen die openstaan"),
    needs={"Member": ("status", "application_status", "creation")},
    every=FIVE_MINUTES,
    good="down",
)
def application_median_days(r: Reading) -> Values:
    """Median of now less application_date (creation where that is empty) of open applications, in days."""
    member, made = _application_time(r)
    number = sum(
        row.number for row in _members(r) if row.status == "Pending" and row.application_status in OPEN_APPLICATION
    )
    if not number:
        raise NotAvailable("no membership application is open")
    query = select(made).where(_is_open(member)).order_by(made)
    middle = r.rows(query.offset((number - 1) // 2).limit(2 - number % 2))
    ages = [(r.now - moment) / DAY for row in middle if (moment := r.utc(row[0]))]
    if not ages:
        raise NotAvailable("the open membership applications have neither a date nor a creation time")
    yield (max(0.0, sum(ages) / len(ages)),)


@metric(
    "association_dues_schedules",
    unit="schedules",
    title="Dues schedules by status",
    help="Dues schedules of members per status, without templates",
    nl=("Contributieschema's per status", "Contributieschema's van leden per status, zonder sjablonen"),
    labels=("status",),
    needs={"Membership Dues Schedule": ("status",)},
    every=FIVE_MINUTES,
)
def dues_schedules(r: Reading) -> Values:
    """Membership Dues Schedule by status; not is_template."""
    table = r.table("Membership Dues Schedule")
    query = select(table.c.status, func.count()).group_by(table.c.status)
    if "is_template" in table.c:
        query = query.where(table.c.is_template == 0)
    return tally(map(tuple, r.rows(query)), SCHEDULE_STATUSES)


@metric(
    "association_dues_schedules_stuck",
    unit="schedules",
    title="Stuck dues schedules",
    help="Active dues schedules whose next invoice should have been made more than 7 days ago",
    nl=(
        "Vastgelopen contributieschema's",
        "Actieve contributieschema's waarvan de volgende factuur al meer dan 7 dagen geleden gemaakt had moeten zijn",
    ),
    needs={"Membership Dues Schedule": ("status", "auto_generate", "next_invoice_date")},
    every=FIVE_MINUTES,
    good="down",
)
def dues_schedules_stuck(r: Reading) -> Values:
    """Schedules that are due since more than 7 days, by the rules after which verenigingen makes invoices.

    The daily run takes schedules that are Active, auto_generate, not is_template and not test_mode, from
    invoice_days_before days ahead of next_invoice_date; empty means 30, and it looks at most 30 days ahead.
    """
    table = r.table("Membership Dues Schedule")
    last = r.today() - STALLED
    query = (
        select(table.c.next_invoice_date, func.count().label("number"))
        .where(
            table.c.status == "Active",
            table.c.auto_generate == 1,
            table.c.next_invoice_date < last + timedelta(days=_DAYS_AHEAD),
        )
        .group_by(table.c.next_invoice_date)
    )
    for flag in ("is_template", "test_mode"):
        if flag in table.c:
            query = query.where(table.c[flag] == 0)
    known = "invoice_days_before" in table.c
    if known:
        query = query.add_columns(table.c.invoice_days_before).group_by(table.c.invoice_days_before)
    stuck = 0
    for row in r.rows(query):
        days = row.invoice_days_before if known else 0
        ahead = _DAYS_AHEAD if days is None else min(days, _DAYS_AHEAD)
        if row.next_invoice_date - timedelta(days=ahead) < last:
            stuck += row.number
    yield (stuck,)


@metric(
    "association_payments_without_reference",
    unit="payments",
    title="Unassigned payments",
    help="Received, submitted payments of the last 90 days that are assigned to no invoice or other document",
    nl=(
        "Niet-toegewezen betalingen",
        "Ontvangen, ingediende betalingen van de laatste 90 dagen die aan geen factuur of ander document zijn"
        " toegewezen",
    ),
    needs={
        "Payment Entry": ("docstatus", "payment_type", "posting_date", "creation", "modified"),
        "Payment Entry Reference": ("parent",),
    },
    every=HOUR,
    good="down",
)
def payments_without_reference(r: Reading) -> Values:
    """Payment Entry, docstatus 1, Receive, posted within 90 days, without a row in Payment Entry Reference."""
    entry, reference = r.table("Payment Entry"), r.table("Payment Entry Reference")
    assigned = select(reference.c.parent).where(reference.c.parent == entry.c.name).exists()
    query = select(func.count()).where(
        *_written_lately(r, entry),
        entry.c.posting_date >= r.today() - timedelta(days=ORPHAN_DAYS),
        entry.c.docstatus == 1,
        entry.c.payment_type == "Receive",
        ~assigned,
    )
    yield (r.scalar(query),)


def _written_lately(r: Reading, entry: Any) -> list[ColumnElement[bool]]:
    """What bounds the payments that are read to find those posted within ORPHAN_DAYS; none where nothing can."""
    by = None if r.indexed("Payment Entry", "posting_date") else indexed_time(r, "Payment Entry")
    if by is None:
        return []
    # A payment is not older than its last change, an imported one may be. Where only `creation` has an index (Frappe
    # 16), one that lay about as a draft for longer than _DRAFT_DAYS before its date is not found.
    days = ORPHAN_DAYS + (1 if by == MODIFIED else _DRAFT_DAYS)
    return [entry.c[by] >= r.local(r.now - timedelta(days=days))]


@observation(
    "active_alerts",
    help="The site's own System Alerts that are Active or Acknowledged: the newest 50, and how many per severity",
    needs={"System Alert": ("status", "severity", "alert_type", "message", "timestamp")},
    every=FIVE_MINUTES,
)
def active_alerts(r: Reading) -> dict[str, Any]:
    """Open System Alerts, their texts masked.

    Returns:
        {"alerts": [{name, alert_type, severity, message, status, timestamp (ISO, UTC)}], newest first,
        "open": {severity: number}, "total": number}
    """
    table = r.table("System Alert")
    is_open: ColumnElement[bool] = table.c.status.in_(_OPEN_ALERT)
    if r.has("System Alert", "source"):
        # What Baken itself has copied there is no other alert.
        is_open = and_(is_open, or_(table.c.source.is_(None), table.c.source != "Baken"))
    names = ("name", "alert_type", "severity", "message", "status", "timestamp")
    newest = r.rows(
        select(*(table.c[name] for name in names))
        .where(is_open)
        .order_by(table.c.timestamp.is_(None), table.c.timestamp.desc(), table.c.name)
        .limit(_NEWEST_ALERTS)
    )
    per_severity = r.rows(select(table.c.severity, func.count()).where(is_open).group_by(table.c.severity))
    counts = {severity: int(number) for severity, number in tally(map(tuple, per_severity))}
    return {
        "alerts": [
            {
                "name": mask(str(row.name)),
                "alert_type": label(row.alert_type),
                "severity": label(row.severity),
                "message": _without_people(str(row.message or "")),
                "status": label(row.status),
                "timestamp": iso(r.utc(row.timestamp)),
            }
            for row in newest
        ],
        "open": counts,
        "total": sum(counts.values()),
    }


def _without_people(text: str) -> str:
    """An alert's text without personal data: masked, quoted names taken out, at most 1,000 characters."""
    return _QUOTED_NAME.sub(r"\1<name>\3", mask(text))[:_LONGEST_MESSAGE]


def _members(r: Reading) -> list[Any]:
    """All members in one pass: rows (status, application_status, number, without_customer, day, month).

    What needs a field that the site lacks is None; day and month, the numbers of new members, are there when the
    site's present date is known.
    """

    def read() -> list[Any]:
        member = r.table("Member")
        groups = [member.c[name] for name in ("status", "application_status") if name in member.c]
        fields: list[Any] = [*groups, func.count().label("number")]
        without = (
            number_where(or_(member.c.customer.is_(None), member.c.customer == ""))
            if "customer" in member.c
            else literal(None)
        )
        fields.append(without.label("without_customer"))
        if r.has("Member", "member_since", "creation") and _knows_today(r):
            for window, day in windows(r).items():
                new = number_where(since(member.c.member_since, day, r.today(), member.c.creation))
                fields.append(new.label(window))
        return list(r.rows(select(*fields).select_from(member).group_by(*groups)))

    return r.once("association.members", read)


def _knows_today(r: Reading) -> bool:
    """Whether the site's time zone is known; members can be counted without it."""
    try:
        r.today()
    except SiteProblem:
        return False
    return True


def _new(r: Reading) -> dict[str, int]:
    r.today()
    admitted = [row for row in _members(r) if row.status not in NEVER_ADMITTED]
    return {window: sum(int(row._mapping[window]) for row in admitted) for window in windows(r)}


def _application_time(r: Reading) -> tuple[Any, ColumnElement[Any]]:
    member = r.table("Member")
    if "application_date" in member.c:
        return member, func.coalesce(member.c.application_date, member.c.creation)
    return member, member.c.creation


def _is_open(member: Any) -> ColumnElement[bool]:
    return and_(member.c.application_status.in_(OPEN_APPLICATION), member.c.status == "Pending")

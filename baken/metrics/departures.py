"""Who left the association, and when: the site tells it in three places."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from baken.metrics.statuses import not_before, since, windows
from baken.sites.reading import Reading

GONE = ("Expired", "Banned", "Deceased", "Terminated")
"""Statuses of those who were members and are not any more; who is Suspended still is one."""


def members_left(r: Reading) -> dict[str, int]:
    """How many members left per window. What tells the day, in this order:

    1. an executed Membership Termination Request: execution_date, else termination_date, whatever the member is now;
    2. of members with a status of GONE without such a request: cancellation_date of a membership, when it is past;
    3. of members with such a status and neither: Member.modified, which a later edit moves.
       It has no index in Frappe 16: Member is no log, but some thousands of rows that other figures pass as well.
    Every member counts once. A source that the site lacks is passed over.
    """
    return r.once("departures", lambda: _read_left(r))


def _read_left(r: Reading) -> dict[str, int]:
    spans, today = windows(r), r.today()
    first = min(spans.values())
    member = r.table("Member")
    totals = dict.fromkeys(spans, 0)
    gone: list[ColumnElement[bool]] = [member.c.status.in_(GONE)]

    def add(who: Any, conditions: dict[str, ColumnElement[bool]], query: Any) -> None:
        columns = [func.count(func.distinct(case((test, who)))).label(window) for window, test in conditions.items()]
        for row in r.rows(query.add_columns(*columns)):
            for window in totals:
                totals[window] += int(row._mapping[window])

    if r.has("Membership Termination Request", "member", "status", "execution_date", "termination_date"):
        request = r.table("Membership Termination Request")
        executed = request.c.status == "Executed"
        tests = {
            window: or_(
                not_before(request.c.execution_date, day),
                and_(request.c.execution_date.is_(None), since(request.c.termination_date, day, today)),
            )
            for window, day in spans.items()
        }
        add(request.c.member, tests, select().select_from(request).where(executed))
        gone.append(member.c.name.not_in(select(request.c.member).where(executed, request.c.member.is_not(None))))
    if r.has("Membership", "member", "cancellation_date"):
        membership = r.table("Membership")
        tests = {window: since(membership.c.cancellation_date, day, today) for window, day in spans.items()}
        joined = membership.join(member, member.c.name == membership.c.member)
        add(member.c.name, tests, select().select_from(joined).where(*gone, membership.c.cancellation_date >= first))
        dated = select(membership.c.member).where(
            membership.c.cancellation_date.is_not(None), membership.c.member.is_not(None)
        )
        gone.append(member.c.name.not_in(dated))
    tests = {window: not_before(member.c.modified, day) for window, day in spans.items()}
    add(member.c.name, tests, select().select_from(member).where(*gone, not_before(member.c.modified, first)))
    return totals
